"""Plain figures, drawn as SVG by hand so that benchmarks need no plotting library."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from planners.comparison import Interval

ROW, LEFT, WIDTH, TOP = 18, 190, 420, 34
INK, FAINT, MARK = "#1a1a1a", "#c8c8c8", "#0b62a4"
COLOURS = ("#0b62a4", "#d1495b", "#3f8f4f", "#8a5fbf", "#c77d0a", "#4a9bb5", "#8c564b", "#7f7f7f", "#b5338a", "#5b6c2f")


def factors(path: Path, points: Mapping[str, Interval], title: str) -> None:
    """Write a dot plot of factors with their intervals on a log axis, best first; 1 is no gain."""
    shown = sorted(((n, p) for n, p in points.items() if math.isfinite(p.value)), key=lambda pair: -pair[1].value)
    ends = [v for _, p in shown for v in (p.value, p.low, p.high) if v > 0 and math.isfinite(v)]
    low, high = math.log10(min([0.5, *ends])), math.log10(max([4.0, *ends]) * 1.1)
    height = TOP + ROW * len(shown) + 30

    def across(value: float) -> float:
        return LEFT + WIDTH * (math.log10(min(max(value, 10**low), 10**high)) - low) / (high - low)

    lines = _begin(title, LEFT + WIDTH + 20, height)
    for tick in (t for t in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) if 10**low <= t <= 10**high):
        colour = INK if tick == 1 else FAINT
        lines.append(f'<path d="M{across(tick):.1f} {TOP - 6}V{height - 24}" stroke="{colour}"/>')
        lines.append(f'<text x="{across(tick):.1f}" y="{height - 10}" text-anchor="middle">{tick:g}</text>')
    for i, (name, p) in enumerate(shown):
        y = TOP + ROW * i + ROW / 2
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{escape(name)}</text>')
        lines.append(f'<path d="M{across(p.low):.1f} {y:.1f}H{across(p.high):.1f}" stroke="{MARK}" stroke-width="2"/>')
        lines.append(f'<circle cx="{across(p.value):.1f}" cy="{y:.1f}" r="4" fill="{MARK}"/>')
    _write(path, lines)


def curves(path: Path, rows: Mapping[str, Sequence[float]], first: int, title: str) -> None:
    """Write regret curves (log axis) against the number of experiments, from experiment `first` on."""
    n = max(map(len, rows.values()))
    shown = {name: [max(float(v), 1e-3) for v in row[first - 1 :]] for name, row in rows.items()}
    top = max(max(row) for row in shown.values()) * 1.15
    bottom = min(min(row) for row in shown.values()) / 1.15
    left, width, height = 46, 500, 330

    def across(i: int) -> float:
        return left + width * (i - first) / max(n - first, 1)

    def down(value: float) -> float:
        return TOP + (height - TOP - 40) * (math.log(top) - math.log(value)) / (math.log(top) - math.log(bottom))

    lines = _begin(title, left + width + 130, height)
    for tick in (t for t in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if bottom <= t <= top):
        lines.append(f'<path d="M{left} {down(tick):.1f}H{left + width}" stroke="{FAINT}"/>')
        lines.append(f'<text x="{left - 6}" y="{down(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for i in range(10, n + 1, 10):
        lines.append(f'<text x="{across(i):.1f}" y="{height - 22}" text-anchor="middle">{i}</text>')
    lines.append(f'<text x="{left + width / 2:.0f}" y="{height - 6}" text-anchor="middle">experiments</text>')
    labels = sorted(shown, key=lambda name: -shown[name][-1])
    place = TOP
    for name in labels:
        row, colour = shown[name], COLOURS[list(rows).index(name) % len(COLOURS)]
        points = " ".join(f"{across(first + i):.1f},{down(v):.1f}" for i, v in enumerate(row))
        stroke = 3 if list(rows).index(name) == 0 else 1.5
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{stroke}"/>')
        place = max(place + 13, down(row[-1]))
        lines.append(f'<text x="{left + width + 6}" y="{place + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    _write(path, lines)


def _begin(title: str, width: int, height: int) -> list[str]:
    frame = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11" fill="{INK}"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-label="{escape(title)}">',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="10" y="16" font-weight="bold">{escape(title)}</text>',
    ]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "</svg>"]) + "\n", encoding="utf-8")
