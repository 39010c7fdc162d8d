"""Where a question stands: a fold over its facts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from kgenesis.kernel.events import Event
from kgenesis.kernel.ids import QuestionId
from kgenesis.questions import events as facts
from kgenesis.questions.spec import Question, passage_of

Status = Literal["proposed", "reviewed", "sharpened", "accepted", "rejected", "split", "mission", "prize"]

OPEN: frozenset[Status] = frozenset({"proposed", "reviewed", "sharpened"})
"""Questions that are still judged."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One wording of the question."""

    question: Question
    by: str
    at: str
    changes: tuple[facts.FieldChange, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """A review and when it was written."""

    event: facts.QuestionReviewed
    at: str


@dataclass(frozen=True, slots=True)
class Preference:
    """A comparison this question won."""

    by: str
    over: str
    at: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person thinks of one criterion now."""

    by: str
    score: facts.Score
    revision: int
    stands: bool
    """Whether the quoted passage is still in the present wording; if not, the score has to be given again."""
    is_machine: bool
    is_author: bool


@dataclass(slots=True)
class QuestionState:
    """Everything the facts say of one question. Only `evolve` changes it."""

    id: QuestionId
    revisions: list[Revision]
    proposed: facts.QuestionProposed
    status: Status = "proposed"
    reviews: list[Review] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)
    children: tuple[str, ...] = ()
    """Ids of the questions it was split into."""
    outcome: Event | None = None
    """The fact that decided what became of it last."""
    version: int = 1
    last_at: str = ""

    @property
    def question(self) -> Question:
        """The present wording."""
        return self.revisions[-1].question

    @property
    def authors(self) -> frozenset[str]:
        """Everybody who wrote a revision, as `same_person` compares names."""
        return frozenset(same_person(revision.by) for revision in self.revisions)

    def opinions(self, rubric: str) -> dict[str, list[Opinion]]:
        """Return what everybody thinks now, by criterion of a rubric: the latest score of each reviewer."""
        found: dict[str, dict[tuple[str, bool], Opinion]] = {}
        for review in self.reviews:
            event = review.event
            if event.rubric != rubric:
                continue
            who = same_person(event.by)
            for score in event.scores:
                stands = passage_of(self.question, score.quote) is not None
                found.setdefault(score.criterion, {})[who, event.machine is not None] = Opinion(
                    event.by, score, event.revision, stands, event.machine is not None, who in self.authors
                )
        return {criterion: list(by_person.values()) for criterion, by_person in found.items()}


def same_person(name: str) -> str:
    """Return a name as people are told apart: neither case nor blanks make another person."""
    return " ".join(name.split()).casefold()


def fold(question: QuestionId, recorded: Iterable[tuple[Event, str]]) -> QuestionState:
    """Return the state after (event, time of writing) in order; the first must be `question.proposed`."""
    in_order = iter(recorded)
    first, at = next(in_order)
    assert isinstance(first, facts.QuestionProposed), "a question's stream starts with question.proposed"
    revision = Revision(Question.model_validate(first.question), first.by, at)
    state = QuestionState(question, [revision], first, last_at=at)
    for event, at in in_order:
        evolve(state, event, at)
    return state


def evolve(state: QuestionState, event: Event, at: str) -> None:
    """Add one fact to the state, in place."""
    state.version += 1
    state.last_at = at
    match event:
        case facts.QuestionReviewed():
            state.reviews.append(Review(event, at))
            state.status = "reviewed"
        case facts.QuestionSharpened():
            question = Question.model_validate(event.question)
            state.revisions.append(Revision(question, event.by, at, event.changes, event.why))
            state.status = "sharpened"
        case facts.QuestionPreferred():
            state.preferences.append(Preference(event.by, event.over, at))
        case facts.QuestionSplit():
            state.status, state.children, state.outcome = "split", event.children, event
        case facts.QuestionAccepted():
            state.status, state.outcome = "accepted", event
        case facts.QuestionRejected():
            state.status, state.outcome = "rejected", event
        case facts.QuestionBecameMission():
            state.status, state.outcome = "mission", event
        case facts.QuestionBecamePrize():
            state.status, state.outcome = "prize", event
