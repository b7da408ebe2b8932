"""Rows of a log that repeat another row exactly: copies, or customers who come back unnamed.

Equal rows are natural where all columns are coarse, such as an action, a click and an age group. Repetition
says something only where a column takes nearly every value once: a continuous number, a time, a session. The
rule:

1. A column is nearly unique if it has ``DISTINCT`` different values a row, counted once over the rows that
   differ and once over those among them that are repeated (a sum that is mostly 0 is not unique where it is
   repeated). Not the action, the propensity, the user or the id; and where users are named, not a column that
   is the same in all rows of a user. Without such a column, or with fewer than ``FEWEST`` repeated rows,
   nothing is said.
2. T rows share all columns but the action, the propensity and the reward with an earlier row, N of them those
   too. If rows were draws that merely met, each of the T would agree in the rest with probability at most s:
   how often two random rows have the same reward, times the mean propensity, which is how often two choices
   in one context are the same; but at least 1/2. (A reward that is nearly unique itself counts among the
   shared columns.)
3. The rows are named as repeated if so great an N has a probability below ``ALPHA`` in T draws with
   probability s. So of logs without copies at most one in a thousand has them named.
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
FEWEST = 10
"""Fewer different rows that are repeated do no harm."""
LEAST_AGREEMENT = 0.5
"""Two draws that meet are taken to agree in the rest at least this often."""


@dataclass(frozen=True)
class RepeatedRows:
    """Rows that repeat an earlier row and cannot do so by chance.

    Attributes:
        count: of these rows; 0: none, or chance may explain them.
        rows: of the log.
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
        return ((CAUTION, f"{self.sentence}: the log counts them twice; {remedy}"),)


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
    from scipy.stats import binom

    compared = frame.drop(columns=[id]) if id in frame.columns else frame
    repeated = compared.duplicated().to_numpy()
    count = int(repeated.sum())
    users_named = user in frame.columns
    nothing = RepeatedRows(0, len(frame), users_named=users_named)
    distinct = compared[~repeated]
    copied = distinct[compared.duplicated(keep=False).to_numpy()[~repeated]]
    if len(copied) < FEWEST:
        return nothing
    no_evidence = {action, propensity, user, *others}
    unique = [
        name
        for name in compared.columns
        if name not in no_evidence
        and all(rows[name].nunique() >= DISTINCT * len(rows) for rows in (distinct, copied))
        and (not users_named or (distinct.groupby(user)[name].nunique() > 1).any())
    ]
    if not unique:
        return nothing
    left_open = {action, propensity} | ({reward} - set(unique))
    shared = [name for name in compared.columns if name not in left_open]
    met = int(compared.duplicated(subset=shared).sum())
    agreement = 1.0 if propensity is None else float(distinct[propensity].mean())
    if reward in left_open:
        frequency = distinct[reward].value_counts(normalize=True).to_numpy()
        agreement *= float(np.square(frequency).sum())
    if binom.sf(count - 1, met, max(agreement, LEAST_AGREEMENT)) >= ALPHA:
        return nothing
    return RepeatedRows(count, len(frame), unique[0], users_named)
