"""The BG/NBD model: a customer buys at a constant rate until dropping out (Fader, Hardie & Lee 2005).

Rates are gamma distributed over customers, and the probability to drop out after a purchase is beta
distributed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.statistics import normal_quantile
from ..core.types import F64
from .resampling import LEVEL
from .shop_data import DAY

WEEK_DAYS = 7.0
START = (0.5, 5.0, 1.0, 2.0)


@dataclass(frozen=True)
class BgNbd:
    """A fitted model.

    Attributes:
        parameters: (r, alpha, a, b); alpha in weeks.
        intervals: (4, 2) 95% Wald intervals, symmetric on the log scale, from the observed information.
        log_likelihood: at the maximum, over all customers.
        customers: number of customers.
    """

    parameters: tuple[float, float, float, float]
    intervals: F64
    log_likelihood: float
    customers: int


def purchase_histories(orders: pd.DataFrame, end: float) -> tuple[F64, F64, F64]:
    """(x, t_x, T) of each customer.

    x is the number of order days after the first; t_x is the time from the first to the last of them and T
    that from the first to the day of ``end`` (s), both in weeks.
    """
    day = orders["time"] // DAY
    by_user = day.groupby(orders["user_id"])
    first = by_user.min().to_numpy(np.float64)
    recency = np.asarray((by_user.max().to_numpy(np.float64) - first) / WEEK_DAYS)
    repeats = by_user.nunique().to_numpy(np.float64) - 1.0
    return np.asarray(repeats), recency, np.asarray((end // DAY - first) / WEEK_DAYS)


def log_likelihood(log_parameters: F64, x: F64, t_x: F64, T: F64) -> F64:
    """(n,) log-likelihood of each customer, eq. 6 of Fader, Hardie & Lee (2005)."""
    from scipy.special import betaln, gammaln

    r, alpha, a, b = np.exp(log_parameters)
    bought = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
    # x is at least 1 where a customer can have dropped out after a purchase
    repeat = np.maximum(x, 1.0)
    gone = betaln(a + 1.0, b + repeat - 1.0) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return np.asarray(bought + np.where(x > 0, np.logaddexp(alive, gone), alive))


def fit_bgnbd(x: F64, t_x: F64, T: F64) -> BgNbd:
    """Maximum likelihood.

    Args:
        x: (n,) repeat purchases.
        t_x: (n,) weeks from the first to the last purchase.
        T: (n,) weeks from the first purchase to the end of the record.

    Raises:
        InvalidInput: nobody bought twice, times are impossible, or the likelihood has no maximum.
    """
    from scipy.optimize import minimize

    bad = int((~((x >= 0) & (t_x >= 0) & (t_x <= T))).sum())
    if bad:
        raise InvalidInput("histories", bad, "these customers need 0 <= t_x <= T and x >= 0")
    if not (x > 0).any():
        raise InvalidInput("histories", len(x), "nobody bought twice: there is nothing to fit")
    histories, times = np.unique(np.stack([x, t_x, T]), axis=1, return_counts=True)

    def loss(theta: F64) -> float:
        return -float(times @ log_likelihood(theta, *histories)) / len(x)

    bounds = [(-10.0, 10.0)] * 4
    result = minimize(
        loss, np.log(START), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-8}
    )
    at_bound = bool((np.abs(result.x) > 9.99).any())
    covariance = np.full((4, 4), np.nan)
    if not at_bound:
        information = _hessian(loss, result.x) * len(x)
        if np.linalg.eigvalsh(information).min() > 0:
            covariance = np.linalg.inv(information)
    if np.isnan(covariance).any():
        estimate = np.exp(result.x).round(4).tolist()
        raise InvalidInput("histories", estimate, "the likelihood has no maximum: use more customers")
    half = normal_quantile(LEVEL) * np.sqrt(np.diag(covariance))
    r, alpha, a, b = np.exp(result.x).tolist()
    intervals = np.exp(np.stack([result.x - half, result.x + half], axis=1))
    return BgNbd((r, alpha, a, b), intervals, -float(result.fun) * len(x), len(x))


def _hessian(f: Callable[[F64], float], at: F64, step: float = 1e-3) -> F64:
    """Central differences, error of order step squared."""
    moves = step * np.eye(len(at))
    out = np.empty((len(at), len(at)))
    for i, di in enumerate(moves):
        for j, dj in enumerate(moves):
            corners = f(at + di + dj) - f(at + di - dj) - f(at - di + dj) + f(at - di - dj)
            out[i, j] = corners / (4 * step * step)
    return out
