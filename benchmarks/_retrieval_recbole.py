"""RecBole's item-KNN and EASE on MovieLens 100K, printed as JSON; run by its own interpreter, see peers.py.

It writes its split, so that ours can be fitted to the very same; its figures and CPU seconds are on the last
line.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
MODELS = {"item-KNN": "ItemKNN", "EASE": "EASE"}


def main(folder: str, out: str, seed: str) -> None:
    """``folder`` holds ml-100k.inter; the split goes to ``out`` (npz)."""
    folder, out = str(Path(folder).resolve()), str(Path(out).resolve())
    os.chdir(Path(out).parent)  # it writes logs where it stands
    for gone, now in (("bool8", np.bool_), ("float_", np.float64), ("complex_", np.complex128)):
        if not hasattr(np, gone):  # names that numpy 2 dropped and this version still asks for
            setattr(np, gone, now)
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    figures, scores = {}, {}
    for name, theirs in MODELS.items():
        config = Config(
            model=theirs,
            dataset="ml-100k",
            config_dict={
                "data_path": str(Path(folder).parent),
                "load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"]},
                "val_interval": {"rating": "[3,inf)"},
                "user_inter_num_interval": "[10,inf)",
                "item_inter_num_interval": "[10,inf)",
                "eval_args": {
                    "split": {"RS": [0.8, 0.1, 0.1]},
                    "group_by": "user",
                    "order": "RO",
                    "mode": "full",
                },
                "topk": [10],
                "metrics": ["Recall", "NDCG"],
                "valid_metric": "NDCG@10",
                "seed": int(seed),
                "use_gpu": False,
                "state": "ERROR",
                "show_progress": False,
                "epochs": 1,
                "reg_weight": 250.0,
                "metric_decimal_place": 6,
                "checkpoint_dir": str(Path(out).parent),
            },
        )
        init_seed(config["seed"], True)
        train, valid, test = data_preparation(config, create_dataset(config))
        if not Path(out).exists():
            columns = {
                f"{part}_{side}": loader._dataset.inter_feat[f"{side}_id"].numpy() - 1
                for part, loader in (("train", train), ("valid", valid), ("test", test))
                for side in ("user", "item")
            }
            np.savez(out, **columns)
        start = time.process_time()
        model = get_model(theirs)(config, train._dataset)
        figures[f"fit {name}, CPU-s"] = time.process_time() - start
        found = get_trainer(config["MODEL_TYPE"], theirs)(config, model).evaluate(
            test, load_best_model=False, show_progress=False
        )
        scores[name] = {metric: float(value) for metric, value in found.items()}
    print(json.dumps({"figures": figures, "scores": scores, "versions": {"recbole": version("recbole")}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
