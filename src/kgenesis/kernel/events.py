"""Facts in the past tense, how they are written down, and how old shapes are read."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

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


def time_now() -> str:
    """Return the time as `Recorded.at` has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Recorded(NamedTuple):
    """An event as the store keeps it."""

    stream: StreamId
    version: int
    """Place in the stream, from 1."""
    position: int
    """Place among all events of the store; grows, may have gaps."""
    at: str
    """UTC time it came about, ISO 8601 with microseconds."""
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
        self._readers: dict[tuple[str, int], Callable[[str], Event]] = {}
        """How the body of every known type and schema version is read."""
        for event in events:
            if event.type in self._by_type:
                msg = f"two events are called {event.type!r}"
                raise ValueError(msg)
            self._by_type[event.type] = event
            # the validator itself: a log is read in bulk, and `model_validate_json` adds half of the time
            self._readers[event.type, event.schema_version] = event.__pydantic_validator__.validate_json
            for version in event.lifts:
                self._readers[event.type, version] = partial(_lifted, event, version)

    def types(self) -> Mapping[str, type[Event]]:
        """Return the event classes by type."""
        return dict(self._by_type)

    def decode(self, recorded: Recorded) -> Event:
        """Return the event, lifted to its present shape.

        Raises:
            StoreNewer: the type or its schema version is not known here.
            StoreCorrupted: the body is not what its type says.
        """
        read = self._readers.get((recorded.type, recorded.schema_version))
        if read is None:
            raise StoreNewer(
                say(
                    f"event {recorded.type} v{recorded.schema_version} is unknown to this version",
                    f"이 버전은 사건 {recorded.type} v{recorded.schema_version}을(를) 모릅니다",
                )
            )
        try:
            return read(recorded.body)
        except ValueError as error:  # also pydantic's ValidationError
            raise StoreCorrupted(
                say(
                    f"event {recorded.version} of {recorded.stream} cannot be read: {error}",
                    f"{recorded.stream}의 {recorded.version}번째 사건을 읽을 수 없습니다: {error}",
                )
            ) from error


def _lifted(event: type[Event], version: int, text: str) -> Event:
    """Read a body of an old schema version."""
    body = _loads(text)
    for old in range(version, event.schema_version):
        body = event.lifts[old](body)
    return event.model_validate(body)


def _loads(text: str) -> Body:
    loaded = json.loads(text)
    if not isinstance(loaded, dict):
        msg = "not an object"
        raise ValueError(msg)  # noqa: TRY004  (`decode` takes it for what it is: a damaged body)
    return loaded
