"""Responses as they occur in laboratories, none of which is in the prior that the foundation model is trained on.

Each family draws its constants from a generator and returns a function of points in the unit cube (n, d) with outcomes (n,).
Factors beyond those that a response needs do not matter to it. Frozen: results that are published were measured on them.
"""

from collections.abc import Callable

import numpy as np

from kgenesis.kernel.ports import FloatArray, IntArray, TrainingData
from kgenesis.surrogate.data import standardise
from kgenesis.surrogate.description import describe
from kgenesis.surrogate.prior import DataSet

Response = Callable[[FloatArray], FloatArray]

NOISES = (0.0, 0.1)
"""Standard deviation of measurements over the spread of the response."""


def consecutive_reactions(rng: np.random.Generator) -> tuple[int, Response]:
    """Yield of B in A → B → C: first order, Arrhenius rates; temperature, time, catalyst, and one that does not matter."""
    log_a, energies = rng.normal([3.0, 1.5], 0.7), rng.uniform(2.0, 8.0, 2)
    order = rng.uniform(0.3, 1.2)

    def respond(x: FloatArray) -> FloatArray:
        inverse = 1.0 / (0.6 + 0.6 * x[:, 0])
        catalyst = (0.1 + x[:, 2]) ** order
        k1, k2 = (np.exp(log_a[i] + energies[i] * (1.0 - inverse)) * (catalyst if i == 0 else 1.0) for i in (0, 1))
        k2 = np.where(np.abs(k2 - k1) < 1e-6, k1 + 1e-6, k2)  # noqa: PLR2004
        t = 0.02 + x[:, 1]
        return np.asarray(k1 / (k2 - k1) * (np.exp(-k1 * t) - np.exp(-k2 * t)))

    return 4, respond


def enzyme(rng: np.random.Generator) -> tuple[int, Response]:
    """Rate of an enzyme: substrate that inhibits, a bell over pH, unfolding when hot."""
    km, ki = rng.uniform(0.05, 0.5), rng.uniform(0.3, 3.0)
    low, high, melt, slope = (
        rng.uniform(0.1, 0.4),
        rng.uniform(0.6, 0.9),
        rng.uniform(0.5, 0.9),
        rng.uniform(10.0, 40.0),
    )

    def respond(x: FloatArray) -> FloatArray:
        rate = x[:, 0] / (km + x[:, 0] * (1.0 + x[:, 0] / ki))
        ph = 1.0 / (1.0 + 10.0 ** (8.0 * (low - x[:, 1])) + 10.0 ** (8.0 * (x[:, 1] - high)))
        return np.asarray(rate * ph * np.exp(1.5 * x[:, 2]) / (1.0 + np.exp(slope * (x[:, 2] - melt))))

    return 3, respond


def thin_film(rng: np.random.Generator) -> tuple[int, Response]:
    """Reflectance of a stack of layers at one wavelength (transfer matrices; Born & Wolf, section 1.6)."""
    d = int(rng.integers(2, 6))
    indices, substrate = rng.uniform(1.3, 2.4, d), rng.uniform(1.4, 3.8)
    thickest = rng.uniform(0.2, 0.45, d)

    def respond(x: FloatArray) -> FloatArray:
        phases = 2.0 * np.pi * indices * thickest * (0.1 + 0.9 * x)
        b, c = np.ones(len(x), dtype=complex), np.full(len(x), substrate, dtype=complex)
        for layer in range(d - 1, -1, -1):
            cos, sin, n = np.cos(phases[:, layer]), np.sin(phases[:, layer]), indices[layer]
            b, c = cos * b + 1j * sin / n * c, 1j * n * sin * b + cos * c
        return np.asarray(np.abs((b - c) / (b + c)) ** 2)

    return d, respond


def resonances(rng: np.random.Generator) -> tuple[int, Response]:
    """Amplitude of two damped resonators whose frequencies and damping are tuned."""
    first, second, width, coupling = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.3), rng.normal()

    def respond(x: FloatArray) -> FloatArray:
        damping = width * (0.3 + x[:, 2])
        a = 1.0 / ((x[:, 0] - first) + 1j * damping)
        b = 1.0 / ((x[:, 1] - second * (0.7 + 0.3 * x[:, 0])) + 1j * damping)
        return np.asarray(np.log(np.abs(a + coupling * b)))

    return 4, respond


def couplings(rng: np.random.Generator) -> tuple[int, Response]:
    """Yield of a coupling: ligand and base (levels), temperature and loading; a logistic curve of their sum and pairs."""
    n_levels = (int(rng.integers(3, 7)), int(rng.integers(2, 5)))
    ligand, base = rng.normal(0.0, 1.5, n_levels[0]), rng.normal(0.0, 1.0, n_levels[1])
    pairs, best = rng.normal(0.0, 0.8, n_levels), rng.uniform(0.2, 0.9, n_levels[0])

    def respond(x: FloatArray) -> FloatArray:
        i, j = ((np.minimum(x[:, k] * n_levels[k], n_levels[k] - 1e-9)).astype(int) for k in (0, 1))
        total = ligand[i] + base[j] + pairs[i, j] - 12.0 * (x[:, 2] - best[i]) ** 2 + 1.5 * np.sqrt(x[:, 3])
        return np.asarray(1.0 / (1.0 + np.exp(-total)))

    respond.levels = n_levels  # type: ignore[attr-defined]
    return 4, respond


def dose_response(rng: np.random.Generator) -> tuple[int, Response]:
    """Effect of two drugs: Hill curves that help each other (Bliss), less a toxicity that sets in."""
    middle, steep = rng.uniform(0.15, 0.6, 2), rng.uniform(1.5, 6.0, 2)
    together, toxic = rng.normal(0.0, 0.6), rng.uniform(0.9, 1.6)

    def respond(x: FloatArray) -> FloatArray:
        first, second = (x[:, k] ** steep[k] / (middle[k] ** steep[k] + x[:, k] ** steep[k]) for k in (0, 1))
        harm = 1.0 / (1.0 + np.exp(-15.0 * (x[:, 0] + x[:, 1] - toxic)))
        return np.asarray(first + second - first * second + together * first * second - harm)

    return 3, respond


def queue(rng: np.random.Generator) -> tuple[int, Response]:
    """Mean time in two stations in a row that share capacity (M/M/1 each), and what the capacity costs."""
    arrivals, price = rng.uniform(0.2, 0.5), rng.uniform(0.5, 4.0)

    def respond(x: FloatArray) -> FloatArray:
        capacity = 0.6 + 1.4 * x[:, 0]
        share = 0.2 + 0.6 * x[:, 1]
        load = arrivals * (0.5 + x[:, 2])
        waits = [1.0 / np.maximum(part * capacity - load, 0.02) for part in (share, 1.0 - share)]
        return np.asarray(np.log(waits[0] + waits[1] + price * capacity))

    return 5, respond


def heat_exchanger(rng: np.random.Generator) -> tuple[int, Response]:
    """Heat a counter-flow exchanger transfers (ε-NTU method), less the pumping that turbulent flow takes."""
    area, exponent, cost = rng.uniform(0.5, 4.0), rng.uniform(0.5, 0.9), rng.uniform(0.1, 1.5)

    def respond(x: FloatArray) -> FloatArray:
        hot, cold = 0.2 + x[:, 0], 0.2 + x[:, 1]
        least, ratio = np.minimum(hot, cold), np.minimum(hot, cold) / np.maximum(hot, cold) * 0.999
        conductance = area * (0.3 + x[:, 2]) / (hot**-exponent + cold**-exponent + 0.5 * x[:, 3])
        decay = np.exp(-conductance / least * (1.0 - ratio))
        return np.asarray((1.0 - decay) / (1.0 - ratio * decay) * least - cost * 0.2 * (hot**2.75 + cold**2.75))

    return 6, respond


FAMILIES: dict[str, Callable[[np.random.Generator], tuple[int, Response]]] = {
    "consecutive-reactions": consecutive_reactions,
    "enzyme": enzyme,
    "thin-film": thin_film,
    "resonances": resonances,
    "couplings": couplings,
    "dose-response": dose_response,
    "queue": queue,
    "heat-exchanger": heat_exchanger,
}
"""As many factors as the function takes, and the function."""


def draw_family(rng: np.random.Generator, n: int, i: int, n_asked: int) -> DataSet:
    """Draw n measurements of a response at points drawn evenly, and n_asked more; families and noises take turns with i."""
    name = list(FAMILIES)[i % len(FAMILIES)]
    sd = NOISES[i // len(FAMILIES) % len(NOISES)]
    d, respond = FAMILIES[name](rng)
    x = rng.random((n + n_asked, d))
    true = respond(x)
    true = (true - true.mean()) / true.std()
    y = true + sd * rng.standard_normal(len(x))
    levels = getattr(respond, "levels", ())
    encoded, groups = _encoded(x, levels)
    centre, scale = standardise(y[:n])
    y = (y - centre) / scale
    data = TrainingData(encoded[:n], y[:n], np.full(n, np.nan), groups)
    said = describe(data.x, data.y, data.noise_variance, groups)
    unknown = np.full(n_asked, np.nan)
    return DataSet(data, said, encoded[n:], y[n:], unknown, name, "even" if sd else "none", bool(levels))


def _encoded(x: FloatArray, levels: tuple[int, ...]) -> tuple[FloatArray, IntArray]:
    """Turn the first factors into levels, as a space encodes them: a column for each level."""
    columns, groups = [], []
    for k in range(x.shape[1]):
        if k < len(levels):
            block = np.eye(levels[k])[np.minimum((x[:, k] * levels[k]).astype(int), levels[k] - 1)]
        else:
            block = x[:, k : k + 1]
        columns.append(block)
        groups += [k] * block.shape[1]
    return np.hstack(columns), np.array(groups)
