"""Whether the log can tell: what was tried, and whether its probabilities are right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.types import I64
from ..figures import BLUE, GREY
from ..offline.formats import WeighedLog
from ..offline.support import Support
from .bars import Mark, intervals, shares

MOST_ACTIONS = 12
"""Actions in a figure; more are left out, the least taken first."""


def support_sections(answer: Mapping[str, Any], log: WeighedLog) -> list[str]:
    """What was tried, and the sums that right probabilities make 1; none for slates."""
    support = log.support
    if support is None:
        return []
    sections = []
    if support.covers_all_actions:
        sections.append(_tried(support, log.labels))
    if not answer.get("varying_offer"):  # where an action was not on offer its sum misses 1 rightly
        sections.append(_calibration(answer, support, log.labels))
    return sections


def _tried(support: Support, labels: tuple[str, ...]) -> str:
    shown = _most_taken(support)
    text = (
        "How often each action was logged, and how often this policy takes it. Nothing can be known of "
        "actions that were hardly ever tried."
    )
    series = [
        ("in the log", GREY, [float(x) for x in support.logged[shown] / support.n]),
        ("by this policy", BLUE, [float(x) for x in support.mass[shown] / support.total]),
    ]
    bars = shares([labels[i] for i in shown], series)
    return f"<section><h2>Was it tried?</h2><p>{text}</p>{bars}{_left_out(shown, support)}</section>"


def _calibration(answer: Mapping[str, Any], support: Support, labels: tuple[str, ...]) -> str:
    p = support.p_value()
    if np.isnan(p):
        result = "too few rounds to test"
    elif "propensities" in answer:
        result = f"they were estimated from this log itself; test of balance: p = {p:.2g}"
    else:
        result = f"p = {p:.2g}; a right log falls below 0.00006 once in 16,000"
    shown = _most_taken(support)
    shown = shown[support.logged[shown] > 0]
    mean, error = (values[0, shown] for values in support.balance())
    marks = [
        # a sum of inverse probabilities cannot be negative
        Mark((labels[i],), 1 + m, max(0.0, 1 + m - 2 * e), 1 + m + 2 * e, BLUE)
        for i, m, e in zip(shown, mean.tolist(), error.tolist(), strict=True)
    ]
    table = intervals(("action", "sum", ""), marks, base=1.0, floor=0.0)
    return (
        "<section><h2>Are the logged probabilities right?</h2>"
        "<p>If they are, the rounds of each action, each counted one over its probability, add up to the "
        f"whole log: to 1, within the bars (2 standard errors). Over all actions and contexts: {result}.</p>"
        f"{table}{_left_out(shown, support)}</section>"
    )


def _most_taken(support: Support) -> I64:
    """The actions to draw; by the target, since the most logged of many would look logged too often."""
    by = support.mass if support.covers_all_actions else support.logged
    return np.asarray(np.argsort(-by, kind="stable")[:MOST_ACTIONS], dtype=np.int64)


def _left_out(shown: I64, support: Support) -> str:
    actions = len(support.logged)
    return f"<p class='muted'>{len(shown)} of {actions} actions</p>" if len(shown) < actions else ""
