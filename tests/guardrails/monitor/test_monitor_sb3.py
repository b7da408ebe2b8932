"""The callback of Stable-Baselines3: it reads pages, measures how far the model has moved, and stops it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from shopgym.core.reward import RewardSpec
from shopgym.envs.adapters import stable_baselines3_vec_env
from shopgym.envs.vector import BanditVectorEnv
from shopgym.guardrails.monitor import monitor_callback
from shopgym.guardrails.monitor.sb3 import model_divergence

pytest.importorskip("stable_baselines3")
pytestmark = pytest.mark.slow

ORDERS = RewardSpec(terms={"purchase": 1.0}, unit="order line")


def model(form: str = "slate", **settings: Any) -> Any:
    from stable_baselines3 import PPO

    env = BanditVectorEnv(
        50, catalog=30, reward=ORDERS, form=form, slate_size=2, num_candidates=4, users=200,
        autoreset_mode="SameStep", choice={"click_base": 0.0, "cart_base": 1.0}, **settings,
    )  # fmt: skip
    vec = stable_baselines3_vec_env(env)
    return PPO("MultiInputPolicy", vec, n_steps=10, batch_size=250, n_epochs=2, seed=0, device="cpu")


def test_pages_are_watched_and_the_model_moves_away_from_where_it_began() -> None:
    ppo, callback = model(discounts=(0.0, 0.5)), monitor_callback(ORDERS, pages=500, stop=False)
    ppo.learn(2500, callback=callback)
    rows = callback.monitor.rows
    assert [row.pages for row in rows] == [500, 1000, 1500, 2000]
    assert all(0 < row.kl < math.inf and 0 < row.chi < math.inf for row in rows)
    assert all(0 < row.entropy < 2 * math.log(4) + math.log(2) + 1e-9 for row in rows)


def test_slot_by_slot_only_complete_pages_count() -> None:
    ppo, callback = model("slot"), monitor_callback(ORDERS, pages=250, stop=False)
    ppo.learn(1500, callback=callback)
    assert callback.monitor.pages == 500  # 1500 slots are 750 pages, of which 250 are the reference's


def test_an_alarm_ends_the_training() -> None:
    ppo = model()
    stopped = monitor_callback(ORDERS, pages=500, on_row=lambda monitor: _alarm(monitor))
    ppo.learn(50_000, callback=stopped)
    assert ppo.num_timesteps == 1000


def test_a_model_that_has_already_learnt_can_be_watched() -> None:
    ppo = model()
    ppo.learn(500)
    callback = monitor_callback(ORDERS, pages=500, stop=False)
    ppo.learn(1500, callback=callback)
    assert callback.monitor.pages == 1000
    assert callback.monitor.rows[-1].kl > 0


def _alarm(monitor: Any) -> None:
    last = monitor.rows[-1]
    monitor.rows[-1] = type(last)(**{**vars(last), "alarm": "enough"})


def test_the_divergence_of_independent_parts_multiplies() -> None:
    """chi^2 + 1 of a page is the product over slots; by hand for a model that shifts one logit."""
    import copy

    import torch

    ppo = model()
    reference = copy.deepcopy(ppo.policy)
    with torch.no_grad():
        ppo.policy.action_net.weight.zero_()
        ppo.policy.action_net.bias.zero_()
        reference.action_net.weight.zero_()
        reference.action_net.bias.zero_()
        ppo.policy.action_net.bias[0] = math.log(
            3.0
        )  # (3, 1, 1, 1) / 6 in the first slot, even in the second
    moved = model_divergence(ppo.policy, reference, [ppo.env.reset()])
    assert moved is not None
    p = np.array([3, 1, 1, 1]) / 6
    assert moved.chi_squared == pytest.approx((p * p / 0.25).sum() - 1)
    assert moved.kl == pytest.approx((p * np.log(p / 0.25)).sum())
    assert moved.entropy == pytest.approx(-(p * np.log(p)).sum() + math.log(4))


def test_a_model_without_a_distribution_has_no_divergence() -> None:
    assert model_divergence(object(), object(), [{}]) is None
