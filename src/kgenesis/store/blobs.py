"""Files kept by their content: the same bytes are kept once, and what is read is what was put."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from kgenesis.kernel.errors import NotFound, StoreCorrupted
from kgenesis.kernel.text import say
from kgenesis.store.faults import translated

_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A folder of files named by the SHA-256 of their content, in sub-folders by its first two digits.

    Args:
        folder: made when the first blob is put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes | Path) -> str:
        """Keep bytes, or a copy of a file; on the disk on return. Returns the SHA-256 (hex).

        Raises:
            StoreUnavailable: the folder is read-only or full.
            NotFound: there is no such file.
        """
        if isinstance(content, Path) and not content.is_file():
            raise NotFound(say(f"there is no file {content}", f"{content} 파일이 없습니다"))
        with translated(str(self.folder)):
            if isinstance(content, bytes):
                digest = hashlib.sha256(content).hexdigest()
                return digest if self._has(digest) else self._write([content])
            with content.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
                if self._has(digest):
                    return digest
                source.seek(0)
                return self._write(iter(lambda: source.read(_CHUNK), b""))

    def path(self, sha256: str) -> Path:
        """Return where a blob lies, after checking that its content is still what was put.

        Raises:
            NotFound: there is no such blob.
            StoreCorrupted: its content has changed.
        """
        path = self._path(sha256)
        if path is None or not path.is_file():
            raise NotFound(say(f"there is no blob {sha256}", f"블롭 {sha256}이(가) 없습니다"))
        with translated(str(self.folder)), path.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
        if found != sha256:
            raise StoreCorrupted(say(f"the blob {path} was altered", f"블롭 {path}이(가) 바뀌었습니다"))
        return path

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading; checked as by `path`."""
        path = self.path(sha256)
        with translated(str(self.folder)):
            return path.open("rb")

    def _path(self, sha256: str) -> Path | None:
        return self.folder / sha256[:2] / sha256 if _SHA256.fullmatch(sha256) else None

    def _has(self, sha256: str) -> bool:
        path = self._path(sha256)
        return path is not None and path.is_file()

    def _write(self, chunks: Iterable[bytes]) -> str:
        """Write to a file beside, then give it its name at once: a reader sees a whole blob or none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        part, digest = Path(name), hashlib.sha256()
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            path = self.folder / digest.hexdigest()[:2] / digest.hexdigest()
            path.parent.mkdir(exist_ok=True)
            part.chmod(0o444)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows cannot open a folder, and needs not
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
