"""Read a lab's settings whole or not at all, and say which of them is wrong and why, in both languages."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import Text, say

PREFIX = "lab.settings"
"""Where a lab's settings stand in a mission file; every `Mistake.field` starts with it."""

S = TypeVar("S", bound=BaseModel)


def field(*parts: str | int) -> str:
    """Return the dotted path of one setting in the mission file."""
    return ".".join([PREFIX, *(str(part) for part in parts)])


def invalid(text: Text, *parts: str | int, file: str = "", line: int | None = None) -> InvalidSpec:
    """Return the error for one wrong setting (or one wrong line of a file it names)."""
    return InvalidSpec(
        say("the lab's settings are not valid", "실험실 설정이 올바르지 않습니다"),
        [Mistake(text, field(*parts), file, line)],
    )


def read_settings(model: type[S], context: PluginContext) -> S:
    """Return the settings as the lab's own model.

    Raises:
        InvalidSpec: one `Mistake` per wrong setting.
    """
    try:
        return model.model_validate(dict(context.settings))
    except ValidationError as error:
        problems = [
            Mistake(_sentence(item["type"], item["msg"], known=list(model.model_fields)), field(*item["loc"]))
            for item in error.errors()
        ]
        raise InvalidSpec(
            say("the lab's settings are not valid", "실험실 설정이 올바르지 않습니다"), problems
        ) from error


def _sentence(kind: str, message: str, known: list[str]) -> Text:
    names = ", ".join(known)
    match kind:
        case "missing":
            return say("this setting is needed", "이 설정이 필요합니다")
        case "extra_forbidden":
            return say(f"there is no such setting; there are: {names}", f"그런 설정이 없습니다. 있는 것: {names}")
        case _:
            text = message.removeprefix("Value error, ")
            return say(text, f"값이 올바르지 않습니다({text})")
