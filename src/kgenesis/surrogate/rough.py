"""Predictions that are rough and cheap: to see which of very many points deserve a closer look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import lapack

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kgenesis.kernel.ports import FloatArray, IntArray
    from kgenesis.surrogate.gp import GaussianPosterior

MAX_ROWS = 256
"""Observations looked at, at most."""

_LEAST_VARIANCE = 1e-6
"""What rounding in single precision may leave of a variance, standardised units."""

_CHUNK = 50_000
"""Kernel entries computed at once."""


class RoughPosterior:
    """What a Gaussian process expects, in single precision and from at most `MAX_ROWS` of its observations.

    About three times as fast as the exact one, and very much faster with thousands of observations. Those looked at
    are the highest and the lowest outcomes, around which the best is looked for, and an even choice of the rest.

    Args:
        exact: The process.
        correlation: Its correlation at squared distances in lengthscales, of any shape, in the precision it is given;
            may overwrite them.
        prior: Variances of its signal and of its mean, standardised units.
    """

    def __init__(
        self, exact: GaussianPosterior, correlation: Callable[[NDArray[Any]], NDArray[Any]], prior: tuple[float, float]
    ) -> None:
        self._correlation, self._signal, self._mean = correlation, np.float32(prior[0]), np.float32(prior[1])
        rows, factor, alpha = np.arange(exact.y.size), exact.factor, exact.alpha
        if exact.y.size > MAX_ROWS:
            rows = _telling(exact.y)
            covariance = factor[rows] @ factor[rows].T  # noise included
            factor = lapack.dpotrf(covariance, lower=1)[0]
            alpha = lapack.dpotrs(factor, exact.y[rows], lower=1)[0]
        self._factor = np.asfortranarray(factor, dtype=np.float32)
        self._alpha = alpha.astype(np.float32)
        self._points = exact.points[rows].astype(np.float32)
        self._weights = exact.weights.astype(np.float32)
        self._squares = np.einsum("ij,ij->i", self._points, self._points)
        self._centre, self._scale = exact.centre, exact.scale

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise, shapes (m, d) -> (m,), (m,), raw units."""
        mean, variance = np.empty(len(x)), np.empty(len(x))
        points = x.astype(np.float32) * self._weights
        prior = self._signal + self._mean
        step = max(64, _CHUNK // len(self._points))
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            squared = (-2.0 * points[part]) @ self._points.T
            squared += np.einsum("ij,ij->i", points[part], points[part])[:, None]
            squared += self._squares
            covariance = self._correlation(np.maximum(squared, 0.0, out=squared))
            covariance *= self._signal
            covariance += self._mean
            mean[part] = covariance @ self._alpha
            half = lapack.strtrs(self._factor, covariance.T, lower=1, overwrite_b=1)[0].T
            variance[part] = prior - np.einsum("ij,ij->i", half, half)
        least = _LEAST_VARIANCE * float(prior)
        return self._centre + self._scale * mean, self._scale**2 * np.maximum(variance, least)


def matern(squared: NDArray[Any]) -> NDArray[Any]:
    """Matérn-5/2 correlation of squared distances in lengthscales, which it overwrites; see `fitting.matern`."""
    r: NDArray[Any] = np.sqrt(squared * np.float32(5.0))
    decay = np.exp(-r)
    r += 1.0
    squared *= np.float32(5.0 / 3.0)
    r += squared
    r *= decay
    return r


def _telling(y: FloatArray) -> IntArray:
    """Return `MAX_ROWS` of more observations: a quarter from either end of the outcomes, and an even choice."""
    n, ends = y.size, MAX_ROWS // 4
    ranked = np.argsort(y, kind="stable")
    inner = ranked[ends : n - ends]
    even = inner[np.linspace(0, inner.size - 1, MAX_ROWS - 2 * ends).round().astype(int)]
    return np.concatenate([ranked[:ends], ranked[n - ends :], even]).astype(np.int64)
