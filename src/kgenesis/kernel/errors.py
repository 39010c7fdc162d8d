"""What can go wrong, as a tree: each error has a stable code, an exit code, two languages and a next step.

KGenesisError
├── BadInput                 exit 2   the caller can mend it; nothing was written
│   ├── InvalidSpec          spec.invalid
│   ├── InvalidExpression    expression.invalid
│   ├── UnitMismatch         unit.mismatch
│   ├── InfeasibleSpace      space.infeasible
│   ├── InvalidConditions    conditions.invalid
│   ├── InvalidResults       results.invalid
│   ├── NotFound             not-found
│   └── UnknownPlugin        plugin.unknown
├── Refused                  exit 3   a rule forbids it
│   ├── CampaignEnded        campaign.ended
│   ├── CampaignBusy         campaign.busy
│   └── LabChanged           lab.changed
├── MissingPart              exit 1   part.missing: an optional package is not installed
├── ReferenceMissing         exit 1   reference.missing
└── StoreError               exit 1
    ├── Conflict             store.conflict: somebody wrote first; read again
    ├── StoreUnavailable     store.unavailable: read-only, full or unreachable
    ├── StoreNewer           store.newer
    └── StoreCorrupted       store.corrupted
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kgenesis.kernel.text import Lang, Text, say


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with an input, and where."""

    text: Text
    field: str = ""
    """Dotted path of the field, e.g. `space.factors[2].low`; a column name for sheets."""
    file: str = ""
    line: int | None = None
    """Line in `file`, counted from 1."""

    def in_(self, lang: Lang) -> str:
        """Return one line: place, then what was expected."""
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        return ": ".join(part for part in (place, self.field, self.text.in_(lang)) if part)


class KGenesisError(Exception):
    """The root of every error K-Genesis raises on purpose.

    Args:
        detail: what happened, in both languages.
        problems: each single thing that is wrong, with its place.
        hint: the next thing to do; the class's own hint if not given.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    hint: ClassVar[Text] = say("See docs/reference/errors.md.", "docs/reference/errors.md를 보세요.")

    def __init__(self, detail: Text, problems: Sequence[Mistake] = (), hint: Text | None = None) -> None:
        super().__init__(detail.en)
        self.detail = detail
        self.problems = tuple(problems)
        self.next_step = hint or self.hint

    def in_(self, lang: Lang) -> str:
        """Return the whole message: what happened, each problem on its line, the next step."""
        problems = [f"  - {problem.in_(lang)}" for problem in self.problems]
        return "\n".join([f"[{self.code}] {self.detail.in_(lang)}", *problems, f"  → {self.next_step.in_(lang)}"])

    @override
    def __str__(self) -> str:
        return self.in_("en")

    def as_json(self) -> dict[str, Any]:
        """Return the error as one JSON object (what `--json` prints)."""
        return {
            "code": self.code,
            "detail": self.detail.model_dump(),
            "problems": [
                {"field": p.field, "file": p.file, "line": p.line, "text": p.text.model_dump()} for p in self.problems
            ],
            "hint": self.next_step.model_dump(),
        }


class BadInput(KGenesisError):
    """The input is wrong; nothing was written."""

    code = "input.bad"
    status = 400
    exit_code = 2


class InvalidSpec(BadInput):
    """A mission file, or another specification, is not valid."""

    code = "spec.invalid"
    hint = say(
        "Correct the lines named above; `kgenesis new mission` writes a commented template and "
        "`kgenesis schema mission` the schema your editor can check against.",
        "위에 적힌 줄을 고치세요. `kgenesis new mission`은 주석이 달린 견본을, "
        "`kgenesis schema mission`은 편집기가 검사에 쓸 스키마를 만듭니다.",
    )


class InvalidExpression(BadInput):
    """An expression of a constraint or a condition is not valid."""

    code = "expression.invalid"
    hint = say(
        "Use factor names (in `backquotes` unless they are plain words), numbers, 'text', + - * / **, comparisons, "
        "in [...], and/or/not, abs min max exp log log10 sqrt.",
        "요인 이름(보통 낱말이 아니면 `역따옴표` 안에), 수, '문자열', + - * / **, 비교, in [...], and/or/not, "
        "abs min max exp log log10 sqrt 만 쓸 수 있습니다.",
    )


class UnitMismatch(BadInput):
    """A unit is unknown or measures something else."""

    code = "unit.mismatch"
    hint = say(
        "Write the unit as the mission does, e.g. degC, min, mAh.",
        "미션 파일과 같은 단위를 쓰세요(예: degC, min, mAh).",
    )


class InfeasibleSpace(BadInput):
    """No point of the space satisfies the constraints."""

    code = "space.infeasible"
    hint = say("Relax a constraint or widen a factor's bounds.", "제약을 완화하거나 요인의 범위를 넓히세요.")


class InvalidConditions(BadInput):
    """The conditions of an experiment do not belong to the space."""

    code = "conditions.invalid"
    hint = say("Give every factor one value inside its bounds.", "모든 요인에 범위 안의 값을 하나씩 주세요.")


class InvalidResults(BadInput):
    """Results that were handed in cannot be taken."""

    code = "results.invalid"
    hint = say(
        "Correct the rows named above and record the whole sheet again; nothing of it was taken.",
        "위에 적힌 행을 고쳐 시트 전체를 다시 기록하세요. 아무것도 저장되지 않았습니다.",
    )


class NotFound(BadInput):
    """A mission, campaign, file or experiment of that name does not exist."""

    code = "not-found"
    status = 404
    hint = say(
        "`kgenesis campaign list` shows campaigns, `kgenesis doctor` the built-in missions.",
        "`kgenesis campaign list`는 캠페인을, `kgenesis doctor`는 내장 미션을 보여 줍니다.",
    )


class UnknownPlugin(BadInput):
    """No installed package offers a plug-in of that name."""

    code = "plugin.unknown"
    hint = say("`kgenesis doctor` lists what is installed.", "`kgenesis doctor`로 설치된 것을 확인하세요.")


class Refused(KGenesisError):
    """A rule forbids it."""

    code = "refused"
    status = 409
    exit_code = 3


class CampaignEnded(Refused):
    """The campaign has ended and takes no more experiments."""

    code = "campaign.ended"
    hint = say(
        "Open it again with more budget: `kgenesis campaign resume ID --budget N`.",
        "예산을 늘려 다시 여세요: `kgenesis campaign resume ID --budget N`.",
    )


class CampaignBusy(Refused):
    """Another process runs this campaign."""

    code = "campaign.busy"
    hint = say(
        "Wait until it ends, or stop it with `kgenesis campaign stop ID`.",
        "끝날 때까지 기다리거나 `kgenesis campaign stop ID`로 멈추세요.",
    )


class LabChanged(Refused):
    """The lab is no longer the version the campaign was measured with."""

    code = "lab.changed"
    hint = say(
        "Open a new campaign, or go on knowingly with `--accept-lab-change`.",
        "새 캠페인을 열거나, 알고 계속하려면 `--accept-lab-change`를 쓰세요.",
    )


class MissingPart(KGenesisError):
    """An optional package is needed and not installed."""

    code = "part.missing"
    status = 501
    hint = say("`kgenesis doctor` says how to get it.", "`kgenesis doctor`가 설치 방법을 알려 줍니다.")


class ReferenceMissing(KGenesisError):
    """There is no reference to compare with."""

    code = "reference.missing"
    status = 404
    hint = say(
        "Measure one with `kgenesis reference make MISSION`.", "`kgenesis reference make MISSION`으로 측정하세요."
    )


class StoreError(KGenesisError):
    """The store cannot do what was asked."""

    code = "store.error"
    status = 503


class Conflict(StoreError):
    """Somebody else wrote to the stream first."""

    code = "store.conflict"
    status = 409
    hint = say("Read again and repeat.", "다시 읽고 반복하세요.")


class StoreUnavailable(StoreError):
    """The store is read-only, full or out of reach; what was stored before is intact."""

    code = "store.unavailable"
    hint = say(
        "Free space or choose another place with `--store`, then `kgenesis campaign resume ID`.",
        "공간을 비우거나 `--store`로 다른 곳을 고른 뒤 `kgenesis campaign resume ID`를 실행하세요.",
    )


class StoreNewer(StoreError):
    """The store was written by a newer K-Genesis."""

    code = "store.newer"
    hint = say("Upgrade: `pip install -U kgenesis`.", "`pip install -U kgenesis`로 올리세요.")


class StoreCorrupted(StoreError):
    """The store is damaged, or an event in it was altered."""

    code = "store.corrupted"
    hint = say(
        "Keep the file, restore a backup, and check it with `kgenesis campaign verify`.",
        "파일을 보관하고 백업을 복원한 뒤 `kgenesis campaign verify`로 확인하세요.",
    )
