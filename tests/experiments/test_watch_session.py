"""A watched shop: the same actions give the same shop, and every action does what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from builders.watched import SMALL, config_file, small_session

from shopgym.agents import Task, make_agent
from shopgym.core import InvalidInput, Requests
from shopgym.core.batches import EMPTY
from shopgym.experiments.config import parse_config
from shopgym.experiments.policy_store import save_retriever
from shopgym.experiments.watch.interventions import left_out
from shopgym.experiments.watch.session import ACTIONS, WatchSession
from shopgym.experiments.watch.totals import POINTS, DaySeries, PolicyEarnings
from shopgym.experiments.watch.watched_shop import watched_config, watched_run
from shopgym.policies.guards import CategoryCap, Guard, InStock
from shopgym.policies.retriever_from_policy import retriever_of
from shopgym.policies.serving.saved_policy import write_run_policy
from shopgym.simulators import Catalog
from shopgym.simulators.build_params import context_names, user_names
from shopgym.simulators.catalog.catalog import OBSERVED

SCRIPT: tuple[dict[str, Any], ...] = (
    {"action": "step", "steps": 20},
    {"action": "stockout", "top": 5},
    {"action": "step", "steps": 20},
    {"action": "policy", "name": "random"},
    {"action": "promotion", "price_off": 0.3, "days": 2},
    {"action": "pause"},
    {"action": "step", "steps": 20},
)


@pytest.fixture
def session(tmp_path: Path) -> WatchSession:
    return small_session(tmp_path)


def slots(session: WatchSession) -> list[dict[str, Any]]:
    return [slot for page in session.snapshot()["pages"] for slot in page["slots"] if slot]


# determinism and counts


def test_the_same_seed_and_actions_give_the_same_shop(tmp_path: Path) -> None:
    def played(**changes: Any) -> list[str]:
        session = small_session(tmp_path, **changes)
        seen = []
        for action in SCRIPT:
            session.act(action)
            seen.append(json.dumps(session.snapshot(), allow_nan=False))
        return seen

    first = played()
    assert played() == first
    assert played(seed=6)[-1] != first[-1]


def test_looking_changes_nothing(tmp_path: Path) -> None:
    seen, unseen = small_session(tmp_path), small_session(tmp_path)
    for _ in range(15):
        seen.step()
        seen.snapshot()
    unseen.step(15)
    assert seen.snapshot() == unseen.snapshot()


def test_totals_are_the_sums_of_the_pages(session: WatchSession) -> None:
    sums = dict.fromkeys(("pages", "visits", "click", "cart", "purchase", "units", "margin"), 0.0)
    for _ in range(150):
        session.step()
        pages = session.snapshot()["pages"]
        filled = slots(session)
        sums["pages"] += len(pages)
        sums["visits"] += sum(page["left"] for page in pages)
        sums["margin"] += sum(page["margin"] for page in pages)
        for name, field in (("click", "clicked"), ("cart", "carted"), ("units", "bought")):
            sums[name] += sum(slot[field] for slot in filled)
        sums["purchase"] += sum(slot["bought"] > 0 for slot in filled)
    counts = session.snapshot()["counts"]
    assert counts["purchase"] > 0
    assert {name: counts[name] for name in sums} == pytest.approx(sums, abs=0.5)
    assert session.snapshot()["policies"]["best_sellers"]["pages"] == sums["pages"]


def test_who_comes_is_told(session: WatchSession) -> None:
    session.step()
    pages, news = session.snapshot()["pages"], session.snapshot()["news"]
    assert [page["page"] for page in pages] == [1, 1, 1, 1]
    assert {row["text"] for row in news} >= {
        f"Customer {page['customer']} came, visit {page['visit']}." for page in pages
    }


# actions


def test_a_stockout_empties_the_bars_and_the_guard_says_why(session: WatchSession) -> None:
    session.step()
    best = session.snapshot()["stock"][0]["item"]
    session.act({"action": "stockout", "item": best})
    bar = session.snapshot()["stock"][0]
    assert (bar["on_hand"], bar["item"]) == (0, best)
    changes = []
    for _ in range(10):
        session.step()
        assert best not in {slot["item"] for slot in slots(session)}
        changes += [change for page in session.snapshot()["pages"] for change in page["left_out"]]
    gone = [change for change in changes if change["item"] == best]
    assert gone
    assert {(change["guard"], change["why"]) for change in gone} == {("in_stock", "sold out")}
    counts = {row["guard"]: row for row in session.snapshot()["guards"]}
    assert counts["in_stock"]["pages"] == session.snapshot()["counts"]["pages"]
    assert counts["in_stock"]["items"] >= len(gone)
    assert session.snapshot()["actions"][0]["kind"] == "stockout"


def test_a_stockout_of_a_category_and_of_the_best_sellers(session: WatchSession) -> None:
    session.act({"action": "stockout", "top": 3})
    assert [row["on_hand"] for row in session.snapshot()["stock"][:3]] == [0, 0, 0]
    category = session.about()["categories"][0]
    session.act({"action": "stockout", "category": category})
    session.act({"action": "policy", "name": "random"})
    for _ in range(10):
        session.step()
        assert category not in {slot["category"] for slot in slots(session)}


def test_a_promotion_cuts_prices_and_ends(session: WatchSession) -> None:
    session.act({"action": "promotion", "price_off": 0.25, "days": 1})
    session.step()
    cost = dict(
        zip(session.watched.catalog.items.item_id, session.watched.catalog.items.unit_cost, strict=True)
    )
    for slot in slots(session):
        due = max(0.75 * slot["list_price"], cost[slot["item"]])
        assert slot["price"] == pytest.approx(due, abs=0.02)
    (running,) = session.snapshot()["promotions"]
    assert (running["category"], running["items"]) == ("whole range", 60)
    while session.snapshot()["day"] < 2.1:
        session.step()
    assert session.snapshot()["promotions"] == []
    assert all(slot["price"] == slot["list_price"] for slot in slots(session))


def test_a_promotion_of_one_category_leaves_the_others(session: WatchSession) -> None:
    category = session.about()["categories"][1]
    session.act({"action": "promotion", "category": category})
    for _ in range(10):
        session.step()
        reduced = {slot["category"] for slot in slots(session) if slot["price"] < slot["list_price"]}
        assert reduced <= {category}


def test_each_policy_has_its_own_pages(session: WatchSession) -> None:
    assert session.about()["policies"] == ["best_sellers", "random", "popularity"]
    session.step(3)
    session.act({"action": "policy", "name": "random"})
    session.act({"action": "policy", "name": "random"})
    session.step(2)
    seen = session.snapshot()
    assert {name: row["pages"] for name, row in seen["policies"].items()} == {"best_sellers": 12, "random": 8}
    assert [row["text"] for row in seen["actions"]] == ["Policy best_sellers → random"]


def test_pause_speed_and_steps(session: WatchSession) -> None:
    session.act({"action": "pause"})
    session.act({"action": "speed", "steps_per_second": 5})
    session.act({"action": "step"})
    seen = session.snapshot()
    assert (seen["running"], seen["steps_per_second"], seen["steps"]) == (False, 5.0, 1)
    session.act({"action": "resume"})
    assert session.snapshot()["running"]


@pytest.mark.parametrize(
    ("action", "field", "fix"),
    [
        ({}, "action", "choose one of"),
        ({"action": "pausse"}, "action", "did you mean 'pause'"),
        ({"action": "pause", "now": 1}, "now", "takes nothing"),
        ({"action": "step", "step": 2}, "step", "did you mean 'steps'"),
        ({"action": "step", "steps": 1.5}, "steps", "whole number"),
        ({"action": "step", "steps": 0}, "steps", "[1, 1000]"),
        ({"action": "speed", "steps_per_second": "fast"}, "steps_per_second", "number"),
        ({"action": "policy", "name": "lints"}, "name", "choose one of"),
        ({"action": "stockout"}, "item, category, top", "give one of them"),
        ({"action": "stockout", "item": "a", "top": 2}, "item, category, top", "give one of them"),
        ({"action": "stockout", "item": "nothing"}, "stockout.ids", "no such item"),
        ({"action": "stockout", "item": 3}, "item", "as a text"),
        ({"action": "stockout", "top": 61}, "stockout.top", "only 60 items"),
        ({"action": "stockout", "top": "all"}, "top", "whole number"),
        ({"action": "stockout", "category": "Food"}, "category", "choose one of"),
        ({"action": "promotion", "category": ["x"]}, "category", "choose one of"),
        ({"action": "promotion", "price_off": 1.0}, "price_off", "0.9]"),
        ({"action": "promotion", "days": 0}, "days", "(0,"),
        ({"action": "promotion", "share": 2}, "share", "1]"),
    ],
)
def test_what_cannot_be_done_is_named_and_changes_nothing(
    session: WatchSession, action: dict[str, Any], field: str, fix: str
) -> None:
    before = session.snapshot()
    with pytest.raises(InvalidInput) as refused:
        session.act(action)
    assert refused.value.field == field
    assert fix in refused.value.fix
    assert session.snapshot() == before


def test_every_action_is_tried_here() -> None:
    assert {action["action"] for action in SCRIPT} | {"resume", "speed"} == set(ACTIONS)


# the season


def test_after_a_season_the_next_one_begins(tmp_path: Path) -> None:
    session = small_session(tmp_path, season={"days": 1.0}, shop={**SMALL["shop"], "users": 500})
    session.act({"action": "promotion", "days": 300})
    while session.snapshot()["season"] == 1:
        session.step()
    session.step()
    seen = session.snapshot()
    assert 1.0 <= seen["day"] < 2.0
    assert seen["promotions"] == []
    days = [point[0] for point in seen["series"]]
    assert days == sorted(days)


def test_what_a_config_says_of_people_and_arrivals_holds(tmp_path: Path) -> None:
    shop = SMALL["shop"] | {
        "people": {"enabled": False},
        "arrivals": {"per_day": 30.0},
        "stock": {"enabled": False},
    }
    session = small_session(tmp_path, shop=shop)
    assert session.watched.notes == ()
    assert session.watched.config.arrivals.per_day == 30.0
    session.step(40)
    seen = session.snapshot()
    assert {page["satisfaction"] for page in seen["pages"]} == {None}
    assert {point[2] for point in seen["series"]} == {None}
    assert seen["stock"] == []
    with pytest.raises(InvalidInput, match="nothing runs out"):
        session.act({"action": "stockout", "top": 1})


def test_a_season_has_the_days_of_the_config(tmp_path: Path) -> None:
    people = SMALL["shop"] | {"people": {"enabled": True}, "arrivals": {"per_day": 20.0}}
    path = config_file(tmp_path, episode="season", days=12.0, shop=people)
    assert watched_config(path).days == 12.0
    assert watched_config(path).notes == ()
    assert watched_config(config_file(tmp_path)).days == 91.0


def test_what_a_config_leaves_open_is_said(session: WatchSession) -> None:
    assert len(session.about()["notes"]) == 2
    session.step(100)
    series = session.snapshot()["series"]
    assert series[0][1:3] == (None, None)  # too little to say anything
    assert None not in series[-1]


def test_a_shop_to_which_nobody_comes_is_named(tmp_path: Path) -> None:
    session = small_session(tmp_path, shop=SMALL["shop"] | {"arrivals": {"per_day": 1e-9}})
    with pytest.raises(InvalidInput, match=r"shop\.arrivals\.per_day"):
        session.step()


@pytest.mark.parametrize("visitors", [0, 25])
def test_visitors_out_of_range_are_refused(tmp_path: Path, visitors: int) -> None:
    with pytest.raises(InvalidInput, match="visitors"):
        small_session(tmp_path, visitors=visitors)


# configs, profiles, runs


def test_a_profile_and_a_config_of_the_whole_catalogue_can_be_watched(tmp_path: Path) -> None:
    assert watched_config(Path("grocery")).config.people.enabled
    shop = {name: value for name, value in SMALL["shop"].items() if name != "num_candidates"}
    whole = small_session(tmp_path, shop=shop, retrieve={"count": 20})
    assert whole.watched.config.num_candidates == 20
    assert "retrieve" in whole.watched.notes[-1]


def test_wrong_configs_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'online_retail'"):
        watched_config(Path("online_retial"))
    with pytest.raises(InvalidInput, match="kind leaderboard"):
        watched_config(Path("leaderboard"))
    with pytest.raises(InvalidInput, match=r"shop\.users"):
        small_session(tmp_path, shop=SMALL["shop"] | {"users": 10, "arrivals": {"per_day": 100.0}})


def write_run(folder: Path, **changes: Any) -> Path:
    """What ``shopgym run`` leaves behind, as far as it is read: two policies, one of which reads contexts."""
    config = parse_config(SMALL | changes)
    catalog, shop = Catalog.synthetic(60, seed=1), config.shop_config()
    names = {"user": user_names(shop), "context": context_names(OBSERVED, shop), "live": ()}
    attention = np.ones(shop.slate_size)
    task = Task(catalog.items, names["user"], names["context"], 3, config.guards, attention=attention)
    for name in ("linucb", "popularity"):
        policy = replace(make_agent(name, task, np.random.default_rng(0)).policy(), name=name)
        write_run_policy(folder / "policies", policy, names)
    if config.retrieve is not None:
        linucb = make_agent("linucb", task, np.random.default_rng(0)).policy()
        save_retriever(folder / "retriever", retriever_of(linucb, 15, np.random.default_rng(0)))
    catalog.save(folder / "catalog.parquet")
    (folder / "config.yaml").write_text(yaml.safe_dump(config.stored()))
    return folder


@pytest.mark.parametrize("retrieve", [None, {"count": 15}], ids=["candidates", "retriever"])
def test_the_policies_of_a_run_decide_in_the_season(tmp_path: Path, retrieve: Any) -> None:
    shop = SMALL["shop"] | ({} if retrieve is None else {"num_candidates": 0})
    session = WatchSession(watched_run(write_run(tmp_path / "run", retrieve=retrieve, shop=shop)), visitors=3)
    assert session.about()["policies"] == ["linucb", "popularity"]
    assert session.about()["has_satisfaction"]  # a column of the context that the policies do not know
    session.step(20)
    session.act({"action": "policy", "name": "popularity"})
    session.step(20)
    assert session.snapshot()["policies"].keys() == {"linucb", "popularity"}


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="that 'shopgym run' wrote"):
        watched_run(tmp_path)
    run = write_run(tmp_path / "run")
    (run / "policies").rename(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="no policies"):
        watched_run(run)


def test_a_seed_changes_the_season_and_not_the_policies(tmp_path: Path) -> None:
    path = config_file(tmp_path)
    one, other = watched_config(path, seed=1), watched_config(path, seed=2)
    assert one.seed != other.seed
    run = write_run(tmp_path / "run")
    policies = watched_run(run, seed=9).policies
    assert policies["linucb"].hash == watched_run(run).policies["linucb"].hash


# guards


def test_left_out_known_answer(catalog: Catalog) -> None:
    """A page of five: the third is sold out, the fourth is the second of its category, the fifth is shown."""
    items = catalog.items
    category = items.category.tolist()
    first = 0
    twin = next(row for row in range(1, 120) if category[row] == category[first])
    others = [row for row in range(1, 120) if category[row] != category[first]]
    candidates = np.array([[first, others[0], others[1], twin, others[2]]], np.int32)
    requests = Requests(
        request_id=np.zeros(1, np.uint64),
        user_id=np.zeros(1, np.int64),
        user=np.zeros((1, 0), np.float32),
        context=np.zeros((1, 0), np.float32),
        candidates=candidates,
        in_stock=np.array([[True, True, False, True, True]]),
        time=np.zeros(1),
    )
    guards: tuple[Guard, ...] = (InStock(), CategoryCap(maximum=1))
    free = np.array([[0, 2, 1, 3, 4]], np.int32)
    shown = np.array([[0, 1, 4, EMPTY, EMPTY]], np.int32)
    out = left_out(guards, requests, items, free, shown)
    assert [(one.slot, one.item, one.guard.kind) for one in out] == [
        (1, others[1], "in_stock"),
        (3, twin, "category_cap"),
    ]
    assert left_out((), requests, items, free, free) == []


# totals


def test_margin_of_a_policy_has_the_interval_of_the_central_limit_theorem() -> None:
    totals = PolicyEarnings()
    totals.add(np.array([0.0, 2.0]), 15)
    assert totals.row() == {"pages": 2, "lines": 15, "margin": None, "half": None}
    totals.add(np.array([4.0, 2.0]), 15)
    half = 100 * 1.959964 * np.std([0, 2, 4, 2], ddof=1) / 2
    assert totals.row() == {"pages": 4, "lines": 30, "margin": 200.0, "half": pytest.approx(half, abs=1e-3)}


def test_series_are_thinned_evenly_and_end_with_the_present() -> None:
    series = DaySeries()
    for number in range(1000):
        series.add(float(number), 0.0)
    days = [point[0] for point in series.with_last(999.0, 0.0)]
    assert len(days) <= POINTS + 1
    assert (days[0], days[-1]) == (0.0, 999.0)
    assert set(np.diff(days[:-1])) == {float(series.stride)}


def test_what_guards_count_goes_on_when_the_policy_changes(tmp_path: Path) -> None:
    """No customer sees an item again once it has been shown to them, whoever chooses."""
    cap = {"kind": "frequency_cap", "maximum": 1, "days": 90.0}
    session = small_session(tmp_path, guards=[{"kind": "in_stock"}, cap])
    shown: set[tuple[int, str]] = set()
    for name in ("best_sellers", "random", "popularity"):
        session.act({"action": "policy", "name": name})
        for _ in range(10):
            session.step()
            for page in session.snapshot()["pages"]:
                seen = {(page["customer"], slot["item"]) for slot in page["slots"] if slot}
                assert not seen & shown
                shown |= seen
    assert {row["guard"] for row in session.snapshot()["guards"]} > {"in_stock"}
