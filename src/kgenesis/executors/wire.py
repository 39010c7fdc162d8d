"""What the pool and its workers say to each other: one JSON object a line, no pickles."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from kgenesis.kernel.experiment import Frozen, Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import LabRecipe
from kgenesis.kernel.text import Text


class Ready(Frozen):
    """The worker has made its lab and waits for a task."""

    kind: Literal["ready"] = "ready"


class Broken(Frozen):
    """The worker could not make its lab, and ends."""

    kind: Literal["broken"] = "broken"
    reason: Text
    is_final: bool
    """Whether every other worker would fail in the same way."""


class Done(Frozen):
    """A task's result."""

    kind: Literal["done"] = "done"
    experiment: ExperimentId
    attempt: int
    result: Annotated[Result, Field(discriminator="kind")]


Message = Ready | Broken | Done
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def message_line(message: Message) -> bytes:
    """Return what a worker writes."""
    return message.model_dump_json().encode() + b"\n"


def message_of(line: bytes) -> Message:
    """Return what a worker wrote.

    Raises:
        ValueError: it is not a message.
    """
    return _MESSAGE.validate_json(line)


def boot_line(path: list[str], recipe: LabRecipe, n_threads: int) -> bytes:
    """Return the first line a worker reads.

    Raises:
        TypeError: the recipe is not plain data.
    """
    return _line({"path": path, "recipe": dataclasses.asdict(recipe), "n_threads": n_threads})


def recipe_of(boot: dict[str, Any]) -> LabRecipe:
    """Return the recipe in the first line."""
    return LabRecipe(**boot["recipe"])


def task_line(task: Task) -> bytes:
    """Return a task as a worker reads it."""
    return _line(dataclasses.asdict(task) | {"folder": None if task.folder is None else str(task.folder)})


END = b"{}\n"
"""Tells a worker to end once it has done its task."""


def task_of(line: bytes) -> Task | None:
    """Return the task in a line, None for `END`."""
    data = json.loads(line)
    if not data:
        return None
    folder = None if data["folder"] is None else Path(data["folder"])
    return Task(**(data | {"seed": tuple(data["seed"]), "folder": folder}))


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"
