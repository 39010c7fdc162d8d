"""What every benchmark task is: a mission, a lab, what random search does there, and where every campaign starts."""

import functools
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgenesis.campaign.baselines import Baseline, Level
from kgenesis.campaign.hitting import HittingTimes, TableTimes
from kgenesis.campaign.metrics import Scores, normalised_regret, running_merit
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.experiment import Conditions, Measurement, Result, Value
from kgenesis.kernel.space import Space

FloatArray = NDArray[np.float64]
FAMILIES = ("table", "several", "synthetic", "mixed", "constrained")
SUITES = ("standard", "bbob", "carps")
"""Families of the arena: done only where they are asked for; their tasks are named `suite/…`."""
N_START = 5
"""Start points on tables; elsewhere one more than there are factors, but no fewer than this."""


@dataclass(frozen=True)
class Task:
    """A task before it is built."""

    name: str
    family: str
    """One of `FAMILIES` or `SUITES`; `several` has several objectives."""
    build: Callable[[int], "Bench"]
    """Budget in, all that campaigns need out."""


@dataclass(frozen=True)
class Bench:
    """All that campaigns on one task need."""

    name: str
    mission: Mission
    measure: Callable[[Conditions], Result]
    known: Baseline
    """Random search: exact over a table, else over many points drawn at random."""
    n_points: int
    """Points of the table, or drawn."""
    optimum: float | None = None
    """The best merit there is, where the points are only drawn."""
    noise: float = 0.0
    """Standard deviation of a measurement of the one objective; what was found is judged without it."""

    def lab(self, seed: int) -> Callable[[Conditions], Result]:
        """Return what stands for the lab in one campaign: its k-th measurement errs alike for every method."""
        if not self.noise:
            return self.measure
        rng = np.random.default_rng((zlib.crc32(self.name.encode()), seed, 2))
        (objective,) = self.mission.objectives

        def measured(conditions: Conditions) -> Result:
            true = self.measure(conditions)
            error = self.noise * rng.standard_normal()
            return Measurement.model_validate({"outcomes": {objective.name: true.mean(objective.name) + error}})

        return measured

    @property
    def best(self) -> float:
        """The best merit there is."""
        return self.known.best if self.optimum is None else self.optimum

    def n_start(self, batch: int = 1) -> int:
        """Return how many experiments every campaign is given: whole batches, so that all are known before it asks."""
        n = N_START if self.optimum is None else max(N_START, len(self.mission.space.learned_names) + 1)
        return min(-(-n // batch) * batch, self.n_points)

    def start(self, seed: int, batch: int = 1) -> list[dict[str, Value]]:
        """Return the conditions that every method begins with: they depend on the task and the seed alone."""
        space, rng = self.mission.space, np.random.default_rng((zlib.crc32(self.name.rstrip("+").encode()), seed))
        if self.optimum is None and space.points is not None:
            values = space.points[rng.permutation(len(space.points))[: self.n_start(batch)]]
        else:
            values = draw(space, self.n_start(batch), rng)
        return space.to_rows(values)

    def regret(self, merit: float) -> float:
        """Return the normalised regret of a merit: several objectives lose the hypervolume they have not got."""
        typical = self.known.typical if len(self.mission.objectives) == 1 else 0.0
        return normalised_regret(self.best, merit, typical) if math.isfinite(merit) else math.nan

    @functools.cached_property
    def levels(self) -> list[Level]:
        """What is to be reached. Where points are only drawn `best` is a regret of 1 %: the optimum is never hit."""
        known = self.known
        best = known.best if self.optimum is None else self.optimum - 0.01 * (self.optimum - known.typical)
        return [Level("top-5", known.top(0.05)), Level("top-1", known.top(0.01)), Level("best-found", best)]

    def described(self, budget: int) -> dict[str, Any]:
        """Return what the report must know: the size, and how fast random search is."""
        known, n = self.known, min(budget, self.n_points)
        if known.expected_best(n).size:
            curve = known.expected_best(n)
        else:
            every, rng = known.scores[0], np.random.default_rng((self.n_points, 5))  # type: ignore[attr-defined]
            picks = [rng.permutation(self.n_points)[:n] for _ in range(200)]
            orders = [Scores(every.utilities[p], every.is_feasible[p], every.is_success[p]) for p in picks]
            curve = np.mean([np.maximum(running_merit(order, known.corner), 0.0) for order in orders], axis=0)
        return {
            "points": self.n_points, "factors": len(self.mission.space.names), "drawn": self.optimum is not None,
            "objectives": len(self.mission.objectives), "start": self.n_start(),
            "levels": {level.at: _times(known.hitting_times(level)) for level in self.levels},
            "regret": [rounded(self.regret(v)) for v in curve.tolist()],
        }  # fmt: skip


def _times(times: HittingTimes) -> dict[str, Any]:
    if isinstance(times, TableTimes):
        return {"points": times.n_points, "good": times.n_good}
    return {"times": [rounded(t) for t in times.times.tolist()], "budget": times.budget}  # type: ignore[attr-defined]


def rounded(value: float) -> float | None:
    """Return five significant digits; None for what is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def draw(space: Space, n: int, rng: np.random.Generator) -> FloatArray:
    """Return values (n, n_variables) drawn at random among what keeps the known constraints.

    Numbers are uniform on their scale, levels equally likely, mixtures uniform on their simplex (Dirichlet). Written
    out here, so that start points stay what they are while the engine's own sampling changes.
    """
    found = np.empty((0, len(space.variables)))
    while len(found) < n:
        values = np.empty((max(4 * n, 256), len(space.variables)))
        for i, variable in enumerate(space.variables):
            if variable.levels:
                values[:, i] = rng.integers(len(variable.levels), size=len(values))
            elif variable.grid is not None:
                values[:, i] = rng.choice(variable.grid, size=len(values))
            elif variable.is_log:
                values[:, i] = np.exp(rng.uniform(math.log(variable.low), math.log(variable.high), size=len(values)))
            else:
                values[:, i] = rng.uniform(variable.low, variable.high, size=len(values))
        for mixture in space.mixtures:
            columns = [space.names.index(c.name) for c in mixture.components]
            values[:, columns] = mixture.total * rng.dirichlet(np.ones(len(columns)), size=len(values))
        values = space.with_inactive_cleared(values)
        found = np.vstack([found, values[space.is_feasible(values)]])
    return found[:n]


def find(folder: Path | None) -> list[Task]:
    """Return every task there is, in the order in which they are done: tables of the folder, then the others."""
    from planners import public, standard, synthetic, tables

    named = tables.find(folder) if folder is not None else ()
    return [*named, *synthetic.find(), *standard.find(), *public.find()]
