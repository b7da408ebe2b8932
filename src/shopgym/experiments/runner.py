"""One experiment from config to bundle: train, deploy, log, evaluate, gate, export, serve, report."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.random import Generator
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..agents import Task, make_agent
from ..agents.baselines import RandomAgent
from ..core.batches import SLOT_TERMS, Requests
from ..core.errors import InvalidInput
from ..core.files import new_folder
from ..core.protocols import Agent
from ..core.statistics import mean_interval
from ..core.types import F64, I32, I64
from ..envs.oracle import page_values
from ..envs.vector import BanditVectorEnv
from ..evaluation.errors import NotEstimable
from ..evaluation.offline.estimators import ESTIMATORS
from ..evaluation.offline.inputs import OpeInputs
from ..evaluation.offline.log import item_features, outcome_inputs
from ..evaluation.offline.verdict import REFUSE
from ..guardrails.gate import (
    Verdict,
    check_reason,
    choose_candidate,
    judge_candidates,
    lint_clause,
    north_star_log,
    outcome_logs,
)
from ..guardrails.reward.exact_terms import exact_weights
from ..guardrails.reward.findings import LintReport
from ..guardrails.reward.linted_shop import LintedShop, LintSize
from ..guardrails.reward.price import ProxyPrice, page_price
from ..guardrails.reward.shop_report import exact_lint
from ..policies.decision_log.log import DecisionLog, logged_marginals
from ..policies.policy import SlatePolicy
from ..policies.retrieval.retriever import Retriever, StockAwareRetriever
from ..policies.serving.saved_policy import write_run_items, write_run_policy
from ..simulators import ShopConfig
from ..simulators.rollout import CandidateSource, Step, rollout
from ..training.loop import interactions, train
from ..training.position_bias import measure_position_bias
from .catalogs import load_catalog
from .config import ExperimentConfig
from .deploy import Deployment, deploy
from .entries import import_agents
from .export import export_policy
from .failures import Failures
from .policy_store import save_retriever
from .results import Results, environment, reward_unit, value_scale, write_json, write_tables
from .retrieving import learn_to_retrieve, random_candidates
from .reward_shop import shop_of
from .robust import robust_gain
from .run_folder import CONFIG, SUMMARY, check_folder, sole_writer
from .served import served_equals_golden
from .stages import open_shop, stage_rng, stage_seed

ROBUST = "robust.json"
REWARD, NORTH_STAR = "reward", "north star"
"""Outcomes that policies are judged by on the log, beside the terms of the limits."""


class Experiment:
    """The stages of one run, in order; each takes what the earlier ones made."""

    def __init__(self, config: ExperimentConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.rng, self.seed = partial(stage_rng, config.seed), partial(stage_seed, config.seed)
        self.catalog, self.set_aside = load_catalog(config.catalog, self.seed("catalog"))
        self.shop_config = config.shop_config()
        self.reward = config.reward.config
        self.unit = reward_unit(self.reward, self.catalog)
        self.retriever: Retriever | None = None
        self.lint: LintReport | None = None
        self.lint_size = LintSize()
        self.failures = Failures(needed=(config.gate.baseline,))
        import_agents(config.agents)
        if config.retrieve is not None and config.retrieve.count > len(self.catalog):
            fix = f"the catalogue has {len(self.catalog)} items"
            raise InvalidInput("retrieve.count", config.retrieve.count, fix)

    def open(self, stage: str, shop_config: ShopConfig | None = None) -> BanditVectorEnv:
        """A copy of the shop, or of a changed one, for a stage; the users are the same people in all."""
        shop, people = (self.catalog, shop_config or self.shop_config, self.reward), self.seed("population")
        lanes = self.config.training.batch
        return open_shop(*shop, lanes=lanes, population=people, seed=self.seed(stage))

    def candidates(self, env: BanditVectorEnv) -> CandidateSource | None:
        """What the pages of a stage choose from, where the shop leaves that to a retriever."""
        stock = env.loop.shop.stock
        return None if self.retriever is None else StockAwareRetriever(self.retriever, stock.available).fill

    def run(self) -> tuple[Results, DecisionLog]:
        """All stages up to the gate."""
        task = self._task()
        self.retriever = self._learn_to_retrieve(task)
        policies, learning = self._train(task)
        deployments = self._deploy(policies)
        log, on_log = self._log(task, {name: policies[name] for name in deployments})
        inputs = self._inputs(log, task, {name: policies[name] for name in on_log})
        self._require_candidates(inputs)
        agents = self._agents_table({name: deployments[name] for name in inputs}, on_log)
        evaluation = self._evaluate({name: outcomes[REWARD] for name, outcomes in inputs.items()}, agents)
        self.lint = self._lint()
        verdicts = self._judge(inputs)
        results = Results(
            config=self.config,
            catalog=self.catalog,
            reward=self.reward,
            attention=task.attention,
            learning=learning[learning["agent"].isin(list(inputs))],
            agents=agents,
            evaluation=evaluation,
            verdicts=verdicts,
            chosen=self._chosen(verdicts),
            policies={name: policies[name] for name in inputs},
            showcase=self._showcase(),
            log_size=len(log),
            unit=self.unit,
            environment=environment(),
            failed=self.failures.reasons,
            lint=self.lint,
            clicks=self._clicks(),
        )
        return results, log

    def _require_candidates(self, inputs: Collection[str]) -> None:
        if len(inputs) < 2:
            agent, reason = next(iter(self.failures.reasons.items()))
            raise InvalidInput(
                "agents", agent, f"{reason}; no other agent is left to compare with the baseline"
            )

    def _chosen(self, verdicts: dict[str, Verdict]) -> Verdict:
        """The candidate; where the one that the config names failed, the best of the others, not let out."""
        candidate = self.config.gate.candidate
        if candidate not in self.failures.reasons:
            return choose_candidate(verdicts, candidate)
        reason = f"the config names {candidate}, which failed, and nothing leaves in its place"
        return replace(choose_candidate(verdicts, "best"), passed=False, reason=reason)

    def _showcase(self) -> Requests:
        env = self.open("showcase")
        candidates = self.candidates(env)
        return env.requests if candidates is None else candidates(env.requests)

    def _learn_to_retrieve(self, task: Task) -> Retriever | None:
        section = self.config.retrieve
        if section is None:
            return None
        rng = self.rng("retrieve")
        with self._bar(f"retrieve by {section.agent}", section.rounds) as on_progress:
            return learn_to_retrieve(section, task, self.open("retrieve"), rng, on_progress)

    def _task(self) -> Task:
        env = self.open("warm-up")
        shop, size = env.loop.shop, self.shop_config.slate_size
        names = (shop.user_names, shop.context_names)
        blank = Task(self.catalog.items, *names, size, self.config.guards, attention=np.ones(size))
        rng = self.rng("warm-up")
        rounds, section = self.config.training.warm_up, self.config.retrieve
        candidates = None if section is None else random_candidates(env, section.count, rng)
        random = RandomAgent(blank, rng).policy()
        with self._bar("measure position bias", rounds) as on_progress:
            attention = measure_position_bias(
                env.loop, random, rounds, rng, candidates=candidates, on_progress=on_progress
            )
        value, live = value_scale(self.reward), tuple(env.requests.live)
        return replace(blank, value=value, attention=attention, live_names=live)

    def _train(self, task: Task) -> tuple[dict[str, SlatePolicy], pd.DataFrame]:
        policies, rows = {}, []
        rounds = self.config.training.rounds
        for entry in self.config.entries:
            name = entry.name
            with self.failures.noted(name, "training"), self._bar(f"train {name}", rounds) as on_progress:
                agent = entry.make(task, self.rng("agent", name))
                env = self.open("train")
                rng = self.rng("train", name)
                learnt = train(agent, env, rounds, rng, on_progress, self.candidates(env))
                policies[name] = _slate_policy(agent, name)
                rows += [{"agent": name, **row} for row in learnt]
        return policies, pd.DataFrame(rows)

    def _deploy(self, policies: dict[str, SlatePolicy]) -> dict[str, Deployment]:
        deployments = {}
        decisions = self.config.truth.decisions
        for name, policy in policies.items():
            env = self.open("deploy")
            rounds = -(-decisions // env.num_envs)
            noted = self.failures.noted(name, "deployment")
            with noted, self._bar(f"deploy {name}", rounds) as on_progress:
                rng = self.rng("deploy")
                deployments[name] = deploy(env, policy, decisions, rng, on_progress, self.candidates(env))
        return deployments

    def _log(self, task: Task, policies: dict[str, SlatePolicy]) -> tuple[DecisionLog, dict[str, F64]]:
        """The log, and the exact expected reward of each policy's own slate for every logged request."""
        section = self.config.log
        env = self.open("log")
        rng = self.rng("log")
        logger = _slate_policy(make_agent(section.agent, task, rng, **section.options), section.agent)
        rounds = -(-section.decisions // env.num_envs)
        parts, values = [], []
        others_rng = self.rng("others on the log")
        shop = env.loop.shop

        def values_of_all(_: I64, requests: Requests, slates: I32) -> dict[str, F64]:
            """The value of the page that each policy would show, to the same visitors at the same moment."""
            of_all = {}
            for name, policy in policies.items():
                if name not in self.failures.reasons:
                    with self.failures.noted(name, "its pages on the log"):
                        of_all[name] = page_values(shop, self.reward, policy.slates(requests, others_rng))
            return of_all

        with self._bar(f"log with {section.agent}", rounds) as on_progress:
            world, source = env.loop.world, self.candidates(env)
            for step in rollout(world, logger, rng, pages=rounds, candidates=source, before=values_of_all):
                parts.append(self._log_part(step, logger, env))
                values.append(step.before)
                on_progress()
        served = [name for name in policies if name not in self.failures.reasons]
        on_log = {name: np.concatenate([part[name] for part in values]) for name in served}
        return DecisionLog.concat(parts), on_log

    def _log_part(self, step: Step, logger: SlatePolicy, env: BanditVectorEnv) -> DecisionLog:
        batch = interactions(step, env.loop)
        others = (name for name in SLOT_TERMS if name not in batch.events)
        terms = {name: step.feedback.term(name)[step.rows] for name in others}
        return DecisionLog.from_interactions(
            replace(batch, events={**batch.events, **terms}),
            items=self.catalog.items,
            unit=self.unit,
            policy_hash=logger.hash,
            policy_name=logger.name,
            config_hash=self.config.hash,
            user_names=env.loop.shop.user_names,
            context_names=env.loop.shop.context_names,
            marginals=logged_marginals(logger, step.requests, step.decisions.positions),
        )

    def _inputs(
        self, log: DecisionLog, task: Task, policies: dict[str, SlatePolicy]
    ) -> dict[str, dict[str, OpeInputs]]:
        """By policy: the reward, the north star where it is another, and what the limits are made of."""
        reward, currency = self.reward, self.catalog.items.currency
        logs = {REWARD: log}
        if reward.star_weights != reward.weights or reward.clip:
            logs[NORTH_STAR] = north_star_log(log, reward, currency)
        logs |= outcome_logs(log, reward.limits, self.catalog.items, currency)
        features = item_features(log, self.catalog.items, task.item_value)
        inputs = {}
        for name, policy in policies.items():
            bar = self.progress.add_task(f"evaluate {name} on the log", total=len(log))
            show = partial(self._show, bar)
            with self.failures.noted(name, "evaluation on the log"):
                inputs[name] = outcome_inputs(
                    logs, policy, rng=self.rng("folds"), features=features, progress=show
                )
        return inputs

    def _judge(self, inputs: dict[str, dict[str, OpeInputs]]) -> dict[str, Verdict]:
        stars = {name: outcomes.get(NORTH_STAR, outcomes[REWARD]) for name, outcomes in inputs.items()}
        gate, costs = self.config.gate, self.reward.limits
        others = [] if self.lint is None else [lint_clause(self.lint)]
        return judge_candidates(stars, gate.baseline, gate.level, costs=costs, outcomes=inputs, others=others)

    def _lint(self) -> LintReport | None:
        """The exact lint of the reward in this shop; None where no term of it has an exact mean."""
        bar = self.progress.add_task("lint the reward", total=1)
        try:
            return exact_lint(self.reward, self._linted_shop(), size=self.lint_size, pictures=True)
        except InvalidInput:
            return None
        finally:
            self.progress.advance(bar)

    def _clicks(self) -> ProxyPrice | None:
        """What the best pages for clicks alone cost; None without a lint, or if clicks are the reward."""
        star = exact_weights(self.reward.star_weights)
        if self.lint is None or not star or self.reward.weights.keys() == {"click"}:
            return None
        means, _ = self._linted_shop().first_pages(self.lint_size.pages)
        return page_price(means, {"click": 1.0}, star)

    def _linted_shop(self) -> LintedShop:
        return shop_of(self.config, self.catalog, self.seed("population"))

    def _agents_table(self, deployments: dict[str, Deployment], on_log: dict[str, F64]) -> pd.DataFrame:
        level, baseline = self.config.evaluation.level, deployments[self.config.gate.baseline]
        rows = []
        for name, deployment in deployments.items():
            value, low, high = mean_interval(deployment.expected, level)
            gain, gain_low, gain_high = mean_interval(deployment.expected - baseline.expected, level)
            row = {"agent": name, "value": value, "low": low, "high": high}
            row |= {"value_on_log": float(on_log[name].mean()), "gain": gain}
            rows.append(row | {"gain_low": gain_low, "gain_high": gain_high} | deployment.metrics())
        return pd.DataFrame(rows)

    def _evaluate(self, inputs: dict[str, OpeInputs], agents: pd.DataFrame) -> pd.DataFrame:
        section, rows = self.config.evaluation, []
        by_agent = agents.set_index("agent")
        truth, deployed = by_agent["value_on_log"].to_dict(), by_agent["value"].to_dict()
        with self._bar("estimate and bootstrap", len(inputs) * len(section.estimators)) as on_progress:
            for name, of_policy in inputs.items():
                for estimator in section.estimators:
                    for interval in ("delta", "bootstrap"):
                        rng = self.rng("bootstrap", name, estimator)
                        row = _estimate_row(of_policy, estimator, section.level, interval, rng)
                        exact = {"truth": truth[name], "deployed": deployed[name]}
                        covers = {f"covers_{kind}": _covers(row, value) for kind, value in exact.items()}
                        rows.append({"agent": name, **row, **exact, **covers})
                    on_progress()
        return pd.DataFrame(rows)

    def _show(self, bar: TaskID, done: int, total: int) -> None:
        self.progress.update(bar, completed=done)

    @contextmanager
    def _bar(self, name: str, total: int) -> Iterator[Any]:
        task = self.progress.add_task(name, total=total)
        yield lambda: self.progress.advance(task)


def _slate_policy(agent: Agent, name: str) -> SlatePolicy:
    """What the agent would do now, under the name that the config gives it."""
    policy = agent.policy()
    if not isinstance(policy, SlatePolicy):
        fix = "hand out a SlatePolicy, as task.policy(...) makes one: only that can be stored and served"
        raise InvalidInput(f"agents.{name}", type(policy).__name__, fix)
    return policy if policy.name == name else replace(policy, name=name)


def _estimate_row(
    inputs: OpeInputs, estimator: str, level: float, interval: str, rng: Generator
) -> dict[str, Any]:
    """The columns of an estimate; without a number where the log has none to give."""
    try:
        return ESTIMATORS[estimator].estimate(inputs, level=level, interval=interval, rng=rng).as_dict()
    except NotEstimable as error:
        names = {"estimator": estimator, "interval": interval, "level": level, "n": len(inputs)}
        return {**names, "unit": inputs.unit, "verdict": REFUSE, "reason": error.fix}


def _covers(row: dict[str, Any], value: float) -> bool | None:
    """Whether the interval of an estimate holds ``value``; None without an interval."""
    low, high = row.get("low"), row.get("high")
    return None if low is None or high is None else bool(low <= value <= high)


def run(
    config: ExperimentConfig,
    folder: Path,
    *,
    quiet: bool = False,
    overwrite: bool = False,
    robust: bool = False,
    override: str | None = None,
) -> Results:
    """Run an experiment into ``folder``, which appears whole or not at all.

    Args:
        overwrite: replace an earlier run in ``folder``.
        robust: compare the candidate with the baseline over the ranges of what is assumed too.
        override: why the candidate is exported even if the gate refuses it; None: it is not.

    Raises:
        InvalidInput: ``folder`` exists, and is no run or may not be replaced; or the reason is empty.
    """
    from .report import write_report

    check_folder(folder, config.stored(), SUMMARY, overwrite)
    if override is not None:
        check_reason(override)

    columns = (
        TextColumn("{task.description:<32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        sole_writer(folder),
        Progress(*columns, disable=quiet) as progress,
        new_folder(folder) as new,
    ):
        experiment = Experiment(config, progress)
        results, log = experiment.run()
        if override is not None:
            results.override(override)
        log.write(new / "log.parquet")
        experiment.catalog.save(new / "catalog.parquet")
        write_run_items(new, experiment.catalog.items)
        features = {"user": log.user_names, "context": log.context_names, "live": tuple(log.live)}
        for policy in results.policies.values():
            write_run_policy(new / "policies", policy, features)
        if experiment.retriever is not None:
            save_retriever(new / "retriever", experiment.retriever)
        write_tables(new / "metrics", results)
        (new / CONFIG).write_text(yaml.safe_dump(config.stored(), sort_keys=False))
        experiment.failures.write(new)
        if experiment.set_aside is not None:
            experiment.set_aside.to_csv(new / "set_aside.csv", index=False)
        if experiment.lint is not None:
            write_json(new / "reward_lint.json", experiment.lint.summary())
        write_json(new / "gate.json", {name: v.as_dict() for name, v in results.verdicts.items()})
        if robust:
            chosen = results.chosen
            results.robust = robust_gain(experiment, results.policies, chosen.candidate, chosen.baseline)
            write_json(new / ROBUST, results.robust.as_dict())
        if results.chosen.leaves:
            task = progress.add_task("export and serve", total=2)
            export_policy(new, results.chosen.candidate, new / "bundle")
            progress.advance(task)
            results.served = served_equals_golden(new / "bundle")
            progress.advance(task)
        write_json(new / SUMMARY, results.summary())
        write_json(new / "environment.json", results.environment)
        write_report(new, results)
    return results
