"""The words of an analysis: one sentence, and tables of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..offline.verdict import REFUSE
from .effects import SEQUENCE, Bounds, Effect
from .outcomes import BETTER, KEPT, LOST, OPEN, REFUSED, UNCLEAR, WORSE

if TYPE_CHECKING:
    from .analysis import EffectRow, TestAnalysis


MOST = 10.0
"""A relative effect above which an end of an interval says no more than that it is large."""


def sentence(analysis: TestAnalysis) -> str:
    """What the test says of its first metric and of its guardrails."""
    if analysis.verdict == REFUSE:
        return f"do not read these numbers: {'; '.join(analysis.reasons)}"
    first = [row for row in analysis.rows if row.metric.name == analysis.rows[0].metric.name]
    parts = [_of_arm(row, analysis) for row in first]
    text = "; ".join(parts)
    when = "whenever you look" if analysis.options.stop == SEQUENCE else "at the planned end"
    return f"{text} ({100 * analysis.options.level:.4g}% confidence, valid {when})"


def _of_arm(row: EffectRow, analysis: TestAnalysis) -> str:
    control, name = analysis.arms[0], row.metric.name
    said = {
        BETTER: f"{row.arm} is better than {control} on {name}",
        WORSE: f"{row.arm} is worse than {control} on {name}",
        UNCLEAR: f"{row.arm} is not clearly other than {control} on {name}",
        KEPT: f"{row.arm} keeps {name} within {_share(row)} of {control}",
        LOST: f"{row.arm} loses more than {_share(row)} of {name}",
        OPEN: f"{row.arm} may still lose more than {_share(row)} of {name}",
    }[row.outcome]
    text = f"{said}: {change(row.effect.difference, row.effect.relative)}"
    bounds, tested = row.effect.difference, sum(not r.metric.is_guardrail for r in analysis.rows)
    if row.outcome == UNCLEAR and bounds.low * bounds.high > 0:
        text += f", which is too little among {tested} comparisons"
    guards = [r for r in analysis.rows if r.arm == row.arm and r.metric.is_guardrail and r is not row]
    for outcome, words in ((LOST, "breaks the guardrail"), (OPEN, "has not yet shown to keep the guardrail")):
        names = [r.metric.name for r in guards if r.outcome == outcome]
        if names:
            text += f", but it {words} {', '.join(names)}"
    if guards and all(r.outcome == KEPT for r in guards):
        text += ", and it keeps its guardrails"
    return text


def _share(row: EffectRow) -> str:
    return f"{100 * (row.metric.margin or 0.0):g}%"


def change(difference: Bounds, relative: Bounds) -> str:
    """``+4.19 [+1.61, +6.77], +63% [+21%, +120%]``."""
    text = f"{difference.value:+.3g} [{difference.low:+.3g}, {difference.high:+.3g}]"
    if math.isfinite(relative.value):
        text += f", {percents(relative)}"
    return text


def percents(relative: Bounds) -> str:
    """``+63% [+21%, +120%]``; an end above ten times the control is not written out."""
    high = f"{relative.high:+.1%}" if relative.high <= MOST else f"above {MOST:+.0%}"
    return f"{relative.value:+.1%} [{relative.low:+.1%}, {high}]"


def effect_rows(analysis: TestAnalysis) -> list[dict[str, str]]:
    """The table of all effects; of a refused test without numbers."""
    return [
        {"arm": row.arm, "metric": row.metric.name, **_numbers(row), "outcome": _outcome(row)}
        for row in analysis.rows
    ]


def _numbers(row: EffectRow) -> dict[str, str]:
    if row.outcome == REFUSED:
        return dict.fromkeys(("control", "treatment", "change", "p"), "-")
    return {
        "control": f"{row.effect.control:.4g}",
        "treatment": f"{row.effect.treatment:.4g}",
        "change": _change(row.effect),
        "p": "-" if row.metric.is_guardrail else f"{row.p:.3g}",
    }


def _outcome(row: EffectRow) -> str:
    told = row.metric.is_guardrail and row.outcome != REFUSED
    return f"{row.outcome} (guardrail {_share(row)})" if told else row.outcome


def _change(effect: Effect) -> str:
    """The relative effect with its interval; the difference where there is none."""
    bounds = effect.relative
    if math.isfinite(bounds.value):
        return percents(bounds)
    return change(effect.difference, bounds)


def part_rows(analysis: TestAnalysis, which: str) -> list[dict[str, str]]:
    """The table of ``segments`` or ``days``; empty where the test is refused."""
    if analysis.verdict == REFUSE:
        return []
    out = []
    for part in getattr(analysis, which):
        n, m = part.effect.units
        name = f"{part.by} {part.part}"
        cells = {"part": name, "arm": part.arm, "units": f"{n:,} + {m:,}", "change": _change(part.effect)}
        out.append(cells | ({"p, adjusted": f"{part.p:.3g}"} if which == "segments" else {}))
    return out


def trend_lines(analysis: TestAnalysis) -> list[str]:
    """What is said of novelty, one line an arm; empty where the test is refused."""
    if analysis.verdict == REFUSE:
        return []
    out = []
    for t in analysis.trends:
        clear = t.p < 1.0 - analysis.options.level
        said = "changes with the days" if clear else "shows no clear trend over the days"
        ends = f"{t.slope.value:+.3g} [{t.slope.low:+.3g}, {t.slope.high:+.3g}] a day over {t.days} days"
        out.append(f"the effect of {t.arm} {said}: {ends} (p = {t.p:.2g})")
    return out


def lines(analysis: TestAnalysis) -> list[str]:
    """What is read before any table: the verdict and why."""
    head = f"{analysis.verdict}: {analysis.sentence}"
    return [head, *(f"note: {text}" for text in (*analysis.reasons, *analysis.remarks) if text not in head)]
