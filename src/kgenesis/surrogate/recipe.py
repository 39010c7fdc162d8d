"""The recipe of a foundation model: everything that decides its weights, in one file that survives YAML and back."""

from __future__ import annotations

from hashlib import sha256
from typing import Self

from pydantic import Field, model_validator

from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.text import Wrong

LARGEST_FACTORS = 20
"""The prior has no more factors than this."""


class Architecture(Frozen):
    """What the network is made of; `network.py` builds it for training, `amortised.py` for use."""

    n_components: int = Field(default=4, ge=1, le=16)
    """Gaussian processes in the mixture."""
    n_rounds: int = Field(default=3, ge=1, le=8)
    """Rounds of the learned optimiser."""
    width: int = Field(default=64, ge=4, le=512)
    """Numbers that stand for a factor."""
    n_heads: int = Field(default=4, ge=1, le=16)
    """Heads of attention; they share the width."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.n_heads:
            raise Wrong("width must be a multiple of n_heads", "width는 n_heads의 배수여야 합니다")
        return self


class Stage(Frozen):
    """A part of the curriculum."""

    until: int = Field(ge=1)
    """Last step of the stage."""
    rows: tuple[int, ...] = Field(min_length=1)
    """Numbers of measurements that data sets have."""
    factors: tuple[int, ...] = Field(min_length=1)
    """Largest numbers of factors in a step; a data set has half as many or more."""
    bearable: float = Field(default=6.0, gt=0.0)
    """Nats up to which a held-out outcome counts in full in the loss; beyond, the logarithm. Few measurements standardise
    outcomes badly by mere chance, which upsets the beginning of a training; at its end everything should count, or
    intervals from few measurements come out too narrow."""


class Recipe(Frozen):
    """How a model is trained. The same recipe on the same machine gives the same weights, to the last bit."""

    version: str = Field(default="genesis-1", pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """Name of the model and of its architecture."""
    seed: int = Field(default=0, ge=0)
    """The data of step k are drawn from (seed, k), the weights before the first step from seed."""
    architecture: Architecture = Architecture()
    stages: tuple[Stage, ...] = (
        Stage(until=2000, rows=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64), factors=(1, 2, 4, 8)),
        Stage(until=16_000, rows=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128), factors=(2, 4, 8, 12, 20)),
        Stage(
            until=10**9,
            rows=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128),
            factors=(2, 4, 8, 12, 20),
            bearable=50.0,
        ),
    )
    """Small data sets first; the last stage must reach the last step."""
    n_steps: int = Field(default=19_000, ge=1)
    n_asked: int = Field(default=40, ge=2)
    """Held-out measurements of a data set."""
    data_sets: tuple[int, int] = (6, 48)
    """Fewest and most data sets of a step; fewer where they are large."""
    entries: int = Field(default=900_000, ge=1)
    """Distances held for a step, about: decides how many data sets it has."""
    learning_rate: float = Field(default=1.5e-3, gt=0.0)
    warm_up: int = Field(default=100, ge=0)
    """Steps in which the learning rate rises."""
    cool_down: float = Field(default=0.4, ge=0.0, le=1.0)
    """Share of the steps, at the end, in which it falls to nothing along a cosine."""
    weight_decay: float = Field(default=1e-3, ge=0.0)
    clip: float = Field(default=1.0, gt=0.0)
    """Largest norm of a gradient."""
    averaging: float = Field(default=0.999, ge=0.0, lt=1.0)
    """Decay of the running mean of the weights, which is what is published."""
    device: str = "cpu"
    """Where torch computes; only `cpu` gives the same bits again."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if max(max(stage.factors) for stage in self.stages) > LARGEST_FACTORS:
            raise Wrong(
                f"no stage may have more than {LARGEST_FACTORS} factors", f"단계의 요인은 {LARGEST_FACTORS}개까지입니다"
            )
        if [s.until for s in self.stages] != sorted({s.until for s in self.stages}):
            raise Wrong("each stage must end after the one before", "각 단계는 앞 단계보다 뒤에 끝나야 합니다")
        if self.stages[-1].until < self.n_steps:
            raise Wrong("the last stage must reach the last step", "마지막 단계가 마지막 스텝까지 이르러야 합니다")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe."""
        return sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def max_factors(self) -> int:
        """Most factors that the model is trained with."""
        return max(max(stage.factors) for stage in self.stages)

    def stage_of(self, step: int) -> Stage:
        """Return the stage a step (from 0) belongs to."""
        return next(stage for stage in self.stages if step < stage.until)
