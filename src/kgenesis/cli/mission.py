"""`kgenesis mission …`: look at missions: what there is, what was promised, where each stands, what happened."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t
from kgenesis.cli.mission_steer import STEERING, MissionName
from kgenesis.cli.programme import PROGRAMME
from kgenesis.cli.store import store_if_any

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform
    from kgenesis.kernel.text import Text


Checked = Annotated[
    str,
    typer.Argument(
        metavar=t("MISSION", "미션"),
        show_default=False,
        help=t("A mission file, or the name of a built-in mission.", "미션 파일이나 내장 미션의 이름."),
    ),
]


def said(text: "Text") -> str:
    """Return a text in the language people read here."""
    return text.in_(lang())


def list_(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show every mission, built in or own."""
    from kgenesis.app.mission_list import list_missions

    missions = list_missions(store_if_any(store))
    if is_json:
        screen.print_json({"missions": missions})
        return
    from rich import box
    from rich.table import Table

    from kgenesis.app.mission_words import state_text

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(t("Mission", "미션"), overflow="fold")
    table.add_column(t("Title", "제목"), overflow="fold")
    table.add_column(t("Technology", "기술"), overflow="fold")
    table.add_column(t("State", "상태"), no_wrap=True)
    table.add_column(t("Here", "실행"), no_wrap=True)
    for mission in missions:
        here = t("yes", "가능") if mission["available"] else t("no", "불가")
        shown = [mission["name"], screen.text_of(mission["title"]), mission["technology"] or "–"]
        table.add_row(*map(screen.literal, shown), said(state_text(mission["state"])), here)
    screen.out().print(table)
    for mission in missions:
        if mission["remedy"]:
            screen.note(f"{mission['name']}: {screen.text_of(mission['remedy'])}")


def _read(name: str, store: str | None) -> "tuple[Platform, Any, dict[str, Any]]":
    from kgenesis.app.mission_log import read_mission
    from kgenesis.app.mission_view import mission_data
    from kgenesis.app.platform import open_platform

    platform = open_platform(store, read_only=True)
    state = read_mission(platform, name)
    return platform, state, mission_data(platform, state)


def show(mission: MissionName, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what a mission promised, and who keeps it."""
    _, _, data = _read(mission, store)
    if is_json:
        screen.print_json(data)
        return
    print_charter(data["charter"])
    from kgenesis.app.mission_words import state_text

    _grid([(t("Mission", "미션"), data["id"]), (t("State", "상태"), said(state_text(data["state"])))])
    for campaign in data["campaigns"]:
        told = t(
            f"{campaign['id']}  {campaign['mission_file']}, seed {campaign['seed']}, {campaign['experiments']} experiments",
            f"{campaign['id']}  {campaign['mission_file']}, 시드 {campaign['seed']}, 실험 {campaign['experiments']}회",
        )
        screen.out().print(f"  {told}", markup=False)


def print_charter(charter: Mapping[str, Any]) -> None:
    """Print a charter as people read it."""
    from kgenesis.app.mission_words import budget_text, due_text, target_text

    console = screen.out()
    console.print(screen.text_of(charter["title"]), style="bold", markup=False)
    if any(charter["statement"].values()):
        console.print(screen.text_of(charter["statement"]), markup=False)
    partners = ", ".join(p["name"] for p in charter["partners"]) or "–"
    milestones = [(m["name"], f"{m['exam']} ({said(due_text(m['due']))})") for m in charter["milestones"]]
    _grid(
        [
            (t("Technologies", "기술"), ", ".join(charter["technologies"]) or "–"),
            (t("Question", "질문"), charter["question"] or "–"),
            (t("Director", "책임자"), charter["director"] or "–"),
            (t("Partners", "참여자"), partners),
            *((t("Target", "목표"), said(target_text(kpi))) for kpi in charter["kpis"]),
            *((t("Milestone", "이정표"), f"{name}: {exam}") for name, exam in milestones),
            (t("Budget", "예산"), said(budget_text(charter["budget"]))),
            (t("Mission files", "미션 파일"), ", ".join(charter["mission_files"]) or "–"),
        ]
    )


def _grid(rows: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(screen.literal(name), screen.literal(value))
    screen.out().print(grid)


def status(mission: MissionName, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show how far a mission is, by its campaigns' logs."""
    _, _, data = _read(mission, store)
    if is_json:
        screen.print_json({key: value for key, value in data.items() if key != "charter"})
        return
    print_status(data)


def print_status(data: Mapping[str, Any]) -> None:
    """Print how far a mission is."""
    from kgenesis.app import mission_words as words
    from kgenesis.kernel.text import Text

    screen.out().print(screen.text_of(data["title"]), style="bold", markup=False)
    rows = [(t("Mission", "미션"), f"{data['id']} ({said(words.state_text(data['state']))})")]
    rows += [(said(words.target_text(kpi)), said(words.best_text(kpi))) for kpi in data["kpis"]]
    for milestone in data["milestones"]:
        state, due = said(words.MILESTONES[milestone["state"]]), said(words.due_text(milestone["due"]))
        rows.append((milestone["name"], f"{milestone['exam']}: {state} ({due})"))
    done = data["experiments"]
    rows.append((t("Experiments", "실험"), t(
        f"{done['finished']} of {done['budget'] or '–'}, {done['failed']} failed",
        f"{done['budget'] or '–'}회 중 {done['finished']}회, 실패 {done['failed']}회")))  # fmt: skip
    rows.append((t("Cost", "비용"), said(words.won_text(data["won"]["spent"], data["won"]["budget"]))))
    rows.append(("GPU", said(words.gpu_text(data["gpu_hours"]))))
    why = data["campaigns"][-1]["why_no_acceleration"] if data["campaigns"] else None
    told = words.acceleration_text(data["acceleration"], Text.model_validate(why) if why else None)
    rows.append((t("Acceleration", "가속 배수"), said(told) if data["campaigns"] else "–"))
    _grid(rows)
    if data["is_met_by_logs"] and data["state"] not in {"met", "stopped"}:
        screen.note(t("The logs reach every KPI; `kgenesis mission run` or `join` writes it down.",
                      "기록상 모든 KPI에 도달했습니다. `kgenesis mission run`이나 `join`이 달성을 기록합니다."))  # fmt: skip


def history(mission: MissionName, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what happened to a mission, who decided it, and why."""
    from kgenesis.app.mission_log import read_mission
    from kgenesis.app.mission_view import history_data
    from kgenesis.app.platform import open_platform

    platform = open_platform(store, read_only=True)
    state = read_mission(platform, mission)
    events = history_data(platform, state)
    if is_json:
        screen.print_json({"id": state.id, "events": events})
        return
    from kgenesis.app.mission_words import DEEDS, NONE, ROLES

    rows = []
    for event in events:
        who = event.get("actor", "")
        role = said(ROLES.get(event.get("role", ""), NONE)).strip("–")
        what = " ".join(str(event[key]) for key in ("campaign", "milestone", "experiment") if event.get(key))
        told = "  ".join(part for part in (what, f"{who} ({role})" if role else who, event.get("reason", "")) if part)
        rows.append((screen.moment(event["at"]), f"{said(DEEDS[event['type']])}  {told}".rstrip()))
    _grid(rows)


def verify(mission: Checked, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Compare a mission's laboratory with what is known: published values, closed forms, balances."""
    from kgenesis.app.checks import check_lab

    done = []
    for check in check_lab(mission):
        done.append(check)
        if not is_json:
            screen.out().print(_compared(check))
    if is_json:
        screen.print_json({"mission": mission, "holds": all(c["holds"] for c in done), "checks": done})
    elif not done:
        screen.note(t("Nothing is known to compare this laboratory with.", "이 실험실과 견줄 알려진 값이 없습니다."))
    raise typer.Exit(0 if all(check["holds"] for check in done) else 1)


def _compared(check: Mapping[str, Any]) -> str:
    """Return one comparison as a line of what, and a line of the numbers and where they come from."""
    sign = t("agrees ", "일치  ") if check["holds"] else t("DIFFERS", "불일치")
    unit = "" if check["unit"] in {"", "1"} else f" {check['unit']}"
    numbers = f"{check['found']:.6g} ≈ {check['expected']:.6g} ± {check['tolerance']:.2g}{unit}"
    return screen.literal(f"{sign}  {screen.text_of(check['what'])}\n         {numbers}   ({check['source']})")


COMMANDS: dict[str, tuple[Any, str]] = {
    "list": (list_, t("Every mission, built in or own: what it serves, where it stands, whether it runs here.",
                      "내장 미션과 나의 미션 전부: 어느 기술을 위한 것인지, 상태, 실행 가능 여부.")),
    "show": (show, t("What a mission promised, who keeps it, and its campaigns.",
                     "미션의 약속, 지키는 사람, 캠페인.")),
    "status": (status, t("How far a mission is: targets, milestones, budget, gain; from its campaigns' logs alone.",
                         "미션의 진척: 목표, 이정표, 예산, 절약. 캠페인 기록만으로 계산합니다.")),
    "history": (history, t("What happened to a mission, who decided it, and why.",
                           "미션에 일어난 일, 결정한 사람, 까닭.")),
    "verify": (verify, t("Compare a mission's laboratory with published values and closed forms, here and now.",
                         "미션의 실험실을 발표된 값, 해석해와 지금 여기서 대조합니다.")),
    **STEERING,
    **PROGRAMME,
}  # fmt: skip
