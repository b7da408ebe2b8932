"""The policy to evaluate on a table, from one word such as ``choice:new_rule``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray
from ..checks import ROW_SUM_TOLERANCE
from .columns import check_present, numeric_column
from .validation import ValidationReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

KINDS = {
    "uniform": "every action alike",
    "action": "always the action NAME",
    "choice": "the action in column NAME",
    "columns": "columns NAME + action with the probability of every action",
    "column": "column NAME with the probability of the logged action",
}
OFFERED = "_offered"
"""A column with this name says that in this round actions 1 to its value were on offer."""


@dataclass(frozen=True)
class Target:
    """``kind`` of :data:`KINDS` and the name after its colon."""

    kind: str
    name: str = ""

    @classmethod
    def parse(cls, policy: str, header: Sequence[str] = ()) -> Target:
        """From e.g. ``uniform`` or ``choice:new_rule``.

        The bare name of a column of ``header`` means ``column:NAME``.

        Raises:
            InvalidInput: none of the kinds.
        """
        if policy in header and policy not in KINDS:
            return cls("column", policy)
        kind, colon, name = policy.partition(":")
        if kind not in KINDS or (kind == "uniform") != (not colon) or (colon and not name):
            fix = "for a table write uniform, action:NAME, choice:NAME, columns:NAME or column:NAME"
            raise InvalidInput("--policy", policy, fix)
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def all_actions(self) -> bool:
        """Whether the probability of every action is known."""
        return self.kind != "column"

    def columns(self, header: Iterable[str]) -> list[str]:
        """The columns it reads.

        Raises:
            InvalidInput: ``columns:NAME`` and no column starts with NAME.
        """
        header = [str(name) for name in header]
        if self.kind in ("choice", "column"):
            return [self.name]
        if self.kind == "columns":
            names = [name for name in header if name.startswith(self.name)]
            if not names:
                raise InvalidInput("--policy", f"columns:{self.name}", f"the table has {', '.join(header)}")
            return names
        return [OFFERED] if OFFERED in header else []

    def labels(self, header: Iterable[str], chosen: Iterable[Any]) -> list[Any]:
        """The actions it names; ``chosen`` are the values of its column (``choice``)."""
        if self.kind == "action":
            return [self.name]
        if self.kind == "columns":
            return [name.removeprefix(self.name) for name in self.columns(header)]
        return list(chosen) if self.kind == "choice" else []

    def check(self, frame: pd.DataFrame, report: ValidationReport, first_row: int = 0) -> None:
        """Count what is wrong with its columns."""
        if self.kind == "column":
            p = numeric_column(frame, self.name, report, first_row)
            bad = ~np.isnan(p) & ~((p >= 0) & (p <= 1))
            report.check(self.name, p, bad, "give a probability in [0, 1]", first_row)
        elif self.kind == "choice":
            check_present(frame, self.name, report, first_row)
        elif self.kind == "columns":
            names = self.columns(frame.columns)
            p = np.stack([numeric_column(frame, name, report, first_row) for name in names], axis=1)
            complete = ~np.isnan(p).any(axis=1)
            negative = complete & (p < 0).any(axis=1)
            report.check(f"{self.name}*", p, negative, "give probabilities >= 0", first_row)
            away = np.asarray(np.abs(p.sum(axis=1) - 1.0))
            off = complete & ~negative & (away > ROW_SUM_TOLERANCE)
            fix = f"the probabilities of a row have to sum to 1 within {ROW_SUM_TOLERANCE:g}"
            report.check(f"{self.name}*", p, off, fix, first_row)

    def matrix(self, frame: pd.DataFrame, labels: Sequence[Any]) -> F64:
        """(r, A) probabilities of the actions ``labels``, checked before; not for ``column``."""
        n, actions = len(frame), len(labels)
        out = np.zeros((n, actions))
        if self.kind == "uniform":
            if OFFERED not in frame.columns:
                out += 1.0 / actions
                return out
            offered = frame[OFFERED].to_numpy(dtype=np.int64)[:, None]
            return np.asarray((np.arange(actions) < offered) / offered)
        if self.kind == "action":
            out[:, _label_index(labels, self.name)] = 1.0
        elif self.kind == "choice":
            out[np.arange(n), codes(frame[self.name], labels)] = 1.0
        else:
            for name in self.columns(frame.columns):
                place = _label_index(labels, name.removeprefix(self.name))
                out[:, place] = frame[name].to_numpy(dtype=np.float64)
        return out


def _label_index(labels: Sequence[Any], label: str) -> int:
    made = _cast_label(type(labels[0]), label, labels)
    if made not in labels:
        raise InvalidInput("--policy", label, f"the actions are {_listed(labels)}")
    return list(labels).index(made)


def codes(column: pd.Series, labels: Sequence[Any]) -> I64:
    """(r,) the index of each value in ``labels``, -1 if it is none of them."""
    import pandas as pd

    return np.asarray(pd.Index(labels).get_indexer(pd.Index(column)), dtype=np.int64)


def all_labels(logged: Sequence[Any], named: Sequence[Any], declared: Sequence[str]) -> list[Any]:
    """Every action's label, sorted; in the type of the logged ones.

    Args:
        logged: what the log has.
        named: what the target names, maybe as text.
        wanted: all labels there are, as text; empty: the two above.

    Raises:
        InvalidInput: actions of several types.
    """
    if len({isinstance(label, str) for label in logged}) > 1:
        raise InvalidInput("action", sorted(map(str, logged))[:5], "several types: make them all text")
    kind = type(logged[0])
    if declared:  # other labels in the log are reported later, with row numbers
        return sorted({_cast_label(kind, label, logged) for label in declared})
    labels = set(logged) | {_cast_label(kind, label, logged) for label in named}
    if kind is str and len({label.strip() for label in labels}) < len(labels):
        alike = [label for label in labels if label.strip() in labels - {label}]
        fix = "they differ from other actions by blanks only: make them one"
        raise InvalidInput("action", sorted(alike)[:5], fix)
    return sorted(labels)


def _cast_label(kind: type, label: Any, logged: Sequence[Any]) -> Any:
    """The label in the type of the logged labels."""
    for logged_label in logged:
        if str(logged_label) == str(label):
            return logged_label
    try:
        made = kind(label)
        if kind is not bool and (kind is str or float(made) == float(label)):
            return made
    except (TypeError, ValueError):
        pass
    raise InvalidInput("action", label, f"the logged actions are {_listed(logged)}, of type {kind.__name__}")


def _listed(labels: Sequence[Any]) -> str:
    texts = sorted(map(str, labels))
    return ", ".join(texts[:10]) + (", ..." if len(texts) > 10 else "")


def taken_probability(matrix: F64, action: I64) -> AnyArray:
    """(r,) the probability of the logged action."""
    return np.asarray(matrix[np.arange(len(action)), action])
