"""Particular spaces: what is refused and how, what constraints mean, what is told when there is no point."""

import math

import numpy as np
import pytest

from kgenesis.kernel import sampling
from kgenesis.kernel.errors import InfeasibleSpace, InvalidConditions
from kgenesis.kernel.sampling import neighbours, sample
from kgenesis.kernel.space import Space

X = {"type": "real", "name": "x", "low": 0, "high": 10, "unit": "1"}
Y = {"type": "real", "name": "y", "low": 0, "high": 10, "unit": "1"}
N = {"type": "integer", "name": "n", "low": 1, "high": 5}
SOLVENT = {"type": "categorical", "name": "solvent", "levels": ["DMSO", "water", "EtOH"]}
REFLUX = {"type": "real", "name": "reflux", "low": 40, "high": 100, "unit": "degC", "active_if": "solvent != 'DMSO'"}
BLEND = {"type": "mixture", "name": "blend", "components": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}


def space(*factors, constraints=(), candidates=None):
    return Space.model_validate({"factors": factors, "constraints": constraints, "candidates": candidates})


def linear(relation, bound, **coefficients):
    return {"type": "linear", "coefficients": coefficients, "relation": relation, "bound": bound}


def holds(expression):
    return {"type": "expression", "expression": expression}


def rng(seed=0):
    return np.random.default_rng(seed)


def refusal(some_space, fixed=None):
    with pytest.raises(InfeasibleSpace) as caught:
        sample(some_space, 1, rng(), fixed)
    assert all(p.text.ko and p.field == "space" for p in caught.value.problems)
    return caught.value.detail.en, [p.text.en for p in caught.value.problems]


# ---- checking one experiment ---------------------------------------------------------------------------------------


def said(some_space, **conditions):
    return [f"{p.field}: {p.text.en}" if p.field else p.text.en for p in some_space.check(conditions)]


def test_a_check_names_every_factor_that_is_wrong():
    some = space(X, N, SOLVENT)
    assert said(some, x="5", n=math.inf, solvent="Water", z=1) == [
        "z: no such factor",
        "x: '5' is not a finite number",
        "n: inf is not a finite number",
        "solvent: 'Water' is not one of DMSO, water, EtOH",
    ]
    assert said(some, x=True, solvent="DMSO") == ["x: True is not a finite number", "n: a value is missing"]
    assert said(some, x=10**400, n=1, solvent="DMSO")[0].startswith("x: 1000")


def test_a_check_says_which_rule_is_broken():
    some = space(X, Y, N, constraints=[linear("<=", 12, x=1, y=1), holds("x >= y")])
    assert said(some, x=11, y=2, n=2) == ["x: must keep: 0 <= x <= 10", "must keep: 1 x + 1 y <= 12"]
    assert said(some, x=4, y=5, n=2.5) == [
        "n: must keep: n is one of 1, 2, 3, 4, 5", "must keep: x >= y",
    ]  # fmt: skip
    assert said(some, x=np.int64(4), y=np.float32(2), n=np.int64(3)) == []


def test_a_conditional_factor_must_be_there_if_and_only_if_it_exists():
    some = space(SOLVENT, REFLUX)
    assert said(some, solvent="DMSO") == []
    assert said(some, solvent="water", reflux=60) == []
    assert said(some, solvent="water") == ["reflux: a value is missing: the factor exists where solvent != 'DMSO'"]
    assert said(some, solvent="DMSO", reflux=60) == [
        "reflux: must be empty: the factor exists only where solvent != 'DMSO'"
    ]


def test_context_may_be_unknown_or_out_of_its_bounds_but_not_an_unknown_level():
    some = space(
        X, {"type": "context", "name": "humidity", "low": 0, "high": 100, "unit": "percent"},
        {"type": "context", "name": "shift", "levels": ["day", "night"]},
    )  # fmt: skip
    assert said(some, x=1) == []
    assert said(some, x=1, humidity=120, shift="night") == []
    assert said(some, x=1, shift="noon") == ["shift: 'noon' is not one of day, night"]
    far = some.to_values([{"x": 1, "humidity": 500}, {"x": 1}])
    assert some.encode(far)[:, 1].tolist() == [1.0, 0.5]
    assert some.distance(far, far).max() == 0


def test_fixed_values_come_by_themselves_and_may_not_be_changed():
    some = space(X, {"type": "fixed", "name": "cell", "value": "M50"}, {"type": "fixed", "name": "mass", "value": 5})
    assert said(some, x=1) == []
    assert said(some, x=1, mass=6) == ["mass: must keep: 5 <= mass <= 5"]
    assert sample(some, 1, rng()).shape == (1, 3)
    assert some.to_rows(some.to_values([{"x": 1.0}])) == [{"x": 1.0, "cell": "M50", "mass": 5.0}]
    assert some.learned_names == ("x",)


def test_what_stands_outside_the_candidate_table_is_refused():
    some = space(X, Y, candidates={"rows": [{"x": 1, "y": 2}, {"x": 1, "y": 2}, {"x": 3, "y": 4}, {"x": 3, "y": 40}]})
    assert some.to_rows(some.points) == [{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 4.0}]
    assert said(some, x=3, y=4) == []
    assert said(some, x=3, y=5) == ["not one of the 2 points of the candidate table"]
    empty = space(X, Y, candidates="points.csv")
    assert empty.points is None
    assert said(empty, x=3, y=5) == []
    assert len(empty.with_candidates([{"x": 3, "y": 5}]).points) == 1


def test_values_that_are_no_numbers_are_refused_with_their_row():
    some = space(X, SOLVENT)
    for row in ({"x": "5", "solvent": "DMSO"}, {"x": True}, {"x": [1]}, {"solvent": "acid"}, {"solvent": ["DMSO"]}):
        with pytest.raises(InvalidConditions, match="row 2"):
            some.to_values([{"x": 1}, row])


def test_the_bounds_forgive_rounding_and_no_more():
    some = space(
        {"type": "real", "name": "day", "low": 1_000_000, "high": 1_000_001, "unit": "1"},
        {"type": "real", "name": "c", "low": 1e-8, "high": 1, "scale": "log", "unit": "mol/L"},
        {"type": "integer", "name": "year", "low": 1_000_000, "high": 1_000_003},
    )
    good = {"day": 1_000_000.5, "c": 1e-8, "year": 1_000_002}
    assert said(some, **good) == []
    assert said(some, **good | {"day": 1_000_001 + 1e-8}) == []
    assert said(some, **good | {"day": 1_000_001.01}) != []
    assert said(some, **good | {"c": 0.0}) != []
    assert said(some, **good | {"c": 0.9e-8}) != []
    assert said(some, **good | {"year": 1_000_002.5}) != []


def test_steps_are_the_numbers_a_person_types():
    grid = space({"type": "real", "name": "x", "low": -0.3, "high": 0.7, "step": 0.1, "unit": "1"}).variables[0].grid
    assert grid.tolist() == [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


# ---- constraints ---------------------------------------------------------------------------------------------------


def test_a_linear_constraint_counts_what_does_not_exist_as_nothing():
    some = space(SOLVENT, REFLUX, X, constraints=[linear("<=", 60, reflux=1, x=5)])
    assert said(some, solvent="DMSO", x=10) == []
    assert said(some, solvent="water", x=10, reflux=50) == ["must keep: 1 reflux + 5 x <= 60"]


def test_an_expression_about_what_does_not_exist_is_kept():
    some = space(SOLVENT, REFLUX, X, constraints=[holds("reflux <= 80")])
    values = sample(some, 300, rng())
    assert np.isnan(values[:, 1]).any()
    assert np.nanmax(values[:, 1]) <= 80


def test_a_constraint_on_unknown_context_is_kept_until_it_is_known():
    outside = {"type": "context", "name": "outside", "low": -20, "high": 40, "unit": "degC"}
    some = space(X, outside, constraints=[linear("<=", 30, x=1, outside=1), holds("x > outside - 100")])
    assert said(some, x=10) == []
    assert said(some, x=10, outside=25) == ["must keep: 1 x + 1 outside <= 30"]
    warm = sample(some, 50, rng(), {"outside": 25})
    assert warm[:, 0].max() <= 5 + 1e-4
    assert (warm[:, 1] == 25).all()


def test_a_forbidden_combination_is_forbidden_only_as_a_whole():
    some = space(SOLVENT, N, constraints=[{"type": "forbidden", "combination": {"solvent": "water", "n": [1, 2]}}])
    assert said(some, solvent="water", n=2) == ["must keep: not (solvent: water, n: [1, 2])"]
    assert said(some, solvent="water", n=3) == said(some, solvent="DMSO", n=1) == []
    assert len(some.points) == 13


def test_equalities_and_narrow_corners_are_sampled_all_over():
    some = space(X, Y, constraints=[linear("=", 10, x=1, y=1)])
    values = sample(some, 400, rng())
    assert np.ptp(values[:, 0]) > 9
    corner = space(
        *({**X, "name": f"x{i}"} for i in range(8)), constraints=[linear("<=", 1, **{f"x{i}": 1 for i in range(8)})]
    )
    values = sample(corner, 400, rng())
    assert (values.sum(axis=1) <= 1 + 1e-4).all()
    assert values.sum(axis=1).min() < 0.7
    assert len(np.unique(values, axis=0)) == 400


def test_rare_points_are_walked_about_rather_than_repeated():
    some = space(X, Y, constraints=[holds("(x - 5) ** 2 + (y - 5) ** 2 < 0.002")])
    values = sample(some, 200, rng())
    assert some.is_feasible(values).all()
    assert len(np.unique(values, axis=0)) > 150


# ---- mixtures ------------------------------------------------------------------------------------------------------


def test_a_mixture_has_as_many_components_as_allowed_and_present_ones_keep_their_low():
    parts = [{"name": "a", "low": 0.2}, {"name": "b", "low": 0.1, "high": 0.6}, {"name": "c"}, {"name": "d"}]
    some = space({**BLEND, "components": parts, "max_present": 3, "min_present": 2})
    values = sample(some, 500, rng())
    present = values > 1e-9
    assert set(present.sum(axis=1)) == {2, 3}
    assert values[present[:, 0], 0].min() >= 0.2 - 1e-6
    assert np.allclose(values.sum(axis=1), 1)
    assert said(some, a=0.1, b=0, c=0.9, d=0) == ["must keep: lower bounds of what is present in blend"]
    assert said(some, a=0, b=0, c=1, d=0) == ["must keep: 2 to 3 of blend above 0"]


def test_min_present_counts_without_max_present_too():
    some = space({**BLEND, "min_present": 2, "step": 0.5})
    assert sorted(map(tuple, some.points.tolist())) == [(0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


def test_stepped_mixtures_are_listed_within_their_bounds_however_many_there_would_be_without():
    parts = [{"name": f"c{i}", "low": 0.1, "high": 0.2} for i in range(7)]
    some = space({**BLEND, "components": parts, "step": 0.025})
    by_hand = {(4 + i) for i in range(5)}
    assert some.size == sum(
        1 for pick in np.ndindex(*(5,) * 7) if sum(min(by_hand) + p for p in pick) == 40
    )  # fmt: skip
    assert len(some.points) == some.size
    assert np.allclose(some.points.sum(axis=1), 1)


def test_tiny_and_huge_totals_keep_their_digits():
    for total in (2e-9, 1e9):
        some = space({**BLEND, "total": total, "step": total / 4})
        assert np.allclose(some.points.sum(axis=1), total, rtol=1e-12)
        assert len(some.points) == 15


def test_fixed_components_leave_the_rest_to_the_others():
    some = space({**BLEND, "max_present": 2})
    for amount in (0.25, 0.0):
        values = sample(some, 100, rng(), {"a": amount})
        assert np.allclose(values[:, 0], amount)
        assert some.is_feasible(values).all()
    near = neighbours(some, sample(some, 10, rng()), 100, 0.1, rng(), {"a": 0.25})
    assert len(near)
    assert np.allclose(near[:, 0], 0.25)


# ---- when there is no point ----------------------------------------------------------------------------------------


def test_two_linear_constraints_without_a_common_point_are_proven_to_contradict_and_named_alone():
    some = space(
        X, Y, N, constraints=[linear("<=", 4, x=1, y=1), linear("<=", 15, x=1, n=1), linear(">=", 5, x=1, y=1)]
    )
    assert refusal(some) == (
        "no point within the bounds can keep all of these at once",
        ["1 x + 1 y <= 4", "1 x + 1 y >= 5"],
    )


def test_a_mixture_that_cannot_reach_a_linear_bound_is_proven():
    some = space(BLEND, X, constraints=[linear(">=", 2.5, a=2, b=1)])
    detail, rules = refusal(some)
    assert detail == "no point within the bounds can keep all of these at once"
    assert rules == ["sum of blend = 1", "2 a + 1 b >= 2.5"]


def test_a_bound_out_of_reach_is_proven_alone():
    assert refusal(space(X, Y, constraints=[linear(">=", 21, x=1, y=1)])) == (
        "no point within the bounds can keep this rule", ["1 x + 1 y >= 21"],
    )  # fmt: skip


def test_an_expression_that_is_never_true_is_named_and_not_called_proven():
    detail, rules = refusal(space(X, Y, constraints=[holds("x * y > 101"), holds("x > 1")]))
    assert detail.startswith("no point was found")
    assert "if there is one it is rare" in detail
    assert rules == ["none of them keeps: x * y > 101"]


def test_rules_that_only_together_leave_nothing_are_named_as_a_pair():
    _, rules = refusal(space(X, Y, constraints=[holds("x * x > 50"), holds("x < 5"), holds("y > 1")]))
    assert rules == ["none of them keeps both: x < 5; x * x > 50"]


def test_an_empty_finite_space_is_certain():
    detail, rules = refusal(space(N, SOLVENT, constraints=[holds("n * n == 2")]))
    assert detail == "none of the 15 points of the space keeps all constraints"
    assert rules == ["none of them keeps: n * n == 2"]


def test_fixed_values_that_cannot_be_kept_are_refused():
    some = space(X, SOLVENT, REFLUX)
    _, rules = refusal(some, {"x": 11})
    assert "0 <= x <= 10" in rules[0]
    refusal(some, {"solvent": "DMSO", "reflux": 60})
    assert not np.isnan(sample(some, 50, rng(), {"reflux": 60})).any()
    with pytest.raises(InvalidConditions, match="no factor is called 'z'"):
        sample(some, 1, rng(), {"z": 1})


def test_the_search_for_a_point_ends(monkeypatch):
    drawn = []
    original = sampling.from_cube
    monkeypatch.setattr(
        sampling, "from_cube", lambda s, cube, fixed=None: drawn.append(len(cube)) or original(s, cube, fixed)
    )
    refusal(space(X, Y, constraints=[holds("x == 3.14159")]))
    assert sum(drawn) < 2 * sampling.MAX_DRAWS


# ---- copies and likeness -------------------------------------------------------------------------------------------


def test_spaces_are_equal_by_what_was_written_not_by_what_was_computed():
    one, other = (space({**N}, SOLVENT, candidates={"rows": [{"n": 1, "solvent": "DMSO"}] * 2}) for _ in range(2))
    assert one.points is not None
    assert one == other
    assert hash(type(one)) == hash(type(other))
    assert one != space(N)


def test_reading_a_candidate_table_in_forgets_what_was_computed_without_it():
    some = space(X, candidates="file.csv")
    assert (some.size, some.points) == (math.inf, None)
    read = some.with_candidates([{"x": 1}, {"x": 2}])
    assert (read.size, len(read.points)) == (2, 2)
    assert some.points is None


def test_points_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        space(N).points[0] = 3


def test_a_grid_of_a_hundred_thousand_steps_needs_no_table_of_distances():
    some = space({**X, "step": 1e-4})
    values = sample(some, 5000, rng())
    assert some.is_feasible(values).all()
    assert not some.is_feasible(values + 4e-5).any()
