"""The public suite COCO bbob: 24 noise-free functions in several dimensions (Hansen et al. 2009, INRIA report RR-6829).

They come from the package `coco-experiment` (BSD-3-Clause), which is optional: without it there are no such tasks. One instance of
each, the first; its optimum is at a place of its own in [-5, 5]^d.
"""

import contextlib
import functools
import importlib.util
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planners import synthetic
from planners.synthetic import Standard
from planners.tasks import Bench, Task

FAMILY = "bbob"
FUNCTIONS = range(1, 25)
DIMENSIONS = (2, 3, 5, 10)


def find() -> Iterator[Task]:
    """Yield every function in every dimension as a task `bbob/fNN-dN`; none if the package is not installed."""
    if importlib.util.find_spec("cocoex") is None:
        return
    for d in DIMENSIONS:
        for i in FUNCTIONS:
            yield Task(f"{FAMILY}/f{i:02d}-d{d}", FAMILY, functools.partial(_build, i, d))


def _build(i: int, d: int, budget: int) -> Bench:
    import cocoex

    suite = cocoex.Suite("bbob", "", f"function_indices: {i} dimensions: {d} instance_indices: 1")
    problem = suite.get_problem(0)
    names = [f"x{k}" for k in range(1, d + 1)]
    sides = zip(names, problem.lower_bounds.tolist(), problem.upper_bounds.tolist(), strict=True)
    factors = [{"type": "real", "name": name, "low": low, "high": high, "unit": "1"} for name, low, high in sides]

    def function(row: Mapping[str, Any], _suite: Any = suite) -> dict[str, float]:  # a problem dies with its suite
        return {"y": float(problem(np.array([row[name] for name in names], dtype=np.float64)))}

    minimum = float(problem(_best(problem)))
    return synthetic.build(Standard(f"{FAMILY}/f{i:02d}-d{d}", FAMILY, factors, function, minimum), budget)


def _best(problem: Any) -> NDArray[np.float64]:
    """Return where the optimum is (d,). The package writes it into a file of the current folder, and nowhere else."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        problem._best_parameter("print")  # noqa: SLF001
        (written,) = Path(folder).iterdir()
        return np.array(written.read_text(encoding="ascii").split(), dtype=np.float64)
