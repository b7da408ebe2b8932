"""A model trained by Stable-Baselines3 as a policy with propensities, and distilled into one to serve.

Stable-Baselines3 itself is not imported; the trained model is an argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from ...core.batches import EMPTY, Decisions, Interactions, Requests
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I32, AnyArray, Bool
from ...policies.guards import GuardCounters, allowed_at_all, allowed_next, open_counters
from ...policies.policy import SlatePolicy, item_rows
from ..task import Task
from .cloning import Cloning


@dataclass(frozen=True, eq=False)
class StableBaselinesPolicy:
    """Asks a model trained on form ``slot`` for one slot after the other (implements ``core.Policy``).

    With a model that has a distribution (PPO, A2C, MaskablePPO) it draws from that among what is allowed;
    with one that has Q values (DQN) it takes the best. What the task's guards forbid has probability 0.

    Attributes:
        model: a trained Stable-Baselines3 algorithm.
        task: with the items of the shop that it was trained in.
        floor: probability in each slot of a uniform draw among what is allowed.
    """

    model: Any
    task: Task
    floor: float = 0.0

    def __post_init__(self) -> None:
        in_range("sb3.floor", self.floor, 0.0, 1.0)
        names = set(self.model.observation_space.spaces)
        if "slot" not in names or "candidates" not in names:
            raise InvalidInput("sb3.model", sorted(names), "give a model trained on form 'slot'")

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Draw a slate for each request; see :class:`shopgym.core.Decisions`."""
        n, k = len(requests), self.task.slate_size
        positions, probabilities = np.full((n, k), EMPTY, np.int32), np.ones((n, k))
        for slot in range(k):
            allowed, p = self._slot(requests, positions, slot)
            possible = allowed.any(axis=1)
            drawn = (p.cumsum(axis=1) < rng.random((n, 1)) * p.sum(axis=1, keepdims=True)).sum(axis=1)
            drawn = np.minimum(drawn, p.shape[1] - 1)
            positions[possible, slot] = drawn[possible]
            probabilities[possible, slot] = p[possible, drawn[possible]]
        return Decisions(positions, item_rows(requests, positions), probabilities)

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) probability of each slot given the slots before it."""
        out = np.ones(positions.shape)
        for slot in range(positions.shape[1]):
            earlier = np.where(np.arange(positions.shape[1]) < slot, positions, EMPTY).astype(np.int32)
            allowed, p = self._slot(requests, earlier, slot)
            position = positions[:, slot]
            chosen = np.take_along_axis(p, np.maximum(position, 0)[:, None], axis=1)[:, 0]
            out[:, slot] = np.where(position >= 0, chosen, ~allowed.any(axis=1))
        return out

    @property
    def has_marginals(self) -> bool:
        """False: a slot depends on the earlier ones in a way that has no closed form."""
        return False

    def marginals(self, requests: Requests) -> F64:
        """Not known, see :attr:`has_marginals`.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput("policy.marginals", "sb3", "use propensities, or what distil() makes of it")

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """Refused: the model is not plain arrays.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput("policy.state", "sb3", "export what distil() makes of it")

    def open_counters(self) -> GuardCounters | None:
        """Counters of the task's guards at 0; None where no guard has a state."""
        return open_counters(self.task.guards, self.task.items)

    def _slot(self, requests: Requests, positions: I32, slot: int) -> tuple[Bool, F64]:
        """(n, m) what is allowed in the slot, and its probabilities; all 0 where the slot must stay empty."""
        guards, items, earlier = self.task.guards, self.task.items, positions[:, :slot]
        allowed = allowed_at_all(guards, requests, items)
        allowed = allowed_next(guards, requests, items, allowed, earlier)
        chosen = np.zeros(allowed.shape, np.bool_)
        for position in earlier.T:
            rows = np.flatnonzero(position >= 0)
            chosen[rows, position[rows]] = True
        allowed &= ~chosen
        if requests.slots is not None:
            allowed &= (slot < requests.slots)[:, None]
        mask = allowed | ~allowed.any(axis=1, keepdims=True)
        observation = self._observed(requests) | {
            "action_mask": mask.astype(np.int8),
            "chosen": chosen.astype(np.int8),
            "slot": np.tile(np.arange(self.task.slate_size) == slot, (len(requests), 1)).astype(np.int8),
        }
        p = np.where(allowed, self._model_probabilities(observation, mask), 0.0)
        total, count = p.sum(axis=1, keepdims=True), np.maximum(allowed.sum(axis=1, keepdims=True), 1)
        uniform = allowed / count
        p = np.where(total > 0, p / np.where(total > 0, total, 1.0), uniform)
        return allowed, (1.0 - self.floor) * p + self.floor * uniform

    def _observed(self, requests: Requests) -> dict[str, AnyArray]:
        """The parts of the environment's observation that the model was trained on and a request tells."""
        parts: dict[str, AnyArray] = {"user": requests.user, "context": requests.context}
        rows = {"candidates": requests.candidates, "history": requests.history}
        for name, items in rows.items():
            if items is not None:
                features = self.task.items.features[np.maximum(items, 0)]
                parts[name] = np.where(items[:, :, None] >= 0, features, 0).astype(np.float32)
        parts["candidate_items"] = requests.candidates
        if requests.history is not None:
            parts["history_items"] = requests.history
        if requests.live:
            parts["live"] = np.stack([requests.live[name] for name in ("price", "margin", "stock")], axis=2)
        wanted = set(self.model.observation_space.spaces) - {"action_mask", "chosen", "slot"}
        if not wanted <= parts.keys():
            fix = "the model was trained on these too: send requests that have them"
            raise InvalidInput("requests", sorted(wanted - parts.keys()), fix)
        return {name: parts[name] for name in wanted}

    def _model_probabilities(self, observation: dict[str, AnyArray], mask: Bool) -> F64:
        """(n, m) the probabilities of the model."""
        policy = self.model.policy
        with torch.no_grad():
            tensors, _ = policy.obs_to_tensor(observation)
            if hasattr(policy, "q_net"):
                q = policy.q_net(tensors).cpu().double().numpy()
                best = np.where(mask, q, -np.inf).argmax(axis=1)
                out: F64 = np.eye(q.shape[1])[best]
                return out
            takes_masks = "action_masks" in inspect.signature(policy.get_distribution).parameters
            masks = {"action_masks": mask} if takes_masks else {}
            probabilities = policy.get_distribution(tensors, **masks).distribution.probs
        p: F64 = probabilities.cpu().double().numpy()
        return p


def distil(
    policy: StableBaselinesPolicy, requests: Requests, rng: Generator, **options: Any
) -> tuple[SlatePolicy, float]:
    """A copy that needs no torch: :class:`.Cloning` of what the policy decides for these requests.

    Args:
        requests: many, like those that will be served.
        options: of :class:`.Cloning`.

    Returns:
        The copy, and minus the mean log-likelihood of the policy's slates under it.
    """
    decisions = policy.decide(requests, rng)
    agent = Cloning(policy.task, rng, **options)
    loss = agent.learn(Interactions(requests, decisions, np.zeros(decisions.slates.shape)))["loss"]
    return agent.policy(), loss
