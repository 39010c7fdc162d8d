"""Tree ensemble surrogate: for responses with steps, kinks and levels, and sure of no more than it could foretell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.text import say
from kgenesis.surrogate.data import check, standardise
from kgenesis.surrogate.growing import Forest, Grower, SplitColumns
from kgenesis.surrogate.sites import EXACT, Evidence, gather, match

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray, IntArray, PluginContext, TrainingData
    from kgenesis.surrogate.growing import BoolArray

N_TREES = 64

N_FOLDS = 8
"""Every tree is grown without one fold of the points, so each point is foretold by an eighth of the trees."""

MAX_DRAWN = 16
"""Splits tried in a node: two for each factor, at most this many."""

FEWEST = 4
"""With fewer points no fold can be spared: trees grow on all, and only the mean of the others foretells a point."""

PRIOR_WEIGHT = 2.0
"""Points that the variance expected of a leaf, before it is looked at, counts for."""

PRIOR_DECREASE = 0.7
"""Variance expected of a child, as a share of its parent's."""

TYPICAL_VARIANCE = 0.2
"""Variance of the response itself inside a small node, standardised: a point as noisy as that has half the weight."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns what trees say into a variance; chosen by how well it foretold points the trees were grown without."""

    shrinkage: float
    """Points that the mean of a node's parent counts for."""
    within: float
    """Share of the variance inside leaves."""
    between: float
    """Share of the variance between trees."""
    noise: float
    """Noise variance of one measurement, standardised."""


TYPICAL = Calibration(shrinkage=0.5, within=0.5, between=0.5, noise=1e-2)
"""What is right on average over smooth, stepped and noisy functions: the centre of the prior, and what few points get."""

_SHRINKAGES = (0.1, 0.5, 2.0)
_WITHIN = TYPICAL.within * 2.0 ** np.arange(-2, 3)
_BETWEEN = TYPICAL.between * 2.0 ** np.arange(-2, 3)
_NOISE = np.array([1e-4, 1e-2, 3e-2, 0.1, 0.3, 1.0])
_NOTHING = 1e-300
"""Weight of an empty node in a denominator."""

_SPREADS = (0.7, 0.7, 3.0)
"""Prior standard deviations of the logarithms of `within`, `between` and `noise`."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What trees grown without a site say of it, shape (s,) each, standardised."""

    mean: FloatArray
    within: FloatArray
    """Mean variance inside leaves."""
    between: FloatArray
    """Variance between trees."""
    n_trees: FloatArray

    def variance(self, calibration: Calibration) -> FloatArray:
        """Return the variance of the response without noise."""
        return calibration.within * self.within + (calibration.between + 1.0 / self.n_trees) * self.between


@dataclass(frozen=True, slots=True)
class TreesPosterior:
    """What a forest expects. The mean is the mean over trees; the variance follows the law of total variance.

    Every tree holds for each leaf a mean, drawn towards the means of the nodes above it, and a variance that starts
    from that of the node above (a normal-inverse-gamma model down the path). Variance inside leaves and between trees
    are added with weights that were found by foretelling points with trees grown without them. At a point that was
    measured, what those trees say is combined with the measurements there: known exactly, it is met exactly.
    """

    forest: Forest
    layout: SplitColumns
    calibration: Calibration
    units: tuple[float, float]
    """Raw units: standardised y = (y - centre) / scale."""
    evidence: Evidence
    means: FloatArray
    """Mean of each node, shape (n_nodes,), standardised."""
    variances: FloatArray
    """Variance of the response inside each node, shape (n_nodes,), standardised."""
    foretold: Foretold

    @property
    def lengthscales(self) -> FloatArray:
        """1/√(share of explained variance), shape (n_factors,): √n_factors for factors that matter alike, as in `gp`."""
        share = self.forest.relevance
        if not share.any():
            return np.full(share.size, sqrt(share.size))
        return 1.0 / np.sqrt(np.maximum(share, 1e-6))

    @property
    def noise_sd(self) -> float:
        """Noise of one measurement, raw units."""
        return self.units[1] * sqrt(self.calibration.noise)

    @property
    def voices(self) -> dict[str, float]:
        """It speaks for itself."""
        return {"trees": 1.0}

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the response without noise, shapes (m, d) -> (m,), (m,), raw units."""
        leaves = self.forest.leaves(self.layout.of(x))
        by_tree = self.means.take(leaves)
        mean = by_tree.mean(axis=0)
        by_tree -= mean
        between = np.einsum("tm,tm->m", by_tree, by_tree) * self._between
        variance = self.calibration.within * self.variances.take(leaves).mean(axis=0) + between
        found, site = match(x, self.evidence.x)
        mean[found], variance[found] = self._at_sites(site)
        return self._raw(mean, variance)

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together: they vary together where trees put them into the same leaf.

        Args:
            x: Encoded points, shape (m, d).

        Returns:
            Mean, shape (m,), and covariance, shape (m, m), raw units.
        """
        leaves = self.forest.leaves(self.layout.of(x))
        n_trees, m = leaves.shape
        by_tree = self.means.take(leaves)
        mean = by_tree.mean(axis=0)
        by_tree -= mean
        share = np.sqrt(self.calibration.within / n_trees * self.variances.take(leaves)).ravel()
        row = np.tile(np.arange(m), n_trees)
        inside = csr_array((share, (row, leaves.ravel())), shape=(m, self.means.size))
        covariance = (inside @ inside.T).toarray() + self._between * (by_tree.T @ by_tree)
        found, site = match(x, self.evidence.x)
        mean[found], variance = self._at_sites(site)
        shrink = np.ones(m)
        shrink[found] = np.sqrt(variance / np.diagonal(covariance)[found])
        covariance *= shrink * shrink[:, None]
        return self._raw(mean, 0.5 * (covariance + covariance.T))

    def condition_on(self, x: FloatArray, y: FloatArray) -> TreesPosterior:
        """Put outcomes into the leaves they belong to, shapes (k, d) and (k,), raw units; no tree is grown again."""
        old = self.evidence
        all_x = np.vstack([old.x[old.site], x])
        sites, site = gather(all_x)
        columns = self.layout.of(all_x[sites])
        _, before = match(all_x[sites], old.x)
        is_old, _ = match(all_x[sites], old.x)
        is_out = np.ones((self.forest.n_trees, sites.size), dtype=bool)
        is_out[:, is_old] = old.is_out[:, before]
        evidence = Evidence(
            all_x[sites],
            site,
            np.concatenate([old.y, (y - self.units[0]) / self.units[1]]),
            np.concatenate([old.known, np.full(y.size, self.calibration.noise)]),
            self.forest.paths(columns),
            is_out,
        )
        totals, own = _totals(self.forest, evidence)
        foretold = _foretell(evidence, totals, own, (self.calibration.shrinkage,))[0]
        means, variances = _fill(self.forest, totals, self.calibration.shrinkage)
        return replace(self, evidence=evidence, means=means, variances=variances, foretold=foretold)

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each measurement, noise included, from trees grown without its point, and from its replicates.

        Returns:
            Mean and variance, shape (n,) each, raw units.
        """
        seen, noise = self.evidence, self.evidence.noise(self.calibration.noise)
        prior, variance = self.foretold.mean[seen.site], self.foretold.variance(self.calibration)[seen.site]
        alone = np.bincount(seen.site)[seen.site] == 1
        precision = np.bincount(seen.site, 1.0 / noise)[seen.site] - 1.0 / noise
        weighted = np.bincount(seen.site, seen.y / noise)[seen.site] - seen.y / noise
        precision, weighted = np.where(alone, 0.0, precision), np.where(alone, 0.0, weighted)
        left = 1.0 / (1.0 / variance + precision)
        return self._raw(left * (prior / variance + weighted), left + noise)

    @property
    def _between(self) -> float:
        n = self.forest.n_trees
        return (self.calibration.between + 1.0 / n) / (n - 1)

    def _at_sites(self, site: IntArray) -> tuple[FloatArray, FloatArray]:
        """Combine what was foretold of measured points with what was measured there."""
        y, noise = self.evidence.averages(self.evidence.noise(self.calibration.noise))
        variance = self.foretold.variance(self.calibration)[site]
        gain = variance / (variance + noise[site])
        return self.foretold.mean[site] + gain * (y[site] - self.foretold.mean[site]), gain * noise[site]

    def _raw(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        centre, scale = self.units
        return centre + scale * mean, scale**2 * variance


class Trees:
    """Extremely randomised trees with calibrated uncertainty, for few data: 2 to some thousand points.

    Args:
        n_trees: Trees to grow, a multiple of `N_FOLDS`.
    """

    def __init__(self, n_trees: int = N_TREES) -> None:
        self._n_trees = n_trees

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> TreesPosterior:
        """Learn from data.

        Args:
            data: At least one observation; every x and y finite.
            rng: Source of all chance.

        Returns:
            The forest and what it knows.

        Raises:
            ValueError: If there is no observation, or a value is not finite, or shapes disagree.
        """
        check(data)
        centre, scale = standardise(data.y)
        known = np.where(np.isfinite(data.noise_variance), data.noise_variance, np.nan)
        known = np.minimum(np.sqrt(known) / scale, 1e6) ** 2
        sites, site = gather(data.x)
        x = data.x[sites]
        layout = SplitColumns.find(x, data.groups, rng)
        columns = layout.of(x)
        is_out = self._folds(sites.size, rng)
        nothing = np.zeros((0, self._n_trees, sites.size), dtype=np.int64)
        evidence = Evidence(x, site, (data.y - centre) / scale, known, nothing, is_out)
        y, noise = evidence.averages(evidence.noise(evidence.assumed_noise()))
        n_drawn = min(2 * len(layout.pools), MAX_DRAWN)
        forest = Grower(columns, layout.pools, y, TYPICAL_VARIANCE / (TYPICAL_VARIANCE + noise), n_drawn, rng).grow(
            ~is_out
        )
        evidence = replace(evidence, paths=forest.paths(columns))
        totals, own = _totals(forest, evidence)
        calibration, foretold = _calibrate(evidence, totals, own)
        means, variances = _fill(forest, totals, calibration.shrinkage)
        return TreesPosterior(forest, layout, calibration, (centre, scale), evidence, means, variances, foretold)

    def _folds(self, n_sites: int, rng: np.random.Generator) -> BoolArray:
        """Say which tree is grown without which site: each site is left out by the same number of trees."""
        is_out = np.zeros((self._n_trees, n_sites), dtype=bool)
        if n_sites >= FEWEST:
            rows = rng.permuted(np.tile(np.arange(n_sites) % N_FOLDS, (self._n_trees // N_FOLDS, 1)), axis=1)
            is_out = np.concatenate([rows == fold for fold in range(N_FOLDS)])
        return is_out


def make_trees(context: PluginContext) -> Trees:
    """Entry point `trees` of the group `kgenesis.surrogates`; it has no settings.

    Raises:
        InvalidSpec: A setting was given.
    """
    if context.settings:
        text = say("the surrogate `trees` has no such setting", "대리 모델 `trees`에는 그런 설정이 없습니다")
        raise InvalidSpec(text, [Mistake(text, f"surrogate.settings.{name}") for name in context.settings])
    return Trees()


def _fill(forest: Forest, totals: FloatArray, shrinkage: float) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the response in each node, shape (n_nodes,) each."""
    means, variances = np.empty(forest.column.size), np.empty(forest.column.size)
    end = forest.n_trees
    means[:end], variances[:end] = _root(totals[:, :end])
    for parents in forest.split:
        start, end = end, end + 2 * parents.size
        above = np.repeat(means[parents], 2), np.repeat(variances[parents], 2)
        means[start:end], variances[start:end] = _child(totals[:, start:end], *above, shrinkage)
    return means, variances * (1.0 + 1.0 / (1.0 + totals[0]))


def _calibrate(evidence: Evidence, totals: FloatArray, own: FloatArray) -> tuple[Calibration, Foretold]:
    """Choose what gives the points that trees were grown without the highest density, with a prior."""
    knows_all = not np.isnan(evidence.known).any()
    squares, freedom = evidence.inside_sites()
    within, between = _WITHIN[:, None, None, None], _BETWEEN[:, None, None]
    noises = np.array([TYPICAL.noise]) if knows_all else _NOISE
    site_y, site_noise = np.stack([evidence.averages(evidence.noise(v)) for v in noises]).transpose(1, 0, 2)
    prior = -0.5 * (freedom * np.log(noises) + squares / noises)
    for values, typical, spread, axes in (
        (_WITHIN, TYPICAL.within, _SPREADS[0], (1, 2)),
        (_BETWEEN, TYPICAL.between, _SPREADS[1], (1,)),
        (noises, TYPICAL.noise, _SPREADS[2], ()),
    ):
        prior = prior - np.expand_dims(0.5 * (np.log(values / typical) / spread) ** 2, axes)
    found: list[tuple[float, Calibration, Foretold]] = []
    for shrinkage, told in zip(_SHRINKAGES, _foretell(evidence, totals, own, _SHRINKAGES), strict=True):
        variance = within * told.within + (between + 1.0 / told.n_trees) * told.between + site_noise
        misses = (site_y - told.mean) ** 2 / variance
        misses += np.log(variance, out=variance)
        density = prior - 0.5 * misses.sum(axis=-1)
        i, j, k = np.unravel_index(int(density.argmax()), density.shape)
        noise = float(evidence.known.mean()) if knows_all else float(noises[k])
        found.append(
            (float(density[i, j, k]), Calibration(shrinkage, float(_WITHIN[i]), float(_BETWEEN[j]), noise), told)
        )
    _, chosen, told = max(found, key=lambda one: one[0])
    return chosen, told


def _foretell(evidence: Evidence, totals: FloatArray, own: FloatArray, shrinkages: tuple[float, ...]) -> list[Foretold]:
    """Ask of each site the trees grown without it, the site's own outcomes taken out of their nodes."""
    n_sites = len(evidence.x)
    tree, site = np.nonzero(evidence.is_out)
    # where no tree was grown without a site, the root of the first speaks
    rest = np.flatnonzero(~evidence.is_out.any(axis=0))
    stay = np.zeros((len(evidence.paths), rest.size), dtype=np.int64)
    site, paths = np.concatenate([site, rest]), np.hstack([evidence.paths[:, tree, site], stay])
    own, shrinkage = own[:, site], np.array(shrinkages)[:, None]
    mean, variance = (np.tile(start, (len(shrinkages), 1)) for start in _root(_without(totals[:, paths[0]], own)))
    for above, here in pairwise(paths):
        moves = np.flatnonzero(above != here)
        left = _without(totals[:, here[moves]], own[:, moves])
        mean[:, moves], variance[:, moves] = _child(left, mean[:, moves], variance[:, moves], shrinkage)
    variance *= 1.0 + 1.0 / (1.0 + np.maximum(totals[0, paths[-1]] - own[0], 0.0))
    count = np.bincount(site, minlength=n_sites).astype(np.float64)
    found = []
    for means, variances in zip(mean, variance, strict=True):
        average = np.bincount(site, means, n_sites) / count
        between = np.bincount(site, (means - average[site]) ** 2, n_sites) / np.maximum(count - 1.0, 1.0)
        found.append(Foretold(average, np.bincount(site, variances, n_sites) / count, between, count))
    return found


def _totals(forest: Forest, evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """Return Σw, Σwy, Σwy² over the sites of each node, shape (3, n_nodes), and of each site, shape (3, s)."""
    y, noise = evidence.averages(evidence.noise(evidence.assumed_noise()))
    weights = TYPICAL_VARIANCE / (TYPICAL_VARIANCE + noise)
    own = np.stack([weights, weights * y, weights * y**2])
    return forest.totals(evidence.paths[-1], own), own


def _without(totals: FloatArray, own: FloatArray) -> FloatArray:
    """Take a site out of its nodes; what rounding leaves of an empty node is nothing."""
    left = totals - own
    return np.where(left[0] > EXACT * totals[0], left, 0.0)


def _root(totals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of roots; standardised outcomes have variance 1 beforehand."""
    return _child(totals, np.zeros(totals.shape[1]), np.full(totals.shape[1], 1.0 / PRIOR_DECREASE), 0.0)


def _child(
    totals: FloatArray, mean: FloatArray, variance: FloatArray, shrinkage: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """Update a normal-inverse-gamma belief that starts from the node above (Gelman et al. 2013, BDA 3, section 3.3)."""
    weight = totals[0]
    positive = np.maximum(weight, _NOTHING)
    apart = np.where(weight > 0.0, totals[1] / positive, mean) - mean
    share = weight / (positive + shrinkage)
    squares = np.maximum(totals[2] - totals[1] ** 2 / positive, 0.0) + shrinkage * share * apart**2
    variance = (PRIOR_WEIGHT * PRIOR_DECREASE * variance + squares) / (PRIOR_WEIGHT + weight)
    return mean + share * apart, variance
