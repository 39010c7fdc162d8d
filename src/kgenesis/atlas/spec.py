"""What the atlas says: fields, technologies, targets as numbers with units, and how well each entry is verified."""

from collections import Counter
from datetime import date
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field as Required
from pydantic import model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.fields import Number, Unit
from kgenesis.kernel.text import EMPTY, Text, Wrong, say

Id = str
"""Lower-case letters, digits and hyphens, e.g. `next-generation-cell`."""

_ID = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"


class Verification(StrEnum):
    """How well something was checked, best first."""

    LAW = "law"
    PAGE = "page"
    TRANSCRIPTION = "transcription"
    MEMORY = "memory"
    NOT_FOUND = "not-found"

    @property
    def text(self) -> Text:
        """What it means, for people."""
        return _MEANING[self]


_MEANING = {
    Verification.LAW: say("read in the statute", "법령 원문에서 읽음"),
    Verification.PAGE: say("read in the page cited", "인용한 페이지에서 읽음"),
    Verification.TRANSCRIPTION: say("read in somebody's transcription", "제3자가 옮겨 적은 것을 읽음"),
    Verification.MEMORY: say("recalled, not checked", "기억에 따른 것, 확인하지 않음"),
    Verification.NOT_FOUND: say("looked for and not found", "찾았으나 없음"),
}


class Source(Frozen):
    """Something entries rest on, and how it was read."""

    title: Text
    address: str = ""
    """Where it can be read; empty if it was not read at an address of its own."""
    verification: Verification
    note: Text = EMPTY


class Target(Frozen):
    """A figure that a technology is to reach."""

    quantity: Text
    """What is counted or measured."""
    comparison: Literal["at_least", "at_most", "of_class"]
    """`of_class` where the source names a class ("1,000-qubit class") and no bound."""
    value: Number
    unit: Unit
    """As `pint` reads it, e.g. `Wh/kg`; `"1"` for a count."""
    stated: str = Required(min_length=1)
    """The figure in the words of the source."""
    source: str

    @property
    def text(self) -> Text:
        """The target as a person reads it, e.g. `≥ 350 Wh/kg`."""
        figure = f"{self.value:,g}" if self.unit == "1" else f"{self.value:,g} {_SHOWN.get(self.unit, self.unit)}"
        match self.comparison:
            case "at_least":
                return say(f"≥ {figure}", f"{figure} 이상")
            case "at_most":
                return say(f"≤ {figure}", f"{figure} 이하")
            case "of_class":
                return say(f"{figure} class", f"{figure}급")


_SHOWN = {"percent": "%", "um": "µm", "force_metric_ton": "tf", "metric_ton": "t"}
"""Units as people write them, where `pint` writes another word."""


class Technology(Frozen):
    """One focus technology."""

    id: Id = Required(pattern=_ID)
    field: Id
    """The field it belongs to."""
    name: Text
    scope: Text
    """What it covers, condensed; not the legal definition."""
    source: str
    note: Text = EMPTY
    targets: tuple[Target, ...] = ()
    """Empty where the source gives no figure."""
    listed_in: tuple[Id, ...] = ()
    """Neighbouring lists that have an entry beside it; their wording and thresholds differ."""
    terms: tuple[Text, ...] = ()
    """Words people look for, as pairs of English and Korean; ours, for the search only."""


class Field(Frozen):
    """One field and its technologies."""

    id: Id = Required(pattern=_ID)
    name: Text
    source: str
    technologies: tuple[Technology, ...] = Required(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _technologies_know_their_field(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("technologies"), list):
            return value
        inside = [{"field": value.get("id"), **t} if isinstance(t, dict) else t for t in value["technologies"]]
        return {**value, "technologies": inside}


class Gap(Frozen):
    """Something that belongs here and is not known."""

    about: Text
    verification: Verification
    note: Text


class Entry(Frozen):
    """One line of a neighbouring list."""

    name: Text
    count: int | None = None
    """How many technologies it holds; None if that was not read."""
    is_in_press: bool = False
    """Seen in the press, too."""
    note: Text = EMPTY


class NeighbouringList(Frozen):
    """A list that is not the atlas, but is mistaken for it or compared with it."""

    id: Id = Required(pattern=_ID)
    name: Text
    keeper: Text
    """The law or body that keeps it."""
    as_of: date
    address: str
    verification: Verification
    difference: Text
    """How it differs from the atlas, and how it was read."""
    count: int | None = None
    """How many technologies or challenges it holds in all; None if that was not read."""
    entries: tuple[Entry, ...] = ()
    """Empty where only its name and its neighbours were read."""


class Scheme(Frozen):
    """One version of the list, as its file says it."""

    scheme: str = Required(pattern=r"^\d{4}-\d{2}$")
    """Year and month it was confirmed."""
    since: date
    title: Text
    standing: Text
    """Whether it is in force, and how that is known."""
    sources: dict[str, Source]
    gaps: tuple[Gap, ...] = ()
    fields: tuple[Field, ...] = Required(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique_and_sources_known(self) -> Self:
        technologies = [t for f in self.fields for t in f.technologies]
        counted = Counter([*(f.id for f in self.fields), *(t.id for t in technologies)])
        twice = sorted(name for name, n in counted.items() if n > 1)
        if twice:
            raise Wrong(f"ids given twice: {', '.join(twice)}", f"두 번 쓰인 id: {', '.join(twice)}")
        used = {f.source for f in self.fields} | {t.source for t in technologies}
        used |= {target.source for t in technologies for target in t.targets}
        if unknown := sorted(used - set(self.sources)):
            raise Wrong(f"sources not described: {', '.join(unknown)}", f"설명이 없는 출처: {', '.join(unknown)}")
        return self
