"""The signals of a small district as a laboratory: cycle, green splits and offsets in, delay out (UXsim).

An arterial road crosses four streets, at junctions 300, 400 and 250 m apart; every road has one lane in either direction. All
junctions share a cycle of two phases, arterial and side street, with `LOST` seconds of red for everyone after each. The
arterial's green begins at a junction `offset` of a cycle after it began at the first. Times are whole seconds.

UXsim (Seo 2025, "UXsim: lightweight mesoscopic traffic flow simulator in pure Python", JOSS 10, 7617) moves vehicle by vehicle
in steps of a second by Newell's car-following law, so that queues fill roads and block the junction behind. We use its C++
engine. Vehicles arrive as Poisson processes (`DEMAND`), drawn from the experiment's seed. No two routes join the same ends,
so there is nothing to choose. All numbers of the district are our own, round, and of no city; the saturation flow of
`SATURATION` is that of a lane in the Highway Capacity Manual's order (1,900 vehicles an hour less turning and heavy ones).

Delay is the time from a vehicle's wish to depart, outside the network, to its arrival, less that of an empty road without
signals. Vehicles that wish to depart in the first `WARM_UP` seconds are not counted. The standard error is that of batch
means: vehicles near in time share queues, so `BATCHES` equal spans of time are compared instead of vehicles (Law, "Simulation
modeling and analysis", 9.5.3).

What an optimiser would exploit, and what stands against it:

- Vehicles that never arrive have no delay: those still on their way at the end count with the time they have spent.
- A queue pushed out of the network: vehicles that wait outside to enter are counted from their wish.
- The many on the arterial pay for the few in a side street: the mean delay of the worst side street is there to be bounded.
- No green at all for a side street, or too short to walk across: under `LEAST_GREEN` seconds is refused.
- Lost time that is nobody's: it comes after each phase, whatever the plan.

A vehicle that stops gets away up to two steps sooner than it should in UXsim, so delays are a little short: 0.4 s on average in
the checks.

Left out: left turns against oncoming traffic (UXsim's junctions know no such conflict), pedestrians, buses, drivers who
change their route, signals that react to traffic.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

FloatArray = NDArray[np.float64]

SPEED = 12.5
"""m/s (45 km/h), below the limit of 50 km/h."""

JAM = 0.14
"""Vehicles per metre at standstill: 7 m each."""

SATURATION = 0.5
"""Vehicles per second that leave a queue at green: 1,800 an hour."""

LOST = 5
"""Seconds of red for everyone after each phase."""

LEAST_GREEN = 7
"""Seconds; shorter ones leave no time to step off the kerb."""

SPACING = (300.0, 400.0, 250.0)
"""Metres between junctions."""

APPROACH = 500.0
"""Metres from every entrance to its junction."""

N_JUNCTIONS = len(SPACING) + 1
WARM_UP, COUNTED, CLEARING = 300, 1200, 300
"""Seconds: not counted; counted; without new vehicles."""

BATCHES = 6

DEMAND: Mapping[tuple[str, str], float] = {
    ("W", "E"): 750,
    ("E", "W"): 550,
    ("N1", "S1"): 200,
    ("S1", "N1"): 160,
    ("N2", "S2"): 320,
    ("S2", "N2"): 260,
    ("N3", "S3"): 180,
    ("S3", "N3"): 140,
    ("N4", "S4"): 280,
    ("S4", "N4"): 220,
    ("W", "S2"): 60,
    ("N2", "E"): 60,
    ("N4", "W"): 50,
    ("E", "N1"): 50,
}
"""Vehicles per hour from an end to another: west, east, and north and south of a junction."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A signal plan, in whole seconds."""

    cycle: int
    greens: tuple[int, ...]
    """Of the arterial, at each junction."""
    offsets: tuple[int, ...]
    """Begin of the arterial's green at each junction."""

    @property
    def side_greens(self) -> tuple[int, ...]:
        """Greens of the side streets."""
        return tuple(self.cycle - 2 * LOST - green for green in self.greens)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What became of the vehicles (n,), in the order of `trips`."""

    delays: FloatArray
    """Seconds."""
    n_arrived: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A vehicle that wishes to depart at a time (s)."""

    origin: str
    destination: str
    time: float


class SignalPlan(Simulator):
    """The laboratory: a signal plan in, delays out."""

    name = "signal-plan"
    revision = "1"
    factors: ClassVar = {
        "cycle": "s",
        **{f"split_{i}": "1" for i in range(1, N_JUNCTIONS + 1)},
        **{f"offset_{i}": "1" for i in range(2, N_JUNCTIONS + 1)},
    }
    outcomes_in: ClassVar = {"delay": "s", "side_delay": "s"}
    engines = ("uxsim",)
    extra = "mobility"
    possible: ClassVar = {
        "delay": (0.0, WARM_UP + COUNTED + CLEARING),
        "side_delay": (0.0, WARM_UP + COUNTED + CLEARING),
    }

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Let the traffic of one rush hour run through a plan."""
        plan = plan_of(conditions)
        if min(*plan.greens, *plan.side_greens) < LEAST_GREEN:
            return infeasible(
                f"a green is shorter than {LEAST_GREEN} s", f"{LEAST_GREEN}초보다 짧은 녹색 시간이 있습니다"
            )
        trips = draw(rng)
        traffic = run(plan, trips)
        times = np.array([trip.time for trip in trips])
        if len(traffic.delays) != len(trips):
            return crashed("vehicles were lost", "사라진 차량이 있습니다")
        counted = times >= WARM_UP
        batch = ((times - WARM_UP) * BATCHES / COUNTED).astype(int)
        origins = np.array([trip.origin for trip in trips])
        sides = {
            end: _mean(traffic.delays, counted & (origins == end), batch)
            for end in sorted({trip.origin for trip in trips})
            if end[0] in "NS"
        }
        worst = max(sides, key=lambda end: sides[end].mean)
        return {
            "delay": _mean(traffic.delays, counted, batch),
            "side_delay": sides[worst],
            "vehicles": len(trips),
            "arrived": traffic.n_arrived,
            "largest_delay": round(float(traffic.delays.max()), 6),
        }

    def checks(self) -> Iterator[Check]:
        """Compare queues at one junction, a green wave and the count of vehicles with what follows from theory."""
        even = [Trip("W", "E", t * 5.0) for t in range(600)]
        source = "deterministic queue (Webster 1958, first term); a step is 1 s"
        for cycle, green in ((60, 30), (90, 40)):
            what = say(
                f"delay of even arrivals, green {green} of {cycle} s",
                f"등간격 도착의 지체, {cycle}초 중 녹색 {green}초",
            )
            yield Check(what, isolated(cycle, green, even), uniform_delay(cycle, green, 0.2), 1.0, "s", source)
        rng = np.random.default_rng(20251)
        busy = poisson("W", "E", 0.15, 7200, rng)
        what = say("delay of random arrivals against a queue without length", "무작위 도착의 지체와 점 대기행렬의 비교")
        source = "vehicles served one by one at green, computed apart"
        yield Check(what, isolated(60, 30, busy), point_queue(60, 30, busy), 1.0, "s", source)
        yield _wave()
        trips = draw(np.random.default_rng(1))
        good = run(Plan(80, (42,) * N_JUNCTIONS, (0, 24, 56, 76)), trips)
        what = say("vehicles that arrived, of those that departed", "출발한 차량 가운데 도착한 차량")
        yield Check(what, good.n_arrived, len(trips), 0, "1", "conservation of vehicles")
        what = say("least delay: nobody is faster than an empty road", "최소 지체: 빈 도로보다 빠른 차량은 없음")
        yield Check(what, float(good.delays.min()), 0.0, 1.0, "s", "free-flow time; a step is 1 s")


def plan_of(conditions: Mapping[str, Any]) -> Plan:
    """Return the plan in whole seconds."""
    cycle = round(conditions["cycle"])
    green = cycle - 2 * LOST
    greens = tuple(round(conditions[f"split_{i}"] * green) for i in range(1, N_JUNCTIONS + 1))
    offsets = (0, *(round(conditions[f"offset_{i}"] * cycle) % cycle for i in range(2, N_JUNCTIONS + 1)))
    return Plan(cycle, greens, offsets)


def poisson(origin: str, destination: str, rate: float, span: float, rng: np.random.Generator) -> list[Trip]:
    """Return the trips of a Poisson process of `rate` (1/s) over `span` (s)."""
    return [Trip(origin, destination, t) for t in np.sort(rng.uniform(0, span, rng.poisson(rate * span))).tolist()]


def draw(rng: np.random.Generator) -> list[Trip]:
    """Return the trips of one rush hour in the order of their wishes."""
    trips: list[Trip] = []
    for (origin, destination), per_hour in DEMAND.items():
        trips += poisson(origin, destination, per_hour / 3600, WARM_UP + COUNTED, rng)
    return sorted(trips, key=lambda trip: trip.time)


def _mean(delays: FloatArray, chosen: NDArray[np.bool_], batch: NDArray[np.int64]) -> Outcome:
    """Return the mean of the chosen vehicles' delays, with the standard error of batch means."""
    mean = float(delays[chosen].mean())
    parts = [delays[chosen & (batch == i)] for i in range(BATCHES)]
    means = [float(part.mean()) for part in parts if part.size]
    sem = float(np.std(means, ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else None
    return Outcome(mean=round(mean, 6), sem=None if sem is None else round(sem, 6), n=int(chosen.sum()))


# ---- theory ------------------------------------------------------------------------------------------------------------


def uniform_delay(cycle: float, green: float, flow: float) -> float:
    """Return the mean delay (s) of even arrivals of `flow` (1/s): cycle (1 - green/cycle)² / (2 (1 - flow/saturation))."""
    return cycle * (1 - green / cycle) ** 2 / (2 * (1 - flow / SATURATION))


# ---- the engine --------------------------------------------------------------------------------------------------------


def new_world(span: float) -> Any:
    """Return an empty world of UXsim that ends after `span` seconds; nothing in it is random."""
    import uxsim

    return uxsim.World(
        deltan=1,
        reaction_time=1,
        tmax=span,
        random_seed=0,
        hard_deterministic_mode=True,
        vehicle_logging_timestep_interval=-1,
        print_mode=0,
        save_mode=0,
        show_mode=0,
        cpp=True,
    )


def _add_road(world: Any, start: str, end: str, length: float, group: int) -> None:
    """Add a road in both directions; `group` is the phase in which it may enter its junction."""
    for a, b in ((start, end), (end, start)):
        exit_ = SATURATION if b[0] == "J" else None
        world.addLink(
            a + b, a, b, length=length, free_flow_speed=SPEED, jam_density=JAM, signal_group=group, capacity_out=exit_
        )


def _add_junction(world: Any, name: str, x: float, phases: Sequence[int], offset: int) -> None:
    """Add a junction whose first phase begins `offset` seconds after the start, and before it as the cycle goes.

    UXsim 1.15 leaves a phase when its clock *exceeds* the length, one step late, which would stretch a cycle of four phases
    by four seconds (`Node.signal_control`). Lengths are therefore given one step shorter, and the clock is set by hand.
    """
    node = world.addNode(name, x, 0, signal=[phase - 1 for phase in phases])
    elapsed = -offset % sum(phases)
    current = 0
    while elapsed >= phases[current]:
        elapsed -= phases[current]
        current += 1
    node.signal_phase, node.signal_t = current, elapsed


def run(plan: Plan, trips: Sequence[Trip]) -> Traffic:
    """Return what becomes of trips in the district."""
    world = new_world(WARM_UP + COUNTED + CLEARING)
    x = np.concatenate([[0.0], np.cumsum(SPACING)])
    for i in range(N_JUNCTIONS):
        phases = [plan.greens[i], LOST, plan.side_greens[i], LOST]
        _add_junction(world, f"J{i + 1}", x[i], phases, plan.offsets[i])
        world.addNode(f"N{i + 1}", x[i], APPROACH)
        world.addNode(f"S{i + 1}", x[i], -APPROACH)
    world.addNode("W", -APPROACH, 0)
    world.addNode("E", x[-1] + APPROACH, 0)
    line = ["W", *(f"J{i + 1}" for i in range(N_JUNCTIONS)), "E"]
    for a, b, length in zip(line, line[1:], (APPROACH, *SPACING, APPROACH), strict=False):
        _add_road(world, a, b, length, 0)
    for i in range(N_JUNCTIONS):
        for side in "NS":
            _add_road(world, f"{side}{i + 1}", f"J{i + 1}", APPROACH, 2)
    return _carried(world, trips, [distance(trip.origin, trip.destination) for trip in trips])


def distance(origin: str, destination: str) -> float:
    """Return the metres from an end of the district to another."""
    x = [0.0, *np.cumsum(SPACING).tolist()]
    place = {"W": 0.0, "E": x[-1]} | {f"{side}{i + 1}": x[i] for i in range(N_JUNCTIONS) for side in "NS"}
    return 2 * APPROACH + abs(float(place[origin]) - float(place[destination]))


def _carried(world: Any, trips: Sequence[Trip], metres: Sequence[float]) -> Traffic:
    """Return what becomes of trips in a world that is built."""
    vehicles = [world.addVehicle(trip.origin, trip.destination, trip.time) for trip in trips]
    world.exec_simulation()
    delays, n_arrived = [], 0
    for vehicle, trip, length in zip(vehicles, trips, metres, strict=True):
        is_there = vehicle.state == "end"
        n_arrived += is_there
        spent = vehicle.travel_time if is_there else world.TMAX - trip.time
        delays.append(spent - length / SPEED)
    return Traffic(np.array(delays), n_arrived)


# ---- checks ------------------------------------------------------------------------------------------------------------


def isolated(cycle: int, green: int, trips: Sequence[Trip]) -> float:
    """Return the mean delay (s) of trips from W to E over one junction, of which those of the first 300 s do not count."""
    span = max(trip.time for trip in trips) + 600
    world = new_world(span)
    world.addNode("W", -APPROACH, 0)
    _add_junction(world, "J1", 0.0, [green, cycle - green], 0)
    world.addNode("E", APPROACH, 0)
    _add_road(world, "W", "J1", APPROACH, 0)
    _add_road(world, "J1", "E", APPROACH, 0)
    traffic = _carried(world, trips, [2 * APPROACH] * len(trips))
    return float(traffic.delays[np.array([trip.time for trip in trips]) >= WARM_UP].mean())


def point_queue(cycle: int, green: int, trips: Sequence[Trip]) -> float:
    """Return the mean delay (s) in a queue that takes no room, for the trips that `isolated` counts."""
    last, delays = -math.inf, []
    for trip in trips:
        arrival = trip.time + APPROACH / SPEED
        leaves = max(arrival, last + 1 / SATURATION)
        if leaves % cycle >= green:
            leaves += cycle - leaves % cycle
        last = leaves
        if trip.time >= WARM_UP:
            delays.append(leaves - arrival)
    return float(np.mean(delays))


def _wave() -> Check:
    """Even arrivals of one direction stop at the first junction only."""
    trips = [Trip("W", "E", 5.0 * i) for i in range(240)]
    x = np.concatenate([[0.0], np.cumsum(SPACING)])
    travel = (x / SPEED).astype(int).tolist()
    # Greens grow by five seconds from junction to junction, so that no platoon loses its last vehicle to a rounded second.
    traffic = run(Plan(80, (35, 40, 45, 50), tuple(t % 80 for t in travel)), trips)
    late = np.array([trip.time for trip in trips]) >= WARM_UP
    what = say("delay on a green wave is that of its first junction", "녹색 파동의 지체는 첫 교차로의 지체")
    source = "arithmetic: a platoon reaches every later junction at green"
    return Check(what, float(traffic.delays[late].mean()), uniform_delay(80, 35, 0.2), 1.0, "s", source)
