"""The reference pages are what the code says, in both languages, and every error has a section."""

import subprocess
import sys

import pytest
from pages import DOCS, ROOT

from kgenesis.kernel import errors


def _errors(kind: type[errors.KGenesisError] = errors.KGenesisError) -> list[type[errors.KGenesisError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _errors(child))]


def test_the_reference_pages_are_what_the_code_says() -> None:
    ended = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}\nrun: python3 tasks.py reference"


@pytest.mark.parametrize("error", _errors(), ids=lambda e: e.code)
def test_every_error_has_a_section_with_its_hint_in_both_languages(error: type[errors.KGenesisError]) -> None:
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    section = page.split(f"\n## `{error.code}`\n")
    assert len(section) == 2, f"{error.code} has no section in docs/reference/errors.md"
    text = section[1].split("\n## ")[0]
    assert error.hint.en in text
    assert error.hint.ko in text
