"""What the store asks of a database, so that nothing above this file knows which one it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from kgenesis.kernel.errors import StoreUnavailable
from kgenesis.kernel.text import say
from kgenesis.store.faults import translated
from kgenesis.store.places import Place


class Database(ABC):
    """An open database; safe to use from several threads.

    Args:
        place: where it lies.
        engine: SQLAlchemy's engine for it.
        is_read_only: whether `writing` refuses.
    """

    def __init__(self, place: Place, engine: Engine, *, is_read_only: bool) -> None:
        self.place = place
        self.engine = engine
        self.is_read_only = is_read_only

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading.

        Raises:
            StoreError: the database does not answer, or is damaged.
        """
        with translated(self.place.label), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, is_durable: bool = True) -> Iterator[Connection]:
        """Give a connection that holds the store's write lock; the block is one transaction.

        Args:
            is_durable: whether the transaction must be on the disk when the block ends; if not, a power cut (not
                a crash of the process) may take the last ones back, in order.

        Raises:
            StoreUnavailable: read-only, full, locked too long, unreachable.
            StoreCorrupted: the database is damaged.
        """
        if self.is_read_only:
            raise StoreUnavailable(
                say(
                    f"the store {self.place.label} is open for reading only",
                    f"저장소 {self.place.label}은(는) 읽기 전용으로 열려 있습니다",
                )
            )
        with translated(self.place.label), self.engine.connect() as connection:
            self._lock(connection, is_durable=is_durable)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @abstractmethod
    def _lock(self, connection: Connection, *, is_durable: bool) -> None:
        """Begin a transaction that no other writer can run beside."""

    @abstractmethod
    def now(self, connection: Connection) -> float:
        """Return seconds since 1970 by the clock that every user of this database shares."""

    @abstractmethod
    def damage(self) -> str:
        """Return what the database itself finds wrong with its pages, empty if nothing (may read all of it)."""

    def make_ready(self) -> None:  # noqa: B027  (not every database has something to do)
        """Prepare for writing; called once the schema is known to be ours or absent."""

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
