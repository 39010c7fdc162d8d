"""The hash chain over a stream's events: what was written cannot be altered unseen.

An event's hash is the SHA-256 of seven lines in UTF-8, joined by a line feed:

    hash of the stream's previous event (64 zeros for the first)
    stream
    version
    at
    type
    schema version
    body, exactly as stored

Only the body may itself contain line feeds, and it comes last, so no two different events give the same bytes.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kgenesis.kernel.events import Recorded
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import Text, say

GENESIS = "0" * 64
"""Stands for the hash before a stream's first event."""


def event_hash(previous: str, stream: str, version: int, at: str, type_: str, schema_version: int, body: str) -> str:
    """Return the hash of an event (hex)."""
    lines = f"{previous}\n{stream}\n{version}\n{at}\n{type_}\n{schema_version}\n{body}"
    return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Broken:
    """The first event of a stream that is not what was written, or is missing."""

    stream: StreamId
    version: int
    position: int
    text: Text


@dataclass(frozen=True, slots=True)
class Verification:
    """What recomputing the chain found."""

    n_streams: int
    n_events: int
    broken: tuple[Broken, ...]
    """For each broken stream its first broken event; holes between streams have an empty stream."""


def verified(events: Iterable[Recorded], *, is_whole: bool) -> Verification:
    """Recompute the chain of every stream.

    Args:
        events: in order of position (all streams) or of version (one stream).
        is_whole: whether these are all the events of the store, so that positions must have no gap.
    """
    heads: dict[StreamId, tuple[int, str]] = {}
    broken: dict[StreamId, Broken] = {}
    holes: list[Broken] = []
    n_events, position = 0, 0
    for event in events:
        n_events += 1
        if is_whole and event.position != position + 1:
            text = say(
                f"{event.position - position - 1} events are missing before position {event.position}",
                f"위치 {event.position} 앞의 사건 {event.position - position - 1}개가 없습니다",
            )
            holes.append(Broken(StreamId(""), 0, position + 1, text))
        position = event.position
        version, previous = heads.get(event.stream, (0, GENESIS))
        heads[event.stream] = (event.version, event.hash)
        if event.stream not in broken:
            broken |= {found.stream: found for found in _faults(event, version, previous)}
    return Verification(len(heads), n_events, (*broken.values(), *holes))


def _faults(event: Recorded, version: int, previous: str) -> Iterator[Broken]:
    if event.version != version + 1:
        text = say(
            f"event {version + 1} of {event.stream} is missing", f"{event.stream}의 {version + 1}번째 사건이 없습니다"
        )
        yield Broken(event.stream, version + 1, event.position, text)
        return
    expected = event_hash(previous, event.stream, event.version, event.at, event.type, event.schema_version, event.body)
    if expected != event.hash:
        text = say(
            f"event {event.version} of {event.stream} was altered after it was written",
            f"{event.stream}의 {event.version}번째 사건이 기록된 뒤 바뀌었습니다",
        )
        yield Broken(event.stream, event.version, event.position, text)
