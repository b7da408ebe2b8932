"""One experiment from config to bundle: train, deploy, log, evaluate, gate, export, serve, report."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from rich.progress import Progress

from ..core.batches import Requests
from ..core.errors import InvalidInput
from ..core.files import new_folder
from ..guardrails.gate import check_reason
from ..guardrails.reward.linted_shop import LintSize
from ..policies.decision_log.log import DecisionLog
from ..policies.guards import open_counters
from ..policies.serving.saved_policy import write_run_items, write_run_policy
from ..simulators.rollout import Episode
from .cells.store import FOLDER
from .config import ExperimentConfig
from .console import stage_columns
from .export import export_policy
from .parts.store import PartStore, has_own_code, run_hash
from .policy_store import save_retriever
from .results import Results, environment, write_json, write_tables
from .robust import check_robust, robust_gain
from .run_folder import CONFIG, SUMMARY, begin_folder, check_folder, sole_writer
from .served import served_equals_golden
from .stages.context import RunContext
from .stages.days import days_table
from .stages.deploy import agents_table, deploy_all
from .stages.evaluate import REWARD, estimates, log_inputs_of_all, logged_rankings, refused_estimates
from .stages.judge import chosen_of, judge_deployed, judge_on_log, require_candidates
from .stages.learn import train_agents
from .stages.lint import lint_reward, price_of_clicks
from .stages.log import write_log
from .stages.prepare import prepare_retriever, prepare_task
from .watched_progress import WatchedProgress

ROBUST = "robust.json"


class Experiment:
    """The stages of one run, in order; each takes what the earlier ones made."""

    def __init__(self, config: ExperimentConfig, progress: Progress) -> None:
        self.context = RunContext(config, progress)
        self.lint_size = LintSize()

    def run(self) -> tuple[Results, DecisionLog]:
        """All stages up to the gate."""
        context = self.context
        task = prepare_task(context)
        context.retriever = prepare_retriever(context, task)
        policies, learning, monitors = train_agents(context, task)
        deployments = deploy_all(context, policies)
        log, on_log = write_log(context, task, {name: policies[name] for name in deployments})
        if context.episode is Episode.SEASON:
            judged = list(deployments)
            require_candidates(context, judged)
            agents = agents_table(context, deployments, on_log)
            evaluation = refused_estimates(context, log, agents)
            lint = lint_reward(context, self.lint_size)
            verdicts = judge_deployed(context, deployments, lint)
        else:
            served = [name for name in deployments if name not in context.failures.reasons]
            inputs = log_inputs_of_all(context, log, task, {name: policies[name] for name in served})
            judged = list(inputs)
            require_candidates(context, judged)
            agents = agents_table(context, {name: deployments[name] for name in judged}, on_log)
            rewards = {name: outcomes[REWARD] for name, outcomes in inputs.items()}
            evaluation = estimates(context, rewards, agents)
            lint = lint_reward(context, self.lint_size)
            rankings = logged_rankings(context, log, {name: policies[name] for name in judged})
            verdicts = judge_on_log(context, inputs, rankings, lint)
        results = Results(
            config=context.config,
            catalog=context.catalog,
            reward=context.reward,
            attention=task.attention,
            learning=learning[learning["agent"].isin(judged)],
            agents=agents,
            evaluation=evaluation,
            verdicts=verdicts,
            chosen=chosen_of(context, verdicts),
            policies={name: policies[name] for name in judged},
            showcase=self._showcase(),
            log_size=len(log),
            unit=context.unit,
            environment=environment(),
            failed=context.failures.reasons,
            lint=lint,
            monitors={name: monitors[name] for name in judged if name in monitors},
            clicks=price_of_clicks(context, lint, self.lint_size),
            guarding=context.guarding,
            days=days_table({name: deployments[name].days for name in judged}),
        )
        return results, log

    def _showcase(self) -> Requests:
        env = self.context.open("showcase")
        candidates = self.context.candidates(env)
        requests = env.requests if candidates is None else candidates(env.requests)
        counters = open_counters(self.context.config.guards, self.context.catalog.items)
        return requests if counters is None else counters.fill(requests)


@contextmanager
def _unfinished(config: ExperimentConfig, folder: Path, overwrite: bool, quiet: bool) -> Iterator[None]:
    """Let the folder hold an unfinished run; none where nothing is done, or the config cannot be run."""
    goes_on = begin_folder(folder, config.stored(), SUMMARY, overwrite)
    parts = sorted(path.stem for path in (folder / FOLDER).glob("*.npz"))
    if goes_on and parts and not quiet:
        print(f"goes on with an interrupted run, of which is done: {', '.join(parts)}", file=sys.stderr)
    try:
        yield
    except BaseException as error:
        if isinstance(error, InvalidInput) or not any((folder / FOLDER).glob("*.npz")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _part_store(context: RunContext, folder: Path) -> PartStore:
    items = context.catalog.items
    return PartStore(folder / FOLDER, run_hash(context.config, context.catalog.hash), items)


def run(
    config: ExperimentConfig,
    folder: Path,
    *,
    quiet: bool = False,
    overwrite: bool = False,
    robust: bool = False,
    override: str | None = None,
) -> Results:
    """Run an experiment into ``folder``, or go on with one that was interrupted there.

    While it runs the folder holds the config and the parts that are done: a policy that was trained, a
    deployment, the log. In the end the whole run takes their place at once.

    Args:
        overwrite: replace an earlier run in ``folder``.
        robust: compare the candidate with the baseline over the ranges of what is assumed too.
        override: why the candidate is exported even if the gate refuses it; None: it is not.

    Raises:
        InvalidInput: ``folder`` exists, and is no run or may not be replaced; or the reason is empty.
    """
    from .report import write_report

    check_folder(folder, config.stored(), SUMMARY, overwrite)
    if robust:
        check_robust(config)
    if override is not None:
        check_reason(override)

    with (
        sole_writer(folder),
        WatchedProgress(*stage_columns(), disable=quiet) as progress,
        _unfinished(config, folder, overwrite, quiet),
        new_folder(folder) as new,
    ):
        experiment = Experiment(config, progress)
        context = experiment.context
        if not has_own_code(config):
            context.parts = _part_store(context, folder)
        results, log = experiment.run()
        if override is not None:
            results.override(override)
        log.write(new / "log.parquet")
        context.catalog.save(new / "catalog.parquet")
        write_run_items(new, context.catalog.items)
        features = {"user": log.user_names, "context": log.context_names, "live": tuple(log.live)}
        for policy in results.policies.values():
            write_run_policy(new / "policies", policy, features)
        if context.retriever is not None:
            save_retriever(new / "retriever", context.retriever)
        write_tables(new / "metrics", results)
        (new / CONFIG).write_text(yaml.safe_dump(config.stored(), sort_keys=False))
        context.failures.write(new)
        if context.set_aside is not None:
            context.set_aside.to_csv(new / "set_aside.csv", index=False)
        write_json(new / "reward_lint.json", results.lint.summary())
        write_json(new / "gate.json", {name: v.as_dict() for name, v in results.verdicts.items()})
        if robust:
            chosen = results.chosen
            results.robust = robust_gain(context, results.policies, chosen.candidate, chosen.baseline)
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
