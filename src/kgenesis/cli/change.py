"""`kgenesis campaign change`: go on with a changed mission."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kgenesis.cli import options, screen
from kgenesis.cli.language import lang, t
from kgenesis.cli.store import campaign_to_change


def _pairs(name: str, given: list[str] | None) -> list[tuple[str, str]]:
    """Return `NAME=VALUE` options as pairs."""
    found = []
    for item in given or ():
        key, sign, value = item.partition("=")
        if not sign or not key or not value:
            raise typer.BadParameter(t(f"{item!r} is not NAME=VALUE", f"{item!r}: 이름=값이 아닙니다"), param_hint=name)
        found.append((key.strip(), value.strip()))
    return found


def _numbers(name: str, given: list[str] | None) -> dict[str, float]:
    found = {}
    for key, value in _pairs(name, given):
        try:
            found[key] = float(value)
        except ValueError:
            raise typer.BadParameter(
                t(f"{value!r} is not a number", f"{value!r}은(는) 수가 아닙니다"), param_hint=name
            ) from None
    return found


def _values(name: str, given: list[str] | None) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for key, value in _pairs(name, given):
        try:
            found[key] = float(value)
        except ValueError:
            found[key] = value
    return found


def _each(flag: str, metavar: tuple[str, str], en: str, ko: str) -> Any:
    return typer.Option(flag, metavar=t(*metavar), show_default=False, help=t(en, ko))


_NUMBER, _LEVEL, _VALUE = ("NAME=NUMBER", "이름=수"), ("NAME=LEVEL", "이름=수준"), ("NAME=VALUE", "이름=값")
ChangedFile = Annotated[
    str | None,
    typer.Argument(
        metavar=t("[FILE]", "[파일]"),
        show_default=False,
        help=t("The mission from now on; the present one if not given.", "지금부터의 미션 파일. 없으면 지금 것."),
    ),
]
Low = Annotated[list[str] | None, _each("--low", _NUMBER, "A factor's new lower bound.", "요인의 새 하한.")]
High = Annotated[list[str] | None, _each("--high", _NUMBER, "A factor's new upper bound.", "요인의 새 상한.")]
AddLevel = Annotated[list[str] | None, _each("--add-level", _LEVEL, "A level more to try.", "더 시도할 수준.")]
DropLevel = Annotated[
    list[str] | None, _each("--drop-level", _LEVEL, "A level not to try any more.", "더는 시도하지 않을 수준.")
]
Hold = Annotated[
    list[str] | None,
    _each(
        "--hold", _VALUE, "Retire a factor: hold it at this value from now on.", "요인을 거두고 이 값으로 고정합니다."
    ),
]
Target = Annotated[list[str] | None, _each("--target", _NUMBER, "An objective's new target.", "목적의 새 목표값.")]
Was = Annotated[
    list[str] | None,
    _each(
        "--was",
        _VALUE,
        "What a factor that is new was in all experiments so far.",
        "새 요인이 지금까지의 모든 실험에서 가졌던 값.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help=t("Only say what would change.", "바뀔 것을 보여 주기만 합니다."))
]


def change(  # noqa: PLR0913, PLR0917  (every one an option)
    campaign: options.Campaign,
    file: ChangedFile = None,
    low: Low = None,
    high: High = None,
    add_level: AddLevel = None,
    drop_level: DropLevel = None,
    hold: Hold = None,
    target: Target = None,
    was: Was = None,
    dry_run: DryRun = False,  # noqa: FBT002
    store: options.Store = None,
    is_json: options.Json = False,  # noqa: FBT002
) -> None:
    """Change the mission of a campaign; what was measured stays known."""
    from kgenesis.app.change import Edits, change_campaign

    edits = Edits(
        low=_numbers("--low", low),
        high=_numbers("--high", high),
        add_level=_pairs("--add-level", add_level),
        drop_level=_pairs("--drop-level", drop_level),
        hold=_values("--hold", hold),
        target=_numbers("--target", target),
    )
    platform, state = campaign_to_change(campaign, store)
    path = None if file is None else Path(file)
    done = change_campaign(platform, state, path, edits=edits, was=_values("--was", was), is_rehearsal=dry_run)
    if is_json:
        said = [text.in_(lang()) for text in done.differences]
        screen.print_json(
            {"campaign": state.id, "changes": said, "withdrawn": list(done.withdrawn), "done": not dry_run}
        )
        return
    if not done.differences:
        screen.note(t("Nothing differs.", "달라진 것이 없습니다."))
        return
    for text in done.differences:
        print(text.in_(lang()))  # noqa: T201
    if done.withdrawn:
        names = ", ".join(done.withdrawn)
        screen.note(t(f"Withdrawn, as they no longer fit: {names}", f"맞지 않게 되어 거둔 제안: {names}"))
    if dry_run:
        screen.note(t("Nothing was written.", "아무것도 쓰지 않았습니다."))


CHANGE: tuple[Any, str] = (
    change,
    t(
        "Change the mission: bounds, levels, factors, constraints, targets; what was measured stays known.",
        "미션을 바꿉니다: 범위, 수준, 요인, 제약, 목표값. 측정한 것은 그대로 지식으로 남습니다.",
    ),
)
"""The command, and what help says of it."""
