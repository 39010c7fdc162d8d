"""Finite spaces: how many points they have, all of them, and which one given values are."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.factors import RESOLUTION, Mixture, Variable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def n_combinations(variables: Sequence[Variable], mixtures: Sequence[Mixture]) -> float:
    """Return how many points there are before constraints are looked at; infinite if any number is continuous."""
    count = 1.0
    for variable in variables:
        if variable.role == "controlled" and not variable.mixture:
            count *= len(variable.levels) or (len(variable.grid) if variable.grid is not None else math.inf)
    for mixture in mixtures:
        count *= n_blends(mixture)
    return count


def combinations(variables: Sequence[Variable], mixtures: Sequence[Mixture]) -> FloatArray:
    """Return every combination (n, n_variables); context variables are NaN."""
    index = {v.name: i for i, v in enumerate(variables)}
    columns, blocks = [], []
    for i, variable in enumerate(variables):
        if variable.mixture:
            continue
        if variable.role == "context":
            choices = np.array([math.nan])
        elif variable.levels:
            choices = np.arange(len(variable.levels), dtype=np.float64)
        else:
            choices = variable.grid if variable.grid is not None else np.array([variable.low])
        columns.append([i])
        blocks.append(choices[:, None])
    for mixture in mixtures:
        columns.append([index[c.name] for c in mixture.components])
        blocks.append(blends(mixture))
    return product(len(variables), columns, blocks)


def product(width: int, columns: Sequence[Sequence[int]], blocks: Sequence[FloatArray]) -> FloatArray:
    """Return every combination (n, width) of one row from each block, a block filling the columns it is given."""
    n = math.prod(len(block) for block in blocks)
    values = np.empty((n, width))
    inner = n
    for where, block in zip(columns, blocks, strict=True):
        inner //= max(len(block), 1)
        picks = np.tile(np.repeat(np.arange(len(block)), inner), n // max(inner * len(block), 1))
        values[:, where] = block[picks]
    return values


def _choices(mixture: Mixture) -> list[list[int]]:
    """Return the steps each component may have."""
    choices = []
    for component in mixture.components:
        first, last = mixture.units_of(component)
        amounts = list(range(first, last + 1))
        choices.append([0, *amounts] if mixture.may_be_absent and first > 0 else amounts)
    return choices


def n_blends(mixture: Mixture) -> float:
    """Return in how many ways a mixture can be made, without listing them; infinite if it has no steps."""
    if mixture.step is None:
        return math.inf
    total = round(mixture.total / mixture.step)
    n = len(mixture.components)
    # ways[s, k]: how many choices so far sum to s steps with k components present
    ways = np.zeros((total + 1, n + 1))
    ways[0, 0] = 1.0
    for amounts in _choices(mixture):
        extended = np.zeros_like(ways)
        present = [a for a in amounts if 0 < a <= total]
        if 0 in amounts:
            extended += ways
        if present:
            # a run of consecutive steps is a difference of running sums
            sums = np.vstack([np.zeros((1, n)), np.cumsum(ways[:, :-1], axis=0)])
            s = np.arange(total + 1)
            upper = np.clip(s - present[0] + 1, 0, None)
            lower = np.clip(s - present[-1], 0, None)
            extended[:, 1:] += sums[upper] - sums[lower]
        ways = extended
    return float(ways[total, mixture.min_present : mixture.n_present_at_most + 1].sum())


def blends(mixture: Mixture) -> FloatArray:
    """Return every way (n, n_components) to make a mixture in its steps, within its bounds."""
    amounts = mixture.amounts
    assert amounts is not None
    total = len(amounts) - 1
    choices = [np.array(c) for c in _choices(mixture)]
    least = np.cumsum([0, *(int(c.min()) for c in reversed(choices))])[::-1]
    most = np.cumsum([0, *(int(c.max()) for c in reversed(choices))])[::-1]
    parts = np.zeros((1, 0), dtype=np.int64)
    for done, options in enumerate(choices, start=1):
        grown = np.hstack([np.repeat(parts, len(options), axis=0), np.tile(options, len(parts))[:, None]])
        sums, present = grown.sum(axis=1), (grown > 0).sum(axis=1)
        rest = len(choices) - done
        parts = grown[
            (sums + least[done] <= total)
            & (sums + most[done] >= total)
            & (present <= mixture.n_present_at_most)
            & (present + rest >= mixture.min_present)
        ]
    return amounts[parts]


def unique_rows(values: FloatArray) -> FloatArray:
    """Return values (n, n_variables) without repeats, in order of first appearance; NaN equals itself."""
    _, first = np.unique(np.nan_to_num(values, nan=-1e300), axis=0, return_index=True)
    return values[np.sort(first)]


class Register:
    """Finds rows of values by what was controlled, to nine digits, whatever was measured of the context."""

    def __init__(self, variables: Sequence[Variable]) -> None:
        self._columns = [i for i, v in enumerate(variables) if v.role == "controlled"]
        spans = np.array([(v.high - v.low) or max(abs(v.high), 1.0) for v in variables])
        self._unit = spans[self._columns] * RESOLUTION
        self._low = np.array([v.low for v in variables])[self._columns]
        # odd random multipliers: multiply-shift hashing (Dietzfelbinger et al. 1997, J. Algorithms 25, 19)
        rng = np.random.default_rng(20_260_101)
        self._weights = rng.integers(1, 2**63, size=len(self._columns), dtype=np.uint64) | np.uint64(1)

    def keys(self, values: FloatArray) -> NDArray[np.uint64]:
        """Return one number (n,) per row: the same if and only if the controlled values are (but for chance 2^-64)."""
        digits = np.rint((values[:, self._columns] - self._low) / self._unit)
        digits = np.where(np.isnan(digits), -1e15, digits).astype(np.int64).astype(np.uint64)
        mixed = digits * self._weights
        mixed ^= mixed >> np.uint64(29)  # a sum of products alone would let differences in two columns cancel
        mixed *= np.uint64(0xBF58476D1CE4E5B9)  # the finaliser of SplitMix64 (Steele et al. 2014, OOPSLA)
        mixed ^= mixed >> np.uint64(32)
        keys: NDArray[np.uint64] = (mixed * self._weights).sum(axis=1, dtype=np.uint64)
        return keys


class Index:
    """Which of the points of a list given values are."""

    def __init__(self, register: Register, points: FloatArray) -> None:
        self._register, self._points = register, points

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.uint64], IntArray]:
        keys = self._register.keys(self._points)
        order = np.argsort(keys, kind="stable").astype(np.int64)
        return keys[order], order

    def find(self, values: FloatArray) -> IntArray:
        """Return (n,): the first point with the same controlled values, -1 where there is none."""
        keys, order = self._sorted
        if not len(keys):
            return np.full(len(values), -1, dtype=np.int64)
        wanted = self._register.keys(values)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, order[place], -1)
