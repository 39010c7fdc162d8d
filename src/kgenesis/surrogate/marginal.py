"""How likely data are under a Gaussian process of several kernels, and which way its hyper-parameters should move.

The same as `network.fit` and `network.slopes`, for one data set and without torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray

JITTER = 1e-7
"""Added to the diagonal, standardised units."""

LENGTHSCALES = (log(1e-2), log(1e3))
VARIANCES = np.log([[1e-2, 1e2], [1e-6, 4.0], [1e-2, 1e2]])
"""Bounds of log lengthscales, and of the log variances of signal, noise and mean: those of the training."""

N_GLOBALS = 6
"""Log variances of signal, noise and mean, and three kernel logits: θ ends with them."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Hyper-parameters of one Gaussian process, standardised units."""

    precisions: FloatArray
    """Inverse squared lengthscales, shape (n_factors,)."""
    signal: float
    noise: float
    mean: float
    """Variances."""
    shares: FloatArray
    """Of RBF, Matérn-5/2 and Matérn-3/2, shape (3,)."""

    @classmethod
    def of(cls, theta: FloatArray) -> Blend:
        """Return what θ, shape (n_factors + N_GLOBALS,), stands for; it is brought within bounds first."""
        lengths, logits = np.clip(theta[:-N_GLOBALS], *LENGTHSCALES), theta[-3:]
        variances = np.exp(np.clip(theta[-N_GLOBALS:-3], VARIANCES[:, 0], VARIANCES[:, 1]))
        shares = np.exp(logits - logits.max())
        signal, noise, mean = (float(v) for v in variances)
        return cls(np.exp(-2.0 * lengths), signal, noise, mean, shares / shares.sum())

    def correlation(self, squared: FloatArray) -> FloatArray:
        """Return the correlation at squared distances in lengthscales, same shape; kernels without a share cost nothing."""
        found, r = np.zeros_like(squared), np.sqrt(squared)
        for kind, share in enumerate(self.shares):
            if share > LEAST_SHARE:
                found += correlations(squared, r, kind) * float(share)  # a Python float keeps single precision single
        return found


LEAST_SHARE = 1e-9
"""Of a kernel; smaller ones are left out. Not much larger: a trace of a rough kernel decides where there is no noise."""


def correlations(squared: FloatArray, r: FloatArray, kind: int) -> FloatArray:
    """RBF (0), Matérn-5/2 (1) or Matérn-3/2 (2) at squared distances (Rasmussen & Williams 2006, eq. 4.9 and 4.17)."""
    if kind == 0:
        return np.asarray(np.exp(-0.5 * squared))
    root = (5.0 if kind == 1 else 3.0) ** 0.5
    bracket = 1.0 + root * r
    if kind == 1:
        bracket += (5.0 / 3.0) * squared
    return np.asarray(bracket * np.exp(-root * r))


class Marginal:
    """Log marginal likelihood of θ = (log lengthscales, log variances of signal, noise, mean, kernel logits).

    Args:
        distances: Squared distances of all pairs i < j along every factor, shape (n_factors, n (n - 1) / 2), as
            `fitting.factor_distances` gives them.
        y: Standardised outcomes, shape (n,).
        known: Known noise variances, standardised, NaN where unknown, shape (n,).
    """

    def __init__(self, distances: FloatArray, y: FloatArray, known: FloatArray) -> None:
        first, second = np.triu_indices(y.size, k=1)
        self._pairs = first * y.size + second
        self._distances, self._y = distances, y
        self._is_unknown = np.isnan(known)
        self._known = np.where(self._is_unknown, 0.0, known)

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient (Rasmussen & Williams 2006, equations 5.8 and 5.9), both in closed form.

        Args:
            theta: Shape (n_factors + N_GLOBALS,).

        Returns:
            Log density, and its gradient as if θ lay within its bounds, shape (n_factors + N_GLOBALS,).
        """
        n, blend = self._y.size, Blend.of(theta)
        squared = blend.precisions @ self._distances
        r = np.sqrt(squared)
        rbf, e5, e3 = np.exp(-0.5 * squared), np.exp(-(5.0**0.5) * r), np.exp(-(3.0**0.5) * r)
        bracket = (1.0 + 5.0**0.5 * r) * e5
        kinds = np.stack([rbf, bracket + (5.0 / 3.0) * squared * e5, (1.0 + 3.0**0.5 * r) * e3])
        slope = -0.5 * blend.shares[0] * rbf - (5.0 / 6.0) * blend.shares[1] * bracket - 1.5 * blend.shares[2] * e3
        covariance = np.zeros(n * n)
        covariance[self._pairs] = blend.signal * (blend.shares @ kinds) + blend.mean
        noise = np.where(self._is_unknown, blend.noise, self._known)
        covariance[:: n + 1] = blend.signal + blend.mean + noise + JITTER
        factor = factorise(covariance.reshape(n, n).T)
        alpha = lapack.dpotrs(factor, self._y, lower=1)[0]
        value = -0.5 * float(self._y @ alpha) - float(np.log(np.diagonal(factor)).sum()) - 0.5 * n * log(2.0 * pi)
        inverse = lapack.dpotri(factor, lower=1)[0].T.ravel()
        off = np.outer(alpha, alpha).ravel()[self._pairs] - inverse[self._pairs]
        diagonal = alpha**2 - inverse[:: n + 1]
        trace = float(diagonal.sum())
        by_kind = blend.signal * (kinds @ off + 0.5 * trace)
        by_signal = float(blend.shares @ by_kind)
        gradient = np.empty_like(theta)
        gradient[:-N_GLOBALS] = -2.0 * blend.signal * blend.precisions * (self._distances @ (off * slope))
        gradient[-N_GLOBALS] = by_signal
        gradient[1 - N_GLOBALS] = 0.5 * blend.noise * float(diagonal[self._is_unknown].sum())
        gradient[2 - N_GLOBALS] = blend.mean * (float(off.sum()) + 0.5 * trace)
        gradient[-3:] = blend.shares * (by_kind - by_signal)
        return value, gradient


def factorise(covariance: FloatArray) -> FloatArray:
    """Lower Cholesky factor in Fortran order; adds to the diagonal, tenfold each time, should rounding make it necessary."""
    extra = 0.0
    while True:
        factor, failed = lapack.dpotrf(covariance + extra * np.eye(covariance.shape[0]), lower=1)
        if not failed:
            return np.asarray(factor)
        extra = max(10.0 * extra, JITTER)
