"""The space of conditions: what may be tried, as people write it and as arrays.

Conditions are handled in three forms. *Rows* are what people read: dictionaries from variable name to number, level
or None. *Values* are a float array (n, n_variables): numbers as they are, levels as their index, NaN where a
variable does not exist. *Encoded* is a float array (n, d) in [0, 1] that surrogates learn from.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, model_validator

from kgenesis.kernel.constraints import TOLERANCE, Constraint, Expression, Forbidden, Linear
from kgenesis.kernel.errors import InvalidConditions, InvalidExpression, Problem
from kgenesis.kernel.expressions import Expression as Parsed
from kgenesis.kernel.expressions import parse
from kgenesis.kernel.experiment import Conditions, Frozen, Value
from kgenesis.kernel.factors import Factor, Mixture, Variable
from kgenesis.kernel.text import say

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

ENUMERABLE = 200_000
"""A finite space of at most this many combinations is listed and searched whole."""


class Candidates(Frozen):
    """A table that lists every point of the space."""

    path: str = ""
    """CSV or Parquet file; relative to the mission file."""
    sha256: str = ""
    """Content hash, once the table is in the store."""
    rows: tuple[dict[str, Value], ...] = ()
    """The points themselves, for short lists."""

    @model_validator(mode="before")
    @classmethod
    def _plain_string_is_a_path(cls, value: object) -> object:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_path_or_rows(self) -> Self:
        if bool(self.path or self.sha256) == bool(self.rows):
            msg = "give a `path` or `rows`"
            raise ValueError(msg)
        return self


class Space(Frozen):
    """Factors, the constraints known beforehand, and optionally the list of all points."""

    factors: tuple[Factor, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    candidates: Candidates | None = None

    _candidate_values: FloatArray | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [*self.names, *(f.name for f in self.factors if isinstance(f, Mixture))]
        doubled = [name for name in names if names.count(name) > 1]
        if doubled:
            msg = f"two factors are called {doubled[0]!r}"
            raise ValueError(msg)
        if not any(v.role == "controlled" for v in self.variables):
            msg = "no factor can be controlled"
            raise ValueError(msg)
        try:
            self._conditions_of_activity  # noqa: B018  (parses)
            self._expressions  # noqa: B018
        except InvalidExpression as error:
            raise ValueError(error.detail.en) from error
        for constraint in self.constraints:
            self._check_constraint(constraint)
        if self.candidates is not None and self.candidates.rows:
            self._candidate_values = self.to_values(self.candidates.rows)
        return self

    def _check_constraint(self, constraint: Constraint) -> None:
        named: Mapping[str, Any] = {}
        if isinstance(constraint, Linear):
            named = constraint.coefficients
        elif isinstance(constraint, Forbidden):
            named = constraint.combination
        for name, given in named.items():
            if name not in self._index:
                msg = f"constraint: no factor is called {name!r}"
                raise ValueError(msg)
            variable = self.variables[self._index[name]]
            if isinstance(constraint, Linear) and variable.levels:
                msg = f"linear constraint: {name!r} is not a number"
                raise ValueError(msg)
            if isinstance(constraint, Forbidden):
                for item in given if isinstance(given, tuple) else (given,):
                    if variable.levels and item not in variable.levels:
                        msg = f"forbidden combination: {item!r} is not a level of {name!r}"
                        raise ValueError(msg)

    # ---- names and shapes ------------------------------------------------------------------------------------------

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

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {variable.name: bool(variable.levels) for variable in self.variables}

    @cached_property
    def _conditions_of_activity(self) -> dict[int, Parsed]:
        parsed = {i: parse(v.active_if, self._known) for i, v in enumerate(self.variables) if v.active_if}
        for i, expression in parsed.items():
            conditional = {self.names[j] for j in parsed}
            if expression.names & conditional:
                msg = f"{self.names[i]}: `active_if` may not name another conditional factor"
                raise ValueError(msg)
        return parsed

    @cached_property
    def _expressions(self) -> tuple[Parsed, ...]:
        return tuple(parse(c.expression, self._known) for c in self.constraints if isinstance(c, Expression))

    # ---- rows and values -------------------------------------------------------------------------------------------

    def to_values(self, rows: Sequence[Conditions]) -> FloatArray:
        """Return rows as values (n, n_variables); a variable a row does not name is NaN, or its fixed value.

        Raises:
            InvalidConditions: a value is no number, or not one of the levels.
        """
        values = np.empty((len(rows), len(self.variables)))
        for column, variable in enumerate(self.variables):
            cells = [row.get(variable.name, variable.fixed) for row in rows]
            try:
                if variable.levels:
                    codes: dict[Value, float] = {level: float(i) for i, level in enumerate(variable.levels)}
                    codes[None] = math.nan
                    values[:, column] = [codes[cell] for cell in cells]
                else:
                    values[:, column] = [math.nan if cell is None else cell for cell in cells]  # type: ignore[misc]
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidConditions(
                    say(f"{variable.name}: {error} is not one of its values", f"{variable.name}: {error}은(는) 없는 값입니다"),
                    [Problem(say("not a number or a known level", "수도 아니고 알려진 수준도 아닙니다"), variable.name)],
                ) from error
        return values

    def to_rows(self, values: FloatArray) -> list[dict[str, Value]]:
        """Return values (n, n_variables) as rows."""
        columns: list[list[Value]] = []
        for column, variable in zip(values.T, self.variables, strict=True):
            if variable.levels:
                columns.append([None if c != c else variable.levels[int(c)] for c in column.tolist()])
            elif variable.is_whole:
                columns.append([None if c != c else round(c) for c in column.tolist()])
            else:
                columns.append([None if c != c else c for c in column.tolist()])
        return [dict(zip(self.names, cells, strict=True)) for cells in zip(*columns, strict=True)]

    def _named(self, values: FloatArray) -> dict[str, NDArray[Any]]:
        columns: dict[str, NDArray[Any]] = {}
        for column, variable in zip(values.T, self.variables, strict=True):
            if variable.levels:
                names = np.array([*variable.levels, ""], dtype=object)
                columns[variable.name] = names[np.where(np.isnan(column), len(variable.levels), column).astype(int)]
            else:
                columns[variable.name] = column
        return columns

    # ---- what is allowed -------------------------------------------------------------------------------------------

    def with_inactive_cleared(self, values: FloatArray) -> FloatArray:
        """Return values with NaN wherever a conditional variable does not exist."""
        if not self._conditions_of_activity:
            return values
        cleared = values.copy()
        named = self._named(values)
        for column, condition in self._conditions_of_activity.items():
            cleared[~condition.holds(named), column] = math.nan
        return cleared

    def is_feasible(self, values: FloatArray) -> BoolArray:
        """Return (n,) booleans: values within bounds, on their grids, and keeping every known constraint."""
        good = np.ones(len(values), dtype=bool)
        for _, mask in self._rules(values):
            good &= mask
        return good

    def _violations(self, values: FloatArray) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in values]
        for name, mask in self._rules(values):
            for i in np.flatnonzero(~mask):
                found[i].append(name)
        return found

    def _rules(self, values: FloatArray) -> Iterator[tuple[str, BoolArray]]:
        """Yield each rule's description and who keeps it (n,)."""
        named = self._named(values)
        for i, variable in enumerate(self.variables):
            column = values[:, i]
            exists = np.ones(len(values), dtype=bool)
            if i in self._conditions_of_activity:
                exists = self._conditions_of_activity[i].holds(named)
            slack = TOLERANCE * max(variable.high - variable.low, abs(variable.high), 1e-300)
            within = (column >= variable.low - slack) & (column <= variable.high + slack)
            if variable.role == "context":  # measured, so it is what it is; it may be unknown at proposal time
                within |= np.isnan(column) | ~np.array(bool(variable.levels))
            elif variable.grid is not None:
                nearest = variable.grid[np.abs(column[:, None] - variable.grid).argmin(axis=1)] if len(column) else column
                within &= np.abs(column - nearest) <= slack
            yield self._describe(variable), np.where(exists, within, np.isnan(column))
        for mixture in self.mixtures:
            yield from self._mixture_rules(mixture, values)
        for constraint in self.constraints:
            if isinstance(constraint, Linear):
                yield self._linear_rule(constraint, values)
            elif isinstance(constraint, Forbidden):
                yield self._forbidden_rule(constraint, named)
        for expression in self._expressions:
            yield expression.source, expression.holds(named)

    def _describe(self, variable: Variable) -> str:
        if variable.levels:
            return f"{variable.name} in {list(variable.levels)}"
        grid = "" if variable.grid is None else f", one of {len(variable.grid)} values"
        return f"{variable.low:g} <= {variable.name} <= {variable.high:g}{grid}"

    def _mixture_rules(self, mixture: Mixture, values: FloatArray) -> Iterator[tuple[str, BoolArray]]:
        columns = [self._index[c.name] for c in mixture.components]
        parts = values[:, columns]
        slack = TOLERANCE * mixture.total
        yield f"sum of {mixture.name} = {mixture.total:g}", np.abs(parts.sum(axis=1) - mixture.total) <= slack
        present = parts > slack
        if mixture.max_present is not None:
            count = present.sum(axis=1)
            most = mixture.n_present_at_most
            yield f"{mixture.min_present} to {most} of {mixture.name}", (count >= mixture.min_present) & (count <= most)
            lows = np.array([c.low for c in mixture.components])
            yield f"lower bounds of {mixture.name}", (~present | (parts >= lows - slack)).all(axis=1)
        if mixture.step is not None:
            off = np.abs(parts / mixture.step - np.round(parts / mixture.step))
            yield f"{mixture.name} in steps of {mixture.step:g}", (off <= 1e-4).all(axis=1)

    def _linear_rule(self, constraint: Linear, values: FloatArray) -> tuple[str, BoolArray]:
        columns = [self._index[name] for name in constraint.coefficients]
        terms = np.nan_to_num(values[:, columns], nan=0.0) * np.array(list(constraint.coefficients.values()))
        total = terms.sum(axis=1)
        slack = TOLERANCE * np.maximum(np.abs(terms).sum(axis=1), abs(constraint.bound)) + 1e-12
        kept = {
            "<=": total <= constraint.bound + slack,
            ">=": total >= constraint.bound - slack,
            "=": np.abs(total - constraint.bound) <= slack,
        }[constraint.relation]
        text = " + ".join(f"{weight:g} {name}" for name, weight in constraint.coefficients.items())
        return f"{text} {constraint.relation} {constraint.bound:g}", kept

    def _forbidden_rule(self, constraint: Forbidden, named: Mapping[str, NDArray[Any]]) -> tuple[str, BoolArray]:
        hit: Any = True
        for name, given in constraint.combination.items():
            items = given if isinstance(given, tuple) else (given,)
            matches = [
                named[name] == item if isinstance(item, str) else np.isclose(named[name].astype(float), item, rtol=1e-9)
                for item in items
            ]
            hit = np.logical_and(hit, np.logical_or.reduce(matches))
        return f"not {constraint.combination}", ~np.asarray(hit, dtype=bool)

    def check(self, conditions: Conditions) -> list[Problem]:
        """Return what is wrong with one experiment's conditions, one problem per variable or rule; [] if nothing."""
        problems = [
            Problem(say("no such factor", "그런 요인이 없습니다"), name) for name in conditions if name not in self._index
        ]
        for variable in self.variables:
            value = conditions.get(variable.name, variable.fixed)
            is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if value is None and not variable.active_if and variable.role != "context":
                problems.append(Problem(say("a value is missing", "값이 없습니다"), variable.name))
            elif value is not None and (value not in variable.levels if variable.levels else not is_number):
                expected = ", ".join(variable.levels[:8])
                text = say(
                    f"{value!r} is not " + (f"one of {expected}" if expected else "a finite number"),
                    f"{value!r}은(는) " + (f"{expected} 중 하나가 아닙니다" if expected else "유한한 수가 아닙니다"),
                )
                problems.append(Problem(text, variable.name))
        if problems:
            return problems
        broken = self._violations(self.to_values([conditions]))[0]
        return [Problem(say(f"must keep: {rule}", f"지켜야 합니다: {rule}"), "") for rule in broken]

    # ---- encoding --------------------------------------------------------------------------------------------------

    @cached_property
    def _learned(self) -> tuple[tuple[int, int], ...]:
        """(variable, first column) of those that can vary."""
        columns, start = [], 0
        for i, variable in enumerate(self.variables):
            if variable.role != "fixed" and self._width(variable):
                columns.append((i, start))
                start += self._width(variable)
        return tuple(columns)

    def _width(self, variable: Variable) -> int:
        numbers = 0 if variable.low == variable.high else 1
        width = variable.coordinates.shape[1] if variable.coordinates is not None else numbers
        return width + bool(variable.active_if)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """(d,): the learned variable (from 0, in order) each encoded column belongs to."""
        widths = [self._width(self.variables[i]) for i, _ in self._learned]
        return np.repeat(np.arange(len(widths)), widths)

    @cached_property
    def learned_names(self) -> tuple[str, ...]:
        """The variable of each group."""
        return tuple(self.names[i] for i, _ in self._learned)

    def unit_scale(self, column: int, numbers: FloatArray) -> FloatArray:
        """Return a numeric variable's values scaled to [0, 1], on its log scale if it has one."""
        variable = self.variables[column]
        low, high = variable.low, variable.high
        if variable.is_log:
            with np.errstate(all="ignore"):
                numbers, low, high = np.log(numbers), math.log(low), math.log(high)
        return (numbers - low) / ((high - low) or 1.0)

    def encode(self, values: FloatArray) -> FloatArray:
        """Return values (n, n_variables) encoded (n, d).

        Numbers are scaled to [0, 1] (on their log scale if they have one), levels become their descriptors or
        one-hot columns, and a conditional variable has one more column that says whether it exists; where it does
        not, or a context value is unknown, the middle stands in.
        """
        encoded = np.empty((len(values), len(self.groups)))
        for i, start in self._learned:
            variable, column = self.variables[i], values[:, i]
            missing = np.isnan(column)
            if variable.coordinates is not None:
                width = variable.coordinates.shape[1]
                table = np.vstack([variable.coordinates, variable.coordinates.mean(axis=0)])
                codes = np.where(missing, len(variable.levels), column).astype(np.int64)
                encoded[:, start : start + width] = table[codes]
            else:
                width = 1
                encoded[:, start] = np.where(missing, 0.5, self.unit_scale(i, column))
            if variable.active_if:
                encoded[:, start + width] = ~missing
        return encoded

    def decode(self, encoded: FloatArray) -> FloatArray:
        """Return the values (n, n_variables) nearest to encoded points (n, d); exact on what `encode` gave."""
        values = np.full((len(encoded), len(self.variables)), math.nan)
        for i, variable in enumerate(self.variables):
            if variable.role == "fixed" or variable.low == variable.high:
                values[:, i] = 0.0 if variable.levels else variable.low
        for i, start in self._learned:
            variable = self.variables[i]
            if variable.coordinates is not None:
                width = variable.coordinates.shape[1]
                gap = encoded[:, None, start : start + width] - variable.coordinates
                values[:, i] = (gap**2).sum(axis=2).argmin(axis=1)
            else:
                width = 1
                position = np.clip(encoded[:, start], 0.0, 1.0)
                low, high = variable.low, variable.high
                if variable.is_log:
                    numbers = np.exp(math.log(low) + position * (math.log(high) - math.log(low)))
                else:
                    numbers = low + position * (high - low)
                values[:, i] = np.clip(numbers, low, high)
            if variable.active_if:
                values[encoded[:, start + width] < 0.5, i] = math.nan  # noqa: PLR2004
        return self.snap(values)

    def snap(self, values: FloatArray) -> FloatArray:
        """Return values with every stepped number moved to the nearest value it may take."""
        snapped = values.copy()
        for i, variable in enumerate(self.variables):
            if variable.grid is not None:
                column = values[:, i]
                right = np.clip(np.searchsorted(variable.grid, column), 1, max(len(variable.grid) - 1, 1))
                if len(variable.grid) == 1:
                    nearest = np.full(len(column), variable.grid[0])
                else:
                    low, high = variable.grid[right - 1], variable.grid[right]
                    nearest = np.where(column - low <= high - column, low, high)
                snapped[:, i] = np.where(np.isnan(column), math.nan, nearest)
        return snapped

    # ---- finite spaces ---------------------------------------------------------------------------------------------

    def with_candidates(self, rows: Sequence[Conditions] | FloatArray) -> Self:
        """Return the space with its candidate table read in (rows, or values (n, n_variables))."""
        space = self.model_copy()
        space._candidate_values = rows if isinstance(rows, np.ndarray) else self.to_values(rows)  # noqa: SLF001
        return space

    @cached_property
    def size(self) -> float:
        """Upper bound of the number of points; infinite if any variable is continuous."""
        if self.candidates is not None:
            return math.inf if self._candidate_values is None else len(self._candidate_values)
        count = 1.0
        for variable in self.variables:
            if variable.role == "controlled" and not variable.mixture:
                count *= len(variable.levels) or (len(variable.grid) if variable.grid is not None else math.inf)
        for mixture in self.mixtures:
            units = math.inf if mixture.step is None else round(mixture.total / mixture.step)
            n = len(mixture.components)
            count *= math.comb(int(units) + n - 1, n - 1) if math.isfinite(units) else math.inf
        return count

    @cached_property
    def points(self) -> FloatArray | None:
        """Values of every feasible point (n, n_variables) of a finite space, each once; None if not listable."""
        if self.candidates is not None:
            if self._candidate_values is None:
                return None
            listed = self.with_inactive_cleared(self._candidate_values)
        elif self.size <= ENUMERABLE:
            listed = self.with_inactive_cleared(self._combinations())
        else:
            return None
        listed = listed[self.is_feasible(listed)]
        # NaN marks what does not exist; unique() needs it to equal itself
        _, first = np.unique(np.nan_to_num(listed, nan=-1e300), axis=0, return_index=True)
        return listed[np.sort(first)]

    def _combinations(self) -> FloatArray:
        blocks: list[tuple[list[int], FloatArray]] = []
        for i, variable in enumerate(self.variables):
            if variable.mixture:
                continue
            if variable.role == "context":
                choices = np.array([math.nan])
            elif variable.levels:
                choices = np.arange(len(variable.levels), dtype=np.float64)
            else:
                choices = variable.grid if variable.grid is not None else np.array([variable.low])
            blocks.append(([i], choices[:, None]))
        for mixture in self.mixtures:
            blocks.append(([self._index[c.name] for c in mixture.components], _compositions(mixture)))
        counts = [len(block) for _, block in blocks]
        picks = np.indices(counts).reshape(len(counts), -1)
        values = np.empty((picks.shape[1], len(self.variables)))
        for (columns, block), pick in zip(blocks, picks, strict=True):
            values[:, columns] = block[pick]
        return values

    def distance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the Gower distance (n, m), 0–1, between values a (n, n_variables) and b (m, n_variables).

        The mean over variables that can vary of |difference| / range for numbers (on their scale), 0 or 1 for
        levels, 1 if only one of the two exists (Gower 1971, Biometrics 27, 857, eq. 4 with equal weights).
        """
        total = np.zeros((len(a), len(b)))
        for i, _ in self._learned:
            left, right = a[:, i][:, None], b[:, i][None, :]
            if self.variables[i].levels:
                gap = (left != right).astype(np.float64)
            else:
                gap = np.clip(np.abs(self.unit_scale(i, left) - self.unit_scale(i, right)), 0.0, 1.0)
            only_one = np.isnan(left) != np.isnan(right)
            total += np.where(only_one, 1.0, np.where(np.isnan(left) & np.isnan(right), 0.0, np.nan_to_num(gap)))
        return total / max(len(self._learned), 1)


def _compositions(mixture: Mixture) -> FloatArray:
    """Return every way (n, n_components) to make the mixture in its steps."""
    assert mixture.step is not None
    units, n = round(mixture.total / mixture.step), len(mixture.components)
    bars = np.array(list(itertools.combinations(range(units + n - 1), n - 1)), dtype=np.int64).reshape(-1, n - 1)
    edges = np.hstack([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), units + n - 1)])
    parts = np.diff(edges, axis=1) - 1
    return np.round(parts * mixture.step, 12)
