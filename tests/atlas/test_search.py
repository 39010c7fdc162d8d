"""The search finds by word, slip and meaning, in both languages, and finds nothing where there is nothing."""

from pathlib import Path

import numpy as np
import pytest

from kgenesis.atlas import Index, load_atlas
from kgenesis.atlas.e5 import E5
from kgenesis.atlas.lexical import Lexical
from kgenesis.kernel.ports import Embedder, FloatArray

ATLAS = load_atlas()
LEXICAL = Index(ATLAS, Lexical(ATLAS))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("고체전지", "next-generation-cell"),
        ("고체 전지", "next-generation-cell"),
        ("전고체젼지", "next-generation-cell"),
        ("solid state batery", "next-generation-cell"),
        ("qubit", "quantum-computing"),
        ("QUBITS", "quantum-computing"),
        ("큐비트", "quantum-computing"),
        ("양자내성암호", "data-ai-security"),
        ("양자 내성 암호", "data-ai-security"),
        ("hydrogen from water", "electrolysis"),
        ("fast charging", "lithium-ion-cell"),
        ("우주 발사체", "staged-combustion-engine"),
    ],
)
def test_letters_are_enough_for_words_of_the_atlas_and_slips_of_them(asked: str, meant: str) -> None:
    assert LEXICAL.search(asked)[0].technology.id == meant


@pytest.mark.parametrize("asked", ["", "   ", "?!", "zzzz", "ㅋㅋㅋ", "\0", "\ud800"])
def test_nothing_is_found_where_nothing_is_in_common(asked: str) -> None:
    assert LEXICAL.search(asked) == []


@pytest.mark.parametrize("technology", ATLAS.technologies, ids=lambda t: t.id)
def test_every_technology_is_found_by_its_name_in_either_language(technology: object) -> None:
    for name in (technology.name.en, technology.name.ko):  # type: ignore[attr-defined]
        assert LEXICAL.search(name)[0].technology is technology


def test_the_best_come_first_and_no_more_than_asked_for() -> None:
    found = LEXICAL.search("hydrogen", 3)
    assert len(found) == 3
    assert [f.score for f in found] == sorted((f.score for f in found), reverse=True)
    assert len({f.technology.id for f in found}) == 3
    assert {f.technology.field for f in found} <= {"hydrogen", "advanced-mobility"}


class Counting:
    """An embedder that counts what it is asked."""

    def __init__(self) -> None:
        self.name, self.n = "lexical", 0
        self._inner: Embedder = Lexical(ATLAS)

    def embed(self, texts: list[str], *, is_query: bool) -> FloatArray:
        self.n += len(texts)
        return self._inner.embed(texts, is_query=is_query)


def test_the_atlas_is_embedded_once_and_kept(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    one = Index(ATLAS, first, tmp_path, "1", 0).search("qubit")
    assert first.n > 50
    assert Index(ATLAS, second, tmp_path, "1", 0).search("qubit") == one
    assert second.n == 1
    third = Counting()
    Index(ATLAS, third, tmp_path, "2", 0)
    assert third.n > 50, "what another version of the embedder made is not used"


def test_what_is_made_quickly_is_not_kept(tmp_path: Path) -> None:
    Index(ATLAS, Counting(), tmp_path, patience=3600)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00", np.zeros((3, 3)).tobytes()])
def test_a_damaged_cache_is_made_again(tmp_path: Path, content: bytes) -> None:
    right = Index(ATLAS, Counting(), tmp_path, patience=0).search("qubit")
    (kept,) = tmp_path.glob("*.npy")
    kept.write_bytes(content)
    assert Index(ATLAS, Counting(), tmp_path, patience=0).search("qubit") == right
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    assert Index(ATLAS, Counting(), tmp_path / "file" / "cache", patience=0).search("qubit")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("battery that cannot burn", "secondary-battery"), ("달에 내려앉는 탐사선", "aerospace-ocean")],
)
def test_the_model_finds_by_meaning_without_a_word_in_common(asked: str, meant: str) -> None:
    model = E5()
    technologies = [ATLAS.technology(t) for t in ("electrolysis", "battery-system", "lunar-exploration", "6g")]
    rows = model.embed([t.name.en for t in technologies], is_query=False)
    (direction,) = model.embed([asked], is_query=True)
    assert technologies[int((rows @ direction).argmax())].field == meant
