"""Read a charter, or make the one that a mission file without a charter amounts to; refuse it whole."""

import math
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kgenesis.app.mission_files import LoadedMission, invalid, load_mission, load_mission_data
from kgenesis.app.platform import Platform, possible_in
from kgenesis.app.preflight import lab_that_takes
from kgenesis.app.questions import PREFIX as QUESTIONS
from kgenesis.atlas import load_atlas
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.errors import InvalidSpec, KGenesisError, Mistake, NotFound, UnitMismatch
from kgenesis.kernel.ports import Lab
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import check_unit, convert
from kgenesis.missions.decide import missing_pieces
from kgenesis.missions.spec import Charter, Kpi, MissionBudget


@dataclass(frozen=True, slots=True)
class LoadedCharter:
    """A valid charter, which may still be a draft, and where it came from."""

    charter: Charter
    folder: Path
    """Relative paths in it start here."""
    source: str
    """What a person types to name it."""
    notes: tuple[Text, ...] = ()
    """What is no mistake and should be known."""

    @property
    def missing(self) -> list[Mistake]:
        """What it lacks before it can be opened."""
        return missing_pieces(self.charter)


def load_charter(name_or_path: str, director: str, platform: Platform | None) -> LoadedCharter:
    """Read and check a charter; for a mission file or a built-in mission, the charter it amounts to.

    Args:
        name_or_path: a charter's or mission file's path, or the name of a built-in mission.
        director: who keeps the promise of a mission file that has no charter.
        platform: the store that knows the question it answers; None if there is none yet.

    Raises:
        NotFound: there is no such file, mission or mission file.
        InvalidSpec, UnitMismatch: it is not valid; nothing is written.
    """
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        return _checked(_default(load_mission(name_or_path), director), platform)
    data, lines = load_mission_data(path)
    if "space" in data:
        return _checked(_default(load_mission(name_or_path), director), platform)
    try:
        charter = Charter.model_validate(data)
    except ValidationError as error:
        raise invalid(error, str(path), lines, data) from error
    return _checked(LoadedCharter(charter, path.resolve().parent, str(path)), platform)


def default_charter(mission: Mission, source: str, director: str) -> Charter:
    """Return the charter a mission file amounts to: its targets as KPIs, its budget, itself as the only mission file.

    Raises:
        InvalidSpec: none of its objectives has a target.
    """
    kpis = tuple(
        Kpi(outcome=o.name, goal=o.goal, value=o.value, unit=o.unit, target=o.target, label=o.label)
        for o in mission.objectives
        if o.target is not None
    )
    if not kpis:
        raise InvalidSpec(
            say(f"{mission.name} has no target: a promise needs a number",
                f"{mission.name}에 목표 수치가 없습니다. 약속에는 수치가 필요합니다"),
            [Mistake(say("give an objective a `target`", "목적에 `target`을 주세요"), "objectives", source)],
        )  # fmt: skip
    is_in_won = mission.cost.unit in {"KRW", "원"}
    return Charter(
        name=mission.name, title=mission.title, statement=mission.summary or mission.title,
        technologies=(mission.technology,) if mission.technology else (), director=director, kpis=kpis,
        budget=MissionBudget(
            experiments=mission.budget.experiments, won=mission.budget.cost if is_in_won else None
        ),
        mission_files=(source,),
    )  # fmt: skip


def _default(loaded: LoadedMission, director: str) -> LoadedCharter:
    source = loaded.source if loaded.is_builtin else Path(loaded.source).name
    charter = default_charter(loaded.mission, source, director)
    said = say(
        f"{loaded.source} has no charter of its own: its targets and its budget are the promise",
        f"{loaded.source}에는 따로 헌장이 없어, 그 목표와 예산을 약속으로 삼습니다",
    )
    return LoadedCharter(charter, loaded.folder, loaded.source, (said,))


def _checked(loaded: LoadedCharter, platform: Platform | None) -> LoadedCharter:
    """Check what needs more than the schema: units, technologies, question, mission files, exams that decide."""
    charter = loaded.charter
    file = loaded.source
    mistakes = [*_units(charter), *_technologies(charter), *_question(charter, platform)]
    missions: list[Mission] = []
    labs: list[Lab | None] = []
    for i, name in enumerate(charter.mission_files):
        try:
            found = mission_of(loaded.folder, name)
            labs.append(lab_that_takes(found.mission, found.folder, found.source))
            missions.append(found.mission)
        except KGenesisError as error:
            mistakes.append(Mistake(error.detail, f"mission_files[{i}]"))
            mistakes += [Mistake(m.text, f"{name}: {m.field}") for m in error.problems]
    if missions and len(missions) == len(charter.mission_files):
        mistakes += [*_outcomes(charter, missions), *_decidable(charter, missions, labs)]
    if not mistakes:
        mistakes += _impossible(charter, missions, labs)
    if mistakes:
        raise InvalidSpec(
            say(f"the charter {charter.name} cannot be kept", f"헌장 {charter.name}은(는) 지킬 수 없습니다"),
            [Mistake(m.text, m.field, file) for m in mistakes],
            hint=say(
                "Correct the places named above; `kgenesis mission check FILE` says what is left.",
                "위에 적힌 곳을 고치세요. 남은 것은 `kgenesis mission check 파일`이 말해 줍니다.",
            ),
        )
    bounded = {name for lab in labs if lab is not None for name in possible_in(lab)}
    unbounded = [kpi.outcome for kpi in charter.kpis if kpi.possible is None and kpi.outcome not in bounded]
    notes = list(loaded.notes)
    if unbounded:
        names = ", ".join(unbounded)
        notes.append(
            say(
                f"Nothing is said of what is possible for {names}; `possible` would let impossible targets be refused.",
                f"{names}의 가능한 범위(`possible`)가 없어, 불가능한 목표인지 확인하지 못했습니다.",
            )
        )
    return LoadedCharter(charter, loaded.folder, loaded.source, tuple(notes))


def mission_of(folder: Path, name: str) -> LoadedMission:
    """Return a mission file as a charter names it: a path relative to its folder, or a built-in mission.

    Raises:
        NotFound, InvalidSpec: it cannot be used.
    """
    path = folder / name
    return load_mission(str(path) if path.is_file() else name)


def _units(charter: Charter) -> list[Mistake]:
    mistakes = []
    for i, kpi in enumerate(charter.kpis):
        try:
            check_unit(kpi.unit)
        except UnitMismatch as error:
            mistakes.append(Mistake(error.detail, f"kpis[{i}].unit"))
    return mistakes


def _technologies(charter: Charter) -> list[Mistake]:
    try:
        atlas = load_atlas() if charter.scheme is None else load_atlas(charter.scheme)
    except NotFound as error:
        return [Mistake(error.detail, "scheme")]
    mistakes = []
    for i, name in enumerate(charter.technologies):
        try:
            atlas.technology(name)
        except NotFound as error:
            mistakes.append(Mistake(error.detail, f"technologies[{i}]"))
    return mistakes


def _question(charter: Charter, platform: Platform | None) -> list[Mistake]:
    if charter.question is None or (platform is not None and charter.question in platform.store.streams(QUESTIONS)):
        return []
    text = say(
        f"no question in this store has the id {charter.question!r}; `kgenesis question list` shows their ids",
        f"이 저장소에 ID가 {charter.question!r}인 질문이 없습니다. ID는 `kgenesis question list`로 볼 수 있습니다",
    )
    return [Mistake(text, "question")]


def _outcomes(charter: Charter, missions: list[Mission]) -> list[Mistake]:
    """Return what is wrong with KPIs that no mission file measures, or in another kind of unit."""
    mistakes = []
    for i, kpi in enumerate(charter.kpis):
        measuring = [mission for mission in missions if kpi.outcome in mission.problem.outcomes]
        if not measuring:
            known = ", ".join(dict.fromkeys(name for mission in missions for name in mission.problem.outcomes))
            text = say(
                f"no mission file measures {kpi.outcome!r}; they measure: {known}",
                f"어느 미션 파일도 {kpi.outcome!r}을(를) 재지 않습니다. 재는 것: {known}",
            )
            mistakes.append(Mistake(text, f"kpis[{i}].outcome"))
        for mission in measuring:
            wrong = unit_mistake(kpi, mission)
            if wrong is not None:
                mistakes.append(Mistake(wrong, f"kpis[{i}].unit"))
    return mistakes


def unit_mistake(kpi: Kpi, mission: Mission) -> Text | None:
    """Return why a mission's measurements cannot be read in a KPI's unit, None if they can."""
    given = mission.problem.units.get(kpi.outcome, "")
    try:
        convert(1.0, given, kpi.unit)
    except UnitMismatch as error:
        return say(f"{mission.name}: {error.detail.en}", f"{mission.name}: {error.detail.ko}")
    return None


def _impossible(charter: Charter, missions: list[Mission], labs: list[Lab | None]) -> list[Mistake]:
    """Return the KPIs that no experiment in these labs can reach; a mission file's own targets its lab has judged."""
    mistakes = []
    for i, kpi in enumerate(charter.kpis):
        wanted = kpi.value if kpi.goal == "hit" else kpi.target
        for mission, lab in zip(missions, labs, strict=True):
            if lab is None or wanted is None or kpi.outcome not in mission.problem.outcomes:
                continue
            unit = mission.problem.units.get(kpi.outcome, "")
            low, high = possible_in(lab).get(kpi.outcome, (-math.inf, math.inf))
            if not low <= convert(wanted, kpi.unit, unit) <= high:
                text = say(
                    f"{wanted:g} {kpi.unit}: in the lab {lab.name}, {kpi.outcome} lies between {low:g} and {high:g} {unit}",
                    f"{wanted:g} {kpi.unit}: 실험실 {lab.name}에서 {kpi.outcome}의 가능한 범위는 {low:g}~{high:g} {unit}입니다",
                )
                mistakes.append(Mistake(text, f"kpis[{i}].target"))
    return mistakes


def _decidable(charter: Charter, missions: list[Mission], labs: list[Lab | None]) -> list[Mistake]:
    """Return the exams that name what these mission files never tell."""
    mistakes = []
    for i, milestone in enumerate(charter.milestones):
        names = charter.exam_of(milestone).names
        text: Text | None = None
        if "cost" in names and not any(mission.cost.unit in {"KRW", "원"} for mission in missions):
            text = say("no mission file gives a cost in KRW", "원(KRW) 단위의 비용이 있는 미션 파일이 없습니다")
        elif any(name.startswith("acceleration") for name in names):
            text = _why_no_acceleration(missions, labs)
        if text is not None:
            said = say(f"{milestone.name}: never decidable: {text.en}", f"{milestone.name}: 판정 불가: {text.ko}")
            mistakes.append(Mistake(said, f"milestones[{i}].exam"))
    return mistakes


def _why_no_acceleration(missions: list[Mission], labs: list[Lab | None]) -> Text | None:
    if not any(mission.problem.has_target for mission in missions):
        return say("acceleration is told at a target, and no mission file has one",
                   "가속 배수는 목표에서 정하는데, 목표가 있는 미션 파일이 없습니다")  # fmt: skip
    if any(lab is None or not lab.is_physical for lab in labs):  # what cannot be made here is asked when it is run
        return None
    return say("a real laboratory has no reference, only an estimate", "실제 실험실에는 기준이 없고 추정만 있습니다")
