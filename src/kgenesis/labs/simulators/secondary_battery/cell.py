"""Charge an LG M50 cell fast, in several constant-current steps, and say what that did to it (PyBaMM).

A relaxed 5 A·h cell at 10 % state of charge (SOC) and ambient temperature is charged to 80 % with `n_steps` constant
currents, changed at switch points given in % SOC. Model: Doyle-Fuller-Newman (or SPMe, cheaper and coarser), lumped
thermal, partially reversible lithium plating, parameter set OKane2022. SOC is counted in charge between the equilibrium
states at 2.5 and 4.2 V, so currents and switch points alone give the time; what has to be found out by experiment is
what heat, voltage and the anode's potential make of it. Reasons, accuracy, limits: `docs/en/missions/battery-fast-charge.md`.

What an optimiser would exploit, and how each hole is closed:

- *A charge that stops early looks fast.* The charger aborts at the protection voltage (4.25 V: the cell's upper
  tolerance, 4.20 ± 0.05 V) and after `MAX_CHARGE_TIME`: `Failure("infeasible")`. The model's own charge counter must
  show the 70 % (`CHARGE_TOLERANCE`). A mission must still ask for 4.2 V: `max_voltage` is an outcome.
- *Steps of no length or in the wrong order.* Every step spans at least `MIN_STEP` % SOC, else `infeasible`.
- *Currents that are not currents* (zero, negative, not finite, above 4C) are `infeasible`.
- *Extremes between two output times.* They are taken over the solver's own steps, none longer than `MAX_TIME_STEP`,
  and on both sides of every switch.
- *A start that is not at rest, a memory of the experiment before.* Every charge starts from the same equilibrium: no
  gradients, ambient temperature, no plated lithium. The order of experiments does not matter.
- *Plating that strips before it is counted.* `plated` is the largest amount at any time, not the amount at the end.
- *Numbers that are not numbers.* A failing solver, a value that is not finite, or a state outside the measured range
  of an open-circuit potential is `Failure("crashed")`.
"""

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.text import Text, say

if TYPE_CHECKING:
    import pybamm

PARAMETER_SET = "OKane2022"
"""O'Kane et al., Phys. Chem. Chem. Phys. 24 (2022) 7909; cell: Chen et al., J. Electrochem. Soc. 167 (2020) 080534."""

OPTIONS = (
    ("thermal", "lumped"),
    ("lithium plating", "partially reversible"),
    ("SEI", "constant"),  # 5 nm; its thickness enters the rate at which plated lithium dies
    ("SEI film resistance", "none"),
)
"""What PyBaMM models beside the electrodes."""

NOMINAL_CAPACITY = 5.0
"""A·h; 1C is 5 A (LG M50)."""

START_SOC, END_SOC = 10.0, 80.0
"""% of the capacity between the equilibrium states at 2.5 V and 4.2 V."""

VOLTAGE_LIMIT = 4.2
"""V; upper cut-off voltage of the cell, where CC-CV holds."""

MIN_STEP = 2.0
"""% SOC; the least that a step has to charge."""

MAX_CURRENT = 20.0
"""A (4C); above, nobody has validated the parameter set."""

MAX_TIME_STEP = 20.0
"""s; longest step of the solver, so that no extreme hides between two of them."""

CHARGE_TOLERANCE = 1e-4
"""Largest relative error of the charge that the model counted."""

DECIMALS = 6
"""Of every result: the solver's factorisations make repeats differ by some 1e-10, rounding makes them equal."""

MAX_CHARGE_TIME = 240.0
"""min; then the charger's clock aborts."""

AT_ONCE = "non-positive at initial conditions"
"""How PyBaMM says that a limit is passed the moment a current is switched on."""

FARADAY = 96485.33212
"""C/mol (exact by the definition of the SI, 2019)."""

CELSIUS = 273.15
"""K at 0 °C."""

_VOLTAGE = "Voltage [V]"
_TEMPERATURE = "Volume-averaged cell temperature [C]"
_ANODE = "Negative electrode surface potential difference at separator interface [V]"
_PLATED = "Loss of capacity to negative lithium plating [A.h]"
_DEAD = "Volume-averaged negative dead lithium concentration [mol.m-3]"
_CHARGE = "Discharge capacity [A.h]"


class BatterySettings(Frozen):
    """What a mission may set about the cell, the charger and the model."""

    model: Literal["DFN", "SPMe"] = "DFN"
    """DFN resolves both electrodes through their depth; SPMe costs a third and puts the anode 15-30 mV too low."""
    n_steps: int = Field(default=4, ge=1, le=8)
    """How many constant currents."""
    ambient: float = Field(default=25.0, ge=0, le=45)
    """Temperature of the surroundings and of the cell at the start, degC."""
    heat_transfer: float = Field(default=10.0, gt=0, le=1000)
    """Heat transfer coefficient of the whole surface, W/m²/K: 10 is still air."""
    protection_voltage: float = Field(default=4.25, ge=VOLTAGE_LIMIT, le=4.4)
    """Where the charger aborts, V."""
    tolerance: float = Field(default=1e-4, ge=1e-8, le=1e-3)
    """Relative tolerance of the solver; the absolute one is a hundredth of it."""

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the conditions: currents (A), then switch points (% SOC)."""
        steps = range(1, self.n_steps + 1)
        return (*(f"current_{k}" for k in steps), *(f"switch_{k}" for k in steps[:-1]))


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What one charge from 10 to 80 % SOC did."""

    charge_time: float
    """min"""
    plated: float
    """Capacity that sat plated on the anode at its worst moment, metallic or dead, mA·h."""
    max_temperature: float
    """Volume average, degC."""
    min_anode_potential: float
    """Electrode minus electrolyte potential at the separator, where plating starts first, V against Li/Li+."""
    max_voltage: float
    """V"""
    dead_lithium: float
    """Part of the plated lithium that lost contact for good, mA·h."""
    charge: float
    """Charge that went in, A·h."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a charge is no result."""

    kind: Literal["infeasible", "crashed"]
    reason: Text


def find_fault(currents: Sequence[float], switches: Sequence[float]) -> Text | None:
    """Say what makes a protocol impossible before it is tried, if anything.

    Args:
        currents: (n_steps,) in A, positive.
        switches: (n_steps - 1,) in % SOC.
    """
    if not all(0 < current <= MAX_CURRENT for current in currents):
        return say(f"a current is not between 0 and {MAX_CURRENT:g} A", f"0~{MAX_CURRENT:g} A를 벗어난 전류가 있습니다")
    edges = (START_SOC, *switches, END_SOC)
    if not all(b - a >= MIN_STEP for a, b in itertools.pairwise(edges)):
        return say(
            f"the switch points do not rise by {MIN_STEP:g} % SOC or more from {START_SOC:g} to {END_SOC:g} %",
            f"전환점이 {START_SOC:g} %에서 {END_SOC:g} %까지 {MIN_STEP:g} % 이상씩 커지지 않습니다",
        )
    return None


class Cell:
    """The cell in its chamber, built once (about 1 s) and charged as often as wanted (about 0.3 s each).

    One cell serves one thread. The currents are PyBaMM inputs, so no value of them makes it build again.
    """

    def __init__(self, settings: BatterySettings | None = None) -> None:
        self.settings = settings or BatterySettings()
        self._pybamm = _import_pybamm()
        self._parameters = self._make_parameters()
        self._solver = self._make_solver()
        self._cc_cv: pybamm.Simulation | None = None
        model = self._make_model()
        simulation = self._pybamm.Simulation(model, parameter_values=self._parameters, solver=self._solver)
        simulation.build(initial_soc=START_SOC / 100, inputs={"Current": -NOMINAL_CAPACITY})
        self._model = simulation.built_model
        param = self._pybamm.LithiumIonParameters()
        soh = self._pybamm.lithium_ion.ElectrodeSOHSolver(self._parameters, param=param)
        empty, full, _, _ = soh.get_min_max_stoichiometries()
        self.capacity = float(self._parameters.evaluate(param.n.Q_init)) * float(full - empty)
        """Charge between the equilibrium states at 2.5 and 4.2 V, A·h."""
        self._target = (END_SOC - START_SOC) / 100 * self.capacity

    def charge(self, currents: Sequence[float], switches: Sequence[float]) -> ChargeResult | Rejection:
        """Charge from 10 to 80 % SOC.

        Args:
            currents: (n,) in A, positive.
            switches: (n - 1,) in % SOC, rising, between 10 and 80.
        """
        fault = find_fault(currents, switches)
        if fault is not None:
            return Rejection("infeasible", fault)
        edges = (START_SOC, *switches, END_SOC)
        hours = [
            (b - a) / 100 * self.capacity / current
            for (a, b), current in zip(itertools.pairwise(edges), currents, strict=True)
        ]
        if 60 * sum(hours) > MAX_CHARGE_TIME:
            return _abort(START_SOC, f"{MAX_CHARGE_TIME:g} min")
        solution: pybamm.Solution | None = None
        for current, duration, soc in zip(currents, hours, edges[:-1], strict=True):
            try:
                solution = self._solver.step(solution, self._model, 3600 * duration, inputs={"Current": -current})
            except self._pybamm.SolverError as error:
                if AT_ONCE in str(error):
                    return _abort(soc, f"{self.settings.protection_voltage:g} V")
                return _crash(error)
            if solution.termination != "final time":
                reached = START_SOC - 100 * float(solution[_CHARGE].entries[-1]) / self.capacity
                return _abort(reached, str(solution.termination).removeprefix("event: "))
        return self._read(solution)

    def cc_cv(self, c_rate: float) -> ChargeResult | Rejection:
        """Charge from 10 to 80 % SOC the standard way: constant current, then constant voltage at 4.2 V.

        Args:
            c_rate: of the constant current, in 1/h of the nominal 5 A·h.
        """
        current = c_rate * NOMINAL_CAPACITY
        fault = find_fault((current,), ())
        if fault is not None:
            return Rejection("infeasible", fault)
        constant = self.charge((current,), ())
        if isinstance(constant, ChargeResult) and constant.max_voltage <= VOLTAGE_LIMIT:
            return constant
        try:
            charger, inputs = self._cc_cv_charger(), {"Current": -current}
            return self._read(charger.solve(initial_soc=START_SOC / 100, inputs=inputs, calc_esoh=False))
        except (self._pybamm.SolverError, self._pybamm.ModelError) as error:
            return _crash(error)

    def fastest_cc_cv(
        self, *, max_temperature: float = 50.0, min_anode_potential: float = 0.0, resolution: float = 0.002
    ) -> tuple[float, ChargeResult]:
        """Return the highest C-rate (1/h) of a CC-CV charge that keeps the limits, and what it did.

        Found by bisection: temperature rises and anode potential falls with the current.

        Args:
            max_temperature: degC.
            min_anode_potential: V against Li/Li+.
            resolution: 1/h.

        Raises:
            ValueError: not even C/2 keeps the limits.
        """
        low, high = 0.5, MAX_CURRENT / NOMINAL_CAPACITY
        c_rate, best = low, None
        while best is None or high - low > resolution:
            result = self.cc_cv(c_rate)
            if (
                isinstance(result, ChargeResult)
                and result.max_temperature <= max_temperature
                and result.min_anode_potential >= min_anode_potential
            ):
                low, best = c_rate, result
            elif best is None:
                msg = "even a C/2 charge breaks the limits"
                raise ValueError(msg)
            else:
                high = c_rate
            c_rate = (low + high) / 2
        return low, best

    def _make_parameters(self) -> "pybamm.ParameterValues":
        values, settings = self._pybamm.ParameterValues(PARAMETER_SET), self.settings
        values.update(
            {
                "Current function [A]": self._pybamm.InputParameter("Current"),
                "Ambient temperature [K]": settings.ambient + CELSIUS,
                "Initial temperature [K]": settings.ambient + CELSIUS,
                "Total heat transfer coefficient [W.m-2.K-1]": settings.heat_transfer,
                "Upper voltage cut-off [V]": settings.protection_voltage,
            }
        )
        return values

    def _make_model(self) -> "pybamm.BaseModel":
        models = {"DFN": self._pybamm.lithium_ion.DFN, "SPMe": self._pybamm.lithium_ion.SPMe}
        return models[self.settings.model](dict(OPTIONS))

    def _make_solver(self) -> "pybamm.IDAKLUSolver":
        return self._pybamm.IDAKLUSolver(
            rtol=self.settings.tolerance,
            atol=self.settings.tolerance / 100,
            on_extrapolation="error",
            options={"dt_max": MAX_TIME_STEP, "silence_sundials_errors": True},
        )

    def _cc_cv_charger(self) -> "pybamm.Simulation":
        """Return the CC-CV charger, made once; only the reference needs it."""
        if self._cc_cv is None:
            step = self._pybamm.step
            full = step.CustomTermination("Charged", lambda variables: self._target + variables[_CHARGE])
            limit = step.VoltageTermination(VOLTAGE_LIMIT, operator=">")
            current = self._pybamm.InputParameter("Current")
            seconds = 60 * MAX_CHARGE_TIME
            protocol = (
                step.current(current, duration=seconds, termination=limit),
                step.voltage(VOLTAGE_LIMIT, duration=seconds, termination=full),
            )
            self._cc_cv = self._pybamm.Simulation(
                self._make_model(),
                experiment=self._pybamm.Experiment([protocol]),
                parameter_values=self._parameters,
                solver=self._make_solver(),
            )
        return self._cc_cv

    def _read(self, solution: "pybamm.Solution") -> ChargeResult | Rejection:
        edges = ("Negative electrode thickness [m]", "Electrode height [m]", "Electrode width [m]")
        volume = math.prod(float(self._parameters[edge]) for edge in edges)
        found = {
            "charge_time": solution.t[-1] / 60,
            "plated": 1000 * solution[_PLATED].entries.max(),
            "max_temperature": solution[_TEMPERATURE].entries.max(),
            "min_anode_potential": solution[_ANODE].entries.min(),
            "max_voltage": solution[_VOLTAGE].entries.max(),
            "dead_lithium": 1000 * FARADAY / 3600 * volume * solution[_DEAD].entries[-1],
            "charge": -solution[_CHARGE].entries[-1],
        }
        result = ChargeResult(**{name: round(float(value), DECIMALS) for name, value in found.items()})
        if not all(math.isfinite(value) for value in found.values()):
            return _crash("a value is not finite")
        if abs(result.charge / self._target - 1) > CHARGE_TOLERANCE:
            return _abort(START_SOC + 100 * result.charge / self.capacity, "charge")
        return result


def _abort(soc: float, cause: str) -> Rejection:
    en, ko = "the charger aborted at {soc:.1f} % SOC: {cause}", "충전기가 SOC {soc:.1f} %에서 멈췄습니다: {cause}"
    return Rejection("infeasible", say(en, ko).format(soc=soc, cause=cause))


def _crash(error: object) -> Rejection:
    return Rejection("crashed", Text.model_validate(f"PyBaMM: {str(error)[:200]}"))


def _import_pybamm() -> ModuleType:
    """Return PyBaMM, imported only where something is measured; it sends nothing home and says nothing."""
    os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"
    import pybamm

    pybamm.set_logging_level("ERROR")
    module: ModuleType = pybamm
    return module
