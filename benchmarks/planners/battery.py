"""The mission battery-fast-charge on its real simulator: how many experiments until every target is reached."""

import functools
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import page

from kgenesis.app.mission_files import load_mission
from kgenesis.app.platform import make_lab, plugin_context
from kgenesis.campaign.baselines import Level, baseline
from kgenesis.campaign.hitting import RepeatedTimes, first_true
from kgenesis.campaign.metrics import Aggregate, aggregate, outcome_columns, score
from kgenesis.campaign.reference import load_reference, mismatch
from kgenesis.kernel.experiment import Conditions, Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.testing.builders import run_in_memory
from planners.campaign import Method
from planners.comparison import Entry

MISSION = "battery-fast-charge"


@dataclass(frozen=True)
class BatteryPlan:
    """A campaign to be done; it has the mission's own start, design included."""

    method: str
    seed: int
    budget: int
    batch: int

    def entry(self) -> dict[str, Any]:
        """Return the beginning of its result."""
        named = {"method": self.method, "seed": self.seed, "budget": self.budget, "batch": self.batch}
        return {"kind": "run", "task": MISSION, **named}


@functools.lru_cache(maxsize=1)
def _ready(budget: int, batch: int) -> Any:
    loaded = load_mission(MISSION, {"budget": {"experiments": budget}, "parallel": batch, "stop_when_reached": True})
    mission = loaded.mission
    return loaded, make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)


def run(plan: BatteryPlan) -> dict[str, Any]:
    """Carry a campaign out until every target is reached or the budget is spent."""
    loaded, lab = _ready(plan.budget, plan.batch)
    mission, method = loaded.mission, Method(plan.method)
    planner = make_plugin("planners", method.name, plugin_context(mission.problem, method.settings, loaded.folder))
    in_lab = 0.0

    def measure(conditions: Conditions) -> Result:
        nonlocal in_lab
        began = time.process_time()
        found: Result = lab.measure(Task(ExperimentId("exp_battery_00000"), 1, dict(conditions), (plan.seed, 0)))
        in_lab += time.process_time() - began
        return found

    cpu = time.process_time()
    state = run_in_memory(mission, measure, planner, plan.seed, lab_version=lab.version)
    cpu = time.process_time() - cpu
    done = [e for e in state.experiments.values() if e.result is not None]
    hit = first_true(score(mission.problem, outcome_columns(mission.problem, done)).is_success)
    each = (cpu - in_lab) / len(done)
    return plan.entry() | {
        "n": len(done), "n_to": {"target": int(hit) if math.isfinite(hit) else None}, "n_failed": state.n_failed,
        "cpu": [round(each, 4), round(each, 4), round(cpu - in_lab, 2)], "cpu_lab": round(in_lab, 2), "regret": [],
        "lab": lab.version, "key": mission.reference_key, "code": method.code, "failure": None,
    }  # fmt: skip


def text(entries: Sequence[Entry], budget: int) -> str:
    """Return the body of the page's part; empty if there is nothing to say."""
    loaded = load_mission(MISSION)
    runs = [e for e in entries if e["kind"] == "run" and e["budget"] == budget]
    if not runs or not loaded.shipped_reference.is_file():
        return ""
    reference = load_reference(loaded.shipped_reference)
    known = baseline(reference, loaded.mission.problem)
    times = known.hitting_times(Level("target", math.nan))
    said_first = mismatch(reference, loaded.mission, str(runs[0]["lab"]))
    rows = []
    for method, batch in sorted({(str(r["method"]), int(r["batch"])) for r in runs}):
        chosen = [r for r in runs if (r["method"], r["batch"]) == (method, batch)]
        hits = [r["n_to"]["target"] for r in chosen]
        mine = np.array([math.inf if n is None else n for n in hits], dtype=np.float64)
        gain = aggregate(mine.tolist(), budget, times, n_resamples=2000)
        low, high = gain.restricted_interval
        rows.append([
            method, str(batch), f"{int(np.isfinite(mine).sum())}/{len(mine)}", _count(_median(mine)),
            " to ".join(dict.fromkeys((_count(float(mine.min())), _count(float(mine.max()))))), _count(times.quantile(0.5)),
            _factor(gain), f"{gain.restricted:.2f} [{low:.2f}, {high:.2f}]",
            f"{100 * sum(r['n_failed'] for r in chosen) / sum(r['n'] for r in chosen):.0f} %",
            f"{1e3 * statistics.mean(r['cpu'][0] for r in chosen):.0f}",
        ])  # fmt: skip
    head = [
        "planner", "at a time", "reached the target", "n, median", "n, range", "n of the reference", "acceleration factor",
        "restricted to the budget", "failed", "CPU ms / suggestion",
    ]  # fmt: skip
    n_hit = int(np.isfinite(times.times).sum()) if isinstance(times, RepeatedTimes) else 0
    said = page.paragraph(
        f"Campaigns of the built-in mission with the real simulator, {budget} experiments at most; a campaign ends when "
        f"every target is reached. The reference is the one shipped with the mission: {known.label.en}, of which {n_hit} "
        "searches reached the target. The interval is a 95 % bootstrap over campaigns and over the reference's repeats. ≤ "
        "marks a bound, because half of the campaigns or more did not get there, ≥ because half of the reference's searches "
        "or more did not.",
        f"**Mind: {said_first.en}.**" if said_first is not None else "",
    )
    return page.table(head, rows) + "\n\n" + said


def _median(values: Any) -> float:
    return float(np.sort(values)[math.ceil(values.size / 2) - 1])


def _count(n: float) -> str:
    return f"{n:.0f}" if math.isfinite(n) else "-"


def _factor(gain: Aggregate) -> str:
    if gain.censored == "both":
        return "-"
    sign = {"campaign": "≤ ", "reference": "≥ "}.get(gain.censored or "", "")
    low, high = gain.ratio_of_medians_interval
    return f"{sign}{gain.ratio_of_medians:.1f} [{low:.1f}, {high:.1f}]"
