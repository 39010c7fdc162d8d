"""The question a campaign puts: a space, what is wanted of the outcomes, and what an experiment costs."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Conditions, Frozen, Measurement, Result
from kgenesis.kernel.objective import Cost, Objective, OutcomeConstraint
from kgenesis.kernel.space import Space


class Problem(Frozen):
    """What planners, labs and reports all know of a campaign."""

    space: Space
    objectives: tuple[Objective, ...] = Field(min_length=1)
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    cost: Cost = Cost(amount=1.0)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [objective.name for objective in self.objectives]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            msg = f"two objectives are called {sorted(doubled)[0]!r}"
            raise ValueError(msg)
        shared = set(self.outcomes) & set(self.space.names)
        if shared:
            msg = f"{sorted(shared)[0]!r} is both a factor and an outcome"
            raise ValueError(msg)
        unitless = [c.outcome for c in self.outcome_constraints if c.unit is None and c.outcome not in names]
        if unitless:
            msg = f"the constraint on {unitless[0]!r} needs a `unit`"
            raise ValueError(msg)
        if self.cost.factor is not None and self.cost.factor not in self.space.names:
            msg = f"cost: no factor is called {self.cost.factor!r}"
            raise ValueError(msg)
        return self

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
        """Return what an experiment costs or cost; a measured cost that is not known counts as 0."""
        if self.cost.amount is not None:
            return self.cost.amount
        if self.cost.factor is not None:
            value = conditions.get(self.cost.factor)
            return value * self.cost.per if isinstance(value, int | float) else 0.0
        if isinstance(result, Measurement) and self.cost.outcome in result.outcomes:
            return result.outcomes[self.cost.outcome].mean * self.cost.per
        return 0.0
