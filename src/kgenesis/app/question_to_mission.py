"""Compile an accepted question into drafts of a mission and its charter, and say what they still lack.

Only what the question says, or the mission it names to start from, goes into a draft: nothing is made up.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kgenesis.app.mission_files import (
    LoadedMission,
    builtin_missions,
    check_mission,
    load_mission,
    load_mission_data,
    validated,
    with_candidates,
)
from kgenesis.app.platform import Platform
from kgenesis.app.preflight import lab_that_takes
from kgenesis.app.question_files import write_text
from kgenesis.app.questions import change_question, read_question
from kgenesis.atlas import load_atlas
from kgenesis.campaign.spec import SCHEMA_VERSION, Mission
from kgenesis.kernel.errors import BadInput, KGenesisError, Mistake, UnitMismatch
from kgenesis.kernel.text import Lang, Text, say
from kgenesis.kernel.units import convert
from kgenesis.missions.spec import Charter
from kgenesis.questions import decide
from kgenesis.questions.spec import Question
from kgenesis.questions.state import QuestionState

COMPLETE, PARTIAL, CHARTER = "mission.yaml", "mission.draft.yaml", "charter.yaml"

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a question became."""

    state: QuestionState
    files: tuple[Path, ...]
    missing: tuple[Mistake, ...]
    """What the drafts still lack, by the field of the mission file or `charter.…`."""
    runs: bool
    """Whether the mission file is whole: `kgenesis run` takes it."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """What will be written."""

    mission: Data
    charter: Data
    reference: Path | None
    """What the mission it starts from is compared with: space, lab and outcomes are the same, so it holds here, too."""
    missing: tuple[Mistake, ...]
    runs: bool


def compile_question(
    platform: Platform, name: str, folder: Path, by: str, lang: Lang, *, why: str = "", may_replace: bool = False
) -> Compiled:
    """Write the drafts of an accepted question's mission and charter, then the fact that it became one.

    Args:
        platform: the store it lives in.
        name: the question.
        folder: where the drafts are written; a mission file to start from is looked for from here first.
        by: who does it.
        lang: of the comments.
        why: for which reason.
        may_replace: write over files that exist.

    Raises:
        Refused: the question is not accepted.
        NotFound, InvalidSpec: the mission it names to start from is not there, or not valid.
        BadInput: a file exists already, or nobody is named; nothing is written.
    """
    state = read_question(platform, name)
    decide.check_possible(state, "to-mission")
    by = decide.named(by)
    drafts = draft(state, folder)
    texts = {
        (COMPLETE if drafts.runs else PARTIAL): _yaml(drafts.mission, state, drafts, "mission", lang),
        CHARTER: _yaml(drafts.charter, state, drafts, "charter", lang),
    }
    if drafts.runs and drafts.reference is not None:
        texts[f"{drafts.mission['name']}.reference.json"] = drafts.reference.read_text(encoding="utf-8")
    there = [folder / file for file in texts if (folder / file).exists()]
    if there and not may_replace:
        raise BadInput(
            say(f"{there[0]} exists already", f"{there[0]}이(가) 이미 있습니다"),
            hint=say("Choose another folder with `--out`, or replace it with `--force`.",
                     "`--out`으로 다른 폴더를 고르거나 `--force`로 바꿔 쓰세요."),
        )  # fmt: skip
    written = [write_text(folder / file, text, may_replace=may_replace) for file, text in texts.items()]
    digests = {file: hashlib.sha256(text.encode()).hexdigest() for file, text in texts.items()}
    lacks = [mistake.field for mistake in drafts.missing]

    def wish(now: QuestionState) -> list[Any]:
        mission = str(drafts.mission["name"])
        return decide.became_mission(now, by, mission, str(drafts.charter["name"]), digests, lacks, why)

    return Compiled(change_question(platform, state.id, wish), tuple(written), drafts.missing, drafts.runs)


def draft(state: QuestionState, folder: Path) -> Drafts:
    """Return the drafts and what they lack; nothing is written.

    Raises:
        NotFound, InvalidSpec: the mission to start from is not there, or not valid.
    """
    question = state.question
    missing: list[Mistake] = []
    start = _start(question, folder)
    mission = _from_nothing(question, missing) if start is None else _from_mission(question, start, missing)
    wrong = _wrong_with(mission, folder)
    runs = not wrong and not any(m.field in {"lab", "space", "budget"} for m in missing)
    named = {mistake.field for mistake in missing}
    missing += [mistake for mistake in wrong if mistake.field not in named]
    charter = _charter(state, mission, missing, runs=runs)
    reference = None if start is None else start.shipped_reference
    if reference is not None and (not reference.is_file() or reference.resolve().parent == folder.resolve()):
        reference = None
    return Drafts(mission, charter, reference, tuple(missing), runs)


# ---- the mission --------------------------------------------------------------------------------------------------


def _head(question: Question) -> Data:
    technology = load_atlas().technology(question.technologies[0])
    return {
        "kgenesis": SCHEMA_VERSION,
        "name": question.name,
        "title": question.statement.model_dump(),
        "field": technology.field,
        "technology": technology.id,
    }


def _start(question: Question, folder: Path) -> LoadedMission | None:
    """Return the mission a question names to start from, None if it names none."""
    name = question.mission.start_from
    if not name:
        return None
    local = folder / name
    return load_mission(str(local) if local.is_file() else name)


def _from_mission(question: Question, loaded: LoadedMission, missing: list[Mistake]) -> Data:
    """Return the mission to start from as the question's own; its target is the question's."""
    hints = question.mission
    path = builtin_missions()[loaded.source] if loaded.is_builtin else Path(loaded.source)
    data, _ = load_mission_data(path)
    data = {**data, **_head(question)}
    data.pop("summary", None)  # it speaks of the mission this one starts from
    if hints.experiments is not None:
        data["budget"] = {**data["budget"], "experiments": hints.experiments}
    measured = [o.name for o in loaded.mission.objectives]
    if hints.outcome not in measured:
        known = ", ".join(measured)
        text = say(
            f"which objective measures the target is not said (there are: {known}); targets are those of "
            f"{hints.start_from}",
            f"어느 목적이 목표를 재는지 적혀 있지 않습니다(있는 것: {known}). 목표는 {hints.start_from}의 것입니다",
        )
        missing.append(Mistake(text, "objectives"))
        return data
    data["objectives"] = [_aimed(question, o, missing) if o["name"] == hints.outcome else o for o in data["objectives"]]
    return data


def _aimed(question: Question, objective: Data, missing: list[Mistake]) -> Data:
    """Return an objective with the question's target, in the objective's own unit."""
    target = question.target
    if objective["goal"] != target.goal:
        text = say(
            f"{objective['name']} is to {objective['goal']}, the question's target to {target.goal}",
            f"{objective['name']}의 goal은 {objective['goal']}, 질문의 goal은 {target.goal}입니다",
        )
        missing.append(Mistake(text, "objectives"))
        return objective
    try:
        value = convert(target.value, target.unit, str(objective["unit"]))
    except UnitMismatch as error:
        missing.append(Mistake(error.detail, "objectives"))
        return objective
    return {**objective, "target": float(f"{value:.12g}")}


def _from_nothing(question: Question, missing: list[Mistake]) -> Data:
    """Return what the question alone says of a mission."""
    hints, target = question.mission, question.target
    data = _head(question)
    if hints.factors:
        data["space"] = {"factors": [dict(factor) for factor in hints.factors]}
    else:
        missing.append(Mistake(say("which factors may be varied, and how far", "바꿀 수 있는 요인과 그 범위"), "space"))
    data["objectives"] = [
        {"name": hints.outcome or _outcome(target.quantity), "goal": target.goal, "unit": target.unit,
         "target": target.value, "label": target.quantity.model_dump()}
    ]  # fmt: skip
    if hints.lab:
        data["lab"] = hints.lab
    else:
        text = say(
            "where experiments are done (`people` for a bench, or a simulator)",
            "실험하는 곳(사람이 하는 실험은 `people`, 또는 시뮬레이터)",
        )
        missing.append(Mistake(text, "lab"))
    if hints.experiments is None:
        missing.append(Mistake(say("how many experiments may be spent", "쓸 수 있는 실험 횟수"), "budget"))
    else:
        data["budget"] = {"experiments": hints.experiments}
    return data


def _outcome(quantity: Text) -> str:
    return re.sub(r"[\s`]+", " ", quantity.en).strip()[:120].strip()


def _wrong_with(data: Mapping[str, Any], folder: Path) -> list[Mistake]:
    """Return why a mission cannot be run from a folder; nothing if it can."""
    try:
        mission: Mission = validated(data)
        mission = with_candidates(mission, folder)
        check_mission(mission)
        lab_that_takes(mission, folder)
    except KGenesisError as error:
        if error.problems:
            return [Mistake(problem.text, problem.field or "lab") for problem in error.problems]
        return [Mistake(error.detail, "lab")]
    return []


# ---- the charter --------------------------------------------------------------------------------------------------


def _charter(state: QuestionState, mission: Data, missing: list[Mistake], *, runs: bool) -> Data:
    question, target = state.question, state.question.target
    outcome = question.mission.outcome or _outcome(target.quantity)
    data: Data = {
        "kgenesis": 1,
        "name": question.name,
        "title": question.statement.model_dump(),
        "statement": (question.final_exam or question.statement).model_dump(),
        "question": state.id,
        "technologies": list(question.technologies),
        "kpis": [{"outcome": outcome, "goal": target.goal, "unit": target.unit, "target": target.value,
                  "label": target.quantity.model_dump()}],
    }  # fmt: skip
    missing.append(Mistake(say("who keeps the promise", "약속을 지킬 책임자"), "charter.director"))
    text = say(
        "exams that a machine can check; the question's exams are in words",
        "기계가 확인할 수 있는 시험. 질문의 시험은 글로 적혀 있습니다",
    )
    missing.append(Mistake(text, "charter.milestones"))
    budget = mission.get("budget")
    if budget:
        data["budget"] = {"experiments": budget["experiments"]}
    else:
        missing.append(Mistake(say("what may be spent in all", "모두 쓸 수 있는 만큼"), "charter.budget"))
    if runs:
        data["mission_files"] = [COMPLETE]
    else:
        missing.append(Mistake(say("a mission file that runs", "실행할 수 있는 미션 파일"), "charter.mission_files"))
    try:
        Charter.model_validate(data)
    except ValidationError as error:
        missing += [
            Mistake(say(e["msg"], e["msg"]), ".".join(["charter", *map(str, e["loc"])])) for e in error.errors()
        ]
    return data


def _yaml(data: Data, state: QuestionState, drafts: Drafts, kind: str, lang: Lang) -> str:
    """Return a draft as a file: where it came from, what it lacks, what it says."""
    question = state.question
    made = say(
        f"Made from the question {state.id} ({question.name}).", f"질문 {state.id}({question.name})에서 만들었습니다."
    )
    lines = [made.in_(lang)]
    if question.machine is not None:
        text = say(f"The question was drafted by a machine: {question.machine.model}.",
                   f"질문의 초안은 기계가 썼습니다: {question.machine.model}.")  # fmt: skip
        lines.append(text.in_(lang))
    mine = [m for m in drafts.missing if m.field.startswith("charter.") == (kind == "charter")]
    if mine:
        lines.append(say("It still lacks:", "아직 빠진 것:").in_(lang))
        lines += [f"  - {m.field.removeprefix('charter.')}: {m.text.in_(lang)}" for m in mine]
    if kind == "charter":
        exams = {"mid_term_exam": question.mid_term_exam, "final_exam": question.final_exam}
        lines += [f"{name}: {' '.join(text.in_(lang).split())}" for name, text in exams.items() if text]
    head = "".join(f"# {' '.join(line.splitlines())}\n" for line in lines)
    return head + yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=110)
