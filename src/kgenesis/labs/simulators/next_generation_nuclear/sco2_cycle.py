"""Balance a supercritical CO₂ recompression cycle behind a 550 °C reactor, and say what it yields (CoolProp).

The layout (Feher's cycle with recompression; Dostal et al., ICONE10-22192, 2002). One kilogram of CO₂ a second leaves the
turbine, gives its heat to the high- and then to the low-temperature recuperator, and is divided: the share `1 - split`
is cooled by water and compressed by the main compressor, the share `split` is recompressed without being cooled, because
near the critical point the cold high-pressure stream holds more heat than the hot low-pressure one can give.

    1 → main compressor → 2 → low-temperature recuperator → 3 ┐
    9 → recompressor ───────────────────────────────────→ 10 ┴→ 4 → high-temperature recuperator → 5 → reactor → 6
    6 → turbine → 7 → high-temperature recuperator → 8 → low-temperature recuperator → 9 → cooler → 1

Properties: the reference equation of state of CO₂ (Span and Wagner, J. Phys. Chem. Ref. Data 25 (1996) 1509), as CoolProp
has it. Machines: isentropic efficiencies. Exchangers: counter-flow, each cut into `segments` of equal heat, the pressure
falling evenly; the smallest difference of temperature anywhere is the pinch, and the sum of heat over logarithmic mean
difference is the conductance UA. The cooler's water is liquid with a constant heat capacity. Machines' and exchangers'
data are assumptions of the mission (`Sco2Settings`), not of a plant. No part load, no leakage, no bearings' losses.

What an optimiser would exploit, and how each hole is closed:

- *A recuperator that passes heat uphill inside while its ends look right.* The pinch is taken over the whole length;
  where the streams cross, the conditions are `infeasible`.
- *Recuperators of any size.* The conductance of all three exchangers per megawatt is an outcome to be limited.
- *Compression of liquid, or just above the critical point, where work vanishes.* Flow speeds up into the impeller, its
  static pressure falls by ρv²/2; where that enters the two-phase region, vapour forms and the machine is `infeasible`.
- *Heat taken in a narrow band just below the turbine's temperature.* The temperature at which CO₂ returns to the reactor
  is an outcome: the reactor's coolant must be cooled down.
- *A state CoolProp has no answer for*, or a cycle that makes entropy disappear, is `crashed`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

if TYPE_CHECKING:
    from CoolProp import AbstractState

CELSIUS = 273.15
"""K at 0 °C."""

MEGA = 1e6

DECIMALS = 7
"""Of every outcome: below any meaning, above what a root finder leaves."""

ROUNDING = 1e-6
"""Entropy that numerical error may destroy, as a share of what the reactor brings."""


class Sco2Settings(Frozen):
    """The plant around the cycle."""

    turbine_inlet_temperature: float = Field(default=550.0, ge=50, le=800, description="degC")
    """Turbine inlet temperature in °C; 550 suits a sodium-cooled fast reactor."""
    turbine_efficiency: float = Field(default=0.92, gt=0, le=1)
    """Isentropic."""
    compressor_efficiency: float = Field(default=0.88, gt=0, le=1)
    """Isentropic, of both compressors."""
    recuperator_loss: float = Field(default=0.008, ge=0, lt=0.2)
    """Pressure lost in each passage through a recuperator, as a share of the pressure there."""
    heater_loss: float = Field(default=0.01, ge=0, lt=0.2)
    """Pressure lost in the reactor's heat exchanger, as a share."""
    cooler_loss: float = Field(default=0.008, ge=0, lt=0.2)
    """Pressure lost in the cooler, as a share."""
    water_inlet: float = Field(default=20.0, ge=0, le=40)
    """Temperature of the cooling water in °C."""
    water_rise: float = Field(default=8.0, gt=0, le=50)
    """By how much the cooling water may be warmed, in K."""
    impeller_speed: float = Field(default=25.0, ge=0, le=200)
    """Speed of the flow where it enters the main compressor's impeller, in m/s."""
    segments: int = Field(default=12, ge=4, le=400)
    """Into how many parts of equal heat each exchanger is cut."""


@dataclass(frozen=True, slots=True)
class State:
    """CO₂ at one point of the cycle."""

    pressure: float
    """Pa."""
    temperature: float
    """K."""
    enthalpy: float
    """J/kg."""
    entropy: float
    """J/(kg·K)."""


@dataclass(frozen=True, slots=True)
class Exchanger:
    """A counter-flow heat exchanger, solved."""

    heat: float
    """W per kg/s of CO₂ in the turbine."""
    pinch: float
    """Smallest difference of temperature, K; negative where heat would have to flow uphill."""
    conductance: float
    """UA in W/K, for the same flow; infinite where the pinch is not positive."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A balanced cycle; works and heats in J per kg of CO₂ through the turbine."""

    states: Mapping[str, State]
    heat_in: float
    heat_out: float
    work: float
    """Net, at the shafts."""
    low: Exchanger
    high: Exchanger
    cooler: Exchanger
    generated: float
    """Entropy generated inside the cycle's machines, exchangers and mixing, J/(kg·K); never negative."""

    @property
    def efficiency(self) -> float:
        """Thermal efficiency: net shaft work over heat taken from the reactor."""
        return self.work / self.heat_in


class Infeasible(Exception):
    """A cycle that no machine could carry out; the arguments are why, in English and Korean."""


class Plant:
    """Solves cycles for one set of settings."""

    def __init__(self, settings: Sco2Settings) -> None:
        import CoolProp

        self._coolprop = CoolProp
        self._fluid: AbstractState = CoolProp.AbstractState("HEOS", "CO2")
        self.settings = settings

    def solve(
        self, high: float, low: float, coldest: float, split: float, low_approach: float, high_approach: float
    ) -> Cycle:
        """Balance the cycle.

        Args:
            high: pressure behind the main compressor, Pa.
            low: pressure before it, Pa.
            coldest: temperature before it, K.
            split: share of the flow that is recompressed without being cooled.
            low_approach: hot minus cold temperature at the cold end of the low-temperature recuperator, K.
            high_approach: the same of the high-temperature recuperator, K.

        Raises:
            Infeasible: no such cycle can be built.
            ValueError: CoolProp finds no state.
        """
        s = self.settings
        keep = 1 - s.recuperator_loss
        p9 = low / (1 - s.cooler_loss)
        p8, p3 = p9 / keep, high * keep
        p7, p5 = p8 / keep, p3 * keep
        if low >= high or p7 >= p5 * (1 - s.heater_loss):
            raise Infeasible("nothing is left for the turbine to expand", "터빈에서 팽창할 압력 차가 없습니다")
        one = self._pt(low, coldest)
        self._check_inlet(one)
        two = self._compress(one, high)
        six = self._pt(p5 * (1 - s.heater_loss), s.turbine_inlet_temperature + CELSIUS)
        seven = self._expand(six, p7)
        nine = self._pt(p9, two.temperature + low_approach)
        if nine.temperature >= seven.temperature:
            raise Infeasible(
                "the turbine's exhaust is too cold to recuperate", "터빈 출구가 너무 차가워 열을 회수할 수 없습니다"
            )
        ten = self._compress(nine, p3)

        def mixed(eight: float) -> tuple[float, float]:
            third = two.enthalpy + (eight - nine.enthalpy) / (1 - split)
            return third, (1 - split) * third + split * ten.enthalpy

        def excess(eight: float) -> float:
            return self._hp(eight, p8).temperature - self._hp(mixed(eight)[1], p3).temperature - high_approach

        eight = self._hp(_root(excess, nine.enthalpy, seven.enthalpy), p8)
        third, fourth = mixed(eight.enthalpy)
        three, four = self._hp(third, p3), self._hp(fourth, p3)
        five = self._hp(four.enthalpy + seven.enthalpy - eight.enthalpy, p5)
        if five.temperature >= six.temperature:
            raise Infeasible("nothing is left for the reactor to heat", "원자로가 가열할 것이 남지 않습니다")
        points = (one, two, three, four, five, six, seven, eight, nine, ten)
        return self._assemble({str(i + 1): point for i, point in enumerate(points)}, split)

    def _assemble(self, at: Mapping[str, State], split: float) -> Cycle:
        main = 1 - split

        def gain(start: str, end: str, flow: float = 1.0) -> float:
            return flow * (at[end].entropy - at[start].entropy)

        machines = gain("1", "2", main) + gain("9", "10", split) + gain("6", "7")
        exchangers = gain("7", "8") + gain("8", "9") + gain("2", "3", main) + gain("4", "5")
        mixing = gain("3", "4", main) + gain("10", "4", split)
        turbine = at["6"].enthalpy - at["7"].enthalpy
        main_compressor = main * (at["2"].enthalpy - at["1"].enthalpy)
        recompressor = split * (at["10"].enthalpy - at["9"].enthalpy)
        return Cycle(
            states=at,
            heat_in=at["6"].enthalpy - at["5"].enthalpy,
            heat_out=main * (at["9"].enthalpy - at["1"].enthalpy),
            work=turbine - main_compressor - recompressor,
            low=self._exchanger(at["8"], at["9"], at["2"], at["3"], main),
            high=self._exchanger(at["7"], at["8"], at["4"], at["5"], 1.0),
            cooler=self._cool(at["9"], at["1"], main),
            generated=machines + exchangers + mixing,
        )

    def _exchanger(self, hot_in: State, hot_out: State, cold_in: State, cold_out: State, flow: float) -> Exchanger:
        """Return a recuperator between the whole flow on the hot side and `flow` of it on the cold side."""
        shares = np.linspace(0, 1, self.settings.segments + 1)  # from the cold end
        hot = self._profile(hot_out, hot_in, shares)
        cold = self._profile(cold_in, cold_out, shares)
        return _exchange(hot - cold, flow * (cold_out.enthalpy - cold_in.enthalpy))

    def _cool(self, hot_in: State, hot_out: State, flow: float) -> Exchanger:
        shares = np.linspace(0, 1, self.settings.segments + 1)
        water = self.settings.water_inlet + CELSIUS + self.settings.water_rise * shares
        return _exchange(self._profile(hot_out, hot_in, shares) - water, flow * (hot_in.enthalpy - hot_out.enthalpy))

    def _profile(self, cold: State, hot: State, shares: Any) -> Any:
        """Return temperatures (K) along one side, from its cold end; heat and pressure change evenly."""
        inner = [
            self._hp(
                cold.enthalpy + x * (hot.enthalpy - cold.enthalpy), cold.pressure + x * (hot.pressure - cold.pressure)
            ).temperature
            for x in shares[1:-1]
        ]
        return np.array([cold.temperature, *inner, hot.temperature])

    def _check_inlet(self, inlet: State) -> None:
        """Refuse flow that would boil or condense where it speeds up into the impeller.

        The static pressure there is p - ρv²/2 (Bernoulli; the fall is small), at the entropy of the inlet.
        """
        self._fluid.update(self._coolprop.PT_INPUTS, inlet.pressure, inlet.temperature)
        static = inlet.pressure - self._fluid.rhomass() * self.settings.impeller_speed**2 / 2
        if static < self._fluid.p_critical():
            self._fluid.update(self._coolprop.PSmass_INPUTS, static, inlet.entropy)
            if self._fluid.phase() == self._coolprop.iphase_twophase:
                raise Infeasible(
                    "liquid and vapour form at the main compressor's inlet",
                    "주압축기 입구에서 액체와 증기로 나뉩니다",
                )

    def _compress(self, start: State, pressure: float) -> State:
        ideal = self._sp(start.entropy, pressure)
        return self._hp(start.enthalpy + (ideal - start.enthalpy) / self.settings.compressor_efficiency, pressure)

    def _expand(self, start: State, pressure: float) -> State:
        ideal = self._sp(start.entropy, pressure)
        return self._hp(start.enthalpy + (ideal - start.enthalpy) * self.settings.turbine_efficiency, pressure)

    def _pt(self, pressure: float, temperature: float) -> State:
        self._fluid.update(self._coolprop.PT_INPUTS, pressure, temperature)
        return State(pressure, temperature, self._fluid.hmass(), self._fluid.smass())

    def _hp(self, enthalpy: float, pressure: float) -> State:
        self._fluid.update(self._coolprop.HmassP_INPUTS, enthalpy, pressure)
        return State(pressure, self._fluid.T(), enthalpy, self._fluid.smass())

    def _sp(self, entropy: float, pressure: float) -> float:
        """Return the enthalpy."""
        self._fluid.update(self._coolprop.PSmass_INPUTS, pressure, entropy)
        return float(self._fluid.hmass())


def _exchange(differences: Any, heat: float) -> Exchanger:
    """Return an exchanger from its differences of temperature (n+1,), each part passing the same heat."""
    pinch = float(differences.min())
    if pinch <= 0:
        return Exchanger(heat, pinch, math.inf)
    one, two = differences[:-1], differences[1:]
    ratio = np.log(two / one)
    even = np.abs(ratio) < 1e-6  # noqa: PLR2004  (the logarithmic mean of two equal numbers is that number)
    mean = np.where(even, one, (two - one) / np.where(even, 1.0, ratio))
    return Exchanger(heat, pinch, float(np.sum(heat / len(one) / mean)))


def _root(function: Any, low: float, high: float) -> float:
    """Return where a rising function is zero, or refuse."""
    from scipy.optimize import brentq

    if function(low) >= 0 or function(high) <= 0:
        raise Infeasible(
            "no outlet temperature of the recuperators balances the cycle",
            "복열기의 열수지가 맞는 출구 온도가 없습니다",
        )
    return float(brentq(function, low, high, xtol=1e-6, rtol=1e-13))


class Sco2Cycle(Simulator):
    """The laboratory: pressures, coldest temperature, split and approaches in; efficiency, pinch and size out."""

    name = "sco2-cycle"
    revision = "1"
    factors: ClassVar = {
        "high_pressure": "MPa",
        "low_pressure": "MPa",
        "coldest_temperature": "degC",
        "split": "1",
        "low_approach": "K",
        "high_approach": "K",
    }
    outcomes_in: ClassVar = {
        "efficiency": "percent",
        "pinch": "K",
        "conductance": "kW/K/MW",
        "return_temperature": "degC",
    }
    engines = ("CoolProp",)
    extra = "nuclear"
    settings_type = Sco2Settings
    possible: ClassVar = {
        "efficiency": (0.0, 100 * (1 - 304.1282 / (800 + CELSIUS))),  # Carnot, critical point to hottest turbine
        "pinch": (0.0, 800.0),
        "conductance": (0.0, math.inf),
    }

    def __init__(self, settings: Sco2Settings | None = None) -> None:
        super().__init__(settings)
        self.settings = settings or Sco2Settings()
        self._plant: Plant | None = None

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Balance one cycle; nothing is random."""
        if not 0 <= conditions["split"] < 1:
            return infeasible("the split must be from 0 to below 1", "분류비는 0 이상 1 미만이어야 합니다")
        if self._plant is None:
            self._plant = Plant(self.settings)
        try:
            cycle = self._plant.solve(
                conditions["high_pressure"] * MEGA,
                conditions["low_pressure"] * MEGA,
                conditions["coldest_temperature"] + CELSIUS,
                conditions["split"],
                conditions["low_approach"],
                conditions["high_approach"],
            )
        except Infeasible as why:
            return infeasible(*why.args)
        except ValueError as error:
            return crashed(f"CoolProp: {str(error)[:200]}", f"CoolProp: {str(error)[:200]}")
        return self._judge(cycle)

    def checks(self) -> Iterator[Check]:
        """Compare with a published cycle, with energy's conservation and with the simple recuperated cycle."""
        plant = Plant(Sco2Settings())
        cycle = plant.solve(20 * MEGA, 7.7 * MEGA, 32 + CELSIUS, 0.4, 10, 10)
        yield Check(
            say("efficiency at 550 °C, 20 MPa, 32 °C and 10 K", "550 °C, 20 MPa, 32 °C, 10 K에서의 효율"),
            100 * cycle.efficiency, 45, 1, "percent",
            "Dostal, Driscoll, Hejzlar and Todreas, ICONE10-22192, 2002: about 45 % at 550 °C",
        )  # fmt: skip
        yield Check(
            say("work over heat taken less heat given", "일과 받은 열, 버린 열의 차의 비"),
            cycle.work / (cycle.heat_in - cycle.heat_out), 1, 1e-9, "1", "first law",
        )  # fmt: skip
        at = cycle.states
        outside = at["6"].entropy - at["5"].entropy + 0.6 * (at["1"].entropy - at["9"].entropy)
        yield Check(
            say("entropy generated over entropy given away", "내부에서 생긴 엔트로피와 내보낸 엔트로피의 비"),
            cycle.generated / -outside, 1, 1e-6, "1", "second law: a closed cycle keeps none",
        )  # fmt: skip

    def _judge(self, cycle: Cycle) -> Mapping[str, float | Outcome] | Failure:
        pinch = min(cycle.low.pinch, cycle.high.pinch, cycle.cooler.pinch)
        if pinch <= 0:
            return infeasible(
                "heat would have to flow uphill in an exchanger", "열교환기 안에서 열이 거꾸로 흘러야 합니다"
            )
        if cycle.work <= 0:
            return infeasible(
                "the compressors take more than the turbine gives", "압축기가 터빈보다 더 많은 일을 씁니다"
            )
        if cycle.generated < -ROUNDING * cycle.heat_in / cycle.states["6"].temperature:
            return crashed("the cycle destroys entropy", "사이클의 엔트로피가 줄어듭니다")
        size = cycle.low.conductance + cycle.high.conductance + cycle.cooler.conductance
        found = {
            "efficiency": 100 * cycle.efficiency,
            "pinch": pinch,
            "conductance": 1e3 * size / cycle.work,
            "return_temperature": cycle.states["5"].temperature - CELSIUS,
            "specific_work": cycle.work / 1e3,
        }
        return {name: round(value, DECIMALS) for name, value in found.items()}
