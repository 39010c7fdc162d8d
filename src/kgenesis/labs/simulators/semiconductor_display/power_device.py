"""Block 1,200 V with the drift layer of a silicon power device that conducts as well as it can (one dimension).

Under a p+ body lie a drift layer, whose doping runs linearly from `doping_top` to `doping_bottom`, a buffer (field stop) and
an n+ substrate. Blocking, the field falls from the junction as dE/dx = -q N/ε until it is used up (depletion approximation
of an abrupt one-sided junction; the tails it leaves out hold less than a volt). It breaks down where the ionisation
integral ∫ α(E) dx reaches 1, with Fulop's α = 1.8e-35 E⁷ (E in V/cm; Solid-State Electronics 10 (1967) 39), the same law from which
Baliga's limit of silicon follows. Conducting, the layers are resistors: ∫ dx/(q μ(N) N) with Baliga's mobility
μ = (5.10e18 + 92 N^0.91)/(3.75e15 + N^0.91) cm²/(V·s) (Fundamentals of Power Semiconductor Devices, Springer 2008, ch. 2).

Wafers are never as drawn: the guaranteed breakdown voltage is the least over the corners doping ± `DOPING_SPREAD` and
thickness ± `THICKNESS_SPREAD`, the resistance that of the wafer as drawn.

What an optimiser would exploit, and how each hole is closed:

- *A device on the edge.* Breakdown is guaranteed over the corners, not reached at the nominal point.
- *A field that runs into the substrate.* That blocks, but current then breaks off at turn-off. `reserve` is the buffer that is
  left undepleted at rated voltage in the worst corner, negative where the field goes through.
- *A buffer as second drift layer, or none.* Its resistance counts, thinner than `MIN_BUFFER` cannot be grown (`infeasible`).
- *A drift layer doped above its buffer* is another device: `infeasible`.
- *Better than physics.* Resistance below half of Baliga's limit at the nominal breakdown voltage is `crashed`: the best
  known profile saves a ninth (Hu, IEEE Trans. Electron Devices 26 (1979) 243).
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

CHARGE = 1.602176634e-19
"""C (exact by the definition of the SI, 2019)."""

PERMITTIVITY = 11.7 * 8.8541878128e-14
"""Of silicon, F/cm."""

IONISATION = 1.8e-35
"""Fulop's coefficient: α in 1/cm = `IONISATION` · E⁷."""

RATED = 1200.0
"""V"""

DOPING_SPREAD, THICKNESS_SPREAD = 0.08, 0.04
"""Relative; usual for epitaxy, round numbers of our own."""

MIN_BUFFER = 1.0
"""µm"""

SUBSTRATE = 1e19
"""cm⁻³; ends any field within nanometres."""

N_CELLS = 200
"""Cells in each layer; with ten times as many the breakdown voltage moves by less than 0.01 V."""

DECIMALS = 6

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layers:
    """Drift layer and buffer; doping in cm⁻³, thickness in µm."""

    top: float
    bottom: float
    thickness: float
    buffer_doping: float
    buffer_thickness: float

    def corner(self, doping: float, thickness: float) -> Self:
        """Return the layers with all dopings and thicknesses scaled."""
        return replace(
            self,
            top=self.top * doping,
            bottom=self.bottom * doping,
            thickness=self.thickness * thickness,
            buffer_doping=self.buffer_doping * doping,
            buffer_thickness=self.buffer_thickness * thickness,
        )

    def cells(self) -> tuple[Array, Array]:
        """Return the width (cm) and doping (cm⁻³) of every cell from the junction down; the last is substrate."""
        middle = (np.arange(N_CELLS) + 0.5) / N_CELLS
        drift = self.top + (self.bottom - self.top) * middle
        widths = np.repeat([self.thickness, self.buffer_thickness], N_CELLS) * 1e-4 / N_CELLS
        doping = np.concatenate([drift, np.full(N_CELLS, self.buffer_doping)])
        return np.append(widths, 1e-5), np.append(doping, SUBSTRATE)

    def resistance(self) -> float:
        """Return the specific resistance of both layers, mΩ·cm²."""
        widths, doping = (column[:-1] for column in self.cells())
        return 1000 * float((widths / (CHARGE * mobility(doping) * doping)).sum())

    def fields(self, peak: float) -> tuple[Array, Array, Array]:
        """Return the field (V/cm) at the upper and lower edge of every cell, and how wide (cm) each is depleted.

        Args:
            peak: field at the junction.
        """
        widths, doping = self.cells()
        fall = CHARGE * doping / PERMITTIVITY * widths
        upper = np.maximum(peak - np.concatenate([[0.0], np.cumsum(fall)[:-1]]), 0.0)
        lower = np.maximum(upper - fall, 0.0)
        return upper, lower, widths * (upper - lower) / fall

    def voltage(self, peak: float) -> float:
        """Return what the layers block at a peak field, V."""
        upper, lower, depleted = self.fields(peak)
        return float(((upper + lower) / 2 * depleted).sum())

    def multiplication(self, peak: float) -> float:
        """Return the ionisation integral at a peak field; α = c E⁷ is integrated exactly over each linear piece."""
        upper, lower, depleted = self.fields(peak)
        powers = sum(upper**k * lower ** (7 - k) for k in range(8))  # (u⁸ - l⁸)/(u - l)
        return float(IONISATION / 8 * (powers * depleted).sum())

    def breakdown(self) -> float:
        """Return the breakdown voltage, V."""
        return self.voltage(_root(self.multiplication, 1.0))

    def reserve(self, voltage: float) -> float:
        """Return the undepleted part of the buffer at a voltage, µm; negative: the buffer that lacks."""
        peak = _root(self.voltage, voltage)
        _, lower, depleted = self.fields(peak)
        lacking = float(lower[-2]) * PERMITTIVITY / (CHARGE * self.buffer_doping)
        left = self.buffer_thickness * 1e-4 - float(depleted[N_CELLS:-1].sum())
        return 1e4 * float(-lacking if lacking > 0 else left)


def mobility(doping: Array) -> Array:
    """Return the electron mobility in silicon at 300 K, cm²/(V·s)."""
    power = doping**0.91
    found: Array = (5.10e18 + 92 * power) / (3.75e15 + power)
    return found


def baliga_limit(breakdown: float) -> float:
    """Return the specific on-resistance of the ideal one-sided junction in silicon, mΩ·cm²: 5.93e-9 V^2.5 Ω·cm²."""
    return 1000 * 5.93e-9 * math.pow(breakdown, 2.5)


def _root(rising: Any, wanted: float) -> float:
    """Return the peak field in V/cm at which a rising function has a value."""
    from scipy.optimize import brentq

    return float(brentq(lambda peak: rising(peak) - wanted, 1e3, 3e6, xtol=1e-4, rtol=1e-12))


class PowerDevice(Simulator):
    """The laboratory: the layers of a wafer in, what it blocks and how well it conducts out."""

    name = "power-device"
    revision = "1"
    factors: ClassVar = {
        "doping_top": "1/cm**3",
        "doping_bottom": "1/cm**3",
        "thickness": "um",
        "buffer_doping": "1/cm**3",
        "buffer_thickness": "um",
    }
    outcomes_in: ClassVar = {"resistance": "mohm*cm**2", "breakdown": "V", "reserve": "um", "limit_ratio": "1"}
    possible: ClassVar = {"resistance": (0.0, math.inf), "limit_ratio": (0.5, math.inf)}

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing here is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Block and conduct once, in every corner."""
        layers = Layers(
            top=conditions["doping_top"],
            bottom=conditions["doping_bottom"],
            thickness=conditions["thickness"],
            buffer_doping=conditions["buffer_doping"],
            buffer_thickness=conditions["buffer_thickness"],
        )
        if min(layers.top, layers.bottom, layers.thickness) <= 0 or layers.buffer_thickness < MIN_BUFFER:
            return infeasible("a layer has no thickness or no doping", "두께나 도핑이 없는 층이 있습니다")
        if layers.buffer_doping <= max(layers.top, layers.bottom):
            return infeasible("the buffer is doped less than the drift layer", "버퍼의 도핑이 드리프트 층보다 낮습니다")
        corners = [
            layers.corner(1 + a * DOPING_SPREAD, 1 + b * THICKNESS_SPREAD)
            for a, b in itertools.product((-1, 1), repeat=2)
        ]
        resistance, nominal = layers.resistance(), layers.breakdown()
        if not (math.isfinite(resistance) and math.isfinite(nominal)):
            return crashed("a layer has no finite resistance", "층의 저항이 유한하지 않습니다")
        return {
            "resistance": round(resistance, DECIMALS),
            "breakdown": round(min(corner.breakdown() for corner in corners), DECIMALS),
            "reserve": round(min(corner.reserve(RATED) for corner in corners), DECIMALS),
            "limit_ratio": round(resistance / baliga_limit(nominal), DECIMALS),
        }

    def checks(self) -> Iterator[Check]:
        """Compare with the closed forms that follow from Fulop's law."""
        doping = 1e14
        thick = Layers(doping, doping, 400.0, 1e17, 5.0)
        # ∫α dx = 1 with E falling linearly at slope qN/ε: E_c⁸ = 8 q N/(ε c), V = ε E_c²/(2 q N)
        slope = CHARGE * doping / PERMITTIVITY
        critical = (8 * slope / IONISATION) ** 0.125
        yield Check(
            say("Breakdown of a thick drift layer, 1e14 cm⁻³", "두꺼운 드리프트 층의 항복 전압, 1e14 cm⁻³"),
            found=thick.breakdown(),
            expected=critical**2 / (2 * slope),
            tolerance=0.05,
            unit="V",
            source="closed form of the ionisation integral with Fulop's law (Baliga 2008, ch. 3)",
        )
        width = critical / slope
        just = Layers(doping, doping, 1e4 * width, 1e17, MIN_BUFFER)
        drift = 1000 * width / (CHARGE * float(mobility(np.array([doping]))[0]) * doping)
        yield Check(
            say("Its resistance against Baliga's limit", "발리가 한계와 비교한 저항"),
            found=drift / baliga_limit(just.breakdown()),
            expected=1.0,
            tolerance=0.05,
            unit="1",
            source="R = 5.93e-9 V^2.5 Ω·cm² (Baliga 2008); its coefficients are rounded and its mobility is constant",
        )
