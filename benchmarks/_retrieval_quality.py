"""How well retrieval finds: the tables of docs/retrieval.md.

    python benchmarks/_retrieval_quality.py movielens FOLDER [--seeds 8]
    python benchmarks/_retrieval_quality.py sessions FOLDER [--seeds 3] [--device cuda]
    python benchmarks/_retrieval_quality.py cold [--seeds 3] [--device cuda]

One line per model: mean and standard deviation over seeds, and CPU seconds of one fit. The data sets and
their splits are in _retrieval_data.py.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from _retrieval_data import by_time, ml100k, yoochoose

from shopgym.agents.retrieval.als import ALS
from shopgym.agents.retrieval.bpr import BPR
from shopgym.agents.retrieval.data import Sequences, UserItems
from shopgym.agents.retrieval.ease import Ease
from shopgym.agents.retrieval.gru4rec import GRU4Rec
from shopgym.agents.retrieval.item_knn import ItemKNN
from shopgym.agents.retrieval.metrics import evaluate, evaluate_next, ranking_metrics
from shopgym.agents.retrieval.popular import Popular
from shopgym.agents.retrieval.recommender import Recommender
from shopgym.agents.retrieval.sasrec import SASRec
from shopgym.agents.retrieval.two_tower import TwoTower
from shopgym.policies.explorers import Softmax
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.retrieval import Model, Popularity, topk
from shopgym.policies.scorers import TableScorer
from shopgym.simulators import Catalog, Shop, ShopConfig

Found = Callable[[Model], Mapping[str, float]]


class Table:
    """Figures by model, over seeds."""

    def __init__(self) -> None:
        self.figures: dict[str, list[Mapping[str, float]]] = defaultdict(list)

    def add(self, name: str, recommender: Recommender, data: Sequences, seed: int, found: Found) -> None:
        """Fit, judge, and print the line so far."""
        start = time.process_time()
        model = recommender.fit(data, np.random.default_rng(seed))
        taken = time.process_time() - start
        self.told(name, {**found(model), "CPU-s": taken})

    def told(self, name: str, figures: Mapping[str, float]) -> None:
        """Print the line so far with one more seed's figures."""
        self.figures[name].append(figures)
        rows = self.figures[name]
        cells = (
            f"{what} {np.mean([row[what] for row in rows]):.4f} ({np.std([row[what] for row in rows]):.4f})"
            for what in rows[0]
        )
        print(f"{name}, {len(rows)} seeds: {', '.join(cells)}", flush=True)


def movielens(folder: str, seeds: int) -> None:
    """Users' hidden items, MovieLens 100K."""
    table = Table()
    for seed in range(seeds):
        split = ml100k(folder, seed)

        def found(model: Model, split: object = split) -> Mapping[str, float]:
            got = evaluate(model, split.train, split.answers, 10, hide=split.hidden)  # type: ignore[attr-defined]
            return {name: got[name] for name in ("recall@10", "ndcg@10")}

        for name, recommender in (
            ("popularity", Popular()),
            ("item-KNN", ItemKNN()),
            ("item-KNN, 200 neighbours", ItemKNN(200)),
            ("EASE", Ease()),
            ("ALS", ALS()),
            ("ALS, 64 factors, ridge 8", ALS(64, ridge=8.0)),
            ("BPR", BPR()),
        ):
            table.add(name, recommender, split.train, seed, found)


def sessions(folder: str, seeds: int, device: str) -> None:
    """The next item of a session, yoochoose: tested on the last day."""
    train, test = yoochoose(folder)
    _, later = by_time(train)
    print(f"train {len(train)} sessions, {len(train.items)} clicks, {train.num_items} items; ", end="")
    print(f"test {len(test)} sessions, {len(test.steps(1)[1])} answers; chosen on {len(later)} sessions")

    def found(model: Model, h: int = 20) -> Mapping[str, float]:
        every, new = (evaluate_next(model, test, 20, h, again=again) for again in (True, False))
        figures = {name: every[name] for name in ("recall@20", "mrr@20", "coverage@20")}
        return figures | {
            f"{name} of items new to the session": new[name] for name in ("recall@20", "mrr@20")
        }

    table = Table()
    table.add("popularity", Popular(), train, 0, found)
    table.add("item-KNN", ItemKNN(shrink=50.0), train, 0, found)
    itself = ItemKNN(shrink=50.0, itself=1.0)
    table.add("item-KNN, which ranks what was opened too", itself, train, 0, found)
    table.add("the same, of the last item alone", itself, train, 0, lambda model: found(model, 1))
    table.add("EASE", Ease(ridge=20.0), train, 0, found)
    for seed in range(seeds):
        table.add("GRU4Rec", GRU4Rec(rate=0.005, device=device), train, seed, found)
        table.add("SASRec", SASRec(epochs=8, device=device), train, seed, found)


def cold(seeds: int, device: str) -> None:
    """New items and new users of the shop: a tenth of each is kept out of training.

    The log is of a uniformly random policy on the shipped catalogue. Items are known by their features
    but for their popularity, which nobody knows of a new item.
    """
    items, log = _shop_log()
    known = [name for name in items.feature_names if name != "popularity"]
    features = np.stack([items.feature(name) for name in known], axis=1)
    sales = Popularity(items.popularity[None].astype(np.float32), 0, np.zeros(0, np.float32))
    table, n = Table(), len(items)
    for seed in range(seeds):
        rng = np.random.default_rng(100 + seed)
        new_item, new_user = rng.random(n) < 0.1, rng.random(len(log)) < 0.1
        old = log.take(~new_user)
        train = old.entries(~new_item[old.items])
        strangers = log.take(new_user)
        nothing = strangers.entries(np.zeros(len(strangers.items), np.bool_))
        answers = old.entries(new_item[old.items]).matrix()
        theirs = strangers.entries(~new_item[strangers.items]).matrix()

        def found(model: Model, a=train, b=nothing, x=answers, y=theirs, new=new_item):  # type: ignore[no-untyped-def]
            return {
                "recall@10 of new items": _recall(model, a, x, new),
                "recall@10 for new users": _recall(model, b, y, ~new),
            }

        chance = Popularity(rng.random((1, n)).astype(np.float32), 0, np.zeros(0, np.float32))
        table.told("chance", found(chance))
        table.told("the catalogue's sales, of new items too", found(sales))
        table.add("popularity", Popular(), train, seed, found)
        table.add("item-KNN", ItemKNN(shrink=20.0), train, seed, found)
        table.add("two towers", TwoTower(features, epochs=5, device=device), train, seed, found)


def _recall(model: Model, seen: Sequences, answers: UserItems, allowed: np.ndarray) -> float:
    ranked = topk(model.scores(seen.histories(20), seen.user), 10, allowed)[0]
    return ranking_metrics(ranked, answers, (10,))["recall@10"]


def _shop_log() -> tuple[object, Sequences]:
    catalog = Catalog.online_retail()
    items = catalog.items
    config = ShopConfig(users=5000, slate_size=10, num_candidates=50)
    shop = Shop(catalog, config, lanes=1000, seed=1)
    shop.start_visits()
    policy = SlatePolicy("random", items, TableScorer(np.zeros(len(items))), Softmax(), (InStock(),), 10)
    rng, parts = np.random.default_rng(0), []
    for tick in range(150):
        requests = shop.requests()
        slates = policy.slates(requests, rng)
        feedback, left, cut = shop.serve(slates)
        row, slot = np.nonzero(feedback.clicked)
        parts.append((requests.user_id[row], slates[row, slot], np.full(len(row), float(tick))))
        shop.start_visits(left | cut)
    user, item, when = (np.concatenate(column) for column in zip(*parts))
    _, first = np.unique(user * len(items) + item, return_index=True)  # each item once, when first opened
    first = np.sort(first)
    log = Sequences.from_events(owner=user[first], item=item[first], time=when[first], num_items=len(items))
    print(f"log of {len(log)} users and {len(log.items)} items opened, {len(items)} in the catalogue")
    return items, replace(log, user=shop.users.features[np.unique(user)].astype(np.float32))


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("which", choices=("movielens", "sessions", "cold"))
    parser.add_argument("folder", nargs="?", default="")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    if given.which == "movielens":
        movielens(given.folder, given.seeds)
    elif given.which == "sessions":
        sessions(given.folder, given.seeds, given.device)
    else:
        cold(given.seeds, given.device)


if __name__ == "__main__":
    main()
