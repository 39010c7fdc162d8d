"""SQLite as the store's database: the only place that knows its pragmas, locks and files."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, QueuePool, create_engine

from kgenesis.kernel.errors import NotFound, StoreUnavailable
from kgenesis.kernel.text import say
from kgenesis.store.database import Database
from kgenesis.store.faults import store_error, translated
from kgenesis.store.places import Place

PATIENCE = 10.0
"""Seconds a writer waits for another one."""


class SqliteDatabase(Database):
    """One file in write-ahead-log mode: any number of readers beside one writer, all on one computer."""

    def _lock(self, connection: Connection, *, is_durable: bool) -> None:
        wanted = "FULL" if is_durable else "NORMAL"
        if connection.info.get("synchronous") != wanted:  # cannot be changed inside a transaction
            driver = connection.connection.driver_connection
            if driver is not None:
                driver.execute(f"PRAGMA synchronous={wanted}").close()
            connection.info["synchronous"] = wanted
        # A deferred transaction that turns into a writer fails at once, whatever the busy timeout says.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def now(self, connection: Connection) -> float:  # noqa: ARG002  (the file's users share this computer's clock)
        """Return this computer's time."""
        return time.time()

    def damage(self) -> str:
        """Return what `quick_check` finds."""
        with self.reading() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
        return "" if list(found) == ["ok"] else "; ".join(str(line) for line in found)

    def make_ready(self) -> None:
        """Turn on the write-ahead log; SQLite remembers it in the file."""
        with translated(self.place.label), self.engine.connect() as connection:
            deadline = time.monotonic() + PATIENCE
            while connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
                try:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                except Exception:
                    # The busy timeout does not hold for this pragma: two processes may open a new store at once.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)


def open_sqlite(place: Place, *, is_read_only: bool) -> SqliteDatabase:
    """Open a file; one that cannot be written to is opened for reading.

    Raises:
        NotFound: there is no such file and `is_read_only`.
        StoreUnavailable: the file cannot be opened, nor its folder made.
    """
    path = place.path
    if path is None:
        msg = "not a file"
        raise ValueError(msg)
    exists = path.exists()
    if not exists and is_read_only:
        raise NotFound(say(f"there is no store at {path}", f"{path}에 저장소가 없습니다"))
    if not exists:
        with translated(place.label):
            path.parent.mkdir(parents=True, exist_ok=True)
    if is_read_only or (exists and not _may_write(path)):
        return SqliteDatabase(place, _engine(_reader(place, path)), is_read_only=True)
    return SqliteDatabase(place, _engine(lambda: _connect(path)), is_read_only=False)


def _engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=4, max_overflow=32)


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)  # the log lies beside the file


def _connect(path: Path, mode: str = "") -> sqlite3.Connection:
    address = f"{path.as_uri()}?{mode}" if mode else str(path)
    # Transactions are begun by `_lock`, not by the driver's guesses.
    return sqlite3.connect(
        address, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=bool(mode), cached_statements=256
    )


def _reader(place: Place, path: Path) -> Callable[[], sqlite3.Connection]:
    """Return how to open a file without writing to it.

    Reading beside a write-ahead log takes a shared-memory file. Where neither can be made (a read-only folder), the
    file is read as immutable, which is right only if no log waits to be merged into it.
    """
    try:
        probe = _connect(path, "mode=ro")
        try:
            probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            probe.close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            raise store_error(error, place.label) from error
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise StoreUnavailable(
                say(
                    f"the store {path} was not closed and its folder cannot be written to",
                    f"저장소 {path}이(가) 닫히지 않았고 폴더에 쓸 수 없습니다",
                ),
                hint=say(
                    f"Copy {path.name} and {log.name} to a folder you can write to and open the copy.",
                    f"{path.name}과 {log.name}을(를) 쓸 수 있는 폴더로 복사해 여세요.",
                ),
            ) from error
        return lambda: _connect(path, "immutable=1")
    except sqlite3.DatabaseError as error:
        raise store_error(error, place.label) from error
    return lambda: _connect(path, "mode=ro")
