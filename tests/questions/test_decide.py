"""What may become of a question, and what is refused; every refusal names what would be possible."""

import pytest
from asked import AT, add, plain, proposed, question, review
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.kernel.errors import BadInput, NotFound, Refused
from kgenesis.kernel.events import Recorded, Vocabulary
from kgenesis.questions import decide
from kgenesis.questions.events import EVENTS
from kgenesis.questions.route import route
from kgenesis.questions.rubrics import Measures, measures
from kgenesis.questions.spec import Question, ReviewFile
from kgenesis.questions.state import OPEN, fold

MACHINE = {"model": "m", "endpoint": "localhost", "at": AT}


def accepted_one():
    state = proposed()
    for by in ("Baek", "Cho"):
        add(state, decide.reviewed(state, review(), by))
    return add(state, decide.accepted(state, "Director"))


def places(error):
    return {problem.field for problem in error.problems}


def test_the_rubrics_are_the_four_that_are_named_with_as_many_criteria():
    assert {r.id: len(r.criteria) for r in measures().rubrics} == {
        "grand-quest": 4, "heilmeier": 8, "aria": 3, "xprize": 5
    }  # fmt: skip
    for rubric in measures().rubrics:
        for criterion in rubric.criteria:
            assert criterion.ask.en != criterion.ask.ko
            assert criterion.ask.ko
    assert set(measures().scale) == {1, 2, 3, 4, 5}
    named = [*measures().gate.needs, *measures().gate.better_with]
    assert {name.split(".")[0] for name in named} <= set(Question.model_fields)


def test_a_criterion_there_twice_is_no_rubric():
    data = measures().model_dump()
    data["rubrics"][0]["criteria"] *= 2
    with pytest.raises(ValueError, match="there twice"):
        Measures.model_validate(data)


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("", "quotes no passage"),
        ("   ", "quotes no passage"),
        ("solv", "shorter than 6 letters"),
        ("s o l v\n e", "shorter than 6 letters"),
        ("with plenty of solvent", "is not in the question"),
        ("without   solvent", None),
        ("용매 없이 전극", None),
    ],
)
def test_every_score_must_quote_the_question(quote, words):
    state = proposed()
    file = review(scores={"consequential": {"score": 5, "quote": quote}})
    if words is None:
        (event,) = decide.reviewed(state, file, "Baek")
        assert event.scores[0].passage.startswith("statement.")
        return
    with pytest.raises(BadInput) as caught:
        decide.reviewed(state, file, "Baek")
    assert places(caught.value) == {"scores.consequential"}
    assert words in caught.value.problems[0].text.en
    assert caught.value.problems[0].text.ko != caught.value.problems[0].text.en


def test_every_wrong_score_of_a_review_is_named_at_once_and_none_is_taken():
    file = review(
        scores={
            "consequential": {"score": 5, "quote": "without solvent"},
            "ripe": {"score": 1, "quote": "never said anywhere"},
            "beauty": {"score": 1, "quote": "without solvent"},
        }
    )
    with pytest.raises(BadInput) as caught:
        decide.reviewed(proposed(), file, "Baek")
    assert places(caught.value) == {"scores.ripe", "scores.beauty"}


def test_a_rubric_nobody_knows_is_refused_with_those_there_are():
    with pytest.raises(NotFound, match="beauty") as caught:
        decide.reviewed(proposed(), ReviewFile(rubric="beauty", advice="accept", scores={"a": {"score": 1}}), "Baek")
    assert "grand-quest" in caught.value.next_step.en


@pytest.mark.parametrize("score", [0, 6, 2.5, True, "high"])
def test_a_score_is_a_whole_number_from_one_to_five(score):
    with pytest.raises(ValueError, match="score"):
        review(scores={"ripe": {"score": score, "quote": "without solvent"}})


def test_disagreement_is_kept_as_it_is():
    state = proposed()
    add(state, decide.reviewed(state, review(score=1), "Baek"))
    add(state, decide.reviewed(state, review(score=5), "Cho"))
    opinions = state.opinions("aria")["ripe"]
    assert [(o.by, o.score.score) for o in opinions] == [("Baek", 1), ("Cho", 5)]
    assert state.opinions("heilmeier") == {}


def test_the_later_score_of_one_person_replaces_the_earlier_however_the_name_is_typed():
    state = proposed()
    add(state, decide.reviewed(state, review(score=1), "Baek"))
    add(state, decide.reviewed(state, review(score=4), "  baek "))
    assert [o.score.score for o in state.opinions("aria")["ripe"]] == [4]
    assert len(state.reviews) == 2


def test_the_gate_needs_two_people_who_scored_every_criterion():
    state = proposed()
    add(state, decide.reviewed(state, review(), "Baek"))
    partial = review(scores={"ripe": {"score": 3, "quote": "without solvent"}})
    add(state, decide.reviewed(state, partial, "Cho"))
    with pytest.raises(Refused) as caught:
        decide.accepted(state, "Director")
    assert places(caught.value) == {"reviews"}
    assert "aria, with 1" in caught.value.problems[0].text.en
    add(state, decide.reviewed(state, review(), "Cho"))
    (event,) = decide.accepted(state, "Director")
    assert event.rubrics == ("aria",)


@pytest.mark.parametrize(("by", "changes"), [("Ahn", {}), (" AHN", {}), ("Cho", {"machine": MACHINE}), ("Baek", {})])
def test_neither_authors_nor_machines_nor_the_same_person_twice_count_as_the_second_reviewer(by, changes):
    state = proposed(by="Ahn")
    add(state, decide.reviewed(state, review(), "Baek"))
    add(state, decide.reviewed(state, review(**changes), by))
    with pytest.raises(Refused):
        decide.accepted(state, "Director")
    assert len(state.reviews) == 2


def test_a_question_without_falsification_is_not_accepted_however_many_like_it():
    state = proposed(question(falsified_if=None))
    for by in ("Baek", "Cho"):
        add(state, decide.reviewed(state, review(), by))
    with pytest.raises(Refused) as caught:
        decide.accepted(state, "Director")
    assert places(caught.value) == {"falsified_if"}


def test_a_score_falls_when_the_passage_it_rests_on_is_taken_away_and_stands_otherwise():
    state = accepted_like = proposed()
    add(state, decide.reviewed(state, review(quote="Fibrillated binders are sold"), "Baek"))
    add(state, decide.reviewed(state, review(quote="without solvent"), "Cho"))
    assert not decide.gate(state).missing
    add(state, decide.sharpened(state, question(why_now="The price fell by half."), "Ahn", "clearer"))
    assert [o.stands for o in accepted_like.opinions("aria")["ripe"]] == [False, True]
    with pytest.raises(Refused):
        decide.accepted(state, "Director")
    add(state, decide.reviewed(state, review(quote="The price fell by half."), "Baek"))
    assert state.reviews[-1].event.revision == 2
    assert decide.accepted(state, "Director")


def test_whoever_sharpens_a_question_is_an_author_from_then_on():
    state = proposed()
    for by in ("Baek", "Cho"):
        add(state, decide.reviewed(state, review(), by))
    add(state, decide.sharpened(state, question(limit="Thick layers crack."), "Baek"))
    with pytest.raises(Refused):
        decide.accepted(state, "Director")


def test_a_revision_keeps_what_was_changed():
    state = proposed()
    better = question(target=plain()["target"] | {"value": 100}, risks=["It may crack."], why_now=None)
    (event,) = decide.sharpened(state, better, "Ahn", "higher")
    assert {(c.field, c.before, c.after) for c in event.changes} == {
        ("target.value", "80.0", "100.0"),
        ("risks[0].en", None, "It may crack."),
        ("risks[0].ko", None, "It may crack."),
        ("why_now.en", "Fibrillated binders   are sold\nby the tonne.", None),
        ("why_now.ko", "섬유화 바인더가 톤 단위로 팔린다.", None),
    }
    add(state, [event])
    assert state.question == better
    with pytest.raises(BadInput):
        decide.sharpened(state, better, "Ahn")


ENDS = {
    "rejected": lambda s: decide.rejected(s, "Director", "no"),
    "split": lambda s: decide.split(s, ["qst_a", "qst_b"], "Ahn"),
}
WISHES = {
    "review": lambda s: decide.reviewed(s, review(), "Baek"),
    "sharpen": lambda s: decide.sharpened(s, question(limit="x y z"), "Ahn"),
    "split": lambda s: decide.split(s, ["qst_a", "qst_b"], "Ahn"),
    "accept": lambda s: decide.accepted(s, "Director"),
    "reject": lambda s: decide.rejected(s, "Director", "no"),
    "prize": lambda s: decide.became_prize(s, "Director", "open"),
    "to-mission": lambda s: decide.became_mission(s, "Director", "m", "c", {}, []),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("wish", WISHES)
def test_an_ended_question_takes_nothing_more(end, wish):
    state = proposed()
    add(state, ENDS[end](state))
    with pytest.raises(Refused) as caught:
        WISHES[wish](state)
    assert wish in caught.value.detail.en
    assert "new question" in caught.value.next_step.en


@pytest.mark.parametrize("wish", ["prize", "to-mission"])
def test_an_open_question_is_neither_mission_nor_prize(wish):
    with pytest.raises(Refused) as caught:
        WISHES[wish](proposed())
    assert "kgenesis question accept" in caught.value.next_step.en


@pytest.mark.parametrize("wish", ["review", "sharpen", "split", "accept", "reject"])
def test_an_accepted_question_only_becomes_a_mission_or_a_prize(wish):
    with pytest.raises(Refused) as caught:
        WISHES[wish](accepted_one())
    assert "kgenesis question to-mission" in caught.value.next_step.en
    assert "kgenesis question prize" in caught.value.next_step.en


def test_an_accepted_question_becomes_one_of_the_two_once():
    state = accepted_one()
    add(state, WISHES["prize"](state))
    assert state.status == "prize"
    with pytest.raises(Refused):
        WISHES["to-mission"](state)


@pytest.mark.parametrize("wish", ["reject", "prize"])
def test_a_decision_needs_a_name_and_a_reason(wish):
    def decided(by, why):
        if wish == "reject":
            return decide.rejected(proposed(), by, why)
        return decide.became_prize(accepted_one(), by, why)

    for by, why in ((" ", "no"), ("Director", " ")):
        with pytest.raises(BadInput):
            decided(by, why)


def test_a_question_is_split_into_two_at_least():
    for children in ([], ["qst_a"], ["qst_a", "qst_a"]):
        with pytest.raises(BadInput):
            decide.split(proposed(), children, "Ahn")


def test_a_question_is_not_compared_with_itself_nor_with_a_rejected_one():
    state = proposed()
    with pytest.raises(BadInput):
        decide.preferred(state, state, "Ahn", "why not")
    other = fold("qst_other", [(decide.proposed(question(), "Ahn"), AT)])
    assert decide.preferred(state, other, "Baek", "larger")
    add(other, decide.rejected(other, "Director", "no"))
    with pytest.raises(Refused):
        decide.preferred(state, other, "Baek", "larger")
    with pytest.raises(Refused):
        decide.preferred(other, state, "Baek", "larger")


def test_an_open_method_speaks_for_a_prize_and_the_law_is_named():
    found = route(proposed())
    assert found.advice == "prize"
    assert any("Art 11(4)" in reason.en for reason in found.reasons)
    assert route(proposed(question(approach="Press it hot."))).advice == "mission"
    assert route(proposed(question(mission={"start_from": "battery-fast-charge"}))).advice == "mission"


def test_a_reviewer_who_denies_the_crowd_makes_it_either():
    state = proposed()
    few = review("xprize", scores={"large-crowd": {"score": 1, "quote": "without solvent"}})
    add(state, decide.reviewed(state, few, "Baek"))
    found = route(state)
    assert found.advice == "either"
    assert any("Baek" in reason.en for reason in found.reasons)


@given(
    st.lists(st.sampled_from(["review", "sharpen", "split", "accept", "reject", "prize", "to-mission"]), max_size=12)
)
def test_whatever_people_wish_for_replay_equals_live_and_the_end_is_the_end(wishes):
    state, vocabulary = proposed(), Vocabulary(EVENTS)
    log = [state.proposed]
    for i, wish in enumerate(wishes):
        try:
            if wish == "sharpen":
                events = decide.sharpened(state, question(limit=f"limit number {i}"), "Ahn")
            elif wish == "review":
                events = decide.reviewed(state, review(), f"Reviewer {i % 3}")
            else:
                events = WISHES[wish](state)
        except Refused:
            assert wish not in decide.possible(state) or wish == "accept"
            continue
        assert wish in decide.possible(state)
        log += events
        add(state, events)
    written = [
        Recorded("qst_0000000test", i, i, AT, e.type, e.schema_version, e.model_dump_json(), "")
        for i, e in enumerate(log, 1)
    ]
    replayed = fold(state.id, [(vocabulary.decode(r), r.at) for r in written])
    assert replayed == state
    assert (state.status in OPEN) == ("review" in decide.possible(state))


def test_what_is_possible_is_what_the_command_line_offers():
    from typing import get_args

    from kgenesis.cli.question import COMMANDS

    assert set(get_args(decide.Action)) <= set(COMMANDS)
