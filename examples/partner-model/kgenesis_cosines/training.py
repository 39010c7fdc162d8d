"""Train the model from random weights: `python -m kgenesis_cosines.training FOLDER`. Some seconds.

Each step draws imaginary campaigns and climbs the likelihood of their outcomes. The folder gets the weights, the log of
every step from 0 on, and the lineage: what the independence gate reads.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

from kgenesis.kernel.ports import FloatArray

SEED, N_STEPS, RATE = 2026, 300, 0.05
N_WAVES = 6
NOISE = 1e-2
ROOT = Path(__file__).resolve().parents[1]


def features(x: FloatArray) -> FloatArray:
    """Return a constant and the waves of every column, shapes (n, d) -> (n, 1 + d * N_WAVES)."""
    waves = [np.cos(np.pi * m * x) for m in range(1, N_WAVES + 1)]
    return np.hstack([np.ones((len(x), 1)), *waves])


def spread(scales: FloatArray, d: int) -> FloatArray:
    """Return the prior variance of every feature's coefficient, shape (1 + d * N_WAVES,)."""
    return np.append(scales[0], np.repeat(scales[1:] / d, d))


def kernel(scales: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the prior covariance of the response at a (n, d) and b (m, d)."""
    return np.asarray((features(a) * spread(scales, a.shape[1])) @ features(b).T)


def random_weights() -> dict[str, FloatArray]:
    """Return the weights before the first step."""
    return {"log_scales": 4.0 * np.random.default_rng(SEED).random(N_WAVES + 1) - 4.0}


def data(step: int) -> list[FloatArray]:
    """Draw the campaigns of a step: x and y of each. Sums and products only, so that every computer draws the same bits."""
    rng, found = np.random.default_rng((SEED, step)), []
    for _ in range(4):
        n, d = int(rng.integers(4, 33)), int(rng.integers(1, 7))
        x, y = rng.random((n, d)), 0.2 * rng.random(n)
        for j in range(d):
            steep, middle, slope = rng.random(3)
            y = y + 6.0 * steep * (x[:, j] - middle) * (x[:, j] - middle) + 2.0 * slope * x[:, j]
        found += [x, y]
    return found


def slope(log_scales: FloatArray, x: FloatArray, y: FloatArray) -> tuple[float, FloatArray]:
    """Return the negative log density of a campaign's outcomes, a measurement, and its gradient."""
    scales, y = np.exp(log_scales), (y - y.mean()) / (y.std() + 1e-9)
    covariance = kernel(scales, x, x) + NOISE * np.eye(len(y))
    inverse = np.linalg.inv(covariance)
    alpha, phi = inverse @ y, features(x)
    loss = 0.5 * (y @ alpha + np.linalg.slogdet(covariance)[1] + len(y) * np.log(2.0 * np.pi))
    each = -0.5 * spread(scales, x.shape[1]) * ((phi.T @ alpha) ** 2 - (phi * (inverse @ phi)).sum(axis=0))
    return loss / len(y), np.append(each[0], each[1:].reshape(N_WAVES, -1).sum(axis=1)) / len(y)


def train(folder: Path) -> None:
    """Do all steps and write `weights.npz`, `log.jsonl` and `lineage.json`."""
    first = random_weights()
    log_scales, digest, lines = first["log_scales"].copy(), "0" * 64, []
    for step in range(N_STEPS):
        drawn = data(step)
        found = [slope(log_scales, x, y) for x, y in zip(drawn[::2], drawn[1::2], strict=True)]
        log_scales -= RATE * np.clip(np.mean([gradient for _, gradient in found], axis=0), -1.0, 1.0)
        chain = sha256(digest.encode())
        for array in drawn:
            chain.update(np.ascontiguousarray(array).tobytes())
        digest = chain.hexdigest()
        lines.append({"step": step, "loss": round(float(np.mean([loss for loss, _ in found])), 5), "data": digest})
    np.savez(folder / "weights.npz", log_scales=log_scales)
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    lineage = {
        "outside_weights": None,
        "outside_data": None,
        "seed": SEED,
        "random_weights": digest_of(first),
        "weights": {"weights.npz": sha256((folder / "weights.npz").read_bytes()).hexdigest()},
        "steps": N_STEPS,
        "data": digest,
        "code": {f"kgenesis_cosines/{f.name}": sha256(f.read_bytes()).hexdigest() for f in [Path(__file__)]},
    }
    (folder / "lineage.json").write_text(json.dumps(lineage, indent=1) + "\n", encoding="utf-8")


def digest_of(tensors: dict[str, FloatArray]) -> str:
    """Return the SHA-256 of tensors: name, shape and 32-bit numbers of each, in order of names."""
    found = sha256()
    for name in sorted(tensors):
        found.update(f"{name}{tensors[name].shape}".encode())
        found.update(tensors[name].astype("<f4").tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    train(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
