"""Position bias: how much less a slot is looked at than the first slot of its page."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ..core.errors import InvalidInput
from ..core.protocols import Policy
from ..core.types import F64, AnyArray
from ..envs.page_env import PageEnv
from ..simulators.rollout import CandidateSource, rollout
from .loop import OnProgress


def position_bias(clicks: AnyArray, shown: AnyArray) -> F64:
    """(k,) click rate of each slot under random pages, relative to the first slot.

    On random pages every slot holds the same mix of items, so the ratio of two click rates is the ratio of
    two examination rates (Joachims et al. 2017, Unbiased learning-to-rank with biased feedback, sec. 5.1).
    Clicks are divided by impressions, for not every page has all slots. Each slot counts half a click and one
    impression more than it had, so that no rate is zero. A slot that was never shown gets the least rate of
    the others.

    Args:
        clicks: (k,) clicks on each slot.
        shown: (k,) impressions of each slot.

    Raises:
        InvalidInput: the shapes differ, or the first slot was never shown.
    """
    clicks, shown = np.asarray(clicks, np.float64), np.asarray(shown, np.float64)
    if clicks.ndim != 1 or clicks.shape != shown.shape:
        raise InvalidInput("clicks, shown", (clicks.shape, shown.shape), "give one number per slot in both")
    if not len(shown) or not shown[0] > 0:
        raise InvalidInput("shown", shown.tolist(), "every rate is relative to the first slot: show it")
    smoothed, impressions = clicks + 0.5, shown + 1.0
    # two ratios, not a ratio of rates: the second is exactly 1 where all slots are shown equally often
    bias: F64 = (smoothed / smoothed[0]) * (impressions[0] / impressions)
    bias[shown == 0] = bias[shown > 0].min()
    return bias


def measure_position_bias(
    env: PageEnv,
    random: Policy,
    pages: int,
    rng: Generator,
    *,
    candidates: CandidateSource | None = None,
    on_progress: OnProgress = lambda: None,
) -> F64:
    """(k,) the position bias that random pages in an open environment show.

    Args:
        pages: as many as if every row showed so many; in a season a row may wait for a visitor.
    """
    clicks, shown = np.zeros((2, env.shop.config.slate_size))
    in_all = pages * env.shop.lanes
    for step in rollout(env.world, random, rng, pages_in_all=in_all, candidates=candidates, look_ahead=False):
        clicks += step.feedback.clicked[step.rows].sum(axis=0)
        shown += (step.decisions.slates >= 0).sum(axis=0)
        on_progress()
    return position_bias(clicks, shown)
