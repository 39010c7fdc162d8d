"""Numbers and names as people read them."""

import math
from collections.abc import Sequence

from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import ABSENT

_PRETTY_UNITS = {
    "degC": "°C", "degF": "°F", "percent": "%", "ohm": "Ω", "um": "µm", "KRW": "원", "delta_degC": "K",
    "c_rate": "C", "C_rate": "C",
}  # fmt: skip


def number(value: float) -> float | None:
    """Return a number that JSON can hold: None for NaN and infinities."""
    return float(value) if math.isfinite(value) else None


def short(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits and no needless zeros; – for none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e7:  # noqa: PLR2004  people read 12346 more easily than 1.235e+04
        text = f"{value:,.0f}"
    elif "e" not in text and abs(value) >= 10_000:  # noqa: PLR2004
        text = f"{float(text):,.0f}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def unit_sign(unit: str) -> str:
    """Return a unit as it is printed; nothing for a pure number."""
    return "" if unit in ABSENT else _PRETTY_UNITS.get(unit, unit)


def quantity(value: float | None, unit: str, digits: int = 4) -> str:
    """Return a number with its unit, e.g. `24.1 min`."""
    sign = unit_sign(unit)
    return f"{short(value, digits)} {sign}".rstrip()


def name_of(problem: Problem, outcome: str) -> Text:
    """Return an outcome's label, else its name made readable."""
    labels = [o.label for o in problem.objectives if o.name == outcome]
    labels += [c.label for c in problem.outcome_constraints if c.outcome == outcome]
    return next((label for label in labels if label), say(readable(outcome), readable(outcome)))


def readable(name: str) -> str:
    """Return a column name as words."""
    return name.replace("_", " ")


def times(value: float) -> str:
    """Return a ratio with two significant digits below ten and none of false precision above."""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"  # noqa: PLR2004


def place_range(numbers: Sequence[int], limit: int = 12) -> str:
    """Return experiment numbers as a short list, e.g. `3, 7, 12, …`."""
    listed = ", ".join(str(n) for n in numbers[:limit])
    return listed + (", …" if len(numbers) > limit else "")
