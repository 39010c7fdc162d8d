"""Tables in memory: dictionaries, pandas and polars DataFrames in, the same out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kgenesis.kernel.errors import InvalidSpec, MissingPart
from kgenesis.kernel.text import say

LIBRARIES = ("pandas", "polars")


def framed(rows: Sequence[Mapping[str, Any]], library: str | None) -> Any:
    """Return rows as a DataFrame of pandas or polars, or as they are if `library` is None.

    Raises:
        InvalidSpec: it is neither of the two.
        MissingPart: it is not installed.
    """
    if library is None:
        return list(rows)
    if library not in LIBRARIES:
        raise InvalidSpec(
            say(f"{library!r} is neither pandas nor polars", f"{library!r}은(는) pandas도 polars도 아닙니다")
        )
    try:
        if library == "pandas":
            import pandas

            return pandas.DataFrame(rows)
        import polars

        return polars.DataFrame(rows, infer_schema_length=None)
    except ImportError as error:
        raise MissingPart(
            say(f"{library} is not installed", f"{library}이(가) 설치되어 있지 않습니다"),
            hint=say(f"Install it: pip install {library}", f"설치하세요: pip install {library}"),
        ) from error


def rows_of(table: "Mapping[str, Any] | Iterable[Mapping[str, Any]] | Any") -> list[dict[str, Any]]:
    """Return a dictionary, several, or a pandas or polars DataFrame as dictionaries of plain values.

    Empty cells of a DataFrame are None; which NaN of pandas means an empty cell cannot be told, so every one does.
    """
    if isinstance(table, Mapping):
        rows = [dict(table)]
    elif hasattr(table, "collect") and hasattr(table, "lazy"):  # polars.LazyFrame
        rows = table.collect().to_dicts()
    elif hasattr(table, "to_dicts"):  # polars.DataFrame
        rows = table.to_dicts()
    elif hasattr(table, "to_dict"):  # pandas.DataFrame
        rows = table.to_dict("records")
    else:
        return [{name: plain(cell) for name, cell in row.items()} for row in table]
    return [{name: _filled(plain(cell)) for name, cell in row.items()} for row in rows]


def plain(cell: Any) -> Any:
    """Return a cell without the types of NumPy and pandas; a missing value of pandas is None."""
    if type(cell).__name__ in {"NAType", "NaTType"}:
        return None
    return cell.item() if hasattr(cell, "dtype") and getattr(cell, "ndim", 1) == 0 else cell


def _filled(cell: Any) -> Any:
    return None if isinstance(cell, float) and math.isnan(cell) else cell
