"""A mission changed in mid-campaign keeps what was measured."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from kgenesis import Campaign, KGenesisError, open_campaign, run
from kgenesis.kernel.experiment import Value

FACTORS: list[dict[str, Any]] = [
    {"name": "temperature", "type": "real", "low": 20, "high": 60, "unit": "degC"},
    {"name": "time", "type": "real", "low": 1, "high": 10, "unit": "h"},
    {"name": "solvent", "type": "categorical", "levels": ["water", "EtOH"]},
]
TOY: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "space": {"factors": FACTORS},
    "objectives": [{"name": "yield", "goal": "maximize", "unit": "percent"}],
    "budget": {"experiments": 12},
}
LEVELS = {"water": -20.0, "EtOH": 0.0, "MeCN": 5.0}


def measure(conditions: dict[str, Value]) -> dict[str, float]:
    """The best lies beyond the first bounds: 80 degC, 4 h, MeCN."""
    t, h = float(conditions["temperature"] or 0), float(conditions["time"] or 0)
    extra = 3 * float(conditions.get("pressure") or 0)
    return {"yield": 90 - (t - 80) ** 2 / 30 - (h - 4) ** 2 + LEVELS[str(conditions["solvent"])] + extra}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "lab.db"


def with_factors(*factors: Any, **more: Any) -> dict[str, Any]:
    return TOY | {"space": {"factors": list(factors)}} | more


@pytest.fixture
def ended(store: Path) -> Campaign:
    return run(TOY, measure, store=store, seed=1, progress=False)


@pytest.fixture
def quick(store: Path) -> Campaign:
    return run(TOY | {"planner": "random"}, measure, store=store, seed=1, progress=False)


def test_wider_bounds_and_a_new_level_open_the_campaign_again_and_the_best_is_found(
    ended: Campaign, store: Path
) -> None:
    assert ended.best is not None
    before = ended.best["yield"]
    said = ended.change(
        TOY | {"budget": {"experiments": 24}}, high={"temperature": 100}, add_level=[("solvent", "MeCN")]
    )
    assert "temperature.high: 60 → 100" in said
    assert any("solvent.levels" in text and "MeCN" in text for text in said)
    assert ended.state.stopped is None
    ended.run(measure, progress=False)
    assert ended.best["yield"] > before + 15
    assert ended.best["solvent"] == "MeCN"
    assert ended.best["temperature"] == pytest.approx(80, abs=8)
    again = Campaign.resume(ended.id, store=store)
    assert again.experiments == ended.experiments
    assert again.state.mission == ended.state.mission
    notes = " ".join(note.en for note in ended.make_report().notes)
    assert "After experiment 12 the mission was changed" in notes
    assert "does not compare like with like" in notes


def test_what_lies_outside_now_still_teaches_and_is_not_proposed(ended: Campaign) -> None:
    ended.change(TOY | {"budget": {"experiments": 18}}, high={"temperature": 40}, drop_level=[("solvent", "water")])
    space = ended.state.mission.space
    rows = [e.conditions for e in ended.state.experiments.values()]
    assert any(float(row["temperature"] or 0) > 40 for row in rows)
    assert any(row["solvent"] == "water" for row in rows)
    x = space.encode(space.to_values(rows))
    assert len(np.unique(x[:, 0])) == len({row["temperature"] for row in rows})
    ended.run(measure, progress=False)
    for e in list(ended.state.experiments.values())[12:]:
        assert 20 <= float(e.conditions["temperature"] or 0) <= 40
        assert e.conditions["solvent"] == "EtOH"
    assert ended.make_report().validation


def test_a_retired_factor_is_held_and_what_it_did_is_not_taken_for_noise(ended: Campaign) -> None:
    ended.change(TOY | {"budget": {"experiments": 16}}, hold={"time": 4})
    assert "time" in ended.state.mission.space.learned_names
    ended.run(measure, progress=False)
    assert [e.conditions["time"] for e in list(ended.state.experiments.values())[12:]] == [4.0] * 4
    (checked,) = ended.make_report().validation
    assert checked.q2 is not None
    assert checked.q2 > 0.8
    assert {effect.factor for effect in ended.make_report().sensitivity[0].effects} == {"temperature", "solvent"}


def test_a_new_factor_is_told_of_every_earlier_experiment(store: Path) -> None:
    campaign = run(TOY | {"planner": "random"}, measure, store=store, seed=2, progress=False)
    pressure = {"name": "pressure", "type": "real", "low": 1, "high": 5, "unit": "bar"}
    changed = with_factors(*FACTORS, pressure, budget={"experiments": 22})
    with pytest.raises(KGenesisError, match="what was it in the 12 experiments so far"):
        campaign.change(changed)
    assert campaign.state.changes == []
    campaign.change(changed, was={"pressure": 1.0})
    assert {o.conditions["pressure"] for o in (e.observation() for e in campaign.state.finished())} == {1.0}
    campaign.run(measure, progress=False)
    assert campaign.best is not None
    assert campaign.best["pressure"] > 4
    assert {e["pressure"] for e in Campaign.resume(campaign.id, store=store).experiments[:12]} == {1.0}


def test_a_new_constraint_and_a_new_target_hold_from_now_on(ended: Campaign) -> None:
    rule = {"type": "expression", "expression": "temperature + 10 * time <= 60"}
    changed = with_factors(*FACTORS, budget={"experiments": 16})
    changed["space"]["constraints"] = [rule]
    changed["objectives"] = [TOY["objectives"][0] | {"target": 99}]
    ended.change(changed)
    ended.run(measure, progress=False)
    for e in list(ended.state.experiments.values())[12:]:
        assert float(e.conditions["temperature"] or 0) + 10 * float(e.conditions["time"] or 0) <= 60.001
    ended.change(target={"yield": 10})
    assert ended.state.reached_by is not None


def test_open_proposals_that_no_longer_fit_are_withdrawn_and_the_others_stay(store: Path) -> None:
    campaign = open_campaign(TOY | {"planner": "random"}, store=store, seed=3)
    proposed = campaign.propose(6)
    campaign.change(high={"temperature": 40})
    state = campaign.state
    for row in proposed:
        status = state.experiments[row["experiment"]].status
        assert status == ("withdrawn" if row["temperature"] > 40 else "waiting")
    assert state.n_withdrawn > 0
    kept = [row for row in proposed if row["temperature"] <= 40]
    campaign.record([{"experiment": row["experiment"], **measure(row)} for row in kept])
    assert state.n_measured == len(kept)


def test_a_point_that_is_gone_from_a_candidate_table_teaches_and_a_new_one_is_tried(
    store: Path, tmp_path: Path
) -> None:
    def mission(numbers: list[float]) -> Path:
        rows = "".join(f"{n}\n" for n in numbers)
        (tmp_path / "points.csv").write_text(f"x\n{rows}", encoding="utf-8")
        factors = [{"name": "x", "type": "real", "low": 0, "high": 100, "unit": "1"}]
        content = TOY | {"space": {"factors": factors, "candidates": "points.csv"}, "lab": "people"}
        path = tmp_path / "points.yaml"
        path.write_text(yaml.safe_dump(content | {"kgenesis": 1}), encoding="utf-8")
        return path

    campaign = open_campaign(mission([10, 20, 30, 40]), store=store)
    first = campaign.propose(2)
    campaign.record([{"experiment": row["experiment"], "yield": row["x"]} for row in first])
    tried = {row["x"] for row in first}
    campaign.change(mission([*sorted({10.0, 20.0, 30.0, 40.0} - tried), 90.0]))
    rest = campaign.propose(5)
    assert {row["x"] for row in rest} == {10.0, 20.0, 30.0, 40.0, 90.0} - tried
    assert len(Campaign.resume(campaign.id, store=store).state.finished()) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objectives": [{"name": "purity", "goal": "maximize", "unit": "percent"}]}, "what was measured is yield"),
        ({"objectives": [{"name": "yield", "goal": "minimize", "unit": "percent"}]}, "is to maximize yield"),
        ({"objectives": [{"name": "yield", "goal": "maximize", "unit": "g"}]}, "its unit is 'percent'"),
        ({"space": {"factors": FACTORS[:2]}}, "hold it at a value instead"),
        ({"space": {"factors": [FACTORS[0] | {"unit": "K"}, *FACTORS[1:]]}}, "its unit is 'degC'"),
        (
            {"space": {"factors": [{"name": "temperature", "type": "categorical", "levels": ["a"]}, *FACTORS[1:]]}},
            "it is of type real",
        ),
        ({"budget": {"experiments": 5}}, "12 experiments are already proposed"),
        ({"name": "other"}, "is called 'toy'"),
    ],
)
def test_a_change_that_contradicts_what_was_measured_is_refused_whole(
    quick: Campaign, store: Path, changes: dict[str, Any], said: str
) -> None:
    before = copy.deepcopy(quick.experiments)
    with pytest.raises(KGenesisError, match=said) as refused:
        quick.change(TOY | changes)
    assert "earlier: [cmp_" in str(refused.value)
    again = Campaign.resume(quick.id, store=store)
    assert again.state.changes == []
    assert again.experiments == before


def test_nothing_is_written_where_nothing_differs(quick: Campaign) -> None:
    version = quick.state.version
    assert quick.change() == []
    assert quick.state.version == version


def test_starting_points_earlier_campaigns_and_manual_experiments_go_together(quick: Campaign, store: Path) -> None:
    start = [
        {"temperature": 30, "time": 2, "solvent": "EtOH"},
        {"temperature": 50, "time": 5, "solvent": "water"},
        {"temperature": 59, "time": 9, "solvent": "EtOH"},
    ]
    campaign = open_campaign(TOY | {"lab": "people", "start": start, "earlier": [quick.id]}, store=store)
    (first,) = campaign.propose()
    assert {k: first[k] for k in start[0]} == start[0]
    manual = {"temperature": 40.0, "time": 4.0, "solvent": "EtOH"}
    campaign.record({**manual, **measure(manual)})  # before anything that was asked for
    campaign.record({"experiment": first["experiment"], **measure(first)})
    campaign.change(
        TOY | {"lab": "people", "start": start[:2], "earlier": [quick.id]},
        low={"temperature": 35},
        high={"temperature": 55},
    )  # the first starting point is done, so it may not fit
    campaign.record({**manual, **measure(manual)})
    (second,) = campaign.propose()
    assert {k: second[k] for k in start[1]} == start[1]
    assert campaign.state.n_measured == 3


def test_a_target_that_nothing_can_reach_is_refused_in_mid_campaign_too(store: Path) -> None:
    campaign = open_campaign("kem-parameters", store=store)
    before = campaign.state.version
    with pytest.raises(KGenesisError, match="possible"):
        campaign.change(target={"size": 40})
    campaign.change(target={"size": 2400})
    assert campaign.state.mission.objectives[0].target == 2400
    assert campaign.state.version == before + 1
