"""The electric car: its energy against an integration of its own, and that none of its holes can be exploited."""

import copy
import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.ports import PluginContext
from kgenesis.labs.simulators.advanced_mobility import ev_range
from kgenesis.labs.simulators.advanced_mobility.ev_range import EvRange, EvSettings, drive_cycle, resources, sprint

needs_engine = pytest.mark.skipif(find_spec("fastsim") is None, reason="FASTSim is not installed")

GOOD: dict[str, Any] = {
    "battery": 53.0,
    "chemistry": "NMC",
    "motor_power": 150.0,
    "drag_coefficient": 0.26,
    "tyres": "eco",
    "drive": "RWD",
}


def found(**changes: Any) -> Any:
    """Return what the laboratory says of the good car, changed."""
    return EvRange().simulate({**GOOD, **changes}, np.random.default_rng(0))


def test_a_start_at_full_power_and_no_drag_takes_the_kinetic_energy_over_the_power() -> None:
    time = sprint(1500.0, 100e3, 1e9, 0.0, 0.0)
    assert time == pytest.approx(1500.0 * ev_range.TARGET_SPEED**2 / 2 / 100e3, rel=1e-4)


def test_a_car_too_weak_for_its_own_drag_never_gets_there() -> None:
    assert math.isinf(sprint(1500.0, 5e3, 1e9, 2.0, 200.0))


def test_settings_nobody_knows_are_refused() -> None:
    with pytest.raises(InvalidSpec):
        EvRange.make(PluginContext(settings={"nmc_cost": 1.0}))


@needs_engine
def test_fastsim_agrees_with_an_integration_of_the_road_load() -> None:
    checks = list(EvRange().checks())
    assert len(checks) == 3
    assert [check for check in checks if not check.holds] == []


@needs_engine
def test_a_good_car_keeps_its_books() -> None:
    values = found()
    assert values["range"] == pytest.approx(100 * 53.0 * (0.98 - 0.029) / values["energy"], rel=1e-5)
    parts = 1000 * 53.0 / 165 + 100.0
    assert values["mass"] == pytest.approx(1020 + 1.25 * parts)
    assert values["cost"] == pytest.approx(53 * 120 + 150 * 9 + 0.25e6 * 0.06**2 + 60)
    assert 9 < values["energy"] < 13


@needs_engine
def test_what_is_worse_for_the_road_needs_more() -> None:
    base = found()["energy"]
    assert found(drag_coefficient=0.31)["energy"] > base
    assert found(tyres="grip")["energy"] > base
    assert found(battery=80.0)["energy"] > base
    assert found(drive="AWD")["energy"] > base


@needs_engine
def test_grip_and_power_limit_the_start() -> None:
    base = found()["start_time"]
    assert found(drive="AWD", tyres="grip", motor_power=180.0)["start_time"] < base
    assert found(motor_power=90.0)["start_time"] > base
    assert found(tyres="grip")["start_time"] < base  # at this power the tyres are what limits


@needs_engine
def test_prices_and_masses_are_the_missions_to_set() -> None:
    dear = EvRange(EvSettings(nmc_price=240.0)).simulate(GOOD, np.random.default_rng(0))
    assert not isinstance(dear, Failure)
    assert dear["cost"] == pytest.approx(found()["cost"] + 53 * 120)
    assert EvRange(EvSettings(nmc_price=240.0)).version != EvRange().version


@needs_engine
@pytest.mark.parametrize(
    "change",
    [
        {"battery": 5.0},
        {"battery": math.nan},
        {"motor_power": 500.0},
        {"drag_coefficient": -0.2},
        {"tyres": "magic"},
        {"drive": "4WD"},
        {"chemistry": "LiS"},
        {"chemistry": "LFP", "battery": 40.0, "motor_power": 150.0},
    ],
)
def test_cars_that_cannot_be_are_infeasible(change: dict[str, Any]) -> None:
    failure = found(**change)
    assert isinstance(failure, Failure)
    assert failure.kind == "infeasible"


@needs_engine
def test_a_car_that_falls_behind_the_cycle_is_no_result() -> None:
    vehicle = copy.deepcopy(resources()[0])
    vehicle["pt_type"]["BEV"]["em"]["pwr_out_max_watts"] = 8000.0
    failure = drive_cycle(vehicle, "hwfet.csv")
    assert isinstance(failure, Failure)
    assert failure.kind == "infeasible"
    assert "hwfet" in failure.reason.ko


@needs_engine
@pytest.mark.parametrize("name", ["BALANCE_TOLERANCE", "DISTANCE_TOLERANCE"])
def test_energy_and_distance_are_balanced_for_every_car(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(ev_range, name, -1.0)  # nothing balances better than this
    failure = found()
    assert isinstance(failure, Failure)
    assert failure.kind == "crashed"
