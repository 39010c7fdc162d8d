"""The help pages: in the language people read here, as wide as the terminal, without loading rich.

Typer's own pages are half in English whatever the language, and loading what draws them takes longer than all the rest.
"""

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from kgenesis.cli.language import t

_TYPERS = {
    "Show this message and exit.": t("Show this page.", "이 도움말을 보여 줍니다."),
    "Install completion for the current shell.": t(
        "Set up completion in this shell.", "이 셸에 자동 완성을 설치합니다."
    ),
    "Show completion for the current shell, to copy it or customize the installation.": t(
        "Print the script that completes.", "자동 완성 스크립트를 보여 줍니다."
    ),
}
"""What Typer says of its own options."""
_WIDEST = 100
_LEFT = 28
"""Widest left column; a longer entry has its text on the next line."""


class Command(TyperCommand):
    """A command with a help page of ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        formatter.write(_page(self, ctx, ()))


class Group(TyperGroup):
    """A command with commands below it, and a help page of ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        formatter.write(_page(self, ctx, [c for c in commands if c is not None and not c.hidden]))


def _page(command: Any, ctx: Any, below: Sequence[Any]) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    parameters = [p for p in command.get_params(ctx) if not getattr(p, "hidden", False)]
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    options = [p for p in parameters if p.param_type_name == "option"]
    usage = [ctx.command_path, *(_argument(p) for p in arguments)]
    if below:
        usage.append(t("COMMAND …", "명령 …"))
    if options:
        usage.append(t("[OPTIONS]", "[옵션]"))
    lines = [f"{_bold(t('Usage', '사용법'))}: {' '.join(usage)}", ""]
    lines += [f"  {line}" for line in wrapped(command.help or "", width - 2)]
    lines += _section(t("Arguments", "인자"), [(_argument(p), p.help or "") for p in arguments], width)
    for panel in dict.fromkeys(getattr(c, "rich_help_panel", None) for c in below):
        title = panel if isinstance(panel, str) and panel else t("Commands", "명령")
        entries = [(c.name, c.help or "") for c in below if getattr(c, "rich_help_panel", None) == panel]
        lines += _section(title, entries, width)
    lines += _section(t("Options", "옵션"), [(_option(p), _told(p)) for p in options], width)
    if command.epilog:
        lines += ["", *(f"  {line}" for line in wrapped(command.epilog, width - 2))]
    return "\n".join(lines) + "\n"


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _option(parameter: Any) -> str:
    names = ", ".join(sorted(parameter.opts, key=len))
    if getattr(parameter, "is_flag", False):
        return names
    return f"{names} {parameter.metavar or 'N'}"


def _told(parameter: Any) -> str:
    text = _TYPERS.get(parameter.help or "", parameter.help or "")
    default = parameter.default
    if parameter.show_default and default not in (None, False, "") and not getattr(parameter, "is_flag", False):
        text += t(f" [default: {default}]", f" [기본값: {default}]")
    return text


def _section(title: str, entries: Iterable[tuple[str, str]], width: int) -> list[str]:
    entries = list(entries)
    if not entries:
        return []
    left = min(max(cells(name) for name, _ in entries), _LEFT) + 2
    lines = ["", _bold(title)]
    for name, text in entries:
        first, *rest = wrapped(text, width - left - 2) or [""]
        if cells(name) + 2 > left:
            lines += [f"  {name}", f"  {' ' * left}{first}"]
        else:
            lines.append(f"  {name}{' ' * (left - cells(name))}{first}")
        lines += [f"  {' ' * left}{line}" for line in rest]
    return lines


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes; Korean takes two a letter."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines that are no wider than so many columns."""
    lines: list[str] = []
    for word in text.split():
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
