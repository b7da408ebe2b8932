"""A simulated season as an event table, the facts that apply to it, and its effect sizes."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.core.config import with_settings
from shopgym.experiments.config import SeasonSection
from shopgym.realism import StylisedFact, stylised_facts
from shopgym.realism.applicability import (
    HALVES,
    KINDS,
    RULES,
    applicable_facts,
    rule,
    why_not_applicable,
)
from shopgym.realism.comparisons import baskets, clicks_of_two_or_more, split_at_pauses
from shopgym.realism.effect_sizes import PRICE_OFF, PUBLISHED, measure_effect_sizes
from shopgym.realism.events import EVENTS
from shopgym.realism.order_facts import TRADES
from shopgym.realism.report import measured_facts, not_applicable, realism
from shopgym.realism.shop_data import DAY, ShopData
from shopgym.realism.shop_events import SEASON_START, Behaviour, Season, last_days, simulate_season
from shopgym.simulators import Catalog, ChoiceConfig, ShopConfig, SurfaceConfig
from shopgym.simulators.profiles.profiles import profile

pytestmark = pytest.mark.slow

CATALOG = Catalog.synthetic(300, seed=0)
CONFIG = replace(profile("fashion", visits=2500), max_pages=20)


@pytest.fixture(scope="module")
def season() -> Season:
    return simulate_season(
        CATALOG, CONFIG, days=364.0, seed=1, impressions=1.0, behaviour=Behaviour(again=0.0)
    )


# --- the event table -----------------------------------------------------------------------------------


def test_day_0_is_a_monday() -> None:
    assert pd.Timestamp(SEASON_START, unit="s").day_name() == "Monday"


def test_events_are_consistent(season: Season) -> None:
    events = season.data.events
    assert events is not None
    by = {kind: events[events["event"] == kind] for kind in events["event"].unique()}
    views, carts, bought = by["view"], by["cart"], by["purchase"]
    # the item of every cart was viewed before in the same visit, unless it is a substitute
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
    assert events["time"].between(SEASON_START, SEASON_START + 364 * DAY).all()


def test_every_click_is_an_impression_and_a_view(season: Season) -> None:
    data = season.data
    clicks = data.select("click")
    keys = ["session_id", "item_id", "position"]
    shown = set(map(tuple, data.select("impression")[keys].to_numpy().tolist()))
    assert set(map(tuple, clicks[keys].to_numpy().tolist())) <= shown
    views = data.select("view").groupby(["session_id", "item_id"]).size()
    clicked = clicks.groupby(["session_id", "item_id"]).size()
    assert (views.reindex(clicked.index).to_numpy() >= clicked.to_numpy()).all()
    # the other views are landings: at most one per visit
    assert ((views.groupby("session_id").sum() - clicked.groupby("session_id").sum()).dropna() <= 1).all()


def test_an_email_shows_as_many_items_as_it_has_slots(season: Season) -> None:
    """E-mails of the profile have one slot, all other pages as many as the slate."""
    assert CONFIG.surfaces.email.slots == 1
    shown = season.data.select("impression").groupby(["session_id", "time"])["position"].max()
    emails = season.data.select("email_sent").set_index(["session_id", "time"]).index
    assert len(emails) > 100
    assert (shown[emails] == 1).all()
    assert (shown.drop(emails) > 1).mean() > 0.99  # few pages have a single item in stock


def test_a_click_that_is_a_view_counts_once(season: Season) -> None:
    sessions = season.data.sessions
    parts = ("view", "cart", "cart_remove", "purchase", "search")
    counted = season.data.select(*parts).groupby("session_id").size()
    assert (sessions.set_index("session_id")["events"] == counted.reindex(sessions["session_id"])).all()


def test_the_same_seed_gives_the_same_season() -> None:
    config = replace(CONFIG, arrivals=replace(CONFIG.arrivals, per_day=20.0, established=20))
    one, two, other = (simulate_season(CATALOG, config, days=10.0, seed=s) for s in (4, 4, 5))
    assert one.data.events is not None
    assert two.data.events is not None
    pd.testing.assert_frame_equal(one.data.events, two.data.events)
    assert not set(one.data.sessions["start"]) & set(other.data.sessions["start"])


def test_kinds_of_event_that_are_not_recorded_change_nothing_else() -> None:
    whole, part = (
        simulate_season(CATALOG, CONFIG, days=30.0, seed=4, kinds=kinds) for kinds in (EVENTS, TRADES)
    )
    for column in ("time", "user_id", "item_id", "quantity", "price", "order_id"):
        expected = whole.data.select(*TRADES)[column].reset_index(drop=True)
        pd.testing.assert_series_equal(part.data.required_events()[column], expected)
    assert (part.visits, part.pages) == (whole.visits, whole.pages)
    with pytest.raises(InvalidInput, match="none of"):
        simulate_season(CATALOG, CONFIG, days=1.0, seed=4, kinds=("favourite",))


def test_visits_come_when_the_calendar_says() -> None:
    hours = tuple(float(h == 9) for h in range(24))
    weekdays = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    arrivals = replace(CONFIG.arrivals, per_day=40.0, established=0, hours=hours, weekdays=weekdays)
    found = simulate_season(CATALOG, replace(CONFIG, arrivals=arrivals), days=14.0, seed=2)
    start = pd.to_datetime(found.data.sessions["start"], unit="s")
    assert (start.dt.day_name() == "Wednesday").all()
    # shoppers who do not land on an item page act some minutes after their arrival
    assert start.dt.hour.isin((9, 10, 11)).all()


def test_pages_opened_again_take_time_and_change_nothing_else(season: Season) -> None:
    again = 0.5
    others = simulate_season(
        CATALOG, CONFIG, days=364.0, seed=1, impressions=1.0, behaviour=Behaviour(again=again)
    )
    assert season.visits == others.visits
    for kind in ("click", "cart", "purchase"):
        a, b = (
            s.data.select(kind)[["session_id", "item_id"]].sort_values(["session_id", "item_id"])
            for s in (season, others)
        )
        assert np.array_equal(a.astype("string"), b.astype("string"))
    # every opening is followed by a geometric number of others: mean p / (1 - p), variance p / (1 - p)^2
    opened, more = (len(s.data.select("view")) for s in (season, others))
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


def test_last_days_keeps_the_events_of_these_days(season: Season) -> None:
    month = last_days(season.data, 30.0)
    assert month.days <= 30.0
    assert month.events is not None
    assert month.events["time"].min() >= SEASON_START + 333 * DAY


def test_the_plain_rule_prefers_popular_items() -> None:
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


PREFIXES = {
    "gift": ("retail_", "yoochoose_"),
    "fashion": (
        *("eshop_", "obd_ctr_ratio_", "taobao_", "pub_retailrocket_", "pub_rees46_"),
        "pub_return_rate_apparel",
    ),
    "grocery": ("cj_", "pub_oos_switch_store", "pub_stockout_rate_online"),
}
"""Facts of records of the kind itself."""
OF_EVERY_KIND = {
    "pub_add_to_cart_session_rate",
    "pub_bounce_rate_sessions",
    "pub_cart_abandonment",
    "pub_email_click_rate",
    "pub_email_open_rate",
    "pub_email_order_rate_campaign",
    "pub_conv_returning_over_new",
    "pub_conv_search_over_none",
    "pub_price_elasticity_mean",
    "pub_returning_session_share",
    "pub_search_session_share",
    "pub_session_conversion_rate",
}
FACT_NAMES = {fact.name for fact in stylised_facts()} | {range_.fact for range_ in PUBLISHED.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_facts_of_a_kind_are_those_of_its_own_records_and_of_every_shop(kind: str) -> None:
    applicable = {name for name in FACT_NAMES if not why_not_applicable(name, kind)}
    own = {name for name in FACT_NAMES if name.startswith(PREFIXES[kind])} - {
        "taobao_sessions_per_user_9days"
    }
    assert applicable == own | OF_EVERY_KIND
    for name in FACT_NAMES - applicable:
        assert why_not_applicable(name, kind) == rule(name).why != ""


def test_the_longest_prefix_decides_and_no_rule_is_idle() -> None:
    used = set()
    for name in FACT_NAMES:
        used.add(rule(name))
        fitting = [other.prefix for other in RULES if name.startswith(other.prefix)]
        assert rule(name).prefix == max(fitting, key=len), name
    assert used == set(RULES)
    assert all((set(each.kinds) == set(KINDS)) == (each.why == "") for each in RULES)


def test_unknown_facts_and_kinds_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"fact = 'nobody_knows': no rule .* add one to RULES"):
        rule("nobody_knows")
    with pytest.raises(InvalidInput, match="profile = 'toys': choose one of gift, fashion, grocery"):
        why_not_applicable("pub_cart_abandonment", "toys")


def test_each_fact_is_either_judged_or_listed_with_its_reason() -> None:
    answered = {published.fact for published in PUBLISHED.values()}
    for kind in KINDS:
        judged = {fact.name for fact in applicable_facts(kind)} - answered
        others = set(not_applicable(kind)["name"])
        assert not judged & others
        assert judged | others | answered >= {fact.name for fact in stylised_facts()}


def test_a_record_of_the_kind_replaces_a_range_over_all_kinds() -> None:
    gift = {fact.name for fact in applicable_facts("gift")}
    assert "retail_price_elasticity_pooled" in gift
    for kind in KINDS:
        fitted = applicable_facts(kind, "fit")
        measures = [fact.measure for fact in fitted if fact.data is None]
        assert not set(measures) & {fact.measure for fact in fitted if fact.data is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_profile_is_judged_on_records_and_measures_that_nothing_is_fitted_to(kind: str) -> None:
    fitted, judged = (applicable_facts(kind, name) for name in HALVES)
    assert set(fitted) | set(judged) == set(applicable_facts(kind))
    assert not set(fitted) & set(judged)
    assert len(judged) >= 12
    assert not {fact.data for fact in fitted} & {fact.data for fact in judged}
    pairs = {(str(fact.data), fact.measure) for fact in fitted}
    assert not {(str(fact.data).removesuffix("_later"), fact.measure) for fact in judged} & pairs
    taken = ("order_share_", "visit_share_", "event_share_")
    assert not [fact.name for fact in judged if fact.measure.startswith(taken)]


def test_facts_that_grow_with_time_are_measured_over_the_days_of_the_real_shop(season: Season) -> None:
    table = measured_facts("fashion", season, seed=0, resamples=20).set_index("name")
    row = table.loc["pub_retailrocket_purchase_events_per_visitor"]  # 138 days of the 364
    part = last_days(season.data, 138.0)
    users = part.select("view", "purchase")
    expected = (users["event"] == "purchase").groupby(users["user_id"]).sum().mean()
    assert row["value"] == pytest.approx(expected)
    assert row["why"] == ""


# --- real records ------------------------------------------------------------------------------------------


def table(rows: list[tuple[object, ...]]) -> ShopData:
    names = ["user_id", "session_id", "time", "event", "item_id", "quantity", "price", "order_id"]
    return ShopData.from_events(pd.DataFrame(rows, columns=names))


def test_records_are_reduced_to_one_definition() -> None:
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
    assert sorted(split["events"]) == [1, 1, 1, 2]  # a pause of 4,940 s splits the first visit
    found = baskets(data).sessions
    assert found["items"].tolist() == [1.0, 1.0]
    assert found["log_value"].tolist() == pytest.approx([np.log(6.0), np.log(3.0)])
    assert found["gap_days"].tolist()[1] == pytest.approx(3 - 5060 / DAY)


# --- effect sizes ----------------------------------------------------------------------------------------


def effects(config: ShopConfig, season: Season) -> dict[str, float]:
    found = measure_effect_sizes("fashion", CATALOG, config, season, seed=0, resamples=20)
    return dict(zip(found["name"], found["value"], strict=True))


def test_effect_sizes_in_closed_form(season: Season) -> None:
    """If all probabilities are tiny, logits are logarithms, and the formulas are exact."""
    rare = ChoiceConfig(
        click_base=-15.0, cart_base=-15.0, buy_base=-15.0, price_sensitivity=0.0, position_decay=0.7
    )
    config = ShopConfig(users=500, slate_size=4, num_candidates=20, choice=rare)
    config = replace(config, campaigns=profile("fashion").campaigns, allow_losses=True)
    found = effects(config, season)
    assert found["price_cut_elasticity"] == 0.0
    assert found["mailer_uplift"] == pytest.approx(np.exp(config.campaigns[0].boost) - 1, rel=1e-3)
    assert found["third_over_first_slot"] == pytest.approx(3**-0.7, rel=1e-9)
    assert found["switch_when_out"] == 0.0

    sensitive = replace(config, choice=replace(rare, price_sensitivity=1e-3, substitution=0.4))
    found = effects(sensitive, season)
    # d log P(cart) + d log P(buy | cart) = -(1 + 1/2) sensitivity, whose mean over people is 1e-3
    assert found["price_cut_elasticity"] == pytest.approx(-1.5e-3, rel=0.1)
    half = effects(replace(sensitive, choice=replace(sensitive.choice, substitution=0.2)), season)
    assert found["switch_when_out"] == pytest.approx(2 * half["switch_when_out"])
    assert 0 < PRICE_OFF < 1


def test_rates_of_emails_are_per_email_sent(season: Season) -> None:
    found = measure_effect_sizes("fashion", CATALOG, CONFIG, season, seed=0, resamples=20).set_index("name")
    events = season.data.events
    assert events is not None
    counts = events["event"].value_counts()
    assert found.loc["email_open_rate", "value"] == pytest.approx(counts["email_open"] / counts["email_sent"])
    # an e-mail is opened with probability 0.3: five standard errors, false alarm 6e-7
    error = (0.3 * 0.7 / counts["email_sent"]) ** 0.5
    assert abs(found.loc["email_open_rate", "value"] - 0.3) < 5 * error
    assert found.loc["switch_when_out", "why"] == "of supermarket shoppers"
    assert pd.isna(found.loc["switch_when_out", "inside"])


def test_a_cascade_lowers_the_third_slot(season: Season) -> None:
    cascade = SurfaceConfig(click_model="cascade", continuation=0.5)
    config = with_settings(CONFIG, {"surfaces.home": cascade, "surfaces.product": cascade})
    config = with_settings(config, {"surfaces.search": cascade, "surfaces.cart": cascade})
    found = effects(config, season)["third_over_first_slot"]
    assert found < 0.25  # two steps at one half, and none after a click


# --- the report -------------------------------------------------------------------------------------------


def test_a_report_without_data_says_what_is_missing() -> None:
    report = realism("fashion", sessions=1500, seed=1, catalog=CATALOG, resamples=20)
    assert report.comparisons == ()
    assert any("--data" in note for note in report.notes)
    summary = json.loads(json.dumps(report.summary()))
    assert 0 < summary["inside"] <= summary["judged"]
    judged = [*summary["facts"], *(row for row in summary["responses"] if not row["why"])]
    meets = [row["low"] <= row["real_high"] and row["high"] >= row["real_low"] for row in judged]
    near = [meet and row["inside"] is not True for meet, row in zip(meets, judged, strict=True)]
    assert summary["within_error"] == sum(near)
    halves = summary["halves"]
    assert halves["fit"]["facts"] + halves["judge"]["facts"] == summary["judged"]
    assert halves["fit"]["inside"] + halves["judge"]["inside"] == summary["inside"]
    assert all(counts["inside"] <= counts["near"] <= counts["facts"] for counts in halves.values())
    assert summary["parameters"] == report.parameters > 20
    assert summary["judged"] == len(report.facts) + (report.effect_sizes["why"] == "").sum()
    names = [row["name"] for row in summary["facts"]]
    assert len(names) == len(set(names))


def test_a_missing_record_is_named() -> None:
    from pathlib import Path

    report = realism("fashion", sessions=1500, seed=1, catalog=CATALOG, resamples=20, data=Path("nowhere"))
    assert any("UserBehavior.csv is not there" in note for note in report.notes)


def test_sources_are_printed_as_json() -> None:
    result = CliRunner().invoke(app, ["realism", "--profile", "gift", "--sources", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["numbers"]
    assert {"name", "value", "unit", "source"} == set(rows[0])
    assert "choice.cart_base" in {row["name"] for row in rows}


def test_applicable_facts_are_stylised_facts() -> None:
    assert all(isinstance(fact, StylisedFact) for fact in applicable_facts("grocery"))


def test_a_config_may_say_everything_of_what_was_shown() -> None:
    """``shopgym calibrate`` writes the behaviour of a profile, whatever fields it has."""
    written = {field.name: 0.5 for field in fields(Behaviour)}
    assert SeasonSection(behaviour=written).behaviour == written
