"""Every laboratory that comes with K-Genesis keeps the promises of `testing.labs`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kgenesis.kernel.experiment import Failure, Value
from kgenesis.kernel.ports import Lab, PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.labs import functions, people, programs, tables
from kgenesis.labs.simulators import synthetic
from kgenesis.testing.labs import Factory, LabCases, task_of

TWO_NUMBERS = [
    {"name": "x1", "type": "real", "low": -5, "high": 10, "unit": "mm"},
    {"name": "x2", "type": "real", "low": 0, "high": 15, "unit": "mm"},
]


def problem_of(factors: list[dict[str, Any]], *outcomes: str) -> Problem:
    """Return a problem that minimises outcomes without units."""
    objectives = [{"name": name, "goal": "minimize", "unit": "1"} for name in outcomes]
    return Problem.model_validate({"space": {"factors": factors}, "objectives": objectives})


class TestSynthetic(LabCases):
    """The lab `synthetic`, with noise and a region that fails."""

    @pytest.fixture
    def factory(self) -> Factory:
        return synthetic.make_lab

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"function": "branin", "noise": 0.1, "infeasible_above": 200}

    @pytest.fixture
    def problem(self) -> Problem:
        return problem_of(TWO_NUMBERS, "value")

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"x1": 3.0, "x2": 2.5}

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {"x1": -5.0, "x2": 0.0}


class TestTable(LabCases):
    """The lab `table`, drawing one of two replicates."""

    @pytest.fixture
    def factory(self) -> Factory:
        return tables.make_lab

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        text = "solvent,x1,yield\nwater,1,10\nwater,1,12\nDMSO,1,30\nDMSO,2,\n"
        (tmp_path / "table.csv").write_text(text, encoding="utf-8")
        return tmp_path

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"path": "table.csv", "replicates": "draw"}

    @pytest.fixture
    def problem(self) -> Problem:
        solvent = {"name": "solvent", "type": "categorical", "levels": ["water", "DMSO"]}
        return problem_of([solvent, {"name": "x1", "type": "grid", "values": [1, 2], "unit": "1"}], "yield")

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"solvent": "water", "x1": 1.0}

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {"solvent": "DMSO", "x1": 2.0}


SIMULATOR = """\
import json, sys
x = json.load(sys.stdin)
print("simulating", file=sys.stderr)
if x["x1"] < 0:
    sys.exit(3)
print(json.dumps({"value": x["x1"] ** 2 + x["x2"]}))
"""


class TestCommand(LabCases):
    """The lab `command`, with a real program."""

    @pytest.fixture
    def factory(self) -> Factory:
        return programs.make_lab

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "simulator.py").write_text(SIMULATOR, encoding="utf-8")
        return tmp_path

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"command": [sys.executable, "simulator.py"], "exit_codes": {"3": "infeasible"}, "timeout": 60}

    @pytest.fixture
    def problem(self) -> Problem:
        return problem_of(TWO_NUMBERS, "value")

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"x1": 2.0, "x2": 1.0}

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {"x1": -1.0, "x2": 1.0}


FUNCTION = """\
import numpy as np
from kgenesis.kernel.experiment import Failure

def measure(conditions, seed):
    print("this must not reach standard output")
    if conditions["x1"] < 0:
        return {"failure": {"kind": "infeasible", "reason": {"en": "below zero", "ko": "0보다 작음"}}}
    return {"value": {"mean": conditions["x1"] + np.random.default_rng(seed).normal(), "sem": 1.0, "n": 1}}
"""


class TestPython(LabCases):
    """The lab `python`, with a function that draws random numbers and prints."""

    @pytest.fixture
    def factory(self) -> Factory:
        return functions.make_lab

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "measuring.py").write_text(FUNCTION, encoding="utf-8")
        return tmp_path

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"function": "measuring:measure", "outcomes": ["value"]}

    @pytest.fixture
    def problem(self) -> Problem:
        return problem_of(TWO_NUMBERS, "value")

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"x1": 2.0, "x2": 1.0}

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {"x1": -1.0, "x2": 1.0}


class TestPeople:
    """The lab `people` measures nothing itself, so most promises are not its own."""

    @pytest.fixture
    def lab(self) -> Lab:
        settings = {"instructions": {"en": "Weigh twice.", "ko": "두 번 재세요."}}
        return people.make_lab(PluginContext(settings=settings, problem=problem_of(TWO_NUMBERS, "yield")))

    def test_it_says_that_it_has_effects_in_the_world(self, lab: Lab) -> None:
        assert lab.is_physical
        assert lab.version == "1"

    def test_it_measures_whatever_the_mission_asks_for(self, lab: Lab) -> None:
        assert lab.outcomes == frozenset({"yield"})

    def test_an_executor_that_asks_it_is_refused_and_told_about_sheets(self, lab: Lab) -> None:
        result = lab.measure(task_of({"x1": 1.0, "x2": 1.0}))
        assert isinstance(result, Failure)
        assert result.kind == "refused"
        assert "kgenesis suggest" in result.reason.en
        assert "kgenesis suggest" in result.reason.ko
