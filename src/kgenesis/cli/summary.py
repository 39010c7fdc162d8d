"""What a campaign found, on one screen: the sentence, the best conditions, what was gained, what it cost."""

import math
from typing import TYPE_CHECKING

from kgenesis.cli import screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from rich.table import Table

    from kgenesis.campaign.acceleration import Acceleration
    from kgenesis.campaign.report_parts import Quantity, Report, Row
    from kgenesis.campaign.state import CampaignState


def show(report: "Report", state: "CampaignState", path: str | None = None) -> None:
    """Print the summary, and last the path of the report's page if there is one."""
    from rich.padding import Padding

    console = screen.out()
    console.print()
    for i, sentence in enumerate(report.sentences):
        console.print(sentence.in_(lang()), style="" if i else "bold", markup=False)
    if report.best is not None:
        console.print()
        title = t(f"Best: experiment {report.best.number}", f"최고: {report.best.number}번 실험")
        console.print(title, style="bold", markup=False)
        console.print(Padding(_best(report, report.best, _bounds(state)), (0, 0, 0, 2)))
    console.print()
    console.print(_figures(report))
    for note in report.notes:
        console.print(f"! {note.in_(lang())}", style="yellow", markup=False)
    if path is not None:
        console.print()
        console.print(f"{t('Report', '보고서')}: {path}", markup=False, soft_wrap=True)


def _best(report: "Report", row: "Row", bounds: dict[str, str]) -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(style="dim", overflow="fold")
    for factor in report.factors:
        grid.add_row(factor.label.in_(lang()), screen.number(row.conditions.get(factor.name)), factor.unit)
    for outcome in report.outcomes:
        found = row.outcomes.get(outcome.name)
        if found is not None:
            sem = "" if found.sem is None else f" ± {screen.number(found.sem)}"
            grid.add_row(
                f"→ {outcome.label.in_(lang())}",
                f"{screen.number(found.mean)}{sem}",
                outcome.unit,
                _wanted(outcome, bounds),
            )
    return grid


def _bounds(state: "CampaignState") -> dict[str, str]:
    """Return what each constrained outcome must keep."""
    found: dict[str, str] = {}
    for c in state.mission.outcome_constraints:
        parts = [f"{sign} {screen.number(v)}" for sign, v in (("≥", c.at_least), ("≤", c.at_most)) if v is not None]
        found[c.outcome] = t(f"must be {', '.join(parts)}", f"조건 {', '.join(parts)}")
    return found


def _wanted(outcome: "Quantity", bounds: dict[str, str]) -> str:
    """Return what is wanted of an outcome."""
    if outcome.target is None:
        return bounds.get(outcome.name, "")
    if outcome.goal == "hit":
        return t(
            f"target {screen.number(outcome.value)} ± {screen.number(outcome.target)}",
            f"목표 {screen.number(outcome.value)} ± {screen.number(outcome.target)}",
        )
    sign = "≥" if outcome.goal == "maximize" else "≤"
    return t(f"target {sign} {screen.number(outcome.target)}", f"목표 {sign} {screen.number(outcome.target)}")


def _figures(report: "Report") -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    lead = report.gain.headline if report.gain is not None else None
    if lead is not None:
        grid.add_row(t("Acceleration", "가속 배수"), acceleration_text(lead))
        grid.add_row(
            "",
            t(
                f"at {lead.level_text.en}, against {lead.reference_text.en}",
                f"수준: {lead.level_text.ko}, 기준: {lead.reference_text.ko}",
            ),
        )
    broken = ""
    if report.n_infeasible:
        broken = t(f" ({report.n_infeasible} break a constraint)", f"(제약 위반 {report.n_infeasible}회)")
    counts = t(
        f"{report.n_measured} measured{broken}, {report.n_failed} failed",
        f"측정 {report.n_measured}회{broken}, 실패 {report.n_failed}회",
    )
    grid.add_row(t("Experiments", "실험"), counts)
    for group in report.failures:
        grid.add_row("", f"{group.n} x {group.text.in_(lang())}")
    lab = screen.duration(report.lab_seconds)
    grid.add_row(t("Time", "시간"), f"{screen.duration(report.seconds)}" + t(f" ({lab} in the lab)", f" (실험 {lab})"))
    if report.cost_unit:
        grid.add_row(t("Cost", "비용"), screen.with_unit(report.cost, report.cost_unit))
    grid.add_row(t("State", "상태"), report.status.in_(lang()))
    return grid


def acceleration_text(found: "Acceleration") -> str:
    """Return an acceleration factor with its interval: `3.2× (95 %: 2.5 to 4.1)`; a bound as one."""
    if found.value is None or not math.isfinite(found.value):
        return t("not known: neither got there", "알 수 없음: 양쪽 모두 도달하지 못함")
    bound = {"reference": "≥ ", "campaign": "≤ "}.get(found.censored or "", "")
    low, high = found.interval
    if (low is None and high is None) or low == high:  # an exact interval says no more than the number itself
        return f"{bound}{screen.number(found.value)}×"
    if low is None or high is None:
        side = f"≤ {screen.number(high)}" if low is None else f"≥ {screen.number(low)}"
        return f"{bound}{screen.number(found.value)}× (95 %: {side})"
    shown = (screen.number(low), screen.number(high))
    return f"{bound}{screen.number(found.value)}×" + t(
        f" (95 %: {shown[0]} to {shown[1]})", f" (95 %: {shown[0]}~{shown[1]})"
    )
