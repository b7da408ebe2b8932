"""Several policies, rewards, segments and periods on one log: one table, whose intervals hold together."""

from .groups import Period
from .rows import Family, JointTable, Options, Row, compare_policies

__all__ = ["Family", "JointTable", "Options", "Period", "Row", "compare_policies"]
