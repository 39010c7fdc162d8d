"""Turn what `planners.py` kept into tables, a figure and a paragraph."""

import argparse
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import page
import plot
from numpy.typing import NDArray

from kgenesis.campaign.hitting import HittingTimes, RepeatedTimes, TableTimes
from kgenesis.campaign.metrics import Aggregate, aggregate

FloatArray = NDArray[np.float64]
LEVELS = {"top-5": "top 5 %", "top-1": "top 1 %", "best-found": "best"}
N_RESAMPLES = 2000


@dataclass(frozen=True)
class Arm:
    """One method on one task."""

    task: dict[str, Any]
    runs: list[dict[str, Any]]

    @property
    def budget(self) -> int:
        """Experiments each campaign had: the whole table where that is smaller."""
        return min(int(self.task["budget"]), int(self.task["points"]))

    def n_to(self, level: str) -> FloatArray:
        """Return experiments (n_seeds,) until a level; inf where it was not reached."""
        return np.array(
            [math.inf if r["n_to"][level] is None else r["n_to"][level] for r in self.runs], dtype=np.float64
        )

    def times(self, level: str) -> HittingTimes:
        """Return how fast random search is."""
        kept = self.task["levels"][level]
        if "good" in kept:
            return TableTimes(kept["points"], kept["good"])
        return RepeatedTimes(np.array([math.inf if t is None else t for t in kept["times"]]), kept["budget"])

    def gain(self, level: str) -> Aggregate:
        """Return the acceleration over the seeds."""
        return aggregate(self.n_to(level).tolist(), self.budget, self.times(level), n_resamples=N_RESAMPLES)

    def regret(self, n: int) -> float:
        """Return the mean normalised regret after n experiments; of a shorter campaign the last."""
        return float(np.mean([row[min(n, len(row)) - 1] for row in (r["regret"] for r in self.runs)]))

    def random_regret(self, n: int) -> float:
        """Return what random search has by then, exactly."""
        row = self.task["regret"]
        return float(row[min(n, len(row)) - 1])


def arms(entries: Sequence[Mapping[str, Any]], budget: int) -> dict[str, dict[str, Arm]]:
    """Return arms by method and task."""
    tasks = {e["task"]: dict(e) for e in entries if e["kind"] == "task" and e["budget"] == budget}
    found: dict[str, dict[str, Arm]] = {}
    for entry in entries:
        if entry["kind"] == "run" and entry["budget"] == budget and entry["task"] in tasks:
            arm = found.setdefault(entry["method"], {}).setdefault(entry["task"], Arm(tasks[entry["task"]], []))
            arm.runs.append(dict(entry))
    return found


# Tables --------------------------------------------------------------------------------------------------------------


def tables(entries: Sequence[Mapping[str, Any]], regret_at: Sequence[int], wishes: argparse.Namespace) -> None:
    """Write what the planners did on the tables."""
    every = arms(entries, wishes.budget)
    model = every.get("model", {})
    if not model:
        print("nothing to report yet")
        return
    single = {name: arm for name, arm in model.items() if not name.endswith("+")}
    several = {name: arm for name, arm in model.items() if name.endswith("+")}
    parts = [_gains(single)]
    if several:
        parts += ["All objectives at once, by hypervolume (95 %, 99 % and all of the best there is):", _gains(several)]
    parts += ["Over all sets:", _summary(every)]
    parts += ["Normalised regret, (best - found) / (best - median), mean over seeds; random in closed form:"]
    parts += [_regrets({**single, **several}, regret_at)]
    if not wishes.no_write:
        points = [(name, _bounded(arm.gain("top-1"))) for name, arm in single.items()]
        plot.factors(
            page.HERE / "results" / "planners.svg", points, "acceleration to the best 1 %, model against random"
        )
        parts.insert(0, "![Acceleration factor to the best 1 % of each set](results/planners.svg)")
    parts.append(_said(every, single, several, entries))
    body = "\n\n".join(parts)
    if wishes.no_write:
        print(body)
    else:
        page.write("planners", "Planners on tables of finished experiments", body)


def _gains(chosen: Mapping[str, Arm]) -> str:
    head = ["set", "points", "factors"]
    for label in LEVELS.values():
        head += [f"{label}: n model / random", "factor"]
    rows = []
    for name, arm in chosen.items():
        row = [name.rstrip("+"), f"{arm.task['points']:,}", str(arm.task["factors"])]
        for level in LEVELS:
            mine, times = arm.n_to(level), arm.times(level)
            n_reached = int(np.isfinite(mine).sum())
            reached = "" if n_reached == len(mine) else f" ({n_reached}/{len(mine)})"
            row += [f"{_count(_median(mine))}{reached} / {_count(times.quantile(0.5))}", _factor(arm.gain(level))]
        rows.append(row)
    return page.table(head, rows)


def _summary(every: Mapping[str, Mapping[str, Arm]]) -> str:
    head = [
        "method", "objectives", "level", "sets", "medians, both ended at the budget", "means, both ended at the budget", "faster / slower",
        "campaigns that got there", "open medians",
    ]  # fmt: skip
    rows = []
    for kind, is_several in (("first", False), ("all", True)):
        for method, found in every.items():
            chosen = [arm for name, arm in found.items() if name.endswith("+") == is_several]
            if not chosen:
                continue
            for level, label in LEVELS.items():
                gains = [arm.gain(level) for arm in chosen]
                medians, restricted = _over_sets(chosen, level)
                reached = np.concatenate([np.isfinite(arm.n_to(level)) for arm in chosen])
                rows.append([
                    method, kind, label, str(len(chosen)), _with_interval(*medians), _with_interval(*restricted),
                    f"{sum(g.restricted_interval[0] > 1 for g in gains)} / {sum(g.restricted_interval[1] < 1 for g in gains)}",
                    f"{100 * reached.mean():.0f} %", str(sum(not math.isfinite(_median(a.n_to(level))) for a in chosen)),
                ])  # fmt: skip
    return page.table(head, rows, "lllrrrrrr")


def _over_sets(chosen: Sequence[Arm], level: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return geometric means over sets with 95 % intervals: sets and their seeds are resampled (two-level bootstrap)."""
    rng = np.random.default_rng((len(chosen), 7))
    logs = np.empty((2, len(chosen), N_RESAMPLES + 1))
    for i, arm in enumerate(chosen):
        mine, times = arm.n_to(level), arm.times(level)
        limit = min(arm.budget, times.budget)
        n_ref, restricted = min(times.quantile(0.5), float(limit)), times.restricted_mean(limit)
        picks = np.vstack([np.arange(len(mine)), rng.integers(len(mine), size=(N_RESAMPLES, len(mine)))])
        # Both sides end at the budget, so that random search against itself is 1; the middle of an even number of seeds
        # lies between two of them, for the lower one alone would favour the planner.
        logs[0, i] = np.log(n_ref / np.median(np.minimum(mine[picks], limit), axis=1))
        logs[1, i] = np.log(restricted / np.minimum(mine[picks], limit).mean(axis=1))
    sets = rng.integers(len(chosen), size=(N_RESAMPLES, len(chosen)))
    found = []
    for rows in logs:
        resampled = rows[sets, np.arange(1, N_RESAMPLES + 1)[:, None]].mean(axis=1)
        low, high = np.quantile(resampled, [0.025, 0.975])
        found.append((float(np.exp(rows[:, 0].mean())), float(np.exp(low)), float(np.exp(high))))
    return found[0], found[1]


def _regrets(chosen: Mapping[str, Arm], regret_at: Sequence[int]) -> str:
    head = ["set", *(f"model, {n}" for n in regret_at), *(f"random, {n}" for n in regret_at)]
    rows = []
    for name, arm in chosen.items():
        shown = name.rstrip("+") + (" (all objectives)" if name.endswith("+") else "")
        rows.append([
            shown, *(f"{arm.regret(n):.3f}" for n in regret_at), *(f"{arm.random_regret(n):.3f}" for n in regret_at)
        ])  # fmt: skip
    singles = [arm for name, arm in chosen.items() if not name.endswith("+")]
    rows.append([
        "**mean of the sets, first objective**",
        *(f"{statistics.mean(a.regret(n) for a in singles):.3f}" for n in regret_at),
        *(f"{statistics.mean(a.random_regret(n) for a in singles):.3f}" for n in regret_at),
    ])  # fmt: skip
    return page.table(head, rows)


def _said(
    every: Mapping[str, Mapping[str, Arm]], single: Mapping[str, Arm], several: Mapping[str, Arm],
    entries: Sequence[Mapping[str, Any]],
) -> str:  # fmt: skip
    chosen = list(single.values())
    medians, restricted = _over_sets(chosen, "top-1")
    slower = {label: _names(single, level) for level, label in LEVELS.items()}
    lost = "; ".join(f"{label}: {', '.join(names)}" for label, names in slower.items() if names)
    unsolved = [n for n, a in single.items() if not math.isfinite(_median(a.n_to("best-found")))]
    behind = [n for n, a in {**single, **several}.items() if a.regret(a.budget) > a.random_regret(a.budget)]
    n_seeds = min(len(arm.runs) for found in every.values() for arm in found.values())
    runs = [e for e in entries if e["kind"] == "run"]
    cpu = statistics.mean(r["cpu"] / r["n"] for r in runs if r["method"] == "model") * 1e3
    codes = len({r["code"] for r in runs})
    return page.paragraph(
        f"{len(single)} sets, at least {n_seeds} seeds each. “n” is the median number of experiments until a level is "
        "reached (brackets: how many campaigns got there, if not all); for random search it is exact (draws without "
        "replacement; several objectives: random orders of the table). “Factor” is n random / n model (Adesiji et "
        "al. 2026) with a 95 % bootstrap interval over seeds; ≤ marks a bound, because the median campaign did not get "
        "there within its budget and is entered as if it had with its last experiment. Over all sets such a bound would "
        "flatter (random search against itself would seem faster), so there the reference ends at the same budget: the "
        "ratio of medians, and that of mean experiments (restricted means, Royston & Parmar 2013), both cut at the budget "
        "on both sides; sets whose median campaign did not get there are counted under “open medians”, none is dropped. "
        "Faster and slower: sets whose interval of the restricted ratio lies wholly above, or below, 1.",
        _control(every),
        f"To the best 1 % `model` needs {restricted[0]:.2f} times fewer experiments than random search by restricted means "
        f"(geometric mean over sets, 95 % {restricted[1]:.2f}-{restricted[2]:.2f}), {medians[0]:.1f} by medians "
        f"({medians[1]:.1f}-{medians[2]:.1f}).",
        f"What is lost: it is slower than random (interval of the restricted ratio wholly below 1) at {lost}."
        if lost
        else "On no set and at no level is the interval of the restricted ratio wholly below 1.",
        f"Half of its campaigns or more do not find the very best point of {', '.join(unsolved)}." if unsolved else "",
        f"At the end of the budget its mean regret is above random's on {', '.join(behind)}." if behind else "",
        "Sets of the same families served while the planner was built, so they say less about problems yet unseen.",
        f"A suggestion took {cpu:.0f} ms CPU on average, with everything else of the campaign in it.",
        f"The runs come from {codes} states of the deciding code." if codes > 1 else "",
    )


def _control(every: Mapping[str, Mapping[str, Arm]]) -> str:
    """Say what the same arithmetic makes of random search itself."""
    chosen = [arm for name, arm in every.get("random", {}).items() if not name.endswith("+")]
    if not chosen:
        return ""
    medians, means = _over_sets(chosen, "top-1")
    return (
        f"A control: campaigns with the planner `random` give {_with_interval(*medians)} and {_with_interval(*means)} to "
        "the best 1 % (medians, means). The means should be 1 but for luck; the medians lean above it, because what is cut "
        "at the budget is cut on the slow side only, so the means are the figure to quote."
    )


def _names(chosen: Mapping[str, Arm], level: str) -> list[str]:
    return [name for name, arm in chosen.items() if arm.gain(level).restricted_interval[1] < 1]


# The battery ---------------------------------------------------------------------------------------------------------


def battery(entries: Sequence[Mapping[str, Any]], wishes: argparse.Namespace) -> None:
    """Write what the planners did on the simulated battery."""
    from kgenesis.app.mission_files import load_mission
    from kgenesis.campaign.baselines import Level, baseline
    from kgenesis.campaign.reference import load_reference, mismatch

    loaded = load_mission("battery-fast-charge")
    runs = [e for e in entries if e["kind"] == "run" and e["budget"] == wishes.budget]
    if not runs or not loaded.shipped_reference.is_file():
        print("no campaigns kept" if not runs else "the mission has no shipped reference: nothing to compare with yet")
        return
    reference = load_reference(loaded.shipped_reference)
    known = baseline(reference, loaded.mission.problem)
    times = known.hitting_times(Level("target", math.nan))
    said_first = mismatch(reference, loaded.mission, str(runs[0]["lab"]))
    rows = []
    for method in dict.fromkeys(str(r["method"]) for r in runs):
        chosen = [r for r in runs if r["method"] == method]
        mine = np.array(
            [math.inf if r["n_to"]["target"] is None else r["n_to"]["target"] for r in chosen], dtype=np.float64
        )
        gain = aggregate(mine.tolist(), wishes.budget, times, n_resamples=N_RESAMPLES)
        seconds = [(r["cpu"] - r["cpu_lab"]) / r["n"] * 1e3 for r in chosen]
        low, high = gain.restricted_interval
        rows.append([
            method, f"{int(np.isfinite(mine).sum())}/{len(mine)}", _count(_median(mine)),
            " to ".join(dict.fromkeys((_count(float(mine.min())), _count(float(mine.max()))))), _count(times.quantile(0.5)), _factor(gain),
            f"{gain.restricted:.2f} [{low:.2f}, {high:.2f}]",
            f"{100 * sum(r['n_failed'] for r in chosen) / sum(r['n'] for r in chosen):.0f} %", f"{statistics.mean(seconds):.0f}",
        ])  # fmt: skip
    head = [
        "planner", "reached the target", "n, median", "n, range", "n of the reference", "acceleration factor",
        "restricted to the budget", "failed", "CPU ms / suggestion",
    ]  # fmt: skip
    n_hit = int(np.isfinite(times.times).sum()) if isinstance(times, RepeatedTimes) else 0
    said = page.paragraph(
        f"Campaigns of the built-in mission with the real simulator, {wishes.budget} experiments at most, "
        f"{runs[0]['parallel']} at a time; a campaign ends when every target is reached. The "
        f"reference is the one shipped with the mission: {known.label.en}, of which {n_hit} searches reached the target. "
        "The interval is a 95 % bootstrap over campaigns and over the reference's repeats. ≤ marks a bound, because half of "
        "the campaigns or more did not get there, ≥ because half of the reference's searches or more did not.",
        f"**Mind: {said_first.en}.**" if said_first is not None else "",
    )
    body = page.table(head, rows) + "\n\n" + said
    if wishes.no_write:
        print(body)
    else:
        page.write("battery", "The battery, fast charge", body)


# Latency -------------------------------------------------------------------------------------------------------------


def latency(found: Sequence[Mapping[str, Any]], target: float, wishes: argparse.Namespace) -> None:
    """Write how long suggestions take."""
    labels = {
        "table": "5,000 points, 1 objective", "table, 2 objectives": "5,000 points, 2 objectives",
        "battery": "battery: 7 continuous factors, 2 objectives, 3 constraints",
    }  # fmt: skip
    rows = []
    for kind in found:
        cpu = np.array(kind["cpu"]) * 1e3
        wall = np.array(kind["wall"]) * 1e3
        verdict = page.met(float(np.median(cpu)) <= target) if kind["kind"] == "table" else ""
        rows.append([
            labels[kind["kind"]], f"{np.median(cpu):.0f}", f"{cpu.min():.0f}-{cpu.max():.0f}", f"{np.median(wall):.0f}", verdict
        ])  # fmt: skip
    head = [
        "`model` after 100 experiments, one thread",
        "CPU ms, median",
        "range",
        "wall ms, median",
        f"≤ {target:.0f} ms",
    ]
    said = page.paragraph(
        "Every suggestion fits its surrogates from nothing, since planners remember nothing; each outcome that matters "
        "has its own, so the last row fits five.",
        "CPU time grows too where cores are shared: while this was measured the same work took "
        f"{page.slowdown():.1f} times as long as in the machine's best moments.",
    )
    body = page.table(head, rows) + "\n\n" + said
    if wishes.no_write:
        print(body)
    else:
        page.write("latency", "How long a suggestion takes", body)


# Words ---------------------------------------------------------------------------------------------------------------


def _median(values: FloatArray) -> float:
    return float(np.sort(values)[math.ceil(values.size / 2) - 1])


def _count(n: float) -> str:
    return f"{n:.0f}" if math.isfinite(n) else "-"


def _number(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _factor(gain: Aggregate) -> str:
    if gain.censored == "both":
        return "-"
    sign = {"campaign": "≤ ", "reference": "≥ "}.get(gain.censored or "", "")
    low, high = gain.ratio_of_medians_interval
    return f"{sign}{_number(gain.ratio_of_medians)} [{_number(low)}, {_number(high)}]"


def _bounded(gain: Aggregate) -> plot.Point:
    low, high = gain.ratio_of_medians_interval
    return plot.Point(gain.ratio_of_medians, low, high, gain.censored is not None)


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
