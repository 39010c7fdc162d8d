"""Bring in what other programs wrote, and write for them what a campaign found: exactly, or not at all."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from kgenesis.app.candidates import read_table
from kgenesis.app.exchange import ax, baybe, bofire
from kgenesis.app.exchange.drafts import Draft, candidates_name, candidates_text, mission_text, results_text, table_of
from kgenesis.app.exchange.refusal import Refusal
from kgenesis.app.export import write_files
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import BadInput
from kgenesis.kernel.text import say

PROGRAMS: Mapping[str, tuple[str, ModuleType]] = {
    "ax": ("Ax", ax),
    "baybe": ("BayBE", baybe),
    "bofire": ("BoFire", bofire),
}
"""By the name people type: the program's own, and what reads and writes its files."""


def bring_in(path: Path, program: str, data: Path | None = None, points: Path | None = None) -> tuple[Draft, Mission]:
    """Return a file of another program as a draft of a mission with its history, and the mission.

    Args:
        path: JSON that the program wrote.
        program: one of `PROGRAMS`.
        data: a CSV of its experiments, where they are not in the file.
        points: a CSV of all points of the space, where the space is a list of them.

    Raises:
        NotFound: there is no such file.
        BadInput: it is not what the program writes, or has no exact counterpart; every reason is named.
    """
    title, module = _program(program)
    content, _ = read_table(path)
    draft = Draft(path.name, path.stem)
    rows = [] if data is None else table_of(data)
    try:
        parsed = json.loads(content)
        module.read(draft, parsed, rows, has_points=points is not None)
        if points is not None:
            draft.add_candidates(table_of(points))
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        text = say(f"{type(error).__name__}: {error}", f"{type(error).__name__}: {error}")
        raise BadInput(
            say(f"{path} is not what {title} writes ({text.en})", f"{path}은(는) {title}의 파일이 아닙니다({text.ko})")
        ) from error
    return draft, draft.finished()


def write_draft(draft: Draft, mission: Mission, folder: Path, *, may_replace: bool = False) -> list[Path]:
    """Write a draft's mission file and, if there is any history, its results sheet; return what was written.

    Raises:
        BadInput: a file exists already.
    """
    texts = {f"{mission.name}.yaml": mission_text(draft, mission)}
    if draft.candidates:
        texts[candidates_name(mission)] = candidates_text(draft, mission)
    if draft.results:
        texts[f"{mission.name}.results.csv"] = results_text(draft, mission)
    return write_files(
        _contents(folder, {name: text.encode() for name, text in texts.items()}), may_replace=may_replace
    )


def export_for(program: str, state: CampaignState, folder: Path, *, may_replace: bool = False) -> list[Path]:
    """Write a campaign for another program; return what was written.

    Raises:
        BadInput: the program cannot say all that the campaign says (every reason is named), or a file exists already.
    """
    title, module = _program(program)
    refusal = Refusal(title)
    files: dict[str, bytes] = module.write(state, refusal)
    refusal.raise_if_any()
    return write_files(_contents(folder, files), may_replace=may_replace)


def _program(name: str) -> tuple[str, Any]:
    if name not in PROGRAMS:
        known = ", ".join(PROGRAMS)
        raise BadInput(
            say(f"{name!r} is none of {known}", f"{name!r}은(는) {known} 중에 없습니다"),
            hint=say("Name one of these programs.", "이 프로그램 중 하나를 고르세요."),
        )
    return PROGRAMS[name]


def _contents(folder: Path, files: Mapping[str, bytes]) -> dict[Path, Callable[[], bytes]]:
    return {folder / name: partial(bytes, content) for name, content in files.items()}
