"""The conformance suite of laboratories: subclass `LabCases`, say how yours is made, and pytest does the rest.

    class TestMyLab(LabCases):
        @pytest.fixture
        def factory(self):
            return make_lab  # what the entry point names

        @pytest.fixture
        def problem(self):
            return Problem(space=…, objectives=…)

        @pytest.fixture
        def conditions(self):
            return {"temperature": 300.0}  # that work

Further fixtures you may override: `settings`, `folder`, `infeasible_conditions`, `timeout`.
"""

import copy
import json
import math
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement, Result, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import Lab, LabRecipe, PluginContext
from kgenesis.kernel.problem import Problem

Factory = Callable[[PluginContext], Lab]


def task_of(conditions: Mapping[str, Value], number: int = 1, *, folder: Path | None = None) -> Task:
    """Return a task for a lab: conditions with an experiment's id and seed."""
    return Task(ExperimentId(f"exp_test_{number:05d}"), 1, dict(conditions), (2024, number), folder=folder)


def measured(result: Result) -> dict[str, float]:
    """Return the means of a measurement; fail, saying why, if it is none."""
    assert isinstance(result, Measurement), f"expected a measurement, got {result}"
    return {name: outcome.mean for name, outcome in result.outcomes.items()}


def without_time(result: Result) -> dict[str, Any]:
    """Return a result as data, without what may differ between two equal experiments: time taken, sizes of files."""
    return result.model_dump(mode="json", exclude={"seconds", "files"})


class LabCases:
    """One test per promise that a lab makes to the rest of K-Genesis."""

    # ---- what you fill in ------------------------------------------------------------------------------------------

    @pytest.fixture
    def factory(self) -> Factory:
        """Return what the entry point names; a function of a module, so that another process can find it."""
        raise NotImplementedError

    @pytest.fixture
    def problem(self) -> Problem:
        """Return the space and objectives of a mission for the lab."""
        raise NotImplementedError

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        """Return conditions the lab can measure."""
        raise NotImplementedError

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Return the lab's settings."""
        return {}

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return the folder that relative paths in `settings` start from."""
        return tmp_path

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value] | None:
        """Return conditions that do not work; None if there are none."""
        return None

    @pytest.fixture
    def timeout(self) -> float:
        """Return the seconds that making the lab and measuring once may take in another process."""
        return 120.0

    # ---- what follows from it --------------------------------------------------------------------------------------

    @pytest.fixture
    def recipe(self, settings: Mapping[str, Any], problem: Problem, folder: Path) -> LabRecipe:
        """Return how another process makes the lab."""
        return LabRecipe("under-test", settings, problem.model_dump(mode="json"), str(folder))

    @pytest.fixture
    def lab(self, factory: Factory, settings: Mapping[str, Any], problem: Problem, folder: Path) -> Lab:
        """Return the lab under test."""
        return factory(PluginContext(settings=settings, problem=problem, folder=folder))

    # ---- the promises ----------------------------------------------------------------------------------------------

    def test_it_says_what_it_is(self, lab: Lab) -> None:
        assert isinstance(lab.name, str)
        assert lab.name
        assert isinstance(lab.is_physical, bool)
        assert lab.outcomes is None or isinstance(lab.outcomes, frozenset)
        assert lab.outcomes is None or lab.outcomes, (
            "an empty set says that it measures nothing; None, that it cannot know"
        )

    def test_its_version_is_the_same_each_time_it_is_made(
        self, lab: Lab, factory: Factory, settings: Mapping[str, Any], problem: Problem, folder: Path
    ) -> None:
        again = factory(PluginContext(settings=settings, problem=problem, folder=folder))
        assert isinstance(lab.version, str)
        assert lab.version.strip()
        assert again.version == lab.version

    def test_it_measures_every_outcome_the_problem_needs(
        self, lab: Lab, problem: Problem, conditions: Mapping[str, Value]
    ) -> None:
        found = measured(lab.measure(task_of(conditions)))
        assert set(problem.outcomes) <= set(found)
        assert all(math.isfinite(mean) for mean in found.values())

    def test_it_measures_what_it_declares(self, lab: Lab, conditions: Mapping[str, Value]) -> None:
        if lab.outcomes is None:
            pytest.skip("it cannot know its outcomes beforehand")
        assert lab.outcomes <= set(measured(lab.measure(task_of(conditions))))

    def test_the_same_seed_gives_the_same_result(self, lab: Lab, conditions: Mapping[str, Value]) -> None:
        if lab.is_physical:
            pytest.skip("no two physical experiments are the same")
        first, second = lab.measure(task_of(conditions)), lab.measure(task_of(conditions))
        assert without_time(first) == without_time(second)

    def test_the_order_of_experiments_does_not_matter(self, lab: Lab, conditions: Mapping[str, Value]) -> None:
        if lab.is_physical:
            pytest.skip("no two physical experiments are the same")
        first = lab.measure(task_of(conditions, 1))
        lab.measure(task_of(conditions, 2))
        assert without_time(lab.measure(task_of(conditions, 1))) == without_time(first)

    def test_conditions_that_do_not_work_are_a_failure_with_a_reason_in_both_languages(
        self, lab: Lab, infeasible_conditions: Mapping[str, Value] | None
    ) -> None:
        if infeasible_conditions is None:
            pytest.skip("it has no such conditions")
        result = lab.measure(task_of(infeasible_conditions))
        assert isinstance(result, Failure)
        assert result.reason.en
        assert result.reason.ko

    def test_a_result_survives_json(self, lab: Lab, conditions: Mapping[str, Value]) -> None:
        result = lab.measure(task_of(conditions))
        text = json.dumps(result.model_dump(mode="json"), allow_nan=False)
        assert type(result).model_validate_json(text) == result

    def test_a_task_is_left_as_it_was(self, lab: Lab, conditions: Mapping[str, Value], tmp_path: Path) -> None:
        task = task_of(conditions, folder=tmp_path / "experiment")
        before = copy.deepcopy(task)
        lab.measure(task)
        assert task == before

    def test_files_it_names_are_in_the_experiments_folder(
        self, lab: Lab, conditions: Mapping[str, Value], tmp_path: Path
    ) -> None:
        root = tmp_path / "experiment"
        for file in lab.measure(task_of(conditions, folder=root)).files:
            path = (root / file.name).resolve()
            assert root.resolve() in path.parents
            assert path.stat().st_size == file.size

    def test_nothing_is_written_to_standard_output(
        self, lab: Lab, conditions: Mapping[str, Value], capfd: pytest.CaptureFixture[str]
    ) -> None:
        lab.measure(task_of(conditions))
        assert not capfd.readouterr().out

    def test_a_setting_nobody_knows_is_refused(
        self, factory: Factory, settings: Mapping[str, Any], problem: Problem, folder: Path
    ) -> None:
        context = PluginContext(settings={**settings, "no-such-setting": 1}, problem=problem, folder=folder)
        with pytest.raises(InvalidSpec) as caught:
            factory(context)
        assert any("no-such-setting" in problem.field for problem in caught.value.problems)

    def test_it_works_in_another_process(
        self, lab: Lab, factory: Factory, recipe: LabRecipe, conditions: Mapping[str, Value], timeout: float
    ) -> None:
        task = task_of(conditions)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            version, result = pool.submit(_make_and_measure, factory, recipe, task).result(timeout)
        assert version == lab.version
        assert set(measured(result)) == set(measured(lab.measure(task)))
        if not lab.is_physical:
            assert without_time(result) == without_time(lab.measure(task))


def _make_and_measure(factory: Factory, recipe: LabRecipe, task: Task) -> tuple[str, Result]:
    """Make a lab as a worker does, from plain data, and measure one task."""
    json.dumps(recipe.settings)  # settings must be JSON: they cross to other machines
    problem = Problem.model_validate(recipe.problem)
    lab = factory(PluginContext(settings=recipe.settings, problem=problem, folder=Path(recipe.folder)))
    return lab.version, lab.measure(task)
