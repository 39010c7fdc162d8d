"""One plain figure, drawn as SVG by hand so that benchmarks need no plotting library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROW, LEFT, WIDTH, TOP = 18, 190, 420, 34
INK, FAINT, MARK = "#1a1a1a", "#c8c8c8", "#0b62a4"


@dataclass(frozen=True)
class Point:
    """A factor and its interval."""

    value: float
    low: float
    high: float
    is_bound: bool
    """Drawn hollow: only a bound is known."""


def factors(path: Path, points: Sequence[tuple[str, Point]], title: str) -> None:
    """Write a dot plot of factors on a log axis, best first; 1 is no gain."""
    shown = sorted(((n, p) for n, p in points if math.isfinite(p.value)), key=lambda pair: -pair[1].value)
    ends = [v for _, p in shown for v in (p.value, p.low, p.high) if v > 0 and math.isfinite(v)]
    low, high = math.log10(min([0.5, *ends])), math.log10(max([4.0, *ends]) * 1.1)
    height = TOP + ROW * len(shown) + 30

    def across(value: float) -> float:
        return LEFT + WIDTH * (math.log10(min(max(value, 10**low), 10**high)) - low) / (high - low)

    ticks = [t for t in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128) if 10**low <= t <= 10**high]
    frame = f'viewBox="0 0 {LEFT + WIDTH + 20} {height}" font-family="sans-serif" font-size="11" fill="{INK}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-label="{escape(title)}">',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>',
    ]
    for tick in ticks:
        colour = INK if tick == 1 else FAINT
        lines.append(f'<path d="M{across(tick):.1f} {TOP - 6}V{height - 24}" stroke="{colour}" stroke-width="1"/>')
        lines.append(f'<text x="{across(tick):.1f}" y="{height - 10}" text-anchor="middle">{tick:g}</text>')
    for i, (name, p) in enumerate(shown):
        y = TOP + ROW * i + ROW / 2
        fill = "#fff" if p.is_bound else MARK
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{escape(name)}</text>')
        lines.append(f'<path d="M{across(p.low):.1f} {y:.1f}H{across(p.high):.1f}" stroke="{MARK}" stroke-width="2"/>')
        dot = f'cx="{across(p.value):.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{MARK}" stroke-width="2"'
        lines.append(f"<circle {dot}/>")
    lines.append("</svg>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
