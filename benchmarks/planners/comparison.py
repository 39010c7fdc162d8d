"""Methods against each other: always on the same tasks and seeds, always with the uncertainty over tasks."""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgenesis.campaign.hitting import HittingTimes, RepeatedTimes, TableTimes

FloatArray = NDArray[np.float64]
Entry = Mapping[str, Any]

N_RESAMPLES = 2000
WITHIN = 0.02
"""Normalised regret by which a method may miss the best and still count as best."""


@dataclass(frozen=True)
class Interval:
    """A value and the 95 % of its bootstrap distribution."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Common:
    """Some methods on the tasks and seeds that all of them have done."""

    tasks: tuple[Entry, ...]
    """What is known of each task (`Bench.described`)."""
    methods: tuple[str, ...]
    runs: Mapping[tuple[str, str], Sequence[Entry]]
    """(method, task name) → one campaign for each common seed, in the order of the seeds."""

    @property
    def n_seeds(self) -> tuple[int, int]:
        """Fewest and most seeds of a task."""
        counts = [len(self.runs[self.methods[0], t["task"]]) for t in self.tasks]
        return min(counts, default=0), max(counts, default=0)

    @functools.cached_property
    def _regrets(self) -> FloatArray:
        """(n_methods, n_tasks, budget): mean normalised regret over seeds; before anything counts, that of nothing."""
        budget = max((t["budget"] for t in self.tasks), default=1)
        found = np.empty((len(self.methods), len(self.tasks), budget))
        for i, method in enumerate(self.methods):
            for j, task in enumerate(self.tasks):
                found[i, j] = np.mean([_padded(r["regret"], budget) for r in self.runs[method, task["task"]]], axis=0)
        return found

    def curve(self, method: str) -> FloatArray:
        """Return the mean normalised regret (budget,) over tasks."""
        return np.asarray(self._regrets[self.methods.index(method)].mean(axis=0))

    def by_task(self, method: str, n: int) -> FloatArray:
        """Return the mean normalised regret (n_tasks,) after n experiments, or at the end of shorter campaigns."""
        return np.asarray(self._after(n)[self.methods.index(method)])

    def _after(self, n: int) -> FloatArray:
        return self._regrets[:, :, min(n, self._regrets.shape[2]) - 1]

    def regret(self, method: str, n: int) -> Interval:
        """Return the mean over tasks."""
        rows = self.by_task(method, n)[_resampled(len(self.tasks))]
        return _interval(float(self.by_task(method, n).mean()), rows.mean(axis=1))

    def ratio(self, mine: str, other: str, n: int) -> Interval:
        """Return the ratio of mean regrets; below 1 `mine` is better."""
        picks = _resampled(len(self.tasks))
        a, b = self.by_task(mine, n), self.by_task(other, n)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _interval(float(a.mean() / b.mean()), a[picks].mean(axis=1) / b[picks].mean(axis=1))

    def wins(self, mine: str, other: str, n: int) -> Interval:
        """Return the share of tasks where `mine` has the smaller mean regret; equal ones count half."""
        difference = self.by_task(other, n) - self.by_task(mine, n)
        won = np.where(np.abs(difference) < 1e-9, 0.5, difference > 0)
        return _interval(float(won.mean()), won[_resampled(len(won))].mean(axis=1))

    def ranks(self, n: int) -> dict[str, Interval]:
        """Return each method's mean rank over tasks: 1 is best, equal ones share."""
        values = np.round(self._after(n), 9)
        less = (values[None, :, :] < values[:, None, :]).sum(axis=1)
        equal = (values[None, :, :] == values[:, None, :]).sum(axis=1)
        ranks = less + (equal + 1) / 2
        picks = _resampled(len(self.tasks))
        return {
            m: _interval(float(row.mean()), row[picks].mean(axis=1)) for m, row in zip(self.methods, ranks, strict=True)
        }

    def near_best(self, n: int) -> dict[str, Interval]:
        """Return the share of tasks where a method's mean regret is at most `WITHIN` above the best one's."""
        values = self._after(n)
        near = values <= values.min(axis=0) + WITHIN
        picks = _resampled(len(self.tasks))
        return {
            m: _interval(float(row.mean()), row[picks].mean(axis=1)) for m, row in zip(self.methods, near, strict=True)
        }

    def acceleration(self, method: str, level: str) -> "Acceleration | None":
        """Return how many times fewer experiments than random search a method needs; None if it is not defined."""
        chosen = [t for t in self.tasks if _reference(t, level) is not None]
        if not chosen:
            return None
        rng = np.random.default_rng((len(chosen), 7))
        logs = np.empty((2, len(chosen), N_RESAMPLES + 1))
        n_open = 0
        for j, task in enumerate(chosen):
            times = _reference(task, level)
            assert times is not None
            budget = min(int(task["budget"]), int(task["points"]))
            hits = [r["n_to"][level] for r in self.runs[method, task["task"]]]
            n_to = np.array([math.inf if n is None else n for n in hits], dtype=np.float64)
            picks = np.vstack([np.arange(n_to.size), rng.integers(n_to.size, size=(N_RESAMPLES, n_to.size))])
            mean_ref, continued = _mean_times(times, budget)
            logs[0, j] = np.log(mean_ref / np.where(np.isfinite(n_to), n_to, continued)[picks].mean(axis=1))
            logs[1, j] = np.log(times.restricted_mean(budget) / np.minimum(n_to, budget)[picks].mean(axis=1))
            n_open += not np.isfinite(np.median(n_to))
        tasks = rng.integers(len(chosen), size=(N_RESAMPLES, len(chosen)))
        gains = []
        for rows in logs:
            resampled = rows[tasks, np.arange(1, N_RESAMPLES + 1)[:, None]].mean(axis=1)
            gains.append(_interval(math.exp(rows[:, 0].mean()), np.exp(resampled)))
        reached = [r["n_to"][level] is not None for t in chosen for r in self.runs[method, t["task"]]]
        return Acceleration(gains[0], gains[1], len(chosen), n_open, float(np.mean(reached)))


@dataclass(frozen=True)
class Acceleration:
    """The acceleration factor, geometric mean over tasks; intervals resample tasks and, in each, seeds."""

    continued: Interval
    """Mean experiments of random search over mean experiments of the method, where a campaign that did not get there
    goes on at random after its budget. Nothing is cut, and random search against itself is 1."""
    restricted: Interval
    """The same with both sides cut at the budget (Royston & Parmar 2013, BMC Med. Res. Methodol. 13, 152)."""
    n_tasks: int
    n_open: int
    """Tasks where half of the campaigns or more did not get there."""
    reached: float
    """Share of campaigns that got there."""


class Comparison:
    """All results of one family of tasks, budget and batch size."""

    def __init__(self, entries: Sequence[Entry], families: Sequence[str], budget: int, batch: int) -> None:
        described = [e for e in entries if e["kind"] == "task" and e["budget"] == budget and e["family"] in families]
        self.tasks = {str(e["task"]): e for e in described}
        self.runs: dict[str, dict[str, dict[int, Entry]]] = {}
        for entry in entries:
            fits = entry["kind"] == "run" and entry["budget"] == budget and entry["batch"] == batch
            if fits and entry["task"] in self.tasks and entry["regret"] and not is_not_for_it(entry):
                self.runs.setdefault(entry["method"], {}).setdefault(entry["task"], {})[entry["seed"]] = entry

    def common(self, methods: Sequence[str]) -> Common:
        """Return the tasks and seeds that all of `methods` have done."""
        runs: dict[tuple[str, str], Sequence[Entry]] = {}
        tasks = []
        for name, task in self.tasks.items():
            seeds = [set(self.runs.get(m, {}).get(name, {})) for m in methods]
            shared = sorted(set.intersection(*seeds)) if seeds else []
            if shared:
                tasks.append(task)
                runs |= {(m, name): [self.runs[m][name][seed] for seed in shared] for m in methods}
        return Common(tuple(tasks), tuple(methods), runs)

    def coverage(self, method: str) -> tuple[int, int]:
        """Return how many tasks and how many campaigns a method has done."""
        done = self.runs.get(method, {})
        return len(done), sum(map(len, done.values()))

    def groups(self, ours: str) -> Iterator[Common]:
        """Yield the methods that did nearly every task, then all methods on what is left in common, if that differs."""
        methods = sorted(self.runs, key=lambda m: (m != ours, -self.coverage(m)[1]))
        most = self.coverage(ours)[0] or max((self.coverage(m)[0] for m in methods), default=0)
        broad = [m for m in methods if self.coverage(m)[0] >= 0.8 * most]
        for chosen in [broad] if len(broad) == len(methods) else [broad, methods]:
            found = self.common(chosen)
            if found.tasks and len(chosen) > 1:
                yield found


def is_not_for_it(run: Entry) -> bool:
    """Say whether a method cannot express the task at all: its driver said so before the first suggestion."""
    return "NotImplementedError" in (run["failure"] or "")


def _padded(row: Sequence[float | None], budget: int) -> FloatArray:
    """Return a regret curve of full length: a shorter campaign keeps its last value, `None` (nothing yet) counts as 1.

    1 is what a typical experiment has; to have none that counts is no better.
    """
    known = [1.0 if value is None else value for value in row[:budget]]
    return np.array(known + [known[-1]] * (budget - len(known)))


def _reference(task: Entry, level: str) -> HittingTimes | None:
    """Return how fast random search is; None if it never gets there in what was looked at."""
    kept = task["levels"][level]
    if "good" in kept:
        return TableTimes(kept["points"], kept["good"]) if kept["good"] else None
    times = np.array([math.inf if t is None else t for t in kept["times"]])
    return RepeatedTimes(times, kept["budget"]) if np.isfinite(times).any() else None


def _mean_times(times: HittingTimes, budget: int) -> tuple[float, float]:
    """Return the mean experiments of random search, and those of a search that goes on at random after `budget`.

    Drawing without replacement, the first of K good among N comes after (N + 1) / (K + 1) draws on average (negative
    hypergeometric distribution), so (N - n + 1) / (K + 1) more once n have been in vain. For repeats that were
    measured: what is left of them, those that never got there taken as if they had at the end.
    """
    if isinstance(times, TableTimes):
        n, k = times.n_points, times.n_good
        return (n + 1) / (k + 1), budget + (n - budget + 1) / (k + 1)
    assert isinstance(times, RepeatedTimes)
    cut = np.minimum(times.times, times.budget)
    later = cut[cut > budget]
    return float(cut.mean()), float(later.mean()) if later.size else float(times.budget)


@functools.lru_cache(maxsize=64)
def _resampled(n: int) -> NDArray[np.int64]:
    """Return tasks drawn with replacement (N_RESAMPLES, n), the same every time."""
    return np.random.default_rng((n, 95)).integers(n, size=(N_RESAMPLES, n))


def _interval(value: float, resampled: FloatArray) -> Interval:
    known = resampled[np.isfinite(resampled)]
    low, high = np.quantile(known, [0.025, 0.975]) if known.size else (math.nan, math.nan)
    return Interval(value, float(low), float(high))
