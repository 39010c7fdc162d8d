"""The supercritical CO₂ cycle: its thermodynamics, and that none of its holes can be exploited."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Value
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.next_generation_nuclear.sco2_cycle import (
    CELSIUS,
    MEGA,
    Cycle,
    Infeasible,
    Plant,
    Sco2Cycle,
    Sco2Settings,
    _exchange,
)
from kgenesis.testing.labs import Factory, LabCases

pytestmark = pytest.mark.skipif(find_spec("CoolProp") is None, reason="CoolProp is not installed")

GOOD = {
    "high_pressure": 20.0,
    "low_pressure": 7.7,
    "coldest_temperature": 32.0,
    "split": 0.40,
    "low_approach": 10.0,
    "high_approach": 10.0,
}
"""Near the design that Dostal et al. start from."""


@pytest.fixture(scope="module")
def plant() -> Plant:
    return Plant(Sco2Settings())


def solve(plant: Plant, **changes: float) -> Cycle:
    x = GOOD | changes
    return plant.solve(
        x["high_pressure"] * MEGA,
        x["low_pressure"] * MEGA,
        x["coldest_temperature"] + CELSIUS,
        x["split"],
        x["low_approach"],
        x["high_approach"],
    )


def simulate(**changes: float) -> Any:
    return Sco2Cycle().simulate(GOOD | changes, np.random.default_rng(0))


# Thermodynamics


def test_it_agrees_with_what_is_known() -> None:
    for check in Sco2Cycle().checks():
        assert check.holds, check


def test_entropy_is_generated(plant: Plant) -> None:
    assert solve(plant).generated > 0


@pytest.mark.parametrize("change", [{}, {"split": 0.2}, {"high_pressure": 25.0}, {"coldest_temperature": 40.0}])
def test_no_cycle_beats_carnot_or_machines_without_losses(plant: Plant, change: dict[str, float]) -> None:
    cycle = solve(plant, **change)
    perfect = Plant(
        Sco2Settings(turbine_efficiency=1, compressor_efficiency=1, recuperator_loss=0, heater_loss=0, cooler_loss=0)
    )
    carnot = 1 - cycle.states["1"].temperature / cycle.states["6"].temperature
    assert cycle.efficiency < solve(perfect, **change).efficiency < carnot


def test_without_recompression_it_is_the_simple_recuperated_cycle(plant: Plant) -> None:
    """Worked out from its five states alone, with CoolProp's other interface."""
    from CoolProp.CoolProp import PropsSI

    cycle, s = solve(plant, split=0.0, low_approach=20.0, high_approach=100.0), Sco2Settings()

    def enthalpy(p: float, **at: float) -> float:
        ((name, value),) = at.items()
        return float(PropsSI("H", "P", p, name, value, "CO2"))

    high, low = 20e6, 7.7e6
    first, second = low / (1 - s.cooler_loss), low / (1 - s.cooler_loss) / (1 - s.recuperator_loss) ** 2
    hot = high * (1 - s.recuperator_loss) ** 2 * (1 - s.heater_loss)
    h1 = enthalpy(low, T=305.15)
    h2 = h1 + (enthalpy(high, S=PropsSI("S", "P", low, "T", 305.15, "CO2")) - h1) / s.compressor_efficiency
    h6 = enthalpy(hot, T=823.15)
    h7 = h6 - s.turbine_efficiency * (h6 - enthalpy(second, S=PropsSI("S", "P", hot, "T", 823.15, "CO2")))
    h9 = enthalpy(first, T=PropsSI("T", "P", high, "H", h2, "CO2") + 20)
    expected = ((h6 - h7) - (h2 - h1)) / (h6 - (h2 + h7 - h9))
    assert cycle.efficiency == pytest.approx(expected, rel=1e-9)
    assert cycle.efficiency < solve(plant).efficiency


def test_at_low_pressure_machines_are_those_of_an_ideal_gas(plant: Plant) -> None:
    """Against the NASA polynomial of CO₂ (McBride, Gordon and Reno, NASA TM-4513, 1993; 200-1000 K)."""
    a = [2.35677352, 8.98459677e-3, -7.12356269e-6, 2.45919022e-9, -1.43699548e-13]
    gas = 8.314462618 / 0.0440098

    def enthalpy(t: float) -> float:
        return gas * sum(c * t ** (k + 1) / (k + 1) for k, c in enumerate(a))

    def entropy(t: float) -> float:
        return gas * (a[0] * np.log(t) + sum(c * t**k / k for k, c in enumerate(a) if k))

    start, target = plant._pt(3e3, 823.15), 1e3
    ideal = np.interp(entropy(823.15) + gas * np.log(1 / 3), entropy(np.arange(600.0, 823.0, 0.01)), np.arange(600.0, 823.0, 0.01))  # fmt: skip
    drop = start.enthalpy - plant._expand(start, target).enthalpy
    assert drop == pytest.approx(Sco2Settings().turbine_efficiency * (enthalpy(823.15) - enthalpy(ideal)), rel=2e-4)


def test_an_exchanger_has_the_conductance_of_the_logarithmic_mean_difference() -> None:
    even = _exchange(np.full(13, 20.0), 600.0)
    assert (even.pinch, even.conductance) == pytest.approx((20.0, 30.0))
    # two streams of constant heat capacity: differences are linear in heat
    wedge = _exchange(np.linspace(10, 40, 13), 600.0)
    assert wedge.conductance == pytest.approx(600.0 / (30 / np.log(4)), rel=1e-12)


def test_twelve_segments_are_enough(plant: Plant) -> None:
    fine = solve(Plant(Sco2Settings(segments=96)))
    coarse = solve(plant)
    for name in ("low", "high", "cooler"):
        one, other = getattr(coarse, name), getattr(fine, name)
        assert one.pinch == pytest.approx(other.pinch, abs=0.1)
        assert one.conductance == pytest.approx(other.conductance, rel=5e-3)


class TestSco2Cycle(LabCases):
    """The promises that every laboratory makes."""

    @pytest.fixture
    def factory(self) -> Factory:
        return Sco2Cycle.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("sco2-cycle").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "low_pressure": 6.5, "coldest_temperature": 25.0}


# What an optimiser would exploit


def test_a_recuperator_whose_streams_cross_inside_is_infeasible() -> None:
    crossing = simulate(split=0.45)
    assert isinstance(crossing, Failure), crossing
    assert crossing.kind == "infeasible"


def test_compression_that_would_start_in_wet_vapour_is_infeasible() -> None:
    for wet in (
        simulate(low_pressure=6.5, coldest_temperature=25.0),
        simulate(low_pressure=7.4, coldest_temperature=31.0),
    ):
        assert isinstance(wet, Failure)
        assert "compressor" in wet.reason.en


def test_closer_approaches_are_paid_for_in_heat_exchangers() -> None:
    near, far = simulate(low_approach=10.0, high_approach=10.0), simulate(low_approach=30.0, high_approach=30.0)
    assert near["efficiency"] > far["efficiency"]
    assert near["conductance"] > 1.3 * far["conductance"]


def test_a_split_that_balances_nothing_is_infeasible_and_one_that_is_none_too() -> None:
    for split in (0.499, 1.0, -0.1):
        assert isinstance(simulate(split=split, high_approach=5.0, low_approach=5.0), Failure)


def test_pressures_that_leave_the_turbine_nothing_are_infeasible(plant: Plant) -> None:
    with pytest.raises(Infeasible):
        solve(plant, high_pressure=7.8)
