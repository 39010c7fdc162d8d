"""`kgenesis question draft|criticise`: the optional assistant; what it writes is a file, and marked."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import t
from kgenesis.cli.question_view import QuestionName

Topic = Annotated[
    str,
    typer.Argument(
        metavar=t("TOPIC", "주제"), show_default=False, help=t("What to ask about.", "무엇에 대한 질문인지.")
    ),
]
OutFile = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar=t("FILE", "파일"), show_default=False, help=t("The file to write.", "쓸 파일.")
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        show_default=False,
        help=t(
            "An OpenAI-compatible endpoint; default: KGENESIS_ASSISTANT_URL.",
            "OpenAI 호환 주소. 기본값: KGENESIS_ASSISTANT_URL.",
        ),
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar=t("NAME", "이름"),
        show_default=False,
        help=t("Which model; default: KGENESIS_ASSISTANT_MODEL.", "모델. 기본값: KGENESIS_ASSISTANT_MODEL."),
    ),
]
Seconds = Annotated[
    float,
    typer.Option("--timeout", min=0.1, metavar="S", help=t("Seconds to wait for an answer.", "답을 기다릴 시간(초).")),
]
Rubric = Annotated[
    str,
    typer.Option(
        "--rubric",
        metavar="grand-quest|heilmeier|aria|xprize",
        help=t("By which the question is judged.", "질문을 평가할 기준."),
    ),
]


def draft(
    topic: Topic,
    output: OutFile,
    url: Url = None,
    model: Model = None,
    seconds: Seconds = 60.0,
    force: options.Force = False,  # noqa: FBT002
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Let the assistant draft a question file."""
    from kgenesis.app.assistant import draft_question, find_assistant

    made = draft_question(find_assistant(url, model, seconds), topic, Path(output), may_replace=force)
    _say(made, is_json=is_json)


def criticise(
    question: QuestionName,
    output: OutFile,
    rubric: Rubric = "grand-quest",
    url: Url = None,
    model: Model = None,
    seconds: Seconds = 60.0,
    force: options.Force = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Let the assistant review a question."""
    from kgenesis.app import assistant
    from kgenesis.app.platform import open_platform
    from kgenesis.app.questions import read_question

    found = assistant.find_assistant(url, model, seconds)
    state = read_question(open_platform(store, read_only=True), question)
    _say(assistant.criticise(found, state, rubric, Path(output), may_replace=force), is_json=is_json)


def _say(file: Path, *, is_json: bool) -> None:
    if is_json:
        screen.print_json({"file": str(file)})
        return
    print(file)  # noqa: T201
    screen.note(
        t(
            "Written by a machine, and marked so. Check every word before it is used.",
            "기계가 썼고 그렇게 표시되어 있습니다. 쓰기 전에 한 마디 한 마디 확인하세요.",
        )
    )


ASSIST: dict[str, tuple[Any, str]] = {
    "draft": (
        draft,
        t("Let an assistant draft a question (optional, off unless set).", "도우미가 질문의 초안을 씁니다(선택)."),
    ),
    "criticise": (
        criticise,
        t(
            "Let an assistant review a question; it does not count towards acceptance.",
            "도우미가 질문을 평가합니다. 채택에는 세지 않습니다.",
        ),
    ),
}
