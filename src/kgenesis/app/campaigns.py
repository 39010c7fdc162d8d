"""Open a campaign, find it again, read it, and add facts to it."""

import dataclasses
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from kgenesis.app.candidates import rows_of
from kgenesis.app.cards import list_campaigns
from kgenesis.app.earlier import read_earlier
from kgenesis.app.mission_files import LoadedMission
from kgenesis.app.platform import Platform, make_lab, possible_in, streams_called, versions
from kgenesis.campaign.events import CampaignChanged, CampaignOpened, LabChangeAccepted
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState, evolve, fold
from kgenesis.kernel.errors import Conflict, InvalidSpec, KGenesisError, LabChanged, Mistake, NotFound
from kgenesis.kernel.events import Event, Recorded
from kgenesis.kernel.ids import CampaignId, StreamId, new_campaign_id
from kgenesis.kernel.ports import Lab
from kgenesis.kernel.text import say


def open_campaign(platform: Platform, loaded: LoadedMission, seed: int, lab: Lab | None = None) -> CampaignState:
    """Write the first fact of a new campaign; the lab is made once to know that it works and its version.

    Args:
        platform: the store it will live in.
        loaded: a valid mission.
        seed: decides every random choice of the campaign, from 0.
        lab: an object to measure with instead of the mission's own lab.

    Raises:
        InvalidSpec, UnknownPlugin, MissingPart, NotFound: the lab or planner cannot be made, or an earlier campaign
            cannot be learned from; nothing is written.
    """
    mission = loaded.mission
    lab = lab or make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)
    check_outcomes(mission, lab, loaded.source)
    candidates = mission.space.candidates
    if candidates is not None and candidates.path:
        platform.store.blobs.put(loaded.folder / candidates.path)
    taken = read_earlier(mission, loaded.folder, lambda name: source_campaign(platform, name))
    id_ = new_campaign_id()
    event = CampaignOpened(
        mission=mission.model_dump(mode="json", exclude_defaults=True) | {"kgenesis": mission.kgenesis},
        seed=seed,
        folder=str(loaded.folder),
        lab_version=lab.version,
        lab_is_physical=lab.is_physical,
        versions=versions(),
    )
    events = [event, *taken]
    recorded = platform.store.append(StreamId(id_), 0, events)
    return _ready(platform, fold(id_, [(e, r.at) for e, r in zip(events, recorded, strict=True)]))


def check_outcomes(mission: Mission, lab: Lab, file: str) -> None:
    """Make sure that a lab measures what a mission asks for.

    Raises:
        InvalidSpec: it does not.
    """
    if lab.outcomes is None:
        return
    missing = [name for name in mission.problem.outcomes if name not in lab.outcomes]
    if missing:
        known = ", ".join(sorted(lab.outcomes))
        raise InvalidSpec(
            say(
                f"the lab {lab.name!r} does not measure {missing[0]!r}",
                f"실험실 {lab.name!r}은(는) {missing[0]!r}을(를) 재지 않습니다",
            ),
            [Mistake(say(f"it measures: {known}", f"측정하는 것: {known}"), "objectives", file)],
        )


def read_campaign(platform: Platform, name: str, until: str | None = None) -> CampaignState:
    """Return a campaign by its id, the beginning of its id, or `last`.

    Args:
        platform: the store.
        name: what people call it.
        until: leave out what was written at this time or later; the first fact must be earlier.

    Raises:
        NotFound: none, or more than one, is called so.
    """
    id_ = find_campaign(platform, name)
    recorded: Iterable[Recorded] = platform.store.read_each(StreamId(id_))
    if until is not None:
        recorded = takewhile(lambda r: r.at < until, recorded)
    with _no_collection():
        state = fold(id_, ((platform.vocabulary.decode(r), r.at) for r in recorded))
    return _ready(platform, state)


def source_campaign(platform: Platform, name: str) -> CampaignState:
    """Return a campaign to learn from: the latest of a mission's name, or as `read_campaign` finds it."""
    named = [card["id"] for card in list_campaigns(platform) if card["name"] == name]
    return read_campaign(platform, named[0] if named else name)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Put off the search for reference cycles: facts have none, and looking takes a third of the time of a replay."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def find_campaign(platform: Platform, name: str) -> CampaignId:
    """Return the id of the campaign a person means."""
    found = streams_called(platform, "cmp_", name)
    if len(found) != 1:
        which = (
            say("no campaign is", "그런 캠페인이 없습니다")
            if not found
            else say("several campaigns are", "여럿이 있습니다")
        )
        raise NotFound(say(f"{which.en} called {name!r}", f"{name!r}: {which.ko}"))
    return CampaignId(found[0])


def append(platform: Platform, state: CampaignState, events: Sequence[Event], fence: int | None = None) -> None:
    """Write facts after those the state knows, then add them to the state.

    Raises:
        Conflict: somebody else wrote first; read again.
    """
    if events:
        for event, recorded in zip(
            events, platform.store.append(StreamId(state.id), state.version, events, fence), strict=True
        ):
            evolve(state, event, recorded.at)
        _read_again(platform, state, events)


def append_anyway(platform: Platform, state: CampaignState, events: Callable[[], Sequence[Event]]) -> None:
    """Append what `events` makes of the state; if somebody else wrote first, read and make it again."""
    while True:
        try:
            append(platform, state, events())
        except Conflict:
            catch_up(platform, state)
        else:
            return


def read_again(platform: Platform, state: CampaignState) -> None:
    """Make the state what the log tells, forgetting facts that were added to it and never written."""
    written = read_campaign(platform, state.id)
    for field in dataclasses.fields(written):
        setattr(state, field.name, getattr(written, field.name))


def catch_up(platform: Platform, state: CampaignState) -> None:
    """Add to the state what others wrote since."""
    later = platform.store.read(StreamId(state.id), state.version)
    events = [platform.vocabulary.decode(recorded) for recorded in later]
    for event, recorded in zip(events, later, strict=True):
        evolve(state, event, recorded.at)
    _read_again(platform, state, events)


def _read_again(platform: Platform, state: CampaignState, events: Sequence[Event]) -> None:
    """Read the candidate table in if the mission is another one now."""
    if any(isinstance(event, CampaignChanged) for event in events):
        state.mission = ready(platform, state.mission)


def lab_of(state: CampaignState) -> Lab:
    """Return the campaign's lab, made in this process."""
    mission = state.mission
    return make_lab(mission.problem, mission.lab.name, mission.lab.settings, Path(state.folder))


def possible_of(state: CampaignState) -> Mapping[str, tuple[float, float]]:
    """Return what the campaign's lab knows to be possible; nothing if the lab cannot be made here."""
    try:
        return possible_in(lab_of(state))
    except KGenesisError:
        return {}


def check_lab(platform: Platform, state: CampaignState, lab: Lab, *, accept_change: bool) -> None:
    """Make sure that the lab is still the one the campaign was measured with.

    Raises:
        LabChanged: it is not, and nobody said to go on.
    """
    if lab.version == state.lab_version:
        return
    if not accept_change:
        raise LabChanged(
            say(
                f"the lab was {state.lab_version} and is now {lab.version}",
                f"실험실이 {state.lab_version}에서 {lab.version}(으)로 바뀌었습니다",
            )
        )
    append(platform, state, [LabChangeAccepted(lab_version=lab.version)])


def _ready(platform: Platform, state: CampaignState) -> CampaignState:
    state.mission = ready(platform, state.mission)
    return state


def ready(platform: Platform, mission: Mission) -> Mission:
    """Return a mission with its candidate table read back from the store, if the space is one."""
    candidates = mission.space.candidates
    if candidates is None or not candidates.sha256:
        return mission
    with platform.store.blobs.open(candidates.sha256) as blob:
        content = blob.read()
    rows = rows_of(content, candidates.path, mission.space)
    return mission.model_copy(update={"space": mission.space.with_candidates(rows)})
