"""What a question file says: what is asked, why now, what is known, and by which number the answer is judged."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.fields import ONLY_NUMBERS, Number, Positive, Unit
from kgenesis.kernel.text import EMPTY, Text, Wrong

SCHEMA_VERSION: Literal[1] = 1
_LONGEST = 20_000
"""Characters of one text: a question is read by people."""


def _said(text: Text) -> Text:
    if not text.en.strip() or not text.ko.strip():
        raise Wrong(
            "must not be empty, in neither language (one string serves both)",
            "두 언어 모두 비어 있으면 안 됩니다(문자열 하나면 둘 다에 쓰입니다)",
        )
    return _short(text)


def _short(text: Text) -> Text:
    if max(len(text.en), len(text.ko)) > _LONGEST:
        raise Wrong(f"is longer than {_LONGEST:,} characters", f"{_LONGEST:,}자보다 깁니다")
    return text


Said = Annotated[Text, AfterValidator(_said)]
"""A text that says something in both languages."""
Maybe = Annotated[Text, AfterValidator(_short)]
"""A text that may be missing."""


def _line(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise Wrong("must not be empty", "비어 있으면 안 됩니다")
    return value


Line = Annotated[str, Field(max_length=_LONGEST), BeforeValidator(_line)]
"""A text in the words of its source, which are not translated."""

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=80)]


class Machine(Frozen):
    """Which model wrote something, where and when."""

    model: str = Field(min_length=1)
    endpoint: str
    """Host of the endpoint that was asked."""
    at: str
    """UTC time, ISO 8601."""


class Evidence(Frozen):
    """Something that is known, and what it rests on."""

    claim: Said
    source: Line
    """Where it is said: authors, title, year."""
    quote: Line
    """What the source says, in its own words."""
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")


class Target(Frozen):
    """The number by which an answer is judged."""

    quantity: Said
    """What is measured, and under which conditions."""
    unit: Unit
    """As `pint` reads it; `"1"` for a pure number."""
    goal: Literal["maximize", "minimize"]
    value: Number
    """Reached when the quantity is at least (`maximize`) or at most (`minimize`) this."""
    current_best: Number | None = None
    """The best value known today, in the same unit; left out if nobody knows it."""
    source: str = ""
    """Where the current best is said."""

    @model_validator(mode="after")
    def _is_ahead(self) -> Self:
        if self.current_best is None:
            return self
        if not self.source.strip():
            raise Wrong("the current best needs its `source`", "current_best에는 `source`가 필요합니다")
        if (self.value - self.current_best) * self.sign <= 0:
            raise Wrong(
                f"the value {self.value:g} is no better than the current best {self.current_best:g} (goal {self.goal})",
                f"목표 {self.value:g}이(가) 현재 최고 {self.current_best:g}보다 낫지 않습니다(goal {self.goal})",
            )
        return self

    @property
    def sign(self) -> int:
        """1 if more is better, else -1."""
        return 1 if self.goal == "maximize" else -1

    @property
    def shown(self) -> str:
        """The target as people write it: `≤ 29.4 min`."""
        unit = "" if self.unit in {"", "1"} else f" {self.unit}"
        return f"{'≥' if self.goal == 'maximize' else '≤'} {self.value:g}{unit}"


class MissionHints(Frozen):
    """What is known of the mission that would answer the question; nothing here is guessed for you."""

    start_from: str = ""
    """A built-in mission, or the path of a mission file, relative to the folder the drafts are written to."""
    outcome: str = ""
    """Which objective of `start_from` measures the target; its target becomes the question's."""
    lab: str = ""
    """A lab by name, where no mission is there to start from."""
    factors: tuple[dict[str, Any], ...] = ()
    """Factors as a mission file writes them, where no mission is there to start from."""
    experiments: Annotated[int, Field(ge=1), ONLY_NUMBERS] | None = None
    """How many experiments may be spent."""


def _target(value: object) -> object:
    if not value:
        raise Wrong(
            "a question needs a measurable target: quantity, unit, goal and value",
            "질문에는 잴 수 있는 목표(quantity, unit, goal, value)가 필요합니다",
        )
    return value


class Question(Frozen):
    """A question file, whole."""

    kgenesis: Literal[1] = SCHEMA_VERSION
    """Version of this schema."""
    name: Identifier
    """Short name: lower-case letters, digits and hyphens."""
    statement: Said
    """The question itself, in English and Korean (`{en: …, ko: …}`) or one string for both."""
    technologies: tuple[Identifier, ...] = Field(min_length=1)
    """Ids of the atlas, e.g. `lithium-ion-cell`."""
    target: Annotated[Target, BeforeValidator(_target)] = Field(default=None, validate_default=True)
    """The measurable target; a question without one cannot be proposed."""
    falsified_if: Maybe = EMPTY
    """What would show that the answer is no."""
    why_now: Maybe = EMPTY
    """What has changed, so that it can be asked now."""
    known: tuple[Evidence, ...] = ()
    """What is known, each with its source and its words."""
    limit: Maybe = EMPTY
    """Where what is known ends."""
    approach: Maybe = EMPTY
    """How it might be done, if anybody knows; left out, the method is open, which speaks for a prize."""
    first_experiment: Maybe = EMPTY
    """The cheapest experiment that could already show that the answer is no."""
    mid_term_exam: Maybe = EMPTY
    """What must be shown halfway."""
    final_exam: Maybe = EMPTY
    """What must be shown in the end."""
    horizon_years: Positive | None = None
    """Years until the final exam."""
    risks: tuple[Said, ...] = ()
    people: tuple[Said, ...] = ()
    """Who is needed."""
    parent: str = Field(default="", pattern=r"^(qst_[0-9a-z]+)?$")
    """Id of the question that this one is part of."""
    mission: MissionHints = MissionHints()
    """Where a mission could start from."""
    machine: Machine | None = None
    """Set if a machine wrote the file; never taken away by hand."""

    @model_validator(mode="after")
    def _names_each_technology_once(self) -> Self:
        for i, technology in enumerate(self.technologies):
            if technology in self.technologies[:i]:
                raise Wrong(
                    f"technologies: {technology!r} is there twice", f"technologies: {technology!r}이(가) 두 번 있습니다"
                )
        return self

    def passages(self) -> Iterator[tuple[str, str]]:
        """Yield every place of the question that says something, e.g. `why_now.ko`, and what it says there."""
        yield "target", self.target.shown.removeprefix("≥ ").removeprefix("≤ ")
        for name in type(self).model_fields:
            if name not in _NOT_PROSE:
                yield from _passages(name, getattr(self, name))


_NOT_PROSE = frozenset({"kgenesis", "name", "technologies", "parent", "mission", "machine"})


def _passages(place: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case Text():
            yield from ((f"{place}.{lang}", said) for lang, said in value.model_dump().items() if said)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _passages(f"{place}.{name}", getattr(value, name))
        case tuple():
            for i, item in enumerate(value):
                yield from _passages(f"{place}[{i}]", item)
        case str() if value and not place.endswith((".url", ".goal", ".unit")):
            yield place, value


def normalised(text: str) -> str:
    """Return a text as quotes are compared: composed Unicode (NFC), every run of blanks one space."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


def passage_of(question: Question, quote: str) -> str | None:
    """Return the first place of a question where a quote stands word for word, blanks aside; None if nowhere."""
    wanted = normalised(quote)
    return next((place for place, text in question.passages() if wanted and wanted in normalised(text)), None)


def is_said(question: Question, field: str) -> bool:
    """Say whether a field of a question, e.g. `target.current_best`, says something."""
    value: Any = question
    for part in field.split("."):
        value = getattr(value, part, None)
    return bool(value) if not isinstance(value, int | float) else True


class GivenScore(Frozen):
    """A score as a reviewer gives it."""

    score: Annotated[int, Field(ge=1, le=5), ONLY_NUMBERS]
    quote: str = ""
    """The passage of the question it rests on, word for word, in either language."""
    why: str = Field(default="", max_length=_LONGEST)


class ReviewFile(Frozen):
    """A review as a reviewer writes it."""

    rubric: str
    scores: dict[str, GivenScore] = Field(min_length=1)
    """By criterion; those left out are not scored."""
    advice: Literal["accept", "sharpen", "split", "reject"]
    """What should be done with the question."""
    summary: str = Field(default="", max_length=_LONGEST)
    machine: Machine | None = None
    """Set if a machine wrote the file; such a review does not count towards acceptance."""
