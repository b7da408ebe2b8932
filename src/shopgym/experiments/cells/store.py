"""The results of cells on disk: one JSON file each, whole or not there at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...core.files import write_text
from .cell import SCHEMA, Cell, CellResult

FOLDER = "cells"
"""Below the folder of the study."""


@dataclass
class CellStore:
    """Result files in a folder.

    Attributes:
        folder: of the files.
        set_aside: by cell, why a file that was there was not used.
    """

    folder: Path
    set_aside: dict[str, str] = field(default_factory=dict)

    def clean(self) -> None:
        """Make the folder; remove what a killed process left half written. Only its sole writer may."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob(".*"):
            path.unlink()

    def read(self, cell: Cell) -> CellResult | None:
        """The result of ``cell``; None where it has to be run."""
        path = self._path(cell.name)
        if not path.is_file():
            return None
        reason, stored = self._read(path, cell)
        if reason:
            self.set_aside[cell.name] = reason
            return None
        assert stored is not None
        return CellResult(cell.name, cell.hash, stored["rows"], stored["seconds"])

    def write(self, cell: Cell, result: CellResult) -> None:
        """Keep a result."""
        text = json.dumps(result.as_dict(cell.key), indent=1, allow_nan=False)
        write_text(self._path(cell.name), text + "\n")

    def count(self, cells: Sequence[Cell]) -> int:
        """How many of the cells have a result already."""
        return sum(self.read(cell) is not None for cell in cells)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    @staticmethod
    def _read(path: Path, cell: Cell) -> tuple[str, dict[str, Any] | None]:
        """(why it cannot be used, or nothing; its contents)."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            made_by, schema, digest = stored["version"], stored["schema"], stored["hash"]
            failed, _ = stored["failed"], (stored["rows"], stored["seconds"])
        except (ValueError, KeyError, TypeError):
            return "it is half written", None
        if made_by != __version__:
            return f"it was made by version {made_by}", None
        if schema != SCHEMA:
            return f"it has schema {schema}", None
        if digest != cell.hash:
            return "it belongs to another config", None
        if failed:
            return f"it failed ({failed})", None
        return "", stored
