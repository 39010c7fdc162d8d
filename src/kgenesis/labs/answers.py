"""Turn what somebody else's code answered into a measurement, or into a failure that says what was wrong with it."""

import math
from collections.abc import Mapping

from pydantic import ValidationError

from kgenesis.kernel.experiment import Failure, FileRef, Measurement, Outcome, Result
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say

QUOTED = 200
"""How many characters of a nonsensical answer a failure quotes."""

RESERVED = frozenset({"failure", "metadata"})
"""Keys of an answer that are not outcomes."""


def crashed(text: Text) -> Failure:
    """Return the failure of a lab that answered nonsense."""
    return Failure(kind="crashed", reason=text)


def quote(text: str) -> str:
    """Return the first characters of a text on one line, for a message."""
    flat = " ".join(text[: 4 * QUOTED].split())
    return f"{flat[:QUOTED]}…" if len(flat) > QUOTED else flat


def read_answer(answer: Mapping[str, object], problem: Problem | None) -> Result:
    """Return an answer such as `{"yield": 81.2, "purity": {"mean": 0.98, "sem": 0.01, "n": 3}}` as a result.

    An answer `{"failure": {"kind": "infeasible", "reason": "…"}}` is the failure it says. Names of context factors
    go to the measurement's context, `metadata` (an object) to its metadata; any further outcome is kept.

    Args:
        answer: what the program or function gave.
        problem: says which outcomes must be there; None: whatever is there is taken.
    """
    if "failure" in answer:
        return _failure(answer["failure"])
    metadata = answer.get("metadata", {})
    if not isinstance(metadata, Mapping):
        return crashed(say("`metadata` is not an object", "`metadata`가 객체가 아닙니다"))
    context_names = () if problem is None else [v.name for v in problem.space.variables if v.role == "context"]
    outcomes: dict[str, Outcome] = {}
    context: dict[str, float | str] = {}
    for name, value in answer.items():
        if name in RESERVED:
            continue
        if name in context_names and isinstance(value, str):
            context[name] = value
            continue
        outcome = _outcome(str(name), value)
        if isinstance(outcome, Failure):
            return outcome
        if name in context_names:
            context[name] = outcome.mean
        else:
            outcomes[str(name)] = outcome
    lacking = [] if problem is None else [name for name in problem.outcomes if name not in outcomes]
    if lacking or not outcomes:
        wanted, found = ", ".join(lacking) or "—", ", ".join(outcomes) or "—"
        return crashed(
            say(f"the answer lacks {wanted}; it has {found}", f"답에 {wanted}이(가) 없습니다. 있는 것: {found}")
        )
    return Measurement(outcomes=outcomes, context=context, metadata=dict(metadata))


def with_files(result: Result, files: tuple[FileRef, ...], seconds: float) -> Result:
    """Return the result with the files it left behind and the time it took (seconds)."""
    return result.model_copy(update={"files": (*result.files, *files), "seconds": seconds})


def _outcome(name: str, value: object) -> Outcome | Failure:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) == 1:
        value = item()  # NumPy and others wrap single numbers
    try:
        if isinstance(value, Mapping):
            return Outcome.model_validate(dict(value))
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return Outcome(mean=float(value))
    except (ValidationError, OverflowError):
        pass
    said = quote(repr(value))
    return crashed(say(f"{name} is {said}, not a finite number", f"{name}의 값 {said}은(는) 유한한 수가 아닙니다"))


def _failure(value: object) -> Failure:
    try:
        return Failure.model_validate(value)
    except ValidationError:
        said = quote(repr(value))
        return crashed(
            say(
                f"`failure` must have `kind` and `reason`, not {said}",
                f"`failure`에는 `kind`와 `reason`이 있어야 합니다: {said}",
            )
        )
