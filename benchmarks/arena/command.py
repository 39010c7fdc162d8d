"""What the command line says, what is run for it, and the page's part with every gate, met or missed."""

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import page
import yaml
from planners.command import RESULTS, run_all
from planners.results import Results, key

from arena import ranking
from arena.suites import FAMILIES_AT, LONG_AT, PRIOR_AT, Plan, run, suggestion_times

HELP = """How well the foundation model foretells, on suites that were frozen before its training (gates.yaml).

    python benchmarks/arena                                # suites prior and families, whole; goes on where it was
    python benchmarks/arena --sets 24 --suites prior       # a part
    python benchmarks/arena --model ./model.yaml           # a model of a partner's, judged in the same way
    python benchmarks/arena --report                       # only write the page again

The suite of real tables is run by the harness of `benchmarks/planners`, which keeps its campaigns where this page finds them:

    python benchmarks/planners --data FOLDER --families table --seeds 2 --budget 30 --no-write --results benchmarks/results/arena
        --methods 'model,model:surrogate=genesis,model:surrogate.name=portfolio:surrogate.settings.members=["gp","trees","genesis"]'

So are the standard functions and COCO bbob, where any method is ranked among all that were run, other people's included:

    python benchmarks/planners --families standard --methods model:surrogate=genesis,botorch --seeds 20 --budget 30 --no-write
        --results benchmarks/results/arena                  # and --batch 4; or --profile arena, arena-full: all methods and suites
    python benchmarks/arena --rank model:surrogate=genesis  # rank k of N on suite S, 95 % interval [a, b]; loses on …
"""
GATES = Path(__file__).with_name("gates.yaml")
FOUNDATION = "model:surrogate=genesis"
"""The method that the gate of the standard functions judges."""
N_LONG = 4
"""Data sets with very many measurements: each takes seconds."""

Entry = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Carry out what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/arena", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default="genesis-1", help="a published version, the folder of a model, or a model file"
    )
    parser.add_argument("--suites", default="prior,families", help="separated by commas: prior, families")
    parser.add_argument("--sets", type=int, default=96, help="data sets for each number of measurements (96)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--nice", type=int, default=0, help="niceness of the workers")
    parser.add_argument("--redo", action="store_true", help="do again what was done")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder where results are kept")
    parser.add_argument("--report", action="store_true", help="run nothing, write the page from what was kept")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md alone")
    parser.add_argument("--rank", metavar="METHOD", help="run nothing, say where a method stands on each suite")
    wishes = parser.parse_args(arguments)
    if wishes.rank:
        return _rank(wishes)
    suites = wishes.suites.split(",")
    if unknown := sorted(set(suites) - {"prior", "families"}):
        parser.error(f"--suites: there is no {', '.join(unknown)}; there are prior, families")
    if wishes.sets < 1:
        parser.error("--sets: at least 1")
    results = Results(wishes.results / "arena.jsonl.gz")
    if not wishes.report:
        plans = [
            Plan(suite, n, i, wishes.model)
            for i in range(wishes.sets)
            for suite, at in (("prior", (*PRIOR_AT, *LONG_AT)), ("families", FAMILIES_AT))
            if suite in suites
            for n in at
            if n not in LONG_AT or i < N_LONG
        ]
        kept = {key(entry) for entry in results.read()}
        run_all(run, [p for p in plans if wishes.redo or key(p.entry()) not in kept], results, wishes)
        times = {"kind": "times", "task": "suggestion", "method": wishes.model, "seed": 0}
        results.add([times | {"seconds": np.round(suggestion_times(wishes.model), 5).tolist()}])
    results.pack()
    entries = [e for e in results.read() if e["method"] == wishes.model]
    foretold, times = ([e for e in entries if e["kind"] == kind] for kind in ("foretold", "times"))
    campaigns = _campaigns(wishes)
    body = text(foretold, times, campaigns)
    if wishes.no_write:
        print(body)
    else:
        how = "python benchmarks/arena" if wishes.report else None
        page.write("arena", "The foundation model against frozen suites", body, how=how)
    return 0


def _campaigns(wishes: argparse.Namespace) -> list[Entry]:
    """Return what the harness of `benchmarks/planners` kept for this page."""
    return [e for e in Results(wishes.results / "arena" / "planners.jsonl.gz").read() if e["kind"] == "run"]


def _rank(wishes: argparse.Namespace) -> int:
    campaigns = _campaigns(wishes)
    suites = [ranking.Suite.of(campaigns, name, batch) for name in ranking.TITLES for batch in ranking.AT_ONCE]
    said = [ranking.sentence(suite, wishes.rank) for suite in suites if wishes.rank in suite.done]
    print("\n".join(said) or f"`{wishes.rank}` was run on no suite; see `python benchmarks/arena --help`")
    return 0 if said else 1


# What to say ---------------------------------------------------------------------------------------------------------

METHODS = ("trivial", "map-gp", "gp", "genesis", "bayes-unit-unknown", "bayes", "oracle")


def text(entries: Sequence[Entry], times: Sequence[Entry], campaigns: Sequence[Entry]) -> str:
    """Return the page's part."""
    prior = [e for e in entries if e["task"].startswith("prior")]
    families = [e for e in entries if e["task"].startswith("families")]
    failures = [e["failure"] for e in entries if "failure" in e]
    ranked = {name: ranking.text(campaigns, name) for name in ranking.TITLES}
    parts = [
        _gates(prior, families, times, failures, campaigns),
        f"### Draws of the prior\n\n{_by(prior, lambda e: str(e['n']), 'n')}",
        f"Coverage of the 90 % interval on them, by slice:\n\n{_coverage(prior)}",
        f"### Families that are not in the prior\n\n{_by(families, lambda e: str(e['n']), 'n')}",
        _by(families, lambda e: e["noise"], "family"),
        *ranked.values(),
        ranking.reading([name for name, said in ranked.items() if not said]) if any(ranked.values()) else "",
        _tables([e for e in campaigns if "/" not in e["task"]]),
        page.paragraph(
            "NLL is the negative log density of held-out measurements in standardised units (mean / median over data sets);",
            "lower is better. `map-gp` is one Matérn-5/2 process with a lengthscale per factor, fitted by maximum a posteriori;",
            "`gp` our mixture of two such; `bayes` 2,000 draws of hyper-parameters from the prior weighted by likelihood (it knows",
            "the prior's scale and mean, which the others do not); `bayes-unit-unknown` the same without that knowledge, mean and",
            "scale integrated out: the best that can be said from standardised outcomes, so the distance between the two cannot be",
            "closed by any surrogate; `oracle` knows the covariance. `better` is the share of data sets that genesis foretells better",
            "than `map-gp`. Missing: the learned peers PFNs4BO, alpha-PFN, TabPFN and TabICL, whose weights are in no package.",
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _nll(entries: Sequence[Entry], method: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([e[method]["nll"] for e in entries if method in e])


def _by(entries: Sequence[Entry], name: Callable[[Entry], str], head: str) -> str:
    groups = dict.fromkeys(map(name, sorted(entries, key=lambda e: e["n"])))
    rows = []
    for group in groups:
        here = [e for e in entries if name(e) == group]
        cells = []
        for method in METHODS:
            found = _nll(here, method)
            cells.append(f"{found.mean():.2f} / {np.median(found):.2f}" if found.size else "–")
        both = [e for e in here if "genesis" in e and "map-gp" in e]
        better = np.mean([e["genesis"]["nll"] < e["map-gp"]["nll"] for e in both])
        covered = [np.mean([e[m]["inside"] for e in here if m in e]) for m in ("genesis", "map-gp")]
        rows.append([group, str(len(here)), *cells, f"{better:.0%}", *(f"{c:.3f}" for c in covered)])
    head_row = [head, "data sets", *METHODS, "better", "coverage", "of map-gp"]
    return page.table(head_row, rows)


def _slices(entries: Sequence[Entry]) -> dict[str, float]:
    short = [e for e in entries if e["n"] in PRIOR_AT and "genesis" in e]
    names: dict[str, list[float]] = {}
    for e in short:
        size = "1–2 factors" if e["factors"] <= 2 else "3–5 factors" if e["factors"] <= 5 else "6–8 factors"
        for name in ("overall", f"n = {e['n']}", f"noise {e['noise']}", size):
            names.setdefault(name, []).append(e["genesis"]["inside"])
    return {name: float(np.mean(values)) for name, values in names.items()}


def _coverage(entries: Sequence[Entry]) -> str:
    found = _slices(entries)
    return page.table(list(found), [[f"{v:.3f}" for v in found.values()]], "r" * len(found))


def _regrets(campaigns: Sequence[Entry], method: str) -> dict[tuple[str, int], list[float]]:
    return {(e["task"], e["seed"]): e["regret"] for e in campaigns if e["method"] == method and e.get("regret")}


def _ratio(campaigns: Sequence[Entry], method: str, other: str = "model") -> tuple[float, float, float]:
    """Mean regret after 30 experiments of a method over another's on what both did; bootstrap over tasks, 95 %."""
    a, b = _regrets(campaigns, method), _regrets(campaigns, other)
    tasks = sorted({task for task, _ in a.keys() & b.keys()})
    ends = np.array([[np.mean([r[k][-1] for k in a.keys() & b.keys() if k[0] == t]) for t in tasks] for r in (a, b)])
    drawn = ends[:, np.random.default_rng(0).integers(len(tasks), size=(4000, len(tasks)))].mean(axis=2)
    low, high = np.quantile(drawn[0] / np.maximum(drawn[1], 1e-9), [0.025, 0.975])
    return float(ends[0].mean() / ends[1].mean()), float(low), float(high)


def _tables(campaigns: Sequence[Entry]) -> str:
    rows = []
    for method in sorted({e["method"] for e in campaigns}, key=lambda m: (m != "model", len(m))):
        regrets = list(_regrets(campaigns, method).values())
        means = [np.mean([r[min(k, len(r)) - 1] for r in regrets]) for k in (10, 20, 30)]
        cells = [f"{m:.3f}" for m in means]
        cost = np.median([e["cpu"][0] for e in campaigns if e["method"] == method and e.get("cpu")])
        ratio = "" if method == "model" else "{:.2f} [{:.2f}, {:.2f}]".format(*_ratio(campaigns, method))
        rows.append([f"`{method}`", str(len(regrets)), *cells, ratio, f"{1e3 * cost:.0f}"])
    if not rows:
        return ""
    head = ["method", "campaigns", "regret, 10", "20", "30", "its / model's after 30", "CPU ms / suggestion"]
    return (
        "### Real tables\n\n"
        + page.table(head, rows)
        + "\n\nMean normalised regret. `model` is the portfolio of `gp` and `trees`;"
        " a member joins the default only if the portfolio is better with it."
    )


def _gates(
    prior: Sequence[Entry], families: Sequence[Entry], times: Sequence[Entry], failures: Sequence[str],
    campaigns: Sequence[Entry],
) -> str:  # fmt: skip
    gates = yaml.safe_load(GATES.read_text(encoding="utf-8"))["gates"]
    rows: list[list[str]] = []

    def add(name: str, wanted: str, measured: str, *, is_met: bool) -> None:
        rows.append([gates[name]["what"], wanted, measured, "met" if is_met else "**missed**"])

    at = {n: [e for e in prior if e["n"] == n] for n in (*PRIOR_AT, *LONG_AT)}
    if at[5]:
        gaps = [_nll(at[n], "genesis").mean() - _nll(at[n], "bayes").mean() for n in (5, 10, 20)]
        fair = [_nll(at[n], "genesis").mean() - _nll(at[n], "bayes-unit-unknown").mean() for n in (5, 10, 20)]
        said = f"{', '.join(f'{g:+.2f}' for g in gaps)}; above Bayes not told the unit: "
        said += ", ".join(f"{g:+.2f}" for g in fair)
        add("bayes", "≤ 0.10 at n = 5, 10, 20", said, is_met=max(gaps) <= 0.10)
        better = [np.mean(_nll(at[n], "genesis") < _nll(at[n], "map-gp")) for n in PRIOR_AT]
        add("map-gp", "≥ 75 %", ", ".join(f"{b:.0%}" for b in better), is_met=min(better) >= 0.75)
        low, high = gates["coverage"]["between"]
        slices = _slices(prior)
        outside = [name for name, v in slices.items() if not low <= v <= high]
        said = f"{slices['overall']:.3f}" + (f"; outside: {', '.join(outside)}" if outside else "")
        add("coverage", f"{low}–{high}", said, is_met=not outside)
    if families:
        ours, theirs = _nll(families, "genesis"), _nll(families, "map-gp")
        gap = float(ours.mean() - theirs.mean()), float(np.median(ours) - np.median(theirs))
        add("families", "< 0, mean and median", f"{gap[0]:+.2f}, {gap[1]:+.2f}", is_met=max(gap) < 0)
    if at[250]:
        # the data sets differ from n to n, so what can be compared is the distance to who knows the covariance
        means = [(_nll(at[n], "genesis") - _nll(at[n], "oracle")).mean() for n in LONG_AT if at[n]]
        rising = max((b - a for a, b in pairwise(means)), default=0.0)
        add(
            "long",
            "no rise at n = 250, 500, 1,000, above the oracle",
            ", ".join(f"{m:+.2f}" for m in means),
            is_met=rising <= 0.0,
        )
    if times:
        slow = 1e3 * float(np.quantile(times[-1]["seconds"], 0.95))
        middle = 1e3 * float(np.median(times[-1]["seconds"]))
        add("latency", "≤ 50", f"{slow:.0f} (median {middle:.0f}), CPU time", is_met=slow <= 50.0)
    if judged := ranking.gate(campaigns, FOUNDATION, gates["standard"]["peers"]):
        add("standard", "better than each of " + ", ".join(gates["standard"]["peers"]), judged[0], is_met=judged[1])
    else:
        rows.append([gates["standard"]["what"], "", "not every named method was run", "not measured"])
    together = [
        e["method"] for e in campaigns if "genesis" in e["method"] and "gp" in e["method"] and "/" not in e["task"]
    ]
    if together:
        ratio, low, high = _ratio([e for e in campaigns if "/" not in e["task"]], together[0])
        add("tables", "ratio below 1", f"{ratio:.2f} [{low:.2f}, {high:.2f}]", is_met=ratio < 1.0)
    add("robustness", "0", f"{len(failures)} failures", is_met=not failures)
    where = "Invariance, robustness under fuzzing, size and reproducibility are held by tests (tests/surrogate, tests/contracts)."
    return page.table(["gate", "wanted", "measured", ""], rows, "llll") + "\n\n" + where
