"""A mission and its history as another program tells them: all of it in our words, or refused with every reason."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kgenesis.app.candidates import read_table
from kgenesis.app.mission_files import check_mission, validated
from kgenesis.app.sheets import neutral
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.errors import BadInput, InvalidSpec, Mistake
from kgenesis.kernel.experiment import Failure, Measurement, Result, Value
from kgenesis.kernel.text import Text, say

MORE_EXPERIMENTS = 20
"""Budget of a draft, on top of the experiments that come with it."""


@dataclass(slots=True)
class Draft:
    """What was understood of a file so far, and what could not be said in our words."""

    file: str
    name: str
    factors: list[dict[str, Any]] = field(default_factory=list)
    constraints: list[dict[str, Any]] = field(default_factory=list)
    objectives: list[dict[str, Any]] = field(default_factory=list)
    outcome_constraints: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[dict[str, Value]] = field(default_factory=list)
    """All points of the space, if a table lists them."""
    results: list[tuple[dict[str, Value], Result]] = field(default_factory=list)
    """Conditions and what came of them."""
    reasons: list[Mistake] = field(default_factory=list)
    """Why it cannot be brought in."""
    notes: list[Text] = field(default_factory=list)
    """What is left for a person to look at."""

    def refuse(self, place: str, en: str, ko: str) -> None:
        """Note something that has no exact counterpart."""
        self.reasons.append(Mistake(say(en, ko), place, self.file))

    def add_linear(self, terms: Mapping[str, float], relation: str, bound: float) -> None:
        """Add a linear constraint."""
        self.constraints.append({"type": "linear", "coefficients": dict(terms), "relation": relation, "bound": bound})

    def add_mixtures(
        self, sums: Sequence[tuple[Mapping[str, float], float]], counts: Mapping[frozenset[str], tuple[int, int]]
    ) -> None:
        """Turn weighted sums with a fixed value into mixtures where they are ones, else into linear constraints.

        Args:
            sums: coefficients by factor, and the value.
            counts: how many of some factors are above zero, at least and at most; only a mixture can keep that.
        """
        counts = dict(counts)
        for terms, value in sums:
            parts = [f for f in self.factors if f["name"] in terms and _is_amount(f)]
            share = next(iter(terms.values()))
            is_mixture = len(parts) == len(terms) > 1 and share * value > 0 and set(terms.values()) == {share}
            if not is_mixture or len({f["unit"] for f in parts}) > 1:
                self.add_linear(terms, "=", value)
                continue
            total = value / share
            few = counts.pop(frozenset(terms), None)
            components = [{"name": f["name"], "low": f["low"], "high": min(f["high"], total)} for f in parts]
            mixture = {"type": "mixture", "name": self._free_name(), "components": components, "total": total}
            mixture |= {} if parts[0]["unit"] == "1" else {"unit": parts[0]["unit"]}
            if few is not None:
                mixture |= {"min_present": max(few[0], 1), "max_present": few[1]}
                for part in parts:
                    if part["low"]:
                        self.refuse(
                            part["name"],
                            "at most so many components of a mixture, of which this one has a lower bound",
                            "성분 개수 제한이 있는 혼합물에서 하한이 있는 성분",
                        )
            place = self.factors.index(parts[0])
            self.factors = [f for f in self.factors if f not in parts]
            self.factors.insert(place, mixture)
        for names in counts:
            self.refuse(
                ", ".join(sorted(names)),
                "how many may be above zero is limited, but they are no mixture of numbers from 0 with a fixed sum",
                "0보다 큰 것의 개수가 제한되지만, 합이 정해진 0 이상의 수의 혼합물이 아닙니다",
            )

    def _free_name(self) -> str:
        taken = {f["name"] for f in self.factors}
        names = ("mixture" if i == 1 else f"mixture {i}" for i in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)

    def add_candidates(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take a table that lists all points of the space."""
        self.candidates = [conditions_in(self, row) for row in rows]

    def finished(self) -> Mission:
        """Return the mission, checked whole, results included.

        Raises:
            BadInput: something cannot be said in our words, or a result does not fit.
        """
        if not self.reasons:
            mission = self._mission()
            for number, (conditions, result) in enumerate(self.results, start=1):
                for mistake in mission.space.check(conditions):
                    text = say(f"experiment {number}: {mistake.text.en}", f"{number}번째 실험: {mistake.text.ko}")
                    self.reasons.append(Mistake(text, mistake.field, self.file))
                missing = (
                    set(mission.problem.outcomes) - set(result.outcomes) if isinstance(result, Measurement) else ()
                )
                for name in sorted(missing):
                    self.refuse(
                        name,
                        f"experiment {number}: it has no value; give one, or leave the experiment out",
                        f"{number}번째 실험: 값이 없습니다. 값을 주거나 그 실험을 빼세요",
                    )
        if self.reasons:
            raise BadInput(
                say(f"{self.file} cannot be brought in exactly", f"{self.file}을(를) 정확히 옮길 수 없습니다"),
                self.reasons,
                hint=say(
                    "Nothing was written. Change what is named, or write the mission by hand: kgenesis new mission.",
                    "아무것도 쓰지 않았습니다. 위의 것을 바꾸거나 미션을 직접 쓰세요: kgenesis new mission.",
                ),
            )
        return mission

    def _mission(self) -> Mission:
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:80].strip("-") or "imported"
        data = {
            "kgenesis": 1,
            "name": slug,
            "title": self.name or slug,
            "space": {"factors": self.factors, "constraints": self.constraints}
            | ({"candidates": {"rows": self.candidates}} if self.candidates else {}),
            "objectives": self.objectives,
            "outcome_constraints": self.outcome_constraints,
            "lab": "people",
            "budget": {"experiments": len(self.results) + MORE_EXPERIMENTS},
        }
        try:
            mission = validated(data, self.file)
            check_mission(mission, self.file)
        except InvalidSpec as error:
            raise BadInput(
                error.detail, error.problems, hint=say("Nothing was written.", "아무것도 쓰지 않았습니다.")
            ) from error
        return mission


def _is_amount(factor: Mapping[str, Any]) -> bool:
    return factor["type"] == "real" and factor["low"] >= 0 and "step" not in factor and "scale" not in factor


# ---- reading ------------------------------------------------------------------------------------------------------


def table_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names in its first line; columns without a name are left out."""
    content, _ = read_table(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(say(f"{path} is not UTF-8 text", f"{path}이(가) UTF-8 텍스트가 아닙니다")) from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: cell for name, cell in row.items() if name and isinstance(cell, str)} for row in rows]


def number_in(cell: object) -> float | None:
    """Return the number in a cell; None if there is no finite one."""
    try:
        number = float(str(cell))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def conditions_in(draft: Draft, row: Mapping[str, Any]) -> dict[str, Value]:
    """Return a row's value of every factor of a draft, numbers as numbers."""
    conditions: dict[str, Value] = {}
    for factor in draft.factors:
        names = [part["name"] for part in factor.get("components", [factor])]
        for name in names:
            cell = row.get(name)
            is_text = factor["type"] == "categorical" or isinstance(factor.get("value"), str)
            value: Value = str(cell) if is_text else number_in(cell)
            if value is not None and factor["type"] == "integer" and float(value).is_integer():
                value = int(value)
            conditions[name] = None if cell is None or cell == "" else value
    return conditions


# ---- writing ------------------------------------------------------------------------------------------------------


def mission_text(draft: Draft, mission: Mission) -> str:
    """Return the draft as a mission file, with what is left to look at on top."""
    lines = [
        say(f"Made from {draft.file} by `kgenesis import`.", f"`kgenesis import`로 {draft.file}에서 만들었습니다.")
    ]
    lines += [say("Look at the units and the budget.", "단위와 예산을 확인하세요."), *draft.notes]
    head = "".join(f"# {text.en}\n# {text.ko}\n" for text in lines)
    data = {"kgenesis": mission.kgenesis, **mission.model_dump(mode="json", exclude_defaults=True)}
    if draft.candidates:
        data["space"]["candidates"] = candidates_name(mission)
    return head + str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110))


def candidates_name(mission: Mission) -> str:
    """Return what the table of all points is called, beside the mission file."""
    return f"{mission.name}.candidates.csv"


def candidates_text(draft: Draft, mission: Mission) -> str:
    """Return the table of all points."""
    names = mission.space.names
    return _csv_text([names, *([row.get(name) for name in names] for row in draft.candidates)])


def _csv_text(rows: Iterable[Sequence[Value]]) -> str:
    target = io.StringIO(newline="")
    csv.writer(target).writerows(rows)
    return target.getvalue()


def results_text(draft: Draft, mission: Mission) -> str:
    """Return the history as a results sheet that `kgenesis record` takes."""
    outcomes = mission.problem.outcomes
    header = [*mission.space.names, *(h for name in outcomes for h in (name, f"{name} sem")), "failure", "note"]
    rows: list[list[Value]] = [[neutral(name) for name in header]]
    for conditions, result in draft.results:
        cells: list[Value] = [conditions.get(name) for name in mission.space.names]
        for name in outcomes:
            found = result.outcomes.get(name) if isinstance(result, Measurement) else None
            cells += [None, None] if found is None else [found.mean, found.sem]
        cells += [result.kind, result.reason.en] if isinstance(result, Failure) else [None, None]
        rows.append([neutral(cell) if isinstance(cell, str) else cell for cell in cells])
    return _csv_text(rows)
