"""Judge models by one harness, ours and partners': find them, let them decide short campaigns, fill in their sheets."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from kgenesis.app.mission_files import invalid, read_mapping
from kgenesis.app.platform import make_lab, plugin_context
from kgenesis.kernel.errors import InvalidSpec, KGenesisError
from kgenesis.kernel.experiment import Conditions, Measurement, Observation, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Lab, Planner, PluginContext, ProposalRequest, Surrogate
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.text import say
from kgenesis.surrogate import Decisions, Entrant, Sheet, make_gp, score_model

N_DRAWN = 2000
"""Points drawn at random that stand for random search."""

SOLVED = 0.1
"""Part of random search's regret at which a campaign counts as solved."""

LEAST = 1e-4
"""Regret below this part of random search's counts as this part: what is below is luck."""


def find_entrant(name_or_path: str) -> Entrant:
    """Find a model: a model file (YAML or JSON), a published version, a model's folder, an installed surrogate plug-in.

    Raises:
        NotFound: There is none.
        InvalidSpec: The file is not valid, with each mistake and its line; or the model is damaged.
        UnknownPlugin, MissingPart: There is no such plug-in, or a package it needs is missing.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix not in {".yaml", ".yml", ".json"} and not path.is_file():
        return Entrant.named(name_or_path, Path.cwd())
    data, node = read_mapping(
        path,
        say("a model file is a mapping of keys", "모델 파일은 키와 값의 모음입니다"),
        missing=say(
            "A model file says how to use a model: docs/en/how-to/bring-your-own-model.md.",
            "모델 파일은 모델을 쓰는 방법을 적은 파일입니다: docs/ko/how-to/bring-your-own-model.md.",
        ),
        wrong=HINT,
    )
    try:
        return Entrant.of(data, path.resolve().parent)
    except ValidationError as error:
        found = invalid(error, str(path), node, data)
        raise InvalidSpec(found.detail, found.problems, HINT) from error


HINT = say(
    "Correct the lines named above; docs/en/how-to/bring-your-own-model.md has a file to copy.",
    "위에 적힌 줄을 고치세요. 베낄 파일은 docs/ko/how-to/bring-your-own-model.md에 있습니다.",
)


def score(
    models: Sequence[str],
    n_sets: int = 4,
    against: Sequence[Path] = (),
    on_progress: Callable[[str, float], None] = lambda name, part: None,
) -> list[Sheet]:
    """Judge models, the best first; those that failed the gate come last.

    Args:
        models: As `find_entrant` takes them; all are found before any is measured.
        n_sets: Data sets of each size, and campaigns on each function.
        against: Weights of other models that none may resemble.
        on_progress: Told which model is measured, and how far it is (0–1).

    Raises:
        KGenesisError: A model is not there or not valid; nothing was measured.
    """
    entrants = [find_entrant(model) for model in models]
    sheets = []
    for entrant in entrants:
        name = entrant.name
        tell: Callable[[float], None] = lambda part, name=name: on_progress(name, part)  # type: ignore[misc]  # noqa: E731
        sheets.append(score_model(entrant, lambda surrogate: decide(surrogate, n_sets), n_sets, against, tell))
    return sorted(sheets, key=lambda sheet: (not sheet.gate.is_passed, -sheet.earned(), sheet.name))


# Short campaigns -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """A formula whose best point is known, on which short campaigns are held."""

    function: str
    """Of the lab `synthetic`."""
    factors: tuple[Mapping[str, Any], ...]
    goal: str
    best: float
    noise: float
    n_experiments: int

    def problem(self) -> Problem:
        """Return what is asked."""
        objective = {"name": "value", "goal": self.goal, "unit": "1"}
        return Problem.model_validate({"space": {"factors": list(self.factors)}, "objectives": [objective]})

    def regret(self, value: float) -> float:
        """Return how far an outcome without noise is from the best there is."""
        return max(value - self.best if self.goal == "minimize" else self.best - value, 0.0)


def _numbers(*ranges: tuple[float, float]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"name": f"x{i}", "type": "real", "low": a, "high": b, "unit": "1"} for i, (a, b) in enumerate(ranges, 1)
    )


_SHARES = ({"name": "recipe", "type": "mixture", "components": [{"name": c} for c in "abc"]},)

BENCHES = (
    Bench("branin", _numbers((-5, 10), (0, 15)), "minimize", 0.397887, 0.0, 20),
    Bench("hartmann6", _numbers(*[(0, 1)] * 6), "minimize", -3.32237, 0.05, 30),
    Bench("mixture", _SHARES, "maximize", 1.0, 0.0, 12),
)
"""Best points: `labs.simulators.synthetic`."""


def decide(surrogate: Surrogate, n_seeds: int) -> Decisions:
    """Let a surrogate decide campaigns, and the surrogate `gp` the same ones from the same starts.

    Args:
        surrogate: Anybody's; a campaign in which it fails ends there, and counts with the best it had found.
        n_seeds: Campaigns on each function.
    """
    saved, decades, failures, n_solved, seconds = [], [], [], 0, 0.0
    for k, bench in enumerate(BENCHES):
        at_random = random_regret(k)
        for seed in range(n_seeds):
            started = time.process_time()
            ours, failure = hold(bench, surrogate, (k, seed))
            seconds += time.process_time() - started
            n_solved += ours <= SOLVED * at_random
            theirs = reference_regret(k, seed)
            least = LEAST * at_random
            saved.append(1.0 - min(ours / at_random, 1.0))
            decades.append(float(np.clip(np.log10(max(theirs, least) / max(ours, least)), -1.0, 1.0)))
            if failure:
                failures.append(failure)
    return Decisions(float(np.mean(saved)), float(np.mean(decades)), tuple(failures), len(saved), n_solved, seconds)


@cache
def random_regret(k: int) -> float:
    """Return the mean regret of random search after as many experiments as a campaign on the k-th function has."""
    bench = BENCHES[k]
    space = bench.problem().space
    rows = space.to_rows(sample(space, N_DRAWN, np.random.default_rng((7006, k))))
    regrets = np.array([bench.regret(measured(bench, row)) for row in rows])
    n_whole = N_DRAWN // bench.n_experiments * bench.n_experiments
    return float(regrets[:n_whole].reshape(-1, bench.n_experiments).min(axis=1).mean())


@cache
def reference_regret(k: int, seed: int) -> float:
    """Return the regret of the same planner with the surrogate `gp`."""
    return hold(BENCHES[k], make_gp(PluginContext()), (k, seed))[0]


@cache
def _lab(function: str, noise: float) -> Lab:
    bench = next(bench for bench in BENCHES if bench.function == function)
    return make_lab(bench.problem(), "synthetic", {"function": function, "noise": noise}, Path.cwd())


def measured(bench: Bench, conditions: Conditions, noise: float = 0.0, seed: tuple[int, ...] = (0,)) -> float:
    """Return an outcome of a function."""
    result = _lab(bench.function, noise).measure(Task(ExperimentId("exp"), 1, dict(conditions), seed))
    assert isinstance(result, Measurement)
    return result.outcomes["value"].mean


def hold(bench: Bench, surrogate: Surrogate, seed: tuple[int, int]) -> tuple[float, str]:
    """Hold one campaign; returns its regret, and what the surrogate did wrong, if anything."""
    problem = bench.problem()
    context = replace(
        plugin_context(problem, {}, Path.cwd()),
        make=lambda group, name, settings: surrogate,
    )
    planner: Planner = make_plugin("planners", "model", context)
    history: list[Observation] = []
    regrets: list[float] = []
    for i in range(bench.n_experiments):
        request = ProposalRequest(problem, history, (), 1, (*seed, i), experiments_left=bench.n_experiments - i)
        try:
            (proposal,) = planner.propose(request)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (anybody's surrogate; what it does wrong is counted)
            said = error.detail.en if isinstance(error, KGenesisError) else f"{type(error).__name__}: {error}"
            return min(regrets, default=random_regret(BENCHES.index(bench))), said[:200]
        value = measured(bench, proposal.conditions, bench.noise, (*seed, i))
        result = Measurement.model_validate({"outcomes": {"value": {"mean": value}}})
        history.append(Observation(ExperimentId(f"exp_{i:05d}"), proposal.conditions, result))
        regrets.append(bench.regret(measured(bench, proposal.conditions)))
    return min(regrets), ""
