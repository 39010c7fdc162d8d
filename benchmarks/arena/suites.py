"""Data sets of the frozen suites, and how each method foretells them."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr
from scipy.stats import t

from kgenesis.app.model_score import find_entrant
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext, Surrogate, TrainingData
from kgenesis.surrogate import families
from kgenesis.surrogate.data import standardise
from kgenesis.surrogate.evaluation import foretold, map_gp
from kgenesis.surrogate.prior import Process, draw_process

FloatArray = NDArray[np.float64]

PRIOR_SEED, FAMILIES_SEED = 7001, 7002
PRIOR_AT, LONG_AT, FAMILIES_AT = (5, 10, 20, 40, 60), (250, 500, 1000), (8, 20, 50)
N_ASKED = 48
N_BAYES = 2000
"""Hyper-parameters drawn from the prior, weighted by the likelihood: an approximation of Bayes' rule, weak where the
effective number is small, so it is asked up to 20 measurements only."""
FLOOR = 1e-4
"""Noise, as a standard deviation, that exact algebra is given where there is none."""


@dataclass(frozen=True)
class Plan:
    """A data set to be foretold by all methods."""

    suite: str
    n: int
    i: int
    model: str
    """A published version, a folder, or the model file of a partner's model."""

    def entry(self) -> dict[str, Any]:
        """Return the beginning of its result."""
        return {"kind": "foretold", "task": f"{self.suite} n={self.n}", "method": self.model, "seed": self.i}


@dataclass(frozen=True)
class Case:
    """What was measured, what is asked, and what is known to nobody but the judge."""

    data: TrainingData
    x: FloatArray
    y: FloatArray
    noise: str
    truth: tuple[Process, float] | None = None
    """Covariance and noise that the data were drawn with, in units where the process has variance 1."""
    units: tuple[float, float] = (0.0, 1.0)
    """Standardised y = (y - units[0]) / units[1]."""


def draw_prior(rng: np.random.Generator, n: int) -> Case:
    """Draw from a Gaussian process of the prior, exactly, at points drawn evenly."""
    d = int(rng.integers(1, 9))
    process, sd = draw_process(rng, d), _draw_noise(rng)
    x = rng.random((n + N_ASKED, d))
    covariance = process.covariance(_distances(x, x)) + 1e-10 * np.eye(len(x))
    y = np.linalg.cholesky(covariance) @ rng.standard_normal(len(x)) + sd * rng.standard_normal(len(x))
    centre, scale = standardise(y[:n])
    y = (y - centre) / scale
    data = TrainingData(x[:n], y[:n], np.full(n, np.nan), np.arange(d))
    noise = "none" if sd <= FLOOR else "below 0.1" if sd < 0.1 else "0.1 and more"
    return Case(data, x[n:], y[n:], noise, (process, sd), (centre, scale))


def _draw_noise(rng: np.random.Generator) -> float:
    return FLOOR if rng.random() < 0.3 else float(np.exp(rng.uniform(np.log(1e-2), np.log(0.8))))


def draw_family(rng: np.random.Generator, n: int, i: int) -> Case:
    """Draw a response of a family that is not in the prior; families and noises take turns."""
    s = families.draw_family(rng, n, i, N_ASKED)
    return Case(s.data, s.x, s.y, s.family)


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared distances along each factor, shape (d, n, m)."""
    return np.stack([(a[:, None, k] - b[None, :, k]) ** 2 for k in range(a.shape[1])])


def _exact(case: Case, process: Process, sd: float) -> tuple[float, FloatArray, FloatArray]:
    """Return log evidence, and log density and place of what is asked, under a covariance that is given."""
    centre, scale = case.units
    y, asked, x = case.data.y * scale + centre, case.y * scale + centre, case.data.x
    factor = np.linalg.cholesky(process.covariance(_distances(x, x)) + (sd**2 + 1e-9) * np.eye(len(x)))
    half = np.linalg.solve(factor, y)
    across = np.linalg.solve(factor, process.covariance(_distances(x, case.x)))
    variance = np.maximum(1.0 - (across**2).sum(axis=0), 1e-10) + sd**2
    z = (asked - half @ across) / np.sqrt(variance)
    logs = -0.5 * (z**2 + np.log(2.0 * np.pi * variance)) + np.log(scale)
    evidence = -0.5 * float(half @ half) - float(np.log(np.diag(factor)).sum())
    return evidence, logs, ndtr(z)


def _unit_unknown(case: Case, process: Process, sd: float) -> tuple[float, FloatArray, FloatArray]:
    """Return what `_exact` does for somebody who is not told the unit and the zero of the outcomes, as no surrogate is.

    Mean and scale are integrated out under the right Haar measure (flat, 1/scale), which is what Bayes' rule comes to
    when only standardised outcomes are seen; predictions are Student's t (Rasmussen & Williams 2006, section 2.7, and
    O'Hagan 1978, J. R. Stat. Soc. B 40, 1, with an unknown variance).
    """
    y, x, n = case.data.y, case.data.x, case.data.y.size
    factor = np.linalg.cholesky(process.covariance(_distances(x, x)) + (sd**2 + 1e-9) * np.eye(n))
    half, ones = np.linalg.solve(factor, y), np.linalg.solve(factor, np.ones(n))
    across = np.linalg.solve(factor, process.covariance(_distances(x, case.x)))
    precision = float(ones @ ones)
    mean = float(ones @ half) / precision
    left = half - mean * ones
    squares = float(left @ left)
    own = np.maximum(1.0 - (across**2).sum(axis=0), 1e-10) + sd**2 + (1.0 - ones @ across) ** 2 / precision
    spread = np.sqrt(squares / (n - 1) * own)
    z = (case.y - mean - left @ across) / spread
    evidence = -float(np.log(np.diag(factor)).sum()) - 0.5 * np.log(precision) - 0.5 * (n - 1) * np.log(squares)
    return evidence, t.logpdf(z, n - 1) - np.log(spread), t.cdf(z, n - 1)


def bayes(
    case: Case, seed: int, foretell: Callable[[Case, Process, float], tuple[float, FloatArray, FloatArray]] = _exact
) -> tuple[FloatArray, FloatArray, float]:
    """Foretell by importance-sampled Bayes under the prior; returns densities, places, and the effective number."""
    rng = np.random.default_rng((PRIOR_SEED, 999, seed))
    d = case.data.x.shape[1]
    found = [foretell(case, draw_process(rng, d), _draw_noise(rng)) for _ in range(N_BAYES)]
    weights = np.array([evidence for evidence, _, _ in found])
    weights = weights - logsumexp(weights)
    logs = logsumexp(np.stack([each for _, each, _ in found]) + weights[:, None], axis=0)
    places = np.exp(weights) @ np.stack([each for _, _, each in found])
    return np.asarray(logs), np.asarray(places), float(1.0 / np.exp(2.0 * weights).sum())


@functools.cache
def _surrogates(model: str) -> dict[str, Callable[[], Surrogate]]:
    made = {
        "genesis": find_entrant(model).surrogate,
        "gp": make_plugin("surrogates", "gp", PluginContext()),
        "map-gp": map_gp(),
    }
    return {name: (lambda surrogate=surrogate: surrogate) for name, surrogate in made.items()}


def run(plan: Plan) -> dict[str, Any]:
    """Let every method foretell one data set; what goes wrong is written down and counts against nobody else."""
    rng = np.random.default_rng((PRIOR_SEED if plan.suite == "prior" else FAMILIES_SEED, plan.n, plan.i))
    case = draw_prior(rng, plan.n) if plan.suite == "prior" else draw_family(rng, plan.n, plan.i)
    entry = plan.entry() | {"n": plan.n, "factors": int(case.data.groups.max()) + 1, "noise": case.noise}
    for name, make in _surrogates(plan.model).items():
        started = time.process_time()
        try:
            posterior = make().posterior(case.data, np.random.default_rng(0))
            logs, places = foretold(posterior, case.x, case.y, np.full(case.y.size, np.nan))
        except Exception as error:  # noqa: BLE001
            entry["failure"] = f"{name}: {error!r}"
            continue
        entry[name] = _said(logs, places) | {"cpu": round(time.process_time() - started, 4)}
    if case.truth is not None:
        entry["oracle"] = _said(*_exact(case, *case.truth)[1:])
        if plan.n <= 20:
            for name, foretell in (("bayes", _exact), ("bayes-unit-unknown", _unit_unknown)):
                logs, places, effective = bayes(case, plan.i, foretell)
                entry[name] = _said(logs, places) | {"effective": round(effective, 1)}
    trivial = -0.5 * (case.y**2 + np.log(2.0 * np.pi))
    return entry | {"trivial": _said(trivial, ndtr(case.y))}


def _said(logs: FloatArray, places: FloatArray) -> dict[str, float]:
    inside = float(((places > 0.05) & (places < 0.95)).mean())
    return {"nll": round(-float(logs.mean()), 5), "inside": round(inside, 4)}


def suggestion_times(model: str, repeats: int = 40) -> FloatArray:
    """Return CPU seconds (repeats,), of one thread, of one suggestion after 100 observations, done as planners do it.

    The posterior; 2,000 candidates looked at roughly, and the most promising hundred exactly.
    """
    rng = np.random.default_rng((FAMILIES_SEED, 1))
    surrogate = _surrogates(model)["genesis"]()
    taken = []
    for _ in range(repeats):
        case = draw_prior(rng, 100)
        candidates = rng.random((2000, case.data.x.shape[1]))
        started = time.process_time()
        posterior = surrogate.posterior(case.data, rng)
        mean, variance = getattr(posterior, "rough", posterior).mean_and_variance(candidates)
        posterior.mean_and_variance(candidates[np.argsort(mean + np.sqrt(variance))[-100:]])
        taken.append(time.process_time() - started)
    return np.array(taken)
