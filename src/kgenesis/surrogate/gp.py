"""Gaussian process surrogate: learn from history, say what to expect and how surely."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.text import say
from kgenesis.surrogate.fitting import (
    JITTER,
    MEAN_VARIANCE,
    Hyperparameters,
    Prior,
    column_scales,
    factor_distances,
    fit,
    matern,
)
from kgenesis.surrogate.mixture import MixturePosterior
from kgenesis.surrogate.rough import RoughPosterior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.kernel.ports import FloatArray, PluginContext, TrainingData

FIT_ROWS = 256
"""Hyper-parameters are learned from at most this many rows, drawn at random; predictions always use every row."""

_CHUNK = 25_000
"""Kernel entries computed at once while predicting: a block this small stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class GaussianPosterior:
    """One Gaussian process after seeing data; everything inside is in standardised units.

    `GaussianProcess` mixes several of these; alone it serves as a `Posterior` too.
    """

    hyperparameters: Hyperparameters
    weights: FloatArray
    """Column scale over lengthscale, shape (d,): a point times this is in lengthscales."""
    centre: float
    """Raw units: standardised y = (y - centre) / scale."""
    scale: float
    points: FloatArray
    """Training points in lengthscales, shape (n, d)."""
    y: FloatArray
    """Standardised, shape (n,)."""
    factor: FloatArray
    """Lower Cholesky factor of the covariance of y, noise included, Fortran order, shape (n, n)."""
    alpha: FloatArray
    """Inverse covariance times y, shape (n,)."""

    @property
    def lengthscales(self) -> FloatArray:
        """Shape (n_factors,), encoded units; relevance is the inverse."""
        return self.hyperparameters.lengthscales

    @property
    def noise_sd(self) -> float:
        """Learned noise of one measurement, raw units."""
        return self.scale * sqrt(self.hyperparameters.noise_variance)

    @property
    def n_fitted(self) -> int:
        """How many hyper-parameters were learned: the lengthscales that may differ, signal and noise."""
        return self.hyperparameters.n_lengthscales + 2

    @property
    def rough(self) -> RoughPosterior:
        """The same at less cost, for looking through very many points."""
        return RoughPosterior(self)

    @property
    def voices(self) -> dict[str, float]:
        """It speaks for itself."""
        return {"gp": 1.0}

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise (Rasmussen & Williams 2006, equations 2.25 and 2.26).

        Args:
            x: Encoded points, shape (m, d).

        Returns:
            Mean and variance, shape (m,) each, raw units.
        """
        mean, variance = np.empty(x.shape[0]), np.empty(x.shape[0])
        step = max(32, _CHUNK // self.y.size)
        for start in range(0, x.shape[0], step):
            part = slice(start, start + step)
            covariance = self._covariance(x[part] * self.weights, self.points)
            mean[part] = covariance @ self.alpha
            half = lapack.dtrtrs(self.factor, covariance.T, lower=1, overwrite_b=1)[0].T
            variance[part] = self._prior_variance - np.einsum("ij,ij->i", half, half)
        return self._raw_mean(mean), self._raw_variance(variance)

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together.

        Args:
            x: Encoded points, shape (m, d).

        Returns:
            Mean, shape (m,), and covariance, shape (m, m), raw units.
        """
        points = x * self.weights
        covariance = self._covariance(self.points, points)
        half = lapack.dtrtrs(self.factor, covariance, lower=1)[0]
        own = self._covariance(points, points) - half.T @ half
        return self._raw_mean(self.alpha @ covariance), self.scale**2 * 0.5 * (own + own.T)

    def condition_on(self, x: FloatArray, y: FloatArray) -> GaussianPosterior:
        """Add outcomes and keep the hyper-parameters: extends the Cholesky factor in O(n² m).

        Args:
            x: Encoded points, shape (m, d).
            y: Their outcomes, measured or imagined, raw units, shape (m,).

        Returns:
            The posterior that knows them too.
        """
        points = x * self.weights
        n, m = self.y.size, points.shape[0]
        lower = lapack.dtrtrs(self.factor, self._covariance(self.points, points), lower=1)[0]
        own = self._covariance(points, points) - lower.T @ lower
        own[np.diag_indices(m)] += self.hyperparameters.noise_variance + JITTER
        factor = np.zeros((n + m, n + m), order="F")
        factor[:n, :n] = self.factor
        factor[n:, :n] = lower.T
        factor[n:, n:] = _cholesky(own)
        all_y = np.concatenate([self.y, (y - self.centre) / self.scale])
        alpha = lapack.dpotrs(factor, all_y, lower=1)[0]
        return replace(self, points=np.vstack([self.points, points]), y=all_y, factor=factor, alpha=alpha)

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each training outcome from the others (Rasmussen & Williams 2006, equation 5.12).

        Returns:
            Mean and variance (noise included), shape (n,) each, raw units; hyper-parameters are not refitted.
        """
        precision = np.diagonal(lapack.dpotri(self.factor, lower=1)[0])
        return self._raw_mean(self.y - self.alpha / precision), self._raw_variance(1.0 / precision)

    @property
    def _prior_variance(self) -> float:
        return self.hyperparameters.signal_variance + MEAN_VARIANCE

    def _covariance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        covariance = matern(_squared_distances(a, b))[0]
        covariance *= self.hyperparameters.signal_variance
        covariance += MEAN_VARIANCE
        return covariance

    def _raw_mean(self, mean: FloatArray) -> FloatArray:
        return self.centre + self.scale * mean

    def _raw_variance(self, variance: FloatArray) -> FloatArray:
        return self.scale**2 * np.maximum(variance, JITTER)


class GaussianProcess:
    """Average of two exact Matérn-5/2 Gaussian processes: one lengthscale per factor, and one for all factors.

    On real tables their plain average predicts better than either, above all from few observations, and better than
    weights from the leave-one-out score, which favours the one that fitted more.

    Args:
        priors: Beliefs to fit, one process each; location is moved by half the log of the number of factors, so that
            typical distances stay as many lengthscales in any dimension (Hvarfner et al. 2024, arXiv 2402.02229).
    """

    def __init__(self, priors: Sequence[Prior] | None = None) -> None:
        self._priors = tuple(priors) if priors is not None else DEFAULT_PRIORS

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> MixturePosterior:
        """Learn from data.

        Args:
            data: At least one observation; every x and y finite.
            rng: Draws the rows to learn hyper-parameters from when there are more than `FIT_ROWS`.

        Returns:
            The mixture over the priors.

        Raises:
            ValueError: If there is no observation, or a value is not finite, or shapes disagree.
        """
        _check(data)
        centre, scale = _standardise(data.y)
        y = (data.y - centre) / scale
        known = np.where(np.isfinite(data.noise_variance), data.noise_variance, np.nan) / scale**2
        scales = column_scales(data.x, data.groups)
        rows = np.arange(y.size) if y.size <= FIT_ROWS else rng.choice(y.size, FIT_ROWS, replace=False)
        distances = factor_distances(data.x[rows] * scales, data.groups)
        components = []
        for prior in self._priors:
            shifted = replace(prior, location=prior.location + 0.5 * np.log(distances.shape[0]))
            found = fit(distances, y[rows], known[rows], shifted)
            components.append(_condition(found, scales, data, (centre, scale), known))
        names = tuple("gp-isotropic" if prior.is_isotropic else "gp-ard" for prior in self._priors)
        return MixturePosterior(tuple(components), np.full(len(components), 1.0 / len(components)), names)


def make_gp(context: PluginContext) -> GaussianProcess:
    """Entry point `gp` of the group `kgenesis.surrogates`; it has no settings.

    Raises:
        InvalidSpec: A setting was given.
    """
    if context.settings:
        text = say("the surrogate `gp` has no such setting", "대리 모델 `gp`에는 그런 설정이 없습니다")
        raise InvalidSpec(text, [Mistake(text, f"surrogate.settings.{name}") for name in context.settings])
    return GaussianProcess()


PER_FACTOR = Prior(location=0.0, spread=1.0, signal_spread=1.0)
"""Each factor its own lengthscale, around the square root of their number (Xu 2024; Papenmeier 2025)."""

ISOTROPIC = replace(PER_FACTOR, is_isotropic=True)
"""One lengthscale for all: few observations cannot tell factors apart, and pretending they can is overconfident."""

DEFAULT_PRIORS = (PER_FACTOR, ISOTROPIC)


def _condition(
    found: Hyperparameters, scales: FloatArray, data: TrainingData, units: tuple[float, float], known: FloatArray
) -> GaussianPosterior:
    """Factorise the covariance of every observation under fitted hyper-parameters."""
    weights = scales / found.lengthscales[data.groups]
    points = data.x * weights
    y = (data.y - units[0]) / units[1]
    covariance = found.signal_variance * matern(_squared_distances(points, points))[0] + MEAN_VARIANCE
    noise = np.where(np.isnan(known), found.noise_variance, known)
    covariance[np.diag_indices(y.size)] = found.signal_variance + MEAN_VARIANCE + noise + JITTER
    factor = _cholesky(covariance)
    alpha = lapack.dpotrs(factor, y, lower=1)[0]
    return GaussianPosterior(found, weights, units[0], units[1], points, y, factor, alpha)


def _cholesky(covariance: FloatArray) -> FloatArray:
    """Lower factor in Fortran order; adds to the diagonal, tenfold each time, should rounding make it necessary."""
    extra = 0.0
    while True:
        factor, failed = lapack.dpotrf(covariance + extra * np.eye(covariance.shape[0]), lower=1)
        if not failed:
            return np.asarray(factor)
        extra = max(10.0 * extra, JITTER)


def _squared_distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared Euclidean distances, shapes (n, d), (m, d) -> (n, m)."""
    squared = (-2.0 * a) @ b.T
    squared += np.einsum("ij,ij->i", a, a)[:, None]
    squared += np.einsum("ij,ij->i", b, b)
    return np.maximum(squared, 0.0, out=squared)


def _standardise(y: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of y; where nothing varies, the size of y itself, or 1."""
    size = float(np.abs(y).max())
    if size == 0.0:
        return 0.0, 1.0
    centre = size * float(np.mean(y / size))
    deviation = size * float(np.std(y / size))
    return centre, deviation if deviation > 1e-12 * size else size


def _check(data: TrainingData) -> None:
    n = data.y.shape[0]
    if n == 0 or data.x.shape != (n, data.groups.size) or data.noise_variance.shape != (n,):
        raise ValueError(
            f"expected x (n, d), y (n,), noise_variance (n,), groups (d,) with n >= 1; got {data.x.shape}, "
            f"{data.y.shape}, {data.noise_variance.shape}, {data.groups.shape}"
        )
    if not (np.isfinite(data.x).all() and np.isfinite(data.y).all()):
        raise ValueError("x and y must be finite; leave failed experiments out")
