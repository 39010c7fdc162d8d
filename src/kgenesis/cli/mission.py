"""`kgenesis mission …`: look at missions: what there is, what was promised, where each stands, what happened."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kgenesis.cli import options, screen
from kgenesis.cli.language import t
from kgenesis.cli.mission_steer import STEERING, MissionName

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform

STATES = {
    "drafted": ("drafted", "초안"),
    "opened": ("opened", "개시"),
    "running": ("running", "진행 중"),
    "paused": ("paused", "일시 중단"),
    "pivoted": ("pivoted", "방향 전환"),
    "stopped": ("stopped", "종료"),
    "met": ("met", "달성"),
}
MILESTONES = {
    "passed": ("passed", "통과"),
    "late": ("passed late", "늦게 통과"),
    "open": ("open", "진행 중"),
    "overdue": ("overdue", "기한 지남"),
}
DEEDS = {
    "mission.drafted": ("charter drafted", "헌장 초안 작성"),
    "mission.revised": ("draft revised", "초안 수정"),
    "mission.opened": ("opened", "개시"),
    "mission.campaign-joined": ("campaign joined", "캠페인 합류"),
    "mission.paused": ("paused", "일시 중단"),
    "mission.resumed": ("resumed", "재개"),
    "mission.pivoted": ("charter changed", "헌장 변경(방향 전환)"),
    "mission.stopped": ("stopped", "종료"),
    "mission.milestone-passed": ("milestone passed", "이정표 통과"),
    "mission.met": ("met", "달성"),
}


def state_of(name: str | None) -> str:
    """Return where a mission stands, for people."""
    return "–" if name is None else t(*STATES[name])


def store_if_any(store: str | None) -> "Platform | None":
    """Return the store for reading; None if there is none yet."""
    from kgenesis.app.platform import open_platform
    from kgenesis.kernel.errors import NotFound

    try:
        return open_platform(store, read_only=True)
    except NotFound:
        return None


def list_(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show every mission, built in or own."""
    from kgenesis.app.mission_list import list_missions

    missions = list_missions(store_if_any(store))
    if is_json:
        screen.print_json({"missions": missions})
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(t("Mission", "미션"), overflow="fold")
    table.add_column(t("Title", "제목"), overflow="fold")
    table.add_column(t("Technology", "기술"), overflow="fold")
    table.add_column(t("State", "상태"), no_wrap=True)
    table.add_column(t("Here", "실행"), no_wrap=True)
    for mission in missions:
        here = t("yes", "가능") if mission["available"] else t("no", "불가")
        shown = [mission["name"], screen.text_of(mission["title"]), mission["technology"] or "–"]
        table.add_row(*map(screen.literal, shown), state_of(mission["state"]), here)
    screen.out().print(table)
    for mission in missions:
        if mission["remedy"]:
            screen.note(f"{mission['name']}: {screen.text_of(mission['remedy'])}")


def _read(name: str, store: str | None) -> "tuple[Platform, Any, dict[str, Any]]":
    from kgenesis.app.mission_view import mission_data
    from kgenesis.app.missions import read_mission
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
    facts = [(t("Mission", "미션"), data["id"]), (t("State", "상태"), state_of(data["state"]))]
    _grid(facts)
    for campaign in data["campaigns"]:
        told = t(
            f"{campaign['id']}  {campaign['mission_file']}, seed {campaign['seed']}, {campaign['experiments']} experiments",
            f"{campaign['id']}  {campaign['mission_file']}, 시드 {campaign['seed']}, 실험 {campaign['experiments']}회",
        )
        screen.out().print(f"  {told}", markup=False)


def print_charter(charter: Mapping[str, Any]) -> None:
    """Print a charter as people read it."""
    console = screen.out()
    console.print(screen.text_of(charter["title"]), style="bold", markup=False)
    if any(charter["statement"].values()):
        console.print(screen.text_of(charter["statement"]), markup=False)
    partners = ", ".join(p["name"] for p in charter["partners"]) or "–"
    budget = charter["budget"]
    _grid(
        [
            (t("Technologies", "기술"), ", ".join(charter["technologies"]) or "–"),
            (t("Question", "질문"), charter["question"] or "–"),
            (t("Director", "책임자"), charter["director"] or "–"),
            (t("Partners", "참여자"), partners),
            *((t("Target", "목표"), target_text(kpi)) for kpi in charter["kpis"]),
            *(
                (t("Milestone", "이정표"), f"{m['name']}: {m['exam']} ({_due(m['due'])})")
                for m in charter["milestones"]
            ),
            (t("Budget", "예산"), "–" if budget is None else _budget(budget)),
            (t("Mission files", "미션 파일"), ", ".join(charter["mission_files"]) or "–"),
        ]
    )


def target_text(kpi: Mapping[str, Any]) -> str:
    """Return a KPI for people, e.g. `charge_time ≤ 29.4 min`."""
    label = screen.text_of(kpi["label"]) if kpi.get("label") and any(kpi["label"].values()) else kpi["outcome"]
    target = screen.with_unit(kpi["target"], kpi["unit"])
    if kpi["goal"] == "hit":
        wanted = kpi["hit"] if "hit" in kpi else kpi["value"]
        return f"{label} = {screen.with_unit(wanted, kpi['unit'])} ± {target}"
    return f"{label} {'≥' if kpi['goal'] == 'maximize' else '≤'} {target}"


def _due(due: Mapping[str, Any]) -> str:
    parts = []
    if due.get("experiments"):
        parts.append(t(f"within {due['experiments']} experiments", f"실험 {due['experiments']}회 안에"))
    if due.get("date"):
        parts.append(t(f"by {due['date']}", f"{due['date']}까지"))
    return ", ".join(parts)


def _budget(budget: Mapping[str, Any]) -> str:
    parts = [t(f"{budget['experiments']} experiments", f"실험 {budget['experiments']}회")]
    if budget["won"]:
        parts.append(t(f"{budget['won']:,.0f} won", f"{budget['won']:,.0f}원"))
    if budget["gpu_hours"]:
        parts.append(t(f"{budget['gpu_hours']:g} GPU-hours", f"GPU {budget['gpu_hours']:g}시간"))
    return ", ".join(parts)


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
    screen.out().print(screen.text_of(data["title"]), style="bold", markup=False)
    rows = [(t("Mission", "미션"), f"{data['id']} ({state_of(data['state'])})")]
    for kpi in data["kpis"]:
        reached = t("reached", "도달") if kpi["is_reached"] else t("not reached", "미도달")
        prior = t(", measured before the target was set", ", 목표를 정하기 전에 측정") if kpi["is_prior"] else ""
        best = screen.with_unit(kpi["best"], kpi["unit"])
        rows.append((target_text(kpi), t(f"best {best}, {reached}{prior}", f"최고 {best}, {reached}{prior}")))
    for milestone in data["milestones"]:
        state = t(*MILESTONES[milestone["state"]])
        rows.append((milestone["name"], f"{milestone['exam']}: {state} ({_due(milestone['due'])})"))
    done = data["experiments"]
    rows.append((t("Experiments", "실험"), t(
        f"{done['finished']} of {done['budget'] or '–'}, {done['failed']} failed",
        f"{done['budget'] or '–'}회 중 {done['finished']}회, 실패 {done['failed']}회")))  # fmt: skip
    rows += [(t("Cost", "비용"), _won(data["won"])), ("GPU", _gpu(data["gpu_hours"]))]
    told = acceleration_text(data["acceleration"])
    if data["acceleration"] is None and data["campaigns"]:
        told = screen.text_of(data["campaigns"][-1]["why_no_acceleration"])
    rows.append((t("Acceleration", "가속 배수"), told))
    _grid(rows)
    if data["is_met_by_logs"] and data["state"] not in {"met", "stopped"}:
        screen.note(t("The logs reach every KPI; `kgenesis mission run` or `join` writes it down.",
                      "기록상 모든 KPI에 도달했습니다. `kgenesis mission run`이나 `join`이 달성을 기록합니다."))  # fmt: skip


def _won(won: Mapping[str, Any]) -> str:
    if won["spent"] is None:
        return t("not known in won", "원 단위로 알 수 없음")
    spent = f"{won['spent']:,.0f}"
    return t(f"{spent} won", f"{spent}원") if won["budget"] is None else t(
        f"{spent} of {won['budget']:,.0f} won", f"{won['budget']:,.0f}원 중 {spent}원")  # fmt: skip


def _gpu(hours: Mapping[str, Any]) -> str:
    if hours["logged"] is None:
        return t("not known: no laboratory logged GPU-hours", "알 수 없음: GPU 시간을 기록한 실험실이 없음")
    part = t(f"; {hours['n_not_logged']} experiments logged none", f", 기록 없는 실험 {hours['n_not_logged']}회")
    return t(f"{hours['logged']:g} GPU-hours", f"GPU {hours['logged']:g}시간") + (part if hours["n_not_logged"] else "")


def acceleration_text(found: Mapping[str, Any] | None) -> str:
    """Return a gain for people, with the goal ×2 beside it."""
    if found is None:
        return t("no reference to tell it by", "비교할 기준이 없음")
    sign = {(True, False): "≥ ", (False, True): "≤ "}.get((found["n_at_least"] > 0, found["n_at_most"] > 0), "")
    low, high = found["interval"]
    interval = f"{low:.2g}–{'…' if high is None else format(high, '.2g')}"
    goal = {
        "shown": t("goal ×2 shown", "목표 2배 입증"),
        "not-shown": t("goal ×2 not shown", "목표 2배 입증 안 됨"),
        "missed": t("goal ×2 missed", "목표 2배 미달"),
    }[found["verdict"]]
    n = found["n_campaigns"]
    return t(f"{sign}{found['geometric_mean']:.2g}× ({interval}, {n} campaigns; {goal})",
             f"{sign}{found['geometric_mean']:.2g}배({interval}, 캠페인 {n}개, {goal})")  # fmt: skip


def history(mission: MissionName, store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """Show what happened to a mission, who decided it, and why."""
    from kgenesis.app.mission_view import history_data
    from kgenesis.app.missions import read_mission
    from kgenesis.app.platform import open_platform

    platform = open_platform(store, read_only=True)
    state = read_mission(platform, mission)
    events = history_data(platform, state)
    if is_json:
        screen.print_json({"id": state.id, "events": events})
        return
    rows = []
    for event in events:
        who = event.get("actor", "")
        role = {"director": t("director", "책임자"), "partner": t("partner", "참여자")}.get(event.get("role", ""), "")
        what = " ".join(str(event[key]) for key in ("campaign", "milestone", "experiment") if event.get(key))
        said = "  ".join(part for part in (what, f"{who} ({role})" if role else who, event.get("reason", "")) if part)
        rows.append((screen.moment(event["at"]), f"{t(*DEEDS[event['type']])}  {said}".rstrip()))
    _grid(rows)


COMMANDS: dict[str, tuple[Any, str]] = {
    "list": (list_, t("Every mission, built in or own: what it serves, where it stands, whether it runs here.",
                      "내장 미션과 나의 미션 전부: 어느 기술을 위한 것인지, 상태, 실행 가능 여부.")),
    "show": (show, t("What a mission promised, who keeps it, and its campaigns.",
                     "미션의 약속, 지키는 사람, 캠페인.")),
    "status": (status, t("How far a mission is: targets, milestones, budget, gain; from its campaigns' logs alone.",
                         "미션의 진척: 목표, 이정표, 예산, 절약. 캠페인 기록만으로 계산합니다.")),
    "history": (history, t("What happened to a mission, who decided it, and why.",
                           "미션에 일어난 일, 결정한 사람, 까닭.")),
    **STEERING,
}  # fmt: skip
