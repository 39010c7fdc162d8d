"""A streaming intrusion detector: what is known of it comes out, labels and the future stay away from it."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.cyber_security import intrusion_detector as ids
from kgenesis.labs.simulators.cyber_security.intrusion_detector import IntrusionDetector
from kgenesis.testing.labs import Factory, LabCases

pytestmark = pytest.mark.skipif(find_spec("river") is None, reason="needs the extra security")

NOTHING: dict[str, Any] = dict.fromkeys(IntrusionDetector.factors) | {"clip": 5.0, "flagged": 7.0}
CHART = NOTHING | {"detector": "control-chart", "memory": 0.01}
TREES = NOTHING | {"detector": "half-space-trees", "trees": 5.0, "height": 4.0, "window": 100.0}
LODA = NOTHING | {"detector": "loda", "projections": 4.0, "bins": 8.0}


def tried(conditions: dict[str, Any], seed: int = 0) -> Measurement | Failure:
    """Return the lab's answer."""
    found = IntrusionDetector().measure(Task(ExperimentId("exp_1"), 1, conditions, (seed, 0)))
    assert isinstance(found, Measurement | Failure)
    return found


def judged(conditions: dict[str, Any], seed: int = 0) -> dict[str, float]:
    """Return the outcomes of a detector that works."""
    found = tried(conditions, seed)
    assert isinstance(found, Measurement), found
    return {name: outcome.mean for name, outcome in found.outcomes.items()}


def test_every_check_holds() -> None:
    checks = list(IntrusionDetector().checks())
    assert len(checks) == 8
    assert [check.what.en for check in checks if not check.holds] == []


@pytest.mark.parametrize("conditions", [CHART, TREES, LODA])
def test_equal_seeds_give_equal_results_and_others_do_not(conditions: dict[str, Any]) -> None:
    first = tried(conditions)
    again = tried(conditions)
    assert isinstance(first, Measurement)
    assert isinstance(again, Measurement)
    assert first.outcomes == again.outcomes
    assert first.metadata == again.metadata
    assert judged(conditions, 1) != judged(conditions)


def test_flagging_more_finds_more_and_alarms_more() -> None:
    few, many = judged(CHART | {"flagged": 2.0}), judged(CHART | {"flagged": 20.0})
    assert many["detection"] > few["detection"] + 20
    assert many["false_alarms"] > few["false_alarms"] + 5


def test_labels_do_not_reach_the_detector() -> None:
    """With shuffled labels the alarms are the same, and detection falls to the share that is flagged."""
    records, is_attack = ids.development()
    blind = np.random.default_rng(3).permutation(is_attack)
    seen = ids._judge(CHART, records, is_attack, 6, np.random.default_rng(0))
    unseen = ids._judge(CHART, records, blind, 6, np.random.default_rng(0))
    n = 6 * ids.HELD_OUT

    def alarms(found: dict[str, Any]) -> float:
        attacks = found["attacks"] / n
        return attacks * found["detection"].mean + (1 - attacks) * found["false_alarms"].mean

    assert alarms(unseen) == pytest.approx(alarms(seen), abs=0.3)
    assert seen["detection"].mean > 70
    assert unseen["detection"].mean == pytest.approx(alarms(seen), abs=4 * unseen["detection"].sem)
    assert unseen["area"] == pytest.approx(0.5, abs=0.1)


def test_the_threshold_does_not_move_with_what_is_judged() -> None:
    scores = np.arange(100.0)
    labels = np.array([True, False])
    assert ids.rates(scores, np.array([98.0, 98.0]), labels, 5.0) == (100.0, 100.0)
    assert ids.rates(scores, np.array([1e9, 94.0]), labels, 5.0) == (0.0, 100.0)


def test_a_score_that_ties_with_the_threshold_is_not_flagged() -> None:
    """A detector that cannot tell records apart raises no alarm, so it cannot pass for a good one."""
    flat = np.zeros(50)
    assert ids.rates(flat, flat, np.arange(50) < 5, 10.0) == (0.0, 0.0)
    assert ids.area(flat, np.arange(50) < 5) == 0.5


def test_work_is_the_same_whatever_the_seed_and_grows_with_the_ensemble() -> None:
    assert judged(TREES)["operations"] == judged(TREES, 1)["operations"]
    assert judged(TREES)["operations"] == pytest.approx(5 * (4 * 5 + 31 / 100))
    assert judged(CHART)["operations"] == 99
    assert judged(LODA | {"projections": 8.0})["operations"] == 2 * judged(LODA)["operations"]


def test_the_exam_shares_no_record_with_the_experiments() -> None:
    order = ids._order()
    half = len(order) // 2
    assert set(order[:half]).isdisjoint(order[half:])
    assert len(ids.development()[1]) + len(ids.exam_records()[1]) == 49_097
    found = IntrusionDetector().exam(CHART)
    detection = found["detection"]
    assert not isinstance(detection, float)
    assert 0 < detection.mean <= 100
    with pytest.raises(ValueError, match="no detector"):
        IntrusionDetector().exam(CHART | {"memory": 2.0})


@pytest.mark.parametrize(
    "conditions",
    [
        TREES | {"window": 251.0},
        TREES | {"trees": 2.5},
        TREES | {"height": None},
        TREES | {"trees": 0.0},
        CHART | {"memory": 1.0},
        CHART | {"flagged": 0.0},
        CHART | {"clip": 50.0},
        CHART | {"detector": "oracle"},
    ],
)
def test_what_is_no_detector_is_infeasible(conditions: dict[str, Any]) -> None:
    found = tried(conditions)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"


class TestIntrusionDetector(LabCases):
    """The promises that every laboratory makes."""

    @pytest.fixture
    def factory(self) -> Factory:
        return IntrusionDetector.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("intrusion-detector").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return CHART

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return CHART | {"memory": 1.0}
