"""One turn of RecoGym's steps, printed as JSON; run by its own interpreter, see peers.py.

``reco-gym-v0`` as it comes (10 products) and with 1000, as many as SARDINE has. A step shows one item,
not ten, and steps without a reward (organic browsing) are not counted, though their time is.

Its package imports agents that need torch and TensorFlow. The environment needs of them the name of
a base class only, so the agents, and the two modules that pull them in, are replaced by empty ones.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from _measure import rate

STEPS = 8192


def environment() -> Any:
    """The module of the environment, without the agents."""
    found = importlib.util.find_spec("recogym")
    assert found is not None
    home = Path(str(found.origin)).parent
    for name in ("recogym", "recogym.envs", "recogym.agents"):
        module = types.ModuleType(name)
        module.__path__ = [str(home.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module
    sys.modules["recogym.agents"].Agent = object  # type: ignore[attr-defined]
    return importlib.import_module("recogym.envs.reco_env_v0")


def single(module: Any, products: int) -> float:
    """Recommendations per CPU-second; what users do by themselves is in the time, not in the count."""
    env = module.RecoEnv0()
    env.init_gym({**module.env_0_args, "num_products": products, "random_seed": 0})
    actions = np.random.default_rng(0).integers(products, size=STEPS).tolist()

    def work() -> int:
        user, done, left = 0, True, STEPS
        while left:
            if done:
                env.reset(user)
                user += 1
                _, _, done, _ = env.step(None)
                continue
            left -= 1
            _, _, done, _ = env.step(actions[left])
        return STEPS

    return rate(work)


def main() -> None:
    """Print {"rates": {workload: steps per CPU-second}, "versions": {...}}."""
    module = environment()
    rates = {f"v0, {products} products": single(module, products) for products in (10, 1000)}
    print(json.dumps({"rates": rates, "versions": {"recogym": version("recogym")}}))


if __name__ == "__main__":
    main()
