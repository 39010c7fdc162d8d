"""Mission or prize: which of the two suits an accepted question, and on what that rests.

A prize suits a target that is clear while the method is not, and a large crowd that could try (P. H. Diamandis,
*Bold*, 2015, "Where do prizes make sense?"). In Korea the law lets a strategic research programme begin with a
competition or a prize (Special Act on National Strategic Technology, Art 11(4)).
"""

from dataclasses import dataclass
from typing import Literal

from kgenesis.kernel.text import Text, say
from kgenesis.questions.state import Opinion, QuestionState

RUBRIC = "xprize"
_LOW = 2
"""Scores up to this deny what the criterion asks."""

_LAW = say(
    "Special Act on National Strategic Technology, Art 11(4): a competition or a prize may be run first",
    "국가전략기술 육성에 관한 특별법 제11조제4항: 경쟁형이나 포상금 방식을 먼저 할 수 있습니다",
)


@dataclass(frozen=True, slots=True)
class Route:
    """What is advised; the choice is a person's."""

    advice: Literal["mission", "prize", "either"]
    reasons: tuple[Text, ...]


def route(state: QuestionState) -> Route:
    """Return whether a mission or a prize is advised, and why; reviewers who disagree make it `either`."""
    question = state.question
    starts = bool(question.mission.start_from or question.mission.lab)
    has_method = bool(question.approach) or starts
    reasons = [say(f"the target is a number: {question.target.shown}", f"목표가 수입니다: {question.target.shown}")]
    if has_method:
        where = say("a mission to start from is named", "출발점이 될 미션이 적혀 있습니다")
        how = say("it says how it might be done", "어떻게 할지 적혀 있습니다")
        reasons.append(where if starts else how)
    else:
        reasons.append(say("the method is open", "방법이 열려 있습니다"))
    opinions = [o for found in state.opinions(RUBRIC).values() for o in found if o.stands and not o.is_machine]
    against, in_favour = _denied(opinions), not has_method
    reasons += against
    advice: Literal["mission", "prize", "either"] = "prize" if in_favour else "mission"
    if in_favour and against:
        advice = "either"
    if advice != "mission":
        reasons.append(_LAW)
    return Route(advice, tuple(reasons))


def _denied(opinions: list[Opinion]) -> list[Text]:
    """Return what speaks against a prize in the eyes of a reviewer."""
    return [
        say(
            f"{o.by} gives {o.score.criterion} ({RUBRIC}) only {o.score.score}",
            f"{o.by}: {o.score.criterion}({RUBRIC}) {o.score.score}점",
        )
        for o in opinions
        if o.score.score <= _LOW
    ]
