"""What one suggestion of ours costs: CPU time after warm-up, and memory, each case in a process of its own."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import page

from kgenesis.app.platform import plugin_context
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.experiment import Measurement, Observation
from kgenesis.kernel.ids import CampaignId, experiment_id
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import ProposalRequest
from planners.campaign import Method
from planners.drivers.wire import forget_peak, peak_mib
from planners.tasks import draw


@dataclass(frozen=True)
class Case:
    """A history, a space, and what a suggestion may cost there."""

    name: str
    n_history: int
    repeats: int
    ms: float | None = None
    """Target of the median, in CPU milliseconds; None: none was set."""
    mib: float | None = None
    """Target of the peak of the process, in MiB."""


CASES = (
    Case("5,000 candidates, 100 observations", 100, 20, 50),
    Case("10 continuous factors, 100 observations", 100, 20, 50),
    Case("5,000 candidates, 100 observations, 2 objectives", 100, 10),
    Case("10 numbers and 5 categories of 20 levels, 100 observations", 100, 10, 5_000, 500),
    Case("100,000 candidates, 1,000 observations", 1000, 3, 2_000, 600),
    Case("the battery: 7 continuous factors, 2 objectives, 3 constraints, 100 observations", 100, 10),
)


def mission(name: str) -> Mission:
    """Return the mission of a case."""
    if name.startswith("the battery"):
        from kgenesis.app.mission_files import load_mission

        return load_mission("battery-fast-charge").mission
    factors: list[dict[str, Any]] = []
    if name.startswith("5,000"):
        factors = [_levels("ligand", 5), _levels("solvent", 2), _grid("t", 10), _grid("c", 10), _grid("p", 5)]
    elif name.startswith("100,000"):
        factors = [_levels("ligand", 10), *(_grid(f"g{i}", 10) for i in range(4))]
    else:
        factors = [{"type": "real", "name": f"x{i}", "low": 0.0, "high": 1.0, "unit": "1"} for i in range(10)]
        factors += [_levels(f"k{i}", 20) for i in range(5)] if "categories" in name else []
    objectives = [{"name": "y1", "goal": "maximize", "unit": "1"}, {"name": "y2", "goal": "minimize", "unit": "1"}]
    return Mission.model_validate({
        "name": "latency", "title": name, "space": {"factors": factors}, "budget": {"experiments": 5000},
        "objectives": objectives[: 2 if "2 objectives" in name else 1],
    })  # fmt: skip


def _grid(name: str, n: int) -> dict[str, Any]:
    return {"type": "grid", "name": name, "values": [float(v) for v in range(n)], "unit": "1"}


def _levels(name: str, n: int) -> dict[str, Any]:
    return {"type": "categorical", "name": name, "levels": [f"{name}{i}" for i in range(n)]}


def measure(case: Case, spec: str) -> dict[str, Any]:
    """Return CPU and wall seconds of suggestions, each from another history of random experiments, and the peak."""
    found, method = mission(case.name), Method(spec)
    space = found.space
    planner = make_plugin("planners", method.name, plugin_context(found.problem, method.settings, Path.cwd()))
    forget_peak()
    cpus, walls = [], []
    for repeat in range(case.repeats + 1):
        rng = np.random.default_rng((7, repeat))
        tried = draw(space, case.n_history, rng)
        x = space.encode(tried)
        slopes = rng.normal(size=(x.shape[1], len(found.problem.outcomes)))
        outcomes = np.sin(3 * x @ slopes) + 0.05 * rng.normal(size=(case.n_history, slopes.shape[1]))
        history = []
        for number, (row, y) in enumerate(zip(space.to_rows(tried), outcomes, strict=True), start=1):
            seen = {name: {"mean": float(v)} for name, v in zip(found.problem.outcomes, y, strict=True)}
            id_ = experiment_id(CampaignId("cmp_latency"), number)
            history.append(Observation(id_, row, Measurement.model_validate({"outcomes": seen})))
        request = ProposalRequest(found.problem, tuple(history), (), 1, (repeat, case.n_history))
        cpu, wall = time.process_time(), time.perf_counter()
        planner.propose(request)
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return {"cpu": cpus[1:], "wall": walls[1:], "first": cpus[0], "peak": peak_mib()}  # the first warms up


def run(spec: str) -> str:
    """Return the table and what to know about it."""
    rows = []
    for case in CASES:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append(_row(case, pool.submit(measure, case, spec).result()))
        print(" | ".join(rows[-1]), flush=True)
    head = ["case", "CPU ms, median", "range", "wall ms, median", "first, CPU ms", "peak MiB", "target", ""]
    said = page.paragraph(
        f"`{spec}`, one thread, after a first suggestion that warms up. A suggestion learns from nothing but the history it "
        "is given, since planners remember nothing. The peak is that of the whole process, libraries included.",
        "CPU time grows too where cores are shared: while this was measured the same work took "
        f"{page.slowdown():.1f} times as long as in the machine's best moments.",
    )
    return page.table(head, rows) + "\n\n" + said


def _row(case: Case, found: Mapping[str, Any]) -> Sequence[str]:
    cpu, wall = np.array(found["cpu"]) * 1e3, np.array(found["wall"]) * 1e3
    wanted = [] if case.ms is None else [f"≤ {case.ms:,.0f} ms"]
    wanted += [] if case.mib is None else [f"≤ {case.mib:.0f} MiB"]
    is_met = float(np.median(cpu)) <= (case.ms or np.inf) and found["peak"] <= (case.mib or np.inf)
    return [
        case.name, f"{np.median(cpu):.0f}", f"{cpu.min():.0f}-{cpu.max():.0f}", f"{np.median(wall):.0f}",
        f"{1e3 * found['first']:.0f}", f"{found['peak']:.0f}", ", ".join(wanted), page.met(is_met) if wanted else "",
    ]  # fmt: skip
