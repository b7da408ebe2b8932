"""From a mapping to a frozen dataclass, with errors that name the field, the value and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast, get_type_hints

from .errors import InvalidInput

T = TypeVar("T")


def build(cls: type[T], values: Mapping[str, Any], field: str) -> T:
    """``cls(**values)``, nested dataclasses included; unknown keys and wrong types are refused.

    Args:
        cls: a dataclass whose ``__post_init__`` checks ranges.
        values: by field name; what is missing keeps its default.
        field: the dotted name of the whole, for messages.
    """
    if not isinstance(values, Mapping):
        raise InvalidInput(field, values, "write a mapping of settings")
    hints = get_type_hints(cls)
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]  # T is a dataclass by contract
    ready: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{field}.{name}"
        if name not in known:
            raise InvalidInput(path, value, f"unknown setting; known: {', '.join(known)}")
        want: Any = hints[name]
        if is_dataclass(want) and not is_dataclass(value):
            ready[name] = build(cast("type[Any]", want), value, path)
            continue
        if want is float and type(value) is int:
            value = float(value)
        if want in (int, float, bool, str) and type(value) is not want:
            raise InvalidInput(path, value, f"give {_WORDS[want]}")
        ready[name] = value
    return cls(**ready)


_WORDS: dict[type, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
