"""Price response from a price test: what is sold at prices that were drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64, I64
from ...tables import read_table
from ..resampling import LEVEL, RESAMPLES
from .poisson import Counts, bootstrap_poisson, fit_poisson, interval
from .response import MeasuredResponses, Response, refused
from .trial import amounts, columns_of, sample_ratio

FIELD = "--price-test"
NAMES = {
    "arm": ("arm", "variant", "group", "segment"),
    "price": ("price", "price_asked"),
    "list_price": ("list_price", "usual_price", "base_price"),
    "units": ("units", "quantity", "orders"),
    "carts": ("carts", "add_to_carts"),
    "exposures": ("exposures", "impressions", "views", "visits", "visitors"),
    "allocation": ("allocation",),
    "item": ("item", "item_id", "sku", "product_id"),
    "user": ("user", "user_id", "customer", "customer_id", "unit"),
}
OUTCOMES = {"price_elasticity": "units", "cart_price_elasticity": "carts"}
LEAST_SPREAD = 0.01
"""Log price by which arms must differ."""
FEWEST_CLUSTERS = 10


@dataclass(frozen=True, eq=False)
class PriceTest:
    """A price test.

    Attributes:
        table: arm, price, units; and what the file has of list_price, carts, exposures, allocation, item,
            user.
        unit: what was drawn at random: ``user``, ``item``, or "" where rows do not say.
    """

    table: pd.DataFrame
    unit: str


def read_price_test(path: Path) -> PriceTest:
    """Rows of item or user, arm, price, units (or orders) and exposures.

    Raises:
        InvalidInput: a column is missing, a row holds no such number, or items of one arm have no list price.
    """
    raw = read_table(path, FIELD, text=(*NAMES["arm"], *NAMES["item"], *NAMES["user"]))
    columns = columns_of(raw, FIELD, NAMES, ("arm", "price", "units"))
    table = pd.DataFrame({"arm": raw[columns["arm"]].astype(str)})
    for name in ("price", "list_price", "exposures", "allocation"):
        if name in columns:
            table[name] = amounts(raw, FIELD, columns[name], above=True)
    for name in ("units", "carts"):
        if name in columns:
            table[name] = amounts(raw, FIELD, columns[name])
    for name in ("item", "user"):
        if name in columns:
            table[name] = raw[columns[name]].astype(str)
    unit = next((name for name in ("user", "item") if name in table and _in_one_arm(table, name)), "")
    if "item" in table and "list_price" not in table and _in_one_arm(table, "item"):
        fix = "every item is in one arm: give its usual price in a column list_price"
        raise InvalidInput(FIELD, "list_price", fix)
    return PriceTest(table, unit)


def measure_price_test(test: PriceTest, rng: Generator, *, resamples: int = RESAMPLES) -> MeasuredResponses:
    """Elasticity between the arms of a price test.

    A Poisson regression of units per exposure on log price, within items where items are in several arms. The
    interval is the bootstrap over users, or else items; of two totals it is exact (Clopper & Pearson 1934).

    Args:
        test: of :func:`read_price_test`.
        rng: of the bootstrap.
        resamples: of the bootstrap.
    """
    table = test.table
    names = [name for name, column in OUTCOMES.items() if column in table]
    usual = table.get("list_price", 1.0)
    price = np.log((table["price"] / usual).to_numpy(np.float64))
    group = np.zeros(len(table), np.int64)
    if "item" in table and not _in_one_arm(table, "item"):
        group = np.asarray(pd.factorize(table["item"])[0], np.int64)
    centred = price - (np.bincount(group, price) / np.bincount(group))[group]
    why = _mismatch(test)
    if np.abs(centred).max() < LEAST_SPREAD:
        why = why or f"the prices of the arms differ by less than {LEAST_SPREAD:.0%}"
    silent = [arm for arm, units in table.groupby("arm")["units"].sum().items() if not units > 0]
    if silent:
        why = why or f"nothing was sold in arm {silent[0]}"
    if why:
        return refused(why, *names)
    responses = MeasuredResponses()
    for name in names:
        responses += _measure(name, test, centred, group, rng, resamples)
    return responses


def _measure(
    name: str, test: PriceTest, price: F64, group: I64, rng: Generator, resamples: int
) -> MeasuredResponses:
    table = test.table
    y = table[OUTCOMES[name]].to_numpy(np.float64)
    exposure = table["exposures"].to_numpy(np.float64) if "exposures" in table else np.ones(len(table))
    cluster_by = next((column for column in ("user", "item") if column in table), None)
    drawn = {"user": "users", "item": "items"}.get(test.unit, "units that the rows do not name")
    if cluster_by is None:
        if len(table) != 2:
            return refused("give the rows of items or users, or two rows: the totals of two arms", name)
        value, low, high = _exact(y, exposure, price)
        how = "price test: totals of two arms, exact interval of Poisson counts"
        return MeasuredResponses((Response(name, value, low, high, "elasticity", how, 2, _change(price)),))
    whole = Counts(y, price[:, None], group, np.zeros(len(y), np.int64), exposure)
    rows = whole.sells(np.ones(len(y), np.bool_))
    counts = whole.take(rows)
    cluster = np.asarray(pd.factorize(table[cluster_by][rows])[0], np.int64)
    if cluster.max() + 1 < FEWEST_CLUSTERS:
        return refused(f"{cluster.max() + 1} {cluster_by}s sold: {FEWEST_CLUSTERS} are needed", name)
    fit = fit_poisson(counts)
    low, high = interval(bootstrap_poisson(counts, fit, cluster, rng, resamples)[:, 0])
    checked = "sample ratio checked" if test.unit else "sample ratio not checked"
    how = f"price test: {table['arm'].nunique()} arms of {drawn}, bootstrap over {cluster_by}s; {checked}"
    value, number = float(fit.slope[0]), int(rows.sum())
    change = _change(price[rows])
    return MeasuredResponses((Response(name, value, low, high, "elasticity", how, number, change),))


def _change(price: F64) -> float:
    """From the highest to the lowest log price: a test compares the two."""
    return float(price.min() - price.max())


def _exact(y: F64, exposure: F64, price: F64) -> tuple[float, float, float]:
    """Given their sum, one of two Poisson counts is binomial."""
    from scipy.stats import beta

    tail = (1.0 - LEVEL) / 2.0
    shares = [y[1] / y.sum(), beta.ppf(tail, y[1], y[0] + 1), beta.ppf(1 - tail, y[1] + 1, y[0])]
    ratios = [np.log(share / (1 - share) * exposure[0] / exposure[1]) for share in shares]
    value, *ends = (float(ratio / (price[1] - price[0])) for ratio in ratios)
    return value, min(ends), max(ends)


def _mismatch(test: PriceTest) -> str:
    if not test.unit:
        return ""
    arms = test.table.groupby("arm")
    counts = np.asarray(arms[test.unit].nunique(), np.float64)
    shares = np.asarray(arms["allocation"].first(), np.float64) if "allocation" in test.table else None
    return sample_ratio(counts, shares)


def _in_one_arm(table: pd.DataFrame, name: str) -> bool:
    return bool((table.groupby(name)["arm"].nunique() == 1).all())
