"""The lab `command`: real programs, real limits, real nonsense."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement, Result, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.labs.processes import CAN_LIMIT_MEMORY
from kgenesis.labs.programs import CommandLab, make_lab
from kgenesis.testing.labs import measured, task_of

PROBLEM = Problem.model_validate(
    {
        "space": {
            "factors": [
                {"name": "x", "type": "real", "low": 0, "high": 10, "unit": "mm"},
                {"name": "salt", "type": "categorical", "levels": ["NaCl", "a b; rm"]},
                {"name": "humidity", "type": "context", "low": 0, "high": 1},
            ]
        },
        "objectives": [{"name": "yield", "goal": "maximize", "unit": "1"}],
    }
)
CONDITIONS = {"x": 2.5, "salt": "NaCl", "humidity": None}
Make = Callable[..., CommandLab]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes a Python program and makes a lab that runs it."""

    def make(program: str = "", *arguments: str, **settings: Any) -> CommandLab:
        (tmp_path / "program.py").write_text(program, encoding="utf-8")
        settings = {"command": [sys.executable, "program.py", *arguments], "timeout": 60, **settings}
        return make_lab(PluginContext(settings=settings, problem=PROBLEM, folder=tmp_path))

    return make


def failure(result: Result, kind: str) -> str:
    """Return a failure's reason; fail if it is of another kind."""
    assert isinstance(result, Failure), result
    assert result.kind == kind, result
    return result.reason.en


# ---- JSON on standard input and output ------------------------------------------------------------------------------


def test_conditions_go_in_as_json_and_outcomes_come_out_as_json(make: Make) -> None:
    program = (
        "import json, sys; x = json.load(sys.stdin); print(json.dumps({'yield': x['x'] * 2, 'n': len(x['salt'])}))"
    )
    lab = make(program)
    assert measured(lab.measure(task_of(CONDITIONS))) == {"yield": 5.0, "n": 4.0}


def test_an_outcome_may_have_a_standard_error_and_replicates(make: Make) -> None:
    result = make('print(\'{"yield": {"mean": 1.5, "sem": 0.1, "n": 4}}\')').measure(task_of(CONDITIONS))
    assert isinstance(result, Measurement)
    assert (result.outcomes["yield"].sem, result.outcomes["yield"].n) == (0.1, 4)


def test_what_was_measured_of_a_context_factor_goes_to_the_context(make: Make) -> None:
    lab = make('print(\'{"yield": 1, "humidity": 0.4, "metadata": {"mesh": 7}}\')')
    result = lab.measure(task_of(CONDITIONS))
    assert isinstance(result, Measurement)
    assert result.context == {"humidity": 0.4}
    assert result.metadata == {"mesh": 7}
    assert set(result.outcomes) == {"yield"}


def test_a_program_can_say_that_it_failed(make: Make) -> None:
    lab = make('print(\'{"failure": {"kind": "infeasible", "reason": "no steady state"}}\')')
    assert failure(lab.measure(task_of(CONDITIONS)), "infeasible") == "no steady state"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("hello " * 100, "hello"),
        ("", "not one JSON object"),
        ("[1, 2]", "not one JSON object"),
        ('log line\n{"yield": 1}', "logs belong on standard error"),
        ('{"yield": NaN}', "yield is nan"),
        ('{"yield": Infinity}', "yield is inf"),
        ('{"yield": "high"}', "yield is 'high'"),
        ('{"yield": true}', "yield is True"),
        ('{"yield": {"mean": 1, "sem": -1}}', "yield is"),
        ('{"yeild": 1}', "lacks yield; it has yeild"),
        ("{}", "lacks yield"),
        ('{"failure": "bad"}', "`failure` must have"),
        ("[" * 100_000, "not one JSON object"),
    ],
    ids=range(13),
)
def test_nonsense_is_a_crash_that_quotes_it(make: Make, tmp_path: Path, printed: str, said: str) -> None:
    (tmp_path / "nonsense.txt").write_text(printed)
    lab = make("import sys; print(open(sys.argv[1]).read())", "{here}/nonsense.txt")
    reason = failure(lab.measure(task_of(CONDITIONS)), "crashed")
    assert said in reason
    assert len(reason) < 400


def test_bytes_that_are_no_text_are_a_crash(make: Make) -> None:
    lab = make("import sys; sys.stdout.buffer.write(bytes(range(256)))")
    failure(lab.measure(task_of(CONDITIONS)), "crashed")


# ---- exit codes, signals, limits ------------------------------------------------------------------------------------


def test_exit_codes_mean_what_the_mission_says(make: Make) -> None:
    lab = make("import sys; print('too hot', file=sys.stderr); sys.exit(3)", exit_codes={3: "infeasible"})
    assert failure(lab.measure(task_of(CONDITIONS)), "infeasible") == "exit code 3: too hot"


def test_any_other_exit_code_is_a_crash_with_the_last_line_of_the_error(make: Make) -> None:
    reason = failure(make("raise ValueError('mesh has 0 cells')").measure(task_of(CONDITIONS)), "crashed")
    assert reason == "exit code 1: ValueError: mesh has 0 cells"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_a_program_that_is_killed_is_a_crash_that_names_the_signal(make: Make) -> None:
    lab = make("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "SIGSEGV" in failure(lab.measure(task_of(CONDITIONS)), "crashed")


SPAWNS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
{rest}
"""


def is_alive(pid: int) -> bool:
    """Say whether a process still runs (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pid: int) -> bool:
    """Say whether a process is gone within 5 s."""
    end = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_a_program_that_hangs_is_stopped_with_all_it_started(make: Make, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    lab = make(SPAWNS_A_CHILD.format(rest="time.sleep(60)"), str(note), timeout=1.5)
    start = time.monotonic()
    result = lab.measure(task_of(CONDITIONS))
    assert "stopped after" in failure(result, "timed-out")
    assert time.monotonic() - start < 10
    assert wait_until_gone(int(note.read_text()))


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_what_a_program_leaves_running_is_swept_up(make: Make, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    lab = make(SPAWNS_A_CHILD.format(rest="print('{\"yield\": 1}')"), str(note))
    assert measured(lab.measure(task_of(CONDITIONS))) == {"yield": 1}
    assert wait_until_gone(int(note.read_text()))


KILLED_LAB = """
import sys
from pathlib import Path
from kgenesis.kernel.ports import PluginContext
from kgenesis.labs.programs import make_lab
from kgenesis.testing.labs import task_of
settings = {"command": [sys.executable, "program.py", sys.argv[2]]}
lab = make_lab(PluginContext(settings=settings, folder=Path(sys.argv[1])))
lab.measure(task_of({}))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_program_does_not_outlive_a_worker_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    (tmp_path / "program.py").write_text(SPAWNS_A_CHILD.format(rest="time.sleep(60)"))
    (tmp_path / "worker.py").write_text(KILLED_LAB)
    worker = psutil.Popen([sys.executable, str(tmp_path / "worker.py"), str(tmp_path), str(note)])
    end = time.monotonic() + 30
    while not (note.exists() and note.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    worker.kill()
    worker.wait()
    assert wait_until_gone(int(note.read_text()))


def test_the_shorter_of_the_two_timeouts_holds(make: Make) -> None:
    task = Task(ExperimentId("exp_a_00001"), 1, dict(CONDITIONS), (1, 1), timeout=0.5)
    failure(make("import time; time.sleep(60)", timeout=50).measure(task), "timed-out")


@pytest.mark.skipif(not CAN_LIMIT_MEMORY, reason="the system does not enforce it")
def test_a_program_that_takes_too_much_memory_fails_and_is_told_the_limit(make: Make) -> None:
    lab = make("x = bytearray(900 * 1024 * 1024); print('{\"yield\": 1}')", memory_mb=400)
    reason = failure(lab.measure(task_of(CONDITIONS)), "crashed")
    assert "MemoryError" in reason
    assert "memory_mb: 400" in reason


@pytest.mark.skipif(not CAN_LIMIT_MEMORY, reason="the system does not enforce it")
def test_a_program_within_its_memory_is_not_disturbed(make: Make) -> None:
    assert measured(make("print('{\"yield\": 1}')", memory_mb=400).measure(task_of(CONDITIONS))) == {"yield": 1}


# ---- command line ---------------------------------------------------------------------------------------------------


def test_places_in_the_command_are_filled_without_a_shell(make: Make, tmp_path: Path) -> None:
    program = "import json, sys; open('argv.json', 'w').write(json.dumps(sys.argv[1:])); print('{\"yield\": 1}')"
    lab = make(program, "--x={x}", "{salt}", "{{kept}}", "{humidity}", "{folder}", "{seed}", "$HOME", "{here}/data")
    task = task_of({**CONDITIONS, "salt": "a b; rm"}, folder=tmp_path / "e")
    measured(lab.measure(task))
    folder = tmp_path / "e" / "attempt-1"
    argv = json.loads((folder / "argv.json").read_text())
    assert argv[:5] == ["--x=2.5", "a b; rm", "{kept}", "", str(folder)]
    assert 0 <= int(argv[5]) < 2**31
    assert argv[6:] == ["$HOME", f"{tmp_path}/data"]


def test_the_seed_and_the_experiment_are_in_the_environment(make: Make) -> None:
    program = "import os, json; print(json.dumps({'yield': int(os.environ['KGENESIS_SEED'])}))"
    lab = make(program)
    first, again, other = (measured(lab.measure(task_of(CONDITIONS, n)))["yield"] for n in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"command": []}, "command"),
        ({"command": ["no-such-program-anywhere"]}, "command.0"),
        ({"command": ["{python}", "{xx}"]}, "command.1"),
        ({"mode": "files"}, ""),
        ({"outcomes": {"yield": {"regex": "(.*)"}}}, ""),
        ({"mode": "files", "outcomes": {"yield": {"regex": "no group"}}}, "outcomes.yield"),
        ({"mode": "files", "outcomes": {"yield": {"regex": "("}}}, "outcomes.yield"),
        ({"mode": "files", "outcomes": {"yield": {"path": "a..b"}}}, "outcomes.yield"),
        ({"mode": "files", "outcomes": {"yield": {"path": "a", "file": "../secret"}}}, "outcomes.yield"),
        ({"mode": "files", "outcomes": {"yield": {"path": "a"}}, "templates": {"/etc/x": "t"}}, "templates"),
        ({"mode": "files", "outcomes": {"yield": {"path": "a"}}, "templates": {"in": "none"}}, "templates.in"),
        ({"mode": "files", "outcomes": {"yield": {"path": "a"}}, "templates": {"in": "bad.txt"}}, "templates.in"),
        ({"mode": "files", "outcomes": {"yield": {"path": "a"}}, "templates": {"in": "form.txt"}}, "templates.in"),
        ({"timeout": 0}, "timeout"),
        ({"exit_codes": {0: "crashed"}}, ""),
        ({"exit_codes": {3: "odd"}}, "exit_codes.3"),
    ],
    ids=range(16),
)
def test_settings_that_cannot_work_are_refused_before_anything_runs(
    make: Make, tmp_path: Path, settings: dict[str, Any], field: str
) -> None:
    (tmp_path / "bad.txt").write_text("{{ temperature }}")
    (tmp_path / "form.txt").write_text("{{ x | six }}")
    with pytest.raises(InvalidSpec) as caught:
        make(**settings)
    wanted = f"lab.settings.{field}" if field else "lab.settings"
    assert [problem.field for problem in caught.value.problems] == [wanted]


# ---- template and result files --------------------------------------------------------------------------------------

DECK = "* deck for {{ salt }}\nX {{x|.3e}} {{ x }}\nSEED {{ seed }}\n"
SOLVER = """
import json, sys
text = sys.stdin.read()
x = float(text.split("X ")[1].split()[0])
print("step 1 yield = 0.1")
print(f"step 2 yield = {x * 2:.4e}")
json.dump({"summary": [{"mean V": {"mean": x, "sem": 0.5, "n": 3}}], "bad": None}, open("result.json", "w"))
"""


@pytest.fixture
def files(make: Make, tmp_path: Path) -> Callable[..., CommandLab]:
    """Return a function that makes a lab of mode `files`."""
    (tmp_path / "deck.txt").write_text(DECK, encoding="utf-8")

    def files(reading: dict[str, str], **settings: Any) -> CommandLab:
        common = {"mode": "files", "templates": {"in/deck.txt": "deck.txt"}, "stdin": "in/deck.txt"}
        return make(SOLVER, **{**common, "outcomes": {"yield": reading}, **settings})

    return files


def test_templates_are_filled_and_kept(files: Callable[..., CommandLab], tmp_path: Path) -> None:
    lab = files({"regex": "yield = (\\S+)"})
    result = lab.measure(task_of(CONDITIONS, folder=tmp_path / "e"))
    assert measured(result) == {"yield": 5.0}
    deck = (tmp_path / "e" / "attempt-1" / "in" / "deck.txt").read_text()
    assert deck.startswith("* deck for NaCl\nX 2.500e+00 2.5\nSEED ")


def test_a_json_path_finds_a_number_with_its_error(files: Callable[..., CommandLab]) -> None:
    lab = files({"file": "result.json", "path": "$.summary[0]['mean V']"})
    result = lab.measure(task_of(CONDITIONS))
    assert isinstance(result, Measurement)
    assert result.outcomes["yield"].model_dump() == {"mean": 2.5, "sem": 0.5, "n": 3}
    assert lab.outcomes == frozenset({"yield"})


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ({"regex": "selectivity = (\\S+)"}, "finds no number"),
        ({"regex": "(step)"}, "finds no number"),
        ({"file": "result.json", "path": "$.summary[3]"}, "is not in result.json"),
        ({"file": "result.json", "path": "summary.mean"}, "is not in result.json"),
        ({"file": "result.json", "path": "bad"}, "yield is None"),
        ({"file": "other.json", "path": "bad"}, "wrote no other.json"),
        ({"path": "bad"}, "is not in stdout.txt"),
    ],
    ids=range(7),
)
def test_a_result_that_is_not_there_is_a_crash(
    files: Callable[..., CommandLab], reading: dict[str, str], said: str
) -> None:
    assert said in failure(files(reading).measure(task_of(CONDITIONS)), "crashed")


# ---- what is left behind --------------------------------------------------------------------------------------------


def test_everything_that_went_in_and_out_is_kept_and_named(files: Callable[..., CommandLab], tmp_path: Path) -> None:
    lab = files({"file": "result.json", "path": "summary[0]['mean V']"})
    result = lab.measure(task_of(CONDITIONS, folder=tmp_path / "e"))
    names = [file.name for file in result.files]
    expected = ["stdin.json", "in/deck.txt", "result.json", "stdout.txt", "stderr.txt"]
    assert names == [f"attempt-1/{name}" for name in expected]
    assert all((tmp_path / "e" / file.name).stat().st_size == file.size for file in result.files)


def test_an_old_result_never_passes_for_a_new_one(make: Make, tmp_path: Path) -> None:
    program = "import os\nif not os.path.exists('{here}/done'): open('result.json', 'w').write('{{\"y\": 1}}')"
    lab = make(program.format(here=tmp_path), mode="files", outcomes={"yield": {"file": "result.json", "path": "y"}})
    task = task_of(CONDITIONS, folder=tmp_path / "e")
    measured(lab.measure(task))
    (tmp_path / "done").touch()
    assert "wrote no result.json" in failure(lab.measure(task), "crashed")


def test_the_version_follows_the_program_the_templates_and_the_command(
    files: Callable[..., CommandLab], tmp_path: Path
) -> None:
    reading = {"regex": "yield = (\\S+)"}
    first = files(reading).version
    assert files(reading).version == first
    assert files(reading, timeout=7).version == first
    (tmp_path / "deck.txt").write_text(DECK + "MORE\n")
    changed = files(reading).version
    assert changed != first
    assert files({"regex": "step 1 yield = (\\S+)"}).version != changed
    assert files(reading, version="solver 2.1").version == "solver 2.1"


@pytest.mark.skipif(not Path("/bin/echo").exists(), reason="a program that starts at once is needed")
def test_watching_over_a_program_costs_little(make: Make) -> None:
    lab = make(command=["/bin/echo", '{{"yield": 1}}'])
    start = time.monotonic()
    for number in range(10):
        measured(lab.measure(task_of(CONDITIONS, number)))
    assert time.monotonic() - start < 5
