"""What the report says of the reward: the exact lint, and what clicks alone would have cost."""

from __future__ import annotations

from html import escape

from ...evaluation.figures import image
from ...guardrails.reward.sentences import what_it_does
from ..results import Results

PRESSURE = "Under pressure"


def reward_section(results: Results) -> str:
    """A heading, the verdict of the lint, its picture and the click-only reward; empty without a lint."""
    lint = results.lint
    if lint is None:
        return ""
    parts = [f"<h2>The reward</h2><p><b>{escape(lint.verdict)}</b>. {escape(lint.headline)}</p>"]
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
    return "".join(parts) + _clicks(results)


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
