"""BayBE: a campaign's configuration as JSON and its measurements as a table, in and out.

A campaign that BayBE saved holds its tables as pickles, which could run anything: they are never opened.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kgenesis.app.exchange.drafts import Draft, conditions_in, number_in
from kgenesis.app.exchange.refusal import Refusal, as_row
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.constraints import Expression, Forbidden, Linear
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.factors import Categorical, Context, Fixed, Grid, Integer, Mixture, Real
from kgenesis.kernel.fidelity import AnyFactor

# ---- in -----------------------------------------------------------------------------------------------------------


def read(draft: Draft, data: Mapping[str, Any], rows: Sequence[Mapping[str, str]], *, has_points: bool) -> None:
    """Understand a configuration (what `Campaign.from_config` reads), or a saved campaign over numbers alone."""
    parameters, constraints = _searchspace(draft, data.get("searchspace") or {}, has_points=has_points)
    for parameter in parameters:
        _read_parameter(draft, parameter)
    _read_constraints(draft, constraints)
    objective = data.get("objective") or {}
    targets = objective.get("targets") or ([objective["target"]] if objective.get("target") else [])
    if objective.get("type") not in {"SingleTargetObjective", "ParetoObjective"}:
        kind = objective.get("type")
        draft.refuse("objective", f"an objective of type {kind}", f"{kind} 종류의 목적")
    for target in targets:
        _read_target(draft, target)
    if data.get("measurements_exp") and not rows:
        draft.refuse(
            "measurements_exp",
            "measurements in a pickle, which is not opened: give them as CSV with --data "
            "(campaign.measurements.to_csv)",
            "피클에 든 측정값은 열지 않습니다. --data로 CSV를 주세요(campaign.measurements.to_csv)",
        )
    names = [o["name"] for o in draft.objectives]
    for row in rows:
        known = {name: {"mean": value} for name in names if (value := number_in(row.get(name))) is not None}
        draft.results.append((conditions_in(draft, row), Measurement.model_validate({"outcomes": known})))


def _searchspace(draft: Draft, space: Mapping[str, Any], *, has_points: bool) -> tuple[list[Any], list[Any]]:
    """Return the parameters and constraints of a search space, if it is the product of its parameters."""
    if "parameters" in space:
        if space.get("constructor", "from_product") != "from_product" and not has_points:
            draft.refuse("searchspace", f"the constructor {space['constructor']}", f"{space['constructor']} 생성자")
        return list(space["parameters"]), list(space.get("constraints") or [])
    discrete, continuous = space.get("discrete") or {}, space.get("continuous") or {}
    if discrete.get("parameters") and not has_points:
        draft.refuse(
            "searchspace.discrete",
            "the points of a saved campaign are a pickle, which is not opened: give them as CSV with --points "
            "(campaign.searchspace.discrete.exp_rep.to_csv), or bring in what `Campaign.from_config` reads",
            "저장된 캠페인의 점은 피클이라 열지 않습니다. --points로 CSV를 주거나"
            "(campaign.searchspace.discrete.exp_rep.to_csv) `Campaign.from_config`가 읽는 것을 가져오세요",
        )
    if discrete.get("parameters") and continuous.get("parameters") and has_points:
        draft.refuse(
            "searchspace",
            "points that are listed, with numbers that are free",
            "목록으로 주어진 점과 자유로운 수가 함께 있는 공간",
        )
    if discrete.get("parameters"):  # its constraints are in its points
        return list(discrete["parameters"]), []
    # where only one kind is possible, a saved campaign names no type
    parameters = [{"type": "NumericalContinuousParameter", **p} for p in continuous.get("parameters") or []]
    found = [c for key, found in continuous.items() if key.startswith("constraints") for c in found]
    return parameters, [{"type": "ContinuousLinearConstraint", **c} for c in found]


def _read_parameter(draft: Draft, parameter: Mapping[str, Any]) -> None:
    name, kind = str(parameter.get("name")), parameter.get("type")
    factor: dict[str, Any] = {"name": name}
    if parameter.get("active_values"):
        draft.refuse(name, "values of which only some are active", "일부 값만 활성인 파라미터")
    match kind:
        case "NumericalContinuousParameter":
            bounds = parameter["bounds"]
            low, high = (bounds["lower"], bounds["upper"]) if isinstance(bounds, Mapping) else bounds
            factor |= {"type": "real", "low": low, "high": high, "unit": "1"}
        case "NumericalDiscreteParameter":
            factor |= {"type": "grid", "values": parameter["values"], "unit": "1"}
        case "CategoricalParameter" if parameter.get("encoding", "OHE") == "OHE":
            factor |= {"type": "categorical", "levels": [str(value) for value in parameter["values"]]}
        case "CategoricalParameter":
            draft.refuse(name, f"the encoding {parameter['encoding']}", f"{parameter['encoding']} 인코딩")
            return
        case "CustomDiscreteParameter":
            table = parameter.get("data")
            if not isinstance(table, Mapping) or table.get("constructor") != "from_dict" or "orient" in table:
                draft.refuse(
                    name,
                    'descriptors in a pickle, which is not opened: write them as {"constructor": "from_dict", "data": …}',
                    '피클에 든 기술자는 열지 않습니다. {"constructor": "from_dict", "data": …}로 쓰세요',
                )
                return
            columns: Mapping[str, Mapping[str, float]] = table["data"]
            levels = list(next(iter(columns.values())))
            factor |= {"type": "categorical", "levels": levels}
            factor["descriptors"] = {column: [cells[level] for level in levels] for column, cells in columns.items()}
        case _:
            draft.refuse(name, f"a parameter of type {kind}", f"{kind} 종류의 파라미터")
            return
    draft.factors.append(factor)


def _read_constraints(draft: Draft, constraints: Sequence[Mapping[str, Any]]) -> None:
    sums: list[tuple[dict[str, float], float]] = []
    counts: dict[frozenset[str], tuple[int, int]] = {}
    for constraint in constraints:
        names = list(constraint.get("parameters") or [])
        match constraint.get("type"):
            case "ContinuousLinearConstraint" if not constraint.get("interpoint") and not constraint.get(
                "is_interpoint"
            ):
                weights = constraint.get("coefficients") or [1.0] * len(names)
                terms, bound = dict(zip(names, weights, strict=True)), constraint.get("rhs", 0.0)
                if constraint["operator"] == "=":
                    sums.append((terms, bound))
                else:
                    draft.add_linear(terms, constraint["operator"], bound)
            case "ContinuousCardinalityConstraint":
                most = constraint.get("max_cardinality")
                counts[frozenset(names)] = (constraint.get("min_cardinality", 0), len(names) if most is None else most)
            case "DiscreteSumConstraint" if (condition := constraint["condition"])["operator"] in {
                "<=",
                ">=",
                "=",
                "==",
            }:
                draft.add_linear(
                    dict.fromkeys(names, 1.0), condition["operator"].replace("==", "="), condition["threshold"]
                )
            case "DiscreteExcludeConstraint" if (excluded := _excluded(constraint)) is not None:
                draft.constraints.append(excluded)
            case other:
                draft.refuse(", ".join(names), f"a constraint of type {other}", f"{other} 종류의 제약")
    draft.add_mixtures(sums, counts)


def _excluded(constraint: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an exclusion as a forbidden combination or an expression; None if it is neither."""
    parts = list(zip(constraint["parameters"], constraint["conditions"], strict=True))
    combiner = constraint.get("combiner", "AND")
    if combiner not in {"AND", "OR"}:
        return None
    if combiner == "AND" and all(condition["type"] == "SubSelectionCondition" for _, condition in parts):
        return {"type": "forbidden", "combination": {name: condition["selection"] for name, condition in parts}}
    texts = []
    for name, condition in parts:
        if condition["type"] == "SubSelectionCondition":
            texts.append("(" + " or ".join(f"`{name}` == {value!r}" for value in condition["selection"]) + ")")
        else:
            operator = (
                condition["operator"].replace("==", "=").replace("=", "==")
                if condition["operator"] in {"=", "=="}
                else condition["operator"]
            )
            texts.append(f"`{name}` {operator} {condition['threshold']!r}")
    return {"type": "expression", "expression": f"not ({f' {combiner.lower()} '.join(texts)})"}


def _read_target(draft: Draft, target: Mapping[str, Any]) -> None:
    name = str(target.get("name"))
    transformation = (target.get("transformation") or {"type": "IdentityTransformation"}).get("type")
    mode = target.get("mode")
    if target.get("type", "NumericalTarget") != "NumericalTarget" or transformation != "IdentityTransformation":
        text = target.get("type") if transformation == "IdentityTransformation" else transformation
        draft.refuse(name, f"a target with {text}", f"{text}이(가) 있는 목표")
    if mode not in {None, "MAX", "MIN"}:
        draft.refuse(name, f"a target of mode {mode}", f"{mode} 방식의 목표")
    goal = "minimize" if target.get("minimize") or mode == "MIN" else "maximize"
    draft.objectives.append({"name": name, "goal": goal, "unit": "1"})


# ---- out ----------------------------------------------------------------------------------------------------------


def write(state: CampaignState, refusal: Refusal) -> dict[str, bytes]:
    """Return `campaign.json`, which `Campaign.from_config` reads, and `measurements.csv` for `add_measurements`."""
    problem = state.mission.problem
    parameters: list[dict[str, Any]] = []
    constraints: list[dict[str, Any]] = []
    for factor in problem.space.factors:
        _write_factor(factor, parameters, constraints, refusal)
    kinds = {p["name"]: p["type"] for p in parameters}
    for constraint in problem.space.constraints:
        _write_constraint(constraint, kinds, constraints, refusal)
    if problem.space.candidates is not None:
        refusal.add("candidates", "a table of candidates", "후보 표")
    for limit in problem.outcome_constraints:
        refusal.add(limit.outcome, "a constraint on an outcome", "결과에 걸린 제약")
    targets = []
    for wanted in problem.objectives:
        if wanted.goal == "hit":
            refusal.add(wanted.name, "a value to hit", "맞춰야 할 값")
        targets.append({"type": "NumericalTarget", "name": wanted.name, "minimize": wanted.goal == "minimize"})
    objective: dict[str, Any] = {"type": "ParetoObjective", "targets": targets}
    if len(targets) == 1:
        objective = {"type": "SingleTargetObjective", "target": targets[0]}
    space = {"constructor": "from_product", "parameters": parameters, "constraints": constraints}
    config = {"searchspace": space, "objective": objective}
    return {
        "campaign.json": json.dumps(config, indent=1, ensure_ascii=False).encode() + b"\n",
        "measurements.csv": _measurements(state),
    }


def _write_factor(
    factor: AnyFactor, parameters: list[dict[str, Any]], constraints: list[dict[str, Any]], refusal: Refusal
) -> None:
    refusal.check_plain(factor)
    if isinstance(factor, Real | Integer | Grid):
        refusal.check_scale(factor)
    match factor:
        case Real(step=None):
            parameters.append(_continuous(factor.name, factor.low, factor.high))
        case Real() | Integer() | Grid():
            (variable,) = factor.variables(0)
            assert variable.grid is not None
            values = variable.grid.tolist()
            if len(values) == 1:
                refusal.add(factor.name, "a factor with one value", "값이 하나뿐인 요인")
            parameters.append({"type": "NumericalDiscreteParameter", "name": factor.name, "values": values})
        case Categorical() if factor.descriptors:
            table = {name: dict(zip(factor.levels, values, strict=True)) for name, values in factor.descriptors.items()}
            data = {"constructor": "from_dict", "data": table}
            parameters.append({"type": "CustomDiscreteParameter", "name": factor.name, "data": data})
        case Categorical():
            if factor.smiles:
                refusal.add(factor.name, "molecules of levels", "수준의 분자")
            levels = list(factor.levels)
            parameters.append(
                {"type": "CategoricalParameter", "name": factor.name, "values": levels, "encoding": "OHE"}
            )
        case Mixture():
            if factor.step is not None:
                refusal.add(factor.name, "a mixture in steps", "단계가 있는 혼합물")
            names = [c.name for c in factor.components]
            parameters += [_continuous(c.name, c.low, factor.high_of(c)) for c in factor.components]
            constraints.append(_linear(dict.fromkeys(names, 1.0), "=", factor.total))
            if factor.may_be_absent or factor.min_present > 1:
                if any(c.low for c in factor.components):
                    refusal.add(factor.name, "components that are absent or above a bound", "없거나 하한 이상인 성분")
                constraints.append({
                    "type": "ContinuousCardinalityConstraint", "parameters": names,
                    "min_cardinality": factor.min_present, "max_cardinality": factor.n_present_at_most,
                })  # fmt: skip
        case Context():
            refusal.add(factor.name, "a factor that is measured, not controlled", "조절하지 않고 측정하는 요인")
        case Fixed():
            refusal.add(factor.name, "a factor with one value", "값이 하나뿐인 요인")


def _write_constraint(
    constraint: Linear | Expression | Forbidden, kinds: Mapping[str, str], constraints: list[dict[str, Any]],
    refusal: Refusal,
) -> None:  # fmt: skip
    match constraint:
        case Linear() if {kinds.get(n) for n in constraint.coefficients} == {"NumericalContinuousParameter"}:
            constraints.append(_linear(constraint.coefficients, constraint.relation, constraint.bound))
        case Forbidden() if all("Continuous" not in kinds.get(n, "Continuous") for n in constraint.combination):
            given = constraint.combination.items()
            conditions = [
                {"type": "SubSelectionCondition", "selection": list(v) if isinstance(v, tuple) else [v]}
                for _, v in given
            ]
            constraints.append({
                "type": "DiscreteExcludeConstraint", "parameters": [name for name, _ in given],
                "conditions": conditions, "combiner": "AND",
            })  # fmt: skip
        case _:
            refusal.add(constraint.type, "a constraint over these factors", "이 요인들에 걸린 제약")


def _continuous(name: str, low: float, high: float) -> dict[str, Any]:
    return {"type": "NumericalContinuousParameter", "name": name, "bounds": [low, high]}


def _linear(weights: Mapping[str, float], operator: str, bound: float) -> dict[str, Any]:
    return {
        "type": "ContinuousLinearConstraint", "parameters": list(weights), "operator": operator,
        "coefficients": list(weights.values()), "rhs": bound,
    }  # fmt: skip


def _measurements(state: CampaignState) -> bytes:
    """Return the experiments that have every outcome; BayBE has no word for one that failed."""
    names, targets = state.mission.space.names, [o.name for o in state.mission.problem.objectives]
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow([*names, *targets])
    for experiment in state.measured():
        result = experiment.result
        if isinstance(result, Measurement) and all(name in result.outcomes for name in targets):
            values = [result.outcomes[name].mean for name in targets]
            writer.writerow([*as_row(state, experiment).values(), *values])
    return target.getvalue().encode()
