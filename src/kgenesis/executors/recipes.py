"""Make a lab from its recipe, and read the settings every executor takes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Lab, LabRecipe, PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say


def lab_of(recipe: LabRecipe) -> tuple[Lab, tuple[str, ...]]:
    """Make the lab; return it and the outcomes its measurements must have.

    Raises:
        UnknownPlugin, MissingPart, InvalidSpec: it cannot be made here.
    """
    problem = Problem.model_validate(recipe.problem)
    lab: Lab = make_plugin("labs", recipe.name, _context(problem, recipe.settings, Path(recipe.folder)))
    return lab, problem.outcomes


def _context(problem: Problem, settings: Mapping[str, Any], folder: Path) -> PluginContext:
    def make(group: str, name: str, inner: Mapping[str, Any]) -> Any:
        return make_plugin(group, name, _context(problem, inner, folder))

    return PluginContext(settings=settings, problem=problem, folder=folder, make=make)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an executor is told: `recipe` or, for one that works in this process, a `lab`."""

    recipe: LabRecipe | None = None
    lab: Lab | None = None
    n_workers: int = 1
    n_threads: int = 1
    """Threads a numerical library may use in each worker."""
    build_timeout: float = 300.0
    """Seconds a worker may take to start and make its lab."""
    tasks_per_worker: int = 500
    """Tasks after which a worker is replaced by a fresh one."""


def settings_of(context: PluginContext) -> Settings:
    """Return the settings of a context, checked; `n_workers` is the number of usable CPUs if not given.

    Raises:
        InvalidSpec: they are not valid.
    """
    given = {"n_workers": n_cpus(), **context.settings}
    wrong = [
        Mistake(say("no such setting", "그런 설정이 없습니다"), name)
        for name in given
        if name not in Settings.__slots__
    ]
    for name in ("n_workers", "n_threads", "tasks_per_worker"):
        value = given.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            wrong.append(Mistake(say("must be a whole number from 1", "1 이상의 정수여야 합니다"), name))
    timeout = given.get("build_timeout", 1.0)
    if not isinstance(timeout, int | float) or not timeout > 0:
        wrong.append(Mistake(say("must be seconds above 0", "0보다 큰 초여야 합니다"), "build_timeout"))
    if not isinstance(given.get("recipe"), LabRecipe) and given.get("lab") is None:
        wrong.append(Mistake(say("a lab's recipe is needed", "실험실 정보가 필요합니다"), "recipe"))
    if wrong:
        raise InvalidSpec(say("the settings of the executor are not valid", "실행기 설정이 올바르지 않습니다"), wrong)
    return Settings(**given)


def n_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
