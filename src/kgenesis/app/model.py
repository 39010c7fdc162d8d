"""The foundation model: train one, go on training, measure it, say what it is, prove where it comes from."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kgenesis.app.mission_files import invalid, read_mapping
from kgenesis.app.model_score import find_entrant
from kgenesis.kernel.errors import NotFound
from kgenesis.kernel.text import Lang, say
from kgenesis.surrogate import (
    Gate,
    Recipe,
    Sitting,
    begin_training,
    evaluate_model,
    judge_independence,
    resume_training,
)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        NotFound: The file cannot be read.
        InvalidSpec: It is not valid; every mistake with its line.
    """
    data, node = read_mapping(
        path,
        say("a recipe is a mapping of keys", "레시피는 키와 값의 모음이어야 합니다"),
        missing=say(
            "Without a file the recipe of the published model is used; see docs/en/how-to/train-a-model.md.",
            "파일을 주지 않으면 게시된 모델의 레시피를 씁니다. docs/ko/how-to/train-a-model.md를 보세요.",
        ),
        wrong=None,
    )
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise invalid(error, str(path), node, data) from error


def train(recipe: Path | None, folder: Path, sitting: Sitting) -> bool:
    """Train a model from random weights; returns whether the recipe is done.

    Raises:
        KGenesisError: The recipe is not valid, torch is missing, or the folder holds a training already.
    """
    told = Recipe() if recipe is None else load_recipe(recipe)
    return begin_training(told, folder, sitting)


def resume(folder: Path, sitting: Sitting, n_steps: int | None) -> bool:
    """Go on with a training; returns whether the recipe is done.

    Raises:
        KGenesisError: There is no training in the folder, or torch is missing.
    """
    return resume_training(folder, sitting, n_steps)


def progress(folder: Path) -> dict[str, Any]:
    """Return where a training stands: steps done, data sets seen, CPU time, the last validation."""
    record = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))
    found = {name: record[name] for name in ("version", "steps", "data_sets", "cpu_seconds", "weights")}
    validations = [json.loads(line) for line in _lines(folder) if '"validation"' in line]
    return found | {"folder": str(folder), "validation": validations[-1]["validation"] if validations else None}


def _lines(folder: Path) -> list[str]:
    path = folder / "log.jsonl"
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def evaluate(
    model: str, n_sets: int, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, dict[str, float]]:
    """Compare a model with a fitted Gaussian process on campaigns neither has seen; see `surrogate.evaluation`."""
    return evaluate_model(find_entrant(model).surrogate, n_sets, on_progress)


def lineage(model: str, against: Sequence[Path], n_replayed: int) -> tuple[dict[str, Any] | None, Gate]:
    """Return the record of where a model comes from, if there is one, and what came out of checking it."""
    entrant = find_entrant(model)
    gate = judge_independence(entrant, against, n_replayed)
    if entrant.lineage is None:
        return None, gate
    return json.loads((entrant.lineage / "lineage.json").read_text(encoding="utf-8")), gate


@dataclass(frozen=True, slots=True)
class Card:
    """What a person has to know before using a model."""

    record: Mapping[str, Any]
    """Its lineage."""
    evaluation: Mapping[str, Mapping[str, float]] | None
    """What `evaluate` measured, if somebody kept it beside the weights."""

    def in_(self, lang: Lang) -> str:
        """Return the card as Markdown."""
        lines = [line.in_(lang) for line in self._facts()]
        if self.evaluation is not None:
            lines += ["", _MEASURED.in_(lang), "", _HEAD.in_(lang), "| :-- | --: | --: | --: | --: | --: |"]
            for name, v in self.evaluation.items():
                lines.append(
                    f"| {name} | {v['data_sets']:.0f} | {v['nll']:.3f} | {v['nll_map_gp']:.3f} "
                    f"| {v['better']:.0%} | {v['coverage']:.3f} |"
                )
        return "\n".join([*lines, "", *(line.in_(lang) for line in _LIMITS)]) + "\n"

    def _facts(self) -> list[Any]:
        r = self.record
        recipe = r["sittings"][-1]["recipe"]
        stages, a = recipe["stages"], recipe["architecture"]
        rows = max(max(s["rows"]) for s in stages)
        factors = max(max(s["factors"]) for s in stages)
        hours = r["cpu_seconds"] / 3600.0
        return [
            say(f"# Model card: {r['version']}", f"# 모델 카드: {r['version']}"),
            say("", ""),
            say(
                "An in-context surrogate for experiment design: an amortised Gaussian process. A set network reads a "
                "campaign's measurements and proposes a weighted mixture of Gaussian processes; exact algebra predicts.",
                "실험 설계를 위한 인컨텍스트 대리모델(상각 가우스 과정)입니다. 집합 신경망이 캠페인의 측정값을 읽고 가우스 과정의 "
                "가중 혼합을 제안하며, 예측은 정확한 대수로 합니다.",
            ),
            say("", ""),
            say("| | |\n| :-- | :-- |", "| | |\n| :-- | :-- |"),
            say(f"| licence | {r['licence']} |", f"| 라이선스 | {r['licence']} |"),
            say("| outside weights, outside data | none |", "| 외부 가중치, 외부 데이터 | 없음 |"),
            say(
                f"| trained on | {r['data_sets']:,} imaginary campaigns, {r['steps']:,} steps, {hours:.2f} CPU hours |",
                f"| 학습 | 가상 캠페인 {r['data_sets']:,}개, {r['steps']:,}단계, CPU {hours:.2f}시간 |",
            ),
            say(
                f"| trained for | up to {factors} factors (numbers and levels), up to {rows} measurements; "
                "predicts from any number |",
                f"| 학습 범위 | 요인 {factors}개(수치·수준)까지, 측정 {rows}개까지. 예측은 측정 수에 제한 없음 |",
            ),
            say(
                f"| architecture | {a['n_components']} components, {a['n_rounds']} rounds, width {a['width']} |",
                f"| 구조 | 성분 {a['n_components']}개, 라운드 {a['n_rounds']}회, 너비 {a['width']} |",
            ),
            say(f"| seed | {r['seed']} |", f"| 시드 | {r['seed']} |"),
            say(f"| weights, SHA-256 | `{r['weights']}` |", f"| 가중치 SHA-256 | `{r['weights']}` |"),
            say(f"| data stream, SHA-256 | `{r['data']}` |", f"| 데이터 흐름 SHA-256 | `{r['data']}` |"),
        ]


_MEASURED = say(
    "Measured with `kgenesis model evaluate` on campaigns drawn from the training's own prior with seeds that no training "
    "has (this shows how well it learned, not how it does in the world), against one Gaussian process fitted by maximum "
    "a posteriori:",
    "`kgenesis model evaluate`로, 학습과 같은 사전분포에서 학습에 없는 시드로 뽑은 캠페인에서 측정했습니다(얼마나 잘 배웠는지를 "
    "보일 뿐 실제 성능은 아닙니다). 비교 대상은 최대 사후확률로 맞춘 가우스 과정 하나입니다.",
)
_HEAD = say(
    "| slice | data sets | NLL | NLL of MAP-GP | better than MAP-GP | 90 % coverage |",
    "| 구분 | 데이터 세트 | NLL | MAP-GP의 NLL | MAP-GP보다 나은 비율 | 90 % 포함률 |",
)
_LIMITS = [
    say("## Limits", "## 한계"),
    say("", ""),
    say(
        "- It inherits what Gaussian processes cannot do: jumps and responses that change their pace across the space.",
        "- 가우스 과정의 한계를 물려받습니다. 급격한 도약, 공간에 따라 변동 속도가 달라지는 응답에는 약합니다.",
    ),
    say(
        "- Noise that differs from place to place is averaged unless its variance is given.",
        "- 위치마다 다른 잡음은 분산을 알려 주지 않으면 평균으로 다룹니다.",
    ),
    say(
        "- What it knows of the world is a prior that people wrote; data unlike it are caught by a check that compares "
        "leave-one-out scores with a fitted process, not always.",
        "- 이 모델이 아는 것은 사람이 쓴 사전분포입니다. 그와 다른 데이터는 하나씩 빼고 예측한 점수로 걸러 내지만 늘 그렇지는 않습니다.",
    ),
]


def card(model: str) -> Card:
    """Return the card of a model.

    Raises:
        NotFound, InvalidSpec: There is no such model, or it is damaged.
    """
    entrant = find_entrant(model)
    if entrant.lineage is None or not entrant.is_ours:
        raise NotFound(
            say(f"{model!r} has no model card", f"{model!r}에는 모델 카드가 없습니다"),
            hint=say(
                "Cards are of models that `kgenesis model train` trained; `kgenesis model score` judges any model.",
                "카드는 `kgenesis model train`으로 학습한 모델에만 있습니다. `kgenesis model score`는 어느 모델이든 평가합니다.",
            ),
        )
    record = json.loads((entrant.lineage / "lineage.json").read_text(encoding="utf-8"))
    kept = entrant.lineage / "evaluation.json"
    return Card(record, json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else None)
