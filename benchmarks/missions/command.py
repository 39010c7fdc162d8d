"""What the command line says, and the campaigns it asks for."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import page
from planners.campaign import Method
from planners.command import RESULTS, run_all
from planners.results import Entry, Results, key

from kgenesis.app.mission_files import builtin_missions, load_mission
from kgenesis.app.preflight import check_can_run
from kgenesis.kernel.errors import KGenesisError
from missions import report
from missions.campaign import USUAL, Plan, key_of, run, usual_designs

HELP = """Every built-in mission on its real laboratory, against a random search and the field's usual design.

    python benchmarks/missions                                  # all missions, 10 seeds; goes on where it was
    python benchmarks/missions --missions surface-code,wing --seeds 3
    python benchmarks/missions --methods model:surrogate=gp --missions wing --no-write
    python benchmarks/missions --report                         # only write RESULTS.md and the missions' pages again

Campaigns run through the real mission, decisions, fold, planners and laboratory, in memory. A result is kept as soon as
a campaign ends; kill it at any moment. What was measured of a mission that has changed since is measured again.
"""
DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: Sequence[str]) -> int:
    """Carry out what the command line says."""
    parser = _parser()
    wishes = parser.parse_args(arguments)
    names = _missions(wishes, parser)
    results = Results(wishes.results / "missions.jsonl.gz")
    if not wishes.report:
        run_all(run, _plans(names, wishes, results.read()), results, wishes)
    results.pack()
    entries = results.read()
    everything = sorted(builtin_missions())
    body = report.text(everything, entries)
    if wishes.no_write or not body:
        print(body or "nothing was kept yet")
    else:
        page.write("missions", "The twelve fields", body, how="python benchmarks/missions")
        report.fill_pages(everything, entries, DOCS)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/missions", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def words(text: str) -> tuple[str, ...]:
        return tuple(word for word in text.split(",") if word)

    def count(text: str) -> int:
        if not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
        return int(text)

    add = parser.add_argument
    add("--missions", type=words, default=(), help="separated by commas (default: all that are built in)")
    add("--methods", type=words, default=("model", "sobol"), help="planners, with settings after colons")
    add("--seeds", type=count, default=10)
    add("--workers", type=count, default=2)
    add("--nice", type=int, default=0, help="niceness of the workers")
    add("--redo", action="store_true", help="do again what another state of our code did")
    add("--results", type=Path, default=RESULTS, help="folder where results are kept")
    add("--report", action="store_true", help="run nothing, write the pages from what was kept")
    add("--no-write", action="store_true", help="print the result, write no page and no picture")
    return parser


def _missions(wishes: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """Return the missions asked for, in a fixed order; say which cannot run here and why."""
    known = sorted(builtin_missions())
    unknown = [name for name in wishes.missions if name not in known]
    if unknown:
        parser.error(f"--missions: there is no {', '.join(unknown)}; there are {', '.join(known)}")
    able = []
    for name in known if wishes.report else [n for n in known if not wishes.missions or n in wishes.missions]:
        try:
            check_can_run(load_mission(name))
            able.append(name)
        except KGenesisError as error:
            print(f"{name} is left out: {error.in_('en')}")
    return able


def _plans(names: Sequence[str], wishes: argparse.Namespace, entries: Sequence[Entry]) -> list[Plan]:
    """Return the campaigns that are missing, seed by seed, so that a benchmark cut short says something of each."""
    kept = {key(entry): entry for entry in entries}
    current = {name: key_of(load_mission(name).mission) for name in names}

    def is_missing(plan: Plan) -> bool:
        found = kept.get(key(plan.entry()))
        if found is None or found["key"] != current[plan.mission]:
            return True
        return bool(wishes.redo) and plan.method != USUAL and found["code"] != Method(plan.method).code

    designs = usual_designs()
    plans = [Plan(name, USUAL, 0) for name in names if name in designs]
    plans += [
        Plan(name, method, seed, draws=seed == 0 and method == "model" and not wishes.no_write)
        for seed in range(wishes.seeds) for name in names for method in wishes.methods
    ]  # fmt: skip
    return [plan for plan in plans if is_missing(plan)]
