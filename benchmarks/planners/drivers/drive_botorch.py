"""BoTorch: `SingleTaskGP` as it comes, log expected improvement (q-log-EI for batches).

Levels are one-hot, and the search goes through all combinations of them (`optimize_acqf_mixed`); whole numbers are searched as
numbers and rounded by the harness. On a table every untried candidate is scored (`optimize_acqf_discrete`). 10 restarts out of 512
points, as in its tutorials. Outcome constraints and several objectives need choices of their own, so such tasks are not for it.
"""

import itertools
import math
from typing import Any

import torch
import wire
from botorch.acquisition import AcquisitionFunction, LogExpectedImprovement, qLogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf, optimize_acqf_discrete, optimize_acqf_mixed
from gpytorch.mlls import ExactMarginalLogLikelihood

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
N_COMBINATIONS = 64
"""Of levels, up to which each is searched apart; beyond it their columns are searched as numbers."""


class Campaign:
    """A model that is fitted anew after every result."""

    def __init__(self, task: dict[str, Any]) -> None:
        if task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("outcome constraints, several objectives")
        torch.manual_seed(task["seed"])
        self._factors, objective = task["factors"], task["objectives"][0]
        self._name, self._sign = objective["name"], 1.0 if objective["goal"] == "maximize" else -1.0
        names = [f["name"] for f in self._factors]
        rows = [dict(zip(names, row, strict=True)) for row in task["candidates"] or []]
        self._untried = {tuple(row.values()): self._encoded(row) for row in rows}
        self._known = [] if rows else task["constraints"]
        self._x: list[list[float]] = []
        self._y: list[float] = []
        self._start = [sum(map(_width, self._factors[:i])) for i in range(len(self._factors) + 1)]

    def _encoded(self, row: dict[str, Any]) -> list[float]:
        found: list[float] = []
        for f in self._factors:
            cell = row[f["name"]]
            if f["type"] == "categorical":
                found += [float(cell == level) for level in f["levels"]]
            else:
                low, high, at = (math.log(v) if f["is_log"] else v for v in (f["low"], f["high"], float(cell)))
                found.append((at - low) / (high - low))
        return found

    def _decoded(self, x: list[float]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for f, start in zip(self._factors, self._start, strict=False):
            part = x[start : start + _width(f)]
            if f["type"] == "categorical":
                row[f["name"]] = f["levels"][part.index(max(part))]
            elif f["is_log"]:
                row[f["name"]] = math.exp(math.log(f["low"]) + part[0] * math.log(f["high"] / f["low"]))
            else:
                row[f["name"]] = f["low"] + part[0] * (f["high"] - f["low"])
        return row

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        for seen in observations:
            row = {f["name"]: seen["conditions"][f["name"]] for f in self._factors}
            self._untried.pop(tuple(row.values()), None)
            if seen["outcomes"]:
                self._x.append(self._encoded(row))
                self._y.append(self._sign * seen["outcomes"][self._name])

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        y = torch.tensor(self._y)[:, None]
        model = SingleTaskGP(torch.tensor(self._x), y)  # standardises y
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        better = qLogExpectedImprovement(model, y.max()) if n > 1 else LogExpectedImprovement(model, y.max())
        if self._untried:
            choices = torch.tensor(list(self._untried.values()))
            found, _ = optimize_acqf_discrete(better, min(n, len(choices)), choices, unique=True)
            rows = {tuple(x): row for row, x in self._untried.items()}
            names = [f["name"] for f in self._factors]
            return [dict(zip(names, rows[tuple(x)], strict=True)) for x in found.tolist()]
        return [self._decoded(x) for x in self._searched(better, n).tolist()]

    def _searched(self, better: AcquisitionFunction, n: int) -> torch.Tensor:
        width = self._start[-1]
        bounds = torch.stack([torch.zeros(width), torch.ones(width)])
        how = {"num_restarts": 10, "raw_samples": 512, **self._linear()}
        fixed: list[dict[int, float]] = [{}]
        for f, start in zip(self._factors, self._start, strict=False):
            if f["type"] == "categorical":
                k = len(f["levels"])
                hot = [{start + i: float(i == level) for i in range(k)} for level in range(k)]
                fixed = [a | b for a, b in itertools.product(fixed, hot)]
        if len(fixed) == 1 or len(fixed) > N_COMBINATIONS:
            return optimize_acqf(better, bounds, n, **how)[0]
        return optimize_acqf_mixed(better, bounds, n, fixed_features_list=fixed, **how)[0]

    def _linear(self) -> dict[str, Any]:
        """Return the known constraints as BoTorch reads them, of coordinates between 0 and 1: at least, or equal."""
        factors = {f["name"]: (f, start) for f, start in zip(self._factors, self._start, strict=False)}
        found: dict[str, list[Any]] = {"inequality_constraints": [], "equality_constraints": []}
        for known in self._known:
            sign = -1.0 if known["relation"] == "<=" else 1.0
            places, weights, rest = [], [], known["bound"]
            for name, weight in known["coefficients"].items():
                f, start = factors[name]
                places.append(start)
                weights.append(sign * weight * (f["high"] - f["low"]))
                rest -= weight * f["low"]
            kind = "equality_constraints" if known["relation"] == "=" else "inequality_constraints"
            found[kind].append((torch.tensor(places), torch.tensor(weights), sign * rest))
        return {kind: constraints for kind, constraints in found.items() if constraints}


def _width(factor: dict[str, Any]) -> int:
    return len(factor["levels"]) if factor["type"] == "categorical" else 1


wire.serve(Campaign, ["botorch", "gpytorch", "torch", "numpy"])
