"""BayBE: the discrete space from the candidates themselves, molecules and descriptors where the set has them.

Defaults throughout (two-phase recommender, Gaussian process, log EI), but that it is told not to repeat what was
measured: on a table without noise that would waste an experiment. It has no outcome constraints and does not learn
from failures, so tasks with the former are not for it, and the latter are not told.
"""

from typing import Any

import pandas as pd
import torch
import wire
from baybe import Campaign as BaybeCampaign
from baybe.constraints import ContinuousLinearConstraint
from baybe.objectives import ParetoObjective, SingleTargetObjective
from baybe.parameters import (
    CategoricalParameter,
    CustomDiscreteParameter,
    NumericalContinuousParameter,
    NumericalDiscreteParameter,
    SubstanceParameter,
)
from baybe.searchspace import SearchSpace, SubspaceDiscrete
from baybe.targets import NumericalTarget

torch.set_num_threads(1)


class Campaign:
    """A BayBE campaign."""

    def __init__(self, task: dict[str, Any]) -> None:
        if task["bounds"]:
            raise NotImplementedError("outcome constraints")
        torch.manual_seed(task["seed"])
        self._factors, self._objectives = task["factors"], task["objectives"]
        names = [f["name"] for f in self._factors]
        use_molecules = task["settings"].get("molecules", "on") == "on"
        listed = task["candidates"]
        parameters = [
            _parameter(f, None if listed is None else [row[i] for row in listed], use_molecules=use_molecules)
            for i, f in enumerate(self._factors)
        ]
        if listed is not None:
            # what `from_dataframe` builds, without its check of every value against every other one (minutes)
            space = SearchSpace(SubspaceDiscrete(parameters, pd.DataFrame(listed, columns=names)))
        else:
            space = SearchSpace.from_product(parameters, [_constraint(c) for c in task["constraints"]])
        targets = [NumericalTarget(o["name"], minimize=o["goal"] == "minimize") for o in self._objectives]
        objective = SingleTargetObjective(targets[0]) if len(targets) == 1 else ParetoObjective(targets)
        allow = {"allow_recommending_already_measured": False} if listed is not None else {}
        self._campaign = BaybeCampaign(space, objective, **allow)
        self._names = names

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        rows = [s["conditions"] | s["outcomes"] for s in observations if s["outcomes"]]
        if rows:
            columns = [*self._names, *(o["name"] for o in self._objectives)]
            self._campaign.add_measurements(pd.DataFrame(rows)[columns])

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        found = self._campaign.recommend(batch_size=n)
        return found[self._names].to_dict(orient="records")


def _parameter(factor: dict[str, Any], column: list[Any] | None, *, use_molecules: bool) -> Any:
    name = factor["name"]
    if factor["type"] == "categorical":
        if factor["smiles"] and use_molecules:
            return SubstanceParameter(name, dict(zip(factor["levels"], factor["smiles"], strict=True)))
        if factor["descriptors"]:
            return CustomDiscreteParameter(name, pd.DataFrame(factor["descriptors"], index=factor["levels"]))
        return CategoricalParameter(name, factor["levels"])
    if column is not None:
        return NumericalDiscreteParameter(name, sorted(set(column)))
    if factor["grid"] is not None:
        return NumericalDiscreteParameter(name, factor["grid"])
    return NumericalContinuousParameter(name, (factor["low"], factor["high"]))


def _constraint(known: dict[str, Any]) -> ContinuousLinearConstraint:
    names, weights = list(known["coefficients"]), list(known["coefficients"].values())
    operator = "=" if known["relation"] == "=" else known["relation"]
    return ContinuousLinearConstraint(names, operator, weights, known["bound"])


wire.serve(Campaign, ["baybe", "botorch", "gpytorch", "torch", "numpy"])
