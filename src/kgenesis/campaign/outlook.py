"""What is left to gain, in numbers and words, and whether it is worth going on."""

import itertools
import math
from collections.abc import Mapping

from kgenesis.campaign.state import CampaignState
from kgenesis.campaign.words import quantity
from kgenesis.kernel.experiment import Measurement, Outlook
from kgenesis.kernel.text import Text, say

Possible = Mapping[str, tuple[float, float]]
"""Outcome → least and greatest value that a lab knows to be possible, in the mission's unit."""

UNLIKELY = 0.05
"""A gain this probable or less is called unlikely where the mission does not say what it takes for unlikely."""


def chance_of_more(outlook: Outlook, improvement: float) -> float:
    """Return the probability that more than an improvement is left: between what is stated, log-linear.

    Beyond the stated improvements it is that of the nearest: a bound, not a guess.
    """
    stated = outlook.chances
    if improvement <= stated[0].improvement:
        return stated[0].probability
    for low, high in itertools.pairwise(stated):
        if improvement <= high.improvement:
            if high.probability <= 0:
                return high.probability if improvement == high.improvement else low.probability
            share = (improvement - low.improvement) / (high.improvement - low.improvement)
            return low.probability * math.exp(share * math.log(high.probability / low.probability))
    return stated[-1].probability


def latest(state: CampaignState) -> Outlook | None:
    """Return what was last said to be left to gain; None if nothing was."""
    return next((e.why.outlook for e in reversed(state.experiments.values()) if e.why.outlook is not None), None)


def is_unlikely(state: CampaignState) -> bool:
    """Say whether the planner has said, as often in a row as the mission asks, that little is left to gain.

    Proposals made of the same results count once, whatever the size of a batch.
    """
    rule = state.mission.stop_when_unlikely
    if rule is None:
        return False
    known: set[int] = set()
    for experiment in reversed(state.experiments.values()):
        outlook = experiment.why.outlook
        if outlook is None:
            if experiment.why.reason in ("replicate", "person"):  # nobody was asked
                continue
            return False
        if chance_of_more(outlook, rule.improvement) >= rule.probability:
            return False
        known.add(outlook.n_known)
        if len(known) >= rule.in_a_row:
            return True
    return False


def room_left(state: CampaignState, possible: Possible) -> float:
    """Return by how much the best result so far could be beaten at all, in the unit of the single objective.

    Args:
        state: the campaign.
        possible: what its lab knows to be possible.

    Returns:
        inf if nothing is known to limit it, or nothing was measured yet; 0 at the limit.
    """
    problem = state.mission.problem
    objective = problem.objectives[0]
    done = [e.result for e in state.measured() if problem.is_full(e.conditions)]  # a proxy is not judged
    seen = [
        objective.utility(r.mean(objective.name)) for r in done if isinstance(r, Measurement) and problem.is_feasible(r)
    ]
    low, high = possible.get(objective.name, (-math.inf, math.inf))
    ideal = {"maximize": high, "minimize": low, "hit": objective.value or 0.0}[objective.goal]
    return max(objective.utility(ideal) - max(seen), 0.0) if seen else math.inf


def outlook_sentence(state: CampaignState, possible: Possible | None = None) -> Text | None:
    """Return in words what is left to gain, by what the planner last said; None if it said nothing.

    A surrogate knows nothing of physics and may hope for more than there is; what the lab knows to be possible is said
    instead.
    """
    outlook = latest(state)
    if outlook is None:
        return None
    rule = state.mission.stop_when_unlikely
    if rule is not None:
        improvement, chance = rule.improvement, chance_of_more(outlook, rule.improvement)
    else:
        stated = next((c for c in outlook.chances if c.probability <= UNLIKELY), outlook.chances[-1])
        improvement, chance = stated.improvement, stated.probability
    room = room_left(state, possible or {})
    limit = say("", "")
    if improvement >= room:
        improvement, chance = 0.0, outlook.chances[0].probability
        most = quantity(room, state.mission.objectives[0].unit, 3)
        limit = say(f" It cannot be beaten by more than {most}.", f" 그보다 {most} 넘게 나은 결과는 있을 수 없습니다.")
        if not room:
            return say(
                "Nothing better than the best is possible.", "지금의 최고 결과보다 나은 결과는 있을 수 없습니다."
            )
    shown = say("1 % or less", "1 % 이하")
    if chance > 0.01:  # noqa: PLR2004  below, too few draws are behind it to say more
        shown = say(f"{100 * chance:.2g} %", f"{100 * chance:.2g} %")
    by = quantity(improvement, state.mission.objectives[0].unit, 3)
    more = say("", "") if improvement == 0 else say(f" by more than {by}", f" {by} 넘게")
    return say(
        f"The chance that an experiment beats the best{more.en} is {shown.en}.{limit.en}",
        f"지금의 최고 결과보다{more.ko} 나은 실험이 남아 있을 확률은 {shown.ko}입니다.{limit.ko}",
    )
