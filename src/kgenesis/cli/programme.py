"""`kgenesis mission scoreboard` and `report`: what the programme gets for its experiments, now and year by year."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from kgenesis.app.papers import Paper
    from kgenesis.app.platform import Platform
    from kgenesis.app.scoreboard import By

BY = ("mission", "technology", "field", "programme")

Grouped = Annotated[
    str,
    typer.Option("--by", metavar="|".join(BY), help=t("What the rows are.", "줄의 단위.")),
]
Html = Annotated[
    str | None,
    typer.Option(
        "--html",
        metavar=t("FILE", "파일"),
        show_default=False,
        help=t("Write it as one HTML file.", "HTML 파일 하나로 씁니다."),
    ),
]
Markdown = Annotated[
    str | None,
    typer.Option(
        "--markdown",
        metavar=t("FILE", "파일"),
        show_default=False,
        help=t("Write it as Markdown.", "Markdown으로 씁니다."),
    ),
]
Year = Annotated[
    int | None,
    typer.Option(
        "--year",
        "-y",
        metavar=t("YEAR", "연도"),
        show_default=False,
        help=t("A calendar year (UTC); default: this one.", "해(UTC). 기본값: 올해."),
    ),
]


def _platform(store: str | None) -> "Platform":
    from kgenesis.app.platform import open_platform

    return open_platform(store, read_only=True)


def _write(paper: "Paper", html: str | None, markdown: str | None) -> dict[str, str]:
    """Write a page where it is wanted; return the files."""
    from kgenesis.app.papers import to_html, to_markdown

    written = {}
    for name, place, make in (("html", html, to_html), ("markdown", markdown, to_markdown)):
        if place is not None:
            path = Path(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(make(paper, lang()), encoding="utf-8")
            written[name] = str(path.resolve())
    return written


def scoreboard(
    by: Grouped = "mission",
    html: Html = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Show what the programme gets for its experiments."""
    if by not in BY:
        raise typer.BadParameter(
            t(f"{by!r} is not one of {', '.join(BY)}", f"{by!r}은(는) {', '.join(BY)} 중에 없습니다"), param_hint="--by"
        )
    from kgenesis.app.scoreboard import scoreboard as made
    from kgenesis.app.scoreboard_page import HOW, scoreboard_paper

    data = made(_platform(store), cast("By", by))
    written = _write(scoreboard_paper(data), html, None)
    if is_json:
        screen.print_json(data | ({"files": written} if written else {}))
        return
    _print_table(data)
    screen.note(HOW.in_(lang()))
    for path in written.values():
        print(path)  # noqa: T201


def _print_table(data: dict[str, Any]) -> None:
    """Print the scoreboard as narrow as a terminal is."""
    from rich import box
    from rich.table import Table

    from kgenesis.app import mission_words as words
    from kgenesis.app.scoreboard_page import BY as NAMES

    def said(text: Any) -> str:
        return screen.literal(screen.text_of(text))

    table = Table(box=box.SIMPLE_HEAD, show_lines=False)
    table.add_column(said(NAMES[data["by"]]), overflow="fold", min_width=12)
    table.add_column(t("State", "상태"), overflow="fold")
    table.add_column(t("Exp.", "실험"), justify="right", no_wrap=True)
    table.add_column(t("Best, targets reached", "최고, 도달한 목표"), overflow="fold")
    table.add_column(t("Gain (goal ×2)", "가속(목표 2배)"), overflow="fold", min_width=18)
    for row in [*data["rows"], data["total"]]:
        if row is data["total"]:
            table.add_section()
        key = t("all together", "전체") if row is data["total"] else row.get("name") or row["key"] or "–"
        if "kpis" in row:
            best = "\n".join(f"{said(words.outcome_text(kpi))}: {said(words.best_text(kpi))}" for kpi in row["kpis"])
            state = said(words.state_text(row["state"]))
        else:
            n, k = row["n_campaigns"], row["targets_reached"]
            best = t(f"{k} of {n} campaigns", f"캠페인 {n}개 중 {k}개")
            state = t(f"{row['n_met']} of {row['n_missions']} met", f"{row['n_missions']}개 중 {row['n_met']}개 달성")
        table.add_row(screen.literal(key), state, str(row["experiments"]), best, said(words.row_gain_text(row)))
    screen.out().print(table)


def report(
    year: Year = None,
    html: Html = None,
    markdown: Markdown = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Write the programme's annual report from logged facts."""
    from datetime import UTC, datetime

    from kgenesis.app.annual import annual_report
    from kgenesis.app.papers import as_data, to_markdown

    paper = annual_report(_platform(store), datetime.now(UTC).year if year is None else year)
    written = _write(paper, html, markdown)
    if is_json:
        screen.print_json(as_data(paper) | ({"files": written} if written else {}))
    elif written:
        for path in written.values():
            print(path)  # noqa: T201
    else:
        print(to_markdown(paper, lang()), end="")  # noqa: T201


PROGRAMME: dict[str, tuple[Any, str]] = {
    "scoreboard": (scoreboard, t("What the experiments gained, by mission, technology, field or all together.",
                                 "실험으로 얻은 것: 미션, 기술, 분야별 또는 전체.")),
    "report": (report, t("The programme's annual report, from logged facts only.",
                         "사업 연차 보고서. 기록된 사실만 씁니다.")),
}  # fmt: skip
