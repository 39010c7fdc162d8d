"""Acceleration factors of several campaigns, taken together: what was gained, and how surely."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

GOAL = 2.0
"""The productivity goal of the programme: twice the results with the same means (K-Moonshot, February 2026)."""

N_RESAMPLES = 2000
_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

Verdict = Literal["shown", "not-shown", "missed"]


@dataclass(frozen=True, slots=True)
class Factor:
    """One campaign's acceleration factor at its mission file's target."""

    value: float
    low: float
    high: float
    """95 % interval from what is not known about the reference; open ends are 0 and infinity."""
    reference: str
    """What it was compared with: factors with the same reference share what is not known about it."""
    bound: Literal["at-least", "at-most"] | None = None
    """`at-most`: the campaign ended without reaching the target, so it enters at what it spent."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Several factors together."""

    geometric_mean: float
    median: float
    interval: tuple[float, float]
    """95 %, of the geometric mean."""
    n: int
    """Campaigns behind it."""
    n_at_least: int
    n_at_most: int
    n_undecided: int = 0
    """Campaigns that ended without their target, as more than half of the reference's searches did: left out."""

    @property
    def verdict(self) -> Verdict:
        """Whether the goal ×2 is shown, missed, or not shown either way."""
        if self.interval[0] >= GOAL and not self.n_at_most and not self.n_undecided:
            return "shown"
        return "missed" if self.interval[1] < GOAL and not self.n_at_least else "not-shown"


def pooled(factors: Sequence[Factor], n_undecided: int = 0, seed: int = 0) -> Pooled | None:
    """Return the geometric mean and median of factors, with a 95 % interval of the mean; None without any.

    One campaign: the interval is its own, which holds what is not known about its reference and not its luck. Several:
    the percentile bootstrap over campaigns (Efron & Tibshirani 1993, ch. 13); in each resample every reference is
    drawn anew, log-normally within its own interval, once for all campaigns that are compared with it. A campaign
    that ended without its target enters at what it spent, as in `campaign.metrics.aggregate`; `n_undecided` are those of
    which nothing can be said, and which therefore forbid to call the goal shown.
    """
    if not factors:
        return None
    logs = np.log([factor.value for factor in factors])
    n_at_least = sum(factor.bound == "at-least" for factor in factors)
    n_at_most = sum(factor.bound == "at-most" for factor in factors)
    mean, median = float(np.exp(logs.mean())), float(np.exp(np.median(logs)))
    if len(factors) == 1:
        interval = (factors[0].low, factors[0].high)
        return Pooled(mean, median, interval, 1, n_at_least, n_at_most, n_undecided)
    rng = np.random.default_rng((seed, len(factors), 95))
    references = {name: i for i, name in enumerate(dict.fromkeys(factor.reference for factor in factors))}
    of = np.array([references[factor.reference] for factor in factors])
    spread = np.array([_log_sd(factor) for factor in factors])
    picks = rng.integers(len(factors), size=(N_RESAMPLES, len(factors)))
    shared = rng.standard_normal((N_RESAMPLES, len(references)))
    shifts = np.take_along_axis(shared, of[picks], axis=1) * spread[picks]
    means = (logs[picks] + shifts).mean(axis=1)
    low, high = np.exp(np.quantile(means, [0.025, 0.975], method="inverted_cdf"))
    interval = (float(low), float(high))
    return Pooled(mean, median, interval, len(factors), n_at_least, n_at_most, n_undecided)


def _log_sd(factor: Factor) -> float:
    """Return the standard deviation of a factor's logarithm that its interval amounts to; an open end says nothing."""
    sides = []
    if factor.low > 0:
        sides.append(math.log(factor.value / factor.low))
    if math.isfinite(factor.high):
        sides.append(math.log(factor.high / factor.value))
    return sum(sides) / len(sides) / _Z if sides else 0.0
