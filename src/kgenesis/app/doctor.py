"""Look at this computer: what of K-Genesis works here, what is missing, and how to get it."""

import os
import platform as machine
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path
from typing import Any

import psutil

from kgenesis.app.mission_files import load_mission
from kgenesis.app.platform import open_platform
from kgenesis.app.preflight import check_can_run
from kgenesis.kernel.errors import KGenesisError, NotFound
from kgenesis.kernel.plugins import GROUPS, installed, load_plugin
from kgenesis.kernel.text import Text, say
from kgenesis.store import Place, place_of

CORE = ("kgenesis", "numpy", "scipy", "pydantic", "sqlalchemy", "typer", "rich")
"""Packages whose versions are shown."""

PARTS = {
    "missions": say("the missions of all twelve fields", "열두 분야의 모든 미션"),
    "aerospace": say("missions of aerospace, ocean and flight", "우주항공·해양과 비행 미션"),
    "ai": say("the mission of artificial intelligence", "인공지능 미션"),
    "battery": say("the mission of secondary batteries", "이차전지 미션"),
    "bio": say("missions of biotechnology", "첨단 바이오 미션"),
    "hydrogen": say("missions of hydrogen", "수소 미션"),
    "mobility": say("missions of mobility", "첨단 모빌리티 미션"),
    "nuclear": say("missions of next-generation nuclear power", "차세대 원자력 미션"),
    "quantum": say("missions of quantum computing", "양자 미션"),
    "robotics": say("missions of robotics and manufacturing", "첨단로봇·제조 미션"),
    "security": say("missions of cyber security that learn from data", "데이터로 배우는 사이버보안 미션"),
    "semiconductor": say("missions of semiconductor and display", "반도체·디스플레이 미션"),
    "atlas": say("searching the atlas by meaning, offline", "아틀라스를 뜻으로 찾기(오프라인)"),
    "report": say("the report as one HTML file", "HTML 보고서"),
    "tables": say("Excel sheets and Parquet tables", "엑셀 시트와 Parquet 표"),
    "notebook": say("live progress and data frames in notebooks", "노트북의 실시간 진행과 데이터 프레임"),
    "postgres": say("a store that several computers share", "여러 컴퓨터가 함께 쓰는 저장소"),
    "gest": say("deciding for Xopt, libEnsemble and Optimas", "Xopt, libEnsemble, Optimas에서 실험 정하기"),
    "optuna": say("deciding for studies of Optuna", "Optuna 연구에서 실험 정하기"),
    "train": say("training surrogate models of your own", "대리 모델을 직접 학습시키기"),
}
"""What each optional part is for."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_EXTRA = re.compile(r"""^\s*([A-Za-z0-9._-]+).*;.*extra\s*==\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True, slots=True)
class Part:
    """An optional part of K-Genesis."""

    name: str
    purpose: Text
    missing: tuple[str, ...]
    """Packages that are not installed."""

    @property
    def command(self) -> str:
        """What to type to get it."""
        return f"pip install 'kgenesis[{self.name}]'"


@dataclass(frozen=True, slots=True)
class PluginFound:
    """A plug-in an installed package offers."""

    group: str
    name: str
    package: str
    version: str
    error: Text | None
    """Why it does not load; None if it does."""


@dataclass(frozen=True, slots=True)
class MissionFound:
    """A built-in mission."""

    name: str
    title: Text
    hindrance: Text | None
    """Why it cannot run here; None if it can."""
    remedy: Text | None


@dataclass(frozen=True, slots=True)
class StoreFound:
    """Where campaigns are kept."""

    place: str
    exists: bool
    size: int | None
    """Bytes of the database file; None where there is none of its own."""
    n_campaigns: int
    free: int | None
    """Bytes free on its disk."""
    error: Text | None


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found."""

    python: str
    system: str
    versions: dict[str, str]
    n_cores: int
    memory: int
    """Bytes."""
    threads: dict[str, str]
    """Environment variables that set the number of threads of numerical libraries, if any."""
    encoding: str
    parts: tuple[Part, ...]
    plugins: tuple[PluginFound, ...]
    missions: tuple[MissionFound, ...]
    store: StoreFound

    @property
    def is_sound(self) -> bool:
        """Whether the core works: our own plug-ins load, and campaigns can be kept."""
        own = [p for p in self.plugins if p.package == "kgenesis"]
        return bool(own) and all(p.error is None for p in own) and self.store.error is None

    def as_json(self) -> dict[str, Any]:
        """Return all of it as one JSON object."""
        data = asdict(self)
        data["parts"] = [
            {
                "name": p.name,
                "purpose": p.purpose.model_dump(),
                "is_installed": not p.missing,
                "missing": list(p.missing),
                "command": p.command,
            }
            for p in self.parts
        ]
        return {"is_sound": self.is_sound, **_plain(data)}


def _plain(value: object) -> Any:
    if isinstance(value, Text):
        return value.model_dump()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def examine(store: str | None = None) -> Examination:
    """Look at everything; nothing is written.

    Args:
        store: path or URL of the store, as `open_platform` takes it.
    """
    return Examination(
        python=machine.python_version(),
        system=f"{machine.system()} {machine.release()} ({machine.machine()})",
        versions={name: found for name in CORE if (found := _version(name))},
        n_cores=_n_cores(),
        memory=psutil.virtual_memory().total,
        threads={name: os.environ[name] for name in THREADS if os.environ.get(name)},
        encoding=sys.stdout.encoding or "",
        parts=_parts(),
        plugins=tuple(_plugins()),
        missions=tuple(_mission(name) for name in installed("missions")),
        store=_store(store),
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parts() -> tuple[Part, ...]:
    """Return the optional parts, as the package's own metadata lists them."""
    needed: dict[str, list[str]] = {name: [] for name in PARTS}
    for requirement in requires("kgenesis") or []:
        match = _EXTRA.match(requirement)
        if match and match.group(2) in needed:
            needed[match.group(2)].append(match.group(1))
    fields = (name for name in re.findall(r"[a-z]+", _whole("missions")) if name in needed)
    needed["missions"] = [package for name in fields for package in needed[name]]
    return tuple(
        Part(name, PARTS[name], tuple(p for p in packages if not _version(p))) for name, packages in needed.items()
    )


def _whole(extra: str) -> str:
    """Return the other extras that an extra stands for, as its requirement names them."""
    found = (re.match(rf"kgenesis\[([^]]*)\].*extra == ['\"]{extra}['\"]", each) for each in requires("kgenesis") or [])
    return next((match.group(1) for match in found if match), "")


def _plugins() -> list[PluginFound]:
    found = []
    for group in GROUPS:
        for point in sorted(entry_points(group=f"kgenesis.{group}"), key=lambda p: p.name):
            package, error = point.dist, None
            if group != "missions":  # those are tried whole below
                try:
                    load_plugin(group, point.name)
                except KGenesisError as caught:
                    error = caught.detail
                except Exception as caught:  # noqa: BLE001  (another package's module runs here)
                    text = f"{type(caught).__name__}: {caught}"
                    error = say(text, text)
            name, number = (package.name, package.version) if package is not None else ("?", "?")
            found.append(PluginFound(group, point.name, name, number, error))
    return found


def _mission(name: str) -> MissionFound:
    title = say(name, name)
    try:
        loaded = load_mission(name)
        title = loaded.mission.title
        check_can_run(loaded)
    except KGenesisError as error:
        return MissionFound(name, title, error.detail, error.next_step)
    except Exception as error:  # noqa: BLE001  (another package's module runs here)
        text = f"{type(error).__name__}: {error}"
        return MissionFound(name, title, say(text, text), None)
    return MissionFound(name, title, None, None)


def _store(asked: str | None) -> StoreFound:
    label, exists, size, free, n_campaigns = asked or "", False, None, None, 0
    error: Text | None = None
    try:
        place = place_of(asked)
        label = place.label
        free = shutil.disk_usage(_first_that_exists(place.folder)).free
        if place.path is not None:
            exists = place.path.exists()
            size = place.path.stat().st_size if exists else None
        error = _cannot_write(place)
        opened = open_platform(asked, read_only=True)
        exists = True
        n_campaigns = len(opened.store.streams("cmp_"))
        opened.store.close()
    except NotFound:
        pass  # it is made at the first campaign
    except KGenesisError as caught:
        error = caught.detail
    except OSError as caught:
        error = say(str(caught), str(caught))
    return StoreFound(label, exists, size, n_campaigns, free, error)


def _cannot_write(place: Place) -> Text | None:
    if place.path is None:
        return None
    target = place.path if place.path.exists() else _first_that_exists(place.folder)
    if os.access(target, os.W_OK):
        return None
    return say(f"{target} cannot be written to", f"{target}에 쓸 수 없습니다")


def _first_that_exists(folder: Path) -> Path:
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
