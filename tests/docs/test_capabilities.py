"""The table of what the decision engine can do names tests, settings and commands that exist."""

import re
from functools import cache
from typing import Any

import pytest
import yaml
from pages import DOCS, PART, ROOT, blocks
from pydantic import BaseModel, ValidationError

import kgenesis
from kgenesis.app.mission_files import validated
from kgenesis.app.scaffold import mission_schema
from kgenesis.campaign.planners import model
from kgenesis.kernel.errors import KGenesisError
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.surrogate import gp, portfolio

HEADINGS = {"en": "## What it can do, and where that is shown", "ko": "## 할 수 있는 일과 그것을 보여 주는 곳"}
SETTINGS: tuple[type[BaseModel], ...] = (model.Settings, gp.Settings, portfolio.Settings)


def _rows(lang: str) -> list[list[str]]:
    text = (DOCS / lang / "explanations" / "decision-engine.md").read_text(encoding="utf-8")
    section = text.split(HEADINGS[lang])[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def _spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _accepted(settings: type[BaseModel], given: dict[str, Any]) -> bool:
    try:
        settings.model_validate(given)
    except ValidationError:
        return False
    return True


def _is_part_of_a_mission(given: dict[str, Any]) -> bool:
    try:
        validated(PART | given)
    except KGenesisError:
        return False
    return True


@cache
def _mission_names() -> tuple[set[str], set[Any]]:
    """Return every field of a mission file, and every type of factor and goal."""
    schema = mission_schema()
    parts = [p for d in (schema, *schema["$defs"].values()) for p in (d, *d.get("anyOf", []))]
    properties = {name: field for p in parts for name, field in p.get("properties", {}).items()}
    fields = [field for p in parts for field in p.get("properties", {}).values()]
    return set(properties), {v for f in fields for v in (f.get("const"), *f.get("enum", ())) if v is not None}


def _exists(span: str) -> bool:
    if span.startswith("kgenesis "):
        words = [word for word in span.split() if not word.startswith("--")]
        page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
        section = page.partition(f"\n## `{' '.join(words)}`\n")[2].partition("\n## ")[0]
        return bool(section) and all(
            f"`{word}`" in section or f"`{word} " in section for word in span.split() if word[0] == "-"
        )
    if span[0].isupper():
        name, _, method = span.partition(".")
        return name in kgenesis.__all__ and (not method or hasattr(getattr(kgenesis, name), method))
    fields, values = _mission_names()
    given = yaml.safe_load(span)
    if isinstance(given, str):
        return given in fields
    if any(settings.model_fields.keys() & given.keys() for settings in SETTINGS):
        return any(_accepted(settings, given) for settings in SETTINGS) or _is_part_of_a_mission(given)
    return set(given) <= fields and all(v in values for k, v in given.items() if k in {"type", "goal"})


@pytest.mark.parametrize("row", _rows("en"), ids=lambda row: re.sub(r"\W+", "-", row[0])[:40])
def test_what_a_capability_names_exists(row: list[str]) -> None:
    assert len(row) == 4
    _, asked, _, shown = row
    assert [span for span in _spans(asked) if not _exists(span)] == []
    assert _spans(shown)
    for path in _spans(shown):
        assert (ROOT / path).is_file(), path
        assert (ROOT / path).name.startswith("test_"), path


def test_both_languages_name_the_same() -> None:
    english, korean = ([[_spans(cell) for cell in row[1::2]] for row in _rows(lang)] for lang in ("en", "ko"))
    assert english == korean


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_says_the_constants_of_the_code(lang: str) -> None:
    text = (DOCS / lang / "explanations" / "decision-engine.md").read_text(encoding="utf-8")
    assert f"TEMPER = {portfolio.TEMPER:g}, OPTIMISM = {portfolio.OPTIMISM:g}\n" in text
    assert f"{100 * portfolio.LEAST_SHARE:g} %" in text
    assert f"{-portfolio.WORST:g} nat" in text


def test_the_surrogate_that_the_page_asks_for_can_be_made() -> None:
    parts = [b for b in blocks(DOCS / "en" / "explanations" / "decision-engine.md") if b.kind == "yaml"]
    assert parts
    for part in parts:
        chosen = yaml.safe_load(part.body)["planner"]["settings"]["surrogate"]

        def make(group: str, name: str, settings: Any) -> Any:
            return make_plugin(group, name, PluginContext(settings=settings, make=make))

        assert make("surrogates", chosen["name"], chosen["settings"])


@pytest.mark.parametrize(
    "wrong", ["`surogate: gp`", "`batch: greedy`", "`type: liquid`", "`kgenesis suggest --redoo`", "`Campaign.undo`"]
)
def test_what_does_not_exist_is_noticed(wrong: str) -> None:
    assert not _exists(wrong.strip("`"))
