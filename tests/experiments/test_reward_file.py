"""A reward is checked when it is read, by every command that reads one, and not only when it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from shopgym.core.errors import InvalidInput
from shopgym.core.reward import RewardSpec, read_spec
from shopgym.experiments.config_file import config_path
from shopgym.experiments.reward_file import agents_beside, read_reward
from shopgym.guardrails.reward.frontier import Sweep, frontier
from shopgym.guardrails.reward.linted_shop import LintedShop, LintSize
from shopgym.guardrails.reward.shop_lint import measure
from shopgym.simulators import Catalog, ShopConfig, StockConfig

LIMITED = "reward: {terms: {margin: 1.0}, costs: [visits >= 0.98 of %s]}"
CATEGORIES = {"categories": ["No such category"]}
SMALL_SELLERS = {"name": "small", "term": "impression", "per": "impression", "at_least": 0.2}


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture(scope="module")
def shop() -> LintedShop:
    config = ShopConfig(users=100, slate_size=2, num_candidates=6, stock=StockConfig(enabled=False))
    return LintedShop(Catalog.synthetic(30, seed=1), config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reward: {terms: {margin: 1}}\nrewards: 3", r"rewards = 3: .*did you mean 'reward'"),
        ("reward: {margin: 1}\nshop: {}\ntrainin: {}", r"trainin = .*did you mean 'training'"),
        ("kind: leaderboard\nreward: {margin: 1}\nagent: {}", r"agent = .*did you mean 'agents'"),
        (f"{LIMITED % 'popularitee'}\nshop: {{}}", r"versus = 'popularitee': .*did you mean 'popularity'"),
        (
            f"{LIMITED % 'popularity'}\nagents: {{linucb: {{}}, random: {{}}}}",
            r"choose one of linucb, random",
        ),
    ],
)
def test_what_a_config_would_be_refused_for_is_refused_when_its_reward_is_read(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_reward(written(tmp_path, "reward.yaml", text))


def test_a_limit_may_name_an_agent_of_the_config_beside_it(tmp_path: Path) -> None:
    spec = written(tmp_path, "reward.yaml", LIMITED % "usual")
    shop = written(tmp_path, "shop.yaml", "agents: {usual: {agent: popularity}, random: {}}")
    assert read_reward(spec).limits[0].versus == "usual"  # nothing says which policies there are
    assert read_reward(spec, agents_beside(shop)).limits[0].versus == "usual"
    with pytest.raises(InvalidInput, match=r"versus = 'usual': choose one of random, popularity"):
        read_reward(spec, written(tmp_path, "other.yaml", "shop: {}"))
    assert agents_beside(Path("gift")) is None


def test_the_reward_of_an_included_file_is_read_and_not_the_default(tmp_path: Path) -> None:
    written(tmp_path, "base.yaml", "reward: {terms: {click: 1.0}, unit: click}")
    path = written(tmp_path, "config.yaml", "include: base.yaml\nshop: {}")
    assert list(read_reward(path).terms) == ["click"]
    with pytest.raises(InvalidInput, match=r"include = 'base\.yaml': the reward may stand in that file"):
        read_spec(path)


def test_every_shipped_config_with_a_reward_can_be_read() -> None:
    shipped = sorted(config_path(Path("online_retail")).parent.glob("*.yaml"))
    assert len(shipped) > 5
    for path in shipped:
        assert isinstance(read_reward(path), RewardSpec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (RewardSpec({"margin": 1.0, "retention": 1.0}, exchange={"retention": 1.0}), "shop.people.enabled"),
        (RewardSpec(north_star={"satisfaction": 1.0}), "shop.people.enabled"),
        (RewardSpec(costs=("holding_cost <= 0.1 per revenue",)), "shop.stock.enabled"),
        (RewardSpec(costs=({**SMALL_SELLERS, "items": CATEGORIES},)), "No such category"),
    ],
)
def test_what_a_shop_does_not_have_is_refused_by_lint_and_frontier(
    spec: RewardSpec, message: str, shop: LintedShop
) -> None:
    with pytest.raises(InvalidInput, match=message):
        measure(spec, shop, size=LintSize(pages=16, visits=16, lives=0))
    with pytest.raises(InvalidInput, match=message):
        frontier(spec, shop, Sweep.read("terms.margin=0.5..1"), steps=2, pages=16)
