"""Say it in Korean and in English: every sentence a person reads is a pair, so neither can be missing."""

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Lang = Literal["ko", "en"]


class Text(BaseModel):
    """One thing said in both languages; `{name}` places are filled by `format`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str
    ko: str

    @model_validator(mode="before")
    @classmethod
    def _plain_string_serves_both(cls, value: Any) -> Any:
        return {"en": value, "ko": value} if isinstance(value, str) else value

    def format(self, **places: Any) -> "Text":
        """Fill the places; a place that is itself a `Text` is filled in the matching language."""
        return Text(
            en=self.en.format(**{k: v.en if isinstance(v, Text) else v for k, v in places.items()}),
            ko=self.ko.format(**{k: v.ko if isinstance(v, Text) else v for k, v in places.items()}),
        )

    def __bool__(self) -> bool:
        return bool(self.en or self.ko)

    def in_(self, lang: Lang) -> str:
        """Return the sentence in one language."""
        return self.ko if lang == "ko" else self.en


EMPTY = Text(en="", ko="")
"""Nothing said."""


def say(en: str, ko: str) -> Text:
    """Return the pair (a shorter way to write it)."""
    return Text(en=en, ko=ko)


def lang_of_environment() -> Lang:
    """Return `ko` if KGENESIS_LANG or else the locale asks for Korean, and `en` otherwise."""
    for variable in ("KGENESIS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "ko" if value.lower().startswith("ko") else "en"
    return "en"


class Wrong(ValueError):
    """Raised by validators of specifications: pydantic keeps it, so both languages reach whoever reads the error."""

    def __init__(self, en: str, ko: str) -> None:
        super().__init__(en)
        self.text = say(en, ko)
