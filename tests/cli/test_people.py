"""`open`, `suggest` and `record`: proposals out, results back."""

import csv
import json

import pytest
from program import MISSION

PEOPLE = MISSION.replace("lab: {name: synthetic, settings: {function: branin}}", "lab: people")


def filled(path, values, **changes):
    """Fill in the outcome of every row of a sheet."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, value in zip(rows, values, strict=True):
        row.update({"value [MPa]": value}, **changes)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.fixture
def sheet(cli):
    cli.inside("suggest", cli.write(PEOPLE), "-n", "3", "-o", "next.csv")
    return cli.folder / "next.csv"


def test_a_mission_is_opened_suggested_recorded_and_ends_with_its_budget(cli, sheet):
    rows = filled(sheet, [3, 2, 1])
    assert len({row["experiment"] for row in rows}) == 3
    data = json.loads(cli.inside("record", "last", "next.csv", "--json").stdout)
    assert data["answered"] == [row["experiment"] for row in rows]
    assert data["best"]["outcomes"]["value"]["mean"] == 1
    assert data["experiments"] == {"proposed": 3, "measured": 3, "failed": 0}
    more = json.loads(cli.inside("suggest", "last", "-n", "9", "-o", "more.csv", "--json").stdout)
    assert len(more["experiments"]) == 3  # what the budget leaves
    filled(cli.folder / "more.csv", [4, 5, 6])
    assert json.loads(cli.inside("record", "last", "more.csv", "--json").stdout)["state"] == "experiments"
    assert cli.inside("suggest", "last", rc=3).stderr.startswith("[campaign.ended]")


@pytest.mark.slow
def test_the_real_program_suggests_and_records(cli):
    cli.write(PEOPLE)
    campaign = cli("open", "mission.yaml").stdout.strip()
    said = cli("suggest", campaign, "-n", "2", "-o", "next.csv")
    assert f"kgenesis record {campaign} next.csv" in said.stderr
    filled(cli.folder / "next.csv", [2, 1])
    assert "2 results taken" in cli("record", campaign, "next.csv").stderr


def test_proposals_can_be_done_again_with_a_value_fixed_and_say_why(cli, sheet):
    data = json.loads(cli.inside("suggest", "last", "--redo", "--fix", "x1=3.5", "--json").stdout)
    assert [e["conditions"]["x1"] for e in data["experiments"]] == [3.5, 3.5, 3.5]
    assert all("cover the space" in e["why_text"] for e in data["experiments"])
    again = json.loads(cli.inside("suggest", "last", "--pending", "--json").stdout)
    assert [e["experiment"] for e in again["experiments"]] == [e["experiment"] for e in data["experiments"]]
    filled(sheet, [3, 2, 1])
    refused = cli.inside("record", "last", "next.csv", rc=2)
    assert "was withdrawn" in refused.stderr
    shown = cli.inside("--lang", "ko", "suggest", "last", "--redo").stdout
    assert "공간을 고르게" in shown


def test_what_proposes_nothing_takes_no_wishes(cli, sheet):
    del sheet
    for wish in (["--redo"], ["--fix", "x1=1"], ["-n", "2"]):
        assert "--pending" in cli.inside("suggest", "last", "--pending", *wish, rc=2).stderr


def test_a_value_can_be_fixed(cli):
    cli.write(PEOPLE)
    data = json.loads(cli.inside("suggest", "mission.yaml", "-n", "2", "--fix", "x1=3.5", "--json").stdout)
    assert [e["conditions"]["x1"] for e in data["experiments"]] == [3.5, 3.5]


@pytest.mark.parametrize("given", ["x9=1", "x1=99", "x1=warm", "x1"])
def test_a_value_that_does_not_fit_is_refused(cli, given):
    cli.inside("open", cli.write(PEOPLE))
    assert given.split("=")[0] in cli.inside("suggest", "last", "--fix", given, rc=2).stderr
    assert json.loads(cli.inside("campaign", "list", "--json").stdout)["campaigns"][0]["n_proposed"] == 0


@pytest.mark.parametrize(
    ("value", "changes", "said"),
    [
        ("nan", {}, "finite"),
        ("inf", {}, "finite"),
        ("warm", {}, "number"),
        ("3 kg", {}, "kg"),
        ("3", {"experiment": "exp_of_another_00001"}, "exp_of_another_00001"),
        ("3", {"campaign": "cmp_another@00000000"}, "another"),
    ],
)
def test_a_bad_results_sheet_is_refused_whole(cli, sheet, value, changes, said):
    filled(sheet, ["1", value, "2"], **changes)
    before = cli.inside("campaign", "log", "last", "--json").stdout
    message = cli.inside("record", "last", "next.csv", rc=2).stderr
    assert said in message
    assert "next.csv:" in message
    assert cli.inside("campaign", "log", "last", "--json").stdout == before


def test_a_result_handed_in_twice_is_refused(cli, sheet):
    filled(sheet, [3, 2, 1])
    cli.inside("record", "last", "next.csv")
    assert "result already" in cli.inside("record", "last", "next.csv", rc=2).stderr


def test_a_sheet_somebody_may_have_filled_in_is_not_written_over(cli, sheet):
    before = sheet.read_bytes()
    assert "exists already" in cli.inside("suggest", "last", "-o", "next.csv", rc=2).stderr
    assert sheet.read_bytes() == before
    assert json.loads(cli.inside("campaign", "list", "--json").stdout)["campaigns"][0]["n_proposed"] == 3


def test_a_lost_sheet_can_be_written_again_without_proposing_more(cli, sheet):
    before = sheet.read_bytes()
    cli.inside("suggest", "last", "--pending", "-o", "again.csv")
    assert (cli.folder / "again.csv").read_bytes() == before
