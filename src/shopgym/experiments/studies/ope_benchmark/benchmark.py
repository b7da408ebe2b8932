"""Logs of a shop whose truth is known: independent visitors, exact propensities, exact expectations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ....core.reward import RewardSpec
from ....core.types import F64, I32, I64, Bool
from ....envs.oracle import slot_values
from ....policies import plackett_luce
from ....simulators import Catalog, Shop, ShopConfig
from ....simulators.catalog.catalog import OBSERVED
from ....simulators.profiles.disturbances import variant
from ...stages import stage_rng, stage_seed
from .scenarios import Scenario

BATCH_CELLS = 2_000_000
"""Visitors x items x slots held at once: 16 MB."""
TRUTH_WORK = 20_000_000
"""Visitors x items x slots^2 averaged for the truth; never fewer than ``FEWEST`` visitors or more than
``MOST``."""
FEWEST, MOST = 20_000, 300_000
BLIND_ITEMS, BLIND_CONTEXTS = 0.2, 0.5
"""Shares of the items that a blind behaviour policy leaves out."""


@dataclass(frozen=True)
class SyntheticPolicy:
    """Rates exp(b x score) among the items that are ``allowed`` to (n, A) visitors; None: all."""

    slope: float
    blind: str = ""

    def allowed(self, score: F64, sales: F64) -> Bool:
        """(n, A) what it can show; ``sales`` (A,) is how well each item sells."""
        out = np.ones(score.shape, np.bool_)
        count = score.shape[1]
        if self.blind == "items":
            out[:, np.argsort(-sales, kind="stable")[: max(1, round(BLIND_ITEMS * count))]] = False
        elif self.blind == "contexts":
            best = np.argpartition(-score, round(BLIND_CONTEXTS * count) - 1, axis=1)
            np.put_along_axis(out, best[:, : round(BLIND_CONTEXTS * count)], False, axis=1)
        return out

    def log_rates(self, score: F64) -> F64:
        """(n, 1, A) for :mod:`shopgym.policies.plackett_luce`."""
        return self.slope * score[:, None, :]

    def first(self, score: F64, allowed: Bool) -> F64:
        """(n, A) probabilities of what is drawn next among what is allowed."""
        rates = np.where(allowed, self.slope * score, -np.inf)
        rates -= rates.max(axis=1, keepdims=True)
        np.exp(rates, out=rates)
        rates /= rates.sum(axis=1, keepdims=True)
        return rates

    def marginals(self, score: F64, allowed: Bool, slots: int) -> F64:
        """(n, k, A) probability of each item at each slot, whatever stands before it."""
        if slots == 1:
            return self.first(score, allowed)[:, None, :]
        return plackett_luce.slot_marginals(self.log_rates(score), np.ones(1), allowed, slots)


@dataclass(frozen=True, eq=False)
class SyntheticLog:
    """n visits of k slots, and what is observed of all A items.

    Attributes:
        items: (n, k) what was shown.
        reward: (n, k).
        propensity: (n, k) of each slot's item given the slots before it.
        marginal: (n, k) of each slot's item whatever stands before it.
        score: (n, A) how each item fits the visitor, as far as it is observed.
    """

    items: I64
    reward: F64
    propensity: F64
    marginal: F64
    score: F64

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class TrueValue:
    """Exact expected reward of a page, averaged over ``visitors``; ``error`` is its standard error."""

    value: float
    error: float = 0.0
    visitors: int = 0

    @property
    def scale(self) -> float:
        """What errors are divided by: the value, or 1 where it is 0."""
        return self.value or 1.0


class Benchmark:
    """The shop of one scenario, its policies, exact values and logs.

    Every visit is new and independent: stock does not run down.

    Args:
        scenario: what it is like.
        seed: of everything.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        unit = "click" if scenario.reward == "click" else "currency"
        self.reward = RewardSpec({scenario.reward: 1.0}, unit)
        self.rng = stage_rng(seed, "ope", scenario.name)
        self.behaviour = SyntheticPolicy(scenario.logging, scenario.blind)
        self.target = SyntheticPolicy(scenario.target)
        catalog_seed = stage_seed(seed, "catalog", scenario.actions) % 2**32
        catalog = Catalog.synthetic(scenario.actions, seed=catalog_seed)
        config = ShopConfig(slate_size=scenario.slots, num_candidates=0)
        lanes = int(np.clip(BATCH_CELLS // (scenario.actions * scenario.slots), 1, 10_000))
        opened = stage_seed(seed, "shop", scenario.actions)
        self.shop = Shop(catalog, config, lanes=lanes, seed=opened)
        self.deployed = self.shop
        if scenario.deployed:
            changed = variant(scenario.deployed, config, start=0.0, days=1.0)
            self.deployed = Shop(catalog, changed, lanes=lanes, seed=opened)
        self.everything = np.broadcast_to(np.arange(len(catalog), dtype=np.int32), (lanes, len(catalog)))
        self._everyone = np.ones(lanes, np.bool_)
        self._fit = np.asarray(catalog.items.features[:, :OBSERVED], np.float64)
        self.value = np.ones(len(catalog))
        if scenario.reward == "margin":
            margin = (catalog.items.price - catalog.items.unit_cost).astype(np.float64)
            self.value = margin / margin.mean()
        self.sales = np.asarray(catalog.items.popularity, np.float64)
        first = np.concatenate([self._visitors(self.shop) for _ in range(-(-10_000 // lanes))])
        self._centre, self._spread = float(first.mean()), float(first.std())

    def scores(self, shop: Shop) -> F64:
        """(lanes, A) of new visitors of ``shop``, standardised."""
        return (self._visitors(shop) - self._centre) / self._spread

    def _visitors(self, shop: Shop) -> F64:
        shop.start_visits(self._everyone)
        requests = shop.requests()
        seen = requests.user[:, :OBSERVED].astype(np.float64) + requests.context[:, :OBSERVED]
        return np.asarray(seen @ self._fit.T)

    def truth(self, *policies: SyntheticPolicy) -> list[TrueValue]:
        """What each policy earns on average in the shop where it would work."""
        slots, lanes = self.scenario.slots, self.shop.lanes
        visitors = int(np.clip(TRUTH_WORK // (self.scenario.actions * slots**2), FEWEST, MOST))
        values: list[list[F64]] = [[] for _ in policies]
        for _ in range(-(-visitors // lanes)):
            score = self.scores(self.deployed)
            seen, _ = slot_values(self.deployed, self.reward, np.ascontiguousarray(self.everything))
            attention = self.deployed.attention_curve[:, :slots]
            for policy, parts in zip(policies, values, strict=True):
                marginal = policy.marginals(score, policy.allowed(score, self.sales), slots)
                parts.append(np.einsum("nka,nk,na->n", marginal, attention, seen, optimize=True))
        return [_truth(np.concatenate(parts)) for parts in values]

    def logs(self, replicates: int) -> Iterator[SyntheticLog]:
        """Independent logs of the behaviour policy."""
        for _ in range(replicates):
            parts = [self._batch() for _ in range(-(-self.scenario.rounds // self.shop.lanes))]
            columns = [np.concatenate(column)[: self.scenario.rounds] for column in zip(*parts, strict=True)]
            yield SyntheticLog(*columns)

    def _batch(self) -> tuple[I64, F64, F64, F64, F64]:
        slots, score = self.scenario.slots, self.scores(self.shop)
        allowed = self.behaviour.allowed(score, self.sales)
        rates, one = self.behaviour.log_rates(score), np.ones(1)
        slates: I32 = plackett_luce.draw(rates, one, allowed, slots, self.rng)
        propensity = plackett_luce.slot_propensities(rates, one, allowed, slates)
        items = slates.astype(np.int64)
        marginal = propensity
        if slots > 1:
            every = self.behaviour.marginals(score, allowed, slots)
            marginal = np.take_along_axis(every, items[:, :, None], axis=2)[:, :, 0]
        reward = self.reward.slots(self.shop.counterfactual(slates))
        return items, reward, propensity, marginal, score


def _truth(values: F64) -> TrueValue:
    return TrueValue(float(values.mean()), float(values.std() / len(values) ** 0.5), len(values))


def resampling_rng(seed: int, scenario: Scenario) -> Generator:
    """The generator of folds and resamples."""
    return stage_rng(seed, "ope", scenario.name, "resamples")
