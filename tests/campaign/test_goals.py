"""A value to hit is hit, and what fails is learned to be avoided without giving up looking."""

import numpy as np

from kgenesis.campaign.planners.model import make_planner
from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import say
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import make_mission, run_in_memory


def grid(*names, n):
    values = np.linspace(0, 1, n).tolist()
    return {"factors": [{"name": name, "type": "grid", "values": values, "unit": "1"} for name in names]}


def run_model(mission, lab, seed):
    context = PluginContext(problem=mission.problem, make=lambda *_: GaussianProcess())
    return run_in_memory(mission, lab, make_planner(context), seed=seed)


def test_a_value_is_hit_within_a_hundredth_of_the_range_in_fifteen_experiments():
    objectives = [{"name": "y", "goal": "hit", "value": 1.7, "unit": "1"}]
    mission = make_mission(space=grid("a", "b", n=31), objectives=objectives, budget={"experiments": 15})

    def lab(c):
        return {"y": float(3 * np.sin(3 * c["a"] + 1) + 2 * c["b"] ** 2 - np.cos(5 * c["b"] * c["a"]))}

    misses = [min(abs(e.result.mean("y") - 1.7) for e in run_model(mission, lab, seed).measured()) for seed in range(3)]
    assert np.median(misses) < 0.05


def test_a_region_where_most_experiments_fail_is_found_out_and_the_best_beside_it_found():
    values = np.linspace(0, 1, 13)
    points = np.stack(np.meshgrid(values, values, values), -1).reshape(-1, 3)
    space, objectives = grid("a", "b", "c", n=13), [{"name": "y", "goal": "maximize", "unit": "1"}]
    mission = make_mission(space=space, objectives=objectives, budget={"experiments": 30})
    n_failed = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        slope, centre = rng.normal(size=3), rng.random(3)
        border = np.quantile(points @ slope, 0.6)

        def worth(p, centre=centre):
            return -((p - centre) ** 2).sum(-1) + 0.2 * np.sin(6 * p[..., 0])

        def lab(c, slope=slope, border=border, worth=worth):
            p = np.array([c["a"], c["b"], c["c"]])
            if p @ slope < border:
                return Failure(kind="infeasible", reason=say("it falls apart", "부서집니다"))
            return {"y": float(worth(p))}

        state = run_model(mission, lab, seed)
        best = worth(points[points @ slope >= border]).max()
        assert best - max(e.result.mean("y") for e in state.measured()) < 0.02
        n_failed.append(state.n_failed)
        assert len({tuple(e.conditions.values()) for e in state.experiments.values()}) == 30, "nothing is repeated"
    assert np.mean(n_failed) < 0.6 * 30, "60 % of all conditions fail"
