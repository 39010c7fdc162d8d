"""scikit-optimize: its `Optimizer` with a Gaussian process and a hedge of three acquisition functions; batches by constant liar.

Defaults, but for the number of initial points, which is that of the start points. It takes no list of candidates; what it suggests
is snapped by the harness. Constraints and several objectives cannot be said to it, so such tasks are not for it.
"""

from typing import Any

import wire
from skopt import Optimizer
from skopt.space import Categorical, Integer, Real


class Campaign:
    """An optimiser that is only asked and told."""

    def __init__(self, task: dict[str, Any]) -> None:
        linear = task["constraints"] and task["candidates"] is None
        if linear or task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("constraints, several objectives")
        self._factors, objective = task["factors"], task["objectives"][0]
        self._name, self._sign = objective["name"], -1.0 if objective["goal"] == "maximize" else 1.0
        space = [_dimension(f) for f in self._factors]
        self._optimizer = Optimizer(space, n_initial_points=task["n_start"], random_state=task["seed"])

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        done = [seen for seen in observations if seen["outcomes"]]
        x = [[_cell(f, seen["conditions"][f["name"]]) for f in self._factors] for seen in done]
        y = [self._sign * seen["outcomes"][self._name] for seen in done]
        if y:
            self._optimizer.tell(x, y)

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        found = self._optimizer.ask(n_points=n) if n > 1 else [self._optimizer.ask()]
        return [{f["name"]: cell for f, cell in zip(self._factors, x, strict=True)} for x in found]


def _dimension(factor: dict[str, Any]) -> Any:
    if factor["type"] == "categorical":
        return Categorical(factor["levels"])
    if factor["is_whole"]:
        return Integer(int(factor["low"]), int(factor["high"]))
    return Real(factor["low"], factor["high"], prior="log-uniform" if factor["is_log"] else "uniform")


def _cell(factor: dict[str, Any], cell: Any) -> Any:
    if factor["type"] == "categorical":
        return cell
    return round(cell) if factor["is_whole"] else min(max(float(cell), factor["low"]), factor["high"])


wire.serve(Campaign, ["scikit-optimize", "scikit-learn", "numpy"])
