"""Cold start: what is lost on an item's first deserved impressions and on a user's first pages.

Items come on sale in the midst of a run. The best page of each visitor is known, so each of its slots is an
impression that some item deserves; the n-th such impression of an item is the same moment whoever decides.
The loss there is attention x (value of the deserving item - value of what the slot shows instead), and the
losses of a page's slots add up to its regret.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....agents import Task
from ....agents.baselines import RandomAgent
from ....core.batches import Requests
from ....core.items import Items
from ....core.reward import RewardSpec
from ....core.types import F64, I32, I64, Bool
from ....envs.oracle import slot_values
from ....envs.vector import ShopVectorEnv
from ....simulators import Catalog, ShopConfig
from ....training.loop import check_rollout, learn
from ....training.position_bias import measure_position_bias
from ...entries import AgentEntry
from ...stages import open_shop, stage_rng, stage_seed
from .config import LaunchSection

ITEM_ENDS = (3, 10, 30, 100)
"""The last impression of each group of an item's first ones; the rest is one more group."""
USER_ENDS = (1, 3, 10)
"""The same of a user's pages."""
CLICKS = RewardSpec({"click": 1.0}, unit="click", north_star="click")


@dataclass(frozen=True)
class ColdStart:
    """Losses as shares of what the best pages are worth, with the attainable worth each is a share of.

    Attributes:
        agent: its name.
        new_items: (G,) on the first deserved impressions of items that came on sale after the warm-up, by
            the groups of ``ITEM_ENDS``.
        known_items: the same loss on every deserved impression of all other items.
        users: (H,) on whole pages, by the groups of ``USER_ENDS``.
        impressions: (G,) deserved impressions of new items in each group.
        kept: share of what the best pages are worth that the agent's pages were worth.
    """

    agent: str
    new_items: F64
    known_items: float
    users: F64
    impressions: I64
    kept: float


class GroupSums:
    """Sums of losses and of worths, and counts of slots, one of each group."""

    def __init__(self, groups: int) -> None:
        self.loss, self.worth = np.zeros((2, groups))
        self.count = np.zeros(groups, np.int64)

    def add(self, group: I64, loss: F64, worth: F64) -> None:
        """Events (e,) with their group, loss and attainable worth."""
        size = len(self.loss)
        self.loss += np.bincount(group, loss, size)
        self.worth += np.bincount(group, worth, size)
        self.count += np.bincount(group, minlength=size)

    @property
    def share(self) -> F64:
        """(groups,) loss / worth; NaN where nothing came."""
        share = np.full(len(self.loss), np.nan)
        np.divide(self.loss, self.worth, out=share, where=self.worth > 0)
        return share


def cold_start(entry: AgentEntry, size: LaunchSection, seed: int) -> ColdStart:
    """One agent through a warm-up and the launch of new items; it learns all the time.

    The reward is clicks. Every agent of a seed meets the same visitors, launches and candidates. What has
    not been on sale has no sales history, neither in the catalogue that the agent is given nor among its
    features.
    """
    catalog = Catalog.synthetic(size.items, seed=stage_seed(seed, "catalog"))
    config = size.shop_config()
    env, measured = (_open(catalog, config, size.lanes, seed, stage) for stage in ("cold start", "attention"))
    shop = env.loop.shop
    launch = shop.market.launch
    slots, names = config.slate_size, (shop.user_names, shop.context_names)
    task = Task(without_history(catalog.items, launch > 0), *names, slots, attention=np.ones(slots))
    rng = stage_rng(seed, "attention")
    random = RandomAgent(task, rng).policy()
    task = replace(task, attention=measure_position_bias(measured.loop, random, 20, rng))
    learner = entry.make(task, stage_rng(seed, "agent", entry.name))
    check_rollout(learner, entry.name, size.warm_up)
    new = launch > size.warm_up / size.rounds_per_day
    by_item, by_user = GroupSums(len(ITEM_ENDS) + 1), GroupSums(len(USER_ENDS) + 1)
    long_sold = GroupSums(1)
    deserved, pages = np.zeros(size.items, np.int64), np.zeros(config.users, np.int64)

    def values(rows: I64, requests: Requests, slates: I32) -> tuple[F64, F64]:
        """(n, m) value of each candidate when looked at, (n, k) how likely each slot is looked at."""
        each = slot_values(shop, CLICKS, requests.candidates)[0]
        return np.where(requests.in_stock, each, 0.0), shop.attention_curve

    steps = learn(learner, env.loop, size.warm_up + size.rounds, stage_rng(seed, "decide"), before=values)
    for number, (step, _, _) in enumerate(steps):
        value, attention = step.before
        best, worth, loss = page_losses(value, step.decisions.positions, attention)
        best_items = np.take_along_axis(step.requests.candidates, best, axis=1)
        nth_page = count_up(pages, step.requests.user_id)
        nth = count_up(deserved, best_items.ravel())
        if number >= size.warm_up:
            fresh = new[best_items.ravel()]
            group = np.searchsorted(ITEM_ENDS, nth[fresh])
            by_item.add(group, loss.ravel()[fresh], worth.ravel()[fresh])
            long_sold.add(np.zeros((~fresh).sum(), np.int64), loss.ravel()[~fresh], worth.ravel()[~fresh])
            by_user.add(np.searchsorted(USER_ENDS, nth_page), loss.sum(axis=1), worth.sum(axis=1))
    kept = 1.0 - float(by_user.loss.sum() / by_user.worth.sum())
    old_items = float(long_sold.share[0])
    return ColdStart(entry.name, by_item.share, old_items, by_user.share, by_item.count, kept)


def page_losses(value: F64, positions: I32, attention: F64) -> tuple[I64, F64, F64]:
    """The best page and, slot by slot, its worth and what another page loses against it.

    Args:
        value: (n, m) >= 0 of each candidate when looked at.
        positions: (n, k) what was shown.
        attention: (n, k), falling.

    Returns:
        (n, k) positions of the best page, (n, k) worth and (n, k) loss of its slots.
    """
    best = np.argsort(-value, axis=1, kind="stable")[:, : positions.shape[1]]
    worth = attention * np.take_along_axis(value, best, axis=1)
    got = np.where(positions >= 0, np.take_along_axis(value, np.maximum(positions, 0), axis=1), 0.0)
    return best, worth, worth - attention * got


def count_up(counts: I64, keys: I64 | I32) -> I64:
    """(e,) which occasion of its key each event is, from 1; ``counts`` of earlier ones goes on."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.searchsorted(ordered, ordered)
    nth = np.empty(len(keys), np.int64)
    nth[order] = counts[ordered] + np.arange(len(keys)) - first + 1
    np.add.at(counts, keys, 1)
    return nth


def without_history(items: Items, rows: Bool) -> Items:
    """The catalogue as it is before anything of ``rows`` was sold."""
    features = items.features.copy()
    if "popularity" in items.feature_names:
        column = items.feature_names.index("popularity")
        features[rows, column] = features[:, column].min()
    return replace(items, popularity=np.where(rows, 0.0, items.popularity), features=features)


def _open(catalog: Catalog, config: ShopConfig, lanes: int, seed: int, stage: str) -> ShopVectorEnv:
    people = stage_seed(seed, "population")
    return open_shop(catalog, config, CLICKS, lanes=lanes, population=people, seed=stage_seed(seed, stage))
