"""Ids and names are text: 007 is not 7, and NA, None and True are names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd


def as_text(column: pd.Series, field: str) -> pd.Series:
    """The column as text, as its type writes it: 7 is ``7``, 7.0 is ``7.0``, True is ``True``. Missing values
    stay missing, and an empty text is one.

    Raises:
        InvalidInput: bytes, or several values in one cell; the first is named and they are counted.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = as_text(pd.Series(column.cat.categories), field).tolist()
        named = np.array([*levels, None], dtype=object)  # a missing value has the code -1
        return pd.Series(named[column.cat.codes], index=column.index, name=column.name, dtype=object)
    if pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):  # a loop is ten times as slow
        return column.mask(column == "")
    missing = column.isna().to_numpy(dtype=bool)
    values = column.to_numpy(dtype=object)
    if column.dtype == object:
        wrong = np.array([isinstance(v, (bytes, list, tuple, dict, set, np.ndarray)) for v in values])
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            fix = "decode it to text" if isinstance(values[row], bytes) else "give one value in each row"
            count = f"{int(wrong.sum())} of {len(wrong)} rows are wrong"
            raise InvalidInput(f"{field}[{row}]", values[row], f"{fix}, not several ({count})")
        texts = [v if isinstance(v, str) else str(v) for v in values]
    else:
        code, different = pd.factorize(column)
        named = np.array([*map(str, different.tolist()), ""], dtype=object)
        texts = named[code].tolist()
    out = np.array(texts, dtype=object)
    out[missing] = None
    out[out == ""] = None
    return pd.Series(out, index=column.index, name=column.name, dtype=object)
