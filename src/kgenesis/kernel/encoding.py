"""Values as arrays that surrogates learn from, and back: scaling, snapping to grids, likeness of points."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.constraints import TOLERANCE
from kgenesis.kernel.factors import RESOLUTION, Variable

FloatArray = NDArray[np.float64]

_CHUNK = 4_000_000
"""Cells of the largest array made while levels are looked for."""


class Encoding:
    """How the values of some variables become numbers in [0, 1].

    Args:
        variables: What may be tried.
        seen: The same variables as wide as everything that is to be encoded; levels start with those of `variables`.
            0 and 1 are their bounds. As `variables` if not given.
    """

    def __init__(self, variables: Sequence[Variable], seen: Sequence[Variable] | None = None) -> None:
        self._variables = tuple(variables)
        self._seen = self._variables if seen is None else tuple(seen)
        widths = [_width(v) for v in self._seen]
        starts = np.cumsum([0, *widths]).tolist()
        self.learned: tuple[tuple[int, int], ...] = tuple((i, starts[i]) for i in range(len(widths)) if widths[i])
        """(variable, first column) of those that can vary."""
        self.groups: NDArray[np.int64] = np.repeat(
            np.arange(len(self.learned)), [widths[i] for i, _ in self.learned]
        ).astype(np.int64)
        """(d,): the learned variable (from 0, in order) each encoded column belongs to."""

    def unit_scale(self, column: int, numbers: FloatArray) -> FloatArray:
        """Return a numeric variable's values on its scale, `low` at 0 and `high` at 1, of any shape."""
        return _unit_scale(self._variables[column], numbers)

    def encode(self, values: FloatArray) -> FloatArray:
        """Return values (n, n_variables) encoded (n, d); see `Space.encode`."""
        encoded = np.empty((len(values), len(self.groups)))
        for i, start in self.learned:
            variable, column = self._seen[i], values[:, i]
            missing = np.isnan(column)
            if variable.coordinates is not None:
                width = variable.coordinates.shape[1]
                table = np.vstack([variable.coordinates, variable.coordinates.mean(axis=0)])
                codes = np.where(missing, len(variable.levels), column).astype(np.int64)
                encoded[:, start : start + width] = table[codes]
            else:
                width = int(variable.low < variable.high)
                if width:
                    places = np.where(missing, 0.5, np.clip(_unit_scale(variable, column), 0.0, 1.0))
                    encoded[:, start] = 1.0 - variable.span * (1.0 - places)
            if variable.active_if:
                encoded[:, start + width] = ~missing
        return encoded

    def decode(self, encoded: FloatArray) -> FloatArray:
        """Return the values (n, n_variables) nearest to encoded points (n, d); see `Space.decode`."""
        values = np.full((len(encoded), len(self._variables)), math.nan)
        for i, variable in enumerate(self._variables):
            if variable.role == "fixed" or variable.low == variable.high:
                values[:, i] = 0.0 if variable.levels else variable.low
        for i, start in self.learned:
            variable, present = self._seen[i], self._variables[i]
            if variable.coordinates is not None:
                width = variable.coordinates.shape[1]
                if width:
                    allowed = variable.coordinates[: len(present.levels)]
                    values[:, i] = _nearest_level(encoded[:, start : start + width], allowed)
            else:
                width = int(variable.low < variable.high)
                if width:
                    places = 1.0 - (1.0 - encoded[:, start]) / variable.span
                    numbers = _from_unit_scale(variable, np.clip(places, 0.0, 1.0))
                    values[:, i] = np.clip(numbers, present.low, present.high)
            if variable.active_if:
                values[encoded[:, start + width] < 0.5, i] = math.nan  # noqa: PLR2004
        return self.snap(values)

    def snap(self, values: FloatArray) -> FloatArray:
        """Return values with every stepped number moved to the nearest value it may take."""
        snapped = values.copy()
        for i, variable in enumerate(self._variables):
            if variable.grid is not None:
                snapped[:, i] = nearest_on(variable.grid, values[:, i])
        return snapped

    def distance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the Gower distance (n, m), 0–1, between values (n, n_variables) and (m, n_variables)."""
        total = np.zeros((len(a), len(b)))
        for i, _ in self.learned:
            left, right = a[:, i], b[:, i]
            no_left, no_right = np.isnan(left), np.isnan(right)
            variable = self._seen[i]
            if variable.levels:
                gap = (left[:, None] != right[None, :]).astype(np.float64)
            else:
                gap = _unit_scale(variable, left)[:, None] - _unit_scale(variable, right)[None, :]
                np.abs(gap, out=gap)
                np.minimum(gap, 1.0, out=gap)
            if no_left.any() or no_right.any():
                is_context = variable.role == "context"
                gap[no_left[:, None] != no_right[None, :]] = 0.0 if is_context else 1.0
                gap[no_left[:, None] & no_right[None, :]] = 0.0
            total += gap
        return total / max(len(self.learned), 1)

    def bounds_with_slack(self) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds (n_variables,) that forgive rounding: a small part of the range, no more."""
        lower, upper = np.empty((2, len(self._variables)))
        for i, variable in enumerate(self._variables):
            low, high = variable.low, variable.high
            if variable.is_log:
                lower[i], upper[i] = low * (1 - TOLERANCE), high * (1 + TOLERANCE)
            else:
                slack = grid_slack(variable)
                lower[i], upper[i] = low - slack, high + slack
        return lower, upper


def grid_slack(variable: Variable) -> float:
    """Return by how much a number may miss a grid value or bound."""
    gap = variable.high - variable.low
    if variable.grid is not None and len(variable.grid) > 1:
        gap = float(np.diff(variable.grid).min())
    return TOLERANCE * gap + RESOLUTION * 1e-3 * max(abs(variable.low), abs(variable.high))


def nearest_on(grid: FloatArray, column: FloatArray) -> FloatArray:
    """Return each number's nearest value on an ascending grid (the lower of two equally near); NaN stays."""
    if len(grid) == 1:
        nearest = np.full(len(column), grid[0])
    else:
        nearest = grid[np.searchsorted(0.5 * (grid[1:] + grid[:-1]), column)]
    return np.where(np.isnan(column), math.nan, nearest)


def _width(variable: Variable) -> int:
    if variable.role == "fixed":
        return 0
    numbers = 0 if variable.low == variable.high else 1
    width = variable.coordinates.shape[1] if variable.coordinates is not None else numbers
    return width + bool(variable.active_if)


def _unit_scale(variable: Variable, numbers: FloatArray) -> FloatArray:
    low, high = variable.low, variable.high
    if variable.is_log:
        with np.errstate(all="ignore"):
            numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    return (numbers - low) / ((high - low) or 1.0)


def _from_unit_scale(variable: Variable, position: FloatArray) -> FloatArray:
    low, high = variable.low, variable.high
    if variable.is_log:
        numbers = np.exp(math.log(low) + position * (math.log(high) - math.log(low)))
    else:
        numbers = low + position * (high - low)
    return np.clip(numbers, low, high)


def _nearest_level(encoded: FloatArray, coordinates: FloatArray) -> FloatArray:
    """Return the index of the level (n,) whose coordinates (n_levels, c) are nearest to each row (n, c)."""
    nearest = np.empty(len(encoded))
    step = max(_CHUNK // coordinates.size, 1)
    for start in range(0, len(encoded), step):
        gap = encoded[start : start + step, None, :] - coordinates
        nearest[start : start + step] = np.einsum("nlc,nlc->nl", gap, gap).argmin(axis=1)
    return nearest
