"""A question file is taken or refused as a whole, naming the field, in both languages."""

import json

import pytest
import yaml
from asked import PLAIN, plain, question
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kgenesis.questions.spec import Question, is_said, normalised, passage_of

TARGET = PLAIN["target"]
INVALID = {
    "no target": (plain(target=None), "target", "measurable target"),
    "an empty target": (plain(target={}), "target", "measurable target"),
    "a target without a unit": (plain(target={k: v for k, v in TARGET.items() if k != "unit"}), "target.unit", "required"),
    "a target that is no number": (plain(target=TARGET | {"value": "fast"}), "target.value", "number"),
    "a best without a source": (plain(target=TARGET | {"current_best": 30}), "target", "needs its `source`"),
    "a target already reached": (plain(target=TARGET | {"current_best": 90, "source": "a"}), "target", "no better than"),
    "a target that is reached exactly": (plain(target=TARGET | {"current_best": 80, "source": "a"}), "target", "no better"),
    "no technology": (plain(technologies=[]), "technologies", "at least 1"),
    "a technology twice": (plain(technologies=["a", "a"]), "", "there twice"),
    "a statement in one language": (plain(statement={"en": "a?", "ko": " "}), "statement", "must not be empty"),
    "a claim without its words": (plain(known=[{"claim": "a", "source": "b", "quote": " "}]), "known.0.quote", "empty"),
    "a claim without a source": (plain(known=[{"claim": "a", "quote": "b"}]), "known.0.source", "required"),
    "a link that is none": (plain(known=[{"claim": "a", "source": "b", "quote": "c", "url": "x"}]), "known.0.url", "match"),
    "an unknown key": (plain(why="x"), "why", "not permitted"),
    "a horizon of no years": (plain(horizon_years=0), "horizon_years", "greater than 0"),
    "yes for a number": (plain(target=TARGET | {"value": True}), "target.value", "not a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", INVALID)
def test_a_question_that_is_not_valid_is_refused_naming_the_field(name):
    given_, place, words = INVALID[name]
    with pytest.raises(ValidationError) as caught:
        Question.model_validate(given_)
    found = [(".".join(map(str, e["loc"])), e["msg"]) for e in caught.value.errors()]
    assert any(where == place and words in message for where, message in found), found


def test_a_question_survives_yaml_and_json():
    whole = question(known=[{"claim": "a", "source": "b", "quote": "c", "url": "https://a.kr/b"}], horizon_years=3)
    written = whole.model_dump(mode="json")
    assert Question.model_validate(yaml.safe_load(yaml.safe_dump(written, allow_unicode=True))) == whole
    assert Question.model_validate_json(json.dumps(whole.model_dump(mode="json", exclude_defaults=True))) == whole


def test_a_target_is_shown_as_people_write_it():
    assert question().target.shown == "≥ 80 m/min"
    assert question(target=TARGET | {"goal": "minimize", "unit": 1, "value": 0.5}).target.shown == "≤ 0.5"


@pytest.mark.parametrize(
    ("quote", "place"),
    [
        ("without solvent", "statement.en"),
        ("용매 없이 전극을", "statement.ko"),
        ("Fibrillated binders are\n sold by the tonne.", "why_now.en"),
        ("80 m/min", "target"),
        ("coating speed", "target.quantity.en"),
        ("without water", None),
        ("Without solvent", None),
        ("solvent? 용매", None),
        ("lithium-ion-cell", None),
        ("  ", None),
    ],
)
def test_a_quote_is_found_where_it_stands_word_for_word_blanks_aside(quote, place):
    assert passage_of(question(), quote) == place


def test_a_quote_typed_in_decomposed_hangul_is_the_same_quote():
    import unicodedata

    assert passage_of(question(), unicodedata.normalize("NFD", "용매 없이")) == "statement.ko"


@given(st.text(max_size=40), st.text(alphabet=" \t\n", min_size=1, max_size=3))
def test_blanks_make_no_other_text(text, blank):
    assert normalised(normalised(text)) == normalised(text)
    assert normalised(f"a{blank}b") == "a b"


def test_what_is_said_is_known_by_its_field():
    whole = question(target=TARGET | {"current_best": 0.0, "source": "nobody does it yet"})
    assert is_said(whole, "target.current_best")
    assert not is_said(question(), "target.current_best")
    assert is_said(whole, "falsified_if")
    assert not is_said(whole, "risks")
