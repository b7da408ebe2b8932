"""An agent that fails loses its own row, not the run."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


class Failures:
    """The agents that failed, and why.

    Args:
        needed: agents without which the run means nothing, such as the baseline: their errors are raised.
    """

    def __init__(self, needed: Collection[str] = ()) -> None:
        self.needed = needed
        self.reasons: dict[str, str] = {}
        self.tracebacks: dict[str, str] = {}

    @contextmanager
    def noted(self, agent: str, stage: str) -> Iterator[None]:
        """Note an error of ``agent`` in the block and go on after it.

        Args:
            stage: what the agent was doing, e.g. ``training``.
        """
        try:
            yield
        except Exception as error:
            if agent in self.needed:
                raise
            self.add(agent, f"{stage}: {type(error).__name__}: {error}", traceback.format_exc())

    def add(self, agent: str, reason: str, text: str) -> None:
        """Note that ``agent`` failed; ``text`` is the traceback."""
        self.reasons[agent], self.tracebacks[agent] = reason, text

    def write(self, folder: Path) -> None:
        """Write each traceback as ``failed/NAME.txt``; nothing where nobody failed."""
        for agent, text in self.tracebacks.items():
            (folder / "failed").mkdir(exist_ok=True)
            (folder / "failed" / f"{agent}.txt").write_text(text, encoding="utf-8")
