"""The facts of a question's life; each says who did it, and the log when."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Frozen
from kgenesis.questions.spec import Machine


class Similar(Frozen):
    """A question that was known and resembles the one proposed."""

    id: str
    likeness: Annotated[float, Field(ge=-1, le=1)]
    """Cosine of the two statements that are most alike."""


class QuestionProposed(Event):
    """Somebody asked a question."""

    type = "question.proposed"
    by: str
    question: dict[str, Any]
    """The question file as JSON; validated when the log is folded."""
    similar: tuple[Similar, ...] = ()
    """Questions it was found to resemble, and was proposed nevertheless."""
    embedder: str = ""
    """What measured the likeness; empty if nothing did."""


class Score(Frozen):
    """One criterion's score and the passage it rests on."""

    criterion: str
    score: Annotated[int, Field(ge=1, le=5)]
    quote: str
    passage: str
    """Where the quote stands in the question, e.g. `why_now.ko`."""
    why: str = ""


class QuestionReviewed(Event):
    """Somebody judged a revision of the question by a rubric."""

    type = "question.reviewed"
    by: str
    revision: int = Field(ge=1)
    rubric: str
    rubric_version: int = Field(ge=1)
    scores: tuple[Score, ...] = Field(min_length=1)
    advice: Literal["accept", "sharpen", "split", "reject"]
    summary: str = ""
    machine: Machine | None = None
    """Set if a machine wrote it."""


class FieldChange(Frozen):
    """What a field of the question said before and says now; None: it was not there."""

    field: str
    before: str | None
    after: str | None


class QuestionSharpened(Event):
    """The question was put better: a new revision."""

    type = "question.sharpened"
    by: str
    question: dict[str, Any]
    """The new revision as JSON."""
    changes: tuple[FieldChange, ...]
    """What differs from the revision before."""
    why: str = ""


class QuestionSplit(Event):
    """The question was divided into others, which have it as their parent."""

    type = "question.split"
    by: str
    children: tuple[str, ...] = Field(min_length=1)
    """Ids of the questions it was divided into."""
    why: str = ""


class QuestionAccepted(Event):
    """The question passed the gate, and somebody took it up."""

    type = "question.accepted"
    by: str
    gate_version: int = Field(ge=1)
    rubrics: tuple[str, ...]
    """Rubrics under which enough reviewers had scored every criterion."""
    why: str = ""


class QuestionRejected(Event):
    """The question was turned down."""

    type = "question.rejected"
    by: str
    why: str


class QuestionPreferred(Event):
    """Somebody compared two questions and found this one the more worth answering."""

    type = "question.preferred"
    by: str
    over: str
    """Id of the other question."""
    why: str


class QuestionBecameMission(Event):
    """The accepted question was compiled into a draft of a mission and its charter."""

    type = "question.became-mission"
    by: str
    mission: str
    """Name of the mission."""
    charter: str
    """Name of the charter that promises it; the charter names the question."""
    files: dict[str, str]
    """SHA-256 of each file that was written, by its name."""
    missing: tuple[str, ...] = ()
    """What the draft still lacked, e.g. `mission.lab`."""
    why: str = ""


class QuestionBecamePrize(Event):
    """The accepted question was put up as a prize: the first who reaches the target wins, by any method."""

    type = "question.became-prize"
    by: str
    why: str
    purse: str = ""
    """What the winner gets, in words."""


EVENTS: Sequence[type[Event]] = (
    QuestionProposed,
    QuestionReviewed,
    QuestionSharpened,
    QuestionSplit,
    QuestionAccepted,
    QuestionRejected,
    QuestionPreferred,
    QuestionBecameMission,
    QuestionBecamePrize,
)
