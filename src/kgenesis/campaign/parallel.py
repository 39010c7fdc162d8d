"""Parallel coordinates: every experiment as one line across factors and outcomes, the best in front."""

import math
from html import escape

from kgenesis.campaign.report_parts import Quantity, Report, Row
from kgenesis.campaign.words import short
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.text import Lang

MOST_LINES = 300
"""Lines drawn at most: the best, and an even choice of the others."""

_WIDTH, _TOP, _BOTTOM = 118, 46, 300
_MANY = 100
"""From so many lines on they are drawn fainter."""


def parallel_coordinates(report: Report, lang: Lang) -> str:
    """Return the figure as one SVG element, empty if there is nothing to draw."""
    rows = _chosen(report)
    factors = [q for q in report.factors if _varies(q, rows)]
    outcomes = [q for q in report.outcomes if q.goal]
    axes = [*factors, *outcomes]
    if not rows or not factors:
        return ""
    ends = {q.name: _ends(q, rows) for q in axes}
    width = _WIDTH * len(axes)
    said = (
        f"{len(rows)} experiments over {len(axes)} axes"
        if lang == "en"
        else f"실험 {len(rows)}개를 축 {len(axes)}개에 그림"
    )
    look = "parallel many" if len(rows) > _MANY else "parallel"
    parts = [f'<svg viewBox="0 0 {width} {_BOTTOM + 30}" role="img" aria-label="{escape(said)}" class="{look}">']
    for row in rows:
        points = []
        for i, q in enumerate(axes):
            y = _height(q, _value(row, q), ends[q.name])
            if y is not None:
                points.append(f"{_WIDTH * (i + 0.5):.0f},{y:.1f}")
        kind = (
            "best"
            if row.is_best
            else "ai"
            if row.is_on_front or row.reached
            else "bad"
            if not row.is_feasible
            else "each"
        )
        title = f"{'experiment' if lang == 'en' else '실험'} {row.number}"
        parts.append(f'<polyline class="p-{kind}" points="{" ".join(points)}"><title>{title}</title></polyline>')
    for i, q in enumerate(axes):
        x = _WIDTH * (i + 0.5)
        parts.append(f'<line class="a" x1="{x:.0f}" x2="{x:.0f}" y1="{_TOP}" y2="{_BOTTOM}"/>')
        label = q.label.in_(lang)
        name = label if len(label) <= 16 else label[:15] + "…"  # noqa: PLR2004
        parts.append(f'<text class="t" x="{x:.0f}" y="16" text-anchor="middle">{escape(name)}</text>')
        if q.unit:
            parts.append(f'<text class="m" x="{x:.0f}" y="32" text-anchor="middle">{escape(q.unit)}</text>')
        for value, y in _marks(q, ends[q.name]):
            parts.append(f'<text class="m" x="{x + 5:.0f}" y="{y + 4:.1f}">{escape(value)}</text>')
    parts.append("</svg>")
    return "".join(parts)


def _chosen(report: Report) -> list[Row]:
    """Return the measured experiments to draw, those that matter last, so that they lie on top."""
    measured = [row for row in report.experiments if row.outcomes]
    special = [row for row in measured if row.is_best or row.is_on_front or row.reached]
    marked = {row.number for row in special}
    step = max(math.ceil(len(measured) / MOST_LINES), 1)
    plain = [row for row in measured[::step] if row.number not in marked]
    ranked = sorted(special, key=lambda row: row.is_best)[-MOST_LINES:]
    return [*sorted(plain, key=lambda row: bool(row.is_feasible)), *ranked]


def _value(row: Row, quantity: Quantity) -> Value:
    if quantity.goal:
        found = row.outcomes.get(quantity.name)
        return None if found is None else found.mean
    return row.conditions.get(quantity.name)


def _varies(quantity: Quantity, rows: list[Row]) -> bool:
    return len({_value(row, quantity) for row in rows} - {None}) > 1


def _ends(quantity: Quantity, rows: list[Row]) -> tuple[float, float]:
    if quantity.levels:
        return 0.0, max(len(quantity.levels) - 1.0, 1.0)
    numbers = [float(v) for v in (_value(row, quantity) for row in rows) if isinstance(v, int | float)]
    return (min(numbers), max(numbers)) if numbers else (0.0, 1.0)


def _height(quantity: Quantity, value: Value, ends: tuple[float, float]) -> float | None:
    if isinstance(value, str):
        value = quantity.levels.index(value) if value in quantity.levels else None
    if value is None:
        return None
    low, high = ends
    if quantity.is_log and low > 0:
        value, low, high = math.log(value), math.log(low), math.log(high)
    share = (value - low) / (high - low) if high > low else 0.5
    return _BOTTOM - share * (_BOTTOM - _TOP)


def _marks(quantity: Quantity, ends: tuple[float, float]) -> list[tuple[str, float]]:
    if quantity.levels:
        shown = quantity.levels if len(quantity.levels) <= 10 else (quantity.levels[0], quantity.levels[-1])  # noqa: PLR2004
        return [(name[:12], _height(quantity, name, ends) or 0.0) for name in shown]
    return [(short(value, 3), _height(quantity, value, ends) or 0.0) for value in ends]
