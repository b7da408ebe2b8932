"""``shopgym agents``: the agents that a config may name."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from .console import AsJson, print_table, say


def agents(
    name: Annotated[str | None, typer.Argument(help="an agent, whose options are shown")] = None,
    as_json: AsJson = False,
) -> None:
    """List the agents that a config may name, one line each; or the options of one of them."""
    from ..agents.catalogue import agent_lines, agent_options

    rows: list[dict[str, Any]] = agent_lines() if name is None else agent_options(name)
    if as_json:
        print(json.dumps({"agents": rows} if name is None else {"agent": name, "options": rows}))
        return
    if not rows:
        say(f"{name} takes no options")
    print_table(name, rows, left=("agent", "kind", "what it does", "option", "type", "default"))
