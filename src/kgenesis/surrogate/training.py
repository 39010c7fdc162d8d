"""Begin a training, or go on with one: what is checked before torch is asked to do anything."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from math import inf
from typing import TYPE_CHECKING

from pydantic import ValidationError

from kgenesis.kernel.errors import InvalidSpec, MissingPart, NotFound, Refused
from kgenesis.kernel.text import say
from kgenesis.surrogate.amortised import READABLE
from kgenesis.surrogate.lineage import HERE, write_whole
from kgenesis.surrogate.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any


@dataclass(frozen=True, slots=True)
class Sitting:
    """How long a training goes on without a break, with what, and who is told."""

    seconds: float = inf
    """Longest sitting; `resume_training` goes on."""
    is_stopped: Callable[[], bool] = lambda: False
    """Asked before every step."""
    n_processes: int = 0
    """Processes that draw the data of the next steps meanwhile; the weights are the same whoever draws."""
    on_step: Callable[[Mapping[str, Any], int], None] = lambda line, n_steps: None
    """Told what the log says of each step, and how many steps there are."""


def begin_training(recipe: Recipe, folder: Path, sitting: Sitting) -> bool:
    """Train a model from random weights.

    Args:
        recipe: What decides the weights.
        folder: Where the training will live; there is none in it yet.
        sitting: How long, and who is told.

    Returns:
        Whether the recipe is done.

    Raises:
        MissingPart: Torch is not installed.
        InvalidSpec: This K-Genesis cannot use models of the recipe's version.
        Refused: There is a training in the folder.
    """
    _check_torch()
    if recipe.version not in READABLE:
        known = ", ".join(sorted(READABLE))
        raise InvalidSpec(
            say(
                f"a model of version {recipe.version!r} could not be used; this K-Genesis knows {known}",
                f"버전 {recipe.version!r}의 모델은 쓸 수 없습니다. 이 K-Genesis는 {known}만 압니다",
            ),
            hint=say(f"Write `version: {min(READABLE)}`.", f"`version: {min(READABLE)}`로 쓰세요."),
        )
    if (folder / "recipe.json").exists():
        raise Refused(
            say(f"there is a training in {folder}", f"{folder}에 이미 학습이 있습니다"),
            hint=say("Go on with it: `kgenesis model resume FOLDER`.", "`kgenesis model resume FOLDER`로 이어 가세요."),
        )
    from kgenesis.surrogate.train import Training, go

    training = Training.begin(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "recipe.json", recipe.model_dump_json(indent=1).encode())
    return go(training, folder, sitting, _commit())


def resume_training(folder: Path, sitting: Sitting, n_steps: int | None = None) -> bool:
    """Go on where the last checkpoint left off; nothing is lost but the steps since then, and they come out the same.

    Args:
        folder: Of the training.
        sitting: How long, and who is told.
        n_steps: New length of the training; the learning rate falls towards it. The lineage keeps both.

    Returns:
        Whether the recipe is done.

    Raises:
        MissingPart: Torch is not installed.
        NotFound: There is no training in the folder.
        InvalidSpec: Its recipe is damaged, or cannot have so many steps.
    """
    _check_torch()
    recipe = read_recipe(folder)
    from kgenesis.surrogate.train import Training, go

    if n_steps is not None:
        try:
            recipe = Recipe.model_validate(recipe.model_dump() | {"n_steps": n_steps})
        except ValidationError as error:
            raise InvalidSpec(
                say(f"the training cannot have {n_steps} steps", f"학습이 {n_steps}단계일 수 없습니다")
            ) from error
    is_new = not (folder / "checkpoint.pt").is_file()  # killed before the first checkpoint
    training = Training.begin(recipe) if is_new else Training.load(folder, recipe)
    write_whole(folder / "recipe.json", recipe.model_dump_json(indent=1).encode())
    return go(training, folder, sitting, _commit())


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of the training in a folder.

    Raises:
        NotFound: There is none.
        InvalidSpec: It is damaged.
    """
    path = folder / "recipe.json"
    if not path.is_file():
        raise NotFound(
            say(f"there is no training in {folder}", f"{folder}에 학습이 없습니다"),
            hint=say("Begin one: `kgenesis model train`.", "`kgenesis model train`으로 시작하세요."),
        )
    try:
        return Recipe.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise InvalidSpec(say(f"{path} is damaged", f"{path}이(가) 손상되었습니다")) from error


def _check_torch() -> None:
    if find_spec("torch") is None:
        raise MissingPart(
            say("training needs torch, which is not installed", "학습에 필요한 torch가 없습니다"),
            hint=say("Install it: `pip install 'kgenesis[train]'`.", "`pip install 'kgenesis[train]'`로 설치하세요."),
        )


def _commit() -> str:
    """Return the version of this code under version control; empty if it is under none."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=HERE, capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
