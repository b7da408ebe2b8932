"""What every randomised trial needs: its columns, and two tests of whether it was randomised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput, did_you_mean, refuse_rows
from ...core.types import F64
from ...tables import to_numbers

DOUBTFUL = 0.001
"""p-value below which a trial counts as not randomised."""
LEAST_P = 1e-99
MOST_KINDS = 50
"""A column with more different texts is no trait of customers, but a name."""


def columns_of(
    table: pd.DataFrame, field: str, names: Mapping[str, Sequence[str]], need: Sequence[str]
) -> dict[str, str]:
    """The column of the table for each of our ``names``; case and blanks do not matter.

    Raises:
        InvalidInput: a needed one is missing.
    """
    header = {str(name).strip().lower().replace(" ", "_"): str(name) for name in table.columns}
    columns = {}
    for ours, theirs in names.items():
        column = next((header[name] for name in theirs if name in header), None)
        if column is not None:
            columns[ours] = column
        elif ours in need:
            shown = ", ".join(map(str, table.columns))
            fix = f"no column {theirs[0]}: the table has {shown}{did_you_mean(theirs[0], table.columns)}"
            raise InvalidInput(field, ours, fix)
    return columns


def amounts(table: pd.DataFrame, field: str, column: str, *, above: bool = False) -> F64:
    """A column as numbers of 0 or more; ``above``: of more than 0.

    Raises:
        InvalidInput: names the first row that has no such number.
    """
    values = np.asarray(to_numbers(table[column], column), np.float64)
    good = values > 0 if above else values >= 0
    fix = f"give a number {'above 0' if above else 'of 0 or more'}"
    cells = table[column].to_numpy(dtype=object)  # text is shown as it stands in the file
    refuse_rows(f"{field} {column}", cells, ~(good & np.isfinite(values)), fix)
    return values


def sample_ratio(counts: F64, allocation: F64 | None = None) -> str:
    """Why the numbers of units in arms (a,) are not those of the ``allocation``; "" if they may be.

    Chi-square test of sample-ratio mismatch (Fabijan et al. 2019, KDD). No allocation: equal shares.
    """
    from scipy.stats import chisquare

    shares = np.ones(len(counts)) if allocation is None else allocation
    expected = shares / shares.sum() * counts.sum()
    p = float(chisquare(counts, expected).pvalue)
    if p >= DOUBTFUL:
        return ""
    seen = " : ".join(f"{count:,.0f}" for count in counts)
    planned = " : ".join(f"{count:,.0f}" for count in expected)
    return (
        f"the arms have {seen} units where {planned} were to be expected (p {max(p, LEAST_P):.1g}): "
        "units are missing; if the shares were planned to differ, give them in a column allocation"
    )


def balance(traits: pd.DataFrame, arm: pd.Series) -> str:
    """Why the arms differ in traits that the trial cannot have changed; "" if they may be alike.

    Numbers by one-way analysis of variance of their ranks, texts by chi-square; Bonferroni over traits.
    """
    from scipy.stats import chi2_contingency, f_oneway

    tests = {}
    for name in traits.columns:
        column = traits[name]
        if column.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(column.dtype) and column.nunique() > 2:
            ranks = column.rank()
            tests[name] = float(f_oneway(*(ranks[arm == one].dropna() for one in arm.unique())).pvalue)
        elif column.nunique() <= MOST_KINDS:
            tests[name] = float(chi2_contingency(pd.crosstab(column, arm)).pvalue)
    worst = min(tests, key=lambda name: tests[name], default="")
    if not worst or tests[worst] * len(tests) >= DOUBTFUL:
        return ""
    return (
        f"the arms differed in {worst} before the trial (p {max(tests[worst], LEAST_P):.1g}, "
        f"one of {len(tests)} traits): they were not drawn at random"
    )
