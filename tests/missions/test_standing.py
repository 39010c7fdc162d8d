"""How far a mission is: from findings alone."""

import math
from datetime import UTC, datetime

import pytest
from charters import CHARTER, KPI, charter, examined

from kgenesis.missions import decide
from kgenesis.missions.gain import Factor
from kgenesis.missions.standing import Evidence, Finding, quantities, standing
from kgenesis.missions.state import evolve, fold

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SECOND = {"outcome": "width", "goal": "maximize", "unit": "mm", "target": 10}


def at(hour):
    return datetime(2026, 5, 1, hour, tzinfo=UTC).isoformat()


def found(*values, campaign="cmp_a", start=0, **more):
    """Return one finding for each value of the first KPI; None is a failure, a mapping is more than one KPI."""
    rows = []
    for i, value in enumerate(values, start=start):
        known = {} if value is None else value if isinstance(value, dict) else {"value": float(value)}
        rows.append(Finding(campaign, f"exp_{campaign}_{i}", at(i), known, is_failure=value is None, **more))
    return rows


def stand(made, *findings, since=None, **more):
    return standing(made, Evidence(findings, n_proposed=len(findings), **more), since or {}, NOW)


def test_a_kpi_is_reached_by_the_first_experiment_at_the_target_and_best_by_the_best():
    (kpi,) = stand(charter(), *found(7, 0.9, None, 0.5)).kpis
    assert kpi.value == 0.5
    assert kpi.reached_by.values["value"] == 0.9
    assert not kpi.is_prior


def test_a_kpi_measured_before_its_target_was_set_says_so():
    (kpi,) = stand(charter(), *found(7, 0.9), since={"value": at(5)}).kpis
    assert kpi.is_prior


def test_halves_of_a_promise_do_not_add_up():
    made = charter(kpis=[KPI, SECOND])
    halves = found({"value": 0.5, "width": 1.0}, {"value": 9.0, "width": 20.0})
    assert not stand(made, *halves).is_met
    whole = found({"value": 0.9, "width": 11.0}, start=2)
    together = stand(made, *halves, *whole)
    assert together.is_met
    assert {kpi.reached_by.experiment for kpi in together.kpis} == {"exp_cmp_a_2"}
    assert together.kpis[0].value == 0.5


def test_kpis_of_different_mission_files_are_reached_by_different_campaigns():
    made = charter(kpis=[KPI, SECOND])
    apart = [*found({"value": 0.5}), *found({"width": 11.0}, campaign="cmp_b", start=1)]
    assert stand(made, *apart).is_met


def test_a_milestone_is_passed_in_time_late_or_not():
    made = charter(milestones=[CHARTER["milestones"][0] | {"due": {"experiments": 2}}])
    assert [stand(made, *found(*values)).milestones[0].state for values in ((), (9,), (9, 9), (9, 4), (9, 9, 4))] == [
        "open", "open", "overdue", "passed", "late",
    ]  # fmt: skip


@pytest.mark.parametrize(("day", "state"), [("2026-04-30", "late"), ("2026-05-01", "passed")])
def test_a_day_counts_to_its_end(day, state):
    made = charter(milestones=[CHARTER["milestones"][0] | {"due": {"date": day}}])
    (milestone,) = stand(made, *found(4)).milestones
    assert milestone.state == state
    assert stand(made, *found(9)).milestones[0].state == "overdue"


def test_an_exam_is_held_after_every_result_not_only_at_the_end():
    made = examined("best_value <= 5 and n_failures < 1")
    (milestone,) = stand(made, *found(9, 4, None)).milestones
    assert milestone.by.experiment == "exp_cmp_a_1"
    assert milestone.values == {"best_value": 4, "n_failures": 0}


def test_what_exams_may_name_counts_over_all_campaigns():
    findings = [*found(9, None, won=1000.0), *found(4, campaign="cmp_b", start=2, won=500.0)]
    columns = quantities(charter(), Evidence(findings))
    assert columns["n_experiments"].tolist() == [1, 2, 3]
    assert columns["n_failures"].tolist() == [0, 1, 1]
    assert columns["n_campaigns"].tolist() == [1, 1, 2]
    assert columns["cost"].tolist() == [1000, 2000, 2500]
    assert columns["hours"].tolist() == [0, 1, 2]
    assert columns["best_value"].tolist() == [9, 9, 4]


def test_acceleration_is_known_from_when_it_was_settled():
    factors = [(at(1), Factor(4.0, 3.0, 6.0, "r")), (at(2), Factor(1.0, 0.5, 2.0, "r"))]
    columns = quantities(charter(), Evidence(found(9, 4, 3), factors))
    assert math.isnan(columns["acceleration"][0])
    assert columns["acceleration"].tolist()[1:] == pytest.approx([4.0, 2.0])
    assert columns["acceleration_low"][1] == 3.0


def test_what_is_not_known_is_said_to_be_unknown():
    all_known = stand(charter(), *found(9, won=5.0, gpu_hours=2.0))
    assert (all_known.won, all_known.gpu_hours, all_known.n_without_gpu_hours) == (5.0, 2.0, 0)
    partly = stand(charter(), *found(9, won=5.0, gpu_hours=2.0), *found(9, start=1))
    assert (partly.won, partly.gpu_hours, partly.n_without_gpu_hours) == (None, 2.0, 1)
    assert stand(charter(), *found(9)).gpu_hours is None


def test_only_what_the_logs_prove_is_written_down_and_only_once():
    state = fold("mis_x", [(decide.drafted(charter(), "/f", "Kim"), at(0))])
    assert decide.proved(state, stand(charter(), *found(0.5))) == []
    evolve(state, decide.opened(state, "Kim"), at(1))
    assert decide.proved(state, stand(charter(), *found(9))) == []
    passed, met = decide.proved(state, stand(charter(), *found(4, 0.5)))
    assert (passed.milestone, passed.values) == ("half", {"best_value": 4.0})
    assert (met.reached[0].value, met.reached[0].experiment) == (0.5, "exp_cmp_a_1")
    for event in (passed, met):
        evolve(state, event, at(2))
    assert state.status == "met"
    assert decide.proved(state, stand(charter(), *found(4, 0.5))) == []
