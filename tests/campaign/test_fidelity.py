"""Cheap proxies teach and are never taken for the real thing; good ones save cost, useless ones cost at most as much again."""

import numpy as np
import pytest
from pydantic import ValidationError

from kgenesis.campaign.metrics import Curve
from kgenesis.campaign.planners.designs import make_random, make_sobol
from kgenesis.campaign.planners.model import make_planner
from kgenesis.campaign.report import best_experiment
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.ports import PluginContext, ProposalRequest
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import make_mission, run_in_memory

MESH = {"name": "mesh", "type": "fidelity", "levels": ["coarse", "fine"], "costs": [1, 10]}
PLANE = [{"name": n, "type": "grid", "values": np.linspace(0, 1, 21).tolist(), "unit": "1"} for n in "ab"]


def model(mission, **settings):
    context = PluginContext(settings=settings, problem=mission.problem, make=lambda *_: GaussianProcess())
    return make_planner(context)


def mission_of(*factors, budget=25.0, **changes):
    plain = {
        "space": {"factors": list(factors)}, "objectives": [{"name": "y", "goal": "minimize", "unit": "1", "target": 1.0}],
        "budget": {"experiments": 300, "cost": budget}, "cost": 1.0,
    }  # fmt: skip
    return make_mission(**(plain | changes))


def branin(a, b):
    """Branin's function on the unit square; its least value is 0.398."""
    x, y = 15 * a - 5, 15 * b
    return (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def biased(a, b):
    """The cheap version of Perdikaris et al. 2017 (Proc. R. Soc. A 473, 20160751, section 3b): shifted, tilted, bent."""
    return 10 * np.sqrt(max(branin(a - 2 / 15, b - 2 / 15), 0)) + 2 * (15 * a - 5.5) - 3 * (45 * b - 1) - 1


def useless(a, b):
    return 50 * np.sin(40 * a) * np.cos(37 * b)


def lab(proxy):
    return lambda c: {"y": float(branin(c["a"], c["b"]) if c.get("mesh") in (None, "fine") else proxy(c["a"], c["b"]))}


def spent_to_the_goal(seed, proxy):
    """Cost until Branin is below 1, in full experiments; `proxy` None: there are only full ones."""
    mission = mission_of(*PLANE, *([] if proxy is None else [MESH]), budget=40.0)
    state = run_in_memory(mission, lab(proxy), model(mission, n_design=4), seed=seed)
    return state.spent if state.stopped == "reached" else 50.0


def alike(a, b):
    return 0.8 * branin(min(a + 0.03, 1.0), b) + 5


@pytest.mark.slow
def test_a_good_proxy_saves_cost_and_a_useless_one_at_most_doubles_it():
    seeds = range(4)
    full, good, bad = (np.mean([spent_to_the_goal(s, proxy) for s in seeds]) for proxy in (None, alike, useless))
    assert good < 0.9 * full
    assert bad < 2 * full


def flattering(c):
    """The proxy promises far more than the full experiment keeps."""
    return {"y": (c["a"] - 0.3) ** 2 - (100.0 if c["mesh"] == "coarse" else 0.0)}


def test_what_a_proxy_shows_is_never_the_best_nor_reaches_a_target_nor_counts_anywhere():
    objectives = [{"name": "y", "goal": "minimize", "unit": "1", "target": -50}]
    mission = mission_of(*PLANE, MESH, budget=15.0, objectives=objectives)
    state = run_in_memory(mission, flattering, model(mission), seed=1)
    coarse = [e for e in state.measured() if e.conditions["mesh"] == "coarse"]
    assert coarse
    assert state.reached_by is None
    assert state.stopped == "cost"
    assert best_experiment(state).conditions["mesh"] == "fine"
    curve = Curve(mission.problem).update(state)
    assert curve.n == state.n_final
    fine = [-e.result.mean("y") for e in state.measured() if e.conditions["mesh"] == "fine"]
    assert curve.best == pytest.approx(max(fine))


def test_proxies_are_charged_their_own_cost_and_the_end_is_a_full_experiment():
    mission = mission_of(*PLANE, MESH, budget=12.0)
    state = run_in_memory(mission, lab(alike), model(mission), seed=3)
    by = {mesh: sum(e.conditions["mesh"] == mesh for e in state.measured()) for mesh in ("coarse", "fine")}
    assert state.spent == pytest.approx(by["fine"] + 0.1 * by["coarse"])
    assert 0.1 * by["coarse"] <= by["fine"]
    if state.stopped == "cost":
        assert list(state.experiments.values())[-1].conditions["mesh"] == "fine"
        assert state.spent > 11


def test_planners_that_do_not_learn_do_full_experiments_unless_told_otherwise():
    mission = mission_of({"name": "hours", "type": "fidelity", "low": 10, "high": 100, "costs": [1, 20]}, *PLANE)
    context = PluginContext(problem=mission.problem)
    for make in (make_random, make_sobol):
        request = ProposalRequest(mission.problem, (), (), 4, (1,))
        assert {p.conditions["hours"] for p in make(context).propose(request)} == {100.0}
        lower = ProposalRequest(mission.problem, (), (), 4, (1,), fixed={"hours": 10.0})
        assert {p.conditions["hours"] for p in make(context).propose(lower)} == {10.0}


def test_a_fidelity_that_is_a_number_is_weighed_too():
    hours = {"name": "hours", "type": "fidelity", "low": 0.0, "high": 100.0, "costs": [1, 20]}
    mission = mission_of(hours, *PLANE, budget=15.0)
    full = lambda c: {"y": float(branin(c["a"], c["b"]) + 0.05 * (100 - c["hours"]))}  # noqa: E731
    state = run_in_memory(mission, full, model(mission, n_design=4), seed=1)
    assert {e.conditions["hours"] for e in state.measured()} > {100.0}
    assert state.spent == pytest.approx(sum(mission.problem.cost_of(e.conditions, e.result) for e in state.measured()))
    assert mission.problem.cost_of({"hours": 50.0}, Measurement(outcomes={"y": 1.0})) == pytest.approx(10.5 / 20)
    space = mission.space
    values = space.to_values([{"hours": h, "a": 0.5, "b": 0.5} for h in (0.0, 40.0, 100.0)])
    assert space.decode(space.encode(values)) == pytest.approx(values)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"levels": ["only"]}, "at least two"),
        ({"levels": ["a", "b"], "low": 1, "high": 2}, "at least two"),
        ({"levels": ["a", "b"], "costs": [1]}, "cost for each level"),
        ({"low": 2, "high": 1}, "below `high`"),
    ],
)
def test_a_fidelity_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        mission_of(*PLANE, {"name": "mesh", "type": "fidelity"} | changes)


def test_there_is_one_fidelity_at_most():
    with pytest.raises(ValidationError, match="only one factor"):
        mission_of(*PLANE, MESH, MESH | {"name": "other"})
