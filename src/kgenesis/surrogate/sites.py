"""Measurements gathered by the points where they were made, so that replicates are known as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray, IntArray
    from kgenesis.surrogate.growing import BoolArray

ASSUMED_NOISE = 0.05
"""Noise variance, standardised, taken for weights where it is neither known nor shown by replicates."""

EXACT = 1e-9
"""Smallest noise variance, standardised, and largest distance between encodings of the same point."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Measurements, gathered by the points ("sites") where they were made; everything is standardised."""

    x: FloatArray
    """Sites, shape (s, d), in the order of `_keys`."""
    site: IntArray
    """Site of each measurement, shape (n,)."""
    y: FloatArray
    """Shape (n,)."""
    known: FloatArray
    """Noise variance, shape (n,); NaN where it is not known."""
    paths: IntArray
    """Nodes that each site passes on its way down, shape (n_levels, n_trees, s)."""
    is_out: BoolArray
    """Whether a tree was grown without a site, shape (n_trees, s)."""

    def noise(self, unknown: float) -> FloatArray:
        """Return the noise variance (n,) with a value for what is not known."""
        return np.maximum(np.where(np.isnan(self.known), unknown, self.known), EXACT)

    def averages(self, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and its noise variance, shape (s,) each, of every site under noise variances (n,)."""
        precision = np.bincount(self.site, 1.0 / noise, len(self.x))
        return np.bincount(self.site, self.y / noise, len(self.x)) / precision, 1.0 / precision

    def inside_sites(self) -> tuple[float, int]:
        """Return the sum of squares of replicates around their mean, and its degrees of freedom."""
        unknown = np.isnan(self.known)
        site, y = self.site[unknown], self.y[unknown]
        count = np.bincount(site, minlength=len(self.x))
        mean = np.bincount(site, y, len(self.x)) / np.maximum(count, 1)
        return float(((y - mean[site]) ** 2).sum()), int(np.maximum(count - 1, 0).sum())

    def assumed_noise(self) -> float:
        """Return the noise variance that weights are made from: what replicates show, shrunk as if two more did."""
        squares, freedom = self.inside_sites()
        return (squares + 2.0 * ASSUMED_NOISE) / (freedom + 2.0)


def _keys(x: FloatArray) -> FloatArray:
    """Return one number (n,) per point (n, d), the same for the same point wherever it stands."""
    total = np.zeros(len(x))
    for j in range(x.shape[1]):
        total += x[:, j] * ((j + 1) * 0.6180339887498949 % 1.0 + 0.5)
    return total


def gather(x: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the first row of each different point, in the order of keys, and the point of each row."""
    keys = _keys(x)
    order = np.lexsort((*x.T, np.round(keys, 8)))
    is_new = np.ones(len(x), dtype=bool)
    is_new[1:] = np.abs(np.diff(x[order], axis=0)).max(axis=1) > EXACT
    site = np.empty(len(x), dtype=np.int64)
    site[order] = np.cumsum(is_new) - 1
    sites = order[is_new]
    by_key = np.argsort(keys[sites], kind="stable")
    rank = np.empty_like(by_key)
    rank[by_key] = np.arange(by_key.size)
    return sites[by_key], rank[site]


def match(x: FloatArray, sites: FloatArray) -> tuple[IntArray, IntArray]:
    """Return which rows of x (m, d) are sites (s, d), and which sites they are."""
    keys = _keys(sites)
    at = np.minimum(np.searchsorted(keys, _keys(x) - EXACT * x.shape[1]), len(sites) - 1)
    found = np.flatnonzero(np.abs(sites[at] - x).max(axis=1) <= EXACT)
    return found, at[found]
