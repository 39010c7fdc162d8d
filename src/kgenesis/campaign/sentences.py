"""A campaign in sentences: what was found, what it saved, and why each experiment was done."""

import math
from collections.abc import Mapping

from kgenesis.campaign.acceleration import Acceleration, targets_text
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.campaign.words import name_of, quantity, short, times
from kgenesis.kernel.experiment import Measurement, Neighbour, Value, Why
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say

CLASSICAL = frozenset({"random", "sobol", "factorial", "latin-hypercube"})
"""Planners that do not learn: what they find is not called AI's work."""

KINDS = {
    "infeasible": say("the conditions do not work", "조건이 성립하지 않음"),
    "crashed": say("the lab reported an error", "실험실이 오류를 알림"),
    "timed-out": say("stopped after the time limit", "제한 시간을 넘겨 중단"),
    "lost": say("the worker vanished", "작업자가 사라짐"),
    "refused": say("refused by a rule or a person", "규칙이나 사람이 거부"),
}
"""Kinds of failure in words."""

STOPS = {
    "reached": say("every target was reached", "모든 목표에 도달"),
    "experiments": say("the budget of experiments was used up", "실험 예산을 모두 사용"),
    "cost": say("the budget of cost was used up", "비용 예산을 모두 사용"),
    "hours": say("the time was used up", "시간 예산을 모두 사용"),
    "exhausted": say("nothing was left to try", "더 시도할 조건이 없음"),
    "unlikely": say("little was likely to be left to gain", "더 나아질 가능성이 낮음"),
    "asked": say("somebody asked for the end", "사용자 요청으로 종료"),
}
"""Why a campaign ended, in words."""


def joined(*parts: Text) -> Text:
    """Return sentences one after another."""
    return say(" ".join(p.en for p in parts if p.en), " ".join(p.ko for p in parts if p.ko))


def outcome_text(problem: Problem, measurement: Measurement, digits: int = 4) -> Text:
    """Return what was measured of every objective, e.g. `charge time 24.1 min, plated lithium 0.2 mAh`."""
    parts = [(name_of(problem, o.name), quantity(measurement.mean(o.name), o.unit, digits)) for o in problem.objectives]
    return say(", ".join(f"{n.en} {v}" for n, v in parts), ", ".join(f"{n.ko} {v}" for n, v in parts))


def found_sentence(state: CampaignState, best: Experiment | None) -> Text:
    """Return what the campaign found."""
    problem, n = state.mission.problem, state.n_final
    ai = state.mission.planner.name not in CLASSICAL
    who, who_ko = ("AI", "AI가") if ai else (f"The {state.mission.planner.name} search", "AI를 쓰지 않은 탐색이")
    if best is None or not isinstance(best.result, Measurement):
        if not n:
            return say("No experiment has finished yet.", "아직 끝난 실험이 없습니다.")
        return say(
            f"None of the {n} experiments gave a result that keeps every constraint.",
            f"실험 {n}회 가운데 모든 제약을 지킨 결과가 없습니다.",
        )
    result = outcome_text(problem, best.result)
    at = state.experiments.get(state.reached_by) if state.reached_by else None
    if at is not None:
        place = _place(state, at)
        goal = targets_text(problem)
        return say(
            f"{who} reached the target ({goal.en}) after {_experiments(place)}; the best it found is {result.en}.",
            f"{who_ko} 실험 {place}회 만에 목표({goal.ko})에 도달했습니다. 찾아낸 최고 결과는 {result.ko}입니다.",
        )
    if problem.has_target:
        goal = targets_text(problem)
        return say(
            f"{who} has not reached the target ({goal.en}) in {_experiments(n)}; the best it found is {result.en}.",
            f"{who_ko} 실험 {n}회 안에 목표({goal.ko})에 도달하지 못했습니다. "
            f"지금까지 찾은 최고 결과는 {result.ko}입니다.",
        )
    place = _place(state, best)
    return say(
        f"The best {who if ai else who.lower()} found in {_experiments(n)} is {result.en}, by experiment {best.number}.",
        f"{who_ko} 실험 {n}회에서 찾은 최고 결과는 {result.ko}입니다({place}번째 실험).",
    )


def _experiments(n: int) -> str:
    return f"{n} experiment{'s' if n != 1 else ''}"


def _place(state: CampaignState, experiment: Experiment) -> int:
    """Return which of the finished experiments it is, from 1, in the order of numbers."""
    return sum(e.result is not None and e.number <= experiment.number for e in state.experiments.values())


def gain_sentence(found: Acceleration | None, n_repeats: int) -> Text:
    """Return what the reference would have needed for the same."""
    if found is None:
        return say("", "")
    if found.value is None:
        return say("Neither it nor the reference got there.", "기준 탐색도 이 수준에 도달하지 못했습니다.")
    by = _reference_noun(found)
    guess = say("By the model's estimate, a", "모델의 추정으로는 ") if found.reference == "estimate" else say("A", "")
    if found.censored == "reference":
        return _bounded_gain(found, n_repeats, by, guess)
    low, high = found.n_ref_interval
    band = ""
    if low != high:
        band = f"{short(low, 3)}–{short(high, 3)}" if high is not None else f"≥ {short(low, 3)}"
    en = f"{guess.en} {by.en} search needs about {found.n_ref} for the same" + (f" (95 % {band})" if band else "")
    ko = f"{guess.ko}같은 수준에 도달하는 데 {by.ko} 탐색으로는 약 {found.n_ref}회" + (
        f"(95 % 구간 {band}회)" if band else ""
    )
    if found.value >= 1.05:  # noqa: PLR2004
        factor = times(found.value)
        return say(f"{en}: {factor} times fewer.", f"{ko}가 필요하므로, 실험 수를 {factor}분의 1로 줄인 셈입니다.")
    if found.value > 0.95:  # noqa: PLR2004
        return say(f"{en}: nothing was gained.", f"{ko}가 필요하므로, 줄어든 실험은 없습니다.")
    factor = times(1.0 / found.value)
    return say(
        f"{en}: {factor} times more were needed here.", f"{ko}면 되므로, 실험이 오히려 {factor}배 더 들었습니다."
    )


def _bounded_gain(found: Acceleration, n_repeats: int, by: Text, guess: Text) -> Text:
    """Return what can be said where fewer than half of the reference's searches got there."""
    if found.reference == "measured":
        so = say(
            f"Fewer than half of {n_repeats} {by.en} searches got that far within {found.n_ref} experiments",
            f"{by.ko} 탐색은 {n_repeats}번 가운데 절반도 실험 {found.n_ref}회 안에 이 수준에 도달하지 못했습니다",
        )
    else:
        so = say(
            f"{guess.en} {by.en} search gets that far in fewer than half of cases within {found.n_ref} experiments",
            f"{guess.ko}{by.ko} 탐색이 실험 {found.n_ref}회 안에 이 수준에 도달하는 경우는 절반이 되지 않습니다",
        )
    if found.value is None or found.value < 1.0:
        return say(
            f"{so.en}, but this took {found.n_ai}: only a longer reference could tell what was gained.",
            f"{so.ko}. 다만 이 캠페인도 {found.n_ai}회가 걸렸으므로, 기준 탐색이 더 길어야 이득을 말할 수 있습니다.",
        )
    factor = times(found.value)
    return say(f"{so.en}: at least {factor} times fewer.", f"{so.ko}. 실험 수를 {factor}분의 1 이하로 줄였습니다.")


def _reference_noun(found: Acceleration) -> Text:
    """Return what the reference search is called."""
    return say("Sobol", "소볼") if "Sobol" in found.reference_text.en else say("random", "무작위")


def luck_sentence(found: Acceleration | None, n_repeats: int) -> Text:
    """Return how likely one search of the reference is to be as fast."""
    if found is None or found.chance is None or found.censored in ("campaign", "both"):
        return say("", "")
    by = _reference_noun(found)
    if found.reference == "measured":
        k = round(found.chance * n_repeats)
        which = "None" if k == 0 else str(k)
        return say(
            f"{which} of the {n_repeats} {by.en} searches got there as fast.",
            f"{by.ko} 탐색 {n_repeats}번 가운데 이만큼 빨랐던 것은 "
            + ("한 번도 없습니다." if k == 0 else f"{k}번입니다."),
        )
    percent = "less than 0.1 %" if found.chance < 1e-3 else f"{100 * found.chance:.2g} %"  # noqa: PLR2004
    percent_ko = "0.1 % 미만" if found.chance < 1e-3 else f"{100 * found.chance:.2g} %"  # noqa: PLR2004
    tail, tail_ko = (" (estimated)", "(추정)") if found.reference == "estimate" else ("", "")
    return say(
        f"The chance that one {by.en} search is as fast is {percent}{tail}.",
        f"{by.ko} 탐색 한 번이 이만큼 빠를 확률은 {percent_ko}{tail_ko}입니다.",
    )


def why_sentence(problem: Problem, why: Why, numbers: Mapping[ExperimentId, int]) -> Text:
    """Return why an experiment was proposed.

    Args:
        problem: names and units of the outcomes.
        why: the planner's own facts.
        numbers: the number of every experiment, by id.
    """
    lead = {
        "design": say(
            f"To cover the space ({why.planner}), without regard to results.",
            f"결과와 상관없이 공간을 고르게 살피려고 골랐습니다({why.planner}).",
        ),
        "explore": say(
            "Uncertain enough here to hide something better.", "아직 불확실해서 더 나은 결과가 숨어 있을 수 있습니다."
        ),
        "exploit": say("Expected to beat the best so far.", "지금까지의 최고 결과보다 나을 것으로 예상했습니다."),
        "feasibility": say(
            "To find conditions that keep the constraints.", "제약을 지키는 조건을 찾으려고 골랐습니다."
        ),
        "replicate": say("Measured again, to be sure of it.", "결과를 확실히 하려고 다시 측정했습니다."),
        "person": say("Brought by a person.", "사람이 직접 가져온 결과입니다."),
        "start": say("Given by an expert in the mission file.", "전문가가 미션 파일에 적어 둔 시작점입니다."),
    }[why.reason]
    parts = [lead]
    expected = _expected(problem, why)
    if expected:
        parts.append(say(f"Expected: {expected.en}.", f"예상: {expected.ko}."))
    if why.feasibility is not None and problem.outcome_constraints:
        percent = f"{100 * why.feasibility:.0f} %"
        parts.append(say(f"Chance to keep the constraints: {percent}.", f"제약을 지킬 확률: {percent}."))
    if why.from_mean is not None and why.reason in ("explore", "exploit"):
        parts.append(_trade(why.from_mean))
    if why.same:
        units = {v.name: v.unit for v in problem.space.variables}
        shared = ", ".join(f"{name} {_value(value, units.get(name, ''))}" for name, value in why.same.items())
        parts.append(say(f"The whole plate has {shared}.", f"플레이트 전체의 조건: {shared}."))
    parts.append(_neighbours(problem, why, numbers))
    if len(why.voices) > 1:
        said = sorted(why.voices.items(), key=lambda pair: -pair[1])
        who = ", ".join(f"{name} {100 * weight:.0f} %" for name, weight in said if weight >= 0.005)  # noqa: PLR2004
        parts.append(say(f"Who spoke: {who}.", f"의견을 낸 모델: {who}."))
    return joined(*parts)


def why_of(state: CampaignState, experiment: Experiment) -> Text:
    """Return why one experiment of a campaign was proposed."""
    numbers = {e.id: e.number for e in state.experiments.values()}
    return why_sentence(state.mission.problem, experiment.why, numbers)


def _trade(from_mean: float) -> Text:
    """Return how much of the expected improvement rests on the mean."""
    if from_mean < 0.005:  # noqa: PLR2004
        return say(
            "All of the improvement that can be hoped for comes from uncertainty.",
            "기대할 수 있는 개선은 모두 불확실성에서 나옵니다.",
        )
    percent = f"{100 * from_mean:.0f} %"
    return say(
        f"{percent} of the expected improvement would be left if nothing were uncertain.",
        f"불확실성이 전혀 없다고 해도 기대 개선의 {percent}는 남습니다.",
    )


def _neighbours(problem: Problem, why: Why, numbers: Mapping[ExperimentId, int]) -> Text:
    """Return the earlier experiments that are most alike, how far away they are, and what they gave."""
    near = [n for n in why.neighbours if n.experiment in numbers]
    if not near and why.nearest is not None and why.nearest in numbers and why.distance is not None:
        near = [Neighbour(experiment=why.nearest, distance=why.distance)]
    if not near:
        return say("", "")
    units, shown_en, shown_ko = problem.units, [], []
    for neighbour in near:
        gave = [(name_of(problem, k), quantity(v, units.get(k, ""), 3)) for k, v in neighbour.outcomes.items()]
        place, distance = numbers[neighbour.experiment], f"{100 * neighbour.distance:.2g} %"
        shown_en.append(f"{place} ({', '.join([distance, *(f'{n.en} {v}' for n, v in gave)])})")
        shown_ko.append(f"{place}번({', '.join([distance, *(f'{n.ko} {v}' for n, v in gave)])})")
    return say(
        f"Most like experiment{'s' if len(near) > 1 else ''} (distance in % of the range): {'; '.join(shown_en)}.",
        f"가장 비슷한 실험(거리는 범위의 %): {'; '.join(shown_ko)}.",
    )


def _value(value: Value, unit: str) -> str:
    return quantity(value, unit) if isinstance(value, int | float) else "–" if value is None else value


def _expected(problem: Problem, why: Why) -> Text:
    parts = [
        (name_of(problem, name), f"{short(e.mean, 3)} ± {quantity(e.sd, problem.units.get(name, ''), 2)}")
        for name, e in why.expected.items()
    ]
    return say(", ".join(f"{n.en} {v}" for n, v in parts), ", ".join(f"{n.ko} {v}" for n, v in parts))


def trust_note(outcome: Text, q2: float | None, coverage: float, n: int) -> Text:
    """Return how far one outcome's model can be believed."""
    covered = f"{100 * coverage:.3g} %"
    if q2 is None or not math.isfinite(q2):
        return say(f"{outcome.en}: nothing varies yet.", f"{outcome.ko}: 아직 변화가 없습니다.")
    explained = f"{100 * max(q2, 0.0):.3g} %"
    weak = q2 < 0.3  # noqa: PLR2004
    en = f"{outcome.en}: predicted from the other {n - 1} measurements, the model explains {explained} of the "
    en += f"variation and {covered} lie inside their 95 % intervals."
    ko = f"{outcome.ko}: 나머지 측정 {n - 1}개로 예측할 때 모델은 변화의 {explained}를 설명하며, 95 % 구간에 든 측정은 "
    ko += f"{covered}입니다."
    if weak:
        en += " That is little: do not read much into its figures."
        ko += " 설명력이 낮으니 이 모델의 그림은 조심해서 보십시오."
    return say(en, ko)
