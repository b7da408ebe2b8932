"""A card about one policy on one log: a single HTML file for people who decide, pictures inside."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.types import I64
from .answer import HEADINGS, estimator_notes, lines_before, number, quoted, refusals, unsupported_share
from .offline.streaming import EDGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .offline.support import Support

INK, MUTED, GRID, BLUE, GREY = "#1f2933", "#5f6b78", "#e3e8ee", "#2563eb", "#9aa5b1"
COLOURS = {"trust": "#0f766e", "caution": "#b45309", "refuse": "#b91c1c"}
MOST_ACTIONS = 12
"""Actions in a figure; more are left out, the least taken first."""

STYLE = (Path(__file__).parent / "card.css").read_text(encoding="utf-8")


def card(
    answer: dict[str, Any], histogram: I64, support: Support | None = None, labels: tuple[str, ...] = ()
) -> str:
    """The page.

    Args:
        answer: of ``shopgym evaluate``, as its ``--json`` prints it.
        histogram: importance weights in each bin of :data:`.offline.streaming.EDGES`.
        support: of single actions, or None.
        labels: of its actions.
    """
    sections = [_estimates(answer), _weights(histogram)]
    if support is not None:
        if support.covers_all_actions:
            sections.append(_support(support, labels))
        if not answer.get("varying_offer"):  # where an action was not on offer its sum misses 1 rightly
            sections.append(_calibration(answer, support, labels))
    word = answer["verdict"]
    *_, logged, verdict = map(str, lines_before(answer))
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(answer["policy"])} - offline evaluation</title><style>{STYLE}</style></head><body>
<small>shopgym evaluate</small><h1>What would <i>{escape(answer["policy"])}</i> have earned?</h1>
<div class="verdict {word}"><b>{HEADINGS[word]}</b><p>{escape(verdict)}</p></div>
<p>{escape(logged)}.</p>
{_reasons(answer)}
{_tiles(answer)}
<div class="grid">{"".join(sections)}</div>
{_small_print(answer)}
</body></html>
"""


def _reasons(answer: dict[str, Any]) -> str:
    """Why not trust: what was refused, then what is doubtful about the estimate that is quoted."""
    best = quoted(answer)
    items = [f"{', '.join(names)} refused: {reason}" for reason, names in refusals(answer)]
    items += best["reason"].split("; ") if best and best["reason"] else []
    if not items:
        return ""
    return f"<h2>Why</h2><ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _tiles(answer: dict[str, Any]) -> str:
    if not answer["estimates"]:
        return ""
    e = answer["estimates"][0]
    tiles = [
        (f"{e['ess']:,.0f}", f"rounds' worth of information about this policy, in {e['n']:,} rounds (ESS)"),
        (f"{e['max_weight']:.3g}", "the largest weight: for how many rounds a single one speaks"),
        (f"{e['tail_mass']:.0%}", "of all weight lies on the heaviest 1% of the rounds"),
        (unsupported_share(e), "of what the policy does is never seen in the log"),
    ]
    html = "".join(f'<div class="tile"><b>{value}</b>{escape(words)}</div>' for value, words in tiles)
    return f'<div class="tiles">{html}</div>'


def _estimates(answer: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(e['estimator'])}</td><td>{e['value']:.4g}</td>"
        f"<td>{number(e['low'])} to {number(e['high'])}</td>"
        f'<td class="word" style="color:{COLOURS[e["verdict"]]}">{e["verdict"]}</td></tr>'
        for e in answer["estimates"]
    )
    level = f"{answer['estimates'][0]['level']:.0%} " if answer["estimates"] else ""
    header = f"<th>method</th><th>value</th><th>{level}interval</th><th>verdict</th>"
    table = f"<table><tr>{header}</tr>{rows}</table>"
    picture = _picture(_draw_estimates(answer), "estimates with intervals") if answer["estimates"] else ""
    text = (
        "Several methods answer the same question in different ways. Where those with the same verdict "
        "agree, the answer is sounder. The dashed line is what was earned."
    )
    return _section("The estimates", text, picture + table)


def _section(title: str, text: str, content: str) -> str:
    return f"<section><h2>{title}</h2><p>{text}</p>{content}</section>"


def _weights(histogram: I64) -> str:
    text = (
        "A round that this policy would have chosen more often than the logging one counts for more: its "
        "weight. The average must be 1. A long tail to the right means that few rounds decide the answer."
    )
    picture = _picture(_draw_weights(histogram), "distribution of weights")
    return _section("How much each round counts", text, picture)


def _support(support: Support, labels: tuple[str, ...]) -> str:
    text = (
        "How often each action was logged, and how often this policy takes it. Nothing can be known of "
        "actions that were hardly ever tried."
    )
    picture = _picture(_draw_support(support, labels), "logged and target shares by action")
    return _section("Was it tried?", text, picture)


def _calibration(answer: dict[str, Any], support: Support, labels: tuple[str, ...]) -> str:
    p = support.p_value()
    if np.isnan(p):
        result = "too few rounds to test"
    elif "propensities" in answer:
        result = f"they were estimated from this log itself; test of balance: p = {p:.2g}"
    else:
        result = f"p = {p:.2g}; a right log falls below 0.00006 once in 16,000"
    return (
        "<section><h2>Are the logged probabilities right?</h2>"
        "<p>If they are, the rounds of each action, each counted one over its probability, add up to the "
        f"whole log: to 1, within the bars (2 standard errors). Over all actions and contexts: {result}.</p>"
        f"{_picture(_draw_calibration(support, labels), 'inverse propensity sums by action')}</section>"
    )


def _small_print(answer: dict[str, Any]) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in estimator_notes(answer))
    interval = answer["estimates"][0]["interval"] if answer["estimates"] else "none"
    return (
        f"<section><h2>Small print</h2><ul>{notes}<li>The answer is about the logged rounds, and "
        "takes them as independent. What the policy would do to later rounds is not in it.</li></ul>"
        f'<p class="muted">log {escape(answer["log"])} · interval {escape(interval)} · '
        f"seed {answer['seed']}</p>"
        "</section>"
    )


def _draw_estimates(answer: dict[str, Any]) -> Figure:
    estimates = answer["estimates"]
    figure, axes = _new(0.9 + 0.32 * len(estimates))
    for row, e in enumerate(estimates):
        colour = COLOURS[e["verdict"]]
        if e["low"] is not None and e["high"] is not None:
            axes.plot([e["low"], e["high"]], [row, row], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(e["value"], row, "o", color=colour, markersize=6)
    axes.axvline(answer["logged_value"], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(estimates)), [e["estimator"] for e in estimates])
    axes.set_ylim(len(estimates) - 0.4, -0.6)
    axes.set_xlabel(f"{answer['unit']} a round; dashed: what was earned")
    return figure


def _draw_weights(histogram: I64) -> Figure:
    figure, axes = _new(2.5)
    last = int(np.flatnonzero(histogram)[-1]) + 1
    first = min(int(np.flatnonzero(histogram[1:])[0]) + 1 if histogram[1:].any() else 1, last)
    share = histogram / histogram.sum()
    axes.bar(range(first, last), share[first:last], width=0.92, color=BLUE)
    if histogram[0]:
        axes.bar([first - 2], share[:1], width=0.92, color=GREY)
    every = max(1, round((last - first) / 5))
    ticks = list(range(first, last + 1, every))
    places, names = [i - 0.5 for i in ticks], [f"{EDGES[i]:.2g}" for i in ticks]
    if histogram[0]:
        places, names = [first - 2.0, *places], ["0", *names]
    axes.set_xticks(places, names)
    axes.grid(axis="x", visible=False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_ylabel("share of rounds")
    axes.set_xlabel("weight")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    return figure


def _draw_support(support: Support, labels: tuple[str, ...]) -> Figure:
    shown = _most_taken(support)
    figure, axes = _new(1.1 + 0.36 * len(shown))
    rows = np.arange(len(shown))
    axes.barh(rows - 0.2, support.logged[shown] / support.n, height=0.36, color=GREY, label="in the log")
    axes.barh(
        rows + 0.2, support.mass[shown] / support.total, height=0.36, color=BLUE, label="by this policy"
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    _name_rows(axes, shown, labels, len(support.logged))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)
    axes.set_xlabel("share of rounds")
    return figure


def _draw_calibration(support: Support, labels: tuple[str, ...]) -> Figure:
    shown = _most_taken(support)
    shown = shown[support.logged[shown] > 0]
    mean, error = (values[0, shown] for values in support.balance())
    figure, axes = _new(0.9 + 0.32 * len(shown))
    axes.axvline(1.0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    rows = np.arange(len(shown))
    axes.errorbar(1.0 + mean, rows, xerr=2.0 * error, fmt="o", color=BLUE, markersize=5, elinewidth=2)
    widest = max(0.02, 1.15 * float(np.max(np.abs(mean) + 2.0 * error)))
    axes.set_xlim(1.0 - widest, 1.0 + widest)
    _name_rows(axes, shown, labels, len(support.logged))
    axes.set_xlabel("sum of 1 / probability, over rounds")
    return figure


def _most_taken(support: Support) -> I64:
    """The actions to draw; by the target, since the most logged of many would look logged too often."""
    by = support.mass if support.covers_all_actions else support.logged
    return np.asarray(np.argsort(-by, kind="stable")[:MOST_ACTIONS], dtype=np.int64)


def _name_rows(axes: Axes, shown: I64, labels: tuple[str, ...], actions: int) -> None:
    names = [labels[i] if len(labels[i]) <= 14 else labels[i][:13] + "…" for i in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    if len(shown) < actions:
        axes.set_ylabel(f"{len(shown)} of {actions} actions")


def _new(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    # as wide as a phone, so that letters keep their size there
    figure = Figure(figsize=(4.8, height), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.xaxis.label.set(color=MUTED, size=9)
    axes.yaxis.label.set(color=MUTED, size=9)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=5)
    return figure, axes


def _picture(figure: Figure, name: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{code}">'
