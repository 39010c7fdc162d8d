"""Tasks from a folder of tables: every finished experiment of a set becomes a point that a campaign may choose."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kgenesis.app.platform import make_lab
from kgenesis.campaign.baselines import baseline
from kgenesis.campaign.reference import closed_form
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.experiment import Conditions, Result, Value
from kgenesis.kernel.experiment import Task as Experiment
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from planners.tasks import Bench, Task

BLANK = "none"
"""The level that stands for an empty cell of a categorical column."""

Rows = Sequence[dict[str, str]]


def find(folder: Path) -> Iterator[Task]:
    """Yield the tasks of a folder with an `index.json`: `name` by the first objective, `name+` by all of them.

    A set whose first objective has the very numbers of an earlier set's is the same problem twice; it is yielded with
    all its objectives only.
    """
    seen: set[tuple[str, ...]] = set()
    for entry in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        first = entry["objectives"][0]["name"]
        numbers = tuple(sorted(row[first] for row in _read(folder / entry["table"])))
        if numbers not in seen:
            seen.add(numbers)
            yield _task(folder, entry, entry["id"], entry["objectives"][:1])
        if len(entry["objectives"]) > 1:
            yield _task(folder, entry, entry["id"] + "+", entry["objectives"])


def _task(folder: Path, entry: dict[str, Any], name: str, objectives: Sequence[dict[str, Any]]) -> Task:
    family = "several" if len(objectives) > 1 else "table"
    return Task(name, family, lambda budget: _build(folder, entry, name, objectives, budget))


def _read(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _build(folder: Path, entry: dict[str, Any], name: str, objectives: Sequence[dict[str, Any]], budget: int) -> Bench:
    """Return a task's mission, its lab and its exact random reference."""
    path = folder / entry["table"]
    rows = _read(path)
    factors = [f for column in entry["inputs"] if (f := _factor(column, rows)) is not None]
    blank = {f["name"]: BLANK for f in factors if f["type"] == "categorical" and BLANK in f["levels"]}
    lab_settings = {"path": path.name, "blank": {n: b for n, b in blank.items() if _has_blank(rows, n)}}
    plain = {
        "name": "".join(c if c.isalnum() else "-" for c in entry["id"]).strip("-").lower(),
        "title": entry["id"],
        "space": {"factors": factors},
        "objectives": [{"name": o["name"], "goal": o["direction"], "unit": "1"} for o in objectives],
        "lab": {"name": "table", "settings": lab_settings},
        "budget": {"experiments": budget},
    }  # fmt: skip
    everything = Mission.model_validate(plain)
    lab = make_lab(everything.problem, "table", lab_settings, path.parent)
    points, results = lab.outcomes_of_all_points()  # type: ignore[attr-defined]
    plain["space"]["candidates"] = {"rows": [_controlled(row, everything.problem) for row in points]}
    mission = Mission.model_validate(plain)

    def measure(conditions: Conditions, number: int = 0) -> Result:
        """Look conditions up in the table; replicates are averaged."""
        return lab.measure(Experiment(ExperimentId("exp_table_00000"), 1, dict(conditions), (0, number)))

    known = baseline(closed_form(mission, lab.version, results), mission.problem)
    return Bench(name, mission, measure, known, len(points))


def _factor(column: dict[str, Any], rows: Rows) -> dict[str, Any] | None:
    """Return the factor a column is; None if it never changes."""
    name = column["name"]
    cells = [row[name].strip() for row in rows]
    if column["type"] == "categorical":
        levels = sorted({cell or BLANK for cell in cells})
        factor = {"type": "categorical", "name": name, "levels": levels, **_known_of(column, levels, rows)}
        return factor if len(levels) > 1 else None
    numbers = [float(cell) for cell in cells if cell]
    low, high = min(numbers), max(numbers)
    return {"type": "real", "name": name, "low": low, "high": high, "unit": "1"} if low < high else None


def _known_of(column: dict[str, Any], levels: Sequence[str], rows: Rows) -> dict[str, Any]:
    """Return what the set knows of a factor's levels: molecules and numbers.

    A column `NAME_…` with one value for each level of the column NAME describes it: its molecule (`NAME_SMILES`), or a
    number. Levels may be molecules themselves.
    """
    name = column["name"]
    found: dict[str, Any] = {"smiles": list(levels)} if column.get("unit") == "SMILES" else {}
    descriptors = {}
    for other in rows[0]:
        values = {level: {r[other] for r in rows if (r[name].strip() or BLANK) == level} for level in levels}
        if not other.startswith(f"{name}_") or any(len(v) != 1 or v == {""} for v in values.values()):
            continue
        texts = [values[level].pop() for level in levels]
        if other.upper().endswith("_SMILES"):
            found["smiles"] = texts
            continue
        try:
            descriptors[other] = [float(text) for text in texts]
        except ValueError:
            continue
    if descriptors and len(set(zip(*descriptors.values(), strict=True))) == len(levels):
        found["descriptors"] = descriptors
    return found


def _has_blank(rows: Rows, name: str) -> bool:
    return any(not row[name].strip() for row in rows)


def _controlled(row: Conditions, problem: Problem) -> dict[str, Value]:
    return {v.name: row[v.name] for v in problem.space.variables if v.role == "controlled"}
