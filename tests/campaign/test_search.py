"""Where the planner looks: what it finds is the best there is, allowed and new, in every kind of space."""

import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from kgenesis.campaign.planners.batch import believe, kriging_believer, plate
from kgenesis.campaign.planners.belief import Belief, learn
from kgenesis.campaign.planners.climb import Slopes
from kgenesis.campaign.planners.search import Search, rough
from kgenesis.campaign.planners.standing import Standing
from kgenesis.campaign.planners.transfer import Corrected, Ensemble
from kgenesis.kernel.experiment import Conditions
from kgenesis.kernel.ports import FloatArray, PluginContext, ProposalRequest
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.sampling import sample
from kgenesis.surrogate import make_gp
from kgenesis.testing.planners import asked, history_of
from kgenesis.testing.strategies import problems


def problem_over(*factors: Mapping[str, Any], constraints: tuple[Mapping[str, Any], ...] = ()) -> Problem:
    return Problem.model_validate({
        "space": {"factors": factors, "constraints": constraints},
        "objectives": [{"name": "gain", "goal": "maximize", "unit": "1"}],
    })  # fmt: skip


def real(name: str, low: float = 0.0, high: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"type": "real", "name": name, "low": low, "high": high, "unit": "1", **more}


def grid(name: str, n: int) -> dict[str, Any]:
    return {"type": "grid", "name": name, "values": list(range(n)), "unit": "1"}


def kinds(name: str, n: int) -> dict[str, Any]:
    return {"type": "categorical", "name": name, "levels": [f"{name}{i}" for i in range(n)]}


MIXTURE = {
    "type": "mixture", "name": "blend", "max_present": 3,
    "components": [{"name": name, "high": 0.8} for name in "abcdef"],
}  # fmt: skip


def belief_of(request: ProposalRequest, seed: int = 0) -> Belief:
    return learn(request, make_gp(PluginContext()), np.random.default_rng(seed))


@pytest.mark.parametrize(("n_known", "seed"), [(12, 0), (40, 1), (100, 2), (320, 3)])
def test_the_best_of_a_finite_space_is_found_without_a_close_look_at_all_of_it(n_known: int, seed: int) -> None:
    problem = problem_over(grid("x", 13), grid("y", 11), grid("z", 7), kinds("s", 4))
    request = asked(problem, history_of(problem, n_known, seed=seed), seed=seed)
    belief, standing = belief_of(request), Standing(request)
    score = belief.scorer(belief.posteriors, belief.pending)
    looked: list[int] = []

    def counted(x: FloatArray, by: Any = None) -> FloatArray:
        looked.append(len(x) if by is None else 0)
        return score(x, by)

    free = problem.space.points[standing.free_points()]  # type: ignore[index]
    everywhere = score(problem.space.encode(free))
    found = Search(standing, counted, rough(belief.posteriors), np.random.default_rng(seed)).next(counted)
    assert found is not None
    # one observation in five is left out of the rough look at 320, so the best may be missed by a hair
    assert score(found[1])[0] >= everywhere.max() - (1e-9 if n_known <= 256 else 0.02)
    assert sum(looked) < len(free) / 2


def test_a_posterior_that_offers_no_rough_look_is_asked_about_every_place() -> None:
    problem = problem_over(grid("x", 30), grid("y", 30))
    request = asked(problem, history_of(problem, 9))
    belief = belief_of(request)
    score = belief.scorer(belief.posteriors, belief.pending)
    bare = [Bare(posterior) for posterior in belief.posteriors]
    assert rough(bare) is None
    found = Search(Standing(request), score, rough(bare), np.random.default_rng(0)).next(score)
    everywhere = score(problem.space.encode(problem.space.points[Standing(request).free_points()]))  # type: ignore[index]
    assert found is not None
    assert score(found[1])[0] == pytest.approx(everywhere.max(), abs=1e-9)


class Bare:
    """A posterior with nothing but what the port asks for."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._inner.mean_and_variance(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("d", "n_known", "seed"), [(2, 8, 0), (2, 25, 1), (6, 30, 2), (10, 60, 3)])
def test_the_top_that_is_climbed_is_as_high_as_many_starts_of_a_textbook_optimiser_reach(
    d: int, n_known: int, seed: int
) -> None:
    problem = problem_over(*(real(f"x{i}") for i in range(d)))
    request = asked(problem, history_of(problem, n_known, seed=seed), seed=seed)
    belief = belief_of(request)
    score = belief.scorer(belief.posteriors, belief.pending)
    found = Search(Standing(request), score, rough(belief.posteriors), np.random.default_rng(seed)).next(score)
    assert found is not None
    starts = problem.space.encode(sample(problem.space, 2000, np.random.default_rng(seed + 50)))
    starts = np.vstack([starts[np.argsort(-score(starts))[:10]], belief.x[np.argsort(-score(belief.x))[:4]]])
    tops = [
        -minimize(lambda x: -score(x[None, :])[0], start, method="L-BFGS-B", bounds=[(0, 1)] * d).fun
        for start in starts
    ]
    assert score(found[1])[0] >= max(tops) - 0.02


CLIMBED = {
    "log": ((real("x", 1e-3, 10, scale="log"), real("y", -5, 5)), ()),
    "mixture": ((MIXTURE, real("T", 20, 90)), ()),
    "linear": (
        (real("x"), real("y"), real("z", 0, 5)),
        ({"type": "linear", "coefficients": {"x": 1, "y": 1, "z": 0.2}, "relation": "<=", "bound": 1.0},),
    ),
    "equal": (
        (real("x"), real("y"), real("z", 0, 5)),
        ({"type": "linear", "coefficients": {"x": 1, "y": 2, "z": 0.2}, "relation": "=", "bound": 1.5},),
    ),
    "curved": ((real("x"), real("y")), ({"type": "expression", "expression": "x**2 + y**2 <= 0.5"},)),
    "conditional": ((kinds("s", 3), real("x"), real("r", 0, 9, active_if="s != 's1'")), ()),
}


@pytest.mark.parametrize("name", CLIMBED)
def test_climbers_keep_every_constraint_and_never_end_lower(name: str) -> None:
    factors, constraints = CLIMBED[name]
    space = problem_over(*factors, constraints=constraints).space
    values = sample(space, 5, np.random.default_rng(4))
    centre = space.encode(sample(space, 1, np.random.default_rng(9)))

    def worth(values: FloatArray) -> FloatArray:
        return -np.sum((space.encode(values) - centre - 0.3) ** 2, axis=1)

    start = worth(values)
    arrived, found = Slopes(space, {}).climb(values, worth, start)
    assert space.is_feasible(arrived).all()
    np.testing.assert_allclose(found, worth(arrived), atol=1e-12)
    assert (found >= start).all()
    assert (found > start + 1e-3).sum() >= 4


def test_a_climb_along_a_mixture_reaches_the_best_blend() -> None:
    space = problem_over({"type": "mixture", "name": "m", "components": [{"name": n} for n in "abc"]}).space
    goal = np.array([0.2, 0.5, 0.3])
    values = sample(space, 4, np.random.default_rng(1))

    def worth(values: FloatArray) -> FloatArray:
        return -np.sum((values - goal) ** 2, axis=1)

    arrived, _ = Slopes(space, {}).climb(values, worth, worth(values))
    np.testing.assert_allclose(arrived, np.tile(goal, (4, 1)), atol=5e-3)


def test_categories_are_searched_without_listing_their_combinations() -> None:
    problem = problem_over(*(real(f"x{i}") for i in range(10)), *(kinds(f"c{i}", 20) for i in range(5)))
    target = {f"c{i}": f"c{i}{(7 * i) % 20}" for i in range(5)}

    def match(conditions: Conditions) -> float:
        return sum(conditions[name] == level for name, level in target.items())

    request = asked(problem, history_of(problem, 60, seed=1))
    belief = belief_of(request)
    n_looked: list[int] = []
    levels = [problem.space.names.index(name) for name in target]
    wanted = problem.space.to_values([{**request.history[0].conditions, **target}])[0, levels]

    def score(x: FloatArray, by: Any = None) -> FloatArray:
        n_looked.append(len(x))
        values = problem.space.decode(x)
        return np.asarray((values[:, levels] == wanted).sum(axis=1) + 0.01 * values[:, 0])

    tracemalloc.start()
    found = Search(Standing(request), score, rough(belief.posteriors), np.random.default_rng(0)).next(score)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is not None
    assert sum(n_looked) < 20_000
    assert peak < 100e6
    # 3.2 million combinations, of which one is best: single exchanges find it
    assert match(problem.space.to_rows(found[0])[0]) >= 4


@pytest.mark.parametrize("name", [*CLIMBED, "finite", "steps"])
def test_a_batch_is_new_allowed_and_as_large_as_was_asked_for(name: str) -> None:
    more: dict[str, Any] = {
        "finite": ((grid("x", 6), kinds("s", 4)), ()),
        "steps": ((real("x", 0, 1, step=0.25), real("y", 0, 1, step=0.5), kinds("s", 2)), ()),
    }
    factors, constraints = (CLIMBED | more)[name]
    problem = problem_over(*factors, constraints=constraints)
    request = asked(problem, history_of(problem, 7), n=5)
    standing = Standing(request)
    found = kriging_believer(belief_of(request), standing, 5, np.random.default_rng(0))
    values, x = found.values, found.x
    assert len(values) == len(x) == 5
    assert problem.space.is_feasible(values).all()
    everything = np.vstack([problem.space.to_values([o.conditions for o in request.history]), values])
    gaps = problem.space.distance(values, everything)
    assert (gaps > 1e-9).sum() == gaps.size - 5


def test_almost_the_same_conditions_are_the_same_experiment() -> None:
    problem = problem_over(real("x", 0, 1000), real("t", 1e-3, 1e3, scale="log"), kinds("s", 2))
    done = {"x": 500.0, "t": 1.0, "s": "s0"}
    history = history_of(problem, 1)
    request = asked(problem, history, [done])
    standing = Standing(request)

    def is_new(**changes: Any) -> bool:
        return standing.is_new(problem.space.to_values([{**done, **changes}]))

    assert not is_new()
    assert not is_new(x=500.0005, t=1.000001)
    assert is_new(x=500.01)
    assert is_new(s="s1")


def test_another_days_weather_makes_another_experiment_and_unknown_weather_does_not() -> None:
    weather = {"type": "context", "name": "humidity", "low": 0, "high": 100, "unit": "percent"}
    problem = problem_over(grid("x", 2), weather)
    history = history_of(problem, 1)
    x = history[0].conditions["x"]
    assert len(Standing(asked(problem, history)).free_points()) == 1
    assert len(Standing(asked(problem, history, fixed={"humidity": 50.0})).free_points()) == 1
    assert len(Standing(asked(problem, history, fixed={"humidity": 20.0})).free_points()) == 2
    pending = [{"x": x, "humidity": None}]
    assert len(Standing(asked(problem, (), pending, fixed={"humidity": 20.0})).free_points()) == 1


def test_a_batch_is_spread_and_keeps_away_from_what_is_under_way() -> None:
    problem = problem_over(real("x"))
    history = history_of(problem, 4, seed=2)
    alone = asked(problem, history, n=4)
    values = kriging_believer(belief_of(alone), Standing(alone), 4, np.random.default_rng(0)).values
    assert np.diff(np.sort(values[:, 0])).min() > 1e-3
    busy = asked(problem, history, [{"x": float(values[0, 0])}])
    belief = belief_of(busy)
    other = kriging_believer(belief, Standing(busy), 1, np.random.default_rng(0)).values
    assert abs(other[0, 0] - values[0, 0]) > 1e-3
    # what is believed is known: its uncertainty is gone
    before = belief.posteriors[0].mean_and_variance(belief.pending)[1]
    after = believe(belief.posteriors, belief.pending)[0].mean_and_variance(belief.pending)[1]
    assert after[0] <= before[0]


def test_what_is_rough_is_nearly_right() -> None:
    problem = problem_over(real("x"), real("y"), kinds("s", 3))
    for n in (20, 400):
        request = asked(problem, history_of(problem, n, seed=n))
        exact = belief_of(request).posteriors[0]
        x = problem.space.encode(sample(problem.space, 300, np.random.default_rng(5)))
        mean, variance = exact.mean_and_variance(x)
        mean_too, variance_too = exact.rough.mean_and_variance(x)  # type: ignore[attr-defined]
        spread = float(mean.std())
        assert np.abs(mean_too - mean).max() < (1e-3 if n == 20 else 0.05) * spread
        assert np.abs(np.sqrt(variance_too) - np.sqrt(variance)).max() < (5e-3 if n == 20 else 0.05) * spread


def test_a_rough_look_goes_through_earlier_campaigns_too() -> None:
    problem = problem_over(real("x"), real("y"))
    exact = [belief_of(asked(problem, history_of(problem, n, seed=n))).posteriors[0] for n in (12, 20, 9)]
    corrected = Corrected("before", exact[0], 0.5, 2.0, exact[1], np.zeros(20))
    both = Ensemble((corrected, exact[2]), np.array([0.3, 0.7]))
    x = problem.space.encode(sample(problem.space, 200, np.random.default_rng(5)))
    (looked,) = rough([both]) or [both]
    assert looked is not both
    for precise, fast in zip(both.mean_and_variance(x), looked.mean_and_variance(x), strict=True):
        np.testing.assert_allclose(fast, precise, atol=2e-3 * float(precise.std() + precise.mean()))
        assert not np.array_equal(fast, precise)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(problem=problems(max_factors=4), n=st.integers(1, 4), seed=st.integers(0, 99), shares=st.booleans())
def test_in_any_space_whatever_is_chosen_is_allowed_new_and_of_one_plate(
    problem: Problem, n: int, seed: int, shares: bool
) -> None:
    space = problem.space
    controlled = [v.name for v in space.variables if v.role == "controlled"]
    same = tuple(controlled[:1]) if shares else ()
    history = history_of(problem, 5, seed=seed)
    request = asked(problem, history[:4], [history[4].conditions], n=n, seed=seed, same=same)
    found = plate(belief_of(request), request, np.random.default_rng(seed))
    assert space.is_feasible(found.values).all()
    standing = Standing(request)
    for values in found.values:
        assert standing.is_new(values[None, :])
        standing.take(values[None, :])
    for name in same:
        column = found.values[:, space.names.index(name)]
        assert len({str(value) for value in column}) <= 1
    free = None if space.points is None else len(Standing(request).free_points())
    if free is not None:
        assert len(found.values) <= min(n, free)
        assert len(found.values) > 0 or free == 0
