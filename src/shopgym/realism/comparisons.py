"""Compare a simulated season with real visits and baskets, under one definition.

A season is reduced to what the real record holds: the same kinds of event, visits split by the same rule, the
same least length. The record is a part that no parameter was fitted to (:data:`~.applicability.JUDGING`). Two
kinds of feature are left out, with a note: those that the span of the record distorts (weekends in three
days), and those that the profile takes from another record (hours).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.errors import InvalidInput
from .applicability import JUDGING
from .discriminator import Discrimination, discriminate
from .distances import VISIT, session_distances
from .own_records import split_in_time
from .shop_data import DAY, ShopData, weekday
from .sources import SOURCES, with_visits


@dataclass(frozen=True)
class RecordComparison:
    """A real record, and how a season is reduced to its definition.

    Attributes:
        name: what is compared.
        source: loader in ``SOURCES``.
        file: path in the folder of data sets.
        reduce: from records to the table of visits or baskets.
        features: columns that are compared.
        left_out: which features are not compared, and why.
        later: share of the season after which the shop is watched, as the real shop was; None: all of it.
    """

    name: str
    source: str
    file: str
    reduce: Callable[[ShopData], ShopData]
    features: tuple[str, ...]
    left_out: str
    later: float | None = None


@dataclass(frozen=True)
class ComparisonResult:
    """Distances with their baseline, and the discriminator.

    Attributes:
        comparison: what was compared.
        real, simulated: visits or baskets of the record and of the season, under one definition.
        distances: table of :func:`~.distances.session_distances`, with ``baseline``: the distance between two
            random halves of the real record.
        discrimination: between real and simulated sessions; None without scikit-learn.
        baseline_discrimination: between two halves of the real record; None without scikit-learn.
    """

    comparison: RecordComparison
    real: ShopData
    simulated: ShopData
    distances: pd.DataFrame
    discrimination: Discrimination | None
    baseline_discrimination: Discrimination | None


def clicks_of_two_or_more(data: ShopData) -> ShopData:
    """Visits as in the YooChoose samples: clicks only, two or more."""
    clicks = data.select(data.page_view_kind).assign(event="click")
    sessions = ShopData.from_events(clicks).sessions
    return ShopData(None, sessions[sessions["clicks"] >= 2])


def split_at_pauses(data: ShopData) -> ShopData:
    """Visits as in the Taobao record: views, carts and purchases, split at pauses of 30 minutes."""
    actions = data.select("view", "cart", "purchase")
    return ShopData(None, ShopData.from_events(pd.DataFrame(with_visits(actions))).sessions)


def baskets(data: ShopData) -> ShopData:
    """Orders of known customers: items, value, hour, weekend, days since the customer's previous order."""
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
            "weekend": (weekday(orders["time"]) >= 5).astype("float64"),
            "gap_days": gap,
        }
    )
    return ShopData(None, table.reset_index(drop=True))


BASKET = ("items", "log_value", "hour", "weekend", "gap_days")
COMPARISONS: dict[str, tuple[RecordComparison, ...]] = {
    "gift": (
        RecordComparison(
            "visits (YooChoose, later sessions)",
            "yoochoose_later",
            "yoochoose_100k/test.txt",
            clicks_of_two_or_more,
            VISIT[1:],
            "hour and weekend: the profile takes them from the gift shop's orders; events: all are clicks",
        ),
        RecordComparison(
            "baskets (Online Retail, last 30% of the days)",
            "online_retail_later",
            "online_retail_uci/online_retail.parquet",
            baskets,
            BASKET,
            "",
            JUDGING["online_retail_later"],
        ),
    ),
    "fashion": (
        RecordComparison(
            "visits (Taobao, last three days)",
            "taobao_later",
            "taobao_userbehavior_sample/UserBehavior.csv",
            split_at_pauses,
            (*VISIT, "carts", "purchases", "hour"),
            "weekend: the part holds one Friday and one weekend",
        ),
    ),
    "grocery": (
        RecordComparison(
            "baskets (Complete Journey, last 30% of the days)",
            "complete_journey_later",
            "completejourney/transactions.parquet",
            baskets,
            BASKET,
            "visits: no public record of a supermarket's is at hand",
            JUDGING["complete_journey_later"],
        ),
    ),
}
"""By profile."""


def compare_with_record(
    comparison: RecordComparison, folder: Path, simulated: ShopData, rng: Generator, *, sessions: int = 5000
) -> ComparisonResult:
    """Compare a season with a real record.

    Args:
        comparison: the record and its definition.
        folder: of the data sets.
        simulated: records of the season.
        rng: draws halves, visits and folds.
        sessions: most sessions of each shop that the classifier sees.

    Raises:
        InvalidInput: the record is not in the folder.
    """
    path = folder / comparison.file
    if not path.exists():
        raise InvalidInput("--data", str(folder), f"{comparison.file} is not there")
    real = comparison.reduce(SOURCES[comparison.source](path).data)
    part = simulated if comparison.later is None else split_in_time(simulated, comparison.later)[1]
    season = comparison.reduce(part)
    features = list(comparison.features)
    first, second = _halves(real, rng)
    table = session_distances(real, season, features)
    baseline = session_distances(first, second, features)
    table.insert(2, "baseline", baseline["distance"])
    try:
        pair = [
            discriminate(*two, rng, features=features, max_sessions=sessions)
            for two in ((real, season), (first, second))
        ]
    except InvalidInput as error:
        if error.field != "scikit-learn":
            raise
        return ComparisonResult(comparison, real, season, table, None, None)
    return ComparisonResult(comparison, real, season, table, *pair)


def _halves(data: ShopData, rng: Generator) -> tuple[ShopData, ShopData]:
    """Two random halves of the users if they are known, else of the visits."""
    table = data.sessions
    users_known = table["user_id"].notna().all()
    unit = pd.factorize(table["user_id"] if users_known else table["session_id"])[0]
    first = (rng.permutation(unit.max() + 1) < (unit.max() + 1) / 2)[unit]
    return ShopData(None, table[first]), ShopData(None, table[~first])
