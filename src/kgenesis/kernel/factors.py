"""The kinds of factor an experiment can have, and the flat variables they come down to."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen, Value
from kgenesis.kernel.fields import ONLY_NUMBERS, Level, Name, NotNegative, Number, Positive, Unit
from kgenesis.kernel.text import EMPTY, Text, Wrong

MAX_GRID = 100_000
"""Most values a stepped factor may have."""

MAX_WHOLE = 2**53
"""Largest integer that floating-point numbers hold exactly (IEEE 754 binary64)."""

RESOLUTION = 1e-9
"""Numbers closer than this fraction of a factor's range, or of themselves, are one number."""


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value to be equal by
class Variable:
    """One column of an experiment's conditions: a number or a level."""

    name: str
    factor: int
    """Index of the factor it belongs to; the columns that encode it share a lengthscale."""
    low: float = 0.0
    high: float = 1.0
    is_log: bool = False
    grid: NDArray[np.float64] | None = None
    """The values a number may take, ascending; None if any between `low` and `high`."""
    levels: tuple[str, ...] = ()
    """Names of a categorical's levels; its values are their indices. Empty for numbers."""
    coordinates: NDArray[np.float64] | None = None
    """(n_levels, c): what each level is encoded as."""
    mixture: str = ""
    """The mixture it is a component of."""
    role: Literal["controlled", "context", "fixed"] = "controlled"
    active_if: str = ""
    unit: str = ""
    fixed: Value = None
    is_whole: bool = False
    """Whether people read its numbers as integers."""
    span: float = 1.0
    """A number is encoded from 1 - span to 1."""


class BaseFactor(Frozen):
    """What every factor has."""

    name: Name
    label: Text = EMPTY
    """What people read instead of the name."""
    active_if: str = ""
    """The factor exists only where this condition on other factors holds."""


class _Numeric(BaseFactor):
    unit: Unit
    """As `pint` reads it, e.g. `degC`, `mol/L`; `"1"` for a pure number."""
    scale: Literal["linear", "log"] = "linear"


class _Range(_Numeric):
    low: Number
    high: Number

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        low, high = self.low, self.high
        if not low < high:
            raise Wrong(
                f"`low` {low:g} must be below `high` {high:g}", f"`low` {low:g}은(는) `high` {high:g}보다 작아야 합니다"
            )
        if self.scale == "log" and low <= 0:
            raise Wrong(f"a log scale needs `low` > 0, not {low:g}", f"로그 척도에는 `low` > 0이 필요합니다({low:g})")
        if not RESOLUTION * max(abs(low), abs(high)) < high - low < math.inf:
            raise Wrong(
                f"{low:g} and {high:g} are too close or too far apart for floating-point numbers: use another unit",
                f"{low:g}와(과) {high:g}의 간격이 부동소수점 수로 다루기에 너무 좁거나 넓습니다. 다른 단위를 쓰세요",
            )
        return self


class Real(_Range):
    """A number between two bounds, optionally in steps from `low`."""

    type: Literal["real"]
    step: Positive | None = None

    @model_validator(mode="after")
    def _step_fits(self) -> Self:
        span = self.high - self.low
        if self.step is not None and not 1 - RESOLUTION <= span / self.step <= MAX_GRID * (1 + RESOLUTION):
            raise Wrong(
                f"`step` {self.step:g} does not fit between {self.low:g} and {self.high:g} "
                f"(at least one step, at most {MAX_GRID})",
                f"`step` {self.step:g}이(가) {self.low:g}와(과) {self.high:g} 사이에 맞지 않습니다"
                f"(한 단계 이상, {MAX_GRID}단계 이하)",
            )
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        grid = None
        if self.step is not None:
            grid = steps(self.low, self.step, math.floor((self.high - self.low) / self.step + 1e-6) + 1)
        yield Variable(
            self.name, factor, self.low, self.high, self.scale == "log", grid, active_if=self.active_if, unit=self.unit
        )


@lru_cache(maxsize=256)
def steps(first: float, step: float, n: int) -> NDArray[np.float64]:
    """Return `first + i * step` for i < n, counted in decimals so that 0.1 + 2 * 0.1 is the 0.3 a person types."""
    start, width = Decimal(repr(first)), Decimal(repr(step))
    values = np.array([float(start + i * width) for i in range(n)])
    values.setflags(write=False)
    return values


class Integer(_Range):
    """A whole number between two bounds, both included."""

    type: Literal["integer"]
    low: Annotated[int, Field(ge=-MAX_WHOLE, le=MAX_WHOLE), ONLY_NUMBERS]
    high: Annotated[int, Field(ge=-MAX_WHOLE, le=MAX_WHOLE), ONLY_NUMBERS]
    unit: Unit = "1"

    @model_validator(mode="after")
    def _is_countable(self) -> Self:
        if self.high - self.low > MAX_GRID:
            raise Wrong(
                f"more than {MAX_GRID} values: use a real factor", f"값이 {MAX_GRID}개를 넘습니다. real 요인을 쓰세요"
            )
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        grid = np.arange(self.low, self.high + 1, dtype=np.float64)
        yield Variable(
            self.name, factor, self.low, self.high, self.scale == "log", grid, active_if=self.active_if,
            unit=self.unit, is_whole=True,
        )  # fmt: skip


class Grid(_Numeric):
    """One of a list of numbers."""

    type: Literal["grid"]
    values: tuple[Number, ...] = Field(min_length=1, max_length=MAX_GRID)

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        ordered = sorted(self.values)
        least = RESOLUTION * max(abs(ordered[0]), abs(ordered[-1]))
        for one, next_ in itertools.pairwise(ordered):
            if not least < next_ - one < math.inf:
                raise Wrong(f"`values` repeats {one:g} (or nearly)", f"`values`에 {one:g}이(가) 되풀이됩니다")
        if self.scale == "log" and ordered[0] <= 0:
            raise Wrong("a log scale needs `values` > 0", "로그 척도에는 `values` > 0이 필요합니다")
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        grid = np.array(sorted(self.values))
        low, high = float(grid[0]), float(grid[-1])
        yield Variable(
            self.name, factor, low, high, self.scale == "log", grid, active_if=self.active_if, unit=self.unit
        )


def check_levels(levels: tuple[str, ...]) -> None:
    """Refuse levels that repeat."""
    doubled = next((level for i, level in enumerate(levels) if level in levels[:i]), None)
    if doubled is not None:
        raise Wrong(f"`levels` repeats {doubled!r}", f"`levels`에 {doubled!r}이(가) 되풀이됩니다")


class Categorical(BaseFactor):
    """One of a list of named levels, alike or not as `descriptors` say."""

    type: Literal["categorical"]
    levels: tuple[Level, ...] = Field(min_length=1)
    descriptors: dict[str, tuple[Number, ...]] = {}
    """Numeric properties of the levels, each a list in the order of `levels`."""
    smiles: tuple[Level, ...] | None = None
    """Molecules of the levels, for plug-ins that compute descriptors."""

    @model_validator(mode="after")
    def _lists_match(self) -> Self:
        check_levels(self.levels)
        for name, values in [*self.descriptors.items(), ("smiles", self.smiles)]:
            if values is not None and len(values) != len(self.levels):
                raise Wrong(
                    f"`{name}` has {len(values)} values for {len(self.levels)} levels",
                    f"수준은 {len(self.levels)}개인데 `{name}`의 값은 {len(values)}개입니다",
                )
        if self.descriptors and len(set(zip(*self.descriptors.values(), strict=True))) < len(self.levels):
            raise Wrong(
                "two levels have the same `descriptors`: add one that tells them apart",
                "두 수준의 `descriptors`가 같습니다. 둘을 구별할 값을 더하세요",
            )
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable, encoded by its descriptors or else one column per level."""
        coordinates = np.eye(len(self.levels))
        if self.descriptors:
            table = np.array(list(self.descriptors.values())).T
            span = np.ptp(table, axis=0)
            table, span = table[:, span > 0], span[span > 0]
            coordinates = (table - table.min(axis=0)) / span
        yield Variable(
            self.name, factor, 0, len(self.levels) - 1, levels=self.levels, coordinates=coordinates,
            active_if=self.active_if,
        )  # fmt: skip


class Component(Frozen):
    """A part of a mixture."""

    name: Name
    low: NotNegative = 0.0
    """Least amount; where the mixture has `max_present`, least amount if it is present at all."""
    high: Positive | None = None
    """The mixture's total if not given."""
    label: Text = EMPTY


class Mixture(BaseFactor):
    """Fractions that sum to a total, of which at most `max_present` are not zero."""

    type: Literal["mixture"]
    components: tuple[Component, ...] = Field(min_length=2)
    total: Positive = 1.0
    unit: Unit = "1"
    max_present: Annotated[int, Field(ge=1), ONLY_NUMBERS] | None = None
    """Most components that are above zero; the others are exactly zero."""
    min_present: Annotated[int, Field(ge=1), ONLY_NUMBERS] = 1
    """Fewest components that are above zero."""
    step: Positive | None = None
    """Fractions are multiples of this."""

    @model_validator(mode="after")
    def _can_sum(self) -> Self:
        if self.active_if:
            raise Wrong(
                "a mixture cannot be conditional; give its components `low: 0`",
                "혼합물에는 `active_if`를 쓸 수 없습니다. 성분에 `low: 0`을 주세요",
            )
        reversed_ = next((c for c in self.components if c.low > self.high_of(c)), None)
        if reversed_ is not None:
            raise Wrong(
                f"`low` of {reversed_.name} is above its `high`", f"{reversed_.name}의 `low`가 `high`보다 큽니다"
            )
        most = self.n_present_at_most
        if self.min_present > most:
            raise Wrong(
                f"`min_present` {self.min_present} is above {most}", f"`min_present` {self.min_present} > {most}"
            )
        if self.step is not None:
            numbers = [self.total, *(c.low for c in self.components), *(self.high_of(c) for c in self.components)]
            if any(abs(v / self.step - round(v / self.step)) > 1e-6 for v in numbers):  # noqa: PLR2004
                raise Wrong(
                    f"`total`, `low` and `high` must be multiples of `step` {self.step:g}",
                    f"`total`, `low`, `high`는 `step` {self.step:g}의 배수여야 합니다",
                )
            if self.total > self.step * MAX_GRID:
                raise Wrong(f"`step` {self.step:g} is too small", f"`step` {self.step:g}이(가) 너무 작습니다")
        lows = sorted(c.low for c in self.components)
        least = sum(lows[: self.min_present] if self.may_be_absent else lows)
        greatest = sum(sorted((self.high_of(c) for c in self.components), reverse=True)[:most])
        if greatest < self.total * (1 - RESOLUTION) or least > self.total * (1 + RESOLUTION):
            raise Wrong(
                f"the components cannot sum to {self.total:g}: between {least:g} and {greatest:g} is possible",
                f"성분의 합이 {self.total:g}이(가) 될 수 없습니다. 가능한 범위는 {least:g}–{greatest:g}입니다",
            )
        return self

    @property
    def may_be_absent(self) -> bool:
        """Whether a component may be zero although its `low` is not."""
        return self.max_present is not None

    @property
    def n_present_at_most(self) -> int:
        """The most components that may be above zero."""
        return min(self.max_present or len(self.components), len(self.components))

    def high_of(self, component: Component) -> float:
        """Return a component's upper bound."""
        return self.total if component.high is None else min(component.high, self.total)

    @property
    def amounts(self) -> NDArray[np.float64] | None:
        """The amounts 0, step, 2 step, … total; None without a step."""
        return None if self.step is None else steps(0.0, self.step, round(self.total / self.step) + 1)

    def units_of(self, component: Component) -> tuple[int, int]:
        """Return a component's bounds in steps."""
        assert self.step is not None
        return round(component.low / self.step), round(self.high_of(component) / self.step)

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield one variable per component, each with a lengthscale of its own."""
        amounts = self.amounts
        for offset, component in enumerate(self.components):
            low, high = 0.0 if self.may_be_absent else component.low, self.high_of(component)
            grid = None
            if amounts is not None:
                first, last = self.units_of(component)
                grid = amounts[first : last + 1]
                if self.may_be_absent and first > 0:
                    grid = np.append(0.0, grid)
                low, high = float(grid[0]), float(grid[-1])
            yield Variable(component.name, factor + offset, low, high, grid=grid, mixture=self.name, unit=self.unit)


class Context(BaseFactor):
    """Something that is measured, not controlled: a number between bounds or one of some levels."""

    type: Literal["context"]
    low: Number | None = None
    high: Number | None = None
    levels: tuple[Level, ...] = ()
    unit: Unit = "1"

    @model_validator(mode="after")
    def _is_number_or_levels(self) -> Self:
        is_number = self.low is not None and self.high is not None and self.low < self.high
        has_bound = self.low is not None or self.high is not None
        if has_bound == bool(self.levels) or (has_bound and not is_number):
            raise Wrong("give `low` below `high`, or `levels`", "`high`보다 작은 `low`를 주거나 `levels`를 주세요")
        check_levels(self.levels)
        if self.active_if:
            raise Wrong("a context factor cannot have `active_if`", "context 요인에는 `active_if`를 쓸 수 없습니다")
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        if self.levels:
            coordinates = np.eye(len(self.levels))
            yield Variable(
                self.name, factor, 0, len(self.levels) - 1, levels=self.levels, coordinates=coordinates, role="context"
            )
        else:
            yield Variable(self.name, factor, self.low or 0.0, self.high or 0.0, role="context", unit=self.unit)


class Fixed(BaseFactor):
    """A value that never changes, passed to the lab and written down."""

    type: Literal["fixed"]
    value: Number | Level
    unit: Unit = "1"

    @model_validator(mode="after")
    def _is_what_it_seems(self) -> Self:
        if self.active_if:
            raise Wrong("a fixed value cannot have `active_if`", "fixed 요인에는 `active_if`를 쓸 수 없습니다")
        if isinstance(self.value, str):
            try:
                number = float(self.value)
            except ValueError:
                return self
            raise Wrong(
                f"{self.value!r} is a text that looks like a number: write {number!r} (YAML reads 1e-3 as text)",
                f"{self.value!r}은(는) 수처럼 보이는 문자열입니다. {number!r}(으)로 쓰세요"
                "(YAML은 1e-3을 문자열로 읽습니다)",
            )
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        if isinstance(self.value, str):
            yield Variable(
                self.name, factor, 0, 0, levels=(self.value,), coordinates=np.ones((1, 1)), role="fixed",
                fixed=self.value,
            )  # fmt: skip
        else:
            yield Variable(self.name, factor, self.value, self.value, role="fixed", unit=self.unit, fixed=self.value)


Factor = Annotated[Real | Integer | Grid | Categorical | Mixture | Context | Fixed, Field(discriminator="type")]
