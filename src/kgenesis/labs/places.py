"""Fill conditions into commands and input files, and find numbers in what programs write."""

import json
import re
from collections.abc import Callable, Collection, Mapping

from kgenesis.kernel.experiment import Value

Names = Collection[str] | None
"""Names that may be filled in; None: any."""

EXACT = 2**53
"""The largest size up to which every whole number is a float."""

_IN_COMMAND = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_IN_FILE = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_STEP = re.compile(r"\.?([^.\[\]'\"]+)|\[(-?\d+)\]|\[(?:'([^']*)'|\"([^\"]*)\")\]")


def as_text(value: Value, form: str = "") -> str:
    """Return a value as a program reads it: the shortest exact number, a level as it is, nothing if it is absent."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if form:
        return format(value, form)
    return str(int(value)) if float(value).is_integer() and abs(value) <= EXACT else repr(float(value))


def fill_command(argument: str, values: Mapping[str, Value]) -> str:
    """Return an argument with each `{name}` filled; `{{` and `}}` stand for braces.

    Raises:
        KeyError: a name is not among the values.
    """
    braces = {"{{": "{", "}}": "}"}
    return _IN_COMMAND.sub(lambda m: braces.get(m.group()) or as_text(values[m.group(1)]), argument)


def fill_template(text: str, values: Mapping[str, Value]) -> str:
    """Return a text with each `{{ name }}`, or `{{ name | .6e }}` with a number format, filled.

    Raises:
        KeyError: a name is not among the values.
        ValueError: the format does not suit the value.
    """

    def fill(match: re.Match[str]) -> str:
        name, form = _split(match.group(1), values)
        return as_text(values[name], form)

    return _IN_FILE.sub(fill, text)


def unknown_in_command(argument: str, names: Names) -> list[str]:
    """Return the places of an argument that nothing can fill."""
    found = [match.group(1) for match in _IN_COMMAND.finditer(argument) if match.group(1) is not None]
    return [] if names is None else [name for name in found if name not in names]


def unknown_in_template(text: str, names: Names) -> list[str]:
    """Return the places of a template that nothing can fill, or whose format no number can have."""
    wrong = []
    for place in _IN_FILE.findall(text):
        name, form = _split(place, names or ())
        if (names is not None and name not in names) or not _is_format(form):
            wrong.append(place)
    return wrong


def _is_format(form: str) -> bool:
    try:
        format(1.0, form)
    except ValueError:
        return False
    return True


def _split(place: str, names: Collection[str]) -> tuple[str, str]:
    if place in names or "|" not in place:
        return place, ""
    name, _, form = place.rpartition("|")
    return name.strip(), form.strip()


def json_path(path: str) -> Callable[[object], object]:
    """Return a function that finds one value in JSON: `$.cells[0].yield`, `summary['mean yield']`.

    A small, strict part of JSONPath (RFC 9535): names and indices, no wildcards or filters, which could find several.

    Raises:
        ValueError: the path is not of that form.
    """
    steps: list[str | int] = []
    position = 1 if path.startswith("$") else 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or not match.group():
            msg = f"{path!r} is not a path such as $.results[0].yield"
            raise ValueError(msg)
        name, index, single, double = match.groups()
        steps.append(int(index) if index is not None else next(s for s in (name, single, double) if s is not None))
        position = match.end()

    def find(document: object) -> object:
        """Return the value; LookupError if it is not there."""
        for step in steps:
            match document:
                case dict() if isinstance(step, str):
                    document = document[step]
                case list() if isinstance(step, int):
                    document = document[step]
                case _:
                    raise LookupError(step)
        return document

    return find


def last_group(pattern: re.Pattern[str], text: str) -> str | None:
    """Return what the group of a pattern matched last (programs refine what they print), None if nowhere."""
    found = None
    for match in pattern.finditer(text):
        found = match.group(1)
    return found


def dumps(values: Mapping[str, Value]) -> str:
    """Return values as one JSON object on one line."""
    return json.dumps(dict(values), ensure_ascii=False)
