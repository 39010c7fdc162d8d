"""Where a store lies: a file of this computer, or a PostgreSQL database."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from platformdirs import user_data_path

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.text import say

VARIABLE = "KGENESIS_STORE"
"""The environment variable that names the store where no setting does."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store lies."""

    kind: Literal["sqlite", "postgresql"]
    url: str
    """What a driver connects with; may hold a password, so it is never shown."""
    label: str
    """What people read: the file's path, or the address without its password."""
    path: Path | None
    """The database file (SQLite only)."""
    blobs: Path
    """The folder of the blobs."""

    @property
    def folder(self) -> Path:
        """Where files that belong to the store lie: the database file's folder, else the platform's data folder."""
        return data_folder() if self.path is None else self.path.parent


def data_folder() -> Path:
    """Return the platform's folder for K-Genesis data; it is not made here."""
    return user_data_path("kgenesis", appauthor=False)


def place_of(url: str | None = None, folder: Path | None = None) -> Place:
    """Return the place a setting names, else KGENESIS_STORE, else `kgenesis.db` in the platform's data folder.

    Args:
        url: a path, `sqlite:///path` or `postgresql+psycopg://…`.
        folder: relative paths of `url` start here; the working folder if not given.

    Raises:
        InvalidSpec: the address is of another kind.
    """
    asked = url or os.environ.get(VARIABLE) or str(data_folder() / "kgenesis.db")
    scheme = urlsplit(asked).scheme if "://" in asked else ""
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgresql(asked)
    if scheme not in {"", "sqlite"}:
        raise _not_an_address(asked)
    name = unquote(asked.removeprefix("sqlite://").removeprefix("/")) if scheme else asked
    if not name or name == ":memory:":
        raise _not_an_address(asked)
    path = ((folder or Path.cwd()) / Path(name).expanduser()).resolve()
    return Place("sqlite", f"sqlite:///{path}", str(path), path, path.with_name(f"{path.name}-blobs"))


def _postgresql(asked: str) -> Place:
    parts = urlsplit(asked)
    address = parts.netloc.rpartition("@")[2]
    label = f"postgresql://{address}{parts.path}"
    # The database has no folder of its own, and two databases must not share one.
    name = hashlib.sha256(label.encode()).hexdigest()[:12]
    url = parts._replace(scheme="postgresql+psycopg").geturl()
    return Place("postgresql", url, label, None, data_folder() / f"blobs-{name}")


def _not_an_address(asked: str) -> InvalidSpec:
    shown = asked.rpartition("@")[2] if "@" in asked else asked
    return InvalidSpec(
        say(f"{shown!r} is not the address of a store", f"{shown!r}은(는) 저장소 주소가 아닙니다"),
        hint=say(
            "Give a file, `sqlite:///path/kgenesis.db` or `postgresql+psycopg://user@host/database`.",
            "파일, `sqlite:///경로/kgenesis.db` 또는 `postgresql+psycopg://사용자@호스트/데이터베이스`를 쓰세요.",
        ),
    )
