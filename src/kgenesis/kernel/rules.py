"""What is allowed among the values of a space: bounds, grids, mixtures and the constraints known beforehand."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.constraints import TOLERANCE, Constraint, Expression, Forbidden, Linear
from kgenesis.kernel.encoding import Encoding, grid_slack, nearest_on
from kgenesis.kernel.expressions import parse
from kgenesis.kernel.factors import RESOLUTION, Mixture, Variable
from kgenesis.kernel.text import Text, Wrong, say

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
_MANY = 8
"""Terms, levels or numbers that a rule's text names at most."""

Named = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Something that ties several variables together."""

    text: Text
    kept: Callable[[FloatArray, Named], BoolArray]
    """Says from values (n, n_variables), and the columns that expressions name, who keeps it (n,)."""
    linear: "LinearForm | None" = None
    """The same as a linear form over values, for a rule that is one (also if only a part of it is)."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """`weights @ values` against a bound."""

    weights: FloatArray
    relation: str
    bound: float


class Rules:
    """The rules of a space.

    Raises:
        Wrong: a constraint names something unknown or of the wrong kind.
        InvalidExpression: an expression is not valid.
    """

    def __init__(
        self, variables: Sequence[Variable], mixtures: Sequence[Mixture], constraints: Sequence[Constraint]
    ) -> None:
        self._variables = tuple(variables)
        self._index = {v.name: i for i, v in enumerate(variables)}
        self._lower, self._upper = Encoding(variables).bounds_with_slack()
        self._levels = [i for i, v in enumerate(variables) if v.levels]
        self._grids = [(i, v.grid, grid_slack(v)) for i, v in enumerate(variables) if v.grid is not None]
        self._context = [i for i, v in enumerate(variables) if v.role == "context"]
        self._named: set[str] = set()
        levels = {v.name: v.levels for v in variables}
        self._activity = {i: parse(v.active_if, levels) for i, v in enumerate(variables) if v.active_if}
        for i, condition in self._activity.items():
            self._check_activity(variables[i].name, condition.names)
            self._named |= condition.names
        self.of_several: tuple[Rule, ...] = (
            *(rule for mixture in mixtures for rule in self._of_mixture(mixture)),
            *(self._of_constraint(constraint, levels) for constraint in constraints),
        )
        """Every rule but the bounds of single variables."""

    def _check_activity(self, name: str, conditions: frozenset[str]) -> None:
        for other in sorted(conditions):
            variable = self._variables[self._index[other]]
            if variable.active_if or variable.role == "context":
                raise Wrong(
                    f"{name}: `active_if` may not name {other}, which is itself conditional or a context factor",
                    f"{name}: `active_if`에 조건부 요인이나 context 요인({other})을 쓸 수 없습니다",
                )

    # ---- looking at values -----------------------------------------------------------------------------------------

    def kept(self, values: FloatArray) -> BoolArray:
        """Return (n,): who keeps every rule."""
        named = self._columns(values)
        good = np.asarray(self._domain(values, named).all(axis=1))
        for rule in self.of_several:
            good &= rule.kept(values, named)
        return good

    def each(self, values: FloatArray) -> Iterator[tuple[Text, BoolArray]]:
        """Yield every rule's text and who keeps it (n,)."""
        named = self._columns(values)
        inside = self._domain(values, named)
        for i, variable in enumerate(self._variables):
            yield _domain_text(variable), inside[:, i]
        for rule in self.of_several:
            yield rule.text, rule.kept(values, named)

    def exists(self, values: FloatArray) -> BoolArray:
        """Return (n, n_variables): whether a variable exists where the others have these values."""
        exists = np.ones(values.shape, dtype=bool)
        if self._activity:
            named = self._columns(values)
            for i, condition in self._activity.items():
                exists[:, i] = condition.holds(named, where_absent=False)
        return exists

    def cleared(self, values: FloatArray) -> FloatArray:
        """Return values with NaN wherever a conditional variable does not exist."""
        return np.where(self.exists(values), values, math.nan) if self._activity else values

    def _columns(self, values: FloatArray) -> Named:
        columns: dict[str, NDArray[Any]] = {}
        for name in self._named:
            i = self._index[name]
            column, levels = values[:, i], self._variables[i].levels
            if levels:
                known = (column >= 0) & (column < len(levels))
                codes = np.where(known, column, len(levels)).astype(np.int64)
                columns[name] = np.array([*levels, ""], dtype=object)[codes]
            else:
                columns[name] = column
        return columns

    def _domain(self, values: FloatArray, named: Named) -> BoolArray:
        """Return (n, n_variables): within bounds, on the grid, and there if and only if it exists."""
        inside = (values >= self._lower) & (values <= self._upper)
        for i in self._levels:
            inside[:, i] &= values[:, i] == np.floor(values[:, i])
        for i, grid, slack in self._grids:
            inside[:, i] &= np.abs(values[:, i] - nearest_on(grid, values[:, i])) <= slack
        for i in self._context:  # measured, so it is what it is; it may be unknown at proposal time
            inside[:, i] |= np.isnan(values[:, i]) if self._variables[i].levels else True
        for i, condition in self._activity.items():
            exists = condition.holds(named, where_absent=False)
            inside[:, i] = np.where(exists, inside[:, i], np.isnan(values[:, i]))
        return inside

    # ---- making rules ----------------------------------------------------------------------------------------------

    def _of_mixture(self, mixture: Mixture) -> Iterator[Rule]:
        columns = [self._index[c.name] for c in mixture.components]
        total, slack = mixture.total, TOLERANCE * mixture.total
        weights = np.zeros(len(self._variables))
        weights[columns] = 1.0

        def sum_is_right(values: FloatArray, _: Named) -> BoolArray:
            return np.asarray(np.abs(values[:, columns].sum(axis=1) - total) <= slack)

        yield Rule(
            say(f"sum of {mixture.name} = {total:g}", f"{mixture.name}의 합 = {total:g}"),
            sum_is_right,
            LinearForm(weights, "=", total),
        )
        least, most = mixture.min_present, mixture.n_present_at_most
        if mixture.may_be_absent or least > 1:

            def number_is_right(values: FloatArray, _: Named) -> BoolArray:
                count = (values[:, columns] > slack).sum(axis=1)
                return np.asarray((count >= least) & (count <= most))

            yield Rule(
                say(f"{least} to {most} of {mixture.name} above 0", f"{mixture.name} 중 {least}–{most}개만 0보다 큼"),
                number_is_right,
            )
        lows = np.array([c.low for c in mixture.components])
        if mixture.may_be_absent and lows.any():

            def present_is_enough(values: FloatArray, _: Named) -> BoolArray:
                parts = values[:, columns]
                return np.asarray(((parts <= slack) | (parts >= lows - slack)).all(axis=1))

            yield Rule(
                say(f"lower bounds of what is present in {mixture.name}", f"{mixture.name}에 든 성분의 하한"),
                present_is_enough,
            )

    def _of_constraint(self, constraint: Constraint, levels: Mapping[str, tuple[str, ...]]) -> Rule:
        match constraint:
            case Linear():
                return self._linear(constraint)
            case Forbidden():
                return self._forbidden(constraint)
            case Expression():
                parsed = parse(constraint.expression, levels)
                self._named |= parsed.names
                text = Text(en=constraint.expression, ko=constraint.expression)
                return Rule(text, lambda _, named: parsed.holds(named, where_absent=True))

    def _variable(self, name: str) -> Variable:
        if name not in self._index:
            raise Wrong(f"constraint: no factor is called {name!r}", f"제약: {name!r}라는 요인이 없습니다")
        return self._variables[self._index[name]]

    def _linear(self, constraint: Linear) -> Rule:
        named = [self._variable(name) for name in constraint.coefficients]
        if wrong := next((v.name for v in named if v.levels), None):
            raise Wrong(f"linear constraint: {wrong!r} is not a number", f"선형 제약: {wrong!r}은(는) 수가 아닙니다")
        columns = [self._index[v.name] for v in named]
        context = [self._index[v.name] for v in named if v.role == "context"]
        weights = np.array(list(constraint.coefficients.values()))
        bound, relation = constraint.bound, constraint.relation
        sizes = np.array([[v.high - v.low, max(abs(v.low), abs(v.high))] for v in named])
        ranges, rounding = np.abs(weights) @ sizes
        slack = TOLERANCE * ranges + RESOLUTION * 1e-3 * (rounding + abs(bound))

        def kept(values: FloatArray, _: Named) -> BoolArray:
            excess = np.nan_to_num(values[:, columns], nan=0.0) @ weights - bound
            if relation == "=":
                good = np.abs(excess) <= slack
            else:
                good = excess <= slack if relation == "<=" else excess >= -slack
            return np.asarray(good | np.isnan(values[:, context]).any(axis=1)) if context else np.asarray(good)

        terms = [f"{weight:g} {name}" for name, weight in constraint.coefficients.items()]
        text = " + ".join(terms if len(terms) <= _MANY else [*terms[:_MANY], "…"])
        text = f"{text} {relation} {bound:g}".replace("+ -", "- ")
        form = np.zeros(len(self._variables))
        form[columns] = weights
        return Rule(Text(en=text, ko=text), kept, None if context else LinearForm(form, relation, bound))

    def _forbidden(self, constraint: Forbidden) -> Rule:
        tests: list[tuple[int, FloatArray, float]] = []
        for name, given in constraint.combination.items():
            variable = self._variable(name)
            items = given if isinstance(given, tuple) else (given,)
            for item in items:
                if variable.levels and item not in variable.levels:
                    raise Wrong(
                        f"forbidden combination: {item!r} is not a level of {name!r}",
                        f"금지 조합: {item!r}은(는) {name!r}의 수준이 아닙니다",
                    )
                if not variable.levels and isinstance(item, str):
                    raise Wrong(f"forbidden combination: {name!r} is a number", f"금지 조합: {name!r}은(는) 수입니다")
            numbers = [variable.levels.index(str(item)) if variable.levels else float(item) for item in items]
            slack = 0.0 if variable.levels else grid_slack(variable)
            tests.append((self._index[name], np.array(numbers, dtype=np.float64), slack))

        def kept(values: FloatArray, _: Named) -> BoolArray:
            hit = np.ones(len(values), dtype=bool)
            for i, numbers, slack in tests:
                hit &= (np.abs(values[:, [i]] - numbers) <= slack).any(axis=1)
            return ~hit

        shown = ", ".join(f"{name}: {_shown(given)}" for name, given in constraint.combination.items())
        return Rule(say(f"not ({shown})", f"금지: ({shown})"), kept)


def _shown(given: float | str | tuple[float | str, ...]) -> str:
    """Return values of a factor as people write them."""
    if isinstance(given, tuple):
        return f"[{', '.join(map(_shown, given))}]"
    return given if isinstance(given, str) else f"{given:.10g}"


def _domain_text(variable: Variable) -> Text:
    name = variable.name
    if variable.levels:
        shown = ", ".join(variable.levels[:_MANY]) + (", …" if len(variable.levels) > _MANY else "")
        return say(f"{name} is one of {shown}", f"{name}은(는) {shown} 중 하나")
    text = f"{variable.low:.10g} <= {name} <= {variable.high:.10g}"
    if variable.grid is None or variable.low == variable.high:
        return Text(en=text, ko=text)
    if len(variable.grid) <= _MANY:
        shown = ", ".join(f"{number:.10g}" for number in variable.grid)
        return say(f"{name} is one of {shown}", f"{name}은(는) {shown} 중 하나")
    if variable.is_whole:
        return say(f"{text}, a whole number", f"{text}, 정수")
    return say(f"{text}, one of {len(variable.grid)} values", f"{text}, {len(variable.grid)}개 값 중 하나")
