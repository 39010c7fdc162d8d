"""What is wanted of the outcomes: objectives, outcome constraints, cost."""

import math
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.fields import Name, NotNegative, Number, Positive, Unit
from kgenesis.kernel.text import EMPTY, Text, Wrong


class Objective(Frozen):
    """An outcome that is to be as large, as small, or as near to a value as possible."""

    name: Name
    """The outcome."""
    goal: Literal["maximize", "minimize", "hit"]
    value: Number | None = None
    """For `hit`: the value to hit, in `unit`."""
    unit: Unit
    """Unit of the outcome, as `pint` reads it, e.g. `min`, `mAh`, `degC`; `"1"` for a pure number."""
    target: Number | None = None
    """What "reached" means, in `unit`; for `hit`: the largest deviation from `value`."""
    threshold: Number | None = None
    """The worst value of any use, in `unit`; the reference point of the hypervolume."""
    noise: NotNegative | None = None
    """Known standard deviation of one measurement, in `unit`; None: it is learned."""
    label: Text = EMPTY
    """What people read instead of the name."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.goal == "hit") != (self.value is not None):
            raise Wrong(
                "`value` is needed for goal `hit`, and only there", "`value`는 goal이 `hit`일 때만, 꼭 필요합니다"
            )
        if self.goal == "hit" and self.target is not None and self.target <= 0:
            raise Wrong(
                "for goal `hit`, `target` is a deviation and must be > 0",
                "goal이 `hit`이면 `target`은 편차이므로 0보다 커야 합니다",
            )
        if self.threshold is not None and self.utility(self.threshold) > self.target_utility():
            raise Wrong(
                f"target {self.target:g} is on the wrong side of threshold {self.threshold:g} for goal `{self.goal}`",
                f"goal `{self.goal}`에서 target {self.target:g}이(가) "
                f"threshold {self.threshold:g}보다 나쁜 쪽에 있습니다",
            )
        return self

    def utility(self, outcome: float) -> float:
        """Return the outcome on a scale where more is better: y, -y, or -|y - value|."""
        if self.goal == "hit":
            return -abs(outcome - (self.value or 0.0))
        return outcome if self.goal == "maximize" else -outcome

    def utilities(self, outcomes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `utility` of each element."""
        if self.goal == "hit":
            return -np.abs(outcomes - (self.value or 0.0))
        return outcomes if self.goal == "maximize" else -outcomes

    def target_utility(self) -> float:
        """Return the utility at which the objective counts as reached; NaN without a target."""
        if self.target is None:
            return math.nan
        return -self.target if self.goal == "hit" else self.utility(self.target)


class OutcomeConstraint(Frozen):
    """A bound that an outcome must keep for the experiment to count."""

    outcome: Name
    at_most: Number | None = None
    at_least: Number | None = None
    unit: Unit | None = None
    """Unit of the bound; may be left out if the outcome is an objective, which has one."""
    noise: NotNegative | None = None
    """Known standard deviation of one measurement, in `unit`."""
    label: Text = EMPTY
    """What people read instead of the name."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.at_most is None and self.at_least is None:
            raise Wrong("give `at_most`, `at_least` or both", "`at_most`나 `at_least`를 주세요")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise Wrong(
                f"at_least {self.at_least:g} is above at_most {self.at_most:g}",
                f"at_least {self.at_least:g}이(가) at_most {self.at_most:g}보다 큽니다",
            )
        return self

    def holds(self, outcome: float) -> bool:
        """Say whether a measured value keeps the bound; NaN does not."""
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= outcome <= high


class Cost(Frozen):
    """What one experiment costs: an amount, the value of a factor, or a measured outcome, times `per`."""

    amount: NotNegative | None = None
    factor: Name | None = None
    outcome: Name | None = None
    per: Positive = 1.0
    """Cost per unit of the factor or outcome."""
    unit: str = ""
    """Unit of the cost: `KRW`, `h`, …"""

    @model_validator(mode="before")
    @classmethod
    def _plain_number_is_an_amount(cls, value: object) -> object:
        return {"amount": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if sum(part is not None for part in (self.amount, self.factor, self.outcome)) != 1:
            raise Wrong(
                "give exactly one of `amount`, `factor`, `outcome`", "`amount`, `factor`, `outcome` 중 하나만 주세요"
            )
        return self
