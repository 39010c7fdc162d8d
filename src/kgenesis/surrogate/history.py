"""Find code in the history of a repository by what it is, not by the name of a commit: commits are rebased, bytes stay."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def commits_with(wanted: Sequence[Mapping[str, str]], folder: Path) -> list[str] | None:
    """Return for each set of files the oldest commit that has all of them, empty where none has.

    Args:
        wanted: SHA-256 of the content by path relative to `folder`; one set for each commit looked for.
        folder: Where these paths start, inside a repository.

    Returns:
        A commit for each set; None if this is no repository or there is no git.
    """
    try:
        commits = _git(folder, "rev-list", "--reverse", "HEAD", "--", ".").decode().split()
        found = [""] * len(wanted)
        hashes: dict[str, str] = {}
        for commit in commits:
            blobs = _files(folder, commit)
            for i, files in enumerate(wanted):
                if not found[i] and files.keys() <= blobs.keys():
                    for name in files:
                        if (blob := blobs[name]) not in hashes:
                            hashes[blob] = sha256(_git(folder, "cat-file", "blob", blob)).hexdigest()
                    if all(hashes[blobs[name]] == told for name, told in files.items()):
                        found[i] = commit
    except (OSError, subprocess.SubprocessError):
        return None
    return found if commits else None


def _files(folder: Path, commit: str) -> dict[str, str]:
    """Return the blob of each file below a folder, by its path relative to it."""
    lines = _git(folder, "ls-tree", "-r", "-z", commit, ".").decode().split("\0")
    parts = (line.partition("\t") for line in lines if line)
    return {name: about.split()[2] for about, _, name in parts}


def _git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True, timeout=30).stdout  # noqa: S603, S607
