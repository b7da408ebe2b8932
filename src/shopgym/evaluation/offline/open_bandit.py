"""Open Bandit data (Saito et al. 2021): logs of single impressions at the positions of a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64, I64, AnyArray
from .actions import cross_fitted_inputs
from .checks import as_floats, check_target, checked_actions, refuse
from .from_dataframe import context_features
from .inputs import OpeInputs
from .reward_model import FOLDS

COLUMNS = ("item_id", "position", "click", "propensity_score")
ITEM_TABLE = "item_context.csv"


@dataclass(frozen=True, eq=False)
class OpenBanditLog:
    """n impressions.

    Attributes:
        action: (n,) item, in [0, items).
        position: (n,) place on the page, in [0, positions).
        reward: (n,) 1 if clicked.
        propensity: (n,) the behaviour policy's probability of the item at this position.
        features: (n, D) one-hot position and user features, for the reward model.
        items, positions: their numbers.
    """

    action: I64
    position: I64
    reward: F64
    propensity: F64
    features: F64
    items: int
    positions: int

    def __len__(self) -> int:
        return len(self.action)

    def frequencies(self) -> F64:
        """(positions, items) how often each item was shown at each position; rows sum to 1."""
        counts = np.zeros((self.positions, self.items))
        np.add.at(counts, (self.position, self.action), 1.0)
        totals = counts.sum(axis=1)
        if (totals == 0).any():
            empty = int(np.flatnonzero(totals == 0)[0]) + 1
            raise InvalidInput("position", empty, "this position was never logged: no frequencies to take")
        return np.asarray(counts / totals[:, None])


def is_open_bandit(folder: Path) -> bool:
    """Whether ``folder`` has the layout of the Open Bandit data."""
    return (folder / ITEM_TABLE).is_file()


def load(folder: Path) -> OpenBanditLog:
    """Read a folder with ``item_context.csv`` and the log of one campaign, e.g. ``all.csv``.

    Positions are 1, 2, 3 in the file and 0, 1, 2 here.

    Raises:
        InvalidInput: the folder or a column is missing, or a value is out of range, with row numbers.
    """
    import pandas as pd

    logs = sorted(path for path in folder.glob("*.csv") if path.name != ITEM_TABLE)
    if not is_open_bandit(folder) or len(logs) != 1:
        csv_files = sorted(path.name for path in folder.glob("*.csv"))
        raise InvalidInput("log", csv_files, f"an Open Bandit folder has {ITEM_TABLE} and one other CSV file")
    header = pd.read_csv(logs[0], nrows=0).columns
    for name in COLUMNS:
        if name not in header:
            raise InvalidInput("column", name, f"{logs[0].name} does not have it")
    user = [name for name in header if name.startswith("user_feature_")]
    frame = pd.read_csv(logs[0], usecols=[*COLUMNS, *user])
    items = len(pd.read_csv(folder / ITEM_TABLE))
    reward, action, propensity = checked_actions(
        frame["click"].to_numpy(), frame["item_id"].to_numpy(), frame["propensity_score"].to_numpy(), items
    )
    place = as_floats("position", frame["position"].to_numpy())
    refuse("position", place, ~((place >= 1) & (place == np.floor(place))), "give a whole number from 1")
    position = place.astype(np.int64) - 1
    features = context_features(frame.assign(position=frame["position"].astype(str)), ["position", *user])
    return OpenBanditLog(action, position, reward, propensity, features, items, int(position.max()) + 1)


def open_bandit_inputs(
    log: OpenBanditLog,
    target: str | AnyArray,
    *,
    rng: Generator,
    folds: int = FOLDS,
    penalty: float | None = None,
) -> OpeInputs:
    """Inputs of one slot: each impression is a round.

    Args:
        log: the behaviour policy's log.
        target: ``"uniform"``, or a table (positions, items) of probabilities, whose row at the logged
            position is the target's distribution; :meth:`OpenBanditLog.frequencies` of another log makes one.
        rng: decides the folds.
        folds, penalty: of the reward model; penalty None is chosen from the log.
    """
    if isinstance(target, str):
        if target != "uniform":
            raise InvalidInput("target", target, "write uniform, or give a table (positions, items)")
        table = np.full((log.positions, log.items), 1.0 / log.items)
    else:
        table = as_floats("target", target)
    if table.shape != (log.positions, log.items):
        raise InvalidInput("target", table.shape, f"give shape {(log.positions, log.items)}")
    check_target(table, log.positions)
    return cross_fitted_inputs(
        log.reward,
        log.action,
        log.propensity,
        lambda rows: table[log.position[rows]],
        log.features,
        log.items,
        rng=rng,
        folds=folds,
        penalty=penalty,
        unit="click",
    )
