"""Where a campaign stands: a fold over its facts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal

from kgenesis.campaign import events as facts
from kgenesis.campaign.remembering import remembering
from kgenesis.campaign.spec import Budget, Mission
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Failure, Measurement, Observation, Result, Value, Why
from kgenesis.kernel.ids import CampaignId, ExperimentId, experiment_id
from kgenesis.kernel.ports import Earlier

Status = Literal["waiting", "running", "doubted", "measured", "failed", "withdrawn"]
FINAL: frozenset[Status] = frozenset({"measured", "failed", "withdrawn"})


@dataclass(slots=True)
class Experiment:
    """One experiment and what became of it."""

    id: ExperimentId
    number: int
    conditions: dict[str, Value]
    why: Why
    proposed_at: str
    replicate_of: ExperimentId | None = None
    plate: int | None = None
    status: Status = "waiting"
    attempt: int = 0
    """The last attempt that was started."""
    n_retried: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    result: Result | None = None
    _seen: Observation | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINAL

    def observation(self) -> Observation:
        """Return it as planners see it, with context factors as measured."""
        assert self.result is not None
        if self._seen is None or self._seen.result is not self.result:  # made once: every proposal asks for all of them
            conditions = self.conditions
            if isinstance(self.result, Measurement) and self.result.context:
                conditions = conditions | dict(self.result.context)
            self._seen = Observation(self.id, conditions, self.result, self.why)
        return self._seen


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mission in mid-campaign."""

    after: int
    """Number of the last experiment proposed before it."""
    before: Mission
    now: Mission


@dataclass(slots=True)
class CampaignState:
    """A campaign as its facts so far tell it. Made by `fold`; `evolve` adds one fact in constant time."""

    id: CampaignId
    mission: Mission
    budget: Budget
    seed: int
    folder: str
    lab_version: str
    lab_is_physical: bool
    versions: dict[str, str]
    opened_at: str
    version: int = 0
    """Number of facts folded: the version of the stream."""
    experiments: dict[ExperimentId, Experiment] = field(default_factory=dict)
    """In order of their numbers."""
    waiting: dict[ExperimentId, None] = field(default_factory=dict)
    running: dict[ExperimentId, None] = field(default_factory=dict)
    doubted: dict[ExperimentId, None] = field(default_factory=dict)
    n_measured: int = 0
    n_failed: int = 0
    n_withdrawn: int = 0
    n_finished_prefix: int = 0
    """Experiments 1 … this are final."""
    spent: float = 0.0
    """Cost of finished experiments, in the mission's unit of cost."""
    earlier: list[Earlier] = field(default_factory=list)
    """What may be learned from besides its own experiments."""
    changes: list[Change] = field(default_factory=list)
    """How the mission was changed on the way."""
    taken: list[facts.EarlierTaken] = field(default_factory=list)
    """Where that comes from, and what could not be used."""
    reached_by: ExperimentId | None = None
    """The first experiment that reached every target."""
    goes_on_after_target: bool = False
    """Whether the budget was raised after every target had been reached: then that is no reason to end."""
    goes_on_when_unlikely: bool = False
    """Whether it was opened again after it had ended because little was left to gain."""
    stop_asked: bool = False
    stopped: str | None = None
    """Why it ended; None while it is open."""
    seconds: float = 0.0
    """Wall time while a runner had it."""
    last_at: str = ""
    _observed: list[Observation | None] = field(default_factory=list, init=False, repr=False, compare=False)
    """Of the first experiments, all final; None where one was withdrawn."""

    @property
    def n_proposed(self) -> int:
        """Number of experiments proposed, by a planner or a person."""
        return len(self.experiments)

    @property
    def n_counted(self) -> int:
        """Experiments that count against the budget: all but the withdrawn."""
        return self.n_proposed - self.n_withdrawn

    @property
    def n_final(self) -> int:
        """Experiments with a result, good or bad."""
        return self.n_measured + self.n_failed

    def finished(self) -> list[Experiment]:
        """Return the experiments that have a result, in order of their numbers."""
        return [e for e in self.experiments.values() if e.result is not None]

    def open(self) -> list[Experiment]:
        """Return the experiments to which something may still happen, in order of their numbers."""
        return [e for e in self.after(self.n_finished_prefix) if not e.is_final]

    def after(self, n: int) -> Iterable[Experiment]:
        """Return the experiments but for the first `n`, in order of their numbers."""
        return islice(self.experiments.values(), n, None)

    def history(self, n: int) -> list[Observation]:
        """Return what the first `n` experiments found; they must be final. Every proposal asks for it, so it is kept."""
        known = len(self._observed)
        if known < n:
            first = islice(self.experiments.values(), known, n)
            self._observed += [e.observation() if e.result is not None else None for e in first]
        return [observation for observation in self._observed[:n] if observation is not None]

    def measured(self) -> list[Experiment]:
        """Return the experiments that were measured, in order of their numbers."""
        return [e for e in self.experiments.values() if e.status == "measured"]


def fold(campaign: CampaignId, recorded: Iterable[tuple[Event, str]]) -> CampaignState:
    """Return the state after (event, time of writing) in order; the first must be `campaign.opened`."""
    facts_in_order = iter(recorded)
    first, at = next(facts_in_order)
    assert isinstance(first, facts.CampaignOpened), "a campaign's stream starts with campaign.opened"
    mission = Mission.model_validate(first.mission)
    state = CampaignState(
        campaign, mission, mission.budget, first.seed, first.folder, first.lab_version, first.lab_is_physical,
        dict(first.versions), at, version=1, last_at=at,
    )  # fmt: skip
    for event, at in facts_in_order:
        evolve(state, event, at)
    return state


def evolve(state: CampaignState, event: Event, at: str) -> None:
    """Add one fact to the state, in place."""
    state.version += 1
    if not isinstance(event, facts.CampaignContinued):
        state.seconds += max(_seconds_between(state.last_at, at), 0.0) if state.last_at else 0.0
    state.last_at = at
    match event:
        case facts.ExperimentProposed():
            state.experiments[event.experiment] = Experiment(
                event.experiment, event.number, event.conditions, event.why, at, event.replicate_of, event.plate
            )
            state.waiting[event.experiment] = None
        case facts.ExperimentStarted():
            _move(state, event.experiment, "running", at, event.attempt)
        case facts.ExperimentMeasured():
            _finish(state, event.experiment, "measured", event.measurement, at)
        case facts.ExperimentFailed() if event.is_final:
            _finish(state, event.experiment, "failed", event.failure, at)
        case facts.ExperimentFailed():
            state.experiments[event.experiment].n_retried += 1
            _move(state, event.experiment, "waiting", at)
        case facts.ExperimentReleased():
            _move(state, event.experiment, "waiting", at)
        case facts.ExperimentDoubted():
            _move(state, event.experiment, "doubted", at)
        case facts.ExperimentWithdrawn():
            state.n_withdrawn += 1
            _finish(state, event.experiment, "withdrawn", None, at)
        case _:
            _steer(state, event)


def _steer(state: CampaignState, event: Event) -> None:
    """Add a fact about the campaign itself."""
    match event:
        case facts.CampaignExtended():
            state.goes_on_when_unlikely |= state.stopped == "unlikely"
            state.budget, state.stopped, state.stop_asked = event.budget, None, False
            state.goes_on_after_target = state.reached_by is not None
        case facts.CampaignChanged():
            _change(state, event)
        case facts.StopAsked():
            state.stop_asked = True
        case facts.CampaignStopped():
            state.stopped = event.reason
        case facts.EarlierTaken():
            _take(state, event)
        case facts.LabChangeAccepted():
            state.lab_version = event.lab_version
        case facts.CampaignContinued():
            state.versions |= event.versions


def _take(state: CampaignState, event: facts.EarlierTaken) -> None:
    history = tuple(
        Observation(ExperimentId(e.id), e.conditions, Measurement(outcomes=e.outcomes)) for e in event.experiments
    )
    state.taken.append(event)
    state.earlier.append(Earlier(event.name, history))
    _remember(state)


def _remember(state: CampaignState) -> None:
    """Let the space learn from all that was done beyond its bounds, here or elsewhere."""
    rows = [o.conditions for source in state.earlier for o in source.history]
    rows += [e.conditions for e in state.experiments.values()]
    mission, spaces = state.mission, [change.before.space for change in state.changes]
    state.mission = mission.model_copy(update={"space": remembering(mission.space, rows, spaces)})


def _change(state: CampaignState, event: facts.CampaignChanged) -> None:
    """Take a changed mission up: every experiment so far is told in its terms."""
    now = Mission.model_validate(event.mission)
    state.changes.append(Change(state.n_proposed, state.mission, now))
    for e in state.experiments.values():
        e.conditions = {**event.was, **e.conditions}
        e._seen = None  # noqa: SLF001
    state._observed.clear()  # noqa: SLF001
    state.mission, state.budget = now, event.budget
    _remember(state)
    reached = next((e.id for e in state.measured() if _is_success(now, e)), None)
    state.goes_on_after_target = reached is not None and (state.goes_on_after_target or state.stopped == "reached")
    state.goes_on_after_target &= reached == state.reached_by
    state.goes_on_when_unlikely |= state.stopped == "unlikely"
    state.reached_by, state.stopped, state.stop_asked = reached, None, False


def _is_success(mission: Mission, experiment: Experiment) -> bool:
    result = experiment.result
    return isinstance(result, Measurement) and mission.problem.is_success(result)


def _move(state: CampaignState, experiment: ExperimentId, status: Status, at: str, attempt: int | None = None) -> None:
    found = state.experiments[experiment]
    for group in (state.waiting, state.running, state.doubted):
        group.pop(experiment, None)
    found.status = status
    if status == "waiting":
        state.waiting[experiment] = None
    elif status == "running":
        state.running[experiment] = None
        found.started_at = at
        found.attempt = attempt or found.attempt
    elif status == "doubted":
        state.doubted[experiment] = None


def _finish(state: CampaignState, experiment: ExperimentId, status: Status, result: Result | None, at: str) -> None:
    found = state.experiments[experiment]
    if found.is_final:  # `decide` writes one receipt; should a log hold two, the first counts
        return
    _move(state, experiment, status, at)
    found.result, found.finished_at = result, at
    problem = state.mission.problem
    if isinstance(result, Measurement):
        state.n_measured += 1
        if state.reached_by is None and problem.is_full(found.conditions) and problem.is_success(result):
            state.reached_by = experiment
    elif isinstance(result, Failure):
        state.n_failed += 1
    if result is not None:
        state.spent += problem.cost_of(found.conditions, result)
    if found.number == state.n_finished_prefix + 1:
        state.n_finished_prefix += 1
        # ids are derived from numbers, so the next of the finished prefix is found without a search
        while (
            state.n_finished_prefix < len(state.experiments)
            and state.experiments[experiment_id(state.id, state.n_finished_prefix + 1)].is_final
        ):
            state.n_finished_prefix += 1


def _seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
