"""The kinds of factor an experiment can have, and the flat variables they come down to."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen, Value
from kgenesis.kernel.objective import Name, Positive

MAX_GRID = 100_000
"""Most values a stepped factor may have."""


@dataclass(frozen=True, slots=True)
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


class _Factor(Frozen):
    name: Name
    label: str = ""
    """What people read instead of the name."""
    active_if: str = ""
    """The factor exists only where this condition on other factors holds."""


class _Numeric(_Factor):
    unit: str
    """As `pint` reads it, e.g. `degC`, `mol/L`; `"1"` for a pure number."""
    scale: Literal["linear", "log"] = "linear"


class _Range(_Numeric):
    low: float
    high: float

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if not self.low < self.high:
            msg = f"`low` {self.low:g} must be below `high` {self.high:g}"
            raise ValueError(msg)
        if self.scale == "log" and self.low <= 0:
            msg = f"a log scale needs `low` > 0, not {self.low:g}"
            raise ValueError(msg)
        return self


class Real(_Range):
    """A number between two bounds, optionally in steps from `low`."""

    type: Literal["real"]
    step: Positive | None = None

    @model_validator(mode="after")
    def _step_fits(self) -> Self:
        if self.step is not None and not self.step <= self.high - self.low <= self.step * MAX_GRID:
            msg = f"`step` {self.step:g} does not fit between {self.low:g} and {self.high:g}"
            raise ValueError(msg)
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        grid = None
        if self.step is not None:
            count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
            # rounding to 12 digits keeps 0.1 + 2 * 0.1 equal to the 0.3 a person types
            grid = np.array([float(f"{self.low + i * self.step:.12g}") for i in range(count)])
        yield Variable(
            self.name, factor, self.low, self.high, self.scale == "log", grid, active_if=self.active_if, unit=self.unit
        )


class Integer(_Range):
    """A whole number between two bounds, both included."""

    type: Literal["integer"]
    low: int
    high: int
    unit: str = "1"

    @model_validator(mode="after")
    def _is_countable(self) -> Self:
        if self.high - self.low > MAX_GRID:
            msg = f"more than {MAX_GRID} values: use a real factor"
            raise ValueError(msg)
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
    values: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        if len(set(self.values)) < len(self.values):
            msg = "`values` repeats a number"
            raise ValueError(msg)
        if self.scale == "log" and min(self.values) <= 0:
            msg = "a log scale needs `values` > 0"
            raise ValueError(msg)
        return self

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable."""
        grid = np.array(sorted(self.values))
        low, high = float(grid[0]), float(grid[-1])
        yield Variable(
            self.name, factor, low, high, self.scale == "log", grid, active_if=self.active_if, unit=self.unit
        )


class Categorical(_Factor):
    """One of a list of named levels, alike or not as `descriptors` say."""

    type: Literal["categorical"]
    levels: tuple[str, ...] = Field(min_length=1)
    descriptors: dict[str, tuple[float, ...]] = {}
    """Numeric properties of the levels, each a list in the order of `levels`."""
    smiles: tuple[str, ...] | None = None
    """Molecules of the levels, for plug-ins that compute descriptors."""

    @model_validator(mode="after")
    def _lists_match(self) -> Self:
        if len(set(self.levels)) < len(self.levels):
            msg = "`levels` repeats a name"
            raise ValueError(msg)
        for name, values in [*self.descriptors.items(), ("smiles", self.smiles)]:
            if values is not None and len(values) != len(self.levels):
                msg = f"`{name}` has {len(values)} values for {len(self.levels)} levels"
                raise ValueError(msg)
        if self.descriptors and len(set(zip(*self.descriptors.values(), strict=True))) < len(self.levels):
            msg = "two levels have the same `descriptors`: add one that tells them apart"
            raise ValueError(msg)
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
    """A part of a mixture; `low` holds only where it is present."""

    name: Name
    low: float = Field(default=0.0, ge=0)
    high: float | None = Field(default=None, gt=0)
    """The mixture's total if not given."""
    label: str = ""


class Mixture(_Factor):
    """Fractions that sum to a total, of which at most `max_present` are not zero."""

    type: Literal["mixture"]
    components: tuple[Component, ...] = Field(min_length=2)
    total: Positive = 1.0
    unit: str = "1"
    max_present: int | None = Field(default=None, ge=1)
    min_present: int = Field(default=1, ge=1)
    step: Positive | None = None
    """Fractions are multiples of this."""

    @model_validator(mode="after")
    def _can_sum(self) -> Self:
        if self.active_if:
            msg = "a mixture cannot be conditional; give its components `low: 0`"
            raise ValueError(msg)
        highs = sorted((self.high_of(c) for c in self.components), reverse=True)
        lows = sorted(c.low for c in self.components)
        most = self.n_present_at_most
        if self.min_present > most:
            msg = f"`min_present` {self.min_present} is above {most}"
            raise ValueError(msg)
        if any(c.low > self.high_of(c) for c in self.components):
            msg = "a component's `low` is above its `high`"
            raise ValueError(msg)
        least = sum(lows) if self.max_present is None else sum(lows[: self.min_present])
        if sum(highs[:most]) < self.total * (1 - 1e-9) or least > self.total * (1 + 1e-9):
            msg = f"the components cannot sum to {self.total:g}: between {least:g} and {sum(highs[:most]):g} is possible"
            raise ValueError(msg)
        if self.step is not None:
            numbers = [self.total, *lows, *highs]
            if any(abs(v / self.step - round(v / self.step)) > 1e-6 for v in numbers):
                msg = f"`total`, `low` and `high` must be multiples of `step` {self.step:g}"
                raise ValueError(msg)
        return self

    @property
    def n_present_at_most(self) -> int:
        """The most components that may be above zero."""
        return min(self.max_present or len(self.components), len(self.components))

    def high_of(self, component: Component) -> float:
        """Return a component's upper bound."""
        return self.total if component.high is None else min(component.high, self.total)

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield one variable per component, each with a lengthscale of its own."""
        for offset, component in enumerate(self.components):
            low = 0.0 if self.max_present is not None else component.low
            yield Variable(
                component.name, factor + offset, low, self.high_of(component), mixture=self.name, unit=self.unit
            )


class Context(_Factor):
    """Something that is measured, not controlled: a number between bounds or one of some levels."""

    type: Literal["context"]
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()
    unit: str = "1"

    @model_validator(mode="after")
    def _is_number_or_levels(self) -> Self:
        is_number = self.low is not None and self.high is not None
        if is_number == bool(self.levels) or (is_number and not self.low < self.high):  # type: ignore[operator]
            msg = "give `low` below `high`, or `levels`"
            raise ValueError(msg)
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


class Fixed(_Factor):
    """A value that never changes, passed to the lab and written down."""

    type: Literal["fixed"]
    value: float | str
    unit: str = "1"

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
