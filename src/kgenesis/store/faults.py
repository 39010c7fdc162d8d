"""What database drivers say, as K-Genesis says it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from kgenesis.kernel.errors import Conflict, StoreCorrupted, StoreError, StoreUnavailable
from kgenesis.kernel.text import Text, say

_CORRUPTED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SQLITE = {
    sqlite3.SQLITE_FULL: say("the disk is full", "디스크가 가득 찼습니다"),
    sqlite3.SQLITE_READONLY: say("it cannot be written to", "쓸 수 없습니다"),
    sqlite3.SQLITE_PERM: say("it may not be accessed", "접근할 수 없습니다"),
    sqlite3.SQLITE_CANTOPEN: say("it cannot be opened", "열 수 없습니다"),
    sqlite3.SQLITE_IOERR: say("the disk does not take or give the data", "디스크가 데이터를 읽거나 쓰지 못합니다"),
    sqlite3.SQLITE_BUSY: say("another process kept it locked", "다른 프로세스가 잠그고 있습니다"),
    sqlite3.SQLITE_LOCKED: say("another connection kept it locked", "다른 연결이 잠그고 있습니다"),
}
_POSTGRES_TAKEN = {"40001", "40P01", "23505"}
"""SQLSTATE: serialization failure, deadlock, unique violation."""
_POSTGRES_CORRUPTED = {"XX001", "XX002"}
"""SQLSTATE: data corrupted, index corrupted."""


def store_error(error: BaseException, label: str) -> StoreError:
    """Return what a driver's error means for the store `label`."""
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        primary = code & 0xFF if isinstance(code, int) else None
        if primary in _CORRUPTED:
            return _corrupted(label, str(error))
        if primary == sqlite3.SQLITE_CONSTRAINT:
            return _conflict(label)
        return _unavailable(label, _SQLITE.get(primary or 0, say(said, said)), str(error))
    state = getattr(error, "sqlstate", None)
    if state in _POSTGRES_TAKEN:
        return _conflict(label)
    if state in _POSTGRES_CORRUPTED:
        return _corrupted(label, said)
    return _unavailable(label, say(said, said), state or "")


@contextmanager
def translated(label: str) -> Iterator[None]:
    """Raise a `StoreError` for every error of a driver or the file system in the block.

    Raises:
        Conflict: a unique key was taken.
        StoreCorrupted: the database is damaged.
        StoreUnavailable: anything else that keeps the store from working.
    """
    try:
        yield
    except IntegrityError as error:
        raise _conflict(label) from error
    except DBAPIError as error:
        raise store_error(error.orig or error, label) from error
    except (sqlite3.Error, OSError) as error:
        raise store_error(error, label) from error


def _conflict(label: str) -> Conflict:
    return Conflict(say(f"{label}: somebody else wrote first", f"{label}: 다른 쪽이 먼저 기록했습니다"))


def _corrupted(label: str, said: str) -> StoreCorrupted:
    return StoreCorrupted(say(f"the store {label} is damaged: {said}", f"저장소 {label}이(가) 손상되었습니다: {said}"))


def _unavailable(label: str, what: Text, said: str) -> StoreUnavailable:
    return StoreUnavailable(
        say(
            f"the store {label} is out of reach: {what.en} ({said})",
            f"저장소 {label}을(를) 쓸 수 없습니다: {what.ko} ({said})",
        )
    )
