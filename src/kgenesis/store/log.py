"""The event log: append, read, follow, verify."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from kgenesis.kernel.errors import Conflict, InvalidSpec, Mistake, StoreCorrupted
from kgenesis.kernel.events import Event, Recorded, time_now
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import say
from kgenesis.store import chain, leases, projections, tables
from kgenesis.store.blobs import Blobs
from kgenesis.store.database import Database
from kgenesis.store.leases import Holder, Lease
from kgenesis.store.places import Place, place_of
from kgenesis.store.projections import Projection, Row, recorded_events
from kgenesis.store.schema import bring_to_head

_event = tables.event.c
# Queries are built once: building one takes longer than running it.
_TOP = select(func.max(_event.position))
_FENCE = select(tables.lease.c.fence).where(tables.lease.c.stream == bindparam("stream"))
_HEAD = (  # all that a writer must know, in one question: each costs as much as writing an event
    select(_event.version, _event.hash, _TOP.scalar_subquery(), _FENCE.scalar_subquery())
    .where(_event.stream == bindparam("stream"))
    .order_by(_event.version.desc())
    .limit(1)
)
_ADD = insert(tables.event)
_OF_STREAM = (
    recorded_events()
    .where((_event.stream == bindparam("stream")) & (_event.version > bindparam("after")))
    .order_by(_event.version)
)
_OF_ALL = recorded_events().where(_event.position > bindparam("after")).order_by(_event.position)
_CHUNK = 2000
"""Rows fetched at a time when events are iterated."""


class SqlStore:
    """The log on disk, in SQLite or PostgreSQL; implements `EventStore`. Safe to use from several threads.

    Args:
        place: where it lies; made there if it does not exist.
        is_read_only: nothing is written, not even to make it; a file that cannot be written to is read-only anyway.

    Raises:
        NotFound: `is_read_only`, and there is no store.
        StoreUnavailable, StoreNewer, StoreCorrupted: it cannot be used.
    """

    def __init__(self, place: Place, *, is_read_only: bool = False) -> None:
        self._database = _open(place, is_read_only=is_read_only)
        self.blobs = Blobs(place.blobs)
        try:
            bring_to_head(self._database)
        except BaseException:
            self._database.close()
            raise

    @property
    def place(self) -> str:
        """Where the store lies, as people read it."""
        return self._database.place.label

    @property
    def folder(self) -> Path:
        """Where files that belong to the store lie."""
        return self._database.place.folder

    @property
    def is_read_only(self) -> bool:
        """Whether `append` refuses."""
        return self._database.is_read_only

    def append(
        self, stream: StreamId, expected_version: int, events: Sequence[Event], fence: int | None = None,
        at: Sequence[str] | None = None,
    ) -> Sequence[Recorded]:  # fmt: skip
        """Write events after `expected_version`, all or none; on disk on return if any event is durable.

        Args:
            stream: no line feeds.
            expected_version: version of the stream's last event; 0 if it has none.
            events: in order.
            fence: of the lease the writer holds; None for writers that do not run the stream.
            at: when each came about, as `time_now` writes it; now if not given.

        Raises:
            Conflict: the stream has another version, or the lease `fence` has passed to somebody else.
            StoreUnavailable: read-only, full, unreachable.
        """
        if not stream or "\n" in stream:
            msg = f"not a stream: {stream!r}"
            raise ValueError(msg)
        if not events:
            return ()
        times = [time_now()] * len(events) if at is None else at
        bodies = [event.model_dump_json() for event in events]
        with self._database.writing(is_durable=any(event.is_durable for event in events)) as connection:
            version, previous, position, held = _head(connection, stream)
            if fence is not None and held != fence:
                raise _passed_on(stream)
            if version != expected_version:
                raise _conflict(stream, expected_version, version)
            written = []
            for event, body, time in zip(events, bodies, times, strict=True):
                version, position = version + 1, position + 1
                previous = chain.event_hash(previous, stream, version, time, event.type, event.schema_version, body)
                written.append(
                    Recorded(stream, version, position, time, event.type, event.schema_version, body, previous)
                )
            connection.execute(_ADD, [recorded._asdict() for recorded in written])
        return written

    def read(self, stream: StreamId, after: int = 0) -> Sequence[Recorded]:
        """Return the events of a stream with a version above `after`, in order."""
        return list(self.read_each(stream, after))

    def read_each(self, stream: StreamId, after: int = 0) -> Iterator[Recorded]:
        """Yield the events of a stream with a version above `after`, in order, without holding all in memory."""
        asked = {"stream": stream, "after": after}
        with self._database.reading() as connection:
            for rows in connection.execution_options(yield_per=_CHUNK).execute(_OF_STREAM, asked).partitions():
                yield from map(Recorded._make, rows)

    def read_all(self, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Return events of all streams with a position above `after`, in order of position."""
        with self._database.reading() as connection:
            return list(map(Recorded._make, connection.execute(_OF_ALL.limit(limit), {"after": after})))

    def streams(self, prefix: str = "") -> Sequence[StreamId]:
        """Return the streams whose name begins with `prefix`, in the order they were opened."""
        wanted = select(_event.stream).where(_event.version == 1).order_by(_event.position)
        if prefix:
            wanted = wanted.where(_event.stream.startswith(prefix, autoescape=True))
        with self._database.reading() as connection:
            return [StreamId(stream) for stream in connection.execute(wanted).scalars()]

    def verify(self, stream: StreamId | None = None) -> chain.Verification:
        """Recompute the hash chain of one stream, or of all and check the database's pages too.

        Raises:
            StoreCorrupted: the database cannot be read at all.
        """
        if stream is not None:
            return chain.verified(self.read_each(stream), is_whole=False)
        damage = self._database.damage()
        if damage:
            raise StoreCorrupted(
                say(
                    f"the store {self.place} is damaged: {damage}",
                    f"저장소 {self.place}이(가) 손상되었습니다: {damage}",
                )
            )
        return chain.verified(self._all(), is_whole=True)

    def _all(self) -> Iterator[Recorded]:
        after = 0
        while events := self.read_all(after, _CHUNK):
            yield from events
            after = events[-1].position

    def lease(self, stream: StreamId, holder: Holder | None = None, seconds: float = leases.SECONDS) -> Lease:
        """Take the right to run a stream; it renews itself until released or this process ends.

        Args:
            stream: need not exist yet.
            holder: this process if not given.
            seconds: how long a holder on another computer is waited for after its last sign of life.

        Raises:
            CampaignBusy: a live process holds it.
        """
        return leases.acquire(self._database, stream, holder or Holder.here(), seconds)

    def holder(self, stream: StreamId) -> Holder | None:
        """Return the live process that runs a stream, None if nobody does."""
        return leases.holder_of(self._database, stream)

    def catch_up(self, projection: Projection) -> int:
        """Apply the events a projection has not seen; returns how many."""
        return projections.catch_up(self._database, projection)

    def rows(self, projection: Projection) -> Mapping[StreamId, Row]:
        """Return a projection's row of every stream, up to date; also from a read-only store."""
        return projections.rows(self._database, projection)

    def drop(self, name: str) -> None:
        """Forget a projection's rows; they are made again when next asked for."""
        projections.drop(self._database, name)

    def close(self) -> None:
        """Close the files or connections."""
        self._database.close()


def make_store(context: PluginContext) -> SqlStore:
    """Open a store: settings `url` (see `place_of`) and `read_only`.

    Raises:
        InvalidSpec: the settings are not valid.
    """
    settings: dict[str, Any] = dict(context.settings)
    url, is_read_only = settings.pop("url", None), settings.pop("read_only", False)
    wrong = [Mistake(say("no such setting", "그런 설정이 없습니다"), name) for name in settings]
    if not isinstance(url, str | Path | None):
        wrong.append(Mistake(say("must be a path or an address", "경로나 주소여야 합니다"), "url"))
    if not isinstance(is_read_only, bool):
        wrong.append(Mistake(say("must be true or false", "true 또는 false여야 합니다"), "read_only"))
    if wrong:
        raise InvalidSpec(say("the settings of the store are not valid", "저장소 설정이 올바르지 않습니다"), wrong)
    return SqlStore(place_of(None if url is None else str(url), context.folder), is_read_only=is_read_only)


def _open(place: Place, *, is_read_only: bool) -> Database:
    if place.kind == "sqlite":
        from kgenesis.store.sqlite import open_sqlite  # only the driver that is used

        return open_sqlite(place, is_read_only=is_read_only)
    from kgenesis.store.postgres import open_postgres

    return open_postgres(place, is_read_only=is_read_only)


def _head(connection: Connection, stream: StreamId) -> tuple[int, str, int, int | None]:
    """Return the stream's version and last hash, the store's last position, and the fence of the stream's lease."""
    row = connection.execute(_HEAD, {"stream": stream}).first()
    if row is not None:
        return row[0], row[1], row[2], row[3]
    fence = connection.execute(_FENCE, {"stream": stream}).scalar()
    return 0, chain.GENESIS, connection.execute(_TOP).scalar() or 0, fence


def _passed_on(stream: StreamId) -> Conflict:
    return Conflict(
        say(f"the lease on {stream} has passed to somebody else", f"{stream}의 실행 권한이 다른 쪽으로 넘어갔습니다")
    )


def _conflict(stream: StreamId, expected: int, found: int) -> Conflict:
    return Conflict(
        say(f"{stream} has version {found}, not {expected}", f"{stream}의 버전은 {expected}이(가) 아니라 {found}입니다")
    )
