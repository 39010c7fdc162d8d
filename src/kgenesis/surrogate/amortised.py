"""The foundation model as it is used: the network of `network.py` in NumPy, and the weights that are published.

A version's architecture never changes once its weights are published; another architecture is another version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from kgenesis.kernel.errors import InvalidSpec, NotFound
from kgenesis.kernel.text import say
from kgenesis.surrogate.marginal import N_GLOBALS
from kgenesis.surrogate.recipe import Recipe
from kgenesis.surrogate.weights import digest, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kgenesis.kernel.ports import FloatArray
    from kgenesis.surrogate.description import Description
    from kgenesis.surrogate.marginal import Marginal

PUBLISHED = Path(__file__).parent / "published"
"""A folder for each version: weights, lineage, the log of the training, a card."""

NEWEST = "genesis-1"
"""The version that is used unless another is asked for."""

READABLE = frozenset({"genesis-1"})
"""Versions whose architecture this file knows."""


@dataclass(frozen=True)
class Model:
    """Weights that turn data into a mixture of Gaussian processes."""

    weights: Mapping[str, FloatArray]
    recipe: Recipe
    """How they were trained."""

    def propose(self, said: Description, marginal: Marginal) -> tuple[FloatArray, FloatArray]:
        """Propose hyper-parameters.

        Args:
            said: Of the data.
            marginal: Their likelihood; its gradients tell the network which way to go.

        Returns:
            θ of each component, shape (s, n_factors + N_GLOBALS), and their shares, shape (s,).
        """
        w, n_factors = self.weights, len(said.factors)
        tokens = np.vstack([self._two("see_factor", said.factors), self._two("see_data", said.data)[None]])
        tokens = tokens[None] + w["component"][:, None]
        lengths = w["length"] + w["per_factor"] * np.log(n_factors)
        theta = np.hstack([np.repeat(lengths[:, None], n_factors, axis=1), w["others"][:, :N_GLOBALS]])
        extra = w["others"][:, N_GLOBALS].copy()
        values, gradients = _evaluate(marginal, theta)
        n = float(np.exp(said.data[0]))
        for k in range(self.recipe.architecture.n_rounds):
            tokens, by_length, by_others = self._round(k, tokens, theta, values, gradients, n)
            theta = theta + np.hstack([by_length, by_others[:, :N_GLOBALS]])
            extra += by_others[:, N_GLOBALS]
            values, gradients = _evaluate(marginal, theta)
        shares = extra + np.logaddexp(0.0, w["tempering"]) * values
        shares = np.exp(shares - shares.max())
        return theta, shares / shares.sum()

    def _round(
        self, k: int, tokens: FloatArray, theta: FloatArray, values: FloatArray, gradients: FloatArray, n: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """One step of the learned optimiser; see `network.Round` and `network.reading`."""
        name = f"rounds.{k}"
        by_length, by_others = gradients[:, :-N_GLOBALS], gradients[:, -N_GLOBALS:]
        seen = np.stack([np.arcsinh(by_length), 3.0 * np.arcsinh(by_length / n), theta[:, :-N_GLOBALS]], axis=-1)
        behind = values - values.max()
        told = np.column_stack(
            [np.arcsinh(by_others), theta[:, -N_GLOBALS:], np.arcsinh(values / n), -np.arcsinh(behind)]
        )
        read_in = [self._linear(f"{name}.read_factor", seen), self._linear(f"{name}.read_data", told)[:, None]]
        tokens = tokens + np.concatenate(read_in, axis=1)
        tokens = self._attend(f"{name}.factors", tokens)
        tokens = self._attend(f"{name}.components", tokens.swapaxes(0, 1)).swapaxes(0, 1)
        inner = self._linear(f"{name}.inward", self._norm(f"{name}.norm", tokens))
        tokens = tokens + self._linear(f"{name}.outward", _silu(inner))
        moved = self._linear(f"{name}.move_length", tokens[:, :-1])[..., 0]
        return tokens, moved, self._linear(f"{name}.move_others", tokens[:, -1])

    def _linear(self, name: str, x: FloatArray) -> FloatArray:
        return np.asarray(x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _two(self, name: str, x: FloatArray) -> FloatArray:
        return self._linear(f"{name}.2", _silu(self._linear(f"{name}.0", x)))

    def _norm(self, name: str, x: FloatArray) -> FloatArray:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        return np.asarray(scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])

    def _attend(self, name: str, tokens: FloatArray) -> FloatArray:
        *lead, t, width = tokens.shape
        heads = self.recipe.architecture.n_heads
        parts = self._linear(f"{name}.inward", self._norm(f"{name}.norm", tokens))
        parts = parts.reshape(*lead, t, 3, heads, width // heads)
        query, key, value = (parts[..., i, :, :].swapaxes(-2, -3) for i in range(3))
        scores = query @ key.swapaxes(-1, -2) * (width // heads) ** -0.5
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return tokens + self._linear(f"{name}.outward", seen.swapaxes(-2, -3).reshape(*lead, t, width))


def _evaluate(marginal: Marginal, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log likelihoods (s,) and their gradients (s, ·) of every component."""
    found = [marginal(each) for each in theta]
    return np.array([value for value, _ in found]), np.stack([gradient for _, gradient in found])


def _silu(x: FloatArray) -> FloatArray:
    return np.asarray(x * 0.5 * (1.0 + np.tanh(0.5 * x)))


def expected_shapes(recipe: Recipe) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor that a recipe's architecture has."""
    from kgenesis.surrogate.description import N_DATA_FIGURES, N_FACTOR_FIGURES

    a = recipe.architecture
    s, width = a.n_components, a.width
    shapes: dict[str, tuple[int, ...]] = {
        "component": (s, width), "length": (s,), "per_factor": (s,), "others": (s, N_GLOBALS + 1), "tempering": (),
    }  # fmt: skip

    def linear(name: str, inside: int, out: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (out, inside), (out,)

    for name, size in (("see_factor", N_FACTOR_FIGURES), ("see_data", N_DATA_FIGURES)):
        linear(f"{name}.0", size, width)
        linear(f"{name}.2", width, width)
    for k in range(a.n_rounds):
        linear(f"rounds.{k}.read_factor", 3, width)
        linear(f"rounds.{k}.read_data", 2 * N_GLOBALS + 2, width)
        for part in ("factors", "components"):
            shapes[f"rounds.{k}.{part}.norm.weight"] = shapes[f"rounds.{k}.{part}.norm.bias"] = (width,)
            linear(f"rounds.{k}.{part}.inward", width, 3 * width)
            linear(f"rounds.{k}.{part}.outward", width, width)
        shapes[f"rounds.{k}.norm.weight"] = shapes[f"rounds.{k}.norm.bias"] = (width,)
        linear(f"rounds.{k}.inward", width, 2 * width)
        linear(f"rounds.{k}.outward", 2 * width, width)
        linear(f"rounds.{k}.move_length", width, 1)
        linear(f"rounds.{k}.move_others", width, N_GLOBALS + 1)
    return shapes


@lru_cache(maxsize=4)
def load(folder: Path) -> Model:
    """Read a model from its folder and make sure that it is what its lineage says.

    Raises:
        NotFound: There is no model.
        InvalidSpec: A file is damaged, or the weights are not those of the lineage, or of another version.
    """
    hint = say(
        "Take the folder whole from where it was published, or train your own: `kgenesis model train`.",
        "게시된 폴더를 통째로 다시 받거나 직접 학습하세요: `kgenesis model train`.",
    )
    weights_file, lineage_file = folder / "weights.safetensors", folder / "lineage.json"
    if not (weights_file.is_file() and lineage_file.is_file()):
        raise NotFound(
            say(
                f"{folder} has no `weights.safetensors` with a `lineage.json` beside it",
                f"{folder}에 `weights.safetensors`와 `lineage.json`이 없습니다",
            ),
            hint=hint,
        )
    try:
        tensors, notes = read(weights_file)
        lineage = json.loads(lineage_file.read_text(encoding="utf-8"))
        recipe = Recipe.model_validate(lineage["sittings"][-1]["recipe"])
    except (ValueError, KeyError, IndexError, TypeError, ValidationError) as error:
        raise InvalidSpec(
            say(f"the model in {folder} cannot be read: {error}", f"{folder}의 모델을 읽을 수 없습니다: {error}"),
            hint=hint,
        ) from None
    if not recipe.version == notes.get("version") == lineage.get("version") or recipe.version not in READABLE:
        known = ", ".join(sorted(READABLE))
        raise InvalidSpec(
            say(
                f"the model in {folder} is of version {notes.get('version')!r}, its recipe of {recipe.version!r}; "
                f"this K-Genesis reads {known}",
                f"{folder}의 모델 버전은 {notes.get('version')!r}, 레시피 버전은 {recipe.version!r}입니다. "
                f"이 K-Genesis는 {known}만 읽습니다",
            ),
            hint=hint,
        )
    is_same = digest(tensors) == lineage.get("weights") and notes.get("recipe") == recipe.digest == lineage.get(
        "recipe"
    )
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if not is_same or shapes != expected_shapes(recipe) or not _are_finite(tensors):
        raise InvalidSpec(
            say(
                f"the weights in {folder} are not those its lineage was written for",
                f"{folder}의 가중치가 계보에 적힌 것과 다릅니다",
            ),
            hint=hint,
        )
    return Model({name: tensor.astype(np.float64) for name, tensor in tensors.items()}, recipe)


def _are_finite(tensors: Mapping[str, NDArray[np.float32]]) -> bool:
    return all(bool(np.isfinite(tensor).all()) for tensor in tensors.values())
