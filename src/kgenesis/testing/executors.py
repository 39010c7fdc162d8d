"""What every executor must do, as tests: sub-class `ExecutorCases` and say how yours is made.

class TestMyExecutor(ExecutorCases):
    factory = "my_package.executor:make_executor"
"""

import ctypes
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from kgenesis.kernel.experiment import Failure, Measurement, Result, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import Executor, LabRecipe, PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say

PATIENCE = 60.0
"""Seconds a test waits for what must happen; slow computers start a worker slowly."""


# ---- a lab that behaves as it is told ------------------------------------------------------------------------------


def _start_child(task: Task) -> Measurement:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    _leave(task, "child", str(child.pid))
    time.sleep(3600)
    return Measurement(outcomes={})


def _leave(task: Task, name: str, text: str) -> None:
    if task.folder is not None:
        task.folder.mkdir(parents=True, exist_ok=True)
        (task.folder / f".{name}").write_text(text, encoding="utf-8")
        (task.folder / f".{name}").rename(task.folder / name)


def _hang(task: Task) -> None:
    _leave(task, "pid", str(os.getpid()))
    time.sleep(3600)


def _hold_the_interpreter(task: Task) -> None:
    _leave(task, "pid", str(os.getpid()))
    ctypes.PyDLL(None).sleep(3600)


def _fail(task: Task) -> Failure:
    return Failure(kind="infeasible", reason=say(f"not at {task.conditions['x']}", "안 됩니다"), metadata={"a": 1})


def _shout(task: Task) -> Measurement:
    print("from Python", flush=False)  # noqa: T201
    os.write(1, b"from C\n")
    os.write(2, b"an error\n")
    return _measure(task)


def _number(value: Value) -> float:
    return float(value or 0.0)


def _measure(task: Task, **metadata: object) -> Measurement:
    return Measurement.model_validate({"outcomes": {"y": _number(task.conditions["x"])}, "metadata": metadata})


def _take_a_while(task: Task) -> Measurement:
    start = time.time()
    time.sleep(_number(task.conditions["x"]))
    return _measure(task, start=start, end=time.time())


ACTS: dict[str, Callable[[Task], Any]] = {
    "measure": _measure,
    "say who": lambda task: _measure(task, pid=os.getpid(), threads=os.environ.get("OMP_NUM_THREADS")),
    "read": lambda task: _measure(task, read=sys.stdin.read()),
    "shout": _shout,
    "take a while": _take_a_while,
    "fail": _fail,
    "raise": lambda task: task.conditions["nothing"],
    "call exit": lambda _: sys.exit(3),
    "answer nonsense": lambda _: {"y": 1.0},
    "answer other names": lambda _: Measurement.model_validate({"outcomes": {"z": 1.0}}),
    "answer no number": lambda _: Measurement.model_validate({"outcomes": {"y": float("nan")}}),
    "answer what cannot be written": lambda task: _measure(task, thing=object()),
    "hang": _hang,
    "hold the interpreter": _hold_the_interpreter,
    "start a child": _start_child,
    "die": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "crash hard": lambda _: ctypes.string_at(0),
    "end the process": lambda _: os._exit(7),
}
"""What the rehearsal lab does when the condition `act` says so."""


class RehearsalLab:
    """Does what the condition `act` says, with `x`; measures `y`."""

    name = "rehearsal"
    version = "1"
    is_physical = False
    outcomes = frozenset({"y"})

    def measure(self, task: Task) -> Result:
        """Do it."""
        answer: Result = ACTS[str(task.conditions["act"])](task)
        return answer


def make_rehearsal_lab(context: PluginContext) -> RehearsalLab:
    """Make the lab; setting `birth` is an act that is done first, instead of being born well."""
    birth = context.settings.get("birth")
    if birth is not None:
        ACTS[str(birth)](Task(ExperimentId("exp_0"), 1, {"x": 0.0}, (0,), folder=Path(context.folder)))
    return RehearsalLab()


def rehearsal_problem() -> Problem:
    """Return the problem the rehearsal lab belongs to."""
    space = {
        "factors": [
            {"name": "act", "type": "categorical", "levels": list(ACTS)},
            {"name": "x", "type": "real", "low": 0.0, "high": 10.0, "unit": "1"},
        ]
    }
    return Problem.model_validate({"space": space, "objectives": [{"name": "y", "goal": "maximize", "unit": "1"}]})


def install_rehearsal_lab(folder: Path) -> None:
    """Write what makes Python find the lab `rehearsal` as if a package that offers it were installed in `folder`."""
    info = folder / "kgenesis_rehearsal-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kgenesis-rehearsal\nVersion: 1\n", encoding="utf-8")
    entry = f"[kgenesis.labs]\nrehearsal = {__name__}:make_rehearsal_lab\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")


def rehearsal_recipe(folder: Path, **settings: object) -> LabRecipe:
    """Return the recipe of the rehearsal lab."""
    return LabRecipe("rehearsal", settings, rehearsal_problem().model_dump(mode="json"), str(folder))


def task(number: int, act: str, x: float = 1.0, **more: Any) -> Task:
    """Return a task for the rehearsal lab; `more`: other fields of `Task`."""
    fields = {"attempt": 1, "seed": (7, number), **more}
    return Task(ExperimentId(f"exp_test_{number:05d}"), conditions={"act": act, "x": x}, **fields)


def gather(executor: Executor) -> dict[ExperimentId, Result]:
    """Collect until nothing is carried; fails if that takes too long or anything comes twice."""
    found: dict[ExperimentId, Result] = {}
    deadline = time.monotonic() + PATIENCE
    while executor.carries():
        assert time.monotonic() < deadline, f"still carried: {sorted(executor.carries())}"
        for experiment, _, result in executor.collect(1.0):
            assert experiment not in found, f"{experiment} came twice"
            found[experiment] = result
    return found


def comes_true(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until a condition holds; says whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def runs(pid: int) -> bool:
    """Say whether a process runs (a zombie does not)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# ---- the cases -----------------------------------------------------------------------------------------------------


class ExecutorCases:
    """The conformance suite of `Executor`."""

    factory: ClassVar[str]
    """`module:function`, as in the entry point."""
    is_isolated: ClassVar[bool] = True
    """Whether labs run in other processes, so that they can be stopped and may die."""

    @pytest.fixture
    def recipe(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabRecipe:
        """The rehearsal lab; override it if your workers cannot see this process's `sys.path`."""
        install_rehearsal_lab(tmp_path / "site")
        monkeypatch.syspath_prepend(tmp_path / "site")
        return rehearsal_recipe(tmp_path)

    @pytest.fixture
    def executor(self, recipe: LabRecipe) -> Iterator[Executor]:
        """An executor with two workers on the rehearsal lab."""
        module, _, name = self.factory.partition(":")
        context = PluginContext(settings={"recipe": recipe, "n_workers": 2})
        made: Executor = getattr(importlib.import_module(module), name)(context)
        yield made
        made.close(wait=False)

    @pytest.fixture
    def isolated(self, executor: Executor) -> Executor:
        """The same, for what only executors with worker processes can do."""
        if not self.is_isolated:
            pytest.skip("this executor has no worker processes")
        return executor

    def test_every_task_comes_back_once_with_its_own_result(self, executor: Executor) -> None:
        for number in range(20):
            executor.submit(task(number, "measure", number / 7))
        found = gather(executor)
        assert {e: r.mean("y") for e, r in found.items() if isinstance(r, Measurement)} == {
            task(number, "measure").experiment: number / 7 for number in range(20)
        }
        assert all(result.seconds is not None for result in found.values())

    def test_the_attempt_comes_back_with_the_result(self, executor: Executor) -> None:
        executor.submit(task(1, "measure", attempt=3))
        deadline = time.monotonic() + PATIENCE
        found = executor.collect(1.0)
        while not found and time.monotonic() < deadline:
            found = executor.collect(1.0)
        assert [(e, n) for e, n, _ in found] == [(task(1, "measure").experiment, 3)]

    def test_a_task_is_carried_until_it_is_collected(self, executor: Executor) -> None:
        assert executor.carries() == frozenset()
        executor.submit(task(1, "measure"))
        assert executor.carries() == {task(1, "measure").experiment}
        gather(executor)
        assert executor.carries() == frozenset()

    def test_a_task_cannot_be_carried_twice_at_once(self, executor: Executor) -> None:
        executor.submit(task(1, "take a while", 0.2))
        with pytest.raises(ValueError, match="already"):
            executor.submit(task(1, "take a while", 0.2))

    def test_collecting_from_an_executor_that_carries_nothing_returns_at_once(self, executor: Executor) -> None:
        start = time.monotonic()
        assert executor.collect(30.0) == []
        assert time.monotonic() - start < 10

    def test_a_failure_the_lab_reports_is_passed_on_as_it_is(self, executor: Executor) -> None:
        executor.submit(task(1, "fail", 2.5))
        (result,) = gather(executor).values()
        assert isinstance(result, Failure)
        assert (result.kind, result.reason.en, result.metadata) == ("infeasible", "not at 2.5", {"a": 1})

    @pytest.mark.parametrize(
        ("act", "said"),
        [
            ("raise", "KeyError"),
            ("call exit", "SystemExit: 3"),
            ("answer nonsense", "dict"),
            ("answer other names", "expected: y; found: z"),
            ("answer no number", "outcomes.y.mean"),
            ("answer what cannot be written", "JSON"),
        ],
    )
    def test_a_lab_that_misbehaves_has_crashed_and_the_next_task_is_done(
        self, executor: Executor, act: str, said: str
    ) -> None:
        executor.submit(task(1, act))
        executor.submit(task(2, "measure"))
        found = gather(executor)
        crashed = found[task(1, act).experiment]
        assert isinstance(crashed, Failure)
        assert crashed.kind == "crashed"
        assert said in crashed.reason.en
        assert isinstance(found[task(2, "measure").experiment], Measurement)

    def test_closing_with_patience_does_what_was_submitted(self, executor: Executor) -> None:
        for number in range(4):
            executor.submit(task(number, "measure"))
        executor.close(wait=True)
        assert len(gather(executor)) == 4

    def test_closing_at_once_leaves_nothing_carried(self, executor: Executor) -> None:
        for number in range(4):
            executor.submit(task(number, "take a while", 0.1))
        executor.close(wait=False)
        executor.close(wait=False)
        gather(executor)
        with pytest.raises(RuntimeError, match="closed"):
            executor.submit(task(9, "measure"))

    def test_a_task_that_takes_too_long_is_stopped_and_others_go_on(self, isolated: Executor, tmp_path: Path) -> None:
        isolated.submit(task(1, "hang", timeout=0.5, folder=tmp_path / "1"))
        isolated.submit(task(2, "hold the interpreter", timeout=0.5, folder=tmp_path / "2"))
        for number in range(3, 9):
            isolated.submit(task(number, "measure", timeout=30.0))
        found = gather(isolated)
        assert [f.kind for f in found.values() if isinstance(f, Failure)] == ["timed-out"] * 2
        assert sum(isinstance(result, Measurement) for result in found.values()) == 6
        assert comes_true(lambda: not any(runs(int((tmp_path / n / "pid").read_text())) for n in "12"), 5.0)

    def test_children_of_a_stopped_lab_are_stopped_too(self, isolated: Executor, tmp_path: Path) -> None:
        isolated.submit(task(1, "start a child", timeout=3.0, folder=tmp_path / "1"))
        (result,) = gather(isolated).values()
        assert isinstance(result, Failure)
        assert comes_true(lambda: not runs(int((tmp_path / "1" / "child").read_text())), 5.0)

    @pytest.mark.parametrize(
        ("act", "said"), [("die", "SIGKILL"), ("crash hard", "SIGSEGV"), ("end the process", "exit code 7")]
    )
    def test_a_worker_that_dies_loses_its_task_only_and_is_replaced(
        self, isolated: Executor, act: str, said: str
    ) -> None:
        for number in range(9):
            isolated.submit(task(number, act if number % 3 == 0 else "measure"))
        found = gather(isolated)
        lost = [result for result in found.values() if isinstance(result, Failure)]
        assert [failure.kind for failure in lost] == ["lost"] * 3
        assert all(said in failure.reason.en for failure in lost)
        assert len(found) == 9

    def test_what_labs_print_stays_out_of_this_terminal_and_is_kept(
        self, isolated: Executor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        isolated.submit(task(1, "shout", folder=tmp_path / "1"))
        isolated.submit(task(2, "measure", folder=tmp_path / "2"))
        found = gather(isolated)
        assert all(isinstance(result, Measurement) for result in found.values())
        out, err = capfd.readouterr()
        assert (out, err) == ("", "")
        kept = (tmp_path / "1" / "worker.log").read_text(encoding="utf-8")
        assert sorted(kept.splitlines()) == ["an error", "from C", "from Python"]
        assert not (tmp_path / "2").exists()

    def test_a_lab_that_reads_its_input_finds_none(self, isolated: Executor) -> None:
        isolated.submit(task(1, "read"))
        (result,) = gather(isolated).values()
        assert isinstance(result, Measurement)
        assert result.metadata["read"] == ""

    def test_workers_are_kept_and_have_one_thread_each(self, isolated: Executor) -> None:
        for number in range(12):
            isolated.submit(task(number, "say who"))
        said = [result.metadata for result in gather(isolated).values()]
        assert {one["threads"] for one in said} == {"1"}
        assert 1 <= len({one["pid"] for one in said}) <= 2
        assert os.getpid() not in {one["pid"] for one in said}

    def test_two_workers_work_at_the_same_time(self, isolated: Executor) -> None:
        for number in range(2):
            isolated.submit(task(number, "measure"))
        gather(isolated)
        for number in range(4):
            isolated.submit(task(number, "take a while", 0.5))
        spans = [(r.metadata["start"], r.metadata["end"]) for r in gather(isolated).values()]
        assert any(a[0] < b[0] < a[1] for a in spans for b in spans)
