"""The tree ensemble: honest about what it does not know, exact where the data are, never at a loss."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.surrogate.growing import Grower, SplitColumns
from kgenesis.surrogate.trees import Trees, make_trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from kgenesis.kernel.ports import FloatArray
    from kgenesis.surrogate.trees import TreesPosterior

GROUPS = np.array([0, 1, 2, 2, 2])


def mixed(n: int = 30, seed: int = 0, noise: float = 0.1) -> TrainingData:
    """Two numeric factors and one of three levels."""
    rng = np.random.default_rng(seed)
    x = np.hstack([rng.random((n, 2)), np.eye(3)[rng.integers(3, size=n)]])
    y = 20.0 + 7.0 * (np.sin(5.0 * x[:, 0]) + x[:, 1] ** 2 + x[:, 3]) + noise * rng.standard_normal(n)
    return TrainingData(x=x, y=y, noise_variance=np.full(n, np.nan), groups=GROUPS)


def learn(data: TrainingData, seed: int = 0) -> TreesPosterior:
    return Trees().posterior(data, np.random.default_rng(seed))


FUNCTIONS: dict[str, tuple[Callable[[FloatArray], FloatArray], float]] = {
    "smooth": (lambda x: np.sin(5.0 * x[:, 0]) + x[:, 1] ** 2 + x[:, 2], 0.0),
    "step": (lambda x: 2.0 * (x[:, 0] > 0.4) + (x[:, 1] > 0.7) * (x[:, 2] < 0.5), 0.0),
    "noisy": (lambda x: x[:, 0] + np.sin(6.0 * x[:, 1]), 0.5),
}


def foretell(kind: str, n: int, seed: int) -> dict[str, float]:
    """Coverage of 90 % intervals and log score on fresh points, and the log score that leave-one-out promises."""
    function, noise = FUNCTIONS[kind]
    rng = np.random.default_rng((n, seed))
    x = rng.random((n + 300, 4))
    y = function(x) + noise * rng.standard_normal(n + 300)
    posterior = learn(TrainingData(x[:n], y[:n], np.full(n, np.nan), np.arange(4)))
    mean, variance = posterior.mean_and_variance(x[n:])
    sd = np.sqrt(variance + posterior.noise_sd**2)
    loo_mean, loo_variance = posterior.leave_one_out()
    return {
        "coverage": float((np.abs(y[n:] - mean) <= norm.ppf(0.95) * sd).mean()),
        "score": float(norm.logpdf(y[n:], mean, sd).mean()),
        "promised": float(norm.logpdf(y[:n], loo_mean, np.sqrt(loo_variance)).mean()),
    }


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_nine_of_ten_fresh_points_lie_in_their_interval_and_leave_one_out_foretells_the_score(kind: str) -> None:
    found = [foretell(kind, n, seed) for n in (10, 20, 40, 100) for seed in range(8)]
    coverage, score, promised = (np.array([f[key] for f in found]) for key in ("coverage", "score", "promised"))
    assert 0.85 <= coverage.mean() <= 0.95
    assert (coverage.reshape(4, 8).mean(axis=1) > 0.8).all()
    # ten points foretell little one by one, so what is promised is compared on average
    assert abs(np.median(promised - score)) < 0.25


def test_joint_prediction_agrees_with_single_predictions_and_is_a_covariance() -> None:
    data = mixed()
    posterior, at = learn(data), np.vstack([mixed(25, seed=4).x, data.x[:5]])
    mean, covariance = posterior.joint(at)
    single_mean, single_variance = posterior.mean_and_variance(at)
    np.testing.assert_allclose(mean, single_mean, rtol=1e-10)
    np.testing.assert_allclose(np.diag(covariance), single_variance, rtol=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9 * covariance.max()
    assert covariance[0, 1:25].max() > 0.0


def test_predictions_in_blocks_equal_predictions_one_by_one() -> None:
    posterior, at = learn(mixed()), mixed(1100, seed=4).x
    mean, variance = posterior.mean_and_variance(at)
    for i in (0, 511, 512, 1099):
        one, its = posterior.mean_and_variance(at[i : i + 1])
        assert (one[0], its[0]) == pytest.approx((mean[i], variance[i]), rel=1e-12)


def test_a_point_known_exactly_is_met_and_a_noisy_one_is_not() -> None:
    data = mixed(20)
    exact = learn(replace(data, noise_variance=np.zeros(20)))
    mean, variance = exact.mean_and_variance(data.x)
    np.testing.assert_allclose(mean, data.y, rtol=1e-6)
    assert np.sqrt(variance).max() < 1e-3 * data.y.std()
    noisy = learn(replace(data, noise_variance=np.full(20, 4.0 * data.y.var())))
    mean, variance = noisy.mean_and_variance(data.x)
    assert np.abs(mean - data.y).max() > 0.5 * data.y.std()
    assert variance.min() > 0.01 * data.y.var()
    assert noisy.noise_sd == pytest.approx(2.0 * data.y.std())


def test_replicates_show_the_noise() -> None:
    rng = np.random.default_rng(1)
    x = np.repeat(rng.random((15, 2)), 4, axis=0)
    y = 5.0 * x[:, 0] + 0.7 * rng.standard_normal(60)
    posterior = learn(TrainingData(x, y, np.full(60, np.nan), np.arange(2)))
    assert 0.4 < posterior.noise_sd < 1.2


def test_between_the_data_the_variance_does_not_vanish() -> None:
    data = mixed(40, noise=0.0)
    _, variance = learn(data).mean_and_variance(mixed(300, seed=9, noise=0.0).x)
    assert variance.min() > 1e-3 * data.y.var()


def test_a_categorical_factor_counts_as_one_factor() -> None:
    rng = np.random.default_rng(0)
    level = rng.integers(12, size=200)
    x = np.hstack([rng.random((200, 1)), np.eye(12)[level]])
    layout = SplitColumns.find(x, np.array([0] + [1] * 12), rng)
    assert [pool.size for pool in layout.pools] == [1, 16]
    y = rng.standard_normal(200)
    grower = Grower(layout.of(x), layout.pools, y, np.ones(200), 2, rng)
    forest = grower.grow(np.ones((64, 200), dtype=bool))
    # neither factor explains anything, so near the roots each is chosen about as often as the other
    assert 0.4 < (forest.column[: 64 * 7] == 0).mean() < 0.6


def test_levels_that_act_alike_are_found_together() -> None:
    rng = np.random.default_rng(3)
    good = np.arange(20) % 2 == 0
    level = rng.integers(20, size=120)
    x = np.eye(20)[level]
    data = TrainingData(x, 3.0 * good[level], np.full(120, np.nan), np.zeros(20, dtype=np.int64))
    mean, _ = learn(data).mean_and_variance(np.eye(20))
    assert np.abs(mean - 3.0 * good).max() < 0.3


def test_what_matters_has_a_short_lengthscale() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((80, 4))
    lengthscales = learn(TrainingData(x, x[:, 2] ** 2, np.full(80, np.nan), np.arange(4))).lengthscales
    assert lengthscales.argmin() == 2
    assert lengthscales[2] < 1.3
    assert np.delete(lengthscales, 2).min() > 2.0


def test_what_is_imagined_sharpens_the_belief_there_and_pulls_it() -> None:
    data = mixed(30)
    posterior, at = learn(data), mixed(3, seed=5).x
    before, variance = posterior.mean_and_variance(at)
    after, sharper = posterior.condition_on(at, before + 20.0).mean_and_variance(at)
    assert (sharper < variance).all()
    assert (after > before + 1.0).all()


def test_conditioning_on_what_is_known_and_on_replicates_keeps_count() -> None:
    data = mixed(30)
    posterior = learn(data)
    again = posterior.condition_on(data.x[:4], data.y[:4]).condition_on(mixed(2, seed=8).x, np.array([1.0, 2.0]))
    mean, variance = again.leave_one_out()
    assert mean.shape == variance.shape == (36,)
    # the first four measurements have a replicate now, which foretells them
    before = np.abs(posterior.leave_one_out()[0][:4] - data.y[:4])
    assert (np.abs(mean[:4] - data.y[:4]) < before).all()


def test_units_of_the_outcome_do_not_matter() -> None:
    data, at = mixed(25), mixed(50, seed=4).x
    mean, variance = learn(data).mean_and_variance(at)
    big_mean, big_variance = learn(replace(data, y=1e9 * data.y - 4e8)).mean_and_variance(at)
    np.testing.assert_allclose(big_mean, 1e9 * mean - 4e8, rtol=1e-9)
    np.testing.assert_allclose(big_variance, 1e18 * variance, rtol=1e-8)


def test_the_same_seed_gives_the_same_forest_and_another_seed_another() -> None:
    data, at = mixed(25), mixed(20, seed=4).x
    means = [learn(data, seed).mean_and_variance(at)[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(means[0], means[1])
    assert (means[0] != means[2]).any()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 12),
    d=st.integers(1, 6),
    scale=st.sampled_from([0.0, 1e-150, 1e-6, 1.0, 1e8, 1e150]),
    shift=st.sampled_from([0.0, -3.0, 1e6]),
    levels=st.integers(1, 5),
    noise=st.sampled_from([np.nan, 0.0, 1e-3, 1e280]),
    seed=st.integers(0, 2**20),
)
def test_nothing_ever_comes_out_as_nan(
    n: int, d: int, scale: float, shift: float, levels: int, noise: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(levels, size=(n, d)) / max(1, levels - 1)
    data = TrainingData(x, scale * rng.standard_normal(n) + shift, np.full(n, noise), rng.permutation(d))
    posterior = learn(data)
    at = np.vstack([x, rng.random((5, d))])
    posterior = posterior.condition_on(at, posterior.mean_and_variance(at)[0])
    for values in [*posterior.joint(at), *posterior.mean_and_variance(at), *posterior.leave_one_out()]:
        assert np.isfinite(values).all()
    assert np.isfinite(posterior.lengthscales).all()
    assert np.isfinite(posterior.noise_sd)
    assert (posterior.mean_and_variance(at)[1] >= 0.0).all()


def test_many_rows_and_columns_are_managed() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((1500, 60))
    data = TrainingData(x, x[:, 0] + 0.1 * rng.standard_normal(1500), np.full(1500, np.nan), np.arange(60) // 4)
    at = rng.random((50, 60))
    mean, variance = learn(data).mean_and_variance(at)
    assert np.corrcoef(mean, at[:, 0])[0, 1] > 0.8
    assert np.isfinite(variance).all()


@pytest.mark.parametrize(
    "change",
    [
        {"y": np.array([1.0, np.nan, 2.0])},
        {"x": np.full((3, 5), np.inf)},
        {"y": np.zeros(2)},
        {"groups": np.array([0, 1])},
    ],
)
def test_unusable_data_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"finite|expected"):
        learn(replace(mixed(3), **change))


def test_the_factory_makes_the_default_and_refuses_settings() -> None:
    assert isinstance(make_trees(PluginContext()), Trees)
    with pytest.raises(InvalidSpec, match="depth"):
        make_trees(PluginContext(settings={"depth": 3}))
