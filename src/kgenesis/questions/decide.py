"""What may become of a question: pure functions from its state and a wish to facts, or a refusal that says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kgenesis.kernel.errors import BadInput, Mistake, Refused
from kgenesis.kernel.events import Event
from kgenesis.kernel.text import Text, say
from kgenesis.questions import events as facts
from kgenesis.questions.rubrics import Measures, Rubric, measures
from kgenesis.questions.spec import Question, ReviewFile, is_said, passage_of
from kgenesis.questions.state import OPEN, Opinion, QuestionState, Status

Action = Literal["review", "sharpen", "split", "accept", "reject", "prefer", "to-mission", "prize"]

STATUSES: Mapping[Status, Text] = {
    "proposed": say("proposed", "제안됨"),
    "reviewed": say("reviewed", "평가됨"),
    "sharpened": say("sharpened", "다듬어짐"),
    "accepted": say("accepted", "채택됨"),
    "rejected": say("rejected", "기각됨"),
    "split": say("split into others", "여러 질문으로 나뉨"),
    "mission": say("a mission", "미션이 됨"),
    "prize": say("a prize", "상금 과제가 됨"),
}
_IN_OPEN: tuple[Action, ...] = ("review", "sharpen", "split", "accept", "reject", "prefer")


def possible(state: QuestionState) -> tuple[Action, ...]:
    """Return what may be done with a question now."""
    if state.status in OPEN:
        return _IN_OPEN
    return ("to-mission", "prize", "prefer") if state.status == "accepted" else ()


def check_possible(state: QuestionState, action: Action) -> None:
    """Make sure that something may be done with a question now.

    Raises:
        Refused: it may not; the hint says what may.
    """
    if action in possible(state):
        return
    name = STATUSES[state.status]
    now = ", ".join(f"`kgenesis question {one}`" for one in possible(state))
    hint = (
        say(f"Possible now: {now}.", f"지금 할 수 있는 것: {now}.")
        if now
        else say("Its life has ended; propose a new question.", "이 질문의 생애는 끝났습니다. 새 질문을 제안하세요.")
    )
    raise Refused(
        say(f"{state.id} is {name.en}: `{action}` is not possible", f"{state.id}: {name.ko}. `{action}`은(는) 할 수 없습니다"),
        hint=hint,
    )  # fmt: skip


def named(by: str) -> str:
    """Return a person's name as events keep it.

    Raises:
        BadInput: it is empty.
    """
    if not by.strip():
        raise BadInput(
            say("nobody is named", "이름이 없습니다"),
            hint=say("Say who does it: `--by NAME`.", "누가 하는지 쓰세요: `--by 이름`."),
        )
    return " ".join(by.split())


def _reasoned(why: str) -> str:
    if not why.strip():
        raise BadInput(
            say("no reason is given", "까닭이 없습니다"),
            hint=say("Say why: `--why TEXT`.", "까닭을 쓰세요: `--why 글`."),
        )
    return why.strip()


def written(question: Question) -> dict[str, object]:
    """Return a question as events keep it."""
    return question.model_dump(mode="json", exclude_defaults=True) | {"kgenesis": question.kgenesis}


def proposed(
    question: Question, by: str, similar: Sequence[facts.Similar] = (), embedder: str = ""
) -> facts.QuestionProposed:
    """Return the fact that opens a question's stream."""
    return facts.QuestionProposed(by=named(by), question=written(question), similar=tuple(similar), embedder=embedder)


# ---- review -------------------------------------------------------------------------------------------------------


def reviewed(state: QuestionState, review: ReviewFile, by: str) -> list[Event]:
    """Return the fact of a review.

    Raises:
        Refused: the question is not judged any more.
        NotFound: there is no such rubric.
        BadInput: a criterion is unknown, or a score's quote is missing, too short or not in the question; each named.
    """
    check_possible(state, "review")
    rubric = measures().rubric(review.rubric)
    found: list[facts.Score] = []
    wrong: list[Mistake] = []
    for criterion, given in review.scores.items():
        passage, mistake = _resting_on(state.question, rubric, criterion, given.quote)
        if mistake is not None:
            wrong.append(Mistake(mistake, f"scores.{criterion}"))
        elif passage is not None:
            found.append(
                facts.Score(criterion=criterion, score=given.score, quote=given.quote, passage=passage, why=given.why)
            )
    if wrong:
        raise BadInput(
            say("the review rests on nothing in places", "근거가 없는 점수가 있습니다"),
            wrong,
            say(
                f"Quote the question word for word, in either language: `kgenesis question show {state.id}`.",
                f"질문의 글을 어느 언어로든 그대로 옮기세요: `kgenesis question show {state.id}`.",
            ),
        )
    return [
        facts.QuestionReviewed(
            by=named(by),
            revision=len(state.revisions),
            rubric=rubric.id,
            rubric_version=rubric.version,
            scores=tuple(found),
            advice=review.advice,
            summary=review.summary,
            machine=review.machine,
        )
    ]


def _resting_on(question: Question, rubric: Rubric, criterion: str, quote: str) -> tuple[str | None, Text | None]:
    """Return the passage a score rests on, or what is wrong with it."""
    if criterion not in rubric.names:
        known = ", ".join(rubric.names)
        return None, say(f"{rubric.id} has no such criterion; it has: {known}",
                         f"{rubric.id}에 없는 항목입니다. 있는 것: {known}")  # fmt: skip
    if not quote.strip():
        return None, say("the score quotes no passage", "점수가 근거로 삼은 글귀(quote)가 없습니다")
    least = measures().quote.least_letters
    if len("".join(quote.split())) < least:
        return None, say(f"the quote {quote!r} is shorter than {least} letters",
                         f"인용 {quote!r}이(가) {least}글자보다 짧습니다")  # fmt: skip
    passage = passage_of(question, quote)
    if passage is None:
        shown = quote if len(quote) <= 60 else f"{quote[:57]}…"  # noqa: PLR2004
        return None, say(f"the quote {shown!r} is not in the question", f"인용 {shown!r}은(는) 질문에 없는 글입니다")
    return passage, None


# ---- what happens to the wording -----------------------------------------------------------------------------------


def sharpened(state: QuestionState, question: Question, by: str, why: str = "") -> list[Event]:
    """Return the fact of a new revision, with what differs.

    Raises:
        Refused: the question is not judged any more.
        BadInput: nothing differs.
    """
    check_possible(state, "sharpen")
    changes = differences(state.question, question)
    if not changes:
        raise BadInput(
            say(f"the file says what {state.id} says already", f"{state.id}와(과) 다른 곳이 없습니다"),
            hint=say("Change something in the file first.", "먼저 파일에서 무언가를 고치세요."),
        )
    return [facts.QuestionSharpened(by=named(by), question=written(question), changes=tuple(changes), why=why)]


def differences(before: Question, after: Question) -> list[facts.FieldChange]:
    """Return what two wordings say differently, field by field."""
    old, new = _leaves("", before.model_dump(mode="json")), _leaves("", after.model_dump(mode="json"))
    return [
        facts.FieldChange(field=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _leaves(place: str, value: object) -> dict[str, str]:
    if isinstance(value, Mapping):
        parts = ((f"{place}.{key}" if place else str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        parts = ((f"{place}[{i}]", item) for i, item in enumerate(value))
    else:
        return {} if value in (None, "") else {place: str(value)}
    return {name: said for part, item in parts for name, said in _leaves(part, item).items()}


def split(state: QuestionState, children: Sequence[str], by: str, why: str = "") -> list[Event]:
    """Return the fact that a question was divided into others.

    Raises:
        Refused: the question is not judged any more.
        BadInput: fewer than two.
    """
    check_possible(state, "split")
    if len(set(children)) < 2:  # noqa: PLR2004
        raise BadInput(
            say("a question is split into two or more", "질문은 둘 이상으로 나눕니다"),
            hint=say("Give a file for each of them.", "각각의 파일을 주세요."),
        )
    return [facts.QuestionSplit(by=named(by), children=tuple(children), why=why)]


# ---- the gate -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passed:
    """How far a question is through the gate."""

    missing: tuple[Mistake, ...]
    """What it needs and lacks."""
    better_with: tuple[str, ...]
    """Fields it would be better for."""
    rubrics: tuple[str, ...]
    """Rubrics that enough reviewers completed."""


def gate(state: QuestionState) -> Passed:
    """Return what a question still needs before it can be accepted."""
    known = measures()
    missing = [
        Mistake(say("says nothing, and is needed", "꼭 필요한데 비어 있습니다"), field)
        for field in known.gate.needs
        if not is_said(state.question, field)
    ]
    complete = {rubric.id: len(reviewers_of(state, rubric, known)) for rubric in known.rubrics}
    enough = tuple(name for name, n in complete.items() if n >= known.gate.reviewers)
    if len(enough) < known.gate.complete_rubrics:
        nearest = max(complete, key=lambda name: complete[name])
        n, wanted = complete[nearest], known.gate.reviewers
        text = say(
            f"{wanted} people who did not write it must score every criterion of one rubric, resting on its present "
            f"wording; the nearest is {nearest}, with {n}",
            f"질문을 쓰지 않은 사람 {wanted}명이 한 기준의 모든 항목을 지금의 글에 근거해 채점해야 합니다. "
            f"가장 가까운 것은 {nearest}({n}명)입니다",
        )
        missing.append(Mistake(text, "reviews"))
    better = tuple(field for field in known.gate.better_with if not is_said(state.question, field))
    return Passed(tuple(missing), better, enough)


def reviewers_of(state: QuestionState, rubric: Rubric, known: Measures | None = None) -> list[str]:
    """Return the people who count and have scored every criterion of a rubric, resting on the present wording."""
    rule = (known or measures()).gate
    opinions = state.opinions(rubric.id)

    def counts(opinion: Opinion) -> bool:
        may = (rule.authors_count or not opinion.is_author) and (rule.machines_count or not opinion.is_machine)
        return opinion.stands and may

    by_criterion = [{o.by for o in opinions.get(name, ()) if counts(o)} for name in rubric.names]
    return sorted(set.intersection(*by_criterion))


def accepted(state: QuestionState, by: str, why: str = "") -> list[Event]:
    """Return the fact that a question is taken up.

    Raises:
        Refused: it is not judged any more, or the gate lacks something; each thing is named.
    """
    check_possible(state, "accept")
    passed = gate(state)
    if passed.missing:
        raise Refused(
            say(f"{state.id} cannot be accepted yet", f"{state.id}을(를) 아직 채택할 수 없습니다"),
            passed.missing,
            say(
                "`kgenesis question sharpen` adds to the question, `kgenesis question form` begins a review.",
                "`kgenesis question sharpen`으로 질문을 보완하고, `kgenesis question form`으로 평가를 시작하세요.",
            ),
        )
    version = measures().gate.version
    return [facts.QuestionAccepted(by=named(by), gate_version=version, rubrics=passed.rubrics, why=why)]


def rejected(state: QuestionState, by: str, why: str) -> list[Event]:
    """Return the fact that a question is turned down.

    Raises:
        Refused: it is not judged any more.
        BadInput: no reason is given.
    """
    check_possible(state, "reject")
    return [facts.QuestionRejected(by=named(by), why=_reasoned(why))]


def preferred(state: QuestionState, over: QuestionState, by: str, why: str) -> list[Event]:
    """Return the fact that a question was found the more worth answering of two.

    Raises:
        Refused: one of the two is not compared any more.
        BadInput: it is compared with itself, or no reason is given.
    """
    if state.id == over.id:
        raise BadInput(
            say("a question is not compared with itself", "질문을 자기 자신과 비교할 수 없습니다"),
            hint=say("Name two questions.", "질문 둘을 쓰세요."),
        )
    check_possible(state, "prefer")
    check_possible(over, "prefer")
    return [facts.QuestionPreferred(by=named(by), over=over.id, why=_reasoned(why))]


def became_prize(state: QuestionState, by: str, why: str, purse: str = "") -> list[Event]:
    """Return the fact that a question is put up as a prize.

    Raises:
        Refused: it is not accepted.
        BadInput: no reason is given.
    """
    check_possible(state, "prize")
    return [facts.QuestionBecamePrize(by=named(by), why=_reasoned(why), purse=purse)]


def became_mission(
    state: QuestionState, by: str, mission: str, charter: str, files: Mapping[str, str], missing: Sequence[str],
    why: str = "",
) -> list[Event]:  # fmt: skip
    """Return the fact that a question was compiled into the draft of a mission.

    Raises:
        Refused: it is not accepted.
    """
    check_possible(state, "to-mission")
    return [
        facts.QuestionBecameMission(
            by=named(by), mission=mission, charter=charter, files=dict(files), missing=tuple(missing), why=why
        )
    ]
