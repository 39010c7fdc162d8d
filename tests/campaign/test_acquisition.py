"""Acquisition functions: exact deep in the tail, equal to simulation where it can be simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtri
from scipy.stats import norm

from kgenesis.campaign.planners import acquisition as acq

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray

# log h(z), 50 digits of mpmath: log(npdf(z) + z * ncdf(z))
TRUE_LOG_H = {
    30.0: 3.4011973816621554,
    5.0: 1.6094379231264314,
    1.0: 0.08002621884930694,
    0.0: -0.91893853320467274,
    -0.99: -2.4661143916690494,
    -1.01: -2.5041998574802568,
    -3.0: -7.8696860596030285,
    -10.0: -55.553122036122356,
    -40.0: -808.29856835661996,
    -300.0: -45012.326536814554,
    -999.0: -499015.2324510965,
    -1001.0: -501015.23645108583,
    -10000.0: -50000019.339619307,
    -1000000.0: -500000000028.54996,
    -1000000000.0: -5.0000000000000004e17,
}


@pytest.mark.parametrize(("z", "expected"), TRUE_LOG_H.items())
def test_log_h_agrees_with_fifty_digit_arithmetic(z: float, expected: float) -> None:
    assert acq.log_h(np.array([z]))[0] == pytest.approx(expected, rel=1e-9)


@given(st.floats(-1e100, 1e100))
def test_log_h_is_finite_everywhere(z: float) -> None:
    assert np.isfinite(acq.log_h(np.array([z]))).all()


@given(st.floats(-3e3, 30.0), st.floats(1e-3, 10.0))
def test_log_h_never_falls(z: float, step: float) -> None:
    low, high = acq.log_h(np.array([z, z + step]))
    assert high >= low - 1e-9 * abs(low)


@pytest.mark.parametrize(("mean", "sd", "best"), [(0.3, 0.5, 0.1), (-1.0, 0.7, 2.0), (0.0, 2.0, 0.0)])
def test_expected_improvement_agrees_with_quadrature(mean: float, sd: float, best: float) -> None:
    expected, _ = quad(lambda y: (y - best) * norm.pdf(y, mean, sd), best, mean + 40.0 * sd)
    score = acq.log_expected_improvement(np.array([mean]), np.array([sd**2]), best)
    assert np.exp(score[0]) == pytest.approx(expected, rel=1e-6)


def test_log_feasibility_is_the_chance_to_reach_the_bound() -> None:
    mean, variance = np.array([0.5, -0.2, -20.0, 9.0]), np.array([0.3, 1.5, 0.8, 2.0])
    expected = norm.logsf(0.4, mean, np.sqrt(variance))
    np.testing.assert_allclose(acq.log_feasibility(mean, variance, 0.4), expected)


def test_a_certain_point_below_the_incumbent_scores_badly_but_finitely() -> None:
    score = acq.log_expected_improvement(np.array([0.0, 0.0]), np.array([0.0, 1.0]), 1.0)
    assert np.isfinite(score).all()
    assert score[0] < score[1]


def test_the_incumbent_is_the_best_feasible_mean() -> None:
    mean = np.array([1.0, 3.0, 2.0])
    assert acq.incumbent(mean) == 3.0
    assert acq.incumbent(mean, np.array([True, False, True])) == 2.0
    assert acq.incumbent(mean, np.zeros(3, dtype=bool)) is None


def test_without_anything_feasible_the_chance_of_feasibility_decides_and_the_objective_breaks_ties() -> None:
    mean, variance = np.array([2.0, -1.0, 0.5]), np.ones(3)
    score = acq.log_constrained_expected_improvement(mean, variance, None, np.log([0.2, 0.9, 0.9]))
    assert np.argsort(score).tolist() == [0, 1, 2]


def test_constrained_expected_improvement_multiplies_gain_and_chance() -> None:
    mean, variance = np.array([2.0, -1.0]), np.array([1.0, 0.5])
    score = acq.log_constrained_expected_improvement(mean, variance, 0.3, np.log([0.2, 0.9]))
    gain = np.exp(acq.log_expected_improvement(mean, variance, 0.3))
    np.testing.assert_allclose(np.exp(score), gain * [0.2, 0.9])


def test_pareto_points_are_those_nothing_dominates_and_twins_count_once() -> None:
    values = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 3.0], [0.5, 0.5], [1.0, 1.0], [2.0, -1.0]])
    assert acq.is_pareto_optimal(values).tolist() == [True, True, True, False, False, False]


def test_hypervolume_of_a_staircase_is_counted_by_hand() -> None:
    front = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [0.5, 0.5], [-1.0, 9.0]])
    assert acq.hypervolume(front, np.zeros(2)) == pytest.approx(6.0)
    assert acq.hypervolume(np.empty((0, 2)), np.zeros(2)) == 0.0


FRONT = np.array([[0.2, 1.5], [0.9, 1.0], [1.6, 0.1]])


@pytest.mark.parametrize("front", [FRONT, FRONT[:1], np.empty((0, 2)), FRONT - 5.0])
def test_expected_hypervolume_improvement_agrees_with_simulation(front: FloatArray) -> None:
    mean = np.array([[1.2, 1.1], [0.0, 0.3], [0.9, -0.5]])
    variance = np.array([[0.2, 0.4], [0.6, 0.3], [0.05, 1.0]])
    reference = np.zeros(2)
    draws = mean + np.sqrt(variance) * np.random.default_rng(0).standard_normal((4000, 3, 2))
    before = acq.hypervolume(front, reference)
    gains = np.array([[acq.hypervolume(np.vstack([front, p]), reference) - before for p in d] for d in draws])
    score = np.exp(acq.log_expected_hypervolume_improvement(mean, variance, front, reference))
    assert (np.abs(score - gains.mean(axis=0)) < 4.0 * gains.std(axis=0) / np.sqrt(4000.0)).all()


def test_expected_hypervolume_improvement_of_a_hopeless_point_is_still_comparable() -> None:
    mean = np.array([[-60.0, -60.0], [-70.0, -70.0]])
    worse = acq.log_expected_hypervolume_improvement(mean, np.ones((2, 2)), FRONT, np.zeros(2))
    assert np.isfinite(worse).all()
    assert worse[0] > worse[1]


def test_every_pareto_point_of_a_concave_front_is_best_under_some_weights() -> None:
    angle = np.linspace(0.0, np.pi / 2.0, 5)
    values = 1.0 - np.column_stack([np.cos(angle), np.sin(angle)])
    rng = np.random.default_rng(0)
    winners = {int(np.argmax(acq.augmented_chebyshev(values, acq.chebyshev_weights(2, rng)))) for _ in range(300)}
    assert winners == {0, 1, 2, 3, 4}


@given(st.integers(2, 6), st.integers(0, 2**20))
def test_a_dominated_point_never_wins_the_chebyshev_function(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    point = rng.random(k)
    scores = acq.augmented_chebyshev(np.vstack([point, 0.9 * point - 0.01]), acq.chebyshev_weights(k, rng))
    assert scores[0] > scores[1]


# Values to hit and bounds on two sides ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "sd", "miss"), [(0.3, 0.5, 0.4), (-2.0, 0.7, 0.1), (0.0, 1.0, 3.0), (0.05, 0.02, 0.04)]
)
def test_the_expected_hit_is_what_drawing_gives(mean: float, sd: float, miss: float) -> None:
    z = ndtri((np.arange(200_000) + 0.5) / 200_000)
    drawn = np.maximum(miss - np.abs(mean + sd * z - 0.1), 0.0).mean()
    (log_hit,) = acq.log_expected_hit(np.array([mean]), np.array([sd**2]), 0.1, miss)
    assert np.exp(log_hit) == pytest.approx(drawn, rel=2e-3)


def test_the_expected_hit_has_no_seam_and_is_finite_however_far_out() -> None:
    mean = -np.array([0.0, 0.5, 1.0, 3.0, 30.0, 900.0])
    widths = np.array([0.009, 0.0099, 0.0101, 0.011])[:, None] / (1.0 - mean)
    assert np.isfinite(acq.log_expected_hit(mean, np.ones(6), 0.0, 1.0)).all()
    for place in range(6):
        logs = [acq.log_expected_hit(mean[[place]], np.ones(1), 0.0, w)[0] - 2 * np.log(w) for w in widths[:, place]]
        assert np.ptp(logs) < 1e-5
    assert np.isfinite(acq.log_expected_hit(mean, np.zeros(6), 0.0, 0.0)).all()


def test_the_chance_to_lie_between_two_bounds_is_joint_and_keeps_its_digits() -> None:
    mean, variance = np.array([0.0, 0.5, -3.0, 40.0, -40.0]), np.array([1.0, 0.25, 4.0, 1.0, 1.0])
    found = acq.log_chance_between(mean, variance, -0.5, 1.5)
    sd = np.sqrt(variance)
    plain = norm.cdf((1.5 - mean) / sd) - norm.cdf((-0.5 - mean) / sd)
    np.testing.assert_allclose(np.exp(found[:3]), plain[:3], rtol=1e-12)
    assert found[3] == pytest.approx(log_ndtr(-38.5), rel=1e-9)
    assert found[4] == pytest.approx(log_ndtr(-39.5), rel=1e-9)
    np.testing.assert_allclose(
        acq.log_chance_between(mean, variance, 0.4, np.inf), acq.log_feasibility(mean, variance, 0.4)
    )
