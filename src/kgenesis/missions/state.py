"""Where a mission stands: a fold over its facts. What its campaigns found is not here but in their own logs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from kgenesis.kernel.events import Event
from kgenesis.kernel.ids import CampaignId, MissionId
from kgenesis.missions import events as facts
from kgenesis.missions.spec import Charter

Status = Literal["drafted", "opened", "running", "paused", "pivoted", "stopped", "met"]
ENDED: frozenset[Status] = frozenset({"stopped", "met"})


@dataclass(frozen=True, slots=True)
class Revision:
    """A charter, from when it held, and why."""

    charter: Charter
    at: str
    actor: str
    reason: str


@dataclass(slots=True)
class MissionState:
    """A mission as its facts so far tell it. Made by `fold`; `evolve` adds one fact."""

    id: MissionId
    charter: Charter
    folder: str
    """Relative paths of the charter start here."""
    drafted_at: str
    status: Status = "drafted"
    version: int = 0
    """Number of facts folded: the version of the stream."""
    opened_at: str = ""
    last_at: str = ""
    revisions: list[Revision] = field(default_factory=list)
    """The charters that held, the present one last."""
    campaigns: dict[CampaignId, str] = field(default_factory=dict)
    """Campaigns in the order they joined, each with the charter's name of its mission file, or nothing."""
    passed: dict[str, facts.MilestonePassed] = field(default_factory=dict)
    """Milestones passed, by name."""
    met: facts.MissionMet | None = None
    before_pause: Status = "opened"
    """What it goes back to when a pause ends."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be run."""
        return self.status in ENDED

    def held_since(self, outcome: str) -> str:
        """Return when the present target of a KPI was set: an experiment before that was known when it was."""
        since = ""
        wanted = next((kpi for kpi in self.charter.kpis if kpi.outcome == outcome), None)
        for revision in reversed(self.revisions):
            if not any(kpi == wanted for kpi in revision.charter.kpis):
                break
            since = revision.at
        return since


def fold(mission: MissionId, recorded: Iterable[tuple[Event, str]]) -> MissionState:
    """Return the state after (event, time of writing) in order; the first must be `mission.drafted`."""
    facts_in_order = iter(recorded)
    first, at = next(facts_in_order)
    assert isinstance(first, facts.MissionDrafted), "a mission's stream starts with mission.drafted"
    charter = Charter.model_validate(first.charter)
    state = MissionState(mission, charter, first.folder, at, version=1, last_at=at)
    state.revisions.append(Revision(charter, at, first.actor, first.reason))
    for event, at in facts_in_order:
        evolve(state, event, at)
    return state


def evolve(state: MissionState, event: Event, at: str) -> None:
    """Add one fact to the state, in place."""
    state.version += 1
    state.last_at = at
    match event:
        case facts.MissionRevised() | facts.MissionPivoted():
            _take_charter(state, event, at)
        case facts.MissionOpened():
            state.status, state.opened_at = "opened", at
        case facts.CampaignJoined():
            state.campaigns[event.campaign] = event.mission_file
            state.status = "running"
        case facts.MissionPaused():
            state.before_pause, state.status = state.status, "paused"
        case facts.MissionResumed():
            state.status = state.before_pause
        case facts.MissionStopped():
            state.status = "stopped"
        case facts.MilestonePassed():
            state.passed[event.milestone] = event
        case facts.MissionMet():
            state.met, state.status = event, "met"


def _take_charter(state: MissionState, event: facts.MissionRevised | facts.MissionPivoted, at: str) -> None:
    charter = Charter.model_validate(event.charter)
    if isinstance(event, facts.MissionPivoted):
        state.status = "pivoted"
        kept = {m.name: m.exam for m in charter.milestones}
        # an exam that was changed, or left out, has to be passed anew
        state.passed = {name: proof for name, proof in state.passed.items() if kept.get(name) == proof.exam}
    state.charter, state.folder = charter, event.folder
    state.revisions.append(Revision(charter, at, event.actor, event.reason))
