"""The foundation model as a surrogate: it says at once what to expect, and exact Gaussian-process algebra says it.

A network that has seen very many imaginary campaigns proposes a mixture of Gaussian processes for this one; nothing is
fitted from scratch. See docs/en/explanations/foundation-model.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field
from scipy.linalg import lapack
from scipy.optimize import minimize

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.plugins import read_settings
from kgenesis.kernel.text import say
from kgenesis.surrogate.amortised import NEWEST, PUBLISHED, load
from kgenesis.surrogate.data import check, standardise
from kgenesis.surrogate.description import describe
from kgenesis.surrogate.fitting import Hyperparameters, column_scales, factor_distances
from kgenesis.surrogate.gp import GaussianPosterior, GaussianProcess, squared_distances
from kgenesis.surrogate.marginal import JITTER, LEAST_SHARE, N_GLOBALS, Blend, Marginal, factorise
from kgenesis.surrogate.mixture import MixturePosterior
from kgenesis.surrogate.rough import RoughPosterior

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray, IntArray, PluginContext, Posterior, TrainingData
    from kgenesis.surrogate.amortised import Model

LEAST_HEARD = 1e-5
"""Components with a smaller share are left out; a few in a thousand are heard where the others are far off."""

LEAST_HEARD_ROUGHLY = 0.1
"""The same for looking through very many points, as a part of the largest share."""

POLISH_ROWS = 256
"""The likelihood is climbed on this many rows at most."""

POLISH_STEPS, POLISH_SPREAD = 8, 1.0
"""Iterations of L-BFGS from the likeliest component, for the safety net, and how far they may lead: the standard deviation
of a normal prior around what the network proposed."""

MANY_STEPS, MANY_SPREAD = 25, 3.0
"""The same where there are more data than the network can look at: they can be trusted."""

FORETELLS_NOTHING = -1.5
"""Leave-one-out log density of an outcome, standardised, below which a proposal is doubted: the mean and the spread of the
data, knowing nothing else, score -1.42. Polishing whatever a higher likelihood can be found for was tried and does harm:
few data are fitted too well, and their leave-one-out scores flatter the fit."""

N_FITTED = 3.0
"""Hyper-parameters that the proposal counts for where surrogates are compared by leave-one-out scores: how much better it
scores on its own data than on others, over `portfolio.OPTIMISM`. Measured 1.4 to 2.5 on real tables of 8 to 30 rows, 1 to 5
on draws of the prior of 8 to 60; a fitted process of seven hyper-parameters measures 7.1 to 7.5 on the same tables."""


HAND_ON = say(
    "Use the surrogate `gp` or `portfolio`, or fix some factors; with `settings: {beyond: gp}` the surrogate `genesis` "
    "hands such spaces to `gp` by itself.",
    "대리모델 `gp`나 `portfolio`를 쓰거나 요인 몇 개를 고정하세요. `settings: {beyond: gp}`로 두면 `genesis`가 그런 공간을 "
    "`gp`에 넘깁니다.",
)


@dataclass(frozen=True, slots=True)
class BlendedPosterior(GaussianPosterior):
    """One Gaussian process of several kernels after seeing data; everything inside is in standardised units."""

    blend: Blend

    @property
    def rough(self) -> RoughPosterior:
        """The same at less cost, for looking through very many points."""
        return RoughPosterior(self, self.blend.correlation, (self.blend.signal, self.blend.mean))

    @property
    def voices(self) -> dict[str, float]:
        """It speaks for itself."""
        return {"genesis": 1.0}

    @property
    def _prior_variance(self) -> float:
        return self.blend.signal + self.blend.mean

    def _covariance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        covariance = self.blend.correlation(squared_distances(a, b))
        covariance *= self.blend.signal
        covariance += self.blend.mean
        return covariance


@dataclass(frozen=True, slots=True)
class GenesisPosterior:
    """What the foundation model expects: a mixture that speaks with one voice."""

    inner: MixturePosterior
    n_fitted: float = N_FITTED

    @property
    def rough(self) -> GenesisPosterior:
        """The processes that say most of it, at less cost: for looking through very many points."""
        shares = np.where(self.inner.shares >= LEAST_HEARD_ROUGHLY * self.inner.shares.max(), self.inner.shares, 0.0)
        chosen = np.flatnonzero(shares)
        names = tuple(self.inner.names[i] for i in chosen)
        components = tuple(getattr(self.inner.components[i], "rough", self.inner.components[i]) for i in chosen)
        return replace(self, inner=MixturePosterior(components, shares[chosen] / shares.sum(), names))

    @property
    def members(self) -> tuple[tuple[float, Posterior], ...]:
        """Each Gaussian process with its share."""
        return self.inner.members

    @property
    def lengthscales(self) -> FloatArray:
        """Geometric mean over the processes, shape (n_factors,)."""
        return self.inner.lengthscales

    @property
    def noise_sd(self) -> float:
        """Noise of one measurement, raw units."""
        return self.inner.noise_sd

    @property
    def voices(self) -> dict[str, float]:
        """One: its own."""
        return {"genesis": 1.0}

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise, shapes (m, d) -> (m,), (m,), raw units."""
        return self.inner.mean_and_variance(x)

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together, shapes (m, d) -> (m,), (m, m), raw units."""
        return self.inner.joint(x)

    def condition_on(self, x: FloatArray, y: FloatArray) -> GenesisPosterior:
        """Add outcomes, shapes (m, d) and (m,), raw units; hyper-parameters and shares stay."""
        return replace(self, inner=self.inner.condition_on(x, y))

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each training outcome from the others, noise included, shape (n,) each, raw units."""
        return self.inner.leave_one_out()


class Settings(Frozen):
    """Settings of the surrogate `genesis`."""

    model: str = Field(default=NEWEST, min_length=1)
    """A published version, or the folder of a model of your own."""
    beyond: Literal["refuse", "gp"] = "refuse"
    """What to do with more factors than the model was trained with: `refuse`, or hand them to the surrogate `gp`."""
    polish: Literal["if-doubtful", "never"] = "if-doubtful"
    """`if-doubtful`: where the proposal foretells the data's own outcomes worse than their mean would, or was made from a
    part of them, climb the likelihood a few steps from it, and believe the result if it foretells them better. `never`:
    the proposal as it is."""


class Genesis:
    """The foundation model as a surrogate.

    Args:
        model: Its weights.
        settings: What else is to be done.
    """

    def __init__(self, model: Model, settings: Settings | None = None) -> None:
        self._model, self._settings = model, settings or Settings()

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> Posterior:
        """Learn from data.

        Args:
            data: At least one observation; every x and y finite.
            rng: Draws the rows that the network looks at where there are more than it was trained with.

        Returns:
            The mixture of Gaussian processes that the network proposes.

        Raises:
            ValueError: If there is no observation, or a value is not finite, or shapes disagree.
            InvalidSpec: If there are more factors than the model was trained with.
        """
        check(data)
        if beyond(self._model, int(data.groups.max()) + 1, self._settings):
            return GaussianProcess().posterior(data, rng)
        n = data.y.size
        # shown more rows than it was trained with, it proposes too short lengthscales
        most = max(max(stage.rows) for stage in self._model.recipe.stages)
        rows = np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))
        case = _Case.of(data)
        x, y, known = data.x[rows], case.y[rows], case.known[rows]
        marginal = case.marginal(rows)
        theta, shares = self._model.propose(describe(x, y, known, data.groups), marginal)
        heard = shares >= min(LEAST_HEARD, float(shares.max()))
        components = tuple(case.condition(each) for each in theta[heard])
        shares = shares[heard] / shares[heard].sum()
        found = MixturePosterior(components, shares, ("genesis",) * len(components))
        is_doubtful = n > most or (n > N_GLOBALS and case.foretold(found) < FORETELLS_NOTHING * n)
        if self._settings.polish == "if-doubtful" and is_doubtful:
            steps, spread = POLISH_STEPS, POLISH_SPREAD
            if n > most:
                rows = np.arange(n) if n <= POLISH_ROWS else np.sort(rng.choice(n, POLISH_ROWS, replace=False))
                marginal, steps, spread = case.marginal(rows), MANY_STEPS, MANY_SPREAD
            polished = case.condition(_polish(marginal, theta[heard][int(np.argmax(shares))], steps, spread))
            if case.foretold(polished) > case.foretold(found):
                found = MixturePosterior((polished,), np.ones(1), ("genesis",))
        return GenesisPosterior(found)


@dataclass(frozen=True, slots=True)
class _Case:
    """Data in standardised units."""

    x: FloatArray
    groups: IntArray
    units: tuple[float, float]
    """Standardised y = (y - units[0]) / units[1]."""
    y: FloatArray
    known: FloatArray
    """Known noise variances, NaN where unknown, shape (n,)."""
    scales: FloatArray
    """Of columns, shape (d,)."""

    @classmethod
    def of(cls, data: TrainingData) -> _Case:
        units = standardise(data.y)
        known = np.where(np.isfinite(data.noise_variance), data.noise_variance, np.nan)
        known = np.minimum(np.sqrt(known) / units[1], 1e6) ** 2
        y = (data.y - units[0]) / units[1]
        return cls(data.x, data.groups, units, y, known, column_scales(data.x, data.groups))

    def marginal(self, rows: IntArray) -> Marginal:
        """Return the likelihood of some observations."""
        distances = factor_distances(self.x[rows] * self.scales, self.groups)
        return Marginal(distances, self.y[rows], self.known[rows])

    def condition(self, theta: FloatArray) -> BlendedPosterior:
        """Factorise the covariance of every observation under θ."""
        blend = Blend.of(theta)
        shares = np.where(blend.shares > LEAST_SHARE, blend.shares, 0.0)
        blend = replace(blend, shares=shares / shares.sum())
        weights = self.scales * np.sqrt(blend.precisions)[self.groups]
        points = self.x * weights
        covariance = blend.signal * blend.correlation(squared_distances(points, points)) + blend.mean
        noise = np.where(np.isnan(self.known), blend.noise, self.known)
        covariance[np.diag_indices(self.y.size)] = blend.signal + blend.mean + noise + JITTER
        factor = factorise(covariance)
        alpha = lapack.dpotrs(factor, self.y, lower=1)[0]
        lengthscales = blend.precisions**-0.5
        fitted = Hyperparameters(lengthscales, blend.signal, blend.noise, lengthscales.size, 0.0)
        return BlendedPosterior(fitted, weights, *self.units, points, self.y, factor, alpha, blend)

    def foretold(self, posterior: Posterior) -> float:
        """Return the leave-one-out log density of the data under a posterior, standardised, in nats."""
        mean, variance = posterior.leave_one_out()
        error, variance = (mean - self.units[0]) / self.units[1] - self.y, variance / self.units[1] / self.units[1]
        return -0.5 * float((np.log(variance) + error**2 / variance).sum())


def _polish(marginal: Marginal, theta: FloatArray, steps: int, spread: float) -> FloatArray:
    """Climb the likelihood a few steps from θ, not far: the safety net for data unlike any that were imagined."""

    def target(moved: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = marginal(moved)
        away = (moved - theta) / spread**2
        return 0.5 * float(away @ (moved - theta)) - value, away - gradient

    return np.asarray(minimize(target, theta, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x)


def beyond(model: Model, n_factors: int, settings: Settings) -> bool:
    """Return whether a space is to be handed on, having more factors than the model was trained with.

    Raises:
        InvalidSpec: It has, and the settings say to refuse.
    """
    most = model.recipe.max_factors
    if n_factors <= most:
        return False
    if settings.beyond == "gp":
        return True
    raise InvalidSpec(
        say(
            f"the space has {n_factors} factors, and the model was trained with at most {most}",
            f"공간의 요인은 {n_factors}개인데 모델은 최대 {most}개로 학습했습니다",
        ),
        hint=HAND_ON,
    )


def make_genesis(context: PluginContext) -> Genesis:
    """Entry point `genesis` of the group `kgenesis.surrogates`.

    Raises:
        InvalidSpec: A setting is not valid, the model is damaged or foreign, or the space has more factors than it knows.
        NotFound: There is no such model.
    """
    settings = read_settings(
        Settings,
        context,
        "surrogate.settings",
        say("the settings of `genesis` are not valid", "`genesis`의 설정이 올바르지 않습니다"),
    )
    model = load(find(settings.model, context.folder))
    if context.problem is not None:
        beyond(model, len(np.unique(context.problem.space.groups)), settings)
    return Genesis(model, settings)


def find(name: str, folder: Path) -> Path:
    """Return the folder of a published version, or of a model of one's own (relative to `folder`)."""
    published = PUBLISHED / name
    return published if published.is_dir() and Path(name).name == name else (folder / Path(name).expanduser()).resolve()
