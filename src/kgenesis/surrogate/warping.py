"""Bend what is skewed until a Gaussian process fits it: outcomes by Yeo-Johnson, factors by powers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

if TYPE_CHECKING:
    from collections.abc import Callable

    from kgenesis.kernel.ports import FloatArray, IntArray, Posterior

_LAMBDAS = np.linspace(-1.0, 3.0, 41)
_LAMBDA_SPREAD = 0.5
"""Prior standard deviation of λ around 1, where nothing is bent."""

_FARTHEST = 8.0
"""Standardised outcomes are never predicted farther out than this: inverting a bend can explode."""

_NODES, _SHARES = hermegauss(9)
_SHARES = _SHARES / _SHARES.sum()
"""Gauss-Hermite quadrature: exact for polynomials of degree 17 in a normal variable."""

POWERS = (1.0 / 3.0, 0.5, 2.0, 3.0)
"""Bends of a factor that are tried, x ↦ x^p and its mirror image 1 - (1 - x)^p."""

PRICE = 3.0
"""Nats that a bend must gain: one is looked for in many places, and most factors have none."""


def yeo_johnson(z: FloatArray, bend: float) -> FloatArray:
    """Transform any real numbers (Yeo & Johnson 2000, Biometrika 87, 954), same shape; λ = `bend`, 1 changes nothing."""
    out = np.empty_like(z)
    is_up = z >= 0.0
    up, down = z[is_up], -z[~is_up]
    out[is_up] = np.log1p(up) if abs(bend) < 1e-9 else np.expm1(bend * np.log1p(up)) / bend  # noqa: PLR2004
    other = 2.0 - bend
    out[~is_up] = -np.log1p(down) if abs(other) < 1e-9 else -np.expm1(other * np.log1p(down)) / other  # noqa: PLR2004
    return out


def inverse_yeo_johnson(t: FloatArray, bend: float) -> FloatArray:
    """Invert `yeo_johnson`, same shape; beyond the range of the transform the farthest value is taken."""
    out = np.empty_like(t)
    is_up = t >= 0.0
    for part, sign, power in ((is_up, 1.0, bend), (~is_up, -1.0, 2.0 - bend)):
        size = sign * t[part]
        if abs(power) < 1e-9:  # noqa: PLR2004
            found = np.expm1(np.minimum(size, 50.0))
        else:
            inside = np.maximum(1.0 + power * size, 1e-12)
            found = np.expm1(np.minimum(np.log(inside) / power, 50.0))
        out[part] = sign * found
    return np.clip(out, -_FARTHEST, _FARTHEST)


def log_slope(z: FloatArray, bend: float) -> float:
    """Return Σ log |dt/dz| of the transform: what a density gains by the change of variable."""
    return float((bend - 1.0) * (np.sign(z) * np.log1p(np.abs(z))).sum())


def likely_bend(z: FloatArray) -> float:
    """Return the λ under which standardised outcomes (n,) look most normal, drawn towards 1 by a prior."""
    n = z.size

    def density(bend: float) -> float:
        variance = float(yeo_johnson(z, bend).var())
        return -0.5 * n * log(max(variance, 1e-12)) + log_slope(z, bend) - 0.5 * ((bend - 1.0) / _LAMBDA_SPREAD) ** 2

    return max((float(bend) for bend in _LAMBDAS), key=density)


@dataclass(frozen=True, slots=True)
class Bends:
    """What is done to outcomes and factors before a process sees them."""

    centre: float
    scale: float
    """Raw outcomes are standardised as (y - centre) / scale."""
    bend: float
    """λ of Yeo-Johnson."""
    powers: FloatArray
    """Power of each column, shape (d,); 1 changes nothing, below 0: of the mirror image."""

    def inward(self, y: FloatArray) -> FloatArray:
        """Return outcomes as the process sees them."""
        if self.bend == 1.0:
            return y
        return yeo_johnson((y - self.centre) / self.scale, self.bend)

    def points(self, x: FloatArray) -> FloatArray:
        """Return points (m, d) as the process sees them."""
        if (self.powers == 1.0).all():
            return x
        inside, size = np.clip(x, 0.0, 1.0), np.abs(self.powers)
        bent: FloatArray = np.where(self.powers > 0.0, inside**size, 1.0 - (1.0 - inside) ** size)
        return bent + (x - inside)

    def outward(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the raw outcome where what the process sees is normal, by quadrature."""
        if self.bend == 1.0:
            return mean, variance
        drawn = inverse_yeo_johnson(mean[:, None] + np.sqrt(np.maximum(variance, 0.0))[:, None] * _NODES, self.bend)
        centre = drawn @ _SHARES
        spread = np.maximum((drawn - centre[:, None]) ** 2 @ _SHARES, 1e-12)
        return self.centre + self.scale * centre, self.scale**2 * spread


@dataclass(frozen=True)
class BentPosterior:
    """A posterior over bent outcomes and factors, seen in raw units."""

    inner: Posterior
    bends: Bends

    @property
    def lengthscales(self) -> FloatArray:
        """Those of the process, in bent factors, shape (n_factors,)."""
        return self.inner.lengthscales

    @property
    def noise_sd(self) -> float:
        """Learned noise of one measurement around a typical outcome, raw units."""
        middle = self.bends.inward(np.array([self.bends.centre]))
        _, variance = self.bends.outward(middle, np.array([self.inner.noise_sd**2]))
        return float(np.sqrt(variance[0]))

    @property
    def voices(self) -> dict[str, float]:
        """Those of the process."""
        return dict(self.inner.voices)

    @property
    def n_fitted(self) -> int:
        """Hyper-parameters of the process, and one for each bend."""
        n_bends = int((self.bends.powers != 1.0).sum()) + (self.bends.bend != 1.0)
        return int(getattr(self.inner, "n_fitted", 2)) + n_bends

    @property
    def rough(self) -> BentPosterior:
        """The same at less cost, for looking through very many points."""
        return replace(self, inner=getattr(self.inner, "rough", self.inner))

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise, shapes (m, d) -> (m,), (m,), raw units."""
        return self.bends.outward(*self.inner.mean_and_variance(self.bends.points(x)))

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together, shapes (m, d) -> (m,), (m, m), raw units; correlations are the bent ones."""
        mean, covariance = self.inner.joint(self.bends.points(x))
        variance = np.maximum(np.diagonal(covariance), 1e-300)
        raw_mean, raw_variance = self.bends.outward(mean, variance)
        stretch = np.sqrt(raw_variance / variance)
        return raw_mean, covariance * np.outer(stretch, stretch)

    def condition_on(self, x: FloatArray, y: FloatArray) -> BentPosterior:
        """Add outcomes, shapes (m, d) and (m,), raw units."""
        return replace(self, inner=self.inner.condition_on(self.bends.points(x), self.bends.inward(y)))

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each training outcome from the others, noise included, shape (n,) each, raw units."""
        return self.bends.outward(*self.inner.leave_one_out())


def bent_factors(x: FloatArray, groups: IntArray, density: Callable[[FloatArray], float]) -> FloatArray:
    """Return the power of each column (d,) that a marginal likelihood asks for, found one factor after the other.

    Snoek et al. 2014 (Input warping for Bayesian optimization of non-stationary functions, ICML 31) learn a Beta
    distribution for each factor; a few fixed powers cost a fraction of that and cannot overfit few points.

    Args:
        x: Encoded points, shape (n, d); only factors of a single column that take three values or more are bent.
        groups: Factor index of each column, shape (d,).
        density: From bent points (n, d) to the log density of the outcomes, hyper-parameters held.
    """
    powers = np.ones(groups.size)
    columns = [c for c in range(groups.size) if (groups == groups[c]).sum() == 1 and np.unique(x[:, c]).size > 2]  # noqa: PLR2004
    best = density(x)
    for column in columns:
        found = 1.0
        for power in (*POWERS, *(-p for p in POWERS)):
            tried = powers.copy()
            tried[column] = power
            gained = density(Bends(0.0, 1.0, 1.0, tried).points(x)) - (PRICE if found == 1.0 else 0.0)
            if gained > best:
                best, found = gained, power
        powers[column] = found
    return powers
