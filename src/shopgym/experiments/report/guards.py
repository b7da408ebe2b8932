"""What the report says of the guards: how often each intervened, why, and which policy leans on them."""

from __future__ import annotations

from html import escape

import pandas as pd

from ...policies.guards.interventions import LEANS
from ..results import Results

STAGES = {"training": "While the agents learnt", "log": "On the log"}


def guards_section(results: Results) -> str:
    """A heading, who leans on the guards, and the interventions by policy and rule; nothing without rules."""
    table = results.guarding.table()
    if table.empty:
        return ""
    warnings = "".join(f"<li>{escape(warning)}</li>" for warning in results.guarding.warnings())
    leaning = (
        f'<ul class="bad">{warnings}</ul>'
        if warnings
        else f"<p>No policy leans on its guards: they forbid at most {LEANS:.0%} of its first choices.</p>"
    )
    deployed = table[table["stage"] == "deployment"]
    others = "".join(
        f"<details><summary>{escape(title)}</summary>{_rules(table[table['stage'] == stage])}</details>"
        for stage, title in STAGES.items()
        if (table["stage"] == stage).any()
    )
    return (
        "<h2>The guards</h2><p>What a policy would show without its guards is drawn with the same random "
        "numbers: its first choices. A rule intervened at a slot if it forbids the first choice there; by "
        "itself, if no other rule does. A floor is unmet at a slot if no candidate of its group was left.</p>"
        f"{_shares(deployed)}{leaning}{_rules(deployed)}{others}"
    )


def _shares(table: pd.DataFrame) -> str:
    """How much of what each policy would show is forbidden, by all rules together."""
    first = table.drop_duplicates("agent")
    shares = [
        f"{escape(agent)} {share:.1%}"
        for agent, share in zip(first["agent"], first["masked_share"], strict=True)
    ]
    return f"<p>First choices that are forbidden, of the deployed policies: {', '.join(shares)}.</p>"


def _rules(table: pd.DataFrame) -> str:
    """One row a policy and rule."""
    shown = pd.DataFrame(
        {
            "policy": table["agent"],
            "rule": table["rule"],
            "interventions": table["slots"].map("{:,}".format),
            "of all slots": table["share"].map("{:.1%}".format),
            "by itself": table["alone"].map("{:,}".format),
            "unmet": table["unmet"].map("{:,}".format),
            "why": table["why"],
            "forbade most often": table["items"],
        }
    )
    return f'<div class="scroll">{shown.to_html(index=False, border=0)}</div>'
