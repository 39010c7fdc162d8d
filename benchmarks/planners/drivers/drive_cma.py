"""CMA-ES: the covariance matrix adaptation evolution strategy, from the best of the start points.

Between 0 and 1 in every factor, first step 0.3, its own size of a generation; a generation is asked for one by one (or batch by
batch) and told when it is whole. Whole numbers and levels (by their place in the list) are what it calls integer variables. What it
suggests is snapped by the harness. Constraints and several objectives cannot be said to it, so such tasks are not for it.
"""

import math
from typing import Any

import cma
import numpy as np
import wire


class Campaign:
    """An evolution strategy that is asked for a generation, little by little."""

    def __init__(self, task: dict[str, Any]) -> None:
        linear = task["constraints"] and task["candidates"] is None
        if linear or task["bounds"] or len(task["objectives"]) > 1 or len(task["factors"]) == 1:
            raise NotImplementedError("constraints, several objectives, one factor")
        self._factors, objective = task["factors"], task["objectives"][0]
        self._name, self._sign = objective["name"], -1.0 if objective["goal"] == "maximize" else 1.0
        self._seed, self._n_start = task["seed"], task["n_start"]
        self._start: list[tuple[float, np.ndarray]] = []
        self._strategy: cma.CMAEvolutionStrategy | None = None
        self._waiting: list[np.ndarray] = []
        self._asked: list[np.ndarray] = []
        self._told: list[tuple[np.ndarray, float]] = []

    def _edges(self, factor: dict[str, Any]) -> tuple[float, float]:
        if factor["type"] == "categorical":
            return 0.0, len(factor["levels"]) - 1.0
        if factor["is_whole"]:
            return factor["low"], factor["high"]
        return 0.0, 1.0

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments: the first are the start points, the others answer what was asked, in order."""
        for seen in observations:
            cost = self._sign * seen["outcomes"][self._name] if seen["outcomes"] else math.inf
            if self._strategy is None:
                x = [_inward(f, seen["conditions"][f["name"]]) for f in self._factors]
                self._start.append((cost, np.array(x)))
            elif self._asked:
                self._told.append((self._asked.pop(0), cost))
        if self._strategy is not None and not self._waiting and not self._asked:
            worst = max((c for _, c in self._told if math.isfinite(c)), default=0.0)
            costs = [c if math.isfinite(c) else worst for _, c in self._told]
            self._strategy.tell([x for x, _ in self._told], costs)
            self._told = []

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        if self._strategy is None:
            low, high = np.transpose([self._edges(f) for f in self._factors])
            wholes = [i for i, f in enumerate(self._factors) if f["type"] == "categorical" or f["is_whole"]]
            options = {
                "bounds": [low.tolist(), high.tolist()], "CMA_stds": (high - low).tolist(), "integer_variables": wholes,
                "seed": self._seed + 1, "verbose": -9, "verb_log": 0,
            }  # fmt: skip
            best = min(self._start, key=lambda found: found[0])[1]
            self._strategy = cma.CMAEvolutionStrategy(best, 0.3, options)
        found = []
        for _ in range(n):
            if not self._waiting:  # a batch that is larger than what is left begins the next generation early
                self._waiting = list(self._strategy.ask())
            x = self._waiting.pop(0)
            self._asked.append(x)
            found.append({f["name"]: _outward(f, value) for f, value in zip(self._factors, x.tolist(), strict=True)})
        return found


def _inward(factor: dict[str, Any], cell: Any) -> float:
    if factor["type"] == "categorical":
        return float(factor["levels"].index(cell))
    if factor["is_whole"]:
        return float(cell)
    low, high, at = (math.log(v) if factor["is_log"] else v for v in (factor["low"], factor["high"], float(cell)))
    return (at - low) / (high - low)


def _outward(factor: dict[str, Any], value: float) -> Any:
    if factor["type"] == "categorical":
        return factor["levels"][min(max(round(value), 0), len(factor["levels"]) - 1)]
    if factor["is_whole"]:
        return min(max(round(value), factor["low"]), factor["high"])
    value = min(max(value, 0.0), 1.0)
    if factor["is_log"]:
        return math.exp(math.log(factor["low"]) + value * math.log(factor["high"] / factor["low"]))
    return factor["low"] + value * (factor["high"] - factor["low"])


wire.serve(Campaign, ["cma", "numpy"])
