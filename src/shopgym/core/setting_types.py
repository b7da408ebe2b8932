"""What the types of a config say about its settings: where one takes a list, and what its default is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .config import Settings

Path = tuple[str, ...]


def lists_for_scalars(kind: Any, values: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(place, list) wherever ``values`` has a list and the setting of a config of type ``kind`` takes none.

    What is unknown, or may be anything, is left to the checks of the config itself.
    """
    for name, value in values.items():
        kinds = _alternatives(_member(kind, name))
        place = (*path, name)
        if isinstance(value, Mapping):
            for inner in kinds:
                yield from lists_for_scalars(inner, value, place)
        elif isinstance(value, list) and kinds and not any(map(takes_list, kinds)):
            yield place, value


def takes_list(kind: Any) -> bool:
    """Whether a setting of this type may be a list."""
    return any(
        part is Any or _is_kind(get_origin(part) or part, (Sequence, Collection), but=(str, Mapping))
        for part in _alternatives(kind)
    )


def default_at(kind: Any, place: Path) -> Any:
    """The default of the setting at ``place`` of a config of type ``kind``; None where it has none."""
    default: Any = None
    for name in place:
        if isinstance(default, Mapping):
            default = default.get(name)
        elif default is not None and not isinstance(default, type) and hasattr(default, name):
            default = getattr(default, name)
        else:
            default = _default(kind, name)
        if isinstance(default, Settings):
            default = default.config
        kind = next(iter(_alternatives(_member(kind, name))), None)
    return default


def _default(kind: Any, name: str) -> Any:
    model = getattr(kind, "model_fields", None)
    if model is not None:
        return (
            None
            if name not in model or model[name].is_required()
            else model[name].get_default(call_default_factory=True)
        )
    for field in fields(kind) if is_dataclass(kind) else ():
        if field.name == name:
            made = field.default_factory
            return field.default if field.default is not MISSING else None if made is MISSING else made()
    return None


def _member(kind: Any, name: str) -> Any:
    """The type of the setting ``name`` of a config, or of the values of a mapping; None if it is unknown."""
    inside = get_args(kind)
    if inside:
        return inside[-1] if _is_kind(get_origin(kind), (Mapping,)) else None
    if not is_dataclass(kind) and not hasattr(kind, "model_fields"):
        return None
    return get_type_hints(kind).get(name)


def _alternatives(kind: Any) -> list[Any]:
    """The types that a setting may have, without None; those of what a ``Settings`` holds."""
    if get_origin(kind) in (UnionType, Union):
        return [part for option in get_args(kind) for part in _alternatives(option)]
    if get_origin(kind) is Settings:
        return list(get_args(kind))
    return [] if kind in (None, NoneType) else [kind]


def _is_kind(kind: Any, kinds: tuple[type, ...], but: tuple[type, ...] = ()) -> bool:
    return isinstance(kind, type) and issubclass(kind, kinds) and not issubclass(kind, but)
