"""Who may run a stream: one holder at a time, and a number that tells late writers they have been replaced."""

import functools
import hashlib
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from sqlalchemy import insert, select, update

from kgenesis.kernel.errors import CampaignBusy, Conflict, StoreUnavailable
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import say
from kgenesis.store import tables
from kgenesis.store.database import Database

SECONDS = 30.0
"""How long a lease lasts without being renewed."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, told apart from every other one, also from a later one with the same number."""

    host: str
    """Computer, its boot and its process namespace: within one of these, a process number means one process."""
    pid: int
    started: str
    """When the process started, in the platform's own count."""

    @classmethod
    def here(cls) -> Self:
        """Return this process."""
        pid = os.getpid()
        return cls(_host(), pid, _started(pid))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the holder that `str` wrote."""
        host, pid, started = text.split(" ")
        return cls(host, int(pid), started)

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started}"

    def is_alive(self) -> bool | None:
        """Say whether the process still runs; None if it is on another computer."""
        if self.host != _host():
            return None
        return _started(self.pid) == self.started


class Lease:
    """The right to run a stream, until released; renews itself in the background.

    Pass `fence` to `append`: if the right has meanwhile gone to somebody else, the write is refused.
    """

    def __init__(self, database: Database, stream: StreamId, holder: Holder, fence: int, seconds: float) -> None:
        self.stream = stream
        self.holder = holder
        self.fence = fence
        self._database = database
        self._seconds = seconds
        self._ended = threading.Event()
        self._is_given_up = False
        threading.Thread(target=self._beat, name=f"lease {stream}", daemon=True).start()

    def renew(self) -> None:
        """Begin the lease's time anew.

        Raises:
            Conflict: somebody else holds the stream now.
        """
        with self._database.writing(is_durable=False) as connection:
            expires = self._database.now(connection) + self._seconds
            ours = (tables.lease.c.stream == self.stream) & (tables.lease.c.fence == self.fence)
            if connection.execute(update(tables.lease).where(ours).values(expires=expires)).rowcount == 0:
                raise _passed_on(self.stream)

    def release(self) -> None:
        """Give the right back; twice does nothing, nor if it has passed to somebody else.

        Should the store not take it now, it is given back as soon as the store does, in the background.
        """
        if self._is_given_up:
            return
        self._is_given_up = True
        self._give_back()

    def _give_back(self) -> None:
        with self._database.writing(is_durable=False) as connection:
            ours = (tables.lease.c.stream == self.stream) & (tables.lease.c.fence == self.fence)
            connection.execute(update(tables.lease).where(ours).values(holder="", expires=0.0))
        self._ended.set()

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            try:
                if self._is_given_up:  # a process that lives on after a full disk must not seem to hold the stream
                    self._give_back()
                else:
                    self.renew()
            except Conflict:
                return
            except StoreUnavailable:
                continue  # it may come back before the lease ends; if not, the fence protects the stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
            return
        try:
            self.release()
        except StoreUnavailable:
            return  # what went wrong first says more; the lease is given back once the store takes it


def acquire(database: Database, stream: StreamId, holder: Holder, seconds: float) -> Lease:
    """Take the right to run a stream.

    A holder on this computer has it for as long as its process lives: a dead one is replaced at once, and one that
    was only suspended is not. A holder on another computer has it until it expires.

    Raises:
        CampaignBusy: somebody else holds it.
    """
    table = tables.lease
    with database.writing(is_durable=False) as connection:
        row = connection.execute(
            select(table.c.holder, table.c.fence, table.c.expires).filter_by(stream=stream)
        ).first()
        now = database.now(connection)
        if row is not None and row.holder and _is_live(Holder.parse(row.holder), row.expires, now):
            raise _busy(stream, Holder.parse(row.holder))
        fence = 1 if row is None else row.fence + 1
        values = {"holder": str(holder), "fence": fence, "expires": now + seconds}
        if row is None:
            connection.execute(insert(table).values(stream=stream, **values))
        else:
            connection.execute(update(table).where(table.c.stream == stream).values(**values))
    return Lease(database, stream, holder, fence, seconds)


def holder_of(database: Database, stream: StreamId) -> Holder | None:
    """Return who holds a stream and is alive, None if nobody is."""
    table = tables.lease
    with database.reading() as connection:
        row = connection.execute(select(table.c.holder, table.c.expires).where(table.c.stream == stream)).first()
        if row is None or not row.holder:
            return None
        holder = Holder.parse(row.holder)
        return holder if _is_live(holder, row.expires, database.now(connection)) else None


def _is_live(holder: Holder, expires: float, now: float) -> bool:
    is_alive = holder.is_alive()
    return expires > now if is_alive is None else is_alive


def _busy(stream: StreamId, holder: Holder) -> CampaignBusy:
    host = holder.host.partition("/")[0]
    return CampaignBusy(
        say(
            f"{stream} is held by process {holder.pid} on {host}",
            f"{host}의 프로세스 {holder.pid}이(가) {stream}을(를) 실행 중입니다",
        )
    )


def _passed_on(stream: StreamId) -> Conflict:
    return Conflict(
        say(f"the lease on {stream} has passed to somebody else", f"{stream}의 실행 권한이 다른 쪽으로 넘어갔습니다")
    )


@functools.cache
def _host() -> str:
    marks = []
    for mark in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(mark)
        try:
            marks.append(str(path.readlink()) if path.is_symlink() else path.read_text(encoding="ascii"))
        except OSError:
            continue  # not Linux
    name = socket.gethostname().replace(" ", "-") or "localhost"
    return f"{name}/{hashlib.sha256(''.join(marks).encode()).hexdigest()[:12]}"


def _started(pid: int) -> str:
    """Return when a process started, empty if it does not run (a zombie does not)."""
    try:
        # psutil counts from a boot time that moves when the clock is set; the kernel's own count does not.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in {"Z", "X"} else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
