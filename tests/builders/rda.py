"""Data frames of numbers from an R data file (serialisation format 2 or 3, XDR, compressed)."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SYMBOL, PAIRS, CHARS, LOGICAL, INTEGER, REAL, STRINGS, LIST, NIL, REFERENCE = (
    1,
    2,
    9,
    10,
    13,
    14,
    16,
    19,
    254,
    255,
)


def read_data_frame(path: Path, name: str) -> pd.DataFrame:
    """The data frame ``name`` inside the first object of an ``.rda`` file."""
    raw = path.read_bytes()
    opened = {b"\x1f\x8b": gzip, b"BZ": bz2, b"\xfd7": lzma}[raw[:2]].decompress(raw)
    assert opened[:7] in (b"RDX2\nX\n", b"RDX3\nX\n")
    pairs, _ = _Reader(opened[7:]).whole()
    (objects,) = [pairs[key] for key in list(pairs)[:1]]
    columns, names = objects
    frame, frame_names = columns[names["names"][0].index(name)]
    return pd.DataFrame(dict(zip(frame_names["names"][0], [column for column, _ in frame], strict=True)))


class _Reader:
    """R's serialisation, as far as lists of numbers and strings need it: each value comes with attributes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.seen = data, 0, []  # type: ignore[var-annotated]

    def whole(self) -> Any:
        version, _, _ = self.integers(3)
        if version == 3:
            self.take(self.integers(1)[0])
        return self.item()

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def integers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f">{count}i", self.take(4 * count))

    def item(self) -> Any:
        (flags,) = self.integers(1)
        kind = flags & 255
        if kind == NIL:
            return None, {}
        if kind == REFERENCE:
            return self.seen[(flags >> 8) - 1], {}
        if kind == SYMBOL:
            self.seen.append(self.item()[0])
            return self.seen[-1], {}
        if kind == PAIRS:
            return self.pairs(flags), {}
        (length,) = self.integers(1)
        if kind == CHARS:
            return (self.take(length).decode() if length >= 0 else None), {}
        if kind in (INTEGER, LOGICAL):
            value: Any = np.frombuffer(self.take(4 * length), ">i4").astype(np.int64)
        elif kind == REAL:
            value = np.frombuffer(self.take(8 * length), ">f8").astype(np.float64)
        elif kind == STRINGS:
            value = [self.item()[0] for _ in range(length)]
        else:
            assert kind == LIST, kind
            value = [self.item() for _ in range(length)]
        attributes = self.pairs(self.integers(1)[0]) if flags & 512 else {}
        return value, attributes

    def pairs(self, flags: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while flags & 255 == PAIRS:
            assert flags & 1024
            name = self.item()[0]
            entries[name] = self.item()
            (flags,) = self.integers(1)
        return entries
