"""Real visits and baskets to set a profile's beside, brought to one definition with them.

A simulated season is cut down to what the real record holds: the same kinds of event, visits split by the
same rule, the same least length. Features that the record's span distorts (weekends in nine days) or that the
profile takes from another record (hours) are left out, and said so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.errors import InvalidInput
from .compare import session_distances
from .discriminator import Discrimination, discriminate
from .shop_data import DAY, ShopData
from .sources import SOURCES, with_visits


@dataclass(frozen=True)
class Comparison:
    """A real record and how a season is brought to its definition.

    Attributes:
        name: what is compared.
        source: loader in ``SOURCES``; ``file``: in the folder of data sets.
        cut: from records to the table of visits or baskets.
        features: what is compared.
        left_out: which features are not, and why.
    """

    name: str
    source: str
    file: str
    cut: Callable[[ShopData], ShopData]
    features: tuple[str, ...]
    left_out: str


@dataclass(frozen=True)
class Compared:
    """Distances beside their baseline, and whether a classifier can tell the two apart.

    Attributes:
        comparison: what was compared.
        distances: table of :func:`~.compare.session_distances`, with ``baseline``: the distance between two
            random halves of the real record.
        told_apart: the discriminator between real and simulated; None without scikit-learn.
        halves: the discriminator between two halves of the real record.
    """

    comparison: Comparison
    distances: pd.DataFrame
    told_apart: Discrimination | None
    halves: Discrimination | None


def clicks_of_two_or_more(data: ShopData) -> ShopData:
    """Visits as YooChoose's samples hold them: clicks only, two or more."""
    if data.events is None:
        raise InvalidInput("events", None, "these records have sessions only")
    looks = data.of(data.look).assign(event="click")
    kept = ShopData.from_events(looks)
    return ShopData(None, kept.sessions[kept.sessions["clicks"] >= 2])


def split_at_pauses(data: ShopData) -> ShopData:
    """Visits as Taobao's are found: views, carts and purchases, split at pauses of 30 minutes."""
    acts = data.of("view", "cart", "purchase")
    return ShopData(None, ShopData.from_events(pd.DataFrame(with_visits(acts))).sessions)


def baskets(data: ShopData) -> ShopData:
    """Orders of known customers as rows: items, value, hour, weekend, days since the customer's last."""
    orders = data.orders.dropna(subset="user_id").sort_values(["user_id", "time"], kind="stable")
    orders = orders[orders["value"] > 0]
    gap = orders.groupby("user_id")["time"].diff() / DAY
    table = pd.DataFrame(
        {
            "session_id": orders["order_id"],
            "user_id": orders["user_id"],
            "items": orders["items"].astype("float64"),
            "log_value": np.log(orders["value"]),
            "hour": orders["time"] % DAY / 3600.0,
            "weekend": ((orders["time"] // DAY + 3) % 7 >= 5).astype("float64"),
            "gap_days": gap,
        }
    )
    return ShopData(None, table.reset_index(drop=True))


VISIT = ("events", "duration", "dwell_mean", "clicks", "distinct_items", "repeat_views")
BASKET = ("items", "log_value", "hour", "weekend", "gap_days")
COMPARISONS: dict[str, tuple[Comparison, ...]] = {
    "gift": (
        Comparison(
            "visits (YooChoose)",
            "yoochoose",
            "yoochoose_100k/train_full.txt",
            clicks_of_two_or_more,
            VISIT[1:],
            "hour and weekend: the profile takes them from the gift shop's orders; events: all are clicks",
        ),
        Comparison(
            "baskets (Online Retail)",
            "online_retail",
            "online_retail_uci/online_retail.parquet",
            baskets,
            BASKET,
            "",
        ),
    ),
    "fashion": (
        Comparison(
            "visits (Taobao)",
            "taobao",
            "taobao_userbehavior_sample/UserBehavior.csv",
            split_at_pauses,
            (*VISIT, "carts", "purchases", "hour"),
            "weekend: the record holds two weekends and one working week",
        ),
    ),
    "grocery": (
        Comparison(
            "baskets (Complete Journey)",
            "complete_journey",
            "completejourney/transactions.parquet",
            baskets,
            BASKET,
            "visits: no public record of a supermarket's is at hand",
        ),
    ),
}
"""By profile."""


def compare(
    comparison: Comparison, folder: Path, simulated: ShopData, rng: Generator, *, sessions: int = 5000
) -> Compared:
    """Set a season beside a real record.

    Args:
        comparison: which.
        folder: of the data sets.
        simulated: records of the season.
        rng: draws halves, visits, folds.
        sessions: of each shop that the classifier sees, at most.

    Raises:
        InvalidInput: the record is not in the folder.
    """
    path = folder / comparison.file
    if not path.exists():
        raise InvalidInput("--data", str(folder), f"{comparison.file} is not there")
    real = comparison.cut(SOURCES[comparison.source](path).data)
    ours = comparison.cut(simulated)
    features = list(comparison.features)
    first, second = _halves(real, rng)
    table = session_distances(real, ours, features)
    baseline = session_distances(first, second, features)
    table.insert(2, "baseline", baseline["distance"])
    try:
        pair = [
            discriminate(*two, rng, features=features, max_sessions=sessions)
            for two in ((real, ours), (first, second))
        ]
    except InvalidInput as error:
        if error.field != "scikit-learn":
            raise
        return Compared(comparison, table, None, None)
    return Compared(comparison, table, *pair)


def _halves(data: ShopData, rng: Generator) -> tuple[ShopData, ShopData]:
    """Two random halves: of the users where they are known, else of the visits."""
    table = data.sessions
    users = table["user_id"].notna().all()
    unit = pd.factorize(table["user_id"] if users else table["session_id"])[0]
    first = (rng.permutation(unit.max() + 1) < (unit.max() + 1) / 2)[unit]
    return ShopData(None, table[first]), ShopData(None, table[~first])
