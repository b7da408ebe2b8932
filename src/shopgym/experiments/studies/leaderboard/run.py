"""All agents in all environments over all seeds, in as many processes as asked for."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ....agents import Task, make_agent
from ....core.errors import InvalidInput
from ....core.files import new_folder
from ....core.yaml_file import import_packages
from ....envs.page_env import PageEnv
from ....simulators import Catalog
from ....training.loop import learn
from ....training.position_bias import measure_position_bias
from ...catalogs import load_catalog
from ...entries import agent_entries, import_agents
from ...failures import Failures
from ...results import environment, value_scale, write_json
from ...run_folder import CONFIG, check_folder
from ...stages import stage_rng, stage_seed
from ...stages.learn import Timed
from .config import FAMILIES, Family, LeaderboardConfig
from .measure import measure
from .statistics import stratified_interval

RUNS, TABLE = "runs.csv", "table.csv"
Row = dict[str, Any]


def open_loop(config: LeaderboardConfig, catalog: Catalog, family: Family, seed: int, lanes: int) -> PageEnv:
    """A shop of one environment; the users of one seed are the same people for every agent."""
    section = config.families[family]
    env = FAMILIES[family](
        lanes,
        catalog=catalog,
        config=section.shop_config(),
        reward=config.reward.config,
        form="slate",
        shop_seed=stage_seed(config.seed, "population", family, seed),
        days=section.days,
        autoreset_mode="Disabled",
    )
    return env.loop


def one_run(config: LeaderboardConfig, catalog: Catalog, family: Family, seed: int) -> Iterator[Row]:
    """Every agent in one environment with one seed."""
    section = config.families[family]
    loop = open_loop(config, catalog, family, seed, section.lanes)
    shop, size = loop.shop, loop.shop.config.slate_size
    names = (shop.user_names, shop.context_names)
    blank = Task(catalog.items, *names, size, attention=np.ones(size))
    warm_up = stage_seed(config.seed, "warm-up", family, seed)
    rng = np.random.default_rng(warm_up)
    random = make_agent("random", blank, rng).policy()
    loop.open(warm_up)
    attention = measure_position_bias(loop, random, config.warm_up, rng)
    task = Task(catalog.items, *names, size, value=value_scale(config.reward.config), attention=attention)
    judge = open_loop(config, catalog, family, seed, section.episodes)
    failures = Failures(needed=(config.baseline,))
    for entry in agent_entries(config.agents):
        name, row = entry.name, {"agent": entry.name, "family": family, "seed": seed}
        with failures.noted(name, "training"):
            agent = entry.make(task, stage_rng(config.seed, "agent", name, family, seed))
            loop.open(stage_seed(config.seed, "train", family, seed))
            learner = Timed(agent)
            rng = stage_rng(config.seed, "train", name, family, seed)
            for _ in learn(learner, loop, None, rng, pages_in_all=section.pages):
                pass
            policy = learner.policy()
            row["training_seconds"] = learner.seconds
        with failures.noted(name, "evaluation"):
            if name not in failures.reasons:
                judge_seed = stage_seed(config.seed, "judge", family, seed)
                rng = stage_rng(config.seed, "judge", family, seed)
                row |= measure(judge, policy, judge_seed, rng)
        yield row | {"failed": failures.reasons.get(name, "")}


def _whole_run(config: LeaderboardConfig, *job: Any) -> list[Row]:
    import_packages(config.imports)  # a process of its own knows no agent that another one registered
    return list(one_run(config, *job))


def run_leaderboard(
    config: LeaderboardConfig,
    folder: Path,
    *,
    workers: int = 1,
    quiet: bool = False,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Run it into ``folder``, which appears whole or not at all; returns the table of :func:`summarise`.

    Args:
        workers: processes that share the jobs, one job an environment and a seed.
        overwrite: replace an earlier leaderboard in ``folder``.

    Raises:
        InvalidInput: ``folder`` exists, and is no leaderboard or may not be replaced.
    """
    from .plots import write_plots

    check_folder(folder, config.stored(), RUNS, overwrite)
    import_agents(config.agents)
    catalog, _ = load_catalog(config.catalog, stage_seed(config.seed, "catalog"))
    jobs = [(family, seed) for seed in range(config.seeds) for family in config.families]
    rows: list[Row] = []
    columns = (
        TextColumn("{task.description:<32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, disable=quiet) as progress, new_folder(folder) as new:
        bar = progress.add_task("agents x environments x seeds", total=len(jobs) * len(config.agents))
        if workers == 1:
            for row in (row for job in jobs for row in one_run(config, catalog, *job)):
                rows.append(row)
                progress.advance(bar)
        else:
            # a fresh interpreter each: threads of numerical libraries do not survive a fork
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                futures = [pool.submit(_whole_run, config, catalog, *job) for job in jobs]
                for future in futures:
                    rows += future.result()
                    progress.advance(bar, len(config.agents))
        runs = pd.DataFrame(rows)
        table = summarise(runs, config)
        runs.to_csv(new / RUNS, index=False)
        table.to_csv(new / TABLE, index=False)
        (new / CONFIG).write_text(yaml.safe_dump(config.stored(), sort_keys=False))
        write_json(new / "environment.json", environment())
        write_plots(new, runs, table, config)
    return table


def summarise(runs: pd.DataFrame, config: LeaderboardConfig) -> pd.DataFrame:
    """One row per agent and environment, and per agent over all of them (family ``all``).

    ``relative`` is the IQM of the score over the baseline's mean score in that environment, with interval
    ``low`` to ``high``; every other metric is a mean over seeds. Where a run of an agent failed, it has no
    numbers and ``failed`` says why.
    """
    base = runs[runs["agent"] == config.baseline].groupby("family")["score"].mean()
    families, rows = list(config.families), []
    for family, mean in base.items():
        if not mean > 0:
            fix = "scores are relative to it: it must be > 0"
            raise InvalidInput("baseline", f"{mean:g} in {family}", fix)
    for agent in config.agents:
        mine = runs[runs["agent"] == agent]
        scores = {family: mine[mine["family"] == family]["score"].to_numpy() for family in families}
        relative = np.stack([scores[family] / base[family] for family in families])
        for at, family in enumerate([*families, "all"]):
            counted = mine if family == "all" else mine[mine["family"] == family]
            row: Row = {"agent": agent, "family": family, "relative": np.nan, "low": np.nan, "high": np.nan}
            reasons = counted["failed"][counted["failed"] != ""]
            row["failed"] = reasons.iloc[0] if len(reasons) else ""
            if row["failed"]:
                rows.append(row)
                continue
            part = relative if family == "all" else relative[at : at + 1]
            rng = stage_rng(config.seed, "bootstrap", agent, family)
            level, draws = config.level, config.bootstrap
            middle, low, high = stratified_interval(part, level=level, bootstrap=draws, rng=rng)
            row |= {"relative": middle, "low": low, "high": high}
            means = counted.drop(columns=["agent", "family", "seed", "failed"]).mean()
            if family == "all":
                means = means.drop("score")  # of episodes of different kinds
            rows.append(row | {str(name): float(value) for name, value in means.items()})
    return pd.DataFrame(rows)
