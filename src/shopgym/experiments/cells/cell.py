"""A cell: the smallest part of a study that is run, kept and run again by itself."""

from __future__ import annotations

import json
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...core.hashing import hash_json
from .exact_json import exact_json

SCHEMA = 1
"""Of a result file. A result of another schema is not read: its cell is run again."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One unit of work of a study.

    Attributes:
        name: of its result file, unique in the study.
        function: of the cell, that makes its rows: ``module:name``. It is called with the cell.
        config: as a run stores it, with all defaults.
        key: what tells this cell from the others with the same config, such as its seed. All that is random
            in it comes from the config and the key.
        folder: where its whole run is written; None: only its rows are kept.
    """

    name: str
    function: str
    config: Mapping[str, Any]
    key: Mapping[str, str | int]
    folder: Path | None = None

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what the rows depend on: function, config, key, version of the package, schema."""
        parts = {"function": self.function, "config": self.config, "key": dict(self.key)}
        return hash_json({**parts, "version": __version__, "schema": SCHEMA})


@dataclass(frozen=True)
class CellResult:
    """What a cell came to.

    Attributes:
        rows: of its table, as JSON says them; empty if it failed.
        seconds: it took.
        failed: why it has no rows; empty if it has.
        traceback: of the error.
        error: itself, where it was raised in this process or could be sent here; it is not stored.
    """

    cell: str
    hash: str
    rows: list[Row]
    seconds: float
    failed: str = ""
    traceback: str = ""
    error: Exception | None = field(default=None, compare=False)

    def as_dict(self, key: Mapping[str, str | int]) -> dict[str, Any]:
        """For the result file."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "hash": self.hash,
            "cell": self.cell,
            "key": dict(key),
            "seconds": self.seconds,
            "rows": self.rows,
            "failed": self.failed,
            "traceback": self.traceback,
        }


def perform(cell: Cell) -> CellResult:
    """Run a cell in this process; an error becomes a result that says so."""
    begin = time.perf_counter()
    try:
        # through JSON, so that rows that were just made and rows that were read again are the same
        rows = json.loads(json.dumps(exact_json(list(_function(cell.function)(cell)))))
        return CellResult(cell.name, cell.hash, rows, time.perf_counter() - begin)
    except Exception as error:
        reason, text = f"{type(error).__name__}: {error}", traceback.format_exc()
        seconds = time.perf_counter() - begin
        return CellResult(cell.name, cell.hash, [], seconds, reason, text, error)


def perform_elsewhere(cell: Cell) -> CellResult:
    """Run a cell in another process: its error is sent back where it can be."""
    result = perform(cell)
    try:
        pickle.dumps(result.error)
    except Exception:
        return replace(result, error=None)
    return result


def _function(place: str) -> Callable[[Cell], list[Row]]:
    module, _, name = place.partition(":")
    function: Callable[[Cell], list[Row]] = getattr(import_module(module), name)
    return function
