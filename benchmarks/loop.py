"""What the loop itself costs: overhead per experiment, memory, cold start, replay.

    python benchmarks/loop.py
    python benchmarks/loop.py --experiments 200 --no-write     # a quick look
    python benchmarks/loop.py --profile inline                 # where the time goes

Every measurement is made in a process of its own, so that none warms up or fattens another.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import page

MISSION = """
kgenesis: 1
name: no-work
title: Nothing to do but go round
space:
  factors:
    - {{type: real, name: a, low: 0, high: 1, unit: "1"}}
    - {{type: real, name: b, low: 1, high: 1000, unit: "1", scale: log}}
    - {{type: categorical, name: c, levels: [x, "y", z]}}
objectives:
  - {{name: value, goal: minimize, unit: "1"}}
lab: {{name: synthetic, settings: {{function: flat}}}}
planner: random
parallel: {parallel}
budget: {{experiments: {experiments}}}
"""
TARGET_MS, TARGET_MIB, TARGET_START, TARGET_EVENTS = 5.0, 200.0, 0.5, 100_000
NUMERICAL = ("numpy", "scipy", "pandas", "polars", "pybamm", "casadi", "plotly", "pint")
"""Libraries that `kgenesis --help` has no business importing."""
MIB = 1 << 20


# What runs in the measured processes -------------------------------------------------------------------------------


def campaign(executor: str, parallel: int, experiments: int, *, profile: bool) -> dict[str, Any]:
    """Run one campaign of no-op experiments; return times and memory."""
    import resource  # not on Windows

    from kgenesis.app.campaigns import open_campaign
    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.platform import open_platform
    from kgenesis.app.run_campaign import run_campaign

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "no-work.yaml"
        path.write_text(MISSION.format(parallel=parallel, experiments=experiments), encoding="utf-8")
        platform = open_platform(str(Path(folder) / "kgenesis.db"))
        state = open_campaign(platform, load_mission(str(path)), seed=1)
        commits = _count_commits()
        profiler = _profiler() if profile else None
        cpu, wall = time.process_time(), time.perf_counter()
        run_campaign(platform, state, executor=executor, n_workers=parallel)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if profiler is not None:
            profiler.disable()
            _show(profiler)
        ends = [e.finished_at for e in state.experiments.values()]
        lab = sum(e.result.seconds or 0.0 for e in state.experiments.values() if e.result is not None)
        size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
        platform.store.close()
    assert len(ends) == experiments
    steady = _seconds(ends[0], ends[-1]) / (len(ends) - 1)  # from the first receipt on: no start of workers in it
    return {
        "wall": wall, "cpu": cpu, "lab": lab, "steady": steady, "commits": commits, "store": size,
        "self": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }  # fmt: skip


def replay(n_events: int) -> dict[str, Any]:
    """Write a campaign's log of about `n_events` events, then read, decode and fold it."""
    from kgenesis.app.campaigns import open_campaign, read_campaign
    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.platform import open_platform
    from kgenesis.campaign.state import fold
    from kgenesis.kernel.events import time_now
    from kgenesis.kernel.ids import CampaignId, StreamId

    with tempfile.TemporaryDirectory() as folder:
        n = (n_events - 1) // 3
        path = Path(folder) / "no-work.yaml"
        path.write_text(MISSION.format(parallel=1, experiments=n), encoding="utf-8")
        platform = open_platform(str(Path(folder) / "kgenesis.db"))
        state = open_campaign(platform, load_mission(str(path)), seed=1)
        stream = StreamId(state.id)
        for batch in _made_events(state.id, n):
            platform.store.append(stream, state.version, batch, at=[time_now() for _ in batch])
            state.version += len(batch)
        parts: dict[str, list[float]] = {"read": [], "decode": [], "fold": [], "whole": []}
        for _ in range(5):
            t0 = time.perf_counter()
            recorded = platform.store.read(stream)
            t1 = time.perf_counter()
            events = [(platform.vocabulary.decode(r), r.at) for r in recorded]
            t2 = time.perf_counter()
            fold(CampaignId(state.id), events)
            t3 = time.perf_counter()
            events.clear()
            cpu = time.process_time()
            read_campaign(platform, state.id)
            cpu = time.process_time() - cpu
            for name, seconds in zip(parts, (t1 - t0, t2 - t1, t3 - t2, cpu), strict=True):
                parts[name].append(seconds)
        platform.store.close()
    return {"events": len(recorded)} | {name: min(seconds) for name, seconds in parts.items()}


def _made_events(campaign_id: str, n: int) -> Any:
    """Yield batches of the facts of `n` measured experiments."""
    from kgenesis.campaign.events import ExperimentMeasured, ExperimentProposed, ExperimentStarted
    from kgenesis.kernel.experiment import Measurement, Outcome, Why
    from kgenesis.kernel.ids import CampaignId, experiment_id

    why = Why(reason="design", planner="random")
    for start in range(0, n, 500):
        batch: list[Any] = []
        for number in range(start + 1, min(start + 500, n) + 1):
            id_ = experiment_id(CampaignId(campaign_id), number)
            conditions = {"a": number / n, "b": 1.0 + number % 999, "c": "xyz"[number % 3]}
            found = Measurement(outcomes={"value": Outcome(mean=number / 7)}, seconds=1e-5)
            batch += [
                ExperimentProposed(experiment=id_, number=number, conditions=conditions, why=why),
                ExperimentStarted(experiment=id_, attempt=1),
                ExperimentMeasured(experiment=id_, attempt=1, measurement=found),
            ]
        yield batch


def _count_commits() -> dict[str, int]:
    """Count the store's transactions from here on, and those of them that wait for the disk."""
    from kgenesis.store.sqlite import SqliteDatabase

    counts = {"all": 0, "durable": 0}
    lock = SqliteDatabase._lock  # noqa: SLF001

    def counted(self: SqliteDatabase, connection: Any, *, is_durable: bool) -> None:
        counts["all"] += 1
        counts["durable"] += is_durable
        lock(self, connection, is_durable=is_durable)

    SqliteDatabase._lock = counted  # type: ignore[method-assign]  # noqa: SLF001
    return counts


def _seconds(earlier: str | None, later: str | None) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(later or "") - datetime.fromisoformat(earlier or "")).total_seconds()


def _profiler() -> Any:
    import cProfile

    profiler = cProfile.Profile(time.process_time)  # CPU: what waits for the disk or for a core is not counted
    profiler.enable()
    return profiler


def _show(profiler: Any) -> None:
    import pstats

    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)


def cold_start() -> list[str]:
    """Return which numerical libraries `kgenesis --help` imports."""
    from kgenesis.cli import main

    sys.argv = ["kgenesis", "--help"]
    out, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    try:
        main()
    except SystemExit:
        pass
    finally:
        sys.stdout = out
    return [name for name in NUMERICAL if name in sys.modules]


# What runs in the measuring process --------------------------------------------------------------------------------


def measured(*arguments: str) -> dict[str, Any]:
    """Run one measurement in a fresh process, and watch the memory of it and of all it starts."""
    command = [sys.executable, __file__, "--one", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True)
    peak = Peak(process.pid)
    out, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{command} failed")
    return {**json.loads(out), "peak": peak.stop()}


class Peak:
    """The largest sum of resident memory of a process and its children, looked at every 50 ms."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._ended = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        import psutil

        while not self._ended.wait(0.05):
            try:
                process = psutil.Process(self._pid)
                tree = [process, *process.children(recursive=True)]
            except psutil.Error:
                return
            total = 0
            for member in tree:
                try:
                    total += member.memory_info().rss
                except psutil.Error:
                    continue
            self._most = max(self._most, total)

    def stop(self) -> int:
        """Return it, in bytes."""
        self._ended.set()
        self._thread.join()
        return self._most


def started(n: int) -> tuple[list[float], list[float]]:
    """Return wall and CPU seconds of `n` runs of `kgenesis --help`, after one that is not counted."""
    import resource

    command = [sys.executable, "-m", "kgenesis", "--help"]
    walls, cpus = [], []
    for _ in range(n + 1):
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.perf_counter() - wall)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return walls[1:], cpus[1:]


def disk_latency(n: int = 200) -> float:
    """Return the median milliseconds of writing 4 KiB and waiting until they are on the disk."""
    times = []
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "probe").open("wb") as file:
        for _ in range(n):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def whole_command(experiments: int) -> float | None:
    """Return the seconds of `kgenesis run` from start to end, everything included; None if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "no-work.yaml"
        path.write_text(MISSION.format(parallel=2, experiments=experiments), encoding="utf-8")
        store = str(Path(folder) / "kgenesis.db")
        command = [sys.executable, "-m", "kgenesis", "run", str(path), "--store", store, "--no-report"]
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return time.perf_counter() - start if done.returncode == 0 else None


CONFIGURATIONS = (("inline", 1), ("pool", 1), ("pool", 2))


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3, help="campaigns of each kind; the median counts")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md alone")
    parser.add_argument("--profile", choices=["inline", "pool"], help="show where the time of a campaign goes, and end")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.one:
        print(json.dumps(_one(*wishes.one)))
        return
    if wishes.profile:
        campaign(wishes.profile, 2 if wishes.profile == "pool" else 1, wishes.experiments, profile=True)
        return
    _report(wishes)


def _one(kind: str, *arguments: str) -> Any:
    if kind == "campaign":
        return campaign(arguments[0], int(arguments[1]), int(arguments[2]), profile=False)
    return replay(int(arguments[0])) if kind == "replay" else {"imported": cold_start()}


def _report(wishes: argparse.Namespace) -> None:
    n, rows, missed = wishes.experiments, [], []
    latency = disk_latency()
    for executor, parallel in CONFIGURATIONS:
        runs = [measured("campaign", executor, str(parallel), str(n)) for _ in range(wishes.repeats)]
        runs.sort(key=lambda run: run["wall"] - run["lab"])
        run = runs[len(runs) // 2]
        per, cpu = (run["wall"] - run["lab"]) / n * 1e3, run["cpu"] / n * 1e3
        memory = max(run["peak"] for run in runs) / MIB
        if per > TARGET_MS:
            missed.append(f"{executor} takes {per:.1f} ms")
        if memory > TARGET_MIB:
            missed.append(f"{executor} with {parallel} takes {memory:.0f} MiB")
        rows.append([
            f"{executor}, {parallel} at a time", f"{per:.2f}", f"{(run['steady'] * 1e3):.2f}", f"{cpu:.2f}",
            f"{run['commits']['all'] / n:.2f} / {run['commits']['durable'] / n:.2f}", f"{run['self'] / MIB:.0f}",
            f"{memory:.0f}", page.met(per <= TARGET_MS and memory <= TARGET_MIB),
        ])  # fmt: skip
    whole = whole_command(n)
    log = measured("replay", str(wishes.events))
    rate = log["events"] / log["whole"]
    walls, cpus = started(wishes.starts)
    start, imported = statistics.median(walls), measured("start")["imported"]
    if rate < TARGET_EVENTS:
        missed.append(f"replay does {rate:,.0f} events/s")
    if start > TARGET_START or imported:
        missed.append(f"`kgenesis --help` takes {start:.2f} s and imports {', '.join(imported) or 'nothing numerical'}")
    head = [
        f"{n:,} experiments, no-op lab, random planner", "ms / experiment", "after start, ms", "CPU, ms",
        "transactions / on disk", "MiB, main", "MiB, all", f"≤ {TARGET_MS:g} ms, ≤ {TARGET_MIB:g} MiB",
    ]  # fmt: skip
    others = [
        ["`kgenesis --help`, median", f"{start:.2f} s ({statistics.median(cpus):.2f} s CPU)", f"≤ {TARGET_START:g} s", page.met(start <= TARGET_START)],
        ["numerical libraries it imports", ", ".join(imported) or "none", "none", page.met(not imported)],
        [f"replay of {log['events']:,} events", f"{rate:,.0f} events/s", f"≥ {TARGET_EVENTS:,}", page.met(rate >= TARGET_EVENTS)],
    ]  # fmt: skip
    parts = f"read {log['read']:.2f} s, decode {log['decode']:.2f} s, fold {log['fold']:.2f} s"
    said = page.paragraph(
        "Overhead is the time of the campaign less the time in the lab, divided by its experiments; the column “after "
        "start” counts from the first receipt, without the start of the workers. An experiment waits for the disk "
        f"once (its receipt goes there with the next intent); one such wait took {latency:.2f} ms here, measured alone. Memory is the peak of "
        "resident pages; what processes share is counted for each of them.",
        f"The whole command `kgenesis run`, from typing to prompt, took {whole:.1f} s." if whole else "",
        f"Of the replay, {parts} (rate by CPU time; best of 5).",
        "The machine was shared: the same work took "
        f"{page.slowdown():.1f} times the CPU time of its best moments, and a process that waits for the disk waits for a "
        "core as well; compare the CPU column.",
        f"Missed: {'; '.join(missed)}." if missed else "Every target is met.",
    )
    body = "\n\n".join([page.table(head, rows), page.table(["what", "measured", "target", ""], others), said])
    if wishes.no_write:
        print(body)
    else:
        page.write("loop", "The loop itself", body)


if __name__ == "__main__":
    main()
