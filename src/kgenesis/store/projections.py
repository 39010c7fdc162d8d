"""Tables made from the log, for fast lists: they can be dropped at any time and are made again from the events."""

import json
from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import Connection, Select, delete, func, insert, select

from kgenesis.kernel.events import Recorded
from kgenesis.kernel.ids import StreamId
from kgenesis.store import tables
from kgenesis.store.database import Database

Row = dict[str, Any]
"""JSON-ready data about one stream."""
_BATCH = 2000
"""Events per transaction: a writer never waits long for a list that is being made."""


class Projection(Protocol):
    """A fold over the log with one row per stream."""

    @property
    def name(self) -> str:
        """The name its rows are kept under."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever `apply` changes; rows made by another version are dropped."""
        ...

    def apply(self, recorded: Recorded, row: Row | None) -> Row | None:
        """Return the stream's row after an event; None: no row. Must not change `row` if it returns another."""
        ...


def recorded_events() -> Select[Any]:
    """Return the query whose rows, in order, are the fields of `Recorded`."""
    c = tables.event.c
    return select(c.stream, c.version, c.position, c.at, c.type, c.schema_version, c.body, c.hash)


def catch_up(database: Database, projection: Projection) -> int:
    """Apply the events a projection has not seen; returns how many. Safe while other processes do the same."""
    with database.reading() as connection:
        if _position(connection, projection) == _last(connection):
            return 0
    n_applied = 0
    while True:
        with database.writing(is_durable=False) as connection:
            position = _position(connection, projection)
            if position is None:
                _forget(connection, projection.name)
            events = _events_after(connection, position or 0)
            if events:
                changed = _changed(connection, projection, events)
                _write(connection, projection, changed, events[-1].position)
        n_applied += len(events)
        if len(events) < _BATCH:
            return n_applied


def rows(database: Database, projection: Projection) -> dict[StreamId, Row]:
    """Return the row of every stream, up to date; a read-only store's are worked out without being kept."""
    if not database.is_read_only:
        catch_up(database, projection)
    with database.reading() as connection:
        position = _position(connection, projection)
        found = {} if position is None else _rows(connection, projection.name)
        position = position or 0
        while events := _events_after(connection, position) if database.is_read_only else []:
            found |= _folded(projection, events, found)
            position = events[-1].position
    return {stream: row for stream, row in found.items() if row is not None}


def drop(database: Database, name: str) -> None:
    """Forget a projection's rows; they are made again when next asked for."""
    with database.writing(is_durable=False) as connection:
        _forget(connection, name)


def _position(connection: Connection, projection: Projection) -> int | None:
    """Return the position of the last event applied, None if there are no rows of this version."""
    c = tables.projection.c
    found = connection.execute(
        select(c.position).where((c.name == projection.name) & (c.version == projection.version))
    ).scalar()
    return None if found is None else int(found)


def _last(connection: Connection) -> int:
    return connection.execute(select(func.max(tables.event.c.position))).scalar() or 0


def _events_after(connection: Connection, position: int) -> list[Recorded]:
    c = tables.event.c
    found = connection.execute(recorded_events().where(c.position > position).order_by(c.position).limit(_BATCH))
    return list(map(Recorded._make, found))


def _rows(connection: Connection, name: str, streams: Iterable[StreamId] | None = None) -> dict[StreamId, Row | None]:
    c = tables.projection_row.c
    wanted = select(c.stream, c.body).where(c.name == name).order_by(c.stream)
    if streams is not None:
        wanted = wanted.where(c.stream.in_(streams))
    return {StreamId(stream): json.loads(body) for stream, body in connection.execute(wanted)}


def _folded(
    projection: Projection, events: Iterable[Recorded], found: dict[StreamId, Row | None]
) -> dict[StreamId, Row | None]:
    changed: dict[StreamId, Row | None] = {}
    for event in events:
        changed[event.stream] = projection.apply(event, changed.get(event.stream, found.get(event.stream)))
    return changed


def _changed(connection: Connection, projection: Projection, events: list[Recorded]) -> dict[StreamId, Row | None]:
    streams = list({event.stream for event in events})
    known: dict[StreamId, Row | None] = {}
    for start in range(0, len(streams), 500):  # databases limit the number of parameters
        known |= _rows(connection, projection.name, streams[start : start + 500])
    return _folded(projection, events, known)


def _write(connection: Connection, projection: Projection, changed: dict[StreamId, Row | None], position: int) -> None:
    row, mark = tables.projection_row, tables.projection
    streams = list(changed)
    for start in range(0, len(streams), 500):
        some = streams[start : start + 500]
        connection.execute(delete(row).where((row.c.name == projection.name) & row.c.stream.in_(some)))
    kept = [
        {"name": projection.name, "stream": stream, "body": json.dumps(body, ensure_ascii=False)}
        for stream, body in changed.items()
        if body is not None
    ]
    if kept:
        connection.execute(insert(row), kept)
    connection.execute(delete(mark).where(mark.c.name == projection.name))
    connection.execute(insert(mark).values(name=projection.name, version=projection.version, position=position))


def _forget(connection: Connection, name: str) -> None:
    connection.execute(delete(tables.projection_row).where(tables.projection_row.c.name == name))
    connection.execute(delete(tables.projection).where(tables.projection.c.name == name))
