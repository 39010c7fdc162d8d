"""How much is left to gain anywhere: the best of many points, drawn together from what is believed."""

import numpy as np

from kgenesis.campaign.planners.belief import SCALARISED, WORKS, Belief
from kgenesis.kernel.experiment import Chance, Outlook
from kgenesis.kernel.ports import FloatArray, Posterior

N_DRAWS = 128
"""Functions drawn: a probability of 5 % is known to within about 2 %."""

N_SCREENED = 128
"""Points the functions are drawn at."""

LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Probabilities for which the improvement that is exceeded so often is stated."""

LEAST_FREEDOM = 2
"""Degrees of freedom that the scale of a belief is taken to have at least."""

WIDENING = 1.25
"""Deviations are drawn so much wider: where a search has looked, its belief is a little too sure (measured, see docs)."""

_JITTERS = (1e-8, 1e-6, 1e-4)
"""Shares of the largest variance added to all, the next where one does not do, so that points close together can be
drawn."""


def outlook(
    belief: Belief, x: FloatArray, scores: FloatArray, n_known: int, rng: np.random.Generator
) -> Outlook | None:
    """Return what is left to gain over the best measured experiment, for a single objective.

    Functions are drawn from the joint posterior at the best measured point and at points that promise something; the
    gain of each is its largest utility, where constraints hold, above that of the best measured point. Points are
    screened by chance in proportion to their expected improvement (Gumbel top-k: Efraimidis & Spirakis 2006, Inf.
    Process. Lett. 97, 181), so that one hill does not take all the places.

    Args:
        belief: What is believed.
        x: Points that may be tried, encoded, shape (m, d).
        scores: Log expected improvement of each, shape (m,).
        n_known: Results behind the belief, failures included.
        rng: Draws points and functions.

    Returns:
        None with several objectives, or while nothing feasible is known.
    """
    if SCALARISED in belief.names or len(belief.problem.objectives) > 1 or not belief.is_feasible.any():
        return None
    best = belief.best_measured()
    perturbed = scores + rng.gumbel(size=len(scores))
    if len(x) > N_SCREENED:
        x = x[np.argpartition(-perturbed, N_SCREENED)[:N_SCREENED]]
    points = np.vstack([best[None, :], belief.pending[belief.is_full(belief.pending)], x])
    freedom = max(len(belief.x) - len(belief.problem.space.learned_names) - 2, LEAST_FREEDOM)
    drawn = {
        name: _draw(posterior, points, freedom, rng)
        for name, posterior in zip(belief.names, belief.posteriors, strict=True)
        if name != WORKS
    }
    objective = belief.problem.objectives[0]
    utilities = objective.utilities(drawn[objective.name])
    keeps = belief.holds(drawn, points, rng)
    gains = np.where(keeps[:, 1:], utilities[:, 1:] - utilities[:, :1], 0.0).max(axis=1, initial=0.0)
    return _outlook(gains, n_known)


def _draw(posterior: Posterior, points: FloatArray, freedom: int, rng: np.random.Generator) -> FloatArray:
    """Return functions drawn at points, shape (N_DRAWS, n).

    The scale of the deviations was learned from the same few results, so it is drawn, too: a Student-t process with a
    degree of freedom for each result less those that hyper-parameters took (Shah et al. 2014, AISTATS 33, 877).
    """
    mean, covariance = posterior.joint(points)
    scale = WIDENING * np.sqrt(freedom / rng.chisquare(freedom, size=(N_DRAWS, 1)))
    return mean + scale * (rng.standard_normal((N_DRAWS, len(mean))) @ _root(covariance).T)


def _root(covariance: FloatArray) -> FloatArray:
    """Return a matrix whose product with its own transpose is the covariance, but for a little more variance."""
    diagonal = np.diag_indices(len(covariance))
    most = covariance.diagonal().max() + 1e-300
    for share in _JITTERS:
        disturbed = covariance.copy()
        disturbed[diagonal] += share * most
        try:
            return np.asarray(np.linalg.cholesky(disturbed), dtype=np.float64)
        except np.linalg.LinAlgError:  # of low rank, as an ensemble's may be
            continue
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), dtype=np.float64)


def _outlook(gains: FloatArray, n_known: int) -> Outlook:
    """Return the probabilities of exceeding nothing at all and some quantiles of the gains."""
    anything = float(np.mean(gains > 0))
    chances = [Chance(improvement=0.0, probability=anything)]
    for level in LEVELS:
        improvement = float(f"{np.quantile(gains, 1.0 - level):.4g}")
        if level < anything and improvement > chances[-1].improvement:
            chances.append(Chance(improvement=improvement, probability=level))
    return Outlook(n_known=n_known, chances=tuple(chances))
