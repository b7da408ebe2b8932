"""A bake-off: scikit-learn's bundled classification sets as bandits, for us, Vowpal Wabbit and two peers.

    python benchmarks/bakeoff.py [--json]        needs the extras 'realism' and 'agents'

As in Bietti et al. 2021: a row is a visit, its columns the context, a class an arm, the reward 1 if the arm
is the class; only the reward of the arm chosen is told. One pass over the shuffled rows, ten at a time;
the score is the mean reward on the way. All get the same files: columns standardised, a 1 in front,
digits averaged to 4 x 4. Everybody runs as it comes: nothing is tuned; ours show the best ranked (no floor).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _bakeoff import Maker, results
from _measure import one_thread, print_json
from bench_session import turn
from peers import python_of, reason

one_thread()

import numpy as np  # noqa: E402
import vowpalwabbit  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.core import Decisions, Interactions, Requests  # noqa: E402
from shopgym.core.items import Items  # noqa: E402
from shopgym.policies.features import FeatureMap  # noqa: E402

SETS = ("breast_cancer", "digits", "iris", "wine")
SEEDS = int(os.environ.get("SEEDS", "5"))
SHARP = {"decay": 20.0, "floor": 0.0}


def write(folder: Path) -> None:
    """One file for each data set and seed."""
    from sklearn import datasets

    for name in SETS:
        found = getattr(datasets, f"load_{name}")()
        x, label = found.data.astype(float), found.target
        if name == "digits":
            x = x.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
        spread = x.std(axis=0)
        x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        for seed in range(SEEDS):
            order = np.random.default_rng(seed).permutation(len(x))
            rows = np.column_stack([np.ones(len(x)), x])[order]
            np.savez(folder / f"{name}-{seed}.npz", x=rows, label=label[order])


@dataclass(frozen=True)
class Classes(Task):
    """Items are classes, told apart by one column each; linear agents see every pair of columns."""

    @cached_property
    def features(self) -> FeatureMap:
        item = [f"item.{name}" for name in self.items.feature_names]
        pairs = [(f"user.{user}", name) for user in self.user_names for name in item]
        return FeatureMap(((), *((name,) for name in item), *pairs), self.user_names, self.context_names)

    @cached_property
    def network_features(self) -> FeatureMap:
        alone = [(f"item.{name}",) for name in self.items.feature_names]
        alone += [(f"user.{name}",) for name in self.user_names]
        return FeatureMap(tuple(alone), self.user_names, self.context_names)


def classes_as_items(classes: int, dim: int) -> Classes:
    """A task of one slot."""
    names = np.array([f"class {at}" for at in range(classes)])
    items = Items(
        item_id=names,
        name=names,
        category=np.zeros(classes, np.int32),
        price=np.ones(classes),
        unit_cost=np.zeros(classes),
        popularity=np.full(classes, 1 / classes),
        features=np.eye(classes, dtype=np.float32),
        category_names=("all",),
        feature_names=tuple(f"is_{at}" for at in range(classes)),
    )
    return Classes(items, tuple(f"x{at}" for at in range(1, dim)), (), 1)


class Ours:
    """An agent of the registry, asked for a policy before every batch."""

    def __init__(self, name: str, options: dict[str, Any], classes: int, dim: int, seed: int) -> None:
        self.task, self.rng = classes_as_items(classes, dim), np.random.default_rng(seed)
        self.agent = make_agent(name, self.task, self.rng, **options)
        self.last: tuple[Requests, Decisions]

    def decide(self, x: np.ndarray) -> np.ndarray:
        n, m = len(x), len(self.task.items)
        requests = Requests(
            request_id=np.arange(n, dtype=np.uint64),
            user_id=np.zeros(n, np.int64),
            user=x[:, 1:].astype(np.float32),
            context=np.zeros((n, 0), np.float32),
            candidates=np.tile(np.arange(m, dtype=np.int32), (n, 1)),
            in_stock=np.ones((n, m), np.bool_),
            time=np.zeros(n),
        )
        self.last = requests, self.agent.policy().decide(requests, self.rng)
        return self.last[1].slates[:, 0]

    def learn(self, x: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None:
        self.agent.learn(Interactions(*self.last, rewards[:, None]))


class Bare:
    """Vowpal Wabbit by itself: probabilities made to sum to 1, and what it says is done."""

    def __init__(self, flags: str, classes: int, dim: int, seed: int) -> None:
        self.rng, self.classes = np.random.default_rng(seed), classes
        self.label = vowpalwabbit.LabelType.CONTEXTUAL_BANDIT
        self.workspace = vowpalwabbit.Workspace(
            f"--cb_explore_adf {flags} --noconstant -q ua --ignore_linear u --quiet --random_seed {seed + 1}"
        )
        self.held: list[Any] = []

    def decide(self, x: np.ndarray) -> np.ndarray:
        self.held, arms = [], []
        for row in x.tolist():
            shared = "shared |u " + " ".join(f"x{at}:{value:.9g}" for at, value in enumerate(row))
            text = "\n".join([shared, *(f"|a is_{at}" for at in range(self.classes))])
            example = self.workspace.parse(text, self.label)
            pmf = np.array(self.workspace.predict(example), np.float64)
            pmf /= pmf.sum()
            arm = int(self.rng.choice(self.classes, p=pmf))
            self.held.append((example, pmf[arm]))
            arms.append(arm)
        return np.array(arms)

    def learn(self, x: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None:
        for (example, p), arm, reward in zip(self.held, arms, rewards):
            example[int(arm) + 1].set_label_string(f"0:{-reward}:{p:.9g}")
            self.workspace.learn(example)
            self.workspace.finish_example(example)


def ours(name: str, **options: Any) -> Maker:
    """A maker of one of ours."""
    return lambda classes, dim, seed: Ours(name, options, classes, dim, seed)


def bare(flags: str) -> Maker:
    """A maker of a bare Vowpal Wabbit."""
    return lambda classes, dim, seed: Bare(flags, classes, dim, seed)


MAKERS: dict[str, Maker] = {
    "random": ours("random"),
    "greedy": ours("epsilon_greedy", epsilon=0.0),
    "epsilon_greedy": ours("epsilon_greedy", epsilon=0.05),
    "squarecb": ours("squarecb"),
    "regcb": ours("regcb"),
    "regcb, optimistic": ours("regcb", optimistic=True),
    "linucb_disjoint": ours("linucb_disjoint", **SHARP),
    "lints_disjoint": ours("lints_disjoint", **SHARP),
    "logistic_ts": ours("logistic_ts", **SHARP),
    "bootstrap_ts": ours("bootstrap_ts", **SHARP),
    "neural_greedy": ours("neural_greedy", epsilon=0.05),
    "neural_bootstrap": ours("neural_bootstrap", **SHARP),
    "neural_linear": ours("neural_linear", **SHARP),
    "VW greedy": bare("--epsilon 0"),
    "VW epsilon": bare("--epsilon 0.05"),
    "VW bag": bare("--bag 5"),
    "VW cover": bare("--cover 3 --cb_type mtr"),
    "VW squarecb": bare("--squarecb"),
    "VW regcb": bare("--regcb --cb_min_cost -1 --cb_max_cost 0"),
    "VW regcbopt": bare("--regcbopt --cb_min_cost -1 --cb_max_cost 0"),
}
"""Ours by their names in the registry, then Vowpal Wabbit's defaults, told the range of costs if it asks."""


def main() -> None:
    """Play and report."""
    parser = argparse.ArgumentParser(prog="bakeoff")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    as_json = parser.parse_args().json
    versions = {name: version(name) for name in ("shopgym", "vowpalwabbit", "scikit-learn")}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        rewards = results(MAKERS, Path(folder))
        for peer in ("mabwiser", "coba"):
            python = python_of(peer)
            if not python:
                print(reason(peer))
                continue
            answer = turn(python, "_bakeoff.py", peer, folder)
            rewards |= answer["rewards"]
            versions |= answer["versions"]
    means = {
        name: {at: float(np.mean(found)) for at, found in sets.items()} for name, sets in rewards.items()
    }
    rank = ranks({name: list(sets.values()) for name, sets in means.items()})
    if as_json:
        print_json("bake-off", rewards, versions=versions)
        return
    print("| | " + " | ".join(SETS) + " | mean rank |\n|---|" + "---:|" * (len(SETS) + 1))
    for name in sorted(means, key=rank.__getitem__):
        cells = " | ".join(
            f"{means[name][at]:.3f} ± {np.std(rewards[name][at], ddof=1) / SEEDS**0.5:.3f}" for at in SETS
        )
        print(f"| {name} | {cells} | {rank[name]:.1f} |")
    print(", ".join(f"{what} {found}" for what, found in versions.items()), file=sys.stderr)


def ranks(means: dict[str, list[float]]) -> dict[str, float]:
    """Mean rank over the data sets, 1 the best."""
    table = np.array(list(means.values()))
    place = (-table).argsort(axis=0).argsort(axis=0) + 1
    return dict(zip(means, place.mean(axis=1).tolist()))


if __name__ == "__main__":
    main()
