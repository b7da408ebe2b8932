"""The kernels of a page against the reference model, outcome by outcome.

Both sides use the same uniforms, and their probabilities agree to about 1e-15. So a test could only fail
without a cause where a uniform falls that close to its probability.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders.outcomes import page_sums
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopgym.core.types import AnyArray, Bool
from shopgym.simulators import (
    ArrivalConfig,
    Campaign,
    Catalog,
    ChoiceConfig,
    DeliveryConfig,
    DwellConfig,
    MarketConfig,
    PeopleConfig,
    RepurchaseConfig,
    RetentionConfig,
    ReturnConfig,
    Shock,
    Shop,
    ShopConfig,
    StockConfig,
    SurfaceConfig,
    SurfacesConfig,
)
from shopgym.simulators.page import reference
from shopgym.simulators.page.reference import SlotOutcome
from shopgym.simulators.page.surfaces import CART, CLICK_MODELS, EMAIL, HOME, PRODUCT, SEARCH
from shopgym.simulators.people import visit_reference

FLAGS = ("examined", "clicked", "carted", "removed", "returned", "unavailable")
EXACT = (*FLAGS, "sold", "quantity", "cart_units")
DOUBLE = ("revenue", "margin", "return_cost", "discount_cost", "expected_return_cost")
SINGLE = ("dwell", "return_delay")
"""Fields of a slot's outcome: whole numbers and booleans, float64 and float32."""
STARTED = ("mobile", "purpose", "size", "channel", "surface", "query", "anchor", "page", "clicks", "visit")
"""What the start of a visit sets, beside vectors."""
PAGE_EXACT = (*STARTED[4:], "over", "fresh", "bought", "key", "user", "number")
PAGE_DOUBLE = ("joy", "weight", "mood", "satisfaction", "habit", "gap")
PAGE_VECTORS = ("intent", "pull", "taste", "seen")


def end_visits(shop: Shop, ended: Bool) -> Bool:
    """Settle the visits that have ``ended``; (n,) bool, who remains a customer."""
    gone, _ = shop.end_visits(ended)
    return ended & ~gone


def close(got: Any, want: Any, rtol: float, name: str) -> None:
    # sums may cancel to nearly 0
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol / 1000, err_msg=name)


def same_visit(got: SimpleNamespace, want: SimpleNamespace) -> None:
    for name in PAGE_EXACT:
        assert getattr(got, name) == getattr(want, name), name
    np.testing.assert_array_equal(got.history, want.history)
    np.testing.assert_array_equal(got.purchases, want.purchases)
    for name in PAGE_DOUBLE:
        close(getattr(got, name), getattr(want, name), 1e-9, name)
    for name in PAGE_VECTORS:
        close(getattr(got, name), getattr(want, name), 1e-6, name)


def check_started(shop: Shop, lanes: AnyArray) -> None:
    """The visits that have just started on ``lanes`` are those that the reference starts."""
    for i in lanes:
        got, want = visit_reference.copy_visit(shop.visits, i), visit_reference.copy_visit(shop.visits, i)
        for name in (*STARTED, "bought", "joy", "weight", "mood", "over"):
            setattr(want, name, -9)
        want.intent[:], want.pull[:], want.visit = -9, -9, got.visit - 1
        visit_reference.start_visit(shop.params, want)
        assert [getattr(got, name) for name in STARTED] == [getattr(want, name) for name in STARTED]
        same_visit(got, want)


def play(shop: Shop, pages: int, seed: int, *, discounts: bool = False, subset: bool = False) -> Counter[str]:
    """Show ``pages`` random pages to every lane, check each against the reference, and count what happened.

    Slates have empty slots, the same item twice, and items beyond the slots of their page.

    Args:
        discounts: whether half of the pages have a price-off.
        subset: whether only some lanes are shown a page at a time.
    """
    rng, events = np.random.default_rng(seed), Counter[str]()
    n, k, params = shop.lanes, shop.config.slate_size, shop.params
    for _ in range(pages):
        begin = shop.visits.over.copy()
        shop.start_visits(begin)
        check_started(shop, np.flatnonzero(begin & ~shop.visits.over))
        offered = shop.requests().candidates[:, :k] if shop.config.num_candidates else None
        slates = rng.integers(-1, len(shop.catalog), (n, k), dtype=np.int32)
        if offered is not None and rng.random() < 0.7:
            slates = np.where(rng.random((n, k)) < 0.9, offered, -1).astype(np.int32)
        lanes = rng.random(n) < 0.7 if subset else np.ones(n, np.bool_)
        off = np.where(rng.random(n) < 0.5, rng.random(n) * 0.9, 0.0) if discounts else np.zeros(n)
        # the reference goes first: serving changes the visits and the stock
        visits = [visit_reference.copy_visit(shop.visits, i) for i in range(n)]
        today, shown = shop.today, lanes & ~shop.visits.over
        answers, moves = [], []
        for visit, slate, price_off, is_shown in zip(
            visits, slates.tolist(), off.tolist(), shown, strict=True
        ):
            if is_shown:
                count_before(events, visit)
                answers.append(reference.read_page(params, today, visit, slate, price_off))
                moves.append(reference.continue_visit(params, visit, slate, answers[-1][0]))
                count_after(events, visit, slate, answers[-1][0], moves[-1])
            else:
                answers.append(([SlotOutcome() for _ in slate], 0.0))
                moves.append((False, False))
        feedback, left, cut = shop.serve(slates, lanes, price_off=off if discounts else None)
        check_feedback(feedback, answers)
        assert [*zip(left.tolist(), cut.tolist(), strict=True)] == moves
        for i, visit in enumerate(visits):
            same_visit(visit_reference.copy_visit(shop.visits, i), visit)
        check_end(shop, visits, left | cut, events)
    return events


def check_feedback(feedback: Any, answers: list[tuple[list[SlotOutcome], float]]) -> None:
    outcomes = [slots for slots, _ in answers]
    for names, rtol in ((EXACT, 0.0), (DOUBLE, 1e-9), (SINGLE, 1e-6)):
        for name in names:
            want = np.array([[getattr(slot, name) for slot in slots] for slots in outcomes])
            close(getattr(feedback, name), want, rtol, name)
    close(feedback.page, np.array([page_sums(slots) for slots in outcomes]), 1e-9, "page sums")
    seconds = np.array([reading + sum(slot.dwell for slot in slots) for slots, reading in answers])
    close(feedback.seconds, seconds, 1e-6, "seconds")


def check_end(shop: Shop, visits: list[SimpleNamespace], ended: Bool, events: Counter[str]) -> None:
    """End the visits that have ``ended``, in the shop and in the reference."""
    stayed = end_visits(shop, ended)
    if not shop.config.people.enabled:
        return
    for i in np.flatnonzero(ended):
        want, got = visits[i], visit_reference.copy_visit(shop.visits, i)
        assert visit_reference.end_visit(shop.params, want) == stayed[i]
        events["stayed" if stayed[i] else "dropped out"] += 1
        for name in ("satisfaction", "habit", "gap"):
            close(getattr(got, name), getattr(want, name), 1e-9, name)
        for name in ("taste", "seen"):
            close(getattr(got, name), getattr(want, name), 1e-6, name)
    # where every lane is one life the next visit has begun at once
    check_started(shop, np.flatnonzero(ended & ~shop.visits.over))


def count_before(events: Counter[str], visit: SimpleNamespace) -> None:
    events[f"surface {visit.surface}"] += 1
    events[f"channel {visit.channel}"] += 1
    events["phone"] += visit.mobile
    events["purpose"] += visit.purpose


def count_after(
    events: Counter[str],
    visit: SimpleNamespace,
    slate: list[int],
    outcomes: list[SlotOutcome],
    moves: tuple[bool, bool],
) -> None:
    events["left"] += moves[0]
    events["cut"] += moves[1]
    for item, o in zip(slate, outcomes, strict=True):
        for name in FLAGS:
            events[name] += getattr(o, name)
        events["bought"] += o.quantity > 0
        events["several"] += o.quantity > 1
        events["substitute"] += o.sold not in (-1, item)
        events["quick"] += o.carted and not o.clicked
        events["missed"] += o.clicked and o.unavailable and not o.carted


# random configs


@cache
def small_catalog(dim: int = 16) -> Catalog:
    """120 items with embeddings of ``dim`` columns; no fixture, so that failing examples print without it."""
    catalog = Catalog.synthetic(120, seed=3, dim=dim)
    days = np.float32([1, 2, 3, 6])[np.arange(120) % 4]
    return dataclasses.replace(catalog, details=dataclasses.replace(catalog.details, shipping_days=days))


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """A number between these or, as often, one of the two."""
    return st.one_of(st.sampled_from([low, high]), st.floats(low, high))


def site_pages(slate_size: int) -> st.SearchStrategy[SurfaceConfig]:
    def page(slots: int, model: str) -> st.SearchStrategy[SurfaceConfig]:
        shares = st.tuples(*[between(0.05, 1.0)] * (slots or slate_size))
        return st.builds(
            SurfaceConfig,
            slots=st.just(slots),
            click_model=st.just(model),
            decay=between(0.0, 2.0),
            attention=st.one_of(st.just(()), shares) if model == "position" else st.just(()),
            continuation=between(0.3, 1.0),
            satisfied=between(0.1, 0.9),
            lift=between(-1.0, 1.0),
            similar_share=between(0.0, 0.8),
            fixed=st.sampled_from([0.0, 0.5, 1.0]),
        )

    return st.tuples(st.integers(0, slate_size), st.sampled_from(CLICK_MODELS)).flatmap(
        lambda chosen: page(*chosen)
    )


def choices() -> st.SearchStrategy[ChoiceConfig]:
    return st.builds(
        ChoiceConfig,
        click_base=between(-3.0, 1.0),
        taste_weight=between(0.0, 3.0),
        intent_weight=between(0.0, 3.0),
        quality_weight=between(0.0, 1.0),
        fatigue=between(0.0, 0.3),
        cart_base=between(-1.0, 2.0),
        depth=between(0.0, 1.0),
        buy_base=between(-1.0, 1.0),
        buy_price=between(0.0, 2.0),
        mobile_penalty=between(0.0, 1.0),
        mobile_share=between(0.0, 1.0),
        price_sensitivity=between(0.0, 2.0),
        reference_price=between(0.0, 1.0),
        leave_base=between(-4.0, 0.0),
        engagement=between(0.0, 2.0),
        drift=between(0.0, 1.0),
        position_decay=between(0.0, 1.0),
        max_units=st.integers(1, 20),
        brand_weight=between(0.0, 1.0),
        bulk_sd=between(0.0, 0.8),
        order_sd=st.sampled_from([0.0, 0.3, 0.9]),
        mission_share=between(0.0, 1.0),
        mission_alike=between(0.0, 0.8),
        mission_lift=between(0.0, 1.0),
        mission_stay=between(0.0, 2.0),
        mission_spread=between(0.0, 1.0),
        mission_units=between(0.0, 1.0),
        size_alike=between(0.0, 1.0),
        quick=between(0.0, 1.0),
        substitution=between(0.0, 1.0),
        competition=st.sampled_from([0.0, 0.5, 1.0]),
        cart_only=st.sampled_from([0.0, 0.4]),
        cart_price=between(0.0, 2.0),
    )


def people() -> st.SearchStrategy[PeopleConfig]:
    retention = st.builds(
        RetentionConfig,
        r=st.just(1.2),
        alpha=st.just(5.0),
        a=st.just(1.1),
        b=st.just(4.0),
        rate_effect=between(0.0, 2.0),
        churn_effect=between(0.0, 2.0),
        passing=between(0.0, 0.5),
        passing_missions=between(0.0, 1.0),
    )
    repurchase = st.builds(
        RepurchaseConfig, items=st.sampled_from([0, 1, 5]), share=between(0.0, 1.0), lift=between(0.0, 3.0)
    )
    return st.builds(
        PeopleConfig,
        enabled=st.booleans(),
        learning=between(0.0, 0.5),
        boredom=between(0.0, 2.0),
        boredom_days=between(1.0, 100.0),
        inertia=between(0.0, 0.9),
        worth_weight=between(0.0, 2.0),
        purchase_bonus=between(0.0, 1.0),
        missed_weight=between(0.0, 1.0),
        return_weight=between(0.0, 1.0),
        wait_weight=between(0.0, 1.0),
        habit_effect=between(0.0, 1.0),
        retention=retention,
        repurchase=repurchase,
    )


@st.composite
def configs(draw: st.DrawFn) -> ShopConfig:
    slate_size = draw(st.integers(1, 6))
    page = site_pages(slate_size)
    surfaces = st.builds(
        SurfacesConfig,
        enabled=st.booleans(),
        to_cart=between(0.0, 1.0),
        search_rate=between(0.0, 1.0),
        search_mission=between(0.0, 1.0),
        search_first=st.sampled_from([0.0, 0.5, 1.0]),
        opened=between(0.0, 1.0),
        channels=st.tuples(*[st.floats(0.0, 1.0)] * 3, st.floats(0.1, 1.0)),
        **dict.fromkeys(("home", "product", "cart", "search", "email"), page),
    )
    rate = st.one_of(st.none(), between(0.0, 0.6))
    return draw(
        st.builds(
            ShopConfig,
            users=st.just(200),
            slate_size=st.just(slate_size),
            num_candidates=st.sampled_from([0, slate_size, 20]),
            history=st.integers(0, 5),
            max_pages=st.integers(1, 8),
            pages_per_day=st.sampled_from([2, 288]),
            random_share=st.just(0.1),
            calendar=st.booleans(),
            choice=choices(),
            stock=st.builds(
                StockConfig, enabled=st.booleans(), minimum=st.just(1), cover_days=between(0.0, 2.0),
                out_at_start=between(0.0, 0.9),
            ),
            surfaces=surfaces,
            dwell=st.builds(
                DwellConfig, enabled=st.booleans(), median=between(1.0, 60.0), log_sd=between(0.0, 2.0),
                depth=between(0.0, 1.0), reading=between(1.0, 30.0),
            ),
            delivery=st.builds(
                DeliveryConfig, weight=between(0.0, 0.5), region_days=st.just((0.0, 1.5, 6.0)),
            ),
            returns=st.builds(
                ReturnConfig, enabled=st.booleans(), rate=rate, depth=between(0.0, 0.5),
                worth=between(0.0, 1.0), spread=between(0.0, 1.0), delay=between(1.0, 20.0),
                handling=between(0.0, 5.0),
            ),
            market=st.builds(
                MarketConfig, season=between(0.0, 1.0), drift=between(0.0, 0.1), new_share=between(0.0, 0.3),
                old_share=between(0.0, 0.3), turnover=st.just(20.0),
            ),
            campaigns=st.sampled_from([(), (Campaign(share=0.5, days=1.0),)]),
            shocks=st.sampled_from([(), (Shock(share=0.3),), (Shock(kind="price", share=0.5, size=0.5),)]),
            people=people(),
            arrivals=st.just(ArrivalConfig(per_day=3.0, established=20)),
        )
    )  # fmt: skip


@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    config=configs(),
    clock=st.sampled_from(["pages", "own", "season"]),
    seed=st.integers(0, 2**32 - 1),
    discounts=st.booleans(),
    subset=st.booleans(),
    dim=st.sampled_from([8, 11, 16]),
)
def test_kernels_do_what_the_reference_does(
    config: ShopConfig, clock: str, seed: int, discounts: bool, subset: bool, dim: int
) -> None:
    shop = Shop(small_catalog(dim), config, lanes=9, seed=seed, clock=clock, days=15.0)
    play(shop, 8, seed, discounts=discounts, subset=subset)


def lively() -> ShopConfig:
    """Every mechanism on, each so strong that everything happens within some pages."""
    choice = ChoiceConfig(
        click_base=-1.0, cart_base=1.0, buy_base=0.0, buy_price=1.0, brand_weight=0.5, bulk_sd=0.5,
        order_sd=0.5,
        mission_share=0.5, mission_alike=0.3, mission_lift=0.5, mission_stay=0.5, mission_spread=0.5,
        mission_units=0.5, size_alike=0.5, quick=0.5, substitution=0.5, competition=0.5, leave_base=-1.5,
    )  # fmt: skip
    return ShopConfig.full(
        users=400,
        slate_size=5,
        num_candidates=20,
        history=4,
        max_pages=8,
        choice=choice,
        surfaces=SurfacesConfig(enabled=True, search_rate=0.3, opened=0.7, channels=(1.0, 1.0, 1.0, 1.0)),
        delivery=DeliveryConfig(weight=0.2),
        returns=ReturnConfig(enabled=True, rate=0.3, depth=0.2, spread=0.5, handling=2.0),
        stock=StockConfig(minimum=1, cover_days=0.0, out_at_start=0.4),
        arrivals=ArrivalConfig(per_day=3.0, established=100),
    )


@pytest.mark.parametrize("clock", ["pages", "own", "season"])
def test_everything_that_can_happen_is_compared(clock: str) -> None:
    shop = Shop(small_catalog(), lively(), lanes=24, seed=7, clock=clock, days=60.0)
    events = play(shop, 25, 7, discounts=True, subset=True)
    for name in (
        *(f"surface {surface}" for surface in (HOME, PRODUCT, CART, SEARCH, EMAIL)),
        *(f"channel {channel}" for channel in range(4)),
        *("phone", "purpose", "left", "cut", "stayed", "examined", "clicked", "carted", "removed", "bought"),
        *("several", "substitute", "quick", "missed", "unavailable", "returned"),
        *(() if clock == "pages" else ("dropped out",)),
    ):
        assert events[name] > 0, name
