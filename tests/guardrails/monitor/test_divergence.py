"""Divergences by hand, and between policies of a shop in both ways of counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders.bandits import make_requests, make_task

from shopgym.guardrails.monitor import divergence
from shopgym.guardrails.monitor.divergence import slot_divergence
from shopgym.policies.explorers import Softmax
from shopgym.policies.guards import CategoryCap, InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer


def table_policy(scores: list[float], slots: int = 1, *, capped: bool = False) -> SlatePolicy:
    task = make_task(len(scores), slots=slots)
    guards = (InStock(), CategoryCap(slots)) if capped else (InStock(),)
    return SlatePolicy("t", task.items, TableScorer(np.array(scores)), Softmax(), guards, slots)


def test_sums_by_hand() -> None:
    """One slot: chi^2 = sum p^2 / q - 1, KL = sum p log(p / q), entropy = - sum p log p."""
    p, q = np.array([[[0.5, 0.5]]]), np.array([[[0.25, 0.75]]])
    moved = slot_divergence(p, q)
    assert moved.chi_squared == pytest.approx(0.25 / 0.25 + 0.25 / 0.75 - 1)
    assert moved.kl == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert moved.entropy == pytest.approx(math.log(2))
    assert moved.by_slot


def test_a_slot_that_the_page_does_not_have_is_left_out() -> None:
    p = np.array([[[0.5, 0.5], [0.0, 0.0]]])
    q = np.array([[[0.25, 0.75], [0.0, 0.0]]])
    assert slot_divergence(p, q) == slot_divergence(p[:, :1], q[:, :1])


def test_what_the_reference_never_shows_is_infinitely_far() -> None:
    moved = slot_divergence(np.array([[[0.9, 0.1]]]), np.array([[[1.0, 0.0]]]))
    assert (moved.chi_squared, moved.kl) == (math.inf, math.inf)
    assert moved.outside == pytest.approx(0.1)


@pytest.mark.parametrize("slots", [1, 2])
def test_a_policy_has_not_moved_from_itself(slots: int) -> None:
    rng, policy = np.random.default_rng(0), table_policy([0.0, 1.0, 2.0], slots)
    requests = make_requests(make_task(3, slots=slots), 5, rng)
    moved = divergence(policy, policy, requests, policy.decide(requests, rng))
    assert moved.chi_squared == pytest.approx(0.0, abs=1e-9)
    assert moved.kl == pytest.approx(0.0, abs=1e-9)


def test_pages_as_a_whole_estimate_the_same_as_the_sums_do() -> None:
    """With one slot a page is an item: the estimate from drawn pages is near the exact sum."""
    rng, n = np.random.default_rng(0), 20_000
    requests = make_requests(make_task(3), n, rng)
    one, other = table_policy([0.0, 0.5, 1.0]), table_policy([0.0, 0.0, 0.0])
    decided = one.decide(requests, rng)
    exact = divergence(one, other, requests, decided)
    drawn = divergence(
        table_policy([0.0, 0.5, 1.0], capped=True), table_policy([0.0] * 3, capped=True), requests, decided
    )
    assert exact.by_slot
    assert not drawn.by_slot
    for name in ("chi_squared", "kl", "entropy"):
        assert getattr(drawn, name) == pytest.approx(getattr(exact, name), rel=0.05)
