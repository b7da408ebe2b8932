"""One turn of mabwiser, printed as JSON; run by its own interpreter, see peers.py and bench_bandits.py."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

from _measure import one_thread

one_thread()

import numpy as np  # noqa: E402
from _bandits import ARMS, DIM, Stream, online  # noqa: E402
from mabwiser.mab import MAB, LearningPolicy  # noqa: E402

POLICIES = {
    "LinUCB": LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0),
    "LinTS": LearningPolicy.LinTS(alpha=1.0, l2_lambda=1.0),
}


def main(decisions: int) -> None:
    """Print decisions per CPU second, and the mean reward."""
    figures, rewards = {}, {}
    for name, policy in POLICIES.items():
        bandit = MAB(list(range(ARMS)), policy, seed=1)
        # it has to be fitted once before it decides: one row of zeros teaches it nothing
        bandit.fit(decisions=[0], rewards=[0.0], contexts=np.zeros((1, DIM)))

        def decide(x: np.ndarray, bandit: MAB = bandit) -> int:
            return int(bandit.predict(x[None]))

        def learn(arm: int, x: np.ndarray, reward: float, bandit: MAB = bandit) -> None:
            bandit.partial_fit([arm], [reward], x[None])

        figures[name], rewards[name] = online(Stream(decisions), decide, learn)
    print(json.dumps({"figures": figures, "rewards": rewards, "versions": {"mabwiser": version("mabwiser")}}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
