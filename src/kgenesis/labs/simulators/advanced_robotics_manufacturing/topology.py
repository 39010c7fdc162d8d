"""Design a machine's frame by topology optimisation: settings of the method in, the frame that can be made out.

A plate 400 mm long, 200 mm high and 10 mm thick carries a load that may stand at five places of its deck and pull up to
`TILT` from the vertical; it stands on two feet. Where to leave material is decided by SIMP (Bendsøe and Sigmund 1999,
Archive of Applied Mechanics 69, 635): each of a mesh's square elements (bilinear, plane stress) has a density x and
the stiffness E_min + x^p (E - E_min), and the mean compliance over all loads is minimised at a given volume with the optimality
criteria and the filtered sensitivities of Andreassen et al. (2011, Structural and Multidisciplinary Optimization 43, 1,
equations 1-9), for `ITERATIONS` or until nothing changes by more than 1 %.

What counts is not that grey picture but the part made from it (`made`): densities are cut at one half, what a tool of
`WIDTH` cannot leave standing is lost, and so is what does not hang together with the deck. The part is analysed on a mesh
twice as fine: least stiffness (load over deflection in its direction) of all places and directions, and mass.

`mesh` is the fidelity: `fine` has four times the elements of `coarse`.

Left out: buckling, stress, the third dimension, joints of the feet (they hold both ways, as if bolted).

What an optimiser would exploit, and how each hole is closed:

- *Grey material*, stiff for its weight: the part judged is solid or not there.
- *Checkerboards* and members one element thin, which look stiff to bilinear elements (Díaz and Sigmund 1995,
  Structural Optimization 10, 40): the tool does not leave them, and the judge's mesh is finer.
- *Loose parts*: lost. A deck that does not hang together with both feet is `infeasible`.
- *More volume than asked*: mass is that of the part made.
- *Loads it was designed for*: it is judged by `PLACES` and `TILT`, whatever weights and directions it was designed with.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, infeasible

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float64]

HEIGHT, THICKNESS = 0.2, 0.01
"""m; the plate is twice as long as high."""

YOUNG, POISSON, DENSITY = 70e9, 0.3, 2700.0
"""Pa, 1, kg/m³: aluminium."""

MASS = DENSITY * 2 * HEIGHT**2 * THICKNESS
"""kg; of the full plate."""

TILT = math.radians(20)
"""Either way from the vertical."""

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where the load stands, in parts of the length."""

MESHES = {"coarse": 16, "fine": 32}
"""Elements along the height."""

WIDTH = 1 / 16
"""Least width of a member, and thickness of deck and feet, in parts of the height."""

VOID = 1e-9
"""Stiffness of no material over that of material."""

ITERATIONS, MOVE, CHANGE = 30, 0.2, 0.01
"""At most so many steps, none larger than MOVE; done when none is larger than CHANGE."""

LIMITS = {
    "volume": (0.1, 0.9),
    "radius": (0.0, 0.5),
    "penalty": (1.0, 6.0),
    "sideways": (0.0, 90.0),
    "ends": (0.0, 1.0),
    "overhang": (0.0, 0.4),
}
"""Where the method has a meaning; deck and feet alone are 0.07 of the volume."""

DIGITS = 6
"""Significant digits of what comes out."""


@dataclass(frozen=True)
class Mesh:
    """Square bilinear elements of side 1, numbered column by column from the top left; E = 1, thickness 1."""

    columns: int
    rows: int

    @property
    def n(self) -> int:
        """How many degrees of freedom there are: 2 a node, right and down."""
        return 2 * (self.columns + 1) * (self.rows + 1)

    @property
    def band(self) -> int:
        """How far from the diagonal the stiffness matrix reaches."""
        return 2 * (self.rows + 1) + 3

    def node(self, column: int, row: int) -> int:
        """Return the number of a node; its degrees of freedom are 2 node and 2 node + 1."""
        return column * (self.rows + 1) + row

    @cached_property
    def dofs(self) -> NDArray[np.int64]:
        """Degrees of freedom of each element (n_elements, 8): lower left, lower right, upper right, upper left."""
        column, row = np.divmod(np.arange(self.columns * self.rows), self.rows)
        upper = column * (self.rows + 1) + row
        nodes = np.stack([upper + 1, upper + self.rows + 2, upper + self.rows + 1, upper], axis=1)
        return np.stack([2 * nodes, 2 * nodes + 1], axis=2).reshape(-1, 8)

    @cached_property
    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where entries of the elements' matrices stand in the lower band, and which of them do."""
        i, j = self.dofs[:, :, None], self.dofs[:, None, :]
        lower = i >= j
        return ((i - j) * self.n + j)[lower], lower

    def displacements(self, stiffness: Array, held: Sequence[int], forces: Array) -> Array:
        """Return the displacements (n, n_loads) under forces (n, n_loads), where some degrees of freedom are held.

        Raises:
            LinAlgError: the structure is not held.
        """
        from scipy.linalg import cho_solve_banded, cholesky_banded

        places, lower = self._places
        values = (stiffness[:, None, None] * ELEMENT)[lower]
        band = np.bincount(places, values, minlength=(self.band + 1) * self.n).reshape(self.band + 1, self.n)
        for dof in held:
            band[:, dof] = 0.0
            back = np.arange(1, min(self.band, dof) + 1)
            band[back, dof - back] = 0.0
            band[0, dof] = 1.0
        free = forces.copy()
        free[list(held)] = 0.0
        found: Array = cho_solve_banded((cholesky_banded(band, lower=True, check_finite=False), True), free)
        return found

    def energies(self, displacements: Array) -> Array:
        """Return twice the strain energy of each element at full stiffness, under each load (n_elements, n_loads)."""
        own = displacements[self.dofs]
        found: Array = np.einsum("eil,ij,ejl->el", own, ELEMENT, own)
        return found

    def cone(self, radius: float) -> "csr_array":
        """Return the filter's weights max(0, radius - distance) (n_elements, n_elements), radius in elements."""
        from scipy.sparse import csr_array

        reach = max(math.ceil(radius) - 1, 0)
        index = np.arange(self.columns * self.rows).reshape(self.columns, self.rows)
        i, j, w = [], [], []
        for a in range(-reach, reach + 1):
            for b in range(-reach, reach + 1):
                weight = radius - math.hypot(a, b)
                if weight <= 0 and (a, b) != (0, 0):
                    continue
                here = index[max(0, -a) : self.columns - max(0, a), max(0, -b) : self.rows - max(0, b)]
                there = index[max(0, a) : self.columns + min(0, a), max(0, b) : self.rows + min(0, b)]
                i.append(here.ravel())
                j.append(there.ravel())
                w.append(np.full(here.size, weight if weight > 0 else 1.0))
        size = self.columns * self.rows
        return csr_array((np.concatenate(w), (np.concatenate(i), np.concatenate(j))), shape=(size, size))


def _element() -> Array:
    """Return the stiffness matrix (8, 8) of a bilinear square, E = 1: Andreassen et al. 2011, their code's lines 6-12."""
    a11 = [[12, 3, -6, -3], [3, 12, 3, 0], [-6, 3, 12, -3], [-3, 0, -3, 12]]
    a12 = [[-6, -3, 0, 3], [-3, -6, -3, -6], [0, -3, -6, 3], [3, -6, 3, -6]]
    b11 = [[-4, 3, -2, 9], [3, -4, -9, 4], [-2, -9, -4, -3], [9, 4, -3, -4]]
    b12 = [[2, -3, 4, -9], [-3, 2, 9, -2], [4, 9, 2, 3], [-9, -2, 3, 2]]
    a = np.block([[np.array(a11), np.array(a12)], [np.array(a12).T, np.array(a11)]])
    b = np.block([[np.array(b11), np.array(b12)], [np.array(b12).T, np.array(b11)]])
    found: Array = (a + POISSON * b) / (1 - POISSON**2) / 24
    return found


ELEMENT = _element()


@dataclass(frozen=True)
class Structure:
    """A mesh, how it is held and loaded, and what is solid whatever else is decided."""

    mesh: Mesh
    held: tuple[int, ...]
    forces: Array
    """(n, n_loads)"""
    solid: NDArray[np.bool_]
    """(n_elements,)"""

    def compliances(self, density: Array, penalty: float = 1.0) -> tuple[Array, Array]:
        """Return displacements (n, n_loads) and the mesh's energies (n_elements, n_loads) at a density (n_elements,)."""
        found = self.mesh.displacements(VOID + density**penalty * (1 - VOID), self.held, self.forces)
        return found, self.mesh.energies(found)


def optimise(
    structure: Structure, *, volume: float, radius: float, penalty: float, weights: Array, iterations: int = ITERATIONS
) -> tuple[Array, float]:
    """Return densities (n_elements,) of least weighted compliance at a volume, and that compliance.

    Args:
        structure: what carries which loads.
        volume: part of the mesh that is filled.
        radius: of the filter, in elements.
        penalty: power of the density in the stiffness.
        weights: (n_loads,)
        iterations: at most.
    """
    cone = structure.mesh.cone(radius)
    total = np.asarray(cone.sum(axis=1)).ravel()
    density = np.full(structure.solid.size, volume)
    compliance = math.nan
    for _ in range(iterations):
        x = np.where(structure.solid, 1.0, density)
        _, energies = structure.compliances(x, penalty)
        energy = energies @ weights
        compliance = float((VOID + x**penalty * (1 - VOID)) @ energy)
        slope = -penalty * (1 - VOID) * x ** (penalty - 1) * energy
        slope = (cone @ (x * slope)) / total / np.maximum(1e-3, x)
        low, high = 0.0, 1e9
        lowest, highest = np.maximum(0.0, density - MOVE), np.minimum(1.0, density + MOVE)
        while (high - low) / (high + low) > 1e-3:  # noqa: PLR2004  (as in the code this follows)
            middle = (low + high) / 2
            new = np.clip(density * np.sqrt(-slope / middle), lowest, highest)
            new[structure.solid] = 1.0
            low, high = (middle, high) if new.mean() > volume else (low, middle)
        change = float(abs(new - density)[~structure.solid].max())
        density = new
        if change <= CHANGE:
            break
    return np.where(structure.solid, 1.0, density), compliance


@cache
def plate(rows: int) -> Mesh:
    """Return the mesh of the plate, made once in a process."""
    return Mesh(2 * rows, rows)


@lru_cache(maxsize=4)
def frame(rows: int, overhang: int) -> Structure:
    """Return the empty plate: a deck on top, two feet below, a load down and one to the right at each of `PLACES`.

    Args:
        rows: elements along the height; a multiple of 16.
        overhang: elements from an end of the plate to its foot.
    """
    mesh, thick = plate(rows), round(WIDTH * rows)
    solid = np.zeros((mesh.columns, mesh.rows), bool)
    solid[:, :thick] = True
    held: list[int] = []
    for begin in (overhang, mesh.columns - 2 * thick - overhang):
        solid[begin : begin + 2 * thick, -thick:] = True
        held += [2 * mesh.node(c, rows) + d for c in range(begin, begin + 2 * thick + 1) for d in (0, 1)]
    forces = np.zeros((mesh.n, 2 * len(PLACES)))
    for k, place in enumerate(PLACES):
        # As wide as the deck is thick, so that it does not depend on the mesh.
        first = min(max(round(place * mesh.columns) - thick // 2, 0), mesh.columns - thick)
        for column in range(first, first + thick + 1):
            share = (0.5 if column in (first, first + thick) else 1.0) / thick
            forces[2 * mesh.node(column, 0) + 1, k] = -share
            forces[2 * mesh.node(column, 0), len(PLACES) + k] = share
    return Structure(mesh, tuple(held), forces, solid.ravel())


def made(density: Array, structure: Structure) -> NDArray[np.bool_] | None:
    """Return what is left of a density (n_elements,) as a part (columns, rows); None if the deck has lost a foot."""
    from scipy import ndimage

    mesh = structure.mesh
    shape = mesh.columns, mesh.rows
    tool = np.ones((round(WIDTH * mesh.rows),) * 2, bool)
    cut = ndimage.binary_opening((density > 0.5).reshape(shape), tool)  # noqa: PLR2004
    pieces, _ = ndimage.label(cut)  # held together by edges, not by corners
    part: NDArray[np.bool_] = pieces == pieces[0, 0]
    return part if pieces[0, 0] and part.ravel()[structure.solid].all() else None


def judge(part: NDArray[np.bool_], overhang: int) -> tuple[float, float]:
    """Return the least stiffness under any load, N/µm, and the mass, kg, of a part (columns, rows) that stands on its feet."""
    finer = np.repeat(np.repeat(part, 2, axis=0), 2, axis=1).ravel().astype(np.float64)
    structure = frame(2 * part.shape[1], 2 * overhang)
    moved, _ = structure.compliances(finer)
    n = len(PLACES)
    flexibility = structure.forces.T @ moved
    down, across, both = (np.diag(block) for block in (flexibility[:n, :n], flexibility[n:, n:], flexibility[:n, n:]))
    angles = np.linspace(-TILT, TILT, 9)[:, None]
    compliance = np.cos(angles) ** 2 * down + np.sin(angles) ** 2 * across + np.sin(2 * angles) * both
    return 1e-6 * YOUNG * THICKNESS / float(compliance.max()), MASS * float(part.mean())


class Topology(Simulator):
    """The laboratory: settings of a topology optimisation in, stiffness and mass of the part made out; not random."""

    name = "topology"
    revision = "1"
    factors: ClassVar = {
        "volume": "1",
        "radius": "1",
        "penalty": "1",
        "sideways": "deg",
        "ends": "1",
        "overhang": "1",
        "mesh": LEVELS,
    }
    outcomes_in: ClassVar = {"stiffness": "N/um", "mass": "kg"}
    possible: ClassVar = {"stiffness": (0.0, math.inf), "mass": (0.0, MASS)}

    def simulate(self, conditions: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, float] | Failure:
        """Design the frame, make it, and load it."""
        del rng
        if conditions["mesh"] not in MESHES:
            return infeasible(f"no mesh is called {conditions['mesh']}", f"{conditions['mesh']}라는 격자는 없습니다")
        if any(not low <= conditions[name] <= high for name, (low, high) in LIMITS.items()):
            return infeasible("the method has no such setting", "이 방법에 없는 설정입니다")
        rows = MESHES[conditions["mesh"]]
        overhang = round(conditions["overhang"] * 2 * rows)
        structure = frame(rows, overhang)
        angle, ends = math.radians(conditions["sideways"]), conditions["ends"]
        places = np.array([ends if place in {0.0, 1.0} else 1 - ends for place in PLACES])
        weights = np.concatenate([math.cos(angle) ** 2 * places, math.sin(angle) ** 2 * places])
        density, _ = optimise(
            structure,
            volume=conditions["volume"],
            radius=conditions["radius"] * rows,
            penalty=conditions["penalty"],
            weights=weights / weights.sum(),
        )
        part = made(density, structure)
        if part is None:
            return infeasible("the part does not hang together", "부품이 이어져 있지 않습니다")
        stiffness, mass = judge(part, overhang)
        return {name: float(f"{value:.{DIGITS}g}") for name, value in (("stiffness", stiffness), ("mass", mass))}

    def checks(self) -> Iterator[Check]:
        """Compare the method with its authors' code, and the elements with Timoshenko's beam."""
        mesh = Mesh(60, 20)
        force = np.zeros((mesh.n, 1))
        force[1] = -1.0
        held = (*range(0, 2 * (mesh.rows + 1), 2), mesh.n - 1)
        beam = Structure(mesh, held, force, np.zeros(mesh.columns * mesh.rows, bool))
        _, found = optimise(beam, volume=0.5, radius=2.4, penalty=3.0, weights=np.ones(1), iterations=200)
        yield Check(
            what=say("compliance of the MBB beam, 60 × 20, radius 2.4", "MBB 보의 컴플라이언스, 60 × 20, 반지름 2.4"),
            found=found,
            expected=216.81,
            tolerance=0.01,
            unit="1",
            source="Andreassen et al. 2011, Struct. Multidisc. Optim. 43, 1, figure of the MBB beam, filter of sensitivities",
        )
        length, height = 200, 20
        mesh = Mesh(length, height)
        force = np.zeros((mesh.n, 1))
        end = [2 * mesh.node(length, row) + 1 for row in range(height + 1)]
        force[end, 0] = -np.array([0.5, *[1.0] * (height - 1), 0.5]) / height
        beam = Structure(mesh, tuple(range(2 * (height + 1))), force, np.zeros(length * height, bool))
        moved, _ = beam.compliances(np.ones(length * height))
        shear = 10 * (1 + POISSON) / (12 + 11 * POISSON) / (2 * (1 + POISSON))
        yield Check(
            what=say("deflection of a cantilever, length 10 heights", "길이가 높이의 10배인 외팔보의 처짐"),
            found=float(force[:, 0] @ moved[:, 0]),
            expected=4 * (length / height) ** 3 + length / height / shear,
            tolerance=0.005 * 4 * (length / height) ** 3,
            unit="F / (E t)",
            source="P L³ / (3 E I) + P L / (κ G A), κ = 10 (1 + ν) / (12 + 11 ν): Timoshenko; Cowper 1966",
        )
