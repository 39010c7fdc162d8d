"""The gest-api generator, by the rules its standard states."""

import copy
import inspect
import itertools
import json
import math
import pickle
import subprocess
import sys

import numpy as np
import pandas
import polars
import pytest
from gest_api import Generator
from gest_api.vocs import VOCS
from hypothesis import given, settings
from hypothesis import strategies as st

from kgenesis import GestGenerator
from kgenesis.app.exchange.vocs import problem_of

MIXED = {
    "variables": {"x": [0.0, 1.0], "cycles": {1, 2, 5}, "solvent": {"water", "DMSO"}, "stirred": {True, False}},
    "objectives": {"f": "MINIMIZE"},
    "constraints": {"c": ["LESS_THAN", 0.9]},
    "constants": {"alpha": 3},
    "observables": ["note"],
}


def vocs_of(**changes):
    return VOCS(**(copy.deepcopy(MIXED) | changes))


def evaluated(point):
    f = (point["x"] - 0.3) ** 2 + 0.1 * point["cycles"] + (point["solvent"] == "DMSO") + 0.2 * point["stirred"]
    return {**point, "f": f, "c": point["x"], "note": "clear"}


def driven(generator, n_rounds, n=2):
    for _ in range(n_rounds):
        generator.ingest([evaluated(point) for point in generator.suggest(n)])
    return generator


def test_it_is_a_generator_of_the_standard():
    assert issubclass(GestGenerator, Generator)
    assert GestGenerator.returns_id is True
    assert "num_points" in inspect.signature(GestGenerator.suggest).parameters


def test_points_have_every_variable_and_constant_in_their_own_types():
    (point,) = GestGenerator(vocs_of(), seed=1).suggest(1)
    assert point.keys() == {"x", "cycles", "solvent", "stirred", "alpha", "_id"}
    assert 0 <= point["x"] <= 1
    assert point["cycles"] in {1, 2, 5}
    assert type(point["cycles"]) is int
    assert point["solvent"] in {"water", "DMSO"}
    assert type(point["stirred"]) is bool
    assert point["alpha"] == 3


def test_it_finds_the_best_point():
    generator = driven(GestGenerator(vocs_of(), seed=2), 9)
    best = min((p for p in generator.data if p["c"] < 0.9), key=lambda p: p["f"])
    assert (best["solvent"], best["stirred"], best["cycles"]) == ("water", False, 1)
    assert best["x"] == pytest.approx(0.3, abs=0.05)


def test_exactly_as_many_points_as_asked_or_a_value_error():
    vocs = VOCS(variables={"k": {1, 2, 3}}, objectives={"f": "MAXIMIZE"})
    generator = GestGenerator(vocs)
    assert generator.suggest(0) == []
    assert len(generator.suggest(2)) == 2
    with pytest.raises(ValueError, match="1 of 2"):
        generator.suggest(2)
    assert len(generator.pending) == 2, "a refusal suggests nothing"
    assert len(generator.suggest(1)) == 1
    with pytest.raises(ValueError, match="-1 points"):
        generator.suggest(-1)


def test_without_a_number_the_batch_size_decides():
    assert len(GestGenerator(vocs_of(), batch_size=3).suggest()) == 3
    assert len(GestGenerator(vocs_of()).suggest(None)) == 1


def test_pending_points_matter_to_the_next_suggestion():
    generator = GestGenerator(VOCS(variables={"k": set(range(12))}, objectives={"f": "MINIMIZE"}), planner="random")
    points = [generator.suggest(1)[0] for _ in range(12)]
    assert {point["k"] for point in points} == set(range(12))
    assert [point["_id"] for point in points] == list(range(12))


def test_results_come_back_in_any_order_and_unasked():
    generator = GestGenerator(vocs_of(), seed=4)
    first, second, third = generator.suggest(3)
    generator.ingest([evaluated(third), evaluated({k: v for k, v in first.items() if k != "_id"})])
    assert [point["_id"] for point in generator.pending] == [second["_id"]]
    mine = {"x": 0.123, "cycles": 2, "solvent": "water", "stirred": True, "alpha": 3}
    generator.ingest([evaluated(mine)])
    assert len(generator.pending) == 1
    assert "_id" not in generator.data[-1]


def test_numpy_scalars_and_frames_are_taken_as_results():
    for library in (pandas, polars):
        generator = GestGenerator(vocs_of(), seed=5)
        rows = [evaluated(point) for point in generator.suggest(2)]
        generator.ingest(library.DataFrame(rows))
        assert generator.pending == []
        assert generator.data == [row | {"_id": i} for i, row in enumerate(rows)]
    generator = GestGenerator(vocs_of(), seed=5)
    (row,) = (evaluated(point) for point in generator.suggest(1))
    generator.ingest([{**row, "x": np.float64(row["x"]), "cycles": np.int64(row["cycles"]), "_id": np.int64(0)}])
    assert type(generator.data[0]["cycles"]) is int


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"_id": 99}, "no point was suggested as _id 99"),
        ({"x": 1.5}, "not within"),
        ({"x": None}, "'x' is missing"),
        ({"cycles": 3}, "not one of its values"),
        ({"solvent": "beer"}, "not one of its values"),
        ({"alpha": 4}, "constant 'alpha'"),
        ({"f": "high"}, "must be a number"),
    ],
)
def test_what_does_not_fit_is_refused_whole(change, reason):
    generator = GestGenerator(vocs_of(), seed=6)
    good, bad = (evaluated(point) for point in generator.suggest(2))
    before = generator.data
    with pytest.raises(ValueError, match=reason):
        generator.ingest([good, bad | change])
    assert generator.data == before


def test_an_id_is_ingested_once_and_a_missing_outcome_is_named():
    generator = GestGenerator(vocs_of(), seed=6)
    (point,) = generator.suggest(1)
    with pytest.raises(ValueError, match="'f' is missing"):
        generator.ingest([point])
    generator.ingest([evaluated(point)])
    with pytest.raises(ValueError, match="ingested before"):
        generator.ingest([evaluated(point)])


def test_an_evaluation_that_failed_is_learned_from_and_not_repeated():
    vocs = VOCS(variables={"k": set(range(6))}, objectives={"f": "MINIMIZE"})
    generator = GestGenerator(vocs, seed=1)
    for flag in ({"f": math.nan}, {"f": None}, {"f": math.inf}, {"xopt_error": True}):
        (point,) = generator.suggest(1)
        generator.ingest([{**point, **flag}])
    assert [point["f"] for point in generator.data] == [None] * 4
    assert {point["k"] for point in generator.suggest(2)} | {p["k"] for p in generator.data} == set(range(6))


def test_a_generator_is_its_data_and_goes_on_from_it():
    generator = driven(GestGenerator(vocs_of(), seed=7), 3)
    generator.suggest(1)
    restored = GestGenerator(vocs_of(), seed=7, data=json.loads(json.dumps(generator.data)))
    pickled, copied = pickle.loads(pickle.dumps(generator)), copy.deepcopy(generator)  # noqa: S301
    assert restored.pending == generator.pending
    expected = generator.suggest(2)
    for other in (restored, pickled, copied):
        assert other.suggest(2) == expected
    generator.finalize()
    assert GestGenerator(vocs_of(), seed=8).suggest(2) != GestGenerator(vocs_of(), seed=9).suggest(2)
    assert generator.to_frame().shape == generator.to_frame("polars").shape == (9, 9)


def test_what_it_hands_out_is_a_copy():
    generator = GestGenerator(vocs_of())
    (point,) = generator.suggest(1)
    point["x"] = 99
    generator.data[0]["x"] = 99
    assert generator.pending[0]["x"] != 99


# ---- what a VOCS may ask for --------------------------------------------------------------------------------------


def test_constraints_mean_what_gest_api_means_by_them():
    constraints = {"a": ["LESS_THAN", 1.0], "b": ["GREATER_THAN", 1.0], "c": ["BOUNDS", 0.0, 1.0]}
    vocs = VOCS(variables={"x": [0, 1]}, objectives={"f": "MINIMIZE"}, constraints=constraints)
    for ours, theirs in zip(problem_of(vocs).outcome_constraints, vocs.constraints.values(), strict=True):
        for value in (-0.1, 0.0, 0.5, math.nextafter(1, 0), 1.0, math.nextafter(1, 2), 7.0):
            assert ours.holds(value) == theirs.check(value)


def test_several_objectives_are_traded_off():
    vocs = VOCS(variables={"x": [0, 1]}, objectives={"f": "MINIMIZE", "g": "MAXIMIZE"})
    generator = GestGenerator(vocs, seed=1)
    for _ in range(7):
        generator.ingest([{**p, "f": p["x"] ** 2, "g": -((p["x"] - 1) ** 2)} for p in generator.suggest(1)])
    xs = sorted(point["x"] for point in generator.data)
    assert max(b - a for a, b in itertools.pairwise(xs)) < 0.5, "the whole front is covered"


def test_explore_alone_covers_the_space():
    generator = GestGenerator(VOCS(variables={"x": [0, 1], "y": [0, 1]}, objectives={"f": "EXPLORE"}), seed=1)
    for _ in range(16):
        generator.ingest([{**point, "f": 1.0} for point in generator.suggest(1)])
    quarters = [(p["x"] > 0.5, p["y"] > 0.5) for p in generator.data]
    assert [quarters.count(q) for q in set(quarters)] == [4, 4, 4, 4]


def test_contextual_variables_are_held_at_what_was_seen_last():
    context = {"type": "ContextualVariable", "default_value": 20.0}
    vocs = VOCS(variables={"x": [0, 1], "room": context}, objectives={"f": "MINIMIZE"})
    generator = GestGenerator(vocs, seed=1)
    (point,) = generator.suggest(1)
    assert point["room"] == 20.0
    generator.ingest([{**point, "room": 24.5, "f": 1.0}])
    for _ in range(6):
        (point,) = generator.suggest(1)
        assert point["room"] == 24.5
        generator.ingest([{**point, "f": point["x"]}])
    assert problem_of(vocs, generator.data).space.variables[1].low < 24.5


def test_integers_stay_whole():
    vocs = VOCS(
        variables={"n": {"type": "ContinuousVariable", "domain": [0.5, 4.5], "dtype": "int"}},
        objectives={"f": "MINIMIZE"},
    )
    assert {point["n"] for point in GestGenerator(vocs).suggest(4)} == {1, 2, 3, 4}


def test_the_order_of_a_set_changes_nothing():
    one, other = ({"variables": {"s": {"b", "a", "c"}}}, {"variables": {"s": {"c", "b", "a"}}})
    suggestions = [GestGenerator(VOCS(**v, objectives={"f": "MINIMIZE"}), seed=3).suggest(3) for v in (one, other)]
    assert suggestions[0] == suggestions[1]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"objectives": {}}, ["no objective"]),
        ({"objectives": {"f": "MINIMIZE", "g": "EXPLORE"}}, ["g: EXPLORE"]),
        (
            {"variables": {"x": [0, math.inf], "a": {"type": "ContinuousVariable", "domain": [0, 1], "dtype": (float, (3,))}}},
            ["x: .*finite bounds", "a: an array"],
        ),
        ({"variables": {"x": [0, 1], "c": [0, 1]}}, ["both a factor and an outcome"]),
        ({"variables": {"x": {"type": "ContextualVariable"}}}, ["no factor can be controlled"]),
    ],
)  # fmt: skip
def test_a_vocs_that_cannot_be_expressed_is_refused_with_every_reason(changes, reasons):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  each reason is looked for below
        GestGenerator(vocs_of(**changes))
    for reason in reasons:
        refused.match(reason)


@settings(max_examples=20)
@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    values=st.sets(st.text(min_size=1, max_size=5), min_size=2, max_size=4),
    numbers=st.sets(st.integers(-99, 99), min_size=2, max_size=5),
)
def test_every_suggestion_belongs_to_the_vocs(low, width, values, numbers):
    vocs = VOCS(variables={"x": [low, low + width], "s": values, "k": numbers}, objectives={"f": "MAXIMIZE"})
    generator = GestGenerator(vocs, planner="random")
    for point in generator.suggest(3):
        assert low <= point["x"] <= low + width
        assert point["s"] in values
        assert point["k"] in numbers
        generator.ingest([{**point, "f": 0.0}])
    assert generator.pending == []


@pytest.mark.parametrize(("name", "package"), [("GestGenerator", "gest_api"), ("OptunaSampler", "optuna")])
def test_without_the_package_people_are_told_what_to_install(name, package):
    program = f"import sys; sys.modules[{package!r}] = None; from kgenesis import {name}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode
    assert "pip install 'kgenesis[" in ended.stderr.splitlines()[-1]
