"""What is done in a laboratory: conditions in, a measurement or a failure out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.text import Text

Value = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)] | str | None
"""What a factor is set to: a number, a level, or None where the factor does not exist (conditional activity)."""

Conditions = Mapping[str, Value]
"""A value for every variable of the space, by name."""


class Frozen(BaseModel):
    """The base of everything that is stored or crosses a wire: frozen, and nothing unknown is let in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the fields only: what a cached property found in the original need not hold for the copy."""
        copied = super().model_copy(update=update, deep=deep)
        for name in set(copied.__dict__) - set(type(copied).model_fields):
            del copied.__dict__[name]
        return copied


class Outcome(Frozen):
    """One measured quantity, in the unit the mission declares for it."""

    mean: float
    sem: float | None = Field(default=None, ge=0)
    """Standard error of `mean`; None where it is not known."""
    n: int = Field(default=1, ge=1)
    """Replicates behind `mean`."""


def _or_its_mean(outcome: Any, schema_of: GetCoreSchemaHandler) -> CoreSchema:
    """Let a plain number stand for an outcome; not in JSON, which is written in full and read in bulk."""
    whole = schema_of(outcome)
    return core_schema.json_or_python_schema(whole, core_schema.no_info_before_validator_function(_as_outcome, whole))


def _as_outcome(value: Any) -> Any:
    return {"mean": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class FileRef(Frozen):
    """A file an experiment left behind, kept by content."""

    name: str
    sha256: str = ""
    """Content hash once the store has it; empty while the file is still in the experiment's folder."""
    size: int = Field(default=0, ge=0)
    """Bytes."""


class Measurement(Frozen):
    """What a laboratory found."""

    kind: Literal["measured"] = "measured"
    outcomes: dict[str, Annotated[Outcome, GetPydanticSchema(_or_its_mean)]]
    context: dict[str, float | str] = {}
    """Values of the context factors as measured during the experiment."""
    metadata: dict[str, Any] = {}
    files: tuple[FileRef, ...] = ()
    seconds: float | None = Field(default=None, ge=0)
    """Wall time the lab took."""

    def mean(self, outcome: str) -> float:
        """Return the mean of an outcome, NaN if it was not measured."""
        found = self.outcomes.get(outcome)
        return math.nan if found is None else found.mean


FailureKind = Literal["infeasible", "crashed", "timed-out", "lost", "refused"]


class Failure(Frozen):
    """An experiment that gave no result; a value, not an exception.

    `infeasible`: the conditions themselves do not work, which is knowledge. `crashed`: the lab raised or answered
    nonsense. `timed-out`: it took too long and was stopped. `lost`: its worker vanished. `refused`: a rule or a
    person forbade it.
    """

    kind: FailureKind
    reason: Text
    metadata: dict[str, Any] = {}
    files: tuple[FileRef, ...] = ()
    seconds: float | None = Field(default=None, ge=0)


Result = Measurement | Failure


class Expectation(Frozen):
    """What a surrogate expected of an outcome before it was measured, in the outcome's unit."""

    mean: float
    sd: float = Field(ge=0)


class Chance(Frozen):
    """How likely something is left to find that beats the best by more than so much."""

    improvement: float = Field(ge=0)
    """In the unit of the objective."""
    probability: float = Field(ge=0, le=1)


class Outlook(Frozen):
    """What was thought to be left to gain when an experiment was proposed."""

    n_known: int = Field(ge=0)
    """Results it rests on."""
    chances: tuple[Chance, ...] = Field(min_length=1)
    """By improvement, the smallest first."""


class Neighbour(Frozen):
    """An earlier experiment that is like a proposed one."""

    experiment: ExperimentId
    distance: float = Field(ge=0)
    """Gower, 0-1."""
    outcomes: dict[str, float] = {}
    """What was measured; empty if it failed."""


class Why(Frozen):
    """Why an experiment was proposed, as data; sentences are made from it."""

    reason: Literal["design", "explore", "exploit", "feasibility", "replicate", "person", "start"]
    planner: str
    expected: dict[str, Expectation] = {}
    """What each outcome was expected to be."""
    score: float | None = None
    """The planner's own value of the experiment (log expected improvement for `model`)."""
    feasibility: float | None = Field(default=None, ge=0, le=1)
    """Probability that the outcome constraints hold."""
    nearest: ExperimentId | None = None
    """The earlier experiment that is most alike."""
    distance: float | None = Field(default=None, ge=0)
    """Distance to `nearest` (Gower, 0–1)."""
    neighbours: tuple[Neighbour, ...] = ()
    """The earlier experiments that are most alike, `nearest` first."""
    from_mean: float | None = Field(default=None, ge=0, le=1)
    """The part of the expected improvement that would be left if nothing were uncertain."""
    surrogate: str | None = None
    voices: dict[str, float] = {}
    """The members of the surrogate that spoke, by weight; they sum to 1."""
    same: dict[str, Value] = {}
    """What all experiments on its plate have in common."""
    outlook: Outlook | None = None
    """What is left to gain anywhere, not by this experiment alone."""


class Proposal(Frozen):
    """An experiment somebody wants done, and why."""

    conditions: dict[str, Value]
    why: Why


@dataclass(frozen=True, slots=True)
class Observation:
    """One finished experiment as planners and surrogates see it."""

    experiment: ExperimentId
    conditions: Conditions
    """The conditions, with context factors as they were measured."""
    result: Result
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """An experiment on its way to a lab."""

    experiment: ExperimentId
    attempt: int
    """From 1; every attempt of an experiment has the same seed."""
    conditions: dict[str, Value]
    seed: tuple[int, ...]
    """For `numpy.random.default_rng(seed)`: (campaign seed, experiment number)."""
    timeout: float | None = None
    """Seconds after which the executor stops the lab."""
    folder: Path | None = None
    """A folder of the experiment's own, for files; made by whoever needs it."""
