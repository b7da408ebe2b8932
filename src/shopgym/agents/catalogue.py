"""What agents there are, in one line each, without importing their libraries."""

from __future__ import annotations

import ast
import inspect
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from .options import option_types
from .registry import AGENTS, agent_class, agent_names

OWN = "added"
"""The kind of an agent that another package brings."""


def agent_lines() -> list[dict[str, Any]]:
    """One row an agent: ``agent``, ``kind`` (the part of the package it is in), ``what it does``."""
    return [_line(name) for name in agent_names()]


def agent_options(name: str) -> list[dict[str, Any]]:
    """One row an option of an agent: ``option``, ``type``, ``default``.

    Raises:
        InvalidInput: there is no such agent, or a library that it needs is not installed.
    """
    maker = agent_class(name)
    return [
        {"option": option, "type": _type_text(kind), "default": _default_text(maker, option)}
        for option, kind in option_types(maker).items()
    ]


def _line(name: str) -> dict[str, Any]:
    if name not in AGENTS:
        return {
            "agent": name,
            "kind": OWN,
            "what it does": _first_sentence(inspect.getdoc(agent_class(name))),
        }
    module, _, attribute = AGENTS[name].partition(":")
    text = _docstring(f"{__package__}.{module}", attribute)
    return {"agent": name, "kind": module.split(".")[0], "what it does": _first_sentence(text)}


def _docstring(module: str, attribute: str) -> str | None:
    """That of a class, read from the source: importing the module would import its libraries."""
    package, _, last = module.rpartition(".")
    folder = find_spec(package)
    assert folder is not None
    assert folder.origin is not None
    tree = ast.parse((Path(folder.origin).parent / f"{last}.py").read_text(encoding="utf-8"))
    return next(
        (
            ast.get_docstring(node)
            for node in tree.body
            if isinstance(node, ast.ClassDef) and node.name == attribute
        ),
        None,
    )


def _first_sentence(text: str | None) -> str:
    plain = re.sub(r":\w+:`[.~]*([^`]*)`", r"\1", " ".join((text or "").split("\n\n")[0].split()))
    return plain.replace("``", "")


def _type_text(kind: Any) -> str:
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return "" if kind is Any else re.sub(r"\b(\w+\.)+", "", str(kind))


def _default_text(maker: Any, option: str) -> str:
    for part in getattr(maker, "__mro__", (maker,)):
        parameter = inspect.signature(part).parameters.get(option)
        if parameter is not None:
            return "" if parameter.default is parameter.empty else repr(parameter.default)
        if option in vars(part).get("settings", {}):
            return repr(vars(part)["settings"][option])
    return ""
