"""What an episode of an experiment is: how many there are, how they are called, what they ask of a config."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from ..core.errors import InvalidInput
from ..simulators.calendar import check_campaigns
from ..simulators.config import ShopConfig
from ..simulators.rollout import Episode, Step
from .covered_days import check_calendar

if TYPE_CHECKING:
    from .config import ExperimentConfig

EpisodeName = Literal["page", "visit", "life", "season"]

UNIT = {Episode.PAGE: "decision", Episode.VISIT: "visit", Episode.LIFE: "customer", Episode.SEASON: "season"}
"""What a value is per."""
PLURAL = {
    Episode.PAGE: "decisions",
    Episode.VISIT: "visits",
    Episode.LIFE: "customers",
    Episode.SEASON: "seasons",
}
DAYS = 28.0
"""Length of a life or a season that a config leaves open."""
DEPLOYED = {Episode.VISIT: 20_000, Episode.LIFE: 2_000, Episode.SEASON: 30}
"""Episodes in which a policy is deployed, where a config leaves it open."""
LOGGED = {Episode.VISIT: 50_000, Episode.LIFE: 5_000, Episode.SEASON: 1}
"""Episodes of a log, where a config leaves it open."""


def days_of(config: ExperimentConfig) -> float:
    """Days of a life or a season; without meaning for pages and visits."""
    return DAYS if config.days is None else config.days


def deployed_episodes(config: ExperimentConfig) -> int:
    """Episodes in which each policy is deployed: pages, visits, customers or seasons."""
    if config.episode == "page":
        return config.truth.decisions
    return config.truth.episodes or DEPLOYED[Episode(config.episode)]


def logged_episodes(config: ExperimentConfig) -> int:
    """Episodes of the log: pages, visits, customers or seasons."""
    if config.episode == "page":
        return config.log.decisions
    return config.log.episodes or LOGGED[Episode(config.episode)]


def rounds_of(config: ExperimentConfig, episodes: int) -> int:
    """How often every row has an episode until there are at least so many. A season is one for all rows."""
    return episodes if config.episode == "season" else math.ceil(episodes / config.training.batch)


def counting_episodes(steps: Iterator[Step], on_progress: Callable[[], None]) -> Iterator[Step]:
    """The steps of a rollout; ``on_progress`` is called for each episode that all its rows have come to."""
    told = 0
    for step in steps:
        yield step
        reached = int(step.episode.min()) + 1
        for _ in range(told, reached):
            on_progress()
        told = max(told, reached)


def check_episode(config: ExperimentConfig) -> None:
    """Raise :class:`InvalidInput` unless the config has what its kind of episode needs, and nothing else."""
    episode = Episode(config.episode)
    if episode is Episode.PAGE:
        _refuse_episodes(config)
    else:
        _refuse_pages(config, episode)
    if episode in (Episode.LIFE, Episode.SEASON):
        _check_people(config.shop.config, episode)
        check_calendar(config.shop.config, days_of(config))
    elif config.days is not None:
        raise InvalidInput("days", config.days, f"leave it out: a {episode} has no days; for life and season")
    check_campaigns(config.shop.config.campaigns, episode.clock)
    if episode is Episode.SEASON and not config.shop.config.stock.enabled:
        fix = "a season's customers share a stock: set it to true, or use episode: life"
        raise InvalidInput("shop.stock.enabled", False, fix)
    if episode is Episode.SEASON and config.gate.ranking is not None:
        fix = "leave it out: a season is judged by deployments, not on a log"
        raise InvalidInput("gate.ranking", config.gate.ranking.name, fix)
    if episode is Episode.SEASON and deployed_episodes(config) < 2:
        raise InvalidInput(
            "truth.episodes", config.truth.episodes, "an interval over seasons needs at least 2"
        )


def _refuse_episodes(config: ExperimentConfig) -> None:
    """Pages are counted by ``decisions``."""
    for name, section in (("log", config.log), ("truth", config.truth)):
        if section.episodes is not None:
            fix = f"an episode is a page here: say {name}.decisions, or episode: visit"
            raise InvalidInput(f"{name}.episodes", section.episodes, fix)


def _refuse_pages(config: ExperimentConfig, episode: Episode) -> None:
    """What only single pages have: their number, and candidates that a retriever finds."""
    for name, section in (("log", config.log), ("truth", config.truth)):
        if section.decisions != type(section).model_fields["decisions"].default:
            fix = f"with episode: {episode} {PLURAL[episode]} are counted: say {name}.episodes"
            raise InvalidInput(f"{name}.decisions", section.decisions, fix)
    if config.retrieve is not None:
        fix = "leave it out: what could be chosen on the next page is not retrieved; or episode: page"
        raise InvalidInput("retrieve", config.retrieve.agent, f"{fix} (not episode: {episode})")
    if not config.shop.config.num_candidates:
        fix = f"with episode: {episode} agents choose among candidates: give at least one page's"
        raise InvalidInput("shop.num_candidates", 0, fix)


def _check_people(shop: ShopConfig, episode: Episode) -> None:
    if not shop.people.enabled:
        fix = f"with episode: {episode} people have to come back: set it to true"
        raise InvalidInput("shop.people.enabled", False, fix)
