"""A conclusion that flips at an end of an assumed range is seen to flip, and one that does not is not."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.random import Generator

from shopgym.core import Decisions, InvalidInput, Requests
from shopgym.core.types import F64
from shopgym.realism.robustness import Robustness, compare_over_ranges, robustness
from shopgym.realism.tornado import tornado
from shopgym.simulators import Catalog, Shop, ShopConfig

CATALOG = Catalog.synthetic(60, seed=2)
CONFIG = ShopConfig(users=500, slate_size=3, num_candidates=10)
ALIKE = ("taste", "intent")
"""Parameters whose ends are found quickly."""


def planted(gain_at: dict[float, float], *, noise: float = 0.1, n: int = 400) -> Robustness:
    """A gain that is planted for each weight of taste: 2 as configured, 1 and 4 at the ends."""

    def measure(config: ShopConfig) -> dict[str, F64]:
        common = np.random.default_rng(5).normal(size=n)  # what both have of the same visitors
        own = noise * np.random.default_rng(6).normal(size=n)
        return {"new": common + own + gain_at[config.choice.taste_weight], "old": common}

    return robustness(measure, CATALOG, CONFIG, "new", "old", parameters=("taste",), unit="EUR a visit")


def test_a_winner_that_flips_at_one_end_is_seen() -> None:
    robust = planted({1.0: -0.2, 2.0: 0.3, 4.0: 0.5})
    assert robust.depends_on == ("taste",)
    assert robust.verdict("taste") == "yes"
    assert robust.sentence.startswith("this conclusion depends on taste (at 0.5 the gain is -0.199")
    assert "old is better than new" in robust.sentence
    low, high = robust.pair("taste")
    assert (low.winner, high.winner) == ("old", "new")


def test_a_winner_that_stays_is_seen() -> None:
    robust = planted({1.0: 0.1, 2.0: 0.3, 4.0: 0.5})
    assert robust.depends_on == ()
    assert robust.verdict("taste") == "no"
    assert robust.sentence.endswith("it does not flip over any assumed range")


def test_a_gain_that_fades_is_not_clear_and_does_not_flip() -> None:
    robust = planted({1.0: -0.002, 2.0: 0.3, 4.0: 0.5})
    assert robust.verdict("taste") == "not clear"
    assert robust.depends_on == ()
    assert "not clear over that of taste" in robust.sentence


def test_chance_flips_nothing_more_often_than_the_level_says() -> None:
    """No gain anywhere: a false flip needs two of three intervals on either side of 0."""
    flips = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)

        def measure(config: ShopConfig, rng: Generator = rng) -> dict[str, F64]:
            return {"new": rng.normal(size=50), "old": rng.normal(size=50)}

        found = robustness(measure, CATALOG, CONFIG, "new", "old", parameters=("return_effects",))
        flips += bool(found.depends_on)
    assert flips <= 3  # 1% of 200 at the most, P(more than 3) < 0.15 even then


def test_another_policy_that_wins_at_an_end_flips_the_winner() -> None:
    def measure(config: ShopConfig) -> dict[str, F64]:
        noise = 0.1 * np.random.default_rng(1).normal(size=(3, 300))
        third = 2.0 if config.choice.taste_weight == 4.0 else -1.0
        return {"new": 1.0 + noise[0], "old": noise[1], "third": third + noise[2]}

    robust = robustness(measure, CATALOG, CONFIG, "new", "old", parameters=("taste",))
    assert robust.winner == "new"
    assert robust.pair("taste")[1].winner == "third"
    assert robust.depends_on == ("taste",)  # new still beats old everywhere
    assert all(end.gain.low > 0 for end in robust.ends)


@dataclass(frozen=True)
class ByFeature:
    """The candidates with the highest value of one feature, with no exploration."""

    name: str
    feature: int
    sign: float = 1.0

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        scores = self.sign * CATALOG.items.features[requests.candidates][:, :, self.feature]
        positions = np.argsort(-scores, axis=1, kind="stable")[:, :3].astype(np.int32)
        slates = np.take_along_axis(requests.candidates, positions, axis=1)
        return Decisions(positions, slates, np.ones(slates.shape))


def test_policies_are_compared_in_every_world_on_the_same_visitors() -> None:
    shop = Shop(CATALOG, CONFIG, lanes=200, seed=1)
    popular, dear = ByFeature("popular", -1), ByFeature("dear", -3)
    robust = compare_over_ranges(shop, popular, dear, visits=2000, term="click", parameters=ALIKE)
    plain = shop.compare(popular, dear, visits=2000, term="click")
    assert robust.configured.mean == plain.gain.mean
    assert robust.pair("taste")[0].gain.mean != robust.pair("taste")[1].gain.mean
    again = compare_over_ranges(shop, popular, dear, visits=2000, term="click", parameters=ALIKE)
    assert str(again) == str(robust)


def test_a_policy_compared_with_itself_gains_nothing_anywhere() -> None:
    shop = Shop(CATALOG, CONFIG, lanes=100, seed=1)
    robust = compare_over_ranges(shop, ByFeature("x", -1), ByFeature("x", -1), visits=200, parameters=ALIKE)
    assert robust.depends_on == ()
    assert {end.gain.mean for end in robust.ends} == {0.0}
    assert robust.first == "first"  # two policies of one name


def test_effects_on_later_visits_say_nothing_of_single_visits() -> None:
    shop = Shop(CATALOG, CONFIG, lanes=100, seed=1)
    robust = compare_over_ranges(
        shop, ByFeature("a", -1), ByFeature("b", -3), visits=200, parameters=("return_effects",)
    )
    low, high = robust.pair("return_effects")
    assert low.gain == high.gain == robust.configured
    assert "clock 'own'" in low.note
    assert "clock 'own'" in str(robust)


def test_the_json_and_the_table_say_what_the_sentence_says() -> None:
    robust = planted({1.0: -0.2, 2.0: 0.3, 4.0: 0.5})
    said = json.loads(json.dumps(robust.as_dict()))
    assert said["depends_on"] == ["taste"]
    (row,) = said["assumptions"]
    assert row["flips"] == "yes"
    assert row["low"]["value"] == 0.5
    assert row["low"]["gain"][0] == pytest.approx(-0.2, abs=0.05)
    assert robust.rows()[0]["flips"] == "yes"
    assert robust.sentence in str(robust)


def test_the_picture_has_a_bar_for_each_parameter() -> None:
    axes = tornado(planted({1.0: -0.2, 2.0: 0.3, 4.0: 0.5})).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["taste\nflips: yes"]
    (bar,) = axes.patches
    assert bar.get_width() == pytest.approx(0.7, abs=0.01)


def test_unknown_names_are_refused() -> None:
    def measure(config: ShopConfig) -> dict[str, F64]:
        return {"new": np.zeros(3), "old": np.zeros(3)}

    with pytest.raises(InvalidInput, match=r"parameters = 'tast'.*did you mean 'taste'"):
        robustness(measure, CATALOG, CONFIG, "new", "old", parameters=("tast",))
    with pytest.raises(InvalidInput, match=r"second = 'older'.*did you mean 'old'"):
        robustness(measure, CATALOG, CONFIG, "new", "older")
