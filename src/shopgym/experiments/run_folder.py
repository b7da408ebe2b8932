"""The folder of a run: one writer at a time, and nothing made before is replaced without a word."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from .._version import __version__
from ..core.errors import InvalidInput
from ..core.files import make_folder, new_folder
from ..core.yaml_file import read_yaml
from .cells.store import FOLDER

CONFIG, SUMMARY = "config.yaml", "summary.json"
"""Every run stores its config and what it came to under these names."""


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Let no other process write ``folder`` meanwhile; what a killed one left beside it is cleared away.

    The lock is a file beside the folder. It ends with the process, however that ends.

    Raises:
        InvalidInput: another process writes the folder.
    """
    make_folder(folder.parent)
    path = folder.parent / f".{folder.name}.lock"
    lock = _locked(path, folder)
    try:
        os.ftruncate(lock, 0)
        os.write(lock, json.dumps({"process": os.getpid(), "machine": socket.gethostname()}).encode())
        _clear_litter(folder)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _locked(path: Path, folder: Path) -> int:
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(lock, 1000).decode(errors="replace")
            os.close(lock)
            raise InvalidInput(
                "out", str(folder), f"{_owner(text)} writes it: wait, or choose another"
            ) from None
        if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
            return lock
        os.close(lock)  # its owner ended and removed it meanwhile


def _owner(text: str) -> str:
    try:
        owner = json.loads(text)
        return f"process {owner['process']} on {owner['machine']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def is_being_written(folder: Path) -> bool:
    """Whether a process writes ``folder`` at the moment."""
    path = folder.parent / f".{folder.name}.lock"
    if not path.exists():
        return False
    with path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _clear_litter(folder: Path) -> None:
    """Remove what :func:`.core.files.new_folder` leaves where its process is killed."""
    name = re.escape(folder.name)
    for path in folder.parent.glob(f".{folder.name}.*"):
        if re.fullmatch(rf"\.{name}\.old\.[a-z0-9_]{{8}}", path.name) and (path / folder.name).is_dir():
            if not folder.exists():  # killed between the two renamings: the earlier run stays
                os.replace(path / folder.name, folder)
            shutil.rmtree(path, ignore_errors=True)
        elif re.fullmatch(rf"\.{name}\.[a-z0-9_]{{8}}", path.name) and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def is_unfinished(folder: Path, mark: str) -> bool:
    """Whether ``folder`` holds a run in cells that did not come to its end."""
    return (folder / FOLDER).is_dir() and (folder / CONFIG).is_file() and not (folder / mark).is_file()


def check_folder(folder: Path, config: Mapping[str, Any], mark: str, overwrite: bool) -> None:
    """Raise :class:`InvalidInput` unless a run with ``config`` may be written as ``folder``, or gone on with.

    Args:
        folder: that may exist.
        config: as it will be stored.
        mark: a file that every finished run of this kind has.
        overwrite: whether an earlier run may be replaced; anything else never is.
    """
    if not folder.exists():
        return
    unfinished = is_unfinished(folder, mark)
    if not unfinished and not all((folder / name).is_file() for name in (mark, CONFIG)):
        raise InvalidInput("out", str(folder), "it exists and is no run of this kind: choose another folder")
    if overwrite:
        return
    changed = list(differences(stored_config(folder), config))
    if changed:
        names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        said = f"it holds a run of another config ({names})"
    elif unfinished:
        return
    else:
        said = "this config has been run into it, and would give the same results"
        if (made_by := version_of(folder)) not in ("", __version__):
            said = f"version {made_by} ran this config into it, and this version may give other results"
        if config.get("imports"):
            said += f" unless {', '.join(config['imports'])} changed since"
    raise InvalidInput("out", str(folder), f"{said}: choose another --out, or replace it with --overwrite")


def begin_folder(folder: Path, config: Mapping[str, Any], mark: str, overwrite: bool) -> bool:
    """Make the folder of a run in cells, or go on with it; returns whether it goes on.

    Call it as the folder's :func:`sole_writer`. An earlier run that may be replaced is removed.

    Raises:
        InvalidInput: as :func:`check_folder`.
    """
    check_folder(folder, config, mark, overwrite)
    if not overwrite and is_unfinished(folder, mark):
        return True
    with new_folder(folder) as new:
        (new / FOLDER).mkdir()
        (new / CONFIG).write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    return False


def stored_config(folder: Path) -> Any:
    """The config that a run stored; raises :class:`InvalidInput` where it cannot be read."""
    return read_yaml(folder / CONFIG, "run")


def version_of(folder: Path) -> str:
    """The version of the package that made the run in ``folder``; empty where that is not known."""
    return str(read_json(folder / "environment.json").get("shopgym", ""))


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a file; empty where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def differences(one: Any, two: Any, path: str = "") -> Iterator[str]:
    """Dotted names of the settings in which two configs differ."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for name in dict.fromkeys((*one, *two)):
            yield from differences(one.get(name), two.get(name), f"{path}.{name}".strip("."))
    elif one != two:
        yield path
