"""Factors of imaginary campaigns: numbers, steps and levels, encoded as `kernel.encoding` encodes real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.kernel.ports import FloatArray, IntArray

MAX_LEVELS = 12
"""Levels of a factor, at most."""

SHARE_WITH_LEVELS = 0.4
"""Data sets with at least one factor of levels, about; in those a factor has levels with the same probability."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that is varied."""

    n_steps: int = 0
    """Values a number may take, evenly in [0, 1]; 0 if any."""
    coordinates: FloatArray | None = None
    """Columns (n_levels, c) that stand for each level; None for a number."""

    @property
    def n_levels(self) -> int:
        """How many levels it has; 0 for a number."""
        return 0 if self.coordinates is None else len(self.coordinates)

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw values (n,) evenly: numbers in [0, 1], or indices of levels."""
        if self.coordinates is not None:
            return rng.integers(self.n_levels, size=n).astype(np.float64)
        return self.snap(rng.random(n))

    def snap(self, values: FloatArray) -> FloatArray:
        """Move numbers (n,) to values that may be taken."""
        if self.n_steps:
            return np.round(values * (self.n_steps - 1)) / (self.n_steps - 1)
        return values


def draw_factors(rng: np.random.Generator, n_factors: int) -> tuple[Factor, ...]:
    """Draw what the factors of a campaign are: mostly numbers, some in steps, in 40 % of cases some with levels."""
    has_levels = rng.random() < SHARE_WITH_LEVELS
    return tuple(_draw_factor(rng, has_levels=has_levels) for _ in range(n_factors))


def _draw_factor(rng: np.random.Generator, *, has_levels: bool) -> Factor:
    if has_levels and rng.random() < SHARE_WITH_LEVELS:
        n_levels = int(rng.integers(2, MAX_LEVELS + 1))
        if rng.random() < 0.7:  # noqa: PLR2004
            return Factor(coordinates=np.eye(n_levels))
        described = rng.standard_normal((n_levels, int(rng.integers(1, 6))))  # by properties, as molecules are
        return Factor(coordinates=(described - described.min(axis=0)) / np.ptp(described, axis=0))
    if rng.random() < 0.2:  # noqa: PLR2004
        return Factor(n_steps=int(rng.integers(2, 11)))
    return Factor()


def encode(values: FloatArray, factors: Sequence[Factor]) -> tuple[FloatArray, IntArray]:
    """Encode values as a space would.

    Args:
        values: Shape (n, n_factors): numbers in [0, 1], or indices of levels.
        factors: What they are values of.

    Returns:
        Points (n, d), every column in [0, 1], and the factor of each column (d,).
    """
    columns: list[FloatArray] = []
    groups: list[int] = []
    for i, factor in enumerate(factors):
        block = values[:, i : i + 1] if factor.coordinates is None else factor.coordinates[values[:, i].astype(int)]
        columns.append(block)
        groups += [i] * block.shape[1]
    return np.hstack(columns), np.array(groups, dtype=np.int64)
