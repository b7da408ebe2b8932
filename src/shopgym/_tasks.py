"""The named tasks: environments in which everything that decides the numbers is fixed by the id.

This file imports nothing heavy, because Gymnasium registers the tasks when it is loaded. What can be asked
about them is in :mod:`shopgym.envs.tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLICKS = {"terms": {"click": 1.0}, "unit": "click", "north_star": "click"}
MARGIN = {"terms": {"margin": 1.0}}
NO_STOCK = {"enabled": False}


@dataclass(frozen=True)
class NamedTask:
    """The data sheet of a task.

    Attributes:
        id: its name in Gymnasium. A task whose numbers change gets a new version.
        family: the environment it is made of: ``Bandit``, ``Session``, ``Shopper`` or ``Season``.
        options: the arguments of that environment, as YAML gives them.
        unit: of the return.
        episode: what a return adds up.
        tests: what an agent must be able to do.
        myopic_misses: what an agent misses that looks at nothing but the present page.
        oracle: what the reference called oracle is.
        exact: whether no policy can have a higher mean return than the oracle.
    """

    id: str
    family: str
    options: Mapping[str, Any]
    unit: str
    episode: str
    tests: str
    myopic_misses: str
    oracle: str
    exact: bool = False


LOWER = "; no look-ahead in full, so a lower bound of the best return"
PLANNER = "the best of a family of planners that know the hidden state and the shop's equations" + LOWER

TASKS: Mapping[str, NamedTask] = {
    task.id: task
    for task in (
        NamedTask(
            id="shopgym/Bandit-Clicks-v0",
            family="Bandit",
            options={
                "catalog": 50,
                "reward": CLICKS,
                "config": {
                    "users": 2000,
                    "slate_size": 3,
                    "num_candidates": 20,
                    "similar_share": 0.2,
                    "random_share": 0.6,
                    "taste_noise": 0.0,
                    "choice": {"click_base": -2.0},
                    "stock": NO_STOCK,
                },
            },
            unit="clicks",
            episode="one page",
            tests="learn whose taste fits which item, from many clicks and a taste that is known exactly",
            myopic_misses="nothing: the episode is the page",
            oracle="the best page by its exact expectation",
            exact=True,
        ),
        NamedTask(
            id="shopgym/Bandit-Margin-v0",
            family="Bandit",
            options={
                "catalog": "online_retail",
                "reward": MARGIN,
                "config": {"users": 5000, "slate_size": 5, "num_candidates": 30, "stock": NO_STOCK},
            },
            unit="GBP",
            episode="one page",
            tests="learn from orders, which are rare (one random page in thirty) and differ in size, "
            "with real products and prices and a taste that is known with noise",
            myopic_misses="nothing: the episode is the page",
            oracle="the best page by its exact expectation; it knows the taste without noise",
            exact=True,
        ),
        NamedTask(
            id="shopgym/Session-Engage-v0",
            family="Session",
            options={
                "catalog": 200,
                "reward": MARGIN,
                "config": {
                    "users": 2000,
                    "slate_size": 3,
                    "num_candidates": 20,
                    "max_pages": 20,
                    "similar_share": 0.05,
                    "random_share": 0.9,
                    "choice": {
                        "click_base": -2.0,
                        "cart_base": -1.5,
                        "depth": 0.0,
                        "price_sensitivity": 3.0,
                        "drift": 0.2,
                        "leave_base": 3.0,
                        "engagement": 8.0,
                        "fatigue": 0.0,
                    },
                    "stock": NO_STOCK,
                },
            },
            unit="currency",
            episode="one visit of up to 20 pages",
            tests="keep the visitor: after a page with a click 99% stay, after one without 95% leave; "
            "what is liked is clicked, what is cheap is bought",
            myopic_misses="a click that earns little now brings another page",
            oracle=PLANNER,
        ),
        NamedTask(
            id="shopgym/Session-Discount-v0",
            family="Session",
            options={
                "catalog": 200,
                "reward": MARGIN,
                "discounts": [0.0, 0.1, 0.2, 0.3],
                "config": {
                    "users": 2000,
                    "slate_size": 3,
                    "num_candidates": 20,
                    "max_pages": 10,
                    "choice": {
                        "click_base": -2.5,
                        "cart_base": -1.5,
                        "price_sensitivity": 4.0,
                        "reference_price": 1.0,
                    },
                    "stock": NO_STOCK,
                },
            },
            unit="currency",
            episode="one visit of up to 10 pages",
            tests="choose the page and its discount together: whom does a lower price win, "
            "and for whom is it given away",
            myopic_misses="little: a page without a click brings the end of the visit nearer",
            oracle=PLANNER,
        ),
        NamedTask(
            id="shopgym/Season-Scarce-v0",
            family="Season",
            options={
                "catalog": 200,
                "reward": MARGIN,
                "days": 14.0,
                "config": {
                    "users": 3000,
                    "slate_size": 3,
                    "num_candidates": 20,
                    "live": True,
                    "max_pages": 10,
                    "choice": {"click_base": -2.5, "cart_base": -1.0, "max_units": 1},
                    "stock": {
                        "lead_time": 10,
                        "cover_days": 2.0,
                        "safety": 0.2,
                        "minimum": 2,
                        "conversion": 0.02,
                        "out_at_start": 0.0,
                    },
                    "people": {
                        "enabled": True,
                        "missed_weight": 1.0,
                        "retention": {
                            "r": 1.2,
                            "alpha": 10.0,
                            "a": 1.1,
                            "b": 12.0,
                            "rate_effect": 0.5,
                            "churn_effect": 1.0,
                        },
                    },
                    "arrivals": {"per_day": 150.0},
                },
            },
            unit="currency",
            episode="one season: all visits of all customers in 14 days",
            tests="sell what is left: the best sellers run out, deliveries take 10 days, and what visitors "
            "miss keeps them from coming back",
            myopic_misses="a unit that is sold now cannot be sold later to somebody who wants it more; "
            "the planners that hold units back for them have gained nothing so far",
            oracle="the best page of each visit by its exact expectation; no planner of the family beat it"
            + LOWER,
        ),
        NamedTask(
            id="shopgym/Shopper-LongTerm-v0",
            family="Shopper",
            options={
                "catalog": 40,
                "reward": CLICKS,
                "days": 120.0,
                "identity": True,
                "config": {
                    "users": 2000,
                    "slate_size": 3,
                    "num_candidates": 10,
                    "choice": {"click_base": -2.0},
                    "stock": NO_STOCK,
                    "people": {
                        "enabled": True,
                        "retention": {
                            "r": 1.2,
                            "alpha": 10.0,
                            "a": 1.1,
                            "b": 12.0,
                            "rate_effect": 2.0,
                            "churn_effect": 4.0,
                        },
                    },
                },
            },
            unit="clicks",
            episode="120 days of one customer",
            tests="find out which items satisfy once they are opened, and show them though others "
            "are clicked more",
            myopic_misses="satisfaction: it decides when and whether the customer comes back",
            oracle=PLANNER,
        ),
    )
}
"""By id, from one page to the life of a customer; the scores in the table say how hard each is."""
