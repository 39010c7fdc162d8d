"""What runs inside a worker process: make the lab once, do one task after the other, end when the pool does."""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO

from kgenesis.executors.recipes import lab_of
from kgenesis.executors.wire import Broken, Done, Message, Ready, message_line, recipe_of, task_of
from kgenesis.executors.work import perform
from kgenesis.kernel.errors import KGenesisError
from kgenesis.kernel.experiment import Task
from kgenesis.kernel.text import say

BOOT = """
import json, os, sys
lines, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
boot = json.loads(lines.readline())
sys.path[:] = boot["path"]
from kgenesis.executors.worker import main
main(boot, lines, replies)
"""
"""What a worker's interpreter is started with.

The lines to and from the pool are moved away from descriptors 0 and 1 before anything else is imported: a lab may read
its input and print as it likes. The pool has pointed descriptor 2 at the worker's log, and 1 now goes there too.
"""

_SLACK = 30.0
"""Seconds after a task's timeout at which a worker whose pool has vanished ends itself."""


def main(boot: dict[str, Any], lines: BinaryIO, replies: BinaryIO) -> None:
    """Work until told to end, or until the pool vanishes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool decides what Ctrl-C means
    faulthandler.enable()
    tasks: SimpleQueue[Task | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(lines, tasks), daemon=True).start()

    def reply(message: Message) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # a lab may have closed or replaced them
                stream.flush()
        replies.write(message_line(message))
        replies.flush()

    try:
        lab, outcomes = lab_of(recipe_of(boot))
        _pin_threads(boot["n_threads"])
    except (Exception, SystemExit) as error:
        reply(_broken(error))
        raise  # into the log
    reply(Ready())
    for task in _each(tasks):
        if task.timeout is not None:
            # A thread without Python: it ends a lab that never lets go of the interpreter, were the pool killed.
            faulthandler.dump_traceback_later(task.timeout + _SLACK, exit=True)
        result = perform(lab, outcomes, task)
        faulthandler.cancel_dump_traceback_later()
        reply(Done(experiment=task.experiment, attempt=task.attempt, result=result))


def _each(tasks: "SimpleQueue[Task | None]") -> Iterator[Task]:
    while (task := tasks.get()) is not None:
        yield task


def _listen(lines: BinaryIO, tasks: "SimpleQueue[Task | None]") -> None:
    for line in lines:
        task = task_of(line)
        tasks.put(task)
        if task is None:
            return
    # The pool has vanished without a word: nobody wants the result, and nothing may go on running.
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _pin_threads(n_threads: int) -> None:
    """Hold libraries to their share where the environment variables did not (loaded by the lab with its own pool)."""
    try:
        import threadpoolctl  # optional, and only after the lab's own imports does it see them
    except ImportError:
        return
    threadpoolctl.threadpool_limits(n_threads)


def _broken(error: BaseException) -> Broken:
    if isinstance(error, KGenesisError):
        return Broken(reason=error.detail, is_final=True)
    said = f"{type(error).__name__}: {error}"
    return Broken(reason=say(f"the lab cannot be made: {said}", f"실험실을 만들 수 없습니다: {said}"), is_final=False)
