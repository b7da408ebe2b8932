"""Scorecard, distances and discriminator: known answers."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.realism import ShopData, StylisedFact, discriminate, scorecard, session_distances, stylised_facts
from shopgym.realism.discriminator import auc

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def shop(n: int, seed: int, *, shift: float = 0.0, scale: float = 1.0) -> ShopData:
    draw = rng(seed)
    sessions = pd.DataFrame(
        {
            "session_id": np.arange(n),
            "events": draw.geometric(0.3, size=n),
            "duration": scale * draw.exponential(100.0, size=n) + shift,
            "dwell_mean": np.where(draw.uniform(size=n) < 0.2, np.nan, draw.exponential(30.0, size=n)),
            "carted": (draw.uniform(size=n) < 0.1) * 1.0,
        }
    )
    return ShopData(None, sessions)


def fact(name: str, low: float, high: float, *, days: float | None = None) -> StylisedFact:
    return StylisedFact(name, (low + high) / 2, low, high, "share", "nowhere", "funnel", name, None, days)


# --- scorecard -----------------------------------------------------------------------------------------


def test_the_scorecard_says_inside_outside_or_why_not() -> None:
    values = pd.DataFrame(
        {
            "name": ["a", "b", "c", "d"],
            "value": [0.5, 0.5, np.nan, 0.5],
            "low": [0.4, 0.4, np.nan, 0.4],
            "high": [0.6, 0.6, np.nan, 0.6],
            "lacks": ["", "", "event cart", ""],
        }
    )
    facts = [
        fact("a", 0.5, 0.7),
        fact("b", 0.55, 0.9),
        fact("b", 0.7, 0.9),
        fact("c", 0, 1),
        fact("d", 0, 1, days=373),
        fact("e", 0, 1),
    ]
    table = scorecard(values, facts, days=30)
    assert table["inside"].tolist() == [True, False, False, pd.NA, pd.NA, pd.NA]
    assert table["overlaps"].tolist() == [True, True, False, pd.NA, pd.NA, pd.NA]
    assert table["why"].tolist() == [
        *[""] * 3,
        "event cart",
        "watched for 30 days, the real shop for 373",
        "not measured",
    ]
    assert table["inside"].mean() == pytest.approx(1 / 3)
    for days in (None, 360.0):
        assert scorecard(values, facts, days=days).loc[4, "inside"]


def test_a_wrong_table_of_values_is_refused() -> None:
    values = pd.DataFrame({"name": ["a", "a"], "value": 1.0, "low": 0.0, "high": 2.0})
    with pytest.raises(InvalidInput, match="name facts once"):
        scorecard(values, [])
    with pytest.raises(InvalidInput, match="add the columns \\['low'\\]"):
        scorecard(values.drop(columns="low"), [])
    with pytest.raises(InvalidInput, match="groups = 'weather': choose one of"):
        stylised_facts(groups=["weather"])


def test_facts_are_chosen_by_group_and_name() -> None:
    assert {found.group for found in stylised_facts(groups=["basket", "returns"])} == {"basket", "returns"}
    assert [found.name for found in stylised_facts(names=["cj_item_gini"])] == ["cj_item_gini"]


# --- distances -----------------------------------------------------------------------------------------


def test_a_shift_by_one_sd_is_a_distance_of_one() -> None:
    real = shop(500, 1)
    sd = float(real.sessions["duration"].std(ddof=0))
    moved = ShopData(None, real.sessions.assign(duration=real.sessions["duration"] - sd, carted=0.0))
    table = session_distances(real, moved).set_index("feature")
    assert table["distance"].to_dict() == pytest.approx(
        {
            "events": 0.0,
            "duration": 1.0,
            "dwell_mean": 0.0,
            "carted": real.sessions["carted"].mean() / real.sessions["carted"].std(ddof=0),
        }
    )
    assert table.loc["dwell_mean", "real_n"] == real.sessions["dwell_mean"].notna().sum()
    swapped = session_distances(moved, real).set_index("feature")
    assert np.isnan(swapped.loc["carted", "distance"])  # constant: the standard deviation is 0


def test_shops_with_nothing_in_common_are_refused() -> None:
    other = ShopData(None, pd.DataFrame({"session_id": [1], "hour": [3.0]}))
    with pytest.raises(InvalidInput, match="nothing in common"):
        session_distances(shop(20, 1), other)


# --- discriminator -------------------------------------------------------------------------------------


def test_auc_counts_pairs() -> None:
    draw = rng()
    score, yes = draw.integers(5, size=60).astype(float), draw.uniform(size=60) < 0.4
    a, b = score[yes][:, None], score[~yes]
    assert auc(score, yes) == pytest.approx(((a > b) + 0.5 * (a == b)).mean())


def test_the_same_distribution_cannot_be_separated() -> None:
    """The interval misses 0.5 in about 5% of draws, and by more than 0.02 in fewer than 0.1%."""
    found = discriminate(shop(800, 1), shop(1_000, 2), rng(), resamples=100)
    assert (found.sessions, found.folds) == (800, 5)
    assert found.features == ("events", "duration", "dwell_mean", "carted")
    assert found.low - 0.02 <= 0.5 <= found.high + 0.02
    assert found.low <= found.auc <= found.high
    assert found.high - found.low < 0.1


def test_different_distributions_are_separated() -> None:
    found = discriminate(shop(300, 1), shop(300, 2, shift=5_000.0), rng(), resamples=20)
    assert found.auc > 0.99  # features are binned: one of 255 bins may hold the edge of both shops
    half = discriminate(shop(600, 1), shop(600, 2, scale=3.0), rng(), resamples=50)
    # an exponential of 3 times the mean wins in 3 of 4 pairs, and no rule does better
    assert half.low - 0.03 <= 0.75 <= half.high + 0.05
    blind = discriminate(shop(600, 1), shop(600, 2, shift=5_000.0), rng(), features=["carted"], resamples=50)
    assert blind.low - 0.02 <= 0.5 <= blind.high + 0.02


def test_the_generator_determines_the_result() -> None:
    first, second = (discriminate(shop(60, 1), shop(60, 2), rng(4), resamples=20) for _ in range(2))
    other = discriminate(shop(60, 1), shop(60, 2), rng(5), resamples=20)
    assert first == second
    assert first != other


def test_the_discriminator_refuses_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = shop(40, 1), shop(60, 2)
    with pytest.raises(InvalidInput, match="sessions = 40: give 50 or more"):
        discriminate(a, b, rng())
    with pytest.raises(InvalidInput, match="features = \\['searched'\\]"):
        discriminate(a, b, rng(), features=["searched"])
    with pytest.raises(InvalidInput, match="folds"):
        discriminate(a, b, rng(), folds=1)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(InvalidInput, match="pip install scikit-learn"):
        discriminate(b, b, rng())
