"""Logs as people have them: ids with zeros, trials, samples, late rewards, slates, numbers as actions."""

from __future__ import annotations

import bz2
import gc
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import OpeInputs
from shopgym.evaluation.offline.bandit import kernel_inputs
from shopgym.evaluation.offline.formats import (
    Columns,
    WeighedLog,
    dsjson_frame,
    estimated_propensities,
    read_log_table,
    weigh_log,
)
from shopgym.evaluation.offline.formats.context import other_columns
from shopgym.evaluation.offline.support import Support
from shopgym.tables import Dialect

CASES = SHARED / "cases" / "evaluation"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="needs the folder shared/cases")


def read(log: Any, policy: Any = "uniform", missing: str = "refuse", **columns: Any) -> WeighedLog:
    return weigh_log(log, policy, columns=Columns(**columns), rng=np.random.default_rng(0), missing=missing)


def snips(log: WeighedLog) -> float:
    return log.estimate("snips").value


def rounds(log: WeighedLog) -> OpeInputs:
    assert isinstance(log.rounds, OpeInputs)
    return log.rounds


# --- the cases that failed ------------------------------------------------------------


@needs_cases
@pytest.mark.parametrize(
    ("file", "policy", "missing", "columns", "want"),
    [
        (
            "semicolons.csv",
            "action:rot",
            "refuse",
            {"action": "aktion", "reward": "belohnung", "propensity": "wahrscheinlichkeit"},
            1.5,
        ),
        ("leading_zeros.csv", "action:7", "refuse", {}, 0.275),
        ("late_rewards.csv", "action:b", "drop", {}, 0.412698),
        (
            "trial.csv",
            "action:Mens",
            "refuse",
            {"action": "arm", "reward": "visit", "propensity": "1/3"},
            0.189411,
        ),
        (
            "trial.csv",
            "action:No mail",
            "refuse",
            {"action": "arm", "reward": "spend", "propensity": 1 / 3},
            1.058207,
        ),
    ],
)
def test_the_cases_have_their_right_value(
    file: str, policy: str, missing: str, columns: dict[str, Any], want: float
) -> None:
    assert snips(read(CASES / file, policy, missing, **columns)) == pytest.approx(want, abs=5e-7)


@needs_cases
def test_the_cases_that_have_to_be_refused() -> None:
    with pytest.raises(InvalidInput, match=r"\(--missing drop\) \(101 of 1000 rows are wrong"):
        read(CASES / "late_rewards.csv", "action:b")
    with pytest.raises(InvalidInput, match=r"the log has Mens, No mail, Womens; .*; did you mean 'Mens'"):
        read(CASES / "trial.csv", "action:mens", action="arm", reward="visit", propensity="1/3")


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning", "error::ResourceWarning")
@pytest.mark.parametrize("end", ["", "no JSON"])
def test_a_decision_file_is_closed(tmp_path: Path, end: str) -> None:
    place = written(tmp_path / "log.json", decisions())
    place.write_text(place.read_text() + end)
    if end:
        with pytest.raises(InvalidInput, match="it is no JSON"):
            read(place, "uniform")
    else:
        read(place, "uniform")
    gc.collect()


@needs_cases
def test_a_line_of_a_sampled_log_stands_for_several() -> None:
    got = read(CASES / "sampled_down.dsjson", "action:3")
    assert snips(got) == pytest.approx(0.103314, abs=5e-7)
    size = rounds(got).sample_weight
    assert size is not None
    lines = [json.loads(line) for line in (CASES / "sampled_down.dsjson").read_text().splitlines()]
    assert size == pytest.approx([1 / (1 - line.get("pdrop", 0.0)) for line in lines])


# --- names are text ------------------------------------------------------------


def test_names_that_look_like_something_else_are_arms(tmp_path: Path) -> None:
    arms = ["007", "7", "NA", "None", "nan", "null", "True", "1.0", "1", "1e0"]
    frame = pd.DataFrame({"action": arms * 4, "reward": np.arange(40.0), "propensity": 0.1})
    path = tmp_path / "log.csv"
    frame.to_csv(path, index=False)
    for log in (path, frame):
        for i, arm in enumerate(arms):
            got = read(log, f"action:{arm}")
            assert snips(got) == pytest.approx(np.mean([i, i + 10, i + 20, i + 30]))
            assert got.labels == ("1", "007", "7", "1.0", "1e0", "NA", "None", "True", "nan", "null")


def test_a_typed_frame_names_its_arms_by_their_type() -> None:
    frame = pd.DataFrame({"action": [1.0, 2.0] * 5, "reward": 1.0, "propensity": 0.5})
    assert read(frame, "action:1.0").labels == ("1.0", "2.0")
    with pytest.raises(InvalidInput, match=r"the log has 1\.0, 2\.0"):
        read(frame, "action:1")
    for dtype in ("Int64", "category", "string", "boolean"):
        typed = pd.Series([1, 0] * 5).astype(bool if dtype == "boolean" else int).astype(dtype)
        got = read(frame.assign(action=typed, reward=pd.Series([1.0] * 10, dtype="Float64")))
        assert got.labels == (("False", "True") if dtype == "boolean" else ("0", "1"))


def test_an_action_that_the_log_lacks_has_to_be_declared() -> None:
    frame = pd.DataFrame({"action": ["a", "b"] * 5, "reward": 1.0, "propensity": 0.5})
    with pytest.raises(InvalidInput, match="has to be among --actions"):
        read(frame, "action:c")
    assert read(frame, "action:c", actions=("a", "b", "c")).estimate("dm").unsupported == 1.0
    got = read(frame.assign(rule=["a", "c"] * 5), "choice:rule")
    assert got.facts["unlogged_choices"] == {"c": 5}
    assert "takes actions that the log never shows: c (5 rows)" in got.estimate("ips").note


def test_users_and_ids_are_text(tmp_path: Path) -> None:
    text = "action,reward,propensity,user,id\n" + "".join(
        f"{'ab'[i % 2]},1,0.5,{'007' if i % 2 else '7'},0{i}\n" for i in range(10)
    )
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(InvalidInput, match="the reward model has 5 folds, 2 at least: give as many users"):
        read(tmp_path / "log.csv", user="user")
    assert set(read_log_table(tmp_path / "log.csv", Columns(user="user"))["user"]) == {"007", "7"}


# --- weights, constants, missing values, groups ------------------------------------------------------------


def log_of(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    action = rng.choice(["a", "b"], n, p=[0.7, 0.3])
    return pd.DataFrame(
        {
            "action": action,
            "reward": rng.random(n),
            "propensity": np.where(action == "a", 0.7, 0.3),
            "age": rng.normal(size=n),
            "times": rng.integers(1, 4, n),
            "region": rng.choice(["NA", "EU"], n),
        }
    )


def test_a_row_with_weight_counts_as_that_many_rows() -> None:
    frame = log_of()
    repeated = frame.loc[frame.index.repeat(frame["times"])]
    weighed, plain = read(frame, weight="times"), read(repeated)
    assert rounds(weighed).logged_value == pytest.approx(rounds(plain).logged_value)
    assert weighed.support is not None
    assert plain.support is not None
    assert weighed.support.mass == pytest.approx(plain.support.mass)
    without = frame.drop(columns="propensity")
    for context in ((), ("age",)):
        got = rounds(read(without, weight="times", context=context)).propensity
        want = rounds(read(without.loc[repeated.index], context=context)).propensity
        assert got is not None
        assert want is not None
        by_row = pd.Series(want[:, 0], index=repeated.index).groupby(level=0).mean()
        # other folds, and a penalty that is smaller beside more rows
        assert got[:, 0] == pytest.approx(by_row, abs=1e-9 if not context else 0.05)


def test_balance_of_a_weighted_log_is_that_of_the_repeated_one_in_the_mean() -> None:
    frame = log_of(4000)
    action = (frame["action"] == "b").to_numpy(dtype=np.int64)
    size = frame["times"].to_numpy(dtype=np.float64)
    weighed, repeated = Support(2), Support(2)
    p = frame["propensity"].to_numpy()
    weighed.add(action, p, None, None, size)
    twice = np.repeat(np.arange(4000), frame["times"])
    repeated.add(action[twice], p[twice], None)
    assert weighed.balance()[0] == pytest.approx(repeated.balance()[0])
    # the standard error of weighted rows is sqrt(mean w^2) / mean w of that of as many rows of weight 1
    plain = Support(2)
    plain.add(action, p, None)
    ratio = np.sqrt((size**2).mean()) / size.mean()
    assert weighed.balance()[1] == pytest.approx(plain.balance()[1] * ratio, rel=0.03)
    assert (weighed.balance()[1] > repeated.balance()[1]).all()


def test_weighted_propensities_follow_the_weights() -> None:
    action = np.array([0, 0, 1, 1])
    got = estimated_propensities(
        action,
        np.empty((4, 0)),
        2,
        rng=np.random.default_rng(0),
        sample_weight=np.array([3.0, 3.0, 1.0, 1.0]),
    )
    assert got.logged.tolist() == [0.75, 0.75, 0.25, 0.25]


@pytest.mark.parametrize("propensity", ["1/4", "0.25", 0.25, "25/100"])
def test_one_propensity_for_all_rows(propensity: str | float) -> None:
    frame = log_of().drop(columns="propensity").assign(action=list("abcd") * 100)
    want = snips(read(frame.assign(propensity=0.25), "action:a"))
    got = read(frame, "action:a", propensity=propensity)
    assert snips(got) == pytest.approx(want)
    assert got.doubts == ()


def test_a_propensity_that_the_counts_contradict_is_no_trust() -> None:
    got = read(log_of().drop(columns="propensity"), "action:a", propensity="1/2")
    assert got.estimate("snips").verdict != "trust"
    for wrong in ("0", "4/3", -1, "-1/3"):
        with pytest.raises(InvalidInput, match=r"give a probability in \(0, 1\]"):
            read(log_of(), "action:a", propensity=wrong)
    with pytest.raises(InvalidInput, match="column = '1/0'"):
        read(log_of(), "action:a", propensity="1/0")


def test_missing_rewards_are_dropped_and_counted_by_action() -> None:
    frame = log_of(1000)
    gone = np.random.default_rng(1).random(1000) < 0.2
    got = read(frame.assign(reward=frame["reward"].mask(gone)), "action:b", "drop")
    want = read(frame[~gone], "action:b")
    for name in ("ips", "snips", "dr"):
        assert got.estimate(name).value == pytest.approx(want.estimate(name).value)
    dropped = got.facts["dropped"]
    assert (dropped["rows"], dropped["of"]) == (gone.sum(), 1000)
    for arm in "ab":
        share = gone[(frame["action"] == arm).to_numpy()].mean()
        assert dropped["share_by_action"][arm] == pytest.approx(share)
    assert got.doubts == ()
    assert "of the rows lack reward and are left out" in got.estimate("ips").note


def test_unequal_shares_of_missing_rewards_are_a_doubt() -> None:
    frame = log_of(1000)
    gone = (frame["action"] == "b") & (np.arange(1000) % 2 == 0)
    lacking = frame.assign(reward=frame["reward"].mask(gone)).drop(columns="propensity")
    got = read(lacking, "action:b", "drop")
    assert [verdict for verdict, _ in got.doubts] == ["caution", "caution"]
    assert "the shares differ between actions" in got.estimate("snips").reason
    with pytest.raises(InvalidInput, match="nothing is left"):
        read(frame.assign(reward=np.nan), "action:b", "drop")
    with pytest.raises(InvalidInput, match="--missing = 'ignore': choose one of refuse, drop"):
        read(frame, "action:b", "ignore")


def test_row_numbers_are_those_of_the_file_when_rows_are_dropped() -> None:
    frame = log_of(20).assign(reward=lambda f: f["reward"].mask(f.index < 5).astype(object))
    frame.loc[7, "reward"] = "much"
    with pytest.raises(InvalidInput, match=r"reward\[7\] = 'much': give a number \(1 of 15"):
        read(frame, "action:b", "drop")


def test_groups_stay_beside_the_rounds(tmp_path: Path) -> None:
    frame = log_of(50).assign(day=pd.date_range("2024-01-01", periods=50).astype(str))
    frame.loc[3, "reward"] = np.nan
    path = tmp_path / "log.csv"
    frame.to_csv(path, index=False)
    for log in (frame, path):
        got = read(log, "action:a", "drop", groups=("region", "day"))
        assert set(got.groups) == {"region", "day"}
        assert got.groups["region"].tolist() == frame["region"].drop(3).tolist()  # NA is a region
        assert got.groups["day"].tolist() == frame["day"].drop(3).tolist()
    with pytest.raises(InvalidInput, match="column = 'land'"):
        read(frame, groups=("land",))


# --- context that nobody named ------------------------------------------------------------


def test_what_a_star_takes() -> None:
    n = 200
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(size=n),
            "device": rng.choice(["phone", "desk"], n),
            "visits": rng.integers(0, 9, n),
            "member": rng.choice([True, False], n),
            "day": pd.date_range("2024-01-01", periods=n),
            "text_day": pd.date_range("2024-01-01", periods=n).strftime("%d.%m.%Y"),
            "iso": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "unix": 1_700_000_000 + rng.integers(0, 50, n),
            "milliseconds": (1_700_000_000 + rng.integers(0, 50, n)) * 1000.0,
            "yyyymmdd": 20240100 + rng.integers(1, 28, n),
            "row": np.arange(n),
            "name": [f"customer {i}" for i in range(n)],
            "product": [f"item {i % 150}" for i in range(n)],
            "shop": "one",
        }
    )
    taken, left_out = other_columns(frame, [])
    assert taken == ["age", "device", "visits", "member"]
    assert {name: why.split(":")[0] for name, why in left_out.items()} == {
        "day": "dates",
        "text_day": "dates",
        "iso": "dates",
        "unix": "dates",
        "milliseconds": "dates",
        "yyyymmdd": "dates",
        "row": "identifiers",
        "name": "identifiers",
        "product": "more than 100 different words",
        "shop": "one value",
    }
    log = frame.assign(**log_of(n)[["action", "reward", "propensity"]], spend=rng.random(n))
    got = read(log, context=("*",), outcomes=("spend",))
    assert got.facts["context"] == taken
    assert got.facts["left_out"] == left_out
    assert read(log, context=("age",)).facts["context"] == ["age"]
    with pytest.raises(InvalidInput, match="context = 'spend': the context must not contain it"):
        read(log, context=("spend",), outcomes=("spend",))


# --- slates in long format ------------------------------------------------------------


def long_slates(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        for j in range(rng.integers(1, 4)):
            p = rng.uniform(0.2, 0.9)
            rows.append(
                (f"0{i}", j + 1, f"item{rng.integers(5)}", rng.random(), p, rng.uniform(0, 1), f"u{i % 40}")
            )
    frame = pd.DataFrame(rows, columns=["page", "place", "action", "reward", "propensity", "mine", "user"])
    return frame.sample(frac=1.0, random_state=1)


def test_slates_in_long_format_by_hand() -> None:
    frame = long_slates()
    got = read(frame, "mine", slate="page", slot="place", user="user", groups=("user",))
    want = []
    for _, page in frame.sort_values("place").groupby("page", sort=False):
        ratio = (page["mine"] / page["propensity"]).cumprod()
        want.append(float((ratio * page["reward"]).sum()))
    estimate = got.estimate("ips")
    assert estimate.value == pytest.approx(np.mean(want))
    assert (len(got), got.slots) == (300, 3)
    assert len(got.groups["user"]) == 300
    assert rounds(got).cluster is not None
    assert "products over the slots so far" in estimate.note


def test_slates_that_are_none() -> None:
    frame = long_slates(20)
    slates = {"slate": "page", "slot": "place"}
    with pytest.raises(InvalidInput, match="of slates write column:NAME"):
        read(frame, "uniform", **slates)
    with pytest.raises(InvalidInput, match="the slate has this slot twice"):
        read(frame.assign(place=1), "mine", **slates)
    with pytest.raises(InvalidInput, match="the rows of a slate have to have one value"):
        read(frame.assign(user=np.arange(len(frame))), "mine", user="user", **slates)
    with pytest.raises(InvalidInput, match="propensities of slates are not estimated"):
        read(frame.drop(columns="propensity"), "mine", **slates)


# --- actions that are numbers ------------------------------------------------------------


def prices(n: int = 3000) -> pd.DataFrame:
    """Prices around 10, spread 2; the reward is best at a price of 11."""
    rng = np.random.default_rng(0)
    price = rng.normal(10.0, 2.0, n)
    density = np.exp(-0.5 * ((price - 10) / 2) ** 2) / (2 * np.sqrt(2 * np.pi))
    reward = 5.0 - 0.1 * (price - 11.0) ** 2 + 0.1 * rng.normal(size=n)
    return pd.DataFrame({"action": price, "reward": reward, "density": density, "new": 11.0})


def test_prices_are_weighed_by_the_kernel() -> None:
    frame = prices()
    got = read(frame, "value:new@0.5", propensity="density")
    arrays = (frame[name].to_numpy() for name in ("reward", "action", "density", "new"))
    want = kernel_inputs(*arrays, bandwidth=0.5)
    assert rounds(got).weight == pytest.approx(want.weight)
    assert got.facts["bandwidth"] == 0.5
    # bias of order h^2 x 0.1, and noise of about 0.1 around 5
    assert snips(got) == pytest.approx(5.0, abs=0.1)
    assert got.estimate("snips").verdict == "caution"  # smoothing is an assumption
    assert read(frame, "value:new", propensity="density").facts["bandwidth"] == pytest.approx(
        frame["action"].std(ddof=0) * 3000**-0.2
    )


def test_prices_that_cannot_be_weighed() -> None:
    frame = prices(50)
    with pytest.raises(InvalidInput, match="need their density in the log"):
        read(frame.drop(columns="density"), "value:new")
    with pytest.raises(InvalidInput, match=r"density\[0\] = -1.0: give a density above 0"):
        read(frame.assign(density=-1.0), "value:new", propensity="density")
    with pytest.raises(InvalidInput, match=r"action\[0\] = 'cheap': give a number"):
        read(frame.assign(action="cheap"), "value:new", propensity="density")
    with pytest.raises(InvalidInput, match="give a bandwidth above 0"):
        read(frame, "value:new@0", propensity="density")
    assert (
        read(frame.assign(density=3.0), "value:new", propensity="density").slots == 1
    )  # it is no probability


# --- tables of any library, and what is none ------------------------------------------------------------


def test_tables_of_any_library_and_any_index(tmp_path: Path) -> None:
    import pyarrow as pa

    frame = log_of()
    want = snips(read(frame, "action:b"))
    arrow = pa.Table.from_pandas(frame)
    for log in (arrow, arrow.to_batches()[0], frame.set_index(np.zeros(len(frame), dtype=int)), frame[::-1]):
        assert snips(read(log, "action:b")) == pytest.approx(want)
    odd = frame.set_index(pd.Index(np.arange(len(frame)) + 7))
    assert snips(read(odd, odd["action"].where(odd["action"] == "b", "b"))) == pytest.approx(want)
    frame.to_csv(tmp_path / "log.csv", index=False)
    assert snips(read(str(tmp_path / "log.csv"), "action:b")) == pytest.approx(want)


def test_what_is_no_table() -> None:
    frame = log_of()
    for log in ([frame, frame], frame["reward"], 5, frame.to_numpy()):
        with pytest.raises(InvalidInput, match=r"LOG = .*give"):
            read(log)


def test_a_dialect_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("action~reward~propensity\n" + "a~1.234~0.5\nb~2.000~0.5\n" * 5)
    got = weigh_log(
        tmp_path / "log.csv",
        "action:a",
        rng=np.random.default_rng(0),
        columns=Columns(),
        dialect=Dialect(separator="~", thousands="."),
    )
    assert snips(got) == 1234
    assert got.facts["table"][0] == "separated by '~'"


# --- DSJSON ------------------------------------------------------------


def decisions(n: int = 60, start: int = 1, **more: Any) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    out = []
    for i in range(n):
        chosen = int(rng.integers(3))
        order = [chosen, *(j for j in range(3) if j != chosen)]
        out.append(
            {
                "_label_cost": -float(chosen),
                "_label_probability": 1 / 3,
                "_label_Action": chosen + start,
                "_labelIndex": chosen,
                "EventId": f"e{i}",
                "a": [j + start for j in order],
                "p": [1 / 3] * 3,
                "c": {"_multi": [{"_tag": tag} for tag in ("hat", "bag", "tie")]},
                **more,
            }
        )
    return out


def written(path: Path, lines: list[dict[str, Any]], packed: str = "") -> Path:
    text = "[CHECKPOINT {}\n".join([json.dumps(line) + "\n" for line in lines])
    content = ("\ufeff" + text).encode()
    path.write_bytes({"": bytes, "gz": gzip.compress, "bz2": bz2.compress}[packed](content))
    return path


@pytest.mark.parametrize("packed", ["", "gz", "bz2"])
def test_packed_decisions_with_marks_and_checkpoints(tmp_path: Path, packed: str) -> None:
    got = read(
        written(tmp_path / f"log.dsjson{'.' if packed else ''}{packed}", decisions(), packed), "action:tie"
    )
    assert snips(got) == pytest.approx(2.0)
    assert got.labels == ("bag", "hat", "tie")


def test_names_of_actions_that_are_nested_or_missing(tmp_path: Path) -> None:
    nested = {"_multi": [{"i": {"id": tag}} for tag in ("hat", "bag", "tie")]}
    assert set(dsjson_frame(written(tmp_path / "a.json", decisions(c=nested)))["action"]) == {
        "hat",
        "bag",
        "tie",
    }
    some = {"_multi": [{"_tag": "hat"}, {}, {}]}
    assert set(dsjson_frame(written(tmp_path / "b.json", decisions(c=some)))["action"]) == {1, 2, 3}
    same = {"_multi": [{"_tag": "hat"}] * 3}
    assert set(dsjson_frame(written(tmp_path / "c.json", decisions(c=same)))["action"]) == {1, 2, 3}


def test_named_actions_on_changing_offer(tmp_path: Path) -> None:
    lines = decisions()
    for i, line in enumerate(lines):
        line["c"] = {"_multi": [{"_tag": f"{tag}{i % 2}"} for tag in ("hat", "bag", "tie")]}
    got = read(written(tmp_path / "log.json", lines))
    assert got.facts["varying_offer"] is True
    assert len(got.labels) == 6
    assert rounds(got).weight == pytest.approx(1.0)
    assert got.estimate("ips").value == pytest.approx(-np.mean([line["_label_cost"] for line in lines]))
    assert got.estimate("dr").propensity_p > 6e-5


def test_actions_that_count_from_0(tmp_path: Path) -> None:
    plain = read(written(tmp_path / "one.json", decisions(c={})), "action:3")
    from_0 = read(written(tmp_path / "zero.json", decisions(c={}, start=0)), "action:3")
    assert snips(from_0) == snips(plain) == pytest.approx(2.0)
    mixed = decisions(c={}, start=0)
    for line in mixed:
        line["_label_Action"] += 1  # only a counts from 0
    assert snips(read(written(tmp_path / "mixed.json", mixed), "action:3")) == pytest.approx(2.0)
    for line in mixed:
        del line["_labelIndex"]
    with pytest.raises(InvalidInput, match="the actions in a count from 0"):
        read(written(tmp_path / "open.json", mixed), "action:3")


def test_slots_of_different_number(tmp_path: Path) -> None:
    def slot(p: list[float], cost: float) -> dict[str, Any]:
        return {"_a": list(range(len(p))), "_p": p, "_label_cost": cost}

    lines = [
        {"c": {}, "_outcomes": [slot([0.5, 0.5], -1.0), slot([0.8, 0.2], -2.0)], "pdrop": 0.5},
        {"c": {}, "_outcomes": [slot([0.25, 0.75], -4.0)]},
    ]
    got = rounds(read(written(tmp_path / "log.json", lines)))
    assert got.weight.tolist() == [[1.0, 0.625], [2.0, 2.0]]
    assert got.reward.tolist() == [[1.0, 2.0], [4.0, 0.0]]
    assert got.sample_weight is not None
    assert got.sample_weight.tolist() == [2.0, 1.0]


# --- copies of rows -----------------------------------------------------------------------------------


def test_copies_of_rows_are_a_doubt() -> None:
    frame = log_of(400).drop(columns="times").assign(notes=[["a list"]] * 400)
    assert read(frame, "action:b").doubts == ()
    copied = pd.concat([frame, frame[:40]])
    got = read(copied, "action:b")
    assert got.facts["repeated_rows"] == 40
    assert "repeat an earlier row exactly" in got.doubts[0][1]
