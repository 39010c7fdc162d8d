"""Find plug-ins by entry point; ours come in by the same door as yours."""

import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kgenesis.kernel.errors import InvalidSpec, MissingPart, Mistake, UnknownPlugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import Text, say

Model = TypeVar("Model", bound=BaseModel)

GROUPS = ("labs", "planners", "surrogates", "executors", "stores", "missions", "embedders")
"""What can be plugged in; the entry-point group is `kgenesis.` + this."""


def installed(group: str) -> Mapping[str, EntryPoint]:
    """Return the plug-ins of a group by name, sorted."""
    return _on_path(group, tuple(sys.path))


@cache
def _on_path(group: str, path: tuple[str, ...]) -> Mapping[str, EntryPoint]:  # noqa: ARG001
    """Look once for each path: every look reads a file of each installed package."""
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


def read_settings(model: type[Model], context: PluginContext, place: str, text: Text) -> Model:
    """Return a plug-in's settings as its own model.

    Args:
        model: Says what may be set.
        context: What the factory was called with.
        place: Where the settings stand in a mission file, e.g. `planner.settings`.
        text: What to say first if they are wrong.

    Raises:
        InvalidSpec: One mistake for each wrong setting.
    """
    try:
        return model.model_validate(dict(context.settings))
    except ValidationError as error:
        wrong = [Mistake(say(e["msg"], e["msg"]), ".".join([place, *map(str, e["loc"])])) for e in error.errors()]
        raise InvalidSpec(text, wrong) from error
