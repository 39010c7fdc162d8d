"""What `doctor` finds, and that it changes nothing."""

from importlib.metadata import EntryPoint

import pytest

from kgenesis.app import doctor
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.text import say


def test_nothing_is_written(tmp_path):
    found = doctor.examine(str(tmp_path / "store.db"))
    assert list(tmp_path.iterdir()) == []
    assert found.store.exists is False
    assert found.store.error is None
    assert found.store.free


def test_the_parts_are_those_of_the_packages_own_metadata():
    parts = {part.name: part for part in doctor.examine().parts}
    assert set(parts) == set(doctor.PARTS)
    assert parts["battery"].command == "pip install 'kgenesis[battery]'"


def test_a_part_whose_package_is_missing_says_so(monkeypatch):
    before = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "pybamm" else before(name))
    parts = {part.name: part for part in doctor.examine().parts}
    assert parts["battery"].missing == ("pybamm",)


def test_a_plugin_that_does_not_load_is_told_with_its_reason_and_harms_no_other(monkeypatch):
    broken = EntryPoint("wreck", "no_such_module:make", "kgenesis.labs")
    real = doctor.entry_points
    monkeypatch.setattr(
        doctor, "entry_points", lambda group: [*real(group=group), *([broken] if group == "kgenesis.labs" else [])]
    )

    def load(group, name):
        if name == "wreck":
            raise MissingPart(say("no module no_such_module", "no_such_module 모듈이 없습니다"))

    monkeypatch.setattr(doctor, "load_plugin", load)
    found = doctor.examine()
    wreck = next(p for p in found.plugins if p.name == "wreck")
    assert "no_such_module" in wreck.error.in_("ko")
    assert found.is_sound  # it is somebody else's


def test_a_mission_that_cannot_run_here_says_why_and_what_helps(monkeypatch):
    def refuse(loaded):
        raise MissingPart(say("PyBaMM is missing", "PyBaMM이 없습니다"), hint=say("pip install it", "설치하세요"))

    monkeypatch.setattr(doctor, "check_can_run", refuse)
    mission = next(m for m in doctor.examine().missions if m.name == "battery-fast-charge")
    assert mission.hindrance.in_("en") == "PyBaMM is missing"
    assert mission.remedy.in_("ko") == "설치하세요"


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be one" * 50])
def test_a_store_that_is_damaged_makes_the_core_unsound(tmp_path, content):
    place = tmp_path / "store.db"
    place.write_bytes(content)
    found = doctor.examine(str(place))
    assert found.store.error is not None
    assert not found.is_sound
    assert found.as_json()["store"]["error"]["ko"]
