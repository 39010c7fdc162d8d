"""Say why a space has no point, as far as that can be known."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.errors import InfeasibleSpace, Mistake
from kgenesis.kernel.polytope import Polytope
from kgenesis.kernel.rules import Rule
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import Text, say

FloatArray = NDArray[np.float64]

_FIELD = "space"


def infeasible(
    space: Space,
    tried: FloatArray,
    held: Mapping[int, float] | None = None,
    *,
    is_all: bool = False,
    n_tried: int | None = None,
) -> InfeasibleSpace:
    """Return the error that says that no point was found, and why.

    If the linear rules leave nothing, that is proven, and the fewest of them that contradict each other are named.
    If every point was looked at, it is certain too. Else it is only said that none was found, and which rules, alone
    or in pairs, none of the points kept.

    Args:
        space: the space.
        tried: points (n, n_variables), none of which is feasible.
        held: variables that must keep a value, by index.
        is_all: whether `tried` is every point there is.
        n_tried: how many were tried, if `tried` is only some of them.
    """
    guilty = contradiction(space, held or {})
    if guilty:
        return InfeasibleSpace(
            say(
                "no point within the bounds can keep " + ("all of these at once" if len(guilty) > 1 else "this rule"),
                "범위 안의 어떤 점도 다음을 " + ("한꺼번에 " if len(guilty) > 1 else "") + "지킬 수 없습니다",
            ),
            [Mistake(rule.text, _FIELD) for rule in guilty],
        )
    n = len(tried) if n_tried is None else n_tried
    if is_all:
        detail = say(
            f"none of the {n} points of the space keeps all constraints",
            f"공간의 점 {n}개 가운데 제약을 모두 지키는 점이 없습니다",
        )
    else:
        detail = say(
            f"no point was found that keeps all constraints: {n} were tried, so if there is one it is rare",
            f"제약을 모두 지키는 점을 찾지 못했습니다. {n}개를 시험했으므로 있더라도 매우 드뭅니다",
        )
    return InfeasibleSpace(detail, [Mistake(text, _FIELD) for text in _never_kept(space, tried)])


def contradiction(space: Space, held: Mapping[int, float]) -> Sequence[Rule]:
    """Return linear rules that contradict each other, none of them superfluous; empty if they have a common point.

    Rules are left out one after the other for as long as the rest still contradict (the deletion filter of Chinneck &
    Dravnieks 1991, ORSA J. Comput. 3, 157).
    """
    rules = [rule for rule in space.rules if rule.linear is not None]
    if not Polytope.of(space.variables, rules, held).is_empty():
        return []
    for rule in list(rules):
        rest = [other for other in rules if other is not rule]
        if rest and Polytope.of(space.variables, rest, held).is_empty():
            rules = rest
    return rules


def _never_kept(space: Space, tried: FloatArray) -> list[Text]:
    """Return what no point kept: single rules, or else pairs of rules."""
    if not len(tried):
        return []
    verdicts = [(text, kept) for text, kept in space.verdicts(tried) if not kept.all()]
    alone = [text for text, kept in verdicts if not kept.any()]
    if alone:
        return [say(f"none of them keeps: {text.en}", f"아무 점도 지키지 않음: {text.ko}") for text in alone]
    return [
        say(f"none of them keeps both: {a.en}; {b.en}", f"아무 점도 둘 다 지키지 않음: {a.ko}; {b.ko}")
        for i, (a, kept_a) in enumerate(verdicts)
        for b, kept_b in verdicts[:i]
        if not (kept_a & kept_b).any()
    ]
