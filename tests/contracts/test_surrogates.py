"""Every surrogate that comes with K-Genesis keeps the promises of `testing.surrogates`."""

from importlib.metadata import entry_points

import pytest

from kgenesis.kernel.plugins import load_plugin
from kgenesis.testing.surrogates import Factory, SurrogateCases

NAMES = sorted(p.name for p in entry_points(group="kgenesis.surrogates") if p.value.startswith("kgenesis."))


class TestBuiltInSurrogates(SurrogateCases):
    """Each by the name a mission gives."""

    @pytest.fixture(params=NAMES)
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def factory(self, name: str) -> Factory:
        loaded: Factory = load_plugin("surrogates", name)
        return loaded

    @pytest.fixture
    def asymmetry(self, name: str) -> float:
        # a forest draws factors by number
        return 0.01 if name == "gp" else 0.5
