"""The power device against the closed forms that follow from Fulop's law, and against itself."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from scipy.integrate import quad

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.semiconductor_display.power_device import (
    CHARGE,
    DOPING_SPREAD,
    IONISATION,
    PERMITTIVITY,
    Layers,
    PowerDevice,
    baliga_limit,
    mobility,
)
from kgenesis.testing.labs import Factory, LabCases

GOOD: Mapping[str, Value] = {
    "doping_top": 1e14,
    "doping_bottom": 1.2e14,
    "thickness": 110.0,
    "buffer_doping": 5e15,
    "buffer_thickness": 6.0,
}


def measure(**changed: Value) -> Measurement | Failure:
    return PowerDevice().measure(Task(ExperimentId("exp_1"), 1, {**GOOD, **changed}, (1, 2)))


class TestPowerDevice(LabCases):
    """The lab keeps the promises of every lab."""

    @pytest.fixture
    def factory(self) -> Factory:
        return PowerDevice.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("power-device").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "buffer_doping": 1e14}


def test_its_own_checks_hold() -> None:
    checks = list(PowerDevice().checks())
    assert len(checks) == 2
    assert all(check.holds for check in checks)


def test_a_thin_lightly_doped_layer_breaks_down_as_a_capacitor_does() -> None:
    # nearly constant field: c E⁷ W = 1, V = E W, with next to nothing in the heavily doped buffer
    width = 100e-4
    thin = Layers(1e9, 1e9, 100.0, 1e18, 1.0)
    assert thin.breakdown() == pytest.approx((1 / (IONISATION * width)) ** (1 / 7) * width, rel=2e-3)


def test_the_ionisation_integral_of_a_graded_layer_is_that_of_quadrature() -> None:
    layers, peak = Layers(5e13, 2e14, 100.0, 1e16, 5.0), 2.2e5

    def field(x: float) -> float:
        doping = 5e13 + 1.5e14 * x / (2 * 100e-4)  # mean doping down to x
        return max(peak - CHARGE / PERMITTIVITY * doping * x, 0.0)

    exact, _ = quad(lambda x: IONISATION * field(x) ** 7, 0, 100e-4, limit=200)
    assert layers.multiplication(peak) == pytest.approx(exact, rel=1e-3)


def test_resistance_is_that_of_its_layers_in_series() -> None:
    layers = Layers(1e14, 1e14, 100.0, 1e16, 5.0)
    one, two = (1 / (CHARGE * float(mobility(np.array([n]))[0]) * n) for n in (1e14, 1e16))
    assert layers.resistance() == pytest.approx(1000 * (one * 100e-4 + two * 5e-4), rel=1e-9)


def test_punching_through_saves_a_ninth_and_hardly_more() -> None:
    # Hu 1979: uniform doping at its best is 8/9 of the triangular field's resistance at the same breakdown voltage
    ratios = []
    for doping in np.geomspace(5e13, 2e14, 9):
        for thickness in np.linspace(70, 120, 9):
            layers = Layers(doping, doping, thickness, 1e18, 1.0)
            ratios.append(layers.resistance() / baliga_limit(layers.breakdown()))
    assert min(ratios) == pytest.approx(8 / 9, abs=0.04)


def test_breakdown_is_guaranteed_over_the_spread_and_below_that_of_the_wafer_as_drawn() -> None:
    found = measure()
    assert isinstance(found, Measurement)
    nominal = Layers(1e14, 1.2e14, 110.0, 5e15, 6.0)
    assert found.mean("breakdown") < nominal.breakdown()
    assert found.mean("breakdown") <= nominal.corner(1 + DOPING_SPREAD, 1.0).breakdown()


def test_a_field_that_goes_through_the_buffer_has_a_negative_reserve_without_a_jump() -> None:
    found = [Layers(6e13, 6e13, 70.0, 2e15, b).reserve(1200) for b in (2.0, 4.0, 6.0, 8.0)]
    assert found[0] < 0 < found[-1]
    assert np.allclose(np.diff(found), 2.0, atol=0.3)


@pytest.mark.parametrize("wrong", [{"buffer_doping": 1e14}, {"buffer_thickness": 0.5}, {"thickness": 0.0}])
def test_what_cannot_be_grown_is_no_result(wrong: dict[str, Value]) -> None:
    found = measure(**wrong)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"
    assert math.isfinite(found.seconds or 0.0)
