"""How thoroughly an experiment is done: from a cheap proxy to the full experiment, the only one that counts."""

import math
from collections.abc import Iterator
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Value
from kgenesis.kernel.factors import BaseFactor, Factor, Variable, check_levels
from kgenesis.kernel.fields import Level, Number, Positive, Unit
from kgenesis.kernel.text import Wrong

SPAN = 0.25
"""Part of a factor's range that fidelities lie apart where they are encoded: alike, until results show otherwise."""


class Fidelity(BaseFactor):
    """How thoroughly an experiment is done. Lower fidelities teach; only full experiments are judged."""

    type: Literal["fidelity"]
    levels: tuple[Level, ...] = ()
    """In order: the last is the full experiment."""
    low: Number | None = None
    high: Number | None = None
    """Instead of levels, a number (a mesh, hours of a test, a share of the data): `high` is the full experiment."""
    unit: Unit = "1"
    costs: tuple[Positive, ...] = Field(default=(), max_length=1000)
    """What each level costs, or `low` and `high`, in any unit: a full experiment costs what the mission's `cost` says.
    Left out, all cost the same."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        is_number = self.low is not None and self.high is not None and self.low < self.high
        has_bound = self.low is not None or self.high is not None
        if has_bound == bool(self.levels) or (has_bound and not is_number) or len(self.levels) == 1:
            raise Wrong(
                "give `low` below `high`, or at least two `levels`", "`high`보다 작은 `low`나 수준 둘 이상을 주세요"
            )
        check_levels(self.levels)
        if self.costs and len(self.costs) != len(self.levels or "12"):
            raise Wrong(
                "give a cost for each level, or for `low` and `high`", "수준마다, 또는 `low`와 `high`의 비용을 주세요"
            )
        if self.active_if:
            raise Wrong("a fidelity cannot have `active_if`", "fidelity 요인에는 `active_if`를 쓸 수 없습니다")
        return self

    @property
    def full(self) -> str | float:
        """Its value in a full experiment."""
        return self.levels[-1] if self.levels else float(self.high or 0.0)

    @property
    def ends(self) -> tuple[str | float | None, ...]:
        """Its levels, or the ends of its range: what costs least is among them."""
        return self.levels or (self.low, self.high)

    def share(self, value: Value) -> float:
        """Return what an experiment at a value costs, as a share of a full one; linear between `low` and `high`."""
        if not self.costs or value is None:
            return 1.0
        places = range(len(self.levels)) if self.levels else self.ends
        at = self.levels.index(str(value)) if self.levels else value
        return float(np.interp(float(at), np.array(places, dtype=np.float64), self.costs)) / self.costs[-1]

    def is_full(self, value: Value) -> bool:
        """Say whether a value is that of a full experiment."""
        numbers = isinstance(value, int | float) and isinstance(self.full, float)
        return value == self.full or (numbers and math.isclose(float(value or 0), float(self.full), rel_tol=1e-9))

    def variables(self, factor: int) -> Iterator[Variable]:
        """Yield its one variable, encoded as a number in the order of its levels."""
        if self.levels:
            n = len(self.levels)
            places = np.linspace(1.0 - SPAN, 1.0, n)[:, None]
            yield Variable(self.name, factor, 0, n - 1, levels=self.levels, coordinates=places)
        else:
            yield Variable(self.name, factor, self.low or 0.0, self.high or 0.0, unit=self.unit, span=SPAN)


AnyFactor = Annotated[Factor | Fidelity, Field(discriminator="type")]
