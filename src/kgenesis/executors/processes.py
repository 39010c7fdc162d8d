"""One worker process as the pool sees it: start, send, listen, kill with all its children."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO

import psutil

from kgenesis.executors.worker import BOOT
from kgenesis.kernel.experiment import Task
from kgenesis.kernel.text import Text, say

Inbox = SimpleQueue[tuple["Worker", bytes]]
"""Lines of all workers as they come; an empty line: that worker's end."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Environment variables by which numerical libraries are told their number of threads, as they are loaded."""
_TAIL = 2000
"""Bytes of a worker's log that go with a failure, its end."""
_KEPT = 1 << 20
"""Bytes of a worker's log that are kept in the experiment's folder, its end."""


class Worker:
    """A fresh interpreter in a session of its own, that makes one lab and does one task at a time.

    Started with `subprocess`, not `multiprocessing`: the caller's script is not imported again (it needs no
    `if __name__ == "__main__"`), the environment is pinned before anything is loaded, and what crosses is JSON.

    Args:
        boot: the first line it reads.
        log: the file its descriptors 1 and 2 go to.
        inbox: where its lines are put.
        n_threads: threads a numerical library may use in it.
    """

    def __init__(self, boot: bytes, log: Path, inbox: Inbox, n_threads: int) -> None:
        self.log = log
        self.task: Task | None = None
        self.is_ready = False
        self.n_done = 0
        """Tasks it has done."""
        self.successor: Worker | None = None
        """Who takes its place once it is worn."""
        self.since = time.monotonic()
        """When it was started, or given its task."""
        with log.open("ab") as errors:  # append: the file can be emptied between tasks
            self._process = subprocess.Popen(  # noqa: S603  (this interpreter, and a constant)
                [sys.executable, "-X", "utf8", "-c", BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | dict.fromkeys(_THREADS, str(n_threads)),
                start_new_session=True,  # Ctrl-C at the terminal goes to the pool alone
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        self._listener = threading.Thread(target=self._listen, args=(boot, inbox), daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def _listen(self, boot: bytes, inbox: Inbox) -> None:
        if self.send(boot):  # here, for it may be more than a pipe holds
            for line in _open(self._process.stdout):
                inbox.put((self, line))
        inbox.put((self, b""))

    def send(self, line: bytes) -> bool:
        """Write to it; returns whether it was still there."""
        try:
            stdin = _open(self._process.stdin)
            stdin.write(line)
            stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def has_ended(self) -> bool:
        """Say whether it has ended, without forgetting how (its number stays taken until `bury`)."""
        if hasattr(os, "waitid"):
            with suppress(ChildProcessError):
                return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return self._process.poll() is not None

    def bury(self, patience: float = 0.0) -> int:
        """End it and everything it started; returns its exit code, negative for a signal.

        Args:
            patience: seconds it is given to end by itself.
        """
        deadline = time.monotonic() + patience
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.005)
        started: list[psutil.Process] = []
        with suppress(psutil.Error):
            started = psutil.Process(self.pid).children(recursive=True)
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        for process in started:
            with suppress(psutil.Error):
                process.kill()
        code = self._process.wait()
        # A process that left the session may still hold the other end of the pipe; do not wait for it.
        self._listener.join(timeout=1.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not (pipe is self._process.stdout and self._listener.is_alive()):
                with suppress(OSError):
                    pipe.close()
        return code

    def last_words(self) -> str:
        """Return the end of its log."""
        return _end_of(self.log, _TAIL).decode(errors="replace").strip()

    def file_log(self, folder: Path | None) -> None:
        """Move what was printed during a task to `worker.log` in the experiment's folder; without one it is dropped."""
        with suppress(OSError):  # what a lab prints is not worth a campaign
            if folder is not None and self.log.stat().st_size:
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / "worker.log").open("ab") as file:
                    file.write(_end_of(self.log, _KEPT))
            os.truncate(self.log, 0)


def end_of(code: int) -> Text:
    """Return how a process ended, in words."""
    if code >= 0:
        return say(f"its process ended with exit code {code}", f"프로세스가 종료 코드 {code}(으)로 끝났습니다")
    with suppress(ValueError):
        name = signal.Signals(-code).name
        if name == "SIGKILL":
            return say(
                "its process was killed (SIGKILL), perhaps for want of memory",
                "프로세스가 강제 종료되었습니다(SIGKILL). 메모리 부족일 수 있습니다",
            )
        return say(f"its process was ended by {name}", f"프로세스가 {name}(으)로 끝났습니다")
    return say(f"its process was ended by signal {-code}", f"프로세스가 신호 {-code}(으)로 끝났습니다")


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        msg = "no pipe"
        raise ValueError(msg)
    return pipe


def _end_of(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            return file.read()
    except OSError:
        return b""
