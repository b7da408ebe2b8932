"""Request-seeded decisions: the random numbers follow from the policy and the request's id.

So every decision in a log can be made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.random import Generator, Philox

from ...core.batches import EMPTY, Decisions, Requests
from ..policy import SlatePolicy


def decision_key(policy_hash: str, request_id: int) -> str:
    """The 128-bit key of one decision, as 32 hex digits.

    The first half of SHA-256 over the policy's hash and the request's uint64 id. The decision log has both,
    so a row of it and the policy are enough to repeat a decision.
    """
    return hashlib.sha256(f"shopgym decision 1\0{policy_hash}\0{request_id}".encode()).hexdigest()[:32]


def seeded_rng(key: str) -> Generator:
    """Philox (Salmon et al. 2011), a counter-based generator, under ``key``."""
    return Generator(Philox(key=int(key, 16)))


def decide_seeded(policy: SlatePolicy, request: Requests) -> Decisions:
    """The decision on one request (n = 1); padding among its candidates makes no difference."""
    rng = seeded_rng(decision_key(policy.hash, int(request.request_id[0])))
    real = np.flatnonzero(request.candidates[0] >= 0)
    if len(real) in (0, request.num_candidates):
        return policy.decide(request, rng)
    decided = policy.decide(request.at(real[None, :]), rng)
    inner = decided.positions
    positions = np.where(inner >= 0, real[np.maximum(inner, 0)], EMPTY).astype(np.int32)
    return replace(decided, positions=positions)
