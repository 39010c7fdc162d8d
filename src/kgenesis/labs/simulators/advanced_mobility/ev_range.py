"""Lay out a battery electric car: what it needs for 100 km, how far it gets, how fast it starts, what its parts cost.

FASTSim drives the car over the two cycles of the United States' laboratory test (UDDS for the city, HWFET for the
highway; 55 and 45 % of the distance, 40 CFR 600), unadjusted: real driving takes more. The powertrain is that of
FASTSim's Renault Zoe (efficiency of the motor over its load, of battery and gear); mass is built up from the parts, so a
larger battery is carried by itself. The start from 0 to 100 km/h is integrated here: power- or grip-limited, against
air and tyres.

Masses and prices of parts (`EvSettings`, `TYRES`, `DRIVES`) are assumptions of this mission, of the right size and no
maker's: put in your own. Left out: heating and cooling, ageing, charging losses, slopes, the friction brakes' share (the
motor recovers all that its power allows).

What an optimiser would exploit, and how each hole is closed:

- *A car that does not keep up with the cycle needs less.* FASTSim refuses a cycle that is missed: `infeasible`; the
  distance must be the cycle's (`DISTANCE_TOLERANCE`), else `crashed`.
- *Energy from nowhere.* What leaves the battery must equal air, tyres, losses and auxiliaries within
  `BALANCE_TOLERANCE`, and motion must end where it began, else `crashed`.
- *A small battery that gives a large motor its power*: the pack gives at most its C-rate, and motor power above that is
  `infeasible`.
- *Grip from nowhere*: the start is limited by the driven axles' load.
- *Dimensions no car has*: outside of `LIMITS` is `infeasible`.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed, infeasible

VEHICLE = "2022_Renault_Zoe_ZE50_R135.yaml"
"""FASTSim's file whose powertrain is used."""

CYCLES = {"udds.csv": 0.55, "hwfet.csv": 0.45}
"""FASTSim's cycle → share of the distance."""

LIMITS = {"battery": (10.0, 150.0), "motor_power": (30.0, 400.0), "drag_coefficient": (0.15, 0.45)}
"""kWh, kW, 1; beyond, neither the masses nor the motor's map mean anything."""

TYRES = {"eco": (0.0065, 0.75), "standard": (0.0080, 0.85), "grip": (0.0100, 0.95)}
"""Rolling resistance and friction of each kind; a tyre that rolls better holds worse."""

DRIVES = {"FWD": (0.52, 0.0), "RWD": (0.58, 0.0), "AWD": (1.0, 70.0)}
"""Share of the weight on driven axles at full start (load shifts to the rear), and added mass in kg."""

FRONTAL_AREA = 2.3
"""m²."""

AIR, GRAVITY = 1.2, 9.80665
"""kg/m³ for the start (about 20 degC); m/s²."""

CARGO = 136.0
"""kg: driver and luggage, 300 lb as in the test of 40 CFR 86."""

AUXILIARIES = 300.0
"""W, all the time."""

DISTANCE_TOLERANCE = 0.01
BALANCE_TOLERANCE = 0.01
"""Relative."""

TARGET_SPEED = 100 / 3.6
"""m/s."""


class EvSettings(Frozen):
    """What the parts weigh and cost: assumptions to be replaced by your own."""

    body_mass: float = Field(default=1020.0, gt=300, lt=3000)
    """The car without battery and drive, kg."""
    compounding: float = Field(default=0.25, ge=0, le=1)
    """Structure and brakes needed per kg of battery and drive, kg."""
    nmc_specific_energy: float = Field(default=165.0, gt=50, lt=500)
    """Of the pack with nickel-manganese-cobalt cells, W·h/kg."""
    lfp_specific_energy: float = Field(default=130.0, gt=50, lt=500)
    """Of the pack with lithium-iron-phosphate cells, W·h/kg."""
    nmc_price: float = Field(default=120.0, gt=0)
    """USD/kWh of the pack."""
    lfp_price: float = Field(default=85.0, gt=0)
    """USD/kWh of the pack."""
    motor_price: float = Field(default=9.0, gt=0)
    """USD/kW of motor, inverter and gear."""
    motor_specific_power: float = Field(default=1500.0, gt=100)
    """W/kg of motor, inverter and gear."""
    drag_price: float = Field(default=0.25, ge=0)
    """Million USD per square of what the drag coefficient is below 0.32: small savings are cheap, large ones are not."""
    awd_price: float = Field(default=900.0, ge=0)
    """USD, of driving both axles."""
    eco_price: float = Field(default=60.0, ge=0)
    """USD, of a set of low-resistance tyres."""


@cache
def resources() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the vehicle's data and the cycles, read once in a process."""
    import fastsim

    vehicle = fastsim.Vehicle.from_resource(VEHICLE).to_dict()
    return vehicle, {name: fastsim.Cycle.from_resource(name) for name in CYCLES}


def sprint(mass: float, power: float, grip: float, drag_area: float, rolling: float) -> float:
    """Return the time from 0 to 100 km/h on the level, s; infinite if the car never gets there.

    t = ∫ m dv / F(v), F the lesser of power over speed and grip, less air and tyres.

    Args:
        mass: with cargo and what turns, kg.
        power: at the wheels, W.
        grip: largest force of the driven tyres, N.
        drag_area: coefficient times frontal area, m².
        rolling: force of the tyres, N.
    """
    speed = (np.arange(400) + 0.5) * TARGET_SPEED / 400
    force = np.minimum(power / speed, grip) - AIR / 2 * drag_area * speed**2 - rolling
    return math.inf if force.min() <= 0 else float((mass / force).sum()) * TARGET_SPEED / 400


class EvRange(Simulator):
    """A battery electric car: battery, motor, shape, tyres in; energy, range, start and cost out."""

    name = "ev-range"
    revision = "1"
    factors: ClassVar = {
        "battery": "kWh",
        "chemistry": LEVELS,
        "motor_power": "kW",
        "drag_coefficient": "1",
        "tyres": LEVELS,
        "drive": LEVELS,
    }
    outcomes_in: ClassVar = {"energy": "kWh", "cost": "USD", "range": "km", "start_time": "s"}
    engines = ("fastsim",)
    extra = "mobility"
    settings_type = EvSettings
    possible: ClassVar = {
        "energy": (2.0, math.inf),  # rolling resistance alone of a car of 600 kg on the best tyre
        "cost": (0.0, math.inf),
        "range": (0.0, math.inf),
        "start_time": (TARGET_SPEED / (0.95 * GRAVITY), math.inf),
    }

    @property
    def settings(self) -> EvSettings:
        """Masses and prices."""
        assert isinstance(self._given, EvSettings)
        return self._given

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002 (nothing is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Build the car, drive both cycles, start once."""
        if any(not low <= conditions[name] <= high for name, (low, high) in LIMITS.items()):
            return infeasible("no car is like that", "그런 차는 없습니다")
        tyres, drive, chemistry = conditions["tyres"], conditions["drive"], conditions["chemistry"]
        if tyres not in TYRES or drive not in DRIVES or chemistry not in {"NMC", "LFP"}:
            return infeasible("no such tyres, drive or chemistry", "그런 타이어, 구동 방식 또는 전지는 없습니다")
        battery, power = conditions["battery"], conditions["motor_power"]
        rate = 3.5 if chemistry == "NMC" else 2.5  # 1/h: what the pack gives without harm, an assumption
        if power > rate * battery:
            return infeasible("the battery does not give the motor's power", "배터리가 모터 출력을 낼 수 없습니다")
        mass, cost = self._sum_up(conditions)
        vehicle = self._vehicle(conditions, mass)
        rolling, friction = TYRES[tyres]
        total = mass + CARGO
        start = sprint(
            1.04 * total,  # what turns adds some 4 %, an assumption
            1000 * power * vehicle["pt_type"]["BEV"]["transmission"]["eff_interp"],
            friction * total * GRAVITY * DRIVES[drive][0],
            conditions["drag_coefficient"] * FRONTAL_AREA,
            rolling * total * GRAVITY,
        )
        if math.isinf(start):
            return infeasible("the car never reaches 100 km/h", "이 차는 시속 100 km에 이르지 못합니다")
        energy = 0.0
        for cycle, share in CYCLES.items():
            needed = drive_cycle(vehicle, cycle)
            if isinstance(needed, Failure):
                return needed
            energy += share * needed
        usable = battery * (vehicle["pt_type"]["BEV"]["res"]["max_soc"] - vehicle["pt_type"]["BEV"]["res"]["min_soc"])
        found = {"energy": energy, "cost": cost, "range": 100 * usable / energy, "start_time": start, "mass": mass}
        return {name: float(f"{value:.7g}") for name, value in found.items()}

    def _sum_up(self, conditions: Mapping[str, Any]) -> tuple[float, float]:
        """Return the car's mass (kg, empty) and what the chosen parts cost (USD)."""
        given, is_nmc = self.settings, conditions["chemistry"] == "NMC"
        battery, power = conditions["battery"], conditions["motor_power"]
        specific = given.nmc_specific_energy if is_nmc else given.lfp_specific_energy
        parts = 1000 * battery / specific + 1000 * power / given.motor_specific_power
        parts += DRIVES[conditions["drive"]][1]
        mass = given.body_mass + (1 + given.compounding) * parts
        cost = battery * (given.nmc_price if is_nmc else given.lfp_price) + power * given.motor_price
        cost += 1e6 * given.drag_price * max(0.0, 0.32 - conditions["drag_coefficient"]) ** 2
        cost += given.awd_price * (conditions["drive"] == "AWD") + given.eco_price * (conditions["tyres"] == "eco")
        return mass, cost

    @staticmethod
    def _vehicle(conditions: Mapping[str, Any], mass: float) -> dict[str, Any]:
        vehicle = copy.deepcopy(resources()[0])
        drive, power = conditions["drive"], 1000 * conditions["motor_power"]
        vehicle["mass_kilograms"] = mass + CARGO
        vehicle["pwr_aux_base_watts"] = AUXILIARIES
        vehicle["chassis"] |= {
            "drag_coef": conditions["drag_coefficient"],
            "frontal_area_square_meters": FRONTAL_AREA,
            "wheel_rr_coef": TYRES[conditions["tyres"]][0],
            "wheel_fric_coef": TYRES[conditions["tyres"]][1],
            "drive_type": drive,
            "drive_axle_weight_frac": DRIVES[drive][0],
            "glider_mass_kilograms": None,
            "cargo_mass_kilograms": None,
        }
        vehicle["pt_type"]["BEV"]["em"]["pwr_out_max_watts"] = power
        vehicle["pt_type"]["BEV"]["res"] |= {
            "pwr_out_max_watts": 2 * power,
            "energy_capacity_joules": 3.6e6 * conditions["battery"],
        }
        return vehicle

    def checks(self) -> Iterator[Check]:
        """Compare FASTSim's energy for the shipped Zoe with an integration of its own road load."""
        vehicle, cycles = resources()
        for cycle in CYCLES:
            needed = drive_cycle(vehicle, cycle)
            assert not isinstance(needed, Failure)
            yield Check(
                what=say(f"energy of FASTSim's Renault Zoe, {cycle}", f"FASTSim 르노 조에의 에너지, {cycle}"),
                found=needed,
                expected=road_load(vehicle, cycles[cycle].to_dict()),
                tolerance=0.03 * needed,
                unit="kWh",
                source="own integration of air, tyres, inertia and the same efficiencies; per 100 km",
            )
        yield Check(
            what=say("0 to 100 km/h at constant force, without drag", "항력 없이 일정한 힘으로 0–100 km/h"),
            found=sprint(1000.0, 1e9, 5000.0, 0.0, 0.0),
            expected=1000.0 * TARGET_SPEED / 5000.0,
            tolerance=1e-6,
            unit="s",
            source="t = m v / F",
        )


def drive_cycle(vehicle: Mapping[str, Any], cycle: str) -> float | Failure:
    """Return what a car takes from its battery, kWh per 100 km; or why it does not drive the cycle."""
    import fastsim

    course = resources()[1][cycle]
    try:
        drive = fastsim.SimDrive(fastsim.Vehicle.from_dict(dict(vehicle)), course)
        drive.walk()
    except (RuntimeError, ValueError) as error:
        text = str(error).strip().splitlines()[-1][:200] if str(error).strip() else "FASTSim"
        return infeasible(f"the car does not keep up with {cycle}: {text}", f"차가 {cycle}을 따라가지 못합니다: {text}")
    done = drive.to_dict()["veh"]
    moved, battery, motor = done["state"], done["pt_type"]["BEV"]["res"]["state"], done["pt_type"]["BEV"]["em"]["state"]
    planned = float(np.trapezoid(course.to_dict()["speed_meters_per_second"], course.to_dict()["time_seconds"]))
    taken, away = battery["energy_out_chemical_joules"], moved["dist_meters"]
    spent = moved["energy_drag_joules"] + moved["energy_rr_joules"] + moved["energy_aux_joules"]
    lost = battery["energy_loss_joules"] + motor["energy_loss_joules"] + moved["energy_brake_joules"]
    gear = motor["energy_mech_prop_out_joules"] - moved["energy_tractive_joules"]
    if abs(away / planned - 1) > DISTANCE_TOLERANCE:
        return crashed("the car did not drive the cycle's distance", "차가 주행 주기의 거리를 달리지 않았습니다")
    if abs((spent + lost + gear) / taken - 1) > BALANCE_TOLERANCE or taken <= 0:
        return crashed("the car's energy does not balance", "차의 에너지 수지가 맞지 않습니다")
    return float(taken / 3.6e6 / (away / 1e5))


def road_load(vehicle: Mapping[str, Any], course: Mapping[str, Any]) -> float:
    """Return the same by integrating the road load over the cycle, kWh per 100 km; for comparison only."""
    chassis, drive = vehicle["chassis"], vehicle["pt_type"]["BEV"]
    time, speed = np.array(course["time_seconds"]), np.array(course["speed_meters_per_second"])
    step, mean = np.diff(time), (speed[1:] + speed[:-1]) / 2
    mass = vehicle["mass_kilograms"]
    turning = (
        chassis["num_wheels"] * chassis["wheel_inertia_kilogram_square_meters"] / chassis["wheel_radius_meters"] ** 2
    )
    air = AIR / 2 * chassis["drag_coef"] * chassis["frontal_area_square_meters"] * mean**3
    tyres = chassis["wheel_rr_coef"] * mass * GRAVITY * mean
    power = air + tyres + (mass + turning) / 2 * np.diff(speed**2) / step
    gear, pack = drive["transmission"]["eff_interp"], drive["res"]["eff_interp"]["Constant"]
    shaft = np.where(power > 0, power / gear, power * gear)
    table = drive["em"]["eff_interp_achieved"]["data"]
    efficiency = np.interp(
        abs(shaft) / drive["em"]["pwr_out_max_watts"], table["grid"][0]["data"], table["values"]["data"]
    )
    electric = np.where(shaft > 0, shaft / efficiency, shaft * efficiency) + vehicle["pwr_aux_base_watts"]
    chemical = np.where(electric > 0, electric / pack, electric * pack)
    return float((chemical * step).sum() / 3.6e6 / ((mean * step).sum() / 1e5))
