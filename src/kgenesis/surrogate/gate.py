"""The independence gate: whether a model is its makers' own, from random numbers on. It overrides every score.

Nothing is believed that can be checked: weights are hashed, the log is read from step 0 on, random weights and the data of
steps spread over the training are made again. A model of our architecture is checked by `lineage`; a partner's by what
its folder and its plug-in show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.text import Text, say
from kgenesis.surrogate.evaluation import MISTAKES, described
from kgenesis.surrogate.lineage import Finding, check_log, compare, read_tensors, verify
from kgenesis.surrogate.weights import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kgenesis.surrogate.entrants import Entrant

OPEN = frozenset({
    "0BSD", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-4.0",
    "CC0-1.0", "EUPL-1.2", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "ISC",
    "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0",
    "MulanPSL-2.0", "Unlicense", "Zlib",
})  # fmt: skip
"""SPDX identifiers of licences that let anybody use, change and pass on: approved by the Open Source Initiative, and two of
Creative Commons for data."""

EVIDENCE = ("weights", "independence", "random-weights", "log", "data", "code")
"""Findings that show where a model comes from."""


class Repeatable(Protocol):
    """What a partner's surrogate may have besides `posterior`, so that its training can be checked."""

    def random_weights(self) -> Mapping[str, NDArray[Any]]:
        """Return the weights before the first step, drawn again from the training's seed."""
        ...

    def training_data(self, step: int) -> Sequence[NDArray[Any]]:
        """Return the data of a training step, drawn again."""
        ...


def chained(before: str, arrays: Sequence[NDArray[Any]]) -> str:
    """Return the digest of the data so far: SHA-256 of the digest before and of every array's bytes."""
    found = sha256(before.encode())
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Gate:
    """What came out of checking where a model comes from."""

    findings: tuple[Finding, ...]

    @property
    def is_passed(self) -> bool:
        """Whether nothing failed."""
        return all(finding.state != "failed" for finding in self.findings)

    @property
    def evidence(self) -> float:
        """Share of the evidence that was seen and holds."""
        held = {finding.name for finding in self.findings if finding.state == "ok"}
        return len(held & set(EVIDENCE)) / len(EVIDENCE)

    def holds(self, name: str) -> bool:
        """Whether a finding was looked for and holds."""
        return any(finding.name == name and finding.state == "ok" for finding in self.findings)


def judge(entrant: Entrant, against: Sequence[Path] = (), n_replayed: int = 12) -> Gate:
    """Check where a model comes from, offline.

    Args:
        entrant: The model.
        against: Weights of other models (safetensors or npz) that it must not resemble.
        n_replayed: Training steps, spread over the whole training, whose data are drawn again.

    Raises:
        NotFound: A file to compare with is not there.
        InvalidSpec: A file to compare with, or the lineage, cannot be read.
    """
    for path in against:
        read_tensors(path)  # refused before anything is checked
    if entrant.is_ours and entrant.lineage is not None:
        return Gate(tuple(verify(entrant.lineage, against, n_replayed)))
    if entrant.lineage is None:
        what = say(
            "no lineage is given: that the weights come from random numbers is not shown",
            "계보가 없습니다. 가중치가 무작위 값에서 나왔음을 확인할 수 없습니다",
        )
        found = [Finding("lineage", "failed", what), _licence(entrant.licence)]
    else:
        found = _of_record(entrant, _read(entrant.lineage), n_replayed)
    return Gate((*found, *_likenesses(entrant, against)))


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "lineage.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        int(record["steps"]), dict(record["weights"]), dict(record.get("code", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidSpec(
            say(f"{path} is no lineage: {described(error)}", f"{path}은(는) 계보 파일이 아닙니다: {described(error)}"),
            hint=say(
                "See docs/en/how-to/bring-your-own-model.md for what it has to say.",
                "적어야 할 것은 docs/ko/how-to/bring-your-own-model.md에 있습니다.",
            ),
        ) from error
    return record


def _finding(name: str, right: Text, wrong: Text, *, is_ok: bool) -> Finding:
    return Finding(name, "ok" if is_ok else "failed", right if is_ok else wrong)


def _licence(licence: str) -> Finding:
    said = licence or "–"
    return _finding(
        "licence",
        say(f"the licence {said} is open", f"라이선스 {said}은(는) 개방형입니다"),
        say(f"the licence {said} is not known to be open", f"라이선스 {said}은(는) 개방형으로 확인되지 않습니다"),
        is_ok=licence in OPEN,
    )


def _of_record(entrant: Entrant, record: Mapping[str, Any], n_replayed: int) -> list[Finding]:
    assert entrant.lineage is not None
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in entrant.weights}
    is_free = record.get("outside_weights", "") is None and record.get("outside_data", "") is None
    found = [
        _finding(
            "weights",
            say("the weights are those of the lineage", "가중치가 계보와 일치합니다"),
            say("the weights are not those of the lineage", "가중치가 계보와 다릅니다"),
            is_ok=bool(hashes) and hashes == record["weights"],
        ),
        _finding(
            "independence",
            say("the record names no outside weights and no outside data", "기록에 외부 가중치·외부 데이터가 없습니다"),
            say("the record names outside sources, or says nothing of them", "외부 출처가 있거나 적혀 있지 않습니다"),
            is_ok=is_free,
        ),
        _licence(entrant.licence),
    ]
    log, lines = check_log(entrant.lineage, record)
    return [*found, _random_weights(entrant, record), log, *_data(entrant, lines, n_replayed), _code(entrant, record)]


NOT_SHOWN = say(
    "the plug-in cannot draw first weights and data again (`random_weights`, `training_data`), so nothing is shown",
    "플러그인이 첫 가중치와 데이터를 다시 뽑지 못하므로(`random_weights`, `training_data`) 확인할 수 없습니다",
)


def _random_weights(entrant: Entrant, record: Mapping[str, Any]) -> Finding:
    try:
        drawn = digest(entrant.surrogate.random_weights())  # type: ignore[attr-defined]
    except AttributeError:
        return Finding("random-weights", "failed", NOT_SHOWN)
    except MISTAKES as error:
        return Finding("random-weights", "failed", say(described(error), described(error)))
    return _finding(
        "random-weights",
        say("the weights before the first step come out the same again", "첫 단계 이전의 가중치가 그대로 재현됩니다"),
        say("the weights before the first step come out otherwise", "첫 단계 이전의 가중치가 다르게 나옵니다"),
        is_ok=drawn == record.get("random_weights"),
    )


def _data(entrant: Entrant, lines: Sequence[Mapping[str, Any]], n_replayed: int) -> list[Finding]:
    if not lines:
        return []
    steps = np.unique(np.linspace(0, len(lines) - 1, n_replayed).round().astype(int)).tolist()
    for step in steps:
        before = lines[step - 1]["data"] if step else "0" * 64
        try:
            is_same = chained(before, entrant.surrogate.training_data(step)) == lines[step]["data"]  # type: ignore[attr-defined]
        except AttributeError:
            return [Finding("data", "failed", NOT_SHOWN)]
        except MISTAKES as error:
            return [Finding("data", "failed", say(described(error), described(error)))]
        if not is_same:
            what = say(f"the data of step {step} come out otherwise", f"{step}단계의 데이터가 다르게 나옵니다")
            return [Finding("data", "failed", what)]
    n = len(steps)
    what = say(f"the data of {n} steps come out the same again", f"{n}개 단계의 데이터가 똑같이 재현됩니다")
    return [Finding("data", "ok", what)]


def _code(entrant: Entrant, record: Mapping[str, Any]) -> Finding:
    told = record.get("code", {})
    changed = sorted(
        name
        for name, known in told.items()
        if not (path := entrant.folder / name).is_file() or sha256(path.read_bytes()).hexdigest() != known
    )
    if not told:
        return Finding("code", "changed", say("the record names no code", "기록에 코드가 없습니다"))
    if changed:
        names = ", ".join(changed)
        return Finding("code", "changed", say(f"not as it was when it trained: {names}", f"학습 때와 다름: {names}"))
    return Finding("code", "ok", say("the code here is the code that trained", "여기의 코드가 학습한 코드입니다"))


def _likenesses(entrant: Entrant, against: Sequence[Path]) -> list[Finding]:
    if not against:
        return []
    readable = [path for path in entrant.weights if path.suffix in {".npz", ".safetensors"}]
    if not readable:
        what = say(
            "no weights that could be compared are given (.npz, .safetensors)",
            "비교할 수 있는 가중치(.npz, .safetensors)가 없습니다",
        )
        return [Finding("similarity", "failed", what)]
    ours = {f"{path.name}:{name}": array for path in readable for name, array in read_tensors(path).items()}
    return [compare(ours, path) for path in against]
