"""Do experiments in worker processes of this computer, several at a time, and survive whatever they do."""

import math
import shutil
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from queue import Empty

from kgenesis.executors.processes import Inbox, Worker, end_of
from kgenesis.executors.recipes import settings_of
from kgenesis.executors.wire import END, Broken, Done, Ready, boot_line, message_of, task_line
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, FailureKind, Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import LabRecipe, PluginContext
from kgenesis.kernel.text import Text, say

_LOOK = 0.5
"""Seconds after which a silent worker is looked at: its end is not heard if something it started holds its pipe."""
_STARTS = 3
"""Failed starts in a row after which no more workers are started."""
_PATIENCE = 5.0
"""Seconds an idle worker is given to end when the pool closes."""


class PoolExecutor:
    """A pool of worker processes; implements `Executor`. For one thread at a time.

    A task that takes longer than its timeout (counted from when its worker, lab made, begins it) is stopped with its
    process and gives `Failure("timed-out")`; a worker that dies gives `Failure("lost")`; either is replaced. If labs
    cannot be made at all, every task gives `Failure("crashed")` with the reason. What labs print goes to `worker.log`
    in the task's folder.

    Args:
        recipe: how each worker makes its lab.
        n_workers: at most so many run; they are started as tasks come.
        n_threads: threads a numerical library may use in each.
        build_timeout: seconds a worker may take to start and make its lab.
        tasks_per_worker: after so many tasks a worker is worn: simulators leak. It goes on until its successor is ready.
    """

    def __init__(
        self, recipe: LabRecipe, n_workers: int, *, n_threads: int = 1, build_timeout: float = 300.0,
        tasks_per_worker: int = 500,
    ) -> None:  # fmt: skip
        self._boot = boot_line(sys.path, recipe, n_threads)
        self._n_workers = n_workers
        self._n_threads = n_threads
        self._build_timeout = build_timeout
        self._tasks_per_worker: float = tasks_per_worker
        self._inbox: Inbox = Inbox()
        self._workers: list[Worker] = []
        self._leaving: list[Worker] = []
        """Told to end, not yet ended."""
        self._waiting: deque[Task] = deque()
        self._finished: list[tuple[ExperimentId, int, Result]] = []
        self._failed_starts = 0
        self._is_closed = False
        self._n_started = 0
        self._hopeless: Text | None = None
        """Why no worker can be started."""
        self._logs = Path(tempfile.mkdtemp(prefix="kgenesis-pool-"))

    def submit(self, task: Task) -> None:
        """Accept a task; returns at once.

        Raises:
            ValueError: it is already carried.
        """
        if self._is_closed:
            msg = "the executor is closed"
            raise RuntimeError(msg)
        running = [worker.task for worker in self._workers if worker.task is not None]
        if any((t.experiment, t.attempt) == (task.experiment, task.attempt) for t in (*self._waiting, *running)):
            msg = f"{task.experiment} is already carried"
            raise ValueError(msg)
        self._waiting.append(task)
        self._hand_out()

    def carries(self) -> frozenset[ExperimentId]:
        """Return the experiments that wait, run, or are finished and not yet collected."""
        running = [worker.task.experiment for worker in self._workers if worker.task is not None]
        waiting = [task.experiment for task in self._waiting]
        return frozenset((*running, *waiting, *(experiment for experiment, _, _ in self._finished)))

    def collect(self, timeout: float) -> list[tuple[ExperimentId, int, Result]]:
        """Return finished (experiment, attempt, result), waiting up to `timeout` seconds for the first.

        Returns at once if it carries nothing.
        """
        deadline = time.monotonic() + timeout
        self._listen(0.0)
        while not self._finished and self.carries() and (left := deadline - time.monotonic()) > 0:
            self._listen(left)
        finished, self._finished = self._finished, []
        return finished

    def close(self, *, wait: bool) -> None:
        """End all workers; `wait=False` kills what runs, otherwise it is done first, with what waits.

        Afterwards `collect` still returns what has finished.
        """
        self._is_closed = True
        while wait and (self._waiting or any(worker.task for worker in self._workers)):
            self._listen(_LOOK)
        self._waiting.clear()
        for worker in self._workers:
            worker.send(END)
        for worker in (*self._workers, *self._leaving):
            worker.bury(_PATIENCE if wait and worker.is_ready else 0.0)
        self._workers.clear()
        self._leaving.clear()
        shutil.rmtree(self._logs, ignore_errors=True)

    # ---- what comes in ---------------------------------------------------------------------------------------------

    def _listen(self, timeout: float) -> None:
        """Take in what workers said, waiting up to `timeout` seconds for something; then look after all of them."""
        now = time.monotonic()
        waits = [timeout, _LOOK, *(limit - now for limit in map(self._limit, self._workers) if limit is not None)]
        self._take_in(max(0.0, min(waits)))
        for worker in list(self._workers):
            limit = self._limit(worker)
            if limit is not None and time.monotonic() >= limit:
                self._take_in(0.05)  # after this process itself was suspended, the result may be waiting
                if worker in self._workers and self._limit(worker) == limit:
                    self._stop_late(worker)
            elif worker.has_ended():
                self._take_in(0.05)
                if worker in self._workers:
                    self._lose(worker)
        for worker in list(self._leaving):
            if worker.has_ended() or time.monotonic() >= worker.since + _PATIENCE:
                self._leaving.remove(worker)
                worker.bury()
        self._hand_out()

    def _take_in(self, timeout: float) -> None:
        try:
            worker, line = self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait()
            while True:
                if worker in self._workers:
                    self._hear(worker, line)
                worker, line = self._inbox.get_nowait()
        except Empty:
            return

    def _hear(self, worker: Worker, line: bytes) -> None:
        if not line:
            self._lose(worker)
            return
        try:
            message = message_of(line)
        except ValueError:
            message = None
        match message:
            case Ready():
                worker.is_ready = True
                self._failed_starts = 0
            case Broken(reason=reason, is_final=is_final):
                self._remove(worker)
                self._count_failed_start(reason, is_final=is_final)
            case Done() if worker.task is not None and message.experiment == worker.task.experiment:
                self._finish(worker, message.result)
            case _:
                said = line[:100].decode(errors="replace")
                text = say(f"its worker said something else: {said}", f"작업자가 엉뚱한 응답을 했습니다: {said}")
                self._fail(worker, "crashed", text)
                self._remove(worker)

    # ---- what goes wrong -------------------------------------------------------------------------------------------

    def _limit(self, worker: Worker) -> float | None:
        """Return when a worker must have answered, by the monotonic clock; None: no limit."""
        if not worker.is_ready:
            return worker.since + self._build_timeout
        if worker.task is None or worker.task.timeout is None:
            return None
        return worker.since + worker.task.timeout

    def _stop_late(self, worker: Worker) -> None:
        is_ready, task = worker.is_ready, worker.task
        self._remove(worker)
        if is_ready and task is not None:
            text = say(f"it took longer than {task.timeout:g} s", f"{task.timeout:g}초를 넘겼습니다")
            self._fail(worker, "timed-out", text)
        elif not is_ready:
            limit = self._build_timeout
            text = say(f"the lab was not ready after {limit:g} s", f"실험실이 {limit:g}초 안에 준비되지 않았습니다")
            self._count_failed_start(text, is_final=False)

    def _lose(self, worker: Worker) -> None:
        code = self._remove(worker, patience=1.0)
        if worker.task is not None:
            self._fail(worker, "lost", end_of(code))
        elif not worker.is_ready:
            words = worker.last_words()
            text = say(
                "a worker ended before its lab was made: {how}. {words}",
                "실험실을 만들기 전에 끝났습니다: {how}. {words}",
            )
            self._count_failed_start(text.format(how=end_of(code), words=words), is_final=False)

    def _count_failed_start(self, reason: Text, *, is_final: bool) -> None:
        self._failed_starts += 1
        if not is_final and self._failed_starts < _STARTS:
            return
        working = sum(worker.is_ready for worker in self._workers)
        if working:  # go on with those there are
            self._n_workers, self._tasks_per_worker = min(working, self._n_workers), math.inf
        else:
            self._hopeless = reason

    def _fail(self, worker: Worker, kind: FailureKind, reason: Text) -> None:
        words = worker.last_words()
        seconds = time.monotonic() - worker.since
        self._finish(
            worker, Failure(kind=kind, reason=reason, seconds=seconds, metadata={"output": words} if words else {})
        )

    def _finish(self, worker: Worker, result: Result) -> None:
        task, worker.task = worker.task, None
        if task is not None:
            worker.n_done += 1
            self._finished.append((task.experiment, task.attempt, result))
            worker.file_log(task.folder)

    def _remove(self, worker: Worker, patience: float = 0.0) -> int:
        self._workers.remove(worker)
        return worker.bury(patience)

    # ---- what goes out ---------------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        self._workers.sort(key=self._is_worn)  # the fresh ones first
        n_busy = sum(worker.task is not None for worker in self._workers)
        for worker in self._workers:
            if self._waiting and n_busy < self._n_workers and worker.is_ready and worker.task is None:
                worker.task, worker.since = self._waiting.popleft(), time.monotonic()
                worker.send(task_line(worker.task))  # if it has just died, its end is about to be heard
                n_busy += 1
        if self._hopeless is not None:
            for task in self._waiting:
                self._finished.append((task.experiment, task.attempt, Failure(kind="crashed", reason=self._hopeless)))
            self._waiting.clear()
        self._replace_worn()
        n_starting = sum(not worker.is_ready for worker in self._workers)
        while len(self._waiting) > n_starting and len(self._workers) < self._n_workers:
            self._start_worker()
            n_starting += 1

    def _is_worn(self, worker: Worker) -> bool:
        return worker.n_done >= self._tasks_per_worker

    def _replace_worn(self) -> None:
        """Start a successor for every worn worker that still has work; let go those whose successor is ready."""
        for worker in [worker for worker in self._workers if self._is_worn(worker)]:
            successor = worker.successor if worker.successor in self._workers else None
            if successor is None and worker.task is not None:
                worker.successor = self._start_worker()
            elif successor is not None and successor.is_ready and worker.task is None:
                self._workers.remove(worker)
                self._leaving.append(worker)
                worker.since = time.monotonic()
                worker.send(END)

    def _start_worker(self) -> Worker:
        self._n_started += 1
        log = self._logs / f"worker-{self._n_started}.log"
        worker = Worker(self._boot, log, self._inbox, self._n_threads)
        self._workers.append(worker)
        return worker


def make_executor(context: PluginContext) -> PoolExecutor:
    """Make a pool; settings `recipe`, `n_workers`, `n_threads`, `build_timeout`, `tasks_per_worker`.

    Raises:
        InvalidSpec: the settings are not valid.
    """
    settings = settings_of(context)
    if settings.recipe is None:
        raise InvalidSpec(say("a pool needs the lab's recipe", "프로세스 풀에는 실험실 정보가 필요합니다"))
    return PoolExecutor(
        settings.recipe, settings.n_workers, n_threads=settings.n_threads, build_timeout=settings.build_timeout,
        tasks_per_worker=settings.tasks_per_worker,
    )  # fmt: skip
