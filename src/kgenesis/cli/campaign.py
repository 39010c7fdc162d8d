"""`kgenesis campaign …`: look at campaigns, go on with them, end them, take them away."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.change import CHANGE
from kgenesis.cli.language import lang, t
from kgenesis.cli.running import Wishes, drive, resume_command
from kgenesis.cli.store import campaign_to_change, campaign_to_read, existing

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform
    from kgenesis.campaign.state import CampaignState

FORMATS = ("html", "json", "csv")

STATES = {
    "open": ("open", "진행 중"),
    "reached": ("target reached", "목표 도달"),
    "experiments": ("budget spent", "예산 소진"),
    "cost": ("budget spent (cost)", "예산 소진(비용)"),
    "hours": ("budget spent (time)", "예산 소진(시간)"),
    "exhausted": ("every point tried", "모든 점 시도"),
    "unlikely": ("little left to gain", "개선 가능성 낮음"),
    "asked": ("stopped", "중지됨"),
}


def _state(name: str) -> str:
    """Return why a campaign ended, or that it is open, for people."""
    return t(*STATES[name]) if name in STATES else name


def list_(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show all campaigns."""
    from kgenesis.app.cards import list_campaigns
    from kgenesis.app.platform import open_platform
    from kgenesis.kernel.errors import NotFound

    try:
        cards = list_campaigns(open_platform(store, read_only=True))
    except NotFound:  # a store is made by the first campaign
        cards = []
    if is_json:
        screen.print_json({"campaigns": cards})
        return
    if not cards:
        screen.note(
            t(
                "There is no campaign yet; `kgenesis run MISSION` opens one.",
                "아직 캠페인이 없습니다. `kgenesis run 미션`으로 시작하세요.",
            )
        )
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(t("Campaign", "캠페인"), no_wrap=True)
    table.add_column(t("Mission", "미션"), overflow="ellipsis", no_wrap=True)
    table.add_column(t("State", "상태"), no_wrap=True)
    table.add_column(t("Done", "완료"), justify="right", no_wrap=True)
    table.add_column(t("Failed", "실패"), justify="right")
    table.add_column(t("Best", "최고"), justify="right", no_wrap=True)
    table.add_column(t("Last change", "마지막 변경"), no_wrap=True)
    for card in cards:
        table.add_row(
            card["id"],
            card["name"],
            _state(card["state"]),
            f"{card['n_measured']}/{card['budget']}",
            str(card["n_failed"]),
            screen.with_unit(card["best"], card["unit"]),
            screen.lately(card["last_at"]),
        )
    screen.out().print(table)


def show(campaign: options.Campaign, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show where one campaign stands."""
    platform, state = campaign_to_read(campaign, store)
    from kgenesis.app.report import make_report, summary
    from kgenesis.cli.summary import show as show_summary

    if is_json:
        screen.print_json({**summary(platform, state, None), **_status(platform, state)})
        return
    from rich.table import Table

    console = screen.out()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(platform, state):
        grid.add_row(name, value)
    console.print(state.mission.title.in_(lang()), style="bold", markup=False)
    console.print(grid)
    if state.n_measured:
        show_summary(make_report(platform, state), state)
    if state.stopped is None:
        command = resume_command(state, store)
        if state.mission.lab.name == "people":
            command = f"kgenesis suggest {state.id} -n 4 -o next.csv"
        screen.note(t(f"Go on: {command}", f"이어서 하기: {command}"))


def _status(platform: "Platform", state: "CampaignState") -> dict[str, Any]:
    from kgenesis.kernel.ids import StreamId

    return {
        "is_running": platform.store.holder(StreamId(state.id)) is not None,
        "waiting": len(state.waiting),
        "running": len(state.running),
        "doubted": list(state.doubted),
        "seed": state.seed,
        "lab_version": state.lab_version,
        "budget": state.budget.model_dump(),
        "spent": state.spent,
        "seconds": state.seconds,
        "opened_at": state.opened_at,
        "last_at": state.last_at,
    }


def _facts(platform: "Platform", state: "CampaignState") -> list[tuple[str, str]]:
    from kgenesis.kernel.ids import StreamId

    holder = platform.store.holder(StreamId(state.id))
    status = _state(state.stopped or "open")
    if holder is not None:
        status += t(f", run by process {holder.pid}", f", 프로세스 {holder.pid}이(가) 실행 중")
    counts = t(
        f"{state.n_measured} measured, {state.n_failed} failed, {len(state.running)} running, "
        f"{len(state.waiting)} waiting; budget {state.budget.experiments}",
        f"측정 {state.n_measured}, 실패 {state.n_failed}, 실행 중 {len(state.running)}, "
        f"대기 {len(state.waiting)}, 예산 {state.budget.experiments}",
    )
    facts = [
        (t("Campaign", "캠페인"), state.id),
        (t("Mission", "미션"), state.mission.name),
        (t("State", "상태"), status),
        (t("Experiments", "실험"), counts),
        (t("Lab", "실험실"), f"{state.mission.lab.name} {state.lab_version}"),
        (t("Planner, seed", "플래너, 시드"), f"{state.mission.planner.name}, {state.seed}"),
        (t("Time", "시간"), screen.duration(state.seconds)),
        (t("Opened", "시작"), screen.moment(state.opened_at)),
        (t("Last change", "마지막 변경"), screen.moment(state.last_at)),
    ]
    if state.doubted:
        doubted = t(
            f"{', '.join(state.doubted)}: say what happened with `kgenesis record`",
            f"{', '.join(state.doubted)}: 어떻게 되었는지 `kgenesis record`로 알려 주세요",
        )
        facts.append((t("Not known", "결과 모름"), doubted))
    return facts


Budget = Annotated[
    int | None,
    typer.Option(
        "--budget", "-b", min=1, show_default=False, help=t("Experiments in all from now on.", "새 총 실험 수.")
    ),
]
Cost = Annotated[
    float | None,
    typer.Option("--cost", min=0, show_default=False, help=t("Cost in all from now on.", "새 총 비용.")),
]
Hours = Annotated[
    float | None,
    typer.Option("--hours", min=0, show_default=False, help=t("Hours in all from now on.", "새 총 시간.")),
]


def resume(  # noqa: PLR0913, PLR0917  (every one an option)
    campaign: options.Campaign,
    budget: Budget = None,
    cost: Cost = None,
    hours: Hours = None,
    workers: options.Workers = None,
    accept_lab_change: options.AcceptLabChange = False,  # noqa: FBT002
    store: options.Store = None,
    report: options.ReportFolder = None,
    no_report: options.NoReport = False,  # noqa: FBT002
    quiet: options.Quiet = False,  # noqa: FBT002
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Go on with a campaign."""
    from kgenesis.app.preflight import check_runs_by_itself
    from kgenesis.app.steer import extend_campaign
    from kgenesis.kernel.errors import CampaignEnded
    from kgenesis.kernel.text import say

    platform, state = campaign_to_change(campaign, store)
    if budget is not None or cost is not None or hours is not None:
        extend_campaign(platform, state, experiments=budget, cost=cost, hours=hours)
        if state.mission.lab.name == "people":
            _say_reopened(platform, state, is_json=is_json)
            return
    check_runs_by_itself(state.mission, state.id)
    if state.stopped is not None:
        raise CampaignEnded(
            say(f"{state.id} has ended ({state.stopped})", f"{state.id}은(는) 끝났습니다({state.stopped})")
        )
    wishes = Wishes(
        store,
        workers,
        accept_lab_change,
        is_json=is_json,
        is_quiet=quiet,
        wants_report=not no_report,
        report_folder=report,
    )
    raise typer.Exit(drive(platform, state, wishes))


def _say_reopened(platform: "Platform", state: "CampaignState", *, is_json: bool) -> None:
    from kgenesis.app.report import summary

    if is_json:
        screen.print_json(summary(platform, state, None))
        return
    n_left = state.budget.experiments - state.n_counted
    screen.note(
        t(f"Open again, with {n_left} experiments left. Next:", f"다시 열었습니다. 남은 실험 {n_left}회. 다음:")
    )
    screen.note(f"  kgenesis suggest {state.id} -n 4 -o next.csv")


Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        "-r",
        metavar=t("TEXT", "글"),
        show_default=False,
        help=t("Why; kept in the log.", "까닭. 기록에 남습니다."),
    ),
]


def stop(
    campaign: options.Campaign,
    reason: Reason = "",
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """End a campaign."""
    from kgenesis.app.steer import stop_campaign

    state = stop_campaign(existing(store), campaign, reason)
    if is_json:
        screen.print_json({"campaign": state.id, "state": state.stopped or "stopping"})
    elif state.stopped is None:
        screen.note(
            t(
                f"{state.id} ends once its runner has finished what runs.",
                f"{state.id}: 실행 중인 실험을 마치면 끝납니다.",
            )
        )
    else:
        screen.note(
            t(
                f"{state.id} has ended ({_state(state.stopped)}).",
                f"{state.id}이(가) 끝났습니다({_state(state.stopped)}).",
            )
        )


ReportPlace = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar=t("FOLDER", "폴더"),
        show_default=False,
        help=t("Where it is written; default: beside the store.", "쓸 곳. 기본값: 저장소 옆."),
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="html|json|csv",
        show_default=False,
        help=t(
            "What is written; may be given several times. Default: html.",
            "쓸 형식. 여러 번 줄 수 있습니다. 기본값: html.",
        ),
    ),
]
AlsoCsv = Annotated[bool, typer.Option("--csv", help=t("Write the table of experiments, too.", "실험 표도 씁니다."))]


def report(
    campaign: options.Campaign,
    output: ReportPlace = None,
    formats: Formats = None,
    csv: AlsoCsv = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Write a campaign's report."""
    wanted = list(dict.fromkeys([*(formats or ["html"]), *(["csv"] if csv else [])]))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise typer.BadParameter(
            t(f"{unknown[0]!r} is not html, json or csv", f"{unknown[0]!r}은(는) html, json, csv가 아닙니다"),
            param_hint="--format",
        )
    platform, state = campaign_to_read(campaign, store)
    from kgenesis.app.report import summary, write_report

    written = write_report(platform, state, None if output is None else Path(output), lang(), formats=tuple(wanted))
    if is_json:
        files = {name: str(path) for name, path in written.items()}
        screen.print_json({**summary(platform, state, written.get("html")), "files": files})
        return
    for path in written.values():
        print(path)  # noqa: T201


ExportPlace = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar=t("PATH", "경로"),
        show_default=False,
        help=t(
            "Its suffix says what: .csv experiments, .json report, .html its page, .jsonl events, .yaml mission, "
            "or .zip all; else a folder.",
            "확장자에 따라 .csv 실험 표, .json 보고서, .jsonl 사건, .yaml 미션, .zip 전체. 그 밖에는 폴더.",
        ),
    ),
]


ForProgram = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="ax|baybe|bofire",
        show_default=False,
        help=t(
            "Write a folder for this program instead, or refuse what it cannot say.",
            "이 프로그램이 읽을 폴더를 씁니다. 나타낼 수 없는 것이 있으면 거부합니다.",
        ),
    ),
]


def export(
    campaign: options.Campaign,
    output: ExportPlace,
    to: ForProgram = None,
    force: options.Force = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Take a campaign away as files."""
    from kgenesis.app.export import export_campaign

    platform, state = campaign_to_read(campaign, store)
    if to is None:
        files = export_campaign(platform, state, Path(output), lang(), may_replace=force)
    else:
        from kgenesis.app.exchange.peers import export_for

        files = export_for(to, state, Path(output), may_replace=force)
    if is_json:
        screen.print_json({"campaign": state.id, "files": [str(file) for file in files]})
        return
    for file in files:
        print(file)  # noqa: T201


COMMANDS: dict[str, tuple[Any, str]] = {
    "list": (list_, t("All campaigns, the latest first.", "모든 캠페인(최근 것부터).")),
    "show": (show, t("Where a campaign stands, and what it found.", "캠페인의 상태와 찾은 것.")),
    "resume": (
        resume,
        t(
            "Go on with a campaign that was interrupted, or with more budget with one that ended.",
            "중단된 캠페인을 이어서 하거나, 끝난 캠페인을 예산을 늘려 다시 합니다.",
        ),
    ),
    "change": CHANGE,
    "stop": (stop, t("End a campaign; what runs is finished first.", "캠페인을 끝냅니다. 실행 중인 실험은 마칩니다.")),
    "report": (report, t("Write the report and print its path.", "보고서를 쓰고 경로를 알려 줍니다.")),
    "export": (export, t("Take a campaign away as files, one or all.", "캠페인을 파일로 내보냅니다.")),
}
