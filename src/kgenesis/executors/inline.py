"""Do experiments in this process, one at a time: for quick labs, tests and notebooks.

It cannot stop a lab that takes too long, nor outlive one that ends the process: use `pool` for labs that might.
"""

from collections import deque

from kgenesis.executors.recipes import lab_of, settings_of
from kgenesis.executors.work import perform
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import Lab, PluginContext
from kgenesis.kernel.text import say


class InlineExecutor:
    """Works in `collect`, one task a call; implements `Executor`.

    Args:
        lab: where experiments are done.
        outcomes: names every measurement must have.
    """

    def __init__(self, lab: Lab, outcomes: tuple[str, ...]) -> None:
        self._lab = lab
        self._outcomes = outcomes
        self._tasks: deque[Task] = deque()
        self._is_closed = False

    def submit(self, task: Task) -> None:
        """Accept a task."""
        if self._is_closed:
            msg = "the executor is closed"
            raise RuntimeError(msg)
        if any((t.experiment, t.attempt) == (task.experiment, task.attempt) for t in self._tasks):
            msg = f"{task.experiment} is already carried"
            raise ValueError(msg)
        self._tasks.append(task)

    def carries(self) -> frozenset[ExperimentId]:
        """Return the experiments it still has."""
        return frozenset(task.experiment for task in self._tasks)

    def collect(self, timeout: float) -> list[tuple[ExperimentId, int, Result]]:  # noqa: ARG002  (it cannot stop a lab)
        """Do the next task and return its result; [] if there is none."""
        if not self._tasks:
            return []
        task = self._tasks[0]
        result = perform(self._lab, self._outcomes, task)
        self._tasks.popleft()  # only now: an interrupted task is still carried
        return [(task.experiment, task.attempt, result)]

    def close(self, *, wait: bool) -> None:
        """Take no more tasks; with `wait`, `collect` still does those it has."""
        self._is_closed = True
        if not wait:
            self._tasks.clear()


def make_executor(context: PluginContext) -> InlineExecutor:
    """Make one from `recipe`, or from a `lab` that is already made (its outcomes: those of the context's problem).

    Raises:
        InvalidSpec, UnknownPlugin, MissingPart: the lab cannot be made.
    """
    settings = settings_of(context)
    if settings.lab is not None:
        return InlineExecutor(settings.lab, context.problem.outcomes if context.problem is not None else ())
    if settings.recipe is None:
        raise InvalidSpec(say("a lab's recipe is needed", "실험실 정보가 필요합니다"))
    return InlineExecutor(*lab_of(settings.recipe))
