"""Settings by their dotted name: ``agents.linucb.alpha=0.3`` on the command line or in a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ..core.errors import InvalidInput
from ..core.setting_types import default_at
from ..core.yaml_file import parse_yaml


def parse_override(text: str) -> tuple[str, Any]:
    """(dotted name, value) of ``name=value``; the value is YAML.

    Raises:
        InvalidInput: it has another form.
    """
    name, equals, value = text.partition("=")
    if not equals or not all(name.split(".")):
        raise InvalidInput("setting", text, "write name=value, e.g. training.rounds=10")
    return name, parse_yaml(value, name, value)


def with_overrides(cls: type[Any], values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """``values`` with the settings ``name=value`` of the command line; of one given twice the last counts.

    Args:
        cls: of the config.

    Raises:
        InvalidInput: one has another form, or names a part of what is no mapping. Unknown names are left to
            the check of the config.
    """
    for text in overrides:
        values = with_setting(cls, values, *parse_override(text))
    return dict(values)


def with_setting(cls: type[Any], values: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """A copy of the mapping of a config in which the setting ``name`` has ``value``.

    Where the config leaves a mapping out, its default is filled in first: ``agents.lints.alpha`` changes one
    of the agents that a config has if it names none.

    Args:
        cls: of the config, for its defaults.
        name: dotted; a number is a place in a list.

    Raises:
        InvalidInput: a part of the name is no mapping.
    """
    changed: dict[str, Any] = deepcopy(dict(values))
    place = tuple(name.split("."))
    inner: Any = changed
    for depth, part in enumerate(place[:-1], start=1):
        if isinstance(inner, list):
            inner = inner[_index(name, inner, part)]
            continue
        if inner.get(part) is None:
            default = default_at(cls, place[:depth])
            inner[part] = deepcopy(dict(default)) if isinstance(default, Mapping) else {}
        inner = inner[part]
        if not isinstance(inner, dict | list):
            raise InvalidInput(name, value, f"{'.'.join(place[:depth])} is no group of settings")
    last: Any = _index(name, inner, place[-1]) if isinstance(inner, list) else place[-1]
    inner[last] = value
    return changed


def _index(name: str, values: Sequence[Any], part: str) -> int:
    if not part.isdigit() or int(part) >= len(values):
        raise InvalidInput(name, part, f"give a place in the list, 0 to {len(values) - 1}")
    return int(part)
