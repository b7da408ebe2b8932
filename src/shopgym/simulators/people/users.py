"""The people who may visit: latent taste and price sensitivity, and what the shop knows of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, Philox

from ...core.types import F32, F64, I32, Bool
from ..catalog.catalog import OBSERVED, Catalog
from .retention import RetentionConfig, draw_habits, draw_passers

FAVOURITES = 3
"""Items whose mean embedding is a user's taste. Few, so that tastes differ."""

TRAITS = 7
"""Dimensions besides taste in which users differ: visit rate, mission size, mission share, bulk, dropout,
price sensitivity, returns."""
LEAST_SHAPE = 1e-300
"""Of the beta distribution of missions, which is not defined at 0."""


def user_feature_names(regions: int) -> tuple[str, ...]:
    """Names of what a shop of so many regions knows of a user."""
    where = (f"region_{region}" for region in range(regions)) if regions > 1 else ()
    return (*(f"taste_{column}" for column in range(OBSERVED)), "price_sensitivity", *where)


@dataclass(frozen=True)
class Users:
    """M users as columns.

    Attributes:
        taste: (M, d) float32 unit vectors in the catalogue's latent space.
        favourites: (M, 3) int32 items the taste was made from.
        price_sensitivity: (M,) float32 > 0, log-normal around the configured mean.
        region: (M,) int32, where they live.
        rate, dropout: (M,) float64, visits a day and chance of not coming back after a return; one row of
            1 and 0.5 where nobody comes back.
        mission: (M,) float32, share of visits with a mission, that is, a purpose to buy.
        size: (M,) float32, mean 0: how much larger their missions are than others', in standard deviations.
        passing: (M,) bool, who passes by: missions are rarer or none, and one return at most.
        bulk: (M,) float64, mean 1: factor of the units that they take beyond the first.
        returner: (M,) float32, mean 0: logits by which they send back more than others.
        features: (M, u) float32, what the shop knows: a noisy taste in the observable space and a
            noisy price sensitivity; named by ``feature_names``.
    """

    taste: F32
    favourites: I32
    price_sensitivity: F32
    features: F32
    feature_names: tuple[str, ...]
    region: I32
    rate: F64
    dropout: F64
    mission: F32
    bulk: F64
    returner: F32
    size: F32
    passing: Bool

    def __len__(self) -> int:
        return len(self.taste)

    @classmethod
    def draw(
        cls,
        catalog: Catalog,
        count: int,
        *,
        seed: int,
        price_sensitivity: float = 1.0,
        noise: float = 0.3,
        regions: int = 1,
        retention: RetentionConfig | None = None,
        mission: tuple[float, float] = (0.0, 0.0),
        size_alike: float = 0.0,
        bulk_sd: float = 0.0,
        returner_sd: float = 0.0,
        established: int = 0,
        representative: bool = False,
    ) -> Users:
        """``count`` users of a catalogue; the same seed gives the same people.

        Favourites are drawn by popularity. Sensitivity is log-normal with standard deviation 0.4 of
        its log. ``noise`` is the standard deviation of what blurs the shop's knowledge of both. Where
        there are several ``regions``, the shop knows them too. ``retention`` says how often they come back.
        ``mission`` is the mean share of visits with a purpose and how alike a user's visits are in it (0 =
        no more than others', 1 = all the same): a beta distribution with that intraclass correlation.
        Those who pass by have ``retention.passing_missions`` of that. ``size_alike`` is the correlation of
        the sizes of a user's purposes, ``bulk_sd`` is of the log: the factors are Pareto's, as the sizes of
        firms are (Axtell 2001), so that few take very many. ``returner_sd`` is in logits. The first
        ``established`` do not pass by; they may be ``representative``, that is differ from one another as
        evenly as possible.
        """
        from scipy.special import betaincinv, ndtri

        rng = Generator(Philox(key=[seed, 0x75736572]))
        share = catalog.items.popularity / catalog.items.popularity.sum()
        favourites = rng.choice(len(catalog), size=(count, FAVOURITES), p=share).astype(np.int32)
        taste = _unit(catalog.embedding[favourites].mean(axis=1))
        spread, even = 0.4, _evenly(min(established, count) if representative else 0, seed)
        log_sensitivity = rng.normal(-(spread**2) / 2, spread, size=count)
        log_sensitivity[: len(even)] = spread * (ndtri(even[:, 5]) - spread / 2)
        sensitivity = (price_sensitivity * np.exp(log_sensitivity)).astype(np.float32)
        seen = catalog.items.features[:, :OBSERVED]
        observed = seen[favourites].mean(axis=1) + rng.normal(0, noise, size=(count, OBSERVED))
        observed_sensitivity = log_sensitivity / spread + rng.normal(0, noise, size=count)
        features = np.concatenate([observed, observed_sensitivity[:, None]], axis=1).astype(np.float32)
        region = rng.integers(regions, size=count).astype(np.int32)
        if regions > 1:
            features = np.concatenate([features, np.eye(regions, dtype=np.float32)[region]], axis=1)
        rate, dropout = np.ones(1), np.full(1, 0.5)
        if retention is not None:
            rate, dropout = draw_habits(count, retention, rng, even[:, [0, 4]])
        share, alike = mission
        purpose = np.full(count, share)
        if 0 < share < 1 and alike > 0:
            # shares so close to 0 or 1 that a shape would vanish are 0 or 1 for everybody all the same
            shape = max(share * (1 / alike - 1), LEAST_SHAPE), max((1 - share) * (1 / alike - 1), LEAST_SHAPE)
            purpose = rng.beta(*shape, size=count)
            purpose[: len(even)] = betaincinv(*shape, even[:, 2])
        bulk = np.ones(count)
        if bulk_sd:
            bulk = rng.exponential(bulk_sd, size=count)
            bulk[: len(even)] = -bulk_sd * np.log1p(-even[:, 3])
            bulk = (1.0 - bulk_sd) * np.exp(bulk)
        returner = np.zeros(count)
        if returner_sd:
            returner = rng.normal(0.0, returner_sd, size=count)
            returner[: len(even)] = returner_sd * ndtri(even[:, 6])
        passing = np.zeros(count, np.bool_)
        if retention is not None:
            passing = draw_passers(count, retention, rng, dropout, established)
            purpose = np.where(passing, retention.passing_missions * purpose, purpose)
        size = np.zeros(count)
        if size_alike:
            size = rng.normal(0.0, size_alike**0.5, size=count)
            size[: len(even)] = size_alike**0.5 * ndtri(even[:, 1])
        names = user_feature_names(regions)
        people = (taste, favourites, sensitivity, features, names, region, rate, dropout)
        mission_share, returns, sizes = (column.astype(np.float32) for column in (purpose, returner, size))
        return cls(*people, mission_share, bulk, returns, sizes, passing)


def _evenly(count: int, seed: int) -> F64:
    """(count, 7) numbers in (0, 1), each uniform, that fill the cube evenly: scrambled Sobol' points."""
    if count == 0:
        return np.empty((0, TRAITS))
    from scipy.stats.qmc import Sobol  # slow to import

    points = Sobol(TRAITS, rng=np.random.default_rng([seed, 0x6576656E]))
    even: F64 = np.clip(points.random_base2((count - 1).bit_length())[:count], 1e-9, 1.0 - 1e-9)
    return even


def _unit(vectors: F32) -> F32:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    out: F32 = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return out
