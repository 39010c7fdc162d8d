"""`kgenesis mission …`: charters, their life, and what they achieve."""

from typing import TYPE_CHECKING, Any

from kgenesis.cli import options, screen
from kgenesis.cli.language import t

if TYPE_CHECKING:
    from kgenesis.app.platform import Platform

STATES = {
    "drafted": ("drafted", "초안"),
    "opened": ("opened", "개시"),
    "running": ("running", "진행 중"),
    "paused": ("paused", "중단"),
    "pivoted": ("pivoted", "방향 전환"),
    "stopped": ("stopped", "종료"),
    "met": ("met", "달성"),
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


COMMANDS: dict[str, tuple[Any, str]] = {
    "list": (list_, t("Every mission, built in or own: what it serves, where it stands, whether it runs here.",
                      "내장 미션과 나의 미션 전부: 어느 기술을 위한 것인지, 상태, 실행 가능 여부.")),
}  # fmt: skip
