"""What happens within a visit: pages, dwell, and the way from a look to a purchase."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .events import ACTIONS
from .registry import Measure, fact
from .resampling import Bootstrap, Measured, units
from .shop_data import ShopData


def _known(data: ShopData, *columns: str) -> pd.DataFrame:
    """The sessions where these columns are known."""
    return data.sessions.dropna(subset=list(columns))


def _units(sessions: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Users if all are known, else sessions."""
    users = sessions["user_id"] if "user_id" in sessions.columns else pd.Series(pd.NA, sessions.index)
    return units(users)


def _of_sessions(
    name: str, unit: str, group: str, column: str, how: str, what: str, least: float = 0
) -> None:
    """Register the mean, median or log sd of a session column, over sessions where it is >= ``least``."""

    def measure(data: ShopData, boot: Bootstrap) -> Measured:
        sessions = _known(data, column)
        sessions = sessions[sessions[column] >= least]
        values = sessions[column].to_numpy(np.float64)
        if how == "log sd":
            return boot.sd(np.log(values), _units(sessions))
        if how == "log1p sd":
            return boot.sd(np.log1p(values), _units(sessions))
        return (boot.median if how == "median" else boot.mean)(values, _units(sessions))

    measure.__doc__ = f"{how.capitalize()} over sessions of {what}."
    fact(name, unit, group, sessions=(column,))(measure)


for _how in ("mean", "median"):
    _pages = "item pages opened"
    _of_sessions(
        f"session_events_{_how}", "events", "session", "events", _how, f"actions ({', '.join(ACTIONS)})"
    )
    _of_sessions(f"session_clicks_{_how}", "clicks", "session", "clicks", _how, f"{_pages}, if any", 1)
    _of_sessions(
        f"session_clicks_{_how}_ge2", "clicks", "session", "clicks", _how, f"{_pages}, if 2 or more", 2
    )
    _of_sessions(f"session_pages_{_how}", "pages", "session", "clicks", _how, f"{_pages}, none included")
_of_sessions(
    "session_pages_log_sd", "log1p", "session", "clicks", "log1p sd", "item pages opened, none included"
)
_tiny = float(np.nextafter(0.0, 1.0))
_dwell = "mean dwell, where there is one"
_of_sessions("session_dwell_median_s", "s", "dwell", "dwell_mean", "median", _dwell, _tiny)
_of_sessions("session_dwell_log_sd", "log s", "dwell", "dwell_mean", "log sd", _dwell, _tiny)
_of_sessions(
    "session_conversion", "share of sessions", "funnel", "converted", "mean", "whether anything was bought"
)
_of_sessions(
    "session_cart_share", "share of sessions", "funnel", "carted", "mean", "whether anything was carted"
)
_of_sessions("session_search_share", "share", "search", "searched", "mean", "whether a search was made")
_of_sessions("new_visitor_share", "share", "heterogeneity", "new_visitor", "mean", "whether the user is new")


@fact("returning_session_share", "share", "heterogeneity", sessions=("new_visitor",))
def _returning(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of sessions by users seen before."""
    sessions = _known(data, "new_visitor")
    return boot.mean(1.0 - sessions["new_visitor"].to_numpy(np.float64), _units(sessions))


@fact("bounce_rate", "share", "session", sessions=("events",))
def _bounce(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of sessions with a single action."""
    return boot.mean(data.sessions["events"] <= 1, _units(data.sessions))


@fact("cart_abandonment", "share", "funnel", sessions=("carted", "converted"))
def _abandonment(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of the sessions with a cart that end without a purchase."""
    sessions = data.sessions[data.sessions["carted"] > 0]
    return boot.mean(1.0 - sessions["converted"].to_numpy(np.float64), _units(sessions))


@fact("sessions_per_user", "sessions", "session", sessions=("user_id",), grows=True)
def _sessions_per_user(data: ShopData, boot: Bootstrap) -> Measured:
    """Sessions per user with at least one."""
    counts = _known(data, "user_id").groupby("user_id").size()
    return boot.mean(counts, np.arange(len(counts)))


@fact("conv_new_over_returning", "ratio", "heterogeneity", sessions=("converted", "new_visitor"))
def _new_over_returning(data: ShopData, boot: Bootstrap) -> Measured:
    """Session conversion of new over that of other visitors."""
    sessions = _known(data, "converted", "new_visitor")
    return boot.ratio_of_means(sessions["converted"], sessions["new_visitor"] > 0, _units(sessions))


@fact("conv_weekend_over_weekday", "ratio", "seasonality", sessions=("converted", "weekend"))
def _weekend_over_weekday(data: ShopData, boot: Bootstrap) -> Measured:
    """Session conversion on Saturday and Sunday over that on other days."""
    sessions = _known(data, "converted", "weekend")
    return boot.ratio_of_means(sessions["converted"], sessions["weekend"] > 0, _units(sessions))


def _gaps(data: ShopData) -> pd.Series:
    acts = data.actions
    gaps = acts["time"].diff()[acts["session_id"] == acts["session_id"].shift()]
    return gaps[gaps > 0]


def _of_gaps(name: str, unit: str, how: str) -> None:
    def measure(data: ShopData, boot: Bootstrap) -> Measured:
        gaps = _gaps(data)
        rows = data.actions.loc[gaps.index]
        unit_codes, values = units(rows["user_id"], rows["session_id"]), gaps.to_numpy(np.float64)
        if how == "median":
            return boot.median(values, unit_codes)
        return (boot.sd if how == "log sd" else boot.mean)(np.log(values), unit_codes)

    measure.__doc__ = f"{how.capitalize()} of the positive times between consecutive actions of a session."
    fact(name, unit, "dwell", events=("look",), columns=("session_id",))(measure)


_of_gaps("dwell_median_s", "s", "median")
_of_gaps("dwell_log_mean", "log s", "log mean")
_of_gaps("dwell_log_sd", "log s", "log sd")


def _per(name: str, unit: str, group: str, above: str, below: str) -> None:
    def measure(data: ShopData, boot: Bootstrap) -> Measured:
        over, under = (data.look if kind == "look" else kind for kind in (above, below))
        rows = data.of(over, under)
        is_over, is_under = rows["event"] == over, rows["event"] == under
        return boot.ratio(is_over, is_under, units(rows["user_id"], rows["session_id"]))

    measure.__doc__ = f"Events of kind {above} per event of kind {below}, all sessions together."
    fact(name, unit, group, events=(above, below))(measure)


_per("ctr", "clicks per impression", "funnel", "click", "impression")
_per("cart_per_view", "ratio", "funnel", "cart", "look")
_per("purchase_per_view", "ratio", "funnel", "purchase", "look")
_per("purchase_per_cart", "ratio", "funnel", "purchase", "cart")


@fact("purchases_per_user", "ratio", "funnel", events=("look", "purchase"), columns=("user_id",), grows=True)
def _purchases_per_user(data: ShopData, boot: Bootstrap) -> Measured:
    """Purchase events per user who opened an item's page or bought."""
    rows = data.of(data.look, "purchase")
    bought = (rows["event"] == "purchase").groupby(rows["user_id"]).sum()
    return boot.mean(bought, np.arange(len(bought)))


def _at(position: int) -> tuple[Measure, Measure]:
    def share(data: ShopData, boot: Bootstrap) -> Measured:
        clicks = data.of("click").dropna(subset="position")
        here = clicks["position"] == position
        return boot.mean(here, units(clicks["user_id"], clicks["session_id"]))

    def rate(data: ShopData, boot: Bootstrap) -> Measured:
        rows = data.of("click", "impression")
        rows = rows[rows["position"] == position]
        unit = units(rows["user_id"], rows["session_id"])
        return boot.ratio(rows["event"] == "click", rows["event"] == "impression", unit)

    share.__doc__ = f"Share of clicks that fall on position {position}; not adjusted for exposure."
    rate.__doc__ = f"Clicks per impression at position {position}."
    return share, rate


for _position in range(1, 7):
    _share, _rate = _at(_position)
    fact(
        f"click_share_slot{_position}",
        "share of clicks",
        "position",
        events=("click",),
        columns=("position",),
    )(_share)
    fact(f"ctr_slot{_position}", "prob", "position", events=("click", "impression"), columns=("position",))(
        _rate
    )


@fact("ctr_ratio_slot3_slot1", "ratio", "position", events=("click", "impression"), columns=("position",))
def _third_over_first(data: ShopData, boot: Bootstrap) -> Measured:
    """Clicks per impression at position 3 over those at position 1."""
    rows = data.of("click", "impression")
    rows = rows[rows["position"].isin((1, 3))]
    unit = units(rows["user_id"], rows["session_id"])
    shown, third = rows["event"] == "impression", rows["position"] == 3
    sums = np.stack(
        [np.bincount(unit, x * 1.0) for x in (~shown & third, shown & third, ~shown & ~third, shown & ~third)]
    )

    def statistic(times: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        a, n, b, m = sums @ times
        return float(a / n / (b / m)) if n > 0 and b > 0 else float("nan")

    return boot.measure(statistic, sums.shape[1])
