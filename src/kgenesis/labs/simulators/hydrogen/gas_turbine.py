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

CLOSURE = 1e-6
"""Largest error of elements (mass fraction) and of enthalpy (relative to 1 MJ/kg)."""

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

    @property
    def error(self) -> type[Exception]:
        """What Cantera raises."""
        return self._cantera.CanteraError

    def lost(self, before: Stream, after: Stream) -> float:
        """Return the largest change of an element's mass fraction, or of enthalpy in MJ/kg."""
        shares = []
        for stream in (before, after):
            self.gas.Y = stream.fractions
            shares.append(np.array([self.gas.elemental_mass_fraction(e) for e in self.gas.element_names]))
        return max(float(np.abs(shares[0] - shares[1]).max()), abs(before.enthalpy - after.enthalpy) / 1e6)

    def expanded(self, stream: Stream, pressure: float, efficiency: float) -> float:
        """Expand to ambient pressure without reaction; return the power in W."""
        gas = self.set(stream, pressure)
        start, entropy = gas.enthalpy_mass, gas.entropy_mass
        gas.SP = entropy, ATMOSPHERE
        return float(stream.flow * efficiency * (start - gas.enthalpy_mass))

    def first_oxide(self) -> float:
        """Return the rate at which the gas as it is makes NO through N2 + O alone, kmol/m³/s, counting N's NO too."""
        for i, reaction in enumerate(self.gas.reactions()):
            if {*reaction.reactants, *reaction.products} == {"N", "NO", "N2", "O"}:
                forth, back = self.gas.forward_rates_of_progress[i], self.gas.reverse_rates_of_progress[i]
                return 2 * float(back - forth)
        msg = "the mechanism lacks N + NO <=> N2 + O"
        raise ValueError(msg)

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


class GasTurbine(Simulator):
    """The laboratory: a fuel blend and a staged combustor in; nitrogen oxides, slip, temperature, efficiency out."""

    name = "gas-turbine"
    revision = "1"
    factors: ClassVar = {
        "hydrogen": "1",
        "steam": "1",
        "nitrogen": "1",
        "pressure": "MPa",
        "equivalence": "1",
        "fuel_first": "1",
        "air_first": "1",
        "time_first": "ms",
        "time_second": "ms",
    }
    outcomes_in: ClassVar = {"nox": "ppm", "slip": "ppm", "turbine_inlet": "K", "efficiency": "percent"}
    engines = ("cantera",)
    extra = "hydrogen"
    settings_type = GasTurbineSettings
    possible: ClassVar = {
        "nox": (0.0, 1e6),
        "slip": (0.0, 1e6),
        "turbine_inlet": (AMBIENT, 3500.0),
        "efficiency": (-100.0, 100.0),
    }

    def __init__(self, settings: GasTurbineSettings | None = None) -> None:
        super().__init__(settings)
        self.settings = settings or GasTurbineSettings()
        self._combustor: Combustor | None = None

    @property
    def combustor(self) -> Combustor:
        """The reactors, made once.

        Raises:
            ModuleNotFoundError: Cantera is not installed.
        """
        if self._combustor is None:
            self._combustor = Combustor(self.settings)
        return self._combustor

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Burn once."""
        c, x, pressure = self.combustor, conditions, conditions["pressure"] * 1e6
        if x["hydrogen"] <= 0 or min(x["equivalence"], x["time_first"], x["time_second"]) <= 0:
            return infeasible("nothing would burn", "탈 것이 없습니다")
        moles = 2 * 0.20946 * x["equivalence"]  # of hydrogen for one of air
        dilution = {name: moles * x[name] / x["hydrogen"] for name in ("steam", "nitrogen")}
        air, effort = c.compressed(AIR, pressure, 1.0)
        fuel, more = c.compressed("H2:1", pressure, moles)
        effort += more
        if dilution["nitrogen"] > 0:
            inert, more = c.compressed("N2:1", pressure, dilution["nitrogen"])
            fuel, effort = fuel + inert, effort + more
        if dilution["steam"] > 0:
            fuel += c.at("H2O:1", self.settings.steam_temperature, pressure, dilution["steam"])
        try:
            found = self._burn(air, fuel, x, pressure)
        except c.error as error:
            return crashed(f"Cantera: {str(error)[:200]}", f"Cantera: {str(error)[:200]}")
        if isinstance(found, Failure):
            return found
        work = c.expanded(found, pressure, self.settings.turbine_efficiency)
        gas = c.set(found, pressure)
        dry = 1 - gas["H2O"].X[0]
        oxygen = gas["O2"].X[0] / dry
        oxides = (gas["NO"].X[0] + gas["NO2"].X[0]) / dry
        outcomes = {
            "nox": 1e6 * oxides * (0.20946 - 0.15) / (0.20946 - oxygen),
            "slip": 1e6 * gas["H2"].X[0] / dry,
            "turbine_inlet": gas.T,
            "efficiency": 100 * (work - effort) / (moles * 2.01588 * HEATING_VALUE),
        }
        return {name: round(float(value), DECIMALS) for name, value in outcomes.items()}

    def _burn(self, air: Stream, fuel: Stream, x: Mapping[str, float], pressure: float) -> Stream | Failure:
        """Burn in both stages and let it burn out."""
        c = self.combustor
        inlet = air.part(x["air_first"]) + fuel.part(x["fuel_first"])
        first = c.stirred(inlet, pressure, x["time_first"] / 1e3)
        if c.set(first, pressure).T < c.set(inlet, pressure).T + LEAST_RISE:
            return infeasible("the first stage is blown out", "첫 단의 불꽃이 꺼집니다")
        rest = air.part(1 - x["air_first"]) + fuel.part(1 - x["fuel_first"])
        ended = c.plug(c.stirred(first + rest, pressure, x["time_second"] / 1e3), pressure, self.settings.burnout / 1e3)
        if c.lost(air + fuel, ended) > CLOSURE:
            return crashed("elements or enthalpy were not conserved", "원소나 엔탈피가 보존되지 않았습니다")
        return ended

    def checks(self) -> Iterator[Check]:
        """Compare with energy balances of ideal gases and with the rate of thermal NO."""
        c = self.combustor
        air, fuel = c.at(AIR, 300.0, 1e6, 1.0), c.at("H2:1", 300.0, 1e6, 2 * 0.20946 * 0.4)
        burnt = c.set(c.plug(c.stirred(air + fuel, 1e6, 0.1), 1e6, 0.1), 1e6)
        yield Check(
            say("flame temperature at equivalence 0.4", "당량비 0.4의 화염 온도"),
            burnt.T, lean_flame(0.4, 300.0), 3.0, "K",
            "energy balance of complete combustion, NASA polynomials (TM-4513); dissociation takes 1-2 K",
        )  # fmt: skip
        gas = c.gas
        gas.TPX = 1900.0, 2e6, "H2:0.3, O2:0.21, N2:0.79"
        gas.equilibrate("TP")
        gas.X = {s: float(gas[s].X[0]) for s in gas.species_names if "N" not in s or s == "N2"}
        rate = 2 * 1.8e11 * np.exp(-38370 / gas.T) * gas["O"].concentrations[0] * gas["N2"].concentrations[0]
        yield Check(
            say("first NO over Zeldovich's rate at 1,900 K", "1,900 K에서 NO 생성 속도와 젤도비치 속도의 비"),
            c.first_oxide() / rate, 1.0, 0.5, "1",
            "d[NO]/dt = 2 k [O][N2], k = 1.8e14 exp(-38370 K/T) cm3/mol/s (Hanson and Salimian, 1984)",
        )  # fmt: skip


NASA: Mapping[str, tuple[float, ...]] = {
    "O2": (3.28253784, 1.48308754e-3, -7.57966669e-7, 2.09470555e-10, -2.16717794e-14, -1088.45772),
    "N2": (2.92664, 1.4879768e-3, -5.68476e-7, 1.0097038e-10, -6.753351e-15, -922.7977),
    "H2O": (3.03399249, 2.17691804e-3, -1.64072518e-7, -9.7041987e-11, 1.68200992e-14, -30004.2971),
    "AR": (2.5, 0.0, 0.0, 0.0, 0.0, -745.375),
}
"""NASA's polynomials of enthalpy above 1,000 K (McBride, Gordon and Reno, TM-4513, 1993): H/R in K."""


def lean_flame(equivalence: float, temperature: float) -> float:
    """Return the temperature (K) of complete, lean combustion of hydrogen in air, from an energy balance of our own.

    Args:
        equivalence: fuel over what the air could burn, below 1.
        temperature: of fuel and air, K; near 298 K, where enthalpies of the elements are taken as 3.5 R (T - 298.15 K).
    """
    from scipy.optimize import brentq

    water = 2 * 0.20946 * equivalence
    products = {"O2": 0.20946 * (1 - equivalence), "N2": 0.78084, "AR": 0.0097, "H2O": water}

    def enthalpy(name: str, t: float) -> float:
        a = NASA[name]
        return sum(c * t ** (k + 1) / (k + 1) for k, c in enumerate(a[:5])) + a[5]

    reactants = 3.5 * (temperature - 298.15) * (0.20946 + 0.78084 + water) + 2.5 * (temperature - 298.15) * 0.0097
    return float(brentq(lambda t: sum(n * enthalpy(s, t) for s, n in products.items()) - reactants, 1000, 3000))
