"""What the documentation shows is what happens."""

from pathlib import Path

import pytest
from pages import ROOT, Block, Story, blocks, commands, has_story, matches, pages


def _told_in_korean(page: Path) -> bool:
    return "ko" in page.relative_to(ROOT).parts or page.name.endswith(".ko.md")


STORIES = [page for page in pages() if has_story(page)]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _tell(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, slow: bool) -> None:
    story = Story(folder, "ko" if _told_in_korean(page) else "en")
    monkeypatch.chdir(folder)
    for name in ("KGENESIS_STORE", "KGENESIS_LANG"):
        monkeypatch.setenv(name, story.environment[name])
    monkeypatch.syspath_prepend(str(folder))
    for block in blocks(page):
        if slow or not block.is_slow:
            story.tell(block)


@pytest.mark.parametrize("page", [p for p in STORIES if not _told_in_korean(p)], ids=_name)
def test_every_block_of_a_page_does_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tell(page, tmp_path, monkeypatch, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in STORIES if _told_in_korean(p) or any(b.is_slow for b in blocks(p))], ids=_name
)
def test_every_block_of_a_page_does_what_the_page_says_with_the_slow_ones(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tell(page, tmp_path, monkeypatch, slow=True)


def _twins() -> list[tuple[Path, Path]]:
    english = [p for p in pages() if "en" in p.relative_to(ROOT).parts]
    return [(p, Path(str(p).replace("/docs/en/", "/docs/ko/"))) for p in english] + [
        (ROOT / "README.md", ROOT / "README.ko.md")
    ]


def _typed(block: Block) -> list[str]:
    return [command for command, _ in commands(block)]


@pytest.mark.parametrize("twins", _twins(), ids=lambda twins: _name(twins[0]))
def test_both_languages_show_the_same_code(twins: tuple[Path, Path]) -> None:
    english, korean = (
        [b for b in blocks(page) if b.kind in {"python", "yaml", "console", "csv", "sh"}] for page in twins
    )
    assert [b.words for b in english] == [b.words for b in korean]
    for one, other in zip(english, korean, strict=True):
        if one.kind == "console":
            assert _typed(one) == _typed(other), f"{one} and {other}"
        else:
            assert _code(one.body) == _code(other.body), f"{one} and {other}"


def _code(text: str) -> list[str]:
    """Return the lines of a block without comments, which may be in either language."""
    lines = (line.split("  #")[0].rstrip() for line in text.splitlines())
    return [line for line in lines if line and not line.lstrip().startswith("#")]


def test_an_ellipsis_stands_for_what_changes_and_nothing_else() -> None:
    assert matches(["a … c", "…", "end"], "a b c\n\nx\ny\nend\n")
    assert not matches(["a … c", "end"], "a b c\nx\nend\n")
    assert not matches(["a"], "b\n")
