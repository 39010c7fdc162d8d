"""What the atlas and the rest of K-Genesis have to do with each other: what can be done for each technology, and search."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import platformdirs

from kgenesis.app.mission_files import load_mission
from kgenesis.app.mission_list import list_missions, skim
from kgenesis.atlas import HINT, Atlas, Field, Found, Index, Technology
from kgenesis.kernel.errors import MissingPart, NotFound
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Embedder, PluginContext
from kgenesis.kernel.text import Text, say

BY_MEANING, BY_LETTERS = "e5", "lexical"
"""The embedder that searches if it is installed, and the one that always is."""

Has = Literal["mission", "data", "nothing"]


@dataclass(frozen=True, slots=True)
class Covered:
    """What can be done for one technology here."""

    technology: Technology
    missions: tuple[dict[str, Any], ...]
    """As `mission_list.list_missions` gives them: built-in ones, and those of a folder that was asked for."""

    @property
    def data(self) -> tuple[dict[str, Any], ...]:
        """Those among them whose experiments are rows of a table: a set of data that is there."""
        return tuple(mission for mission in self.missions if mission["lab"] == "table")

    @property
    def has(self) -> Has:
        """`mission` if one runs here, else `data` if there is some, else `nothing`."""
        if any(mission["available"] for mission in self.missions):
            return "mission"
        return "data" if self.data else "nothing"


def coverage(atlas: Atlas, folder: Path | None = None) -> list[Covered]:
    """Return what can be done for every technology of the atlas, in its order.

    Args:
        atlas: the atlas.
        folder: a folder of mission files of one's own, counted besides the built-in ones.

    Raises:
        NotFound: there is no such folder, or no mission file in it.
        InvalidSpec, UnitMismatch, InfeasibleSpace: a mission file in it is not valid.
    """
    missions = list_missions(None)
    if folder is not None:
        missions += _own(folder)
    return [Covered(t, tuple(m for m in missions if m["technology"] == t.id)) for t in atlas.technologies]


def _own(folder: Path) -> list[dict[str, Any]]:
    files = sorted({*folder.rglob("*.yaml"), *folder.rglob("*.yml")}) if folder.is_dir() else []
    found = [path for path in files if {"space", "objectives"} <= set(skim(path))]
    if not found:
        raise NotFound(
            say(f"there is no mission file in {folder}", f"{folder}에 미션 파일이 없습니다"),
            hint=say("`kgenesis new mission` writes one.", "`kgenesis new mission`으로 만드세요."),
        )
    missions = [(path, load_mission(str(path)).mission) for path in found]
    return [
        {
            "name": mission.name,
            "title": mission.title.model_dump(),
            "field": mission.field,
            "technology": mission.technology,
            "lab": mission.lab.name,
            "available": True,
            "remedy": None,
            "source": str(path),
        }
        for path, mission in missions
    ]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found, and by what."""

    found: Sequence[Found]
    embedder: str
    remark: Text | None
    """What would find more, if it were installed."""


def search(atlas: Atlas, asked: str, n: int = 5, embedder: str | None = None) -> Answer:
    """Return the technologies nearest to what somebody asks.

    Args:
        atlas: what is looked through.
        asked: a word or a sentence, in Korean or English.
        n: at most so many.
        embedder: a plug-in of `kgenesis.embedders`; by meaning where that is installed, else by letters.

    Raises:
        UnknownPlugin: there is no such embedder.
        MissingPart: the embedder asked for needs a package that is not installed.
    """
    made, remark = _embedder(atlas, embedder)
    number = f"{version('kgenesis')} {getattr(made, 'version', '')}"
    cache = platformdirs.user_cache_path("kgenesis") / "atlas"
    return Answer(Index(atlas, made, cache, number).search(asked, n), made.name, remark)


def _embedder(atlas: Atlas, name: str | None) -> tuple[Embedder, Text | None]:
    by_letters = PluginContext(settings={"scheme": atlas.scheme})
    if name is not None:
        context = by_letters if name == BY_LETTERS else PluginContext()
        return make_plugin("embedders", name, context), None
    try:
        return make_plugin("embedders", BY_MEANING, PluginContext()), None
    except MissingPart:
        remark = say(
            "Searched by letters. `pip install 'kgenesis[atlas]'` searches by meaning, offline.",
            "글자로 찾았습니다. `pip install 'kgenesis[atlas]'`를 설치하면 오프라인에서 뜻으로 찾습니다.",
        )
        return make_plugin("embedders", BY_LETTERS, by_letters), remark


def look_up(atlas: Atlas, wanted: str) -> Field | Technology:
    """Return a field or technology by id or name.

    Raises:
        NotFound: nothing is called so; it names what comes near.
    """
    try:
        return atlas.find(wanted)
    except NotFound:
        near = [found.technology.id for found in search(atlas, wanted, 3, BY_LETTERS).found]
        if not near:
            raise
        shown, guess = repr(wanted[:60]), ", ".join(near)
        text = say(
            f"no field or technology is called {shown}; what comes near it: {guess}",
            f"{shown}(이)라는 분야나 기술이 없습니다. 가까운 것: {guess}",
        )
        raise NotFound(text, hint=HINT) from None
