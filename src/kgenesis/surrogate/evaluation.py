"""How well a surrogate foretells: density and coverage of held-out measurements, on campaigns it has never seen.

The surrogate may be anybody's: what it does wrong is written down and counted, and never ends an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, pi
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from kgenesis.kernel.errors import KGenesisError
from kgenesis.surrogate.fitting import Prior
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.surrogate.prior import draw_data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kgenesis.kernel.ports import FloatArray, Posterior, Surrogate
    from kgenesis.surrogate.prior import DataSet

SEED = 7003
"""Evaluations draw from it; trainings have seeds of their own and never three numbers in them that begin with it."""

SIZES = tuple((n, d) for n in (5, 10, 20, 40, 80) for d in (1, 2, 4, 8, 14))
"""Measurements and factors of the data sets."""

MISTAKES: tuple[type[BaseException], ...] = (Exception, SystemExit)
"""What a surrogate that is not ours may raise: anything but the wish of a person to end."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one data set was foretold."""

    n: int
    n_factors: int
    noise: str
    kind: str
    """`levels` if any factor has levels, else `numbers`."""
    family: str
    nll: float
    """Mean negative log density of held-out measurements, standardised, nats."""
    coverage: float
    """Share of them inside the central 90 % interval."""
    failure: str = ""
    """What the surrogate did wrong; NLL and coverage are then NaN."""


def ask(posterior: Posterior, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) at x (m, d), if they are what a posterior may say.

    Raises:
        ValueError: Their shapes are wrong, a value is not finite, or a variance is negative.
    """
    mean, variance = (np.asarray(each, dtype=np.float64) for each in posterior.mean_and_variance(x))
    expect_finite({"mean": mean, "variance": variance}, (len(x),))
    if (variance < 0.0).any():
        raise ValueError("a variance is negative")
    return mean, variance


def expect_finite(arrays: Mapping[str, FloatArray], shape: tuple[int, ...]) -> None:
    """Make sure that arrays have a shape and are finite.

    Raises:
        ValueError: One has not, or is not.
    """
    for name, array in arrays.items():
        if np.shape(array) != shape:
            raise ValueError(f"the {name} has shape {np.shape(array)}, not {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"the {name} is not finite")


def foretold(posterior: Posterior, x: FloatArray, y: FloatArray, known: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log density and the place (0–1) of measurements in what a posterior expects.

    Args:
        posterior: A mixture if it has `members`, else normal.
        x: Encoded points, shape (m, d).
        y: Measured there, shape (m,).
        known: Known noise variances, NaN where unknown, shape (m,).

    Returns:
        Log densities and values of the distribution function, shape (m,) each.

    Raises:
        ValueError: The posterior says what none may say.
    """
    members: Sequence[tuple[float, Posterior]] = getattr(posterior, "members", ((1.0, posterior),))
    logs, places = np.empty((len(members), y.size)), np.zeros(y.size)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # what is not finite is refused below
        for i, (share, member) in enumerate(members):
            mean, variance = ask(member, x)
            variance = variance + np.where(np.isnan(known), member.noise_sd**2, known)
            z = (y - mean) / np.sqrt(variance)
            logs[i] = np.log(share) - 0.5 * (np.log(2.0 * pi * variance) + z**2)
            places += share * ndtr(z)
        densities = np.logaddexp.reduce(logs, axis=0)
    expect_finite({"density": densities, "distribution function": places}, y.shape)
    return densities, places


def score(surrogate: Surrogate, s: DataSet) -> Score:
    """Return how well a surrogate foretells the held-out measurements of a data set."""
    posterior = surrogate.posterior(s.data, np.random.default_rng(0))
    densities, places = foretold(posterior, s.x, s.y, s.noise_variance)
    inside = float(((places > 0.05) & (places < 0.95)).mean())  # noqa: PLR2004
    return _scored(s, -float(densities.mean()), inside)


def attempt(surrogate: Surrogate, s: DataSet) -> Score:
    """Score a surrogate that may be anybody's: what it does wrong is written down."""
    try:
        return score(surrogate, s)
    except MISTAKES as error:
        return _scored(s, nan, nan, described(error))


def described(error: BaseException) -> str:
    """Return a mistake as one short line."""
    said = " ".join((error.detail.en if isinstance(error, KGenesisError) else str(error)).split())
    return f"{type(error).__name__}: {said}"[:200] if said else type(error).__name__


def _scored(s: DataSet, nll: float, coverage: float, failure: str = "") -> Score:
    kind = "levels" if s.has_levels else "numbers"
    return Score(s.data.y.size, int(s.data.groups.max()) + 1, s.noise, kind, s.family, nll, coverage, failure)


def map_gp() -> GaussianProcess:
    """Return the yardstick: one Matérn-5/2 process with a lengthscale per factor, fitted (maximum a posteriori)."""
    return GaussianProcess([Prior(location=0.0, spread=1.0, signal_spread=1.0)])


def prior_sets(n_sets: int) -> Iterator[DataSet]:
    """Draw campaigns from the prior that no training has seen, `n_sets` of each size."""
    for k, (n, d) in enumerate(SIZES):
        for i in range(n_sets):
            yield draw_data_set(np.random.default_rng((SEED, k, i)), n, d, 40)


def evaluate(
    surrogate: Surrogate, n_sets: int = 4, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, dict[str, float]]:
    """Compare a surrogate with the yardstick on draws of the prior that no training has seen.

    Args:
        surrogate: Anybody's.
        n_sets: Data sets of each size.
        on_progress: Told how many are done, of how many.

    Returns:
        For `all` and each slice (`n=5`, `factors=2`, `noise=none`, `levels` …): `data_sets`, `failures`, `nll`,
        `nll_map_gp`, `coverage` (these three where there was no failure), and `better` (share of data sets foretold
        better than by the yardstick).
    """
    yardstick = map_gp()
    found: dict[str, list[tuple[Score, Score]]] = {}
    for done, s in enumerate(prior_sets(n_sets), 1):
        pair = attempt(surrogate, s), score(yardstick, s)
        first = pair[0]
        slices = ("all", f"n={first.n}", f"factors={first.n_factors}", f"noise={first.noise}", first.kind)
        for name in (*slices, f"family={first.family}"):
            found.setdefault(name, []).append(pair)
        on_progress(done, len(SIZES) * n_sets)
    # the whole first, then slice by slice, numbers in order
    names = sorted(found, key=lambda name: (name != "all", name.partition("=")[0], len(name), name))
    return {name: _summary(found[name]) for name in names}


def _summary(pairs: Sequence[tuple[Score, Score]]) -> dict[str, float]:
    good = [pair for pair in pairs if not pair[0].failure]
    ours, theirs = (np.array([pair[i].nll for pair in good]) for i in (0, 1))
    return {
        "data_sets": len(pairs),
        "failures": len(pairs) - len(good),
        "nll": float(ours.mean()) if good else nan,
        "nll_map_gp": float(theirs.mean()) if good else nan,
        "better": float((ours < theirs).sum()) / len(pairs),
        "coverage": float(np.mean([pair[0].coverage for pair in good])) if good else nan,
    }
