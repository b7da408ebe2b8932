"""The audit and the frontier: known rewards, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core.errors import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.guardrails.reward.audit import audit, honest_spec
from shopgym.guardrails.reward.audit_report import audit_report
from shopgym.guardrails.reward.findings import GAMEABLE
from shopgym.guardrails.reward.frontier import Sweep, frontier, frontier_picture
from shopgym.guardrails.reward.linted_shop import LintedShop, LintSize
from shopgym.guardrails.reward.trained import AuditedAgent, DiscountModel
from shopgym.simulators import Catalog, ShopConfig

ORDERS = RewardSpec({"purchase": 1.0}, unit="order line")
SIZE = LintSize(pages=512, visits=512, lives=0)


def small_shop(discounts=(0.0, 0.25, 0.5)) -> LintedShop:
    config = ShopConfig(users=2000, slate_size=3, num_candidates=12, allow_losses=True)
    return LintedShop(Catalog.synthetic(80, seed=1), config, 3, discounts)


def test_an_agent_paid_by_orders_gives_the_discount_away():
    audited = audit(ORDERS, small_shop(), [AuditedAgent("linear_ranker", (4000,))], size=SIZE, seeds=2)
    assert audited.gaming is not None
    assert audited.gaming.price.price_off > 0.3
    assert len(audited.gaming.by_seed) == 2
    report = audit_report(audited, pictures=True)
    assert report.verdict == GAMEABLE
    assert report.findings[0].code == "gamed_by"
    page = report.html()
    assert "Storefronts, side by side" in page
    assert "<s>" in page  # the old price, struck out
    json.dumps(report.summary())


def test_the_north_star_itself_is_not_gamed_by_the_same_agent():
    audited = audit(RewardSpec(), small_shop(), [AuditedAgent("linear_ranker", (4000,))], size=SIZE, seeds=1)
    assert audited.gaming is None
    assert audited.attempts[0].price.share.value == pytest.approx(1.0)  # the same training, twice
    assert audited.strongest is None


def test_the_honest_reward_is_the_north_star():
    star = {"margin": 1.0, "return_cost": -1.0}
    honest = honest_spec(RewardSpec({"click": 1.0}, unit="click", north_star=star))
    assert honest.weights == star
    assert honest.unit == "currency"


def test_a_discount_model_learns_which_discount_pays():
    class Asked:
        user = np.zeros((900, 0), np.float32)
        context = np.zeros((900, 0), np.float32)

        def __len__(self):
            return 900

    model = DiscountModel((0.0, 0.25, 0.5), 1)
    level = np.arange(900) % 3
    model.learn(Asked(), level, np.array([1.0, 3.0, 2.0])[level])
    assert (model.best(Asked()) == 1).all()


def test_an_audit_needs_an_agent_and_candidates():
    with pytest.raises(InvalidInput, match="at least one agent"):
        audit(ORDERS, small_shop(), [])
    whole = LintedShop(Catalog.synthetic(30, seed=1), ShopConfig(users=200, slate_size=2, num_candidates=0))
    with pytest.raises(InvalidInput, match="num_candidates"):
        audit(RewardSpec(), whole, [AuditedAgent("linear_ranker")], size=SIZE)


# the frontier


def test_the_frontier_of_a_click_starts_at_nothing_lost_and_buys_clicks():
    spec = RewardSpec({"margin": 1.0, "click": 1.0}, exchange={"click": 0.5})
    swept = frontier(spec, small_shop((0.0,)), Sweep.read("exchange.click=0..2"), steps=5, pages=512)
    clicks, kept = [p.amount for p in swept.points], [p.price.share.value for p in swept.points]
    assert kept[0] == pytest.approx(1.0)
    assert clicks == sorted(clicks)
    assert kept == sorted(kept, reverse=True)
    assert "exchange.click" in swept.sentence
    assert frontier_picture(swept).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text", ["click=0..1", "exchange.click=1..0", "exchange.click=a..b", "exchange.click"]
)
def test_a_sweep_that_cannot_be_read_is_refused(text):
    with pytest.raises(InvalidInput, match="sweep"):
        Sweep.read(text)


# the command


def test_the_commands_end_with_their_exit_codes(tmp_path):
    shop, spec = tmp_path / "shop.yaml", tmp_path / "orders.yaml"
    settings = {"users": 500, "slate_size": 2, "num_candidates": 8, "allow_losses": True}
    shop.write_text(yaml.safe_dump({"catalog": {"source": "synthetic", "items": 60}, "shop": settings}))
    spec.write_text("terms: {purchase: 1.0}\nunit: order line\n")
    runner, where = CliRunner(), ["--shop", str(shop), "--discounts", "0.5"]
    lint = runner.invoke(app, ["reward", "lint", str(spec), *where, "--visits", "64", "--json"])
    assert lint.exit_code == 3
    assert json.loads(lint.stdout)["verdict"] == GAMEABLE
    page = tmp_path / "lint.html"
    runner.invoke(app, ["reward", "lint", str(spec), *where, "--visits", "64", "--html", str(page)])
    assert "Under pressure" in page.read_text(encoding="utf-8")
    both = runner.invoke(app, ["reward", "lint", str(spec), *where, "--log", str(spec)])
    assert isinstance(both.exception, InvalidInput)
    swept = ["reward", "frontier", str(spec), "--shop", str(shop), "--sweep", "terms.purchase=1..2", "--json"]
    assert json.loads(runner.invoke(app, [*swept, "--steps", "2"]).stdout)["points"][0]["value"] == 1.0


def test_a_frontier_of_a_reward_that_clip_cuts_off_is_refused():
    spec = RewardSpec({"margin": 1.0}, clip={"margin": (-1e-4, 1e-4)})
    with pytest.raises(InvalidInput, match=r"reward\.clip = .*widen them"):
        frontier(spec, small_shop(), Sweep.read("exchange.click=0..1"), steps=2, pages=256)
