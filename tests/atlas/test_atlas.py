"""The atlas holds what it promises: 12 fields, 50 technologies, targets as numbers, and plain words where nothing is known."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from kgenesis.atlas import Atlas, Verification, load_atlas, schemes
from kgenesis.atlas.atlas import FOLDER
from kgenesis.atlas.spec import Scheme
from kgenesis.kernel.errors import NotFound
from kgenesis.kernel.text import Text
from kgenesis.kernel.units import check_unit, convert

SCHEMES = [load_atlas(name) for name in schemes()]


def _said(value: object) -> list[Text]:
    """Return every pair of sentences inside a model."""
    if isinstance(value, Text):
        return [value]
    if isinstance(value, tuple | list):
        return [text for item in value for text in _said(item)]
    fields = getattr(type(value), "model_fields", {})
    return [text for name in fields for text in _said(getattr(value, name))]


def test_the_default_scheme_has_12_fields_and_50_technologies() -> None:
    atlas = load_atlas()
    assert atlas.scheme == "2023-12"
    assert [len(field.technologies) for field in atlas.fields] == [8, 4, 3, 2, 4, 5, 3, 4, 4, 5, 5, 3]
    assert len(atlas.technologies) == 50


@pytest.mark.parametrize("atlas", SCHEMES, ids=lambda a: a.scheme)
def test_every_unit_is_known_and_every_file_is_named_after_its_scheme(atlas: Atlas) -> None:
    for technology in atlas.technologies:
        for target in technology.targets:
            check_unit(target.unit)
    assert yaml.safe_load((FOLDER / f"{atlas.scheme}.yaml").read_text("utf-8"))["scheme"] == atlas.scheme


@pytest.mark.parametrize("atlas", SCHEMES, ids=lambda a: a.scheme)
def test_everything_is_said_in_both_languages(atlas: Atlas) -> None:
    halves = [text for text in _said(atlas) if bool(text.en) != bool(text.ko)]
    assert not halves
    for entry in (*atlas.fields, *atlas.technologies):
        assert any("가" <= c <= "힣" for c in entry.name.ko) or entry.name.ko == entry.name.en == "6G"
        assert not any("가" <= c <= "힣" for c in entry.name.en)


@pytest.mark.parametrize("atlas", SCHEMES, ids=lambda a: a.scheme)
def test_a_target_says_no_other_number_than_its_source(atlas: Atlas) -> None:
    for technology in atlas.technologies:
        for target in technology.targets:
            assert f"{target.value:g}" in target.stated.replace(",", ""), target.stated
            is_class = "급" in target.stated and "급 이" not in target.stated and "이하급" not in target.stated
            assert is_class <= (target.comparison != "at_least"), target.stated


@pytest.mark.parametrize(
    ("technology", "value", "unit", "comparison"),
    [
        ("lithium-ion-cell", 350, "Wh/kg", "at_least"),
        ("next-generation-cell", 220, "Wh/kg", "at_least"),
        ("high-density-memory", 1000, "1", "at_least"),
        ("battery-recycling", 95, "percent", "at_least"),
        ("quantum-computing", 1000, "1", "of_class"),
        ("aero-gas-turbine", 66723.3, "N", "at_least"),
    ],
)
def test_targets_are_numbers_that_convert(technology: str, value: float, unit: str, comparison: str) -> None:
    found = [
        (round(convert(target.value, target.unit, unit), 1), target.comparison)
        for target in load_atlas().technology(technology).targets
        if unit in {target.unit, "N"}
    ]
    assert (value, comparison) in found


def test_every_entry_says_what_it_rests_on_and_how_that_was_read() -> None:
    atlas = load_atlas()
    levels = {atlas.source(entry).verification for entry in (*atlas.fields, *atlas.technologies)}
    assert levels == {Verification.PAGE, Verification.TRANSCRIPTION}
    assert all(level.text.en and level.text.ko for level in Verification)
    assert all(gap.verification is Verification.NOT_FOUND for gap in atlas.gaps)


def test_the_list_of_the_tax_law_is_another_one() -> None:
    atlas = load_atlas()
    tax = atlas.neighbour("tax-strategic")
    assert len(tax.entries) == 8 != len(atlas.fields)
    assert tax.count == 78
    assert sum(entry.count or 0 for entry in tax.entries) == 71  # one count was not read, and none is made up
    assert "tax-strategic" not in atlas.technology("quantum-computing").listed_in
    assert len(atlas.neighbour("us-genesis").entries) == atlas.neighbour("us-genesis").count == 26
    assert atlas.neighbour("next").count is None


@pytest.mark.parametrize(
    ("called", "id_"),
    [
        ("quantum-computing", "quantum-computing"),
        ("양자컴퓨팅", "quantum-computing"),
        (" Quantum  Computing ", "quantum-computing"),
        ("차세대 이차전지 소재 셀", "next-generation-cell"),
        ("소형모듈형원자로(SMR)", "small-modular-reactor"),
        ("small modular reactor", "small-modular-reactor"),
        ("수소", "hydrogen"),
        ("Semiconductor and display", "semiconductor-display"),
        ("6G", "6g"),
    ],
)
def test_a_field_or_technology_is_found_by_id_or_name_in_either_language(called: str, id_: str) -> None:
    assert load_atlas().find(called).id == id_


@pytest.mark.parametrize("entry", [*load_atlas().fields, *load_atlas().technologies], ids=lambda e: e.id)
def test_every_name_leads_to_its_own_entry(entry: object) -> None:
    atlas = load_atlas()
    for name in (entry.id, entry.name.en, entry.name.ko):  # type: ignore[attr-defined]
        assert atlas.find(name) is entry


@pytest.mark.parametrize("look", [Atlas.field, Atlas.technology, Atlas.find, Atlas.neighbour])
@pytest.mark.parametrize("wrong", ["", "no-such-thing", "x" * 5000, "\0", "../2023-12", "🙂"])
def test_what_is_not_there_is_refused(look: Callable[[Atlas, str], object], wrong: str) -> None:
    with pytest.raises(NotFound) as caught:
        look(load_atlas(), wrong)
    assert len(caught.value.detail.en) < 400


def test_a_slip_is_met_with_what_was_meant() -> None:
    with pytest.raises(NotFound, match="did you mean lithium-ion-cell") as caught:
        load_atlas().technology("lithium-ion-cel")
    assert "찾으셨나요" in caught.value.detail.ko
    assert "kgenesis atlas" in caught.value.next_step.en


@pytest.mark.parametrize("wrong", ["2030-01", "", "NEXT", "../schemes/2023-12", "2023-12.yaml"])
def test_an_unknown_scheme_is_refused_and_the_known_ones_are_named(wrong: str) -> None:
    with pytest.raises(NotFound, match="2023-12"):
        load_atlas(wrong)


def test_a_successor_is_one_more_file(tmp_path: Path) -> None:
    data = yaml.safe_load((FOLDER / "2023-12.yaml").read_text("utf-8"))
    (tmp_path / "2023-12.yaml").write_text(yaml.safe_dump(data), "utf-8")
    data |= {"scheme": "2027-01", "fields": data["fields"][:2]}
    (tmp_path / "2027-01.yaml").write_text(yaml.safe_dump(data), "utf-8")
    assert schemes(tmp_path) == ("2023-12", "2027-01")
    assert len(load_atlas("2027-01", tmp_path).fields) == 2
    assert len(load_atlas("2023-12", tmp_path).fields) == 12


def _data() -> dict:  # type: ignore[type-arg]
    loaded: dict = yaml.safe_load((FOLDER / "2023-12.yaml").read_text("utf-8"))  # type: ignore[type-arg]
    return loaded


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda d: d["fields"].append(d["fields"][0]), "ids given twice"),
        (lambda d: d["fields"][0].update(source="hearsay"), "sources not described"),
        (lambda d: d["fields"][0]["technologies"][0].update(id="Two Words"), "pattern"),
        (lambda d: d["fields"][0]["technologies"][0]["targets"][0].update(comparison="about"), "at_least"),
        (lambda d: d["fields"][0]["technologies"][0]["targets"][0].update(value=float("nan")), "finite"),
        (lambda d: d["fields"][0]["technologies"][0].update(colour="red"), "extra"),
        (lambda d: d["sources"]["map-2026-03"].update(verification="sure"), "law"),
        (lambda d: d.update(scheme="latest"), "pattern"),
        (lambda d: d.update(fields=[]), "at least 1"),
    ],
)
def test_a_scheme_that_is_wrong_is_not_loaded(spoil: Callable[[dict], object], named: str) -> None:  # type: ignore[type-arg]
    data = _data()
    spoil(data)
    with pytest.raises(ValidationError, match=named):
        Scheme.model_validate(data)


def test_a_technology_that_names_an_unknown_list_is_not_loaded(tmp_path: Path) -> None:
    data = _data()
    data["fields"][0]["technologies"][0]["listed_in"] = ["no-such-list"]
    (tmp_path / "2023-12.yaml").write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(ValidationError, match="no-such-list"):
        load_atlas("2023-12", tmp_path)


@pytest.mark.parametrize(
    ("field", "technology", "place", "named"),
    [
        ("battery", "", "field", "secondary-battery"),
        ("6g", "", "field", "next-generation-communications"),
        ("nothing-like-it", "", "field", "no field"),
        ("secondary-battery", "solid", "technology", "next-generation-cell"),
        ("secondary-battery", "lithium-ion-cel", "technology", "did you mean lithium-ion-cell"),
        ("", "6g", "technology", "next-generation-communications"),
        ("hydrogen", "6g", "technology", "not to 'hydrogen'"),
    ],
)
def test_a_wrong_place_is_told_with_the_right_one(field: str, technology: str, place: str, named: str) -> None:
    (mistake,) = load_atlas().mistakes(field, technology)
    assert mistake.field == place
    assert named in mistake.text.en
    assert mistake.text.ko != mistake.text.en


def test_no_place_and_every_right_place_are_taken() -> None:
    atlas = load_atlas()
    assert atlas.mistakes("", "") == []
    for technology in atlas.technologies:
        assert atlas.mistakes(technology.field, technology.id) == atlas.mistakes(technology.field, "") == []
