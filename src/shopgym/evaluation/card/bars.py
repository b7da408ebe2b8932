"""Bars and intervals as HTML: the browser draws their names, so these may be of any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ..answer import COLOURS
from ..answer.sentences import number


@dataclass(frozen=True)
class Mark:
    """A value with its interval, or without.

    Attributes:
        names: what it is about, at the beginning of its row.
        value, low, high: numbers; None where there is none.
        colour: of the line and the dot.
        after: what stands after it.
    """

    names: tuple[str, ...]
    value: float | None
    low: float | None = None
    high: float | None = None
    colour: str = "#2563eb"
    after: tuple[str, ...] = ()


def intervals(
    header: Sequence[str],
    marks: Sequence[Mark],
    *,
    base: float,
    floor: float | None = None,
    ceiling: float | None = None,
) -> str:
    """A table whose rows have a dot and a line each, on one scale; a dashed line at ``base``.

    Nothing is drawn below ``floor``, where there is one: what cannot be negative has no bar below 0.
    The scale ends at ``ceiling``, and an arrow there says that an interval goes on.
    """
    ends = [end for mark in marks for end in (mark.value, mark.low, mark.high) if end is not None] + [base]
    if ceiling is not None:
        ends = [min(end, ceiling) for end in ends]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or abs(high) or 1.0
    low, high = low - room, high + room
    if floor is not None:
        low = max(low, floor)
    rows = "".join(_row(mark, low, high, base) for mark in marks)
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    width = len(marks[0].names) + 1 if marks else 0
    axis = f'<div class="axis"><span>{low:.3g}</span><span>{high:.3g}</span></div>'
    foot = f'<tr class="foot"><td colspan="{width}"></td><td>{axis}</td><td colspan="9"></td></tr>'
    return f'<table class="marks"><tr>{head}</tr>{rows}{foot}</table>'


def _row(mark: Mark, low: float, high: float, base: float) -> str:
    def place(value: float) -> float:
        return 100.0 * min(1.0, max(0.0, (value - low) / (high - low)))

    drawn = f'<i class="base" style="left:{place(base):.1f}%"></i>'
    if mark.low is not None and mark.high is not None:
        left, right = place(mark.low), place(mark.high)
        span = f"left:{left:.1f}%;width:{right - left:.1f}%"
        drawn += f'<i class="line" style="{span};background:{mark.colour}"></i>'
        drawn += f'<i class="beyond" style="color:{mark.colour}">▸</i>' if mark.high > high else ""
    if mark.value is not None:
        drawn += f'<i class="dot" style="left:{place(mark.value):.1f}%;background:{mark.colour}"></i>'
    names = "".join(f'<td class="name"><bdi>{escape(name)}</bdi></td>' for name in mark.names)
    value = "" if mark.value is None else number(mark.value)
    after = "".join(map(_cell, mark.after))
    return f'<tr>{names}<td>{value}</td><td class="track"><div>{drawn}</div></td>{after}</tr>'


def _cell(text: str) -> str:
    style = f' class="word" style="color:{COLOURS[text]}"' if text in COLOURS else ""
    return f"<td{style}>{escape(text)}</td>"


def shares(names: Sequence[str], series: Sequence[tuple[str, str, Sequence[float]]]) -> str:
    """Bars of shares: for each name one bar of each series (title, colour, shares in [0, 1])."""
    widest = max((share for _, _, values in series for share in values), default=0.0) or 1.0
    rows = ""
    for i, name in enumerate(names):
        bars = "".join(
            f'<div class="bar"><i style="width:{100 * values[i] / widest:.1f}%;background:{colour}"></i>'
            f"<span>{values[i]:.1%}</span></div>"
            for _, colour, values in series
        )
        rows += f'<tr><td class="name"><bdi>{escape(name)}</bdi></td><td>{bars}</td></tr>'
    names_of_series = legend([(title, colour) for title, colour, _ in series])
    return f'{names_of_series}<table class="shares">{rows}</table>'


def legend(names: Sequence[tuple[str, str]]) -> str:
    """Names with their colours."""
    spans = (
        f'<span><i style="background:{colour}"></i><bdi>{escape(name)}</bdi></span>' for name, colour in names
    )
    return f'<div class="legend">{"".join(spans)}</div>'
