"""The list of agents: complete, one line each, without their libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from shopgym.agents.catalogue import agent_lines, agent_options
from shopgym.agents.registry import agent_names
from shopgym.cli.main import app
from shopgym.core import InvalidInput


def test_every_agent_has_a_line() -> None:
    rows = agent_lines()
    assert [row["agent"] for row in rows] == list(agent_names())
    for row in rows:
        assert row["what it does"], row
        assert "\n" not in row["what it does"]


def test_the_list_needs_no_library_of_an_agent() -> None:
    code = "import sys, shopgym.agents.catalogue as c; c.agent_lines(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_options_are_those_of_the_class() -> None:
    rows = {row["option"]: row for row in agent_options("lints")}
    assert rows["alpha"] == {"option": "alpha", "type": "float", "default": "1.0"}
    assert agent_options("random") == []
    with pytest.raises(InvalidInput, match="did you mean 'lints'"):
        agent_options("lintz")


def test_the_command_prints_and_tells() -> None:
    listed = CliRunner().invoke(app, ["agents", "--json"])
    assert "linucb" in [row["agent"] for row in json.loads(listed.output)["agents"]]
    assert "Upper confidence bound" in CliRunner().invoke(app, ["agents"]).output
    assert "alpha" in CliRunner().invoke(app, ["agents", "linucb"]).output
    assert "takes no options" in CliRunner().invoke(app, ["agents", "random"]).output
