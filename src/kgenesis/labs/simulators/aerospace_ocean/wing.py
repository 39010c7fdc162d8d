"""A wing that carries a fixed lift: its drag, what its root has to bear, and how slowly it may fly.

Cruise of a wing-borne air taxi: 2,200 kg at 70 m/s, 600 m above the sea in the standard atmosphere. The wing is planar
and unswept; chord and twist are given at four stations and are linear between them, one NACA section throughout.

- *Sections*: lift and drag coefficients over angle and Reynolds number from NeuralFoil (AeroSandbox), a surrogate of
  XFOIL; free transition, n_crit = 9.
- *Circulation*: Prandtl's lifting line with those curves (so with their bend before stall), as a sine series
  Γ = 2bV Σ Aₙ sin nθ, y = b/2 cos θ, odd n (H. Glauert, The Elements of Aerofoil and Airscrew Theory, 1926, ch. XI);
  Newton's method finds the series and the incidence that give the lift.
- *Induced drag*: π/2 ρV²b² Σ n Aₙ². *Profile drag*: strip theory with the sections' drag.
- *Root bending moment*: ∫ ρVΓ y dy over one half.
- *Stall speed*: where the first section reaches its greatest lift (critical-section method, R. F. Anderson, NACA
  Report 572, 1936), at cruise Reynolds numbers.

Left out: fuselage, rotors, compressibility (Mach 0.21), the wing's own weight and bending, trim.

What an optimiser would exploit, and how each hole is closed:

- *Less induced drag than possible.* Vortex lattices give an elliptic wing about 1 % too little, so none is used here.
  For lift L, root moment M and span b no series has less drag than `least_induced_drag`; a result below it is `crashed`.
- *A root moment made small by pushing the tips down.* It is real, and costs what the bound says. But lifting-line
  theory is linear about a section that does not stall: one that does in cruise, up or down, makes it `infeasible`.
- *Sections NeuralFoil has not learnt*: `infeasible` where its own confidence falls below `LEAST_CONFIDENCE`.
- *Wings for which a lifting line is no theory*: an aspect ratio below `LEAST_ASPECT`, chords nobody can build:
  `infeasible`.
- *A solution that is none*: Newton's method must end with residuals of `RESIDUAL`, else `crashed`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed, infeasible

Array = NDArray[np.float64]

MASS, GRAVITY = 2200.0, 9.80665
"""kg; m/s² (standard gravity, CGPM 1901)."""

LIFT = MASS * GRAVITY
"""N."""

SPEED, ALTITUDE = 70.0, 600.0
"""m/s; m."""

TEMPERATURE = 288.15 - 0.0065 * ALTITUDE
DENSITY: float = 1.225 * (TEMPERATURE / 288.15) ** 4.25588
"""K; kg/m³. Standard atmosphere, ISO 2533: 6.5 K/km, exponent g M/(R · 6.5 K/km) - 1."""

VISCOSITY: float = 1.458e-6 * TEMPERATURE**1.5 / (TEMPERATURE + 110.4)
"""Pa s; Sutherland's law with the constants of ISO 2533."""

STATIONS = (0.0, 0.4, 0.75, 1.0)
"""Where chord and twist are given, in parts of the half span."""

LEAST_CHORD, LEAST_ASPECT = 0.2, 5.0
"""m; span² over area."""

N_TERMS = 24
"""Odd terms of the series, and stations of one half where it is made to hold."""

ANGLES = np.linspace(-16.0, 24.0, 81)
"""Degrees; the table of sections."""

REYNOLDS = np.geomspace(3e5, 2e7, 12)
"""The table of sections."""

LEAST_CONFIDENCE = 0.8
"""Of NeuralFoil in itself, 0 to 1."""

RESIDUAL, MAX_STEPS = 1e-11, 40
"""Of Newton's method: in the series' terms; steps."""

ROUNDING = 1e-9
"""Relative; how far rounding may take a result below a bound."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Circulation along the span as a series of odd sines."""

    span: float
    """b, m."""
    terms: Array
    """A₁, A₃, A₅, … of shape (n,); without dimension."""

    @property
    def odd(self) -> Array:
        """Orders of the terms: 1, 3, 5 and so on."""
        return np.arange(1.0, 2 * len(self.terms), 2.0)

    def lift(self) -> float:
        """Return the lift at cruise speed, N."""
        return math.pi / 2 * DENSITY * SPEED**2 * self.span**2 * float(self.terms[0])

    def induced_drag(self) -> float:
        """Return the drag the trailing vortices cost, N."""
        return math.pi / 2 * DENSITY * SPEED**2 * self.span**2 * float(self.odd @ self.terms**2)

    def root_moment(self) -> float:
        """Return the bending moment at the root of one half, N m."""
        return DENSITY * SPEED**2 * self.span**3 / 2 * float(moments(self.odd) @ self.terms)


def moments(odd: Array) -> Array:
    """Return what each odd term adds to the root moment, half of ∫ sin nθ sin 2θ dθ over a quarter turn.

    It is ±1 / (n² - 4): 1/3, 1/5, -1/21, 1/45, …
    """
    return np.where(odd % 4 == 1, -1.0, 1.0) / (odd**2 - 4)


def least_induced_drag(span: float, lift: float, root_moment: float) -> float:
    """Return the least induced drag of any planar wing with this span, lift and root moment, N.

    In the series of `Loading` lift is A₁, drag Σ n Aₙ² and moment Σ mₙ Aₙ (`moments`) up to constants; with A₁ given,
    Lagrange's multiplier makes Aₙ ∝ mₙ/n. The problem is that of R. T. Jones, NACA TN 2249 (1950).

    Args:
        span: b, m.
        lift: N.
        root_moment: N m, of one half.
    """
    odd = np.arange(3.0, 2001.0, 2.0)
    squares = float((moments(odd) ** 2 / odd).sum())
    excess = root_moment * math.pi / (lift * span) - 1 / 3
    elliptic = 2 * lift**2 / (math.pi * DENSITY * SPEED**2 * span**2)
    return elliptic * (1 + excess**2 / squares)


@dataclass(frozen=True, slots=True)
class Section:
    """What a wing section does, over `REYNOLDS` (rows) and `ANGLES` (columns)."""

    lift: Array
    drag: Array
    confidence: Array

    def at(self, reynolds: Array) -> "Section":
        """Return the section at stations of these Reynolds numbers: one row each."""
        place = np.interp(np.log(reynolds), np.log(REYNOLDS), np.arange(float(len(REYNOLDS))))
        low = np.minimum(place.astype(int), len(REYNOLDS) - 2)
        part = (place - low)[:, None]
        return Section(*((1 - part) * t[low] + part * t[low + 1] for t in (self.lift, self.drag, self.confidence)))

    def read(self, table: Array, angles: Array) -> tuple[Array, Array]:
        """Return a table's values and slopes per degree at an angle for each row."""
        step = ANGLES[1] - ANGLES[0]
        place = np.clip((angles - ANGLES[0]) / step, 0.0, len(ANGLES) - 1.001)
        low, rows = place.astype(int), np.arange(len(angles))
        slope = (table[rows, low + 1] - table[rows, low]) / step
        return table[rows, low] + slope * (place - low) * step, slope


@cache
def section(name: str) -> Section:
    """Return the tables of a NACA section; made once in a process."""
    import aerosandbox

    angles, reynolds = np.meshgrid(ANGLES, REYNOLDS)
    found = aerosandbox.Airfoil(name).get_aero_from_neuralfoil(
        alpha=angles.ravel(), Re=reynolds.ravel(), model_size="large"
    )
    tables = (np.asarray(found[key], dtype=np.float64) for key in ("CL", "CD", "analysis_confidence"))
    return Section(*(table.reshape(angles.shape) for table in tables))


@dataclass(frozen=True, slots=True)
class Flight:
    """The wing at some incidence: at the middles of equal steps of θ over the right half, from the tip."""

    loading: Loading
    incidence: float
    """Degrees, of the root."""
    angles: Array
    """Degrees that each section meets, after the downwash."""
    growth: Array
    """What each section's lift coefficient gains per unit of the wing's lift (N), along the tangent."""


class Planform:
    """The wing's shape, and the lifting line along it."""

    def __init__(self, span: float, chords: Array, twists: Array, foil: Section) -> None:
        """Lay out the stations.

        Args:
            span: m.
            chords: m, at `STATIONS`.
            twists: degrees, at `STATIONS`, nose up.
            foil: the section.
        """
        theta = (np.arange(N_TERMS) + 0.5) * math.pi / 2 / N_TERMS
        self.span, self.y = span, span / 2 * np.cos(theta)
        self.chord = np.interp(2 * self.y / span, STATIONS, chords)
        self.twist = np.interp(2 * self.y / span, STATIONS, twists)
        self.foil = foil.at(DENSITY * SPEED * self.chord / VISCOSITY)
        odd = np.arange(1.0, 2 * N_TERMS, 2.0)
        self._sines = np.sin(theta[:, None] * odd)
        self._downwash = np.degrees(odd * self._sines / np.sin(theta)[:, None])
        self.widths = math.pi / 2 / N_TERMS * span / 2 * np.sin(theta)  # of both halves twice that

    def integral(self, values: Array) -> float:
        """Return the integral over the whole span of something given at the stations."""
        return 2 * float(values @ self.widths)

    def fly(self, lift: float) -> Flight | None:
        """Return the wing where it gives a lift (N); None if Newton's method finds none."""
        wanted = 2 * lift / (math.pi * DENSITY * SPEED**2 * self.span**2)
        unknown = np.append(np.zeros(N_TERMS), 5.0)  # the series' terms, then the incidence
        unknown[0] = wanted
        matrix = np.zeros((N_TERMS + 1, N_TERMS + 1))
        matrix[-1, 0] = 1.0
        for _ in range(MAX_STEPS):
            angles = unknown[-1] + self.twist - self._downwash @ unknown[:-1]
            lifts, slopes = self.foil.read(self.foil.lift, angles)
            relative = self.chord / (4 * self.span)
            rest = np.append(self._sines @ unknown[:-1] - relative * lifts, unknown[0] - wanted)
            matrix[:-1, :-1] = self._sines + (relative * slopes)[:, None] * self._downwash
            matrix[:-1, -1] = -relative * slopes
            if abs(rest).max() < RESIDUAL:
                tangent = np.linalg.solve(matrix, np.append(np.zeros(N_TERMS), wanted / lift))
                growth = self._sines @ tangent[:-1] / relative
                return Flight(Loading(self.span, unknown[:-1]), float(unknown[-1]), angles, growth)
            step = np.linalg.solve(matrix, rest)
            unknown = unknown - step / max(1.0, abs(step[-1]) / 4)  # at most four degrees at once
        return None


class Wing(Simulator):
    """The wing of an air taxi in cruise: planform, twist and section in; drag, root moment and stall speed out."""

    name = "wing"
    revision = "1"
    factors: ClassVar = {
        "span": "m",
        "chord_root": "m",
        "chord_inner": "m",
        "chord_outer": "m",
        "chord_tip": "m",
        "twist_inner": "deg",
        "twist_outer": "deg",
        "twist_tip": "deg",
        "section": LEVELS,
    }
    outcomes_in: ClassVar = {"drag": "N", "root_moment": "kN*m", "stall_speed": "m/s"}
    engines = ("aerosandbox", "neuralfoil")
    extra = "aerospace"
    possible: ClassVar = {"drag": (0.0, math.inf), "stall_speed": (0.0, math.inf)}

    def checks(self) -> Iterator[Check]:
        """Compare the lifting line with Glauert's rectangular wing, and the loads of one wing with a vortex lattice."""
        lift = np.tile(2 * math.pi * np.radians(ANGLES), (len(REYNOLDS), 1))
        thin = Section(lift, np.full_like(lift, 0.01), np.ones_like(lift))
        square = Planform(8.0, np.full(4, 8.0 / (2 * math.pi)), np.zeros(4), thin).fly(4000.0)
        assert square is not None
        elliptic = least_induced_drag(8.0, 4000.0, 4000.0 * 8.0 / (3 * math.pi))
        yield Check(
            what=say(
                "induced drag of a rectangular wing of aspect ratio 2π, over that of an elliptic one",
                "가로세로비 2π인 직사각형 날개의 유도항력(타원 날개 대비)",
            ),
            found=square.loading.induced_drag() / elliptic,
            expected=1.049,
            tolerance=0.003,
            unit="1",
            source="four terms at 22.5°, 45°, 67.5° and 90°, as H. Glauert computed it (1926)",
        )
        chords, twists = np.array([1.5, 1.3, 1.0, 0.6]), np.array([0.0, -1.0, -3.0, -4.0])
        twisted = Planform(12.0, chords, twists, section("naca2412")).fly(LIFT)
        assert twisted is not None
        yield Check(
            what=say("root bending moment of a twisted, tapered wing", "비틀린 테이퍼 날개의 뿌리 굽힘 모멘트"),
            found=twisted.loading.root_moment() / 1000,
            expected=lattice_moment(12.0, chords, twists, "naca2412") / 1000,
            tolerance=0.5,
            unit="kN*m",
            source="AeroSandbox's vortex lattice on the same wing, 32 x 4 panels",
        )

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002 (nothing is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Fly the wing at its lift."""
        span, name = conditions["span"], conditions["section"]
        chords = np.array([conditions[f"chord_{place}"] for place in ("root", "inner", "outer", "tip")])
        twists = np.array([0.0, *(conditions[f"twist_{place}"] for place in ("inner", "outer", "tip"))])
        if not (
            math.isfinite(span) and np.isfinite(twists).all() and LEAST_CHORD <= chords.min() <= chords.max() < span
        ):
            return infeasible(
                f"chords from {LEAST_CHORD} m to less than the span and finite twists are needed",
                f"시위는 {LEAST_CHORD} m 이상이고 날개폭보다 짧아야 하며, 비틀림은 유한해야 합니다",
            )
        if not (len(name) == len("naca0000") and name.startswith("naca") and name[4:].isdecimal()):
            return infeasible(f"{name} is no four-digit NACA section", f"{name}은(는) NACA 네 자리 익형이 아닙니다")
        wing = Planform(span, chords, twists, section(name))
        if span**2 / wing.integral(wing.chord) < LEAST_ASPECT:
            return infeasible(
                f"an aspect ratio of at least {LEAST_ASPECT:g} is needed",
                f"가로세로비가 {LEAST_ASPECT:g} 이상이어야 합니다",
            )
        return judge(wing, LIFT)


def judge(wing: Planform, lift: float) -> Mapping[str, float | Outcome] | Failure:
    """Return what a wing does while it gives a lift (N)."""
    flight = wing.fly(lift)
    if flight is None:
        return crashed("no circulation was found that gives the lift", "필요한 양력을 내는 순환 분포를 찾지 못했습니다")
    curves = wing.foil.lift
    stalls = ANGLES[curves[:, :40].argmin(axis=1)], ANGLES[curves.argmax(axis=1)]
    if (flight.angles <= stalls[0]).any() or (flight.angles >= stalls[1]).any():
        return infeasible("a section stalls in cruise", "순항 중에 실속하는 단면이 있습니다")
    if wing.foil.read(wing.foil.confidence, flight.angles)[0].min() < LEAST_CONFIDENCE:
        return infeasible("the section model is not sure of itself here", "이 조건에서는 익형 모형을 믿을 수 없습니다")
    loading = flight.loading
    induced, moment = loading.induced_drag(), loading.root_moment()
    if induced < (1 - ROUNDING) * least_induced_drag(wing.span, lift, moment):
        return crashed("less induced drag than is possible", "유도항력이 이론 하한보다 작습니다")
    room = curves.max(axis=1) - wing.foil.read(curves, flight.angles)[0]
    most = lift + float((room / np.maximum(flight.growth, ROUNDING / lift)).min())
    profile = wing.integral(DENSITY / 2 * SPEED**2 * wing.chord * wing.foil.read(wing.foil.drag, flight.angles)[0])
    found = {
        "drag": induced + profile,
        "root_moment": moment / 1000,
        "stall_speed": SPEED * math.sqrt(lift / most),
        "induced_drag": induced,
        "profile_drag": profile,
        "incidence": flight.incidence,
        "area": wing.integral(wing.chord),
        "span_efficiency": 2 * lift**2 / (math.pi * DENSITY * SPEED**2 * wing.span**2 * induced),
    }
    return {key: float(f"{value:.7g}") for key, value in found.items()}


def lattice_moment(span: float, chords: Array, twists: Array, name: str) -> float:
    """Return the root bending moment at `LIFT` by AeroSandbox's vortex lattice, N m; for comparison only."""
    import aerosandbox

    places = np.cos(np.linspace(math.pi / 2, 0, 17)).clip(0)
    foil = aerosandbox.Airfoil(name)
    sections = [
        aerosandbox.WingXSec(xyz_le=[-chord / 4, part * span / 2, 0], chord=chord, twist=twist, airfoil=foil)
        for part, chord, twist in zip(
            places, np.interp(places, STATIONS, chords), np.interp(places, STATIONS, twists), strict=True
        )
    ]
    plane = aerosandbox.Airplane(wings=[aerosandbox.Wing(symmetric=True, xsecs=sections)])
    loads = []
    for alpha in (0.0, 90.0):  # both are linear in the flow
        point = aerosandbox.OperatingPoint(velocity=SPEED, alpha=alpha)
        solver = aerosandbox.VortexLatticeMethod(plane, point, spanwise_resolution=1, chordwise_resolution=4)
        solver.run()
        y, along = np.asarray(solver.vortex_centers)[:, 1], abs(np.asarray(solver.vortex_bound_leg)[:, 1])
        force = DENSITY * SPEED * np.asarray(solver.vortex_strengths) * along
        loads.append((float(force.sum()), float((force * y)[y > 0].sum())))
    (flat, flat_moment), (steep, steep_moment) = loads
    angle = math.asin(LIFT / math.hypot(flat, steep)) - math.atan2(flat, steep)
    return math.cos(angle) * flat_moment + math.sin(angle) * steep_moment
