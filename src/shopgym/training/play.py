"""One page at a time on the lanes of any environment, with what came next, as an agent sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ..core.batches import EMPTY, Decisions, Feedback, Interactions, Requests
from ..core.protocols import Policy
from ..core.types import F64, I64, AnyArray, Bool
from ..envs.page_env import PageEnv


@dataclass(frozen=True)
class Choice:
    """What a policy chose for the r lanes ``rows``, in ``seconds`` of CPU time."""

    rows: I64
    requests: Requests
    decisions: Decisions
    seconds: float

    def of_all(self, lanes: int) -> AnyArray:
        """(lanes, k) positions, empty pages for everybody else."""
        positions = np.full((lanes, self.decisions.positions.shape[1]), EMPTY, np.int32)
        positions[self.rows] = self.decisions.positions
        return positions


@dataclass(frozen=True)
class Page:
    """What came of it.

    Attributes:
        interactions: of the r lanes.
        feedback: of all lanes; rows of those that were shown nothing are blank.
        reward: (r,) of the page.
        visit_over: (r,) bool, the visit ended with this page.
        episode_over: (r,) bool, the episode did.
        kept: (r,) bool, the clock ended it, not the customer.
    """

    interactions: Interactions
    feedback: Feedback
    reward: F64
    visit_over: Bool
    episode_over: Bool
    kept: Bool


def choose(loop: PageEnv, policy: Policy, lanes: Bool, rng: Generator) -> Choice:
    """Let ``policy`` decide for the lanes (n,) bool on which somebody waits for a page."""
    if loop.episode == "season":
        lanes = lanes & ~loop.shop.visits.over
    rows = np.flatnonzero(lanes)
    requests = loop.requests.take(rows)
    start = time.process_time()
    decisions = policy.decide(requests, rng)
    return Choice(rows, requests, decisions, time.process_time() - start)


def answer(loop: PageEnv, choice: Choice) -> Page:
    """Show the pages chosen and ask what each lane wants next."""
    rows, shop = choice.rows, loop.shop
    lanes = np.zeros(shop.lanes, np.bool_)
    lanes[rows] = True
    outcome = loop.step(choice.of_all(shop.lanes), lanes)
    feedback = loop.feedback
    assert feedback is not None  # somebody was shown a page
    loop.next_requests()
    events = {name: values[rows] for name, values in feedback.learner_events().items()}
    reward = loop.reward.slots(feedback)[rows]
    gone, cut = outcome.terminated[rows], outcome.truncated[rows]
    # by now the next visit may have begun in the lane
    visit_over = gone | cut | shop.visits.over[rows] | (shop.visits.page[rows] == 0)
    # the next request of a lane in a season may be somebody else's: nothing of it is due to this page
    terminated = visit_over if loop.episode == "season" else gone
    interactions = Interactions(
        choice.requests, choice.decisions, reward, events, loop.requests.take(rows), terminated
    )
    return Page(interactions, feedback, outcome.reward[rows], visit_over, gone | cut, cut)


def pages(loop: PageEnv, policy: Callable[[], Policy], rounds: int, rng: Generator) -> Iterator[Page]:
    """``rounds`` pages on every lane; a new episode begins where one is over. ``loop`` is open."""
    everyone = np.ones(loop.shop.lanes, np.bool_)
    loop.next_requests()
    for _ in range(rounds):
        choice = choose(loop, policy(), everyone, rng)
        page = answer(loop, choice)
        yield page
        ended = np.zeros_like(everyone)
        ended[choice.rows] = page.episode_over
        if loop.episode == "season":
            ended[:] = loop.shop.visits.over.all()
        if ended.any():
            loop.next_requests(ended)
