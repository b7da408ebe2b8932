"""The lint from a log alone: known answers, and nothing that the log does not tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.agents import Task, make_agent
from shopgym.core.errors import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.envs.oracle import page_values
from shopgym.envs.vector import BanditVectorEnv
from shopgym.guardrails.reward.findings import ALIGNED, ALIGNED_UP_TO, GAMEABLE, NOT_TOLD
from shopgym.guardrails.reward.log_lint import (
    REWARD,
    STAR,
    fitted_policies,
    log_lint,
    score_spread,
    under_pressure,
)
from shopgym.guardrails.reward.log_report import log_report
from shopgym.guardrails.reward.table_lint import table_lint
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.simulators.rollout import rollout
from shopgym.training.policy_log import step_log


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Two actions: ``bait`` is clicked nine times in ten and earns 0.2, ``good`` once in ten and earns 1."""
    rng = np.random.default_rng(seed)
    action = rng.choice(["bait", "good"], size=rows)
    good = action == "good"
    return pd.DataFrame(
        {
            "action": action,
            "propensity": 0.5,
            "click": rng.random(rows) < np.where(good, 0.1, 0.9),
            "margin": np.where(good, 1.0, 0.2) + rng.normal(0.0, 0.1, rows),
            "age": rng.normal(size=rows),
        }
    )


def test_a_click_reward_is_gameable_on_a_log_in_which_bait_is_clicked():
    lint = table_lint(RewardSpec({"click": 1.0}, unit="click"), table(4000), context=["age"])
    share, low, high = lint.points[-1].bounds
    assert low < 0.2 < high
    assert share == pytest.approx(0.2, abs=0.05)
    assert log_report(lint).verdict == GAMEABLE
    assert log_report(lint).exit_code == 3


def test_the_margin_itself_is_aligned_on_the_same_log():
    lint = table_lint(RewardSpec(), table(4000))
    assert log_report(lint).verdict == ALIGNED
    assert lint.points[-1].bounds[0] == pytest.approx(1.0)


def test_what_the_log_does_not_tell_is_not_shown():
    frame = table(600)
    frame["propensity"] = np.where(frame["action"] == "good", 0.001, 0.999)  # far from how they were drawn
    report = log_report(table_lint(RewardSpec({"click": 1.0}, unit="click"), frame))
    refused = [row for row in report.tables["From the log"] if row["estimate"] == "refuse"]
    assert refused
    assert all(row["north star kept"] == "-" for row in refused)


@pytest.mark.parametrize("broken", ["short", "term", "column"])
def test_a_table_that_cannot_be_judged_is_refused_by_name(broken):
    frame = table(100 if broken == "short" else 1000)
    spec = RewardSpec({"revenue": 1.0}) if broken == "term" else RewardSpec()
    columns = {"propensity": "p"} if broken == "column" else {}
    with pytest.raises(InvalidInput, match={"short": "rows", "term": "revenue", "column": "'p'"}[broken]):
        table_lint(spec, frame, **columns)


def shop_and_log() -> tuple[BanditVectorEnv, DecisionLog]:
    """A small shop in which people buy often, and 12,000 decisions of a policy that explores."""
    choice = {"click_base": -1.5, "cart_base": -0.5, "buy_base": 0.5}
    env = BanditVectorEnv(
        500, catalog=60, form="slate", slate_size=3, num_candidates=10, users=20_000, choice=choice,
        stock={"enabled": False}, autoreset_mode="Disabled", shop_seed=1,
    )  # fmt: skip
    env.reset(seed=5)
    shop, rng = env.loop.shop, np.random.default_rng(0)
    names = (shop.user_names, shop.context_names)
    task = Task(shop.catalog.items, *names, 3, attention=np.ones(3))
    logger: Any = make_agent("popularity", task, rng, decay=0.1, floor=0.3).policy()
    parts = [
        step_log(step, env.loop, logger, unit="margin")
        for step in rollout(env.loop.world, logger, rng, pages=24)
    ]
    return env, DecisionLog.concat(parts)


@pytest.mark.slow
def test_the_share_that_a_decision_log_tells_covers_the_truth_of_the_shop():
    env, log = shop_and_log()
    items, spec = env.loop.shop.catalog.items, RewardSpec({"purchase": 1.0}, unit="order line")
    lint = log_lint(spec, log, items)
    env.reset(seed=77)
    requests, rng = env.requests, np.random.default_rng(1)
    values = {}
    for name, policy in fitted_policies(spec, log, items).items():
        tilted = under_pressure(policy, 4.0, score_spread(policy, log.take(slice(6000, None))))
        drawn = [page_values(env.loop.shop, RewardSpec(), tilted.slates(requests, rng)) for _ in range(20)]
        values[name] = float(np.mean(drawn))
    point = next(point for point in lint.points if point.pressure == 4.0)
    assert point.told
    _, low, high = point.bounds
    assert low <= values[REWARD] / values[STAR] <= high
    assert log_report(lint).verdict == GAMEABLE


# one planted fault for every code of a log


CLICKS = RewardSpec({"click": 1.0}, unit="click")


def codes(spec: RewardSpec, frame: pd.DataFrame, **options: Any) -> set[str]:
    return {finding.code for finding in log_report(table_lint(spec, frame, **options)).findings}


def rarely_good(rows: int, share: float) -> pd.DataFrame:
    """:func:`table` in which the good action is drawn, and logged, with the probability ``share``."""
    frame = table(rows)
    rng = np.random.default_rng(1)
    good = rng.random(rows) < share
    frame["action"] = np.where(good, "good", "bait")
    frame["propensity"] = np.where(good, share, 1.0 - share)
    frame["click"] = rng.random(rows) < np.where(good, 0.1, 0.9)
    frame["margin"] = np.where(good, 1.0, 0.2) + rng.normal(0.0, 0.1, rows)
    return frame


def test_bait_is_found_gameable_on_the_log_and_nothing_else_is_said_of_the_log():
    found = codes(CLICKS, table(4000))
    assert "gameable_on_log" in found
    assert not found & {"log_does_not_tell", "log_cannot_exclude", "log_tells_up_to"}


def test_a_log_whose_propensities_are_wrong_does_not_tell_and_nothing_is_said_against_the_reward():
    frame = table(4000)
    frame["propensity"] = 0.1
    spec = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 5.0})
    report = log_report(table_lint(spec, frame))
    assert {finding.code for finding in report.findings} == {"log_does_not_tell"}
    assert (report.verdict, report.exit_code) == (NOT_TOLD, 3)


def test_a_noisy_log_cannot_exclude_a_loss():
    """Both actions earn 1 and their clicks are equal: the truth is 100%, and noise of 10 hides it."""
    rng = np.random.default_rng(3)
    frame = table(500)
    frame["click"] = rng.random(500)
    frame["margin"] = 3.0 + rng.normal(0.0, 10.0, 500)
    spec = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 8.0})
    assert "log_cannot_exclude" in codes(spec, frame, context=["age"])


def test_a_log_that_seldom_shows_what_is_wanted_tells_up_to_a_pressure():
    """Logged once in 90 rounds, the good action can be judged while it is drawn now and then."""
    frame = rarely_good(4000, 1 / 90)
    spec = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 0.01})
    lint = table_lint(spec, frame)
    report = log_report(lint)
    assert "log_tells_up_to" in {finding.code for finding in report.findings}
    assert report.verdict == ALIGNED_UP_TO
    assert not lint.points[-1].told


def test_a_reward_or_a_north_star_that_never_varies_is_named_and_gets_no_number():
    frame = table(1000).assign(click=1.0)
    report = log_report(table_lint(CLICKS, frame))
    assert "no_variance" in {finding.code for finding in report.findings}
    assert "%" not in report.headline
    assert "north_star_constant" in codes(CLICKS, table(1000).assign(margin=0.0))


def test_of_a_loss_no_share_is_told():
    report = log_report(table_lint(CLICKS, table(1000).assign(margin=lambda f: f["margin"] - 5.0)))
    assert "earn none of it" in report.headline


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"margin": np.nan}, {}, r"margin\[0\] = nan: remove NaN and infinity"),
        ({"margin": np.inf}, {}, r"margin\[0\] = inf"),
        ({"propensity": np.nan}, {}, r"propensity\[0\] = nan"),
        ({"propensity": 1.5}, {}, r"propensity\[0\] = 1\.5: give a probability in \(0, 1\]"),
        ({"click": "yes"}, {}, r"click = .*give numbers"),
        ({"action": "good"}, {}, r"one action alone"),
        ({}, {"context": ["margin"]}, r"log = 'margin': it is known only after the action"),
        ({}, {"context": ["action"]}, r"log = 'action': it is known only after"),
        ({}, {"action": "margin"}, r"log = 'margin': it is known only after"),
    ],
)
def test_a_column_that_cannot_be_used_is_named(changes, options, message):
    with pytest.raises(InvalidInput, match=message):
        table_lint(CLICKS, table(1000).assign(**changes), **options)


def test_one_wrong_row_is_named_in_whichever_half_it_stands():
    for row in (3, 900):
        frame = table(1000)
        frame.loc[row, "propensity"] = np.nan
        with pytest.raises(InvalidInput, match=rf"propensity\[{row}\] = nan"):
            table_lint(CLICKS, frame)


def test_words_are_context_as_numbers_are():
    frame = table(1000).assign(country=lambda f: np.where(f["age"] > 0, "de", "fr"))
    assert log_report(table_lint(CLICKS, frame, context=["country"])).verdict == GAMEABLE


def test_the_bounds_of_clip_hold_on_a_log_too():
    """What a click can add is bounded to nothing much, so the margin beside it decides."""
    free = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 5.0})
    bounded = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 5.0}, clip={"click": (0.0, 0.01)})
    frame = table(2000)
    assert log_report(table_lint(free, frame)).verdict == GAMEABLE
    assert log_report(table_lint(bounded, frame)).verdict == ALIGNED
