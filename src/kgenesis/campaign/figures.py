"""The report's figures, each described once and drawn two ways: interactive (Plotly's JSON) and static (SVG).

Every figure also carries its data as a table, for readers who cannot see it.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Literal

from kgenesis.campaign.chart import Axis, Chart, Line, Series, Symbol
from kgenesis.campaign.model_figures import (
    MOST_POINTS,
    axis_title,
    in_lang,
    predicted_measured,
    slices,
    what_matters,
    with_unit,
)
from kgenesis.campaign.report_parts import Quantity, Report
from kgenesis.campaign.words import short, times
from kgenesis.kernel.text import Lang, say


def all_figures(report: Report, lang: Lang) -> dict[str, list[Chart]]:
    """Return the figures of each section, empty lists where there is nothing to draw."""
    makers: dict[str, Callable[[Report, Lang], list[Chart]]] = {
        "progress": best_so_far,
        "acceleration": acceleration,
        "front": fronts,
        "matters": what_matters,
        "slices": slices,
        "validation": predicted_measured,
    }
    return {name: make(report, lang) for name, make in makers.items()}


def best_so_far(report: Report, lang: Lang) -> list[Chart]:
    """Best so far against the number of experiments, with the reference's band."""
    progress = report.progress
    if not progress.best:
        return []
    t = in_lang(lang)
    series: list[Series] = []
    band, fitted = progress.band, _fitted(report)
    series += _band_series(report, fitted, lang)
    n = range(1, len(progress.best) + 1)
    if progress.values:
        kept = [(i, v) for i, v, ok in zip(n, progress.values, progress.counts, strict=True) if ok]
        lost = [(i, v) for i, v, ok in zip(n, progress.values, progress.counts, strict=True) if not ok]
        broken = [(i, v) for i, v in lost if v is not None]
        size = 7.0 if len(progress.best) <= 100 else 4.0  # noqa: PLR2004
        series.append(Series(t("each experiment", "각 실험"), "points", *_xy(kept), colour="each", size=size))
        if broken:
            name = t("constraint not kept", "제약을 어긴 실험")
            series.append(Series(name, "points", *_xy(broken), colour="bad", symbol="x", size=size))
    series.append(Series(t("best so far", "지금까지의 최고"), "step", tuple(n), progress.best, colour="ai", width=3))
    lines: tuple[Line, ...] = ()
    if progress.target is not None:
        lines = (Line("y", progress.target, t("target", "목표")),)
    label = with_unit(progress.quantity.in_(lang), progress.unit)
    return [
        Chart(
            "progress",
            t("Best so far", "지금까지의 최고 결과"),
            report.headline.in_(lang),
            Axis(t("experiments done", "실험 수"), 0.0, 1.02 * max([len(progress.best), *(band.n if band else ())])),
            Axis(label, *fitted),
            tuple(series),
            lines,
            height=380,
            columns=(
                t("experiment", "실험"),
                t("best so far", "지금까지의 최고"),
                t("reference, median", "기준 중앙값"),
                t("reference, 95 %", "기준 95 %"),
            ),
            rows=_progress_rows(report),
        )
    ]


def _band_series(report: Report, fitted: tuple[float | None, float | None], lang: Lang) -> list[Series]:
    """Return the reference: its middle 95 % and 50 %, and its median."""
    t, band = in_lang(lang), report.progress.band
    if band is None:
        return []
    wide, narrow = _edges(report, fitted, band.low95, band.high95), _edges(report, fitted, band.low50, band.high50)
    return [
        Series(
            t("95 % of reference searches", "기준 탐색의 95 %"),
            "band",
            band.n,
            low=wide[0],
            high=wide[1],
            colour="band-95",
        ),
        Series(
            t("50 % of reference searches", "기준 탐색의 50 %"),
            "band",
            band.n,
            low=narrow[0],
            high=narrow[1],
            colour="band-50",
        ),
        Series(t("reference, median", "기준 탐색(중앙값)"), "line", band.n, band.median, colour="ref", dash=True),
    ]


def _edges(
    report: Report, fitted: tuple[float | None, float | None], low: Sequence[float | None], high: Sequence[float | None]
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """Return a band's edges in order; where the worse one has found nothing yet, it lies beyond the picture."""
    bottom, top = fitted
    if bottom is None or top is None:
        return tuple(low), tuple(high)
    beyond = top + (top - bottom) if report.progress.is_less_better else bottom - (top - bottom)
    edges = [
        (None, None) if b is None else tuple(sorted((beyond if a is None else a, b)))
        for a, b in zip(low, high, strict=True)
    ]
    return tuple(e[0] for e in edges), tuple(e[1] for e in edges)


def _fitted(report: Report) -> tuple[float | None, float | None]:
    """Return an axis range that shows best, band and most experiments; a few bad ones must not flatten the rest."""
    progress = report.progress
    shown = [v for v in progress.best if v is not None]
    if progress.band is not None:
        # of the worse edges only the median: the rest starts far out and tells nothing there
        shown += [v for v in (*progress.band.median, *progress.band.high50, *progress.band.high95) if v is not None]
    good = sorted(v for v, ok in zip(progress.values, progress.counts, strict=False) if ok and v is not None)
    if good:
        shown += good[: math.ceil(0.9 * len(good))] if progress.is_less_better else good[int(0.1 * len(good)) :]
    shown += [progress.target] if progress.target is not None else []
    if not shown:
        return None, None
    room = 0.05 * ((max(shown) - min(shown)) or abs(max(shown)) or 1.0)
    return min(shown) - room, max(shown) + room


def _progress_rows(report: Report) -> tuple[tuple[str, ...], ...]:
    band = report.progress.band
    by_n: dict[int, tuple[str, str]] = {}
    if band is not None:
        for i, n in enumerate(band.n):
            ends = sorted(v for v in (band.low95[i], band.high95[i]) if v is not None)
            by_n[n] = (short(band.median[i]), f"{short(ends[0])} – {short(ends[-1])}" if len(ends) > 1 else "–")
    done = {i + 1: short(v) for i, v in enumerate(report.progress.best)}
    places = sorted({*done, *by_n})
    return tuple((str(n), done.get(n, "–"), *by_n.get(n, ("–", "–"))) for n in places)


AT = {
    "target": say("the target", "목표"),
    "top-5": say("the top 5 %", "상위 5 %"),
    "top-1": say("the top 1 %", "상위 1 %"),
    "best-found": say("the best found", "찾은 최고 결과"),
}
"""Levels in words."""


def acceleration(report: Report, lang: Lang) -> list[Chart]:
    """The acceleration factor at every level, with its interval and the range of luck."""
    if report.gain is None or not any(a.value for a in report.gain.levels):
        return []
    t = in_lang(lang)
    found = [a for a in report.gain.levels if a.value is not None]
    names = [AT[a.at].in_(lang) for a in found]
    ends = [v for a in found for v in (*a.interval, *a.luck, a.value) if v]
    low, high = min([0.5, *ends]) / 1.3, max([2.0, *ends]) * 1.3
    sides = [(a.interval[0] or low, high if a.interval[1] is None else a.interval[1]) for a in found]
    lucks = [(a.luck[0] or low, high if a.luck[1] is None else a.luck[1]) for a in found]
    values = [a.value or low for a in found]
    series = (
        Series(
            t("against lucky … unlucky searches", "운 좋은 탐색 … 운 나쁜 탐색과 비교"),
            "span",
            tuple(names),
            low=_firsts(lucks),
            high=_seconds(lucks),
            colour="ref-50",
            width=6,
        ),
        Series(
            t("95 % interval", "95 % 구간"),
            "span",
            tuple(names),
            low=_firsts(sides),
            high=_seconds(sides),
            colour="ai",
            width=3,
        ),
        Series(
            t("acceleration factor", "가속 배수"),
            "points",
            tuple(names),
            tuple(values),
            colour="ai",
            size=11,
            symbol="diamond",
            text=tuple(f"{_bound(a.censored)}{times(a.value or 0)}×" for a in found),
        ),
    )
    none = t("no gain", "이득 없음")
    return [
        Chart(
            "acceleration",
            t("Acceleration factor", "가속 배수"),
            "; ".join(f"{n}: {_bound(a.censored)}{times(a.value or 0)}" for n, a in zip(names, found, strict=True)),
            Axis(t("times fewer experiments", "실험 수가 몇 분의 1로 줄었는가(배)"), low, high, kind="log"),
            Axis("", kind="category", categories=tuple(reversed(names))),
            series,
            (Line("x", 1.0, none),),
            height=90 + 58 * len(found),
            is_sideways=True,
        )
    ]


def _bound(censored: str | None) -> str:
    return {"reference": "≥ ", "campaign": "≤ "}.get(censored or "", "")


def fronts(report: Report, lang: Lang) -> list[Chart]:
    """One scatter per pair of objectives, with the experiments no other beats."""
    t = in_lang(lang)
    objectives = [q for q in report.outcomes if q.goal]
    charts = []
    for a, b in combinations(objectives, 2) if len(objectives) > 1 else ():
        groups: dict[str, list[tuple[float, float, str]]] = {"each": [], "bad": [], "ai": [], "best": []}
        for row in report.experiments[-MOST_POINTS:]:
            if a.name in row.outcomes and b.name in row.outcomes:
                kind = "best" if row.is_best else "ai" if row.is_on_front else "each" if row.is_feasible else "bad"
                where = f"{t('experiment', '실험')} {row.number}"
                groups[kind].append((row.outcomes[a.name].mean, row.outcomes[b.name].mean, where))
        on = sorted([*groups["ai"], *groups["best"]])
        series = [
            _scatter(t("experiments", "실험"), groups["each"], "each", "circle", 7),
            _scatter(t("constraint not kept", "제약을 어긴 실험"), groups["bad"], "bad", "x", 7),
            Series(
                t("Pareto front", "파레토 전선"),
                "line",
                tuple(p[0] for p in on),
                tuple(p[1] for p in on),
                colour="ai",
                width=1.5,
                dash=True,
            ),
            _scatter(t("beaten by no other", "더 나은 실험이 없음"), groups["ai"], "ai", "circle", 9),
            _scatter(t("most balanced", "가장 균형 잡힌 결과"), groups["best"], "best", "star", 14),
        ]
        if len(objectives) > 2:  # noqa: PLR2004  a line through a projection is no front
            del series[2]
        lines = [*_limits("x", a, lang), *_limits("y", b, lang)]
        charts.append(
            Chart(
                f"front-{a.name}-{b.name}",
                f"{a.label.in_(lang)} – {b.label.in_(lang)}",
                t(f"{len(on)} experiments are beaten by no other.", f"실험 {len(on)}개는 이보다 나은 실험이 없습니다."),
                Axis(axis_title(a, lang)),
                Axis(axis_title(b, lang)),
                tuple(s for s in series if s.x),
                tuple(lines),
                height=400,
                columns=(t("experiment", "실험"), axis_title(a, lang), axis_title(b, lang)),
                rows=tuple((p[2], short(p[0]), short(p[1])) for p in on),
            )
        )
    return charts


def _limits(axis: Literal["x", "y"], quantity: Quantity, lang: Lang) -> list[Line]:
    """Return the target and the threshold of an objective as lines; for `hit` they are deviations, not values."""
    t = in_lang(lang)
    named = ((quantity.target, t("target", "목표")), (quantity.threshold, t("threshold", "한계")))
    return [Line(axis, value, text) for value, text in named if value is not None and quantity.goal != "hit"]


def _scatter(name: str, points: Sequence[tuple[float, float, str]], colour: str, symbol: Symbol, size: float) -> Series:
    return Series(
        name,
        "points",
        tuple(p[0] for p in points),
        tuple(p[1] for p in points),
        colour=colour,
        symbol=symbol,
        size=size,
        text=tuple(p[2] for p in points),
    )


def _xy(pairs: Sequence[tuple[int, float | None]]) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)


def _firsts(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(pair[0] for pair in pairs)


def _seconds(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(pair[1] for pair in pairs)
