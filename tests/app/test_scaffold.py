"""Templates that are valid as they are, and the schema that editors use."""

import jsonschema
import pytest
import yaml

from kgenesis.app.mission_files import builtin_missions, load_mission
from kgenesis.app.preflight import check_can_run
from kgenesis.app.scaffold import KINDS, in_language, mission_schema, write_mission
from kgenesis.kernel.errors import BadInput


@pytest.mark.parametrize("lab", KINDS)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_template_is_valid_and_its_lab_can_be_made(tmp_path, lab, lang):
    files = write_mission(tmp_path / "First Try.yaml", lab, lang)
    loaded = load_mission(str(files[0]))
    assert loaded.mission.name == "first-try"
    assert loaded.mission.lab.name == lab
    check_can_run(loaded)
    jsonschema.validate(yaml.safe_load(files[0].read_text(encoding="utf-8")), mission_schema())


@pytest.mark.parametrize("lab", KINDS)
def test_what_stands_behind_a_comment_sign_is_valid_once_the_sign_is_gone(tmp_path, lab):
    """People begin by taking comment signs away."""
    (path, *_) = write_mission(tmp_path / "m.yaml", lab, "en")
    text = path.read_text(encoding="utf-8")
    for commented in (
        "# hours: 8",
        "# cost: 1000000",
        "# cost: {amount",
        "# start:",
        "#   - {x1: 3",
        "#   - {temperature: 60",
    ):
        text = text.replace(commented, commented.removeprefix("# ").replace("#   -", "  -"))
    assert text != path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    mission = load_mission(str(path)).mission
    assert mission.budget.hours == 8
    assert mission.start


def test_comments_are_in_one_language_only(tmp_path):
    (english,) = write_mission(tmp_path / "en.yaml", "synthetic", "en")
    (korean,) = write_mission(tmp_path / "ko.yaml", "synthetic", "ko")
    comments = [line for line in english.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("#")]
    assert not any("가" <= c <= "힣" for line in comments for c in line)
    assert "예산" in korean.read_text(encoding="utf-8")
    assert in_language("a: 1\n  #en one\n  #ko 하나\n", "ko") == "a: 1\n  # 하나\n"


def test_nothing_is_written_if_any_of_the_files_exists(tmp_path):
    (tmp_path / "m.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput):
        write_mission(tmp_path / "m.yaml", "table", "en")
    assert not (tmp_path / "m.yaml").exists()
    assert len(write_mission(tmp_path / "m.yaml", "table", "en", may_replace=True)) == 2


def test_the_schema_describes_every_field_that_has_a_docstring():
    schema = mission_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(":1")
    assert schema["properties"]["parallel"]["description"].startswith("Experiments that may run")
    real = schema["$defs"]["Real"]["properties"]
    assert "`pint`" in real["unit"]["description"]  # from the class it inherits from
    budget = schema["$defs"]["Budget"]["properties"]
    assert "failed ones included" in budget["experiments"]["description"]


@pytest.mark.parametrize("short", [{"lab": "people"}, {"title": "one text"}, {"cost": 3}])
def test_the_schema_knows_the_short_forms(tmp_path, short):
    (path,) = write_mission(tmp_path / "m.yaml", "synthetic", "en")
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")) | short, mission_schema())


def test_the_schema_accepts_the_built_in_missions():
    for path in builtin_missions().values():
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), mission_schema())
