"""`kgenesis mission …`: write a charter, open it, run its campaigns, pause, pivot, stop."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t
from kgenesis.cli.running import Wishes, drive
from kgenesis.cli.store import existing, store_if_any

if TYPE_CHECKING:
    from kgenesis.app.missions import Deed
    from kgenesis.app.platform import Platform
    from kgenesis.missions.state import MissionState

MissionName = Annotated[
    str,
    typer.Argument(
        metavar=t("MISSION", "미션"),
        show_default=False,
        help=t(
            "Its id, the beginning of it, the name of its charter, or `last`.",
            "미션 ID, 그 앞부분, 헌장 이름, 또는 `last`.",
        ),
    ),
]
CharterFile = Annotated[
    str,
    typer.Argument(
        metavar=t("CHARTER", "헌장"),
        show_default=False,
        help=t(
            "A charter, or a mission file or built-in mission, whose targets and budget are then the promise.",
            "헌장 파일. 미션 파일이나 내장 미션 이름을 주면 그 목표와 예산이 약속이 됩니다.",
        ),
    ),
]
Opened = Annotated[
    str,
    typer.Argument(
        metavar=t("CHARTER", "헌장"),
        show_default=False,
        help=t(
            "A charter, a mission file, a built-in mission, or the id of a draft.",
            "헌장 파일, 미션 파일, 내장 미션 이름, 또는 초안의 ID.",
        ),
    ),
]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar=t("NAME", "이름"),
        show_default=False,
        help=t(
            "Who you are, as the charter names you; default: KGENESIS_ACTOR, else your login name. Nobody logs in yet: "
            "names are taken as given.",
            "헌장에 적힌 나의 이름. 기본값: KGENESIS_ACTOR, 없으면 로그인 이름. "
            "아직 로그인이 없어 이름을 그대로 믿습니다.",
        ),
    ),
]
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


def _said(platform: "Platform", state: "MissionState", *, is_json: bool, text: str) -> None:
    if is_json:
        from kgenesis.app.mission_view import mission_data

        screen.print_json(mission_data(platform, state))
    else:
        print(state.id)  # noqa: T201
        screen.note(text)


NewFile = Annotated[str, typer.Argument(metavar=t("[FILE]", "[파일]"), help=t("The file to write.", "쓸 파일."))]
Following = Annotated[
    str | None,
    typer.Option(
        "--mission-file",
        "-m",
        metavar=t("MISSION", "미션 파일"),
        show_default=False,
        help=t(
            "A mission file or built-in mission to write the charter around; without it, an example.",
            "헌장을 쓸 미션 파일이나 내장 미션. 없으면 예시를 씁니다.",
        ),
    ),
]


def new(
    file: NewFile = "charter.yaml",
    mission_file: Following = None,
    actor: As = None,
    force: options.Force = False,  # noqa: FBT002
) -> None:
    """Write a commented charter."""
    from kgenesis.app.charter_template import write_charter
    from kgenesis.app.missions import actor_of

    path = Path(file)
    path = path if path.suffix in {".yaml", ".yml"} else path.with_name(f"{path.name}.yaml")
    for written in write_charter(path, mission_file, actor_of(actor), lang(), may_replace=force):
        print(written)  # noqa: T201
    screen.note(t(f"Next: kgenesis mission check {path}", f"다음: kgenesis mission check {path}"))


def check(
    charter: CharterFile,
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Check a charter, and say what is missing before it can be opened."""
    from kgenesis.app.charters import load_charter
    from kgenesis.app.missions import actor_of

    loaded = load_charter(charter, actor_of(actor), store_if_any(store))
    missing = [{"field": m.field, "text": m.text.model_dump()} for m in loaded.missing]
    if is_json:
        notes = [note.model_dump() for note in loaded.notes]
        data = loaded.charter.model_dump(mode="json")
        screen.print_json({"charter": data, "missing": missing, "can_be_opened": not missing, "notes": notes})
        return
    from kgenesis.cli.mission import print_charter

    print_charter(loaded.charter.model_dump(mode="json"))
    for note in loaded.notes:
        screen.note(note.in_(lang()))
    for mistake in loaded.missing:
        screen.note(mistake.in_(lang()))
    if not missing:
        screen.note(t("It can be opened.", "열 수 있습니다."))


def draft(
    charter: CharterFile,
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Write a charter down that is not complete yet."""
    from kgenesis.app.charters import load_charter
    from kgenesis.app.missions import actor_of, draft_mission
    from kgenesis.app.platform import open_platform

    who = actor_of(actor)
    loaded = load_charter(charter, who, store_if_any(store))
    platform = open_platform(store)
    state = draft_mission(platform, loaded, who)
    lacks = ", ".join(mistake.field for mistake in loaded.missing)
    text = t(f"A draft; it lacks {lacks}.", f"초안입니다. 빠진 것: {lacks}.") if lacks else t(
        f"A draft with nothing missing: kgenesis mission open {state.id}",
        f"빠진 것이 없는 초안입니다: kgenesis mission open {state.id}")  # fmt: skip
    _said(platform, state, is_json=is_json, text=text)


def open_(
    charter: Opened,
    actor: As = None,
    reason: Reason = "",
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Open a mission: from now on its charter holds."""
    from kgenesis.app.charters import load_charter
    from kgenesis.app.missions import actor_of, check_can_open, open_draft, open_mission
    from kgenesis.app.platform import open_platform

    who = actor_of(actor)
    if charter.startswith("mis_"):
        platform = existing(store)
        state = open_draft(platform, charter, who, reason)
    else:
        loaded = load_charter(charter, who, store_if_any(store))
        check_can_open(loaded, who)  # so that bad input leaves no trace
        platform = open_platform(store)
        state = open_mission(platform, loaded, who, reason)
        for note in loaded.notes:
            screen.note(note.in_(lang()))
    _said(platform, state, is_json=is_json, text=t(
        f"{state.charter.name} is open. Next: kgenesis mission run {state.id}",
        f"{state.charter.name}을(를) 열었습니다. 다음: kgenesis mission run {state.id}"))  # fmt: skip


def _decide(deed: "Deed", mission: str, actor: str | None, reason: str, store: str | None, *, is_json: bool) -> None:
    from kgenesis.app.missions import actor_of, steer_mission

    platform = existing(store)
    state = steer_mission(platform, mission, deed, actor_of(actor), reason)
    said = {
        "pause": t(f"Paused; kgenesis mission resume {state.id} goes on.",
                   f"중단했습니다. kgenesis mission resume {state.id}로 이어집니다."),
        "resume": t("Under way again.", "다시 진행합니다."),
        "stop": t("Stopped; its log stays.", "종료했습니다. 기록은 남습니다."),
    }[deed]  # fmt: skip
    _said(platform, state, is_json=is_json, text=said)


def pause(
    mission: MissionName,
    reason: Reason = "",
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Let nothing be run until the mission is resumed."""
    _decide("pause", mission, actor, reason, store, is_json=is_json)


def resume(
    mission: MissionName,
    reason: Reason = "",
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """End a pause."""
    _decide("resume", mission, actor, reason, store, is_json=is_json)


def stop(
    mission: MissionName,
    reason: Reason = "",
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Give a mission up."""
    _decide("stop", mission, actor, reason, store, is_json=is_json)


def pivot(
    mission: MissionName,
    charter: CharterFile,
    reason: Reason = "",
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Change a mission's charter."""
    from kgenesis.app.charters import load_charter
    from kgenesis.app.missions import actor_of, pivot_mission

    who = actor_of(actor)
    platform = existing(store)
    loaded = load_charter(charter, who, platform)
    state = pivot_mission(platform, mission, loaded, who, reason)
    _said(platform, state, is_json=is_json, text=t(
        "The new charter holds; what was promised before stays in `kgenesis mission history`.",
        "새 헌장이 발효되었습니다. 이전 약속은 `kgenesis mission history`에 남습니다."))  # fmt: skip


def join(
    mission: MissionName,
    campaign: options.Campaign,
    actor: As = None,
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Let a campaign that was run by itself become evidence of a mission."""
    from kgenesis.app.missions import actor_of, join_campaign

    platform = existing(store)
    state = join_campaign(platform, mission, campaign, actor_of(actor))
    _said(platform, state, is_json=is_json, text=t(
        f"It is evidence of {state.charter.name} now: kgenesis mission status {state.id}",
        f"이제 {state.charter.name}의 증거입니다: kgenesis mission status {state.id}"))  # fmt: skip


OneFile = Annotated[
    str | None,
    typer.Option(
        "--mission-file",
        "-m",
        metavar=t("MISSION", "미션 파일"),
        show_default=False,
        help=t("One of the charter's mission files instead of the next.", "다음 차례 대신 쓸, 헌장의 미션 파일."),
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        "-s",
        min=0,
        metavar="N",
        show_default=False,
        help=t(
            "Of a new campaign; default: how many of the mission's campaigns followed the file before.",
            "새 캠페인의 시드. 기본값: 이 미션에서 그 파일을 따른 캠페인의 수.",
        ),
    ),
]


def run(  # noqa: PLR0913, PLR0917  (every one an option)
    mission: MissionName,
    mission_file: OneFile = None,
    seed: Seed = None,
    workers: options.Workers = None,
    actor: As = None,
    store: options.Store = None,
    report: options.ReportFolder = None,
    no_report: options.NoReport = False,  # noqa: FBT002
    quiet: options.Quiet = False,  # noqa: FBT002
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Run a mission's next campaign, or go on with the one that is open."""
    from kgenesis.app.mission_run import next_campaign
    from kgenesis.app.missions import actor_of, settle

    platform = existing(store)
    state, campaign = next_campaign(platform, mission, actor_of(actor), mission_file=mission_file, seed=seed)
    wishes = Wishes(
        store, workers, is_json=is_json, is_quiet=quiet, wants_report=not no_report, report_folder=report,
        resumes_with=f"kgenesis mission run {state.id}" + (f" --store {shlex.quote(store)}" if store else ""),
    )  # fmt: skip
    code = drive(platform, campaign, wishes)
    before = set(state.passed)
    state = settle(platform, state)
    for name in state.passed:
        if name not in before:
            screen.note(t(f"Milestone passed: {name}", f"이정표 통과: {name}"))
    if state.status == "met":
        screen.note(t(f"{state.charter.name} is met.", f"{state.charter.name}을(를) 달성했습니다."))
    raise typer.Exit(code)


STEERING: dict[str, tuple[Any, str]] = {
    "new": (new, t("A commented charter to begin with.", "주석이 달린 헌장 견본.")),
    "check": (check, t("Check a charter and say what it lacks; nothing is written.",
                       "헌장을 검사하고 빠진 것을 말합니다. 아무것도 쓰지 않습니다.")),
    "draft": (draft, t("Keep a charter that is not complete yet.", "아직 완성되지 않은 헌장을 보관합니다.")),
    "open": (open_, t("Open a mission: from now on its charter holds.", "미션을 엽니다. 이때부터 헌장이 유효합니다.")),
    "run": (run, t("Run its next campaign, or go on with the open one. Ctrl-C once finishes what runs; the same "
                   "command goes on.",
                   "다음 캠페인을 실행하거나 열린 캠페인을 이어 합니다. Ctrl-C를 한 번 누르면 하던 실험을 마치고 "
                   "멈추며, 같은 명령으로 이어집니다.")),
    "join": (join, t("Let a campaign that was run by itself become evidence.",
                     "따로 실행한 캠페인을 미션의 증거로 넣습니다.")),
    "pause": (pause, t("Let nothing be run for a while (director).", "한동안 아무것도 실행하지 않습니다(책임자).")),
    "resume": (resume, t("End a pause (director).", "중단을 풉니다(책임자).")),
    "pivot": (pivot, t("Change the charter, with a reason (director).", "까닭을 밝히고 헌장을 바꿉니다(책임자).")),
    "stop": (stop, t("Give the mission up, with a reason (director).", "까닭을 밝히고 미션을 끝냅니다(책임자).")),
}  # fmt: skip
