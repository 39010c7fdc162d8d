"""Which language a terminal speaks, decided before anything else is imported.

`kernel.text` says the same and more, but it brings pydantic, which `--help` can do without; a test holds the two equal.
"""

import os
from collections.abc import Sequence
from typing import Literal

Lang = Literal["ko", "en"]

VARIABLES = ("KGENESIS_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""Where the language is looked for; the first that is set decides."""


class UnknownLanguageError(Exception):
    """`--lang` was given something else than `ko` or `en`."""


def lang() -> Lang:
    """Return the language people read here."""
    value = next((value for name in VARIABLES if (value := os.environ.get(name, ""))), "")
    return "ko" if value.lower().startswith("ko") else "en"


def t(en: str, ko: str) -> str:
    """Return the sentence in the language people read here."""
    return ko if lang() == "ko" else en


def take_lang(argv: Sequence[str]) -> list[str]:
    """Return the arguments without `--lang`, wherever it stands, and set the language for this process and its own.

    Raises:
        UnknownLanguageError: the value is missing, or neither `ko` nor `en`.
    """
    kept: list[str] = []
    rest = iter(argv)
    for argument in rest:
        if argument == "--":
            return [*kept, argument, *rest]
        if argument == "--lang" or argument.startswith("--lang="):
            value = next(rest, "") if argument == "--lang" else argument.removeprefix("--lang=")
            if value not in {"ko", "en"}:
                raise UnknownLanguageError(value)
            os.environ["KGENESIS_LANG"] = value
        else:
            kept.append(argument)
    return kept
