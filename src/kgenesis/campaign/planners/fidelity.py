"""How thoroughly to do the next experiment: in full, or first by a cheaper proxy."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from kgenesis.campaign.planners import acquisition
from kgenesis.campaign.planners.belief import SCALARISED, Belief
from kgenesis.campaign.planners.worth import columns_of, learned_log_cost
from kgenesis.kernel.experiment import Conditions
from kgenesis.kernel.factors import Variable
from kgenesis.kernel.fidelity import Fidelity
from kgenesis.kernel.ports import FloatArray, ProposalRequest, Surrogate
from kgenesis.kernel.sampling import apply_fixed

N_PAIRS = 3
"""Full experiments that are repeated at the lowest fidelity at first, so that its worth as a proxy is seen."""

N_PLACES = 4
"""Fidelities below the full one that are weighed where they are numbers."""

PAYS = 0.8
"""A proxy that costs more than this share of the full experiment is not weighed."""


def lowered(
    request: ProposalRequest, belief: Belief, surrogate: Surrogate, values: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return full experiments (n, n_variables), each done by a proxy where that is worth more; see `Ladder.lowered`.

    As they are where there is no fidelity, or it is fixed, or one for the whole of a plate.
    """
    fidelity = request.problem.fidelity
    if fidelity is None or fidelity.name in (*request.fixed, *request.same) or not len(values):
        return values
    return Ladder(request, belief, surrogate, rng).lowered(values)


class Ladder:
    """The fidelities of a request's problem and what has been spent on them."""

    def __init__(
        self, request: ProposalRequest, belief: Belief, surrogate: Surrogate, rng: np.random.Generator
    ) -> None:
        problem = request.problem
        assert problem.fidelity is not None
        self._request, self._belief, self._fidelity = request, belief, problem.fidelity
        self._space = problem.space
        self._index = self._space.names.index(self._fidelity.name)
        self._column = columns_of(self._space, self._fidelity.name)[0]
        self._full = _code(self._fidelity, self._space.variables[self._index], self._fidelity.full)
        self._steps = _places(self._fidelity)
        self._log_cost = learned_log_cost(problem, request.history, surrogate, rng)
        self._taken = set(
            self._space.keys(
                self._space.to_values([*(o.conditions for o in request.history), *request.pending])
            ).tolist()
        )
        known = [(o.conditions, problem.cost_of(o.conditions, o.result)) for o in request.history]
        known += [(c, float(self._costs([c])[0])) for c in request.pending]
        self._spent = {
            is_full: sum(cost for c, cost in known if problem.is_full(c) == is_full) for is_full in (True, False)
        }
        self._experiments_left, self._cost_left = request.experiments_left, request.cost_left

    def lowered(self, values: FloatArray) -> FloatArray:
        """Return full experiments (n, n_variables), each done by a proxy instead where that is worth more.

        What a proxy at fidelity s tells of the full experiment is its posterior correlation ρ with it, so it is
        expected to improve what is known of the best by EI(μ, ρσ) instead of EI(μ, σ). It costs c_s, and the full
        experiment as well if it turns out promising, with probability P = Φ((μ - best) / ρσ). The fidelity with the
        most expected improvement per expected cost is taken, EI(μ, ρσ) / (c_s + P c_full) against
        EI(μ, σ) / c_full (the knowledge gradient for several information sources of Poloczek et al. 2017, arXiv
        1603.00389, at the point itself). With several objectives or a value to hit: ρ EI and P = 1/2 (Huang et al.
        2006, Struct. Multidisc. Optim. 32, 369, equation 9).

        However good a proxy seems, no more is spent on proxies than on full experiments, and the budget is never left
        without enough for a full one: a useless proxy can at most double the cost.
        """
        lowered = values.copy()
        for i, pair in enumerate(self._missing_pairs()[: len(values)]):
            if self._may(pair[self._index], pair):
                lowered[i] = pair
                self._note(pair)
        for i in range(len(values)):
            if (lowered[i] != values[i]).any():
                continue
            best = self._best(values[i])
            if best is not None:
                lowered[i] = best
            self._note(lowered[i])
        return lowered

    def _best(self, values: FloatArray) -> FloatArray | None:
        """Return the proxy of a full experiment (n_variables,) that is worth more than itself, if one is."""
        rows = np.repeat(values[None, :], len(self._steps) + 1, axis=0)
        rows[:-1, self._index] = self._steps
        costs = self._costs(self._space.to_rows(rows))
        gain, chance = self._gains(self._space.encode(rows))
        rate = gain / np.maximum(costs + chance * costs[-1], 1e-300)
        rate[-1] = 1.0 / max(costs[-1], 1e-300)
        for place in np.argsort(-rate, kind="stable").tolist():
            if place == len(rows) - 1:
                return None
            if self._may(rows[place, self._index], rows[place]):
                return np.asarray(rows[place])
        return None

    def _gains(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return improvement expected of each row's knowledge over that of the last, and the chance to go on to it."""
        belief = self._belief
        correlations, found = [], None
        for name, posterior in zip(belief.names, belief.posteriors, strict=True):
            if name.startswith(" ") and name != SCALARISED:
                continue
            mean, covariance = posterior.joint(x)
            variance = np.maximum(covariance.diagonal(), 1e-300)
            noise = np.where(np.arange(len(x)) < len(x) - 1, posterior.noise_sd**2, 0.0)
            correlations.append(np.abs(covariance[:, -1]) / np.sqrt(variance[-1] * (variance + noise)))
            found = found or (mean[-1], variance[-1])
        rho = np.clip(np.mean(correlations, axis=0), 1e-9, 1.0)
        known = belief.known()
        objective = belief.problem.objectives[0]
        if len(belief.problem.objectives) > 1 or objective.goal == "hit" or not len(known) or found is None:
            return rho, np.full(len(x), 0.5)
        mean, variance = (found[0] if objective.goal == "maximize" else -found[0]), found[1]
        best, means = float(known[:, 0].max()), np.full(len(x), mean)
        log_gain = acquisition.log_expected_improvement(means, rho**2 * variance, best)
        chance = ndtr((mean - best) / (rho * np.sqrt(variance)))
        return np.exp(log_gain - log_gain[-1]), np.asarray(chance)

    def _missing_pairs(self) -> list[FloatArray]:
        """Return proxies at the lowest fidelity of full experiments, as long as few are known both ways."""
        full = [o.conditions for o in self._request.history if self._request.problem.is_full(o.conditions)]
        if not full or self._fidelity.name in self._request.fixed:
            return []
        rows = apply_fixed(self._space, self._space.to_values(full), self._request.fixed)
        rows[:, self._index] = self._steps[0]
        is_done = np.array([key in self._taken for key in self._space.keys(rows).tolist()])
        wanted = min(N_PAIRS, len(rows)) - int(is_done.sum())
        return list(rows[~is_done][: max(wanted, 0)])

    def _may(self, place: float, values: FloatArray) -> bool:
        """Say whether a proxy may be done: new, cheaper, and paid for without touching the last full experiment."""
        proxy, full = values.copy(), values.copy()
        full[self._index] = self._full
        cost, whole = self._costs(self._space.to_rows(np.vstack([proxy, full])))
        is_new = int(self._space.keys(proxy[None, :])[0]) not in self._taken
        pays = place != self._full and cost <= PAYS * whole
        is_left = (self._experiments_left is None or self._experiments_left > 1) and (
            self._cost_left is None or self._cost_left >= (cost + whole) * (1 - 1e-9)
        )
        return bool(is_new and pays and is_left and self._spent[False] + cost <= self._spent[True] + 1e-9 * whole)

    def _note(self, values: FloatArray) -> None:
        (row,) = self._space.to_rows(values[None, :])
        cost = float(self._costs([row])[0])
        self._spent[self._request.problem.is_full(row)] += cost
        self._taken.update(self._space.keys(values[None, :]).tolist())
        self._experiments_left = None if self._experiments_left is None else self._experiments_left - 1
        self._cost_left = None if self._cost_left is None else self._cost_left - cost

    def _costs(self, rows: Sequence[Conditions]) -> FloatArray:
        if self._log_cost is not None:
            return np.asarray(np.exp(self._log_cost(self._space.encode(self._space.to_values(rows)))))
        return np.array([self._request.problem.cost_of(row, None) for row in rows])


def _code(fidelity: Fidelity, variable: Variable, value: str | float) -> float:
    return float(variable.levels.index(str(value))) if fidelity.levels else float(value)


def _places(fidelity: Fidelity) -> FloatArray:
    """Return the values (k,) of the fidelity below the full one, the lowest first."""
    if fidelity.levels:
        return np.arange(len(fidelity.levels) - 1, dtype=np.float64)
    return np.linspace(fidelity.low or 0.0, fidelity.high or 0.0, N_PLACES + 1)[:-1]
