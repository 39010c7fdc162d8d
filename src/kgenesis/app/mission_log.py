"""Read missions from the log; light enough for lists, since no campaign is read."""

from kgenesis.app.platform import Platform, streams_called
from kgenesis.atlas import load_atlas
from kgenesis.kernel.errors import NotFound
from kgenesis.kernel.ids import MissionId, StreamId
from kgenesis.kernel.text import say
from kgenesis.missions.state import MissionState, fold


def all_missions(platform: Platform, until: str | None = None) -> list[MissionState]:
    """Return every mission of a store, in the order they were drafted; as it stood at `until`, if given."""
    streams = platform.store.streams("mis_")
    return [state for stream in streams if (state := _told(platform, MissionId(stream), until)) is not None]


def read_mission(platform: Platform, name: str) -> MissionState:
    """Return a mission by its id, the beginning of its id, its charter's name (the latest), or `last`.

    Raises:
        NotFound: none, or more than one, is called so.
    """
    found = streams_called(platform, "mis_", name)
    if len(found) != 1:
        named = [state for state in all_missions(platform) if state.charter.name == name]
        if named:
            return named[-1]
        which = (
            say("several missions are", "여럿이 있습니다") if found else say("no mission is", "그런 미션이 없습니다")
        )
        raise NotFound(
            say(f"{which.en} called {name!r}", f"{name!r}: {which.ko}"),
            hint=say(
                "`kgenesis mission list` shows them; `kgenesis mission open` opens one.",
                "`kgenesis mission list`로 보고 `kgenesis mission open`으로 여세요.",
            ),
        )
    return mission_state(platform, MissionId(found[0]))


def mission_state(platform: Platform, mission: MissionId) -> MissionState:
    """Return a mission by its id.

    Raises:
        NotFound: there is none.
    """
    state = _told(platform, mission, None)
    if state is None:
        raise NotFound(say(f"there is no mission {mission}", f"{mission} 미션이 없습니다"))
    return state


def _told(platform: Platform, mission: MissionId, until: str | None) -> MissionState | None:
    recorded = platform.store.read(StreamId(mission))
    known = [(platform.vocabulary.decode(r), r.at) for r in recorded if until is None or r.at < until]
    return fold(mission, known) if known else None


def field_of(technology: str) -> str:
    """Return the field of a technology of the atlas in force; nothing if it is not known."""
    try:
        return load_atlas().technology(technology).field
    except NotFound:
        return ""
