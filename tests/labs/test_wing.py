"""The wing: its theory against Glauert, Jones and a vortex lattice, and that none of its holes can be exploited."""

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.experiment import Failure
from kgenesis.labs.simulators.aerospace_ocean import wing
from kgenesis.labs.simulators.aerospace_ocean.wing import (
    ANGLES,
    LIFT,
    Loading,
    Planform,
    Section,
    Wing,
    judge,
    least_induced_drag,
    moments,
)

needs_engine = pytest.mark.skipif(find_spec("aerosandbox") is None, reason="AeroSandbox is not installed")

GOOD: dict[str, Any] = {
    "span": 11.3,
    "chord_root": 1.7,
    "chord_inner": 1.2,
    "chord_outer": 1.0,
    "chord_tip": 0.6,
    "twist_inner": 0.6,
    "twist_outer": -2.6,
    "twist_tip": -3.0,
    "section": "naca4412",
}


@pytest.fixture
def thin() -> Section:
    """A thin section that never stalls: cl = 2π α."""
    lift = np.tile(2 * math.pi * np.radians(ANGLES), (len(wing.REYNOLDS), 1))
    return Section(lift, np.full_like(lift, 0.01), np.ones_like(lift))


def refusal(found: object) -> str:
    """Return the kind of a failure."""
    assert isinstance(found, Failure), found
    return found.kind


# Theory


def test_an_elliptic_loading_costs_what_prandtl_says() -> None:
    elliptic = Loading(12.0, np.array([0.01, 0.0, 0.0]))
    lift = elliptic.lift()
    pressure = wing.DENSITY / 2 * wing.SPEED**2
    assert elliptic.induced_drag() == pytest.approx(lift**2 / (math.pi * pressure * 12.0**2))
    assert elliptic.root_moment() == pytest.approx(
        lift * 12.0 / (3 * math.pi)
    )  # half the lift at 4/(3π) of the half span
    assert least_induced_drag(12.0, lift, elliptic.root_moment()) == pytest.approx(elliptic.induced_drag())


def test_root_moments_of_the_terms_are_the_integrals_they_stand_for() -> None:
    theta = (np.arange(20000) + 0.5) * math.pi / 2 / 20000
    odd = np.arange(1.0, 12.0, 2.0)
    integrals = [float((np.sin(n * theta) * np.sin(2 * theta)).sum()) * math.pi / 2 / 20000 / 2 for n in odd]
    assert moments(odd) == pytest.approx(integrals, abs=1e-8)


def test_jones_wing_that_is_longer_at_the_same_root_moment_has_less_drag() -> None:
    def saved(longer: float) -> float:
        elliptic = LIFT * 10.0 / (3 * math.pi)
        return 1 - least_induced_drag(10.0 * longer, LIFT, elliptic) / least_induced_drag(10.0, LIFT, elliptic)

    assert saved(1.15) == pytest.approx(0.14, abs=0.005)  # Jones's rule of thumb: 15 % more span, about 15 % less drag
    assert saved(4 / 3) == pytest.approx(0.156, abs=0.005)


def test_no_loading_has_less_drag_than_the_least() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        loading = Loading(11.0, np.append(0.02, rng.normal(0, 0.005, 12)))
        least = least_induced_drag(11.0, loading.lift(), loading.root_moment())
        assert loading.induced_drag() >= least * (1 - 1e-12)


@pytest.mark.parametrize(("ratio", "tau"), [(0.5, 0.10), (0.75, 0.14), (1.0, 0.17), (1.25, 0.20), (1.5, 0.22)])
def test_rectangular_wings_lift_as_in_glauerts_table(thin: Section, ratio: float, tau: float) -> None:
    aspect = 2 * math.pi * ratio
    flight = Planform(8.0, np.full(4, 8.0 / aspect), np.zeros(4), thin).fly(4000.0)
    assert flight is not None
    lift = 4000.0 / (wing.DENSITY / 2 * wing.SPEED**2 * 64.0 / aspect)
    slope = lift / math.radians(flight.incidence)
    assert (2 * math.pi / slope - 1) * aspect / 2 - 1 == pytest.approx(tau, abs=0.008)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.5])
def test_rectangular_wings_have_the_induced_drag_of_glauerts_four_terms(thin: Section, ratio: float) -> None:
    theta, odd, relative = np.radians([22.5, 45, 67.5, 90]), np.array([1.0, 3.0, 5.0, 7.0]), 1 / (4 * ratio)
    matrix = np.sin(theta[:, None] * odd) * (odd * relative + np.sin(theta)[:, None])
    terms = np.linalg.solve(matrix, relative * np.sin(theta))
    flight = Planform(8.0, np.full(4, 8.0 / (2 * math.pi * ratio)), np.zeros(4), thin).fly(4000.0)
    assert flight is not None
    ours = Loading(8.0, terms / terms[0]).induced_drag() / Loading(8.0, np.ones(1)).induced_drag()
    assert flight.loading.induced_drag() / least_induced_drag(8.0, 4000.0, 4000.0 * 8 / (3 * math.pi)) == pytest.approx(
        ours, abs=0.005
    )


@needs_engine
def test_it_agrees_with_glauert_and_with_a_vortex_lattice() -> None:
    checks = list(Wing().checks())
    assert len(checks) == 2
    assert [check for check in checks if not check.holds] == []


# The laboratory


@needs_engine
def test_a_good_wing_keeps_its_books() -> None:
    found = Wing().simulate(GOOD, np.random.default_rng(0))
    assert not isinstance(found, Failure)
    assert found["drag"] == pytest.approx(float(found["induced_drag"]) + float(found["profile_drag"]), rel=1e-6)
    assert 0.7 < float(found["span_efficiency"]) < 1
    assert found["area"] == pytest.approx(11.3 / 2 * (0.4 * 2.9 + 0.35 * 2.2 + 0.25 * 1.6), rel=0.003)


@needs_engine
def test_washout_unloads_the_root_and_costs_induced_drag() -> None:
    lab, rng = Wing(), np.random.default_rng(0)
    plain = lab.simulate({**GOOD, "twist_inner": 0.0, "twist_outer": 0.0, "twist_tip": 0.0}, rng)
    twisted = lab.simulate({**GOOD, "twist_inner": -2.0, "twist_outer": -6.0, "twist_tip": -8.0}, rng)
    assert not isinstance(plain, Failure)
    assert not isinstance(twisted, Failure)
    assert twisted["root_moment"] < 0.9 * float(plain["root_moment"])
    assert twisted["induced_drag"] > plain["induced_drag"]


@needs_engine
@pytest.mark.parametrize(
    "change",
    [
        {"chord_tip": 0.1},
        {"chord_root": -1.0},
        {"span": math.nan},
        {"span": 1.0},
        {"twist_tip": math.inf},
        {"section": "e387"},
        {"section": "naca23012"},
        {"chord_root": 2.0, "chord_inner": 2.0, "chord_outer": 2.0, "chord_tip": 2.0, "span": 9.0},
        {"twist_inner": 30.0},
    ],
)
def test_wings_that_nobody_can_build_or_no_theory_holds_for_are_infeasible(change: dict[str, Any]) -> None:
    assert refusal(Wing().simulate({**GOOD, **change}, np.random.default_rng(0))) == "infeasible"


@needs_engine
def test_a_wing_that_stalls_at_its_lift_is_no_result() -> None:
    planform = Planform(11.0, np.full(4, 1.2), np.zeros(4), wing.section("naca2412"))
    assert refusal(judge(planform, 3 * LIFT)) in {"infeasible", "crashed"}


@needs_engine
def test_a_section_model_that_does_not_trust_itself_is_not_trusted() -> None:
    sure = wing.section("naca2412")
    unsure = Section(sure.lift, sure.drag, np.full_like(sure.confidence, 0.5))
    assert refusal(judge(Planform(11.0, np.full(4, 1.3), np.zeros(4), unsure), LIFT)) == "infeasible"


def test_a_drag_below_the_least_possible_would_be_a_crash(thin: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    planform = Planform(11.0, np.full(4, 1.3), np.zeros(4), thin)
    assert not isinstance(judge(planform, LIFT), Failure)
    monkeypatch.setattr(Loading, "induced_drag", lambda self: 0.9 * least_induced_drag(self.span, LIFT, 24000.0))
    assert refusal(judge(planform, LIFT)) == "crashed"
