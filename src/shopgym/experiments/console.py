"""Where tables are printed."""

from __future__ import annotations

from rich.console import Console


def wide_console(least: int) -> Console:
    """The terminal, or ``least`` columns where it is narrower: piped it would be 80, too few for numbers."""
    return Console(width=max(Console().width, least))
