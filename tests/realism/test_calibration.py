"""Calibration recovers known parameters: simulated moments, order lines, visits, and the command."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.realism.bgnbd import BgNbd
from shopgym.realism.calibration.from_lines import (
    arrival_hours,
    bgnbd,
    customers,
    from_lines,
    retention,
)
from shopgym.realism.calibration.moments import FreeParameter, simulated_moments
from shopgym.realism.calibration.own import FEWEST_LINES
from shopgym.simulators.people.retention import RetentionConfig, draw_habits
from shopgym.simulators.profiles.profiles import profile
from shopgym.tables.records import FOR_A_SHOP, OrderLines, RecordOptions, read_order_lines

DAY = 86_400.0
MONDAY = 17_532 * DAY


# --- simulated moments -----------------------------------------------------------------------------------

A = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0]])


def linear(at: Mapping[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(A @ [at["x"], at["y"]])


def test_a_linear_problem_gives_least_squares_and_its_standard_errors() -> None:
    target, scale = np.array([1.0, 5.0, -2.0]), np.array([0.5, 1.0, 2.0])
    free = (FreeParameter("x", 0.0, -50, 50, 0.5), FreeParameter("y", 0.0, -50, 50, 0.5))
    fit = simulated_moments(linear, target, scale, free, rounds=40, tolerance=1e-9)
    weighted = A / scale[:, None]
    expected = np.linalg.lstsq(weighted, target / scale, rcond=None)[0]
    assert [fit.values["x"], fit.values["y"]] == pytest.approx(expected, rel=1e-4)
    errors = np.sqrt(np.diag(np.linalg.inv(weighted.T @ weighted)))
    assert [fit.standard_errors["x"], fit.standard_errors["y"]] == pytest.approx(errors, rel=1e-6)
    assert fit.loss < fit.initial_loss
    assert fit.moments == pytest.approx(A @ expected, rel=1e-3)


def test_a_parameter_that_moves_no_moment_is_not_identified() -> None:
    def without_y(at: Mapping[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([at["x"], 2 * at["x"]])

    free = (FreeParameter("x", 0.0, -9, 9, 1.0), FreeParameter("y", 3.0, -9, 9, 1.0))
    fit = simulated_moments(without_y, np.array([1.0, 2.0]), np.ones(2), free, rounds=20, tolerance=1e-9)
    assert fit.unidentified == ("y",)
    assert fit.values["y"] == 3.0
    assert fit.values["x"] == pytest.approx(1.0, abs=1e-3)
    assert fit.standard_errors["y"] == np.inf


def test_bounds_hold_and_moments_without_a_value_count_as_missed() -> None:
    free = (FreeParameter("x", 0.5, 0.0, 1.0, 0.1),)
    fit = simulated_moments(lambda at: np.array([at["x"]]), np.array([7.0]), np.ones(1), free, rounds=30)
    assert fit.values["x"] == 1.0
    lost = simulated_moments(lambda at: np.array([np.nan]), np.array([7.0]), np.ones(1), free)
    assert lost.loss == 100.0
    with pytest.raises(InvalidInput, match="1 parameters"):
        simulated_moments(linear, np.ones(1), np.ones(1), (free[0], FreeParameter("y", 0, -1, 1, 0.1)))
    with pytest.raises(InvalidInput, match="start must lie"):
        FreeParameter("x", 2.0, 0.0, 1.0, 0.1)


def test_slopes_are_carried_along_and_far_misses_count_by_their_logarithm() -> None:
    """A curved problem: few simulations, and one moment out of reach does not draw the others away."""

    def curved(at: Mapping[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([np.exp(at["x"]), np.exp(at["y"] - 0.5 * at["x"]), 1.0 + 0.01 * at["x"]])

    free = (FreeParameter("x", 0.0, -5, 5, 0.1), FreeParameter("y", 0.0, -5, 5, 0.1))
    target, scale = np.array([3.0, 2.0, 1000.0]), np.array([0.3, 0.2, 0.1])
    fit = simulated_moments(curved, target, scale, free, rounds=30, straight=2.0, tolerance=1e-6)
    assert fit.moments[:2] == pytest.approx(target[:2], rel=0.05)
    assert fit.simulations < 40
    again = simulated_moments(
        curved, target, scale, free, rounds=1, straight=2.0, slopes=fit.slopes, renew=False
    )
    assert again.simulations <= 5
    assert again.loss < again.initial_loss


# --- order lines --------------------------------------------------------------------------------------------


def check_order_lines(table: pd.DataFrame, columns: Mapping[str, str] | None = None) -> OrderLines:
    return read_order_lines(table, RecordOptions(columns=columns or {}), need=FOR_A_SHOP, fewest=FEWEST_LINES)


def good_lines(count: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "line": np.arange(count),
            "order": [f"o{i // 2}" for i in range(count)],
            "item": [f"i{i % 20}" for i in range(count)],
            "customer": [f"c{i // 2 % 40}" for i in range(count)],
            "time": MONDAY + rng.uniform(0, 60 * DAY, count // 2).repeat(2),
            "quantity": 1.0,
            "price": 2.0,
            "currency": "EUR",
        }
    )


def test_bad_rows_are_set_aside_by_row_column_and_reason() -> None:
    table = good_lines().astype({"quantity": object, "price": object})
    table.loc[0, "price"] = None
    table.loc[3, "price"] = -1
    table.loc[5, "quantity"] = "many"
    table.loc[7, "quantity"] = -2
    table.loc[9, "currency"] = "USD"
    table.loc[11, "line"] = 10
    table.loc[13, "customer"] = "someone else"
    table.loc[15, "order"] = " "
    table.loc[17, "time"] = None
    lines = check_order_lines(table)
    found = lines.set_aside.set_index("row")
    assert found["column"].to_dict() == {
        0: "price", 3: "price", 5: "quantity", 7: "quantity", 9: "currency",
        11: "line", 13: "order", 15: "order", 17: "time",
    }  # fmt: skip
    assert found.loc[7, "reason"] == "below 0: counted as a return"
    assert found.loc[9, "reason"] == "not EUR, the currency of most rows"
    assert found.loc[9, "value"] == "USD"
    assert list(found.columns) == ["column", "value", "reason"]
    assert len(lines.sold) + len(lines.set_aside) == lines.rows == 200
    assert lines.returned["quantity"].tolist() == [2.0]
    assert sum(lines.reasons().values()) == 9


def test_columns_can_be_mapped_and_missing_ones_are_named() -> None:
    table = good_lines().rename(columns={"order": "InvoiceNo"})
    assert len(check_order_lines(table, {"order": "InvoiceNo"}).sold) == 200
    with pytest.raises(InvalidInput, match="no column for order"):
        check_order_lines(table)
    with pytest.raises(InvalidInput, match="map from these names"):
        check_order_lines(table, {"invoice": "InvoiceNo"})
    with pytest.raises(InvalidInput, match="5 rows can be used"):
        check_order_lines(good_lines().iloc[:5])


def test_dates_are_read_as_the_shops_clock() -> None:
    table = good_lines()
    stamps = pd.to_datetime(table["time"], unit="s")
    texts = stamps.dt.strftime("%Y-%m-%d %H:%M:%S")
    seconds = check_order_lines(table.assign(time=texts)).sold["time"]
    assert np.abs(seconds - np.floor(table["time"])).max() < 1.0
    zoned = check_order_lines(table.assign(time=stamps.dt.tz_localize("Europe/Paris"))).sold["time"]
    assert np.abs(zoned - table["time"]).max() < 1e-3


def test_shapes_and_returns_are_recovered() -> None:
    rng = np.random.default_rng(1)
    count, days = 6000, 420
    day = rng.choice(days, size=count, p=np.where(np.arange(days) % 7 == 5, 3.0, 1.0) / (days + 2 * days / 7))
    hour = rng.choice([9, 18], size=count, p=[0.25, 0.75])
    table = pd.DataFrame(
        {
            "order": [f"o{i}" for i in range(count)],
            "item": [f"i{i % 30}" for i in range(count)],
            "customer": [f"c{i}" for i in range(count)],  # every customer buys once
            "time": MONDAY + day * DAY + hour * 3600.0,
            "quantity": 1.0,
            "price": 5.0,
        }
    )
    sent = table.iloc[::5]
    back = sent.assign(
        order=[f"r{i}" for i in range(len(sent))],
        quantity=-1.0,
        time=sent["time"] + DAY * (1.0 + rng.exponential(12.0, len(sent))),
    )
    lines = check_order_lines(pd.concat([table, back], ignore_index=True))
    found, _ = from_lines(lines)
    values = {f.name: f.value for f in found}
    # shares of 6,000 orders: five standard errors, false alarm 6e-7 each
    assert values["arrivals.hours"][9] / 24 == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / count) ** 0.5)
    assert values["arrivals.weekdays"][5] / 7 == pytest.approx(3 / 9, abs=5 * (2 / 9 / count) ** 0.5)
    assert len(values["arrivals.weeks"]) == 52
    assert values["returns.rate"] == pytest.approx(0.2)
    assert values["returns.delay"] == pytest.approx(12.0, abs=5 * 12 / len(sent) ** 0.5)
    come, unknown = customers(lines, profile("gift"), 0.1)
    assert come == []
    assert "nobody bought twice" in {u.name: u.why for u in unknown}["people.retention.r"]


def test_bgnbd_of_simulated_customers_is_recovered() -> None:
    """Orders of 4,000 simulated customers; each parameter is within its own 99.99% interval."""
    true = RetentionConfig(r=0.6, alpha=20.0, a=0.8, b=3.0)
    rng = np.random.default_rng(5)
    rate, dropout = draw_habits(4000, true, rng)
    span, rows = 500.0, []
    for customer in range(4000):
        time = rng.uniform(0, 100.0)
        while True:
            rows.append((f"c{customer}", MONDAY + time * DAY))
            time += rng.exponential(1 / rate[customer])
            if time > span:
                break
            if len(rows) > 1 and rows[-1][0] == f"c{customer}" and rng.random() < dropout[customer]:
                rows.append((f"c{customer}", MONDAY + time * DAY))
                break
    orders = pd.DataFrame(rows, columns=["customer", "time"])
    model, days = bgnbd(orders)
    assert days == pytest.approx(span, rel=0.01)
    weeks = (true.r, true.alpha / 7, true.a, true.b)
    half = np.log(model.intervals[:, 1] / model.intervals[:, 0]) / 2 / 1.96
    assert (np.abs(np.log(np.array(model.parameters) / weeks)) < 3.9 * half).all()


def test_guests_with_one_id_do_not_change_how_often_customers_come_back() -> None:
    """All guests have the customer 0: one customer who never stops buying, were they not told apart."""
    rng = np.random.default_rng(2)
    true = RetentionConfig(r=0.6, alpha=20.0, a=0.8, b=3.0)
    rate, _ = draw_habits(400, true, rng)
    rows = []
    for customer in range(400):
        time = rng.uniform(0, 60.0)
        while time < 300.0 and (not rows or len(rows) < 4000):
            rows.append((f"c{customer}", MONDAY + time * DAY))
            time += rng.exponential(1 / rate[customer])
            if rng.random() < 0.2:
                break
    orders = pd.DataFrame(rows, columns=["customer", "time"])
    guests = pd.DataFrame({"customer": "0", "time": MONDAY + rng.uniform(61, 299, 600) * DAY})

    def parameters(table: pd.DataFrame) -> list[float]:
        lines = table.assign(order=np.arange(len(table)), item="i", quantity=1, price=2.0)
        fitted, _ = customers(check_order_lines(lines), profile("gift"), 0.1)
        return [one.value for one in fitted if one.name.startswith("people.retention.")]

    without = parameters(orders)
    assert len(without) == 4
    assert parameters(pd.concat([orders, guests], ignore_index=True)) == pytest.approx(without, rel=0.02)
    one_customer = pd.concat([orders, guests.assign(customer="web")], ignore_index=True)
    assert abs(parameters(one_customer)[0] / without[0] - 1) > 0.05  # what the id of a guest would do


def test_visits_follow_from_orders_by_thinning() -> None:
    model = BgNbd((0.5, 4.0, 0.8, 2.4), np.ones((4, 2)), 0.0, 100)
    found = {f.name.rsplit(".", 1)[1]: f.value for f in retention(model, 0.05)}
    assert found["r"] == 0.5
    assert found["alpha"] == pytest.approx(0.05 * 28)
    assert found["a"] / (found["a"] + found["b"]) == pytest.approx(0.05 * 0.8 / 3.2)


def test_orders_that_leave_the_rate_open_do_not_identify_it() -> None:
    """Every customer orders every 20 days: a gamma of any large shape fits, so none is identified."""
    rows = [(f"c{c}", MONDAY + (c % 20 + 20 * k) * DAY) for c in range(60) for k in range(12)]
    table = pd.DataFrame(rows, columns=["customer", "time"]).assign(quantity=1, price=2.0, item="i")
    lines = check_order_lines(table.assign(order=np.arange(len(table))))
    found, unknown = customers(lines, profile("gift"), 0.2)
    assert found == []
    assert {u.name for u in unknown} == {f"people.retention.{name}" for name in ("r", "alpha", "a", "b")}


def test_hours_of_visits_are_those_of_orders_less_the_delay() -> None:
    """Visits begin from 9 to 11 alone; orders follow after an exponential delay of 2 hours."""
    rng = np.random.default_rng(3)
    begun, delay = rng.uniform(9.0, 11.0, 200_000), rng.exponential(2.0, 200_000)
    orders = np.bincount((begun + delay).astype(int) % 24, minlength=24).astype(float)
    found = np.array(arrival_hours(orders, delay[:20_000]))
    assert found.mean() == pytest.approx(1.0, abs=1e-3)
    assert found[9:11].sum() / 24 > 0.9
    assert orders[9:11].sum() / orders.sum() < 0.45
