"""What it costs to use a surrogate: time of a suggestion, of the first one in a fresh process, memory, size."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgenesis.surrogate.evaluation import MISTAKES, ask
from kgenesis.surrogate.families import draw_family

if TYPE_CHECKING:
    from kgenesis.kernel.ports import Surrogate
    from kgenesis.surrogate.entrants import Entrant
    from kgenesis.surrogate.prior import DataSet

SEED = 7005
N_MEASURED, N_CANDIDATES, N_LOOKED_AT = 100, 2000, 100
"""A suggestion: learn from a hundred measurements, look through 2,000 candidates, then at the best hundred exactly."""

PATIENCE = 120.0
"""Seconds that the first suggestion in a fresh process may take."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first suggestion in a fresh process, everything included."""

    seconds: float
    """CPU time of the process."""
    megabytes: float | None
    """The most memory it held; None where the system does not say."""


def drawn(i: int) -> DataSet:
    """Return the i-th data set to make a suggestion for; its held-out points are the candidates."""
    return draw_family(np.random.default_rng((SEED, i)), N_MEASURED, i, N_CANDIDATES)


def suggest(surrogate: Surrogate, s: DataSet) -> None:
    """Do what a planner asks of a surrogate for one suggestion."""
    posterior = surrogate.posterior(s.data, np.random.default_rng(0))
    mean, variance = ask(getattr(posterior, "rough", posterior), s.x)
    ask(posterior, s.x[np.argsort(mean + np.sqrt(variance))[-N_LOOKED_AT:]])


def suggestion_seconds(surrogate: Surrogate, repeats: int) -> list[float]:
    """Return CPU seconds of suggestions, of those that did not fail."""
    taken = []
    for i in range(repeats):
        s = drawn(i)
        started = time.process_time()
        try:
            suggest(surrogate, s)
        except MISTAKES:
            continue
        taken.append(time.process_time() - started)
    return taken


def cold_start(entrant: Entrant) -> Start | None:
    """Make a first suggestion in a fresh process; None if it fails or takes too long."""
    told = json.dumps([entrant.plugin, dict(entrant.settings), str(entrant.folder)])
    code = "import sys; from kgenesis.surrogate.use import first_suggestion; first_suggestion(sys.argv[1])"
    try:
        ended = subprocess.run(  # noqa: S603  (this interpreter, our own line)
            [sys.executable, "-c", code, told], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        seconds, megabytes = json.loads(ended.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        return None
    return Start(seconds, megabytes)


def first_suggestion(told: str) -> None:
    """Make one suggestion and print CPU seconds and megabytes of this process, as JSON."""
    from kgenesis.surrogate.entrants import make

    plugin, settings, folder = json.loads(told)
    suggest(make(plugin, settings, Path(folder)), drawn(0))
    print(json.dumps([time.process_time(), _peak()]))  # noqa: T201


def _peak() -> float | None:
    """Return the most memory this process has held, megabytes, as Linux counts it for the process alone."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return float(line.split()[1]) * 1024.0 / 1e6
