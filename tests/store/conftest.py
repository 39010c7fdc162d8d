"""A store on a fresh file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgenesis.store import SqlStore, place_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "kgenesis.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """An open, empty store."""
    opened = SqlStore(place_of(str(path)))
    yield opened
    opened.close()
