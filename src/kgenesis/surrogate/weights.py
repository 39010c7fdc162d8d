"""Weights on the disk, in the format safetensors: a header in JSON and plain numbers, nothing that could be executed.

The format is eight bytes with the length of the header, the header, and the tensors
(https://github.com/huggingface/safetensors); reading and writing it takes less than a dependency would.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[np.float32]]

MAX_HEADER = 1_000_000
"""Bytes; a longer header is no header of ours."""


def pack(tensors: Tensors, notes: Mapping[str, str]) -> bytes:
    """Return tensors, in order of their names, and notes as the bytes of a file."""
    header: dict[str, object] = {"__metadata__": dict(notes)}
    blocks, start = [], 0
    for name in sorted(tensors):
        block = np.ascontiguousarray(tensors[name], dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [start, start + len(block)]}
        blocks.append(block)
        start += len(block)
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + b"".join(blocks)


def unpack(content: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Return tensors and notes of a file's bytes.

    Raises:
        ValueError: It is no safetensors file of 32-bit numbers.
    """
    size = int.from_bytes(content[:8], "little")
    if not 0 < size <= min(MAX_HEADER, len(content) - 8):
        raise ValueError("the header is longer than the file")
    header = json.loads(content[8 : 8 + size])
    notes = header.pop("__metadata__", {})
    body, tensors = content[8 + size :], {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if entry["dtype"] != "F32" or not 0 <= start <= end <= len(body) or end - start != 4 * count:
            raise ValueError(f"tensor {name} is not of 32-bit numbers, or lies outside the file")
        tensors[name] = np.frombuffer(body[start:end], "<f4").reshape(entry["shape"])
    return tensors, notes


def digest(tensors: Tensors) -> str:
    """Return the SHA-256 of tensors: names, shapes and bits, whatever the file around them."""
    found = sha256()
    for name in sorted(tensors):
        found.update(f"{name}{tuple(tensors[name].shape)}".encode())
        found.update(np.ascontiguousarray(tensors[name], dtype="<f4").tobytes())
    return found.hexdigest()


def read(path: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Return tensors and notes of a file; see `unpack`."""
    return unpack(path.read_bytes())
