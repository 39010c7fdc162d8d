"""The lab `synthetic`: formulas whose best point is known, for examples, conformance and measuring the loop itself.

| function  | factors     | outcomes                     | known best                                         |
|-----------|-------------|------------------------------|----------------------------------------------------|
| flat      | any         | `value`                      | 0 everywhere: no work, so what is left is the loop |
| branin    | x1, x2      | `value` (minimise)           | 0.397887 at (π, 2.275), (-π, 12.275), (3π, 2.475)  |
| hartmann6 | x1 … x6     | `value` (minimise)           | -3.32237                                           |
| mixture   | a, b, c     | `value` (maximise)           | 1 at (0.5, 0.3, 0.2)                               |
| disc      | x1, x2      | `value` (minimise), `radius` | -√2 at (-√½, -√½) where `radius` ≤ 1               |
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Measurement, Outcome, Result, Task, Value
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import say
from kgenesis.labs.settings import invalid, read_settings

VERSION = "1"
"""Changes with any formula below."""


class Settings(Frozen):
    """What the lab `synthetic` can be told in a mission file."""

    function: Literal["flat", "branin", "hartmann6", "mixture", "disc"]
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of the normal noise on `value`."""
    failure_rate: float = Field(default=0.0, ge=0, le=1)
    """Part of the experiments that crash, whatever their conditions."""
    infeasible_above: float | None = None
    """Experiments whose noise-free `value` is above this fail as infeasible."""
    seconds: float = Field(default=0.0, ge=0)
    """Time each experiment takes."""


def make_lab(context: PluginContext) -> "SyntheticLab":
    """Return the lab of a mission.

    Raises:
        InvalidSpec: a setting is wrong, or the mission lacks a factor of the formula.
    """
    settings = read_settings(Settings, context)
    names = FACTORS[settings.function]
    if context.problem is not None:
        numbers = [v.name for v in context.problem.space.variables if not v.levels]
        lacking = [name for name in names if name not in numbers]
        if lacking:
            wanted = ", ".join(lacking)
            raise invalid(
                say(
                    f"{settings.function} needs numeric factors called {wanted}",
                    f"{settings.function}에는 숫자 요인 {wanted}이(가) 필요합니다",
                ),
                "function",
            )
    return SyntheticLab(settings)


class SyntheticLab:
    """Computes a formula, with noise and failures if asked for."""

    name = "synthetic"
    is_physical = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._compute = FORMULAS[settings.function]
        self.version = f"{settings.function}-{VERSION}" + "".join(
            f"-{key}{value:g}"
            for key, value in settings.model_dump(exclude={"function", "seconds"}, exclude_defaults=True).items()
        )

    @property
    def outcomes(self) -> frozenset[str]:
        """Always `value`; `disc` has `radius` too."""
        return frozenset({"value", "radius"} if self._settings.function == "disc" else {"value"})

    def measure(self, task: Task) -> Result:
        """Compute the formula at a task's conditions."""
        settings = self._settings
        if settings.seconds:
            time.sleep(settings.seconds)
        found = self._compute(task.conditions)
        if settings.infeasible_above is not None and found["value"] > settings.infeasible_above:
            value, most = f"{found['value']:.6g}", f"{settings.infeasible_above:g}"
            return Failure(
                kind="infeasible", reason=say(f"{value} is above {most}", f"{value}이(가) {most}보다 큽니다")
            )
        if settings.failure_rate or settings.noise:
            chance, error = _draw(task.seed)
            if chance < settings.failure_rate:
                return Failure(kind="crashed", reason=say("it failed by chance", "우연히 실패했습니다"))
            found["value"] += settings.noise * error
        return Measurement(outcomes={name: Outcome(mean=value) for name, value in found.items()})


def _draw(seed: tuple[int, ...]) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    return float(rng.random()), float(rng.standard_normal())


def _numbers(conditions: Mapping[str, Value], names: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(float(conditions[name] or 0.0) for name in names)


def _flat(_: Mapping[str, Value]) -> dict[str, float]:
    return {"value": 0.0}


def _branin(conditions: Mapping[str, Value]) -> dict[str, float]:
    """Branin's function on [-5, 10] x [0, 15] (Dixon & Szego 1978, Towards Global Optimisation 2)."""
    x, y = _numbers(conditions, FACTORS["branin"])
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return {"value": valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10}


_HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def _hartmann6(conditions: Mapping[str, Value]) -> dict[str, float]:
    """Hartmann's six-dimensional function on [0, 1]^6 (Dixon & Szego 1978)."""
    x = np.array(_numbers(conditions, FACTORS["hartmann6"]))
    depth = np.exp(-(_HARTMANN_A * (x - _HARTMANN_P) ** 2).sum(axis=1))
    return {"value": -float(depth @ np.array([1.0, 1.2, 3.0, 3.2]))}


def _mixture(conditions: Mapping[str, Value]) -> dict[str, float]:
    a, b, c = _numbers(conditions, FACTORS["mixture"])
    return {"value": 1 - 4 * ((a - 0.5) ** 2 + (b - 0.3) ** 2 + (c - 0.2) ** 2)}


def _disc(conditions: Mapping[str, Value]) -> dict[str, float]:
    x, y = _numbers(conditions, FACTORS["disc"])
    return {"value": x + y, "radius": math.hypot(x, y)}


FACTORS: Mapping[str, tuple[str, ...]] = {
    "flat": (),
    "branin": ("x1", "x2"),
    "hartmann6": ("x1", "x2", "x3", "x4", "x5", "x6"),
    "mixture": ("a", "b", "c"),
    "disc": ("x1", "x2"),
}
FORMULAS: Mapping[str, Callable[[Mapping[str, Value]], dict[str, float]]] = {
    "flat": _flat,
    "branin": _branin,
    "hartmann6": _hartmann6,
    "mixture": _mixture,
    "disc": _disc,
}
