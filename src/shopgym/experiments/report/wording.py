"""What a report says differently where an episode is more than a page."""

from __future__ import annotations

from ...simulators.rollout import Episode
from ..episodes import PLURAL, deployed_episodes
from ..results import Results
from ..stages.evaluate import ONE_STOCK

LEARNT_FROM = {
    Episode.PAGE: "one-page visits",
    Episode.VISIT: "pages of whole visits",
    Episode.LIFE: "pages of customers who come back",
    Episode.SEASON: "pages of seasons",
}


def learnt_from(results: Results) -> str:
    """How many pages of which kind agents learnt from."""
    training = results.config.training
    return f"{training.rounds * training.batch:,} {LEARNT_FROM[results.episode]}"


def best_line(results: Results) -> str:
    """What the dashed line of the learning curve is, if there is one."""
    return "; the dashed line is the best page of every request" if results.episode is Episode.PAGE else ""


def deployed(results: Results) -> str:
    """In how many episodes policies were deployed."""
    episodes = "visitors" if results.episode is Episode.PAGE else PLURAL[results.episode]
    return f"{deployed_episodes(results.config):,} {episodes}"


def over_time_says(results: Results) -> str:
    """What the figure over time shows."""
    if results.episode is Episode.SEASON:
        return "Day by day: the mean over the seasons. Stock and price are those just before a page is shown."
    return (
        "Day by day since the customer's first visit: the mean over all customers, also those who have left. "
        "The stock of other customers is not simulated: what is sold out follows the shop's rule."
    )


def offline(results: Results) -> str:
    """How the log was used, and what the truth beside the estimates is."""
    if results.episode is Episode.PAGE:
        return (
            "From these alone every policy was estimated.\nThe black line is its exact value for the same "
            "requests, which only a simulated shop can know. It may differ\nfrom the value when deployed, "
            "because another policy leaves other items in stock."
        )
    if results.episode is Episode.SEASON:
        return f"No value is estimated from them: {ONE_STOCK}."
    return (
        f"From these alone every policy was estimated, by whole {PLURAL[results.episode]}: each page is "
        "weighed by how much likelier the policy was to show it and all earlier pages. IPS is per-decision "
        "importance sampling, SNIPS its weighted form, DM fitted Q evaluation, DR doubly robust with it. The "
        "black line is the value when deployed, which only a simulated shop can know. Where items run out it "
        "may differ, because another policy leaves other items in stock."
    )


def judged_by(results: Results) -> str:
    """Where the gate looks."""
    return "in paired deployments" if results.episode is Episode.SEASON else "on the log"


def truth_is(results: Results) -> str:
    """Which exact value an estimate is held against."""
    return "for the log's requests" if results.episode is Episode.PAGE else "when deployed"
