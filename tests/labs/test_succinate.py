"""Strain design: the model grows as published, and what counts is what the strain cannot help but make."""

from importlib.util import find_spec

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.labs.simulators.advanced_bio.succinate import DELETABLE, LIMIT, Succinate

pytestmark = [
    pytest.mark.skipif(find_spec("cobra") is None, reason="cobrapy is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def lab() -> Succinate:
    return Succinate()


def grown(lab: Succinate, *deleted: str, oxygen: float = 0.0, glucose: float = 10.0) -> Measurement | Failure:
    """Return what the lab says of a strain."""
    conditions = {name: float(name in deleted) for name in DELETABLE} | {"oxygen": oxygen, "glucose": glucose}
    return lab.measure(Task(ExperimentId("exp_1"), 1, conditions, (0, 0)))


def found(result: Measurement | Failure) -> dict[str, float]:
    assert isinstance(result, Measurement), result
    return {name: outcome.mean for name, outcome in result.outcomes.items()} | dict(result.metadata)


def test_growth_is_that_of_the_published_model_and_no_yield_beats_the_balance_of_electrons(lab: Succinate) -> None:
    checks = list(lab.checks())
    assert len(checks) == 3
    assert all(check.holds for check in checks)
    assert checks[-1].found <= LIMIT


def test_the_wild_type_is_not_bound_to_make_any_succinate(lab: Succinate) -> None:
    wild = found(grown(lab, oxygen=1000.0))
    assert wild["growth"] == pytest.approx(0.87392, abs=1e-5)
    assert wild["yield"] == 0


def test_the_usual_first_design_couples_succinate_to_growth(lab: Succinate) -> None:
    """Without lactate, formate and ethanol nothing else takes up the electrons; the model may still make more."""
    strain = found(grown(lab, "LDH_D", "PFL", "ALCD2x"))
    assert strain["succinate"] == pytest.approx(9.88, abs=0.01)
    assert strain["growth"] == pytest.approx(0.0202, abs=1e-4)
    assert strain["optimistic_yield"] > strain["yield"] + 0.2


def test_the_guaranteed_yield_is_never_above_the_optimistic_one_nor_above_what_is_possible(lab: Succinate) -> None:
    rng = np.random.default_rng(3)
    n_grown = 0
    for _ in range(60):
        deleted = [name for name in DELETABLE if rng.random() < 0.25]
        result = grown(lab, *deleted, oxygen=rng.uniform(0, 15), glucose=rng.uniform(5, 15))
        if isinstance(result, Failure):
            assert result.kind == "infeasible"
            continue
        n_grown += 1
        strain = found(result)
        assert strain["yield"] <= strain["optimistic_yield"] + 1e-5
        assert strain["optimistic_yield"] <= LIMIT
    assert n_grown > 30


def test_a_strain_that_does_not_grow_is_a_failure(lab: Succinate) -> None:
    result = grown(lab, "PFL", "PDH", oxygen=0.0)
    assert isinstance(result, Failure)
    assert "grow" in result.reason.en


@pytest.mark.parametrize(("oxygen", "glucose"), [(0.0, 0.0), (-1.0, 10.0), (0.0, -5.0)])
def test_a_medium_that_cannot_be_is_infeasible(lab: Succinate, oxygen: float, glucose: float) -> None:
    assert isinstance(grown(lab, oxygen=oxygen, glucose=glucose), Failure)


def test_half_a_deletion_is_infeasible(lab: Succinate) -> None:
    conditions = dict.fromkeys(DELETABLE, 0.5) | {"oxygen": 0.0, "glucose": 10.0}
    assert isinstance(lab.measure(Task(ExperimentId("exp_1"), 1, conditions, (0, 0))), Failure)


def test_one_strain_leaves_no_trace_in_the_next(lab: Succinate) -> None:
    before = found(grown(lab, oxygen=5.0))
    grown(lab, "ATPS4r", "PYK", "PDH", oxygen=1.0)
    assert found(grown(lab, oxygen=5.0)) == before


def test_the_mission_offers_every_deletion_and_at_most_five_at_once() -> None:
    space = load_mission("succinate").mission.space
    assert set(space.names) == {*DELETABLE, "oxygen", "glucose"}
    medium = {"oxygen": 1.0, "glucose": 10.0}
    assert not space.check({name: int(i < 5) for i, name in enumerate(DELETABLE)} | medium)
    assert space.check({name: int(i < 6) for i, name in enumerate(DELETABLE)} | medium)
