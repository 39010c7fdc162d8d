"""The alkaline electrolyser: its measured curves and balances, and that none of its holes can be exploited."""

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Value
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.hydrogen.electrolyser import FARADAY, MOLAR_MASS, VALID, Electrolyser, fitted
from kgenesis.testing.labs import Factory, LabCases

pytestmark = pytest.mark.skipif(find_spec("aec_modelling") is None, reason="aec-modelling is not installed")

GOOD = {"temperature": 75.0, "current_density": 250.0, "pressure": 8.0, "koh": 30.0}


class TestElectrolyser(LabCases):
    """The promises that every laboratory makes."""

    @pytest.fixture
    def factory(self) -> Factory:
        return Electrolyser.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("electrolyser").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "temperature": 95.0}


def cell(**changes: float) -> dict[str, float]:
    return Electrolyser().cell(GOOD | changes)


# Curves and balances


def test_it_agrees_with_what_is_known() -> None:
    for check in Electrolyser().checks():
        assert check.holds, check


def test_the_fit_holds_at_every_temperature_of_the_data_and_not_only_on_average() -> None:
    from aec_modelling import datasets

    data = datasets.load("ulleberg")
    for temperature, points in data[data["T"] > 313].groupby("T"):  # the mission begins at 40 °C
        off = fitted()[0].voltage(points["j"].to_numpy(), temperature, 7.0, 0.30) - points["V"].to_numpy()
        assert np.sqrt(np.mean(off**2)) < 0.010, temperature


def test_hydrogen_follows_faraday() -> None:
    assert cell()["rate"] == pytest.approx(2500 / (2 * FARADAY) * MOLAR_MASS * 86400)


def test_energy_is_the_voltage_and_what_is_around_it() -> None:
    found = cell(pressure=30.0)  # nothing is left to compress
    assert found["cooling"] > 0  # nothing is to be heated
    assert found["energy"] == pytest.approx(found["voltage"] / 0.96 * 2 * FARADAY / MOLAR_MASS / 3.6e6)


def test_water_needs_more_voltage_when_it_is_cold_and_hurried() -> None:
    assert cell(temperature=45.0)["voltage"] > cell()["voltage"] > cell(current_density=100.0)["voltage"] > 1.229


# Noise


def test_repeats_differ_by_the_residual_of_the_fit() -> None:
    lab, rng = Electrolyser(), np.random.default_rng(3)
    voltages = []
    for _ in range(400):
        found = lab.simulate(GOOD, rng)
        assert not isinstance(found, Failure)
        voltages.append(found["voltage"])
    assert np.std(voltages) == pytest.approx(fitted()[1], rel=0.12)
    assert np.mean(voltages) == pytest.approx(cell()["voltage"], abs=1e-3)


# What an optimiser would exploit


@pytest.mark.parametrize("name", sorted(VALID))
def test_conditions_without_data_are_infeasible(name: str) -> None:
    for beyond in (VALID[name][0] * 0.9, VALID[name][1] * 1.1):
        found = Electrolyser().simulate(GOOD | {name: beyond}, np.random.default_rng(0))
        assert isinstance(found, Failure)
        assert found.kind == "infeasible"


def test_low_pressure_pays_for_compression() -> None:
    low, high = cell(pressure=1.5), cell(pressure=30.0)
    assert low["cooling"] > 0
    cells = [each["voltage"] / 0.96 * 2 * FARADAY / MOLAR_MASS / 3.6e6 for each in (low, high)]
    isothermal = 8.314462618 * 313.15 * np.log(30 / 1.5) / 0.65 / MOLAR_MASS / 3.6e6
    assert low["energy"] - cells[0] == pytest.approx(isothermal)
    assert high["energy"] == pytest.approx(cells[1])


def test_a_cell_that_cools_itself_pays_for_its_heat() -> None:
    cold = cell(current_density=25.0, pressure=1.1, temperature=84.0)
    assert cold["cooling"] < 0
    assert cold["energy"] > cell(current_density=25.0, pressure=6.0, temperature=84.0)["energy"]
