"""One reader for every table that a user brings."""

from .dialect import Dialect
from .reader import is_parquet, read_table, unique_columns

__all__ = ["Dialect", "is_parquet", "read_table", "unique_columns"]
