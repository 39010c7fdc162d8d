"""Who is ahead on a suite: ranks over functions and seeds, on what every method has done, and how sure that is."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import page
from numpy.typing import NDArray
from planners.comparison import is_not_for_it
from planners.peers import PEERS
from scipy.stats import rankdata

FloatArray = NDArray[np.float64]
Entry = Mapping[str, Any]
Cell = tuple[str, int, int]
"""Function, budget, seed."""

FLOOR = 1e-6
"""Normalised regret below which it does not matter any more who is nearer to the optimum."""
DECADE = 1.0
"""In log10 of the regret: from here on a method loses on a function."""
N_RESAMPLES = 4000
BROAD = 0.8
"""Share of the median number of cells from which a method counts as having done about as much as most."""
FEWEST = 3
"""Functions in common, below which nothing is ranked."""
REFERENCE = "botorch"
TITLES = {
    "standard": "Standard functions",
    "bbob": "COCO bbob",
    "carps": "CARP-S, representative subsets, the part from bbob",
}
AT_ONCE = (1, 4)
MISSING = (
    "Without a driver here so far: google-vizier, syne-tune and openbox. Of the representative subsets of CARP-S only the 12 problems "
    "from bbob can be had offline."
)


@dataclass(frozen=True)
class Place:
    """Where a method stands among those of a ranking."""

    rank: int
    """1 + how many have a lower mean rank."""
    low: int
    high: int
    """The middle 95 % of ranks when functions are drawn anew (percentile bootstrap)."""
    mean_rank: float


@dataclass(frozen=True)
class Ranking:
    """Methods on the cells that all of them have done."""

    methods: tuple[str, ...]
    cells: tuple[Cell, ...]
    regrets: FloatArray
    """Normalised regret at the end of each campaign, floored, shape (n_methods, n_cells)."""

    @classmethod
    def of(cls, done: Mapping[str, Mapping[Cell, float]], methods: Sequence[str]) -> "Ranking":
        """Rank some methods on their common part.

        Args:
            done: Method → cell → regret at the end.
            methods: At least one; each has done something.
        """
        cells = sorted(set.intersection(*(set(done[m]) for m in methods)))
        regrets = np.array([[max(done[m][cell], FLOOR) for cell in cells] for m in methods])
        return cls(tuple(methods), tuple(cells), regrets.reshape(len(methods), len(cells)))

    @property
    def functions(self) -> list[str]:
        """What the cells are of, without the suite's name."""
        return [name.partition("/")[2] or name for name in dict.fromkeys(cell[0] for cell in self.cells)]

    @cached_property
    def _members(self) -> NDArray[np.bool_]:
        """Which cells are of which function, shape (n_functions, n_cells)."""
        names = np.array([cell[0] for cell in self.cells])
        return np.stack([names == name for name in dict.fromkeys(names.tolist())])

    @cached_property
    def ranks(self) -> FloatArray:
        """Rank in each cell, 1 the best, ties shared, shape (n_methods, n_cells)."""
        return np.asarray(rankdata(self.regrets, axis=0))

    @cached_property
    def _resampled(self) -> NDArray[np.int64]:
        """Each method's place when functions are drawn with replacement, shape (n_methods, N_RESAMPLES)."""
        n = len(self._members)
        drawn = np.random.default_rng((n, 95)).integers(n, size=(N_RESAMPLES, n))
        counts = np.stack([(drawn == k).sum(axis=1) for k in range(n)])
        sums, sizes = self.ranks @ self._members.T, self._members.sum(axis=1)
        means = (sums @ counts) / (sizes @ counts)
        return np.asarray((means[:, None, :] > means[None, :, :] + 1e-9).sum(axis=1) + 1)

    def place(self, method: str) -> Place:
        """Return where a method stands."""
        i, means = self.methods.index(method), self.ranks.mean(axis=1)
        low, high = np.quantile(self._resampled[i], [0.025, 0.975], method="inverted_cdf")
        return Place(int((means < means[i] - 1e-9).sum()) + 1, int(low), int(high), float(means[i]))

    @cached_property
    def _logs(self) -> FloatArray:
        """Median over seeds of log10 of the regret, shape (n_methods, n_functions)."""
        return np.stack([np.median(np.log10(self.regrets[:, here]), axis=1) for here in self._members], axis=1)

    def behind(self, method: str, other: str | None = None) -> list[str]:
        """Return the functions where a method is more than a decade worse than another, or than the best of all."""
        best = self._logs.min(axis=0) if other is None else self._logs[self.methods.index(other)]
        away = self._logs[self.methods.index(method)] - best
        return [name for name, gap in zip(self.functions, away, strict=True) if gap > DECADE]

    def median_regret(self, method: str) -> float:
        """Return the median over cells."""
        return float(np.median(self.regrets[self.methods.index(method)]))


# A suite's campaigns -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suite:
    """The campaigns of one suite, so many experiments at a time."""

    name: str
    batch: int
    runs: tuple[Entry, ...]

    @classmethod
    def of(cls, campaigns: Sequence[Entry], name: str, batch: int) -> "Suite":
        """Choose them among all that were kept."""
        chosen = (e for e in campaigns if e["task"].startswith(f"{name}/") and e["batch"] == batch and e.get("regret"))
        return cls(name, batch, tuple(chosen))

    @cached_property
    def done(self) -> dict[str, dict[Cell, float]]:
        """Method → cell → regret at the end; what a method cannot express is not there, what failed keeps what it had."""
        found: dict[str, dict[Cell, float]] = {}
        for run in self.runs:
            if not is_not_for_it(run):
                last = run["regret"][-1]
                cell = run["task"], run["budget"], run["seed"]
                found.setdefault(run["method"], {})[cell] = 1.0 if last is None else last
        return found

    def groups(self) -> Iterator[list[str]]:
        """Yield the methods that did about as much as most others, then all that did enough, if those are more."""
        cells = {m: len(found) for m, found in self.done.items()}
        middle = statistics.median_high(cells.values()) if cells else 0
        shown: list[str] = []
        for enough in (BROAD * middle, FEWEST):
            chosen = [m for m in sorted(cells, key=lambda m: (not is_ours(m), m)) if cells[m] >= enough]
            if len(chosen) > max(len(shown), 1) and len(Ranking.of(self.done, chosen).functions) >= FEWEST:
                yield chosen
                shown = chosen

    def rankings(self, methods: Sequence[str]) -> dict[str, Ranking]:
        """Return, on the part that all have in common, a ranking for each method of ours: itself among all others.

        So N is the same for all of ours, and none of them pushes another one down. Without any of ours there is one
        ranking, under the name of the first method.
        """
        whole = Ranking.of(self.done, methods)
        cells = set(whole.cells)
        done = {m: {c: r for c, r in self.done[m].items() if c in cells} for m in methods}
        others, ours = [m for m in methods if not is_ours(m)], [m for m in methods if is_ours(m)]
        return {m: Ranking.of(done, [m, *others]) for m in ours} or {methods[0]: whole}


def is_ours(method: str) -> bool:
    """Say whether a method is the planner `model`, with whatever surrogate."""
    return method.partition(":")[0] == "model"


def sentence(suite: Suite, method: str, methods: Sequence[str] | None = None) -> str:
    """Return the honest sentence for a method: its rank, how sure that is, and where it loses."""
    if method not in suite.done:
        return f"`{method}` was not run on suite {suite.name}, {_at_once(suite.batch)}."
    others = [m for m in methods or next(suite.groups(), ()) if not is_ours(m) and m != method]
    ranking = Ranking.of(suite.done, [method, *others])
    if not others or len(ranking.functions) < FEWEST:
        return f"`{method}` has too little in common with other methods on suite {suite.name}, {_at_once(suite.batch)}."
    return _sentence(suite, ranking, method)


def _sentence(suite: Suite, ranking: Ranking, method: str) -> str:
    place, n = ranking.place(method), len(ranking.functions)
    said = (
        f"`{method}`: rank {place.rank} of {len(ranking.methods)} on suite {suite.name} ({n} functions, {len(ranking.cells)} campaigns "
        f"each, {_at_once(suite.batch)}), 95 % interval [{place.low}, {place.high}]"
    )
    lost = ranking.behind(method)
    said += (
        f"; loses on {', '.join(lost)} (a decade or more behind the best)" if lost else "; loses on none by a decade"
    )
    if REFERENCE in ranking.methods and method != REFERENCE:
        lost = ranking.behind(method, REFERENCE)
        said += f"; a decade behind BoTorch on {', '.join(lost) if lost else 'none'}"
    return said + "."


def _at_once(batch: int) -> str:
    return "one at a time" if batch == 1 else f"{batch} at a time"


# What to say ---------------------------------------------------------------------------------------------------------


def text(campaigns: Sequence[Entry], name: str) -> str:
    """Return a suite's part of the page; nothing if nothing was run."""
    parts, open_ = [], []
    for batch in AT_ONCE:
        suite = Suite.of(campaigns, name, batch)
        for methods in suite.groups():
            rankings = suite.rankings(methods)
            first = next(iter(rankings.values()))
            budgets = sorted({budget for _, budget, _ in first.cells})
            seeds = len({seed for *_, seed in first.cells})
            parts.append(
                f"{_at_once(batch).capitalize()}, {len(methods)} methods on what all of them have done: {len(first.functions)} functions "
                f"({', '.join(first.functions)}), {seeds} seed{'s' if seeds > 1 else ''}, {len(first.cells)} campaigns each, "
                f"{' and '.join(map(str, budgets))} experiments."
            )
            parts += [_sentence(suite, ranking, m) for m, ranking in rankings.items() if is_ours(m)]
            parts.append(_table(suite, rankings))
        if suite.done and parts and (left := _partly(suite)):
            parts.append(left)
        if not next(suite.groups(), None):
            open_.append(_at_once(batch))
    if parts and open_:
        parts.append(f"Not run yet, or by too few: {', '.join(open_)}.")
    return "\n\n".join([f"### {TITLES[name]}", *parts]) if parts else ""


def reading(open_suites: Sequence[str] = ()) -> str:
    """Say how the tables are to be read, and who is missing; `open_suites` were not run."""
    return page.paragraph(
        "How to read the ranks: in each cell (function, seed) methods are ranked by the normalised regret at the end, "
        f"(best - found) / (best - median); below {FLOOR:.0e} they tie. All begin with the same experiments, one more than there are factors "
        "and no fewer than 5. The mean rank is over cells; the interval has the middle 95 % of ranks when functions are drawn anew "
        "(percentile bootstrap): with few functions it is wide, and then the order says little. Each method of ours is ranked alone "
        "among all others, `map-gp` (our search with one plain Gaussian process) among them. A decade is a factor of ten in the median "
        "regret over seeds. Noise is real (5 % and 20 % of the spread); the regret is that of the best point tried, without noise.",
        f"Not run yet: {', '.join(TITLES[name] for name in open_suites)}." if open_suites else "",
        MISSING,
    )


def _table(suite: Suite, rankings: Mapping[str, Ranking]) -> str:
    first = next(iter(rankings.values()))
    methods = [*rankings, *(m for m in first.methods if m not in rankings)]
    rows = []
    for method in sorted(methods, key=lambda m: rankings.get(m, first).place(m).mean_rank):
        ranking = rankings.get(method, first)
        place, runs = ranking.place(method), [r for r in suite.runs if r["method"] == method]
        done = [r for r in runs if not is_not_for_it(r)]
        behind = (
            ""
            if method == REFERENCE or REFERENCE not in ranking.methods
            else str(len(ranking.behind(method, REFERENCE)))
        )
        rows.append([
            f"**`{method}`**" if is_ours(method) else method, f"{place.mean_rank:.2f}", f"{place.rank} [{place.low}, {place.high}]",
            f"{ranking.median_regret(method):.1e}", str(len(ranking.behind(method))), behind,
            str(sum(bool(r["failure"]) for r in done)), _seconds([r["cpu"][0] for r in done]), _versions(done),
        ])  # fmt: skip
    head = [
        "method", "mean rank", "rank [95 %]", "median regret", "a decade behind the best", "behind BoTorch", "failures", "CPU s / suggestion",
        "versions",
    ]  # fmt: skip
    return page.table(head, rows, "lrrrrrrrl")


def _seconds(values: Sequence[float]) -> str:
    value = statistics.median(values)
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _versions(runs: Sequence[Entry]) -> str:
    found = next((r["versions"] for r in runs if r.get("versions")), {})
    return ", ".join(f"{name} {version}" for name, version in list(found.items())[:2])


def _partly(suite: Suite) -> str:
    """Say how much each method has done, if that differs, who was not run, and what a method could not express."""
    counts = {m: len({cell[0] for cell in cells}) for m, cells in suite.done.items()}
    most = max(counts.values())
    parts = [f"{m} {n}" for m, n in sorted(counts.items(), key=lambda pair: pair[1]) if n < most]
    untried = [m for m in PEERS if m not in suite.done]
    not_for = sorted({f"{r['method']} ({r['task'].partition('/')[2]})" for r in suite.runs if is_not_for_it(r)})
    return page.paragraph(
        f"Of {most} functions done {_at_once(suite.batch)}, some methods did fewer so far: {', '.join(parts)}."
        if parts
        else "",
        f"Not run yet, though there is a driver: {', '.join(untried)}." if untried else "",
        f"Not for it: {', '.join(not_for)}." if not_for else "",
    )


def gate(campaigns: Sequence[Entry], method: str, peers: Sequence[str]) -> tuple[str, bool] | None:
    """Say whether a method has a better mean rank than each of some peers, no function lost to BoTorch, and a rank above 5.

    Returns:
        What was measured, and whether all three hold; None if the method, or one of the peers, has not done enough.
    """
    suite = Suite.of(campaigns, "standard", 1)
    *_, widest = [], *suite.groups()
    if not {method, *peers} <= set(widest):
        return None
    ranking = Ranking.of(suite.done, [method, *(m for m in widest if not is_ours(m))])
    place, means = ranking.place(method), {p: ranking.place(p).mean_rank for p in peers}
    ahead = [peer for peer, mean in means.items() if mean <= place.mean_rank]
    lost = ranking.behind(method, REFERENCE)
    said = (
        f"rank {place.rank} of {len(ranking.methods)} [{place.low}, {place.high}] on {len(ranking.functions)} functions; "
        f"not better than {', '.join(ahead) if ahead else 'none'} of the named peers; a decade behind BoTorch on {', '.join(lost) if lost else 'none'}"
    )
    return said, not ahead and not lost and place.high < 5
