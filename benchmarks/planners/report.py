"""The page: what was measured, from the results that were kept, against the targets."""

import ast
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import page

from planners import peers, plot
from planners.comparison import Acceleration, Common, Comparison, Entry, Interval, is_not_for_it

REGRET_AT = (10, 20, 30, 50)
JUDGED_AT = 30
LEVELS = {"top-5": "top 5 %", "top-1": "top 1 %", "best-found": "best"}
TITLES = {
    "table": "Tables of finished experiments, first objective",
    "several": "Tables, all objectives at once (hypervolume)",
    "synthetic": "Continuous standards",
    "mixed": "Mixed standards (numbers, whole numbers, categories)",
    "constrained": "Constrained standards and a mixture",
}
NOT_RIVALS = ("random", "sobol")


@dataclass(frozen=True)
class Question:
    """What a page is about."""

    ours: str = "model"
    budget: int = 50
    batches: tuple[int, ...] = (1, 4)


def text(entries: Sequence[Entry], question: Question, figures: Path | None = None) -> str:
    """Return the body of the page in Markdown; figures are written into `figures` if it is given."""
    parts = [_targets(entries, question)]
    for batch in question.batches:
        for family, title in TITLES.items():
            compared = Comparison(entries, [family], question.budget, batch)
            groups = list(compared.groups(question.ours))
            if not groups:
                continue
            parts.append(f"### {title}" + (f", {batch} at a time" if batch > 1 else ""))
            if family == "table" and batch == 1 and figures is not None:
                parts += _figures(groups[0], figures)
            for i, group in enumerate(groups):
                parts += list(_group(group, compared, question, whole=family == "table" and batch == 1 and i == 0))
            if family == "table" and batch == 1:
                parts += [_each_task(groups[0])]
    every = [e for e in entries if e["kind"] == "run" and e["budget"] == question.budget]
    if not every:
        return "No campaigns were kept yet."
    parts += ["### What a suggestion costs, and what goes wrong", _costs(every, question), _peers(every), _method()]
    return "\n\n".join(part for part in parts if part)


def pair(entries: Sequence[Entry], mine: str, other: str, budget: int, batch: int) -> str:
    """Return a quick comparison of two methods on their common tasks and seeds."""
    families = sorted({e["family"] for e in entries if e["kind"] == "task"})
    common = Comparison(entries, families, budget, batch).common([mine, other])
    if not common.tasks:
        return f"{mine} and {other} have no campaign of {budget} experiments, {batch} at a time, in common."
    head = ["task", "seeds", *(f"{m}, {n}" for n in REGRET_AT[1:] for m in (mine, other))]
    rows = []
    for j, task in enumerate(common.tasks):
        cells = [f"{common.by_task(m, n)[j]:.3f}" for n in REGRET_AT[1:] for m in (mine, other)]
        rows.append([str(task["task"]), str(len(common.runs[mine, task["task"]])), *cells])
    rows.append(["mean", "", *(f"{common.regret(m, n).value:.4f}" for n in REGRET_AT[1:] for m in (mine, other))])
    ratios = "; ".join(f"{n}: {_said(common.ratio(mine, other, n))}" for n in REGRET_AT[1:])
    wins = "; ".join(f"{n}: {_said(common.wins(mine, other, n))}" for n in REGRET_AT[1:])
    return page.table(head, rows) + f"\n\nratio of mean regrets after {ratios}\nwins after {wins}"


# Targets -------------------------------------------------------------------------------------------------------------


def _targets(entries: Sequence[Entry], question: Question) -> str:
    compared = Comparison(entries, ["table"], question.budget, 1)
    ours, rows = question.ours, []
    rivals = [m for m in compared.runs if _is_rival(m, ours)]
    pairs = {m: compared.common([ours, m]) for m in rivals}
    pairs = {m: c for m, c in pairs.items() if c.tasks}
    if pairs:
        widest = max(len(c.tasks) for c in pairs.values())
        broad = {m: c for m, c in pairs.items() if len(c.tasks) >= 0.8 * widest}
        best = max(broad, key=lambda m: broad[m].ratio(ours, m, JUDGED_AT).value)
        ratio = broad[best].ratio(ours, best, JUDGED_AT)
        rows.append([
            f"mean normalised regret after {JUDGED_AT} experiments, against the best peer ({best})", "≤ 0.80, interval below 1",
            _said(ratio), page.met(ratio.value <= 0.8 and ratio.high < 1),
        ])  # fmt: skip
        group = compared.common([ours, *broad])
        near = group.near_best(JUDGED_AT)[ours]
        rows.append([
            "share of problems where it is best or within 0.02 of the best", "≥ 75 %", _said(near, percent=True), page.met(near.value >= 0.75)
        ])  # fmt: skip
        gains = {m: group.acceleration(m, "top-1") for m in group.methods}
        mine = gains[ours]
        if mine is not None:
            others = {m: g.continued.value for m, g in gains.items() if g is not None and m != ours}
            nearest = max(others, key=others.__getitem__)
            rows.append([
                "acceleration against random, geometric mean over sets at top 1 %", f"≥ 2.5, above every peer ({nearest}: {others[nearest]:.2f})",
                _said(mine.continued), page.met(mine.continued.value >= 2.5 and mine.continued.value > others[nearest]),
            ])  # fmt: skip
    own = [e for e in entries if e["kind"] == "run" and e["method"] == ours]
    if own:
        wrong = sum(e["duplicates"] + e["violations"] + bool(e["failure"]) for e in own)
        rows.append([f"duplicates, violations, crashes in {len(own)} campaigns", "0", str(wrong), page.met(wrong == 0)])
    if not rows:
        return ""
    return page.table(["target", "wanted", "measured", ""], rows, "llll")


def _is_rival(method: str, ours: str) -> bool:
    """Say whether a method is somebody else's (ablations of ours are not)."""
    return method != ours and method.split(":", maxsplit=1)[0] in peers.PEERS


# Tables --------------------------------------------------------------------------------------------------------------


def _group(group: Common, compared: Comparison, question: Question, *, whole: bool) -> Iterator[str]:
    few, many = group.n_seeds
    seeds = f"{few}" if few == many else f"{few} to {many}"
    yield (
        f"{len(group.tasks)} tasks, {seeds} seeds each, the same for all {len(group.methods)} methods"
        f" ({', '.join(str(t['task']) for t in group.tasks)}):"
    )
    rivals = [m for m in group.methods if m not in NOT_RIVALS and m != question.ours]
    ranks, near = group.ranks(JUDGED_AT), group.near_best(JUDGED_AT)
    is_ours = question.ours in group.methods
    head = ["method", *(f"regret, {n}" for n in REGRET_AT), f"rank, {JUDGED_AT}", "best or near it"]
    head += [f"{question.ours}'s regret / its", f"{question.ours} wins"] if is_ours else []
    head += [f"acceleration, {LEVELS[level]}" for level in ("top-5", "top-1", *(["best-found"] if whole else []))]
    rows = []
    for method in sorted(group.methods, key=lambda m: group.regret(m, JUDGED_AT).value):
        row = [f"**{method}**" if method == question.ours else method]
        row += [f"{group.regret(method, n).value:.3f}" for n in REGRET_AT]
        row += [f"{ranks[method].value:.2f}", f"{100 * near[method].value:.0f} %"]
        if is_ours:
            ratio, wins = group.ratio(question.ours, method, JUDGED_AT), group.wins(question.ours, method, JUDGED_AT)
            row += ["", ""] if method == question.ours else [_said(ratio), _said(wins, percent=True)]
        for level in ("top-5", "top-1", *(["best-found"] if whole else [])):
            row.append(_gain(group.acceleration(method, level)))
        rows.append(row)
    yield page.table(head, rows)
    if whole and is_ours and rivals:
        rest = [m for m in compared.runs if m not in (question.ours, *NOT_RIVALS)]
        pairs = {m: compared.common([question.ours, m]) for m in rest}
        head = ["against", "tasks", "campaigns each", *(f"regret ratio, {n}" for n in REGRET_AT), f"wins, {JUDGED_AT}"]
        rows = [
            [
                m, str(len(c.tasks)), str(sum(len(c.runs[m, t["task"]]) for t in c.tasks)),
                *(_said(c.ratio(question.ours, m, n)) for n in REGRET_AT), _said(c.wins(question.ours, m, JUDGED_AT), percent=True),
            ]
            for m, c in pairs.items() if c.tasks
        ]  # fmt: skip
        yield f"`{question.ours}` against each method on all that the two have in common:\n\n" + page.table(head, rows)


def _each_task(group: Common) -> str:
    head = ["task", "points", "factors", *(f"{m}" for m in group.methods), "random, exact"]
    rows = []
    for j, task in enumerate(group.tasks):
        cells = [group.by_task(m, JUDGED_AT)[j] for m in group.methods]
        exact = task["regret"][min(JUDGED_AT, len(task["regret"])) - 1]
        shown = [f"**{c:.3f}**" if c <= min(cells) + 1e-9 else f"{c:.3f}" for c in cells]
        rows.append([str(task["task"]), f"{task['points']:,}", str(task["factors"]), *shown, f"{exact:.3f}"])
    return f"Normalised regret after {JUDGED_AT} experiments, each task (best in bold):\n\n" + page.table(head, rows)


def _costs(runs: Sequence[Entry], question: Question) -> str:
    head = [
        "method", "campaigns", "CPU s / suggestion, median", "slowest, median", "peak MiB, median", "duplicates", "replicates", "violations", "moved",
        "time-outs", "crashes", "not for it",
    ]  # fmt: skip
    rows = []
    for method in sorted({r["method"] for r in runs}, key=lambda m: (m != question.ours, m)):
        mine = [r for r in runs if r["method"] == method]
        failures = [r["failure"] or "" for r in mine]
        n_out = sum(f.startswith("time-out") for f in failures)
        done = [r for r in mine if not is_not_for_it(r)]
        n_not = len(mine) - len(done)
        rows.append([
            method, str(len(mine)),
            *(_median([r["cpu"][k] for r in done]) for k in (0, 1)), f"{statistics.median([r['peak'] for r in done] or [0]):.0f}",
            *(str(sum(r.get(k, 0) for r in mine)) for k in ("duplicates", "replicates", "violations", "moved")),
            str(n_out), str(sum(bool(f) for f in failures) - n_out - n_not), str(n_not),
        ])  # fmt: skip
    failed = sorted({f"{r['method']}: {r['failure'][:160]}" for r in runs if r["failure"] and not is_not_for_it(r)})
    said = page.paragraph(
        "CPU seconds of one thread for everything between the results and the suggestion (fits included); the slowest of a "
        "campaign is usually its first, which pays for imports and compilation in peers. Memory is that of the whole "
        "process, its libraries included. A duplicate repeats what was measured (a replicate does so and says so); a violation breaks a known constraint; "
        "“moved” is a suggestion that is no candidate, from methods that take no list. The harness replaces each by the "
        "nearest experiment that may be done, so nobody loses one by it. A campaign that crashes or runs out of time keeps "
        "what it had found; “not for it” are tasks a method cannot express, which count for nobody.",
        "Failures: " + "; ".join(failed[:8]) + "." if failed else "",
    )
    return page.table(head, rows) + "\n\n" + said


def _peers(runs: Sequence[Entry]) -> str:
    """Say of each peer how it was run: its driver's own words, and its versions."""
    lines = []
    for driver in dict.fromkeys(
        peers.PEERS[r["method"].split(":")[0]][0] for r in runs if r["method"].split(":")[0] in peers.PEERS
    ):
        source = (peers.DRIVERS / f"drive_{driver}.py").read_text(encoding="utf-8")
        said = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
        found = next(r["versions"] for r in runs if _driver(r) == driver and r.get("versions"))
        lines.append(f"- {said} *{', '.join(f'{name} {version}' for name, version in found.items())}.*")
    return "How each peer was run:\n\n" + "\n".join(lines) if lines else ""


def _driver(run: Entry) -> str | None:
    name = run["method"].split(":")[0]
    return peers.PEERS[name][0] if name in peers.PEERS else None


def _method() -> str:
    return page.paragraph(
        "How to read it: every method begins with the same experiments (5 on tables, one more than there are factors "
        "elsewhere), drawn from the seed and told before it is asked; everything runs through the mission, the decisions and "
        "the fold that a real campaign uses. Normalised regret is (best - found) / (best - median), the optimum being that of "
        "the table or of the function; 0 is the best there is, 1 a typical experiment. Brackets are 95 % bootstrap intervals "
        "over tasks. Acceleration is mean experiments of random search (closed form) over mean experiments of the method, "
        "geometric mean over tasks; a campaign that has not got there by its budget is continued at random from there, in "
        "closed form, so nothing is cut and random search against itself is 1. In parentheses: the same cut at the budget on "
        "both sides, and the share of campaigns that got there. Two sets with the same numbers count once. On drawn spaces "
        "“best” means a regret of 1 %. Some of these tables served while the planner was built, so they say less about "
        "problems yet unseen."
    )


def _figures(group: Common, folder: Path) -> list[str]:
    first = int(group.tasks[0]["start"])
    plot.curves(
        folder / "regret.svg", {m: group.curve(m).tolist() for m in group.methods}, first, "mean normalised regret"
    )
    gains = {m: g.continued for m in group.methods if (g := group.acceleration(m, "top-1")) is not None}
    plot.factors(folder / "acceleration.svg", gains, "acceleration to the best 1 %, against random search")
    where = f"results/{folder.name}" if folder.name != "results" else "results"
    return [
        f"![Mean normalised regret against experiments]({where}/regret.svg)",
        f"![Acceleration factor to the best 1 %]({where}/acceleration.svg)",
    ]


# Words ---------------------------------------------------------------------------------------------------------------


def _said(found: Interval, *, percent: bool = False) -> str:
    if percent:
        return f"{100 * found.value:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _gain(found: Acceleration | None) -> str:
    if found is None:
        return "-"
    return f"{_said(found.continued)} ({found.restricted.value:.2f}, {100 * found.reached:.0f} %)"


def _median(values: Sequence[float]) -> str:
    if not values:
        return "-"
    value = statistics.median(values)
    return f"{value:.4f}" if value < 0.01 else f"{value:.2f}" if math.isfinite(value) else "-"
