"""What visits tell of a shop: pages, clicks, carts and leaving, by simulated moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...core.config import with_settings
from ...core.errors import InvalidInput
from ...core.types import F64
from ...simulators import Catalog, MarketConfig, PeopleConfig, ShopConfig
from ..shop_data import ShopData
from ..shop_events import Behaviour, simulate_season
from .from_lines import Found, Unknown
from .moments import Fit, Free, simulated_moments

DAYS = 7.0
VISITS = 4000
FEWEST_SESSIONS = 500
LEAST_MISS = 0.01
"""A miss of this share of a moment counts as one, however many the visits: the rest is the shop's form."""


@dataclass(frozen=True)
class Moment:
    """A figure of the session table or the gaps between actions.

    Attributes:
        name, definition: what it is.
        parameter: what it identifies, beside the others.
        low, high, step: range of that parameter and the width of differences.
        needs: kinds of event that must have been recorded; ``look`` stands for views or clicks.
        values: one number per session (or gap), whose mean is the moment.
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


def _checked_out(data: ShopData) -> F64:
    table = data.sessions
    return np.asarray(table["converted"][table["carted"] > 0].to_numpy(np.float64))


def _log_gaps(data: ShopData) -> F64:
    acts = data.actions
    gaps = acts["time"].diff()[acts["session_id"] == acts["session_id"].shift()]
    return np.asarray(np.log(gaps[gaps > 0].to_numpy(np.float64)))


def _gap_spread(data: ShopData) -> F64:
    logs = _log_gaps(data)
    return np.asarray(np.abs(logs - np.median(logs)))


def _clicked(data: ShopData) -> F64:
    """1 for every click, 0 for every impression that was not clicked."""
    assert data.events is not None
    counts = data.events["event"].value_counts()
    clicks = min(int(counts["click"]), int(counts["impression"]))
    return np.repeat([1.0, 0.0], [clicks, int(counts["impression"]) - clicks])


MOMENTS = (
    Moment(
        "ctr", "clicks per impression", "choice.click_base", -12, 4, 0.2, ("impression", "click"), _clicked
    ),
    Moment(
        "bounce",
        "share of visits with a single action",
        "choice.leave_base",
        -8,
        8,
        0.25,
        ("look",),
        lambda data: np.asarray((data.sessions["events"] <= 1).to_numpy(np.float64)),
    ),
    Moment(
        "pages",
        "mean log(1 + item pages opened)",
        "choice.engagement",
        0,
        8,
        0.25,
        ("look",),
        lambda data: np.asarray(np.log1p(data.sessions["clicks"].to_numpy(np.float64))),
    ),
    Moment(
        "carted",
        "share of visits with a cart",
        "choice.cart_base",
        -12,
        4,
        0.25,
        ("cart",),
        _column("carted"),
    ),
    Moment(
        "checked_out",
        "share of the visits with a cart that buy",
        "choice.buy_base",
        -8,
        8,
        0.25,
        ("cart", "purchase"),
        _checked_out,
    ),
    Moment(
        "searched",
        "share of visits that search",
        "surfaces.search_rate",
        0,
        1,
        0.03,
        ("search",),
        _column("searched"),
    ),
    Moment("gap", "mean log seconds between actions", "dwell.median", 1, 3600, 5.0, ("look",), _log_gaps),
    Moment(
        "gap_spread", "mean |log seconds - median|", "dwell.log_sd", 0.05, 5, 0.15, ("look",), _gap_spread
    ),
)
"""Each with the parameter that moves it most; as many parameters are free as there are moments."""


def recorded(data: ShopData) -> tuple[Moment, ...]:
    """The moments that these records hold."""
    kinds = data.kinds | ({"look"} if data.look in data.kinds else frozenset())
    return tuple(moment for moment in MOMENTS if set(moment.needs) <= kinds)


def figures(data: ShopData, moments: tuple[Moment, ...]) -> tuple[F64, F64]:
    """((m,) means, (m,) standard errors); NaN where there is nothing to take a mean of."""
    found = [moment.values(data) for moment in moments]
    mean = np.array([v.mean() if len(v) else np.nan for v in found])
    error = np.array([v.std() / len(v) ** 0.5 if len(v) else np.nan for v in found])
    return mean, error


def calm(config: ShopConfig) -> ShopConfig:
    """The shop without what changes from visit to visit, which a log of visits does not tell."""
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
    told: Callable[[int, float], None] | None = None,
) -> tuple[list[Found], list[Unknown], Fit]:
    """Fit the numbers of a visit to the user's visits.

    The moments of ``visits`` simulated visits are brought to those of the data; common random numbers make
    them move with the parameters alone. Intervals are those of the method of moments (Hansen 1982) with the
    variance of data and simulation.

    Args:
        data: the shop's visits.
        catalog, config: where they are simulated, and where the search begins.
        seed: of the simulation.
        visits: simulated at every step.
        rounds: of the search.
        behaviour: what is shown in the simulation.
        told: called after every simulation with its number and loss.

    Raises:
        InvalidInput: too few visits, or none of the moments is recorded.
    """
    if len(data.sessions) < FEWEST_SESSIONS:
        raise InvalidInput("sessions", len(data.sessions), f"give {FEWEST_SESSIONS} visits or more")
    moments = recorded(data)
    if not moments:
        raise InvalidInput("sessions", sorted(data.kinds), "record views or clicks, carts and purchases")
    target, error = figures(data, moments)
    config = calm(config)
    config = replace(
        config,
        users=2 * visits,
        arrivals=replace(config.arrivals, per_day=visits / DAYS, established=0),
    )
    settings = with_settings(config, {"dwell.enabled": True})

    def simulate(at: Mapping[str, float]) -> F64:
        season = simulate_season(
            catalog, with_settings(settings, at), days=DAYS, seed=seed, behaviour=behaviour, impressions=0.3
        )
        return figures(season.data, moments)[0]

    scale = np.maximum(error * (1 + len(data.sessions) / visits) ** 0.5, LEAST_MISS * np.abs(target))
    free = tuple(
        Free(
            m.parameter, float(np.clip(_number(settings, m.parameter), m.low, m.high)), m.low, m.high, m.step
        )
        for m in moments
    )
    fit = simulated_moments(simulate, target, scale, free, rounds=rounds, told=told)
    found = [
        Found(
            m.parameter,
            fit.values[m.parameter],
            "",
            f"simulated moments: {m.definition}",
            fit.values[m.parameter] - 1.96 * fit.errors[m.parameter],
            fit.values[m.parameter] + 1.96 * fit.errors[m.parameter],
        )
        for m in moments
        if m.parameter not in fit.weak
    ]
    unknown = [
        Unknown(m.parameter, f"{' and '.join(m.needs)} were not recorded")
        for m in MOMENTS
        if m not in moments
    ]
    unknown += [Unknown(name, "the recorded moments hardly move with it") for name in fit.weak]
    return found, unknown, fit


def _free(moment: Moment, config: ShopConfig) -> Free:
    start = float(np.clip(_number(config, moment.parameter), moment.low, moment.high))
    return Free(moment.parameter, start, moment.low, moment.high, moment.step)


def _number(config: ShopConfig, name: str) -> float:
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    return float(value)  # type: ignore[arg-type]  # every name in MOMENTS is a number's
