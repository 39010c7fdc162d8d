"""Acceleration factors of several campaigns, taken together."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgenesis.missions.gain import Factor, pooled

VALUES = st.lists(st.floats(0.1, 100), min_size=2, max_size=12)


def exact(*values, reference="r"):
    return [Factor(value, value, value, reference) for value in values]


def test_nothing_is_said_of_nothing():
    assert pooled([]) is None


def test_one_campaign_keeps_its_own_interval():
    found = pooled([Factor(4.0, 3.0, math.inf, "r", "at-least")])
    assert (found.geometric_mean, found.interval, found.n_at_least) == (pytest.approx(4.0), (3.0, math.inf), 1)
    assert found.verdict == "shown"


@settings(max_examples=25)
@given(VALUES)
def test_the_mean_is_geometric_and_lies_in_its_interval(values):
    found = pooled(exact(*values))
    assert found.geometric_mean == pytest.approx(math.exp(np.mean(np.log(values))))
    assert found.interval[0] <= found.geometric_mean * (1 + 1e-9)
    assert found.interval[1] >= found.geometric_mean * (1 - 1e-9)
    assert min(values) * (1 - 1e-9) <= found.interval[0]
    assert found.interval[1] <= max(values) * (1 + 1e-9)
    assert found.median == pytest.approx(math.exp(np.median(np.log(values))))


def test_the_interval_is_that_of_the_bootstrap_of_a_mean():
    """Against the closed form: the bootstrap mean of two values is one of three, with chances 1/4, 1/2, 1/4."""
    assert pooled(exact(1.0, 4.0)).interval == pytest.approx((1.0, 4.0))
    many = pooled(exact(*[1.0, 4.0] * 50))
    width = 1.96 * math.log(2) / math.sqrt(100)
    assert np.log(many.interval) == pytest.approx([math.log(2) - width, math.log(2) + width], abs=0.03)


def test_what_is_not_known_of_a_shared_reference_does_not_average_out():
    def wide(name):
        return Factor(4.0, 2.0, 8.0, name)

    shared, apart = pooled([wide("r")] * 16), pooled([wide(f"r{i}") for i in range(16)])
    assert shared.interval == pytest.approx((2.0, 8.0), rel=0.1)
    assert apart.interval[1] / apart.interval[0] < 2


@pytest.mark.parametrize(
    ("factors", "verdict"),
    [
        (exact(3, 3, 3), "shown"),
        (exact(1, 3, 5), "not-shown"),
        (exact(1, 1.2), "missed"),
        ([*exact(3, 3), Factor(3, 0, 3, "r", "at-most")], "not-shown"),
        ([*exact(1, 1), Factor(1, 1, math.inf, "r", "at-least")], "not-shown"),
    ],
)
def test_twice_as_productive_is_shown_missed_or_open(factors, verdict):
    assert pooled(factors).verdict == verdict


def test_campaigns_of_which_nothing_can_be_said_are_not_forgotten():
    assert pooled(exact(3, 3), n_undecided=1).verdict == "not-shown"
    assert pooled(exact(1, 1), n_undecided=1).verdict == "missed"


def test_the_same_factors_give_the_same_interval():
    assert pooled(exact(1, 2, 5)).interval == pooled(exact(1, 2, 5)).interval
