"""What a mission file says: the problem, the lab, who decides, and how much may be spent."""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.fields import ONLY_NUMBERS, Cell, Name, NotNegative, Positive
from kgenesis.kernel.objective import Cost, Objective, OutcomeConstraint
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import Text, Wrong

SCHEMA_VERSION: Literal[1] = 1

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=80)]


class Choice(Frozen):
    """A plug-in by name, with its own settings; a plain string is the name."""

    name: str = Field(min_length=1)
    settings: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _plain_string_is_the_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class Budget(Frozen):
    """What a campaign may spend at most; it ends when any part is used up."""

    experiments: Annotated[int, Field(ge=1), ONLY_NUMBERS]
    """Number of experiments, failed ones included."""
    cost: Positive | None = None
    """In the unit of the mission's `cost`."""
    hours: Positive | None = None
    """Wall time of the campaign while it is running, in hours."""


class LittleLeft(Frozen):
    """When so little is left to gain that going on is not worth it."""

    improvement: NotNegative
    """An improvement of no more than this does not matter, in the objective's unit."""
    probability: Annotated[float, Field(ge=0.01, le=0.5), ONLY_NUMBERS] = 0.05
    """End once the chance that more than `improvement` is left to gain is below this."""
    in_a_row: Annotated[int, Field(ge=1, le=100), ONLY_NUMBERS] = 3
    """How many times in a row the planner must say so, each time knowing more results."""


class Batch(Frozen):
    """Experiments that are done together: a plate, an oven load, a day's work."""

    size: Annotated[int, Field(ge=1, le=1024), ONLY_NUMBERS]
    """Experiments on one plate; the next plate is proposed when all of them have ended."""
    same: tuple[str, ...] = ()
    """Factors (for a mixture: components) that have one value on a plate, e.g. its temperature."""


class EarlierSource(Frozen):
    """Earlier experiments on a related question, to learn from: a campaign, or a table with the same column names.

    A plain string is a table if it ends in `.csv` or `.xlsx`, else a campaign.
    """

    campaign: str = ""
    """A campaign of the same store: its id, the beginning of it, or its mission's name (the latest)."""
    path: str = ""
    """A CSV or Excel table, relative to the mission file; what `campaign export` writes is one."""
    name: str = ""
    """What people call it; default: the mission's or the file's name."""
    rename: dict[str, Name] = {}
    """What a factor or outcome is called there → what it is called here."""
    assume: dict[Name, Cell] = {}
    """The value that a factor had in all of its experiments, where it does not say."""

    @model_validator(mode="before")
    @classmethod
    def _plain_string_names_it(cls, value: object) -> object:
        if isinstance(value, str):
            return {"path": value} if value.lower().endswith((".csv", ".xlsx")) else {"campaign": value}
        return value

    @model_validator(mode="after")
    def _is_campaign_or_path(self) -> Self:
        if bool(self.campaign) == bool(self.path):
            raise Wrong("give a `campaign` or a `path`", "`campaign`이나 `path` 중 하나를 주세요")
        return self


class ReferencePlan(Frozen):
    """What the campaign is compared with: a search without AI."""

    planner: Literal["random", "sobol"] = "random"
    repeats: Annotated[int, Field(ge=10, le=1000), ONLY_NUMBERS] = 12
    """Independent repeats; at least 10, so that a bootstrap interval means something."""
    experiments: Annotated[int, Field(ge=10), ONLY_NUMBERS] = 100
    """Experiments in each repeat."""


class Mission(Frozen):
    """A mission file, whole."""

    kgenesis: Literal[1] = SCHEMA_VERSION
    """Version of this schema."""
    name: Slug
    """Short name: lower-case letters, digits and hyphens."""
    title: Text
    """One line, in English and Korean (`{en: …, ko: …}`) or one string for both."""
    summary: Text = Text(en="", ko="")
    field: str = ""
    """The field of national strategic technology, e.g. `secondary-battery`."""
    technology: str = ""
    """The technology within the field."""
    space: Space
    """Factors and the constraints known beforehand."""
    objectives: tuple[Objective, ...] = Field(min_length=1)
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    cost: Cost = Cost(amount=1.0)
    """Cost of one experiment."""
    lab: Choice = Choice(name="people")
    """Where experiments are done; `people` if nothing else is said."""
    planner: Choice = Choice(name="model")
    """Who decides what to try next."""
    budget: Budget
    parallel: Annotated[int, Field(ge=1, le=1024), ONLY_NUMBERS] = 1
    """Experiments that may run at the same time."""
    batch: Batch | None = None
    """Experiments are proposed a plate at a time; without it, one by one as places in the lab fall free."""
    replicates: Annotated[int, Field(ge=1, le=100), ONLY_NUMBERS] = 1
    """How often every proposal is measured; each time is an experiment of its own."""
    retries: Annotated[int, Field(ge=0, le=10), ONLY_NUMBERS] = 1
    """How often an experiment that was lost or timed out is tried again (never in a physical lab)."""
    timeout: Positive | None = None
    """Seconds after which an experiment is stopped."""
    ordering: Literal["reproducible", "as-they-come"] | None = None
    """`reproducible`: proposal k waits for experiments 1 … k - parallel, so the same seed gives the same campaign on
    any machine. `as-they-come`: every result is used at once. Default: the first, for physical labs the second."""
    stop_when_reached: bool = True
    """End the campaign at the first experiment that reaches every target."""
    stop_when_unlikely: LittleLeft | None = None
    """End once little is likely to be left to gain; needs a planner that says what is left, as `model` does."""
    start: tuple[dict[str, Cell], ...] = ()
    """Experiments to do first: an expert's best guesses."""
    earlier: tuple[EarlierSource, ...] = ()
    """Earlier campaigns to learn from, as far as they prove to be alike; copied when the campaign is opened."""
    reference: ReferencePlan = ReferencePlan()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problem = self.problem
        for i, conditions in enumerate(self.start):
            for mistake in problem.space.check(conditions):
                raise Wrong(f"start[{i}]: {mistake.in_('en')}", f"start[{i}]: {mistake.in_('ko')}")
        if self.stop_when_unlikely is not None and len(self.objectives) > 1:
            raise Wrong(
                "stop_when_unlikely needs a single objective: what is left to gain is said in its unit",
                "stop_when_unlikely는 목적이 하나일 때만 쓸 수 있습니다. 남은 개선 폭을 그 단위로 말하기 때문입니다",
            )
        if self.batch is not None:
            self._check_batch(self.batch)
        for i, source in enumerate(self.earlier):
            for name in source.assume:
                if name not in problem.space.names:
                    raise Wrong(
                        f"earlier[{i}].assume: no factor is called {name!r}",
                        f"earlier[{i}].assume: {name!r}라는 요인이 없습니다",
                    )
        if self.budget.cost is not None and self.cost.amount is not None and self.cost.amount > self.budget.cost:
            raise Wrong("budget.cost does not pay for one experiment", "budget.cost로는 실험 하나도 할 수 없습니다")
        return self

    def _check_batch(self, batch: Batch) -> None:
        variables = {v.name: v for v in self.problem.space.variables}
        for i, name in enumerate(batch.same):
            if name not in variables or variables[name].role != "controlled":
                controlled = ", ".join(n for n, v in variables.items() if v.role == "controlled")
                raise Wrong(
                    f"batch.same[{i}]: {name!r} is not a factor that can be set; there are: {controlled}",
                    f"batch.same[{i}]: {name!r}은(는) 조절할 수 있는 요인이 아닙니다. 있는 것: {controlled}",
                )
            if name in batch.same[:i]:
                raise Wrong(f"batch.same: {name!r} is there twice", f"batch.same: {name!r}이(가) 두 번 있습니다")
        if self.replicates > batch.size:
            raise Wrong(
                f"batch.size {batch.size} has no place for {self.replicates} replicates",
                f"batch.size {batch.size}에는 반복 측정 {self.replicates}회가 들어가지 않습니다",
            )

    @cached_property
    def problem(self) -> Problem:
        """The space, objectives and costs, as planners and labs see them."""
        return Problem(
            space=self.space, objectives=self.objectives, outcome_constraints=self.outcome_constraints, cost=self.cost
        )

    @cached_property
    def spec_hash(self) -> str:
        """SHA-256 (first 16 hex digits) of the whole mission in canonical JSON."""
        return canonical_hash(self.model_dump(mode="json"))

    @cached_property
    def reference_key(self) -> str:
        """SHA-256 (first 16 hex digits) of what decides a reference: the space, the lab and what it measures.

        Targets, budget and planner are left out: raw outcomes are kept, so that another target needs no new reference.
        """
        labels: Any = {"__all__": {"label": True, "components": {"__all__": {"label"}}}}
        space = self.space.model_dump(mode="json", exclude={"factors": labels})
        return canonical_hash(
            {"space": space, "lab": self.lab.model_dump(mode="json"), "outcomes": sorted(self.problem.outcomes)}
        )


def canonical_hash(data: Any) -> str:
    """Return the first 16 hex digits of SHA-256 over JSON with sorted keys and no blanks."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
