"""What may happen to a mission, and who may bring it about."""

import pytest
from charters import CHARTER, charter
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.kernel.errors import BadInput, InvalidSpec, KGenesisError, Refused
from kgenesis.kernel.ids import CampaignId, MissionId
from kgenesis.missions import decide
from kgenesis.missions.spec import Charter
from kgenesis.missions.state import ENDED, evolve, fold

ID = MissionId("mis_0123456789ab")
CAMPAIGN = CampaignId("cmp_0123456789ab")
WHY = "the market changed"


def begun(*then, made=None):
    """Return a mission that was drafted, and to which this then happened."""
    state = fold(ID, [(decide.drafted(made or charter(), "/f", "Kim"), "t0")])
    for i, decision in enumerate(then, start=1):
        evolve(state, decision(state), f"t{i}")
    return state


def opened(state):
    return decide.opened(state, "Kim")


def joined(state):
    return decide.joined(state, CAMPAIGN, "mission.yaml", "Kim")


def paused(state):
    return decide.paused(state, "Kim", WHY)


def test_a_mission_goes_from_draft_to_its_campaigns():
    assert begun().status == "drafted"
    assert begun(opened).status == "opened"
    assert begun(opened, joined).status == "running"
    assert list(begun(opened, joined).campaigns) == [CAMPAIGN]


@pytest.mark.parametrize("piece", ["statement", "technologies", "director", "budget", "mission_files"])
def test_a_draft_that_lacks_a_piece_cannot_be_opened_and_says_which(piece):
    lacking = Charter.model_validate({key: value for key, value in CHARTER.items() if key != piece})
    with pytest.raises(InvalidSpec, match=piece) as refused:
        decide.opened(begun(made=lacking), "Kim")
    assert [mistake.field for mistake in refused.value.problems] == [piece]
    assert all(mistake.text.en != mistake.text.ko for mistake in refused.value.problems)


def test_a_draft_is_revised_by_its_director_or_by_anybody_while_it_names_none():
    state = begun(made=charter(director=""))
    (event,) = decide.revised(state, charter(), "/f", "Park")
    evolve(state, event, "t1")
    assert state.charter.director == "Kim"
    assert decide.revised(state, charter(), "/f", "Kim") == []
    with pytest.raises(Refused):
        decide.revised(state, charter(title="Mine"), "/f", "Park")


@pytest.mark.parametrize("who", ["Lee", "Park", ""])
@pytest.mark.parametrize("deed", ["open", "pause", "resume", "pivot", "stop"])
def test_only_the_director_decides(deed, who):
    before = {"open": (), "resume": (opened, paused)}.get(deed, (opened,))
    state = begun(*before)
    decisions = {
        "open": lambda: decide.opened(state, who),
        "pause": lambda: decide.paused(state, who, WHY),
        "resume": lambda: decide.resumed(state, who),
        "stop": lambda: decide.stopped(state, who, WHY),
        "pivot": lambda: decide.pivoted(state, charter(title="New"), "/f", who, WHY, 0),
    }
    with pytest.raises(Refused, match="only the director" if who == "Lee" else "the charter knows no"):
        decisions[deed]()


def test_a_partner_runs_and_joins_and_a_stranger_does_not():
    state = begun(opened)
    assert decide.may_run(state, "Lee") == "partner"
    assert decide.joined(state, CAMPAIGN, "", "Lee").role == "partner"
    for decision in (lambda: decide.may_run(state, "Park"), lambda: decide.joined(state, CAMPAIGN, "", "Park")):
        with pytest.raises(Refused, match="Park"):
            decision()


@pytest.mark.parametrize("reason", ["", "  "])
def test_pause_pivot_and_stop_need_a_reason(reason):
    state = begun(opened)
    for decision in (
        lambda: decide.paused(state, "Kim", reason),
        lambda: decide.stopped(state, "Kim", reason),
        lambda: decide.pivoted(state, charter(title="New"), "/f", "Kim", reason, 0),
    ):
        with pytest.raises(BadInput, match="reason"):
            decision()


def test_nothing_runs_in_a_pause_and_afterwards_it_stands_where_it_stood():
    state = begun(opened, joined, paused)
    with pytest.raises(Refused, match="paused"):
        decide.may_run(state, "Kim")
    evolve(state, decide.resumed(state, "Kim"), "t4")
    assert state.status == "running"


def test_a_pivot_keeps_what_was_promised_and_asks_changed_exams_anew():
    passed = decide.facts.MilestonePassed(
        milestone="half", exam="best_value <= 5", campaign=CAMPAIGN, experiment="exp_1", found_at="t3", values={}
    )
    state = begun(opened, joined, lambda _: passed)
    easier = charter(kpis=[CHARTER["kpis"][0] | {"target": 2}])
    evolve(state, decide.pivoted(state, easier, "/f", "Kim", WHY, 8), "t9")
    assert state.status == "pivoted"
    assert "half" in state.passed
    assert [revision.charter.kpis[0].target for revision in state.revisions] == [1, 2]
    assert state.held_since("value") == "t9"
    stricter = charter(milestones=[CHARTER["milestones"][0] | {"exam": "best_value <= 2"}])
    evolve(state, decide.pivoted(state, stricter, "/f", "Kim", WHY, 8), "t10")
    assert "half" not in state.passed


def test_a_target_holds_since_it_was_set_though_other_things_changed_later():
    state = begun(opened)
    evolve(state, decide.pivoted(state, charter(title="New"), "/f", "Kim", WHY, 0), "t9")
    assert state.held_since("value") == "t0"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "another"}, "is called 'another'"),
        ({}, "says what the present one says"),
        ({"budget": {"experiments": 12}}, "the budget cannot be 12"),
        ({"mission_files": []}, "lacks mission_files"),
    ],
)
def test_a_pivot_to_what_cannot_be_is_refused(changes, words):
    with pytest.raises(BadInput, match=words):
        decide.pivoted(begun(opened), charter(**changes), "/f", "Kim", WHY, 20)


def test_a_campaign_joins_once():
    with pytest.raises(Refused, match="already"):
        decide.joined(begun(opened, joined), CAMPAIGN, "", "Kim")


@given(st.lists(st.sampled_from(["open", "pause", "resume", "stop", "pivot", "join"]), max_size=12))
def test_whatever_a_director_tries_a_refusal_changes_nothing_and_an_end_is_an_end(deeds):
    state = begun()
    n_pivots = 0
    for i, deed in enumerate(deeds):
        before = (state.status, state.version)
        try:
            match deed:
                case "open":
                    event = decide.opened(state, "Kim")
                case "pause":
                    event = decide.paused(state, "Kim", WHY)
                case "resume":
                    event = decide.resumed(state, "Kim")
                case "stop":
                    event = decide.stopped(state, "Kim", WHY)
                case "pivot":
                    event = decide.pivoted(state, charter(title=f"New {i}"), "/f", "Kim", WHY, 0)
                case _:
                    event = decide.joined(state, CampaignId(f"cmp_{i}"), "", "Kim")
        except KGenesisError:
            assert (state.status, state.version) == before
            continue
        assert before[0] not in ENDED
        n_pivots += deed == "pivot"
        evolve(state, event, f"t{i}")
    assert len(state.revisions) == 1 + n_pivots
