"""Batches by drawn functions: spread, new, allowed, the same for the same seed, and where improvement is."""

from functools import partial
from typing import Any, Literal

import numpy as np
import pytest

from kgenesis.campaign.planners.batch import plate
from kgenesis.campaign.planners.belief import Belief, learn
from kgenesis.campaign.planners.joint import _draw, jointly
from kgenesis.campaign.planners.model import make_planner
from kgenesis.campaign.planners.standing import Standing
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext, ProposalRequest
from kgenesis.kernel.problem import Problem
from kgenesis.surrogate import make_gp
from kgenesis.testing.planners import asked, failed, history_of, problem_of

How = Literal["thompson", "q-log-ei"]
HOWS: tuple[How, ...] = ("thompson", "q-log-ei")


def belief_of(request: ProposalRequest) -> Belief:
    return learn(request, make_gp(PluginContext()), np.random.default_rng(0))


def bowl(problem: Problem, conditions: Any) -> Measurement:
    """Best in one corner of the temperatures, worse the farther from it."""
    x = problem.space.encode(problem.space.to_values([conditions]))[0]
    return Measurement.model_validate({"outcomes": {n: float(-((x - 0.7) ** 2).sum()) for n in problem.outcomes}})


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("space", ["numbers", "finite", "mixture", "everything"])
def test_a_batch_is_new_allowed_and_the_same_for_the_same_seed(how: How, space: str) -> None:
    problem = problem_of(space)
    history = history_of(problem, 5)
    request = asked(problem, history, [history_of(problem, 6, seed=3)[5].conditions], n=3)
    belief = belief_of(request)
    batches = [jointly(belief, Standing(request), 3, np.random.default_rng(8), how) for _ in range(2)]
    np.testing.assert_array_equal(batches[0].values, batches[1].values)
    assert len(batches[0].values) == 3
    assert problem.space.is_feasible(batches[0].values).all()
    standing = Standing(request)
    for values in batches[0].values:
        assert standing.is_new(values[None, :])
        standing.take(values[None, :])


@pytest.mark.parametrize("how", HOWS)
def test_what_is_chosen_is_expected_to_be_better_than_most_and_is_spread(how: How) -> None:
    problem = problem_of("numbers")
    request = asked(problem, history_of(problem, 15, bowl), n=4)
    belief = belief_of(request)
    found = jointly(belief, Standing(request), 4, np.random.default_rng(1), how)
    gaps = problem.space.distance(found.values, found.values)
    assert gaps[np.triu_indices(4, 1)].min() > 1e-4
    reached = [bowl(problem, row).mean("yield") for row in problem.space.to_rows(found.values)]
    everywhere = [bowl(problem, o.conditions).mean("yield") for o in history_of(problem, 100, seed=4)]
    assert np.mean(reached) > np.quantile(everywhere, 0.75)


@pytest.mark.parametrize("how", HOWS)
def test_two_objectives_and_failures_are_no_obstacle(how: How) -> None:
    problem = problem_of("numbers", n_objectives=2)
    for history in (history_of(problem, 8), [*history_of(problem, 4), *history_of(problem, 3, failed, seed=5)]):
        request = asked(problem, history, n=3)
        assert len(jointly(belief_of(request), Standing(request), 3, np.random.default_rng(0), how).values) == 3


@pytest.mark.parametrize("how", HOWS)
def test_a_plate_can_be_chosen_this_way_too(how: How) -> None:
    problem = problem_of("everything")
    request = asked(problem, history_of(problem, 8), n=3, same=("solvent",))
    found = plate(belief_of(request), request, np.random.default_rng(0), partial(jointly, how=how))
    assert len({row["solvent"] for row in problem.space.to_rows(found.values)}) == 1


def test_functions_are_drawn_with_the_mean_and_covariance_that_are_believed() -> None:
    problem = problem_of("numbers")
    posterior = belief_of(asked(problem, history_of(problem, 6))).posteriors[0]
    points = np.random.default_rng(2).random((5, 2))
    drawn = _draw(posterior, points, 20_000, np.random.default_rng(3))
    mean, covariance = posterior.joint(points)
    size = np.sqrt(np.diagonal(covariance))
    assert (np.abs(drawn.mean(axis=0) - mean) < 0.05 * size).all()
    assert (np.abs(np.cov(drawn.T) - covariance) < 0.06 * np.outer(size, size)).all()


def test_a_mission_chooses_how_batches_are_chosen_and_a_wrong_name_is_refused() -> None:
    problem = problem_of("finite")

    def make(group: str, name: str, settings: Any) -> Any:
        return make_plugin(group, name, PluginContext(settings=settings, make=make))

    chosen = []
    for batch in ("believer", *HOWS):
        planner = make_planner(PluginContext(settings={"batch": batch}, problem=problem, make=make))
        chosen.append([p.conditions for p in planner.propose(asked(problem, history_of(problem, 5), n=3))])
    assert all(len(rows) == 3 for rows in chosen)
    with pytest.raises(InvalidSpec, match="planner"):
        make_planner(PluginContext(settings={"batch": "q-ei"}, problem=problem, make=make))
