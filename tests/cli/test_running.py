"""`kgenesis run`: what it shows, what it prints, what it leaves behind."""

import json
import re

import pytest
from program import MISSION

RIG = """\
from pathlib import Path

def measure(conditions):
    if not Path(__file__).with_name("on").exists():
        raise ConnectionRefusedError("nobody answers")
    return {"value": conditions["x1"]}
"""


def test_json_is_one_object_with_the_numbers_of_the_campaign(cli, mission):
    done = cli("run", mission, "--json")
    data = json.loads(done.stdout)
    assert {"campaign", "experiments", "best", "target_reached", "acceleration", "store", "report"} <= set(data)
    assert data["experiments"] == {"proposed": 6, "measured": 6, "failed": 0}
    assert data["target_reached"] is False
    assert set(data["best"]["conditions"]) == {"x1", "x2"}
    assert data["store"] == str(cli.store)
    assert (cli.folder / data["report"]).is_file()
    assert done.stderr == ""  # progress is for terminals only


def test_without_a_terminal_every_finished_experiment_is_one_line(cli, mission):
    lines = cli.inside("run", mission, "--report", "page").stdout.splitlines()
    told = [line for line in lines if re.match(r"^ +\d+/6  #\d+  value .* MPa  ", line)]
    assert [line.split()[0] for line in told] == [f"{i}/6" for i in range(1, 7)]
    report = lines[-1].removeprefix("Report: ")
    assert report.startswith(str(cli.folder / "page"))


def test_the_summary_has_the_sentence_the_best_conditions_and_the_cost(cli):
    file = cli.write(MISSION.replace("unit: MPa}", "unit: MPa, target: 100}"))
    said = cli.inside("run", file, "--no-report", lang="ko").stdout
    assert "목표" in said
    assert "최고:" in said
    assert re.search(r"x1 +-?[\d.]+ +mm", said)
    assert re.search(r"→ value +-?[\d.]+ +MPa +목표 ≤ 100", said)
    assert "실험" in said
    assert "보고서" not in said


def test_quiet_shows_no_progress(cli, mission):
    assert "1/6" not in cli.inside("run", mission, "--quiet", "--no-report").stdout


def test_options_replace_what_the_mission_says(cli, mission):
    data = cli.json(
        "run", mission, "--budget", "3", "--workers", "2", "--planner", "sobol", "--seed", "7", "--no-report"
    )
    assert data["experiments"]["proposed"] == 3
    assert data["report"] is None
    opened = json.loads(cli.inside("campaign", "log", "last", "--json").stdout.splitlines()[0])["body"]
    assert opened["seed"] == 7
    assert opened["mission"]["parallel"] == 2
    assert opened["mission"]["budget"] == {"experiments": 3}
    assert opened["mission"]["planner"]["name"] == "sobol"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_campaign_with_any_number_of_processes(cli):
    file = cli.write(MISSION + "parallel: 2\n")
    cli("run", file, "--quiet", "--no-report")
    first = conditions(cli)
    cli("run", file, "--quiet", "--no-report")
    assert conditions(cli) == first
    cli("run", file, "--quiet", "--no-report", "--seed", "1")
    assert conditions(cli) != first


def conditions(cli):
    events = [json.loads(line) for line in cli.inside("campaign", "log", "last", "--json").stdout.splitlines()]
    return [e["body"]["conditions"] for e in events if e["type"] == "experiment.proposed"]


def test_a_mission_for_people_is_not_run(cli):
    file = cli.write(MISSION.replace("lab: {name: synthetic, settings: {function: branin}}", "lab: people"))
    said = cli.inside("run", file, rc=2).stderr
    assert "kgenesis suggest" in said
    assert not cli.store.exists()


def test_failures_are_shown_with_their_reasons(cli):
    file = cli.write(MISSION.replace("function: branin", "function: branin, failure_rate: 0.5"))
    said = cli.inside("run", file, "--no-report").stdout
    assert "failed (crashed)" in said
    assert re.search(r"[1-5] measured, [1-5] failed", said)


def test_a_lab_out_of_reach_pauses_the_campaign_and_says_how_to_go_on(cli):
    """The same function answers once the rig is switched on."""
    cli.write(RIG, "rig.py")
    lab = "lab: {name: python, settings: {function: 'rig:measure'}}"
    file = cli.write(MISSION.replace("lab: {name: synthetic, settings: {function: branin}}", lab))
    said = cli.inside("run", file, "--no-report", rc=1)
    assert "Paused after 5 experiments" in said.stderr
    assert "nobody answers" in said.stderr
    assert "kgenesis campaign resume cmp_" in said.stderr
    assert "멈췄습니다" in cli.inside("run", file, "--no-report", rc=1, lang="ko").stderr
    data = json.loads(cli.inside("run", file, "--no-report", "--json", rc=1).stdout)
    assert (data["state"], data["experiments"]["failed"]) == ("open", 5)
    assert "nobody answers" in data["paused_because"]["en"]
    cli.write("", "on")
    went_on = json.loads(cli.inside("campaign", "resume", data["campaign"], "--no-report", "--json").stdout)
    assert went_on["state"] == "experiments"
    assert went_on["experiments"] == {"proposed": 6, "measured": 1, "failed": 5}


@pytest.mark.slow
def test_the_main_job_runs_and_reaches_its_target(cli):
    data = cli.json("run", "battery-fast-charge", "--seed", "7")
    assert data["target_reached"]
    assert data["acceleration"]["value"] > 1
    assert (cli.folder / data["report"]).stat().st_size > 10_000
