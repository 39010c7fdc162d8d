"""Cost and a person's belief count beside improvement: cheaper to the goal, faster with a true belief, safe with a false one."""

import numpy as np
import pytest

from kgenesis.campaign.planners.model import make_planner
from kgenesis.campaign.planners.worth import Wishes, adjustments, mistaken
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.ports import PluginContext, ProposalRequest
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import make_mission, run_in_memory


def model(mission, **settings):
    context = PluginContext(settings=settings, problem=mission.problem, make=lambda *_: GaussianProcess())
    return make_planner(context)


def grid(name, n=11, high=1.0, low=0.0):
    return {"name": name, "type": "grid", "values": np.linspace(low, high, n).tolist(), "unit": "1"}


# ---- cost ----------------------------------------------------------------------------------------------------------


def reaction(conditions):
    """Yield of a reaction: hours help up to a point, and only at the right temperature and with the right solvent."""
    t, hours = conditions["t"], conditions["hours"]
    right = np.exp(-(((t - 0.7) / 0.25) ** 2)) * {"A": 1.0, "B": 0.6, "C": 0.8}[conditions["solvent"]]
    return {"y": float(100 * right * (1 - np.exp(-hours / 3.0))), "spent": float(hours + 0.5)}


def cost_to_the_goal(seed, cost, **settings):
    mission = make_mission(
        space={"factors": [grid("t", 13), grid("hours", 9, 12.0, 0.5), {"name": "solvent", "type": "categorical", "levels": ["A", "B", "C"]}]},
        objectives=[{"name": "y", "goal": "maximize", "unit": "percent", "target": 93}],
        cost=cost, budget={"experiments": 40, "cost": 150},
    )  # fmt: skip
    state = run_in_memory(mission, reaction, model(mission, **settings), seed=seed)
    assert state.spent <= 150 + 13
    return state.spent if state.stopped == "reached" else 200.0


@pytest.mark.slow
@pytest.mark.parametrize("cost", [{"factor": "hours"}, {"outcome": "spent"}], ids=["known", "learned"])
def test_a_goal_is_reached_for_less_where_cost_counts(cost):
    seeds = range(8)
    blind = np.mean([cost_to_the_goal(seed, cost, cost_aware="never") for seed in seeds])
    aware = np.mean([cost_to_the_goal(seed, cost) for seed in seeds])
    assert aware < blind


def test_a_dear_certain_win_is_taken_at_the_end_and_what_cannot_be_paid_never():
    mission = make_mission(
        space={"factors": [grid("t"), grid("hours", 12, 12.0, 1.0)]}, cost={"factor": "hours"},
        objectives=[{"name": "y", "goal": "maximize", "unit": "1"}], budget={"experiments": 60, "cost": 90},
    )  # fmt: skip
    state = run_in_memory(mission, lambda c: {"y": c["hours"] - abs(c["t"] - 0.5)}, model(mission), seed=1)
    assert max(e.result.mean("y") for e in state.measured()) > 11.7
    assert state.spent <= 90 + 1e-6
    assert not [e for e in state.experiments.values() if e.status == "withdrawn" and state.spent < 89]


# ---- what a person believes ----------------------------------------------------------------------------------------


def valley(conditions):
    return {
        "y": float((conditions["a"] - 0.22) ** 2 + (conditions["b"] - 0.81) ** 2 + 0.3 * (conditions["kind"] != "y"))
    }


def after(n, seed, prior):
    factors = [grid("a", 26), grid("b", 26), {"name": "kind", "type": "categorical", "levels": ["x", "y", "z"]}]
    mission = make_mission(space={"factors": factors}, budget={"experiments": 25}, objectives=[{"name": "y", "goal": "minimize", "unit": "1"}])  # fmt: skip
    state = run_in_memory(mission, valley, model(mission, prior=prior), seed=seed)
    return np.minimum.accumulate([e.result.mean("y") for e in state.measured()])[[n - 1, -1]]


TRUE = {"a": {"about": 0.2, "within": 0.1}, "b": {"about": 0.8, "within": 0.1}, "kind": {"y": 5}}
FALSE = {"a": {"about": 0.9, "within": 0.1}, "b": {"about": 0.1, "within": 0.1}, "kind": {"x": 5}}


def test_a_true_belief_helps_and_a_false_one_is_recovered_from():
    seeds = range(3)
    none, true, false = (np.mean([after(8, seed, prior) for seed in seeds], axis=0) for prior in ({}, TRUE, FALSE))
    assert true[0] < 0.5 * none[0], "after 8 experiments"
    assert false[1] <= 0.01, "after 25 experiments"


def test_a_belief_fades_with_results_and_never_says_impossible():
    mission = make_mission()
    request = ProposalRequest(mission.problem, [], [], 1, (0,), experiments_left=40)
    wishes = Wishes.model_validate({"prior": {"a": {"about": 0.5, "within": 0.01}, "kind": {"x": 1000}}})
    space = mission.space
    x = space.encode(space.to_values([{"a": 0.5, "b": 0.1, "kind": "x"}, {"a": 1.0, "b": 0.1, "kind": "z"}]))

    def gap(n):
        state = run_in_memory(make_mission(budget={"experiments": n}), lambda c: {"y": c["a"]})
        history = [e.observation() for e in state.measured()]
        left = ProposalRequest(mission.problem, history, [], 1, (0,), experiments_left=40 - n)
        (term,) = adjustments(left, wishes, GaussianProcess(), np.random.default_rng(0))
        near, far = term(x)
        return near - far

    assert gap(4) == pytest.approx(2 * np.log(100) * 4 / 4)
    assert gap(20) == pytest.approx(gap(4) / 5)
    assert adjustments(request, Wishes(), GaussianProcess(), np.random.default_rng(0)) == ()


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        ({"nobody": {"about": 1, "within": 1}}, "no factor"),
        ({"a": {"x": 1}}, "`about` and `within`"),
        ({"a": {"about": 3, "within": 1}}, "must be 0 to 1"),
        ({"kind": {"about": 1, "within": 1}}, "weight for each level"),
        ({"kind": {"w": 1}}, "not one of x, y, z"),
    ],
)
def test_a_belief_that_does_not_fit_the_space_is_refused(prior, said):
    mission = make_mission()
    (wrong,) = mistaken(Wishes.model_validate({"prior": prior}), mission.space)
    assert said in wrong.text.en
    assert wrong.text.ko != wrong.text.en
    with pytest.raises(InvalidSpec):
        model(mission, prior=prior)


def test_a_context_given_with_the_request_goes_with_cost_belief_noise_and_fidelity():
    air = {"name": "air", "type": "context", "low": 10, "high": 30, "unit": "degC"}
    mesh = {"name": "mesh", "type": "fidelity", "levels": ["coarse", "fine"], "costs": [1, 10]}
    mission = make_mission(
        space={"factors": [grid("a", 9), grid("hours", 6, 6.0, 1.0), air, mesh]}, cost={"factor": "hours"},
        objectives=[{"name": "y", "goal": "maximize", "unit": "1", "noise": 0.1}], budget={"experiments": 20, "cost": 40},
    )  # fmt: skip
    rng = np.random.default_rng(0)

    def lab(c):
        y = -((c["a"] - 0.4) ** 2) + 0.1 * c["hours"] + 0.1 * rng.standard_normal()
        return Measurement(outcomes={"y": float(y)}, context={"air": float(rng.uniform(10, 30))})

    planner = model(mission, prior={"a": {"about": 0.4, "within": 0.2}, "air": {"about": 20, "within": 5}})
    state = run_in_memory(mission, lab, planner, seed=1)
    history = [e.observation() for e in state.measured()]
    request = ProposalRequest(
        mission.problem, history, [], 3, (1,), fixed={"air": 12.0}, experiments_left=3, cost_left=20.0
    )
    proposals = planner.propose(request)
    assert [p.conditions["air"] for p in proposals] == [12.0] * 3
    assert all(not mission.space.check(p.conditions) for p in proposals)
    assert all(p.why.outlook is not None for p in proposals)


# ---- the surrogate's own settings ----------------------------------------------------------------------------------


def test_a_mission_names_its_surrogate_alone_or_with_settings():
    made = []

    def make(group, name, settings):
        made.append((name, dict(settings)))
        return GaussianProcess()

    problem = make_mission().problem
    for chosen in ("trees", {"name": "portfolio", "settings": {"weights": "equal"}}):
        make_planner(PluginContext(settings={"surrogate": chosen}, problem=problem, make=make))
    make_planner(PluginContext(problem=problem, make=make))
    assert made == [("trees", {}), ("portfolio", {"weights": "equal"}), ("portfolio", {})]
