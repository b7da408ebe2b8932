"""The audit: optimisers of rising strength try to game a reward in a shop, and the business watches.

Every optimiser is also given the north star itself, with the same seeds, pages and visitors. What it earns of
the north star when it is paid by the reward, over what it earns when it is paid by the north star, is the
price of the proxy for that optimiser. One training says nothing of the luck of training: a reward is called
gameable only if every training loses more than the tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput, in_range
from ...core.reward import RewardSpec
from ...core.types import F64
from ...simulators import Shop
from ...simulators.rollout import Episode
from .exact_terms import exact_weights
from .linted_shop import LintedShop, LintSize
from .page_rules import ExactRule, PageRule
from .price import DAYS, ProxyPrice, Share, page_price, share_of
from .shop_lint import TOLERANCE, ShopLint, measure
from .trained import AuditedAgent, LearntRule, train_rules
from .trials import SIMULATED_TERMS, EpisodeTerms, run_trial

OnProgress = Callable[[str, int, int], None]
"""Called with what is done, how much of it and how much there is."""


@dataclass(frozen=True)
class Attempt:
    """What one optimiser made of the reward, beside what it made of the north star.

    Attributes:
        optimiser: an agent's name.
        pages: shown to it while it learnt.
        proxy: reward per episode, over that of pages drawn uniformly.
        price: as of the exact lint; ``best`` is what the same optimiser earns when the north star pays it.
        by_seed: the share of each training.
    """

    optimiser: str
    pages: int
    proxy: float
    price: ProxyPrice
    by_seed: tuple[Share, ...]

    def games(self, tolerance: float) -> bool:
        """Whether every training loses more than the tolerance, beyond its interval."""
        return all(share.high < 1.0 - tolerance for share in self.by_seed)


@dataclass(frozen=True)
class Audit:
    """All optimisers, weakest first, and the exact lint.

    Attributes:
        lint: without training.
        attempts: by agents.
        terms: the price of each term of the reward by itself, on the first page.
        strongest: what gamed it: (rule paid by the reward, rule paid by the north star), None if nobody did.
    """

    lint: ShopLint
    attempts: tuple[Attempt, ...]
    terms: Mapping[str, ProxyPrice]
    strongest: tuple[PageRule, PageRule] | None

    @property
    def gaming(self) -> Attempt | None:
        """The attempt that gamed the reward and left least of the north star."""
        games = [attempt for attempt in self.attempts if attempt.games(self.lint.tolerance)]
        return min(games, key=lambda attempt: attempt.price.share.value, default=None)


def audit(
    spec: RewardSpec,
    shop: LintedShop | Shop,
    trainees: Sequence[AuditedAgent],
    *,
    size: LintSize | None = None,
    tolerance: float = TOLERANCE,
    pressure: float | None = None,
    seeds: int = 2,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Audit:
    """Let agents learn a reward over whole visits, or lives where people come back: minutes.

    Args:
        trainees: weakest first.
        size, tolerance, pressure: of the exact lint, which comes first.
        seeds: trainings of each agent.

    Raises:
        InvalidInput: no trainee, or whatever the lint or an agent refuses.
    """
    if not trainees:
        raise InvalidInput("audit.agents", [], "name at least one agent")
    in_range("audit.seeds", seeds, 1, 1000)
    shop, size = LintedShop.read(shop), size or LintSize()
    lint = measure(spec, shop, size=size, tolerance=tolerance, pressure=pressure)
    judge = Judge(spec, shop, size)
    done, total = 0, len(trainees) * seeds * 2
    attempts: list[Attempt] = []
    rules: dict[tuple[str, int], tuple[PageRule, PageRule]] = {}
    for trainee in trainees:
        trained: dict[int, list[tuple[EpisodeTerms, EpisodeTerms]]] = {pages: [] for pages in trainee.pages}
        for seed in range(seeds):
            pair: list[dict[int, LearntRule]] = []
            for paid in (spec, honest_spec(spec)):
                on_progress(f"train {trainee.agent}", done, total)
                stages = train_rules(shop, paid, trainee, judge.episode, days=judge.days, seed=seed)
                pair.append(dict(stages))
                done += 1
            for pages, rule in pair[0].items():
                rules.setdefault((trainee.agent, pages), (rule, pair[1][pages]))
                trained[pages].append((judge.trial(rule), judge.trial(pair[1][pages])))
        attempts += [judge.attempt(trainee.agent, pages, trials) for pages, trials in trained.items()]
    means, _ = shop.first_pages(size.pages)
    north_star = exact_weights(spec.star_weights)
    terms = {
        name: page_price(means, {name: w}, north_star) for name, w in exact_weights(spec.weights).items() if w
    }
    result = Audit(lint, tuple(attempts), terms, None)
    if result.gaming is None:
        return result
    return Audit(lint, result.attempts, terms, rules[result.gaming.optimiser, result.gaming.pages])


def honest_spec(spec: RewardSpec) -> RewardSpec:
    """A reward that is the north star itself."""
    exchange = {name: rate for name, rate in spec.exchange.items() if name in spec.star_weights}
    own_unit = spec.star_unit != spec.unit
    return RewardSpec(
        terms=dict(spec.star.weights),
        unit=spec.star_unit,
        exchange={} if own_unit else exchange,
        north_star=spec.north_star,
    )


class Judge:
    """Runs what was learnt on visitors that nobody learnt from."""

    def __init__(self, spec: RewardSpec, shop: LintedShop, size: LintSize) -> None:
        self.spec = spec
        self.episode = Episode.LIFE if shop.has_lives and size.lives else Episode.VISIT
        self.episodes = size.lives if self.episode is Episode.LIFE else size.visits
        self.days = spec.star.horizon or DAYS
        self.world = shop.open(min(self.episodes, 4096), self.episode.clock, self.days)
        self.seed = shop.seed + 7_919
        self.paid = {n: w for n, w in spec.weights.items() if n in SIMULATED_TERMS}
        self.wanted = {n: w for n, w in spec.star_weights.items() if n in SIMULATED_TERMS}
        self.random = self.trial(ExactRule({"click": 1.0}, (0.0,), shop.guards, pressure=0.0))

    def trial(self, rule: PageRule) -> EpisodeTerms:
        """The rule, in the same episodes as every other."""
        return run_trial(
            self.world, rule, self.episode, episodes=self.episodes, seed=self.seed, star=self.spec.star
        )

    def north_star(self, trial: EpisodeTerms) -> F64:
        """(n,) per episode."""
        return trial.north_star(self.wanted)

    def attempt(
        self, optimiser: str, pages: int, trials: Sequence[tuple[EpisodeTerms, EpisodeTerms]]
    ) -> Attempt:
        """What an optimiser made of it in all its trainings."""
        shares = [share_of(self.north_star(gamed), self.north_star(honest)) for gamed, honest in trials]
        value = np.mean([self.north_star(gamed) for gamed, _ in trials], axis=0)
        best = np.mean([self.north_star(honest) for _, honest in trials], axis=0)
        reward = sum(float(gamed.proxy(self.paid).mean()) for gamed, _ in trials) / len(trials)
        start = float(self.random.proxy(self.paid).mean())
        terms, honest_terms = (
            {
                name: sum(float(pair[side].terms[name].mean()) for pair in trials) / len(trials)
                for name in SIMULATED_TERMS
            }
            for side in (0, 1)
        )
        price = ProxyPrice(
            episode=str(self.episode),
            share=share_of(value, best),
            myopic=share_of(value, best),
            north_star=float(value.mean()),
            best=float(best.mean()),
            random=float(self.north_star(self.random).mean()),
            price_off=sum(gamed.price_off for gamed, _ in trials) / len(trials),
            terms=terms,
            honest_terms=honest_terms,
            episodes=len(value),
        )
        return Attempt(optimiser, pages, reward / start if start else float("nan"), price, tuple(shares))
