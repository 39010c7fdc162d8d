"""The conformance suite of surrogates: subclass `SurrogateCases`, say how yours is made, and pytest does the rest.

    class TestMySurrogate(SurrogateCases):
        @pytest.fixture
        def factory(self):
            return make_surrogate  # what the entry point names

Further fixtures you may override: `settings`, `asymmetry`, `precision`.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import FloatArray, PluginContext, Posterior, Surrogate, TrainingData

Factory = Callable[[PluginContext], Surrogate]

GROUPS = np.array([0, 1, 2, 2, 2])
"""Two numbers and a factor of three levels in one-hot columns."""


def points(n: int, seed: int = 0) -> FloatArray:
    """Return encoded points (n, 5) of two numbers and a factor of three levels."""
    rng = np.random.default_rng((seed, 1))
    return np.hstack([rng.random((n, 2)), np.eye(3)[rng.integers(3, size=n)]])


def response(x: FloatArray) -> FloatArray:
    """Return a smooth outcome (n,) of such points."""
    return np.asarray(20.0 + 7.0 * (np.sin(3.0 * x[:, 0]) + x[:, 1] ** 2 + x[:, 3]))


def measured(n: int, seed: int = 0, noise: float = 0.0) -> TrainingData:
    """Return `n` measurements of `response` with Gaussian noise of this standard deviation."""
    x = points(n, seed)
    y = response(x) + noise * np.random.default_rng((seed, 2)).standard_normal(n)
    return TrainingData(x, y, np.full(n, np.nan), GROUPS)


def learn(surrogate: Surrogate, data: TrainingData, seed: int = 0) -> Posterior:
    """Fit with chance from `seed`."""
    return surrogate.posterior(data, np.random.default_rng(seed))


@contextmanager
def strictly() -> Iterator[None]:
    """Treat as an error whatever NumPy only warns of: overflow, invalid values, division by zero."""
    with warnings.catch_warnings(), np.errstate(over="raise", divide="raise", invalid="raise"):
        warnings.simplefilter("error", RuntimeWarning)
        yield


class SurrogateCases:
    """What every surrogate must do."""

    @pytest.fixture
    def factory(self) -> Factory:
        """Return what the entry point names."""
        raise NotImplementedError

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Return the surrogate's settings."""
        return {}

    @pytest.fixture
    def asymmetry(self) -> float:
        """How far predictions may move when factors change places, as a share of the spread of outcomes.

        More than rounding only where chance is drawn column by column, as in a forest.
        """
        return 0.01

    @pytest.fixture
    def precision(self) -> float:
        """How far predictions may move when the outcome's unit changes, as a share of the spread of outcomes."""
        return 1e-6

    @pytest.fixture
    def surrogate(self, factory: Factory, settings: Mapping[str, Any]) -> Surrogate:
        """Return the surrogate as a planner would make it."""

        def make_other(group: str, name: str, other: Mapping[str, Any]) -> Any:
            return make_plugin(group, name, PluginContext(settings=other))

        return factory(PluginContext(settings=settings, make=make_other))

    def check(self, posterior: Posterior, at: FloatArray, n: int, n_factors: int) -> None:
        """Assert what holds for any posterior from n measurements, seen at points (m, d)."""
        mean, variance = posterior.mean_and_variance(at)
        joint_mean, covariance = posterior.joint(at)
        loo_mean, loo_variance = posterior.leave_one_out()
        assert mean.shape == variance.shape == joint_mean.shape == (len(at),)
        assert covariance.shape == (len(at), len(at))
        assert loo_mean.shape == loo_variance.shape == (n,)
        assert posterior.lengthscales.shape == (n_factors,)
        # a space may be used up
        assert [values.shape for values in posterior.mean_and_variance(at[:0])] == [(0,), (0,)]
        for values in (mean, variance, joint_mean, covariance, loo_mean, loo_variance, posterior.lengthscales):
            assert np.isfinite(values).all()
        assert (variance >= 0.0).all()
        assert (loo_variance > 0.0).all()
        assert (posterior.lengthscales > 0.0).all()
        assert np.isfinite(posterior.noise_sd)
        assert posterior.noise_sd >= 0.0
        assert sum(posterior.voices.values()) == pytest.approx(1.0)
        assert all(weight >= 0.0 for weight in posterior.voices.values())

    @pytest.mark.parametrize("n", [1, 2, 3, 12])
    def test_few_measurements_are_enough(self, surrogate: Surrogate, n: int) -> None:
        """A campaign begins with one."""
        with strictly():
            self.check(learn(surrogate, measured(n)), points(7, seed=3), n, 3)

    @pytest.mark.parametrize("value", [0.0, -3.0, 1e9])
    def test_an_outcome_may_be_constant(self, surrogate: Surrogate, value: float) -> None:
        """Then that constant is what is expected."""
        data = replace(measured(6), y=np.full(6, value))
        with strictly():
            posterior = learn(surrogate, data)
            self.check(posterior, points(7, seed=3), 6, 3)
        mean, _ = posterior.mean_and_variance(data.x)
        np.testing.assert_allclose(mean, value, rtol=1e-3, atol=1e-3)

    def test_replicates_may_differ(self, surrogate: Surrogate) -> None:
        """The same point again with another outcome: neither is met, and the noise is seen."""
        x = np.repeat(points(8), 3, axis=0)
        y = response(x) + 2.0 * np.random.default_rng(5).standard_normal(24)
        with strictly():
            posterior = learn(surrogate, TrainingData(x, y, np.full(24, np.nan), GROUPS))
            self.check(posterior, np.vstack([x[:4], points(3, seed=3)]), 24, 3)
        mean, _ = posterior.mean_and_variance(x)
        assert mean[:3] == pytest.approx(mean[0])
        assert posterior.noise_sd > 0.3

    @pytest.mark.parametrize("size", [1e-150, 1e-9, 1e9, 1e150])
    def test_outcomes_may_be_huge_or_tiny(self, surrogate: Surrogate, size: float) -> None:
        """Nothing overflows, and what is expected is as large as what was measured."""
        data = measured(12, noise=0.5)
        known = np.where(np.arange(12) % 2, size * size, np.nan)
        with strictly():
            posterior = learn(surrogate, replace(data, y=size * data.y, noise_variance=known))
            self.check(posterior, points(7, seed=3), 12, 3)
            mean, _ = posterior.mean_and_variance(data.x)
        assert np.abs(mean / size - data.y).max() < 2.0 * np.ptp(data.y)

    def test_the_unit_of_an_outcome_does_not_matter(self, surrogate: Surrogate, precision: float) -> None:
        """With y in another unit and from another zero, all that is said is in that unit."""
        data, at = measured(15, noise=0.5), points(20, seed=3)
        plain, other = learn(surrogate, data), learn(surrogate, replace(data, y=37.5 * data.y + 1200.0))
        mean, covariance = plain.joint(at)
        its_mean, its_covariance = other.joint(at)
        spread = float(data.y.std())
        np.testing.assert_allclose((its_mean - 1200.0) / 37.5, mean, atol=precision * spread)
        np.testing.assert_allclose(its_covariance / 37.5**2, covariance, atol=precision * spread**2)
        assert other.noise_sd / 37.5 == pytest.approx(plain.noise_sd, abs=precision * spread)

    def test_the_order_of_factors_does_not_matter(self, surrogate: Surrogate, asymmetry: float) -> None:
        """The same columns elsewhere, with their factors numbered otherwise."""
        data, at, order = measured(25, noise=0.5), points(40, seed=3), np.array([4, 1, 2, 0, 3])
        moved = TrainingData(data.x[:, order], data.y, data.noise_variance, np.array([0, 2, 0, 1, 0]))
        mean, variance = learn(surrogate, data).mean_and_variance(at)
        its_mean, its_variance = learn(surrogate, moved).mean_and_variance(at[:, order])
        assert np.abs(its_mean - mean).max() <= asymmetry * data.y.std()
        assert np.abs(np.sqrt(its_variance) - np.sqrt(variance)).max() <= asymmetry * data.y.std()

    def test_what_is_said_jointly_agrees_with_what_is_said_one_by_one(self, surrogate: Surrogate) -> None:
        """Same means, variances on the diagonal, and a covariance: symmetric, no negative eigenvalue."""
        data = measured(15, noise=0.5)
        posterior, at = learn(surrogate, data), np.vstack([points(25, seed=3), data.x[:5]])
        mean, variance = posterior.mean_and_variance(at)
        joint_mean, covariance = posterior.joint(at)
        spread = float(data.y.std())
        np.testing.assert_allclose(joint_mean, mean, atol=1e-6 * spread)
        np.testing.assert_allclose(np.diag(covariance), variance, rtol=1e-5, atol=1e-7 * spread**2)
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-9 * spread**2)
        assert np.linalg.eigvalsh(covariance).min() > -1e-6 * spread**2

    def test_one_point_is_predicted_as_among_many(self, surrogate: Surrogate) -> None:
        """The answer for a point does not depend on what else is asked."""
        posterior, at = learn(surrogate, measured(15)), points(30, seed=3)
        mean, variance = posterior.mean_and_variance(at)
        for i in (0, 29):
            one, its = posterior.mean_and_variance(at[i : i + 1])
            assert one[0] == pytest.approx(mean[i], abs=1e-6)
            assert its[0] == pytest.approx(variance[i], rel=1e-4, abs=1e-6)

    def test_something_is_learned(self, surrogate: Surrogate) -> None:
        """From forty points most of a smooth response, and more than from ten."""
        at = points(100, seed=3)
        errors = []
        for n in (10, 40):
            mean, variance = learn(surrogate, measured(n)).mean_and_variance(at)
            errors.append(float(np.sqrt(np.mean((mean - response(at)) ** 2))))
            inside = np.abs(response(at) - mean) <= 3.0 * np.sqrt(variance) + 1e-3
            assert inside.mean() > 0.8
        assert errors[1] < min(errors[0], 0.5 * float(response(at).std()))

    def test_conditioning_on_what_is_expected_makes_surer_and_changes_little(self, surrogate: Surrogate) -> None:
        """As planners do with experiments under way."""
        data, at = measured(30, noise=0.3), points(3, seed=4)
        posterior = learn(surrogate, data)
        mean, variance = posterior.mean_and_variance(at)
        its_mean, its_variance = posterior.condition_on(at, mean).mean_and_variance(at)
        assert (its_variance < variance).all()
        assert np.abs(its_mean - mean).max() < 0.1 * data.y.std()

    def test_conditioning_on_what_was_measured_is_like_learning_it(self, surrogate: Surrogate) -> None:
        """The mean moves towards it, about as far as if all had been learned again; the posterior before stays."""
        data, at, elsewhere = measured(30, noise=0.3), points(3, seed=4), points(50, seed=3)
        posterior = learn(surrogate, data)
        spread = float(data.y.std())
        mean, _ = posterior.mean_and_variance(at)
        told = posterior.condition_on(at, mean + 2.0 * spread)
        self.check(told, elsewhere[:5], 33, 3)
        assert (told.mean_and_variance(at)[0] > mean).all()
        truth = response(at)
        more = TrainingData(np.vstack([data.x, at]), np.append(data.y, truth), np.full(33, np.nan), GROUPS)
        learned = learn(surrogate, more).mean_and_variance(elsewhere)[0]
        conditioned = posterior.condition_on(at, truth).mean_and_variance(elsewhere)[0]
        assert float(np.sqrt(np.mean((learned - conditioned) ** 2))) < 0.3 * spread
        np.testing.assert_array_equal(posterior.mean_and_variance(at)[0], mean)

    def test_known_noise_is_believed(self, surrogate: Surrogate) -> None:
        """A point known exactly is met; one known to be noisy is not."""
        data = measured(20)
        spread = float(data.y.std())
        exact = learn(surrogate, replace(data, noise_variance=np.zeros(20)))
        mean, variance = exact.mean_and_variance(data.x)
        assert np.abs(mean - data.y).max() < 0.05 * spread
        assert float(np.sqrt(variance.max())) < 0.1 * spread
        odd = data.y.copy()
        odd[0] += 6.0 * spread
        doubtful = np.zeros(20)
        doubtful[0] = (6.0 * spread) ** 2
        mean, variance = learn(surrogate, replace(data, y=odd, noise_variance=doubtful)).mean_and_variance(data.x[:1])
        assert odd[0] - mean[0] > 3.0 * spread
        assert float(np.sqrt(variance[0])) > 0.01 * spread

    def test_leaving_one_out_cannot_foretell_noise(self, surrogate: Surrogate) -> None:
        """Where outcomes have nothing to do with conditions, it promises no more than their mean would hold."""
        scores, errors = [], []
        for seed in range(3):
            y = np.random.default_rng((seed, 7)).standard_normal(30)
            mean, variance = learn(surrogate, replace(measured(30, seed), y=y)).leave_one_out()
            scores.append(float(np.mean(-0.5 * (np.log(2.0 * np.pi * variance) + (y - mean) ** 2 / variance))))
            errors.append(float(np.mean((y - mean) ** 2 / variance)))
        assert np.mean(scores) < -1.25  # a normal density with the true mean and variance scores -1.42
        assert 0.5 < np.mean(errors) < 2.0

    def test_leaving_one_out_is_unsure_enough(self, surrogate: Surrogate) -> None:
        """Squared errors are about as large as the variances said."""
        data = measured(40, noise=1.0)
        mean, variance = learn(surrogate, data).leave_one_out()
        assert 0.4 < float(np.mean((data.y - mean) ** 2 / variance)) < 2.5

    @pytest.mark.parametrize(
        "change",
        [
            {"y": np.array([1.0, np.nan, 2.0])}, {"y": np.array([1.0, np.inf, 2.0])}, {"x": np.full((3, 5), np.nan)},
            {"y": np.zeros(2)}, {"groups": np.array([0, 1])},
            {"x": np.empty((0, 5)), "y": np.empty(0), "noise_variance": np.empty(0)},
        ],
    )  # fmt: skip
    def test_what_cannot_be_learned_from_is_refused(self, surrogate: Surrogate, change: dict[str, Any]) -> None:
        """Values that are not finite, shapes that disagree, nothing at all."""
        with pytest.raises(ValueError, match=r"."):
            learn(surrogate, replace(measured(3), **change))

    def test_a_thousand_rows_and_more_are_managed(self, surrogate: Surrogate) -> None:
        """Long campaigns, imported tables."""
        data, at = measured(1100, noise=1.0), points(50, seed=3)
        posterior = learn(surrogate, data)
        self.check(posterior, at, 1100, 3)
        mean, _ = posterior.mean_and_variance(at)
        assert float(np.sqrt(np.mean((mean - response(at)) ** 2))) < 0.3 * data.y.std()

    def test_all_chance_comes_from_the_generator(self, surrogate: Surrogate) -> None:
        """The same seed, the same answer, whatever was asked before."""
        data, at = measured(15, noise=0.5), points(20, seed=3)
        first = learn(surrogate, data, seed=5).mean_and_variance(at)
        learn(surrogate, measured(9, seed=8), seed=1)
        second = learn(surrogate, data, seed=5).mean_and_variance(at)
        np.testing.assert_array_equal(first, second)

    def test_the_data_are_left_as_they_were(self, surrogate: Surrogate) -> None:
        """Arguments are not the surrogate's to change."""
        data, at = measured(10), points(5, seed=3)
        before = [a.copy() for a in (data.x, data.y, data.noise_variance, data.groups, at)]
        posterior = learn(surrogate, data)
        posterior.joint(at)
        posterior.condition_on(at, np.zeros(5)).mean_and_variance(at)
        for then, now in zip(before, (data.x, data.y, data.noise_variance, data.groups, at), strict=True):
            np.testing.assert_array_equal(then, now)

    @examples(
        max_examples=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow,
        ],
    )  # fmt: skip
    @given(
        n=st.integers(1, 10), d=st.integers(1, 5), levels=st.integers(1, 4), scale=st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
        shift=st.sampled_from([0.0, -3.0, 1e6]), noise=st.sampled_from([np.nan, 0.0, 1e-3, 1e6]),
        seed=st.integers(0, 2**20),
    )  # fmt: skip
    def test_nothing_ever_comes_out_as_nan(
        self, factory: Factory, surrogate: Surrogate, n: int, d: int, levels: int, scale: float, shift: float,
        noise: float, seed: int,
    ) -> None:  # fmt: skip
        """Points on a coarse grid, so that many repeat; outcomes of any size; noise known or not."""
        del factory
        rng = np.random.default_rng(seed)
        x = rng.integers(levels, size=(n, d)) / max(1, levels - 1)
        data = TrainingData(x, scale * rng.standard_normal(n) + shift, np.full(n, noise), rng.permutation(d))
        at = np.vstack([x, rng.random((3, d))])
        with strictly():
            posterior = learn(surrogate, data)
            self.check(posterior, at, n, d)
            self.check(posterior.condition_on(at, posterior.mean_and_variance(at)[0]), at, 2 * n + 3, d)
