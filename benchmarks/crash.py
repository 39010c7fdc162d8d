"""Kill -9 campaigns at random moments, resume them, and hold each against one that nobody killed.

Run `python benchmarks/crash.py --kills 200`; it takes about an hour on two cores.
"""

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import page

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "stories"))

import crash as story  # the story is a test first; its short version runs in tests/stories/test_crash.py


def main() -> None:
    """Kill, resume, compare, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--experiments", type=int, default=24, help="experiments of each campaign")
    parser.add_argument("--seed", type=int, default=0, help="decides whom and when to kill")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md alone")
    wishes = parser.parse_args()
    if wishes.nice:
        os.nice(wishes.nice)
    tallies = {(planner, parallel): story.Tally() for planner in ("random", "model") for parallel in (1, 2)}
    rng, began = random.Random(wishes.seed), time.monotonic()  # noqa: S311  (nothing secret)
    for round_ in itertools.count():
        if sum(t.n_kills for t in tallies.values()) >= wishes.kills:
            break
        for (planner, parallel), tally in tallies.items():
            left = wishes.kills - sum(t.n_kills for t in tallies.values())
            if left <= 0:
                break
            case = story.Case(planner, parallel, seed=round_, experiments=wishes.experiments)
            with tempfile.TemporaryDirectory() as folder:
                expected, seconds = story.uninterrupted(case, Path(folder) / "calm")
                story.survive(
                    case, Path(folder) / "killed", expected, seconds, rng, tally, tally.n_kills + left,
                    tell=lambda line: print(line, flush=True),
                )  # fmt: skip
            done = sum(t.n_kills for t in tallies.values())
            n_wrong = sum(len(t.wrong) for t in tallies.values())
            print(f"== {done}/{wishes.kills} kills, wrong so far: {n_wrong}", flush=True)
    report(tallies, time.monotonic() - began, wishes)
    sys.exit(any(tally.wrong for tally in tallies.values()))


def report(tallies: dict[tuple[str, int], story.Tally], seconds: float, wishes: argparse.Namespace) -> None:
    """Write the part of the page."""
    rows = [
        [
            f"{planner}, {parallel} at a time", str(t.n_campaigns), str(t.n_kills),
            f"{t.kills['runner']} / {t.kills['all']} / {t.kills['worker']}", str(t.n_before_opening),
            str(t.n_experiments), str(t.n_released), str(t.n_retried), str(len(t.wrong)),
        ]
        for (planner, parallel), t in tallies.items()
    ]  # fmt: skip
    head = [
        "planner", "campaigns", "kills", "runner / all / worker", "before its first fact", "experiments compared",
        "released and done again", "lost with a worker, done again", "faults",
    ]  # fmt: skip
    every = list(tallies.values())
    wrong = [line for tally in every for line in tally.wrong]
    n_kills, n_leftovers = sum(t.n_kills for t in every), sum(t.n_leftovers for t in every)
    said = page.paragraph(
        f"Real `kgenesis run` processes with a pool and a SQLite store were killed {n_kills} times with SIGKILL, each at a "
        "moment drawn uniformly over the time the same campaign takes when left alone, from the start of the interpreter "
        "on; then `kgenesis campaign resume` went on. Compared with the campaign left alone, bit for bit: number, "
        "conditions, reason and result of every experiment. Also checked: exactly one receipt each, no experiment "
        "proposed twice, the hash chain after every kill, no fact that once stood in the log gone, no process left.",
        f"**Faults: {'; '.join(wrong[:5])}.**" if wrong else "Nothing differed, was lost or was recorded twice.",
        "What was running at a kill is simulated again (its first result never arrived): that is the price of a kill.",
        f"Kills left {n_leftovers} empty temporary folders behind, which the system clears." if n_leftovers else "",
        f"It took {seconds / 60:.0f} minutes.",
    )
    body = page.table(head, rows) + "\n\n" + said
    if wishes.no_write:
        print(body)
    else:
        page.write("crash", "Killed at random moments", body)


if __name__ == "__main__":
    main()
