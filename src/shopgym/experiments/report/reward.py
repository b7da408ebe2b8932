"""What the report says of the reward: the exact lint, what clicks alone would have cost, and the monitors."""

from __future__ import annotations

from html import escape

from ...evaluation.figures import image, png_of
from ...guardrails.monitor import monitor_figure
from ...guardrails.reward.findings import NOT_LINTED
from ...guardrails.reward.sentences import what_it_does
from ..results import Results

PRESSURE = "Under pressure"


def reward_section(results: Results) -> str:
    """A heading, the verdict of the lint, its picture, the click-only reward and what the monitors saw."""
    return f"<h2>The reward</h2>{_lint(results)}{_clicks(results)}{_monitors(results)}"


def _lint(results: Results) -> str:
    lint = results.lint
    if lint.verdict == NOT_LINTED:
        why = f"Nobody knows whether this reward can be gamed in this shop: {lint.headline}."
        return f'<p class="tile bad"><b>not linted</b>{escape(why)}</p>'
    parts = [f"<p><b>{escape(lint.verdict)}</b>. {escape(lint.headline)}</p>"]
    parts.append(
        "<p>The shop knows what every item earns, so the reward was attacked with that knowledge: the "
        "curve shows the business while pages are optimised ever harder for the reward.</p>"
    )
    if PRESSURE in lint.pictures:
        parts.append(image(lint.pictures[PRESSURE], PRESSURE))
    items = "".join(
        f"<li><b>{escape(finding.severity)}</b>: {escape(finding.message)} {escape(finding.remedy)}</li>"
        for finding in lint.findings
    )
    parts.append(f"<ul>{items}</ul>" if items else "")
    return "".join(parts)


def _clicks(results: Results) -> str:
    price = results.clicks
    if price is None:
        return ""
    star = results.reward.star.name
    text = (
        f"Had clicks alone been the reward, its best pages would keep {price.share.value:.0%} of the {star}"
    )
    bounds = f"{price.share.low:.0%} to {price.share.high:.0%}"
    return f"<p>{escape(f'{text} ({bounds}): {what_it_does(price, star)}.')}</p>"


def _monitors(results: Results) -> str:
    """The picture of every agent's monitor, the candidate's open; alarms stand before them."""
    if not results.monitors:
        return ""
    star = results.reward.star.name
    alarms = [
        f"<li><b>{escape(name)}</b>, after {row.pages:,} pages: {escape(row.alarm)}</li>"
        for name, monitor in results.monitors.items()
        if (row := next((row for row in monitor.rows if row.alarm), None)) is not None
    ]
    told = (
        f'<p>The monitor raised its alarm:</p><ul class="bad">{"".join(alarms)}</ul>'
        if alarms
        else "<p>It raised no alarm.</p>"
    )
    pictures = "".join(
        f"<details{' open' if name == results.chosen.candidate else ''}><summary>{escape(name)}</summary>"
        f"{image(png_of(monitor_figure(monitor, f'While {name} learnt')), f'Monitor of {name}')}</details>"
        for name, monitor in results.monitors.items()
    )
    return (
        f"<h3>While the agents learnt</h3><p>A monitor compared the reward with the {escape(star)} and each "
        f"agent with {escape(results.config.log.agent)}, as it was before it learnt.</p>{told}{pictures}"
    )
