"""Run a program with limits that hold: its time, its memory, and the life of every process it starts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")

CAN_LIMIT_MEMORY = os.name == "posix" and sys.platform != "darwin"
"""Whether the system enforces RLIMIT_AS; macOS accepts it and ignores it, Windows has none."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int | None = None
    """Exit code; None if it did not exit by itself."""
    signal: int | None = None
    """The signal that ended it."""
    is_timed_out: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    timeout: float | None = None
    """Seconds until it and its children are killed; None: it may take for ever."""
    memory: int = 0
    """Bytes of address space each of its processes may have; 0: any."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Files a program reads from and writes to, so that no pipe can fill up and nothing is lost."""

    stdin: Path
    stdout: Path
    stderr: Path


def run_program(
    command: Sequence[str],
    folder: Path,
    streams: Streams,
    environment: Mapping[str, str],
    limits: Limits,
) -> Ended:
    """Run a command (no shell) in a folder and return how it ended; nothing it started outlives this call.

    Args:
        command: program and arguments.
        folder: working folder.
        streams: where its input is and its output goes.
        environment: all of its environment variables.
        limits: its time and memory.
    """
    start = time.perf_counter()
    with streams.stdin.open("rb") as stdin, streams.stdout.open("wb") as out, streams.stderr.open("wb") as err:
        run = _run_posix if os.name == "posix" else _run_elsewhere
        ended = run(command, folder, (stdin.fileno(), out.fileno(), err.fileno()), environment, limits)
    return Ended(ended.code, ended.signal, ended.is_timed_out, time.perf_counter() - start)


def _run_posix(
    command: Sequence[str],
    folder: Path,
    files: tuple[int, int, int],
    environment: Mapping[str, str],
    limits: Limits,
) -> Ended:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(  # noqa: S603  (a command the mission's author wrote, without a shell)
            [sys.executable, "-I", "-S", str(GUARD), str(theirs.fileno()), str(limits.memory), *command],
            cwd=folder, stdin=files[0], stdout=files[1], stderr=files[2], env=dict(environment),
            pass_fds=[theirs.fileno()], start_new_session=True,
        )  # fmt: skip
        try:
            theirs.close()
            ours.settimeout(limits.timeout)
            kind, _, number = ours.recv(64).decode().partition(" ")
        except TimeoutError:
            return Ended(is_timed_out=True)
        finally:  # also on Ctrl-C; also sweeps up what the program left running
            _kill_group(process.pid)
            process.wait()
    if kind == "exit":
        return Ended(code=int(number))
    return Ended(signal=int(number or signal.SIGKILL))  # no word at all: the guard itself was killed


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # all gone; macOS says EPERM of zombies
        return


def _run_elsewhere(
    command: Sequence[str],
    folder: Path,
    files: tuple[int, int, int],
    environment: Mapping[str, str],
    limits: Limits,  # no memory: settings refuse a limit where it would not hold
) -> Ended:
    process = subprocess.Popen(  # noqa: S603
        list(command), cwd=folder, stdin=files[0], stdout=files[1], stderr=files[2], env=dict(environment)
    )
    try:
        return Ended(code=process.wait(limits.timeout))
    except subprocess.TimeoutExpired:
        return Ended(is_timed_out=True)
    finally:
        if process.poll() is None:  # Windows has no process groups to kill: taskkill walks the tree of children
            tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(tree, check=False, capture_output=True)  # noqa: S603
            process.kill()
            process.wait()
