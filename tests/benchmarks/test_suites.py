"""The suites of the arena are what they say: published functions with published minima, noise that counts for nobody."""

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from planners import standard, tasks  # noqa: E402
from planners.campaign import Plan, bench_of, run  # noqa: E402

from kgenesis.kernel.experiment import Measurement  # noqa: E402

HARTMANN6 = (0.20168951, 0.15001069, 0.47687398, 0.27533243, 0.31165162, 0.65730053)
MICHALEWICZ = (2.202906, 1.570796, 1.284992, 1.923058, 1.720470)
OPTIMA: dict[str, tuple[float, ...]] = {
    "branin": (math.pi, 2.275), "six-hump-camel": (0.08984201, -0.71265640), "goldstein-price": (0.0, -1.0),
    "hartmann3": (0.11458889, 0.55564889, 0.85254697), "hartmann4": (0.18739527, 0.19415153, 0.55791777, 0.26477962),
    "hartmann6": HARTMANN6, "ackley4": (0.0,) * 4, "ackley10": (0.0,) * 10, "levy4": (1.0,) * 4, "levy10": (1.0,) * 10,
    "rosenbrock4": (1.0,) * 4, "rosenbrock10": (1.0,) * 10, "rastrigin4": (0.0,) * 4, "griewank6": (0.0,) * 6,
    "michalewicz5": MICHALEWICZ, "styblinski-tang5": (-2.90353403,) * 5, "zakharov6": (0.0,) * 6,
    "dixon-price8": tuple(2.0 ** (2.0 ** (1 - i) - 1.0) for i in range(1, 9)), "powell8": (0.0,) * 8, "sphere20": (0.0,) * 20,
    "branin-noisy": (-math.pi, 12.275), "hartmann6-noisy": HARTMANN6,
}  # fmt: skip
"""Where the papers put the minima."""
MIXED: dict[str, dict[str, Any]] = {
    "ackley5-mixed": {"x1": 0.0, "x2": 0.0, "x3": 0.0, "n": 4, "k": "l3"},
    "levy4-mixed": {"x1": 1.0, "x2": 1.0, "n": 1, "k": "c"},
}


def _mean(result: Any) -> float:
    assert isinstance(result, Measurement)
    return result.mean("y")


def test_the_suite_is_the_one_that_was_frozen() -> None:
    frozen = yaml.safe_load((ROOT / "benchmarks" / "arena" / "gates.yaml").read_text(encoding="utf-8"))["suites"]
    assert [t.name for t in standard.find()] == [f"standard/{name}" for name in frozen["standard"]["names"]]
    assert {*OPTIMA, *MIXED} == set(frozen["standard"]["names"])


@pytest.mark.parametrize("name", [*OPTIMA, *MIXED])
def test_a_function_has_its_published_minimum_where_the_paper_puts_it_and_nothing_drawn_is_below(name: str) -> None:
    bench = bench_of(None, f"standard/{name}", 30)
    row = MIXED.get(name) or {f"x{i}": value for i, value in enumerate(OPTIMA[name], start=1)}
    assert not bench.mission.space.check(row)
    spread = bench.best - bench.known.typical
    assert -_mean(bench.measure(row)) == pytest.approx(bench.best, abs=1e-6 * spread)
    assert bench.best >= bench.known.best > bench.known.typical
    if name in OPTIMA:  # whoever tries the middle first is not done
        middle = {v.name: 0.5 * (v.low + v.high) for v in bench.mission.space.variables}
        assert bench.regret(-_mean(bench.measure(middle))) > 0.01


def test_noise_is_the_same_for_every_method_and_what_was_found_is_judged_without_it() -> None:
    bench = bench_of(None, "standard/hartmann6-noisy", 30)
    spread = np.std([_mean(bench.measure(row)) for row in bench.mission.space.to_rows(tasks.draw(
        bench.mission.space, 2000, np.random.default_rng(1)
    ))])  # fmt: skip
    assert bench.noise == pytest.approx(0.2 * spread, rel=0.1)
    rows = bench.start(0)
    labs = [bench.lab(seed) for seed in (0, 0, 1)]
    seen = np.array([[_mean(lab(row)) for row in rows] for lab in labs])
    assert (seen[0] == seen[1]).all()
    assert (seen[0] != seen[2]).all()
    true = np.array([_mean(bench.measure(row)) for row in rows])
    assert 0.2 * bench.noise < np.std(seen[0] - true) < 3.0 * bench.noise
    found = run(Plan(None, bench.name, "random", 0, 10, 1))
    best = np.minimum.accumulate(true)
    assert found["regret"][: len(rows)] == pytest.approx([bench.regret(-y) for y in best], rel=1e-4)


def test_the_control_is_our_search_with_another_surrogate() -> None:
    found = [run(Plan(None, "standard/six-hump-camel", method, 0, 9, 1)) for method in ("model", "map-gp")]
    assert [e["failure"] for e in found] == [None, None]
    assert found[0]["regret"][:5] == found[1]["regret"][:5]
    assert found[0]["regret"] != found[1]["regret"]


@pytest.mark.skipif(importlib.util.find_spec("cocoex") is None, reason="coco-experiment is optional")
@pytest.mark.parametrize("name", ["f01-d10", "f08-d2", "f15-d5", "f24-d3"])
def test_a_function_of_coco_has_its_minimum_inside_the_box(name: str) -> None:
    bench = bench_of(None, f"bbob/{name}", 20)
    assert len(bench.mission.space.names) == int(name.partition("-d")[2])
    assert bench.best > bench.known.best > bench.known.typical


@pytest.mark.skipif(importlib.util.find_spec("ioh") is None, reason="ioh is optional")
@pytest.mark.parametrize("name", ["dev-f12-d2-i1", "test-f22-d8-i0", "test-f01-d16-i1"])
def test_a_problem_of_carps_has_its_minimum_inside_the_box(name: str) -> None:
    bench = bench_of(None, f"carps/{name}", 20)
    assert bench.best > bench.known.best > bench.known.typical


@pytest.mark.skipif(
    not all(importlib.util.find_spec(p) for p in ("cocoex", "ioh")), reason="coco-experiment and ioh are optional"
)
def test_two_packages_agree_on_a_function() -> None:
    import ioh

    bench = bench_of(None, "bbob/f08-d2", 20)
    other = ioh.get_problem(fid=8, instance=1, dimension=2)
    for row in bench.start(0):
        assert _mean(bench.measure(row)) == pytest.approx(other(list(row.values())), rel=1e-9)
    assert -bench.best == pytest.approx(other.optimum.y)
