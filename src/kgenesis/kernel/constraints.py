"""What is known beforehand to be impossible or unwanted among the conditions."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen

TOLERANCE = 1e-6
"""Slack of linear constraints and mixture sums, relative to the size of their terms."""


class Linear(Frozen):
    """A weighted sum of numeric factors against a bound."""

    type: Literal["linear"]
    coefficients: dict[str, float] = Field(min_length=1)
    relation: Literal["<=", "=", ">="]
    bound: float

    @model_validator(mode="after")
    def _has_weight(self) -> Self:
        if not any(self.coefficients.values()):
            msg = "every coefficient is 0"
            raise ValueError(msg)
        return self


class Expression(Frozen):
    """A condition that must hold, e.g. ``"c1 >= c2 or solvent == 'water'"``."""

    type: Literal["expression"]
    expression: str = Field(min_length=1)


class Forbidden(Frozen):
    """A combination that must not occur: every factor named has (one of) the given value(s)."""

    type: Literal["forbidden"]
    combination: dict[str, float | str | tuple[float | str, ...]] = Field(min_length=1)


Constraint = Annotated[Linear | Expression | Forbidden, Field(discriminator="type")]
