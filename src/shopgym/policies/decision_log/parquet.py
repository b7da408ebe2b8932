"""A decision log as Parquet: one file, or a folder of part files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...core.errors import InvalidInput
from ...core.files import LOG_FILE, new_file, new_folder, require_outside_bundle
from ...core.types import AnyArray
from .schema import (
    CANDIDATE_COUNTER,
    COLUMNS,
    COUNTER,
    EVENT,
    LIVE,
    READ_VERSIONS,
    VERSION,
    Column,
    counter_family,
)

if TYPE_CHECKING:
    from .log import DecisionLog

PREFIX = "shopgym."
PART_ROWS = 1_000_000
GROUP_ROWS = 65_536
_TEXTS = ("unit", "policy_hash", "policy_name", "config_hash", "items_hash", "source")
_NAMES = ("user_names", "context_names")


def write(log: DecisionLog, path: Path) -> None:
    """See :meth:`.log.DecisionLog.write`; the log has passed its checks."""
    write_parts(_groups(log), path, len(log))


def _groups(log: DecisionLog) -> Iterator[DecisionLog]:
    for start in range(0, max(1, len(log)), PART_ROWS):
        end = min(start + PART_ROWS, len(log))
        for low in range(start, max(start + 1, end), GROUP_ROWS):
            yield log.take(slice(low, min(low + GROUP_ROWS, end)))


def write_parts(parts: Iterable[DecisionLog], path: Path, rows: int) -> None:
    """Write a log that is never in memory as a whole, as :meth:`.log.DecisionLog.write` writes one.

    Args:
        parts: the log, some rows at a time, with the same columns of the same widths; each becomes row groups
            of its own.
        path: a ``*.parquet`` file or a folder.
        rows: of the whole log.
    """
    require_outside_bundle("log.path", path)
    if path.suffix == ".parquet":
        with new_file(path) as temporary:
            _write_file(parts, temporary, rows)
        return
    for present in sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []:
        if not re.fullmatch(r"part-\d+\.parquet", present.name):
            fix = "it is no part of a log: choose another folder or *.parquet"
            raise InvalidInput("log.path", str(present), fix)
    with new_folder(path) as folder:
        for number, file_parts in enumerate(_by_file(parts)):
            _write_file(file_parts, folder / f"part-{number:05d}.parquet", rows)


def _by_file(parts: Iterable[DecisionLog]) -> Iterator[Iterator[DecisionLog]]:
    """The parts of each file, in turn; a file is full when it has ``PART_ROWS`` rows."""
    rows = 0

    def number(part: DecisionLog) -> int:
        nonlocal rows
        first, rows = rows, rows + len(part)
        return first // PART_ROWS

    for _, file_parts in groupby(parts, number):
        yield file_parts


def _write_file(parts: Iterable[DecisionLog], path: Path, rows: int) -> None:
    writer = None
    try:
        for part in parts:
            schema = arrow_schema(part, rows)
            if writer is None:
                writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
            writer.write_table(_to_table(part, schema), row_group_size=GROUP_ROWS)
    finally:
        if writer is not None:
            writer.close()


def read(path: Path) -> dict[str, Any]:
    """The fields of the :class:`.log.DecisionLog` in a file or folder, by name; see its ``read``."""
    if path.is_dir():
        files = sorted(path.glob("*.parquet"))
        if not files:
            served = (path / LOG_FILE).is_file()
            how = f": a server wrote it, so first shopgym log compact {path} --out FILE" if served else ""
            raise InvalidInput("log", str(path), f"the folder holds no .parquet file{how}")
    elif path.is_file():
        files = [path]
    else:
        raise InvalidInput("log", str(path), "there is no such file or folder")
    tables = [_read_part(file) for file in files]
    first = _metadata(tables[0], files[0])
    for table, file in zip(tables[1:], files[1:], strict=True):
        if _metadata(table, file) != first or table.schema.names != tables[0].schema.names:
            raise InvalidInput("log", str(file), f"its header differs from that of {files[0].name}")
    table = pa.concat_tables(tables)
    if table.num_rows != first["rows"]:
        raise InvalidInput("log.rows", table.num_rows, f"the log has {first['rows']} rows: a part is missing")
    return _from_table(table, first)


def arrow_schema(log: DecisionLog, rows: int) -> Any:
    """The pyarrow schema of ``log``: types, descriptions, and ``shopgym.*`` metadata of the whole log."""
    sizes = log.widths
    fields = [_field(column, column.name, sizes) for column in COLUMNS if column.name in _present(log)]
    fields += [_field(LIVE, LIVE.name + name, sizes) for name in log.live]
    for name, values in log.counters.items():
        family = counter_family(values)
        fields.append(_field(family, family.name + name, sizes))
    fields += [_field(EVENT, EVENT.name + name, sizes) for name in log.events]
    metadata = {
        "version": log.version,
        "rows": rows,
        "slots": log.slate_size,
        "candidates": log.num_candidates,
    }
    metadata |= {"history": log.history_size}
    metadata |= {name: getattr(log, name) for name in _TEXTS + _NAMES}
    return pa.schema(fields, {PREFIX + name: json.dumps(value) for name, value in metadata.items()})


def _present(log: DecisionLog) -> set[str]:
    # Parquet has no lists of length 0: without features there is no column
    return {name for name, values in log.columns().items() if values.ndim == 1 or values.shape[1]}


def _field(column: Column, name: str, sizes: dict[str, int]) -> Any:
    kind = pa.from_numpy_dtype(np.dtype(column.dtype))
    if column.width:
        kind = pa.list_(pa.field("element", kind, nullable=False), sizes[column.width])
    return pa.field(name, kind, nullable=False, metadata={"description": column.description})


def _to_table(log: DecisionLog, schema: Any) -> Any:
    values = log.columns()
    for family, named in ((LIVE, log.live), (EVENT, log.events)):
        values |= {family.name + name: v for name, v in named.items()}
    values |= {counter_family(v).name + name: v for name, v in log.counters.items()}
    return pa.Table.from_arrays([_to_arrow(values[field.name], field) for field in schema], schema=schema)


def _to_arrow(values: AnyArray, field: Any) -> Any:
    dtype = np.dtype((field.type.value_type if values.ndim == 2 else field.type).to_pandas_dtype())
    flat = pa.array(np.ascontiguousarray(values, dtype=dtype).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, type=field.type) if values.ndim == 2 else flat


def _read_part(file: Path) -> Any:
    try:
        return pq.read_table(file, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput("log", str(file), f"it is no readable Parquet file ({error})") from error


def _metadata(table: Any, file: Path) -> dict[str, Any]:
    raw = {
        key.decode()[len(PREFIX) :]: value
        for key, value in (table.schema.metadata or {}).items()
        if key.startswith(PREFIX.encode())
    }
    if "version" not in raw:
        raise InvalidInput("log", str(file), "it is no decision log: the metadata has no shopgym.version")
    version = json.loads(raw["version"])
    if version not in READ_VERSIONS:
        fix = f"this shopgym reads versions up to {VERSION}: install one that fits"
        raise InvalidInput("log.version", version, fix)
    for name in ("rows", "slots", "candidates", *_TEXTS, *_NAMES):
        if name not in raw:
            raise InvalidInput(f"log.metadata.{PREFIX}{name}", None, "it is missing: write the log again")
    return {name: json.loads(value) for name, value in raw.items()}


def _from_table(table: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    sizes = {
        "u": len(metadata["user_names"]),
        "c": len(metadata["context_names"]),
        "k": metadata["slots"],
        "m": metadata["candidates"],
        "h": metadata.get("history", 0),  # older logs have no histories
    }
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        if column.name in table.schema.names:
            columns[column.name] = _to_numpy(table, column, column.name, sizes)
        elif column.optional:
            continue
        elif column.width and sizes[column.width] == 0:
            columns[column.name] = np.empty((table.num_rows, 0), dtype=column.dtype)
        else:
            raise InvalidInput(f"log.{column.name}", None, f"the column is missing: {column.description}")

    def named(family: Column) -> dict[str, AnyArray]:
        return {
            name[len(family.name) :]: _to_numpy(table, family, name, sizes)
            for name in table.schema.names
            if name.startswith(family.name)
        }

    texts = {name: metadata[name] for name in _TEXTS}
    names = {name: tuple(metadata[name]) for name in _NAMES}
    counters = named(COUNTER) | named(CANDIDATE_COUNTER)
    families = {"live": named(LIVE), "counters": counters, "events": named(EVENT)}
    return {**columns, **texts, **names, **families}


def _to_numpy(table: Any, column: Column, name: str, sizes: dict[str, int]) -> AnyArray:
    array = table.column(name)
    wanted = _field(column, name, sizes).type
    # a rewritten file may differ in the name of the list's element or in nullability
    same = array.type == wanted or (
        column.width
        and pa.types.is_fixed_size_list(array.type)
        and (array.type.list_size, array.type.value_type) == (wanted.list_size, wanted.value_type)
    )
    if not same:
        raise InvalidInput(f"log.{name}", str(array.type), f"the column has the wrong type: make it {wanted}")
    if array.null_count:
        raise InvalidInput(f"log.{name}", array.null_count, "null values: give every decision a value")
    array = array.combine_chunks()
    if column.width:
        flat = array.flatten()
        if flat.null_count:
            raise InvalidInput(f"log.{name}", flat.null_count, "null values: give every slot a value")
        return np.ascontiguousarray(
            flat.to_numpy(zero_copy_only=False).reshape(table.num_rows, sizes[column.width])
        )
    return np.ascontiguousarray(array.to_numpy(zero_copy_only=False))
