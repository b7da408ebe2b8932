"""The policy to evaluate on a table, from one word such as ``choice:new_rule``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....core.errors import InvalidInput, did_you_mean
from ....core.types import F64, I64, AnyArray, Bool
from ....tables import to_numbers
from ..checks import ROW_SUM_TOLERANCE
from .columns import VALUE, as_fraction, check_present, numeric_column
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
    VALUE: "the number in column NAME, where actions are numbers",
}
WORDS = "uniform, action:NAME, choice:NAME, columns:NAME, column:NAME, value:NAME or sklearn:FILE"
OFFERED = "_offered"
"""A column with this name says what was on offer in the round: a number means actions 1 to it, a tuple their
names."""


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
            raise InvalidInput("--policy", policy, f"for a table write {WORDS}")
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def all_actions(self) -> bool:
        """Whether the probability of every action is known."""
        return self.kind not in ("column", VALUE)

    @property
    def value_column(self) -> tuple[str, float | None]:
        """The column of ``value:NAME`` or ``value:NAME@BANDWIDTH``, and the bandwidth, if there is one.

        Raises:
            InvalidInput: a bandwidth that is no number above 0.
        """
        name, at, bandwidth = self.name.rpartition("@")
        if not at:
            return self.name, None
        number = as_fraction(bandwidth)
        if number is None or not 0.0 < number < np.inf:
            raise InvalidInput(
                "--policy", str(self), "give a bandwidth above 0 behind @, as in value:price@0.5"
            )
        return name, number

    def columns(self, header: Iterable[str]) -> list[str]:
        """The columns it reads.

        Raises:
            InvalidInput: ``columns:NAME`` and no column starts with NAME.
        """
        header = [str(name) for name in header]
        if self.kind in ("choice", "column"):
            return [self.name]
        if self.kind == VALUE:
            return [self.value_column[0]]
        if self.kind == "columns":
            names = [name for name in header if name.startswith(self.name)]
            if not names:
                raise InvalidInput("--policy", f"columns:{self.name}", f"the table has {', '.join(header)}")
            return names
        return [OFFERED] if OFFERED in header else []

    def labels(self, header: Iterable[str], chosen: Iterable[str]) -> list[str]:
        """The actions it names; ``chosen`` are the values of its column (``choice``)."""
        header = list(header)
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
        elif self.kind == VALUE:
            name = self.value_column[0]
            values = numeric_column(frame, name, report, first_row)
            report.check(name, values, np.isinf(values), "remove infinity", first_row)
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
            fix = f"{', '.join(names)} of a row have to sum to 1 within {ROW_SUM_TOLERANCE:g}"
            report.check(f"{self.name}*", p, off, fix, first_row)

    def matrix(self, frame: pd.DataFrame, labels: Sequence[str]) -> F64:
        """(r, A) probabilities of the actions ``labels``, checked before; not of ``column`` and ``value``."""
        n, actions = len(frame), len(labels)
        out = np.zeros((n, actions))
        if self.kind == "uniform":
            if OFFERED not in frame.columns:
                out += 1.0 / actions
                return out
            offered = on_offer(frame[OFFERED], labels)
            return np.asarray(offered / offered.sum(axis=1, keepdims=True))
        if self.kind == "action":
            out[:, list(labels).index(self.name)] = 1.0
        elif self.kind == "choice":
            out[np.arange(n), codes(frame[self.name], labels)] = 1.0
        else:
            for name in self.columns(frame.columns):
                out[:, list(labels).index(name.removeprefix(self.name))] = to_numbers(frame[name], name)
        return out


def on_offer(offered: pd.Series, labels: Sequence[str]) -> Bool:
    """(r, A) whether each action was on offer."""
    if offered.dtype != object:
        return np.asarray(np.arange(len(labels)) < offered.to_numpy(dtype=np.int64)[:, None])
    place = {label: i for i, label in enumerate(labels)}
    out = np.zeros((len(offered), len(labels)), dtype=np.bool_)
    for row, names in enumerate(offered):
        out[row, [place[name] for name in names]] = True
    return out


def codes(column: pd.Series, labels: Sequence[str]) -> I64:
    """(r,) the index of each value in ``labels``, -1 if it is none of them."""
    import pandas as pd

    index = pd.Index(np.array(labels, dtype=object))
    return np.asarray(index.get_indexer(pd.Index(column.to_numpy(dtype=object))), dtype=np.int64)


def all_labels(
    logged: Iterable[str], target: Target, named: Iterable[str], declared: Sequence[str]
) -> list[str]:
    """Every action's label; whole numbers in their order, before the others in that of the alphabet.

    Args:
        logged: what the log has.
        target: the policy; an action that it always takes has to be logged or declared.
        named: what the target names.
        declared: all labels there are; empty: the two above.

    Raises:
        InvalidInput: an action that neither the log nor ``declared`` has; labels that differ by blanks only.
    """
    logged, declared = set(logged), list(map(str, declared))
    if target.kind == "action" and target.name not in (declared or logged):
        names = sorted(set(declared) or logged, key=natural)
        fix = f"the {'actions are' if declared else 'log has'} {listed(names)}"
        if not declared:
            fix += "; an action that the log lacks has to be among --actions"
        raise InvalidInput("--policy", str(target), fix + did_you_mean(target.name, names))
    labels = set(declared) or logged | set(named)  # other labels in the log are reported with row numbers
    if len({label.strip() for label in labels}) < len(labels):
        alike = [label for label in labels if label.strip() in labels - {label}]
        fix = "they differ from other actions by blanks only: make them one"
        raise InvalidInput("action", sorted(alike)[:5], fix)
    return sorted(labels, key=natural)


def natural(label: str) -> tuple[bool, int, str]:
    """A key that sorts 2 before 10 before a; 007 and 7 are two."""
    number = label.isascii() and label.removeprefix("-").isdigit()
    return not number, int(label) if number else 0, label


def listed(labels: Iterable[str], most: int = 10) -> str:
    """The first few, with commas between them."""
    texts = list(labels)
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "")


def taken_probability(matrix: F64, action: I64) -> AnyArray:
    """(r,) the probability of the logged action."""
    return np.asarray(matrix[np.arange(len(action)), action])
