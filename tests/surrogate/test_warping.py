"""What is bent comes back straight, and a process that may bend predicts better where something is skewed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.surrogate.gp import GaussianProcess, Settings, make_gp
from kgenesis.surrogate.warping import inverse_yeo_johnson, likely_bend, log_slope, yeo_johnson


@given(st.floats(-1.0, 3.0), st.lists(st.floats(-6.0, 6.0), min_size=1, max_size=9))
def test_bending_outcomes_can_be_undone(bend, outcomes):
    z = np.array(outcomes)
    t = yeo_johnson(z, bend)
    assert (np.diff(t[np.argsort(z)]) >= 0).all()
    assert inverse_yeo_johnson(t, bend) == pytest.approx(z, abs=1e-6)


@pytest.mark.parametrize("bend", [-0.5, 0.0, 1.0, 2.0, 2.5])
def test_the_change_of_variable_is_that_of_finite_differences(bend):
    z = np.linspace(-2.0, 2.0, 7) + 0.01
    slopes = (yeo_johnson(z + 1e-6, bend) - yeo_johnson(z - 1e-6, bend)) / 2e-6
    assert log_slope(z, bend) == pytest.approx(np.log(slopes).sum(), abs=1e-5)


def test_normal_outcomes_are_left_alone_and_skewed_ones_are_not():
    drawn = np.random.default_rng(0).standard_normal(60)
    assert abs(likely_bend(drawn) - 1.0) < 0.35
    skewed = np.exp(1.5 * drawn)
    assert likely_bend((skewed - skewed.mean()) / skewed.std()) < 0.3


def log_score(posterior, x, y):
    mean, variance = posterior.mean_and_variance(x)
    variance = variance + posterior.noise_sd**2
    return float(np.mean(-0.5 * np.log(variance) - 0.5 * (y - mean) ** 2 / variance))


def mean_log_score(settings, response, n_seeds=4, n=40):
    found = []
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        x, fresh = rng.random((n, 2)), rng.random((200, 2))
        data = TrainingData(x, response(x, rng), np.full(n, np.nan), np.arange(2))
        posterior = GaussianProcess(settings=settings).posterior(data, rng)
        found.append(log_score(posterior, fresh, response(fresh, rng)))
    return np.mean(found)


def test_skewed_outcomes_are_foretold_better_where_they_may_be_bent():
    def response(x, rng):
        return np.exp(3.0 * np.sin(3.0 * x[:, 0]) * x[:, 1] + 0.2 * rng.standard_normal(len(x)))

    assert mean_log_score(Settings(output="yeo-johnson"), response) > mean_log_score(Settings(), response) + 0.1


def test_a_factor_that_matters_only_at_one_end_may_be_bent():
    def response(x, rng):
        return np.sin(9.0 * x[:, 0] ** 3) + 0.02 * rng.standard_normal(len(x))

    assert mean_log_score(Settings(input="powers"), response) > mean_log_score(Settings(), response) + 0.1


def test_a_bent_posterior_keeps_the_promises_of_any_posterior():
    rng = np.random.default_rng(3)
    x = rng.random((30, 2))
    data = TrainingData(x, np.exp(4 * x[:, 0]), np.full(30, np.nan), np.arange(2))
    posterior = GaussianProcess(settings=Settings(output="yeo-johnson", input="powers")).posterior(data, rng)
    fresh = rng.random((12, 2))
    mean, variance = posterior.mean_and_variance(fresh)
    joint_mean, covariance = posterior.joint(fresh)
    assert joint_mean == pytest.approx(mean, rel=1e-6)
    assert np.diagonal(covariance) == pytest.approx(variance, rel=1e-4, abs=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > -1e-8 * covariance.max()
    known = posterior.condition_on(fresh[:1], mean[:1])
    assert known.mean_and_variance(fresh[:1])[1][0] < variance[0]


def test_gross_errors_do_not_bend_a_process_that_discounts_outliers():
    rng = np.random.default_rng(1)
    x = rng.random((40, 2))
    truth = np.sin(3 * x[:, 0]) + x[:, 1]
    y = truth + 0.02 * rng.standard_normal(40)
    y[[3, 17]] += 6.0
    fresh = rng.random((200, 2))
    right = np.sin(3 * fresh[:, 0]) + fresh[:, 1]
    misses = {}
    for outliers in ("believed", "discounted"):
        data = TrainingData(x, y, np.full(40, np.nan), np.arange(2))
        posterior = GaussianProcess(settings=Settings(outliers=outliers)).posterior(data, rng)
        misses[outliers] = float(np.abs(posterior.mean_and_variance(fresh)[0] - right).mean())
    assert misses["discounted"] < 0.5 * misses["believed"]


def test_settings_that_do_not_exist_are_named():
    with pytest.raises(InvalidSpec, match="lengthscales"):
        make_gp(PluginContext(settings={"lengthscales": ["long"]}))
    weak = make_gp(PluginContext(settings={"lengthscales": ["weak"]}))
    x = np.random.default_rng(0).random((8, 2))
    assert weak.posterior(
        TrainingData(x, x[:, 0], np.full(8, np.nan), np.arange(2)), np.random.default_rng(0)
    ).voices == {"gp-ard": 1.0}  # fmt: skip
