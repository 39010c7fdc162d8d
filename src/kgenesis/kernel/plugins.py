"""Find plug-ins by entry point; ours come in by the same door as yours."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from kgenesis.kernel.errors import MissingPart, UnknownPlugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import say

GROUPS = ("labs", "planners", "surrogates", "executors", "stores", "missions")
"""What can be plugged in; the entry-point group is `kgenesis.` + this."""


def installed(group: str) -> Mapping[str, EntryPoint]:
    """Return the plug-ins of a group by name, sorted."""
    return {point.name: point for point in sorted(entry_points(group=f"kgenesis.{group}"), key=lambda p: p.name)}


def load_plugin(group: str, name: str) -> Any:
    """Return what an entry point names.

    Raises:
        UnknownPlugin: no installed package offers it.
        MissingPart: a package it needs is not installed.
    """
    found = installed(group)
    if name not in found:
        known = ", ".join(found)
        raise UnknownPlugin(
            say(
                f"no {group[:-1]} is called {name!r}; there are: {known}",
                f"{name!r}({group})이(가) 없습니다. 있는 것: {known}",
            )
        )
    try:
        return found[name].load()
    except ImportError as error:
        raise MissingPart(
            say(
                f"{name!r} needs a package that is not installed: {error}",
                f"{name!r}에 필요한 패키지가 없습니다: {error}",
            )
        ) from error


def make_plugin(group: str, name: str, context: PluginContext) -> Any:
    """Return a plug-in made by its factory.

    Raises:
        UnknownPlugin, MissingPart: as `load_plugin`.
        InvalidSpec: its settings are not valid.
    """
    factory: Callable[[PluginContext], Any] = load_plugin(group, name)
    return factory(context)
