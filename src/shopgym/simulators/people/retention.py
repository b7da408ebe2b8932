"""When a customer comes back, and whether at all: BG/NBD, changed by satisfaction.

While active, customer u returns after exponential times with rate lambda_u a day; after each return they
drop out for good with probability p_u; lambda varies over customers as a gamma and p as a beta (Fader,
Hardie & Lee 2005, sec. 3). Satisfaction s in [-1, 1] multiplies the rate by exp(rate_effect x s) and takes
churn_effect x s off the logit of p. With both effects 0 it is BG/NBD exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.random import Generator

from ...core.errors import in_ranges
from ...core.types import F64, Bool

_TINY = 1e-12
NO_ONE: F64 = np.empty((0, 2))


@dataclass(frozen=True)
class RetentionConfig:
    """Who comes back how often; defaults are the CDNOW estimates of Fader, Hardie & Lee (2005), table 2.

    Attributes:
        r, alpha: shape and rate (in days) of the gamma of visit rates: mean r / alpha visits a day.
        a, b: of the beta of drop-out probabilities: mean a / (a + b) per return.
        rate_effect, churn_effect: how much satisfaction matters; 0 switches it off.
        passing: share of new people who pass by: they seldom have a mission and return once at most, at
            these rates. 0 = all are customers.
        passing_missions: how often people who pass by have a mission, as a share of how often customers do.
    """

    r: float = 0.243
    alpha: float = 7 * 4.414
    a: float = 0.793
    b: float = 2.426
    rate_effect: float = 0.0
    churn_effect: float = 0.0
    passing: float = 0.0
    passing_missions: float = 0.0

    def __post_init__(self) -> None:
        in_ranges(self, "shop.retention", 0.0, 1e6, "r", "alpha", "a", "b", open_low=True)
        in_ranges(self, "shop.retention", 0.0, 20.0, "rate_effect", "churn_effect")
        in_ranges(self, "shop.retention", 0.0, 1.0, "passing", open_high=True)
        in_ranges(self, "shop.retention", 0.0, 1.0, "passing_missions")


def draw_habits(count: int, config: RetentionConfig, rng: Generator, even: F64 = NO_ONE) -> tuple[F64, F64]:
    """(rate (M,) visits a day, dropout (M,)) of ``count`` customers.

    Those of the first E customers are the quantiles at ``even`` (E, 2), uniform numbers.
    """
    from scipy.special import betaincinv, gammaincinv

    rate = rng.gamma(config.r, 1.0 / config.alpha, size=count)
    dropout = rng.beta(config.a, config.b, size=count)
    rate[: len(even)] = gammaincinv(config.r, even[:, 0]) / config.alpha
    dropout[: len(even)] = betaincinv(config.a, config.b, even[:, 1])
    return np.maximum(rate, _TINY), np.clip(dropout, _TINY, 1 - _TINY)


def draw_passers(
    count: int, config: RetentionConfig, rng: Generator, dropout: F64, established: int = 0
) -> Bool:
    """(M,) who passes by, never one of the first ``established``. Sets their ``dropout`` (M,) to certain."""
    if not config.passing:
        return np.zeros(count, np.bool_)
    passing: Bool = rng.random(count) < config.passing
    passing[:established] = False
    dropout[passing] = 1 - _TINY
    return passing


@njit(cache=True, inline="always")
def stays(dropout: float, satisfaction: float, churn_effect: float, draw: float) -> bool:
    """Whether a customer is still one after a return, given one uniform."""
    logit = math.log(dropout / (1.0 - dropout)) - churn_effect * satisfaction
    return draw >= 1.0 / (1.0 + math.exp(-logit))


@njit(cache=True, inline="always")
def days_until(rate: float, satisfaction: float, rate_effect: float, draw: float) -> float:
    """Days to the next visit of an active customer, given one uniform."""
    return -math.log1p(-draw) / (rate * math.exp(rate_effect * satisfaction))


def expected_visits(rate: F64, dropout: F64, days: float, established: int = 0) -> F64:
    """(M,) mean visits in a season of ``days`` days of customers with these habits, effects off.

    The first ``established`` customers have come before. The others first come at a uniform time.
    A customer returns (1 - exp(-lambda p t)) / p times in t days (Fader, Hardie & Lee 2005).
    """
    spent = rate * dropout * days
    lost = -np.expm1(-spent)
    visits: F64 = 1.0 + (1.0 - lost / spent) / dropout
    visits[:established] = (lost / dropout)[:established]
    return visits
