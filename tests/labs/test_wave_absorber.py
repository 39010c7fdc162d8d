"""The wave absorber: theory it must obey, and that none of its holes can be exploited."""

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.experiment import Failure
from kgenesis.labs.simulators.aerospace_ocean import wave_absorber
from kgenesis.labs.simulators.aerospace_ocean.wave_absorber import (
    DENSITY,
    GRAVITY,
    SHAPES,
    Hydrodynamics,
    WaveAbsorber,
    absorb,
    hull_area,
    irregular_frequency,
    most_power,
    solve,
    spectrum,
    volume,
)

needs_engine = pytest.mark.skipif(find_spec("capytaine") is None, reason="Capytaine is not installed")

GOOD: dict[str, Any] = {"radius": 3.8, "draft": 3.0, "shape": "cone", "pto_damping": 207.0, "pto_stiffness": -140.0}


@pytest.fixture(scope="module")
def water() -> Hydrodynamics:
    """A hemisphere in water, solved once."""
    return solve("ellipsoid", 4.0, 4.0, np.linspace(0.35, 1.9, 8))


def found(**changes: Any) -> Any:
    """Return what the laboratory says of the good buoy, changed."""
    return WaveAbsorber().simulate({**GOOD, **changes}, np.random.default_rng(0))


# Theory


def test_a_sea_has_the_height_it_is_said_to_have() -> None:
    values = spectrum(2.0, 8.0)
    assert 4 * math.sqrt(wave_absorber.integral(values)) == pytest.approx(2.0, rel=0.005)
    assert wave_absorber.GRID[values.argmax()] == pytest.approx(2 * math.pi / 8.0, abs=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_volumes_and_areas_are_those_of_the_outline(shape: str) -> None:
    outline = wave_absorber.profile(shape, 4.0, 3.0, 400, 200)
    r, z = outline[:, 0] / outline[:, 0].max() * 4.0, outline[:, 1]
    turned = abs(float(np.trapezoid(math.pi * r**2, z)))
    skin = float((math.pi * (r[1:] + r[:-1]) * np.hypot(np.diff(r), np.diff(z))).sum())
    assert volume(shape, 4.0, 3.0) == pytest.approx(turned, rel=0.005)
    assert hull_area(shape, 4.0, 3.0) == pytest.approx(skin + 2 * math.pi * 4 * 1.5 + math.pi * 16, rel=0.003)


def test_short_bodies_have_their_first_irregular_frequency_higher() -> None:
    assert irregular_frequency(5.0, 50.0) == pytest.approx(math.sqrt(GRAVITY * 2.404826 / 5.0))
    assert irregular_frequency(5.0, 2.0) > irregular_frequency(5.0, 5.0)


@needs_engine
def test_it_agrees_with_haskind_with_the_greatest_capture_width_and_with_hydrostatics() -> None:
    checks = list(WaveAbsorber().checks())
    assert len(checks) == 3
    assert [check for check in checks if not check.holds] == []


@needs_engine
def test_boundary_elements_go_wrong_where_nothing_is_solved() -> None:
    """The first irregular frequency shows where it is foretold: energy given and taken do not agree there."""
    foretold = irregular_frequency(5.0, 5.0)
    near = solve("cylinder", 5.0, 5.0, np.array([0.7 * foretold, foretold]))
    unequal = abs(abs(near.excitation) ** 2 / near.haskind() - 1)
    assert unequal[0] < 0.1 < unequal[1]


@needs_engine
def test_a_finer_mesh_changes_damping_and_added_mass_by_little() -> None:
    coarse, fine = (solve("cylinder", 4.0, 4.0, np.array([0.9]), along=a, below=b) for a, b in ((4, 2), (10, 6)))
    assert coarse.damping == pytest.approx(fine.damping, rel=0.04)
    assert coarse.added_mass == pytest.approx(fine.added_mass, rel=0.06)


@needs_engine
def test_no_generator_takes_more_than_the_seas_hold(water: Hydrodynamics) -> None:
    rng = np.random.default_rng(1)
    mass, own = DENSITY * volume("ellipsoid", 4.0, 4.0), DENSITY * GRAVITY * math.pi * 16
    for _ in range(100):
        spring, damping = rng.uniform(-0.9 * own, own), 10 ** rng.uniform(3, 7)
        power = absorb(water, mass, own + spring, damping, spring)["power"]
        assert 0 < power < most_power() / 1000


@needs_engine
def test_a_generator_that_does_not_brake_or_holds_fast_takes_nothing(water: Hydrodynamics) -> None:
    mass, own = DENSITY * volume("ellipsoid", 4.0, 4.0), DENSITY * GRAVITY * math.pi * 16
    powers = [absorb(water, mass, own, damping, 0.0)["power"] for damping in (1.0, 1e5, 1e11)]
    assert powers[0] < 0.01 * powers[1]
    assert powers[2] < 0.01 * powers[1]


# The laboratory


@needs_engine
def test_a_good_buoy_keeps_its_books() -> None:
    values = found()
    assert not isinstance(values, Failure)
    assert 20 < values["power"] < 40
    assert values["part_of_bound"] == pytest.approx(values["power"] * 1000 / most_power(), rel=1e-4)


@needs_engine
@pytest.mark.parametrize(
    "change",
    [
        {"shape": "sphere"},
        {"radius": 0.1},
        {"radius": math.nan},
        {"draft": 0.1},
        {"pto_damping": 0.0},
        {"pto_damping": -50.0},
        {"pto_stiffness": -440.0},
        {"pto_stiffness": math.nan},
    ],
)
def test_buoys_that_do_not_float_or_generators_that_drive_are_infeasible(change: dict[str, Any]) -> None:
    failure = found(**change)
    assert isinstance(failure, Failure)
    assert failure.kind == "infeasible"


@pytest.mark.parametrize(("damping", "force"), [(-1.0, 1.0), (1.0, 2.0), (math.nan, 1.0)])
def test_water_that_gives_energy_away_is_a_crash(monkeypatch: pytest.MonkeyPatch, damping: float, force: float) -> None:
    def nonsense(_shape: str, radius: float, _draft: float, frequencies: np.ndarray) -> Hydrodynamics:
        size = DENSITY * frequencies * radius**3
        honest = Hydrodynamics(frequencies, size, size, np.ones(len(frequencies), dtype=complex))
        forces = force * np.sqrt(honest.haskind()).astype(complex)
        return Hydrodynamics(frequencies, size, damping * size, forces)

    monkeypatch.setattr(wave_absorber, "solve", nonsense)
    failure = found()
    assert isinstance(failure, Failure)
    assert failure.kind == "crashed"
