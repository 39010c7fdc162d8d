"""A mission changed in mid-campaign: what differs, what may differ, and the facts that take it up."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgenesis.campaign import events as facts
from kgenesis.campaign.remembering import described
from kgenesis.campaign.spec import Budget, Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.factors import Categorical, Mixture, Variable
from kgenesis.kernel.fidelity import AnyFactor, Fidelity
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import Text, say

ELSEWHERE = say(
    "Open another campaign with `earlier: [{campaign}]`: it learns from this one as far as they are alike.",
    "`earlier: [{campaign}]`로 다른 캠페인을 여세요. 닮은 만큼 이 캠페인에서 배웁니다.",
)
_NAMED_BY = {"factors": "name", "components": "name", "objectives": "name", "outcome_constraints": "outcome"}


def changed(state: CampaignState, new: Mission, was: Mapping[str, Value] | None = None) -> list[Event]:
    """Return the facts that take a changed mission up; nothing if it does not differ.

    Args:
        state: where the campaign stands.
        new: the mission from now on, its candidate table read.
        was: the value of each added factor in all experiments so far.

    Raises:
        InvalidSpec: what was measured would no longer mean the same; nothing may be written then.
    """
    was = dict(was or {})
    old = state.mission
    if not differences(old, new) and not was:
        return []
    budget = new.budget if new.budget != old.budget else state.budget
    mistakes = [*_conflicts(state, new, was), *_budget(state, budget)]
    if mistakes:
        raise InvalidSpec(
            say("the campaign cannot go on like that", "캠페인을 그렇게 이어 갈 수 없습니다"), mistakes,
            hint=Text(en=ELSEWHERE.en.format(campaign=state.id), ko=ELSEWHERE.ko.format(campaign=state.id)),
        )  # fmt: skip
    for mixture in new.space.mixtures:  # a component that is new was not there
        was |= {c.name: was.get(c.name, 0.0) for c in mixture.components if c.name not in old.space.names}
    mission = new.model_dump(mode="json", exclude_defaults=True) | {"kgenesis": new.kgenesis}
    unfit = [id_ for id_ in state.waiting if new.space.check(was | state.experiments[id_].conditions)]
    return [
        facts.CampaignChanged(mission=mission, was=was, budget=budget),
        *(facts.ExperimentWithdrawn(experiment=id_) for id_ in unfit),
    ]


def without_done_starts(state: CampaignState, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mission's content without the starting points that were done already: they need not fit any more."""
    done = [e.conditions for e in state.experiments.values() if e.why.reason == "start"]
    left = [point for point in data.get("start") or () if not any(_agree(point, one) for one in done)]
    return {**data, "start": left} if "start" in data else dict(data)


def _agree(point: Mapping[str, Any], conditions: Mapping[str, Value]) -> bool:
    return all(conditions.get(name) == value for name, value in point.items())


# ---- what may change -----------------------------------------------------------------------------------------------


def _conflicts(state: CampaignState, new: Mission, was: Mapping[str, Value]) -> Iterator[Mistake]:
    old = state.mission
    if new.name != old.name:
        yield Mistake(say(f"the mission is called {old.name!r}", f"미션의 이름은 {old.name!r}입니다"), "name")
    if new.lab.name != old.lab.name:
        text = say(
            f"the experiments were done in the lab {old.lab.name!r}", f"실험은 {old.lab.name!r} 실험실에서 했습니다"
        )
        yield Mistake(text, "lab")
    yield from _outcomes(old, new)
    before = {factor.name: factor for factor in old.space.factors}
    now = {factor.name: factor for factor in new.space.factors}
    rows = [e.conditions for e in state.experiments.values()]
    for name, factor in before.items():
        if name not in now:
            text = say(
                "it is gone; hold it at a value instead, so that what it did stays known (`type: fixed`, `--hold`)",
                "빠졌습니다. 한 값으로 고정하면 그 영향이 지식으로 남습니다(`type: fixed`, `--hold`)",
            )
            yield Mistake(text, name)
        else:
            yield from (Mistake(text, name) for text in _of_factor(factor, now[name], old.space, new.space, rows))
    added = [v for v in new.space.variables if v.name not in old.space.names]
    yield from _added(added, was, len(rows))
    for name in was:
        if name not in [v.name for v in added]:
            text = say("it is not new, so what it was is known", "새 요인이 아니므로 값이 이미 기록되어 있습니다")
            yield Mistake(text, name)


def _outcomes(old: Mission, new: Mission) -> Iterator[Mistake]:
    if set(old.problem.outcomes) != set(new.problem.outcomes):
        said = ", ".join(old.problem.outcomes)
        yield Mistake(say(f"what was measured is {said}", f"측정한 것은 {said}입니다"), "objectives")
        return
    goals = {o.name: o.goal for o in old.objectives}
    if goals != {o.name: o.goal for o in new.objectives}:
        said = ", ".join(f"{goal} {name}" for name, goal in goals.items())
        yield Mistake(say(f"the campaign is to {said}", f"이 캠페인의 목적은 {said}입니다"), "objectives")
    for name, unit in old.problem.units.items():
        if new.problem.units.get(name, unit) != unit:
            yield Mistake(say(f"its unit is {unit!r}", f"단위는 {unit!r}입니다"), name)


def _of_factor(
    old: AnyFactor, new: AnyFactor, before: Space, now: Space, rows: Sequence[Mapping[str, Value]]
) -> Iterator[Text]:
    if _sort(old) != _sort(new):
        yield say(f"it is of type {old.type}, not {new.type}", f"유형은 {new.type}이(가) 아니라 {old.type}입니다")
        return
    unit, unit_now = getattr(old, "unit", ""), getattr(new, "unit", "")
    if unit != unit_now:
        yield say(f"its unit is {unit!r}", f"단위는 {unit!r}입니다")
    if old.active_if != new.active_if and new.type != "fixed":
        yield say("when it exists cannot change", "존재하는 조건은 바꿀 수 없습니다")
    used = [row.get(new.name) for row in rows]
    if getattr(new, "scale", "") == "log" and any(isinstance(v, int | float) and v <= 0 for v in used):
        yield say(
            "a log scale cannot hold what was tried: 0 or less",
            "로그 척도로는 이미 시험한 0 이하 값을 나타낼 수 없습니다",
        )
    if isinstance(old, Fidelity) and old.model_copy(update={"label": new.label}) != new:
        yield say("what a full experiment is cannot change", "무엇이 본실험인지는 바꿀 수 없습니다")
    if isinstance(old, Mixture) and isinstance(new, Mixture):
        kept = [c.name for c in new.components]
        if gone := next((c.name for c in old.components if c.name not in kept), None):
            yield say(
                f"the component {gone!r} is gone; keep it, and forbid it by a constraint: `{gone} == 0`",
                f"성분 {gone!r}이(가) 빠졌습니다. 그대로 두고 제약 `{gone} == 0`으로 금지하세요",
            )
        if old.total != new.total:
            yield say(f"its total is {old.total:g}", f"합은 {old.total:g}입니다")
    if isinstance(new, Categorical) and new.descriptors:
        known = described(new.name, [before, now])
        for level in dict.fromkeys(v for v in used if isinstance(v, str) and v not in new.levels):
            if set(known.get(level, ())) != set(new.descriptors):
                yield say(
                    f"the level {level!r} was tried, and its descriptors are not those of the others now",
                    f"이미 시험한 수준 {level!r}의 기술자가 지금 것들과 다릅니다",
                )


def _sort(factor: AnyFactor) -> str:
    """Return what a factor's values are: numbers, levels, a mixture, something measured."""
    match factor.type:
        case "real" | "integer" | "grid":
            return "number"
        case "fixed":
            return "level" if isinstance(factor.value, str) else "number"
        case "categorical":
            return "level"
        case "context":
            return "measured level" if factor.levels else "measured number"
        case other:
            return other


def _added(added: Sequence[Variable], was: Mapping[str, Value], n_done: int) -> Iterator[Mistake]:
    for variable in added:
        if variable.role == "context" or variable.mixture or (variable.role == "fixed" and variable.name not in was):
            continue
        if variable.active_if:
            text = say("a conditional factor cannot be added", "조건부 요인은 나중에 더할 수 없습니다")
            yield Mistake(text, variable.name)
        elif variable.name not in was and n_done:
            text = say(
                f"it is new: what was it in the {n_done} experiments so far? (`--was {variable.name}=…`)",
                f"새 요인입니다. 지금까지 한 실험 {n_done}개에서는 어떤 값이었습니까? (`--was {variable.name}=…`)",
            )
            yield Mistake(text, variable.name)
        elif variable.name in was and isinstance(was[variable.name], str) != bool(variable.levels):
            text = say(
                f"{was[variable.name]!r} is no value of it", f"{was[variable.name]!r}은(는) 이 요인의 값이 아닙니다"
            )
            yield Mistake(text, variable.name)


def _budget(state: CampaignState, budget: Budget) -> Iterator[Mistake]:
    if budget.experiments < state.n_counted:
        text = say(f"{state.n_counted} experiments are already proposed", f"이미 {state.n_counted}개를 제안했습니다")
        yield Mistake(text, "budget.experiments")


# ---- what differs --------------------------------------------------------------------------------------------------


def differences(old: Mission, new: Mission) -> list[Text]:
    """Return what differs between two missions, one text for each place: `temperature.high: 100 → 140`."""
    return list(_between("", old.model_dump(mode="json"), new.model_dump(mode="json")))


def _between(place: str, old: Any, new: Any) -> Iterator[Text]:
    if old == new:
        return
    key = _NAMED_BY.get(place.rsplit(".", 1)[-1])
    if key and isinstance(old, list) and isinstance(new, list):
        before, now = {str(part[key]): part for part in old}, {str(part[key]): part for part in new}
        if len(before) == len(old) and len(now) == len(new):
            for name in dict.fromkeys([*before, *now]):
                yield from _between(name, before.get(name), now.get(name))
            return
    if isinstance(old, dict) and isinstance(new, dict) and old.get("type") == new.get("type"):
        for name in dict.fromkeys([*old, *new]):
            inner = name if not place or place == "space" else f"{place}.{name}"
            yield from _between(inner, old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list):
        for one in new:
            if one not in old:
                yield say(f"{place}: added {_shown(one)}", f"{place}: {_shown(one)} 추가")
        for one in old:
            if one not in new:
                yield say(f"{place}: removed {_shown(one)}", f"{place}: {_shown(one)} 제거")
    elif old is None or new is None:
        given = _shown(old if new is None else new)
        yield (
            say(f"{place}: removed {given}", f"{place}: {given} 제거")
            if new is None
            else say(f"{place}: added {given}", f"{place}: {given} 추가")
        )
    else:
        yield Text(en=f"{place}: {_shown(old)} → {_shown(new)}", ko=f"{place}: {_shown(old)} → {_shown(new)}")


def _shown(part: Any) -> str:
    if isinstance(part, dict):
        inside = {k: v for k, v in part.items() if v not in (None, "", [], {}) and k not in {"label", "name"}}
        return ", ".join(f"{k} {_shown(v)}" for k, v in inside.items())
    if isinstance(part, list):
        return "[" + ", ".join(map(_shown, part)) + "]"
    return f"{part:g}" if isinstance(part, float) else str(part)


def change_notes(state: CampaignState) -> list[Text]:
    """Return what a reader must know of the changes: what they were, and what they do to the comparison."""
    found = []
    for change in state.changes:
        said = differences(change.before, change.now)
        found.append(
            say(
                f"After experiment {change.after} the mission was changed: {'; '.join(t.en for t in said)}.",
                f"{change.after}번 실험 뒤에 미션을 바꾸었습니다: {'; '.join(t.ko for t in said)}.",
            )
        )
    keys = {mission.reference_key for change in state.changes for mission in (change.before, change.now)}
    if len(keys) > 1:
        found.append(
            say(
                "The space was another one before: a reference made for the present space does not compare like with "
                "like, so take the acceleration factor as a hint only.",
                "공간이 도중에 바뀌었습니다. 지금 공간에서 만든 기준과는 조건이 같지 않으므로 가속 배수는 참고로만 보세요.",
            )
        )
    return found
