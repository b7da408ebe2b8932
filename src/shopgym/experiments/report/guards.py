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
    others = "".join(
        f"<details><summary>{escape(title)}</summary>{_rules(table[table['stage'] == stage])}</details>"
        for stage, title in STAGES.items()
        if (table["stage"] == stage).any()
    )
    return (
        "<h2>The guards</h2><p>What a policy would show without its guards is drawn with the same random "
        "numbers: its first choices. A rule intervened at a slot if it forbids the first choice there; by "
        "itself, if no other rule does. A floor is unmet at a slot if no candidate of its group was left.</p>"
        f"{leaning}{_rules(table[table['stage'] == 'deployment'])}{others}"
    )


def _rules(table: pd.DataFrame) -> str:
    """One row a policy and rule; a policy's own share of first choices that are forbidden stands first."""
    shown = pd.DataFrame(
        {
            "policy": table["agent"],
            "first choices forbidden": table["masked_share"].map("{:.1%}".format),
            "rule": table["rule"],
            "why": table["why"],
            "interventions": table["slots"].map("{:,}".format),
            "of all slots": table["share"].map("{:.1%}".format),
            "by itself": table["alone"].map("{:,}".format),
            "unmet": table["unmet"].map("{:,}".format),
            "forbade most often": table["items"],
        }
    )
    return f'<div class="scroll">{shown.to_html(index=False, border=0)}</div>'
