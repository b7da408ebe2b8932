"""The finished parts of a run: one file each, whole or not there at all, and never of another run."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..._version import __version__
from ...agents import agent_class
from ...core.files import new_file
from ...core.hashing import hash_json
from ...core.items import Items
from ..config import ExperimentConfig
from ..entries import agent_entries
from .codec import ROOT, read_value, write_value

T = TypeVar("T")
SCHEMA = 1
"""Of a file. A file of another schema is not read: its part is done again."""
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile)


class Parts(Protocol):
    """Where a stage looks for what it has done already."""

    def result(self, name: str, inputs: Sequence[str], make: Callable[[], T]) -> T:
        """What ``make`` returns, or returned when the run was begun.

        Args:
            name: of the part, unique in the run.
            inputs: hashes of what it depends on, beside the config and the catalogue.
        """
        ...


class NotKept:
    """Every part is done."""

    def result(self, name: str, inputs: Sequence[str], make: Callable[[], T]) -> T:
        """Call ``make``."""
        return make()


@dataclass
class PartStore:
    """Parts in a folder.

    Attributes:
        folder: of the files.
        run: hash of what all parts depend on, see :func:`run_hash`.
        items: the catalogue.
        taken: names of the parts that were there.
    """

    folder: Path
    run: str
    items: Items
    taken: list[str] = field(default_factory=list)

    def result(self, name: str, inputs: Sequence[str], make: Callable[[], T]) -> T:
        """The stored result of a part; where there is none, that of ``make``, which is stored."""
        path = self.folder / f"{name}.npz"
        key = hash_json({"run": self.run, "part": name, "inputs": list(inputs)})
        stored = self._read(path, key)
        if stored is not None:
            self.taken.append(name)
            value: T = stored[0]
            return value
        made = make()
        with new_file(path) as temporary:
            write_value(temporary, (key, made), self.items)
        return made

    def _read(self, path: Path, key: str) -> tuple[Any] | None:
        """The value in a tuple; None where the file is missing, damaged or belongs to another run."""
        if not path.is_file():
            return None
        try:
            stored, value = read_value(path, self.items)
        except UNREADABLE:
            return None
        return (value,) if stored == key else None


def run_hash(config: ExperimentConfig, catalog_hash: str) -> str:
    """Of what every part of a run depends on: config, catalogue, version of the package, schema."""
    parts = {"config": config.stored(), "catalog": catalog_hash}
    return hash_json({**parts, "version": __version__, "schema": SCHEMA})


def has_own_code(config: ExperimentConfig) -> bool:
    """Whether a run calls code from outside the package, which may change between two attempts."""
    agents = {entry.agent for entry in agent_entries(config.agents)} | {config.log.agent}
    if config.retrieve is not None:
        agents.add(config.retrieve.agent)
    return bool(config.imports) or any(
        not agent_class(name).__module__.startswith(f"{ROOT}.") for name in sorted(agents)
    )
