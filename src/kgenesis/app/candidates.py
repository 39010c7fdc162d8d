"""Read the table that lists every point of a space: CSV with the standard library, Parquet with polars."""

import csv
import hashlib
import io
import math
from pathlib import Path
from typing import Any

from kgenesis.kernel.errors import InvalidSpec, MissingPart, Mistake, NotFound
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import say


def read_table(path: Path) -> tuple[bytes, str]:
    """Return a candidate table's bytes and their SHA-256.

    Raises:
        NotFound: there is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(
            say(f"the candidate table {path} cannot be read", f"후보 표 {path}을(를) 읽을 수 없습니다")
        ) from error
    return content, hashlib.sha256(content).hexdigest()


def rows_of(content: bytes, path: str, space: Space) -> list[dict[str, Value]]:
    """Return the rows of a candidate table, checked against the space; columns that are no factors are left out.

    Args:
        content: the file's bytes.
        path: its name; `.parquet` is read as such, all else as CSV.
        space: the factors.

    Raises:
        InvalidSpec: a column is missing, or a cell is not in its factor; no row is taken then.
        MissingPart: it is Parquet and polars is not installed.
    """
    rows = _parquet(content) if path.endswith(".parquet") else _csv(content, path)
    wanted = [v.name for v in space.variables if v.role == "controlled"]
    missing = [name for name in wanted if not rows or name not in rows[0]]
    if missing:
        raise InvalidSpec(
            say(f"the candidate table has no column {missing[0]!r}", f"후보 표에 {missing[0]!r} 열이 없습니다"),
            [Mistake(say("column missing", "열이 없습니다"), name, path, 1) for name in missing],
        )
    mistakes: list[Mistake] = []
    parsed: list[dict[str, Value]] = []
    for line, row in enumerate(rows, start=2):
        conditions = {v.name: _cell(row[v.name], is_level=bool(v.levels)) for v in space.variables if v.name in row}
        for mistake in space.check(conditions):
            mistakes.append(Mistake(mistake.text, mistake.field, path, line))
        parsed.append(conditions)
        if len(mistakes) > 20:  # noqa: PLR2004  enough to see what is wrong
            break
    if mistakes:
        raise InvalidSpec(
            say("the candidate table does not fit the factors", "후보 표가 요인과 맞지 않습니다"), mistakes
        )
    return parsed


def _csv(content: bytes, path: str) -> list[dict[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSpec(say(f"{path} is not UTF-8 text", f"{path}이(가) UTF-8 텍스트가 아닙니다")) from error
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _parquet(content: bytes) -> list[dict[str, Any]]:
    try:
        import polars
    except ImportError as error:
        raise MissingPart(
            say(
                "Parquet needs polars: pip install 'kgenesis[tables]'",
                "Parquet에는 polars가 필요합니다: pip install 'kgenesis[tables]'",
            )
        ) from error
    return polars.read_parquet(io.BytesIO(content)).to_dicts()


def _cell(cell: object, *, is_level: bool) -> Value:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if is_level:
        return str(cell)
    try:
        number = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(cell)
    return number if math.isfinite(number) else str(cell)
