"""Where weights come from, so that anybody can check it without a network: hashes, the log from step 0, the data again."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile

import numpy as np

from kgenesis.kernel.errors import InvalidSpec, NotFound
from kgenesis.kernel.text import Text, say
from kgenesis.surrogate.amortised import load
from kgenesis.surrogate.history import commits_with
from kgenesis.surrogate.prior import chain, draw_step
from kgenesis.surrogate.prior.stream import ORIGIN
from kgenesis.surrogate.recipe import Recipe
from kgenesis.surrogate.weights import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

HERE = Path(__file__).parent

FEWEST_TO_COMPARE = 64
"""Numbers in a tensor; smaller ones correlate by chance."""

ALIKE = 0.9
"""Correlation from which on two tensors are called the same."""

CODE = ("data.py", "description.py", "fitting.py", "network.py", "recipe.py", "train.py", "weights.py")
"""Files of this folder that decide the weights; all of `prior/` does too."""


def code_hashes() -> dict[str, str]:
    """Return the SHA-256 of every file that decides the weights."""
    files = [*(HERE / name for name in CODE), *sorted((HERE / "prior").glob("*.py"))]
    return {str(file.relative_to(HERE)): sha256(file.read_bytes()).hexdigest() for file in files}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that a crash cut off is left out."""
    found = []
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in content.decode("utf-8", errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "failed", "changed", "not-checked"]
    text: Text


def verify(folder: Path, against: Sequence[Path] = (), n_replayed: int = 12) -> list[Finding]:
    """Check where the weights in a folder come from, offline.

    Args:
        folder: With `weights.safetensors`, `lineage.json` and `log.jsonl` or `log.jsonl.gz`.
        against: Weights of other models (safetensors or npz) that ours must not resemble.
        n_replayed: Training steps, spread over the whole training, whose data are drawn again and compared.

    Returns:
        What was found, one thing after the other.

    Raises:
        NotFound: There is no model, or nothing to compare with.
        InvalidSpec: The model, or a file to compare with, cannot be read.
    """
    model = load(folder)  # refuses weights that are not those of the lineage
    record = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))
    ours, _ = read(folder / "weights.safetensors")
    ok = Finding("weights", "ok", say("the weights are those of the lineage", "가중치가 계보와 일치합니다"))
    log, lines = check_log(folder, record)
    return [
        ok,
        _independence(record),
        _random_weights(model.recipe, record),
        log,
        *_data(record, lines, n_replayed),
        _code(record),
        *(compare(ours, path) for path in against),
    ]


def _independence(record: Mapping[str, Any]) -> Finding:
    is_free = record.get("outside_weights", "") is None and record.get("outside_data", "") is None
    is_free = is_free and record.get("licence") == "Apache-2.0"
    return Finding(
        "independence",
        "ok" if is_free else "failed",
        say(
            "the record names no outside weights and no outside data; licence Apache-2.0"
            if is_free
            else "the record names outside sources, or another licence",
            "기록에 외부 가중치·외부 데이터가 없고 Apache-2.0입니다"
            if is_free
            else "외부 출처나 다른 라이선스가 적혀 있습니다",
        ),
    )


def _random_weights(recipe: Recipe, record: Mapping[str, Any]) -> Finding:
    """Draw the weights before the first step again; needs torch."""
    if find_spec("torch") is None:
        what = say("torch is needed to draw the first weights again", "첫 가중치를 다시 뽑으려면 torch가 필요합니다")
        return Finding("random-weights", "not-checked", what)
    from kgenesis.surrogate.train import Training

    is_same = Training.begin(recipe).origin == record.get("random_weights")
    return Finding(
        "random-weights",
        "ok" if is_same else "failed",
        say(
            f"the seed {recipe.seed} gives the weights before the first step" if is_same
            else "the seed gives other weights than those the training began with",
            f"시드 {recipe.seed}이(가) 첫 단계 이전의 가중치를 재현합니다" if is_same
            else "시드가 다른 시작 가중치를 줍니다",
        ),
    )  # fmt: skip


def check_log(folder: Path, record: Mapping[str, Any]) -> tuple[Finding, list[dict[str, Any]]]:
    """Check that a log has every step from 0 on.

    Args:
        folder: With `log.jsonl` or `log.jsonl.gz`; every line of a step has `step`, `loss` and `data`, the digest so far.
        record: The lineage: `steps`, and `data`, the digest after the last.

    Returns:
        What was found, and the lines of the steps; none if the log is not whole.
    """
    path = next((p for p in (folder / "log.jsonl.gz", folder / "log.jsonl") if p.is_file()), None)
    if path is None:
        return Finding("log", "failed", say("there is no log of the training", "학습 기록이 없습니다")), []
    try:
        lines = [line for line in read_lines(path) if "data" in line]
        n_steps = int(record.get("steps", -1))
        losses = [float(line["loss"]) for line in lines if "loss" in line]
        is_whole = [line["step"] for line in lines] == list(range(n_steps)) and lines[-1]["data"] == record.get("data")
    except (OSError, EOFError, KeyError, IndexError, TypeError, ValueError):
        is_whole = False
    if not is_whole or not losses:
        return Finding("log", "failed", say("the log lacks steps", "기록에 빠진 단계가 있습니다")), []
    first, last = (float(np.mean(part)) for part in (losses[:20], losses[-200:]))
    told = say(
        f"{n_steps} steps from step 0 on, loss {first:.2f} at first and {last:.2f} in the end",
        f"0단계부터 {n_steps}단계, 손실 {first:.2f}에서 {last:.2f}까지",
    )
    return Finding("log", "ok", told), lines


def _data(record: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], n_replayed: int) -> list[Finding]:
    """Draw the data of some steps again."""
    if not lines:
        return []
    n_steps = len(lines)
    sittings = record["sittings"]
    for step in np.unique(np.linspace(0, n_steps - 1, n_replayed).round().astype(int)).tolist():
        recipe = Recipe.model_validate([s for s in sittings if s["from"] <= step][-1]["recipe"])
        if chain(lines[step - 1]["data"] if step else ORIGIN, draw_step(recipe, step)) != lines[step]["data"]:
            told = say(
                f"the data of step {step} come out otherwise here: altered, or another processor or version of NumPy",
                f"{step}단계의 데이터가 다르게 나옵니다. 변조되었거나 프로세서·NumPy 버전이 다릅니다",
            )
            return [Finding("data", "failed", told)]
    told = say(
        f"the data of {n_replayed} steps come out the same again", f"{n_replayed}개 단계의 데이터가 똑같이 재현됩니다"
    )
    return [Finding("data", "ok", told)]


def _code(record: Mapping[str, Any]) -> Finding:
    """Say where the code that trained can be had: here, or in the history of this repository, whatever its commits."""
    here, sittings = code_hashes(), record["sittings"]
    changed = sorted({name for s in sittings for name, told in s["code"].items() if here.get(name) != told})
    if not changed:
        return Finding("code", "ok", say("the code here is the code that trained", "여기의 코드가 학습한 코드입니다"))
    names = ", ".join(changed)
    commits = commits_with([s["code"] for s in sittings], HERE)
    if commits is None:
        return Finding(
            "code",
            "changed",
            say(
                f"other versions here than those that trained: {names}. That is no fault by itself: what they decide was "
                "made again above; a clone of the repository finds the code that trained",
                f"학습한 것과 다른 버전: {names}. 그 자체로 문제는 아닙니다. 이 코드가 정하는 것은 위에서 재현했고, 저장소를 "
                "복제하면 학습한 코드를 찾을 수 있습니다",
            ),
        )
    lost = [str(s["from"]) for s, commit in zip(sittings, commits, strict=True) if not commit]
    if lost:
        return Finding(
            "code",
            "changed",
            say(
                f"no commit of this repository has the code that trained from step {', '.join(lost)} on",
                f"{', '.join(lost)}단계부터 학습한 코드가 이 저장소의 어느 커밋에도 없습니다",
            ),
        )
    known = ", ".join(dict.fromkeys(commit[:12] for commit in commits))
    return Finding(
        "code",
        "ok",
        say(
            f"the code that trained is in this repository to the last byte (commits {known}); changed since: {names}",
            f"학습한 코드가 이 저장소에 그대로 있습니다(커밋 {known}). 그 뒤 바뀐 파일: {names}",
        ),
    )


def compare(ours: Mapping[str, NDArray[Any]], path: Path) -> Finding:
    """Compare every tensor with those of another model that have as many numbers: copies correlate, chance does not.

    Raises:
        NotFound, InvalidSpec: The other model is not there or cannot be read.
    """
    theirs = read_tensors(path)
    most, where = 0.0, ""
    for name, tensor in ours.items():
        a = np.asarray(tensor, dtype=np.float64).ravel()
        if a.size < FEWEST_TO_COMPARE or not np.isfinite(a).all() or a.std() == 0.0:
            continue
        for other, array in theirs.items():
            b = np.asarray(array, dtype=np.float64).ravel()
            if b.size == a.size and np.isfinite(b).all() and b.std() > 0.0:
                likeness = abs(float(np.corrcoef(a, b)[0, 1]))
                if likeness > most:
                    most, where = likeness, f"{name} ~ {other}"
    is_alike = most > ALIKE
    return Finding(
        "similarity",
        "failed" if is_alike else "ok",
        say(
            f"{path.name}: largest correlation of a tensor {most:.2f}{f' ({where})' if where else ''}",
            f"{path.name}: 텐서 상관의 최댓값 {most:.2f}{f' ({where})' if where else ''}",
        ),
    )


def read_tensors(path: Path) -> Mapping[str, NDArray[Any]]:
    """Return the tensors of any model.

    Raises:
        NotFound, InvalidSpec: The file is not there, or cannot be read.
    """
    hint = say("Give a `.safetensors` file of 32-bit numbers, or `.npz`.", "32비트 `.safetensors`나 `.npz`를 주세요.")
    if not path.is_file():
        raise NotFound(say(f"{path} is no file", f"{path} 파일이 없습니다"), hint=hint)
    try:
        if path.suffix == ".npz":
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if archive[name].dtype.kind in "fiu"}
        return read(path)[0]
    except (ValueError, OSError, KeyError, TypeError, BadZipFile) as error:
        raise InvalidSpec(
            say(f"{path} cannot be read: {error}", f"{path}을(를) 읽을 수 없습니다: {error}"), hint=hint
        ) from None
