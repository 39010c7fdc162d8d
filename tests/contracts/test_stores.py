"""Every built-in store passes the conformance suite: on SQLite, and on PostgreSQL where one is offered."""

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from kgenesis.testing.stores import StoreCases

VARIABLE = "KGENESIS_TEST_POSTGRES"


class TestSqlite(StoreCases):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Mapping[str, Any]:
        return {"url": str(tmp_path / "folder to be made" / "kgenesis.db")}


class TestPostgres(StoreCases):
    @pytest.fixture
    def settings(self) -> Iterator[Mapping[str, Any]]:
        offered = os.environ.get(VARIABLE)
        if not offered:
            pytest.skip(f"no PostgreSQL: set {VARIABLE} to the URL of a server on which databases may be made")
        server = make_url(offered).set(drivername="postgresql+psycopg")
        name = f"kgenesis_test_{uuid.uuid4().hex[:12]}"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield {"url": server.set(database=name).render_as_string(hide_password=False)}
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
