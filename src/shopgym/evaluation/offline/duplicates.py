"""Rows of a log that repeat another row exactly: copies, or customers who come back unnamed.

Equal rows are natural where all columns are coarse, such as an action, a click and an age group. Repetition
says something only where a column takes nearly every value once: a continuous number, a time, a session. The
rule:

1. A column is nearly unique if it has ``DISTINCT`` different values or more for each different row. Rows with
   a common value of the column, such as no purchase, are left out of the count. Not the action, the
   propensity, the user or the id; and where users are named, not a column that is the same in all rows of a
   user. Without such a column, or with fewer than ``FEWEST`` rows that are repeated, nothing is said.
2. T rows share all columns but the action, the propensity and the reward with an earlier row, N of them those
   too. If rows were draws that merely met, each of the T would agree in the rest with probability at most s:
   how often two random rows have the same reward, times the mean propensity, which is how often two choices
   in one context are the same; but at least 1/2. (A reward that is nearly unique itself counts among the
   shared columns.)
3. The rows are named as repeated if so great an N has a probability below ``ALPHA`` over the number of nearly
   unique columns, in T draws with probability s. So of logs without copies at most one in a thousand has them
   named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .verdict import CAUTION, Reason

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 1e-3
"""Share of logs without copies in which some are named."""
DISTINCT = 0.5
"""Different values a row of a nearly unique column."""
COMMON = (20, 0.01)
"""A value in more rows than the first, and more than this share of them, is common."""
FEWEST = 10
"""Fewer different rows that are repeated do no harm."""
LEAST_AGREEMENT = 0.5
"""Two draws that meet are taken to agree in the rest at least this often."""


@dataclass(frozen=True)
class RepeatedRows:
    """Rows that repeat an earlier row and cannot do so by chance.

    Attributes:
        count: of these rows; 0: none, or chance may explain them.
        rows: of the log that could be told apart: those without a common value of ``column``.
        column: the nearly unique column that rules chance out.
        users_named: whether the log says whose rows they are.
    """

    count: int
    rows: int
    column: str = ""
    users_named: bool = False

    @property
    def share(self) -> float:
        """Of the rows."""
        return self.count / self.rows

    @property
    def sentence(self) -> str:
        """What was seen; empty if nothing."""
        if not self.count:
            return ""
        return (
            f"{self.count:,} of {self.rows:,} rows ({100.0 * self.share:.2g}%) repeat an earlier row "
            f"exactly, though {self.column} is different in nearly every other row"
        )

    @property
    def doubts(self) -> tuple[Reason, ...]:
        """The reason against every number of this log; empty if nothing was seen."""
        if not self.count:
            return ()
        remedy = "drop the copies"
        if not self.users_named:
            remedy += ", or name the user (--user-column) if they are customers who came back"
        return ((CAUTION, f"{self.sentence}: the log counts them twice, so {remedy}"),)


def repeated_rows(
    frame: pd.DataFrame,
    action: str,
    reward: str,
    *,
    propensity: str | None = None,
    user: str | None = None,
    id: str | None = None,
    others: Sequence[str] = (),
) -> RepeatedRows:
    """The rows of a table that repeat an earlier row, where that cannot be chance.

    Args:
        frame: one row per round, values that can be hashed.
        action, reward: column names.
        propensity, user, id: further column names; None: there is none. The id is not compared.
        others: columns that follow from the row, such as the probabilities of a policy to evaluate, and are
            no evidence either.
    """
    compared = frame.drop(columns=[id]) if id in frame.columns else frame
    compared = compared.loc[:, ~compared.columns.duplicated()]
    users_named = user in frame.columns
    nothing = RepeatedRows(0, len(frame), users_named=users_named)
    try:
        if not compared.duplicated().any():
            return nothing
    except TypeError:  # lists or dictionaries in a cell
        return nothing
    tested = []
    for name in compared.columns:
        if name not in {action, propensity, user, *others}:
            rows = _without_common(compared, name)
            distinct = rows[~rows.duplicated()]
            varies = not users_named or (distinct.groupby(user)[name].nunique() > 1).any()
            if varies and distinct[name].nunique() >= DISTINCT * len(distinct):
                tested.append((name, rows))
    unique = {name for name, _ in tested}
    left_open = {action, propensity} | ({reward} - unique)
    shared = [name for name in compared.columns if name not in left_open]
    for name, rows in tested:
        repeated = rows.duplicated()
        copied = rows.duplicated(keep=False) & ~repeated
        if copied.sum() >= FEWEST:
            met = int(rows.duplicated(subset=shared).sum())
            agreement = _agreement(rows, propensity, reward if reward in left_open else None)
            if _tail(int(repeated.sum()), met, agreement) < ALPHA / len(tested):
                return RepeatedRows(int(repeated.sum()), len(rows), name, users_named)
    return nothing


def _without_common(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows whose value of the column is not a common one."""
    times = frame[name].map(frame[name].value_counts())
    return frame[times <= max(COMMON[0], COMMON[1] * len(frame))]


def _agreement(rows: pd.DataFrame, propensity: str | None, reward: str | None) -> float:
    """s, how often two draws that meet agree in what is left open."""
    distinct = rows[~rows.duplicated()]
    agreement = 1.0 if propensity is None else float(distinct[propensity].mean())
    if reward is not None:
        frequency = distinct[reward].value_counts(normalize=True).to_numpy()
        agreement *= float(np.square(frequency).sum())
    return max(agreement, LEAST_AGREEMENT)


def _tail(successes: int, draws: int, probability: float) -> float:
    """Probability of so many successes or more."""
    from scipy.stats import binom

    return float(binom.sf(successes - 1, draws, probability))
