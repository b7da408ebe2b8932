"""What the stages of a run share: the config, the catalogue, seeds, copies of the shop, failures, bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.progress import Progress

from ...core.errors import InvalidInput
from ...envs.vector import ShopVectorEnv
from ...policies.retrieval.retriever import Retriever, StockAwareRetriever
from ...simulators import ShopConfig
from ...simulators.rollout import CandidateSource, Episode
from ..catalogs import load_catalog
from ..config import ExperimentConfig
from ..entries import import_agents
from ..episodes import UNIT, days_of
from ..failures import Failures
from ..guarding import GuardingReport
from ..parts.store import NotKept, Parts
from ..results import reward_unit
from ..seeds import stage_rng, stage_seed
from .shops import open_shop


class RunContext:
    """Of one run.

    Attributes:
        rng, seed: by the name of a stage.
        retriever: finds the candidates of a page, once the retrieve stage has made it; None: the shop does.
        guarding: what the guards changed, stage by stage.
        failures: agents that failed; the run goes on without them.
        per: what a value is per, e.g. ``decision``.
        parts: what is done already, if the run was interrupted.
    """

    def __init__(self, config: ExperimentConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.rng, self.seed = partial(stage_rng, config.seed), partial(stage_seed, config.seed)
        self.catalog, self.set_aside = load_catalog(config.catalog, self.seed("catalog"))
        self.shop_config = config.shop_config()
        self.reward = config.reward.config
        self.unit = reward_unit(self.reward, self.catalog)
        self.episode = Episode(config.episode)
        self.per = UNIT[self.episode]
        self.retriever: Retriever | None = None
        self.guarding = GuardingReport()
        self.failures = Failures(needed=(config.gate.baseline,))
        self.parts: Parts = NotKept()
        import_agents(config.agents)
        if config.retrieve is not None and config.retrieve.count > len(self.catalog):
            fix = f"the catalogue has {len(self.catalog)} items"
            raise InvalidInput("retrieve.count", config.retrieve.count, fix)

    def open(self, stage: str, shop_config: ShopConfig | None = None) -> ShopVectorEnv:
        """A copy of the shop, or of a changed one, for a stage; the users are the same people in all."""
        shop, people = (self.catalog, shop_config or self.shop_config, self.reward), self.seed("population")
        lanes, days = self.config.training.batch, days_of(self.config)
        seed = self.seed(stage)
        return open_shop(*shop, lanes=lanes, population=people, seed=seed, episode=self.episode, days=days)

    def candidates(self, env: ShopVectorEnv) -> CandidateSource | None:
        """What the pages of a stage choose from, where the shop leaves that to a retriever."""
        stock = env.loop.shop.stock
        return None if self.retriever is None else StockAwareRetriever(self.retriever, stock.available).fill

    @contextmanager
    def bar(self, name: str, total: int) -> Iterator[Callable[[], None]]:
        """A progress bar; what is yielded moves it by one."""
        task = self.progress.add_task(name, total=total)
        yield lambda: self.progress.advance(task)
