"""Metrics: one definition each, for every room that reports them. Arrays in, numbers out.

- :mod:`.ranking`: how well rankings find what is relevant (recall, precision, NDCG, MAP, MRR, hit rate);
- :mod:`.ndcg`: NDCG of scores that may tie;
- :mod:`.business`: what a business asks of a deployment (conversion, margin, retention, stockouts, ...);
- :mod:`.exposure`: what was shown, to whom and how often (coverage, Gini, entropy, novelty, serendipity,
  diversity, exposure by group, parity of outcomes).
"""

from .business import BUSINESS_METRICS, BusinessMetric, ShopTotals, business_metrics
from .exposure import (
    coverage,
    entropy,
    exposure_by_group,
    exposures,
    novelty,
    outcome_parity,
    pair_diversity,
    serendipity,
)
from .ndcg import ndcg
from .ranking import RANKING_METRICS, per_ranking

__all__ = [
    "BUSINESS_METRICS",
    "RANKING_METRICS",
    "BusinessMetric",
    "ShopTotals",
    "business_metrics",
    "coverage",
    "entropy",
    "exposure_by_group",
    "exposures",
    "ndcg",
    "novelty",
    "outcome_parity",
    "pair_diversity",
    "per_ranking",
    "serendipity",
]
