"""Burn hydrogen in two lean stages of a gas turbine, and say how much nitrogen oxide and power come out (Cantera).

Air is compressed and divided; a fuel blend of hydrogen, steam and nitrogen is divided too. The first stage is a perfectly
stirred reactor; its products meet the rest of air and fuel in a second one, and burn out in a plug-flow reactor of
`burnout` residence time. Everything is adiabatic and at one pressure; mixing conserves enthalpy and elements. The turbine
expands the gas to ambient pressure with a constant isentropic efficiency and frozen composition.

Chemistry: the hydrogen, oxygen and nitrogen part of GRI-Mech 3.0 (Smith, Golden, Frenklach et al., 1999; 19 species), with
thermal, NNH and N2O routes to NO. Nitrogen oxides are NO + NO2, by volume in dry gas at 15 % oxygen, as they are regulated.
Steam comes from the exhaust's heat at `steam_temperature`; nitrogen and the hydrogen itself are compressed at ambient
temperature with the compressor's efficiency. Left out: fuel and air that are not mixed well, heat losses, flashback,
cooling air, acoustics. GRI-Mech is not made for ammonia, so none is burnt here.

What an optimiser would exploit, and how each hole is closed:

- *A flame that is out makes no NO.* A stage less than `LEAST_RISE` above its inlet is blown out: `infeasible`.
- *Dilution.* Nitrogen oxides are counted at 15 % oxygen in dry gas; what diluents cost is in `efficiency`.
- *Cold, lean, useless gas.* The turbine's inlet temperature is an outcome to be limited from below.
- *Hydrogen that leaves unburnt.* It is an outcome to be limited, and lowers the efficiency.
- *A reactor that has not settled.* Each is followed for `TURNOVERS` residence times; elements and enthalpy must come
  out as they went in, else `crashed`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

MECHANISM = """
phases:
- name: hydrogen-and-nitrogen
  thermo: ideal-gas
  elements: [O, H, N, Ar]
  species:
  - gri30.yaml/species: [H2, H, O, O2, OH, H2O, HO2, H2O2, N, NH, NH2, NH3, NNH, NO, NO2, N2O, HNO, AR, N2]
  kinetics: gas
  reactions:
  - gri30.yaml/reactions: declared-species
  skip-undeclared-third-bodies: true
"""

AIR = "O2:0.20946, N2:0.78084, AR:0.0097"
"""Dry air by volume (US Standard Atmosphere, 1976; carbon dioxide counted as argon and nitrogen)."""

AMBIENT, ATMOSPHERE = 288.15, 101325.0
"""K and Pa (ISO 2314)."""

HEATING_VALUE = 119.96e6
"""J/kg, lower, of hydrogen at 25 °C: 241.826 kJ/mol (formation enthalpy of steam, CODATA) over 2.01588 g/mol."""

LEAST_RISE = 400.0
"""K; a stage that is less hot above its inlet holds no flame."""

TURNOVERS = 25.0
"""Residence times after which a stirred reactor has settled to e⁻²⁵."""

DECIMALS = 5


class GasTurbineSettings(Frozen):
    """The engine around the combustor."""

    compressor_efficiency: float = Field(default=0.88, gt=0, le=1)
    """Isentropic."""
    turbine_efficiency: float = Field(default=0.90, gt=0, le=1)
    """Isentropic."""
    burnout: float = Field(default=4.0, gt=0, le=50)
    """Residence time of the plug flow behind the second stage, ms."""
    steam_temperature: float = Field(default=550.0, ge=400, le=900)
    """K."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A gas: kg/s, and its state as mass fractions, J/kg and Pa."""

    flow: float
    fractions: Any
    enthalpy: float

    def __add__(self, other: "Stream") -> "Stream":
        """Mix adiabatically."""
        flow = self.flow + other.flow
        one, two = self.flow / flow, other.flow / flow
        return Stream(flow, one * self.fractions + two * other.fractions, one * self.enthalpy + two * other.enthalpy)

    def part(self, share: float) -> "Stream":
        """Return a share of it."""
        return Stream(self.flow * share, self.fractions, self.enthalpy)


class Combustor:
    """Cantera's reactors for one set of settings."""

    def __init__(self, settings: GasTurbineSettings) -> None:
        import cantera

        self._cantera = cantera
        self.gas = cantera.Solution(yaml=MECHANISM)
        self.settings = settings

    def compressed(self, composition: str, pressure: float, moles: float) -> tuple[Stream, float]:
        """Compress so many kmol/s from ambient; return the stream and its power in W."""
        self.gas.TPX = AMBIENT, ATMOSPHERE, composition
        start, entropy, flow = self.gas.enthalpy_mass, self.gas.entropy_mass, moles * self.gas.mean_molecular_weight
        self.gas.SP = entropy, pressure
        work = (self.gas.enthalpy_mass - start) / self.settings.compressor_efficiency
        return Stream(flow, self.gas.Y.copy(), start + work), flow * work

    def at(self, composition: str, temperature: float, pressure: float, moles: float) -> Stream:
        """Return so many kmol/s of a gas as it comes."""
        self.gas.TPX = temperature, pressure, composition
        return Stream(moles * self.gas.mean_molecular_weight, self.gas.Y.copy(), self.gas.enthalpy_mass)

    def set(self, stream: Stream, pressure: float) -> Any:
        """Put the gas into a stream's state and return it."""
        self.gas.HPY = stream.enthalpy, pressure, stream.fractions
        return self.gas

    def stirred(self, inlet: Stream, pressure: float, seconds: float) -> Stream:
        """Burn in a perfectly stirred reactor of this residence time, lit at equilibrium."""
        feed = self._cantera.Reservoir(self.set(inlet, pressure), clone=True)
        self.gas.equilibrate("HP")
        reactor = self._cantera.IdealGasConstPressureReactor(self.gas, clone=True)
        controller = self._cantera.MassFlowController(feed, reactor, mdot=lambda _: reactor.mass / seconds)
        away = self._cantera.Reservoir(self.gas, clone=True)
        valve = self._cantera.PressureController(reactor, away, primary=controller)
        net = self._cantera.ReactorNet([reactor])
        net.rtol, net.atol = 1e-8, 1e-16
        net.advance(TURNOVERS * seconds)
        assert valve is not None
        return Stream(inlet.flow, reactor.phase.Y.copy(), reactor.phase.enthalpy_mass)

    def plug(self, inlet: Stream, pressure: float, seconds: float) -> Stream:
        """Let a gas react on its way, without mixing."""
        reactor = self._cantera.IdealGasConstPressureReactor(self.set(inlet, pressure), clone=True)
        net = self._cantera.ReactorNet([reactor])
        net.rtol, net.atol = 1e-8, 1e-16
        net.advance(seconds)
        return Stream(inlet.flow, reactor.phase.Y.copy(), reactor.phase.enthalpy_mass)
