"""What every simulator inherits: it misreads nothing and lets no nonsense out."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidConditions, InvalidSpec, MissingPart, UnitMismatch
from kgenesis.kernel.experiment import Failure, Frozen, Measurement, Outcome, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, infeasible


class Settings(Frozen):
    """Where the pendulum hangs."""

    gravity: float = 9.80665


class Pendulum(Simulator):
    """A pendulum, on a string or a rod."""

    name = "pendulum"
    revision = "1"
    factors: ClassVar = {"length": "m", "hanger": LEVELS}
    outcomes_in: ClassVar = {"period": "s"}
    settings_type = Settings
    possible: ClassVar = {"period": (0.0, 15.0)}

    def checks(self) -> Iterator[Check]:
        found = self.simulate({"length": 1.0, "hanger": "string"}, np.random.default_rng(0))
        assert not isinstance(found, Failure)
        name = Text(en="period at 1 m", ko="길이 1 m의 주기")
        yield Check(name, float(found["period"]), 2.00641, 1e-4, "s", "2π√(L/g), standard gravity")  # type: ignore[arg-type]

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        length = conditions["length"]
        if length < 0:
            return infeasible("no length is negative", "길이는 음수일 수 없습니다")
        period = 2 * math.pi * math.sqrt(length / 9.80665) if length < 100 else math.inf
        return {
            "period": Outcome(mean=period, sem=0.1) if conditions["hanger"] == "rod" else period,
            "drawn": rng.random(),
        }


class Unobtainable(Pendulum):
    """Needs an engine that nobody has."""

    engines = ("no-such-engine",)
    extra = "mechanics"


def problem(unit: str = "m", levels: tuple[str, ...] = ("string", "rod"), name: str = "length") -> Problem:
    """Return a mission's problem for the pendulum."""
    return Problem.model_validate(
        {
            "space": {
                "factors": [
                    {"type": "real", "name": name, "low": 0, "high": 1, "unit": unit},
                    {"type": "categorical", "name": "hanger", "levels": levels},
                ]
            },
            "objectives": [{"name": "period", "goal": "minimize", "unit": "s"}],
        }
    )


def task(**conditions: Value) -> Task:
    """Return an experiment."""
    return Task(ExperimentId("exp_1"), 1, {"hanger": "string", **conditions}, (1, 2))


def test_an_outcome_comes_back_with_what_else_was_found() -> None:
    found = Pendulum.make(PluginContext(problem=problem())).measure(task(length=1.0))
    assert isinstance(found, Measurement)
    assert found.mean("period") == pytest.approx(2.006, abs=1e-3)
    assert found.metadata == {"drawn": np.random.default_rng((1, 2)).random()}


def test_a_standard_error_is_kept() -> None:
    found = Pendulum().measure(task(length=1, hanger="rod"))
    assert isinstance(found, Measurement)
    assert found.outcomes["period"].sem == 0.1


def test_conditions_that_cannot_work_are_a_failure() -> None:
    found = Pendulum().measure(task(length=-1.0))
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"
    assert found.seconds is not None


def test_nothing_that_is_not_a_number_comes_out() -> None:
    found = Pendulum().measure(task(length=1000.0))
    assert isinstance(found, Failure)
    assert found.kind == "crashed"
    assert "period" in found.reason.ko


@pytest.mark.parametrize("wrong", [{}, {"length": "long"}, {"length": 1.0, "mass": 1.0}, {"length": 1.0, "hanger": 2}])
def test_conditions_of_another_lab_are_refused(wrong: dict[str, Value]) -> None:
    with pytest.raises(InvalidConditions):
        Pendulum().measure(task(**wrong))


@pytest.mark.parametrize("wrong", [problem("cm"), problem("degC"), problem(name="height")])
def test_a_mission_that_would_be_misread_is_refused(wrong: Problem) -> None:
    with pytest.raises((InvalidSpec, UnitMismatch)):
        Pendulum.make(PluginContext(problem=wrong))


def test_a_result_that_cannot_be_is_a_crash_and_no_discovery() -> None:
    found = Pendulum().measure(task(length=80.0))
    assert isinstance(found, Failure)
    assert found.kind == "crashed"
    assert "possible" in found.reason.en


def test_a_target_that_cannot_be_reached_is_refused() -> None:
    wanted = problem().model_dump()
    wanted["objectives"][0]["target"] = -1.0
    with pytest.raises(InvalidSpec, match="possible"):
        Pendulum.make(PluginContext(problem=Problem.model_validate(wanted)))


def test_a_simulator_is_compared_with_what_is_known() -> None:
    (check,) = Pendulum().checks()
    assert check.holds
    assert not dataclasses.replace(check, expected=2.1).holds


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidSpec):
        Pendulum.make(PluginContext(settings={"mass": 1}))


def test_the_version_changes_with_the_settings() -> None:
    assert Pendulum().version != Pendulum(Settings(gravity=1.62)).version


def test_a_missing_engine_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(MissingPart) as caught:
        Unobtainable().version  # noqa: B018
    assert "no-such-engine" in caught.value.in_("en")
    assert "kgenesis[mechanics]" in caught.value.in_("en")
