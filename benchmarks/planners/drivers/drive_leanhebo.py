"""LeanHEBO: HEBO's Gaussian process, warping and MACE on a current Python (HEBO itself needs numpy < 1.25).

Defaults. It takes no list of candidates, but its search is one class, so on a table ours evaluates the three
acquisitions at every untried candidate and keeps the non-dominated ones, from which LeanHEBO chooses as it always
does. It has one objective and no constraints.
"""

from dataclasses import dataclass
from typing import Any

import leanhebo.optimizer
import torch
import wire
from leanhebo import LeanHEBO, LeanHEBOConfig, RuntimeConfig
from leanhebo.space import Categorical, Float, Integer, Space

torch.set_num_threads(1)
EVOLUTION = leanhebo.optimizer.TorchNSGA2


@dataclass
class Front:
    """What LeanHEBO reads of a search."""

    population: torch.Tensor
    pareto_population: torch.Tensor


class Campaign:
    """A LeanHEBO optimiser."""

    def __init__(self, task: dict[str, Any]) -> None:
        if task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("outcome constraints, several objectives")
        self._names = [f["name"] for f in task["factors"]]
        name, goal = task["objectives"][0]["name"], task["objectives"][0]["goal"]
        self._cost = lambda outcomes: outcomes[name] if goal == "minimize" else -outcomes[name]
        # short names: LeanHEBO's are identifiers
        space = Space([_parameter(f"x{i}", f) for i, f in enumerate(task["factors"])])
        config = LeanHEBOConfig(random_samples=max(task["n_start"], 2), runtime=RuntimeConfig(seed=task["seed"]))
        self._optimizer = LeanHEBO(space, config=config)
        self._untried = {tuple(row): None for row in task["candidates"] or []}
        leanhebo.optimizer.TorchNSGA2 = self._search if self._untried else EVOLUTION

    def _rows(self, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        return [{f"x{i}": cell for i, cell in enumerate(row)} for row in rows]

    def _search(self, *_: Any, **__: Any) -> "Campaign":
        """Stand for the evolutionary search."""
        return self

    def minimize(self, objective: Any, **_: Any) -> Front:
        """Return the candidates that no other one dominates."""
        space = self._optimizer.space
        dense = space.to_dense(space.encode(self._rows(list(self._untried))))
        values = objective(dense)
        kept: list[int] = []
        for i in torch.argsort(values.sum(dim=1)).tolist():  # whoever is dominated is so by one with a smaller sum
            if not any(bool((values[j] <= values[i]).all()) for j in kept):
                kept.append(i)
        return Front(dense, dense[kept])

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        for seen in observations:
            row = tuple(seen["conditions"][name] for name in self._names)
            self._untried.pop(row, None)
            if seen["outcomes"]:
                self._optimizer.observe(self._rows([row]), [self._cost(seen["outcomes"])])

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        space, found = self._optimizer.space, self._optimizer.suggest(n)
        listed = list(self._untried)  # its numbers have half the digits of the table's
        exact = dict(zip(space.canonical_keys(space.encode(self._rows(listed))), listed, strict=True)) if listed else {}
        rows = zip(space.canonical_keys(found), found.to_records(), strict=True)
        return [
            dict(zip(self._names, exact.get(key) or [row[f"x{i}"] for i in range(len(self._names))], strict=True))
            for key, row in rows
        ]


def _parameter(name: str, factor: dict[str, Any]) -> Any:
    if factor["type"] == "categorical":
        return Categorical(name, tuple(factor["levels"]))
    if factor["is_whole"]:
        return Integer(name, int(factor["low"]), int(factor["high"]))
    return Float(name, factor["low"], factor["high"], log=factor["is_log"])


wire.serve(Campaign, ["leanhebo", "torch", "numpy"])
