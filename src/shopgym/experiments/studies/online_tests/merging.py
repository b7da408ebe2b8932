"""Pages that two policies fill together: counterfactual rankings, and team-draft interleaving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from ....core.batches import EMPTY, Decisions, Requests
from ....core.types import F64, I32, AnyArray, Bool
from ....policies.guards import GuardCounters, open_counters_of
from ....policies.policy import SlatePolicy, item_rows


@dataclass(frozen=True, eq=False)
class CounterfactualRanking:
    """Items, not users, have an arm: each stands where the policy of its own arm would rank it.

    Both policies rank all candidates of a request. An item's place in the page follows its rank by the policy
    of its arm; a coin breaks ties. So an item fares about as it would if its policy ranked everything, and
    its stock is sold by its own arm alone (Nandy, Venugopalan, Lo and Chatterjee 2021, A/B testing for
    recommender systems in a two-sided marketplace: UniCoRn with every request blended). With arms by category
    the items of a category keep together.

    Attributes:
        policies: of the arms, the control first.
        arm: (N,) arm of each item of the catalogue.
        name: in reports.
    """

    policies: Sequence[SlatePolicy]
    arm: AnyArray
    name: str = "counterfactual ranking"

    def open_counters(self) -> GuardCounters | None:
        """What the guards of its policies count: the pages that they fill together."""
        return open_counters_of(self.policies)

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Fill n pages. A merged page has no closed propensity: it is NaN, so that no log takes it."""
        m = requests.num_candidates
        whole = replace(requests, slots=None)
        rank = np.full((len(requests), m), np.inf)
        own = self.arm[np.maximum(requests.candidates, 0)]
        for number, policy in enumerate(self.policies):
            by_policy = ranks(replace(policy, slate_size=m).decide(whole, rng).positions, m)
            rank = np.where(own == number, by_policy, rank)
        order = np.argsort(rank + 0.5 * rng.random(rank.shape), axis=1)
        size = self.policies[0].slate_size
        positions = order[:, :size].astype(np.int32)
        positions[~np.isfinite(np.take_along_axis(rank, order[:, :size], axis=1))] = EMPTY
        return _decisions(requests, positions)


def ranks(positions: I32, m: int) -> F64:
    """(n, m) place of each candidate in rankings (n, k) of positions; inf where it was not ranked."""
    out = np.full((len(positions), m), np.inf)
    row, place = np.nonzero(positions >= 0)
    out[row, positions[row, place]] = place
    return out


@dataclass(frozen=True, eq=False)
class TeamDraft:
    """Two policies pick items for one page in turns; who picks first is a coin toss in each round.

    Clicks and orders are credited to the policy that picked the item (Radlinski, Kurup and Joachims 2008, How
    does clickthrough data reflect retrieval quality?). ``teams`` (n, k) of the page decided last say who
    picked what: 0, 1, or -1 in an empty slot.
    """

    policies: tuple[SlatePolicy, SlatePolicy]
    name: str = "team draft"

    def open_counters(self) -> GuardCounters | None:
        """What the guards of its policies count: the pages that they fill together."""
        return open_counters_of(self.policies)

    def decide_with_teams(self, requests: Requests, rng: Generator) -> tuple[Decisions, I32]:
        """(n pages, (n, k) the policy that picked each item; -1 = empty slot)."""
        m, size = requests.num_candidates, self.policies[0].slate_size
        # only what is picked counts: a policy's own first k items, and k more in case the other takes them
        deep = min(m, 2 * size)
        whole = replace(requests, slots=None)
        orders = [replace(p, slate_size=deep).decide(whole, rng).positions for p in self.policies]
        positions, teams = team_draft(orders[0], orders[1], size, m, rng.random((len(requests), size)) < 0.5)
        decisions = _decisions(requests, positions)
        return decisions, np.where(decisions.positions >= 0, teams, EMPTY).astype(np.int32)


def team_draft(first: I32, second: I32, size: int, m: int, first_begins: Bool) -> tuple[I32, I32]:
    """((n, k) positions, (n, k) teams) of pages drafted from two rankings (n, d) of m candidates.

    ``first_begins`` (n, k) tosses the coin of each round; a round is two picks.
    """
    n = len(first)
    taken = np.zeros((n, m), np.bool_)
    positions, teams = np.full((n, size), EMPTY, np.int32), np.full((n, size), EMPTY, np.int32)
    rows = np.arange(n)
    for slot in range(size):
        begins = first_begins[:, slot // 2]
        picks_first = begins if slot % 2 == 0 else ~begins
        ranking = np.where(picks_first[:, None], first, second)
        free = (ranking >= 0) & ~taken[rows[:, None], np.maximum(ranking, 0)]
        has = free.any(axis=1)
        pick = ranking[rows, free.argmax(axis=1)]
        positions[has, slot], teams[has, slot] = pick[has], np.where(picks_first, 0, 1)[has]
        taken[rows[has], pick[has]] = True
    return positions, teams


def _decisions(requests: Requests, positions: I32) -> Decisions:
    if requests.slots is not None:
        positions[np.arange(positions.shape[1]) >= requests.slots[:, None]] = EMPTY
    return Decisions(positions, item_rows(requests, positions), np.full(positions.shape, np.nan))
