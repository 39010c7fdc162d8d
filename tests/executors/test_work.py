"""Whatever a lab does, a result comes back that says what happened."""

import math
from typing import Any

import pytest

from kgenesis.executors import perform
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.experiment import Failure, Measurement, Outcome, Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.text import say

TASK = Task(ExperimentId("exp_1"), 1, {"x": 1.0}, (1, 1))


class Lab:
    """Gives the answer it was made with, or raises it."""

    name, version, is_physical, outcomes = "test", "1", False, None

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def measure(self, task: Task) -> Result:
        assert task is TASK
        if isinstance(self.answer, BaseException):
            raise self.answer
        result: Result = self.answer
        return result


def crash(answer: Any, outcomes: tuple[str, ...] = ("y",)) -> Failure:
    result = perform(Lab(answer), outcomes, TASK)
    assert isinstance(result, Failure)
    assert result.kind == "crashed"
    return result


def test_a_measurement_is_returned_with_the_time_it_took() -> None:
    answer = Measurement.model_validate({"outcomes": {"y": 1.5, "more": 2}, "metadata": {"a": [1, 2]}})
    result = perform(Lab(answer), ("y",), TASK)
    assert result.seconds is not None
    assert result == answer.model_copy(update={"seconds": result.seconds})


def test_a_time_the_lab_measured_itself_is_kept() -> None:
    answer = Failure(kind="infeasible", reason=say("no", "아니요"), seconds=12.5)
    assert perform(Lab(answer), ("y",), TASK) == answer


def test_what_the_lab_raised_is_said_with_its_place() -> None:
    failure = crash(ZeroDivisionError("by zero"))
    assert "ZeroDivisionError: by zero" in failure.reason.en
    assert "ZeroDivisionError" in failure.reason.ko
    assert "in measure" in failure.metadata["traceback"]


def test_an_error_of_ours_is_said_in_both_languages() -> None:
    assert crash(MissingPart(say("no pump", "펌프 없음"))).reason == say("no pump", "펌프 없음")


def test_a_person_who_interrupts_is_obeyed() -> None:
    with pytest.raises(KeyboardInterrupt):
        perform(Lab(KeyboardInterrupt()), ("y",), TASK)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_named_even_if_it_was_smuggled_in(value: float) -> None:
    outcome = Outcome.model_construct(mean=value, sem=None, n=1)
    failure = crash(Measurement.model_construct(outcomes={"y": outcome}, context={}, metadata={}, files=()))
    assert "not finite: y" in failure.reason.en


def test_missing_names_are_said_with_what_was_expected_and_found() -> None:
    failure = crash(Measurement.model_validate({"outcomes": {"a": 1.0, "y": 1.0}}), ("y", "z"))
    assert failure.reason.en == "the lab did not measure z; expected: y, z; found: a, y"


@pytest.mark.parametrize("answer", [None, 1.0, {"y": 1.0}, "x" * 10_000])
def test_an_answer_that_is_no_measurement_is_shown_and_cut_short(answer: Any) -> None:
    failure = crash(answer)
    assert type(answer).__name__ in failure.reason.en
    assert len(failure.reason.en) < 400


def test_an_answer_that_cannot_even_be_shown_is_a_crash() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError

    assert "Shy" in crash(Shy()).reason.en
