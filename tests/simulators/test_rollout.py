"""The one rollout: against a loop written by hand, the order of what happens, episodes of all four kinds."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shopgym.core import Decisions, InvalidInput, Requests
from shopgym.simulators import Catalog, Shop, ShopConfig
from shopgym.simulators.engine.hash_rng import key
from shopgym.simulators.rollout import Episode, EpisodicShop, rollout


@dataclass
class Shuffled:
    """Shows random candidates; notes how many requests it was asked for and what it drew."""

    slots: int = 3
    asked: list[int] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def decide(self, requests: Requests, rng: np.random.Generator) -> Decisions:
        self.asked.append(len(requests))
        self.log.append("decide")
        positions = rng.permuted(np.tile(np.arange(requests.candidates.shape[1]), (len(requests), 1)), axis=1)
        positions = positions[:, : self.slots].astype(np.int32)
        slates = np.take_along_axis(requests.candidates, positions, axis=1)
        return Decisions(positions, slates, np.ones(slates.shape))


def world_of(catalog: Catalog, episode: Episode, lanes: int = 16, **settings: Any) -> EpisodicShop:
    full = {"users": 2000, "slate_size": 3, "num_candidates": 8, **settings}
    people = episode in (Episode.LIFE, Episode.SEASON)
    config = ShopConfig.full(**full) if people else ShopConfig(**full)
    world = EpisodicShop(Shop(catalog, config, lanes=lanes, clock=episode.clock, days=5.0), episode)
    world.open(7)
    return world


def test_it_is_the_loop_written_by_hand(catalog: Catalog) -> None:
    shop, rng, policy = world_of(catalog, Episode.VISIT).shop, np.random.default_rng(1), Shuffled()
    by_hand = []
    requests = shop.requests()
    for _ in range(12):
        decisions = policy.decide(requests, rng)
        feedback, left, cut = shop.serve(decisions.slates)
        by_hand.append((requests.request_id, decisions.slates, feedback.page, left | cut))
        requests = shop.next_pages(left | cut)
    world = world_of(catalog, Episode.VISIT)
    steps = list(rollout(world, Shuffled(), np.random.default_rng(1), pages=12))
    assert len(steps) == 12
    assert sum(ended.sum() for *_, ended in by_hand) > 20
    for step, (request_id, slates, page, ended) in zip(steps, by_hand, strict=True):
        np.testing.assert_array_equal(step.rows, np.arange(16))
        np.testing.assert_array_equal(step.requests.request_id, request_id)
        np.testing.assert_array_equal(step.decisions.slates, slates)
        np.testing.assert_array_equal(step.feedback.page, page)
        np.testing.assert_array_equal(step.terminated | step.truncated, ended)
        np.testing.assert_array_equal(step.visit_over, ended)


def test_a_season_is_the_loop_written_by_hand(catalog: Catalog) -> None:
    """Visits are settled, the next visitors come, and the season ends with its last visit."""
    shop, rng, policy = world_of(catalog, Episode.SEASON).shop, np.random.default_rng(1), Shuffled()
    by_hand: list[Any] = []
    for season in range(3):
        if season:
            first = int(key(np.uint64(7), np.uint64(season)))
            shop.reset([(first + row) % 2**64 for row in range(16)])
            shop.start_visits(np.ones(16, np.bool_))
        while not shop.visits.over.all():
            waiting = ~shop.visits.over
            rows = np.flatnonzero(waiting)
            requests = shop.requests().take(rows)
            decisions = policy.decide(requests, rng)
            slates = np.full((16, 3), -1, np.int32)
            slates[rows] = decisions.slates
            feedback, left, cut = shop.serve(slates, waiting)
            shop.end_visits(left | cut)
            shop.start_visits()
            last = shop.visits.over.all()
            by_hand.append((season, rows, requests.request_id, feedback.page, (left | cut)[rows], last))
    assert any(len(rows) < 16 for _, rows, *_ in by_hand)
    assert any(over.any() and not last for *_, over, last in by_hand)
    world = world_of(catalog, Episode.SEASON)
    steps = rollout(world, Shuffled(), np.random.default_rng(1), episodes=3)
    for step, (season, rows, request_id, page, over, last) in zip(steps, by_hand, strict=True):
        np.testing.assert_array_equal(step.rows, rows)
        np.testing.assert_array_equal(step.episode, season)
        np.testing.assert_array_equal(step.requests.request_id, request_id)
        np.testing.assert_array_equal(step.feedback.page, page)
        np.testing.assert_array_equal(step.visit_over, over)
        np.testing.assert_array_equal(step.truncated, last)


def test_seasons_of_one_seed_per_row_follow_the_first_seed(catalog: Catalog) -> None:
    one, other = world_of(catalog, Episode.SEASON), world_of(catalog, Episode.SEASON)
    other.open([7, *range(100, 115)])
    for world in (one, other):
        world.next_requests(np.ones(16, np.bool_))
    np.testing.assert_array_equal(other.requests.request_id, one.requests.request_id)


def test_a_page_ends_the_visits_that_were_shown_one(catalog: Catalog) -> None:
    world = world_of(catalog, Episode.PAGE)
    shown = np.arange(16) % 2 == 0
    slates = np.where(shown[:, None], world.next_requests().candidates[:, :3], -1).astype(np.int32)
    _, terminated, truncated = world.serve(slates, shown)
    np.testing.assert_array_equal(terminated, shown)
    np.testing.assert_array_equal(world.shop.visits.over, shown)
    assert not truncated.any()


def test_the_time_of_a_decision_is_measured(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the processor says 10 s before the decision and 10.25 s after it."""
    now = iter([10.0, 10.25])
    monkeypatch.setattr("shopgym.simulators.rollout.time", SimpleNamespace(process_time=lambda: next(now)))
    world = world_of(catalog, Episode.PAGE)
    [step] = rollout(world, Shuffled(), np.random.default_rng(0), pages=1)
    assert step.decision_seconds == 0.25


def test_candidates_come_first_then_the_decision_then_what_is_measured(catalog: Catalog) -> None:
    world, policy = world_of(catalog, Episode.PAGE, num_candidates=0), Shuffled()
    pages_before = world.shop.visits.page.copy()

    def candidates(requests: Requests) -> Requests:
        policy.log.append("candidates")
        from dataclasses import replace

        rows = np.tile(np.arange(8, dtype=np.int32), (len(requests), 1))
        return replace(requests, candidates=rows, in_stock=np.ones(rows.shape, np.bool_))

    def before(rows: Any, requests: Requests, slates: Any) -> int:
        policy.log.append("before")
        np.testing.assert_array_equal(world.shop.visits.page, pages_before)  # not served yet
        assert requests.candidates.shape == (16, 8)
        return int(slates.sum())

    def of_this_page() -> Shuffled:
        policy.log.append("policy")
        return policy

    steps = rollout(
        world,
        of_this_page,
        np.random.default_rng(0),
        pages=2,
        candidates=candidates,
        before=before,  # type: ignore[arg-type]
    )
    first = next(steps)
    assert policy.log == ["candidates", "policy", "decide", "before"]
    assert first.before == first.decisions.slates.sum()
    assert first.next_requests is first.requests  # nothing comes after a single page
    assert first.terminated.all()
    assert first.decision_seconds >= 0


@pytest.mark.parametrize("episode", [Episode.PAGE, Episode.VISIT, Episode.LIFE])
def test_every_row_has_as_many_episodes_as_asked_for(catalog: Catalog, episode: Episode) -> None:
    world, policy = world_of(catalog, episode), Shuffled()
    ends, pages = np.zeros((2, 16), int)
    for step in rollout(world, policy, np.random.default_rng(0), episodes=2):
        np.testing.assert_array_equal(step.episode, ends[step.rows])
        ends[step.rows] += step.terminated | step.truncated
        pages[step.rows] += 1
        unseen = np.setdiff1d(np.arange(16), step.rows)
        assert not step.feedback.page[unseen].any()
    np.testing.assert_array_equal(ends, 2)
    assert sum(policy.asked) == pages.sum()
    assert (pages == 2).all() == (episode is Episode.PAGE)


def test_deciding_for_all_draws_the_same_for_a_row_whoever_has_left(catalog: Catalog) -> None:
    policy = Shuffled()
    world = world_of(catalog, Episode.VISIT)
    for step in rollout(world, policy, np.random.default_rng(0), episodes=1, decide_for_all=True):
        assert len(step.requests) == len(step.decisions.slates) == len(step.rows)
    assert set(policy.asked) == {16}


def test_who_stays_asks_for_what_was_said_to_come_next(catalog: Catalog) -> None:
    world = world_of(catalog, Episode.VISIT)
    last: Any = None
    for step in rollout(world, Shuffled(), np.random.default_rng(0), pages=10):
        if last is not None:
            stays = ~(last.terminated | last.truncated)
            expected = last.next_requests.request_id[stays]
            np.testing.assert_array_equal(step.requests.request_id[stays], expected)
            new = step.requests.request_id[~stays]
            assert not np.isin(new, last.next_requests.request_id).any()
        last = step
    for lanes in (2, 16):  # with two rows there are pages after which no visit starts
        one, other = (world_of(catalog, Episode.VISIT, lanes=lanes) for _ in range(2))
        steps = zip(
            rollout(one, Shuffled(), np.random.default_rng(0), pages=10),
            rollout(other, Shuffled(), np.random.default_rng(0), pages=10, look_ahead=False),
            strict=True,
        )
        for ahead, short in steps:  # looking ahead changes nothing
            np.testing.assert_array_equal(ahead.requests.request_id, short.requests.request_id)
            np.testing.assert_array_equal(ahead.feedback.page, short.feedback.page)
            assert short.next_requests is short.requests


def test_seasons_follow_one_another_and_end_for_all_at_once(catalog: Catalog) -> None:
    world = world_of(catalog, Episode.SEASON, lanes=8)
    first_requests, ended = [], 0
    fresh = True
    for step in rollout(world, Shuffled(), np.random.default_rng(0), episodes=2):
        if fresh:
            first_requests.append(set(step.requests.request_id.tolist()))
        assert (step.episode == ended).all()
        fresh = bool(step.truncated.any())
        ended += fresh
        assert not step.terminated.any()
        assert step.truncated.all() == step.truncated.any()
        assert step.visit_over[step.truncated].all()
    assert ended == 2
    assert not first_requests[0] & first_requests[1]
    with pytest.raises(InvalidInput, match="reset_mask"):
        world.next_requests(np.arange(8) == 0)
