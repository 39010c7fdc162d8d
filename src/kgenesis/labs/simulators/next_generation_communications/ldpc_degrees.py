"""Choose the degrees of an irregular LDPC code of rate 1/2 and find how much noise it bears (density evolution).

A fraction λ_i of the edges of the code's graph ends in variable nodes of degree i. Check nodes have two neighbouring
degrees j, j + 1, in the one proportion that makes the rate 1 - (Σ ρ_j/j)/(Σ λ_i/i) exactly `RATE`. On the binary-input
channel with white Gaussian noise of standard deviation σ, messages under belief propagation are taken as Gaussian with a
variance twice their mean (Chung, Richardson and Urbanke, IEEE Trans. Inf. Theory 47 (2001) 657). With s = 2/σ²,
φ(m) = 1 - E tanh(u/2), u ~ N(m, 2m), and r = the mean of φ over edges from variables to checks, one iteration is

    r  →  h(r) = Σ_i λ_i φ(s + (i - 1) Σ_j ρ_j φ⁻¹(1 - (1 - r)^(j - 1)))

and decoding succeeds where h(r) < r for all 0 < r ≤ φ(s) (eq. 17). The threshold σ* is the largest such σ. φ is integrated
numerically and tabled. The paper's own approximation of φ gives 0.3 % higher thresholds (0.8748 instead of 0.8719 for the
(3, 6) code, whose true one is 0.8809) and errs most near φ = 1, where high check degrees live; it serves as a check only.

What an optimiser would exploit, and how each hole is closed:

- *Another rate.* The proportion of check degrees gives exactly `RATE` for any λ; a rate is never an outcome to lower.
- *A tunnel between two points of the grid.* `GRID` has 600 points, most of them where tunnels are narrow, and the
  stability condition λ_2 < exp(1/(2σ²))/Σ ρ_j (j - 1) (eq. 21 of the paper) stands for r → 0, where no grid reaches.
- *Success after any number of iterations.* A code at its threshold needs infinitely many. `iterations` counts them at
  `MARGIN` dB more signal, and a mission limits it.
- *Degrees that cost nothing.* `edges` per code bit is what a decoder works through in each iteration.
- *Better than Shannon.* The Gaussian approximation is none of a real code, so it could pass the limit: a gap below zero is a crash.
- *Fractions that do not sum to one, or are negative,* are `infeasible`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

RATE = 0.5

DEGREES = (2, 3, 4, 6, 10, 20)
"""Degrees that variable nodes may have."""

MARGIN = 0.25
"""dB above a code's own threshold, where `iterations` are counted."""

RESIDUAL = 1e-6
"""Bit error probability at which decoding has succeeded."""

MOST_ITERATIONS = 2000

GRID = 600
"""Values of r at which h(r) < r is asked."""

LEAST_NOISE, MOST_NOISE = 0.5, 1.0
"""Between these σ a threshold is sought; the Shannon limit lies at 0.979."""

DECIMALS = 6

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """φ as a table: means m, ascending from 0, and log φ(m)."""

    means: Array
    logs: Array

    def phi(self, m: Array) -> Array:
        """Return φ(m); the table's least beyond its end."""
        found: Array = np.exp(np.interp(m, self.means, self.logs))
        return found

    def inverse(self, y: Array) -> Array:
        """Return the m with φ(m) = y; the table's largest below its least."""
        found: Array = np.interp(-np.log(y), -self.logs, self.means)
        return found


@lru_cache(maxsize=1)
def integrated() -> Transform:
    """Return φ by integration, to 1e-6.

    With 1 - tanh(u/2) = 2/(1 + e^u) and the square completed, φ(m) = e^(-m/4) E sech(v/2), v ~ N(0, 2m). The trapezoidal
    rule converges exponentially on it where the normal is wider than the step (m ≥ 1); below, Gauss-Hermite does.
    """
    low, high = np.geomspace(1e-6, 1.0, 1500)[:-1], np.geomspace(1.0, 400.0, 3000)
    nodes, weights = np.polynomial.hermite_e.hermegauss(99)
    small = ((2 / (1 + np.exp(low[:, None] + np.sqrt(2 * low)[:, None] * nodes))) * weights).sum(axis=1) / weights.sum()
    v, step = np.linspace(-80.0, 80.0, 1601, retstep=True)
    normal = np.exp(-(v**2) / (4 * high[:, None])) / np.sqrt(4 * np.pi * high[:, None])
    large = np.log((normal / np.cosh(v / 2)).sum(axis=1) * step) - high / 4
    return Transform(np.concatenate([[0.0], low, high]), np.concatenate([[0.0], np.log(small), large]))


@lru_cache(maxsize=1)
def published() -> Transform:
    """Return φ as the paper approximates it (eq. 9 and Lemma 1's mean), with which its thresholds were computed."""
    low, high = np.geomspace(1e-6, 10.0, 20_000)[:-1], np.geomspace(10.0, 400.0, 5000)
    exponent = np.minimum(-0.4527 * low**0.86 + 0.0218, 0.0)
    tail = np.log(np.sqrt(np.pi / high) * (1 - 10 / (7 * high))) - high / 4
    logs = np.minimum.accumulate(np.concatenate([[0.0], exponent, tail]))
    return Transform(np.concatenate([[0.0], low, high]), logs)


def check_degrees(edges: Mapping[int, float]) -> dict[int, float]:
    """Return the fractions ρ_j of two neighbouring check degrees that make the rate exactly `RATE`.

    Args:
        edges: λ by degree, summing to 1.
    """
    wanted = (1 - RATE) * sum(share / i for i, share in edges.items())  # Σ ρ_j / j
    low = math.floor(1 / wanted + 1e-9)
    if abs(low * wanted - 1) < 1e-9:  # noqa: PLR2004  (rounding of the sum)
        return {low: 1.0}
    share = (wanted - 1 / (low + 1)) / (1 / low - 1 / (low + 1))
    return {low: share, low + 1: 1 - share}


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """All codes with these fractions of edges by degree."""

    edges: Mapping[int, float]
    """λ, by degree of the variable node."""
    checks: Mapping[int, float]
    """ρ, by degree of the check node."""
    transform: Transform

    def messages(self, r: Array) -> Array:
        """Return the mean of the messages from checks where those from variables have mean φ of r."""
        t = self.transform
        total = sum(share * t.inverse(-np.expm1((j - 1) * np.log1p(-r))) for j, share in self.checks.items())
        return np.asarray(total)

    def step(self, r: Array, s: float) -> Array:
        """Return h(r), the mean of φ after one iteration, at channel mean s = 2/σ²."""
        m = self.messages(r)
        return np.asarray(sum(share * self.transform.phi(s + (i - 1) * m) for i, share in self.edges.items()))

    def converges(self, sigma: float) -> bool:
        """Say whether decoding succeeds at a noise."""
        s = 2 / sigma**2
        if self.edges.get(2, 0.0) * sum(share * (j - 1) for j, share in self.checks.items()) >= math.exp(s / 4):
            return False
        shares = np.concatenate([np.geomspace(1e-9, 0.05, GRID // 3), np.linspace(0.05, 1.0, 2 * GRID // 3)])
        r = self.transform.phi(np.array([s])) * shares
        return bool((self.step(r, s) < r).all())

    def threshold(self) -> float:
        """Return the largest σ at which decoding succeeds, to 1e-7; NaN below `LEAST_NOISE`."""
        low, high = LEAST_NOISE, MOST_NOISE
        if not self.converges(low):
            return math.nan
        while high - low > 1e-7:  # noqa: PLR2004
            middle = (low + high) / 2
            low, high = (middle, high) if self.converges(middle) else (low, middle)
        return low

    def n_iterations(self, sigma: float) -> int:
        """Return the iterations until the bit error probability is below `RESIDUAL`; `MOST_ITERATIONS` if never."""
        s = 2 / sigma**2
        nodes = {i: share / i for i, share in self.edges.items()}
        whole = sum(nodes.values())
        r = self.transform.phi(np.array([s]))
        for turn in range(1, MOST_ITERATIONS):
            m = float(self.messages(r).item())
            # the sign of a message of mean m and variance 2m is wrong with probability Q(√(m/2))
            wrong = sum(n / whole * math.erfc(math.sqrt(s + i * m) / 2) / 2 for i, n in nodes.items())
            if wrong < RESIDUAL:
                return turn
            r = self.step(r, s)
        return MOST_ITERATIONS


@lru_cache(maxsize=1)
def shannon_limit() -> float:
    """Return the σ at which the capacity of the binary-input Gaussian channel is `RATE`."""
    from scipy.optimize import brentq

    z, w = np.polynomial.hermite_e.hermegauss(200)

    def spare(sigma: float) -> float:
        llr = 2 / sigma**2 + 2 / sigma * z
        return float(1 - (np.logaddexp(0, -llr) * w).sum() / w.sum() / math.log(2) - RATE)

    return float(brentq(spare, 0.5, 2.0, xtol=1e-12))


def decibels(sigma: float) -> float:
    """Return how far a threshold stays below the Shannon limit, dB of Eb/N0."""
    return 20 * math.log10(shannon_limit() / sigma)


class LdpcDegrees(Simulator):
    """The laboratory: a degree distribution in, its distance from the Shannon limit and its cost out."""

    name = "ldpc-degrees"
    revision = "1"
    factors: ClassVar = {f"degree_{i}": "1" for i in DEGREES}
    outcomes_in: ClassVar = {"gap": "dB", "iterations": "1", "edges": "1", "threshold": "1"}
    possible: ClassVar = {
        "gap": (0.0, math.inf),
        "iterations": (1.0, MOST_ITERATIONS),
        "edges": (min(DEGREES), max(DEGREES)),
        "threshold": (LEAST_NOISE, MOST_NOISE),
    }

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing here is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Find the threshold once."""
        given = {i: conditions[f"degree_{i}"] for i in DEGREES}
        if min(given.values()) < 0 or abs(sum(given.values()) - 1) > 1e-6:  # noqa: PLR2004
            return infeasible("the fractions do not sum to 1", "비율의 합이 1이 아닙니다")
        edges = {i: share / sum(given.values()) for i, share in given.items() if share > 0}
        ensemble = Ensemble(edges, check_degrees(edges), integrated())
        sigma = ensemble.threshold()
        if math.isnan(sigma):
            return infeasible("the code corrects nothing at this rate", "이 부호율에서는 아무것도 정정하지 못합니다")
        if sigma > shannon_limit():
            return crashed("the approximation passes the Shannon limit", "근사가 섀넌 한계를 넘었습니다")
        eased = sigma * 10 ** (-MARGIN / 20)
        return {
            "gap": round(decibels(sigma), DECIMALS),
            "iterations": ensemble.n_iterations(eased),
            "edges": round(1 / sum(share / i for i, share in edges.items()), DECIMALS),
            "threshold": round(sigma, DECIMALS),
        }

    def checks(self) -> Iterator[Check]:
        """Compare with published thresholds of regular codes and the published Shannon limit."""
        source = "Chung, Richardson and Urbanke, IEEE Trans. Inf. Theory 47 (2001) 657, table I"
        for i, j, known in ((3, 6, 0.8747), (4, 8, 0.8323)):
            yield Check(
                say(f"Threshold of the ({i}, {j}) code, φ as published", f"({i}, {j}) 부호의 문턱값, 발표된 φ"),
                found=Ensemble({i: 1.0}, {j: 1.0}, published()).threshold(),
                expected=known,
                tolerance=1.5e-4,
                unit="1",
                source=source,
            )
        yield Check(
            say("Noise at which the capacity is one half", "용량이 1/2이 되는 잡음"),
            found=shannon_limit(),
            expected=0.97869,
            tolerance=1e-5,
            unit="1",
            source="Richardson, Shokrollahi and Urbanke, IEEE Trans. Inf. Theory 47 (2001) 619: 0.9787 (0.187 dB)",
        )
