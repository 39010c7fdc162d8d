"""The hydrogen gas turbine: its chemistry and balances, and that none of its holes can be exploited."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Value
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.hydrogen.gas_turbine import (
    AIR,
    AMBIENT,
    ATMOSPHERE,
    HEATING_VALUE,
    Combustor,
    GasTurbine,
    GasTurbineSettings,
    lean_flame,
)
from kgenesis.testing.labs import Factory, LabCases

pytestmark = pytest.mark.skipif(find_spec("cantera") is None, reason="Cantera is not installed")

GOOD = {
    "hydrogen": 0.7,
    "steam": 0.2,
    "nitrogen": 0.1,
    "pressure": 2.0,
    "equivalence": 0.45,
    "fuel_first": 0.7,
    "air_first": 0.75,
    "time_first": 3.0,
    "time_second": 1.0,
}


@pytest.fixture(scope="module")
def combustor() -> Combustor:
    return Combustor(GasTurbineSettings())


@pytest.fixture(scope="module")
def lab() -> GasTurbine:
    return GasTurbine()


def simulate(lab: GasTurbine, **changes: float) -> Any:
    return lab.simulate(GOOD | changes, np.random.default_rng(0))


class TestGasTurbine(LabCases):
    """The promises that every laboratory makes."""

    @pytest.fixture
    def factory(self) -> Factory:
        return GasTurbine.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("gas-turbine").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "equivalence": 0.3, "fuel_first": 0.3, "air_first": 0.95, "time_first": 0.3}


# Chemistry and balances


def test_it_agrees_with_what_is_known(lab: GasTurbine) -> None:
    for check in lab.checks():
        assert check.holds, check


@pytest.mark.parametrize("equivalence", [0.35, 0.45, 0.55])
def test_a_long_stirred_reactor_reaches_the_temperature_of_an_energy_balance(
    combustor: Combustor, equivalence: float
) -> None:
    air, fuel = combustor.at(AIR, 300, 2e6, 1.0), combustor.at("H2:1", 300, 2e6, 2 * 0.20946 * equivalence)
    burnt = combustor.set(combustor.stirred(air + fuel, 2e6, 1.0), 2e6)
    assert pytest.approx(lean_flame(equivalence, 300), abs=5) == burnt.T


def test_a_very_long_stay_ends_at_equilibrium(combustor: Combustor) -> None:
    feed = combustor.at(AIR, 700, 2e6, 1.0) + combustor.at("H2:1", 300, 2e6, 0.25)
    burnt = combustor.plug(combustor.stirred(feed, 2e6, 1.0), 2e6, 30.0)
    found = combustor.set(burnt, 2e6)
    made, temperature = found["NO"].X[0], found.T
    found.equilibrate("HP")
    assert temperature == pytest.approx(found.T, abs=0.5)
    assert made == pytest.approx(found["NO"].X[0], rel=0.02)


def test_thermal_no_rises_with_temperature_and_time(combustor: Combustor) -> None:
    def oxide(moles: float, seconds: float) -> float:
        feed = combustor.at(AIR, 700, 2e6, 1.0) + combustor.at("H2:1", 300, 2e6, moles)
        return float(combustor.set(combustor.stirred(feed, 2e6, seconds), 2e6)["NO"].X[0])

    assert oxide(0.25, 0.005) > 5 * oxide(0.2, 0.005)
    assert oxide(0.25, 0.02) > 2 * oxide(0.25, 0.005)


def test_mixing_keeps_elements_and_enthalpy(combustor: Combustor) -> None:
    one, two = combustor.at(AIR, 600, 2e6, 1.0), combustor.at("H2O:1", 500, 2e6, 0.3)
    both = one + two
    assert both.flow == pytest.approx(one.flow + two.flow)
    assert both.flow * both.enthalpy == pytest.approx(one.flow * one.enthalpy + two.flow * two.enthalpy)
    assert both.fractions.sum() == pytest.approx(1)


def test_a_perfect_compressor_and_turbine_give_back_what_they_took() -> None:
    perfect = Combustor(GasTurbineSettings(compressor_efficiency=1, turbine_efficiency=1))
    air, work = perfect.compressed(AIR, 2e6, 1.0)
    assert perfect.expanded(air, 2e6, 1.0) == pytest.approx(work, rel=1e-9)
    # an ideal gas of constant heat capacity would end at T (p/p0)^(R/cp)
    assert pytest.approx(AMBIENT * (2e6 / ATMOSPHERE) ** (2 / 7), rel=0.04) == perfect.set(air, 2e6).T


def test_the_heating_value_is_that_of_its_own_chemistry(combustor: Combustor) -> None:
    gas = combustor.gas
    gas.TPX = 298.15, ATMOSPHERE, "H2:1, O2:0.5"
    before, flow = gas.enthalpy_mole * 1.5, 2.01588
    gas.TPX = 298.15, ATMOSPHERE, "H2O:1"
    assert (before - gas.enthalpy_mole) / flow == pytest.approx(HEATING_VALUE, rel=1e-3)


def test_no_engine_beats_carnot_between_its_hottest_gas_and_ambient(lab: GasTurbine) -> None:
    found = simulate(lab)
    assert 0 < found["efficiency"] < 100 * (1 - AMBIENT / found["turbine_inlet"])


# What an optimiser would exploit


def test_a_flame_that_is_out_is_no_clean_flame(lab: GasTurbine) -> None:
    out = simulate(lab, equivalence=0.3, fuel_first=0.3, air_first=0.95, time_first=0.3)
    assert isinstance(out, Failure)
    assert out.kind == "infeasible"
    assert "blown out" in out.reason.en


def test_diluents_cool_and_cost(lab: GasTurbine) -> None:
    pure, diluted = (
        simulate(lab, hydrogen=1.0, steam=0.0, nitrogen=0.0),
        simulate(lab, hydrogen=0.5, steam=0.0, nitrogen=0.5),
    )
    assert diluted["nox"] < pure["nox"]
    assert diluted["turbine_inlet"] < pure["turbine_inlet"]
    assert diluted["efficiency"] < pure["efficiency"]


def test_a_hurried_flame_leaves_hydrogen(lab: GasTurbine) -> None:
    hurried = GasTurbine(GasTurbineSettings(burnout=0.05)).simulate(
        GOOD | {"time_second": 0.3}, np.random.default_rng(0)
    )
    assert not isinstance(hurried, Failure)
    assert float(hurried["slip"]) > simulate(lab)["slip"]  # type: ignore[arg-type]


def test_no_hydrogen_is_no_fuel(lab: GasTurbine) -> None:
    assert isinstance(simulate(lab, hydrogen=0.0), Failure)
