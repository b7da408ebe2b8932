"""One experiment from config to bundle: train, deploy, log, evaluate, gate, export, serve, report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..agents import Task, make_agent
from ..agents.baselines import RandomAgent
from ..core.batches import Requests
from ..core.errors import InvalidInput
from ..core.files import new_folder
from ..core.statistics import mean_interval
from ..core.types import F64, I32, I64
from ..envs.oracle import page_values
from ..envs.vector import BanditVectorEnv
from ..evaluation.offline.estimators import ESTIMATORS
from ..evaluation.offline.inputs import OpeInputs
from ..evaluation.offline.log import item_features, log_inputs
from ..guardrails.gate import choose_candidate, judge_candidates
from ..policies.decision_log.log import DecisionLog, logged_marginals
from ..policies.policy import SlatePolicy
from ..policies.retrieval.retriever import Retriever, StockAwareRetriever
from ..policies.serving.saved_policy import write_run_items, write_run_policy
from ..simulators.rollout import CandidateSource, Step, rollout
from ..training.loop import interactions, train
from ..training.position_bias import measure_position_bias
from .catalogs import load_catalog
from .config import ExperimentConfig
from .deploy import Deployment, deploy
from .export import export_policy
from .policy_store import save_retriever
from .results import Results, environment, reward_unit, value_scale, write_json, write_tables
from .retrieving import learn_to_retrieve, random_candidates
from .served import served_equals_golden
from .stages import open_shop, stage_rng, stage_seed

SUMMARY, CONFIG = "summary.json", "config.yaml"


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
        if config.retrieve is not None and config.retrieve.count > len(self.catalog):
            fix = f"the catalogue has {len(self.catalog)} items"
            raise InvalidInput("retrieve.count", config.retrieve.count, fix)

    def open(self, stage: str) -> BanditVectorEnv:
        """A copy of the shop for a stage; the users are the same people in every stage."""
        shop, people = (self.catalog, self.shop_config, self.reward), self.seed("population")
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
        log, on_log = self._log(task, policies)
        inputs = self._inputs(log, task, policies)
        agents = self._agents_table(deployments, on_log)
        evaluation = self._evaluate(inputs, agents)
        verdicts = judge_candidates(inputs, self.config.gate.baseline, self.config.gate.level)
        results = Results(
            config=self.config,
            catalog=self.catalog,
            reward=self.reward,
            attention=task.attention,
            learning=learning,
            agents=agents,
            evaluation=evaluation,
            verdicts=verdicts,
            chosen=choose_candidate(verdicts, self.config.gate.candidate),
            policies=policies,
            showcase=self._showcase(),
            log_size=len(log),
            unit=self.unit,
            environment=environment(),
        )
        return results, log

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
        for name, options in self.config.agents.items():
            agent = make_agent(name, task, self.rng("agent", name), **options)
            rounds = self.config.training.rounds
            with self._bar(f"train {name}", rounds) as on_progress:
                env = self.open("train")
                rng = self.rng("train", name)
                learnt = train(agent, env, rounds, rng, on_progress, self.candidates(env))
            rows += [{"agent": name, **row} for row in learnt]
            policy = agent.policy()
            assert isinstance(policy, SlatePolicy)  # every registered agent hands out this kind
            policies[name] = policy
        return policies, pd.DataFrame(rows)

    def _deploy(self, policies: dict[str, SlatePolicy]) -> dict[str, Deployment]:
        deployments = {}
        decisions = self.config.truth.decisions
        for name, policy in policies.items():
            env = self.open("deploy")
            with self._bar(f"deploy {name}", -(-decisions // env.num_envs)) as on_progress:
                rng = self.rng("deploy")
                deployments[name] = deploy(env, policy, decisions, rng, on_progress, self.candidates(env))
        return deployments

    def _log(self, task: Task, policies: dict[str, SlatePolicy]) -> tuple[DecisionLog, dict[str, F64]]:
        """The log, and the exact expected reward of each policy's own slate for every logged request."""
        section = self.config.log
        env = self.open("log")
        rng = self.rng("log")
        logger = make_agent(section.agent, task, rng, **section.options).policy()
        assert isinstance(logger, SlatePolicy)
        rounds = -(-section.decisions // env.num_envs)
        parts, values = [], []
        others_rng = self.rng("others on the log")
        shop = env.loop.shop

        def values_of_all(_: I64, requests: Requests, slates: I32) -> dict[str, F64]:
            """The value of the page that each policy would show, to the same visitors at the same moment."""
            return {
                name: page_values(shop, self.reward, policy.slates(requests, others_rng))
                for name, policy in policies.items()
            }

        with self._bar(f"log with {section.agent}", rounds) as on_progress:
            world, source = env.loop.world, self.candidates(env)
            for step in rollout(world, logger, rng, pages=rounds, candidates=source, before=values_of_all):
                parts.append(self._log_part(step, logger, env))
                values.append(step.before)
                on_progress()
        on_log = {name: np.concatenate([part[name] for part in values]) for name in policies}
        return DecisionLog.concat(parts), on_log

    def _log_part(self, step: Step, logger: SlatePolicy, env: BanditVectorEnv) -> DecisionLog:
        return DecisionLog.from_interactions(
            interactions(step, env.loop),
            items=self.catalog.items,
            unit=self.unit,
            policy_hash=logger.hash,
            policy_name=logger.name,
            config_hash=self.config.hash,
            user_names=env.loop.shop.user_names,
            context_names=env.loop.shop.context_names,
            marginals=logged_marginals(logger, step.requests, step.decisions.positions),
        )

    def _inputs(self, log: DecisionLog, task: Task, policies: dict[str, SlatePolicy]) -> dict[str, OpeInputs]:
        features = item_features(log, self.catalog.items, task.item_value)
        inputs = {}
        for name, policy in policies.items():
            bar = self.progress.add_task(f"evaluate {name} on the log", total=len(log))
            show = partial(self._show, bar)
            inputs[name] = log_inputs(log, policy, rng=self.rng("folds"), features=features, progress=show)
        return inputs

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
                        estimate = ESTIMATORS[estimator].estimate(
                            of_policy, level=section.level, interval=interval, rng=rng
                        )
                        exact = {"truth": truth[name], "deployed": deployed[name]}
                        covers = {
                            f"covers_{kind}": bool(estimate.low <= value <= estimate.high)
                            for kind, value in exact.items()
                        }
                        rows.append({"agent": name, **estimate.as_dict(), **exact, **covers})
                    on_progress()
        return pd.DataFrame(rows)

    def _show(self, bar: TaskID, done: int, total: int) -> None:
        self.progress.update(bar, completed=done)

    @contextmanager
    def _bar(self, name: str, total: int) -> Iterator[Any]:
        task = self.progress.add_task(name, total=total)
        yield lambda: self.progress.advance(task)


def run(config: ExperimentConfig, folder: Path, *, quiet: bool = False) -> Results:
    """Run an experiment into ``folder``, which appears whole or not at all.

    Raises:
        InvalidInput: ``folder`` holds something that no run wrote; an earlier run is replaced.
    """
    from .report import write_report

    if folder.exists() and not all((folder / name).is_file() for name in (SUMMARY, CONFIG)):
        raise InvalidInput("out", str(folder), "it exists and is no run: choose another folder")

    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, disable=quiet) as progress, new_folder(folder) as new:
        experiment = Experiment(config, progress)
        results, log = experiment.run()
        log.write(new / "log.parquet")
        experiment.catalog.save(new / "catalog.parquet")
        write_run_items(new, experiment.catalog.items)
        features = {"user": log.user_names, "context": log.context_names, "live": tuple(log.live)}
        for policy in results.policies.values():
            write_run_policy(new / "policies", policy, features)
        if experiment.retriever is not None:
            save_retriever(new / "retriever", experiment.retriever)
        write_tables(new / "metrics", results)
        (new / CONFIG).write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
        if experiment.set_aside is not None:
            experiment.set_aside.to_csv(new / "set_aside.csv", index=False)
        write_json(new / "gate.json", {name: v.as_dict() for name, v in results.verdicts.items()})
        if results.chosen.passed:
            task = progress.add_task("export and serve", total=2)
            export_policy(new, results.chosen.candidate, new / "bundle")
            progress.advance(task)
            results.served = served_equals_golden(new / "bundle")
            progress.advance(task)
        write_json(new / SUMMARY, results.summary())
        write_json(new / "environment.json", results.environment)
        write_report(new, results)
    return results
