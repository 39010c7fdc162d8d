"""The tables of a store, as queries see them; `migrations/` makes them, and a test holds the two equal."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

REVISIONS = ("r0001",)
"""Every revision of the schema, oldest first; held equal to `migrations/versions` by a test.

Kept here so that opening a store that is up to date need not import Alembic.
"""
HEAD = REVISIONS[-1]
REVISION_TABLE = "kgenesis_revision"

metadata = MetaData()

event = Table(
    "event",
    metadata,
    # Given out by the writer, who holds the store's write lock: 1, 2, 3 … in order of commit and without gaps, so a
    # reader that has seen n misses nothing below it, and a removed event leaves a hole that `verify` finds.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("stream", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("type", String, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("stream", "version", name="event_stream_version"),
)
Index("event_first", event.c.stream, sqlite_where=event.c.version == 1, postgresql_where=event.c.version == 1)

lease = Table(
    "lease",
    metadata,
    Column("stream", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires", Float, nullable=False),
)

projection = Table(
    "projection",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
)

projection_row = Table(
    "projection_row",
    metadata,
    Column("name", String, primary_key=True),
    Column("stream", String, primary_key=True),
    Column("body", Text, nullable=False),
)
