"""The conformance suite of planners: subclass `PlannerCases`, say how yours is made, and pytest does the rest.

    class TestMyPlanner(PlannerCases):
        @pytest.fixture
        def factory(self):
            return make_planner  # what the entry point names

Further fixtures you may override: `settings`, `may_run_dry`, `make`.
"""

# ruff: noqa: FBT001  (fixtures come by name)

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Conditions, Failure, Measurement, Observation, Proposal, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Planner, PluginContext, ProposalRequest
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import say
from kgenesis.testing.strategies import problems

Factory = Callable[[PluginContext], Planner]
Make = Callable[[Problem], Planner]
Outcome = Callable[[Problem, Conditions], Measurement | Failure]

_COLD = {"type": "real", "name": "temperature", "low": 20, "high": 90, "unit": "degC"}
_SLOW = {"type": "real", "name": "rate", "low": 0.01, "high": 10, "unit": "1/min", "scale": "log"}
_FEW = {"type": "grid", "name": "cycles", "values": [1, 2, 5], "unit": "1"}
_KINDS = {"type": "categorical", "name": "solvent", "levels": ["DMSO", "water", "EtOH"]}
_REFLUX = {"type": "real", "name": "reflux", "low": 40, "high": 100, "unit": "degC", "active_if": "solvent != 'DMSO'"}
_BLEND = {
    "type": "mixture", "name": "blend", "components": [{"name": "a"}, {"name": "b", "high": 0.6}, {"name": "c"}],
}  # fmt: skip
_WEATHER = {"type": "context", "name": "humidity", "low": 0, "high": 100, "unit": "percent"}
_CELL = {"type": "fixed", "name": "cell", "value": "M50"}
_WARM = {"type": "expression", "expression": "temperature > 30 or solvent == 'water'"}
_BOUND = {"type": "linear", "coefficients": {"temperature": 1, "cycles": 5}, "relation": "<=", "bound": 100}

SPACES: Mapping[str, Mapping[str, Any]] = {
    "numbers": {"factors": [_COLD, _SLOW]},
    "mixture": {"factors": [_BLEND]},
    "finite": {"factors": [_FEW, _KINDS], "constraints": [
        {"type": "forbidden", "combination": {"solvent": "water", "cycles": 5}},
    ]},
    "everything": {
        "factors": [_COLD, _FEW, _KINDS, _REFLUX, _BLEND, _WEATHER, _CELL], "constraints": [_WARM, _BOUND],
    },
}  # fmt: skip
"""What planners are tried on, besides random spaces."""


def problem_of(space: str, n_objectives: int = 1) -> Problem:
    """Return a problem over one of `SPACES`, with an objective or two and a constraint on an outcome."""
    objectives = [
        {"name": "yield", "goal": "maximize", "unit": "percent"},
        {"name": "waste", "goal": "minimize", "unit": "g"},
    ]
    return Problem.model_validate({
        "space": SPACES[space],
        "objectives": objectives[:n_objectives],
        "outcome_constraints": [{"outcome": "leak", "at_most": 0.9, "unit": "1"}],
    })  # fmt: skip


def measured(problem: Problem, conditions: Conditions) -> Measurement:
    """Return smooth outcomes of some conditions."""
    x = problem.space.encode(problem.space.to_values([conditions]))[0]
    weather = {v.name: 50.0 for v in problem.space.variables if v.role == "context" and not v.levels}
    outcomes = {name: {"mean": float(np.sin(3 * x + k).sum())} for k, name in enumerate(problem.outcomes)}
    return Measurement.model_validate({"outcomes": outcomes, "context": weather})


def failed(problem: Problem, conditions: Conditions) -> Failure:
    """Return a failure, whatever the conditions."""
    del problem
    return Failure(kind="infeasible", reason=say(f"{len(conditions)} conditions too many", "조건이 너무 많습니다"))


def history_of(problem: Problem, n: int, outcome: Outcome = measured, seed: int = 0) -> list[Observation]:
    """Return `n` finished experiments at random conditions."""
    space = problem.space
    drawn = space.to_rows(sample(space, n, np.random.default_rng(seed)))
    return [observed(problem, row, i, outcome) for i, row in enumerate(drawn, start=1)]


def observed(problem: Problem, conditions: Conditions, number: int, outcome: Outcome = measured) -> Observation:
    """Return one finished experiment."""
    result = outcome(problem, conditions)
    context = result.context if isinstance(result, Measurement) else {}
    return Observation(ExperimentId(f"exp_test_{number:05d}"), {**conditions, **context}, result)


def asked(
    problem: Problem, history: Sequence[Observation] = (), pending: Sequence[Conditions] = (), n: int = 1,
    seed: int = 7, fixed: Mapping[str, Value] | None = None, same: tuple[str, ...] = (),
) -> ProposalRequest:  # fmt: skip
    """Return a request as a campaign would make it."""
    return ProposalRequest(problem, history, pending, n, (seed, len(history) + len(pending)), fixed or {}, same)


def keys(space: Space, proposals: Sequence[Proposal] | Sequence[Conditions]) -> list[int]:
    """Return one number for each proposal or conditions: the same for the same experiment."""
    rows = [p.conditions if isinstance(p, Proposal) else p for p in proposals]
    found: list[int] = space.keys(space.to_values(rows)).tolist()
    return found


class PlannerCases:
    """What every planner must do."""

    @pytest.fixture
    def factory(self) -> Factory:
        """Return what the entry point names."""
        raise NotImplementedError

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Return the planner's settings."""
        return {}

    @pytest.fixture
    def may_run_dry(self) -> bool:
        """Say whether the planner has only so many experiments to offer, as a factorial design has."""
        return False

    @pytest.fixture
    def make(self, factory: Factory, settings: Mapping[str, Any]) -> Make:
        """Return how the planner of a problem is made."""

        def make_other(group: str, name: str, other: Mapping[str, Any]) -> Any:
            return make_plugin(group, name, PluginContext(settings=other))

        return lambda problem: factory(PluginContext(settings=settings, problem=problem, make=make_other))

    @pytest.fixture(params=[*SPACES])
    def problem(self, request: pytest.FixtureRequest) -> Problem:
        """Return each of some problems in turn."""
        return problem_of(request.param)

    def check(self, request: ProposalRequest, proposals: Sequence[Proposal], *, may_be_fewer: bool = False) -> None:
        """Assert what holds for the answer to any request."""
        space = request.problem.space
        if may_be_fewer or space.points is not None:
            assert len(proposals) <= request.n
        else:
            assert len(proposals) == request.n
        known = {o.experiment for o in request.history}
        for name in request.same:
            assert len({proposal.conditions[name] for proposal in proposals}) <= 1, f"{name} differs on one plate"
        for proposal in proposals:
            assert space.check(proposal.conditions) == []
            assert set(proposal.conditions) == set(space.names)
            for name, value in request.fixed.items():
                assert proposal.conditions[name] == (pytest.approx(value) if isinstance(value, float) else value)
            assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal
            assert proposal.why.planner
            assert proposal.why.nearest is None or proposal.why.nearest in known
            assert set(proposal.why.expected) <= set(request.problem.outcomes)
        found = keys(space, proposals)
        assert len(set(found)) == len(found), "a batch repeats itself"
        taken = keys(space, [*(o.conditions for o in request.history), *request.pending])
        assert not set(found) & set(taken), "something is proposed that was tried or is under way"

    def test_the_first_proposals_need_no_history(
        self, make: Make, problem: Problem, may_run_dry: bool
    ) -> None:  # fmt: skip
        """Nothing is known at the start."""
        request = asked(problem, n=4)
        proposals = make(problem).propose(request)
        assert proposals
        self.check(request, proposals, may_be_fewer=may_run_dry)

    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_as_many_are_proposed_as_are_asked_for(
        self, make: Make, problem: Problem, may_run_dry: bool, n: int
    ) -> None:  # fmt: skip
        """One, or a batch."""
        request = asked(problem, history_of(problem, 6), n=n)
        proposals = make(problem).propose(request)
        self.check(request, proposals, may_be_fewer=may_run_dry)
        if problem.space.points is None and not may_run_dry:
            assert len(proposals) == n

    def test_what_is_under_way_is_not_proposed_again_and_changes_what_is(
        self, make: Make, problem: Problem, may_run_dry: bool
    ) -> None:  # fmt: skip
        """Pending experiments matter."""
        history = history_of(problem, 4)
        first = make(problem).propose(asked(problem, history, n=2))
        request = asked(problem, history, [p.conditions for p in first], n=2)
        self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    def test_the_same_seed_gives_the_same_proposals_and_another_seed_others(self, make: Make, problem: Problem) -> None:
        """All chance comes from the seed."""
        history = history_of(problem, 5)
        answers = [make(problem).propose(asked(problem, history, n=3, seed=s)) for s in (1, 1, 2, 3, 4, 5)]
        assert answers[0] == answers[1]
        if problem.space.points is None:
            starts = [make(problem).propose(asked(problem, n=3, seed=s)) for s in range(1, 6)]
            assert any(other != starts[0] for other in starts)

    def test_a_planner_remembers_nothing(self, make: Make, problem: Problem) -> None:
        """Whatever it was asked before, it answers as a new one would."""
        used, history = make(problem), history_of(problem, 5)
        used.propose(asked(problem, n=3, seed=99))
        used.propose(asked(problem, history_of(problem, 9, seed=5), n=1))
        request = asked(problem, history, [history_of(problem, 1, seed=8)[0].conditions], n=2)
        assert used.propose(request) == make(problem).propose(request)

    def test_the_request_is_left_as_it_was(self, make: Make, problem: Problem) -> None:
        """Arguments are not the planner's to change."""
        history = history_of(problem, 5)
        before = copy.deepcopy([dict(o.conditions) for o in history])
        make(problem).propose(asked(problem, history, n=2))
        assert [dict(o.conditions) for o in history] == before

    @pytest.mark.parametrize("n", [1, 4])
    def test_a_finite_space_is_used_up_point_by_point_and_then_nothing_is_proposed(self, make: Make, n: int) -> None:
        """Every point once, whatever the order."""
        problem = problem_of("finite")
        points = problem.space.points
        assert points is not None
        planner, history = make(problem), list[Observation]()
        for _ in range(len(points) + 1):
            request = asked(problem, history, n=n)
            proposals = planner.propose(request)
            self.check(request, proposals)
            if not proposals:
                break
            history += [observed(problem, p.conditions, len(history) + i) for i, p in enumerate(proposals, start=1)]
        assert len(history) == len(points)

    def test_fixed_values_are_honoured(self, make: Make, may_run_dry: bool) -> None:
        """A person's wish, the weather of the day."""
        problem = problem_of("everything")
        for fixed in ({"solvent": "water"}, {"temperature": 45.0}, {"humidity": 33.0}, {"a": 0.25, "cycles": 2.0}):
            for history in ([], history_of(problem, 6)):
                request = asked(problem, history, n=2, fixed=fixed)
                self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    def test_experiments_on_one_plate_agree_in_what_a_plate_has_in_common(
        self, make: Make, problem: Problem, may_run_dry: bool
    ) -> None:  # fmt: skip
        """Whatever it is: a number, a level, a part of a mixture, what is only there sometimes; also with wishes."""
        everything = [v.name for v in problem.space.variables if v.role == "controlled"]
        for history in ([], history_of(problem, 8)):
            for same in ([everything[0]], everything[1:3]):
                request = asked(problem, history, n=4, same=tuple(same))
                proposals = make(problem).propose(request)
                assert proposals
                self.check(request, proposals, may_be_fewer=True)
                # two parts of a mixture of three decide the third
                if problem.space.points is None and not may_run_dry and len(same) == 1:
                    assert len(proposals) == 4
        wish = {everything[0]: history_of(problem, 9)[8].conditions[everything[0]]}
        request = asked(problem, history_of(problem, 5), n=3, fixed=wish, same=(everything[0], everything[1]))
        self.check(request, make(problem).propose(request), may_be_fewer=True)

    @pytest.mark.parametrize("n_known", [1, 2, 7])
    def test_failures_alone_are_no_reason_to_stop(
        self, make: Make, problem: Problem, may_run_dry: bool, n_known: int
    ) -> None:  # fmt: skip
        """A campaign may begin badly."""
        request = asked(problem, history_of(problem, n_known, failed), n=2)
        self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    @pytest.mark.parametrize("n_known", [1, 2])
    def test_one_or_two_results_are_enough_to_go_on(
        self, make: Make, problem: Problem, may_run_dry: bool, n_known: int
    ) -> None:  # fmt: skip
        """There is little to learn from yet."""
        request = asked(problem, history_of(problem, n_known), n=2)
        self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    def test_outcomes_that_never_change_do_no_harm(
        self, make: Make, problem: Problem, may_run_dry: bool
    ) -> None:  # fmt: skip
        """Neither do repeated conditions."""

        def constant(problem: Problem, conditions: Conditions) -> Measurement:
            del conditions
            return Measurement.model_validate({"outcomes": dict.fromkeys(problem.outcomes, 0.5)})

        history = history_of(problem, 6, constant)
        repeated = [observed(problem, history[0].conditions, 50 + i, constant) for i in range(3)]
        request = asked(problem, history + repeated, n=2)
        self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    def test_extreme_and_missing_outcomes_do_no_harm(
        self, make: Make, problem: Problem, may_run_dry: bool
    ) -> None:  # fmt: skip
        """Instruments report what they like."""

        def extreme(problem: Problem, conditions: Conditions) -> Measurement:
            x = problem.space.encode(problem.space.to_values([conditions]))[0]
            y = 10.0 ** (-100 + 200 * float(x.mean()))
            return Measurement.model_validate({"outcomes": dict.fromkeys(problem.outcomes, y)})

        def partial(problem: Problem, conditions: Conditions) -> Measurement:
            del conditions
            return Measurement.model_validate({"outcomes": {problem.outcomes[-1]: 0.1}})

        for outcome in (extreme, partial):
            request = asked(problem, history_of(problem, 6, outcome), n=2)
            self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    def test_two_objectives_are_no_obstacle(self, make: Make, may_run_dry: bool) -> None:
        """Nor is a constraint on an outcome."""
        problem = problem_of("numbers", n_objectives=2)
        request = asked(problem, history_of(problem, 8), n=3)
        self.check(request, make(problem).propose(request), may_be_fewer=may_run_dry)

    def test_the_reason_names_the_nearest_experiment(self, make: Make, problem: Problem) -> None:
        """Where a distance is given it is the one to the nearest experiment."""
        history = history_of(problem, 5)
        space = problem.space
        for proposal in make(problem).propose(asked(problem, history, n=2)):
            distances = space.distance(
                space.to_values([proposal.conditions]), space.to_values([o.conditions for o in history])
            )[0]
            if proposal.why.distance is not None:
                assert math.isclose(proposal.why.distance, distances.min(), abs_tol=1e-9)

    @examples(
        max_examples=8,
        deadline=None,
        derandomize=True,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )  # fmt: skip
    @given(problem=problems(max_factors=3), n=st.integers(1, 3), n_known=st.integers(0, 4))
    def test_proposals_belong_to_any_space_whatsoever(
        self, factory: Factory, settings: Mapping[str, Any], make: Make, may_run_dry: bool,
        problem: Problem, n: int, n_known: int,
    ) -> None:  # fmt: skip
        """Random factors, random constraints."""
        del factory, settings
        request = asked(problem, history_of(problem, n_known), n=n)
        try:
            planner = make(problem)
        except InvalidSpec:
            assert may_run_dry, "only a design of a fixed size may refuse a space"
            return
        self.check(request, planner.propose(request), may_be_fewer=may_run_dry)
