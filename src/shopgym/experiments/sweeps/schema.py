"""The JSON Schema of a config in a file: what it includes, its sweep, and lists where one value stands."""

from __future__ import annotations

from typing import Any

from ...core.config import json_schema
from ..config_file import INCLUDE
from ..kinds import ConfigKind
from .config import SweepOptions
from .plan import FIXED

SCALARS = {"string", "integer", "number", "boolean", "null"}
INCLUDED = {
    "description": "files that are merged into this one; later ones win",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


def file_schema(kind: ConfigKind) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file of this kind."""
    whole = json_schema(kind.config_class())
    for name, part in [(None, whole), *whole["$defs"].items()]:
        fixed = FIXED if name is None else ()
        part["properties"] = {
            key: value if key in fixed else _or_list(value)
            for key, value in part.get("properties", {}).items()
        }
    options = json_schema(SweepOptions)
    if kind.has_seeds:
        options["properties"].pop("seeds")
    whole["properties"] |= {INCLUDE: INCLUDED, **options["properties"]}
    whole["$defs"] |= options["$defs"]
    return whole


def _or_list(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of one value, or of a list of such values; any other schema as it is."""
    if not _is_scalar(schema):
        return schema
    about: dict[str, Any] = {
        name: schema[name] for name in ("description", "default", "title") if name in schema
    }
    value = {name: part for name, part in schema.items() if name not in about}
    return {**about, "anyOf": [value, {"type": "array", "items": value}]}


def _is_scalar(schema: dict[str, Any]) -> bool:
    if "anyOf" in schema:
        return all(map(_is_scalar, schema["anyOf"]))
    return schema.get("type") in SCALARS or "const" in schema or "enum" in schema
