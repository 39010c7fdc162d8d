"""`kgenesis reference …`: what campaigns are compared with."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from kgenesis.campaign.reference import Reference


Repeats = Annotated[
    int | None,
    typer.Option(
        "--repeats",
        min=10,
        show_default=False,
        help=t("Independent searches; default: the mission's.", "독립 탐색 횟수. 기본값: 미션에 쓴 값."),
    ),
]
Experiments = Annotated[
    int | None,
    typer.Option(
        "--experiments",
        min=10,
        show_default=False,
        help=t("Experiments in each; default: the mission's.", "탐색마다 실험 수. 기본값: 미션에 쓴 값."),
    ),
]
Planner = Annotated[
    str | None,
    typer.Option(
        "--planner",
        metavar="random|sobol",
        show_default=False,
        help=t("The search without AI; default: the mission's.", "AI 없는 탐색 방법. 기본값: 미션에 쓴 값."),
    ),
]
Processes = Annotated[int, typer.Option("--workers", "-w", min=1, help=t("Worker processes.", "작업 프로세스 수."))]


def make(
    mission: options.Mission,
    repeats: Repeats = None,
    experiments: Experiments = None,
    planner: Planner = None,
    workers: Processes = 1,
    store: options.Store = None,
    quiet: options.Quiet = False,  # noqa: FBT002
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Measure what a search without AI needs."""
    if planner not in {None, "random", "sobol"}:
        raise typer.BadParameter(
            t(f"{planner!r} is not random or sobol", f"{planner!r}은(는) random이나 sobol이 아닙니다"),
            param_hint="--planner",
        )
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.platform import open_platform
    from kgenesis.app.preflight import check_can_run
    from kgenesis.app.reference import make_reference

    loaded = load_mission(mission)
    check_can_run(loaded)
    platform = open_platform(store)
    console = screen.err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, refresh_per_second=4, disable=quiet or not console.is_terminal) as bar:
        shown = bar.add_task(t("Searching without AI", "AI 없이 탐색 중"), total=None)
        try:
            reference, path = make_reference(
                platform,
                loaded,
                repeats=repeats,
                experiments=experiments,
                planner=planner,
                n_workers=workers,
                on_progress=lambda done, total: bar.update(shown, completed=done, total=total),
            )
        except KeyboardInterrupt:
            screen.note(
                t(
                    "What was measured is kept; the same command goes on.",
                    "측정한 것은 남아 있습니다. 같은 명령으로 이어집니다.",
                )
            )
            raise
    if is_json:
        screen.print_json({**_data(reference), "path": str(path)})
    else:
        _show(reference)
        print(path)  # noqa: T201


def show(mission: options.Mission, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what campaigns of a mission are compared with."""
    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.preflight import reference_of
    from kgenesis.kernel.errors import ReferenceMissing
    from kgenesis.kernel.text import say

    baseline, said = reference_of(load_mission(mission), store)
    if baseline is None:
        raise ReferenceMissing(said or say("there is no reference", "비교 기준이 없습니다"))
    if is_json:
        note = None if said is None else said.model_dump()
        screen.print_json({**_data(baseline.reference), "label": baseline.label.model_dump(), "note": note})
        return
    print(baseline.label.in_(lang()))  # noqa: T201
    _show(baseline.reference)
    if said is not None:
        screen.note(said.in_(lang()))


def _data(reference: "Reference") -> dict[str, Any]:
    data = reference.model_dump(mode="json", exclude={"repeats"})
    return {**data, "repeats": len(reference.repeats), "experiments": reference.n_experiments}


def _show(reference: "Reference") -> None:
    from rich.table import Table

    kinds = {
        "closed-form": t("exact, from every point of the table", "표의 모든 점으로 정확히 계산"),
        "measured": t("measured", "측정함"),
        "estimate": t("estimated by a model", "모델로 추정"),
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(t("Mission", "미션"), reference.mission)
    grid.add_row(t("Kind", "종류"), kinds[reference.kind])
    grid.add_row(t("Search", "탐색"), reference.planner)
    grid.add_row(t("Repeats x experiments", "반복 x 실험"), f"{len(reference.repeats)} x {reference.n_experiments}")
    grid.add_row(t("Lab", "실험실"), f"{reference.lab} {reference.lab_version}")
    if reference.command:
        grid.add_row(t("Made by", "만든 명령"), reference.command)
    screen.out().print(grid)


COMMANDS: dict[str, tuple[Any, str]] = {
    "make": (
        make,
        t(
            "Measure what a search without AI needs; can be interrupted.",
            "AI 없는 탐색에 드는 실험을 측정합니다. 중단해도 됩니다.",
        ),
    ),
    "show": (show, t("What campaigns of a mission are compared with.", "미션의 비교 기준을 보여 줍니다.")),
}
