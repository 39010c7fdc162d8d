"""What every peer's driver shares: JSON lines on standard input and output, and what each answer cost.

Runs inside the peer's own environment, so it imports nothing but the standard library.

    {"op": "open", "task": {…}}                 → {"versions": {…}}
    {"op": "ask", "tell": [{…}, …], "n": 1}     → {"suggestions": [{name: value}, …], "cpu": s, "peak_mib": MiB}

Whatever a peer raises comes back as `{"error": "…"}`; the campaign it belongs to is over, the process lives on.
"""

import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol


class Campaign(Protocol):
    """What a driver makes of a task; `task` is what `peers.described` wrote."""

    def tell(self, observations: Sequence[dict[str, Any]]) -> None:
        """Take in finished experiments: `conditions`, and `outcomes` (None if the experiment failed)."""

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return `n` conditions to try next."""


def serve(make: Callable[[dict[str, Any]], Campaign], packages: Sequence[str]) -> None:
    """Answer requests until the input ends; `packages` are those whose versions are told."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    warnings.simplefilter("ignore")
    campaign: Campaign | None = None
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        cpu = time.process_time()
        try:
            if request["op"] == "open":
                forget_peak()
                campaign = make(request["task"])
                answer["versions"] = {name: version(name) for name in packages}
            else:
                assert campaign is not None
                campaign.tell(request["tell"])
                answer["suggestions"] = [_plain(row) for row in campaign.ask(request["n"])]
        except Exception as error:  # noqa: BLE001  a peer may raise anything
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answer |= {"cpu": time.process_time() - cpu, "peak_mib": peak_mib()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the number types of NumPy and others."""
    return {str(name): cell if isinstance(cell, str) else float(cell) for name, cell in row.items()}


def forget_peak() -> None:
    """Let the peak of the memory begin anew (Linux); elsewhere it is the peak since the process began."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_mib() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:", 1)[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
