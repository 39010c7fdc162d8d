"""Points of a space, drawn: from the unit cube, at random, or in the neighbourhood of others, always feasible."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.constraints import Linear
from kgenesis.kernel.errors import InvalidConditions, Mistake
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.factors import Mixture
from kgenesis.kernel.feasibility import infeasible
from kgenesis.kernel.polytope import Polytope
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import say

FloatArray = NDArray[np.float64]
Held = Mapping[int, float]
"""Variables that keep a given value, by index."""

MAX_DRAWS = 150_000
"""Points drawn before a space is said to have none; fewer where there are many variables."""

_LARGEST_BATCH = 16_384

_WIDTHS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Moves of a walk about what is rare, whose size is not known: some will fit."""


def n_cube_dimensions(space: Space) -> int:
    """Return how many unit-cube coordinates `from_cube` reads."""
    singles = sum(1 for v in space.variables if not v.mixture)
    return singles + sum(2 * len(m.components) + 1 for m in space.mixtures)


def from_cube(space: Space, cube: FloatArray, fixed: Mapping[str, Value] | None = None) -> FloatArray:
    """Return values (n, n_variables) for unit-cube points (n, n_cube_dimensions), with the variables in `fixed` set.

    A uniform cube gives numbers uniform on their scale, levels equally likely, and mixtures uniform on their simplex
    (by normalised exponentials; Devroye 1986, V.2). Constraints are not looked at.
    """
    held = held_values(space, fixed)
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
        kept = {place: held[i] for place, i in enumerate(columns) if i in held}
        values[:, columns] = _blend(mixture, cube[:, start : start + 2 * n + 1], kept)
        start += 2 * n + 1
    for i, value in held.items():
        values[:, i] = value
    return values


def held_values(space: Space, fixed: Mapping[str, Value] | None) -> dict[int, float]:
    """Return the values of `fixed` by index of their variable.

    Raises:
        InvalidConditions: a name or a value does not belong to the space.
    """
    if not fixed:
        return {}
    unknown = [name for name in fixed if name not in space.names]
    if unknown:
        raise InvalidConditions(
            say(f"fixed: no factor is called {unknown[0]!r}", f"고정: {unknown[0]!r}라는 요인이 없습니다"),
            [Mistake(say("no such factor", "그런 요인이 없습니다"), name) for name in unknown],
        )
    row = space.to_values([dict(fixed)])[0]
    return {i: float(row[i]) for i, name in enumerate(space.names) if name in fixed}


def _blend(mixture: Mixture, cube: FloatArray, kept: Held) -> FloatArray:
    """Return fractions (n, n_components) that keep bounds, sum, number present and step; `kept` by component."""
    n = len(mixture.components)
    weights = -np.log(np.clip(cube[:, :n], 1e-12, 1.0 - 1e-12))
    low = np.tile([c.low for c in mixture.components], (len(cube), 1))
    high = np.tile([mixture.high_of(c) for c in mixture.components], (len(cube), 1))
    if mixture.may_be_absent:
        least, most = mixture.min_present, mixture.n_present_at_most
        count = least + np.floor(cube[:, 2 * n] * (most - least + 1) * (1 - 1e-12)).astype(int)
        order = cube[:, n : 2 * n].copy()
        for place, value in kept.items():
            order[:, place] = -1.0 if value > 0 else 2.0
        present = order.argsort(axis=1).argsort(axis=1) < count[:, None]
        if mixture.step is not None:
            low = np.maximum(low, mixture.step)  # or rounding could take away what is present
        low, high, weights = low * present, high * present, weights * present
    for place, value in kept.items():
        low[:, place] = high[:, place] = value
    parts = _fill(low, high, weights, mixture.total)
    amounts = mixture.amounts
    if mixture.step is None or amounts is None:
        return parts
    # round to steps, giving what is left to the largest remainders that still have room
    exact = parts / mixture.step
    units = np.floor(exact + 1e-9)
    for _ in range(n):
        short = len(amounts) - 1 - units.sum(axis=1)
        room = np.where(units + 1 <= high / mixture.step + 1e-9, exact - units, -np.inf)
        units[np.arange(len(units)), room.argmax(axis=1)] += (short > 0.5) & (room.max(axis=1) > -np.inf)  # noqa: PLR2004
    return amounts[np.clip(units, 0, len(amounts) - 1).astype(np.int64)]


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
    """Return values with the variables in `fixed` set, and what then does not exist cleared.

    Raises:
        InvalidConditions: `fixed` names or gives something that is not in the space.
    """
    held = held_values(space, fixed)
    if held:
        values = values.copy()
        for i, value in held.items():
            values[:, i] = value
    return space.with_inactive_cleared(values)


def matches(space: Space, points: FloatArray, fixed: Mapping[str, Value]) -> NDArray[np.bool_]:
    """Return (n,): which of the points have the fixed values; context variables are left out of account."""
    good = np.ones(len(points), dtype=bool)
    for i, value in held_values(space, fixed).items():
        if space.variables[i].role != "context":
            good &= np.isclose(points[:, i], value, rtol=1e-9, atol=0.0, equal_nan=True)
    return good


def sample(space: Space, n: int, rng: np.random.Generator, fixed: Mapping[str, Value] | None = None) -> FloatArray:
    """Return `n` feasible points (n, n_variables), drawn with replacement.

    Args:
        space: where they live.
        n: how many.
        rng: source of chance.
        fixed: values that every point must have.

    Raises:
        InfeasibleSpace: no feasible point was found; the error says what is known of the reason.
        InvalidConditions: `fixed` does not belong to the space.
    """
    fixed = fixed or {}
    if n <= 0:
        return np.empty((0, len(space.variables)))
    points = space.points
    if points is not None:
        listed = points[matches(space, points, fixed)]
        if not len(listed):
            everything = space.with_inactive_cleared(space.combinations())
            everything = everything[matches(space, everything, fixed)]
            raise infeasible(space, everything, held_values(space, fixed), is_all=True)
        return apply_fixed(space, listed[rng.integers(len(listed), size=n)], fixed)
    found = _draw(space, n, rng, fixed)
    if len(found) < n:
        found = _spread(space, found[rng.integers(len(found), size=n)], rng, fixed)
    return found[:n]


def _draw(space: Space, n: int, rng: np.random.Generator, fixed: Mapping[str, Value]) -> FloatArray:
    """Return feasible points (m, n_variables), m >= `n` unless they are rare, but at least 1.

    Uniform draws of which the infeasible are dropped; where that leaves less than one in fifty and there are linear
    rules, points moved into what those leave.

    Raises:
        InfeasibleSpace: none was found.
    """
    region = Polytope.of(space.variables, space.rules, held_values(space, fixed)) if _has_linear(space) else None
    most = MAX_DRAWS // max(len(space.variables) // 8, 1)
    found: list[FloatArray] = []
    tried = kept = count = 0
    size = min(max(2 * n, 64), _LARGEST_BATCH)
    while count < n and tried < most:
        batch = from_cube(space, rng.random((size, n_cube_dimensions(space))), fixed)
        batch = space.with_inactive_cleared(batch)
        good = batch[_is_good(space, batch, fixed)]
        tried, kept = tried + size, kept + len(good)
        if region is not None and tried >= 1024 and kept < tried / 50:  # noqa: PLR2004
            moved = _moved_inside(space, region, batch[:1024], rng, fixed)
            batch = np.vstack([batch, moved])
            good = np.vstack([good, moved[_is_good(space, moved, fixed)]])
        found.append(good)
        count += len(good)
        if not count and region is not None and region.is_empty():
            break
        size = min(4 * size, _LARGEST_BATCH)
    if not count:
        raise infeasible(space, batch, held_values(space, fixed), n_tried=tried)
    return np.vstack(found)


def _is_good(space: Space, values: FloatArray, fixed: Mapping[str, Value]) -> NDArray[np.bool_]:
    """Return (n,): feasible, and with the fixed values also where a conditional variable would be absent."""
    good = space.is_feasible(values)
    return good & matches(space, values, fixed) if fixed else good


def _movable(space: Space, held: Held) -> NDArray[np.bool_]:
    return np.array([
        not v.levels and v.grid is None and v.role == "controlled" and i not in held
        for i, v in enumerate(space.variables)
    ])  # fmt: skip


def _moved_inside(
    space: Space, region: Polytope, start: FloatArray, rng: np.random.Generator, fixed: Mapping[str, Value]
) -> FloatArray:
    """Return points (n, n_variables) moved until linear rules hold, then spread; only unstepped numbers move."""
    movable = _movable(space, held_values(space, fixed))
    x = region.reach(np.nan_to_num(start, nan=0.0), movable)
    x = region.walk(region.mixed(x, movable, rng), movable, rng)
    return space.snap(space.with_inactive_cleared(np.where(np.isnan(start), math.nan, x)))


def _spread(space: Space, x: FloatArray, rng: np.random.Generator, fixed: Mapping[str, Value]) -> FloatArray:
    """Return feasible points (n, n_variables) walked away from where they are, so that few need not be repeated."""
    for width in 2 * _WIDTHS:
        moved = _moved(space, x, width, rng, fixed)
        x = np.where(_is_good(space, moved, fixed)[:, None], moved, x)
    return x


def _has_linear(space: Space) -> bool:
    return any(rule.linear is not None for rule in space.rules)


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
    if not len(centres):
        return np.empty((0, len(space.variables)))
    fixed = fixed or {}
    values = _moved(space, centres[rng.integers(len(centres), size=n)], width, rng, fixed)
    return values[_is_good(space, values, fixed)]


def _moved(
    space: Space, centres: FloatArray, width: float, rng: np.random.Generator, fixed: Mapping[str, Value]
) -> FloatArray:
    """Return one point (n, n_variables) near each centre, feasible or not."""
    values, n, held = centres.copy(), len(centres), held_values(space, fixed)
    free = [i for i, v in enumerate(space.variables) if v.role == "controlled" and not v.mixture]
    n_units = len(free) + len(space.mixtures)
    moved = rng.random((n, n_units)) < max(1.5 / max(n_units, 1), 0.3)
    moved[np.arange(n), rng.integers(n_units, size=n)] = True
    fresh = from_cube(space, rng.random((n, n_cube_dimensions(space))))
    for unit, i in enumerate(free):
        variable = space.variables[i]
        new = fresh[:, i]
        if not variable.levels:
            position = np.clip(space.unit_scale(i, values[:, i]) + width * rng.standard_normal(n), 0.0, 1.0)
            low, high = variable.low, variable.high
            new = low * np.exp(position * math.log(high / low)) if variable.is_log else low + position * (high - low)
            new = np.clip(new, low, high)
        values[:, i] = np.where(np.isnan(values[:, i]), fresh[:, i], np.where(moved[:, unit], new, values[:, i]))
    for offset, mixture in enumerate(space.mixtures):
        columns = [space.names.index(c.name) for c in mixture.components]
        kept = {place: held[i] for place, i in enumerate(columns) if i in held}
        mixed = _transfer(mixture, values[:, columns], width, rng, kept)
        values[:, columns] = np.where(moved[:, [len(free) + offset]], mixed, values[:, columns])
        if kept:
            values[:, columns] = _with_kept(mixture, values[:, columns], kept)
    values = space.snap(apply_fixed(space, values, fixed))
    if any(isinstance(c, Linear) and c.relation == "=" for c in space.constraints):
        region = Polytope.of(space.variables, space.rules, held)
        x = region.reach(np.nan_to_num(values, nan=0.0), _movable(space, held))
        values = np.where(np.isnan(values), math.nan, x)
    return values


def exchanges(
    space: Space, values: FloatArray, rng: np.random.Generator, fixed: Mapping[str, Value], n_most: int = 24
) -> FloatArray:
    """Return feasible points (k, n_variables) that differ from one (1, n_variables) in a single level or step.

    Every level of a categorical; of many steps the two next to it and some others (coordinate exchange; Meyer &
    Nachtsheim 1995, Technometrics 37, 60). What exists only after the exchange is drawn at random. Steps of mixtures
    are left alone.
    """
    held, tried = held_values(space, fixed), [values[:0]]
    for i, variable in enumerate(space.variables):
        if variable.role != "controlled" or variable.mixture or i in held or math.isnan(values[0, i]):
            continue
        grid = np.arange(len(variable.levels), dtype=np.float64) if variable.levels else variable.grid
        if grid is None or len(grid) == 1:
            continue
        if len(grid) > n_most:
            place = int(np.searchsorted(grid, values[0, i]))
            steps = np.append([place - 1, place, place + 1], rng.integers(len(grid), size=n_most - 2))
            grid = grid[np.unique(np.clip(steps, 0, len(grid) - 1))]
        others = np.repeat(values, len(grid), axis=0)
        others[:, i] = grid
        tried.append(others[others[:, i] != values[0, i]])
    found = np.vstack(tried)
    if any(v.active_if for v in space.variables):
        fresh = from_cube(space, rng.random((len(found), n_cube_dimensions(space))))
        found = np.where(np.isnan(found), fresh, found)
    found = apply_fixed(space, found, fixed)
    return found[_is_good(space, found, fixed)]


def _with_kept(mixture: Mixture, parts: FloatArray, kept: Held) -> FloatArray:
    """Return mixtures with some components set and the others scaled to what is left."""
    low = np.tile([c.low for c in mixture.components], (len(parts), 1)) * (parts > 0)
    high = np.tile([mixture.high_of(c) for c in mixture.components], (len(parts), 1)) * (parts > 0)
    for place, value in kept.items():
        low[:, place] = high[:, place] = value
    return _fill(low, high, parts, mixture.total)


def _transfer(mixture: Mixture, parts: FloatArray, width: float, rng: np.random.Generator, kept: Held) -> FloatArray:
    """Return mixtures (n, n_components) with some of one component given to another, but for the `kept` ones."""
    n, m = parts.shape
    others = np.array([place for place in range(m) if place not in kept], dtype=np.int64)
    if not len(others):
        return parts
    giver, taker = others[rng.integers(len(others), size=n)], others[rng.integers(len(others), size=n)]
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
    return moved
