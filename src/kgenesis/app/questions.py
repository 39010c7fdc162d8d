"""A question's life, as people live it: propose, review, sharpen, split, accept or reject, compare, look."""

from collections.abc import Callable, Sequence
from typing import Any

from kgenesis.app.platform import Platform, streams_called
from kgenesis.kernel.errors import BadInput, Conflict, NotFound, Refused
from kgenesis.kernel.events import Event
from kgenesis.kernel.ids import QuestionId, StreamId, new_question_id
from kgenesis.kernel.text import say
from kgenesis.questions import decide
from kgenesis.questions.events import Similar
from kgenesis.questions.ranking import Comparison, Ranking, rank
from kgenesis.questions.spec import Question, ReviewFile
from kgenesis.questions.state import QuestionState, evolve, fold, same_person

PREFIX = "qst_"

Pool = dict[str, QuestionState]
"""Every question by its id, in the order they were proposed."""


def read_question(platform: Platform, name: str) -> QuestionState:
    """Return a question by its id, the beginning of its id, its name, or `last`.

    Raises:
        NotFound: none, or more than one, is called so.
    """
    found = streams_called(platform, PREFIX, name)
    if not found:
        found = [StreamId(id_) for id_, state in read_pool(platform).items() if state.question.name == name]
    if len(found) != 1:
        which = say("no question is", "그런 질문이 없습니다") if not found else say("several are", "여럿이 있습니다")
        raise NotFound(
            say(f"{which.en} called {name!r}", f"{name!r}: {which.ko}"),
            hint=say("`kgenesis question list` shows them all.", "`kgenesis question list`가 모두 보여 줍니다."),
        )
    return _read(platform, found[0])


def read_pool(platform: Platform) -> Pool:
    """Return every question."""
    return {stream: _read(platform, stream) for stream in platform.store.streams(PREFIX)}


def _read(platform: Platform, stream: StreamId) -> QuestionState:
    recorded = platform.store.read_each(stream)
    return fold(QuestionId(stream), ((platform.vocabulary.decode(r), r.at) for r in recorded))


def change_question(platform: Platform, name: str, wish: Callable[[QuestionState], Sequence[Event]]) -> QuestionState:
    """Write the facts that a wish makes of a question; if somebody else wrote first, read it and ask again."""
    while True:
        state = read_question(platform, name)
        events = wish(state)
        try:
            recorded = platform.store.append(StreamId(state.id), state.version, events)
        except Conflict:
            continue
        for event, written in zip(events, recorded, strict=True):
            evolve(state, event, written.at)
        return state


def propose(
    platform: Platform, question: Question, by: str, similar: Sequence[Similar] = (), embedder: str = ""
) -> QuestionState:
    """Ask a question: the first fact of a new stream.

    Args:
        platform: the store it will live in.
        question: a valid question.
        by: who asks it.
        similar: questions it is known to resemble, and is asked nevertheless.
        embedder: what found them.

    Raises:
        NotFound, Refused: its parent is not there, or was rejected.
        BadInput: nobody is named.
    """
    if question.parent:
        parent = read_question(platform, question.parent)
        if parent.status == "rejected":
            raise Refused(
                say(f"the parent {parent.id} was rejected", f"부모 질문 {parent.id}은(는) 기각되었습니다"),
                hint=say("Leave `parent` out, or name another.", "`parent`를 지우거나 다른 질문을 쓰세요."),
            )
    id_ = new_question_id()
    event = decide.proposed(question, by, similar, embedder)
    (recorded,) = platform.store.append(StreamId(id_), 0, [event])
    return fold(id_, [(event, recorded.at)])


def review(platform: Platform, name: str, file: ReviewFile, by: str) -> QuestionState:
    """Write a review of the present wording.

    Raises:
        NotFound, Refused, BadInput: as `decide.reviewed`.
    """
    return change_question(platform, name, lambda state: decide.reviewed(state, file, by))


def sharpen(platform: Platform, name: str, question: Question, by: str, why: str = "") -> QuestionState:
    """Put a question better; what machines wrote stays marked, and its parent stays its parent.

    Raises:
        Refused, BadInput: as `decide.sharpened`, or the file names another parent.
    """

    def wish(state: QuestionState) -> list[Event]:
        old = state.question
        if question.parent not in {"", old.parent}:
            raise BadInput(
                say("a question cannot move to another parent", "부모 질문을 바꿀 수 없습니다"),
                hint=say("Leave `parent` as it was.", "`parent`를 원래대로 두세요."),
            )
        kept = {"parent": old.parent, "machine": question.machine or old.machine}
        return decide.sharpened(state, question.model_copy(update=kept), by, why)

    return change_question(platform, name, wish)


def split(platform: Platform, name: str, parts: Sequence[Question], by: str, why: str = "") -> QuestionState:
    """Divide a question into others.

    The children are written first and the parent last, so that a crash in between leaves no parent without children;
    asked again, the children that are there are taken as they are.

    Raises:
        Refused, BadInput: as `decide.split`.
    """
    state = read_question(platform, name)
    decide.split(state, [str(i) for i in range(len(parts))], by, why)  # refused before anything is written
    mine = [part.model_copy(update={"parent": state.id}) for part in parts]
    for part in parts:
        if part.parent not in {"", state.id}:
            raise BadInput(
                say(f"{part.name} names another parent", f"{part.name}에 다른 부모 질문이 적혀 있습니다"),
                hint=say(
                    f"Leave `parent` out, or make it {state.id}.", f"`parent`를 지우거나 {state.id}(으)로 쓰세요."
                ),
            )
    there = {id_: s.question for id_, s in read_pool(platform).items() if s.question.parent == state.id}
    ids = [next((id_ for id_, q in there.items() if q == part), None) for part in mine]
    children = [id_ or propose(platform, part, by).id for id_, part in zip(ids, mine, strict=True)]
    return change_question(platform, state.id, lambda now: decide.split(now, children, by, why))


def accept(platform: Platform, name: str, by: str, why: str = "") -> QuestionState:
    """Take a question up.

    Raises:
        Refused: the gate lacks something; each thing is named.
    """
    return change_question(platform, name, lambda state: decide.accepted(state, by, why))


def reject(platform: Platform, name: str, by: str, why: str) -> QuestionState:
    """Turn a question down.

    Raises:
        Refused, BadInput: as `decide.rejected`.
    """
    return change_question(platform, name, lambda state: decide.rejected(state, by, why))


def compare(platform: Platform, better: str, worse: str, by: str, why: str) -> QuestionState:
    """Write that one question was found more worth answering than another.

    Raises:
        Refused, BadInput: as `decide.preferred`.
    """
    other = read_question(platform, worse)
    return change_question(platform, better, lambda state: decide.preferred(state, other, by, why))


def make_prize(platform: Platform, name: str, by: str, why: str, purse: str = "") -> QuestionState:
    """Put an accepted question up as a prize.

    Raises:
        Refused, BadInput: as `decide.became_prize`.
    """
    return change_question(platform, name, lambda state: decide.became_prize(state, by, why, purse))


# ---- looking ------------------------------------------------------------------------------------------------------


def card(state: QuestionState) -> dict[str, Any]:
    """Return what lists show of a question."""
    question = state.question
    return {
        "id": state.id,
        "name": question.name,
        "statement": question.statement.model_dump(),
        "technologies": list(question.technologies),
        "target": question.target.model_dump(exclude_none=True),
        "status": state.status,
        "by": state.proposed.by,
        "revision": len(state.revisions),
        "n_reviews": len(state.reviews),
        "parent": question.parent or None,
        "machine": question.machine.model_dump() if question.machine else None,
        "proposed_at": state.revisions[0].at,
        "last_at": state.last_at,
    }


def tree(pool: Pool, root: str | None = None) -> list[dict[str, Any]]:
    """Return the questions without a parent, or one, each with its children below it under `children`."""
    below: dict[str, list[str]] = {}
    for id_, state in pool.items():
        below.setdefault(state.question.parent, []).append(id_)

    def branch(id_: str) -> dict[str, Any]:
        return {**card(pool[id_]), "children": [branch(child) for child in below.get(id_, ())]}

    return [branch(id_) for id_ in ([root] if root else below.get("", ()))]


def ranking(pool: Pool) -> Ranking:
    """Return the pool in order; questions that were rejected or split are left out."""
    return rank([id_ for id_, state in pool.items() if state.status not in {"rejected", "split"}], comparisons(pool))


def comparisons(pool: Pool) -> list[Comparison]:
    """Return what people preferred: of each person and pair the latest opinion."""
    latest: dict[tuple[str, frozenset[str]], tuple[str, Comparison]] = {}
    for id_, state in pool.items():
        for preference in state.preferences:
            key = same_person(preference.by), frozenset({id_, preference.over})
            if key not in latest or latest[key][0] < preference.at:
                latest[key] = preference.at, Comparison(id_, preference.over)
    return [comparison for _, comparison in latest.values()]
