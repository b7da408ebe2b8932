"""One turn of Vowpal Wabbit, bare and through ours, printed as JSON; see bench_bandits.py."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from itertools import accumulate

from _measure import one_thread

one_thread()

import numpy as np  # noqa: E402
import vowpalwabbit  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.agents.bandits.vw_online import OnlineVowpalWabbit  # noqa: E402
from shopgym.core import Decisions, Interactions, Requests  # noqa: E402
from shopgym.core.items import Items  # noqa: E402
from shopgym.policies.decision_log.log import DecisionLog  # noqa: E402

ACTIONS, FEATURES, PART = 10, 20, 300
ARGUMENTS = "--cb_explore_adf --epsilon 0.1 --cb_type mtr --noconstant --quiet -b 18"


def texts(n: int) -> list[str]:
    """n examples of ``ACTIONS`` lines with ``FEATURES`` numbers."""
    line = "|f " + " ".join(f"f{at}:%.6g" for at in range(FEATURES))
    x = np.random.default_rng(0).standard_normal((n, ACTIONS, FEATURES))
    return ["\n".join(line % tuple(row) for row in one) for one in x.tolist()]


def bare(examples: list[str], uniform: list[float]) -> float:
    """Decisions per CPU second: parse once, predict, draw, label, learn."""
    workspace = vowpalwabbit.Workspace(ARGUMENTS)
    label = vowpalwabbit.LabelType.CONTEXTUAL_BANDIT
    started = time.process_time()
    for text, u in zip(examples, uniform):
        example = workspace.parse(text, label)
        pmf = workspace.predict(example)
        at = sum(1 for total in accumulate(pmf) if total < u)
        action = min(at, len(pmf) - 1)
        cost = -1.0 if action == 0 else 0.0
        example[action].set_label_string(f"0:{cost}:{pmf[action]}")
        workspace.learn(example)
        workspace.finish_example(example)
    return len(examples) / (time.process_time() - started)


def ours(examples: list[str], uniform: list[float]) -> float:
    """The same through :class:`OnlineVowpalWabbit`."""
    online = OnlineVowpalWabbit(ARGUMENTS)
    started = time.process_time()
    for text, u in zip(examples, uniform):
        action, _ = online.act(text, u)
        online.learn(-1.0 if action == 0 else 0.0)
    return len(examples) / (time.process_time() - started)


def from_numbers(n: int) -> float:
    """Decisions per CPU second when the texts have to be made too, as online they have to."""
    started = time.process_time()
    online = OnlineVowpalWabbit(ARGUMENTS)
    for text in texts(n):
        action, _ = online.act(text, 0.5)
        online.learn(-1.0 if action == 0 else 0.0)
    return n / (time.process_time() - started)


def logged(n: int) -> tuple[Task, DecisionLog]:
    """n decisions of one slot among ``ACTIONS`` items, features of the linear agents: ``FEATURES``."""
    rng = np.random.default_rng(0)
    columns, users = FEATURES // 2, FEATURES // 2 - 1
    names = np.array([f"i{at}" for at in range(ACTIONS)])
    items = Items(
        item_id=names,
        name=names,
        category=np.zeros(ACTIONS, np.int32),
        price=np.ones(ACTIONS),
        unit_cost=np.zeros(ACTIONS),
        popularity=np.full(ACTIONS, 1 / ACTIONS),
        features=rng.standard_normal((ACTIONS, columns)).astype(np.float32),
        category_names=("all",),
        feature_names=tuple(f"embedding_{at}" for at in range(columns)),
    )
    task = Task(items, tuple(f"taste_{at}" for at in range(users)), (), 1)
    assert len(task.features) == FEATURES
    at = rng.integers(ACTIONS, size=(n, 1)).astype(np.int32)
    candidates = np.tile(np.arange(ACTIONS, dtype=np.int32), (n, 1))
    requests = Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.zeros(n, np.int64),
        user=rng.standard_normal((n, users)).astype(np.float32),
        context=np.zeros((n, 0), np.float32),
        candidates=candidates,
        in_stock=np.ones(candidates.shape, bool),
        time=np.zeros(n),
    )
    batch = Interactions(requests, Decisions(at, at, np.full(at.shape, 0.1)), rng.random(at.shape))
    about = {"policy_hash": "0", "policy_name": "random", "config_hash": "0"}
    log = DecisionLog.from_interactions(
        batch, items=items, unit="1", user_names=task.user_names, context_names=(), **about
    )
    return task, log


def main(decisions: int) -> None:
    """Print decisions per CPU second."""
    examples, uniform = texts(decisions), np.random.default_rng(1).random(decisions).tolist()
    rates: dict[str, list[float]] = {"bare loop, texts given": [], "online, texts given": []}
    loops = list(zip(rates.values(), (bare, ours)))
    for start in range(0, decisions, PART):  # alternating: the machine's speed comes and goes
        part = slice(start, start + PART)
        for found, loop in loops:
            found.append(loop(examples[part], uniform[part]))
        loops.reverse()
    figures = {name: float(np.median(found)) for name, found in rates.items()}
    figures["online"] = from_numbers(decisions)
    task, log = logged(10 * decisions)
    for cb_type, rows in (("mtr", log), ("dr", log.take(slice(0, decisions)))):
        agent = make_agent("vw", task, np.random.default_rng(0), cb_type=cb_type)
        started = time.process_time()
        agent.train_file(rows)  # type: ignore[attr-defined]
        figures[f"log by file, {cb_type}"] = len(rows) / (time.process_time() - started)
    print(json.dumps({"figures": figures, "versions": {"vowpalwabbit": version("vowpalwabbit")}}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
