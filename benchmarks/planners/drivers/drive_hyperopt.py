"""Hyperopt: its tree-structured Parzen estimator (TPE).

Defaults, but for the number of start-up trials, which is that of the start points. It takes no list of candidates; what it suggests
is snapped by the harness. Constraints and several objectives cannot be said to it, so such tasks are not for it.
"""

import math
from typing import Any

import numpy as np
import wire
from hyperopt import JOB_STATE_DONE, STATUS_OK, Trials, hp, tpe
from hyperopt.base import Domain


class Campaign:
    """Trials that are written by hand."""

    def __init__(self, task: dict[str, Any]) -> None:
        linear = task["constraints"] and task["candidates"] is None
        if linear or task["bounds"] or len(task["objectives"]) > 1:
            raise NotImplementedError("constraints, several objectives")
        self._factors, objective = task["factors"], task["objectives"][0]
        self._name, self._sign = objective["name"], -1.0 if objective["goal"] == "maximize" else 1.0
        self._domain = Domain(lambda _: 0.0, {f["name"]: _distribution(f) for f in self._factors})
        self._trials, self._n_start = Trials(), task["n_start"]
        self._rng = np.random.default_rng(task["seed"])

    def tell(self, observations: list[dict[str, Any]]) -> None:
        """Take in finished experiments."""
        for seen in observations:
            if not seen["outcomes"]:
                continue
            (tid,) = self._trials.new_trial_ids(1)
            values = {f["name"]: [_cell(f, seen["conditions"][f["name"]])] for f in self._factors}
            misc = {"tid": tid, "cmd": None, "workdir": None, "idxs": {key: [tid] for key in values}, "vals": values}
            result = {"status": STATUS_OK, "loss": self._sign * seen["outcomes"][self._name]}
            (doc,) = self._trials.new_trial_docs([tid], [None], [result], [misc])
            doc["state"] = JOB_STATE_DONE
            self._trials.insert_trial_doc(doc)
        self._trials.refresh()

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""
        found = []
        for _ in range(n):
            seed = int(self._rng.integers(2**31 - 1))
            ids = self._trials.new_trial_ids(1)
            (doc,) = tpe.suggest(ids, self._domain, self._trials, seed, n_startup_jobs=self._n_start)
            values = doc["misc"]["vals"]
            found.append({f["name"]: _said(f, values[f["name"]][0]) for f in self._factors})
        return found


def _distribution(factor: dict[str, Any]) -> Any:
    name = factor["name"]
    if factor["type"] == "categorical":
        return hp.choice(name, factor["levels"])
    if factor["is_whole"]:
        return hp.quniform(name, factor["low"], factor["high"], 1)
    if factor["is_log"]:
        return hp.loguniform(name, math.log(factor["low"]), math.log(factor["high"]))
    return hp.uniform(name, factor["low"], factor["high"])


def _cell(factor: dict[str, Any], cell: Any) -> Any:
    return factor["levels"].index(cell) if factor["type"] == "categorical" else float(cell)


def _said(factor: dict[str, Any], value: Any) -> Any:
    return factor["levels"][int(value)] if factor["type"] == "categorical" else float(value)


wire.serve(Campaign, ["hyperopt", "numpy"])
