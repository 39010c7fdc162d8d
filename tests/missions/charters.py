"""A charter to begin tests from."""

from typing import Any

from kgenesis.missions.spec import Charter

KPI = {
    "outcome": "value", "goal": "minimize", "unit": "MPa", "target": 1,
    "possible": {"low": 0.397887, "why": "the minimum of the Branin function"},
}  # fmt: skip
CHARTER: dict[str, Any] = {
    "name": "a-promise",
    "title": {"en": "A promise", "ko": "약속"},
    "statement": {"en": "Find the bottom.", "ko": "바닥을 찾는다."},
    "technologies": ["lithium-ion-cell"],
    "director": "Kim",
    "partners": [{"name": "Lee", "role": {"en": "the oven", "ko": "가마"}}],
    "kpis": [KPI],
    "milestones": [{"name": "half", "title": "Half", "due": {"experiments": 10}, "exam": "best_value <= 5"}],
    "budget": {"experiments": 30},
    "mission_files": ["mission.yaml"],
}


def charter(**changes: Any) -> Charter:
    """Return the charter with some keys changed."""
    return Charter.model_validate(CHARTER | changes)


def examined(exam: str, **changes: Any) -> Charter:
    """Return the charter with another exam."""
    return charter(milestones=[CHARTER["milestones"][0] | {"exam": exam}], **changes)


def promised(**changes: Any) -> Charter:
    """Return the charter with its KPI changed."""
    return charter(kpis=[KPI | changes])
