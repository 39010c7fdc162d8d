"""A chart as data, and as Plotly's JSON; `svg.py` draws the same chart without a script.

Colours are names of CSS variables, so that light, dark and print each choose their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any, Literal

from kgenesis.kernel.experiment import Value

Cells = Sequence[Value]
Symbol = Literal["circle", "x", "diamond", "star"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a chart."""

    title: str
    low: float | None = None
    high: float | None = None
    kind: Literal["linear", "log", "category"] = "linear"
    categories: tuple[str, ...] = ()
    """From left to right, or from bottom to top."""


@dataclass(frozen=True, slots=True)
class Series:
    """One thing drawn in a chart.

    `line` and `step` join points, `band` fills between `low` and `high`, `span` draws a bar from `low` to `high` at
    each x, `points` may have error bars (`low`, `high`), `bar` starts at zero.
    """

    name: str
    kind: Literal["line", "step", "band", "points", "span", "bar"]
    x: Cells
    y: Cells = ()
    low: Cells = ()
    high: Cells = ()
    colour: str = "ai"
    width: float = 2.0
    dash: bool = False
    size: float = 7.0
    symbol: Symbol = "circle"
    text: Sequence[str] = ()
    """What a reader sees on pointing at each point."""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line across the chart, with a word to it."""

    axis: Literal["x", "y"]
    at: float | str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure: what is drawn, in words, and its data as a table."""

    key: str
    title: str
    description: str
    """What one sees, for those who do not."""
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    lines: tuple[Line, ...] = ()
    height: int = 360
    is_sideways: bool = False
    """Categories on the vertical axis: a series' `x` is then drawn upwards and its numbers to the right."""
    is_small: bool = False
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


_SYMBOLS = {"circle": "circle", "x": "x-thin", "diamond": "diamond", "star": "star"}


def plotly(chart: Chart) -> dict[str, Any]:
    """Return the chart as Plotly's `{data, layout}`; `var(--name)` stands for a colour the page fills in."""
    traces: list[dict[str, Any]] = []
    for series in chart.series:
        traces += _traces(chart, series)
    layout: dict[str, Any] = {
        "xaxis": _plotly_axis(chart.x),
        "yaxis": _plotly_axis(chart.y),
        "shapes": [_shape(line) for line in chart.lines],
        "annotations": [_note(chart, line) for line in chart.lines],
        "height": chart.height,
        "margin": {"l": 10, "r": 10, "t": 20, "b": 10},
        "hovermode": "closest",
        "barmode": "overlay",
        "showlegend": not chart.is_small,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0, "font": {"size": 12}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "var(--ink)", "family": "var(--font)", "size": 13},
        "dragmode": False,
    }
    return {"data": traces, "layout": layout}


def _plotly_axis(axis: Axis) -> dict[str, Any]:
    style: dict[str, Any] = {
        "title": {"text": axis.title, "standoff": 8},
        "automargin": True,
        "gridcolor": "var(--grid)",
        "zeroline": False,
        "linecolor": "var(--axis)",
        "showline": True,
        "ticks": "outside",
        "tickcolor": "var(--axis)",
        "type": axis.kind,
    }
    if axis.kind == "category":
        style |= {"categoryorder": "array", "categoryarray": list(axis.categories), "showgrid": False}
        style["range"] = [-0.6, len(axis.categories) - 0.35]
    elif axis.low is not None or axis.high is not None:
        ends: list[float | None] = [axis.low, axis.high]
        if axis.kind == "log":
            ends = [None if end is None else log10(end) for end in ends]
            style["dtick"] = "D2"
        style["range"] = ends
        if None in ends:
            style["autorange"] = "max" if ends[1] is None else "min"
    return style


def _colour(name: str) -> str:
    return f"var(--{name})"


def _traces(chart: Chart, series: Series) -> list[dict[str, Any]]:
    x, y = list(series.x), list(series.y)
    common: dict[str, Any] = {"name": series.name, "legendgroup": series.name}
    line = {"color": _colour(series.colour), "width": series.width, "dash": "dash" if series.dash else "solid"}
    match series.kind:
        case "band":
            edge = {"color": "rgba(0,0,0,0)", "width": 0}
            shape = {"type": "scatter", "mode": "lines", "line": edge, "hoverinfo": "skip"} | common
            edges = zip(x, series.low, series.high, strict=True)
            pairs = [(at, low, high) for at, low, high in edges if low is not None and high is not None]
            upper = shape | {"x": [p[0] for p in pairs], "y": [p[2] for p in pairs], "showlegend": False}
            lower = shape | {"x": [p[0] for p in pairs], "y": [p[1] for p in pairs], "fill": "tonexty"}
            return [upper, lower | {"fillcolor": _colour(series.colour)}]
        case "line" | "step":
            return [
                common
                | {
                    "type": "scatter",
                    "mode": "lines",
                    "x": x,
                    "y": y,
                    "line": line | ({"shape": "hv"} if series.kind == "step" else {}),
                }
            ]
        case "span":
            return [_spans(chart, series, line) | common]
        case "bar":
            across = {"x": y, "y": x, "orientation": "h"} if chart.is_sideways else {"x": x, "y": y}
            width = 0.3 if series.colour == "ai" else 0.7
            return [common | across | {"type": "bar", "marker": {"color": _colour(series.colour)}, "width": width}]
        case "points":
            return [_points(chart, series) | common]


def _spans(chart: Chart, series: Series, line: dict[str, Any]) -> dict[str, Any]:
    """Return separate strokes as one broken line."""
    along: list[Value] = []
    across: list[Value] = []
    for place, low, high in zip(series.x, series.low, series.high, strict=True):
        along += [low, high, None]
        across += [place, place, None]
    x, y = (along, across) if chart.is_sideways else (across, along)
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "connectgaps": False}


def _points(chart: Chart, series: Series) -> dict[str, Any]:
    x, y = (list(series.y), list(series.x)) if chart.is_sideways else (list(series.x), list(series.y))
    marker: dict[str, Any] = {"color": _colour(series.colour), "size": series.size, "symbol": _SYMBOLS[series.symbol]}
    if series.symbol == "x":
        marker["line"] = {"width": 2, "color": _colour(series.colour)}
    trace: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": marker}
    if series.text:
        trace["text"] = list(series.text)
        trace["hovertemplate"] = "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>"
    if chart.is_sideways and series.text:
        trace |= {"mode": "markers+text", "textposition": "top center", "hovertemplate": "%{y}: %{text}<extra></extra>"}
    if series.low:
        pairs = list(zip(series.y, series.low, series.high, strict=True))
        up = [_gap(high, middle) for middle, _, high in pairs]
        down = [_gap(middle, low) for middle, low, _ in pairs]
        style = {"type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": "var(--ai-line)"}
        trace["error_y"] = style | {"array": up, "arrayminus": down}
    return trace


def _gap(upper: Value, lower: Value) -> float:
    return float(upper) - float(lower) if isinstance(upper, int | float) and isinstance(lower, int | float) else 0.0


def _shape(line: Line) -> dict[str, Any]:
    style = {"color": "var(--axis)", "width": 1.2, "dash": "dot"}
    if line.axis == "y":
        return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": line.at, "y1": line.at, "line": style}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": line.at, "x1": line.at, "line": style}


def _note(chart: Chart, line: Line) -> dict[str, Any]:
    axis = chart.x if line.axis == "x" else chart.y
    at = log10(line.at) if axis.kind == "log" and isinstance(line.at, float) and line.at > 0 else line.at
    style = {"text": line.text, "showarrow": False, "font": {"size": 12, "color": "var(--muted)"}}
    if line.axis == "y":
        return style | {"xref": "paper", "x": 1, "xanchor": "right", "y": at, "yanchor": "bottom"}
    return style | {"yref": "paper", "y": 1, "yanchor": "top", "x": at, "xanchor": "left"}
