"""What goes wrong with disks and files is said as it is, and what was stored before stays intact."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kgenesis.kernel.errors import NotFound, StoreCorrupted, StoreNewer, StoreUnavailable
from kgenesis.store import SqlStore, place_of, sqlite
from kgenesis.testing.stores import A, B, Counts, Noted, texts

PRELUDE = """
import os, sys
from pathlib import Path
from kgenesis.kernel.errors import *
from kgenesis.store import SqlStore, place_of
from kgenesis.testing.stores import A, B, Counts, Noted, texts
folder = Path(sys.argv[1])
path = folder / "kgenesis.db"
def store(**more): return SqlStore(place_of(str(path)), **more)
def refused(action):
    try:
        action()
    except StoreUnavailable as error:
        return error
    raise SystemExit("not refused")
"""


def on_a_small_disk(tmp_path: Path, script: str) -> None:
    """Run Python in `argv[1]`, an own file system of 2 MB that it may fill and `remount` read-only."""
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    probe = f"mount -t tmpfs -o size=2m kgenesis {tmp_path}"
    if unshare is None or mount is None or subprocess.run([unshare, "-rm", "sh", "-c", probe], check=False).returncode:
        pytest.skip("this system does not let a test mount a small disk (unshare -rm, mount -t tmpfs)")
    program = PRELUDE + textwrap.dedent(script)
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", f'{probe} && exec "$@"', "sh", sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_full_disk_refuses_the_event_keeps_the_others_and_goes_on_once_there_is_space(tmp_path: Path) -> None:
    on_a_small_disk(
        tmp_path,
        """
        s, n = store(), 0
        ballast = folder / "ballast"
        ballast.write_bytes(b"x" * 1_000_000)
        def fill():
            global n
            while True:
                s.append(A, n, [Noted(text="x" * 20_000)])
                n += 1
        error = refused(fill)
        assert "full" in str(error), error
        assert n > 5
        assert len(s.read(A)) == n
        refused(lambda: s.append(B, 0, [Noted(text="x" * 50_000)]))
        refused(lambda: s.blobs.put(os.urandom(3_000_000)))
        assert not [p for p in folder.rglob("*") if ".part" in p.name]
        ballast.unlink()
        s.append(A, n, [Noted(text="there is space again")])
        assert s.verify().broken == ()
        s.close()
        assert len(store().read(A)) == n + 1
        """,
    )


def test_a_file_that_may_not_grow_is_a_store_out_of_reach(tmp_path: Path) -> None:
    program = (
        PRELUDE
        + """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
s, n = store(), 0
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
def fill():
    global n
    while True:
        s.append(A, n, [Noted(text="x" * 20_000)])
        n += 1
refused(fill)
assert len(s.read(A)) == n > 5
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
s.append(A, n, [Noted(text="again")])
assert s.verify().broken == ()
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_database_at_its_greatest_size_is_full(store: SqlStore) -> None:
    with store._database.engine.connect() as connection:  # the pool gives the same connection again
        connection.exec_driver_sql("PRAGMA max_page_count=12")
    store.append(A, 0, [Noted(text="fits")])
    with pytest.raises(StoreUnavailable, match="full"):
        store.append(A, 1, [Noted(text="x" * 100_000)])
    assert texts(store.read(A)) == ["fits"]


def test_a_store_on_a_read_only_disk_is_read_and_nothing_else(tmp_path: Path) -> None:
    on_a_small_disk(
        tmp_path,
        """
        s = store()
        s.append(A, 0, [Noted(text="kept")])
        s.rows(Counts())
        s.append(A, 1, [Noted(text="not yet listed")])
        s.close()
        assert os.system(f"mount -o remount,ro {folder}") == 0
        s = store()
        assert s.is_read_only
        assert texts(s.read(A)) == ["kept", "not yet listed"]
        assert s.rows(Counts()) == {A: {"n": 2, "last": "not yet listed"}}
        assert s.verify().broken == ()
        assert s.holder(A) is None
        refused(lambda: s.append(A, 2, [Noted(text="no")]))
        refused(lambda: s.lease(A))
        refused(lambda: s.blobs.put(b"no"))
        path = folder / "other.db"
        refused(store)
        """,
    )


def test_a_disk_that_becomes_read_only_refuses_the_next_event(tmp_path: Path) -> None:
    on_a_small_disk(
        tmp_path,
        """
        writer = store()
        writer.append(A, 0, [Noted(text="kept")])
        # an open file would keep the disk from becoming read-only; the store opens it again when it is next used
        writer.close()
        assert os.system(f"mount -o remount,ro {folder}") == 0
        refused(lambda: writer.append(A, 1, [Noted(text="no")]))
        """,
    )


def test_a_store_that_was_not_closed_on_a_read_only_disk_says_what_to_do(tmp_path: Path) -> None:
    on_a_small_disk(
        tmp_path,
        """
        if os.fork() == 0:
            s = store()
            s.append(A, 0, [Noted(text="in the log file only")])
            os._exit(0)
        os.wait()
        (folder / "kgenesis.db-shm").unlink()
        assert os.system(f"mount -o remount,ro {folder}") == 0
        error = refused(store)
        assert "kgenesis.db-wal" in str(error)
        """,
    )


def test_opening_for_reading_writes_nothing_to_the_file(store: SqlStore, path: Path) -> None:
    store.append(A, 0, [Noted(text="kept")])
    store.close()
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    reader = SqlStore(place_of(str(path)), is_read_only=True)
    assert texts(reader.read(A)) == ["kept"]
    assert reader.rows(Counts()) == {A: {"n": 1, "last": "kept"}}
    with pytest.raises(StoreUnavailable, match="reading only"):
        reader.append(A, 1, [Noted(text="no")])
    with pytest.raises(StoreUnavailable):
        reader.drop(Counts.name)
    reader.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_reader_sees_what_a_writer_adds(store: SqlStore, path: Path) -> None:
    reader = SqlStore(place_of(str(path)), is_read_only=True)
    store.append(A, 0, [Noted(text="now")])
    assert texts(reader.read(A)) == ["now"]
    assert reader.rows(Counts()) == {A: {"n": 1, "last": "now"}}
    reader.close()


def test_reading_where_there_is_no_store_makes_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        SqlStore(place_of(str(tmp_path / "folder" / "none.db")), is_read_only=True)
    (tmp_path / "empty.db").touch()
    with pytest.raises(NotFound):
        SqlStore(place_of(str(tmp_path / "empty.db")), is_read_only=True)
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("empty.db-")) == ["empty.db"]


def test_a_store_cannot_be_made_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreUnavailable):
        SqlStore(place_of(str(tmp_path / "file" / "kgenesis.db")))
    with pytest.raises(StoreUnavailable):
        SqlStore(place_of(str(tmp_path)))


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_store_of_a_newer_version_is_not_touched(store: SqlStore, path: Path, *, is_read_only: bool) -> None:
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE kgenesis_revision SET version_num = 'r9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreNewer, match="r9999"):
        SqlStore(place_of(str(path)), is_read_only=is_read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_database_of_something_else_is_not_touched(path: Path, *, is_read_only: bool) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="recipes"):
        SqlStore(place_of(str(path)), is_read_only=is_read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_file_that_is_no_database_is_a_corrupted_store_and_not_touched(path: Path, *, is_read_only: bool) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreCorrupted):
        SqlStore(place_of(str(path)), is_read_only=is_read_only)
    assert path.read_bytes() == b"Dear diary, " * 1000


def test_damaged_pages_are_found_when_they_are_read_and_by_verify(store: SqlStore, path: Path) -> None:
    store.append(A, 0, [Noted(text=f"{n}" * 100) for n in range(500)])
    store.append(B, 0, [Noted(text="x")])
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(12, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    path.write_bytes(bytes(content))
    damaged = SqlStore(place_of(str(path)))
    with pytest.raises(StoreCorrupted):
        damaged.read(A)
    with pytest.raises(StoreCorrupted):
        damaged.verify()
    damaged.close()


def test_half_a_file_is_a_corrupted_store(store: SqlStore, path: Path) -> None:
    store.append(A, 0, [Noted(text=f"{n}" * 100) for n in range(500)])
    store.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreCorrupted):
        SqlStore(place_of(str(path))).verify()


def test_a_store_that_another_process_keeps_locked_is_out_of_reach_after_a_while(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    store = SqlStore(place_of(str(path)))
    store.append(A, 0, [Noted(text="before")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        store.append(A, 1, [Noted(text="no")])
    assert texts(store.read(A)) == ["before"]
    other.execute("ROLLBACK")
    other.close()
    store.append(A, 1, [Noted(text="after")])
    store.close()


def test_a_postgresql_server_that_does_not_answer_is_a_store_out_of_reach() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StoreUnavailable) as caught:
        SqlStore(place_of("postgresql://user:secret@127.0.0.1:1/none"))
    assert "secret" not in str(caught.value)
