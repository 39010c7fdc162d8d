"""How many experiments each planner needs, on tables of finished experiments and on the built-in battery.

    python benchmarks/planners.py --data FOLDER                    # every set of FOLDER/index.json; goes on where it was
    python benchmarks/planners.py --data FOLDER --sets suzuki_i,agnp --seeds 3
    python benchmarks/planners.py --report                         # only write the page again
    python benchmarks/planners.py --latency                        # CPU time of one suggestion
    python benchmarks/planners.py --battery                        # the mission battery-fast-charge, real simulator

Campaigns run through the real mission, decisions, fold and planners, in memory: no store and no worker processes, which
cost time and change nothing that is proposed. A result is kept as soon as a campaign ends.
"""

import argparse
import functools
import gzip
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEPT = HERE / "results" / "planners.jsonl.gz"
BATTERY = HERE / "results" / "battery.jsonl.gz"
REGRET_AT = (10, 20, 30, 50)
TARGET_LATENCY_MS = 100.0


def pin_threads(niceness: int = 0) -> None:
    """One thread for every numerical library of this process and those it starts; call before any is imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)


def prepare(niceness: int) -> None:
    """Make a worker ready: its threads, its niceness, and what code it stands for."""
    pin_threads(niceness)
    code_hash()


@functools.cache
def code_hash() -> str:
    """Return eight digits that change whenever the code that decides does; as it was when this process began."""
    import kgenesis

    root = Path(kgenesis.__file__).parent
    files = [
        root / "campaign" / "decide.py",
        *(root / "campaign" / "planners").glob("*.py"),
        *(root / "surrogate").glob("*.py"),
    ]
    text = b"".join(path.read_bytes() for path in sorted(files))
    return hashlib.sha256(text).hexdigest()[:8]


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the results so far; of two of the same campaign the later."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    lines = []
    if path.exists():
        lines += gzip.decompress(path.read_bytes()).decode().splitlines()
    if _fresh(path).exists():
        lines += _fresh(path).read_text(encoding="utf-8").splitlines()
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # was being written when the benchmark was killed
        found[_key(entry)] = entry
    return list(found.values())


def _fresh(path: Path) -> Path:
    """Return where results stand until the benchmark ends."""
    return path.with_suffix("")


def _key(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get(name, "")) for name in ("kind", "task", "method", "seed", "budget"))


def keep(path: Path, entry: dict[str, Any]) -> None:
    """Add one result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _fresh(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, separators=(",", ":")) + "\n")


def compact(path: Path) -> None:
    """Pack what was kept, each campaign once, in order; the same results give the same file."""
    lines = [json.dumps(entry, separators=(",", ":")) for entry in sorted(kept(path), key=_key)]
    beside = path.with_suffix(".new")
    beside.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    beside.replace(path)
    _fresh(path).unlink(missing_ok=True)


# One campaign ------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=3)
def _bench(folder: str, name: str, budget: int) -> Any:
    import table_sets

    (task,) = [t for t in table_sets.find(Path(folder), [name.rstrip("+")], "both") if t.name == name]
    return table_sets.build(task, budget)


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def describe(folder: str, name: str, budget: int) -> dict[str, Any]:
    """Return what a task is, and how fast random search is on it."""
    import numpy as np

    from kgenesis.campaign.hitting import TableTimes
    from kgenesis.campaign.metrics import Scores, running_merit

    bench = _bench(folder, name, budget)
    known = bench.known
    described: dict[str, Any] = {}
    for level in _levels(known):
        times = known.hitting_times(level)
        described[level.at] = (
            {"points": times.n_points, "good": times.n_good}
            if isinstance(times, TableTimes)
            else {"times": [_rounded(t) for t in times.times.tolist()], "budget": times.budget}
        )
    n = min(budget, bench.n_points)
    if known.is_single:
        curve = known.expected_best(n)
    else:
        every, rng = known.scores[0], np.random.default_rng((bench.n_points, 5))
        picks = [rng.permutation(bench.n_points)[:n] for _ in range(200)]
        orders = [Scores(every.utilities[p], every.is_feasible[p], every.is_success[p]) for p in picks]
        curve = np.mean([np.maximum(running_merit(order, known.corner), 0.0) for order in orders], axis=0)
    return {
        "kind": "task", "task": name, "budget": budget, "points": bench.n_points,
        "factors": len(bench.mission.space.names), "objectives": len(bench.mission.objectives),
        "levels": described, "regret": [_rounded(_regret(known, v)) for v in curve.tolist()],
    }  # fmt: skip


def _levels(known: Any) -> list[Any]:
    from kgenesis.campaign.baselines import Level

    return [Level("top-5", known.top(0.05)), Level("top-1", known.top(0.01)), Level("best-found", known.best)]


def _regret(known: Any, merit: float) -> float:
    """Return the normalised regret of a merit: several objectives lose the hypervolume they have not got."""
    from kgenesis.campaign.metrics import normalised_regret

    typical = known.typical if len(known.problem.objectives) == 1 else 0.0
    return normalised_regret(known.best, merit, typical) if math.isfinite(merit) else math.nan


def campaign(folder: str, name: str, method: str, seed: int, budget: int) -> dict[str, Any]:
    """Run one campaign on a table and return how fast it was."""
    from kgenesis.app.platform import plugin_context
    from kgenesis.campaign.metrics import outcome_columns, running_merit, score
    from kgenesis.kernel.plugins import make_plugin
    from kgenesis.testing.builders import run_in_memory

    bench = _bench(folder, name, budget)
    mission, known = bench.mission, bench.known
    planner = make_plugin("planners", method, plugin_context(mission.problem, {}, Path(folder)))
    cpu, wall = time.process_time(), time.perf_counter()
    state = run_in_memory(mission, bench.measure, planner, seed)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    results = [e.result for e in state.experiments.values() if e.status != "withdrawn"]
    merits = running_merit(score(mission.problem, outcome_columns(mission.problem, results)), known.corner)
    n_to = {}
    for level in _levels(known):
        hits = [i + 1 for i, merit in enumerate(merits.tolist()) if merit >= level.merit]
        n_to[level.at] = hits[0] if hits else None
    return {
        "kind": "run", "task": name, "method": method, "seed": seed, "budget": budget, "n": len(results), "n_to": n_to,
        "regret": [_rounded(_regret(known, m)) for m in merits.tolist()], "cpu": round(cpu, 3), "wall": round(wall, 3),
        "code": code_hash(),
    }  # fmt: skip


def _jobs(wishes: argparse.Namespace) -> Iterator[tuple[str, str, str, int, int]]:
    """Yield the campaigns to run: seed by seed, so that a benchmark cut short says something of every set."""
    import table_sets

    names = [t.name for t in table_sets.find(wishes.data, wishes.sets, wishes.objectives)]
    done = set() if wishes.redo else {_key(entry) for entry in kept(KEPT)}
    for seed in range(wishes.seeds):
        for name in names:
            for method in wishes.methods:
                key = _key({"kind": "run", "task": name, "method": method, "seed": seed, "budget": wishes.budget})
                if key not in done:
                    yield str(wishes.data), name, method, seed, wishes.budget


def run_tables(wishes: argparse.Namespace) -> None:
    """Run what is missing."""
    import table_sets

    folder, budget = str(wishes.data), wishes.budget
    described = {(e["task"], e["budget"]) for e in kept(KEPT) if e["kind"] == "task"}
    for task in table_sets.find(wishes.data, wishes.sets, wishes.objectives):
        if (task.name, budget) not in described or wishes.redo:
            keep(KEPT, describe(folder, task.name, budget))
    run_jobs(campaign, list(_jobs(wishes)), KEPT, wishes)


def run_jobs(function: Any, jobs: Sequence[tuple[Any, ...]], path: Path, wishes: argparse.Namespace) -> None:
    """Run campaigns in processes and keep each result as it comes."""
    start = time.monotonic()
    with ProcessPoolExecutor(
        wishes.workers, mp_context=get_context("spawn"), initializer=prepare, initargs=(wishes.nice,)
    ) as pool:
        running = [pool.submit(function, *job) for job in jobs]
        for i, ended in enumerate(as_completed(running), start=1):
            entry = ended.result()
            keep(path, entry)
            left = (time.monotonic() - start) / i * (len(jobs) - i)
            who = f"{entry['task']} {entry['method']} seed {entry['seed']}"
            took = f"{entry['cpu']:.1f} s CPU; {left / 60:.0f} min left"
            print(f"{i}/{len(jobs)} {who}: {entry['n_to']}, {took}", flush=True)
    if _fresh(path).exists():
        compact(path)


# The battery -------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _battery(budget: int, parallel: int) -> Any:
    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.platform import make_lab

    changes = {"budget": {"experiments": budget}, "parallel": parallel, "stop_when_reached": True}
    loaded = load_mission("battery-fast-charge", changes)
    mission = loaded.mission
    return loaded, make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)


def battery_campaign(method: str, seed: int, budget: int, parallel: int) -> dict[str, Any]:
    """Run one campaign on the simulated battery until every target is reached or the budget is spent."""
    from kgenesis.app.platform import plugin_context
    from kgenesis.campaign.hitting import first_true
    from kgenesis.campaign.metrics import outcome_columns, score
    from kgenesis.kernel.experiment import Result, Task
    from kgenesis.kernel.ids import ExperimentId
    from kgenesis.kernel.plugins import make_plugin
    from kgenesis.testing.builders import run_in_memory

    loaded, lab = _battery(budget, parallel)
    mission = loaded.mission
    planner = make_plugin("planners", method, plugin_context(mission.problem, {}, loaded.folder))
    in_lab = 0.0

    def measure(conditions: Any) -> Result:
        nonlocal in_lab
        began = time.process_time()
        found: Result = lab.measure(Task(ExperimentId("exp_battery_00000"), 1, dict(conditions), (seed, 0)))
        in_lab += time.process_time() - began
        return found

    cpu, wall = time.process_time(), time.perf_counter()
    state = run_in_memory(mission, measure, planner, seed, lab_version=lab.version)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    done = [e.result for e in state.experiments.values() if e.result is not None]
    scores = score(mission.problem, outcome_columns(mission.problem, done))
    hit = first_true(scores.is_success)
    return {
        "kind": "run", "task": "battery-fast-charge", "method": method, "seed": seed, "budget": budget,
        "parallel": parallel, "n": len(done), "n_to": {"target": int(hit) if math.isfinite(hit) else None},
        "n_failed": state.n_failed, "cpu": round(cpu, 2), "cpu_lab": round(in_lab, 2), "wall": round(wall, 2),
        "lab": lab.version, "key": mission.reference_key, "code": code_hash(),
    }  # fmt: skip


def run_battery(wishes: argparse.Namespace) -> None:
    """Run what is missing of the battery."""
    done = set() if wishes.redo else {_key(entry) for entry in kept(BATTERY)}
    jobs = []
    for seed in range(wishes.seeds):
        for method in [m for m in wishes.methods if m != "random"]:  # the reference is random
            entry = {"kind": "run", "task": "battery-fast-charge", "method": method, "seed": seed}
            if _key(entry | {"budget": wishes.budget}) not in done:
                jobs.append((method, seed, wishes.budget, wishes.parallel))
    run_jobs(battery_campaign, jobs, BATTERY, wishes)


# How long a suggestion takes ---------------------------------------------------------------------------------------


def suggestion_times(kind: str, n_history: int, repeats: int) -> dict[str, Any]:
    """Return CPU and wall seconds of suggestions with a history of random experiments.

    Args:
        kind: `table` (5,000 points), `table, 2 objectives`, or `battery` (continuous, 2 objectives, 3 constraints).
        n_history: experiments before it.
        repeats: suggestions, each from another history.
    """
    import numpy as np

    from kgenesis.app.platform import plugin_context
    from kgenesis.campaign.spec import Mission
    from kgenesis.kernel.experiment import Measurement, Observation
    from kgenesis.kernel.ids import CampaignId, experiment_id
    from kgenesis.kernel.plugins import make_plugin
    from kgenesis.kernel.ports import ProposalRequest
    from kgenesis.kernel.sampling import sample

    mission = _battery(50, 1)[0].mission if kind == "battery" else Mission.model_validate(_five_thousand(kind))
    space = mission.space
    planner = make_plugin("planners", "model", plugin_context(mission.problem, {}, Path.cwd()))
    cpus, walls = [], []
    for repeat in range(repeats + 1):
        rng = np.random.default_rng((7, repeat))
        points = space.points
        if points is None:
            tried = sample(space, n_history, rng)
        else:
            tried = points[rng.choice(len(points), n_history, replace=False)]
        x = space.encode(tried)
        history = []
        slopes = rng.normal(size=(x.shape[1], len(mission.problem.outcomes)))
        found = np.sin(3 * x @ slopes) + 0.05 * rng.normal(size=(n_history, slopes.shape[1]))
        for number, (row, y) in enumerate(zip(space.to_rows(tried), found, strict=True), start=1):
            outcomes = {name: {"mean": float(v)} for name, v in zip(mission.problem.outcomes, y, strict=True)}
            id_ = experiment_id(CampaignId("cmp_latency"), number)
            history.append(Observation(id_, row, Measurement.model_validate({"outcomes": outcomes})))
        request = ProposalRequest(mission.problem, tuple(history), (), 1, (repeat, n_history))
        cpu, wall = time.process_time(), time.perf_counter()
        planner.propose(request)
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return {"kind": kind, "cpu": sorted(cpus[1:]), "wall": sorted(walls[1:])}  # the first warms up


def _five_thousand(kind: str) -> dict[str, Any]:
    """Return a mission of 5,000 points: two categorical factors and three numbers."""
    grids = [(name, [float(v) for v in range(n)]) for name, n in (("t", 10), ("c", 10), ("p", 5))]
    factors: list[dict[str, Any]] = [
        {"type": "categorical", "name": "ligand", "levels": list("abcde")},
        {"type": "categorical", "name": "solvent", "levels": ["v", "w"]},
        *({"type": "grid", "name": name, "values": values, "unit": "1"} for name, values in grids),
    ]
    objectives = [{"name": "y1", "goal": "maximize", "unit": "1"}, {"name": "y2", "goal": "minimize", "unit": "1"}]
    return {
        "name": "five-thousand", "title": "5,000 points", "space": {"factors": factors},
        "objectives": objectives[: 2 if "2" in kind else 1], "budget": {"experiments": 200},
    }  # fmt: skip


def main() -> None:
    """Read the wishes and carry them out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the sets, with an index.json")
    parser.add_argument(
        "--sets", type=lambda text: text.split(","), default=[], help="names, separated by commas; default: all"
    )
    parser.add_argument("--objectives", choices=["first", "all", "both"], default="both")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=["model", "random", "sobol"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--parallel", type=int, default=2, help="experiments at a time (battery)")
    parser.add_argument("--nice", type=int, default=0, help="niceness of the workers")
    parser.add_argument("--redo", action="store_true", help="do again what was done")
    parser.add_argument("--report", action="store_true", help="run nothing, write the page from what was kept")
    parser.add_argument("--battery", action="store_true", help="the simulated battery instead of tables")
    parser.add_argument("--latency", action="store_true", help="CPU time of one suggestion")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md alone")
    wishes = parser.parse_args()
    pin_threads()
    import planners_page

    if wishes.latency:
        kinds = ["table", "table, 2 objectives", "battery"]
        planners_page.latency([suggestion_times(kind, 100, 20) for kind in kinds], TARGET_LATENCY_MS, wishes)
        return
    if wishes.battery:
        if not wishes.report:
            run_battery(wishes)
        planners_page.battery(kept(BATTERY), wishes)
        return
    if not wishes.report:
        if wishes.data is None:
            parser.error("--data is needed: the folder of the sets")
        run_tables(wishes)
    planners_page.tables(kept(KEPT), REGRET_AT, wishes)


if __name__ == "__main__":
    main()
