"""What is known beforehand to be impossible or unwanted among the conditions."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.fields import Level, Number
from kgenesis.kernel.text import Wrong

TOLERANCE = 1e-6
"""Slack of bounds, linear constraints and mixture sums, as a fraction of what their terms can range over."""


class Linear(Frozen):
    """A weighted sum of numeric factors against a bound; a factor that does not exist adds nothing to the sum."""

    type: Literal["linear"]
    coefficients: dict[str, Number] = Field(min_length=1)
    relation: Literal["<=", "=", ">="]
    bound: Number

    @model_validator(mode="after")
    def _has_weight(self) -> Self:
        if not any(self.coefficients.values()):
            raise Wrong("every coefficient is 0", "모든 계수가 0입니다")
        return self


class Expression(Frozen):
    """A condition that must hold, e.g. ``"c1 >= c2 or solvent == 'water'"``.

    Where a factor it names does not exist, or a context factor is not known, there is nothing to break: the condition
    counts as kept.
    """

    type: Literal["expression"]
    expression: str = Field(min_length=1)


class Forbidden(Frozen):
    """A combination that must not occur: every factor named has (one of) the given value(s)."""

    type: Literal["forbidden"]
    combination: dict[str, Number | Level | tuple[Number | Level, ...]] = Field(min_length=1)


Constraint = Annotated[Linear | Expression | Forbidden, Field(discriminator="type")]
