"""What happens next in a campaign: pure functions from state and input to steps and facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kgenesis.campaign import events as facts
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import CampaignEnded, InvalidConditions
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Conditions, Failure, Observation, Proposal, Result, Task, Value, Why
from kgenesis.kernel.ids import ExperimentId, experiment_id
from kgenesis.kernel.text import say

RETRYABLE = frozenset({"lost", "timed-out"})
"""Failures that say nothing about the conditions."""

StopReason = Literal["reached", "experiments", "cost", "hours", "exhausted", "asked"]


@dataclass(frozen=True, slots=True)
class Propose:
    """Ask the planner for `n` proposals from exactly this history."""

    n: int
    history: tuple[Observation, ...]
    pending: tuple[Conditions, ...]
    seed: tuple[int, ...]


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
    submits: list[Step] = [Submit(_task(state, id_)) for id_ in list(state.waiting)[: max(free, 0)]]
    if submits:
        return submits
    room = _room(state)
    if free > 0 and room > 0 and (step := _propose(state, room, free)) is not None:
        return [step]
    if not state.running and room <= 0:
        return [Stop("experiments")]
    return [Wait()]


def _reason_to_end(state: CampaignState, seconds: float) -> StopReason | None:
    """Return why nothing more should be started, if so."""
    budget = state.budget
    if state.stop_asked:
        return "asked"
    if state.reached_by is not None and state.mission.stop_when_reached:
        return "reached"
    if budget.cost is not None and state.spent >= budget.cost * (1 - 1e-9):
        return "cost"
    if budget.hours is not None and seconds >= budget.hours * 3600:
        return "hours"
    if _room(state) <= 0 and not state.waiting and not state.running:
        return "experiments"
    return None


def _room(state: CampaignState) -> int:
    """Return how many more experiments the budget allows to propose."""
    room = state.budget.experiments - state.n_counted
    amount = state.mission.cost.amount
    if state.budget.cost is not None and amount:
        committed = state.spent + amount * (len(state.waiting) + len(state.running) + len(state.doubted))
        room = min(room, int((state.budget.cost - committed) / amount + 1e-9))
    return room


def _propose(state: CampaignState, room: int, free: int) -> Propose | None:
    """Return the next request to the planner, or None if it must wait for results.

    In the reproducible order the next proposal may depend only on experiments that are sure to be finished by then
    on any machine: with p in parallel, proposal k on those numbered 1 … k - p. The rest count as pending, finished
    or not. So neither timing nor a crash can change what is proposed.
    """
    mission, m = state.mission, state.n_proposed
    if not is_reproducible(state):
        n = min(-(-free // mission.replicates), -(-room // mission.replicates))
        return propose_now(state, n)
    n = 1 if m else max(mission.parallel // mission.replicates, 1)
    n = min(n, -(-room // mission.replicates))
    window = max(mission.parallel, mission.replicates)
    needed = max(m + mission.replicates * n - window, 0)
    if state.n_finished_prefix < min(needed, m):
        return None
    numbered = list(state.experiments.values())
    seen, rest = numbered[:needed], numbered[needed:]
    own = [e for e in seen if e.result is not None]
    brought = [e for e in rest if e.result is not None and e.why.reason == "person"]
    pending = [e for e in rest if e not in brought and e.status != "withdrawn"]
    return Propose(n, _history([*own, *brought]), tuple(e.conditions for e in pending), (state.seed, m))


def is_reproducible(state: CampaignState) -> bool:
    """Say whether proposals are made in the order that timing cannot change."""
    default = "as-they-come" if state.lab_is_physical else "reproducible"
    return (state.mission.ordering or default) == "reproducible"


def propose_now(state: CampaignState, n: int) -> Propose:
    """Return a request for `n` proposals that uses every result there is."""
    open_ = [e for e in state.experiments.values() if not e.is_final]
    return Propose(
        n, _history(state.finished()), tuple(e.conditions for e in open_), (state.seed, state.n_proposed)
    )


def _history(experiments: Sequence[Experiment]) -> tuple[Observation, ...]:
    return tuple(e.observation() for e in experiments)


def _task(state: CampaignState, id_: ExperimentId) -> Task:
    found = state.experiments[id_]
    return Task(
        found.id, found.attempt + 1, dict(found.conditions), (state.seed, found.number), state.mission.timeout
    )


def expert_start(state: CampaignState) -> Proposal | None:
    """Return the next of the mission's own starting points that was not yet proposed."""
    if state.n_proposed < len(state.mission.start):
        conditions = state.mission.start[state.n_proposed]
        return Proposal(conditions=conditions, why=Why(reason="start", planner="mission"))
    return None


def proposed(state: CampaignState, proposals: Sequence[Proposal]) -> list[Event]:
    """Return the facts that take proposals up, each as many times as the mission wants replicates.

    Raises:
        CampaignEnded: the campaign has ended.
        InvalidConditions: a proposal is not in the space; then none is taken.
    """
    if state.stopped is not None:
        raise CampaignEnded(say(f"{state.id} has ended ({state.stopped})", f"{state.id}은(는) 끝났습니다({state.stopped})"))
    events: list[Event] = []
    for proposal in proposals:
        problems = state.mission.space.check(proposal.conditions)
        if problems:
            raise InvalidConditions(
                say(f"{proposal.why.planner} proposed something impossible", f"{proposal.why.planner}의 제안이 불가능합니다"),
                problems,
            )
        first: ExperimentId | None = None
        n_times = 1 if proposal.why.reason == "person" else state.mission.replicates
        for _ in range(n_times):
            number = state.n_proposed + len(events) + 1
            id_ = experiment_id(state.id, number)
            why = proposal.why if first is None else proposal.why.model_copy(update={"reason": "replicate"})
            events.append(
                facts.ExperimentProposed(
                    experiment=id_, number=number, conditions=dict(proposal.conditions), why=why, replicate_of=first
                )
            )
            first = first or id_
    return events


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
        return [
            facts.ExperimentFailed(experiment=experiment, attempt=attempt, failure=result, is_final=not may_retry)
        ]
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
    """Return the facts that end a campaign: what waits is withdrawn first."""
    assert not state.running, "stop must drain"
    withdrawn = [facts.ExperimentWithdrawn(experiment=id_) for id_ in [*state.waiting, *state.doubted]]
    return [*withdrawn, facts.CampaignStopped(reason=reason)]


def brought(state: CampaignState, conditions: Mapping[str, Value], result: Result) -> list[Event]:
    """Return the facts about a result nobody asked for.

    Raises:
        InvalidConditions: the conditions do not belong to the space.
    """
    proposals = proposed(state, [Proposal(conditions=dict(conditions), why=Why(reason="person", planner="person"))])
    first = proposals[0]
    assert isinstance(first, facts.ExperimentProposed)
    receipt: Event = (
        facts.ExperimentFailed(experiment=first.experiment, attempt=0, failure=result, is_final=True)
        if isinstance(result, Failure)
        else facts.ExperimentMeasured(experiment=first.experiment, attempt=0, measurement=result)
    )
    return [first, receipt]
