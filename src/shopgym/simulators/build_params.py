"""From a catalogue, users and a config to the arrays that the kernels read."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from ..core.types import F32, F64, I32
from .catalog.catalog import OBSERVED, Catalog
from .config import ShopConfig
from .page.observe import CLOCK, LONGEST_GAP, MOMENT, PLACE, RELATION
from .page.surfaces import CHANNELS, surface_params
from .params import ShopParams
from .people.retention import expected_visits
from .people.users import Users, user_feature_names

LINE = 16
"""float32 in a cache line."""


def build_params(catalog: Catalog, users: Users, config: ShopConfig, days: float) -> ShopParams:
    """The parameters of a catalogue and its users in a season of ``days`` days."""
    items, choice, details, people = catalog.items, config.choice, catalog.details, config.people
    share, alias = _alias_table(items.popularity)
    width = (1 << int(catalog.neighbours.shape[1]).bit_length()) >> 1  # 0 where an item has no other
    surfaces, returns = config.surfaces, config.returns
    reading = surface_params(config.pages, surfaces.opened, config.slate_size, config.num_candidates)
    reading["similar"] = np.minimum(reading["similar"], width)
    others = config.num_candidates - int(reading["similar"].max())
    random = min(round(config.random_share * config.num_candidates), others)
    rates = details.return_rate
    if returns.rate is not None:
        rates = np.minimum(rates * (returns.rate / max(float(rates.mean()), 1e-12)), 0.99)
    return ShopParams(
        **_fields_of_params(users, choice, config, surfaces, people, people.retention, catalog.details)
        | reading
        | {
            "embedding": _aligned(catalog.embedding),
            "units_p": 1.0 / catalog.units_mean,
            "neighbours": np.ascontiguousarray(catalog.neighbours[:, :width]),
            "alias_share": share,
            "alias_item": alias,
            "observed": _aligned(items.features[:, :OBSERVED]),
            "category": items.category,
            "shipping": details.shipping_days,
            "return_logit": np.log(np.maximum(rates, 1e-9) / (1 - rates)).astype(np.float32),
            "taste": _aligned(users.taste),
            "sensitivity": users.price_sensitivity,
            "user_features": _aligned(np.pad(users.features, ((0, 0), (0, -users.features.shape[1] % LINE)))),
            "user_brand": details.brand[users.favourites[:, 0]],
            "region_days": np.asarray(config.delivery.region_days, np.float32),
            "size": (choice.mission_spread * users.size).astype(np.float32),
            "visitors": _visitors(users, days, config.arrivals.established),
            "page_odds": 1.01 * np.exp(choice.click_base - choice.fatigue * np.arange(config.max_pages)),
            "shipping_weight": config.delivery.weight,
            "mission_spread": choice.mission_spread * (1.0 - choice.size_alike) ** 0.5,
            "surfaces_on": surfaces.enabled,
            "channels": np.cumsum(surfaces.channels) / sum(surfaces.channels),
            "entries": np.array([entry for _, entry in CHANNELS] if surfaces.enabled else [0], np.int32),
            "dwells": config.dwell.enabled,
            "dwell_log": float(np.log(config.dwell.median)),
            "dwell_depth": config.dwell.depth,
            "dwell_sd": config.dwell.log_sd,
            "read_log": float(np.log(config.dwell.reading)),
            "returns": returns.enabled,
            **{f"return_{name}": getattr(returns, name) for name in ("depth", "worth", "delay", "handling")},
            "remembers": people.enabled,
            "boredom": people.boredom if people.enabled else 0.0,
            "repurchase_share": people.repurchase.share if people.purchases else 0.0,
            "repurchase_lift": people.repurchase.lift if people.purchases else 0.0,
            "random": random,
            "calendar_on": config.calendar,
            "hours": _circle(24),
            "weeks": _circle(52),
        }
    )


def _fields_of_params(*parts: Any) -> dict[str, Any]:
    """The fields of ``ShopParams`` that stand in one of the dataclasses ``parts`` by the same name."""
    return {
        f.name: getattr(part, f.name) for part in parts for f in fields(part) if f.name in ShopParams._fields
    }


def _visitors(users: Users, days: float, established: int) -> I32:
    """(V,) users in order, each as often as they come in a season; (0,) if nobody passes by."""
    if not users.passing.any():
        return np.empty(0, np.int32)
    visits = expected_visits(users.rate, users.dropout, days, established)
    # one row per visit; the fraction that is left over is added to the next user's visits
    return np.repeat(
        np.arange(len(users), dtype=np.int32),
        np.diff(np.floor(np.cumsum(visits)), prepend=0).astype(np.int64),
    )


def _aligned(rows: F32) -> F32:
    """A copy that starts at a cache line, so that each row of 64 bytes lies in one line."""
    room = np.empty(rows.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + rows.nbytes].view(np.float32).reshape(rows.shape)
    copy[:] = rows
    return copy


def _circle(count: int) -> F32:
    """(count, 2) cosine and sine of ``count`` equal steps around the circle."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def _alias_table(weights: F64) -> tuple[F64, I32]:
    """Walker's alias table (Vose 1991): it draws an item by weight with one look-up."""
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


def regions(config: ShopConfig) -> int:
    """How many regions users live in, as far as that matters."""
    return len(config.delivery.region_days) if config.delivery.weight else 1


def user_names(config: ShopConfig) -> tuple[str, ...]:
    """Names of the user columns."""
    return user_feature_names(regions(config))


def context_names(intent: int, config: ShopConfig) -> tuple[str, ...]:
    """Names of the context columns; ``intent`` of them show the intent."""
    return (
        *(f"intent_{c}" for c in range(intent)),
        *MOMENT,
        *(PLACE if config.surfaces.enabled else ()),
        *(CLOCK if config.calendar else ()),
        *(RELATION if config.people.enabled else ()),
    )


def context_bounds(catalog: Catalog, config: ShopConfig) -> tuple[F32, F32]:
    """Least and greatest value of each context column, each (c,)."""
    intent = catalog.items.features[:, :OBSERVED]
    named = {
        "clicks": (0.0, float(np.log1p(config.max_pages * config.slate_size))),
        "visits": (0.0, 22.0),  # 2^31 visits
        "gap": (0.0, float(np.log1p(LONGEST_GAP))),
        **dict.fromkeys(("hour_cos", "hour_sin", "year_cos", "year_sin"), (-1.0, 1.0)),
    }
    others = [named.get(name, (0.0, 1.0)) for name in context_names(OBSERVED, config)[OBSERVED:]]
    low = np.append(intent.min(axis=0), [low for low, _ in others])
    high = np.append(intent.max(axis=0), [high for _, high in others])
    return low.astype(np.float32), high.astype(np.float32)


def draw_users(catalog: Catalog, config: ShopConfig, seed: int) -> Users:
    """The users that the config describes."""
    choice, people = config.choice, config.people
    return Users.draw(
        catalog,
        config.users,
        seed=seed,
        price_sensitivity=choice.price_sensitivity,
        noise=config.taste_noise,
        regions=regions(config),
        retention=people.retention if people.enabled else None,
        mission=(choice.mission_share, choice.mission_alike),
        size_alike=choice.size_alike,
        bulk_sd=choice.bulk_sd,
        returner_sd=config.returns.spread,
        established=config.arrivals.established,
        representative=config.arrivals.representative,
    )
