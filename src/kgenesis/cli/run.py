"""`kgenesis run`."""

from typing import Annotated, Any

import typer

from kgenesis.cli import options
from kgenesis.cli.language import t
from kgenesis.cli.running import Wishes, drive

AtATime = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-w",
        metavar="N",
        min=1,
        show_default=False,
        help=t(
            "Experiments at a time, each in a process of its own; default: the mission's `parallel`.",
            "동시에 하는 실험 수(각각 별도 프로세스). 기본값: 미션의 `parallel`.",
        ),
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        "--budget",
        "-b",
        metavar="N",
        show_default=False,
        help=t("Experiments at most; default: the mission's.", "최대 실험 수. 기본값: 미션에 쓴 값."),
    ),
]
Planner = Annotated[
    str | None,
    typer.Option(
        "--planner",
        "-p",
        metavar=t("NAME", "이름"),
        show_default=False,
        help=t(
            "Who decides: model, random, sobol, latin-hypercube, factorial, or a plug-in; default: the mission's.",
            "다음 실험을 고르는 플래너: model, random, sobol, latin-hypercube, factorial 또는 플러그인. "
            "기본값: 미션에 쓴 값.",
        ),
    ),
]


def run(  # noqa: PLR0913, PLR0917  (every one an option)
    mission: options.Mission,
    workers: AtATime = None,
    budget: Budget = None,
    seed: options.Seed = 0,
    planner: Planner = None,
    store: options.Store = None,
    report: options.ReportFolder = None,
    no_report: options.NoReport = False,  # noqa: FBT002
    quiet: options.Quiet = False,  # noqa: FBT002
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Open a campaign of a mission and run it to its end."""
    from kgenesis.app.campaigns import open_campaign
    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.platform import open_platform
    from kgenesis.app.preflight import check_can_run, check_runs_by_itself

    loaded = load_mission(mission)
    changes: dict[str, Any] = {}
    if workers is not None:
        changes["parallel"] = workers
    if budget is not None:
        changes["budget"] = loaded.mission.budget.model_dump(exclude_none=True) | {"experiments": budget}
    if planner is not None and planner != loaded.mission.planner.name:
        changes["planner"] = planner
    if changes:
        loaded = load_mission(mission, changes)
    # all that can be wrong is looked for before the store is touched, so that bad input leaves no trace
    check_runs_by_itself(loaded.mission, mission)
    check_can_run(loaded)
    platform = open_platform(store)
    state = open_campaign(platform, loaded, seed)
    wishes = Wishes(store, is_json=is_json, is_quiet=quiet, wants_report=not no_report, report_folder=report)
    raise typer.Exit(drive(platform, state, wishes))


COMMANDS = {
    "run": (
        run,
        t(
            "Run a mission: experiments, live progress, a report. Ctrl-C once finishes what runs; "
            "`kgenesis campaign resume` goes on.",
            "미션을 실행합니다: 실험, 실시간 진행, 보고서. Ctrl-C를 한 번 누르면 하던 실험을 마치고 멈추며, "
            "`kgenesis campaign resume`으로 이어집니다.",
        ),
    ),
}
