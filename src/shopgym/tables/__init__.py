"""One reader for every table that a user brings."""

from .reader import is_parquet, read_table, unique_columns

__all__ = ["is_parquet", "read_table", "unique_columns"]
