"""The planner that learns: it proposes the experiment its surrogates expect most of."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from kgenesis.campaign.planners import transfer
from kgenesis.campaign.planners.batch import kriging_believer, plate
from kgenesis.campaign.planners.belief import Belief, is_complete, learn
from kgenesis.campaign.planners.designs import make_random, make_sobol
from kgenesis.campaign.planners.fidelity import lowered
from kgenesis.campaign.planners.joint import jointly
from kgenesis.campaign.planners.remaining import outlook
from kgenesis.campaign.planners.replicate import worth_repeating
from kgenesis.campaign.planners.standing import Standing
from kgenesis.campaign.planners.worth import Wishes, mistaken
from kgenesis.campaign.spec import Choice
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Outlook, Proposal, Why
from kgenesis.kernel.plugins import read_settings
from kgenesis.kernel.ports import FloatArray, Planner, PluginContext, ProposalRequest, Surrogate
from kgenesis.kernel.sampling import apply_fixed
from kgenesis.kernel.text import say


class Settings(Wishes):
    """Settings of the planner `model`."""

    surrogate: Choice = Choice(name="portfolio")
    """The surrogate plug-in: its name, or `{name, settings}`."""
    batch: Literal["believer", "thompson", "q-log-ei"] = "believer"
    """How several experiments at once are chosen: each as if those before had come out as expected (Kriging believer),
    each as the best of a function drawn at random (Thompson sampling), or each as what adds most to the best of those
    before, in the mean over many functions (noisy q-log-EI)."""
    n_design: Annotated[int, Field(ge=1)] | None = None
    """Experiments of a design before the model speaks (Sobol; random in a candidate table); default: number of factors
    + 1, at least 4. With earlier campaigns the first of them are what was best there."""


def make_planner(context: PluginContext) -> "ModelPlanner":
    """Entry point of the planner `model`.

    Raises:
        InvalidSpec: a setting is not valid.
    """
    invalid = say("the planner's settings are not valid", "계획기 설정이 올바르지 않습니다")
    settings = read_settings(Settings, context, "planner.settings", invalid)
    wrong = [] if context.problem is None else mistaken(settings, context.problem.space)
    if wrong:
        raise InvalidSpec(
            say("the planner's settings do not fit the space", "계획기 설정이 공간과 맞지 않습니다"), wrong
        )
    assert context.make is not None
    surrogate: Surrogate = context.make("surrogates", settings.surrogate.name, settings.surrogate.settings)
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
        self._choose = kriging_believer if settings.batch == "believer" else partial(jointly, how=settings.batch)

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return up to `n` proposals; fewer only when a finite space is exhausted."""
        n_design = self._settings.n_design or max(len(request.problem.space.learned_names) + 1, 4)
        n_left = n_design - len(request.history) - len(request.pending)
        n_measured = sum(is_complete(request.problem, o.result) for o in request.history)
        # a model needs two measurements, however many failures the design has met
        n_designed = request.n if n_measured < 2 else min(max(n_left, 0), request.n)  # noqa: PLR2004
        if n_designed and request.same:  # a plate is of one piece
            n_designed = request.n
        proposals = transfer.first_guesses(request)[:n_designed]
        if n_rest := n_designed - len(proposals):
            pending = (*request.pending, *(p.conditions for p in proposals))
            shared = {name: p.conditions[name] for p in proposals for name in request.same}
            fixed = {**request.fixed, **shared}
            proposals += self._design.propose(replace(request, n=n_rest, pending=pending, fixed=fixed))
        if n_designed < request.n:
            pending = (*request.pending, *(p.conditions for p in proposals))
            proposals += self._by_model(replace(request, n=request.n - n_designed, pending=pending))
        return proposals

    def _by_model(self, request: ProposalRequest) -> list[Proposal]:
        rng = np.random.default_rng(request.seed)
        belief = learn(request, self._surrogate, rng, self._settings)
        found = plate(belief, request, rng, self._choose)
        left = outlook(belief, found.seen, found.seemed, len(request.history), rng)
        values = lowered(request, belief, self._surrogate, found.values, rng)
        proposals = self._explained(request, belief, left, values)
        again = None
        if proposals and not (request.same and request.n > 1):
            again = worth_repeating(request, belief, found.x[0], self._settings.replicate)
        if again is not None:
            proposals = [self._repeated(request, belief, left, again), *proposals[:-1]]
        return proposals

    def _repeated(self, request: ProposalRequest, belief: Belief, left: Outlook | None, again: int) -> Proposal:
        space, first = request.problem.space, request.history[again]
        values = apply_fixed(space, space.to_values([first.conditions]), request.fixed)
        (proposal,) = self._explained(request, belief, left, values)
        changes = {"reason": "replicate", "nearest": first.experiment, "distance": 0.0, "from_mean": None}
        return proposal.model_copy(update={"why": proposal.why.model_copy(update=changes)})

    def _explained(
        self, request: ProposalRequest, belief: Belief, left: Outlook | None, values: FloatArray
    ) -> list[Proposal]:
        space, planner = request.problem.space, "model"
        neighbours = Standing(request).neighbours(values)
        rows, voices = space.to_rows(values), belief.voices
        proposals = []
        for row, near, seen in zip(rows, neighbours, belief.appraise(space.encode(values)), strict=True):
            why = Why(
                reason=seen.reason,
                planner=planner,
                expected=seen.expected,
                score=seen.score,
                feasibility=seen.feasibility if belief.bounds else None,
                nearest=near[0].experiment,
                distance=near[0].distance,
                neighbours=near,
                from_mean=seen.from_mean,
                surrogate=self._settings.surrogate.name,
                voices=voices,
                same={name: row[name] for name in request.same},
                outlook=left,
            )
            proposals.append(Proposal(conditions=row, why=why))
        return proposals
