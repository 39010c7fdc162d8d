"""SMAC: random forest and expected improvement, retrained after every result.

The facade for mixed spaces with its defaults, but for `retrain_after` (1, not 8: experiments are dear) and the initial
design, which is the start points. It takes no list of candidates, but its acquisition maximiser may be replaced, so on
a table ours scores every untried candidate; the random configurations that SMAC interleaves are snapped by the harness.
Known linear constraints cannot be said to ConfigSpace; outcome constraints and several objectives (ParEGO) are not
for its default, so such tasks are not for it.
"""

import tempfile
from typing import Any

import numpy as np
import wire
from ConfigSpace import Categorical, Configuration, ConfigurationSpace, Float, Integer
from smac import HyperparameterOptimizationFacade as Facade
from smac import Scenario
from smac.acquisition.maximizer.abstract_acquisition_maximizer import AbstractAcquisitionMaximizer
from smac.initial_design import DefaultInitialDesign
from smac.runhistory import StatusType, TrialInfo, TrialValue


class Candidates(AbstractAcquisitionMaximizer):
    """Scores a list."""

    def __init__(self, space: ConfigurationSpace, pool: list[Configuration], seed: int) -> None:
        super().__init__(space, seed=seed)
        self._pool = pool

    def _maximize(self, previous_configs: list[Configuration], n_points: int) -> list[tuple[float, Configuration]]:
        tried = set(previous_configs)
        left = [config for config in self._pool if config not in tried]
        scores = self._acquisition_function(left).ravel() + 1e-12 * self._rng.rand(len(left))
        return [(float(scores[i]), left[i]) for i in np.argsort(-scores)[:n_points]]


class Campaign:
    """A SMAC facade that is only asked and told."""

    def __init__(self, task: dict[str, Any]) -> None:
        if task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("outcome constraints, several objectives")
        self._task = task
        self._sign = -1.0 if task["objectives"][0]["goal"] == "maximize" else 1.0
        self._space = ConfigurationSpace(space=[_parameter(f) for f in task["factors"]], seed=task["seed"])
        self._folder = tempfile.TemporaryDirectory()
        self._scenario = Scenario(
            self._space, deterministic=True, n_trials=10 * task["budget"], seed=task["seed"],
            output_directory=self._folder.name,
        )  # fmt: skip
        self._names = [f["name"] for f in task["factors"]]
        maximiser = None
        if task["candidates"] is not None:
            pool = [self._configuration(dict(zip(self._names, row, strict=True))) for row in task["candidates"]]
            maximiser = Candidates(self._space, pool, task["seed"])
        self._make = lambda starts: Facade(
            self._scenario, lambda config, seed=0: 0.0, acquisition_maximizer=maximiser, overwrite=True,
            initial_design=DefaultInitialDesign(self._scenario, n_configs=0, additional_configs=starts),
            config_selector=Facade.get_config_selector(self._scenario, retrain_after=1), logging_level=False,
        )  # fmt: skip
        self._facade: Facade | None = None
        self._asked: list[TrialInfo] = []

    def _configuration(self, conditions: dict[str, Any]) -> Configuration:
        values = {}
        for factor in self._task["factors"]:
            cell = conditions[factor["name"]]
            if factor["type"] == "number":
                cell = round(cell) if factor["is_whole"] else min(max(float(cell), factor["low"]), factor["high"])
            values[factor["name"]] = cell
        return Configuration(self._space, values=values)

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        configs = [self._configuration(seen["conditions"]) for seen in observations]
        if self._facade is None:
            self._facade = self._make(configs)
        for seen, config in zip(observations, configs, strict=True):
            asked = next((a for a in self._asked if a.config == config), None)
            info = asked or TrialInfo(config, seed=0)
            name = self._task["objectives"][0]["name"]
            if seen["outcomes"]:
                value = TrialValue(cost=self._sign * seen["outcomes"][name], time=1.0)
            else:
                value = TrialValue(cost=float("inf"), time=1.0, status=StatusType.CRASHED)
            self._facade.tell(info, value, save=False)
        self._asked = []

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        assert self._facade is not None
        self._asked = [self._facade.ask() for _ in range(n)]
        return [dict(info.config) for info in self._asked]


def _parameter(factor: dict[str, Any]) -> Any:
    if factor["type"] == "categorical":
        return Categorical(factor["name"], factor["levels"])
    if factor["is_whole"]:
        return Integer(factor["name"], (int(factor["low"]), int(factor["high"])))
    return Float(factor["name"], (factor["low"], factor["high"]), log=factor["is_log"])


wire.serve(Campaign, ["smac", "configspace", "scikit-learn", "numpy"])
