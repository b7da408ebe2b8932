"""The sampler: what it says of its probabilities is what it does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from shopgym.core import InvalidInput, Items, Requests
from shopgym.policies import plackett_luce
from shopgym.policies.explorers import PlackettLuceRanking, Softmax, SquareCB, with_floor
from shopgym.policies.features import FeatureMap
from shopgym.policies.guards import CategoryCap, InStock, MarginFloor
from shopgym.policies.policy import SlatePolicy, policy_from_state
from shopgym.policies.scorers import LinearScorer, TableScorer

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""


def make_items(n: int = 6) -> Items:
    rng = np.random.default_rng(0)
    price = rng.uniform(1, 10, n)
    return Items(
        item_id=np.array([f"i{i}" for i in range(n)]),
        name=np.array([f"item {i}" for i in range(n)]),
        category=(np.arange(n) % 2).astype(np.int32),
        price=price,
        unit_cost=price * rng.uniform(0.2, 0.9, n),
        popularity=np.full(n, 1 / n),
        features=rng.normal(size=(n, 2)).astype(np.float32),
        category_names=("even", "odd"),
        feature_names=("a", "b"),
    )


def make_requests(n: int, m: int, items: Items, seed: int = 1) -> Requests:
    rng = np.random.default_rng(seed)
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.arange(n),
        user=rng.normal(size=(n, 1)).astype(np.float32),
        context=rng.normal(size=(n, 1)).astype(np.float32),
        candidates=np.stack([rng.permutation(len(items))[:m] for _ in range(n)]).astype(np.int32),
        in_stock=rng.random((n, m)) < 0.8,
        time=np.zeros(n),
    )


ITEMS = make_items()
FEATURES = FeatureMap(((), ("item.a",), ("user.u", "item.b"), ("context.c",)), ("u",), ("c",))
LINEAR = LinearScorer(FEATURES, ITEMS, np.random.default_rng(2).normal(size=(3, 4)), np.ones(6))
TABLE = TableScorer(np.arange(6.0))
POLICIES = {
    "random": SlatePolicy("p", ITEMS, TableScorer(np.zeros(6)), Softmax(), (InStock(),), 3),
    "softmax": SlatePolicy("p", ITEMS, LINEAR, Softmax(0.5, 0.1), (InStock(),), 3),
    "ranked": SlatePolicy(
        "p", ITEMS, TABLE, PlackettLuceRanking(2.0, 0.05), (InStock(), MarginFloor(0.5)), 3
    ),
    "squarecb": SlatePolicy("p", ITEMS, LINEAR, SquareCB(5.0, 0.0), (), 2),
    "sharp": SlatePolicy("p", ITEMS, LINEAR, PlackettLuceRanking(20.0, 0.0), (InStock(),), 3),
    "capped": SlatePolicy("p", ITEMS, LINEAR, Softmax(1.0, 0.2), (InStock(), CategoryCap(1)), 4),
}


def slates(m: int, k: int) -> list[tuple[int, ...]]:
    """Every slate of up to k of m candidates, empty slots at the end."""
    out: list[tuple[int, ...]] = []
    for filled in range(k + 1):
        out += [(*slate, *[-1] * (k - filled)) for slate in itertools.permutations(range(m), filled)]
    return out


@pytest.mark.parametrize("name", POLICIES)
def test_probabilities_of_all_slates_sum_to_one(name: str) -> None:
    policy = POLICIES[name]
    requests = make_requests(20, 5, ITEMS)
    total = sum(
        policy.propensities(requests, np.tile(np.array(slate, np.int32), (20, 1))).prod(axis=1)
        for slate in slates(5, policy.slate_size)
    )
    np.testing.assert_allclose(total, 1.0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "capped"])
def test_marginals_agree_with_enumeration(name: str) -> None:
    policy = POLICIES[name]
    requests = make_requests(12, 5, ITEMS)
    want = np.zeros((12, policy.slate_size, 5))
    for slate in slates(5, policy.slate_size):
        p = policy.propensities(requests, np.tile(np.array(slate, np.int32), (12, 1))).prod(axis=1)
        for slot, position in enumerate(slate):
            if position >= 0:
                want[:, slot, position] += p
    np.testing.assert_allclose(policy.marginals(requests), want, atol=1e-9)


@pytest.mark.parametrize("name", POLICIES)
def test_drawn_slates_follow_the_stated_probabilities(name: str) -> None:
    policy, n = POLICIES[name], 60_000
    one = make_requests(1, 5, ITEMS, seed=4)
    many = one.take(np.zeros(n, int))
    drawn = policy.decide(many, np.random.default_rng(7)).positions
    counts = dict.fromkeys(slates(5, policy.slate_size), 0)
    for slate in map(tuple, drawn.tolist()):
        counts[slate] += 1
    p = {s: policy.propensities(one, np.array([s], np.int32)).prod() for s in counts}
    assert all(counts[s] == 0 for s in counts if p[s] == 0)
    common = [s for s in counts if p[s] * n >= 5]
    observed = [counts[s] for s in common]
    expected = [p[s] * n for s in common]
    rest = 1 - sum(p[s] for s in common)
    if rest > 1e-9:
        observed.append(n - sum(observed))
        expected.append(rest * n)
    assert stats.chisquare(observed, np.array(expected) * n / sum(expected)).pvalue > ALARM


@given(st.integers(0, 2**31), st.sampled_from(sorted(POLICIES)), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_decide_and_propensities_agree(seed: int, name: str, m: int) -> None:
    policy = POLICIES[name]
    requests = make_requests(8, m, ITEMS, seed)
    decisions = policy.decide(requests, np.random.default_rng(seed))
    np.testing.assert_array_equal(decisions.propensities, policy.propensities(requests, decisions.positions))
    assert (decisions.propensities > 0).all()
    assert (decisions.propensities <= 1 + 1e-12).all()
    filled = decisions.positions >= 0
    rows = np.take_along_axis(requests.candidates, np.maximum(decisions.positions, 0), axis=1)
    np.testing.assert_array_equal(decisions.slates[filled], rows[filled])
    assert (decisions.slates[~filled] == -1).all()
    for slate in decisions.positions:
        shown = slate[slate >= 0]
        assert len(set(shown.tolist())) == len(shown)


def test_plackett_luce_by_hand() -> None:
    # rates 1, 2, 3: P(third first) = 3/6, then P(first) = 1/3, then the second for sure
    log_rates = np.log([[[1.0, 2.0, 3.0]]])
    everything = np.ones((1, 3), bool)
    p = plackett_luce.slot_propensities(log_rates, np.ones(1), everything, np.array([[2, 0, 1]], np.int32))
    np.testing.assert_allclose(p, [[1 / 2, 1 / 3, 1.0]])
    m = plackett_luce.slot_marginals(log_rates, np.ones(1), everything, 2)
    second = [2 / 6 * 1 / 4 + 3 / 6 * 1 / 3, 1 / 6 * 2 / 5 + 3 / 6 * 2 / 3, 1 / 6 * 3 / 5 + 2 / 6 * 3 / 4]
    np.testing.assert_allclose(m[0], [[1 / 6, 2 / 6, 3 / 6], second], atol=1e-9)


def test_mixture_conditions_on_the_component() -> None:
    # one component only ever shows (0, 1), the other only (1, 0): after the first slot the second is sure
    log_rates = np.array([[[0.0, -500.0], [-500.0, 0.0]]])
    p = plackett_luce.slot_propensities(
        log_rates, np.array([0.3, 0.7]), np.ones((1, 2), bool), np.array([[0, 1]], np.int32)
    )
    np.testing.assert_allclose(p, [[0.3, 1.0]])


def test_sharp_rates_keep_their_small_probabilities() -> None:
    # rates e^0, e^-1500, e^-1501: after the first, the other two still share 1 / (1 + e^-1)
    log_rates = np.array([[[0.0, -1500.0, -1501.0]]])
    p = plackett_luce.slot_propensities(
        log_rates, np.ones(1), np.ones((1, 3), bool), np.array([[0, 1, 2]], np.int32)
    )
    np.testing.assert_allclose(p, [[1.0, 1 / (1 + np.exp(-1)), 1.0]])


def test_components_of_different_scale_are_each_summed_on_their_own() -> None:
    # component 1 has the rates e^0, e^-1500, e^-1501, component 2 has three equal rates. The first candidate
    # has probability (1 + 1/3) / 2, after which component 1 has the weight 3/4.
    log_rates = np.array([[[0.0, -1500.0, -1501.0], [0.0, 0.0, 0.0]]])
    p = plackett_luce.slot_propensities(
        log_rates, np.full(2, 0.5), np.ones((1, 3), bool), np.array([[0, 1, 2]], np.int32)
    )
    np.testing.assert_allclose(p, [[2 / 3, 3 / 4 / (1 + np.exp(-1)) + 1 / 4 / 2, 1.0]])


def test_slates_that_no_component_is_likely_to_draw_have_exact_later_slots() -> None:
    # The first slot has probability e^-800 / 4 under component 1 and e^-1600 / 2 or so under component 2:
    # both are 0 in float64. Their ratio still says that component 1 drew the slate; it has equal rates after.
    log_rates = np.array([[[0.0, -800.0, 0.0], [0.0, -1600.0, -1.0]]])
    p = plackett_luce.slot_propensities(
        log_rates, np.full(2, 0.5), np.ones((1, 3), bool), np.array([[1, 2, 0]], np.int32)
    )
    np.testing.assert_allclose(p, [[0.0, 1 / 2, 1.0]])


def test_a_request_without_allowed_candidates_has_no_undefined_numbers_on_the_way() -> None:
    allowed = np.array([[False, False], [True, False]])
    positions = np.array([[-1, -1], [0, -1]], np.int32)
    with np.errstate(invalid="raise", divide="raise"):
        p = plackett_luce.slot_propensities(np.zeros((2, 1, 2)), np.ones(1), allowed, positions)
    np.testing.assert_array_equal(p, np.ones((2, 2)))


def one_by_one(log_rates: Any, weights: Any, allowed: Any, positions: Any, between: Any) -> list[float]:
    """The probability of each slot of one page (log_rates (B, m)), by the definition in plain Python."""
    free, out = set(np.flatnonzero(allowed)), []
    joint = [float(weight) for weight in weights]
    for slot, chosen in enumerate(positions):
        rule = between(positions[None, :slot])[0] if between is not None and slot else allowed
        choices = [i for i in free if rule[i]]
        if chosen in choices:
            rates = np.exp(log_rates)
            steps = [float(each[chosen] / sum(each[i] for i in choices)) for each in rates]
            out.append(sum(j * s for j, s in zip(joint, steps)) / sum(joint))
            joint = [j * s for j, s in zip(joint, steps)]
            free.remove(chosen)
        else:
            out.append(float(chosen < 0 and not choices))
    return out


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 7), st.integers(1, 6)),
    capped=st.booleans(),
    drawn=st.booleans(),
)
def test_all_slots_at_once_are_the_slots_one_by_one(
    seed: int, sizes: tuple[int, int, int, int], capped: bool, drawn: bool
) -> None:
    """Also for slates that could not be drawn, and with a rule that depends on earlier slots."""
    rng, (n, components, m, k) = np.random.default_rng(seed), sizes
    log_rates = rng.normal(size=(n, components, m)) * 3
    weights, allowed = rng.dirichlet(np.ones(components)), rng.random((n, m)) < 0.8
    category = rng.integers(0, 3, m)

    def cap(positions: Any) -> Any:
        same = category[positions][:, :, None] == category
        return (same & (positions >= 0)[:, :, None]).sum(axis=1) < 1

    between = cap if capped else None
    slates = plackett_luce.draw(log_rates, weights, allowed, k, rng, between)
    if not drawn:
        slates = rng.integers(-1, m, (n, k)).astype(np.int32)
    got = plackett_luce.slot_propensities(log_rates, weights, allowed, slates, between)
    want = [one_by_one(*page, between) for page in zip(log_rates, [weights] * n, allowed, slates)]
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-300)


def test_propensities_of_many_requests_are_those_of_each() -> None:
    """More requests than are computed at a time."""
    n, m, k = 2 * plackett_luce.CELLS // (4 * 6) + 1, 6, 4
    rng = np.random.default_rng(0)
    log_rates, allowed = rng.normal(size=(n, 2, m)), rng.random((n, m)) < 0.9
    slates = plackett_luce.draw(log_rates, np.full(2, 0.5), allowed, k, rng)
    got = plackett_luce.slot_propensities(log_rates, np.full(2, 0.5), allowed, slates)
    for rows in (slice(0, 9), slice(n // 2 - 3, n // 2 + 3), slice(n - 2, n)):
        part = plackett_luce.slot_propensities(log_rates[rows], np.full(2, 0.5), allowed[rows], slates[rows])
        np.testing.assert_allclose(got[rows], part, rtol=1e-13)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), scale=st.sampled_from([1e-3, 1.0, 10.0, 300.0]), k=st.integers(1, 8))
def test_marginals_are_probabilities(seed: int, scale: float, k: int) -> None:
    """None is below 0 or above 1, not even by rounding; what stands at a slot adds up."""
    rng = np.random.default_rng(seed)
    m = 12
    log_rates, allowed = rng.normal(size=(3, 2, m)) * scale, rng.random((3, m)) < 0.9
    p = plackett_luce.slot_marginals(log_rates, np.array([0.3, 0.7]), allowed, k)
    assert p.min() >= 0.0
    assert p.max() <= 1.0
    filled = np.arange(k) < allowed.sum(axis=1)[:, None]
    np.testing.assert_allclose(p.sum(axis=2), filled, rtol=0, atol=1e-9)
    assert not p[~np.broadcast_to(allowed[:, None, :], p.shape)].any()


@pytest.mark.parametrize(("k", "m"), [(5, 100), (10, 100), (20, 100), (40, 60), (50, 200)])
def test_marginals_of_late_slots_are_as_exact(k: int, m: int) -> None:
    """With rates that are nearly equal every candidate is nearly as likely at every slot, by symmetry."""
    tilt = np.linspace(-1e-6, 1e-6, m)
    p = plackett_luce.slot_marginals(tilt[None, None, :], np.ones(1), np.ones((1, m), bool), k)
    np.testing.assert_allclose(p.sum(axis=2), 1.0, rtol=0, atol=1e-9)
    # the gradient at equal rates: d log P(i at slot j) / d e_i = 1 - sum over l <= j of 1 / (m - l), and the
    # other candidates share its opposite
    fall = 1.0 - np.array([sum(1.0 / (m - i) for i in range(slot + 1)) for slot in range(k)])
    first_order = (1.0 + np.outer(fall, tilt) * m / (m - 1)) / m
    np.testing.assert_allclose(p[0], first_order, rtol=0, atol=1e-9)


def test_marginals_of_many_requests_are_those_of_each() -> None:
    """More requests than two threads take at a time."""
    n = 2 * plackett_luce.ROWS + 1
    log_rates = np.random.default_rng(0).normal(size=(n, 1, 3))
    allowed = np.ones((n, 3), bool)
    got = plackett_luce.slot_marginals(log_rates, np.ones(1), allowed, 2)
    assert got.shape == (n, 2, 3)
    rates = np.exp(log_rates[:, 0])
    np.testing.assert_allclose(got[:, 0], rates / rates.sum(axis=1, keepdims=True), atol=1e-9)
    for row in (0, plackett_luce.ROWS, n - 1):
        one = slice(row, row + 1)
        alone = plackett_luce.slot_marginals(log_rates[one], np.ones(1), allowed[one], 2)
        np.testing.assert_array_equal(got[one], alone)


def test_no_marginal_is_negative_whatever_the_rates() -> None:
    # most items tie and the others are far behind, as where all but a few items are eliminated: taking one
    # candidate out of the count by division left -3e-17 in 6 of these 40 sets of requests
    rng, least = np.random.default_rng(0), []
    for _ in range(40):
        m, k = int(rng.integers(2, 40)), int(rng.integers(2, 8))
        shape = (50, 1, m)
        log_rates = np.where(rng.random(shape) < 0.7, 0.0, rng.normal(-20.0, 5.0, shape))
        marginals = plackett_luce.slot_marginals(log_rates, np.ones(1), rng.random((50, m)) < 0.95, k)
        least.append(marginals.min())
    assert min(least) == 0.0


def test_squarecb_by_hand() -> None:
    scores = np.array([[[0.0, 0.5, 1.0]]])
    rates = np.exp(SquareCB(gamma=4.0).log_rates(scores, np.ones((1, 3), bool)))
    worst, middle = 1 / (3 + 4 * 1.0), 1 / (3 + 4 * 0.5)
    np.testing.assert_allclose(rates[0, 0], [worst, middle, 1 - worst - middle])


def test_floor_is_a_uniform_component() -> None:
    log_rates, weights = with_floor(np.log([[[1.0, 1e-9]]]), 0.2)
    p = plackett_luce.slot_propensities(log_rates, weights, np.ones((1, 2), bool), np.array([[1]], np.int32))
    np.testing.assert_allclose(p, [[0.2 / 2]], rtol=1e-6)


def test_nothing_allowed_is_an_empty_slate() -> None:
    policy = POLICIES["softmax"]
    requests = make_requests(3, 5, ITEMS)
    requests = replace(requests, in_stock=np.zeros((3, 5), bool))
    decisions = policy.decide(requests, np.random.default_rng(0))
    assert (decisions.slates == -1).all()
    assert (decisions.propensities == 1).all()
    assert not policy.marginals(requests).any()


def test_guards_hold_in_every_slate() -> None:
    requests = make_requests(500, 6, ITEMS)
    for name in ("ranked", "capped"):
        decisions = POLICIES[name].decide(requests, np.random.default_rng(0))
        row, slot = np.nonzero(decisions.positions >= 0)
        assert requests.in_stock[row, decisions.positions[row, slot]].all()
    margins = ITEMS.margin[POLICIES["ranked"].decide(requests, np.random.default_rng(0)).slates]
    shown = POLICIES["ranked"].decide(requests, np.random.default_rng(0)).slates >= 0
    assert (margins[shown] >= 0.5).all()
    for slate in POLICIES["capped"].decide(requests, np.random.default_rng(0)).slates:
        categories = ITEMS.category[slate[slate >= 0]]
        assert len(set(categories.tolist())) == len(categories)


def test_marginals_are_refused_under_a_guard_that_depends_on_earlier_slots() -> None:
    with pytest.raises(InvalidInput, match="category_cap"):
        POLICIES["capped"].marginals(make_requests(1, 5, ITEMS))


@pytest.mark.parametrize("name", POLICIES)
def test_state_round_trip(name: str) -> None:
    policy = POLICIES[name]
    spec, arrays = policy.state()
    again = policy_from_state(spec, arrays, ITEMS)
    assert again.hash == policy.hash
    requests = make_requests(50, 5, ITEMS)
    a, b = (p.decide(requests, np.random.default_rng(3)) for p in (policy, again))
    np.testing.assert_array_equal(a.slates, b.slates)
    np.testing.assert_array_equal(a.propensities, b.propensities)
    assert replace(policy, slate_size=policy.slate_size + 1).hash != policy.hash


def test_feature_map_is_a_product_of_columns() -> None:
    requests = make_requests(4, 5, ITEMS)
    phi = FEATURES.phi(requests, FEATURES.item_side(ITEMS))
    a, b = ITEMS.features[requests.candidates].transpose(2, 0, 1)
    np.testing.assert_allclose(phi[:, :, 0], 1)
    np.testing.assert_allclose(phi[:, :, 1], a)
    np.testing.assert_allclose(phi[:, :, 2], requests.user * b)
    np.testing.assert_allclose(phi[:, :, 3], np.broadcast_to(requests.context, (4, 5)))
    np.testing.assert_allclose(LINEAR.scores(requests), np.einsum("nmd,bd->nbm", phi, LINEAR.theta))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user": np.full((3, 1), np.nan, np.float32)}, "requests"),
        ({"candidates": np.full((3, 5), 6, np.int32)}, "candidates"),
        ({"context": np.zeros((3, 2), np.float32)}, "context"),
    ],
)
def test_bad_requests_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        POLICIES["softmax"].decide(replace(make_requests(3, 5, ITEMS), **change), np.random.default_rng(0))


def test_pages_of_different_sizes_have_their_own_distributions() -> None:
    """On a page of s slots the first s slots are drawn as on a full page, and all others stay empty."""
    items = make_items()
    scorer = TableScorer(np.arange(6, dtype=np.float64))
    policy = SlatePolicy("p", items, scorer, PlackettLuceRanking(2.0, 0.1), (InStock(),), 2)
    requests = make_requests(40, 4, items)
    slots = np.random.default_rng(0).integers(0, 3, 40).astype(np.int32)
    short = replace(requests, slots=slots)
    whole = policy.decide(requests, np.random.default_rng(1))
    cut = policy.decide(short, np.random.default_rng(1))
    beyond = np.arange(2) >= slots[:, None]
    np.testing.assert_array_equal(cut.positions, np.where(beyond, -1, whole.positions))
    np.testing.assert_array_equal(cut.propensities, np.where(beyond, 1.0, whole.propensities))
    np.testing.assert_array_equal(policy.propensities(short, cut.positions), cut.propensities)
    np.testing.assert_array_equal(policy.slates(short, np.random.default_rng(1)), cut.slates)
    filled = policy.propensities(short, whole.positions)
    assert not filled[beyond & (whole.positions >= 0)].any()
    marginals = policy.marginals(short)
    assert not marginals[beyond].any()
    np.testing.assert_array_equal(marginals[~beyond], policy.marginals(requests)[~beyond])
