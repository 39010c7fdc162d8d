"""Run an alkaline water electrolyser, and say what a kilogram of hydrogen costs in energy (aec-modelling).

Cell voltage: the semi-empirical model of Jin, Nogueira Nakashima, Comodi and Lund Frandsen (Applied Thermal Engineering 262
(2025) 125154) as `aec-modelling` has it, fitted to Ulleberg's measured curves (Int. J. Hydrogen Energy 28 (2003) 21; 86
points, 30-80 °C, up to 300 mA/cm², 30 % KOH, 7 bar), which the package ships; conductivity after Gilliam et al. (2007).
One measurement differs from the next by the fit's residual, some 4 mV: that is the noise of every experiment.

Around the cell, per square metre:

- *Heat.* What is above the thermoneutral voltage heats; gas leaves saturated with steam and evaporates water. What is
  missing is heated electrically; what is left over has to be cooled.
- *Delivery at 30 bar.* Hydrogen is compressed from the cell's pressure (ideal gas, 40 °C, isothermal efficiency 65 %), and
  a rectifier of 96 % feeds the cell: assumptions of the mission.

Left out: hydrogen that diffuses into the oxygen (it sets the lowest load and speaks against high pressure; constants for
it that one could cite are lacking here), ageing, shunt currents, bubbles beyond what the fit holds, start and stop.

What an optimiser would exploit, and how each hole is closed:

- *Curves beyond what was measured.* Conditions outside of the model's data (`VALID`) are `infeasible`.
- *Compression left to others.* Energy is counted up to 30 bar whatever the cell's pressure; a cell above that gets nothing
  back.
- *Energy taken from a cold room.* A cell below the thermoneutral voltage is heated, and pays for it.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, infeasible

if TYPE_CHECKING:
    from aec_modelling.electrochemistry import AECModel

FARADAY, GAS = 96485.33212, 8.314462618
MOLAR_MASS = 2.01588e-3
"""kg/mol of hydrogen."""
CELSIUS = 273.15
KWH = 3.6e6
"""J."""

DELIVERY, COMPRESSION, RECTIFIER = 30.0, 0.65, 0.96
"""bar of the delivered hydrogen; isothermal efficiency; share of the mains' energy that reaches the cell."""

EVAPORATION = 42.0e3
"""J/mol of water at about 60 °C (44.0e3 at 25, 40.7e3 at 100 °C)."""

VALID: Mapping[str, tuple[float, float]] = {
    "temperature": (30.0, 85.0),
    "current_density": (20.0, 320.0),
    "pressure": (1.0, 35.0),
    "koh": (15.0, 42.0),
}
"""Where fit and correlations have data, a little widened."""

DECIMALS = 6


@lru_cache(maxsize=1)
def fitted() -> "tuple[AECModel, float]":
    """Return the cell fitted to Ulleberg's data, and the residual in V.

    Raises:
        ModuleNotFoundError: aec-modelling is not installed.
    """
    from aec_modelling import datasets, fit_polarization

    found = fit_polarization(datasets.load("ulleberg"))
    return found.model, float(found.rmse)


class Electrolyser(Simulator):
    """The laboratory: how the cell is run and built in; energy, rate, purity and heat out."""

    name = "electrolyser"
    revision = "1"
    factors: ClassVar = {
        "temperature": "degC",
        "current_density": "mA/cm**2",
        "pressure": "bar",
        "koh": "percent",
    }
    outcomes_in: ClassVar = {
        "energy": "kWh/kg",
        "rate": "kg/m**2/day",
        "cooling": "kW/m**2",
    }
    engines = ("aec-modelling",)
    extra = "hydrogen"
    possible: ClassVar = {
        "energy": (1.229 * 2 * FARADAY / MOLAR_MASS / KWH - 2.0, 1e3),  # reversible voltage, less noise
        "rate": (0.0, 1e3 * 320 / 100),
    }

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Run the cell once, with the noise of a measured voltage."""
        for name, (low, high) in VALID.items():
            if not low <= conditions[name] <= high:
                return infeasible(
                    f"{name} is outside of what was measured: {low:g} to {high:g} {self.factors[name]}",
                    f"{name}이(가) 측정된 범위 밖입니다: {low:g}~{high:g} {self.factors[name]}",
                )
        noise = rng.normal() * fitted()[1]
        found = self.cell(conditions, noise)
        return {name: round(value, DECIMALS) for name, value in found.items()}

    def cell(self, x: Mapping[str, float], noise: float = 0.0) -> dict[str, float]:
        """Return all outcomes of a cell whose voltage is off by `noise` V, and that voltage."""
        from aec_modelling import electrolyte
        from aec_modelling.thermo import thermoneutral_voltage

        model = fitted()[0]
        t, j, w = x["temperature"] + CELSIUS, x["current_density"], x["koh"] / 100
        voltage = float(model.voltage(j, t, x["pressure"], w)) + noise
        steam = float(electrolyte.vapour_pressure(t, w))
        dry = x["pressure"] - steam
        made = 10 * j / (2 * FARADAY)  # mol/(s·m²)
        evaporated = made * 1.5 * steam / dry * EVAPORATION
        heat = (voltage - float(thermoneutral_voltage(t))) * 10 * j - evaporated
        power = voltage * 10 * j / RECTIFIER + max(-heat, 0.0)
        squeezing = GAS * (40 + CELSIUS) * np.log(max(DELIVERY / x["pressure"], 1.0)) / COMPRESSION
        return {
            "energy": (power / made + squeezing) / MOLAR_MASS / KWH,
            "rate": made * MOLAR_MASS * 86400,
            "cooling": heat / 1e3,
            "voltage": voltage,
        }

    def checks(self) -> Iterator[Check]:
        """Compare with measured curves and with thermodynamics."""
        from aec_modelling import datasets, fit_polarization
        from aec_modelling.thermo import standard_reversible_voltage, thermoneutral_voltage

        for name, reference in (("ulleberg", "Ulleberg, 2003"), ("sakas", "Sakas et al., 2022")):
            yield Check(
                say(f"residual of the fit to {reference}", f"{reference} 자료 맞춤의 잔차"),
                1e3 * float(fit_polarization(datasets.load(name)).rmse), 0, 6, "mV",
                datasets.info(name).reference,
            )  # fmt: skip
        yield Check(
            say("thermoneutral voltage at 25 °C", "25 °C의 열중립 전압"),
            float(thermoneutral_voltage(298.15)), 285.83e3 / (2 * FARADAY), 1e-3, "V",
            "formation enthalpy of liquid water, 285.83 kJ/mol (CODATA), over 2F",
        )  # fmt: skip
        yield Check(
            say("reversible voltage at 25 °C, 1 bar", "25 °C, 1 bar의 가역 전압"),
            float(standard_reversible_voltage(298.15)), 237.14e3 / (2 * FARADAY), 1e-3, "V",
            "formation Gibbs energy of liquid water, 237.14 kJ/mol (CODATA), over 2F",
        )  # fmt: skip
