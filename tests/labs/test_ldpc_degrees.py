"""Density evolution against published thresholds, the Shannon limit and itself."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.next_generation_communications.ldpc_degrees import (
    DEGREES,
    MOST_ITERATIONS,
    RATE,
    Ensemble,
    LdpcDegrees,
    check_degrees,
    integrated,
    published,
    shannon_limit,
)
from kgenesis.testing.labs import Factory, LabCases

GOOD: Mapping[str, Value] = {
    "degree_2": 0.25,
    "degree_3": 0.22,
    "degree_4": 0.05,
    "degree_6": 0.16,
    "degree_10": 0.2,
    "degree_20": 0.12,
}


def measure(**changed: Value) -> Measurement | Failure:
    return LdpcDegrees().measure(Task(ExperimentId("exp_1"), 1, {**GOOD, **changed}, (1, 2)))


class TestLdpcDegrees(LabCases):
    """The lab keeps the promises of every lab."""

    @pytest.fixture
    def factory(self) -> Factory:
        return LdpcDegrees.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("ldpc-degrees").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "degree_2": 0.5}


def test_its_own_checks_hold() -> None:
    checks = list(LdpcDegrees().checks())
    assert len(checks) == 3
    assert all(check.holds for check in checks)


@pytest.mark.parametrize("m", [0.01, 0.5, 0.99, 1.01, 3.0, 12.0, 60.0])
def test_the_transform_is_the_integral_it_stands_for(m: float) -> None:
    def integrand(v: float) -> float:
        return math.exp(-m / 4 - v * v / (4 * m)) / math.cosh(v / 2) / math.sqrt(4 * math.pi * m)

    exact, _ = quad(integrand, -60, 60, limit=400, points=[0], epsabs=0)
    table = integrated()
    assert table.phi(np.array([m]))[0] == pytest.approx(exact, rel=1e-5)
    assert table.inverse(np.array([exact]))[0] == pytest.approx(m, rel=1e-4)


@settings(max_examples=60)
@given(st.lists(st.floats(0.01, 1.0), min_size=len(DEGREES), max_size=len(DEGREES)))
def test_the_rate_is_the_same_for_every_mixture_and_shannon_is_never_passed(parts: list[float]) -> None:
    edges = {i: part / sum(parts) for i, part in zip(DEGREES, parts, strict=True)}
    checks = check_degrees(edges)
    assert sum(checks.values()) == pytest.approx(1)
    assert min(checks.values()) >= 0
    assert len(checks) == 1 or max(checks) - min(checks) == 1
    rate = 1 - sum(r / j for j, r in checks.items()) / sum(x / i for i, x in edges.items())
    assert rate == pytest.approx(RATE)
    sigma = Ensemble(edges, checks, integrated()).threshold()
    assert math.isnan(sigma) or sigma < shannon_limit()


def test_below_its_threshold_a_code_decodes_and_above_it_never_does() -> None:
    code = Ensemble({3: 1.0}, {6: 1.0}, published())
    sigma = code.threshold()
    assert code.n_iterations(sigma * 0.99) < 200
    assert code.n_iterations(sigma * 1.01) == MOST_ITERATIONS
    assert code.n_iterations(sigma * 0.95) < code.n_iterations(sigma * 0.99)


def test_too_many_edges_of_degree_two_are_unstable_at_any_grid() -> None:
    # λ_2 Σ ρ_j (j - 1) < exp(1/(2σ²)): here 0.9 * 3 > exp(1/2) at σ = 1, and stable at little noise
    code = Ensemble({2: 0.9, 20: 0.1}, {4: 1.0}, integrated())
    assert not code.converges(0.99)
    limit = math.sqrt(1 / (2 * math.log(2.7)))
    assert not code.converges(limit * 1.0001)


@pytest.mark.parametrize("wrong", [{"degree_2": 0.3}, {"degree_2": -0.1, "degree_3": 0.57}])
def test_fractions_that_are_none_are_no_result(wrong: dict[str, Value]) -> None:
    found = measure(**wrong)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"


def test_more_degrees_bear_more_noise_than_the_regular_code() -> None:
    found = measure()
    assert isinstance(found, Measurement)
    assert found.mean("threshold") > Ensemble({3: 1.0}, {6: 1.0}, integrated()).threshold()
    assert found.mean("gap") == pytest.approx(20 * math.log10(shannon_limit() / found.mean("threshold")), abs=1e-4)
