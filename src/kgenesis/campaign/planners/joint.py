"""Batches by functions drawn from the joint posterior: Thompson sampling, and q-log expected improvement."""

from typing import Literal

import numpy as np
from scipy.linalg import cholesky

from kgenesis.campaign.planners import acquisition
from kgenesis.campaign.planners.batch import Chosen, believe
from kgenesis.campaign.planners.belief import SCALARISED, WORKS, Belief
from kgenesis.campaign.planners.search import Search, rough
from kgenesis.campaign.planners.standing import Standing
from kgenesis.kernel.ports import FloatArray, Posterior

N_CANDIDATES = 400
"""Places the functions are drawn at: the best by expected improvement."""

N_KNOWN = 60
"""Measured places, the best by what is believed of them, that set what has to be beaten in each function."""

N_DRAWS = 256
"""Functions drawn for q-log-EI, the same for every member of a batch (common random numbers)."""

_NO_GAIN = -20.0
"""Log weight of the analytic expected improvement, which decides where no function drawn gains anything."""

_JITTER = 1e-8
"""Added to a covariance, as a share of its largest variance, so that it can be factorised."""


def jointly(
    belief: Belief, standing: Standing, n: int, rng: np.random.Generator, how: Literal["thompson", "q-log-ei"]
) -> Chosen:
    """Choose experiments by functions drawn together at promising, measured and pending places.

    `thompson`: each member is the best of one function (Thompson 1933; in batches Hernández-Lobato et al. 2017,
    arXiv 1706.01825). `q-log-ei`: each is the one that adds most, in the mean over all functions, to the best of what
    is measured, pending and already chosen (noisy expected improvement, sequentially greedy: Balandat et al. 2020,
    arXiv 1910.06403; Ament et al. 2023, arXiv 2310.20708). Two objectives are folded into one, with other random
    weights for each member (Daulton et al. 2020, arXiv 2006.05078, qParEGO).

    Returns:
        Fewer than `n` only where nothing more is free.
    """
    current = believe(belief.posteriors, belief.pending)
    score = belief.scorer(current, belief.pending)
    search = Search(standing, score, rough(current), rng)
    seen, seemed = search.x, search.worth.copy()
    places = search.best(score, max(N_CANDIDATES, n))
    values, x, analytic = search.values[places], search.x[places], search.worth[places]
    known = np.vstack([_best_known(belief), belief.pending])
    points = np.vstack([known, x])
    n_draws = n if how == "thompson" else N_DRAWS
    drawn = {
        name: _draw(posterior, points, n_draws, rng)
        for name, posterior in zip(belief.names, belief.posteriors, strict=True)
        if name != WORKS
    }
    keeps = belief.holds(drawn, points, rng)
    extra = sum((term(x) for term in belief.adjustments), np.zeros(len(x)))
    chosen: list[int] = []
    worth: list[float] = []
    beaten: list[int] = list(range(len(known)))
    while len(chosen) < min(n, len(x)):
        utility = np.where(keeps, _utility(belief, drawn, len(known), rng), -np.inf)
        utility[~np.isfinite(utility).any(axis=1)] = 0.0  # a function in which nothing is allowed says nothing
        floor = np.where(np.isfinite(utility), utility, np.inf).min(axis=1)
        utility = np.maximum(utility, floor[:, None])
        if how == "thompson":
            row = len(chosen)
            gain = np.log(np.maximum(utility[row, len(known) :] - floor[row], 1e-300)) + extra
        else:
            best = utility[:, beaten].max(axis=1) if beaten else floor
            mean = np.maximum(utility[:, len(known) :] - best[:, None], 0.0).mean(axis=0)
            with np.errstate(divide="ignore"):
                gain = np.logaddexp(np.log(mean) + extra, analytic + _NO_GAIN)
        gain[chosen] = -np.inf
        place = int(gain.argmax())
        while not standing.is_new(values[[place]]) and np.isfinite(gain).any():
            gain[place] = -np.inf
            place = int(gain.argmax())
        if not np.isfinite(gain[place]):
            break
        chosen.append(place)
        worth.append(float(gain[place]) if how == "q-log-ei" else float(analytic[place]))
        beaten.append(len(known) + place)
        standing.take(values[[place]])
    return Chosen(values[chosen], x[chosen], np.array(worth), seen, seemed)


def _best_known(belief: Belief) -> FloatArray:
    points = belief.x[belief.is_feasible]
    if len(points) <= N_KNOWN:
        return points
    score = belief.score(belief.posteriors, belief.pending, points)
    return points[np.argsort(-score, kind="stable")[:N_KNOWN]]


def _draw(posterior: Posterior, points: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Return functions (n, m) drawn at points (m, d)."""
    mean, covariance = posterior.joint(points)
    size = max(float(np.diagonal(covariance).max()), 1e-300)
    covariance = covariance + _JITTER * size * np.eye(len(mean))
    while True:
        try:
            factor = cholesky(covariance, lower=True)
        except np.linalg.LinAlgError:
            size *= 10.0
            covariance += _JITTER * size * np.eye(len(mean))
        else:
            return np.asarray(mean + rng.standard_normal((n, len(mean))) @ factor.T)


def _utility(belief: Belief, drawn: dict[str, FloatArray], n_known: int, rng: np.random.Generator) -> FloatArray:
    """Return what each function (n, m) says of each place: more is better."""
    if SCALARISED in drawn:
        return drawn[SCALARISED]
    objectives = belief.problem.objectives
    parts = [objective.utilities(drawn[objective.name]) for objective in objectives]
    if len(parts) == 1:
        return parts[0]
    scaled = []
    for part in parts:
        low, high = np.quantile(part[:, : max(n_known, 1)], [0.02, 0.98])
        scaled.append((part - low) / max(high - low, 1e-300))
    values = np.stack(scaled, axis=-1)
    weights = acquisition.chebyshev_weights(len(parts), rng)
    return acquisition.augmented_chebyshev(values.reshape(-1, len(parts)), weights).reshape(values.shape[:-1])
