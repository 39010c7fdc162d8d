"""What is believed of every outcome after a history, and what an experiment is worth under that belief."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from kgenesis.campaign.learning import merged, training_data
from kgenesis.campaign.planners import acquisition
from kgenesis.campaign.planners.transfer import with_earlier
from kgenesis.campaign.planners.worth import Adjustment, Wishes, adjustments, columns_of
from kgenesis.kernel.experiment import Expectation, Failure, Measurement
from kgenesis.kernel.objective import Objective
from kgenesis.kernel.ports import FloatArray, Posterior, ProposalRequest, Surrogate, TrainingData
from kgenesis.kernel.problem import Problem

MAX_BY_VOLUME = 2
"""Above this many objectives, expected hypervolume improvement gives way to a random scalarisation (ParEGO)."""

CHUNK = 8192
"""Points scored at a time: bounds the memory of a large finite space."""

UNINFORMATIVE = frozenset({"lost", "refused"})
"""Failures that say nothing about whether the conditions work."""

SCALARISED = " scalarised objectives"
WORKS = " works at all"
"""Names of posteriors that are of no outcome; the blank keeps them apart from every outcome."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A constraint on an outcome."""

    name: str
    low: float
    high: float


def is_complete(problem: Problem, result: object) -> bool:
    """Say whether a result has every outcome the problem asks for."""
    return isinstance(result, Measurement) and all(name in result.outcomes for name in problem.outcomes)


Reason = Literal["explore", "exploit", "feasibility"]


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What is thought of one point before it is tried."""

    score: float
    feasibility: float
    """Probability that every constraint on outcomes holds."""
    reason: Reason
    """`feasibility` while nothing feasible is known; `exploit` where the expected outcome itself beats the best known;
    `explore` where only its uncertainty does."""
    from_mean: float | None
    """Part of the expected improvement that would be left if nothing were uncertain; None without a single goal."""
    expected: dict[str, Expectation]


class Score(Protocol):
    """Says what points are worth."""

    def __call__(self, x: FloatArray, by: Sequence[Posterior] | None = None) -> FloatArray:
        """Return the worth (m,) of encoded points (m, d), larger is better; `by` other posteriors, e.g. rough ones."""
        ...


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the members of a posterior expect of some points."""

    shares: FloatArray
    """(k,)."""
    means: FloatArray
    """(k, m)."""
    variances: FloatArray
    """(k, m)."""

    def members(self) -> Iterator[tuple[float, tuple[FloatArray, FloatArray]]]:
        """Yield each member's share, mean (m,) and variance (m,)."""
        for share, mean, variance in zip(self.shares.tolist(), self.means, self.variances, strict=True):
            yield share, (mean, variance)

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (m,) of the mixture (law of total variance)."""
        mean = self.shares @ self.means
        return mean, self.shares @ (self.variances + (self.means - mean) ** 2)


def opinion(posterior: Posterior, x: FloatArray) -> Opinion:
    """Ask each member of a posterior about points (m, d); most posteriors have but one."""
    members: Sequence[tuple[float, Posterior]] = getattr(posterior, "members", ((1.0, posterior),))
    told = [member.mean_and_variance(x) for _, member in members]
    return Opinion(
        np.array([share for share, _ in members]), np.stack([m for m, _ in told]), np.stack([v for _, v in told])
    )


@dataclass(frozen=True)
class Belief:
    """One posterior for every outcome that matters, and how to score points with them. Made by `learn`."""

    problem: Problem
    names: tuple[str, ...]
    posteriors: tuple[Posterior, ...]
    """One for each name."""
    bounds: tuple[Bound, ...]
    x: FloatArray
    """(n, d): conditions of the measured experiments, encoded."""
    is_feasible: NDArray[np.bool_]
    """(n,): which of them are full experiments that keep every outcome constraint."""
    pending: FloatArray
    """(p, d)."""
    adjustments: tuple[Adjustment, ...] = ()
    """What else counts: cost, what a person believes."""

    def scorer(self, posteriors: Sequence[Posterior], believed: FloatArray) -> Score:
        """Return the function that says what points are worth: log expected improvement, constraints weighed in.

        Made once for many calls: what has to be beaten is looked up here.

        Args:
            posteriors: One for each of `names`, conditioned on what is believed.
            believed: Points under way or chosen, whose outcomes are taken as expected; shape (b, d).
        """
        known = self._known(posteriors, believed)

        def score(x: FloatArray, by: Sequence[Posterior] | None = None) -> FloatArray:
            chunks = [x[i : i + CHUNK] for i in range(0, len(x), CHUNK)]
            parts = [
                sum((term(chunk) for term in self.adjustments), self._score(by or posteriors, known, chunk))
                for chunk in chunks
            ]
            scores: FloatArray = np.concatenate([np.empty(0), *parts])
            return scores

        return score

    def score(self, posteriors: Sequence[Posterior], believed: FloatArray, x: FloatArray) -> FloatArray:
        """Return what each point (m, d) is worth, shape (m,); see `scorer`."""
        return self.scorer(posteriors, believed)(x)

    def _score(self, posteriors: Sequence[Posterior], known: FloatArray, x: FloatArray) -> FloatArray:
        opinions = self._opinions(posteriors, x)
        feasibility = self._log_feasibility(opinions, len(x))
        mean, variance = self._utilities(opinions)
        if not len(known):
            scale = np.maximum(mean.std(axis=0), 1e-12)
            lead: FloatArray = ((mean - mean.mean(axis=0)) / scale).mean(axis=1)
            return feasibility + acquisition.TIE_BREAK * lead
        if mean.shape[1] == MAX_BY_VOLUME:
            reference = self._reference(known)
            return feasibility + acquisition.log_expected_hypervolume_improvement(mean, variance, known, reference)
        best = float(known[:, 0].max())
        # the expectation over a mixture is the mean of the members' expectations: what one of them alone sees counts
        goal = SCALARISED if SCALARISED in opinions else self.problem.objectives[0].name
        improvements = [
            np.log(share) + self._log_improvement(goal, mean, variance, best)
            for share, (mean, variance) in opinions[goal].members()
        ]
        return np.asarray(feasibility + np.logaddexp.reduce(improvements, axis=0))

    def _log_improvement(self, goal: str, mean: FloatArray, variance: FloatArray, best: float) -> FloatArray:
        objective = self.problem.objectives[0]
        if goal == objective.name and objective.goal == "hit":
            return acquisition.log_expected_hit(mean, variance, objective.value or 0.0, max(-best, 0.0))
        return acquisition.log_expected_improvement(*self._utility_of(goal, mean, variance), best)

    def _opinions(self, posteriors: Sequence[Posterior], x: FloatArray) -> dict[str, Opinion]:
        return {name: opinion(posterior, x) for name, posterior in zip(self.names, posteriors, strict=True)}

    def _known(self, posteriors: Sequence[Posterior], believed: FloatArray) -> FloatArray:
        """Return the utilities (k, n_goals) to be beaten: posterior means at feasible points, seen or believed.

        The mean rather than the measurement, so that a lucky error is not taken for success.
        """
        points = np.vstack([self.x[self.is_feasible], believed[self.is_full(believed)]])
        if not len(points):
            return np.empty((0, 1))
        opinions = self._opinions(posteriors, points)
        mean, _ = self._utilities(opinions)
        keeps = self._log_feasibility(opinions, len(points)) > np.log(0.5)
        keeps[: int(self.is_feasible.sum())] = True
        to_beat: FloatArray = mean[keeps]
        return to_beat

    def _log_feasibility(self, opinions: Mapping[str, Opinion], n: int) -> FloatArray:
        total = np.zeros(n)
        for bound in self.bounds:
            total += np.logaddexp.reduce([
                np.log(share) + acquisition.log_chance_between(mean, variance, bound.low, bound.high)
                for share, (mean, variance) in opinions[bound.name].members()
            ])  # fmt: skip
        return total

    def _utilities(self, opinions: Mapping[str, Opinion]) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (m, n_goals) of what is to be maximised."""
        goals = [SCALARISED] if SCALARISED in opinions else [o.name for o in self.problem.objectives]
        pairs = [self._utility_of(goal, *opinions[goal].moments()) for goal in goals]
        return np.column_stack([mean for mean, _ in pairs]), np.column_stack([variance for _, variance in pairs])

    def _utility_of(self, goal: str, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        objective = next((o for o in self.problem.objectives if o.name == goal), None)
        return (mean, variance) if objective is None else _utility(objective, mean, variance)

    def _reference(self, known: FloatArray) -> FloatArray:
        """Return the reference point (2,): the thresholds, else a tenth of the range below the worst known."""
        worst, span = known.min(axis=0), np.ptp(known, axis=0)
        thresholds = [np.nan if o.threshold is None else o.utility(o.threshold) for o in self.problem.objectives]
        return np.where(np.isnan(thresholds), worst - 0.1 * np.maximum(span, 1e-9), thresholds)

    def known(self) -> FloatArray:
        """Return the utilities (k, n_goals) to be beaten, as they are before anything is chosen."""
        return self._known(self.posteriors, self.pending)

    def is_full(self, x: FloatArray) -> NDArray[np.bool_]:
        """Return (m,) whether points (m, d) are full experiments; the others only teach."""
        if self.problem.fidelity is None:
            return np.ones(len(x), dtype=bool)
        space, fidelity = self.problem.space, self.problem.fidelity
        return np.asarray(x[:, columns_of(space, fidelity.name)[0]] >= 1.0 - 1e-9)  # encoded, the full one is at 1

    def best_measured(self) -> FloatArray:
        """Return the measured feasible point (d,) with the best expected utility of the first objective."""
        points = self.x[self.is_feasible]
        return np.asarray(points[int(self._known(self.posteriors, points[:0])[:, 0].argmax())])

    def holds(self, drawn: dict[str, FloatArray], points: FloatArray, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return in which of some drawn functions (k, n), by outcome, each point (n, d) keeps every bound.

        Whether a point works at all is no function to draw: its probability is compared with one number a draw.
        """
        k = len(next(iter(drawn.values())))
        keeps = np.ones((k, len(points)), dtype=bool)
        for bound in self.bounds:
            if bound.name in drawn:
                keeps &= (bound.low <= drawn[bound.name]) & (drawn[bound.name] <= bound.high)
            else:
                moments = self.posteriors[self.names.index(bound.name)].mean_and_variance(points)
                keeps &= np.exp(acquisition.log_chance_between(*moments, bound.low, bound.high)) >= rng.random((k, 1))
        return keeps

    # ---- saying why ------------------------------------------------------------------------------------------------

    def appraise(self, x: FloatArray) -> "list[Appraisal]":
        """Return what is expected at points (k, d), what they are worth, and what that rests on."""
        scores = self.score(self.posteriors, self.pending, x)
        opinions = self._opinions(self.posteriors, x)
        moments = {name: told.moments() for name, told in opinions.items()}
        feasibility = np.exp(self._log_feasibility(opinions, len(x)))
        known = self._known(self.posteriors, self.pending)
        mean, variance = self._utilities(opinions)
        outcomes = [name for name in self.names if name not in (SCALARISED, WORKS)]
        found = []
        for k in range(len(x)):
            reason: Reason = "feasibility"
            from_mean = None
            if len(known):
                reason = "explore" if (known >= mean[k]).all(axis=1).any() else "exploit"
                if mean.shape[1] == 1:
                    from_mean = acquisition.share_of_mean(mean[k, 0], variance[k, 0], float(known.max()))
            expected = {
                name: Expectation(mean=float(moments[name][0][k]), sd=float(np.sqrt(max(moments[name][1][k], 0.0))))
                for name in outcomes
            }
            found.append(Appraisal(float(scores[k]), float(feasibility[k]), reason, from_mean, expected))
        return found

    @property
    def voices(self) -> dict[str, float]:
        """The members of the surrogate, by their weight in the mean over all outcomes."""
        weights: dict[str, float] = {}
        for posterior in self.posteriors:
            for name, weight in posterior.voices.items():
                weights[name] = weights.get(name, 0.0) + weight / len(self.posteriors)
        return weights


def learn(
    request: ProposalRequest, surrogate: Surrogate, rng: np.random.Generator, wishes: Wishes | None = None
) -> Belief:
    """Fit a surrogate to every outcome of a history that has at least one complete measurement."""
    problem, space = request.problem, request.problem.space
    measured = [o for o in request.history if is_complete(problem, o.result)]
    x = space.encode(space.to_values([o.conditions for o in measured]))
    data = {name: training_data(problem, name, measured)[0] for name in _modelled(problem)}
    bounds = [
        Bound(c.outcome, -np.inf if c.at_least is None else c.at_least, np.inf if c.at_most is None else c.at_most)
        for c in problem.outcome_constraints
    ]
    if len(problem.objectives) > MAX_BY_VOLUME:
        folded = _scalarised(problem.objectives, data, rng)
        data[SCALARISED] = TrainingData(x, folded, np.full(len(x), np.nan), space.groups)
    tried = [o for o in request.history if not (isinstance(o.result, Failure) and o.result.kind in UNINFORMATIVE)]
    works = np.array([isinstance(o.result, Measurement) for o in tried], dtype=np.float64)
    if not works.all():
        everything = space.encode(space.to_values([o.conditions for o in tried]))
        data[WORKS] = TrainingData(everything, works, np.full(len(works), np.nan), space.groups)
        bounds.append(Bound(WORKS, 0.5, np.inf))
    return Belief(
        problem,
        tuple(data),
        tuple(_posterior(name, merged(part), request, surrogate, rng) for name, part in data.items()),
        tuple(bounds),
        x,
        np.array(
            [
                isinstance(o.result, Measurement) and problem.is_feasible(o.result) and problem.is_full(o.conditions)
                for o in measured
            ],
            dtype=bool,
        ),
        space.encode(space.to_values(list(request.pending))),
        adjustments(request, wishes or Wishes(), surrogate, rng),
    )


def _posterior(
    name: str, data: TrainingData, request: ProposalRequest, surrogate: Surrogate, rng: np.random.Generator
) -> Posterior:
    own = surrogate.posterior(data, rng)
    return own if name in (SCALARISED, WORKS) else with_earlier(own, name, data, request, surrogate, rng)


def _modelled(problem: Problem) -> list[str]:
    names = [o.name for o in problem.objectives] + [c.outcome for c in problem.outcome_constraints]
    return list(dict.fromkeys(names))


def _utility(objective: Objective, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) of an objective's utility.

    For `hit`, -|Y - value| is a negated folded normal (Leone et al. 1961, Technometrics 3, 543), taken as normal.
    """
    if objective.goal != "hit":
        return (mean, variance) if objective.goal == "maximize" else (-mean, variance)
    gap, sd = mean - (objective.value or 0.0), np.sqrt(np.maximum(variance, 1e-300))
    folded = sd * np.sqrt(2 / np.pi) * np.exp(-0.5 * (gap / sd) ** 2) + gap * (1 - 2 * ndtr(-gap / sd))
    return -folded, np.maximum(gap**2 + variance - folded**2, 0.0)


def _scalarised(objectives: Sequence[Objective], data: dict[str, TrainingData], rng: np.random.Generator) -> FloatArray:
    """Return one number per experiment (n,): the objectives' utilities folded with random weights."""
    utilities = np.column_stack([o.utilities(data[o.name].y) for o in objectives])
    span = np.ptp(utilities, axis=0)
    scaled = (utilities - utilities.min(axis=0)) / np.where(span > 0, span, 1.0)
    return acquisition.augmented_chebyshev(scaled, acquisition.chebyshev_weights(len(objectives), rng))
