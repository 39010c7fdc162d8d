"""Find outliers by relevance pursuit: a few measurements get noise of their own, if that explains them far better."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kgenesis.kernel.ports import FloatArray

PRIOR = 0.02
"""Probability beforehand that a measurement is an outlier: each must gain the log of its odds, 3.9, in log density."""

MAX_SHARE = 0.25
"""Largest share of outliers: with more it is not clear who the others are."""

_ROUNDS = 5
_SWEEPS = 3


def find_outliers(
    covariance_given: Callable[[FloatArray], FloatArray], y: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Give outliers noise of their own, one after the other, and fit again until none is added.

    Relevance pursuit (Ament, Santorella, Eriksson, Letham, Balandat & Bakshy 2024, Robust Gaussian processes via
    relevance pursuit, NeurIPS 37), forward: of all measurements the one whose own noise variance raises the marginal
    likelihood most gets it, as long as that is worth more than the prior odds against an outlier.

    Args:
        covariance_given: From extra noise variances (n,) to the covariance (n, n) of y under hyper-parameters fitted
            with them: known and learned noise included, the extra variances themselves not.
        y: Outcomes with prior mean 0, in the units of the covariance, shape (n,).

    Returns:
        Extra noise variance of each outcome, 0 for most, shape (n,); and which outcomes are outliers, shape (n,).
    """
    extra = np.zeros_like(y)
    for _ in range(_ROUNDS):
        # outliers are looked for afresh each time: what seemed one may fit once the worst no longer bends everything
        found = pursue(covariance_given(extra), y)
        settled = bool(((found > 0.0) == (extra > 0.0)).all())
        extra = found
        if settled:
            break
    return extra, extra > 0.0


def pursue(covariance: FloatArray, y: FloatArray) -> FloatArray:
    """Return extra noise variances (n,) under fixed hyper-parameters.

    Args:
        covariance: Of y, noise included, shape (n, n).
        y: Outcomes with prior mean 0, shape (n,).
    """
    extra = np.zeros_like(y)
    price = log((1.0 - PRIOR) / PRIOR)
    precision = np.asarray(cho_solve(cho_factor(covariance, lower=True), np.eye(y.size)))
    for _ in range(int(MAX_SHARE * y.size)):
        gain, best = _gains(precision, y)
        gain[extra > 0.0] = -np.inf
        worst = int(gain.argmax())
        if gain[worst] <= price:
            break
        precision = _with_noise(precision, worst, best[worst])
        extra[worst] = best[worst]
        for _ in range(_SWEEPS):
            for i in np.flatnonzero(extra).tolist():
                # what i is worth is asked without its own noise
                without = _with_noise(precision, i, -extra[i])
                extra[i] = max(_gains(without, y)[1][i], np.finfo(float).tiny)
                precision = _with_noise(without, i, extra[i])
    return extra


def _gains(precision: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return by how much noise of its own would raise the log density for each outcome, and the best variance of it.

    With r and v the error and variance when the outcome is left out (Rasmussen & Williams 2006, equation 5.12), the
    best variance is r² - v, and the density of r under N(0, r²) replaces that under N(0, v).
    """
    left = 1.0 / np.diagonal(precision)
    error = (precision @ y) * left
    squared = np.maximum(error**2 / left, 1.0)
    return 0.5 * (squared - 1.0 - np.log(squared)), np.maximum(error**2 - left, 0.0)


def _with_noise(precision: FloatArray, i: int, variance: float) -> FloatArray:
    """Return the inverse once a variance is added to the i-th diagonal entry of the covariance (Sherman-Morrison)."""
    column = precision[:, i]
    return np.asarray(precision - np.outer(column, column) * (variance / (1.0 + variance * column[i])))
