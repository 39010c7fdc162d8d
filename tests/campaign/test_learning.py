"""What surrogates are given to learn from: noise that replicates show, and each condition once."""

from collections.abc import Sequence

import numpy as np
import pytest

from kgenesis.campaign.learning import MIN_FREEDOM, merged, same_conditions, training_data
from kgenesis.kernel.experiment import Measurement, Observation, Outcome
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import TrainingData
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.sampling import sample
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import hill, make_mission, run_in_memory


def replicated(problem: Problem, sds: Sequence[float], n: int, seed: int = 0) -> list[Observation]:
    """Return `n` replicates of one random condition for each standard deviation."""
    rng = np.random.default_rng(seed)
    rows = problem.space.to_rows(sample(problem.space, len(sds), rng))
    seen = []
    for row, sd in zip(rows, sds, strict=True):
        for _ in range(n):
            y = Outcome(mean=hill(row)["y"] + sd * rng.standard_normal())
            seen.append(Observation(ExperimentId(f"exp_t_{len(seen):05d}"), row, Measurement(outcomes={"y": y})))
    return seen


def test_the_noise_that_replicates_show_is_known_from_then_on() -> None:
    problem = make_mission().problem
    data, _ = training_data(problem, "y", replicated(problem, [0.3] * 30, 3))
    assert np.sqrt(data.noise_variance) == pytest.approx(0.3, rel=0.25)


def test_without_replicates_the_noise_stays_unknown() -> None:
    problem = make_mission().problem
    assert np.isnan(training_data(problem, "y", replicated(problem, [0.3] * 30, 1))[0].noise_variance).all()
    few = replicated(problem, [0.3] * (MIN_FREEDOM - 1), 2)
    assert np.isnan(training_data(problem, "y", few)[0].noise_variance).all()


def test_replicates_in_plenty_tell_noisy_conditions_from_quiet_ones() -> None:
    problem = make_mission().problem
    sds = [0.01] * 6 + [1.0] * 6
    data, _ = training_data(problem, "y", replicated(problem, sds, 6))
    found = np.sqrt(data.noise_variance.reshape(12, 6))
    assert (found == found[:, :1]).all()
    assert found[:6].max() < 0.1
    assert found[6:].min() > 0.4


def test_equal_noise_is_rarely_taken_for_unequal() -> None:
    problem = make_mission().problem
    n_unequal = 0
    for seed in range(40):
        data, _ = training_data(problem, "y", replicated(problem, [0.3] * 8, 3, seed))
        n_unequal += len(np.unique(data.noise_variance)) > 1
    assert n_unequal <= 5


def test_what_is_declared_or_comes_with_a_measurement_goes_before() -> None:
    problem = make_mission(objectives=[{"name": "y", "goal": "minimize", "unit": "min", "noise": 0.2}]).problem
    seen = replicated(problem, [1.0] * 10, 3)
    assert training_data(problem, "y", seen)[0].noise_variance == pytest.approx(0.04)
    sure = Measurement(outcomes={"y": Outcome(mean=1.0, sem=0.5, n=4)})
    data, _ = training_data(problem, "y", [*seen, Observation(ExperimentId("exp_t_99999"), seen[0].conditions, sure)])
    assert data.noise_variance[-1] == pytest.approx(0.25)


def test_conditions_are_told_apart_by_context_as_measured() -> None:
    factors = [
        {"name": "t", "type": "real", "low": 0, "high": 1, "unit": "1"},
        {"name": "humidity", "type": "context", "low": 0, "high": 100, "unit": "percent"},
    ]
    space = make_mission(space={"factors": factors}).space
    values = np.array([[0.5, 10.0], [0.5, 10.0], [0.5, 20.0], [0.4, 10.0], [0.5, np.nan], [0.5, np.nan]])
    a, b, c, d, e, f = same_conditions(space, values).tolist()
    assert (a, e) == (b, f)
    assert len({a, c, d, e}) == 4


def test_merging_replicates_changes_no_belief_of_a_process_that_knows_the_noise() -> None:
    rng = np.random.default_rng(1)
    x = np.repeat(rng.random((8, 2)), 3, axis=0)
    y = np.sin(4 * x).sum(axis=1) + 0.3 * rng.standard_normal(24)
    data = TrainingData(x, y, rng.uniform(0.02, 0.4, 24), np.arange(2))
    once = merged(data)
    assert len(once.y) == 8

    def belief(rows: TrainingData) -> tuple[np.ndarray, np.ndarray]:  # a process with fixed hyper-parameters
        def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.exp(-4 * ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))

        at = np.linspace(0, 1, 10).repeat(2).reshape(10, 2)
        gain = np.linalg.solve(kernel(rows.x, rows.x) + np.diag(rows.noise_variance), kernel(rows.x, at)).T
        return gain @ rows.y, 1.0 - np.einsum("ij,ji->i", gain, kernel(rows.x, at))

    for whole, one in zip(belief(data), belief(once), strict=True):
        assert one == pytest.approx(whole, abs=1e-9)


def test_rows_whose_noise_is_not_known_are_not_merged() -> None:
    x = np.zeros((4, 1))
    data = TrainingData(x, np.arange(4.0), np.array([1.0, np.nan, 1.0, np.nan]), np.zeros(1, dtype=np.int64))
    once = merged(data)
    assert once.y.tolist() == [1.0, 1.0, 3.0]
    assert once.noise_variance[0] == pytest.approx(0.5)
    assert np.isnan(once.noise_variance[1:]).all()


def test_a_campaign_with_replicates_learns_from_each_condition_once() -> None:
    rng = np.random.default_rng(3)
    mission = make_mission(replicates=3, budget={"experiments": 30}, stop_when_reached=False)
    state = run_in_memory(mission, lambda c: {"y": hill(c)["y"] + 0.1 * rng.standard_normal()})
    data, places = training_data(mission.problem, "y", [e.observation() for e in state.measured()])
    assert len(places) == 30
    once = merged(data)
    assert len(once.y) == 10
    assert np.sqrt(once.noise_variance * 3) == pytest.approx(0.1, rel=0.5)
    posterior = GaussianProcess().posterior(once, rng)
    truth = np.array([hill(e.conditions)["y"] for e in state.measured()[::3]])
    assert np.abs(posterior.mean_and_variance(once.x)[0] - truth).mean() < 0.1
