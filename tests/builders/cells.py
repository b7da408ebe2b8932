"""Cells that take no time, for tests of what runs them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from shopgym.core import InvalidInput
from shopgym.experiments.cells.cell import Cell


def place(name: str) -> str:
    """The function ``name`` of this module, as a cell names it."""
    return f"{__name__}:{name}"


def cells(count: int) -> list[Cell]:
    """Cells whose row is the square of their seed."""
    return [Cell(f"cell-{seed}", place("squares"), {}, {"seed": seed}) for seed in range(count)]


def squares(cell: Cell) -> list[dict[str, Any]]:
    """A row."""
    return [{"value": float(cell.key["seed"]) ** 2}]


def odd(_: Cell) -> list[dict[str, Any]]:
    """Numbers that JSON does not have, or that are not Python's."""
    return [{"third": np.float64(1 / 3), "nan": np.nan, "count": np.int64(3), "list": (0.1, np.inf)}]


def fails(cell: Cell) -> list[dict[str, Any]]:
    """No row."""
    raise InvalidInput("toy", cell.key["seed"], "never works")


def waits(_: Cell) -> list[dict[str, Any]]:
    """No row for a long time."""
    time.sleep(600)
    return []


def dies_once(cell: Cell) -> list[dict[str, Any]]:
    """The first time it takes its process with it."""
    mark = Path(cell.config["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"value": 1.0}]


def ignores_interrupts(_: Cell) -> list[dict[str, Any]]:
    """Whether the keyboard does not interrupt this process."""
    return [{"ignored": signal.getsignal(signal.SIGINT) is signal.SIG_IGN}]


def slow_square(cell: Cell) -> list[dict[str, Any]]:
    """As :func:`squares`, after a second."""
    time.sleep(1.0)
    return squares(cell)
