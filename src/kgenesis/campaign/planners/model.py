"""The planner that learns: it proposes the experiment its surrogates expect most of."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError

from kgenesis.campaign.planners import acquisition
from kgenesis.campaign.planners.belief import Belief, is_complete, learn
from kgenesis.campaign.planners.designs import make_random, make_sobol
from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.experiment import Frozen, Proposal, Why
from kgenesis.kernel.ports import FloatArray, Planner, PluginContext, Posterior, ProposalRequest, Surrogate
from kgenesis.kernel.sampling import apply_fixed, matches, neighbours, sample
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import say

N_SCATTERED = 2048
"""Points drawn all over a space that cannot be listed."""

WIDTHS = (0.2, 0.1, 0.05, 0.02, 0.005)
"""Rounds of search around the best points so far, each with this standard deviation of a move."""


class Settings(Frozen):
    """Settings of the planner `model`."""

    surrogate: str = "gp"
    """Name of the surrogate plug-in."""
    n_design: Annotated[int, Field(ge=1)] | None = None
    """Experiments of a design before the model speaks (Sobol; random in a candidate table); default: number of factors
    + 1, at least 4."""


def make_planner(context: PluginContext) -> "ModelPlanner":
    """Entry point of the planner `model`.

    Raises:
        InvalidSpec: a setting is not valid.
    """
    try:
        settings = Settings.model_validate(dict(context.settings))
    except ValidationError as error:
        wrong = [
            Mistake(say(e["msg"], e["msg"]), ".".join(["planner.settings", *map(str, e["loc"])]))
            for e in error.errors()
        ]
        raise InvalidSpec(
            say("the planner's settings are not valid", "계획기 설정이 올바르지 않습니다"), wrong
        ) from error
    assert context.make is not None
    surrogate: Surrogate = context.make("surrogates", settings.surrogate, {})
    # A table of candidates says by itself where experiments make sense: it is sampled as it is. Points spread evenly
    # over the box around it would all lie at the table's edges.
    is_table = context.problem is not None and context.problem.space.candidates is not None
    make_design = make_random if is_table else make_sobol
    return ModelPlanner(settings, surrogate, make_design(replace(context, settings={})))


class ModelPlanner:
    """Proposes where improvement is expected most; remembers nothing.

    One objective: log expected improvement times the probability that constraints hold. Two: expected hypervolume
    improvement. More: a random augmented Chebyshev scalarisation for each request. Experiments under way count as
    if they had come out as expected, so a batch is spread.
    """

    def __init__(self, settings: Settings, surrogate: Surrogate, design: Planner) -> None:
        self._settings, self._surrogate, self._design = settings, surrogate, design

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return up to `n` proposals; fewer only when a finite space is exhausted."""
        n_design = self._settings.n_design or max(len(request.problem.space.learned_names) + 1, 4)
        n_left = n_design - len(request.history) - len(request.pending)
        n_measured = sum(is_complete(request.problem, o.result) for o in request.history)
        # a model needs two measurements, however many failures the design has met
        n_designed = request.n if n_measured < 2 else min(max(n_left, 0), request.n)  # noqa: PLR2004
        proposals: list[Proposal] = []
        if n_designed:
            proposals += self._design.propose(replace(request, n=n_designed))
        if n_designed < request.n:
            pending = (*request.pending, *(p.conditions for p in proposals))
            proposals += self._by_model(replace(request, n=request.n - n_designed, pending=pending))
        return proposals

    def _by_model(self, request: ProposalRequest) -> list[Proposal]:
        rng = np.random.default_rng(request.seed)
        belief = learn(request, self._surrogate, rng)
        values = _candidates(request, belief, rng)
        if not len(values):
            return []
        encoded = request.problem.space.encode(values)

        def score(posteriors: Sequence[Posterior], believed: FloatArray) -> FloatArray:
            return belief.score(posteriors, believed, encoded)

        chosen = acquisition.greedy_batch(belief.posteriors, encoded, request.n, score, belief.pending)
        return [self._explained(request, belief, values[i], encoded[i]) for i in chosen]

    def _explained(self, request: ProposalRequest, belief: Belief, values: FloatArray, x: FloatArray) -> Proposal:
        space = request.problem.space
        tried = space.to_values([o.conditions for o in request.history])
        distances = space.distance(values[None, :], tried)[0]
        nearest = int(distances.argmin())
        score, feasibility, reason = belief.appraise(x)
        why = Why(
            reason=reason,
            planner="model",
            expected=belief.expectations(x),
            score=score,
            feasibility=feasibility if belief.bounds else None,
            nearest=request.history[nearest].experiment,
            distance=float(distances[nearest]),
            surrogate=self._settings.surrogate,
        )
        return Proposal(conditions=space.to_rows(values[None, :])[0], why=why)


def _candidates(request: ProposalRequest, belief: Belief, rng: np.random.Generator) -> FloatArray:
    """Return the values (m, n_variables) to choose from: none tried, none pending, all feasible.

    Every point of a space that can be listed. Elsewhere points scattered all over, then closer and closer around the
    best of them and of the history.
    """
    space, fixed = request.problem.space, request.fixed
    taken = space.to_values([*(o.conditions for o in request.history), *request.pending])
    points = space.points
    if points is not None:
        return apply_fixed(space, _untried(space, points[matches(space, points, fixed)], taken), fixed)

    score_encoded = belief.scorer(belief.posteriors, belief.pending)

    def score(values: FloatArray) -> FloatArray:
        return score_encoded(space.encode(values))

    pool = sample(space, N_SCATTERED, rng, fixed)
    scores = score(pool)
    best_tried = taken[np.argsort(-score(taken))[:8]]
    centres = np.vstack([apply_fixed(space, best_tried, fixed), pool[np.argsort(-scores)[:16]]])
    for width in WIDTHS:
        near = neighbours(space, centres, N_SCATTERED // 4, width, rng, fixed)
        pool, scores = np.vstack([pool, near]), np.append(scores, score(near))
        best = np.argsort(-scores)[:N_SCATTERED]
        pool, scores = pool[best], scores[best]
        centres = pool[:8]
    return _untried(space, pool, taken)


def _untried(space: Space, values: FloatArray, taken: FloatArray) -> FloatArray:
    """Return the values (k, n_variables) that are not taken, each once; context does not tell experiments apart."""
    keys = space.keys(values)
    is_first = np.zeros(len(keys), dtype=bool)
    is_first[np.unique(keys, return_index=True)[1]] = True
    return values[is_first & ~np.isin(keys, space.keys(taken))]
