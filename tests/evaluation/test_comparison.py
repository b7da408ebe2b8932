"""Several policies, rewards, segments and periods: known answers, then coverage with a stated error rate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED
from builders.slate_logs import make_log, make_requests, policy

import shopgym
from shopgym import InvalidInput
from shopgym.core.statistics import normal_quantile
from shopgym.evaluation.api import PolicyComparison
from shopgym.evaluation.intervals.joint import joint_level

ARMS = ("a", "b", "c")


def trial(n: int, seed: int, *, rates: tuple[float, ...] = (0.1, 0.2, 0.3)) -> pd.DataFrame:
    """A trial of three arms alike: a click and a spend that come with it; four countries; ten weeks."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(3, size=n)
    click = rng.random(n) < np.array(rates)[arm]
    day = pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(70, size=n), unit="D")
    return pd.DataFrame(
        {
            "arm": np.array(ARMS)[arm],
            "click": click.astype(float),
            "spend": click * rng.gamma(2.0, 5.0, size=n),
            "country": rng.choice(["DE", "FR", "GB", "IT"], p=[0.4, 0.3, 0.29, 0.01], size=n),
            "day": day.strftime("%Y-%m-%d"),
            "propensity": 1 / 3,
        }
    )


def compared(frame: pd.DataFrame, **more: Any) -> PolicyComparison:
    options: dict[str, Any] = {
        "policy": [f"action:{arm}" for arm in ARMS],
        "action": "arm",
        "reward": "click",
        "estimators": "snips",
    }
    result = shopgym.evaluate(frame, **{**options, **more})
    assert isinstance(result, PolicyComparison)
    return result


def whole(result: PolicyComparison) -> pd.DataFrame:
    rows = result.to_frame()
    return rows[rows["by"] == ""].set_index(["reward", "policy"])


def test_values_differences_and_lifts_are_those_of_the_groups() -> None:
    frame = trial(6000, 0)
    rows = whole(compared(frame, reward=["click", "spend"], baseline="action:a"))
    means = frame.groupby("arm")[["click", "spend"]].mean()
    for reward in ("click", "spend"):
        for arm in ARMS:
            row = rows.loc[reward, f"action:{arm}"]
            assert row["value"] == pytest.approx(means.loc[arm, reward])
            if arm != "a":
                assert row["difference"] == pytest.approx(means.loc[arm, reward] - means.loc["a", reward])
                assert row["lift"] == pytest.approx(means.loc[arm, reward] / means.loc["a", reward] - 1)
        assert np.isnan(rows.loc[reward, "action:a"]["difference"])


def test_the_intervals_are_wider_by_the_joint_quantile_and_the_lifts_are_of_the_delta_method() -> None:
    frame = trial(9000, 1)
    rows = whole(compared(frame, baseline="action:a"))
    groups = frame.groupby("arm")["click"]
    n, mean, variance = len(frame), groups.mean(), groups.var(ddof=0) / groups.count()
    # influences of snips on the three means
    psi = {
        arm: n * (frame["arm"] == arm) * (frame["click"] - mean[arm]) / groups.count()[arm] for arm in ARMS
    }
    gaps = [(psi[arm] - psi["a"]).to_numpy() for arm in ("b", "c")]
    z = normal_quantile(joint_level(gaps, 0.95, np.random.default_rng(0)))
    lifts = [((psi[arm] - mean[arm] / mean["a"] * psi["a"]) / mean["a"]).to_numpy() for arm in ("b", "c")]
    z_of_lift = normal_quantile(joint_level(lifts, 0.95, np.random.default_rng(0)))
    assert 2.0 < z < normal_quantile(0.95**0.5)
    for arm in ("b", "c"):
        row = rows.loc["click", f"action:{arm}"]
        error = np.sqrt(variance[arm] + variance["a"])
        assert row["difference_high"] - row["difference"] == pytest.approx(z * error, rel=0.01)
        ratio = mean[arm] / mean["a"]
        of_lift = np.sqrt(variance[arm] + ratio**2 * variance["a"]) / mean["a"]
        assert row["lift_high"] - row["lift"] == pytest.approx(z_of_lift * of_lift, rel=0.01)


def test_one_difference_alone_is_not_widened() -> None:
    frame = trial(3000, 2)
    one = compared(frame, policy="action:b", baseline="action:a").difference
    two = compared(frame, baseline="action:a").differences["click", "action:b"]
    assert one.value == two.value
    assert two.high - two.low > 1.05 * (one.high - one.low)
    assert "the intervals of 2 differences hold together" in two.note


@pytest.mark.slow
def test_all_intervals_hold_at_once_as_often_as_they_say_and_the_chosen_best_is_covered() -> None:
    # by chance alone 400 logs of a right 95% leave 0.917 to 0.98 (3 standard errors of 0.0109)
    equal, right, chosen, alone = (0.25, 0.25, 0.25), 0, 0, 0
    for seed in range(400):
        frame = trial(1500, seed, rates=equal)
        rows = whole(compared(frame))
        inside = (rows["low"] <= 0.25) & (rows["high"] >= 0.25)
        right += int(inside.all())
        chosen += int(inside.loc[rows["value"].idxmax()])
        gaps = whole(compared(frame, baseline="action:a")).dropna(subset="difference")
        alone += int(((gaps["difference_low"] <= 0) & (gaps["difference_high"] >= 0)).all())
    assert 0.917 <= right / 400 <= 0.983
    assert chosen / 400 >= 0.917
    assert 0.917 <= alone / 400 <= 0.983


def test_the_best_of_many_is_named_with_those_that_may_be_as_good() -> None:
    clear = compared(trial(9000, 3))
    assert clear.answer["as_good"] == {"click": ["action:c"]}
    assert "best of 3 is action:c" in clear.conclusion
    assert "all others are shown to be worse" in clear.conclusion
    close = compared(trial(900, 3, rates=(0.1, 0.29, 0.3)))
    assert set(close.answer["as_good"]["click"]) == {"action:b", "action:c"}
    assert "not shown to be worse: action:" in close.conclusion
    cheap = compared(trial(9000, 3), minimise=True)
    assert cheap.answer["as_good"] == {"click": ["action:a"]}
    assert "it would have cost about" in cheap.conclusion
    assert "earned" not in str(cheap)


def test_segments_and_weeks_are_means_of_their_rows_and_small_ones_have_no_number() -> None:
    frame = trial(3000, 4)
    result = compared(frame, policy="action:b", segment="country", time="day", by_time="week")
    rows = result.to_frame().set_index(["by", "group"])
    for country in ("DE", "FR", "GB"):
        own = frame[(frame["country"] == country) & (frame["arm"] == "b")]["click"]
        assert rows.loc[("country", country), "value"] == pytest.approx(own.mean())
    small = rows.loc[("country", "IT")]
    assert small["verdict"] == "refuse"
    assert small[["value", "low", "high"]].isna().all()
    assert "too few to tell" in small["reason"] or "rounds" in small["reason"]
    weeks = rows.loc["day by week"]
    assert list(weeks.index)[:2] == ["2026-01-05", "2026-01-12"]
    first = frame[(frame["day"] < "2026-01-12") & (frame["arm"] == "b")]["click"]
    assert weeks.loc["2026-01-05", "value"] == pytest.approx(first.mean())
    # one policy and one reward: the keys of a plain answer stay
    plain = shopgym.evaluate(frame, "action:b", action="arm", reward="click", estimators="snips")
    assert {key: result.as_dict()[key] for key in ("estimates", "headline", "refused")} == {
        key: plain.as_dict()[key] for key in ("estimates", "headline", "refused")
    }
    json.dumps(result.as_dict(), allow_nan=False)


def test_segments_of_the_same_users_are_joint_over_users() -> None:
    frame = trial(2000, 5)
    frame["user"] = np.arange(2000) // 4
    by_user = compared(frame, policy="action:b", segment="country", user="user")
    assert [family["kind"] for family in by_user.answer["families"]] == ["value", "value"]
    assert all(0.95 <= family["each_level"] <= 0.999 for family in by_user.answer["families"])


def test_nothing_is_a_share_of_a_baseline_that_may_have_earned_nothing() -> None:
    frame = trial(3000, 6)
    frame["profit"] = frame["click"] - 0.1  # arm a earns about 0
    rows = whole(compared(frame, reward="profit", baseline="action:a"))
    assert rows["lift"].isna().all()
    assert rows.loc["profit", "action:c"]["difference"] > 0


def test_a_policy_that_the_log_cannot_tell_of_has_no_number_and_the_others_have() -> None:
    frame = trial(3000, 7)
    result = compared(frame, policy=["action:a", "action:gift"], baseline="action:b", actions=[*ARMS, "gift"])
    rows = whole(result).loc["click"]
    assert rows.loc["action:gift", "verdict"] == rows.loc["action:gift", "difference_verdict"] == "refuse"
    assert rows.loc["action:gift", ["value", "difference", "lift"]].isna().all()
    assert rows.loc["action:a", "difference_verdict"] == "trust"
    assert result.verdict == "refuse"
    assert "this log cannot compare action:gift with action:b" in result.conclusion


def test_it_prints_itself_everywhere_and_draws_itself() -> None:
    result = compared(trial(3000, 8), baseline="action:a", segment="country", time="day")
    for said in (str(result), result._repr_html_(), result.html()):
        for sentence in result.conclusion.split("; lift")[:1]:
            assert sentence in said
    figure = result.plot()
    assert len(figure.axes) == 1
    assert shopgym.evaluate(trial(300, 0), "action:a", action="arm", reward="click").plot().axes


def test_policies_are_named_by_a_dictionary_and_the_baseline_may_be_one_of_them() -> None:
    frame = trial(3000, 9)
    result = compared(frame, policy={"new": "action:b", "old": "action:a"}, baseline="old")
    assert result.answer["policies"] == ["new", "old"]
    assert list(result.differences) == [("click", "new")]
    other = compared(frame, policy={"new": "action:b"}, baseline={"old": "action:a"})
    assert other.difference.value == result.difference.value
    with pytest.raises(InvalidInput, match="give one policy"):
        compared(frame, policy="action:a", baseline=["action:b", "action:c"])


def test_tables_of_other_libraries_and_several_tables(tmp_path: Path) -> None:
    import pyarrow as pa

    frame = trial(600, 10)
    want = compared(frame).to_frame()
    pd.testing.assert_frame_equal(compared(pa.Table.from_pandas(frame)).to_frame(), want)
    parts = [frame.iloc[:200], frame.iloc[200:]]
    pd.testing.assert_frame_equal(compared(parts).to_frame(), want)  # type: ignore[arg-type]
    for i, part in enumerate(parts):
        part.to_csv(tmp_path / f"{i}.csv", index=False)
    paths = [tmp_path / "0.csv", str(tmp_path / "1.csv")]
    pd.testing.assert_frame_equal(compared(paths).to_frame(), want)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not all of these tables have these columns"):
        compared([frame, frame.drop(columns="spend")])  # type: ignore[arg-type]


@pytest.mark.skipif(not (SHARED / "cases").is_dir(), reason="no shared cases beside this checkout")
def test_the_trial_of_two_mails() -> None:
    cases = json.loads((SHARED / "cases" / "evaluation" / "cases.json").read_text())
    (case,) = (case for case in cases if case["file"] == "trial.csv")
    names = ["Mens", "Womens", "No mail"]
    result = shopgym.evaluate(
        SHARED / "cases" / "evaluation" / "trial.csv",
        [f"action:{name}" for name in names],
        baseline="action:No mail",
        action="arm",
        reward=["visit", "spend"],
        propensity="1/3",
        estimators="snips",
    )
    assert isinstance(result, PolicyComparison)
    rows = whole(result)
    for name in names:
        for reward in ("visit", "spend"):
            want = case["group_means"][name][reward]
            assert rows.loc[(reward, f"action:{name}"), "value"] == pytest.approx(want, abs=1e-6)
    gap = (
        result.differences["visit", "action:Mens"].value - result.differences["visit", "action:Womens"].value
    )
    assert gap == pytest.approx(case["difference_mens_womens_visit"], abs=2e-6)


def test_what_came_after_the_choice_makes_no_segments() -> None:
    for column in ("arm", "click"):
        with pytest.raises(InvalidInput, match=r"segment = .*it was not there before the choice"):
            compared(trial(300, 0), segment=column)


def test_an_interval_that_does_not_fit_a_difference_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="interval = 'clopper-pearson'"):
        compared(trial(300, 0), baseline="action:a", interval="clopper-pearson")


def test_segments_need_a_table_in_memory(tmp_path: Path) -> None:
    log = make_log(policy(0.3), make_requests(400))
    with pytest.raises(InvalidInput, match="column = 'country': of this log no such column is kept"):
        shopgym.evaluate(log, policy(1.0), segment="country")
    trial(300, 0).to_parquet(tmp_path / "log.parquet")
    with pytest.raises(InvalidInput, match=r"segment = 'country': a streamed log .*stream=False"):
        compared(tmp_path / "log.parquet", segment="country", stream=True)  # type: ignore[arg-type]


def test_several_policies_of_a_streamed_log_have_the_intervals_of_sidak(tmp_path: Path) -> None:
    trial(3000, 11).to_parquet(tmp_path / "log.parquet")
    streamed = compared(tmp_path / "log.parquet", stream=True)  # type: ignore[arg-type]
    memory = compared(tmp_path / "log.parquet")  # type: ignore[arg-type]
    one, two = whole(streamed), whole(memory)
    assert one["value"].to_numpy() == pytest.approx(two["value"].to_numpy())
    assert streamed.answer["families"][0]["each_level"] == pytest.approx(0.95 ** (1 / 3))
    width = one["high"] - one["low"]
    assert (width >= 0.999 * (two["high"] - two["low"])).all()
    refused = compared(tmp_path / "log.parquet", stream=True, baseline="action:a")  # type: ignore[arg-type]
    assert refused.verdict == "refuse"
    assert "differences need the log in memory" in refused.conclusion


def test_policies_of_a_decision_log_are_compared_slate_by_slate() -> None:
    log = make_log(policy(0.3), make_requests(2000))
    result = shopgym.compare(log, {"tilted": policy(1.0)}, "uniform")
    assert result.difference.value > 0
    assert result.verdict in ("trust", "caution")
