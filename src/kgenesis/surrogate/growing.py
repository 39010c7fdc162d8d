"""Grow extremely randomised trees, all of a forest at once, and send points down them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kgenesis.kernel.ports import FloatArray, IntArray

    BoolArray = NDArray[np.bool_]

N_SHUFFLES = 16
"""Random orders in which the levels of a categorical factor are lined up for splitting."""

MAX_DEPTH = 40
"""Levels below a root; a thousand points need about twenty."""

_CHUNK = 512
"""Points sent down at once: what the trees look up then stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class SplitColumns:
    """What a tree may split on: one pool of numbers for each factor.

    A number is its own pool. Descriptors of one factor are a pool together. A one-hot block becomes its levels lined
    up in several random orders: a random order cut at a random place is a random subset of levels.
    """

    plain: tuple[IntArray, ...]
    """For each factor: columns of x to split on as they are."""
    blocks: tuple[tuple[IntArray, FloatArray], ...]
    """One-hot blocks: columns of x (k,), and rank of each level in each order (n_orders, 1 + k), the first for none."""
    pools: tuple[IntArray, ...]
    """For each factor: rows of `of(x)`."""

    @classmethod
    def find(cls, x: FloatArray, groups: IntArray, rng: np.random.Generator) -> SplitColumns:
        """Look at encoded points x (n, d) and the factor of each column (d,)."""
        plain, blocks, owners = [], [], []
        for factor in range(int(groups.max()) + 1):
            columns = np.flatnonzero(groups == factor)
            block = x[:, columns]
            if columns.size > 1 and ((block == 0.0) | (block == 1.0)).all() and (block.sum(axis=1) <= 1.0).all():
                n_orders = min(N_SHUFFLES, 2 ** (columns.size - 1) - 1)
                ranks = np.tile(np.arange(columns.size + 1.0), (n_orders, 1))
                blocks.append((factor, columns, rng.permuted(ranks, axis=1)))
            else:
                plain.append(columns)
                owners += [factor] * columns.size
        for factor, _, ranks in blocks:
            owners += [factor] * len(ranks)
        owner = np.array(owners)
        pools = tuple(np.flatnonzero(owner == factor) for factor in range(int(groups.max()) + 1))
        return cls(tuple(plain), tuple((columns, ranks) for _, columns, ranks in blocks), pools)

    def of(self, x: FloatArray) -> FloatArray:
        """Return the numbers to split on, shape (n_columns, m), of points x (m, d)."""
        parts = [x[:, columns].T for columns in self.plain]
        for columns, ranks in self.blocks:
            block = x[:, columns]
            level = np.where(block.max(axis=1) > 0.5, 1 + block.argmax(axis=1), 0)  # noqa: PLR2004
            parts.append(ranks[:, level])
        return np.ascontiguousarray(np.vstack(parts))


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees as flat arrays; nodes are numbered level by level, the roots first, the two children of a node together."""

    n_trees: int
    column: IntArray
    """(n_nodes,), row of the split columns looked at; 0 in a leaf."""
    threshold: FloatArray
    """(n_nodes,), above it a point goes right; infinite in a leaf."""
    left: IntArray
    """(n_nodes,), left child; the right one follows; a leaf points at itself."""
    split: tuple[IntArray, ...]
    """For each level: its nodes that are split, in the order of their children."""
    relevance: FloatArray
    """(n_factors,), share of the variance that splits on each factor explained; sums to 1, or all 0 without a split."""

    def paths(self, columns: FloatArray) -> IntArray:
        """Return the node (n_levels, n_trees, m) on each level for split columns (n_columns, m); leaves repeat."""
        m = columns.shape[1]
        point = np.tile(np.arange(m), self.n_trees)
        offset, flat = self.column * m, columns.ravel()
        node = np.repeat(np.arange(self.n_trees), m)
        nodes = [node]
        for _ in self.split:
            right = flat.take(offset.take(node) + point) > self.threshold.take(node)
            node = self.left.take(node) + right
            nodes.append(node)
        return np.stack(nodes).reshape(-1, self.n_trees, m)

    def leaves(self, columns: FloatArray) -> IntArray:
        """Return the leaf (n_trees, m) for split columns (n_columns, m)."""
        m = columns.shape[1]
        return np.hstack([self._leaves(columns[:, i : i + _CHUNK]) for i in range(0, max(m, 1), _CHUNK)])

    def _leaves(self, columns: FloatArray) -> IntArray:
        m = columns.shape[1]
        point = np.tile(np.arange(m), self.n_trees)
        offset, flat = self.column * m, np.ascontiguousarray(columns).ravel()
        leaves = node = np.repeat(np.arange(self.n_trees), m)
        live = None
        for level in range(len(self.split)):
            right = flat.take(offset.take(node) + point) > self.threshold.take(node)
            node = self.left.take(node)
            node += right
            if live is None:
                leaves = node
            else:
                leaves[live] = node
            if 2 * level >= len(self.split):
                # from here on most points have arrived: follow the others only
                moves = np.flatnonzero(self.left.take(node) != node)
                live = moves if live is None else live[moves]
                node, point = node[moves], point[moves]
        return leaves.reshape(self.n_trees, m)

    def totals(self, leaves: IntArray, values: FloatArray) -> FloatArray:
        """Add up values (k, s) of points in leaves (n_trees, s) for every node: shape (k, n_nodes)."""
        n = self.column.size
        flat = leaves.ravel()
        sums: FloatArray = np.stack([np.bincount(flat, np.tile(row, self.n_trees), n) for row in values])
        end = n
        for parents in reversed(self.split):
            start = end - 2 * parents.size
            sums[:, parents] = sums[:, start:end:2] + sums[:, start + 1 : end : 2]
            end = start
        return sums


class Grower:
    """Grows trees by the rule of Geurts, Ernst & Wehenkel (2006, Machine Learning 63, 3-42), without bootstrap.

    In every node factors are drawn, a column of each, and a cut; the split that explains most variance is taken. The
    cut lies uniformly between two points drawn from the node, which in small nodes is the paper's rule and in large
    ones favours the middle. A node ends with one point, or without variance.

    Args:
        columns: Split columns of the points, shape (n_columns, s).
        pools: Columns of each factor.
        y: Standardised outcomes, shape (s,).
        weights: Weight of each point, positive, shape (s,).
        n_drawn: Splits tried in every node.
        rng: Source of all chance.
    """

    def __init__(
        self,
        columns: FloatArray,
        pools: tuple[IntArray, ...],
        y: FloatArray,
        weights: FloatArray,
        n_drawn: int,
        rng: np.random.Generator,
    ) -> None:
        self._flat, self._n_points, self._n_drawn, self._rng = columns.ravel(), columns.shape[1], n_drawn, rng
        self._w, self._wy, self._wyy = weights, weights * y, weights * y**2
        self._flat_below = 1e-12 * float(self._wyy.max())
        self._members = np.concatenate(pools)
        self._widths = np.array([pool.size for pool in pools])
        self._first = np.cumsum(self._widths) - self._widths
        self._relevance = np.zeros(len(pools))

    def grow(self, is_in: BoolArray) -> Forest:
        """Grow trees on the points that each is given, shape (n_trees, s); at least one each."""
        sizes, site = is_in.sum(axis=1), np.nonzero(is_in)[1]
        columns, thresholds, lefts = [], [], []
        splits: list[IntArray] = []
        base = 0
        while True:
            column, threshold = np.zeros(sizes.size, dtype=np.int64), np.full(sizes.size, np.inf)
            left = np.arange(base, base + sizes.size)
            columns.append(column)
            thresholds.append(threshold)
            lefts.append(left)
            is_open = sizes > 1
            site = site[np.repeat(is_open, sizes)]
            nodes, open_sizes = np.flatnonzero(is_open), sizes[is_open]
            if not nodes.size or len(splits) == MAX_DEPTH:
                break
            position = np.repeat(np.arange(nodes.size), open_sizes)
            is_done, chosen, cut, goes_left = self._best(site, position, open_sizes)
            parents = nodes[is_done]
            if not parents.size:
                break
            column[parents], threshold[parents] = chosen[is_done], cut[is_done]
            left[parents] = base + sizes.size + 2 * np.arange(parents.size)
            splits.append(base + parents)
            base += sizes.size
            child = 2 * (np.cumsum(is_done) - 1)[position] + ~goes_left
            kept = is_done[position]
            child, site = child[kept], site[kept]
            site = site[np.argsort(child, kind="stable")]
            sizes = np.bincount(child, minlength=2 * parents.size)
        relevance = self._relevance / max(float(self._relevance.sum()), 1e-300)
        flat = [np.concatenate(parts) for parts in (columns, thresholds, lefts)]
        return Forest(len(is_in), flat[0], flat[1], flat[2], tuple(splits), relevance)

    def _best(
        self, site: IntArray, position: IntArray, sizes: IntArray
    ) -> tuple[BoolArray, IntArray, FloatArray, BoolArray]:
        """Find the best split of every node.

        Args:
            site: Points (r,), node after node.
            position: Node of each of them, (r,), from 0.
            sizes: Points in each node, (n,).

        Returns:
            Whether a node can be split (n,), on which column (n,), where (n,); which points go left (r,).
        """
        n = sizes.size
        factor, drawn, low, high, cut = self._draw(site, sizes)
        goes_left = self._flat.take((drawn * self._n_points).take(position, axis=1) + site) <= cut.take(
            position, axis=1
        )
        w, wy = self._w.take(site), self._wy.take(site)
        w_all, wy_all = np.bincount(position, w), np.bincount(position, wy)
        cell = (position + (np.arange(self._n_drawn) * n)[:, None]).ravel()
        w_left = np.bincount(cell, (goes_left * w).ravel()).reshape(-1, n)
        wy_left = np.bincount(cell, (goes_left * wy).ravel()).reshape(-1, n)
        # a cut that rounding put onto the upper point leaves nothing on the right
        is_split = (low < high) & (cut < high)
        w_left, w_right = np.where(is_split, w_left, 1.0), np.where(is_split, w_all - w_left, 1.0)
        gain = w_left * w_right / w_all * (wy_left / w_left - (wy_all - wy_left) / w_right) ** 2
        spread = np.bincount(position, self._wyy.take(site)) - wy_all**2 / w_all
        is_flat = spread <= self._flat_below
        # splits that part the points alike must tie whatever rounding says: then the first drawn wins
        share = np.where(is_split, np.round(gain / np.where(is_flat, 1.0, spread), 9), -1.0)
        best, at = share.argmax(axis=0), np.arange(n)
        is_done = is_split[best, at] & ~is_flat
        np.add.at(self._relevance, factor[best, at][is_done], gain[best, at][is_done])
        return is_done, drawn[best, at], cut[best, at], goes_left[best[position], np.arange(site.size)]

    def _draw(self, site: IntArray, sizes: IntArray) -> tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]:
        """Draw factors, their columns, lower and upper of two points there, and a cut between; each (n_drawn, n)."""
        chance = self._rng.random((5, self._n_drawn, sizes.size))
        factor = (chance[0] * self._widths.size).astype(np.int64)
        drawn = self._members[self._first[factor] + (chance[1] * self._widths[factor]).astype(np.int64)]
        one = (chance[2] * sizes).astype(np.int64)
        two = one + 1 + (chance[3] * (sizes - 1)).astype(np.int64)
        two -= np.where(two >= sizes, sizes, 0)
        start, offset = np.cumsum(sizes) - sizes, drawn * self._n_points
        a, b = self._flat.take(offset + site[start + one]), self._flat.take(offset + site[start + two])
        low, high = np.minimum(a, b), np.maximum(a, b)
        return factor, drawn, low, high, low + chance[4] * (high - low)
