"""Designs fill the space they are made for, each in its way."""

import itertools

import numpy as np
import pytest

from kgenesis.campaign.planners import designs
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Measurement, Observation
from kgenesis.kernel.ports import PluginContext, ProposalRequest
from kgenesis.kernel.problem import Problem

X = {"type": "real", "name": "x", "low": 0, "high": 8, "unit": "1"}
Y = {"type": "real", "name": "y", "low": 0, "high": 8, "unit": "1"}
SOLVENT = {"type": "categorical", "name": "solvent", "levels": ["DMSO", "water", "EtOH"]}
BLEND = {"type": "mixture", "name": "blend", "components": [{"name": "a", "low": 0.2}, {"name": "b"}, {"name": "c"}]}


def problem(*factors, constraints=()):
    return Problem.model_validate({
        "space": {"factors": factors, "constraints": constraints},
        "objectives": [{"name": "out", "goal": "maximize", "unit": "1"}],
    })  # fmt: skip


def campaign(make, some, n_experiments, *, seed=1, batch=1, replicates=1, **settings):
    """Conditions of experiments proposed one batch after the other."""
    planner = make(PluginContext(settings=settings, problem=some))
    history = []
    rows = []
    while len(rows) < n_experiments:
        request = ProposalRequest(some, history, (), min(batch, n_experiments - len(rows)), (seed, len(history)))
        proposals = planner.propose(request)
        if not proposals:
            break
        for p in proposals:
            rows.append(p.conditions)
            for _ in range(replicates):
                history.append(Observation(f"exp_{len(history)}", p.conditions, Measurement(outcomes={"out": 1.0})))
    return rows


def column(rows, name):
    return np.array([row[name] for row in rows])


def test_sobol_points_asked_for_one_by_one_or_in_batches_are_those_of_one_sequence():
    some = problem(X, Y)
    alone = campaign(designs.make_sobol, some, 16)
    assert campaign(designs.make_sobol, some, 16, batch=5) == alone
    assert campaign(designs.make_sobol, some, 16, replicates=3) == alone
    assert campaign(designs.make_sobol, some, 16, seed=2) != alone
    cells = {(int(row["x"] // 2), int(row["y"] // 2)) for row in alone}
    assert len(cells) == 16  # a (0, 4, 2)-net: one point in each of the 4 x 4 cells


def test_sobol_drops_what_is_infeasible_and_keeps_the_rest_in_order():
    whole = campaign(designs.make_sobol, problem(X, Y), 40)
    corner = problem(X, Y, constraints=[{"type": "expression", "expression": "x + y < 8"}])
    kept = [row for row in whole if row["x"] + row["y"] < 8]
    assert campaign(designs.make_sobol, corner, len(kept)) == kept


def test_a_sequence_goes_on_at_random_where_it_cannot_hit_what_is_feasible():
    narrow = problem(
        X, Y, constraints=[{"type": "linear", "coefficients": {"x": 1, "y": 1}, "relation": "=", "bound": 8}]
    )
    for make in (designs.make_sobol, designs.make_latin_hypercube):
        rows = campaign(make, narrow, 20, batch=4)
        assert len(rows) == 20
        assert np.allclose(column(rows, "x") + column(rows, "y"), 8, atol=1e-4)
        assert np.ptp(column(rows, "x")) > 4


def test_a_latin_hypercube_has_one_experiment_in_every_slice_of_every_factor():
    rows = campaign(designs.make_latin_hypercube, problem(X, Y), 8, batch=3, n=8)
    for name in ("x", "y"):
        assert sorted(np.floor(column(rows, name)).tolist()) == list(range(8))
    more = campaign(designs.make_latin_hypercube, problem(X, Y), 16, n=8)
    assert more[:8] == rows
    assert sorted(np.floor(column(more[8:], "x")).tolist()) == list(range(8))


def test_random_covers_a_finite_space_without_replacement():
    some = problem(SOLVENT, {"type": "integer", "name": "n", "low": 1, "high": 4})
    rows = campaign(designs.make_random, some, 99, batch=5)
    assert sorted((r["solvent"], r["n"]) for r in rows) == sorted(
        itertools.product(["DMSO", "water", "EtOH"], range(1, 5))
    )
    assert rows != campaign(designs.make_random, some, 99, batch=5, seed=2)


def test_random_is_uniform_over_what_is_feasible():
    some = problem(X, SOLVENT, constraints=[{"type": "expression", "expression": "x < 2 or solvent == 'water'"}])
    planner = designs.make_random(PluginContext(problem=some))
    rows = [p.conditions for p in planner.propose(ProposalRequest(some, (), (), 3000, (5, 0)))]
    # a third of the levels has 8 of 8, the other two have 2 of 8: 8 / (8 + 2 + 2)
    assert np.mean(column(rows, "solvent") == "water") == pytest.approx(8 / 12, abs=0.03)


def test_another_context_makes_the_same_conditions_another_experiment():
    air = {"type": "context", "name": "air", "low": 0, "high": 50, "unit": "degC"}
    some = problem(SOLVENT, air)
    known = [
        Observation(f"exp_{i}", {"solvent": s, "air": 10.0}, Measurement(outcomes={"out": 1.0}))
        for i, s in enumerate(["DMSO", "water", "EtOH"])
    ]
    planner = designs.make_random(PluginContext(problem=some))
    assert planner.propose(ProposalRequest(some, known, (), 3, (1, 3))) == []
    assert planner.propose(ProposalRequest(some, known, (), 3, (1, 3), {"air": 10.0})) == []
    assert len(planner.propose(ProposalRequest(some, known, (), 3, (1, 3), {"air": 20.0}))) == 3


def test_a_factorial_has_every_combination_of_levels_once():
    some = problem(X, {**Y, "low": 0.01, "high": 1, "scale": "log"}, SOLVENT)
    rows = campaign(designs.make_factorial, some, 99, levels=3)
    assert len(rows) == 27
    assert set(column(rows, "x")) == {0, 4, 8}
    assert np.allclose(sorted(set(column(rows, "y"))), [0.01, 0.1, 1])
    standard = campaign(designs.make_factorial, some, 99, levels=3, order="standard")
    assert standard != rows
    assert sorted(map(str, standard)) == sorted(map(str, rows))
    assert [row["solvent"] for row in standard[:3]] == ["DMSO", "water", "EtOH"]


def test_levels_may_be_given_for_each_factor():
    some = problem(X, Y, {"type": "integer", "name": "n", "low": 1, "high": 100})
    rows = campaign(designs.make_factorial, some, 99, levels={"x": 2, "n": 3})
    assert len(rows) == 2 * 3 * 3
    assert set(column(rows, "n")) == {1, 51, 100} or set(column(rows, "n")) == {1, 50, 100}


def test_a_mixture_becomes_a_simplex_lattice_above_its_lower_bounds():
    rows = campaign(designs.make_factorial, problem(BLEND), 99, levels=3)
    found = sorted(tuple(round(row[name], 9) for name in "abc") for row in rows)
    assert found == sorted([(1, 0, 0), (0.6, 0.4, 0), (0.6, 0, 0.4), (0.2, 0.8, 0), (0.2, 0.4, 0.4), (0.2, 0, 0.8)])


def test_a_factorial_that_would_be_too_large_is_refused_with_its_size():
    many = problem(*({**X, "name": f"x{i}"} for i in range(10)))
    with pytest.raises(InvalidSpec) as caught:
        designs.make_factorial(PluginContext(problem=many, settings={"levels": 4}))
    (mistake,) = caught.value.problems
    assert mistake.field == "planner.settings.levels"
    assert "1,048,576 points" in mistake.text.en
    assert "1,048,576개" in mistake.text.ko


def test_a_factorial_none_of_whose_points_is_feasible_is_refused():
    off = problem(X, constraints=[{"type": "expression", "expression": "x > 1 and x < 2"}])
    with pytest.raises(InvalidSpec, match="settings are not valid") as caught:
        designs.make_factorial(PluginContext(problem=off))
    assert "no combination of the levels" in caught.value.problems[0].text.en


@pytest.mark.parametrize(
    ("make", "settings", "field"),
    [
        (designs.make_random, {"n": 5}, "planner.settings.n"),
        (designs.make_sobol, {"scramble": False}, "planner.settings.scramble"),
        (designs.make_latin_hypercube, {"n": 1}, "planner.settings.n"),
        (designs.make_latin_hypercube, {"n": True}, "planner.settings.n"),
        (designs.make_factorial, {"levels": 1}, "planner.settings.levels"),
        (designs.make_factorial, {"order": "reversed"}, "planner.settings.order"),
        (designs.make_factorial, {"levels": {"solvent": 2}}, "planner.settings.levels.solvent"),
    ],
)  # fmt: skip
def test_settings_that_are_not_valid_are_refused_by_name(make, settings, field):
    with pytest.raises(InvalidSpec) as caught:
        make(PluginContext(settings=settings, problem=problem(X, SOLVENT)))
    assert field in [m.field for m in caught.value.problems], caught.value.problems


def test_a_proposal_names_the_nearest_experiment_and_how_far_it_is():
    some = problem(X, SOLVENT)
    known = [
        Observation("exp_far", {"x": 0.0, "solvent": "EtOH"}, Measurement(outcomes={"out": 1.0})),
        Observation("exp_near", {"x": 4.0, "solvent": "water"}, Measurement(outcomes={"out": 1.0})),
    ]
    planner = designs.make_random(PluginContext(problem=some))
    (proposal,) = planner.propose(ProposalRequest(some, known, (), 1, (3, 2), {"solvent": "water"}))
    assert proposal.why.nearest == "exp_near"
    assert proposal.why.distance == pytest.approx(abs(proposal.conditions["x"] - 4) / 8 / 2)
    assert (proposal.why.reason, proposal.why.planner) == ("design", "random")
