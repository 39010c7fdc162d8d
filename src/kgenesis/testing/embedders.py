"""The conformance suite of embedders: subclass `EmbedderCases`, say how yours is made, and pytest does the rest.

    class TestMyEmbedder(EmbedderCases):
        @pytest.fixture
        def factory(self):
            return make_embedder  # what the entry point names

A further fixture you may override: `settings`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kgenesis.kernel.ports import Embedder, FloatArray, PluginContext

Factory = Callable[[PluginContext], Embedder]

TEXTS = ("battery recycling", "이차전지 재활용", "quantum computer", "양자컴퓨터", "rocket engine", "로켓 엔진")
"""Three things, each in English and in Korean."""

ODD = ("a" * 20_000, "가" * 5_000, "x\0y", "\ud800 lone", "🙂 quantum", "ﬁ½Ⅳ", "\u1100\u1161", "\n\t battery \u202e")
"""Texts that people hand in by mistake."""

PROFILE = examples(
    deadline=None,
    max_examples=15,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # an embedder remembers nothing
        HealthCheck.differing_executors,  # several classes inherit one suite
    ],
)


class EmbedderCases:
    """What every embedder promises."""

    @pytest.fixture
    def factory(self) -> Factory:
        """Override: the factory of the embedder under test."""
        raise NotImplementedError

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Override: the settings it is made with."""
        return {}

    @pytest.fixture
    def embedder(self, factory: Factory, settings: Mapping[str, Any]) -> Embedder:
        """The embedder under test."""
        return factory(PluginContext(settings=settings))

    @pytest.fixture
    def rows(self, embedder: Embedder) -> FloatArray:
        """`TEXTS` as what is looked through."""
        return embedder.embed(TEXTS, is_query=False)

    def test_rows_are_finite_and_of_length_one(self, rows: FloatArray) -> None:
        assert rows.dtype == np.float64
        assert rows.shape[0] == len(TEXTS)
        assert rows.ndim == 2
        assert np.isfinite(rows).all()
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0)

    def test_questions_and_texts_have_the_same_dimension(self, embedder: Embedder, rows: FloatArray) -> None:
        assert embedder.embed(["a question"], is_query=True).shape == (1, rows.shape[1])

    def test_no_texts_give_no_rows(self, embedder: Embedder, rows: FloatArray) -> None:
        for is_query in (False, True):
            assert embedder.embed([], is_query=is_query).shape == (0, rows.shape[1])

    def test_a_text_that_says_nothing_is_a_row_of_zeros(self, embedder: Embedder) -> None:
        assert not embedder.embed(["", "  ", "?!… —"], is_query=True).any()

    def test_a_row_depends_on_its_text_only(self, embedder: Embedder, rows: FloatArray) -> None:
        again = np.vstack([embedder.embed([text], is_query=False) for text in reversed(TEXTS)])[::-1]
        assert again == pytest.approx(rows, abs=1e-6)

    def test_another_made_alike_gives_the_same_rows(
        self, factory: Factory, settings: Mapping[str, Any], rows: FloatArray
    ) -> None:
        other = factory(PluginContext(settings=settings))
        assert other.embed(TEXTS, is_query=False) == pytest.approx(rows, abs=1e-6)

    def test_every_text_is_nearest_to_itself(self, embedder: Embedder, rows: FloatArray) -> None:
        nearest = (embedder.embed(TEXTS, is_query=True) @ rows.T).argmax(axis=1)
        assert nearest.tolist() == list(range(len(TEXTS)))

    def test_a_question_finds_the_same_thing_in_the_other_language(self, embedder: Embedder) -> None:
        for asked, there in ((TEXTS[::2], TEXTS[1::2]), (TEXTS[1::2], TEXTS[::2])):
            alike = embedder.embed(asked, is_query=True) @ embedder.embed(there, is_query=False).T
            assert alike.argmax(axis=1).tolist() == list(range(len(asked))), asked

    def test_odd_texts_are_taken(self, embedder: Embedder) -> None:
        rows = embedder.embed(ODD, is_query=False)
        assert np.isfinite(rows).all()
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0)

    @given(st.text(max_size=40))
    @PROFILE
    def test_whatever_the_text_its_row_has_length_one_or_none(self, embedder: Embedder, text: str) -> None:
        length = np.linalg.norm(embedder.embed([text], is_query=True))
        assert length == pytest.approx(1.0) or length == 0.0

    def test_a_setting_that_does_not_exist_is_refused(self, factory: Factory, settings: Mapping[str, Any]) -> None:
        from kgenesis.kernel.errors import InvalidSpec

        with pytest.raises(InvalidSpec):
            factory(PluginContext(settings={**settings, "no-such-setting": 1}))
