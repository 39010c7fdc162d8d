"""The facts of a campaign."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from kgenesis.campaign.spec import Budget
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Failure, Frozen, Measurement, Outcome, Value, Why
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.text import Text


class CampaignOpened(Event):
    """A campaign began."""

    type = "campaign.opened"
    mission: dict[str, Any]
    """The mission file as JSON; validated when the log is folded."""
    seed: int = Field(ge=0)
    folder: str
    """Where relative paths of the mission start."""
    lab_version: str
    lab_is_physical: bool
    versions: dict[str, str]
    """Versions of K-Genesis, Python and the numerical libraries."""


class EarlierExperiment(Frozen):
    """An experiment done before the campaign, in its terms."""

    id: str
    """What it was called: an experiment's id, or the line of a table."""
    conditions: dict[str, Value]
    outcomes: dict[str, Outcome]


class LeftOut(Frozen):
    """An earlier experiment that cannot be learned from."""

    id: str
    why: Text


class EarlierTaken(Event):
    """Earlier experiments were copied, to be learned from."""

    type = "campaign.earlier-taken"
    name: str
    """What people call the source."""
    origin: str
    """The campaign's id, or the file's name and the SHA-256 of its content."""
    experiments: tuple[EarlierExperiment, ...]
    """In the campaign's terms; each with the name it had."""
    left_out: tuple[LeftOut, ...] = ()
    """Experiments that cannot be learned from, each with the reason."""
    ignored: tuple[str, ...] = ()
    """What was recorded there and is neither factor nor outcome here."""


class CampaignContinued(Event):
    """A runner took the campaign up; wall time counts from here to the last fact before the next such."""

    type = "campaign.continued"
    is_durable = False
    versions: dict[str, str] = {}


class CampaignExtended(Event):
    """The budget was raised; an ended campaign is open again."""

    type = "campaign.extended"
    budget: Budget


class CampaignChanged(Event):
    """The mission was changed; what was measured before stays known. An ended campaign is open again."""

    type = "campaign.changed"
    mission: dict[str, Any]
    """The mission from now on, as JSON; validated when the log is folded."""
    was: dict[str, Value] = {}
    """The value of each added factor in all experiments before."""
    budget: Budget


class LabChangeAccepted(Event):
    """A person decided to go on although the lab's version differs."""

    type = "campaign.lab-change-accepted"
    lab_version: str


class StopAsked(Event):
    """Somebody asked for an end; what runs is finished first."""

    type = "campaign.stop-asked"
    reason: str = ""


class CampaignStopped(Event):
    """The campaign ended; nothing runs."""

    type = "campaign.stopped"
    reason: Literal["reached", "experiments", "cost", "hours", "exhausted", "asked", "unlikely"]


class ExperimentProposed(Event):
    """An experiment was chosen; `number` counts from 1."""

    type = "experiment.proposed"
    is_durable = False  # nothing has happened in the world yet; the intent that follows takes it to the disk
    experiment: ExperimentId
    number: int = Field(ge=1)
    conditions: dict[str, Value]
    why: Why
    replicate_of: ExperimentId | None = None
    plate: int | None = Field(default=None, ge=1)
    """The plate it is done on, from 1; None where there are none, or a person brought the result."""


class ExperimentStarted(Event):
    """The intent: written before the task leaves for the lab."""

    type = "experiment.started"
    experiment: ExperimentId
    attempt: int = Field(ge=1)


class ExperimentMeasured(Event):
    """The receipt: what the lab found; written once."""

    type = "experiment.measured"
    experiment: ExperimentId
    attempt: int = Field(ge=0)
    """0 if a person brought the result."""
    measurement: Measurement


class ExperimentFailed(Event):
    """The receipt of a failure; unless final the experiment goes back to the queue."""

    type = "experiment.failed"
    experiment: ExperimentId
    attempt: int = Field(ge=0)
    failure: Failure
    is_final: bool


class ExperimentReleased(Event):
    """A started experiment whose runner went away without a result: it goes back to the queue, uncharged."""

    type = "experiment.released"
    experiment: ExperimentId
    attempt: int = Field(ge=1)


class ExperimentDoubted(Event):
    """A started experiment in a physical lab whose runner went away: only a person can say what happened."""

    type = "experiment.doubted"
    experiment: ExperimentId
    attempt: int = Field(ge=1)


class ExperimentWithdrawn(Event):
    """A proposed experiment that will not be done."""

    type = "experiment.withdrawn"
    experiment: ExperimentId


EVENTS: Sequence[type[Event]] = (
    CampaignOpened,
    EarlierTaken,
    CampaignContinued,
    CampaignExtended,
    CampaignChanged,
    LabChangeAccepted,
    StopAsked,
    CampaignStopped,
    ExperimentProposed,
    ExperimentStarted,
    ExperimentMeasured,
    ExperimentFailed,
    ExperimentReleased,
    ExperimentDoubted,
    ExperimentWithdrawn,
)
