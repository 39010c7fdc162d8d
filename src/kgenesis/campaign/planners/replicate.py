"""Measure again or try something new: whichever is expected to improve the final choice more."""

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.special import ndtr

from kgenesis.campaign.learning import training_data
from kgenesis.campaign.planners.batch import believe
from kgenesis.campaign.planners.belief import SCALARISED, Belief
from kgenesis.kernel.experiment import Measurement, Result
from kgenesis.kernel.ports import FloatArray, ProposalRequest
from kgenesis.kernel.sampling import matches

MAX_CONTENDERS = 12
"""Measured conditions that may still prove the best, at most."""

LATE = 0.2
"""Part of the budget at its end in which an experiment may be measured again; where no budget is known, the largest share
of replicates. The value of a new point is that of the last experiment: too little while others follow, and a model that is
wrong about all that is new is not told so by measuring again."""

Choice = Literal["auto", "always", "never"]


def worth_repeating(request: ProposalRequest, belief: Belief, x: FloatArray, choice: Choice) -> int | None:
    """Return which experiment of the history to measure again, or None if something new is worth more.

    The value of a measurement is what it adds to the best expected outcome among measured conditions (the knowledge
    gradient of the final choice: Frazier et al. 2009, INFORMS J. Comput. 21, 599), which needs no guess for a
    replicate. It is compared for every contender and for the best new point.

    Args:
        request: Whose history it is.
        belief: What is believed after it.
        x: The best new point, encoded (d,).
        choice: `never`; `auto`: only if noise is declared or replicates have shown it; `always`: also where the model
            alone infers it.

    Returns:
        None with several objectives or a value to hit, too: there the final choice is no single largest mean.
    """
    if not _is_late(request):
        return None
    objective = belief.problem.objectives[0]
    if choice == "never" or SCALARISED in belief.names or len(belief.problem.objectives) > 1 or objective.goal == "hit":
        return None
    posterior = believe(belief.posteriors, belief.pending)[belief.names.index(objective.name)]
    noise = _noise_variance(request, belief)
    if noise is None and choice == "always":
        noise = posterior.noise_sd**2
    places = _contenders(request, belief)
    if not noise or not len(places):
        return None
    space = belief.problem.space
    contenders = space.encode(space.to_values([request.history[k].conditions for k in places]))
    sign = 1.0 if objective.goal == "maximize" else -1.0
    order = np.argsort(-sign * posterior.mean_and_variance(contenders)[0], kind="stable")[:MAX_CONTENDERS]
    points = np.vstack([contenders[order], x[None, :]])
    mean, covariance = posterior.joint(points)
    disturbed = np.full(len(points), noise)
    disturbed[-1] = noise
    slopes = covariance / np.sqrt(np.maximum(covariance.diagonal(), 1e-300) + disturbed)
    gains = np.array([expected_gain(sign * mean, slopes[:, i]) for i in range(len(points))])
    worth = np.log(np.maximum(gains, 1e-300)) + sum(
        (term(points) for term in belief.adjustments), np.zeros(len(points))
    )
    best = int(worth.argmax())
    return int(places[order[best]]) if best < len(order) and worth[best] > worth[-1] else None


def expected_gain(mean: FloatArray, slopes: FloatArray) -> float:
    """Return E[max(mean + slopes Z)] - max(mean) for standard normal Z, shapes (n,), exactly.

    The largest of lines in Z is the upper envelope: Σ (b_i+1 - b_i) h(-|c_i|) over its corners c_i (Frazier et al.
    2009, section 3, algorithm 1), h(z) = φ(z) + z Φ(z).
    """
    if np.ptp(slopes) < 1e-200:  # noqa: PLR2004  nothing is learned
        return 0.0
    step = 1e-12 * np.ptp(slopes)
    order = np.lexsort((mean, np.round(slopes / step)))  # slopes that rounding tells apart are parallel all the same
    a, b = mean[order], slopes[order]
    line, corners = [0], [-np.inf]
    for i in range(1, len(a)):
        if b[i] - b[line[-1]] <= step:  # parallel: the higher, which comes later, stays
            line.pop()
            corners.pop()
            if not line:
                line, corners = [i], [-np.inf]
                continue
        while True:
            cross = (a[line[-1]] - a[i]) / (b[i] - b[line[-1]])
            if cross > corners[-1]:
                break
            line.pop()
            corners.pop()
        line.append(i)
        corners.append(cross)
    c = -np.abs(np.array(corners[1:]))
    steps = np.diff(b[line])
    return float(np.sum(steps * (np.exp(-0.5 * c * c) / np.sqrt(2 * np.pi) + c * ndtr(c))))


def _noise_variance(request: ProposalRequest, belief: Belief) -> float | None:
    """Return the variance of one measurement that was declared or that replicates have shown, else None.

    A standard error that came with a result is no proof that measuring again gives something else: the mean of a table's
    rows has one, and stays the same however often it is looked up.
    """
    objective = belief.problem.objectives[0]
    if objective.noise is not None:
        return objective.noise**2
    shown = [replace(o, result=_without_error(o.result, objective.name)) for o in request.history]
    data, _ = training_data(belief.problem, objective.name, shown)
    known = data.noise_variance[np.isfinite(data.noise_variance)]
    return float(np.median(known)) if len(known) else None


def _without_error(result: Result, outcome: str) -> Result:
    if not isinstance(result, Measurement) or outcome not in result.outcomes:
        return result
    plain = result.outcomes[outcome].model_copy(update={"sem": None})
    return result.model_copy(update={"outcomes": {**result.outcomes, outcome: plain}})


def _is_late(request: ProposalRequest) -> bool:
    done = len(request.history)
    if request.experiments_left is not None:
        return request.experiments_left <= LATE * (done + len(request.pending) + request.experiments_left)
    return sum(o.why is not None and o.why.reason == "replicate" for o in request.history) < LATE * done


def _contenders(request: ProposalRequest, belief: Belief) -> list[int]:
    """Return which experiments of the history could be measured again, one for each of their conditions."""
    problem, space = belief.problem, belief.problem.space
    found: dict[int, int] = {}
    values = space.to_values([o.conditions for o in request.history])
    allowed = matches(space, values, request.fixed) & space.is_feasible(values)
    for k, key in enumerate(space.keys(values).tolist()):
        result = request.history[k].result
        if (
            allowed[k]
            and problem.is_full(request.history[k].conditions)
            and result.kind == "measured"
            and problem.is_feasible(result)
        ):
            found.setdefault(key, k)
    return list(found.values())
