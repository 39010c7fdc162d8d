"""The fast-charging lab: its physics, and that none of its holes can be exploited."""

import itertools
import subprocess
import sys
from importlib.util import find_spec

import pytest

from kgenesis.kernel.errors import InvalidConditions, InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import PluginContext
from kgenesis.labs.simulators.secondary_battery.cell import (
    BatterySettings,
    Cell,
    ChargeResult,
    Rejection,
    find_fault,
)
from kgenesis.labs.simulators.secondary_battery.fast_charge import BatteryFastCharge

needs_pybamm = pytest.mark.skipif(find_spec("pybamm") is None, reason="PyBaMM is not installed")

GOOD = {
    "current_1": 11.0,
    "current_2": 9.5,
    "current_3": 8.0,
    "current_4": 4.2,
    "switch_1": 21.0,
    "switch_2": 45.0,
    "switch_3": 68.5,
}
"""A protocol that keeps every limit."""


@pytest.fixture(scope="module")
def coarse() -> Cell:
    """The cheap model."""
    return Cell(BatterySettings(model="SPMe"))


@pytest.fixture(scope="module")
def fine() -> Cell:
    """The model missions use."""
    return Cell()


@pytest.fixture(scope="module")
def lab() -> BatteryFastCharge:
    """A lab, as a mission file makes it."""
    return BatteryFastCharge.make(PluginContext(settings={"model": "SPMe"}))


def task(conditions: dict[str, float], seed: int = 0) -> Task:
    """Return an experiment with these conditions."""
    return Task(experiment=ExperimentId("exp_1"), attempt=1, conditions=dict(conditions), seed=(0, seed))


def done(result: ChargeResult | Rejection) -> ChargeResult:
    """Return a charge that must have worked."""
    assert isinstance(result, ChargeResult), result
    return result


# What needs no simulation


def test_the_lab_can_be_named_and_listed_without_loading_the_simulator() -> None:
    code = "import sys, kgenesis.labs.simulators.secondary_battery.fast_charge as b; b.BatteryFastCharge.make; sys.exit('pybamm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_mission_cannot_set_what_the_lab_does_not_know() -> None:
    with pytest.raises(InvalidSpec):
        BatteryFastCharge.make(PluginContext(settings={"n_step": 4}))
    with pytest.raises(InvalidSpec):
        BatteryFastCharge.make(PluginContext(settings={"protection_voltage": 4.1}))


def test_a_protocol_of_n_steps_has_n_currents_and_one_switch_point_less() -> None:
    assert BatterySettings(n_steps=3).factors == ("current_1", "current_2", "current_3", "switch_1", "switch_2")
    assert BatterySettings(n_steps=1).factors == ("current_1",)


@pytest.mark.parametrize(
    ("currents", "switches"),
    [
        ((0.0,), ()),
        ((-5.0,), ()),
        ((float("nan"),), ()),
        ((float("inf"),), ()),
        ((20.1,), ()),
        ((5.0, 5.0), (10.0,)),
        ((5.0, 5.0), (79.0,)),
        ((5.0, 5.0), (float("nan"),)),
        ((5.0, 5.0, 5.0), (40.0, 40.0)),
        ((5.0, 5.0, 5.0), (60.0, 40.0)),
    ],
)
def test_a_protocol_nobody_could_carry_out_is_refused_before_it_is_tried(
    currents: tuple[float, ...], switches: tuple[float, ...]
) -> None:
    assert find_fault(currents, switches) is not None


def test_conditions_with_a_factor_missing_or_too_many_are_an_error_not_a_measurement() -> None:
    lab = BatteryFastCharge()
    for conditions in ({k: v for k, v in GOOD.items() if k != "switch_2"}, {**GOOD, "current_5": 3.0}):
        with pytest.raises(InvalidConditions):
            lab.measure(task(conditions))


@needs_pybamm
def test_the_version_changes_with_everything_that_changes_results() -> None:
    settings = [
        BatterySettings(),
        BatterySettings(model="SPMe"),
        BatterySettings(ambient=30),
        BatterySettings(n_steps=3),
    ]
    versions = {BatteryFastCharge(each).version for each in settings}
    assert len(versions) == len(settings)
    assert BatteryFastCharge().version == BatteryFastCharge().version
    assert all("pybamm" in version and "OKane2022" in version for version in versions)


# Physics, on the cheap model


@needs_pybamm
def test_one_c_charges_seventy_percent_in_the_time_the_charge_takes(coarse: Cell) -> None:
    result = done(coarse.charge((5.0,), ()))
    assert result.charge == pytest.approx(0.7 * coarse.capacity, rel=1e-6)
    assert result.charge_time == pytest.approx(60 * 0.7 * coarse.capacity / 5.0, rel=1e-7)
    assert 42 <= result.charge_time <= 43.5


@needs_pybamm
def test_the_cell_has_about_its_nominal_capacity(coarse: Cell) -> None:
    assert coarse.capacity == pytest.approx(5.0, rel=0.03)


@needs_pybamm
def test_steps_add_up_to_the_time_their_currents_and_switch_points_say(coarse: Cell) -> None:
    result = done(coarse.charge((9.0, 7.0, 4.0), (30.0, 60.0)))
    hours = sum(q / i for q, i in zip((0.2, 0.3, 0.2), (9.0, 7.0, 4.0), strict=True)) * coarse.capacity
    assert result.charge_time == pytest.approx(60 * hours, rel=1e-6)
    assert result.charge == pytest.approx(0.7 * coarse.capacity, rel=1e-6)


@needs_pybamm
def test_a_switch_point_between_equal_currents_changes_nothing(coarse: Cell) -> None:
    whole, split = done(coarse.charge((4.0,), ())), done(coarse.charge((4.0, 4.0), (45.0,)))
    assert split.max_temperature == pytest.approx(whole.max_temperature, abs=0.05)
    assert split.min_anode_potential == pytest.approx(whole.min_anode_potential, abs=2e-4)
    assert split.max_voltage == pytest.approx(whole.max_voltage, abs=5e-4)
    assert split.plated == pytest.approx(whole.plated, rel=0.005)


@needs_pybamm
def test_more_current_means_more_heat_more_voltage_and_an_anode_nearer_to_plating(coarse: Cell) -> None:
    results = [done(coarse.charge((current, 2.0), (30.0,))) for current in (7.0, 8.0, 9.0)]
    for slow, fast in itertools.pairwise(results):
        assert fast.charge_time < slow.charge_time
        assert fast.max_temperature > slow.max_temperature
        assert fast.min_anode_potential < slow.min_anode_potential


@needs_pybamm
def test_a_slow_charge_stays_at_ambient_and_far_from_plating(coarse: Cell) -> None:
    result = done(coarse.charge((1.0,), ()))
    assert 25.0 <= result.max_temperature < 27.0
    assert result.min_anode_potential > 0.03
    assert result.max_voltage < 4.15


@needs_pybamm
def test_a_charge_that_stops_early_is_infeasible_not_fast(coarse: Cell) -> None:
    result = coarse.charge((10.0,), ())
    assert isinstance(result, Rejection)
    assert result.kind == "infeasible"
    assert "% SOC" in result.reason.en


@needs_pybamm
def test_a_current_that_passes_the_limit_at_once_is_infeasible_too(coarse: Cell) -> None:
    result = coarse.charge((3.0, 20.0), (77.0,))
    assert isinstance(result, Rejection)
    assert result.kind == "infeasible"


@needs_pybamm
def test_a_charge_that_never_ends_is_infeasible(coarse: Cell) -> None:
    result = coarse.charge((0.001, 5.0), (12.0,))
    assert isinstance(result, Rejection)
    assert result.kind == "infeasible"


@needs_pybamm
def test_the_cell_remembers_nothing_of_the_charge_before(coarse: Cell) -> None:
    first = coarse.charge((9.0, 5.0), (40.0,))
    coarse.charge((20.0,), ())
    coarse.charge((2.0,), ())
    assert coarse.charge((9.0, 5.0), (40.0,)) == first


@needs_pybamm
def test_the_model_is_built_once_whatever_the_currents(lab: BatteryFastCharge, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.measure(task(GOOD))

    def rebuilt(*_: object) -> None:
        msg = "the model was built again"
        raise AssertionError(msg)

    monkeypatch.setattr(Cell, "__init__", rebuilt)
    slower = GOOD | {"current_1": 10.123456}
    first, second = lab.measure(task(slower)), lab.measure(task(slower, seed=7))
    assert isinstance(first, Measurement)
    assert isinstance(second, Measurement)
    assert first.outcomes == second.outcomes


@needs_pybamm
def test_the_lab_measures_what_it_promises_or_says_why_not(lab: BatteryFastCharge) -> None:
    good, bad = lab.measure(task(GOOD)), lab.measure(task(GOOD | {"current_4": 20.0}))
    assert isinstance(good, Measurement)
    assert set(good.outcomes) == set(BatteryFastCharge.outcomes_in) == lab.outcomes
    assert isinstance(bad, Failure)
    assert bad.kind == "infeasible"
    assert bad.reason.ko != bad.reason.en


@needs_pybamm
def test_simulating_says_nothing_and_sends_nothing_home(
    coarse: Cell, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    coarse.charge((9.0, 5.0), (40.0,))
    coarse.charge((3.0, 20.0), (77.0,))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    assert not list(recwarn)
    pybamm = sys.modules["pybamm"]
    assert pybamm.config.check_opt_out()


# The model missions use


@needs_pybamm
@pytest.mark.slow
def test_a_good_protocol_keeps_every_limit_and_beats_the_best_admissible_cc_cv(fine: Cell) -> None:
    good = done(fine.charge(tuple(GOOD.values())[:4], tuple(GOOD.values())[4:]))
    assert good.max_temperature < 50
    assert good.min_anode_potential > 0
    assert good.max_voltage < 4.2
    c_rate, reference = fine.fastest_cc_cv(resolution=0.02)
    assert 1.2 < c_rate < 1.6
    assert reference.max_voltage == pytest.approx(4.2, abs=1e-4)
    assert reference.charge == pytest.approx(0.7 * fine.capacity, rel=1e-4)
    assert good.charge_time < 0.95 * reference.charge_time
    assert good.plated < reference.plated


@needs_pybamm
@pytest.mark.slow
def test_charging_too_fast_plates_lithium(fine: Cell) -> None:
    result = done(fine.charge((15.0, 12.0, 8.0, 3.0), (25.0, 50.0, 70.0)))
    assert result.min_anode_potential < 0
    assert result.max_temperature > 50


@needs_pybamm
@pytest.mark.slow
def test_a_tighter_tolerance_changes_no_outcome_that_matters(fine: Cell) -> None:
    protocol = tuple(GOOD.values())[:4], tuple(GOOD.values())[4:]
    usual = done(fine.charge(*protocol))
    tight = done(Cell(BatterySettings(tolerance=1e-6)).charge(*protocol))
    assert usual.max_temperature == pytest.approx(tight.max_temperature, abs=0.05)
    assert usual.min_anode_potential == pytest.approx(tight.min_anode_potential, abs=3e-4)
    assert usual.max_voltage == pytest.approx(tight.max_voltage, abs=2e-4)
    assert usual.plated == pytest.approx(tight.plated, abs=0.1)


@needs_pybamm
@pytest.mark.slow
def test_better_cooling_keeps_the_cell_colder_but_brings_the_anode_nearer_to_plating(fine: Cell) -> None:
    protocol = tuple(GOOD.values())[:4], tuple(GOOD.values())[4:]
    still = done(fine.charge(*protocol))
    fan = Cell(BatterySettings(heat_transfer=25)).charge(*protocol)
    assert done(fan).max_temperature < still.max_temperature - 3
    assert done(fan).min_anode_potential < still.min_anode_potential
