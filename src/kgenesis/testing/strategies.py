"""Hypothesis strategies: whole random spaces and problems, to test a plug-in against more than one can think of."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kgenesis.kernel.problem import Problem
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.space import Space

NAMES = ("x", "온도", "Temp C", "lambda", "μ", "a-b", "x2", "반응 시간", "c.1", "Solvent", "no", "min")
"""Names as people write them: Korean, with blanks, with words of Python and YAML."""

LEVELS = ("DMSO", "water", "no", "물", "CC(=O)C", "F/C=C\\F", "10", "it's")

UNITS = ("1", "degC", "mol/L", "min", "mAh")

Plain = dict[str, Any]


@st.composite
def bounds(draw: st.DrawFn, *, is_positive: bool = False) -> tuple[float, float]:
    """Return a lower and an upper bound, some orders of magnitude apart or close together."""
    low = draw(st.sampled_from([0.0, 1.0, -5.0, 20.0, 273.15, -1e4, 1e6, 0.001]))
    span = draw(st.sampled_from([1.0, 0.1, 3.0, 80.0, 1e3, 1e5])) * draw(st.floats(1.0, 9.0))
    if is_positive:
        low = 10.0 ** draw(st.integers(-6, 2))
        return low, low * (1.0 + span)
    return low, low + span


@st.composite
def factors(draw: st.DrawFn, name: str, *, active_if: str = "", is_finite: bool = False) -> Plain:
    """Return one factor with a single variable, controlled, as plain data."""
    kinds = ["integer", "grid", "categorical"] + ([] if is_finite else ["real", "real", "stepped"])
    kind = draw(st.sampled_from(kinds))
    factor: Plain = {"name": name, "active_if": active_if}
    if kind == "categorical":
        levels = draw(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=4, unique=True))
        descriptors = {}
        if draw(st.booleans()):
            numbers = st.lists(st.integers(-50, 50), min_size=len(levels), max_size=len(levels), unique=True)
            descriptors = {"logP": [n / 10 for n in draw(numbers)]}
        return factor | {"type": "categorical", "levels": levels, "descriptors": descriptors}
    factor["unit"] = draw(st.sampled_from(UNITS))
    if kind == "integer":
        first = draw(st.sampled_from([-3, 0, 1, 1_000_000]))
        last = first + draw(st.integers(1, 4 if is_finite else 300))
        return factor | {"type": "integer", "low": first, "high": last}
    if kind == "grid":
        values = draw(st.lists(st.integers(-20, 40), min_size=1, max_size=5, unique=True))
        return factor | {"type": "grid", "values": [v / 4 for v in values]}
    is_log = draw(st.booleans())
    low, high = draw(bounds(is_positive=is_log))
    factor |= {"type": "real", "low": low, "high": high, "scale": "log" if is_log else "linear"}
    if kind == "stepped":
        factor["step"] = (high - low) / draw(st.sampled_from([1.0, 2.5, 10.0, 333.0]))
    return factor


@st.composite
def mixtures(draw: st.DrawFn, name: str, *, is_finite: bool = False) -> Plain:
    """Return a mixture that can sum to its total, as plain data."""
    n = draw(st.integers(2, 4))
    total = draw(st.sampled_from([1.0, 100.0, 2e-6]))
    units = draw(st.sampled_from([4, 10, 20]))
    lows = draw(st.lists(st.integers(0, units // n), min_size=n, max_size=n))
    highs = [draw(st.integers(max(low, units // n + 1), units)) for low in lows]
    components = [
        {"name": f"{name} {i}", "low": low * total / units, "high": high * total / units}
        for i, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]
    mixture: Plain = {"type": "mixture", "name": name, "components": components, "total": total}
    if is_finite or draw(st.booleans()):
        mixture["step"] = total / units
    if draw(st.booleans()):
        # as many of the most generous components as are needed can make up the total
        room = sorted(highs, reverse=True)
        fewest = next(k for k in range(1, n + 1) if sum(room[:k]) >= units)
        mixture["max_present"] = draw(st.integers(fewest, n))
    return mixture


def _others(draw: st.DrawFn, names: Sequence[str]) -> list[Plain]:
    """Return up to two factors that are not controlled."""
    kinds = [
        {"type": "context", "name": names[0], "low": -5.0, "high": 45.0, "unit": "degC"},
        {"type": "context", "name": names[0], "levels": ["day", "night"]},
        {"type": "fixed", "name": names[1], "value": 5.5, "unit": "min"},
        {"type": "fixed", "name": names[1], "value": "LG M50"},
    ]
    return draw(st.lists(st.sampled_from(kinds), max_size=2, unique_by=lambda f: f["name"]))


def quoted(name: str) -> str:
    """Return a variable's name as an expression writes it."""
    return f"`{name}`"


def literal(text: str) -> str:
    """Return a level as an expression writes it."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def _condition(draw: st.DrawFn, space: Space) -> str:
    """Return a condition on one of the variables of a space without conditional ones, sometimes met."""
    variable = draw(st.sampled_from([v for v in space.variables if v.role == "controlled"]))
    if variable.levels:
        return f"{quoted(variable.name)} == {literal(draw(st.sampled_from(variable.levels)))}"
    return f"{quoted(variable.name)} <= {0.5 * (variable.low + variable.high)!r}"


def _constraint(draw: st.DrawFn, space: Space, values: np.ndarray[Any, np.dtype[np.float64]]) -> Plain:
    """Return a constraint that the point `values` (n_variables,) keeps."""
    there = [i for i, v in enumerate(space.variables) if v.role == "controlled" and not math.isnan(values[i])]
    numbers = [i for i in there if not space.variables[i].levels]
    kinds = ["forbidden", *(["linear", "linear", "expression"] if numbers else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "forbidden":
        chosen = draw(st.lists(st.sampled_from(there), min_size=1, max_size=2, unique=True))
        combination: Plain = {}
        for i in chosen:
            v = space.variables[i]
            if v.levels:
                combination[v.name] = [level for j, level in enumerate(v.levels) if j != values[i]] or list(v.levels)
            else:
                combination[v.name] = v.low if v.low != values[i] else v.high
        forbidden = {"type": "forbidden", "combination": combination}
        trial = Space.model_validate(space.model_dump() | {"constraints": [forbidden]})
        return forbidden if trial.is_feasible(values[None, :])[0] else _always(space)
    chosen = draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=3, unique=True))
    weights = [draw(st.sampled_from([1.0, -1.0, 2.0, 0.5])) for _ in chosen]
    total = float(sum(w * values[i] for w, i in zip(weights, chosen, strict=True)))
    margin = draw(st.sampled_from([0.1, 1.0])) * sum(
        abs(w) * (space.variables[i].high - space.variables[i].low) for w, i in zip(weights, chosen, strict=True)
    )
    if kind == "expression":
        text = " + ".join(f"{w} * {quoted(space.names[i])}" for w, i in zip(weights, chosen, strict=True))
        return {"type": "expression", "expression": f"{text} <= {total + margin!r}"}
    relation = draw(st.sampled_from(["<=", ">="]))
    bound = total + margin if relation == "<=" else total - margin
    coefficients = {space.names[i]: w for w, i in zip(weights, chosen, strict=True)}
    return {"type": "linear", "coefficients": coefficients, "relation": relation, "bound": bound}


def _always(space: Space) -> Plain:
    name = next(v.name for v in space.variables if v.role == "controlled")
    return {"type": "expression", "expression": f"{quoted(name)} == {quoted(name)}"}


@st.composite
def spaces(draw: st.DrawFn, *, is_finite: bool = False, max_factors: int = 4, with_context: bool = True) -> Space:
    """Return a space that has at least one feasible point.

    Args:
        draw: given by Hypothesis.
        is_finite: only factors with few values.
        max_factors: most controlled factors, mixtures not counted.
        with_context: whether context factors and fixed values may be among them.
    """
    names = list(draw(st.permutations(NAMES)))
    n = draw(st.integers(1, max_factors))
    plain = [draw(factors(names.pop(), is_finite=is_finite)) for _ in range(n)]
    if draw(st.integers(0, 2)) == 0:
        plain.append(draw(mixtures(names.pop(), is_finite=is_finite)))
    base = Space.model_validate({"factors": plain})
    if draw(st.booleans()):
        plain.append(draw(factors(names.pop(), active_if=_condition(draw, base), is_finite=is_finite)))
    if with_context:
        plain += _others(draw, names)
    constraints: list[Plain] = []
    space = Space.model_validate({"factors": plain})
    seed = draw(st.integers(0, 2**32))
    point = sample(space, 1, np.random.default_rng(seed))[0]
    constraints = [_constraint(draw, space, point) for _ in range(draw(st.integers(0, 2)))]
    return Space.model_validate({"factors": plain, "constraints": constraints})


@st.composite
def problems(draw: st.DrawFn, *, is_finite: bool = False, max_factors: int = 4) -> Problem:
    """Return a problem over a random space, with one or two objectives and perhaps a constraint on an outcome."""
    goals = draw(st.lists(st.sampled_from(["maximize", "minimize", "hit"]), min_size=1, max_size=2))
    objectives = [
        {"name": f"outcome {i}", "goal": goal, "unit": "1"} | ({"value": 3.0} if goal == "hit" else {})
        for i, goal in enumerate(goals)
    ]
    constraints = [{"outcome": "leak", "at_most": 1.0, "unit": "1"}] if draw(st.booleans()) else []
    space = draw(spaces(is_finite=is_finite, max_factors=max_factors))
    return Problem.model_validate({
        "space": space.model_dump(), "objectives": objectives, "outcome_constraints": constraints
    })  # fmt: skip
