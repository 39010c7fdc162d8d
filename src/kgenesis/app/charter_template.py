"""A commented charter to begin with, written around a mission file."""

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from kgenesis.app.charters import default_charter
from kgenesis.app.mission_files import LoadedMission, load_mission
from kgenesis.app.scaffold import in_language
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.errors import BadInput
from kgenesis.kernel.text import Lang, say
from kgenesis.missions.exams import BEST, QUANTITIES
from kgenesis.missions.spec import Charter

EXAMPLE = "battery-fast-charge"
"""The built-in mission the example is written around."""


def write_charter(
    path: Path, mission_file: str | None, director: str, lang: Lang, *, may_replace: bool = False
) -> list[Path]:
    """Write a commented charter that can be opened as it is, if its mission file names a technology.

    Args:
        path: the charter.
        mission_file: what its campaigns follow: a path or a built-in mission; an example if not given.
        director: who keeps the promise.
        lang: of the comments.
        may_replace: write over a file that exists.

    Raises:
        BadInput: the file exists already.
        InvalidSpec: the mission file is not valid, or has no target.
    """
    if path.exists() and not may_replace:
        raise BadInput(
            say(f"{path} exists already", f"{path}이(가) 이미 있습니다"),
            hint=say(
                "Choose another name, or replace it with `--force`.", "다른 이름을 고르거나 `--force`로 바꿔 쓰세요."
            ),
        )
    loaded = load_mission(mission_file or EXAMPLE)
    source = loaded.source
    if not loaded.is_builtin:
        source = os.path.relpath(loaded.source, path.resolve().parent)
    charter = default_charter(loaded.mission, source, director)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(in_language(_text(path, loaded, charter), lang), encoding="utf-8")
    return [path]


def _text(path: Path, loaded: LoadedMission, charter: Charter) -> str:
    mission = loaded.mission
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:80] or mission.name
    assert charter.budget is not None
    experiments = charter.budget.experiments
    template = (files("kgenesis.app") / "templates" / "charter.yaml").read_text(encoding="utf-8")
    gain = ""
    if mission.lab.name != "people":
        gain = (
            "  - name: twice-as-productive\n    title: {en: Twice as productive, ko: 생산성 두 배}\n"
            f"    due: {{experiments: {experiments}}}\n    exam: acceleration_low >= 2\n"
        )
    return template.format(
        name=charter.name if name == "charter" else name, title=_flow(charter.title.model_dump()),
        statement=_flow(charter.statement.model_dump()), technologies=_flow(list(charter.technologies)),
        director=_flow(charter.director), kpis=_kpis(charter), exam=_flow(_exam(mission, charter)),
        names=", ".join(["best_OUTCOME", *QUANTITIES]), half=max(experiments // 2, 1), gain=gain,
        experiments=experiments, files=_flow(list(charter.mission_files)),
    )  # fmt: skip


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10**6, sort_keys=False)
    return text.strip().removesuffix("...").strip()


def _kpis(charter: Charter) -> str:
    blocks = []
    for kpi in charter.kpis:
        data = kpi.model_dump(mode="json", exclude_defaults=True)
        label = data.pop("label", None)
        lines = [f"{key}: {_flow(value)}" for key, value in data.items()]
        if label is not None:
            lines.append(f"label: {_flow(label)}")
        unit = kpi.unit
        lines.append(f"#en possible: {{low: …, high: …, why: …}}    # what physics allows, in {unit}, and the source")
        lines.append(f"#ko possible: {{low: …, high: …, why: …}}    # 물리적으로 가능한 범위({unit})와 그 출처")
        first, *rest = lines
        blocks.append("\n".join([f"  - {first}", *(f"    {line}" for line in rest)]))
    return "\n".join(blocks)


def _exam(mission: Mission, charter: Charter) -> str:
    """Return an exam on the way to the first target: no worse than what is of any use, where the mission says so."""
    kpi = charter.kpis[0]
    objective = next(o for o in mission.objectives if o.name == kpi.outcome)
    name = f"{BEST}{kpi.outcome}"
    quoted = name if name.isidentifier() else f"`{name}`"
    if kpi.goal == "hit":
        return f"abs({quoted} - {kpi.value:g}) <= {2 * kpi.target:g}"
    limit = objective.threshold if objective.threshold is not None else kpi.target
    return f"{quoted} {'>=' if kpi.goal == 'maximize' else '<='} {limit:.12g}"
