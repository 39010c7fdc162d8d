"""What was done, what is under way and what is fixed, seen from one request: where an experiment would be new."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Proposal, Why
from kgenesis.kernel.ports import FloatArray, ProposalRequest
from kgenesis.kernel.sampling import apply_fixed, matches, sample

NEAR = 1e-6
"""Two experiments are the same if no variable differs by more than this part of its range: rules forgive as much."""

_MAX_REDRAWS = 30


def on_one_plate(
    request: ProposalRequest, propose: Callable[[ProposalRequest], Sequence[Proposal]]
) -> Sequence[Proposal]:
    """Return proposals that agree in the variables that `request.same` names: the first decides, the rest follow."""
    open_ = [name for name in request.same if name not in request.fixed]
    if not open_ or request.n == 1:
        return propose(request)
    first = propose(replace(request, n=1, same=()))
    if not first:
        return first
    fixed = {**request.fixed, **{name: first[0].conditions[name] for name in open_}}
    pending = (*request.pending, first[0].conditions)
    return [*first, *propose(replace(request, n=request.n - 1, same=(), fixed=fixed, pending=pending))]


class Standing:
    """What a request says is taken. `take` adds to it."""

    def __init__(self, request: ProposalRequest) -> None:
        self.space, self.fixed = request.problem.space, dict(request.fixed)
        self._history = request.history
        self._done = self.space.to_values([o.conditions for o in request.history])
        taken = np.vstack([self._done, self.space.to_values(request.pending)])
        for i, variable in enumerate(self.space.variables):
            if variable.role == "context" and self.fixed.get(variable.name) is not None:
                # another day's weather makes it another experiment; weather not yet known may turn out the same
                value = self.space.to_values([self.fixed])[0, i]
                column = taken[:, i]
                taken = taken[np.isnan(column) | np.isclose(column, value, rtol=1e-9, atol=0.0)]
        self.taken = taken
        self.keys = set(self.space.keys(taken).tolist())

    def take(self, values: FloatArray) -> None:
        """Count values (n, n_variables) as taken from now on."""
        self.taken = np.vstack([self.taken, values])
        self.keys.update(self.space.keys(values).tolist())

    def new(self, values: FloatArray) -> NDArray[np.int64]:
        """Return which rows of values (n, n_variables) are neither taken nor a repeat of a row before."""
        seen, fresh = set(self.keys), []
        for i, key in enumerate(self.space.keys(values).tolist()):
            if key not in seen:
                seen.add(key)
                fresh.append(i)
        return np.array(fresh, dtype=np.int64)

    def is_new(self, values: FloatArray) -> bool:
        """Say whether one experiment (1, n_variables) differs from all that are taken by more than `NEAR`."""
        gap = np.zeros(len(self.taken))
        for i, variable in enumerate(self.space.variables):
            if variable.role != "controlled":
                continue
            there, here = self.taken[:, i], values[0, i]
            if variable.levels:
                apart = (there != here).astype(np.float64)
            else:
                apart = np.abs(self.space.unit_scale(i, there) - self.space.unit_scale(i, values[:, i]))
            apart[np.isnan(there) != np.isnan(here)] = 1.0
            apart[np.isnan(there) & np.isnan(here)] = 0.0
            gap = np.maximum(gap, apart)
        return not bool((gap <= NEAR).any())

    def free_points(self) -> NDArray[np.int64]:
        """Return which of the points of a finite space have the fixed values and are not taken."""
        points = self.space.points
        assert points is not None
        is_free = matches(self.space, points, self.fixed)
        found = self.space.index_of(self.taken)
        is_free[found[found >= 0]] = False
        return np.flatnonzero(is_free)

    def explained(self, values: FloatArray, planner: str) -> list[Proposal]:
        """Return values (n, n_variables) as proposals that say how near the nearest earlier experiment is."""
        reasons = [Why(reason="design", planner=planner)] * len(values)
        if len(self._done):
            distances = self.space.distance(values, self._done)
            nearest = distances.argmin(axis=1).tolist()
            reasons = [
                Why(reason="design", planner=planner, nearest=self._history[k].experiment, distance=float(row[k]))
                for k, row in zip(nearest, distances, strict=True)
            ]
        rows = self.space.to_rows(values)
        return [Proposal(conditions=row, why=why) for row, why in zip(rows, reasons, strict=True)]

    def drawn(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return up to `n` new feasible points, drawn at random; fewer if new ones are hardly to be found."""
        if self.space.points is not None:
            free = self.free_points()
            chosen = free[rng.choice(len(free), size=min(n, len(free)), replace=False)] if len(free) else free
            return apply_fixed(self.space, self.space.points[chosen], self.fixed)
        found = np.empty((0, len(self.space.variables)))
        for _ in range(_MAX_REDRAWS):
            found = np.vstack([found, sample(self.space, n - len(found), rng, self.fixed)])
            found = found[self.new(found)]
            if len(found) >= n:
                break
        return found
