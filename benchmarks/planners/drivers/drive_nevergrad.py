"""Nevergrad: NGOpt, which chooses an algorithm by the space and the budget.

It begins at the best of the start points; those of its algorithms that can learn from what they did not ask for are told all of them.
It takes no list of candidates; what it suggests is snapped by the harness, and told as if it had been measured where it was asked.
Constraints and several objectives are not for its default, so neither are such tasks.
"""

import contextlib
import os
from typing import Any

import nevergrad as ng
import numpy as np
import wire

N_KNOWN = 3
"""How often it is told again what it was told before, in a row."""


class Campaign:
    """An optimiser that is only asked and told."""

    def __init__(self, task: dict[str, Any]) -> None:
        linear = task["constraints"] and task["candidates"] is None
        if linear or task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("constraints, several objectives")
        self._factors, objective = task["factors"], task["objectives"][0]
        self._name, self._sign = objective["name"], -1.0 if objective["goal"] == "maximize" else 1.0
        self._space = ng.p.Dict(**{f["name"]: _parameter(f) for f in self._factors})
        self._space.random_state = np.random.RandomState(task["seed"])
        self._make = lambda: ng.optimizers.NGOpt(self._space, budget=task["budget"], num_workers=task["batch"])
        self._optimizer: Any = None
        self._start: list[tuple[dict[str, Any], float]] = []
        self._asked: list[Any] = []
        self._worst = 0.0

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments: the first are the start points, the others answer what was asked, in order."""
        for seen in observations:
            cost = self._sign * seen["outcomes"][self._name] if seen["outcomes"] else self._worst
            self._worst = max(self._worst, cost)
            if self._optimizer is None:
                row = {f["name"]: _cell(f, seen["conditions"][f["name"]]) for f in self._factors}
                self._start.append((row, cost))
            elif self._asked:
                self._optimizer.tell(self._asked.pop(0), cost)  # some wait for the very candidate they asked for

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        if self._optimizer is None:
            self._space.value = min(self._start, key=lambda found: found[1])[0]
            self._optimizer = self._make()
            for row, cost in self._start:
                with contextlib.suppress(ng.errors.TellNotAskedNotSupportedError):
                    self._optimizer.tell(self._space.spawn_child(new_value=row), cost)
        asked = [self._next() for _ in range(n)]
        self._asked += asked
        return [dict(candidate.value) for candidate in asked]

    def _next(self) -> Any:
        """Return what it asks for; where that is the point it was started from, it is told what is known, and asked again."""
        for _ in range(N_KNOWN):
            candidate = self._optimizer.ask()
            known = [cost for row, cost in self._start if row == dict(candidate.value)]
            if not known:
                return candidate
            self._optimizer.tell(candidate, known[0])
        return self._optimizer.ask()


def _parameter(factor: dict[str, Any]) -> Any:
    if factor["type"] == "categorical":
        return ng.p.Choice(factor["levels"])
    if factor["is_log"]:
        return ng.p.Log(lower=factor["low"], upper=factor["high"])
    number = ng.p.Scalar(lower=factor["low"], upper=factor["high"])
    return number.set_integer_casting() if factor["is_whole"] else number


def _cell(factor: dict[str, Any], cell: Any) -> Any:
    if factor["type"] == "categorical":
        return cell
    return round(cell) if factor["is_whole"] else min(max(float(cell), factor["low"]), factor["high"])


wire.serve(Campaign, ["nevergrad", "numpy"])
os._exit(0)  # threads of algorithms that still wait for an answer would keep the process
