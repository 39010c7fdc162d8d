"""Ax, BayBE and BoFire themselves read what we write for them, and still write what we bring in.

Run by `python3 tasks.py peers`, in an environment of its own.
"""

import json
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
import write_files

from kgenesis import open_campaign
from kgenesis.app.exchange.peers import bring_in, export_for

RANGES = [
    {"type": "real", "name": "t", "low": 0, "high": 10, "unit": "min"},
    {"type": "real", "name": "u", "low": 0, "high": 10, "unit": "min"},
]
CHOICES = [
    {"type": "grid", "name": "k", "values": [1, 2, 5], "unit": "1"},
    {"type": "categorical", "name": "kind", "levels": ["x", "y"]},
]
BLEND = {
    "type": "mixture",
    "name": "blend",
    "components": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
    "max_present": 2,
}
SOLVENT = {
    "type": "categorical", "name": "solvent", "levels": ["DMSO", "water"], "descriptors": {"polarity": [0.1, 0.9]},
}  # fmt: skip
SUM = {"type": "linear", "coefficients": {"t": 1, "u": 2}, "relation": ">=", "bound": 3}


def campaign_of(tmp_path, factors, constraints, results, **more):
    """Return a campaign with these results and a pending proposal."""
    mission = {
        "name": "simple",
        "title": "Simple",
        "space": {"factors": factors, "constraints": constraints},
        "objectives": [
            {"name": "y", "goal": "maximize", "unit": "g"},
            {"name": "cost", "goal": "minimize", "unit": "1"},
        ],
        "planner": "random",
        "budget": {"experiments": 9},
        **more,
    }
    campaign = open_campaign(mission, store=tmp_path / "store.db")
    campaign.record(results)
    campaign.propose(1)
    return campaign


def test_ax_reads_what_is_written_for_it(tmp_path):
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    point = {"t": 5.0, "u": 1.0, "n": 2.0, "k": 2.0, "kind": "y"}
    whole = {"type": "integer", "name": "n", "low": 1, "high": 9}
    purity = [{"outcome": "purity", "at_least": 0.9, "unit": "1"}]
    results = [{**point, "y": 1.5, "y sem": 0.25, "cost": 2, "purity": 0.95}, {**point, "failure": "refused"}]
    campaign = campaign_of(tmp_path, [*RANGES, whole, *CHOICES], [SUM], results, outcome_constraints=purity)
    (path,) = export_for("ax", campaign.state, tmp_path / "out")

    told = json.loads(path.read_text(encoding="utf-8"))
    client = Client()
    client.configure_experiment(
        name=told["name"],
        parameters=[
            (RangeParameterConfig if "bounds" in one else ChoiceParameterConfig)(**one) for one in told["parameters"]
        ],
        parameter_constraints=told["parameter_constraints"],
    )
    client.configure_optimization(objective=told["objective"], outcome_constraints=told["outcome_constraints"])
    for trial in told["trials"]:
        index = client.attach_trial(trial["parameters"], arm_name=trial["arm_name"])
        if trial["status"] == "completed":
            data = {name: tuple(v) if isinstance(v, list) else v for name, v in trial["data"].items()}
            client.complete_trial(index, raw_data=data)
        elif trial["status"] != "running":
            getattr(client, f"mark_trial_{trial['status']}")(index)

    table = client.summarize().set_index("arm_name")
    assert sorted(table["trial_status"]) == ["ABANDONED", "COMPLETED", "RUNNING"]
    done = table[table["trial_status"] == "COMPLETED"].iloc[0]
    assert (done["y"], done["t"], done["n"], done["kind"]) == (1.5, 5.0, 2, "y")
    client.save_to_json_file(str(tmp_path / "again.json"))
    draft, mission = bring_in(tmp_path / "again.json", "ax")
    assert [v.name for v in mission.space.variables] == [*point]
    assert draft.results[0][1].outcomes["y"].sem == 0.25


@pytest.mark.parametrize("is_discrete", [True, False])
def test_baybe_reads_what_is_written_for_it(tmp_path, is_discrete):
    from baybe import Campaign

    if is_discrete:
        factors, constraints = [*CHOICES, SOLVENT], [{"type": "forbidden", "combination": {"k": 5, "kind": "x"}}]
        points = [{"k": 2.0, "kind": "y", "solvent": "water"}, {"k": 1.0, "kind": "x", "solvent": "DMSO"}]
    else:
        factors, constraints = [*RANGES, BLEND], [SUM]
        points = [{"t": 5.0, "u": 1.0, "a": 0.5, "b": 0.5, "c": 0.0}]
    results = [{**point, "y": 1.5, "y sem": 0.25, "cost": 2.0} for point in points]
    campaign = campaign_of(tmp_path, factors, constraints, results)
    export_for("baybe", campaign.state, tmp_path / "out")
    theirs = Campaign.from_config((tmp_path / "out" / "campaign.json").read_text(encoding="utf-8"))
    theirs.add_measurements(pd.read_csv(tmp_path / "out" / "measurements.csv"))
    assert len(theirs.measurements) == len(points)
    if is_discrete:
        space = campaign.state.mission.space
        rows = theirs.searchspace.discrete.exp_rep[list(space.names)].to_dict("records")
        assert {tuple(row.values()) for row in rows} == {tuple(r.values()) for r in space.to_rows(space.points)}
    else:
        assert len(theirs.searchspace.continuous.constraints_lin_eq) == 1
        assert len(theirs.searchspace.continuous.constraints_lin_ineq) == 1


def test_bofire_reads_what_is_written_for_it(tmp_path):
    from bofire.data_models.domain.api import Domain

    point = {"t": 5.0, "u": 1.0, "k": 2.0, "kind": "y", "solvent": "water", "a": 0.5, "b": 0.5, "c": 0.0}
    bounds = [
        {"outcome": "purity", "at_least": 0.9, "unit": "1"},
        {"outcome": "hue", "at_least": 1, "at_most": 3, "unit": "1"},
    ]
    results = [{**point, "y": 1.5, "cost": 2, "purity": 0.95, "hue": 2}]
    factors = [*RANGES, *CHOICES, SOLVENT, BLEND]
    campaign = campaign_of(tmp_path, factors, [SUM], results, outcome_constraints=bounds)
    export_for("bofire", campaign.state, tmp_path / "out")
    domain = Domain(**json.loads((tmp_path / "out" / "domain.json").read_text(encoding="utf-8")))
    experiments = pd.read_csv(tmp_path / "out" / "experiments.csv")
    assert len(domain.validate_experiments(experiments, strict=True)) == 1
    assert domain.constraints.is_fulfilled(experiments).all()
    # ours has no `_des` columns, so the inputs alone are held against the domain
    candidates = pd.read_csv(tmp_path / "out" / "candidates.csv")
    domain.inputs.validate_candidates(candidates[domain.inputs.get_keys()])


@pytest.mark.parametrize(
    ("program", "write"), [("ax", "write_ax"), ("baybe", "write_baybe"), ("bofire", "write_bofire")]
)
def test_the_programs_still_write_what_is_brought_in(tmp_path, program, write):
    shutil.copy(write_files.FOLDER / "baybe-config.json", tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(write_files, write)(tmp_path)
    name = {"baybe": "baybe-continuous"}.get(program, program)
    tables = {p.stem: p for p in Path(tmp_path).glob("*.csv")}
    kept = write_files.FOLDER / f"{name}.csv"
    _, mission = bring_in(tmp_path / f"{name}.json", program, tables.get(name))
    _, expected = bring_in(write_files.FOLDER / f"{name}.json", program, kept if kept.exists() else None)
    assert mission == expected
