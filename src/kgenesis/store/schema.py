"""Bring a store to the present schema, or say why it cannot be used."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from kgenesis.kernel.errors import NotFound, StoreNewer, StoreUnavailable
from kgenesis.kernel.text import say
from kgenesis.store.database import Database
from kgenesis.store.tables import HEAD, REVISION_TABLE, REVISIONS


def bring_to_head(database: Database) -> None:
    """Make the tables of a new store, or migrate those of an older one; nothing is touched unless that is needed.

    Raises:
        StoreNewer: a newer K-Genesis wrote it.
        StoreUnavailable: the database is something else's, or it is old and read-only.
        NotFound: it is empty and read-only.
    """
    with database.reading() as connection:
        found = _revision(connection, database)
    if found == HEAD:
        if not database.is_read_only:
            database.make_ready()
        return
    label = database.place.label
    if database.is_read_only and found is None:
        raise NotFound(say(f"there is no store at {label} yet", f"{label}에 아직 저장소가 없습니다"))
    if database.is_read_only:
        raise StoreUnavailable(
            say(
                f"the store {label} is of an older version and cannot be brought up to date read-only",
                f"저장소 {label}은(는) 이전 버전이며 읽기 전용이라 갱신할 수 없습니다",
            )
        )
    database.make_ready()
    with database.writing() as connection:
        if _revision(connection, database) != HEAD:  # another process may have been first
            _upgrade(connection)


def _revision(connection: Connection, database: Database) -> str | None:
    """Return the revision of the schema, None for an empty database."""
    label = database.place.label
    tables = inspect(connection).get_table_names()
    if REVISION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}")).scalar()  # noqa: S608  (a constant)
        if found is not None and found not in REVISIONS:
            raise StoreNewer(
                say(
                    f"the store {label} was written by a newer K-Genesis (revision {found}, known here: {HEAD})",
                    f"저장소 {label}은(는) 더 새로운 K-Genesis가 썼습니다(리비전 {found}, 이 버전: {HEAD})",
                )
            )
        return None if found is None else str(found)
    if tables:
        raise StoreUnavailable(
            say(
                f"{label} is a database of something else (tables: {', '.join(sorted(tables)[:5])})",
                f"{label}은(는) 다른 프로그램의 데이터베이스입니다(테이블: {', '.join(sorted(tables)[:5])})",
            ),
            hint=say("Choose another place with `--store`.", "`--store`로 다른 곳을 고르세요."),
        )
    return None


def _upgrade(connection: Connection) -> None:
    from alembic import command  # slow to import, and a store that is up to date does not need it
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
