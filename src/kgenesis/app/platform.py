"""Put the parts together: the store, the vocabulary of all areas, and the places on disk."""

import platform as machine
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kgenesis.campaign.events import EVENTS as CAMPAIGN_EVENTS
from kgenesis.campaign.spec import Choice
from kgenesis.kernel.events import Vocabulary
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Lab, Planner, PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.missions.events import EVENTS as MISSION_EVENTS
from kgenesis.questions.events import EVENTS as QUESTION_EVENTS
from kgenesis.store import SqlStore

VOCABULARY = Vocabulary([*CAMPAIGN_EVENTS, *MISSION_EVENTS, *QUESTION_EVENTS])


@dataclass(frozen=True, slots=True)
class Platform:
    """What every story in `app/` works with."""

    store: SqlStore
    folder: Path
    """Where reports, references and experiments' files are kept: beside the store."""
    vocabulary: Vocabulary = VOCABULARY


def open_platform(store: str | None = None, *, read_only: bool = False) -> Platform:
    """Open the platform on a store.

    Args:
        store: path or URL of the store; the user's data folder (or `KGENESIS_STORE`) if not given.
        read_only: open it for reading; nothing is created.

    Raises:
        StoreError: it cannot be opened.
    """
    context = PluginContext(settings={"url": store, "read_only": read_only})
    opened: SqlStore = make_plugin("stores", "sql", context)
    return Platform(opened, opened.folder)


def streams_called(platform: Platform, prefix: str, name: str) -> list[StreamId]:
    """Return the streams of one kind that a person may mean, in the order they were begun.

    Args:
        platform: the store.
        prefix: how ids of this kind begin: `cmp_`, `mis_`, `qst_`.
        name: a whole id, the beginning of one with or without the prefix, or `last`; nothing is called by no name.
    """
    streams = platform.store.streams(prefix)
    if name == "last":
        return list(streams[-1:])
    exact = [s for s in streams if s == name]
    return exact or [s for s in streams if name and (s.startswith(name) or s.removeprefix(prefix).startswith(name))]


def plugin_context(problem: Problem, settings: Mapping[str, Any], folder: Path) -> PluginContext:
    """Return the context every campaign plug-in is made with."""

    def make(group: str, name: str, inner: Mapping[str, Any]) -> Any:
        return make_plugin(group, name, plugin_context(problem, inner, folder))

    return PluginContext(settings=settings, problem=problem, folder=folder, make=make)


def make_lab(problem: Problem, name: str, settings: Mapping[str, Any], folder: Path) -> Lab:
    """Return a lab of this process: to know its version, or to measure inline."""
    lab: Lab = make_plugin("labs", name, plugin_context(problem, settings, folder))
    return lab


def possible_in(lab: Lab) -> Mapping[str, tuple[float, float]]:
    """Return what a lab knows to be possible at all: outcome → least and greatest value in the mission's unit."""
    known: Mapping[str, tuple[float, float]] = getattr(lab, "possible", {})
    return known


def make_planner(problem: Problem, choice: Choice, folder: Path | None = None) -> Planner:
    """Return the planner that decides; `folder` is where relative paths in its settings start."""
    planner: Planner = make_plugin(
        "planners", choice.name, plugin_context(problem, choice.settings, folder or Path.cwd())
    )
    return planner


def versions() -> dict[str, str]:
    """Return the versions that numbers may depend on."""
    found = {"python": machine.python_version()}
    for package in ("kgenesis", "numpy", "scipy", "pydantic", "pybamm"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
