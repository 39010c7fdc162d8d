"""The suite `standard` of the arena: 24 functions that optimisers are usually measured on, two with noise, two mixed.

The names are frozen in `benchmarks/arena/gates.yaml`. Definitions are the published ones; where the middle of the published
box is the optimum, or all but it, the box is moved, or whoever tries the middle first would be done.
"""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from planners import synthetic
from planners.synthetic import Standard, ackley, branin, hartmann, levy, rosenbrock
from planners.tasks import FloatArray, Task

FAMILY = "standard"
STYBLINSKI_TANG = -39.16616570377142
"""Minimum of Styblinski and Tang's function for each factor: the least of (x^4 - 16 x^2 + 5 x) / 2, at -2.903534."""


def six_hump_camel(x: FloatArray) -> float:
    """Return the six-hump camel back on [-3, 3] x [-2, 2]; minimum -1.0316285 at ±(0.0898, -0.7126) (Dixon & Szego 1978)."""
    a, b = x
    return float((4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2)


def goldstein_price(x: FloatArray) -> float:
    """Return Goldstein and Price's function on [-2, 2]^2; minimum 3 at (0, -1) (Goldstein & Price 1971)."""
    a, b = x
    one = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    two = 30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2)
    return float(one * two)


def hartmann4(x: FloatArray) -> float:
    """Return Hartmann's function of four factors on [0, 1]^4; minimum -3.1344941 (Picheny, Wagner & Ginsbourger 2013).

    The first four columns of the one of six factors, scaled to mean 0 and variance 1.
    """
    slopes, centres = (matrix[:, :4] for matrix in synthetic.HARTMANN[6])
    hills = synthetic.HARTMANN_WEIGHTS @ np.exp(-(slopes * (x - centres) ** 2).sum(axis=1))
    return float((1.1 - hills) / 0.839)


def rastrigin(x: FloatArray) -> float:
    """Return Rastrigin's function; minimum 0 at 0 (Rastrigin 1974)."""
    return float(10 * len(x) + (x**2 - 10 * np.cos(2 * math.pi * x)).sum())


def griewank(x: FloatArray) -> float:
    """Return Griewank's function; minimum 0 at 0 (Griewank 1981)."""
    return float((x**2).sum() / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, len(x) + 1)))) + 1)


def michalewicz(x: FloatArray) -> float:
    """Return Michalewicz's function, steepness 10, on [0, pi]^d; minimum -4.687658 for five factors (Michalewicz 1992)."""
    return float(-(np.sin(x) * np.sin(np.arange(1, len(x) + 1) * x**2 / math.pi) ** 20).sum())


def styblinski_tang(x: FloatArray) -> float:
    """Return Styblinski and Tang's function on [-5, 5]^d; minimum -39.166166 d (Styblinski & Tang 1990)."""
    return float(0.5 * (x**4 - 16 * x**2 + 5 * x).sum())


def zakharov(x: FloatArray) -> float:
    """Return Zakharov's function on [-5, 10]^d; minimum 0 at 0 (Laguna & Marti 2005)."""
    weighted = float(0.5 * np.arange(1, len(x) + 1) @ x)
    return float((x**2).sum()) + weighted**2 + weighted**4


def dixon_price(x: FloatArray) -> float:
    """Return Dixon and Price's function; minimum 0 at x_i = 2^(2^(1-i) - 1) (Dixon & Price 1989)."""
    return float((x[0] - 1) ** 2 + (np.arange(2, len(x) + 1) * (2 * x[1:] ** 2 - x[:-1]) ** 2).sum())


def powell(x: FloatArray) -> float:
    """Return Powell's singular function, four factors at a time; minimum 0 at 0 (Powell 1962)."""
    a, b, c, d = x.reshape(-1, 4).T
    return float(((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4).sum())


def sphere(x: FloatArray) -> float:
    """Return the sphere; minimum 0 at 0 (De Jong 1975)."""
    return float((x**2).sum())


def _box(*edges: tuple[float, float]) -> list[dict[str, Any]]:
    return [
        {"type": "real", "name": f"x{i}", "low": low, "high": high, "unit": "1"}
        for i, (low, high) in enumerate(edges, start=1)
    ]


def _one(
    name: str, function: Callable[[FloatArray], float], minimum: float, *edges: tuple[float, float], n: int = 1
) -> Standard:
    """Return a function over a box: its edges, repeated `n` times."""
    box = _box(*(edges * n))
    return Standard(name, FAMILY, box, synthetic.plain(function, len(box)), minimum)


def _numbers() -> Iterator[Standard]:
    yield _one("branin", branin, 0.39788736, (-5, 10), (0, 15))
    yield _one("six-hump-camel", six_hump_camel, -1.03162845, (-3, 3), (-2, 2))
    yield _one("goldstein-price", goldstein_price, 3.0, (-2, 2), n=2)
    yield _one("hartmann3", hartmann, -3.86277979, (0, 1), n=3)
    yield _one("hartmann4", hartmann4, -3.13449414, (0, 1), n=4)
    yield _one("hartmann6", hartmann, -3.32236801, (0, 1), n=6)
    for n in (4, 10):
        yield _one(f"ackley{n}", ackley, 0.0, (-10, 20), n=n)
    for n in (4, 10):
        yield _one(f"levy{n}", levy, 0.0, (-10, 10), n=n)
    for n in (4, 10):
        yield _one(f"rosenbrock{n}", rosenbrock, 0.0, (-2, 2.5), n=n)
    yield _one("rastrigin4", rastrigin, 0.0, (-4, 6), n=4)
    yield _one("griewank6", griewank, 0.0, (-400, 600), n=6)
    yield _one("michalewicz5", michalewicz, -4.68765818, (0, math.pi), n=5)
    yield _one("styblinski-tang5", styblinski_tang, 5 * STYBLINSKI_TANG, (-5, 5), n=5)
    yield _one("zakharov6", zakharov, 0.0, (-5, 10), n=6)
    yield _one("dixon-price8", dixon_price, 0.0, (-6, 14), n=8)
    yield _one("powell8", powell, 0.0, (-3, 7), n=8)
    yield _one("sphere20", sphere, 0.0, (-4, 6), n=20)


def _noisy(numbers: Mapping[str, Standard]) -> Iterator[Standard]:
    for name, noise in (("branin", 0.05), ("hartmann6", 0.2)):
        yield replace(numbers[name], name=f"{name}-noisy", noise=noise)


def _mixed() -> Iterator[Standard]:
    def ackley_mixed(row: Mapping[str, Any]) -> dict[str, float]:
        """Ackley's function of three numbers, a whole number whose best is 4, and a factor of which the fourth level is right."""
        wrong = 0.0 if row["k"] == "l3" else 1.0 + 0.5 * int(row["k"][1])
        return {"y": ackley(np.array([row["x1"], row["x2"], row["x3"], row["n"] - 4, wrong], dtype=np.float64))}

    whole = {"type": "integer", "name": "n", "low": 0, "high": 12}
    levels = {"type": "categorical", "name": "k", "levels": [f"l{i}" for i in range(5)]}
    yield Standard("ackley5-mixed", FAMILY, [*_box(*[(-5.0, 9.0)] * 3), whole, levels], ackley_mixed, 0.0)

    places = {"a": -4.0, "b": 7.0, "c": 1.0, "d": -9.0, "e": 3.0}

    def levy_mixed(row: Mapping[str, Any]) -> dict[str, float]:
        """Levy's function of two numbers, a whole number, and levels that stand for places in no order."""
        return {"y": levy(np.array([row["x1"], row["x2"], row["n"], places[row["k"]]], dtype=np.float64))}

    whole = {"type": "integer", "name": "n", "low": -10, "high": 10}
    levels = {"type": "categorical", "name": "k", "levels": list(places)}
    yield Standard("levy4-mixed", FAMILY, [*_box(*[(-10.0, 10.0)] * 2), whole, levels], levy_mixed, 0.0)


def find() -> Iterator[Task]:
    """Yield every function as a task `standard/NAME`, in the order of the frozen list."""
    numbers = {found.name: found for found in _numbers()}
    for found in (*numbers.values(), *_noisy(numbers), *_mixed()):
        named = replace(found, name=f"{FAMILY}/{found.name}")
        yield Task(named.name, FAMILY, functools.partial(synthetic.build, named))
