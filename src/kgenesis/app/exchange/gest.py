"""K-Genesis as a generator of gest-api: Xopt, libEnsemble and Optimas drive the loop, our planners decide."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from typing_extensions import override

from kgenesis.app.exchange.frames import framed, plain, rows_of
from kgenesis.app.platform import make_planner
from kgenesis.campaign.spec import Choice
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.experiment import Failure, Measurement, Observation, Result, Value
from kgenesis.kernel.factors import RESOLUTION
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import Planner, ProposalRequest
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, Wrong, lang_of_environment, say

try:
    from gest_api import Generator
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


class GestGenerator(Generator):  # type: ignore[misc]  # gest-api has no types
    """Decides what to evaluate next, by one of our planners, for any framework that speaks gest-api.

    What it knows is `data` and nothing else: points it suggested, which are pending until their outcomes are ingested,
    and points others evaluated. A generator made from the data of another goes on as that one would have.

    Args:
        vocs: variables, objectives, constraints, constants and observables.
        planner: name of the planner; if every objective is EXPLORE, a space-filling design takes its place.
        settings: the planner's own settings.
        seed: decides every random choice.
        batch_size: points of a suggestion whose number is left to the generator.
        data: where another generator stood: its `data`, also after a journey through JSON.

    Raises:
        ValueError: the VOCS asks for something that cannot be expressed (every reason is named), or `data` does not
            fit it.
    """

    returns_id = True

    def __init__(
        self,
        vocs: VOCS,
        *,
        planner: str = "model",
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        batch_size: int = 1,
        data: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(vocs)
        self.vocs = vocs
        self.seed = seed
        self.batch_size = batch_size
        explores = isinstance(next(iter(vocs.objectives.values())), ExploreObjective)
        self._choice = Choice(name="sobol" if explores else planner, settings={} if explores else dict(settings or {}))
        self._planner: Planner | None = None
        self._points: list[Point] = []
        for number, row in enumerate(data, start=1):
            try:
                point = self._read(row)
            except Wrong as wrong:
                raise _value_error(_at(number, wrong.text)) from wrong
            self._points.append(point if row.get("_id") is None else {**point, "_id": int(row["_id"])})

    # ---- the interface ---------------------------------------------------------------------------------------------

    @override
    def _validate_vocs(self, vocs: VOCS) -> None:
        problem_of(vocs)

    @override
    def suggest(self, num_points: int | None = None) -> list[Point]:
        """Return points to evaluate next; they are pending until they are ingested.

        Args:
            num_points: how many; `batch_size` if None.

        Raises:
            ValueError: that many cannot be suggested, because a finite space has fewer points left.
        """
        n = self.batch_size if num_points is None else int(num_points)
        if n < 0:
            raise _value_error(say(f"{n} points cannot be suggested", f"점 {n}개는 제안할 수 없습니다"))
        if not n:
            return []
        problem = problem_of(self.vocs, self._points)
        if self._planner is None:
            self._planner = make_planner(problem, self._choice)
        issued = [point["_id"] for point in self._points if "_id" in point]
        context = self._context(problem)
        request = ProposalRequest(
            problem,
            [_observation(self.vocs, i, point) for i, point in enumerate(self._points) if not self._is_pending(point)],
            [_conditions(self.vocs, point) for point in self._points if self._is_pending(point)],
            n,
            (self.seed, len(issued)),
            context,
        )
        proposals = self._planner.propose(request)
        if len(proposals) < n:
            text = say(
                f"{len(proposals)} of {n} points can be suggested: the space has no more that are untried",
                f"점 {n}개 가운데 {len(proposals)}개만 제안할 수 있습니다. 시도하지 않은 점이 더 없습니다",
            )
            raise _value_error(text)
        first = max(issued, default=-1) + 1
        points = [
            {**self._point(dict(proposal.conditions) | context), "_id": first + i}
            for i, proposal in enumerate(proposals)
        ]
        self._points += points
        return [dict(point) for point in points]

    @override
    def ingest(self, results: Iterable[Mapping[str, Any]] | Any) -> None:
        """Take outcomes, all or none; as dictionaries, or as a pandas or polars DataFrame.

        A result with an `_id` is that of the point suggested under it. One without is that of the pending point with
        the same variables if there is one, else of a point somebody else chose. An objective or constraint that is
        not a finite number was not measured; if none was, or the framework says so (`xopt_error` of Xopt, `_status`
        of Optimas), the evaluation has failed, and that is learned from.

        Raises:
            ValueError: an `_id` is unknown or was ingested before, a variable or outcome is missing, or a value does
                not belong to the VOCS.
        """
        points = list(self._points)
        place = {point["_id"]: i for i, point in enumerate(points) if "_id" in point}
        reasons: list[Text] = []
        for number, row in enumerate(rows_of(results), start=1):
            try:
                read = self._read(row)
                if _has_failed(row):
                    read |= dict.fromkeys(_goals(self.vocs))
                self._check_outcomes(read)
                i = self._place_of(row, read, points, place)
            except Wrong as wrong:
                reasons.append(_at(number, wrong.text))
                continue
            if i is None:
                points.append(read)
            else:
                points[i] = {**read, "_id": points[i]["_id"]}
        if reasons:
            raise _value_error(*reasons)
        self._points = points

    @override
    def finalize(self) -> None:
        """Do nothing: there is no process or file to close, and `data` is always up to date."""

    # ---- where it stands -------------------------------------------------------------------------------------------

    @property
    def data(self) -> list[Point]:
        """Every point so far, with its outcomes unless it is pending; all a generator is made of."""
        return [dict(point) for point in self._points]

    def to_frame(self, library: str = "pandas") -> Any:
        """Return `data` as a DataFrame of pandas or polars; outcomes of pending points are empty."""
        names = ["_id", *self.vocs.all_names]
        return framed([{name: point.get(name) for name in names} for point in self._points], library)

    @property
    def pending(self) -> list[Point]:
        """The points suggested and not ingested."""
        return [dict(point) for point in self._points if self._is_pending(point)]

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_planner": None}  # a planner remembers nothing; it is made again

    # ---- points ----------------------------------------------------------------------------------------------------

    def _is_pending(self, point: Point) -> bool:
        return not any(name in point for name in _goals(self.vocs))

    def _point(self, conditions: Mapping[str, Value]) -> Point:
        """Return conditions of ours as a point of theirs."""
        point: Point = {}
        for name, variable in self.vocs.variables.items():
            value = conditions[name]
            if isinstance(variable, DiscreteVariable):
                value = _choices(variable)[value]
            point[name] = value
        return point | {name: constant.value for name, constant in self.vocs.constants.items()}

    def _read(self, row: Mapping[str, Any]) -> Point:
        """Return a row with the names of the VOCS only, as plain values, empty outcomes left out.

        Raises:
            Wrong: a variable is missing or has a value it cannot have, or a constant has another.
        """
        row = {name: plain(value) for name, value in row.items()}
        point: Point = {}
        for name, variable in self.vocs.variables.items():
            value = row.get(name)
            if value is None:
                raise Wrong(f"the variable {name!r} is missing", f"변수 {name!r}이(가) 없습니다")
            point[name] = _checked(name, variable, value)
        for name, constant in self.vocs.constants.items():
            if row.get(name, constant.value) != constant.value:
                raise Wrong(
                    f"the constant {name!r} is {constant.value!r}, not {row[name]!r}",
                    f"상수 {name!r}은(는) {row[name]!r}이(가) 아니라 {constant.value!r}입니다",
                )
            point[name] = constant.value
        outcomes = {name: row[name] for name in self.vocs.output_names if name in row}
        # what is not finite was not measured, and JSON has no NaN
        return point | {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in outcomes.items()}

    def _check_outcomes(self, point: Point) -> None:
        for name in _goals(self.vocs):
            if name not in point:
                raise Wrong(f"the outcome {name!r} is missing", f"결과 {name!r}이(가) 없습니다")
            value = point[name]
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise Wrong(f"{name!r} must be a number, not {value!r}", f"{name!r}은(는) 수여야 합니다({value!r})")

    def _place_of(self, row: Mapping[str, Any], read: Point, points: list[Point], place: dict[int, int]) -> int | None:
        """Return which pending point a result is of; None if nobody asked for it.

        Raises:
            Wrong: its `_id` is unknown, or was ingested before.
        """
        id_ = row.get("_id")
        if id_ is not None:
            if id_ not in place:
                raise Wrong(f"no point was suggested as _id {id_}", f"_id {id_}(으)로 제안한 점이 없습니다")
            if not self._is_pending(points[place[id_]]):
                raise Wrong(f"_id {id_} was ingested before", f"_id {id_}의 결과는 이미 받았습니다")
            return place[id_]
        chosen = [name for name, v in self.vocs.variables.items() if not isinstance(v, ContextualVariable)]
        same = (
            i for i, p in enumerate(points) if self._is_pending(p) and all(p[name] == read[name] for name in chosen)
        )
        return next(same, None)

    def _context(self, problem: Problem) -> dict[str, Value]:
        """Return what the contextual variables are held at: what was seen last, else their default or their middle."""
        found: dict[str, Value] = {}
        for name, variable in self.vocs.variables.items():
            if isinstance(variable, ContextualVariable):
                seen = [point[name] for point in self._points if not self._is_pending(point)]
                factor = next(v for v in problem.space.variables if v.name == name)
                default = variable.default_value
                found[name] = seen[-1] if seen else (factor.low + factor.high) / 2 if default is None else default
        return found


# ---- their words and ours -----------------------------------------------------------------------------------------


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
    raise _value_error(*reasons)


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
        choices = _choices(variable)
        if all(isinstance(choice, float) for choice in choices):
            return {"type": "grid", "values": list(choices), "unit": "1"}
        return {"type": "categorical", "levels": list(choices)}
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


def _choices(variable: DiscreteVariable) -> dict[Value, Any]:
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


def _checked(name: str, variable: BaseVariable, value: Any) -> Any:
    """Return a value of a variable as the VOCS writes it.

    Raises:
        Wrong: it cannot have that value.
    """
    if isinstance(variable, DiscreteVariable):
        found = [choice for choice in _choices(variable).values() if _is_same(choice, value)]
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


def _conditions(vocs: VOCS, point: Point) -> dict[str, Value]:
    """Return a point of theirs as conditions of ours."""
    conditions: dict[str, Value] = {}
    for name, variable in vocs.variables.items():
        value = point[name]
        if isinstance(variable, DiscreteVariable):
            value = next(ours for ours, theirs in _choices(variable).items() if theirs == value)
        conditions[name] = value
    return conditions


def _observation(vocs: VOCS, number: int, point: Point) -> Observation:
    """Return a point with outcomes as planners see it."""
    found = {name: point[name] for name in _goals(vocs) if point[name] is not None}
    result: Result = Measurement.model_validate({"outcomes": found})
    if not found:
        result = Failure(kind="infeasible", reason=say("no outcome is a finite number", "유한한 결과가 없습니다"))
    return Observation(ExperimentId(f"point-{number}"), _conditions(vocs, point), result)


def _goals(vocs: VOCS) -> list[str]:
    """Return the outcomes that decide."""
    return [*vocs.objectives, *(name for name in vocs.constraints if name not in vocs.objectives)]


def _has_failed(row: Mapping[str, Any]) -> bool:
    """Say whether a framework says that an evaluation came to nothing; gest-api has no word for that."""
    return row.get("xopt_error") is True or getattr(row.get("_status"), "name", None) == "FAILED"


def _of(name: str, text: Text) -> Text:
    return say(f"{name}: {text.en}", f"{name}: {text.ko}")


def _at(number: int, text: Text) -> Text:
    return say(f"point {number}: {text.en}", f"{number}번째 점: {text.ko}")


def _said(item: Mapping[str, Any]) -> Text:
    """Return what pydantic found wrong; our own validators bring both languages."""
    raised = item.get("ctx", {}).get("error")
    return raised.text if isinstance(raised, Wrong) else say(item["msg"], item["msg"])


def _value_error(*reasons: Text) -> ValueError:
    """Return what gest-api wants raised."""
    return ValueError("; ".join(reason.in_(lang_of_environment()) for reason in reasons))
