"""A buoy that heaves in the waves and drives a generator: what power it takes from a sea (Capytaine).

Linear potential flow in deep water. An axisymmetric body of given radius, draft and shape moves in heave only; the
power take-off (PTO) is a damper and a spring, which may be negative (a pre-compressed spring that makes the buoy
resonate with longer waves). With added mass A, damping B and excitation X per metre of wave, at angular frequency ω:

    H = X / (ρgπR² + Kp - ω²(m + A) + iω(B + Bp)),     P = ∫ Bp ω² |H|² S dω

averaged over the seas of `SEAS`, each a Bretschneider spectrum S. A, B and the phase of X come from Capytaine's
boundary elements (direct method, one wedge of `WEDGES`), |X| from B by Haskind's relation |X|² = 2ρg³B/ω³ for
axisymmetric heave (J. N. Newman, J. Ship Research 6(3), 1962). Deep-water Green function of Liang, Wu and Noblesse: it
needs no table, where Capytaine's default one takes a minute to make on every new machine.

Left out: viscous drag, mooring, other motions, losses and limits of the generator.

What an optimiser would exploit, and how each hole is closed:

- *More than a point absorber can take.* In heave no axisymmetric body takes more than the power in a crest of width
  λ/2π (Budal and Falnes 1975; Evans 1976). With Haskind's |X| that bound holds at every frequency by construction, and
  a mean power above the bound of the seas is `crashed`.
- *Irregular frequencies*, where boundary elements give nonsense: the interior problem of the enclosing cylinder has its
  first at ω² = gj/R coth(jd/R), j = 2.405, lower than any body inside it. Nothing is solved above `SAFE_PART` of that;
  shorter waves count as giving nothing.
- *A mesh that gave nonsense anyway*: |X| by diffraction must agree with Haskind's within `HASKIND_TOLERANCE`, and B must
  be positive, else `crashed`.
- *Motions beyond linear theory*: the heave against the water is an outcome, in parts of the draft; a mission must bound it.
- *A spring that makes the buoy unstable*: less than `LEAST_STIFFNESS` of the water's own stiffness left is `infeasible`.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed, infeasible

Array = NDArray[np.float64]

DENSITY, GRAVITY = 1025.0, 9.80665
"""kg/m³ of sea water; m/s²."""

SEAS = ((1.0, 6.0, 0.5), (2.0, 8.0, 0.35), (3.0, 10.0, 0.15))
"""Significant height (m), peak period (s), share of the time: a moderate sea made up for this mission, no place's."""

SHAPES = ("cylinder", "ellipsoid", "cone")

WEDGES, ALONG, BELOW = 16, 4, 2
"""Panels around, down the side, and across the bottom."""

N_FREQUENCIES = 8
LOWEST, HIGHEST = 0.35, 2.0
"""rad/s; what is solved."""

SAFE_PART = 0.9
"""Of the first irregular frequency."""

BESSEL_ZERO = 2.404825557695773
"""First zero of J₀."""

HASKIND_TOLERANCE = 0.2
"""Relative, of |X|² where B/(ρωR³) is above `MATTERS`: coarse meshes are off by some per cent."""

MATTERS = 0.03

LEAST_STIFFNESS = 0.1

FREEBOARD = 1.5
"""m; side wall above the water, in the hull's area."""

GRID = np.linspace(LOWEST, 3.5, 631)
"""rad/s; where spectra are integrated."""


def spectrum(height: float, period: float) -> Array:
    """Return a Bretschneider spectrum over `GRID`, m² s (significant height in m, peak period in s)."""
    peak = 2 * math.pi / period
    return np.asarray(5 / 16 * height**2 * peak**4 / GRID**5 * np.exp(-1.25 * (peak / GRID) ** 4))


def integral(values: Array) -> float:
    """Return the integral over `GRID`."""
    return float(np.trapezoid(values, GRID))


def most_power() -> float:
    """Return what the seas hold in crests of λ/2π, W: ρg³/2 ∫ S/ω³ dω."""
    return sum(
        share * DENSITY * GRAVITY**3 / 2 * integral(spectrum(height, period) / GRID**3)
        for height, period, share in SEAS
    )


@dataclass(frozen=True, slots=True)
class Hydrodynamics:
    """What the water does to a body in heave, at a few angular frequencies."""

    frequencies: Array
    """rad/s, (n,)."""
    added_mass: Array
    """kg."""
    damping: Array
    """kg/s."""
    excitation: NDArray[np.complex128]
    """N per metre of wave amplitude."""

    def haskind(self) -> Array:
        """Return |X|² by Haskind's relation, N²/m²."""
        return np.asarray(2 * DENSITY * GRAVITY**3 * self.damping / self.frequencies**3)


def profile(shape: str, radius: float, draft: float, along: int, below: int) -> Array:
    """Return radius and height of a body's outline from the middle of its bottom to the water line, (n, 2)."""
    if shape == "cylinder":
        side = [(radius, -draft * math.sin(math.pi / 2 * i / along)) for i in range(along + 1)]
        bottom = [(radius * math.cos(math.pi / 2 * i / below), -draft) for i in range(1, below + 1)]
        points = side + bottom
    else:
        n = along + below
        turns = [math.pi / 2 * i / n for i in range(n + 1)]
        if shape == "ellipsoid":
            points = [(radius * math.cos(t), -draft * math.sin(t)) for t in turns]
        else:
            points = [(radius * (1 - i / n), -draft * i / n) for i in range(n + 1)]
    outline = np.array(points[::-1])
    outline[0, 0] = 0.0
    # A polygon of WEDGES sides inside the circle would hold too little water.
    outline[:, 0] *= math.sqrt(2 * math.pi / WEDGES / math.sin(2 * math.pi / WEDGES))
    return outline


def volume(shape: str, radius: float, draft: float) -> float:
    """Return what the body displaces at rest, m³."""
    return math.pi * radius**2 * draft * {"cylinder": 1.0, "ellipsoid": 2 / 3, "cone": 1 / 3}[shape]


def hull_area(shape: str, radius: float, draft: float) -> float:
    """Return the area of the hull, m²: wetted, side wall above the water, deck."""
    match shape:
        case "cylinder":
            wetted = 2 * math.pi * radius * draft + math.pi * radius**2
        case "cone":
            wetted = math.pi * radius * math.hypot(radius, draft)
        case _:
            t = (np.arange(200) + 0.5) * math.pi / 400
            slant = np.hypot(radius * np.sin(t), draft * np.cos(t))
            wetted = float((2 * math.pi * radius * np.cos(t) * slant).sum()) * math.pi / 400
    return wetted + 2 * math.pi * radius * FREEBOARD + math.pi * radius**2


def irregular_frequency(radius: float, draft: float) -> float:
    """Return the first irregular frequency of a heaving cylinder, rad/s."""
    return math.sqrt(GRAVITY * BESSEL_ZERO / radius / math.tanh(BESSEL_ZERO * draft / radius))


def solve(
    shape: str, radius: float, draft: float, frequencies: Array, *, along: int = ALONG, below: int = BELOW
) -> Hydrodynamics:
    """Return what the water does to a body, by boundary elements."""
    import capytaine
    from capytaine.green_functions.hams import LiangWuNoblesseGF

    logging.getLogger("capytaine").setLevel(logging.ERROR)  # it comments on every mesh
    outline = profile(shape, radius, draft, along, below)
    points = np.stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]], axis=1)
    mesh = capytaine.RotationSymmetricMesh.from_profile_points(points, n=WEDGES)
    body = capytaine.FloatingBody(mesh=mesh, dofs={"Heave": np.tile([0.0, 0.0, 1.0], (mesh.nb_faces, 1))})
    solver = capytaine.BEMSolver(green_function=LiangWuNoblesseGF(), method="direct")
    rows = []
    for frequency in frequencies:
        common = {"body": body, "omega": float(frequency), "water_depth": math.inf, "rho": DENSITY, "g": GRAVITY}
        radiated = solver.solve(capytaine.RadiationProblem(radiating_dof="Heave", **common), keep_details=False)
        incoming = capytaine.DiffractionProblem(wave_direction=0.0, **common)
        scattered = solver.solve(incoming, keep_details=False).forces["Heave"]
        undisturbed = capytaine.bem.airy_waves.froude_krylov_force(incoming)["Heave"]
        added, damping = radiated.added_masses["Heave"], radiated.radiation_dampings["Heave"]
        rows.append((added, damping, undisturbed + scattered))
    masses, dampings, forces = zip(*rows, strict=True)
    return Hydrodynamics(frequencies, np.array(masses), np.array(dampings), np.array(forces))


class WaveAbsorber(Simulator):
    """A heaving buoy in a sea: radius, draft, shape and power take-off in; power, size, motion and force out."""

    name = "wave-absorber"
    revision = "1"
    factors: ClassVar = {
        "radius": "m",
        "draft": "m",
        "shape": LEVELS,
        "pto_damping": "kN*s/m",
        "pto_stiffness": "kN/m",
    }
    outcomes_in: ClassVar = {"power": "kW", "hull_area": "m**2", "pto_force": "kN", "relative_motion": "1"}
    engines = ("capytaine",)
    extra = "aerospace"
    possible: ClassVar = {"power": (0.0, most_power() / 1000), "hull_area": (0.0, math.inf)}

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002 (averages over the sea need no draws)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Put the buoy into the seas."""
        radius, draft, shape = conditions["radius"], conditions["draft"], conditions["shape"]
        damping, stiffness = 1000 * conditions["pto_damping"], 1000 * conditions["pto_stiffness"]
        if shape not in SHAPES:
            return infeasible(f"no shape is called {shape}", f"{shape}라는 모양은 없습니다")
        if not (0.5 <= radius <= 20 and 0.2 <= draft / radius <= 5 and 0 < damping < math.inf):  # noqa: PLR2004
            return infeasible(
                "radius 0.5 to 20 m, draft 0.2 to 5 radii and a damping above 0 are needed",
                "반지름 0.5~20 m, 흘수는 반지름의 0.2~5배, 감쇠는 0보다 커야 합니다",
            )
        own = DENSITY * GRAVITY * math.pi * radius**2
        if not LEAST_STIFFNESS * own <= own + stiffness < math.inf:
            return infeasible("the spring makes the buoy unstable", "스프링 때문에 부이가 불안정합니다")
        top = min(HIGHEST, SAFE_PART * irregular_frequency(radius, draft))
        water = solve(shape, radius, draft, np.linspace(LOWEST, top, N_FREQUENCIES))
        if not (np.isfinite(water.added_mass).all() and (water.damping > 0).all()):
            return crashed("the damping of the water is not positive", "물의 감쇠가 양수가 아닙니다")
        counts = water.damping > MATTERS * DENSITY * water.frequencies * radius**3
        ratio = abs(water.excitation) ** 2 / water.haskind()
        if (abs(ratio - 1)[counts] > HASKIND_TOLERANCE).any():
            return crashed("the water gives and takes unequally", "물이 주고받는 에너지가 맞지 않습니다")
        mass = DENSITY * volume(shape, radius, draft)
        found = absorb(water, mass, own + stiffness, damping, stiffness)
        found["relative_motion"] /= draft
        found["hull_area"] = hull_area(shape, radius, draft)
        return {name: float(f"{value:.6g}") for name, value in found.items()}

    def checks(self) -> Iterator[Check]:
        """Compare energy given and taken, the greatest capture width, and a body so deep that it follows no wave."""
        water = solve("cylinder", 5.0, 5.0, np.array([0.7, 1.0]))
        yield Check(
            what=say("|X|² by diffraction over Haskind's, at 1 rad/s", "회절로 구한 |X|² 대 Haskind 관계식, 1 rad/s"),
            found=float((abs(water.excitation) ** 2 / water.haskind())[1]),
            expected=1.0,
            tolerance=0.02,
            unit="1",
            source="Haskind's relation for axisymmetric heave (Newman 1962)",
        )
        # Tuned: reactance zero, PTO damping equal to the water's; |X| by diffraction, so nothing is built in.
        taken = abs(water.excitation[1]) ** 2 / (8 * water.damping[1])
        yield Check(
            what=say("greatest capture width over λ/2π, at 1 rad/s", "최대 포획폭 대 λ/2π, 1 rad/s"),
            found=float(taken / (DENSITY * GRAVITY**3 / 4)),  # at 1 rad/s: J λ/2π = ρg²/(4ω) g/ω²
            expected=1.0,
            tolerance=0.02,
            unit="1",
            source="λ/2π (Budal and Falnes 1975; Evans 1976)",
        )
        low = solve("ellipsoid", 5.0, 5.0, np.array([0.05]))
        yield Check(
            what=say("force of very long waves on a hemisphere, per metre", "아주 긴 파도가 반구에 주는 힘(미터당)"),
            found=float(abs(low.excitation[0]) / 1000),
            expected=DENSITY * GRAVITY * math.pi * 25 / 1000,
            tolerance=15.0,
            unit="kN",
            source="hydrostatics: ρgπR²",
        )


def absorb(
    water: Hydrodynamics, mass: float, stiffness: float, pto_damping: float, pto_stiffness: float
) -> dict[str, float]:
    """Return mean power (kW), significant PTO force (kN) and heave against the water (m) in the highest sea.

    Args:
        water: hydrodynamics.
        mass: kg.
        stiffness: of water and spring, N/m.
        pto_damping: N s/m.
        pto_stiffness: N/m.
    """
    from scipy.interpolate import PchipInterpolator

    solved = water.frequencies[-1] >= GRID
    omega = GRID[solved]
    damping = np.exp(PchipInterpolator(water.frequencies, np.log(water.damping))(omega))
    added = PchipInterpolator(water.frequencies, water.added_mass)(omega)
    phase = PchipInterpolator(water.frequencies, np.unwrap(np.angle(water.excitation)))(omega)
    force = np.sqrt(2 * DENSITY * GRAVITY**3 * damping / omega**3) * np.exp(1j * phase)
    response = np.zeros(len(GRID), dtype=np.complex128)
    response[solved] = force / (stiffness - omega**2 * (mass + added) + 1j * omega * (damping + pto_damping))
    speed = GRID**2 * abs(response) ** 2
    power = sum(share * pto_damping * integral(speed * spectrum(height, period)) for height, period, share in SEAS)
    highest = spectrum(*max(SEAS)[:2])
    push = integral(abs(pto_stiffness + 1j * GRID * pto_damping) ** 2 * abs(response) ** 2 * highest)
    return {
        "power": power / 1000,
        "pto_force": 2 * math.sqrt(push) / 1000,
        "relative_motion": 2 * math.sqrt(integral(abs(response - 1) ** 2 * highest)),
        "heave": 2 * math.sqrt(integral(abs(response) ** 2 * highest)),
        "part_of_bound": power / most_power(),
    }
