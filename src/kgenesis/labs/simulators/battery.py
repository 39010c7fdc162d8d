"""Fast charging as a laboratory: a mission's currents and switch points in, what the charge did to the cell out.

The physics, and how it is kept from being exploited, is in `battery_cell`.
"""

import hashlib
import time

from kgenesis.kernel.errors import InvalidConditions
from kgenesis.kernel.experiment import Failure, Measurement, Outcome, Result, Task
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say
from kgenesis.kernel.units import convert
from kgenesis.labs.settings import invalid, read_settings
from kgenesis.labs.simulators.battery_cell import PARAMETER_SET, BatterySettings, Cell, Rejection, pybamm_version

OUTCOMES = {
    "charge_time": "min",
    "plated": "mAh",
    "max_temperature": "degC",
    "min_anode_potential": "V",
    "max_voltage": "V",
}
"""What is measured, in which unit."""


class BatteryFastCharge:
    """The laboratory: conditions of a protocol in, what the charge did to the cell out."""

    name = "battery-fast-charge"
    is_physical = False
    outcomes = frozenset(OUTCOMES)

    def __init__(self, settings: BatterySettings | None = None) -> None:
        self.settings = settings or BatterySettings()
        self._cell: Cell | None = None

    @property
    def version(self) -> str:
        """Own version, PyBaMM's, the model, the parameter set, and a digest of the settings.

        Raises:
            MissingPart: PyBaMM is not installed.
        """
        digest = hashlib.sha256(self.settings.model_dump_json().encode()).hexdigest()[:8]
        return f"1+pybamm-{pybamm_version()}+{self.settings.model}+{PARAMETER_SET}+{digest}"

    def measure(self, task: Task) -> Result:
        """Charge once; the same conditions always give the same outcome, whatever the seed.

        Raises:
            InvalidConditions: the conditions are not the currents and switch points of `settings.n_steps` steps.
            MissingPart: PyBaMM is not installed.
        """
        began = time.perf_counter()
        values = self._values(task)
        if self._cell is None:
            self._cell = Cell(self.settings)
        n = self.settings.n_steps
        result = self._cell.charge(values[:n], values[n:])
        seconds = time.perf_counter() - began
        if isinstance(result, Rejection):
            return Failure(kind=result.kind, reason=result.reason, seconds=seconds)
        outcomes = {name: Outcome(mean=getattr(result, name)) for name in OUTCOMES}
        more = {"dead_lithium_mAh": result.dead_lithium, "charge_Ah": result.charge}
        return Measurement(outcomes=outcomes, metadata=more, seconds=seconds)

    def _values(self, task: Task) -> list[float]:
        """Return the conditions in the order of the factors."""
        wanted = self.settings.factors
        values = [float(value) for name in wanted if isinstance(value := task.conditions.get(name), int | float)]
        if set(task.conditions) != set(wanted) or len(values) != len(wanted):
            names = ", ".join(wanted)
            raise InvalidConditions(
                say(f"the conditions must be numbers for {names}", f"조건은 {names}의 수여야 합니다")
            )
        return values


def make_lab(context: PluginContext) -> BatteryFastCharge:
    """Make the lab from a mission's settings (entry point `kgenesis.labs`).

    Raises:
        InvalidSpec: the settings are not valid, or the mission's factors or units are not the lab's.
    """
    settings = read_settings(BatterySettings, context)
    if context.problem is not None:
        _check(context.problem, settings)
    return BatteryFastCharge(settings)


def _check(problem: Problem, settings: BatterySettings) -> None:
    """Refuse a mission whose numbers this lab would misread."""
    if set(problem.space.names) != set(settings.factors):
        names = ", ".join(settings.factors)
        raise invalid(say(f"the factors must be {names}", f"요인은 {names}이어야 합니다"), "n_steps")
    units = {v.name: (v.unit, "A" if v.name.startswith("current") else "percent") for v in problem.space.variables}
    units |= {name: (unit, OUTCOMES[name]) for name, unit in problem.units.items() if name in OUTCOMES}
    for name, (given, own) in units.items():
        if given != own and convert(1.0, given, own) != 1.0:
            text = f"{name}: {given} → {own}"
            raise invalid(say(f"this lab works in other units: {text}", f"이 실험실의 단위와 다릅니다: {text}"))
