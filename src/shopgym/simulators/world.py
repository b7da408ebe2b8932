"""The frozen arrays and numbers that the kernels read: one tuple of items, users and behaviour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.types import F32, F64, I32
from .catalog import Catalog
from .config import ShopConfig
from .users import Users


class World(NamedTuple):
    """What does not change while the shop is open. N items, M users, d latent, f observable columns."""

    embedding: F32  # (N, d)
    quality: F32  # (N,)
    log_price: F32  # (N,) log(price / median price)
    price: F64  # (N,)
    margin: F64  # (N,)
    units_p: F64  # (N,) success probability of the geometric number of units
    neighbours: I32  # (N, K), K a power of two
    alias_share: F64  # (N,) Walker's alias table of popularity
    alias_item: I32  # (N,)
    item_features: F32  # (N, f)
    taste: F32  # (M, d)
    favourites: I32  # (M, 3)
    sensitivity: F32  # (M,)
    user_features: F32  # (M, u)
    examination: F64  # (k,)
    click_base: float
    taste_weight: float
    intent_weight: float
    quality_weight: float
    fatigue: float
    cart_base: float
    depth: float
    buy_base: float
    mobile_penalty: float
    mobile_share: float
    leave_base: float
    engagement: float
    drift: float
    max_units: int
    similar: int  # candidates drawn from the neighbours
    random: int  # candidates drawn evenly
    max_pages: int


def build_world(catalog: Catalog, users: Users, config: ShopConfig) -> World:
    """Lay out a catalogue and its users for the kernels."""
    items, choice = catalog.items, config.choice
    share, alias = _alias_table(items.popularity)
    width = 1 << max(int(catalog.neighbours.shape[1]).bit_length() - 1, 0)
    similar = min(round(config.similar_share * config.num_candidates), width)
    return World(
        embedding=np.ascontiguousarray(catalog.embedding),
        quality=catalog.quality,
        log_price=np.log(items.price / np.median(items.price)).astype(np.float32),
        price=items.price,
        margin=items.margin,
        units_p=1.0 / catalog.units_mean,
        neighbours=np.ascontiguousarray(catalog.neighbours[:, :width]),
        alias_share=share,
        alias_item=alias,
        item_features=np.ascontiguousarray(items.features),
        taste=users.taste,
        favourites=users.favourites,
        sensitivity=users.price_sensitivity,
        user_features=users.features,
        examination=np.arange(1, config.slate_size + 1, dtype=np.float64) ** -choice.position_decay,
        click_base=choice.click_base,
        taste_weight=choice.taste_weight,
        intent_weight=choice.intent_weight,
        quality_weight=choice.quality_weight,
        fatigue=choice.fatigue,
        cart_base=choice.cart_base,
        depth=choice.depth,
        buy_base=choice.buy_base,
        mobile_penalty=choice.mobile_penalty,
        mobile_share=choice.mobile_share,
        leave_base=choice.leave_base,
        engagement=choice.engagement,
        drift=choice.drift,
        max_units=choice.max_units,
        similar=similar,
        random=min(round(config.random_share * config.num_candidates), config.num_candidates - similar),
        max_pages=config.max_pages,
    )


def _alias_table(weights: F64) -> tuple[F64, I32]:
    """Walker's alias table (Vose 1991): draw an item by weight with one look-up."""
    n = len(weights)
    scaled = (weights / weights.sum() * n).tolist()
    share, alias = np.ones(n), np.arange(n, dtype=np.int32)
    small = [i for i, w in enumerate(scaled) if w < 1.0]
    large = [i for i, w in enumerate(scaled) if w >= 1.0]
    while small and large:
        low, high = small.pop(), large[-1]
        share[low], alias[low] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1.0:
            small.append(large.pop())
    return share, alias
