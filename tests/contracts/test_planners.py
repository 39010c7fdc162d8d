"""Every planner that comes with K-Genesis keeps the promises of `testing.planners`."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from kgenesis.kernel.plugins import load_plugin
from kgenesis.testing.planners import Factory, PlannerCases

NAMES = ["random", "sobol", "latin-hypercube", "factorial"]
if find_spec("kgenesis.campaign.planners.model"):
    NAMES.append("model")


class TestBuiltInPlanners(PlannerCases):
    """Each by the name a mission gives."""

    @pytest.fixture(params=NAMES)
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def factory(self, name: str) -> Factory:
        loaded: Factory = load_plugin("planners", name)
        return loaded

    @pytest.fixture
    def settings(self, name: str) -> Mapping[str, Any]:
        return {"levels": 4} if name == "factorial" else {}

    @pytest.fixture
    def may_run_dry(self, name: str) -> bool:
        return name == "factorial"
