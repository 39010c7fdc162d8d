"""The lab `python`: a function in a module beside the mission, `module:function`."""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import Field

from kgenesis.kernel.experiment import Failure, FileRef, Frozen, Measurement, Result, Task
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say
from kgenesis.labs.answers import crashed, quote, read_answer, with_files
from kgenesis.labs.settings import invalid, read_settings

PRINTED = "printed.txt"
"""Where what the function prints is kept, in the experiment's folder."""


class Settings(Frozen):
    """What the lab `python` can be told in a mission file."""

    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")
    """`module:function`; the mission's folder is searched first. It is called with the conditions, a dictionary from
    factor to value, and, if it takes a second argument, the seed (a tuple for `numpy.random.default_rng`). It returns
    a dictionary of outcomes (numbers, or `{"mean", "sem", "n"}`), a `Measurement`, a `Failure`, or, if there is only
    one outcome, a number."""
    version: str = ""
    """Changes when the function gives other outcomes; else the content of the module's own file stands for it."""
    outcomes: tuple[str, ...] = ()
    """Names of the outcomes, if they are to be checked before anything is measured."""
    physical: bool = False
    """Whether an experiment has effects in the world (never retried without being asked)."""


def make_lab(context: PluginContext) -> "FunctionLab":
    """Return the lab of a mission.

    Raises:
        InvalidSpec: there is no such module or function, or it cannot be called with conditions.
    """
    settings = read_settings(Settings, context)
    module_name, _, function_name = settings.function.partition(":")
    folder = context.folder.resolve()
    try:
        with _importable(folder):
            module = _import(module_name, folder)
    except Exception as error:  # the module's own code runs here, so anything can be raised
        text = f"{type(error).__name__}: {error}"
        raise invalid(
            say(f"{module_name} cannot be imported: {text}", f"{module_name}을(를) 불러올 수 없습니다: {text}"),
            "function",
        ) from error
    function: Any = module
    for part in function_name.split("."):
        function = getattr(function, part, None)
    if not callable(function):
        raise invalid(
            say(f"{module_name} has no function {function_name}", f"{module_name}에 {function_name} 함수가 없습니다"),
            "function",
        )
    version = settings.version or _hash(module, settings.function)
    return FunctionLab(settings, context.problem, folder, function, version)


class FunctionLab:
    """Calls a function once per experiment."""

    name = "python"

    def __init__(
        self, settings: Settings, problem: Problem | None, folder: Path, function: Callable[..., Any], version: str
    ) -> None:
        self.version = version
        self._settings = settings
        self._problem = problem
        self._folder = folder
        self._function = function
        self._takes_seed = _takes_seed(function)

    @property
    def is_physical(self) -> bool:
        """Whether the mission says that an experiment has effects in the world."""
        return self._settings.physical

    @property
    def outcomes(self) -> frozenset[str] | None:
        """The outcomes the settings name, None if they name none."""
        return frozenset(self._settings.outcomes) or None

    def measure(self, task: Task) -> Result:
        """Call the function; what it raises passes through, what it prints goes to the experiment's folder."""
        start = time.perf_counter()
        printed = io.StringIO()
        arguments = (dict(task.conditions), task.seed) if self._takes_seed else (dict(task.conditions),)
        # standard output belongs to the caller: `run --json` prints one object there and nothing else
        with _importable(self._folder), contextlib.redirect_stdout(printed):
            answer = self._function(*arguments)
        files = _keep(printed.getvalue(), task)
        return with_files(self._read(answer), files, time.perf_counter() - start)

    def _read(self, answer: object) -> Result:
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Measurement):
            lacking = [n for n in (self._problem.outcomes if self._problem else ()) if n not in answer.outcomes]
            if not lacking:
                return answer
            wanted = ", ".join(lacking)
            return crashed(say(f"the answer lacks {wanted}", f"답에 {wanted}이(가) 없습니다"))
        if isinstance(answer, Mapping):
            return read_answer(answer, self._problem)
        names = self._problem.outcomes if self._problem else self._settings.outcomes
        if len(names) == 1:
            return read_answer({names[0]: answer}, self._problem)
        said = quote(repr(answer))
        return crashed(
            say(
                f"the function returned {said}, not a dictionary of outcomes",
                f"함수의 답 {said}은(는) 결과 사전이 아닙니다",
            )
        )


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let imports find the mission's folder first, also those a function does when it is called."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def _import(name: str, folder: Path) -> ModuleType:
    """Return the module, the one beside the mission even if another of that name was imported before."""
    importlib.invalidate_caches()
    top = name.partition(".")[0]
    loaded = sys.modules.get(top)
    origin = getattr(getattr(loaded, "__spec__", None), "origin", None)
    is_beside = (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()
    if is_beside and origin is not None and folder not in Path(origin).parents:
        for other in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
            del sys.modules[other]
    return importlib.import_module(name)


def _hash(module: ModuleType, function: str) -> str:
    """Return the short hash of the function's name and the source of the module it is in."""
    known = hashlib.sha256(function.encode())
    source = getattr(module, "__file__", None)
    if source is None:
        raise invalid(
            say("the module has no file: give a `version`", "모듈에 파일이 없습니다. `version`을 주세요"), "version"
        )
    known.update(Path(source).read_bytes())
    return known.hexdigest()[:12]


def _takes_seed(function: Callable[..., Any]) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some built-ins have no signature
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in positional if p.default is p.empty]
    needed_by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(needed) > 2 or not positional or needed_by_name:  # noqa: PLR2004
        raise invalid(
            say(
                "the function must take the conditions, and may take the seed as second argument",
                "함수는 조건을 받아야 하고, 둘째 인자로 시드를 받을 수 있습니다",
            ),
            "function",
        )
    return len(needed) == 2 or (len(positional) > 1 and positional[1].name == "seed")  # noqa: PLR2004


def _keep(printed: str, task: Task) -> tuple[FileRef, ...]:
    if not printed or task.folder is None:
        return ()
    task.folder.mkdir(parents=True, exist_ok=True)
    path = task.folder / PRINTED
    path.write_text(printed, encoding="utf-8")
    return (FileRef(name=PRINTED, size=path.stat().st_size),)
