"""What a surrogate believes after a campaign, one posterior per outcome."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.ports import Posterior, Surrogate, TrainingData

FloatArray = NDArray[np.float64]

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
    seen = [e for e in state.measured() if isinstance(e.result, Measurement)]
    if not seen:
        return {}
    encoded = problem.space.encode(problem.space.to_values([e.observation().conditions for e in seen]))
    noise = {o.name: o.noise for o in problem.objectives} | {
        c.outcome: c.noise for c in problem.outcome_constraints if c.noise is not None
    }
    learned: dict[str, Learned] = {}
    for k, name in enumerate(problem.outcomes):
        found = [(i, e.result.outcomes[name]) for i, e in enumerate(seen) if name in e.result.outcomes]  # type: ignore[union-attr]
        if len(found) > max_rows:
            found = [found[i] for i in np.linspace(0, len(found) - 1, max_rows).round().astype(int).tolist()]
        if len(found) < 2:  # noqa: PLR2004
            continue
        known = noise.get(name)
        variance = [
            outcome.sem**2 if outcome.sem is not None else np.nan if known is None else known**2 / outcome.n
            for _, outcome in found
        ]
        data = TrainingData(
            x=encoded[[i for i, _ in found]],
            y=np.array([outcome.mean for _, outcome in found]),
            noise_variance=np.array(variance),
            groups=problem.space.groups,
        )
        posterior = surrogate.posterior(data, np.random.default_rng((state.seed, k, len(found))))
        learned[name] = Learned(name, posterior, data, tuple(seen[i].number for i, _ in found))
    return learned
