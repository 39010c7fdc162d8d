"""What a campaign gained, in numbers: best so far, acceleration, enhancement, regret.

Merit is what a search is judged by: with one objective the utility of its best experiment that keeps every outcome
constraint, with several the hypervolume of all of them. Every experiment counts, failed and infeasible ones too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kgenesis.campaign.fronts import GrowingFront, running_hypervolume
from kgenesis.campaign.hitting import LEVEL, HittingTimes, RepeatedTimes, luck
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.ids import experiment_id
from kgenesis.kernel.problem import Problem

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

DIGITS = 6
"""Significant digits of an outcome that count: references are kept with this many, so campaigns are judged with it."""

At = Literal["target", "top-5", "top-1", "best-found"]
Censored = Literal["reference", "campaign", "both"]


def round_significant(values: FloatArray, digits: int = DIGITS) -> FloatArray:
    """Return values rounded to a number of significant digits; NaN and infinities stay."""
    # through decimal strings, as in the reference file: powers of ten do not always round alike
    rounded = [float(f"{value:.{digits}g}") for value in np.ravel(values).tolist()]
    return np.reshape(np.array(rounded, dtype=np.float64), np.shape(values))


@dataclass(frozen=True, slots=True)
class Scores:
    """Experiments as the objectives see them."""

    utilities: FloatArray
    """(n, n_objectives), rounded to `DIGITS`; NaN where there is no outcome."""
    is_feasible: BoolArray
    """(n,): measured, and every outcome constraint holds."""
    is_success: BoolArray
    """(n,): feasible, and every target is reached."""

    def usable(self) -> FloatArray:
        """Return the utilities (n, n_objectives) with NaN for what does not count."""
        return np.where(self.is_feasible[:, None], self.utilities, math.nan)


def score(problem: Problem, outcomes: Mapping[str, FloatArray]) -> Scores:
    """Return the scores of experiments whose outcomes are (n,) arrays, NaN where an experiment failed."""
    exact = np.column_stack([o.utilities(outcomes[o.name]) for o in problem.objectives])
    rounded = np.column_stack([o.utilities(round_significant(outcomes[o.name])) for o in problem.objectives])
    feasible: BoolArray = np.asarray(np.isfinite(exact).all(axis=1))
    for constraint in problem.outcome_constraints:
        values = outcomes[constraint.outcome]
        low = -math.inf if constraint.at_least is None else constraint.at_least
        high = math.inf if constraint.at_most is None else constraint.at_most
        feasible &= (values >= low) & (values <= high)
    success: BoolArray = feasible & np.bool_(problem.has_target)
    for i, objective in enumerate(problem.objectives):
        if objective.target is not None:
            success &= exact[:, i] >= objective.target_utility()
    return Scores(rounded, feasible, success)


def outcome_columns(problem: Problem, experiments: Sequence[Experiment]) -> dict[str, FloatArray]:
    """Return each outcome's means (n,), NaN for failures and for what is not a full experiment."""
    judged = [e.result if problem.is_full(e.conditions) else None for e in experiments]
    return {
        name: np.array([r.mean(name) if isinstance(r, Measurement) else math.nan for r in judged])
        for name in problem.outcomes
    }


def reference_point(problem: Problem, utilities: FloatArray) -> FloatArray:
    """Return where the hypervolume starts (n_objectives,): at the thresholds, else at the worst of a pool (n, m)."""
    finite = utilities[np.isfinite(utilities).all(axis=1)]
    worst = finite.min(axis=0) if len(finite) else np.zeros(len(problem.objectives))
    given = [math.nan if o.threshold is None else o.utility(o.threshold) for o in problem.objectives]
    return np.where(np.isnan(given), worst, given)


def running_merit(scores: Scores, corner: FloatArray) -> FloatArray:
    """Return the merit (n,) after 1 … n experiments; -inf while nothing counts."""
    usable = scores.usable()
    if usable.shape[1] == 1:
        return np.maximum.accumulate(np.where(np.isnan(usable[:, 0]), -math.inf, usable[:, 0]))
    volumes = running_hypervolume(usable, corner)
    return np.where(np.logical_or.accumulate(scores.is_feasible), volumes, -math.inf)


class Curve:
    """A campaign's best so far, grown as its experiments finish; an update costs only what is new.

    Experiments count in the order of their numbers, so that the same campaign gives the same curve however its
    results happened to arrive.

    Args:
        problem: what is wanted.
        corner: reference point (n_objectives,) of the hypervolume; not used with one objective.
    """

    def __init__(self, problem: Problem, corner: FloatArray | None = None) -> None:
        self._problem = problem
        self._corner = np.zeros(len(problem.objectives)) if corner is None else corner
        self._front = GrowingFront(self._corner)
        self._best = -math.inf
        self._prefix = 0
        self._settled: list[float] = []
        self._settled_hit = math.inf
        self.merits: list[float] = []
        """Merit after each finished experiment; -inf while nothing counts."""
        self.n_to_target = math.inf
        """Experiments until every target was reached; inf if they were not."""

    @property
    def n(self) -> int:
        """Experiments finished."""
        return len(self.merits)

    @property
    def best(self) -> float:
        """The merit so far; -inf if nothing counts."""
        return self.merits[-1] if self.merits else -math.inf

    def n_to(self, level: float) -> float:
        """Return the experiments until the merit was at least `level`; inf if it never was."""
        place = int(np.searchsorted(np.asarray(self.merits), level, side="left"))
        return float(place + 1) if place < len(self.merits) else math.inf

    def update(self, state: CampaignState) -> "Curve":
        """Take in what has finished since the last update, and return the curve itself."""
        while self._prefix < state.n_finished_prefix:
            self._prefix += 1
            self._settle(state.experiments[experiment_id(state.id, self._prefix)])
        late = [e for e in _after(state, self._prefix) if e.result is not None]
        self.merits, self.n_to_target = list(self._settled), self._settled_hit
        if late:  # finished out of order: they count now, but their places may still move
            scores = score(self._problem, outcome_columns(self._problem, late))
            front = self._front.copy()
            best = self._best
            for row, counts, hit in zip(scores.utilities, scores.is_feasible, scores.is_success, strict=True):
                best = self._merit(front, best, row, counts=bool(counts))
                self.merits.append(best)
                if hit:
                    self.n_to_target = min(self.n_to_target, len(self.merits))
        return self

    def _settle(self, experiment: Experiment) -> None:
        if experiment.result is None:
            return
        scores = score(self._problem, outcome_columns(self._problem, [experiment]))
        self._best = self._merit(self._front, self._best, scores.utilities[0], counts=bool(scores.is_feasible[0]))
        self._settled.append(self._best)
        if scores.is_success[0]:
            self._settled_hit = min(self._settled_hit, len(self._settled))

    def _merit(self, front: GrowingFront, best: float, utilities: FloatArray, *, counts: bool) -> float:
        if not counts:
            return best
        return max(best, float(utilities[0])) if len(utilities) == 1 else front.add(utilities)


def _after(state: CampaignState, number: int) -> list[Experiment]:
    """Return the experiments with a number above `number`, without walking through the others."""
    found = []
    while (experiment := state.experiments.get(experiment_id(state.id, number + 1))) is not None:
        found.append(experiment)
        number += 1
    return found


# Acceleration -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ratio:
    """An acceleration factor and all that must be said with it."""

    value: float
    """n_ref / n_AI; NaN if neither search got there."""
    interval: tuple[float, float]
    """95 %, from what is not known about the reference's median; inf at the open end of a bound."""
    luck: tuple[float, float]
    """The factor against a lucky and an unlucky reference search: those that only 2.5 % beat, and that 97.5 % beat."""
    chance: float
    """The chance that one reference search gets there with as few experiments as the campaign; NaN if the reference
    was not watched for so long."""
    n_ai: float
    """Experiments of the campaign until the level, or all of them if it was not reached."""
    n_ref: float
    """Median experiments of the reference until the level, or its budget if fewer than half got there."""
    n_ref_interval: tuple[float, float]
    censored: Censored | None
    """Who did not get there: `reference` makes the value a lower bound, `campaign` an upper one."""


def acceleration_factor(n_ai: float, n_done: int, times: HittingTimes) -> Ratio:
    """Return AF = n_ref / n_AI (Adesiji et al. 2026, Digital Discovery 5, 14), n_ref the reference's median.

    The interval is that of the median n_ref. The luck of this one campaign is not in it, since one campaign says
    nothing about how much others would differ; `aggregate` over several seeds does.

    Args:
        n_ai: experiments the campaign needed; inf if it did not get there.
        n_done: experiments the campaign did.
        times: hitting times of the reference for the same level.
    """
    median = times.quantile(0.5)
    low, high = times.median_interval()
    lucky, unlucky = luck(times)
    mine = n_ai if math.isfinite(n_ai) else float(n_done)
    theirs = median if math.isfinite(median) else float(times.budget)
    censored: Censored | None = None
    if not math.isfinite(n_ai):
        censored = "campaign" if math.isfinite(median) else "both"
    elif not math.isfinite(median):
        censored = "reference"
    if censored == "both" or mine <= 0:
        nan = (math.nan, math.nan)
        return Ratio(math.nan, nan, nan, math.nan, mine, theirs, (low, high), "both")
    lower = min(low, float(times.budget)) / mine
    chance = times.cdf(mine) if mine <= times.budget else math.nan
    interval = (0.0 if censored == "campaign" else lower, high / mine)
    return Ratio(
        theirs / mine, interval, (min(lucky, float(times.budget)) / mine, unlucky / mine), chance,
        mine, theirs, (min(low, float(times.budget)), high), censored,
    )  # fmt: skip


def enhancement_factor(problem: Problem, mine: float, theirs: float) -> float:
    """Return EF(n) = y_AI(n) / y_ref(n) (Adesiji et al. 2026), turned over where less is better.

    Args:
        problem: with one objective the ratio is one of outcomes, with several one of hypervolumes.
        mine: merit of the campaign after n experiments.
        theirs: median merit of the reference after as many.

    Returns:
        NaN where a ratio means nothing: values of different or no sign, or a value to hit.
    """
    if not (math.isfinite(mine) and math.isfinite(theirs)):
        return math.nan
    if len(problem.objectives) > 1:
        return mine / theirs if theirs > 0 else math.nan
    goal = problem.objectives[0].goal
    if goal == "maximize":
        return mine / theirs if mine > 0 and theirs > 0 else math.nan
    if goal == "minimize":
        return theirs / mine if mine < 0 and theirs < 0 else math.nan
    return math.nan


def normalised_regret(best: float, found: float, median: float) -> float:
    """Return (best - found) / (best - median): 0 is the best there is, 1 no better than a typical experiment.

    Arguments are merits; NaN if nothing was found or all are alike.
    """
    if not all(math.isfinite(v) for v in (best, found, median)) or best <= median:
        return math.nan
    return (best - found) / (best - median)


# Several campaigns ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What several campaigns on the same problem gained together."""

    ratio_of_medians: float
    """Median n_ref / median n_AI; a bound where `censored` says so."""
    ratio_of_medians_interval: tuple[float, float]
    geometric_mean: float
    """Geometric mean of each campaign's factor, those that never got there entered at their budget."""
    geometric_mean_interval: tuple[float, float]
    restricted: float
    """E[min(n_ref, L)] / mean of min(n_AI, L), L the common budget: no censoring is left to guess at."""
    restricted_interval: tuple[float, float]
    n_campaigns: int
    n_censored: int
    """Campaigns that never got there."""
    censored: Censored | None
    """Which of the two medians is only a bound."""
    n_resamples: int


def aggregate(
    n_ai: Sequence[float], budget: int, times: HittingTimes, seed: int = 0, n_resamples: int = 2000
) -> Aggregate:
    """Return the acceleration over several campaigns (seeds), with 95 % percentile-bootstrap intervals.

    Campaigns are resampled, and the reference's repeats too where it was measured (Efron & Tibshirani 1993, ch. 13).
    The restricted ratio compares mean experiments up to a common limit (Royston & Parmar 2013, BMC Med. Res.
    Methodol. 13, 152): it needs no assumption about what lies beyond, so prefer it where many are censored.

    Args:
        n_ai: experiments each campaign needed; inf if it did not get there within `budget`.
        budget: experiments each campaign had.
        times: the reference's hitting times for the same level.
        seed: of the bootstrap.
        n_resamples: of the bootstrap.
    """
    rng = np.random.default_rng((seed, 95))
    mine = np.asarray(n_ai, dtype=np.float64)
    limit = min(budget, times.budget)
    picks = rng.integers(mine.size, size=(n_resamples, mine.size))
    references: list[HittingTimes] = [times] * n_resamples
    if isinstance(times, RepeatedTimes):
        rows = rng.integers(times.times.size, size=(n_resamples, times.times.size))
        references = [RepeatedTimes(times.times[row], times.budget) for row in rows]
    summaries = zip(picks, _summarised(references, limit), strict=True)
    resampled = np.array([_summaries(mine[pick], budget, limit, one) for pick, one in summaries])
    central = _summaries(mine, budget, limit, next(iter(_summarised([times], limit))))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="inverted_cdf")
    ai_open, ref_open = not math.isfinite(_median(mine)), not math.isfinite(times.quantile(0.5))
    censored: Censored | None = "both" if ai_open and ref_open else "campaign" if ai_open else None
    intervals = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return Aggregate(
        central[0], intervals[0], central[1], intervals[1], central[2], intervals[2],
        mine.size, int((~np.isfinite(mine)).sum()), "reference" if ref_open and not ai_open else censored, n_resamples,
    )  # fmt: skip


def _summarised(references: Sequence[HittingTimes], limit: int) -> list[tuple[float, float]]:
    """Return (median or else budget, restricted mean) of each, computing the same object once."""
    known: dict[int, tuple[float, float]] = {}
    for times in references:
        if id(times) not in known:
            known[id(times)] = (min(times.quantile(0.5), float(times.budget)), times.restricted_mean(limit))
    return [known[id(times)] for times in references]


def _summaries(mine: FloatArray, budget: int, limit: int, reference: tuple[float, float]) -> tuple[float, float, float]:
    n_ref, restricted = reference
    ratio = n_ref / min(_median(mine), budget)
    geometric = n_ref / math.exp(float(np.log(np.minimum(mine, budget)).mean()))
    return ratio, geometric, restricted / float(np.minimum(mine, limit).mean())


def _median(values: FloatArray) -> float:
    """Return the smallest value that at least half do not exceed."""
    return float(np.sort(values)[math.ceil(values.size / 2) - 1])
