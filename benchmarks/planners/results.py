"""What was measured, kept: one line of JSON for each campaign, packed when a benchmark ends."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
KEY = ("kind", "task", "method", "seed", "budget", "batch")
"""Two entries that agree in these are of the same campaign; the later counts."""


class Results:
    """The results of one kind of benchmark; killed at any moment it loses at most the line being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """The packed file, `….jsonl.gz`."""
        self.fresh = path.with_suffix("")
        """Where results stand until they are packed."""

    def read(self) -> list[Entry]:
        """Return the results so far."""
        lines = gzip.decompress(self.path.read_bytes()).decode().splitlines() if self.path.exists() else []
        if self.fresh.exists():
            lines += self.fresh.read_text(encoding="utf-8").splitlines()
        found: dict[tuple[str, ...], Entry] = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # was being written when the benchmark was killed
            found[key(entry)] = entry
        return list(found.values())

    def add(self, entries: Iterable[Entry]) -> None:
        """Write results down at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = not self.fresh.exists() or self.fresh.read_bytes()[-1:] in {b"", b"\n"}
        with self.fresh.open("a", encoding="utf-8") as file:
            for entry in entries:
                file.write(("" if whole else "\n") + json.dumps(entry, separators=(",", ":")) + "\n")
                whole = True

    def pack(self) -> None:
        """Pack what was kept, each campaign once, in order; the same results give the same file."""
        if not self.fresh.exists():
            return
        lines = [json.dumps(entry, separators=(",", ":")) for entry in sorted(self.read(), key=key)]
        beside = self.path.with_suffix(".new")
        beside.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
        beside.replace(self.path)
        self.fresh.unlink()


def key(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells campaigns apart."""
    return tuple(str(entry.get(name, "")) for name in KEY)
