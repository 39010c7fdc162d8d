"""Exams of milestones: conditions over what campaigns logged, refused at once if they decide nothing.

An exam is read as `kernel.expressions` reads a constraint. It is refused if it names something that is not logged, if
it holds before anything was done (it could not fail), or if nothing within the possible and the budget passes it.
"""

import difflib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kgenesis.kernel.errors import InvalidExpression
from kgenesis.kernel.expressions import Expression, parse
from kgenesis.kernel.text import Text, Wrong, say

QUANTITIES: Mapping[str, Text] = {
    "n_experiments": say("experiments with a result, failed ones included", "결과가 나온 실험 수(실패 포함)"),
    "n_failures": say("experiments that failed", "실패한 실험 수"),
    "n_campaigns": say("campaigns with at least one result", "결과가 하나 이상 있는 캠페인 수"),
    "cost": say("cost of these experiments, KRW", "그 실험들의 비용(원)"),
    "hours": say("time from the first to the last of these results, h", "첫 결과부터 마지막 결과까지의 시간(h)"),
    "acceleration": say(
        "acceleration factor at the target: geometric mean over campaigns that ended or reached it",
        "목표 수준에서의 가속 배수: 끝났거나 목표에 도달한 캠페인들의 기하평균",
    ),
    "acceleration_low": say("lower end of its 95 % interval", "그 95 % 구간의 아래 끝"),
}
"""What an exam may name besides `best_OUTCOME`."""

BEST = "best_"
"""`best_` + a KPI's outcome: its best value in a feasible, measured, full experiment, in the KPI's unit."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_MOST_POINTS = 20_000
_LARGE = 1e12


@dataclass(frozen=True, slots=True)
class Exam:
    """An exam that can be held: `passed` says after which rows of the log it holds."""

    source: str
    names: frozenset[str]
    _expression: Expression

    def passed(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Return (n,) booleans; a quantity that is not known (NaN) passes nothing.

        Args:
            columns: (n,) values of every quantity, one row after each result.
        """
        return self._expression.holds(columns, where_absent=False)


def read_exam(
    milestone: str, source: str, outcomes: Mapping[str, tuple[float | None, float | None]], budget: int | None
) -> Exam:
    """Return an exam that decides something.

    Args:
        milestone: its name, for messages.
        source: the condition.
        outcomes: KPI's outcomes with what is possible of each (None: not known).
        budget: experiments of the mission; None if not known yet.

    Raises:
        Wrong: it cannot be evaluated, cannot fail, or cannot be passed.
    """
    try:
        expression = parse(source, _AnyName())
    except InvalidExpression as error:
        raise Wrong(f"milestone {milestone}: {error.detail.en}", f"이정표 {milestone}: {error.detail.ko}") from error
    known = [*(BEST + name for name in outcomes), *QUANTITIES]
    for name in sorted(expression.names - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        listed = ", ".join(known)
        en, ko = (f" (did you mean {near[0]}?)", f" ({near[0]}을(를) 찾으셨나요?)") if near else ("", "")
        raise Wrong(
            f"milestone {milestone}: {name!r} is not logged{en}; an exam may name: {listed}",
            f"이정표 {milestone}: {name!r}은(는) 기록되지 않습니다{ko}. 쓸 수 있는 이름: {listed}",
        )
    exam = Exam(source, expression.names, expression)
    if bool(exam.passed({name: np.array([_at_the_start(name)]) for name in known})[0]):
        raise Wrong(
            f"milestone {milestone}: {source!r} holds before anything was done, so it examines nothing",
            f"이정표 {milestone}: {source!r}은(는) 아무것도 하지 않아도 참이어서 시험이 되지 않습니다",
        )
    ranges = {name: _range(name, outcomes, budget) for name in sorted(expression.names)}
    if not _may_be_passed(exam, ranges):
        raise Wrong(
            f"milestone {milestone}: {source!r} can never hold within the possible and the budget",
            f"이정표 {milestone}: {source!r}은(는) 가능한 범위와 예산 안에서 참이 될 수 없습니다",
        )
    return exam


def _at_the_start(name: str) -> float:
    return math.nan if name.startswith((BEST, "acceleration")) else 0.0


def _range(
    name: str, outcomes: Mapping[str, tuple[float | None, float | None]], budget: int | None
) -> tuple[float, float]:
    if name.startswith(BEST):
        low, high = outcomes[name.removeprefix(BEST)]
        return (-_LARGE if low is None else low), (_LARGE if high is None else high)
    is_count = name.startswith("n_")
    return 0.0, float(budget) if is_count and budget is not None else _LARGE


def _may_be_passed(exam: Exam, ranges: Mapping[str, tuple[float, float]]) -> bool:
    """Say whether some values within the ranges pass; False only where every comparison settles it.

    Where each comparison sets one name against numbers, it changes only at those numbers, so that looking at them, a
    little beside them and at the ends of the ranges is looking everywhere. Other exams are not judged.
    """
    if not _is_plain(exam.source):
        return True
    limits = [float(text) * sign for text in _NUMBER.findall(_unquoted(exam.source)) for sign in (1, -1)]
    places: list[Sequence[float]] = []
    for name, (low, high) in ranges.items():
        is_count = name.startswith("n_")
        near = [float(math.floor(limit)) for limit in limits] if is_count else limits
        beside = [v + d * (1.0 if is_count else _aside(v)) for v in near for d in (1, -1)]
        places.append(sorted({low, high, *(v for v in (*near, *beside) if low <= v <= high)}))
    if math.prod(len(place) for place in places) > _MOST_POINTS:
        return True
    rows = np.array(list(itertools.product(*places)), dtype=np.float64)
    return bool(exam.passed({name: rows[:, i] for i, name in enumerate(ranges)}).any())


def _aside(limit: float) -> float:
    """Return a step that leaves a number, and is larger than the tolerance within which numbers are equal."""
    return 1e-6 * max(abs(limit), 1e-3)


def _unquoted(source: str) -> str:
    return re.sub(r"`[^`]*`", "name", source)


def _is_plain(source: str) -> bool:
    """Say whether each comparison sets one name against numbers: no arithmetic but a sign, no functions."""
    text = _unquoted(source)
    if re.search(r"[+*/]|\w\s*\(|\w\s+-|\)\s*-|[<>=]\s*[A-Za-z_]", text):
        return False
    return not re.search(r"\bin\b", text)


class _AnyName(Mapping[str, bool]):
    """Knows every name as that of a number, so that one that is not logged can be refused in words of our own."""

    @override
    def __getitem__(self, name: str) -> bool:
        return False

    @override
    def __contains__(self, name: object) -> bool:
        return True

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0
