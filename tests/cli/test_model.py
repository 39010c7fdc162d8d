"""`kgenesis model …`: train, resume, check; said in both languages, refused with file, line and hint."""

import json

import pytest

from kgenesis.surrogate.amortised import NEWEST, PUBLISHED

RECIPE = """\
seed: 5
n_steps: 4
n_asked: 6
data_sets: [2, 3]
entries: 2000
architecture: {n_components: 2, n_rounds: 1, width: 8, n_heads: 2}
stages: [{until: 9, rows: [4, 6], factors: [2]}]
"""


def test_a_model_is_trained_resumed_and_checked(cli, monkeypatch):
    pytest.importorskip("torch", reason="training needs the extra `train`")
    monkeypatch.setattr("kgenesis.surrogate.train.VALIDATED", ((4, 2),))
    (cli.folder / "recipe.yaml").write_text(RECIPE)
    first = json.loads(cli.inside("model", "train", "recipe.yaml", "--to", "mine", "--json").stdout)
    assert first["done"]
    assert first["steps"] == 4
    more = json.loads(cli.inside("model", "resume", "mine", "--steps", "6", "--json").stdout)
    assert more["steps"] == 6
    checked = json.loads(cli.inside("model", "lineage", "./mine", "--json").stdout)
    assert checked["independent"]
    assert [s["recipe"]["n_steps"] for s in checked["lineage"]["sittings"]] == [4, 6]
    refused = json.loads(cli.inside("model", "train", "recipe.yaml", "--to", "mine", "--json", rc=3).stdout)
    assert "resume" in refused["error"]["hint"]["en"]


def test_a_recipe_with_mistakes_is_refused_with_each_line(cli):
    (cli.folder / "recipe.yaml").write_text(
        RECIPE.replace("seed: 5", "seed: -1").replace("[2]}]", "[21]}]") + "sead: 1\n"
    )
    refused = json.loads(cli.inside("model", "train", "recipe.yaml", "--to", "mine", "--json", rc=2).stdout)
    assert {(p["field"], p["line"]) for p in refused["error"]["problems"]} == {("seed", 1), ("sead", 8)}
    assert not (cli.folder / "mine").exists()


def test_the_card_is_said_in_both_languages(cli):
    assert "# Model card: genesis-1" in cli.inside("model", "card").stdout
    assert "# 모델 카드: genesis-1" in cli.inside("model", "card", lang="ko").stdout


@pytest.mark.parametrize(("lang", "name"), [("en", "CARD.md"), ("ko", "CARD.ko.md")])
def test_the_card_beside_the_weights_is_the_one_that_is_said(cli, lang, name):
    assert cli.inside("model", "card", lang=lang).stdout == (PUBLISHED / NEWEST / name).read_text(encoding="utf-8")


def test_the_published_model_is_what_its_lineage_says(cli):
    found = {
        f["name"]: f["state"]
        for f in json.loads(cli.inside("model", "lineage", "--json", "--replay", "2").stdout)["findings"]
    }
    assert found["weights"] == found["independence"] == found["log"] == "ok"


def test_an_unknown_model_is_not_found(cli):
    refused = json.loads(cli.inside("model", "lineage", "genesis-0", "--json", rc=2).stdout)
    assert refused["error"]["code"] == "not-found"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_model_file_with_mistakes_is_refused_before_anything_is_measured(cli, lang):
    (cli.folder / "model.yaml").write_text("name: theirs\nsurrogate: no-such\nweights: [w.npz]\nsead: 1\n")
    refused = json.loads(cli.inside("model", "score", "model.yaml", "--json", rc=2, lang=lang).stdout)["error"]
    assert [(p["field"], p["line"]) for p in refused["problems"]] == [("sead", 4)]
    assert "bring-your-own-model" in refused["hint"][lang]


@pytest.mark.slow
def test_models_are_ranked_and_a_failed_gate_has_no_score(cli):
    found = json.loads(cli.inside("model", "score", "genesis-1", "trees", "--sets", "1", "--json").stdout)
    (ours, theirs), ranking = found["models"], found["ranking"]
    assert [r["model"] for r in ranking] == ["genesis-1"] == [ours["model"]]
    assert ours["score"] == ranking[0]["score"] > 70
    assert (theirs["passed_gate"], theirs["score"]) == (False, None)
    assert theirs["would_score"] > 20
