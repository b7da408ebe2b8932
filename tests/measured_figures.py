"""List the tables of measured figures on the pages, and the command that makes each of them again.

    python tests/measured_figures.py

A table with many decimal numbers or percentages is one of measured figures. Its section, or the text before
the first section of its page, must name what makes it: a script in ``benchmarks/``, ``examples/`` or
``tests/``, a ``shopgym`` command, or a ``make`` target. The last line counts the tables without one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FIGURE = re.compile(r"(?<![\w.])[−+-]?\d+(?:,\d{3})*(?:\.\d+|\s?%|×)")
MOST_FIGURES = 8
"""A table with as many is one of measured figures; fewer may be definitions."""
COMMAND = re.compile(
    r"python -m shopgym[\w.]+|(?:python )?(?:benchmarks|tests|examples)/[\w/]+\.py"
    r"|shopgym (?:run|evaluate|realism|ope-benchmark|calibrate|reward)\b"
    r"|make (?:demo|bench-peers|bench|frameworks)\b"
)


@dataclass(frozen=True)
class MeasuredTable:
    """A table on a page: its heading, how many figures it has, and the command that makes it ('' if none)."""

    page: Path
    heading: str
    figures: int
    command: str


def measured_tables(page: Path) -> Iterator[MeasuredTable]:
    """The tables of measured figures of a page, in their order."""
    sections = re.split(r"^(?=## )", page.read_text(encoding="utf-8"), flags=re.M)
    preamble = sections[0]
    for section in sections:
        heading = section.partition("\n")[0].strip("# ")
        named = COMMAND.search(section) or COMMAND.search(preamble)
        for table in re.findall(r"(?:^[ ]*\|.*\|[ ]*\n)+", section, flags=re.M):
            figures = len(FIGURE.findall(table))
            if figures >= MOST_FIGURES:
                yield MeasuredTable(page, heading, figures, named[0] if named else "")


def main() -> int:
    """Print the list; 1 if a table has no command."""
    tables = [table for page in PAGES for table in measured_tables(page)]
    for table in tables:
        place = f"{table.page.relative_to(ROOT)}: {table.heading}"
        print(f"{place:<72} {table.figures:4d}  {table.command or 'NO COMMAND'}")
    missing = sum(not table.command for table in tables)
    print(f"{len(tables)} tables of measured figures, {missing} without a command")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
