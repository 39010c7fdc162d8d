"""Points of a space, drawn: from the unit cube, at random, or in the neighbourhood of others, always feasible."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.constraints import Linear
from kgenesis.kernel.errors import InfeasibleSpace
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.factors import Mixture
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import say

FloatArray = NDArray[np.float64]

_ROUNDS = 40
_BATCH = 4096


def n_cube_dimensions(space: Space) -> int:
    """Return how many unit-cube coordinates `from_cube` reads."""
    singles = sum(1 for v in space.variables if not v.mixture)
    return singles + sum(2 * len(m.components) + 1 for m in space.mixtures)


def from_cube(space: Space, cube: FloatArray) -> FloatArray:
    """Return values (n, n_variables) for unit-cube points (n, n_cube_dimensions).

    A uniform cube gives numbers uniform on their scale, levels equally likely, and mixtures uniform on their simplex
    (by normalised exponentials; Devroye 1986, V.2). Constraints are not looked at.
    """
    values = np.full((len(cube), len(space.variables)), math.nan)
    start = 0
    for i, variable in enumerate(space.variables):
        if variable.mixture:
            continue
        u = np.clip(cube[:, start], 0.0, 1.0 - 1e-12)
        start += 1
        if variable.levels:
            values[:, i] = np.floor(u * len(variable.levels))
        elif variable.grid is not None:
            values[:, i] = variable.grid[np.floor(u * len(variable.grid)).astype(int)]
        elif variable.is_log:
            low, high = math.log(variable.low), math.log(variable.high)
            values[:, i] = np.clip(np.exp(low + u * (high - low)), variable.low, variable.high)
        else:
            values[:, i] = variable.low + u * (variable.high - variable.low)
        if variable.role == "context":
            values[:, i] = math.nan
    for mixture in space.mixtures:
        n = len(mixture.components)
        columns = [space.names.index(c.name) for c in mixture.components]
        values[:, columns] = _blend(mixture, cube[:, start : start + 2 * n + 1])
        start += 2 * n + 1
    return values


def _blend(mixture: Mixture, cube: FloatArray) -> FloatArray:
    """Return fractions (n, n_components) that keep bounds, sum, number present and step."""
    n = len(mixture.components)
    weights = -np.log(np.clip(cube[:, :n], 1e-12, 1.0 - 1e-12))
    present = np.ones_like(weights, dtype=bool)
    if mixture.max_present is not None:
        least, most = mixture.min_present, mixture.n_present_at_most
        count = least + np.floor(cube[:, 2 * n] * (most - least + 1) * (1 - 1e-12)).astype(int)
        present = cube[:, n : 2 * n].argsort(axis=1).argsort(axis=1) < count[:, None]
    low = np.where(present, np.array([c.low for c in mixture.components]), 0.0)
    high = np.where(present, np.array([mixture.high_of(c) for c in mixture.components]), 0.0)
    parts = _fill(low, high, weights * present, mixture.total)
    if mixture.step is None:
        return parts
    # round to steps, giving what is left to the largest remainders that still have room
    units = np.floor(parts / mixture.step + 1e-9)
    for _ in range(n):
        short = np.round(mixture.total / mixture.step) - units.sum(axis=1)
        room = np.where(units + 1 <= high / mixture.step + 1e-9, parts / mixture.step - units, -np.inf)
        pick = room.argmax(axis=1)
        units[np.arange(len(units)), pick] += short > 0.5  # noqa: PLR2004
    return np.round(units * mixture.step, 12)


def _fill(low: FloatArray, high: FloatArray, weights: FloatArray, total: float) -> FloatArray:
    """Share `total` by `weights` above `low`, what does not fit under `high` going to the others."""
    parts = low.copy()
    open_ = high > low
    for _ in range(low.shape[1] + 1):
        left = total - parts.sum(axis=1, keepdims=True)
        share = np.where(open_, weights, 0.0)
        norm = share.sum(axis=1, keepdims=True)
        parts = parts + np.where(norm > 0, left * share / np.where(norm > 0, norm, 1.0), 0.0)
        parts = np.clip(parts, low, high)
        open_ = open_ & (parts < high)
    return parts


def apply_fixed(space: Space, values: FloatArray, fixed: Mapping[str, Value]) -> FloatArray:
    """Return values with the variables in `fixed` set, and what then does not exist cleared."""
    if fixed:
        values = values.copy()
        row = space.to_values([dict(fixed)])[0]
        for name in fixed:
            values[:, space.names.index(name)] = row[space.names.index(name)]
    return space.with_inactive_cleared(values)


def sample(
    space: Space, n: int, rng: np.random.Generator, fixed: Mapping[str, Value] | None = None
) -> FloatArray:
    """Return `n` feasible points (n, n_variables), drawn with replacement.

    Raises:
        InfeasibleSpace: no feasible point was found.
    """
    points = space.points
    if points is not None and not fixed:
        if not len(points):
            raise infeasible(space)
        return points[rng.integers(len(points), size=n)]
    found: list[FloatArray] = []
    count = 0
    for round_ in range(_ROUNDS):
        batch = apply_fixed(space, from_cube(space, rng.random((_BATCH, n_cube_dimensions(space)))), fixed or {})
        if points is not None:
            matching = points[_matches(space, points, fixed or {})]
            if not len(matching):
                raise infeasible(space)
            return matching[rng.integers(len(matching), size=n)]
        good = batch[space.is_feasible(batch)]
        if len(good) < _BATCH // 50 and _has_linear(space):
            moved = apply_fixed(space, _into_polytope(space, batch[: _BATCH // 4], rng, fixed or {}), fixed or {})
            moved = space.snap(moved)
            good = np.vstack([good, moved[space.is_feasible(moved)]])
        found.append(good)
        count += len(good)
        if count >= n or (not count and round_ >= _ROUNDS // 4):
            break
    everything = np.vstack(found)
    if not len(everything):
        raise infeasible(space)
    if len(everything) < n:
        everything = everything[rng.integers(len(everything), size=n)]
    return everything[:n]


def _matches(space: Space, points: FloatArray, fixed: Mapping[str, Value]) -> NDArray[np.bool_]:
    row = space.to_values([dict(fixed)])[0]
    good = np.ones(len(points), dtype=bool)
    for name in fixed:
        i = space.names.index(name)
        if space.variables[i].role != "context":
            good &= np.isclose(points[:, i], row[i], equal_nan=True)
    return good


def infeasible(space: Space) -> InfeasibleSpace:
    """Return the error that says no point keeps all constraints."""
    rules = len(space.constraints) + len(space.mixtures)
    return InfeasibleSpace(
        say(
            f"no point was found that keeps all {rules} constraints at once",
            f"제약 {rules}개를 모두 만족하는 점을 찾지 못했습니다",
        )
    )


def _has_linear(space: Space) -> bool:
    return bool(space.mixtures) or any(isinstance(c, Linear) for c in space.constraints)


def _linear_system(space: Space) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return A, b of A x <= b and E, e of E x = e over values, mixture sums included."""
    less: list[tuple[FloatArray, float]] = []
    equal: list[tuple[FloatArray, float]] = []
    for constraint in space.constraints:
        if isinstance(constraint, Linear):
            row = np.zeros(len(space.variables))
            for name, weight in constraint.coefficients.items():
                row[space.names.index(name)] = weight
            if constraint.relation == "=":
                equal.append((row, constraint.bound))
            else:
                sign = 1.0 if constraint.relation == "<=" else -1.0
                less.append((sign * row, sign * constraint.bound))
    for mixture in space.mixtures:
        row = np.zeros(len(space.variables))
        row[[space.names.index(c.name) for c in mixture.components]] = 1.0
        equal.append((row, mixture.total))
    width = len(space.variables)

    def stack(pairs: list[tuple[FloatArray, float]]) -> tuple[FloatArray, FloatArray]:
        rows = np.array([row for row, _ in pairs]).reshape(-1, width)
        return rows, np.array([bound for _, bound in pairs])

    return *stack(less), *stack(equal)


def _into_polytope(
    space: Space, start: FloatArray, rng: np.random.Generator, fixed: Mapping[str, Value], moves: int = 12
) -> FloatArray:
    """Return points moved until the linear constraints hold, then shuffled inside them.

    Cyclic projections reach the polytope (Bauschke & Borwein 1996, SIAM Rev. 38, 367); hit-and-run steps spread the
    points over it (Smith 1984, Oper. Res. 32, 1296). Only numbers that may take any value are moved.
    """
    a, b, e, f = _linear_system(space)
    low = np.array([v.low for v in space.variables])
    high = np.array([v.high for v in space.variables])
    movable = np.array([
        not v.levels and v.grid is None and v.role == "controlled" and v.name not in fixed for v in space.variables
    ])  # fmt: skip
    x = np.nan_to_num(start, nan=0.0)
    span = np.where(movable, np.maximum(high - low, 1e-300), 0.0)
    for _ in range(300):
        for rows, bounds, is_equal in ((a, b, False), (e, f, True)):
            for row, bound in zip(rows, bounds, strict=True):
                excess = x @ row - bound
                if not is_equal:
                    excess = np.maximum(excess, 0.0)
                weight = float((row**2 * span**2).sum())
                if weight > 0:
                    x = x - np.outer(excess, row * span**2) / weight
        x = np.where(movable, np.clip(x, low, high), x)
    scaled = (e * span)[:, movable]
    _, singular, basis = np.linalg.svd(scaled, full_matrices=True)
    rank = int((singular > 1e-10 * singular.max(initial=0.0)).sum())
    null = basis[rank:]
    for _ in range(moves if len(null) else 0):
        direction = np.zeros_like(x)
        direction[:, movable] = (rng.standard_normal((len(x), len(null))) @ null) * span[movable]
        x = x + _chord(x, direction, low, high, a, b, rng)[:, None] * direction
    return np.where(np.isnan(start), math.nan, x)


def _chord(
    x: FloatArray, direction: FloatArray, low: FloatArray, high: FloatArray, a: FloatArray, b: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Return a uniform step (n,) along `direction` that stays within the box and A x <= b."""
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (low - x) / direction, (high - x) / direction
        slack, slope = b - x @ a.T, direction @ a.T
        limit = slack / slope
    moving = direction != 0
    up = np.where(moving, np.maximum(to_low, to_high), np.inf).min(axis=1)
    down = np.where(moving, np.minimum(to_low, to_high), -np.inf).max(axis=1)
    if a.size:
        up = np.minimum(up, np.where(slope > 1e-12, limit, np.inf).min(axis=1))
        down = np.maximum(down, np.where(slope < -1e-12, limit, -np.inf).max(axis=1))
    up, down = np.maximum(up, 0.0), np.minimum(down, 0.0)
    step = down + rng.random(len(x)) * (up - down)
    return np.where(np.isfinite(step), step, 0.0)


def neighbours(
    space: Space, centres: FloatArray, n: int, width: float, rng: np.random.Generator,
    fixed: Mapping[str, Value] | None = None,
) -> FloatArray:  # fmt: skip
    """Return up to `n` feasible points near the centres (m, n_variables); may be empty.

    Args:
        space: where they live.
        centres: values to start from.
        n: how many to draw before the infeasible ones are dropped.
        width: standard deviation of a move, as a fraction of each number's range.
        rng: source of chance.
        fixed: variables that keep a given value.
    """
    values = centres[rng.integers(len(centres), size=n)].copy()
    free = [i for i, v in enumerate(space.variables) if v.role == "controlled" and not v.mixture]
    n_units = len(free) + len(space.mixtures)
    moved = rng.random((n, n_units)) < max(1.5 / max(n_units, 1), 0.3)
    moved[np.arange(n), rng.integers(n_units, size=n)] = True
    fresh = from_cube(space, rng.random((n, n_cube_dimensions(space))))
    for unit, i in enumerate(free):
        variable = space.variables[i]
        was_absent = np.isnan(values[:, i])
        if variable.levels:
            new = fresh[:, i]
        else:
            position = space.unit_scale(i, values[:, i]) + width * rng.standard_normal(n)
            position = np.clip(position, 0.0, 1.0)
            low, high = variable.low, variable.high
            new = np.exp(math.log(low) + position * math.log(high / low)) if variable.is_log else (
                low + position * (high - low)
            )
            new = np.clip(new, low, high)
        values[:, i] = np.where(was_absent, fresh[:, i], np.where(moved[:, unit], new, values[:, i]))
    for offset, mixture in enumerate(space.mixtures):
        columns = [space.names.index(c.name) for c in mixture.components]
        mixed = _transfer(mixture, values[:, columns], width, rng)
        values[:, columns] = np.where(moved[:, [len(free) + offset]], mixed, values[:, columns])
    values = space.snap(apply_fixed(space, values, fixed or {}))
    if any(isinstance(c, Linear) and c.relation == "=" for c in space.constraints):
        values = apply_fixed(space, _into_polytope(space, values, rng, fixed or {}, moves=0), fixed or {})
    return values[space.is_feasible(values)]


def _transfer(mixture: Mixture, parts: FloatArray, width: float, rng: np.random.Generator) -> FloatArray:
    """Return mixtures with some of one component given to another."""
    n, m = parts.shape
    giver, taker = rng.integers(m, size=n), rng.integers(m, size=n)
    rows = np.arange(n)
    amount = np.minimum(np.abs(rng.standard_normal(n)) * width * mixture.total, parts[rows, giver])
    amount = np.where(rng.random(n) < 0.15, parts[rows, giver], amount)  # noqa: PLR2004  sometimes all of it
    if mixture.step is not None:
        amount = np.minimum(np.maximum(np.round(amount / mixture.step), 1) * mixture.step, parts[rows, giver])
    highs = np.array([mixture.high_of(c) for c in mixture.components])
    amount = np.where(giver == taker, 0.0, np.minimum(amount, highs[taker] - parts[rows, taker]))
    moved = parts.copy()
    moved[rows, giver] -= amount
    moved[rows, taker] += amount
    return np.round(moved, 12)
