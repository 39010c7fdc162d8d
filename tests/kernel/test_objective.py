"""What is wanted of outcomes, and what an experiment costs."""

import math

import numpy as np
import pytest

from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.objective import Cost, Objective, OutcomeConstraint
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say


def problem(**changes):
    return Problem.model_validate({
        "space": {"factors": [
            {"type": "real", "name": "x", "low": 0, "high": 10, "unit": "1"},
            {"type": "context", "name": "hours", "low": 0, "high": 9, "unit": "h"},
        ]},
        "objectives": [{"name": "y", "goal": "minimize", "unit": "min", "target": 5}],
    } | changes)  # fmt: skip


@pytest.mark.parametrize(
    ("goal", "value", "outcome", "utility"),
    [("maximize", None, 3, 3), ("minimize", None, 3, -3), ("hit", 5, 3, -2), ("hit", 5, 8, -3)],
)
def test_more_utility_is_better_whatever_the_goal(goal, value, outcome, utility):
    objective = Objective(name="y", goal=goal, value=value, unit="1")
    assert objective.utility(outcome) == utility
    assert objective.utilities(np.array([outcome, outcome])).tolist() == [utility, utility]
    assert math.isnan(objective.target_utility())


def test_success_needs_every_target_and_every_constraint():
    some = problem(outcome_constraints=[{"outcome": "leak", "at_most": 1, "unit": "mA"}])
    assert some.has_target
    assert some.outcomes == ("y", "leak")
    assert some.is_success(Measurement(outcomes={"y": 5, "leak": 1}))
    assert not some.is_success(Measurement(outcomes={"y": 5.1, "leak": 1}))
    assert not some.is_success(Measurement(outcomes={"y": 5, "leak": 1.1}))
    assert not some.is_success(Measurement(outcomes={"y": 5}))
    assert not some.is_success(Measurement(outcomes={"leak": 0}))
    without = problem(objectives=[{"name": "y", "goal": "minimize", "unit": "min"}])
    assert not without.is_success(Measurement(outcomes={"y": -99}))


def test_a_bound_is_kept_by_numbers_only():
    constraint = OutcomeConstraint(outcome="leak", at_least=0, at_most=1)
    assert [constraint.holds(v) for v in (0, 0.5, 1, 1.1, -0.1, math.nan)] == [True, True, True, False, False, False]


def test_a_cost_is_an_amount_a_factor_or_an_outcome_and_never_negative():
    lost = Failure(kind="lost", reason=say("gone", "사라짐"))
    done = Measurement(outcomes={"y": 1, "bill": 7}, context={"hours": 3})
    assert Cost.model_validate(5) == Cost(amount=5)
    assert [problem(cost=2).cost_of({"x": 4}, r) for r in (None, lost, done)] == [2, 2, 2]
    assert [problem(cost={"factor": "x", "per": 3}).cost_of({"x": 4}, r) for r in (None, lost, done)] == [12, 12, 12]
    assert [problem(cost={"factor": "hours"}).cost_of({"x": 4, "hours": None}, r) for r in (None, lost, done)] == [
        0,
        0,
        3,
    ]
    assert [problem(cost={"outcome": "bill"}).cost_of({"x": 4}, r) for r in (None, lost, done)] == [0, 0, 7]
    assert problem(cost={"outcome": "bill"}).cost_of({}, Measurement(outcomes={"bill": -7})) == 0
    assert "bill" in problem(cost={"outcome": "bill"}).outcomes
