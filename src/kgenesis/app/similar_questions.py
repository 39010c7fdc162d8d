"""Look for questions that were asked before, with whichever embedder is there; what it made of a text is kept."""

import hashlib
import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import platformdirs

from kgenesis.app.platform import Platform
from kgenesis.app.questions import read_pool, read_question
from kgenesis.kernel.errors import MissingPart, Mistake, NotFound, Refused
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Embedder, FloatArray, PluginContext
from kgenesis.kernel.text import say
from kgenesis.questions.events import Similar
from kgenesis.questions.likeness import similar
from kgenesis.questions.rubrics import measures
from kgenesis.questions.spec import Question

BY_MEANING, BY_LETTERS = "e5", "lexical"


def find_similar(
    platform: Platform, question: Question, embedder: str | None = None, cache: Path | None = None
) -> tuple[list[Similar], str]:
    """Return the questions that ask the same, and what found them; a question's own parent is not among them.

    Args:
        platform: the store with the questions.
        question: what is asked.
        embedder: a plug-in of `kgenesis.embedders`; by meaning where that is installed, else by letters.
        cache: where embedded texts are kept; the user's cache folder if not given.

    Raises:
        NotFound: it was never measured from where on that embedder's texts are alike.
        UnknownPlugin, MissingPart: it cannot be made.
    """
    bars = measures().likeness
    if embedder is not None and embedder not in bars:
        raise NotFound(
            say(f"nobody measured from where on questions are alike by the embedder {embedder!r}",
                f"임베더 {embedder!r}(으)로는 어디부터 비슷한 질문인지 잰 적이 없습니다"),
            hint=say(f"There are: {', '.join(bars)}.", f"있는 것: {', '.join(bars)}."),
        )  # fmt: skip
    others = {id_: state.question for id_, state in read_pool(platform).items() if id_ != question.parent}
    if not others:
        return [], ""
    made = _embedder(embedder)
    folder = cache or platformdirs.user_cache_path("kgenesis") / "questions"

    def embed(texts: Sequence[str]) -> FloatArray:
        return made.embed(texts, is_query=False) if made.name == BY_LETTERS else _kept(texts, made, folder)

    return similar(question, others, embed, bars[made.name]), made.name


def too_similar(platform: Platform, found: Sequence[Similar]) -> Refused:
    """Return the refusal that names the questions that ask the same."""
    problems = []
    for one in found:
        said = read_question(platform, one.id).question.statement
        text = say(f"{said.en} (likeness {one.likeness:.2f})", f"{said.ko} (비슷한 정도 {one.likeness:.2f})")
        problems.append(Mistake(text, one.id))
    return Refused(
        say("it was asked before, or nearly", "이미 나온 질문이거나 거의 같습니다"),
        problems,
        say(
            "Look at them with `kgenesis question show ID`; review or sharpen them, or ask nevertheless: `--anyway`.",
            "`kgenesis question show ID`로 살펴보고 평가하거나 다듬으세요. 그래도 제안하려면 `--anyway`.",
        ),
    )


def _embedder(name: str | None) -> Embedder:
    if name is None:
        try:
            by_meaning: Embedder = make_plugin("embedders", BY_MEANING, PluginContext())
        except MissingPart:
            name = BY_LETTERS
        else:
            return by_meaning
    made: Embedder = make_plugin("embedders", name, PluginContext())
    return made


def _kept(texts: Sequence[str], embedder: Embedder, folder: Path) -> FloatArray:
    """Return the rows of some texts; each is embedded once and kept."""
    number = f"{version('kgenesis')} {getattr(embedder, 'version', '')}"
    paths = []
    for text in texts:
        digest = hashlib.sha256(json.dumps([number, text]).encode()).hexdigest()[:32]
        paths.append(folder / f"{embedder.name}-{digest}.npy")
    rows = [_load(path) for path in paths]
    new = [i for i, row in enumerate(rows) if row is None]
    if new:
        for i, row in zip(new, embedder.embed([texts[i] for i in new], is_query=False), strict=True):
            rows[i] = row
            _keep(paths[i], row)
    return np.stack([row for row in rows if row is not None])


def _load(path: Path) -> FloatArray | None:
    try:
        row: FloatArray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there yet, or damaged: it is made again
    return row if row.ndim == 1 and row.dtype == np.float64 else None


def _keep(path: Path, row: FloatArray) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.stem}.{os.getpid()}.npy")
        np.save(fresh, np.asarray(row, dtype=np.float64), allow_pickle=False)
        fresh.replace(path)
    except OSError:
        pass  # a cache that cannot be written to costs time only
