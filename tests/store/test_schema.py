"""The schema that queries see is the one the migrations make, and opening a store does not cost more than it must."""

import os
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import kgenesis.store
from kgenesis.store import SqlStore, tables


def test_the_head_revision_is_the_newest_migration() -> None:
    folder = Path(kgenesis.store.__file__).with_name("migrations")
    script = ScriptDirectory(str(folder))
    assert script.get_heads() == [tables.HEAD]
    assert [one.revision for one in script.walk_revisions()] == list(reversed(tables.REVISIONS))


def test_the_migrations_make_the_tables_that_queries_use(store: SqlStore) -> None:
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": tables.REVISION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


def test_opening_a_store_that_is_up_to_date_does_not_import_alembic(store: SqlStore, path: Path) -> None:
    store.close()
    program = (
        "import sys; from kgenesis.store import SqlStore, place_of; SqlStore(place_of(sys.argv[1])).streams();"
        "sys.exit(any(name in sys.modules for name in ('alembic', 'psycopg', 'scipy')))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=False).returncode == 0
