"""Every place where something can be plugged in, as one Protocol each; `testing/` has the suite it must pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.events import Event, Recorded
from kgenesis.kernel.experiment import Conditions, Observation, Proposal, Result, Task, Value
from kgenesis.kernel.ids import ExperimentId, StreamId
from kgenesis.kernel.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What every plug-in factory is called with, whatever it makes."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """The plug-in's own settings, as the mission file gives them; the factory validates them."""
    problem: Problem | None = None
    """The space and objectives (None where there is no campaign, e.g. for a store)."""
    folder: Path = field(default_factory=Path.cwd)
    """Relative paths in `settings` start here: the mission file's folder."""
    make: Callable[[str, str, Mapping[str, Any]], Any] | None = None
    """`make(group, name, settings)` makes another plug-in, e.g. a planner its surrogate."""


class Lab(Protocol):
    """Where conditions become outcomes. Made by `factory(context: PluginContext) -> Lab`."""

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same conditions could give other outcomes (code, data, model, parameter set)."""
        ...

    @property
    def is_physical(self) -> bool:
        """Whether an experiment has effects in the world; such a lab is never retried without being asked."""
        ...

    @property
    def outcomes(self) -> frozenset[str] | None:
        """Names of the outcomes it measures; None if it cannot know (a program, a person)."""
        ...

    def measure(self, task: Task) -> Result:
        """Do the experiment. May raise: the executor turns that into `Failure("crashed")`."""
        ...


@dataclass(frozen=True, slots=True)
class LabRecipe:
    """How a worker makes the lab: plain data that survives a process boundary."""

    name: str
    settings: Mapping[str, Any]
    problem: Mapping[str, Any]
    """`Problem` as JSON-ready data."""
    folder: str


class Executor(Protocol):
    """Carries tasks to a lab and results back. Made by `factory(context)`; settings: `recipe`, `n_workers`."""

    def submit(self, task: Task) -> None:
        """Accept a task; returns at once (an inline executor may do the work in `collect`)."""
        ...

    def carries(self) -> frozenset[ExperimentId]:
        """Return the experiments it still has; after a crash: those that are not lost."""
        ...

    def collect(self, timeout: float) -> list[tuple[ExperimentId, int, Result]]:
        """Return finished (experiment, attempt, result), waiting up to `timeout` seconds for the first.

        A worker that died gives `Failure("lost")`, one that took too long `Failure("timed-out")`.
        """
        ...

    def close(self, *, wait: bool) -> None:
        """End all workers; `wait=False` kills what runs."""
        ...


class EventStore(Protocol):
    """The log on disk. Made by `factory(context)`; settings: `url`."""

    def append(
        self, stream: StreamId, expected_version: int, events: Sequence[Event], fence: int | None = None,
        at: Sequence[str] | None = None,
    ) -> Sequence[Recorded]:  # fmt: skip
        """Write events after `expected_version`, all or none; on disk on return if any event is durable.

        `at` says when each came about, as `kernel.events.time_now` writes it; now if not given.

        Raises:
            Conflict: the stream has another version, or the lease `fence` has passed to somebody else.
            StoreUnavailable: read-only, full, unreachable.
        """
        ...

    def read(self, stream: StreamId, after: int = 0) -> Sequence[Recorded]:
        """Return the events of a stream with a version above `after`, in order."""
        ...

    def read_all(self, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Return events of all streams with a position above `after`, in order of position."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a surrogate learns from: one outcome over encoded conditions."""

    x: FloatArray
    """(n, d), encoded by the space: every column in [0, 1]."""
    y: FloatArray
    """(n,), in the outcome's unit."""
    noise_variance: FloatArray
    """(n,), known variance of each `y` in its unit squared; NaN where it is not known."""
    groups: IntArray
    """(d,), which factor each column belongs to, from 0."""


class Posterior(Protocol):
    """What a surrogate expects, in the outcome's unit, of the noise-free outcome.

    It may also have a property `rough`: something whose `mean_and_variance` says nearly the same at less cost. Large
    spaces are then looked through with that first. And a mixture may have a property `members`: pairs of share and
    posterior, so that improvement can be expected of each by itself.
    """

    @property
    def lengthscales(self) -> FloatArray:
        """(n_factors,), in encoded units: the shorter, the more the factor matters."""
        ...

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one measurement that the surrogate inferred."""
        ...

    @property
    def voices(self) -> Mapping[str, float]:
        """Weight of each member that speaks, by name; they sum to 1."""
        ...

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (m,) and variance (m,) at x (m, d)."""
        ...

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean (m,) and covariance (m, m) at x (m, d)."""
        ...

    def condition_on(self, x: FloatArray, y: FloatArray) -> "Posterior":
        """Return the posterior had y (k,) been seen at x (k, d) too; hyper-parameters stay."""
        ...

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Return mean (n,) and variance (n,) of each training observation from all others, noise included."""
        ...


class Surrogate(Protocol):
    """Learns from history. Made by `factory(context)`."""

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> Posterior:
        """Fit and return what to expect; n may be 1, rows may repeat, y may be constant."""
        ...


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier campaign on a related question, told in the terms of the present space and outcomes."""

    name: str
    """What people call it."""
    history: Sequence[Observation]


@dataclass(frozen=True, slots=True)
class ProposalRequest:
    """Everything a planner may know: it remembers nothing itself."""

    problem: Problem
    history: Sequence[Observation]
    pending: Sequence[Conditions]
    """Proposed, not finished."""
    n: int
    seed: tuple[int, ...]
    """What the campaign was seeded with, then the number of experiments proposed so far; feed it to `default_rng`."""
    fixed: Mapping[str, Value] = field(default_factory=dict)
    """Values the proposals must have: context factors, or a person's wish."""
    same: tuple[str, ...] = ()
    """Variables that must have one value in all proposals of this request: a plate has one temperature."""
    earlier: Sequence[Earlier] = ()
    """What may be learned from besides `history`, if it proves to be alike."""
    experiments_left: int | None = None
    """How many more experiments the budget allows, those asked for included; None if it is not known."""
    cost_left: float | None = None
    """How much more may be spent, in the unit of the problem's cost; None without such a budget."""


class Planner(Protocol):
    """Decides what to try next. Made by `factory(context)`."""

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return up to `n` proposals, fewer (even none) only when a finite space is exhausted."""
        ...


class Embedder(Protocol):
    """Turns texts into directions: the nearer two are in meaning, the larger their product. Made by `factory(context)`."""

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...

    def embed(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:
        """Return rows (n, d) of length 1, or 0 for a text that says nothing; `is_query`: what is looked for."""
        ...
