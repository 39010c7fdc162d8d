"""Links lead somewhere, both languages say the same, and nothing is said that only one machine knows."""

import re
from pathlib import Path

import pytest
from pages import DOCS, ROOT, anchors, links, pages, prose

ROOMS = ("tutorials", "how-to", "explanations", "missions")
FORBIDDEN = re.compile(
    r"/work/|/tmp/|/root/|/home/\w|\bshared/|\bTODO\b|\bFIXME\b|\bTBD\b|FILL:|game-?chang|cutting-edge|state-of-the-art|revolutionary",
    re.IGNORECASE,
)
"""Paths of one machine, notes to ourselves, and words that promise instead of saying."""

_EMOJI = re.compile("[\U0001f300-\U0001faff\u2728\u2705\u274c]")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{_name(page)}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{_name(page)}: {link}"


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_nothing_on_a_page_is_forbidden(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = FORBIDDEN.findall(text) + _EMOJI.findall(text)
    assert not found, found


def test_every_page_is_there_in_both_languages() -> None:
    english = {p.relative_to(DOCS / "en") for p in (DOCS / "en").rglob("*.md")}
    korean = {p.relative_to(DOCS / "ko") for p in (DOCS / "ko").rglob("*.md")}
    assert english == korean
    assert english


def test_every_page_stands_in_a_room_and_in_the_index_of_its_language() -> None:
    for lang in ("en", "ko"):
        index = DOCS / lang / "README.md"
        listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
        for page in (DOCS / lang).rglob("*.md"):
            if page != index:
                assert page.parent.name in ROOMS, _name(page)
                assert page.resolve() in listed, f"{_name(page)} is not in {_name(index)}"


def test_decisions_are_numbered_without_gaps_and_say_what_they_must() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(p.name[:4]) for p in decisions] == list(range(len(decisions)))
    for page in decisions[1:]:
        text = page.read_text(encoding="utf-8")
        for heading in ("## The question", "## What we do", "## Why", "## What it costs"):
            assert heading in text, f"{_name(page)} lacks {heading!r}"
        assert len(text.splitlines()) <= 60, f"{_name(page)} is longer than half a page"


def test_the_korean_pages_are_in_korean() -> None:
    for page in [*(DOCS / "ko").rglob("*.md"), ROOT / "README.ko.md"]:
        text = re.sub(r"`[^`]+`|\]\([^)]*\)", "", prose(page))
        assert len(re.findall("[가-힣]", text)) > len(re.findall("[a-z]", text)) / 2, _name(page)


@pytest.mark.parametrize("name", ["report.png", "report.ko.png"])
def test_the_picture_of_a_report_is_small(name: str) -> None:
    assert (DOCS / "images" / name).stat().st_size < 400_000, "docs/images/make.py makes it"
