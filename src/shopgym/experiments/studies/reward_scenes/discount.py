"""A PPO that may take up to half off, paid by the order line: where each guardrail finds it.

The lint finds it before anything is trained, the audit by training, the monitor's callback stops the
training, the gate refuses what was trained. Beside it PPO learns with the price of a limit in the reward, and
from the north star itself. PPO is that of Stable-Baselines3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from pydantic import Field

from ....core.errors import InvalidInput
from ....core.reward import RewardSpec
from ....core.types import F64
from ....envs.vector import BanditVectorEnv
from ....evaluation.figures import ALARM_COLOUR, MUTED, REWARD_COLOUR, SERIES, STAR_COLOUR, new_figure, titled
from ....evaluation.offline.inputs import OpeInputs
from ....guardrails.constraints import constrained_optimum
from ....guardrails.gate import Verdict, judge_candidates, lint_clause
from ....guardrails.monitor import RewardMonitor, monitor_callback
from ....guardrails.monitor.sb3 import action_probabilities
from ....guardrails.reward.audit import audit, honest_spec
from ....guardrails.reward.findings import LintReport
from ....guardrails.reward.linted_shop import LintSize
from ....guardrails.reward.shop_report import exact_lint
from ....guardrails.reward.trained import AuditedAgent
from .scene import OnProgress, SceneResult, ShopScene

FREE, STOPPED, PRICED, HONEST = (
    *("paid by the reward", "the same, stopped by the monitor", "with the price of the limit"),
    "paid by the north star",
)
BASELINE = "random pages at list prices"
ROWS, STEPS = 200, 7


@dataclass(frozen=True)
class _Trained:
    """A model, what the monitor wrote of its training, and means of a page at its end."""

    model: Any
    monitor: RewardMonitor
    means: Mapping[str, float]

    @property
    def alarm(self) -> int | None:
        """Pages at which the alarm was raised."""
        return next((row.pages for row in self.monitor.rows if row.alarm), None)


class DiscountScene(ShopScene):
    """One reward through lint, audit, training, monitor, gate and constraint."""

    pages: int = Field(100_000, ge=4000, le=100_000_000, description="that PPO learns from")
    batch: int = Field(2000, ge=200, le=1_000_000, description="pages of a batch of the monitor")
    judged: int = Field(4000, ge=200, le=1_000_000, description="pages that judge a trained model")
    logged: int = Field(20_000, ge=1000, le=10_000_000, description="decisions of the gate's log")
    audited: int = Field(10_000, ge=1000, le=10_000_000, description="pages of each agent of the audit")

    def run(self, on_progress: OnProgress) -> SceneResult:
        """All guardrails, in the order in which they come."""
        limits = self.spec.limits
        if len(limits) != 1:
            raise InvalidInput("reward.costs", [limit.sentence for limit in limits], "give one limit")
        size = LintSize(pages=2048, visits=512, lives=0)
        on_progress("lint", 0, STEPS)
        lint = exact_lint(self.spec, self.linted_shop(), size=size)
        on_progress("audit", 1, STEPS)
        trainees = [AuditedAgent(name, (self.audited,)) for name in ("linear_ranker", "ppo")]
        audited = audit(self.spec, self.linted_shop(), trainees, size=size, seeds=1)
        priced, sentence = self._priced()
        rewards = {FREE: self.spec, STOPPED: self.spec, PRICED: priced, HONEST: honest_spec(self.spec)}
        trained = {}
        for number, (name, reward) in enumerate(rewards.items()):
            on_progress(f"PPO, {name}", 2 + number, STEPS)
            trained[name] = self._train(reward, stop=name == STOPPED)
        on_progress("gate", STEPS - 1, STEPS)
        log = self._log()
        gates = {}
        for name in (FREE, PRICED, HONEST):
            report = lint if name == FREE else exact_lint(rewards[name], self.linted_shop(), size=size)
            gates[name] = self._gate(trained[name].model, log, report)
        rows = [
            {"PPO": name, "pages": each.monitor.pages, "alarm": each.alarm, **each.means}
            for name, each in trained.items()
        ]
        sentences = (
            f"Lint, before training: {lint.verdict}. {lint.headline}",
            *(
                f"Audit: {attempt.optimiser}, after {attempt.pages:,} pages, keeps "
                f"{attempt.price.share.value:.0%} ({attempt.price.share.low:.0%} to "
                f"{attempt.price.share.high:.0%}) of the {self.spec.star.name}, with "
                f"{attempt.price.price_off:.0%} off."
                for attempt in audited.attempts
            ),
            f"Constraint: {limits[0].sentence}; {sentence}.",
            *(_gate_sentence(name, verdict) for name, verdict in gates.items()),
        )
        return SceneResult("PPO with discounts", tuple(rows), sentences, _figure(trained, self.spec))

    def _env(self, reward: RewardSpec, seed: int) -> BanditVectorEnv:
        shop = self.linted_shop()
        env = BanditVectorEnv(
            ROWS, catalog=shop.catalog, config=shop.config, reward=reward, form="slate", shop_seed=self.seed,
            discounts=self.discounts, autoreset_mode="SameStep",
        )  # fmt: skip
        env.reset(seed=seed)
        return env

    def _priced(self) -> tuple[RewardSpec, str]:
        """The reward with the Lagrange multiplier of its limit, and what the limit costs."""
        (limit,) = self.spec.limits
        means, _ = self.linted_shop().first_pages(2048)
        optimum = constrained_optimum(means, self.spec)
        price = optimum.prices[limit.label]
        reward = RewardSpec(
            terms={**self.spec.terms, limit.term: -1.0, limit.per: 1.0},
            unit=self.spec.unit,
            exchange={**self.spec.exchange, limit.term: price, limit.per: price * limit.limit},
            north_star=self.spec.north_star,
        )
        return reward, f"{optimum.sentence}; a unit of the excess is worth {price:.3g} {self.spec.unit}s"

    def _train(self, reward: RewardSpec, stop: bool) -> _Trained:
        from stable_baselines3 import PPO

        from ....envs.adapters import stable_baselines3_vec_env

        env = self._env(reward, self.seed)
        model = PPO(
            "MultiInputPolicy", stable_baselines3_vec_env(env), n_steps=10, batch_size=500, n_epochs=4,
            learning_rate=1e-3, gamma=0.0, seed=self.seed, device="cpu",
        )  # fmt: skip
        batches = self.pages // self.batch
        callback: Any = monitor_callback(reward, pages=self.batch, batches=batches, stop=stop)
        model.learn(self.pages, callback=callback)
        return _Trained(model, callback.monitor, self._means(model))

    def _means(self, model: Any) -> dict[str, float]:
        """Terms of a page by a trained model, and the discount, on new visitors."""
        env = self._env(self.spec, self.seed + 1)
        observation, _ = env.reset(seed=self.seed + 1)
        sums = dict.fromkeys(("order lines", "revenue", "margin", "discount"), 0.0)
        pages = self.judged // ROWS
        for _ in range(pages):
            action, _ = model.predict(observation)
            observation, _, _, _, info = env.step(action)
            terms = info["reward_terms"]
            for name, term in (("order lines", "purchase"), ("revenue", "revenue"), ("margin", "margin")):
                sums[name] += float(terms[term].mean()) / pages
            sums["discount"] += float(np.array(self.discounts)[action[:, -1]].mean()) / pages
        return sums

    def _log(self) -> tuple[list[Any], Any, F64, F64]:
        """(observations, actions (n, slots + 1), north star (n,), limits' (n, 2)) of uniform actions."""
        env, rng = self._env(self.spec, self.seed + 2), Generator(Philox(key=self.seed))
        observation, _ = env.reset(seed=self.seed + 2)
        space: Any = env.single_action_space
        sizes = np.asarray(space.nvec)
        (limit,) = self.spec.limits
        seen, actions, stars, costs = [], [], [], []
        for _ in range(self.logged // ROWS):
            action = rng.integers(sizes, size=(ROWS, len(sizes)))
            seen.append(observation)
            actions.append(action)
            observation, _, _, _, info = env.step(action)
            terms = info["reward_terms"]
            stars.append(self.spec.north_star_amount(terms))
            costs.append(np.stack([terms[limit.term], terms[limit.per]], axis=1))
        return seen, np.concatenate(actions), np.concatenate(stars), np.concatenate(costs)

    def _gate(self, model: Any, log: tuple[list[Any], Any, F64, F64], lint: LintReport) -> Verdict:
        """The verdict on a model from a log of uniform actions."""
        seen, actions, star, costs = log
        parts = [action_probabilities(model.policy, observation) for observation in seen]
        ratio = np.ones(len(actions))
        for number in range(actions.shape[1]):
            chances = np.concatenate([part[number] for part in parts if part is not None])
            ratio *= chances[np.arange(len(actions)), actions[:, number]] * chances.shape[1]
        weights = {BASELINE: (actions[:, -1] == 0) * float(len(self.discounts)), "PPO": ratio}
        (limit,) = self.spec.limits
        outcomes = {
            name: {
                limit.term: _inputs(costs[:, 0], weight),
                limit.per: _inputs(costs[:, 1], weight),
            }
            for name, weight in weights.items()
        }
        stars = {name: _inputs(star, weight) for name, weight in weights.items()}
        others = [lint_clause(lint)]
        return judge_candidates(
            stars, BASELINE, 0.95, costs=self.spec.limits, outcomes=outcomes, others=others
        )["PPO"]


def _gate_sentence(name: str, verdict: Verdict) -> str:
    failed = [clause.name for clause in verdict.clauses if not clause.passed]
    why = f" by {', '.join(failed)}" if failed else ""
    gain = f"the gain over {BASELINE} is {verdict.low:+.3f} a page or more at 95%"
    if not verdict.estimated:
        gain = verdict.clauses[0].reason
    return f"Gate, {name}: {verdict.outcome}{why}; {gain}."


def _inputs(values: F64, weight: F64) -> OpeInputs:
    none = np.zeros((len(values), 1))  # no reward model
    return OpeInputs(values[:, None], weight[:, None], none, none, unsupported=0.0, unit="currency")


def _figure(trained: Mapping[str, _Trained], spec: RewardSpec) -> Any:
    figure, (axes,) = new_figure(7.2, 4.4)
    for name, colour in ((FREE, REWARD_COLOUR), (PRICED, SERIES[0]), (HONEST, STAR_COLOUR)):
        rows, means = trained[name].monitor.rows, trained[name].means
        label = f"{name}: {means['discount']:.0%} off in the end"
        axes.plot([row.pages for row in rows], [row.north_star for row in rows], color=colour, label=label)
    rows = trained[STOPPED].monitor.rows
    axes.plot(
        rows[-1].pages,
        rows[-1].north_star,
        "X",
        color=ALARM_COLOUR,
        markersize=9,
        label="stopped by the monitor",
    )
    start = trained[FREE].monitor.per_page[1]
    axes.axhline(start, color=MUTED, linewidth=1, linestyle=":", label="before training")
    axes.axhline(0, color="#1f2933", linewidth=0.8)
    axes.set_xlabel("pages that PPO has learnt from")
    axes.set_ylabel(f"{spec.star.name} a page")
    axes.legend(frameon=False, fontsize=8)
    titled(axes, "PPO may take up to half off, and is paid by the order line")
    return figure
