"""`kgenesis campaign …`: list, show, log, verify, report, export, stop, resume."""

import json
import sqlite3
import zipfile

import pytest
from program import Cli


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One campaign of six experiments, for all tests that only look."""
    cli = Cli(tmp_path_factory.mktemp("done"))
    cli.inside("run", cli.write(), "--quiet", "--no-report")
    return cli


def test_list_shows_every_campaign(done):
    said = done.inside("campaign", "list").stdout
    assert "a-valley" in said
    assert "6/6" in said
    assert "budget spent" in said
    (card,) = json.loads(done.inside("campaign", "list", "--json").stdout)["campaigns"]
    assert card["id"].startswith("cmp_")
    assert card["n_measured"] == 6


def test_an_empty_list_is_no_error_and_makes_no_store(cli):
    assert "no campaign yet" in cli.inside("campaign", "list").stderr
    assert json.loads(cli.inside("campaign", "list", "--json").stdout) == {"campaigns": []}
    assert not cli.store.exists()


def test_show_says_where_it_stands(done):
    said = done.inside("campaign", "show", "last", lang="ko").stdout
    assert "측정 6" in said
    data = json.loads(done.inside("campaign", "show", "last", "--json").stdout)
    assert data["state"] == "experiments"
    assert data["is_running"] is False
    assert data["lab_version"]


def test_a_campaign_is_found_by_the_beginning_of_its_id(done):
    campaign = json.loads(done.inside("campaign", "show", "last", "--json").stdout)["campaign"]
    for name in (campaign, campaign[:9], campaign.removeprefix("cmp_")[:6]):
        assert json.loads(done.inside("campaign", "show", name, "--json").stdout)["campaign"] == campaign


def test_the_log_has_every_event_in_order(done):
    lines = done.inside("campaign", "log", "last").stdout.splitlines()
    events = [json.loads(line) for line in done.inside("campaign", "log", "last", "--json").stdout.splitlines()]
    assert [int(line.split()[0]) for line in lines] == [e["version"] for e in events] == list(range(1, len(lines) + 1))
    assert events[0]["type"] == "campaign.opened"
    assert events[-1]["type"] == "campaign.stopped"
    assert "x1=" in next(line for line in lines if "experiment.proposed" in line)


def test_following_ends_with_the_campaign(done):
    assert "campaign.stopped" in done.inside("campaign", "log", "last", "--follow").stdout


def test_verify_finds_what_was_altered(done, tmp_path):
    assert "all as they were written" in done.inside("campaign", "verify").stderr
    cli = Cli(tmp_path)
    source, copy = sqlite3.connect(done.store), sqlite3.connect(cli.store)
    source.backup(copy)
    copy.execute("UPDATE event SET body = replace(body, '\"seed\":0', '\"seed\":1') WHERE version = 1")
    copy.commit()
    source.close()
    copy.close()
    found = json.loads(cli.inside("campaign", "verify", "--json", rc=1).stdout)
    assert found["is_intact"] is False
    assert found["broken"][0]["version"] == 1
    assert cli.inside("campaign", "verify", "last", rc=1).stderr


def test_the_report_is_written_where_asked_in_every_form(done):
    said = done.inside("campaign", "report", "last", "-o", "out", "-f", "html", "-f", "json", "--csv").stdout
    assert len(said.splitlines()) == 3
    assert {path.suffix for path in (done.folder / "out").iterdir()} == {".html", ".json", ".csv"}
    assert "'pdf'" in done.inside("campaign", "report", "last", "-f", "pdf", rc=2).stderr


@pytest.mark.parametrize("suffix", [".csv", ".json", ".html", ".jsonl", ".yaml"])
def test_one_file_is_what_its_suffix_says(done, suffix):
    done.inside("campaign", "export", "last", "-o", f"one{suffix}", "--force")
    assert (done.folder / f"one{suffix}").stat().st_size > 100


def test_a_bundle_has_everything_and_runs_again(done, tmp_path):
    done.inside("campaign", "export", "last", "-o", "all.zip", "--force")
    with zipfile.ZipFile(done.folder / "all.zip") as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path)
    assert {"manifest.json", "mission.yaml", "events.jsonl", "experiments.csv", "report.json", "report.html"} <= names
    again = Cli(tmp_path)
    again.inside("run", "mission.yaml", "--quiet", "--no-report")
    assert conditions(again) == conditions(done)


def conditions(cli):
    events = [json.loads(line) for line in cli.inside("campaign", "log", "last", "--json").stdout.splitlines()]
    return [e["body"]["conditions"] for e in events if e["type"] == "experiment.proposed"]


def test_what_exists_is_not_written_over(done):
    done.inside("campaign", "export", "last", "-o", "once.csv", "--force")
    assert "exists already" in done.inside("campaign", "export", "last", "-o", "once.csv", rc=2).stderr


def test_an_ended_campaign_goes_on_only_with_more_budget(cli, mission):
    cli.inside("run", mission, "--quiet", "--no-report", "--budget", "2")
    assert cli.inside("campaign", "resume", "last", rc=3).stderr.startswith("[campaign.ended]")
    assert "cannot be 1" in cli.inside("campaign", "resume", "last", "--budget", "1", rc=2).stderr
    said = cli.inside("campaign", "resume", "last", "--budget", "4", "--no-report", "--json").stdout
    assert json.loads(said)["experiments"]["measured"] == 4


def test_a_campaign_that_nobody_runs_is_stopped_at_once(cli, mission):
    cli.inside("open", mission)
    assert "has ended" in cli.inside("campaign", "stop", "last", "--reason", "no money").stderr
    assert "no money" in cli.inside("campaign", "log", "last").stdout
    assert json.loads(cli.inside("campaign", "stop", "last", "--json").stdout)["state"] == "asked"
