"""What the command line says, and the campaigns it asks for."""

import argparse
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

import page

from planners import peers, report
from planners.results import Entry, Results, key
from planners.tasks import FAMILIES, SUITES, Task
from planners.tasks import find as find_tasks

HELP = """How many experiments each planner needs, ours and other people's, on tables and functions.

    python benchmarks/planners --data FOLDER                       # profile standard; goes on where it was
    python benchmarks/planners --data FOLDER --profile quick
    python benchmarks/planners --data FOLDER --methods model,model:surrogate=gp,baybe --sets suzuki_i --seeds 4
    python benchmarks/planners --profile arena --budget 30 --no-write --results benchmarks/results/arena   # what benchmarks/arena ranks
    python benchmarks/planners --peers install                     # the environments of Ax, BayBE, BoFire, …
    python benchmarks/planners --report                            # only write the page again
    python benchmarks/planners --compare model,baybe               # two methods, on what both have done
    python benchmarks/planners --latency                           # CPU time and memory of one suggestion

Campaigns run through the real mission, decisions, fold and planners, in memory: no store and no worker processes, which
cost time and change nothing that is proposed. A result is kept as soon as a campaign ends; kill it at any moment.
FOLDER has an `index.json` and a table for each set. A method is a planner or a peer, with settings after colons.
"""
RESULTS = Path(__file__).resolve().parents[1] / "results"


@dataclass(frozen=True)
class Step:
    """Some methods on some tasks."""

    methods: tuple[str, ...]
    families: tuple[str, ...]
    seeds: int
    batch: int = 1
    every: int = 1
    """Every so many-th task only: what is slow is done on a spread of them."""


_SLOW = ("ax", "bofire", "smac", "leanhebo")
_OTHERS = ("synthetic", "mixed", "constrained")
_OURS = ("model", "model:surrogate=genesis", "map-gp")
_LIGHT = ("random", "optuna-tpe", "hyperopt", "nevergrad", "cma", "bayesian-optimization")
PROFILES = {
    "quick": (Step(("model", "random", "optuna-tpe"), ("table",), 2), Step(("model", "random"), _OTHERS, 1)),
    "standard": (
        Step(("model", "random", "optuna-tpe", "optuna-gp", "baybe"), ("table",), 4),
        Step(_SLOW, ("table",), 2, every=3),
        Step(("model", "random", "optuna-tpe"), ("several",), 4),
        Step(("model", "random", "optuna-tpe", "optuna-gp"), _OTHERS, 3),
        Step(("baybe",), ("several", *_OTHERS), 1),
        Step(("model", "random", "optuna-tpe", "optuna-gp", "baybe"), ("table",), 2, batch=4),
    ),
    "full": (
        Step(("model", "random", "optuna-tpe"), FAMILIES, 20),
        Step(("optuna-gp", "baybe", *_SLOW), FAMILIES, 8),
        Step(("model", "random", "optuna-tpe", "optuna-gp", "baybe", *_SLOW), FAMILIES, 8, batch=4),
    ),
    "arena": (
        Step((*_OURS, *_LIGHT), ("standard", "bbob", "carps"), 3),
        Step(("botorch", "optuna-gp", "scikit-optimize"), ("standard",), 2),
        Step(("baybe", *_SLOW), ("standard",), 1, every=2),
        Step((*_OURS, *_LIGHT, "botorch", "optuna-gp"), ("standard",), 1, batch=4),
    ),
    "arena-full": tuple(
        Step((*_OURS, *_LIGHT, "botorch", "optuna-gp", "scikit-optimize", "baybe", *_SLOW), SUITES, 20, batch)
        for batch in (1, 4)
    ),
}
"""Within 20 minutes, within 3 hours, and within days, on 2 cores; for the arena some hours, and weeks."""


def main(arguments: Sequence[str]) -> int:
    """Carry out what the command line says."""
    parser = _parser()
    wishes = parser.parse_args(arguments)
    if wishes.peers:
        return _peers(wishes, parser)
    if wishes.latency:
        return _latency(wishes)
    results = Results(wishes.results / "planners.jsonl.gz")
    if wishes.compare:
        return _compare(wishes, parser, results)
    if not wishes.report:
        _run_tasks(wishes, parser, results)
    return _write(wishes, results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/planners", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def words(text: str) -> tuple[str, ...]:
        # a list among the settings of a method has commas of its own
        return tuple(word for word in re.split(r",(?![^\[]*\])", text) if word)

    def count(text: str) -> int:
        if not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
        return int(text)

    add = parser.add_argument
    add("--data", type=Path, help="folder of the sets, with an index.json")
    add("--profile", choices=PROFILES, default="standard", help="which campaigns, unless --methods says")
    add("--methods", type=words, default=(), help="separated by commas, e.g. model,model:surrogate=gp,baybe")
    add("--sets", type=words, default=(), help="names of tasks, done in this order; `name+` is all objectives of a set")
    add("--families", type=words, default=(), help=f"kinds of task: {', '.join((*FAMILIES, *SUITES))}")
    add(
        "--seeds",
        type=count,
        default=None,
        help="how many (default: the profile's; 8 with --methods, --sets, --families or --batch)",
    )
    add("--budget", type=count, default=50, help="experiments of a campaign (default 50)")
    add("--batch", type=count, default=None, help="experiments asked for and told at a time (1)")
    add("--workers", type=count, default=2)
    add("--nice", type=int, default=0, help="niceness of the workers")
    add("--redo", action="store_true", help="do again what another state of our code did")
    add("--results", type=Path, default=RESULTS, help="folder where results are kept")
    add("--environments", type=Path, help="folder of the peers' environments (default: the user's cache)")
    add("--peers", choices=["install", "list"], help="make the peers' environments, or say which there are")
    add("--report", action="store_true", help="run nothing, write the page from what was kept")
    add("--compare", type=words, default=(), help="two methods: print them side by side")
    add("--latency", action="store_true", help="CPU time and memory of one suggestion")
    add("--no-write", action="store_true", help="leave RESULTS.md alone")
    return parser


# What to run ---------------------------------------------------------------------------------------------------------


def _steps(wishes: argparse.Namespace) -> list[Step]:
    """Return what the profile says, or what was asked for by name."""
    if wishes.methods or wishes.sets or wishes.families or wishes.batch:
        families = wishes.families or (*FAMILIES, *(SUITES if wishes.sets else ()))
        return [Step(wishes.methods or ("model", "random"), families, wishes.seeds or 8, wishes.batch or 1)]
    return [replace(step, seeds=min(step.seeds, wishes.seeds or step.seeds)) for step in PROFILES[wishes.profile]]


def _tasks(wishes: argparse.Namespace, parser: argparse.ArgumentParser) -> list[Task]:
    """Return the tasks there are, or say what to do if some are not."""
    if wishes.data is not None and not (wishes.data / "index.json").is_file():
        parser.error(f"--data: {wishes.data} has no index.json; give the folder that holds it and the sets' tables")
    tasks = find_tasks(wishes.data)
    names = [t.name for t in tasks]
    unknown = [name for name in wishes.sets if name not in names]
    if unknown:
        where = "" if wishes.data else "; tables need --data FOLDER"
        parser.error(f"--sets: there is no {', '.join(unknown)}; there are {', '.join(names)}{where}")
    unknown = [name for name in wishes.families if name not in (*FAMILIES, *SUITES)]
    if unknown:
        parser.error(f"--families: there is no {', '.join(unknown)}; there are {', '.join((*FAMILIES, *SUITES))}")
    is_table = any({"table", "several"} & set(step.families) for step in _steps(wishes))
    if wishes.data is None and not wishes.sets and not wishes.families and is_table:
        parser.error(
            "--data is needed: the folder of the sets; for functions alone say --families synthetic,mixed,constrained"
        )
    if wishes.sets:
        tasks = sorted((t for t in tasks if t.name in wishes.sets), key=lambda t: wishes.sets.index(t.name))
    return tasks


def _check_methods(
    methods: Sequence[str], environments: Path | None, task: Task, parser: argparse.ArgumentParser
) -> None:
    """Refuse methods that do not exist, settings that are wrong, and peers that are not installed."""
    from kgenesis.kernel.errors import KGenesisError
    from planners.campaign import CONTROL, Method, Plan, planner_of

    ours = [*sorted(e.name for e in entry_points(group="kgenesis.planners")), CONTROL]
    for method in map(Method, methods):
        if method.name not in ours and method.driver is None:
            parser.error(f"--methods: there is no {method.name}; there are {', '.join([*ours, *peers.PEERS])}")
        try:
            _ = method.settings
            if method.driver is None:
                planner_of(Plan(None, task.name, method.spec, 0, 5, 1), method, task.build(5))
        except (ValueError, KGenesisError) as error:
            parser.error(f"--methods: {method.spec}: {error}")
        if method.driver is not None and not peers.python_of(method.driver, environments).exists():
            parser.error(
                f"--methods: {method.name} has no environment in {peers.environments(environments)}; make it with "
                f"`python benchmarks/planners --peers install --methods {method.name}`"
            )


def _run_tasks(wishes: argparse.Namespace, parser: argparse.ArgumentParser, results: Results) -> None:
    """Run the campaigns that are missing, seed by seed, so that a benchmark cut short says something of every task."""
    from planners.campaign import Method, Plan, bench_of, run

    tasks, steps = _tasks(wishes, parser), _steps(wishes)
    steps_tasks = [[t for t in tasks if t.family in step.families][:: step.every] for step in steps]
    used = [t for t in tasks if any(t in chosen for chosen in steps_tasks)]
    if not used:
        parser.error("no task is left: the families and sets you named have none in common")
    methods = list(dict.fromkeys(m for step in steps for m in step.methods))
    _check_methods(methods, wishes.environments, used[0], parser)
    data = None if wishes.data is None else str(wishes.data)
    folder = None if wishes.environments is None else str(wishes.environments)
    kept = {key(entry): entry for entry in results.read()}
    for task in used:
        named = {"kind": "task", "task": task.name, "budget": wishes.budget}
        if key(named) not in kept or wishes.redo:
            described = bench_of(data, task.name, wishes.budget).described(wishes.budget)
            results.add([named | {"family": task.family} | described])

    def wanted() -> Iterator[Plan]:
        for seed in range(max(step.seeds for step in steps)):
            for step, chosen in zip(steps, steps_tasks, strict=True):
                for task in chosen if seed < step.seeds else ():
                    for method in step.methods:
                        yield Plan(data, task.name, method, seed, wishes.budget, step.batch, folder)

    def is_missing(plan: Plan) -> bool:
        found, method = kept.get(key(plan.entry())), Method(plan.method)
        return found is None or (wishes.redo and method.driver is None and found["code"] != method.code)

    run_all(run, [plan for plan in dict.fromkeys(wanted()) if is_missing(plan)], results, wishes)


def run_all(
    function: Callable[[Any], Entry], plans: Sequence[Any], results: Results, wishes: argparse.Namespace
) -> None:
    """Run campaigns in processes and keep each result as it comes."""
    began = time.monotonic()
    if plans:
        with ProcessPoolExecutor(
            wishes.workers, mp_context=get_context("spawn"), initializer=_prepare, initargs=(wishes.nice, os.getpid())
        ) as pool:
            for i, ended in enumerate(as_completed([pool.submit(function, plan) for plan in plans]), start=1):
                entry = ended.result()
                results.add([entry])
                left = (time.monotonic() - began) / i * (len(plans) - i)
                print(f"{i}/{len(plans)} {_line(entry)}; {_duration(left)} left", flush=True)
    results.pack()


def _prepare(niceness: int, parent: int) -> None:
    """Make a worker ready: polite, and gone when the benchmark is."""
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)

    def watch() -> NoReturn:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _line(entry: Entry) -> str:
    said = f"{entry['task']} {entry['method']} seed {entry['seed']}"
    if entry.get("regret"):
        said += f": regret {entry['regret'][-1]}, {entry['cpu'][2]:.1f} s CPU"
    elif "n_to_target" in entry:
        said += f": {entry['n_to_target'] or 'not'} reached after {entry['n']}"
    return said + (f", FAILED ({entry['failure'][:150]})" if entry.get("failure") else "")


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"


# What to say ---------------------------------------------------------------------------------------------------------


def _write(wishes: argparse.Namespace, results: Results) -> int:
    """Write the page's part from what was kept."""
    results.pack()
    entries = results.read()
    figures = None if wishes.no_write else wishes.results
    body = report.text(entries, report.Question(budget=wishes.budget), figures)
    if wishes.no_write or not body:
        print(body or "nothing was kept yet")
    else:
        command = "python benchmarks/planners --data FOLDER" if wishes.report else None
        page.write("planners", "Planners, ours and other people's", body, how=command)
    return 0


def _latency(wishes: argparse.Namespace) -> int:
    from planners.latency import run

    body = run((wishes.methods or ("model",))[0])
    if wishes.no_write:
        print(body)
    else:
        page.write("latency", "How long a suggestion takes", body)
    return 0


def _compare(wishes: argparse.Namespace, parser: argparse.ArgumentParser, results: Results) -> int:
    if len(wishes.compare) != 2:
        parser.error("--compare takes two methods, e.g. --compare model,baybe")
    print(report.pair(results.read(), *wishes.compare, wishes.budget, wishes.batch or 1))
    return 0


def _peers(wishes: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    unknown = [name for name in wishes.methods if name not in peers.PEERS]
    if unknown:
        parser.error(f"--methods: {', '.join(unknown)} is no peer; there are {', '.join(peers.PEERS)}")
    drivers = list(dict.fromkeys(peers.PEERS[name][0] for name in wishes.methods or peers.PEERS))
    if wishes.peers == "list":
        for driver in drivers:
            python = peers.python_of(driver, wishes.environments)
            print(f"{driver}: {python.parents[1] if python.exists() else 'not installed'}")
        return 0
    try:
        peers.install(drivers, wishes.environments)
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(map(str, error.cmd))} ended with {error.returncode}: see above, then run this again")
        return 1
    return 0
