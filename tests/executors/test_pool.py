"""The pool outlives its labs, and no lab outlives the pool."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kgenesis.executors import PoolExecutor
from kgenesis.executors.inline import make_executor as make_inline
from kgenesis.executors.pool import make_executor as make_pool
from kgenesis.kernel.errors import InvalidSpec, UnknownPlugin
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.ports import LabRecipe, PluginContext
from kgenesis.testing.executors import (
    RehearsalLab,
    comes_true,
    gather,
    install_rehearsal_lab,
    rehearsal_problem,
    rehearsal_recipe,
    runs,
    task,
)

Make = Callable[..., PoolExecutor]

PARENT = """
import sys, time
from pathlib import Path
from kgenesis.executors import PoolExecutor
from kgenesis.testing.executors import rehearsal_recipe, task
folder = Path(sys.argv[1])
pool = PoolExecutor(rehearsal_recipe(folder), 2)
for number, act in enumerate(sys.argv[2:]):
    pool.submit(task(number, act, 1.5, folder=folder / str(number)))
print("started", flush=True)
while pool.carries():
    for experiment, _, result in pool.collect(60.0):
        print(experiment, result.kind, flush=True)
pool.close(wait=True)
"""


@pytest.fixture(autouse=True)
def _rehearsal_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_rehearsal_lab(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make pools that are closed when the test ends."""
    made: list[PoolExecutor] = []

    def make_one(recipe: LabRecipe | None = None, **more: Any) -> PoolExecutor:
        made.append(PoolExecutor(recipe or rehearsal_recipe(tmp_path), **({"n_workers": 2} | more)))
        return made[-1]

    yield make_one
    for pool in made:
        pool.close(wait=False)


def start_parent(folder: Path, *acts: str) -> "subprocess.Popen[str]":
    """Start a process that has a pool, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), *acts],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_when_the_pool_is_killed_its_workers_and_their_children_end(tmp_path: Path) -> None:
    parent = start_parent(tmp_path, "hang", "start a child")
    files = [tmp_path / "0" / "pid", tmp_path / "1" / "child"]
    assert comes_true(lambda: all(file.exists() for file in files))
    pids = [int(file.read_text()) for file in files]
    assert all(map(runs, pids))
    parent.kill()
    parent.communicate()
    assert comes_true(lambda: not any(map(runs, pids)), 10.0)


def test_ctrl_c_at_the_terminal_does_not_stop_the_workers(tmp_path: Path) -> None:
    parent = start_parent(tmp_path, "hang")
    assert comes_true((tmp_path / "0" / "pid").exists)
    worker = int((tmp_path / "0" / "pid").read_text())
    os.kill(worker, signal.SIGINT)
    time.sleep(0.5)
    assert runs(worker)
    assert os.getpgid(worker) != os.getpgid(parent.pid)
    parent.kill()
    parent.communicate()


def test_a_script_that_runs_a_pool_needs_no_guard_around_its_main_part(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PARENT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "measure"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["started", "exp_test_00000", "measured"]
    assert done.stderr == ""


def test_a_pool_that_was_suspended_takes_a_result_that_came_in_time(make: Make) -> None:
    pool = make(n_workers=1)
    pool.submit(task(0, "measure"))
    gather(pool)
    pool.submit(task(1, "take a while", 0.2, timeout=1.0))
    time.sleep(1.5)  # as if this process had been stopped, while the worker went on
    (result,) = gather(pool).values()
    assert isinstance(result, Measurement)


def test_the_time_a_lab_takes_to_be_made_does_not_count(make: Make, tmp_path: Path) -> None:
    pool = make(rehearsal_recipe(tmp_path, birth="measure"), n_workers=1)
    pool.submit(task(1, "measure", timeout=0.5))  # less than an interpreter takes to start and import
    (result,) = gather(pool).values()
    assert isinstance(result, Measurement)


def test_a_lab_that_is_not_installed_fails_every_task_with_the_reason(make: Make, tmp_path: Path) -> None:
    pool = make(LabRecipe("no-such-lab", {}, rehearsal_problem().model_dump(mode="json"), str(tmp_path)))
    for number in range(4):
        pool.submit(task(number, "measure"))
    results = gather(pool).values()
    assert all(isinstance(r, Failure) and r.kind == "crashed" and "no-such-lab" in r.reason.en for r in results)
    pool.submit(task(9, "measure"))
    assert len(pool.collect(0.0)) == 1


@pytest.mark.parametrize(
    ("birth", "said"), [("raise", "KeyError"), ("call exit", "SystemExit"), ("die", "SIGKILL"), ("hang", "not ready")]
)
def test_a_lab_that_cannot_be_made_is_tried_a_few_times_and_given_up(
    make: Make, tmp_path: Path, birth: str, said: str
) -> None:
    limit = 5.0 if birth == "hang" else 300.0
    pool = make(rehearsal_recipe(tmp_path, birth=birth), build_timeout=limit)
    for number in range(5):
        pool.submit(task(number, "measure"))
    results = list(gather(pool).values())
    assert len(results) == 5
    assert all(isinstance(r, Failure) and r.kind == "crashed" and said in r.reason.en for r in results)
    assert pool._n_started <= 5


def test_workers_are_only_started_when_there_is_work_for_them(make: Make) -> None:
    pool = make(n_workers=8)
    assert pool._workers == []
    pool.submit(task(1, "measure"))
    gather(pool)
    pool.submit(task(2, "measure"))
    gather(pool)
    assert len(pool._workers) == 1


def test_worn_workers_are_replaced_without_losing_a_task_or_working_more_at_a_time(make: Make) -> None:
    pool = make(n_workers=2, tasks_per_worker=3)
    n_tasks, done = 0, []
    deadline = time.monotonic() + 120.0
    while len({one["pid"] for one in done if "pid" in one}) < 5 and time.monotonic() < deadline:
        for _ in range(5):
            pool.submit(task(n_tasks, "take a while", 0.05))
            pool.submit(task(n_tasks + 1, "say who"))
            n_tasks += 2
        done += [result.metadata for result in gather(pool).values() if isinstance(result, Measurement)]
    assert len(done) == n_tasks
    pids = {one["pid"] for one in done if "pid" in one}
    assert len(pids) >= 5
    spans = sorted((one["start"], one["end"]) for one in done if "start" in one)
    assert all(
        third[0] >= min(first[1], second[1]) for first, second, third in zip(spans, spans[1:], spans[2:], strict=False)
    )
    pool.close(wait=True)
    assert not any(runs(pid) for pid in pids)


def test_a_worn_worker_whose_successor_cannot_be_made_goes_on(make: Make, tmp_path: Path) -> None:
    pool = make(n_workers=1, tasks_per_worker=2)
    pool.submit(task(0, "say who"))
    gather(pool)
    for file in (tmp_path / "site").rglob("*"):
        if file.is_file():
            file.unlink()  # the lab is uninstalled under the pool's feet
    for number in range(1, 30):
        pool.submit(task(number, "take a while", 0.05))
    assert all(isinstance(result, Measurement) for result in gather(pool).values())


def test_a_task_is_done_exactly_as_it_was_submitted(make: Make, tmp_path: Path) -> None:
    pool = make(n_workers=1)
    pool.submit(task(1, "fail", 0.1 + 0.2))
    (result,) = gather(pool).values()
    assert isinstance(result, Failure)
    assert result.reason.en == f"not at {0.1 + 0.2}"


def test_closing_removes_what_the_pool_left_on_the_disk_and_ends_its_workers(make: Make) -> None:
    pool = make(n_workers=2)
    for number in range(4):
        pool.submit(task(number, "say who"))
    pids = {result.metadata["pid"] for result in gather(pool).values()}
    logs = pool._logs
    assert logs.exists()
    pool.close(wait=True)
    assert not logs.exists()
    assert comes_true(lambda: not any(map(runs, pids)), 5.0)


def test_an_executor_refuses_settings_it_does_not_know(tmp_path: Path) -> None:
    recipe = rehearsal_recipe(tmp_path)
    for settings in (
        {},
        {"recipe": recipe, "n_workers": 0},
        {"recipe": recipe, "n_workers": True},
        {"recipe": recipe, "workers": 2},
        {"recipe": recipe, "build_timeout": -1.0},
        {"lab": RehearsalLab()},
    ):
        with pytest.raises(InvalidSpec):
            make_pool(PluginContext(settings=settings))


def test_an_inline_executor_takes_a_lab_that_is_already_made() -> None:
    executor = make_inline(PluginContext(settings={"lab": RehearsalLab()}, problem=rehearsal_problem()))
    executor.submit(task(1, "measure", 2.0))
    ((_, _, result),) = executor.collect(0.0)
    assert result.mean("y") == 2.0  # type: ignore[union-attr]


def test_an_inline_executor_says_at_once_that_its_lab_is_not_installed(tmp_path: Path) -> None:
    recipe = LabRecipe("no-such-lab", {}, rehearsal_problem().model_dump(mode="json"), str(tmp_path))
    with pytest.raises(UnknownPlugin):
        make_inline(PluginContext(settings={"recipe": recipe}))
