"""Cold start: the arithmetic by hand, the sums of the whole, and an order that cannot be otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task
from shopgym.agents.registry import _ADDED
from shopgym.core import Decisions, Interactions, InvalidInput, Requests
from shopgym.experiments.studies.cold_start import (
    CLICKS,
    ITEM_ENDS,
    USER_ENDS,
    ColdStart,
    cold_start,
    count_up,
    page_losses,
    table,
    without_history,
)
from shopgym.simulators import Catalog

SMALL: dict[str, Any] = {"items": 80, "lanes": 64, "warm_up": 10, "rounds": 20, "rounds_per_day": 5}


def test_losses_by_hand() -> None:
    value = np.array([[0.1, 0.4, 0.2]])
    attention = np.array([[1.0, 0.5]])
    best, worth, loss = page_losses(value, np.array([[2, 1]], np.int32), attention)
    assert best.tolist() == [[1, 2]]
    np.testing.assert_allclose(worth, [[0.4, 0.1]])
    np.testing.assert_allclose(loss, [[0.2, -0.1]])  # the page lost 0.1 in all
    _, _, empty = page_losses(value, np.array([[1, -1]], np.int32), attention)
    np.testing.assert_allclose(empty, [[0.0, 0.1]])


def test_occasions_are_counted_from_one_and_go_on() -> None:
    counts = np.zeros(4, np.int64)
    assert count_up(counts, np.array([2, 0, 2, 2])).tolist() == [1, 1, 2, 3]
    assert count_up(counts, np.array([0, 3, 2])).tolist() == [2, 1, 4]
    assert counts.tolist() == [2, 0, 4, 1]


def test_new_items_have_no_history(catalog: Catalog) -> None:
    rows = np.arange(120) % 3 == 0
    items = without_history(catalog.items, rows)
    assert not items.popularity[rows].any()
    column = items.feature("popularity")
    assert (column[rows] == column.min()).all()
    np.testing.assert_array_equal(column[~rows], catalog.items.feature("popularity")[~rows])


class EmptyPages:
    """Shows nothing and learns nothing."""

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        self.slots = task.slate_size

    def policy(self) -> EmptyPages:
        return self

    def decide(self, requests: Requests, rng: np.random.Generator) -> Decisions:
        nothing = np.full((len(requests), self.slots), -1, np.int32)
        return Decisions(nothing, nothing, np.ones(nothing.shape))

    def learn(self, batch: Interactions) -> dict[str, float]:
        return {}


def test_empty_pages_lose_all_and_occasions_do_not_depend_on_who_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(_ADDED, "empty_pages", EmptyPages)
    nothing, chance = (cold_start(agent, **SMALL) for agent in ("empty_pages", "random"))
    assert chance.impressions.sum() > 100
    np.testing.assert_array_equal(nothing.impressions, chance.impressions)
    np.testing.assert_allclose(nothing.new_items[nothing.impressions > 0], 1.0)
    assert nothing.known_items == pytest.approx(1.0)
    assert 0.3 < chance.known_items < 0.9
    np.testing.assert_array_equal(cold_start("random", **SMALL).new_items, chance.new_items)


def test_content_helps_where_nothing_was_sold() -> None:
    """Sales say nothing of a new item; its embedding does."""
    sales = cold_start("popularity", **{**SMALL, "rounds": 40})
    content = cold_start("linear_ranker", **{**SMALL, "rounds": 40})
    assert np.nansum(content.new_items[:3]) < np.nansum(sales.new_items[:3])
    assert content.known_items < sales.known_items


def test_table() -> None:
    groups, pages = len(ITEM_ENDS) + 1, len(USER_ENDS) + 1
    one = ColdStart("a", np.full(groups, 0.5), 0.25, np.full(pages, 0.1), np.ones(groups, np.int64))
    lines = table([one, replace(one, known_items=0.75)]).split("\n")
    assert lines[0].startswith("| agent | new item 1-3 | new item 4-10 |")
    assert lines[2] == "| a | 50 | 50 | 50 | 50 | 50 | 50 | 10 | 10 | 10 | 10 |"
    assert CLICKS.unit == "click"


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"cold_start\.rounds"):
        cold_start("random", rounds=0)
