"""Gaussian process surrogate: learn from history, say what to expect and how surely."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field
from scipy.linalg import lapack

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.plugins import read_settings
from kgenesis.kernel.text import say
from kgenesis.surrogate.data import check, standardise
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
from kgenesis.surrogate.robust import find_outliers
from kgenesis.surrogate.rough import RoughPosterior
from kgenesis.surrogate.rough import matern as rough_matern
from kgenesis.surrogate.warping import (
    PRICE,
    Bends,
    BentPosterior,
    bent_factors,
    inverse_yeo_johnson,
    likely_bend,
    log_slope,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.kernel.ports import FloatArray, IntArray, PluginContext, Posterior, TrainingData

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
        return RoughPosterior(self, rough_matern, (self.hyperparameters.signal_variance, MEAN_VARIANCE))

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
        factor[n:, n:] = cholesky(own)
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
        covariance = matern(squared_distances(a, b))[0]
        covariance *= self.hyperparameters.signal_variance
        covariance += MEAN_VARIANCE
        return covariance

    def _raw_mean(self, mean: FloatArray) -> FloatArray:
        return self.centre + self.scale * mean

    def _raw_variance(self, variance: FloatArray) -> FloatArray:
        return self.scale**2 * np.maximum(variance, JITTER)


class Settings(Frozen):
    """Settings of the surrogate `gp`."""

    lengthscales: tuple[Literal["per-factor", "shared", "weak"], ...] = Field(
        default=("per-factor", "shared"), min_length=1
    )
    """One process for each, averaged: a lengthscale `per-factor` around what is usual for that many factors, one
    `shared` by all, or one per factor that is hardly bound to what is usual (`weak`)."""
    output: Literal["as-is", "yeo-johnson"] = "as-is"
    """`yeo-johnson`: bend skewed outcomes, where that makes the data clearly likelier. Not the default: it helps on some
    responses and harms on as many."""
    input: Literal["as-is", "powers"] = "as-is"
    """`powers`: bend factors, where that makes the data clearly likelier."""
    outliers: Literal["believed", "discounted"] = "believed"
    """`discounted`: measurements that nothing else explains get noise of their own."""


class GaussianProcess:
    """Average of exact Matérn-5/2 Gaussian processes: one lengthscale per factor, and one for all factors.

    On real tables their plain average predicts better than either, above all from few observations, and better than
    weights from the leave-one-out score, which favours the one that fitted more.

    Args:
        priors: Beliefs to fit, one process each; location is moved by half the log of the number of factors, so that
            typical distances stay as many lengthscales in any dimension (Hvarfner et al. 2024, arXiv 2402.02229).
        settings: What else is done to the data; `lengthscales` counts only where no priors are given.
    """

    def __init__(self, priors: Sequence[Prior] | None = None, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._priors = tuple(priors or (PRIORS[kind] for kind in self._settings.lengthscales))

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
        check(data)
        n = data.y.size
        rows = np.arange(n) if n <= FIT_ROWS else rng.choice(n, FIT_ROWS, replace=False)
        case = _Case.of(data, rows, standardise(data.y))
        found = [self._fitted(case, prior) for prior in self._priors]
        bends = Bends(*case.units, 1.0, np.ones(data.groups.size))
        if self._settings.output == "yeo-johnson" and n >= FEWEST_TO_BEND:
            bent = replace(bends, bend=likely_bend(case.y[rows]))
            if abs(bent.bend - 1.0) > LEAST_BEND:
                there = case.bent(bent)
                # asked of the process with the fewest lengthscales, which can explain a bend away least
                least = min(range(len(found)), key=lambda i: found[i].n_lengthscales)
                first = self._fitted(there, self._priors[least])
                gain = first.log_density + there.log_slope(bent) - found[least].log_density
                if gain > PRICE:
                    case, bends = there, bent
                    found = [first if i == least else self._fitted(case, prior) for i, prior in enumerate(self._priors)]
        if self._settings.input == "powers" and n >= FEWEST_TO_BEND:
            powers = bent_factors(case.data.x[rows], data.groups, lambda x: case.density(x, found[0]))
            if (powers != 1.0).any():
                bends = replace(bends, powers=powers)
                case = replace(case, data=replace(case.data, x=bends.points(case.data.x)))
                found = [self._fitted(case, prior) for prior in self._priors]
        components: list[Posterior] = [_condition(hyperparameters, case) for hyperparameters in found]
        if bends.bend != 1.0 or (bends.powers != 1.0).any():
            components = [BentPosterior(component, bends) for component in components]
        names = tuple("gp-isotropic" if prior.is_isotropic else "gp-ard" for prior in self._priors)
        return MixturePosterior(tuple(components), np.full(len(components), 1.0 / len(components)), names)

    def _fitted(self, case: _Case, prior: Prior) -> Hyperparameters:
        """Fit one process; outliers are looked for with it, and kept with the hyper-parameters."""
        distances = factor_distances(case.data.x[case.rows] * case.scales, case.data.groups)
        shifted = replace(prior, location=prior.location + 0.5 * np.log(distances.shape[0]))
        y, known = case.y[case.rows], case.known[case.rows]
        if self._settings.outliers == "believed":
            return fit(distances, y, known, shifted)

        def covariance_given(extra: FloatArray) -> FloatArray:
            return _covariance(fit(distances, y, known, shifted, extra), case, case.rows)

        extra, _ = find_outliers(covariance_given, y)
        everywhere = np.zeros(case.y.size)
        everywhere[case.rows] = extra
        return replace(fit(distances, y, known, shifted, extra), extra=everywhere)


@dataclass(frozen=True, slots=True)
class _Case:
    """Data as a process sees them."""

    data: TrainingData
    rows: IntArray
    """Those that hyper-parameters are learned from."""
    units: tuple[float, float]
    """Standardised y = (y - units[0]) / units[1]."""
    y: FloatArray
    """Standardised, shape (n,)."""
    known: FloatArray
    """Known noise variance, standardised, NaN where unknown, shape (n,)."""
    scales: FloatArray
    """Of columns, shape (d,)."""

    @classmethod
    def of(cls, data: TrainingData, rows: IntArray, units: tuple[float, float]) -> _Case:
        known = np.where(np.isfinite(data.noise_variance), data.noise_variance, np.nan)
        known = np.minimum(np.sqrt(known) / units[1], 1e6) ** 2
        return cls(data, rows, units, (data.y - units[0]) / units[1], known, column_scales(data.x, data.groups))

    def bent(self, bends: Bends) -> _Case:
        """Return the case with bent outcomes; known noise is carried over by the slope of the bend there."""
        t = bends.inward(self.data.y)
        slope = np.exp((bends.bend - 1.0) * np.sign(self.y) * np.log1p(np.abs(self.y)))
        noise = self.known * slope**2
        return _Case.of(replace(self.data, y=t, noise_variance=noise), self.rows, standardise(t))

    def log_slope(self, bends: Bends) -> float:
        """Return what the density of the rows gains by the change of variable to bent, standardised outcomes."""
        z = (inverse_yeo_johnson(self.data.y[self.rows], bends.bend)).astype(np.float64)
        return log_slope(z, bends.bend) - self.rows.size * float(np.log(self.units[1]))

    def density(self, x: FloatArray, found: Hyperparameters) -> float:
        """Return the log density of the rows' outcomes were their points x, hyper-parameters held."""
        everywhere = self.data.x.copy()
        everywhere[self.rows] = x
        covariance = _covariance(found, replace(self, data=replace(self.data, x=everywhere)), self.rows)
        factor = cholesky(covariance)
        alpha = lapack.dpotrs(factor, self.y[self.rows], lower=1)[0]
        return -0.5 * float(self.y[self.rows] @ alpha) - float(np.log(np.diagonal(factor)).sum())


def make_gp(context: PluginContext) -> GaussianProcess:
    """Entry point `gp` of the group `kgenesis.surrogates`.

    Raises:
        InvalidSpec: A setting is not valid.
    """
    return GaussianProcess(
        settings=read_settings(
            Settings,
            context,
            "surrogate.settings",
            say("the settings of `gp` are not valid", "`gp`의 설정이 올바르지 않습니다"),
        )
    )


FEWEST_TO_BEND = 10
"""Fewer outcomes do not tell whether they are skewed."""

LEAST_BEND = 0.15
"""λ nearer to 1 than this changes nothing worth the time."""

PER_FACTOR = Prior(location=0.0, spread=1.0, signal_spread=1.0)
"""Each factor its own lengthscale, around the square root of their number (Xu 2024; Papenmeier 2025)."""

ISOTROPIC = replace(PER_FACTOR, is_isotropic=True)
"""One lengthscale for all: few observations cannot tell factors apart, and pretending they can is overconfident."""

WEAK = Prior(location=-0.5, spread=1.5, signal_spread=1.0)
"""Each factor its own lengthscale, hardly bound to what is usual: for responses that vary fast along some of them."""

PRIORS = {"per-factor": PER_FACTOR, "shared": ISOTROPIC, "weak": WEAK}


def _covariance(found: Hyperparameters, case: _Case, rows: IntArray) -> FloatArray:
    """Covariance of outcomes, noise included but for that of outliers, shape (k, k)."""
    points = case.data.x[rows] * (case.scales / found.lengthscales[case.data.groups])
    covariance = found.signal_variance * matern(squared_distances(points, points))[0] + MEAN_VARIANCE
    noise = np.where(np.isnan(case.known[rows]), found.noise_variance, case.known[rows])
    covariance[np.diag_indices(rows.size)] = found.signal_variance + MEAN_VARIANCE + noise + JITTER
    return covariance


def _condition(found: Hyperparameters, case: _Case) -> GaussianPosterior:
    """Factorise the covariance of every observation under fitted hyper-parameters."""
    covariance = _covariance(found, case, np.arange(case.y.size))
    if found.extra is not None:
        covariance[np.diag_indices(case.y.size)] += found.extra
    factor = cholesky(covariance)
    alpha = lapack.dpotrs(factor, case.y, lower=1)[0]
    weights = case.scales / found.lengthscales[case.data.groups]
    return GaussianPosterior(found, weights, *case.units, case.data.x * weights, case.y, factor, alpha)


def cholesky(covariance: FloatArray) -> FloatArray:
    """Lower factor in Fortran order; adds to the diagonal, tenfold each time, should rounding make it necessary."""
    extra = 0.0
    while True:
        factor, failed = lapack.dpotrf(covariance + extra * np.eye(covariance.shape[0]), lower=1)
        if not failed:
            return np.asarray(factor)
        extra = max(10.0 * extra, JITTER)


def squared_distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared Euclidean distances, shapes (n, d), (m, d) -> (n, m)."""
    squared = (-2.0 * a) @ b.T
    squared += np.einsum("ij,ij->i", a, a)[:, None]
    squared += np.einsum("ij,ij->i", b, b)
    return np.maximum(squared, 0.0, out=squared)
