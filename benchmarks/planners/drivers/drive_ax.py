"""Ax: its default generation strategy; on a table its own acquisition scores every untried candidate.

Ax takes no list of candidates, so where there is one the fitted adapter evaluates its acquisition function at each of
them (`evaluate_acquisition_function`) and the best is taken: exact where Ax would search. Batches there are chosen one
by one, those before as pending observations. Start points are attached trials and count as its initialisation. Its
constraints are inequalities, so of a mixture the last component is what the others leave.
"""

import logging
from typing import Any

import torch
import wire
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.core.observation import ObservationFeatures

torch.set_num_threads(1)
logging.disable(logging.WARNING)
CHUNK = 512


class Campaign:
    """An Ax client."""

    def __init__(self, task: dict[str, Any]) -> None:
        torch.manual_seed(task["seed"])
        self._objectives = [o["name"] for o in task["objectives"]]
        self._outcomes = [*self._objectives, *(b["outcome"] for b in task["bounds"])]
        self._names = {f["name"]: f"x{i}" for i, f in enumerate(task["factors"])}  # Ax reads names as expressions
        self._metrics = {name: f"m{i}" for i, name in enumerate(dict.fromkeys(self._outcomes))}
        self._client = Client(random_seed=task["seed"])
        known = task["constraints"] if task["candidates"] is None else []
        self._sums = {list(c["coefficients"])[-1]: c for c in known if c["relation"] == "="}
        self._client.configure_experiment(
            parameters=[_parameter(self._names[f["name"]], f) for f in task["factors"] if f["name"] not in self._sums],
            parameter_constraints=[text for c in known for text in self._linear(c, task["factors"])],
        )
        signs = {"minimize": "-", "maximize": ""}
        bounds = []
        for bound in task["bounds"]:
            name = self._metrics[bound["outcome"]]
            bounds += [f"{name} <= {bound['at_most']}"] if bound["at_most"] is not None else []
            bounds += [f"{name} >= {bound['at_least']}"] if bound["at_least"] is not None else []
        self._client.configure_optimization(
            objective=", ".join(signs[o["goal"]] + self._metrics[o["name"]] for o in task["objectives"]),
            outcome_constraints=bounds,
        )
        self._client.configure_generation_strategy(
            initialization_budget=task["n_start"], initialization_random_seed=task["seed"], initialize_with_center=False
        )
        rows = task["candidates"] or []
        names = list(self._names)
        self._untried = {tuple(row): self._parameters(dict(zip(names, row, strict=True))) for row in rows}
        self._pending: list[int] = []

    def _parameters(self, conditions: dict[str, Any]) -> dict[str, Any]:
        return {short: conditions[name] for name, short in self._names.items() if name not in self._sums}

    def _linear(self, known: dict[str, Any], factors: list[dict[str, Any]]) -> list[str]:
        """Return a constraint as Ax reads it; of a sum, what its last factor's bounds leave to the others."""
        weights = dict(known["coefficients"])
        if known["relation"] != "=":
            return [f"{self._terms(weights)} {known['relation']} {known['bound']}"]
        last = list(weights)[-1]
        weight = weights.pop(last)
        (low, high) = next((f["low"], f["high"]) for f in factors if f["name"] == last)
        ends = sorted((known["bound"] - weight * low, known["bound"] - weight * high))
        return [f"{self._terms(weights)} >= {ends[0]}", f"{self._terms(weights)} <= {ends[1]}"]

    def _terms(self, weights: dict[str, float]) -> str:
        return " + ".join(f"{weight} * {self._names[name]}" for name, weight in weights.items())

    def _whole(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return conditions with what a sum leaves for its last factor."""
        found = {name: row[short] for name, short in self._names.items() if name not in self._sums}
        for last, known in self._sums.items():
            rest = known["bound"] - sum(w * found[n] for n, w in known["coefficients"].items() if n != last)
            found[last] = rest / known["coefficients"][last]
        return found

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        for index in self._pending:  # superseded by what was really measured
            self._client.mark_trial_abandoned(index)
        self._pending = []
        for seen in observations:
            index = self._client.attach_trial(self._parameters(seen["conditions"]))
            self._untried.pop(tuple(seen["conditions"][name] for name in self._names), None)
            if seen["outcomes"]:
                data = {self._metrics[name]: seen["outcomes"][name] for name in self._metrics}
                self._client.complete_trial(index, raw_data=data)
            else:
                self._client.mark_trial_failed(index)

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        if self._untried:
            found = self._best_of_candidates(n)
        else:
            trials = self._client.get_next_trials(max_trials=n)
            self._pending, found = list(trials), list(trials.values())
        return [self._whole(row) for row in found]

    def _best_of_candidates(self, n: int) -> list[dict[str, Any]]:
        strategy = self._client._generation_strategy_or_choose()  # noqa: SLF001  no public way to the adapter
        adapter = strategy.fit(experiment=self._client._experiment)  # noqa: SLF001
        chosen: list[dict[str, Any]] = []
        for _ in range(min(n, len(self._untried))):
            left = [p for p in self._untried.values() if p not in chosen]
            features = [ObservationFeatures(parameters=dict(p)) for p in left]
            pending = {m: [ObservationFeatures(parameters=dict(p)) for p in chosen] for m in self._metrics.values()}
            scores: list[float] = []
            for i in range(0, len(features), CHUNK):
                scores += adapter.evaluate_acquisition_function(
                    observation_features=features[i : i + CHUNK], pending_observations=pending if chosen else None
                )
            chosen.append(left[max(range(len(left)), key=scores.__getitem__)])
        return chosen


def _parameter(name: str, factor: dict[str, Any]) -> Any:
    if factor["type"] == "categorical":
        return ChoiceParameterConfig(name=name, values=factor["levels"], parameter_type="str", is_ordered=False)
    if factor["is_whole"]:
        return RangeParameterConfig(name=name, bounds=(int(factor["low"]), int(factor["high"])), parameter_type="int")
    scaling = "log" if factor["is_log"] else "linear"
    return RangeParameterConfig(
        name=name, bounds=(factor["low"], factor["high"]), parameter_type="float", scaling=scaling
    )


wire.serve(Campaign, ["ax-platform", "botorch", "gpytorch", "torch", "numpy"])
