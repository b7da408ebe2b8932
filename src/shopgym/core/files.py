"""Nothing half-written: files and folders appear whole under their name, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InvalidInput

MANIFEST_HASH = "manifest.sha256"
"""A folder with this file, a bundle or a saved policy, holds what its manifest lists and nothing else."""

LOG_FILE = "decisions.log"
"""The log of a server in its folder: nothing may replace it."""


def fsync_path(path: Path) -> None:
    """Flush a file or a folder entry to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path) -> None:
    """Make a folder and the missing ones above it; each new entry is on the disk when this returns."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        fsync_path(folder.parent)


def folder_with(path: Path, name: str) -> Path | None:
    """The nearest of ``path`` and the folders above it that has a file ``name``; links are followed first."""
    real = path.resolve()
    return next((folder for folder in (real, *real.parents) if (folder / name).is_file()), None)


def require_outside_bundle(field: str, path: Path) -> None:
    """Raise :class:`InvalidInput` if ``path`` is or lies in a folder with a manifest of its files."""
    bundle = folder_with(path, MANIFEST_HASH)
    if bundle is not None:
        fix = f"{bundle} holds a bundle or a policy, and is replaced as a whole: give a place beside it"
        raise InvalidInput(field, str(path), fix)


def require_no_log(folder: Path) -> None:
    """Raise :class:`InvalidInput` if a server's log lies in ``folder``, which is about to be replaced."""
    log = next(folder.rglob(LOG_FILE), None)
    if log is not None:
        raise InvalidInput("folder", str(folder), f"it would replace the log {log}: move that away first")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed to ``path``.

    Raises:
        IsADirectoryError: ``path`` is a folder.
    """
    temporary = _temporary_beside(path)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        fsync_path(temporary)
        os.replace(temporary, path)
        fsync_path(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Raise ``OSError`` if no file can be written under this name, before long work is done for it.

    The missing folders above it are made.
    """
    _temporary_beside(path).unlink()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``path``; on success it takes the place of ``path``.

    An existing folder is moved aside first and deleted after the new one stands under its name.

    Raises:
        InvalidInput: a server keeps its log in the existing folder.
    """
    require_no_log(path)
    make_folder(path.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        for file in temporary.rglob("*"):
            if file.is_file():
                fsync_path(file)
        fsync_path(temporary)
        if path.exists():
            require_no_log(path)  # a server may have started meanwhile
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            os.replace(path, aside / path.name)
            os.replace(temporary, path)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            os.replace(temporary, path)
        fsync_path(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _temporary_beside(path: Path) -> Path:
    """An empty file in the folder of ``path``."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:  # of the name that was asked for
        raise type(error)(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
