"""Where a store lies."""

from pathlib import Path

import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.ports import PluginContext
from kgenesis.store import make_store, place_of


def test_a_path_and_its_address_are_the_same_place(tmp_path: Path) -> None:
    file = tmp_path / "a b.db"
    assert place_of(str(file)) == place_of(f"sqlite:///{file}") == place_of("a b.db", tmp_path)
    assert place_of("sqlite:///a%20b.db", tmp_path).path == file
    assert place_of(str(file)).blobs == tmp_path / "a b.db-blobs"
    assert place_of(str(file)).folder == tmp_path


def test_a_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place_of("~/x.db").path == tmp_path / "x.db"


def test_without_a_setting_the_environment_decides_and_then_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KGENESIS_STORE", str(tmp_path / "env.db"))
    assert place_of().path == tmp_path / "env.db"
    assert place_of(str(tmp_path / "set.db")).path == tmp_path / "set.db"
    monkeypatch.delenv("KGENESIS_STORE")
    default = place_of().path
    assert default is not None
    assert default.parts[-2:] == ("kgenesis", "kgenesis.db")


def test_a_password_is_never_shown() -> None:
    place = place_of("postgresql://ann:secret@db.example:5432/lab")
    assert place.label == "postgresql://db.example:5432/lab"
    assert place.url == "postgresql+psycopg://ann:secret@db.example:5432/lab"
    assert place.blobs != place_of("postgresql://db.example:5432/other").blobs


@pytest.mark.parametrize("address", ["mysql://ann:secret@host/x", "sqlite://", ":memory:", "sqlite:///:memory:"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        place_of(address)
    assert "secret" not in str(caught.value)


def test_unknown_or_wrong_settings_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    for settings in ({"path": "x"}, {"url": 3}, {"read_only": "yes"}):
        with pytest.raises(InvalidSpec):
            make_store(PluginContext(settings=settings, folder=tmp_path))
    assert list(tmp_path.iterdir()) == []
