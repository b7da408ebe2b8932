"""Arrivals: the rate by hand, then time rescaling and counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators.people.arrivals import ArrivalConfig

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""

BUSY = ArrivalConfig(
    per_day=500.0,
    hours=tuple(1.0 + (8 <= h < 20) * 3.0 for h in range(24)),
    weekdays=(1.0, 1.0, 1.0, 1.4, 1.0, 0.5, 0.0),
    weeks=tuple(2.0 if w >= 48 else 1.0 for w in range(52)),
)


def test_rate_by_hand() -> None:
    ravel_view = ArrivalConfig(per_day=240.0)
    assert ravel_view.expected(0.0, 1.0) == pytest.approx(240.0)
    assert ravel_view.expected(0.5, 0.5 + 1 / 24) == pytest.approx(10.0)
    mean_hour, mean_day = (12 * 1.0 + 12 * 4.0) / 24, (4 * 1.0 + 1.4 + 0.5) / 7
    mean_week = (48 * 1.0 + 4 * 2.0) / 52
    thursday_noon = 3 + 12 / 24
    want = 500 / 24 * (4.0 / mean_hour) * (1.4 / mean_day) * (1.0 / mean_week)
    assert BUSY.expected(thursday_noon, thursday_noon + 1 / 24) == pytest.approx(want)
    assert BUSY.expected(6.0, 7.0) == 0.0  # closed on Sundays
    assert BUSY.expected(0.0, 364.0) == pytest.approx(500 * 364)
    assert BUSY.expected(300.0, 400.0) == pytest.approx(BUSY.expected(300, 364) + BUSY.expected(0, 36))


def test_no_one_arrives_in_closed_hours_and_times_increase() -> None:
    times = BUSY.times(1, 50_000)
    assert (np.diff(times) >= 0).all()
    assert not (np.floor(times) % 7 == 6).any()


def test_rescaled_gaps_are_exponential() -> None:
    times = BUSY.times(2, 20_000)
    reached = np.array([BUSY.expected(0.0, t) for t in times])
    assert stats.kstest(np.diff(reached), "expon").pvalue > ALARM


def test_counts_are_poisson_by_hour() -> None:
    times = ArrivalConfig(per_day=500.0, hours=BUSY.hours).times(3, 200_000)
    counts = np.bincount((times * 24).astype(int) % 24, minlength=24)
    shape = np.array(BUSY.hours) / np.sum(BUSY.hours)
    assert stats.chisquare(counts, shape * counts.sum()).pvalue > ALARM


def test_a_busier_shop_gets_the_same_visitors_earlier() -> None:
    slow, fast = (ArrivalConfig(per_day=n).times(4, 1000) for n in (100.0, 200.0))
    np.testing.assert_allclose(slow, 2 * fast)
    np.testing.assert_array_equal(ArrivalConfig().times(4, 10), ArrivalConfig().times(4, 20)[:10])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"per_day": 0.0}, "per_day"),
        ({"hours": (1.0,) * 23}, "hours"),
        ({"weekdays": (0.0,) * 7}, "weekdays"),
        ({"weeks": (float("nan"),) * 52}, "weeks"),
        ({"hours": (-1.0,) + (1.0,) * 23}, "hours"),
    ],
)
def test_bad_numbers_are_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        ArrivalConfig(**change)  # type: ignore[arg-type]
