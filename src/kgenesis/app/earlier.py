"""Read the earlier experiments a mission wants to learn from, in its own terms; say what cannot be used, and why."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from kgenesis.app.sheets.cells import WrongCellError, as_text, is_empty, number
from kgenesis.app.sheets.layout import Column, columns_of, find_column, plain
from kgenesis.app.sheets.loading import load_sheet
from kgenesis.campaign.events import EarlierExperiment, EarlierTaken, LeftOut
from kgenesis.campaign.spec import EarlierSource, Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import InvalidSpec, Mistake, UnitMismatch
from kgenesis.kernel.experiment import Measurement, Outcome, Value
from kgenesis.kernel.factors import Variable
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import convert

MAX_EXPERIMENTS = 10_000
"""Most experiments one source may bring."""

FARTHEST = 1.0
"""How far beyond a bound an earlier experiment may lie, in ranges of the factor: what is farther says little here."""


@dataclass(slots=True)
class _Row:
    """An experiment as the source tells it, names and units already ours."""

    id: str
    conditions: dict[str, Value] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    wrong: Text | None = None


Find = Callable[[str], CampaignState]
"""Returns the campaign a person means."""


def read_earlier(mission: Mission, folder: Path, find: Find) -> list[EarlierTaken]:
    """Return what a mission's sources hold, to be copied.

    Args:
        mission: what they are to teach about.
        folder: where relative paths start.
        find: returns a campaign by what the mission calls it.

    Raises:
        NotFound: there is no such campaign or file.
        InvalidSpec: a source has nothing that can be used, or does not say what a factor was.
    """
    return [_taken(mission, folder, find, i) for i in range(len(mission.earlier))]


def _taken(mission: Mission, folder: Path, find: Find, i: int) -> EarlierTaken:
    source, problem = mission.earlier[i], mission.problem
    place = f"earlier[{i}]"
    if source.path:
        name, origin, rows, ignored = _from_table(folder / source.path, source, problem, place)
    else:
        name, origin, rows, ignored = _from_campaign(find(source.campaign), source, problem, place)
    if len(rows) > MAX_EXPERIMENTS:
        _refuse(place, say(f"more than {MAX_EXPERIMENTS} experiments", f"실험이 {MAX_EXPERIMENTS}개를 넘습니다"))
    _complete(rows, source, problem, place, name)
    used, left_out = [], []
    for row in rows:
        why = row.wrong or _unusable(row, problem)
        if why is None:
            used.append(EarlierExperiment(id=row.id, conditions=row.conditions, outcomes=row.outcomes))
        else:
            left_out.append(LeftOut(id=row.id, why=why))
    if not used:
        why = left_out[0].why if left_out else say("it is empty", "비어 있습니다")
        _refuse(
            place,
            say(
                f"{name}: none of its {len(rows)} experiments can be used; the first: {why.en}",
                f"{name}: 실험 {len(rows)}개 가운데 쓸 수 있는 것이 없습니다. 첫째: {why.ko}",
            ),
        )
    return EarlierTaken(
        name=source.name or name, origin=origin, experiments=tuple(used), left_out=tuple(left_out), ignored=ignored
    )


def _refuse(place: str, text: Text, hint: Text | None = None) -> NoReturn:
    raise InvalidSpec(
        say("an earlier campaign cannot be learned from", "이전 캠페인에서 배울 수 없습니다"), [Mistake(text, place)],
        hint=hint,
    )  # fmt: skip


# ---- what is there -------------------------------------------------------------------------------------------------

Found = tuple[str, str, list[_Row], tuple[str, ...]]
"""Name, origin, rows, and what is neither factor nor outcome."""


def _from_campaign(state: CampaignState, source: EarlierSource, problem: Problem, place: str) -> Found:
    theirs, units = state.mission.problem, problem.units
    variables = {v.name: v for v in problem.space.variables}
    rename = source.rename
    own = {v.name: v.unit for v in theirs.space.variables}
    unknown = [name for name in rename if name not in own and name not in theirs.outcomes]
    if unknown:
        _refuse(place, say(f"it has nothing called {unknown[0]!r}", f"{unknown[0]!r}(이)라는 것이 없습니다"))
    rows = []
    for e in state.finished():
        row = _Row(e.id)
        rows.append(row)
        if not isinstance(e.result, Measurement):
            row.wrong = say("it failed", "실패한 실험입니다")
            continue
        for name, value in e.observation().conditions.items():
            ours = rename.get(name, name)
            if ours in variables:
                row.conditions[ours] = _converted(value, own[name], variables[ours].unit, place, name)
        for name, outcome in e.result.outcomes.items():
            ours = rename.get(name, name)
            if ours in problem.outcomes:
                row.outcomes[ours] = _outcome_in(outcome, theirs.units.get(name, ""), units.get(ours, ""), place, name)
    known = {*variables, *problem.outcomes}
    ignored = tuple(name for name in (*own, *theirs.outcomes) if rename.get(name, name) not in known)
    return state.mission.name, state.id, rows, ignored


def _converted(value: Value, unit: str, wanted: str, place: str, name: str) -> Value:
    if not isinstance(value, int | float):
        return value
    try:
        return convert(float(value), unit, wanted)
    except UnitMismatch as error:
        _refuse(place, say(f"{name}: {error.detail.en}", f"{name}: {error.detail.ko}"))


def _outcome_in(outcome: Outcome, unit: str, wanted: str, place: str, name: str) -> Outcome:
    mean = _converted(outcome.mean, unit, wanted, place, name)
    assert isinstance(mean, float)
    sem = outcome.sem
    if sem is not None:
        sem = abs(convert(sem, unit, wanted) - convert(0.0, unit, wanted))
    return Outcome(mean=mean, sem=sem, n=outcome.n)


def _from_table(path: Path, source: EarlierSource, problem: Problem, place: str) -> Found:
    sheet = load_sheet(path)
    known = columns_of(problem)
    columns: list[tuple[Column, str] | None] = []
    ignored = []
    for header in sheet.header:
        bare = plain(header)
        short = bare.split("[")[0].strip()
        renamed = source.rename.get(bare) or (
            bare.replace(short, source.rename[short], 1) if short in source.rename else bare
        )
        found = find_column(renamed, known)
        if found is not None and found in columns and found[0].kind != "note":
            _refuse(place, say(f"two columns are {renamed!r}", f"{renamed!r} 열이 둘입니다"))
        if found is None or found[0].kind in {"campaign", "note"}:
            ignored += [bare] if found is None and bare else []
            columns.append(None)
        else:
            columns.append(found)
    rows = [_table_row(path.name, line, columns, cells) for line, cells in sheet.rows if not all(map(is_empty, cells))]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return path.stem, f"{path.name} sha256:{digest}", rows, tuple(ignored)


def _table_row(file: str, line: int, columns: Sequence[tuple[Column, str] | None], cells: Sequence[object]) -> _Row:
    row = _Row(f"{file}:{line}")
    means: dict[str, float] = {}
    more: dict[tuple[str, str], float] = {}
    for found, cell in zip(columns, cells, strict=False):
        if found is None or is_empty(cell):
            continue
        column, unit = found
        try:
            match column.kind:
                case "experiment":
                    row.id = as_text(cell)
                case "failure":
                    row.wrong = say("it failed", "실패한 실험입니다")
                case "factor":
                    row.conditions[column.name] = as_text(cell) if column.is_level else number(cell, unit, column.unit)
                case "outcome":
                    means[column.name] = number(cell, unit, column.unit)
                case "sem" | "n":
                    difference = column.kind == "sem"
                    more[column.kind, column.name] = number(cell, unit, column.unit, is_difference=difference)
                case _:
                    pass
        except WrongCellError as error:
            text = error.text
            row.wrong = row.wrong or say(f"{column.name}: {text.en}", f"{column.name}: {text.ko}")
    for name, mean in means.items():
        n = more.get(("n", name), 1.0)
        row.outcomes[name] = Outcome(mean=mean, sem=more.get(("sem", name)), n=max(int(n), 1))
    return row


# ---- what can be used ----------------------------------------------------------------------------------------------


def _complete(rows: Sequence[_Row], source: EarlierSource, problem: Problem, place: str, name: str) -> None:
    """Add the values that the mission states; refuse the source where nobody says what a factor was."""
    silent = []
    for variable in problem.space.variables:
        if variable.name in source.assume:
            for row in rows:
                if row.conditions.get(variable.name) is None:
                    row.conditions[variable.name] = source.assume[variable.name]
        elif _must_be_said(variable) and not any(variable.name in row.conditions for row in rows):
            silent.append(variable.name)
    if silent:
        _refuse(
            place,
            say(f"{name} does not say what {silent[0]!r} was", f"{name}에 {silent[0]!r} 값이 없습니다"),
            say(
                f"State it: `assume: {{{silent[0]}: …}}`, or what it was called there: `rename: {{…: {silent[0]}}}`.",
                f"`assume: {{{silent[0]}: …}}`로 값을 밝히거나 `rename: {{…: {silent[0]}}}`로 이름을 맞추세요.",
            ),
        )


def _must_be_said(variable: Variable) -> bool:
    return variable.role != "context" and variable.fixed is None and not variable.active_if


def _unusable(row: _Row, problem: Problem) -> Text | None:
    """Return why an experiment cannot be learned from, if so."""
    if not row.outcomes:
        return say("none of the outcomes was measured", "측정한 결과가 없습니다")
    for column, variable in enumerate(problem.space.variables):
        value = row.conditions.get(variable.name)
        if value is None:
            if _must_be_said(variable):
                return say(f"{variable.name}: a value is missing", f"{variable.name}: 값이 없습니다")
        elif (why := _far(problem.space, column, value)) is not None:
            return say(f"{variable.name}: {why.en}", f"{variable.name}: {why.ko}")
    return None


def _far(space: Space, column: int, value: Value) -> Text | None:
    """Return why a value is too far from what may be tried to say anything, if so."""
    variable = space.variables[column]
    if variable.levels:
        levels = variable.levels
        # a level that is told apart by its name only is one more of the kind; descriptors nobody gave cannot be guessed
        is_bare = np.array_equal(np.asarray(variable.coordinates), np.eye(len(levels)))
        if isinstance(value, str) and (value in levels or (is_bare and variable.role == "controlled")):
            return None
        return say(f"{value!r} is no level here", f"{value!r}은(는) 여기의 수준이 아닙니다")
    if not isinstance(value, int | float):
        return say(f"{value!r} is not a number", f"{value!r}은(는) 수가 아닙니다")
    if variable.role != "controlled":
        return None
    position = float(space.unit_scale(column, np.array([float(value)]))[0])
    if not -FARTHEST <= position <= 1 + FARTHEST:  # NaN, where the scale is a log one, is not inside either
        return say(
            f"{value:g} is too far from {variable.low:g} to {variable.high:g}",
            f"{value:g}은(는) {variable.low:g}~{variable.high:g}에서 너무 멉니다",
        )
    return None
