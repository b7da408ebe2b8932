"""Fitting a profile's parameters to its facts: the size of a miss, the scales, the search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.realism import fit as module
from shopgym.realism.fit import (
    LARGEST_MISS,
    LEAST_HALF_WIDTH,
    PARAMETERS,
    ScaledParameter,
    count_facts,
    fit,
    misses,
)
from shopgym.realism.report import measured_facts
from shopgym.realism.shop_events import simulate_season
from shopgym.simulators import Catalog
from shopgym.simulators.profiles.profiles import PROFILES, profile, values


def test_a_miss_is_counted_in_half_widths_up_to_the_largest_miss() -> None:
    table = pd.DataFrame(
        [
            ("middle", 5.0, 4.0, 6.0),
            ("edge", 6.0, 4.0, 6.0),
            ("far", 1e6, 4.0, 6.0),
            ("point", 5.0 * (1 + LEAST_HALF_WIDTH), 5.0, 5.0),
            ("below", -1.1, -1.0, -0.8),
            ("none", math.nan, 0.0, 1.0),
        ],
        columns=["name", "value", "low", "high"],
    )
    found = misses(table)
    one, two = (LARGEST_MISS * math.tanh(x / LARGEST_MISS) for x in (1.0, -2.0))
    assert found[:5] == pytest.approx([0.0, one, LARGEST_MISS, one, two])
    assert np.isnan(found[5])


@pytest.mark.parametrize("profile_name", PROFILES)
def test_every_fitted_parameter_is_one_of_its_profile_and_its_scale_can_be_inverted(
    profile_name: str,
) -> None:
    table = values(profile_name, "")
    for parameter in PARAMETERS[profile_name]:
        free = parameter.free(table[parameter.name])
        assert parameter.value(free.start) == pytest.approx(table[parameter.name])
        assert free.low < free.start < free.high
        profile(profile_name, changes={parameter.name: parameter.value(free.start + parameter.step)})
    assert len({parameter.name for parameter in PARAMETERS[profile_name]}) <= count_facts(profile_name)


def test_the_search_finds_known_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts of this shop follow three parameters in closed form, and one fact is out of reach."""
    start = values("gift", "")
    truth = {"dwell.median": 1.15 * start["dwell.median"], "choice.mission_share": 0.2}
    truth["choice.leave_base"] = start["choice.leave_base"] - 1.0
    parameters = (
        ScaledParameter("dwell.median", "log", 0.1),
        ScaledParameter("choice.leave_base", "plain", 0.2),
    )
    parameters += (ScaledParameter("choice.mission_share", "logit", 0.3),)

    def shop(profile: str, changes: Mapping[str, Any], **_: object) -> pd.DataFrame:
        at, most = changes, count_facts(profile)
        facts = [at["dwell.median"], at["choice.leave_base"] + 2 * at["choice.mission_share"]]
        facts += [at["choice.mission_share"]] * (most - 3) + [99.0]
        aim = [truth["dwell.median"], truth["choice.leave_base"] + 0.4] + [0.2] * (most - 3) + [1.0]
        rows = [(f"fact {i}", x, a - 0.1, a + 0.1) for i, (x, a) in enumerate(zip(facts, aim, strict=True))]
        return pd.DataFrame(rows, columns=["name", "value", "low", "high"])

    monkeypatch.setattr(module, "evaluate", shop)
    found, search = fit("gift", parameters=parameters, rounds=60)
    assert found == pytest.approx(truth, rel=0.02)
    assert search.loss == pytest.approx(LARGEST_MISS**2, rel=0.02)


def test_what_is_fitted_is_what_is_judged() -> None:
    catalog = Catalog.synthetic(300, seed=0)
    season = simulate_season(catalog, profile("grocery", visits=1000), days=28.0, seed=0)
    facts = measured_facts("grocery", season, seed=0, resamples=0, half="fit")
    assert len(facts) + 7 == count_facts("grocery")  # and seven responses
    assert facts[["low", "high"]].isna().all(axis=None)
