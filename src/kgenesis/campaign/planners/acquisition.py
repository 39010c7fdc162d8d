"""Say how much an experiment is worth before it is done: acquisition functions over arrays.

Everything is maximised, in standardised units, and knows nothing of spaces: means and variances in, scores out.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erfcx, log_ndtr, logsumexp, ndtr

if TYPE_CHECKING:
    import numpy.typing as npt

    from kgenesis.kernel.ports import FloatArray

MIN_VARIANCE = 1e-16
"""Variances below this are taken as this: a point known for certain still has a finite score."""

TIE_BREAK = 0.01
"""Weight of the objective's mean while nothing feasible is known: it only decides between equal chances."""

CHEBYSHEV_RHO = 0.05
"""Weight of the sum in the augmented Chebyshev function (Knowles 2006, ParEGO, equation 2)."""

_FAR = -1e3
"""Below this the asymptotic series is exact to double precision."""
_CANCELS = 1e-2
"""Below this width, in standard deviations and times how far out it lies, a second difference loses too many digits."""
_LOG_SQRT_2PI = 0.5 * log(2.0 * pi)
_LOG_SQRT_HALF_PI = 0.5 * log(0.5 * pi)


# Expected improvement, in logs ------------------------------------------------------------------------------------


def log_h(z: FloatArray) -> FloatArray:
    """Log of h(z) = φ(z) + z Φ(z), the expected positive part of a standard normal shifted by z.

    Ament et al. 2023 (arXiv 2310.20708), equation 9; below z = -1000 the asymptotic series φ(z) (1/z² - 3/z⁴ + 15/z⁶)
    takes over before the middle branch loses digits.

    Args:
        z: Any shape.

    Returns:
        Same shape; finite for every finite z whose square is.
    """
    near, far = z > -1.0, z < _FAR
    out = np.empty_like(z)
    a = z[near]
    out[near] = np.log(np.exp(-0.5 * a * a - _LOG_SQRT_2PI) + a * ndtr(a))
    b = z[~near & ~far]
    tail = np.log(-b * erfcx(-b / sqrt(2.0))) + _LOG_SQRT_HALF_PI
    out[~near & ~far] = -0.5 * b * b - _LOG_SQRT_2PI + np.log(-np.expm1(tail))
    c = z[far]
    inverse = 1.0 / (c * c)
    out[far] = -0.5 * c * c - _LOG_SQRT_2PI + np.log(inverse) + np.log1p(inverse * (15.0 * inverse - 3.0))
    return out


def log_expected_improvement(mean: FloatArray, variance: FloatArray, best: float) -> FloatArray:
    """Log of the expected improvement over the incumbent (Ament et al. 2023, equation 8).

    Args:
        mean: Shape (m,).
        variance: Shape (m,).
        best: What has to be beaten, see `incumbent`.

    Returns:
        Shape (m,).
    """
    deviation = _deviation(variance)
    return np.log(deviation) + log_h((mean - best) / deviation)


def share_of_mean(mean: float, variance: float, best: float) -> float:
    """Return which part of the expected improvement would be left if the outcome were the mean for certain.

    max(μ - best, 0) / EI: at most 1, as EI is convex in the outcome (Jensen); 0 where only uncertainty promises.
    """
    if mean <= best:
        return 0.0
    expected = log_expected_improvement(np.array([mean]), np.array([variance]), best)[0]
    return float(min(np.exp(log(mean - best) - expected), 1.0))


def log_expected_hit(mean: FloatArray, variance: FloatArray, value: float, miss: float) -> FloatArray:
    """Log of the expected improvement of -|Y - value|, exactly: E[(miss - |Y - value|)⁺].

    The improvement is a triangle between value - miss and value + miss, so with ψ(a) = E[(Y - a)⁺] it is
    ψ(value - miss) - 2 ψ(value) + ψ(value + miss), a second difference taken in logs; where it would cancel, its series
    miss² φ(z) (1 + (z² - 1) miss² / 12 σ²) / σ is exact to ten digits.

    Args:
        mean: Of the outcome, shape (m,).
        variance: Of the outcome, shape (m,).
        value: What to hit.
        miss: The deviation to beat, at least 0.

    Returns:
        Shape (m,).
    """
    deviation = _deviation(variance)
    z = -np.abs(mean - value) / deviation  # the outcome is taken to lie below the value: there ψ keeps its digits
    width = np.maximum(miss / deviation, 1e-150)
    series = 2.0 * np.log(width) - 0.5 * z * z - _LOG_SQRT_2PI + np.log1p(width * width * (z * z - 1.0) / 12.0)
    far = width * (1.0 - z) > _CANCELS
    upper, middle, lower = (log_h(z[far] + step * width[far]) for step in (1, 0, -1))
    first, second = _log_difference(upper, middle), _log_difference(middle, lower)
    series[far] = _log_difference(first, second)
    return np.asarray(np.log(deviation) + series)


def incumbent(mean: FloatArray, is_feasible: npt.NDArray[np.bool_] | None = None) -> float | None:
    """Pick what has to be beaten: the best posterior mean over measured points, so that noise cannot pose as success.

    Args:
        mean: Posterior mean at the measured points, shape (n,).
        is_feasible: Which of them meet every outcome constraint, shape (n,); all, if left out.

    Returns:
        The best mean, or None where no measured point is feasible.
    """
    allowed = mean if is_feasible is None else mean[is_feasible]
    return float(allowed.max()) if allowed.size else None


# Constraints on outcomes --------------------------------------------------------------------------------------------


def log_chance_between(mean: FloatArray, variance: FloatArray, low: float, high: float) -> FloatArray:
    """Log probability that an outcome lies between two bounds, either of which may be infinite: log(Φ(b) - Φ(a)).

    Args:
        mean: Shape (m,).
        variance: Shape (m,).
        low: The lower bound.
        high: The upper bound.

    Returns:
        Shape (m,).
    """
    deviation = _deviation(variance)
    a, b = (low - mean) / deviation, (high - mean) / deviation
    is_right = a + b > 0.0  # both in the left tail, where log Φ keeps its digits
    a, b = np.where(is_right, -b, a), np.where(is_right, -a, b)
    return _log_difference(np.asarray(log_ndtr(b)), np.asarray(log_ndtr(a)))


def log_feasibility(mean: FloatArray, variance: FloatArray, at_least: float) -> FloatArray:
    """Log probability that an outcome reaches a bound: log Φ((μ - bound) / σ) (Gardner et al. 2014, section 3).

    For "at most", negate mean and bound.

    Args:
        mean: Shape (m,).
        variance: Shape (m,).
        at_least: The bound.

    Returns:
        Shape (m,).
    """
    return np.asarray(log_ndtr((mean - at_least) / _deviation(variance)))


def log_constrained_expected_improvement(
    mean: FloatArray, variance: FloatArray, best: float | None, feasibility: FloatArray
) -> FloatArray:
    """Log of expected improvement times the probability of being feasible (Gardner et al. 2014, equation 5).

    Args:
        mean: Of the objective, shape (m,).
        variance: Of the objective, shape (m,).
        best: The best feasible mean; None if nothing feasible is known, when the chance of being feasible decides.
        feasibility: Sum of `log_feasibility` over the constraints, shape (m,).

    Returns:
        Shape (m,).
    """
    if best is None:
        return feasibility + TIE_BREAK * mean
    return log_expected_improvement(mean, variance, best) + feasibility


# Several objectives -------------------------------------------------------------------------------------------------


def is_pareto_optimal(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Mark the points that no other point dominates; of equal points the first is kept.

    Args:
        values: Larger is better, shape (n, k).

    Returns:
        Shape (n,).
    """
    at_least = np.all(values[:, None, :] >= values[None, :, :], axis=2)
    better = at_least & np.any(values[:, None, :] > values[None, :, :], axis=2)
    equal_earlier = np.triu(at_least & at_least.T, k=1)
    return np.asarray(~np.any(better | equal_earlier, axis=0))


def hypervolume(values: FloatArray, reference: FloatArray) -> float:
    """Area dominated by points and above the reference, two objectives.

    Args:
        values: Larger is better, shape (n, 2).
        reference: Shape (2,).

    Returns:
        The area, 0 if no point beats the reference in both.
    """
    edges, floors = _staircase(values, reference)
    return float(np.sum(np.diff(edges[:-1]) * (floors[:-1] - reference[1])))


def log_expected_hypervolume_improvement(
    mean: FloatArray, variance: FloatArray, front: FloatArray, reference: FloatArray
) -> FloatArray:
    """Log of the expected gain in dominated area, exact for two independent objectives.

    The area not yet dominated falls into vertical strips (a_i, a_i+1] with floor b_i, so with ψ(a) = E[(Y - a)⁺]
    EHVI = Σ_i (ψ₁(a_i) - ψ₁(a_i+1)) ψ₂(b_i) (Yang et al. 2019, J. Glob. Optim. 75, 3; all terms are positive, so it
    is summed in logs).

    Args:
        mean: Shape (m, 2).
        variance: Shape (m, 2).
        front: Objectives known so far, dominated ones allowed, shape (n, 2).
        reference: A point worse than anything of interest, shape (2,).

    Returns:
        Shape (m,).
    """
    edges, floors = _staircase(front, reference)
    strips = _log_strip_width(mean[:, :1], _deviation(variance[:, :1]), edges)
    heights = _log_positive_part(mean[:, 1:], _deviation(variance[:, 1:]), floors)
    return np.asarray(logsumexp(strips + heights, axis=1))


def chebyshev_weights(n_objectives: int, rng: np.random.Generator) -> FloatArray:
    """Draw weights evenly from the simplex, shape (n_objectives,)."""
    return rng.dirichlet(np.ones(n_objectives))


def augmented_chebyshev(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Fold any number of objectives into one (Knowles 2006, ParEGO, equation 2, turned round for maximisation).

    Args:
        values: Larger is better, each objective scaled to 0 (worst seen) … 1 (best seen), shape (n, k).
        weights: From `chebyshev_weights`, shape (k,).

    Returns:
        Shape (n,); every Pareto-optimal point is best under some weights.
    """
    loss = weights * (1.0 - values)
    return np.asarray(-(loss.max(axis=1) + CHEBYSHEV_RHO * loss.sum(axis=1)))


# Inside -------------------------------------------------------------------------------------------------------------


def _deviation(variance: FloatArray) -> FloatArray:
    return np.sqrt(np.maximum(variance, MIN_VARIANCE))


def _log_difference(large: FloatArray, small: FloatArray) -> FloatArray:
    """Return log(exp(large) - exp(small)); a very small number where rounding leaves nothing between them."""
    gap = np.minimum(small - large, -1e-300)
    return np.asarray(large + np.log(np.maximum(-np.expm1(gap), 1e-300)))


def _density(z: FloatArray) -> FloatArray:
    return np.exp(-0.5 * z * z - _LOG_SQRT_2PI)


def _staircase(values: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Edges (r₁, front from left to right, ∞) and floors of the strips not yet dominated, shapes (k + 2,), (k + 1,)."""
    inside = values[np.all(values > reference, axis=1)]
    front = inside[is_pareto_optimal(inside)]
    front = front[np.argsort(front[:, 0])]
    edges = np.concatenate([reference[:1], front[:, 0], [np.inf]])
    return edges, np.concatenate([front[:, 1], reference[1:]])


def _log_positive_part(mean: FloatArray, deviation: FloatArray, levels: FloatArray) -> FloatArray:
    """Log ψ(level) = log E[(Y - level)⁺], shapes (m, 1), (m, 1), (k,) -> (m, k)."""
    return np.log(deviation) + log_h((mean - levels) / deviation)


def _log_strip_width(mean: FloatArray, deviation: FloatArray, edges: FloatArray) -> FloatArray:
    """Log of ψ(a_i) - ψ(a_i+1), the last edge being infinite, shapes (m, 1), (m, 1), (k + 2,) -> (m, k + 1)."""
    whole = _log_positive_part(mean, deviation, edges[:-1])
    ratio = np.minimum(whole[:, 1:] - whole[:, :-1], 0.0)
    with np.errstate(divide="ignore"):
        whole[:, :-1] += np.log(-np.expm1(ratio))
    return whole
