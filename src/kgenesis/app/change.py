"""Change a mission in mid-campaign: show what differs, check that every change is allowed, take it up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from kgenesis.app.campaigns import append, catch_up, ready, source_campaign
from kgenesis.app.earlier import read_earlier
from kgenesis.app.mission_files import check_mission, load_mission_data, validated, with_candidates
from kgenesis.app.platform import Platform
from kgenesis.app.preflight import lab_that_takes
from kgenesis.campaign.changes import changed, differences, without_done_starts
from kgenesis.campaign.events import ExperimentWithdrawn
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import InvalidSpec, Mistake, NotFound
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.ids import ExperimentId, StreamId
from kgenesis.kernel.text import Text, say


@dataclass(frozen=True, slots=True)
class Edits:
    """Small changes, each by the name of a factor or objective."""

    low: Mapping[str, float] = field(default_factory=dict)
    high: Mapping[str, float] = field(default_factory=dict)
    add_level: Sequence[tuple[str, str]] = ()
    drop_level: Sequence[tuple[str, str]] = ()
    hold: Mapping[str, float | str] = field(default_factory=dict)
    target: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change came to."""

    differences: tuple[Text, ...]
    withdrawn: tuple[ExperimentId, ...]
    """Open proposals that no longer fit."""


def change_campaign(
    platform: Platform,
    state: CampaignState,
    file: Path | None = None,
    *,
    edits: Edits | None = None,
    content: Mapping[str, Any] | None = None,
    was: Mapping[str, Value] | None = None,
    is_rehearsal: bool = False,
) -> Changed:
    """Take a changed mission up, all or nothing; an ended campaign is open again.

    Args:
        platform: the store the campaign lives in.
        state: changed in place.
        file: the mission from now on; the present one if not given.
        edits: small changes on top of it.
        content: the mission from now on as data, instead of a file.
        was: the value of each added factor in all experiments so far.
        is_rehearsal: only say what would happen.

    Raises:
        CampaignBusy: a runner is at work on it.
        InvalidSpec, InfeasibleSpace, NotFound: the mission is not valid, or the campaign cannot go on with it.
    """
    with platform.store.lease(StreamId(state.id)) as lease:
        catch_up(platform, state)
        mission, folder = _edited(platform, state, file, content, edits or Edits())
        said = differences(state.mission, mission)
        events = changed(state, mission, was)
        if events and (mission.lab, mission.objectives) != (state.mission.lab, state.mission.objectives):
            lab_that_takes(mission, Path(state.folder), str(file or ""))
        if events:
            events += read_earlier(
                _with_new_sources(state, mission), folder, lambda name: _other(platform, state, name)
            )
        withdrawn = tuple(e.experiment for e in events if isinstance(e, ExperimentWithdrawn))
        if not is_rehearsal:
            candidates = mission.space.candidates
            if events and candidates is not None and candidates.path and (folder / candidates.path).is_file():
                platform.store.blobs.put(folder / candidates.path)
            append(platform, state, events, lease.fence)
    return Changed(tuple(said), withdrawn)


def _edited(
    platform: Platform, state: CampaignState, file: Path | None, content: Mapping[str, Any] | None, edits: Edits
) -> tuple[Mission, Path]:
    """Return the mission from now on, checked by itself, and where its relative paths start."""
    present = state.mission.model_dump(mode="json", exclude_defaults=True)
    if file is not None:
        data, lines = load_mission_data(file)
        name, folder = str(file), file.resolve().parent
    else:
        data, lines = dict(present if content is None else content), None
        name, folder = "", Path(state.folder)
    if "lab" in present:  # one that was named when it was opened, e.g. a function, is in no file
        data.setdefault("lab", present["lab"])
    data = _apply(without_done_starts(state, data), edits, present)
    mission = validated(data, name, lines)
    candidates = mission.space.candidates
    if candidates is not None and not candidates.rows:
        is_kept = file is None and bool(candidates.sha256)
        mission = ready(platform, mission) if is_kept else with_candidates(mission, folder)
    check_mission(mission, name, lines)
    return mission, folder


def _with_new_sources(state: CampaignState, mission: Mission) -> Mission:
    gone = [source for source in state.mission.earlier if source not in mission.earlier]
    if gone:
        text = say("what was learned from cannot be taken back", "이미 배운 출처는 뺄 수 없습니다")
        raise InvalidSpec(text, [Mistake(text, "earlier")])
    new = tuple(source for source in mission.earlier if source not in state.mission.earlier)
    return mission.model_copy(update={"earlier": new})


def _other(platform: Platform, state: CampaignState, name: str) -> CampaignState:
    found = source_campaign(platform, name)
    if found.id == state.id:
        raise NotFound(say("a campaign is no earlier one of itself", "캠페인은 자기 자신의 이전 캠페인이 아닙니다"))
    return found


# ---- small changes -------------------------------------------------------------------------------------------------


def _apply(data: dict[str, Any], edits: Edits, present: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mission's content with the small changes made."""
    factors = [dict(factor) for factor in data["space"]["factors"]]
    objectives = [dict(objective) for objective in data["objectives"]]
    for name, value in edits.low.items():
        _named(factors, name, "low")["low"] = value
    for name, value in edits.high.items():
        _named(factors, name, "high")["high"] = value
    for name, level in edits.add_level:
        factor = _named(factors, name, "levels")
        if factor.get("descriptors"):
            _wrong(
                name,
                say(
                    "its levels have descriptors: add the level in a file",
                    "수준에 기술자가 있습니다. 파일에서 더하세요",
                ),
            )
        factor["levels"] = [*factor["levels"], level]
    for name, level in edits.drop_level:
        factor = _named(factors, name, "levels")
        if level not in factor["levels"]:
            _wrong(name, say(f"{level!r} is none of its levels", f"{level!r}은(는) 이 요인의 수준이 아닙니다"))
        place = list(factor["levels"]).index(level)
        for key in ("levels", "smiles"):
            if factor.get(key):
                factor[key] = _without(factor[key], place)
        if factor.get("descriptors"):
            factor["descriptors"] = {k: _without(v, place) for k, v in factor["descriptors"].items()}
    for name, held in edits.hold.items():
        _hold(factors, name, held, present)
    for name, value in edits.target.items():
        _named(objectives, name, "")["target"] = value
    return {**data, "space": {**data["space"], "factors": factors}, "objectives": objectives}


def _hold(factors: list[dict[str, Any]], name: str, value: float | str, present: Mapping[str, Any]) -> None:
    old = next((f for f in [*factors, *present["space"]["factors"]] if f["name"] == name), None)
    if old is None or old["type"] not in ("real", "integer", "grid", "categorical", "fixed"):
        _wrong(name, say("no such factor that can be held", "고정할 수 있는 그런 요인이 없습니다"))
    held = {"type": "fixed", "name": name, "value": value}
    held |= {key: old[key] for key in ("unit", "label") if key in old}
    places = [i for i, factor in enumerate(factors) if factor["name"] == name]
    if places:
        factors[places[0]] = held
    else:
        factors.append(held)


def _named(parts: Sequence[dict[str, Any]], name: str, key: str) -> dict[str, Any]:
    inside = [c for part in parts for c in part.get("components", ())] if key in ("low", "high") else []
    found: dict[str, Any] | None = next((part for part in [*parts, *inside] if part["name"] == name), None)
    if found is None:
        _wrong(name, say("there is nothing called so", "그런 이름이 없습니다"))
    if key and key not in found and found.get("type") not in (None, "mixture"):
        _wrong(name, say(f"it has no `{key}`", f"`{key}`이(가) 없습니다"))
    return found


def _without(items: Sequence[Any], place: int) -> list[Any]:
    return [item for i, item in enumerate(items) if i != place]


def _wrong(name: str, text: Text) -> NoReturn:
    raise InvalidSpec(say("the change cannot be made", "그렇게 바꿀 수 없습니다"), [Mistake(text, name)])
