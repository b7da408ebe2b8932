"""Retrieval models leave in a bundle and are served without what trained them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders.bundles import CONTEXT, UNIT, USER, random_requests, small_items

from shopgym.agents.retrieval.als import ALS
from shopgym.agents.retrieval.data import Sequences
from shopgym.agents.retrieval.ease import Ease
from shopgym.agents.retrieval.item_knn import ItemKNN
from shopgym.agents.retrieval.recommender import Recommender
from shopgym.core import InvalidInput
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import HistoryScorer
from shopgym.policies.serving.bundle import load_bundle, write_bundle

N = 30


def recommenders() -> list[Recommender]:
    """All models; those that torch trains only where it is installed."""
    known: list[Recommender] = [ItemKNN(), Ease(), ALS(factors=4)]
    try:
        from shopgym.agents.retrieval.gru4rec import GRU4Rec
        from shopgym.agents.retrieval.sasrec import SASRec
        from shopgym.agents.retrieval.two_tower import TwoTower
    except ModuleNotFoundError:
        return known
    known += [SASRec(dim=8, epochs=1), GRU4Rec(dim=8, epochs=1)]
    return [*known, TwoTower(small_items(N).features, dim=8, epochs=1)]


@pytest.mark.parametrize("recommender", recommenders(), ids=lambda one: type(one).__name__)
def test_a_bundle_decides_as_the_policy_did(recommender: Recommender, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(size=(50, len(USER))).astype(np.float32)
    data = Sequences.from_lists((rng.permutation(N)[:6].tolist() for _ in range(50)), N, user=people)
    scorer = HistoryScorer(recommender.fit(data, rng))
    policy = SlatePolicy("history", small_items(N), scorer, PlackettLuceRanking(), (InStock(),), 3)
    requests = random_requests(policy, 25, 8, rng)
    requests = replace(requests, history=rng.integers(-1, N, (25, 5)).astype(np.int32))
    write_bundle(
        tmp_path / "bundle",
        policy,
        golden_requests=requests,
        user_names=USER,
        context_names=CONTEXT,
        unit=UNIT,
        config_hash="c0ffee",
    )
    loaded = load_bundle(tmp_path / "bundle").policy  # its golden cases were decided again
    a, b = (one.decide(requests, np.random.default_rng(1)) for one in (policy, loaded))
    np.testing.assert_array_equal(a.slates, b.slates)
    np.testing.assert_array_equal(a.propensities, b.propensities)
    with pytest.raises(InvalidInput, match="history"):
        loaded.decide(replace(requests, history=None), np.random.default_rng(1))


def test_models_without_torch_need_no_torch() -> None:
    code = "import shopgym.agents.retrieval.agents, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch" not in done.stdout.split()
