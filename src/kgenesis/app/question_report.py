"""One question as a whole: its text, what everybody thinks of it by every rubric, the gate, mission or prize."""

from typing import Any

from kgenesis.app.questions import card
from kgenesis.questions import decide
from kgenesis.questions.route import route
from kgenesis.questions.rubrics import Rubric, measures
from kgenesis.questions.state import Opinion, QuestionState


def report(state: QuestionState) -> dict[str, Any]:
    """Return what is to be said of a question, ready for JSON. Scores are never averaged: each stands by itself."""
    passed, found = decide.gate(state), route(state)
    return card(state) | {
        "question": decide.written(state.question),
        "children": list(state.children),
        "similar": [similar.model_dump() for similar in state.proposed.similar],
        "revisions": [
            {"by": r.by, "at": r.at, "why": r.why, "changes": [change.model_dump() for change in r.changes]}
            for r in state.revisions
        ],
        "rubrics": [_judged(state, rubric) for rubric in measures().rubrics if state.opinions(rubric.id)],
        "advice": [
            {"by": r.event.by, "rubric": r.event.rubric, "advice": r.event.advice, "summary": r.event.summary, "at": r.at,
             "is_machine": r.event.machine is not None}
            for r in state.reviews
        ],
        "gate": {
            "is_open": not passed.missing,
            "missing": [{"field": m.field, "text": m.text.model_dump()} for m in passed.missing],
            "better_with": list(passed.better_with),
            "complete_rubrics": list(passed.rubrics),
        },
        "route": {"advice": found.advice, "reasons": [reason.model_dump() for reason in found.reasons]},
        "outcome": None if state.outcome is None else {"type": state.outcome.type, **state.outcome.model_dump()},
        "possible": list(decide.possible(state)),
    }  # fmt: skip


def _judged(state: QuestionState, rubric: Rubric) -> dict[str, Any]:
    opinions = state.opinions(rubric.id)
    return {
        "rubric": rubric.id,
        "version": rubric.version,
        "title": rubric.title.model_dump(),
        "complete_by": decide.reviewers_of(state, rubric),
        "criteria": [
            {"id": c.id, "ask": c.ask.model_dump(), **_range(opinions.get(c.id, []))} for c in rubric.criteria
        ],
    }


def _range(opinions: list[Opinion]) -> dict[str, Any]:
    scores = [opinion.score.score for opinion in opinions]
    return {
        "range": [min(scores), max(scores)] if scores else None,
        "opinions": [
            {"by": o.by, "score": o.score.score, "quote": o.score.quote, "passage": o.score.passage, "why": o.score.why,
             "revision": o.revision, "stands": o.stands, "is_machine": o.is_machine, "is_author": o.is_author}
            for o in opinions
        ],
    }  # fmt: skip
