"""Cold start: what is lost on an item's first deserved impressions and on a user's first pages.

Items come on sale in the midst of a run. The best page of each visitor is known, so each of its slots is an
impression that some item deserves; the n-th such impression of an item is the same moment whoever decides.
The loss there is attention x (value of the deserving item - value of what the slot shows instead), and the
losses of a page's slots add up to its regret.

    python -m shopgym.experiments.studies.cold_start --agents popularity,linear_ranker,mlp_ranker
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...agents import Task, make_agent
from ...agents.baselines import RandomAgent
from ...core.batches import Requests
from ...core.errors import in_range
from ...core.items import Items
from ...core.reward import RewardSpec
from ...core.types import F64, I32, I64, Bool
from ...envs.oracle import slot_values
from ...envs.vector import ShopVectorEnv
from ...simulators import Catalog, ShopConfig
from ...simulators.config import StockConfig
from ...simulators.market.market import MarketConfig
from ...training.loop import learn
from ...training.position_bias import measure_position_bias
from ..stages import open_shop, stage_rng, stage_seed

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
    """

    agent: str
    new_items: F64
    known_items: float
    users: F64
    impressions: I64


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


def cold_start(
    agent: str,
    *,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    items: int = 300,
    lanes: int = 256,
    warm_up: int = 60,
    rounds: int = 100,
    rounds_per_day: int = 10,
    new_share: float = 0.4,
) -> ColdStart:
    """One agent through a warm-up and the launch of new items; it learns all the time.

    The reward is clicks. Every agent meets the same visitors, launches and candidates. What has not been on
    sale has no sales history, neither in the catalogue that the agent is given nor among its features.

    Args:
        agent: a name of :data:`shopgym.agents.AGENTS`; ``options`` are its own.
        items: size of the synthetic catalogue; ``new_share`` of it comes on sale during the run.
        lanes: pages a round.
        warm_up: rounds before losses are counted; ``rounds``: rounds after.
        rounds_per_day: items come on sale at the start of a day.
    """
    in_range("cold_start.warm_up", warm_up, 1, 1e6)
    in_range("cold_start.rounds", rounds, 1, 1e6)
    in_range("cold_start.new_share", new_share, 0.0, 1.0, open_low=True)
    catalog = Catalog.synthetic(items, seed=stage_seed(seed, "catalog"))
    config = ShopConfig(
        users=2000,
        pages_per_day=rounds_per_day,
        stock=StockConfig(enabled=False),
        market=MarketConfig(new_share=new_share, turnover=(warm_up + rounds) / rounds_per_day),
    )
    env, measured = (_open(catalog, config, lanes, seed, stage) for stage in ("cold start", "attention"))
    shop = env.loop.shop
    launch = shop.market.launch
    size, names = config.slate_size, (shop.user_names, shop.context_names)
    task = Task(without_history(catalog.items, launch > 0), *names, size, attention=np.ones(size))
    rng = stage_rng(seed, "attention")
    random = RandomAgent(task, rng).policy()
    task = replace(task, attention=measure_position_bias(measured.loop, random, 20, rng))
    learner = make_agent(agent, task, stage_rng(seed, "agent", agent), **(options or {}))
    new = launch > warm_up / rounds_per_day
    by_item, by_user = GroupSums(len(ITEM_ENDS) + 1), GroupSums(len(USER_ENDS) + 1)
    long_sold = GroupSums(1)
    deserved, pages = np.zeros(items, np.int64), np.zeros(config.users, np.int64)

    def values(rows: I64, requests: Requests, slates: I32) -> tuple[F64, F64]:
        """(n, m) value of each candidate when looked at, (n, k) how likely each slot is looked at."""
        each = slot_values(shop, CLICKS, requests.candidates)[0]
        return np.where(requests.in_stock, each, 0.0), shop.attention_curve

    pages_in_all = warm_up + rounds
    steps = learn(learner, env.loop, pages_in_all, stage_rng(seed, "decide"), before=values)
    for number, (step, _, _) in enumerate(steps):
        value, attention = step.before
        best, worth, loss = page_losses(value, step.decisions.positions, attention)
        best_items = np.take_along_axis(step.requests.candidates, best, axis=1)
        nth_page = count_up(pages, step.requests.user_id)
        nth = count_up(deserved, best_items.ravel())
        if number >= warm_up:
            fresh = new[best_items.ravel()]
            group = np.searchsorted(ITEM_ENDS, nth[fresh])
            by_item.add(group, loss.ravel()[fresh], worth.ravel()[fresh])
            long_sold.add(np.zeros((~fresh).sum(), np.int64), loss.ravel()[~fresh], worth.ravel()[~fresh])
            by_user.add(np.searchsorted(USER_ENDS, nth_page), loss.sum(axis=1), worth.sum(axis=1))
    return ColdStart(agent, by_item.share, float(long_sold.share[0]), by_user.share, by_item.count)


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


def table(results: Sequence[ColdStart]) -> str:
    """Markdown: mean loss in percent of the attainable, by agent, over the results of several seeds."""
    items, pages = _ranges(ITEM_ENDS), _ranges(USER_ENDS)
    head = ["agent", *(f"new item {n}" for n in items), "known items", *(f"user's page {n}" for n in pages)]
    lines = [head, ["---"] * len(head)]
    for agent in dict.fromkeys(result.agent for result in results):
        of_agent = [one for one in results if one.agent == agent]
        rows = np.array([[*one.new_items, one.known_items, *one.users] for one in of_agent])
        lines.append([agent, *(f"{100 * share:.0f}" for share in np.nanmean(rows, axis=0))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ranges(ends: tuple[int, ...]) -> list[str]:
    starts = (1, *(end + 1 for end in ends))
    return [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends)] + [f"{starts[-1]}+"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What is lost on new items and new users.")
    parser.add_argument("--agents", default="random,popularity,linear_ranker,logistic_ranker,mlp_ranker")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    agents = options.agents.split(",")
    print(table([cold_start(a, seed=s, rounds=options.rounds) for a in agents for s in range(options.seeds)]))


if __name__ == "__main__":
    main()
