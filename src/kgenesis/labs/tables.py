"""The lab `table`: experiments somebody has already done, looked up in a CSV or Parquet file."""

import hashlib
import itertools
import json
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.experiment import Failure, Frozen, Measurement, Outcome, Result, Task, Value
from kgenesis.kernel.factors import Variable
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say
from kgenesis.labs.columns import Columns, FloatArray, read_columns
from kgenesis.labs.settings import field, invalid, read_settings

IntArray = NDArray[np.int64]


class Settings(Frozen):
    """What the lab `table` can be told in a mission file."""

    path: str = Field(min_length=1)
    """CSV (UTF-8, header row) or Parquet file; relative to the mission file."""
    columns: dict[str, str] = Field(default={})
    """Factor or outcome → the column it stands in, where the two are called differently."""
    lookup: Literal["exact", "nearest"] = "exact"
    """`exact`: conditions no row has are refused. `nearest`: the row at the smallest Gower distance answers."""
    replicates: Literal["average", "draw", "first"] = "average"
    """Of rows with the same conditions: their mean with its standard error, one drawn by the experiment's seed, or
    the first."""
    ordinal: dict[str, tuple[str, ...]] = Field(default={})
    """Column → its levels from lowest to highest, which become 0, 1, 2, …"""
    blank: dict[str, str] = Field(default={})
    """Column of a categorical factor → the level its empty cells stand for, e.g. `base: none`."""
    missing: Literal["infeasible", "crashed"] = "infeasible"
    """What a row without one of the mission's outcomes is: conditions that do not work (asking again would not help),
    or a mishap that says nothing of them."""
    tolerance: float = Field(default=1e-9, ge=0, lt=0.1)
    """Numbers that differ by less than this part of their column's range, or of their size, are the same."""


def make_lab(context: PluginContext) -> "TableLab":
    """Return the lab of a mission.

    Raises:
        InvalidSpec: a setting or the table is wrong, or the mission names what is not in it.
        MissingPart: it is Parquet and nothing that reads it is installed.
    """
    settings = read_settings(Settings, context)
    if context.problem is None:
        raise invalid(say("a table needs the mission's factors", "표에는 미션의 요인이 필요합니다"), "columns")
    columns = read_columns(context.folder, settings.path)
    _check_columns(settings, context.problem, columns)
    return TableLab(settings, context.problem, columns)


class TableLab:
    """Looks conditions up; every row is one experiment that was done."""

    name = "table"
    is_physical = False

    def __init__(self, settings: Settings, problem: Problem, columns: Columns) -> None:
        self._settings = settings
        self._space = problem.space
        self._needed = problem.outcomes
        self.version = _version(settings, columns)
        values, context, self._rows = self._read_factors(columns)
        outcomes = [columns.numbers(self._column(name), self._order(name)) for name in self._needed]
        self._context = context[self._rows]
        self._outcomes = np.column_stack(outcomes)[self._rows]
        values = values[self._rows]
        self._grids = [_merge(column, settings.tolerance) for column in values.T]
        points, self._group = _unique(self._codes(values))
        order = np.argsort(self._group, kind="stable")
        starts = np.searchsorted(self._group[order], np.arange(len(points) + 1))
        self._members = [order[a:b] for a, b in itertools.pairwise(starts)]
        self._values: FloatArray = values[order[starts[:-1]]]
        self._index = {codes: i for i, codes in enumerate(map(tuple, points.tolist()))}

    @property
    def outcomes(self) -> frozenset[str]:
        """The outcomes of the mission, all of which stand in the table."""
        return frozenset(self._needed)

    def measure(self, task: Task) -> Result:
        """Look a task's conditions up."""
        values = self._space.with_inactive_cleared(self._space.to_values([task.conditions]))
        values[:, self._uncontrolled] = math.nan
        metadata: dict[str, object] = {}
        point = self._index.get(tuple(self._codes(values)[0].tolist()))
        if point is None and self._settings.lookup == "exact":
            reason = say(
                f"{self._settings.path} has no row for these conditions",
                f"{self._settings.path}에 이 조건의 행이 없습니다",
            )
            return Failure(kind="refused", reason=reason)
        if point is None:
            distance = self._space.distance(values, self._values)[0]
            point = int(distance.argmin())
            metadata = {"nearest": self._conditions([point])[0], "distance": float(distance[point])}
        return self._answer(self._members[point], task.seed, metadata)

    def outcomes_of_all_points(self) -> tuple[list[dict[str, Value]], list[Measurement]]:
        """Return every point of the mission's space that the table has, once, with its replicates averaged.

        What the closed-form random reference is computed from (expected best of n draws without replacement). A point
        whose outcomes are missing is there too, with a measurement that lacks them: drawing it costs an experiment.
        """
        full = self._values.copy()
        for i, variable in enumerate(self._space.variables):
            if variable.role == "fixed":
                full[:, i] = 0.0 if variable.levels else variable.low
        inside = np.flatnonzero(self._space.is_feasible(full))
        means, sems, counts = self._averages
        measurements = []
        for point in inside.tolist():
            outcomes = {
                name: Outcome(mean=mean, sem=None if math.isnan(sem) else sem, n=int(counts[point]))
                for name, mean, sem in zip(self._needed, means[point].tolist(), sems[point].tolist(), strict=True)
                if not math.isnan(mean)
            }
            measurements.append(Measurement(outcomes=outcomes))
        return self._space.to_rows(full[inside]), measurements

    # ---- reading ---------------------------------------------------------------------------------------------------

    def _column(self, name: str) -> str:
        return self._settings.columns.get(name, name)

    def _order(self, name: str) -> tuple[str, ...]:
        return self._settings.ordinal.get(self._column(name), ())

    @cached_property
    def _uncontrolled(self) -> list[int]:
        """Variables that conditions are not looked up by: context factors, fixed values."""
        return [i for i, v in enumerate(self._space.variables) if v.role != "controlled"]

    def _codes(self, values: FloatArray) -> IntArray:
        return np.column_stack([grid.codes(column) for grid, column in zip(self._grids, values.T, strict=True)])

    def _read_factors(self, columns: Columns) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return values to look up by and context values (n, n_variables), and which rows are in the space."""
        values = np.full((columns.n_rows, len(self._space.variables)), math.nan)
        context = values.copy()
        inside = np.ones(columns.n_rows, dtype=bool)
        for i, variable in enumerate(self._space.variables):
            column = self._column(variable.name)
            if column not in columns.cells:
                continue  # only context and fixed ones may be absent
            read, is_known = _read_variable(columns, variable, column, self._settings)
            if variable.role == "context":
                context[:, i] = read
                continue
            inside &= is_known
            if variable.role == "fixed":
                inside &= read == (0.0 if variable.levels else variable.low)
            else:
                values[:, i] = read
        cleared = self._space.with_inactive_cleared(values)
        for i, variable in enumerate(self._space.variables):
            blank = np.flatnonzero(inside & np.isnan(cleared[:, i]))
            if variable.role == "controlled" and not variable.active_if and len(blank):
                text = say("the factor's value is missing", "요인의 값이 없습니다")
                raise columns.wrong(int(blank[0]), self._column(variable.name), text)
        if not inside.any():
            text = say("no row has the mission's levels and fixed values", "미션의 수준과 고정값을 가진 행이 없습니다")
            raise invalid(text, "path", file=self._settings.path)
        return cleared, context, np.flatnonzero(inside)

    # ---- answering -------------------------------------------------------------------------------------------------

    @cached_property
    def _averages(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Mean and standard error (n_points, n_outcomes) over each point's complete rows, and how many those are."""
        n = len(self._members)
        is_complete = ~np.isnan(self._outcomes).any(axis=1)
        group, outcomes = self._group[is_complete], self._outcomes[is_complete]
        counts = np.bincount(group, minlength=n)
        means, sems = np.full((2, n, len(self._needed)), math.nan)
        with np.errstate(all="ignore"):
            for column, y in enumerate(outcomes.T):
                means[:, column] = np.bincount(group, weights=y, minlength=n) / counts
                squares = np.bincount(group, weights=(y - means[group, column]) ** 2, minlength=n)
                sems[:, column] = np.where(counts > 1, np.sqrt(squares / (counts - 1) / counts), math.nan)
        return means, sems, counts.astype(np.int64)

    def _answer(self, members: IntArray, seed: tuple[int, ...], metadata: dict[str, object]) -> Result:
        if self._settings.replicates == "draw":
            drawn = int(np.random.default_rng(seed).integers(len(members)))
            members = members[drawn : drawn + 1]
        elif self._settings.replicates == "first":
            members = members[:1]
        is_complete = ~np.isnan(self._outcomes[members]).any(axis=1)
        if not is_complete.any():
            gaps = np.isnan(self._outcomes[members[0]])
            names = ", ".join(name for name, gap in zip(self._needed, gaps, strict=True) if gap)
            reason = say(f"the table has no {names} for these conditions", f"표에 이 조건의 {names} 값이 없습니다")
            return Failure(kind=self._settings.missing, reason=reason, metadata=metadata)
        used = members[is_complete]
        found, n = self._outcomes[used], len(used)
        sems = (found.std(axis=0, ddof=1) / math.sqrt(n)).tolist() if n > 1 else [None] * len(self._needed)
        outcomes = {
            name: Outcome(mean=mean, sem=sem, n=n)
            for name, mean, sem in zip(self._needed, found.mean(axis=0).tolist(), sems, strict=True)
        }
        rows = {"rows": [int(self._rows[i]) + 1 for i in used[:20]]}  # from 1, below the header: to find them again
        return Measurement(outcomes=outcomes, context=self._context_of(used), metadata=metadata | rows)

    def _context_of(self, used: IntArray) -> dict[str, float | str]:
        context: dict[str, float | str] = {}
        for i, variable in enumerate(self._space.variables):
            known = self._context[used, i]
            known = known[~np.isnan(known)]
            if len(known):
                context[variable.name] = variable.levels[int(known[0])] if variable.levels else float(known.mean())
        return context

    def _conditions(self, points: Sequence[int]) -> list[dict[str, Value]]:
        return self._space.to_rows(self._values[list(points)])


class _Grid:
    """The distinct numbers of a column, those within the tolerance of each other being one."""

    def __init__(self, low: FloatArray, high: FloatArray, slack: FloatArray) -> None:
        self._low, self._high, self._slack = low, high, slack

    def codes(self, column: FloatArray) -> IntArray:
        """Return which number each one (n,) is: -1 for none (NaN), -2 for one that is not in the table."""
        codes = np.full(len(column), -1, dtype=np.int64)
        known = ~np.isnan(column)
        if len(self._low) == 0:
            codes[known] = -2
            return codes
        x = column[known]
        right = np.searchsorted(self._low, x).clip(0, len(self._low) - 1)
        left = (right - 1).clip(0)
        gap_left, gap_right = self._gap(x, left), self._gap(x, right)
        nearest = np.where(gap_left < gap_right, left, right)
        codes[known] = np.where(np.minimum(gap_left, gap_right) <= self._slack[nearest], nearest, -2)
        return codes

    def _gap(self, x: FloatArray, code: IntArray) -> FloatArray:
        return np.maximum(np.maximum(self._low[code] - x, x - self._high[code]), 0.0)


def _merge(column: FloatArray, tolerance: float) -> _Grid:
    numbers = np.unique(column[~np.isnan(column)])
    if not len(numbers):
        return _Grid(numbers, numbers, numbers)
    slack = tolerance * np.maximum(np.abs(numbers), numbers[-1] - numbers[0])
    starts = np.flatnonzero(np.concatenate([[True], np.diff(numbers) > slack[1:]]))
    ends = np.concatenate([starts[1:], [len(numbers)]]) - 1
    return _Grid(numbers[starts], numbers[ends], slack[ends])


def _unique(codes: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct rows (m, k) in order of first appearance, and which of them each row (n,) is."""
    key = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:  # two integers into one, made small again each time so that nothing can overflow
        key = np.unique(key * (int(column.max(initial=0)) + 3) + column + 2, return_inverse=True)[1].reshape(-1)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return codes[np.sort(first)], rank[group.reshape(-1)]


def _read_variable(
    columns: Columns, variable: Variable, column: str, settings: Settings
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return a variable's values (n,), and where they are in the space (a level the mission has)."""
    if not variable.levels:
        return columns.numbers(column, settings.ordinal.get(column, ())), np.ones(columns.n_rows, dtype=bool)
    codes: dict[str | None, float] = {level: float(i) for i, level in enumerate(variable.levels)}
    blank = settings.blank.get(column)
    texts = [blank if text is None else text for text in columns.texts(column)]
    read = np.array([codes.get(text, math.nan) for text in texts])
    seen = set(texts)
    unseen = [level for level in variable.levels if level not in seen]
    if unseen and variable.role == "controlled":
        text = say(f"no row has {variable.name} = {unseen[0]!r}", f"{variable.name} = {unseen[0]!r}인 행이 없습니다")
        raise invalid(text, "columns", variable.name, file=columns.file)
    return read, np.array([text is None or text in codes for text in texts])


def _check_columns(settings: Settings, problem: Problem, columns: Columns) -> None:
    mistakes = []
    optional = {v.name for v in problem.space.variables if v.role != "controlled"}
    names = [*problem.space.names, *problem.outcomes]
    for name in names:
        column = settings.columns.get(name, name)
        if column not in columns.cells and (name not in optional or name in settings.columns):
            known = ", ".join(list(columns.cells)[:12])
            text = say(
                f"no column is called {column!r}; there are: {known}", f"{column!r} 열이 없습니다. 있는 것: {known}"
            )
            mistakes.append(Mistake(text, field("columns", name), settings.path, 1))
    for name in settings.columns:
        if name not in names:
            text = say("the mission has no such factor or outcome", "미션에 그런 요인이나 결과가 없습니다")
            mistakes.append(Mistake(text, field("columns", name)))
    for setting, named in (("ordinal", settings.ordinal), ("blank", settings.blank)):
        for column in named:
            if column not in columns.cells:
                text = say(f"no column is called {column!r}", f"{column!r} 열이 없습니다")
                mistakes.append(Mistake(text, field(setting, column), settings.path, 1))
    if mistakes:
        raise InvalidSpec(say("the table does not fit the mission", "표가 미션과 맞지 않습니다"), mistakes)


def _version(settings: Settings, columns: Columns) -> str:
    parts = json.dumps(settings.model_dump(mode="json", exclude={"path"}), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{columns.sha256} {parts}".encode()).hexdigest()[:12]
