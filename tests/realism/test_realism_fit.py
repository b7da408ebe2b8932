"""Fitting a profile's numbers to its facts: the scale of a miss, the scales of the knobs, the search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.realism import fit as module
from shopgym.realism.fit import KNOBS, LEAST, MOST, Knob, count, fit, misses
from shopgym.realism.report import measured_facts
from shopgym.realism.shop_events import simulate_season
from shopgym.simulators import Catalog
from shopgym.simulators.profiles.profiles import PROFILES, profile, values


def test_a_miss_is_counted_in_half_widths_and_never_in_more_than_the_most() -> None:
    table = pd.DataFrame(
        [
            ("middle", 5.0, 4.0, 6.0),
            ("edge", 6.0, 4.0, 6.0),
            ("far", 1e6, 4.0, 6.0),
            ("point", 5.0 * (1 + LEAST), 5.0, 5.0),
            ("below", -1.1, -1.0, -0.8),
            ("none", math.nan, 0.0, 1.0),
        ],
        columns=["name", "value", "low", "high"],
    )
    found = misses(table)
    one, two = (MOST * math.tanh(x / MOST) for x in (1.0, -2.0))
    assert found[:5] == pytest.approx([0.0, one, MOST, one, two])
    assert np.isnan(found[5])


@pytest.mark.parametrize("profile_name", PROFILES)
def test_every_knob_is_a_number_of_its_profile_and_comes_back_from_its_scale(profile_name: str) -> None:
    table = values(profile_name, "")
    for knob in KNOBS[profile_name]:
        free = knob.free(table[knob.name])
        assert knob.value(free.start) == pytest.approx(table[knob.name])
        assert free.low < free.start < free.high
        profile(profile_name, changes={knob.name: knob.value(free.start + knob.step)})
    assert len({knob.name for knob in KNOBS[profile_name]}) <= count(profile_name)


def test_numbers_that_are_known_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop whose facts follow three numbers in closed form, and a fact that no number reaches."""
    start = values("gift", "")
    truth = {"dwell.median": 1.15 * start["dwell.median"], "choice.mission_share": 0.2}
    truth["choice.leave_base"] = start["choice.leave_base"] - 1.0
    knobs = (Knob("dwell.median", "log", 0.1), Knob("choice.leave_base", "plain", 0.2))
    knobs += (Knob("choice.mission_share", "logit", 0.3),)

    def shop(profile: str, changes: Mapping[str, Any], **_: object) -> pd.DataFrame:
        at, most = changes, count(profile)
        facts = [at["dwell.median"], at["choice.leave_base"] + 2 * at["choice.mission_share"]]
        facts += [at["choice.mission_share"]] * (most - 3) + [99.0]
        aim = [truth["dwell.median"], truth["choice.leave_base"] + 0.4] + [0.2] * (most - 3) + [1.0]
        rows = [(f"fact {i}", x, a - 0.1, a + 0.1) for i, (x, a) in enumerate(zip(facts, aim, strict=True))]
        return pd.DataFrame(rows, columns=["name", "value", "low", "high"])

    monkeypatch.setattr(module, "judged", shop)
    found, search = fit("gift", knobs=knobs, rounds=60)
    assert found == pytest.approx(truth, rel=0.02)
    assert search.loss == pytest.approx(MOST**2, rel=0.02)


def test_what_is_fitted_is_what_is_judged() -> None:
    catalog = Catalog.synthetic(300, seed=0)
    season = simulate_season(catalog, profile("grocery", visits=1000), days=28.0, seed=0)
    facts = measured_facts("grocery", season, seed=0, resamples=0)
    assert len(facts) + 7 == count("grocery")  # and seven responses
    assert facts[["low", "high"]].isna().all(axis=None)
