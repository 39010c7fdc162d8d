"""Where to look for the best of a space: the whole of a finite one, else scattered, then near, then uphill."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kgenesis.campaign.planners.belief import Score
from kgenesis.campaign.planners.climb import Slopes
from kgenesis.campaign.planners.standing import Standing
from kgenesis.kernel.ports import FloatArray, IntArray, Posterior
from kgenesis.kernel.sampling import apply_fixed, exchanges, neighbours, sample

N_SCATTERED = 1024
"""Points drawn all over a space that cannot be listed."""

WIDTHS = (0.15, 0.05, 0.015)
"""Rounds of search around the best points so far, each with this standard deviation of a move."""

N_NEAR = 256
"""Points drawn in each round."""

CHUNK = 256
"""Points looked at closely at a time."""

MAX_CHUNKS = 16
"""Chunks looked at closely at most, each time something is chosen."""

N_CLIMBERS = 4
"""Good points from which to climb."""

_APART = 0.03
"""Climbers start at least this far apart (Gower)."""

_TELLS = 0.02
"""Settings that differ by less than this part of their range, in sum, are not told apart as leaders."""

_MAX_EXCHANGES = 4
"""How often levels are exchanged and the climb resumed."""


def rough(posteriors: Sequence[Posterior]) -> list[Posterior] | None:
    """Return posteriors that cost less and say nearly the same, as far as they offer that; None if none does."""
    if not any(hasattr(posterior, "rough") for posterior in posteriors):
        return None
    return [getattr(posterior, "rough", posterior) for posterior in posteriors]


class Search:
    """The places of a space that are free, each with what it is worth as far as that has been looked up.

    Most are only looked at roughly. What is best is then looked at closely, chunk after chunk, until nothing that was
    not could be better by its rough figure (accelerated greedy search; Minoux 1978). For the second of a batch the
    figures of the first serve as the rough ones: what is believed in between takes uncertainty away, so they can
    hardly be too low.
    """

    def __init__(
        self, standing: Standing, score: Score, by: Sequence[Posterior] | None, rng: np.random.Generator
    ) -> None:
        """Look all over the space.

        Args:
            standing: What is taken; what is chosen is added to it.
            score: What a place is worth.
            by: Rough posteriors to look with; None looks closely at once.
            rng: Source of chance.
        """
        self._standing, self._space, self._rng = standing, standing.space, rng
        space = self._space
        self._is_listed = space.points is not None
        if space.points is not None:
            self.values = apply_fixed(space, space.points[standing.free_points()], standing.fixed)
            self.x = space.encode(self.values)
            self.worth = score(self.x, by)
        else:
            self._slopes = Slopes(space, standing.fixed)
            self._scatter(score, by)
        self._is_gone = np.zeros(len(self.values), dtype=bool)
        self._is_close = np.full(len(self.values), by is None)
        self._has_looked = False

    def next(self, score: Score) -> tuple[FloatArray, FloatArray, float] | None:
        """Return values (1, n_variables), encoding (1, d) and worth of the best free place, which is taken with that.

        Args:
            score: What a place is worth by now.

        Returns:
            None if no place is free.
        """
        self.sharpen(score)
        if not self._is_listed:
            self._climb(score)
        while not self._is_gone.all():
            best = int(np.where(self._is_gone, -np.inf, self.worth).argmax())
            if self._is_gone[best]:  # everything left is worth nothing at all
                best = int(np.flatnonzero(~self._is_gone)[0])
            self._is_gone[best] = True
            values = self.values[[best]]
            if self._is_listed or self._standing.is_new(values):
                return self._taken(values, score)
        if self._is_listed:
            return None
        drawn = self._standing.drawn(1, self._rng)
        return self._taken(drawn, score) if len(drawn) else None

    def best(self, score: Score, n: int) -> IntArray:
        """Return the best free places, up to `n`, in order, taking none."""
        order = self.sharpen(score, at_least=n)
        if not self._is_listed and len(order):
            self._climb(score)
            close = np.flatnonzero(self._is_close & ~self._is_gone)
            order = close[np.argsort(-self.worth[close], kind="stable")].astype(np.int64)
        return order[:n]

    def leaders(self, score: Score, columns: Sequence[int], n: int) -> FloatArray:
        """Return the best free places (k, n_variables), k <= n, that differ in some columns, taking none."""
        order = self.best(score, CHUNK)
        kept: list[int] = []
        parts = np.full_like(self.values, np.nan)
        parts[:, columns] = self.values[:, columns]
        for place in order:
            if len(kept) == n:
                break
            gaps = self._space.distance(parts[[place]], parts[kept])[0] if kept else np.ones(1)
            if gaps.min() * len(self._space.learned_names) > _TELLS:
                kept.append(int(place))
        return self.values[kept]

    def sharpen(self, score: Score, at_least: int = 0) -> IntArray:
        """Look closely where it matters; return the best free places closely looked at, at least so many, in order."""
        if self._has_looked:
            self._is_close[:] = False
        self._has_looked = True
        for _ in range(MAX_CHUNKS):
            is_open = ~self._is_close & ~self._is_gone
            left = np.flatnonzero(is_open)
            close = np.flatnonzero(self._is_close & ~self._is_gone)
            if not len(left):
                break
            if len(close) >= max(at_least, 1) and self.worth[close].max() >= self.worth[left].max():
                break
            if len(left) > CHUNK:
                drawn = self._rng.choice(left, CHUNK // 8) if not len(close) else np.empty(0, dtype=np.int64)
                left = np.unique(np.append(left[np.argpartition(-self.worth[left], CHUNK)[:CHUNK]], drawn))
            self.worth[left] = score(self.x[left])
            self._is_close[left] = True
        close = np.flatnonzero(self._is_close & ~self._is_gone)
        return close[np.argsort(-self.worth[close], kind="stable")].astype(np.int64)

    def _taken(self, values: FloatArray, score: Score) -> tuple[FloatArray, FloatArray, float]:
        self._standing.take(values)
        x = self._space.encode(values)
        return values, x, float(score(x)[0])

    # ---- spaces that cannot be listed ------------------------------------------------------------------------------

    def _scatter(self, score: Score, by: Sequence[Posterior] | None) -> None:
        space, fixed = self._space, self._standing.fixed
        self.values = sample(space, N_SCATTERED, self._rng, fixed)
        self.x = space.encode(self.values)
        self.worth = score(self.x, by)
        taken = apply_fixed(space, self._standing.taken, fixed)
        if len(taken):
            taken = taken[np.argsort(-score(space.encode(taken), by), kind="stable")[:8]]
        for width in WIDTHS:
            best = np.argsort(-self.worth, kind="stable")[:12]
            near = neighbours(space, np.vstack([taken, self.values[best]]), N_NEAR, width, self._rng, fixed)
            x = space.encode(near)
            self._append(near, x, score(x, by))

    def _append(self, values: FloatArray, x: FloatArray, worth: FloatArray, *, is_close: bool = False) -> None:
        self.values, self.x = np.vstack([self.values, values]), np.vstack([self.x, x])
        self.worth = np.append(self.worth, worth)
        if hasattr(self, "_is_gone"):
            self._is_gone = np.append(self._is_gone, np.zeros(len(values), dtype=bool))
            self._is_close = np.append(self._is_close, np.full(len(values), is_close))

    def _climb(self, score: Score) -> None:
        """Add the tops that can be reached from the best places: uphill, and by exchanging single levels."""
        space = self._space

        def worth(values: FloatArray) -> FloatArray:
            return score(space.encode(values))

        starts = self._starts()
        values, found = self.values[starts], self.worth[starts]
        for _ in range(_MAX_EXCHANGES):
            if self._slopes.n:
                values, found = self._slopes.climb(values, worth, found)
            self._append(values, space.encode(values), found, is_close=True)
            best = int(found.argmax())
            others = exchanges(space, values[[best]], self._rng, self._standing.fixed)
            if not len(others):
                break
            gains = worth(others)
            self._append(others, space.encode(others), gains, is_close=True)
            top = np.argsort(-gains, kind="stable")[:2]
            if not gains[top[0]] > found[best]:
                break
            values, found = others[top], gains[top]

    def _starts(self) -> NDArray[np.int64]:
        """Return the best places that lie apart from each other."""
        close = np.flatnonzero(self._is_close & ~self._is_gone)
        order = close[np.argsort(-self.worth[close], kind="stable")][:64]
        chosen: list[int] = []
        gaps = self._space.distance(self.values[order], self.values[order])
        for place in range(len(order)):
            if len(chosen) < N_CLIMBERS and all(gaps[place, other] > _APART for other in chosen):
                chosen.append(place)
        return order[chosen]
