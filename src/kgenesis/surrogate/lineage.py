"""Where weights come from, so that anybody can check it without a network: hashes, the log from step 0, the data again."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

CODE = ("data.py", "description.py", "fitting.py", "network.py", "recipe.py", "train.py", "weights.py")
"""Files of this folder that decide the weights; all of `prior/` does too."""


def code_hashes() -> dict[str, str]:
    """Return the SHA-256 of every file that decides the weights."""
    files = [*(HERE / name for name in CODE), *sorted((HERE / "prior").glob("*.py"))]
    return {str(file.relative_to(HERE)): sha256(file.read_bytes()).hexdigest() for file in files}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that a crash cut off is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
