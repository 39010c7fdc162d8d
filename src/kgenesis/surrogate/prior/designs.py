"""Where imaginary campaigns measured, and where they are asked: even designs, grids, searches that crowd together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import qmc

from kgenesis.kernel.ports import FloatArray
from kgenesis.surrogate.prior.factors import Factor

Measure = Callable[[FloatArray], FloatArray]
"""From values (n, n_factors) to what is measured there (n,), noise included."""

FEWEST_TO_SEARCH = 8
"""A search needs something to begin with."""


def even(rng: np.random.Generator, factors: Sequence[Factor], n: int) -> FloatArray:
    """Draw values (n, n_factors) independently, by Sobol's sequence or as a Latin hypercube."""
    kind = int(rng.integers(3))
    if kind == 0:
        return np.column_stack([factor.draw(rng, n) for factor in factors])
    if kind == 1:
        engine = qmc.Sobol(len(factors), rng=rng)
        cube = engine.random_base2(max(1, int(np.ceil(np.log2(n)))))[:n]
    else:
        cube = qmc.LatinHypercube(len(factors), rng=rng).random(n)
    return _from_cube(cube, factors)


def grid(rng: np.random.Generator, factors: Sequence[Factor], n: int) -> FloatArray:
    """Draw n points of a factorial design: every number takes a few values only."""
    values = np.column_stack([factor.draw(rng, n) for factor in factors])
    for i, factor in enumerate(factors):
        if factor.coordinates is None:
            n_values = int(rng.integers(2, 7))
            values[:, i] = factor.snap(np.round(values[:, i] * (n_values - 1)) / (n_values - 1))
    return values


def vary(rng: np.random.Generator, factors: Sequence[Factor], parents: FloatArray, step: float) -> FloatArray:
    """Change each parent (n, n_factors) a little: numbers move by about `step`, a few levels are drawn anew."""
    children = parents.copy()
    changed = rng.random(parents.shape) < max(0.3, 1.0 / len(factors))
    changed[np.arange(len(parents)), rng.integers(len(factors), size=len(parents))] = True
    for i, factor in enumerate(factors):
        rows = np.flatnonzero(changed[:, i])
        if factor.coordinates is None:
            moved = np.clip(children[rows, i] + step * rng.standard_normal(rows.size), 0.0, 1.0)
            children[rows, i] = factor.snap(moved)
        else:
            children[rows, i] = factor.draw(rng, rows.size)
    return children


def search(
    rng: np.random.Generator, factors: Sequence[Factor], n: int, measure: Measure
) -> tuple[FloatArray, FloatArray]:
    """Search for the highest outcome in batches: vary the best measured so far, try elsewhere now and then.

    What is chosen depends on measured outcomes only, as in a real campaign.

    Returns:
        Values (n, n_factors), and what was measured there (n,).
    """
    values = even(rng, factors, max(4, n // int(rng.integers(2, 5))))
    measured = measure(values)
    n_batches, step, greed = int(rng.integers(2, 6)), float(rng.uniform(0.03, 0.3)), float(rng.uniform(0.6, 1.0))
    for batch in range(n_batches):
        n_new = (n - len(values)) // (n_batches - batch)
        best = np.argsort(-measured)[: max(1, len(values) // 5)]
        children = vary(rng, factors, values[rng.choice(best, n_new)], step)
        is_elsewhere = rng.random(n_new) > greed
        children[is_elsewhere] = even(rng, factors, n_new)[is_elsewhere] if n_new else children
        values = np.vstack([values, children])
        measured = np.append(measured, measure(children))
    return values, measured


def where_asked(
    rng: np.random.Generator, factors: Sequence[Factor], values: FloatArray, measured: FloatArray, n: int
) -> FloatArray:
    """Draw n places to be asked about: half anywhere, the rest around the best and around any that were measured."""
    n_best, n_near = int(0.3 * n), int(0.2 * n)
    best = np.argsort(-measured)[: max(1, len(values) // 5)]
    anywhere = np.column_stack([factor.draw(rng, n - n_best - n_near) for factor in factors])
    around_best = vary(rng, factors, values[rng.choice(best, n_best)], 0.1)
    near = vary(rng, factors, values[rng.integers(len(values), size=n_near)], 0.1)
    return np.vstack([anywhere, around_best, near])


def _from_cube(cube: FloatArray, factors: Sequence[Factor]) -> FloatArray:
    columns = []
    for i, factor in enumerate(factors):
        if factor.coordinates is None:
            columns.append(factor.snap(cube[:, i]))
        else:
            columns.append(np.minimum(np.floor(cube[:, i] * factor.n_levels), factor.n_levels - 1.0))
    return np.column_stack(columns)
