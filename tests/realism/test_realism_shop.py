"""A simulated season as an event table, which facts it is judged by, and its answers to changes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.core.config import with_settings
from shopgym.realism import Stylised, stylised_facts
from shopgym.realism.applicability import KINDS, RULES, applicable, applies, rule
from shopgym.realism.comparisons import baskets, clicks_of_two_or_more, split_at_pauses
from shopgym.realism.effect_sizes import PRICE_OFF, PUBLISHED, responses
from shopgym.realism.report import measured_facts, not_applicable, realism
from shopgym.realism.shop_data import DAY, ShopData
from shopgym.realism.shop_events import OPENING, Behaviour, Season, last_days, simulate_season
from shopgym.simulators import Catalog, ChoiceConfig, ShopConfig, SurfaceConfig
from shopgym.simulators.profiles.profiles import profile

CATALOG = Catalog.synthetic(300, seed=0)
CONFIG = replace(profile("fashion", visits=2500), max_pages=20)


@pytest.fixture(scope="module")
def season() -> Season:
    return simulate_season(
        CATALOG, CONFIG, days=364.0, seed=1, impressions=1.0, behaviour=Behaviour(again=0.0)
    )


# --- the event table -----------------------------------------------------------------------------------


def test_day_0_is_a_monday() -> None:
    assert pd.Timestamp(OPENING, unit="s").day_name() == "Monday"


def test_events_hang_together(season: Season) -> None:
    events = season.data.events
    assert events is not None
    by = {kind: events[events["event"] == kind] for kind in events["event"].unique()}
    views, carts, bought = by["view"], by["cart"], by["purchase"]
    # every cart was looked at in the same visit and before, if not sold as a substitute
    first = views.groupby(["session_id", "item_id"])["time"].min().rename("seen").reset_index()
    seen = carts.merge(first, on=["session_id", "item_id"], how="left")
    assert (seen["seen"] <= seen["time"]).mean() > 0.9
    assert seen["seen"].isna().mean() < 0.1
    assert set(bought["session_id"]) <= set(carts["session_id"])
    assert set(by["return"]["order_id"]) <= set(bought["order_id"])
    assert by["return"]["session_id"].isna().all()
    assert (bought.groupby("order_id")["time"].nunique() == 1).all()
    assert (bought["order_id"] == bought["session_id"]).all()
    last = events[events["event"].isin(("view", "cart"))].groupby("session_id")["time"].max()
    assert (bought["time"] >= bought["session_id"].map(last) - 1e-3).all()
    assert len(by["email_click"]) <= len(by["email_open"]) <= len(by["email_sent"])
    assert events["time"].between(OPENING, OPENING + 364 * DAY).all()


def test_every_click_is_an_impression_and_a_view(season: Season) -> None:
    data = season.data
    clicks = data.of("click")
    keys = ["session_id", "item_id", "position"]
    shown = set(map(tuple, data.of("impression")[keys].to_numpy().tolist()))
    assert set(map(tuple, clicks[keys].to_numpy().tolist())) <= shown
    views = data.of("view").groupby(["session_id", "item_id"]).size()
    clicked = clicks.groupby(["session_id", "item_id"]).size()
    assert (views.reindex(clicked.index).to_numpy() >= clicked.to_numpy()).all()
    # the rest are landings: one at most in a visit
    assert ((views.groupby("session_id").sum() - clicked.groupby("session_id").sum()).dropna() <= 1).all()


def test_a_click_that_is_a_view_counts_once(season: Season) -> None:
    sessions = season.data.sessions
    parts = ("view", "cart", "cart_remove", "purchase", "search")
    counted = season.data.of(*parts).groupby("session_id").size()
    assert (sessions.set_index("session_id")["events"] == counted.reindex(sessions["session_id"])).all()


def test_the_same_seed_gives_the_same_season() -> None:
    config = replace(CONFIG, arrivals=replace(CONFIG.arrivals, per_day=20.0, established=20))
    one, two, other = (simulate_season(CATALOG, config, days=10.0, seed=s) for s in (4, 4, 5))
    assert one.data.events is not None
    assert two.data.events is not None
    assert other.data.events is not None
    pd.testing.assert_frame_equal(one.data.events, two.data.events)
    assert len(one.data.events) != len(other.data.events)


def test_visits_come_when_the_calendar_says() -> None:
    hours = tuple(float(h == 9) for h in range(24))
    weekdays = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    arrivals = replace(CONFIG.arrivals, per_day=40.0, established=0, hours=hours, weekdays=weekdays)
    found = simulate_season(CATALOG, replace(CONFIG, arrivals=arrivals), days=14.0, seed=2)
    start = pd.to_datetime(found.data.sessions["start"], unit="s")
    assert (start.dt.day_name() == "Wednesday").all()
    # who lands on no item acts some minutes after coming
    assert start.dt.hour.isin((9, 10, 11)).all()


def test_what_is_opened_again_costs_time_and_changes_nothing_else(season: Season) -> None:
    again = 0.5
    others = simulate_season(
        CATALOG, CONFIG, days=364.0, seed=1, impressions=1.0, behaviour=Behaviour(again=again)
    )
    assert season.visits == others.visits
    for kind in ("click", "cart", "purchase"):
        a, b = (
            s.data.of(kind)[["session_id", "item_id"]].sort_values(["session_id", "item_id"])
            for s in (season, others)
        )
        assert np.array_equal(a.astype("string"), b.astype("string"))
    # every opening is followed by a geometric number of others: mean p / (1 - p), variance p / (1 - p)^2
    opened, more = (len(s.data.of("view")) for s in (season, others))
    error = (opened * again) ** 0.5 / (1 - again)
    assert abs(more - opened / (1 - again)) < 5 * error  # false alarm 6e-7
    spent = (s.data.sessions["duration"].sum() for s in (season, others))
    assert next(spent) < next(spent)


def test_impressions_can_be_left_out_and_dwell_cannot() -> None:
    arrivals = replace(CONFIG.arrivals, per_day=20.0, established=0)
    config = replace(CONFIG, arrivals=arrivals)
    found = simulate_season(CATALOG, config, days=7.0, seed=2, impressions=0.0)
    assert not {"impression", "click"} & found.data.kinds
    with pytest.raises(InvalidInput, match="dwell"):
        simulate_season(CATALOG, with_settings(config, {"dwell.enabled": False}), days=7.0, seed=2)


def test_last_days_is_a_shop_watched_from_then_on(season: Season) -> None:
    month = last_days(season.data, 30.0)
    assert month.days <= 30.0
    assert month.events is not None
    assert month.events["time"].min() >= OPENING + 333 * DAY


def test_the_plain_rule_prefers_what_is_popular_or_alike() -> None:
    from shopgym.simulators import Shop

    shop = Shop(CATALOG, CONFIG, lanes=200, seed=0)
    shop.start_visits()
    requests, rng = shop.requests(), np.random.default_rng(0)
    popular = Behaviour(popularity=9.0, relevance=0.0, noise=0.0).slates(requests, CATALOG, 1, rng)[:, 0]
    share = CATALOG.items.popularity
    best = np.where(requests.in_stock, share[requests.candidates], -1.0).max(axis=1)
    assert np.array_equal(share[popular], best)
    with pytest.raises(InvalidInput, match="again"):
        Behaviour(again=1.5)


# --- which facts -----------------------------------------------------------------------------------------


def test_every_shipped_fact_has_a_rule_and_a_reason_where_it_does_not_apply() -> None:
    for fact in stylised_facts():
        for kind in KINDS:
            assert applies(fact.name, kind) == "" or len(applies(fact.name, kind)) > 8
    for name in (published.fact for published in PUBLISHED.values()):
        assert rule(name) in RULES
    with pytest.raises(InvalidInput, match="RULES"):
        rule("nobody_knows")
    with pytest.raises(InvalidInput, match="gift"):
        applies("pub_cart_abandonment", "toys")


def test_each_fact_is_judged_once_or_named_with_its_reason() -> None:
    answered = {published.fact for published in PUBLISHED.values()}
    for kind in KINDS:
        judged = {fact.name for fact in applicable(kind)} - answered
        others = set(not_applicable(kind)["name"])
        assert not judged & others
        assert judged | others | answered >= {fact.name for fact in stylised_facts()}


def test_a_record_of_the_kind_goes_before_a_range_over_all_kinds() -> None:
    gift = {fact.name for fact in applicable("gift")}
    assert "retail_price_elasticity_pooled" in gift
    measures = [fact.measure for fact in applicable("gift") if fact.data is None]
    assert not set(measures) & {fact.measure for fact in applicable("gift") if fact.data is not None}


def test_facts_that_grow_are_measured_over_the_real_shops_days(season: Season) -> None:
    table = measured_facts("fashion", season, seed=0, resamples=20).set_index("name")
    row = table.loc["pub_retailrocket_purchase_events_per_visitor"]  # 138 days of the 364
    part = last_days(season.data, 138.0)
    users = part.of("view", "purchase")
    expected = (users["event"] == "purchase").groupby(users["user_id"]).sum().mean()
    assert row["value"] == pytest.approx(expected)
    assert row["why"] == ""


# --- real records ------------------------------------------------------------------------------------------


def table(rows: list[tuple[object, ...]]) -> ShopData:
    names = ["user_id", "session_id", "time", "event", "item_id", "quantity", "price", "order_id"]
    return ShopData.from_events(pd.DataFrame(rows, columns=names))


def test_records_are_brought_to_one_definition() -> None:
    data = table(
        [
            ("a", 1, 0.0, "view", "x", None, None, None),
            ("a", 1, 60.0, "search", None, None, None, None),
            ("a", 1, 5000.0, "view", "y", None, None, None),
            ("a", 1, 5060.0, "purchase", "y", 2, 3.0, 1),
            ("a", 3, 3 * DAY, "purchase", "y", 1, 3.0, 3),
            ("b", 2, 10.0, "view", "x", None, None, None),
        ]
    )
    clicks = clicks_of_two_or_more(data).sessions
    assert clicks[["events", "clicks"]].to_numpy().tolist() == [[2, 2.0]]
    split = split_at_pauses(data).sessions
    assert sorted(split["events"]) == [1, 1, 1, 2]  # a pause of 4,940 s parts the first visit
    found = baskets(data).sessions
    assert found["items"].tolist() == [1.0, 1.0]
    assert found["log_value"].tolist() == pytest.approx([np.log(6.0), np.log(3.0)])
    assert found["gap_days"].tolist()[1] == pytest.approx(3 - 5060 / DAY)


# --- answers ---------------------------------------------------------------------------------------------


def answers(config: ShopConfig, season: Season) -> dict[str, float]:
    found = responses("fashion", CATALOG, config, season, seed=0, resamples=20)
    return dict(zip(found["name"], found["value"], strict=True))


def test_answers_in_closed_form(season: Season) -> None:
    """Where all probabilities are tiny, logits are logs, and the answers are those of the formulas."""
    rare = ChoiceConfig(
        click_base=-15.0, cart_base=-15.0, buy_base=-15.0, price_sensitivity=0.0, position_decay=0.7
    )
    config = ShopConfig(users=500, slate_size=4, num_candidates=20, choice=rare)
    config = replace(config, campaigns=profile("fashion").campaigns, allow_losses=True)
    found = answers(config, season)
    assert found["price_cut_elasticity"] == 0.0
    assert found["mailer_uplift"] == pytest.approx(np.exp(config.campaigns[0].boost) - 1, rel=1e-3)
    assert found["third_over_first_slot"] == pytest.approx(3**-0.7, rel=1e-9)
    assert found["switch_when_out"] == 0.0

    sensitive = replace(config, choice=replace(rare, price_sensitivity=1e-3, substitution=0.4))
    found = answers(sensitive, season)
    # d log P(cart) + d log P(buy | cart) = -(1 + 1/2) sensitivity, whose mean over people is 1e-3
    assert found["price_cut_elasticity"] == pytest.approx(-1.5e-3, rel=0.1)
    half = answers(replace(sensitive, choice=replace(sensitive.choice, substitution=0.2)), season)
    assert found["switch_when_out"] == pytest.approx(2 * half["switch_when_out"])
    assert 0 < PRICE_OFF < 1


def test_emails_are_counted_as_sent(season: Season) -> None:
    found = responses("fashion", CATALOG, CONFIG, season, seed=0, resamples=20).set_index("name")
    events = season.data.events
    assert events is not None
    counts = events["event"].value_counts()
    assert found.loc["email_open_rate", "value"] == pytest.approx(counts["email_open"] / counts["email_sent"])
    # an e-mail is opened with probability 0.3: five standard errors, false alarm 6e-7
    error = (0.3 * 0.7 / counts["email_sent"]) ** 0.5
    assert abs(found.loc["email_open_rate", "value"] - 0.3) < 5 * error
    assert found.loc["switch_when_out", "why"] == "of supermarket shoppers"
    assert pd.isna(found.loc["switch_when_out", "inside"])


def test_reading_models_move_the_third_slot(season: Season) -> None:
    cascade = SurfaceConfig(click_model="cascade", continuation=0.5)
    config = with_settings(CONFIG, {"surfaces.home": cascade, "surfaces.product": cascade})
    config = with_settings(config, {"surfaces.search": cascade, "surfaces.cart": cascade})
    found = answers(config, season)["third_over_first_slot"]
    assert found < 0.25  # two steps at one half, and none after a click


# --- the report -------------------------------------------------------------------------------------------


def test_a_report_without_data_says_what_it_cannot_do() -> None:
    found = realism("fashion", sessions=1500, seed=1, catalog=CATALOG, resamples=20)
    assert found.compared == ()
    assert any("--data" in note for note in found.notes)
    summary = json.loads(json.dumps(found.summary()))
    assert 0 < summary["inside"] <= summary["judged"]
    judged = [*summary["facts"], *(row for row in summary["responses"] if not row["why"])]
    meets = [row["low"] <= row["real_high"] and row["high"] >= row["real_low"] for row in judged]
    near = [meet and row["inside"] is not True for meet, row in zip(meets, judged, strict=True)]
    assert summary["near"] == sum(near)
    assert summary["judged"] == len(found.facts) + (found.responses["why"] == "").sum()
    names = [row["name"] for row in summary["facts"]]
    assert len(names) == len(set(names))


def test_a_missing_record_is_named() -> None:
    from pathlib import Path

    found = realism("fashion", sessions=1500, seed=1, catalog=CATALOG, resamples=20, data=Path("nowhere"))
    assert any("UserBehavior.csv is not there" in note for note in found.notes)


def test_sources_are_printed_as_json() -> None:
    result = CliRunner().invoke(app, ["realism", "--profile", "gift", "--sources", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["numbers"]
    assert {"name", "value", "unit", "source"} == set(rows[0])
    assert "choice.cart_base" in {row["name"] for row in rows}


def test_stylised_is_what_the_table_holds() -> None:
    assert all(isinstance(fact, Stylised) for fact in applicable("grocery"))
