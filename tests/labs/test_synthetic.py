"""The lab `synthetic`: its formulas are the published ones."""

import math
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.synthetic import SyntheticLab, make_lab
from kgenesis.testing.labs import measured, task_of

HARTMANN_BEST = [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]


def lab_of(**settings: Any) -> SyntheticLab:
    """Return the lab with these settings."""
    return make_lab(PluginContext(settings=settings))


@pytest.mark.parametrize(
    ("function", "conditions", "best"),
    [
        ("flat", {"anything": "at all"}, 0.0),
        ("branin", {"x1": math.pi, "x2": 2.275}, 0.397887),
        ("branin", {"x1": -math.pi, "x2": 12.275}, 0.397887),
        ("branin", {"x1": 3 * math.pi, "x2": 2.475}, 0.397887),
        ("hartmann6", {f"x{i}": x for i, x in enumerate(HARTMANN_BEST, start=1)}, -3.32237),
        ("mixture", {"a": 0.5, "b": 0.3, "c": 0.2}, 1.0),
        ("disc", {"x1": -(0.5**0.5), "x2": -(0.5**0.5)}, -(2**0.5)),
    ],
)
def test_a_formula_has_its_published_best_value(function: str, conditions: dict[str, Any], best: float) -> None:
    found = measured(lab_of(function=function).measure(task_of(conditions)))
    assert found["value"] == pytest.approx(best, abs=1e-5)


def test_noise_has_the_size_asked_for() -> None:
    lab = lab_of(function="flat", noise=2.0)
    values = [measured(lab.measure(task_of({}, n)))["value"] for n in range(500)]
    assert np.std(values) == pytest.approx(2.0, rel=0.1)
    assert abs(np.mean(values)) < 0.3


def test_as_many_experiments_crash_as_asked_for() -> None:
    lab = lab_of(function="flat", failure_rate=0.3)
    crashed = [isinstance(lab.measure(task_of({}, n)), Failure) for n in range(500)]
    assert np.mean(crashed) == pytest.approx(0.3, abs=0.06)


def test_the_version_tells_labs_apart_that_give_other_outcomes() -> None:
    settings: list[dict[str, Any]] = [{}, {"noise": 0.1}, {"failure_rate": 0.1}, {"infeasible_above": 0.0}]
    versions = [lab_of(function="disc", **more).version for more in settings]
    assert len(set(versions)) == 4
    assert lab_of(function="disc", seconds=0.1).version == versions[0]


def test_a_mission_without_the_factors_of_the_formula_is_refused() -> None:
    data = {
        "space": {"factors": [{"name": "x1", "type": "real", "low": 0, "high": 1, "unit": "1"}]},
        "objectives": [{"name": "value", "goal": "minimize", "unit": "1"}],
    }
    with pytest.raises(InvalidSpec, match="settings are not valid") as caught:
        make_lab(PluginContext(settings={"function": "branin"}, problem=Problem.model_validate(data)))
    assert "x2" in caught.value.problems[0].text.en
