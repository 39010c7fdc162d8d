"""The coating lab against closed forms of optics."""

import math
from collections.abc import Mapping
from importlib.util import find_spec

import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.semiconductor_display.anti_reflection import (
    ENERGY_TOLERANCE,
    GLASS,
    MATERIALS,
    AntiReflection,
    index_of,
    spectrum,
)
from kgenesis.testing.labs import Factory, LabCases

pytestmark = pytest.mark.skipif(find_spec("tmm") is None, reason="tmm is not installed")

GOOD: Mapping[str, Value] = {
    "material_1": "MgF2",
    "material_2": "ZrO2",
    "material_3": "SiO2",
    "material_4": "ZrO2",
    "thickness_1": 97.0,
    "thickness_2": 130.0,
    "thickness_3": 28.0,
    "thickness_4": 20.0,
}


def measure(**changed: Value) -> Measurement | Failure:
    return AntiReflection().measure(Task(ExperimentId("exp_1"), 1, {**GOOD, **changed}, (1, 2)))


class TestAntiReflection(LabCases):
    """The lab keeps the promises of every lab."""

    @pytest.fixture
    def factory(self) -> Factory:
        return AntiReflection.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("anti-reflection").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "thickness_1": 1.0}


def test_its_own_checks_hold() -> None:
    checks = list(AntiReflection().checks())
    assert len(checks) == 4
    assert all(check.holds for check in checks)


@pytest.mark.parametrize("angle", [0.0, 35.0, 80.0])
def test_half_waves_are_not_there_and_energy_is_kept(angle: float) -> None:
    wave = 500.0
    bare, _ = spectrum([], wavelengths=[wave], angles=[angle])
    n = index_of(MATERIALS["TiO2"], wave)
    inside = math.sqrt(1 - (math.sin(math.radians(angle)) / n) ** 2)
    coated, imbalance = spectrum([("TiO2", wave / (2 * n * inside))], wavelengths=[wave], angles=[angle])
    assert coated[0, 0] == pytest.approx(bare[0, 0], abs=1e-12)
    assert imbalance < ENERGY_TOLERANCE


def test_two_quarter_waves_follow_the_closed_form() -> None:
    wave = 550.0
    one, two = (index_of(MATERIALS[m], wave) for m in ("MgF2", "Y2O3"))
    found, _ = spectrum([("MgF2", wave / 4 / one), ("Y2O3", wave / 4 / two)], wavelengths=[wave], angles=[0.0])
    admittance = (one / two) ** 2 * index_of(GLASS, wave)
    assert found[0, 0] == pytest.approx(((1 - admittance) / (1 + admittance)) ** 2, abs=1e-12)


def test_descriptors_in_the_mission_are_the_indices_of_the_lab() -> None:
    factors = {f.name: f for f in load_mission("anti-reflection").mission.space.factors}
    for k in range(1, 5):
        factor = factors[f"material_{k}"]
        for name, given in zip(factor.levels, factor.descriptors["index"], strict=True):  # type: ignore[union-attr]
            assert given == pytest.approx(index_of(MATERIALS[name], 550), abs=1.5e-3)


def test_a_good_coating_beats_the_single_layer_and_its_worst_is_no_mean() -> None:
    found = measure()
    assert isinstance(found, Measurement)
    assert found.mean("reflectance") < 1.5
    assert found.mean("worst") > found.mean("reflectance")
    assert found.mean("total") == pytest.approx(275)


@pytest.mark.parametrize("wrong", [{"thickness_2": 4.0}, {"thickness_2": 500.0}, {"material_1": "adamantium"}])
def test_what_cannot_be_coated_is_no_result(wrong: dict[str, Value]) -> None:
    found = measure(**wrong)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"


def test_the_mission_asks_for_less_than_the_best_single_layer_reflects_and_nowhere_for_more() -> None:
    problem = load_mission("anti-reflection").mission.problem
    singles = {t: spectrum([("MgF2", float(t))])[0] * 100 for t in range(85, 126, 2)}
    best = min(singles, key=lambda t: singles[t].mean())
    assert best == 103
    assert singles[best].mean() == pytest.approx(2.1364, abs=1e-4)
    assert singles[best].max() == pytest.approx(4.3842, abs=1e-4)
    target = problem.objectives[0].target
    assert target is not None
    assert target < 0.71 * singles[best].mean()
    worst = next(c.at_most for c in problem.outcome_constraints if c.outcome == "worst")
    assert worst == pytest.approx(singles[best].max(), abs=0.02)
