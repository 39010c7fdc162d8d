"""Climb from good points to the tops beside them: quasi-Newton steps for many points at once, kept feasible.

Slopes are differences of scores, so that any posterior can be climbed, and several climbers share every call: a
posterior predicts a hundred points in little more time than one.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Value
from kgenesis.kernel.polytope import Polytope
from kgenesis.kernel.ports import FloatArray
from kgenesis.kernel.sampling import held_values
from kgenesis.kernel.space import Space

MAX_STEPS = 14
"""Steps of a climb at most."""

STEPS = (1.0, 2.5, 0.4, 0.1, 0.02, 0.002)
"""Lengths tried at once along each direction, in quasi-Newton steps."""

_FIRST = 0.1
"""Length of the first step, in unit coordinates: nothing is known of the curvature yet."""

_LONGEST = 0.5
"""No variable moves by more of its range at once."""

_DIFFERENCE = 1e-5
"""Distance, in unit coordinates, over which a slope is measured."""

_LEVEL = 1e-5
"""A gain below this, in the logarithm of what is expected, is no gain."""

_PRESENT = 1e-9
"""What is a part of a mixture at all, as a fraction of its total."""

Worth = Callable[[FloatArray], FloatArray]
"""From values (m, n_variables) to what each is worth, (m,); larger is better."""


class Slopes:
    """The variables of a space that can be climbed along: numbers without steps, whatever else is held."""

    def __init__(self, space: Space, fixed: Mapping[str, Value]) -> None:
        self._space = space
        held = held_values(space, fixed)
        self._columns = [
            i
            for i, v in enumerate(space.variables)
            if not v.levels and v.grid is None and v.role == "controlled" and v.low < v.high and i not in held
        ]
        chosen = [space.variables[i] for i in self._columns]
        self._low = np.array([np.log(v.low) if v.is_log else v.low for v in chosen])
        self._span = np.array([np.log(v.high) if v.is_log else v.high for v in chosen]) - self._low
        self._is_log = np.array([v.is_log for v in chosen], dtype=bool)
        totals = {m.name: m.total for m in space.mixtures}
        self._least = np.array([_PRESENT * totals[v.mixture] if v.mixture else -np.inf for v in chosen])
        linear = [rule for rule in space.rules if rule.linear is not None]
        self._region = Polytope.of(space.variables, linear, held) if linear else None
        self._movable = np.isin(np.arange(len(space.variables)), self._columns)

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self._columns)

    def climb(self, values: FloatArray, worth: Worth, start: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return where climbers (k, n_variables) arrive, feasible, and what it is worth there (k,), never less.

        Projected quasi-Newton ascent: BFGS estimates of the curvature (Nocedal & Wright 2006, equations 6.17 and
        6.20), variables at a bound they are pushed against left out (Bertsekas 1982, SIAM J. Control Optim. 20, 221),
        points that a step takes over a linear rule projected back, steps that break any other rule shortened.

        Args:
            values: Feasible points.
            worth: What is climbed.
            start: What they are worth, (k,).
        """
        values, best = values.copy(), start.copy()
        slope = self._gradient(values, worth, best)
        curvature = np.tile(np.eye(self.n), (len(values), 1, 1))
        is_scaled = np.zeros(len(values), dtype=bool)
        active = np.arange(len(values))
        for _ in range(MAX_STEPS):
            heading = self._direction(values[active], slope[active], curvature[active], is_scaled[active])
            moved, gained = self._step(values[active], heading, worth, best[active])
            is_up = gained > best[active] + _LEVEL
            came_from = self._unit(values[active[is_up]])
            active, moved = active[is_up], moved[is_up]
            if not len(active):
                break
            values[active], best[active] = moved, gained[is_up]
            turned = self._gradient(moved, worth, best[active])
            for place, k in enumerate(active):
                step, bend = self._unit(moved[[place]])[0] - came_from[place], slope[k] - turned[place]
                is_scaled[k] |= _update(curvature[k], step, bend, is_first=not is_scaled[k])
            slope[active] = turned
        return values, best

    def _direction(
        self, values: FloatArray, slope: FloatArray, curvature: FloatArray, is_scaled: NDArray[np.bool_]
    ) -> FloatArray:
        unit = self._unit(values)
        is_free = (slope != 0) & ~((unit <= 0.0) & (slope < 0)) & ~((unit >= 1.0) & (slope > 0))
        free = slope * is_free
        heading = np.einsum("kij,kj->ki", curvature, free) * is_free
        norm = np.linalg.norm(free, axis=1, keepdims=True)
        plain = _FIRST * free / np.where(norm > 0, norm, 1.0)
        is_downhill = ((heading * free).sum(axis=1) <= 0) | ~is_scaled
        heading[is_downhill] = plain[is_downhill]
        longest = np.abs(heading).max(axis=1, keepdims=True, initial=0.0)
        return np.asarray(heading * np.minimum(1.0, _LONGEST / np.where(longest > 0, longest, 1.0)))

    def _step(
        self, values: FloatArray, heading: FloatArray, worth: Worth, best: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the best of several lengths of a step for each climber, and what it is worth."""
        k, n_lengths = len(values), len(STEPS)
        lengths = np.tile(STEPS, k)[:, None]
        tried = np.repeat(values, n_lengths, axis=0)
        there = np.clip(self._unit(tried) + lengths * np.repeat(heading, n_lengths, axis=0), 0.0, 1.0)
        tried[:, self._columns] = np.where(np.isnan(tried[:, self._columns]), np.nan, self._raw(there))
        if self._region is not None:
            # what is absent from a mixture stays absent: it is not moved back in
            absent = tried[:, self._columns] < self._least
            pulled = self._region.reach(np.nan_to_num(tried, nan=0.0), self._movable, rounds=40)
            pulled[:, self._columns] = np.where(absent, 0.0, pulled[:, self._columns])
            tried = np.where(np.isnan(tried), np.nan, pulled)
        good = self._space.is_feasible(tried)
        found = np.full(k * n_lengths, -np.inf)
        if good.any():
            found[good] = worth(tried[good])
        pick = np.arange(k) * n_lengths + found.reshape(k, n_lengths).argmax(axis=1)
        return tried[pick], np.where(np.isfinite(found[pick]), found[pick], best)

    def _gradient(self, values: FloatArray, worth: Worth, here: FloatArray) -> FloatArray:
        """Return slopes (k, n) in unit coordinates, in the directions that equalities leave; 0 for what is absent."""
        k, n = len(values), self.n
        unit = self._unit(values)
        sign = np.where(unit > 0.5, -1.0, 1.0)  # noqa: PLR2004  inwards, so that no bound is crossed
        beside = np.repeat(values, n, axis=0)
        moved = np.repeat(unit, n, axis=0)
        rows, columns = np.arange(k * n), np.tile(np.arange(n), k)
        moved[rows, columns] += _DIFFERENCE * sign.ravel()
        places = np.array(self._columns, dtype=np.int64)[columns]
        beside[rows, places] = self._raw(moved)[rows, columns]
        slope = (worth(beside).reshape(k, n) - here[:, None]) / (_DIFFERENCE * sign)
        there = values[:, self._columns]
        slope[~((there > self._least) & np.isfinite(slope))] = 0.0
        if self._region is not None and len(self._region.e):
            slope = self._along(slope, values)
        return slope

    def _along(self, slope: FloatArray, values: FloatArray) -> FloatArray:
        """Return slopes without what would break an equality, to first order."""
        assert self._region is not None
        equalities, out = self._region.e[:, self._columns], slope.copy()
        for k, row in enumerate(slope):
            here = values[k, self._columns]
            step = np.where(self._is_log, here, 1.0) * self._span  # change of the value over the unit range
            normal = np.where(row != 0, equalities * np.nan_to_num(step), 0.0)
            out[k] = row - normal.T @ np.linalg.lstsq(normal @ normal.T, normal @ row, rcond=1e-12)[0]
        return out

    def _unit(self, values: FloatArray) -> FloatArray:
        raw = values[:, self._columns]
        raw = np.where(self._is_log, np.log(np.where(self._is_log, raw, 1.0)), raw)
        return np.asarray((raw - self._low) / self._span)

    def _raw(self, unit: FloatArray) -> FloatArray:
        raw = self._low + unit * self._span
        return np.where(self._is_log, np.exp(np.where(self._is_log, raw, 0.0)), raw)


def _update(inverse: FloatArray, step: FloatArray, bend: FloatArray, *, is_first: bool) -> bool:
    """Update an estimate (n, n) of the inverse curvature in place; say whether it could be."""
    step, bend = np.nan_to_num(step), np.nan_to_num(bend)
    along = float(step @ bend)
    if not along > 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(bend)):
        return False
    if is_first:
        inverse *= along / float(bend @ bend)
    pushed = inverse @ bend
    inverse += (1.0 + float(bend @ pushed) / along) / along * np.outer(step, step)
    inverse -= (np.outer(pushed, step) + np.outer(step, pushed)) / along
    return True
