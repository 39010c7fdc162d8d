"""`kgenesis question …`: ask, judge, sharpen, split, accept or reject a question."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t
from kgenesis.cli.question_assistant import ASSIST
from kgenesis.cli.question_view import LOOK, QuestionName, card_of
from kgenesis.cli.store import existing

if TYPE_CHECKING:
    from kgenesis.questions.state import QuestionState

QuestionFile = Annotated[
    str,
    typer.Argument(
        metavar=t("FILE", "파일"), show_default=False, help=t("A question file (YAML).", "질문 파일(YAML).")
    ),
]
By = Annotated[
    str,
    typer.Option(
        "--by",
        metavar=t("NAME", "이름"),
        envvar="KGENESIS_ACTOR",
        show_default=False,
        show_envvar=False,
        help=t(
            "Who does it; kept in the log. Default: KGENESIS_ACTOR.",
            "누가 하는지. 기록에 남습니다. 기본값: KGENESIS_ACTOR.",
        ),
    ),
]
Why = Annotated[
    str,
    typer.Option(
        "--why",
        metavar=t("TEXT", "글"),
        show_default=False,
        help=t("For which reason; kept in the log.", "까닭. 기록에 남습니다."),
    ),
]


def _say(state: "QuestionState", *, is_json: bool) -> None:
    """Say where a question stands now."""
    if is_json:
        screen.print_json(card_of(state))
        return
    from kgenesis.questions.decide import STATUSES, possible

    print(state.id)  # noqa: T201
    status = STATUSES[state.status].in_(lang())
    screen.note(t(f"{state.question.name}: {status}.", f"{state.question.name}: {status}."))
    now = ", ".join(possible(state))
    if now:
        screen.note(t(f"Possible now: {now}", f"지금 할 수 있는 것: {now}"))


def new(
    file: QuestionFile,
    force: options.Force = False,  # noqa: FBT002
) -> None:
    """Write a commented question file."""
    from kgenesis.app.question_files import write_question

    path = Path(file)
    path = path if path.suffix in {".yaml", ".yml"} else path.with_name(f"{path.name}.yaml")
    print(write_question(path, lang(), may_replace=force))  # noqa: T201
    screen.note(t(f"Fill it in, then: kgenesis question check {path}", f"채운 뒤: kgenesis question check {path}"))


def check(
    file: QuestionFile,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Say all that is wrong or missing in a question file."""
    from kgenesis.app.question_files import check_question, refused

    found = check_question(Path(file))
    if found.question is None:
        raise refused(found.wrong)
    if is_json:
        screen.print_json(
            {
                "is_valid": True,
                "name": found.question.name,
                "needed_to_accept": list(found.needed),
                "better_with": list(found.better_with),
            }
        )
        return
    screen.note(t(f"{file} can be proposed.", f"{file}은(는) 제안할 수 있습니다."))
    if found.needed:
        names = ", ".join(found.needed)
        screen.note(t(f"Needed before it can be accepted: {names}", f"채택 전에 꼭 필요한 것: {names}"))
    if found.better_with:
        names = ", ".join(found.better_with)
        screen.note(t(f"It would be better with: {names}", f"있으면 더 좋은 것: {names}"))


Anyway = Annotated[
    bool,
    typer.Option("--anyway", help=t("Ask it although similar ones are there.", "비슷한 질문이 있어도 제안합니다.")),
]
EmbedderName = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="e5|lexical",
        show_default=False,
        help=t(
            "What looks for similar questions; default: by meaning (e5) where that is installed, else by letters.",
            "비슷한 질문을 찾는 것. 기본값: 설치되어 있으면 뜻으로(e5), 아니면 글자로.",
        ),
    ),
]


def propose(
    file: QuestionFile,
    by: By,
    anyway: Anyway = False,  # noqa: FBT002
    embedder: EmbedderName = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Ask a question."""
    from kgenesis.app import questions
    from kgenesis.app.platform import open_platform
    from kgenesis.app.question_files import load_question
    from kgenesis.app.similar_questions import find_similar, too_similar
    from kgenesis.questions.decide import named

    question, by = load_question(Path(file)), named(by)  # before a store is made
    platform = open_platform(store)
    similar, name = find_similar(platform, question, embedder)
    if similar and not anyway:
        raise too_similar(platform, similar)
    _say(questions.propose(platform, question, by, similar, name), is_json=is_json)


RubricName = Annotated[
    str,
    typer.Option(
        "--rubric",
        metavar="grand-quest|heilmeier|aria|xprize",
        help=t("By which the question is judged.", "질문을 평가할 기준."),
    ),
]
FormFile = Annotated[
    str, typer.Option("--output", "-o", metavar=t("FILE", "파일"), help=t("The file to write.", "쓸 파일."))
]


def form(
    question: QuestionName,
    rubric: RubricName = "grand-quest",
    output: FormFile = "review.yaml",
    force: options.Force = False,  # noqa: FBT002
    store: options.Store = None,
) -> None:
    """Write a review to fill in."""
    from kgenesis.app import questions
    from kgenesis.app.platform import open_platform
    from kgenesis.app.question_files import write_form

    state = questions.read_question(open_platform(store, read_only=True), question)
    print(write_form(Path(output), state.question, rubric, lang(), may_replace=force))  # noqa: T201
    command = f"kgenesis question review {state.id} {output} --by …"
    screen.note(t(f"Fill it in, then: {command}", f"채운 뒤: {command}"))


ReviewPath = Annotated[
    str,
    typer.Argument(
        metavar=t("REVIEW", "평가"),
        show_default=False,
        help=t(
            "A review file; `kgenesis question form` writes one.", "평가 파일. `kgenesis question form`이 만듭니다."
        ),
    ),
]


def review(
    question: QuestionName,
    file: ReviewPath,
    by: By,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Judge a question by a rubric."""
    from kgenesis.app import questions
    from kgenesis.app.question_files import load_review

    _say(questions.review(existing(store), question, load_review(Path(file)), by), is_json=is_json)


def sharpen(
    question: QuestionName,
    file: QuestionFile,
    by: By,
    why: Why = "",
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Put a question better."""
    from kgenesis.app import questions
    from kgenesis.app.question_files import load_question

    state = questions.sharpen(existing(store), question, load_question(Path(file)), by, why)
    if not is_json:
        for change in state.revisions[-1].changes:
            screen.note(f"  {change.field}: {change.before or '–'} → {change.after or '–'}")
    _say(state, is_json=is_json)


Parts = Annotated[
    list[str],
    typer.Argument(
        metavar=t("FILE …", "파일 …"),
        show_default=False,
        help=t("A question file for each part.", "나눈 질문마다 질문 파일 하나."),
    ),
]


def split(
    question: QuestionName,
    parts: Parts,
    by: By,
    why: Why = "",
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Divide a question into others."""
    from kgenesis.app import questions
    from kgenesis.app.question_files import load_question

    files = [load_question(Path(part)) for part in parts]
    state = questions.split(existing(store), question, files, by, why)
    if not is_json:
        for child in state.children:
            screen.note(f"  {child}")
    _say(state, is_json=is_json)


def accept(
    question: QuestionName,
    by: By,
    why: Why = "",
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Take a question up."""
    from kgenesis.app import questions
    from kgenesis.questions.route import route

    state = questions.accept(existing(store), question, by, why)
    _say(state, is_json=is_json)
    if not is_json:
        found = route(state)
        reasons = "; ".join(reason.in_(lang()) for reason in found.reasons)
        screen.note(t(f"Advice: {found.advice} ({reasons})", f"권고: {found.advice} ({reasons})"))


def reject(
    question: QuestionName,
    by: By,
    why: Why,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Turn a question down."""
    from kgenesis.app import questions

    _say(questions.reject(existing(store), question, by, why), is_json=is_json)


Over = Annotated[
    str,
    typer.Argument(
        metavar=t("OVER", "상대"), show_default=False, help=t("The other question, likewise.", "다른 질문(같은 방식).")
    ),
]


def prefer(
    question: QuestionName,
    over: Over,
    by: By,
    why: Why,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Say which of two questions is the more worth answering."""
    from kgenesis.app import questions

    _say(questions.compare(existing(store), question, over, by, why), is_json=is_json)


Purse = Annotated[
    str,
    typer.Option(
        "--purse",
        metavar=t("TEXT", "글"),
        show_default=False,
        help=t("What the winner gets.", "승자가 받는 것."),
    ),
]


def prize(
    question: QuestionName,
    by: By,
    why: Why,
    purse: Purse = "",
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Put an accepted question up as a prize."""
    from kgenesis.app import questions

    _say(questions.make_prize(existing(store), question, by, why, purse), is_json=is_json)


Out = Annotated[
    str,
    typer.Option("--out", "-o", metavar=t("FOLDER", "폴더"), help=t("Where the drafts are written.", "초안을 쓸 곳.")),
]


def to_mission(
    question: QuestionName,
    by: By,
    out: Out = ".",
    why: Why = "",
    force: options.Force = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Compile an accepted question into drafts of a mission and its charter."""
    from kgenesis.app.question_to_mission import compile_question

    made = compile_question(existing(store), question, Path(out), by, lang(), why=why, may_replace=force)
    if is_json:
        missing = [{"field": m.field, "text": m.text.model_dump()} for m in made.missing]
        files = [str(file) for file in made.files]
        screen.print_json(card_of(made.state) | {"files": files, "runs": made.runs, "missing": missing})
        return
    for file in made.files:
        print(file)  # noqa: T201
    for lack in made.missing:
        screen.note(t("still missing: ", "아직 빠진 것: ") + f"{lack.field}: {lack.text.in_(lang())}")
    if made.runs:
        screen.note(
            t(f"It can be run: kgenesis run {made.files[0]}", f"실행할 수 있습니다: kgenesis run {made.files[0]}")
        )


COMMANDS: dict[str, tuple[Any, str]] = {
    "new": (new, t("Write a commented question file to fill in.", "채워 넣을, 주석이 달린 질문 파일을 씁니다.")),
    "check": (check, t("All that is wrong or missing in a question file.", "질문 파일에서 틀리거나 빠진 모든 것.")),
    "propose": (propose, t("Ask a question.", "질문을 제안합니다.")),
    "form": (form, t("Write a review to fill in.", "채워 넣을 평가 양식을 씁니다.")),
    "review": (
        review,
        t(
            "Judge a question; every score quotes the question.",
            "질문을 평가합니다. 점수마다 질문의 글귀를 인용합니다.",
        ),
    ),
    "sharpen": (sharpen, t("Put a question better: a new revision.", "질문을 다듬어 새 개정을 만듭니다.")),
    "split": (split, t("Divide a question into others.", "질문을 여럿으로 나눕니다.")),
    "accept": (accept, t("Take a question up, if it passes the gate.", "관문을 지난 질문을 채택합니다.")),
    "reject": (reject, t("Turn a question down.", "질문을 기각합니다.")),
    "prefer": (
        prefer,
        t("Of two questions, say which is the more worth answering.", "두 질문 가운데 더 답할 만한 것을 고릅니다."),
    ),
    "prize": (prize, t("Put an accepted question up as a prize.", "채택한 질문을 상금 과제로 냅니다.")),
    "to-mission": (
        to_mission,
        t(
            "Compile an accepted question into drafts of a mission and its charter.",
            "채택한 질문을 미션과 헌장의 초안으로 옮깁니다.",
        ),
    ),
    **LOOK,
    **ASSIST,
}
