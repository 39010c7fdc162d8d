"""Training data before they are learned from: checked, and brought to a scale of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray, TrainingData


def standardise(y: FloatArray) -> tuple[float, float]:
    """Return mean and standard deviation of y, shape (n,); where nothing varies, the size of y itself, or 1."""
    size = float(np.abs(y).max())
    if size == 0.0:
        return 0.0, 1.0
    centre = size * float(np.mean(y / size))
    deviation = size * float(np.std(y / size))
    return centre, deviation if deviation > 1e-12 * size else size


def check(data: TrainingData) -> None:
    """Make sure that a surrogate can learn from data.

    Raises:
        ValueError: If there is no observation, or a value is not finite, or shapes disagree.
    """
    n = data.y.shape[0]
    if n == 0 or data.x.shape != (n, data.groups.size) or data.noise_variance.shape != (n,):
        raise ValueError(
            f"expected x (n, d), y (n,), noise_variance (n,), groups (d,) with n >= 1; got {data.x.shape}, "
            f"{data.y.shape}, {data.noise_variance.shape}, {data.groups.shape}"
        )
    if not (np.isfinite(data.x).all() and np.isfinite(data.y).all()):
        raise ValueError("x and y must be finite; leave failed experiments out")
