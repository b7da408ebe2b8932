"""Cold start: the arithmetic by hand, the sums of the whole, and an order that cannot be otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task
from shopgym.agents.registry import _ADDED
from shopgym.core import Decisions, Interactions, InvalidInput, Requests
from shopgym.core.config import build
from shopgym.experiments.cell_runs import HowToRun
from shopgym.experiments.entries import AgentEntry
from shopgym.experiments.finished import arms, read_run
from shopgym.experiments.studies.cold_start import (
    STUDY,
    ColdStart,
    ColdStartConfig,
    LaunchSection,
    cold_start,
)
from shopgym.experiments.studies.cold_start.measure import count_up, page_losses, without_history
from shopgym.simulators import Catalog

SMALL: dict[str, Any] = {"items": 80, "lanes": 64, "warm_up": 10, "rounds": 20, "rounds_per_day": 5}


def small(agent: str, **changed: Any) -> ColdStart:
    """One agent with seed 0 in a small launch."""
    return cold_start(AgentEntry(agent, agent, {}), LaunchSection(**{**SMALL, **changed}), 0)


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
    nothing, chance = (small(agent) for agent in ("empty_pages", "random"))
    assert chance.impressions.sum() > 100
    np.testing.assert_array_equal(nothing.impressions, chance.impressions)
    np.testing.assert_allclose(nothing.new_items[nothing.impressions > 0], 1.0)
    assert nothing.known_items == pytest.approx(1.0)
    assert nothing.kept == pytest.approx(0.0, abs=1e-12)
    assert 0.3 < chance.known_items < 0.9
    np.testing.assert_array_equal(small("random").new_items, chance.new_items)


def test_content_helps_where_nothing_was_sold() -> None:
    """Sales say nothing of a new item; its embedding does."""
    sales = small("popularity", rounds=40)
    content = small("linear_ranker", rounds=40)
    assert np.nansum(content.new_items[:3]) < np.nansum(sales.new_items[:3])
    assert content.known_items < sales.known_items


def config_of(**changed: Any) -> ColdStartConfig:
    """A study of two agents, each with two seeds."""
    values = {"kind": "cold_start", "name": "small", "seeds": 2, "launch": SMALL}
    return build(ColdStartConfig, {**values, "agents": {"random": {}, "linear_ranker": {}}, **changed})


def test_the_study_runs_in_cells_goes_on_and_says_what_it_came_to(tmp_path: Path) -> None:
    folder, config = tmp_path / "small", config_of()
    table = STUDY.run(config, folder, HowToRun(quiet=True))
    alone = small("random"), cold_start(AgentEntry("random", "random", {}), config.launch, 1)
    row = table.set_index("agent").loc["random"]
    assert row["kept"] == pytest.approx((alone[0].kept + alone[1].kept) / 2)
    assert row["new 1-3"] == pytest.approx((alone[0].new_items[0] + alone[1].new_items[0]) / 2)
    title, rows = STUDY.show(table, config)[0]
    assert "2 seeds" in title
    assert [shown["agent"] for shown in rows] == ["linear_ranker", "random"]
    run = read_run(folder)
    assert (run.kind, run.state, run.cells) == ("cold_start", "finished", 4)
    assert run.headline.startswith("linear_ranker keeps ")
    assert {arm["agent"] for arm in arms(run)} == {"random", "linear_ranker"}
    before = (folder / "summary.json").read_bytes()
    for done in ("runs.csv", "summary.json", "table.csv", "cells/seed-1_random.json"):
        (folder / done).unlink()
    STUDY.run(config, folder, HowToRun(quiet=True))
    assert (folder / "summary.json").read_bytes() == before
    assert (folder / "cold_start.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"launch": {"rounds": 0}}, r"launch\.rounds"),
        ({"launch": {"new_share": 0.0}}, r"launch\.new_share"),
        ({"seeds": 1}, "seeds"),
        ({"agents": {"randm": {}}}, "randm"),
    ],
)
def test_bad_settings_are_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        config_of(**changed)
