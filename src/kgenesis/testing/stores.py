"""What every event store must do, as tests: sub-class `StoreCases`, say how yours is made and where a fresh one lies.

class TestMyStore(StoreCases):
    factory = "my_package.store:make_store"

    @pytest.fixture
    def settings(self, tmp_path):
        return {"url": str(tmp_path / "fresh.db")}
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

import pytest

from kgenesis.kernel.errors import CampaignBusy, Conflict
from kgenesis.kernel.events import Event, Recorded, Vocabulary
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.ports import PluginContext
from kgenesis.store import Holder, Row, SqlStore

PATIENCE = 60.0
"""Seconds a test waits for what must happen."""


class Noted(Event):
    """Something was noted; must be on the disk."""

    type: ClassVar[str] = "test.noted"
    text: str
    number: float = 0.0


class Glimpsed(Event):
    """Something was glimpsed; may be lost in a power cut."""

    type: ClassVar[str] = "test.glimpsed"
    is_durable: ClassVar[bool] = False
    text: str


VOCABULARY = Vocabulary([Noted, Glimpsed])
A, B = StreamId("test_a"), StreamId("test_b")


class Counts:
    """A projection: how many events a stream has, and the text of the last."""

    name = "test-counts"

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def apply(self, recorded: Recorded, row: Row | None) -> Row | None:
        """Count; a stream whose last text is `gone` has no row."""
        text = json.loads(recorded.body)["text"]
        return None if text == "gone" else {"n": (row or {"n": 0})["n"] + 1, "last": text}


def open_store(factory: str, settings: Mapping[str, Any]) -> SqlStore:
    """Return a store made by `module:function`."""
    module, _, name = factory.partition(":")
    return cast("SqlStore", getattr(importlib.import_module(module), name)(PluginContext(settings=settings)))


def texts(recorded: Sequence[Recorded]) -> list[str]:
    """Return the texts of test events."""
    return [json.loads(one.body)["text"] for one in recorded]


# ---- what other processes do ---------------------------------------------------------------------------------------


def _write(store: SqlStore, name: str, count: int) -> None:
    """Append to one stream beside others, as often as it takes, each event after the last one read."""
    for number in range(count):
        while True:
            version = len(store.read(A))
            with suppress(Conflict):
                store.append(A, version, [Noted(text=f"{name} {number}")])
                break


def _hold(store: SqlStore, name: str, count: int) -> None:
    with store.lease(A) as lease:
        print(lease.fence, flush=True)  # noqa: T201
        time.sleep(count)
    print(name)  # noqa: T201


def _take_turns(store: SqlStore, name: str, count: int) -> None:
    """Take the lease, count up what only its holder may count, and give it back."""
    for _ in range(count):
        while True:
            with suppress(CampaignBusy), store.lease(A) as lease:
                seen = store.read(A)
                number = json.loads(seen[-1].body)["number"] if seen else 0.0
                store.append(A, len(seen), [Noted(text=name, number=number + 1)], fence=lease.fence)
                break
            time.sleep(0.005)


def _pour(store: SqlStore, name: str, count: int) -> None:
    """Append pairs until killed, saying each time what is on the disk."""
    version = 0
    while version < count:
        store.append(A, version, [Noted(text=f"{name} a"), Noted(text=f"{name} b")])
        version += 2
        print(version, flush=True)  # noqa: T201


ACTS: dict[str, Callable[[SqlStore, str, int], None]] = {
    "write": _write,
    "hold": _hold,
    "take turns": _take_turns,
    "pour": _pour,
}


def act() -> None:
    """Do what the command line says, in a process of its own."""
    factory, settings, what, name, count = sys.argv[1:]
    store = open_store(factory, json.loads(settings))
    ACTS[what](store, name, int(count))
    store.close()


def start(
    factory: str, settings: Mapping[str, Any], what: str, name: str = "x", count: int = 1
) -> subprocess.Popen[str]:
    """Start another process on a store."""
    return subprocess.Popen(  # noqa: S603
        [
            sys.executable, "-c", "from kgenesis.testing.stores import act; act()",
            factory, json.dumps(dict(settings)), what, name, str(count),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line a process printed."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ends_well(process: subprocess.Popen[str]) -> bool:
    """Wait for a process; says whether it ended without an error."""
    process.communicate(timeout=PATIENCE)
    return process.returncode == 0


# ---- the cases -----------------------------------------------------------------------------------------------------


class StoreCases:
    """The conformance suite of stores."""

    factory: ClassVar[str] = "kgenesis.store:make_store"
    """`module:function`, as in the entry point; other processes make the store by it too."""

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Settings (plain data) of a store that does not exist yet."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, settings: Mapping[str, Any]) -> Iterator[SqlStore]:
        """An open, empty store."""
        opened = open_store(self.factory, settings)
        yield opened
        opened.close()

    # ---- append and read

    def test_what_is_appended_is_read_back_in_order(self, store: SqlStore) -> None:
        written = store.append(A, 0, [Noted(text="one"), Glimpsed(text="둘 \n ' \" \u2028 🔋")])
        assert store.read(A) == list(written)
        assert [one.version for one in written] == [1, 2]
        assert [VOCABULARY.decode(one) for one in written] == [
            Noted(text="one"),
            Glimpsed(text="둘 \n ' \" \u2028 🔋"),
        ]

    def test_events_keep_the_times_they_came_about(self, store: SqlStore) -> None:
        store.append(A, 0, [Noted(text="1"), Noted(text="2")], at=["2026-01-02T03:04:05", "2026-01-02T03:04:06"])
        assert [one.at for one in store.read(A)] == ["2026-01-02T03:04:05", "2026-01-02T03:04:06"]

    def test_numbers_come_back_exactly(self, store: SqlStore) -> None:
        numbers = [0.1 + 0.2, 1e-308, -1.7976931348623157e308, 2.0**53 + 2]
        store.append(A, 0, [Noted(text="", number=number) for number in numbers])
        read = [VOCABULARY.decode(one) for one in store.read(A)]
        assert [one.number for one in read if isinstance(one, Noted)] == numbers

    def test_reading_after_a_version_leaves_out_what_came_before(self, store: SqlStore) -> None:
        store.append(A, 0, [Noted(text=str(n)) for n in range(5)])
        assert texts(store.read(A, 3)) == ["3", "4"]
        assert texts(list(store.read_each(A, 3))) == ["3", "4"]
        assert store.read(A, 5) == []
        assert store.read(B) == []

    def test_a_writer_that_did_not_see_the_last_event_is_refused_and_nothing_is_written(self, store: SqlStore) -> None:
        store.append(A, 0, [Noted(text="first")])
        for wrong in (0, 2):
            with pytest.raises(Conflict):
                store.append(A, wrong, [Noted(text="late"), Noted(text="later")])
        assert texts(store.read(A)) == ["first"]

    def test_appending_nothing_does_nothing(self, store: SqlStore) -> None:
        assert list(store.append(A, 7, [])) == []
        assert store.streams() == []

    def test_a_stream_without_a_proper_name_is_refused(self, store: SqlStore) -> None:
        for name in ("", "two\nlines"):
            with pytest.raises(ValueError, match="not a stream"):
                store.append(StreamId(name), 0, [Noted(text="x")])

    def test_positions_grow_over_all_streams_so_that_a_reader_can_catch_up(self, store: SqlStore) -> None:
        for number in range(3):
            store.append(A, number, [Noted(text=f"a{number}")])
            store.append(B, number, [Noted(text=f"b{number}")])
        everything = store.read_all()
        assert texts(everything) == ["a0", "b0", "a1", "b1", "a2", "b2"]
        assert [one.position for one in everything] == sorted({one.position for one in everything})
        assert texts(store.read_all(after=everything[3].position)) == ["a2", "b2"]
        assert texts(store.read_all(after=everything[0].position, limit=2)) == ["b0", "a1"]

    def test_streams_are_listed_by_prefix_in_the_order_they_were_opened(self, store: SqlStore) -> None:
        for name in ("test_b", "test_a", "test%", "other"):
            store.append(StreamId(name), 0, [Noted(text="x")] * 2)
        assert store.streams() == ["test_b", "test_a", "test%", "other"]
        assert store.streams("test_") == ["test_b", "test_a"]

    def test_a_long_stream_is_read_whole(self, store: SqlStore) -> None:
        store.append(A, 0, [Noted(text=str(n)) for n in range(5001)])
        assert texts(store.read(A)) == [str(n) for n in range(5001)]

    def test_what_was_written_is_there_when_the_store_is_opened_again(
        self, store: SqlStore, settings: Mapping[str, Any]
    ) -> None:
        store.append(A, 0, [Noted(text="kept")])
        store.close()
        again = open_store(self.factory, settings)
        assert texts(again.read(A)) == ["kept"]
        again.append(A, 1, [Noted(text="more")])
        assert again.verify().broken == ()
        again.close()

    def test_an_untouched_log_is_verified(self, store: SqlStore) -> None:
        store.append(A, 0, [Noted(text="one"), Noted(text="two")])
        store.append(B, 0, [Noted(text="one")])
        whole, one = store.verify(), store.verify(A)
        assert (whole.n_streams, whole.n_events, whole.broken) == (2, 3, ())
        assert (one.n_streams, one.n_events, one.broken) == (1, 2, ())

    # ---- several processes

    def test_two_processes_writing_to_one_stream_lose_nothing_and_repeat_nothing(
        self, store: SqlStore, settings: Mapping[str, Any]
    ) -> None:
        writers = [start(self.factory, settings, "write", name, 40) for name in ("left", "right")]
        assert {ends_well(writer) for writer in writers} == {True}
        read = store.read(A)
        assert [one.version for one in read] == list(range(1, 81))
        for name in ("left", "right"):
            assert [t for t in texts(read) if t.startswith(name)] == [f"{name} {n}" for n in range(40)]
        assert store.verify().broken == ()

    def test_processes_that_make_the_store_at_the_same_time_share_it(self, settings: Mapping[str, Any]) -> None:
        writers = [start(self.factory, settings, "write", str(name), 3) for name in range(4)]
        assert {ends_well(writer) for writer in writers} == {True}
        store = open_store(self.factory, settings)
        assert len(store.read(A)) == 12
        assert store.verify().broken == ()
        store.close()

    def test_a_writer_killed_at_any_moment_leaves_whole_transactions_and_all_it_was_promised(
        self, store: SqlStore, settings: Mapping[str, Any]
    ) -> None:
        writer = start(self.factory, settings, "pour", "drop", 1_000_000)
        promised = 0
        for _ in range(20):
            promised = int(line_of(writer))
        writer.kill()
        rest = writer.communicate()[0].split()
        promised = int(rest[-1]) if rest else promised
        n = len(store.read(A))
        assert n >= promised
        assert n % 2 == 0
        assert store.verify().broken == ()

    # ---- leases

    def test_a_stream_has_one_holder_at_a_time(self, store: SqlStore) -> None:
        with store.lease(A), store.lease(B), pytest.raises(CampaignBusy, match=str(os.getpid())):
            store.lease(A)
        store.lease(A).release()

    def test_a_released_lease_can_be_taken_and_its_number_grows(self, store: SqlStore) -> None:
        fences = []
        for _ in range(3):
            with store.lease(A) as lease:
                fences.append(lease.fence)
                assert store.holder(A) == Holder.here()
        assert fences == sorted(set(fences))
        assert store.holder(A) is None

    def test_a_live_process_keeps_others_out_and_a_killed_one_is_replaced_at_once(
        self, store: SqlStore, settings: Mapping[str, Any]
    ) -> None:
        holder = start(self.factory, settings, "hold", count=3600)
        fence = int(line_of(holder))
        with pytest.raises(CampaignBusy, match=str(holder.pid)):
            store.lease(A)
        os.kill(holder.pid, signal.SIGKILL)  # not waited for: a zombie holds nothing
        time.sleep(0.2)
        with store.lease(A) as lease:
            assert lease.fence > fence
        holder.communicate()

    def test_a_holder_on_another_computer_keeps_its_lease_until_it_expires(self, store: SqlStore) -> None:
        store.lease(A, Holder("elsewhere", 1, "1"), seconds=0.9)._ended.set()  # noqa: SLF001  (it died silently)
        with pytest.raises(CampaignBusy, match="elsewhere"):
            store.lease(A)
        time.sleep(1.0)
        store.lease(A).release()

    def test_a_lease_renews_itself_while_its_holder_lives(self, store: SqlStore) -> None:
        with store.lease(A, Holder("elsewhere", 1, "1"), seconds=0.9):
            time.sleep(1.5)
            with pytest.raises(CampaignBusy):
                store.lease(A)

    def test_a_writer_whose_lease_has_passed_on_is_refused(self, store: SqlStore) -> None:
        late = store.lease(A, Holder("elsewhere", 1, "1"), seconds=0.01)
        late._ended.set()  # noqa: SLF001  (suspended: it does not renew)
        time.sleep(0.1)
        with store.lease(A) as lease:
            store.append(A, 0, [Noted(text="new holder")], fence=lease.fence)
            with pytest.raises(Conflict):
                store.append(A, 1, [Noted(text="late")], fence=late.fence)
            with pytest.raises(Conflict):
                late.renew()
            late.release()
            assert store.holder(A) == Holder.here()
            store.append(A, 1, [Noted(text="without a lease")])
        assert texts(store.read(A)) == ["new holder", "without a lease"]

    def test_processes_that_take_turns_are_never_inside_together(
        self, store: SqlStore, settings: Mapping[str, Any]
    ) -> None:
        others = [start(self.factory, settings, "take turns", name, 15) for name in ("left", "right", "middle")]
        assert {ends_well(other) for other in others} == {True}
        numbers = [json.loads(one.body)["number"] for one in store.read(A)]
        assert numbers == [float(n) for n in range(1, 46)]

    # ---- projections

    def test_a_projection_follows_the_log(self, store: SqlStore) -> None:
        assert store.rows(Counts()) == {}
        store.append(B, 0, [Noted(text="b1")])
        store.append(A, 0, [Noted(text="a1"), Noted(text="a2")])
        assert store.rows(Counts()) == {A: {"n": 2, "last": "a2"}, B: {"n": 1, "last": "b1"}}
        store.append(B, 1, [Noted(text="b2")])
        assert store.catch_up(Counts()) == 1
        assert store.catch_up(Counts()) == 0
        assert store.rows(Counts())[B] == {"n": 2, "last": "b2"}
        store.append(A, 2, [Noted(text="gone")])
        assert list(store.rows(Counts())) == [B]

    def test_a_dropped_projection_is_made_again_the_same(self, store: SqlStore) -> None:
        for number in range(3):
            store.append(A, number, [Noted(text=str(number))])
            store.rows(Counts())
        before = store.rows(Counts())
        store.drop(Counts.name)
        assert store.rows(Counts()) == before == {A: {"n": 3, "last": "2"}}

    def test_a_projection_of_another_version_is_made_anew(self, store: SqlStore) -> None:
        store.append(A, 0, [Noted(text="x")])
        store.rows(Counts())
        assert store.catch_up(Counts(version=2)) == 1
        assert store.rows(Counts(version=2)) == {A: {"n": 1, "last": "x"}}

    def test_a_projection_of_many_streams_is_whole(self, store: SqlStore) -> None:
        for number in range(700):
            store.append(StreamId(f"s{number:04d}"), 0, [Glimpsed(text="x")] * 4)
        assert store.catch_up(Counts()) == 2800
        assert store.rows(Counts()) == {f"s{n:04d}": {"n": 4, "last": "x"} for n in range(700)}
