"""The lab `table`: looking up experiments somebody has already done."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.labs.tables import TableLab, make_lab
from kgenesis.testing.labs import measured, task_of

SOLVENT = {"name": "solvent", "type": "categorical", "levels": ["water", "DMSO"]}
HEAT = {"name": "heat", "type": "real", "low": 0, "high": 100, "unit": "degC"}
TABLE = """\
solvent,T,yield,colour
water,10.1,10,pale
water,10.1,14,dark
DMSO,10.1,30,pale
DMSO,90,,dark
water,90,50,black
acetone,90,99,black
"""
Make = Callable[..., TableLab]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that makes a lab of a table and some factors."""

    def make(
        text: str = TABLE, *, factors: Any = (SOLVENT, HEAT), outcomes: Any = ("yield",), **settings: Any
    ) -> TableLab:
        (tmp_path / "table.csv").write_text(text, encoding="utf-8")
        objectives = [{"name": name, "goal": "maximize", "unit": "1"} for name in outcomes]
        problem = Problem.model_validate({"space": {"factors": list(factors)}, "objectives": objectives})
        settings = {"path": "table.csv", "columns": {"heat": "T"}, **settings}
        return make_lab(PluginContext(settings=settings, problem=problem, folder=tmp_path))

    return make


def fields(caught: pytest.ExceptionInfo[InvalidSpec]) -> list[tuple[str, str, int | None]]:
    """Return field, file and line of every problem."""
    return [(p.field, p.file, p.line) for p in caught.value.problems]


def test_replicates_are_averaged_with_their_standard_error(make: Make) -> None:
    result = make().measure(task_of({"solvent": "water", "heat": 10.1}))
    assert isinstance(result, Measurement)
    outcome = result.outcomes["yield"]
    assert (outcome.mean, outcome.n) == (12.0, 2)
    assert outcome.sem == pytest.approx(np.std([10, 14], ddof=1) / np.sqrt(2))
    assert result.metadata == {"rows": [1, 2]}


def test_a_single_row_has_no_standard_error(make: Make) -> None:
    result = make().measure(task_of({"solvent": "DMSO", "heat": 10.1}))
    assert isinstance(result, Measurement)
    assert result.outcomes["yield"].sem is None


def test_numbers_need_not_agree_in_the_last_digit(make: Make) -> None:
    heat = 0.1 + 10.0 * (1 + 1e-15)
    assert measured(make().measure(task_of({"solvent": "DMSO", "heat": heat})))["yield"] == 30


def test_the_first_of_several_replicates_can_be_asked_for(make: Make) -> None:
    assert measured(make(replicates="first").measure(task_of({"solvent": "water", "heat": 10.1}))) == {"yield": 10}


def test_replicates_are_drawn_by_the_seed_and_all_come_up(make: Make) -> None:
    lab = make(replicates="draw")
    tasks = [task_of({"solvent": "water", "heat": 10.1}, number) for number in range(20)]
    drawn = [measured(lab.measure(task))["yield"] for task in tasks]
    assert set(drawn) == {10, 14}
    assert drawn == [measured(lab.measure(task))["yield"] for task in tasks]


def test_conditions_no_row_has_are_refused(make: Make) -> None:
    result = make().measure(task_of({"solvent": "water", "heat": 50.0}))
    assert isinstance(result, Failure)
    assert result.kind == "refused"


def test_the_nearest_row_answers_and_says_how_far_it_is(make: Make) -> None:
    result = make(lookup="nearest").measure(task_of({"solvent": "water", "heat": 80.0}))
    assert isinstance(result, Measurement)
    assert result.mean("yield") == 50
    assert result.metadata["nearest"] == {"solvent": "water", "heat": 90.0}
    assert result.metadata["distance"] == pytest.approx(0.1 / 2)


@pytest.mark.parametrize("kind", ["infeasible", "crashed"])
def test_a_row_without_an_outcome_is_the_failure_the_mission_says(make: Make, kind: str) -> None:
    result = make(missing=kind).measure(task_of({"solvent": "DMSO", "heat": 90.0}))
    assert isinstance(result, Failure)
    assert result.kind == kind
    assert "yield" in result.reason.en


def test_of_replicates_only_those_with_an_outcome_are_averaged(make: Make) -> None:
    lab = make("solvent,T,yield\nwater,1,\nwater,1,4\nDMSO,1,1\n")
    assert measured(lab.measure(task_of({"solvent": "water", "heat": 1.0})))["yield"] == 4


def test_ordinal_text_becomes_its_rank(make: Make) -> None:
    lab = make(outcomes=["colour"], ordinal={"colour": ["pale", "dark", "black"]})
    assert measured(lab.measure(task_of({"solvent": "water", "heat": 10.1}))) == {"colour": 0.5}


def test_an_empty_cell_can_stand_for_a_level(make: Make) -> None:
    base = {"name": "base", "type": "categorical", "levels": ["none", "KOAc"]}
    lab = make("base,yield\n,5\nKOAc,6\n", factors=[base], columns={}, blank={"base": "none"})
    assert measured(lab.measure(task_of({"base": "none"}))) == {"yield": 5}


def test_an_empty_cell_of_a_factor_is_refused_otherwise(make: Make) -> None:
    base = {"name": "base", "type": "categorical", "levels": ["KOAc"]}
    with pytest.raises(InvalidSpec) as caught:
        make("base,yield\nKOAc,6\n,5\n", factors=[base], columns={})
    assert caught.value.problems[0].line == 3


def test_a_level_that_looks_like_a_number_is_found(make: Make) -> None:
    grade = {"name": "grade", "type": "categorical", "levels": ["1", "2"]}
    lab = make("grade,yield\n1,5\n2,6\n", factors=[grade], columns={})
    assert measured(lab.measure(task_of({"grade": "2"}))) == {"yield": 6}


def test_fixed_values_choose_rows_and_context_comes_with_the_measurement(make: Make) -> None:
    factors = [
        HEAT,
        {"name": "solvent", "type": "fixed", "value": "water"},
        {"name": "humidity", "type": "context", "low": 0, "high": 1, "unit": "1"},
    ]
    lab = make("solvent,T,humidity,yield\nwater,1,0.2,3\nwater,1,0.4,3\nDMSO,1,0.9,7\n", factors=factors)
    result = lab.measure(task_of({"solvent": "water", "heat": 1.0, "humidity": None}))
    assert isinstance(result, Measurement)
    assert result.mean("yield") == 3
    assert result.context["humidity"] == pytest.approx(0.3)


def test_conditional_factors_may_be_blank_where_they_do_not_exist(make: Make) -> None:
    extra = {"name": "ligand", "type": "real", "low": 0, "high": 1, "unit": "1", "active_if": "solvent == 'DMSO'"}
    lab = make("solvent,ligand,yield\nwater,,1\nDMSO,0.5,2\n", factors=[SOLVENT, extra], columns={})
    assert measured(lab.measure(task_of({"solvent": "water", "ligand": None}))) == {"yield": 1}
    assert measured(lab.measure(task_of({"solvent": "DMSO", "ligand": 0.5}))) == {"yield": 2}


def test_every_point_of_the_space_is_listed_once_with_what_is_known_of_it(make: Make) -> None:
    conditions, measurements = make().outcomes_of_all_points()
    assert conditions == [
        {"solvent": "water", "heat": 10.1},
        {"solvent": "DMSO", "heat": 10.1},
        {"solvent": "DMSO", "heat": 90.0},
        {"solvent": "water", "heat": 90.0},
    ]
    assert [m.outcomes["yield"].mean if m.outcomes else None for m in measurements] == [12, 30, None, 50]
    assert measurements[0].outcomes["yield"].n == 2


def test_points_the_mission_forbids_are_not_listed(make: Make) -> None:
    narrow = {**HEAT, "high": 50}
    conditions, _ = make(factors=[SOLVENT, narrow]).outcomes_of_all_points()
    assert [c["heat"] for c in conditions] == [10.1, 10.1]


def test_listed_points_and_measuring_agree(make: Make) -> None:
    rng = np.random.default_rng(1)
    cells = zip(["water", "DMSO"] * 50, rng.integers(0, 20, 100), rng.random(100), strict=True)
    rows = "\n".join(f"{solvent},{heat},{outcome}" for solvent, heat, outcome in cells)
    lab = make(f"solvent,T,yield\n{rows}\n")
    for conditions, expected in zip(*lab.outcomes_of_all_points(), strict=True):
        assert measured(lab.measure(task_of(conditions)))["yield"] == pytest.approx(expected.mean("yield"))


def test_the_version_follows_the_content_and_the_settings_that_matter(make: Make) -> None:
    version = make().version
    assert make().version == version
    assert make(replicates="first").version != version
    assert make(TABLE.replace("50", "51")).version != version


def test_a_byte_order_mark_and_blanks_do_no_harm(make: Make) -> None:
    lab = make("\ufeff solvent , T , yield\n water , 1 , 3\nDMSO,1,4\n")
    assert measured(lab.measure(task_of({"solvent": "water", "heat": 1.0}))) == {"yield": 3}


def test_parquet_gives_the_same_as_csv(make: Make, tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    from_csv = make().outcomes_of_all_points()
    pl.read_csv(TABLE.encode()).write_parquet(tmp_path / "table.parquet")
    assert make(path="table.parquet").outcomes_of_all_points() == from_csv


def test_whole_numbers_of_parquet_are_levels_without_a_point(make: Make, tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    grade = {"name": "grade", "type": "categorical", "levels": ["1", "2"]}
    pl.DataFrame({"grade": [1.0, 2.0], "yield": [5, 6]}).write_parquet(tmp_path / "table.parquet")
    lab = make(path="table.parquet", factors=[grade], columns={})
    assert measured(lab.measure(task_of({"grade": "2"}))) == {"yield": 6}


@pytest.mark.parametrize(
    ("text", "more", "field", "line"),
    [
        (TABLE.replace("50", "lots"), {}, "lab.settings.path", 6),
        (TABLE.replace("50", "inf"), {}, "lab.settings.path", 6),
        (TABLE.replace("water,90", "water,"), {}, "lab.settings.path", 6),
        (TABLE.replace("DMSO,90,,dark", "DMSO,90,"), {}, "lab.settings.path", 5),
        (TABLE.replace("colour", "yield"), {}, "lab.settings.path", 1),
        ("solvent,T,yield\n", {}, "lab.settings.path", None),
        (TABLE, {"columns": {"heat": "Temp"}}, "lab.settings.columns.heat", 1),
        (TABLE, {"columns": {"heat": "T", "colour": "colour"}}, "lab.settings.columns.colour", None),
        (TABLE, {"outcomes": ["purity"]}, "lab.settings.columns.purity", 1),
        (TABLE, {"ordinal": {"smell": ["good", "bad"]}}, "lab.settings.ordinal.smell", 1),
        (TABLE, {"outcomes": ["colour"], "ordinal": {"colour": ["pale", "dark"]}}, "lab.settings.path", 6),
        (TABLE.replace("DMSO", "dmso"), {}, "lab.settings.columns.solvent", None),
        (TABLE, {"blank": {"smell": "none"}}, "lab.settings.blank.smell", 1),
        (TABLE, {"path": "elsewhere.csv"}, "lab.settings.path", None),
        (TABLE, {"lookup": "closest"}, "lab.settings.lookup", None),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_refused_with_its_place(
    make: Make, text: str, more: dict[str, Any], field: str, line: int | None
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make(text, **more)
    assert (field, line) in [(where, number) for where, _, number in fields(caught)]


def test_a_damaged_parquet_file_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InvalidSpec):
        make(path="table.parquet")


def test_a_hundred_thousand_rows_are_ready_in_seconds_and_looked_up_in_no_time(make: Make) -> None:
    rng = np.random.default_rng(0)
    heat, other = rng.random(100_000).round(7), rng.random(100_000).round(7)
    rows = "\n".join(f"{a},{b},{a - b}" for a, b in zip(heat, other, strict=True))
    factors = [{**HEAT, "high": 1}, {"name": "other", "type": "real", "low": 0, "high": 1, "unit": "1"}]
    start = time.process_time()
    lab = make(f"T,other,yield\n{rows}\n", factors=factors)
    made = time.process_time() - start
    start = time.process_time()
    for i in range(200):
        found = measured(lab.measure(task_of({"heat": float(heat[i]), "other": float(other[i])})))
        assert found["yield"] == pytest.approx(heat[i] - other[i])
    assert made < 5
    assert time.process_time() - start < 1
