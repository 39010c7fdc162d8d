"""Read results that people bring back, whole or not at all: every cell that is wrong is named, and nothing is taken."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kgenesis.app.sheets.cells import Cell, WrongCellError, as_text, is_empty, number
from kgenesis.app.sheets.layout import FAILURES, Column, columns_of, failure_kind, find_column
from kgenesis.app.sheets.loading import Sheet, load_sheet
from kgenesis.kernel.errors import InvalidResults, Mistake, UnitMismatch
from kgenesis.kernel.experiment import Conditions, Failure, Measurement, Outcome, Result, Value
from kgenesis.kernel.ids import CampaignId, ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import convert

SAME = 1e-6
"""Numbers that differ by less, relative to their size, are the same: Excel shows and saves fewer digits than it has."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One result that somebody brought."""

    line: int
    experiment: ExperimentId | None
    """None: nobody asked for it."""
    conditions: dict[str, Value]
    """The conditions proposed, or for a result nobody asked for, those on the sheet."""
    result: Result
    note: str = ""


@dataclass(frozen=True)
class _Reading:
    """Everything one sheet is read against, and the mistakes found so far."""

    sheet: Sheet
    problem: Problem
    known: Mapping[ExperimentId, Conditions]
    finished: Collection[ExperimentId]
    mistakes: list[Mistake] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    """Experiment → the line it was first on."""

    def wrong(self, text: Text, header: str = "", line: int | None = None) -> None:
        self.mistakes.append(Mistake(text, header, self.sheet.file, line))


Cells = dict[Column, tuple[str, str, Cell]]
"""The filled cells of a row: header, unit of the header, content."""


def read_results(
    path: Path,
    problem: Problem,
    *,
    campaign: CampaignId,
    spec_hash: str,
    known: Mapping[ExperimentId, Conditions],
    finished: Collection[ExperimentId] = (),
    earlier_hashes: Collection[str] = (),
) -> list[ResultRow]:
    """Return the results on a sheet (CSV or Excel); rows without any are left out.

    Args:
        path: `.csv` or `.xlsx`.
        problem: factors, outcomes and their units.
        campaign: results marked with another one are refused.
        spec_hash: of the campaign's mission.
        known: conditions of every experiment of the campaign.
        finished: experiments that have a result already.
        earlier_hashes: of the mission before it was changed: sheets handed out then are still good.

    Raises:
        NotFound: there is no such file.
        InvalidResults: anything on the sheet is wrong; one problem per cell, with file, line and column.
        MissingPart: it is Excel and openpyxl is not installed.
    """
    sheet = load_sheet(path)
    return results_of(
        sheet, problem, campaign=campaign, spec_hash=spec_hash, known=known, finished=finished,
        earlier_hashes=earlier_hashes,
    )  # fmt: skip


def results_of(
    sheet: Sheet,
    problem: Problem,
    *,
    campaign: CampaignId,
    spec_hash: str,
    known: Mapping[ExperimentId, Conditions],
    finished: Collection[ExperimentId] = (),
    earlier_hashes: Collection[str] = (),
) -> list[ResultRow]:
    """Return the results of a table in memory, e.g. a DataFrame; as `read_results`.

    Raises:
        InvalidResults: anything in it is wrong.
    """
    reading = _Reading(sheet, problem, known, finished)
    columns = _columns(reading)
    if reading.mistakes:
        raise _refusal(reading)
    results = []
    for line, cells in sheet.rows:
        if all(is_empty(cell) for cell in cells):
            continue
        if len(cells) > len(columns) and not all(is_empty(cell) for cell in cells[len(columns) :]):
            reading.wrong(say("more cells than columns", "열보다 칸이 많습니다"), line=line)
        filled: Cells = {
            column: (header, unit, cell)
            for (header, column, unit), cell in zip(columns, cells, strict=False)
            if not is_empty(cell)
        }
        _check_campaign(reading, line, filled, campaign, (spec_hash, *earlier_hashes))
        row = _row(reading, line, filled)
        if row is not None:
            results.append(row)
    if not results and not reading.mistakes:
        reading.wrong(say("there is no result on it", "결과가 하나도 없습니다"))
    if reading.mistakes:
        raise _refusal(reading)
    return results


def _refusal(reading: _Reading) -> InvalidResults:
    n = len(reading.mistakes)
    return InvalidResults(say(f"{n} mistake(s) on the sheet", f"시트에 잘못된 곳이 {n}군데 있습니다"), reading.mistakes)


def _columns(reading: _Reading) -> list[tuple[str, Column, str]]:
    """Return header, column and unit of every column of the sheet, or note what is wrong with them."""
    known = columns_of(reading.problem)
    columns: list[tuple[str, Column, str]] = []
    for header in reading.sheet.header:
        found = find_column(header, known)
        if found is None:
            names = ", ".join(column.header("en") for column in known)
            reading.wrong(say(f"no such column; there are: {names}", f"없는 열입니다. 있는 것: {names}"), header, 1)
            continue
        column, unit = found
        if any(column == other for _, other, _ in columns):
            reading.wrong(say("this column is there twice", "같은 열이 둘입니다"), header, 1)
        try:
            convert(1.0, unit, column.unit)
        except UnitMismatch as error:
            wanted = column.unit or "1"
            text = say(
                f"{error.detail.en}; the mission's unit is {wanted}", f"{error.detail.ko}. 미션의 단위는 {wanted}입니다"
            )
            reading.wrong(text, header, 1)
        columns.append((header, column, unit))
    present = {column for _, column, _ in columns}
    for column in known:
        if column.kind == "outcome" and column not in present:
            reading.wrong(say("the sheet has no such column", "시트에 이 열이 없습니다"), column.header("en"), 1)
    return columns


def _check_campaign(reading: _Reading, line: int, filled: Cells, campaign: CampaignId, hashes: Collection[str]) -> None:
    header, _, cell = filled.pop(Column("campaign"), ("", "", None))
    if is_empty(cell):
        return
    given, _, mark = as_text(cell).partition("@")
    if given != campaign:
        reading.wrong(
            say(
                f"a result of campaign {given}, not {campaign}", f"{campaign}이(가) 아니라 {given} 캠페인의 결과입니다"
            ),
            header,
            line,
        )
    elif mark and not any(known.startswith(mark) for known in hashes):
        reading.wrong(
            say("a result of another version of the mission", "미션의 다른 판에서 나온 결과입니다"), header, line
        )


def _row(reading: _Reading, line: int, filled: Cells) -> ResultRow | None:
    """Return the result of one row, None if it has none (yet) or is wrong."""
    n_before = len(reading.mistakes)
    is_awaited = Column("experiment") in filled
    answers = {column.kind for column in filled} & {"outcome", "sem", "n", "failure", "note"}
    if is_awaited and not answers:
        return None  # proposed, not done yet
    experiment = _experiment(reading, line, filled)
    is_unknown = is_awaited and experiment is None  # said already; its conditions are nobody's
    conditions = {} if is_unknown else _conditions(reading, line, filled, experiment)
    note = as_text(filled.get(Column("note"), ("", "", None))[2])
    result = (
        _failure(reading, line, filled, note)
        if Column("failure") in filled
        else _measurement(reading, line, filled, note)
    )
    if result is None or len(reading.mistakes) > n_before:
        return None
    return ResultRow(line, experiment, conditions, result, note)


def _experiment(reading: _Reading, line: int, filled: Cells) -> ExperimentId | None:
    header, _, cell = filled.get(Column("experiment"), ("", "", None))
    if is_empty(cell):
        return None
    experiment = ExperimentId(as_text(cell))
    if experiment not in reading.known:
        text = say(
            f"this campaign has no experiment {experiment}; leave it empty for a result nobody asked for",
            f"이 캠페인에 {experiment} 실험이 없습니다. 요청하지 않은 결과라면 비워 두세요",
        )
        reading.wrong(text, header, line)
        return None
    if experiment in reading.seen:
        first = reading.seen[experiment]
        reading.wrong(
            say(f"{experiment} is on line {first} too", f"{experiment}이(가) {first}행에도 있습니다"), header, line
        )
    elif experiment in reading.finished:
        reading.wrong(say(f"{experiment} has its result already", f"{experiment}의 결과가 이미 있습니다"), header, line)
    reading.seen.setdefault(experiment, line)
    return experiment


def _conditions(reading: _Reading, line: int, filled: Cells, experiment: ExperimentId | None) -> dict[str, Value]:
    """Return the conditions of a row: as proposed if it was, and then what the sheet says must agree."""
    n_before = len(reading.mistakes)
    given = _given(reading, line, filled)
    headers = {column.name: header for column, (header, _, _) in filled.items() if column.kind == "factor"}
    if experiment is not None:
        proposed = dict(reading.known[experiment])
        for name, value in given.items():
            if not _is_same(value, proposed.get(name)):
                was = proposed.get(name)
                text = say(
                    f"{value}, but {was} was proposed; clear the experiment to record it as a result of its own",
                    f"제안한 값 {was}이(가) 아니라 {value}입니다. 별도 결과로 기록하려면 실험 칸을 비우세요",
                )
                reading.wrong(text, headers[name], line)
        return proposed
    for variable in reading.problem.space.variables:
        if variable.role != "context":
            given.setdefault(variable.name, variable.fixed)  # None unless it is a fixed value
    if len(reading.mistakes) == n_before:
        for mistake in reading.problem.space.check(given):
            reading.wrong(mistake.text, headers.get(mistake.field, mistake.field), line)
    return given


def _given(reading: _Reading, line: int, filled: Cells) -> dict[str, Value]:
    """Return the values of the factors that a row gives, context factors left out."""
    given: dict[str, Value] = {}
    roles = {v.name: v.role for v in reading.problem.space.variables}
    for column, (header, unit, cell) in filled.items():
        if column.kind == "factor" and roles[column.name] != "context":
            try:
                given[column.name] = as_text(cell) if column.is_level else number(cell, unit, column.unit)
            except WrongCellError as error:
                reading.wrong(error.text, header, line)
    return given


def _is_same(a: Value, b: Value) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=SAME, abs_tol=1e-12)
    return a == b


def _failure(reading: _Reading, line: int, filled: Cells, note: str) -> Failure | None:
    header, _, cell = filled[Column("failure")]
    kind = failure_kind(as_text(cell))
    if kind is None:
        kinds = ", ".join(FAILURES)
        words = ", ".join(word.ko for word, _ in FAILURES.values())
        reading.wrong(say(f"must be one of {kinds}", f"{words} 중 하나여야 합니다"), header, line)
        return None
    if any(column.kind in {"outcome", "sem", "n"} for column in filled):
        reading.wrong(
            say("a row has outcomes or a failure, not both", "한 행에는 결과나 실패 중 하나만 씁니다"), header, line
        )
        return None
    return Failure(kind=kind, reason=say(note, note) if note else FAILURES[kind][1])


def _measurement(reading: _Reading, line: int, filled: Cells, note: str) -> Measurement | None:
    n_before = len(reading.mistakes)
    outcomes: dict[str, Outcome] = {}
    for column in columns_of(reading.problem):
        if column.kind != "outcome":
            continue
        if column not in filled:
            text = say("an outcome is missing; or give a `failure`", "결과가 없습니다. 없다면 `실패`를 고르세요")
            reading.wrong(text, column.header("en"), line)
            continue
        mean = _number(reading, line, filled, column)
        sem = _number(reading, line, filled, Column("sem", column.name, column.unit))
        n = _number(reading, line, filled, Column("n", column.name))
        if mean is not None:
            outcomes[column.name] = Outcome(mean=mean, sem=sem, n=1 if n is None else int(n))
    context = _context(reading, line, filled)
    if len(reading.mistakes) > n_before:
        return None
    return Measurement(outcomes=outcomes, context=context, metadata={"note": note} if note else {})


def _number(reading: _Reading, line: int, filled: Cells, column: Column) -> float | None:
    if column not in filled:
        return None
    header, unit, cell = filled[column]
    try:
        value = number(cell, unit, column.unit, is_difference=column.kind == "sem")
    except WrongCellError as error:
        reading.wrong(error.text, header, line)
        return None
    if column.kind == "sem" and value < 0:
        reading.wrong(say("a standard error is not below 0", "표준오차는 0보다 작을 수 없습니다"), header, line)
        return None
    if column.kind == "n" and (value < 1 or value != int(value)):
        reading.wrong(say("a whole number from 1 is due here", "1 이상의 정수가 와야 합니다"), header, line)
        return None
    return value


def _context(reading: _Reading, line: int, filled: Cells) -> dict[str, float | str]:
    context: dict[str, float | str] = {}
    for variable in reading.problem.space.variables:
        column = next((c for c in filled if c.kind == "factor" and c.name == variable.name), None)
        if variable.role != "context" or column is None:
            continue
        header, unit, cell = filled[column]
        try:
            context[variable.name] = as_text(cell) if column.is_level else number(cell, unit, column.unit)
        except WrongCellError as error:
            reading.wrong(error.text, header, line)
        if column.is_level and as_text(cell) not in variable.levels:
            levels = ", ".join(variable.levels)
            reading.wrong(say(f"must be one of {levels}", f"{levels} 중 하나여야 합니다"), header, line)
    return context
