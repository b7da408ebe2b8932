"""One's own scorecard: a shop is like itself, drift has a cause, and the page and the command hold it all."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.realism import ShopData, simulate_season
from shopgym.realism.own_facts import OWN_FACTS
from shopgym.realism.own_records import as_recorded
from shopgym.realism.own_report import CHANGED, MISSED, OwnRealism, beginning_in, own_realism
from shopgym.realism.page import write_own_page
from shopgym.realism.pictures import figures
from shopgym.simulators import Catalog, MarketConfig
from shopgym.simulators.config import ShopConfig
from shopgym.simulators.market.seasons import GoodsSeason
from shopgym.simulators.profiles import profile

pytestmark = pytest.mark.slow

DAY = 86_400.0
DAYS = 42.0
CATALOG = Catalog.synthetic(300, seed=0)
CONFIG = replace(profile("fashion", visits=60_000), market=MarketConfig())
"""About 4,000 visits in six weeks; trends of the market, which no bootstrap knows of, are off."""
OTHER = replace(CONFIG, choice=replace(CONFIG.choice, click_base=CONFIG.choice.click_base + 1.0))


def records(config: ShopConfig = CONFIG, seed: int = 5, start: float = 0.0) -> ShopData:
    """A season as a record, moved to begin ``start`` days later."""
    season = simulate_season(CATALOG, config, days=DAYS, seed=seed, impressions=0.0).data
    events = season.required_events()
    events = events[events["event"] != "impression"]
    return ShopData.from_events(events.assign(time=events["time"] + start * DAY))


@pytest.fixture(scope="module")
def real() -> ShopData:
    return records()


@pytest.fixture(scope="module")
def like(real: ShopData) -> OwnRealism:
    return own_realism(real, CATALOG, CONFIG, seed=1, resamples=50)


def test_a_shop_is_like_itself_and_less_like_another(real: ShopData, like: OwnRealism) -> None:
    assert len(like.facts) >= 30
    assert like.near >= 0.8 * len(like.facts)
    other = own_realism(real, CATALOG, OTHER, seed=1, resamples=50)
    assert list(other.facts["name"]) == list(like.facts["name"])
    assert other.near < like.near - 5


def test_facts_that_are_not_given_are_named_with_the_reason(like: OwnRealism) -> None:
    assert set(like.facts["name"]) | set(like.not_given["name"]) == set(OWN_FACTS)
    assert not set(like.facts["name"]) & set(like.not_given["name"])
    assert (like.not_given["why"] != "").all()


def test_orders_alone_give_the_facts_of_orders(real: ShopData) -> None:
    events = real.required_events()
    lines = events[events["event"].isin(("purchase", "return"))].assign(session_id=None)
    report = own_realism(ShopData.from_events(lines), CATALOG, CONFIG, seed=1, resamples=20)
    assert report.simulated.sessions.empty
    reasons = report.not_given.set_index("name")["why"]
    assert reasons["bounce_rate"] == "the records have no visits"
    assert "basket_value_mean" in set(report.facts["name"])


def test_fewer_people_give_the_same_figures_a_day(real: ShopData, like: OwnRealism) -> None:
    visits = 0.5 * CONFIG.visits_per_day * DAYS
    half = own_realism(real, CATALOG, CONFIG, seed=1, resamples=20, visits=visits)
    assert half.share == pytest.approx(0.5)
    assert half.season.visits < 0.7 * like.season.visits
    both = [r.facts.set_index("name").loc["visits_per_day", "value"] for r in (half, like)]
    assert both[0] == pytest.approx(both[1], rel=0.1)


def test_a_season_begins_in_the_week_in_which_the_records_begin() -> None:
    weeks = tuple(float(x) for x in range(1, 53))
    goods = GoodsSeason(word="tree", amplitude=1.0, peak=50.0)
    config = replace(
        CONFIG,
        arrivals=replace(CONFIG.arrivals, weeks=weeks),
        market=replace(CONFIG.market, seasons=(goods,)),
    )
    later = beginning_in(config, 48)
    assert later.arrivals.weeks[:5] == (49.0, 50.0, 51.0, 52.0, 1.0)
    assert later.market.seasons[0].peak == 2.0
    assert beginning_in(config, 0) == config
    report = own_realism(records(start=70.0), CATALOG, CONFIG, seed=1, resamples=20)
    assert report.simulated.watched == report.real.watched == (report.real.watched[0], report.real.watched[1])


def test_later_records_show_what_changed_and_what_was_missed(real: ShopData) -> None:
    """The shop of the records changes: what the config then has wrong has changed, not been missed."""
    changed = records(OTHER, seed=6, start=DAYS)
    report = own_realism(changed, CATALOG, CONFIG, calibrated_on=real, seed=1, resamples=50)
    assert report.drift.startswith("drift: the config was calibrated on records to 2018-02-1")
    causes = report.facts.set_index("name")["cause"]
    assert causes["session_pages_mean"] == CHANGED
    assert (causes[report.facts.set_index("name")["near"].fillna(True)] == "").all()
    same = own_realism(records(seed=6, start=DAYS), CATALOG, OTHER, calibrated_on=real, seed=1, resamples=50)
    assert same.facts.set_index("name").loc["session_pages_mean", "cause"] == MISSED


def test_earlier_records_are_no_drift(real: ShopData) -> None:
    old = own_realism(real, CATALOG, CONFIG, calibrated_on=records(start=60.0), seed=1, resamples=20)
    assert old.drift == ""
    assert "before" not in old.facts  # only later records show what changed


def test_too_long_records_and_those_without_facts_are_refused(real: ShopData) -> None:
    with pytest.raises(InvalidInput, match="give records of 1 to 1100 days"):
        own_realism(replace(real, watched=(0.0, 2000 * DAY)), CATALOG, CONFIG)
    nobody = ShopData.from_events(real.required_events().iloc[:1])
    with pytest.raises(InvalidInput, match="they give none of the facts"):
        own_realism(nobody, CATALOG, CONFIG, resamples=20)


def test_the_page_holds_pictures_facts_and_notes(like: OwnRealism, tmp_path: Path) -> None:
    write_own_page(replace(like, notes=("a <note>",)), "mine", tmp_path / "own.html")
    page = (tmp_path / "own.html").read_text()
    assert page.count("data:image/png;base64,") == 6
    assert "a &lt;note&gt;" in page
    assert all(name in page for name in like.facts["name"])


def test_pictures_are_those_that_the_records_allow(like: OwnRealism) -> None:
    orders = as_recorded(
        like.real, ShopData.from_events(like.real.select("purchase").assign(session_id=None))
    )
    drawn = figures(orders, orders, like.facts[like.facts["group"] != "sequence"])
    assert set(drawn) == {"facts", "distributions", "weeks", "hours", "baskets"}


# --- the command ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(real: ShopData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Order lines, events of visits and the config of a shop whose catalogue is made of them."""
    folder = tmp_path_factory.mktemp("own")
    events = real.required_events()
    lines = events[events["event"].isin(("purchase", "return"))].copy()
    lines["quantity"] *= np.where(lines["event"] == "return", -1, 1)
    lines["time"] = pd.to_datetime(lines["time"], unit="s").dt.strftime("%Y-%m-%d %H:%M:%S")
    names = {"order_id": "order", "item_id": "item", "user_id": "customer"}
    columns = ["order", "item", "customer", "time", "quantity", "price"]
    lines.rename(columns=names)[columns].to_csv(folder / "orders.csv", index=False)
    events.drop(columns="position", errors="ignore").to_parquet(folder / "events.parquet")
    shop = json.loads(json.dumps(asdict(replace(CONFIG, campaigns=(), shocks=())), default=float))
    for name in ("campaigns", "shocks"):
        del shop[name]
    config = {"name": "mine", "catalog": {"source": "transactions", "path": "orders.csv"}, "shop": shop}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    return folder


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["realism", *(str(argument) for argument in arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_compares_the_shop_of_a_config_with_its_records(files: Path) -> None:
    page = files / "own.html"
    code, out, err = invoke(
        *("--config", files / "mine.yaml", "--records", files / "orders.csv"),
        *("--sessions", files / "events.parquet", "--visits", 2000, "--html", page, "--json"),
    )
    assert code == 0, err
    answer = json.loads(out)
    assert answer["config"] == "mine"
    assert 0 < answer["near"] <= answer["judged"] == len(answer["facts"])
    assert {"orders_per_day", "bounce_rate"} <= {fact["name"] for fact in answer["facts"]}
    assert answer["drift"] == ""
    assert page.exists()


def test_a_folder_that_ingest_wrote_is_read_like_the_file(files: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["ingest", str(files / "orders.csv"), "--out", str(tmp_path / "in")])
    assert result.exit_code == 0, result.stderr
    answers = []
    for path in (files / "orders.csv", tmp_path / "in"):
        code, out, err = invoke(
            "--config", files / "mine.yaml", "--records", path, "--visits", 1000, "--json"
        )
        assert code == 0, err
        answers.append({fact["name"]: fact["real"] for fact in json.loads(out)["facts"]})
    assert answers[0] == pytest.approx(answers[1])
    assert "returned_line_share" in answers[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give gift, fashion or grocery"),
        (("--config", "mine.yaml"), "--records"),
        (("--records", "orders.csv"), "--config"),
        (("--profile", "gift", "--sessions", "events.csv"), "a number of visits"),
    ],
)
def test_the_command_says_what_is_missing(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        CliRunner().invoke(app, ["realism", *arguments], catch_exceptions=False)


def test_the_page_of_a_profile_shows_both_halves(tmp_path: Path) -> None:
    page = tmp_path / "fashion.html"
    code, out, err = invoke("--profile", "fashion", "--visits", 2000, "--html", page)
    assert code == 0, err
    assert "held out from the fit" in out
    assert "held out from the fit" in page.read_text()
