"""Solve two-group neutron diffusion in a quarter of a core, and keep two published cores to check it by.

    -∇·D₁∇φ₁ + (D₁B² + Σa₁ + Σ₁₂) φ₁ = (νΣf₁ φ₁ + νΣf₂ φ₂) / k        all fission neutrons are born fast
    -∇·D₂∇φ₂ + (D₂B² + Σa₂)       φ₂ = Σ₁₂ φ₁                          no up-scattering

(Duderstadt and Hamilton, Nuclear Reactor Analysis, 1976, ch. 7.) Cells of equal size, fluxes at their centres, currents
between them from continuity of flux and current; mirrors along both axes, which cut the assemblies of the first row and
column in half; at the outer edge the outward current is `albedo` times the flux. B² stands for leakage along the height.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

VACUUM = 0.5
"""Outward current over flux where nothing comes back in (Marshak)."""

MOST_ITERATIONS = 500
"""Of the eigenvalue solver; it takes some thirty."""


@dataclass(frozen=True, slots=True)
class Material:
    """Two-group constants of a homogenised assembly, in cm and 1/cm."""

    diffusion: tuple[float, float]
    absorption: tuple[float, float]
    slowing: float
    """Scattering from the fast to the thermal group."""
    production: tuple[float, float] = (0.0, 0.0)
    """Neutrons from fission, νΣf."""
    fission: tuple[float, float] = (0.0, 0.0)
    """Fissions, hence power, Σf; up to a factor that is the same for all materials."""

    @property
    def k_infinite(self) -> float:
        """Multiplication in an endless lattice of this material."""
        fast, thermal = self.production
        return (fast + thermal * self.slowing / self.absorption[1]) / (self.absorption[0] + self.slowing)

    def k_bare(self, buckling: float) -> float:
        """Multiplication in a bare homogeneous reactor of this geometric buckling (1/cm²)."""
        fast, thermal = (d * buckling + a for d, a in zip(self.diffusion, self.absorption, strict=True))
        return (self.production[0] + self.production[1] * self.slowing / thermal) / (fast + self.slowing)


@dataclass(frozen=True, slots=True)
class Solution:
    """The fundamental mode."""

    k: float
    """Effective multiplication factor."""
    powers: Array
    """(n, n): power of each assembly over the mean of all assemblies that have any; zero elsewhere."""
    local_peak: float
    """Highest power of a cell over the mean of all cells that have any."""


def solve(
    layout: NDArray[np.int_],
    materials: tuple[Material, ...],
    pitch: float,
    *,
    cells: int,
    buckling: float = 0.0,
    albedo: float = VACUUM,
) -> Solution:
    """Find the fundamental mode of a quarter core.

    Args:
        layout: (n, n) number of the material at each place, from 1; 0 is void. The first row and column lie on the axes.
        materials: what the numbers stand for.
        pitch: width of an assembly, cm.
        cells: cells along an assembly's edge; even, so that the axes fall between cells.
        buckling: axial, 1/cm².
        albedo: outward current over flux at the outer edge.

    Raises:
        ValueError: `cells` is odd, or the mode was not found.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs, splu

    if cells % 2:
        msg = "an even number of cells, so that the axes fall between them"
        raise ValueError(msg)
    fine = np.repeat(np.repeat(layout, cells, 0), cells, 1)[cells // 2 :, cells // 2 :]
    inside = fine > 0
    kinds = fine[inside] - 1
    constants = np.array([(*m.diffusion, *m.absorption, m.slowing, *m.production, *m.fission) for m in materials])
    d1, d2, a1, a2, slowing, p1, p2, f1, f2 = constants[kinds].T
    width = pitch / cells
    fast = splu(_leakage(inside, d1, width, albedo, d1 * buckling + a1 + slowing))
    thermal = splu(_leakage(inside, d2, width, albedo, d2 * buckling + a2))

    def generation(born: Array) -> Array:
        one = fast.solve(born)
        return np.asarray(p1 * one + p2 * thermal.solve(slowing * one))

    n = len(kinds)
    try:
        values, modes = eigs(
            LinearOperator((n, n), matvec=generation), k=1, v0=p1 + p2, tol=1e-9, maxiter=MOST_ITERATIONS
        )
    except ArpackError as error:
        raise ValueError(str(error)) from error
    k, born = float(values[0].real), modes[:, 0].real
    one = fast.solve(born)
    power = np.zeros(fine.shape)
    power[inside] = f1 * one + f2 * thermal.solve(slowing * one)
    mean = power.sum() / np.count_nonzero(power)
    return Solution(k, _powers(power, layout, cells), float((power / mean).max()))


def _powers(power: Array, layout: NDArray[np.int_], cells: int) -> Array:
    """Return relative powers of whole assemblies from those of cells, whatever the sign of the mode."""
    n = len(layout)
    edges = np.maximum(np.arange(n) * cells - cells // 2, 0)
    sums = np.add.reduceat(np.add.reduceat(power, edges, 0), edges, 1)
    halves = np.where(np.arange(n) == 0, 0.5, 1.0)
    share = np.outer(halves, halves)  # of each assembly that lies in the quarter
    fuelled = sums != 0
    return np.asarray(sums / share * share[fuelled].sum() / sums.sum())


def _leakage(inside: NDArray[np.bool_], diffusion: Array, width: float, albedo: float, removal: Array) -> Any:
    """Return the matrix of leakage and removal (sparse, n x n) over the cells inside."""
    from scipy.sparse import coo_matrix

    n = len(removal)
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(n)
    padded = np.pad(number, ((0, 1), (0, 1)), constant_values=-1)
    diagonal = removal.copy()
    rows, columns, entries = [np.arange(n)], [np.arange(n)], [diagonal]
    for one, two in ((padded[:-1, :-1], padded[1:, :-1]), (padded[:-1, :-1], padded[:-1, 1:])):
        both = (one >= 0) & (two >= 0)
        i, j = one[both], two[both]
        coupling = 2 * diffusion[i] * diffusion[j] / (diffusion[i] + diffusion[j]) / width**2
        np.add.at(diagonal, i, coupling)
        np.add.at(diagonal, j, coupling)
        rows += [i, j]
        columns += [j, i]
        entries += [-coupling, -coupling]
        for edge in (one[(one >= 0) & (two < 0)], two[(two >= 0) & (one < 0)]):
            np.add.at(diagonal, edge, 1 / (width / (2 * diffusion[edge]) + 1 / albedo) / width)
    matrix = coo_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n))
    return matrix.tocsc()


# ---- published cores ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A core whose multiplication factor is published."""

    layout: NDArray[np.int_]
    materials: tuple[Material, ...]
    pitch: float
    k: float
    source: str
    buckling: float = 0.0
    albedo: float = VACUUM

    def solve(self, cells: int) -> Solution:
        """Solve it on a mesh of so many cells an assembly."""
        return solve(self.layout, self.materials, self.pitch, cells=cells, buckling=self.buckling, albedo=self.albedo)


def _layout(*rows: str) -> NDArray[np.int_]:
    return np.array([[int(c) for c in row] for row in rows])


IAEA = Benchmark(
    _layout(
        "322232214",
        "222222214",
        "222222114",
        "222222144",
        "322231140",
        "222211440",
        "221114400",
        "111444000",
        "444400000",
    ),
    (
        Material((1.5, 0.4), (0.01, 0.080), 0.02, (0.0, 0.135), (0.0, 0.135)),
        Material((1.5, 0.4), (0.01, 0.085), 0.02, (0.0, 0.135), (0.0, 0.135)),
        Material((1.5, 0.4), (0.01, 0.130), 0.02, (0.0, 0.135), (0.0, 0.135)),
        Material((2.0, 0.3), (0.0, 0.010), 0.04),
    ),
    pitch=20.0,
    k=1.02959,
    source="Argonne Code Center, Benchmark Problem Book, ANL-7416 Suppl. 2 (1977), problem 11-A2",
    buckling=0.8e-4,
    albedo=0.4692,
)
"""The IAEA's two-dimensional pressurised-water reactor."""

BIBLIS = Benchmark(
    _layout(
        "182617143",
        "818281143",
        "281827143",
        "628281843",
        "182825433",
        "717154430",
        "111844330",
        "444433300",
        "333330000",
    ),
    (
        Material((1.4360, 0.3635), (0.0095042, 0.075058), 0.017754, (0.0058708, 0.096067), (0.0023768, 0.038894)),
        Material((1.4366, 0.3636), (0.0096785, 0.078436), 0.017621, (0.0061908, 0.103580), (0.0025064, 0.041935)),
        Material((1.3200, 0.2772), (0.0026562, 0.071596), 0.023106),
        Material((1.4389, 0.3638), (0.0103630, 0.091408), 0.017101, (0.0074527, 0.132360), (0.0030173, 0.053587)),
        Material((1.4381, 0.3665), (0.0100030, 0.084828), 0.017290, (0.0061908, 0.103580), (0.0025064, 0.041935)),
        Material((1.4385, 0.3665), (0.0101320, 0.087314), 0.017192, (0.0064285, 0.109110), (0.0026026, 0.044174)),
        Material((1.4389, 0.3679), (0.0101650, 0.088024), 0.017125, (0.0061908, 0.103580), (0.0025064, 0.041935)),
        Material((1.4393, 0.3680), (0.0102940, 0.090510), 0.017027, (0.0064285, 0.109110), (0.0026026, 0.044174)),
    ),
    pitch=23.1226,
    k=1.02511,
    source="Nakata and Martin, Nucl. Sci. Eng. 85 (1983); k as quoted for it in validations of nodal codes",
)
"""The checkerboard core of Biblis; its seven kinds of fuel are what the mission `core-loading` loads."""
