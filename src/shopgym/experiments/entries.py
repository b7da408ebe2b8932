"""The agents of a config: an entry is an agent with its options, under the agent's name or one of its own.

::

    agents:
      popularity: {}                          # the agent popularity
      lints_a: {agent: lints, alpha: 0.1}     # two of the same kind
      lints_b: {agent: lints, alpha: 0.5}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..agents import agent_class, agent_names, make_agent
from ..agents.registry import check_agent
from ..agents.task import Task
from ..core.errors import InvalidInput, one_of
from ..core.protocols import Agent

AGENT = "agent"
"""The key of an entry that says which agent it is."""
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""Names of runs and entries: they become names of folders."""
RESERVED = ("best", "all")
"""Words with another meaning where a config or a table names an agent."""


@dataclass(frozen=True)
class AgentEntry:
    """One agent of an experiment.

    Attributes:
        name: in tables, folders and bundles.
        agent: a registered agent.
        options: of its class.
    """

    name: str
    agent: str
    options: Mapping[str, Any]

    def make(self, task: Task, rng: np.random.Generator) -> Agent:
        """The agent, which has learnt nothing yet."""
        return make_agent(self.agent, task, rng, **self.options)


def agent_entries(agents: Mapping[str, Mapping[str, Any]]) -> list[AgentEntry]:
    """The entries of a config's ``agents``, in order."""
    return [
        AgentEntry(
            name,
            str(written.get(AGENT, name)),
            {option: value for option, value in written.items() if option != AGENT},
        )
        for name, written in agents.items()
    ]


def check_entries(agents: Mapping[str, Mapping[str, Any]], user_names: Callable[[], tuple[str, ...]]) -> None:
    """Raise :class:`InvalidInput` at the first entry whose name, agent or options are wrong.

    Names are looked at before options, because for the options an agent is imported.
    """
    for entry in agent_entries(agents):
        if not re.fullmatch(NAME, entry.name) or entry.name in RESERVED:
            fix = f"start with a letter or digit, go on with letters, digits, _ . and -; not {RESERVED}"
            raise InvalidInput("agents", entry.name, fix)
        named = AGENT in agents[entry.name]
        try:
            one_of(f"agents.{entry.name}.{AGENT}" if named else "agents", entry.agent, agent_names())
        except InvalidInput as error:
            if named:
                raise
            fix = f"{error.fix}; or say which agent it is: {{agent: NAME}}"
            raise InvalidInput(error.field, error.value, fix) from None
    for entry in agent_entries(agents):
        if entry.options:
            check_agent(entry.agent, entry.options, f"agents.{entry.name}", user_names())


def import_agents(agents: Mapping[str, Mapping[str, Any]]) -> None:
    """Import the modules of all agents, so that a missing library shows before anything is trained."""
    for entry in agent_entries(agents):
        agent_class(entry.agent, f"agents.{entry.name}")
