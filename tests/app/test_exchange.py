"""What Ax, BayBE and BoFire wrote is brought in exactly or refused, and campaigns are written for them.

The files come from the programs themselves: tests/ecosystem/write_files.py.
"""

import csv
import io
import json
from pathlib import Path

import pytest

from kgenesis import open_campaign
from kgenesis.app.ask_and_tell import record_sheet
from kgenesis.app.exchange.peers import bring_in, export_for, write_draft
from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.constraints import Expression, Forbidden, Linear
from kgenesis.kernel.errors import BadInput, NotFound
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.factors import Categorical, Grid, Integer, Mixture, Real

FILES = Path(__file__).parent / "exchange"


def brought(name, program, data=None):
    return bring_in(FILES / name, program, None if data is None else FILES / data)


def reasons_of(caught):
    return "\n".join(problem.in_("en") for problem in caught.value.problems)


def edited(tmp_path, name, change):
    data = json.loads((FILES / name).read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


# ---- in -----------------------------------------------------------------------------------------------------------


def test_an_experiment_of_ax_comes_in_with_its_data():
    draft, mission = brought("ax.json", "ax")
    factors = {factor.name: factor for factor in mission.space.factors}
    assert mission.name == "coupling-part-2"
    assert factors["rate"] == Real(type="real", name="rate", low=0.01, high=10, unit="1", scale="log")
    assert factors["n"] == Integer(type="integer", name="n", low=1, high=9)
    assert factors["conc"] == Grid(type="grid", name="conc", values=(0.1, 0.2, 0.5), unit="1")
    assert factors["solvent"] == Categorical(type="categorical", name="solvent", levels=("DMSO", "water", "EtOH"))
    assert factors["size"].descriptors == {"order": (0, 1, 2)}
    assert factors["stirred"].levels == ("True", "False") or factors["stirred"].levels == ("False", "True")
    (mixture,) = mission.space.mixtures
    assert [(c.name, c.low, c.high) for c in mixture.components] == [("a", 0, 1), ("b", 0, 0.75)]
    (constraint,) = mission.space.constraints
    assert constraint == Linear(type="linear", coefficients={"temperature": 1, "n": 2}, relation="<=", bound=95)
    assert [(o.name, o.goal) for o in mission.objectives] == [("output", "maximize"), ("cost", "minimize")]
    assert [(c.outcome, c.at_least) for c in mission.outcome_constraints] == [("purity", 0.9)]
    assert mission.objectives[1].threshold == 8, "in Ax a bound on an objective is its threshold"
    measured, failed, given_up = (result for _, result in draft.results)
    assert measured.outcomes["output"].mean == 60
    assert measured.outcomes["output"].sem == 1.5
    assert (failed.kind, given_up.kind) == ("crashed", "refused")
    assert "1 trials without a result" in draft.notes[-1].en


def test_a_continuous_campaign_of_baybe_comes_in_with_its_measurements():
    draft, mission = brought("baybe-continuous.json", "baybe", "baybe-continuous.csv")
    (mixture,) = mission.space.mixtures
    assert isinstance(mixture, Mixture)
    assert (mixture.total, mixture.min_present, mixture.max_present) == (1.0, 1, 2)
    assert mission.space.constraints[0].coefficients == {"a": 10, "temperature": 1}
    assert [result.mean("output") for _, result in draft.results] == [1.0, 2.5]


def test_a_configuration_of_baybe_comes_in():
    draft, mission = brought("baybe-config.json", "baybe", "baybe-config.csv")
    assert mission.space.size == 24
    assert len(mission.space.points) == 24 - 2 * 3, "as BayBE's own exclusion leaves"
    solvent = mission.space.factors[2]
    assert solvent.descriptors == {"polarity": (0.1, 0.9, 0.4), "boiling point": (189, 100, 78)}
    assert [o.goal for o in mission.objectives] == ["maximize", "minimize"]
    assert [(result.mean("output"), result.mean("cost")) for _, result in draft.results] == [(1.5, 3), (2.5, 4)]


def test_a_domain_of_bofire_comes_in_with_its_experiments():
    draft, mission = brought("bofire.json", "bofire", "bofire.csv")
    factors = {factor.name: factor for factor in mission.space.factors}
    assert mission.space.mixtures[0].max_present == 2
    assert factors["temperature"] == Real(type="real", name="temperature", low=20, high=90, unit="degC", step=5)
    assert factors["n"].unit == "1"
    assert factors["solvent"].descriptors == {"polarity": (0.1, 0.9)}
    assert {type(c) for c in mission.space.constraints} == {Linear, Expression}
    assert [(o.name, o.goal, o.value) for o in mission.objectives] == [("output", "maximize", None), ("pH", "hit", 7)]
    bounds = {c.outcome: (c.at_least, c.at_most) for c in mission.outcome_constraints}
    assert bounds == {"purity": (0.9, None), "colour": (3, 7)}
    first, second, third = (result for _, result in draft.results)
    assert set(first.outcomes) == {"output", "pH", "purity", "colour"}
    assert second.mean("output") == 2
    assert third.kind == "lost"
    assert {"n: the unit 'spoons' is not known here; it says 1", "smell has no objective and is left out"} <= {
        note.en for note in draft.notes
    }


@pytest.mark.parametrize(
    ("name", "program", "data"),
    [
        ("ax.json", "ax", None),
        ("baybe-continuous.json", "baybe", "baybe-continuous.csv"),
        ("baybe-config.json", "baybe", "baybe-config.csv"),
        ("bofire.json", "bofire", "bofire.csv"),
    ],
)
def test_what_comes_in_can_be_gone_on_with(tmp_path, name, program, data):
    draft, mission = brought(name, program, data)
    mission_file, sheet = write_draft(draft, mission, tmp_path)
    assert load_mission(str(mission_file)).mission == mission
    campaign = open_campaign(mission_file, store=tmp_path / "store.db")
    record_sheet(campaign._platform, campaign.id, sheet)
    campaign = type(campaign).resume(campaign.id, store=tmp_path / "store.db")
    told = [e.result for e in campaign.state.finished()]
    for (_, expected), result in zip(draft.results, told, strict=True):
        assert type(result) is type(expected)
        if isinstance(expected, Measurement):
            assert result.outcomes == expected.outcomes
        elif isinstance(expected, Failure):
            assert result.kind == expected.kind
    assert mission.space.check({k: v for k, v in campaign.propose(1)[0].items() if k != "experiment"}) == []
    with pytest.raises(BadInput, match="exists already"):
        write_draft(draft, mission, tmp_path)


def _set(*path, to):
    def change(data):
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = to

    return change


_AX_SPACE = ("experiment", "search_space")


@pytest.mark.parametrize(
    ("name", "program", "change", "reasons"),
    [
        ("ax.json", "ax", _set(*_AX_SPACE, "parameters", 0, "is_fidelity", to=True), ["temperature: a fidelity"]),
        ("ax.json", "ax", _set(*_AX_SPACE, "parameters", 0, "__type", to="DerivedParameter"), ["type DerivedParameter"]),
        (
            "ax.json", "ax",
            _set(*_AX_SPACE, "parameter_constraints", 0, "inequality", to="1.0 * n * 2.0 * a <= 3.0"), ["not linear"],
        ),
        (
            "ax.json", "ax",
            _set("experiment", "optimization_config", "objective", "expression", to="2*output + cost"),
            ["not one metric"],
        ),
        (
            "ax.json", "ax",
            _set("experiment", "optimization_config", "outcome_constraints", 0, "relative", to=True), ["relative"],
        ),
        ("baybe-config.json", "baybe", _set("objective", "type", to="DesirabilityObjective"), ["DesirabilityObjective"]),
        ("baybe-config.json", "baybe", _set("searchspace", "parameters", 1, "encoding", to="INT"), ["encoding INT"]),
        ("baybe-config.json", "baybe", _set("searchspace", "constructor", to="from_simplex"), ["from_simplex"]),
        (
            "baybe-config.json", "baybe", _set("searchspace", "parameters", 2, "type", to="SubstanceParameter"),
            ["SubstanceParameter"],
        ),
        (
            "bofire.json", "bofire", _set("inputs", "features", 3, "type", to="ContinuousTaskInput"),
            ["ContinuousTaskInput"],
        ),
        (
            "bofire.json", "bofire", _set("constraints", "constraints", 0, "features", to=["a", "b", "temperature"]),
            ["a, b, c: how many may be above zero"],
        ),
        ("bofire.json", "bofire", _set("inputs", "features", 0, "bounds", to=[0.1, 1]), ["a: at most so many"]),
    ],
)  # fmt: skip
def test_what_has_no_exact_counterpart_is_refused_by_name(tmp_path, name, program, change, reasons):
    path = edited(tmp_path, name, change)
    with pytest.raises(BadInput) as caught:
        bring_in(path, program)
    for reason in reasons:
        assert reason in reasons_of(caught)


def test_every_reason_is_named_at_once(tmp_path):
    def change(data):
        data["searchspace"]["parameters"][1]["encoding"] = "INT"
        data["objective"]["targets"][0]["type"] = "BinaryTarget"

    with pytest.raises(BadInput) as caught:
        bring_in(edited(tmp_path, "baybe-config.json", change), "baybe")
    assert [problem.field for problem in caught.value.problems] == ["kind", "output"]


def test_a_pickle_is_never_opened():
    with pytest.raises(BadInput) as caught:
        brought("baybe-pickled.json", "baybe")
    assert reasons_of(caught).count("pickle, which is not opened") == 2


def test_the_points_of_a_saved_campaign_may_come_as_a_table(tmp_path):
    points, data = tmp_path / "points.csv", tmp_path / "data.csv"
    points.write_text("temperature\n20\n60\n", encoding="utf-8")
    data.write_text("temperature,output\n20,1\n", encoding="utf-8")
    draft, mission = bring_in(FILES / "baybe-pickled.json", "baybe", data, points)
    assert mission.space.to_rows(mission.space.points) == [{"temperature": 20}, {"temperature": 60}]
    written = write_draft(draft, mission, tmp_path / "out")
    assert [path.name for path in written][1] == f"{mission.name}.candidates.csv"
    loaded = load_mission(str(written[0])).mission
    assert loaded.space.to_rows(loaded.space.points) == mission.space.to_rows(mission.space.points)
    points.write_text("temperature\n25\n", encoding="utf-8")
    with pytest.raises(BadInput):
        bring_in(FILES / "baybe-pickled.json", "baybe", data, points)


def test_what_is_no_such_file_is_said_so(tmp_path):
    with pytest.raises(NotFound):
        bring_in(tmp_path / "none.json", "ax")
    for text in ("no json", "[]", "3", '{"experiment": {"search_space": {"parameters": [3]}}}'):
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        with pytest.raises(BadInput):
            bring_in(tmp_path / "bad.json", "ax")
    with pytest.raises(BadInput, match="none of ax, baybe, bofire"):
        brought("ax.json", "excel")


def test_results_that_do_not_fit_are_refused_one_by_one(tmp_path):
    table = tmp_path / "table.csv"
    rows = ["temperature,kind,solvent,output,cost", "80,a,water,1,2", "20,a,beer,1,2", "20,a,water,1,", "x,a,water,1,2"]
    table.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        bring_in(FILES / "baybe-config.json", "baybe", table)
    told = [problem.text.en.split(":")[0] for problem in caught.value.problems]
    assert told == ["experiment 1", "experiment 2", "experiment 3", "experiment 4"]


def test_an_outcome_that_bofire_does_not_train_on_is_missing(tmp_path):
    table = tmp_path / "table.csv"
    text = (FILES / "bofire.csv").read_text(encoding="utf-8")
    table.write_text(text.replace("True", "False", 1), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        bring_in(FILES / "bofire.json", "bofire", table)
    assert (
        reasons_of(caught)
        == "bofire.json: output: experiment 1: it has no value; give one, or leave the experiment out"
    )


# ---- out ----------------------------------------------------------------------------------------------------------

SIMPLE = {
    "name": "simple",
    "title": "Simple",
    "space": {
        "factors": [
            {"type": "real", "name": "t", "low": 0, "high": 10, "unit": "min"},
            {"type": "integer", "name": "n", "low": 1, "high": 4},
            {"type": "categorical", "name": "kind", "levels": ["x", "y"]},
            {"type": "mixture", "name": "blend", "components": [{"name": "a"}, {"name": "b", "high": 0.75}]},
        ],
        "constraints": [{"type": "linear", "coefficients": {"t": 1, "a": 2}, "relation": "<=", "bound": 11}],
    },
    "objectives": [{"name": "y", "goal": "maximize", "unit": "g"}],
    "planner": "random",
    "budget": {"experiments": 9},
}
POINT = {"t": 5.0, "n": 2, "kind": "y", "a": 0.5, "b": 0.5}


@pytest.fixture
def campaign(tmp_path):
    campaign = open_campaign(SIMPLE, store=tmp_path / "store.db")
    campaign.record([{**POINT, "y": 1.5, "y sem": 0.25}, {**POINT, "n": 3, "failure": "crashed"}])
    campaign.propose(1)
    return campaign


def test_a_campaign_is_written_for_ax(tmp_path):
    factors = [f for f in SIMPLE["space"]["factors"] if f["name"] != "blend"]
    inequality = {"type": "linear", "coefficients": {"t": 1, "n": 2}, "relation": "<=", "bound": 11}
    mission = {**SIMPLE, "space": {"factors": factors, "constraints": [inequality]}}
    campaign = open_campaign(mission, store=tmp_path / "ax.db")
    point = {"t": 5.0, "n": 2.0, "kind": "y"}
    campaign.record([{**point, "y": 1.5, "y sem": 0.25}, {**point, "failure": "crashed"}])
    campaign.propose(1)
    (path,) = export_for("ax", campaign.state, tmp_path / "out")
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["objective"] == "y"
    assert told["parameter_constraints"] == ["1.0 * t + 2.0 * n <= 11.0"]
    assert [trial["status"] for trial in told["trials"]] == ["completed", "failed", "running"]
    assert told["trials"][0]["data"] == {"y": [1.5, 0.25]}
    first, replicate, other = (trial["arm_name"] for trial in told["trials"])
    assert first == replicate != other, "in Ax the same parameters are the same arm"
    assert type(told["trials"][0]["parameters"]["n"]) is int


@pytest.mark.parametrize("program", ["baybe", "bofire"])
def test_what_is_written_comes_back_the_same(campaign, tmp_path, program):
    written = export_for(program, campaign.state, tmp_path / "out")
    names = {"baybe": ("campaign.json", "measurements.csv"), "bofire": ("domain.json", "experiments.csv")}[program]
    assert {path.name for path in written} >= set(names)
    draft, mission = bring_in(tmp_path / "out" / names[0], program, tmp_path / "out" / names[1])
    ours = campaign.state.mission.space
    assert mission.space.names == ours.names
    assert [(v.low, v.high, v.levels) for v in mission.space.variables] == [
        (v.low, v.high, v.levels) for v in ours.variables
    ]
    assert mission.space.constraints == ours.constraints
    assert [(o.name, o.goal) for o in mission.objectives] == [("y", "maximize")]
    assert draft.results[0][0] == POINT
    assert draft.results[0][1].mean("y") == 1.5
    with pytest.raises(BadInput, match="exists already"):
        export_for(program, campaign.state, tmp_path / "out")


def test_proposals_for_bofire_say_what_was_expected(campaign, tmp_path):
    export_for("bofire", campaign.state, tmp_path)
    (row,) = csv.DictReader(io.StringIO((tmp_path / "candidates.csv").read_text(encoding="utf-8")))
    assert row.keys() == {"t", "n", "kind", "a", "b", "y_pred", "y_sd"}


@pytest.mark.parametrize(
    ("program", "n_reasons"), [("ax", 7), ("baybe", 10), ("bofire", 7)],
)  # fmt: skip
def test_what_a_program_cannot_say_is_refused_with_every_reason(tmp_path, program, n_reasons):
    mission = {
        **SIMPLE,
        "space": {
            "factors": [
                {"type": "real", "name": "t", "low": 1, "high": 10, "unit": "min", "scale": "log", "step": 1},
                {"type": "categorical", "name": "kind", "levels": ["x", "y"], "smiles": ["C", "CC"]},
                {"type": "real", "name": "reflux", "low": 0, "high": 1, "unit": "1", "active_if": "kind == 'x'"},
                {"type": "context", "name": "humidity", "low": 0, "high": 100, "unit": "percent"},
                {"type": "mixture", "name": "blend", "components": [{"name": "a"}, {"name": "b"}], "step": 0.1},
                {"type": "fixed", "name": "cell", "value": "M50"},
            ],
            "constraints": [
                {"type": "expression", "expression": "t > 2 or kind == 'x'"},
                {"type": "forbidden", "combination": {"t": 5, "kind": "y"}},
            ],
        },
        "objectives": [{"name": "pH", "goal": "hit", "value": 7, "unit": "1"}],
        "outcome_constraints": [{"outcome": "purity", "at_least": 0.9, "unit": "1"}],
    }
    campaign = open_campaign(mission, store=tmp_path / "store.db")
    with pytest.raises(BadInput) as caught:
        export_for(program, campaign.state, tmp_path / "out")
    assert len(caught.value.problems) >= n_reasons - 3
    assert {"t", "reflux", "humidity", "blend"} <= {problem.field for problem in caught.value.problems}
    assert not (tmp_path / "out").exists()


def test_forbidden_combinations_of_levels_are_written_for_baybe(tmp_path):
    factors = [
        {"type": "categorical", "name": "kind", "levels": ["x", "y"]},
        {"type": "grid", "name": "t", "values": [20, 40], "unit": "degC"},
    ]
    forbidden = [{"type": "forbidden", "combination": {"kind": ["y"], "t": 20}}]
    mission = {**SIMPLE, "space": {"factors": factors, "constraints": forbidden}}
    campaign = open_campaign(mission, store=tmp_path / "store.db")
    export_for("baybe", campaign.state, tmp_path / "out")
    _, again = bring_in(tmp_path / "out" / "campaign.json", "baybe")
    assert isinstance(again.space.constraints[0], Forbidden)
    assert len(again.space.points) == len(campaign.state.mission.space.points) == 3
