"""Coat glass with four thin films so that it hardly reflects, at any colour and from many sides (transfer matrices, tmm).

Light falls from air through the layers onto a half-space of BK7 glass. Reflectance is the mean over both polarisations, over
`WAVELENGTHS` and `ANGLES`, each the same weight; the engine is `tmm` (Byrnes, arXiv 1603.02720), coherent transfer
matrices. The refractive indices are Sellmeier formulas measured on bulk material (`MATERIALS`, source at each); films
grown in a chamber are less dense, by a few per cent in index. No film absorbs here in the visible, so what is not
reflected is transmitted, and that is checked at every call.

What an optimiser would exploit, and how each hole is closed:

- *A hole in the spectrum or between the angles.* 20 nm steps are finer than any fringe of a stack this thin
  (`MAX_THICKNESS`; a thicker one is `infeasible`), and `worst` is the largest reflectance of all of them.
- *One polarisation or one direction.* Both polarisations count, each angle alike.
- *Layers too thin to be closed films.* Thinner than `MIN_LAYER` is `infeasible`.
- *Energy out of nothing.* R + T other than 1 (`ENERGY_TOLERANCE`) is `crashed`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed, infeasible

Sellmeier = tuple[float, tuple[tuple[float, float], ...]]
"""A and (B, C²) of n² = A + Σ B λ²/(λ² - C²), λ in µm."""

MATERIALS: Mapping[str, Sellmeier] = {
    # Dodge, Applied Optics 23 (1984) 1980, ordinary ray
    "MgF2": (
        1.0,
        ((0.48755108, 0.04338408**2), (0.39875031, 0.09461442**2), (2.3120353, 23.793604**2)),
    ),
    # Malitson, J. Opt. Soc. Am. 55 (1965) 1205, fused silica
    "SiO2": (1.0, ((0.6961663, 0.0684043**2), (0.4079426, 0.1162414**2), (0.8974794, 9.896161**2))),
    # Malitson and Dodge, J. Opt. Soc. Am. 62 (1972) 1405, sapphire, ordinary ray
    "Al2O3": (1.0, ((1.4313493, 0.0726631**2), (0.65054713, 0.1193242**2), (5.3414021, 18.028251**2))),
    # Nigara, Japanese J. Applied Physics 7 (1968) 404
    "Y2O3": (1.0, ((2.578, 0.1387**2), (3.935, 22.936**2))),
    # Wood and Nassau, Applied Optics 21 (1982) 2978, cubic zirconia
    "ZrO2": (1.0, ((1.347091, 0.062543**2), (2.117788, 0.166739**2), (9.452943, 24.320570**2))),
    # Devore, J. Opt. Soc. Am. 41 (1951) 416, rutile, ordinary ray: 5.913 + 0.2441/(λ² - 0.0803)
    "TiO2": (5.913 - 0.2441 / 0.0803, ((0.2441 / 0.0803, 0.0803),)),
}
"""What a layer can be made of."""

GLASS: Sellmeier = (
    1.0,
    ((1.03961212, 0.00600069867), (0.231792344, 0.0200179144), (1.01046945, 103.560653)),
)
"""N-BK7, data sheet of Schott."""

WAVELENGTHS = tuple(range(400, 701, 20))
"""nm: the visible."""

ANGLES = (0.0, 20.0, 40.0, 55.0)
"""Degrees from the normal: a screen is looked at from the side."""

N_LAYERS = 4

MIN_LAYER = 5.0
"""nm; thinner films are islands."""

MAX_THICKNESS = 600.0
"""nm of all layers together; thicker stacks have fringes narrower than the steps between wavelengths resolve."""

ENERGY_TOLERANCE = 1e-9
"""Largest |R + T - 1|."""

DECIMALS = 6
"""Of reflectances in per cent."""


def index_of(material: Sellmeier, wavelength: float) -> float:
    """Return the refractive index at a wavelength in nm."""
    constant, terms = material
    squared = (wavelength / 1000) ** 2
    return math.sqrt(constant + sum(b * squared / (squared - c) for b, c in terms))


def spectrum(
    layers: Sequence[tuple[str, float]],
    *,
    wavelengths: Sequence[float] = WAVELENGTHS,
    angles: Sequence[float] = ANGLES,
) -> tuple[np.ndarray, float]:
    """Return the reflectance (angles, wavelengths), both polarisations averaged, and the largest |R + T - 1|.

    Args:
        layers: material and thickness in nm of each, from the air to the glass.
        wavelengths: nm.
        angles: degrees, in air.
    """
    from tmm import coh_tmm

    thicknesses = [math.inf, *(t for _, t in layers), math.inf]
    found, worst = np.zeros((len(angles), len(wavelengths))), 0.0
    for j, wavelength in enumerate(wavelengths):
        indices = [1.0, *(index_of(MATERIALS[m], wavelength) for m, _ in layers), index_of(GLASS, wavelength)]
        for i, angle in enumerate(angles):
            for polarisation in "sp":
                light = coh_tmm(polarisation, indices, thicknesses, math.radians(angle), wavelength)
                found[i, j] += light["R"] / 2
                worst = max(worst, abs(light["R"] + light["T"] - 1))
    return found, worst


class AntiReflection(Simulator):
    """The laboratory: what four layers are made of and how thick they are in, what they reflect out."""

    name = "anti-reflection"
    revision = "1"
    factors: ClassVar = {f"material_{k}": LEVELS for k in range(1, N_LAYERS + 1)} | {
        f"thickness_{k}": "nm" for k in range(1, N_LAYERS + 1)
    }
    outcomes_in: ClassVar = {"reflectance": "percent", "worst": "percent", "total": "nm"}
    engines = ("tmm",)
    extra = "semiconductor"
    possible: ClassVar = {"reflectance": (0.0, 100.0), "worst": (0.0, 100.0), "total": (0.0, MAX_THICKNESS)}

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing here is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Reflect light of every colour from every side once."""
        layers = [(conditions[f"material_{k}"], conditions[f"thickness_{k}"]) for k in range(1, N_LAYERS + 1)]
        unknown = next((m for m, _ in layers if m not in MATERIALS), None)
        if unknown is not None:
            return infeasible(f"no data for {unknown}", f"{unknown}의 자료가 없습니다")
        total = sum(t for _, t in layers)
        if min(t for _, t in layers) < MIN_LAYER or total > MAX_THICKNESS:
            return infeasible(
                f"a layer is thinner than {MIN_LAYER:g} nm, or all together thicker than {MAX_THICKNESS:g} nm",
                f"층이 {MIN_LAYER:g} nm보다 얇거나 전체가 {MAX_THICKNESS:g} nm보다 두껍습니다",
            )
        found, imbalance = spectrum(layers)
        if imbalance > ENERGY_TOLERANCE:
            return crashed("energy is not conserved", "에너지가 보존되지 않습니다")
        return {
            "reflectance": round(100 * float(found.mean()), DECIMALS),
            "worst": round(100 * float(found.max()), DECIMALS),
            "total": round(total, DECIMALS),
        }

    def checks(self) -> Iterator[Check]:
        """Compare one quarter-wave layer with its closed form, and bare glass with Fresnel's and Brewster's."""
        wave = 550.0
        n, glass = index_of(MATERIALS["MgF2"], wave), index_of(GLASS, wave)
        found, _ = spectrum([("MgF2", wave / 4 / n)], wavelengths=[wave], angles=[0.0])
        yield Check(
            say("Reflectance of a quarter wave of MgF2 on glass, 550 nm", "유리 위 MgF2 1/4 파장층의 반사율, 550 nm"),
            found=100 * float(found[0, 0]),
            expected=100 * ((n**2 - glass) / (n**2 + glass)) ** 2,
            tolerance=1e-10,
            unit="percent",
            source="((n² - n_s)/(n² + n_s))², quarter-wave layer",
        )
        brewster = math.degrees(math.atan(glass))
        found, _ = spectrum([], wavelengths=[wave], angles=[brewster])
        rs = (math.cos(math.radians(brewster)) - glass * math.sin(math.radians(brewster))) ** 2 / (
            math.cos(math.radians(brewster)) + glass * math.sin(math.radians(brewster))
        ) ** 2
        yield Check(
            say("Reflectance of bare glass at Brewster's angle", "브루스터 각에서 맨유리의 반사율"),
            found=100 * float(found[0, 0]),
            expected=50 * rs,
            tolerance=1e-10,
            unit="percent",
            source="Fresnel: p vanishes where tan θ = n, s alone is left",
        )
        for name, line, known in (("SiO2", 587.6, 1.45846), ("MgF2", 587.6, 1.37774)):
            yield Check(
                say(f"Refractive index of {name} at {line:g} nm", f"{line:g} nm에서 {name}의 굴절률"),
                found=index_of(MATERIALS[name], line),
                expected=known,
                tolerance=5e-5,
                unit="1",
                source="refractiveindex.info, n_d of the same measurements",
            )
