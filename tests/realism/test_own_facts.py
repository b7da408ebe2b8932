"""One's own facts: known answers of the new facts, the fixed list, parts in time, and one definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.realism import FACTS, ShopData, StylisedFact, measure
from shopgym.realism.next_item_facts import basket_steps, recall, visit_steps
from shopgym.realism.own_facts import OWN_FACTS, near, own_facts, own_values
from shopgym.realism.own_records import as_recorded, record_data, split_in_time
from shopgym.realism.resampling import ClusterBootstrap
from shopgym.tables.records import RecordOptions, read_order_lines

DAY = 86_400.0
MONDAY = 17_532 * DAY
"""1 January 2018."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def value(data: ShopData, name: str) -> float:
    row = measure(data, rng(), names=[name], resamples=0).iloc[0]
    assert row["lacks"] == ""
    return float(row["value"])


def orders(times: list[float], *, users: list[object] | None = None, **columns: object) -> ShopData:
    table = pd.DataFrame({"time": times}).assign(
        user_id=users or [f"u{i}" for i in range(len(times))],
        session_id=None,
        event="purchase",
        item_id="tea",
        quantity=1.0,
        price=2.0,
        order_id=[f"o{i}" for i in range(len(times))],
    )
    return ShopData.from_events(table.assign(**columns))


def visits(sessions: list[list[str]], start: float = MONDAY) -> ShopData:
    rows = [
        (f"u{s}", f"s{s}", start + 3600.0 * s + 60.0 * i, "view", item)
        for s, items in enumerate(sessions)
        for i, item in enumerate(items)
    ]
    return ShopData.from_events(
        pd.DataFrame(rows, columns=["user_id", "session_id", "time", "event", "item_id"])
    )


# --- the list ------------------------------------------------------------------------------------------


def test_own_facts_are_registered_and_named_once() -> None:
    assert len(OWN_FACTS) == len(set(OWN_FACTS)) >= 50
    assert set(OWN_FACTS) <= set(FACTS)


def test_near_is_inside_the_interval_or_within_a_tenth() -> None:
    fact = StylisedFact("a", 10.0, 9.9, 12.0, "", "", "", "ctr", None, None)
    inside = {9.0: True, 8.99: False, 9.5: True, 11.5: True, 12.0: True, 12.01: False}
    assert {x: near(x, fact) for x in inside} == inside
    assert near(-1.05, replace(fact, value=-1.0, low=-1.01, high=-0.99))
    assert not near(0.01, replace(fact, value=0.0, low=0.0, high=0.0))


# --- days, hours, weekdays -----------------------------------------------------------------------------


def test_days_without_orders_count() -> None:
    data = orders([MONDAY + 3600.0, MONDAY + DAY, MONDAY + 9.5 * DAY])
    assert value(data, "orders_per_day") == pytest.approx(0.3)
    longer = replace(data, watched=(MONDAY, MONDAY + 30 * DAY))
    assert value(longer, "orders_per_day") == pytest.approx(0.1)
    assert value(longer, "new_customers_per_day") == pytest.approx(0.1)
    own = own_values(data, rng=rng(), days=30.0, resamples=20).set_index("name")
    assert own.loc["orders_per_day", "value"] == pytest.approx(0.1)


def test_shares_of_hours_and_weekends() -> None:
    times = [MONDAY + 9 * 3600, MONDAY + 13 * 3600, MONDAY + 5 * DAY + 19 * 3600, MONDAY + 6 * DAY + 3600]
    data = orders([*times, MONDAY + 7 * DAY + 13 * 3600])
    shares = [value(data, f"order_share_{name}h") for name in ("00_06", "06_12", "12_18", "18_24")]
    assert shares == pytest.approx([0.2, 0.2, 0.4, 0.2])
    assert value(data, "order_share_weekend") == pytest.approx(0.4)
    assert value(data, "busiest_weekday_order_share") == pytest.approx(0.6)


def test_hours_are_refused_where_only_days_were_recorded() -> None:
    data = orders([MONDAY, MONDAY + 8 * DAY])
    row = measure(data, rng(), names=["order_share_06_12h"], resamples=0).iloc[0]
    assert "hours were not recorded" in row["lacks"]


def test_the_interval_of_orders_a_day_holds_the_rate_as_often_as_it_says() -> None:
    """20 weeks whose weekdays differ: 95% intervals, 200 records; below 88%: a false alarm of 1e-4."""
    draw, covered = rng(1), 0
    rates = np.tile([2.0, 2.0, 2.0, 2.0, 4.0, 8.0, 1.0], 20)
    for _ in range(200):
        counts = draw.poisson(rates)
        day = np.repeat(np.arange(140), counts)
        data = orders(list(MONDAY + DAY * day + 43_200.0))
        data = replace(data, watched=(MONDAY, MONDAY + 140 * DAY))
        row = measure(data, draw, names=["orders_per_day"], resamples=100).iloc[0]
        covered += row["low"] <= 3.0 <= row["high"]
    assert covered >= 176


# --- orders and visits ---------------------------------------------------------------------------------


def test_tails_repeats_and_returns_of_a_known_record() -> None:
    data = orders([MONDAY + DAY * i for i in range(101)], price=[*range(1, 102)])
    assert value(data, "basket_value_tail") == pytest.approx(96 / 51)
    again = orders(
        [MONDAY, MONDAY + DAY, MONDAY + 2 * DAY, MONDAY + 3 * DAY],
        users=["ann", "ann", "ann", "bob"],
        item_id=["tea", "tea", "pot", "mug"],
        quantity=[1.0, 2.0, 3.0, 6.0],
    )
    assert value(again, "repeat_item_line_share") == pytest.approx(0.5)
    assert value(again, "orders_per_customer") == pytest.approx(2.0)
    assert value(again, "units_per_line_mean") == pytest.approx(3.0)


def test_repeat_views_and_lengths_of_known_visits() -> None:
    data = visits([["a", "b", "a"], ["c"]])
    assert value(data, "repeat_view_share") == pytest.approx(1 / 3)
    assert value(data, "session_duration_median_s") == pytest.approx(120.0)


# --- the next item -------------------------------------------------------------------------------------


def test_a_markov_chain_recalls_a_cycle_and_popularity_does_not() -> None:
    """Items follow one another in a circle of 100: the chain knows the next, 20 popular ones are a fifth."""
    sessions = [[f"i{(start + i) % 100}" for i in range(5)] for start in rng().integers(100, size=1000)]
    data = visits(sessions)
    assert value(data, "next_item_recall20_markov") == 1.0
    assert value(data, "next_item_recall20_popularity") == pytest.approx(0.2, abs=0.06)


def test_repeats_count_only_where_they_are_asked_for() -> None:
    draw = rng(3)
    sessions = [[f"i{i}" for i in np.repeat(draw.integers(300, size=3), 2)] for _ in range(1000)]
    data = visits(sessions)
    assert value(data, "next_item_recall20_markov") == pytest.approx(0.6, abs=0.1)  # 3 of 5 steps are repeats
    assert value(data, "next_item_recall20_markov_no_repeat") < 0.2
    assert (visit_steps(data, repeats=False).later.sum(), visit_steps(data, repeats=True).later.sum()) == (
        pytest.approx(2000, abs=10),
        5000,
    )


def test_nothing_is_judged_on_what_it_was_learnt_from() -> None:
    """Every item occurs in one session only, so no recommender can know the next one."""
    data = visits([[f"s{s}i{i}" for i in range(4)] for s in range(500)])
    for name in ("markov", "knn"):
        assert value(data, f"next_item_recall20_{name}") == 0.0


def test_lists_are_filled_with_the_most_popular_items_that_they_do_not_hold() -> None:
    """By hand: after 'a' came 'b' and 'c'; the other 18 places are the 18 most popular items besides them."""
    popular = [f"p{i:02d}" for i in range(20)]
    train = [["a", "b"], ["a", "c"], ["a", "b"]] + [
        [p, p] for i, p in enumerate(popular) for _ in range(30 - i)
    ]
    train += [["zz", "zz"]] * (800 - len(train))  # the most popular of all
    test = [["a", "p16"]] * 100 + [["a", "p17"]] * 100
    data = visits([*train, *test])
    found = recall(visit_steps(data, repeats=True), "markov", ClusterBootstrap(rng(), 0))
    assert found.value == pytest.approx(0.5)  # zz and p00 to p16 fill it, p17 does not


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_recall_equals_a_plain_count(seed: int) -> None:
    """The same recommenders written as loops over dictionaries."""
    draw = rng(seed)
    sessions = [[f"i{i}" for i in draw.zipf(1.5, size=draw.integers(2, 6)) % 40] for _ in range(500)]
    data = visits(sessions)
    steps = visit_steps(data, repeats=True)
    popular = pd.Series(steps.item[steps.train]).value_counts()
    popular = sorted(popular.index, key=lambda i: (-popular[i], i))
    popular += [i for i in range(steps.item.max() + 1) if i not in popular]
    place = {item: row for row, item in enumerate(popular)}
    following: dict[int, dict[int, int]] = {}
    hits = []
    for row in np.flatnonzero(steps.later & steps.train):
        counts = following.setdefault(steps.item[row - 1], {})
        counts[steps.item[row]] = counts.get(steps.item[row], 0) + 1
    for row in np.flatnonzero(steps.later & ~steps.train):
        counts = following.get(steps.item[row - 1], {})
        listed = sorted(counts, key=lambda i: (-counts[i], place[i]))[:20]
        listed += [i for i in popular if i not in listed][: 20 - len(listed)]
        hits.append(steps.item[row] in listed)
    assert recall(steps, "markov", ClusterBootstrap(draw, 0)).value == pytest.approx(np.mean(hits))


def test_baskets_that_hold_pairs_are_recalled_by_item_knn() -> None:
    """Items are bought in pairs of one of 100 kinds."""
    kinds = rng().integers(100, size=1000)
    rows = [(MONDAY + 3600.0 * o, f"o{o}", f"{side}{kind}") for o, kind in enumerate(kinds) for side in "ab"]
    table = pd.DataFrame(rows, columns=["time", "order_id", "item_id"])
    table = table.assign(user_id=None, session_id=None, event="purchase")
    data = ShopData.from_events(table)
    assert value(data, "basket_recall20_knn") == 1.0
    assert value(data, "basket_recall20_popularity") < 0.3
    assert basket_steps(data).later.sum() == 1000


# --- seasons of categories -----------------------------------------------------------------------------


def year_of_orders(shares: np.ndarray, draw: np.random.Generator, n: int = 2000) -> ShopData:
    """Orders of categories a, b, c; ``shares`` (3, 12) of each category's orders in each month."""
    parts = []
    for name, row in zip("abc", shares, strict=True):
        month = draw.choice(12, size=n, p=row)
        time = (np.datetime64("2018-01-01", "D") + 30 * month + 10).astype("datetime64[s]").astype(float)
        parts.append(pd.DataFrame({"time": time, "item_id": name}))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(user_id=None, session_id=None, event="purchase", order_id=np.arange(len(table)))
    items = pd.DataFrame(
        {"category": list("abc"), "name": ["tea", "pot", "Christmas tree"]}, index=list("abc")
    )
    return ShopData.from_events(table, items=items)


def test_the_season_of_categories_is_that_of_a_known_table_and_nothing_where_they_sell_alike() -> None:
    flat = np.full((3, 12), 1 / 12)
    assert value(year_of_orders(flat, rng()), "category_season") < 0.05
    wave = flat.copy()
    wave[0, :6], wave[0, 6:] = 1 / 6, 0.0
    whole = wave.mean(axis=0)
    right = np.sqrt((((wave - whole) ** 2) / whole).sum(axis=1).mean())
    assert value(year_of_orders(wave, rng()), "category_season") == pytest.approx(right, rel=0.05)


def test_the_share_of_christmas_goods_is_by_name_and_month() -> None:
    shares = np.full((3, 12), 1 / 12)
    shares[2] = 0.0
    shares[2, 9] = 1.0
    data = year_of_orders(shares, rng())
    assert value(data, "christmas_line_share_march") == 0.0
    october = np.array([2000 / 12, 2000 / 12, 2000])
    assert value(data, "christmas_line_share_october") == pytest.approx(2000 / october.sum(), rel=0.05)


# --- parts in time -------------------------------------------------------------------------------------


def test_parts_in_time_are_as_if_the_shop_had_been_watched_only_then() -> None:
    data = orders(
        [MONDAY + DAY * i + 3600.0 for i in range(10)], users=["ann"] * 10, item_id=["tea", "pot"] * 5
    )
    first, last = split_in_time(data, 0.7)
    assert (first.days, last.days) == (7.0, 3.0)
    assert (len(first.orders), len(last.orders)) == (7, 3)
    assert value(last, "repeat_item_line_share") == pytest.approx(0.5)  # nothing is known of the first part
    assert value(replace(last, watched=(MONDAY + 3 * DAY, MONDAY + 10 * DAY)), "new_customers_per_day") == (
        pytest.approx(1 / 7)
    )


def test_a_session_belongs_to_the_part_in_which_it_begins() -> None:
    rows = [
        ("ann", "s0", MONDAY, "view", "tea"),
        ("ann", "s1", MONDAY + DAY - 60, "view", "tea"),
        ("ann", "s1", MONDAY + DAY + 60, "view", "pot"),
        ("ann", "s2", MONDAY + DAY + 7200, "view", "tea"),
    ]
    columns = ["user_id", "session_id", "time", "event", "item_id"]
    first, last = split_in_time(ShopData.from_events(pd.DataFrame(rows, columns=columns)), 0.5)
    assert list(first.sessions["clicks"]) == [1, 2]
    assert list(last.sessions["clicks"]) == [1]
    assert list(first.sessions["new_visitor"]) == [1, 0]
    assert list(last.sessions["new_visitor"]) == [1]


def test_a_record_of_one_day_cannot_be_split() -> None:
    with pytest.raises(InvalidInput, match="two days or more"):
        split_in_time(orders([MONDAY, MONDAY + 60]), 0.5)


# --- records -------------------------------------------------------------------------------------------


def lines_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order": ["1", "1", "2", "3"],
            "item": ["tea", "pot", "tea", "pot"],
            "customer": ["ann", "ann", "bob", None],
            "time": ["2024-05-13 10:00", "2024-05-13 10:00", "2024-05-14 11:00", "2024-05-30 12:00"],
            "quantity": [2, 1, 1, 1],
            "price": [5.0, 20.0, 5.0, 20.0],
            "category": ["drinks", "pots", "drinks", "pots"],
        }
    )


def test_order_lines_are_purchases_and_keep_guests_and_categories() -> None:
    data = record_data(read_order_lines(lines_table(), RecordOptions()), None)
    assert list(data.orders["value"]) == [30.0, 5.0, 20.0]
    assert data.orders["user_id"].isna().tolist() == [False, False, True]
    assert data.items is not None
    assert data.items.loc["tea", "category"] == "drinks"
    assert data.sessions.empty


def test_nothing_at_all_and_lines_without_times_are_refused() -> None:
    with pytest.raises(InvalidInput, match="order lines, events or both"):
        record_data(None, None)
    undated = read_order_lines(lines_table().drop(columns="time"), RecordOptions(), need=("order", "item"))
    with pytest.raises(InvalidInput, match="need times"):
        record_data(undated, None)


def test_small_records_give_no_facts_and_say_why() -> None:
    data = record_data(read_order_lines(lines_table(), RecordOptions()), None)
    table = own_values(data, rng=rng(), resamples=20).set_index("name")
    assert "only 3 independent units" in table.loc["basket_value_mean", "lacks"]
    assert table.loc["orders_per_day", "lacks"] == ""
    assert {fact.name for fact in own_facts(data, rng=rng(), resamples=20)} <= set(OWN_FACTS)
    assert table["value"].notna().eq(table["lacks"] == "").all()


def test_what_never_happens_is_no_fact() -> None:
    data = orders([MONDAY + DAY * i + 12 * 3600 for i in range(60)])
    table = own_values(data, rng=rng(), resamples=20).set_index("name")
    assert table.loc["order_share_00_06h", "lacks"] == "it never happens in the record"
    assert table.loc["order_share_12_18h", "value"] == 1.0


def test_a_season_is_reduced_to_what_the_record_holds() -> None:
    season = pd.DataFrame(
        [
            ("ann", "s1", MONDAY, "view", "tea"),
            ("ann", "s1", MONDAY, "click", "tea"),
            ("ann", "s1", MONDAY + 60, "view", "pot"),
            ("ann", "s1", MONDAY + 90, "cart", "pot"),
            ("bob", "s2", MONDAY + 120, "view", "tea"),
        ],
        columns=["user_id", "session_id", "time", "event", "item_id"],
    )
    clicks = visits([["a", "b"]] * 200)
    real = ShopData.from_events(clicks.required_events().assign(event="click"))
    simulated = ShopData.from_events(season, watched=(MONDAY, MONDAY + DAY))
    reduced = as_recorded(simulated, real)
    assert reduced.kinds == {"view"}
    assert reduced.watched == simulated.watched
    assert list(reduced.sessions["clicks"]) == [2]  # all visits of the record have two clicks or more
    only_orders = as_recorded(
        ShopData.from_events(
            pd.concat(
                [season, season.iloc[[3]].assign(event="purchase", order_id="o1", quantity=1, price=2.0)],
                ignore_index=True,
            )
        ),
        orders([MONDAY, MONDAY + DAY]),
    )
    assert only_orders.kinds == {"purchase"}
    assert only_orders.sessions.empty
    assert (only_orders.orders["time"] % DAY == 0).all()  # the record has days, not hours
