"""What is written where: results on stdout, all else on stderr; JSON as one object."""

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from kgenesis.cli.language import lang, t

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console


@cache
def out() -> "Console":
    """Return the console of stdout."""
    from rich.console import Console  # `--json` needs none

    return Console(highlight=False, soft_wrap=False)


@cache
def err() -> "Console":
    """Return the console of stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(data: object) -> None:
    """Print one JSON object; what JSON has no number for becomes null."""
    print(json.dumps(_finite(data), ensure_ascii=False, indent=2, default=str))  # noqa: T201


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(item) for item in data] if isinstance(data, list | tuple) else data


def note(text: str) -> None:
    """Say something on stderr that is no result."""
    err().print(text, markup=False, soft_wrap=True)


def literal(text: str) -> str:
    """Return a text that rich prints as it is, brackets and all."""
    from rich.markup import escape

    return escape(text)


def number(value: object) -> str:
    """Return a value for people: four significant digits, levels as they are, nothing for what is not there."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):  # noqa: PLR2004
        return f"{int(value)}"
    return f"{value:.4g}"


def with_unit(value: object, unit: str) -> str:
    """Return a value and its unit."""
    return f"{number(value)} {unit}" if unit not in {"", "1"} and value is not None else number(value)


def duration(seconds: float | None) -> str:
    """Return a time for people: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:  # noqa: PLR2004
        return t(f"{seconds:.0f} s", f"{seconds:.0f}초")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return t(f"{minutes} min {rest} s", f"{minutes}분 {rest}초")
    hours, minutes = divmod(minutes, 60)
    return t(f"{hours} h {minutes} min", f"{hours}시간 {minutes}분")


def moment(at: str) -> str:
    """Return a time of the log in local time and, if it was today, how long ago."""
    if not at:
        return "–"
    ago = lately(at)
    local = _local(at).strftime("%Y-%m-%d %H:%M")
    return local if local.startswith(ago) else f"{local} ({ago})"


def lately(at: str) -> str:
    """Return how long ago a time of the log was; from a day on, the date."""
    from datetime import UTC, datetime

    ago = (datetime.now(UTC) - _local(at)).total_seconds()
    if 0 <= ago < 86400:  # noqa: PLR2004
        return t(f"{duration(ago)} ago", f"{duration(ago)} 전")
    return _local(at).strftime("%Y-%m-%d")


def _local(at: str) -> "datetime":
    from datetime import datetime

    return datetime.fromisoformat(at).astimezone()


def size(n_bytes: int | None) -> str:
    """Return a number of bytes for people."""
    if n_bytes is None:
        return "–"
    value = float(n_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":  # noqa: PLR2004
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def text_of(said: object) -> str:
    """Return a `Text`, or a stored one, in the language people read here."""
    if isinstance(said, Mapping):
        return str(said.get(lang()) or said.get("en") or "")
    in_ = getattr(said, "in_", None)
    return str(in_(lang())) if in_ is not None else str(said or "")
