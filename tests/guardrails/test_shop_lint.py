"""The exact lint: what it knows agrees with the oracle, and known rewards get known verdicts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shopgym.core.errors import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.envs.oracle import best_page_values, page_values
from shopgym.guardrails.reward.exact_terms import page_terms
from shopgym.guardrails.reward.findings import ALIGNED, ALIGNED_UP_TO, FAULTY, GAMEABLE, NOT_TOLD
from shopgym.guardrails.reward.linted_shop import LintedShop, LintSize
from shopgym.guardrails.reward.page_rules import PolicyRule, as_choice
from shopgym.guardrails.reward.pressure import pressure_curve
from shopgym.guardrails.reward.price import Share, page_price, share_of
from shopgym.guardrails.reward.shop_lint import measure
from shopgym.guardrails.reward.shop_report import exact_lint, shop_findings
from shopgym.guardrails.reward.trials import run_trial
from shopgym.policies.guards import InStock, MarginFloor
from shopgym.simulators import Catalog, ReturnConfig, ShopConfig
from shopgym.simulators.config import StockConfig
from shopgym.simulators.rollout import Episode

MARGIN = {"margin": 1.0}
SIZE = LintSize(pages=512, visits=256, lives=0)
OFF = (0.0, 0.25, 0.5)


def small_shop(discounts=(0.0,), **changes) -> LintedShop:
    settings = {"users": 2000, "slate_size": 3, "num_candidates": 12, "allow_losses": True, **changes}
    return LintedShop(Catalog.synthetic(80, seed=1), ShopConfig(**settings), 3, discounts)


def one_dear_item() -> LintedShop:
    """Of 400 items one has a margin, and each visitor is offered 6: few are offered that one."""
    catalog = Catalog.synthetic(400, seed=1)
    cost = catalog.items.price.copy()
    cost[0] = 0.1 * cost[0]
    items = replace(catalog.items, unit_cost=cost)
    config = ShopConfig(users=2000, slate_size=3, num_candidates=6)
    return LintedShop(replace(catalog, items=items), config, 3)


def opened(shop: LintedShop, lanes: int = 256):
    world = shop.open(lanes)
    world.reset(shop.seed)
    world.start_visits(np.ones(lanes, np.bool_))
    return world


@pytest.fixture(scope="module")
def click_in_pounds() -> RewardSpec:
    return RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 1.0})


# the arithmetic


def test_pages_are_worth_what_the_oracle_says():
    shop = small_shop()
    means, requests = shop.first_pages(256)
    world = opened(shop)
    pages = means.tilted({"click": 1.0}, 2.0, np.random.default_rng(0))
    slates = as_choice(means, pages).slates
    assert np.array_equal(world.requests().request_id, requests.request_id)
    assert means.value(MARGIN, pages) == pytest.approx(page_values(world, RewardSpec(), slates))


def test_the_best_page_is_that_of_the_oracle():
    shop = small_shop()
    means, _ = shop.first_pages(256)
    best = means.value(MARGIN, means.best(MARGIN))
    assert best == pytest.approx(best_page_values(opened(shop), RewardSpec(), means.candidates))


def test_a_cost_of_impressions_is_weighed_by_an_assignment():
    shop = small_shop(stock=StockConfig(out_at_start=0.5))
    shop = LintedShop(shop.catalog, shop.config, 3, guards=())
    means, _ = shop.first_pages(128)
    weights = {"click": 1.0, "stockout": -0.02}
    spec = RewardSpec({"click": 1.0, "stockout": -1.0}, unit="click", exchange={"stockout": 0.02})
    best = means.value(weights, means.best(weights))
    oracle = best_page_values(opened(shop, 128), spec, means.candidates)
    full = np.array([np.count_nonzero(row) == 3 for row in means.best(weights).positions + 1])
    assert full.all()  # the lint fills its pages; the oracle may leave a slot empty
    assert (best <= oracle + 1e-12).all()
    assert best.mean() == pytest.approx(oracle.mean(), rel=0.02)


def test_what_a_discount_costs_is_the_share_of_the_price_of_what_is_bought():
    shop = small_shop()
    world = opened(shop, 64)
    slates = np.ascontiguousarray(world.requests().candidates[:, :3])
    off = np.full(64, 0.25)
    terms = page_terms(world, slates, off)
    assert terms["discount_cost"] == pytest.approx(terms["revenue"] / 3.0)  # a quarter over three quarters
    assert page_terms(world, slates)["discount_cost"] == pytest.approx(0.0)
    assert (terms["impression"] == 3.0).all()


@pytest.mark.parametrize("weights", [MARGIN, {"click": 1.0}, {"revenue": 1.0, "return_cost": -1.0}])
def test_pressure_goes_from_uniform_pages_to_the_best(weights):
    means, _ = small_shop(OFF).first_pages(512)
    curve = pressure_curve(means, weights, MARGIN)
    kl, proxy = [p.kl for p in curve.points], [p.proxy for p in curve.points]
    assert kl[0] == pytest.approx(0.0, abs=1e-9)
    assert kl == sorted(kl)
    assert proxy[0] == 0.0
    assert proxy[-1] == 1.0
    assert max(proxy) <= 1.0 + 1e-9
    assert proxy[-2] > 0.95


def test_pressure_is_measured_as_its_own_formula_says():
    """One slot: the nats of a Boltzmann draw are sum p log(m p), which sampling must find."""
    shop = small_shop(slate_size=1, num_candidates=6)
    means, _ = shop.first_pages(4096)
    worth = means.worth({"click": 1.0})[0]
    scale = means.spread({"click": 1.0})
    rates = np.where(means.filled, np.exp(2.0 * worth / scale), 0.0)
    p = rates / rates.sum(axis=1, keepdims=True)
    exact = float(
        (p * np.log(np.where(p > 0, p * means.filled.sum(axis=1)[:, None], 1.0))).sum(axis=1).mean()
    )
    drawn = means.tilted({"click": 1.0}, 2.0, np.random.default_rng(0))
    assert float(drawn.kl.mean()) == pytest.approx(exact, abs=0.05)


def test_a_trial_of_a_policy_earns_what_policy_value_says():
    shop = small_shop(stock=StockConfig(enabled=False))

    class FirstCandidates:
        def decide(self, requests, rng):
            from shopgym.core.batches import Decisions

            positions = np.tile(np.arange(3, dtype=np.int32), (len(requests), 1))
            return Decisions(positions, requests.candidates[:, :3].copy(), np.ones((len(requests), 3)))

    world = shop.open(128)
    trial = run_trial(world, PolicyRule(FirstCandidates()), Episode.VISIT, episodes=256, seed=5)
    value = world.value(FirstCandidates(), visits=256, seed=5)
    assert float(trial.terms["margin"].mean()) == pytest.approx(value.mean)
    assert len(trial.pages) == value.visits


def test_a_share_is_a_ratio_with_the_interval_of_the_delta_method():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        of = rng.gamma(2.0, 1.0, 300)
        share = share_of(0.8 * of + rng.normal(0.0, 0.5, 300), of)
        covered += share.low <= 0.8 <= share.high
    assert 0.92 <= covered / 400 <= 0.98


def test_a_share_that_one_order_decides_is_not_told():
    of = np.ones(1000)
    of[0] = 1e6
    assert math.isnan(share_of(of, of).value)


# verdicts


def test_the_north_star_itself_is_aligned_and_loses_nothing():
    report = exact_lint(RewardSpec(), small_shop(), size=SIZE)
    assert report.verdict == ALIGNED
    assert report.exit_code == 0
    assert [row["north star kept"] for row in report.tables["The price of the proxy"]] == ["100.0%"] * 2


def test_orders_with_a_discount_are_gameable_and_the_sentence_says_how():
    report = exact_lint(RewardSpec({"purchase": 1.0}, unit="order line"), small_shop(OFF), size=SIZE)
    assert report.verdict == GAMEABLE
    assert report.exit_code == 3
    does = report.data["does"]
    assert does.startswith("it takes 50% off the prices")
    assert does.endswith("margin below zero")
    assert {"gameable", "sells_below_cost", "probe_preferred"} <= {f.code for f in report.findings}


def test_the_same_reward_keeps_more_where_a_discount_stops_at_cost():
    losses, stops = (
        measure(
            RewardSpec({"purchase": 1.0}, unit="order line"), small_shop(OFF, allow_losses=allowed), size=SIZE
        )
        for allowed in (True, False)
    )
    assert losses.prices[0].north_star < 0.0 <= stops.prices[0].north_star


def test_a_pound_a_click_is_named_far_from_what_a_click_brings(click_in_pounds):
    codes = {finding.code for finding in exact_lint(click_in_pounds, small_shop(), size=SIZE).findings}
    assert "rate_far_from_shop" in codes


def test_a_gentle_pressure_is_allowed_and_said_so(click_in_pounds):
    shop = small_shop()
    full = measure(click_in_pounds, shop, size=SIZE)
    assert full.loses
    assert 0.0 < full.curve.safe_kl < math.inf
    gentle = exact_lint(
        RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 1.0}),
        shop,
        size=SIZE,
        pressure=full.curve.safe_kl,
    )
    assert gentle.verdict == ALIGNED_UP_TO
    assert gentle.exit_code == 0


def test_a_reward_without_variance_is_named():
    spec = RewardSpec({"stockout": -1.0}, unit="stockout", north_star="margin")
    report = exact_lint(spec, small_shop(stock=StockConfig(enabled=False)), size=SIZE)
    assert "no_variance" in {finding.code for finding in report.findings}
    assert report.exit_code == 3


def test_returns_that_nobody_charges_are_named():
    shop = small_shop(returns=ReturnConfig(enabled=True, rate=0.3))
    charged = RewardSpec({"margin": 1.0, "return_cost": -1.0})
    assert "returns_not_charged" in {f.code for f in exact_lint(RewardSpec(), shop, size=SIZE).findings}
    assert "returns_not_charged" not in {f.code for f in exact_lint(charged, shop, size=SIZE).findings}


def test_sold_out_pages_fool_a_click():
    report = exact_lint(RewardSpec({"click": 1.0}, unit="click"), small_shop(), size=SIZE)
    fooled = {row["page"] for row in report.tables["Probes"] if row["fools the reward"] == "yes"}
    assert "sold out" in fooled


def test_one_term_that_decides_alone_is_named(click_in_pounds):
    spec = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 1e-6})
    report = exact_lint(spec, small_shop(), size=SIZE)
    assert "one_term_dominates" in {finding.code for finding in report.findings}


def test_terms_without_an_exact_mean_are_said_to_be_left_out():
    spec = RewardSpec({"margin": 1.0, "diversity": 1.0}, exchange={"diversity": 0.1})
    report = exact_lint(spec, small_shop(), size=SIZE)
    assert "not_exact" in {finding.code for finding in report.findings}


@pytest.mark.parametrize("field", ["terms", "north_star"])
def test_a_reward_of_which_nothing_is_known_is_refused(field):
    what = {"terms": {"diversity": 1.0}, "unit": "share"} if field == "terms" else {"north_star": "diversity"}
    with pytest.raises(InvalidInput, match="knows no exact mean"):
        exact_lint(RewardSpec(**what), small_shop(), size=SIZE)


def test_discounts_begin_with_none():
    with pytest.raises(InvalidInput, match="the first 0"):
        small_shop((0.1, 0.5))


def test_the_same_lint_twice_is_the_same(click_in_pounds):
    one, other = (exact_lint(click_in_pounds, small_shop(OFF), size=SIZE).summary() for _ in range(2))
    assert one == other


# one planted fault for every further code of a shop


def codes(spec: RewardSpec, shop: LintedShop, size: LintSize = SIZE) -> set[str]:
    return {finding.code for finding in exact_lint(spec, shop, size=size).findings}


def test_a_limit_that_no_page_of_the_shop_meets_is_named_with_what_the_best_pages_reach():
    spec = RewardSpec(costs=("click >= 100 per page", "stockout rate <= 2%"))
    report = exact_lint(spec, small_shop(), size=SIZE)
    assert report.exit_code == 3
    (found,) = [finding for finding in report.findings if finding.code == "limit_impossible"]
    assert "click at least 100 per page" in found.message
    means, _ = small_shop().first_pages(SIZE.pages)
    most = means.value({"click": 1.0}, means.best({"click": 1.0})).mean()
    assert f"reach {most:.4g}" in found.message


def test_a_limit_of_items_that_the_shop_does_not_have_is_refused():
    limit = {"term": "impression", "per": "impression", "at_least": 0.2, "items": {"categories": ["Nowhere"]}}
    with pytest.raises(InvalidInput, match=r"items\.categories = 'Nowhere': the catalogue has none"):
        measure(RewardSpec(costs=(limit,)), small_shop(), size=SIZE)


def test_the_headline_of_a_faulty_reward_says_what_is_wrong_first():
    report = exact_lint(RewardSpec({"margin": 1.0, "revenue": 0.001}), small_shop(), size=SIZE)
    assert report.verdict == FAULTY
    assert report.headline.startswith("margin and revenue count the same money twice")
    assert "earn 100% of the margin" in report.headline


def test_bounds_that_cut_the_reward_off_leave_nothing_to_say():
    report = exact_lint(RewardSpec(clip={"margin": (-1e-4, 1e-4)}), small_shop(), size=SIZE)
    assert "clip_decides" in {finding.code for finding in report.findings}
    assert (report.verdict, report.exit_code) == (NOT_TOLD, 3)
    assert "it was not judged here" in report.headline


def test_bounds_that_cut_a_little_are_told_and_those_that_cut_nothing_are_not():
    shop = small_shop()
    largest = measure(RewardSpec(), shop, size=SIZE).sampled["margin"].max()
    assert "clip_binds" in codes(RewardSpec(clip={"margin": (-50.0, 0.99 * largest)}), shop)
    assert not codes(RewardSpec(clip={"margin": (-50.0, 2.0 * largest)}), shop) & {
        "clip_binds",
        "clip_decides",
    }


def test_a_horizon_that_nobody_was_followed_over_is_told():
    star = {"weights": MARGIN, "horizon": 90}
    report = exact_lint(RewardSpec(north_star=star), small_shop(), size=SIZE)
    assert "horizon_not_tested" in {finding.code for finding in report.findings}
    assert "over 90 days" not in report.headline
    assert "horizon_not_tested" not in codes(RewardSpec(), small_shop())


def test_a_north_star_that_never_varies_is_named():
    spec = RewardSpec({"impression": 1.0}, unit="impression", north_star="impression")
    assert {"north_star_constant", "no_variance"} <= codes(spec, small_shop())
    honest = RewardSpec(MARGIN, north_star={"impression": 1.0})
    assert "north_star_constant" in codes(honest, small_shop())


def test_a_shop_without_any_margin_has_nothing_to_earn():
    spec = RewardSpec({"margin": -1.0}, north_star={"margin": -1.0})
    assert "nothing_to_earn" in codes(spec, small_shop())


def test_a_term_that_the_shop_does_not_measure_never_varies():
    spec = RewardSpec({"margin": 1.0, "expected_return_cost": -1.0})
    assert "term_never_varies" in codes(spec, small_shop())
    assert "term_never_varies" not in codes(spec, small_shop(returns=ReturnConfig(enabled=True, rate=0.3)))


def test_where_one_order_makes_all_of_the_margin_nothing_is_judged():
    """All items but one earn nothing, and hardly anybody is offered that one."""
    report = exact_lint(RewardSpec({"click": 1.0}, unit="click"), one_dear_item(), size=LintSize(256, 16, 0))
    found = {finding.code for finding in report.findings}
    assert "not_judged" in found
    assert "gameable" not in found
    assert "% of the margin" not in report.headline


def test_an_episode_in_which_few_orders_make_the_margin_is_told_apart():
    """Pages are exact and can be judged; in 16 visits hardly anything is bought."""
    report = exact_lint(RewardSpec(), small_shop(), size=LintSize(512, 16, 0))
    (found,) = [finding for finding in report.findings if finding.code == "few_episodes"]
    assert "Per visit nothing is told" in found.message
    assert report.verdict == ALIGNED


def test_a_reward_that_only_a_longer_look_saves_is_short_sighted():
    """What is measured of an optimiser that looks ahead is fine; the one that does not loses a third."""
    lint = measure(RewardSpec(), small_shop(), size=SIZE)
    page, visit = lint.prices
    third = replace(visit, share=Share(1.0, 0.98, 1.02), myopic=Share(0.67, 0.6, 0.74))
    found = {finding.code for finding in shop_findings(replace(lint, prices=(page, third)))}
    assert "short_sighted" in found
    assert "gameable" not in found


def test_a_page_with_fewer_candidates_than_slots_has_a_pressure():
    shop = small_shop()
    floor = MarginFloor(float(np.quantile(shop.catalog.items.margin, 0.9)))
    means, _ = LintedShop(shop.catalog, shop.config, 3, guards=(InStock(), floor)).first_pages(256)
    slots = means.filled.sum(axis=1)
    assert (slots < 3).any()
    assert not slots.all()
    with np.errstate(all="raise"):
        pages = means.tilted(MARGIN, 2.0, np.random.default_rng(0))
        curve = pressure_curve(means, MARGIN, MARGIN)
    assert np.isfinite(pages.kl).all()
    assert len(curve.points) > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terms", "plain", "discounted"),
    [
        ({"click": 1.0}, 0.85, 0.85),
        ({"purchase": 1.0}, 0.80, -0.20),
        ({"revenue": 1.0}, 0.95, 0.48),
        ({"margin": 1.0}, 1.0, 1.0),
        ({"margin": 1.0, "revenue": 1.0}, 0.98, 0.95),
        ({"margin": 1.0, "click": 0.01}, 1.0, 1.0),
        ({"margin": 1.0, "click": 1.0}, 0.92, 0.92),
        ({"margin": -1.0}, 0.01, -0.56),
    ],
)
def test_the_prices_in_the_shop_of_the_demo(terms, plain, discounted):
    catalog, off = Catalog.online_retail(), (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    for discounts, right in (((0.0,), plain), (off, discounted)):
        shop = LintedShop(catalog, ShopConfig(allow_losses=True), 7, discounts, (InStock(),))
        means, _ = shop.first_pages(4096)
        assert page_price(means, terms, MARGIN).share.value == pytest.approx(right, abs=0.015)
