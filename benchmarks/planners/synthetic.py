"""Functions whose optimum is known or computed: continuous, mixed, constrained, a mixture."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize

from kgenesis.campaign.baselines import baseline
from kgenesis.campaign.reference import Reference, Repeat
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.experiment import Conditions, Measurement
from kgenesis.kernel.space import Space
from planners.tasks import Bench, FloatArray, Task, draw

N_DRAWN = 20_000
"""Points drawn at random that stand for random search."""
N_STARTS = 20
"""Local searches that look for the optimum of a constrained function, where no paper says it."""

Function = Callable[[Mapping[str, Any]], dict[str, float]]

HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN = {
    3: (
        np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]]),
        1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]),
    ),
    6: (
        np.array([
            [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]
        ]),
        1e-4 * np.array([
            [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381],
        ]),
    ),
}  # fmt: skip


def branin(x: FloatArray) -> float:
    """Return Branin's function on [-5, 10] x [0, 15]; minimum 0.397887 (Dixon & Szego 1978)."""
    valley = x[1] - 5.1 / (4 * math.pi**2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10)


def hartmann(x: FloatArray) -> float:
    """Return Hartmann's function on [0, 1]^3 or [0, 1]^6; minima -3.86278 and -3.32237 (Dixon & Szego 1978)."""
    slopes, centres = HARTMANN[len(x)]
    return float(-HARTMANN_WEIGHTS @ np.exp(-(slopes * (x - centres) ** 2).sum(axis=1)))


def ackley(x: FloatArray) -> float:
    """Return Ackley's function; minimum 0 at 0 (Ackley 1987)."""
    root = math.sqrt(float(np.mean(x**2)))
    return float(20 + math.e - 20 * math.exp(-0.2 * root) - math.exp(float(np.mean(np.cos(2 * math.pi * x)))))


def levy(x: FloatArray) -> float:
    """Return Levy's function; minimum 0 at 1 (Laguna & Marti 2005)."""
    w = 1 + (x - 1) / 4
    inner = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return float(math.sin(math.pi * w[0]) ** 2 + inner.sum() + last)


def rosenbrock(x: FloatArray) -> float:
    """Return log(1 + Rosenbrock's function); minimum 0 at 1 (Rosenbrock 1960).

    The logarithm keeps the regret from being ruled by the far corners, a hundred thousand times as high as the valley.
    """
    return math.log1p(float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()))


@dataclass(frozen=True)
class Standard:
    """A function as a task."""

    name: str
    family: str
    factors: Sequence[Mapping[str, Any]]
    function: Function
    """Conditions in, outcomes out; the objective is `y`, to be minimised."""
    minimum: float | None
    """Of `y` where everything is allowed; None: it is computed."""
    constraints: Sequence[Mapping[str, Any]] = ()
    bounds: Sequence[Mapping[str, Any]] = field(default=())
    noise: float = 0.0
    """Standard deviation of a measurement of `y`, over that of `y` across the space."""


def _reals(n: int, low: float, high: float) -> list[dict[str, Any]]:
    return [{"type": "real", "name": f"x{i}", "low": low, "high": high, "unit": "1"} for i in range(1, n + 1)]


def plain(function: Callable[[FloatArray], float], n: int) -> Function:
    """Return a function of x1 … xn as a function of conditions."""
    names = [f"x{i}" for i in range(1, n + 1)]
    return lambda row: {"y": function(np.array([row[name] for name in names], dtype=np.float64))}


def _level(name: str, levels: Sequence[str]) -> dict[str, Any]:
    return {"type": "categorical", "name": name, "levels": list(levels)}


def _continuous() -> Iterator[Standard]:
    axes = [
        {"type": "real", "name": "x1", "low": -5.0, "high": 10.0, "unit": "1"},
        {"type": "real", "name": "x2", "low": 0.0, "high": 15.0, "unit": "1"},
    ]
    yield Standard("branin", "synthetic", axes, plain(branin, 2), 0.39788736)
    yield Standard("hartmann3", "synthetic", _reals(3, 0, 1), plain(hartmann, 3), -3.86278215)
    yield Standard("hartmann6", "synthetic", _reals(6, 0, 1), plain(hartmann, 6), -3.32236801)
    # Bounds are not symmetric about the optimum, or whoever tries the middle would be done.
    for n in (4, 10):
        yield Standard(f"ackley{n}", "synthetic", _reals(n, -10, 20), plain(ackley, n), 0.0)
    for n in (4, 8):
        yield Standard(f"levy{n}", "synthetic", _reals(n, -10, 10), plain(levy, n), 0.0)
    for n in (4, 7):
        yield Standard(f"rosenbrock{n}", "synthetic", _reals(n, -2, 2.5), plain(rosenbrock, n), 0.0)


def _mixed() -> Iterator[Standard]:
    solvents = {"a": (0.0, 0.0), "b": (0.12, 0.3), "c": (-0.15, 0.6), "d": (0.3, 0.9), "e": (-0.3, 1.4)}
    salts = {"u": 0.0, "v": 0.25, "w": 0.7}

    def hartmann_mixed(row: Mapping[str, Any]) -> dict[str, float]:
        """Hartmann's six-dimensional function; one level shifts its optimum and costs something, another only costs."""
        shift, cost = solvents[row["solvent"]]
        x = np.array([row[f"x{i}"] for i in range(1, 6)] + [row["n"] / 10])
        return {"y": hartmann(np.append(np.clip(x[:1] + shift, 0, 1), x[1:])) + cost + salts[row["salt"]]}

    whole = {"type": "integer", "name": "n", "low": 0, "high": 10}
    factors = [*_reals(5, 0, 1), whole, _level("solvent", list(solvents)), _level("salt", list(salts))]
    yield Standard("hartmann6-mixed", "mixed", factors, hartmann_mixed, None)

    targets = {f"k{i}": (i * 7) % 5 for i in range(1, 4)}

    def ackley_mixed(row: Mapping[str, Any]) -> dict[str, float]:
        """Ackley's function of three numbers, two whole numbers and three factors of which one level each is right."""
        wrong = [0.0 if row[k] == f"l{right}" else 1.0 + 0.5 * int(row[k][1]) for k, right in targets.items()]
        x = np.array([row["x1"], row["x2"], row["x3"], row["n1"] - 3, row["n2"] - 6, *wrong], dtype=np.float64)
        return {"y": ackley(x)}

    wholes = [{"type": "integer", "name": f"n{i}", "low": 0, "high": 12} for i in (1, 2)]
    levels = [_level(k, [f"l{j}" for j in range(5)]) for k in targets]
    yield Standard("ackley8-mixed", "mixed", [*_reals(3, -5, 9), *wholes, *levels], ackley_mixed, 0.0)


def _constrained() -> Iterator[Standard]:
    total = {"type": "linear", "coefficients": {f"x{i}": 1.0 for i in range(1, 7)}, "relation": "<=", "bound": 1.5}
    yield Standard("hartmann6-sum", "constrained", _reals(6, 0, 1), plain(hartmann, 6), None, constraints=[total])

    def disc(row: Mapping[str, Any]) -> dict[str, float]:
        """Branin's function within a disc (Gelbart, Snoek & Adams 2014, section 4.1)."""
        x = np.array([row["x1"], row["x2"]])
        return {"y": branin(x), "radius": float((x[0] - 2.5) ** 2 + (x[1] - 7.5) ** 2)}

    axes = [
        {"type": "real", "name": "x1", "low": -5.0, "high": 10.0, "unit": "1"},
        {"type": "real", "name": "x2", "low": 0.0, "high": 15.0, "unit": "1"},
    ]
    radius = {"outcome": "radius", "at_most": 50.0, "unit": "1"}
    yield Standard("branin-disc", "constrained", axes, disc, 0.39788736, bounds=[radius])

    def limited(row: Mapping[str, Any]) -> dict[str, float]:
        """Hartmann's function where the norm must stay below 1 (Letham et al. 2019, section 5.1)."""
        x = np.array([row[f"x{i}"] for i in range(1, 7)])
        return {"y": hartmann(x), "norm": float(np.linalg.norm(x))}

    norm = {"outcome": "norm", "at_most": 1.0, "unit": "1"}
    yield Standard("hartmann6-norm", "constrained", _reals(6, 0, 1), limited, None, bounds=[norm])


def _mixture() -> Iterator[Standard]:
    best = np.array([0.05, 0.4, 0.3, 0.0, 0.25])

    def alloy(row: Mapping[str, Any]) -> dict[str, float]:
        """A valley on the simplex with ripples, and a bonus for a pair that works together."""
        x = np.array([row[f"x{i}"] for i in range(1, 6)])
        away = float((np.array([1.0, 2.0, 1.0, 4.0, 2.0]) * (x - best) ** 2).sum())
        ripple = 0.05 * (1 - math.cos(6 * math.pi * (x[1] - best[1])))
        return {"y": away + ripple - 0.5 * float(x[1] * x[2])}

    parts = [{"name": f"x{i}"} for i in range(1, 6)]
    yield Standard("alloy5", "constrained", [{"type": "mixture", "name": "alloy", "components": parts}], alloy, None)


def find() -> Iterator[Task]:
    """Yield every standard as a task."""
    for standard in itertools.chain(_continuous(), _mixed(), _constrained(), _mixture()):
        yield Task(standard.name, standard.family, functools.partial(build, standard))


def build(standard: Standard, budget: int) -> Bench:
    """Return a function made ready: its mission, its lab, random search over many points, and its optimum."""
    mission = Mission.model_validate({
        "name": standard.name.replace("/", "-"), "title": standard.name,
        "space": {"factors": list(standard.factors), "constraints": list(standard.constraints)},
        "objectives": [{"name": "y", "goal": "minimize", "unit": "1"}],
        "outcome_constraints": list(standard.bounds), "lab": "people", "budget": {"experiments": budget},
    })  # fmt: skip

    def measure(conditions: Conditions) -> Measurement:
        return Measurement.model_validate(
            {"outcomes": {n: {"mean": v} for n, v in standard.function(conditions).items()}}
        )

    space = mission.space
    drawn = draw(space, N_DRAWN, np.random.default_rng((2026, len(space.variables))))
    found = [standard.function(row) for row in space.to_rows(drawn)]
    outcomes = {name: np.array([f[name] for f in found]) for name in mission.problem.outcomes}
    pool = Repeat(outcomes={name: tuple(column.tolist()) for name, column in outcomes.items()})
    reference = Reference(
        kind="closed-form", mission=mission.name, key=mission.reference_key, lab="people", lab_version="1",
        planner="random", repeats=(pool,),
    )  # fmt: skip
    lowest = standard.minimum if standard.minimum is not None else _lowest(standard, space, drawn, outcomes)
    noise = standard.noise * float(outcomes["y"].std())
    return Bench(standard.name, mission, measure, baseline(reference, mission.problem), N_DRAWN, -lowest, noise)


def _lowest(standard: Standard, space: Space, drawn: FloatArray, outcomes: Mapping[str, FloatArray]) -> float:
    """Return the least feasible `y`: local searches (SLSQP) of the numbers from the best points drawn, levels held."""
    numeric = [i for i, v in enumerate(space.variables) if not v.levels and not v.is_whole]

    def row(point: FloatArray, x: FloatArray) -> dict[str, Any]:
        whole = point.copy()
        whole[numeric] = x
        return space.to_rows(whole[None, :])[0]

    rules: list[dict[str, Any]] = []
    for known in standard.constraints:
        weights = np.array([known["coefficients"].get(space.names[i], 0.0) for i in numeric])
        rules.append({"type": "ineq", "fun": lambda x, w=weights, b=known["bound"]: b - w @ x})
    if space.mixtures:
        rules.append({"type": "eq", "fun": lambda x: x.sum() - 1.0})
    y = outcomes["y"].copy()
    for bound in standard.bounds:
        y[outcomes[bound["outcome"]] > bound["at_most"]] = math.inf
    lowest = float(y.min())
    for i in np.argsort(y)[:N_STARTS]:
        point = drawn[i]
        outcome_rules = [
            {"type": "ineq", "fun": lambda x, b=b, p=point: b["at_most"] - standard.function(row(p, x))[b["outcome"]]}
            for b in standard.bounds
        ]
        limits = [(space.variables[j].low, space.variables[j].high) for j in numeric]
        found = minimize(
            lambda x, p=point: standard.function(row(p, x))["y"], point[numeric], method="SLSQP", bounds=limits,
            constraints=[*rules, *outcome_rules], options={"maxiter": 200, "ftol": 1e-10},
        )  # fmt: skip
        if all(rule["fun"](found.x) >= -1e-6 for rule in [*rules, *outcome_rules] if rule["type"] == "ineq"):
            lowest = min(lowest, float(found.fun))
    return lowest
