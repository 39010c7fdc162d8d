"""Read CSV and Parquet files as named columns of text and numbers, saying which line is wrong."""

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.errors import InvalidSpec, MissingPart
from kgenesis.kernel.text import Text, say
from kgenesis.labs.settings import invalid

FloatArray = NDArray[np.float64]
Cell = str | float | None
"""Text, a number (Parquet), or None where the cell is empty."""

EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""What stands for an empty cell, in lower case."""

PARQUET = (".parquet", ".pq")
"""How the names of Parquet files end."""


@dataclass(frozen=True)
class Columns:
    """A table as a list of cells per column."""

    file: str
    """What the mission calls the file, for messages."""
    cells: Mapping[str, Sequence[Cell]]
    sha256: str
    """Hash of the file's content (hex)."""

    @cached_property
    def n_rows(self) -> int:
        """How many rows there are below the header."""
        return len(next(iter(self.cells.values()), ()))

    def texts(self, column: str) -> list[str | None]:
        """Return a column as text, None where it is empty; whole numbers lose their `.0`."""
        return [_as_text(cell) for cell in self.cells[column]]

    def numbers(self, column: str, order: Sequence[str] = ()) -> FloatArray:
        """Return a column (n,) as numbers, NaN where it is empty.

        Args:
            column: its name.
            order: for ordinal columns: the levels, which become 0, 1, 2, …

        Raises:
            InvalidSpec: a cell is not a finite number, or not one of the levels.
        """
        if order:
            codes: dict[str | None, float] = {level: float(i) for i, level in enumerate(order)}
            texts = self.texts(column)
            wrong = next((i for i, text in enumerate(texts) if text is not None and text not in codes), None)
            if wrong is not None:
                levels = ", ".join(order)
                raise self.wrong(
                    wrong,
                    column,
                    say(
                        f"{texts[wrong]!r} is not one of {levels}",
                        f"{texts[wrong]!r}은(는) {levels} 중 하나가 아닙니다",
                    ),
                )
            return np.array([codes.get(text, math.nan) for text in texts])
        cells = self.cells[column]
        try:  # the whole column at once, which is what almost every column allows
            found = np.array(["nan" if c is None or c == "" else c for c in cells], dtype=np.float64)
            if not np.isinf(found).any():
                return found
        except ValueError:
            pass
        return np.array([self._number(i, column, cell) for i, cell in enumerate(cells)])

    def _number(self, row: int, column: str, cell: Cell) -> float:
        if cell is None or (isinstance(cell, str) and cell.lower() in EMPTY):
            return math.nan
        try:
            number = float(cell)
        except ValueError:
            number = math.inf
        if math.isinf(number):
            raise self.wrong(
                row, column, say(f"{cell!r} is not a finite number", f"{cell!r}은(는) 유한한 수가 아닙니다")
            )
        return number

    def wrong(self, row: int, column: str, text: Text) -> InvalidSpec:
        """Return the error for one cell; `row` counts from 0 below the header."""
        has_header_line = not self.file.lower().endswith(PARQUET)
        line = row + 2 if has_header_line else row + 1
        return invalid(say(f"{column}: {text.en}", f"{column}: {text.ko}"), "path", file=self.file, line=line)


def read_columns(folder: Path, path: str, parts: tuple[str | int, ...] = ("path",)) -> Columns:
    """Read a CSV or Parquet file whole.

    Args:
        folder: where a relative path starts.
        path: the file, as the mission names it.
        parts: the setting that names it, for messages.

    Raises:
        InvalidSpec: it does not exist, has no rows, repeats a column, or a line has too many or too few cells.
        MissingPart: it is Parquet and nothing that reads it is installed.
    """
    try:
        content = (folder / path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise invalid(say(f"{path}: {reason}", f"{path}: 읽을 수 없습니다({reason})"), *parts) from error
    read = _parquet if path.lower().endswith(PARQUET) else _csv
    cells = read(content, path, parts)
    if not cells or not next(iter(cells.values())):
        raise invalid(say("the table has no rows", "표에 행이 없습니다"), *parts, file=path)
    return Columns(path, cells, hashlib.sha256(content).hexdigest())


def _csv(content: bytes, path: str, parts: tuple[str | int, ...]) -> Mapping[str, Sequence[Cell]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(
            say(f"{path} is not UTF-8: {error}", f"{path}은(는) UTF-8이 아닙니다: {error}"), *parts
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if path.lower().endswith(".tsv") else ",")
    header = [name.strip() for name in next(reader, [])]
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise invalid(
            say(f"two columns are called {doubled[0]!r}", f"{doubled[0]!r} 열이 둘입니다"), *parts, file=path, line=1
        )
    rows = []
    for row in reader:
        if len(row) != len(header):
            if not row:
                continue
            raise invalid(
                say(f"{len(row)} cells for {len(header)} columns", f"열 {len(header)}개에 칸이 {len(row)}개입니다"),
                *parts, file=path, line=reader.line_num,
            )  # fmt: skip
        rows.append(row)
    return {
        name: [cell.strip() for cell in column] for name, column in zip(header, zip(*rows, strict=True), strict=False)
    }


def _parquet(content: bytes, path: str, parts: tuple[str | int, ...]) -> Mapping[str, Sequence[Cell]]:
    try:
        return _parquet_lists(content)
    except ImportError as error:
        raise MissingPart(
            say(
                f"{path}: reading Parquet needs polars or pyarrow",
                f"{path}: Parquet을 읽으려면 polars나 pyarrow가 필요합니다",
            ),
            hint=say("Install it: `pip install 'kgenesis[tables]'`.", "설치하세요: `pip install 'kgenesis[tables]'`."),
        ) from error
    except Exception as error:  # each library has its own kind for a damaged file
        raise invalid(say(f"{path}: {error}", f"{path}: 읽을 수 없습니다({error})"), *parts) from error


def _parquet_lists(content: bytes) -> Mapping[str, Sequence[Any]]:
    try:
        import polars as pl
    except ImportError:
        table: Mapping[str, Sequence[Any]] = (
            import_module("pyarrow.parquet").read_table(io.BytesIO(content)).to_pydict()
        )
        return table
    return pl.read_parquet(io.BytesIO(content)).to_dict(as_series=False)


def _as_text(cell: Cell) -> str | None:
    if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, str | bool):
        return str(cell)
    return str(int(cell)) if float(cell).is_integer() else repr(cell)
