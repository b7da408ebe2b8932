"""One turn of our estimators with their intervals, as JSON, on the arrays of a file; see bench_ope.py."""

from __future__ import annotations

import json
import sys

from _measure import one_thread

one_thread()

import numpy as np  # noqa: E402
from _works import Work, measured  # noqa: E402

from shopgym import __version__  # noqa: E402
from shopgym.evaluation.intervals import PercentileBootstrap  # noqa: E402
from shopgym.evaluation.offline import ESTIMATORS, Estimator, OpeInputs, Weighted  # noqa: E402
from shopgym.evaluation.offline.slate import slate_inputs  # noqa: E402
from shopgym.evaluation.offline.smoothing import Optimistic, SubGaussian, Switched  # noqa: E402

MEASURED: dict[str, Estimator] = {
    **{name: ESTIMATORS[name] for name in ("ips", "snips", "dm", "dr", "sndr")},
    "switch-dr": Weighted("switch-dr", Switched(10.0), needs_model=True),
    "dr-os": Weighted("dr-os", Optimistic(10.0), needs_model=True),
    "sg-ips": Weighted("sg-ips", SubGaussian(0.1)),
    "sg-dr": Weighted("sg-dr", SubGaussian(0.1), needs_model=True),
}


def inputs_of(data: dict[str, np.ndarray]) -> OpeInputs:
    """Weights and predictions, checked."""
    return OpeInputs.from_actions(data["reward"], data["action"], data["pscore"], data["target"], data["q"])


def slate_of(data: dict[str, np.ndarray], model: str) -> OpeInputs:
    """Weights of the slates."""
    return slate_inputs(data["slot_reward"], data["slot_logged"], data["slot_target"], model=model)


def main(path: str, part: str, resamples: int) -> None:
    """Print as _obp.py does. ``point`` and ``interval`` include the making of the inputs, diagnostics too."""
    data, rng = dict(np.load(path)), np.random.default_rng(0)
    bootstrap = PercentileBootstrap(resamples)
    warm = OpeInputs(np.ones((2000, 1)), np.ones((2000, 1)))
    for name in ("ips", "snips"):
        ESTIMATORS[name].estimate(warm, interval=bootstrap, rng=rng)  # compiled before it is timed
    works: dict[str, Work] = {}
    if part == "slates":
        for model in ("standard", "independent", "cascade"):
            works[f"slates, {model}"] = lambda m=model: ESTIMATORS["ips"].estimate(slate_of(data, m)).value
            works[f"slates, {model}, bootstrap"] = lambda m=model: (
                ESTIMATORS["ips"].estimate(slate_of(data, m), interval=bootstrap, rng=rng).value
            )
    for name, estimator in MEASURED.items() if part != "slates" else ():
        if part == "point":
            works[name] = lambda e=estimator: e.statistic(inputs_of(data)).value
        else:
            works[name] = lambda e=estimator: e.estimate(inputs_of(data)).value
            works[f"{name}, bootstrap"] = lambda e=estimator: (
                e.estimate(inputs_of(data), interval=bootstrap, rng=rng).value
            )
    print(json.dumps({"figures": measured(works), "versions": {"shopgym": __version__}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
