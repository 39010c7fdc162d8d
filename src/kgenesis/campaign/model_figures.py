"""The figures of what the surrogate makes of a campaign: what matters, slices, predicted against measured."""

from collections.abc import Callable

from kgenesis.campaign.chart import Axis, Chart, Line, Series
from kgenesis.campaign.report_parts import Quantity, Report
from kgenesis.campaign.words import short
from kgenesis.kernel.text import Lang, Text

MOST_POINTS = 1000
"""Points a scatter shows; the table of experiments has them all."""


def what_matters(report: Report, lang: Lang) -> list[Chart]:
    """Main and total effect of every factor, one chart per outcome."""
    t = in_lang(lang)
    labels = {q.name: q.label.in_(lang) for q in report.factors}
    outcomes = {q.name: q for q in report.outcomes}
    charts = []
    for one in report.sensitivity:
        names = tuple(labels.get(e.factor, e.factor) for e in one.effects)
        total = Series(
            t("with others (total)", "다른 요인과 함께(전체)"),
            "bar",
            names,
            tuple(e.total for e in one.effects),
            colour="ref-50",
        )
        main = Series(
            t("by itself (main)", "단독(주효과)"), "bar", names, tuple(e.main for e in one.effects), colour="ai"
        )
        top = one.effects[0] if one.effects else None
        described = t("No factor matters yet.", "아직 중요한 요인이 없습니다.")
        if top is not None:
            share = f"{100 * min(top.total, 1):.0f} %"
            described = t(
                f"{names[0]} matters most: {share} of the variation.", f"가장 중요한 요인은 {names[0]}: 변화의 {share}."
            )
        charts.append(
            Chart(
                f"matters-{one.outcome}",
                outcomes[one.outcome].label.in_(lang),
                described,
                Axis(
                    t("share of the variation", "변화에서 차지하는 비율"),
                    0.0,
                    max([1.0, *(e.total for e in one.effects)]),
                ),
                Axis("", kind="category", categories=tuple(reversed(names))),
                (total, main),
                height=90 + 34 * len(names),
                is_sideways=True,
                columns=(
                    t("factor", "요인"),
                    t("main", "주효과"),
                    t("total", "전체 효과"),
                    t("± sampling", "± 표본 오차"),
                ),
                rows=tuple(
                    (n, short(e.main, 2), short(e.total, 2), short(e.total_error, 1))
                    for n, e in zip(names, one.effects, strict=True)
                ),
            )
        )
    return charts


def slices(report: Report, lang: Lang) -> list[Chart]:
    """What is expected along each factor, with the others as in the best experiment."""
    t = in_lang(lang)
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
            Series(
                t("95 % of what is believed", "모델이 믿는 95 % 범위"),
                "span" if is_named else "band",
                x,
                low=low,
                high=high,
                colour="ai" if is_named else "ai-95",
                width=3,
            ),
            Series(t("expected", "예상"), "points" if is_named else "line", x, mean, colour="ai", size=9),
        )
        axis = Axis(
            axis_title(factor, lang),
            kind="category" if is_named else "log" if one.is_log else "linear",
            categories=factor.levels,
        )
        x_name, y_name = factor.label.in_(lang), outcome.label.in_(lang)
        lines = () if one.at is None else (Line("x", one.at, t("best", "최고")),)
        charts.append(
            Chart(
                f"slice-{one.outcome}-{one.factor}",
                f"{y_name} – {x_name}",
                t(
                    f"{y_name} along {x_name}: expected from {short(min(mean))} to {short(max(mean))}.",
                    f"{x_name}에 따른 {y_name}: 예상 범위 {short(min(mean))} ~ {short(max(mean))}.",
                ),
                axis,
                Axis(axis_title(outcome, lang)),
                drawn,
                lines,
                height=250,
                is_small=True,
                columns=(axis_title(factor, lang), t("expected", "예상"), "± sd"),
                rows=tuple((k[0] if isinstance(k[0], str) else short(k[0]), short(k[1]), short(k[2], 2)) for k in kept),
            )
        )
    return charts


def predicted_measured(report: Report, lang: Lang) -> list[Chart]:
    """Every measurement against what the others predict, one chart per outcome."""
    t = in_lang(lang)
    outcomes = {q.name: q for q in report.outcomes}
    charts = []
    for one in report.validation:
        outcome = outcomes[one.outcome]
        pairs = list(zip(one.measured, one.predicted, one.sd, one.numbers, strict=True))[-MOST_POINTS:]
        ends = (min(p[0] for p in pairs), max(p[0] for p in pairs))
        series = (
            Series(t("predicted = measured", "예측 = 측정"), "line", ends, ends, colour="ref", dash=True),
            Series(
                t("prediction ± 95 %", "예측 ± 95 %"),
                "points",
                tuple(p[0] for p in pairs),
                tuple(p[1] for p in pairs),
                low=tuple(p[1] - 1.96 * p[2] for p in pairs),
                high=tuple(p[1] + 1.96 * p[2] for p in pairs),
                colour="ai",
                size=6,
                text=tuple(f"{t('experiment', '실험')} {p[3]}" for p in pairs),
            ),
        )
        percent = f"{100 * one.coverage:.3g} %"
        charts.append(
            Chart(
                f"validation-{one.outcome}",
                outcome.label.in_(lang),
                t(
                    f"{percent} of the measurements lie inside the 95 % interval predicted from the others.",
                    f"나머지로 예측한 95 % 구간 안에 측정의 {percent}가 들어 있습니다.",
                ),
                Axis(t("measured", "측정") + f" ({outcome.label.in_(lang)})"),
                Axis(t("predicted", "예측")),
                series,
                height=300,
                is_small=True,
                columns=(t("experiment", "실험"), t("measured", "측정"), t("predicted", "예측"), "± sd"),
                rows=tuple((str(p[3]), short(p[0]), short(p[1]), short(p[2], 2)) for p in pairs),
            )
        )
    return charts


def in_lang(lang: Lang) -> Callable[[str, str], str]:
    """Return what picks the words of one language out of a pair (English, Korean)."""
    return lambda en, ko: Text(en=en, ko=ko).in_(lang)


def axis_title(quantity: Quantity, lang: Lang) -> str:
    """Return a label with its unit, as on an axis."""
    return with_unit(quantity.label.in_(lang), quantity.unit)


def with_unit(label: str, unit: str) -> str:
    """Return a label with a unit in brackets, if there is one."""
    return f"{label} [{unit}]" if unit else label
