"""What earlier campaigns say of the present one, weighed by how well they rank what it has measured itself.

A ranking-weighted ensemble (RGPE; Feurer, Letham & Bakshy 2018, AutoML workshop at ICML; Feurer et al. 2022, arXiv
1802.02219): one posterior for each earlier campaign and one for the present, mixed by the chance that each orders the
present measurements best. An earlier campaign that misleads loses its say as soon as measurements contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kgenesis.campaign.learning import merged, training_data
from kgenesis.kernel.experiment import Measurement, Proposal, Why

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from kgenesis.kernel.experiment import Value
    from kgenesis.kernel.ports import Earlier, FloatArray, Posterior, ProposalRequest, Surrogate, TrainingData

MAX_ROWS = 200
"""Experiments of one earlier campaign that are learned from at most, evenly chosen: fitting grows with their cube."""

N_DRAWS = 256
"""Draws from each posterior that weights are counted over."""

MAX_RANKED = 100
"""Measurements of the present campaign that are compared in pairs at most, evenly chosen."""

MIN_MEASURED = 3
"""Measurements from which on they are compared with; before, every campaign has the same say (Feurer et al. 2018)."""

DILUTION_QUANTILE = 0.95
"""An earlier campaign whose median ranking loss is above this quantile of the present one's is left out: else many that
are worse by chance only would outvote it (Feurer et al. 2018, section 4, weight dilution)."""

HANDICAP = 0.8
"""Share of the pairs misordered by the present campaign's own belief that an earlier one may misorder at most. With few
measurements all misorder about as many by chance; measured over ten members of the Hartmann-3 family, experiments to 5 %
regret: 7.9 instead of 8.8 with a source that is alike, 15.8 instead of 17.6 with one that is not (16.2 alone)."""

_SLOPE_SD = 0.5
"""Prior standard deviation of the factor between an earlier outcome's spread and the present one's, around 1."""
_MISFIT_VARIANCE = 0.25
"""How far a campaign alike may be off after shift and factor: half its spread, squared, in units of that."""
_MIN_SLOPE = 0.1

VOICE = "earlier: "
"""What the name of an earlier campaign among the voices starts with."""

MAX_FIRST = 3
"""Experiments that were best in earlier campaigns and are done first, one of each campaign."""


@dataclass(frozen=True)
class Corrected:
    """An earlier campaign's belief at the present level and spread, corrected by what was measured at present.

    y = shift + slope y' + the difference, which a surrogate learns from the present measurements (a hierarchical
    process, Golovin et al. 2017, KDD, section 3.3.5): so an earlier campaign that is nearly right becomes right.
    """

    name: str
    earlier: Posterior
    shift: float
    slope: float
    difference: Posterior
    told: FloatArray
    """(n,), what the earlier campaign expects of the present measurements, moved."""

    @property
    def lengthscales(self) -> FloatArray:
        """(n_factors,), of the earlier campaign, in encoded units."""
        return self.earlier.lengthscales

    @property
    def noise_sd(self) -> float:
        """What the present measurements say."""
        return self.difference.noise_sd

    @property
    def voices(self) -> Mapping[str, float]:
        """It speaks for the earlier campaign."""
        return {self.name: 1.0}

    @property
    def rough(self) -> Corrected:
        """The same at less cost, for looking through very many points."""
        return replace(self, earlier=_rough(self.earlier), difference=_rough(self.difference))

    def _expected(self, x: FloatArray) -> FloatArray:
        return self.shift + self.slope * self.earlier.mean_and_variance(x)[0]

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (m,) at x (m, d)."""
        mean, variance = self.difference.mean_and_variance(x)
        return self._expected(x) + mean, variance

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (m,) and covariance (m, m) at x (m, d)."""
        mean, covariance = self.difference.joint(x)
        return self._expected(x) + mean, covariance

    def condition_on(self, x: FloatArray, y: FloatArray) -> Corrected:
        """Return the posterior had y (k,) been seen at x (k, d) too."""
        told = self._expected(x)
        difference = self.difference.condition_on(x, y - told)
        return replace(self, difference=difference, told=np.concatenate([self.told, told]))

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (n,) of each present measurement from all others, noise included."""
        mean, variance = self.difference.leave_one_out()
        return self.told + mean, variance


@dataclass(frozen=True)
class Ensemble:
    """Several opinions of one outcome, seen through their first two moments.

    The variance is that of the mixture, so where campaigns contradict each other an experiment is worth doing.
    """

    opinions: tuple[Posterior, ...]
    weights: FloatArray
    """(k,), sums to 1."""

    @property
    def lengthscales(self) -> FloatArray:
        """(n_factors,), the weighted geometric mean, in encoded units."""
        return np.exp(self.weights @ np.log([o.lengthscales for o in self.opinions]))

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one measurement, mixed."""
        return float(np.sqrt(self.weights @ np.array([o.noise_sd**2 for o in self.opinions])))

    @property
    def voices(self) -> Mapping[str, float]:
        """Weight of each earlier campaign, and of each member of the present campaign's own surrogate."""
        found: dict[str, float] = {}
        for opinion, weight in zip(self.opinions, self.weights.tolist(), strict=True):
            for voice, share in opinion.voices.items():
                found[voice] = found.get(voice, 0.0) + weight * share
        return found

    @property
    def rough(self) -> Ensemble:
        """The same at less cost, for looking through very many points."""
        return replace(self, opinions=tuple(_rough(o) for o in self.opinions))

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (m,) and variance (m,) at x (m, d)."""
        return self._mixed([o.mean_and_variance(x) for o in self.opinions])

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (m,) and covariance (m, m) at x (m, d): the mixture's, by the law of total covariance."""
        parts = [o.joint(x) for o in self.opinions]
        means = np.stack([mean for mean, _ in parts])
        mean = self.weights @ means
        apart = means - mean
        inside = np.tensordot(self.weights, np.stack([covariance for _, covariance in parts]), axes=1)
        return mean, inside + (self.weights[:, None] * apart).T @ apart

    def condition_on(self, x: FloatArray, y: FloatArray) -> Ensemble:
        """Return the ensemble had y (k,) been seen at x (k, d) too; weights and hyper-parameters stay."""
        return replace(self, opinions=tuple(o.condition_on(x, y) for o in self.opinions))

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (n,) of each present measurement from all others, noise included."""
        return self._mixed([o.leave_one_out() for o in self.opinions])

    def _mixed(self, parts: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
        means = np.stack([mean for mean, _ in parts])
        mean = np.tensordot(self.weights, means, axes=1)
        inside = np.tensordot(self.weights, np.stack([variance for _, variance in parts]), axes=1)
        return mean, inside + np.tensordot(self.weights, (means - mean) ** 2, axes=1)


def first_guesses(request: ProposalRequest) -> list[Proposal]:
    """Return what was best in each of the first earlier campaigns, as far as it may be done here and is not yet tried.

    These take the place of as many experiments of the design: a campaign that is alike has its best conditions near,
    and the rest of the design shows soon enough where it is not.
    """
    space = request.problem.space
    tried = space.to_values([*(o.conditions for o in request.history), *request.pending])
    taken = set(space.keys(tried).tolist())
    found: list[Proposal] = []
    for source in request.earlier[:MAX_FIRST]:
        conditions = _best(source, request)
        if conditions is None:
            continue
        key = int(space.keys(space.to_values([conditions]))[0])
        if key not in taken:
            taken.add(key)
            found.append(Proposal(conditions=conditions, why=Why(reason="exploit", planner="model")))
    return found[:1] if request.same else found


def _best(source: Earlier, request: ProposalRequest) -> dict[str, Value] | None:
    """Return the conditions of a source's best experiment that may be done here: the best mean rank over objectives."""
    problem, space = request.problem, request.problem.space
    wanted = [v.name for v in space.variables if v.role != "context"]
    able: list[tuple[dict[str, Value], FloatArray]] = []
    for seen in source.history:
        conditions = {name: seen.conditions.get(name) for name in wanted} | dict(request.fixed)
        result = seen.result
        if isinstance(result, Measurement) and problem.is_feasible(result) and not space.check(conditions):
            utilities = problem.utilities(result)
            if not np.isnan(utilities).any():
                able.append((conditions, utilities))
    if not able:
        return None
    ranks = np.array([found for _, found in able]).argsort(axis=0).argsort(axis=0).sum(axis=1)
    return able[int(ranks.argmax())][0]


def with_earlier(
    own: Posterior, outcome: str, data: TrainingData, request: ProposalRequest, surrogate: Surrogate,
    rng: np.random.Generator,
) -> Posterior:  # fmt: skip
    """Return what is expected of an outcome with the earlier campaigns heard, or `own` if none has a say.

    Args:
        own: learned from the present campaign alone.
        outcome: its name.
        data: what `own` learned from, each condition once.
        request: has the earlier campaigns.
        surrogate: learns from each of them.
        rng: source of chance for fits and draws.
    """
    if not request.earlier:
        return own
    opinions: list[Posterior] = [own]
    for source in request.earlier:
        theirs = _data(source, outcome, request)
        if theirs is not None:
            learned: Posterior = _learned(cast("Hashable", surrogate), _Content(theirs))
            opinions.append(_corrected(f"{VOICE}{source.name}", learned, theirs, data, surrogate, rng))
    weights = ranking_weights(opinions, data.y, rng)
    if not (weights[1:] > 0).any():
        return own
    return Ensemble(tuple(o for o, w in zip(opinions, weights, strict=True) if w > 0), weights[weights > 0])


def _rough(posterior: Posterior) -> Posterior:
    rough: Posterior = getattr(posterior, "rough", posterior)
    return rough


class _Content:
    """Data that are equal by what is in them."""

    def __init__(self, data: TrainingData) -> None:
        self.data = data
        self._digest = b"".join(part.tobytes() for part in (data.x, data.y, data.noise_variance, data.groups))

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self._digest == other._digest


@lru_cache(maxsize=64)
def _learned(surrogate: Any, content: _Content) -> Posterior:
    """Return what a surrogate makes of an earlier campaign: the same for every proposal, so it is found once."""
    learned: Posterior = surrogate.posterior(content.data, np.random.default_rng(len(content.data.y)))
    return learned


def _data(source: Earlier, outcome: str, request: ProposalRequest) -> TrainingData | None:
    """Return an earlier campaign's measurements of an outcome; None if they are fewer than two."""
    data, places = training_data(request.problem, outcome, source.history, MAX_ROWS)
    return merged(data) if len(places) >= 2 else None  # noqa: PLR2004


def _corrected(
    name: str, earlier: Posterior, theirs: TrainingData, data: TrainingData, surrogate: Surrogate,
    rng: np.random.Generator,
) -> Corrected:  # fmt: skip
    """Return an earlier campaign's belief at the present level and spread, and corrected.

    Another batch, instrument or scale shifts and stretches outcomes. Shift and slope are the maximum a posteriori of a
    line through (expected there, measured here): the shift unknown, the slope around 1, never turned round.
    """
    scale = max(float(np.std(theirs.y)), 1e-12 * max(float(np.abs(theirs.y).max()), 1e-300))
    expected = earlier.mean_and_variance(data.x)[0]
    across, up = (expected - expected.mean()) / scale, (data.y - data.y.mean()) / scale
    slope = (across @ up + _MISFIT_VARIANCE / _SLOPE_SD**2) / (across @ across + _MISFIT_VARIANCE / _SLOPE_SD**2)
    slope = max(float(slope), _MIN_SLOPE)
    shift = float(data.y.mean() - slope * expected.mean())
    told = shift + slope * expected
    difference = surrogate.posterior(replace(data, y=data.y - told), rng)
    return Corrected(name, earlier, shift, slope, difference, told)


def ranking_weights(opinions: Sequence[Posterior], y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the weight (k,) of each opinion, of which the first is the present campaign's own.

    The share of draws in which an opinion misorders the fewest pairs of present measurements; an earlier campaign must
    be better than the first by `HANDICAP`.
    Each measurement is drawn as expected from all others (leave-one-out) and compared with those, so that none wins by
    having seen what it predicts.

    Args:
        opinions: All have learned from the same present measurements.
        y: Those measurements, shape (n,).
        rng: Source of chance.
    """
    n, k = len(y), len(opinions)
    if n < MIN_MEASURED:
        return np.full(k, 1.0 / k)
    ranked = np.unique(np.linspace(0, n - 1, min(n, MAX_RANKED)).round().astype(int))
    y = y[ranked]
    is_below = y[:, None] < y
    losses = np.empty((k, N_DRAWS))
    for i, opinion in enumerate(opinions):
        mean, variance = opinion.leave_one_out()
        drawn = mean[ranked] + np.sqrt(variance[ranked]) * rng.standard_normal((N_DRAWS, len(y)))
        losses[i] = ((drawn[:, :, None] < y) != is_below).sum(axis=(1, 2))
    is_out = np.median(losses[1:], axis=1) > np.quantile(losses[0], DILUTION_QUANTILE)
    losses[1:][is_out] = np.inf
    losses[0] *= HANDICAP
    return np.bincount(losses.argmin(axis=0), minlength=k) / N_DRAWS
