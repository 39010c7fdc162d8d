"""Proposals made again: with something fixed, in place of those nobody has started, and nothing lost."""

from pathlib import Path
from typing import Any

import pytest

import kgenesis
from kgenesis.kernel.errors import CampaignEnded, InvalidConditions, InvalidResults, NotFound

MISSION: dict[str, Any] = {
    "name": "bench", "title": "At the bench", "lab": "people", "planner": "random",
    "space": {"factors": [
        {"type": "categorical", "name": "solvent", "levels": ["water", "THF", "DMSO"]},
        {"type": "real", "name": "temperature", "low": 20, "high": 90, "unit": "degC"},
    ]},
    "objectives": [{"name": "yield", "goal": "maximize", "unit": "percent"}],
    "budget": {"experiments": 10},
}  # fmt: skip


def begin(folder: Path, **changes: Any) -> kgenesis.Campaign:
    return kgenesis.open_campaign(MISSION | changes, seed=3, store=folder / "kgenesis.db")


def statuses(campaign: kgenesis.Campaign) -> list[str]:
    return [e.status for e in campaign.state.experiments.values()]


def test_open_proposals_are_replaced_by_as_many_with_the_value_fixed(tmp_path: Path) -> None:
    campaign = begin(tmp_path)
    campaign.propose(4)
    again = campaign.propose(fixed={"solvent": "THF"}, redo=True)
    assert [row["solvent"] for row in again] == ["THF"] * 4
    assert statuses(campaign) == ["withdrawn"] * 4 + ["waiting"] * 4
    assert len({row["temperature"] for row in again}) == 4
    reread = kgenesis.Campaign.resume(campaign.id, store=tmp_path / "kgenesis.db")
    assert statuses(reread) == statuses(campaign)


def test_results_and_starting_points_stay(tmp_path: Path) -> None:
    campaign = begin(tmp_path, start=[{"solvent": "water", "temperature": 50}])
    first = campaign.propose(3)
    campaign.record({"experiment": first[1]["experiment"], "yield": 40.0})
    again = campaign.propose(redo=True)
    assert statuses(campaign) == ["waiting", "measured", "withdrawn", "waiting"]
    assert len(again) == 1


def test_the_budget_has_room_for_what_takes_the_place_of_the_withdrawn(tmp_path: Path) -> None:
    campaign = begin(tmp_path, budget={"experiments": 3})
    campaign.propose(3)
    with pytest.raises(CampaignEnded):
        campaign.propose(1)
    assert len(campaign.propose(5, redo=True)) == 3


def test_replicates_are_withdrawn_and_proposed_together(tmp_path: Path) -> None:
    campaign = begin(tmp_path, replicates=2)
    campaign.propose(2)
    assert len(campaign.propose(redo=True)) == 4
    assert statuses(campaign) == ["withdrawn"] * 4 + ["waiting"] * 4


def test_nothing_is_withdrawn_for_a_wish_that_cannot_be_met(tmp_path: Path) -> None:
    campaign = begin(tmp_path)
    campaign.propose(2)
    with pytest.raises(InvalidConditions):
        campaign.propose(fixed={"solvent": "benzene"}, redo=True)
    with pytest.raises(InvalidConditions):
        campaign.propose(fixed={"temperature": 200.0}, redo=True)
    assert statuses(campaign) == ["waiting"] * 2


def test_a_result_of_a_withdrawn_experiment_is_taken_as_one_nobody_asked_for(tmp_path: Path) -> None:
    campaign = begin(tmp_path)
    (old,) = campaign.propose()
    campaign.propose(redo=True)
    with pytest.raises(InvalidResults, match="withdrawn"):
        campaign.record({**old, "yield": 12.0})
    conditions = {name: old[name] for name in ("solvent", "temperature")}
    assert campaign.record({**conditions, "yield": 12.0}).added


def test_a_plate_is_done_again_with_another_value_in_common(tmp_path: Path) -> None:
    campaign = begin(tmp_path, batch={"size": 3, "same": ["temperature"]})
    campaign.propose(3)
    again = campaign.propose(fixed={"temperature": 33.0}, redo=True)
    assert [row["temperature"] for row in again] == [33.0] * 3
    assert {e.plate for e in campaign.state.experiments.values() if e.status == "waiting"} == {2}


def test_more_than_a_plate_holds_takes_several(tmp_path: Path) -> None:
    campaign = begin(tmp_path, batch={"size": 4, "same": ["solvent"]})
    rows = campaign.propose(6)
    solvents = [row["solvent"] for row in rows]
    assert len(rows) == 6
    assert len(set(solvents[:4])) == len(set(solvents[4:])) == 1
    assert [e.plate for e in campaign.state.experiments.values()] == [1, 1, 1, 1, 2, 2]


def test_where_nothing_more_goes_on_a_plate_the_next_is_begun(tmp_path: Path) -> None:
    campaign = begin(tmp_path, batch={"size": 4, "same": ["temperature"]})
    rows = campaign.propose(5)  # three solvents at one temperature, and no more
    assert [e.plate for e in campaign.state.experiments.values()] == [1, 1, 1, 2, 2]
    assert len({row["temperature"] for row in rows}) == 2


def test_why_is_told_in_sentences(tmp_path: Path) -> None:
    campaign = begin(tmp_path)
    (row,) = campaign.propose()
    assert "without regard to results" in campaign.why(row["experiment"], lang="en")
    assert "결과와 상관없이" in campaign.why(row["experiment"], lang="ko")
    with pytest.raises(NotFound):
        campaign.why("exp_nobody_00001")
