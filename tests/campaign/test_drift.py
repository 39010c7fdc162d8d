"""What does not fit is flagged, and what fits is not."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from kgenesis.campaign.drift import Flag, flags
from kgenesis.campaign.learning import learn_outcomes
from kgenesis.campaign.report import build
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.experiment import Measurement, Outcome, Value
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import START, make_mission, run_in_memory

SD = 0.5


def truth(conditions: Mapping[str, Value]) -> float:
    a, b = float(conditions["a"] or 0.0), float(conditions["b"] or 0.0)
    return 10 * math.sin(4 * a) + 8 * (b - 0.4) ** 2 + {"x": 0, "y": 1, "z": 2}[str(conditions["kind"])]


def campaign(fault: str, seed: int, n: int = 48) -> CampaignState:
    """Return a campaign in which something nobody set changes what is measured."""
    rng, done = np.random.default_rng((3, seed)), 0
    mission = make_mission(
        objectives=[{"name": "y", "goal": "minimize", "unit": "min"}],
        budget={"experiments": n},
        stop_when_reached=False,
    )

    def lab(conditions: Mapping[str, Value]) -> Measurement:
        nonlocal done
        done += 1
        operator = int(rng.integers(3))
        y = truth(conditions) + SD * rng.standard_normal()
        y += {
            "none": 0.0,
            "drift": 6 * SD * done / n,
            "jump": 4 * SD * (done > n // 2),
            "batches": 3 * SD * (operator - 1),
            "slip": 25 * SD * (done == 20),
        }[fault]
        return Measurement(outcomes={"y": Outcome(mean=y)}, metadata={"operator": f"person {operator}"})

    return run_in_memory(mission, lab, seed=seed)


def flagged(fault: str, seed: int) -> list[Flag]:
    state = campaign(fault, seed)
    return flags(state, learn_outcomes(state, GaussianProcess()), GaussianProcess())


@pytest.mark.slow
def test_a_clean_campaign_is_rarely_flagged() -> None:
    assert sum(bool(flagged("none", seed)) for seed in range(40)) <= 4  # 5 % of 40 is 2; more than 4 has p = 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "kinds"),
    [("drift", {"drift", "shift"}), ("jump", {"drift", "shift"}), ("batches", {"batches"}), ("slip", {"outlier"})],
)
def test_a_fault_is_found_in_most_campaigns(fault: str, kinds: set[str]) -> None:
    found = [{flag.kind for flag in flagged(fault, seed)} for seed in range(10)]
    assert sum(bool(one & kinds) for one in found) >= 6, found


def test_a_slip_is_named_with_what_to_do_and_stands_in_the_report() -> None:
    state = campaign("slip", 1)
    assert not build(state, None, GaussianProcess(), START).flags  # a simulation does not slip
    state.lab_is_physical = True
    report = build(state, None, GaussianProcess(), START)
    (flag,) = [one for one in report.flags if one.kind == "outlier"]
    assert flag.experiments == (20,)
    assert flag.size == pytest.approx(25 * SD, rel=0.3)
    assert flag.text in report.notes
    assert "do it again" in flag.text.en
    assert "20번" in flag.text.ko
    assert report.experiments[19].outcomes["y"].mean == state.measured()[19].observation().result.mean("y")  # type: ignore[union-attr]


def test_an_exact_simulation_is_not_judged() -> None:
    state = run_in_memory(make_mission(stop_when_reached=False), lambda c: {"y": truth(c)}, seed=5)
    assert state.n_measured >= 12
    assert flags(state, learn_outcomes(state, GaussianProcess()), GaussianProcess()) == []


def test_a_handful_of_measurements_is_not_judged() -> None:
    state = campaign("slip", 1, n=9)
    assert flags(state, learn_outcomes(state, GaussianProcess()), GaussianProcess()) == []
