"""The Gaussian process: right against brute force, and never at a loss."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.surrogate.fitting import MarginalLikelihood, Prior, column_scales, factor_distances
from kgenesis.surrogate.gp import FIT_ROWS, GaussianProcess, _Case, _condition, make_gp

if TYPE_CHECKING:
    from kgenesis.kernel.ports import IntArray
    from kgenesis.surrogate.mixture import MixturePosterior

GROUPS = np.array([0, 1, 2, 2, 2])


def make_data(n: int = 14, seed: int = 0, groups: IntArray = GROUPS, noise: float = 0.1) -> TrainingData:
    """Two numeric factors and one of three levels."""
    rng = np.random.default_rng(seed)
    x = np.hstack([rng.random((n, 2)), np.eye(3)[rng.integers(3, size=n)]])
    y = 20.0 + 7.0 * (np.sin(5.0 * x[:, 0]) + x[:, 1] ** 2 + x[:, 3]) + noise * rng.standard_normal(n)
    return TrainingData(x=x, y=y, noise_variance=np.full(n, np.nan), groups=groups)


def learn(data: TrainingData) -> MixturePosterior:
    return GaussianProcess().posterior(data, np.random.default_rng(0))


def refit_with_same_hyperparameters(posterior: MixturePosterior, data: TrainingData) -> MixturePosterior:
    rows = np.arange(data.y.size)
    components = tuple(
        _condition(c.hyperparameters, _Case.of(data, rows, (c.centre, c.scale))) for c in posterior.components
    )
    return replace(posterior, components=components)


@pytest.mark.parametrize("is_isotropic", [False, True])
def test_the_slope_of_the_marginal_likelihood_agrees_with_finite_differences(*, is_isotropic: bool) -> None:
    data = make_data()
    distances = factor_distances(data.x * column_scales(data.x, data.groups), data.groups)
    if is_isotropic:
        distances = distances.sum(axis=0, keepdims=True)
    known = np.where(np.arange(data.y.size) % 2, np.nan, np.linspace(0.0, 0.2, data.y.size))
    target = MarginalLikelihood(distances, (data.y - 20.0) / 7.0, known, Prior(0.3, 1.2, 0.7))
    theta = np.array([*np.linspace(-1.0, 0.7, distances.shape[0]), 0.4, -3.0])
    _, slope = target(theta)
    for i, step in enumerate(np.eye(theta.size) * 1e-5):
        assert slope[i] == pytest.approx((target(theta + step)[0] - target(theta - step)[0]) / 2e-5, rel=1e-5, abs=1e-6)


def test_the_marginal_likelihood_is_the_density_of_the_outcomes() -> None:
    data = make_data(6)
    scaled = data.x * column_scales(data.x, data.groups)
    y = (data.y - 20.0) / 7.0
    prior = Prior(0.3, 1.2, 0.7)
    theta = np.array([-0.2, 0.1, 0.5, 0.3, -3.0])
    r = np.sqrt(5.0) * np.linalg.norm((scaled[:, None] - scaled[None]) / np.exp(theta[:3])[GROUPS], axis=2)
    covariance = np.exp(0.3) * (1.0 + r + r**2 / 3.0) * np.exp(-r) + 1.0 + (np.exp(-3.0) + 1e-8) * np.eye(6)
    expected = multivariate_normal(np.zeros(6), covariance).logpdf(y)
    centres, spreads = np.array([0.3, 0.3, 0.3, 0.0, -3.0]), np.array([1.2, 1.2, 1.2, 0.7, 1.5])
    expected += norm.logpdf(theta, centres, spreads).sum() - norm.logpdf(0.0, 0.0, spreads).sum()
    value, _ = MarginalLikelihood(factor_distances(scaled, GROUPS), y, np.full(6, np.nan), prior)(theta)
    assert value == pytest.approx(-expected, rel=1e-9)


def test_two_levels_of_a_category_are_one_apart() -> None:
    x = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.5, 0.0, 0.0, 1.0]])
    groups = np.array([0, 1, 1, 1])
    distances = factor_distances(x * column_scales(x, groups), groups)
    assert distances[1] == pytest.approx([1.0, 1.0, 1.0])
    assert distances[0] == pytest.approx([0.0, 0.25, 0.25])


def test_descriptor_columns_span_at_most_a_distance_of_one() -> None:
    x = np.array([[0.0, 0.0], [1.0, 1.0], [0.2, 0.7]])
    groups = np.array([0, 0])
    assert factor_distances(x * column_scales(x, groups), groups).max() == pytest.approx(1.0)


def test_a_quiet_smooth_response_is_predicted_closely() -> None:
    posterior = learn(make_data(80, noise=0.01))
    test = make_data(40, seed=1, noise=0.0)
    mean, variance = posterior.mean_and_variance(test.x)
    assert np.abs(mean - test.y).max() < 1.0
    assert np.mean(np.abs(mean - test.y) < 3.0 * np.sqrt(variance)) > 0.9


def test_a_factor_without_effect_gets_a_longer_lengthscale() -> None:
    rng = np.random.default_rng(3)
    x = rng.random((60, 2))
    data = TrainingData(x, np.sin(6.0 * x[:, 0]), np.full(60, np.nan), np.array([0, 1]))
    lengthscales = learn(data).lengthscales
    assert lengthscales.shape == (2,)
    assert lengthscales[1] > 3.0 * lengthscales[0]


def test_learned_noise_is_near_the_true_noise() -> None:
    assert learn(make_data(150, noise=1.5)).noise_sd == pytest.approx(1.5, rel=0.35)


def test_known_noise_makes_an_observation_count_less() -> None:
    data = make_data(12)
    loud = replace(data, noise_variance=np.where(np.arange(12) == 4, 1e4, np.nan))
    silent = replace(data, noise_variance=np.where(np.arange(12) == 4, 0.0, np.nan))
    at = data.x[4:5]
    assert learn(loud).mean_and_variance(at)[1][0] > 5.0 * learn(silent).mean_and_variance(at)[1][0]


def test_leaving_one_out_equals_refitting_without_it() -> None:
    data = replace(make_data(10), noise_variance=np.where(np.arange(10) % 2, 0.3, np.nan))
    posterior = learn(data)
    mean, variance = posterior.leave_one_out()
    for i in range(10):
        keep = np.arange(10) != i
        rest = replace(data, x=data.x[keep], y=data.y[keep], noise_variance=data.noise_variance[keep])
        known = data.noise_variance[i]
        for whole, part in zip(
            posterior.components, refit_with_same_hyperparameters(posterior, rest).components, strict=True
        ):
            loo_mean, loo_variance = (v[i] for v in whole.leave_one_out())
            m, v = part.mean_and_variance(data.x[i : i + 1])
            assert loo_mean == pytest.approx(m[0], rel=1e-6)
            noise = whole.noise_sd**2 if np.isnan(known) else known  # learned only where it is not known
            assert loo_variance == pytest.approx(v[0] + noise + 1e-8 * whole.scale**2, rel=1e-6)
    assert np.isfinite(mean).all()
    assert (variance > 0.0).all()


def test_conditioning_equals_refitting_with_the_same_hyperparameters() -> None:
    data, more = make_data(12), make_data(5, seed=9)
    posterior = learn(data)
    quick = posterior.condition_on(more.x[:2], more.y[:2]).condition_on(more.x[2:], more.y[2:])
    both = TrainingData(np.vstack([data.x, more.x]), np.concatenate([data.y, more.y]), np.full(17, np.nan), data.groups)
    slow = refit_with_same_hyperparameters(posterior, both)
    at = make_data(30, seed=4).x
    for a, b in zip(quick.joint(at), slow.joint(at), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_believing_the_mean_keeps_the_mean_of_one_process_and_shrinks_the_variance() -> None:
    posterior = learn(make_data(12)).components[0]
    at = make_data(30, seed=4).x
    mean, variance = posterior.mean_and_variance(at)
    after_mean, after_variance = posterior.condition_on(at[:3], mean[:3]).mean_and_variance(at)
    np.testing.assert_allclose(after_mean, mean, rtol=1e-6)
    assert (after_variance <= variance * (1.0 + 1e-9)).all()
    assert (after_variance[:3] < variance[:3]).all()


def test_joint_prediction_agrees_with_single_predictions_and_is_a_covariance() -> None:
    posterior = learn(make_data(12))
    at = make_data(25, seed=4).x
    mean, covariance = posterior.joint(at)
    single_mean, single_variance = posterior.mean_and_variance(at)
    np.testing.assert_allclose(mean, single_mean, rtol=1e-10)
    np.testing.assert_allclose(np.diag(covariance), single_variance, rtol=1e-6, atol=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > -1e-8 * covariance.max()


def test_predictions_in_blocks_equal_predictions_one_by_one() -> None:
    posterior = learn(make_data(100))
    at = make_data(600, seed=4).x
    mean, variance = posterior.mean_and_variance(at)
    pairs = [posterior.mean_and_variance(at[i : i + 1]) for i in (0, 299, 599)]
    np.testing.assert_allclose(mean[[0, 299, 599]], [m[0] for m, _ in pairs], rtol=1e-10)
    np.testing.assert_allclose(variance[[0, 299, 599]], [v[0] for _, v in pairs], rtol=1e-6)


def test_units_of_the_outcome_do_not_matter() -> None:
    data = make_data(15)
    at = make_data(20, seed=4).x
    mean, variance = learn(data).mean_and_variance(at)
    big_mean, big_variance = learn(replace(data, y=1e9 * data.y - 4e8)).mean_and_variance(at)
    np.testing.assert_allclose(big_mean, 1e9 * mean - 4e8, rtol=1e-3)
    np.testing.assert_allclose(big_variance, 1e18 * variance, rtol=1e-2)


def test_it_says_who_speaks() -> None:
    posterior = learn(make_data(6))
    assert posterior.voices == {"gp-ard": 0.5, "gp-isotropic": 0.5}
    assert posterior.components[0].voices == {"gp": 1.0}
    twice = GaussianProcess([Prior(0.0, 1.0, 1.0), Prior(1.0, 1.0, 1.0)])
    assert twice.posterior(make_data(6), np.random.default_rng(0)).voices == {"gp-ard": 1.0}


def test_the_same_data_give_the_same_posterior() -> None:
    data = make_data(FIT_ROWS + 50)
    at = make_data(20, seed=4).x
    np.testing.assert_array_equal(learn(data).mean_and_variance(at)[0], learn(data).mean_and_variance(at)[0])


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 12),
    d=st.integers(1, 6),
    scale=st.sampled_from([0.0, 1e-60, 1e-6, 1.0, 1e8, 1e60]),
    shift=st.sampled_from([0.0, -3.0, 1e6]),
    levels=st.integers(1, 5),
    seed=st.integers(0, 2**20),
)
def test_nothing_ever_comes_out_as_nan(n: int, d: int, scale: float, shift: float, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(levels, size=(n, d)) / max(1, levels - 1)
    data = TrainingData(x, scale * rng.standard_normal(n) + shift, np.full(n, np.nan), rng.permutation(d))
    posterior = learn(data)
    at = np.vstack([x, rng.random((5, d))])
    posterior = posterior.condition_on(at, posterior.mean_and_variance(at)[0])
    results = [*posterior.joint(at), *posterior.mean_and_variance(at), *posterior.leave_one_out()]
    for values in [*results, posterior.lengthscales, np.array(posterior.noise_sd)]:
        assert np.isfinite(values).all()
    assert (posterior.mean_and_variance(at)[1] >= 0.0).all()


def test_a_single_observation_is_believed_near_itself_and_unsure_elsewhere() -> None:
    posterior = learn(TrainingData(np.array([[0.2]]), np.array([5.0]), np.array([np.nan]), np.array([0])))
    mean, variance = posterior.mean_and_variance(np.array([[0.2], [1.0]]))
    assert mean[0] == pytest.approx(5.0)
    assert variance[1] > variance[0] > 0.0


def test_a_thousand_rows_of_sixty_columns_are_managed() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((1000, 60))
    data = TrainingData(x, x[:, 0] + 0.1 * rng.standard_normal(1000), np.full(1000, np.nan), np.arange(60) // 4)
    mean, variance = learn(data).mean_and_variance(x[:50])
    assert np.corrcoef(mean, x[:50, 0])[0, 1] > 0.8
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
        learn(replace(make_data(3), **change))


def test_the_factory_makes_the_default_and_refuses_settings() -> None:
    assert isinstance(make_gp(PluginContext()), GaussianProcess)
    with pytest.raises(InvalidSpec, match="kernel"):
        make_gp(PluginContext(settings={"kernel": "rbf"}))
