"""Order a pool by pairwise comparisons: Bradley-Terry strengths with 95 % intervals.

P(i is preferred over j) = 1 / (1 + exp(θj - θi)) (R. A. Bradley and M. E. Terry, Biometrika 39, 324, 1952). Plain
maximum likelihood has no finite answer as soon as somebody has won, or lost, every comparison (L. R. Ford, Am. Math.
Monthly 64, 28, 1957), which is the rule in small pools. So the likelihood is penalised with Jeffreys' prior (D. Firth,
Biometrika 80, 27, 1993), which takes the leading bias away and keeps every estimate finite, and the intervals are
profiles of that likelihood (G. Heinze and M. Schemper, Statist. Med. 21, 2409, 2002). For two questions, k wins of n,
this is the estimate log((k + ½) / (n - k + ½)).

Questions that no chain of comparisons connects cannot be ordered; each connected group is fitted and ranked by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import chi2

Floats = NDArray[np.float64]

_CUT = float(chi2.ppf(0.95, 1)) / 2
"""By how much the log-likelihood may fall within a 95 % interval (half the quantile of χ² with one degree)."""
_FAR = 60.0
"""Strengths this far apart (in log-odds) are told apart by no number of people."""
_STEPS, _PRECISION = 100, 1e-7


class Comparison(NamedTuple):
    """One person's opinion of two."""

    winner: str
    loser: str


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a question stands within its group."""

    id: str
    group: int
    """From 1, the largest first; questions of different groups cannot be compared."""
    rank: int
    """From 1 within the group."""
    strength: float
    """Log-odds of being preferred over the average question of the group."""
    low: float
    """Lower end of the 95 % profile interval of the strength."""
    high: float
    n_won: int
    n_lost: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """An ordered pool."""

    ranks: tuple[Rank, ...]
    uncompared: tuple[str, ...]
    """Questions nobody compared with anything."""
    n_groups: int
    ask_next: tuple[str, str] | None
    """The comparison that would tell most: it connects two groups, or is the least certain one within a group."""


def rank(ids: Sequence[str], comparisons: Sequence[Comparison]) -> Ranking:
    """Return the ranking of some questions; comparisons with others are left out."""
    known = set(ids)
    counts = Counter(c for c in comparisons if c.winner in known and c.loser in known and c.winner != c.loser)
    compared = [id_ for id_ in ids if any(id_ in pair for pair in counts)]
    groups = _groups(compared, counts)
    fits = [_Fit(members, counts) for members in groups]
    ranks = [rank for number, fit in enumerate(fits, 1) for rank in _ranked(number, fit, counts)]
    uncompared = tuple(id_ for id_ in ids if id_ not in compared)
    return Ranking(tuple(ranks), uncompared, len(groups), _ask_next(ranks, fits, uncompared))


def _groups(ids: Sequence[str], counts: Counter[Comparison]) -> list[list[str]]:
    """Return questions that are connected by comparisons, the largest group first."""
    if not ids:
        return []
    place = {id_: i for i, id_ in enumerate(ids)}
    rows, columns = [place[c.winner] for c in counts], [place[c.loser] for c in counts]
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(ids), len(ids)))
    n, labels = connected_components(graph, directed=False)
    groups = [[id_ for id_, label in zip(ids, labels, strict=True) if label == k] for k in range(n)]
    return sorted(groups, key=lambda members: (-len(members), members))


def _ranked(number: int, fit: "_Fit", counts: Counter[Comparison]) -> Iterator[Rank]:
    best = fit.strengths()
    order = np.argsort(-best, kind="stable")
    for position, i in enumerate(order, 1):
        id_ = fit.members[i]
        low, high = fit.interval(int(i), best)
        won = sum(n for c, n in counts.items() if c.winner == id_)
        lost = sum(n for c, n in counts.items() if c.loser == id_)
        yield Rank(id_, number, position, float(best[i]), low, high, won, lost)


def _ask_next(ranks: Sequence[Rank], fits: Sequence["_Fit"], uncompared: Sequence[str]) -> tuple[str, str] | None:
    """Return the two questions whose comparison is missed most."""
    if uncompared and ranks:
        return uncompared[0], min(ranks, key=lambda r: (r.group, abs(r.strength))).id
    if len(uncompared) > 1:
        return uncompared[0], uncompared[1]
    if len(fits) > 1:
        middle = [min((r for r in ranks if r.group == g), key=lambda r: abs(r.strength)).id for g in (1, 2)]
        return middle[0], middle[1]
    return fits[0].least_certain() if fits else None


class _Fit:
    """Comparisons within one connected group, and the penalised likelihood of strengths that sum to zero.

    Args:
        members: ids; the order of every array here.
        counts: how often each comparison was made.
    """

    def __init__(self, members: Sequence[str], counts: Counter[Comparison]) -> None:
        self.members = list(members)
        place = {id_: i for i, id_ in enumerate(members)}
        mine = [(place[c.winner], place[c.loser], n) for c, n in counts.items() if c.winner in place]
        self._n = len(members)
        self._times = np.array([n for _, _, n in mine], dtype=float)
        self._rows = np.zeros((len(mine), self._n))
        for row, (winner, loser, _) in enumerate(mine):
            self._rows[row, winner], self._rows[row, loser] = 1.0, -1.0
        self._contrasts = self._rows @ _zero_sum(self._n)

    def strengths(self) -> Floats:
        """Return the penalised maximum-likelihood strengths (n,), which sum to zero."""
        return self._climb(np.zeros(self._n), _zero_sum(self._n))

    def interval(self, i: int, best: Floats) -> tuple[float, float]:
        """Return the ends of the profile interval of one strength.

        Args:
            i: place in `members`.
            best: what `strengths` returned.
        """
        top = self._likelihood(best)
        direction = np.full(self._n, -1.0 / (self._n - 1))
        direction[i] = 1.0
        others = np.delete(np.arange(self._n), i)
        free = np.zeros((self._n, max(self._n - 2, 0)))
        free[others] = _zero_sum(self._n - 1)

        def drop(value: float) -> float:
            start = best + (value - best[i]) * direction
            return top - self._likelihood(self._climb(start, free)) - _CUT

        return _end(drop, float(best[i]), -1.0), _end(drop, float(best[i]), 1.0)

    def least_certain(self) -> tuple[str, str] | None:
        """Return the pair whose difference in strength has the largest variance per what one more answer would tell."""
        best = self.strengths()
        basis = _zero_sum(self._n)
        p = self._chances(best)
        information = basis.T @ (self._rows.T * (self._times * p * (1 - p))) @ self._rows @ basis
        covariance = basis @ np.linalg.inv(information) @ basis.T
        spread = np.diag(covariance)[:, None] + np.diag(covariance)[None, :] - 2 * covariance
        q = 1 / (1 + np.exp(best[None, :] - best[:, None]))
        gain = np.triu(spread * q * (1 - q), 1)
        a, b = np.unravel_index(int(np.argmax(gain)), gain.shape)
        return self.members[int(a)], self.members[int(b)]

    def _chances(self, strengths: Floats) -> Floats:
        """Return for each row the probability of what was observed."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self._rows @ strengths, -500, 500))))

    def _likelihood(self, strengths: Floats) -> float:
        """Return the log-likelihood plus half the log-determinant of the information."""
        margins = self._rows @ strengths
        p = 1 / (1 + np.exp(-np.clip(margins, -500, 500)))
        sign, logdet = np.linalg.slogdet((self._contrasts.T * (self._times * p * (1 - p))) @ self._contrasts)
        return 0.5 * float(logdet) - float(self._times @ np.logaddexp(0.0, -margins)) if sign > 0 else -np.inf

    def _climb(self, start: Floats, free: Floats) -> Floats:
        """Return the best strengths among `start` + `free` @ anything, by Fisher scoring on Firth's modified score."""
        theta = start
        if free.shape[1] == 0:
            return theta
        here, rows, along = self._likelihood(theta), self._contrasts, self._rows @ free
        for _ in range(_STEPS):
            p = self._chances(theta)
            weights = self._times * p * (1 - p)
            inverse = np.linalg.pinv((rows.T * weights) @ rows, hermitian=True)
            leverage = p * (1 - p) * ((rows @ inverse) * rows).sum(axis=1)
            # the penalty acts as if each comparison were also half won and half lost, in proportion to its leverage
            score = along.T @ (self._times * ((1 - p) + leverage * (0.5 - p)))
            information = (along.T * (weights * (1 + leverage))) @ along
            step = free @ np.linalg.solve(information, score)
            step *= min(1.0, 5.0 / max(float(np.max(np.abs(step))), _PRECISION))
            length = 1.0
            while (there := self._likelihood(theta + length * step)) < here - _PRECISION and length > _PRECISION:
                length /= 2
            theta, moved = theta + length * step, length * float(np.max(np.abs(step)))
            if moved < _PRECISION or there - here < _PRECISION**2:
                break
            here = there
        return theta


def _zero_sum(n: int) -> Floats:
    """Return an orthonormal basis (n, n-1) of the vectors that sum to zero (Helmert's contrasts)."""
    basis = np.zeros((n, max(n - 1, 0)))
    for k in range(1, n):
        basis[:k, k - 1] = 1.0
        basis[k, k - 1] = -k
        basis[:, k - 1] /= np.sqrt(k * (k + 1))
    return basis


def _end(drop: Callable[[float], float], middle: float, sign: float) -> float:
    """Return where a profile has fallen by enough on one side."""
    width = 1.0
    while drop(middle + sign * width) < 0:
        width *= 2
        if width > _FAR:
            return sign * float("inf")
    return float(brentq(lambda w: drop(middle + sign * w), 0.0, width, xtol=1e-4)) * sign + middle
