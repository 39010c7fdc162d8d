"""The data of every training step, decided by (seed, step) alone, and a chained hash that proves which they were."""

from __future__ import annotations

import signal
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from kgenesis.surrogate.prior.datasets import DataSet, draw_data_set

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from kgenesis.surrogate.recipe import Recipe

VALIDATION = 2**40
"""Steps from here on are never trained with; validation draws from them."""

ORIGIN = "0" * 64
"""Digest before the first step."""

AHEAD = 8
"""Steps that each process draws ahead."""


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


@dataclass(frozen=True, slots=True)
class Drawn:
    """The data sets of a step."""

    sets: list[DataSet]
    cpu_seconds: float
    """What drawing them cost."""


def draw_steps(recipe: Recipe, first: int, n_processes: int = 0) -> Generator[Drawn]:
    """Draw the data sets of every step from `first` to the last; who draws them changes nothing.

    Args:
        recipe: Of the training.
        first: The first step.
        n_processes: Processes that draw ahead; 0 draws here, when a step is asked for.

    Yields:
        The data sets of one step after the other.
    """
    if not n_processes:
        for step in range(first, recipe.n_steps):
            yield _drawn(recipe, step)
        return
    pool = ProcessPoolExecutor(n_processes, get_context("spawn"), initializer=_ignore_interrupts)
    try:
        waiting: deque[Future[Drawn]] = deque()
        for step in range(first, recipe.n_steps + AHEAD * n_processes):
            if step < recipe.n_steps:
                waiting.append(pool.submit(_drawn, recipe, step))
            if step >= first + AHEAD * n_processes:
                yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _drawn(recipe: Recipe, step: int) -> Drawn:
    started = time.process_time()
    sets = draw_step(recipe, step)
    return Drawn(sets, time.process_time() - started)


def _ignore_interrupts() -> None:
    """Let the training end by itself on Ctrl-C, which every process of a terminal gets."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def chain(digest: str, sets: Sequence[DataSet]) -> str:
    """Return the digest after more data: SHA-256 of the one before and of every array."""
    found = sha256(digest.encode())
    for s in sets:
        for array in (s.data.x, s.data.y, s.data.noise_variance, s.data.groups, s.x, s.y, s.noise_variance):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
