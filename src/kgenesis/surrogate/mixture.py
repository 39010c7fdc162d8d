"""Several posteriors that speak together, each with its share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.kernel.ports import FloatArray, Posterior


@dataclass(frozen=True)
class MixturePosterior:
    """A mixture of posteriors. Mean and variance are those of the mixture (law of total variance)."""

    components: tuple[Posterior, ...]
    shares: FloatArray
    """Share of each component, sums to 1, shape (k,)."""
    names: tuple[str, ...]
    """What each component is called."""

    @property
    def members(self) -> tuple[tuple[float, Posterior], ...]:
        """Each component with its share: what is not linear in a distribution is best asked of each by itself.

        Components that are mixtures themselves are taken apart.
        """
        return tuple(
            (share * part, member)
            for share, component in zip(self.shares.tolist(), self.components, strict=True)
            for part, member in getattr(component, "members", ((1.0, component),))
        )

    @property
    def lengthscales(self) -> FloatArray:
        """Geometric mean over the components, shape (n_factors,)."""
        return np.exp(self.shares @ np.log(np.stack([c.lengthscales for c in self.components])))

    @property
    def noise_sd(self) -> float:
        """Learned noise of one measurement, raw units."""
        return sqrt(float(self.shares @ np.array([c.noise_sd**2 for c in self.components])))

    @property
    def voices(self) -> dict[str, float]:
        """Share of each kind of component."""
        shares = dict.fromkeys(self.names, 0.0)
        for name, share in zip(self.names, self.shares, strict=True):
            shares[name] += float(share)
        return shares

    @property
    def rough(self) -> MixturePosterior:
        """The same at less cost, for looking through very many points."""
        return replace(self, components=tuple(getattr(c, "rough", c) for c in self.components))

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise, shapes (m, d) -> (m,), (m,), raw units."""
        return self._mix([c.mean_and_variance(x) for c in self.components])

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together, shapes (m, d) -> (m,), (m, m), raw units."""
        parts = [c.joint(x) for c in self.components]
        means = np.stack([mean for mean, _ in parts])
        mean = self.shares @ means
        apart = means - mean
        inside = np.tensordot(self.shares, np.stack([covariance for _, covariance in parts]), axes=1)
        return mean, inside + (self.shares[:, None] * apart).T @ apart

    def condition_on(self, x: FloatArray, y: FloatArray) -> MixturePosterior:
        """Add outcomes, shapes (m, d) and (m,), raw units; hyper-parameters and shares stay."""
        return replace(self, components=tuple(c.condition_on(x, y) for c in self.components))

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each training outcome from the others, noise included, shape (n,) each, raw units."""
        return self._mix([c.leave_one_out() for c in self.components])

    def _mix(self, parts: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
        means = np.stack([mean for mean, _ in parts])
        mean = np.tensordot(self.shares, means, axes=1)
        inside = np.tensordot(self.shares, np.stack([variance for _, variance in parts]), axes=1)
        return mean, inside + np.tensordot(self.shares, (means - mean) ** 2, axes=1)
