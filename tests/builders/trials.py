"""Invented trials in the form of published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd


def hillstrom(
    customers: int = 12_000,
    *,
    uplift: tuple[float, float] = (0.06, 0.03),
    chosen: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """A trial with the columns of Hillstrom's MineThatData challenge; all values are invented.

    Args:
        uplift: of visits, of the men's and of the women's e-mail.
        chosen: the e-mails went to the customers with most history, not to a random part.
    """
    rng = np.random.default_rng(seed)
    history = rng.gamma(1.2, 200.0, customers) + 30.0
    arms = np.array(["Mens E-Mail", "Womens E-Mail", "No E-Mail"])
    segment = arms[rng.integers(3, size=customers)]
    if chosen:
        segment = np.where(
            np.argsort(np.argsort(history)) < customers / 3, arms[2], arms[rng.integers(2, size=customers)]
        )
    extra = np.select([segment == arms[0], segment == arms[1]], uplift, 0.0)
    visit = rng.random(customers) < 0.08 + 0.00008 * history.clip(max=600) + extra
    conversion = visit & (rng.random(customers) < 0.08)
    spend = np.where(conversion, rng.lognormal(4.4, 0.7, customers).round(2), 0.0)
    return pd.DataFrame(
        {
            "recency": rng.integers(1, 13, customers),
            "history_segment": pd.cut(history, [0, 100, 200, 350, 1e9], labels=["1", "2", "3", "4"]).astype(
                str
            ),
            "history": history.round(2),
            "mens": rng.integers(2, size=customers),
            "womens": rng.integers(2, size=customers),
            "zip_code": rng.choice(["Surburban", "Urban", "Rural"], customers),
            "newbie": rng.integers(2, size=customers),
            "channel": rng.choice(["Phone", "Web", "Multichannel"], customers),
            "segment": segment,
            "visit": visit.astype(int),
            "conversion": conversion.astype(int),
            "spend": spend,
        }
    )


def price_trial(
    elasticity: float = -2.0,
    *,
    by: str = "user",
    size: int = 6_000,
    lost: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """A price test of two arms, a tenth apart, whose units have this elasticity; all values are invented.

    Args:
        by: what is drawn: ``user`` (a row each), ``item`` (a row each, with a list price), ``rows`` (rows of
            every item in both arms).
        size: number of users, or of items.
        lost: share of the cheaper arm that is missing.
    """
    rng = np.random.default_rng(seed)
    number = size if by != "rows" else 2 * size
    arm = np.arange(number) % 2 if by == "rows" else rng.integers(2, size=number)
    who = np.arange(number) // 2 if by == "rows" else np.arange(number)
    off = np.where(arm == 1, 0.9, 1.0)
    taste = rng.lognormal(0.0, 0.5, number)[who]
    exposures = rng.integers(1, 20, number) if by == "user" else rng.integers(300, 3000, number)
    units = rng.poisson(0.02 * taste * exposures * off**elasticity)
    table = pd.DataFrame({"arm": np.array(["usual", "cheaper"])[arm], "units": units, "exposures": exposures})
    if by == "user":
        table = table.assign(user=[f"u{i}" for i in who], price=20.0 * off)
    else:
        usual = rng.lognormal(3.0, 0.5, number)[who]
        table = table.assign(item=[f"{i:05d}" for i in who], price=usual * off)
        if by == "item":
            table["list_price"] = usual
    return table[~((arm == 1) & (rng.random(number) < lost))].reset_index(drop=True)
