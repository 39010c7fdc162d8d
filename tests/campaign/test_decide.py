"""Whatever happens, in whatever order: a campaign stays whole, keeps its budget and does not depend on timing."""

import copy
import hashlib
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kgenesis.campaign import decide
from kgenesis.campaign import events as facts
from kgenesis.campaign.spec import Budget, Mission
from kgenesis.campaign.state import evolve, fold
from kgenesis.kernel.errors import CampaignEnded, InvalidConditions
from kgenesis.kernel.experiment import Failure, Measurement, Proposal, Why
from kgenesis.kernel.ids import CampaignId
from kgenesis.kernel.text import say

CAMPAIGN = CampaignId("cmp_0123456789ab")


def mission(**changes):
    plain = {
        "name": "m", "title": "M", "lab": "python", "planner": "random",
        "space": {"factors": [{"type": "real", "name": "x", "low": 0, "high": 1, "unit": "1"}]},
        "objectives": [{"name": "y", "goal": "maximize", "unit": "1"}],
        "budget": {"experiments": 6},
    }  # fmt: skip
    return Mission.model_validate(plain | changes)


def number_of(*things):
    """A number in [0, 1) that anything at all about the things changes."""
    return int(hashlib.sha256(repr(things).encode()).hexdigest()[:8], 16) / 2**32


def planner(step):
    """Proposals that depend on every detail of the request."""
    known = [(o.experiment, dict(o.conditions), o.result.model_dump()) for o in step.history]
    drawn = [number_of(known, [dict(p) for p in step.pending], step.seed, i) for i in range(step.n)]
    return [Proposal(conditions={"x": x}, why=Why(reason="design", planner="test")) for x in drawn]


def answer(conditions, seed):
    """What the lab finds: decided by the conditions and the task's seed alone."""
    draw = number_of(conditions, seed)
    if draw < 0.15:
        return Failure(kind="infeasible" if draw < 0.08 else "crashed", reason=say("no", "안 됨"))
    return Measurement(outcomes={"y": draw})


def failure(kind):
    return Failure(kind=kind, reason=say("gone", "사라짐"))


class Run:
    """A runner without a store: the log in a list, the executor in a dictionary."""

    def __init__(self, plan, *, is_physical=False, seed=1):
        self.clock = datetime(2026, 1, 2, tzinfo=UTC)
        opened = facts.CampaignOpened(
            mission=plan.model_dump(mode="json"),
            seed=seed,
            folder="",
            lab_version="1",
            lab_is_physical=is_physical,
            versions={},
        )
        self.log = [(opened, self.now())]
        self.state = fold(CAMPAIGN, self.log)
        self.carried = {}
        self.planned = []

    def now(self):
        return self.clock.isoformat()

    def write(self, events):
        for event in events:
            self.log.append((event, self.now()))
            evolve(self.state, event, self.now())

    def steps(self):
        return decide.next_steps(self.state)

    def carry_out(self, steps):
        """Do what is to be done; whether anything was."""
        for step in steps:
            match step:
                case decide.Propose():
                    proposals = decide.starts_left(self.state)[: step.n]
                    proposals += planner(step)[: step.n - len(proposals)]
                    self.write(decide.proposed(self.state, proposals))
                case decide.Submit(task):
                    self.write(decide.started(task))
                    self.carried[task.experiment] = task
                case decide.Stop(reason):
                    self.write(decide.stopped(self.state, reason))
                case decide.Wait():
                    return False
        return bool(steps)

    def resolve(self, experiment, result):
        task = self.carried.pop(experiment)
        self.write(decide.resolved(self.state, experiment, task.attempt, result))
        return task

    def crash(self, survivors=()):
        """The runner dies; what the executor still carries goes on."""
        self.state = fold(CAMPAIGN, self.log)
        self.carried = {id_: task for id_, task in self.carried.items() if id_ in survivors}
        self.write([facts.CampaignContinued()])
        self.write(decide.recovered(self.state, frozenset(self.carried)))

    @property
    def conditions(self):
        return [e.conditions["x"] for e in self.state.experiments.values()]


plans = st.builds(
    mission,
    parallel=st.integers(1, 4),
    replicates=st.integers(1, 3),
    batch=st.sampled_from([None, None, {"size": 3}, {"size": 5}]),
    retries=st.integers(0, 2),
    ordering=st.sampled_from(["reproducible", "as-they-come", None]),
    stop_when_reached=st.booleans(),
    objectives=st.sampled_from([
        [{"name": "y", "goal": "maximize", "unit": "1"}],
        [{"name": "y", "goal": "maximize", "unit": "1", "target": 0.9}],
    ]),
    cost=st.sampled_from([1.0, 2.5, 0.0, {"factor": "x", "per": 3.0}, {"outcome": "bill"}]),
    budget=st.fixed_dictionaries(
        {"experiments": st.integers(1, 12)},
        optional={"cost": st.sampled_from([2.5, 7.0, 10.0]), "hours": st.sampled_from([0.5, 5.0])},
    ),
    start=st.sampled_from([[], [{"x": 0.5}], [{"x": 0.25}, {"x": 0.75}, {"x": 0.5}]]),
)  # fmt: skip


class CampaignMachine(RuleBasedStateMachine):
    """A campaign to which anything may happen at any time."""

    @initialize(plan=plans, is_physical=st.booleans(), chance=st.randoms(use_true_random=False))
    def opens(self, plan, is_physical, chance):
        self.run = Run(plan, is_physical=is_physical)
        self.chance = chance
        self.stale = []  # tasks whose runner went away; their results may still come
        self.finals = {}
        self.n_brought = 0
        self.is_overdrawn = False

    @property
    def state(self):
        return self.run.state

    @rule(n=st.integers(1, 6))
    def the_runner_does_what_is_next(self, n):
        for _ in range(n):
            for step in self.run.steps():
                if isinstance(step, decide.Submit):
                    assert len(self.state.running) + len(self.state.doubted) < self.state.mission.parallel
                if isinstance(step, decide.Propose):
                    assert {o.experiment for o in step.history} <= set(self.state.experiments)
                self.run.carry_out([step])

    @rule(n=st.integers(1, 3))
    def all_goes_well_for_a_while(self, n):
        for _ in range(n):
            self.the_runner_does_what_is_next(3)
            if self.run.carried:
                self.a_result_comes("ok")

    @precondition(lambda self: self.run.carried)
    @rule(kind=st.sampled_from(["ok", "ok", "ok", "lost", "timed-out", "infeasible", "crashed", "refused"]))
    def a_result_comes(self, kind):
        experiment = self.chance.choice(sorted(self.run.carried))
        task = self.run.carried[experiment]
        before = self.state.experiments[experiment].n_retried
        result = answer(task.conditions, task.seed) if kind == "ok" else failure(kind)
        if "bill" in self.state.mission.problem.outcomes and isinstance(result, Measurement):
            result = Measurement(outcomes={"y": 0.5, "bill": 0.7})
        task = self.run.resolve(experiment, result)
        self.stale.append((task, result))
        found = self.state.experiments[experiment]
        may_retry = (
            kind in {"lost", "timed-out"} and not self.state.lab_is_physical and before < self.state.mission.retries
        )
        assert found.is_final != may_retry

    @precondition(lambda self: self.stale)
    @rule()
    def a_result_comes_again_or_too_late(self):
        task, result = self.chance.choice(self.stale)
        found = copy.deepcopy(self.state.experiments[task.experiment])
        events = decide.resolved(self.state, task.experiment, task.attempt, result)
        if found.is_final or task.attempt != found.attempt:
            assert events == []
        self.run.carried.pop(task.experiment, None) if events else None
        self.run.write(events)

    @rule()
    def the_runner_dies_and_another_takes_over(self):
        survivors = {id_ for id_ in self.run.carried if self.chance.random() < 0.5}
        lost = [task for id_, task in self.run.carried.items() if id_ not in survivors]
        self.stale += [(task, answer(task.conditions, task.seed)) for task in lost]
        self.run.crash(survivors)
        assert set(self.state.running) == survivors
        assert bool(self.state.doubted) <= self.state.lab_is_physical

    @precondition(lambda self: self.state.doubted)
    @rule(happened=st.booleans())
    def a_person_says_what_came_of_a_doubtful_experiment(self, happened):
        experiment = self.chance.choice(sorted(self.state.doubted))
        result = Measurement(outcomes={"y": 0.5, "bill": 0.1}) if happened else failure("lost")
        self.run.write(decide.resolved(self.state, experiment, 0, result))
        assert self.state.experiments[experiment].is_final

    @rule(x=st.floats(0, 1))
    def a_person_brings_a_result(self, x):
        result = Measurement(outcomes={"y": x, "bill": 0.5})
        if self.state.stopped is not None:
            with pytest.raises(CampaignEnded):
                decide.brought(self.state, {"x": x}, result)
            return
        self.run.write(decide.brought(self.state, {"x": x}, result))
        self.n_brought += 1

    @precondition(lambda self: self.state.stopped is None and self.state.n_final > 2)
    @rule()
    def somebody_asks_for_an_end(self):
        self.run.write([facts.StopAsked()])

    @rule(more=st.integers(0, 5))
    def the_budget_is_raised(self, more):
        old = self.state.budget
        cost = None if old.cost is None else old.cost + more
        hours = None if old.hours is None else old.hours + more
        budget = Budget(experiments=max(old.experiments, self.state.n_counted) + more, cost=cost, hours=hours)
        self.run.write([facts.CampaignExtended(budget=budget)])

    @rule(minutes=st.integers(0, 90))
    def time_passes(self, minutes):
        self.run.clock += timedelta(minutes=minutes)

    @invariant()
    def every_experiment_is_in_one_place(self):
        state = self.state
        for id_, found in state.experiments.items():
            places = {"waiting": state.waiting, "running": state.running, "doubted": state.doubted}
            assert [name for name, place in places.items() if id_ in place] == (
                [] if found.is_final else [found.status]
            )
            assert (found.result is not None) == (found.status in {"measured", "failed"})
        assert [e.number for e in state.experiments.values()] == list(range(1, state.n_proposed + 1))
        assert len(state.running) + len(state.doubted) <= state.mission.parallel

    @invariant()
    def the_counts_are_right(self):
        state = self.state
        statuses = [e.status for e in state.experiments.values()]
        assert state.n_measured == statuses.count("measured")
        assert state.n_failed == statuses.count("failed")
        assert state.n_withdrawn == statuses.count("withdrawn")
        ends = [e.is_final for e in state.experiments.values()]
        assert state.n_finished_prefix == (ends.index(False) if False in ends else len(ends))
        problem = state.mission.problem
        assert state.spent == pytest.approx(sum(problem.cost_of(e.conditions, e.result) for e in state.finished()))

    @invariant()
    def the_budget_is_never_exceeded(self):
        state = self.state
        assert state.n_counted <= state.budget.experiments + self.n_brought
        under_way = [*state.running, *state.doubted]
        if state.budget.cost is not None and state.mission.cost.outcome is None and not self.n_brought:
            assert state.spent + decide._cost(state, under_way) <= state.budget.cost * (1 + 1e-6)

    @invariant()
    def a_result_counts_once_and_stays(self):
        for id_, found in self.state.experiments.items():
            if found.is_final:
                assert self.finals.setdefault(id_, (found.status, found.result)) == (found.status, found.result)
        receipts = [e.experiment for e, _ in self.run.log if isinstance(e, facts.ExperimentMeasured)
                    or (isinstance(e, facts.ExperimentFailed) and e.is_final)]  # fmt: skip
        assert len(receipts) == len(set(receipts)) == self.state.n_final

    @invariant()
    def only_what_says_nothing_of_the_conditions_is_tried_again(self):
        most = 0 if self.state.lab_is_physical else self.state.mission.retries
        assert all(e.n_retried <= most for e in self.state.experiments.values())

    @invariant()
    def an_ended_campaign_has_nothing_in_flight(self):
        state = self.state
        if state.stopped is not None:
            assert not state.running
            assert not state.waiting
            assert not state.doubted
            assert decide.next_steps(state) == []

    @invariant()
    def replay_gives_the_same_state(self):
        assert fold(CAMPAIGN, self.run.log) == self.state

    def teardown(self):
        """Left alone, with a lab that answers and a person who does too, every campaign ends."""
        if not hasattr(self, "run"):
            return
        for _ in range(3000):
            if self.state.stopped is not None:
                return
            if not self.run.carry_out(self.run.steps()):
                if self.run.carried:
                    experiment = next(iter(self.run.carried))
                    self.run.resolve(experiment, Measurement(outcomes={"y": 0.1, "bill": 0.1}))
                else:
                    assert self.state.doubted, "it waits for nothing"
                    id_ = next(iter(self.state.doubted))
                    self.run.write(decide.resolved(self.state, id_, 0, failure("lost")))
        raise AssertionError("it does not end")


TestCampaignMachine = CampaignMachine.TestCase
TestCampaignMachine.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


# ---- timing has no part in what is proposed ------------------------------------------------------------------------


def simulate(plan, *, shuffle=None, may_crash=False):
    """Run a campaign to its end; results arrive in the order in which they left unless shuffled."""
    run = Run(plan)
    lost = {}
    for _ in range(20_000):
        if run.state.stopped is not None:
            return run
        # a slow runner may first collect, a fast one first submit
        if run.carry_out(run.steps()[: 1 if shuffle and shuffle.random() < 0.5 else None]):
            continue
        id_ = next(iter(run.carried)) if shuffle is None else shuffle.choice(sorted(run.carried))
        if may_crash and shuffle.random() < 0.2:
            run.crash({i for i in run.carried if shuffle.random() < 0.5})
        elif may_crash and shuffle.random() < 0.2 and lost.get(id_, 0) < plan.retries:
            lost[id_] = lost.get(id_, 0) + 1
            run.resolve(id_, failure("lost"))
        else:
            task = run.carried[id_]
            run.resolve(id_, answer(task.conditions, task.seed))
    raise AssertionError("it does not end")


@settings(max_examples=60, deadline=None)
@given(
    parallel=st.integers(1, 4), replicates=st.integers(1, 3), budget=st.integers(1, 14), seed=st.integers(0, 10**6),
    start=st.sampled_from([[], [{"x": 0.5}], [{"x": 0.25}, {"x": 0.75}, {"x": 0.5}]]),
)  # fmt: skip
def test_proposals_do_not_depend_on_the_order_in_which_results_arrive_nor_on_crashes(
    parallel, replicates, budget, seed, start
):
    plan = mission(
        parallel=parallel, replicates=replicates, budget={"experiments": budget}, start=start, retries=2,
        ordering="reproducible",
    )  # fmt: skip
    steady = simulate(plan)
    assert len(steady.conditions) == budget
    hurried = simulate(plan, shuffle=random.Random(seed), may_crash=True)  # noqa: S311
    assert hurried.conditions == steady.conditions
    assert [e.result for e in hurried.state.experiments.values()] == [
        e.result for e in steady.state.experiments.values()
    ]


@settings(max_examples=30, deadline=None)
@given(parallel=st.integers(1, 4), replicates=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_a_campaign_that_ends_early_has_proposed_the_beginning_of_the_same_sequence(parallel, replicates, seed):
    changes = {
        "parallel": parallel,
        "replicates": replicates,
        "budget": {"experiments": 20},
        "ordering": "reproducible",
    }
    target = [{"name": "y", "goal": "maximize", "unit": "1", "target": 0.9}]
    whole = simulate(mission(**changes)).conditions
    part = simulate(mission(**changes, objectives=target), shuffle=random.Random(seed)).conditions  # noqa: S311
    assert part == whole[: len(part)]


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_in_the_reproducible_order_no_slot_stays_empty_longer_than_it_must(parallel):
    run = Run(mission(parallel=parallel, budget={"experiments": 20}, ordering="reproducible"))
    while run.state.stopped is None:
        if not run.carry_out(run.steps()):
            open_ = run.state.budget.experiments - run.state.n_final
            assert len(run.carried) == min(parallel, open_)
            id_ = next(iter(run.carried))  # in the order in which they began
            run.resolve(id_, answer(run.carried[id_].conditions, run.carried[id_].seed))


# ---- single decisions ----------------------------------------------------------------------------------------------


def drive(run, *, until):
    """Carry out steps, each result coming at once, until something holds."""
    for _ in range(200):
        if until(run.state):
            return run
        if not run.carry_out(run.steps()):
            id_ = next(iter(run.carried))
            run.resolve(id_, answer(run.carried[id_].conditions, run.carried[id_].seed))
    raise AssertionError("it never holds")


def ended(state):
    return state.stopped is not None


def test_starting_points_come_first_each_with_its_replicates():
    run = drive(Run(mission(start=[{"x": 0.25}, {"x": 0.75}], replicates=2)), until=ended)
    assert run.conditions[:4] == [0.25, 0.25, 0.75, 0.75]
    reasons = [e.why.reason for e in run.state.experiments.values()]
    assert reasons == ["start", "replicate", "start", "replicate", "design", "replicate"]


def test_the_last_proposal_gets_fewer_replicates_when_the_budget_ends():
    run = drive(Run(mission(replicates=4, parallel=3)), until=ended)
    assert run.state.n_proposed == 6
    assert [e.replicate_of is None for e in run.state.experiments.values()] == [True, False, False, False, True, False]


def test_a_budget_of_cost_ends_the_campaign_by_its_own_name():
    run = drive(Run(mission(cost=3.0, budget={"experiments": 10, "cost": 10.0})), until=ended)
    assert (run.state.n_proposed, run.state.spent, run.state.stopped) == (3, 9.0, "cost")


def test_an_experiment_that_the_rest_of_the_budget_cannot_pay_is_not_started():
    run = drive(Run(mission(cost={"factor": "x", "per": 1.0}, budget={"experiments": 50, "cost": 2.0})), until=ended)
    assert run.state.spent <= 2.0
    assert run.state.stopped == "cost"
    assert run.state.n_withdrawn <= 1


def test_a_campaign_without_cost_per_experiment_is_not_ended_by_its_cost():
    run = drive(Run(mission(cost=0.0, budget={"experiments": 4, "cost": 1.0})), until=ended)
    assert (run.state.n_proposed, run.state.stopped) == (4, "experiments")


def test_hours_end_a_campaign_even_between_facts():
    run = Run(mission(budget={"experiments": 5, "hours": 1.0}))
    assert isinstance(decide.next_steps(run.state, 3599.0)[0], decide.Propose)
    assert decide.next_steps(run.state, 3600.0) == [decide.Stop("hours")]


def test_a_campaign_that_reached_its_target_goes_on_when_it_is_given_more():
    reached = mission(objectives=[{"name": "y", "goal": "maximize", "unit": "1", "target": 0.0}])
    run = drive(Run(reached), until=ended)
    assert run.state.stopped == "reached"
    n = run.state.n_final
    run.write([facts.CampaignExtended(budget=Budget(experiments=9))])
    drive(run, until=ended)
    assert run.state.stopped == "experiments"
    assert run.state.n_final > n


def test_what_is_in_doubt_keeps_its_place_until_a_person_answers():
    run = Run(mission(parallel=2, budget={"experiments": 2}), is_physical=True)
    drive(run, until=lambda state: len(state.running) == 2)
    run.crash()
    assert len(run.state.doubted) == 2
    assert run.steps() == [decide.Wait()]
    first, second = run.state.doubted
    run.write(decide.resolved(run.state, first, 0, Measurement(outcomes={"y": 0.5})))
    assert run.steps() == [decide.Wait()]
    run.write([facts.StopAsked()])
    assert run.steps() == [decide.Stop("asked")]
    run.carry_out(run.steps())
    assert run.state.experiments[second].result.kind == "lost"


def test_the_result_of_an_attempt_that_was_given_up_does_not_count_for_the_next():
    run = drive(Run(mission()), until=lambda state: state.running)
    (task,) = run.carried.values()
    run.crash()
    drive(run, until=lambda state: state.running)
    assert run.carried[task.experiment].attempt == 2
    assert run.carried[task.experiment].seed == task.seed
    assert decide.resolved(run.state, task.experiment, 1, Measurement(outcomes={"y": 0.5})) == []
    assert len(decide.resolved(run.state, task.experiment, 2, Measurement(outcomes={"y": 0.5}))) == 1


@pytest.mark.parametrize("is_physical", [False, True])
def test_only_lost_and_timed_out_experiments_are_tried_again_and_never_in_a_physical_lab(is_physical):
    for kind, may in {"lost": True, "timed-out": True, "crashed": False, "infeasible": False, "refused": False}.items():
        run = drive(Run(mission(retries=1), is_physical=is_physical), until=lambda state: state.running)
        (id_,) = run.carried
        run.resolve(id_, failure(kind))
        assert run.state.experiments[id_].is_final == (is_physical or not may)
        if not run.state.experiments[id_].is_final:
            drive(run, until=lambda state: state.running)
            run.resolve(id_, failure(kind))
            assert run.state.experiments[id_].status == "failed"


def test_nothing_impossible_and_nothing_beyond_the_budget_is_taken_up():
    run = Run(mission(budget={"experiments": 2}))
    outside = Proposal(conditions={"x": 2.0}, why=Why(reason="design", planner="bad"))
    inside = Proposal(conditions={"x": 0.5}, why=Why(reason="design", planner="good"))
    with pytest.raises(InvalidConditions, match="bad proposed something impossible"):
        decide.proposed(run.state, [inside, outside])
    with pytest.raises(CampaignEnded, match="leaves no room"):
        decide.proposed(run.state, [inside] * 3)
    assert len(decide.proposed(run.state, [inside] * 2)) == 2
    person = Proposal(conditions={"x": 0.5}, why=Why(reason="person", planner="person"))
    assert len(decide.proposed(run.state, [person] * 3)) == 3


def test_several_results_nobody_asked_for_get_numbers_of_their_own():
    run = Run(mission())
    events = []
    for i in range(3):
        events += decide.brought(run.state, {"x": i / 4}, Measurement(outcomes={"y": 0.1}), after=i)
    run.write(events)
    assert [e.number for e in run.state.experiments.values()] == [1, 2, 3]
    assert run.state.n_measured == 3
    with pytest.raises(InvalidConditions):
        decide.brought(run.state, {"x": 7.0}, Measurement(outcomes={"y": 0.1}))
