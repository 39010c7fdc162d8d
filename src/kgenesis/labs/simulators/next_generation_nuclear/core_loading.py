"""Load a core of 57 assemblies, and say how evenly it burns and how much reactivity it has (own two-group diffusion).

A small pressurised-water reactor of 57 assemblies, 9 across and round as far as squares allow. One eighth of it is free:
eleven places, each with one of seven kinds of fuel, the other seven eighths being its mirror images. The kinds are the
seven fuels of the published Biblis benchmark (three enrichments, four with burnable absorbers), the reflector is its
reflector, one assembly thick, and beyond that is vacuum. Leakage along the height is a buckling (`height` plus twice
`saving`). Physics and constants: `diffusion`.

Left out: burn-up, feedback of temperature and xenon, boron, control rods, single fuel rods. The core is at the beginning
of its life, so `k_effective` above 1 is what burn-up, xenon and rods will take.

What an optimiser would exploit, and how each hole is closed:

- *A hot edge inside an assembly of modest mean power.* `local_peak` is the highest power anywhere on the mesh, an
  outcome to be limited beside `peak`, the highest of an assembly.
- *A mesh that flatters.* The mesh of experiments is compared with one three times as fine (`checks`).
- *A mode that is not the fundamental one.* Its power must be positive in every assembly, else `crashed`.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.next_generation_nuclear.diffusion import BIBLIS, IAEA, Solution, solve
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed

FUELS: Mapping[str, int] = {f"fuel-{n}": n for n in (1, 2, 4, 5, 6, 7, 8)}
"""Level → number of the material in the Biblis benchmark, as published."""

PLACES = ("p00", "p10", "p20", "p30", "p40", "p11", "p21", "p31", "p41", "p22", "p32")
"""The free places: p, then column and row of the assembly counted from the centre."""

REFLECTOR = 3
"""Number of the reflector in the Biblis benchmark."""

REACH = (4, 4, 3, 2, 1)
"""How far the fuel reaches in each row, counted from the centre: rows of 9, 9, 7, 5 and 3 assemblies."""

DECIMALS = 7
"""Of every outcome; the eigenvalue solver agrees with itself to 1e-9."""


class CoreLoadingSettings(Frozen):
    """The reactor around the fuel."""

    height: float = Field(default=200.0, ge=50, le=500)
    """Of the fuel, in cm."""
    saving: float = Field(default=8.0, ge=0, le=20)
    """What the reflectors above and below are worth, as height at each end, in cm."""
    cells: int = Field(default=6, ge=2, le=32, multiple_of=2)
    """Cells of the mesh along an assembly's edge."""


def layout_of(kinds: Mapping[str, str]) -> NDArray[np.int_]:
    """Return the quarter core (7, 7) of materials that kinds of fuel at the free places stand for."""
    core = np.zeros((7, 7), dtype=np.int_)
    for row, reach in enumerate(REACH):
        for column in range(reach + 1):
            core[row, column] = FUELS[kinds[f"p{max(row, column)}{min(row, column)}"]]
    fuelled = core > 0
    for row, column in np.ndindex(core.shape):  # every place that touches fuel, also at a corner, reflects
        near = fuelled[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if not fuelled[row, column] and near.any():
            core[row, column] = REFLECTOR
    return core


class CoreLoading(Simulator):
    """The laboratory: a kind of fuel for each of eleven places in; peaks of power and multiplication out."""

    name = "core-loading"
    revision = "1"
    factors: ClassVar = dict.fromkeys(PLACES, LEVELS)
    outcomes_in: ClassVar = {"peak": "1", "local_peak": "1", "k_effective": "1"}
    settings_type = CoreLoadingSettings
    possible: ClassVar = {
        "peak": (1.0, 57.0),
        "local_peak": (1.0, math.inf),
        "k_effective": (0.0, max(BIBLIS.materials[n - 1].k_infinite for n in FUELS.values())),  # no leakage at all
    }

    def __init__(self, settings: CoreLoadingSettings | None = None) -> None:
        super().__init__(settings)
        self.settings = settings or CoreLoadingSettings()

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Solve one core."""
        layout = layout_of(conditions)
        try:
            found = self.solve(layout, self.settings.cells)
        except ValueError as error:
            return crashed(f"no mode was found: {error}", f"고유 모드를 찾지 못했습니다: {error}")
        if (found.powers[np.isin(layout, list(FUELS.values()))] <= 0).any():
            return crashed("the mode found is not the fundamental one", "찾은 모드가 기본 모드가 아닙니다")
        outcomes = {"peak": float(found.powers.max()), "local_peak": found.local_peak, "k_effective": found.k}
        return {name: round(value, DECIMALS) for name, value in outcomes.items()}

    def solve(self, layout: NDArray[np.int_], cells: int) -> Solution:
        """Solve a quarter core of this reactor.

        Raises:
            ValueError: the mode was not found.
        """
        buckling = (math.pi / (self.settings.height + 2 * self.settings.saving)) ** 2
        return solve(layout, BIBLIS.materials, BIBLIS.pitch, cells=cells, buckling=buckling)

    def checks(self) -> Iterator[Check]:
        """Compare with two published cores, with a bare reactor and with a finer mesh."""
        yield Check(
            say("k of the IAEA's two-dimensional reactor", "IAEA 2차원 원자로의 k"),
            IAEA.solve(16).k, IAEA.k, 1e-4, "1", IAEA.source,
        )  # fmt: skip
        yield Check(
            say("k of the Biblis reactor", "Biblis 원자로의 k"), BIBLIS.solve(16).k, BIBLIS.k, 1e-4, "1", BIBLIS.source
        )
        fuel, n, pitch = BIBLIS.materials[0], 5, 20.0
        bare = solve(np.ones((n, n), dtype=np.int_), (fuel,), pitch, cells=16, albedo=1e9)
        buckling = 2 * (math.pi / ((2 * n - 1) * pitch)) ** 2
        yield Check(
            say("k of a bare homogeneous square", "균질한 정사각 노심의 k"),
            bare.k, fuel.k_bare(buckling), 1e-5, "1", "two-group theory: B² = 2(π/a)²",
        )  # fmt: skip
        layout = layout_of(dict.fromkeys(PLACES, "fuel-5") | dict.fromkeys(("p40", "p41", "p32", "p31"), "fuel-4"))
        coarse, fine = self.solve(layout, self.settings.cells), self.solve(layout, 3 * self.settings.cells)
        yield Check(
            say("k against a mesh three times as fine", "세 배 촘촘한 격자와 견준 k"),
            coarse.k, fine.k, 1e-3, "1", "convergence",
        )  # fmt: skip
        yield Check(
            say("peak against a mesh three times as fine", "세 배 촘촘한 격자와 견준 첨두 출력"),
            float(coarse.powers.max()), float(fine.powers.max()), 0.02, "1", "convergence",
        )  # fmt: skip
