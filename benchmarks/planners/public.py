"""Public suites: COCO bbob, and what CARP-S takes from it into its representative subsets.

COCO bbob has 24 noise-free functions in several dimensions (Hansen et al. 2009, INRIA report RR-6829), each with its optimum at a place
of its own in [-5, 5]^d; here the first instance of each, from the package `coco-experiment` (BSD-3-Clause). CARP-S 1.1.0 (Benjamins et
al. 2025) has 20 + 20 problems that stand for all its black-box ones; 12 of them are of that suite and come from `ioh` (BSD-3-Clause), as
there; the other 28 need tables that have to be downloaded (YAHPO, HPOBench). Both packages are optional: without them there are no such
tasks.
"""

import contextlib
import functools
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from planners import synthetic
from planners.synthetic import Standard
from planners.tasks import Bench, FloatArray, Task

FUNCTIONS = range(1, 25)
DIMENSIONS = (2, 3, 5, 10)
REPRESENTATIVE = (
    *(("dev", *numbers) for numbers in ((2, 12, 0), (2, 12, 1), (2, 20, 0), (4, 6, 1))),
    *(("test", *numbers) for numbers in (
        (2, 6, 1), (2, 9, 0), (2, 12, 2), (8, 22, 0), (16, 1, 1), (16, 11, 0), (32, 9, 0), (32, 11, 0)
    )),
)  # fmt: skip
"""Subset, dimensions, function and instance, as in `carps/configs/task/subselection/blackbox`; CARP-S gives them 20 + 40 sqrt(d)
experiments, rounded up."""


def find() -> Iterator[Task]:
    """Yield `bbob/fNN-dN` for every function in every dimension, and `carps/SUBSET-fNN-dN-iN`, if their packages are installed."""
    if importlib.util.find_spec("cocoex") is not None:
        for d in DIMENSIONS:
            for i in FUNCTIONS:
                yield Task(f"bbob/f{i:02d}-d{d}", "bbob", functools.partial(_coco, i, d))
    if importlib.util.find_spec("ioh") is not None:
        for subset, d, i, instance in REPRESENTATIVE:
            name = f"carps/{subset}-f{i:02d}-d{d}-i{instance}"
            yield Task(name, "carps", functools.partial(_carps, name, d, i, instance))


def _coco(i: int, d: int, budget: int) -> Bench:
    import cocoex

    suite = cocoex.Suite("bbob", "", f"function_indices: {i} dimensions: {d} instance_indices: 1")
    problem = suite.get_problem(0)

    def function(x: FloatArray, _suite: Any = suite) -> float:  # a problem dies with its suite
        return float(problem(x))

    return _bench(f"bbob/f{i:02d}-d{d}", function, d, float(problem(_best(problem))), budget)


def _carps(name: str, d: int, i: int, instance: int, budget: int) -> Bench:
    import ioh

    problem = ioh.get_problem(fid=i, instance=instance, dimension=d)
    return _bench(name, lambda x: float(problem(x.tolist())), d, float(problem.optimum.y), budget)


def _bench(name: str, function: Callable[[FloatArray], float], d: int, minimum: float, budget: int) -> Bench:
    box = [{"type": "real", "name": f"x{k}", "low": -5.0, "high": 5.0, "unit": "1"} for k in range(1, d + 1)]
    found = Standard(name, name.partition("/")[0], box, synthetic.plain(function, d), minimum)
    return synthetic.build(found, budget)


def _best(problem: Any) -> FloatArray:
    """Return where the optimum is (d,). The package writes it into a file of the current folder, and nowhere else."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        problem._best_parameter("print")  # noqa: SLF001
        (written,) = Path(folder).iterdir()
        return np.array(written.read_text(encoding="ascii").split(), dtype=np.float64)
