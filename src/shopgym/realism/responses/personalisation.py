"""Strength of personalisation: how well simple recommenders name the next item of a visit.

Where tastes and intents are strong, the next item is like the last one, and item-KNN and a Markov chain name
it far more often than popularity does. Where they are weak, the three are alike.
"""

from __future__ import annotations

import pandas as pd
from numpy.random import Generator

from ...core.errors import InvalidInput
from ..next_item_facts import recall, visit_steps
from ..resampling import RESAMPLES, ClusterBootstrap
from ..shop_data import PAGE_VIEW, ShopData
from .response import MeasuredResponses, Response, refused

RECOMMENDERS = {"recall_popularity": "popularity", "recall_item_knn": "knn", "recall_markov": "markov"}
MOST_VISITS = 4000
"""Visits used, the last ones: recall grows with their number, so the simulated shop is given as many."""
FEWEST_VISITS = 500


def measure_personalisation(
    data: ShopData, rng: Generator, *, visits: int = MOST_VISITS, resamples: int = RESAMPLES
) -> MeasuredResponses:
    """Recall@20 of the next item by popularity, item-KNN and a Markov chain, no item right after itself.

    Learnt from the first 80% of the visits with two different items or more, judged on the others. The
    interval is the bootstrap over users, or visits where users are not known.

    Args:
        data: visits with the item pages that they opened.
        rng: of the bootstrap.
        visits: used at most, the last ones.
        resamples: of the bootstrap; 0: no interval.
    """
    if PAGE_VIEW not in data.measurable_kinds:
        return refused("needs visits: which item pages were opened, one after the other", *RECOMMENDERS)
    kept = last_visits(data, visits)
    number = 0 if kept is None else len(kept.sessions)
    if kept is None or number < FEWEST_VISITS:
        return refused(f"{number} visits open two items or more: {FEWEST_VISITS} are needed", *RECOMMENDERS)
    try:
        steps = visit_steps(kept, repeats=False)
    except InvalidInput as error:
        return refused(str(error), *RECOMMENDERS)
    boot = ClusterBootstrap(rng, resamples)
    how = f"next item of {number:,} visits among 20, learnt from the first 80% of them"
    measured = []
    for name, recommender in RECOMMENDERS.items():
        share = recall(steps, recommender, boot)
        measured.append(Response(name, share.value, share.low, share.high, "share", how, number))
    return MeasuredResponses(tuple(measured))


def last_visits(data: ShopData, visits: int) -> ShopData | None:
    """The item pages of the last so many visits that open two different items or more; None if none does."""
    events = data.required_events()
    views = events[(events["event"] == data.page_view_kind) & events["session_id"].notna()]
    by_visit = views.groupby("session_id").agg(items=("item_id", "nunique"), start=("time", "min"))
    chosen = by_visit[by_visit["items"] > 1].sort_values("start", kind="stable").index[-visits:]
    if not len(chosen):
        return None
    kept: pd.DataFrame = views[views["session_id"].isin(chosen)]
    return ShopData.from_events(kept)
