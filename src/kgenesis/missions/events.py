"""The facts of a mission: what was decided, by whom and why, and what its campaigns' logs proved."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.ids import CampaignId, ExperimentId


class Decision(Event):
    """A fact that a person brought about."""

    actor: str
    """Who did it, by the name given at the terminal; nobody has logged in."""
    role: str = ""
    """What the charter calls the actor: `director`, `partner`, or nothing."""
    reason: str = ""
    """Why, in the actor's words."""


class MissionDrafted(Decision):
    """A charter was written down; it may lack pieces."""

    type = "mission.drafted"
    charter: dict[str, Any]
    """The charter as JSON; validated when the log is folded."""
    folder: str
    """Where relative paths of the charter start."""


class MissionRevised(Decision):
    """The charter of a draft was replaced."""

    type = "mission.revised"
    charter: dict[str, Any]
    """The charter from now on, as JSON."""
    folder: str
    """Where its relative paths start."""


class MissionOpened(Decision):
    """The promise was made: the charter is complete and holds from now on."""

    type = "mission.opened"


class CampaignJoined(Decision):
    """A campaign became part of the mission; its log is evidence from now on."""

    type = "mission.campaign-joined"
    campaign: CampaignId
    """The campaign's stream."""
    mission_file: str
    """The mission file it follows, by the charter's name for it; empty for one that was run before it joined."""


class MissionPaused(Decision):
    """No campaign is run until the mission is resumed."""

    type = "mission.paused"


class MissionResumed(Decision):
    """A pause ended."""

    type = "mission.resumed"


class MissionPivoted(Decision):
    """The promise was changed; what was promised before stays in the log."""

    type = "mission.pivoted"
    charter: dict[str, Any]
    """The charter from now on, as JSON."""
    folder: str
    """Where its relative paths start."""


class MissionStopped(Decision):
    """The mission was given up; nothing more is run."""

    type = "mission.stopped"


class MilestonePassed(Event):
    """The campaigns' logs pass a milestone's exam."""

    type = "mission.milestone-passed"
    milestone: str
    """The milestone's name."""
    exam: str
    """The condition that holds."""
    campaign: CampaignId
    """The campaign whose result passed it."""
    experiment: ExperimentId
    """The experiment whose result passed it."""
    found_at: str
    """When that experiment ended."""
    values: dict[str, float]
    """What the exam names, as it stood then."""


class Reached(Frozen):
    """A KPI and the experiment that reached it."""

    outcome: str
    """The KPI's outcome."""
    value: float
    """What was measured, in the KPI's unit."""
    campaign: CampaignId
    """Where it was measured."""
    experiment: ExperimentId
    """The experiment: measured, in full, and keeping every constraint of its mission file."""
    found_at: str
    """When it ended."""


class MissionMet(Event):
    """The campaigns' logs reach every KPI."""

    type = "mission.met"
    reached: tuple[Reached, ...] = Field(min_length=1)
    """The experiment that reached each KPI."""


EVENTS: Sequence[type[Event]] = (
    MissionDrafted,
    MissionRevised,
    MissionOpened,
    CampaignJoined,
    MissionPaused,
    MissionResumed,
    MissionPivoted,
    MissionStopped,
    MilestonePassed,
    MissionMet,
)
