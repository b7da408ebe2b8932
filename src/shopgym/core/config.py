"""From a mapping, as YAML gives it, to a typed config that is checked once; and the JSON Schema of a config.

A config is a frozen dataclass or a pydantic model. Types are strict: a text is no number, and a number with
a fraction is no whole number. Ranges are checked where the config says them.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from .errors import InvalidInput, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

T = TypeVar("T")
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
FIXES = {
    "int_type": "give a whole number",
    "float_type": "give a number",
    "bool_type": "give true or false",
    "string_type": "give a text",
    "path_type": "give a path",
    "tuple_type": "give a list",
    "list_type": "give a list",
    "dict_type": "write a mapping",
    "dataclass_type": "write a mapping of settings",
    "model_type": "write a mapping of settings",
    "missing": "give it: it has no default",
}
"""What to do about the kinds of error that pydantic names."""
UNION_TAG = re.compile(r"^(str|int|float|bool|(dict|list|tuple)\[.*\])$")
"""What pydantic adds to the place of a value that may be of several types."""


def build(cls: type[T], values: Mapping[str, Any], field: str = "") -> T:
    """The config of class ``cls`` that ``values`` describe, nested configs and lists included.

    Args:
        cls: a dataclass whose ``__post_init__`` checks ranges, or a pydantic model.
        values: by field name, as YAML gives them; parts may be configs already. What is missing keeps its
            default.
        field: the dotted name of the whole, for messages.

    Raises:
        InvalidInput: an unknown setting, a wrong type or a value out of range; names the field, its value
            and the fix.
    """
    from pydantic import ValidationError

    text = json.dumps({"config": _plain(values, field)})
    try:
        # lists for tuples and mappings for dataclasses are strictly right in JSON, but not in Python
        built: T = _model(cls).model_validate_json(text).config  # type: ignore[arg-type, attr-defined]
    except ValidationError as error:
        raise _invalid(error, cls, field) from None
    return built


def with_settings(config: T, settings: Mapping[str, Any], field: str = "config") -> T:
    """A config with some settings replaced, by dotted name: ``{"choice.click_base": -4.0}``.

    Raises:
        InvalidInput: as :func:`build`.
    """
    values: dict[str, Any] = _plain(config, field)
    for name, value in settings.items():
        *groups, last = name.split(".")
        inner = values
        for group in groups:
            inner = inner.setdefault(group, {})
            if not isinstance(inner, dict):
                raise InvalidInput(f"{field}.{name}", value, f"{group} is no group of settings")
        inner[last] = value
    return build(type(config), values, field)


class Settings(Generic[T]):
    """A config inside a pydantic model: as it was ``written``, which is stored and hashed, and as built."""

    def __init__(
        self, written: Mapping[str, Any], config: T
    ) -> None:  # no dataclass, or pydantic reads fields
        self.written, self.config = written, config

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        (kind,) = get_args(source)
        return core_schema.with_info_wrap_validator_function(
            lambda written, _, info: cls(written, build(kind, written, info.field_name or "")),
            handler.generate_schema(kind),  # for the JSON Schema
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda settings: dict(settings.written)
            ),
        )


def json_schema(cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a config, with the descriptions of its docstrings."""
    from pydantic.json_schema import GenerateJsonSchema

    class Described(GenerateJsonSchema):
        def dataclass_schema(self, schema: Any) -> dict[str, Any]:
            return _described(super().dataclass_schema(schema), schema["cls"])

        def model_schema(self, schema: Any) -> dict[str, Any]:
            return _described(super().model_schema(schema), schema["cls"])

        def encode_default(self, dft: Any) -> Any:
            return dict(dft.written) if isinstance(dft, Settings) else super().encode_default(dft)

    whole = _model(cls).model_json_schema(schema_generator=Described)  # type: ignore[arg-type]
    parts = whole["$defs"]
    return {"$schema": GenerateJsonSchema.schema_dialect, **parts.pop(cls.__name__), "$defs": parts}


@cache
def _model(cls: Any) -> type[BaseModel]:
    """A strict model around ``cls``: settings of pydantic reach a plain dataclass only from outside."""
    from pydantic import ConfigDict, create_model

    strict = ConfigDict(extra="forbid", strict=True)
    return create_model("Config", __config__=strict, config=(cls, ...))


def _plain(value: Any, path: str) -> Any:
    """``value`` as JSON can say it; raises :class:`InvalidInput` where it cannot."""
    if isinstance(value, Settings):
        return _plain(value.written, path)
    if is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(part, _dotted(path, (str(name),))) for name, part in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(part, f"{path}[{at}]") for at, part in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InvalidInput(path, value, "give a number, a text, true, false, a list or a mapping")


def _dotted(field: str, location: Sequence[str | int]) -> str:
    """``shop.campaigns[0].price_off``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{field}{text}".strip(".")


def _invalid(error: ValidationError, cls: type[Any], field: str) -> InvalidInput:
    """The first error, unknown names before others: they are why others are missing."""
    details = sorted(error.errors(), key=lambda e: e["type"] not in UNKNOWN)
    first = details[0]
    location, cause = first["loc"][1:], first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidInput):
        names = [str(part) for part in location]
        head = cause.field.split(".")[0]
        above = location[: names.index(head)] if head in names else ()
        return InvalidInput(_dotted("", (*above, cause.field)), cause.value, cause.fix)
    value, fix = first["input"], FIXES.get(first["type"], first["msg"].removeprefix("Value error, "))
    if location and UNION_TAG.match(str(location[-1])):  # one of several types: each says what it would take
        same = [e for e in details if e["loc"][:-1] == first["loc"][:-1] and e["input"] is first["input"]]
        location, fix = location[:-1], " or ".join(dict.fromkeys(FIXES.get(e["type"], fix) for e in same))
        details = details[len(same) - 1 :]
    if first["type"] in UNKNOWN:
        kind = _kind(cls, location[:-1])
        names = list(getattr(kind, "model_fields", None) or [f.name for f in fields(kind)])
        fix = f"unknown setting; known: {', '.join(names)}{did_you_mean(location[-1], names)}"
    elif first["type"] == "literal_error":
        key = location[-1] == "[key]"
        location = location[:-1] if key else location
        kind = get_args(_kind(cls, location[:-1]))[0] if key else _kind(cls, location)
        names = [str(name) for name in get_args(kind)]
        fix = f"choose one of {', '.join(names)}{did_you_mean(value, names)}"
    elif first["type"] in ("too_long", "too_short"):
        limits = first["ctx"]
        fix = f"give {limits.get('max_length', limits.get('min_length'))} values"
    more = f" ({len(details) - 1} more)" if len(details) > 1 else ""
    return InvalidInput(_dotted(field, location), value, f"{fix}{more}")


def _kind(kind: Any, location: Sequence[str | int]) -> Any:
    """The type of what stands at ``location`` in a config of type ``kind``."""
    for part in location:
        kind, inside = _not_none(kind), get_args(_not_none(kind))
        if get_origin(kind) is Settings:
            kind = inside[0]
        if get_origin(kind) is tuple:
            kind = inside[0 if inside[-1] is Ellipsis else int(part)]
        elif get_args(kind):
            kind = inside[-1]  # the values of a mapping, the items of a list
        else:
            kind = get_type_hints(kind).get(str(part))
    kind = _not_none(kind)
    return get_args(kind)[0] if get_origin(kind) is Settings else kind


def _not_none(kind: Any) -> Any:
    if get_origin(kind) in (UnionType, Union):
        return next(part for part in get_args(kind) if part is not NoneType)
    return kind


def _described(schema: dict[str, Any], cls: type[Any]) -> dict[str, Any]:
    """``schema`` with what the docstring of ``cls`` says of the whole and of each attribute."""
    text, _, attributes = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:\n")
    schema["description"] = text.strip()
    entries = re.split(r"\n    (?=\w)", "\n" + re.split(r"\n(?! |\n)", attributes)[0])
    for entry in entries:
        names, colon, meaning = entry.partition(":")
        for name in names.strip().split(", ") if colon else ():
            if name in schema.get("properties", {}):
                schema["properties"][name].setdefault("description", " ".join(meaning.split()))
    return schema
