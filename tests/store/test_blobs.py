"""Files kept by their content."""

import hashlib
from pathlib import Path

import pytest

from kgenesis.kernel.errors import NotFound, StoreCorrupted
from kgenesis.store import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "kgenesis.db-blobs")


def test_what_is_put_is_read_back_by_its_hash(blobs: Blobs) -> None:
    digest = blobs.put(b"content")
    assert digest == hashlib.sha256(b"content").hexdigest()
    with blobs.open(digest) as file:
        assert file.read() == b"content"
    assert blobs.path(digest) == blobs.folder / digest[:2] / digest


def test_a_file_and_its_bytes_are_one_blob(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    digests = {blobs.put(tmp_path / "file"), blobs.put(b"x" * 3_000_000), blobs.put(tmp_path / "file")}
    assert len(digests) == 1
    assert len([path for path in blobs.folder.rglob("*") if path.is_file()]) == 1


def test_an_altered_blob_is_refused(blobs: Blobs) -> None:
    path = blobs.path(blobs.put(b"content"))
    path.chmod(0o644)
    path.write_bytes(b"contenT")
    with pytest.raises(StoreCorrupted):
        blobs.open(path.name)


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_a_blob_that_is_not_there_is_not_found(blobs: Blobs, name: str) -> None:
    with pytest.raises(NotFound):
        blobs.open(name)


def test_a_file_that_is_not_there_is_not_found(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        blobs.put(tmp_path / "none")
    assert not blobs.folder.exists()
