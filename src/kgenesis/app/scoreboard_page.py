"""The scoreboard as a page: the table, and every acceleration factor with its interval against the goal ×2."""

from collections.abc import Mapping, Sequence
from typing import Any

from kgenesis.app import mission_words as words
from kgenesis.app.papers import NOTHING, Cell, Paper, Section, Table
from kgenesis.campaign.chart import Axis, Chart, Line, Series
from kgenesis.kernel.text import Lang, Text, say
from kgenesis.missions.gain import GOAL

BY = {
    "mission": say("Mission", "미션"),
    "technology": say("Technology", "기술"),
    "field": say("Field", "분야"),
    "programme": say("Programme", "사업"),
}
TOTAL = say("All together", "전체")
HOW = say(
    "Acceleration: how many times fewer experiments a campaign needed for its target than its reference (median); "
    "the geometric mean over campaigns that reached the target or ended, and its 95 % interval (bootstrap over "
    "campaigns and references; of one campaign, its own). ≤: some ended without the target and enter at what they "
    "spent. ≥: fewer than half of the reference's searches got there. The goal is twice the productivity.",
    "가속 배수: 목표에 도달하는 데 쓴 실험이 기준 탐색(중앙값)보다 몇 배 적은지. 목표에 닿았거나 끝난 캠페인의 "
    "기하평균과 그 95 % 구간(캠페인과 기준의 붓스트랩, 캠페인이 하나면 그 캠페인의 구간)입니다. ≤: 목표에 닿지 못하고 "
    "끝난 캠페인이 있어 쓴 만큼으로 넣었습니다. ≥: 기준 탐색의 절반이 목표에 닿지 못했습니다. 목표는 생산성 2배입니다.",
)


def scoreboard_paper(data: Mapping[str, Any]) -> Paper:
    """Return the scoreboard as a page."""
    rows = [*data["rows"], data["total"]]
    charts = forest(rows)
    empty = not data["total"]["n_campaigns"] and not data["total"]["n_missions"]
    section = Section(
        say("Scoreboard", "점수판"),
        (NOTHING,) if empty else (HOW,),
        () if empty else (Table(columns(data["by"]), tuple(map(cells, rows))),),
        (charts,) if charts else (),
        ("kgenesis mission scoreboard", "kgenesis campaign list"),
    )
    return Paper(
        say("K-Genesis programme", "K-Genesis 사업"),
        say("What the experiments gained", "실험으로 얻은 것"),
        say("From the campaigns' logs alone.", "캠페인 기록만으로 계산했습니다."),
        (section,),
    )


def columns(by: str) -> tuple[Text, ...]:
    """Return the headings of the table."""
    return (
        BY[by], say("State", "상태"), say("Campaigns", "캠페인"), say("Experiments (failed)", "실험(실패)"),
        say("Best against target", "최고와 목표"), say("Acceleration (goal ×2)", "가속 배수(목표 2배)"),
        say("Cost", "비용"), say("Hours", "시간"),
    )  # fmt: skip


def cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return one row of the table."""
    failed = f" ({row['failed']})" if row["failed"] else ""
    return (
        _name(row), _states(row), str(row["n_campaigns"]), f"{row['experiments']}{failed}", _best(row),
        words.row_gain_text(row), _won(row), f"{row['hours']:.2f}",
    )  # fmt: skip


def _states(row: Mapping[str, Any]) -> Text:
    if "state" in row:
        return words.state_text(row["state"])
    en = ", ".join(f"{n} {words.STATES[s].en}" for s, n in row["states"].items())
    ko = ", ".join(f"{words.STATES[s].ko} {n}" for s, n in row["states"].items())
    return say(en or "–", ko or "–")


def _best(row: Mapping[str, Any]) -> Text:
    if "kpis" not in row:
        n, k = row["n_campaigns"], row["targets_reached"]
        return say(f"{k} of {n} campaigns at target", f"캠페인 {n}개 중 {k}개 도달")
    parts = [(words.target_text(kpi), words.best_text(kpi)) for kpi in row["kpis"]]
    return say("; ".join(f"{t.en}: {b.en}" for t, b in parts), "; ".join(f"{t.ko}: {b.ko}" for t, b in parts))


def _won(row: Mapping[str, Any]) -> Text:
    if row["won"] is None:
        return words.NONE
    n = row["n_not_in_won"]
    more = say(f" (+ {n} campaigns not in won)", f" (+ 원 단위가 아닌 캠페인 {n}개)") if n else say("", "")
    told = words.won_text(row["won"])
    return say(f"{told.en}{more.en}", f"{told.ko}{more.ko}")


def forest(rows: Sequence[Mapping[str, Any]]) -> tuple[Chart, Chart] | None:
    """Return the acceleration factors with their intervals on one axis, in English and Korean; None without any."""
    known = [(_name(row), row["acceleration"]) for row in rows if row["acceleration"]]
    if not known:
        return None
    return (
        _forest([(name.en, found) for name, found in known], "en"),
        _forest([(name.ko, found) for name, found in known], "ko"),
    )


def _name(row: Mapping[str, Any]) -> Text:
    if row["key"] == "programme":
        return TOTAL
    name = str(row.get("name") or row["key"] or "–")
    return Text(en=name, ko=name)


def _forest(known: Sequence[tuple[str, Mapping[str, Any]]], lang: Lang) -> Chart:
    names: list[str] = []
    for name, _ in known:  # an axis holds every name once
        names.append(name if name not in names else f"{name} ({names.count(name) + 1})")
    values = [found["geometric_mean"] for _, found in known]
    ends = [end for _, found in known for end in found["interval"] if end]
    low, high = min([*values, *ends, 1.0]) / 1.3, max([*values, *ends, GOAL]) * 1.3
    lows = [max(found["interval"][0], low) for _, found in known]
    highs = [high if found["interval"][1] is None else found["interval"][1] for _, found in known]
    title = say("Acceleration factor, 95 % interval", "가속 배수와 95 % 구간")
    description = say(
        "; ".join(
            f"{name}: {words.acceleration_text(found).en}" for name, (_, found) in zip(names, known, strict=True)
        ),
        "; ".join(
            f"{name}: {words.acceleration_text(found).ko}" for name, (_, found) in zip(names, known, strict=True)
        ),
    )
    interval = say("95 % interval", "95 % 구간").in_(lang)
    mean = say("Geometric mean", "기하평균").in_(lang)
    return Chart(
        "acceleration", title.in_(lang), description.in_(lang),
        Axis(title.in_(lang), low, high, "log"), Axis("", kind="category", categories=tuple(reversed(names))),
        (
            Series(interval, "span", names, low=lows, high=highs, colour="ai-line", width=6.0),
            Series(mean, "points", names, values, colour="ai", size=9.0),
        ),
        (Line("x", GOAL, say("goal ×2", "목표 2배").in_(lang)), Line("x", 1.0, say("no gain", "이득 없음").in_(lang))),
        height=100 + 28 * len(names), is_sideways=True,
    )  # fmt: skip
