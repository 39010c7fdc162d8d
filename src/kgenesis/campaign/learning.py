"""What a surrogate believes after a campaign, one posterior per outcome."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.experiment import Measurement, Observation
from kgenesis.kernel.ports import Posterior, Surrogate, TrainingData
from kgenesis.kernel.problem import Problem

MAX_ROWS = 600
"""Observations a report learns from at most: beyond, figures change less than the time they take."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What is believed of one outcome, and from what."""

    outcome: str
    posterior: Posterior
    data: TrainingData
    numbers: tuple[int, ...]
    """(n,): the number of the experiment behind each observation."""


def learn_outcomes(state: CampaignState, surrogate: Surrogate, max_rows: int = MAX_ROWS) -> Mapping[str, Learned]:
    """Return what is believed of each outcome of the problem that was measured at least twice.

    Above `max_rows` measurements an even choice over the campaign is learned from.
    """
    problem = state.mission.problem
    seen = state.measured()
    observations = [e.observation() for e in seen]
    learned: dict[str, Learned] = {}
    for k, name in enumerate(problem.outcomes):
        data, places = training_data(problem, name, observations, max_rows)
        if len(places) >= 2:  # noqa: PLR2004
            posterior = surrogate.posterior(data, np.random.default_rng((state.seed, k, len(places))))
            learned[name] = Learned(name, posterior, data, tuple(seen[i].number for i in places))
    return learned


def training_data(
    problem: Problem, outcome: str, observations: Sequence[Observation], max_rows: int | None = None
) -> tuple[TrainingData, list[int]]:
    """Return one outcome over the observations that have it, and which those are.

    The variance of each value is its own standard error squared if it came with one, else the noise the mission
    declares, over the number of replicates, else unknown.
    """
    found = [
        (i, o.result.outcomes[outcome])
        for i, o in enumerate(observations)
        if isinstance(o.result, Measurement) and outcome in o.result.outcomes
    ]
    if max_rows is not None and len(found) > max_rows:
        found = [found[i] for i in np.linspace(0, len(found) - 1, max_rows).round().astype(int).tolist()]
    declared = [o.noise for o in problem.objectives if o.name == outcome]
    declared += [c.noise for c in problem.outcome_constraints if c.outcome == outcome]
    known = next((noise for noise in declared if noise is not None), None)
    variance = [
        value.sem**2 if value.sem is not None else math.nan if known is None else known**2 / value.n
        for _, value in found
    ]
    places = [i for i, _ in found]
    space = problem.space
    data = TrainingData(
        x=space.encode(space.to_values([observations[i].conditions for i in places])),
        y=np.array([value.mean for _, value in found]),
        noise_variance=np.array(variance, dtype=np.float64),
        groups=space.groups,
    )
    return data, places
