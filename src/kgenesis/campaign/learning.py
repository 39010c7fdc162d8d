"""What a surrogate believes after a campaign, one posterior per outcome."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.experiment import Measurement, Observation
from kgenesis.kernel.ports import FloatArray, Posterior, Surrogate, TrainingData
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.space import Space

MAX_ROWS = 600
"""Observations a report learns from at most: beyond, figures change less than the time they take."""

MIN_FREEDOM = 5
"""Degrees of freedom from which on replicates tell the noise: a variance from fewer is off by a factor of two easily."""

MIN_CONDITIONS = 4
"""Conditions with replicates from which on it is asked whether the noise differs between them."""

_TINY = 1e-12
"""Variance of a measurement without noise, as a share of the variance of all: weights must be finite."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What is believed of one outcome, and from what."""

    outcome: str
    posterior: Posterior
    data: TrainingData
    numbers: tuple[int, ...]
    """(n,): the number of the experiment behind each observation."""


def learn_outcomes(state: CampaignState, surrogate: Surrogate, max_rows: int = MAX_ROWS) -> Mapping[str, Learned]:
    """Return what is believed of each outcome of the problem that was measured at least twice.

    Above `max_rows` measurements an even choice over the campaign is learned from.
    """
    problem = state.mission.problem
    seen = state.measured()
    observations = [e.observation() for e in seen]
    learned: dict[str, Learned] = {}
    for k, name in enumerate(problem.outcomes):
        data, places = training_data(problem, name, observations, max_rows)
        if len(places) >= 2:  # noqa: PLR2004
            posterior = surrogate.posterior(data, np.random.default_rng((state.seed, k, len(places))))
            learned[name] = Learned(name, posterior, data, tuple(seen[i].number for i in places))
    return learned


def training_data(
    problem: Problem, outcome: str, observations: Sequence[Observation], max_rows: int | None = None
) -> tuple[TrainingData, list[int]]:
    """Return one outcome over the observations that have it, and which those are.

    The variance of each value is its own standard error squared if it came with one, else that of the noise the
    mission declares, else that of the noise replicates show (see `replicate_variance`), else unknown; all but the
    first over the number of replicates behind the value.
    """
    found = [
        (i, o.result.outcomes[outcome])
        for i, o in enumerate(observations)
        if isinstance(o.result, Measurement) and outcome in o.result.outcomes
    ]
    if max_rows is not None and len(found) > max_rows:
        found = [found[i] for i in np.linspace(0, len(found) - 1, max_rows).round().astype(int).tolist()]
    declared = [o.noise for o in problem.objectives if o.name == outcome]
    declared += [c.noise for c in problem.outcome_constraints if c.outcome == outcome]
    known = next((noise for noise in declared if noise is not None), None)
    places = [i for i, _ in found]
    space = problem.space
    values = space.to_values([observations[i].conditions for i in places])
    y = np.array([value.mean for _, value in found], dtype=np.float64)
    n = np.array([value.n for _, value in found], dtype=np.float64)
    sem = np.array([math.nan if value.sem is None else value.sem for _, value in found], dtype=np.float64)
    one = np.full(len(y), known**2) if known is not None else replicate_variance(space, values, y, n, np.isnan(sem))
    data = TrainingData(
        x=space.encode(values), y=y, noise_variance=np.where(np.isnan(sem), one / n, sem**2), groups=space.groups
    )
    return data, places


# ---- replicates ----------------------------------------------------------------------------------------------------


def replicate_variance(
    space: Space, values: FloatArray, y: FloatArray, n: FloatArray, may_use: NDArray[np.bool_] | None = None
) -> FloatArray:
    """Return the variance (k,) of one measurement at each row, as replicates of the same conditions show it.

    Pooled over all conditions measured more than once, from `MIN_FREEDOM` degrees of freedom on (unknown, NaN,
    before). Where conditions have replicates of their own, theirs is pulled towards the pooled variance as far as
    chance alone explains that variances differ: the moderated variance of Smyth 2004 (Stat. Appl. Genet. Mol. Biol.
    3, 3, sections 3 and 6.2).

    Args:
        space: tells which conditions are the same, context as measured included.
        values: Shape (k, n_variables).
        y: Means measured, shape (k,).
        n: Replicates behind each mean, shape (k,).
        may_use: Rows that count as replicates, shape (k,); all if not given.
    """
    counted = np.ones(len(y), dtype=bool) if may_use is None else may_use
    which = same_conditions(space, values)
    n_groups = int(which.max(initial=-1)) + 1
    weight = np.where(counted, n, 0.0)
    total = np.bincount(which, weight, n_groups)
    mean = np.bincount(which, weight * y, n_groups) / np.maximum(total, 1.0)
    squares = np.bincount(which, weight * (y - mean[which]) ** 2, n_groups)
    freedom = np.maximum(np.bincount(which, counted.astype(np.float64), n_groups) - 1.0, 0.0)
    if freedom.sum() < MIN_FREEDOM:
        return np.full(len(y), math.nan)
    variance = squares[freedom > 0] / freedom[freedom > 0]
    prior_freedom, prior = _variance_prior(variance, freedom[freedom > 0])
    if math.isinf(prior_freedom):
        return np.full(len(y), prior)
    moderated = np.full(n_groups, prior)
    moderated[freedom > 0] = (prior_freedom * prior + squares[freedom > 0]) / (prior_freedom + freedom[freedom > 0])
    return moderated[which]


def _variance_prior(variance: FloatArray, freedom: FloatArray) -> tuple[float, float]:
    """Return degrees of freedom and location of the scaled inverse χ² that variances (g,) seem to be drawn from.

    By the moments of their logarithms (Smyth 2004, section 6.2). Infinite degrees of freedom, and the pooled variance,
    if the variances differ no more than chance would have it, or are too few to say.
    """
    pooled = float(freedom @ variance / freedom.sum())
    if len(variance) < MIN_CONDITIONS or variance.min() <= 0.0:
        return math.inf, pooled
    e = np.log(variance) - digamma(freedom / 2) + np.log(freedom / 2)
    by_chance = polygamma(1, freedom / 2)
    excess = float(e.var(ddof=1) - by_chance.mean())
    # a sample variance has the variance (fourth cumulant + 2 variance²) / n: two standard errors of it are not believed
    doubt = 2.0 * math.sqrt(float((polygamma(3, freedom / 2) + 2.0 * by_chance**2).mean()) / len(e))
    if excess <= doubt:
        return math.inf, pooled
    prior_freedom = 2.0 * brentq(lambda x: float(polygamma(1, x)) - excess, 1e-3, 1e6)
    location = float(np.exp(e.mean() + digamma(prior_freedom / 2) - math.log(prior_freedom / 2)))
    return prior_freedom, location


def same_conditions(space: Space, values: FloatArray) -> NDArray[np.int64]:
    """Return (k,) a number for each row, from 0, the same for the same conditions, context as measured included."""
    context = [i for i, v in enumerate(space.variables) if v.role == "context"]
    told = np.column_stack([space.keys(values).astype(np.float64), np.nan_to_num(values[:, context], nan=-1e300)])
    return np.unique(told, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def merged(data: TrainingData) -> TrainingData:
    """Return the data with replicates whose variance is known made one row: their weighted mean and its variance.

    For a surrogate that takes known variances at their word this is no loss: the weighted mean is sufficient. Rows
    whose variance is not known stay, as only their scatter tells it.
    """
    known = np.isfinite(data.noise_variance)
    rows, which = np.unique(np.round(data.x, 12), axis=0, return_inverse=True)
    which = which.reshape(-1)
    if len(rows) == len(which) or not known.any():
        return data
    weight = np.where(known, 1.0 / np.maximum(data.noise_variance, _TINY * max(float(np.var(data.y)), 1e-300)), 0.0)
    total = np.bincount(which, weight, len(rows))
    first = np.unique(np.where(known, which, len(rows) + np.arange(len(which))), return_index=True)[1]
    keep = np.sort(first)
    y, variance = data.y.copy(), data.noise_variance.copy()
    mean = np.bincount(which, weight * data.y, len(rows)) / np.where(total > 0, total, 1.0)
    y[known], variance[known] = mean[which[known]], 1.0 / total[which[known]]
    return TrainingData(data.x[keep], y[keep], variance[keep], data.groups)
