"""Read what people type into one cell: a number, a number with a unit, a level; or say what is wrong with it."""

import math
import re

from kgenesis.app.sheets.layout import plain
from kgenesis.kernel.errors import UnitMismatch
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import convert

Cell = object
"""As the file gives it: text, number, truth value, date, or None."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?(\s|$)")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity|#n/a|#num!|#div/0!|#value!|#ref!)", re.IGNORECASE)


class WrongCellError(Exception):
    """A cell that cannot be read, with the sentence that says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def is_empty(cell: Cell) -> bool:
    """Say whether nothing was typed."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def as_text(cell: Cell) -> str:
    """Return a cell as text; a whole number loses its `.0`."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else plain(str(cell))


def number(cell: Cell, unit: str, wanted: str, *, is_difference: bool = False) -> float:
    """Return a cell as a number in the wanted unit.

    Args:
        cell: e.g. 25, "25", "25 degC".
        unit: unit of a number without one of its own: the header's.
        wanted: the mission's unit.
        is_difference: it is a difference (a standard error), so a zero point must not move: 1 K is 1 degC.

    Raises:
        WrongCellError: it is no finite number, or in a unit of something else.
    """
    value, own = _split(cell)
    try:
        given = unit if own is None else own
        found = convert(value, given, wanted)
        if is_difference:
            found -= convert(0.0, given, wanted)
    except UnitMismatch as error:
        raise WrongCellError(error.detail) from error
    if not math.isfinite(found):
        raise WrongCellError(_not_finite(cell))
    return found


def _split(cell: Cell) -> tuple[float, str | None]:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if not math.isfinite(cell):
            raise WrongCellError(_not_finite(cell))
        return float(cell), None
    if not isinstance(cell, str):
        text = say(f"a number is due here, not {cell}", f"여기에는 수가 와야 합니다({cell}이(가) 아니라)")
        raise WrongCellError(text)
    said = plain(cell).replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")
    if _NOT_FINITE.fullmatch(said):
        raise WrongCellError(_not_finite(said))
    if _COMMA.match(said):
        raise WrongCellError(
            say(
                f"{said!r}: write the decimals after a point, 1.5, and thousands without a comma",
                f"{said!r}: 소수점은 1.5처럼 점으로 쓰고, 천 단위 쉼표는 빼세요",
            )
        )
    match = _NUMBER.match(said)
    if match is None:
        raise WrongCellError(
            say(f"a number is due here, not {said!r}", f"여기에는 수가 와야 합니다({said!r}이(가) 아니라)")
        )
    value, rest = float(match.group()), said[match.end() :].strip()
    if not math.isfinite(value):
        raise WrongCellError(_not_finite(said))
    if rest[:1].isdigit() or rest[:1] in {".", "/", "*", "+", "-", ":"}:  # 1 2, 1.2.3, 1/2, 3-4, 12:30
        raise WrongCellError(say(f"{said!r} is not one number", f"{said!r}은(는) 하나의 수가 아닙니다"))
    return value, rest or None


def _not_finite(cell: Cell) -> Text:
    return say(
        f"{cell} is not a finite number; if there is no result, leave the outcomes empty and give a `failure`",
        f"{cell}은(는) 유한한 수가 아닙니다. 결과가 없으면 비워 두고 `실패`를 고르세요",
    )
