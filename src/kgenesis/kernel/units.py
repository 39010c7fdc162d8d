"""Units of measure, checked and converted by `pint`, which is only loaded when a unit is looked at."""

import re
from functools import cache
from typing import TYPE_CHECKING

from kgenesis.kernel.errors import Mistake, UnitMismatch
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say

if TYPE_CHECKING:
    from pint import UnitRegistry

ABSENT = frozenset({"", "1"})
"""How a pure number says that it has no unit."""


_MAX_LENGTH = 60
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_POWER = r"\s*(?:\^|\*\*)\s*"
_ENDLESS = re.compile(rf"{_POWER}[-+\d.e]+{_POWER}|\){_POWER}|{_POWER}[-+]?\s*\(|\d{{7}}")
"""Powers of powers, and long numbers: pint computes what it reads, and 9**9**9 would never end."""


@cache
def _registry() -> "UnitRegistry[float]":
    import pint

    registry: UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    registry.define("percent = 0.01 = %")  # redefined so that "%" parses in every version
    registry.define("KRW = [currency] = 원")
    registry.define("USD = [dollar]")
    registry.define("EUR = [euro]")
    registry.define("c_rate = 1 = C_rate")
    return registry


def check_unit(unit: str) -> None:
    """Make sure a unit is known.

    Raises:
        UnitMismatch: it is not.
    """
    if unit in ABSENT:
        return
    try:
        if len(unit) > _MAX_LENGTH or _ENDLESS.search(_SUPERSCRIPTS.sub("**1", unit)):
            raise ValueError(unit)  # noqa: TRY301
        _registry().parse_units(unit)
    except Exception as error:  # pint raises a dozen kinds, AttributeError and tokenizer errors among them
        shown = repr(unit[:_MAX_LENGTH])
        raise UnitMismatch(say(f"unit {shown} is not known", f"단위 {shown}을(를) 알 수 없습니다")) from error


def convert(value: float, given: str, wanted: str) -> float:
    """Return a value in another unit, e.g. 298.15 K as 25 degC.

    Raises:
        UnitMismatch: a unit is unknown, or the two measure different things.
    """
    if given == wanted or (given in ABSENT and wanted in ABSENT):
        return value
    check_unit(given)
    check_unit(wanted)
    try:
        registry = _registry()
        quantity = registry.Quantity(value, "" if given in ABSENT else given)
        return float(quantity.to("" if wanted in ABSENT else wanted).magnitude)
    except Exception as error:
        raise UnitMismatch(
            say(f"{given!r} cannot be read as {wanted!r}", f"{given!r}을(를) {wanted!r}(으)로 바꿀 수 없습니다")
        ) from error


def check_units(problem: Problem) -> list[Mistake]:
    """Return what is wrong with a problem's units: unknown ones, and bounds in another kind than their outcome."""
    places = [(v.name, v.unit) for v in problem.space.variables if v.unit]
    places += [(o.name, o.unit) for o in problem.objectives]
    places += [(c.outcome, c.unit) for c in problem.outcome_constraints if c.unit is not None]
    mistakes = []
    for name, unit in dict.fromkeys(places):
        try:
            check_unit(unit)
        except UnitMismatch as error:
            mistakes.append(Mistake(error.detail, name))
    if not mistakes:
        for constraint in problem.outcome_constraints:
            declared = next((o.unit for o in problem.objectives if o.name == constraint.outcome), None)
            if declared is not None and constraint.unit is not None and constraint.unit != declared:
                text = say(
                    f"its constraint is in {constraint.unit!r}, its objective in {declared!r}: write both in one unit",
                    f"제약의 단위({constraint.unit!r})와 목적의 단위({declared!r})를 같게 쓰세요",
                )
                mistakes.append(Mistake(text, constraint.outcome))
    return mistakes
