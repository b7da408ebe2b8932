"""A synthetic catalogue of any size, and the assumed columns of a real one."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, Philox

from ...core import InvalidInput
from ...core.errors import in_range
from ...core.types import F64, AnyArray
from .catalog import LATENT, OBSERVED, Catalog, standardise

MARGIN_RATES = (0.25, 0.65)
"""Range of the assumed margin rate of a category: 0.277 on orange juice (Dominick's, bayesm) is at its
low end; gifts and accessories earn more."""
QUALITY_POPULARITY = 0.8
"""Assumed correlation of general appeal with log popularity; the rest is noise, season and exposure."""
MAX_CATEGORIES = 60


def synthetic_catalog(
    num_items: int,
    *,
    seed: int,
    num_categories: int | None = None,
    dim: int = LATENT,
    zipf_exponent: float = 0.285,
    tail: float = 3.55,
    price_median: float = 2.0,
    price_log_sd: float = 1.0,
    spread: float = 1.5,
    margin_rates: tuple[float, float] = MARGIN_RATES,
    units_mean: float = 3.0,
    currency: str = "GBP",
) -> Catalog:
    """A catalogue of ``num_items`` items in clusters; the same arguments give the same bytes.

    Popularity of the item of rank r is proportional to r^-zipf_exponent exp(-tail r / N). The defaults
    give, at any size, the Gini coefficient (0.63) and the log-log slope of the top 20% (0.47) of orders
    per item in UCI Online Retail; ``tail=0`` is plain Zipf. Prices are log-normal, a fifth of the log
    variance between categories, and independent of popularity. Taste vectors lie around category centres;
    the variance of column c falls as c^-0.5, so that the first 8 of 16 hold about 0.65 of it. In the
    shipped catalogue these figures are 0.23, -0.07 and 0.64.

    Args:
        num_items: N >= 1.
        seed: of the one generator that draws everything.
        num_categories: as in :func:`default_categories` unless given.
        dim: columns of the latent taste space, at least 8.
        zipf_exponent, tail: of popularity, both >= 0.
        price_median: > 0, in ``currency``; ``price_log_sd`` >= 0 is the standard deviation of log price.
        spread: > 0, typical distance of an item from its category's centre (which has norm 1).
        margin_rates: lowest and highest margin rate of a category.
        units_mean: >= 1, mean units per order line over the catalogue.

    Raises:
        InvalidInput: naming the argument.
    """
    lowest = (("num_items", num_items, 1), ("dim", dim, OBSERVED), ("units_mean", units_mean, 1))
    for name, value, low in lowest:
        if not value >= low:
            raise InvalidInput(name, value, f"give {low} or more")
    for name, value in (("zipf_exponent", zipf_exponent), ("tail", tail), ("price_log_sd", price_log_sd)):
        in_range(name, value, 0, 20)
    for name, value in (("price_median", price_median), ("spread", spread)):
        in_range(name, value, 0, 1e6, open_low=True)
    n, c = num_items, default_categories(num_items) if num_categories is None else num_categories
    if not 1 <= c <= n:
        raise InvalidInput("num_categories", num_categories, f"give 1 to {n}")

    rng = Generator(Philox(seed))
    category = rng.choice(c, size=n, p=rng.dirichlet(np.full(c, 3.0)))
    centres = rng.standard_normal((c, dim))
    centres /= np.sqrt(np.einsum("cd,cd->c", centres, centres))[:, None]
    embedding = rng.standard_normal((n, dim), dtype=np.float32) * np.float32(spread / np.sqrt(dim))
    embedding += centres.astype(np.float32)[category]
    embedding *= (np.arange(1, dim + 1) ** -0.25).astype(np.float32)

    rank = rng.permutation(n) + 1
    popularity = rank**-zipf_exponent * np.exp(-tail * rank / n)
    log_price = np.sqrt(0.2) * rng.standard_normal(c)[category] + np.sqrt(0.8) * rng.standard_normal(n)
    price = np.maximum(np.round(price_median * np.exp(price_log_sd * log_price), 2), 0.01)
    digits = len(str(n))
    titles = tuple(f"Category {k:0{len(str(c))}d}" for k in range(c))
    return Catalog.assemble(
        item_id=np.array([f"item-{i:0{digits}d}" for i in range(n)]),
        name=np.array([f"{titles[k]} item {i:0{digits}d}" for i, k in enumerate(category.tolist())]),
        category=category,
        category_names=titles,
        price=price,
        unit_cost=price * (1 - assumed_margin_rates(category, c, margin_rates, rng)),
        popularity=popularity,
        embedding=embedding,
        quality=assumed_quality(popularity, rng),
        units_mean=1 + (units_mean - 1) * rng.gamma(2.0, 0.5, n),
        currency=currency,
        notes={"origin": f"Every column is drawn (seed {seed}); no shop's data is in it."},
    )


def default_categories(num_items: int) -> int:
    """sqrt(N), at least 1 and at most 60: 56 for a shop of 3,131 items."""
    return int(np.clip(round(np.sqrt(num_items)), 1, MAX_CATEGORIES))


def assumed_margin_rates(
    category: AnyArray, num_categories: int, margin_rates: tuple[float, float], rng: Generator
) -> F64:
    """(N,) margin rates: even over ``margin_rates`` between categories, sd 0.03 within, held in range."""
    low, high = margin_rates
    if not 0 <= low <= high < 1:
        raise InvalidInput("margin_rates", margin_rates, "give 0 <= lowest <= highest < 1")
    level = rng.uniform(low, high, num_categories)[category]
    rates: F64 = np.clip(level + 0.03 * rng.standard_normal(len(category)), low, high)
    return rates


def assumed_quality(popularity: AnyArray, rng: Generator) -> F64:
    """(N,) general appeal, mean 0 and sd 1, correlated 0.8 with log ``popularity`` (> 0)."""
    draw = np.sqrt(1 - QUALITY_POPULARITY**2) * rng.standard_normal(len(popularity))
    return standardise(QUALITY_POPULARITY * standardise(np.log(popularity)) + draw)
