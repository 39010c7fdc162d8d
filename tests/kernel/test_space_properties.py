"""What holds for every space whatsoever."""

import itertools
import json
import math

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgenesis.kernel.problem import Problem
from kgenesis.kernel.sampling import from_cube, n_cube_dimensions, neighbours, sample
from kgenesis.kernel.space import Space
from kgenesis.testing.strategies import problems, spaces

relaxed = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
seeds = st.integers(0, 2**32).map(np.random.default_rng)


def controlled(space: Space) -> list[int]:
    return [i for i, v in enumerate(space.variables) if v.role != "context"]


@relaxed
@given(spaces(), seeds)
def test_samples_are_feasible_and_pass_the_check(space, rng):
    values = sample(space, 20, rng)
    assert values.shape == (20, len(space.variables))
    assert space.is_feasible(values).all()
    for row in space.to_rows(values[:5]):
        assert space.check(row) == []


@relaxed
@given(spaces(), seeds)
def test_rows_become_values_and_the_same_rows_again(space, rng):
    values = sample(space, 10, rng)
    rows = space.to_rows(values)
    assert np.array_equal(space.to_values(rows), values, equal_nan=True)
    assert space.to_rows(space.to_values(json.loads(json.dumps(rows)))) == rows


@relaxed
@given(spaces(), seeds)
def test_decoding_undoes_encoding(space, rng):
    values = sample(space, 10, rng)
    encoded = space.encode(values)
    assert encoded.shape == (10, len(space.groups))
    assert (encoded >= 0).all()
    assert (encoded <= 1).all()
    back, i = space.decode(encoded), controlled(space)
    ranges = np.array([max(v.high - v.low, abs(v.high), 1e-300) for v in space.variables])
    assert np.array_equal(np.isnan(back[:, i]), np.isnan(values[:, i]))
    assert np.nanmax(np.abs(np.nan_to_num(back - values)[:, i]) / ranges[i], initial=0.0) < 1e-9
    assert space.is_feasible(back).all()
    assert np.array_equal(space.keys(back), space.keys(values))


@relaxed
@given(spaces(), seeds)
def test_snapping_twice_is_snapping_once_and_leaves_feasible_points_alone(space, rng):
    values = sample(space, 10, rng)
    assert np.array_equal(space.snap(values), values, equal_nan=True)
    shaken = values + rng.standard_normal(values.shape)
    once = space.snap(shaken)
    assert np.array_equal(space.snap(once), once, equal_nan=True)


@relaxed
@given(spaces(), seeds)
def test_distance_is_symmetric_within_0_and_1_and_0_on_itself(space, rng):
    a, b = sample(space, 6, rng), sample(space, 5, rng)
    between = space.distance(a, b)
    assert between.shape == (6, 5)
    assert (between >= 0).all()
    assert (between <= 1).all()
    assert np.allclose(between, space.distance(b, a).T)
    assert np.array_equal(np.diag(space.distance(a, a)), np.zeros(6))
    same = space.keys(a)[:, None] == space.keys(b)[None, :]
    assert np.array_equal(between < 1e-10, same)


@relaxed
@given(spaces(), seeds, st.floats(0.001, 1.0))
def test_neighbours_are_feasible(space, rng, width):
    centres = sample(space, 4, rng)
    near = neighbours(space, centres, 30, width, rng)
    assert space.is_feasible(near).all()


@relaxed
@given(spaces(), seeds)
def test_points_from_the_cube_keep_bounds_grids_and_mixtures(space, rng):
    bare = Space.model_validate({"factors": space.model_dump()["factors"]})
    values = bare.with_inactive_cleared(from_cube(bare, rng.random((50, n_cube_dimensions(bare)))))
    for text, kept in bare.verdicts(values):
        # that a given number of components can reach the total is up to chance
        assert kept.all() or any(text.en.startswith(f"sum of {m.name}") for m in bare.mixtures if m.may_be_absent)


@relaxed
@given(spaces(), seeds)
def test_mixtures_sum_to_their_total_with_no_more_components_than_allowed(space, rng):
    values = sample(space, 20, rng)
    for mixture in space.mixtures:
        parts = values[:, [space.names.index(c.name) for c in mixture.components]]
        assert np.allclose(parts.sum(axis=1), mixture.total, rtol=1e-6)
        assert ((parts > 1e-6 * mixture.total).sum(axis=1) <= mixture.n_present_at_most).all()
        if mixture.step is not None:
            assert np.allclose(parts / mixture.step, np.round(parts / mixture.step), atol=1e-6)


@relaxed
@given(spaces(is_finite=True, max_factors=3))
def test_the_points_of_a_finite_space_are_those_a_search_by_hand_finds(space):
    points = space.points
    assert points is not None
    choices = []
    for v in space.variables:
        if v.role == "context":
            some = [math.nan]
        elif v.levels:
            some = list(range(len(v.levels)))
        else:
            some = [v.low] if v.grid is None else v.grid.tolist()
        choices.append([*some, *([math.nan] if v.active_if else [])])
    if math.prod(map(len, choices)) > 30_000:
        return
    everything = np.array(list(itertools.product(*choices)), dtype=float)
    by_hand = everything[space.is_feasible(everything)]
    assert {tuple(p) for p in np.nan_to_num(points, nan=-9e9)} == {tuple(p) for p in np.nan_to_num(by_hand, nan=-9e9)}
    assert len(points) == len(by_hand) <= space.size
    assert len(set(space.keys(points).tolist())) == len(points)
    assert np.array_equal(space.index_of(points), np.arange(len(points)))


@relaxed
@given(spaces())
def test_a_space_survives_json_and_yaml(space):
    assert Space.model_validate_json(space.model_dump_json()) == space
    plain = space.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(plain, allow_unicode=True)
    again = Space.model_validate(yaml.safe_load(text))
    assert again == space
    assert again.model_dump() == space.model_dump()


@relaxed
@given(problems())
def test_a_problem_survives_json_and_yaml(problem):
    assert Problem.model_validate_json(problem.model_dump_json()) == problem
    text = yaml.safe_dump(problem.model_dump(mode="json"), allow_unicode=True)
    assert Problem.model_validate(yaml.safe_load(text)) == problem


@relaxed
@given(spaces(), seeds)
def test_fixed_values_are_honoured_by_samples_and_neighbours(space, rng):
    point = sample(space, 1, rng)
    names = [
        v.name
        for i, v in enumerate(space.variables)
        if v.role == "controlled" and not v.active_if and not math.isnan(point[0, i])
    ]
    name = names[int(rng.integers(len(names)))]
    fixed = {name: space.to_rows(point)[0][name]}
    for values in (sample(space, 5, rng, fixed), neighbours(space, point, 20, 0.1, rng, fixed)):
        assert space.is_feasible(values).all()
        assert all(row[name] == pytest.approx(fixed[name], rel=1e-9) if isinstance(fixed[name], float)
                   else row[name] == fixed[name] for row in space.to_rows(values))  # fmt: skip
