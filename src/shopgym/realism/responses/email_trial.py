"""E-mail effect from a randomised trial in the form of Hillstrom's MineThatData challenge (2008).

One row per customer: ``segment`` (the arm), ``visit``, ``conversion`` (0 or 1) and ``spend`` in the time
after the e-mail, and traits from before it, such as recency and history.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...core.statistics import normal_quantile
from ...core.types import F64
from ...tables import read_table
from ..resampling import LEVEL
from .response import MeasuredResponses, Response, refused
from .trial import amounts, balance, columns_of, sample_ratio

FIELD = "--email-trial"
NAMES = {
    "segment": ("segment", "arm", "group", "variant"),
    "visit": ("visit", "visits", "visited"),
    "conversion": ("conversion", "conversions", "converted", "order", "orders"),
    "spend": ("spend", "revenue", "value"),
    "allocation": ("allocation",),
}
TRAITS = ("recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel")
"""What was so before the e-mail."""
CONTROL = ("no e-mail", "no email", "no mail", "control", "holdout", "none")
OUTCOMES = {
    "email_visits": ("visit", "visits per e-mail"),
    "email_orders": ("conversion", "orders per e-mail"),
    "email_spend": ("spend", "currency per e-mail"),
}
FEWEST_CUSTOMERS, FEWEST_EVENTS = 50, 5


def read_email_trial(path: Path) -> pd.DataFrame:
    """The table of a trial: segment, visit, conversion, spend, allocation if there is one, and traits.

    Raises:
        InvalidInput: a column is missing, or a row holds no such number.
    """
    table = read_table(path, FIELD, text=NAMES["segment"])
    columns = columns_of(table, FIELD, NAMES, ("segment", "visit", "conversion", "spend"))
    trial = pd.DataFrame({"segment": table[columns["segment"]].astype(str).str.strip()})
    for name in ("visit", "conversion", "spend"):
        trial[name] = amounts(table, FIELD, columns[name])
        if name != "spend":
            trial[name] = (trial[name] > 0).astype(np.float64)
    if "allocation" in columns:
        trial["allocation"] = amounts(table, FIELD, columns["allocation"], above=True)
    for name in TRAITS:
        if name in table:
            trial[name] = table[name]
    return trial


def measure_email(trial: pd.DataFrame) -> MeasuredResponses:
    """What one e-mail adds: visits, orders and spend, over all arms with an e-mail and in each arm.

    Shares by Agresti & Caffo (2000), spend by Welch. Intervals over all arms are 95% each; those of single
    arms hold together at 95% (Bonferroni over arms and outcomes).

    Args:
        trial: of :func:`read_email_trial`.

    Raises:
        InvalidInput: there is no arm without an e-mail, or no other.
    """
    arms = list(trial["segment"].unique())
    control = next((arm for name in CONTROL for arm in arms if arm.lower() == name), None)
    if control is None or len(arms) < 2:
        fix = f"name the arm without an e-mail '{CONTROL[1]}' or '{CONTROL[3]}', and give another"
        raise InvalidInput(FIELD, arms[:10], fix)
    counts = np.asarray(trial["segment"].value_counts().reindex(arms), np.float64)
    shares = None
    if "allocation" in trial:
        shares = np.asarray(trial.groupby("segment")["allocation"].first().reindex(arms), np.float64)
    traits = trial[[name for name in TRAITS if name in trial]]
    why = sample_ratio(counts, shares) or balance(traits, trial["segment"])
    if not why and counts.min() < FEWEST_CUSTOMERS:
        why = f"an arm has {counts.min():.0f} customers: {FEWEST_CUSTOMERS} are needed"
    if why:
        return refused(why, *OUTCOMES)
    treated = [arm for arm in arms if arm != control]
    family = len(treated) * len(OUTCOMES)
    checked = f"arms alike in {', '.join(traits.columns)}" if len(traits.columns) else "no traits to compare"
    how = f"randomised trial, any e-mail against none; {checked}"
    of_arm = f"randomised trial against '{control}'; {family} comparisons, which hold at 95% together"
    none, every = trial["segment"] == control, trial["segment"] != control
    responses = MeasuredResponses()
    for name, (outcome, unit) in OUTCOMES.items():
        base, values = trial.loc[none, outcome].to_numpy(), trial[outcome]
        if np.count_nonzero(values) < FEWEST_EVENTS:
            responses += refused(f"fewer than {FEWEST_EVENTS} customers with one", name)
            continue
        rows = [(name, every, LEVEL, how)]
        if len(treated) > 1:
            rows += [
                (f"{name}: {arm}", trial["segment"] == arm, 1.0 - (1.0 - LEVEL) / family, of_arm)
                for arm in treated
            ]
        for label, chosen, level, words in rows:
            value, low, high = _uplift(values[chosen].to_numpy(), base, level, outcome != "spend")
            number = int(chosen.sum() + none.sum())
            responses += MeasuredResponses((Response(label, value, low, high, unit, words, number),))
    return responses


def _uplift(values: F64, base: F64, level: float, share: bool) -> tuple[float, float, float]:
    """(difference of means, low, high)."""
    difference = float(values.mean() - base.mean())
    centre, variance = difference, 0.0
    if share:
        p, q = ((x.sum() + 1.0) / (len(x) + 2.0) for x in (values, base))
        centre = p - q
        variance = p * (1 - p) / (len(values) + 2.0) + q * (1 - q) / (len(base) + 2.0)
    else:
        variance = float(values.var(ddof=1) / len(values) + base.var(ddof=1) / len(base))
    half = normal_quantile(level) * variance**0.5
    return difference, float(centre - half), float(centre + half)
