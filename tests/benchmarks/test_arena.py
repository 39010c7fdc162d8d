"""The arena: suites that are the same every time, judged in the same way for everybody."""

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from arena import command, suites  # noqa: E402

from kgenesis.surrogate.families import FAMILIES, NOISES  # noqa: E402


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


def test_who_knows_the_covariance_foretells_best_and_bayes_comes_near():
    found = [suites.run(suites.Plan("prior", 10, i, "genesis-1")) for i in range(3)]
    means = {m: np.mean([e[m]["nll"] for e in found]) for m in ("oracle", "bayes", "trivial")}
    assert means["oracle"] < means["bayes"] + 0.3 < means["trivial"] + 0.3
    assert suites.run(suites.Plan("prior", 10, 2, "genesis-1"))["genesis"]["nll"] == found[2]["genesis"]["nll"]
    assert "n" in command.text([*found, suites.run(suites.Plan("families", 8, 4, "genesis-1"))], [], [])
