"""Do one experiment: the only place that catches what a lab raises, and that judges what it answers."""

import math
import time
import traceback
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from kgenesis.kernel.errors import KGenesisError
from kgenesis.kernel.experiment import Failure, Measurement, Result, Task
from kgenesis.kernel.ports import Lab
from kgenesis.kernel.text import Text, say

_SHOWN = 200
"""Characters of an answer that are quoted in a reason."""
_TRACE = 4000
"""Characters of a traceback that are kept, its end."""


def perform(lab: Lab, outcomes: Sequence[str], task: Task) -> Result:
    """Let a lab do an experiment and return its result; never raises, whatever the lab does.

    A lab that raises, or ends the process by `sys.exit`, has crashed; so has one whose answer is no measurement, lacks
    one of `outcomes`, or is not finite.

    Args:
        lab: where it is done.
        outcomes: names a measurement must have; it may have more.
        task: what is done.
    """
    start = time.perf_counter()
    try:
        answer: object = lab.measure(task)
        result = _judged(answer, outcomes)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (this is the place)
        trace = "".join(traceback.format_exception(error))[-_TRACE:]
        result = Failure(kind="crashed", reason=_reason(error), metadata={"traceback": trace})
    if result.seconds is None:
        result = result.model_copy(update={"seconds": time.perf_counter() - start})
    return result


def _judged(answer: object, outcomes: Sequence[str]) -> Result:
    if isinstance(answer, Failure):
        return _writable(answer)
    if not isinstance(answer, Measurement):
        return _crashed(
            say(
                f"the lab answered {_quoted(answer)}, which is no measurement",
                f"실험실의 응답이 측정값이 아닙니다: {_quoted(answer)}",
            )
        )
    missing = [name for name in outcomes if name not in answer.outcomes]
    if missing:
        expected, found = ", ".join(outcomes), ", ".join(answer.outcomes) or "-"
        return _crashed(
            say(
                f"the lab did not measure {', '.join(missing)}; expected: {expected}; found: {found}",
                f"실험실이 {', '.join(missing)}을(를) 측정하지 않았습니다. 필요: {expected}, 응답: {found}",
            )
        )
    wild = [name for name, outcome in answer.outcomes.items() if not math.isfinite(outcome.mean)]
    if wild:
        return _crashed(
            say(
                f"the lab measured a value that is not finite: {', '.join(wild)}",
                f"실험실의 측정값이 유한하지 않습니다: {', '.join(wild)}",
            )
        )
    return _writable(answer)


def _writable(result: Result) -> Result:
    """Return the result as it will be read again, or a failure if it cannot be written down."""
    try:
        return type(result).model_validate_json(result.model_dump_json())
    except (PydanticSerializationError, ValidationError, ValueError) as error:
        return _crashed(
            say(
                f"the lab's answer cannot be written as JSON: {error}",
                f"실험실의 응답을 JSON으로 쓸 수 없습니다: {error}",
            )
        )


def _crashed(reason: Text) -> Failure:
    return Failure(kind="crashed", reason=reason)


def _reason(error: BaseException) -> Text:
    if isinstance(error, KGenesisError):
        return error.detail
    if isinstance(error, ValidationError):
        where = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        return say(f"the lab's answer is not valid: {where}", f"실험실의 응답이 올바르지 않습니다: {where}")
    said = f"{type(error).__name__}: {error}"
    return say(f"the lab raised {said}", f"실험실에서 오류가 났습니다: {said}")


def _quoted(answer: object) -> str:
    try:
        text = repr(answer)
    except Exception:  # noqa: BLE001  (a lab's object may not even be shown)
        text = "?"
    return f"{type(answer).__name__} {text[:_SHOWN]}"
