"""An accepted question becomes a mission that runs, or a draft that says what it lacks; nothing is made up."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from test_question import EXAMPLE, ask, judge, read, refused, shown

from kgenesis.app.mission_files import load_mission
from kgenesis.missions.spec import Charter


def accepted(cli, **changes):
    id_ = ask(cli, **changes)
    for by in ("Baek", "Cho"):
        judge(cli, id_, by, quote="Charging time of an LG M50 cell")
    cli.inside("question", "accept", id_, "--by", "Director")
    return id_


def accepted_plain(cli, **mission):
    """Accept a question without a mission to start from."""
    content = read()
    changes = {"name": "a-coating", "statement": "How fast can a coating be made?", "mission": mission}
    return accepted(cli, **(content | changes))


def compiled(cli, id_, *more):
    said = cli.inside("question", "to-mission", id_, "--by", "Director", "--out", "out", "--json", *more)
    return json.loads(said.stdout)


def test_the_whole_way_from_a_question_to_a_mission_that_loads(cli):
    """Propose, two reviews that disagree, sharpen, accept, compile: by the installed program."""
    id_ = cli.json("question", "propose", str(EXAMPLE), "--by", "Ahn", "--embedder", "lexical")["id"]
    judge(cli, id_, "Baek", score=2)
    judge(cli, id_, "Cho", score=5)
    sharper = read()
    sharper["target"]["value"] = 29.0
    cli.write(yaml.safe_dump(sharper, allow_unicode=True), "sharper.yaml")
    cli.inside("question", "sharpen", id_, "sharper.yaml", "--by", "Ahn", "--why", "tighter")
    cli.inside("question", "accept", id_, "--by", "Director")
    made = cli.json("question", "to-mission", id_, "--by", "Director", "--out", "fast")
    assert made["runs"]
    mission = load_mission(str(cli.folder / "fast" / "mission.yaml")).mission
    assert mission.name == "charge-in-half-an-hour"
    assert mission.field == "secondary-battery"
    assert {o.name: o.target for o in mission.objectives} == {"charge_time": 29.0, "plated": 19.3}
    assert mission.space == load_mission("battery-fast-charge").mission.space
    charter = Charter.model_validate(yaml.safe_load((cli.folder / "fast" / "charter.yaml").read_text("utf-8")))
    assert charter.question == id_
    assert charter.mission_files == ("mission.yaml",)
    assert [(k.outcome, k.target, k.unit) for k in charter.kpis] == [("charge_time", 29.0, "min")]
    found = shown(cli, id_)
    assert found["status"] == "mission"
    assert found["outcome"]["mission"] == "charge-in-half-an-hour"
    for file, digest in found["outcome"]["files"].items():
        assert hashlib.sha256((cli.folder / "fast" / file).read_bytes()).hexdigest() == digest
    assert {m["field"] for m in made["missing"]} == {"charter.director", "charter.milestones"}
    own, start = load_mission(str(cli.folder / "fast" / "mission.yaml")), load_mission("battery-fast-charge")
    assert own.shipped_reference.read_bytes() == start.shipped_reference.read_bytes()
    assert own.mission.reference_key == start.mission.reference_key, "it is compared with what its start is"
    checked = cli.inside("mission", "check", "fast/charter.yaml", "--json")
    assert [m["field"] for m in json.loads(checked.stdout)["missing"]] == ["director"]
    elsewhere = cli.inside("mission", "check", "fast/charter.yaml", "--store", "other.db", rc=2)
    assert f"no question in this store has the id '{id_}'" in elsewhere.stderr
    assert not (cli.folder / "other.db").exists()
    refused(cli, "question", "to-mission", id_, "--by", "Director", "--out", "again", rc=3)
    assert not (cli.folder / "again").exists()


def test_a_question_alone_makes_a_draft_that_names_what_it_lacks_and_invents_no_factor(cli):
    made = compiled(cli, accepted_plain(cli))
    assert not made["runs"]
    assert {m["field"] for m in made["missing"]} == {
        "space", "lab", "budget", "charter.director", "charter.milestones", "charter.budget", "charter.mission_files"
    }  # fmt: skip
    text = (cli.folder / "out" / "mission.draft.yaml").read_text("utf-8")
    data = yaml.safe_load(text)
    assert set(data) == {"kgenesis", "name", "title", "field", "technology", "objectives"}
    assert data["objectives"][0]["target"] == read()["target"]["value"]
    assert "#   - space:" in text
    assert not (cli.folder / "out" / "mission.yaml").exists()
    Charter.model_validate(yaml.safe_load((cli.folder / "out" / "charter.yaml").read_text("utf-8")))


def test_factors_lab_and_budget_that_the_question_names_make_a_mission(cli):
    factors = [{"type": "real", "name": "speed", "low": 10, "high": 100, "unit": "m/min"}]
    made = compiled(cli, accepted_plain(cli, factors=factors, lab="people", experiments=30))
    assert made["runs"]
    mission = load_mission(str(cli.folder / "out" / "mission.yaml")).mission
    assert mission.space.names == ("speed",)
    assert mission.budget.experiments == 30


def test_factors_that_are_wrong_are_said_and_the_draft_does_not_pass_for_whole(cli):
    factors = [{"type": "real", "name": "speed", "low": 100, "high": 10, "unit": "m/min"}]
    made = compiled(cli, accepted_plain(cli, factors=factors, lab="people", experiments=30))
    assert not made["runs"]
    assert any(m["field"].startswith("space.factors[0]") for m in made["missing"])


@pytest.mark.parametrize(
    ("outcome", "target", "words"),
    [
        ("", None, "not said"),
        ("nothing_like_it", None, "not said"),
        ("charge_time", {"goal": "maximize", "value": 40, "current_best": 31.64, "source": "b"}, "maximize"),
        ("charge_time", {"unit": "kg"}, "kg"),
    ],
)
def test_a_target_that_the_mission_does_not_measure_is_said_and_not_forced_on_it(cli, outcome, target, words):
    content = read()
    content["target"] |= target or {}
    content["mission"]["outcome"] = outcome
    made = compiled(cli, accepted(cli, **content))
    (lack,) = (m for m in made["missing"] if m["field"] == "objectives")
    assert words in lack["text"]["en"]
    before = load_mission("battery-fast-charge").mission
    assert load_mission(str(cli.folder / "out" / "mission.yaml")).mission.objectives == before.objectives


def test_a_target_in_another_unit_is_converted(cli):
    content = read()
    content["target"] |= {"unit": "s", "value": 1800, "current_best": 1898.4}
    compiled(cli, accepted(cli, **content))
    mission = load_mission(str(cli.folder / "out" / "mission.yaml")).mission
    assert next(o.target for o in mission.objectives if o.name == "charge_time") == 30.0


def test_a_mission_that_is_not_there_is_refused_and_nothing_is_written(cli):
    content = read()
    content["mission"]["start_from"] = "cold-fusion"
    id_ = accepted(cli, **content)
    refused(cli, "question", "to-mission", id_, "--by", "Director", "--out", "out")
    assert not (cli.folder / "out").exists()


def test_files_that_are_there_are_not_written_over_unless_asked(cli):
    id_ = accepted(cli)
    (cli.folder / "out").mkdir()
    (cli.folder / "out" / "charter.yaml").write_text("mine", encoding="utf-8")
    refused(cli, "question", "to-mission", id_, "--by", "Director", "--out", "out")
    assert sorted(p.name for p in Path(cli.folder / "out").iterdir()) == ["charter.yaml"]
    compiled(cli, id_, "--force")
    assert (cli.folder / "out" / "charter.yaml").read_text("utf-8") != "mine"


def test_a_question_that_is_not_accepted_is_refused(cli):
    refused(cli, "question", "to-mission", ask(cli), "--by", "Director", "--out", "out", rc=3)
    assert not (cli.folder / "out").exists()
