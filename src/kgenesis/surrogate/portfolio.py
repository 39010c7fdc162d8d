"""Several surrogates at once, each heard as far as it has foretold the campaign's own data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.plugins import make_plugin, read_settings
from kgenesis.kernel.text import say
from kgenesis.surrogate.mixture import MixturePosterior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.kernel.ports import FloatArray, PluginContext, Posterior, Surrogate, TrainingData

TEMPER = 0.2
"""Power of the leave-one-out likelihood in a weight. Below 1, because neighbouring points are no independent evidence
and the score of few points is mostly chance (Grünwald 2012, "safe Bayes"); the value is that of the decision study in
docs/en/explanations/decision-engine.md."""

OPTIMISM = 2.0
"""Nats by which each fitted hyper-parameter makes leave-one-out scores look better than what is then foretold: like
Akaike's correction, but measured on real campaigns, where it is about twice as large, because experiments are not drawn
at random."""

LEAST_SHARE = 0.02
"""No member is ever silenced: the next experiments may prove it right."""

WORST = -20.0
"""A single point may not cost a member more than this many nats."""

FITTED = 2.0
"""Hyper-parameters of a member that does not say how many it fits."""


class Member(Frozen):
    """A surrogate plug-in of a portfolio; a plain string is its name."""

    name: str = Field(min_length=1)
    settings: dict[str, Any] = {}


class Settings(Frozen):
    """Settings of the surrogate `portfolio`."""

    members: tuple[Member | str, ...] = Field(default=("gp", "trees"), min_length=1)
    """Surrogate plug-ins that speak together: names, or `{name, settings}`."""
    weights: Literal["leave-one-out", "equal"] = "leave-one-out"
    """`leave-one-out`: as well as each foretells every observation from the others. `equal`: for comparison."""


class Portfolio:
    """A mixture of surrogates with weights learned from the data.

    The weight of a member is proportional to exp(TEMPER · (Σ log p(y_i | all others) - OPTIMISM · k)), k being the
    number of its fitted hyper-parameters: a pseudo-Bayesian model average with a correction (Yao et al. 2018, Bayesian
    Analysis 13, 917, section 3.4; Akaike 1974). Members that are mixtures themselves are taken apart first.

    Args:
        surrogates: By name.
        is_equal: Give every member the same weight, whatever it foretold.
    """

    def __init__(self, surrogates: Sequence[tuple[str, Surrogate]], *, is_equal: bool = False) -> None:
        self._surrogates, self._is_equal = tuple(surrogates), is_equal

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> MixturePosterior:
        """Fit every member and weigh them.

        Args:
            data: At least one observation; every x and y finite.
            rng: Each member draws from it in turn.

        Returns:
            The mixture.

        Raises:
            ValueError: If a member refuses the data.
        """
        names: list[str] = []
        components: list[Posterior] = []
        shares: list[float] = []
        for name, surrogate in self._surrogates:
            found = surrogate.posterior(data, rng)
            if isinstance(found, MixturePosterior):
                names += found.names
                components += found.components
                shares += found.shares.tolist()
            else:
                names.append(name)
                components.append(found)
                shares.append(1.0)
        start = np.full(len(components), 1.0 / len(components))
        if self._is_equal or len(components) == 1:
            return MixturePosterior(tuple(components), start, tuple(names))
        scores = np.array([score(component, data.y) for component in components])
        return MixturePosterior(tuple(components), weights(scores), tuple(names))


def score(posterior: Posterior, y: FloatArray) -> float:
    """Return how well a posterior foretells its own data: corrected sum of leave-one-out log densities, in nats.

    Args:
        posterior: After the data.
        y: Outcomes, shape (n,); all observations must be the posterior's own.
    """
    mean, variance = posterior.leave_one_out()
    spread = float(np.ptp(y)) or 1.0
    variance = np.maximum(variance / spread**2, 1e-12)
    densities = -0.5 * (np.log(variance) + ((y - mean) / spread) ** 2 / variance)
    return float(np.maximum(densities, WORST).sum()) - OPTIMISM * float(getattr(posterior, "n_fitted", FITTED))


def weights(scores: FloatArray) -> FloatArray:
    """Turn scores in nats into shares that sum to 1 and are at least `LEAST_SHARE`, shape (k,) each."""
    found = np.exp(TEMPER * (scores - scores.max()))
    found /= found.sum()
    least = min(LEAST_SHARE, 1.0 / found.size)
    return np.asarray(least + (1.0 - least * found.size) * found)


def make_portfolio(context: PluginContext) -> Portfolio:
    """Entry point `portfolio` of the group `kgenesis.surrogates`.

    Raises:
        InvalidSpec: A setting is not valid, or a member is unknown.
    """
    settings = read_settings(
        Settings,
        context,
        "surrogate.settings",
        say("the settings of `portfolio` are not valid", "`portfolio`의 설정이 올바르지 않습니다"),
    )
    make = context.make or (lambda group, name, own: make_plugin(group, name, replace(context, settings=own)))
    members = [Member(name=m) if isinstance(m, str) else m for m in settings.members]
    made = [(m.name, make("surrogates", m.name, m.settings)) for m in members]
    return Portfolio(made, is_equal=settings.weights == "equal")
