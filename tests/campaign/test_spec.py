"""A mission file as data: its identity, and what a reference depends on."""

import pytest
from pydantic import ValidationError

from kgenesis.campaign.spec import Mission, canonical_hash

PLAIN = {
    "name": "m",
    "title": "M",
    "space": {"factors": [{"type": "real", "name": "x", "low": 0, "high": 1, "unit": "1"}]},
    "objectives": [{"name": "y", "goal": "maximize", "unit": "1", "target": 0.5}],
    "budget": {"experiments": 6},
}


def mission(**changes):
    return Mission.model_validate(PLAIN | changes)


def test_two_ways_to_write_the_same_mission_have_the_same_identity():
    longer = {
        "space": {"factors": [PLAIN["space"]["factors"][0] | {"low": 0.0, "scale": "linear"}]},
        "planner": {"name": "model"},
    }
    assert mission(**longer).spec_hash == mission().spec_hash
    assert len(mission().spec_hash) == 16
    assert mission(budget={"experiments": 7}).spec_hash != mission().spec_hash


def test_a_reference_outlives_other_targets_budgets_and_labels_but_not_another_lab_or_space():
    key = mission().reference_key
    labelled = {"factors": [PLAIN["space"]["factors"][0] | {"label": "current"}]}
    wider = {"factors": [PLAIN["space"]["factors"][0] | {"high": 2}]}
    objective = PLAIN["objectives"][0]
    same = [
        {"budget": {"experiments": 99}},
        {"objectives": [objective | {"target": 0.9}]},
        {"planner": "random"},
        {"space": labelled},
    ]
    others = [{"lab": "table"}, {"space": wider}, {"objectives": [objective | {"name": "z"}]}]
    assert all(mission(**changes).reference_key == key for changes in same)
    assert all(mission(**changes).reference_key != key for changes in others)


def test_the_hash_is_of_content_not_of_order():
    assert canonical_hash({"a": 1, "온도": [1.5]}) == canonical_hash({"온도": [1.5], "a": 1})
    assert canonical_hash({"a": 1}) != canonical_hash({"a": 1.5})


def test_a_mission_cannot_be_changed_once_it_is_made():
    with pytest.raises(ValidationError, match="frozen"):
        mission().parallel = 5


def test_a_copy_with_changes_forgets_what_was_derived_from_the_original():
    one = mission()
    assert one.problem.objectives[0].name == "y"
    other = one.model_copy(update={"objectives": (one.objectives[0].model_copy(update={"name": "z"}),)})
    assert other.problem.objectives[0].name == "z"
    assert other.spec_hash != one.spec_hash
