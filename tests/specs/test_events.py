"""Every event ever written can be read: frozen samples of each shape, read again on every run."""

import json
from pathlib import Path

import pytest

from kgenesis.app.platform import VOCABULARY
from kgenesis.kernel.errors import StoreCorrupted, StoreNewer
from kgenesis.kernel.events import Event, Recorded, Vocabulary
from kgenesis.kernel.ids import StreamId

SAMPLES = sorted(Path(__file__).with_name("events").glob("*.json"))
EVENTS = tuple(VOCABULARY.types().values())


def recorded(type_, body, schema_version=1):
    return Recorded(
        StreamId("cmp_0123456789ab"), 3, 3, "2026-01-02T03:04:05.000006+00:00", type_, schema_version, body, hash=""
    )


def is_within(part, whole):
    """Whether everything in `part` stands in `whole`; a newer shape may add fields that have a default."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and is_within(v, whole[k]) for k, v in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(is_within, part, whole))
    return part == whole and isinstance(part, bool) == isinstance(whole, bool)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_frozen_event_is_read_and_keeps_all_it_said(path):
    sample = json.loads(path.read_text(encoding="utf-8"))
    assert path.stem == f"{sample['type']}.v{sample['schema_version']}"
    for body in sample["bodies"]:
        event = VOCABULARY.decode(recorded(sample["type"], json.dumps(body), sample["schema_version"]))
        assert event.type == sample["type"]
        written = event.model_dump(mode="json")
        if sample["schema_version"] == event.schema_version:
            assert is_within(body, written)
        assert VOCABULARY.decode(recorded(event.type, event.model_dump_json(), event.schema_version)) == event


def test_every_shape_of_every_event_has_a_frozen_sample():
    wanted = {f"{event.type}.v{version}" for event in EVENTS for version in range(1, event.schema_version + 1)}
    assert {path.stem for path in SAMPLES} == wanted


def test_every_field_of_every_event_is_in_some_sample():
    for event in EVENTS:
        path = Path(__file__).with_name("events") / f"{event.type}.v{event.schema_version}.json"
        named = {key for body in json.loads(path.read_text(encoding="utf-8"))["bodies"] for key in body}
        assert named == set(event.model_fields), event.type


def test_an_event_of_a_newer_version_or_an_unknown_kind_is_not_guessed_at():
    with pytest.raises(StoreNewer, match="v2"):
        VOCABULARY.decode(recorded("experiment.started", "{}", 2))
    with pytest.raises(StoreNewer, match=r"sample\.frozen"):
        VOCABULARY.decode(recorded("sample.frozen", "{}"))


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"experiment": "e", "attempt": 0}', '{"experiment": "e", "attempt": 1, "x": 1}']
)
def test_an_event_that_is_not_what_its_type_says_is_corrupted(body):
    with pytest.raises(StoreCorrupted, match="event 3 of cmp_0123456789ab"):
        VOCABULARY.decode(recorded("experiment.started", body))


def test_an_old_shape_is_lifted_step_by_step():
    class Weighed(Event):
        type = "scale.weighed"
        schema_version = 3
        lifts = {1: lambda b: {"mass": b["m"]}, 2: lambda b: b | {"unit": "g"}}
        mass: float
        unit: str

    vocabulary = Vocabulary([Weighed])
    assert vocabulary.decode(recorded("scale.weighed", '{"m": 5}', 1)) == Weighed(mass=5, unit="g")
    assert vocabulary.decode(recorded("scale.weighed", '{"mass": 5}', 2)) == Weighed(mass=5, unit="g")
    with pytest.raises(StoreCorrupted):
        vocabulary.decode(recorded("scale.weighed", "[5]", 1))
    with pytest.raises(ValueError, match=r"two events are called 'scale\.weighed'"):
        Vocabulary([Weighed, Weighed])
