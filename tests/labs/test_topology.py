"""The topology optimisation: elements, filter and judge by themselves, and that no hole can be exploited."""

from collections.abc import Mapping

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.advanced_robotics_manufacturing import topology
from kgenesis.labs.simulators.advanced_robotics_manufacturing.topology import (
    ELEMENT,
    MASS,
    MESHES,
    Mesh,
    Topology,
    frame,
    judge,
    made,
    optimise,
    plate,
)
from kgenesis.testing.labs import Factory, LabCases

GOOD: Mapping[str, Value] = {
    "volume": 0.37,
    "radius": 0.08,
    "penalty": 3.0,
    "sideways": 0.0,
    "ends": 0.5,
    "overhang": 0.0,
    "mesh": "coarse",
}


def measure(**changed: Value) -> Measurement | Failure:
    return Topology().measure(Task(ExperimentId("exp_1"), 1, {**GOOD, **changed}, (1, 2)))


class TestTopology(LabCases):
    """The lab keeps the promises of every lab."""

    @pytest.fixture
    def factory(self) -> Factory:
        return Topology.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("topology").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "volume": 0.95}


def test_its_own_checks_hold() -> None:
    checks = list(Topology().checks())
    assert len(checks) == 2
    assert [check for check in checks if not check.holds] == []


def test_an_element_resists_strain_but_no_rigid_motion() -> None:
    x, y = np.array([0.0, 1, 1, 0]), np.array([0.0, 0, 1, 1])
    motions = [(np.ones(4), 0 * y), (0 * x, np.ones(4)), (-y, x)]
    for across, down in motions:
        assert ELEMENT @ np.stack([across, down], 1).ravel() == pytest.approx(np.zeros(8), abs=1e-12)
    assert np.linalg.eigvalsh(ELEMENT)[3] > 0.1
    stretched = np.stack([x, 0 * y], 1).ravel()
    assert stretched @ ELEMENT @ stretched == pytest.approx(1 / (1 - topology.POISSON**2))  # plane stress, sides held


def test_the_banded_solution_is_that_of_the_whole_matrix() -> None:
    mesh, rng = Mesh(5, 4), np.random.default_rng(1)
    stiffness = rng.uniform(0.1, 1, 20)
    whole = np.zeros((mesh.n, mesh.n))
    for dofs, factor in zip(mesh.dofs, stiffness, strict=True):
        whole[np.ix_(dofs, dofs)] += factor * ELEMENT
    held = [0, 1, 7, 31]
    free = np.setdiff1d(np.arange(mesh.n), held)
    forces = rng.normal(size=(mesh.n, 2))
    moved = mesh.displacements(stiffness, held, forces)
    assert moved[held] == pytest.approx(np.zeros((4, 2)))
    assert moved[free] == pytest.approx(np.linalg.solve(whole[np.ix_(free, free)], forces[free]))
    energies = stiffness @ mesh.energies(moved)
    assert energies == pytest.approx([moved[:, k] @ whole @ moved[:, k] for k in (0, 1)])


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.4])
def test_the_filter_weighs_by_distance(radius: float) -> None:
    mesh = Mesh(7, 5)
    column, row = np.divmod(np.arange(35), 5)
    distance = np.hypot(column[:, None] - column, row[:, None] - row)
    wanted = np.maximum(0, radius - distance)
    np.fill_diagonal(wanted, radius)
    assert mesh.cone(radius).toarray() == pytest.approx(wanted)


def test_the_optimiser_keeps_the_volume_and_what_is_solid_and_beats_an_even_grey() -> None:
    structure = frame(16, 2)
    weights = np.full(10, 0.1)
    density, _ = optimise(structure, volume=0.4, radius=1.5, penalty=3.0, weights=weights)
    assert density.mean() == pytest.approx(0.4, abs=1e-3)
    assert (density[structure.solid] == 1).all()
    even = np.where(structure.solid, 1.0, (0.4 - structure.solid.mean()) / (1 - structure.solid.mean()))
    found, grey = (
        (topology.VOID + x**3 * (1 - topology.VOID)) @ structure.compliances(x, 3.0)[1] @ weights
        for x in (density, even)
    )
    assert found < 0.5 * grey


def test_grey_is_not_material_and_loose_parts_are_lost() -> None:
    structure = frame(16, 2)
    shape = 32, 16
    nearly = np.where(structure.solid, 1.0, 0.499)
    assert made(nearly, structure) is None
    density = np.where(structure.solid, 1.0, 0.0).reshape(shape)
    density[2:4, :] = density[-4:-2, :] = 1.0
    whole = made(density.ravel(), structure)
    assert whole is not None
    density[14:18, 6:10] = 1.0
    loose = made(density.ravel(), structure)
    assert loose is not None
    assert (loose == whole).all()


def test_a_checkerboard_cannot_be_made() -> None:
    structure = frame(32, 4)
    column, row = np.divmod(np.arange(64 * 32), 32)
    checkered = np.where(structure.solid, 1.0, (column + row) % 2)
    assert made(checkered, structure) is None
    legs = np.where(np.isin(column, [4, 5, 6, 7, 56, 57, 58, 59]), 1.0, checkered)
    part = made(legs, structure)
    assert part is not None
    assert part.mean() < 0.3  # the legs, the deck, and no checkerboard


def test_the_full_plate_is_stiffest_and_weighs_what_aluminium_weighs() -> None:
    stiffness, mass = judge(np.ones((32, 16), bool), 0)
    assert mass == MASS == pytest.approx(0.4 * 0.2 * 0.01 * 2700)
    found = measure()
    assert isinstance(found, Measurement)
    assert found.mean("stiffness") < stiffness


def test_the_deck_is_loaded_by_as_much_on_every_mesh() -> None:
    for rows in (*MESHES.values(), 64):
        forces = frame(rows, rows // 8).forces
        assert -forces[1::2, :5].sum(axis=0) == pytest.approx(np.ones(5))
        assert forces[::2, 5:].sum(axis=0) == pytest.approx(np.ones(5))
        assert frame(rows, rows // 8).solid.mean() == pytest.approx(frame(16, 2).solid.mean())


def test_the_coarse_mesh_tells_of_the_fine_one() -> None:
    coarse, fine = measure(), measure(mesh="fine")
    assert isinstance(coarse, Measurement)
    assert isinstance(fine, Measurement)
    assert fine.mean("stiffness") == pytest.approx(coarse.mean("stiffness"), rel=0.2)
    assert plate(MESHES["fine"]).n > 3.5 * plate(MESHES["coarse"]).n


@pytest.mark.parametrize("wrong", [{"mesh": "finest"}, {"penalty": 0.5}, {"overhang": 0.5}, {"volume": float("nan")}])
def test_settings_the_method_does_not_have_are_infeasible(wrong: dict[str, Value]) -> None:
    found = measure(**wrong)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"
