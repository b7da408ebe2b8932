"""From a mapping to a frozen dataclass, with errors that name the field, the value and the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .errors import InvalidInput

T = TypeVar("T")


def build(cls: type[T], values: Mapping[str, Any], field: str) -> T:
    """``cls(**values)``, nested dataclasses and tuples included; unknown keys and wrong types are refused.

    Args:
        cls: a dataclass whose ``__post_init__`` checks ranges.
        values: by field name; what is missing keeps its default.
        field: the dotted name of the whole, for messages.
    """
    if not isinstance(values, Mapping):
        raise InvalidInput(field, values, "write a mapping of settings")
    hints = get_type_hints(cls)
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]  # T is a dataclass by contract
    for name, value in values.items():
        if name not in known:
            raise InvalidInput(f"{field}.{name}", value, f"unknown setting; known: {', '.join(known)}")
    return cls(**{name: _fit(hints[name], value, f"{field}.{name}") for name, value in values.items()})


def _fit(want: Any, value: Any, path: str) -> Any:
    """``value`` as ``want``: a number, a text, a dataclass, a tuple of these, or one of these or None."""
    if get_origin(want) is UnionType and NoneType in get_args(want):
        if value is None:
            return None
        (want,) = (part for part in get_args(want) if part is not NoneType)
    if is_dataclass(want) and isinstance(want, type):
        return value if isinstance(value, want) else build(want, value, path)
    if get_origin(want) is tuple:
        return _fit_tuple(get_args(want), value, path)
    if want is float and type(value) is int:
        return float(value)
    if want in _WORDS and type(value) is not want:
        raise InvalidInput(path, value, f"give {_WORDS[want]}")
    return value


def _fit_tuple(parts: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidInput(path, value, "give a list")
    if len(parts) == 2 and parts[1] is Ellipsis:
        parts = (parts[0],) * len(value)
    if len(parts) != len(value):
        raise InvalidInput(path, value, f"give {len(parts)} values")
    return tuple(_fit(part, one, f"{path}[{i}]") for i, (part, one) in enumerate(zip(parts, value)))


_WORDS: dict[type, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
