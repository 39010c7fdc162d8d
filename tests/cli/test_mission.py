"""A mission from its charter to the annual report, through the real command line; and what is refused on the way."""

import json
import os
import re
import signal
import sqlite3
import time
from datetime import UTC, datetime

import pytest
import yaml

from kgenesis.app.mission_files import builtin_missions

FILE = """\
kgenesis: 1
name: a-valley
title: {en: "A valley", ko: "골짜기"}
field: secondary-battery
technology: lithium-ion-cell
space:
  factors:
    - {name: x1, type: real, low: -5, high: 10, unit: mm}
    - {name: x2, type: real, low: 0, high: 15, unit: mm}
objectives:
  - {name: value, goal: minimize, unit: MPa, target: 12}
cost: {amount: 1000, unit: KRW}
lab: {name: synthetic, settings: {function: branin}}
planner: sobol
budget: {experiments: 4}
reference: {planner: random, repeats: 10, experiments: 40}
"""
CHARTER = {
    "name": "to-the-bottom",
    "title": {"en": "To the bottom", "ko": "바닥까지"},
    "statement": {"en": "Below 4000 kPa.", "ko": "4000 kPa 아래로."},
    "technologies": ["lithium-ion-cell"],
    "director": "Kim",
    "partners": [{"name": "Lee", "role": {"en": "the oven", "ko": "가마"}}],
    "kpis": [
        {"outcome": "value", "goal": "minimize", "unit": "kPa", "target": 4000,
         "possible": {"low": 397.887, "why": {"en": "the minimum of Branin", "ko": "브라닌의 최솟값"}}},
    ],
    "milestones": [
        {"name": "half-way", "title": {"en": "Half way", "ko": "절반"}, "due": {"experiments": 20},
         "exam": "best_value <= 20000"},
    ],
    "budget": {"experiments": 24, "won": 100000},
    "mission_files": ["mission.yaml"],
}  # fmt: skip


@pytest.fixture
def charter(cli):
    """Return a writer of the charter with some keys changed; the mission file lies beside it."""
    cli.write(FILE)

    def write(name="charter.yaml", **changes):
        return cli.write(yaml.safe_dump(CHARTER | changes, allow_unicode=True), name)

    return write


def opened(cli, *arguments):
    return cli.inside("mission", "open", *arguments, "--as", "Kim").stdout.strip().splitlines()[-1]


def ran(cli, mission, *arguments, rc=0):
    return cli.inside("mission", "run", mission, "--as", "Lee", "--quiet", "--no-report", *arguments, rc=rc)


def status(cli, mission):
    return json.loads(cli.inside("mission", "status", mission, "--json").stdout)


def seen(cli):
    """Return how many events the store has; 0 without one."""
    if not cli.store.exists():
        return 0
    with sqlite3.connect(cli.store) as store:
        return store.execute("select count(*) from event").fetchone()[0]


def test_a_mission_from_its_charter_to_the_annual_report(cli, charter, tmp_path):
    cli.write(FILE)
    cli.inside("reference", "make", "mission.yaml")
    assert "It can be opened" in cli.inside("mission", "check", charter()).stderr
    id_ = opened(cli, charter())
    assert status(cli, id_)["state"] == "opened"

    ran(cli, id_)
    first = status(cli, id_)
    assert first["state"] == "running"
    assert first["experiments"] == {"finished": 4, "failed": 0, "proposed": 4, "budget": 24}
    assert first["milestones"][0]["state"] == "passed"
    assert first["won"]["spent"] == 4000
    assert not first["kpis"][0]["is_reached"]

    # the second campaign follows the same file with another seed, and is long enough to get there
    cli.write(FILE.replace("experiments: 4", "experiments: 20").replace("planner: sobol", "planner: model"))
    said = ran(cli, id_)
    assert "to-the-bottom is met" in said.stderr
    second = status(cli, id_)
    assert second["state"] == "met"
    assert [campaign["seed"] for campaign in second["campaigns"]] == [0, 1]
    (kpi,) = second["kpis"]
    campaign = json.loads(cli.inside("campaign", "show", kpi["reached_by"]["campaign"], "--json").stdout)
    assert kpi["best"] == pytest.approx(1000 * campaign["best"]["outcomes"]["value"]["mean"])
    assert kpi["reached_by"]["value"] <= 4000
    assert second["experiments"]["proposed"] <= 24

    for lang, words in (("en", "To the bottom"), ("ko", "바닥까지")):
        assert words in cli.inside("mission", "show", id_, lang=lang).stdout
        assert "kPa" in cli.inside("mission", "status", id_, lang=lang).stdout
    history = json.loads(cli.inside("mission", "history", id_, "--json").stdout)["events"]
    assert [event["type"] for event in history] == [
        "mission.drafted", "mission.opened", "mission.campaign-joined", "mission.milestone-passed",
        "mission.campaign-joined", "mission.met",
    ]  # fmt: skip
    assert (history[2]["actor"], history[2]["role"]) == ("Lee", "partner")
    listed = {m["name"]: m for m in json.loads(cli.inside("mission", "list", "--json").stdout)["missions"]}
    assert (listed["to-the-bottom"]["state"], listed["to-the-bottom"]["lab"]) == ("met", "synthetic")

    _check_scoreboard(cli, id_, tmp_path)
    _check_report(cli, id_, kpi, tmp_path)


def _check_scoreboard(cli, id_, tmp_path):
    board = json.loads(cli.inside("mission", "scoreboard", "--json").stdout)
    (row,) = [row for row in board["rows"] if row["key"] == id_]
    assert (row["n_campaigns"], row["targets_reached"], row["state"]) == (2, 1, "met")
    gain = row["acceleration"]
    first, second = (c["acceleration"] for c in status(cli, id_)["campaigns"])
    assert first["bound"] == "at-most"
    assert gain["geometric_mean"] == pytest.approx((first["value"] * second["value"]) ** 0.5)
    assert gain["interval"][0] <= gain["geometric_mean"] <= gain["interval"][1]
    assert (gain["n_campaigns"], gain["n_at_most"], gain["n_undecided"]) == (2, 1, 0)
    assert gain["goal"] == 2
    for by in ("technology", "field", "programme"):
        other = json.loads(cli.inside("mission", "scoreboard", "--by", by, "--json").stdout)
        assert other["total"] == board["total"]
        assert all(r["experiments"] == row["experiments"] for r in other["rows"])
    for lang in ("en", "ko"):
        page = tmp_path / f"board.{lang}.html"
        cli.inside("mission", "scoreboard", "--html", str(page), lang=lang)
        text = page.read_text(encoding="utf-8")
        assert f'<html lang="{lang}">' in text
        assert "<svg" in text
        assert "<script" not in text
        names = {"en": "Experiments (failed)", "ko": "실험(실패)"}
        assert f'<td data-name="{names[lang]}">' in text, "on a narrow screen a cell says what it is"
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)) > 0


def _check_report(cli, id_, kpi, tmp_path):
    year = datetime.now(UTC).year
    report = json.loads(cli.inside("mission", "report", "--year", str(year), "--json").stdout)
    assert [section["heading"]["en"][:2] for section in report["sections"]][:6] == ["1.", "2.", "3.", "4.", "5.", "6."]
    outcomes = report["sections"][3]
    assert any(kpi["reached_by"]["experiment"] in sentence["en"] for sentence in outcomes["sentences"])
    assert outcomes["tables"][0]["rows"][0][3] == kpi["reached_by"]["experiment"]
    assert all(section["sources"] for section in report["sections"])
    for lang, words in (("en", "Nothing is logged for this"), ("ko", "기록된 것이 없습니다")):
        page, text = tmp_path / f"r.{lang}.html", tmp_path / f"r.{lang}.md"
        cli.inside("mission", "report", "--html", str(page), "--markdown", str(text), lang=lang)
        assert words in text.read_text(encoding="utf-8")
        assert "15 January" in page.read_text(encoding="utf-8") or "1월 15일" in page.read_text(encoding="utf-8")
    before = json.loads(cli.inside("mission", "report", "--year", str(year - 1), "--json").stdout)
    assert all("Nothing is logged" in section["sentences"][0]["en"] for section in before["sections"])
    cli.inside("mission", "report", "--year", str(year + 1), rc=2)
    assert id_ in json.dumps(report)


@pytest.mark.parametrize(
    ("changes", "words", "korean"),
    [
        ({"kpis": [CHARTER["kpis"][0] | {"target": 300}]}, "outside the possible", "가능한 범위"),
        ({"kpis": [CHARTER["kpis"][0] | {"unit": "mm"}]}, "cannot be read as", "바꿀 수 없습니다"),
        ({"kpis": [CHARTER["kpis"][0] | {"unit": "flurbs"}]}, "is not known", "알 수 없습니다"),
        ({"kpis": [CHARTER["kpis"][0] | {"outcome": "yield"}], "milestones": []}, "no mission file measures", "재지 않습니다"),
        ({"milestones": [CHARTER["milestones"][0] | {"exam": "best_valve < 3"}]}, "did you mean best_value", "기록되지 않습니다"),
        ({"milestones": [CHARTER["milestones"][0] | {"exam": "n_experiments > 24"}]}, "can never hold", "참이 될 수 없습니다"),
        ({"mission_files": ["nowhere.yaml"]}, "no file and no built-in mission", "내장 미션도 없습니다"),
        ({"director": ""}, "lacks director", "초안"),
        ({"budget": None, "technologies": []}, "lacks technologies, budget", "초안"),
        ({"question": "qst_nowhere"}, "no question in this store", "질문이 없습니다"),
        ({"kpi": 1}, "there is no such key here", "여기에 없는 키"),
    ],
)  # fmt: skip
def test_a_charter_that_cannot_be_kept_is_refused_whole(cli, charter, changes, words, korean):
    path = charter(**changes)
    assert words in cli.inside("mission", "open", path, "--as", "Kim", rc=2).stderr
    assert korean in cli.inside("mission", "open", path, "--as", "Kim", rc=2, lang="ko").stderr
    assert not cli.store.exists()


def test_a_target_that_the_laboratory_knows_to_be_impossible_is_refused_and_nothing_is_written(cli, charter):
    file = builtin_missions()["kem-parameters"].read_text(encoding="utf-8").replace("target: 2464", "target: 40")
    cli.write(file, "tiny.yaml")
    for command in (["check"], ["open", "--as", "Kim"]):
        said = cli.inside("mission", command[0], "tiny.yaml", *command[1:], rc=2)
        assert "40 byte: size lies between 64 and inf byte" in said.stderr
        assert "kgenesis mission check" in said.stderr
    assert "가능한 범위는 64" in cli.inside("mission", "check", "tiny.yaml", rc=2, lang="ko").stderr
    cli.inside("run", "tiny.yaml", rc=2)
    kpi = {"outcome": "size", "goal": "minimize", "unit": "byte", "target": 40}
    promised = charter(kpis=[kpi], milestones=[], mission_files=["kem-parameters"], budget={"experiments": 40})
    assert "in the lab kem-parameters, size lies between" in cli.inside("mission", "check", promised, rc=2).stderr
    assert not cli.store.exists()
    possible = charter(
        kpis=[kpi | {"target": 2000}], milestones=[], mission_files=["kem-parameters"], budget={"experiments": 40}
    )
    assert "Nothing is said of what is possible" not in cli.inside("mission", "check", possible).stderr


def test_a_laboratory_that_is_not_installed_here_is_judged_where_it_runs(cli, charter):
    cli.write(FILE.replace("lab: {name: synthetic, settings: {function: branin}}", "lab: {name: a-partners-rig}"))
    assert "It can be opened" in cli.inside("mission", "check", charter()).stderr


def test_an_exam_that_the_mission_files_never_decide_is_refused(cli, charter):
    cli.write(FILE.replace("cost: {amount: 1000, unit: KRW}\n", "").replace(", target: 12", ""))
    for exam in ("cost >= 3", "acceleration_low >= 2"):
        path = charter(milestones=[CHARTER["milestones"][0] | {"exam": exam}])
        assert "never decidable" in cli.inside("mission", "check", path, rc=2).stderr


def test_only_the_director_steers_and_every_refusal_leaves_the_log_as_it_was(cli, charter):
    assert "the charter knows no 'Lee Jr'" in cli.inside("mission", "open", charter(), "--as", "Lee Jr", rc=3).stderr
    assert not cli.store.exists()
    id_ = opened(cli, charter())
    n = seen(cli)
    again = charter("again.yaml", title="Again")
    pivot = ("mission", "pivot", id_, again, "--reason", "cheaper oven")
    assert "only the director, Kim" in cli.inside(*pivot, "--as", "Lee", rc=3).stderr
    assert "책임자 Kim만" in cli.inside(*pivot, "--as", "Lee", rc=3, lang="ko").stderr
    cli.inside("mission", "pause", id_, "--as", "Park", "--reason", "x", rc=3)
    assert "a reason is needed" in cli.inside("mission", "stop", id_, "--as", "Kim", rc=2).stderr
    cli.inside("mission", "open", charter(), "--as", "Kim", rc=3)
    cli.inside("mission", "run", "nobody", rc=2)
    assert seen(cli) == n
    cli.inside("mission", "pause", id_, "--as", "Kim", "--reason", "holidays")
    assert "paused" in ran(cli, id_, rc=3).stderr
    cli.inside("mission", "resume", id_, "--as", "Kim")
    cli.inside(*pivot, "--as", "Kim")
    assert status(cli, id_)["state"] == "pivoted"
    cli.inside("mission", "stop", id_, "--as", "Kim", "--reason", "no oven")
    ran(cli, id_, rc=3)


def test_the_budget_is_one_for_all_campaigns(cli, charter):
    id_ = opened(cli, charter(budget={"experiments": 6}, milestones=[], kpis=[CHARTER["kpis"][0] | {"target": 398}]))
    ran(cli, id_)
    ran(cli, id_)
    assert [campaign["experiments"] for campaign in status(cli, id_)["campaigns"]] == [4, 2]
    refused = ran(cli, id_, rc=3)
    assert "all 6 experiments are spent" in refused.stderr
    assert len(status(cli, id_)["campaigns"]) == 2


def test_won_are_counted_over_campaigns(cli, charter):
    id_ = opened(cli, charter(budget={"experiments": 20, "won": 6000}, kpis=[CHARTER["kpis"][0] | {"target": 398}]))
    ran(cli, id_)
    ran(cli, id_)
    assert status(cli, id_)["won"] == {"spent": 6000, "budget": 6000}
    assert "6,000 of 6,000 won" in ran(cli, id_, rc=3).stderr


def test_a_campaign_joins_if_it_measures_the_number_and_the_budget_allows_it(cli, charter):
    cli.write(FILE)
    cli.inside("run", "mission.yaml", "--quiet", "--no-report")
    own = json.loads(cli.inside("campaign", "list", "--json").stdout)["campaigns"][0]["id"]
    cli.write("x1,x2,depth\n" + "".join(f"{x},{x},{x * x}\n" for x in range(8)), "holes.csv")
    foreign = FILE.replace("name: value", "name: depth").replace("a-valley", "a-hole").replace(
        "name: synthetic, settings: {function: branin}", "name: table, settings: {path: holes.csv}"
    )  # fmt: skip
    cli.inside("run", cli.write(foreign, "foreign.yaml"), "--quiet", "--no-report")
    other = json.loads(cli.inside("campaign", "list", "--json").stdout)["campaigns"][0]["id"]
    weight = FILE.replace("unit: MPa", "unit: kg").replace("a-valley", "a-weight")
    cli.inside("run", cli.write(weight, "weight.yaml"), "--quiet", "--no-report")
    heavy = json.loads(cli.inside("campaign", "list", "--json").stdout)["campaigns"][0]["id"]
    id_ = opened(cli, charter(budget={"experiments": 7}, milestones=[]))
    assert "measures no KPI" in cli.inside("mission", "join", id_, other, "--as", "Lee", rc=3).stderr
    assert "cannot be read as" in cli.inside("mission", "join", id_, heavy, "--as", "Lee", rc=3).stderr
    cli.inside("mission", "join", id_, own, "--as", "Lee")
    assert status(cli, id_)["experiments"]["finished"] == 4
    assert "already" in cli.inside("mission", "join", id_, own, "--as", "Lee", rc=3).stderr
    cli.inside("run", "mission.yaml", "--quiet", "--no-report", "--seed", "9")
    second = json.loads(cli.inside("campaign", "list", "--json").stdout)["campaigns"][0]["id"]
    assert "the campaign has 4" in cli.inside("mission", "join", id_, second, "--as", "Lee", rc=3).stderr
    rows = json.loads(cli.inside("mission", "scoreboard", "--json").stdout)["rows"]
    assert {row["key"]: row["experiments"] for row in rows} == {id_: 4, "a-hole": 4, "a-weight": 4, "a-valley": 4}


def test_a_mission_file_without_a_charter_is_a_promise_by_itself(cli):
    id_ = opened(cli, cli.write(FILE.replace("target: 12", "target: 150")))
    ran_by_director = cli.inside("mission", "run", id_, "--as", "Kim", "--quiet", "--no-report")
    assert "a-valley is met" in ran_by_director.stderr
    battery = json.loads(cli.inside("mission", "open", "battery-fast-charge", "--as", "Kim", "--json").stdout)
    assert battery["charter"]["technologies"] == ["lithium-ion-cell"]
    assert [kpi["target"] for kpi in battery["kpis"]] == [29.4, 19.3]
    without = cli.write(FILE.replace(", target: 12", ""), "open-ended.yaml")
    assert "a promise needs a number" in cli.inside("mission", "open", without, "--as", "Kim", rc=2).stderr


def test_a_draft_is_kept_revised_and_opened_by_its_id(cli, charter):
    draft = charter(budget=None, milestones=[])
    id_ = cli.inside("mission", "draft", draft, "--as", "Kim").stdout.strip()
    assert "lacks budget" in cli.inside("mission", "open", id_, "--as", "Kim", rc=2).stderr
    whole = charter()
    assert cli.inside("mission", "draft", whole, "--as", "Kim").stdout.strip() == id_
    cli.inside("mission", "open", id_, "--as", "Kim")
    assert status(cli, id_)["state"] == "opened"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_template_can_be_opened_as_it_is(cli, lang):
    cli.write(FILE)
    cli.inside("mission", "new", "mine", "-m", "mission.yaml", "--as", "Kim", lang=lang)
    cli.inside("mission", "new", "mine", "-m", "mission.yaml", rc=2)
    cli.inside("mission", "check", "mine.yaml")
    assert opened(cli, "mine.yaml").startswith("mis_")
    cli.inside("mission", "new", "battery", "--as", "Kim", lang=lang)
    assert json.loads(cli.inside("mission", "check", "battery.yaml", "--json").stdout)["can_be_opened"]


@pytest.mark.slow
def test_a_mission_that_is_killed_goes_on_where_it_was(cli, charter):
    slow = FILE.replace("function: branin", "function: branin, seconds: 0.3").replace(
        "experiments: 4", "experiments: 8"
    )
    id_ = opened(cli, charter())
    cli.write(slow)
    running = cli.start("mission", "run", id_, "--as", "Lee", "--quiet", "--no-report")
    for _ in range(300):
        if seen(cli) >= 9:
            break
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    killed = status(cli, id_)
    assert (killed["state"], len(killed["campaigns"])) == ("running", 1)
    n = killed["experiments"]["finished"]
    assert 0 < n < 8
    ran(cli, id_)
    after = status(cli, id_)
    assert [campaign["id"] for campaign in after["campaigns"]] == [killed["campaigns"][0]["id"]]
    assert after["experiments"]["finished"] > n
    log = json.loads(cli.inside("campaign", "show", after["campaigns"][0]["id"], "--json").stdout)
    assert log["experiments"]["measured"] == after["experiments"]["finished"]
