"""BoFire: a `Domain` as JSON and its experiments as a table, in and out."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kgenesis.app.exchange.drafts import Draft, conditions_in, number_in
from kgenesis.app.exchange.refusal import Refusal, as_row
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.constraints import Expression, Forbidden, Linear
from kgenesis.kernel.errors import KGenesisError
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.factors import Categorical, Context, Fixed, Grid, Integer, Mixture, Real
from kgenesis.kernel.fidelity import AnyFactor
from kgenesis.kernel.objective import Objective, OutcomeConstraint
from kgenesis.kernel.text import say
from kgenesis.kernel.units import check_unit

# ---- in -----------------------------------------------------------------------------------------------------------


def read(draft: Draft, data: Mapping[str, Any], rows: Sequence[Mapping[str, str]], *, has_points: bool) -> None:
    """Understand a domain (or a strategy, which has one) and the table of its experiments."""
    del has_points  # a table of points narrows any space
    domain = data.get("domain", data)
    for feature in domain.get("inputs", {}).get("features", []):
        _read_input(draft, feature)
    outcomes = [name for f in domain.get("outputs", {}).get("features", []) if (name := _read_output(draft, f))]
    _read_constraints(draft, domain.get("constraints", {}).get("constraints", []))
    for row in rows:
        found = {name: number_in(row.get(name)) for name in outcomes if _is_valid(row, name)}
        known = {name: {"mean": value} for name, value in found.items() if value is not None}
        lost = Failure(kind="lost", reason=say("not valid in BoFire", "BoFire에서 유효하지 않음"))
        draft.results.append(
            (conditions_in(draft, row), Measurement.model_validate({"outcomes": known}) if known else lost)
        )


def _is_valid(row: Mapping[str, str], name: str) -> bool:
    """Say whether BoFire trains on an outcome of a row; its tables say 1 and 0, or True and False."""
    return row.get(f"valid_{name}", "1").strip().lower() not in {"0", "0.0", "false"}


def _read_input(draft: Draft, feature: Mapping[str, Any]) -> None:
    name, kind = str(feature.get("key")), feature.get("type")
    factor: dict[str, Any] = {"name": name}
    match kind:
        case "ContinuousInput":
            low, high = feature["bounds"]
            if low == high:
                factor |= {"type": "fixed", "value": low}
            else:
                factor |= {"type": "real", "low": low, "high": high, "unit": _unit(draft, feature)}
                if feature.get("stepsize") is not None:
                    factor["step"] = feature["stepsize"]
            if feature.get("allow_zero") and low > 0:
                draft.refuse(name, "zero or between its bounds (allow_zero)", "0이거나 범위 안의 값(allow_zero)")
        case "DiscreteInput":
            factor |= {"type": "grid", "values": feature["values"], "unit": _unit(draft, feature)}
        case "CategoricalInput" | "CategoricalDescriptorInput":
            allowed = feature.get("allowed") or [True] * len(feature["categories"])
            if not all(allowed):
                draft.refuse(name, "categories that are not allowed", "허용되지 않은 범주가 있습니다")
            factor |= {"type": "categorical", "levels": feature["categories"]}
            if kind == "CategoricalDescriptorInput":
                columns = zip(*feature["values"], strict=True)
                factor["descriptors"] = dict(zip(feature["descriptors"], map(list, columns), strict=True))
        case _:
            draft.refuse(name, f"an input of type {kind}", f"{kind} 종류의 입력")
            return
    draft.factors.append(factor)


def _unit(draft: Draft, feature: Mapping[str, Any]) -> str:
    unit = str(feature.get("unit") or "1")
    try:
        check_unit(unit)
    except KGenesisError:
        name = feature["key"]
        draft.notes.append(
            say(
                f"{name}: the unit {unit!r} is not known here; it says 1",
                f"{name}: 모르는 단위 {unit!r} 대신 1을 썼습니다",
            )
        )
        return "1"
    return unit


def _read_output(draft: Draft, feature: Mapping[str, Any]) -> str | None:
    """Understand an output and return its name, if anything is wanted of it."""
    name, kind = str(feature.get("key")), feature.get("type")
    objective = feature.get("objective")
    if kind != "ContinuousOutput":
        draft.refuse(name, f"an output of type {kind}", f"{kind} 종류의 출력")
        return None
    if objective is None:
        draft.notes.append(say(f"{name} has no objective and is left out", f"{name}은(는) 목적이 없어 뺐습니다"))
        return None
    unit = _unit(draft, feature)
    if objective.get("w", 1) != 1:
        draft.refuse(name, f"a weight of {objective['w']}", f"가중치 {objective['w']}")
    match objective.get("type"):
        case "MaximizeObjective":
            draft.objectives.append({"name": name, "goal": "maximize", "unit": unit})
        case "MinimizeObjective":
            draft.objectives.append({"name": name, "goal": "minimize", "unit": unit})
        case "CloseToTargetObjective":
            # any power of the distance has the same optimum and order
            draft.objectives.append({"name": name, "goal": "hit", "value": objective["target_value"], "unit": unit})
        case "MaximizeSigmoidObjective":
            draft.outcome_constraints.append({"outcome": name, "at_least": objective["tp"], "unit": unit})
        case "MinimizeSigmoidObjective":
            draft.outcome_constraints.append({"outcome": name, "at_most": objective["tp"], "unit": unit})
        case "TargetObjective":
            middle, slack = objective["target_value"], objective["tolerance"]
            bounds = {"at_least": middle - slack, "at_most": middle + slack}
            draft.outcome_constraints.append({"outcome": name, "unit": unit, **bounds})
        case other:
            draft.refuse(name, f"an objective of type {other}", f"{other} 종류의 목적")
    return name


def _read_constraints(draft: Draft, constraints: Sequence[Mapping[str, Any]]) -> None:
    sums: list[tuple[dict[str, float], float]] = []
    counts: dict[frozenset[str], tuple[int, int]] = {}
    for constraint in constraints:
        features = constraint.get("features") or []
        match constraint.get("type"):
            case "LinearEqualityConstraint":
                sums.append((dict(zip(features, constraint["coefficients"], strict=True)), constraint["rhs"]))
            case "LinearInequalityConstraint":
                terms = dict(zip(features, constraint["coefficients"], strict=True))
                draft.add_linear(terms, "<=", constraint["rhs"])
            case "NChooseKConstraint":
                counts[frozenset(features)] = (constraint["min_count"], constraint["max_count"])
            case "NonlinearInequalityConstraint" if isinstance(constraint.get("expression"), str):
                draft.constraints.append({"type": "expression", "expression": f"({constraint['expression']}) <= 0"})
            case other:
                draft.refuse(", ".join(features), f"a constraint of type {other}", f"{other} 종류의 제약")
    draft.add_mixtures(sums, counts)


# ---- out ----------------------------------------------------------------------------------------------------------


def write(state: CampaignState, refusal: Refusal) -> dict[str, bytes]:
    """Return `domain.json`, `experiments.csv` and, if anything is pending, `candidates.csv`."""
    problem = state.mission.problem
    features: list[dict[str, Any]] = []
    constraints: list[dict[str, Any]] = []
    for factor in problem.space.factors:
        _write_factor(factor, features, constraints, refusal)
    for constraint in problem.space.constraints:
        match constraint:
            case Linear():
                sign = -1.0 if constraint.relation == ">=" else 1.0
                kind = "LinearEqualityConstraint" if constraint.relation == "=" else "LinearInequalityConstraint"
                weights = {name: sign * weight for name, weight in constraint.coefficients.items()}
                constraints.append(_linear(kind, weights, sign * constraint.bound))
            case Expression() | Forbidden():
                refusal.add(constraint.type, "a condition on several factors", "여러 요인에 걸친 조건")
    if problem.space.candidates is not None:
        refusal.add("candidates", "a table of candidates", "후보 표")
    outputs = [
        _output(name, *_goals(problem.objectives, problem.outcome_constraints, name), refusal)
        for name in problem.outcomes
    ]
    domain = {
        "type": "Domain",
        "inputs": {"type": "Inputs", "features": features},
        "outputs": {"type": "Outputs", "features": outputs},
        "constraints": {"type": "Constraints", "constraints": constraints},
    }
    files = {
        "domain.json": json.dumps(domain, indent=1, ensure_ascii=False).encode() + b"\n",
        "experiments.csv": _experiments(state),
    }
    if any(not e.is_final for e in state.experiments.values()):
        files["candidates.csv"] = _candidates(state)
    return files


def _write_factor(
    factor: AnyFactor, features: list[dict[str, Any]], constraints: list[dict[str, Any]], refusal: Refusal
) -> None:
    refusal.check_plain(factor)
    match factor:
        case Real():
            refusal.check_scale(factor)
            features.append(_continuous(factor.name, factor.low, factor.high, factor.unit, factor.step))
        case Integer():
            refusal.check_scale(factor)
            features.append(_discrete(factor.name, [float(v) for v in range(factor.low, factor.high + 1)], factor.unit))
        case Grid():
            refusal.check_scale(factor)
            features.append(_discrete(factor.name, sorted(factor.values), factor.unit))
        case Categorical():
            feature: dict[str, Any] = {
                "type": "CategoricalInput",
                "key": factor.name,
                "categories": list(factor.levels),
            }
            if factor.descriptors:
                values = [list(row) for row in zip(*factor.descriptors.values(), strict=True)]
                feature |= {
                    "type": "CategoricalDescriptorInput",
                    "descriptors": list(factor.descriptors),
                    "values": values,
                }
            features.append(feature)
        case Fixed():
            if isinstance(factor.value, str):
                refusal.add(factor.name, "a fixed text", "고정된 문자열")
            else:
                features.append(_continuous(factor.name, factor.value, factor.value, factor.unit, None))
        case Mixture():
            if factor.step is not None:
                refusal.add(factor.name, "a mixture in steps", "단계가 있는 혼합물")
            names = [c.name for c in factor.components]
            features += [_continuous(c.name, c.low, factor.high_of(c), factor.unit, None) for c in factor.components]
            constraints.append(_linear("LinearEqualityConstraint", dict.fromkeys(names, 1.0), factor.total))
            if factor.may_be_absent or factor.min_present > 1:
                if any(c.low for c in factor.components):
                    refusal.add(factor.name, "components that are absent or above a bound", "없거나 하한 이상인 성분")
                constraints.append({
                    "type": "NChooseKConstraint", "features": names, "min_count": factor.min_present,
                    "max_count": factor.n_present_at_most, "none_also_valid": False,
                })  # fmt: skip
        case Context():
            refusal.add(factor.name, "a factor that is measured, not controlled", "조절하지 않고 측정하는 요인")


def _continuous(name: str, low: float, high: float, unit: str, step: float | None) -> dict[str, Any]:
    return {"type": "ContinuousInput", "key": name, "unit": unit, "bounds": [low, high], "stepsize": step}


def _discrete(name: str, values: Sequence[float], unit: str) -> dict[str, Any]:
    return {"type": "DiscreteInput", "key": name, "unit": unit, "values": list(values)}


def _linear(kind: str, weights: Mapping[str, float], bound: float) -> dict[str, Any]:
    return {"type": kind, "features": list(weights), "coefficients": list(weights.values()), "rhs": bound}


def _goals(
    objectives: Sequence[Objective], constraints: Sequence[OutcomeConstraint], name: str
) -> tuple[str, Objective | None, OutcomeConstraint | None]:
    objective = next((o for o in objectives if o.name == name), None)
    constraint = next((c for c in constraints if c.outcome == name), None)
    unit = (objective and objective.unit) or (constraint and constraint.unit) or "1"
    return unit, objective, constraint


def _output(
    name: str, unit: str, objective: Objective | None, constraint: OutcomeConstraint | None, refusal: Refusal
) -> dict[str, Any]:
    wanted: dict[str, Any] | None = None
    if objective is not None and constraint is not None:
        refusal.add(name, "an outcome with an objective and a constraint", "목적과 제약이 함께 있는 결과")
    if objective is not None and objective.goal == "hit":
        wanted = {"type": "CloseToTargetObjective", "target_value": objective.value, "exponent": 1.0}
    elif objective is not None:
        wanted = {"type": "MaximizeObjective" if objective.goal == "maximize" else "MinimizeObjective"}
    elif constraint is not None and None in (constraint.at_least, constraint.at_most):
        is_least = constraint.at_least is not None
        bound = constraint.at_least if is_least else constraint.at_most
        # BoFire's bound is soft: this steep, it changes from 1 % to 99 % over a thousandth of the bound
        steepness = 1e4 / max(abs(bound or 0.0), 1.0)
        kind = "MaximizeSigmoidObjective" if is_least else "MinimizeSigmoidObjective"
        wanted = {"type": kind, "tp": bound, "steepness": steepness}
    elif constraint is not None and constraint.at_least is not None and constraint.at_most is not None:
        half = (constraint.at_most - constraint.at_least) / 2
        wanted = {
            "type": "TargetObjective",
            "target_value": constraint.at_least + half,
            "tolerance": half,
            "steepness": 1e4,
        }
    return {
        "type": "ContinuousOutput",
        "key": name,
        "unit": unit,
        "objective": None if wanted is None else {"w": 1.0, **wanted},
    }


def _experiments(state: CampaignState) -> bytes:
    """Return the finished experiments; an outcome without a value is not valid, as BoFire has it."""
    names, outcomes = state.mission.space.names, state.mission.problem.outcomes
    rows = []
    for experiment in state.finished():
        result = experiment.result
        found = result.outcomes if isinstance(result, Measurement) else {}
        row: list[Any] = list(as_row(state, experiment).values())
        for name in outcomes:
            row += [found[name].mean, 1] if name in found else [None, 0]
        rows.append(row)
    return _csv([*names, *(h for name in outcomes for h in (name, f"valid_{name}"))], rows)


def _candidates(state: CampaignState) -> bytes:
    """Return what is pending, with what was expected of it."""
    names, outcomes = state.mission.space.names, state.mission.problem.outcomes
    rows = []
    for experiment in state.experiments.values():
        if not experiment.is_final:
            row = list[Any](as_row(state, experiment).values())
            for name in outcomes:
                expected = experiment.why.expected.get(name)
                row += [None, None] if expected is None else [expected.mean, expected.sd]
            rows.append(row)
    return _csv([*names, *(h for name in outcomes for h in (f"{name}_pred", f"{name}_sd"))], rows)


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target).writerows([header, *rows])
    return target.getvalue().encode()
