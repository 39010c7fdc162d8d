"""Other people's optimisers, each in an environment of its own and spoken to in lines of JSON (`drivers/wire.py`)."""

import contextlib
import hashlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from kgenesis.kernel.experiment import Measurement, Observation, Proposal, Why
from kgenesis.kernel.ports import ProposalRequest
from kgenesis.kernel.problem import Problem

DRIVERS = Path(__file__).resolve().parent / "drivers"
PEERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "optuna-tpe": ("optuna", {"sampler": "tpe"}),
    "optuna-gp": ("optuna", {"sampler": "gp"}),
    "baybe": ("baybe", {}),
    "ax": ("ax", {}),
    "bofire": ("bofire", {}),
    "smac": ("smac", {}),
    "leanhebo": ("leanhebo", {}),
    "botorch": ("botorch", {}),
    "bayesian-optimization": ("bayesian_optimization", {}),
    "scikit-optimize": ("scikit_optimize", {}),
    "hyperopt": ("hyperopt", {}),
    "nevergrad": ("nevergrad", {}),
    "cma": ("cma", {}),
}
"""Method → its driver, and what the driver is told. HEBO itself needs numpy < 1.25, hence leanhebo."""

SUGGESTION_LIMIT, CAMPAIGN_LIMIT = 120.0, 1800.0
"""CPU seconds, since a machine that is busy with other things is no fault of a peer's."""
SILENCE = 3600.0
"""Seconds of wall time after which a peer that uses no CPU is given up."""


class PeerError(Exception):
    """A peer failed: it raised, died, or took too long. The first word says which."""


def environments(folder: Path | None) -> Path:
    """Return where the peers' environments are."""
    return folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kgenesis" / "peers"


def python_of(driver: str, folder: Path | None) -> Path:
    """Return the interpreter of a driver's environment, whether or not it is there."""
    place = environments(folder) / driver
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(drivers: Sequence[str], folder: Path | None) -> None:
    """Make the environments that are missing: one for each driver, from its pinned requirements.

    Raises:
        subprocess.CalledProcessError: pip said no; what it said is on the screen.
    """
    for driver in drivers:
        python = python_of(driver, folder)
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(environments(folder) / driver)], check=True)
        print(f"installing {driver} …", flush=True)
        wanted = DRIVERS / f"{driver}.txt"
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(wanted)], check=True)


def code_of(driver: str) -> str:
    """Return eight digits that change with a driver or what it requires."""
    files = [DRIVERS / "wire.py", DRIVERS / f"drive_{driver}.py", DRIVERS / f"{driver}.txt"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]


# One process for many campaigns --------------------------------------------------------------------------------------


class _Process:
    """A driver that runs."""

    def __init__(self, driver: str, folder: Path | None) -> None:
        command = [str(python_of(driver, folder)), str(DRIVERS / f"drive_{driver}.py")]
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | dict.fromkeys(names, "1")
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._said: list[str] = []
        self._ears = [threading.Thread(target=ear, daemon=True) for ear in (self._listen, self._overhear)]
        for ear in self._ears:
            ear.start()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _overhear(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            self._said = [*self._said[-5:], line.strip()]

    def request(self, body: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            PeerError: the peer raised, died or used more than `limit` CPU seconds; in the last two cases it is gone.
        """
        assert self._child.stdin is not None
        began, cpu = time.monotonic(), self._cpu()
        try:
            self._child.stdin.write(json.dumps(body) + "\n")
            self._child.stdin.flush()
        except (OSError, ValueError):
            pass  # it has died; the queue says so
        while True:
            try:
                line = self._answers.get(timeout=1.0)
                break
            except queue.Empty:
                if self._cpu() - cpu > limit or time.monotonic() - began > SILENCE:
                    self.kill()
                    raise PeerError(f"time-out: more than {limit:.0f} s for one answer") from None
        if not line:
            self.kill()
            raise PeerError(f"died: {' '.join(self._said)[-300:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(f"raised: {answer['error']}")
        return answer

    def _cpu(self) -> float:
        try:
            spent = psutil.Process(self._child.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(spent.user + spent.system)

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was not yet written has nobody to read it
                pipe.close()


_running: dict[tuple[str, str], _Process] = {}


def _process(driver: str, folder: Path | None) -> _Process:
    """Return a driver's process of this worker, kept for later campaigns because imports take seconds."""
    key = (driver, str(folder))
    if key not in _running or not _running[key].is_alive:
        _running[key] = _Process(driver, folder)
    return _running[key]


def close() -> None:
    """End the drivers that run."""
    for running in _running.values():
        running.kill()
    _running.clear()


# A campaign ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What a campaign is, beside its problem."""

    task: str
    seed: int
    budget: int
    batch: int
    n_start: int


class PeerPlanner:
    """A peer as a planner: it is told what is new in the history, then asked.

    Unlike our own it remembers (its campaign lives in the driver), so one object serves one campaign.
    """

    def __init__(
        self, driver: str, settings: Mapping[str, Any], problem: Problem, setting: Setting, folder: Path | None = None
    ) -> None:
        self._process, self._n_told = _process(driver, folder), 0
        task = described(problem, setting) | {"settings": dict(settings)}
        answer = self._process.request({"op": "open", "task": task}, SUGGESTION_LIMIT)
        self.versions: dict[str, str] = answer["versions"]
        self.cpu, self.peak_mib = 0.0, float(answer["peak_mib"])
        """CPU seconds of the last answer, and the peak of memory in MiB."""
        self._spent = float(answer["cpu"])

    def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return `n` proposals.

        Raises:
            PeerError: the peer failed, or the campaign has used up its time.
        """
        if self._spent > CAMPAIGN_LIMIT:
            raise PeerError(f"time-out: more than {CAMPAIGN_LIMIT:.0f} s for one campaign")
        new = request.history[self._n_told :]
        body = {"op": "ask", "tell": [_told(seen) for seen in new], "n": request.n}
        answer = self._process.request(body, SUGGESTION_LIMIT)
        self._n_told = len(request.history)
        self.cpu, self.peak_mib = answer["cpu"], max(self.peak_mib, answer["peak_mib"])
        self._spent += self.cpu
        why = Why(reason="explore", planner="peer")
        return [Proposal(conditions=dict(row), why=why) for row in answer["suggestions"]]


def _told(seen: Observation) -> dict[str, Any]:
    result = seen.result
    outcomes = {n: o.mean for n, o in result.outcomes.items()} if isinstance(result, Measurement) else None
    return {"conditions": dict(seen.conditions), "outcomes": outcomes}


def described(problem: Problem, setting: Setting) -> dict[str, Any]:
    """Return a task as plain data: factors, known constraints, candidates, objectives, bounds on outcomes."""
    space = problem.space
    points = space.points if space.candidates is not None else None
    rows = None if points is None else [list(row.values()) for row in space.to_rows(points)]
    return {
        "name": setting.task, "seed": setting.seed, "budget": setting.budget, "batch": setting.batch,
        "n_start": setting.n_start, "factors": list(_factors(problem)), "constraints": list(_linear(problem)),
        "candidates": rows, "is_product": rows is not None and _is_product(rows),
        "objectives": [{"name": o.name, "goal": o.goal} for o in problem.objectives],
        "bounds": [{"outcome": c.outcome, "at_most": c.at_most, "at_least": c.at_least} for c in problem.outcome_constraints],
    }  # fmt: skip


def _factors(problem: Problem) -> Iterator[dict[str, Any]]:
    categorical = {f.name: f for f in problem.space.factors if f.type == "categorical"}
    for variable in problem.space.variables:
        if variable.levels:
            factor = categorical[variable.name]
            yield {
                "type": "categorical", "name": variable.name, "levels": list(variable.levels),
                "smiles": None if factor.smiles is None else list(factor.smiles),
                "descriptors": {k: list(v) for k, v in factor.descriptors.items()},
            }  # fmt: skip
        else:
            grid = None if variable.grid is None else variable.grid.tolist()
            yield {
                "type": "number", "name": variable.name, "low": variable.low, "high": variable.high,
                "is_log": variable.is_log, "is_whole": variable.is_whole, "grid": grid,
            }  # fmt: skip


def _linear(problem: Problem) -> Iterator[dict[str, Any]]:
    for mixture in problem.space.mixtures:
        yield {
            "coefficients": {c.name: 1.0 for c in mixture.components}, "relation": "=", "bound": mixture.total
        }  # fmt: skip
    for known in problem.space.constraints:
        if known.type == "linear":
            yield {"coefficients": dict(known.coefficients), "relation": known.relation, "bound": known.bound}


def _is_product(rows: Sequence[Sequence[Any]]) -> bool:
    """Say whether the candidates are every combination of their columns' values."""
    n = 1
    for column in zip(*rows, strict=True):
        n *= len(set(column))
    return n == len(rows)
