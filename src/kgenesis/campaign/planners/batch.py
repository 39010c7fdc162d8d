"""Several experiments at once: chosen one after the other, each with regard to those before."""

from collections.abc import Sequence

import numpy as np

from kgenesis.campaign.planners.belief import Belief
from kgenesis.campaign.planners.search import Search, rough
from kgenesis.campaign.planners.standing import Standing
from kgenesis.kernel.ports import FloatArray, Posterior


def believe(posteriors: Sequence[Posterior], x: FloatArray) -> list[Posterior]:
    """Return posteriors that take points (k, d) as done, with what was expected there as the outcome."""
    if not len(x):
        return list(posteriors)
    return [posterior.condition_on(x, posterior.mean_and_variance(x)[0]) for posterior in posteriors]


def kriging_believer(
    belief: Belief, standing: Standing, n: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:
    """Choose experiments as if those before, and those under way, had come out as expected.

    Ginsbourger et al. 2010 (Computational Intelligence in Expensive Optimization Problems, 131). The mean stays, the
    variance around what is believed goes, so the batch spreads.

    Returns:
        Values (k, n_variables) and encodings (k, d) in the order chosen; k < n only where nothing more is free. Then
        the places that were looked at, encoded (m, d), with what each seemed worth at first (m,).
    """
    current, believed = believe(belief.posteriors, belief.pending), belief.pending
    score = belief.scorer(current, believed)
    search = Search(standing, score, rough(current), rng)
    pool = search.x, search.worth.copy()
    values = np.empty((0, len(standing.space.variables)))
    x = belief.pending[:0]
    while len(values) < n:
        found = search.next(score)
        if found is None:
            break
        values, x = np.vstack([values, found[0]]), np.vstack([x, found[1]])
        if len(values) < n:
            believed = np.vstack([believed, found[1]])
            current = believe(current, found[1])
            score = belief.scorer(current, believed)
    return values, x, pool
