"""Decisions of mabwiser on a small stream, for tests/agents/test_bandits_reference.py.

    .peers/mabwiser/bin/python benchmarks/mabwiser_vectors.py tests/data/mabwiser.json

Its models are its own. So that its Thompson sampling can be repeated, its normal numbers z are in the file:
a draw is mean + L'^-1 z, where L L' is the inverse of the covariance that it asks for.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import numpy as np
from mabwiser import utils
from mabwiser.mab import MAB, LearningPolicy

STEPS, ARMS, COLUMNS = 150, 5, 3
UCB, TS = 0.7, 0.5


def main(path: str) -> None:
    """Write contexts, every arm's reward, normal numbers, and what was decided."""
    rng = np.random.default_rng(0)
    contexts = rng.normal(size=(STEPS, COLUMNS)).round(3)
    x = np.column_stack([np.ones(STEPS), contexts])
    rewards = (x @ rng.normal(size=(COLUMNS + 1, ARMS)) + rng.normal(size=(STEPS, ARMS))).round(3)
    z = rng.normal(size=(STEPS, ARMS, COLUMNS + 1)).round(3)
    left: list[np.ndarray] = []

    def drawn(self: object, mean: np.ndarray, covariance: np.ndarray, size: object = None) -> np.ndarray:
        lower = np.linalg.cholesky(np.linalg.inv(covariance))
        return np.asarray(mean + np.linalg.inv(lower).T @ left.pop(0))

    utils._NumpyRNG.multivariate_normal = drawn
    decisions = {}
    for name, policy in (
        ("linucb", LearningPolicy.LinUCB(alpha=UCB, l2_lambda=1.0)),
        ("lints", LearningPolicy.LinTS(alpha=TS, l2_lambda=1.0)),
    ):
        bandit = MAB(list(range(ARMS)), policy)
        bandit.fit(decisions=[0], rewards=[0.0], contexts=np.zeros((1, COLUMNS + 1)))  # teaches it nothing
        chosen = []
        for step in range(STEPS):
            left[:] = list(z[step])
            arm = int(bandit.predict(x[step : step + 1]))
            bandit.partial_fit([arm], [rewards[step, arm]], x[step : step + 1])
            chosen.append(arm)
        decisions[name] = chosen
    about = {"mabwiser": version("mabwiser"), "ridge": 1.0, "alpha": {"linucb": UCB, "lints": TS}}
    arrays = {"contexts": contexts.tolist(), "rewards": rewards.tolist(), "normals": z.tolist()}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**about, **arrays, "decisions": decisions}, file, separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1])
