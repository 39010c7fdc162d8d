"""Several objectives at once: which experiments no other beats, and how much they cover together.

Everything here is in utilities (more is better); shapes are (n experiments, m objectives).
"""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def pareto_mask(utilities: FloatArray) -> BoolArray:
    """Return which points (n,) are dominated by no other; equals stay together; NaN rows never belong.

    A point is dominated if another is at least as good in every objective and better in one.
    """
    candidates = np.flatnonzero(np.isfinite(utilities).all(axis=1))
    # starting from large sums, a point that is kept is never beaten later, and beats many at once
    candidates = candidates[np.argsort(-utilities[candidates].sum(axis=1), kind="stable")]
    front: BoolArray = np.zeros(len(utilities), dtype=np.bool_)
    while candidates.size:
        first = utilities[candidates[0]]
        front[candidates[0]] = True
        rest = candidates[1:]
        others = utilities[rest]
        beaten = (others <= first).all(axis=1) & (others < first).any(axis=1)
        candidates = rest[~beaten]
    return front


def hypervolume(utilities: FloatArray, reference_point: FloatArray) -> float:
    """Return the volume between the points (n, m) and a reference point (m,) below them.

    The measure of the union of the boxes that the points span with the reference point (Zitzler & Thiele 1998, PPSN V,
    292). Exact: in two and three objectives by sweeping, in more by exclusive volumes (WFG; While, Bradstreet & Barone
    2012, IEEE Trans. Evol. Comput. 16, 86, algorithm 1), whose time grows fast with the number of objectives. A point
    that is not above the reference point everywhere adds nothing.
    """
    above = utilities - reference_point
    above = above[np.isfinite(above).all(axis=1) & (above > 0).all(axis=1)]
    return _volume(above)


def running_hypervolume(utilities: FloatArray, reference_point: FloatArray) -> FloatArray:
    """Return the hypervolume (n,) after 1, 2, … n points; NaN rows add nothing."""
    growing = GrowingFront(reference_point)
    return np.array([growing.add(row) for row in utilities])


class GrowingFront:
    """The hypervolume of points that come one at a time.

    Args:
        reference_point: utilities (m,) below which nothing counts.
    """

    def __init__(self, reference_point: FloatArray) -> None:
        self._corner = reference_point
        self._front = np.empty((0, len(reference_point)))
        self._stairs = _Stairs([], []) if len(reference_point) == 2 else None  # noqa: PLR2004
        self.volume = 0.0

    def copy(self) -> "GrowingFront":
        """Return another that grows on its own."""
        other = GrowingFront(self._corner)
        other._front, other.volume = self._front, self.volume
        other._stairs = None if self._stairs is None else _Stairs(list(self._stairs.x), list(self._stairs.y))
        return other

    def add(self, utilities: FloatArray) -> float:
        """Take one point (m,), NaN if it was not measured, and return the hypervolume with it."""
        above = utilities - self._corner
        if self._stairs is not None:
            x, y = above.tolist()
            if x > 0 and y > 0:  # false for NaN too
                self.volume += self._stairs.add(x, y)
        elif bool((above > 0).all()) and not (self._front >= above).all(axis=1).any():
            self.volume += _exclusive(above, self._front)
            keep = ~(self._front <= above).all(axis=1)
            self._front = np.vstack([self._front[keep], above])
        return self.volume


@dataclass(slots=True)
class _Stairs:
    """A front in two objectives: `x` ascending, `y` descending."""

    x: list[float]
    y: list[float]

    def add(self, x: float, y: float) -> float:
        """Take a point and return the area it adds."""
        place = bisect_left(self.x, x)
        height = self.y[place] if place < len(self.x) else 0.0
        if height >= y:
            return 0.0
        gained, right, first = 0.0, x, place
        while first > 0 and self.y[first - 1] <= y:
            first -= 1
            gained += (right - self.x[first]) * (y - height)
            right, height = self.x[first], self.y[first]
        gained += (right - (self.x[first - 1] if first else 0.0)) * (y - height)
        last = place + (place < len(self.x) and self.x[place] == x)
        self.x[first:last], self.y[first:last] = [x], [y]
        return gained


def _exclusive(point: FloatArray, others: FloatArray) -> float:
    """Return the volume from the origin that only `point` (m,) covers, not `others` (n, m)."""
    return float(np.prod(point)) - _volume(np.minimum(others, point))


def _volume(above: FloatArray) -> float:
    """Return the volume of the union of boxes from the origin to each point (n, m)."""
    if not len(above):
        return 0.0
    m = above.shape[1]
    if m == 1:
        return float(above.max())
    if m == 2:  # noqa: PLR2004
        stairs = _Stairs([], [])
        return math.fsum(stairs.add(x, y) for x, y in above.tolist())
    if m == 3:  # noqa: PLR2004
        return _volume_by_sweep(above)
    points = np.unique(above[pareto_mask(above)], axis=0)
    # worst in the last objective first: the sets the recursion meets shrink fastest (While et al. 2012, section IV)
    points = points[np.argsort(points[:, -1])]
    return math.fsum(_exclusive(point, points[i + 1 :]) for i, point in enumerate(points))


def _volume_by_sweep(above: FloatArray) -> float:
    """Return the volume under points (n, 3): areas of growing stairs, from the top down.

    The idea of Beume et al. 2009, IEEE Trans. Evol. Comput. 13, 1075.
    """
    ordered = above[np.argsort(-above[:, 2])].tolist()
    stairs, area, volume = _Stairs([], []), 0.0, 0.0
    for i, (x, y, z) in enumerate(ordered):
        area += stairs.add(x, y)
        volume += area * (z - (ordered[i + 1][2] if i + 1 < len(ordered) else 0.0))
    return volume
