"""Teach a four-legged robot to walk: a rhythm for its joints in, speed and cost of transport out (MuJoCo).

A robot of 12 kg in the vertical plane: a trunk on four legs of two links, hips and knees driven by position servos with
bounded torque. A central pattern generator gives each hip a sine and each knee a half sine that lifts the foot; the legs
follow one another as the gait says. `lag` says when a knee is bent most: 0 in the middle of its leg's forward swing, a
quarter (of a cycle) when the leg is rearmost, minus a quarter when it is foremost; beyond, the robot walks backwards. Every
experiment has its ground (`FRICTION`) and starts from a stance with small random errors of the joints (`START_ERROR`), so
repeats differ.

Speed is distance over time after `SETTLING`. The cost of transport is the mechanical work of the motors, taken as
positive whichever way it flows (no motor stores what it brakes), over weight times distance.

Left out: roll and yaw, the motors' electrical losses, gear play, uneven ground.

What an optimiser would exploit, and how each hole is closed:

- *Falling forward is fast.* A trunk that tilts beyond `MAX_PITCH`, sinks below `MIN_HEIGHT` or touches the ground at any
  time ends the experiment: `infeasible`.
- *Bodies that fly because the solver blows up.* A warning of MuJoCo, a number that is not finite, or a trunk above
  `MAX_HEIGHT` is `crashed`.
- *Energy from nowhere.* Contacts, friction and damping only take energy: at no time may the robot's energy have grown by
  more than the motors' work (`ENERGY_TOLERANCE`), else `crashed`.
- *A push at the start.* What happens before `SETTLING` does not count, the rhythm fades in during `FADE_IN`.
- *Standing still costs little*: without progress there is no cost of transport; less than `LEAST_DISTANCE` is `infeasible`.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed, infeasible

if TYPE_CHECKING:
    import mujoco

GRAVITY = 9.80665
"""m/s²."""

OPTION = f'<option timestep="0.002" integrator="implicitfast" gravity="0 0 -{GRAVITY}"><flag energy="enable"/></option>'

LINK = 0.2
"""m; thigh and shank."""

LEGS = {"front_left": 0.2, "front_right": 0.2, "rear_left": -0.2, "rear_right": -0.2}
"""Leg → where its hip is along the trunk, m."""

GAITS = {
    "trot": (0.0, 0.5, 0.5, 0.0),
    "pace": (0.0, 0.5, 0.0, 0.5),
    "bound": (0.0, 0.0, 0.5, 0.5),
    "walk": (0.0, 0.5, 0.75, 0.25),
}
"""Phases of the legs, in the order of `LEGS`, in parts of a cycle (M. Hildebrand, Science 150, 1965)."""

DURATION, SETTLING, FADE_IN = 6.0, 2.0, 0.8
"""s."""

START_ERROR = 0.01
"""rad; standard deviation of each joint at the start."""

FRICTION = (0.6, 1.0)
"""Coefficient between foot and ground, drawn uniformly for each experiment: concrete, dry or dusty."""

SWING_FORWARD = 0.75
"""Parts of a cycle from the middle of a leg's forward swing (half a cycle of its hip's sine) to a sine's peak, in turn 1."""

MAX_PITCH, MIN_HEIGHT, MAX_HEIGHT, LEAST_DISTANCE = 0.6, 0.18, 0.6, 0.2
"""rad, m, m, m."""

ENERGY_TOLERANCE = 0.02
"""Part of all the work done that the energy may be out of balance, beside 0.5 J."""

LIMITS = {"frequency": (0.2, 5.0), "swing": (0.0, 0.8), "lift": (0.0, 1.2), "bend": (0.1, 0.8), "lean": (-0.5, 0.5)}
"""What the servos can follow; lag is periodic."""


def _leg(name: str, place: float) -> str:
    return f"""
      <body name="{name}_thigh" pos="{place} 0 0">
        <joint name="{name}_hip" range="-1.4 1.4"/>
        <geom fromto="0 0 0 0 0 -{LINK}" size="0.02" mass="0.6"/>
        <body name="{name}_shank" pos="0 0 -{LINK}">
          <joint name="{name}_knee" range="-2.4 0"/>
          <geom fromto="0 0 0 0 0 -{LINK}" size="0.018" mass="0.4"/>
        </body>
      </body>"""


ROBOT = f"""
<mujoco model="planar quadruped">
  <compiler angle="radian" autolimits="true"/>
  {OPTION}
  <default>
    <geom type="capsule" density="0" friction="0.8" condim="3" solref="0.008 1" contype="1" conaffinity="2"/>
    <joint type="hinge" axis="0 1 0" damping="0.1" armature="0.008"/>
    <position kp="100" kv="2" forcerange="-25 25"/>
  </default>
  <worldbody>
    <geom name="ground" type="plane" size="200 1 0.1" priority="1" contype="2" conaffinity="1"/>
    <body name="trunk">
      <joint name="x" type="slide" axis="1 0 0" damping="0" armature="0"/>
      <joint name="z" type="slide" axis="0 0 1" damping="0" armature="0"/>
      <joint name="pitch" damping="0" armature="0"/>
      <geom name="trunk" type="box" size="0.25 0.06 0.05" mass="8"/>{"".join(_leg(*leg) for leg in LEGS.items())}
    </body>
  </worldbody>
  <actuator>{"".join(f'<position joint="{leg}_{joint}"/>' for leg in LEGS for joint in ("hip", "knee"))}</actuator>
</mujoco>"""

PENDULUM = f"""
<mujoco>
  {OPTION}
  <worldbody>
    <body>
      <joint type="hinge" axis="0 1 0"/>
      <geom type="sphere" pos="0 0 -0.5" size="0.05" mass="1"/>
    </body>
    <body pos="3 0 0">
      <joint type="slide" axis="0 0 1"/>
      <geom type="sphere" size="0.05" mass="1"/>
    </body>
  </worldbody>
</mujoco>"""


@cache
def robot() -> "mujoco.MjModel":
    """Return the robot, read once in a process."""
    import mujoco

    return mujoco.MjModel.from_xml_string(ROBOT)


class Gait(Simulator):
    """The robot on level ground: frequency, swing, lift, stance and gait in; speed and cost of transport out."""

    name = "gait"
    revision = "2"
    factors: ClassVar = {
        "gait": LEVELS,
        "frequency": "Hz",
        "swing": "rad",
        "lift": "rad",
        "lag": "1",
        "bend": "rad",
        "lean": "rad",
    }
    outcomes_in: ClassVar = {"speed": "m/s", "cost_of_transport": "1"}
    engines = ("mujoco",)
    extra = "robotics"
    # No foot moves faster against the trunk than twice the swing's fastest, of legs 0.4 m long, at the limits.
    possible: ClassVar = {"speed": (-10.0, 10.0), "cost_of_transport": (0.0, math.inf)}

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Let the robot walk."""
        if any(not low <= conditions[name] <= high for name, (low, high) in LIMITS.items()):
            return infeasible("the servos cannot follow this rhythm", "서보가 따라갈 수 없는 리듬입니다")
        if conditions["gait"] not in GAITS or not math.isfinite(conditions["lag"]):
            return infeasible(f"no gait is called {conditions['gait']}", f"{conditions['gait']}라는 걸음새는 없습니다")
        import mujoco

        model = robot()
        model.geom("ground").friction[0] = rng.uniform(*FRICTION)
        data = mujoco.MjData(model)
        bend = conditions["bend"]
        stance = np.tile([bend, -2 * bend], len(LEGS))
        data.qpos[1] = 2 * LINK * math.cos(bend) + 0.02
        data.qpos[3:] = stance + rng.normal(0, START_ERROR, len(stance))
        return walk(data, Rhythm(conditions, stance))

    def checks(self) -> Iterator[Check]:
        """Compare free fall and a pendulum, with the robot's integrator and time step, with mechanics."""
        import mujoco

        model = mujoco.MjModel.from_xml_string(PENDULUM)
        data = mujoco.MjData(model)
        data.qpos[0] = 0.02
        crossings: list[float] = []
        before = 0.02
        while len(crossings) < 5:  # noqa: PLR2004
            mujoco.mj_step(model, data)
            if before * data.qpos[0] < 0:
                crossings.append(data.time - model.opt.timestep * data.qpos[0] / (data.qpos[0] - before))
            before = float(data.qpos[0])
        inertia = 0.5**2 + 2 / 5 * 0.05**2
        yield Check(
            what=say("period of a pendulum, small swing", "작은 진폭 진자의 주기"),
            found=(crossings[4] - crossings[0]) / 2,
            expected=2 * math.pi * math.sqrt(inertia / (GRAVITY * 0.5)),
            tolerance=0.003,
            unit="s",
            source="2π √(I / m g l)",
        )
        mujoco.mj_resetData(model, data)
        while data.time < 1 - 1e-9:
            mujoco.mj_step(model, data)
        yield Check(
            what=say("height after one second of free fall", "1초 자유낙하 뒤의 높이"),
            found=float(data.qpos[1]),
            expected=-GRAVITY / 2,
            tolerance=0.02,
            unit="m",
            source="g t² / 2",
        )


class Rhythm:
    """The central pattern generator: what the servos are told at a time."""

    def __init__(self, conditions: Mapping[str, Any], stance: np.ndarray) -> None:
        self._turn = 2 * math.pi * conditions["frequency"]
        self._phases = 2 * math.pi * np.array(GAITS[conditions["gait"]])
        self._lag = 2 * math.pi * (conditions["lag"] + SWING_FORWARD)
        self._swing, self._lift, self._lean = conditions["swing"], conditions["lift"], conditions["lean"]
        self._stance = stance

    def at(self, time: float) -> np.ndarray:
        """Return the angles of hips and knees, rad, (8,)."""
        phases, strength = self._turn * time + self._phases, min(1.0, time / FADE_IN)
        wanted = self._stance.copy()
        wanted[::2] += strength * (self._lean + self._swing * np.sin(phases))
        wanted[1::2] -= strength * self._lift * np.maximum(0.0, np.sin(phases + self._lag))
        return wanted


def walk(data: "mujoco.MjData", rhythm: Rhythm) -> Mapping[str, float | Outcome] | Failure:
    """Let the robot walk for `DURATION`, watching over it.

    Args:
        data: the robot at its start; changed.
        rhythm: what its servos are told.
    """
    import mujoco

    model = robot()
    mujoco.mj_forward(model, data)
    start, step = float(data.energy.sum()), model.opt.timestep
    work = effort = settled_effort = settled_at = settled_time = 0.0
    while data.time < DURATION:
        data.ctrl[:] = rhythm.at(data.time)
        velocity = data.qvel.copy()
        mujoco.mj_step(model, data)
        # Over a step, work is force times the mean velocity (the integrator is of first order).
        powers = data.qfrc_actuator[3:] * (velocity + data.qvel)[3:] / 2
        work, effort = work + step * float(powers.sum()), effort + step * float(abs(powers).sum())
        height, pitch = float(data.qpos[1]), float(data.qpos[2])
        if data.warning.number.any() or not np.isfinite(data.qpos).all() or height > MAX_HEIGHT:
            return crashed("the solver lost the robot", "수치 해가 로봇을 잃었습니다")
        if float(data.energy.sum()) - start > work + ENERGY_TOLERANCE * effort + 0.5:
            return crashed("energy came from nowhere", "에너지가 저절로 생겼습니다")
        if abs(pitch) > MAX_PITCH or height < MIN_HEIGHT:
            at = f"{data.time:.1f}"
            return infeasible(f"the robot fell after {at} s", f"로봇이 {at}초 만에 넘어졌습니다")
        if settled_time == 0.0 and data.time >= SETTLING:
            settled_time, settled_at, settled_effort = data.time, float(data.qpos[0]), effort
    away = float(data.qpos[0]) - settled_at
    if abs(away) < LEAST_DISTANCE:
        return infeasible("the robot does not get anywhere", "로봇이 나아가지 못합니다")
    weight = GRAVITY * float(model.body_mass.sum())
    found = {
        "speed": away / (data.time - settled_time),
        "cost_of_transport": (effort - settled_effort) / (weight * abs(away)),
        "pitch_at_end": float(data.qpos[2]),
    }
    return {name: float(f"{value:.6g}") for name, value in found.items()}
