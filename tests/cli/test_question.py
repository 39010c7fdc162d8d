"""Questions through the command line: a whole life, and everything that is refused with nothing written."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from program import PROGRAM

from kgenesis.app.platform import open_platform

EXAMPLE = Path(__file__).parents[2] / "examples" / "question" / "fast-charge.yaml"


def read(path=EXAMPLE):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def put(cli, content, name="question.yaml"):
    return cli.write(yaml.safe_dump(content, allow_unicode=True), name)


def ask(cli, by="Ahn", **changes):
    """Propose the example, changed, and return its id."""
    said = cli.inside(
        "question", "propose", put(cli, read() | changes), "--by", by, "--anyway", "--embedder", "lexical", "--json"
    )
    return json.loads(said.stdout)["id"]


def judge(cli, id_, by, score=3, quote="by the shape of the current alone", rubric="aria", rc=0):
    names = {"aria": ["consequential", "under-explored", "ripe"]}[rubric]
    scores = {name: {"score": score, "quote": quote, "why": "because"} for name in names}
    put(cli, {"rubric": rubric, "scores": scores, "advice": "sharpen"}, "review.yaml")
    return cli.inside("question", "review", id_, "review.yaml", "--by", by, "--json", rc=rc)


def shown(cli, id_):
    return json.loads(cli.inside("question", "show", id_, "--json").stdout)


def written(cli):
    """Return every event of the store, None if there is no store."""
    if not cli.store.exists():
        return None
    store = open_platform(str(cli.store), read_only=True).store
    events = store.read_all()
    store.close()
    return events


def refused(cli, *arguments, rc=2):
    """Run a command that must fail and write nothing; return its error."""
    before = written(cli)
    error = json.loads(cli.inside(*arguments, "--json", rc=rc).stdout)["error"]
    assert written(cli) == before
    assert error["detail"]["ko"] != error["detail"]["en"]
    assert error["hint"]["ko"]
    return error


def fields(error):
    return {problem["field"] for problem in error["problems"]}


# ---- a life ---------------------------------------------------------------------------------------------------------


def test_a_question_is_judged_by_two_who_disagree_sharpened_and_accepted(cli):
    id_ = ask(cli)
    judge(cli, id_, "Baek", score=1)
    judge(cli, id_, "Cho", score=5, quote="전류의 모양만 바꾸어")
    found = shown(cli, id_)
    (rubric,) = found["rubrics"]
    assert {tuple(criterion["range"]) for criterion in rubric["criteria"]} == {(1, 5)}
    assert "mean" not in json.dumps(rubric)
    assert rubric["complete_by"] == ["Baek", "Cho"]
    assert found["gate"]["is_open"]
    sharper = read() | {"target": read()["target"] | {"value": 29.0}}
    said = cli.inside("question", "sharpen", id_, put(cli, sharper), "--by", "Ahn", "--why", "tighter", "--json")
    assert json.loads(said.stdout)["revision"] == 2
    changes = shown(cli, id_)["revisions"][1]["changes"]
    assert changes == [{"field": "target.value", "before": "29.4", "after": "29.0"}]
    cli.inside("question", "accept", id_, "--by", "Director", "--why", "worth it")
    found = shown(cli, id_)
    assert found["status"] == "accepted"
    assert found["route"]["advice"] == "mission"
    assert found["possible"] == ["to-mission", "prize", "prefer"]
    events = json.loads(cli.inside("question", "history", id_, "--json").stdout)["events"]
    assert [e["type"].partition(".")[2] for e in events] == [
        "proposed", "reviewed", "reviewed", "sharpened", "accepted"
    ]  # fmt: skip
    assert [e["body"]["by"] for e in events] == ["Ahn", "Baek", "Cho", "Ahn", "Director"]
    assert all(e["at"] for e in events)
    assert json.loads(cli.inside("campaign", "verify", "--json").stdout) == {
        "is_intact": True, "n_streams": 1, "n_events": 5, "broken": []
    }  # fmt: skip


def test_campaigns_do_not_see_questions(cli):
    ask(cli)
    assert json.loads(cli.inside("campaign", "list", "--json").stdout) == {"campaigns": []}
    cli.inside("campaign", "show", "last", rc=2)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_people_read_everything_in_their_language(cli, lang):
    id_ = ask(cli)
    judge(cli, id_, "Baek", score=1)
    judge(cli, id_, "Cho", score=5)
    for command in (["list"], ["show", id_], ["tree"], ["history", id_], ["rank"], ["rubrics"]):
        said = cli.inside("question", *command, lang=lang)
        text = said.stdout + said.stderr
        assert text.strip(), command
        if command[0] in {"list", "show"}:
            assert ("평가됨" if lang == "ko" else "reviewed") in text, command
    text = cli.inside("question", "show", id_, lang=lang).stdout
    assert "1–5" in text
    assert ("평가가 갈림" if lang == "ko" else "reviewers disagree") in text


def test_a_question_is_split_into_a_tree_and_asking_again_makes_nothing_twice(cli):
    id_ = ask(cli)
    parts = [put(cli, read() | {"name": f"part-{i}", "statement": f"Part {i} of it?"}, f"p{i}.yaml") for i in (1, 2)]
    # as after a crash between the children and the parent: one child is there already
    ask(cli, name="part-1", statement="Part 1 of it?", parent=id_)
    cli.inside("question", "split", id_, *parts, "--by", "Ahn", "--why", "two things", "--json")
    roots = json.loads(cli.inside("question", "tree", "--json").stdout)["questions"]
    assert [root["id"] for root in roots] == [id_]
    assert [child["name"] for child in roots[0]["children"]] == ["part-1", "part-2"]
    assert roots[0]["status"] == "split"
    assert shown(cli, id_)["children"] == [child["id"] for child in roots[0]["children"]]
    assert len(json.loads(cli.inside("question", "list", "--json").stdout)["questions"]) == 3
    assert "split" in refused(cli, "question", "split", id_, *parts, "--by", "Ahn", rc=3)["detail"]["en"]


def test_comparisons_rank_the_pool_and_the_latest_opinion_of_a_person_counts(cli):
    a, b, c = (ask(cli, name=name, statement=f"{name}?") for name in ("one", "two", "three"))
    for better, worse, by in ((a, b, "Baek"), (b, a, "Baek"), (a, b, "Cho"), (a, b, "Baek"), (b, c, "Cho")):
        cli.inside("question", "prefer", better, worse, "--by", by, "--why", "larger")
    found = json.loads(cli.inside("question", "rank", "--json").stdout)
    assert [(r["id"], r["n_won"], r["n_lost"]) for r in found["ranks"]] == [(a, 2, 0), (b, 1, 2), (c, 0, 1)]
    assert found["n_groups"] == 1
    assert all(r["low"] < r["strength"] < r["high"] for r in found["ranks"])
    cli.inside("question", "reject", c, "--by", "Director", "--why", "no")
    assert len(json.loads(cli.inside("question", "rank", "--json").stdout)["ranks"]) == 2


def test_an_accepted_question_becomes_a_prize(cli):
    id_ = ask(cli)
    refused(cli, "question", "prize", id_, "--by", "Director", "--why", "open", rc=3)
    judge(cli, id_, "Baek")
    judge(cli, id_, "Cho")
    cli.inside("question", "accept", id_, "--by", "Director")
    cli.inside("question", "prize", id_, "--by", "Director", "--why", "many could try", "--purse", "1,000,000,000 KRW")
    assert shown(cli, id_)["outcome"]["purse"] == "1,000,000,000 KRW"
    assert shown(cli, id_)["possible"] == []


# ---- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_fresh_file_says_all_that_it_lacks_at_once(cli, lang):
    cli.inside("question", "new", "my-question", lang=lang)
    text = (cli.folder / "my-question.yaml").read_text(encoding="utf-8")
    assert ("거대질문" in text) == (lang == "ko")
    assert "#en" not in text
    assert "#ko" not in text
    error = refused(cli, "question", "check", "my-question.yaml")
    assert {"statement", "technologies", "target"} <= fields(error)
    assert all(problem["line"] for problem in error["problems"])
    refused(cli, "question", "new", "my-question")


def test_check_says_what_is_needed_and_what_it_would_be_better_with(cli):
    lean = {k: v for k, v in read().items() if k not in {"falsified_if", "risks", "known"}}
    found = json.loads(cli.inside("question", "check", put(cli, lean), "--json").stdout)
    assert found == {
        "is_valid": True, "name": "charge-in-half-an-hour", "needed_to_accept": ["falsified_if"],
        "better_with": ["known", "risks"],
    }  # fmt: skip
    assert not cli.store.exists()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_form_has_every_criterion_and_once_filled_in_is_a_review(cli, lang):
    id_ = ask(cli)
    cli.inside("question", "form", id_, "--rubric", "heilmeier", lang=lang)
    text = (cli.folder / "review.yaml").read_text(encoding="utf-8")
    assert text.count("{score: ") == 8
    assert {"advice", "scores.time.score"} <= fields(
        refused(cli, "question", "review", id_, "review.yaml", "--by", "B")
    )
    filled = (
        text.replace("score: ,", "score: 4,")
        .replace("quote: ''", "quote: 29.4 min")
        .replace("advice:", "advice: accept")
    )
    cli.write(filled, "review.yaml")
    cli.inside("question", "review", id_, "review.yaml", "--by", "Baek")
    assert shown(cli, id_)["rubrics"][0]["complete_by"] == ["Baek"]


# ---- what is refused ------------------------------------------------------------------------------------------------

TARGET = read()["target"]
WRONG = {
    "no measurable target": ({"target": None}, "target"),
    "a unit that pint cannot read": ({"target": TARGET | {"unit": "minutex"}}, "target.unit"),
    "a unit that would never end": ({"target": TARGET | {"unit": "m**9**9**9"}}, "target.unit"),
    "no technology": ({"technologies": []}, "technologies"),
    "an unknown technology": ({"technologies": ["lithium-ion-cell", "cold-fusion"]}, "technologies[1]"),
    "a claim without its quote": ({"known": [{"claim": "a", "source": "b"}]}, "known[0].quote"),
    "a target no better than today": ({"target": TARGET | {"value": 40}}, "target"),
    "an unknown key": ({"whatever": 1}, "whatever"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("command", ["check", "propose"])
def test_a_file_that_is_wrong_is_refused_by_check_and_propose_alike(cli, name, command):
    changes, place = WRONG[name]
    file = put(cli, read() | changes)
    options = [] if command == "check" else ["--by", "Ahn"]
    error = refused(cli, "question", command, file, *options)
    assert error["code"] == "spec.invalid"
    assert fields(error) == {place}
    assert not cli.store.exists()


def test_all_that_is_wrong_is_said_at_once(cli):
    file = put(cli, read() | {"target": TARGET | {"unit": "minutex"}, "statement": "", "horizon_years": -1})
    assert fields(refused(cli, "question", "check", file)) == {"target.unit", "statement", "horizon_years"}


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "name: a\nname: b\n", "name: [", "\x00", "42"])
def test_a_file_that_is_no_question_at_all_is_refused(cli, text):
    refused(cli, "question", "check", cli.write(text, "bad.yaml"))
    refused(cli, "question", "check", "is-not-there.yaml")
    (cli.folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    refused(cli, "question", "check", "binary.yaml")


def test_a_review_without_a_quote_or_with_one_that_is_not_there_is_refused_naming_the_score(cli):
    id_ = ask(cli)
    for quote in ("", "a passage that was never written"):
        scores = {"ripe": {"score": 3, "quote": quote}, "consequential": {"score": 3, "quote": "29.4 min"}}
        put(cli, {"rubric": "aria", "scores": scores, "advice": "accept"}, "review.yaml")
        assert fields(refused(cli, "question", "review", id_, "review.yaml", "--by", "Baek")) == {"scores.ripe"}
    assert shown(cli, id_)["n_reviews"] == 0


def test_a_rejected_question_is_not_reviewed(cli):
    id_ = ask(cli)
    refused(cli, "question", "reject", id_, "--by", "Director", "--why", " ")
    cli.inside("question", "reject", id_, "--by", "Director", "--why", "answered in 2019")
    judge(cli, id_, "Baek", rc=3)
    error = refused(cli, "question", "accept", id_, "--by", "Director", rc=3)
    assert "rejected" in error["detail"]["en"]
    assert refused(cli, "question", "propose", put(cli, read() | {"parent": id_}), "--by", "A", "--anyway", rc=3)


def test_an_early_acceptance_names_all_that_is_missing(cli):
    id_ = ask(cli, falsified_if={"en": "", "ko": ""})
    error = refused(cli, "question", "accept", id_, "--by", "Director", rc=3)
    assert fields(error) == {"falsified_if", "reviews"}


@pytest.mark.parametrize("command", [["show"], ["review"], ["accept"], ["history"]])
def test_a_question_that_is_not_there_is_said_so(cli, command):
    ask(cli)
    judge(cli, "last", "Baek")
    rest = {"review": ["review.yaml", "--by", "B"], "accept": ["--by", "B"]}.get(command[0], [])
    assert refused(cli, "question", *command, "qst_nowhere", *rest)["code"] == "not-found"


def test_a_name_that_several_questions_have_is_not_guessed_at(cli):
    first, second = ask(cli), ask(cli)
    assert first != second
    assert refused(cli, "question", "show", "charge-in-half-an-hour")["code"] == "not-found"
    assert shown(cli, first[4:])["id"] == first


def test_nobody_may_propose_without_a_name(cli):
    cli.inside("question", "propose", put(cli, read()), rc=2)
    refused(cli, "question", "propose", put(cli, read()), "--by", "  ")
    assert not cli.store.exists() or not json.loads(cli.inside("question", "list", "--json").stdout)["questions"]


@pytest.mark.parametrize("delay", [0.4, 1.2])
def test_killed_at_any_time_a_question_is_whole_or_not_there(cli, delay):
    file = put(cli, read())
    process = cli.start("question", "propose", file, "--by", "Ahn", "--json")
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    said = subprocess.run(
        [PROGRAM, "question", "list", "--json"], cwd=cli.folder, env=cli.env, capture_output=True, text=True, check=True
    )
    for card in json.loads(said.stdout)["questions"]:
        assert shown(cli, card["id"])["question"]["target"]["value"] == 29.4
    if cli.store.exists():
        assert json.loads(cli.inside("campaign", "verify", "--json", rc=None).stdout).get("is_intact", True)


def propose_like(cli, statement, *more, rc=0):
    file = put(cli, read() | {"statement": statement})
    return cli.inside("question", "propose", file, "--by", "Baek", "--embedder", "lexical", "--json", *more, rc=rc)


def test_a_question_that_was_asked_before_is_said_so_and_can_be_asked_anyway(cli):
    first = ask(cli, statement="Can lithium be recovered from spent batteries with a yield above 95 %?")
    again = "Can lithium be recovered from used batteries, with a yield above 95 %?"
    error = json.loads(propose_like(cli, again, rc=3).stdout)["error"]
    assert [problem["field"] for problem in error["problems"]] == [first]
    assert "--anyway" in error["hint"]["en"]
    assert len(written(cli)) == 1
    second = json.loads(propose_like(cli, again, "--anyway").stdout)["id"]
    found = shown(cli, second)["similar"]
    assert [one["id"] for one in found] == [first]
    assert 0.4 < found[0]["likeness"] <= 1


def test_another_question_of_the_same_field_is_asked_without_a_warning(cli):
    ask(cli, statement="Can lithium be recovered from spent batteries with a yield above 95 %?")
    propose_like(cli, "Can a battery pack stop thermal runaway from spreading between cells?")


def test_a_part_of_a_question_may_resemble_it(cli):
    first = ask(cli, statement="Can lithium be recovered from spent batteries?")
    file = put(cli, read() | {"statement": "Can lithium be recovered from spent batteries fast?", "parent": first})
    cli.inside("question", "propose", file, "--by", "Baek", "--embedder", "lexical")


def test_an_embedder_nobody_measured_is_refused(cli):
    ask(cli)
    error = json.loads(
        cli.inside("question", "propose", put(cli, read()), "--by", "B", "--embedder", "x", "--json", rc=2).stdout
    )["error"]
    assert "lexical" in error["detail"]["en"] + error["hint"]["en"]
