"""From where on are two questions alike: cosines of tests/questions/pairs.yaml, within and across the languages.

    python benchmarks/questions/likeness.py [e5|lexical]

Prints quantiles of alike and unlike pairs and, for the bars in `rubrics.yaml`, which share of each passes.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import yaml

from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.questions.rubrics import measures

PAIRS = Path(__file__).parents[2] / "tests" / "questions" / "pairs.yaml"


def cosines(name: str) -> dict[tuple[str, str], list[float]]:
    """Return the cosines of all pairs, by whether they are alike and whether they share a language."""
    groups = yaml.safe_load(PAIRS.read_text(encoding="utf-8"))
    texts = [(group, text) for group, asked in enumerate(groups) for text in asked]
    rows = make_plugin("embedders", name, PluginContext()).embed([text for _, text in texts], is_query=False)
    found: dict[tuple[str, str], list[float]] = {}
    for i, j in itertools.combinations(range(len(texts)), 2):
        alike = "alike" if texts[i][0] == texts[j][0] else "unlike"
        korean = [any("가" <= c <= "힣" for c in texts[k][1]) for k in (i, j)]
        language = "same" if korean[0] == korean[1] else "across"
        found.setdefault((alike, language), []).append(float(rows[i] @ rows[j]))
    return found


def main(names: list[str]) -> None:
    """Print the table."""
    for name in names or list(measures().likeness):
        bar = measures().likeness[name].model_dump()
        for (alike, language), values in sorted(cosines(name).items()):
            spread = " ".join(f"{q:.3f}" for q in np.quantile(values, [0, 0.05, 0.5, 0.95, 0.99, 1]))
            share = np.mean([value >= bar[language] for value in values])
            print(
                f"{name:8} {alike:7} {language:7} n={len(values):5}  quantiles {spread}  over {bar[language]}: {share:.1%}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
