"""Rows that lack a value: refused, or left out and counted by action."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InvalidInput, one_of
from ....core.types import I64, Bool
from ..verdict import CAUTION, Reason
from .columns import Columns

if TYPE_CHECKING:
    import pandas as pd

CHOICES = ("refuse", "drop")
UNEQUAL = 0.01
"""p-value below which the shares of rows that are left out are said to differ between actions."""


@dataclass(frozen=True)
class MissingRows:
    """What was left out.

    Attributes:
        kept: (r,) the numbers of the rows that stay.
        facts, notes, doubts: what is known of it.
    """

    kept: I64
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[Reason, ...] = ()


def leave_out(frame: pd.DataFrame, columns: Columns, missing: str) -> MissingRows:
    """Which rows stay: with ``drop`` those that have an action, a reward and all else that is used.

    The rows that are left out are taken as if they were a random part of each action's rows. Where their
    share differs between actions (chi-squared test) that is a doubt about every number.

    Raises:
        InvalidInput: ``missing`` is neither ``refuse`` nor ``drop``, or no row is left.
    """
    one_of("--missing", missing, CHOICES)
    rows = np.arange(len(frame))
    if missing == "refuse":
        return MissingRows(rows)
    names = [name for name in columns.used if name not in (*columns.groups, *columns.outcomes)]
    lacking = {name: frame[name].isna().to_numpy(dtype=bool) for name in names}
    gone = np.logical_or.reduce(list(lacking.values()))
    if not gone.any():
        return MissingRows(rows)
    count = {name: int(bad.sum()) for name, bad in lacking.items() if bad.any()}
    if gone.all():
        raise InvalidInput(
            "--missing", missing, f"every row lacks a value, by column {count}: nothing is left"
        )
    shares, p = _by_action(frame[columns.action], gone)
    facts = {"rows": int(gone.sum()), "of": len(frame), "by_column": count, "share_by_action": shares}
    listed = ", ".join(f"{share:.1%} of {name}" for name, share in _largest(shares))
    share = f"{gone.mean():.1%} of the rows lack {', '.join(count)} and are left out ({listed})"
    if p < UNEQUAL:
        doubt = f"{share}: the shares differ between actions, so what is left may not be like the rest"
        return MissingRows(rows[~gone], {"dropped": facts}, (), ((CAUTION, doubt),))
    return MissingRows(rows[~gone], {"dropped": facts}, (share,))


def _by_action(action: pd.Series, gone: Bool) -> tuple[dict[str, float], float]:
    """The share of rows left out by action, and the p-value of equal shares."""
    import pandas as pd
    from scipy.stats import chi2_contingency

    table = pd.crosstab(action, gone)
    shares = {str(name): float(row.get(True, 0) / row.sum()) for name, row in table.iterrows()}
    if table.shape[0] < 2 or table.shape[1] < 2:
        return shares, 1.0
    return shares, float(chi2_contingency(table.to_numpy()).pvalue)


def _largest(shares: dict[str, float], most: int = 5) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda pair: -pair[1])[:most]
