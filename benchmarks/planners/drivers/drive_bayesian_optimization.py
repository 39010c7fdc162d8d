"""bayesian-optimization: its Gaussian process and upper confidence bound; batches by its constant liar.

It takes no list of candidates; what it suggests is snapped by the harness. Known constraints, outcome constraints and several
objectives cannot be said to it, so such tasks are not for it.
"""

import math
from typing import Any

import wire
from bayes_opt import BayesianOptimization, acquisition


class Campaign:
    """An optimiser that is only asked and told."""

    def __init__(self, task: dict[str, Any]) -> None:
        linear = task["constraints"] and task["candidates"] is None
        if linear or task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("constraints, several objectives")
        self._factors, objective = task["factors"], task["objectives"][0]
        self._name, self._sign = objective["name"], 1.0 if objective["goal"] == "maximize" else -1.0
        better = acquisition.UpperConfidenceBound(kappa=2.576)  # its default
        if task["batch"] > 1:
            better = acquisition.ConstantLiar(better)
        self._optimizer = BayesianOptimization(
            None, {f["name"]: _bounds(f) for f in self._factors}, better, random_state=task["seed"], verbose=0,
            allow_duplicate_points=True,
        )  # fmt: skip

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        for seen in observations:
            if seen["outcomes"]:
                row = {f["name"]: _inward(f, seen["conditions"][f["name"]]) for f in self._factors}
                self._optimizer.register(row, self._sign * seen["outcomes"][self._name])

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        found = [self._optimizer.suggest() for _ in range(n)]
        return [{f["name"]: _outward(f, row[f["name"]]) for f in self._factors} for row in found]


def _bounds(factor: dict[str, Any]) -> tuple[Any, ...]:
    if factor["type"] == "categorical":
        return tuple(factor["levels"])
    if factor["is_whole"]:
        return int(factor["low"]), int(factor["high"]), int
    return _inward(factor, factor["low"]), _inward(factor, factor["high"])


def _inward(factor: dict[str, Any], cell: Any) -> Any:
    if factor["type"] == "categorical":
        return cell
    if factor["is_whole"]:
        return round(cell)
    return math.log(cell) if factor["is_log"] else float(cell)


def _outward(factor: dict[str, Any], cell: Any) -> Any:
    return math.exp(cell) if factor["type"] == "number" and factor["is_log"] and not factor["is_whole"] else cell


wire.serve(Campaign, ["bayesian-optimization", "scikit-learn", "numpy"])
