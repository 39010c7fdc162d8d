"""The lab `command`: any simulator that is a program, spoken to in JSON or through its own input and result files."""

import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.experiment import Failure, FailureKind, FileRef, Frozen, Result, Task, Value
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say
from kgenesis.labs.answers import crashed, quote, read_answer, with_files
from kgenesis.labs.places import (
    dumps,
    fill_command,
    fill_template,
    json_path,
    last_group,
    unknown_in_command,
    unknown_in_template,
)
from kgenesis.labs.processes import CAN_LIMIT_MEMORY, Ended, Limits, Streams, run_program
from kgenesis.labs.settings import field, invalid, read_settings

STDIN, STDOUT, STDERR = "stdin.json", "stdout.txt", "stderr.txt"
PLACES = ("here", "folder", "seed", "experiment", "python")
"""What commands and templates can name besides factors."""
MEBIBYTE = 1024 * 1024
LARGEST_ANSWER = 16 * MEBIBYTE
"""Bytes of a result that are read; a program that answers more is not answering."""


class Reading(Frozen):
    """Where one outcome stands: in a file of the working folder, by JSON path or by regular expression."""

    file: str = STDOUT
    """Name in the working folder; standard output if not given."""
    path: str | None = None
    """Where in a JSON file, e.g. `$.summary.yield` or `cells[0]['mean V']`: a number, or an object of mean, sem, n."""
    regex: str | None = None
    """With one group that matches the number; the last match counts."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.path is None) == (self.regex is None):
            msg = "give exactly one of `path`, `regex`"
            raise ValueError(msg)
        if self.path is not None:
            json_path(self.path)
        if self.regex is not None:
            try:
                groups = re.compile(self.regex).groups
            except re.error as error:
                msg = f"the regular expression does not parse: {error}"
                raise ValueError(msg) from error
            if groups != 1:
                msg = f"the regular expression needs one group, not {groups}"
                raise ValueError(msg)
        _check_inside(self.file)
        return self


class Settings(Frozen):
    """What the lab `command` can be told in a mission file."""

    command: tuple[str, ...] = Field(min_length=1)
    """Program and arguments, without a shell. `{name}` is a factor's value; `{here}` the mission's folder, `{folder}`
    the working folder, `{python}` this Python, `{seed}` a whole number, `{experiment}` the id; `{{` is a brace. An
    argument that names a file beside the mission becomes the full path."""
    mode: Literal["json", "files"] = "json"
    """`json`: conditions as one JSON object on standard input, outcomes as one JSON object on standard output.
    `files`: `templates` are filled in, `outcomes` are read from files."""
    templates: dict[str, str] = Field(default={})
    """For `files`: name in the working folder → template beside the mission, with `{{ name }}` places."""
    stdin: str = ""
    """For `files`: the rendered template to give on standard input; the conditions as JSON if empty."""
    outcomes: dict[str, Reading] = Field(default={})
    """For `files`: where each outcome stands."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which the program and all it started are killed."""
    memory_mb: float | None = Field(default=None, gt=0)
    """MiB of address space each of its processes may have; not on macOS and Windows, which cannot enforce it."""
    exit_codes: dict[int, FailureKind] = Field(default={})
    """What an exit code means, e.g. `3: infeasible`; 0 is success, any other is `crashed`."""
    version: str = ""
    """Changes when the program gives other outcomes; else the content of the files the command names stands for it."""
    physical: bool = False
    """Whether an experiment has effects in the world (never retried without being asked)."""

    @field_validator("templates")
    @classmethod
    def _stay_inside(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            _check_inside(name)
        return value

    @model_validator(mode="after")
    def _mode_has_what_it_needs(self) -> Self:
        if self.mode == "files" and not self.outcomes:
            msg = "mode `files` needs `outcomes`"
            raise ValueError(msg)
        if self.mode == "json" and (self.outcomes or self.templates or self.stdin):
            msg = "`templates`, `stdin` and `outcomes` are for mode `files`"
            raise ValueError(msg)
        if self.stdin and self.stdin not in self.templates:
            msg = f"`stdin` must be one of `templates`, not {self.stdin!r}"
            raise ValueError(msg)
        if 0 in self.exit_codes:
            msg = "exit code 0 is success"
            raise ValueError(msg)
        if self.memory_mb is not None and not CAN_LIMIT_MEMORY:
            msg = f"`memory_mb` cannot be enforced on {sys.platform}; leave it out"
            raise ValueError(msg)
        return self


def make_lab(context: PluginContext) -> "CommandLab":
    """Return the lab of a mission.

    Raises:
        InvalidSpec: a setting is wrong, or names a program, a template or a place that does not exist.
    """
    settings = read_settings(Settings, context)
    names = None if context.problem is None else [*context.problem.space.names, *PLACES]
    problems = [
        Mistake(say(f"nothing is called {{{name}}}", f"{{{name}}}(이)라는 것이 없습니다"), field("command", i))
        for i, argument in enumerate(settings.command)
        for name in unknown_in_command(argument, names)
    ]
    templates: dict[str, str] = {}
    for name, source in settings.templates.items():
        try:
            templates[name] = (context.folder / source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise invalid(
                say(f"{source}: {error}", f"{source}: 읽을 수 없습니다({error})"), "templates", name
            ) from error
        problems += [
            Mistake(
                say(f"nothing is called {place!r}", f"{place!r}(이)라는 것이 없습니다"),
                field("templates", name),
                source,
            )
            for place in unknown_in_template(templates[name], names)
        ]
    if problems:
        raise InvalidSpec(say("the lab's settings are not valid", "실험실 설정이 올바르지 않습니다"), problems)
    return CommandLab(settings, context.problem, context.folder.resolve(), templates)


class CommandLab:
    """Runs one program per experiment, each in a folder of its own."""

    name = "command"

    def __init__(self, settings: Settings, problem: Problem | None, here: Path, templates: Mapping[str, str]) -> None:
        self._settings = settings
        self._problem = problem
        self._here = here
        self._templates = templates
        self._command = [self._full_path(argument) for argument in settings.command]
        program = self._command[0].replace("{python}", sys.executable).replace("{here}", str(here))
        if "{" not in program and shutil.which(program) is None:
            raise invalid(say(f"no program {program!r}", f"{program!r} 프로그램이 없습니다"), "command", 0)
        self.version = settings.version or self._hash()

    @property
    def is_physical(self) -> bool:
        """Whether the mission says that an experiment has effects in the world."""
        return self._settings.physical

    @property
    def outcomes(self) -> frozenset[str] | None:
        """The outcomes the settings read; None in mode `json`, where only the program knows."""
        return frozenset(self._settings.outcomes) if self._settings.mode == "files" else None

    def measure(self, task: Task) -> Result:
        """Run the program on a task's conditions and read its answer."""
        start = time.perf_counter()
        with _folder(task) as folder:
            values = self._values(task, folder)
            stdin = self._write_inputs(folder, task, values)
            streams = Streams(folder / stdin, folder / STDOUT, folder / STDERR)
            times = [seconds for seconds in (self._settings.timeout, task.timeout) if seconds is not None]
            ended = run_program(
                [fill_command(argument, values) for argument in self._command],
                folder,
                streams,
                os.environ | {"KGENESIS_SEED": str(_seed(task)), "KGENESIS_EXPERIMENT": task.experiment},
                Limits(min(times, default=None), int((self._settings.memory_mb or 0) * MEBIBYTE)),
            )
            result = self._judge(ended, folder)
            files = () if task.folder is None else self._files(folder, task.folder, stdin)
        return with_files(result, files, time.perf_counter() - start)

    # ---- before ----------------------------------------------------------------------------------------------------

    def _full_path(self, argument: str) -> str:
        beside = self._here / argument
        return str(beside) if argument and beside.is_file() else argument

    def _hash(self) -> str:
        """Return the short hash of the command, the templates and the content of every file it names."""
        known = hashlib.sha256()
        parts = self._settings.model_dump(mode="json", exclude={"version", "timeout", "memory_mb", "physical"})
        known.update(json.dumps([parts, dict(self._templates)], sort_keys=True).encode())
        for given in self._settings.command:
            path = self._here / given.replace("{here}/", "")
            if path.is_file():
                known.update(path.read_bytes())
        return known.hexdigest()[:12]

    def _values(self, task: Task, folder: Path) -> dict[str, Value]:
        places: dict[str, Value] = {
            "here": str(self._here),
            "folder": str(folder),
            "seed": _seed(task),
            "experiment": task.experiment,
            "python": sys.executable,
        }
        return places | dict(task.conditions)

    def _write_inputs(self, folder: Path, task: Task, values: Mapping[str, Value]) -> str:
        """Write standard input and the filled templates; return which file is standard input."""
        (folder / STDIN).write_text(dumps(task.conditions) + "\n", encoding="utf-8")
        for name, template in self._templates.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(fill_template(template, values), encoding="utf-8")
        return self._settings.stdin or STDIN

    # ---- after -----------------------------------------------------------------------------------------------------

    def _judge(self, ended: Ended, folder: Path) -> Result:
        last = _last_line(folder / STDERR)
        if ended.is_timed_out:
            text = say(f"stopped after {ended.seconds:.3g} s", f"{ended.seconds:.3g}초 뒤에 중단했습니다")
            return Failure(kind="timed-out", reason=text)
        limit = self._settings.memory_mb
        said = f": {last}" if last else ""
        said += f" (memory_mb: {limit:g})" if limit is not None else ""
        if ended.signal is not None:
            name = _signal_name(ended.signal)
            return crashed(say(f"ended by {name}{said}", f"{name}(으)로 끝났습니다{said}"))
        if ended.code != 0:
            kind = self._settings.exit_codes.get(ended.code or 0, "crashed")
            return Failure(kind=kind, reason=say(f"exit code {ended.code}{said}", f"종료 코드 {ended.code}{said}"))
        if self._settings.mode == "json":
            return self._read_stdout(folder)
        answer: dict[str, object] = {}
        for outcome, reading in self._settings.outcomes.items():
            found = _read(folder, reading)
            if isinstance(found, Failure):
                return found.model_copy(update={"metadata": {"outcome": outcome}})
            answer[outcome] = found
        return read_answer(answer, self._problem)

    def _read_stdout(self, folder: Path) -> Result:
        text = _text_of(folder / STDOUT)
        try:
            answer = json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            return crashed(
                say(
                    f"standard output is not one JSON object (logs belong on standard error): {quote(text)!r}",
                    f"표준 출력이 JSON 객체 하나가 아닙니다(기록은 표준 오류로 보내세요): {quote(text)!r}",
                )
            )
        return read_answer(answer, self._problem)

    def _files(self, folder: Path, root: Path, stdin: str) -> tuple[FileRef, ...]:
        read = (reading.file for reading in self._settings.outcomes.values())
        names = dict.fromkeys([STDIN, stdin, *self._templates, *read, STDOUT, STDERR])
        paths = [folder / name for name in names if (folder / name).is_file()]
        return tuple(FileRef(name=p.relative_to(root).as_posix(), size=p.stat().st_size) for p in paths)


def _seed(task: Task) -> int:
    return int(np.random.SeedSequence(task.seed).generate_state(1)[0] >> 1)  # 31 bits: fits everybody's integer


def _check_inside(name: str) -> None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        msg = f"{name!r} must be a name inside the working folder"
        raise ValueError(msg)


@contextmanager
def _folder(task: Task) -> Iterator[Path]:
    """Yield an empty working folder: one per attempt under the task's folder, kept; else a temporary one."""
    if task.folder is None:
        with tempfile.TemporaryDirectory(prefix="kgenesis-", ignore_cleanup_errors=True) as temporary:
            yield Path(temporary)
        return
    folder = task.folder / f"attempt-{task.attempt}"
    if folder.exists():  # cut off and taken up again: an old result must not pass for a new one
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    yield folder


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LARGEST_ANSWER).decode("utf-8", errors="replace")


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    return quote(next((line for line in reversed(lines) if line.strip()), ""))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _read(folder: Path, reading: Reading) -> object:
    """Return the value a reading finds, or the failure that says why it is not there."""
    file = folder / reading.file
    if not file.is_file():
        return crashed(say(f"the program wrote no {reading.file}", f"프로그램이 {reading.file}을(를) 쓰지 않았습니다"))
    text = _text_of(file)
    if reading.regex is not None:
        number = last_group(re.compile(reading.regex), text)
        try:
            return float(number or "")
        except ValueError:
            found = quote(number or text)
            return crashed(
                say(
                    f"{reading.regex!r} finds no number in {reading.file}: {found!r}",
                    f"{reading.file}에서 {reading.regex!r}(으)로 수를 찾지 못했습니다: {found!r}",
                )
            )
    try:
        return json_path(reading.path or "")(json.loads(text))
    except (ValueError, LookupError, RecursionError):
        return crashed(
            say(
                f"{reading.path} is not in {reading.file}: {quote(text)!r}",
                f"{reading.file}에 {reading.path}이(가) 없습니다: {quote(text)!r}",
            )
        )
