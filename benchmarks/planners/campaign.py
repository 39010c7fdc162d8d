"""One campaign of one method on one task, through the real mission, decisions and fold; and what came of it."""

import functools
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kgenesis.app.platform import plugin_context
from kgenesis.campaign.metrics import outcome_columns, running_merit, score
from kgenesis.kernel.experiment import Proposal
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import FloatArray, Planner, ProposalRequest
from kgenesis.surrogate.evaluation import map_gp
from kgenesis.testing.builders import run_in_memory
from planners import peers
from planners.drivers.wire import forget_peak, peak_mib
from planners.tasks import Bench, draw, rounded
from planners.tasks import find as find_tasks

CONTROL = "map-gp"
"""Our planner, searching in the same way, with one plain Gaussian process fitted by maximum a posteriori: what is left
of the difference between it and another surrogate in `model` is the surrogate."""


@dataclass(frozen=True)
class Method:
    """A planner and its settings: ours by its entry point, or a peer.

    E.g. `model:surrogate=trees`, or `model:surrogate.name=portfolio:surrogate.settings.weights=equal`.
    """

    spec: str

    @property
    def name(self) -> str:
        """Ours or the peer's name."""
        return self.spec.split(":")[0]

    @property
    def driver(self) -> str | None:
        """The driver of a peer; None if the planner is ours."""
        return peers.PEERS[self.name][0] if self.name in peers.PEERS else None

    @property
    def settings(self) -> dict[str, Any]:
        """What the spec sets; values are read as JSON where they are JSON, else as text.

        Raises:
            ValueError: a part is not `key=value`.
        """
        found: dict[str, Any] = dict(peers.PEERS[self.name][1]) if self.driver else {}
        for part in self.spec.split(":")[1:]:
            name, is_pair, value = part.partition("=")
            if not is_pair:
                msg = f"{self.spec}: {part!r} is not key=value"
                raise ValueError(msg)
            *path, last = name.split(".")
            place = found
            for step in path:
                place = place.setdefault(step, {})
            try:
                place[last] = json.loads(value)
            except ValueError:
                place[last] = value
        return found

    @property
    def code(self) -> str:
        """Eight digits that change with what decides."""
        return peers.code_of(self.driver) if self.driver else our_code()


@functools.cache
def our_code() -> str:
    """Return eight digits that change whenever the code that decides does; as it was when this process began."""
    import kgenesis

    root = Path(kgenesis.__file__).parent
    parts = [root / "campaign" / "decide.py"]
    for folder in (root / "campaign" / "planners", root / "surrogate"):
        parts += folder.rglob("*.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(parts))).hexdigest()[:8]


@dataclass(frozen=True)
class Plan:
    """A campaign to be done."""

    data: str | None
    """Folder of the sets."""
    task: str
    method: str
    seed: int
    budget: int
    batch: int
    environments: str | None = None
    """Where the peers' environments are."""

    def entry(self) -> dict[str, Any]:
        """Return the beginning of its result."""
        named = {"task": self.task, "method": self.method, "seed": self.seed, "budget": self.budget}
        return {"kind": "run", **named, "batch": self.batch}


@functools.lru_cache(maxsize=4)
def bench_of(data: str | None, task: str, budget: int) -> Bench:
    """Return a task made ready; the last few are kept."""
    (found,) = (t for t in find_tasks(Path(data) if data else None) if t.name == task)
    return found.build(budget)


def run(plan: Plan) -> dict[str, Any]:
    """Carry a campaign out and return its result. What a method does wrong is part of the result, never an error."""
    bench, method = bench_of(plan.data, plan.task, plan.budget), Method(plan.method)
    n = min(plan.budget, bench.n_points)
    mission = bench.mission.model_copy(update={
        "start": tuple(bench.start(plan.seed, plan.batch)), "parallel": plan.batch, "ordering": "as-they-come",
        "stop_when_reached": False, "budget": bench.mission.budget.model_copy(update={"experiments": n}),
    })  # fmt: skip
    forget_peak()
    watched = Watched(bench, lambda: planner_of(plan, method, bench), plan.seed)
    wall = time.perf_counter()
    state = run_in_memory(mission, bench.lab(plan.seed), watched, plan.seed)
    wall = time.perf_counter() - wall
    done = [e for e in state.experiments.values() if e.status != "withdrawn"]
    if bench.noise:
        done = [replace(e, result=bench.measure(e.conditions)) for e in done]
    merits = running_merit(score(mission.problem, outcome_columns(mission.problem, done)), bench.known.corner)
    n_to = {}
    for level in bench.levels:
        hits = [i + 1 for i, merit in enumerate(merits.tolist()) if merit >= level.merit]
        n_to[level.at] = hits[0] if hits else None
    return plan.entry() | {
        "n": len(done), "n_to": n_to, "regret": [rounded(bench.regret(m)) for m in merits.tolist()],
        "wall": round(wall, 1), "code": method.code, **watched.summary(),
    }  # fmt: skip


def planner_of(plan: Plan, method: Method, bench: Bench) -> Planner:
    """Return a method's planner for one campaign; `model` speaks as soon as the start points are done.

    Raises:
        KGenesisError: a setting of ours is not valid.
        PeerError: a peer does not start.
    """
    settings = method.settings
    if method.driver is None:
        if method.name in ("model", CONTROL):
            settings.setdefault("n_design", bench.n_start(plan.batch))
        context = plugin_context(bench.mission.problem, settings, Path.cwd())
        if method.name == CONTROL:
            context = replace(context, make=lambda *_: map_gp())
        name = "model" if method.name == CONTROL else method.name
        planner: Planner = make_plugin("planners", name, context)
        return planner
    setting = peers.Setting(plan.task, plan.seed, plan.budget, plan.batch, bench.n_start(plan.batch))
    folder = Path(plan.environments) if plan.environments else None
    return peers.PeerPlanner(method.driver, settings, bench.mission.problem, setting, folder)


class _Maker(Protocol):
    def __call__(self) -> Planner: ...


class Watched:
    """A planner under observation: what its suggestions cost, and whether they may be done at all.

    A suggestion that is no untried candidate of the table, or breaks a known constraint, is counted and then replaced
    by the nearest experiment that may be done (Gower distance), so that a method loses no experiment by it. A repeat
    that says it is a replicate is done as wanted, and counted apart.
    """

    def __init__(self, bench: Bench, make: _Maker, seed: int) -> None:
        self._bench, self._make, self._seed = bench, make, seed
        self._planner: Planner | None = None
        self._cpu: list[float] = []
        self._counts = {"duplicates": 0, "violations": 0, "moved": 0, "replicates": 0}
        self._failure: str | None = None
        self._versions: Mapping[str, str] = {}
        self._peak = 0.0

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return the suggestions, mended; none if the planner fails, which ends the campaign."""
        cpu = time.process_time()
        try:
            if self._planner is None:
                self._planner = self._make()
                cpu = time.process_time()
            found = list(self._planner.propose(request))
            spent = time.process_time() - cpu
            if isinstance(self._planner, peers.PeerPlanner):
                spent, self._peak = self._planner.cpu, self._planner.peak_mib
                self._versions = self._planner.versions
            self._cpu.append(spent / max(len(found), 1))
            return self._mended(request, found)
        except peers.PeerError as error:
            self._failure = str(error)
        except Exception as error:  # noqa: BLE001  whatever a method does wrong is part of its result
            self._failure = f"raised: {type(error).__name__}: {error}"[:300]
        return []

    def _mended(self, request: ProposalRequest, proposals: Sequence[Proposal]) -> list[Proposal]:
        space, mended = self._bench.mission.space, []
        taken = space.to_values([*(o.conditions for o in request.history), *request.pending])
        for proposal in proposals:
            values = space.snap(space.to_values([_typed(space, proposal.conditions)]))
            if space.candidates is not None:
                place = int(space.index_of(values)[0])
                self._counts["moved"] += place < 0
                if place >= 0:
                    values = space.points[[place]]  # type: ignore[index]
            elif not space.is_feasible(values)[0]:
                self._counts["violations"] += 1
            is_repeat = bool(np.isin(space.keys(values), space.keys(taken))[0])
            is_meant = is_repeat and proposal.why.reason == "replicate"
            self._counts["replicates" if is_meant else "duplicates"] += is_repeat
            may_be = space.is_feasible(values)[0]
            if space.candidates is not None:
                may_be = place >= 0 and (is_meant or not is_repeat)
            if not may_be:
                values = self._nearest(values, taken)
                if not len(values):
                    break
            taken = np.vstack([taken, values])
            mended.append(Proposal(conditions=space.to_rows(values)[0], why=proposal.why))
        return mended

    def _nearest(self, values: FloatArray, taken: FloatArray) -> FloatArray:
        space = self._bench.mission.space
        if space.candidates is not None:
            points = space.points
            assert points is not None
            allowed = points[~np.isin(space.keys(points), space.keys(taken))]
        else:
            allowed = draw(space, 4096, np.random.default_rng((self._seed, len(taken))))
        if not len(allowed):
            return allowed
        return allowed[[int(space.distance(values, allowed)[0].argmin())]]

    def summary(self) -> dict[str, Any]:
        """Return what was seen: CPU seconds of a suggestion, peak memory, repeats, violations, failure."""
        cpu = np.array(self._cpu or [0.0])
        return {
            "cpu": [round(float(v), 4) for v in (np.median(cpu), cpu.max(), cpu.sum())],
            "peak": round(self._peak or peak_mib()), **self._counts,
            "failure": self._failure, **({"versions": dict(self._versions)} if self._versions else {}),
        }  # fmt: skip


def _typed(space: Any, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return conditions with numbers within a variable's bounds (rounding of the wire) and levels as they are."""
    typed: dict[str, Any] = {}
    for variable in space.variables:
        cell = conditions[variable.name]
        if not variable.levels and cell is not None:
            slack = 1e-6 * (variable.high - variable.low)
            number = float(cell)
            if variable.low - slack <= number <= variable.high + slack:
                number = min(max(number, variable.low), variable.high)
            cell = number
        typed[variable.name] = cell
    return typed
