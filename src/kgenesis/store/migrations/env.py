"""What Alembic runs: the migrations, inside the transaction that `store/schema.py` has begun."""

from alembic import context

from kgenesis.store.tables import REVISION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=REVISION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
