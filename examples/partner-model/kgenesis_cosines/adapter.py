"""A partner's model behind the port `Surrogate`: Bayesian linear regression on cosines, its prior learned beforehand.

    y(x) = w0 + sum over columns j and waves m of  w_jm cos(pi m x_j) / sqrt(d),   w_jm ~ N(0, s_m)

The prior variances s_m are the model's weights; `training.py` learned them. Everything else is exact algebra.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.text import say
from kgenesis_cosines import training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kgenesis.kernel.ports import FloatArray, PluginContext, TrainingData

NOISES = np.array([1e-4, 1e-3, 1e-2, 0.1, 0.5])
"""Variances of a measurement, standardised, among which the data choose."""


@dataclass(frozen=True)
class Cosines:
    """The posterior after some data; a linear model written as a Gaussian process, so that leaving one out is cheap."""

    scales: FloatArray
    n_factors: int
    x: FloatArray
    y: FloatArray
    known: FloatArray
    """Noise variances that are known, NaN elsewhere; standardised like y."""
    noise: float
    units: tuple[float, float]
    voices = {"cosines": 1.0}

    def _solved(self) -> tuple[FloatArray, FloatArray]:
        """Return the inverse covariance of the data, and it times y."""
        noise = np.where(np.isnan(self.known), self.noise, self.known) + 1e-8
        covariance = training.kernel(self.scales, self.x, self.x) + np.diag(noise)
        inverse = np.linalg.inv(covariance)
        return inverse, inverse @ self.y

    def evidence(self) -> float:
        """Return the log density of the data."""
        inverse, alpha = self._solved()
        return 0.5 * float(np.linalg.slogdet(inverse)[1] - self.y @ alpha)

    @property
    def lengthscales(self) -> FloatArray:
        """Every factor matters alike, shape (n_factors,)."""
        return np.full(self.n_factors, 0.5)

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one measurement, in the outcome's unit."""
        return self.units[1] * float(np.sqrt(self.noise))

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together, shapes (m, d) -> (m,), (m, m)."""
        inverse, alpha = self._solved()
        across = training.kernel(self.scales, x, self.x)
        covariance = training.kernel(self.scales, x, x) - across @ inverse @ across.T
        covariance = 0.5 * (covariance + covariance.T) + 1e-9 * np.eye(len(x))
        return self.units[0] + self.units[1] * (across @ alpha), self.units[1] ** 2 * covariance

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise, shapes (m, d) -> (m,), (m,)."""
        inverse, alpha = self._solved()
        across = training.kernel(self.scales, x, self.x)
        own = (training.features(x) ** 2) @ training.spread(self.scales, x.shape[1])
        variance = np.maximum(own - ((across @ inverse) * across).sum(axis=1), 0.0) + 1e-9
        return self.units[0] + self.units[1] * (across @ alpha), self.units[1] ** 2 * variance

    def condition_on(self, x: FloatArray, y: FloatArray) -> Cosines:
        """Add outcomes, shapes (m, d) and (m,)."""
        more = (y - self.units[0]) / self.units[1]
        known = np.append(self.known, np.full(len(y), np.nan))
        return replace(self, x=np.vstack([self.x, x]), y=np.append(self.y, more), known=known)

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each measurement from the others, noise included, shape (n,) each."""
        inverse, alpha = self._solved()
        variance = 1.0 / np.diag(inverse)
        return self.units[0] + self.units[1] * (self.y - alpha * variance), self.units[1] ** 2 * variance


class Adapter:
    """The surrogate. The last two methods are not needed to suggest: they let anybody check the training."""

    def __init__(self, scales: FloatArray) -> None:
        self._scales = scales

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> Cosines:
        """Learn from data."""
        del rng  # no chance in it
        if data.y.size == 0 or not (np.isfinite(data.x).all() and np.isfinite(data.y).all()):
            raise ValueError("at least one measurement, all of them finite")
        size = float(np.abs(data.y).max()) or 1.0
        centre, deviation = size * float(np.mean(data.y / size)), size * float(np.std(data.y / size))
        scale = deviation if deviation > 1e-12 * size else size
        known = np.minimum(np.sqrt(data.noise_variance) / scale, 1e6) ** 2
        n_factors = int(data.groups.max()) + 1
        y = (data.y - centre) / scale
        found = [
            Cosines(self._scales, n_factors, data.x, y, known, noise, (centre, scale)) for noise in NOISES.tolist()
        ]
        return max(found, key=Cosines.evidence)

    def random_weights(self) -> Mapping[str, FloatArray]:
        """Return the weights before the first step, drawn again."""
        return training.random_weights()

    def training_data(self, step: int) -> Sequence[FloatArray]:
        """Return the data of a training step, drawn again."""
        return training.data(step)


def make(context: PluginContext) -> Adapter:
    """Entry point `cosines` of the group `kgenesis.surrogates`; its one setting names the weights file."""
    if set(context.settings) != {"weights"}:
        raise InvalidSpec(say("`cosines` has one setting: weights", "`cosines`의 설정은 weights 하나입니다"))
    path = context.folder / Path(str(context.settings["weights"]))
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            log_scales = archive["log_scales"]
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        text = say(f"{path} has no weights of ours: {error}", f"{path}에 우리 가중치가 없습니다: {error}")
        raise InvalidSpec(text) from error
    if log_scales.shape != (training.N_WAVES + 1,) or not np.isfinite(log_scales).all():
        raise InvalidSpec(say(f"{path} is of another model", f"{path}은(는) 다른 모델의 파일입니다"))
    return Adapter(np.exp(log_scales.astype(np.float64)))
