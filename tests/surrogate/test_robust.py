"""Outliers are found, and only they."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from kgenesis.surrogate.robust import find_outliers, pursue

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray


def data(seed: int, n: int = 40) -> tuple[FloatArray, FloatArray]:
    """Points on a line and a smooth outcome with noise of 0.1."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.random(n))
    return x, np.sin(6.0 * x) + 0.1 * rng.standard_normal(n)


def kernel(x: FloatArray, noise: float) -> FloatArray:
    return np.exp(-0.5 * ((x[:, None] - x) / 0.2) ** 2) + noise * np.eye(x.size)


def density(covariance: FloatArray, y: FloatArray) -> float:
    return float(multivariate_normal(np.zeros(y.size), covariance).logpdf(y))


def fitted(x: FloatArray, y: FloatArray, extra: FloatArray) -> FloatArray:
    """Learn the noise with extra noise given, as a fit of hyper-parameters would."""
    noises = np.geomspace(1e-4, 1.0, 25)
    best = max(noises, key=lambda noise: density(kernel(x, noise) + np.diag(extra), y))
    return kernel(x, best)


@pytest.mark.parametrize("seed", range(5))
def test_gross_errors_are_found_though_they_bend_the_fit(seed: int) -> None:
    x, y = data(seed)
    wrong = np.random.default_rng((seed, 1)).choice(40, 4, replace=False)
    y[wrong] += np.array([3.0, -3.0, 5.0, -8.0])
    extra, is_outlier = find_outliers(lambda extra: fitted(x, y, extra), y)
    assert set(wrong) <= set(np.flatnonzero(is_outlier))
    assert is_outlier.sum() <= 5
    assert (extra[is_outlier] > 1.0).sum() >= 4
    assert (extra[~is_outlier] == 0.0).all()
    np.testing.assert_allclose(np.diag(fitted(x, y, extra))[0], 1.01, atol=0.02)


def test_good_measurements_are_left_alone() -> None:
    flagged = 0
    for seed in range(20):
        x, y = data(seed)
        flagged += int(find_outliers(lambda extra, x=x, y=y: fitted(x, y, extra), y)[1].sum())  # type: ignore[misc]
    assert flagged <= 8  # of 800


def test_the_extra_noise_is_the_best_there_is() -> None:
    x, y = data(1)
    y[[5, 20]] += 4.0
    covariance = kernel(x, 0.01)
    extra = pursue(covariance, y)
    assert set(np.flatnonzero(extra)) == {5, 20}
    best = density(covariance + np.diag(extra), y)
    assert best > density(covariance, y) + 8.0
    for i in (5, 20):
        for factor in (0.9, 1.1):
            other = extra.copy()
            other[i] *= factor
            assert density(covariance + np.diag(other), y) < best


def test_known_noise_excuses() -> None:
    x, y = data(1)
    y[5] += 4.0
    covariance = kernel(x, 0.01)
    covariance[5, 5] += 16.0
    assert not pursue(covariance, y).any()


def test_no_more_than_a_quarter_are_called_outliers() -> None:
    x = np.linspace(0.0, 1.0, 20)
    y = np.random.default_rng(0).standard_normal(20) * 50.0
    assert (pursue(kernel(x, 1e-4), y) > 0.0).sum() <= 5


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_measurements_have_no_outliers(n: int) -> None:
    extra, is_outlier = find_outliers(lambda _: kernel(np.linspace(0.0, 1.0, n), 0.01), np.full(n, 9.0))
    assert not extra.any()
    assert not is_outlier.any()
