"""The space of conditions: what may be tried, as people write it and as arrays.

Conditions are handled in three forms. *Rows* are what people read: dictionaries from variable name to number, level
or None. *Values* are a float array (n, n_variables): numbers as they are, levels as their index, NaN where a
variable does not exist. *Encoded* is a float array (n, d) in [0, 1] that surrogates learn from.
"""

import math
import numbers
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, model_validator
from typing_extensions import override

from kgenesis.kernel import finite
from kgenesis.kernel.constraints import Constraint
from kgenesis.kernel.encoding import Encoding, FloatArray
from kgenesis.kernel.errors import InvalidConditions, InvalidExpression, Mistake
from kgenesis.kernel.experiment import Conditions, Frozen, Value
from kgenesis.kernel.factors import Mixture, Variable
from kgenesis.kernel.fidelity import AnyFactor
from kgenesis.kernel.fields import Cell
from kgenesis.kernel.rules import Rule, Rules
from kgenesis.kernel.text import Text, Wrong, say

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

ENUMERABLE = 200_000
"""A finite space of at most this many combinations is listed and searched whole."""

_PLAIN = frozenset({int, float, type(None)})


class Candidates(Frozen):
    """A table that lists every point of the space."""

    path: str = ""
    """CSV or Parquet file; relative to the mission file."""
    sha256: str = ""
    """Content hash, once the table is in the store."""
    rows: tuple[dict[str, Cell], ...] = ()
    """The points themselves, for short lists."""

    @model_validator(mode="before")
    @classmethod
    def _plain_string_is_a_path(cls, value: object) -> object:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_path_or_rows(self) -> Self:
        if bool(self.path or self.sha256) == bool(self.rows):
            raise Wrong("give a `path` or `rows`", "`path`나 `rows` 중 하나를 주세요")
        return self


class Space(Frozen):
    """Factors, the constraints known beforehand, and optionally the list of all points."""

    factors: tuple[AnyFactor, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    candidates: Candidates | None = None

    _candidate_values: FloatArray | None = PrivateAttr(default=None)
    _seen: tuple[Variable, ...] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        names = [*self.names, *(mixture.name for mixture in self.mixtures)]
        doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if doubled is not None:
            raise Wrong(f"two factors are called {doubled!r}", f"{doubled!r}라는 요인이 둘입니다")
        if not any(v.role == "controlled" for v in self.variables):
            raise Wrong("no factor can be controlled", "조절할 수 있는 요인이 없습니다")
        try:
            self._rules  # noqa: B018  (reads every expression and constraint)
        except InvalidExpression as error:
            raise Wrong(error.detail.en, error.detail.ko) from error
        if self.candidates is not None and self.candidates.rows:
            for i, row in enumerate(self.candidates.rows):
                for problem in self._cell_problems(row):
                    place = f"candidates.rows[{i}]: {problem.field}: "
                    raise Wrong(place + problem.text.en, place + problem.text.ko)
            self._candidate_values = self.to_values(self.candidates.rows)
        return self

    __hash__ = Frozen.__hash__

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        return (self.factors, self.constraints, self.candidates) == (
            other.factors, other.constraints, other.candidates,
        )  # fmt: skip

    # ---- names -----------------------------------------------------------------------------------------------------

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The columns of an experiment's conditions, in order."""
        found: list[Variable] = []
        for factor in self.factors:
            start = found[-1].factor + 1 if found else 0
            found.extend(factor.variables(start))
        return tuple(found)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the variables, in order."""
        return tuple(variable.name for variable in self.variables)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def mixtures(self) -> tuple[Mixture, ...]:
        """The mixture groups."""
        return tuple(factor for factor in self.factors if isinstance(factor, Mixture))

    # ---- rows and values -------------------------------------------------------------------------------------------

    def to_values(self, rows: Sequence[Conditions]) -> FloatArray:
        """Return rows as values (n, n_variables); a variable a row does not name is NaN, or its fixed value.

        Raises:
            InvalidConditions: a value is no number, or not one of the levels.
        """
        values = np.empty((len(rows), len(self.variables)))
        for column, variable in enumerate(self.variables):
            try:
                cells = list(map(itemgetter(variable.name), rows))
            except KeyError:
                cells = [row.get(variable.name, variable.fixed) for row in rows]
            if variable.levels:
                codes: dict[Value, float] = {level: float(i) for i, level in enumerate(self._wide[column].levels)}
                codes[None] = math.nan
                try:
                    values[:, column] = [codes[cell] for cell in cells]
                except (KeyError, TypeError):
                    raise self._unknown(variable, cells) from None
            else:
                if not _PLAIN.issuperset(map(type, cells)) and any(_problem(variable, cell) for cell in cells):
                    raise self._unknown(variable, cells)
                try:
                    values[:, column] = cells
                except (OverflowError, TypeError, ValueError):
                    raise self._unknown(variable, cells) from None
        return values

    def _unknown(self, variable: Variable, cells: Sequence[Value]) -> InvalidConditions:
        i, problem = next((i, p) for i, cell in enumerate(cells) if (p := _problem(variable, cell)) is not None)
        text = problem.text
        return InvalidConditions(
            say(f"row {i + 1}: {variable.name}: {text.en}", f"{i + 1}번째 행: {variable.name}: {text.ko}"), [problem]
        )

    def to_rows(self, values: FloatArray) -> list[dict[str, Value]]:
        """Return values (n, n_variables) as rows."""
        columns: list[list[Value]] = []
        for column, variable in zip(values.T, self._wide, strict=True):
            if variable.levels:
                columns.append([None if c != c else variable.levels[int(c)] for c in column.tolist()])  # noqa: PLR0124
            elif variable.is_whole:
                columns.append([None if c != c else round(c) for c in column.tolist()])  # noqa: PLR0124
            elif np.isnan(column).any():
                columns.append([None if c != c else c for c in column.tolist()])  # noqa: PLR0124
            else:
                columns.append(column.tolist())
        return [dict(zip(self.names, cells, strict=True)) for cells in zip(*columns, strict=True)]

    # ---- what is allowed -------------------------------------------------------------------------------------------

    @cached_property
    def _rules(self) -> Rules:
        return Rules(self.variables, self.mixtures, self.constraints)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that tie several variables together: mixtures and constraints."""
        return self._rules.of_several

    def with_inactive_cleared(self, values: FloatArray) -> FloatArray:
        """Return values with NaN wherever a conditional variable does not exist."""
        return self._rules.cleared(values)

    def is_feasible(self, values: FloatArray) -> BoolArray:
        """Return (n,) booleans: values within bounds, on their grids, and keeping every known constraint.

        Numbers are forgiven a millionth of their range. A context variable may be unknown or out of its bounds.
        Whether values stand in the candidate table is not looked at; see `index_of`.
        """
        return self._rules.kept(values)

    def verdicts(self, values: FloatArray) -> Iterator[tuple[Text, BoolArray]]:
        """Yield the text of every rule, bounds included, and who (n,) of values (n, n_variables) keeps it."""
        return self._rules.each(values)

    def check(self, conditions: Conditions) -> list[Mistake]:
        """Return what is wrong with one experiment's conditions, one problem per variable or rule; [] if nothing.

        Unlike `is_feasible` this also asks that they stand in the candidate table, if there is one and it was read.
        """
        problems = self._cell_problems(conditions)
        if problems:
            return problems
        values = self.to_values([conditions])
        if self._rules.kept(values)[0]:
            if self.candidates is None or self.points is None or self.index_of(values)[0] >= 0:
                return []
            text = say(
                f"not one of the {len(self.points)} points of the candidate table",
                f"후보 표의 점 {len(self.points)}개 가운데 하나가 아닙니다",
            )
            return [Mistake(text)]
        exists = self._rules.exists(values)[0]
        for variable, is_there, value in zip(self.variables, exists, values[0], strict=True):
            if variable.active_if and is_there and math.isnan(value):
                text = say(
                    f"a value is missing: the factor exists where {variable.active_if}",
                    f"값이 없습니다. {variable.active_if}이면 있어야 하는 요인입니다",
                )
                problems.append(Mistake(text, variable.name))
            elif not is_there and not math.isnan(value):
                text = say(
                    f"must be empty: the factor exists only where {variable.active_if}",
                    f"비워 두세요. {variable.active_if}일 때만 있는 요인입니다",
                )
                problems.append(Mistake(text, variable.name))
        if problems:
            return problems
        # the rules of single variables come first, one each
        fields = [*self.names, *("" for _ in self.rules)]
        return [
            Mistake(say(f"must keep: {text.en}", f"지켜야 합니다: {text.ko}"), field)
            for field, (text, kept) in zip(fields, self.verdicts(values), strict=True)
            if not kept[0]
        ]

    def _cell_problems(self, conditions: Conditions) -> list[Mistake]:
        """Return what is wrong with single cells: unknown names, missing values, no numbers, no levels."""
        problems = [
            Mistake(say("no such factor", "그런 요인이 없습니다"), name)
            for name in conditions
            if name not in self._index
        ]
        for variable in self.variables:
            value = conditions.get(variable.name, variable.fixed)
            if value is None and not variable.active_if and variable.role != "context":
                problems.append(Mistake(say("a value is missing", "값이 없습니다"), variable.name))
            elif (problem := _problem(variable, value)) is not None:
                problems.append(problem)
        return problems

    # ---- encoding --------------------------------------------------------------------------------------------------

    @property
    def _wide(self) -> tuple[Variable, ...]:
        return self._seen or self.variables

    @cached_property
    def _encoding(self) -> Encoding:
        return Encoding(self.variables, self._wide)

    @property
    def groups(self) -> IntArray:
        """(d,): the learned variable (from 0, in order) each encoded column belongs to."""
        return self._encoding.groups

    @cached_property
    def learned_names(self) -> tuple[str, ...]:
        """The variable of each group."""
        return tuple(self.names[i] for i, _ in self._encoding.learned)

    def unit_scale(self, column: int, numbers: FloatArray) -> FloatArray:
        """Return a numeric variable's values with `low` at 0 and `high` at 1, on its log scale if it has one."""
        return self._encoding.unit_scale(column, numbers)

    def encode(self, values: FloatArray) -> FloatArray:
        """Return values (n, n_variables) encoded (n, d), every column in [0, 1].

        Numbers are scaled (on their log scale if they have one), levels become their descriptors or one-hot columns,
        and a conditional variable has one more column that says whether it exists; where it does not, or a context
        value is unknown, the middle stands in. A context value out of its bounds counts as at the bound.
        """
        return self._encoding.encode(values)

    def decode(self, encoded: FloatArray) -> FloatArray:
        """Return the values (n, n_variables) nearest to encoded points (n, d); inverts `encode` but for rounding.

        Each variable by itself: constraints and mixture sums are not mended. Unknown context values come back as the
        middle.
        """
        return self._encoding.decode(encoded)

    def snap(self, values: FloatArray) -> FloatArray:
        """Return values with every stepped number moved to the nearest value it may take."""
        return self._encoding.snap(values)

    def distance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the Gower distance (n, m), 0–1, between values a (n, n_variables) and b (m, n_variables).

        The mean over variables that can vary of |difference| / range for numbers (on their scale), 0 or 1 for
        levels, 1 if only one of the two exists (Gower 1971, Biometrics 27, 857, eq. 4 with equal weights). A context
        variable that is not known for both adds nothing.
        """
        return self._encoding.distance(a, b)

    # ---- finite spaces ---------------------------------------------------------------------------------------------

    def with_candidates(self, rows: Sequence[Conditions] | FloatArray) -> Self:
        """Return the space with its candidate table read in (rows, or values (n, n_variables))."""
        space = self.model_copy()
        space._candidate_values = rows if isinstance(rows, np.ndarray) else self.to_values(rows)  # noqa: SLF001
        return space

    @cached_property
    def size(self) -> float:
        """Number of points before constraints are looked at; infinite if any variable is continuous."""
        if self.candidates is not None:
            return math.inf if self._candidate_values is None else len(self._candidate_values)
        return finite.n_combinations(self.variables, self.mixtures)

    def combinations(self) -> FloatArray:
        """Return the values (n, n_variables) of every point of a finite space, feasible or not."""
        if self._candidate_values is not None:
            return self._candidate_values
        return finite.combinations(self.variables, self.mixtures)

    @cached_property
    def points(self) -> FloatArray | None:
        """Values of every feasible point (n, n_variables) of a finite space, each once; None if not listable.

        Read-only, as it is computed once.
        """
        if self.size > ENUMERABLE and self._candidate_values is None:
            return None
        listed = self.with_inactive_cleared(self.combinations())
        listed = listed[self.is_feasible(listed)]
        if self.candidates is not None or any(v.active_if for v in self.variables):
            listed = finite.unique_rows(listed)
        listed.setflags(write=False)
        return listed

    @cached_property
    def _register(self) -> finite.Register:
        return finite.Register(self._wide)

    @cached_property
    def _point_index(self) -> finite.Index:
        points = self.points
        return finite.Index(self._register, np.empty((0, len(self.variables))) if points is None else points)

    def keys(self, values: FloatArray) -> NDArray[np.uint64]:
        """Return one number (n,) per row of values, equal where the controlled variables agree to nine digits."""
        return self._register.keys(values)

    def index_of(self, values: FloatArray) -> IntArray:
        """Return (n,) the index in `points` of the same controlled values, -1 where there is none."""
        return self._point_index.find(values)


def seen_as(space: Space, seen: Sequence[Variable]) -> Space:
    """Return the space, able to learn from beyond it: what may be tried stays as it is.

    Args:
        space: what may be tried.
        seen: every variable, as wide as what was seen of it; levels start with the present ones. 0 and 1 of `encode`.
    """
    wide = space.model_copy()
    wide._seen = tuple(seen)  # noqa: SLF001
    return wide


def _problem(variable: Variable, value: Value) -> Mistake | None:
    """Return what is wrong with one cell, if anything."""
    if value is None:
        return None
    if variable.levels:
        is_right, expected = isinstance(value, str) and value in variable.levels, ", ".join(variable.levels[:8])
    else:
        is_number = type(value) in _PLAIN or (
            isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
        )
        is_right, expected = is_number and -math.inf < value < math.inf, ""  # type: ignore[operator]
        if is_right and isinstance(value, int):
            is_right = abs(value) < 10**300
    if is_right:
        return None
    text = say(
        f"{value!r} is not " + (f"one of {expected}" if expected else "a finite number"),
        f"{value!r}은(는) " + (f"{expected} 중 하나가 아닙니다" if expected else "유한한 수가 아닙니다"),
    )
    return Mistake(text, variable.name)
