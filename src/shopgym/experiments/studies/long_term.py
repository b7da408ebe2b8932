"""Does it pay to look beyond the page? SlateQ against myopic learners, in two shops.

A customer's worth of an item (what it turns out to be) is only loosely tied to how good it looks. Where
satisfaction bends return and churn, whoever shows what is clicked most loses customers; where it does not,
whoever looks ahead has nothing to gain. Both shops are the same but for two numbers of
:class:`.RetentionConfig`, and every agent lives the same customers' lives with the same luck.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...agents.registry import make_agent
from ...agents.task import Task
from ...core.errors import InvalidInput, in_range, one_of
from ...core.items import Items
from ...core.reward import RewardSpec
from ...envs.vector import ShopperVectorEnv
from ...evaluation.intervals.normal import student_interval
from ...policies.explorers import PlackettLuceRanking
from ...simulators import Catalog, ChoiceConfig, PeopleConfig, RetentionConfig, ShopConfig
from ...training.episodes import run_episodes
from ...training.loop import train_sequences
from ...training.position_bias import measure_position_bias
from ..stages import stage_rng, stage_seed

EFFECTS = {"off": (0.0, 0.0), "default": (0.5, 1.0), "strong": (2.0, 4.0)}
"""rate_effect and churn_effect of satisfaction: none, the defaults of the shop, and four times those."""

AHEAD = {"gamma": 0.99, "daily": 0.98}
"""A click a page later counts 0.99, one 50 days later 0.36."""

AGENTS: dict[str, tuple[str, dict[str, float]]] = {
    "greedy clicks": ("greedy_clicks", {}),
    "myopic DQN": ("dqn", {"gamma": 0.0}),
    "DQN": ("dqn", AHEAD),
    "SlateQ": ("slateq", AHEAD),
}
"""The agent's name and options by what the table calls it; all share ``StudySize.networks``."""


@dataclass(frozen=True)
class StudySize:
    """How much is done.

    Attributes:
        items, users: of the shop; its pages have ``slots`` of ``candidates``.
        days: a customer is followed.
        lanes, steps: customers at once and pages each while learning.
        judged: customers whose whole lives judge a policy.
        hidden, step, batch, updates, tau: of all networks, see :class:`.ValueAgent`.
    """

    items: int = 40
    users: int = 2000
    slots: int = 3
    candidates: int = 10
    days: float = 120.0
    lanes: int = 128
    steps: int = 600
    judged: int = 400
    hidden: tuple[int, ...] = (32,)
    step: float = 2e-3
    batch: int = 128
    updates: int = 3
    tau: float = 0.05

    def options(self, name: str) -> dict[str, Any]:
        """What the agent called ``name`` is told of its networks."""
        shared = {"hidden": self.hidden, "step": self.step, "batch": self.batch, "updates": self.updates}
        return shared if name == "greedy_clicks" else {**shared, "tau": self.tau}


def with_identity(items: Items) -> Items:
    """The items with one more column each, ``is_0``, ``is_1``, ...: a network may learn each by itself."""
    names = tuple(f"is_{row}" for row in range(len(items)))
    columns = np.concatenate([items.features, np.eye(len(items), dtype=np.float32)], axis=1)
    return replace(items, features=columns, feature_names=items.feature_names + names)


def cell(
    effect: str, agent: str, seed: int, size: StudySize, on_progress: Callable[[], None]
) -> dict[str, Any]:
    """Train one agent in one shop and judge what it does in the end, greedily, on new customers.

    Returns:
        Means over the customers: ``reward`` (clicks in ``size.days``), ``visits``, ``pages``,
        ``satisfaction`` and the share ``kept``. All agents of a seed meet the same shop and luck.
    """
    catalog = Catalog.synthetic(size.items, seed=seed)
    rate, churn = EFFECTS[effect]
    habits = RetentionConfig(r=1.2, alpha=10.0, a=1.1, b=12.0, rate_effect=rate, churn_effect=churn)
    config = ShopConfig(
        users=size.users,
        slate_size=size.slots,
        num_candidates=size.candidates,
        choice=ChoiceConfig(click_base=-2.0),  # five times the usual clicks, so that minutes suffice
        people=PeopleConfig(enabled=True, retention=habits),
    )

    def shop(lanes: int) -> ShopperVectorEnv:
        return ShopperVectorEnv(
            lanes,
            catalog=catalog,
            config=config,
            form="slate",
            reward=RewardSpec({"click": 1.0}, unit="click", north_star="click"),
            days=size.days,
            shop_seed=seed,
            autoreset_mode="Disabled",
        )

    env = shop(size.lanes)
    env.reset(seed=stage_seed(seed, "attention"))
    names = (env.loop.shop.user_names, env.loop.shop.context_names)
    task = Task(with_identity(catalog.items), *names, size.slots, attention=np.ones(size.slots))
    rng = stage_rng(seed, "attention")
    random = make_agent("random", task, rng).policy()
    task = replace(task, attention=measure_position_bias(env.loop, random, 10, rng))
    name, options = AGENTS[agent]
    learner = make_agent(name, task, stage_rng(seed, "agent"), **options, **size.options(name))
    env.reset(seed=stage_seed(seed, "train"))
    train_sequences(learner, env, size.steps, stage_rng(seed, "explore"), on_progress)
    policy: Any = learner.policy()
    greedy = replace(policy, explorer=PlackettLuceRanking(decay=50.0, floor=0.0))
    judge_seed, rng = stage_seed(seed, "judge") % 2**62, stage_rng(seed, "judge")
    judged = run_episodes(greedy, shop(size.judged), judge_seed, rng)
    means = {column: float(np.mean(values)) for column, values in vars(judged).items()}
    return {"effect": effect, "agent": agent, "seed": seed, **means}


@dataclass(frozen=True)
class Gain:
    """Mean paired difference in a column between two agents, over seeds.

    Attributes:
        mean, low, high: and its 95% interval by Student's t over seeds.
        boot_low, boot_high: the percentile bootstrap over seeds, which is too narrow for few of them.
        won, seeds: seeds in which the first agent did better, of how many.
    """

    mean: float
    low: float
    high: float
    boot_low: float
    boot_high: float
    won: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:+.1f} [{self.low:+.1f}, {self.high:+.1f}], {self.won} of {self.seeds}"


def gain(
    rows: Sequence[Mapping[str, Any]], effect: str, first: str, second: str, column: str = "reward"
) -> Gain:
    """How much better ``first`` did than ``second`` in the seeds that both have.

    Raises:
        InvalidInput: fewer than two such seeds.
    """

    def by_seed(agent: str) -> dict[int, float]:
        return {r["seed"]: r[column] for r in rows if (r["effect"], r["agent"]) == (effect, agent)}

    one, other = by_seed(first), by_seed(second)
    both = sorted(one.keys() & other.keys())
    if len(both) < 2:
        raise InvalidInput("seeds", len(both), "give at least two seeds that both agents have")
    differences = np.array([one[seed] - other[seed] for seed in both])
    mean, below, above = student_interval(differences, 0.95)
    draws = np.random.default_rng(0).choice(differences, (10_000, len(both))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    won = int((differences > 0).sum())
    return Gain(mean, below, above, float(low), float(high), won, len(both))


def study(
    folder: Path,
    *,
    effects: Sequence[str] = ("strong", "off"),
    seeds: Sequence[int] = (1, 2, 3, 4, 5),
    size: StudySize | None = None,
    on_progress: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Every effect, seed and agent; what ``results.jsonl`` in ``folder`` has already is not done again.

    Raises:
        InvalidInput: an unknown effect, or a folder with results of another size.
    """
    size = size or StudySize()
    in_range("size.steps", size.steps, 1, 2**31)
    for effect in effects:
        one_of("effects", effect, EFFECTS)
    folder.mkdir(parents=True, exist_ok=True)
    settings, done = folder / "size.json", folder / "results.jsonl"
    text = json.dumps(asdict(size), indent=1) + "\n"
    if settings.exists() and settings.read_text(encoding="utf-8") != text:
        raise InvalidInput("folder", str(folder), "it holds results of another size: choose another folder")
    settings.write_text(text, encoding="utf-8")
    lines = done.read_text(encoding="utf-8").splitlines() if done.exists() else []
    rows = [json.loads(line) for line in lines]
    have = {(row["effect"], row["agent"], row["seed"]) for row in rows}
    for seed in seeds:
        for effect in effects:
            for agent in AGENTS:
                if (effect, agent, seed) not in have:
                    rows.append(cell(effect, agent, seed, size, on_progress))
                    with done.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    return [row for row in rows if row["effect"] in effects and row["seed"] in seeds]


def plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Clicks per customer by agent, one line a seed, one panel an effect."""
    from matplotlib.figure import Figure

    effects = list(dict.fromkeys(row["effect"] for row in rows))
    figure = Figure(figsize=(4.2 * len(effects), 3.4), layout="constrained")
    for at, effect in enumerate(effects, start=1):
        axes = figure.add_subplot(1, len(effects), at)
        panel = [row for row in rows if row["effect"] == effect]
        for seed in sorted({row["seed"] for row in panel}):
            reward = {row["agent"]: row["reward"] for row in panel if row["seed"] == seed}
            names = [name for name in AGENTS if name in reward]
            axes.plot(names, [reward[name] for name in names], color="0.7", marker="o", markersize=3)
        means = [np.mean([row["reward"] for row in panel if row["agent"] == name]) for name in AGENTS]
        axes.plot(list(AGENTS), means, color="C0", marker="o", linewidth=2.5, label="mean of seeds")
        axes.set_title(f"satisfaction effects: {effect}")
        axes.set_ylabel("clicks per customer")
        axes.tick_params(axis="x", rotation=20)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
