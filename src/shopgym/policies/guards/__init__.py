"""Guards: rules that remove candidates before the first slot and between the slots.

They act inside the sampler, so the logged propensities are those of the guarded policy.
"""

from .audience_rules import AgeLimit, BrandSafety, Consent
from .candidate_rules import InStock, MarginFloor, PriceFloor
from .counted_rules import DiscountBudget, ExposureFloor, FrequencyCap
from .counters import GuardCounters, Sales, open_counters, open_counters_of
from .interventions import Interventions
from .page_rules import CategoryCap
from .registry import GUARDS, bind_guards, check_columns, guard_from_spec, guard_spec
from .rule import Guard, allowed_at_all, allowed_next

__all__ = [
    "GUARDS",
    "AgeLimit",
    "BrandSafety",
    "CategoryCap",
    "Consent",
    "DiscountBudget",
    "ExposureFloor",
    "FrequencyCap",
    "Guard",
    "GuardCounters",
    "InStock",
    "Interventions",
    "MarginFloor",
    "PriceFloor",
    "Sales",
    "allowed_at_all",
    "allowed_next",
    "bind_guards",
    "check_columns",
    "guard_from_spec",
    "guard_spec",
    "open_counters",
    "open_counters_of",
]
