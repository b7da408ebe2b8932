"""One turn of Open Bandit Pipeline, printed as JSON; run by its own interpreter, see peers.py.

Its estimators with their bootstrap intervals, on the arrays of a file that bench_ope.py writes. The package
imports learners that need torch; of them, its estimators need the name of a type only, so torch is
replaced by an empty module.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path

import numpy as np
from _works import Work, measured

PARTS = ("point", "interval", "slates")


def estimators_only() -> None:
    """The package without its learners, and an empty torch."""
    torch = types.ModuleType("torch")
    torch.Tensor = torch.tensor = object  # type: ignore[attr-defined]
    found = importlib.util.find_spec("obp")
    assert found is not None
    package = types.ModuleType("obp")
    package.__path__ = [str(Path(str(found.origin)).parent)]
    sys.modules.update({"torch": torch, "obp": package})


def actions(data: dict[str, np.ndarray]) -> dict[str, tuple[object, dict[str, np.ndarray]]]:
    """Estimators by our names, and what each is given."""
    from obp import ope

    weights = {name: data[name] for name in ("reward", "action", "pscore")}
    weights |= {
        "position": np.zeros(len(data["reward"]), int),
        "action_dist": data["target"][:, :, None],
        "estimated_rewards_by_reg_model": data["q"][:, :, None],
    }
    estimators = {
        "ips": ope.InverseProbabilityWeighting(),
        "snips": ope.SelfNormalizedInverseProbabilityWeighting(),
        "dm": ope.DirectMethod(),
        "dr": ope.DoublyRobust(),
        "sndr": ope.SelfNormalizedDoublyRobust(),
        "switch-dr": ope.SwitchDoublyRobust(lambda_=10.0),
        "dr-os": ope.DoublyRobustWithShrinkage(lambda_=10.0),
        "sg-ips": ope.SubGaussianInverseProbabilityWeighting(lambda_=0.1),
        "sg-dr": ope.SubGaussianDoublyRobust(lambda_=0.1),
    }
    return {name: (estimator, weights) for name, estimator in estimators.items()}


def slates(data: dict[str, np.ndarray]) -> dict[str, tuple[object, dict[str, np.ndarray]]]:
    """Slate estimators by our names; every array is one row per slot."""
    from obp import ope

    n, k = data["slot_reward"].shape
    rows = {
        "slate_id": np.repeat(np.arange(n), k),
        "position": np.tile(np.arange(k), n),
        "reward": data["slot_reward"].ravel(),
    }
    standard, cascade = (
        {name: part.ravel() for name, part in data.items() if name.startswith(prefix)}
        for prefix in ("standard_", "cascade_")
    )
    return {
        "slates, standard": (
            ope.SlateStandardIPS(len_list=k),
            {
                **rows,
                "pscore": standard["standard_logged"],
                "evaluation_policy_pscore": standard["standard_target"],
            },
        ),
        "slates, independent": (
            ope.SlateIndependentIPS(len_list=k),
            {
                **rows,
                "pscore_item_position": data["slot_logged"].ravel(),
                "evaluation_policy_pscore_item_position": data["slot_target"].ravel(),
            },
        ),
        "slates, cascade": (
            ope.SlateRewardInteractionIPS(len_list=k),
            {
                **rows,
                "pscore_cascade": cascade["cascade_logged"],
                "evaluation_policy_pscore_cascade": cascade["cascade_target"],
            },
        ),
    }


def main(path: str, part: str, resamples: int) -> None:
    """Print {"figures": {work: {"cpu": s, "memory": MB, "value": v}}, "versions": {...}}."""
    estimators_only()
    data = dict(np.load(path))
    found = slates(data) if part == "slates" else actions(data)
    works: dict[str, Work] = {}
    for name, (estimator, given) in found.items():
        if part == "point":
            works[name] = lambda e=estimator, g=given: e.estimate_policy_value(**g)
        else:
            works[name] = lambda e=estimator, g=given: e.estimate_interval(
                **g, n_bootstrap_samples=resamples, random_state=0
            )["mean"]
    print(json.dumps({"figures": measured(works), "versions": {"obp": version("obp")}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
