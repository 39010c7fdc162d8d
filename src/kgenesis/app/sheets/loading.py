"""Open a CSV or Excel file that people filled in, as a plain table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kgenesis.app.sheets.cells import Cell, as_text
from kgenesis.app.sheets.layout import WORDS
from kgenesis.kernel.errors import BadInput, InvalidResults, MissingPart, Mistake, NotFound
from kgenesis.kernel.text import say


@dataclass(frozen=True)
class Sheet:
    """A table as it came in: a header and rows of cells (None where empty; NaN is not empty)."""

    header: Sequence[str]
    rows: Sequence[tuple[int, Sequence[Cell]]]
    """Line in the file, from 1, and its cells."""
    file: str = ""


def load_sheet(path: Path) -> Sheet:
    """Return a CSV or Excel file as a table.

    Raises:
        NotFound: there is no such file.
        BadInput: another kind of file.
        InvalidResults: it cannot be read as what its name says.
        MissingPart: it is Excel and openpyxl is not installed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(
            say(f"{path} cannot be read", f"{path}을(를) 읽을 수 없습니다"),
            hint=say("Name a sheet.", "시트를 지정하세요."),
        ) from error
    match path.suffix.lower():
        case ".csv":
            return _load_csv(content, str(path))
        case ".xlsx":
            return _load_excel(content, str(path))
        case other:
            raise BadInput(
                say(f"{other or 'no ending'} is not a sheet", f"{other or '확장자 없음'}: 시트가 아닙니다"),
                hint=say("Save it as .csv (UTF-8) or .xlsx.", ".csv(UTF-8)나 .xlsx로 저장하세요."),
            )


def _unreadable(file: str, en: str, ko: str) -> InvalidResults:
    return InvalidResults(say("the sheet cannot be read", "시트를 읽을 수 없습니다"), [Mistake(say(en, ko), file=file)])


def _load_csv(content: bytes, file: str) -> Sheet:
    text = None
    for encoding in ("utf-8-sig", "cp949"):  # Excel in Korea saves "CSV" in the second
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None:
        raise _unreadable(file, "it is not UTF-8 text", "UTF-8 텍스트가 아닙니다")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lines: list[tuple[int, Sequence[Cell]]] = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise _unreadable(file, f"line {reader.line_num}: {error}", f"{reader.line_num}행: {error}") from error
    if not lines:
        raise _unreadable(file, "it is empty", "비어 있습니다")
    return Sheet([str(cell) for cell in lines[0][1]], lines[1:], file)


def _load_excel(content: bytes, file: str) -> Sheet:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingPart(
            say("Excel sheets need openpyxl", "Excel 시트에는 openpyxl이 필요합니다"),
            hint=say(
                "`pip install 'kgenesis[tables]'`, or save it as CSV.",
                "`pip install 'kgenesis[tables]'` 또는 CSV로 저장하세요.",
            ),
        ) from error
    try:
        book = load_workbook(io.BytesIO(content), data_only=True)
    except Exception as error:  # zipfile, XML and openpyxl each have their own
        raise _unreadable(file, f"it is not an Excel workbook ({error})", f"Excel 문서가 아닙니다({error})") from error
    names = [name for name in (WORDS["sheet"].en, WORDS["sheet"].ko) if name in book.sheetnames]
    if not names and len(book.sheetnames) > 1:
        wanted = WORDS["sheet"]
        raise _unreadable(file, f"it has no sheet {wanted.en!r}", f"{wanted.ko!r} 시트가 없습니다")
    sheet = book[names[0] if names else book.sheetnames[0]]
    rows = [(line, list(cells)) for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1)]
    if not rows:
        raise _unreadable(file, "it is empty", "비어 있습니다")
    header = [as_text(cell) for cell in rows[0][1]]
    while header and not header[-1]:
        header.pop()
    return Sheet(header, rows[1:], file)
