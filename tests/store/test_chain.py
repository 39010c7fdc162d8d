"""What was written cannot be altered unseen."""

import hashlib
import sqlite3
from pathlib import Path

from kgenesis.store import SqlStore
from kgenesis.testing.stores import A, B, Noted


def alter(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    assert connection.execute(sql).rowcount == 1
    connection.close()


def test_the_hash_is_what_the_documentation_says(store: SqlStore) -> None:
    store.append(A, 0, [Noted(text="one\ntwo"), Noted(text="둘")])
    previous = "0" * 64
    for event in store.read(A):
        lines = [
            previous,
            event.stream,
            str(event.version),
            event.at,
            event.type,
            str(event.schema_version),
            event.body,
        ]
        previous = hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()
        assert event.hash == previous


def test_an_altered_body_is_found_with_its_stream_and_version(store: SqlStore, path: Path) -> None:
    for number in range(5):
        store.append(A, number, [Noted(text=str(number))])
        store.append(B, number, [Noted(text=str(number))])
    alter(path, """UPDATE event SET body = '{"text":"9","number":0.0}' WHERE stream = 'test_a' AND version = 3""")
    (broken,) = store.verify().broken
    assert (broken.stream, broken.version) == (A, 3)
    assert store.verify(A).broken == (broken,)
    assert store.verify(B).broken == ()


def test_an_altered_time_or_type_is_found(store: SqlStore, path: Path) -> None:
    store.append(A, 0, [Noted(text="1")])
    store.append(B, 0, [Noted(text="1")])
    alter(path, "UPDATE event SET at = '2020-01-01' WHERE stream = 'test_a'")
    alter(path, "UPDATE event SET type = 'test.other' WHERE stream = 'test_b'")
    assert {one.stream for one in store.verify().broken} == {A, B}


def test_a_removed_event_is_found(store: SqlStore, path: Path) -> None:
    store.append(A, 0, [Noted(text=str(n)) for n in range(5)])
    alter(path, "DELETE FROM event WHERE stream = 'test_a' AND version = 3")
    assert store.verify(A).broken[0].version == 3


def test_the_removed_end_of_a_stream_is_found_if_anything_was_written_after_it(store: SqlStore, path: Path) -> None:
    store.append(A, 0, [Noted(text=str(n)) for n in range(3)])
    store.append(B, 0, [Noted(text="later")])
    alter(path, "DELETE FROM event WHERE stream = 'test_a' AND version = 3")
    assert store.verify(A).broken == ()
    (hole,) = store.verify().broken
    assert hole.position == 3
