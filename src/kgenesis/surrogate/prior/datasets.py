"""Data sets of imaginary campaigns, as a surrogate would get them: what was measured, and what it should have said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgenesis.kernel.ports import FloatArray, TrainingData
from kgenesis.surrogate.data import standardise
from kgenesis.surrogate.description import Description, describe
from kgenesis.surrogate.prior.designs import FEWEST_TO_SEARCH, even, grid, search, where_asked
from kgenesis.surrogate.prior.factors import draw_factors, encode
from kgenesis.surrogate.prior.responses import draw_response

if TYPE_CHECKING:
    from kgenesis.surrogate.prior.factors import Factor
    from kgenesis.surrogate.prior.responses import Response

LEAST_SPREAD = 1e-3
"""Measured outcomes that vary less than this, before anything is standardised, tell nothing: another response is drawn."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """What was measured, and held-out measurements to foretell; outcomes are standardised by what was measured."""

    data: TrainingData
    said: Description
    """What the network sees of the data."""
    x: FloatArray
    """Held-out points (m, d), encoded."""
    y: FloatArray
    """Their outcomes with noise (m,)."""
    noise_variance: FloatArray
    """Known noise variance of the held-out outcomes (m,); NaN where it is not known."""
    family: str
    """Which family of responses it is from."""
    noise: str
    """`none`, `even`, `uneven` or `outliers`."""
    has_levels: bool
    """Whether any factor has levels."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How measurements scatter around a response of unit spread."""

    kind: str
    sd: float
    """Where it is even; its middle where it is not."""
    slopes: FloatArray
    """Change of the log standard deviation along each factor, shape (n_factors,), and with the response (last)."""
    share_of_outliers: float

    def deviations(self, values: FloatArray, response: FloatArray) -> FloatArray:
        """Standard deviation (n,) of measurements at values (n, n_factors), outliers apart."""
        places = np.minimum(values, 1.0) - 0.5
        exponent = places @ self.slopes[:-1] + self.slopes[-1] * np.clip(response, -2.0, 2.0)
        return np.asarray(self.sd * np.exp(exponent))

    def add(self, rng: np.random.Generator, response: FloatArray, deviations: FloatArray) -> FloatArray:
        """Return measurements (n,) of responses (n,)."""
        measured = response + deviations * rng.standard_normal(response.size)
        if self.share_of_outliers:
            far = rng.standard_t(2.0, response.size) * (rng.random(response.size) < self.share_of_outliers)
            measured = measured + 2.0 * np.clip(far, -10.0, 10.0)
        return measured


def draw_noise(rng: np.random.Generator, n_factors: int) -> Noise:
    """Draw how measurements scatter: 30 % not at all, 40 % evenly, 25 % unevenly, 5 % with outliers."""
    kind = str(rng.choice(["none", "even", "uneven", "outliers"], p=[0.3, 0.4, 0.25, 0.05]))
    sd = 0.0 if kind == "none" else float(np.exp(rng.uniform(np.log(1e-2), np.log(0.8))))
    slopes = rng.normal(0.0, 1.0, n_factors + 1) * (kind == "uneven") / np.sqrt(n_factors)
    return Noise(kind, sd, slopes, float(rng.uniform(0.02, 0.1)) * (kind == "outliers"))


def draw_data_set(rng: np.random.Generator, n: int, n_factors: int, n_asked: int) -> DataSet:
    """Draw a campaign of n measurements, and n_asked more that are to be foretold."""
    while True:
        factors = draw_factors(rng, n_factors)
        response, family = draw_response(rng, factors)
        noise = draw_noise(rng, n_factors)
        values, measured = _measured(rng, n, response, noise, factors)
        if float(np.std(measured)) > LEAST_SPREAD and bool(np.isfinite(measured).all()):
            break
    asked = where_asked(rng, factors, values, measured, n_asked)
    true = response(asked)
    deviations = noise.deviations(asked, true)
    told = noise.add(rng, true, deviations)
    centre, scale = standardise(measured)
    is_known = noise.kind in {"even", "uneven"} and rng.random() < 0.2  # noqa: PLR2004
    known = noise.deviations(values, response(values)) / scale if is_known else np.full(n, np.nan)
    x, groups = encode(np.vstack([values, asked]), factors)
    data = TrainingData(x[:n], (measured - centre) / scale, known**2, groups)
    return DataSet(
        data,
        describe(data.x, data.y, data.noise_variance, groups),
        x[n:],
        (told - centre) / scale,
        (deviations / scale) ** 2 if is_known else np.full(n_asked, np.nan),
        family,
        noise.kind,
        any(factor.n_levels for factor in factors),
    )


def _measured(
    rng: np.random.Generator, n: int, response: Response, noise: Noise, factors: tuple[Factor, ...]
) -> tuple[FloatArray, FloatArray]:
    """Draw where a campaign measured (n, n_factors) and what (n,)."""

    def measure(values: FloatArray) -> FloatArray:
        true = response(values)
        return noise.add(rng, true, noise.deviations(values, true))

    kind = rng.choice(["even", "grid", "search"], p=[0.45, 0.15, 0.4])
    if kind == "search" and n >= FEWEST_TO_SEARCH:
        return search(rng, factors, n, measure)
    values = grid(rng, factors, n) if kind == "grid" else even(rng, factors, n)
    if n >= FEWEST_TO_SEARCH and rng.random() < 0.2:  # noqa: PLR2004
        n_again = int(rng.integers(1, n // 2))  # replicates
        values[-n_again:] = values[rng.integers(n - n_again, size=n_again)]
    return values, measure(values)
