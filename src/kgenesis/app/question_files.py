"""Read question and review files, and write those that people start from; a file is refused whole, line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kgenesis.app.mission_files import dotted, invalid, line_of, parse_yaml
from kgenesis.app.scaffold import in_language
from kgenesis.atlas import load_atlas
from kgenesis.kernel.errors import BadInput, InvalidSpec, Mistake, NotFound, UnitMismatch
from kgenesis.kernel.text import Lang, Text, say
from kgenesis.kernel.units import check_unit
from kgenesis.questions.rubrics import measures
from kgenesis.questions.spec import Question, ReviewFile, is_said

Model = TypeVar("Model", bound=BaseModel)

_NEXT = say(
    "Correct the lines named above; `kgenesis question new FILE` writes a commented template.",
    "위에 적힌 줄을 고치세요. `kgenesis question new 파일`은 주석이 달린 견본을 만듭니다.",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is to be said of a question file."""

    question: Question | None
    """None if something is wrong."""
    wrong: tuple[Mistake, ...]
    """What forbids to propose it."""
    needed: tuple[str, ...] = ()
    """Fields that must still say something before it can be accepted."""
    better_with: tuple[str, ...] = ()
    """Fields it would be better for."""


def check_question(path: Path) -> Checked:
    """Return all that is wrong or missing in a question file at once.

    Raises:
        NotFound: it cannot be read.
        InvalidSpec: it is no YAML.
    """
    data, lines = _content(path)
    question, wrong = _modelled(Question, data, path, lines)
    wrong += _strange(data, path, lines)
    if question is None or wrong:
        return Checked(None, tuple(wrong))
    gate = measures().gate
    return Checked(
        question,
        (),
        tuple(field for field in gate.needs if not is_said(question, field)),
        tuple(field for field in gate.better_with if not is_said(question, field)),
    )


def load_question(path: Path) -> Question:
    """Return the question a file asks.

    Raises:
        NotFound: it cannot be read.
        InvalidSpec: with one mistake for each thing that is wrong.
    """
    checked = check_question(path)
    if checked.question is None:
        raise refused(checked.wrong)
    return checked.question


def question_of(data: Mapping[str, Any], source: str) -> Question:
    """Return the question some data asks, checked as a file is.

    Raises:
        InvalidSpec: with one mistake for each thing that is wrong.
    """
    question, wrong = _modelled(Question, data, Path(source), None)
    wrong += _strange(data, Path(source), None)
    if question is None or wrong:
        raise refused(wrong)
    return question


def load_review(path: Path) -> ReviewFile:
    """Return the review a file holds; whether its quotes are true is for `decide` to say.

    Raises:
        NotFound: it cannot be read.
        InvalidSpec: with one mistake for each thing that is wrong.
    """
    data, lines = _content(path)
    review, wrong = _modelled(ReviewFile, data, path, lines)
    if review is None:
        raise InvalidSpec(
            say(f"{len(wrong)} thing(s) in it are not valid", f"{len(wrong)}곳이 올바르지 않습니다"),
            wrong,
            say(
                "Correct the lines named above; `kgenesis question form ID` writes a form to fill in.",
                "위에 적힌 줄을 고치세요. `kgenesis question form ID`는 채워 넣을 양식을 만듭니다.",
            ),
        )
    return review


def refused(wrong: Sequence[Mistake]) -> InvalidSpec:
    """Return the refusal of a question file."""
    n = len(wrong)
    return InvalidSpec(say(f"{n} thing(s) in it are not valid", f"{n}곳이 올바르지 않습니다"), wrong, _NEXT)


def _content(path: Path) -> tuple[dict[str, Any], yaml.Node | None]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(
            say(f"{path} cannot be read: {error}", f"{path}을(를) 읽을 수 없습니다: {error}"),
            hint=say("Check the path and that it is UTF-8 text.", "경로가 맞는지, UTF-8 글인지 확인하세요."),
        ) from error
    data, lines = parse_yaml(text, str(path))
    if not isinstance(data, dict):
        mistake = Mistake(say("not a mapping of keys", "키와 값의 모음이 아닙니다"), file=str(path), line=1)
        raise refused([mistake])
    return data, lines


def _modelled(
    model: type[Model], data: Mapping[str, Any], path: Path, lines: yaml.Node | None
) -> tuple[Model | None, list[Mistake]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, list(invalid(error, str(path), lines, data).problems)


def _strange(data: Mapping[str, Any], path: Path, lines: yaml.Node | None) -> list[Mistake]:
    """Return what only the rest of the house can tell: technologies that are not in the atlas, units nobody knows."""

    def mistake(text: Text, *place: str | int) -> Mistake:
        return Mistake(text, dotted(place), str(path), line_of(lines, place))

    found = []
    target = data.get("target")
    unit = target.get("unit") if isinstance(target, dict) else None
    if isinstance(unit, str):
        try:
            check_unit(unit)
        except UnitMismatch as error:
            found.append(mistake(error.detail, "target", "unit"))
    technologies = data.get("technologies")
    for i, name in enumerate(technologies if isinstance(technologies, list) else ()):
        try:
            load_atlas().technology(str(name))
        except NotFound as error:
            found.append(mistake(error.detail, "technologies", i))
    return found


# ---- what people start from ---------------------------------------------------------------------------------------


def write_question(path: Path, lang: Lang, *, may_replace: bool = False) -> Path:
    """Write a commented question file to fill in.

    Raises:
        BadInput: it exists already.
    """
    text = (files("kgenesis.app") / "templates" / "question.yaml").read_text(encoding="utf-8")
    return write_text(path, in_language(text.format(name=_slug(path.stem)), lang), may_replace=may_replace)


def write_form(path: Path, question: Question, rubric: str, lang: Lang, *, may_replace: bool = False) -> Path:
    """Write a review to fill in: every criterion of a rubric with what it asks.

    Raises:
        NotFound: there is no such rubric.
        BadInput: the file exists already.
    """
    known = measures()
    found = known.rubric(rubric)
    head = say(
        "Score 1-5, and quote the passage of the question each score rests on, word for word, in either language.",
        "1-5점을 주고, 점수마다 근거가 된 질문의 글귀를 어느 언어로든 그대로 옮기세요.",
    )
    lines = [f"# {question.statement.in_(lang)}", f"# {head.in_(lang)}"]
    lines += [f"#   {score}: {text.in_(lang)}" for score, text in known.scale.items()]
    lines += [f"rubric: {found.id}", "scores:"]
    for criterion in found.criteria:
        lines += [f"  # {criterion.ask.in_(lang)}", f"  {criterion.id}: {{score: , quote: '', why: ''}}"]
    lines += ["# accept | sharpen | split | reject", "advice:", "summary: ''"]
    return write_text(path, "\n".join(lines) + "\n", may_replace=may_replace)


def write_text(path: Path, text: str, *, may_replace: bool) -> Path:
    """Write a file that must not be there yet.

    Raises:
        BadInput: it is, or it cannot be written.
    """
    if path.exists() and not may_replace:
        raise BadInput(
            say(f"{path} exists already", f"{path}이(가) 이미 있습니다"),
            hint=say(
                "Choose another name, or replace it with `--force`.", "다른 이름을 고르거나 `--force`로 바꿔 쓰세요."
            ),
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            say(f"{path} cannot be written: {error}", f"{path}에 쓸 수 없습니다: {error}"),
            hint=say("Choose another place.", "다른 곳을 고르세요."),
        ) from error
    return path


def _slug(stem: str) -> str:
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem.lower())
    return "-".join(part for part in kept.split("-") if part)[:80].strip("-") or "my-question"
