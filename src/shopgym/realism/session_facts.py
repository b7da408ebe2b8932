"""Facts of visits: pages, dwell, positions, and the funnel from item page to purchase."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .events import ACTIONS
from .registry import Measure, fact
from .resampling import ClusterBootstrap, Measurement, units
from .shop_data import PAGE_VIEW, ShopData

USERS = ("user_id",)


def _sessions_with(data: ShopData, *columns: str) -> pd.DataFrame:
    """The sessions in which these columns have a value."""
    return data.sessions.dropna(subset=list(columns))


def _units(sessions: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The users are the units if all are known, else the sessions."""
    users = sessions["user_id"] if "user_id" in sessions.columns else pd.Series(pd.NA, sessions.index)
    return units(users)


def _session_fact(
    name: str, unit: str, group: str, column: str, what: str, how: str = "mean", least: float = 0
) -> None:
    """Register the mean, median or log sd of a session column, over sessions with a value >= ``least``."""

    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        sessions = _sessions_with(data, column)
        sessions = sessions[sessions[column] >= least]
        values = sessions[column].to_numpy(np.float64)
        if how == "log sd":
            return boot.sd(np.log(values), _units(sessions))
        if how == "log1p sd":
            return boot.sd(np.log1p(values), _units(sessions))
        return (boot.median if how == "median" else boot.mean)(values, _units(sessions))

    measure.__doc__ = f"{how.capitalize()} over sessions of {what}."
    fact(name, unit, group, sessions=(column,))(measure)


_pages, _all_pages = "item pages opened", "item pages opened, none included"
_events, _dwell = f"actions ({', '.join(ACTIONS)})", "mean dwell, where there is one"
_above_zero = float(np.nextafter(0.0, 1.0))
for _how in ("mean", "median"):
    _session_fact(f"session_events_{_how}", "events", "session", "events", _events, _how)
    _session_fact(f"session_clicks_{_how}", "clicks", "session", "clicks", f"{_pages}, if any", _how, 1)
    _session_fact(
        f"session_clicks_{_how}_ge2", "clicks", "session", "clicks", f"{_pages}, if 2 or more", _how, 2
    )
    _session_fact(f"session_pages_{_how}", "pages", "session", "clicks", _all_pages, _how)
_session_fact("session_pages_log_sd", "log1p", "session", "clicks", _all_pages, "log1p sd")
_session_fact(
    "session_clicks_log_sd_ge2", "log clicks", "session", "clicks", f"{_pages}, if 2 or more", "log sd", 2
)
_session_fact("session_dwell_median_s", "s", "dwell", "dwell_mean", _dwell, "median", _above_zero)
_session_fact("session_dwell_log_sd", "log s", "dwell", "dwell_mean", _dwell, "log sd", _above_zero)
_session_fact("session_conversion", "share of sessions", "funnel", "converted", "whether anything was bought")
_session_fact("session_cart_share", "share of sessions", "funnel", "carted", "whether anything was carted")
_session_fact("session_search_share", "share", "search", "searched", "whether a search was made")
_session_fact("new_visitor_share", "share", "heterogeneity", "new_visitor", "whether the user is new")


@fact("returning_session_share", "share", "heterogeneity", sessions=("new_visitor",))
def _returning(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of sessions by users seen before."""
    sessions = _sessions_with(data, "new_visitor")
    return boot.mean(1.0 - sessions["new_visitor"].to_numpy(np.float64), _units(sessions))


@fact("bounce_rate", "share", "session", sessions=("events",))
def _bounce(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of sessions with a single action."""
    return boot.mean(data.sessions["events"] <= 1, _units(data.sessions))


@fact("cart_abandonment", "share", "funnel", sessions=("carted", "converted"))
def _abandonment(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the sessions with a cart that end without a purchase."""
    sessions = data.sessions[data.sessions["carted"] > 0]
    return boot.mean(1.0 - sessions["converted"].to_numpy(np.float64), _units(sessions))


@fact("session_duration_median_s", "s", "session", sessions=("duration", "events"))
def _duration(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Median seconds from the first to the last action, of sessions with two actions or more."""
    sessions = data.sessions[data.sessions["events"] >= 2].dropna(subset="duration")
    return boot.median(sessions["duration"], _units(sessions))


@fact("repeat_view_share", "share", "session", sessions=("clicks", "repeat_views"))
def _repeat_views(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the item pages opened whose item was opened before, of sessions with two pages or more."""
    sessions = data.sessions[data.sessions["clicks"] >= 2]
    return boot.ratio(sessions["repeat_views"], sessions["clicks"], _units(sessions))


@fact("sessions_per_user", "sessions", "session", sessions=("user_id",), cumulative=True)
def _sessions_per_user(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Sessions per user with at least one."""
    counts = _sessions_with(data, "user_id").groupby("user_id").size()
    return boot.mean(counts, np.arange(len(counts)))


@fact("conv_new_over_returning", "ratio", "heterogeneity", sessions=("converted", "new_visitor"))
def _new_over_returning(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Session conversion of new visitors over that of other visitors."""
    sessions = _sessions_with(data, "converted", "new_visitor")
    return boot.ratio_of_means(sessions["converted"], sessions["new_visitor"] > 0, _units(sessions))


@fact("conv_returning_over_new", "ratio", "heterogeneity", sessions=("converted", "new_visitor"))
def _returning_over_new(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Session conversion of visitors seen before over that of new ones."""
    sessions = _sessions_with(data, "converted", "new_visitor")
    return boot.ratio_of_means(sessions["converted"], sessions["new_visitor"] == 0, _units(sessions))


@fact("conv_search_over_none", "ratio", "search", sessions=("converted", "searched"))
def _search_over_none(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Session conversion of sessions with a search over that of those without."""
    sessions = _sessions_with(data, "converted", "searched")
    return boot.ratio_of_means(sessions["converted"], sessions["searched"] > 0, _units(sessions))


@fact("conv_weekend_over_weekday", "ratio", "seasonality", sessions=("converted", "weekend"))
def _weekend_over_weekday(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Session conversion on Saturday and Sunday over that on other days."""
    sessions = _sessions_with(data, "converted", "weekend")
    return boot.ratio_of_means(sessions["converted"], sessions["weekend"] > 0, _units(sessions))


def _register_dwell_fact(name: str, unit: str, how: str) -> None:
    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        gaps = data.gaps
        rows = data.actions.loc[gaps.index]
        codes, values = units(rows["user_id"], rows["session_id"]), gaps.to_numpy(np.float64)
        if how == "median":
            return boot.median(values, codes)
        return (boot.sd if how == "log sd" else boot.mean)(np.log(values), codes)

    measure.__doc__ = f"{how.capitalize()} of the positive times between consecutive actions of a session."
    fact(name, unit, "dwell", events=(PAGE_VIEW,), columns=("session_id",))(measure)


_register_dwell_fact("dwell_median_s", "s", "median")
_register_dwell_fact("dwell_log_mean", "log s", "log mean")
_register_dwell_fact("dwell_log_sd", "log s", "log sd")


def _register_ratio_fact(name: str, unit: str, group: str, above: str, below: str) -> None:
    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        kinds = [data.page_view_kind if kind == PAGE_VIEW else kind for kind in (above, below)]
        rows = data.select(*kinds)
        numerator, denominator = (rows["event"] == kind for kind in kinds)
        return boot.ratio(numerator, denominator, units(rows["user_id"], rows["session_id"]))

    measure.__doc__ = f"Events of kind {above} per event of kind {below}, all sessions together."
    fact(name, unit, group, events=(above, below))(measure)


_register_ratio_fact("ctr", "clicks per impression", "funnel", "click", "impression")
_register_ratio_fact("cart_per_view", "ratio", "funnel", "cart", PAGE_VIEW)
_register_ratio_fact("purchase_per_view", "ratio", "funnel", "purchase", PAGE_VIEW)
_register_ratio_fact("purchase_per_cart", "ratio", "funnel", "purchase", "cart")


@fact("purchases_per_user", "ratio", "funnel", events=(PAGE_VIEW, "purchase"), columns=USERS, cumulative=True)
def _purchases_per_user(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Purchase events per user who opened an item's page or bought."""
    rows = data.select(data.page_view_kind, "purchase")
    bought = (rows["event"] == "purchase").groupby(rows["user_id"]).sum()
    return boot.mean(bought, np.arange(len(bought)))


CLICKS, SHOWN, POSITION = ("click",), ("click", "impression"), ("position",)


def _position_measures(position: int) -> tuple[Measure, Measure]:
    def share(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        clicks = data.select("click").dropna(subset="position")
        return boot.mean(clicks["position"] == position, units(clicks["user_id"], clicks["session_id"]))

    def rate(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        rows = data.select("click", "impression")
        rows = rows[rows["position"] == position]
        unit = units(rows["user_id"], rows["session_id"])
        return boot.ratio(rows["event"] == "click", rows["event"] == "impression", unit)

    share.__doc__ = f"Share of clicks that fall on position {position}; not adjusted for exposure."
    rate.__doc__ = f"Clicks per impression at position {position}."
    return share, rate


for _position in range(1, 7):
    _share, _rate = _position_measures(_position)
    _place = f"slot{_position}"
    fact(f"click_share_{_place}", "share of clicks", "position", events=CLICKS, columns=POSITION)(_share)
    fact(f"ctr_{_place}", "prob", "position", events=SHOWN, columns=POSITION)(_rate)


@fact("ctr_ratio_slot3_slot1", "ratio", "position", events=SHOWN, columns=POSITION)
def _third_over_first(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Clicks per impression at position 3 over those at position 1."""
    rows = data.select("click", "impression")
    rows = rows[rows["position"].isin((1, 3))]
    unit = units(rows["user_id"], rows["session_id"])
    shown, third = rows["event"] == "impression", rows["position"] == 3
    return boot.ratio_of_ratios((~shown & third, shown & third), (~shown & ~third, shown & ~third), unit)
