"""Train the foundation model: from random weights, on imaginary campaigns only, resumable after any kill.

Read from top to bottom: the loss, the validation, one step, the loop, and what is kept on the disk. A training lives in
a folder: `recipe.json`, `checkpoint.pt` (written whole or not at all), `log.jsonl` (the loss of every step from 0 on, a
chained hash of the data, validations), `failures.jsonl`, `lineage.json`, and in the end `weights.safetensors`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from dataclasses import dataclass, field
from math import cos, pi
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from kgenesis.surrogate.lineage import code_hashes, read_lines, write_whole
from kgenesis.surrogate.network import Network, collate, densities, foretell
from kgenesis.surrogate.prior import VALIDATION, chain, draw_data_set, draw_steps
from kgenesis.surrogate.prior.stream import ORIGIN
from kgenesis.surrogate.weights import digest, pack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kgenesis.surrogate.prior import DataSet, Drawn
    from kgenesis.surrogate.recipe import Recipe
    from kgenesis.surrogate.training import Sitting

EARLY = 0.3
"""Weight of every round but the last in the loss, so that each round learns to be of use."""

VALIDATE_EVERY, CHECKPOINT_SECONDS = 400, 120.0
VALIDATED = tuple((n, d) for n in (4, 8, 16, 32, 64) for d in (2, 5, 10))
"""Measurements and factors of the data sets that progress is measured on."""
VALIDATION_SETS = 8
"""Data sets of each such size."""


def loss_of(network: Network, sets: list[DataSet], device: str, bearable: float) -> Tensor:
    """Return the negative log density of held-out measurements, averaged over rounds by weight, a tensor of one number.

    Beyond `bearable` nats its logarithm counts, see `recipe.Stage`.
    """
    batch = collate(sets, device)
    rounds = network(batch)
    parts = [-densities(batch, found, shares) for found, shares in rounds]
    losses = [torch.where(p < bearable, p, bearable + torch.log1p((p - bearable).clamp_min(0.0))).mean() for p in parts]
    weights = [EARLY] * (len(losses) - 1) + [1.0]
    return torch.stack([w * p for w, p in zip(weights, losses, strict=True)]).sum() / sum(weights)


@torch.no_grad()
def validate(network: Network, recipe: Recipe) -> dict[str, float]:
    """Return NLL and coverage of 90 % intervals on data sets never trained with, overall and by n, d, noise and kind."""
    found: dict[str, list[tuple[float, float]]] = {}
    for k, (n, d) in enumerate(VALIDATED):
        rngs = [np.random.default_rng((recipe.seed, VALIDATION + k, i)) for i in range(VALIDATION_SETS)]
        sets = [draw_data_set(rng, n, d, recipe.n_asked) for rng in rngs]
        batch = collate(sets, recipe.device)
        fit, shares = network(batch)[-1]
        nll = -densities(batch, fit, shares).mean(1)
        centre, variance = foretell(batch, fit)
        below = 0.5 * (1.0 + torch.erf((batch.asked[:, None] - centre) / (2.0 * variance).sqrt()))
        place = (shares.exp()[..., None] * below).sum(1)
        inside = ((place > 0.05) & (place < 0.95)).double().mean(1)  # noqa: PLR2004
        for s, a, b in zip(sets, nll.tolist(), inside.tolist(), strict=True):
            for name in ("all", f"n={n}", f"d={d}", f"noise={s.noise}", "levels" if s.has_levels else "numbers"):
                found.setdefault(name, []).append((a, b))
    out = {f"nll {name}": float(np.mean([a for a, _ in pairs])) for name, pairs in found.items()}
    out |= {f"coverage {name}": float(np.mean([b for _, b in pairs])) for name, pairs in found.items()}
    out["nll median"] = float(np.median([a for a, _ in found["all"]]))
    return out


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate: it rises, stays, and falls along a cosine, so that any long training can be cut short."""
    start = recipe.n_steps * (1.0 - recipe.cool_down)
    rise = min(1.0, (step + 1) / max(1, recipe.warm_up))
    fall = 0.0 if step <= start else (step - start) / max(1.0, recipe.n_steps - start)
    return recipe.learning_rate * rise * 0.5 * (1.0 + cos(pi * min(1.0, fall)))


@dataclass
class Training:
    """A training under way: everything that its next step depends on."""

    recipe: Recipe
    network: Network
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor]
    """Running mean of the weights."""
    step: int = 0
    """The next one."""
    digest: str = ORIGIN
    """Chained hash of all data so far."""
    n_data_sets: int = 0
    cpu_seconds: float = 0.0
    origin: str = ""
    """Digest of the random weights before the first step."""
    sittings: list[dict[str, Any]] = field(default_factory=list)
    """From which step on which recipe, code and libraries were used."""

    @classmethod
    def begin(cls, recipe: Recipe) -> Training:
        """Return a training before its first step: weights are random numbers drawn from the seed."""
        prepare()
        torch.manual_seed(recipe.seed)
        network = Network(recipe.architecture).to(recipe.device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=True
        )
        average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return cls(recipe, network, optimiser, average, origin=digest(arrays(average)))

    def advance(self, drawn: Drawn) -> dict[str, Any]:
        """Do one step and return its line of the log; data that break the algebra change nothing but the log."""
        started, recipe, sets = time.process_time(), self.recipe, drawn.sets
        self.digest = chain(self.digest, sets)
        rate = learning_rate(recipe, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        line: dict[str, Any] = {"step": self.step, "n": sets[0].data.y.size, "sets": len(sets), "data": self.digest}
        try:
            loss = self._descend(sets)
        except FloatingPointError as error:
            line |= {"failure": str(error)}
        else:
            line |= {"loss": round(loss, 5), "rate": rate}
        self.step += 1
        self.n_data_sets += len(sets)
        self.cpu_seconds += drawn.cpu_seconds + time.process_time() - started
        return line

    def _descend(self, sets: list[DataSet]) -> float:
        """Move the weights down the gradient, and their running mean after them; return the loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = loss_of(self.network, sets, self.recipe.device, self.recipe.stage_of(self.step).bearable)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        if not bool(torch.isfinite(norm)):
            raise FloatingPointError("a gradient is not finite")
        self.optimiser.step()
        keep = min(self.recipe.averaging, (1.0 + self.step) / (10.0 + self.step))
        torch._foreach_lerp_(list(self.average.values()), list(self.network.state_dict().values()), 1.0 - keep)
        return float(loss.detach())

    def save(self, folder: Path) -> None:
        """Write the checkpoint whole or not at all."""
        part = folder / "checkpoint.part"
        kept = {name: getattr(self, name) for name in KEPT}
        with part.open("wb") as file:
            torch.save({"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), **kept}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / "checkpoint.pt")

    @classmethod
    def load(cls, folder: Path, recipe: Recipe) -> Training:
        """Return a training as its last checkpoint left it."""
        training = cls.begin(recipe)
        state = torch.load(folder / "checkpoint.pt", map_location=recipe.device, weights_only=True)
        training.network.load_state_dict(state["network"])
        training.optimiser.load_state_dict(state["optimiser"])
        for name in KEPT:
            setattr(training, name, state[name])
        return training

    def averaged(self) -> Network:
        """Return a network with the running mean of the weights."""
        network = Network(self.recipe.architecture).to(self.recipe.device)
        network.load_state_dict(self.average)
        return network


KEPT = ("average", "step", "digest", "n_data_sets", "cpu_seconds", "origin", "sittings")


def prepare() -> None:
    """Make torch compute the same bits every time, on one thread."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)


def arrays(tensors: dict[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """Return tensors as arrays."""
    return {name: value.detach().cpu().numpy().astype(np.float32) for name, value in tensors.items()}


def go(training: Training, folder: Path, sitting: Sitting, commit: str = "") -> bool:
    """Train until the recipe is done, time is up or somebody stops it; the folder can then be resumed.

    Args:
        training: From `Training.begin` or `Training.load`.
        folder: Where it lives.
        sitting: How long, and who is told.
        commit: Version of the code under version control, for the lineage.

    Returns:
        Whether the recipe is done; the weights are then in the folder.
    """
    recipe = training.recipe
    training.sittings.append(
        {"from": training.step, "recipe": recipe.model_dump(mode="json"), "code": code_hashes(), "commit": commit}
        | {"torch": str(torch.__version__), "numpy": np.__version__, "python": platform.python_version()}
    )
    log, failures = folder / "log.jsonl", folder / "failures.jsonl"
    keep_lines(log, training.step)
    keep_lines(failures, training.step)
    began = saved = time.monotonic()
    steps = draw_steps(recipe, training.step, sitting.n_processes)
    with log.open("a", encoding="utf-8") as lines, contextlib.closing(steps):
        while (
            training.step < recipe.n_steps and not sitting.is_stopped() and time.monotonic() - began < sitting.seconds
        ):
            line = training.advance(next(steps))
            lines.write(json.dumps(line) + "\n")
            if "failure" in line:
                with failures.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
            if training.step % VALIDATE_EVERY == 0 or training.step == recipe.n_steps:
                said = {"step": training.step - 1, "validation": validate(training.averaged(), recipe)}
                lines.write(json.dumps(said | {"cpu_seconds": round(training.cpu_seconds, 1)}) + "\n")
                line |= said
            sitting.on_step(line, recipe.n_steps)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                lines.flush()
                training.save(folder)
                saved = time.monotonic()
    training.save(folder)
    publish(training, folder)
    return training.step >= recipe.n_steps


def publish(training: Training, folder: Path) -> None:
    """Write weights, and where they come from, as they are now."""
    weights = arrays(training.average)
    notes = {"version": training.recipe.version, "recipe": training.recipe.digest, "step": str(training.step)}
    write_whole(folder / "weights.safetensors", pack(weights, notes))
    lineage = {
        "version": training.recipe.version,
        "licence": "Apache-2.0",
        "outside_weights": None,
        "outside_data": None,
        "seed": training.recipe.seed,
        "recipe": training.recipe.digest,
        "random_weights": training.origin,
        "weights": digest(weights),
        "steps": training.step,
        "data_sets": training.n_data_sets,
        "data": training.digest,
        "cpu_seconds": round(training.cpu_seconds, 1),
        "sittings": training.sittings,
    }
    write_whole(folder / "lineage.json", (json.dumps(lineage, indent=1) + "\n").encode())


def keep_lines(path: Path, before: int) -> None:
    """Drop what a log says of steps after the checkpoint: they are done again."""
    if path.exists():
        kept = [line for line in read_lines(path) if line["step"] < before]
        write_whole(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
