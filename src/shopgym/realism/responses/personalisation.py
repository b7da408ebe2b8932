"""Strength of personalisation: how well simple recommenders name the next item of a visit.

Where tastes and intents are strong, the next item is like the last one, and item-KNN and a Markov chain name
it more often than popularity does. Where they are weak, popularity is hard to beat. So what the two have in
excess of popularity says how strong taste and intent are together. It does not say which of the two: within a
visit both pull towards the same items.
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
EXCESS = "recall_excess"
MOST_VISITS = 4000
"""Visits used, the last ones: recall grows with their number, so the simulated shop is given as many."""
FEWEST_VISITS = 500


def measure_personalisation(
    data: ShopData, rng: Generator, *, visits: int = MOST_VISITS, resamples: int = RESAMPLES
) -> MeasuredResponses:
    """Recall@20 of the next item by popularity, item-KNN and a Markov chain, and the excess of the last two.

    No item counts right after itself. Learnt from the first 80% of the visits with two different items or
    more, judged on the others. The interval is the bootstrap over users, or visits where users are not known;
    that of the excess takes the parts as independent, which makes it too wide rather than too narrow.

    Args:
        data: visits with the item pages that they opened.
        rng: of the bootstrap.
        visits: used at most, the last ones.
        resamples: of the bootstrap; 0: no interval.
    """
    names = (*RECOMMENDERS, EXCESS)
    if PAGE_VIEW not in data.measurable_kinds:
        return refused("needs visits: which item pages were opened, one after the other", *names)
    kept = last_visits(data, visits)
    number = 0 if kept is None else len(kept.sessions)
    if kept is None or number < FEWEST_VISITS:
        return refused(f"{number} visits open two items or more: {FEWEST_VISITS} are needed", *names)
    try:
        steps = visit_steps(kept, repeats=False)
    except InvalidInput as error:
        return refused(str(error), *names)
    boot = ClusterBootstrap(rng, resamples)
    how = f"next item of {number:,} visits among 20, learnt from the first 80% of them"
    measured = []
    for name, recommender in RECOMMENDERS.items():
        share = recall(steps, recommender, boot)
        measured.append(Response(name, share.value, share.low, share.high, "share", how, number))
    popularity, *others = measured
    value = sum(r.value for r in others) / len(others) - popularity.value
    widest = max(r.high - r.low for r in others)  # their mean varies no more than the wider one
    half = ((widest / 2.0) ** 2 + ((popularity.high - popularity.low) / 2.0) ** 2) ** 0.5
    how = f"item-KNN and Markov chain over popularity: {how}"
    measured.append(Response(EXCESS, value, value - half, value + half, "share", how, number))
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
