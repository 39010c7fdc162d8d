"""`kgenesis open`, `suggest` and `record`: proposals to a sheet, results back from it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t
from kgenesis.cli.live import why
from kgenesis.cli.store import campaign_to_change, existing

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform
    from kgenesis.campaign.state import CampaignState, Experiment
    from kgenesis.kernel.experiment import Value


EXPLAINED = 8
"""Proposals explained in sentences on the screen, at most."""


def open_(
    mission: options.Mission,
    seed: options.Seed = 0,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Open a campaign without running it."""
    _, state = _opened(mission, seed, store)
    if is_json:
        screen.print_json({"campaign": state.id, "mission": state.mission.name, "seed": state.seed})
    else:
        print(state.id)  # noqa: T201
        screen.note(
            t(
                f"Next: kgenesis suggest {state.id} -n 4 -o next.csv",
                f"다음: kgenesis suggest {state.id} -n 4 -o next.csv",
            )
        )


CampaignOrMission = Annotated[
    str,
    typer.Argument(
        metavar=t("CAMPAIGN|MISSION", "캠페인|미션"),
        show_default=False,
        help=t(
            "A campaign (id, its beginning, or `last`), or a mission, of which a campaign is opened.",
            "캠페인(ID, 그 앞부분, `last`) 또는 미션. 미션이면 캠페인을 새로 엽니다.",
        ),
    ),
]
Number = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--number",
        min=1,
        show_default=False,
        help=t(
            "How many experiments; one, or as many as are withdrawn.",
            "제안할 실험 수. 기본값은 하나 또는 철회한 수만큼.",
        ),
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar=t("SHEET", "시트"),
        show_default=False,
        help=t(
            "A .csv or .xlsx to fill in; without it they are only shown.",
            "채워 넣을 .csv 또는 .xlsx. 없으면 보여 주기만 합니다.",
        ),
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        "--fix",
        metavar=t("NAME=VALUE", "이름=값"),
        show_default=False,
        help=t(
            "A value they must have, e.g. today's context; may be given several times.",
            "꼭 가져야 할 값(예: 오늘의 환경). 여러 번 줄 수 있습니다.",
        ),
    ),
]
Pending = Annotated[
    bool,
    typer.Option(
        "--pending",
        help=t("Propose nothing new: those that have no result yet.", "새로 제안하지 않고, 아직 결과가 없는 것만."),
    ),
]


Redo = Annotated[
    bool,
    typer.Option(
        "--redo",
        help=t(
            "Withdraw what was proposed and not started, and propose anew.",
            "제안했지만 시작하지 않은 실험을 철회하고 새로 제안합니다.",
        ),
    ),
]


def suggest(
    campaign: CampaignOrMission,
    n: Number = None,
    output: Sheet = None,
    fix: Fix = None,
    redo: Redo = False,  # noqa: FBT002
    pending: Pending = False,  # noqa: FBT002
    force: options.Force = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Propose the next experiments."""
    from kgenesis.app.ask_and_tell import open_proposals, write_sheet
    from kgenesis.app.ask_and_tell import suggest as propose
    from kgenesis.campaign.sentences import why_of

    path = None if output is None else Path(output)
    if pending and (redo or fix or n):
        raise typer.BadParameter(
            t(
                "proposes nothing, so it goes with neither -n, --fix nor --redo",
                "새로 제안하지 않으므로 -n, --fix, --redo와 함께 쓸 수 없습니다",
            ),
            param_hint="--pending",
        )
    _check_target(path, may_replace=force)
    platform, state = _campaign_or_mission(campaign, store)
    experiments = open_proposals(state) if pending else propose(platform, state, n, _fixed(state, fix or []), redo=redo)
    if path is not None:
        try:
            write_sheet(state, experiments, path, lang())
        except BaseException:
            # they are proposed all the same; the next try must not propose others
            again = f"kgenesis suggest {state.id} --pending -o SHEET"
            screen.note(
                t(
                    f"Proposed, but the sheet was not written. Again: {again}",
                    f"제안은 했지만 시트를 쓰지 못했습니다. 다시: {again}",
                )
            )
            raise
    if is_json:
        shown = [
            {"experiment": e.id, "number": e.number, "plate": e.plate, "conditions": e.conditions,
             "why": e.why.model_dump(mode="json"), "why_text": why_of(state, e).in_(lang())}
            for e in experiments
        ]  # fmt: skip
        screen.print_json({"campaign": state.id, "experiments": shown, "sheet": output})
        return
    _show(state, experiments)
    if not pending:
        _say_what_is_left(state)
    if path is not None:
        screen.note(
            t(
                f"Written to {path}. Fill in the results, then: kgenesis record {state.id} {path}",
                f"{path}에 썼습니다. 결과를 채운 뒤: kgenesis record {state.id} {path}",
            )
        )


def _check_target(path: Path | None, *, may_replace: bool) -> None:
    """Refuse before anything is proposed: a sheet may already hold somebody's results."""
    from kgenesis.kernel.errors import BadInput
    from kgenesis.kernel.text import say

    if path is None:
        return
    if path.exists() and not may_replace:
        raise BadInput(
            say(f"{path} exists already", f"{path}이(가) 이미 있습니다"),
            hint=say(
                "Choose another name, or replace it with `--force`.", "다른 이름을 고르거나 `--force`로 바꿔 쓰세요."
            ),
        )
    if not path.resolve().parent.is_dir():
        raise BadInput(
            say(f"there is no folder {path.parent}", f"{path.parent} 폴더가 없습니다"),
            hint=say("Make it, or choose another.", "폴더를 만들거나 다른 곳을 고르세요."),
        )


def _campaign_or_mission(name: str, store: str | None) -> "tuple[Platform, CampaignState]":
    from kgenesis.kernel.plugins import installed

    if Path(name).is_file() or name in installed("missions"):
        platform, state = _opened(name, 0, store)
        screen.note(t(f"Opened campaign {state.id}.", f"캠페인 {state.id}을(를) 열었습니다."))
        return platform, state
    return campaign_to_change(name, store)


def _opened(mission: str, seed: int, store: str | None) -> "tuple[Platform, CampaignState]":
    from kgenesis.app.campaigns import open_campaign
    from kgenesis.app.mission_files import load_mission
    from kgenesis.app.platform import open_platform
    from kgenesis.app.preflight import check_can_run

    loaded = load_mission(mission)
    check_can_run(loaded)
    platform = open_platform(store)
    return platform, open_campaign(platform, loaded, seed)


def _fixed(state: "CampaignState", given: Sequence[str]) -> "dict[str, Value]":
    """Return `name=value` as values: levels as they are, everything else as a number if it is one."""
    levels = {v.name: v.levels for v in state.mission.space.variables}
    fixed: dict[str, Value] = {}
    for item in given:
        name, sign, text = (part.strip() for part in item.partition("="))
        if not sign:
            raise typer.BadParameter(
                t(f"{item!r} is not NAME=VALUE", f"{item!r}은(는) 이름=값이 아닙니다"), param_hint="--fix"
            )
        try:
            fixed[name] = text if levels.get(name) else float(text)
        except ValueError:
            fixed[name] = text  # `suggest` says what is wrong with it
    return fixed


def _say_what_is_left(state: "CampaignState") -> None:
    from kgenesis.app.campaigns import possible_of
    from kgenesis.campaign.outlook import outlook_sentence

    if (left := outlook_sentence(state, possible_of(state))) is not None:
        screen.note(left.in_(lang()))


def _show(state: "CampaignState", experiments: "Sequence[Experiment]") -> None:
    from rich import box
    from rich.table import Table

    from kgenesis.campaign.sentences import why_of

    if not experiments:
        screen.note(t("There is nothing to propose.", "제안할 것이 없습니다."))
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(t("Experiment", "실험"), no_wrap=True)
    for variable in state.mission.space.variables:
        unit = "" if variable.unit in {"", "1"} else f"\n\\[{variable.unit}]"
        table.add_column(f"{variable.name}{unit}", justify="left" if variable.levels else "right")
    table.add_column(t("Why", "까닭"), style="dim")
    for e in experiments:
        table.add_row(e.id, *(screen.number(e.conditions.get(n)) for n in state.mission.space.names), why(e))
    screen.out().print(table)
    for e in experiments[:EXPLAINED]:
        screen.out().print(f"{e.number}. {why_of(state, e).in_(lang())}", style="dim", highlight=False, markup=False)


Results = Annotated[
    str,
    typer.Argument(
        metavar=t("RESULTS", "결과"),
        show_default=False,
        help=t(
            "A filled-in .csv or .xlsx sheet; rows in any order, also experiments nobody asked for.",
            "결과를 채운 .csv 또는 .xlsx 시트. 행 순서는 상관없고, 제안하지 않은 실험도 됩니다.",
        ),
    ),
]


def record(
    campaign: options.Campaign,
    results: Results,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Take results from a sheet, all or none."""
    from kgenesis.app.ask_and_tell import record_sheet

    platform = existing(store)
    state, taken = record_sheet(platform, campaign, Path(results))
    from kgenesis.app.report import make_report, summary
    from kgenesis.cli.summary import show

    if is_json:
        screen.print_json({**summary(platform, state, None), "answered": taken.answered, "added": taken.added})
        return
    screen.note(
        t(
            f"{len(taken.answered)} results taken, {len(taken.added)} of experiments nobody had asked for.",
            f"결과 {len(taken.answered)}개를 받았습니다. 제안하지 않은 실험 {len(taken.added)}개를 더했습니다.",
        )
    )
    if state.n_measured:
        show(make_report(platform, state), state)
    if state.stopped is None:
        screen.note(
            t(
                f"Next: kgenesis suggest {state.id} -n 4 -o next.csv",
                f"다음: kgenesis suggest {state.id} -n 4 -o next.csv",
            )
        )


COMMANDS: dict[str, tuple[Any, str]] = {
    "open": (open_, t("Open a campaign without running it.", "캠페인을 열기만 합니다(실행하지 않음).")),
    "suggest": (
        suggest,
        t("Propose the next experiments, on a sheet to fill in.", "다음 실험을 제안하고 채워 넣을 시트를 씁니다."),
    ),
    "record": (record, t("Take results back from a sheet, all or none.", "시트의 결과를 받습니다(전부 아니면 전무).")),
}
