"""Other frameworks keep the loop, K-Genesis decides: the same kettle in gest-api's words and in Optuna's."""

from typing import Any

import optuna
from gest_api.vocs import VOCS

from kgenesis import GestGenerator, OptunaSampler


def tea(temperature: float, minutes: float, leaf: str) -> float:
    """Stand for a tasting panel: 10 is the best cup there is."""
    best = {"green": 72.0, "black": 94.0}[leaf]
    return 10 - 0.01 * (temperature - best) ** 2 - 0.4 * (minutes - 3) ** 2 - (0.5 if leaf == "black" else 0.0)


def by_gest(n: int = 14) -> dict[str, Any]:
    """Suggest, evaluate, ingest, as Xopt, libEnsemble and Optimas do; return the best cup."""
    vocs = VOCS(
        variables={"temperature": [60.0, 100.0], "minutes": [1.0, 8.0], "leaf": {"green", "black"}},
        objectives={"score": "MAXIMIZE"},
    )
    generator = GestGenerator(vocs, seed=1)
    for _ in range(n):
        generator.ingest([
            {**cup, "score": tea(cup["temperature"], cup["minutes"], cup["leaf"])} for cup in generator.suggest(1)
        ])  # fmt: skip
    return max(generator.data, key=lambda cup: cup["score"])


def by_optuna(n: int = 14) -> dict[str, Any]:
    """Let a study of Optuna sample by our planner; return the best cup."""

    def objective(trial: optuna.Trial) -> float:
        temperature = trial.suggest_float("temperature", 60, 100)
        minutes = trial.suggest_float("minutes", 1, 8)
        return tea(temperature, minutes, trial.suggest_categorical("leaf", ["green", "black"]))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=OptunaSampler(seed=1))
    study.optimize(objective, n_trials=n)
    return {**study.best_params, "score": study.best_value}


if __name__ == "__main__":
    print("gest-api:", by_gest())
    print("Optuna:", by_optuna())
