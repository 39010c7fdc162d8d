"""A report as JSON, and its experiments as CSV."""

import csv
import io

from kgenesis.campaign.report_parts import Quantity, Report, Row
from kgenesis.kernel.text import Lang

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_json(report: Report, *, indent: int | None = 2) -> str:
    """Return the whole report as JSON: no NaN, both languages."""
    return report.model_dump_json(indent=indent)


def to_csv(report: Report, lang: Lang = "en") -> str:
    """Return every experiment as one row of a sheet.

    It starts with a byte-order mark, so that spreadsheets read Korean rightly; text that they would take for a formula
    gets an apostrophe in front (CWE-1236).
    """
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow([_safe(cell) for cell in _header(report)])
    for row in report.experiments:
        writer.writerow([_safe(cell) for cell in _cells(report, row, lang)])
    return "\ufeff" + sheet.getvalue()


def _header(report: Report) -> list[str]:
    outcomes = [
        name for q in report.outcomes for name in (_named(q), f"{q.name} sem", f"{q.name} n", f"{q.name} expected")
    ]
    ends = [
        "keeps constraints",
        "reaches target",
        "best",
        "why",
        "why in words",
        "failure",
        "reason",
        "cost",
        "seconds",
        "finished",
    ]
    return ["number", "experiment", "status", *(_named(q) for q in report.factors), *outcomes, *ends]


def _named(quantity: Quantity) -> str:
    return f"{quantity.name} [{quantity.unit}]" if quantity.unit else quantity.name


def _cells(report: Report, row: Row, lang: Lang) -> list[object]:
    cells: list[object] = [row.number, row.id, row.status]
    cells += [row.conditions.get(q.name) for q in report.factors]
    for q in report.outcomes:
        found, expected = row.outcomes.get(q.name), row.why.expected.get(q.name)
        cells += [found.mean, found.sem, found.n] if found else [None, None, None]
        cells.append(expected.mean if expected else None)
    keeps = "" if row.is_feasible is None else int(row.is_feasible)
    cells += [keeps, int(row.reached), int(row.is_best), row.why.reason, row.why_text.in_(lang), row.failure_kind]
    return [*cells, row.failure.in_(lang) if row.failure else None, row.cost, row.seconds, row.finished_at]


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA) else cell
