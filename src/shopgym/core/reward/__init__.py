"""What a reward says: terms, weights, a north star, limits; and the arithmetic that keeps it sound."""

from .costs import CostLimit, ItemGroup
from .north_star import NorthStar
from .read import read_spec
from .spec import RewardSpec
from .terms import TERMS, UNITS, Term, own_term

__all__ = [
    "TERMS",
    "UNITS",
    "CostLimit",
    "ItemGroup",
    "NorthStar",
    "RewardSpec",
    "Term",
    "own_term",
    "read_spec",
]
