"""Facts in the past tense, how they are written down, and how old shapes are read."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kgenesis.kernel.errors import StoreCorrupted, StoreNewer
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import say

Body = dict[str, Any]
Lift = Callable[[Body], Body]
"""Turns the body of one schema version into the body of the next."""


class Event(BaseModel):
    """A fact. Sub-classes are declared in an area's `events.py` and listed in its `EVENTS`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    type: ClassVar[str]
    """Stable name, `area.past-participle`."""
    schema_version: ClassVar[int] = 1
    lifts: ClassVar[Mapping[int, Lift]] = {}
    """For each old version, the step to the next one."""
    is_durable: ClassVar[bool] = True
    """Whether the fact must be on the disk before anything follows from it (intents, receipts)."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the store keeps it."""

    stream: StreamId
    version: int
    """Place in the stream, from 1."""
    position: int
    """Place among all events of the store; grows, may have gaps."""
    at: str
    """UTC time of writing, ISO 8601 with microseconds."""
    type: str
    schema_version: int
    body: str
    """JSON."""
    hash: str
    """SHA-256 over the previous event's hash of the same stream and this event (hex)."""


class Vocabulary:
    """Every event type the platform knows, made once from each area's `EVENTS`."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self._by_type: dict[str, type[Event]] = {}
        for event in events:
            if event.type in self._by_type:
                msg = f"two events are called {event.type!r}"
                raise ValueError(msg)
            self._by_type[event.type] = event

    def types(self) -> Mapping[str, type[Event]]:
        """Return the event classes by type."""
        return dict(self._by_type)

    def decode(self, recorded: Recorded) -> Event:
        """Return the event, lifted to its present shape.

        Raises:
            StoreNewer: the type or its schema version is not known here.
            StoreCorrupted: the body is not what its type says.
        """
        event = self._by_type.get(recorded.type)
        if event is None or recorded.schema_version > event.schema_version:
            raise StoreNewer(
                say(
                    f"event {recorded.type} v{recorded.schema_version} is unknown to this version",
                    f"이 버전은 사건 {recorded.type} v{recorded.schema_version}을(를) 모릅니다",
                )
            )
        try:
            if recorded.schema_version == event.schema_version:
                return event.model_validate_json(recorded.body)
            body: Body = _loads(recorded.body)
            for version in range(recorded.schema_version, event.schema_version):
                body = event.lifts[version](body)
            return event.model_validate(body)
        except (ValidationError, ValueError) as error:
            raise StoreCorrupted(
                say(
                    f"event {recorded.version} of {recorded.stream} cannot be read: {error}",
                    f"{recorded.stream}의 {recorded.version}번째 사건을 읽을 수 없습니다: {error}",
                )
            ) from error


def _loads(text: str) -> Body:
    loaded = json.loads(text)
    if not isinstance(loaded, dict):
        msg = "not an object"
        raise ValueError(msg)  # noqa: TRY004  (`decode` takes it for what it is: a damaged body)
    return loaded
