"""Write proposals to a sheet for people: CSV that Excel opens properly in Korean, or Excel itself."""

import csv
import io
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgenesis.app.sheets.layout import FAILURES, WORDS, Column, campaign_mark, columns_of, neutral
from kgenesis.kernel.errors import BadInput, MissingPart, Refused
from kgenesis.kernel.experiment import Conditions, Value
from kgenesis.kernel.ids import CampaignId, ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Lang, Text, say

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

SPARE_ROWS = 200
"""Empty rows below the proposals that have the same checks, for results nobody asked for."""

DARK, PALE, GREY = "1F4E5F", "FFF8E1", "F2F2F2"
"""Colours: headers, cells to fill in, cells to leave alone."""


def write_proposals(
    path: Path,
    campaign: CampaignId,
    spec_hash: str,
    problem: Problem,
    rows: Iterable[tuple[ExperimentId, Conditions]],
    *,
    lang: Lang,
    instructions: Text | None = None,
    overwrite: bool = False,
) -> Path:
    """Write experiments with empty places for their results, whole or not at all; return the path.

    Args:
        path: `.csv` or `.xlsx`.
        campaign: whose experiments they are; it stands in every row, so that no other campaign takes them.
        spec_hash: of the mission.
        problem: factors, outcomes and their units.
        rows: experiment and conditions.
        lang: language of the headers and the guide.
        instructions: how to do the experiments (Excel only, on a sheet of its own).
        overwrite: replace a file that is there. Somebody may have typed results into it.

    Raises:
        BadInput: another kind of file, or it cannot be written there.
        InvalidSpec: a factor or outcome is called like a column of the sheet itself.
        MissingPart: it is Excel and openpyxl is not installed.
        Refused: the file exists.
    """
    if path.exists() and not overwrite:
        raise Refused(
            say(f"{path} exists, and may have results in it", f"{path}이(가) 이미 있고, 결과가 적혀 있을 수 있습니다"),
            hint=say("Choose another name, or move the file away.", "다른 이름을 고르거나 그 파일을 옮기세요."),
        )
    columns = columns_of(problem)
    mark = campaign_mark(campaign, spec_hash)
    table = [[_cell(column, mark, experiment, conditions) for column in columns] for experiment, conditions in rows]
    match path.suffix.lower():
        case ".csv":
            content = _csv(columns, table, lang)
        case ".xlsx":
            content = _excel(columns, table, lang, instructions)
        case other:
            raise BadInput(
                say(f"{other or 'no ending'} is not a sheet", f"{other or '확장자 없음'}: 시트가 아닙니다"),
                hint=say("Use a name ending in .csv or .xlsx.", ".csv 또는 .xlsx로 끝나는 이름을 쓰세요."),
            )
    _write(path, content)
    return path


def _cell(column: Column, mark: str, experiment: ExperimentId, conditions: Conditions) -> Value:
    match column.kind:
        case "campaign":
            return mark
        case "experiment":
            return experiment
        case "factor":
            value = conditions.get(column.name)
            return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value  # noqa: PLR2004
        case _:
            return None


def _csv(columns: Sequence[Column], table: Sequence[Sequence[Value]], lang: Lang) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([neutral(column.header(lang)) for column in columns])
    for row in table:
        writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue().encode("utf-8-sig")  # Excel reads Korean right only after a byte order mark


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            with part.open("xb") as file:  # not `tempfile`: the person's umask says who may read it
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(
            say(f"{path} cannot be written: {reason}", f"{path}에 쓸 수 없습니다: {reason}"),
            hint=say("Choose another place with `-o`.", "`-o`로 다른 위치를 고르세요."),
        ) from error


def _excel(columns: Sequence[Column], table: Sequence[Sequence[Value]], lang: Lang, instructions: Text | None) -> bytes:
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise MissingPart(
            say("Excel sheets need openpyxl", "Excel 시트에는 openpyxl이 필요합니다"),
            hint=say(
                "`pip install 'kgenesis[tables]'`, or use a name ending in .csv.",
                "`pip install 'kgenesis[tables]'`로 설치하거나 .csv로 끝나는 이름을 쓰세요.",
            ),
        ) from error
    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet(WORDS["sheet"].in_(lang))
    for i, column in enumerate(columns, start=1):
        _put(sheet, 1, i, column.header(lang))
    for line, row in enumerate(table, start=2):
        for i, cell in enumerate(row, start=1):
            _put(sheet, line, i, cell)
    _format(sheet, columns, len(table))
    _add_checks(sheet, columns, len(table), lang)
    _add_guide(book, columns, lang, instructions)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _put(sheet: "Worksheet", line: int, column: int, value: Value) -> None:
    cell: Any = sheet.cell(line, column)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl would make a formula of what starts with "="
        cell.quotePrefix = neutral(value) != value  # … and so would Excel, once the cell is edited


def _format(sheet: "Worksheet", columns: Sequence[Column], n_rows: int) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    line = Side(style="thin", color="BFBFBF")
    border = Border(left=line, right=line, top=line, bottom=line)
    for i, column in enumerate(columns, start=1):
        is_open = column.kind in {"outcome", "sem", "n", "failure", "note"}
        letter = get_column_letter(i)
        head: Any = sheet.cell(1, i)
        head.font = Font(bold=True, color="FFFFFF")
        head.fill = PatternFill("solid", fgColor=DARK)
        head.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
        head.border = border
        texts = [str(sheet.cell(row, i).value or "") for row in range(1, min(n_rows, 50) + 2)]
        sheet.column_dimensions[letter].width = min(max([10, *(_width(text) + 2 for text in texts)]), 44)
        for row in range(2, n_rows + 2):
            cell: Any = sheet.cell(row, i)
            cell.fill = PatternFill("solid", fgColor=PALE if is_open else GREY)
            cell.border = border
    first = next((i for i, column in enumerate(columns, start=1) if column.kind == "factor"), 1)
    sheet.freeze_panes = f"{get_column_letter(first)}2"
    sheet.row_dimensions[1].height = 34
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"


def _width(text: str) -> int:
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)  # noqa: PLR2004  from there on letters are wide


def _add_checks(sheet: "Worksheet", columns: Sequence[Column], n_rows: int, lang: Lang) -> None:
    """Let Excel warn while people type; what counts is checked again when the sheet comes back."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    number = say("A number in the mission's unit", "미션의 단위로 잰 수")
    kinds = [word.in_(lang) for word, _ in FAILURES.values()]
    rules: dict[str, tuple[dict[str, Any], Text]] = {
        "outcome": ({"type": "decimal", "operator": "between", "formula1": "-1E+300", "formula2": "1E+300"}, number),
        "sem": (
            {"type": "decimal", "operator": "greaterThanOrEqual", "formula1": "0"},
            say("Standard error, not below 0", "0 이상의 표준오차"),
        ),
        "n": (
            {"type": "whole", "operator": "greaterThanOrEqual", "formula1": "1"},
            say("Number of replicates, at least 1", "1 이상의 반복수"),
        ),
        "failure": (
            {"type": "list", "formula1": '"' + ",".join(kinds) + '"'},
            say("One of the kinds of failure", "실패 종류 중 하나"),
        ),
    }
    for i, column in enumerate(columns, start=1):
        if column.kind not in rules:
            continue
        rule, said = rules[column.kind]
        check = DataValidation(**rule, allow_blank=True, showErrorMessage=True, errorStyle="warning")
        check.error = said.in_(lang)
        check.errorTitle = column.header(lang)[:32]
        letter = get_column_letter(i)
        check.add(f"{letter}2:{letter}{n_rows + 1 + SPARE_ROWS}")
        sheet.add_data_validation(check)


def _add_guide(book: "Workbook", columns: Sequence[Column], lang: Lang, instructions: Text | None) -> None:
    from openpyxl.styles import Alignment, Font

    guide = book.create_sheet(WORDS["guide"].in_(lang))
    words = {key: word.in_(lang) for key, word in WORDS.items()}
    outcomes = ", ".join(column.header(lang) for column in columns if column.kind == "outcome")
    lines = [
        say("How to fill in this sheet", "이 시트를 채우는 방법"),
        *([instructions] if instructions is not None else []),
        say(
            f"Give every experiment its outcomes: {outcomes}. Or write under `{words['failure']}` why there are none.",
            f"실험마다 결과를 적으세요: {outcomes}. 결과가 없으면 `{words['failure']}`에 까닭을 고르세요.",
        ),
        *(say(f"· {w.en}: {meaning.en}", f"· {w.ko}: {meaning.ko}") for w, meaning in FAILURES.values()),
        say(
            f"`{words['sem']}` (standard error of the mean) and `{words['n']}` (replicates) may stay empty.",
            f"`{words['sem']}`(평균의 표준오차)와 `{words['n']}`(반복 횟수)는 비워 두어도 됩니다.",
        ),
        say(
            "Numbers are in the unit of the header; `25 degC` in a cell is converted. Write 1.5, not 1,5.",
            "수는 제목의 단위로 적습니다. 칸에 `25 degC`처럼 쓰면 바꿔 읽습니다. 1,5가 아니라 1.5로 쓰세요.",
        ),
        say(
            "Rows not done yet stay empty; record the sheet again later.",
            "아직 하지 않은 실험은 비워 두고 나중에 다시 기록하세요.",
        ),
        say(
            f"Results nobody asked for: a new row, factors filled in, `{words['experiment']}` left empty.",
            f"요청하지 않은 결과: 새 행에 요인을 적고 `{words['experiment']}`은(는) 비워 두세요.",
        ),
        say("Then: kgenesis record CAMPAIGN THIS-FILE", "그다음: kgenesis record 캠페인 이-파일"),
    ]
    for row, line in enumerate(lines, start=1):
        _put(guide, row, 1, line.in_(lang))
        cell: Any = guide.cell(row, 1)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(bold=row == 1, size=14 if row == 1 else 11)
    guide.column_dimensions["A"].width = 100
