"""Questions that ask the same are found, and others left alone, as well as was measured for `rubrics.yaml`."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from asked import question

from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.questions.likeness import similar, statements
from kgenesis.questions.rubrics import Bar, measures

GROUPS = yaml.safe_load(Path(__file__).with_name("pairs.yaml").read_text(encoding="utf-8"))


def shares(name):
    """Return which share of pairs is found: alike in one language, alike across, unlike."""
    embedder = make_plugin("embedders", name, PluginContext())
    texts = [text for group in GROUPS for text in group]
    rows = dict(zip(texts, embedder.embed(texts, is_query=False), strict=True))
    asked = {f"qst_{g}x{i}": question(statement=t) for g, group in enumerate(GROUPS) for i, t in enumerate(group)}
    counts = {"same": [0, 0], "across": [0, 0], "unlike": [0, 0]}
    for id_, one in asked.items():
        others = {other: it for other, it in asked.items() if other > id_}
        found = {
            s.id
            for s in similar(one, others, lambda texts: np.stack([rows[t] for t in texts]), measures().likeness[name])
        }
        for other, it in others.items():
            is_korean = [any("가" <= c <= "힣" for c in q.statement.en) for q in (one, it)]
            kind = (
                "unlike"
                if id_.split("x")[0] != other.split("x")[0]
                else "across"
                if len(set(is_korean)) > 1
                else "same"
            )
            counts[kind][0] += other in found
            counts[kind][1] += 1
    return {kind: hits / n for kind, (hits, n) in counts.items()}


def test_letters_find_about_half_and_hardly_ever_cry_wolf():
    found = shares("lexical")
    assert found["same"] >= 0.5
    assert found["across"] >= 0.5
    assert found["unlike"] <= 0.01


@pytest.mark.slow
def test_meaning_finds_nearly_all_across_languages_and_hardly_ever_cries_wolf():
    found = shares("e5")
    assert found["same"] == 1
    assert found["across"] >= 0.9
    assert found["unlike"] <= 0.005


def test_one_string_for_both_languages_is_one_statement():
    assert statements(question(statement="a  b?")) == ["a b?"]
    assert len(statements(question())) == 2


def test_the_most_alike_comes_first_and_each_question_once():
    directions = {"one?": [1.0, 0.0], "two?": [0.8, 0.6], "three?": [0.6, 0.8], "four?": [0.0, 1.0]}

    def embed(texts):
        return np.array([directions[text] for text in texts])

    others = {name: question(statement=f"{name}?") for name in ("three", "two", "four")}
    found = similar(question(statement="one?"), others, embed, Bar(same=0.5, across=0.5))
    assert [(s.id, s.likeness) for s in found] == [("two", 0.8), ("three", 0.6)]
    assert similar(question(statement="one?"), {}, embed, Bar(same=0.5, across=0.5)) == []
