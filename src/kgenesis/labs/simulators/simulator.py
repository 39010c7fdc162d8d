"""What every simulator that comes with K-Genesis has in common: subclass `Simulator`, say what it takes and gives, simulate.

    class Pendulum(Simulator):
        name = "pendulum"
        revision = "1"
        factors: ClassVar = {"length": "m"}
        outcomes_in: ClassVar = {"period": "s"}

        def simulate(self, conditions, rng):
            return {"period": 2 * math.pi * math.sqrt(conditions["length"] / 9.80665)}

The entry point of `kgenesis.labs` is the class method `Pendulum.make`. A simulator refuses a mission whose factors or
units it would misread, conditions that are not its own, and results that are not numbers; it never repairs anything.
"""

import hashlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, ClassVar, Self

import numpy as np

from kgenesis.kernel.errors import InvalidConditions, InvalidSpec, MissingPart, Mistake
from kgenesis.kernel.experiment import Failure, Frozen, Measurement, Outcome, Result, Task, Value
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import convert
from kgenesis.labs.settings import invalid, read_settings

LEVELS = "levels"
"""Stands for the unit of a factor that has levels instead of a number."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a simulator with what is known by other means."""

    what: Text
    """What is compared, in one line."""
    found: float
    """What the simulator gives here and now."""
    expected: float
    tolerance: float
    """Largest |found - expected| that counts as agreement, in the same unit."""
    unit: str
    source: str
    """Where `expected` comes from: a formula, or author, year, place."""

    @property
    def holds(self) -> bool:
        """Whether the two agree."""
        return abs(self.found - self.expected) <= self.tolerance


class NoSettings(Frozen):
    """The settings of a simulator that has none."""


class Simulator(ABC):
    """A simulator as a laboratory: one experiment at a time, equal results for equal conditions and seed.

    Class attributes a subclass sets:
        name: as registered.
        revision: changes with any formula or constant of the subclass.
        factors: name → unit of every condition it takes, `LEVELS` for one with levels.
        outcomes_in: name → unit of every outcome it gives.
        engines: distributions (as pip names them) whose version decides the results.
        extra: the optional part of K-Genesis that brings the engines.
        settings_type: the settings a mission file may give.
        possible: outcome → least and greatest value that physics or arithmetic allows, in its unit. A target outside
            is refused, a result outside is a crash of the model and no discovery.
    """

    name: ClassVar[str]
    revision: ClassVar[str]
    factors: ClassVar[Mapping[str, str]]
    outcomes_in: ClassVar[Mapping[str, str]]
    engines: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    settings_type: ClassVar[type[Frozen]] = NoSettings
    possible: ClassVar[Mapping[str, tuple[float, float]]] = {}
    is_physical = False

    def __init__(self, settings: Frozen | None = None) -> None:
        self._given = settings or self.settings_type()

    @classmethod
    def make(cls, context: PluginContext) -> Self:
        """Return the lab of a mission (entry point `kgenesis.labs`).

        Raises:
            InvalidSpec: a setting is wrong, or the mission's factors or units are not the simulator's.
        """
        lab = cls(read_settings(cls.settings_type, context))
        if context.problem is not None:
            lab._check(context.problem)
        return lab

    @property
    def takes(self) -> Mapping[str, str]:
        """Name → unit of the conditions; override it where they depend on the settings."""
        return self.factors

    @property
    def outcomes(self) -> frozenset[str]:
        """Names of what is measured."""
        return frozenset(self.outcomes_in)

    @property
    def version(self) -> str:
        """The simulator's revision, its engines' versions, and a digest of its settings.

        Raises:
            MissingPart: an engine is not installed.
        """
        parts = [self.revision]
        for engine in self.engines:
            try:
                parts.append(f"{engine}-{metadata.version(engine)}")
            except metadata.PackageNotFoundError as error:
                raise self.missing(engine) from error
        if type(self._given).model_fields:
            parts.append(hashlib.sha256(self._given.model_dump_json().encode()).hexdigest()[:8])
        return "+".join(parts)

    def missing(self, engine: str) -> MissingPart:
        """Return the error that says which engine is missing and how to get it."""
        what = say(f"the lab {self.name} needs {engine}", f"{self.name} 실험실에는 {engine}이(가) 필요합니다")
        return MissingPart(what, hint=Text.model_validate(f"pip install 'kgenesis[{self.extra}]'"))

    @abstractmethod
    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Do one experiment.

        Args:
            conditions: a value of every factor in `takes`, in its unit; numbers as float, levels as str, and None for
                a factor that does not exist under these conditions.
            rng: all randomness comes from here.

        Returns:
            Every outcome in the unit of `outcomes_in` (further names go into the measurement's metadata); or why there
            is none: `infeasible` where the conditions themselves do not work, `crashed` where the engine gave nonsense.
        """

    def checks(self) -> Iterator[Check]:
        """Compare the simulator with published or analytic values; takes seconds, at most a minute.

        Raises:
            MissingPart: an engine is not installed.
        """
        yield from ()

    def measure(self, task: Task) -> Result:
        """Do one experiment and check what came back.

        Raises:
            InvalidConditions: the conditions are not this simulator's.
            MissingPart: an engine is not installed.
        """
        began = time.perf_counter()
        conditions = self._read(task.conditions)
        try:
            found = self.simulate(conditions, np.random.default_rng(task.seed))
        except ModuleNotFoundError as error:
            if error.name is None or not self.engines:
                raise
            raise self.missing(error.name) from error
        seconds = time.perf_counter() - began
        if isinstance(found, Failure):
            return found.model_copy(update={"seconds": seconds})
        means = {name: _mean(found.get(name, math.nan)) for name in self.outcomes_in}
        lacking = [name for name, mean in means.items() if not math.isfinite(mean)]
        if lacking:
            names = ", ".join(lacking)
            reason = say(f"no finite number came back for {names}", f"{names}의 값이 유한한 수가 아닙니다")
            return Failure(kind="crashed", reason=reason, seconds=seconds)
        beyond = [name for name, (low, high) in self.possible.items() if not low <= means[name] <= high]
        if beyond:
            names = ", ".join(f"{name} = {means[name]:g} {self.outcomes_in[name]}" for name in beyond)
            reason = say(f"the model left what is possible: {names}", f"모델이 가능한 범위를 벗어났습니다: {names}")
            return Failure(kind="crashed", reason=reason, seconds=seconds)
        outcomes = {k: v if isinstance(v := found[k], Outcome) else Outcome(mean=mean) for k, mean in means.items()}
        more = {name: _mean(value) for name, value in found.items() if name not in means}
        return Measurement(outcomes=outcomes, metadata=more, seconds=seconds)

    def _read(self, conditions: Mapping[str, Value]) -> dict[str, Any]:
        wanted = self.takes
        wrong = set(conditions) ^ set(wanted)
        for name, value in conditions.items():
            is_level = wanted.get(name) == LEVELS
            if value is not None and (is_level == isinstance(value, int | float) or isinstance(value, bool)):
                wrong.add(name)
        if wrong:
            names = ", ".join(sorted(wrong))
            raise InvalidConditions(
                say(f"not conditions of {self.name}: {names}", f"{self.name}의 조건이 아닙니다: {names}")
            )
        return {name: float(v) if isinstance(v := conditions[name], int | float) else v for name in wanted}

    def _check(self, problem: Problem) -> None:
        """Refuse a mission whose factors or units this simulator would misread."""
        wanted = self.takes
        if set(problem.space.names) != set(wanted):
            names = ", ".join(wanted)
            raise invalid(say(f"the factors must be {names}", f"요인은 {names}이어야 합니다"))
        for variable in problem.space.variables:
            if (wanted[variable.name] == LEVELS) != bool(variable.levels):
                raise invalid(
                    say(
                        f"{variable.name} must have {'levels' if wanted[variable.name] == LEVELS else 'numbers'}",
                        f"{variable.name}의 값은 {'수준' if wanted[variable.name] == LEVELS else '수'}이어야 합니다",
                    )
                )
        units = {v.name: (v.unit, wanted[v.name]) for v in problem.space.variables if not v.levels}
        units |= {k: (unit, self.outcomes_in[k]) for k, unit in problem.units.items() if k in self.outcomes_in}
        for name, (given, own) in units.items():
            if given != own and convert(1.0, given, own) != 1.0:
                text = f"{name}: {given} → {own}"
                raise invalid(say(f"this lab works in other units: {text}", f"이 실험실의 단위와 다릅니다: {text}"))
        self._check_targets(problem)

    def _check_targets(self, problem: Problem) -> None:
        """Refuse targets that no experiment can reach."""
        for i, objective in enumerate(problem.objectives):
            low, high = self.possible.get(objective.name, (-math.inf, math.inf))
            goal = objective.value if objective.goal == "hit" else objective.target
            if goal is not None and not low <= goal <= high:
                name, unit = objective.name, self.outcomes_in[objective.name]
                raise InvalidSpec(
                    say("a target is outside of what is possible", "목표가 가능한 범위를 벗어났습니다"),
                    [
                        Mistake(
                            say(
                                f"{goal:g} {unit}: {name} lies between {low:g} and {high:g} {unit}",
                                f"{goal:g} {unit}: {name}의 가능한 범위는 {low:g}~{high:g} {unit}입니다",
                            ),
                            f"objectives[{i}].target",
                        )
                    ],
                )


def infeasible(en: str, ko: str) -> Failure:
    """Return the failure of conditions that cannot work."""
    return Failure(kind="infeasible", reason=say(en, ko))


def crashed(en: str, ko: str) -> Failure:
    """Return the failure of an engine that gave no usable answer."""
    return Failure(kind="crashed", reason=say(en, ko))


def _mean(value: float | Outcome) -> float:
    return value.mean if isinstance(value, Outcome) else float(value)
