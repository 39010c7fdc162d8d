"""What the foundation model is told of a data set: distances along each factor, and figures that describe factors.

The same code serves training and use. Every figure stays the same when factors change places, when levels are
renamed, when a factor is mirrored, and when the outcome changes its unit or its sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kgenesis.surrogate.fitting import column_scales

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kgenesis.kernel.ports import FloatArray, IntArray

BANDWIDTHS = (0.03, 0.1, 0.25, 0.5, 1.0)
"""Distances along a factor at which outcomes are compared (an empirical variogram)."""

VARIOGRAM_ROWS = 96
"""Rows compared in pairs, at most: an even choice."""

N_WAVES = 6
N_FACTOR_FIGURES = 3 * N_WAVES + 2 * len(BANDWIDTHS) + 4
"""Figures that describe one factor."""

N_DATA_FIGURES = 10
"""Figures that describe a data set."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the network sees of a data set before it looks at likelihoods."""

    factors: FloatArray
    """Shape (n_factors, N_FACTOR_FIGURES)."""
    data: FloatArray
    """Shape (N_DATA_FIGURES,)."""


def distances(a: FloatArray, b: FloatArray, groups: IntArray) -> FloatArray:
    """Squared distances along every factor.

    Args:
        a: Points times `fitting.column_scales`, shape (n, d).
        b: Likewise, shape (m, d).
        groups: Factor index of each column, shape (d,).

    Returns:
        Shape (n_factors, n, m).
    """
    found = np.zeros((int(groups.max()) + 1, len(a), len(b)))
    for column, factor in enumerate(groups):
        found[factor] += (a[:, column, None] - b[None, :, column]) ** 2
    return found


def describe(x: FloatArray, y: FloatArray, known: FloatArray, groups: IntArray) -> Description:
    """Describe a data set.

    Args:
        x: Encoded points, shape (n, d).
        y: Standardised outcomes, shape (n,).
        known: Known noise variances in the same unit, NaN where unknown, shape (n,).
        groups: Factor index of each column, shape (d,).

    Returns:
        Figures of moderate size, never NaN.
    """
    n, n_factors = y.size, int(groups.max()) + 1
    scales = column_scales(x, groups)
    rows = np.unique(np.linspace(0, n - 1, min(n, VARIOGRAM_ROWS)).round().astype(int))
    apart = distances(x[rows] * scales, x[rows] * scales, groups).astype(np.float32)
    half = (0.5 * (y[rows, None] - y[rows]) ** 2).astype(np.float32)
    widths = np.bincount(groups, minlength=n_factors)
    figures = np.empty((n_factors, N_FACTOR_FIGURES))
    waves = _waves(x, y)
    total = np.zeros((n_factors, waves.shape[1]))
    np.add.at(total, groups, waves)
    figures[:, : 3 * N_WAVES] = total / widths[:, None]
    start = 3 * N_WAVES
    n_pairs = max(1, rows.size * (rows.size - 1))
    for bandwidth in BANDWIDTHS:
        weights = np.float32(1.0) / (np.float32(1.0) + apart * np.float32(bandwidth**-2.0)) ** 2
        near = np.maximum(weights.sum(axis=(1, 2), dtype=np.float64) - rows.size, 0.0)
        differing = np.tensordot(weights, half, axes=2).astype(np.float64)
        figures[:, start] = np.log((differing + 1e-3) / (near + 1e-3))
        figures[:, start + 1] = np.log((near + 1e-3) / n_pairs)
        start += 2
    for factor in range(n_factors):
        block = x[:, groups == factor]
        n_values = np.unique(block, axis=0).shape[0] if block.shape[1] > 1 else np.unique(block).size
        is_one_hot = block.shape[1] > 1 and bool(np.all((block == 0.0) | (block == 1.0)))
        figures[factor, start:] = (is_one_hot, block.shape[1] > 1, np.log(n_values), n_values / n)
    return Description(_tame(figures), _tame(_of_data(y[rows], half, apart, known, n)))


def _waves(x: FloatArray, y: FloatArray) -> FloatArray:
    """How strongly outcomes and their squares go along with waves of each column, shape (d, 3 N_WAVES)."""
    z = 2.0 * x - 1.0
    shapes = np.stack([z, z**2, np.sin(np.pi * z), np.cos(np.pi * z), np.sin(2 * np.pi * z), np.cos(2 * np.pi * z)])
    shapes = np.where(np.abs(shapes) < 1e-9, 0.0, shapes)  # noqa: PLR2004
    found: FloatArray = np.abs(
        np.concatenate(
            [shapes.mean(axis=1), (shapes * y[:, None]).mean(axis=1), (shapes * (y**2)[:, None]).mean(axis=1)]
        )
    )
    return found.T


def _of_data(y: FloatArray, half: NDArray[Any], apart: NDArray[Any], known: FloatArray, n: int) -> FloatArray:
    """Figures of the whole data set, shape (N_DATA_FIGURES,)."""
    is_known = np.isfinite(known)
    total = apart.mean(axis=0)
    close = []
    for bandwidth in (0.05, 0.2):  # how much neighbours differ: what noise there may be
        weights = (1.0 + total * bandwidth**-2.0) ** -2.0
        np.fill_diagonal(weights, 0.0)
        close.append(np.log((float(np.vdot(weights, half)) + 1e-3) / (float(weights.sum()) + 1e-3)))
    np.fill_diagonal(total, np.inf)
    gaps = float(total.min(axis=1).mean()) if y.size > 1 else 1.0
    noise = float(np.mean(known[is_known])) if is_known.any() else 0.0
    return np.array(
        [
            np.log(n),
            np.log(len(apart)),
            float(is_known.mean()),
            np.log(noise + 1e-6) * is_known.any(),
            abs(float(np.mean(y**3))),
            np.log(float(np.mean(y**4)) + 1e-3),
            np.log(float(np.median(np.abs(y))) + 1e-3),
            *close,
            np.log(gaps + 1e-4),
        ]
    )


def _tame(figures: FloatArray) -> FloatArray:
    """Keep figures within what a network can read."""
    return np.asarray(np.clip(figures, -10.0, 10.0))
