"""Proposals to people on a sheet, and their results back."""

import csv
import datetime as dt
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.app.sheets import ResultRow, Sheet, read_results, results_of, write_proposals
from kgenesis.app.sheets.layout import FAILURES, columns_of, failure_kind, neutral, plain
from kgenesis.kernel.errors import BadInput, InvalidResults, InvalidSpec, KGenesisError, NotFound, Refused
from kgenesis.kernel.experiment import Failure, FailureKind, Measurement, Value
from kgenesis.kernel.ids import CampaignId, ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say

CAMPAIGN = CampaignId("cmp_0000000abcde")
HASH = "0123456789abcdef"
EVIL = "=cmd|' /C calc'!A0"
PROBLEM = Problem.model_validate(
    {
        "space": {
            "factors": [
                {"name": "heat", "type": "real", "low": 20, "high": 400, "unit": "degC"},
                {"name": "용매", "type": "categorical", "levels": ["물", "DMSO", EVIL, "1"]},
                {"name": "ligand", "type": "real", "low": 0, "high": 1, "unit": "g", "active_if": "용매 == 'DMSO'"},
                {"name": "humidity", "type": "context", "low": 0, "high": 1, "unit": "1"},
                {"name": "operator", "type": "fixed", "value": "Kim"},
            ]
        },
        "objectives": [
            {"name": "yield", "goal": "maximize", "unit": "g"},
            {"name": "melting point", "goal": "maximize", "unit": "degC"},
        ],
    }
)
ONE, TWO, THREE = (ExperimentId(f"exp_0000000abcde_0000{n}") for n in (1, 2, 3))
PROPOSED: dict[ExperimentId, dict[str, Value]] = {
    ONE: {"heat": 0.1 + 99.9, "용매": "물", "ligand": None, "humidity": None, "operator": "Kim"},
    TWO: {"heat": 123.45678901234567, "용매": EVIL, "ligand": None, "humidity": None, "operator": "Kim"},
    THREE: {"heat": 200.0, "용매": "DMSO", "ligand": 0.25, "humidity": None, "operator": "Kim"},
}
HEADER = ["campaign", "experiment", "heat [degC]", "용매", "ligand [g]", "humidity", "operator", "yield [g]"]
HEADER += ["yield sem", "yield n", "melting point [degC]", "melting point sem", "melting point n", "failure", "note"]

Edit = Callable[[list[dict[str, Any]]], None]


def write(path: Path, **more: Any) -> Path:
    """Write the three proposals."""
    return write_proposals(path, CAMPAIGN, HASH, PROBLEM, PROPOSED.items(), **{"lang": "en", **more})


def read(path: Path, **more: Any) -> list[ResultRow]:
    """Read results of the three."""
    return read_results(path, PROBLEM, **{"campaign": CAMPAIGN, "spec_hash": HASH, "known": PROPOSED, **more})


def take(rows: Sequence[dict[str, Any]], header: Sequence[str] | None = None, **more: Any) -> list[ResultRow]:
    """Read results from a table in memory."""
    header = list(dict.fromkeys(key for row in rows for key in row)) if header is None else header
    sheet = Sheet(header, [(line, [row.get(key) for key in header]) for line, row in enumerate(rows, start=2)], "r.csv")
    return results_of(sheet, PROBLEM, **{"campaign": CAMPAIGN, "spec_hash": HASH, "known": PROPOSED, **more})


def mistakes(
    rows: Sequence[dict[str, Any]], header: Sequence[str] | None = None, **more: Any
) -> list[tuple[str, int | None, str]]:
    """Return field, line and English text of everything wrong with a table."""
    with pytest.raises(InvalidResults) as caught:
        take(rows, header, **more)
    assert all(problem.file == "r.csv" and problem.text.ko for problem in caught.value.problems)
    return [(problem.field, problem.line, problem.text.en) for problem in caught.value.problems]


def done(**changes: Any) -> dict[str, Any]:
    """Return a row with a good result of experiment ONE, and changes to it."""
    return {"experiment": ONE, "yield [g]": 1.5, "melting point [degC]": 80, **changes}


def unasked(**changes: Any) -> dict[str, Any]:
    """Return a good row nobody asked for, and changes to it."""
    return {"heat": 50, "용매": "물", "yield": 1.5, "melting point": 80, **changes}


def filled_csv(path: Path, edit: Edit, encoding: str = "utf-8-sig", delimiter: str = ",") -> Path:
    """Fill a CSV sheet in as a person would."""
    text = path.read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    edit(rows)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def fill_all(rows: list[dict[str, Any]]) -> None:
    """Give every row outcomes."""
    for i, row in enumerate(rows):
        row["yield [g]"], row["melting point [degC]"] = str(i + 0.5), "80"


# ---- out and back ---------------------------------------------------------------------------------------------------


def test_a_csv_sheet_goes_out_and_comes_back_with_exact_conditions(tmp_path: Path) -> None:
    results = read(filled_csv(write(tmp_path / "next.csv"), fill_all))
    assert [row.experiment for row in results] == [ONE, TWO, THREE]
    assert [row.conditions for row in results] == list(PROPOSED.values())
    assert [row.result.mean("yield") for row in results if isinstance(row.result, Measurement)] == [0.5, 1.5, 2.5]


def test_an_excel_sheet_goes_out_and_comes_back_with_exact_conditions(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = write(tmp_path / "next.xlsx", lang="ko", instructions=say("Weigh twice.", "두 번 재세요."))
    book = openpyxl.load_workbook(path)
    sheet = book["실험 목록"]
    header = [cell.value for cell in sheet[1]]
    for line in (2, 3, 4):
        sheet.cell(line, header.index("yield [g]") + 1).value = line
        sheet.cell(line, header.index("yield 표준오차") + 1).value = 0.5
        sheet.cell(line, header.index("yield 반복수") + 1).value = 3
        sheet.cell(line, header.index("melting point [degC]") + 1).value = "353.15 K"
    book.save(path)
    results = read(path)
    assert [row.conditions for row in results] == list(PROPOSED.values())
    first = results[0].result
    assert isinstance(first, Measurement)
    assert first.outcomes["yield"].model_dump() == {"mean": 2.0, "sem": 0.5, "n": 3}
    assert first.mean("melting point") == pytest.approx(80)


def test_an_excel_sheet_is_ready_for_people(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = write(tmp_path / "next.xlsx", instructions=say("Weigh twice.", "두 번 재세요."))
    book = openpyxl.load_workbook(path)
    sheet = book["experiments"]
    assert [cell.value for cell in sheet[1]] == HEADER
    assert sheet.freeze_panes == "C2"
    assert len(sheet.data_validations.dataValidation) == 7
    guide = "\n".join(str(cell.value) for cell in book["how to fill it in"]["A"])
    assert "Weigh twice." in guide
    assert "timed-out" in guide


def test_a_csv_sheet_begins_so_that_excel_reads_korean(tmp_path: Path) -> None:
    content = write(tmp_path / "next.csv", lang="ko").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").splitlines()[0].startswith("캠페인,실험,heat [degC],용매")


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp949", ","), ("utf-8", ";"), ("utf-8-sig", "\t")])
def test_what_excel_in_korea_and_europe_saves_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = filled_csv(write(tmp_path / "next.csv", lang="en"), fill_all, encoding, delimiter)
    assert len(read(path)) == 3


def test_both_languages_come_back(tmp_path: Path) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[0]["실패"], rows[0]["비고"] = "장비 이상", "퓨즈가 나감"

    (row,) = read(filled_csv(write(tmp_path / "next.csv", lang="ko"), edit))
    assert isinstance(row.result, Failure)
    assert (row.result.kind, row.result.reason.ko, row.note) == ("crashed", "퓨즈가 나감", "퓨즈가 나감")


# ---- formulas -------------------------------------------------------------------------------------------------------


def test_no_cell_of_a_csv_sheet_is_a_formula(tmp_path: Path) -> None:
    text = write(tmp_path / "next.csv").read_text(encoding="utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@"}]
    assert f"'{EVIL}" in cells


def test_no_cell_of_an_excel_sheet_is_a_formula(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(write(tmp_path / "next.xlsx"))["experiments"]
    evil = [cell for row in sheet.iter_rows() for cell in row if cell.value == EVIL]
    assert [(cell.data_type, cell.quotePrefix) for cell in evil] == [("s", True)]
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


@given(st.text(max_size=8).filter(lambda text: text == text.strip()))
def test_neutral_text_comes_back_as_it_was_and_begins_like_no_formula(text: str) -> None:
    assert plain(neutral(text)) == text
    assert neutral(text)[:1] not in {"=", "+", "-", "@", "\t", "\r"}


# ---- what people may do ---------------------------------------------------------------------------------------------


def test_rows_that_are_not_done_yet_and_empty_rows_are_left_out() -> None:
    proposed = {"experiment": TWO, "heat [degC]": 123.456789, "용매": EVIL}
    rows = [proposed, {}, done(), {"note": "  "}]
    assert [row.experiment for row in take(rows)] == [ONE]


def test_results_may_come_in_any_order_and_without_the_conditions() -> None:
    rows = [{"experiment": e, "yield": 1, "melting point": 80} for e in (THREE, ONE)]
    assert [(row.line, row.experiment, row.conditions) for row in take(rows)] == [
        (2, THREE, PROPOSED[THREE]),
        (3, ONE, PROPOSED[ONE]),
    ]


def test_a_result_nobody_asked_for_brings_its_own_conditions() -> None:
    (row,) = take([unasked(heat="350 K")])
    assert row.experiment is None
    assert row.conditions == {"heat": pytest.approx(76.85), "용매": "물", "ligand": None, "operator": "Kim"}


def test_context_factors_are_measured_and_may_be_left_empty() -> None:
    first, second = take([done(humidity="40 %"), {**done(), "experiment": TWO}])
    assert isinstance(first.result, Measurement)
    assert isinstance(second.result, Measurement)
    assert first.result.context == {"humidity": pytest.approx(0.4)}
    assert second.result.context == {}


def test_a_header_in_another_unit_converts_its_column() -> None:
    row = {"experiment": ONE, "yield [mg]": 1500, "yield sem [mg]": 20, "melting point [K]": 353.15}
    (found,) = take([row])
    assert isinstance(found.result, Measurement)
    outcome = found.result.outcomes["yield"]
    assert (outcome.mean, outcome.sem) == (pytest.approx(1.5), pytest.approx(0.02))
    assert found.result.mean("melting point") == pytest.approx(80)


def test_a_standard_error_in_kelvin_is_the_same_in_degrees() -> None:
    (found,) = take([done(**{"melting point sem": "0.5 K"})])
    assert isinstance(found.result, Measurement)
    assert found.result.outcomes["melting point"].sem == pytest.approx(0.5)


def test_digits_that_excel_drops_do_not_matter() -> None:
    (row,) = take([done(experiment=TWO, **{"heat [degC]": 123.4568})])
    assert row.conditions == PROPOSED[TWO]


def test_a_level_that_excel_made_a_number_is_found() -> None:
    (row,) = take([unasked(용매=1.0)])
    assert row.conditions["용매"] == "1"


def test_a_failure_with_a_kind_needs_no_outcome() -> None:
    (row,) = take([{"experiment": ONE, "yield": None, "melting point": None, "failure": "Timed-Out"}])
    assert isinstance(row.result, Failure)
    assert row.result.kind == "timed-out"


def test_a_note_stays_with_the_measurement() -> None:
    (row,) = take([done(note="a little yellow")])
    assert isinstance(row.result, Measurement)
    assert row.result.metadata == {"note": "a little yellow"}


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("nan", "not a finite number"),
        (float("nan"), "not a finite number"),
        ("inf", "not a finite number"),
        ("-Infinity", "not a finite number"),
        (float("inf"), "not a finite number"),
        ("1e999", "not a finite number"),
        ("#DIV/0!", "not a finite number"),
        ("high", "a number is due here, not 'high'"),
        (True, "a number is due here, not True"),
        ("1,5", "after a point"),
        ("1,500.0", "after a point"),
        ("25 degC", "cannot be read as"),
        ("25 blorp", "'blorp' is not known"),
        ("1 2", "not one number"),
        ("1.2.3", "not one number"),
        ("3-4", "not one number"),
        ("12:30", "not one number"),
        ("<0.1", "a number is due here"),
        ("≈3", "a number is due here"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_its_line_and_column(cell: object, said: str) -> None:
    ((field, line, text),) = mistakes([done(**{"yield [g]": cell})])
    assert (field, line) == ("yield [g]", 2)
    assert said in text


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"yield [g]": None}, "yield [g]", "an outcome is missing"),
        ({"yield sem": -0.1}, "yield sem", "not below 0"),
        ({"yield n": 0}, "yield n", "whole number"),
        ({"yield n": 2.5}, "yield n", "whole number"),
        ({"experiment": "exp_0000000abcde_00099"}, "experiment", "no experiment"),
        ({"campaign": "cmp_00000other0"}, "campaign", "of campaign cmp_00000other0"),
        ({"campaign": f"{CAMPAIGN}@ffffffff"}, "campaign", "another version"),
        ({"failure": "crashed"}, "failure", "not both"),
        ({"failure": "exploded"}, "failure", "must be one of"),
        ({"heat [degC]": 101}, "heat [degC]", "100.0 was proposed"),
        ({"용매": "DMSO"}, "용매", "물 was proposed"),
        ({"humidity": "wet"}, "humidity", "a number is due"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(changes: dict[str, Any], field: str, said: str) -> None:
    found = mistakes([done(**changes)])
    assert [(where, line) for where, line, _ in found] == [(field, 2)]
    assert said in found[0][2]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"heat": None}, "heat"),
        ({"heat": 500}, "heat"),
        ({"heat": "-300 degC"}, "heat"),
        ({"용매": "water"}, "용매"),
        ({"ligand": 0.5}, "ligand"),
        ({"용매": "DMSO"}, "ligand"),
        ({"yield": None}, "yield [g]"),
        ({"operator": "Lee"}, "operator"),
    ],
)
def test_conditions_outside_the_space_are_refused(changes: dict[str, Any], field: str) -> None:
    assert [(where, line) for where, line, _ in mistakes([unasked(**changes)])] == [(field, 2)]


@pytest.mark.parametrize(
    ("header", "field", "said"),
    [
        (["experiment", "yield [degC]", "melting point"], "yield [degC]", "the mission's unit is g"),
        (["experiment", "yield [blorp]", "melting point"], "yield [blorp]", "not known"),
        (["experiment", "yield", "melting point", "colour"], "colour", "no such column"),
        (["experiment", "yield", "melting point", ""], "", "no such column"),
        (["experiment", "yield", "melting point", "yield [g]"], "yield [g]", "twice"),
        (["experiment", "yield"], "melting point [degC]", "no such column"),
    ],
)
def test_a_header_that_cannot_be_read_is_named(header: list[str], field: str, said: str) -> None:
    found = mistakes([dict.fromkeys(header, "1")], header)
    assert [(where, line) for where, line, _ in found] == [(field, 1)]
    assert said in found[0][2]


def test_an_experiment_counts_once() -> None:
    assert [(line, text) for _, line, text in mistakes([done(), done()])] == [(3, f"{ONE} is on line 2 too")]
    assert "already" in mistakes([done()], finished={ONE})[0][2]


def test_every_mistake_is_told_at_once_and_nothing_is_taken() -> None:
    rows = [done(**{"yield [g]": "x"}), done(experiment=TWO), done(experiment=THREE, **{"melting point [degC]": "y"})]
    assert [line for _, line, _ in mistakes(rows)] == [2, 4]


def test_a_sheet_without_a_result_is_refused() -> None:
    assert mistakes([{"experiment": ONE, "yield": None, "melting point": None}])[0][2] == "there is no result on it"


def test_a_file_that_is_no_sheet_is_refused(tmp_path: Path) -> None:
    cases: list[tuple[str, bytes | None, type[KGenesisError]]] = [
        ("absent.csv", None, NotFound),
        ("a.xls", b"", BadInput),
        ("empty.csv", b"", InvalidResults),
        ("binary.csv", b"\xff\xff\x00\x81\x81", InvalidResults),
        ("broken.xlsx", b"PK no", InvalidResults),
    ]
    for name, content, error in cases:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(error):
            read(tmp_path / name)


def test_a_date_that_excel_made_of_a_number_is_named(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = write(tmp_path / "next.xlsx")
    book = openpyxl.load_workbook(path)
    book["experiments"].cell(2, HEADER.index("yield [g]") + 1).value = dt.datetime(2024, 3, 4)  # noqa: DTZ001
    book["experiments"].cell(2, HEADER.index("melting point [degC]") + 1).value = 80
    book.save(path)
    with pytest.raises(InvalidResults) as caught:
        read(path)
    assert [(problem.field, problem.line) for problem in caught.value.problems] == [("yield [g]", 2)]


# ---- writing --------------------------------------------------------------------------------------------------------


def test_a_sheet_that_may_have_results_in_it_is_not_written_over(tmp_path: Path) -> None:
    path = write(tmp_path / "next.csv")
    with pytest.raises(Refused):
        write(path)
    assert write(path, overwrite=True) == path
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["next.pdf", "next", "no/such/folder/next.csv"])
def test_a_place_or_kind_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        write(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["note", "실험", "yield sem", "yield 반복수"])
def test_a_factor_called_like_a_column_of_the_sheet_is_refused(name: str) -> None:
    data = PROBLEM.model_dump(mode="json")
    data["space"]["factors"][0]["name"] = name
    with pytest.raises(InvalidSpec):
        columns_of(Problem.model_validate(data))


def test_every_kind_of_failure_has_a_word_in_both_languages() -> None:
    assert set(FAILURES) == set(get_args(FailureKind))
    assert all(failure_kind(word) == kind for kind, (text, _) in FAILURES.items() for word in (text.en, text.ko, kind))
