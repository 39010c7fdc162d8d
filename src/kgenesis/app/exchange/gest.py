"""K-Genesis as a generator of gest-api: Xopt, libEnsemble and Optimas drive the loop, our planners decide."""

# first, because it says what to install where gest-api is missing
from kgenesis.app.exchange.vocs import (
    Point,
    checked,
    choices,
    conditions_of,
    goals,
    observation_of,
    problem_of,
    value_error,
)

# isort: split
import math
from collections.abc import Iterable, Mapping
from typing import Any

from gest_api import Generator
from gest_api.vocs import VOCS, ContextualVariable, DiscreteVariable, ExploreObjective
from typing_extensions import override

from kgenesis.app.exchange.frames import framed, plain, rows_of
from kgenesis.app.platform import make_planner
from kgenesis.campaign.spec import Choice
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.ports import Planner, ProposalRequest
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, Wrong, say


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
                raise value_error(_at(number, wrong.text)) from wrong
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
            raise value_error(say(f"{n} points cannot be suggested", f"점 {n}개는 제안할 수 없습니다"))
        if not n:
            return []
        problem = problem_of(self.vocs, self._points)
        if self._planner is None:
            self._planner = make_planner(problem, self._choice)
        issued = [point["_id"] for point in self._points if "_id" in point]
        context = self._context(problem)
        request = ProposalRequest(
            problem,
            [
                observation_of(self.vocs, i, point)
                for i, point in enumerate(self._points)
                if not self._is_pending(point)
            ],
            [conditions_of(self.vocs, point) for point in self._points if self._is_pending(point)],
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
            raise value_error(text)
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
                    read |= dict.fromkeys(goals(self.vocs))
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
            raise value_error(*reasons)
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
        return not any(name in point for name in goals(self.vocs))

    def _point(self, conditions: Mapping[str, Value]) -> Point:
        """Return conditions of ours as a point of theirs."""
        point: Point = {}
        for name, variable in self.vocs.variables.items():
            value = conditions[name]
            if isinstance(variable, DiscreteVariable):
                value = choices(variable)[value]
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
            point[name] = checked(name, variable, value)
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
        for name in goals(self.vocs):
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


def _at(number: int, text: Text) -> Text:
    return say(f"point {number}: {text.en}", f"{number}번째 점: {text.ko}")


def _has_failed(row: Mapping[str, Any]) -> bool:
    """Say whether a framework says that an evaluation came to nothing; gest-api has no word for that."""
    return row.get("xopt_error") is True or getattr(row.get("_status"), "name", None) == "FAILED"
