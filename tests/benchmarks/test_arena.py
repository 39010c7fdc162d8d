"""The arena: suites that are the same every time, judged in the same way for everybody."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from arena import command, suites  # noqa: E402

from kgenesis.surrogate.families import FAMILIES, NOISES  # noqa: E402
from kgenesis.surrogate.prior import draw_process  # noqa: E402


def test_the_suites_are_those_that_were_frozen():
    frozen = yaml.safe_load(command.GATES.read_text(encoding="utf-8"))["suites"]
    assert list(FAMILIES) == frozen["families"]["names"]
    assert frozen["prior"]["seed"] == [suites.PRIOR_SEED]
    assert frozen["families"]["seed"] == [suites.FAMILIES_SEED]
    assert list(suites.FAMILIES_AT) == frozen["families"]["at"]
    assert list(NOISES) == frozen["families"]["noise"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_a_function_of_conditions(name):
    d, respond = FAMILIES[name](np.random.default_rng(0))
    x = np.random.default_rng(1).random((50, d))
    y = respond(x)
    assert np.isfinite(y).all()
    assert y.std() > 0.0
    np.testing.assert_allclose(respond(x[7:9]), y[7:9])


def test_bayes_that_is_not_told_the_unit_does_not_change_with_it_and_says_what_an_integral_says():
    rng = np.random.default_rng(3)
    case, process = suites.draw_prior(rng, 6), draw_process(rng, 1)
    case = replace(case, data=replace(case.data, x=case.data.x[:, :1]), x=case.x[:2, :1], y=case.y[:2])
    _, logs, places = suites._unit_unknown(case, process, 0.1)
    other = replace(case, data=replace(case.data, y=5.0 * case.data.y - 2.0), y=5.0 * case.y - 2.0)
    _, its_logs, its_places = suites._unit_unknown(other, process, 0.1)
    np.testing.assert_allclose(its_logs + np.log(5.0), logs, rtol=1e-9)
    np.testing.assert_allclose(its_places, places, rtol=1e-9)
    # the predictive density is the ratio of two integrals over mean and scale, here by brute force
    x, y = np.vstack([case.data.x, case.x[:1]]), np.append(case.data.y, case.y[0])
    covariance = process.covariance((x[:, None, 0] - x[None, :, 0])[None] ** 2) + 0.01 * np.eye(7)
    grid = [(m, np.exp(u)) for m in np.linspace(-40.0, 40.0, 801) for u in np.linspace(-4.0, 5.0, 181)]

    def integral(k):
        inverse = np.linalg.inv(covariance[:k, :k])
        left = y[:k] - np.array([m for m, _ in grid])[:, None]
        scales = np.array([s for _, s in grid])
        quadratic = np.einsum("gi,ij,gj->g", left, inverse, left) / scales**2
        # flat in the mean and in log scale: a step of the grid is the same for both integrals
        density = np.exp(-0.5 * quadratic) * (2.0 * np.pi) ** (-k / 2) * scales ** -float(k)
        return density.sum() / np.sqrt(np.linalg.det(covariance[:k, :k]))

    assert logs[0] == pytest.approx(np.log(integral(7) / integral(6)), abs=2e-3)


def test_who_knows_the_covariance_foretells_best_and_bayes_comes_near():
    found = [suites.run(suites.Plan("prior", 10, i, "genesis-1")) for i in range(3)]
    means = {m: np.mean([e[m]["nll"] for e in found]) for m in ("oracle", "bayes", "trivial")}
    assert means["oracle"] < means["bayes"] + 0.3 < means["trivial"] + 0.3
    assert suites.run(suites.Plan("prior", 10, 2, "genesis-1"))["genesis"]["nll"] == found[2]["genesis"]["nll"]
    assert "n" in command.text([*found, suites.run(suites.Plan("families", 8, 4, "genesis-1"))], [], [])
