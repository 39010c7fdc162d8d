"""What happens next in a campaign: pure functions from state and input to steps and facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from kgenesis.campaign import events as facts
from kgenesis.campaign.outlook import is_unlikely
from kgenesis.campaign.plates import next_plate
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import CampaignEnded, InvalidConditions
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Conditions, Failure, Observation, Proposal, Result, Task, Value, Why
from kgenesis.kernel.ids import ExperimentId, experiment_id
from kgenesis.kernel.text import say

RETRYABLE = frozenset({"lost", "timed-out"})
"""Failures that say nothing about the conditions."""

_ROUNDING = 1e-9
"""By how much of a budget sums of costs may miss it."""

StopReason = Literal["reached", "experiments", "cost", "hours", "exhausted", "asked", "unlikely"]


@dataclass(frozen=True, slots=True)
class Propose:
    """Ask the planner for `n` proposals from exactly this history."""

    n: int
    history: tuple[Observation, ...]
    pending: tuple[Conditions, ...]
    seed: tuple[int, ...]
    experiments_left: int | None = None
    """How many more the budget allows, these included."""
    cost_left: float | None = None
    """How much more may be spent, what is pending taken off as far as its cost is known."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Write the intent, then send the task."""

    task: Task


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for results."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Withdraw what waits and end the campaign."""

    reason: StopReason


Step = Propose | Submit | Wait | Stop


def next_steps(state: CampaignState, seconds: float | None = None) -> list[Step]:
    """Return what a runner must do now; empty once the campaign has ended.

    Args:
        state: where the campaign stands.
        seconds: wall time so far, if more has passed since the last fact than `state.seconds` knows.
    """
    if state.stopped is not None:
        return []
    reason = _reason_to_end(state, state.seconds if seconds is None else seconds)
    if reason is not None:
        return [Wait()] if state.running else [Stop(reason)]
    free = state.mission.parallel - len(state.running) - len(state.doubted)
    candidates = list(state.waiting)[: max(free, 0)]
    affordable = _affordable(state, candidates)
    if affordable:
        return [Submit(_task(state, id_)) for id_ in affordable]
    is_busy = bool(state.running or state.doubted)
    if candidates:  # the budget's rest does not pay for the next one
        return [Wait()] if is_busy else [Stop("cost")]
    if room(state) > 0:
        step = _propose(state, free) if free > 0 else None
        return [Wait() if step is None else step]
    return [Wait()] if is_busy else [Stop(_used_up(state))]


def _reason_to_end(state: CampaignState, seconds: float) -> StopReason | None:
    """Return why nothing more should be started, if so, whatever still waits."""
    budget = state.budget
    if state.stop_asked:
        return "asked"
    if state.reached_by is not None and state.mission.stop_when_reached and not state.goes_on_after_target:
        return "reached"
    if state.mission.stop_when_unlikely is not None and not state.goes_on_when_unlikely and is_unlikely(state):
        return "unlikely"
    if budget.cost is not None and state.spent >= budget.cost * (1 - _ROUNDING):
        return "cost"
    if budget.hours is not None and seconds >= budget.hours * 3600:
        return "hours"
    return None


def _used_up(state: CampaignState) -> StopReason:
    return "experiments" if state.n_counted >= state.budget.experiments else "cost"


def room(state: CampaignState) -> int:
    """Return how many more experiments the budget allows to propose.

    What an experiment will cost is known if the mission says an amount. If the cost is a factor it is known once the
    experiment is proposed, and one that is too expensive is not started; if it is an outcome it is only known
    afterwards, so the last experiments may overdraw the budget.
    """
    left = state.budget.experiments - state.n_counted
    if state.budget.cost is not None:
        rest = state.budget.cost * (1 + _ROUNDING) - state.spent - _cost(state, [*state.waiting, *_under_way(state)])
        amount = state.mission.cost.amount
        if amount:
            fidelity = state.mission.problem.fidelity
            cheapest = 1.0 if fidelity is None else min(map(fidelity.share, fidelity.ends))
            left = min(left, int(rest / (amount * cheapest)))
        elif rest <= state.budget.cost * 2 * _ROUNDING:
            left = min(left, 0)
    return max(left, 0)


def _affordable(state: CampaignState, ids: Sequence[ExperimentId]) -> list[ExperimentId]:
    """Return the first of some waiting experiments that the budget pays for, as far as their cost is known."""
    if state.budget.cost is None:
        return list(ids)
    rest = state.budget.cost * (1 + _ROUNDING) - state.spent - _cost(state, _under_way(state))
    found = []
    for id_ in ids:
        rest -= _cost(state, [id_])
        if rest < 0:
            break
        found.append(id_)
    return found


def _under_way(state: CampaignState) -> list[ExperimentId]:
    return [*state.running, *state.doubted]


def _cost(state: CampaignState, ids: Sequence[ExperimentId]) -> float:
    """Return what experiments will cost, as far as it is known beforehand."""
    problem = state.mission.problem
    return sum(problem.cost_of(state.experiments[id_].conditions, None) for id_ in ids)


def _propose(state: CampaignState, free: int) -> Propose | None:
    """Return the next request to the planner, or None if it must wait for results.

    In the reproducible order the next proposal may depend only on experiments that are sure to be finished by then
    on any machine: with p in parallel, proposal k on those numbered 1 … k - p. The rest count as pending, finished
    or not. So neither timing nor a crash can change what is proposed.
    """
    mission, m = state.mission, state.n_proposed
    most = -(-room(state) // mission.replicates)  # the last proposal may get fewer replicates than the others
    if mission.batch is not None:
        is_over = state.n_finished_prefix == m  # then timing has no part in it either
        return propose_now(state, min(mission.batch.size // mission.replicates, most)) if is_over else None
    if not is_reproducible(state):
        return propose_now(state, min(-(-free // mission.replicates), most))
    n = min(1 if m else max(mission.parallel // mission.replicates, 1), most)
    window = max(mission.parallel, mission.replicates)
    needed = max(m + mission.replicates * n - window, 0)
    if state.n_finished_prefix < min(needed, m):
        return None
    rest = list(state.after(needed))
    # what a person brings is known from the moment it is written, so timing has no part in it
    brought = [e for e in rest if e.result is not None and e.why.reason == "person"]
    pending = [e for e in rest if e.status != "withdrawn" and (e.result is None or e.why.reason != "person")]
    return _request(state, n, needed, brought, pending)


def is_reproducible(state: CampaignState) -> bool:
    """Say whether proposals are made in the order that timing cannot change."""
    default = "as-they-come" if state.lab_is_physical else "reproducible"
    return (state.mission.ordering or default) == "reproducible"


def propose_now(state: CampaignState, n: int) -> Propose:
    """Return a request for `n` proposals, or those that the plate has room for, that uses every result there is."""
    plate = next_plate(state)
    if plate is not None:
        n = min(n, max(plate.n_free // state.mission.replicates, 1))
    settled = state.n_finished_prefix
    late = [e for e in state.after(settled) if e.result is not None]
    return _request(state, n, settled, late, state.open())


def _request(
    state: CampaignState, n: int, n_settled: int, late: Sequence[Experiment], pending: Sequence[Experiment]
) -> Propose:
    """Return the request; what it says is left depends on nothing but what is known, so timing has no part in it.

    Args:
        state: where the campaign stands.
        n: how many proposals are wanted.
        n_settled: the first so many experiments are final, and known.
        late: further ones with a result that are known.
        pending: what is under way.
    """
    problem, budget = state.mission.problem, state.budget
    history = (*state.history(n_settled), *(e.observation() for e in late))
    cost_left = None
    if budget.cost is not None:
        known = [*islice(state.experiments.values(), n_settled), *late]
        spent = sum(problem.cost_of(e.conditions, e.result) for e in known if e.result is not None)
        spent += sum(problem.cost_of(e.conditions, None) for e in pending)
        cost_left = max(budget.cost - spent, 0.0)
    return Propose(
        n, history, tuple(e.conditions for e in pending), (state.seed, state.n_proposed),
        experiments_left=max(budget.experiments - len(history) - len(pending), 0), cost_left=cost_left,
    )  # fmt: skip


def _task(state: CampaignState, id_: ExperimentId) -> Task:
    found = state.experiments[id_]
    return Task(found.id, found.attempt + 1, dict(found.conditions), (state.seed, found.number), state.mission.timeout)


def starts_left(state: CampaignState) -> list[Proposal]:
    """Return the mission's own starting points that were not yet proposed, in order."""
    points = state.mission.start
    done = [e.conditions.items() for e in state.experiments.values() if e.why.reason == "start"] if points else []
    left = [c for i, c in enumerate(points) if points[:i].count(c) >= sum(c.items() <= one for one in done)]
    return [Proposal(conditions=c, why=Why(reason="start", planner="mission")) for c in left]


def proposed(state: CampaignState, proposals: Sequence[Proposal]) -> list[Event]:
    """Return the facts that take proposals up, each as many times as the mission wants replicates and may pay for.

    Raises:
        CampaignEnded: the campaign has ended, or its budget has no room for all of them; then none is taken.
        InvalidConditions: a proposal is not in the space, or a planner's does not suit the plate that its others are
            on; then none is taken.
    """
    if state.stopped is not None:
        raise CampaignEnded(
            say(f"{state.id} has ended ({state.stopped})", f"{state.id}은(는) 끝났습니다({state.stopped})")
        )
    events: list[Event] = []
    left, plate, is_begun = room(state), next_plate(state), False
    for proposal in proposals:
        problems = state.mission.space.check(proposal.conditions)
        if problems:
            raise InvalidConditions(
                say(
                    f"{proposal.why.planner} proposed something impossible",
                    f"{proposal.why.planner}의 제안이 불가능합니다",
                ),
                problems,
            )
        is_brought = proposal.why.reason == "person"
        if not is_brought and left <= 0:
            raise CampaignEnded(
                say(f"the budget of {state.id} leaves no room for that many", f"{state.id}의 예산이 모자랍니다")
            )
        is_again = proposal.why.reason == "replicate"
        n_times = 1 if is_brought or is_again else min(state.mission.replicates, left)
        left -= 0 if is_brought else n_times
        number_of_plate = None
        if plate is not None and not is_brought:
            must_suit = is_begun and proposal.why.reason != "start"
            number_of_plate, is_begun = plate.load(proposal, n_times, must_suit=must_suit), True
        first = _original(state, proposal) if is_again else None
        for _ in range(n_times):
            number = state.n_proposed + len(events) + 1
            id_ = experiment_id(state.id, number)
            why = proposal.why if first is None or is_again else proposal.why.model_copy(update={"reason": "replicate"})
            events.append(
                facts.ExperimentProposed(
                    experiment=id_,
                    number=number,
                    conditions=dict(proposal.conditions),
                    why=why,
                    replicate_of=first,
                    plate=number_of_plate,
                )
            )
            first = first or id_
    return events


def _original(state: CampaignState, proposal: Proposal) -> ExperimentId | None:
    """Return the first experiment with the conditions of one that is to be measured again."""
    same = (e for e in state.experiments.values() if e.conditions == proposal.conditions)
    return next((e.replicate_of or e.id for e in same), proposal.why.nearest)


def started(task: Task) -> list[Event]:
    """Return the intent to do a task."""
    return [facts.ExperimentStarted(experiment=task.experiment, attempt=task.attempt)]


def resolved(state: CampaignState, experiment: ExperimentId, attempt: int, result: Result) -> list[Event]:
    """Return the receipt of a result: nothing if the experiment is already final or a later attempt runs."""
    found = state.experiments.get(experiment)
    if found is None or found.is_final or (attempt and attempt != found.attempt):
        return []
    if isinstance(result, Failure):
        may_retry = (
            result.kind in RETRYABLE and not state.lab_is_physical and found.n_retried < state.mission.retries
            and attempt > 0
        )  # fmt: skip
        return [facts.ExperimentFailed(experiment=experiment, attempt=attempt, failure=result, is_final=not may_retry)]
    return [facts.ExperimentMeasured(experiment=experiment, attempt=attempt, measurement=result)]


def recovered(state: CampaignState, carried: frozenset[ExperimentId]) -> list[Event]:
    """Return the facts about experiments that are said to run although nobody carries them.

    A simulation goes back to the queue. What was started in a physical lab may have happened: a person must say.
    """
    events: list[Event] = []
    for id_ in state.running:
        if id_ not in carried:
            attempt = state.experiments[id_].attempt
            kind = facts.ExperimentDoubted if state.lab_is_physical else facts.ExperimentReleased
            events.append(kind(experiment=id_, attempt=attempt))
    return events


def stopped(state: CampaignState, reason: StopReason) -> list[Event]:
    """Return the facts that end a campaign: what waits is withdrawn, what is in doubt counts as lost."""
    assert not state.running, "stop must drain"
    lost = Failure(
        kind="lost",
        reason=say("it was started, and nobody said what came of it", "시작했으나 결과를 아무도 알리지 않았습니다"),
    )
    return [
        *(facts.ExperimentWithdrawn(experiment=id_) for id_ in state.waiting),
        *(
            facts.ExperimentFailed(experiment=id_, attempt=state.experiments[id_].attempt, failure=lost, is_final=True)
            for id_ in state.doubted
        ),
        facts.CampaignStopped(reason=reason),
    ]


def withdrawn_for_others(state: CampaignState) -> list[facts.ExperimentWithdrawn]:
    """Return the facts that take back what a planner proposed and nobody has started."""
    own = ("start", "person")  # what people want done stays
    first = {id_: state.experiments[id_].replicate_of or id_ for id_ in state.waiting}
    return [
        facts.ExperimentWithdrawn(experiment=id_)
        for id_ in state.waiting
        if state.experiments[first[id_]].why.reason not in own
    ]


def brought(
    state: CampaignState, conditions: Mapping[str, Value], result: Result, after: int = 0
) -> tuple[facts.ExperimentProposed, Event]:
    """Return the facts about a result nobody asked for.

    Args:
        state: where the campaign stands.
        conditions: of the experiment.
        result: what came of it.
        after: how many more such experiments are written before it at once.

    Raises:
        InvalidConditions: the conditions do not belong to the space.
    """
    person = Proposal(conditions=dict(conditions), why=Why(reason="person", planner="person"))
    (first,) = proposed(state, [person])
    assert isinstance(first, facts.ExperimentProposed)
    number = first.number + after
    first = first.model_copy(update={"number": number, "experiment": experiment_id(state.id, number)})
    receipt: Event = (
        facts.ExperimentFailed(experiment=first.experiment, attempt=0, failure=result, is_final=True)
        if isinstance(result, Failure)
        else facts.ExperimentMeasured(experiment=first.experiment, attempt=0, measurement=result)
    )
    return first, receipt
