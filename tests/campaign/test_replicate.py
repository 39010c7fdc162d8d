"""Measured again only where that is worth more than something new, and never in a laboratory without noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.campaign import decide
from kgenesis.campaign.planners.model import make_planner
from kgenesis.campaign.planners.replicate import expected_gain
from kgenesis.kernel.experiment import Measurement, Proposal, Why
from kgenesis.kernel.ports import PluginContext
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import make_mission, run_in_memory

GRID = {"factors": [{"name": n, "type": "grid", "values": np.linspace(0, 1, 9).tolist(), "unit": "1"} for n in "ab"]}


def model(mission, **settings):
    context = PluginContext(settings=settings, problem=mission.problem, make=lambda *_: GaussianProcess())
    return make_planner(context)


def truth(c):
    a, b = c["a"], c["b"]
    return float(-((a - 0.3) ** 2) - (b - 0.7) ** 2 + 0.3 * np.cos(9 * a) * np.cos(9 * b))


def mission_with(noise, budget=30, **changes):
    objectives = [{"name": "y", "goal": "maximize", "unit": "1"} | ({} if noise is None else {"noise": noise})]
    return make_mission(space=GRID, objectives=objectives, budget={"experiments": budget}, **changes)


def campaign(noise, seed, declared=True, budget=30, **settings):
    rng = np.random.default_rng((seed, 5))
    mission = mission_with(noise if declared else None, budget)
    lab = lambda c: {"y": truth(c) + noise * rng.standard_normal()}  # noqa: E731
    return run_in_memory(mission, lab, model(mission, **settings), seed=seed)


def repeated(state):
    return [e for e in state.experiments.values() if e.why.reason == "replicate"]


def test_noise_that_is_declared_is_answered_by_measuring_the_best_again_at_the_end():
    state = campaign(0.3, seed=1)
    again = repeated(state)
    assert again
    for experiment in again:
        first = state.experiments[experiment.replicate_of]
        assert first.conditions == experiment.conditions
        assert first.number < experiment.number
        assert experiment.number > 0.75 * state.budget.experiments
        assert experiment.why.nearest is not None
        assert experiment.why.expected["y"].sd > 0


def test_a_laboratory_without_noise_never_sees_a_replicate():
    assert not repeated(campaign(0.0, seed=1))
    assert not repeated(campaign(0.0, seed=1, declared=False))
    conditions = [tuple(e.conditions.values()) for e in campaign(0.0, seed=2, declared=False).experiments.values()]
    assert len(set(conditions)) == len(conditions)


def test_noise_nobody_spoke_of_counts_only_once_replicates_have_shown_it_or_if_it_is_wished():
    assert not repeated(campaign(0.3, seed=1, declared=False))
    assert not repeated(campaign(0.3, seed=1, replicate="never"))
    assert repeated(campaign(0.3, seed=3, declared=False, replicate="always"))
    rng = np.random.default_rng(5)
    start = [{"a": 0.5, "b": 0.5}] * 7
    mission = mission_with(None, start=start)
    state = run_in_memory(mission, lambda c: {"y": truth(c) + 0.3 * rng.standard_normal()}, model(mission), seed=1)
    assert [e for e in repeated(state) if e.number > len(start)]


def test_what_is_measured_again_is_done_once_whatever_the_mission_says_of_replicates():
    mission = mission_with(0.3, replicates=3)
    state = run_in_memory(mission, lambda c: {"y": truth(c)}, seed=1)
    first = next(iter(state.experiments.values()))
    state.stopped, state.budget = None, mission.budget.model_copy(update={"experiments": 60})
    why = Why(reason="replicate", planner="model", nearest=first.id)
    (event,) = decide.proposed(state, [Proposal(conditions=first.conditions, why=why)])
    assert event.replicate_of == first.id


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-2, 2)), min_size=1, max_size=6))
def test_the_expected_gain_is_what_drawing_gives(lines):
    mean, slopes = np.array(lines).T
    z = (np.arange(20000) + 0.5) / 20000
    from scipy.special import ndtri

    drawn = (mean[:, None] + slopes[:, None] * ndtri(z)).max(axis=0).mean() - mean.max()
    assert expected_gain(mean, slopes) == pytest.approx(drawn, abs=1e-3)


def test_a_standard_error_alone_is_no_reason_to_measure_again():
    mission = make_mission(
        space={"factors": [{"name": "x", "type": "grid", "values": list(range(40)), "unit": "1"}]},
        objectives=[{"name": "y", "goal": "maximize", "unit": "1"}], budget={"experiments": 25},
    )  # fmt: skip

    def looked_up(conditions):
        return Measurement.model_validate(
            {"outcomes": {"y": {"mean": -((conditions["x"] - 17) ** 2), "sem": 40.0, "n": 3}}}
        )

    state = run_in_memory(mission, looked_up, model(mission), seed=0)
    assert not [e for e in state.experiments.values() if e.why.reason == "replicate"]
