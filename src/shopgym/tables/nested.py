"""Nested records, such as an order with a list of lines, as a flat table."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidInput
from .encoding import open_bytes

if TYPE_CHECKING:
    import pandas as pd

JSON = (".json", ".jsonl", ".ndjson")
BROKEN = "broken"
"""In ``attrs`` of a table: the numbers of lines that are no JSON object, from 0."""
RECORD = "record"
"""Name of the index of a table that was nested: the number of the record, from 0."""
ENVELOPES = ("orders", "items", "data", "results", "events")
"""Keys under which programming interfaces wrap the list of records."""


def is_json(path: Path) -> bool:
    """Whether the name ends in ``.json``, ``.jsonl`` or ``.ndjson``, maybe with that of a compression."""
    return any(suffix in JSON for suffix in path.suffixes[-2:])


def json_records(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """(records, numbers of the lines that are none) of a file with one JSON object a line; a file that ends
    in ``.json`` may also hold one list, bare or as programming interfaces wrap it.

    Raises:
        ValueError: no line is a JSON object.
    """
    with open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    try:
        whole = None if ".json" not in path.suffixes[-2:] else json.loads(text)
    except json.JSONDecodeError:
        whole = None
    if whole is None:
        return _lines(text)
    if isinstance(whole, dict):
        lists = [whole[key] for key in ENVELOPES if _is_records(whole.get(key))]
        whole = lists[0] if len(whole) <= 4 and len(lists) == 1 else [whole]
    if not isinstance(whole, list):
        raise ValueError("it is neither a list of records nor one record a line")
    broken = [place for place, record in enumerate(whole) if not isinstance(record, dict)]
    return [record if isinstance(record, dict) else {} for record in whole], broken


def _lines(text: str) -> tuple[list[dict[str, Any]], list[int]]:
    records: list[dict[str, Any]] = []
    broken: list[int] = []
    for number, line in enumerate(text.splitlines()):
        try:
            record = json.loads(line) if line.strip() else {}
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            broken.append(number)
        records.append(record if isinstance(record, dict) else {})
    if len(broken) == len(records):
        raise ValueError("no line is a JSON object")
    return records, broken


def field_names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """All names that :func:`flatten` gives the columns of the first records, whatever list it takes apart."""
    names: dict[str, None] = {}
    for record in records[:200]:
        scalars, lists = _parts(record)
        names.update(dict.fromkeys(scalars))
        for name, elements in lists.items():
            for element in elements[:20]:
                names.update(dict.fromkeys(f"{name}.{key}" for key in _parts(element)[0]))
    return list(names)


def flatten(
    records: Sequence[Mapping[str, Any]], field: str, lines: str = "", wanted: Collection[str] | None = None
) -> pd.DataFrame:
    """One row for each element of the list ``lines`` of each record, or for each record.

    Columns have dotted names: ``billing.country``, ``lines.sku``. A list of pairs of ``key`` and ``value``
    counts as an object. Of other lists a column holds the sum of the numbers with one name, ``refunds.total``
    for instance. A record whose list is empty keeps one row. The index is the number of the record.

    Args:
        records: n of them.
        field: what errors call them.
        lines: the list to take apart; "": the only one there is.
        wanted: names of the columns to keep; None: all.

    Raises:
        InvalidInput: there are several lists and none was named.
    """
    import pandas as pd

    parts = [_parts(record) for record in records]
    if not lines:
        names = list(dict.fromkeys(name for _, lists in parts for name in lists))
        if len(names) > 1:
            fix = f"say which list holds the lines: {', '.join(names)} (lines: of a mapping)"
            raise InvalidInput(field, names, fix)
        lines = names[0] if names else ""
    rows: list[dict[str, Any]] = []
    index: list[int] = []
    for number, (scalars, lists) in enumerate(parts):
        if not records[number]:
            continue
        elements = lists.pop(lines, [])
        for name, others in lists.items():
            scalars.update(_sums(name, others))
        shared = _only(scalars, wanted)
        for element in elements or [{}]:
            own = {f"{lines}.{key}": value for key, value in _parts(element)[0].items()}
            rows.append({**shared, **_only(own, wanted)})
            index.append(number)
    return pd.DataFrame(rows, index=pd.Index(index, name=RECORD))


def _only(row: dict[str, Any], wanted: Collection[str] | None) -> dict[str, Any]:
    return row if wanted is None else {name: value for name, value in row.items() if name in wanted}


def _is_records(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(element, dict) for element in value)


def _parts(record: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """(scalars by dotted name, lists of objects by dotted name)."""
    scalars: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, list | tuple) and value and all(_is_pair(element) for element in value):
            value = {str(element["key"]): _pair_value(element["value"]) for element in value}
        if isinstance(value, Mapping):
            inner, inner_lists = _parts(value, f"{name}.")
            scalars.update(inner)
            lists.update(inner_lists)
        elif isinstance(value, list | tuple):
            if _is_records(value):
                lists[name] = [element for element in value if isinstance(element, dict)]
        else:
            scalars[name] = value
    return scalars, lists


def _is_pair(element: Any) -> bool:
    return isinstance(element, dict) and "key" in element and "value" in element


def _pair_value(value: Any) -> Any:
    """The value of a pair; of one with a field for each type, the field that is filled."""
    if isinstance(value, dict):
        return next((inner for inner in value.values() if inner is not None), None)
    return value


def _sums(name: str, elements: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    out: dict[str, float] = {}
    for element in elements:
        for key, value in element.items():
            try:
                out[f"{name}.{key}"] = out.get(f"{name}.{key}", 0.0) + float(value)
            except (TypeError, ValueError):
                continue
    return out
