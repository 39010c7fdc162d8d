"""How many times fewer experiments the campaign needed than its reference, as it is shown and sent."""

import math
from collections.abc import Sequence

from pydantic import Field

from kgenesis.campaign.baselines import Baseline, Level, levels
from kgenesis.campaign.metrics import At, Censored, Curve, acceleration_factor
from kgenesis.campaign.reference import Kind
from kgenesis.campaign.state import CampaignState
from kgenesis.campaign.words import name_of, number, quantity
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say

DEFINITION = say(
    "The acceleration factor is the number of experiments the reference needs to reach a level (median over its "
    "searches), divided by the number the campaign needed for the same level (Adesiji et al., Digital Discovery 5, 14, "
    "2026). Failed and infeasible experiments count on both sides. The 95 % interval is what is not known about the "
    "reference's median (bootstrap over its repeats; no width where the median is computed exactly). It does not "
    "hold the luck of this one campaign: for that, see the chance that a single reference search would have been as "
    "fast, and the range against lucky and unlucky ones. The level “best found” is chosen by the campaign itself and "
    "therefore flatters it; the target, set beforehand, does not.",
    "가속 배수는 기준 탐색이 어떤 수준에 도달하는 데 필요한 실험 수(여러 탐색의 중앙값)를, "
    "같은 수준에 도달하기까지 이 캠페인이 쓴 실험 수로 나눈 값입니다(Adesiji 외, Digital Discovery 5, 14, 2026). "
    "실패한 실험과 제약을 어긴 실험도 양쪽 모두에서 셉니다. 95 % 구간은 기준의 중앙값을 얼마나 정확히 아는지를 "
    "나타냅니다(반복을 붓스트랩한 값이며, 중앙값을 정확히 계산한 경우에는 폭이 없습니다). 이 캠페인 한 번의 운은 "
    "구간에 들어 있지 않습니다. 운은 기준 탐색 한 번이 이만큼 빨랐을 확률과, 운이 좋은 탐색과 나쁜 탐색에 견준 "
    "범위로 판단하십시오. ‘최고 결과’ 수준은 캠페인이 스스로 정한 것이어서 캠페인에 유리하고, 미리 정한 목표는 "
    "그렇지 않습니다.",
)


class Acceleration(Frozen):
    """The acceleration factor at one level."""

    value: float | None
    """n_ref / n_ai; null if neither search got there."""
    interval: tuple[float | None, float | None]
    """95 %, from what is not known about the reference's median; null at the open end of a bound."""
    reference: Kind
    """How the reference is known: computed exactly, measured, or only estimated."""
    at: At
    censored: Censored | None = None
    """Who did not get there: `reference` makes `value` a lower bound, `campaign` an upper bound, `both` unknown."""
    level: float | None = None
    """The level in the objective's unit; with several objectives the share of the reference's largest hypervolume."""
    level_text: Text
    reference_text: Text
    n_ai: int = Field(ge=0)
    """Experiments of the campaign: until the level, or all if it was not reached."""
    n_ref: int
    """Experiments of the reference (median), or its budget if fewer than half of its searches got there."""
    n_ref_interval: tuple[float | None, float | None]
    n_ref_pooled: float | None = None
    """Where the reference is censored: its median if all its draws are taken as one pool of independent draws."""
    luck: tuple[float | None, float | None]
    """The factor against the luckiest and the unluckiest 2.5 % of single reference searches."""
    chance: float | None = None
    """The chance that one reference search is as fast as the campaign was."""


def acceleration(state: CampaignState, known: Baseline | None, curve: Curve | None = None) -> Acceleration | None:
    """Return the acceleration so far: at the target once it is reached, until then at the best found.

    Args:
        state: where the campaign stands.
        known: the reference; None gives None.
        curve: the campaign's curve from the last call, if the caller keeps one: then only what is new costs time.

    Returns:
        None without a reference, or while no experiment counts.
    """
    if known is None:
        return None
    problem = state.mission.problem
    grown = (Curve(problem, known.corner) if curve is None else curve).update(state)
    if not math.isfinite(grown.best):
        return None
    reached = problem.has_target and math.isfinite(grown.n_to_target)
    return at_level(problem, known, grown, Level("target", math.nan) if reached else Level("best-found", grown.best))


def accelerations(problem: Problem, known: Baseline, curve: Curve) -> list[Acceleration]:
    """Return the acceleration at every level: target if there is one, top 5 %, top 1 %, best found."""
    wanted = [level for level in levels(known, curve.best) if level.at != "target" or problem.has_target]
    return [at_level(problem, known, curve, level) for level in wanted] if curve.n else []


def headline(problem: Problem, every: Sequence[Acceleration], curve: Curve) -> Acceleration | None:
    """Return the one to lead with: at the target if the campaign reached it, else at the best found."""
    at = "target" if problem.has_target and math.isfinite(curve.n_to_target) else "best-found"
    return next((found for found in every if found.at == at), None)


def at_level(problem: Problem, known: Baseline, curve: Curve, level: Level) -> Acceleration:
    """Return the acceleration at one level."""
    n_ai = curve.n_to_target if level.at == "target" else curve.n_to(level.merit)
    ratio = acceleration_factor(n_ai, curve.n, known.hitting_times(level))
    pooled = known.pooled_median(level) if ratio.censored == "reference" else math.nan
    return Acceleration(
        value=number(ratio.value), interval=(number(ratio.interval[0]), number(ratio.interval[1])),
        reference=known.kind, at=level.at, censored=ratio.censored, level=_level_value(problem, known, level),
        level_text=level_text(problem, known, level), reference_text=known.label,
        n_ai=round(ratio.n_ai), n_ref=round(ratio.n_ref),
        n_ref_interval=(number(ratio.n_ref_interval[0]), number(ratio.n_ref_interval[1])),
        n_ref_pooled=number(pooled), luck=(number(ratio.luck[0]), number(ratio.luck[1])), chance=number(ratio.chance),
    )  # fmt: skip


def shown(problem: Problem, merit: float, best: float = math.nan) -> float:
    """Return a merit as people read it: in the objective's unit (for `hit` the deviation), or as a share of `best`."""
    if len(problem.objectives) > 1:
        return max(merit, 0.0) / best if best > 0 else math.nan
    return merit if problem.objectives[0].goal == "maximize" else 0.0 - merit


def _level_value(problem: Problem, known: Baseline, level: Level) -> float | None:
    if level.at == "target":
        targets = [o.target for o in problem.objectives if o.target is not None]
        return targets[0] if len(targets) == 1 else None
    return number(shown(problem, level.merit, known.best))


def level_text(problem: Problem, known: Baseline, level: Level) -> Text:
    """Return what a level means, e.g. `charge time ≤ 25 min`."""
    if level.at == "target":
        return targets_text(problem)
    if len(problem.objectives) > 1:
        share = f"{100 * shown(problem, level.merit, known.best):.3g} %"
        return say(f"{share} of the largest hypervolume of the reference", f"기준 탐색 최대 초부피의 {share}")
    objective = problem.objectives[0]
    name = name_of(problem, objective.name)
    value = quantity(shown(problem, level.merit), objective.unit)
    if objective.goal == "hit":
        goal = quantity(objective.value or 0.0, objective.unit)
        return say(f"{name.en} within {value} of {goal}", f"{name.ko} {goal} ± {value} 이내")
    sign = "≥" if objective.goal == "maximize" else "≤"
    return say(f"{name.en} {sign} {value}", f"{name.ko} {sign} {value}")


def targets_text(problem: Problem) -> Text:
    """Return what every target together ask for."""
    parts: list[Text] = []
    for o in problem.objectives:
        if o.target is None:
            continue
        value, name = quantity(o.target, o.unit), name_of(problem, o.name)
        if o.goal == "hit":
            goal = quantity(o.value or 0.0, o.unit)
            parts.append(say(f"{name.en} within {value} of {goal}", f"{name.ko} {goal} ± {value} 이내"))
        else:
            limit = f"{'≥' if o.goal == 'maximize' else '≤'} {value}"
            parts.append(say(f"{name.en} {limit}", f"{name.ko} {limit}"))
    return say(" and ".join(p.en for p in parts), ", ".join(p.ko for p in parts))
