"""What happens when a visit ends: satisfaction and habit change, and the time of the next visit is drawn."""

from __future__ import annotations

import math

import numpy as np

from ...core.types import I64, Bool
from ..engine.hash_rng import DRAW_DROPOUT, DRAW_GAP, key, unit
from ..engine.jit import kernel
from ..engine.work_queue import claim
from ..params import ShopParams
from .retention import days_until, stays
from .satisfaction import HABIT_RATE
from .visits import Visits


@kernel
def end_visits(params: ShopParams, visits: Visits, ended: Bool, stayed: Bool, queue: I64) -> None:
    """Settle every visit that has ``ended`` (n,).

    - Satisfaction moves towards the experience of the visit (:class:`.satisfaction.PeopleConfig`), habit
      towards whether something was bought.
    - ``stayed`` (n,) is set where the person remains a customer (:mod:`.retention`).
    - ``visits.gap`` becomes the days until their next visit; boredom fades over these days.
    """
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            if not ended[i]:
                continue
            experience = visits.mood[i]
            if visits.weight[i] > 0.0:
                experience += params.worth_weight * visits.joy[i] / visits.weight[i]
            if visits.bought[i] > 0:
                experience += params.purchase_bonus
            visits.satisfaction[i] += (1.0 - params.inertia) * (
                math.tanh(experience) - visits.satisfaction[i]
            )
            habit = 1.0 if visits.bought[i] > 0 else 0.0
            visits.habit[i] += HABIT_RATE * (habit - visits.habit[i])
            user = visits.user[i]
            visit = visits.key[i]
            # BG/NBD draws drop-out from the first return on; after a first visit only the gap decides
            stayed[i] = visits.visit[i] <= 1 or stays(
                params.dropout[user],
                visits.satisfaction[i],
                params.churn_effect,
                unit(key(visit, DRAW_DROPOUT)),
            )
            rate = params.rate[user] * math.exp(params.habit_effect * visits.habit[i])
            gap = days_until(rate, visits.satisfaction[i], params.rate_effect, unit(key(visit, DRAW_GAP)))
            visits.gap[i] = gap
            fade = np.float32(math.exp(-gap / params.boredom_days))
            for c in range(visits.seen.shape[1]):
                visits.seen[i, c] *= fade
        low, high = claim(queue)
