"""Who is judged: a published model, one of your own, any surrogate plug-in, or a partner's model behind such a plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from kgenesis.kernel.errors import InvalidSpec, KGenesisError, Mistake, NotFound
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.plugins import installed, make_plugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.text import say
from kgenesis.surrogate.amortised import NEWEST, PUBLISHED
from kgenesis.surrogate.evaluation import MISTAKES, described
from kgenesis.surrogate.genesis import find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kgenesis.kernel.ports import Surrogate


class ModelFile(Frozen):
    """A partner's model: the plug-in that speaks for it, and what is to be known of it."""

    name: Annotated[str, Field(min_length=1)]
    """What it is called in tables."""
    surrogate: Annotated[str, Field(min_length=1)]
    """The adapter: a plug-in of the group `kgenesis.surrogates`."""
    settings: dict[str, Any] = {}
    """The plug-in's own settings; paths in them start at this file's folder."""
    weights: tuple[str, ...] = ()
    """Every file that holds weights, relative to this file's folder (`.safetensors`, `.npz`; others cannot be compared)."""
    licence: str = ""
    """SPDX identifier, e.g. `Apache-2.0`; nothing given counts as not open."""
    lineage: str | None = None
    """Folder with `lineage.json` and `log.jsonl`, relative to this file's folder; nothing given fails the gate."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A surrogate that is to be judged, with what shows where it comes from."""

    name: str
    surrogate: Surrogate
    plugin: str
    """Name of the plug-in it was made by."""
    settings: Mapping[str, Any]
    """The plug-in's own."""
    folder: Path
    """Where relative paths in `settings` start."""
    weights: tuple[Path, ...] = ()
    """Files with its weights."""
    licence: str = ""
    lineage: Path | None = None
    """Folder of its lineage."""
    is_ours: bool = False
    """Whether it is of the architecture that `kgenesis model train` trains."""

    @classmethod
    def named(cls, name: str, folder: Path) -> Entrant:
        """Find a published version, the folder of a model of one's own, or an installed surrogate plug-in.

        Raises:
            NotFound: There is none.
            InvalidSpec: It is damaged.
        """
        found = find(NEWEST if name == "genesis" else name, folder)
        if found.is_dir():
            made = make("genesis", {"model": str(found)}, folder)
            title = found.name if found.parent == PUBLISHED else name
            files = (found / "weights.safetensors",)
            return cls(title, made, "genesis", {"model": str(found)}, folder, files, "", found, is_ours=True)
        if name in installed("surrogates"):
            return cls(name, make(name, {}, folder), name, {}, folder)
        published = sorted(path.name for path in PUBLISHED.iterdir() if path.is_dir())
        raise NotFound(
            say(f"there is no model {name!r}", f"{name!r}(이)라는 모델이 없습니다"),
            hint=say(
                f"Give a published version ({', '.join(published)}), the folder of a model, a model file (.yaml), or an "
                f"installed surrogate ({', '.join(installed('surrogates'))}).",
                f"게시된 버전({', '.join(published)}), 모델 폴더, 모델 파일(.yaml), 설치된 대리모델"
                f"({', '.join(installed('surrogates'))}) 가운데 하나를 주세요.",
            ),
        )

    @classmethod
    def of(cls, content: Mapping[str, Any], folder: Path) -> Entrant:
        """Make what a model file describes.

        Args:
            content: Of the file; see `ModelFile`.
            folder: Of the file.

        Raises:
            ValidationError: The content is not that of a model file.
            InvalidSpec: A file it names is missing, or the plug-in refuses its settings.
            UnknownPlugin, MissingPart: There is no such plug-in, or a package it needs is missing.
        """
        told = ModelFile.model_validate(content)
        wrong = [
            Mistake(say(f"{file} is no file", f"{file} 파일이 없습니다"), f"weights[{i}]")
            for i, file in enumerate(told.weights)
            if not (folder / file).is_file()
        ]
        if told.lineage is not None and not (folder / told.lineage / "lineage.json").is_file():
            what = say(f"{told.lineage} has no `lineage.json`", f"{told.lineage}에 `lineage.json`이 없습니다")
            wrong.append(Mistake(what, "lineage"))
        if wrong:
            raise InvalidSpec(
                say("the model file names files that are not there", "모델 파일이 없는 파일을 가리킵니다"),
                wrong,
                hint=say(
                    "Paths start at the model file's folder; take the folder whole.",
                    "경로는 모델 파일이 있는 폴더에서 시작합니다. 폴더를 통째로 옮기세요.",
                ),
            )
        made = make(told.surrogate, told.settings, folder)
        weights = tuple(folder / file for file in told.weights)
        lineage = None if told.lineage is None else folder / told.lineage
        return cls(told.name, made, told.surrogate, told.settings, folder, weights, told.licence, lineage)


def make(name: str, settings: Mapping[str, Any], folder: Path) -> Surrogate:
    """Return a surrogate made by its plug-in, as a planner would make it.

    Raises:
        KGenesisError: There is no such plug-in, or it refuses its settings.
    """

    def make_other(group: str, other: str, own: Mapping[str, Any]) -> Any:
        return make_plugin(group, other, PluginContext(settings=own, folder=folder, make=make_other))

    try:
        made: Surrogate = make_other("surrogates", name, settings)
    except KGenesisError:
        raise
    except MISTAKES as error:
        raise InvalidSpec(
            say(
                f"the surrogate {name!r} could not be made: {described(error)}",
                f"대리모델 {name!r}을(를) 만들 수 없습니다: {described(error)}",
            ),
            hint=say(
                "See that its settings name weights that are there and whole; docs/en/how-to/bring-your-own-model.md.",
                "설정이 가리키는 가중치가 있고 온전한지 보세요. docs/ko/how-to/bring-your-own-model.md.",
            ),
        ) from error
    return made
