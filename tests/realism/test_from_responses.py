"""A shop with a known parameter: its record or trial is measured, and the parameter is recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders.shop_records import BUSY, DAY, MONDAY, weekly_lines

from shopgym.core import InvalidInput
from shopgym.core.config import with_settings
from shopgym.realism.calibration.from_recall import fit_recall, simulated_recall
from shopgym.realism.calibration.from_responses import from_responses, response_table, with_fitted
from shopgym.realism.calibration.shop_effects import ShopEffects
from shopgym.realism.responses.price import measure_price
from shopgym.realism.responses.promotions import measure_promotions
from shopgym.realism.responses.response import RESPONSES, Response
from shopgym.realism.responses.stockouts import measure_stockouts, similar_items
from shopgym.simulators import Campaign, Catalog, ShopConfig

WEEKS, ITEMS = 52, 60
START = ShopConfig(
    users=2000,
    choice=replace(BUSY, price_sensitivity=1.0),
    campaigns=(Campaign(boost=0.2),),
    allow_losses=True,
)
WITH_MAIL = ShopConfig(users=2000, choice=BUSY, surfaces=replace(ShopConfig().surfaces, enabled=True))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.synthetic(ITEMS, seed=1)


def exact(name: str, value: float, half: float = 0.05) -> Response:
    return Response(name, value, value - half, value + half, "", "exact", 1000)


def own_weeks(count: int, length: int, seed: int = 5) -> np.ndarray:
    """(weeks, N) bool: every item at some moments of its own."""
    rng, marks = np.random.default_rng(seed), np.zeros((WEEKS, ITEMS), bool)
    for item in range(ITEMS):
        for start in rng.integers(0, WEEKS - length + 1, count):
            marks[start : start + length, item] = True
    return marks


def spells(catalog: Catalog, marks: np.ndarray) -> pd.DataFrame:
    week, item = np.nonzero(marks)
    start = MONDAY + week * 7 * DAY
    return pd.DataFrame(
        {"item": catalog.items.item_id[item].astype(str), "start": start, "end": start + 7 * DAY}
    )


# --- from a simulated record back to the parameter ---------------------------------------------------------


def test_the_price_sensitivity_of_a_shop_is_recovered_from_its_order_lines(catalog: Catalog) -> None:
    true = with_settings(START, {"choice.price_sensitivity": 2.5})
    rng = np.random.default_rng(0)
    prices = own_weeks(4, 2) * np.log(1 - rng.choice([0.1, 0.2, 0.3], (1, ITEMS)))
    lines = weekly_lines(catalog, true, prices, seed=1)
    measured = measure_price(lines, rng).measured
    fitted, unidentified = from_responses(measured, catalog, START, seed=0)
    assert not unidentified
    (sensitivity,) = fitted
    assert sensitivity.name == "choice.price_sensitivity"
    assert sensitivity.value == pytest.approx(2.5, rel=0.15)
    assert sensitivity.high - sensitivity.low < 1.0


def test_the_boost_of_a_campaign_is_recovered_from_marked_weeks(catalog: Catalog) -> None:
    true = with_settings(START, {"choice.price_sensitivity": 2.0})
    marks, cuts = own_weeks(3, 1), own_weeks(4, 2, seed=6)
    prices = cuts * np.log(0.8)
    lines = weekly_lines(catalog, true, prices, appeal=0.9 * marks, seed=2)
    measured = measure_promotions(lines, spells(catalog, marks), np.random.default_rng(0)).measured
    fitted, unidentified = from_responses(measured, catalog, START, seed=0)
    values = {parameter.name: parameter for parameter in fitted}
    assert values["campaigns.boost"].low < 0.9 < values["campaigns.boost"].high
    assert values["choice.price_sensitivity"].value == pytest.approx(2.0, rel=0.15)
    assert [parameter.name for parameter in unidentified] == ["promotion_total"]
    config = with_fitted(START, fitted)
    assert [campaign.boost for campaign in config.campaigns] == [values["campaigns.boost"].value]


def test_the_substitution_of_a_shop_is_recovered_from_stockouts(catalog: Catalog) -> None:
    true = with_settings(START, {"choice.substitution": 0.5})
    out = own_weeks(2, 2)
    lines = weekly_lines(catalog, true, np.zeros((WEEKS, ITEMS)), out=out, seed=3, pages=8)
    rng = np.random.default_rng(0)
    measured = measure_stockouts(lines, spells(catalog, out), similar_items(catalog), rng).measured
    (fitted,), _ = from_responses(measured, catalog, START, seed=0)
    assert fitted.name == "choice.substitution"
    assert fitted.low < 0.5 < fitted.high
    assert fitted.high - fitted.low < 0.4


# --- from the shop's own response back to the parameter --------------------------------------------------


@pytest.mark.parametrize(
    ("response", "parameter", "value"),
    [
        ("price_elasticity", "choice.price_sensitivity", 3.0),
        ("cart_price_elasticity", "choice.price_sensitivity", 1.7),
        ("promotion_lift", "campaigns.boost", 0.7),
        ("substitution", "choice.substitution", 0.3),
    ],
)
def test_every_exact_response_leads_back_to_its_parameter(
    response: str, parameter: str, value: float, catalog: Catalog
) -> None:
    true = START
    if parameter == "campaigns.boost":
        true = replace(START, campaigns=(Campaign(boost=value),))
    else:
        true = with_settings(START, {parameter: value})
    effect = ShopEffects(catalog, 0).measure(response, true)
    (fitted,), _ = from_responses([exact(response, effect, 0.01)], catalog, START, seed=0)
    assert fitted.name == parameter
    assert fitted.value == pytest.approx(value, abs=0.02)
    assert fitted.low <= fitted.value <= fitted.high


def test_carts_and_units_together_tell_the_two_price_responses_apart(catalog: Catalog) -> None:
    true = with_settings(START, {"choice.price_sensitivity": 1.5, "choice.buy_price": 1.2})
    effects = ShopEffects(catalog, 0)
    responses = [
        exact(name, effects.measure(name, true)) for name in ("price_elasticity", "cart_price_elasticity")
    ]
    fitted, _ = from_responses(responses, catalog, START, seed=0)
    values = {parameter.name: parameter.value for parameter in fitted}
    assert values["choice.price_sensitivity"] == pytest.approx(1.5, abs=0.02)
    assert values["choice.buy_price"] == pytest.approx(1.2, abs=0.03)


def test_the_e_mail_parameters_lead_back_to_visits_and_orders(catalog: Catalog) -> None:
    true = with_settings(WITH_MAIL, {"surfaces.opened": 0.42, "surfaces.email.lift": 1.5})
    effects = ShopEffects(catalog, 0)
    visits, orders = (
        exact(name, effects.measure(name, true), 0.002) for name in ("email_visits", "email_orders")
    )
    fitted, _ = from_responses([visits, orders], catalog, WITH_MAIL, seed=1)
    values = {parameter.name: parameter for parameter in fitted}
    assert values["surfaces.opened"].value == pytest.approx(0.42, abs=0.03)
    assert values["surfaces.email.lift"].low < 1.5 < values["surfaces.email.lift"].high


def test_what_no_value_reaches_is_not_identified(catalog: Catalog) -> None:
    fitted, (unidentified,) = from_responses([exact("price_elasticity", -40.0)], catalog, START, seed=0)
    assert not fitted
    assert "a boundary, not a fit" in unidentified.why
    upward = [exact("price_elasticity", 0.3)]
    assert "a boundary" in from_responses(upward, catalog, START, seed=0)[1][0].why


def test_a_shop_without_campaigns_is_asked_for_one_and_stays_without(catalog: Catalog) -> None:
    without = replace(START, campaigns=())
    (boost,), _ = from_responses([exact("promotion_lift", 0.5)], catalog, without, seed=0)
    assert boost.name == "campaigns.boost"
    assert with_fitted(without, [boost]) == without


def test_what_does_not_occur_or_does_not_move_is_not_identified(catalog: Catalog) -> None:
    without_mail = from_responses([exact("email_visits", 0.1)], catalog, START, seed=0)[1][0]
    assert "does not occur" in without_mail.why
    with pytest.raises(InvalidInput, match="does not measure"):
        ShopEffects(catalog, 0).measure("weather", START)


def test_the_table_shows_mine_and_the_shop_before_and_after(catalog: Catalog) -> None:
    after = with_settings(START, {"choice.price_sensitivity": 3.0})
    effects = ShopEffects(catalog, 0)
    mine = exact("price_elasticity", effects.measure("price_elasticity", after))
    table = response_table([mine, replace(mine, name="price_elasticity: b")], catalog, START, after, seed=0)
    assert table["inside"].tolist() == [True, True]
    assert table["shop_after"].tolist() == pytest.approx([mine.value] * 2)
    assert (table["shop_before"] > table["shop_after"] + 0.5).all()
    assert {response.partition(":")[0] for response in table["name"]} <= set(RESPONSES)


# --- limiting cases of the shop's responses ----------------------------------------------------------------


def test_without_sensitivity_price_moves_nothing_and_without_substitution_nothing_is_gained(
    catalog: Catalog,
) -> None:
    still = with_settings(START, {"choice.price_sensitivity": 0.0, "choice.substitution": 0.0})
    effects = ShopEffects(catalog, 0)
    assert effects.measure("price_elasticity", still) == pytest.approx(0.0, abs=1e-6)
    assert effects.measure("substitution", still) == 0.0
    unmarked = replace(still, campaigns=(Campaign(boost=0.0, price_off=0.3),))
    assert effects.measure("promotion_lift", unmarked) == pytest.approx(0.0, abs=1e-6)
    assert effects.measure("promotion_total", unmarked) == pytest.approx(0.0, abs=1e-6)


def test_competition_adds_to_the_own_price_response(catalog: Catalog) -> None:
    effects = ShopEffects(catalog, 0)
    rivals = with_settings(START, {"choice.competition": 1.0})
    assert effects.measure("price_elasticity", rivals) < effects.measure("price_elasticity", START)


# --- sequences ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_common_strength_of_taste_and_intent_is_recovered_from_sequences() -> None:
    catalog = Catalog.synthetic(200, seed=1)
    base = with_settings(ShopConfig(), {"choice.click_base": -2.5})
    weight = 2.0
    true = with_settings(base, {"choice.taste_weight": weight, "choice.intent_weight": weight})
    excess = np.mean([simulated_recall(catalog, true, 2000, seed=seed)["recall_excess"] for seed in (8, 9)])
    response = Response("recall_excess", excess, excess - 0.02, excess + 0.02, "share", "", 2000)
    start = with_settings(base, {"choice.taste_weight": 1.0, "choice.intent_weight": 1.0})
    fitted, _ = fit_recall(response, catalog, start, seed=0)
    assert [parameter.name for parameter in fitted] == ["choice.taste_weight", "choice.intent_weight"]
    for parameter in fitted:
        assert parameter.low < weight < parameter.high
        assert 0.5 < parameter.low < parameter.high < 6.0


def test_recall_beyond_any_weight_is_not_identified() -> None:
    catalog = Catalog.synthetic(60, seed=1)
    base = with_settings(ShopConfig(), {"choice.click_base": -2.5})
    response = Response("recall_excess", 0.9, 0.88, 0.92, "share", "", 600)
    fitted, unidentified = from_responses([response], catalog, base, seed=0)
    assert not fitted
    assert {parameter.name for parameter in unidentified} == {"choice.taste_weight", "choice.intent_weight"}
    assert all("a boundary" in parameter.why for parameter in unidentified)
