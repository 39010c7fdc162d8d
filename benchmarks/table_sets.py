"""Missions from a folder of tables: every finished experiment of a set becomes a point that a campaign may choose."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgenesis.app.platform import make_lab
from kgenesis.campaign.baselines import Baseline, baseline
from kgenesis.campaign.reference import closed_form
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.experiment import Conditions, Result, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import Lab
from kgenesis.kernel.problem import Problem

BLANK = "none"
"""The level that stands for an empty cell of a categorical column."""


@dataclass(frozen=True)
class SetTask:
    """A set and which of its objectives are wanted: `name` (the first) or `name+` (all of them)."""

    name: str
    entry: dict[str, Any]
    """The set in `index.json`."""
    folder: Path

    @property
    def objectives(self) -> list[dict[str, Any]]:
        """The objectives wanted."""
        every: list[dict[str, Any]] = self.entry["objectives"]
        return every if self.name.endswith("+") else every[:1]


def find(folder: Path, wanted: Sequence[str], kinds: str) -> list[SetTask]:
    """Return the tasks of a folder with an `index.json`.

    Args:
        folder: of the sets.
        wanted: names of sets; all if empty.
        kinds: `first`, `all` or `both`: which objectives.
    """
    found = []
    for entry in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        if wanted and entry["id"] not in wanted:
            continue
        if kinds != "all":
            found.append(SetTask(entry["id"], entry, folder))
        if kinds != "first" and len(entry["objectives"]) > 1:
            found.append(SetTask(entry["id"] + "+", entry, folder))
    return found


@dataclass(frozen=True)
class Bench:
    """All that campaigns on one task need."""

    mission: Mission
    lab: Lab
    known: Baseline
    """Random search over the table, computed exactly."""
    n_points: int

    def measure(self, conditions: Conditions, number: int = 0) -> Result:
        """Look conditions up in the table; replicates are averaged."""
        return self.lab.measure(Task(ExperimentId("exp_table_00000"), 1, dict(conditions), (0, number)))


def build(task: SetTask, budget: int) -> Bench:
    """Return a task's mission, its lab and its exact random reference."""
    path = task.folder / task.entry["table"]
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    factors = [f for column in task.entry["inputs"] if (f := _factor(column, rows)) is not None]
    blank = {f["name"]: BLANK for f in factors if f["type"] == "categorical" and BLANK in f["levels"]}
    lab_settings = {"path": path.name, "blank": {n: b for n, b in blank.items() if _has_blank(rows, n)}}
    plain = {
        "name": "".join(c if c.isalnum() else "-" for c in task.entry["id"]).strip("-").lower(),
        "title": task.entry["id"],
        "space": {"factors": factors},
        "objectives": [
            {"name": o["name"], "goal": o["direction"], "unit": "1"} for o in task.objectives
        ],
        "lab": {"name": "table", "settings": lab_settings},
        "budget": {"experiments": budget},
    }  # fmt: skip
    everything = Mission.model_validate(plain)
    lab = make_lab(everything.problem, "table", lab_settings, path.parent)
    points, results = lab.outcomes_of_all_points()  # type: ignore[attr-defined]
    plain["space"]["candidates"] = {"rows": [_controlled(row, everything.problem) for row in points]}
    mission = Mission.model_validate(plain)
    known = baseline(closed_form(mission, lab.version, results), mission.problem)
    return Bench(mission, lab, known, len(points))


def _factor(column: dict[str, Any], rows: Sequence[dict[str, str]]) -> dict[str, Any] | None:
    """Return the factor a column is; None if it never changes."""
    name = column["name"]
    cells = [row[name].strip() for row in rows]
    if column["type"] == "categorical":
        levels = sorted({cell or BLANK for cell in cells})
        return {"type": "categorical", "name": name, "levels": levels} if len(levels) > 1 else None
    numbers = [float(cell) for cell in cells if cell]
    low, high = min(numbers), max(numbers)
    return {"type": "real", "name": name, "low": low, "high": high, "unit": "1"} if low < high else None


def _has_blank(rows: Sequence[dict[str, str]], name: str) -> bool:
    return any(not row[name].strip() for row in rows)


def _controlled(row: Conditions, problem: Problem) -> dict[str, Value]:
    return {v.name: row[v.name] for v in problem.space.variables if v.role == "controlled"}
