"""Tables from files. Every command reads its tables here, so that all accept the same files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd


def read_table(
    path: Path,
    field: str,
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    names: Sequence[str] | None = None,
    text: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a Parquet file, a folder of Parquet files, or a text table such as CSV.

    The ending of the name decides: ``.parquet`` is Parquet, everything else is text. Text files may be
    compressed; the ending says how (``.gz``, ``.bz2``, ``.xz``, ``.zip``, ``.zst``). Column names are those
    of the file, also where two columns have the same name. Types are inferred: ids that consist of digits
    become numbers and lose leading zeros, except in the columns ``text``.

    Args:
        path: the file or folder.
        field: what errors call the table, e.g. ``--transactions`` or ``catalog.path``.
        separator: between the values of a text file; a regular expression if longer than one character.
        encoding: of a text file.
        names: the columns of a text file without a header; None: its first line holds them.
        text: columns of a text file that stay text.

    Raises:
        InvalidInput: the file does not exist, is no such table, has another encoding, or has no rows.
    """
    import pandas as pd

    try:
        if is_parquet(path):
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(
                path,
                sep=separator,
                encoding=encoding,
                header="infer" if names is None else None,
                names=None if names is None else list(names),
                dtype=dict.fromkeys(text, str),
            )
            if names is None:  # pandas numbers names that occur twice: take the header as it is written
                header = pd.read_csv(
                    path,
                    sep=separator,
                    encoding=encoding,
                    header=None,
                    nrows=1,
                    dtype=str,
                    keep_default_na=False,
                )
                table.columns = pd.Index(header.iloc[0].to_list())
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "there is no such file") from None
    except UnicodeDecodeError as error:
        fix = f"save it as {encoding.upper()}: it is no {encoding.upper()} text ({error})"
        raise InvalidInput(field, str(path), fix) from error
    except Exception as error:  # pandas, pyarrow and every compression have error classes of their own
        reason = " ".join(str(error).split())
        fix = f"give a CSV or Parquet table: it is no readable table ({reason})"
        raise InvalidInput(field, str(path), fix) from error
    if not len(table):
        raise InvalidInput(field, str(path), "give a table with rows: the table has no rows")
    return table


def is_parquet(path: Path) -> bool:
    """Whether :func:`read_table` reads ``path`` as Parquet: a folder, or a file that ends in ``.parquet``."""
    return path.is_dir() or path.suffix == ".parquet"


def unique_columns(field: str, table: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise :class:`InvalidInput` if several columns of ``table`` have one of these ``names``."""
    header = list(table.columns)
    for name in names:
        if header.count(name) > 1:
            fix = f"the table has it {header.count(name)} times: rename or drop one"
            raise InvalidInput(field, name, fix)
