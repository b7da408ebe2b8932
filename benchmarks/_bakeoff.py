"""The bake-off's protocol, and mabwiser and coba under it; run by their own interpreters, see bakeoff.py.

python _bakeoff.py mabwiser|coba FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from _measure import one_thread

one_thread()

import numpy as np  # noqa: E402

BATCH = 10
"""Visits that are decided before any of their rewards is learnt."""


class Learner(Protocol):
    """Whoever plays: contexts (n, d) with a leading 1, arms (n,), rewards (n,) of the arms chosen."""

    def decide(self, x: np.ndarray) -> np.ndarray: ...

    def learn(self, x: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None: ...


Maker = Callable[[int, int, int], Learner]
"""From classes, numbers in a context and a seed to a learner."""


def play(learner: Learner, x: np.ndarray, label: np.ndarray) -> float:
    """Mean reward of one pass: 1 where the arm is the label, and only that is told."""
    total = 0.0
    for start in range(0, len(x), BATCH):
        part = x[start : start + BATCH]
        arms = learner.decide(part)
        rewards = (arms == label[start : start + BATCH]).astype(float)
        learner.learn(part, arms, rewards)
        total += float(rewards.sum())
    return total / len(x)


def streams(folder: Path) -> Iterator[tuple[str, int, np.ndarray, np.ndarray]]:
    """(data set, seed, contexts, labels) of every file."""
    for path in sorted(folder.glob("*.npz")):
        name, _, seed = path.stem.rpartition("-")
        data = np.load(path)
        yield name, int(seed), data["x"], data["label"]


def results(makers: dict[str, Maker], folder: Path) -> dict[str, dict[str, list[float]]]:
    """Mean reward by learner and data set, one number a seed."""
    out: dict[str, dict[str, list[float]]] = {name: {} for name in makers}
    for data, seed, x, label in streams(folder):
        for name, make in makers.items():
            reward = play(make(int(label.max()) + 1, x.shape[1], seed), x, label)
            out[name].setdefault(data, []).append(reward)
    return out


def mabwiser() -> dict[str, Maker]:
    """Its linear policies with its defaults."""
    from mabwiser.mab import MAB, LearningPolicy

    class Theirs:
        def __init__(self, policy: object, classes: int, dim: int, seed: int) -> None:
            self.bandit = MAB(list(range(classes)), policy, seed=seed)
            self.bandit.fit(decisions=[0], rewards=[0.0], contexts=np.zeros((1, dim)))

        def decide(self, x: np.ndarray) -> np.ndarray:
            return np.atleast_1d(self.bandit.predict(x))

        def learn(self, x: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None:
            self.bandit.partial_fit(arms.tolist(), rewards.tolist(), x)

    def maker(policy: Callable[[], object]) -> Maker:
        return lambda classes, dim, seed: Theirs(policy(), classes, dim, seed)

    return {
        "mabwiser LinUCB": maker(LearningPolicy.LinUCB),
        "mabwiser LinTS": maker(LearningPolicy.LinTS),
        "mabwiser LinGreedy": maker(LearningPolicy.LinGreedy),
    }


def coba() -> dict[str, Maker]:
    """Its learners that need no other library, with its defaults; one-hot actions, crossed with contexts."""
    from coba.learners import LinTSLearner, LinUCBLearner

    class Theirs:
        def __init__(self, learner: object, classes: int) -> None:
            self.learner = learner
            self.actions = [tuple(float(a == b) for b in range(classes)) for a in range(classes)]
            self.p: list[float] = []

        def decide(self, x: np.ndarray) -> np.ndarray:
            said = [self.learner.predict(tuple(row), self.actions) for row in x[:, 1:].tolist()]
            self.p = [p for _, p in said]
            return np.array([self.actions.index(action) for action, _ in said])

        def learn(self, x: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None:
            for row, arm, reward, p in zip(x[:, 1:].tolist(), arms.tolist(), rewards.tolist(), self.p):
                self.learner.learn(tuple(row), self.actions[arm], reward, p)

    return {
        "coba LinUCB": lambda classes, dim, seed: Theirs(
            LinUCBLearner(features=["a", "ax"], seed=seed), classes
        ),
        "coba LinTS": lambda classes, dim, seed: Theirs(
            LinTSLearner(features=["a", "ax"], seed=seed), classes
        ),
    }


def main(peer: str, folder: str) -> None:
    """Print the rewards as JSON."""
    found = results({"mabwiser": mabwiser, "coba": coba}[peer](), Path(folder))
    print(json.dumps({"rewards": found, "versions": {peer: version(peer)}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
