"""Parameters that visits identify: pages, clicks, carts, leaving and times, by simulated moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from ...core.config import with_settings
from ...core.errors import InvalidInput
from ...core.types import F64
from ...simulators import Catalog, MarketConfig, PeopleConfig, ShopConfig
from ..shop_data import PAGE_VIEW, ShopData
from ..shop_events import Behaviour, simulate_season
from .from_lines import FittedParameter, UnidentifiedParameter, Z
from .moments import Fit, FreeParameter, simulated_moments

DAYS = 7.0
VISITS = 4000
FEWEST_SESSIONS = 500
LEAST_MISS = 0.01
"""A miss of this share of a moment counts as one even if there are so many visits that the standard error is
smaller: smaller misses come from the form of the simulated shop, which no parameter changes."""
IMPRESSIONS = 0.3
"""Share of simulated visits whose impressions are recorded."""


@dataclass(frozen=True)
class Moment:
    """A figure of the visits, and the parameter that it identifies.

    Attributes:
        name, definition: what it is.
        parameter: the parameter that moves it most.
        low, high, step: range of that parameter, and the step over which differences are taken.
        needs: kinds of event that must have been recorded; ``PAGE_VIEW`` stands for views or clicks.
        values: one number per session (or gap between actions), whose mean is the moment.
    """

    name: str
    definition: str
    parameter: str
    low: float
    high: float
    step: float
    needs: tuple[str, ...]
    values: Callable[[ShopData], F64]


def _column(name: str) -> Callable[[ShopData], F64]:
    return lambda data: data.sessions[name].to_numpy(np.float64)


def _bounced(data: ShopData) -> F64:
    return np.asarray((data.sessions["events"] <= 1).to_numpy(np.float64))


def _log_pages(data: ShopData) -> F64:
    return np.asarray(np.log1p(data.sessions["clicks"].to_numpy(np.float64)))


def _checked_out(data: ShopData) -> F64:
    table = data.sessions
    return np.asarray(table["converted"][table["carted"] > 0].to_numpy(np.float64))


def _log_gaps(data: ShopData) -> F64:
    return np.asarray(np.log(data.gaps.to_numpy(np.float64)))


def _gap_spread(data: ShopData) -> F64:
    logs = _log_gaps(data)
    return np.asarray(np.abs(logs - np.median(logs)))


def _clicked(data: ShopData) -> F64:
    """1 for every click, 0 for every impression that was not clicked."""
    assert data.events is not None
    counts = data.events["event"].value_counts()
    clicks = min(int(counts["click"]), int(counts["impression"]))
    return np.repeat([1.0, 0.0], [clicks, int(counts["impression"]) - clicks])


PAGES, CARTS, ORDERS, SEARCHES = (PAGE_VIEW,), ("cart",), ("cart", "purchase"), ("search",)
MOMENTS = (
    Moment(
        "ctr", "clicks per impression", "choice.click_base", -12, 4, 0.2, ("impression", "click"), _clicked
    ),
    Moment(
        "bounce", "share of visits with a single action", "choice.leave_base", -8, 8, 0.25, PAGES, _bounced
    ),
    Moment("pages", "mean log(1 + item pages opened)", "choice.engagement", 0, 8, 0.25, PAGES, _log_pages),
    Moment(
        "carted", "share of visits with a cart", "choice.cart_base", -12, 4, 0.25, CARTS, _column("carted")
    ),
    Moment(
        "checked_out",
        "share of the visits with a cart that buy",
        "choice.buy_base",
        -8,
        8,
        0.25,
        ORDERS,
        _checked_out,
    ),
    Moment(
        "searched",
        "share of visits that search",
        "surfaces.search_rate",
        0,
        1,
        0.03,
        SEARCHES,
        _column("searched"),
    ),
    Moment("gap", "mean log seconds between actions", "dwell.median", 1, 3600, 5.0, PAGES, _log_gaps),
    Moment("gap_spread", "mean |log seconds - median|", "dwell.log_sd", 0.05, 5, 0.15, PAGES, _gap_spread),
)
"""Every moment comes with one free parameter: the one that moves it most."""


def recorded_moments(data: ShopData) -> tuple[Moment, ...]:
    """The moments that these records hold."""
    return tuple(moment for moment in MOMENTS if set(moment.needs) <= data.measurable_kinds)


def moment_means(data: ShopData, moments: tuple[Moment, ...]) -> tuple[F64, F64]:
    """((m,) means, (m,) standard errors); NaN where there is no value."""
    values = [moment.values(data) for moment in moments]
    mean = np.array([v.mean() if len(v) else np.nan for v in values])
    error = np.array([v.std() / len(v) ** 0.5 if len(v) else np.nan for v in values])
    return mean, error


def without_dynamics(config: ShopConfig) -> ShopConfig:
    """The shop without everything that changes from visit to visit: a log of visits does not identify it."""
    return replace(config, people=PeopleConfig(), market=MarketConfig(), campaigns=(), shocks=())


def from_sessions(
    data: ShopData,
    catalog: Catalog,
    config: ShopConfig,
    *,
    seed: int,
    visits: int = VISITS,
    rounds: int = 6,
    behaviour: Behaviour | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[list[FittedParameter], list[UnidentifiedParameter], Fit]:
    """Fit the parameters of a visit to the user's visits by simulated moments.

    Intervals are those of the method of moments (Hansen 1982), with the variance of data and simulation.

    Args:
        data: the shop's visits.
        catalog, config: the simulated shop; the search starts from its parameters.
        seed: of every simulation, so that the moments move with the parameters alone.
        visits: number of visits in every simulation.
        rounds: number of rounds of the search.
        behaviour: what the simulated shop shows.
        progress: called after every simulation with its number and loss.

    Raises:
        InvalidInput: there are too few visits, or none of the moments is recorded.
    """
    if len(data.sessions) < FEWEST_SESSIONS:
        raise InvalidInput("sessions", len(data.sessions), f"give {FEWEST_SESSIONS} visits or more")
    moments = recorded_moments(data)
    if not moments:
        raise InvalidInput("sessions", sorted(data.kinds), "record views or clicks, carts and purchases")
    target, error = moment_means(data, moments)
    config = without_dynamics(config)
    arrivals = replace(config.arrivals, per_day=visits / DAYS, established=0)
    config = with_settings(replace(config, users=2 * visits, arrivals=arrivals), {"dwell.enabled": True})

    def simulate(values: Mapping[str, float]) -> F64:
        changed = with_settings(config, values)
        season = simulate_season(
            catalog, changed, days=DAYS, seed=seed, behaviour=behaviour, impressions=IMPRESSIONS
        )
        return moment_means(season.data, moments)[0]

    scale = np.maximum(error * (1 + len(data.sessions) / visits) ** 0.5, LEAST_MISS * np.abs(target))
    parameters = tuple(_free(moment, config) for moment in moments)
    fit = simulated_moments(simulate, target, scale, parameters, rounds=rounds, progress=progress)
    fitted = []
    for moment in moments:
        name = moment.parameter
        if name not in fit.unidentified:
            value, half = fit.values[name], Z * fit.standard_errors[name]
            how = f"simulated moments: {moment.definition}"
            fitted.append(FittedParameter(name, value, "", how, value - half, value + half))
    unidentified = [
        UnidentifiedParameter(moment.parameter, f"{' and '.join(moment.needs)} were not recorded")
        for moment in MOMENTS
        if moment not in moments
    ]
    hardly = "the recorded moments hardly move with it"
    unidentified += [UnidentifiedParameter(name, hardly) for name in fit.unidentified]
    return fitted, unidentified, fit


def _free(moment: Moment, config: ShopConfig) -> FreeParameter:
    value = float(attrgetter(moment.parameter)(config))
    start = float(np.clip(value, moment.low, moment.high))
    return FreeParameter(moment.parameter, start, moment.low, moment.high, moment.step)
