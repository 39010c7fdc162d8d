"""The command line as people use it: the installed program, in a process of its own."""

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).with_name("kgenesis")

MISSION = """\
kgenesis: 1
name: a-valley
title: {en: "A valley", ko: "골짜기"}
space:
  factors:
    - {name: x1, type: real, low: -5, high: 10, unit: mm}
    - {name: x2, type: real, low: 0, high: 15, unit: mm}
objectives:
  - {name: value, goal: minimize, unit: MPa}
lab: {name: synthetic, settings: {function: branin}}
planner: random
budget: {experiments: 6}
"""


@dataclass(frozen=True)
class Said:
    """What a command wrote."""

    stdout: str
    stderr: str


class Cli:
    """Runs `kgenesis` in a folder with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store.db"
        self._started: list[subprocess.Popen[str]] = []
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "SYSTEMROOT") if name in os.environ}
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.env = kept | threads | {"KGENESIS_STORE": str(self.store), "LANG": "C.UTF-8", "KGENESIS_LANG": "en"}

    def __call__(self, *arguments: str, rc: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command; fail the test unless it ends with `rc`."""
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=self.folder, env=self.env | env, capture_output=True, text=True,
            timeout=120, check=False, encoding="utf-8",
        )  # fmt: skip
        assert rc is None or done.returncode == rc, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def inside(self, *arguments: str, rc: int | None = 0, lang: str = "en") -> "Said":
        """Run a command in this process: a second quicker, for cases of which there are many."""
        from kgenesis.cli import main

        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setenv("KGENESIS_STORE", str(self.store))
            patch.setenv("KGENESIS_LANG", lang)
            code = main(list(arguments))
        assert rc is None or code == rc, f"{arguments}: {code}\n{out.getvalue()}\n{err.getvalue()}"
        return Said(out.getvalue(), err.getvalue())

    def json(self, *arguments: str, rc: int = 0) -> Any:
        """Run a command with `--json` and return the one object it prints."""
        return json.loads(self(*arguments, "--json", rc=rc).stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own; it is ended with the test at the latest."""
        process = subprocess.Popen(
            [PROGRAM, *arguments], cwd=self.folder, env=self.env, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what was started."""
        for process in self._started:
            with process:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def write(self, text: str = MISSION, name: str = "mission.yaml") -> str:
        """Write a mission file and return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name
