"""Online tests in the shop: real policies, one shared stock, and the truth beside the answer."""

from .config import AbtestConfig
from .run import AbtestResult, run_abtest

__all__ = ["AbtestConfig", "AbtestResult", "run_abtest"]
