"""An analysis as one self-contained HTML page: the verdict, then every effect as a line with its interval."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from ...core.html_page import html_page
from ..answer import COLOURS
from ..card.bars import Mark, intervals
from ..card.page import STYLE
from ..offline.verdict import REFUSE
from .effects import Effect
from .outcomes import BETTER, KEPT, LOST, WORSE
from .words import effect_rows, trend_lines

if TYPE_CHECKING:
    from .analysis import TestAnalysis

HEADINGS = {
    "trust": "The data of this test pass every check",
    "caution": "Read this test with care",
    "refuse": "Do not read this test",
}
MOST_DRAWN = 200.0
"""Effects in % that are drawn: with few orders a day an interval reaches thousands, and says no more."""
GOOD, BAD, OPEN_COLOUR = COLOURS["trust"], COLOURS["refuse"], "#5f6b78"


def page_of(analysis: TestAnalysis) -> str:
    """The page. A refused test shows its split and no effect."""
    title = escape(f"{', '.join(analysis.arms[1:])} against {analysis.arms[0]}")
    head = f"<small>shopgym abtest analyse</small><h1>{title}</h1>"
    return html_page(f"{title} - online test", STYLE, f"{head}{verdict_box(analysis)}{sections(analysis)}")


def verdict_box(analysis: TestAnalysis) -> str:
    """The verdict and the sentence, as HTML."""
    return f"""<div class="verdict {analysis.verdict}"><b>{HEADINGS[analysis.verdict]}</b>
<p>{escape(analysis.sentence)}</p></div>"""


def sections(analysis: TestAnalysis) -> str:
    """Everything below the verdict, as HTML."""
    body = "" if analysis.verdict == REFUSE else _effects(analysis) + _means(analysis)
    why = "".join(f"<li>{escape(reason)}</li>" for reason in (*analysis.reasons, *analysis.remarks))
    return f"{f'<h2>Why</h2><ul>{why}</ul>' if why else ''}{_split(analysis)}{body}"


def _means(analysis: TestAnalysis) -> str:
    """The means of the arms, their change and its p-value, in numbers."""
    rows = effect_rows(analysis)
    head = "".join(f"<th>{name}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>" for row in rows)
    return f"<h2>In numbers</h2><table><tr>{head}</tr>{body}</table>"


def _split(analysis: TestAnalysis) -> str:
    split = analysis.split
    rows = "".join(
        f"<tr><td>{escape(arm)}</td><td>{n:,}</td><td>{share:.1%}</td></tr>"
        for arm, n, share in zip(split.arms, split.units, split.planned)
    )
    head = f"<tr><th>arm</th><th>{analysis.noun}s</th><th>planned</th></tr>"
    chance = f"If the plan was followed, counts as uneven as these have a chance of {split.p:.2g}."
    return f"<h2>How {analysis.noun}s were split</h2><table>{head}{rows}</table><p>{chance}</p>"


def _effects(analysis: TestAnalysis) -> str:
    colours = {BETTER: GOOD, KEPT: GOOD, WORSE: BAD, LOST: BAD}
    several = len(analysis.arms) > 2
    marks = [
        _mark(
            (r.metric.name, r.arm) if several else (r.metric.name,),
            r.effect,
            colours.get(r.outcome, OPEN_COLOUR),
            r.outcome,
        )
        for r in analysis.rows
    ]
    head = ("metric", "arm") if several else ("metric",)
    sections = [_section("Relative effects", head, marks)]
    for title, parts in (("By segment", analysis.segments), ("Day by day", analysis.days)):
        own = [_mark((f"{p.by} {p.part}", p.arm), p.effect, OPEN_COLOUR, f"p = {p.p:.2g}") for p in parts]
        if own:
            sections.append(_section(title, ("part", "arm"), own))
    sections += [f"<p>{escape(line[0].upper() + line[1:])}.</p>" for line in trend_lines(analysis)]
    return "".join(sections)


def _section(title: str, head: tuple[str, ...], marks: list[Mark]) -> str:
    columns = (*head, "%", "relative effect", "interval", "")
    drawn = intervals(columns, marks, base=0.0, ceiling=MOST_DRAWN)
    return f"<h2>{escape(title)}</h2>{drawn}"


def _mark(names: tuple[str, ...], effect: Effect, colour: str, word: str) -> Mark:
    relative = effect.relative
    if not math.isfinite(relative.value):
        return Mark(names, None, colour=colour, after=("-", word))
    value, low, high = (100.0 * end for end in (relative.value, relative.low, relative.high))
    return Mark(names, value, low, high, colour, (f"[{low:+.1f}, {high:+.1f}]", word))
