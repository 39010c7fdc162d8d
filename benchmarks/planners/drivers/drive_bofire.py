"""BoFire: single- and multi-objective Bayesian optimisation with its defaults.

It takes no list of candidates, but scores given ones (`calc_acquisition`): on a table the best untried candidate is
taken, in batches one by one with those before as pending candidates. Descriptors are given where the set has them.
Its outcome constraints are soft objectives that need a steepness nobody can know beforehand, so such tasks are not
for it.
"""

from typing import Any

import pandas as pd
import torch
import wire
from bofire.data_models.constraints.api import LinearEqualityConstraint, LinearInequalityConstraint
from bofire.data_models.domain.api import Constraints, Domain, Inputs, Outputs
from bofire.data_models.features.api import (
    CategoricalDescriptorInput,
    CategoricalInput,
    ContinuousInput,
    ContinuousOutput,
    DiscreteInput,
)
from bofire.data_models.objectives.api import MaximizeObjective, MinimizeObjective
from bofire.data_models.strategies.api import MoboStrategy, SoboStrategy
from bofire.strategies import api as strategies

torch.set_num_threads(1)
CHUNK = 512


class Campaign:
    """A BoFire strategy."""

    def __init__(self, task: dict[str, Any]) -> None:
        if task["bounds"]:
            raise NotImplementedError("outcome constraints")
        torch.manual_seed(task["seed"])
        self._keys = {f["name"]: f"x{i}" for i, f in enumerate(task["factors"])}
        self._outputs = {o["name"]: f"y{i}" for i, o in enumerate(task["objectives"])}
        kinds = {"minimize": MinimizeObjective, "maximize": MaximizeObjective}
        is_table = task["candidates"] is not None
        known = [] if is_table else [self._linear(c) for c in task["constraints"]]
        domain = Domain(
            inputs=Inputs(features=[_input(self._keys[f["name"]], f, is_table=is_table) for f in task["factors"]]),
            outputs=Outputs(features=[
                ContinuousOutput(key=self._outputs[o["name"]], objective=kinds[o["goal"]](w=1.0)) for o in task["objectives"]
            ]),
            constraints=Constraints(constraints=known),
        )  # fmt: skip
        model = SoboStrategy if len(self._outputs) == 1 else MoboStrategy
        self._strategy = strategies.map(model(domain=domain, seed=task["seed"]))
        self._untried = {tuple(row): None for row in task["candidates"] or []}

    def _linear(self, known: dict[str, Any]) -> LinearEqualityConstraint | LinearInequalityConstraint:
        features = [self._keys[name] for name in known["coefficients"]]
        sign = -1.0 if known["relation"] == ">=" else 1.0
        kind = LinearEqualityConstraint if known["relation"] == "=" else LinearInequalityConstraint
        weights = [sign * w for w in known["coefficients"].values()]
        return kind(features=features, coefficients=weights, rhs=sign * known["bound"])

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        rows = []
        for seen in observations:
            self._untried.pop(tuple(seen["conditions"][name] for name in self._keys), None)
            if seen["outcomes"]:
                row = {key: seen["conditions"][name] for name, key in self._keys.items()}
                for name, key in self._outputs.items():
                    row |= {key: seen["outcomes"][name], f"valid_{key}": 1}
                rows.append(row)
        if rows:
            self._strategy.tell(pd.DataFrame(rows))

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        found = self._best_of_candidates(n) if self._untried else self._strategy.ask(n)
        return [{name: row[key] for name, key in self._keys.items()} for row in found.to_dict(orient="records")]

    def _best_of_candidates(self, n: int) -> pd.DataFrame:
        left = pd.DataFrame(list(self._untried), columns=list(self._keys.values()))
        chosen: list[int] = []
        for _ in range(min(n, len(left))):
            scores = pd.concat(
                pd.Series(self._strategy.calc_acquisition(left.iloc[i : i + CHUNK])) for i in range(0, len(left), CHUNK)
            ).reset_index(drop=True)
            chosen.append(int(scores.drop(chosen).idxmax()))
            if len(chosen) < n:
                self._strategy.add_candidates(left.iloc[[chosen[-1]]])
        self._strategy.reset_candidates()
        return left.iloc[chosen]


def _input(key: str, factor: dict[str, Any], *, is_table: bool) -> Any:
    if factor["type"] == "categorical":
        if factor["descriptors"]:
            values = [list(row) for row in zip(*factor["descriptors"].values(), strict=True)]
            return CategoricalDescriptorInput(
                key=key, categories=factor["levels"], descriptors=list(factor["descriptors"]), values=values
            )
        return CategoricalInput(key=key, categories=factor["levels"])
    if factor["grid"] is not None and not is_table:
        return DiscreteInput(key=key, values=factor["grid"])
    return ContinuousInput(key=key, bounds=(factor["low"], factor["high"]))


wire.serve(Campaign, ["bofire", "botorch", "gpytorch", "torch", "numpy"])
