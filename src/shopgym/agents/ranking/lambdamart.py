"""LambdaMART: boosted trees that rank slots with the outcome above those without."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from scipy.special import expit

from ...core.errors import in_range
from ...core.types import F64, I64, AnyArray
from ...policies.scorers import Scorer, TreeScorer
from ..task import Task
from .features import deep_features
from .holdout_buffer import Rows
from .ranker import RankingAgent


class LambdaMART(RankingAgent):
    """Gradient-boosted trees on the lambdas of NDCG (Burges 2010, sec. 6 and 7), grown by lightgbm.

    For slots i and j of a page, where i had the outcome and j did not, with scores s and attention a:
    lambda_ij = sigmoid(s_j - s_i) x |change of NDCG if they swapped| / a_i. Dividing by the attention of i
    corrects for upper slots being chosen more often (Joachims et al. 2017, eq. 5).

    The scores are no probabilities, so they are calibrated by default.

    Args:
        trees, leaves: number of trees, and of leaves in each.
        step: shrinkage of each tree; ``least``: minimum number of rows in a leaf.
        ridge: penalty on leaf values.
        options: see :class:`.RankingAgent`.
    """

    name = "lambdamart"
    default_calibration = "platt"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        trees: int = 100,
        leaves: int = 15,
        step: float = 0.1,
        least: int = 20,
        ridge: float = 1.0,
        **options: Any,
    ) -> None:
        in_range("lambdamart.trees", trees, 1, 100_000)
        in_range("lambdamart.leaves", leaves, 2, 100_000)
        in_range("lambdamart.step", step, 0.0, 1.0, open_low=True)
        in_range("lambdamart.least", least, 1, 1e9)
        in_range("lambdamart.ridge", ridge, 0.0, 1e12)
        super().__init__(task, rng, deep_features(task), **options)
        self.trees = trees
        self.settings = {
            "num_leaves": leaves,
            "learning_rate": step,
            "min_data_in_leaf": least,
            "min_sum_hessian_in_leaf": 1e-3,
            "lambda_l2": ridge,
            "use_missing": False,
            "feature_pre_filter": False,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }

    def fit(self, rows: Rows, holdout: Rows) -> Scorer | None:
        rows = rows.select(comparable(rows))
        if not len(rows):
            return None
        lambdas = Lambdas(rows)
        data = lightgbm.Dataset(
            rows.x.astype(np.float64), rows.y, params=dict(self.settings), free_raw_data=False
        )
        data.construct()
        # with too few rows no feature has two bins, and lightgbm would stop with an error
        if not any(data.feature_num_bin(f) > 1 for f in range(data.num_feature())):
            return None
        booster = lightgbm.train(
            {**self.settings, "objective": lambda scores, _: lambdas.gradient(scores)}, data, self.trees
        )
        return tree_scorer(booster, self)

    def predict(self, model: Scorer, x: AnyArray) -> F64:
        assert isinstance(model, TreeScorer)
        return model.evaluate(x.astype(np.float64))


def comparable(rows: Rows) -> AnyArray:
    """(r,) whether the row's page has slots of both outcomes; other pages say nothing about the order."""
    _, page = np.unique(rows.page, return_inverse=True)
    happened = np.bincount(page, rows.y)
    mixed = (happened > 0) & (happened < np.bincount(page))
    return np.asarray(mixed[page])


class Lambdas:
    """Gradients of the scores of r slots, page by page.

    Args:
        rows: slots of comparable pages.
    """

    def __init__(self, rows: Rows) -> None:
        _, page, size = np.unique(rows.page, return_inverse=True, return_counts=True)
        k, self.count = int(size.max()), len(rows)
        column = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
        self.row_of_slot: I64 = np.full((len(size), k), len(rows))  # the index after the last row is padding
        self.row_of_slot[page, column] = np.arange(len(rows))
        y, attention = (
            np.append(rows.y, -1.0)[self.row_of_slot],
            np.append(rows.attention, 1.0)[self.row_of_slot],
        )
        self.filled = y >= 0
        discount = 1.0 / np.log2(np.arange(k) + 2.0)
        best = np.cumsum(discount)[(y > 0).sum(axis=1) - 1]
        # pairs (i, j) with i chosen and j not, over the best possible DCG
        pair = (y[:, :, None] > 0) & (y[:, None, :] == 0)
        self.weight: F64 = pair / attention[:, :, None] / best[:, None, None]

    def gradient(self, scores: F64) -> tuple[F64, F64]:
        """(r,) first and second derivatives of the loss, for lightgbm."""
        s = np.append(scores, 0.0)[self.row_of_slot]
        order = np.argsort(np.where(self.filled, -s, np.inf), axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(s.shape[1])[None, :], axis=1)
        discount = 1.0 / np.log2(rank + 2.0)
        change = self.weight * abs(discount[:, :, None] - discount[:, None, :])
        p = expit(s[:, None, :] - s[:, :, None])
        lambdas, curvature = p * change, p * (1.0 - p) * change
        gradients, hessians = np.zeros(self.count + 1), np.zeros(self.count + 1)
        gradients[self.row_of_slot] = lambdas.sum(axis=1) - lambdas.sum(axis=2)
        hessians[self.row_of_slot] = curvature.sum(axis=1) + curvature.sum(axis=2)
        return gradients[:-1], hessians[:-1]


def tree_scorer(booster: Any, ranker: RankingAgent) -> TreeScorer:
    """lightgbm's trees as arrays of nodes, one tree after another."""
    roots: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    children: list[list[int]] = []
    value: list[float] = []
    max_depth = 0

    def grow(node: dict[str, Any], depth: int) -> int:
        nonlocal max_depth
        max_depth, column = max(max_depth, depth), len(value)
        feature.append(node.get("split_feature", 0))
        threshold.append(node.get("threshold", np.inf))
        value.append(node.get("leaf_value", 0.0))
        children.append([column, column])
        if "left_child" in node:
            children[column] = [grow(node[side], depth + 1) for side in ("left_child", "right_child")]
        return column

    roots += [grow(tree["tree_structure"], 0) for tree in booster.dump_model()["tree_info"]]
    return TreeScorer(
        ranker.features,
        ranker.task.items,
        np.array(roots, np.int32),
        np.array(feature, np.int32),
        np.array(threshold, np.float64),
        np.array(children, np.int32).reshape(-1, 2),
        np.array(value, np.float64),
        max_depth,
    )
