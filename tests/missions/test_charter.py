"""A charter says something that can be kept or broken, or it is refused."""

import re

import numpy as np
import pytest
import yaml
from charters import CHARTER, KPI, charter, examined, promised
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kgenesis.missions.exams import QUANTITIES
from kgenesis.missions.spec import Charter

POSSIBLE = KPI["possible"]


@given(
    target=st.floats(0.5, 1e6), experiments=st.integers(1, 10**6), won=st.none() | st.floats(1, 1e12),
    statement=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])), files=st.sets(st.sampled_from("abc")),
)  # fmt: skip
def test_a_charter_survives_yaml_and_back(target, experiments, won, statement, files):
    made = charter(
        kpis=[KPI | {"target": target}], budget={"experiments": experiments, "won": won}, milestones=[],
        statement=statement, mission_files=sorted(files),
    )  # fmt: skip
    text = yaml.safe_dump(made.model_dump(mode="json", exclude_defaults=True), allow_unicode=True)
    assert Charter.model_validate(yaml.safe_load(text)) == made


def test_a_draft_needs_a_name_and_a_number_and_nothing_else():
    draft = Charter.model_validate({"name": "d", "title": "D", "kpis": [KPI]})
    assert draft.budget is None
    assert draft.mission_files == ()
    with pytest.raises(ValidationError, match="at least 1"):
        charter(kpis=[])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": 0.3}, "outside the possible, 0.397887 to …"),
        ({"goal": "maximize", "target": 1.2, "possible": {"high": 1, "why": "a share"}}, "… to 1: a share"),
        ({"target": 5, "possible": {"low": 1, "high": 4, "why": "geometry"}}, "1 to 4"),
        ({"goal": "hit", "value": 5, "target": 0.1, "possible": {"high": 4, "why": "geometry"}}, "5 MPa lies outside"),
        ({"goal": "hit"}, "`value` is needed"),
        ({"possible": {"why": "nothing"}}, "`low`, `high` or both"),
        ({"possible": {"low": 3, "high": 2, "why": "turned"}}, "not below"),
        ({"possible": {"low": 0, "why": " "}}, "must say what sets"),
        ({"target": None}, "valid number"),
        ({"target": True}, "true is not a number"),
        ({"target": float("nan")}, "finite"),
    ],
)
def test_a_target_that_physics_forbids_or_that_says_nothing_is_refused(changes, words):
    with pytest.raises(ValidationError, match=re.escape(words)):
        promised(**changes)


def test_a_target_at_the_very_limit_is_possible():
    assert promised(target=0.397887).kpis[0].target == 0.397887
    assert promised(goal="hit", value=5, target=9, possible={"low": 5, "why": "x"}).kpis[0].objective.value == 5


@pytest.mark.parametrize(
    "exam",
    [
        "best_value <= 5", "5 >= best_value > 4", "best_value <= 5 and n_failures < 3", "n_experiments >= 30",
        "acceleration_low >= 2", "n_campaigns == 2", "2 <= n_experiments <= 3", "not best_value > 2",
        "best_value * 2 <= 3", "abs(best_value - 3) < 0.01", "cost <= 100 and best_value < 1", "`best_value` < 0.3979",
    ],
)  # fmt: skip
def test_an_exam_over_logged_quantities_is_taken(exam):
    assert examined(exam).milestones[0].exam == exam


@pytest.mark.parametrize(
    ("exam", "words"),
    [
        ("best_valve <= 5", "did you mean best_value"),
        ("best_yield <= 5", "'best_yield' is not logged"),
        ("temperature > 3", "'temperature' is not logged"),
        ("best_value", "not a condition"),
        ("1 < 2", "names no factor"),
        ("best_value <=", "does not parse"),
        ("__import__('os').system('true')", "not allowed"),
        ("best_value <= 0.39", "can never hold"),
        ("n_experiments >= 31", "can never hold"),
        ("n_experiments > 30", "can never hold"),
        ("n_experiments == 2.5", "can never hold"),
        ("n_campaigns < 0", "can never hold"),
        ("best_value < 5 and best_value > 6", "can never hold"),
        ("n_failures < 3", "holds before anything was done"),
        ("cost <= 1000", "holds before anything was done"),
    ],
)
def test_an_exam_that_decides_nothing_is_refused(exam, words):
    with pytest.raises(ValidationError, match=re.escape(words)):
        examined(exam)


@given(low=st.floats(-100, 100), width=st.floats(0.01, 50), limit=st.floats(-200, 200), sign=st.sampled_from("<>"))
def test_an_exam_is_refused_as_impossible_just_when_no_value_in_the_range_passes(low, width, limit, sign):
    high = low + width
    inside = np.linspace(low, high, 7)
    may_pass = bool((inside < limit - 1e-6).any() if sign == "<" else (inside > limit + 1e-6).any())
    kpi = KPI | {"target": low + width / 2, "possible": {"low": low, "high": high, "why": "x"}}
    if may_pass:
        assert examined(f"best_value {sign} {limit!r}", kpis=[kpi])
    elif not low - 1e-4 <= limit <= high + 1e-4:
        with pytest.raises(ValidationError, match="can never hold"):
            examined(f"best_value {sign} {limit!r}", kpis=[kpi])


def test_every_quantity_an_exam_may_name_can_be_examined():
    for name in QUANTITIES:
        assert examined(f"{name} >= 2").milestones[0].exam.startswith(name)


def test_an_exam_holds_for_what_is_known_and_for_nothing_else():
    made = examined("best_value <= 5 and n_experiments >= 2")
    exam = made.exam_of(made.milestones[0])
    columns = {"best_value": np.array([np.nan, 7, 4, 4]), "n_experiments": np.array([1.0, 2, 1, 2])}
    assert exam.passed(columns).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plan": 1}, "not permitted"),
        ({"name": "No Slug"}, "match pattern"),
        ({"kpis": [KPI, KPI]}, "kpis: 'value' is there twice"),
        ({"technologies": ["lithium-ion-cell"] * 2}, "technologies: 'lithium-ion-cell' is there twice"),
        ({"partners": [{"name": "Kim"}]}, "'Kim' is there twice"),
        ({"partners": [{"name": ""}]}, "at least 1"),
        ({"budget": {"experiments": 0}}, "greater than or equal to 1"),
        ({"budget": {"experiments": 5}}, "due after 10 experiments, but the budget has 5"),
        ({"milestones": [CHARTER["milestones"][0] | {"due": {}}]}, "`experiments`, `date` or both"),
        ({"milestones": [CHARTER["milestones"][0] | {"due": {"date": "soon"}}]}, "valid date"),
    ],
)
def test_a_charter_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(ValidationError, match=re.escape(words)):
        charter(**changes)
