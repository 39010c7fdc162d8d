"""The report's figures, each described once and drawn two ways: interactive (Plotly's JSON) and static (SVG).

Every figure also carries its data as a table, for readers who cannot see it.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, Literal

from kgenesis.campaign.chart import Axis, Chart, Line, Series
from kgenesis.campaign.report_parts import Quantity, Report
from kgenesis.campaign.words import short, times
from kgenesis.kernel.text import Lang, Text, say

MOST_POINTS = 1000
"""Points a scatter shows; the table of experiments has them all."""


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
    t = _in(lang)
    series: list[Series] = []
    band = progress.band
    if band is not None:
        series += [
            Series(t("95 % of reference searches", "기준 탐색의 95 %"), "band", band.n, low=band.low95, high=band.high95, colour="ref-95"),
            Series(t("50 % of reference searches", "기준 탐색의 50 %"), "band", band.n, low=band.low50, high=band.high50, colour="ref-50"),
            Series(t("reference, median", "기준 탐색(중앙값)"), "line", band.n, band.median, colour="ref", dash=True),
        ]
    n = range(1, len(progress.best) + 1)
    if progress.values:
        kept = [(i, v) for i, v, ok in zip(n, progress.values, progress.counts, strict=True) if ok]
        broken = [(i, v) for i, v, ok in zip(n, progress.values, progress.counts, strict=True) if not ok and v is not None]
        series.append(Series(t("each experiment", "각 실험"), "points", *_xy(kept), colour="each"))
        if broken:
            name = t("constraint not kept", "제약을 어긴 실험")
            series.append(Series(name, "points", *_xy(broken), colour="bad", symbol="x"))
    series.append(Series(t("best so far", "지금까지의 최고"), "step", tuple(n), progress.best, colour="ai", width=3))
    lines: tuple[Line, ...] = ()
    if progress.target is not None:
        lines = (Line("y", progress.target, t("target", "목표")),)
    label = _with_unit(progress.quantity.in_(lang), progress.unit)
    return [
        Chart(
            "progress", t("Best so far", "지금까지의 최고 결과"), report.headline.in_(lang),
            Axis(t("experiments done", "실험 수"), low=0), Axis(label, *_fitted(report)), tuple(series), lines, height=380,
            columns=(t("experiment", "실험"), t("best so far", "지금까지의 최고"), t("reference, median", "기준 중앙값"), t("reference, 95 %", "기준 95 %")),
            rows=_progress_rows(report),
        )
    ]  # fmt: skip


def _fitted(report: Report) -> tuple[float | None, float | None]:
    """Return an axis range that shows best, band and most experiments; a few bad ones must not flatten the rest."""
    progress = report.progress
    shown = [v for v in progress.best if v is not None]
    if progress.band is not None:
        shown += [v for v in (*progress.band.low50, *progress.band.high50) if v is not None]
        # the outer band starts far out and tells nothing there
        outer = progress.band.high95 if not progress.is_less_better else progress.band.low95
        shown += [v for v in outer if v is not None]
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
    t = _in(lang)
    found = [a for a in report.gain.levels if a.value is not None]
    names = [AT[a.at].in_(lang) for a in found]
    ends = [v for a in found for v in (*a.interval, *a.luck, a.value) if v]
    low, high = min([0.5, *ends]) / 1.3, max([2.0, *ends]) * 1.3
    sides = [(a.interval[0] or low, high if a.interval[1] is None else a.interval[1]) for a in found]
    lucks = [(a.luck[0] or low, high if a.luck[1] is None else a.luck[1]) for a in found]
    values = [a.value or low for a in found]
    series = (
        Series(t("against lucky … unlucky searches", "운 좋은 탐색 … 운 나쁜 탐색과 비교"), "span", tuple(names), low=_firsts(lucks), high=_seconds(lucks), colour="ref-50", width=6),
        Series(t("95 % interval", "95 % 구간"), "span", tuple(names), low=_firsts(sides), high=_seconds(sides), colour="ai", width=3),
        Series(t("acceleration factor", "가속 배수"), "points", tuple(names), tuple(values), colour="ai", size=11, symbol="diamond",
               text=tuple(f"{_bound(a.censored)}{times(a.value or 0)}×" for a in found)),
    )  # fmt: skip
    none = t("no gain", "이득 없음")
    return [
        Chart(
            "acceleration", t("Acceleration factor", "가속 배수"),
            "; ".join(f"{n}: {_bound(a.censored)}{times(a.value or 0)}" for n, a in zip(names, found, strict=True)),
            Axis(t("times fewer experiments", "실험 수가 몇 분의 1로 줄었는가(배)"), low, high, kind="log"),
            Axis("", kind="category", categories=tuple(reversed(names))), series, (Line("x", 1.0, none),),
            height=90 + 58 * len(found), is_sideways=True,
        )
    ]  # fmt: skip


def _bound(censored: str | None) -> str:
    return {"reference": "≥ ", "campaign": "≤ "}.get(censored or "", "")


def fronts(report: Report, lang: Lang) -> list[Chart]:
    """One scatter per pair of objectives, with the experiments no other beats."""
    t = _in(lang)
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
            Series(t("Pareto front", "파레토 전선"), "line", tuple(p[0] for p in on), tuple(p[1] for p in on), colour="ai", width=1.5, dash=True),
            _scatter(t("beaten by no other", "더 나은 실험이 없음"), groups["ai"], "ai", "circle", 9),
            _scatter(t("most balanced", "가장 균형 잡힌 결과"), groups["best"], "best", "star", 14),
        ]  # fmt: skip
        if len(objectives) > 2:  # noqa: PLR2004  a line through a projection is no front
            del series[2]
        lines = [*_limits("x", a, lang), *_limits("y", b, lang)]
        charts.append(
            Chart(
                f"front-{a.name}-{b.name}", f"{a.label} – {b.label}",
                t(f"{len(on)} experiments are beaten by no other.", f"실험 {len(on)}개는 이보다 나은 실험이 없습니다."),
                Axis(_axis(a)), Axis(_axis(b)), tuple(s for s in series if s.x), tuple(lines), height=400,
                columns=(t("experiment", "실험"), _axis(a), _axis(b)),
                rows=tuple((p[2], short(p[0]), short(p[1])) for p in on),
            )
        )  # fmt: skip
    return charts


def _limits(axis: Literal["x", "y"], quantity: Quantity, lang: Lang) -> list[Line]:
    """Return the target and the threshold of an objective as lines; for `hit` they are deviations, not values."""
    t = _in(lang)
    named = ((quantity.target, t("target", "목표")), (quantity.threshold, t("threshold", "한계")))
    return [Line(axis, value, text) for value, text in named if value is not None and quantity.goal != "hit"]


def what_matters(report: Report, lang: Lang) -> list[Chart]:
    """Main and total effect of every factor, one chart per outcome."""
    t = _in(lang)
    labels = {q.name: q.label for q in report.factors}
    outcomes = {q.name: q for q in report.outcomes}
    charts = []
    for one in report.sensitivity:
        names = tuple(labels.get(e.factor, e.factor) for e in one.effects)
        total = Series(t("with others (total)", "다른 요인과 함께(전체)"), "bar", names, tuple(e.total for e in one.effects), colour="ref-50")
        main = Series(t("by itself (main)", "단독(주효과)"), "bar", names, tuple(e.main for e in one.effects), colour="ai")
        top = one.effects[0] if one.effects else None
        described = t("No factor matters yet.", "아직 중요한 요인이 없습니다.")
        if top is not None:
            share = f"{100 * min(top.total, 1):.0f} %"
            described = t(f"{names[0]} matters most: {share} of the variation.", f"가장 중요한 요인은 {names[0]}: 변화의 {share}.")
        charts.append(
            Chart(
                f"matters-{one.outcome}", outcomes[one.outcome].label, described,
                Axis(t("share of the variation", "변화에서 차지하는 비율"), 0.0, max([1.0, *(e.total for e in one.effects)])),
                Axis("", kind="category", categories=tuple(reversed(names))), (total, main), height=90 + 34 * len(names),
                is_sideways=True,
                columns=(t("factor", "요인"), t("main", "주효과"), t("total", "전체 효과"), t("± sampling", "± 표본 오차")),
                rows=tuple(
                    (n, short(e.main, 2), short(e.total, 2), short(e.total_error, 1))
                    for n, e in zip(names, one.effects, strict=True)
                ),
            )
        )  # fmt: skip
    return charts


def slices(report: Report, lang: Lang) -> list[Chart]:
    """What is expected along each factor, with the others as in the best experiment."""
    t = _in(lang)
    factors = {q.name: q for q in report.factors}
    outcomes = {q.name: q for q in report.outcomes}
    charts = []
    for one in report.slices:
        factor, outcome = factors[one.factor], outcomes[one.outcome]
        kept = [(x, m, s) for x, m, s in zip(one.x, one.mean, one.sd, strict=True) if m is not None and s is not None]
        x, mean = tuple(k[0] for k in kept), tuple(k[1] for k in kept)
        low, high = tuple(m - 1.96 * s for _, m, s in kept), tuple(m + 1.96 * s for _, m, s in kept)
        is_named = bool(factor.levels)
        drawn = (
            Series(t("95 % of what is believed", "모델이 믿는 95 % 범위"), "span" if is_named else "band", x, low=low, high=high, colour="ai" if is_named else "ai-95", width=3),
            Series(t("expected", "예상"), "points" if is_named else "line", x, mean, colour="ai", size=9),
        )  # fmt: skip
        axis = Axis(_axis(factor), kind="category" if is_named else "log" if one.is_log else "linear", categories=factor.levels)
        lines = () if one.at is None else (Line("x", one.at, t("best", "최고")),)
        charts.append(
            Chart(
                f"slice-{one.outcome}-{one.factor}", f"{outcome.label} – {factor.label}",
                t(f"{outcome.label} along {factor.label}: expected from {short(min(mean))} to {short(max(mean))}.",
                  f"{factor.label}에 따른 {outcome.label}: 예상 범위 {short(min(mean))} ~ {short(max(mean))}."),
                axis, Axis(_axis(outcome)), drawn, lines, height=250, is_small=True,
                columns=(_axis(factor), t("expected", "예상"), "± sd"),
                rows=tuple((k[0] if isinstance(k[0], str) else short(k[0]), short(k[1]), short(k[2], 2)) for k in kept),
            )
        )  # fmt: skip
    return charts


def predicted_measured(report: Report, lang: Lang) -> list[Chart]:
    """Every measurement against what the others predict, one chart per outcome."""
    t = _in(lang)
    outcomes = {q.name: q for q in report.outcomes}
    charts = []
    for one in report.validation:
        outcome = outcomes[one.outcome]
        pairs = list(zip(one.measured, one.predicted, one.sd, one.numbers, strict=True))[-MOST_POINTS:]
        ends = (min(p[0] for p in pairs), max(p[0] for p in pairs))
        series = (
            Series(t("predicted = measured", "예측 = 측정"), "line", ends, ends, colour="ref", dash=True),
            Series(
                t("prediction ± 95 %", "예측 ± 95 %"), "points", tuple(p[0] for p in pairs), tuple(p[1] for p in pairs),
                low=tuple(p[1] - 1.96 * p[2] for p in pairs), high=tuple(p[1] + 1.96 * p[2] for p in pairs), colour="ai", size=6,
                text=tuple(f"{t('experiment', '실험')} {p[3]}" for p in pairs),
            ),
        )  # fmt: skip
        percent = f"{100 * one.coverage:.3g} %"
        charts.append(
            Chart(
                f"validation-{one.outcome}", outcome.label,
                t(f"{percent} of the measurements lie inside the 95 % interval predicted from the others.",
                  f"나머지로 예측한 95 % 구간 안에 측정의 {percent}가 들어 있습니다."),
                Axis(t("measured", "측정") + f" ({outcome.label})"), Axis(t("predicted", "예측")), series, height=340,
                columns=(t("experiment", "실험"), t("measured", "측정"), t("predicted", "예측"), "± sd"),
                rows=tuple((str(p[3]), short(p[0]), short(p[1]), short(p[2], 2)) for p in pairs),
            )
        )  # fmt: skip
    return charts


def _scatter(name: str, points: Sequence[tuple[float, float, str]], colour: str, symbol: Any, size: float) -> Series:
    return Series(
        name, "points", tuple(p[0] for p in points), tuple(p[1] for p in points), colour=colour, symbol=symbol, size=size,
        text=tuple(p[2] for p in points),
    )  # fmt: skip


def _in(lang: Lang) -> Callable[[str, str], str]:
    return lambda en, ko: Text(en=en, ko=ko).in_(lang)


def _axis(quantity: Quantity) -> str:
    return _with_unit(quantity.label, quantity.unit)


def _with_unit(label: str, unit: str) -> str:
    return f"{label} [{unit}]" if unit else label


def _xy(pairs: Sequence[tuple[int, float | None]]) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)


def _firsts(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(pair[0] for pair in pairs)


def _seconds(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(pair[1] for pair in pairs)
