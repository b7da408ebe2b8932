"""Bytes of a text table: compressions and encodings, told by what the file begins with."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import IO, cast

HEAD = 1 << 18
"""Bytes at the beginning that a table is recognised by."""
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PLAIN = ("utf-8", "utf-8-sig")
WINDOWS = "cp1252"
"""What text of western Europe is that is no UTF-8."""


def open_bytes(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed if it begins as gzip, bzip2, xz, zip or Zstandard files do.

    Raises:
        ValueError: a zip file of several files, or a workbook, which is one.
    """
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path))
    if start.startswith(b"BZh"):
        return bz2.open(path)
    if start == b"\xfd7zXZ\x00":
        return lzma.open(path)
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        return cast(IO[bytes], pa.input_stream(str(path), compression="zstd"))
    if start.startswith(b"PK\x03\x04"):
        return _only_member(path)
    return path.open("rb")


def _only_member(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX") and name[-1] != "/"]
    if "[Content_Types].xml" in names:
        raise ValueError("it is a workbook: save the sheet as CSV")
    if len(names) != 1:
        raise ValueError(f"the archive holds {len(names)} files: it has to be one")
    return archive.open(names[0])


def encoding_of(head: bytes, whole: bool) -> str:
    """The encoding of a text that begins with ``head``: by its byte order mark, by the zeros of UTF-16, UTF-8
    where it is valid, else that of Windows.

    Args:
        head: the first bytes.
        whole: whether these are all.

    Raises:
        ValueError: zeros that belong to no text.
    """
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    zeros = [head[start::2].count(0) / max(1, len(head) // 2) for start in (0, 1)]
    if max(zeros) > 0.3 and min(zeros) < 0.05:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    if 0 in head:
        raise ValueError("it holds bytes that are no text")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        return WINDOWS if _is_text(head, WINDOWS) else "latin-1"
    return "utf-8"


def _is_text(head: bytes, encoding: str) -> bool:
    try:
        head.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
