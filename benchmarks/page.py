"""Write `RESULTS.md`: each benchmark owns the part between its own markers, and nothing there is typed by hand."""

import datetime
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "RESULTS.md"
HEAD = """# What was measured

Every figure on this page was written here by the command above it; none was typed. Run a command again and its part of
the page is replaced. Machines differ: compare rows of one part with each other before rows of two parts.
"""
SECTIONS = ("loop", "planners", "latency", "missions", "atlas", "arena", "crash")
"""Parts in the order they stand on the page."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """Return a Markdown table; `align` has one letter a column, `l` or `r` (default: first left, others right)."""
    letters = align or "l" + "r" * (len(head) - 1)
    rule = [":--" if letter == "l" else "--:" for letter in letters]
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def paragraph(*sentences: str) -> str:
    """Return sentences as one paragraph."""
    return " ".join(sentence for sentence in sentences if sentence)


def machine() -> str:
    """Return the machine in neutral words: processor, cores, memory, load, versions."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (
        f"{_processor()}, {usable} core{'s' if usable > 1 else ''}, {platform.system()} {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}"
        if hasattr(os, "getloadavg")
        else f"{_processor()}, {usable} cores, {platform.system()}"
    )


def slowdown(n_slices: int = 1000) -> float:
    """Return how much longer the same work takes here, in CPU time, than in this machine's best moments.

    Cores that are shared with other programs make CPU time grow too: caches and execution units are shared.
    """
    taken = []
    for _ in range(n_slices):
        start, total = time.process_time(), 0
        for i in range(20_000):
            total += i
        taken.append(time.process_time() - start)
    return statistics.mean(taken) / min(taken)


def versions() -> str:
    """Return the versions that the figures may depend on."""
    found = [f"Python {platform.python_version()}"]
    for name in ("kgenesis", "numpy", "scipy", "pydantic", "sqlalchemy", "pybamm"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def command() -> str:
    """Return what measured this: without the paths of this machine, and without what has no effect on the figures."""
    words, given = ["python", f"benchmarks/{Path(sys.argv[0]).name}"], iter(sys.argv[1:])
    for word in given:
        if word == "--nice":
            next(given, None)
        elif word != "--report":
            words.append("FOLDER" if Path(word).is_absolute() else word)
    return shlex.join(words)


def write(
    section: str, title: str, body: str, *, when: str | None = None, where: str | None = None, how: str | None = None
) -> None:
    """Replace one part of the page.

    Args:
        section: one of `SECTIONS`.
        title: its heading.
        body: tables and the paragraph on what they show.
        when: day of the measurement; today if not given.
        where: the machine; this one if not given.
        how: the command that measured it; this one if not given.
    """
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    parts = {name: _part(text, name) for name in SECTIONS}
    day = when or datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    parts[section] = (
        f"## {title}\n\n    {how or command()}\n\n{day}. {where or machine()}. {versions()}.\n\n{body.strip()}"
    )
    whole = [HEAD.strip()]
    whole += [f"<!-- {name}:begin -->\n{parts[name]}\n<!-- {name}:end -->" for name in SECTIONS if parts[name]]
    PAGE.write_text("\n\n".join(whole) + "\n", encoding="utf-8")
    print(f"\n{body.strip()}\n\nwritten to {PAGE.name}, part {section!r}", flush=True)


def _part(text: str, name: str) -> str:
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if begin not in text or end not in text:
        return ""
    return text.split(begin, 1)[1].split(end, 1)[0].strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )


def met(is_met: bool) -> str:  # noqa: FBT001
    """Return how a target was met, in a word."""
    return "met" if is_met else "**missed**"
