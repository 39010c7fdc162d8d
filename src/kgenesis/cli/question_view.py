"""`kgenesis question list|show|tree|history|rank|rubrics`: look at questions."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from kgenesis.app.questions import Pool
    from kgenesis.kernel.events import Recorded
    from kgenesis.questions.state import QuestionState

QuestionName = Annotated[
    str,
    typer.Argument(
        metavar=t("QUESTION", "질문"),
        show_default=False,
        help=t("Its id, the beginning of it, its name, or `last`.", "질문 ID, 그 앞부분, 이름, 또는 `last`."),
    ),
]


def card_of(state: "QuestionState") -> dict[str, Any]:
    """Return what programs read of a question after a change."""
    from kgenesis.app.questions import card
    from kgenesis.questions.decide import possible

    return card(state) | {"children": list(state.children), "possible": list(possible(state))}


def _pool(store: str | None) -> "Pool":
    from kgenesis.app.platform import open_platform
    from kgenesis.app.questions import read_pool
    from kgenesis.kernel.errors import NotFound

    try:
        return read_pool(open_platform(store, read_only=True))
    except NotFound:  # a store is made by the first question
        return {}


def _none() -> None:
    screen.note(
        t(
            "There is no question yet; `kgenesis question new FILE` begins one.",
            "아직 질문이 없습니다. `kgenesis question new 파일`로 시작하세요.",
        )
    )


def list_(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show all questions."""
    from kgenesis.app.questions import card
    from kgenesis.questions.decide import STATUSES

    pool = _pool(store)
    if is_json:
        screen.print_json({"questions": [card(state) for state in pool.values()]})
        return
    if not pool:
        _none()
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(t("Question", "질문"), no_wrap=True)
    table.add_column(t("What is asked", "물음"), overflow="fold")
    table.add_column(t("Target", "목표"), no_wrap=True)
    table.add_column(t("State", "상태"), no_wrap=True)
    table.add_column(t("Reviews", "평가"), justify="right")
    for state in pool.values():
        table.add_row(
            state.id,
            screen.literal(state.question.statement.in_(lang())),
            screen.literal(state.question.target.shown),
            STATUSES[state.status].in_(lang()),
            str(len(state.reviews)),
        )
    screen.out().print(table)


def show(question: QuestionName, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what a question asks, how it was judged, and what may be done with it."""
    from kgenesis.app.platform import open_platform
    from kgenesis.app.question_report import report
    from kgenesis.app.questions import read_question

    state = read_question(open_platform(store, read_only=True), question)
    found = report(state)
    if is_json:
        screen.print_json(found)
        return
    console = screen.out()
    console.print(state.question.statement.in_(lang()), style="bold", markup=False)
    for line in _shown(state, found):
        console.print(line, markup=False, soft_wrap=True)


def _shown(state: "QuestionState", found: dict[str, Any]) -> Iterator[str]:
    from kgenesis.questions.decide import STATUSES

    status = STATUSES[state.status].in_(lang())
    yield f"  {state.id}  {state.question.name}  {status}  " + t("revision", "개정") + f" {len(state.revisions)}"
    if found["machine"]:
        yield "  " + t("written by a machine: ", "기계가 씀: ") + found["machine"]["model"]
    yield "  " + t("target: ", "목표: ") + f"{state.question.target.quantity.in_(lang())} {state.question.target.shown}"
    for place, text in state.question.passages():
        is_prose = place.endswith(f".{lang()}") and not place.startswith(("statement", "target"))
        if is_prose or place.endswith((".source", ".quote")):
            yield f"  {place.removesuffix(f'.{lang()}')}: {text}"
    for rubric in found["rubrics"]:
        yield ""
        yield f"{screen.text_of(rubric['title'])} ({t('complete', '완료')}: {', '.join(rubric['complete_by']) or '–'})"
        for criterion in rubric["criteria"]:
            yield from _judged(criterion)
    yield ""
    for lack in found["gate"]["missing"]:
        yield t("needed to accept: ", "채택에 필요: ") + f"{lack['field']}: {screen.text_of(lack['text'])}"
    advice = "; ".join(screen.text_of(reason) for reason in found["route"]["reasons"])
    yield t("mission or prize: ", "미션 또는 상금: ") + f"{found['route']['advice']} ({advice})"
    yield t("possible now: ", "지금 할 수 있는 것: ") + (", ".join(found["possible"]) or "–")


def _judged(criterion: dict[str, Any]) -> Iterator[str]:
    scores = criterion["opinions"]
    if not scores:
        yield f"  {criterion['id']}: –"
        return
    low, high = criterion["range"]
    spread = str(low) if low == high else f"{low}–{high}"
    split = "  " + t("(reviewers disagree)", "(평가가 갈림)") if high - low >= 2 else ""  # noqa: PLR2004
    yield f"  {criterion['id']}: {spread}{split}"
    for one in scores:
        marks = [t("machine", "기계")] * one["is_machine"] + [t("author", "글쓴이")] * one["is_author"]
        marks += [] if one["stands"] else [t("the passage has changed", "글귀가 바뀌었음")]
        note = f" [{', '.join(marks)}]" if marks else ""
        yield f"    {one['score']}  {one['by']}{note}: “{one['quote']}” ({one['passage']}) {one['why']}".rstrip()


def tree(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show questions below the questions they are part of."""
    from kgenesis.app.questions import tree as grown

    roots = grown(_pool(store))
    if is_json:
        screen.print_json({"questions": roots})
        return
    if not roots:
        _none()
        return
    from rich.tree import Tree

    from kgenesis.questions.decide import STATUSES

    def add(to: Tree, card: dict[str, Any]) -> None:
        status = STATUSES[card["status"]].in_(lang())
        label = f"{card['id']}  {screen.text_of(card['statement'])}  ({status})"
        branch = to.add(screen.literal(label))
        for child in card["children"]:
            add(branch, child)

    whole = Tree("", hide_root=True)
    for root in roots:
        add(whole, root)
    screen.out().print(whole)


def history(question: QuestionName, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what happened to a question, who did it and when."""
    from kgenesis.app.export import event_lines
    from kgenesis.app.platform import open_platform
    from kgenesis.app.questions import read_question
    from kgenesis.kernel.ids import StreamId

    platform = open_platform(store, read_only=True)
    state = read_question(platform, question)
    events = platform.store.read(StreamId(state.id))
    if is_json:
        lines = [json.loads(line) for line in event_lines(events)]
        screen.print_json({"question": state.id, "events": lines})
        return
    for event in events:
        for line in _told(event):
            print(line)  # noqa: T201


def _told(event: "Recorded") -> Iterator[str]:
    from datetime import datetime

    at = datetime.fromisoformat(event.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    body = json.loads(event.body)
    about = body.get("rubric") or body.get("over") or body.get("mission") or " ".join(body.get("children", ()))
    reason = body.get("why") or body.get("summary") or ""
    machine = t(" (machine)", " (기계)") if body.get("machine") or body.get("question", {}).get("machine") else ""
    yield f"{event.version:>4}  {at}  {event.type:<24}  {body['by']}{machine}  {about}  {reason}".rstrip()
    for score in body.get("scores", ()):
        yield f"        {score['criterion']} {score['score']}: “{score['quote']}” ({score['passage']})"
    for change in body.get("changes", ()):
        yield f"        {change['field']}: {change['before'] or '–'} → {change['after'] or '–'}"


def rank(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Rank the questions by pairwise comparisons."""
    import dataclasses

    from kgenesis.app.questions import ranking

    pool = _pool(store)
    found = ranking(pool)
    if is_json:
        screen.print_json(dataclasses.asdict(found))
        return
    if not found.ranks:
        screen.note(
            t(
                "Nobody has compared questions yet: `kgenesis question prefer A B --by NAME --why TEXT`.",
                "아직 비교가 없습니다: `kgenesis question prefer 질문 상대 --by 이름 --why 글`.",
            )
        )
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(t("Group", "무리"), justify="right")
    table.add_column(t("Rank", "순위"), justify="right")
    table.add_column(t("Question", "질문"), no_wrap=True)
    table.add_column(t("What is asked", "물음"), overflow="fold")
    table.add_column(t("Strength [95 %]", "세기 [95 %]"), no_wrap=True)
    table.add_column(t("Won–lost", "승–패"), justify="right", no_wrap=True)
    for one in found.ranks:
        statement = screen.literal(pool[one.id].question.statement.in_(lang()))
        strength = f"{one.strength:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
        table.add_row(
            str(one.group), str(one.rank), one.id, statement, screen.literal(strength), f"{one.n_won}–{one.n_lost}"
        )
    screen.out().print(table)
    if found.n_groups > 1:
        screen.note(
            t(
                f"No comparison connects these {found.n_groups} groups: ranks hold within a group only.",
                f"무리 {found.n_groups}개를 잇는 비교가 없습니다. 순위는 무리 안에서만 뜻이 있습니다.",
            )
        )
    if found.ask_next:
        pair = " ".join(found.ask_next)
        screen.note(t(f"The comparison that would tell most: {pair}", f"가장 많은 것을 알려 줄 비교: {pair}"))


def rubrics(is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what questions are judged by."""
    from kgenesis.questions.rubrics import measures

    known = measures()
    if is_json:
        screen.print_json(known.model_dump())
        return
    for rubric in known.rubrics:
        print(f"{rubric.id}  v{rubric.version}  {rubric.title.in_(lang())}")  # noqa: T201
        print(f"    {rubric.source.in_(lang())} ({rubric.verified}) {rubric.url}")  # noqa: T201
        for criterion in rubric.criteria:
            print(f"  {criterion.id}: {criterion.ask.in_(lang())}")  # noqa: T201


LOOK: dict[str, tuple[Any, str]] = {
    "list": (list_, t("All questions.", "모든 질문.")),
    "show": (show, t("What is asked, how it was judged, what may be done.", "물음과 평가, 지금 할 수 있는 것.")),
    "tree": (tree, t("Questions below those they are part of.", "질문과 그 아래 질문들.")),
    "history": (history, t("What happened to a question, by whom and when.", "질문에 일어난 일과 누가 언제 했는지.")),
    "rank": (rank, t("The pool in order, by pairwise comparisons.", "쌍별 비교로 매긴 질문의 순위.")),
    "rubrics": (rubrics, t("What questions are judged by.", "질문을 평가하는 기준.")),
}
