"""Linear rules: what they leave is found, and what they cannot leave is proven, as SciPy's own solver says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from kgenesis.kernel.polytope import Polytope
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.space import Space


def polytope(a, b, e, f, n):
    low, high = np.full(n, -1.0), np.full(n, 3.0)
    rows = [np.array(m, dtype=float).reshape(-1, n) for m in (a, e)]
    return Polytope(low, high, rows[0], np.array(b, dtype=float), rows[1], np.array(f, dtype=float))


whole = st.integers(-3, 3)


@st.composite
def polytopes(draw):
    n = draw(st.integers(1, 4))
    rows = st.lists(st.lists(whole, min_size=n, max_size=n).filter(any), max_size=4)
    a, e = draw(rows), draw(rows.map(lambda r: r[:2]))
    bounds = st.floats(-8, 8).map(lambda x: round(x, 2))
    return polytope(a, [draw(bounds) for _ in a], e, [draw(bounds) for _ in e], n)


@settings(max_examples=80, deadline=None)
@given(polytopes())
def test_emptiness_is_what_a_linear_programme_says(some):
    # widened by the slack that rules forgive, and shrunk by as much: in between either answer is right
    def has_point(slack):
        spread_a, spread_e = (4 * np.abs(m).sum(axis=1) * slack for m in (some.a, some.e))
        both = np.vstack([some.a, some.e, -some.e])
        bound = np.concatenate([some.b + spread_a, some.f + spread_e, spread_e - some.f])
        return linprog(np.zeros(len(some.low)), both, bound, bounds=list(zip(some.low, some.high, strict=True))).success

    if not has_point(1e-4):
        assert some.is_empty()
    if has_point(1e-9):
        assert not some.is_empty()


@settings(max_examples=30, deadline=None)
@given(polytopes(), st.integers(0, 2**32))
def test_projections_and_walks_end_inside(some, seed):
    rng = np.random.default_rng(seed)
    movable = np.ones(len(some.low), dtype=bool)
    x = some.reach(rng.uniform(some.low, some.high, (40, len(some.low))), movable)
    arrived = x[some._has(x)]
    walked = some.walk(some.mixed(arrived, movable, rng), movable, rng)
    assert some._has(walked).all()
    assert (walked >= some.low - 1e-6).all()
    assert (walked <= some.high + 1e-6).all()


def test_a_walk_is_uniform_over_a_triangle():
    some = Space.model_validate({
        "factors": [{"type": "real", "name": n, "low": 0, "high": 100, "unit": "1"} for n in "xy"],
        "constraints": [{"type": "linear", "coefficients": {"x": 1, "y": 1}, "relation": "<=", "bound": 3}],
    })  # fmt: skip
    values = sample(some, 3000, np.random.default_rng(0))
    assert values.mean(axis=0) == pytest.approx([1, 1], abs=0.06)
    # the middle triangle has a quarter of the area
    middle = (values[:, 0] < 1.5) & (values[:, 1] < 1.5) & (values.sum(axis=1) > 1.5)
    assert middle.mean() == pytest.approx(0.25, abs=0.05)
