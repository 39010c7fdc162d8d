"""Fast charging as a laboratory: a mission's currents and switch points in, what the charge did to the cell out.

The physics, and how it is kept from being exploited, is in `cell`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

import numpy as np
from typing_extensions import override

from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.secondary_battery.cell import (
    END_SOC,
    NOMINAL_CAPACITY,
    PARAMETER_SET,
    START_SOC,
    BatterySettings,
    Cell,
    ChargeResult,
)
from kgenesis.labs.simulators.simulator import Check, Simulator


class BatteryFastCharge(Simulator):
    """The laboratory: conditions of a protocol in, what the charge did to the cell out, whatever the seed."""

    name = "battery-fast-charge"
    revision = "1"
    engines = ("pybamm",)
    extra = "battery"
    factors: ClassVar = {}  # they depend on the number of steps: `takes`
    outcomes_in: ClassVar = {
        "charge_time": "min",
        "plated": "mAh",
        "max_temperature": "degC",
        "min_anode_potential": "V",
        "max_voltage": "V",
    }
    settings_type = BatterySettings
    possible: ClassVar = {"charge_time": (0.0, np.inf), "plated": (0.0, np.inf)}

    _cell: Cell | None = None

    @property
    def settings(self) -> BatterySettings:
        """What the mission says about the cell, the charger and the model."""
        return cast("BatterySettings", self._given)

    @property
    @override
    def takes(self) -> Mapping[str, str]:
        """Currents in A, then switch points in % SOC."""
        return {name: "A" if name.startswith("current") else "percent" for name in self.settings.factors}

    @property
    @override
    def version(self) -> str:
        """Own version, PyBaMM's, the model, the parameter set, and a digest of the settings.

        Raises:
            MissingPart: PyBaMM is not installed.
        """
        *parts, digest = super().version.split("+")
        return "+".join([*parts, self.settings.model, PARAMETER_SET, digest])

    @override
    def simulate(self, conditions: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, float] | Failure:
        """Charge once.

        Raises:
            MissingPart: PyBaMM is not installed.
        """
        values, n = [float(value) for value in conditions.values()], self.settings.n_steps
        result = self._built().charge(values[:n], values[n:])
        if not isinstance(result, ChargeResult):
            return Failure(kind=result.kind, reason=result.reason)
        more = {"dead_lithium_mAh": result.dead_lithium, "charge_Ah": result.charge}
        return {name: getattr(result, name) for name in self.outcomes_in} | more

    @override
    def checks(self) -> Iterator[Check]:
        """Compare capacity, charge and time with data and arithmetic.

        Raises:
            MissingPart: PyBaMM is not installed.
        """
        cell = self._built()
        yield Check(
            say("capacity of the cell", "전지 용량"), cell.capacity, NOMINAL_CAPACITY, 0.03 * NOMINAL_CAPACITY,
            "A*h", "LG M50, nominal: Chen et al., J. Electrochem. Soc. 167 (2020) 080534",
        )  # fmt: skip
        share = (END_SOC - START_SOC) / 100
        steps = cell.charge((9.0, 7.0, 4.0), (30.0, 60.0))
        if not isinstance(steps, ChargeResult):
            raise RuntimeError(steps.reason.en)  # noqa: TRY004  (a charge that ends early, not a wrong type)
        yield Check(
            say("charge that went in", "들어간 전하"),
            steps.charge,
            share * cell.capacity,
            1e-4,
            "A*h",
            "70 % of capacity",
        )
        hours = cell.capacity * (0.2 / 9.0 + 0.3 / 7.0 + 0.2 / 4.0)
        yield Check(
            say("time of 9, 7 and 4 A, switched at 30 and 60 %", "9, 7, 4 A를 30, 60 %에서 바꿀 때의 시간"),
            steps.charge_time, 60 * hours, 1e-3, "min", "charge divided by current, summed",
        )  # fmt: skip

    def _built(self) -> Cell:
        if self._cell is None:
            self._cell = Cell(self.settings)
        return self._cell
