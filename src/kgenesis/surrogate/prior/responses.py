"""Imaginary responses to factors: families of functions, drawn at random, that a campaign could be about.

Each family takes inner coordinates (n, k) and says the response (n,). Inner coordinates are the numbers themselves and,
for factors of levels, a hidden place of each level. No function that anything is evaluated on is among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgenesis.kernel.ports import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.kernel.ports import IntArray
    from kgenesis.surrogate.prior.factors import Factor

Response = Callable[[FloatArray], FloatArray]
"""From inner coordinates, or values, (n, ·) to outcomes (n,)."""

N_FREQUENCIES = 384
"""Random Fourier features of a Gaussian process over all factors."""

FEWER_FREQUENCIES = 96
"""Of each process in a sum over few factors."""

SMOOTHNESS = {"rbf": np.inf, "matern52": 2.5, "matern32": 1.5, "exponential": 0.5}
"""Matérn's ν of each kernel; its spectral density is Student's t with 2ν degrees of freedom (Rasmussen & Williams 2006,
section 4.2.1)."""


@dataclass(frozen=True, slots=True)
class Process:
    """A Gaussian process of zero mean and unit variance, whose covariance is known."""

    kernel: str
    lengthscales: FloatArray
    """Of each factor, shape (n_factors,), in units of what the factor can be at most apart."""
    second: float
    """Factor of a second, shorter scale; 1 if there is none."""
    share: float
    """Variance of the second scale."""

    def covariance(self, distances: FloatArray) -> FloatArray:
        """Covariance (...) of points with squared distances (n_factors, ...) along every factor."""
        squared = np.tensordot(self.lengthscales**-2.0, distances, axes=1)
        first = correlation(self.kernel, squared)
        if self.second == 1.0:
            return first
        return (1.0 - self.share) * first + self.share * correlation(self.kernel, squared / self.second**2)

    def draw(self, rng: np.random.Generator, groups: IntArray, n_frequencies: int = N_FREQUENCIES) -> Response:
        """Draw a function of inner coordinates by random Fourier features (Rahimi & Recht 2007)."""
        nu = SMOOTHNESS[self.kernel]
        frequencies = rng.standard_normal((groups.size, n_frequencies))
        if np.isfinite(nu):
            frequencies *= np.sqrt(2.0 * nu / rng.chisquare(2.0 * nu, n_frequencies))
        scale = np.where(rng.random(n_frequencies) < self.share, self.second, 1.0)
        frequencies /= self.lengthscales[groups][:, None] * scale
        phases = rng.uniform(0.0, 2.0 * np.pi, n_frequencies)
        amplitudes = rng.standard_normal(n_frequencies) * np.sqrt(2.0 / n_frequencies)
        # cosines in single precision, which is three times as fast and exact to a part in a million
        return lambda u: np.cos((u @ frequencies + phases).astype(np.float32)).astype(np.float64) @ amplitudes


def correlation(kernel: str, squared: FloatArray) -> FloatArray:
    """Correlation at squared distances in lengthscales, same shape (Rasmussen & Williams 2006, table 4.1)."""
    if kernel == "rbf":
        return np.exp(-0.5 * squared)
    r = np.sqrt(2.0 * SMOOTHNESS[kernel] * squared)
    if kernel == "matern52":
        return np.asarray((1.0 + r + r * r / 3.0) * np.exp(-r))
    if kernel == "matern32":
        return np.asarray((1.0 + r) * np.exp(-r))
    return np.exp(-r)


def draw_process(rng: np.random.Generator, n_factors: int) -> Process:
    """Draw a Gaussian process: smooth to rough, slow to fast, some factors that hardly matter."""
    kernel = str(rng.choice(list(SMOOTHNESS), p=[0.3, 0.35, 0.25, 0.1]))
    location = rng.normal(-1.0, 0.6) + (0.5 * np.log(n_factors) if rng.random() < 0.6 else 0.0)  # noqa: PLR2004
    lengthscales = np.exp(rng.normal(location, rng.uniform(0.1, 1.0), n_factors))
    if n_factors > 1 and rng.random() < 0.4:  # noqa: PLR2004
        lengthscales[rng.random(n_factors) < rng.uniform(0.1, 0.7)] = 1e3
    if rng.random() < 0.75:  # noqa: PLR2004
        return Process(kernel, lengthscales, 1.0, 0.0)
    return Process(kernel, lengthscales, float(rng.uniform(0.15, 0.5)), float(rng.uniform(0.1, 0.6)))


def process(rng: np.random.Generator, groups: IntArray) -> Response:
    """One Gaussian process over all factors."""
    return draw_process(rng, int(groups.max()) + 1).draw(rng, groups)


def additive(rng: np.random.Generator, groups: IntArray) -> Response:
    """A sum of Gaussian processes over one to three factors each."""
    n_factors = int(groups.max()) + 1
    parts: list[tuple[IntArray, float, Response]] = []
    for _ in range(int(rng.integers(1, n_factors + 3))):
        chosen = rng.choice(n_factors, min(n_factors, int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))), replace=False)
        columns = np.flatnonzero(np.isin(groups, chosen))
        own = np.unique(groups[columns], return_inverse=True)[1]
        parts.append((columns, float(rng.gamma(1.0)), draw_process(rng, chosen.size).draw(rng, own, FEWER_FREQUENCIES)))
    return lambda u: np.asarray(sum(weight * part(u[:, columns]) for columns, weight, part in parts))


def network(rng: np.random.Generator, groups: IntArray) -> Response:
    """A random graph of nodes, each a bent sum of a few nodes before it (a structural causal model without noise)."""
    bends: list[Callable[[FloatArray], FloatArray]] = [np.tanh, np.sin, np.abs, lambda v: np.maximum(v, 0.0), np.square]
    width = int(groups.size)
    nodes: list[tuple[IntArray, FloatArray, float, Callable[[FloatArray], FloatArray]]] = []
    gain = float(np.exp(rng.normal(0.3, 0.5)))
    for _ in range(int(rng.integers(2, 40))):
        n_parents = min(width + len(nodes), int(rng.integers(1, 6)))
        parents = rng.choice(width + len(nodes), n_parents, replace=False)
        weights = gain * rng.standard_normal(n_parents) / np.sqrt(n_parents)
        nodes.append((parents, weights, float(rng.normal(0.0, 0.7)), bends[int(rng.integers(len(bends)))]))
    last = rng.standard_normal(min(len(nodes), 8))

    def respond(u: FloatArray) -> FloatArray:
        known = np.empty((len(u), width + len(nodes)))
        known[:, :width] = 2.0 * u - 1.0
        for i, (parents, weights, shift, bend) in enumerate(nodes):
            known[:, width + i] = np.clip(bend(known[:, parents] @ weights + shift), -10.0, 10.0)
        return np.asarray(known[:, -last.size :] @ last)

    return respond


def trees(rng: np.random.Generator, groups: IntArray) -> Response:
    """A sum of random trees: steps along factors or slightly aslant, level or sloping between them."""
    n_trees, depth = int(np.exp(rng.uniform(0.0, np.log(24.0)))), int(rng.integers(1, 5))
    is_aslant, slope = rng.random() < 0.3, float(rng.choice([0.0, 0.5]))  # noqa: PLR2004
    grown = []
    for _ in range(n_trees):
        directions = np.zeros((depth, groups.size))
        directions[np.arange(depth), rng.integers(groups.size, size=depth)] = 1.0
        if is_aslant:
            directions += 0.3 * rng.standard_normal(directions.shape)
        thresholds = rng.uniform(0.0, 1.0, depth)
        # the cuts of a tree cross each other, so that leaves are numbered by which side of each cut they are on
        grown.append((directions, thresholds, rng.standard_normal(2**depth), slope * rng.standard_normal(groups.size)))
    powers = 2 ** np.arange(depth)

    def respond(u: FloatArray) -> FloatArray:
        total = np.zeros(len(u))
        for directions, thresholds, leaves, slopes in grown:
            total += leaves[(u @ directions.T > thresholds) @ powers] + u @ slopes
        return total

    return respond


def shape(rng: np.random.Generator, groups: IntArray) -> Response:
    """Classic landscapes: a bowl, a valley, a peak on a plain, a cliff, a slope to the edge; with or without ripples."""
    width = groups.size
    importance = rng.gamma(1.0, size=int(groups.max()) + 1)[groups]
    centre = rng.uniform(-0.2, 1.2, width)
    turn = np.linalg.qr(rng.standard_normal((width, width)))[0] if rng.random() < 0.4 else np.eye(width)  # noqa: PLR2004
    kind = int(rng.integers(5))
    bent = float(rng.normal(0.0, 2.0))
    reach = float(rng.uniform(0.15, 0.6)) * np.sqrt(width)
    steep = float(np.exp(rng.uniform(1.0, 3.5)))
    ripples = float(rng.choice([0.0, rng.uniform(0.02, 0.5)]))
    pace = np.exp(rng.normal(2.0, 0.4, width))

    def respond(u: FloatArray) -> FloatArray:
        v = (u - centre) @ turn
        squared = v**2 @ importance
        if kind == 0:
            out = squared ** float(0.5 + 0.5 * (bent > 0.0))
        elif kind == 1:
            first = v[:, 0] + bent * (v[:, -1] ** 2 if width > 1 else v[:, 0] ** 2)
            out = first**2 * (3.0 + importance[0]) + 0.2 * squared
        elif kind == 2:  # noqa: PLR2004
            out = np.exp(-0.5 * squared / reach**2)
        elif kind == 3:  # noqa: PLR2004
            out = np.tanh(steep * (v @ importance) / np.sqrt(width)) + 0.3 * squared
        else:
            out = v @ importance + 0.3 * bent * squared
        return np.asarray(out + ripples * (np.sin(pace * u) @ importance))

    return respond


def blend(rng: np.random.Generator, groups: IntArray) -> Response:
    """A mixture's response: quadratic in the shares of the parts, cut off where a limit is crossed."""
    width = groups.size
    linear, pairs = rng.standard_normal(width), rng.standard_normal((width, width))
    along, is_cut = rng.standard_normal(width), rng.random() < 0.4  # noqa: PLR2004
    edge, drop = along.mean() + rng.normal(0.0, 0.5) / np.sqrt(width), float(rng.uniform(0.5, 4.0))

    def respond(u: FloatArray) -> FloatArray:
        amounts = np.maximum(u, 0.0) + 0.05
        shares = amounts / amounts.sum(axis=1, keepdims=True)
        out = shares @ linear * 2.0 + 3.0 * np.einsum("ni,ij,nj->n", shares, pairs, shares)
        return np.asarray(out - drop * (shares @ along > edge) if is_cut else out)

    return respond


FAMILIES: dict[str, tuple[float, Callable[[np.random.Generator, IntArray], Response]]] = {
    "process": (0.50, process),
    "additive": (0.15, additive),
    "network": (0.10, network),
    "trees": (0.10, trees),
    "shape": (0.10, shape),
    "blend": (0.05, blend),
}
"""Share of each family, and how one is drawn."""


def draw_inner(rng: np.random.Generator, factors: Sequence[Factor]) -> tuple[Response, IntArray]:
    """Draw where levels lie, and which way numbers are bent, before a response sees them.

    Returns:
        From values (n, n_factors) to inner coordinates (n, k), and the factor of each coordinate (k,).
    """
    places: list[FloatArray | None] = []
    groups: list[int] = []
    for i, factor in enumerate(factors):
        if factor.coordinates is None:
            places.append(None)
        elif np.array_equal(factor.coordinates, np.eye(factor.n_levels)):
            # half: any two levels equally unlike; half: alike along one or two hidden properties
            n_hidden = factor.n_levels if rng.random() < 0.5 else int(rng.integers(1, 3))  # noqa: PLR2004
            hidden = rng.standard_normal((factor.n_levels, n_hidden)) * 0.5
            places.append(np.eye(factor.n_levels) / np.sqrt(2.0) if n_hidden == factor.n_levels else hidden)
        else:
            own = 0.3 * rng.standard_normal((factor.n_levels, 1)) * (rng.random() < 0.5)  # noqa: PLR2004
            places.append(np.hstack([factor.coordinates / np.sqrt(factor.coordinates.shape[1]), own]))
        place = places[-1]
        groups += [i] * (1 if place is None else place.shape[1])
    is_bent = rng.random() < 0.2  # noqa: PLR2004
    a, b = np.exp(rng.normal(0.0, 0.5, (2, len(factors)))) if is_bent else np.ones((2, len(factors)))

    def inner(values: FloatArray) -> FloatArray:
        columns: list[FloatArray] = []
        for i, place in enumerate(places):
            if place is not None:
                columns.append(place[values[:, i].astype(int)])
            elif is_bent:  # Kumaraswamy's distribution function
                columns.append(1.0 - (1.0 - values[:, i : i + 1] ** a[i]) ** b[i])
            else:
                columns.append(values[:, i : i + 1])
        return np.hstack(columns)

    return inner, np.array(groups, dtype=np.int64)


def draw_bend(rng: np.random.Generator) -> Response:
    """Draw how outcomes are bent: in four of five cases not, else skewed, heavy-tailed or saturated."""
    kind = int(rng.choice(5, p=[0.8, 0.06, 0.05, 0.05, 0.04]))
    strength, sign = float(rng.uniform(0.3, 1.3)), float(rng.choice([-1.0, 1.0]))
    if kind == 0:
        return lambda y: y
    if kind == 1:
        return lambda y: sign * np.expm1(strength * np.clip(y, -4.0, 4.0)) / strength
    if kind == 2:  # noqa: PLR2004
        return lambda y: np.sinh(strength * np.clip(y, -4.0, 4.0)) / strength
    if kind == 3:  # noqa: PLR2004
        return lambda y: np.tanh(2.0 * strength * (y - 0.5 * sign))
    return lambda y: sign * np.maximum(y + 0.5, 0.0)


def draw_response(rng: np.random.Generator, factors: Sequence[Factor]) -> tuple[Response, str]:
    """Draw a response of factors' values: about zero mean and unit spread over the space.

    Returns:
        From values (n, n_factors) to outcomes (n,), and the name of its family.
    """
    names = list(FAMILIES)
    name = str(rng.choice(names, p=[FAMILIES[n][0] for n in names]))
    inner, groups = draw_inner(rng, factors)
    matter = np.ones(len(factors), dtype=bool)
    if len(factors) > 1 and name != "process" and rng.random() < 0.3:  # noqa: PLR2004
        matter = rng.random(len(factors)) < rng.uniform(0.2, 0.8)
        matter[rng.integers(len(factors))] = True
    columns = np.flatnonzero(matter[groups])
    raw = FAMILIES[name][1](rng, np.unique(groups[columns], return_inverse=True)[1].astype(np.int64))
    bend = draw_bend(rng)
    typical = np.column_stack([factor.draw(rng, 64) for factor in factors])
    first = raw(inner(typical)[:, columns])
    centre, spread = float(first.mean()), float(first.std()) + 1e-9

    second = bend((first - centre) / spread)
    shift, scale = float(second.mean()), float(second.std()) + 1e-9

    def respond(values: FloatArray) -> FloatArray:
        return (bend((raw(inner(values)[:, columns]) - centre) / spread) - shift) / scale

    return respond, name
