"""The data of every training step, decided by (seed, step) alone, and a chained hash that proves which they were."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from kgenesis.surrogate.prior.datasets import DataSet, draw_data_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.surrogate.recipe import Recipe

VALIDATION = 2**40
"""Steps from here on are never trained with; validation draws from them."""

ORIGIN = "0" * 64
"""Digest before the first step."""


def draw_step(recipe: Recipe, step: int) -> list[DataSet]:
    """Draw the data sets of a step: all have as many measurements, and about as many factors."""
    stage = recipe.stage_of(step) if step < recipe.n_steps else recipe.stages[-1]
    rng = np.random.default_rng((recipe.seed, step))
    n, most = int(rng.choice(stage.rows)), int(rng.choice(stage.factors))
    fewest, highest = recipe.data_sets
    n_sets = int(np.clip(recipe.entries // (most * n * (n + recipe.n_asked)), fewest, highest))
    return [
        draw_data_set(each, n, int(each.integers((most + 1) // 2, most + 1)), recipe.n_asked)
        for each in (np.random.default_rng((recipe.seed, step, i)) for i in range(n_sets))
    ]


def chain(digest: str, sets: Sequence[DataSet]) -> str:
    """Return the digest after more data: SHA-256 of the one before and of every array."""
    found = sha256(digest.encode())
    for s in sets:
        for array in (s.data.x, s.data.y, s.data.noise_variance, s.data.groups, s.x, s.y, s.noise_variance):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
