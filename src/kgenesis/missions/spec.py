"""What a charter says: the promise around campaigns, who keeps it, and how it is examined.

A *mission file* (`campaign/spec.py`) says what is varied, what is wanted, in which lab and at what budget. A *charter*
is the promise around it: which technologies it serves, a number that counts as success, milestones with exams that a
machine can check, what may be spent, and the mission files its campaigns follow.
"""

import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.fields import ONLY_NUMBERS, Name, Number, Positive, Unit
from kgenesis.kernel.objective import Objective
from kgenesis.kernel.text import EMPTY, Text, Wrong
from kgenesis.missions.exams import Exam, read_exam

SCHEMA_VERSION: Literal[1] = 1

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=80)]
Person = Annotated[str, Field(max_length=120, pattern=r"^(\S(.*\S)?)?$")]
Count = Annotated[int, Field(ge=1), ONLY_NUMBERS]


class Partner(Frozen):
    """Somebody who takes part: may run and join campaigns, and decides nothing else."""

    name: Person = Field(min_length=1)
    role: Text = EMPTY
    """What they bring: an instrument, material, money."""


class Possible(Frozen):
    """The range that physics or arithmetic leaves open for an outcome, in the unit of its target."""

    low: Number | None = None
    high: Number | None = None
    why: Text
    """What sets the bounds, and the source that says so."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low is None and self.high is None:
            raise Wrong("give `low`, `high` or both", "`low`나 `high`를 주세요")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise Wrong(f"low {self.low:g} is not below high {self.high:g}", f"low {self.low:g} ≥ high {self.high:g}")
        if not self.why.en.strip() or not self.why.ko.strip():
            raise Wrong("`why` must say what sets the bounds", "`why`에 범위의 근거를 적으세요")
        return self


class Kpi(Frozen):
    """A number that counts as success."""

    outcome: Name
    """The outcome, as the mission files call it."""
    goal: Literal["maximize", "minimize", "hit"]
    """What is better: more, less, or nearer to `value`."""
    value: Number | None = None
    """For `hit`: the value to hit, in `unit`."""
    unit: Unit
    """Unit of the target, as `pint` reads it; mission files may measure in another unit of the same kind."""
    target: Number
    """What "reached" means, in `unit`; for `hit`: the largest deviation from `value`."""
    possible: Possible | None = None
    """What can be reached at all; a target outside it is refused."""
    label: Text = EMPTY
    """What people read instead of the name."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        _ = self.objective  # an objective refuses a goal without its value, and a deviation that is not above 0
        wanted = self.value if self.goal == "hit" else self.target
        bounds = self.possible
        if bounds is None or wanted is None:
            return self
        if (bounds.low is not None and wanted < bounds.low) or (bounds.high is not None and wanted > bounds.high):
            low = "…" if bounds.low is None else f"{bounds.low:g}"
            high = "…" if bounds.high is None else f"{bounds.high:g}"
            raise Wrong(
                f"{self.outcome}: {wanted:g} {self.unit} lies outside the possible, {low} to {high}: {bounds.why.en}",
                f"{self.outcome}: {wanted:g} {self.unit}은(는) 가능한 범위 {low}–{high}를 벗어납니다: {bounds.why.ko}",
            )
        return self

    @property
    def objective(self) -> Objective:
        """The same as an objective, which knows what is better and what reaches the target."""
        return Objective(
            name=self.outcome, goal=self.goal, value=self.value, unit=self.unit, target=self.target, label=self.label
        )


class Due(Frozen):
    """By when a milestone is to be passed: a number of experiments, a day, or both."""

    experiments: Count | None = None
    """Experiments of all campaigns of the mission."""
    date: datetime.date | None = None
    """The last day, in UTC."""

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.experiments is None and self.date is None:
            raise Wrong("give `experiments`, `date` or both", "`experiments`나 `date`를 주세요")
        return self


class Milestone(Frozen):
    """A step on the way, with an exam that a machine can check."""

    name: Slug
    title: Text
    """What people call it."""
    due: Due
    """By when; a later pass is told as late."""
    exam: str = Field(min_length=1, max_length=1000)
    """A condition over logged quantities, e.g. `best_charge_time <= 31 and n_failures < 5`."""


class MissionBudget(Frozen):
    """What all campaigns of a mission may spend together."""

    experiments: Count
    """Failed ones included."""
    won: Positive | None = None
    """In KRW, by the cost that the mission files give."""
    gpu_hours: Positive | None = None
    """By what laboratories log as `gpu_hours` in an experiment's metadata."""


class Charter(Frozen):
    """A charter, whole; a draft may lack what is not marked as required, and cannot be opened before it is there."""

    kgenesis: Literal[1] = SCHEMA_VERSION
    """Version of this schema."""
    name: Slug
    """Short name: lower-case letters, digits and hyphens."""
    title: Text
    """One line, in English and Korean."""
    statement: Text = EMPTY
    """What is promised, in a few sentences."""
    question: str | None = None
    """Id (`qst_…`) of the grand question it answers; `kgenesis question to-mission` sets it."""
    technologies: tuple[Slug, ...] = ()
    """Technologies of the atlas it serves; the first is the main one and decides the field."""
    scheme: str | None = None
    """Edition of the atlas that names them, e.g. `2023-12`; the one in force if not given."""
    director: Person = ""
    """Who decides: opens, pauses, pivots, stops."""
    partners: tuple[Partner, ...] = ()
    """Who takes part; they run campaigns and let campaigns join."""
    kpis: tuple[Kpi, ...] = Field(min_length=1)
    """What counts as success, all of them together."""
    milestones: tuple[Milestone, ...] = ()
    """Steps on the way, each with an exam."""
    budget: MissionBudget | None = None
    """What may be spent."""
    mission_files: tuple[str, ...] = ()
    """Names of built-in missions, or paths relative to the charter; campaigns follow them."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for what, names in (
            ("kpis", [kpi.outcome for kpi in self.kpis]),
            ("milestones", [milestone.name for milestone in self.milestones]),
            ("technologies", self.technologies),
            ("mission_files", self.mission_files),
            ("director, partners", [self.director, *(partner.name for partner in self.partners)]),
        ):
            doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
            if doubled is not None:
                raise Wrong(f"{what}: {doubled!r} is there twice", f"{what}: {doubled!r}이(가) 두 번 있습니다")
        for milestone in self.milestones:
            self.exam_of(milestone)
            n = milestone.due.experiments
            if self.budget is not None and n is not None and n > self.budget.experiments:
                most = self.budget.experiments
                raise Wrong(
                    f"milestone {milestone.name}: due after {n} experiments, but the budget has {most}",
                    f"이정표 {milestone.name}: 기한은 실험 {n}회인데 예산은 {most}회입니다",
                )
        return self

    def exam_of(self, milestone: Milestone) -> Exam:
        """Return a milestone's exam, ready to be held.

        Raises:
            Wrong: it cannot be evaluated, cannot fail, or cannot be passed.
        """
        most = None if self.budget is None else self.budget.experiments
        ranges = {
            kpi.outcome: (None, None) if kpi.possible is None else (kpi.possible.low, kpi.possible.high)
            for kpi in self.kpis
        }
        return read_exam(milestone.name, milestone.exam, ranges, most)
