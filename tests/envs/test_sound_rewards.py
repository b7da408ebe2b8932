"""Sound rewards in the environments: the ledger of returns across lives, shaping wrappers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.core.batches import TERM_MARGIN, TERM_RETURN_COST
from shopgym.core.reward.ledger import ReturnLedger
from shopgym.core.types import F64
from shopgym.envs import SessionEnv, SessionVectorEnv, ShopperVectorEnv
from shopgym.envs.shaping import PotentialShaping, PotentialShapingVector
from shopgym.simulators import ChoiceConfig, PeopleConfig, ReturnConfig, ShopConfig
from shopgym.simulators.people.retention import RetentionConfig

SELLS = ChoiceConfig(click_base=-1.0, cart_base=0.0, buy_base=1.0)
PEOPLE = PeopleConfig(enabled=True, retention=RetentionConfig(r=1.2, alpha=5.0, a=1.1, b=12.0))


def lives(handling: float) -> tuple[ReturnLedger, list[Any], F64]:
    """Lives of 30 days in which half of all lines come back, often after the life is over."""
    config = ShopConfig(
        users=300, slate_size=3, num_candidates=8, choice=SELLS, people=PEOPLE,
        returns=ReturnConfig(enabled=True, rate=0.5, delay=20.0, handling=handling),
    )  # fmt: skip
    env = ShopperVectorEnv(50, catalog=60, config=config, form="slate", days=30.0)
    env.reset(seed=0)
    ledger, pages, expected = ReturnLedger(), [], np.zeros(2)
    for _ in range(25):
        requests = env.requests
        *_, info = env.step(np.tile(np.arange(3), (50, 1)))
        rows = np.flatnonzero(info["shown"])
        feedback = env.feedback
        assert feedback is not None
        ledger.record(requests.request_id[rows], requests.time[rows], feedback, rows)
        pages.append((requests.request_id[rows], feedback.page[rows].copy()))
        terms = info["reward_terms"]
        expected += terms["return_cost"].sum(), terms["expected_return_cost"].sum()
    return ledger, pages, expected


def test_an_order_and_its_return_net_to_zero_at_the_decision_that_caused_it() -> None:
    ledger, pages, _ = lives(handling=0.0)
    sold = {int(one): page for ids, rows in pages for one, page in zip(ids, rows, strict=True)}
    assert len(sold) == sum(len(ids) for ids, _ in pages)  # every page is a decision of its own
    ids = np.array(list(sold), np.uint64)
    page = np.array(list(sold.values()))
    np.testing.assert_allclose(ledger.net(ids), page[:, TERM_MARGIN], atol=1e-9)
    assert ledger.open_cost == pytest.approx(page[:, TERM_RETURN_COST].sum())
    came = [ledger.settle(day) for day in (5.0, 30.0, 1e9)]  # the lives end on day 30
    assert all(cost > 0 for cost in came)
    assert ledger.open_cost == 0.0
    np.testing.assert_allclose(ledger.net(ids), page[:, TERM_MARGIN] - page[:, TERM_RETURN_COST], atol=1e-9)
    whole = (page[:, TERM_RETURN_COST] > 0) & np.isclose(page[:, TERM_RETURN_COST], page[:, TERM_MARGIN])
    assert whole.sum() > 20
    np.testing.assert_allclose(ledger.net(ids)[whole], 0.0, atol=1e-9)
    assert ledger.total == pytest.approx((page[:, TERM_MARGIN] - page[:, TERM_RETURN_COST]).sum())


def test_handling_is_what_a_return_leaves() -> None:
    ledger, pages, _ = lives(handling=0.7)
    ledger.settle(np.inf)
    ids, page = (np.concatenate(parts) for parts in zip(*pages, strict=True))
    net = ledger.net(ids)
    one_line = (page[:, 2] == 1) & (page[:, TERM_RETURN_COST] > 0)
    assert one_line.sum() > 20
    np.testing.assert_allclose(net[one_line], -0.7, atol=1e-9)


def test_the_expected_return_is_the_mean_of_what_comes_back() -> None:
    """About 900 lines: the sum that came back is within 4 standard errors of the sum expected (p < 1e-4)."""
    _, pages, (came, expected) = lives(handling=0.0)
    page = np.concatenate([rows for _, rows in pages])
    per_page = page[:, 8] - page[:, 10]
    assert abs(came - expected) < 4 * per_page.std() * len(per_page) ** 0.5
    assert expected > 100 * abs(per_page.mean())


def test_the_expected_return_is_less_noisy_than_what_comes_back() -> None:
    _, pages, _ = lives(handling=0.0)
    page = np.concatenate([rows for _, rows in pages])
    assert (page[:, 5] - page[:, 10]).var() < (page[:, 5] - page[:, 8]).var()


SMALL: dict[str, Any] = {"catalog": 60, "slate_size": 3, "num_candidates": 8, "form": "slate"}


def appeal(observation: Mapping[str, Any]) -> F64:
    """Any function of the observation is a potential."""
    total: F64 = 10 * observation["context"].sum(axis=1) + observation["candidates"][:, 0].sum(axis=1)
    return total


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_the_bonus_of_whole_visits_telescopes(mode: str) -> None:
    """Every episode's discounted bonus is gamma^T Phi(s_T) - Phi(s_0), with Phi(s_T) = 0 if it terminated."""
    discount, n = 0.9, 5
    plain = SessionVectorEnv(n, autoreset_mode=mode, **SMALL)
    env = PotentialShapingVector(SessionVectorEnv(n, autoreset_mode=mode, **SMALL), appeal, discount)
    plain.reset(seed=3)
    observation, _ = env.reset(seed=3)
    start, total, age = appeal(observation), np.zeros(n), np.zeros(n)
    over, episodes = np.zeros(n, np.bool_), 0
    for _ in range(40):
        if mode == "Disabled" and over.any():
            plain.reset(options={"reset_mask": over})
            observation, _ = env.reset(options={"reset_mask": over})
            start[over], total[over], age[over] = appeal(observation)[over], 0.0, 0.0
        _, reward, *_ = plain.step(np.tile(np.arange(3), (n, 1)))
        observation, shaped, terminated, truncated, info = env.step(np.tile(np.arange(3), (n, 1)))
        np.testing.assert_allclose(shaped - info["shaping"], reward, atol=1e-9)
        resets = over if mode == "NextStep" else np.zeros(n, np.bool_)
        assert (info["shaping"][resets] == 0.0).all()
        start[resets], total[resets], age[resets] = appeal(observation)[resets], 0.0, 0.0
        going = ~resets
        total[going] += discount ** age[going] * info["shaping"][going]
        age[going] += 1
        over = terminated | truncated
        for row in np.flatnonzero(over):
            last = observation if mode != "SameStep" else info["final_obs"][row]
            value = (
                appeal({name: part[None] for name, part in last.items()})[0] if mode == "SameStep" else 0.0
            )
            if mode != "SameStep":
                value = appeal(observation)[row]
            value = 0.0 if terminated[row] else value
            assert total[row] == pytest.approx(discount ** age[row] * value - start[row], abs=1e-6)
            episodes += 1
            if mode == "SameStep":
                start[row], total[row], age[row] = appeal(observation)[row], 0.0, 0.0
    assert episodes > 20


def test_one_environment_gets_the_same_bonus_as_its_row() -> None:
    one = PotentialShaping(SessionEnv(**SMALL), appeal, 0.9)
    many = PotentialShapingVector(SessionVectorEnv(1, **SMALL), appeal, 0.9)
    one.reset(seed=4)
    many.reset(seed=4)
    for _ in range(3):
        _, reward, terminated, truncated, info = one.step(np.arange(3))
        _, rewards, *_, infos = many.step(np.arange(3)[None])
        if terminated or truncated:
            break
        assert reward == pytest.approx(rewards[0])
        assert info["shaping"] == pytest.approx(infos["shaping"][0])


def test_a_potential_of_another_shape_is_refused() -> None:
    env = PotentialShapingVector(SessionVectorEnv(3, **SMALL), lambda seen: seen["context"], 0.9)
    with pytest.raises(InvalidInput, match=r"potential = .*one number for each observation"):
        env.reset(seed=0)
    with pytest.raises(InvalidInput, match="discount = 2"):
        PotentialShaping(SessionEnv(**SMALL), appeal, 2.0)
