"""Inputs for single actions in special settings: every estimator can be had on each of them."""

from .balance import balanced_inputs
from .conjunct import conjunct_inputs
from .continuous import KERNELS, kernel_inputs
from .loggers import logger_inputs
from .marginal import marginal_inputs, select_embedding
from .pairwise import two_step_model

__all__ = [
    "KERNELS",
    "balanced_inputs",
    "conjunct_inputs",
    "kernel_inputs",
    "logger_inputs",
    "marginal_inputs",
    "select_embedding",
    "two_step_model",
]
