"""`kgenesis doctor`."""

from typing import TYPE_CHECKING

import typer

from kgenesis.cli import options
from kgenesis.cli.language import lang, t
from kgenesis.cli.screen import literal, number, out, print_json, size, text_of

if TYPE_CHECKING:
    from rich.table import Table

    from kgenesis.app.doctor import Examination, PluginFound


def doctor(store: options.Store = None, is_json: options.Json = False) -> None:  # noqa: FBT002
    """What works here, what is missing and how to get it."""
    from kgenesis.app.doctor import examine

    found = examine(store)
    if is_json:
        print_json({**found.as_json(), "lang": lang()})
    else:
        _show(found)
    raise typer.Exit(0 if found.is_sound else 1)


COMMANDS = {
    "doctor": (
        doctor,
        t(
            "What works here, what is missing and how to get it. Exit code 1 if the core does not work.",
            "무엇이 되고 무엇이 없으며 어떻게 설치하는지 보여 줍니다. 핵심이 동작하지 않으면 종료 코드 1.",
        ),
    ),
}


def _show(found: "Examination") -> None:
    console = out()
    console.print(
        _mark(found.is_sound),
        t("K-Genesis works here", "K-Genesis가 동작합니다")
        if found.is_sound
        else t("the core of K-Genesis does not work here", "K-Genesis의 핵심이 동작하지 않습니다"),
    )
    console.print(_machine(found))
    console.print(_parts(found))
    console.print(_missions(found))
    console.print(_plugins(found.plugins))


def _mark(good: bool) -> str:  # noqa: FBT001
    good_sign, bad_sign = ("✓", "✗") if _is_unicode() else ("ok", "no")
    return f"[green]{good_sign}[/]" if good else f"[red]{bad_sign}[/]"


def _is_unicode() -> bool:
    return "utf" in (out().encoding or "").lower()


def _table(title: str, *columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _machine(found: "Examination") -> "Table":
    table = _table(t("This computer", "이 컴퓨터"), "", "")
    store = found.store
    threads = ", ".join(f"{name}={value}" for name, value in found.threads.items())
    state = (
        t(f"{store.n_campaigns} campaigns, {size(store.size)}", f"캠페인 {store.n_campaigns}개, {size(store.size)}")
        if store.exists
        else t("made at the first campaign", "첫 캠페인 때 만들어집니다")
    )
    if store.error is not None:
        state = f"[red]{literal(text_of(store.error))}[/]"
    rows = [
        ("K-Genesis", found.versions.get("kgenesis", "–")),
        ("Python", found.python),
        (t("System", "운영체제"), found.system),
        (t("Packages", "패키지"), ", ".join(f"{n} {v}" for n, v in found.versions.items() if n != "kgenesis")),
        (t("Cores, memory", "코어, 메모리"), f"{found.n_cores}, {size(found.memory)}"),
        (
            t("Threads", "스레드"),
            threads or t("one per worker (set by K-Genesis)", "작업 프로세스마다 하나(K-Genesis가 정함)"),
        ),
        (t("Terminal", "터미널"), f"{found.encoding}, {lang()}, {out().width}x{out().height}"),
        (t("Store", "저장소"), f"{store.place}\n{state}"),
        (t("Free on its disk", "남은 디스크"), size(store.free)),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return table


def _parts(found: "Examination") -> "Table":
    table = _table(
        t("Optional parts", "선택 설치"), "", t("Part", "이름"), t("For", "용도"), t("To get it", "설치 방법")
    )
    for part in found.parts:
        missing = "" if not part.missing else literal(part.command)
        table.add_row(_mark(not part.missing), part.name, text_of(part.purpose), missing)
    return table


def _missions(found: "Examination") -> "Table":
    columns = ("", t("Mission", "미션"), t("About", "내용"), t("What stands in the way", "안 되는 까닭"))
    table = _table(t("Built-in missions", "내장 미션"), *columns)
    for mission in found.missions:
        hindrance = "" if mission.hindrance is None else text_of(mission.hindrance)
        remedy = "" if mission.remedy is None else f"\n→ {text_of(mission.remedy)}"
        table.add_row(
            _mark(mission.hindrance is None),
            mission.name,
            text_of(mission.title),
            literal(hindrance + remedy),
        )
    return table


def _plugins(plugins: "tuple[PluginFound, ...]") -> "Table":
    """Return the plug-ins, ours in one row per group, others and broken ones each in a row of its own."""
    table = _table(t("Plug-ins", "플러그인"), "", t("Group", "종류"), t("Name", "이름"), t("From", "제공"))
    for group in dict.fromkeys(p.group for p in plugins):
        own = [p for p in plugins if p.group == group and p.package == "kgenesis" and p.error is None]
        if own:
            table.add_row(_mark(True), group, ", ".join(p.name for p in own), f"kgenesis {own[0].version}")
        for p in plugins:
            if p.group == group and p not in own:
                reason = "" if p.error is None else f"\n[red]{literal(text_of(p.error))}[/]"
                table.add_row(_mark(p.error is None), group, f"{p.name}{reason}", f"{p.package} {number(p.version)}")
    return table
