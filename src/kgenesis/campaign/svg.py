"""Charts as plain SVG: for print, for readers without scripts, and for anything that cannot run Plotly."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from kgenesis.campaign.chart import Axis, Cells, Chart, Line, Series
from kgenesis.campaign.words import short
from kgenesis.kernel.experiment import Value

_CHARACTER = 6.6
"""Mean width of a character at 12 px, in px; Korean ones count double."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the plotting area lies and how data become pixels."""

    left: float
    top: float
    right: float
    bottom: float
    to_x: Callable[[Value], float | None]
    to_y: Callable[[Value], float | None]
    is_sideways: bool

    def place(self, along: Value, value: Value) -> tuple[float, float] | None:
        """Return the pixel of (x, y), or of (category, number) turned on its side; None where one is missing."""
        x, y = (self.to_x(value), self.to_y(along)) if self.is_sideways else (self.to_x(along), self.to_y(value))
        return None if x is None or y is None else (x, y)


def svg(chart: Chart) -> str:
    """Return the chart as one SVG element; its words are escaped, its colours are CSS variables."""
    width = 360 if chart.is_small else 720
    frame, ticks_x, ticks_y = _frame(chart, width)
    parts = [f'<svg viewBox="0 0 {width} {chart.height}" role="img" aria-label="{escape(chart.description)}">']
    parts.append(
        f'<defs><clipPath id="clip-{_id(chart.key)}"><rect x="{frame.left:.1f}" y="{frame.top:.1f}" '
        f'width="{frame.right - frame.left:.1f}" height="{frame.bottom - frame.top:.1f}"/></clipPath></defs>'
    )
    parts += _axes(chart, frame, ticks_x, ticks_y)
    parts.append(f'<g clip-path="url(#clip-{_id(chart.key)})">')
    for series in chart.series:
        parts += _draw(frame, series)
    parts.append("</g>")
    for line in chart.lines:
        parts += _line(frame, line)
    if not chart.is_small:
        parts += _legend(chart, frame)
    parts.append("</svg>")
    return "".join(parts)


def _frame(chart: Chart, width: int) -> tuple[_Frame, list[tuple[float, str]], list[tuple[float, str]]]:
    names = max((_text_width(name) for name in chart.y.categories), default=0.0)
    x_axis, y_axis = _ranged(chart, "x"), _ranged(chart, "y")
    ticks = _ticks(y_axis, 5)
    left = max(names, max((_text_width(t) for _, t in ticks), default=0.0)) + (12 if chart.is_sideways else 32)
    top = 12.0 if chart.is_small else 16.0 + 20.0 * _legend_rows(chart, width - left)
    right, bottom = width - 12.0, chart.height - (44.0 if chart.x.title else 26.0)
    frame = _Frame(
        left, top, right, bottom, _scale(x_axis, left, right), _scale(y_axis, bottom, top), chart.is_sideways
    )
    return frame, _ticks(x_axis, 4 if chart.is_small else 7), ticks


def _ranged(chart: Chart, which: str) -> Axis:
    """Return the axis with both ends filled in from the data."""
    axis = chart.x if which == "x" else chart.y
    if axis.kind == "category":
        return axis
    is_along = (which == "x") != chart.is_sideways
    found: list[float] = []
    for series in chart.series:
        cells: Sequence[Cells] = (series.x,) if is_along else (series.y, series.low, series.high)
        found += [float(v) for cell in cells for v in cell if isinstance(v, int | float)]
        if series.kind == "bar" and not is_along:
            found.append(0.0)
    found += [float(line.at) for line in chart.lines if line.axis == which and isinstance(line.at, int | float)]
    found = [v for v in found if axis.kind != "log" or v > 0] or [0.1, 1.0]
    room = 0.04 * (max(found) - min(found)) or 0.05 * abs(max(found)) or 1.0
    if axis.kind == "log":
        low, high = min(found) / 1.05, max(found) * 1.05
    else:
        low, high = min(found) - (0.0 if is_along else room), max(found) + (0.0 if is_along else room)
    return Axis(axis.title, low if axis.low is None else axis.low, high if axis.high is None else axis.high, axis.kind)


def _scale(axis: Axis, start: float, end: float) -> Callable[[Value], float | None]:
    if axis.kind == "category":
        step = (end - start) / max(len(axis.categories), 1)
        places: dict[Value, float] = {name: start + (i + 0.5) * step for i, name in enumerate(axis.categories)}
        return places.get
    low, high = axis.low or 0.0, axis.high if axis.high is not None else 1.0
    is_log = axis.kind == "log"
    if is_log:
        low, high = math.log(low), math.log(high)

    def place(value: Value) -> float | None:
        if not isinstance(value, int | float) or (is_log and value <= 0):
            return None
        share = ((math.log(value) if is_log else value) - low) / ((high - low) or 1.0)
        return start + min(max(share, -10.0), 10.0) * (end - start)

    return place


def _ticks(axis: Axis, wanted: int) -> list[tuple[float, str]]:
    """Return round numbers along an axis (1, 2 or 5 times a power of ten)."""
    if axis.kind == "category" or axis.low is None or axis.high is None:
        return []
    if axis.kind == "log":
        decades = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
        steps = (1, 2, 5) if len(decades) < 5 else (1,)  # noqa: PLR2004
        values = [step * 10.0**d for d in decades for step in steps if axis.low <= step * 10.0**d <= axis.high]
        return [(v, short(v)) for v in values]
    span = axis.high - axis.low
    if span <= 0:
        return [(axis.low, short(axis.low))]
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(power * m for m in (1, 2, 5, 10) if span / (power * m) <= wanted)
    first = math.ceil(axis.low / step - 1e-9)
    values = [i * step for i in range(first, first + wanted + 2) if i * step <= axis.high + 1e-9 * span]
    return [(v, short(round(v, 12))) for v in values]


def _axes(chart: Chart, frame: _Frame, ticks_x: list[tuple[float, str]], ticks_y: list[tuple[float, str]]) -> list[str]:
    parts = []
    for value, text in ticks_y:
        y = frame.to_y(value) or 0.0
        parts.append(f'<line class="g" x1="{frame.left:.1f}" x2="{frame.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{frame.left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for value, text in ticks_x:
        x = frame.to_x(value) or 0.0
        parts.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:.1f}" y2="{frame.bottom:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{frame.bottom + 16:.1f}" text-anchor="middle">{escape(text)}</text>')
    for name in chart.y.categories:
        y = frame.to_y(name) or 0.0
        parts.append(f'<text x="{frame.left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>')
    room = (frame.right - frame.left) / max(len(chart.x.categories), 1)
    for name in chart.x.categories:
        cut = name if _text_width(name) <= room else name[: max(int(room / _CHARACTER) - 1, 1)] + "…"
        x = frame.to_x(name) or 0.0
        parts.append(f'<text x="{x:.1f}" y="{frame.bottom + 16:.1f}" text-anchor="middle">{escape(cut)}</text>')
    middle = (frame.left + frame.right) / 2
    parts.append(
        f'<path class="a" d="M{frame.left:.1f} {frame.top:.1f}V{frame.bottom:.1f}H{frame.right:.1f}"/>'
        f'<text class="t" x="{middle:.1f}" y="{frame.bottom + 36:.1f}" text-anchor="middle">'
        f"{escape(chart.x.title)}</text>"
    )
    if chart.y.title:
        y = (frame.top + frame.bottom) / 2
        parts.append(
            f'<text class="t" transform="translate(13 {y:.1f}) rotate(-90)" text-anchor="middle">'
            f"{escape(chart.y.title)}</text>"
        )
    return parts


def _draw(frame: _Frame, series: Series) -> list[str]:
    match series.kind:
        case "band":
            return [_band(frame, series)]
        case "line" | "step":
            return _path(frame, series)
        case "span":
            return [_span(frame, series, x, a, b) for x, a, b in zip(series.x, series.low, series.high, strict=True)]
        case "bar":
            return [_bar(frame, series, x, y) for x, y in zip(series.x, series.y, strict=True)]
        case "points":
            return _points(frame, series)


def _band(frame: _Frame, series: Series) -> str:
    pairs = list(zip(series.x, series.low, series.high, strict=True))
    upper = [p for p in (frame.place(x, high) for x, low, high in pairs if low is not None) if p]
    lower = [p for p in (frame.place(x, low) for x, low, high in pairs if high is not None) if p]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *reversed(lower)])
    return f'<polygon points="{points}" style="fill:var(--{series.colour})"/>'


def _path(frame: _Frame, series: Series) -> list[str]:
    placed = [frame.place(x, y) for x, y in zip(series.x, series.y, strict=True)]
    dash = ' stroke-dasharray="6 4"' if series.dash else ""
    style = f'style="fill:none;stroke:var(--{series.colour});stroke-width:{series.width:g}"{dash}'
    parts = []
    for is_there, run in groupby(placed, key=lambda p: p is not None):
        points = [p for p in run if p is not None]
        if not is_there or not points:
            continue
        moves = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
        for x, y in points[1:]:
            moves.append(f"H{x:.1f}V{y:.1f}" if series.kind == "step" else f"L{x:.1f} {y:.1f}")
        parts.append(f'<path d="{"".join(moves)}" {style}/>')
    return parts


def _span(frame: _Frame, series: Series, at: Value, low: Value, high: Value) -> str:
    a, b = frame.place(at, low), frame.place(at, high)
    if a is None or b is None:
        return ""
    return (
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
        f'style="stroke:var(--{series.colour});stroke-width:{series.width:g}"/>'
    )


def _bar(frame: _Frame, series: Series, at: Value, value: Value) -> str:
    zero, end = frame.place(at, 0.0), frame.place(at, value)
    if zero is None or end is None:
        return ""
    half = 4.0 if series.colour == "ai" else 9.0
    x, width = min(zero[0], end[0]), abs(end[0] - zero[0])
    return (
        f'<rect x="{x:.1f}" y="{end[1] - half:.1f}" width="{width:.1f}" height="{2 * half:g}" '
        f'style="fill:var(--{series.colour})"/>'
    )


def _points(frame: _Frame, series: Series) -> list[str]:
    parts = []
    if series.low:
        error = Series(series.name, "span", series.x, low=series.low, high=series.high, colour="ai-line", width=1)
        parts += _draw(frame, error)
    for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        place = frame.place(x, y)
        if place is not None:
            parts.append(_mark(series.symbol, *place, series.size / 2, series.colour))
            if frame.is_sideways and series.text:
                label = escape(series.text[i])
                parts.append(f'<text x="{place[0]:.1f}" y="{place[1] - 10:.1f}" text-anchor="middle">{label}</text>')
    return parts


def _mark(symbol: str, x: float, y: float, r: float, colour: str) -> str:
    style = f'style="fill:var(--{colour})"'
    if symbol == "x":
        d = f"M{x - r:.1f} {y - r:.1f}l{2 * r:g} {2 * r:g}m0 {-2 * r:g}l{-2 * r:g} {2 * r:g}"
        return f'<path d="{d}" style="stroke:var(--{colour});stroke-width:2;fill:none"/>'
    if symbol == "diamond":
        return f'<path d="M{x:.1f} {y - r:.1f}l{r:g} {r:g}l{-r:g} {r:g}l{-r:g} {-r:g}z" {style}/>'
    if symbol == "star":
        turns = [math.pi * (i / 5 - 0.5) for i in range(10)]
        corners = [
            (x + (r if i % 2 == 0 else 0.45 * r) * math.cos(a), y + (r if i % 2 == 0 else 0.45 * r) * math.sin(a))
            for i, a in enumerate(turns)
        ]
        return f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in corners)}" {style}/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}" {style}/>'


def _line(frame: _Frame, line: Line) -> list[str]:
    at = frame.to_x(line.at) if line.axis == "x" else frame.to_y(line.at)
    if at is None:
        return []
    text = escape(line.text)
    if line.axis == "x":
        return [
            f'<line class="r" x1="{at:.1f}" x2="{at:.1f}" y1="{frame.top:.1f}" y2="{frame.bottom:.1f}"/>',
            f'<text class="m" x="{at + 4:.1f}" y="{frame.top + 12:.1f}">{text}</text>',
        ]
    return [
        f'<line class="r" x1="{frame.left:.1f}" x2="{frame.right:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>',
        f'<text class="m" x="{frame.right:.1f}" y="{at - 5:.1f}" text-anchor="end">{text}</text>',
    ]


def _legend_places(chart: Chart, room: float) -> list[tuple[Series, float, int]]:
    places, x, row = [], 0.0, 0
    for series in chart.series:
        width = 34 + _text_width(series.name)
        if x and x + width > room:
            x, row = 0.0, row + 1
        places.append((series, x, row))
        x += width
    return places


def _legend_rows(chart: Chart, room: float) -> int:
    return max((row for _, _, row in _legend_places(chart, room)), default=-1) + 1


def _legend(chart: Chart, frame: _Frame) -> list[str]:
    parts = []
    for series, offset, row in _legend_places(chart, frame.right - frame.left + 12):
        x, y = frame.left + offset, 12.0 + 20.0 * row
        if series.kind in ("band", "bar"):
            parts.append(
                f'<rect x="{x:.1f}" y="{y - 6:.1f}" width="16" height="11" style="fill:var(--{series.colour})"/>'
            )
        elif series.kind == "points":
            parts.append(_mark(series.symbol, x + 8, y, min(series.size / 2, 6.0), series.colour))
        else:
            dash = ' stroke-dasharray="5 3"' if series.dash else ""
            style = f"stroke:var(--{series.colour});stroke-width:{series.width:g}"
            parts.append(f'<line x1="{x:.1f}" x2="{x + 16:.1f}" y1="{y:.1f}" y2="{y:.1f}" style="{style}"{dash}/>')
        parts.append(f'<text x="{x + 21:.1f}" y="{y + 4:.1f}">{escape(series.name)}</text>')
    return parts


def _text_width(text: str) -> float:
    return sum(_CHARACTER * (1.75 if ord(c) > 0x1100 else 1.0) for c in text)  # noqa: PLR2004


def _id(key: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in key)
