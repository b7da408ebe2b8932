"""Guards: what each rule forbids, that propensities replay from the logged counters, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import CONTEXT, UNIT, USER, linear_policy, random_requests, small_items, table_policy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from shopgym.core import Interactions, InvalidInput, Requests
from shopgym.core.reward.costs import ItemGroup
from shopgym.policies.decision_log import DecisionLog
from shopgym.policies.guards import (
    GUARDS,
    AgeLimit,
    BrandSafety,
    CategoryCap,
    Consent,
    DiscountBudget,
    ExposureFloor,
    FrequencyCap,
    Guard,
    GuardCounters,
    InStock,
    Interventions,
    MarginFloor,
    PriceFloor,
    Sales,
    bind_guards,
    check_columns,
    guard_from_spec,
    guard_spec,
)
from shopgym.policies.guards.interventions import LEANS, CountingPolicy
from shopgym.policies.guards.rule import allowed_at_all, allowed_next
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.rerankers import MMR

ITEMS = small_items(6)  # prices 2.0, 3.4, ... 9.0; categories even, odd, even, ...
ODD, EVEN = ItemGroup(categories=("odd",)), ItemGroup(categories=("even",))
ONE = ItemGroup(item_ids=("sku1",))
COLUMNS = {"user": ("consent", "age"), "context": ("hour",)}
ALL_RULES: tuple[Guard, ...] = (
    InStock(),
    PriceFloor(2.5),
    MarginFloor(0.5),
    Consent(ODD, "user.taste_0"),
    AgeLimit(ItemGroup(item_ids=("sku2",)), "context.hour", minimum=0.5),
    BrandSafety(ItemGroup(item_ids=("sku4",)), ItemGroup(item_ids=("sku5",))),
    CategoryCap(2),
    FrequencyCap(2),
    FrequencyCap(4, per="category"),
    ExposureFloor(ItemGroup(item_ids=("sku6", "sku8", "sku9")), 0.3),
    DiscountBudget(0.05),
)


def page(user: tuple[float, float] = (1.0, 20.0), **fields: Any) -> Requests:
    """One request for all six items, in their order."""
    values: dict[str, Any] = {
        "request_id": np.array([1], np.uint64),
        "user_id": np.array([7]),
        "user": np.array([user], np.float32),
        "context": np.array([[0.0]], np.float32),
        "candidates": np.arange(6, dtype=np.int32)[None],
        "in_stock": np.ones((1, 6), np.bool_),
        "time": np.array([10.0]),
    }
    return Requests(**values | fields)


def allowed(rule: Guard, requests: Requests, *positions: int) -> list[int]:
    """The positions that a rule, alone, allows after others."""
    (bound,) = bind_guards((rule,), ITEMS, COLUMNS, 3)
    earlier = np.array([positions], np.int32).reshape(1, -1)
    at_all = allowed_at_all((bound,), requests, ITEMS)
    return np.flatnonzero(allowed_next((bound,), requests, ITEMS, at_all, earlier)[0]).tolist()


def scalars(**counters: float) -> dict[str, Any]:
    return {name: np.array([value]) for name, value in counters.items()}


def seen(*counts: float) -> dict[str, Any]:
    return {"shown_item_7d": np.array([counts], np.float32)}


EVERYTHING = [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("rule", "requests", "positions", "expected"),
    [
        (InStock(), page(in_stock=np.array([[1, 0, 1, 1, 0, 1]], bool)), (), [0, 2, 3, 5]),
        (PriceFloor(5.0), page(), (), [3, 4, 5]),
        (MarginFloor(2.5), page(), (), [2, 3, 4, 5]),
        (Consent(ODD), page((1.0, 20.0)), (), EVERYTHING),
        (Consent(ODD), page((0.0, 20.0)), (), [0, 2, 4]),
        (AgeLimit(ODD), page((1.0, 18.0)), (), EVERYTHING),
        (AgeLimit(ODD), page((1.0, 17.5)), (), [0, 2, 4]),
        (BrandSafety(ODD), page(), (), [0, 2, 4]),
        (BrandSafety(ONE, EVEN), page(), (), EVERYTHING),
        (BrandSafety(ONE, EVEN), page(), (0,), [0, 2, 3, 4, 5]),
        (BrandSafety(ONE, EVEN), page(), (1,), [1, 3, 5]),
        (CategoryCap(2), page(), (0, 2), [1, 3, 5]),
        (FrequencyCap(2), page(counters=seen(0, 1, 2, 3, 2, 0)), (), [0, 1, 5]),
        (
            FrequencyCap(3, days=1.0, per="category"),
            page(counters={"shown_category_1d": np.array([[2, 1] * 3], np.float32)}),
            (1,),
            EVERYTHING,
        ),
        (
            FrequencyCap(3, days=1.0, per="category"),
            page(counters={"shown_category_1d": np.array([[2, 1] * 3], np.float32)}),
            (1, 3),
            [0, 2, 4],
        ),
        (ExposureFloor(ODD, 0.2), page(counters=scalars(**{"shown.odd": 19, "shown": 99})), (), [1, 3, 5]),
        (ExposureFloor(ODD, 0.2), page(counters=scalars(**{"shown.odd": 20, "shown": 99})), (), EVERYTHING),
        # the page itself counts: its first slot met the floor, and what stands there is not free
        (
            ExposureFloor(ODD, 0.2),
            page(counters=scalars(**{"shown.odd": 19, "shown": 99})),
            (1,),
            [0, 2, 3, 4, 5],
        ),
        # far behind: about every other slot of a floor of a quarter, not the whole page
        (
            ExposureFloor(ODD, 0.25),
            page(counters=scalars(**{"shown.odd": 0, "shown": 900})),
            (1, 0),
            [3, 5],
        ),
        (
            DiscountBudget(0.1),
            page(
                live={"price": (ITEMS.price * [1, 0.5, 1, 1, 1, 0.9])[None].astype(np.float32)},
                counters=scalars(discount=10.0, revenue=100.0),
            ),
            (),
            [0, 2, 3, 4],
        ),
        (
            DiscountBudget(0.1),
            page(
                live={"price": 0.5 * ITEMS.price[None].astype(np.float32)},
                counters=scalars(discount=9.0, revenue=100.0),
            ),
            (),
            EVERYTHING,
        ),
        (
            DiscountBudget(50.0, per="day"),
            page(
                live={"price": 0.5 * ITEMS.price[None].astype(np.float32)},
                counters=scalars(discount_today=50.0),
            ),
            (),
            [],
        ),
    ],
)
def test_what_a_rule_allows(
    rule: Guard, requests: Requests, positions: tuple[int, ...], expected: list[int]
) -> None:
    assert allowed(rule, requests, *positions) == expected


def test_a_floor_gives_way_where_no_candidate_of_its_group_is_left() -> None:
    behind = page(counters=scalars(**{"shown.1 items": 0, "shown": 90}))
    assert allowed(ExposureFloor(ONE, 0.3), behind) == [1]
    gone = replace(behind, candidates=np.array([[0, 2, 3, 4, 5, -1]], np.int32))
    assert allowed(ExposureFloor(ONE, 0.3), gone) == [0, 1, 2, 3, 4]


def test_a_floor_never_shows_what_another_rule_forbids() -> None:
    behind = page(
        in_stock=np.array([[1, 0, 1, 1, 1, 1]], bool), counters=scalars(**{"shown.odd": 0, "shown": 9})
    )
    guards = bind_guards((ExposureFloor(ODD, 0.3), InStock()), ITEMS, COLUMNS, 3)
    at_all = allowed_at_all(guards, behind, ITEMS)
    mask = allowed_next(guards, behind, ITEMS, at_all, np.empty((1, 0), np.int32))
    assert np.flatnonzero(mask[0]).tolist() == [3, 5]


@st.composite
def counted_requests(draw: st.DrawFn) -> Requests:
    """Requests of 12 items with arbitrary counters, prices and stock."""
    policy, rng = linear_policy(12), default_rng(draw(st.integers(0, 2**32)))
    requests = random_requests(policy, draw(st.integers(1, 6)), draw(st.integers(1, 9)), rng)
    n, m = requests.candidates.shape
    high = draw(st.sampled_from([1, 3, 50]))
    reduced = np.where(rng.random((n, m)) < 0.4, 0.8, 1.0)
    price = (policy.items.price[requests.candidates] * reduced).astype(np.float32)
    counters: dict[str, Any] = {
        name: rng.integers(0, high, n).astype(np.float64)
        for name in ("shown.3 items", "shown", "discount", "revenue")
    }
    counters |= {
        name: rng.integers(0, 4, (n, m)).astype(np.float32) for name in ("shown_item_7d", "shown_category_7d")
    }
    return replace(requests, live={"price": price}, counters=counters)


def guarded(rules: tuple[Guard, ...], **parts: Any) -> SlatePolicy:
    policy = linear_policy(12)
    bound = bind_guards(rules, policy.items, {"user": USER, "context": CONTEXT}, 3)
    return replace(policy, guards=bound, **parts)


@settings(max_examples=60, deadline=None)
@given(counted_requests(), st.integers(0, 2**32), st.booleans())
def test_propensities_replay_from_the_log_with_any_counters(
    requests: Requests, seed: int, reranks: bool
) -> None:
    policy = guarded(ALL_RULES, reranker=MMR() if reranks else None)
    decisions = policy.decide(requests, default_rng(seed))
    log = DecisionLog.from_interactions(
        Interactions(requests, decisions, np.zeros(decisions.slates.shape)),
        items=policy.items,
        unit=UNIT,
        policy_hash=policy.hash,
        policy_name=policy.name,
        config_hash="c",
        user_names=USER,
        context_names=CONTEXT,
    )
    log = DecisionLog.concat([log.take(slice(0, 1)), log.take(slice(1, None))]) if len(log) > 1 else log
    np.testing.assert_array_equal(policy.propensities(log.requests(), log.positions), log.propensities)
    assert (log.propensities > 0).all()
    at_all = allowed_at_all(policy.guards, requests, policy.items)
    for slot in range(3):  # what the rules allow and nothing else has a probability, and it sums to 1
        earlier, position = decisions.positions[:, :slot], decisions.positions[:, slot]
        mask = allowed_next(policy.guards, requests, policy.items, at_all, earlier)
        shown = position >= 0
        assert mask[np.flatnonzero(shown), position[shown]].all()
    total = np.zeros(len(requests))
    for candidate in range(requests.num_candidates):
        first = np.full((len(requests), 1), candidate, np.int32)
        total += policy.propensities(requests, first)[:, 0]
    empty = policy.propensities(requests, np.full((len(requests), 1), -1, np.int32))[:, 0]
    np.testing.assert_allclose(total + empty, 1.0, atol=1e-9)


def test_counters_come_back_from_parquet_and_a_log_without_them_is_version_1(tmp_path: Path) -> None:
    policy, rng = guarded((InStock(), FrequencyCap(2), ExposureFloor(EVEN, 0.2))), default_rng(1)
    requests = random_requests(policy, 20, 6, rng)
    counters = policy.open_counters()
    assert counters is not None
    for counted, version in ((counters.fill(requests), 2), (requests, 1)):
        decisions = policy.decide(counted, rng) if version == 2 else linear_policy(12).decide(counted, rng)
        log = DecisionLog.from_interactions(
            Interactions(counted, decisions, np.zeros((20, 3))),
            items=policy.items,
            unit=UNIT,
            policy_hash="h",
            policy_name="p",
            config_hash="c",
            user_names=USER,
            context_names=CONTEXT,
        )
        log.write(tmp_path / "log.parquet")
        again = DecisionLog.read(tmp_path / "log.parquet")
        assert again.version == version
        assert set(again.counters) == set(counted.counters)
        for name, values in counted.counters.items():
            np.testing.assert_array_equal(again.counters[name], values)
            assert again.counters[name].dtype == values.dtype


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_counters_are_those_of_a_plain_recount(seed: int) -> None:
    rng = default_rng(seed)
    rules = (FrequencyCap(3, days=2.0), FrequencyCap(9, days=5.0, per="category"), ExposureFloor(ODD, 0.2))
    counters = GuardCounters(rules, ITEMS)
    history: list[tuple[int, float, int]] = []  # user, time, item
    time = 0.0
    for _ in range(6):
        time += float(rng.random()) * 2
        n = 5
        requests = page(
            request_id=np.arange(n, dtype=np.uint64),
            user_id=rng.integers(0, 3, n),
            user=np.zeros((n, 2), np.float32),
            context=np.zeros((n, 1), np.float32),
            candidates=rng.permuted(np.tile(np.arange(6), (n, 1)), axis=1)[:, :4].astype(np.int32),
            in_stock=np.ones((n, 4), np.bool_),
            time=np.full(n, time),
        )
        filled = counters.fill(requests)
        for row in range(n):
            user = int(requests.user_id[row])
            for column, item in enumerate(requests.candidates[row].tolist()):
                own = [(at, i) for u, at, i in history if u == user]
                items = sum(time - 2.0 < at <= time and i == item for at, i in own)
                kinds = sum(time - 5.0 < at <= time and i % 2 == item % 2 for at, i in own)
                assert filled.counters["shown_item_2d"][row, column] == items
                assert filled.counters["shown_category_5d"][row, column] == kinds
        assert (filled.counters["shown.odd"] == sum(i % 2 for _, _, i in history)).all()
        assert (filled.counters["shown"] == len(history)).all()
        slates = np.where(rng.random((n, 2)) < 0.8, requests.candidates[:, :2], -1).astype(np.int32)
        counters.show(requests, slates)
        for row, slate in enumerate(slates.tolist()):
            history += [(int(requests.user_id[row]), time, item) for item in slate if item >= 0]


def test_the_discount_budget_counts_what_was_given_away() -> None:
    counters = GuardCounters((DiscountBudget(0.1), DiscountBudget(5.0, per="day")), ITEMS)
    units, sold = np.array([[2.0, 0.0], [1.0, 0.0]]), np.array([[5, 0], [0, 1]], np.int32)
    revenue = np.array([[2 * 9.0 - 4.0, 0.0], [2.0, 0.0]])  # the first sold 2.00 below 9.00, twice
    counters.sell(Sales.of_lines(np.array([10.2, 10.9]), units, revenue, sold, ITEMS))
    today, tomorrow = (counters.fill(page(time=np.array([day]))).counters for day in (10.99, 11.0))
    assert (today["discount"][0], today["revenue"][0], today["discount_today"][0]) == (4.0, 16.0, 4.0)
    assert tomorrow["discount_today"][0] == 0.0


def test_what_a_new_life_forgets() -> None:
    counters = GuardCounters((FrequencyCap(1), ExposureFloor(ODD, 0.1)), ITEMS)
    counters.show(page(), np.array([[1, 3]], np.int32))
    counters.forget([7])
    after = counters.fill(page()).counters
    assert not after["shown_item_7d"].any()
    assert (after["shown.odd"][0], after["shown"][0]) == (2.0, 2.0)  # exposure is no user's


@pytest.mark.parametrize("rule", [*ALL_RULES, DiscountBudget(3.0, per="day"), BrandSafety(ODD)], ids=repr)
def test_a_rule_comes_back_from_its_spec(rule: Guard) -> None:
    assert guard_from_spec(guard_spec(rule)) == rule


def test_every_kind_is_tested() -> None:
    assert {rule.kind for rule in ALL_RULES} == set(GUARDS)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"kind": "frequency_cap", "maximum": 0}, r"guards\.frequency_cap\.maximum = 0"),
        ({"kind": "frequency_cap", "per": "brand"}, r"guards\.frequency_cap\.per = 'brand'"),
        ({"kind": "frequency_cap", "limit": 2}, r"limit.*unknown setting"),
        ({"kind": "exposure_floor", "items": {}, "minimum": 0.2}, r"guards\.exposure_floor\.items = {}"),
        ({"kind": "exposure_floor", "items": {"categories": ["odd"]}, "minimum": 1.0}, r"minimum = 1\.0"),
        ({"kind": "consent"}, r"guards\.consent\.items"),
        ({"kind": "discount_budget", "maximum": 0.0}, r"guards\.discount_budget\.maximum = 0\.0"),
        ({"kind": "margin_floor", "minimum": float("inf")}, r"guards\.margin_floor\.minimum = inf"),
        ({"kind": "freqency_cap"}, "did you mean 'frequency_cap'"),
        ("in_stock", "a mapping with its kind"),
    ],
)
def test_a_wrong_declaration_is_refused(spec: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        guard_from_spec(spec)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((Consent(ODD, "user.consnt"),), r"consent\.column = 'user\.consnt'.*did you mean 'user\.consent'"),
        ((ExposureFloor(ItemGroup(categories=("od",)), 0.2),), r"items\.categories = 'od'.*'odd'"),
        ((AgeLimit(ItemGroup(item_ids=("x",))),), r"guards\.age_limit\.items\.item_ids = 'x'"),
        (
            (BrandSafety(ItemGroup(categories=("even", "odd"))),),
            r"guards\.brand_safety = 'even, odd is never shown': nothing of the catalogue is left",
        ),
        ((PriceFloor(1e6),), r"guards\.price_floor = 'price below 1e\+06': nothing of the catalogue is left"),
        ((MarginFloor(1e6), InStock()), r"guards\.margin_floor = 'margin below 1e\+06': nothing"),
        ((BrandSafety(ODD), BrandSafety(EVEN)), r"guards = 'odd is never shown and even is never shown'"),
        ((BrandSafety(ODD, ONE),), "in both groups"),
        ((ExposureFloor(ONE, 0.5),), "the group has 1"),
        ((CategoryCap(1), ExposureFloor(ODD, 0.5)), "category_cap leaves them at most 33%"),
        ((BrandSafety(ODD), ExposureFloor(ODD, 0.1)), "brand_safety leaves them at most 0%"),
    ],
)
def test_rules_that_do_not_fit_are_refused(rules: tuple[Guard, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        bind_guards(rules, ITEMS, COLUMNS, 3)


@pytest.mark.parametrize(
    ("rules", "live", "message"),
    [
        ((FrequencyCap(2), FrequencyCap(2)), True, "declared twice"),
        ((ExposureFloor(ODD, 0.6), ExposureFloor(EVEN, 0.5)), True, "110% of the slots"),
        ((DiscountBudget(),), False, r"set shop\.live: true"),
        ((AgeLimit(ODD),), True, r"age_limit\.column = 'user\.age'"),
    ],
)
def test_a_config_is_checked_before_there_is_a_catalogue(
    rules: tuple[Guard, ...], live: bool, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_columns(rules, {"user": (), "context": ()}, live)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("shown_item_7d", np.full((2, 4), np.nan), "give finite numbers"),
        ("shown_item_7d", np.full((2, 4), np.inf), "give finite numbers"),
        ("shown_item_7d", np.full((2, 4), "x"), "give finite numbers"),
        ("shown_item_7d", np.full((2, 4), -1.0), "give finite numbers from 0 on"),
        ("shown_item_7d", np.zeros((2, 3)), r"give shape \(2,\), or \(2, 4\)"),
        ("shown", np.zeros(3), r"give shape \(2,\)"),
        ("shown.odd", np.array([np.nan, 1.0]), "give finite numbers"),
    ],
)
def test_a_counter_that_is_no_number_for_each_is_refused_by_name(
    name: str, values: Any, message: str
) -> None:
    policy = guarded((InStock(), FrequencyCap(2), ExposureFloor(ODD, 0.2)))
    requests = random_requests(policy, 2, 4, default_rng(1))
    counters = {"shown_item_7d": np.zeros((2, 4)), "shown.odd": np.zeros(2), "shown": np.zeros(2)}
    policy.decide(replace(requests, counters=counters), default_rng(0))
    with pytest.raises(InvalidInput, match=rf"requests\.counters\.{re.escape(name)} = .*{message}"):
        policy.decide(replace(requests, counters={**counters, name: values}), default_rng(0))


def test_a_request_that_lacks_what_a_rule_reads_is_refused() -> None:
    policy = guarded((InStock(), FrequencyCap(2)))
    requests = random_requests(policy, 2, 4, default_rng(1))
    with pytest.raises(InvalidInput, match=r"requests\.counters\.shown_item_7d"):
        policy.decide(requests, default_rng(0))
    priced = guarded((DiscountBudget(),))
    with pytest.raises(InvalidInput, match=r"requests\.live\.price"):
        priced.decide(requests, default_rng(0))
    unbound = replace(policy, guards=(Consent(ODD, "user.taste_0"),))
    with pytest.raises(InvalidInput, match="not bound"):
        unbound.decide(requests, default_rng(0))


def all_of(policy: SlatePolicy, in_stock: list[bool]) -> Requests:
    base = random_requests(policy, 1, len(policy.items), default_rng(0))
    rows = np.arange(len(policy.items), dtype=np.int32)[None]
    return replace(base, candidates=rows, in_stock=np.array([in_stock]))


def test_interventions_say_what_would_have_been_shown() -> None:
    """The best item is sold out, so it is the first choice that the rule forbids; the second stays."""
    policy = table_policy((1.0, 1e6, 1e12))  # shows sku2, then sku1
    counting = CountingPolicy.of_policy(policy)
    for _ in range(10):
        shown = counting.decide(all_of(policy, [True, True, False]), default_rng(2))
        assert shown.slates[0].tolist() == [1, 0]
    counts = counting.counts
    (row,) = counts.rows()
    assert row == {
        **{"rule": "in_stock", "why": "sold out", "pages": 10, "slots": 10, "share": 0.5},
        **{"alone": 10, "unmet": 0, "items": "sku2"},
    }
    assert counts.share == 0.5 > LEANS
    assert "table leans on its guards: they forbid 50%" in str(counts.warning("table"))


def test_rules_that_change_nothing_are_counted_as_nothing() -> None:
    policy = table_policy((1.0, 1e6, 1e12))
    counting = CountingPolicy.of_policy(policy)
    counting.decide(all_of(policy, [False, True, True]), default_rng(2))  # the worst is sold out
    assert counting.counts.rows()[0]["slots"] == 0
    assert counting.counts.warning("table") is None


def test_counting_does_not_change_a_decision() -> None:
    policy = guarded((InStock(), MarginFloor(2.0), CategoryCap(1)))
    requests = random_requests(policy, 50, 8, default_rng(3))
    plain = policy.decide(requests, default_rng(9))
    counted = CountingPolicy.of_policy(policy).decide(requests, default_rng(9))
    np.testing.assert_array_equal(plain.positions, counted.positions)
    np.testing.assert_array_equal(plain.propensities, counted.propensities)


def test_a_floor_that_gave_way_is_counted() -> None:
    policy = replace(table_policy((1.0, 2.0, 4.0)), guards=(InStock(), ExposureFloor(ODD, 0.3)))
    behind = replace(
        all_of(policy, [True, False, True]), counters=scalars(**{"shown.odd": 0.0, "shown": 90.0})
    )
    counts = Interventions(policy.guards, policy.items)
    decisions = policy.decide(behind, default_rng(0))
    counts.add(behind, policy.first_choices(behind, default_rng(0)), decisions.positions)
    floor = counts.rows()[1]
    assert floor["unmet"] == 2  # no slot could be given to the group
    assert floor["slots"] == 0
