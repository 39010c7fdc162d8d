"""Parameters of a module-lattice KEM: the published numbers of Kyber come out, and no hole in the model pays."""

import itertools
import math

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.labs.simulators.cyber_security import kem_parameters as kem
from kgenesis.labs.simulators.cyber_security.kem_parameters import KemParameters

KYBER = {512: (2, 3329, 3, 2, 10, 4), 768: (3, 3329, 2, 2, 10, 4), 1024: (4, 3329, 2, 2, 11, 5)}
"""Specification 3.01, table 1."""


def judged(*parameters: int) -> dict[str, float]:
    """Return what the lab says of a scheme that works, metadata included."""
    found = tried(*parameters)
    assert isinstance(found, Measurement), found
    return {name: outcome.mean for name, outcome in found.outcomes.items()} | dict(found.metadata)


def tried(*parameters: float) -> Measurement | Failure:
    """Return the lab's answer."""
    conditions = dict(zip(KemParameters.factors, map(float, parameters), strict=True))
    return KemParameters().measure(Task(ExperimentId("exp_1"), 1, conditions, (0, 0)))


def test_every_check_holds() -> None:
    assert all(check.holds for check in KemParameters().checks())
    assert len(list(KemParameters().checks())) == 9


@pytest.mark.parametrize(("name", "public_key", "ciphertext"), [(512, 800, 768), (768, 1184, 1088), (1024, 1568, 1568)])
def test_sizes_are_those_of_fips_203(name: int, public_key: int, ciphertext: int) -> None:
    found = judged(*KYBER[name])
    assert (found["public_key_bytes"], found["ciphertext_bytes"]) == (public_key, ciphertext)
    assert found["size"] == public_key + ciphertext


@pytest.mark.parametrize(("name", "core_svp", "log2_failure"), [(512, 118, -139), (768, 182, -164), (1024, 255, -174)])
def test_security_and_failure_rate_are_those_of_kyber(name: int, core_svp: int, log2_failure: int) -> None:
    found = judged(*KYBER[name])
    assert math.floor(found["core_svp"]) == core_svp
    assert found["log2_failure"] == pytest.approx(log2_failure, abs=1.3)


def test_kyber512_keeps_112_bits_without_help_from_rounding() -> None:
    assert judged(*KYBER[512])["core_svp_without_rounding"] == pytest.approx(112, abs=0.5)


def test_the_weaker_of_key_and_ciphertext_is_what_counts() -> None:
    """A model that looked at the key alone would let an optimiser drive eta_2 down for nothing."""
    strong, weak = judged(2, 3329, 4, 4, 12, 5), judged(2, 3329, 4, 1, 12, 5)
    assert weak["block_size_of_key"] == strong["block_size_of_key"]
    assert weak["log2_failure"] < strong["log2_failure"]
    assert weak["core_svp"] < strong["core_svp"] - 5


def test_coarse_rounding_buys_no_security_in_the_outcome_that_leaves_rounding_out() -> None:
    fine, coarse = judged(3, 3329, 2, 1, 12, 4), judged(3, 3329, 2, 1, 8, 4)
    assert coarse["block_size_of_ciphertext"] > fine["block_size_of_ciphertext"]
    assert coarse["core_svp_without_rounding"] == fine["core_svp_without_rounding"]


@pytest.mark.parametrize(
    "parameters",
    [
        (3, 3329, 1, 2, 10, 4),
        (3, 3331, 2, 2, 10, 4),
        (3, 3201, 2, 2, 10, 4),
        (3, 1153, 2, 2, 12, 4),
        (3, 3329, 2, 0, 10, 4),
        (3, 3329, 2, 2, 10.5, 4),
        (0, 3329, 2, 2, 10, 4),
    ],
)
def test_what_is_no_scheme_is_infeasible(parameters: tuple[float, ...]) -> None:
    found = tried(*parameters)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"


@pytest.mark.parametrize("bound", [3.0, 30.5, 75.0, 100.0, 129.0, 130.0])
def test_the_tail_of_a_sum_is_exact(bound: float) -> None:
    """Sixty symmetric terms and ten skewed ones, against convolution in exact integers."""
    dice, skewed = [1, 4, 6, 4, 1], [5, 2, 1]
    sums = [1]
    for weights in [dice] * 60 + [skewed] * 10:
        out = [0] * (len(sums) + len(weights) - 1)
        for (i, a), (j, b) in itertools.product(enumerate(sums), enumerate(weights)):
            out[i + j] += a * b
        sums = out
    half = len(sums) // 2
    tail, total = sum(sums[half + math.ceil(bound) :]), 16**60 * 8**10
    exact = math.log2(tail) - math.log2(total)
    terms = [(np.array(dice) / 16, 60), (np.array(skewed) / 8, 10)]
    assert kem.log2_tail(terms, bound) == pytest.approx(exact, abs=1e-8)


def test_beyond_the_largest_sum_there_is_nothing() -> None:
    assert kem.log2_tail([(np.array([0.25, 0.5, 0.25]), 4)], 4.5) == -math.inf


@pytest.mark.parametrize(("q", "bits"), [(3329, 10), (3329, 4), (257, 5), (7681, 3)])
def test_rounding_errors_are_a_law_as_wide_as_half_a_step(q: int, bits: int) -> None:
    law = kem.rounding(q, bits)
    assert law.sum() == pytest.approx(1, abs=1e-12)
    assert len(law) // 2 == math.ceil(q / 2 ** (bits + 1) - 0.5) or len(law) // 2 == math.ceil(q / 2 ** (bits + 1))
    assert kem.variance(law) == pytest.approx((q / 2**bits) ** 2 / 12, rel=0.12)


def test_more_noise_is_safer_and_fails_more() -> None:
    quiet, loud = judged(3, 3329, 2, 2, 10, 4), judged(3, 3329, 3, 3, 10, 4)
    assert loud["core_svp"] > quiet["core_svp"]
    assert loud["log2_failure"] > quiet["log2_failure"]


def test_a_smaller_modulus_is_smaller_safer_and_fails_more() -> None:
    small, large = judged(3, 1409, 2, 2, 10, 4), judged(3, 3329, 2, 2, 10, 4)
    assert small["size"] < large["size"]
    assert small["core_svp"] > large["core_svp"]
    assert small["log2_failure"] > large["log2_failure"]


def test_the_mission_asks_for_what_the_standard_misses_and_another_scheme_does() -> None:
    problem = load_mission("kem-parameters").mission.problem
    standard, other = tried(*KYBER[768]), tried(3, 3329, 2, 2, 10, 5)
    assert isinstance(standard, Measurement)
    assert isinstance(other, Measurement)
    assert not problem.is_feasible(standard)
    assert problem.is_success(other)


@pytest.mark.slow
def test_twelve_schemes_of_all_reach_the_target_and_the_smallest_has_2304_bytes() -> None:
    mission = load_mission("kem-parameters").mission
    points = itertools.product(
        range(2, 5), mission.space.factors[1].values, range(2, 5), range(1, 5), range(8, 13), range(3, 7)
    )
    found = [tried(*point) for point in points]
    assert len(found) == 5760
    good = [f.mean("size") for f in found if isinstance(f, Measurement) and mission.problem.is_success(f)]
    assert (len(good), min(good)) == (12, 2304)
