"""Find technologies by what somebody asks, in either language."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kgenesis.atlas.atlas import Atlas
from kgenesis.atlas.spec import Technology
from kgenesis.kernel.ports import Embedder, FloatArray

_CHANCE = 0.05
"""What unrelated texts may have in common by chance where an embedder hashes."""


class Found(NamedTuple):
    """A technology, and how near it is to what was asked: 1 is the same direction, 0 nothing in common.

    Scores of one embedder compare with each other, not with those of another.
    """

    technology: Technology
    score: float


class Index:
    """The technologies of an atlas, embedded once and searched often.

    Args:
        atlas: what is looked through.
        embedder: by what.
        cache: a folder where the embedded atlas is kept for the next time; nowhere if not given.
        version: of the embedder; what was kept by another version is not used.
        patience: what takes no longer than so many seconds is not kept.
    """

    def __init__(
        self, atlas: Atlas, embedder: Embedder, cache: Path | None = None, version: str = "", patience: float = 1.0
    ) -> None:
        self._embedder = embedder
        texts = [(t, text) for t in atlas.technologies for text in passages(t)]
        self._owners = [technology for technology, _ in texts]
        self._rows = _embedded([text for _, text in texts], embedder, cache, version, patience)

    def search(self, asked: str, n: int = 5) -> list[Found]:
        """Return the nearest technologies, best first; fewer than `n` if no more have anything in common with it."""
        (direction,) = self._embedder.embed([asked], is_query=True)
        best: dict[str, Found] = {}
        for technology, score in zip(self._owners, self._rows @ direction, strict=True):
            if score > _CHANCE and (technology.id not in best or score > best[technology.id].score):
                best[technology.id] = Found(technology, float(score))
        return sorted(best.values(), key=lambda found: (-found.score, found.technology.id))[:n]


def passages(technology: Technology) -> list[str]:
    """Return what is compared with a question: name and scope, and the words people look for, in each language."""
    name, scope, terms = technology.name, technology.scope, technology.terms
    found = [f"{name.en}. {scope.en}", f"{name.ko}. {scope.ko}"]
    return [*found, ", ".join(t.en for t in terms), ", ".join(t.ko for t in terms)] if terms else found


def _embedded(texts: list[str], embedder: Embedder, cache: Path | None, version: str, patience: float) -> FloatArray:
    if cache is None:
        return embedder.embed(texts, is_query=False)
    digest = hashlib.sha256(json.dumps([version, texts]).encode()).hexdigest()[:32]
    path = cache / f"{embedder.name}-{digest}.npy"
    try:
        kept: FloatArray = np.load(path, allow_pickle=False)
        if kept.ndim == 2 and len(kept) == len(texts) and kept.dtype == np.float64:  # noqa: PLR2004
            return kept
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: it is made again
    started = time.perf_counter()
    rows = embedder.embed(texts, is_query=False)
    if time.perf_counter() - started <= patience:
        return rows
    try:
        cache.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.stem}.{os.getpid()}.npy")
        np.save(fresh, rows, allow_pickle=False)
        fresh.replace(path)
    except OSError:
        pass  # a cache that cannot be written to costs time only
    return rows
