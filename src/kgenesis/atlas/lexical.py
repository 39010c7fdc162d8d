"""The embedder of the core: counts parts of words, Korean by syllables and letters, and knows the atlas' pairs of words.

A text becomes weighted features, hashed into a vector of fixed length:

- Latin and digits: whole words (plural endings off) and sequences of three and four letters of each word;
- Hangul: pairs and triples of syllables across spaces, so that spacing does not matter, and sequences of three
  and four letters (jamo), so that a slip in one letter costs little;
- pairs of words of the atlas (`qubit`, `큐비트`): whichever language of a pair a text has, it gets the pair's feature.
  This is what bridges the languages, as far as the atlas has the words, and no farther.

Features are weighted by how rare they are among the texts of the atlas (inverse document frequency) and damped where
they repeat (1 + log count): Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np

from kgenesis.atlas.atlas import DEFAULT, Atlas, load_atlas
from kgenesis.atlas.search import passages
from kgenesis.kernel.experiment import Frozen
from kgenesis.kernel.plugins import read_settings
from kgenesis.kernel.ports import FloatArray, PluginContext
from kgenesis.kernel.text import say

N_HASHED = 8192
"""Length of the hashed part: chance makes two unrelated texts alike by about 1/sqrt(8192) = 0.01."""

_WORD = re.compile(r"[a-z0-9]+|[가-힣]+|[^\W_a-z0-9가-힣]+")
_PART, _SYLLABLES, _WHOLE = 0.35, 1.0, 1.0
"""Weight of a sequence of letters, of a sequence of syllables, of a whole word."""
_PAIR = 2.5
"""Weight of a pair of words of the atlas."""
_COVERED = 0.6
"""A term counts as present if a text has at least this share of its features, by weight."""

_COMMON = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "by", "do", "does", "for", "from", "how", "in", "into", "is", "it",
        "its", "of", "on", "or", "over", "that", "the", "their", "them", "they", "this", "to", "up", "was", "what",
        "when", "where", "which", "who", "why", "will", "with", "without",
    )
)  # fmt: skip
"""English words that say nothing of the subject."""


class LexicalSettings(Frozen):
    """What may be set."""

    scheme: str = DEFAULT
    """The scheme whose words weigh and bridge."""


class Lexical:
    """Embeds by the parts of words."""

    name = "lexical"

    def __init__(self, atlas: Atlas) -> None:
        documents = [text for technology in atlas.technologies for text in passages(technology)]
        counted = [_features(document) for document in documents]
        n_with = Counter(feature for features in counted for feature in features)
        self._idf = {feature: math.log((1 + len(documents)) / (1 + n)) + 1 for feature, n in n_with.items()}
        self._rare = math.log(1 + len(documents)) + 1
        names = [t.name for t in atlas.technologies] + [f.name for f in atlas.fields]
        pairs = [*names, *(term for t in atlas.technologies for term in t.terms)]
        self._n_pairs = len(pairs)
        self._holders: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for i, said in enumerate(side for pair in pairs for side in (pair.en, pair.ko)):
            weights = {feature: self._weight(feature, weight) for feature, weight in _features(said).items()}
            for feature, weight in weights.items():
                self._holders[feature].append((i, weight / sum(weights.values())))

    def embed(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:  # noqa: ARG002  (both sides are alike)
        """Return rows (n, d) of length 1, or 0 for a text without a letter or digit."""
        rows = np.zeros((len(texts), N_HASHED + self._n_pairs))
        for row, text in zip(rows, texts, strict=True):
            sides = np.zeros(2 * self._n_pairs)
            for feature, weight in _features(text).items():
                hashed = crc32(feature.encode())
                row[hashed % N_HASHED] += self._weight(feature, weight) * (1 if hashed >> 31 else -1)
                for side, share in self._holders.get(feature, ()):
                    sides[side] += share
            covered = sides.reshape(-1, 2).max(axis=1)
            row[N_HASHED:] = np.where(covered >= _COVERED, _PAIR * self._rare * covered, 0.0)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths > 0, lengths, 1.0)

    def _weight(self, feature: str, weight: float) -> float:
        return weight * self._idf.get(feature, self._rare)


def _features(text: str) -> dict[str, float]:
    """Return each feature of a text and how much it counts: its kind's weight, damped where it repeats."""
    counted: Counter[tuple[str, float]] = Counter()
    hangul = ""
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if "가" <= word[0] <= "힣":
            hangul += word
        elif word not in _COMMON:
            counted.update(_of_word(word))
    counted.update(_of_hangul(hangul))
    return {feature: weight * (1 + math.log(n)) for (feature, weight), n in counted.items()}


def _of_word(word: str) -> Iterable[tuple[str, float]]:
    word = _singular(word)
    yield f"w:{word}", _WHOLE
    marked = f"^{word}$"
    for n in (3, 4):
        for part in _runs(marked, n):
            yield f"l:{part}", _PART


def _of_hangul(syllables: str) -> Iterable[tuple[str, float]]:
    for n in (2, 3):
        for part in _runs(syllables, n):
            yield f"s:{part}", _SYLLABLES
    if len(syllables) == 1:
        yield f"s:{syllables}", _SYLLABLES
    letters = unicodedata.normalize("NFD", syllables)
    for n in (3, 4):
        for part in _runs(letters, n):
            yield f"j:{part}", _PART


def _runs(text: str, n: int) -> Iterable[str]:
    return (text[i : i + n] for i in range(len(text) - n + 1))


def _singular(word: str) -> str:
    """Return an English word without the ending of its plural."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):  # noqa: PLR2004
        return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]
    return word


def make_lexical(context: PluginContext) -> Lexical:
    """Make the embedder (entry point of `kgenesis.embedders`).

    Raises:
        InvalidSpec: a setting is wrong.
        NotFound: the scheme is not known.
    """
    text = say("the settings of the embedder are not valid", "임베더 설정이 올바르지 않습니다")
    settings = read_settings(LexicalSettings, context, "embedder.settings", text)
    return Lexical(load_atlas(settings.scheme))
