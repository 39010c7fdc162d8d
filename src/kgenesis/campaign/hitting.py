"""How many experiments a search needs until it gets somewhere: the distribution of its hitting time.

Three ways to know it, one interface: repeats that were measured, draws from a finite table (exact), and independent
draws whose chance of success is only estimated. Not reached within what was looked at is infinity, never left out.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

FloatArray = NDArray[np.float64]

LEVEL = 0.95
"""Coverage of every interval."""

_LOW, _HIGH = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0

_ROUNDING = 1e-9
"""Slack in comparing a computed probability with a round one, e.g. 1/2."""


class HittingTimes(Protocol):
    """The distribution of the number of experiments until a level is reached."""

    @property
    def budget(self) -> int:
        """Experiments that were looked at; beyond them nothing is known."""
        ...

    def cdf(self, n: float) -> float:
        """Return the chance that the level is reached within `n` experiments (within the budget if n is above it)."""
        ...

    def quantile(self, share: float) -> float:
        """Return the smallest n within which at least `share` of the searches reach the level; inf if not known."""
        ...

    def median_interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the median: what is not known about the reference itself."""
        ...

    def restricted_mean(self, limit: int) -> float:
        """Return the mean of min(T, limit) (Royston & Parmar 2013, BMC Med. Res. Methodol. 13, 152)."""
        ...


@dataclass(frozen=True)
class RepeatedTimes:
    """Hitting times seen in independent repeats of equal length."""

    times: FloatArray
    """(repeats,): experiments until the level was reached, inf where it was not."""
    budget: int

    @cached_property
    def _ordered(self) -> FloatArray:
        return np.sort(np.where(self.times <= self.budget, self.times, math.inf))

    def cdf(self, n: float) -> float:
        """Return the share of repeats that reached the level within `n` experiments."""
        return float(np.count_nonzero(self._ordered <= min(n, self.budget))) / self._ordered.size

    def quantile(self, share: float) -> float:
        """Return the smallest n within which at least `share` of the repeats reached the level."""
        rank = math.ceil(share * self._ordered.size - _ROUNDING)
        return float(self._ordered[max(rank, 1) - 1])

    def median_interval(self) -> tuple[float, float]:
        """Return the 95 % percentile-bootstrap interval of the median over repeats.

        The bootstrap distribution of an order statistic is known exactly, so nothing is resampled: with R repeats and
        k = ⌈R/2⌉, P(T*₍ₖ₎ ≤ T₍ⱼ₎) = P(Binomial(R, j/R) ≥ k) (Efron 1979, Ann. Stat. 7, 1, section 3; Maritz & Jarrett
        1978, JASA 73, 194). It is what infinitely many resamples would give.
        """
        n = self._ordered.size
        k = math.ceil(n / 2 - _ROUNDING)
        reached = np.array([_binomial_tail(n, j / n, k) for j in range(1, n + 1)])
        low, high = (int(np.argmax(reached >= share - _ROUNDING)) for share in (_LOW, _HIGH))
        return float(self._ordered[low]), float(self._ordered[high])

    def restricted_mean(self, limit: int) -> float:
        """Return the mean over repeats of min(T, limit); `limit` may not exceed the budget."""
        return float(np.minimum(self._ordered, min(limit, self.budget)).mean())


@dataclass(frozen=True)
class ImaginedTimes(RepeatedTimes):
    """Hitting times of searches that a model imagines, each under another draw of what it believes."""

    @override
    def median_interval(self) -> tuple[float, float]:
        """Return the range of 95 % of the imagined searches.

        More can be imagined at will, so a bootstrap over them would only feign certainty; belief and luck cannot be
        told apart here, so the interval holds both.
        """
        return luck(self)


@dataclass(frozen=True)
class TableTimes:
    """Random draws without replacement from a table of `n_points`, of which `n_good` are at the level: exact."""

    n_points: int
    n_good: int

    @property
    def budget(self) -> int:
        """The whole table."""
        return self.n_points

    def cdf(self, n: float) -> float:
        """Return 1 - C(N - K, n) / C(N, n), the negative hypergeometric distribution function."""
        drawn = min(max(math.floor(n), 0), self.n_points)
        bad = self.n_points - self.n_good
        if not self.n_good:
            return 0.0
        if drawn > bad:
            return 1.0
        return -math.expm1(_log_choose(bad, drawn) - _log_choose(self.n_points, drawn))

    def quantile(self, share: float) -> float:
        """Return the smallest n with P(T <= n) >= share, by bisection."""
        if not self.n_good:
            return math.inf
        low, high = 1, self.n_points - self.n_good + 1
        while low < high:
            middle = (low + high) // 2
            if self.cdf(middle) >= share - _ROUNDING:
                high = middle
            else:
                low = middle + 1
        return float(low)

    def median_interval(self) -> tuple[float, float]:
        """Return the median twice: it is computed, so nothing about it is uncertain."""
        median = self.quantile(0.5)
        return median, median

    def restricted_mean(self, limit: int) -> float:
        """Return the sum of P(T > n) over n < limit."""
        return float(sum(1.0 - self.cdf(n) for n in range(limit)))


@dataclass(frozen=True)
class EstimatedTimes:
    """Independent draws whose chance of success a model estimates, one chance per draw of its belief."""

    chances: FloatArray
    """(draws,): the share of the space at the level, in each draw of what the model believes."""
    budget: int
    """Beyond this many experiments the estimate cannot see (points per draw)."""

    def _reached(self, n: float) -> FloatArray:
        return 1.0 - (1.0 - self.chances) ** n

    def cdf(self, n: float) -> float:
        """Return the mean over beliefs of 1 - (1 - p)^n."""
        return float(self._reached(min(math.floor(n), self.budget)).mean())

    def quantile(self, share: float) -> float:
        """Return the smallest n within the budget with P(T <= n) >= share, by bisection."""
        if self.cdf(self.budget) < share - _ROUNDING:
            return math.inf
        low, high = 1, self.budget
        while low < high:
            middle = (low + high) // 2
            if self.cdf(middle) >= share - _ROUNDING:
                high = middle
            else:
                low = middle + 1
        return float(low)

    def median_interval(self) -> tuple[float, float]:
        """Return the 95 % interval over beliefs of each belief's own median, ⌈log(1/2) / log(1 - p)⌉."""
        with np.errstate(divide="ignore"):
            medians = np.ceil(math.log(0.5) / np.log1p(-np.minimum(self.chances, 1.0 - 1e-12)) - _ROUNDING)
        medians = np.where(self.chances > 0, np.maximum(medians, 1.0), math.inf)
        medians = np.sort(np.where(medians <= self.budget, medians, math.inf))
        ranks = [max(math.ceil(share * medians.size - _ROUNDING), 1) - 1 for share in (_LOW, _HIGH)]
        return float(medians[ranks[0]]), float(medians[ranks[1]])

    def restricted_mean(self, limit: int) -> float:
        """Return the sum of P(T > n) over n < limit."""
        return float(sum(1.0 - self.cdf(n) for n in range(limit)))


def luck(times: HittingTimes) -> tuple[float, float]:
    """Return the range that holds the hitting time of 95 % of single searches."""
    return times.quantile(_LOW), times.quantile(_HIGH)


def first_true(flags: NDArray[np.bool_]) -> float:
    """Return the place (from 1) of the first true flag of (n,), inf if none is."""
    return float(np.argmax(flags)) + 1.0 if flags.any() else math.inf


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _binomial_tail(n: int, p: float, k: int) -> float:
    """Return P(Binomial(n, p) >= k)."""
    if p >= 1.0:
        return 1.0
    logs = [_log_choose(n, i) + i * math.log(p) + (n - i) * math.log1p(-p) for i in range(k, n + 1)]
    return math.fsum(math.exp(value) for value in logs)
