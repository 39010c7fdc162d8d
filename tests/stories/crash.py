"""Kill a running campaign at random moments, resume it until it ends, and hold its log against one nobody killed.

Used by `test_crash.py` (a few kills) and by `benchmarks/crash.py` (hundreds). Linux: processes are found by a mark in
their environment, so that one whose parent is gone is found too.
"""

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kgenesis.app.campaigns import read_campaign
from kgenesis.app.platform import open_platform
from kgenesis.campaign.events import ExperimentFailed, ExperimentMeasured, ExperimentProposed, ExperimentReleased
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import StoreError
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.ids import StreamId

Aim = Literal["runner", "all", "worker"]
"""Who is killed: the process that runs the campaign, it and all its workers at once, or one worker."""

MARK = "KGENESIS_CRASH_TEST"
PATIENCE = 20.0
"""Seconds workers may take to notice that their pool is gone."""
STUCK = 600.0
"""Seconds after which a process that does not end is a defect."""

MISSION = """
kgenesis: 1
name: killed
title: A campaign that is killed
space:
  factors:
    - {{type: real, name: x1, low: -5, high: 10, unit: "1"}}
    - {{type: real, name: x2, low: 0, high: 15, unit: "1"}}
objectives:
  - {{name: value, goal: minimize, unit: "1"}}
lab:
  name: synthetic
  settings: {{function: branin, noise: 0.5, failure_rate: 0.1, infeasible_above: 150, seconds: {seconds}}}
planner: {planner}
parallel: {parallel}
retries: 10   # a killed worker is a lost experiment: it must not run out of attempts
budget: {{experiments: {experiments}}}
"""


@dataclass(frozen=True)
class Case:
    """One kind of campaign."""

    planner: str
    parallel: int
    seed: int
    experiments: int = 24
    seconds: float = 0.15
    """Time each experiment takes."""


@dataclass
class Tally:
    """What happened, and what was found wrong."""

    n_campaigns: int = 0
    n_experiments: int = 0
    """Compared with the uninterrupted campaign."""
    kills: Counter[str] = field(default_factory=Counter)
    """By aim."""
    n_before_opening: int = 0
    """Kills before the campaign's first fact was written."""
    n_released: int = 0
    """Experiments that ran at a kill and were done again."""
    n_retried: int = 0
    """Experiments whose worker was killed, and that were done again."""
    n_leftovers: int = 0
    """Temporary folders nobody removed."""
    wrong: list[str] = field(default_factory=list)

    @property
    def n_kills(self) -> int:
        """Kills in all."""
        return sum(self.kills.values())


@dataclass
class Story:
    """A campaign in a folder of its own, and the process that runs it."""

    case: Case
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def store(self) -> Path:
        """Where the campaign is kept."""
        return self.folder / "kgenesis.db"

    def start(self) -> None:
        """Run the campaign, or resume it if it was opened."""
        mission = self.folder / "killed.yaml"
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        mission.write_text(
            MISSION.format(
                planner=self.case.planner, parallel=self.case.parallel, experiments=self.case.experiments,
                seconds=self.case.seconds,
            ),
            encoding="utf-8",
        )  # fmt: skip
        what = ["campaign", "resume", "last"] if self.state() else ["run", str(mission), "--seed", str(self.case.seed)]
        with (self.folder / "stderr.txt").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kgenesis", *what, "--store", str(self.store), "--quiet", "--no-report"],
                env=os.environ | {MARK: self.mark, "TMPDIR": str(self.folder / "tmp"), "OMP_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )

    def state(self) -> CampaignState | None:
        """Return the campaign as its log tells it; None if nothing was written yet."""
        if not self.store.exists():
            return None
        try:
            platform = open_platform(str(self.store))
        except StoreError:
            return None  # killed while the file was made
        try:
            return read_campaign(platform, "last") if platform.store.streams("cmp_") else None
        finally:
            platform.store.close()

    def processes(self) -> list[int]:
        """Return every live process of this story."""
        return [pid for pid in _pids() if self._is_ours(pid)]

    def workers(self) -> list[int]:
        """Return its worker processes."""
        return [pid for pid in self.processes() if self.process is not None and pid != self.process.pid]

    def _is_ours(self, pid: int) -> bool:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return False
            return f"{MARK}={self.mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    def kill(self, aim: Aim, rng: random.Random) -> Aim:
        """Kill -9; returns who was there to be killed."""
        assert self.process is not None
        workers = self.workers() if aim != "runner" else []
        if aim == "worker" and workers:
            _kill(rng.choice(workers))
            return "worker"
        _kill(self.process.pid)
        for pid in workers:
            _kill(pid)
        self.process.wait()
        return "all" if workers else "runner"

    def orphans(self) -> list[int]:
        """Return who still lives although the campaign's process is gone, after waiting for them to notice."""
        deadline = time.monotonic() + PATIENCE
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left


def uninterrupted(case: Case, folder: Path) -> tuple[CampaignState, float]:
    """Return a campaign nobody kills, and the seconds its process took."""
    story = Story(case, folder)
    began = time.monotonic()
    story.start()
    assert story.process is not None
    code = story.process.wait(STUCK)
    took = time.monotonic() - began
    state = story.state()
    if code or state is None or state.stopped != "experiments":
        said = (folder / "stderr.txt").read_text(errors="replace")
        msg = f"the uninterrupted campaign ended with exit code {code}: {said[-2000:]}"
        raise RuntimeError(msg)
    return state, took


def survive(
    case: Case, folder: Path, expected: CampaignState, seconds: float, rng: random.Random, tally: Tally,
    most: int = 10**9, tell: Callable[[str], None] = lambda line: None,
) -> None:  # fmt: skip
    """Kill one campaign again and again, at most until `most` kills are reached in all, until it has ended.

    Moments are uniform over `seconds`, the time an uninterrupted process takes, counted from each start: imports, the
    opening of the store and the start of workers are hit as well as experiments.
    """
    story = Story(case, folder)
    seen: list[tuple[int, str]] = []
    story.start()
    assert story.process is not None
    while True:
        moment = rng.uniform(0.0, seconds) if tally.n_kills < most else STUCK
        try:
            code = story.process.wait(moment)
        except subprocess.TimeoutExpired:
            if moment == STUCK:
                story.kill("all", rng)
                tally.wrong.append(f"{case}: does not end after {STUCK:.0f} s")
                return
        else:
            if code:
                said = (folder / "stderr.txt").read_text(errors="replace")[-1000:]
                tally.wrong.append(f"{case}: ended with exit code {code}: {said}")
            break
        aim = story.kill(rng.choices(("runner", "all", "worker"), (55, 25, 20))[0], rng)
        tally.kills[aim] += 1
        if aim == "worker":
            continue
        if orphans := story.orphans():
            tally.wrong.append(f"{case}: {len(orphans)} processes live on after a kill")
            for pid in orphans:
                _kill(pid)
        seen += _looked_at(story, tally)
        state = story.state()
        tell(f"kill {tally.n_kills} ({aim}) of {case.planner}, {case.parallel} at a time: {_where(state)}")
        if state is not None and state.stopped is not None:
            break  # it was killed on its way out
        story.start()
    if orphans := story.orphans():
        tally.wrong.append(f"{case}: {len(orphans)} processes live on after the end")
    tally.n_campaigns += 1
    _judge(story, expected, seen, tally)


def _looked_at(story: Story, tally: Tally) -> list[tuple[int, str]]:
    """Check the chain after a kill; return (version, hash) of the last fact, which must never change."""
    if story.state() is None:
        tally.n_before_opening += 1
        return []
    platform = open_platform(str(story.store))
    try:
        if broken := platform.store.verify().broken:
            tally.wrong.append(f"{story.case}: chain broken after a kill: {broken[0].text.en}")
        last = platform.store.read(StreamId(platform.store.streams("cmp_")[-1]))[-1]
        return [(last.version, last.hash)]
    finally:
        platform.store.close()


def _where(state: CampaignState | None) -> str:
    return "not opened" if state is None else f"{state.n_final} done, {len(state.running)} running"


def _judge(story: Story, expected: CampaignState, seen: list[tuple[int, str]], tally: Tally) -> None:
    """Compare an ended campaign with the uninterrupted one, and count its receipts."""
    state = story.state()
    if state is None:
        tally.wrong.append(f"{story.case}: the campaign is gone")
        return
    platform = open_platform(str(story.store))
    recorded = platform.store.read(StreamId(state.id))
    n_streams = len(platform.store.streams("cmp_"))
    verified = platform.store.verify()
    events = [platform.vocabulary.decode(r) for r in recorded]
    platform.store.close()
    hashes = {r.version: r.hash for r in recorded}
    proposed = Counter(e.experiment for e in events if isinstance(e, ExperimentProposed))
    receipts = Counter(
        e.experiment
        for e in events
        if isinstance(e, ExperimentMeasured) or (isinstance(e, ExperimentFailed) and e.is_final)
    )
    n_experiments = len(expected.experiments)
    checks = {
        "more than one campaign": n_streams == 1,
        "the chain is broken": not verified.broken,
        "a fact that stood in the log has changed or gone": all(hashes.get(v) == h for v, h in seen),
        "it did not end as the other": state.stopped == expected.stopped,
        "experiments are missing or more": len(proposed) == n_experiments,
        "an experiment was proposed twice": set(proposed.values()) <= {1},
        "an experiment has no receipt, or two": set(receipts.values()) == {1} and receipts.keys() == proposed.keys(),
        "something still runs or waits": not (state.running or state.waiting or state.doubted),
    }
    tally.wrong += [f"{story.case}: {what}" for what, is_right in checks.items() if not is_right]
    for mine, theirs in zip(facts(state), facts(expected), strict=False):
        if mine != theirs:
            tally.wrong.append(f"{story.case}: differs from the uninterrupted one: {mine} against {theirs}")
            break
    tally.n_experiments += n_experiments
    tally.n_released += sum(isinstance(e, ExperimentReleased) for e in events)
    tally.n_retried += sum(isinstance(e, ExperimentFailed) and not e.is_final for e in events)
    tally.n_leftovers += len(list((story.folder / "tmp").iterdir()))


def facts(state: CampaignState) -> list[dict[str, Any]]:
    """Return what must be equal of every experiment, to the last bit: not when, nor at which attempt."""
    numbers = {e.id: e.number for e in state.experiments.values()}
    found = []
    for e in state.experiments.values():
        why = e.why.model_dump()
        why["nearest"] = numbers.get(e.why.nearest) if e.why.nearest else None  # ids differ between campaigns
        why["neighbours"] = [{**near, "experiment": numbers[near["experiment"]]} for near in why["neighbours"]]
        outcome: Any = None
        if isinstance(e.result, Measurement):
            outcome = {name: (o.mean.hex(), o.sem, o.n) for name, o in e.result.outcomes.items()}
        elif e.result is not None:
            outcome = (e.result.kind, e.result.reason.en)
        conditions = {k: v.hex() if isinstance(v, float) else v for k, v in e.conditions.items()}
        found.append({
            "number": e.number, "conditions": conditions, "why": why, "status": e.status, "result": outcome,
            "replicate_of": numbers.get(e.replicate_of) if e.replicate_of else None,
        })  # fmt: skip
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
