"""The monitor as a callback of Stable-Baselines3, in one line::

    model.learn(100_000, callback=monitor_callback(env.loop.reward))

Stable-Baselines3 is imported when the callback is made.
"""

from __future__ import annotations

import copy
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import in_range
from ...core.reward import RewardSpec
from ...core.types import F64
from .divergence import Divergence
from .monitor import OnRow, PageBatch, RewardMonitor

if TYPE_CHECKING:
    from stable_baselines3.common.callbacks import BaseCallback

OBSERVATIONS = 256
"""Observations of a batch on which the divergence is measured."""


def monitor_callback(
    reward: RewardSpec,
    *,
    pages: int = 2000,
    batches: int = 200,
    error: float = 0.05,
    stop: bool = True,
    on_row: OnRow | None = None,
) -> BaseCallback:
    """A callback that watches ``infos[i]["reward_terms"]`` while a model learns.

    The reference policy is the model as it is when the training starts: the pages of its first rollouts, at
    least ``pages`` of them, are what later ones are compared with. With a model that has a distribution over
    actions the divergence is that of (observation, action), exact for each observation.

    Args:
        reward: of the environment, ``env.loop.reward``.
        pages: in a batch.
        batches, error, on_row: see :class:`.monitor.RewardMonitor`.
        stop: whether an alarm ends the training.

    Returns:
        A ``BaseCallback``; its ``monitor`` is the :class:`.RewardMonitor`, None until the first batch.
    """
    from stable_baselines3.common.callbacks import BaseCallback

    in_range("monitor.pages", pages, 2, 2**31)

    class RewardMonitorCallback(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.monitor: RewardMonitor | None = None
            self.reference: Any = None
            self._terms: list[dict[str, float]] = []
            self._seen: list[Any] = []

        def _on_training_start(self) -> None:
            if self.reference is None:
                self.reference = copy_of(self.model.policy)

        def _on_rollout_end(self) -> None:
            if self.monitor is None and len(self._terms) >= pages:
                settings: dict[str, Any] = {"batches": batches, "error": error, "on_row": on_row}
                self.monitor = RewardMonitor(self._batch(), north_star=reward.star.name, **settings)

        def _on_step(self) -> bool:
            shown = [info["reward_terms"] for info in self.locals["infos"] if _is_page(info)]
            self._terms += shown
            if len(self._seen) * self.training_env.num_envs < OBSERVATIONS:
                self._seen.append(copy.deepcopy(self.model._last_obs))
            if self.monitor is None or len(self._terms) < pages:
                return True
            self.monitor.add(self._batch())
            return not (stop and self.monitor.alarm)

        def _batch(self) -> PageBatch:
            names = self._terms[0]
            terms = {name: np.array([page[name] for page in self._terms]) for name in names}
            moved = model_divergence(self.model.policy, self.reference, self._seen)
            self._terms, self._seen = [], []
            return PageBatch(reward.weigh(terms), reward.north_star_amount(terms), terms, moved)

    return RewardMonitorCallback()


def copy_of(policy: Any) -> Any:
    """The policy as it is now. One that has learnt holds tensors that ``deepcopy`` refuses."""
    file = io.BytesIO()
    policy.save(file)
    file.seek(0)
    return type(policy).load(file, device=policy.device)


def _is_page(info: dict[str, Any]) -> bool:
    """Whether a page was shown: slot by slot most steps show none."""
    return bool(info.get("shown", info["reward_terms"].get("impression", 1.0) > 0))


def model_divergence(policy: Any, reference: Any, observations: list[Any]) -> Divergence | None:
    """Of a model's policy from another on batches of observations; None without distributions."""
    if not hasattr(policy, "get_distribution") or not observations:
        return None
    chi: list[F64] = []
    kl: list[F64] = []
    entropy: list[F64] = []
    for observation in observations:
        one = action_probabilities(policy, observation)
        other = action_probabilities(reference, observation)
        if one is None or other is None:
            return None
        product, nats, own = 1.0, 0.0, 0.0
        for p, q in zip(one, other, strict=True):
            product = product * (p * p / np.maximum(q, 1e-300)).sum(axis=1)
            both = np.maximum(p, 1e-300)
            nats = nats + (p * (np.log(both) - np.log(np.maximum(q, 1e-300)))).sum(axis=1)
            own = own - (p * np.log(both)).sum(axis=1)
        chi.append(product - 1.0)  # type: ignore[arg-type]
        kl.append(nats)  # type: ignore[arg-type]
        entropy.append(own)  # type: ignore[arg-type]
    mean = [float(np.concatenate(values).mean()) for values in (chi, kl, entropy)]
    return Divergence(max(mean[0], 0.0), max(mean[1], 0.0), mean[2], by_slot=False)


def action_probabilities(policy: Any, observation: Any) -> list[F64] | None:
    """(n, actions) for each part of the action; None for continuous actions."""
    import torch

    tensors, _ = policy.obs_to_tensor(observation)
    with torch.no_grad():
        chosen = policy.get_distribution(tensors)
    parts = getattr(chosen, "distribution", None) or getattr(chosen, "distributions", None)
    parts = parts if isinstance(parts, list | tuple) else [parts]
    if not all(hasattr(part, "probs") for part in parts):
        return None
    return [part.probs.cpu().double().numpy() for part in parts]
