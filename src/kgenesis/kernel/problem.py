"""The question a campaign puts: a space, what is wanted of the outcomes, and what an experiment costs."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Conditions, Frozen, Measurement, Result, Value
from kgenesis.kernel.fidelity import Fidelity
from kgenesis.kernel.objective import Cost, Objective, OutcomeConstraint
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import Wrong


class Problem(Frozen):
    """What planners, labs and reports all know of a campaign."""

    space: Space
    objectives: tuple[Objective, ...] = Field(min_length=1)
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    cost: Cost = Cost(amount=1.0)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [objective.name for objective in self.objectives]
        doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if doubled is not None:
            raise Wrong(f"two objectives are called {doubled!r}", f"{doubled!r}라는 목적이 둘입니다")
        shared = next((name for name in self.outcomes if name in self.space.names), None)
        if shared is not None:
            raise Wrong(f"{shared!r} is both a factor and an outcome", f"{shared!r}은(는) 요인이면서 결과입니다")
        unitless = next(
            (c.outcome for c in self.outcome_constraints if c.unit is None and c.outcome not in names), None
        )
        if unitless is not None:
            raise Wrong(f"the constraint on {unitless!r} needs a `unit`", f"{unitless!r}의 제약에 `unit`이 필요합니다")
        for objective in self.objectives:
            for constraint in self.outcome_constraints:
                if constraint.outcome == objective.name and _excludes(constraint, objective):
                    raise Wrong(
                        f"the constraint on {objective.name!r} does not let its target be reached",
                        f"{objective.name!r}의 제약 때문에 목표에 도달할 수 없습니다",
                    )
        if sum(isinstance(factor, Fidelity) for factor in self.space.factors) > 1:
            raise Wrong("only one factor can be the fidelity", "fidelity 요인은 하나만 둘 수 있습니다")
        self._check_cost()
        return self

    def _check_cost(self) -> None:
        if self.cost.factor is None:
            return
        variable = next((v for v in self.space.variables if v.name == self.cost.factor), None)
        if variable is None:
            raise Wrong(
                f"cost: no factor is called {self.cost.factor!r}", f"cost: {self.cost.factor!r}라는 요인이 없습니다"
            )
        if variable.levels or variable.low < 0:
            raise Wrong(
                f"cost: {self.cost.factor!r} must be a number that is never negative",
                f"cost: {self.cost.factor!r}은(는) 음수가 될 수 없는 수여야 합니다",
            )

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Every outcome a measurement must have: objectives, constraints, cost, each once."""
        names = [o.name for o in self.objectives] + [c.outcome for c in self.outcome_constraints]
        if self.cost.outcome is not None:
            names.append(self.cost.outcome)
        return tuple(dict.fromkeys(names))

    @property
    def units(self) -> Mapping[str, str]:
        """The unit of every outcome that has one."""
        units = {c.outcome: c.unit for c in self.outcome_constraints if c.unit}
        return units | {o.name: o.unit for o in self.objectives if o.unit}

    def is_feasible(self, measurement: Measurement) -> bool:
        """Say whether every outcome constraint holds."""
        return all(c.holds(measurement.mean(c.outcome)) for c in self.outcome_constraints)

    def utilities(self, measurement: Measurement) -> NDArray[np.float64]:
        """Return the utility of each objective (n_objectives,): more is better, NaN where not measured."""
        return np.array([o.utility(measurement.mean(o.name)) for o in self.objectives])

    @cached_property
    def fidelity(self) -> Fidelity | None:
        """How thoroughly experiments are done, if that can vary."""
        return next((factor for factor in self.space.factors if isinstance(factor, Fidelity)), None)

    @property
    def full(self) -> Mapping[str, Value]:
        """What a full experiment has: the fidelity's value; nothing where every experiment is one."""
        return {} if self.fidelity is None else {self.fidelity.name: self.fidelity.full}

    def is_full(self, conditions: Conditions) -> bool:
        """Say whether an experiment is a full one; no other is judged."""
        return self.fidelity is None or self.fidelity.is_full(conditions.get(self.fidelity.name))

    @property
    def has_target(self) -> bool:
        """Say whether success is defined: at least one objective has a target."""
        return any(o.target is not None for o in self.objectives)

    def is_success(self, measurement: Measurement) -> bool:
        """Say whether every target is reached by a measurement that keeps every outcome constraint."""
        targets = [o for o in self.objectives if o.target is not None]
        return (
            bool(targets)
            and self.is_feasible(measurement)
            and all(o.utility(measurement.mean(o.name)) >= o.target_utility() for o in targets)
        )

    def cost_of(self, conditions: Conditions, result: Result | None) -> float:
        """Return what an experiment costs or cost, never below 0; what is not known yet counts as 0."""
        if self.cost.amount is not None:
            fidelity = self.fidelity
            return self.cost.amount * (1.0 if fidelity is None else fidelity.share(conditions.get(fidelity.name)))
        if self.cost.factor is not None:
            value = result.context.get(self.cost.factor) if isinstance(result, Measurement) else None
            value = conditions.get(self.cost.factor) if value is None else value
            return max(value * self.cost.per, 0.0) if isinstance(value, int | float) else 0.0
        if isinstance(result, Measurement) and self.cost.outcome in result.outcomes:
            return max(result.outcomes[self.cost.outcome].mean * self.cost.per, 0.0)
        return 0.0


def _excludes(constraint: OutcomeConstraint, objective: Objective) -> bool:
    """Say whether no value that keeps the constraint reaches the objective's target."""
    if objective.target is None:
        return False
    low = -math.inf if constraint.at_least is None else constraint.at_least
    high = math.inf if constraint.at_most is None else constraint.at_most
    if objective.goal == "hit":
        return objective.utility(min(max(objective.value or 0.0, low), high)) < objective.target_utility()
    return high < objective.target if objective.goal == "maximize" else low > objective.target
