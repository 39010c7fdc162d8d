"""How well the atlas is searched: `python benchmarks/atlas` embeds the questions of `queries.yaml` and writes the page.

The questions were written before any of them was searched for, and nothing was changed afterwards to suit them.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from kgenesis.atlas import Index, load_atlas
from kgenesis.kernel.plugins import installed, make_plugin
from kgenesis.kernel.ports import PluginContext

HERE = Path(__file__).resolve().parent
LANGUAGES = {"English": False, "Korean": True}


def is_korean(text: str) -> bool:
    """Return whether a text has Hangul."""
    return any("가" <= letter <= "힣" for letter in text)


def ranks(index: Index, queries: Sequence[dict[str, str]]) -> list[int]:
    """Return the place of the technology meant for each question, from 1; 51 if it was not found."""
    found = []
    for query in queries:
        order = [f.technology.id for f in index.search(query["query"], 50)]
        found.append(order.index(query["technology"]) + 1 if query["technology"] in order else 51)
    return found


def share(places: Sequence[int], best: int) -> str:
    """Return how many are among the first, as a share."""
    n = sum(place <= best for place in places)
    return f"{n}/{len(places)} ({100 * n / len(places):.0f} %)"


def main() -> None:
    """Measure every embedder that is installed."""
    sys.path[0] = str(HERE.parent)
    import page

    atlas = load_atlas()
    queries = yaml.safe_load((HERE / "queries.yaml").read_text(encoding="utf-8"))
    rows, missed = [], []
    for name in installed("embedders"):
        start = time.process_time()
        index = Index(atlas, make_plugin("embedders", name, PluginContext()))
        built = time.process_time() - start
        start = time.process_time()
        places = ranks(index, queries)
        each = (time.process_time() - start) / len(queries)
        of = {lang: [p for p, q in zip(places, queries, strict=True) if is_korean(q["query"]) == ko]
              for lang, ko in LANGUAGES.items()}  # fmt: skip
        rows.append(
            [f"`{name}`", share(places, 1), share(places, 3), *(share(of[lang], 1) for lang in LANGUAGES),
             *(share(of[lang], 3) for lang in LANGUAGES), f"{built:.1f}", f"{1000 * each:.0f}"]
        )  # fmt: skip
        worst = [q["query"] for p, q in zip(places, queries, strict=True) if p > 3]
        missed.append(f"`{name}` does not have it among its first three for {len(worst)}: {'; '.join(worst)}.")
    head = ["embedder", "top 1", "top 3", "top 1, English", "top 1, Korean", "top 3, English", "top 3, Korean",
            "CPU s, atlas", "CPU ms, question"]  # fmt: skip
    said = (
        f"{len(queries)} questions of people who do not know the names, {sum(is_korean(q['query']) for q in queries)} of them in Korean, over 50 technologies; one is meant by "
        "each, though several might be thought of. They were written, by one author, before any was searched for; neither "
        "embedder was changed afterwards to suit them."
    )
    page.write("atlas", "Searching the atlas", "\n\n".join([page.table(head, rows), said, *missed]),
               how="python benchmarks/atlas")  # fmt: skip


if __name__ == "__main__":
    main()
