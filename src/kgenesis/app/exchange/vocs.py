"""What a VOCS of gest-api asks for, in our words: its problem, its points, and why one cannot be taken."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from kgenesis.app.exchange.frames import plain
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.experiment import Failure, Measurement, Observation, Result, Value
from kgenesis.kernel.factors import RESOLUTION
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, Wrong, lang_of_environment, say

try:
    from gest_api.vocs import (
        VOCS,
        BaseConstraint,
        BaseVariable,
        BoundsConstraint,
        ContextualVariable,
        ContinuousVariable,
        DiscreteVariable,
        ExploreObjective,
        GreaterThanConstraint,
        LessThanConstraint,
        MaximizeObjective,
        MinimizeObjective,
    )
except ImportError as error:
    raise MissingPart(
        say("a gest-api generator needs the package gest-api", "gest-api 생성기에는 gest-api 패키지가 필요합니다"),
        hint=say("Install it: pip install 'kgenesis[gest]'", "설치하세요: pip install 'kgenesis[gest]'"),
    ) from error

Point = dict[str, Any]
"""A point of gest-api: values by name, with `_id` if this generator suggested it, and its outcomes once it has any."""


def problem_of(vocs: VOCS, points: Sequence[Point] = ()) -> Problem:
    """Return the problem a VOCS puts.

    Args:
        vocs: variables, objectives, constraints.
        points: data that unbounded contextual variables take their bounds from.

    Raises:
        ValueError: it asks for something that cannot be expressed; every reason is named.
    """
    reasons: list[Text] = []
    factors: list[dict[str, Any]] = []
    for name, variable in vocs.variables.items():
        try:
            factors.append({"name": name, **_factor(variable, [p[name] for p in points])})
        except Wrong as wrong:
            reasons.append(_of(name, wrong.text))
    objectives: list[dict[str, Any]] = []
    for name, objective in vocs.objectives.items():
        # a design looks at no objective, so any goal stands for EXPLORE
        goal = "minimize" if isinstance(objective, MinimizeObjective) else "maximize"
        if not isinstance(objective, MinimizeObjective | MaximizeObjective | ExploreObjective):
            kind = type(objective).__name__
            reasons.append(_of(name, say(f"{kind} is not a known objective", f"{kind}은(는) 모르는 목적입니다")))
        objectives.append({"name": name, "goal": goal, "unit": "1"})
    if not objectives:
        reasons.append(say("there is no objective", "목적이 없습니다"))
    explored = [name for name, objective in vocs.objectives.items() if isinstance(objective, ExploreObjective)]
    if explored and len(explored) < len(vocs.objectives):
        text = say(
            "EXPLORE stands beside an objective to optimise, and no planner trades the two: make it an observable",
            "EXPLORE와 최적화할 목적이 함께 있는데, 둘을 절충하는 계획기가 없습니다. observable로 바꾸세요",
        )
        reasons.append(_of(explored[0], text))
    constraints: list[dict[str, Any]] = []
    for name, constraint in vocs.constraints.items():
        try:
            constraints.append({"outcome": name, "unit": "1", **_bound(constraint)})
        except Wrong as wrong:
            reasons.append(_of(name, wrong.text))
    if not reasons:
        try:
            return Problem.model_validate(
                {"space": {"factors": factors}, "objectives": objectives, "outcome_constraints": constraints}
            )
        except ValidationError as error:
            reasons = [_said(item) for item in error.errors(include_url=False)]
    raise value_error(*reasons)


def _factor(variable: BaseVariable, seen: Sequence[Any]) -> dict[str, Any]:
    if _shape(variable.dtype):
        raise Wrong(
            "an array is not one variable: name its elements", "배열은 변수 하나가 아닙니다. 원소마다 이름을 주세요"
        )
    if isinstance(variable, ContextualVariable):
        low, high = _context_bounds(variable, seen)
        return {"type": "context", "low": low, "high": high}
    if isinstance(variable, ContinuousVariable):
        low, high = variable.domain
        if not math.isfinite(high - low):
            raise Wrong("a variable that is chosen needs finite bounds", "고르는 변수에는 유한한 범위가 필요합니다")
        if variable.dtype is not None and np.dtype(variable.dtype).kind in "iu":
            return {"type": "integer", "low": math.ceil(low), "high": math.floor(high)}
        return {"type": "real", "low": low, "high": high, "unit": "1"}
    if isinstance(variable, DiscreteVariable):
        ours = list(choices(variable))
        if all(isinstance(choice, float) for choice in ours):
            return {"type": "grid", "values": ours, "unit": "1"}
        return {"type": "categorical", "levels": ours}
    kind = type(variable).__name__
    raise Wrong(f"{kind} is not a known variable", f"{kind}은(는) 모르는 변수입니다")


def _shape(dtype: Any) -> bool:
    """Say whether a dtype is that of an array.

    Raises:
        Wrong: it is none that NumPy knows.
    """
    try:
        return dtype is not None and bool(np.dtype(dtype).shape)
    except TypeError as error:
        raise Wrong(f"{dtype!r} is not a NumPy dtype", f"{dtype!r}은(는) NumPy dtype이 아닙니다") from error


def choices(variable: DiscreteVariable) -> dict[Value, Any]:
    """Return what a discrete variable may be, by our name for it: numbers by themselves, others by their text.

    A set has no order of its own, so one is made that is the same in every process.
    """
    values = [plain(value) for value in variable.values]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {float(value): value for value in sorted(values)}
    return {repr(value): value for value in sorted(values, key=repr)}


def _context_bounds(variable: ContextualVariable, seen: Sequence[Any]) -> tuple[float, float]:
    """Return finite bounds: those given, else those of the data (as gest-api asks), else 0 to 1."""
    low, high = variable.domain
    known = [float(value) for value in seen] or [0.0, 1.0]
    low, high = low if math.isfinite(low) else min(known), high if math.isfinite(high) else max(known)
    if low < high:
        return low, high
    half = 0.5 * max(abs(low), 1.0)
    return low - half, low + half


def _bound(constraint: BaseConstraint) -> dict[str, float]:
    """Return a constraint in our words; theirs are strict on one side, ours never."""
    match constraint:
        case LessThanConstraint():
            return {"at_most": math.nextafter(constraint.value, -math.inf)}
        case GreaterThanConstraint():
            return {"at_least": math.nextafter(constraint.value, math.inf)}
        case BoundsConstraint():
            return {"at_least": constraint.range[0], "at_most": constraint.range[1]}
        case _:
            kind = type(constraint).__name__
            raise Wrong(f"{kind} is not a known constraint", f"{kind}은(는) 모르는 제약입니다")


def checked(name: str, variable: BaseVariable, value: Any) -> Any:
    """Return a value of a variable as the VOCS writes it.

    Raises:
        Wrong: it cannot have that value.
    """
    if isinstance(variable, DiscreteVariable):
        found = [choice for choice in choices(variable).values() if _is_same(choice, value)]
        if found:
            return found[0]
        raise Wrong(f"{name}: {value!r} is not one of its values", f"{name}: {value!r}은(는) 가질 수 없는 값입니다")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Wrong(f"{name}: {value!r} is not a number", f"{name}: {value!r}은(는) 수가 아닙니다")
    if isinstance(variable, ContinuousVariable) and not isinstance(variable, ContextualVariable):
        low, high = variable.domain
        if not low <= value <= high:
            raise Wrong(
                f"{name}: {value:g} is not within {low:g} to {high:g}",
                f"{name}: {value:g}이(가) {low:g}~{high:g} 밖입니다",
            )
    return value


def _is_same(choice: Any, value: Any) -> bool:
    """Say whether two values are one; numbers may have lost a few digits on their way through a file."""
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in (choice, value)):
        return math.isclose(choice, value, rel_tol=RESOLUTION)
    return type(choice) is type(value) and bool(choice == value)


def conditions_of(vocs: VOCS, point: Point) -> dict[str, Value]:
    """Return a point of theirs as conditions of ours."""
    conditions: dict[str, Value] = {}
    for name, variable in vocs.variables.items():
        value = point[name]
        if isinstance(variable, DiscreteVariable):
            value = next(ours for ours, theirs in choices(variable).items() if theirs == value)
        conditions[name] = value
    return conditions


def observation_of(vocs: VOCS, number: int, point: Point) -> Observation:
    """Return a point with outcomes as planners see it."""
    found = {name: point[name] for name in goals(vocs) if point[name] is not None}
    result: Result = Measurement.model_validate({"outcomes": found})
    if not found:
        result = Failure(kind="infeasible", reason=say("no outcome is a finite number", "유한한 결과가 없습니다"))
    return Observation(ExperimentId(f"point-{number}"), conditions_of(vocs, point), result)


def goals(vocs: VOCS) -> list[str]:
    """Return the outcomes that decide."""
    return [*vocs.objectives, *(name for name in vocs.constraints if name not in vocs.objectives)]


def _of(name: str, text: Text) -> Text:
    return say(f"{name}: {text.en}", f"{name}: {text.ko}")


def _said(item: Mapping[str, Any]) -> Text:
    """Return what pydantic found wrong; our own validators bring both languages."""
    raised = item.get("ctx", {}).get("error")
    return raised.text if isinstance(raised, Wrong) else say(item["msg"], item["msg"])


def value_error(*reasons: Text) -> ValueError:
    """Return what gest-api wants raised."""
    return ValueError("; ".join(reason.in_(lang_of_environment()) for reason in reasons))
