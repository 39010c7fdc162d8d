"""How a command ends badly: one message on stderr, or one JSON object on stdout, and an exit code."""

import json
import os
import sys
import traceback
from typing import Any, Protocol, runtime_checkable

from kgenesis.cli.language import UnknownLanguageError, lang, t

Said = tuple[str, str]
"""A sentence in English and in Korean."""

FAILED = 1
INTERRUPTED = 130
USAGE = 2


@runtime_checkable
class _Usage(Protocol):
    """What Typer raises for a wrong command line (from the click it brings along, or from click itself)."""

    exit_code: int
    message: str

    def format_message(self) -> str:
        """Return what is wrong."""
        ...


def exit_code_of(error: BaseException, *, is_json: bool) -> int:
    """Say what happened and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        print(t("interrupted", "중단되었습니다"), file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    if os.environ.get("KGENESIS_DEBUG"):
        traceback.print_exception(error)
    text, data, code = _described(error)
    if is_json:
        print(json.dumps({"error": data}, ensure_ascii=False))  # noqa: T201
    if text and (not is_json or sys.stderr.isatty()):
        print(text, file=sys.stderr)  # noqa: T201
    return code


def _described(error: BaseException) -> tuple[str, dict[str, Any], int]:
    """Return what a person reads, what a program reads, and the exit code."""
    errors = sys.modules.get("kgenesis.kernel.errors")  # not loaded: it cannot be one of ours
    if errors is not None and isinstance(error, errors.KGenesisError):
        return error.in_(lang()), error.as_json(), error.exit_code
    code, detail, hint, exit_code = _foreign(error)
    text = t(*detail)
    # a page of help, which Typer gives for a group without a command, is no message
    shown = text if type(error).__name__ == "NoArgsIsHelpError" else f"[{code}] {text}\n  → {t(*hint)}"
    data = {"code": code, "detail": _both(detail), "problems": [], "hint": _both(hint)}
    return shown, data, exit_code


def _both(said: Said) -> dict[str, str]:
    return {"en": said[0], "ko": said[1]}


def _foreign(error: BaseException) -> tuple[str, Said, Said, int]:
    """Return code, detail, hint and exit code of what is none of our own errors."""
    if isinstance(error, UnknownLanguageError):
        given = repr(str(error))
        detail = (f"--lang is ko or en, not {given}", f"--lang은 ko 또는 en입니다(입력: {given})")
        return "usage", detail, ("e.g. --lang ko", "예: --lang ko"), USAGE
    if isinstance(error, _Usage):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "kgenesis"
        hint = (f"`{command} --help` says how it is used.", f"`{command} --help`로 사용법을 보세요.")
        return "usage", (error.format_message(), in_korean(error)), hint, USAGE
    if isinstance(error, OSError) and error.filename is not None:
        why = error.strerror
        detail = (f"{error.filename}: {why}", f"{error.filename}: 읽거나 쓸 수 없습니다({why})")
        return "file", detail, ("Choose another place.", "다른 곳을 고르세요."), 1
    said = f"{type(error).__name__}: {error}"
    detail = (f"this should not have happened: {said}", f"일어나지 말았어야 할 오류입니다: {said}")
    hint = (
        "Run it again with KGENESIS_DEBUG=1 and report what it prints; a campaign can be resumed.",
        "KGENESIS_DEBUG=1로 다시 실행해 나온 내용을 알려 주세요. 캠페인은 이어서 할 수 있습니다.",
    )
    return "unexpected", detail, hint, 1


def in_korean(error: _Usage) -> str:
    """Return a usage error in Korean; Typer only says them in English."""
    english = error.format_message()
    option = getattr(error, "option_name", "")
    match type(error).__name__:
        case "MissingParameter":
            said = f"{_name_of(error)}이(가) 필요합니다"
        case "NoSuchOption":
            near = ", ".join(getattr(error, "possibilities", None) or [])
            said = f"{option}(이)라는 옵션이 없습니다" + (f" (혹시 {near}?)" if near else "")
        case "BadParameter":
            said = f"{_name_of(error)}: 올바르지 않은 값입니다({error.message.rstrip('.')})"
        case "BadOptionUsage":
            said = f"{option}: 값이 빠졌거나 값을 받지 않는 옵션입니다"
        case _ if "No such command" in english:
            said = f"그런 명령이 없습니다: {english.removeprefix('No such command ')}".replace("Did you mean", "혹시")
        case _ if "unexpected extra argument" in english:
            said = f"남는 인자가 있습니다 {english[english.find('(') :] if '(' in english else ''}".rstrip()
        case _ if "Missing command" in english:
            said = "명령이 필요합니다"
        case _:
            said = english
    return said


def _name_of(error: object) -> str:
    parameter = getattr(error, "param", None)
    if parameter is None:
        return str(getattr(error, "param_hint", "") or "")
    options = [o for o in getattr(parameter, "opts", []) if o.startswith("-")]
    return options[0] if options else str(getattr(parameter, "metavar", None) or parameter.name).upper()
