"""Several experiments at once: chosen one after the other, each with regard to those before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from kgenesis.campaign.planners.belief import Belief
from kgenesis.campaign.planners.search import Search, rough
from kgenesis.campaign.planners.standing import Standing
from kgenesis.kernel.ports import FloatArray, Posterior, ProposalRequest

MAX_SHARED = 6
"""Values that a plate might agree in of which each is tried with a whole plate."""


def believe(posteriors: Sequence[Posterior], x: FloatArray) -> list[Posterior]:
    """Return posteriors that take points (k, d) as done, with what was expected there as the outcome."""
    if not len(x):
        return list(posteriors)
    return [posterior.condition_on(x, posterior.mean_and_variance(x)[0]) for posterior in posteriors]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Experiments in the order in which they were chosen."""

    values: FloatArray
    """(k, n_variables)."""
    x: FloatArray
    """(k, d), encoded."""
    worth: FloatArray
    """(k,): of each, given those before."""
    seen: FloatArray
    """(m, d): the places that were looked at, encoded."""
    seemed: FloatArray
    """(m,): what each of those seemed worth at first."""


def kriging_believer(belief: Belief, standing: Standing, n: int, rng: np.random.Generator) -> Chosen:
    """Choose experiments as if those before, and those under way, had come out as expected.

    Ginsbourger et al. 2010 (Computational Intelligence in Expensive Optimization Problems, 131). The mean stays, the
    variance around what is believed goes, so the batch spreads.

    Returns:
        Fewer than `n` only where nothing more is free.
    """
    current, believed = believe(belief.posteriors, belief.pending), belief.pending
    score = belief.scorer(current, believed)
    search = Search(standing, score, rough(current), rng)
    seen, seemed = search.x, search.worth.copy()
    chosen: list[tuple[FloatArray, FloatArray, float]] = []
    while len(chosen) < n:
        found = search.next(score)
        if found is None:
            break
        chosen.append(found)
        if len(chosen) < n:
            believed = np.vstack([believed, found[1]])
            current = believe(current, found[1])
            score = belief.scorer(current, believed)
    return Chosen(
        np.vstack([standing.taken[:0], *(values for values, _, _ in chosen)]),
        np.vstack([belief.pending[:0], *(x for _, x, _ in chosen)]),
        np.array([worth for _, _, worth in chosen]), seen, seemed,
    )  # fmt: skip


Choose = Callable[[Belief, Standing, int, np.random.Generator], Chosen]
"""A way to choose several experiments, such as `kriging_believer`."""


def plate(
    belief: Belief, request: ProposalRequest, rng: np.random.Generator, choose: Choose = kriging_believer
) -> Chosen:
    """Choose experiments that agree in what `request.same` names, so that the plate as a whole is worth most.

    The values they might agree in are those of the best single experiments. For each a plate is filled, and the sums
    of what its experiments are worth, each given those before, are compared.
    """
    free = Standing(request)
    open_ = [free.space.names.index(name) for name in request.same if name not in request.fixed]
    if not open_ or request.n == 1:
        return choose(belief, free, request.n, rng)
    current = believe(belief.posteriors, belief.pending)
    score = belief.scorer(current, belief.pending)
    search = Search(free, score, rough(current), rng)
    seen, seemed = search.x, search.worth.copy()
    leaders = search.leaders(score, open_, MAX_SHARED)
    plates = []
    for values in leaders:
        row = free.space.to_rows(values[None, :])[0]
        shared = {free.space.names[i]: row[free.space.names[i]] for i in open_}
        standing = Standing(replace(request, fixed={**request.fixed, **shared}))
        plates.append(choose(belief, standing, request.n, rng))
    worth = [float(logsumexp(found.worth)) if len(found.worth) else -np.inf for found in plates]
    best = plates[int(np.argmax(worth))] if plates else choose(belief, free, request.n, rng)
    return replace(best, seen=seen, seemed=seemed)
