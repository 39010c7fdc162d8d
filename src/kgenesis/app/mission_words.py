"""What stands in `mission_view` and `scoreboard`, in words: the same on the screen, on pages and in reports."""

from collections.abc import Mapping
from typing import Any

from kgenesis.campaign.words import quantity, short, times
from kgenesis.kernel.text import Text, say

STATES: Mapping[str, Text] = {
    "drafted": say("drafted", "초안"),
    "opened": say("opened", "개시"),
    "running": say("running", "진행 중"),
    "paused": say("paused", "일시 중단"),
    "pivoted": say("pivoted", "방향 전환"),
    "stopped": say("stopped", "종료"),
    "met": say("met", "달성"),
}
MILESTONES: Mapping[str, Text] = {
    "passed": say("passed", "통과"),
    "late": say("passed late", "늦게 통과"),
    "open": say("open", "진행 중"),
    "overdue": say("overdue", "기한 지남"),
}
DEEDS: Mapping[str, Text] = {
    "mission.drafted": say("charter drafted", "헌장 초안 작성"),
    "mission.revised": say("draft revised", "초안 수정"),
    "mission.opened": say("opened", "개시"),
    "mission.campaign-joined": say("campaign joined", "캠페인 합류"),
    "mission.paused": say("paused", "일시 중단"),
    "mission.resumed": say("resumed", "재개"),
    "mission.pivoted": say("charter changed", "헌장 변경(방향 전환)"),
    "mission.stopped": say("stopped", "종료"),
    "mission.milestone-passed": say("milestone passed", "이정표 통과"),
    "mission.met": say("met", "달성"),
}
ROLES: Mapping[str, Text] = {"director": say("director", "책임자"), "partner": say("partner", "참여자")}
VERDICTS: Mapping[str, Text] = {
    "shown": say("goal ×2 shown", "목표 2배 입증"),
    "not-shown": say("goal ×2 not shown", "목표 2배 입증 안 됨"),
    "missed": say("goal ×2 missed", "목표 2배 미달"),
}
NONE = say("–", "–")


def state_text(state: str | None) -> Text:
    """Return where a mission stands."""
    return NONE if state is None else STATES[state]


def outcome_text(kpi: Mapping[str, Any]) -> Text:
    """Return what a KPI's outcome is called."""
    label = kpi.get("label")
    return Text.model_validate(label) if label and (label["en"] or label["ko"]) else say(kpi["outcome"], kpi["outcome"])


def target_text(kpi: Mapping[str, Any]) -> Text:
    """Return a KPI, e.g. `charging time ≤ 29.4 min`; without a target, its name."""
    name = outcome_text(kpi)
    if kpi["target"] is None:
        return name
    target = quantity(kpi["target"], kpi["unit"])
    if kpi["goal"] == "hit":
        limit = f"= {quantity(kpi['hit'] if 'hit' in kpi else kpi['value'], kpi['unit'])} ± {target}"
    else:
        limit = f"{'≥' if kpi['goal'] == 'maximize' else '≤'} {target}"
    return say(f"{name.en} {limit}", f"{name.ko} {limit}")


def best_text(kpi: Mapping[str, Any]) -> Text:
    """Return a KPI's best value and whether it is reached."""
    best = "–" if kpi["best"] is None else quantity(kpi["best"], kpi["unit"])
    if kpi["target"] is None:
        return say(best, best)
    reached = say("reached", "도달") if kpi["is_reached"] else say("not reached", "미도달")
    prior = say("", "")
    if kpi.get("is_prior"):
        prior = say(", measured before the target was set", ", 목표를 정하기 전에 측정")
    return say(f"{best} ({reached.en}{prior.en})", f"{best}({reached.ko}{prior.ko})")


def due_text(due: Mapping[str, Any]) -> Text:
    """Return by when a milestone is due."""
    parts = []
    if due.get("experiments"):
        parts.append(say(f"within {due['experiments']} experiments", f"실험 {due['experiments']}회 안에"))
    if due.get("date"):
        parts.append(say(f"by {due['date']}", f"{due['date']}까지"))
    return say(", ".join(p.en for p in parts), ", ".join(p.ko for p in parts))


def budget_text(budget: Mapping[str, Any] | None) -> Text:
    """Return what a charter lets be spent."""
    if budget is None:
        return NONE
    parts = [say(f"{budget['experiments']} experiments", f"실험 {budget['experiments']}회")]
    if budget["won"]:
        parts.append(say(f"{budget['won']:,.0f} won", f"{budget['won']:,.0f}원"))
    if budget["gpu_hours"]:
        parts.append(say(f"{budget['gpu_hours']:g} GPU-hours", f"GPU {budget['gpu_hours']:g}시간"))
    return say(", ".join(p.en for p in parts), ", ".join(p.ko for p in parts))


def won_text(spent: float | None, budget: float | None = None) -> Text:
    """Return a cost in won; None is unknown."""
    if spent is None:
        return say("not known in won", "원 단위로 알 수 없음")
    if budget is None:
        return say(f"{spent:,.0f} won", f"{spent:,.0f}원")
    return say(f"{spent:,.0f} of {budget:,.0f} won", f"{budget:,.0f}원 중 {spent:,.0f}원")


def gpu_text(hours: Mapping[str, Any]) -> Text:
    """Return GPU-hours as laboratories logged them."""
    if hours["logged"] is None:
        return say("not known: no laboratory logged GPU-hours", "알 수 없음: GPU 시간을 기록한 실험실이 없음")
    rest = say("", "")
    if hours["n_not_logged"]:
        n = hours["n_not_logged"]
        rest = say(f"; {n} experiments logged none", f", 기록 없는 실험 {n}회")
    budget = hours["budget"]
    of = say("", "") if budget is None else say(f" of {budget:g}", f"/{budget:g}")
    return say(f"{hours['logged']:g}{of.en} GPU-hours{rest.en}", f"GPU {hours['logged']:g}{of.ko}시간{rest.ko}")


def acceleration_text(found: Mapping[str, Any] | None, without: Text | None = None) -> Text:
    """Return a gain with its interval and the goal ×2 beside it; `without` where there is none."""
    if found is None:
        return without or say("no reference to tell it by", "비교할 기준이 없음")
    n, more, goal = found["n_campaigns"], found["n_undecided"], VERDICTS[found["verdict"]]
    beside = say(f", {more} more undecided", f", 판정 불가 {more}개") if more else say("", "")
    return say(
        f"{factor_text(found)}× ({interval_text(found)}; {n} campaign{'s' if n > 1 else ''}{beside.en}; {goal.en})",
        f"{factor_text(found)}배({interval_text(found)}, 캠페인 {n}개{beside.ko}, {goal.ko})",
    )


def row_gain_text(row: Mapping[str, Any]) -> Text:
    """Return the gain of a row of the scoreboard, or why there is none."""
    if not row["n_campaigns"]:
        return NONE
    why = row["why_no_acceleration"]
    return acceleration_text(row["acceleration"], None if why is None else Text.model_validate(why))


def factor_text(found: Mapping[str, Any]) -> str:
    """Return a factor with the sign of a bound before it."""
    sign = {(True, False): "≥ ", (False, True): "≤ "}.get((found["n_at_least"] > 0, found["n_at_most"] > 0), "")
    return f"{sign}{times(found['geometric_mean'])}"


def interval_text(found: Mapping[str, Any]) -> str:
    """Return a 95 % interval; an open end is an ellipsis."""
    low, high = found["interval"]
    return f"95 %: {short(low, 2)}–{'…' if high is None else short(high, 2)}"
