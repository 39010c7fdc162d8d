"""The part of a space that its linear rules leave: whether there is any, ways into it, and walks about it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.factors import Variable
from kgenesis.kernel.rules import Rule

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ENOUGH_PIVOTS = 5_000
_ZERO, _FLAT = 1e-11, 1e-12
"""What rounding leaves of zero in the simplex table, and of the slope of a rule along a direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Polytope:
    """``low <= x <= high``, ``a @ x <= b`` and ``e @ x = f`` over values."""

    low: FloatArray
    high: FloatArray
    a: FloatArray
    b: FloatArray
    e: FloatArray
    f: FloatArray

    @classmethod
    def of(cls, variables: Sequence[Variable], rules: Sequence[Rule], held: Mapping[int, float] | None = None) -> Self:
        """Return what the linear ones among some rules leave of the variables' bounds.

        A conditional variable may be absent and then counts as 0, so its range is stretched to 0. Variables in `held`
        (by index) keep that value.
        """
        low = np.array([min(v.low, 0.0) if v.active_if else v.low for v in variables])
        high = np.array([max(v.high, 0.0) if v.active_if else v.high for v in variables])
        for i, value in (held or {}).items():
            low[i] = high[i] = value
        less: list[tuple[FloatArray, float]] = []
        equal: list[tuple[FloatArray, float]] = []
        for form in (rule.linear for rule in rules if rule.linear is not None):
            sign = -1.0 if form.relation == ">=" else 1.0
            (equal if form.relation == "=" else less).append((sign * form.weights, sign * form.bound))

        def stack(pairs: list[tuple[FloatArray, float]]) -> tuple[FloatArray, FloatArray]:
            rows = np.array([row for row, _ in pairs]).reshape(-1, len(variables))
            return rows, np.array([bound for _, bound in pairs])

        return cls(low, high, *stack(less), *stack(equal))

    def is_empty(self) -> bool:
        """Say whether certainly no point satisfies everything, even with the slack that rules forgive."""
        shortfall, _ = _first_phase(self)
        # in units of each row's range, of which a millionth is forgiven, per row
        return shortfall > 4e-6 * (len(self.b) + len(self.f) + 1)

    def reach(self, start: FloatArray, movable: BoolArray, rounds: int = 300) -> FloatArray:
        """Return points (n, v) moved towards where the linear rules hold, by cyclic projections.

        Bauschke & Borwein 1996, SIAM Rev. 38, 367; in coordinates scaled by each variable's range.
        """
        span = np.where(movable, self.high - self.low, 0.0)
        rows = [(row, bound, False) for row, bound in zip(self.a, self.b, strict=True)]
        rows += [(row, bound, True) for row, bound in zip(self.e, self.f, strict=True)]
        steps = []
        for row, bound, is_equal in rows:
            scaled = row * span
            weight = float(scaled @ scaled)
            if weight > 0:
                steps.append((row, bound, is_equal, scaled * span / weight, 1e-9 * float(np.abs(scaled).sum())))
        x = start
        for _ in range(rounds):
            is_settled = True
            for row, bound, is_equal, step, slack in steps:
                excess = x @ row - bound
                if not is_equal:
                    excess = np.maximum(excess, 0.0)
                is_settled &= bool((np.abs(excess) <= slack).all())
                x = x - np.outer(excess, step)
            inside = np.clip(x, self.low, self.high)
            is_settled &= bool((np.abs(inside - x) <= 1e-9 * span).all())
            x = np.where(movable, inside, x)
            if is_settled:
                break
        return x

    def mixed(self, x: FloatArray, movable: BoolArray, rng: np.random.Generator, parts: int = 4) -> FloatArray:
        """Return points (n, v) between those given: projections end on faces and in corners, where a walk gets stuck.

        Weighted means of points that keep linear rules keep them too, if these rules look at nothing that cannot move.
        """
        involved = np.any(np.vstack([self.a, self.e]) != 0, axis=0) & (self.high > self.low)
        arrived = np.flatnonzero(self._has(x))
        if not len(arrived) or (involved & ~movable).any():
            return x
        weights = rng.dirichlet(np.ones(parts), size=len(x))
        others = arrived[rng.integers(len(arrived), size=(len(x), parts))]
        between = np.einsum("np,npv->nv", weights, x[others])
        return np.where(involved, between, x)

    def _has(self, x: FloatArray) -> BoolArray:
        """Return which points (n,) keep the linear rules, to a millionth of what their terms range over."""
        span = self.high - self.low
        over = (x @ self.a.T - self.b <= 1e-6 * (np.abs(self.a) @ span)).all(axis=1)
        return np.asarray(over & (np.abs(x @ self.e.T - self.f) <= 1e-6 * (np.abs(self.e) @ span)).all(axis=1))

    def walk(self, x: FloatArray, movable: BoolArray, rng: np.random.Generator) -> FloatArray:
        """Return points (n, v) spread over the polytope from where they are, by hit-and-run.

        Smith 1984, Oper. Res. 32, 1296. Directions keep the equalities; only movable variables change.
        """
        span = np.where(movable, self.high - self.low, 0.0)
        _, singular, basis = np.linalg.svd((self.e * span)[:, movable], full_matrices=True)
        rank = int((singular > 1e-10 * singular.max(initial=0.0)).sum())
        null = basis[rank:]
        for _ in range(8 + 4 * len(null) if len(null) else 0):
            direction = np.zeros_like(x)
            direction[:, movable] = (rng.standard_normal((len(x), len(null))) @ null) * span[movable]
            x = x + self._chord(x, direction, rng)[:, None] * direction
        return x

    def _chord(self, x: FloatArray, direction: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a uniform step (n,) along `direction` that stays within the box and A x <= b."""
        with np.errstate(divide="ignore", invalid="ignore"):
            to_low, to_high = (self.low - x) / direction, (self.high - x) / direction
            slack, slope = self.b - x @ self.a.T, direction @ self.a.T
            limit = slack / slope
        moving = direction != 0
        up = np.where(moving, np.maximum(to_low, to_high), np.inf).min(axis=1)
        down = np.where(moving, np.minimum(to_low, to_high), -np.inf).max(axis=1)
        if self.a.size:
            up = np.minimum(up, np.where(slope > _FLAT, limit, np.inf).min(axis=1))
            down = np.maximum(down, np.where(slope < -_FLAT, limit, -np.inf).max(axis=1))
        up, down = np.maximum(up, 0.0), np.minimum(down, 0.0)
        step = down + rng.random(len(x)) * (up - down)
        return np.where(np.isfinite(step), step, 0.0)


def _first_phase(region: Polytope) -> tuple[float, FloatArray]:
    """Return by how much the rows must be missed in sum, each in units of its range, and a point (v,) that does so.

    The first phase of the simplex method with Bland's rule, which cannot cycle (Bland 1977, Math. Oper. Res. 2, 103),
    over y = (x - low) / range in [0, 1].
    """
    span = region.high - region.low
    free = np.flatnonzero(span > 0)
    rows, bounds, is_equal = [], [], []
    for matrix, right, equal in ((region.a, region.b, False), (region.e, region.f, True)):
        for row, bound in zip(matrix, right, strict=True):
            scaled, rest = row[free] * span[free], bound - float(row @ region.low)
            size = float(np.abs(scaled).sum()) or float(np.abs(row).sum() or 1.0) * max(abs(bound), 1e-300)
            rows.append(scaled / size)
            bounds.append(rest / size)
            is_equal.append(equal)
    n_rows, n = len(rows), len(free)
    if not n_rows:
        return 0.0, region.low + 0.5 * span
    # columns: y, slack of the rows, slack of y <= 1, artificial; rows: the rules, y <= 1
    m = n_rows + n
    table = np.zeros((m, n + n_rows + n + m + 1))
    table[:n_rows, :n] = rows
    table[n_rows:, :n] = np.eye(n)
    table[:n_rows, n : n + n_rows] = np.diag([0.0 if equal else 1.0 for equal in is_equal])
    table[n_rows:, n + n_rows : n + n_rows + n] = np.eye(n)
    table[:, -1] = [*bounds, *([1.0] * n)]
    table[table[:, -1] < 0] *= -1.0
    start = n + n_rows + n
    table[:, start:-1] = np.eye(m)
    basis = list(range(start, start + m))
    cost = -table.sum(axis=0)
    cost[start:-1] = 0.0
    for _ in range(_ENOUGH_PIVOTS):
        entering = np.flatnonzero(cost[:start] < -_ZERO)
        if not len(entering):
            break
        j = int(entering[0])
        column = table[:, j]
        ratios = np.where(column > _ZERO, table[:, -1] / np.where(column > _ZERO, column, 1.0), math.inf)
        least = ratios.min()
        ties = np.flatnonzero(ratios <= least + 1e-15)
        i = int(min(ties, key=lambda k: basis[k]))
        table[i] /= table[i, j]
        others = np.arange(m) != i
        table[others] -= np.outer(table[others, j], table[i])
        cost -= cost[j] * table[i]
        basis[i] = j
    else:
        return 0.0, region.low + 0.5 * span  # not settled: nothing is claimed
    y = np.zeros(start + m)
    y[basis] = table[:, -1]
    point = region.low.copy()
    point[free] += np.clip(y[:n], 0.0, 1.0) * span[free]
    return float(-cost[-1]), point
