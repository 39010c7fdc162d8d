"""Examples of every part of a mission: what is valid, and what is not, with the field and words of the message."""

from typing import Any

REAL = {"type": "real", "name": "x", "low": 0, "high": 10, "unit": "degC"}
LEVELS = {"type": "categorical", "name": "solvent", "levels": ["DMSO", "water"]}
BLEND = {"type": "mixture", "name": "blend", "components": [{"name": "a"}, {"name": "b"}]}
GAIN = {"name": "gain", "goal": "maximize", "unit": "percent"}
MISSION: dict[str, Any] = {
    "name": "my-mission",
    "title": "A mission",
    "space": {"factors": [REAL, LEVELS]},
    "objectives": [GAIN],
    "budget": {"experiments": 10},
}


def mission(**changes: Any) -> dict[str, Any]:
    """Return the plain mission with some keys changed."""
    return MISSION | changes


def factor(**changes: Any) -> dict[str, Any]:
    """Return a mission whose first factor is `x` with some keys changed, or left out where None."""
    return _factors({k: v for k, v in (REAL | changes).items() if v is not None})


def _factors(*factors: Any, **space: Any) -> dict[str, Any]:
    return mission(space={"factors": list(factors), **space})


def constrained(*constraints: Any) -> dict[str, Any]:
    """Return a mission with constraints on `x`, `y`, `solvent`, `a` and `b`."""
    return _factors(REAL, REAL | {"name": "y"}, LEVELS, BLEND, constraints=list(constraints))


def objective(**changes: Any) -> dict[str, Any]:
    """Return a mission whose objective has some keys changed."""
    return mission(objectives=[{k: v for k, v in (GAIN | changes).items() if v is not None}])


def expression(text: Any) -> dict[str, Any]:
    """Return a mission with one expression."""
    return constrained({"type": "expression", "expression": text})


VALID: dict[str, dict[str, Any]] = {
    "the least": MISSION,
    "korean": mission(
        title={"en": "Fast", "ko": "빠르게"}, space={"factors": [REAL | {"name": "온도", "label": "셀 온도"}]}
    ),
    "numbers as YAML 1.1 reads them": factor(low="1e-3", high="2.5e+1"),
    "a pure number": factor(unit=1),
    "an empty unit": factor(unit=""),
    "plates": mission(batch={"size": 8, "same": ["x"]}),
    "earlier experiments": mission(
        earlier=["old.csv", {"campaign": "last-year", "rename": {"t": "x"}, "assume": {"solvent": "water"}}]
    ),
    "plates with nothing in common": mission(batch={"size": 2}, replicates=2),
    "a log scale": factor(low=1e-6, high=1, scale="log"),
    "steps": factor(step=0.1),
    "a hundred thousand steps": factor(step=1e-4),
    "an integer": _factors({"type": "integer", "name": "n", "low": 1, "high": 5}),
    "an integer written as a float": _factors({"type": "integer", "name": "n", "low": 1.0, "high": 5}),
    "a grid of one value": _factors({"type": "grid", "name": "g", "values": [3], "unit": "min"}),
    "one level": _factors({"type": "categorical", "name": "s", "levels": ["only"]}),
    "descriptors": _factors(LEVELS | {"descriptors": {"logP": [-1.35, -1.38], "same": [1, 1]}}),
    "smiles": _factors(LEVELS | {"smiles": ["CS(=O)C", "O"]}),
    "a mixture of few": _factors(BLEND | {"max_present": 1, "step": 0.5, "total": 1}),
    "context": _factors(REAL, {"type": "context", "name": "air", "low": -10, "high": 40, "unit": "degC"}),
    "context in levels": _factors(REAL, {"type": "context", "name": "shift", "levels": ["day", "night"]}),
    "a fidelity in levels": _factors(
        REAL, {"type": "fidelity", "name": "mesh", "levels": ["coarse", "fine"], "costs": [1, 10]}
    ),
    "a fidelity that is a number": _factors(
        REAL, {"type": "fidelity", "name": "hours", "low": 1, "high": 9, "unit": "h"}
    ),
    "fixed number and text": _factors(
        REAL, {"type": "fixed", "name": "m", "value": 5}, {"type": "fixed", "name": "c", "value": "M50"}
    ),
    "a conditional factor": _factors(REAL, LEVELS, REAL | {"name": "reflux", "active_if": "solvent == 'water'"}),
    "every constraint": constrained(
        {"type": "linear", "coefficients": {"x": 1, "y": -2}, "relation": ">=", "bound": -3},
        {"type": "expression", "expression": "x < y or solvent in ['water']"},
        {"type": "forbidden", "combination": {"solvent": ["DMSO"], "x": 5}},
    ),
    "candidates in a file": _factors(REAL, candidates="points.csv"),
    "candidates here": _factors(REAL, candidates={"rows": [{"x": 1}, {"x": 2.5}]}),
    "hit a value": objective(goal="hit", value=5, target=0.5, threshold=0),
    "a target": objective(target=90, threshold=10),
    "an outcome constraint": mission(outcome_constraints=[{"outcome": "leak", "at_most": 1, "unit": "mA"}]),
    "a constraint on the objective": mission(outcome_constraints=[{"outcome": "gain", "at_least": 1}]),
    "cost as a number": mission(cost=2.5, budget={"experiments": 10, "cost": 20}),
    "cost by a factor": mission(cost={"factor": "x", "per": 3}),
    "cost by an outcome": mission(cost={"outcome": "bill"}),
    "settings": mission(lab={"name": "command", "settings": {"shell": True}}, planner="sobol"),
    "an end when little is left": mission(stop_when_unlikely={"improvement": 0.5, "probability": 0.1, "in_a_row": 2}),
    "a start": mission(start=[{"x": 1, "solvent": "water"}]),
}

INVALID: dict[str, tuple[dict[str, Any], str, str]] = {
    # what: (mission, where, words of the message)
    "unknown key": (mission(plannner="model"), "plannner", "not permitted"),
    "unknown key of a factor": (factor(lo=1), "space.factors.0.real.lo", "not permitted"),
    "unknown kind of factor": (factor(type="float"), "space.factors.0", "'real', 'integer'"),
    "kind left out": (factor(type=None), "space.factors.0", "'type'"),
    "no objective": (mission(objectives=[]), "objectives", "at least 1"),
    "no factor": (_factors(), "space.factors", "at least 1"),
    "missing unit": (factor(unit=None), "space.factors.0.real.unit", "required"),
    "missing unit of an objective": (objective(unit=None), "objectives.0.unit", "required"),
    "a very long unit": (factor(unit="m" * 70), "space.factors.0.real.unit", "at most 60"),
    "reversed bounds": (factor(low=5, high=1), "space.factors.0.real", "`low` 5 must be below `high` 1"),
    "equal bounds": (factor(low=5, high=5), "space.factors.0.real", "`low` 5 must be below `high` 5"),
    "bounds a rounding apart": (factor(low=1e9, high=1e9 + 1e-3), "space.factors.0.real", "too close"),
    "bounds beyond all numbers": (factor(low=-1e308, high=1e308), "space.factors.0.real", "too far apart"),
    "NaN": (factor(low=float("nan")), "space.factors.0.real.low", "finite"),
    "infinity": (factor(high=float("inf")), "space.factors.0.real.high", "finite"),
    "text for a number": (factor(low="cold"), "space.factors.0.real.low", "valid number"),
    "yes for a number": (factor(low=True), "space.factors.0.real.low", "true is not a number"),
    "a list for a number": (factor(low=[1]), "space.factors.0.real.low", "valid number"),
    "log scale from zero": (factor(scale="log"), "space.factors.0.real", "`low` > 0, not 0"),
    "unknown scale": (factor(scale="ln"), "space.factors.0.real.scale", "'linear' or 'log'"),
    "step too wide": (factor(step=11), "space.factors.0.real", "does not fit"),
    "step too fine": (factor(step=1e-6), "space.factors.0.real", "does not fit"),
    "step negative": (factor(step=-1), "space.factors.0.real.step", "greater than 0"),
    "half an integer": (
        _factors({"type": "integer", "name": "n", "low": 1.5, "high": 5}),
        "space.factors.0.integer.low",
        "integer",
    ),
    "too many integers": (
        _factors({"type": "integer", "name": "n", "low": 0, "high": 10**7}),
        "space.factors.0.integer",
        "use a real",
    ),
    "an integer no float holds": (
        _factors({"type": "integer", "name": "n", "low": 10**30, "high": 10**30 + 5}),
        "space.factors.0.integer.low",
        "less than or equal",
    ),
    "grid without values": (
        _factors({"type": "grid", "name": "g", "values": [], "unit": "1"}),
        "space.factors.0.grid.values",
        "at least 1",
    ),
    "grid that repeats": (
        _factors({"type": "grid", "name": "g", "values": [1, 2, 1], "unit": "1"}),
        "space.factors.0.grid",
        "repeats 1",
    ),
    "grid with a truth value": (
        _factors({"type": "grid", "name": "g", "values": [1, False], "unit": "1"}),
        "space.factors.0.grid.values.1",
        "false is not a number",
    ),
    "empty level list": (_factors(LEVELS | {"levels": []}), "space.factors.0.categorical.levels", "at least 1"),
    "levels that repeat": (
        _factors(LEVELS | {"levels": ["a", "b", "a"]}),
        "space.factors.0.categorical",
        "repeats 'a'",
    ),
    "the level no": (
        _factors(LEVELS | {"levels": ["yes", False]}),
        "space.factors.0.categorical.levels.1",
        "put it in quotes",
    ),
    "a number as a level": (
        _factors(LEVELS | {"levels": [10, 20]}),
        "space.factors.0.categorical.levels.0",
        "put it in quotes",
    ),
    "an empty level": (
        _factors(LEVELS | {"levels": ["a", ""]}),
        "space.factors.0.categorical.levels.1",
        "at least 1 character",
    ),
    "a level with blanks around": (
        _factors(LEVELS | {"levels": ["a", "b "]}),
        "space.factors.0.categorical.levels.1",
        "blank",
    ),
    "descriptors too short": (
        _factors(LEVELS | {"descriptors": {"logP": [1]}}),
        "space.factors.0.categorical",
        "1 values for 2 levels",
    ),
    "descriptors that tell nothing apart": (
        _factors(LEVELS | {"descriptors": {"logP": [1, 1]}}),
        "space.factors.0.categorical",
        "same `descriptors`",
    ),
    "descriptors that are not numbers": (
        _factors(LEVELS | {"descriptors": {"logP": [1, float("nan")]}}),
        "space.factors.0.categorical.descriptors.logP.1",
        "finite",
    ),
    "mixture cannot sum: too little": (
        _factors(BLEND | {"components": [{"name": "a", "high": 0.3}, {"name": "b", "high": 0.4}]}),
        "space.factors.0.mixture",
        "cannot sum to 1: between 0 and 0.7",
    ),
    "mixture cannot sum: too much": (
        _factors(BLEND | {"components": [{"name": "a", "low": 0.7}, {"name": "b", "low": 0.7}]}),
        "space.factors.0.mixture",
        "cannot sum to 1",
    ),
    "mixture cannot sum with so few": (
        _factors(BLEND | {"components": [{"name": "a", "high": 0.6}, {"name": "b", "high": 0.6}], "max_present": 1}),
        "space.factors.0.mixture",
        "between 0 and 0.6",
    ),
    "mixture of one": (
        _factors(BLEND | {"components": [{"name": "a"}]}),
        "space.factors.0.mixture.components",
        "at least 2",
    ),
    "mixture off its steps": (_factors(BLEND | {"step": 0.3}), "space.factors.0.mixture", "multiples of `step`"),
    "mixture of more than there are": (
        _factors(BLEND | {"min_present": 3}),
        "space.factors.0.mixture",
        "`min_present` 3 is above 2",
    ),
    "component reversed": (
        _factors(BLEND | {"components": [{"name": "a", "low": 0.5, "high": 0.2}, {"name": "b"}]}),
        "space.factors.0.mixture",
        "`low` of a is above",
    ),
    "component negative": (
        _factors(BLEND | {"components": [{"name": "a", "low": -0.5}, {"name": "b"}]}),
        "space.factors.0.mixture.components.0.low",
        "greater than or equal to 0",
    ),
    "conditional mixture": (
        _factors(REAL, BLEND | {"active_if": "x > 1"}),
        "space.factors.1.mixture",
        "cannot be conditional",
    ),
    "conditional context": (
        _factors(REAL, {"type": "context", "name": "c", "low": 0, "high": 1, "active_if": "x > 1"}),
        "space.factors.1.context",
        "`active_if`",
    ),
    "context without bounds": (
        _factors(REAL, {"type": "context", "name": "c", "low": 0}),
        "space.factors.1.context",
        "or `levels`",
    ),
    "context with both": (
        _factors(REAL, {"type": "context", "name": "c", "low": 0, "levels": ["a"]}),
        "space.factors.1.context",
        "or `levels`",
    ),
    "fixed text that looks like a number": (
        _factors(REAL, {"type": "fixed", "name": "c", "value": "1e-3"}),
        "space.factors.1.fixed",
        "write 0.001",
    ),
    "nothing to control": (
        _factors({"type": "fixed", "name": "c", "value": 1}),
        "space",
        "no factor can be controlled",
    ),
    "duplicate factor": (_factors(REAL, REAL), "space", "two factors are called 'x'"),
    "factor called like a mixture": (
        _factors(REAL | {"name": "blend"}, BLEND),
        "space",
        "two factors are called 'blend'",
    ),
    "factor called like a component": (_factors(REAL | {"name": "a"}, BLEND), "space", "two factors are called 'a'"),
    "factor called like an outcome": (factor(name="gain"), "", "'gain' is both a factor and an outcome"),
    "empty name": (factor(name=""), "space.factors.0.real.name", "at least 1 character"),
    "the name no": (factor(name=False), "space.factors.0.real.name", "put it in quotes"),
    "a name with blanks around": (factor(name=" x"), "space.factors.0.real.name", "blank"),
    "a name with a backquote": (factor(name="x`y"), "space.factors.0.real.name", "backquote"),
    "a name with a line break": (factor(name="x\ny"), "space.factors.0.real.name", "control character"),
    "linear names nothing known": (
        constrained({"type": "linear", "coefficients": {"z": 1}, "relation": "<=", "bound": 1}),
        "space",
        "no factor is called 'z'",
    ),
    "linear over levels": (
        constrained({"type": "linear", "coefficients": {"solvent": 1}, "relation": "<=", "bound": 1}),
        "space",
        "'solvent' is not a number",
    ),
    "linear without weight": (
        constrained({"type": "linear", "coefficients": {"x": 0}, "relation": "<=", "bound": 1}),
        "space.constraints.0.linear",
        "every coefficient is 0",
    ),
    "linear with another sign": (
        constrained({"type": "linear", "coefficients": {"x": 1}, "relation": "<", "bound": 1}),
        "space.constraints.0.linear.relation",
        "'<=', '=' or '>='",
    ),
    "expression that does not parse": (expression("x >"), "space", "does not parse"),
    "expression about something unknown": (expression("z > 1"), "space", "no factor is called 'z'"),
    "expression about an unknown level": (expression("solvent == 'watr'"), "space", "'watr' is not a level of solvent"),
    "expression with a call": (expression("open('x') > x"), "space", "is not allowed"),
    "expression that YAML read": (expression(True), "space.constraints.0.expression.expression", "valid string"),
    "forbidden level unknown": (
        constrained({"type": "forbidden", "combination": {"solvent": "watr"}}),
        "space",
        "'watr' is not a level",
    ),
    "forbidden text for a number": (
        constrained({"type": "forbidden", "combination": {"x": "cold"}}),
        "space",
        "'x' is a number",
    ),
    "forbidden nothing": (
        constrained({"type": "forbidden", "combination": {}}),
        "space.constraints.0.forbidden.combination",
        "at least 1",
    ),
    "condition on a conditional factor": (
        _factors(LEVELS, REAL | {"active_if": "solvent == 'water'"}, REAL | {"name": "y", "active_if": "x > 5"}),
        "space",
        "`active_if` may not name x",
    ),
    "candidates of nothing": (_factors(REAL, candidates={}), "space.candidates", "give a `path` or `rows`"),
    "candidates with an unknown column": (
        _factors(REAL, candidates={"rows": [{"x": 1}, {"x": 1, "z": 2}]}),
        "space",
        "candidates.rows[1]: z: no such factor",
    ),
    "candidates with a gap": (
        _factors(REAL, candidates={"rows": [{"x": None}]}),
        "space",
        "candidates.rows[0]: x: a value is missing",
    ),
    "goal unknown": (objective(goal="max"), "objectives.0.goal", "'maximize', 'minimize' or 'hit'"),
    "hit without a value": (objective(goal="hit"), "objectives.0", "`value` is needed"),
    "value without hit": (objective(value=3), "objectives.0", "only there"),
    "hit with a deviation of 0": (objective(goal="hit", value=3, target=0), "objectives.0", "must be > 0"),
    "target on the wrong side": (
        objective(target=10, threshold=20),
        "objectives.0",
        "target 10 is on the wrong side of threshold 20",
    ),
    "target on the wrong side when less is better": (
        objective(goal="minimize", target=20, threshold=10),
        "objectives.0",
        "wrong side",
    ),
    "target on the wrong side of a value to hit": (
        objective(goal="hit", value=5, target=3, threshold=6),
        "objectives.0",
        "wrong side",
    ),
    "target that a constraint forbids": (
        mission(objectives=[GAIN | {"target": 90}], outcome_constraints=[{"outcome": "gain", "at_most": 50}]),
        "",
        "does not let its target be reached",
    ),
    "negative noise": (objective(noise=-1), "objectives.0.noise", "greater than or equal to 0"),
    "duplicate objective": (mission(objectives=[GAIN, GAIN]), "", "two objectives are called 'gain'"),
    "constraint without a bound": (
        mission(outcome_constraints=[{"outcome": "leak", "unit": "mA"}]),
        "outcome_constraints.0",
        "give `at_most`",
    ),
    "constraint reversed": (
        mission(outcome_constraints=[{"outcome": "leak", "at_most": 1, "at_least": 2, "unit": "mA"}]),
        "outcome_constraints.0",
        "at_least 2 is above at_most 1",
    ),
    "constraint without a unit": (
        mission(outcome_constraints=[{"outcome": "leak", "at_most": 1}]),
        "",
        "'leak' needs a `unit`",
    ),
    "cost of two kinds": (mission(cost={"amount": 1, "factor": "x"}), "cost", "exactly one"),
    "cost by an unknown factor": (mission(cost={"factor": "z"}), "", "cost: no factor is called 'z'"),
    "cost by a level": (mission(cost={"factor": "solvent"}), "", "cost: 'solvent' must be a number"),
    "cost by a factor below 0": (factor(low=-5) | {"cost": {"factor": "x"}}, "", "never negative"),
    "negative cost": (mission(cost=-1), "cost.amount", "greater than or equal to 0"),
    "budget 0": (mission(budget={"experiments": 0}), "budget.experiments", "greater than or equal to 1"),
    "budget of half an experiment": (mission(budget={"experiments": 1.5}), "budget.experiments", "integer"),
    "budget yes": (mission(budget={"experiments": True}), "budget.experiments", "true is not a number"),
    "budget that does not pay for one": (
        mission(cost=5, budget={"experiments": 3, "cost": 4}),
        "",
        "does not pay for one experiment",
    ),
    "no hours": (mission(budget={"experiments": 3, "hours": 0}), "budget.hours", "greater than 0"),
    "never sure enough": (
        mission(stop_when_unlikely={"improvement": 1, "probability": 0.001}),
        "stop_when_unlikely.probability",
        "greater than or equal to 0.01",
    ),
    "nothing in parallel": (mission(parallel=0), "parallel", "greater than or equal to 1"),
    "an empty plate": (mission(batch={"size": 0}), "batch.size", "greater than or equal to 1"),
    "a plate without a size": (mission(batch={"same": ["x"]}), "batch.size", "required"),
    "plates that share what is no factor": (mission(batch={"size": 4, "same": ["heat"]}), "", "there are: x, solvent"),
    "plates that share something twice": (mission(batch={"size": 4, "same": ["x", "x"]}), "", "is there twice"),
    "a plate too small for its replicates": (
        mission(batch={"size": 2}, replicates=3),
        "",
        "no place for 3 replicates",
    ),
    "no replicate": (mission(replicates=0), "replicates", "greater than or equal to 1"),
    "a name with blanks": (mission(name="My mission"), "name", "pattern"),
    "a title in one language": (mission(title={"en": "Fast"}), "title.ko", "required"),
    "a schema of tomorrow": (mission(kgenesis=2), "kgenesis", "should be 1"),
    "a start outside": (
        mission(start=[{"x": 1, "solvent": "water"}, {"x": 11, "solvent": "water"}]),
        "",
        "start[1]: x: must keep: 0 <= x <= 10",
    ),
    "a start with a gap": (mission(start=[{"x": 1}]), "", "start[0]: solvent: a value is missing"),
    "a start that YAML read": (mission(start=[{"x": "1e-3", "solvent": "water"}]), "", "'1e-3' is not a finite number"),
    "a start with a truth value": (
        mission(start=[{"x": 1, "solvent": False}]),
        "start.0.solvent",
        "neither a number nor a text",
    ),
}
