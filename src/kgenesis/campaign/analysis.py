"""What the surrogate makes of a campaign: what matters, what it expects along each factor, how often it is right."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kgenesis.campaign.learning import Learned
from kgenesis.campaign.words import number
from kgenesis.kernel.experiment import Conditions, Frozen
from kgenesis.kernel.factors import Variable
from kgenesis.kernel.ports import Posterior
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.space import Space

FloatArray = NDArray[np.float64]

SLICE_POINTS = 41
MIN_OBSERVATIONS = 5
"""Below this many, or fewer than factors + 2, what matters is not asked: the answer would be the prior's."""

_FLOPS = 3e9
"""Work a sensitivity may cost (a few seconds at most on a slow core)."""
_BINS = 16
_Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


class FactorEffect(Frozen):
    """How much of an outcome's variation a factor brings about."""

    factor: str
    main: float | None
    """First-order share: by itself, averaged over the others; null for a mixture under constraints."""
    total: float
    """Total share: together with others."""
    total_error: float
    """Standard error of `total` from sampling; the surrogate's own doubt comes on top."""


class Sensitivity(Frozen):
    """What matters for one outcome, according to the surrogate's mean."""

    outcome: str
    effects: tuple[FactorEffect, ...]
    """Largest total first."""
    is_independent: bool
    """Whether every factor can be set without regard to the others (then the shares are Sobol indices)."""
    n_samples: int


class Slice(Frozen):
    """What is expected along one factor with the others as in the best experiment."""

    outcome: str
    factor: str
    x: tuple[float | str, ...]
    mean: tuple[float | None, ...]
    """Null where the conditions are not allowed."""
    sd: tuple[float | None, ...]
    """Of the noise-free outcome."""
    at: float | str | None
    """Where the best experiment is."""
    is_log: bool = False


class Validation(Frozen):
    """Each measurement as predicted from all others, with the hyper-parameters kept."""

    outcome: str
    numbers: tuple[int, ...]
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    sd: tuple[float, ...]
    """Of the prediction, noise included."""
    coverage: float
    """Share of measurements inside their 95 % interval."""
    rmse: float
    q2: float | None
    """1 - Σ(error²) / Σ(deviation from the mean²): 1 is perfect, 0 no better than the mean; null if nothing varies."""


def sensitivity(space: Space, learned: Learned, seed: tuple[int, ...]) -> Sensitivity | None:
    """Return how much of the variation over the feasible space each factor brings about, None with too little data.

    Two samples A and B of the space; AB_i is A with factor i from B (Saltelli et al. 2010, Comput. Phys. Commun. 181,
    259). Total effects by Jansen's estimator, E[(f(A) - f(AB_i))²] / 2V, first-order effects by 1 - E[(f(B) -
    f(AB_i))²] / 2V (Jansen 1999, Comput. Phys. Commun. 117, 35). Where constraints tie factors together, only moves
    that stay feasible count for the total effect, and the first-order effect is the correlation ratio over bins
    (given-data estimate; Plischke, Borgonovo & Smith 2013, Eur. J. Oper. Res. 226, 536). A mixture moves as a whole.
    """
    groups = _factor_columns(space)
    n_observations = len(learned.data.y)
    if n_observations < max(MIN_OBSERVATIONS, len(groups) + 2) or not groups:
        return None
    n = int(np.clip(_FLOPS / (3 * n_observations**2 * (len(groups) + 2)), 128, 512))
    rng = np.random.default_rng(seed)
    a, b = _context_drawn(space, sample(space, n, rng), rng), _context_drawn(space, sample(space, n, rng), rng)
    f_a, f_b = _mean(learned.posterior, space, a), _mean(learned.posterior, space, b)
    both = np.concatenate([f_a, f_b])
    variance = float(both.var())
    if variance <= (1e-9 * max(float(np.abs(both).max()), 1e-300)) ** 2:
        return None
    mixed = {name: space.with_inactive_cleared(_swapped(a, b, columns)) for name, columns in groups.items()}
    allowed = {name: space.is_feasible(values) for name, values in mixed.items()}
    independent = all(bool(mask.all()) for mask in allowed.values())
    effects = []
    for name, columns in groups.items():
        kept = allowed[name]
        if kept.sum() < 16:  # noqa: PLR2004  too few moves are possible to say anything
            continue
        f_ab = _mean(learned.posterior, space, mixed[name][kept])
        moved = 0.5 * (f_a[kept] - f_ab) ** 2 / variance
        if independent:
            main: float | None = 1.0 - float(np.mean((f_b - f_ab) ** 2)) / (2.0 * variance)
        elif len(columns) == 1:
            main = _correlation_ratio(space.variables[columns[0]], np.concatenate([a, b])[:, columns[0]], both)
        else:
            main = None
        error = float(moved.std() / math.sqrt(len(moved)))
        shares = None if main is None else min(max(main, 0.0), 1.0)
        effects.append(FactorEffect(factor=name, main=shares, total=float(moved.mean()), total_error=error))
    effects.sort(key=lambda effect: -effect.total)
    return Sensitivity(outcome=learned.outcome, effects=tuple(effects), is_independent=independent, n_samples=n)


def _factor_columns(space: Space) -> Mapping[str, list[int]]:
    """Return the columns of each factor that can vary; a mixture's belong together."""
    columns: dict[str, list[int]] = {}
    varying = set(space.learned_names)
    for i, variable in enumerate(space.variables):
        if variable.name in varying and variable.role != "fixed":
            columns.setdefault(variable.mixture or variable.name, []).append(i)
    return columns


def _swapped(a: FloatArray, b: FloatArray, columns: list[int]) -> FloatArray:
    values = a.copy()
    values[:, columns] = b[:, columns]
    return values


def _context_drawn(space: Space, values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return values with context factors drawn uniformly: sampling leaves them open, but they may matter."""
    for i, variable in enumerate(space.variables):
        if variable.role == "context":
            u = rng.random(len(values))
            low, high = variable.low, variable.high
            values[:, i] = np.floor(u * len(variable.levels)) if variable.levels else low + u * (high - low)
    return values


def _mean(posterior: Posterior, space: Space, values: FloatArray) -> FloatArray:
    return posterior.mean_and_variance(space.encode(values))[0]


def _correlation_ratio(variable: Variable, column: FloatArray, response: FloatArray) -> float | None:
    """Return 1 - (within-bin variance / all), corrected for the number of bins (Kelley 1935, PNAS 21, 554)."""
    exists = ~np.isnan(column)
    values, y = column[exists], response[exists]
    if variable.levels or len(np.unique(values)) <= _BINS:
        bins = np.unique(values, return_inverse=True)[1]
    else:
        edges = np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1])
        bins = np.searchsorted(edges, values)
    counts = np.bincount(bins)
    k, n = int((counts > 0).sum()), len(y)
    if n <= k or y.var() <= 0:
        return None
    means = np.bincount(bins, weights=y) / np.maximum(counts, 1)
    within = float(((y - means[bins]) ** 2).sum()) / (n - k)
    return 1.0 - within / (float(((y - y.mean()) ** 2).sum()) / (n - 1))


def slices(space: Space, learned: Learned, best: Conditions) -> list[Slice]:
    """Return what is expected along every factor through the best experiment's conditions."""
    centre = space.to_values([best])
    found = []
    for i, variable in enumerate(space.variables):
        if variable.name not in space.learned_names or variable.role == "fixed":  # held now, though it once varied
            continue
        along = _along(variable)
        values = np.repeat(centre, len(along), axis=0)
        values[:, i] = along
        if variable.mixture:
            values = _cox(space, variable, values, centre[0])
        allowed = space.is_feasible(values)
        if allowed.sum() < 2 or math.isnan(centre[0, i]):  # noqa: PLR2004
            continue
        mean, variance = learned.posterior.mean_and_variance(space.encode(values))
        sd = np.sqrt(np.maximum(variance, 0.0))
        x = [variable.levels[int(v)] if variable.levels else float(v) for v in along.tolist()]
        found.append(
            Slice(
                outcome=learned.outcome, factor=variable.name, x=tuple(x), is_log=variable.is_log,
                mean=tuple(number(v) if ok else None for v, ok in zip(mean.tolist(), allowed, strict=True)),
                sd=tuple(number(v) if ok else None for v, ok in zip(sd.tolist(), allowed, strict=True)),
                at=variable.levels[int(centre[0, i])] if variable.levels else float(centre[0, i]),
            )
        )  # fmt: skip
    return found


def _along(variable: Variable) -> FloatArray:
    if variable.levels:
        return np.arange(len(variable.levels), dtype=np.float64)
    if variable.grid is not None:
        picks = np.linspace(0, len(variable.grid) - 1, min(len(variable.grid), SLICE_POINTS)).round().astype(int)
        chosen: FloatArray = variable.grid[picks]
        return chosen
    if variable.is_log:
        return np.clip(np.geomspace(variable.low, variable.high, SLICE_POINTS), variable.low, variable.high)
    return np.linspace(variable.low, variable.high, SLICE_POINTS)


def _cox(space: Space, variable: Variable, values: FloatArray, centre: FloatArray) -> FloatArray:
    """Return values in which the other components keep their proportions (Cox 1971, Biometrika 58, 155)."""
    mixture = next(m for m in space.mixtures if m.name == variable.mixture)
    own = space.names.index(variable.name)
    others = [space.names.index(c.name) for c in mixture.components if c.name != variable.name]
    rest = float(centre[others].sum())
    left = np.maximum(mixture.total - values[:, own], 0.0)
    shares = centre[others] / rest if rest > 0 else np.full(len(others), 1.0 / len(others))
    values[:, others] = left[:, None] * shares
    return values


def validation(learned: Learned) -> Validation | None:
    """Return each measurement as predicted from all others (Rasmussen & Williams 2006, section 5.4.2)."""
    y = learned.data.y
    if len(y) < 3:  # noqa: PLR2004
        return None
    mean, variance = learned.posterior.leave_one_out()
    sd = np.sqrt(np.maximum(variance, 0.0))
    error = y - mean
    spread = float(((y - y.mean()) ** 2).sum())
    return Validation(
        outcome=learned.outcome, numbers=learned.numbers, measured=tuple(y.tolist()), predicted=tuple(mean.tolist()),
        sd=tuple(sd.tolist()), coverage=float(np.mean(np.abs(error) <= _Z95 * sd + 1e-12)),
        rmse=float(np.sqrt(np.mean(error**2))), q2=1.0 - float((error**2).sum()) / spread if spread > 0 else None,
    )  # fmt: skip
