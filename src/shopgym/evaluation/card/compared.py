"""A section of the card: one table of a comparison as dots and intervals, its periods as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise
from typing import Any

from ..answer import COLOURS, html
from ..answer.sentences import number, percent
from ..comparison.words import table_by
from ..figures import SERIES, figure_of_rows
from ..offline.formats import WeighedLog
from ..offline.inputs import OpeInputs
from .bars import Mark, intervals, legend
from .weights import picture, section

Rows = Sequence[Mapping[str, Any]]


def compared_section(answer: Mapping[str, Any], by: str, logs: Mapping[tuple[str, str], WeighedLog]) -> str:
    """The rows of the whole log, where ``by`` is empty, of a column's segments or of the periods."""
    kind = "value" if answer["baseline"] is None else "difference"
    rows = [row for row in answer["rows"] if row["by"] == by]
    content = ""
    if by and by == answer["period"] and any(row[kind] is not None for row in rows):
        content += _periods(answer)
    for reward in answer["rewards"]:
        own = [row for row in rows if row["reward"] == reward]
        log = next(log for (name, _), log in logs.items() if name == reward)
        content += _intervals(answer, own, kind, log)
    content += f"<details><summary>All numbers</summary>{html([table_by(answer, by)])}</details>"
    dashed = "what the log earned" if kind == "value" else "no difference"
    text = f"A dot is an estimate, its line the interval; the dashed line is {dashed}."
    return section(escape(f"By {by}" if by else "All rounds"), text, content)


def floor_of(log: WeighedLog) -> float | None:
    """0 where no logged reward is negative."""
    rounds = log.rounds
    return 0.0 if isinstance(rounds, OpeInputs) and float(rounds.reward.min()) >= 0 else None


def _periods(answer: Mapping[str, Any]) -> str:
    """The picture; the browser writes the names."""
    kind = "value" if answer["baseline"] is None else "difference"
    drawn = [row for row in answer["rows"] if row["by"] == answer["period"] and row[kind] is not None]
    policies = list(dict.fromkeys(row["policy"] for row in drawn))
    colours = [(name, SERIES[i % len(SERIES)]) for i, name in enumerate(policies)]
    names = legend(colours) if len(colours) > 1 else ""
    return names + picture(figure_of_rows(answer, names=False), "periods")


def _intervals(answer: Mapping[str, Any], rows: Rows, kind: str, log: WeighedLog) -> str:
    prefix = "" if kind == "value" else f"{kind}_"
    rows = [row for row in rows if row[f"{prefix}verdict"]]  # a baseline is not compared with itself
    several, by = len(answer["policies"]) > 1, rows[0]["by"]
    marks = [_mark(row, kind, prefix, several) for row in rows]
    if by and several:  # the name of a group once, in its first row
        again = [False, *(one["group"] == two["group"] for one, two in pairwise(rows))]
        pairs = zip(marks, again, strict=True)
        marks = [replace(mark, names=("", *mark.names[1:])) if same else mark for mark, same in pairs]
    names = [*([by] if by else []), *(["policy"] if several or not by else [])]
    header = [*names, kind, "", f"{percent(answer['level'])} interval", "verdict"]
    unit = f"{answer['units'][rows[0]['reward']]} a round"
    heading = unit if kind == "value" else f"{unit}, less {answer['baseline']}"
    base, floor = (log.logged_value, floor_of(log)) if kind == "value" else (0.0, None)
    return f"<h3>{escape(heading)}</h3>{intervals(header, marks, base=base, floor=floor)}"


def _mark(row: Mapping[str, Any], kind: str, prefix: str, several: bool) -> Mark:
    names = [*([row["group"]] if row["by"] else []), *([row["policy"]] if several or not row["by"] else [])]
    value, verdict = row[kind], row[f"{prefix}verdict"]
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    between = "" if value is None else f"{number(low)} to {number(high)}"
    return Mark(tuple(names), value, low, high, COLOURS[verdict], (between, verdict))
