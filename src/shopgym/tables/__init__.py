"""One reader for every table that a user brings."""

from .dialect import AUTO, Dialect
from .encoding import open_bytes
from .numbers import to_numbers
from .reader import RECOGNISED, is_parquet, read_table, table_header, unique_columns
from .text import as_text

__all__ = [
    "AUTO",
    "RECOGNISED",
    "Dialect",
    "as_text",
    "is_parquet",
    "open_bytes",
    "read_table",
    "table_header",
    "to_numbers",
    "unique_columns",
]
