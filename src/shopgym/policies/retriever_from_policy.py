"""A ranking policy as a retriever: the model that ranks candidates can also find them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ..core.errors import InvalidInput
from ..core.types import F64
from .policy import SlatePolicy
from .retrieval.embedding import Embedding
from .retrieval.ivf import IVF
from .retrieval.linear_retriever import LinearRetriever
from .retrieval.model import Model
from .retrieval.popularity import Popularity
from .retrieval.retriever import Retriever
from .scorers import HistoryScorer, LinearScorer, TableScorer

INDEX_FROM = 100_000
"""Catalogues of so many items get an index."""


def retriever_of(
    policy: SlatePolicy, count: int, rng: Generator, *, index_from: int = INDEX_FROM
) -> Retriever:
    """The retriever of the items that ``policy`` scores highest, without its exploration.

    Args:
        policy: ranks by a model of histories, by one number per item, or linearly. Of several linear models
            the mean is used; a confidence width such as LinUCB's is ignored.
        count: m, how many items are retrieved.
        rng: for building the index.
        index_from: a vector model of so many items gets an index.

    Raises:
        InvalidInput: the policy ranks otherwise.
    """
    model = _model(policy)
    index = None
    if isinstance(model, Embedding) and model.num_items >= index_from:
        index = IVF.build(model.vectors, model.bias, rng)
    return Retriever(model, count, index)


def _model(policy: SlatePolicy) -> Model:
    scorer = policy.scorer
    if isinstance(scorer, HistoryScorer):
        return scorer.model
    if isinstance(scorer, TableScorer):
        return Popularity(scorer.values.astype(np.float32)[None], 0, np.zeros(0, np.float32))
    if not isinstance(scorer, LinearScorer) or scorer.link != "identity":
        raise InvalidInput(
            "retrieve.agent",
            policy.name,
            "choose one that ranks linearly, by histories or by one number per item: linucb, als, popularity",
        )
    features = scorer.features
    if any(column.startswith("live") for term in features.terms for column in term):
        fix = "retrieved items have no live values: choose an agent without live features"
        raise InvalidInput("retrieve.agent", policy.name, fix)
    vectors: F64 = scorer.item_side * scorer.value[:, None]
    return LinearRetriever(
        vectors.astype(np.float32),
        np.zeros(len(vectors), np.float32),
        scorer.theta.mean(axis=0).astype(np.float32),
        features.request_columns,
        len(features.user_names) + len(features.context_names),
    )
