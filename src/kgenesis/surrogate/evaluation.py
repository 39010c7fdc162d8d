"""How well a surrogate foretells: density and coverage of held-out measurements, on campaigns it has never seen."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from kgenesis.surrogate.amortised import load
from kgenesis.surrogate.fitting import Prior
from kgenesis.surrogate.genesis import Genesis, Settings, find
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.surrogate.prior import draw_data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kgenesis.kernel.ports import FloatArray, Posterior, Surrogate
    from kgenesis.surrogate.prior import DataSet

SEED = 7003
"""Evaluations draw from it; trainings have seeds of their own and never three numbers in them that begin with it."""

SIZES = tuple((n, d) for n in (5, 10, 20, 40, 80) for d in (1, 2, 4, 8, 14))
"""Measurements and factors of the data sets."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one data set was foretold."""

    n: int
    n_factors: int
    noise: str
    kind: str
    """`levels` if any factor has levels, else `numbers`."""
    family: str
    nll: float
    """Mean negative log density of held-out measurements, standardised, nats."""
    coverage: float
    """Share of them inside the central 90 % interval."""


def foretold(posterior: Posterior, x: FloatArray, y: FloatArray, known: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log density and the place (0–1) of measurements in what a posterior expects.

    Args:
        posterior: A mixture if it has `members`, else normal.
        x: Encoded points, shape (m, d).
        y: Measured there, shape (m,).
        known: Known noise variances, NaN where unknown, shape (m,).

    Returns:
        Log densities and values of the distribution function, shape (m,) each.
    """
    members: Sequence[tuple[float, Posterior]] = getattr(posterior, "members", ((1.0, posterior),))
    logs, places = np.empty((len(members), y.size)), np.zeros(y.size)
    for i, (share, member) in enumerate(members):
        mean, variance = member.mean_and_variance(x)
        variance = variance + np.where(np.isnan(known), member.noise_sd**2, known)
        z = (y - mean) / np.sqrt(variance)
        logs[i] = log(share) - 0.5 * (np.log(2.0 * pi * variance) + z**2)
        places += share * ndtr(z)
    return np.logaddexp.reduce(logs, axis=0), places


def score(surrogate: Surrogate, s: DataSet) -> Score:
    """Return how well a surrogate foretells the held-out measurements of a data set."""
    posterior = surrogate.posterior(s.data, np.random.default_rng(0))
    densities, places = foretold(posterior, s.x, s.y, s.noise_variance)
    inside = float(((places > 0.05) & (places < 0.95)).mean())  # noqa: PLR2004
    n_factors = int(s.data.groups.max()) + 1
    kind = "levels" if s.has_levels else "numbers"
    return Score(s.data.y.size, n_factors, s.noise, kind, s.family, -float(densities.mean()), inside)


def map_gp() -> GaussianProcess:
    """Return the yardstick: one Matérn-5/2 process with a lengthscale per factor, fitted (maximum a posteriori)."""
    return GaussianProcess([Prior(location=0.0, spread=1.0, signal_spread=1.0)])


def evaluate(
    model: str, folder: Path, n_sets: int = 4, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, dict[str, float]]:
    """Compare a model with the yardstick on draws of the prior that no training has seen.

    Args:
        model: A published version, or a folder relative to `folder`.
        folder: Where relative paths start.
        n_sets: Data sets of each size.
        on_progress: Told how many are done, of how many.

    Returns:
        For `all` and each slice (`n=5`, `factors=2`, `noise=none`, `levels` …): `data_sets`, `nll`, `nll_map_gp`,
        `better` (share of data sets foretold better than by the yardstick), `coverage`.
    """
    ours, yardstick = Genesis(load(find(model, folder)), Settings(model=model)), map_gp()
    found: dict[str, list[tuple[Score, Score]]] = {}
    total = len(SIZES) * n_sets
    for k, (n, d) in enumerate(SIZES):
        for i in range(n_sets):
            s = draw_data_set(np.random.default_rng((SEED, k, i)), n, d, 40)
            pair = score(ours, s), score(yardstick, s)
            first = pair[0]
            slices = ("all", f"n={n}", f"factors={d}", f"noise={first.noise}", first.kind, f"family={first.family}")
            for name in slices:
                found.setdefault(name, []).append(pair)
            on_progress(k * n_sets + i + 1, total)
    # the whole first, then slice by slice, numbers in order
    names = sorted(found, key=lambda name: (name != "all", name.partition("=")[0], len(name), name))
    return {name: _summary(found[name]) for name in names}


def _summary(pairs: Sequence[tuple[Score, Score]]) -> dict[str, float]:
    ours, theirs = (np.array([pair[i].nll for pair in pairs]) for i in (0, 1))
    return {
        "data_sets": len(pairs),
        "nll": float(ours.mean()),
        "nll_map_gp": float(theirs.mean()),
        "better": float((ours < theirs).mean()),
        "coverage": float(np.mean([pair[0].coverage for pair in pairs])),
    }
