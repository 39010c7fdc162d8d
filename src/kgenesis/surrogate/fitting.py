"""Find the hyper-parameters of a Gaussian process: a maximum a posteriori fit with analytic gradients."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray, IntArray

MEAN_VARIANCE = 1.0
"""Prior variance of the constant mean, standardised units: it is part of the kernel, so the mean is integrated out."""

JITTER = 1e-8
"""Added to the diagonal so that a Cholesky factor always exists, standardised units."""

_LENGTHSCALE_BOUNDS = (log(1e-2), log(1e3))
_SIGNAL_BOUNDS = (log(5e-2), log(5e1))
_NOISE_BOUNDS = (log(1e-6), log(2e0))
_NOISE_PRIOR = (-3.0, 1.5)
"""Mean and spread of log noise variance: 22 % of the spread of outcomes is likely, 2 % or 200 % is not excluded."""

_SOLVER = {"maxiter": 15, "ftol": 1e-5, "gtol": 1e-2}
"""A log density exact to a hundredth is exact enough: the data rarely settle hyper-parameters better."""

_START_WIDTHS = (0.25, 0.7, 2.0)
"""Lengthscales to start from, over the square root of the number of factors."""
_START_NOISES = (1e-3, 1e-1)
"""Noise variances to start from, standardised."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed about a response before it is measured: how fast it varies, and whether factors differ."""

    location: float
    """Mean of log lengthscale for one factor."""
    spread: float
    """Standard deviation of log lengthscale."""
    signal_spread: float
    """Standard deviation of log signal variance around 0; the data are standardised."""
    is_isotropic: bool = False
    """Whether every factor shares one lengthscale."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """One fitted Gaussian process in standardised units."""

    lengthscales: FloatArray
    """Shape (n_factors,)."""
    signal_variance: float
    noise_variance: float
    n_lengthscales: int
    """How many of them were free to differ: 1 if all factors share one."""
    log_density: float
    """Log marginal likelihood plus log prior, up to a constant of the prior."""
    extra: FloatArray | None = None
    """Noise variances of outliers' own, standardised, shape (n,)."""


def column_scales(x: FloatArray, groups: IntArray) -> FloatArray:
    """Weigh columns so that the farthest two levels of any factor are about 1 apart.

    A factor spread over several one-hot columns has squared distance 2 between any two levels, hence 1/sqrt(2);
    one spread over k descriptor columns has at most k, hence 1/sqrt(k).

    Args:
        x: Encoded points, shape (n, d).
        groups: Factor index of each column, shape (d,).

    Returns:
        Factor for each column, shape (d,).
    """
    scales = np.ones(groups.size)
    for factor, width in enumerate(np.bincount(groups)):
        if width > 1:
            block = x[:, groups == factor]
            is_one_hot = bool(np.all((block == 0.0) | (block == 1.0))) and bool(np.all(block.sum(axis=1) <= 1.0))
            scales[groups == factor] = 1.0 / sqrt(2.0 if is_one_hot else float(width))
    return scales


def factor_distances(scaled: FloatArray, groups: IntArray) -> FloatArray:
    """Squared distances of all pairs i < j along every factor.

    Args:
        scaled: Points after `column_scales`, shape (n, d).
        groups: Factor index of each column, shape (d,).

    Returns:
        Shape (n_factors, n (n - 1) / 2), pairs in the order of `numpy.triu_indices`.
    """
    first, second = np.triu_indices(scaled.shape[0], k=1)
    distances = np.zeros((int(groups.max()) + 1, first.size))
    for column, factor in enumerate(groups):
        distances[factor] += (scaled[first, column] - scaled[second, column]) ** 2
    return distances


def matern(squared: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Matérn-5/2 correlation and its slope (Rasmussen & Williams 2006, equation 4.17).

    Args:
        squared: Squared distance r² in lengthscales, any shape.

    Returns:
        (1 + √5 r + 5 r²/3) exp(-√5 r), and minus twice its derivative by r²: (5/3) (1 + √5 r) exp(-√5 r).
    """
    r = np.sqrt(5.0 * squared)
    decay = np.exp(-r)
    r += 1.0
    r *= decay
    decay *= squared
    decay += 0.6 * r
    decay *= 5.0 / 3.0
    r *= 5.0 / 3.0
    return decay, r


class MarginalLikelihood:
    """Negative log posterior density of the hyper-parameters θ = (log lengthscales, log signal, log noise variance).

    Args:
        distances: From `factor_distances`, shape (n_factors, pairs).
        y: Standardised outcomes, shape (n,).
        known: Known noise variance of each outcome in standardised units, NaN where unknown, shape (n,).
        prior: Beliefs about θ.
        extra: Noise variance to add to what is known or learned, shape (n,).
    """

    def __init__(
        self, distances: FloatArray, y: FloatArray, known: FloatArray, prior: Prior, extra: FloatArray | None = None
    ) -> None:
        n, n_factors = y.size, distances.shape[0]
        first, second = np.triu_indices(n, k=1)
        self._pairs = first * n + second
        self._distances, self._y = distances, y
        self._is_unknown = np.isnan(known)
        self._known = np.where(self._is_unknown, 0.0, known) + (0.0 if extra is None else extra)
        self._centre = np.array([prior.location] * n_factors + [0.0, _NOISE_PRIOR[0]])
        self._spread = np.array([prior.spread] * n_factors + [prior.signal_spread, _NOISE_PRIOR[1]])

    def value(self, theta: FloatArray) -> float:
        """Value at θ, shape (n_factors + 2,), without the gradient: a third of the work."""
        found = self._factorised(theta)
        return 1e25 if found is None else self._value(theta, found[0], found[1])

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient at θ (Rasmussen & Williams 2006, equations 5.8 and 5.9, plus the log prior).

        Args:
            theta: Shape (n_factors + 2,).

        Returns:
            The value, and the gradient of shape (n_factors + 2,).
        """
        found = self._factorised(theta)
        if found is None:
            return 1e25, np.zeros_like(theta)
        factor, alpha, correlation, slope = found
        value = self._value(theta, factor, alpha)
        n = self._y.size
        inverse_squares = np.exp(-2.0 * theta[:-2])
        signal, noise = np.exp(theta[-2:])
        inverse = lapack.dpotri(factor, lower=1, overwrite_c=1)[0].T.ravel()
        off = np.outer(alpha, alpha).ravel()[self._pairs] - inverse[self._pairs]
        diagonal = alpha**2 - inverse[:: n + 1]
        gradient = np.empty_like(theta)
        gradient[:-2] = -signal * inverse_squares * (self._distances @ (off * slope))
        gradient[-2] = -signal * (float(off @ correlation) + 0.5 * float(diagonal.sum()))
        gradient[-1] = -0.5 * noise * float(diagonal[self._is_unknown].sum())
        return value, gradient + (theta - self._centre) / self._spread**2

    def _factorised(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:
        """Cholesky factor of the covariance, inverse covariance times y, correlations of the pairs, and their slopes."""
        n = self._y.size
        signal, noise = np.exp(theta[-2:])
        correlation, slope = matern(np.exp(-2.0 * theta[:-2]) @ self._distances)
        covariance = np.zeros(n * n)
        covariance[self._pairs] = signal * correlation + MEAN_VARIANCE
        covariance[:: n + 1] = signal + MEAN_VARIANCE + noise * self._is_unknown + self._known + JITTER
        factor, failed = lapack.dpotrf(covariance.reshape(n, n).T, lower=1, overwrite_a=1)
        return None if failed else (factor, lapack.dpotrs(factor, self._y, lower=1)[0], correlation, slope)

    def _value(self, theta: FloatArray, factor: FloatArray, alpha: FloatArray) -> float:
        log_determinant = 2.0 * float(np.log(np.diagonal(factor)).sum())
        z = (theta - self._centre) / self._spread
        likelihood = float(self._y @ alpha) + log_determinant + self._y.size * log(2.0 * pi)
        return 0.5 * (likelihood + float(z @ z))


def fit(
    distances: FloatArray, y: FloatArray, known: FloatArray, prior: Prior, extra: FloatArray | None = None
) -> Hyperparameters:
    """Fit one Gaussian process by L-BFGS-B from the best of a few starts, smooth to rough, quiet to noisy.

    Args:
        distances: From `factor_distances`, shape (n_factors, pairs).
        y: Standardised outcomes, shape (n,).
        known: Known noise variances in standardised units, NaN where unknown, shape (n,).
        prior: Beliefs about the hyper-parameters.
        extra: Noise variances to add to those known or learned, standardised, shape (n,): of outliers.

    Returns:
        The hyper-parameters with the highest posterior density found.
    """
    n_factors = distances.shape[0]
    used = distances.sum(axis=0, keepdims=True) if prior.is_isotropic else distances
    target = MarginalLikelihood(used, y, known, prior, extra)
    bounds = [_LENGTHSCALE_BOUNDS] * used.shape[0] + [_SIGNAL_BOUNDS, _NOISE_BOUNDS]
    starts = [
        np.array([log(width * sqrt(n_factors))] * used.shape[0] + [0.0, log(noise)])
        for width in _START_WIDTHS
        for noise in _START_NOISES
    ]
    start = min(starts, key=target.value)
    end = minimize(target, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_SOLVER)
    lengthscales = np.exp(end.x[:-2])
    signal, noise_variance = (float(v) for v in np.exp(end.x[-2:]))
    return Hyperparameters(
        np.broadcast_to(lengthscales, (n_factors,)).copy(), signal, noise_variance, lengthscales.size, -float(end.fun)
    )
