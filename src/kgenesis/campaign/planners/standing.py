"""What was done, what is under way and what is fixed, seen from one request: where an experiment would be new."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Measurement, Neighbour, Proposal, Result, Why
from kgenesis.kernel.ports import FloatArray, ProposalRequest
from kgenesis.kernel.sampling import apply_fixed, matches, sample

NEAR = 1e-6
"""Two experiments are the same if no variable differs by more than this part of its range: rules forgive as much."""

N_NEIGHBOURS = 3
"""Earlier experiments named beside a proposal."""

_MAX_REDRAWS = 30


def on_one_plate(
    request: ProposalRequest, propose: Callable[[ProposalRequest], Sequence[Proposal]]
) -> Sequence[Proposal]:
    """Return proposals that agree in the variables that `request.same` names: the first decides, the rest follow."""
    open_ = [name for name in request.same if name not in request.fixed]
    if not open_ or request.n == 1:
        return [_shared(proposal, request.same) for proposal in propose(request)]
    first = propose(replace(request, n=1, same=()))
    if not first:
        return first
    fixed = {**request.fixed, **{name: first[0].conditions[name] for name in open_}}
    pending = (*request.pending, first[0].conditions)
    rest = propose(replace(request, n=request.n - 1, same=(), fixed=fixed, pending=pending))
    return [_shared(proposal, request.same) for proposal in (*first, *rest)]


def _shared(proposal: Proposal, same: Sequence[str]) -> Proposal:
    """Return a proposal that says what its plate has in common."""
    if not same:
        return proposal
    why = proposal.why.model_copy(update={"same": {name: proposal.conditions[name] for name in same}})
    return proposal.model_copy(update={"why": why})


class Standing:
    """What a request says is taken. `take` adds to it."""

    def __init__(self, request: ProposalRequest) -> None:
        self.space = request.problem.space
        self.fixed = {**request.problem.full, **request.fixed}  # full experiments, unless others are asked for
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

    def neighbours(self, values: FloatArray) -> list[tuple[Neighbour, ...]]:
        """Return the finished experiments nearest to values (n, n_variables), for each, the nearest first."""
        if not len(self._done):
            return [()] * len(values)
        distances = self.space.distance(values, self._done)
        found = []
        for row, order in zip(distances, np.argsort(distances, axis=1, kind="stable")[:, :N_NEIGHBOURS], strict=True):
            near = [(self._history[k], float(row[k])) for k in order.tolist()]
            found.append(
                tuple(
                    Neighbour(experiment=o.experiment, distance=distance, outcomes=_means(o.result))
                    for o, distance in near
                )
            )
        return found

    def explained(self, values: FloatArray, planner: str) -> list[Proposal]:
        """Return values (n, n_variables) as proposals that say what the nearest earlier experiments are."""
        proposals = []
        for row, near in zip(self.space.to_rows(values), self.neighbours(values), strict=True):
            why = Why(reason="design", planner=planner, neighbours=near)
            if near:
                why = why.model_copy(update={"nearest": near[0].experiment, "distance": near[0].distance})
            proposals.append(Proposal(conditions=row, why=why))
        return proposals

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


def _means(result: Result) -> dict[str, float]:
    return {name: o.mean for name, o in result.outcomes.items()} if isinstance(result, Measurement) else {}
