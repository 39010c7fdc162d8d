"""What questions are judged by, as data: rubrics, the gate of acceptance, and how short a quote may be."""

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from kgenesis.kernel.errors import NotFound
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.text import Text, say


class Criterion(Frozen):
    """One thing that is asked of a question."""

    id: str
    ask: Text


class Rubric(Frozen):
    """Criteria that belong together, and where they come from."""

    id: str
    version: Annotated[int, Field(ge=1)]
    title: Text
    source: Text
    url: str
    verified: Literal["quoted", "reported", "recalled"]
    """How well the wording was checked against the source."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the criteria, in order."""
        return tuple(criterion.id for criterion in self.criteria)


class Gate(Frozen):
    """What a question needs before it can be accepted."""

    version: Annotated[int, Field(ge=1)]
    needs: tuple[str, ...]
    better_with: tuple[str, ...]
    reviewers: Annotated[int, Field(ge=1)]
    """How many different people must have scored every criterion of a rubric."""
    complete_rubrics: Annotated[int, Field(ge=1)]
    """Under how many rubrics."""
    authors_count: bool
    machines_count: bool


class QuoteRule(Frozen):
    """What a quote must be besides true."""

    least_letters: Annotated[int, Field(ge=1)]


class Bar(Frozen):
    """From which cosine on two texts are said to be alike."""

    same: Annotated[float, Field(ge=0, le=1)]
    """Both in the same language."""
    across: Annotated[float, Field(ge=0, le=1)]
    """One in Korean, one not."""


class Measures(Frozen):
    """The whole of `rubrics.yaml`."""

    scale: dict[int, Text]
    gate: Gate
    quote: QuoteRule
    likeness: dict[str, Bar]
    """By the name of an embedder."""
    rubrics: tuple[Rubric, ...]

    @model_validator(mode="after")
    def _has_each_name_once(self) -> Self:
        names = [rubric.id for rubric in self.rubrics] + [f"{r.id}/{c}" for r in self.rubrics for c in r.names]
        if len(set(names)) < len(names):
            msg = "a rubric or criterion is there twice"
            raise ValueError(msg)
        return self

    def rubric(self, name: str) -> Rubric:
        """Return a rubric by its id.

        Raises:
            NotFound: there is none of that name.
        """
        found = next((rubric for rubric in self.rubrics if rubric.id == name), None)
        if found is None:
            known = ", ".join(rubric.id for rubric in self.rubrics)
            raise NotFound(
                say(f"no rubric is called {name!r}", f"{name!r}(이)라는 평가 기준이 없습니다"),
                hint=say(f"There are: {known}. `kgenesis question rubrics` shows them.",
                         f"있는 것: {known}. `kgenesis question rubrics`가 보여 줍니다."),
            )  # fmt: skip
        return found


@cache
def measures() -> Measures:
    """Return what ships with the package."""
    text = (files("kgenesis.questions") / "rubrics.yaml").read_text(encoding="utf-8")
    return Measures.model_validate(yaml.safe_load(text))
