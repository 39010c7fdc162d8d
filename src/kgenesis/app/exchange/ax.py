"""Ax: an experiment as its `Client` saves it, in; the calls that make one in a new `Client`, out."""

import json
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgenesis.app.exchange.drafts import Draft, conditions_in
from kgenesis.app.exchange.refusal import Refusal, as_row
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.constraints import Linear
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.factors import Categorical, Context, Fixed, Grid, Integer, Mixture, Real
from kgenesis.kernel.fidelity import AnyFactor
from kgenesis.kernel.text import Text, say

_TERM = re.compile(r"(?P<weight>[-+]?[0-9.]+(?:[eE][-+]?\d+)?) \* (?P<name>\S+)")
"""A term of a constraint as Ax 1.3 saves it: `1.0 * n`."""

_METRIC = re.compile(r"(?P<sign>-?)\s*(?:1(?:\.0)?\s*\*\s*)?(?P<name>[^\s,*+()-][^,*+()]*?)")
"""A metric to maximise, or with a minus to minimise: `-cost`."""

# ---- in -----------------------------------------------------------------------------------------------------------


def read(draft: Draft, data: Mapping[str, Any], rows: Sequence[Mapping[str, str]], *, has_points: bool) -> None:
    """Understand a file of `Client.save_to_json_file` or of `save_experiment`; the data is in it."""
    del has_points  # a table of points narrows any space
    experiment = data.get("experiment", data)
    if rows:
        draft.refuse("--data", "a file of Ax has its data in it", "Ax 파일에는 데이터가 들어 있습니다")
    draft.name = experiment.get("name") or draft.name
    space = experiment.get("search_space") or {}
    for parameter in space.get("parameters", []):
        _read_parameter(draft, parameter)
    sums: list[tuple[dict[str, float], float]] = []
    for constraint in space.get("parameter_constraints", []):
        _read_constraint(draft, constraint, sums)
    draft.add_mixtures(sums, {})
    _read_goals(draft, experiment.get("optimization_config") or {})
    found = _measured(draft, experiment.get("data_by_trial") or {})
    n_open = 0
    for index, trial in (experiment.get("trials") or {}).items():
        status = _name(trial.get("status"))
        for arm in _arms(trial):
            conditions = conditions_in(draft, _plain(draft, arm["parameters"]))
            outcomes = found.get((str(index), str(arm.get("name"))), {})
            if status == "COMPLETED" and outcomes:
                draft.results.append((conditions, Measurement.model_validate({"outcomes": outcomes})))
            elif status in {"COMPLETED", "FAILED", "ABANDONED"}:
                kind, text = ("refused", "abandoned") if status == "ABANDONED" else ("crashed", "failed, or no data")
                reason = say(f"{text} in Ax", f"Ax에서 {status}")
                draft.results.append((conditions, Failure(kind=kind, reason=reason)))
            elif status == "EARLY_STOPPED":
                draft.refuse(f"trials.{index}", "a trial that was stopped early", "일찍 멈춘 시행")
            else:
                n_open += 1
    if n_open:
        draft.notes.append(
            say(f"{n_open} trials without a result are left out.", f"결과가 없는 시행 {n_open}개는 뺐습니다.")
        )


def _read_parameter(draft: Draft, parameter: Mapping[str, Any]) -> None:
    name, kind = str(parameter.get("name")), parameter.get("__type")
    of_type = _name(parameter.get("parameter_type"))
    for flag, text in _FLAGS.items():
        if parameter.get(flag) not in (None, False, []):
            draft.refuse(name, text.en, text.ko)
    factor: dict[str, Any] = {"name": name}
    if kind == "RangeParameter":
        is_whole = of_type == "INT"
        factor |= {"type": "integer" if is_whole else "real", "low": parameter["lower"], "high": parameter["upper"]}
        factor |= {"unit": "1"} | ({"scale": "log"} if parameter.get("log_scale") else {})
    elif kind == "FixedParameter":
        factor |= {"type": "fixed", "value": _text(parameter["value"], is_text=of_type in {"STRING", "BOOL"})}
    elif kind == "ChoiceParameter" and of_type in {"INT", "FLOAT"} and parameter.get("is_ordered"):
        factor |= {"type": "grid", "values": parameter["values"], "unit": "1"}
        factor |= {"scale": "log"} if parameter.get("log_scale") else {}
    elif kind == "ChoiceParameter":
        levels = [_text(value, is_text=True) for value in parameter["values"]]
        factor |= {"type": "categorical", "levels": levels}
        if parameter.get("is_ordered"):
            factor["descriptors"] = {"order": list(range(len(levels)))}
    else:
        draft.refuse(name, f"a parameter of type {kind}", f"{kind} 종류의 파라미터")
        return
    draft.factors.append(factor)


_FLAGS: Mapping[str, Text] = {
    "is_fidelity": say("a fidelity parameter", "충실도 파라미터"),
    "is_task": say("a task parameter", "과제 파라미터"),
    "dependents": say("a parameter that decides which others exist", "다른 파라미터의 존재를 정하는 파라미터"),
    "digits": say("values rounded to digits", "자릿수로 반올림하는 값"),
    "logit_scale": say("a logit scale", "로짓 척도"),
}


def _read_constraint(draft: Draft, constraint: Mapping[str, Any], sums: list[tuple[dict[str, float], float]]) -> None:
    text = str(constraint.get("equality") or constraint.get("inequality") or "")
    left, relation, right = text.partition(" == " if constraint.get("equality") else " <= ")
    terms = {m["name"]: float(m["weight"]) for part in left.split(" + ") if (m := _TERM.fullmatch(part))}
    if not relation or len(terms) != left.count(" + ") + 1:
        draft.refuse("parameter_constraints", f"a constraint that is not linear: {text}", f"선형이 아닌 제약: {text}")
    elif constraint.get("equality"):
        sums.append((terms, float(right)))
    else:
        draft.add_linear(terms, "<=", float(right))


def _read_goals(draft: Draft, config: Mapping[str, Any]) -> None:
    objective = config.get("objective") or {}
    for part in str(objective.get("expression") or "").split(","):
        match = _METRIC.fullmatch(part.strip())
        if match is None:
            text = part.strip() or str(objective.get("__type"))
            draft.refuse("objective", f"an objective that is not one metric: {text}", f"지표 하나가 아닌 목적: {text}")
        else:
            goal = "minimize" if match["sign"] else "maximize"
            draft.objectives.append({"name": match["name"], "goal": goal, "unit": "1"})
    for constraint in config.get("outcome_constraints") or []:
        name = str(constraint["metric"]["name"])
        if _bound(draft, name, constraint):
            side = "at_least" if _name(constraint["op"]) == "GEQ" else "at_most"
            same = next((c for c in draft.outcome_constraints if c["outcome"] == name and side not in c), None)
            if same is None:
                draft.outcome_constraints.append({"outcome": name, side: constraint["bound"], "unit": "1"})
            else:
                same[side] = constraint["bound"]
    for threshold in config.get("objective_thresholds") or []:
        name = str(threshold["metric"]["name"])
        if _bound(draft, name, threshold):
            for wanted in draft.objectives:
                if wanted["name"] == name:
                    wanted["threshold"] = threshold["bound"]


def _bound(draft: Draft, name: str, constraint: Mapping[str, Any]) -> bool:
    """Say whether a bound stands by itself."""
    if constraint.get("relative"):
        draft.refuse(name, "a bound relative to the baseline", "기준 조건에 대한 상대 한계")
    if constraint.get("__type") == "ScalarizedOutcomeConstraint":
        draft.refuse(name, "a bound on a sum of metrics", "여러 지표의 합에 대한 한계")
    return not constraint.get("relative")


def _measured(draft: Draft, data: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return mean and standard error of every outcome by trial and arm."""
    names = {o["name"] for o in draft.objectives} | {c["outcome"] for c in draft.outcome_constraints}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    unused = set()
    for row in _data_rows(data):
        if row.get("step") is not None:
            draft.refuse(f"trials.{row['trial_index']}", "a curve instead of one value", "값 하나가 아니라 곡선")
        name = str(row["metric_name"])
        if name not in names:
            unused.add(name)
        elif row.get("mean") is not None:
            outcome = {"mean": row["mean"], "sem": row.get("sem")}
            found.setdefault((str(row["trial_index"]), str(row["arm_name"])), {})[name] = outcome
    for name in sorted(unused):
        draft.notes.append(
            say(f"The metric {name} is only tracked and left out.", f"추적만 하는 지표 {name}은(는) 뺐습니다.")
        )
    return found


def _data_rows(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the data frames of every trial, the last frame of each."""
    for frames in data.values():
        latest = frames["value"] if isinstance(frames, Mapping) else frames
        if latest:
            columns = json.loads(latest[-1][1]["df"]["value"])
            for key in next(iter(columns.values()), {}):
                yield {name: cells.get(key) for name, cells in columns.items()}


def _arms(trial: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    runs = [trial["generator_run"]] if trial.get("generator_run") else []
    runs += [struct.get("generator_run", struct) for struct in trial.get("generator_run_structs") or []]
    runs += trial.get("generator_runs") or []
    return [arm for run in runs for arm in run.get("arms", [])]


def _plain(draft: Draft, parameters: Mapping[str, Any]) -> dict[str, Any]:
    texts = {f["name"] for f in draft.factors if f["type"] == "categorical" or isinstance(f.get("value"), str)}
    return {name: _text(value, is_text=name in texts) for name, value in parameters.items()}


def _text(value: Any, *, is_text: bool) -> Any:
    return str(value) if is_text else value


def _name(value: Any) -> str:
    return str(value.get("name")) if isinstance(value, Mapping) else str(value)


# ---- out ----------------------------------------------------------------------------------------------------------


def write(state: CampaignState, refusal: Refusal) -> dict[str, bytes]:
    """Return `experiment.json`: what `Client` is to be told, call by call."""
    problem = state.mission.problem
    parameters: list[dict[str, Any]] = []
    constraints: list[str] = []
    for factor in problem.space.factors:
        _write_factor(factor, parameters, refusal)
    ranges = {p["name"] for p in parameters if "bounds" in p}
    for constraint in problem.space.constraints:
        if isinstance(constraint, Linear) and constraint.relation != "=" and constraint.coefficients.keys() <= ranges:
            constraints.append(f"{_sum(constraint.coefficients)} {constraint.relation} {constraint.bound!r}")
        else:
            refusal.add(
                constraint.type,
                "a constraint that is no linear inequality of ranges",
                "범위 요인의 선형 부등식이 아닌 제약",
            )
    if problem.space.candidates is not None:
        refusal.add("candidates", "a table of candidates", "후보 표")
    bounds: list[str] = []
    for wanted in problem.objectives:
        if wanted.goal == "hit":
            refusal.add(wanted.name, "a value to hit", "맞춰야 할 값")
        if wanted.threshold is not None:
            bounds.append(f"{wanted.name} {'>=' if wanted.goal == 'maximize' else '<='} {wanted.threshold!r}")
    for limit in problem.outcome_constraints:
        if any(limit.outcome == wanted.name for wanted in problem.objectives):
            # in Ax a bound on an objective is its threshold, which may be missed
            refusal.add(limit.outcome, "a constraint on an objective", "목적에 걸린 제약")
        bounds += [
            f"{limit.outcome} {sign} {value!r}"
            for sign, value in ((">=", limit.at_least), ("<=", limit.at_most))
            if value is not None
        ]
    for name in (*problem.space.names, *problem.outcomes):
        if not name.isidentifier() or keyword.iskeyword(name):
            refusal.add(name, "a name that is no Python identifier", "Python 식별자가 아닌 이름")
    goals = ", ".join(("-" if wanted.goal == "minimize" else "") + wanted.name for wanted in problem.objectives)
    experiment = {
        "name": state.mission.name,
        "parameters": parameters,
        "parameter_constraints": constraints,
        "objective": goals,
        "outcome_constraints": bounds,
        "trials": list(_trials(state)),
    }
    return {"experiment.json": json.dumps(experiment, indent=1, ensure_ascii=False).encode() + b"\n"}


def _write_factor(factor: AnyFactor, parameters: list[dict[str, Any]], refusal: Refusal) -> None:
    refusal.check_plain(factor)
    scale = {"scaling": "log"} if isinstance(factor, Real | Integer) and factor.scale == "log" else {}
    match factor:
        case Real(step=None) | Integer():
            kind = "int" if isinstance(factor, Integer) else "float"
            parameters.append(
                {"name": factor.name, "parameter_type": kind, "bounds": [factor.low, factor.high], **scale}
            )
        case Real() | Grid():
            refusal.check_scale(factor)
            (variable,) = factor.variables(0)
            assert variable.grid is not None
            parameters.append(_choice(factor.name, "float", variable.grid.tolist(), is_ordered=True))
        case Categorical():
            if factor.descriptors or factor.smiles:
                refusal.add(factor.name, "descriptors of levels", "수준의 기술자")
            parameters.append(_choice(factor.name, "str", list(factor.levels), is_ordered=False))
        case Fixed():
            kind = "str" if isinstance(factor.value, str) else "float"
            parameters.append(_choice(factor.name, kind, [factor.value], is_ordered=False))
        case Mixture():  # the Client takes no equalities, although experiments of Ax can have them
            refusal.add(factor.name, "components that sum to a total", "합이 정해진 성분")
        case Context():
            refusal.add(factor.name, "a factor that is measured, not controlled", "조절하지 않고 측정하는 요인")


def _choice(name: str, kind: str, values: list[Any], *, is_ordered: bool) -> dict[str, Any]:
    return {"name": name, "parameter_type": kind, "values": values, "is_ordered": is_ordered}


def _sum(weights: Mapping[str, float]) -> str:
    return " + ".join(f"{weight!r} * {name}" for name, weight in weights.items())


def _trials(state: CampaignState) -> Iterator[dict[str, Any]]:
    """Yield every experiment: its parameters, its status as Ax calls it, and what was measured.

    An outcome is a number, or [mean, standard error] where the error is known: what `raw_data` of Ax takes. In Ax the
    same parameters are the same arm, so a replicate bears the name of the first experiment.
    """
    arms: dict[str, str] = {}
    for experiment in state.experiments.values():
        result, parameters = experiment.result, as_row(state, experiment)
        arm = arms.setdefault(json.dumps(parameters, sort_keys=True), experiment.id)
        trial = {"arm_name": arm, "parameters": parameters}
        if isinstance(result, Measurement):
            data = {k: v.mean if v.sem is None else [v.mean, v.sem] for k, v in result.outcomes.items()}
            yield {**trial, "status": "completed", "data": data}
        elif isinstance(result, Failure):
            yield {**trial, "status": "abandoned" if result.kind == "refused" else "failed"}
        elif not experiment.is_final:
            yield {**trial, "status": "running"}
