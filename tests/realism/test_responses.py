"""Responses measured from data: known answers are recovered, planted confounding is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED
from builders.rda import read_data_frame
from builders.trials import hillstrom, price_trial
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from shopgym.core import InvalidInput
from shopgym.realism.responses.email_trial import measure_email, read_email_trial
from shopgym.realism.responses.poisson import Counts, bootstrap_poisson, fit_poisson, interval
from shopgym.realism.responses.price import measure_price
from shopgym.realism.responses.price_test import measure_price_test, read_price_test
from shopgym.realism.responses.promotions import measure_promotions, read_promotions
from shopgym.realism.responses.response import MeasuredResponses, Response
from shopgym.realism.responses.spells import item_weeks
from shopgym.realism.responses.stockouts import likely_stockouts, measure_stockouts

DAY = 86_400.0
WEEK = 7 * DAY
MONDAY = 17_532 * DAY
WEEKS, ITEMS = 60, 40


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def only(responses: MeasuredResponses, name: str) -> Response:
    (response,) = [r for r in responses.measured if r.name == name]
    return response


def why(responses: MeasuredResponses, name: str) -> str:
    assert name not in [r.name for r in responses.measured]
    (response,) = [r for r in responses.unmeasured if r.name == name]
    return response.why


def lines_of(log_price: np.ndarray, log_rate: np.ndarray, seed: int) -> pd.DataFrame:
    """Order lines of one unit: Poisson numbers of them, by week and item."""
    random = np.random.default_rng([seed, 1])
    counts = random.poisson(np.exp(log_rate))
    week, item = np.nonzero(counts)
    repeats = counts[week, item]
    week, item = week.repeat(repeats), item.repeat(repeats)
    usual = random.normal(2.0, 0.4, log_price.shape[1])
    return pd.DataFrame(
        {
            "item": [f"i{i}" for i in item],
            "time": MONDAY + (week * 7 + random.uniform(0, 7, len(week))) * DAY,
            "quantity": 1.0,
            "price": np.exp(usual[item] + log_price[week, item]),
        }
    )


def base_rates(random: np.random.Generator, rate: float = 4.0) -> np.ndarray:
    return random.normal(np.log(rate), 0.6, ITEMS) + random.normal(0, 0.2, WEEKS)[:, None]


def own_prices(random: np.random.Generator) -> np.ndarray:
    """Each item is cheaper for two weeks at four moments of its own."""
    prices = np.zeros((WEEKS, ITEMS))
    for item in range(ITEMS):
        for start in random.integers(0, WEEKS - 1, 4):
            prices[start : start + 2, item] = np.log(1 - random.choice([0.1, 0.2, 0.3]))
    return prices


def priced_lines(seed: int, elasticity: float = -2.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    prices = own_prices(random)
    return lines_of(prices, base_rates(random) + elasticity * prices, seed)


# --- Poisson regression --------------------------------------------------------------------------------


def test_two_effects_and_a_slope_solve_the_score_equations() -> None:
    random = np.random.default_rng(3)
    unit, week = np.divmod(np.arange(300), 20)
    x = random.normal(size=(300, 2))
    y = random.poisson(np.exp(0.5 * x[:, 0] - x[:, 1] + 0.1 * unit)).astype(float)
    counts = Counts(y, x, unit, week, np.ones(300))
    fit = fit_poisson(counts)
    miss = y - fit.mean
    for group in (unit, week):
        assert np.bincount(group, miss) == pytest.approx(0.0, abs=1e-5)
    assert x.T @ miss == pytest.approx(0.0, abs=1e-4)
    assert fit.slope == pytest.approx([0.5, -1.0], abs=0.15)


def test_two_groups_give_the_log_ratio_of_their_rates() -> None:
    y, exposure = np.array([30.0, 50.0]), np.array([100.0, 80.0])
    counts = Counts(y, np.array([[0.0], [1.0]]), np.zeros(2, int), np.zeros(2, int), exposure)
    assert fit_poisson(counts).slope == pytest.approx(np.log(50 / 80) - np.log(30 / 100))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 10.0), st.integers(0, 50))
def test_the_slope_does_not_depend_on_the_unit_of_exposure(scale: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    unit, week = np.divmod(np.arange(60), 6)
    x = random.normal(size=(60, 1))
    y = random.poisson(3.0, 60) + 1.0
    one, other = (
        fit_poisson(Counts(y, x, unit, week, np.full(60, exposure))).slope for exposure in (1.0, scale)
    )
    assert one == pytest.approx(other, abs=1e-5)


def test_units_and_weeks_that_sold_nothing_are_left_out() -> None:
    y = np.array([0.0, 0.0, 1.0, 2.0, 0.0, 3.0])
    counts = Counts(
        y, np.zeros((6, 1)), np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1]), np.ones(6)
    )
    assert counts.sells(np.ones(6, bool)).tolist() == [False, False, True, True, True, True]


# --- price from order lines ------------------------------------------------------------------------------


def test_the_elasticity_is_recovered_from_prices_that_items_moved_on_their_own() -> None:
    response = only(measure_price(priced_lines(0), rng()), "price_elasticity")
    assert response.low < -2.0 < response.high
    assert response.value == pytest.approx(-2.0, abs=0.25)
    assert response.change == pytest.approx(np.log(0.8), abs=0.05)
    assert "observational" in response.how


@pytest.mark.slow
def test_intervals_of_the_elasticity_cover_and_sound_records_are_seldom_refused() -> None:
    """40 records: 95% intervals miss at most 5 with probability .986; the false-alarm rate is below 5%."""
    responses = [measure_price(priced_lines(seed), rng(), resamples=100) for seed in range(100, 140)]
    assert sum(bool(r.unmeasured) for r in responses) <= 2
    missed = [not r.low < -2.0 < r.high for response in responses for r in response.measured]
    assert sum(missed) <= 5


def test_prices_that_never_moved_say_nothing() -> None:
    random = np.random.default_rng(0)
    lines = lines_of(np.zeros((WEEKS, ITEMS)), base_rates(random), 0)
    assert "prices moved for 0 of 40 items" in why(measure_price(lines, rng()), "price_elasticity")


def test_a_price_cut_in_the_weeks_before_christmas_is_refused() -> None:
    """Demand is .8 log units up in the weeks of the cut: it would pass for a response of -5.6."""
    random = np.random.default_rng(1)
    prices, rates = np.zeros((WEEKS, ITEMS)), base_rates(random)
    gifts = random.random(ITEMS) < 0.5
    prices[50:52, gifts] = np.log(0.8)
    rates[50:52, gifts] += 0.8 - 2.0 * np.log(0.8)
    refusal = why(measure_price(lines_of(prices, rates, 1), rng()), "price_elasticity")
    assert "changes of prices came in the weeks from" in refusal
    assert "2018-12-1" in refusal


def test_prices_that_all_items_moved_together_are_refused() -> None:
    random = np.random.default_rng(2)
    prices = np.repeat(random.normal(0, 0.1, WEEKS)[:, None], ITEMS, axis=1)
    refusal = why(
        measure_price(lines_of(prices, base_rates(random) - 5 * prices, 2), rng()), "price_elasticity"
    )
    assert "shared by all items" in refusal


def clearance(seed: int) -> pd.DataFrame:
    """Demand for each item falls for good at some time; four weeks later its price is cut by 30%."""
    random = np.random.default_rng(seed)
    prices, rates = np.zeros((WEEKS, ITEMS)), base_rates(random)
    for item in range(ITEMS):
        start = random.integers(10, WEEKS - 20)
        prices[start:, item] = np.log(0.7)
        rates[start - 4 :, item] -= np.linspace(0.3, 1.2, WEEKS - start + 4)
    return lines_of(prices, rates - 2.0 * prices, seed)


def test_markdowns_that_follow_demand_are_refused() -> None:
    """Power of the test, not its level: of 10 such records 8 or more are refused."""
    refused = [measure_price(clearance(seed), rng(), resamples=100).unmeasured for seed in range(10)]
    assert sum("set after demand" in r[0].why for r in refused if r) >= 8


def test_prices_that_differ_between_customers_are_refused() -> None:
    random = np.random.default_rng(4)
    lines = priced_lines(4)
    lines["price"] *= random.choice([1.0, 0.7], len(lines))
    assert "customers pay different prices" in why(measure_price(lines, rng()), "price_elasticity")


def test_too_few_sales_are_refused() -> None:
    lines = priced_lines(5).iloc[::400]
    assert "no item sold in enough weeks" in why(measure_price(lines, rng()), "price_elasticity")


# --- promotions ---------------------------------------------------------------------------------------------


def marked_record(seed: int, *, cut: str, together: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items are marked in weeks of their own, which adds .6 to log units; elasticity -2."""
    random = np.random.default_rng(seed)
    marks, prices = np.zeros((WEEKS, ITEMS)), np.zeros((WEEKS, ITEMS))
    for item in range(ITEMS):
        for week in random.integers(0, WEEKS, 4):
            marks[week, item] = 1.0
            prices[week, item] = (
                np.log(0.8) if cut == "always" else np.log(1 - random.choice([0.0, 0.1, 0.3]))
            )
        if cut == "apart":
            prices[random.integers(0, WEEKS, 4), item] = np.log(0.85)
    if together:
        marks[:], prices[:] = 0.0, 0.0
        marks[50:52, ::2], prices[50:52, ::2] = 1.0, np.log(0.8)
    lines = lines_of(prices, base_rates(random, 6.0) - 2.0 * prices + 0.6 * marks, seed)
    week, item = np.nonzero(marks)
    start = MONDAY + week * WEEK
    return lines, pd.DataFrame({"item": [f"i{i}" for i in item], "start": start, "end": start + WEEK})


def test_the_lift_at_equal_price_and_the_price_response_are_told_apart() -> None:
    responses = measure_promotions(*marked_record(0, cut="apart"), rng())
    lift, total = only(responses, "promotion_lift"), only(responses, "promotion_total")
    assert lift.low < np.expm1(0.6) < lift.high
    assert total.value > lift.high
    price = only(responses, "price_elasticity")
    assert price.low < -2.0 < price.high
    assert "marks" in price.how


def test_prices_that_moved_with_the_marks_alone_give_only_the_total() -> None:
    responses = measure_promotions(*marked_record(1, cut="always"), rng())
    assert "prices moved with the marks alone" in why(responses, "promotion_lift")
    total = only(responses, "promotion_total")
    assert total.low < np.expm1(0.6 - 2.0 * np.log(0.8)) < total.high


def test_marks_in_the_same_weeks_are_refused() -> None:
    responses = measure_promotions(*marked_record(2, cut="always", together=True), rng())
    assert "changes of marks came in the weeks from" in why(responses, "promotion_total")


def test_marks_of_items_that_are_not_sold_are_bad_input(tmp_path: Path) -> None:
    lines, marks = marked_record(3, cut="apart")
    with pytest.raises(InvalidInput, match="use the ids"):
        measure_promotions(lines, marks.assign(item="x" + marks["item"]), rng())
    path = tmp_path / "marks.csv"
    path.write_text("sku,from,to\ni1,2018-03-05,2018-03-11\ni2,2018-03-12,2018-03-01\n")
    with pytest.raises(InvalidInput, match="must end after it starts"):
        read_promotions(path)
    path.write_text("sku,von\ni1,2018-03-05\n")
    with pytest.raises(InvalidInput, match="no column from"):
        read_promotions(path)
    path.write_text("sku,from\ni1,soon\n")
    with pytest.raises(InvalidInput, match="date"):
        read_promotions(path)


def test_spells_are_whole_days_and_are_shared_out_to_weeks(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("item,from,to\n007,2018-03-05,2018-03-14\n")
    spells = read_promotions(path)
    assert spells["item"].tolist() == ["007"]
    assert (spells["end"] - spells["start"]).tolist() == [10 * DAY]
    _, week, share = item_weeks(spells)
    assert np.diff(week).tolist() == [1]
    assert share == pytest.approx([1.0, 3 / 7])


# --- stockouts ------------------------------------------------------------------------------------------


def stockout_record(
    seed: int, substituted: float
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Items i and i + 1 (i even) are alike: while one is out, the other takes a share of its sales."""
    random = np.random.default_rng(seed)
    rates = np.exp(base_rates(random, 8.0))
    out = np.zeros((WEEKS, ITEMS), bool)
    for item in range(0, ITEMS, 2):
        for start in random.integers(0, WEEKS - 2, 2):
            out[start : start + 2, item] = True
    gains = np.zeros_like(rates)
    gains[:, 1::2] = substituted * (rates * out)[:, ::2]
    with np.errstate(divide="ignore"):
        lines = lines_of(np.zeros((WEEKS, ITEMS)), np.log(rates * ~out + gains), seed)
    week, item = np.nonzero(out)
    start = MONDAY + week * WEEK
    spells = pd.DataFrame({"item": [f"i{i}" for i in item], "start": start, "end": start + WEEK})
    return lines, spells, {f"i{i}": (f"i{i + 1}",) for i in range(0, ITEMS, 2)}


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_share_that_similar_items_gain_is_recovered(share: float) -> None:
    lines, spells, similar = stockout_record(0, share)
    response = only(measure_stockouts(lines, spells, similar, rng()), "substitution")
    assert response.low < share < response.high
    assert response.high - response.low < 0.4


def test_guessed_stockouts_say_that_they_are_guessed() -> None:
    lines, spells, similar = stockout_record(1, 0.4)
    likely = likely_stockouts(lines)
    out = {
        (item, int(week))
        for item, week in zip(spells["item"], (spells["start"] - MONDAY) // WEEK, strict=True)
    }
    middle = (likely["start"] + likely["end"]) / 2
    weeks = zip(likely["item"], (middle - MONDAY) // WEEK, strict=True)
    assert all((item, int(week)) in out for item, week in weeks)
    often = lines["item"].value_counts()
    assert set(often.index[often > 12 * WEEKS]) & set(spells["item"]) <= set(likely["item"])
    response = only(measure_stockouts(lines, likely, similar, rng(), guessed=True), "substitution")
    assert "guessed" in response.how
    assert response.low < 0.4 < response.high


def test_no_stockouts_say_nothing() -> None:
    lines, spells, similar = stockout_record(2, 0.4)
    assert "0 items" in why(measure_stockouts(lines, spells.iloc[:0], similar, rng()), "substitution")


# --- e-mail trial ---------------------------------------------------------------------------------------


def trial_of(table: pd.DataFrame, folder: Path) -> MeasuredResponses:
    path = folder / "trial.csv"
    table.to_csv(path, index=False)
    return measure_email(read_email_trial(path))


def test_an_e_mail_trial_gives_its_uplifts_and_names_its_comparisons(tmp_path: Path) -> None:
    responses = trial_of(hillstrom(24_000), tmp_path)
    visits = only(responses, "email_visits")
    assert visits.low < 0.045 < visits.high
    men, women = (only(responses, f"email_visits: {arm} E-Mail") for arm in ("Mens", "Womens"))
    assert men.low < 0.06 < men.high
    assert women.low < 0.03 < women.high
    assert "6 comparisons" in men.how
    assert men.high - men.low > 1.3 * (visits.high - visits.low)
    assert {r.name for r in responses.measured} >= {"email_visits", "email_orders", "email_spend"}


@pytest.mark.slow
def test_an_e_mail_without_effect_is_seldom_called_one(tmp_path: Path) -> None:
    """200 trials: the six comparisons together are wrong in 5%, so in 18 or fewer with probability .995."""
    wrong = 0
    for seed in range(200):
        responses = trial_of(hillstrom(3_000, uplift=(0.0, 0.0), seed=seed), tmp_path)
        wrong += any(not r.low <= 0 <= r.high for r in responses.measured if ":" in r.name)
    assert wrong <= 18


def test_e_mails_to_the_best_customers_are_no_trial(tmp_path: Path) -> None:
    refusal = why(trial_of(hillstrom(chosen=True), tmp_path), "email_visits")
    assert "differed in history" in refusal
    assert "not drawn at random" in refusal


def test_a_lost_part_of_an_arm_is_seen_and_planned_shares_are_not(tmp_path: Path) -> None:
    table = hillstrom()
    lost = table[(table["segment"] != "Mens E-Mail") | (np.arange(len(table)) % 5 > 0)]
    assert "units are missing" in why(trial_of(lost, tmp_path), "email_orders")
    planned = lost.assign(allocation=np.where(lost["segment"] == "Mens E-Mail", 0.8, 1.0))
    assert trial_of(planned, tmp_path).unmeasured == ()


def test_a_trial_needs_its_columns_and_a_control(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no column conversion"):
        trial_of(hillstrom(500).drop(columns="conversion"), tmp_path)
    with pytest.raises(InvalidInput, match="name the arm without an e-mail"):
        trial_of(hillstrom(500).replace({"segment": {"No E-Mail": "Rest"}}), tmp_path)
    with pytest.raises(InvalidInput, match="0 or more"):
        trial_of(hillstrom(500).assign(spend=-1.0), tmp_path)


# --- price test -----------------------------------------------------------------------------------------


def price_test_of(table: pd.DataFrame, folder: Path) -> MeasuredResponses:
    path = folder / "test.csv"
    table.to_csv(path, index=False)
    return measure_price_test(read_price_test(path), rng())


@pytest.mark.parametrize(("by", "size"), [("user", 6_000), ("item", 400), ("rows", 100)])
def test_a_price_test_gives_its_elasticity(by: str, size: int, tmp_path: Path) -> None:
    response = only(price_test_of(price_trial(-2.0, by=by, size=size), tmp_path), "price_elasticity")
    assert response.low < -2.0 < response.high
    assert response.change == pytest.approx(np.log(0.9))
    assert ("sample ratio checked" in response.how) == (by != "rows")


def test_two_totals_have_the_exact_interval_of_poisson_counts(tmp_path: Path) -> None:
    """Given their sum, one of two Poisson counts is binomial: Clopper & Pearson (1934), as scipy has it."""
    table = pd.DataFrame(
        {"arm": ["a", "b"], "price": [10.0, 8.0], "units": [30, 50], "exposures": [100, 100]}
    )
    response = only(price_test_of(table, tmp_path), "price_elasticity")
    step = np.log(0.8)
    assert response.value == pytest.approx(np.log(5 / 3) / step)
    share = binomtest(50, 80).proportion_ci(0.95, method="exact")
    ends = sorted(np.log(x / (1 - x)) / step for x in share)
    assert [response.low, response.high] == pytest.approx(ends)


def test_carts_have_an_elasticity_of_their_own(tmp_path: Path) -> None:
    table = price_trial(-2.0)
    responses = price_test_of(table.assign(carts=3 * table["units"]), tmp_path)
    one, other = (only(responses, f"{kind}price_elasticity").value for kind in ("", "cart_"))
    assert one == pytest.approx(other)


def test_missing_users_and_equal_prices_are_refused(tmp_path: Path) -> None:
    assert "units are missing" in why(price_test_of(price_trial(lost=0.2), tmp_path), "price_elasticity")
    same = price_trial().assign(price=20.0)
    assert "differ by less than" in why(price_test_of(same, tmp_path), "price_elasticity")
    with pytest.raises(InvalidInput, match="list_price"):
        price_test_of(price_trial(by="item", size=50).drop(columns="list_price"), tmp_path)


# --- records of real shops -----------------------------------------------------------------------------

JUICE = SHARED / "data" / "orange_juice" / "orangeJuice.rda"
RETAIL = SHARED / "data" / "online_retail_uci" / "online_retail.parquet"


@pytest.mark.skipif(not JUICE.exists(), reason="orange_juice is absent")
def test_orange_juice_has_the_elasticity_and_the_lifts_of_its_stores() -> None:
    """83 stores set prices by themselves; weekly units of 11 brands (Montgomery 1997)."""
    table = read_data_frame(JUICE, "yx")
    brand = table["brand"].astype(int)
    price = table[[f"price{i}" for i in range(1, 12)]].to_numpy()[np.arange(len(table)), brand - 1]
    unit = pd.factorize(table["store"].astype(int) * 100 + brand)[0]
    week = pd.factorize(table["week"])[0]
    x = np.column_stack([np.log(price), table["deal"] > 0, table["feat"]]).astype(float)
    counts = Counts(np.exp(table["logmove"].to_numpy()), x, unit, week, np.ones(len(table)))
    fit = fit_poisson(counts)
    slopes = bootstrap_poisson(counts, fit, pd.factorize(table["store"])[0], rng(), 20)
    low, high = interval(slopes[:, 0])
    assert -5.0 < low < fit.slope[0] < high < -2.0
    low, high = np.expm1(interval(slopes[:, 2]))
    assert 1.0 < low < high < 2.0  # a feature advertisement more than doubles units at equal price


@pytest.mark.skipif(not RETAIL.exists(), reason="online_retail_uci is absent")
def test_a_wholesaler_whose_customers_pay_different_prices_has_no_price_response() -> None:
    from shopgym.realism.sources import online_retail

    lines = online_retail(RETAIL).data.select("purchase").rename(columns={"item_id": "item"})
    assert "customers pay different prices" in why(measure_price(lines, rng()), "price_elasticity")


def test_text_in_a_price_test_is_shown_as_it_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text("arm,price,units,item\na,ten,3,x\nb,2,4,y\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="'ten': give a number above 0"):
        read_price_test(path)
