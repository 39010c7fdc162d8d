"""Every mission there is: built in, or known from this store; quick enough to be asked for at any time.

Mission files are only skimmed, not validated, and a lab is asked for its version and nothing else, so that no
simulator is loaded.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kgenesis.app.cards import followed_missions
from kgenesis.app.mission_files import builtin_missions
from kgenesis.app.mission_log import all_missions, field_of
from kgenesis.app.platform import Platform
from kgenesis.kernel.errors import KGenesisError
from kgenesis.kernel.plugins import load_plugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import Text, say
from kgenesis.missions.state import MissionState

GENERAL_LABS = frozenset({"people", "table", "command", "python"})
"""Labs that are what their settings make of them: making one would read files or run a program."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def list_missions(platform: Platform | None) -> list[dict[str, Any]]:
    """Return every mission by name, built-in ones first.

    Each has `name`, `title`, `field`, `technology`, `lab`, `available`, `why_not` and `remedy` (None if available),
    `state` (of the latest mission opened of it, None if none is), `id`, and `source` (`built-in`, or where it was
    found).

    Args:
        platform: the store; None if there is none yet.
    """
    shipped = builtin_missions().items()
    found = {name: _entry(name, skim(path), path.parent, source="built-in") for name, path in shipped}
    if platform is not None:
        for data in followed_missions(platform):
            if data["name"] not in found:
                found[data["name"]] = _entry(data["name"], data, Path.cwd(), source=data["campaign"])
        for state in all_missions(platform):
            name = state.charter.name
            found[name] = (found.get(name) or _of_charter(state, found)) | {"state": state.status, "id": state.id}
    return list(found.values())


def _of_charter(state: MissionState, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entry of a charter: its lab is that of its first mission file."""
    charter = state.charter
    first = charter.mission_files[0] if charter.mission_files else ""
    path = Path(state.folder) / first
    head = skim(path) if first and path.is_file() else found.get(first, {})
    technology = charter.technologies[0] if charter.technologies else str(head.get("technology") or "")
    field = field_of(technology) or str(head.get("field") or "")
    data = {"title": charter.title.model_dump(), "field": field, "technology": technology, "lab": head.get("lab")}
    return _entry(charter.name, data, Path(state.folder), source=state.id)


def skim(path: Path) -> Mapping[str, Any]:
    """Return what a YAML file says at its top, not validated; nothing if it is no mapping or cannot be read."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  (a safe loader, in C where there is one)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return data if isinstance(data, Mapping) else {}


def _entry(name: str, data: Mapping[str, Any], folder: Path, source: str) -> dict[str, Any]:
    title = data.get("title") or name
    lab, settings = _lab(data.get("lab"))
    why_not, remedy = _hindrance(lab, settings, folder)
    return {
        "name": name,
        "title": dict(title) if isinstance(title, Mapping) else {"en": str(title), "ko": str(title)},
        "field": data.get("field") or "",
        "technology": data.get("technology") or "",
        "lab": lab,
        "available": why_not is None,
        "why_not": None if why_not is None else why_not.model_dump(),
        "remedy": None if remedy is None else remedy.model_dump(),
        "state": None,
        "id": None,
        "source": source,
    }


def _lab(given: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given, Mapping):
        return str(given.get("name") or "people"), given.get("settings") or {}
    return (given, {}) if isinstance(given, str) else ("people", {})


def _hindrance(lab: str, settings: Mapping[str, Any], folder: Path) -> tuple[Text | None, Text | None]:
    """Return why a lab cannot work here and what to do; (None, None) if it can."""
    try:
        factory = load_plugin("labs", lab)
        if lab not in GENERAL_LABS:
            _ = factory(
                PluginContext(settings=settings, folder=folder)
            ).version  # it knows what it needs by its version
    except KGenesisError as error:
        return error.detail, error.next_step
    except Exception as error:  # noqa: BLE001  (another package's module runs here)
        text = f"{type(error).__name__}: {error}"
        return say(text, text), None
    return None, None
