"""Event tables, sessions, orders, intervals and facts: small tables with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.statistics import gini
from shopgym.realism import FACTS, ShopData, check_events, measure
from shopgym.realism.bgnbd import fit_bgnbd, log_likelihood
from shopgym.realism.item_facts import zipf_top20
from shopgym.realism.resampling import ClusterBootstrap
from shopgym.realism.shop_data import weekday

pytestmark = pytest.mark.slow

DAY = 86_400.0
MONDAY = 4 * DAY
"""5 January 1970."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def boot(resamples: int = 50) -> ClusterBootstrap:
    return ClusterBootstrap(rng(), resamples)


def events(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    names = ["user_id", "session_id", "time", "event", "item_id", "quantity", "price", "order_id", "position"]
    return pd.DataFrame([row + (None,) * (9 - len(row)) for row in rows], columns=names)


@pytest.fixture
def small() -> ShopData:
    """Two shoppers, three visits, two orders, one return; the last visit is on a Saturday evening."""
    late = MONDAY + 5 * DAY + 19.5 * 3600
    return ShopData.from_events(
        events(
            [
                ("ann", "s1", MONDAY + 36_000, "impression", "tea", None, None, None, 1),
                ("ann", "s1", MONDAY + 36_000, "impression", "pot", None, None, None, 2),
                ("ann", "s1", MONDAY + 36_000, "impression", "mug", None, None, None, 3),
                ("ann", "s1", MONDAY + 36_010, "click", "tea", None, None, None, 1),
                ("ann", "s1", MONDAY + 36_030, "click", "pot", None, None, None, 3),
                ("ann", "s1", MONDAY + 36_070, "click", "tea", None, None, None, 1),
                ("ann", "s1", MONDAY + 36_070, "cart", "tea", 2),
                ("ann", "s1", MONDAY + 36_150, "purchase", "tea", 2, 5.0, "o1"),
                ("ann", "s1", MONDAY + 36_150, "purchase", "pot", 1, 20.0, "o1"),
                ("bob", "s2", MONDAY + 40_000, "click", "mug", None, None, None, 2),
                ("ann", "s3", late, "search", None),
                ("ann", "s3", late + 20, "click", "mug", None, None, None, 1),
                ("ann", "s3", late + 60, "cart", "mug", 1),
                ("ann", None, late + DAY, "purchase", "mug", 1, 8.0, "o2"),
                ("ann", None, late + 2 * DAY, "return", "tea", 1, 5.0, "o1"),
            ]
        )
    )


# --- the event table -----------------------------------------------------------------------------------


def test_events_are_sorted_and_no_column_is_added() -> None:
    table = events([("a", 1, 20.0, "view", 5), ("a", 1, 10.0, "view", 6)]).drop(columns=["price", "order_id"])
    checked = check_events(table)
    assert checked["item_id"].tolist() == [6, 5]
    assert list(checked.columns) == [
        "user_id",
        "session_id",
        "time",
        "event",
        "item_id",
        "quantity",
        "position",
    ]
    assert table["item_id"].tolist() == [5, 6]  # the caller's table does not change


GOOD = ("a", 1, 1.0, "purchase", 5, 1, 2.0, "o", 1)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (3, "look", "events.event = 'look': is not one of .* 2 rows, first row 1"),
        (2, None, "events.time = nan: is missing or not finite: 2 rows, first row 1"),
        (2, "noon", "events.time = 'noon': is not a number: 2 rows, first row 1"),
        (5, 0, "events.quantity = .*above 0: 2 rows, first row 1"),
        (5, None, "events.quantity = nan.*above 0"),
        (6, -1.0, "events.price = -1.0.*0 or more: 2 rows"),
        (7, None, "events.order_id = .*purchase is missing: 2 rows, first row 1"),
        (8, 0, "events.position = .*counts from 1: 2 rows"),
    ],
)
def test_a_wrong_row_is_named_and_counted(place: int, value: object, message: str) -> None:
    wrong = (*GOOD[:place], value, *GOOD[place + 1 :])
    with pytest.raises(InvalidInput, match=message):
        check_events(events([GOOD, wrong, wrong]))


def test_a_wrong_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="add the columns \\['event'\\]"):
        check_events(events([GOOD]).drop(columns="event"))
    with pytest.raises(InvalidInput, match="'prize'"):
        check_events(events([GOOD]).assign(prize=1))
    with pytest.raises(InvalidInput, match="no rows"):
        check_events(events([GOOD])[:0])
    with pytest.raises(InvalidInput, match=r"item_id = .*is missing: 1 rows"):
        check_events(events([("a", 1, 1.0, "view", None)]))
    with pytest.raises(InvalidInput, match="session_id = 1: belongs to several users \\(1 such\\)"):
        check_events(events([("a", 1, 1.0, "view", 5), ("b", 1, 1.0, "view", 5)]))
    with pytest.raises(InvalidInput, match="order_id = 'o': belongs to several users"):
        check_events(events([GOOD, ("b", 2, *GOOD[2:])]))


def test_sessions_of_the_small_shop(small: ShopData) -> None:
    table = small.sessions.set_index("session_id")
    assert table.index.tolist() == [
        "s1",
        "s2",
        "s3",
    ]  # sorted by start; orders and returns without a visit are no sessions
    assert table["events"].tolist() == [6, 1, 3]
    assert table["duration"].tolist() == [140, 0, 60]
    assert table["dwell_mean"].tolist() == pytest.approx([140 / 3, np.nan, 30], nan_ok=True)
    assert table["clicks"].tolist() == [3, 1, 1]
    assert table["distinct_items"].tolist() == [2, 1, 1]
    assert table["repeat_views"].tolist() == [1, 0, 0]
    assert table["carts"].tolist() == [1, 0, 1]
    assert table["converted"].tolist() == [1, 0, 0]
    assert table["purchases"].tolist() == [2, 0, 0]
    assert table["searched"].tolist() == [0, 0, 1]
    assert table["new_visitor"].tolist() == [1, 1, 0]
    assert table["weekend"].tolist() == [0, 0, 1]
    assert table["hour"].tolist() == pytest.approx([36_010 / 3600, 40_000 / 3600, 19.5])


def test_orders_of_the_small_shop(small: ShopData) -> None:
    orders = small.orders.set_index("order_id")
    assert orders["items"].to_dict() == {"o1": 2, "o2": 1}
    assert orders["units"].to_dict() == {"o1": 3, "o2": 1}
    assert orders["value"].to_dict() == {"o1": 30.0, "o2": 8.0}


def test_facts_of_the_small_shop(small: ShopData) -> None:
    table = measure(small, rng(), resamples=20).set_index("name")
    known = {
        "session_events_mean": 10 / 3,
        "session_events_median": 3,
        "session_clicks_mean": 5 / 3,
        "session_clicks_mean_ge2": 3,
        "session_pages_log_sd": np.std(np.log1p([3, 1, 1])),
        "session_conversion": 1 / 3,
        "session_cart_share": 2 / 3,
        "session_search_share": 1 / 3,
        "cart_abandonment": 1 / 2,
        "bounce_rate": 1 / 3,
        "returning_session_share": 1 / 3,
        "sessions_per_user": 1.5,
        "conv_new_over_returning": np.nan,  # no returning visitor bought
        "dwell_median_s": 40,  # gaps 20, 40, 80, 20, 40
        "dwell_log_mean": np.log([20, 40, 80, 20, 40]).mean(),
        "dwell_log_sd": np.log([20, 40, 80, 20, 40]).std(),
        "ctr": 5 / 3,
        "ctr_slot1": 3,
        "ctr_slot3": 1,
        "ctr_ratio_slot3_slot1": 1 / 3,
        "click_share_slot1": 3 / 5,
        "cart_per_view": 2 / 5,
        "purchase_per_cart": 3 / 2,
        "purchases_per_user": 3 / 2,
        "basket_items_mean": 1.5,
        "basket_value_mean": 19,
        "basket_value_median": 19,
        "basket_value_log_sd": np.std(np.log([30, 8])),
        "basket_units_mean": 2,
        "units_per_line_median": 1,
        "single_item_basket_share": 1 / 2,
        "returned_value_share": 5 / 38,
        "returned_units_share": 1 / 4,
        "customers_with_a_return": 1,
        "repeat_customer_share": 1,
        "interpurchase_median_days": 6,
        "interpurchase_mean_days": 6,
        "intertrip_median_days": 6 + (19.5 * 3600 - 36_150) / DAY,
        "returning_order_share_h2": 1,
        "order_share_10_15h": 1 / 2,
        "event_share_19_23h": 5 / 12,
        "item_gini_orders": 0,
        "item_gini_clicks": gini(np.array([2.0, 2.0, 1.0])),
        "daily_orders_cv": 0,
    }
    for name, value in known.items():
        assert table.loc[name, "lacks"] == "", name
        assert table.loc[name, "value"] == pytest.approx(value, nan_ok=True), name
    measured = set(table.index[table["lacks"] == ""])
    # facts that two orders cannot show have a reason
    assert "nothing to measure" in table.loc["price_elasticity_pooled", "lacks"]
    assert "nothing to measure" in table.loc["cohort_active_month1", "lacks"]
    assert measured >= set(known)


def test_facts_name_what_was_not_recorded() -> None:
    data = ShopData.from_events(events([("a", 1, 1.0, "view", 5), ("a", 1, 9.0, "view", 6)]).iloc[:, :5])
    table = measure(data, rng(), names=["basket_value_mean", "ctr", "session_conversion", "dwell_median_s"])
    assert table["lacks"].tolist() == [
        "event purchase, column order_id, column quantity, column price",
        "event click, event impression",
        "session column converted",
        "",
    ]
    assert table["value"].tolist() == pytest.approx([np.nan, np.nan, np.nan, 8.0], nan_ok=True)
    with pytest.raises(InvalidInput, match="'nonsense'"):
        measure(data, rng(), names=["nonsense"])


def test_every_fact_has_a_definition_and_the_generator_determines_the_result(small: ShopData) -> None:
    assert all(len(fact.definition) > 20 and fact.unit and fact.group for fact in FACTS.values())
    first, second = (measure(small, rng(5), resamples=20) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_values_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    draw = rng(seed)
    n = 60
    user = draw.integers(6, size=n)
    table = pd.DataFrame(
        {
            "user_id": user,
            "session_id": user * 10 + draw.integers(3, size=n),
            "time": draw.permutation(n) * 100.0,  # no ties: ties keep the order of rows
            "event": draw.choice(["view", "cart", "purchase"], size=n),
            "item_id": draw.integers(8, size=n),
            "quantity": draw.integers(1, 4, size=n),
            "price": draw.uniform(1, 9, size=n),
        }
    )
    table["order_id"] = table["session_id"]
    mixed = table.sample(frac=1, random_state=seed)
    names = [name for name in FACTS if not name.startswith("bgnbd")]
    a, b = (measure(ShopData.from_events(t), rng(), names=names, resamples=20) for t in (table, mixed))
    pd.testing.assert_series_equal(a["value"], b["value"])


def test_weekdays_of_known_dates() -> None:
    """1 January 1970 was a Thursday; 29 February 2024 was one too."""
    days = pd.to_datetime(
        ["1970-01-01", "1970-01-05 23:59:59", "2024-02-29 12:00", "2024-03-03"], format="mixed"
    )
    seconds = pd.Series(days.as_unit("s").astype("int64").astype("float64"))
    assert weekday(seconds).tolist() == [3, 0, 3, 6] == days.day_of_week.tolist()


# --- statistics ----------------------------------------------------------------------------------------


def test_gini_and_zipf_of_known_shapes() -> None:
    assert gini(np.full(7, 3.0)) == pytest.approx(0.0)
    assert gini(np.array([5.0, 0.0, 0.0, 0.0])) == pytest.approx(0.75)
    x = np.sort(rng().exponential(size=50))[::-1]
    assert gini(x) == pytest.approx(np.abs(x[:, None] - x).sum() / (2 * 50 * x.sum()))
    assert zipf_top20(1e6 * np.arange(1.0, 101.0) ** -0.8) == pytest.approx(0.8)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_the_median_equals_that_of_numpy(values: list[float]) -> None:
    found = boot(20).median(values, np.arange(len(values)))
    assert found.value == pytest.approx(np.median(values))
    assert found.low <= found.high


def test_without_resamples_there_are_values_and_no_intervals(small: ShopData) -> None:
    plain, drawn = (measure(small, rng(), resamples=n) for n in (0, 20))
    assert np.array_equal(plain["value"], drawn["value"], equal_nan=True)
    parameters = plain["name"].str.startswith("bgnbd")  # their intervals are Wald's
    assert plain.loc[~parameters, ["low", "high"]].isna().all(axis=None)


def test_the_rows_of_a_unit_are_drawn_together() -> None:
    """If all rows are one unit, every resample is the table itself."""
    x = rng().normal(size=30) + 5
    for found in (
        boot().mean(x, np.zeros(30, np.int64)),
        boot().median(x, np.zeros(30, np.int64)),
        boot().sd(x, np.zeros(30, np.int64)),
    ):
        assert found.low == pytest.approx(found.value)
        assert found.high == pytest.approx(found.value)


def test_the_interval_of_a_mean_has_its_coverage() -> None:
    """Clusters of 4 equal rows. Coverage of 150 intervals of level 95%: below 85% has a chance under 1e-3
    if the true coverage is 93% (percentile bootstrap, 40 clusters); rows as units would cover about 65%."""
    draw, unit = rng(3), np.repeat(np.arange(40), 4)
    inside = 0
    for _ in range(150):
        found = ClusterBootstrap(draw, 100).mean(np.repeat(draw.normal(size=40), 4), unit)
        inside += found.low <= 0 <= found.high
    assert inside / 150 >= 0.85


def elastic_lines(slope: float) -> pd.DataFrame:
    """30 weeks of 6 items whose prices move in opposite directions, so that the weeks have no effect."""
    rows = []
    for week in range(30):
        for item in range(6):
            move = 0.2 * np.sin(week) * (-1) ** item
            units = np.exp(0.3 * item + slope * move)
            rows.append((item, None, MONDAY + week * 7 * DAY, "purchase", item, units, 10 * np.exp(move), 0))
    table = events(rows)
    return table.assign(order_id=range(len(table)), user_id=None)


def test_a_known_price_elasticity_is_measured_exactly() -> None:
    data = ShopData.from_events(elastic_lines(-1.7))
    names = ["price_elasticity_pooled", "price_elasticity_median_item"]
    table = measure(data, rng(), names=names, resamples=20)
    assert table["value"].tolist() == pytest.approx([-1.7, -1.7])
    assert table["low"].tolist() == pytest.approx([-1.7, -1.7])
    assert table["n"].tolist() == [6, 6]


def test_the_bgnbd_likelihood_is_the_mean_over_customers() -> None:
    """The likelihood of a customer is the mean over (lambda, p) of eq. 2 of Fader, Hardie & Lee (2005); Monte
    Carlo error below 1% here, the tolerance is 5 times that."""
    r, alpha, a, b = 0.8, 4.0, 1.2, 2.5
    draw = rng()
    rate, p = draw.gamma(r, 1 / alpha, size=400_000), draw.beta(a, b, size=400_000)
    for x, t_x, T in ((0.0, 0.0, 10.0), (1.0, 3.0, 10.0), (4.0, 9.0, 10.0)):
        alive = (1 - p) ** x * rate**x * np.exp(-rate * T)
        gone = p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0.0
        found = log_likelihood(np.log([r, alpha, a, b]), *(np.array([v]) for v in (x, t_x, T)))
        assert np.exp(found[0]) == pytest.approx(float(np.mean(alive + gone)), rel=0.05)


def test_bgnbd_recovers_the_parameters_of_simulated_customers() -> None:
    """3,000 customers; each log estimate within 4 standard errors: false alarm about 2.5e-4 in all."""
    truth = np.array([0.5, 4.0, 0.8, 2.5])
    draw, n, T = rng(1), 3_000, 60.0
    rate, p = draw.gamma(truth[0], 1 / truth[1], size=n), draw.beta(truth[2], truth[3], size=n)
    x, t_x = np.zeros(n), np.zeros(n)
    alive, clock = np.ones(n, bool), np.zeros(n)
    while alive.any():
        clock = clock + draw.exponential(1 / rate)
        alive &= clock <= T
        x[alive] += 1
        t_x[alive] = clock[alive]
        alive &= draw.uniform(size=n) >= p
    model = fit_bgnbd(x, t_x, np.full(n, T))
    error = np.log(model.intervals[:, 1] / model.intervals[:, 0]) / (2 * 1.96)
    assert (np.abs(np.log(np.array(model.parameters) / truth)) < 4 * error).all()


def test_bgnbd_refuses_histories_without_a_maximum() -> None:
    ones = np.ones(5)
    with pytest.raises(InvalidInput, match="nobody bought twice"):
        fit_bgnbd(0 * ones, 0 * ones, ones)
    with pytest.raises(InvalidInput, match="= 5: these customers"):
        fit_bgnbd(ones, 2 * ones, ones)
    with pytest.raises(InvalidInput, match="no maximum"):
        fit_bgnbd(ones, ones, ones)
