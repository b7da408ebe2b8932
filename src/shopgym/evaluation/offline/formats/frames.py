"""Tables in memory of any library, as a DataFrame that every reader can use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ....core.errors import InvalidInput
from ....tables import as_text

if TYPE_CHECKING:
    import pandas as pd

ACCEPTED = "a path, a decision log, a table (pandas, polars, pyarrow) or a bandit feedback"


def as_frame(log: Any) -> pd.DataFrame:
    """A table of pandas, polars, pyarrow or another library, with names as text and rows counted from 0.

    Raises:
        InvalidInput: it is no table.
    """
    import pandas as pd

    if isinstance(log, (list, tuple)):
        fix = "give one table: pandas.concat makes one of several"
        raise InvalidInput("LOG", [type(each).__name__ for each in log[:5]], fix)
    if not isinstance(log, pd.DataFrame):
        log = _converted(log)
    if log.columns.nlevels > 1:
        raise InvalidInput("LOG", list(log.columns[:3]), "give each column one name, not several levels")
    frame: pd.DataFrame = log.rename(columns=str).reset_index(drop=True)
    return frame


def _converted(log: Any) -> pd.DataFrame:
    import pandas as pd

    try:
        if hasattr(log, "__arrow_c_stream__"):
            import pyarrow as pa

            table: Any = pa.table(log).to_pandas()
        elif hasattr(log, "to_pandas"):
            table = log.to_pandas()
        elif hasattr(log, "__dataframe__"):
            table = pd.api.interchange.from_dataframe(log)
        else:
            table = None
    except Exception as error:  # each library has error classes of its own
        raise InvalidInput(
            "LOG", type(log).__name__, f"give {ACCEPTED} (it is not readable: {error})"
        ) from error
    if not isinstance(table, pd.DataFrame):
        raise InvalidInput("LOG", type(log).__name__, f"give {ACCEPTED}")
    return table


def names_as_text(frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The frame with these columns as text; columns that it lacks or has twice are told elsewhere."""
    header = list(frame.columns)
    out = {name: as_text(frame[name], name) for name in dict.fromkeys(names) if header.count(name) == 1}
    return frame.assign(**out) if out else frame
