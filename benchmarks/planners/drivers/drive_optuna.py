"""Optuna: TPE or its Gaussian process. It takes no list of candidates; what it suggests is snapped by the harness.

Defaults, but for the number of start-up trials, which is that of the start points. What was really measured is told
(`add_trial`), also where the harness had to move the suggestion. Known constraints and outcome constraints are told
as constraint values of each trial.
"""

from typing import Any

import optuna
import wire
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Campaign:
    """A study."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._task = task
        self._distributions = {
            f["name"]: _distribution(f, column) for f, column in zip(task["factors"], _columns(task), strict=True)
        }
        kind, k = task["settings"].get("sampler", "tpe"), task["n_start"]
        samplers = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}
        sampler = samplers[kind](seed=task["seed"], n_startup_trials=k)
        goals = [o["goal"] for o in task["objectives"]]
        self._study = optuna.create_study(directions=goals, sampler=sampler)
        self._asked: list[optuna.Trial] = []

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        for trial in self._asked:  # superseded by what was really measured
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        self._asked = []
        for seen in observations:
            params = {name: _param(self._distributions[name], seen["conditions"][name]) for name in self._distributions}
            outcomes = seen["outcomes"]
            state = optuna.trial.TrialState.COMPLETE if outcomes else optuna.trial.TrialState.FAIL
            values = [outcomes[o["name"]] for o in self._task["objectives"]] if outcomes else None
            constraints = self._constraints(seen["conditions"], outcomes) if outcomes else None
            self._study.add_trial(
                optuna.create_trial(
                    state=state, values=values, params=params, distributions=self._distributions,
                    constraints=constraints or None,
                )
            )  # fmt: skip

    def _constraints(self, conditions: dict[str, Any], outcomes: dict[str, float]) -> dict[str, float]:
        """Return how far each constraint is broken: above 0 where it is."""
        found = {}
        for i, known in enumerate(self._task["constraints"]):
            total = sum(w * float(conditions[name]) for name, w in known["coefficients"].items()) - known["bound"]
            if known["relation"] != "=":  # a sum that is always kept says nothing
                found[f"known{i}"] = total if known["relation"] == "<=" else -total
        for i, bound in enumerate(self._task["bounds"]):
            value = outcomes[bound["outcome"]]
            if bound["at_most"] is not None:
                found[f"at_most{i}"] = value - bound["at_most"]
            if bound["at_least"] is not None:
                found[f"at_least{i}"] = bound["at_least"] - value
        return found

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        self._asked = [self._study.ask(self._distributions) for _ in range(n)]
        return [dict(trial.params) for trial in self._asked]


def _columns(task: dict[str, Any]) -> list[list[float]]:
    """Return the values each factor takes, if the candidates are all their combinations; else nothing."""
    if not task["is_product"]:
        return [[] for _ in task["factors"]]
    return [sorted(set(column)) for column in zip(*task["candidates"], strict=True)]


def _distribution(factor: dict[str, Any], column: list[float]) -> BaseDistribution:
    if factor["type"] == "categorical":
        return CategoricalDistribution(factor["levels"])
    if factor["is_whole"]:
        return IntDistribution(int(factor["low"]), int(factor["high"]))
    values = factor["grid"] or column
    step = (factor["high"] - factor["low"]) / max(len(values) - 1, 1)
    is_even = all(
        abs(v - factor["low"] - i * step) < 1e-9 * (factor["high"] - factor["low"]) for i, v in enumerate(values)
    )
    if values and is_even:
        return FloatDistribution(factor["low"], factor["high"], step=step)
    return FloatDistribution(factor["low"], factor["high"], log=factor["is_log"])


def _param(distribution: BaseDistribution, cell: Any) -> Any:
    if isinstance(distribution, IntDistribution):
        return round(cell)
    if isinstance(distribution, FloatDistribution):
        return min(max(float(cell), distribution.low), distribution.high)
    return cell


wire.serve(Campaign, ["optuna", "torch", "numpy"])
