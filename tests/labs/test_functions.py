"""The lab `python`: a function beside the mission."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.labs.functions import FunctionLab, make_lab
from kgenesis.testing.labs import measured, task_of

Make = Callable[..., FunctionLab]
CONDITIONS = {"x": 2.0}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes a module and makes the lab of its function `f`."""

    def make(
        source: str, *outcomes: str, folder: Path = tmp_path, module: str = "bench", **settings: Any
    ) -> FunctionLab:
        folder.mkdir(exist_ok=True)
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
        sys.modules.pop(module, None)
        factors = [{"name": "x", "type": "real", "low": 0, "high": 10, "unit": "1"}]
        objectives = [{"name": name, "goal": "maximize", "unit": "1"} for name in outcomes or ("y",)]
        problem = Problem.model_validate({"space": {"factors": factors}, "objectives": objectives})
        settings = {"function": f"{module}:f", **settings}
        return make_lab(PluginContext(settings=settings, problem=problem, folder=folder))

    return make


@pytest.mark.parametrize(
    "answer",
    [
        "{'y': 4}",
        "4.0",
        "{'y': {'mean': 4, 'sem': 1, 'n': 2}}",
        "__import__('numpy').float64(4)",
        "{'y': __import__('numpy').array(4)}",
        "Measurement(outcomes={'y': 4})",
    ],
)
def test_an_answer_can_take_several_forms(make: Make, answer: str) -> None:
    lab = make(f"from kgenesis.kernel.experiment import Measurement\ndef f(conditions): return {answer}")
    assert measured(lab.measure(task_of(CONDITIONS))) == {"y": 4.0}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("None", "y is None"),
        ("float('nan')", "y is nan"),
        ("'good'", "y is 'good'"),
        ("{'z': 1}", "lacks y; it has z"),
        ("{'y': [1, 2]}", "y is [1, 2]"),
        ("{'y': True}", "y is True"),
        ("Measurement(outcomes={'z': 4})", "lacks y"),
    ],
)
def test_a_nonsensical_answer_is_a_crash_that_says_why(make: Make, answer: str, said: str) -> None:
    lab = make(f"from kgenesis.kernel.experiment import Measurement\ndef f(conditions): return {answer}")
    result = lab.measure(task_of(CONDITIONS))
    assert isinstance(result, Failure)
    assert result.kind == "crashed"
    assert said in result.reason.en


def test_a_number_is_no_answer_where_there_are_two_outcomes(make: Make) -> None:
    result = make("def f(conditions): return 1.0", "y", "z").measure(task_of(CONDITIONS))
    assert isinstance(result, Failure)
    assert "not a dictionary of outcomes" in result.reason.en


def test_a_failure_passes_through(make: Make) -> None:
    source = (
        "from kgenesis.kernel.experiment import Failure\n"
        "def f(conditions): return Failure(kind='infeasible', reason={'en': 'boils', 'ko': '끓음'})"
    )
    result = make(source).measure(task_of(CONDITIONS))
    assert isinstance(result, Failure)
    assert (result.kind, result.reason.ko) == ("infeasible", "끓음")


def test_what_it_raises_passes_through_for_the_executor(make: Make) -> None:
    with pytest.raises(ZeroDivisionError):
        make("def f(conditions): return 1 / 0").measure(task_of(CONDITIONS))


@pytest.mark.parametrize("signature", ["conditions, seed", "c, s", "conditions, seed=None", "conditions, /, seed"])
def test_a_second_argument_is_the_seed(make: Make, signature: str) -> None:
    second = signature.replace("/, ", "").split(", ")[1].split("=")[0]
    lab = make(f"def f({signature}): return {second}[1]")
    assert measured(lab.measure(task_of(CONDITIONS, 7))) == {"y": 7.0}


def test_other_optional_arguments_are_left_alone(make: Make) -> None:
    assert measured(make("def f(conditions, scale=3): return scale").measure(task_of(CONDITIONS))) == {"y": 3}


def test_the_conditions_it_gets_are_its_own(make: Make) -> None:
    task = task_of(CONDITIONS)
    make("def f(conditions): return conditions.pop('x')").measure(task)
    assert task.conditions == CONDITIONS


def test_what_it_prints_is_kept_in_the_experiments_folder(
    make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lab = make("def f(conditions):\n    print('converged'); return 1")
    result = lab.measure(task_of(CONDITIONS, folder=tmp_path / "e"))
    assert isinstance(result, Measurement)
    assert [(file.name, file.size) for file in result.files] == [("printed.txt", len("converged\n"))]
    assert (tmp_path / "e" / "printed.txt").read_text() == "converged\n"
    assert capfd.readouterr().out == ""


def test_modules_beside_the_mission_are_found_also_when_imported_late(make: Make, tmp_path: Path) -> None:
    (tmp_path / "beside_the_bench.py").write_text("VALUE = 9")
    lab = make("def f(conditions):\n    import beside_the_bench; return beside_the_bench.VALUE")
    assert measured(lab.measure(task_of(CONDITIONS))) == {"y": 9}
    assert str(tmp_path) not in sys.path


def test_two_missions_may_have_a_module_of_the_same_name(make: Make, tmp_path: Path) -> None:
    one = make("def f(conditions): return 1", folder=tmp_path / "one", module="same_name")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "same_name.py").write_text("def f(conditions): return 2")
    context = PluginContext(settings={"function": "same_name:f", "outcomes": ["y"]}, folder=tmp_path / "two")
    two = make_lab(context)
    assert measured(one.measure(task_of(CONDITIONS))) == {"y": 1}
    assert measured(two.measure(task_of(CONDITIONS))) == {"y": 2}


def test_the_version_follows_the_source(make: Make) -> None:
    version = make("def f(conditions): return 1").version
    assert make("def f(conditions): return 1").version == version
    assert make("def f(conditions): return 2").version != version
    assert make("def f(conditions): return 2", version="2024-06").version == "2024-06"


@pytest.mark.parametrize(
    ("source", "settings", "field"),
    [
        ("def g(conditions): return 1", {}, "function"),
        ("f = 3", {}, "function"),
        ("def f(", {}, "function"),
        ("import no_such_module_anywhere", {}, "function"),
        ("raise RuntimeError('no licence')", {}, "function"),
        ("def f(): return 1", {}, "function"),
        ("def f(a, b, c): return 1", {}, "function"),
        ("def f(a, *, b): return 1", {}, "function"),
        ("def f(a): return 1", {"function": "bench.f"}, "function"),
        ("def f(a): return 1", {"function": "no_such_module_anywhere:f"}, "function"),
    ],
)
def test_a_function_that_cannot_be_called_is_refused_before_anything_runs(
    make: Make, source: str, settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make(source, **settings)
    assert [problem.field for problem in caught.value.problems] == [f"lab.settings.{field}"]
