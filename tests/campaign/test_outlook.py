"""What is left to gain: said with every model proposal, true as often as it says, and a reason to end if asked for."""

import numpy as np
import pytest
from pydantic import ValidationError

from kgenesis.campaign import decide
from kgenesis.campaign.outlook import chance_of_more, latest, outlook_sentence
from kgenesis.campaign.planners.model import make_planner
from kgenesis.campaign.planners.remaining import N_DRAWS, _draw
from kgenesis.campaign.spec import Budget
from kgenesis.campaign.state import evolve
from kgenesis.kernel.experiment import Chance, Outlook, Proposal, Why
from kgenesis.kernel.ports import PluginContext
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import hill, make_mission, run_in_memory

GRID = {"space": {"factors": [{"name": n, "type": "grid", "values": np.linspace(0, 1, 15).tolist(), "unit": "1"} for n in "ab"]}}  # fmt: skip
RULE = {"improvement": 0.01, "probability": 0.05, "in_a_row": 3}


def model(mission, **settings):
    context = PluginContext(settings=settings, problem=mission.problem, make=lambda *_: GaussianProcess())
    return make_planner(context)


def outlook(*chances, n_known=5):
    return Outlook(n_known=n_known, chances=tuple(Chance(improvement=i, probability=p) for i, p in chances))


class Says:
    """A planner that says of every proposal what it was told to."""

    def __init__(self, *outlooks):
        self.outlooks = list(outlooks)

    def propose(self, request):
        found = self.outlooks.pop(0)
        if found is not None:
            found = found.model_copy(update={"n_known": len(request.history)})
        x = 0.02 * len(request.history)
        conditions = {"a": x, "b": x, "kind": "x"}
        return [Proposal(conditions=conditions, why=Why(reason="explore", planner="says", outlook=found))]


def test_a_chance_between_the_stated_ones_is_interpolated_and_beyond_them_bounded():
    found = outlook((0.0, 0.8), (1.0, 0.2), (3.0, 0.05))
    assert chance_of_more(found, 0.0) == 0.8
    assert chance_of_more(found, 1.0) == pytest.approx(0.2)
    assert chance_of_more(found, 2.0) == pytest.approx(0.1)
    assert chance_of_more(found, 9.0) == 0.05
    assert chance_of_more(outlook((0.0, 0.0)), 0.5) == 0.0


def test_a_campaign_that_has_found_the_best_ends_by_itself_and_says_why():
    mission = make_mission(
        **GRID, objectives=[{"name": "y", "goal": "minimize", "unit": "min"}], stop_when_unlikely=RULE
    )
    lab = lambda c: hill({**c, "kind": "x"})  # noqa: E731
    state = run_in_memory(mission, lab, model(mission), seed=1)
    assert state.stopped == "unlikely"
    assert state.n_final < 25
    best = min(e.result.mean("y") for e in state.measured())
    values = np.linspace(0, 1, 15)
    truth = min(lab({"a": a, "b": b})["y"] for a in values for b in values)
    assert best - truth <= 0.01
    assert chance_of_more(latest(state), 0.01) < 0.05
    assert "more than 0.01 min is" in outlook_sentence(state).en
    assert "0.01 min 넘게" in outlook_sentence(state).ko


@pytest.mark.parametrize(
    ("goal", "possible", "expected"),
    [
        ({"goal": "minimize"}, {}, "by more than 3 min is 5 %."),
        ({"goal": "minimize"}, {"y": (-1000.0, 1000.0)}, "by more than 3 min is 5 %."),
        ({"goal": "minimize"}, {"y": (3.5, 99.0)}, "beats the best is 80 %. It cannot be beaten by more than 1.5 min."),
        ({"goal": "maximize"}, {"y": (0.0, 7.0)}, "beats the best is 80 %. It cannot be beaten by more than 2 min."),
        ({"goal": "maximize"}, {"y": (0.0, 5.0)}, "Nothing better than the best is possible."),
        ({"goal": "hit", "value": 4.0}, {}, "beats the best is 80 %. It cannot be beaten by more than 1 min."),
    ],
)
def test_no_more_is_hoped_for_than_is_possible(goal, possible, expected):
    mission = make_mission(objectives=[{"name": "y", "unit": "min"} | goal], budget={"experiments": 2})
    said = Says(outlook((0.0, 0.8), (1.0, 0.2), (3.0, 0.05)), outlook((0.0, 0.8), (1.0, 0.2), (3.0, 0.05)))
    state = run_in_memory(mission, lambda c: {"y": 5.0}, said)
    sentence = outlook_sentence(state, possible)
    assert sentence.en.endswith(expected)
    assert sentence.ko != sentence.en


def test_before_anything_was_measured_nothing_limits_what_may_be_hoped_for():
    def fails(conditions):
        raise RuntimeError(conditions)

    mission = make_mission(objectives=[{"name": "y", "goal": "maximize", "unit": "1"}], budget={"experiments": 1})
    state = run_in_memory(mission, fails, Says(outlook((0.0, 0.8), (3.0, 0.05))))
    assert "by more than 3 is 5 %." in outlook_sentence(state, {"y": (0.0, 1.0)}).en


def test_where_something_may_be_left_the_campaign_goes_on_to_the_end_of_its_budget():
    rng = np.random.default_rng(5)
    mission = make_mission(**GRID, budget={"experiments": 15}, stop_when_unlikely=RULE, objectives=[{"name": "y", "goal": "maximize", "unit": "1"}])  # fmt: skip
    state = run_in_memory(mission, lambda c: {"y": float(rng.normal())}, model(mission), seed=1)
    assert state.stopped == "experiments"
    assert chance_of_more(latest(state), 0.01) > 0.05


def test_it_must_be_said_often_enough_in_a_row_and_each_time_from_more_results():
    yes, no = outlook((0.0, 0.5), (0.005, 0.01)), outlook((0.0, 0.9), (5.0, 0.5))
    mission = make_mission(stop_when_unlikely=RULE, objectives=[{"name": "y", "goal": "minimize", "unit": "1"}])
    state = run_in_memory(mission, hill, Says(yes, yes, no, yes, None, yes, yes, yes, yes, yes))
    assert (state.stopped, state.n_proposed, state.n_final) == ("unlikely", 8, 7)
    same = [Proposal(conditions={"a": 0.1 * i, "b": 0.0, "kind": "x"}, why=Why(reason="explore", planner="p", outlook=yes)) for i in range(4)]  # fmt: skip
    fresh = run_in_memory(mission.model_copy(update={"budget": Budget(experiments=1)}), hill)
    fresh.stopped, fresh.budget = None, Budget(experiments=40)
    for event in decide.proposed(fresh, same):
        evolve(fresh, event, fresh.last_at)
    assert isinstance(decide.next_steps(fresh)[0], decide.Submit), "one batch says it once"


def test_a_campaign_that_was_opened_again_goes_on():
    yes = outlook((0.0, 0.01))
    mission = make_mission(stop_when_unlikely=RULE, objectives=[{"name": "y", "goal": "minimize", "unit": "1"}])
    state = run_in_memory(mission, hill, Says(*[yes] * 9))
    assert state.stopped == "unlikely"
    evolve(state, decide.facts.CampaignExtended(budget=Budget(experiments=41)), state.last_at)
    assert isinstance(decide.next_steps(state)[0], decide.Propose)


def test_it_is_refused_where_no_unit_could_be_named():
    two = [{"name": n, "goal": "minimize", "unit": "1"} for n in "yz"]
    with pytest.raises(ValidationError, match="needs a single objective"):
        make_mission(objectives=two, stop_when_unlikely=RULE)


def test_what_is_said_to_be_unlikely_happens_as_rarely_on_functions_of_all_kinds():
    values = np.linspace(0, 1, 15)
    points = np.stack(np.meshgrid(values, values), -1).reshape(-1, 2)
    said, happened = [], []
    for seed in range(6):
        rng = np.random.default_rng((seed, 7))
        distance = np.linalg.norm(points[:, None] - points[None], axis=2) / (0.2, 0.4)[seed % 2]
        kernel = (1 + 5**0.5 * distance + 5 / 3 * distance**2) * np.exp(-(5**0.5) * distance)
        truth = np.linalg.cholesky(kernel + 1e-8 * np.eye(len(points))) @ rng.standard_normal(len(points))
        table = {tuple(p): y for p, y in zip(points.tolist(), truth.tolist(), strict=True)}
        mission = make_mission(**GRID, budget={"experiments": 22}, objectives=[{"name": "y", "goal": "maximize", "unit": "1"}])  # fmt: skip
        state = run_in_memory(mission, lambda c, table=table: {"y": table[c["a"], c["b"]]}, model(mission), seed=seed)
        best = -np.inf
        for experiment in state.measured():
            if experiment.why.outlook is not None:
                said.append(chance_of_more(experiment.why.outlook, 0.1))
                happened.append(truth.max() - best > 0.1)
            best = max(best, experiment.result.mean("y"))
    said, happened = np.array(said), np.array(happened)
    assert happened[said <= 0.1].mean() <= 0.15
    assert happened[said >= 0.5].mean() >= 0.5
    assert (said <= 0.1).sum() >= 15
    assert (said >= 0.5).sum() >= 15


class OfLowRank:
    """A posterior whose functions are all one straight line, as an ensemble's may be few."""

    def joint(self, x):
        slope = x[:, 0]
        return np.zeros(len(x)), np.outer(slope, slope)


def test_functions_are_drawn_from_a_covariance_of_low_rank():
    drawn = _draw(OfLowRank(), np.linspace(0, 1, 60)[:, None], 50, np.random.default_rng(0))
    assert drawn.shape == (N_DRAWS, 60)
    assert np.corrcoef(drawn[:, 30], drawn[:, 59])[0, 1] > 0.999
