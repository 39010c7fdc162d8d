"""The loading of a core: its neutron diffusion, and that none of its holes can be exploited."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Value
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.next_generation_nuclear.core_loading import FUELS, PLACES, CoreLoading, layout_of
from kgenesis.labs.simulators.next_generation_nuclear.diffusion import BIBLIS, IAEA, Benchmark, Material, solve
from kgenesis.testing.labs import Factory, LabCases

GOOD = dict.fromkeys(PLACES, "fuel-2") | dict.fromkeys(("p40", "p31", "p41", "p22", "p32"), "fuel-4")


class TestCoreLoading(LabCases):
    """The promises that every laboratory makes."""

    @pytest.fixture
    def factory(self) -> Factory:
        return CoreLoading.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("core-loading").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD


# The physics


@pytest.mark.slow
def test_it_agrees_with_what_is_known() -> None:
    for check in CoreLoading().checks():
        assert check.holds, check


@pytest.mark.parametrize("core", [IAEA, BIBLIS], ids=["IAEA", "Biblis"])
def test_a_published_core_is_approached_as_the_mesh_is_refined(core: Benchmark) -> None:
    errors = [abs(core.solve(cells).k - core.k) for cells in (4, 8)]
    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < 2e-4


def test_the_error_of_a_bare_square_falls_with_the_square_of_the_cell() -> None:
    fuel, pitch = BIBLIS.materials[3], 20.0
    exact = fuel.k_bare(2 * (math.pi / (9 * pitch)) ** 2)
    errors = [solve(np.ones((5, 5), dtype=int), (fuel,), pitch, cells=c, albedo=1e9).k - exact for c in (2, 4, 8)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_power_in_a_bare_square_is_a_product_of_cosines() -> None:
    found = solve(np.ones((5, 5), dtype=int), (BIBLIS.materials[0],), 20.0, cells=16, albedo=1e9)
    edges = np.maximum(np.arange(6) - 0.5, 0) * math.pi / 9
    means = np.diff(np.sin(edges)) / np.diff(edges)
    expected = np.outer(means, means)
    assert found.powers / found.powers[0, 0] == pytest.approx(expected / expected[0, 0], rel=2e-3)


def test_without_leakage_it_multiplies_as_an_endless_lattice() -> None:
    fuel = BIBLIS.materials[1]
    found = solve(np.ones((3, 3), dtype=int), (fuel,), 23.0, cells=2, albedo=1e-12)
    assert found.k == pytest.approx(fuel.k_infinite, rel=1e-9)
    assert found.powers == pytest.approx(np.ones((3, 3)), rel=1e-6)


def test_absorber_lowers_k_and_leakage_does() -> None:
    poisoned = Material((1.4, 0.36), (0.01, 0.09), 0.017, (0.006, 0.1))
    clean = Material((1.4, 0.36), (0.01, 0.08), 0.017, (0.006, 0.1))
    assert poisoned.k_infinite < clean.k_infinite
    assert clean.k_bare(1e-3) < clean.k_bare(1e-4) < clean.k_infinite


# The core


def test_the_core_has_57_assemblies_and_is_its_own_mirror_image() -> None:
    layout = layout_of(GOOD)
    assert (layout == layout.T).all()
    fuelled = np.isin(layout, list(FUELS.values()))
    full = fuelled.sum() * 4 - 2 * fuelled[0].sum() - 2 * fuelled[:, 0].sum() + fuelled[0, 0]
    assert full == 57
    assert layout[4, 1] == layout[1, 4] == FUELS[GOOD["p41"]]


def test_relative_powers_average_to_one_over_the_whole_core() -> None:
    lab = CoreLoading()
    powers = lab.solve(layout_of(GOOD), 6).powers
    weights = np.outer(np.where(np.arange(7), 2, 1), np.where(np.arange(7), 2, 1))
    assert (powers * weights).sum() / 57 == pytest.approx(1)


def test_every_fuel_at_every_place_gives_a_core() -> None:
    lab, rng = CoreLoading(), np.random.default_rng(7)
    for _ in range(20):
        found = lab.simulate({place: rng.choice(list(FUELS)) for place in PLACES}, rng)
        assert not isinstance(found, Failure)
        assert found["local_peak"] >= found["peak"] >= 1


def test_an_odd_number_of_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        IAEA.solve(3)
