"""A small classifier: the data are what they are said to be, nothing leaks, and what it costs is counted right."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.experiment import Failure, Measurement, Task
from kgenesis.kernel.ids import ExperimentId

pytestmark = pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")

from kgenesis.labs.simulators.artificial_intelligence import small_model  # noqa: E402
from kgenesis.labs.simulators.artificial_intelligence.small_model import SmallModel  # noqa: E402

QUICK: dict[str, Any] = {
    "model": "landmarks", "width": 60, "pixels": 40, "regularisation": 0.01, "gamma": 0.3, "iterations": None,
    "share": "whole",
}  # fmt: skip


@pytest.fixture(scope="module")
def lab() -> SmallModel:
    return SmallModel()


def measured(lab: SmallModel, seed: int = 0, **changes: Any) -> dict[str, float]:
    result = lab.measure(Task(ExperimentId("exp_1"), 1, {**QUICK, **changes}, (0, seed)))
    assert isinstance(result, Measurement), result
    return {name: outcome.mean for name, outcome in result.outcomes.items()}


def test_the_data_and_a_support_vector_machine_are_as_recorded(lab: SmallModel) -> None:
    assert [check.holds for check in lab.checks()] == [True, True]


def test_the_test_set_is_disjoint_and_no_experiment_sees_it(lab: SmallModel) -> None:
    images, digits, unseen, truth = lab._data
    assert (len(images), len(unseen)) == (1347, 450)
    assert (np.bincount(truth) >= 43).all()
    blind = SmallModel()
    blind.__dict__["_data"] = (images, digits, np.full_like(unseen, np.nan), np.full_like(truth, -1))
    assert measured(blind) == measured(lab)


def test_labels_that_mean_nothing_are_read_no_better_than_by_chance() -> None:
    """With leakage from the outside of a fold, shuffled labels would be read better than one in ten."""
    lab = SmallModel()
    images, digits, unseen, truth = lab._data
    lab.__dict__["_data"] = (images, np.random.default_rng(1).permutation(digits), unseen, truth)
    for model in ("landmarks", "fourier"):
        assert measured(lab, model=model)["accuracy"] == pytest.approx(10, abs=3.5)


def test_cross_validation_and_the_exam_agree(lab: SmallModel) -> None:
    assert lab.exam(QUICK) == pytest.approx(measured(lab)["accuracy"], abs=4)
    with pytest.raises(ValueError, match="no model"):
        lab.exam({**QUICK, "gamma": None})


@pytest.mark.parametrize("model", ["mlp", "landmarks", "fourier"])
def test_every_model_learns(lab: SmallModel, model: str) -> None:
    own = {"gamma": None, "iterations": 40, "width": 16} if model == "mlp" else {"gamma": 0.1}
    assert measured(lab, model=model, **own)["accuracy"] > 85


def test_more_data_and_more_units_read_better(lab: SmallModel) -> None:
    assert measured(lab, share="quarter")["accuracy"] < measured(lab)["accuracy"]
    assert measured(lab, width=8)["accuracy"] < measured(lab, width=90)["accuracy"] - 5


def test_repeats_differ_by_their_seed_as_much_as_the_standard_error_says(lab: SmallModel) -> None:
    results = [
        lab.measure(Task(ExperimentId("exp_1"), 1, {**QUICK, "model": "fourier", "gamma": 0.1, "width": 90}, (0, i)))
        for i in range(12)
    ]
    outcomes = [result.outcomes["accuracy"] for result in results if isinstance(result, Measurement)]
    spread, said = np.std([o.mean for o in outcomes], ddof=1), np.mean([o.sem or 0.0 for o in outcomes])
    assert 0.3 < spread / said < 3


def test_weights_are_counted_as_they_are_stored() -> None:
    from sklearn.neural_network import MLPClassifier

    images = np.random.default_rng(0).random((50, 20))
    network = MLPClassifier((7,), max_iter=1, solver="lbfgs", random_state=0)
    with pytest.warns(match="converge"):
        network.fit(images, np.arange(50) % 10)
    stored = sum(weights.size for weights in [*network.coefs_, *network.intercepts_])
    assert small_model.size({"width": 7, "pixels": 20}) == stored


def test_training_costs_what_its_steps_cost(lab: SmallModel) -> None:
    network: dict[str, Any] = {"model": "mlp", "gamma": None, "width": 10, "regularisation": 1e-4}
    few, many = measured(lab, iterations=10, **network), measured(lab, iterations=20, **network)
    assert few["training"] == pytest.approx(6 * few["parameters"] * 898 * 10, rel=1e-6)
    assert many["training"] == pytest.approx(2 * few["training"], rel=1e-6)
    assert measured(lab, iterations=10, share="half", **network)["training"] == pytest.approx(few["training"] / 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "oracle"},
        {"share": "double"},
        {"gamma": None},
        {"pixels": 65},
        {"width": 0},
        {"regularisation": -1.0},
        {"gamma": -1.0},
    ],
)
def test_what_is_no_model_is_infeasible(lab: SmallModel, wrong: dict[str, Any]) -> None:
    result = lab.measure(Task(ExperimentId("exp_1"), 1, {**QUICK, **wrong}, (0, 0)))
    assert isinstance(result, Failure)
    assert result.kind == "infeasible"
