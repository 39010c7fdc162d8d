"""The signals of a district: queueing theory comes out of the engine, and no vehicle's wait can be hidden."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.advanced_mobility import signal_plan as sp
from kgenesis.labs.simulators.advanced_mobility.signal_plan import Plan, SignalPlan, Trip
from kgenesis.testing.labs import Factory, LabCases

pytestmark = pytest.mark.skipif(find_spec("uxsim") is None, reason="needs the extra mobility")

PLAIN: dict[str, Any] = {
    "cycle": 70.0,
    **{f"split_{i}": 0.6 for i in range(1, 5)},
    **dict(zip(("offset_2", "offset_3", "offset_4"), (0.34, 0.8, 0.09), strict=True)),
}


def tried(conditions: dict[str, Any], seed: int = 0) -> Measurement | Failure:
    """Return the lab's answer."""
    found = SignalPlan().measure(Task(ExperimentId("exp_1"), 1, conditions, (seed, 0)))
    assert isinstance(found, Measurement | Failure)
    return found


def judged(conditions: dict[str, Any], seed: int = 0) -> dict[str, float]:
    """Return the outcomes of a plan that works."""
    found = tried(conditions, seed)
    assert isinstance(found, Measurement), found
    return {name: outcome.mean for name, outcome in found.outcomes.items()} | dict(found.metadata)


def test_every_check_holds() -> None:
    checks = list(SignalPlan().checks())
    assert len(checks) == 6
    assert [check.what.en for check in checks if not check.holds] == []


def test_a_phase_lasts_as_long_as_the_plan_says() -> None:
    """The engine alone stretches every phase by a step: over 20 cycles of four phases a green would come 80 s late."""
    plan = Plan(80, (30,) * 4, (0,) * 4)
    at_green = [Trip("N1", "S1", 80.0 * k + 80 - 40 + 35 + 5) for k in range(18)]
    at_red = [Trip("N1", "S1", 80.0 * k + 80 - 40) for k in range(18)]
    assert sp.run(plan, at_green).delays.max() <= 1
    assert sp.run(plan, at_red).delays == pytest.approx(np.full(18, 34), abs=1)


def test_an_offset_moves_the_green_by_as_many_seconds() -> None:
    trips = [Trip("N3", "S3", 80.0 * k + 65) for k in range(1, 15)]
    waits = [float(sp.run(Plan(80, (30,) * 4, (0, 0, offset, 0)), trips).delays.mean()) for offset in (0, 7, 20)]
    assert np.diff(waits) == pytest.approx([7, 13], abs=0.5)


def test_equal_seeds_give_equal_results_and_others_do_not() -> None:
    first, again = tried(PLAIN), tried(PLAIN)
    assert isinstance(first, Measurement)
    assert isinstance(again, Measurement)
    assert (first.outcomes, first.metadata) == (again.outcomes, again.metadata)
    assert judged(PLAIN, 1) != judged(PLAIN)


def test_vehicles_that_never_arrive_count_with_the_time_they_have_spent() -> None:
    """Starved side streets cannot empty; if only arrivals counted, the longest waits would be missing."""
    starved = judged(PLAIN | {"cycle": 120.0, "split_2": 0.92})
    assert starved["arrived"] < starved["vehicles"]
    assert starved["side_delay"] > 200
    trips = sp.draw(np.random.default_rng(0))
    traffic = sp.run(Plan(120, (101,) * 4, (0,) * 4), trips)
    assert len(traffic.delays) == len(trips)
    assert traffic.n_arrived < len(trips)


def test_the_worst_side_street_pays_for_green_on_the_arterial() -> None:
    balanced, greedy = judged(PLAIN), judged(PLAIN | {"split_2": 0.75, "split_4": 0.75})
    assert greedy["side_delay"] > balanced["side_delay"] + 10


def test_offsets_matter_to_the_mean_delay() -> None:
    wrong = judged(PLAIN | {"offset_2": 0.84, "offset_3": 0.3, "offset_4": 0.59})
    assert wrong["delay"] > judged(PLAIN)["delay"] + 3


def test_random_arrivals_come_at_the_rates_of_the_table() -> None:
    trips = [trip for seed in range(20) for trip in sp.draw(np.random.default_rng(seed))]
    expected = 20 * sum(sp.DEMAND.values()) * (sp.WARM_UP + sp.COUNTED) / 3600
    assert len(trips) == pytest.approx(expected, abs=4 * expected**0.5)


def test_batch_means_know_that_neighbours_share_a_queue() -> None:
    """The delays of one cycle rise and fall together, so the error is larger than that of independent vehicles."""
    found = tried(PLAIN | {"split_2": 0.45})
    assert isinstance(found, Measurement)
    sem = found.outcomes["delay"].sem
    assert sem is not None
    assert 0.3 < sem < 30


@pytest.mark.parametrize("change", [{"split_2": 0.95}, {"split_4": 0.05}, {"cycle": 20.0}])
def test_a_green_too_short_to_cross_is_infeasible(change: dict[str, float]) -> None:
    found = tried(PLAIN | change)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"


class TestSignalPlan(LabCases):
    """The promises that every laboratory makes."""

    @pytest.fixture
    def factory(self) -> Factory:
        return SignalPlan.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("signal-plan").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return PLAIN

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return PLAIN | {"split_2": 0.95}
