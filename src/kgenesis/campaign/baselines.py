"""A reference, looked at with one problem's eyes: how fast it gets where, and how good it is after n experiments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kgenesis.campaign.fronts import hypervolume
from kgenesis.campaign.hitting import (
    EstimatedTimes,
    HittingTimes,
    ImaginedTimes,
    RepeatedTimes,
    TableTimes,
    first_true,
)
from kgenesis.campaign.metrics import At, FloatArray, Scores, reference_point, running_merit, score
from kgenesis.campaign.reference import Kind, Reference
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say

BAND = (0.5, 0.25, 0.75, 0.025, 0.975)
"""Quantiles of a band: the median, the middle 50 % and the middle 95 %."""

_ORDERS, _ORDER_LENGTH = 200, 500
"""Random orders of a table that stand for random searches where there is no closed form: in two objectives."""
_FEW_ORDERS, _SHORT_ORDER = 64, 200
"""In more objectives, where a hypervolume costs more. Imagined searches are cut to the same."""


@dataclass(frozen=True, slots=True)
class Level:
    """Something to reach."""

    at: At
    merit: float
    """The merit to reach; NaN for `target`, which is judged by every target at once."""


class Baseline(Protocol):
    """What the report and the live view ask of any reference."""

    @property
    def reference(self) -> Reference:
        """The data behind it."""
        ...

    @property
    def kind(self) -> Kind:
        """How it is known."""
        ...

    @property
    def label(self) -> Text:
        """What people read, e.g. `random search, 12 repeats of 100 experiments`."""
        ...

    @property
    def corner(self) -> FloatArray:
        """Reference point (n_objectives,) of the hypervolume."""
        ...

    @property
    def best(self) -> float:
        """The best merit it knows of; -inf if nothing counts."""
        ...

    @property
    def typical(self) -> float:
        """The median utility of its experiments that count; NaN with several objectives."""
        ...

    def hitting_times(self, level: Level) -> HittingTimes:
        """Return how many experiments it needs to reach a level."""
        ...

    def band(self, n: int) -> FloatArray:
        """Return merits (n, 5) after 1 … n experiments at the quantiles of `BAND`; -inf where nothing counts yet."""
        ...

    def pooled_median(self, level: Level) -> float:
        """Return a median hitting time beyond what repeats could see, under an assumption; NaN where there is none."""
        ...

    def expected_best(self, n: int) -> FloatArray:
        """Return the expected best utility of 1 … n experiments where it is known exactly; else empty."""
        ...

    def top(self, share: float) -> float:
        """Return the merit that a `share` of all its experiments reach; NaN if too few count.

        With several objectives: the merit 1 - `share` of the way to the best hypervolume known.
        """
        ...


class _Common:
    """What the three kinds share."""

    def __init__(self, reference: Reference, problem: Problem) -> None:
        self.reference = reference
        self.problem = problem
        self.scores = [score(problem, repeat.columns()) for repeat in reference.repeats]
        pooled = np.vstack([s.usable() for s in self.scores])
        self.corner = reference_point(problem, pooled)
        self.is_single = len(problem.objectives) == 1
        self.pool = np.where(np.isnan(pooled[:, 0]), -math.inf, pooled[:, 0])
        self.best = float(self.pool.max()) if self.is_single else hypervolume(pooled, self.corner)
        counted = self.pool[np.isfinite(self.pool)]
        self.typical = float(np.median(counted)) if self.is_single and counted.size else math.nan

    @property
    def kind(self) -> Kind:
        """How it is known."""
        return self.reference.kind

    def pooled_median(self, level: Level) -> float:  # noqa: ARG002
        """Return NaN: nothing lies beyond."""
        return math.nan

    def expected_best(self, n: int) -> FloatArray:  # noqa: ARG002
        """Return nothing: it is not known exactly."""
        return np.empty(0)

    def top(self, share: float) -> float:
        """Return the merit that a `share` of all experiments reach; NaN if too few count."""
        if not self.is_single:
            return (1.0 - share) * self.best if self.best > 0 else math.nan
        ranked = np.sort(self.pool)[::-1]
        level = float(ranked[max(math.ceil(share * ranked.size - 1e-9), 1) - 1])
        return level if math.isfinite(level) else math.nan


class _Repeated(_Common):
    """Searches that were done."""

    def __init__(self, reference: Reference, problem: Problem, scores: Sequence[Scores] | None = None) -> None:
        super().__init__(reference, problem)
        if scores is not None:
            self.scores = list(scores)
        self._n = min(len(s.is_success) for s in self.scores)

    @property
    def label(self) -> Text:
        """What people read."""
        en, ko = _name(self.reference.planner)
        r, n = len(self.reference.repeats), self._n
        return say(f"{en} search, {r} repeats of {n} experiments", f"{ko} 탐색(실험 {n}회씩 {r}번 반복)")

    @cached_property
    def _merits(self) -> FloatArray:
        return np.array([running_merit(s, self.corner)[: self._n] for s in self.scores])

    def hitting_times(self, level: Level) -> RepeatedTimes:
        """Return the repeats' hitting times."""
        if level.at == "target":
            times = np.array([first_true(s.is_success[: self._n]) for s in self.scores])
        else:
            times = np.array([first_true(row >= level.merit) for row in self._merits])
        return RepeatedTimes(times, self._n)

    @override
    def pooled_median(self, level: Level) -> float:
        """Return the median hitting time if all draws are taken as one pool of independent ones; NaN if none is good.

        ⌈log(1/2) / log(1 - K/N)⌉ (geometric distribution). It sees beyond the length of a repeat, at the price of the
        assumption, which only random draws from a space that is not exhausted keep.
        """
        if self.reference.planner != "random" or not (self.is_single or level.at == "target"):
            return math.nan
        good = np.concatenate([s.is_success for s in self.scores]) if level.at == "target" else self.pool >= level.merit
        share = float(good.mean())
        return math.ceil(math.log(0.5) / math.log1p(-share) - 1e-9) if 0 < share < 1 else math.nan

    def band(self, n: int) -> FloatArray:
        """Return quantiles over repeats (min(n, length), 5): the smallest value that at least the share is at most."""
        merits = np.sort(self._merits[:, :n], axis=0)
        ranks = [max(math.ceil(q * len(merits) - 1e-9), 1) - 1 for q in BAND]
        return merits[ranks].T


class _Table(_Common):
    """Random draws without replacement from a table of which every point is known."""

    def __init__(self, reference: Reference, problem: Problem) -> None:
        super().__init__(reference, problem)
        self._ordered = np.sort(self.pool)
        self._n_success = int(self.scores[0].is_success.sum())

    @property
    def label(self) -> Text:
        """What people read."""
        n = f"{len(self._ordered):,}"
        return say(
            f"random draws from all {n} points, computed exactly", f"전체 {n}개 점에서 무작위로 뽑는 탐색(정확한 계산)"
        )

    @cached_property
    def _orders(self) -> _Repeated:
        return _Repeated(self.reference, self.problem, random_orders(self.scores[0], *_affordable(self.problem)))

    def hitting_times(self, level: Level) -> HittingTimes:
        """Return the exact distribution; for hypervolumes that of random orders of the table."""
        n = len(self._ordered)
        if level.at == "target":
            return TableTimes(n, self._n_success)
        if not self.is_single:
            return self._orders.hitting_times(level)
        return TableTimes(n, int(np.count_nonzero(self._ordered >= level.merit)))

    def band(self, n: int) -> FloatArray:
        """Return exact quantiles of the best of 1 … n draws: P(best <= y₍ⱼ₎) = C(j, n) / C(N, n)."""
        if not self.is_single:
            return self._orders.band(n)
        return self._ordered[best_of_draws(len(self._ordered), n, np.array(BAND)) - 1]

    @override
    def expected_best(self, n: int) -> FloatArray:
        """Return the expected best utility (n,) of 1 … n draws, given that one of them counts; NaN if none can.

        Σⱼ y₍ⱼ₎ C(j - 1, n - 1) / C(N, n), the mean of the largest of n draws without replacement (Adesiji et al. 2026
        use it as the random curve).
        """
        size, kept = len(self._ordered), np.isfinite(self._ordered)
        if not self.is_single or size * n > 2e7:  # noqa: PLR2004  then it is not worth the wait
            return np.empty(0)
        place = np.arange(1, size + 1, dtype=np.float64)
        weights = np.full(size, 1.0 / size)
        means = np.full(min(n, size), math.nan)
        for drawn in range(1, len(means) + 1):
            total = float(weights[kept].sum())
            if total > 0:
                means[drawn - 1] = float(weights[kept] @ self._ordered[kept]) / total
            if drawn < size:
                weights = weights * np.maximum(place - drawn, 0.0) * (drawn + 1) / (drawn * (size - drawn))
        return means


class _Estimated(_Common):
    """What a surrogate believes a random search would find."""

    @property
    def label(self) -> Text:
        """What people read."""
        return say(
            "estimate: random search as the model imagines it, not measured",
            "추정치: 측정하지 않고 모델로 예상한 무작위 탐색",
        )

    @cached_property
    def _orders(self) -> _Repeated:
        if self.is_single:
            return _Repeated(self.reference, self.problem)
        few, length = _affordable(self.problem)
        kept = [Scores(s.utilities[:length], s.is_feasible[:length], s.is_success[:length]) for s in self.scores]
        return _Repeated(self.reference, self.problem, kept[:: max(len(kept) // few, 1)])

    def hitting_times(self, level: Level) -> HittingTimes:
        """Return the mixture over beliefs of independent draws; for hypervolumes that of imagined searches."""
        if level.at == "target":
            chances = np.array([s.is_success.mean() for s in self.scores])
        elif self.is_single:
            chances = (self.pool.reshape(len(self.scores), -1) >= level.merit).mean(axis=1)
        else:
            seen = self._orders.hitting_times(level)
            return ImaginedTimes(seen.times, seen.budget)
        return EstimatedTimes(chances, self.reference.n_experiments)

    def band(self, n: int) -> FloatArray:
        """Return quantiles over imagined searches."""
        return self._orders.band(n)


def baseline(reference: Reference, problem: Problem) -> Baseline:
    """Return the reference as this problem's objectives and constraints see it.

    Raises:
        KeyError: it lacks an outcome of the problem (see `reference.mismatch`).
    """
    kinds: dict[Kind, type[_Repeated | _Table | _Estimated]] = {
        "measured": _Repeated, "closed-form": _Table, "estimate": _Estimated,
    }  # fmt: skip
    return kinds[reference.kind](reference, problem)


def levels(known: Baseline, best_found: float) -> list[Level]:
    """Return what the acceleration is reported at: target, top 5 %, top 1 %, the best the campaign found."""
    found: list[Level] = []
    found += [Level("top-5", known.top(0.05)), Level("top-1", known.top(0.01)), Level("best-found", best_found)]
    return [Level("target", math.nan), *(level for level in found if math.isfinite(level.merit))]


def best_of_draws(size: int, n: int, shares: FloatArray) -> NDArray[np.int64]:
    """Return ranks (min(n, size), k), 1 the worst: the best of 1 … n draws from `size` is at most that in a share (k,).

    The smallest j with C(j, n) / C(N, n) >= share, by bisection for all at once.
    """
    log_factorial = _log_factorials(size)
    drawn = np.arange(1, min(n, size) + 1)[:, None]
    wanted = np.broadcast_to(np.log(shares) - 1e-9, (len(drawn), len(shares)))  # slack: a share met exactly counts
    whole = log_factorial[size] - log_factorial[size - drawn]
    low, high = np.broadcast_to(drawn, wanted.shape).copy(), np.full(wanted.shape, size)
    for _ in range(size.bit_length() + 1):
        middle = (low + high) // 2
        is_enough = log_factorial[middle] - log_factorial[middle - drawn] - whole >= wanted
        high, low = np.where(is_enough, middle, high), np.where(is_enough, low, np.minimum(middle + 1, high))
    return high


@lru_cache(maxsize=4)
def _log_factorials(size: int) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])


def random_orders(scores: Scores, n_orders: int, length: int) -> list[Scores]:
    """Return the table in random orders, each cut to `length`: searches that need no new measurement."""
    rng = np.random.default_rng((len(scores.is_success), 23))
    picks = [rng.permutation(len(scores.is_success))[:length] for _ in range(n_orders)]
    return [Scores(scores.utilities[p], scores.is_feasible[p], scores.is_success[p]) for p in picks]


def _affordable(problem: Problem) -> tuple[int, int]:
    """Return how many searches, and how long, whose hypervolumes are worth computing."""
    return (_ORDERS, _ORDER_LENGTH) if len(problem.objectives) == 2 else (_FEW_ORDERS, _SHORT_ORDER)  # noqa: PLR2004


def _name(planner: str) -> tuple[str, str]:
    return {"random": ("random", "무작위"), "sobol": ("Sobol", "소볼(Sobol)")}.get(planner, (planner, planner))
