"""`kgenesis import` and `campaign export --to`, as people and programs call them."""

import json
from pathlib import Path

from program import MISSION

FILES = Path(__file__).parents[1] / "app" / "exchange"


def test_what_another_program_wrote_is_gone_on_with(cli):
    said = cli.inside("import", str(FILES / "ax.json"), "--from", "ax", "-o", "in", "--json")
    told = json.loads(said.stdout)
    assert told["files"] == ["in/coupling-part-2.yaml", "in/coupling-part-2.results.csv"]
    assert told["experiments"] == 3
    assert any("1 trials" in note["en"] for note in told["notes"])
    cli.inside("open", told["files"][0])
    recorded = json.loads(cli.inside("record", "last", told["files"][1], "--json").stdout)
    assert len(recorded["added"]) == 3
    again = cli.inside("import", str(FILES / "ax.json"), "--from", "ax", "-o", "in", rc=2)
    assert "exists already" in again.stderr
    cli.inside("import", str(FILES / "ax.json"), "--from", "ax", "-o", "in", "--force")


def test_what_cannot_come_in_is_told_whole_and_nothing_is_written(cli):
    said = cli.inside("import", str(FILES / "baybe-pickled.json"), "--from", "baybe", "--json", rc=2)
    error = json.loads(said.stdout)["error"]
    assert error["code"] == "input.bad"
    assert [problem["field"] for problem in error["problems"]] == ["searchspace.discrete", "measurements_exp"]
    assert "none of ax, baybe, bofire" in cli.inside("import", "x", "--from", "excel", rc=2).stderr
    assert [path.name for path in cli.folder.iterdir() if path.suffix in {".yaml", ".csv"}] == []


def test_a_campaign_leaves_for_another_program_or_is_refused(cli, mission):
    cli.inside("run", mission, "--quiet", "--no-report")
    told = json.loads(cli.inside("campaign", "export", "last", "--to", "bofire", "-o", "out", "--json").stdout)
    assert told["files"] == ["out/domain.json", "out/experiments.csv"]
    assert len((cli.folder / "out" / "experiments.csv").read_text(encoding="utf-8").splitlines()) == 7
    logarithmic = MISSION.replace("low: 0, high: 15", "low: 1, high: 15, scale: log")
    assert logarithmic != MISSION
    cli.inside("open", cli.write(logarithmic))
    refused = cli.inside("campaign", "export", "last", "--to", "baybe", "-o", "no", rc=2)
    assert "x2: a logarithmic scale" in refused.stderr
    assert not (cli.folder / "no").exists()
