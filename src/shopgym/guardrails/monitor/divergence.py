"""How far a policy has moved from the reference policy on the same requests, and how random it still is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...core.batches import Decisions, Requests
from ...core.protocols import Policy, has_marginals
from ...core.types import F64


@dataclass(frozen=True)
class Divergence:
    """Of a policy from the reference policy, a mean over requests.

    Attributes:
        chi_squared: E_reference[(p / q - 1)^2] of what is shown; infinite where ``outside`` > 0.
        kl: E_policy[log(p / q)], in nats.
        entropy: of the policy, in nats.
        outside: share of the policy's probability on what the reference policy never shows.
        by_slot: whether what is shown is an item at a slot (exact, from slot marginals) or a whole page
            (an estimate from the pages that were shown).
    """

    chi_squared: float
    kl: float
    entropy: float
    outside: float = 0.0
    by_slot: bool = True


def divergence(policy: Policy, reference: Policy, requests: Requests, decisions: Decisions) -> Divergence:
    """Of ``policy`` from ``reference`` on ``requests``.

    Requests are taken as they are: where what is shown changes who comes back, the occupancies of states
    diverge as well, and this is a lower end. Where both policies have slot marginals the sums over the items
    of a slot are exact, and an occupancy is that of (request, slot, item): right for amounts of a slot that
    depend on the request and its item. Otherwise it is that of (request, page), estimated from the pages
    shown: E_policy[p / q] - 1.

    Args:
        decisions: what ``policy`` showed for the requests.
    """
    if has_marginals(policy) and has_marginals(reference):
        return slot_divergence(policy.marginals(requests), reference.marginals(requests))
    p = decisions.propensities.prod(axis=1)
    q = reference.propensities(requests, decisions.positions).prod(axis=1)
    outside = float((q <= 0).mean())
    log_ratio = np.log(p[q > 0]) - np.log(q[q > 0])
    chi = math.inf if outside or not len(log_ratio) else max(float(np.exp(log_ratio).mean()) - 1.0, 0.0)
    kl = math.inf if outside or not len(log_ratio) else max(float(log_ratio.mean()), 0.0)
    return Divergence(chi, kl, float(-np.log(p).mean()), outside, by_slot=False)


def slot_divergence(policy: F64, reference: F64) -> Divergence:
    """From slot marginals (n, k, m); slots that a page does not have are left out."""
    used = reference.sum(axis=2) > 0
    p, q = policy[used], reference[used]
    shown, covered = p > 0, q > 0
    outside = float(p[~covered].sum()) / max(len(p), 1)
    ratio = np.divide(p, q, out=np.zeros_like(p), where=covered)
    entropy = -float((p[shown] * np.log(p[shown])).sum()) / max(len(p), 1)
    if outside > 0:
        return Divergence(math.inf, math.inf, entropy, outside)
    chi = float((p * ratio).sum(axis=1).mean()) - 1.0
    both = shown & covered
    kl = float((p[both] * np.log(ratio[both])).sum()) / max(len(p), 1)
    return Divergence(max(chi, 0.0), max(kl, 0.0), entropy)
