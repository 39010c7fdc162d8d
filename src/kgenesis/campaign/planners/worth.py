"""What counts beside improvement: what an experiment costs, and where a person believes the best to be."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from kgenesis.campaign.learning import training_data
from kgenesis.kernel.errors import Mistake
from kgenesis.kernel.experiment import Frozen, Observation
from kgenesis.kernel.fields import Number, Positive
from kgenesis.kernel.ports import FloatArray, ProposalRequest, Surrogate, TrainingData
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import say

Adjustment = Callable[[FloatArray], FloatArray]
"""From encoded points (m, d) to what is added to their log expected improvement (m,)."""

LEAST_COST = 0.01
"""Nothing counts as cheaper than this share of the dearest experiment, or a free one would be worth any number."""

LEAST_BELIEF = 0.01
"""No value is believed less likely than this share of the likeliest: a person may be wrong."""

TYPICAL_BUDGET = 50
"""Experiments a campaign is taken to have where nobody says how many."""

TOO_DEAR = -1e3
"""Added to what the rest of the budget does not pay for: it is proposed only where nothing else is left."""


class Peak(Frozen):
    """A number the best is believed to be near."""

    about: Number
    """The likeliest value, in the factor's unit."""
    within: Positive
    """Standard deviation of the belief, in the factor's unit."""


class Wishes(Frozen):
    """Settings of a planner that say what counts beside improvement."""

    cost_aware: Literal["auto", "always", "never"] = "auto"
    """Whether what an experiment costs counts: `auto` where the budget has a cost, less and less as it is used up;
    `always` improvement per cost; `never`."""
    replicate: Literal["auto", "always", "never"] = "auto"
    """Whether an experiment may be measured again where that helps the final choice more than a new one: `auto` where
    noise is declared or replicates have shown it, `always` also where the model alone infers it, `never`."""
    prior: dict[str, Annotated[Peak | dict[str, Positive], Field(union_mode="left_to_right")]] = {}
    """Where the best is believed to be, by factor: `{about: 80, within: 10}` for a number, `{THF: 3, water: 1}` for
    levels (weights; 1 for those left out). It counts less and less as results come in."""
    prior_strength: Positive | None = None
    """The prior's weight in units of log expected improvement is this over the number of results (β of Hvarfner et al.
    2022); default: a tenth of the budget of experiments."""


def mistaken(wishes: Wishes, space: Space) -> list[Mistake]:
    """Return what is wrong with wishes in a space."""
    found = []
    variables = {v.name: v for v in space.variables}
    for name, belief in wishes.prior.items():
        variable = variables.get(name)
        wrong = None
        if variable is None or name not in space.learned_names:
            wrong = say("no factor of this name can vary", "이런 이름의 바뀔 수 있는 요인이 없습니다")
        elif variable.levels:
            if isinstance(belief, Peak):
                wrong = say("give a weight for each level", "수준마다 가중치를 주세요")
            elif unknown := [level for level in belief if level not in variable.levels]:
                levels = ", ".join(variable.levels)
                wrong = say(f"{unknown[0]!r} is not one of {levels}", f"{unknown[0]!r}은(는) {levels} 중에 없습니다")
        elif not isinstance(belief, Peak):
            wrong = say("give `about` and `within`", "`about`과 `within`을 주세요")
        elif not variable.low <= belief.about <= variable.high:
            low, high = f"{variable.low:g}", f"{variable.high:g}"
            wrong = say(f"`about` must be {low} to {high}", f"`about`은 {low}~{high}이어야 합니다")
        if wrong is not None:
            found.append(Mistake(wrong, f"planner.settings.prior.{name}"))
    return found


def adjustments(
    request: ProposalRequest, wishes: Wishes, surrogate: Surrogate, rng: np.random.Generator
) -> tuple[Adjustment, ...]:
    """Return what is to be added to log expected improvement; nothing in the simplest case."""
    found = [_cost_term(request, wishes, surrogate, rng), _prior_term(request, wishes)]
    return tuple(term for term in found if term is not None)


# ---- cost ----------------------------------------------------------------------------------------------------------


def _cost_term(
    request: ProposalRequest, wishes: Wishes, surrogate: Surrogate, rng: np.random.Generator
) -> Adjustment | None:
    """Return -w log(cost), and a bar on what cannot be paid for.

    With w = 1 that is improvement per cost (Snoek et al. 2012, section 3.2). Per cost alone, cheap experiments are done
    to the end while a dear one would settle the matter, so w is the share of the budget that is left after the design
    (cost-cooling: Lee et al. 2020, arXiv 2003.10870, section 4).
    """
    problem, left = request.problem, request.cost_left
    if wishes.cost_aware == "never" or problem.cost.amount is not None:
        return None
    if wishes.cost_aware == "auto" and left is None:
        return None
    log_cost = known_log_cost(problem) or learned_log_cost(problem, request.history, surrogate, rng)
    if log_cost is None:
        return None
    weight = 1.0 if wishes.cost_aware == "always" or left is None else _share_left(problem, request.history, left)
    is_known = problem.cost.factor is not None

    def term(x: FloatArray) -> FloatArray:
        cost = log_cost(x)
        worth = -weight * cost
        if is_known and left is not None:
            worth += np.where(cost > math.log(max(left * (1.0 + 1e-9), 1e-300)), TOO_DEAR, 0.0)
        return worth

    return term


def _share_left(problem: Problem, history: Sequence[Observation], left: float) -> float:
    spent = {True: 0.0, False: 0.0}
    for o in history:
        spent[o.why is not None and o.why.reason == "design"] += problem.cost_of(o.conditions, o.result)
    return left / max(left + spent[False], 1e-300)


def known_log_cost(problem: Problem) -> Adjustment | None:
    """Return the log cost of encoded points where a factor tells it; None if none does, or it never varies."""
    space, name = problem.space, problem.cost.factor
    if name is None or name not in space.learned_names:
        return None
    variable = next(v for v in space.variables if v.name == name)
    column = columns_of(space, name)[0]
    start, end = encoded_at(space, name, [variable.low, variable.high]).tolist()
    scale = np.log if variable.is_log else np.asarray
    low, high = float(scale(variable.low)), float(scale(variable.high))
    least = LEAST_COST * variable.high * problem.cost.per

    def log_cost(x: FloatArray) -> FloatArray:
        numbers = low + (x[:, column] - start) / (end - start) * (high - low)
        return np.asarray(
            np.log(np.maximum((np.exp(numbers) if variable.is_log else numbers) * problem.cost.per, least))
        )

    return log_cost


def learned_log_cost(
    problem: Problem, history: Sequence[Observation], surrogate: Surrogate, rng: np.random.Generator
) -> Adjustment | None:
    """Return the log cost of encoded points as learned from what experiments cost; None before any is known."""
    if problem.cost.outcome is None:
        return None
    data, places = training_data(problem, problem.cost.outcome, history)
    cost = data.y * problem.cost.per
    if not len(places) or cost.max() <= 0:
        return None
    logs = np.log(np.maximum(cost, LEAST_COST * cost.max()))
    posterior = surrogate.posterior(TrainingData(data.x, logs, np.full(len(logs), np.nan), data.groups), rng)
    return lambda x: posterior.mean_and_variance(x)[0]


def columns_of(space: Space, name: str) -> list[int]:
    """Return the encoded columns of a variable that can vary: its value, then whether it exists if that can vary."""
    return np.flatnonzero(space.groups == space.learned_names.index(name)).tolist()


def encoded_at(space: Space, name: str, numbers: Sequence[float]) -> FloatArray:
    """Return how numbers (k,) of one variable are encoded, shape (k,)."""
    values = np.full((len(numbers), len(space.names)), math.nan)
    values[:, space.names.index(name)] = numbers
    return space.encode(values)[:, columns_of(space, name)[0]]


# ---- what a person believes ----------------------------------------------------------------------------------------


def _prior_term(request: ProposalRequest, wishes: Wishes) -> Adjustment | None:
    """Return (β / n) log π(x), n the number of results: πBO (Hvarfner et al. 2022, arXiv 2204.11051, equation 6).

    β is a tenth of the budget, as there (section 5); π is relative to its peak, and nowhere below `LEAST_BELIEF`.
    """
    if not wishes.prior:
        return None
    n = len(request.history)
    budget = TYPICAL_BUDGET if request.experiments_left is None else n + request.experiments_left
    weight = (wishes.prior_strength or budget / 10.0) / max(n, 1)
    log_prior = _log_prior(request.problem.space, wishes.prior)
    return lambda x: weight * log_prior(x)


def _log_prior(space: Space, prior: Mapping[str, Peak | Mapping[str, float]]) -> Adjustment:
    parts: list[tuple[int, float, float]] = []
    tables: list[tuple[list[int], FloatArray, FloatArray]] = []
    for name, belief in prior.items():
        index, columns = space.names.index(name), columns_of(space, name)
        variable = space.variables[index]
        if isinstance(belief, Peak):
            ends = np.clip(
                [belief.about - belief.within, belief.about, belief.about + belief.within], variable.low, variable.high
            )
            low, centre, high = encoded_at(space, name, ends.tolist()).tolist()
            parts.append((columns[0], centre, max(high - centre, centre - low)))
        else:
            assert variable.coordinates is not None
            weights = np.array([belief.get(level, 1.0) for level in variable.levels])
            tables.append(
                (columns[: variable.coordinates.shape[1]], variable.coordinates, np.log(weights / weights.max()))
            )

    def log_prior(x: FloatArray) -> FloatArray:
        total = np.zeros(len(x))
        for column, centre, width in parts:
            total += np.maximum(-0.5 * ((x[:, column] - centre) / width) ** 2, math.log(LEAST_BELIEF))
        for columns, coordinates, logs in tables:
            gap = ((x[:, None, columns] - coordinates[None]) ** 2).sum(axis=2)
            total += np.maximum(logs, math.log(LEAST_BELIEF))[gap.argmin(axis=1)]
        return total

    return log_prior
