"""Which questions ask the same, whatever the words and the language."""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kgenesis.kernel.ports import FloatArray
from kgenesis.questions.events import Similar
from kgenesis.questions.rubrics import Bar
from kgenesis.questions.spec import Question, normalised

Embed = Callable[[Sequence[str]], FloatArray]
"""Texts to rows (n, d) of length 1."""

_KOREAN = re.compile("[가-힣]")


def statements(question: Question) -> list[str]:
    """Return what a question asks, in each language it asks it in."""
    return list(dict.fromkeys(map(normalised, (question.statement.en, question.statement.ko))))


def similar(asked: Question, others: Mapping[str, Question], embed: Embed, bar: Bar) -> list[Similar]:
    """Return the questions among others that ask the same, the most alike first.

    Two are alike if any two of their statements are, by the bar for their languages: embedders put texts of the same
    language nearer to each other than a text to its translation.
    """
    owners = [(id_, text) for id_, question in others.items() for text in statements(question)]
    if not owners:
        return []
    mine = statements(asked)
    rows = embed([*mine, *(text for _, text in owners)])
    cosines = np.clip(rows[: len(mine)] @ rows[len(mine) :].T, -1.0, 1.0)
    found: dict[str, tuple[float, float]] = {}
    for i, text in enumerate(mine):
        for j, (id_, other) in enumerate(owners):
            least = bar.same if _is_korean(text) == _is_korean(other) else bar.across
            over = float(cosines[i, j]) - least
            if over >= 0 and (id_ not in found or over > found[id_][0]):
                found[id_] = over, float(cosines[i, j])
    best = sorted(found, key=lambda id_: -found[id_][0])
    return [Similar(id=id_, likeness=round(found[id_][1], 4)) for id_ in best]


def _is_korean(text: str) -> bool:
    return _KOREAN.search(text) is not None
