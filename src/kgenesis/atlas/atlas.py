"""The fields and technologies of one scheme, and how to find one of them by id or name."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import TypeAdapter, model_validator

from kgenesis.atlas.spec import Field, NeighbouringList, Scheme, Source, Technology
from kgenesis.kernel.errors import Mistake, NotFound
from kgenesis.kernel.text import Text, Wrong, say

FOLDER = Path(__file__).with_name("schemes")
"""One YAML file for each scheme, named after it."""

DEFAULT = "2023-12"
"""The scheme in force."""

HINT = say(
    "`kgenesis atlas technologies` lists them, `kgenesis atlas search WORDS` finds them by meaning.",
    "`kgenesis atlas technologies`로 모두 보고, `kgenesis atlas search 낱말`로 뜻에 따라 찾으세요.",
)
"""What to do when a field or technology is not known."""

_LONG_ENOUGH = 4
"""A part of a name this long is taken for a near match."""
_MANY = 12
"""More names than this are not listed in a message."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Atlas(Scheme):
    """A scheme with the lists beside it, and ways to look things up."""

    neighbours: tuple[NeighbouringList, ...] = ()

    @model_validator(mode="after")
    def _neighbours_are_known(self) -> Self:
        named = {name for technology in self.technologies for name in technology.listed_in}
        if unknown := sorted(named - {n.id for n in self.neighbours}):
            raise Wrong(f"lists not described: {', '.join(unknown)}", f"설명이 없는 목록: {', '.join(unknown)}")
        return self

    @cached_property
    def technologies(self) -> tuple[Technology, ...]:
        """All technologies, field by field."""
        return tuple(technology for field in self.fields for technology in field.technologies)

    @cached_property
    def _fields(self) -> Mapping[str, Field]:
        return {field.id: field for field in self.fields}

    @cached_property
    def _technologies(self) -> Mapping[str, Technology]:
        return {technology.id: technology for technology in self.technologies}

    def field(self, id: str) -> Field:  # noqa: A002
        """Return a field by its id.

        Raises:
            NotFound: there is none.
        """
        if (found := self._fields.get(id)) is not None:
            return found
        raise _not_found(say("field", "분야"), id, self._fields)

    def technology(self, id: str) -> Technology:  # noqa: A002
        """Return a technology by its id.

        Raises:
            NotFound: there is none.
        """
        if (found := self._technologies.get(id)) is not None:
            return found
        raise _not_found(say("technology", "기술"), id, self._technologies)

    def source(self, entry: Field | Technology) -> Source:
        """Return what an entry rests on."""
        return self.sources[entry.source]

    def neighbour(self, id: str) -> NeighbouringList:  # noqa: A002
        """Return a neighbouring list by its id.

        Raises:
            NotFound: there is none.
        """
        found = {n.id: n for n in self.neighbours}
        if id in found:
            return found[id]
        raise _not_found(say("neighbouring list", "이웃 목록"), id, found)

    def find(self, wanted: str) -> Field | Technology:
        """Return a field or technology by id or name, in either language; case, spaces and punctuation do not matter.

        Raises:
            NotFound: nothing is called so.
        """
        names = self._names
        if (found := names.get(_plain(wanted))) is not None:
            return found
        raise _not_found(say("field or technology", "분야나 기술"), wanted, [*self._fields, *self._technologies], names)

    @cached_property
    def _names(self) -> Mapping[str, Field | Technology]:
        """What each field and technology may be called, plain; a technology goes before a field of the same name."""
        found: dict[str, Field | Technology] = {}
        entries: list[Field | Technology] = [*self.technologies, *self.fields]
        for entry in entries:
            for name in (entry.id, entry.name.en, entry.name.ko, entry.name.en.split(" (")[0]):
                found.setdefault(_plain(name), entry)
        return found

    def mistakes(self, field: str, technology: str) -> list[Mistake]:
        """Return what is wrong with the field and technology that something says it serves; both may be empty."""
        if field and field not in self._fields:
            return [Mistake(_unknown(say("field", "분야"), field, self._fields, self._near_fields(field)), "field")]
        if not technology:
            return []
        if technology not in self._technologies:
            inside = [t.id for t in self._fields[field].technologies] if field else list(self._technologies)
            text = _unknown(say("technology", "기술"), technology, inside, _near(technology, self._technologies))
            return [Mistake(text, "technology")]
        right = self._technologies[technology].field
        if field == right:
            return []
        place = say(f"{technology!r} belongs to the field {right!r}", f"{technology!r}의 분야는 {right!r}입니다")
        if not field:
            return [Mistake(say(f"{place.en}: give it, too", f"{place.ko}. field도 적으세요"), "technology")]
        return [Mistake(say(f"{place.en}, not to {field!r}", f"{place.ko}({field!r}이(가) 아님)"), "technology")]

    def _near_fields(self, field: str) -> list[str]:
        return [self._technologies[field].field] if field in self._technologies else _near(field, self._fields)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold().replace("&", "and") if c.isalnum())


def _near(wanted: str, known: Iterable[str]) -> list[str]:
    wanted, known = wanted.strip().casefold(), list(known)
    parts = [name for name in known if len(wanted) >= _LONG_ENOUGH and wanted in name]
    return [*parts, *difflib.get_close_matches(wanted, known, n=3)][:3]


def _unknown(kind: Text, wanted: str, known: Iterable[str], near: Sequence[str]) -> Text:
    shown = repr(wanted[:60])
    guess = ", ".join(near)
    if guess:
        return say(
            f"no {kind.en} is called {shown}; did you mean {guess}?",
            f"{shown}(이)라는 {kind.ko}이(가) 없습니다. {guess}을(를) 찾으셨나요?",
        )
    listed = list(known)
    there = say(f"; there are: {', '.join(listed)}", f". 있는 것: {', '.join(listed)}")
    if len(listed) > _MANY:
        there = say("", "")
    return say(f"no {kind.en} is called {shown}{there.en}", f"{shown}(이)라는 {kind.ko}이(가) 없습니다{there.ko}")


def _not_found(
    kind: Text, wanted: str, known: Iterable[str], names: Mapping[str, Field | Technology] | None = None
) -> NotFound:
    near = _near(wanted, known)
    if names is not None:
        near += [names[name].id for name in _near(_plain(wanted), names)]
    return NotFound(
        _unknown(kind, wanted, known, list(dict.fromkeys(near))[:3]),
        hint=HINT,
    )


def schemes(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the schemes there are, oldest first."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


@cache
def load_atlas(scheme: str = DEFAULT, folder: Path = FOLDER) -> Atlas:
    """Return the atlas of a scheme.

    Args:
        scheme: e.g. `2023-12`.
        folder: where the files of schemes lie.

    Raises:
        NotFound: there is no such scheme.
    """
    known = schemes(folder)
    if scheme not in known:
        raise NotFound(
            say(
                f"no scheme is called {scheme[:60]!r}; there are: {', '.join(known)}",
                f"{scheme[:60]!r}(이)라는 체계가 없습니다. 있는 것: {', '.join(known)}",
            ),
            hint=say(
                f"Leave `--scheme` out for the one in force ({DEFAULT}).",
                f"`--scheme`을 빼면 현행 체계({DEFAULT})를 씁니다.",
            ),
        )
    data = _read(folder / f"{scheme}.yaml")
    neighbours = TypeAdapter(tuple[NeighbouringList, ...]).validate_python(_read(FOLDER.with_name("neighbours.yaml")))
    return Atlas.model_validate({**data, "neighbours": neighbours})


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  (a safe loader)
