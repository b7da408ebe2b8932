"""The reward that an agent is told when an episode is over: what was really earned, and which slot led to it.

The reward of the environment is told at once, and a return is charged when the order is made. Here an agent
is told of a page when its episode is over. An order counts less what came back of it, booked by
:class:`~shopgym.core.reward.ledger.ReturnLedger` at the decision that sold it, and a rule of
:mod:`~shopgym.core.reward.attribution` says which slots get the credit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..agents.rl.replay import concat
from ..core.batches import Interactions
from ..core.reward import RewardSpec
from ..core.reward.amounts import slot_amounts
from ..core.reward.attribution import Outcomes, Touches, attribute
from ..core.reward.booking import ORDER_TERMS, RETURN_TERMS, SOLD_SLOT, Booking, charge_of_returns
from ..core.reward.ledger import ReturnLedger
from ..core.types import F64, I64
from ..simulators.rollout import Step

STRIDE = 1 << 32
"""Between the numbers of the episodes of a row: more than there are rows."""


class BookedRewards:
    """Holds back the pages of a training until their episodes are over, and gives them their booked reward.

    Terms of the reward that charge returns (``return_cost`` or ``expected_return_cost``) are not charged at
    the order: the ledger charges what came back, with the same weight. So nothing is counted twice, and an
    order that comes back whole nets to minus its handling, wherever its credit went.

    Args:
        reward: of the environment.

    Raises:
        InvalidInput: the reward cannot be booked, see :func:`~shopgym.core.reward.booking.charge_of_returns`.

    Attributes:
        unattributed: reward of orders that no click had led to, in the reward's unit. Nobody is told it.
    """

    def __init__(self, reward: RewardSpec, booking: Booking) -> None:
        self.booking, self.unattributed = booking, 0.0
        self._weights = {name: w for name, w in reward.weights.items() if name not in RETURN_TERMS}
        self._ledger = ReturnLedger(charge_of_returns(reward))
        self._waiting: list[tuple[I64, Interactions]] = []  # (r,) episodes, and their pages without orders
        self._episode: I64 = np.zeros(0, np.int64)  # the number of each row's episode

    def add(self, step: Step, batch: Interactions) -> list[Interactions]:
        """The pages whose episodes are over with this step, with their reward; empty or one batch.

        Args:
            step: what the shop answered.
            batch: of :func:`.loop.interactions` on that step.
        """
        of_orders, others = np.zeros((2, *batch.reward.shape))
        for name, weight in self._weights.items():
            part = of_orders if name in ORDER_TERMS else others
            part += weight * slot_amounts(step.feedback, name)[step.rows]
        ids = step.requests.request_id
        # by age: a return within the days of maturity counts, however short the training is
        self._ledger.record(ids, np.zeros(len(ids)), step.feedback, step.rows, earned=of_orders)
        self._ledger.settle(self.booking.maturity)
        self._waiting.append((self._episodes_of(step.rows), replace(batch, reward=others)))
        ended = step.truncated if batch.terminated is None else step.truncated | batch.terminated
        over = self._episodes_of(step.rows[ended])
        self._episode[step.rows[ended]] += STRIDE
        return self._told(over)

    def close(self) -> list[Interactions]:
        """The pages of episodes that the end of the training cut off; empty or one batch."""
        return self._told(np.concatenate([episodes for episodes, _ in self._waiting] or [self._episode[:0]]))

    def _episodes_of(self, rows: I64) -> I64:
        """(r,) numbers of the episodes that the rows are in, each episode another one."""
        if len(rows) and rows.max() >= len(self._episode):
            missing = np.arange(len(self._episode), int(rows.max()) + 1)
            self._episode = np.concatenate([self._episode, missing])
        return self._episode[rows]

    def _told(self, over: I64) -> list[Interactions]:
        """The waiting pages of the episodes ``over``, with their reward."""
        ready: list[tuple[I64, Interactions]] = []
        waiting: list[tuple[I64, Interactions]] = []
        for episodes, pages in self._waiting:
            ends = np.isin(episodes, over)
            for rows, into in ((ends, ready), (~ends, waiting)):
                if rows.any():
                    into.append((episodes[rows], pages.take(rows)))
        self._waiting = waiting
        if not ready:
            return []
        episodes, pages = np.concatenate([one for one, _ in ready]), concat([two for _, two in ready])
        return [replace(pages, reward=pages.reward + self._credit(episodes, pages))]

    def _credit(self, episodes: I64, pages: Interactions) -> F64:
        """(n, k) what orders and their returns bring the slots of whole episodes."""
        net = self._ledger.net_slots(pages.requests.request_id, pages.reward.shape[1])
        rule, time = self.booking.attribution, pages.requests.time
        if rule == SOLD_SLOT:
            return net
        clicked, sold = np.nonzero(pages.events["click"] > 0), np.nonzero(net)
        touches = Touches(episodes[clicked[0]], time[clicked[0]])
        # what came back has the time of its order, so that both go to the same slots
        outcomes = Outcomes(episodes[sold[0]], time[sold[0]], net[sold])
        shares, nobody = attribute(touches, outcomes, rule, half_life=self.booking.half_life)
        self.unattributed += nobody
        credit: F64 = np.zeros_like(net)
        credit[clicked] = shares
        return credit
