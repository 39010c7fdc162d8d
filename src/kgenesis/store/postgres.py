"""PostgreSQL as the store's database: for stores that several computers share."""

import importlib.util

from sqlalchemy import Connection, create_engine, text

from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.text import say
from kgenesis.store.database import Database
from kgenesis.store.places import Place

_WRITERS = 0x6B67656E
"""Key of the advisory lock that all writers take ("kgen")."""


class PostgresDatabase(Database):
    """A PostgreSQL database; writers take turns, as they do in SQLite.

    Without turns, a transaction with a lower position could commit after one with a higher position, and a reader
    that catches up by position would miss it for ever.
    """

    def _lock(self, connection: Connection, *, is_durable: bool) -> None:
        if not is_durable:
            connection.execute(text("SET LOCAL synchronous_commit TO off"))
        connection.execute(text("SET LOCAL lock_timeout TO '10s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})

    def now(self, connection: Connection) -> float:
        """Return the server's time."""
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def damage(self) -> str:
        """Return nothing: PostgreSQL checks its pages itself as it reads them."""
        return ""


def open_postgres(place: Place, *, is_read_only: bool) -> PostgresDatabase:
    """Open a database by its address; connects at first use.

    Raises:
        MissingPart: the driver is not installed.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise MissingPart(
            say("a store on PostgreSQL needs psycopg", "PostgreSQL 저장소에는 psycopg가 필요합니다"),
            hint=say('`pip install "kgenesis[postgres]"`', '`pip install "kgenesis[postgres]"`'),
        )
    engine = create_engine(place.url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    return PostgresDatabase(place, engine, is_read_only=is_read_only)
