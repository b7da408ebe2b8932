"""What an evaluation returns: it prints itself anywhere, and gives a table and a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidInput
from .answer import Block, best_estimate, blocks_of, conclusion, html, text
from .comparison import JointTable
from .comparison.contrasts import DIFFERENCE
from .comparison.words import comparison_blocks, conclusions
from .offline.estimate import Estimate
from .offline.formats import WeighedLog

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a policy would have earned on a log. Prints as ``shopgym evaluate`` does.

    Attributes:
        estimates: by the name of the estimator, in the order in which they were asked for.
        answer: the JSON object of ``shopgym evaluate --json``.
        weighed: the log, weighed for the policy.
    """

    estimates: Mapping[str, Estimate]
    answer: Mapping[str, Any]
    weighed: WeighedLog

    @property
    def verdict(self) -> str:
        """``trust``, ``caution`` or ``refuse``: of the estimate that is quoted."""
        return str(self.answer["verdict"])

    @property
    def conclusion(self) -> str:
        """The sentence to take away."""
        return conclusion(self.answer)

    @property
    def best(self) -> Estimate | None:
        """The estimate that the conclusion quotes; None if all are refused."""
        return best_estimate(list(self.estimates.values()))

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of ``shopgym evaluate --json``."""
        return dict(self.answer)

    def to_frame(self) -> pd.DataFrame:
        """One row per estimator, the columns of :class:`.offline.Estimate`."""
        import pandas as pd

        return pd.DataFrame(self.answer["estimates"])

    def plot(self) -> Figure:
        """A matplotlib figure: every estimate with its interval, and what was earned."""
        from .figures import figure_of_answer

        return figure_of_answer(self.answer)

    def html(self) -> str:
        """The card for people who decide: one HTML page with pictures."""
        from .card import card

        return card(self.answer, {(self.answer["unit"], self.answer["policy"]): self.weighed})

    @property
    def blocks(self) -> list[Block]:
        """Lines and tables, as they are printed."""
        return blocks_of(self.answer)

    def __repr__(self) -> str:
        return text(self.blocks)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return html(self.blocks)


@dataclass(frozen=True, eq=False)
class PolicyComparison:
    """What several policies would have earned on a log, in several rewards, segments or periods.

    The intervals of each kind hold together (:mod:`.comparison.rows`). Prints as ``shopgym evaluate`` does.

    Attributes:
        evaluations: one for each (reward, policy), their intervals for themselves.
        table: the rows with their joint intervals, as objects.
        answer: the JSON object of ``shopgym evaluate --json``.
    """

    evaluations: Mapping[tuple[str, str], Evaluation]
    table: JointTable
    answer: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """``trust``, ``caution`` or ``refuse``: the worst of the conclusions."""
        return str(self.answer["verdict"])

    @property
    def conclusion(self) -> str:
        """The sentences to take away, one a line."""
        return "\n".join(sentence for _, sentence in conclusions(self.answer))

    @property
    def differences(self) -> dict[tuple[str, str], Estimate]:
        """Policy less baseline on all rounds by (reward, policy), also those that are refused."""
        whole = (row for row in self.table.rows if not row.group.by)
        rows = ((row, row.estimates.get(DIFFERENCE)) for row in whole)
        return {(row.reward, row.policy): made for row, made in rows if made is not None}

    @property
    def difference(self) -> Estimate:
        """The difference, where there is one.

        Raises:
            InvalidInput: several are compared, or nothing can be said of any.
        """
        if len(self.differences) != 1:
            raise InvalidInput(
                "differences", list(self.differences), "there is not one: choose among differences"
            )
        return next(iter(self.differences.values()))

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of ``shopgym evaluate --json``."""
        return dict(self.answer)

    def to_frame(self) -> pd.DataFrame:
        """One row per policy, reward and group: the ``rows`` of the JSON object, what ``--csv`` writes."""
        import pandas as pd

        return pd.DataFrame(self.answer["rows"])

    def plot(self) -> Figure:
        """A matplotlib figure: the periods over time if there are any, else differences or values."""
        from .figures import figure_of_rows

        return figure_of_rows(self.answer)

    def html(self) -> str:
        """The card for people who decide: one HTML page with pictures."""
        from .card import card

        return card(self.answer, {key: each.weighed for key, each in self.evaluations.items()})

    @property
    def blocks(self) -> list[Block]:
        """Lines and tables, as they are printed."""
        return comparison_blocks(self.answer)

    def __repr__(self) -> str:
        return text(self.blocks)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return html(self.blocks)
