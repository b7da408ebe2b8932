"""The public data sets that retrieval is checked on, each with its split; nothing of them is shipped.

MovieLens 100K (research use only, not to be passed on: https://grouplens.org/datasets/movielens/100k/)
lies inside the ``recbole`` wheel::

    pip download --no-deps recbole -d FOLDER && unzip FOLDER/recbole*.whl 'recbole/dataset_example/ml-100k/*'
    export SHOPGYM_ML100K=recbole/dataset_example/ml-100k
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from shopgym.agents.retrieval.data import Sequences, UserItems

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True)
class Split:
    """One sequence per user in each part; ``test`` is what is to be found."""

    train: Sequences
    valid: Sequences
    test: Sequences

    @property
    def hidden(self) -> Sequences:
        """What is never ranked when the test is scored: training and validation items."""
        both = [np.concatenate(parts) for parts in zip(_lists(self.train), _lists(self.valid))]
        return Sequences.from_lists((one.tolist() for one in both), self.train.num_items)

    @property
    def answers(self) -> UserItems:
        """Users x items of the test."""
        return self.test.matrix()


def _lists(data: Sequences) -> list[np.ndarray]:
    return np.split(data.items, data.start[1:-1])


def ml100k(folder: str | Path, seed: int) -> Split:
    """MovieLens 100K: ratings of 3 and more, 10-core, each user's items split 80/10/10 at random.

    The shares are rounded as RecBole rounds them: a tenth, but at least one item, for test and validation.
    """
    table = pd.read_csv(Path(folder) / "ml-100k.inter", sep="\t")
    table.columns = ["user", "item", "rating", "time"]
    table = table[table["rating"] >= 3]
    while True:
        few = [table.groupby(side)["time"].transform("size") < 10 for side in ("user", "item")]
        if not (few[0] | few[1]).any():
            break
        table = table[~(few[0] | few[1])]
    user, item = (pd.factorize(table[side], sort=True)[0] for side in ("user", "item"))
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(user)), user))
    size = np.bincount(user)
    place = np.arange(len(user)) - np.repeat(np.cumsum(size) - size, size)
    tenth = np.repeat(np.maximum(size // 10, 1), size)
    left = np.repeat(size, size) - place
    part = np.where(left <= tenth, 2, np.where(left <= 2 * tenth, 1, 0))
    everything = Sequences(
        item[order].astype(np.int32),
        np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        int(item.max()) + 1,
        table["time"].to_numpy()[order] / SECONDS_A_DAY,
    )
    return Split(*(everything.filter_entries(part == which) for which in range(3)))


def yoochoose(folder: str | Path) -> tuple[Sequences, Sequences]:
    """Training and test sessions of the RecSys-2015 clicks, as its preparers split them: by time.

    The test holds the sessions of the last day; items that training has not are dropped from it, and
    then sessions of one click.
    """
    train, test = (
        pd.read_csv(Path(folder) / name, sep="\t").rename(
            columns={"SessionId": "owner", "ItemId": "item", "Time": "time"}
        )
        for name in ("train_full.txt", "test.txt")
    )
    ids = np.sort(train["item"].unique())
    test = test[test["item"].isin(ids)]
    test = test[test.groupby("owner")["time"].transform("size") > 1]
    first, last = (
        Sequences.from_events(
            owner=table["owner"].to_numpy(),
            item=np.searchsorted(ids, table["item"].to_numpy()),
            time=table["time"].to_numpy() / SECONDS_A_DAY,
            num_items=len(ids),
        )
        for table in (train, test)
    )
    return first, last


def by_time(data: Sequences, share: float = 0.1) -> tuple[Sequences, Sequences]:
    """(earlier, later) sequences; the later ``share`` ends last, without what the earlier never saw."""
    assert data.time is not None
    end = data.time[data.start[1:] - 1]
    order = np.argsort(end, kind="stable")
    cut = round((1 - share) * len(data))
    earlier, later = data.take(np.sort(order[:cut])), data.take(np.sort(order[cut:]))
    later = later.filter_entries(earlier.counts[later.items] > 0)
    return earlier, later.take(np.diff(later.start) > 1)
