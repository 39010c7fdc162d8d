"""One campaign of a built-in mission with its real laboratory, in memory, until every target is reached."""

import functools
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from planners.campaign import Method

from kgenesis.app.mission_files import LoadedMission, load_mission
from kgenesis.app.platform import make_lab, plugin_context
from kgenesis.campaign import report as reports
from kgenesis.campaign.chart import Chart
from kgenesis.campaign.figures import best_so_far, fronts
from kgenesis.campaign.hitting import first_true
from kgenesis.campaign.metrics import outcome_columns, score
from kgenesis.campaign.reference import Reference, load_reference
from kgenesis.campaign.spec import Mission, canonical_hash
from kgenesis.campaign.state import CampaignState
from kgenesis.campaign.svg import svg
from kgenesis.kernel.experiment import Conditions, Failure, Measurement, Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Lab
from kgenesis.testing.builders import run_in_memory

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images" / "missions"
"""What the first campaign of each mission looked like, for its page."""

USUAL = "usual"
"""Stands for the design that the field would choose without a search."""


@dataclass(frozen=True)
class Plan:
    """A campaign to be done; it has the mission's own start, design included."""

    mission: str
    method: str
    seed: int
    draws: bool = False
    """Whether it leaves the pictures of the mission's page behind."""

    def entry(self) -> dict[str, Any]:
        """Return the beginning of its result."""
        return {"kind": "run", "task": self.mission, "method": self.method, "seed": self.seed}


@functools.lru_cache(maxsize=1)
def _ready(name: str) -> tuple[LoadedMission, Lab]:
    loaded = load_mission(name, {"stop_when_reached": True})
    mission = loaded.mission
    return loaded, make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)


def key_of(mission: Mission) -> str:
    """Return a digest of what decides a campaign besides the planner: another target is another campaign.

    `Mission.reference_key` leaves targets and limits out, since a reference keeps raw outcomes.
    """
    asked = mission.model_dump(mode="json", include={"objectives", "outcome_constraints", "budget", "parallel"})
    for part in (*asked["objectives"], *asked["outcome_constraints"]):
        del part["label"]
    return canonical_hash({"reference": mission.reference_key} | asked)


def reference_of(loaded: LoadedMission) -> Reference | None:
    """Return the reference that ships with a mission, if one does."""
    return load_reference(loaded.shipped_reference) if loaded.shipped_reference.is_file() else None


def run(plan: Plan) -> dict[str, Any]:
    """Carry a campaign out until every target is reached or the mission's budget is spent."""
    if plan.method == USUAL:
        return _usual(plan)
    loaded, lab = _ready(plan.mission)
    mission, method = loaded.mission, Method(plan.method)
    planner = make_plugin("planners", method.name, plugin_context(mission.problem, method.settings, loaded.folder))
    in_lab, n = 0.0, 0

    def measure(conditions: Conditions) -> Result:
        nonlocal in_lab, n
        began, n = time.process_time(), n + 1
        found: Result = lab.measure(Task(ExperimentId(f"exp_bench_{n:05d}"), 1, dict(conditions), (plan.seed, n)))
        in_lab += time.process_time() - began
        return found

    cpu = time.process_time()
    state = run_in_memory(mission, measure, planner, plan.seed, lab_version=lab.version)
    cpu = time.process_time() - cpu
    done = [e for e in state.experiments.values() if e.result is not None]
    hit = first_true(score(mission.problem, outcome_columns(mission.problem, done)).is_success)
    if plan.draws:
        _draw(state, reference_of(loaded))
    return plan.entry() | {
        "allowed": mission.budget.experiments, "n": len(done), "n_to_target": int(hit) if math.isfinite(hit) else None,
        "n_failed": state.n_failed, "cpu_planner": round((cpu - in_lab) / len(done), 4),
        "cpu_lab": round(in_lab / len(done), 4), "lab": lab.version, "key": key_of(mission), "code": method.code,
    }  # fmt: skip


def usual_designs() -> dict[str, dict[str, Any]]:
    """Return what each field would choose without a search: mission → what it is, why, and its conditions."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("usual.yaml").read_text("utf-8")) or {}
    return found


def _usual(plan: Plan) -> dict[str, Any]:
    """Measure the field's usual design once."""
    loaded, lab = _ready(plan.mission)
    problem = loaded.mission.problem
    conditions = usual_designs()[plan.mission]["conditions"]
    found = lab.measure(Task(ExperimentId("exp_bench_00000"), 1, dict(conditions), (plan.seed, 0)))
    entry = plan.entry() | {"lab": lab.version, "key": key_of(loaded.mission), "conditions": conditions}
    match found:
        case Failure():
            return entry | {"failure": found.reason.en}
        case Measurement():
            means = {name: found.mean(name) for name in sorted(found.outcomes)}
            objectives = all(o.utility(means[o.name]) >= o.target_utility() for o in problem.objectives if o.target)
            return entry | {"outcomes": means, "is_feasible": problem.is_feasible(found), "is_enough": objectives}


def _draw(state: CampaignState, reference: Reference | None) -> None:
    """Write the picture of a mission's page in both languages: best so far, or the front where there are objectives."""
    report = reports.build(state, reference, None, datetime.now(UTC))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for lang in ("en", "ko"):
        charts: list[Chart] = [*best_so_far(report, lang)[:1], *fronts(report, lang)[:1]]
        for chart, kind in zip(charts, ("progress", "front"), strict=False):
            (PICTURES / f"{state.mission.name}.{kind}.{lang}.svg").write_text(_alone(chart), encoding="utf-8")


def _alone(chart: Chart) -> str:
    """Return a chart as a file of its own: with the report's colours, on white."""
    css = resources.files("kgenesis.campaign.page").joinpath("page.css").read_text("utf-8")
    variables = css[css.index(":root") : css.index("}", css.index(":root")) + 1]
    rules = " ".join(line for line in css.splitlines() if line.startswith("svg "))
    head, body = svg(chart).split(">", 1)
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return f'{head}><style>{variables} {rules}</style><rect width="100%" height="100%" fill="#fff"/>{body}\n'
