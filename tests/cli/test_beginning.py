"""`kgenesis new`, `schema` and `doctor`."""

import json
from importlib.metadata import metadata

import jsonschema
import pytest
import yaml


@pytest.mark.parametrize("lab", ["synthetic", "table", "command", "python"])
def test_a_new_mission_runs_as_it_is(cli, lab):
    cli.inside("new", "mission", "first.yaml", "--lab", lab)
    data = json.loads(cli.inside("run", "first.yaml", "--budget", "3", "--no-report", "--json").stdout)
    assert data["experiments"]["measured"] == 3


def test_a_new_mission_for_people_gives_a_sheet(cli):
    said = cli.inside("new", "mission", "bench", "--lab", "people", lang="ko")
    assert "kgenesis suggest bench.yaml" in said.stderr
    cli.inside("suggest", "bench.yaml", "-n", "2", "-o", "next.csv")
    assert (cli.folder / "next.csv").is_file()


def test_a_file_that_exists_is_kept_unless_told_otherwise(cli):
    cli.inside("new", "mission")
    path = cli.folder / "my-mission.yaml"
    path.write_text("mine", encoding="utf-8")
    assert "exists already" in cli.inside("new", "mission", rc=2).stderr
    assert path.read_text(encoding="utf-8") == "mine"
    cli.inside("new", "mission", "--force")
    assert "objectives" in path.read_text(encoding="utf-8")


def test_a_new_lab_is_a_package(cli):
    folder = cli.inside("new", "lab", "tube-furnace").stdout.strip()
    assert (cli.folder / folder / "pyproject.toml").is_file()
    assert cli.inside("new", "lab", "Tube Furnace!", rc=2).stderr


def test_the_schema_accepts_good_missions_and_knows_bad_ones(cli, mission):
    schema = json.loads(cli.inside("schema", "mission").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    good = yaml.safe_load((cli.folder / mission).read_text(encoding="utf-8"))
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good | {"plannner": "random"}, schema)


def test_the_doctor_says_what_works(cli):
    found = json.loads(cli.inside("doctor", "--json").stdout)
    assert found["is_sound"]
    offered = set(metadata("kgenesis").get_all("Provides-Extra") or [])
    assert {part["name"] for part in found["parts"]} == offered
    assert found["store"]["place"] == str(cli.store)
    assert not cli.store.exists()
    said = cli.inside("doctor", lang="ko").stdout
    assert "K-Genesis가 동작합니다" in said
