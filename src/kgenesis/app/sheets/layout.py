"""The columns of a results sheet, the words in it, and how text is kept from being taken for a formula."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.experiment import FailureKind
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Lang, Text, say
from kgenesis.kernel.units import ABSENT

Kind = Literal["campaign", "experiment", "factor", "outcome", "sem", "n", "failure", "note"]

WORDS: Mapping[str, Text] = {
    "campaign": say("campaign", "캠페인"),
    "experiment": say("experiment", "실험"),
    "failure": say("failure", "실패"),
    "note": say("note", "비고"),
    "sem": say("sem", "표준오차"),
    "n": say("n", "반복수"),
    "sheet": say("experiments", "실험 목록"),
    "guide": say("how to fill it in", "작성 안내"),
}
"""Words a sheet uses; either language is understood when it comes back."""

FAILURES: Mapping[FailureKind, tuple[Text, Text]] = {
    "infeasible": (
        say("infeasible", "조건 불가"),
        say("the conditions themselves do not work", "조건 자체가 성립하지 않음"),
    ),
    "crashed": (
        say("crashed", "장비 이상"),
        say("something broke; it says nothing of the conditions", "고장 등, 조건과 무관함"),
    ),
    "timed-out": (say("timed-out", "시간 초과"), say("it took too long and was stopped", "너무 오래 걸려 중단함")),
    "lost": (say("lost", "유실"), say("the specimen or the record is lost", "시료나 기록을 잃음")),
    "refused": (say("refused", "거부"), say("a rule or a person forbade it", "규칙이나 사람이 금지함")),
}
"""What may stand under `failure`, and what it means."""

_FORMULA = re.compile(r"^[=+\-@\t\r＝＋－＠']")
_WITH_UNIT = re.compile(r"^(.*\S)\s*\[([^\[\]]*)\]$")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet."""

    kind: Kind
    name: str = ""
    """The variable or outcome it is about."""
    unit: str = ""
    """The mission's unit; empty for none."""
    is_level: bool = False
    """Whether its cells are names of levels, not numbers."""

    def header(self, lang: Lang) -> str:
        """Return what stands at its top."""
        match self.kind:
            case "factor" | "outcome":
                return f"{self.name} [{self.unit}]" if self.unit else self.name
            case "sem" | "n":
                return f"{self.name} {WORDS[self.kind].in_(lang)}"
            case _:
                return WORDS[self.kind].in_(lang)

    def bare(self, lang: Lang) -> str:
        """Return its header without the unit."""
        return self.name if self.kind in {"factor", "outcome"} else self.header(lang)


def columns_of(problem: Problem) -> tuple[Column, ...]:
    """Return the columns of a problem's sheet, in order.

    Raises:
        InvalidSpec: a factor or outcome is called like a column of the sheet itself.
    """
    units = problem.units
    found = [Column("campaign"), Column("experiment")]
    found += [Column("factor", v.name, _unit(v.unit), bool(v.levels)) for v in problem.space.variables]
    for outcome in problem.outcomes:
        unit = _unit(units.get(outcome, ""))
        found += [Column("outcome", outcome, unit), Column("sem", outcome, unit), Column("n", outcome)]
    found += [Column("failure"), Column("note")]
    seen: dict[str, Column] = {}
    for column in found:
        for header in {column.bare("en"), column.bare("ko")}:
            if header in seen:
                text = say(f"a sheet would have two columns {header!r}", f"시트에 {header!r} 열이 둘 생깁니다")
                raise InvalidSpec(
                    say("a name of the mission cannot be used on a sheet", "미션의 이름을 시트에 쓸 수 없습니다"),
                    [Mistake(text, column.name or seen[header].name)],
                )
            seen[header] = column
    return tuple(found)


def find_column(header: str, columns: Sequence[Column]) -> tuple[Column, str] | None:
    """Return which column a header means, and the unit its numbers are in; None if nothing is called so.

    The mission's own unit holds where the header gives none.
    """
    header = plain(header)
    names: dict[str, tuple[Column, str]] = {}
    for lang in get_args(Lang):
        names |= {column.bare(lang): (column, column.unit) for column in columns}
    for lang in get_args(Lang):
        names |= {column.header(lang): (column, column.unit) for column in columns}
    if header in names:
        return names[header]
    match = _WITH_UNIT.match(header)
    if match is None or match.group(1) not in names:
        return None
    column, _ = names[match.group(1)]
    return column, _unit(match.group(2).strip())


def failure_kind(text: str) -> FailureKind | None:
    """Return the kind a person wrote, in either language."""
    said = text.strip().lower().replace("_", "-")
    for kind, (word, _) in FAILURES.items():
        if said in {kind, word.en, word.ko}:
            return kind
    return None


def campaign_mark(campaign: str, spec_hash: str) -> str:
    """Return what stands under `campaign` in every row: the id, and the beginning of the mission's hash."""
    return f"{campaign}@{spec_hash[:8]}"


def neutral(text: str) -> str:
    """Return text that no spreadsheet takes for a formula (OWASP, CSV injection); `plain` undoes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def plain(text: str) -> str:
    """Return text as it was before `neutral`."""
    text = text.strip()
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def _unit(unit: str) -> str:
    return "" if unit in ABSENT else unit
