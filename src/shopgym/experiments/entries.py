"""The agents of a config: an entry is an agent with its options, under the agent's name or one of its own.

::

    agents:
      popularity: {}                          # the agent popularity
      lints_a: {agent: lints, alpha: 0.1}     # two of the same kind
      lints_b: {agent: lints, alpha: 0.5}
      linucb: {alpha: [0.1, 0.5]}             # linucb_alpha_0.1 and linucb_alpha_0.5
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..agents import agent_class, agent_names, make_agent
from ..agents.options import option_types
from ..agents.registry import check_agent
from ..agents.task import Task
from ..core.errors import InvalidInput, one_of
from ..core.protocols import Agent
from ..core.setting_types import takes_list

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


def swept_options(agent: str, options: Mapping[str, Any], field: str) -> list[str]:
    """The options for which a list of values stands where ``agent`` takes one.

    An agent that is given no list is not imported, and one that does not exist is left to the checks.

    Args:
        field: the dotted name of the options, for messages.
    """
    lists = [name for name, value in options.items() if isinstance(value, list)]
    if not lists or agent not in agent_names():
        return []
    types = option_types(agent_class(agent, field))
    return [name for name in lists if name in types and not takes_list(types[name])]


def expand_entries(agents: Mapping[str, Any]) -> dict[str, Any]:
    """``agents`` with an entry for each combination of values, where options are given lists of them.

    An entry is named after its values: ``lints: {alpha: [0.1, 0.5]}`` becomes ``lints_alpha_0.1`` and
    ``lints_alpha_0.5``.

    Raises:
        InvalidInput: a list is empty, a value stands twice in it, or two entries would have one name.
    """
    expanded: dict[str, Any] = {}
    for name, written in agents.items():
        for entry, options in _expanded(name, written):
            if entry in expanded or (entry != name and entry in agents):
                raise InvalidInput("agents", entry, "two entries would have this name: rename one")
            expanded[entry] = options
    return expanded


def _expanded(name: str, written: Any) -> list[tuple[str, Any]]:
    if not isinstance(written, Mapping):
        return [(name, written)]  # refused when the config is built
    agent = str(written.get(AGENT, name))
    swept = swept_options(agent, written, f"agents.{name}")
    for option in swept:
        values = written[option]
        if not values or any(value in values[:at] for at, value in enumerate(values)):
            raise InvalidInput(f"agents.{name}.{option}", values, "a grid needs values, each of them once")
    entries = []
    for values in product(*(written[option] for option in swept)):
        chosen = dict(zip(swept, values, strict=True))
        parts = [f"_{option}_{_in_name(value)}" for option, value in chosen.items()]
        named = {} if not swept or AGENT in written else {AGENT: agent}
        entries.append((name + "".join(parts), {**named, **written, **chosen}))
    return entries


def _in_name(value: Any) -> str:
    """A value as a part of a name: letters, digits, dots and minus signs."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-") if not text.startswith("-") else text


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
