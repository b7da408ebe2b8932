"""Offline evaluation of sequences: what an episode would have earned under a target policy."""

from .distribution import Distribution, PredictedReturns, ReturnDistribution, return_distribution
from .episodes import Episodes, Target
from .estimators import SEQUENCE_ESTIMATORS, evaluate_sequences
from .fqe import FittedQ, Regressor, RidgeRegressor, cross_fitted_q, fitted_q
from .inputs import sequence_inputs, weigh_sequences
from .linear import LinearValue, linear_value
from .readers import decision_ratios, episodes_from_decisions, episodes_from_records, episodes_from_table
from .slates import slate_sequence_inputs
from .tabular import tabular_inputs, tabular_state_ratio
from .weightings import Marginal, PerDecision, Trajectory

__all__ = [
    "SEQUENCE_ESTIMATORS",
    "Distribution",
    "Episodes",
    "FittedQ",
    "LinearValue",
    "Marginal",
    "PerDecision",
    "PredictedReturns",
    "Regressor",
    "ReturnDistribution",
    "RidgeRegressor",
    "Target",
    "Trajectory",
    "cross_fitted_q",
    "decision_ratios",
    "episodes_from_decisions",
    "episodes_from_records",
    "episodes_from_table",
    "evaluate_sequences",
    "fitted_q",
    "linear_value",
    "return_distribution",
    "sequence_inputs",
    "slate_sequence_inputs",
    "tabular_inputs",
    "tabular_state_ratio",
    "weigh_sequences",
]
