"""The figures of a report. Each takes results and returns a matplotlib figure; nothing is shown."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from ...evaluation.figures import ALARM_COLOUR, INK, MUTED, new_figure, titled
from ...evaluation.offline.verdict import CAUTION, REFUSE
from ...simulators.rollout import Episode
from ..results import Results, is_told

POINTS: dict[str, Any] = {"textcoords": "offset points"}
TRUTH = "#111827"
COLOURS = ("#9aa5b1", "#d97706", "#0f766e", "#2563eb", "#9333ea", "#be123c", "#4d7c0f", "#0369a1")


def colours(results: Results) -> dict[str, str]:
    """One colour per agent, the same in every figure."""
    return {agent: COLOURS[i % len(COLOURS)] for i, agent in enumerate(results.names)}


def learning(results: Results) -> Figure:
    """Exact expected reward of what was shown, batch by batch, while the agents learnt."""
    figure, (axes,) = new_figure(7.2, 4.0, grid="x")
    ends = []
    for agent, colour in colours(results).items():
        rows = results.learning.query("agent == @agent")
        smooth = rows["expected_reward"].rolling(5, min_periods=1, center=True).mean()
        axes.plot(rows["decisions"], rows["expected_reward"], color=colour, alpha=0.2, linewidth=1)
        axes.plot(rows["decisions"], smooth, color=colour, linewidth=2)
        ends.append((float(smooth.iloc[-1]), agent, colour))
    best = float((results.learning["expected_reward"] + results.learning["regret"]).mean())
    if math.isfinite(best):  # of single pages: what is best for one page need not be best for a visit
        axes.axhline(best, color=TRUTH, linewidth=1, linestyle=(0, (4, 3)))
        ends.append((best, "best possible", TRUTH))
    else:
        best = max(float(results.learning["expected_reward"].max()), 0.0) or 1.0
    axes.set_ylim(min(0.0, *(height for height, _, _ in ends)), 1.06 * best)
    right = results.learning["decisions"].max()
    axes.set_xlim(0, right)
    heights = _spread([end[0] for end in sorted(ends)], 0.055 * best)
    for y, (_, name, colour) in zip(heights, sorted(ends), strict=True):
        axes.annotate(name, (right, y), xytext=(6, 0), textcoords="offset points", color=colour, va="center")
    axes.set_xlabel("decisions so far")
    axes.set_ylabel(f"{results.unit} per decision")
    titled(axes, "While learning: expected reward of the pages shown")
    return figure


def offline_against_truth(results: Results) -> Figure:
    """Each estimator's interval from the log beside the shop's own value."""
    agents = results.names
    estimators = list(results.config.evaluation.estimators)
    figure, (axes,) = new_figure(7.2, 0.9 + 0.78 * len(agents), grid="x")
    marks = dict(zip(estimators, ("o", "s", "D", "^", "v", "P"), strict=False))
    step = 0.72 / len(estimators)
    for row, agent in enumerate(agents):
        truth = results.truth(agent)
        axes.plot([truth, truth], [row - 0.42, row + 0.42], color=TRUTH, linewidth=2, zorder=3)
        for e, estimator in enumerate(estimators):
            at = row + (e - (len(estimators) - 1) / 2) * step
            estimate = results.estimate(agent, estimator)
            if estimate is None:
                continue
            text: dict[str, Any] = {"color": MUTED, "fontsize": 7, "va": "center"}
            if not is_told(estimate):  # no number, so nothing to draw
                axes.annotate(f"{estimator.upper()}: refused", (0.0, at), xytext=(4, 0), **text, **POINTS)
                continue
            colour, high = colours(results)[agent], estimate["high"]
            axes.plot([estimate["low"], high], [at, at], color=colour, linewidth=2, alpha=0.9)
            axes.plot(estimate["value"], at, marks[estimator], color=colour, markersize=5)
            label = estimator.upper() + (" (caution)" if estimate["verdict"] == CAUTION else "")
            axes.annotate(label, (high, at), xytext=(4, 0), **text, **POINTS)
    axes.set_yticks(range(len(agents)), agents)
    axes.set_ylim(len(agents) - 0.45, -0.55)
    told = results.evaluation[results.evaluation["verdict"] != REFUSE]
    axes.set_xlim(left=min(0.0, float(told["low"].min())) if len(told) else 0.0)
    black = "for the log's requests" if results.episode is Episode.PAGE else "when deployed"
    axes.set_xlabel(f"{results.unit} per {results.per}; black: the true value {black}")
    level = results.config.evaluation.level
    titled(axes, f"From the log alone: estimates with {level:.0%} intervals")
    return figure


def gains(results: Results) -> Figure:
    """True gain over the baseline, and the lower bound that the gate asked of the log."""
    names = list(results.verdicts)
    figure, (axes,) = new_figure(7.2, 0.9 + 0.5 * len(names), grid="x")
    for row, agent in enumerate(names):
        verdict, colour = results.verdicts[agent], colours(results)[agent]
        true = results.agent(agent)
        axes.barh(row, true["gain"], height=0.5, color=colour, alpha=0.28)
        axes.plot([true["gain_low"], true["gain_high"]], [row, row], color=colour, linewidth=2)
        low = verdict.low if verdict.estimated else 0.0
        if verdict.estimated:
            axes.plot(low, row, "|", color=TRUTH, markersize=16, markeredgewidth=2)
        axes.annotate(
            "passed" if verdict.passed else "refused",
            (max(true["gain_high"], low, 0.0), row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=INK if verdict.passed else ALARM_COLOUR,
            fontsize=9,
        )
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.15)
    told_by = "paired deployments" if results.episode is Episode.SEASON else "the log"
    axes.set_xlabel(f"{results.unit} per {results.per}; black tick: lower bound from {told_by}")
    titled(axes, f"Gain over {results.chosen.baseline}: the truth, and what the gate could know")
    return figure


def over_time(results: Results) -> Figure:
    """Margin, stock and price of the deployments, day by day; a panel only where there is something."""
    panels = {
        "margin": f"margin a day,\n{results.catalog.items.currency}",
        "in_stock": "range in stock, %",
        "sold_out_slots": "slots sold out, %",
        "price_level": "price shown,\n% of list price",
    }
    table = results.days
    drawn = [name for name in panels if table[name].notna().any() and table[name].nunique() > 1]
    figure, rows = new_figure(7.2, 0.6 + 1.7 * len(drawn), len(drawn))
    for axes, name in zip(rows, drawn, strict=True):
        for agent, colour in colours(results).items():
            of_agent = table.query("agent == @agent")
            scale = 1.0 if name == "margin" else 100.0
            axes.plot(of_agent["day"], scale * of_agent[name], color=colour, linewidth=1.8, label=agent)
        axes.set_ylabel(panels[name], fontsize=8)
    for number, campaign in enumerate(results.config.shop.config.campaigns):
        for axes in rows:
            span = (campaign.start, min(campaign.start + campaign.days, float(table["day"].max())))
            axes.axvspan(*span, color=MUTED, alpha=0.15, label="campaign" if number == 0 else None)
    rows[0].legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    rows[-1].set_xlabel("day")
    titled(rows[0], f"Deployed, day by day: mean of a {results.per}")
    return figure


FIGURES = {"learning": learning, "offline": offline_against_truth, "gains": gains}


def _spread(heights: list[float], gap: float) -> list[float]:
    """Rising heights pushed apart until neighbours are ``gap`` apart."""
    out: list[float] = []
    for height in heights:
        out.append(max(height, out[-1] + gap) if out else height)
    return out
