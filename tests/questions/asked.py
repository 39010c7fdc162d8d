"""Questions and reviews for tests, built from one valid example."""

import copy
from typing import Any

from kgenesis.kernel.ids import QuestionId
from kgenesis.questions import decide
from kgenesis.questions.rubrics import measures
from kgenesis.questions.spec import Question, ReviewFile
from kgenesis.questions.state import QuestionState, evolve, fold

AT = "2026-01-02T03:04:05.000006+00:00"
PLAIN: dict[str, Any] = {
    "name": "dry-electrode",
    "statement": {"en": "Can an electrode be coated without solvent?", "ko": "용매 없이 전극을 코팅할 수 있는가?"},
    "technologies": ["lithium-ion-cell"],
    "target": {"quantity": "coating speed", "unit": "m/min", "goal": "maximize", "value": 80},
    "falsified_if": {"en": "No binder holds at 80 m/min.", "ko": "80 m/min에서 버티는 바인더가 없다."},
    "why_now": {"en": "Fibrillated binders   are sold\nby the tonne.", "ko": "섬유화 바인더가 톤 단위로 팔린다."},
}


def plain(**changes: Any) -> dict[str, Any]:
    """Return the valid question with some keys changed, or left out where None."""
    return copy.deepcopy({k: v for k, v in (PLAIN | changes).items() if v is not None})


def question(**changes: Any) -> Question:
    return Question.model_validate(plain(**changes))


def proposed(asked: Question | None = None, by: str = "Ahn") -> QuestionState:
    return fold(QuestionId("qst_0000000test"), [(decide.proposed(asked or question(), by), AT)])


def add(state: QuestionState, events: Any) -> QuestionState:
    for event in events:
        evolve(state, event, AT)
    return state


def review(rubric: str = "aria", quote: str = "without solvent", score: int = 3, **changes: Any) -> ReviewFile:
    """Return a review with every criterion of a rubric scored alike."""
    names = measures().rubric(rubric).names
    given = {"rubric": rubric, "advice": "accept", "scores": {n: {"score": score, "quote": quote} for n in names}}
    return ReviewFile.model_validate(given | changes)
